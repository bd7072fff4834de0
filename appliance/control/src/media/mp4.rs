//! MP4 and MOV (ISO/IEC 14496-12; QuickTime File Format): boxes of length, type and content. The picture and sound
//! lie in `mdat`, and the table without which nobody finds them in `moov`, which recorders write last: a recording
//! that was cut off has none.

use super::{CUT_OFF, Examined, UNREADABLE, Unsound, read_at};
use crate::doc::AssetKind;
use mp4_boxes::{boxes, inside, u32_at, u64_at};
use std::io::{Read, Seek};

/// Boxes that are walked on the outermost level; fragmented films have two per fragment.
const BOXES_MAX: usize = 1_000_000;
/// Largest table: some hours of film have a few megabytes.
const MOOV_BYTES_MAX: u64 = 64 << 20;
/// Tracks of one film.
const TRACKS_MAX: usize = 64;

/// Whether a file's first bytes are a box of such a file.
pub(super) fn is_one(head: &[u8]) -> bool {
    matches!(head.get(4..8), Some(b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot"))
}

pub(super) fn examine(file: &mut (impl Read + Seek), length: u64) -> Result<Examined, Unsound> {
    let mut at = 0;
    let (mut moov, mut has_data, mut quicktime) = (None, false, true);
    for _ in 0..BOXES_MAX {
        if at >= length {
            break;
        }
        let head = read_at(file, at, 8).ok_or(CUT_OFF)?;
        let (head_bytes, whole) = match u32_at(&head, 0).unwrap_or_default() {
            0 => (8, length - at),
            1 => (16, read_at(file, at + 8, 8).and_then(|large| u64_at(&large, 0)).ok_or(CUT_OFF)?),
            short => (8, u64::from(short)),
        };
        if whole < head_bytes {
            return Err("The film is damaged.");
        }
        if whole > length - at {
            return Err(CUT_OFF);
        }
        match &head[4..8] {
            b"ftyp" => quicktime = read_at(file, at + head_bytes, 4).as_deref() == Some(b"qt  "),
            b"mdat" => has_data |= whole > head_bytes,
            b"moov" if whole > MOOV_BYTES_MAX => return Err("The film's table is too large."),
            b"moov" => {
                let content = read_at(file, at + head_bytes, (whole - head_bytes) as usize);
                moov = Some(content.ok_or(UNREADABLE)?);
            }
            _ => {}
        }
        at += whole;
    }
    let moov = moov.ok_or("The film is cut off: its table of contents (moov) is missing.")?;
    if !has_data {
        return Err("The film holds no pictures.");
    }
    let (width, height) = picture(&moov).ok_or("The file has no picture: it is sound only.")?;
    let (mime, ending) = if quicktime { ("video/quicktime", "mov") } else { ("video/mp4", "mp4") };
    let duration_ms = duration(&moov);
    Ok(Examined { kind: AssetKind::Video, mime, ending, width, height, duration_ms })
}

/// Size of the first track of pictures, by its header (`tkhd`), in whole pixels.
fn picture(moov: &[u8]) -> Option<(u32, u32)> {
    let tracks = boxes(moov).filter(|(kind, _)| kind == b"trak").take(TRACKS_MAX);
    tracks.map(|(_, track)| track).find_map(|track| {
        let handler = inside(inside(track, b"mdia")?, b"hdlr")?;
        // Version and flags, a reserved word, then the kind of track.
        if handler.get(8..12)? != b"vide" {
            return None;
        }
        let header = inside(track, b"tkhd")?;
        // Two fixed-point numbers 16.16 at the end of the header, whatever its version.
        let sides = header.len().checked_sub(8)?;
        Some((u32_at(header, sides)? >> 16, u32_at(header, sides + 4)? >> 16))
    })
}

/// Length by the film's header (`mvhd`); none where it is 0, as in fragmented films.
fn duration(moov: &[u8]) -> Option<u64> {
    let header = inside(moov, b"mvhd")?;
    let (scale, length) = match header.first()? {
        0 => (u32_at(header, 12)?, u64::from(u32_at(header, 16)?)),
        _ => (u32_at(header, 20)?, u64_at(header, 24)?),
    };
    let ms = u128::from(length).checked_mul(1000)?.checked_div(u128::from(scale))?;
    u64::try_from(ms).ok().filter(|ms| *ms > 0)
}
