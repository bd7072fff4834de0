//! The folder of a file destination: names, limits, and what goes when there is too much.

use automation::fault::{Code, Fault};
use rustix::fs::statvfs;
use std::collections::{BTreeSet, VecDeque};
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
    /// Is there as long as the disk is; none for what the box runs from.
    disk: Option<PathBuf>,
    stem: String,
    ending: &'static str,
    limits: Limits,
    /// Parts that could not be removed.
    stuck: BTreeSet<PathBuf>,
}

/// What to do so that the limits hold.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// Parts that go.
    gone: Vec<Part>,
    /// Less stays free than shall, whatever goes.
    full: bool,
}

/// The oldest go where the parts together are too many. For what shall stay free on the medium they go only where that
/// helps, and the newest one never: what others fill the medium with shall not cost all that was recorded.
fn plan(parts: Vec<Part>, stays: impl Fn(&Part) -> bool, free: u64, limits: Limits) -> Plan {
    let mut kept: u64 = parts.iter().map(|part| part.bytes).sum();
    let mut oldest: VecDeque<Part> = parts.into_iter().filter(|part| !stays(part)).collect();
    let (mut gone, mut free) = (Vec::new(), free);
    while kept > limits.keep
        && let Some(part) = oldest.pop_front()
    {
        kept -= part.bytes;
        free += part.bytes;
        gone.push(part);
    }
    oldest.pop_back();
    let full = free + oldest.iter().map(|part| part.bytes).sum::<u64>() < limits.leave;
    while !full
        && free < limits.leave
        && let Some(part) = oldest.pop_front()
    {
        free += part.bytes;
        gone.push(part);
    }
    Plan { gone, full }
}

