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
use std::time::Duration;

/// Whoever asks holds the lock for a moment: two that ask at once ask again.
const ASKS: u32 = 4;
const BETWEEN_ASKS: Duration = Duration::from_millis(3);

/// The heads that this worker's audience sees, and a look at those of others.
#[derive(Debug)]
pub struct Watched {
    folder: PathBuf,
    held: BTreeMap<PathBuf, File>,
    /// That files cannot be had was said.
    warned: bool,
}

impl Watched {
    /// In this run folder.
    pub fn new(run: &Path) -> Watched {
        Watched { folder: run.join("heads"), held: BTreeMap::new(), warned: false }
    }

    /// From now on the audience sees these heads, and no others. What cannot be locked at this moment, because somebody asks
    /// for it, is by the next call.
    pub fn hold<'a>(&mut self, heads: impl Iterator<Item = &'a PtzControl>) {
        let wanted: Vec<PathBuf> = heads.map(|head| self.path(head)).collect();
        self.held.retain(|path, _| wanted.contains(path));
        for path in wanted {
            if !self.held.contains_key(&path)
                && let Ok(Some(file)) = self.locked(&path, FlockOperation::NonBlockingLockShared)
            {
                self.held.insert(path, file);
            }
        }
    }

    /// Whether the audience of another channel sees this head. What our own sees, the director knows.
    pub fn is_seen_elsewhere(&mut self, head: &PtzControl) -> bool {
        let path = self.path(head);
        // Our own lock would be in the way; where it is still wanted, the next turn takes it again.
        self.held.remove(&path);
        if !path.exists() {
            return false;
        }
        for _ in 0..ASKS {
            match self.locked(&path, FlockOperation::NonBlockingLockExclusive) {
                Ok(None) => std::thread::sleep(BETWEEN_ASKS),
                // What cannot be known stops no camera.
                Ok(Some(_)) | Err(_) => return false,
            }
        }
        true
    }

    /// The file, locked; none where another one holds it.
    fn locked(&mut self, path: &Path, how: FlockOperation) -> std::io::Result<Option<File>> {
        let _ = DirBuilder::new().mode(0o700).create(&self.folder);
        let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        let file = open.inspect_err(|error| {
            if !std::mem::replace(&mut self.warned, true) {
                tracing::warn!(%error, "which heads are on air is not told to other channels");
            }
        })?;
        match flock(&file, how) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Named by a number: an address may hold anything.
    fn path(&self, head: &PtzControl) -> PathBuf {
        let mut hash = DefaultHasher::new();
        head.place().hash(&mut hash);
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
        one.hold([&left].into_iter());
        assert!(one.is_seen_elsewhere(&left), "on air here and there");
        one.hold([&left].into_iter());
        assert!(two.is_seen_elsewhere(&left), "and it holds on after it has asked");
        drop(two);
        assert!(!one.is_seen_elsewhere(&left), "a worker that ends lets go");
    }
}
