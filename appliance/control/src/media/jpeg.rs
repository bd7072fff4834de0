//! JPEG (ITU-T T.81, annex B): markers from SOI over a frame header (SOFn) and scans to EOI.

use super::{CUT_OFF, Examined, Unsound, read_at, sized, u16_at};
use crate::doc::AssetKind;
use std::io::{Read, Seek};

pub(super) const SIGNATURE: [u8; 3] = [0xFF, 0xD8, 0xFF];

/// Marker segments before the first scan; cameras write some dozens.
const SEGMENTS_MAX: usize = 1000;
/// How far from its end the end marker may lie: cameras append padding and previews.
const TAIL_BYTES: u64 = 64 << 10;

pub(super) fn examine(file: &mut (impl Read + Seek), length: u64) -> Result<Examined, Unsound> {
    let mut at = 2;
    let mut size = None;
    for _ in 0..SEGMENTS_MAX {
        let head = read_at(file, at, 4).ok_or(CUT_OFF)?;
        if head[0] != 0xFF {
            return Err("The JPEG is damaged.");
        }
        match head[1] {
            // Fill bytes before a marker.
            0xFF => at += 1,
            // Markers without a segment.
            0x01 | 0xD0..=0xD7 => at += 2,
            // A frame header: length, precision, height, width. C4, C8 and CC are other things.
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let frame = read_at(file, at + 4, 5).ok_or(CUT_OFF)?;
                let (height, width) = (u16_at(&frame, 1), u16_at(&frame, 3));
                size = Some(sized(width.unwrap_or_default().into(), height.unwrap_or_default().into())?);
                at += 2 + u64::from(u16_at(&head, 2).unwrap_or_default());
            }
            // The first scan: from here on it is picture, up to the end marker.
            0xDA => {
                let (width, height) = size.ok_or("The JPEG has no size.")?;
                ended(file, at, length)?;
                let (kind, mime, ending) = (AssetKind::Image, "image/jpeg", "jpg");
                return Ok(Examined { kind, mime, ending, width, height, duration_ms: None });
            }
            0xD9 => return Err("The JPEG holds no picture."),
            _ => at += 2 + u64::from(u16_at(&head, 2).unwrap_or_default()),
        }
    }
    Err("The JPEG has too many parts.")
}

fn ended(file: &mut (impl Read + Seek), scan: u64, length: u64) -> Result<(), Unsound> {
    let from = scan.max(length.saturating_sub(TAIL_BYTES));
    let tail = read_at(file, from, (length - from) as usize).ok_or(CUT_OFF)?;
    // Inside a scan FF is followed by 00 or a restart marker, so FF D9 is the end.
    if tail.windows(2).any(|pair| pair == [0xFF, 0xD9]) { Ok(()) } else { Err(CUT_OFF) }
}
