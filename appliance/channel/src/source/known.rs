//! Lengths of files that this process has measured: a list that is edited on air need not wait for what is known, and
//! the fragments of a long recording are walked through once.

use crate::lock::hold;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Files that are kept, at most: some lists of the longest kind. Beyond it those that are gone are let go first.
const FILES_MAX: usize = 1_000;

/// Length of a film, nanoseconds; none for a still.
pub(super) type Length = Option<u64>;

/// By path: what lies at the path of an asset is never written again.
static KNOWN: Mutex<BTreeMap<PathBuf, Length>> = Mutex::new(BTreeMap::new());

/// The length of a file, where it was measured.
pub(super) fn length(path: &Path) -> Option<Length> {
    hold(&KNOWN).get(path).copied()
}

/// Keeps the length of a file. To be called by a thread that may wait for the disk.
pub(super) fn keep(path: &Path, length: Length) {
    let full: Vec<PathBuf> = {
        let known = hold(&KNOWN);
        if known.len() < FILES_MAX { Vec::new() } else { known.keys().cloned().collect() }
    };
    // Outside the lock: a disk may hang.
    let gone: Vec<PathBuf> = full.into_iter().filter(|path| !path.exists()).collect();
    let mut known = hold(&KNOWN);
    for path in gone {
        known.remove(&path);
    }
    if known.len() >= FILES_MAX {
        known.pop_first();
    }
    known.insert(path.to_owned(), length);
}

/// The file could not be played: it is measured anew.
pub(super) fn forget(path: &Path) {
    hold(&KNOWN).remove(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there.png");
        std::fs::write(&there, "").unwrap();
        keep(&there, None);
        for n in 0..FILES_MAX + 10 {
            keep(&folder.path().join(format!("{n}.mp4")), Some(1));
        }
        assert!(hold(&KNOWN).len() <= FILES_MAX);
        assert_eq!(length(&there), Some(None));
        assert_eq!(length(&folder.path().join(format!("{}.mp4", FILES_MAX + 9))), Some(Some(1)));
    }
}
