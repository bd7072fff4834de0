//! Reads pictures that operators upload: PNG and JPEG.

use super::OverlayError;
use super::scale::Scaler;
use std::fs::File;
use std::io::{Cursor, ErrorKind, Read};
use std::path::Path;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Longest side of a picture, pixels.
pub(super) const SIDE_MAX: u32 = 8192;
/// Largest file, megabytes.
pub(super) const FILE_MB_MAX: u64 = 32;
/// Most pixels of a picture that must be held as a whole (JPEG and interlaced PNG): 96 MB in RGB.
const WHOLE_PIXELS_MAX: u32 = 32 << 20;
/// Memory that the PNG decoder may take for rows and texts, bytes.
const PNG_BYTES_MAX: usize = 16 << 20;

/// A picture: RGBA, multiplied by alpha.
pub(super) struct Raster {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgba: Vec<u8>,
}

/// Reads the picture at `path` and brings it to the size that `wanted` answers for its own width and height.
pub(super) fn load(path: &Path, wanted: impl Fn(u32, u32) -> (u32, u32)) -> Result<Raster, OverlayError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => OverlayError::Missing,
        _ => unreadable(error),
    })?;
    let mut bytes = Vec::new();
    file.take(FILE_MB_MAX * 1_000_000 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_MB_MAX * 1_000_000 {
        return Err(OverlayError::TooLarge);
    }
    let (scaler, (width, height)) = match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => png(&bytes, wanted)?,
        [0xff, 0xd8, ..] => jpeg(&bytes, wanted)?,
        [] => return Err(OverlayError::Unreadable("the file is empty".into())),
        _ => return Err(OverlayError::Unreadable("it is neither PNG nor JPEG".into())),
    };
    Ok(Raster { width, height, rgba: scaler.finish() })
}

type Scaled = (Scaler, (u32, u32));

fn png(bytes: &[u8], wanted: impl Fn(u32, u32) -> (u32, u32)) -> Result<Scaled, OverlayError> {
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: PNG_BYTES_MAX });
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(unreadable)?;
    let (size, interlaced) = (reader.info().size(), reader.info().interlaced);
    check(size, interlaced)?;
    let to = wanted(size.0, size.1);
    let mut scaler = Scaler::new(size, to);
    let samples = reader.output_color_type().0.samples();
    if interlaced {
        let mut whole = vec![0; reader.output_buffer_size().ok_or(OverlayError::TooLarge)?];
        reader.next_frame(&mut whole).map_err(unreadable)?;
        whole.chunks_exact(size.0 as usize * samples).for_each(|row| scaler.push(pixels(row, samples)));
    } else {
        let mut rows = 0;
        while rows < size.1 {
            let row = reader.next_row().map_err(unreadable)?;
            let row = row.ok_or_else(|| OverlayError::Unreadable("it is cut off".into()))?;
            scaler.push(pixels(row.data(), samples));
            rows += 1;
        }
    }
    Ok((scaler, to))
}

fn jpeg(bytes: &[u8], wanted: impl Fn(u32, u32) -> (u32, u32)) -> Result<Scaled, OverlayError> {
    let options = DecoderOptions::default()
        .set_max_width(SIDE_MAX as usize)
        .set_max_height(SIDE_MAX as usize)
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(unreadable)?;
    let info = decoder.info().ok_or_else(|| OverlayError::Unreadable("it has no header".into()))?;
    let size = (u32::from(info.width), u32::from(info.height));
    check(size, true)?;
    let whole = decoder.decode().map_err(unreadable)?;
    let to = wanted(size.0, size.1);
    let mut scaler = Scaler::new(size, to);
    whole.chunks_exact(size.0 as usize * 3).for_each(|row| scaler.push(pixels(row, 3)));
    Ok((scaler, to))
}

fn check((width, height): (u32, u32), whole: bool) -> Result<(), OverlayError> {
    if width == 0 || height == 0 {
        return Err(OverlayError::Unreadable("it has no pixels".into()));
    }
    let too_many = whole && width.saturating_mul(height) > WHOLE_PIXELS_MAX;
    if width > SIDE_MAX || height > SIDE_MAX || too_many { Err(OverlayError::TooLarge) } else { Ok(()) }
}

/// RGBA of a row of grey, grey and alpha, RGB, or RGBA.
fn pixels(row: &[u8], samples: usize) -> impl Iterator<Item = [u8; 4]> + '_ {
    row.chunks_exact(samples).map(|pixel| match *pixel {
        [grey] => [grey, grey, grey, 255],
        [grey, alpha] => [grey, grey, grey, alpha],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, alpha, ..] => [r, g, b, alpha],
        [] => [0; 4],
    })
}

fn unreadable(error: impl std::fmt::Display) -> OverlayError {
    OverlayError::Unreadable(error.to_string())
}
