//! The folder of a file destination: names, limits, and what goes when there is too much.

use automation::fault::{Code, Fault};
use rustix::fs::statvfs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder may have no more files of ours: with the shortest parts this is half a year.
const PARTS_MAX: usize = 250_000;

/// What a folder may take, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// All parts together.
    pub(super) keep: u64,
    /// What stays free on the medium.
    pub(super) leave: u64,
}

/// A part that is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    /// Parts are ordered by it: clocks may be wrong.
    number: u64,
    path: PathBuf,
    bytes: u64,
}

/// The folder, with the stem and ending of its names.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    stem: String,
    ending: &'static str,
    limits: Limits,
}

/// What a failed write means.
pub(super) fn judge(error: &io::Error, what: &str) -> Fault {
    tracing::debug!(%error, what, "a file cannot be written");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Fault::new(Code::DestinationDiskFull, ""),
        _ => Fault::new(Code::DestinationDiskFailed, "").with_text(format!("{what}: {error}.")),
    }
}

impl Folder {
    pub(super) fn new(path: PathBuf, stem: &str, ending: &'static str, limits: Limits) -> Folder {
        Folder { path, stem: stem.to_owned(), ending, limits }
    }

    /// Makes the folder where it is not there, and room for what comes.
    pub(super) fn prepare(&self) -> Result<(), Fault> {
        std::fs::create_dir_all(&self.path).map_err(|error| judge(&error, "The folder cannot be made"))?;
        self.make_room(None)
    }

    /// Path of the next part. `stamp` is the time of day, for people.
    pub(super) fn next(&self, stamp: &str) -> Result<PathBuf, Fault> {
        let parts = self.parts().map_err(|error| judge(&error, "The folder cannot be read"))?;
        let number = parts.last().map_or(1, |part| part.number + 1);
        Ok(self.path.join(format!("{}-{number:06}-{stamp}.{}", self.stem, self.ending)))
    }

    /// Removes the oldest parts until the limits hold; `current` is being written and stays. A fault where they cannot
    /// hold: what is free is less than shall stay free.
    pub(super) fn make_room(&self, current: Option<&Path>) -> Result<(), Fault> {
        let unread = |error: io::Error| judge(&error, "The folder cannot be read");
        let mut parts = self.parts().map_err(unread)?;
        let mut kept: u64 = parts.iter().map(|part| part.bytes).sum();
        parts.retain(|part| Some(part.path.as_path()) != current);
        let mut oldest = parts.into_iter();
        loop {
            let free = self.free().map_err(unread)?;
            if kept <= self.limits.keep && free >= self.limits.leave {
                return Ok(());
            }
            let Some(part) = oldest.next() else {
                let short = free < self.limits.leave;
                return if short { Err(Fault::new(Code::DestinationDiskFull, "")) } else { Ok(()) };
            };
            tracing::info!(part = %part.path.display(), "an old file goes, to make room");
            std::fs::remove_file(&part.path).map_err(|error| judge(&error, "An old file cannot be removed"))?;
            kept = kept.saturating_sub(part.bytes);
        }
    }

    /// Whether there is room and leave to write.
    pub(super) fn is_ready(&self) -> bool {
        self.prepare().is_ok()
    }

    /// Makes the name of a new part last.
    pub(super) fn sync(&self) -> io::Result<()> {
        std::fs::File::open(&self.path)?.sync_all()
    }

    fn free(&self) -> io::Result<u64> {
        let about = statvfs(&self.path)?;
        Ok(about.f_bavail.saturating_mul(about.f_frsize))
    }

    /// Our parts, oldest first. Other files are nobody's business.
    fn parts(&self) -> io::Result<Vec<Part>> {
        let mut parts = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(number) = name.to_str().and_then(|name| self.number(name)) else { continue };
            // One that goes in this moment is none.
            let Ok(about) = entry.metadata() else { continue };
            parts.push(Part { number, path: entry.path(), bytes: about.len() });
            if parts.len() >= PARTS_MAX {
                break;
            }
        }
        parts.sort();
        Ok(parts)
    }

    fn number(&self, name: &str) -> Option<u64> {
        let rest = name.strip_prefix(self.stem.as_str())?.strip_prefix('-')?;
        let (number, stamp) = rest.split_once('-')?;
        [".ts", ".mp4"].iter().find_map(|ending| stamp.strip_suffix(ending))?;
        (number.len() >= 6).then(|| number.parse().ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { keep: 1_000, leave: 1 };

    fn put(folder: &Path, name: &str, bytes: usize) {
        std::fs::write(folder.join(name), vec![0; bytes]).unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let list = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = list.collect();
        names.sort();
        names
    }

    #[test]
    fn the_oldest_go_by_their_number_and_nothing_else_goes() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("evenings");
        let folder = Folder::new(path.clone(), "main", "ts", LIMITS);
        folder.prepare().unwrap();
        assert!(folder.next("now").unwrap().ends_with("main-000001-now.ts"));
        // The clock was wrong for the third one; the second was in another format.
        for (name, bytes) in [
            ("main-000001-20260101-200000.ts", 400),
            ("main-000002-20260101-201000.mp4", 400),
            ("main-000003-19700101-000000.ts", 400),
            ("main-1-x.ts", 400),
            ("holiday.mp4", 4_000),
        ] {
            put(&path, name, bytes);
        }
        assert!(folder.next("now").unwrap().ends_with("main-000004-now.ts"));
        folder.make_room(Some(&path.join("main-000001-20260101-200000.ts"))).unwrap();
        let left = names(&path);
        let expected =
            ["holiday.mp4", "main-000001-20260101-200000.ts", "main-000003-19700101-000000.ts", "main-1-x.ts"];
        assert_eq!(left, expected, "what is being written stays");
        folder.make_room(None).unwrap();
        assert_eq!(names(&path), left, "800 bytes are within the limit");
    }

    #[test]
    fn a_medium_without_room_is_a_fault_and_what_cannot_be_written_another() {
        let scratch = tempfile::tempdir().unwrap();
        let full = Limits { leave: u64::MAX, ..LIMITS };
        let folder = Folder::new(scratch.path().join("a"), "main", "ts", full);
        assert_eq!(folder.prepare().unwrap_err().code, Code::DestinationDiskFull);
        assert!(!folder.is_ready());
        put(scratch.path(), "a-file", 1);
        let folder = Folder::new(scratch.path().join("a-file/b"), "main", "ts", LIMITS);
        assert_eq!(folder.prepare().unwrap_err().code, Code::DestinationDiskFailed);
    }
}
