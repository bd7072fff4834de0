//! The last spec, kept in the run folder so that the door works without `control`. It holds digests only,
//! and is readable by its owner alone all the same.

use automation::spec::IngestSpec;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use tracing::warn;

/// Largest file that is read: a spec of 256 streams is a tenth of it.
const BYTES_MAX: u64 = 1 << 20;

/// `ingest.spec.json` in the run folder.
#[derive(Debug)]
pub(crate) struct SpecFile {
    path: PathBuf,
}

impl SpecFile {
    /// The file in a run folder.
    pub(crate) fn new(run: &Path) -> SpecFile {
        SpecFile { path: run.join("ingest.spec.json") }
    }

    /// The spec that was kept; none where there is none, or none that can be read (the log says why).
    pub(crate) fn read(&self) -> Option<IngestSpec> {
        match self.try_read() {
            Ok(spec) => Some(spec),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                warn!(path = %self.path.display(), %error, "the kept plan cannot be read");
                None
            }
        }
    }

    fn try_read(&self) -> io::Result<IngestSpec> {
        if fs::metadata(&self.path)?.len() > BYTES_MAX {
            return Err(io::Error::other("it is too large"));
        }
        Ok(serde_json::from_slice(&fs::read(&self.path)?)?)
    }

    /// Keeps a spec: a new file takes the old one's place, so that a cut leaves one of the two.
    pub(crate) fn write(&self, spec: &IngestSpec) -> io::Result<()> {
        let new = self.path.with_extension("json.new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(spec)?)?;
        file.sync_data()?;
        fs::rename(&new, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_spec_is_kept_for_its_owner_alone() {
        let run = tempfile::tempdir().unwrap();
        let file = SpecFile::new(run.path());
        assert_eq!(file.read(), None);
        let spec = IngestSpec { generation: 3, streams: Vec::new() };
        fs::write(run.path().join("ingest.spec.json.new"), "left over").unwrap();
        file.write(&spec).unwrap();
        assert_eq!(file.read(), Some(spec));
        assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(run.path()).unwrap().count(), 1);
        fs::write(&file.path, "{\"generation\":").unwrap();
        assert_eq!(file.read(), None);
    }
}
