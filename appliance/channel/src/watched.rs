//! Which heads an audience sees, said among the workers of a box: no worker knows another one's program, and `control`,
//! which knows them all, may be away.
//!
//! Each head has a file in a folder that all workers share. Who has it on air holds a shared lock on it, which the kernel
//! lets go when the worker ends, however that is. Who would move it asks whether anybody does.

use automation::spec::PtzControl;
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The heads that this worker's audience sees, and a look at those of others.
#[derive(Debug)]
pub struct Watched {
    folder: PathBuf,
    held: BTreeMap<PathBuf, File>,
}

impl Watched {
    /// In this run folder.
    pub fn new(run: &Path) -> Watched {
        Watched { folder: run.join("heads"), held: BTreeMap::new() }
    }

    /// From now on the audience sees these heads, and no others. What cannot be locked at this moment, because somebody asks
    /// for it, is by the next call.
    pub fn hold<'a>(&mut self, heads: impl Iterator<Item = &'a PtzControl>) {
        let wanted: Vec<PathBuf> = heads.map(|head| self.path(head)).collect();
        self.held.retain(|path, _| wanted.contains(path));
        for path in wanted {
            if !self.held.contains_key(&path)
                && let Some(file) = self.locked(&path, FlockOperation::NonBlockingLockShared)
            {
                self.held.insert(path, file);
            }
        }
    }

    /// Whether the audience of another channel sees this head.
    pub fn is_seen_elsewhere(&self, head: &PtzControl) -> bool {
        let path = self.path(head);
        // What our own audience sees, the director knows.
        !self.held.contains_key(&path)
            && path.exists()
            && self.locked(&path, FlockOperation::NonBlockingLockExclusive).is_none()
    }

    fn locked(&self, path: &Path, how: FlockOperation) -> Option<File> {
        let _ = DirBuilder::new().mode(0o700).create(&self.folder);
        let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        let file = open.inspect_err(|error| tracing::warn!(%error, "heads on air are not told to others")).ok()?;
        flock(&file, how).ok().map(|()| file)
    }

    /// Named by a number: an address may hold anything.
    fn path(&self, head: &PtzControl) -> PathBuf {
        let mut hash = DefaultHasher::new();
        match head {
            // A camera has one head, however many services and profiles it offers.
            PtzControl::Onvif { device, .. } => device.hash(&mut hash),
            PtzControl::Visca { address, .. } => address.hash(&mut hash),
        }
        self.folder.join(format!("{:016x}", hash.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use automation::spec::ViscaTransport;

    #[test]
    fn a_head_is_seen_by_others_for_as_long_as_it_is_on_air() {
        let visca = |address: &str| PtzControl::Visca { address: address.into(), transport: ViscaTransport::Udp };
        let (left, right) = (visca("10.0.0.7:52381"), visca("10.0.0.8:52381"));
        let folder = tempfile::tempdir().unwrap();
        let (mut one, mut two) = (Watched::new(folder.path()), Watched::new(folder.path()));
        assert!(!two.is_seen_elsewhere(&left), "nobody has said anything");
        one.hold([&left].into_iter());
        one.hold([&left].into_iter());
        assert!(two.is_seen_elsewhere(&left) && !two.is_seen_elsewhere(&right));
        assert!(!one.is_seen_elsewhere(&left), "that it is on air here is not another's");
        two.hold([&left, &right].into_iter());
        one.hold([].into_iter());
        assert!(one.is_seen_elsewhere(&left) && one.is_seen_elsewhere(&right), "both may have it on air");
        drop(two);
        assert!(!one.is_seen_elsewhere(&left), "a worker that ends lets go");
    }
}
