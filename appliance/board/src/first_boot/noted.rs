//! What is kept of a file that was looked at, to know whether it has changed: its SHA-256, and nothing of its text, which may
//! hold secrets where it was refused.

use super::apply::{read, write_private};
use crate::edges::sync;
use crate::preseed::{imager, venue};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of which it is kept.
const FILES: [&str; 2] = [venue::FILE, imager::FILE];

/// What it is kept in, in the board's folder.
pub const NOTES: [&str; 2] = ["bandstand.toml.sha256", "rpi-preseed.toml.sha256"];

fn place(board: &Path, name: &str) -> PathBuf {
    board.join(format!("{name}.sha256"))
}

fn digest(text: &[u8]) -> String {
    Sha256::digest(text).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Whether a file's text is the one that was looked at last.
pub(super) fn is_known(board: &Path, name: &str, text: &str) -> io::Result<bool> {
    Ok(read(&place(board, name))?.is_some_and(|known| known == digest(text.as_bytes()).as_bytes()))
}

/// It is from now on.
pub(super) fn note(board: &Path, name: &str, text: &str) -> io::Result<()> {
    write_private(&place(board, name), digest(text.as_bytes()).as_bytes())
}

/// Earlier versions kept the text itself. What is kept now takes its place.
pub fn forget_texts(board: &Path) -> io::Result<()> {
    for name in FILES {
        let old = board.join(name);
        let Some(text) = read(&old)? else { continue };
        if !place(board, name).exists() {
            note(board, name, &String::from_utf8_lossy(&text))?;
        }
        fs::remove_file(&old)?;
        sync(board)?;
    }
    Ok(())
}
