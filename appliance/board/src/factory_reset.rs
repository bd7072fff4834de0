//! The way back to how the box was delivered: everything on the data partition goes but what the board itself needs.
//!
//! ```text
//! page ──────────────► asked for ─┐
//! a file on the card ─► wished ───┴─► restart ─► carried out, before anything uses the data ─► the mark goes
//! ```
//! It is carried out at the start of the box, by a mark on the data partition that goes last: a power cut within begins it again.
//! What cannot be deleted is left and said: a mark that stayed for it would delete what the next owner has made by then.
//! What the card was given for its first start was taken over once and is not taken over again; nor would its secrets be there.

use crate::edges::{self, sync};
use crate::first_boot::noted::{NOTES, forget_texts};
use std::ffi::OsStr;
use std::fs::{self, DirEntry, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The mark, in the board's folder.
pub const MARK: &str = "factory-reset";
/// Files on the card that ask for it; editors that hide endings put one behind.
pub const WISHES: [&str; 2] = ["factory-reset", "factory-reset.txt"];
/// What stays of the data partition: the board's own folder, what RAUC knows of the slots, the time, and the file system's own.
const STAYS: [&str; 4] = ["board", "rauc", "systemd", "lost+found"];
/// What stays of the board's folder: the copy of autoboot.txt, and which files of the card are known. [`MARK`] goes last.
fn stays_of_the_board(name: &OsStr) -> bool {
    edges::FILE == name || NOTES.iter().any(|note| *note == name) || MARK == name
}

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Places {
    /// The root of the data partition.
    pub data: PathBuf,
    /// The board's folder on it.
    pub board: PathBuf,
    /// Where the FAT partition is mounted.
    pub fat: PathBuf,
}

/// Asks for it: the next start carries it out.
pub fn ask(places: &Places) -> io::Result<()> {
    fs::create_dir_all(&places.board)?;
    File::create(places.board.join(MARK))?.sync_all()?;
    sync(&places.board)
}

/// Asks for it where a file on the card wishes it, which goes. Answers whether one did: then the box is to be restarted.
pub fn wished(places: &Places) -> io::Result<bool> {
    let wishes = WISHES.map(|name| places.fat.join(name));
    let is_file = |wish: &&PathBuf| fs::symlink_metadata(wish).is_ok_and(|about| about.is_file());
    let found: Vec<&PathBuf> = wishes.iter().filter(is_file).collect();
    if found.is_empty() {
        return Ok(false);
    }
    // The mark first: from then on it is carried out whatever happens, and once.
    ask(places)?;
    let gone = found.iter().try_for_each(fs::remove_file).and_then(|()| sync(&places.fat));
    if let Err(error) = gone {
        // A wish that stays would be fulfilled at every start: then rather not at all.
        fs::remove_file(places.board.join(MARK))?;
        sync(&places.board)?;
        return Err(error);
    }
    Ok(true)
}

/// Carries it out where it was asked for. Answers what was done: none where nobody asked, and else what could not be deleted.
pub fn carry_out(places: &Places) -> io::Result<Option<Vec<String>>> {
    let mark = places.board.join(MARK);
    if !mark.exists() {
        return Ok(None);
    }
    let mut left = Vec::new();
    let mut delete = |path: &Path, done: io::Result<()>| match done {
        Err(error) if error.kind() != ErrorKind::NotFound => left.push(format!("{}: {error}", path.display())),
        _ => {}
    };
    for entry in fs::read_dir(&places.data)?.flatten() {
        if STAYS.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        delete_entry(&entry, &mut delete);
    }
    // Before an older version's copies go: what they say of the card is kept.
    delete(&places.board, forget_texts(&places.board));
    for entry in fs::read_dir(&places.board)?.flatten().filter(|entry| !stays_of_the_board(&entry.file_name())) {
        delete_entry(&entry, &mut delete);
    }
    delete(&places.data, sync(&places.data));
    // Whatever is left: a mark that stayed would do it again.
    fs::remove_file(mark)?;
    sync(&places.data)?;
    Ok(Some(left))
}

fn delete_entry(entry: &DirEntry, delete: &mut impl FnMut(&Path, io::Result<()>)) {
    let path = entry.path();
    let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
    delete(&path, if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) });
}
