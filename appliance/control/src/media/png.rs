//! PNG (ISO/IEC 15948): signature, then chunks of length, type, data and checksum, from IHDR to IEND.

use super::{CUT_OFF, Examined, Unsound, read_at, sized};
use crate::doc::AssetKind;
// Big-endian, too.
use mp4_boxes::u32_at;
use std::io::{Read, Seek};

pub(super) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Chunks that are walked: far more than any encoder writes.
const CHUNKS_MAX: usize = 100_000;

pub(super) fn examine(file: &mut (impl Read + Seek), length: u64) -> Result<Examined, Unsound> {
    let head = read_at(file, 8, 16).ok_or(CUT_OFF)?;
    if head.get(4..8) != Some(b"IHDR") {
        return Err("The PNG does not begin with its header.");
    }
    let (width, height) = sized(u32_at(&head, 8).unwrap_or_default(), u32_at(&head, 12).unwrap_or_default())?;
    let mut at = 8;
    let mut has_data = false;
    for _ in 0..CHUNKS_MAX {
        let chunk = read_at(file, at, 8).ok_or(CUT_OFF)?;
        at += 12 + u64::from(u32_at(&chunk, 0).unwrap_or_default());
        if at > length {
            return Err(CUT_OFF);
        }
        match &chunk[4..8] {
            b"IDAT" => has_data = true,
            b"IEND" if has_data => {
                let (kind, mime, ending) = (AssetKind::Image, "image/png", "png");
                return Ok(Examined { kind, mime, ending, width, height, duration_ms: None });
            }
            b"IEND" => return Err("The PNG holds no picture."),
            _ => {}
        }
    }
    Err("The PNG has too many parts.")
}