fn sync(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
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
        Folder { path, disk: None, stem: stem.to_owned(), ending, limits, stuck: BTreeSet::new() }
    }

    /// The same on a disk that may be pulled out: without the folder `disk` it is not there, and nothing is made in its place.
    pub(super) fn on(self, disk: Option<PathBuf>) -> Folder {
        Folder { disk, ..self }
    }

    /// Makes the folder where it is not there, and room for what comes.
    pub(super) fn prepare(&mut self) -> Result<(), Fault> {
        self.make()?;
        self.make_room(None)
    }

    /// Makes the folder where it is not there, so that its name lasts too.
    fn make(&self) -> Result<(), Fault> {
        let failed = |error: io::Error| judge(&error, "The folder cannot be made");
        self.is_there()?;
        if self.path.is_dir() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.path).map_err(failed)?;
        // The channel's folder may be new as well: its name is in the one above.
        self.path.ancestors().skip(1).take(2).try_for_each(sync).map_err(failed)
    }

    /// Whether the disk is there, for a folder that is on one.
    fn is_there(&self) -> Result<(), Fault> {
        match &self.disk {
            Some(disk) if !disk.is_dir() => Err(Fault::new(Code::DestinationDiskMissing, "")),
            _ => Ok(()),
        }
    }

    /// What a fault really is: a disk that was pulled out is not a broken one.
    pub(super) fn cause(&self, fault: Fault) -> Fault {
        self.is_there().err().unwrap_or(fault)
    }

    /// Path of the next part. `stamp` is the time of day, for people.
    pub(super) fn next(&self, stamp: &str) -> Result<PathBuf, Fault> {
        let parts = self.parts().map_err(|error| judge(&error, "The folder cannot be read"))?;
        let number = parts.last().map_or(1, |part| part.number + 1);
        Ok(self.path.join(format!("{}-{number:06}-{stamp}.{}", self.stem, self.ending)))
    }

    /// Removes the oldest parts that are too many; `current` is being written and stays. A fault where less is free than
    /// shall stay free, and no removal would help.
    pub(super) fn make_room(&mut self, current: Option<&Path>) -> Result<(), Fault> {
        let plan = self.plan(current)?;
        for part in plan.gone {
            self.remove(part);
        }
        if plan.full { Err(Fault::new(Code::DestinationDiskFull, "")) } else { Ok(()) }
    }

    fn plan(&self, current: Option<&Path>) -> Result<Plan, Fault> {
        let unread = |error: io::Error| judge(&error, "The folder cannot be read");
        let mut parts = self.parts().map_err(unread)?;
        parts.retain(|part| !self.stuck.contains(&part.path));
        let stays = |part: &Part| Some(part.path.as_path()) == current;
        Ok(plan(parts, stays, self.free().map_err(unread)?, self.limits))
    }

    /// Removes a part. One that cannot go counts no longer, or all others would have to go for it.
    fn remove(&mut self, part: Part) {
        tracing::info!(part = %part.path.display(), "an old file goes, to make room");
        match std::fs::remove_file(&part.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, part = %part.path.display(), "an old file cannot be removed");
                self.stuck.insert(part.path);
            }
            _ => {}
        }
    }

    /// Whether there is room and leave to write. It only looks: nothing goes before there is something to write.
    pub(super) fn is_ready(&self) -> bool {
        self.make().and_then(|()| self.plan(None)).is_ok_and(|plan| !plan.full)
    }

    /// Makes the name of a new part last.
    pub(super) fn sync(&self) -> io::Result<()> {
        sync(&self.path)
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
        let mut folder = Folder::new(path.clone(), "main", "ts", LIMITS);
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
        let mut folder = Folder::new(scratch.path().join("a"), "main", "ts", full);
        assert_eq!(folder.prepare().unwrap_err().code, Code::DestinationDiskFull);
        assert!(!folder.is_ready());
        put(scratch.path(), "a-file", 1);
        let mut folder = Folder::new(scratch.path().join("a-file/b"), "main", "ts", LIMITS);
        assert_eq!(folder.prepare().unwrap_err().code, Code::DestinationDiskFailed);
    }

    #[test]
    fn a_disk_that_is_not_there_is_told_and_nothing_is_made_in_its_place() {
        let scratch = tempfile::tempdir().unwrap();
        let disk = scratch.path().join("recordings/bandstand");
        let path = disk.join("main/evenings");
        let mut folder = Folder::new(path.clone(), "main", "ts", LIMITS).on(Some(disk.clone()));
        assert_eq!(folder.prepare().unwrap_err().code, Code::DestinationDiskMissing);
        assert!(!folder.is_ready() && !scratch.path().join("recordings").exists());
        std::fs::create_dir_all(&disk).unwrap();
        assert!(folder.is_ready());
        folder.prepare().unwrap();
        assert!(path.is_dir());
        // Pulled out while it was written to.
        std::fs::rename(&disk, scratch.path().join("gone")).unwrap();
        let fault = folder.make_room(None).unwrap_err();
        assert_eq!(folder.cause(fault).code, Code::DestinationDiskMissing);
    }

    #[test]
    fn the_oldest_go_where_that_helps_and_all_stay_where_it_does_not() {
        let part = |number: u64| Part { number, path: PathBuf::from(format!("{number}")), bytes: 100 };
        let check = |keep: u64, leave: u64, free: u64, expected: (&[u64], bool)| {
            let parts = (1..=5).map(part).collect();
            // The fifth is being written.
            let made = plan(parts, |part| part.number == 5, free, Limits { keep, leave });
            let gone: Vec<u64> = made.gone.iter().map(|part| part.number).collect();
            assert_eq!((gone.as_slice(), made.full), expected, "keep {keep}, leave {leave}, free {free}");
        };
        check(500, 10, 10, (&[], false));
        check(499, 10, 10, (&[1], false));
        check(1, 0, 10, (&[1, 2, 3, 4], false));
        check(500, 200, 10, (&[1, 2], false));
        // The newest whole one stays: what the others give is not enough.
        check(500, 310, 10, (&[1, 2, 3], false));
        check(500, 311, 10, (&[], true));
        check(400, 311, 10, (&[1], true));
    }

    #[test]
    fn a_knock_removes_nothing_and_what_is_gone_or_cannot_go_is_no_fault() {
        let scratch = tempfile::tempdir().unwrap();
        let mut folder = Folder::new(scratch.path().to_owned(), "main", "ts", LIMITS);
        // A folder of such a name cannot be removed like a file.
        std::fs::create_dir(scratch.path().join("main-000001-x.ts")).unwrap();
        for number in 2..=4 {
            put(scratch.path(), &format!("main-00000{number}-x.ts"), 500);
        }
        let all = names(scratch.path());
        assert!(folder.is_ready());
        assert_eq!(names(scratch.path()), all);
        folder.remove(Part { number: 9, path: scratch.path().join("main-000009-x.ts"), bytes: 1 });
        assert!(folder.stuck.is_empty(), "somebody else has removed it");
        folder.make_room(None).unwrap();
        folder.make_room(None).unwrap();
        assert_eq!(names(scratch.path()), ["main-000001-x.ts", "main-000003-x.ts", "main-000004-x.ts"][..].to_vec());
        assert_eq!(folder.stuck.len(), 1);
    }
}
