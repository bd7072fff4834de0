//! The slate: what the audience sees when nothing else is there.

use super::text::{Align, Block, Letters, Paint, rounded};
use super::{OverlayError, Rgba, image};
use crate::program::picture::{I420, Sprite, blend};
use resvg::tiny_skia::{Pixmap, Transform};
use std::path::Path;

/// Background at the top and at the bottom: Y, U, V in video range.
const TOP: [f32; 3] = [52.0, 137.0, 122.0];
const BOTTOM: [f32; 3] = [22.0, 131.0, 126.0];
/// Ordered dither, 4 by 4 (Bayer 1973): without it, bands show in the dark.
const BAYER: [[f32; 4]; 4] =
    [[0.0, 8.0, 2.0, 10.0], [12.0, 4.0, 14.0, 6.0], [3.0, 11.0, 1.0, 9.0], [15.0, 7.0, 13.0, 5.0]];
const WHITE: Rgba = Rgba([0xf6, 0xf8, 0xfa, 0xff]);
const PALE: Rgba = Rgba([0xb8, 0xc4, 0xd0, 0xff]);
const ACCENT: Rgba = Rgba([0x4c, 0xb4, 0xe8, 0xff]);

/// Sizes as shares of the picture's height: letters, room for each block, the line between them and the gaps around it.
const TITLE: f32 = 0.115;
const TITLE_ROOM: f32 = 0.45;
const TEXT: f32 = 0.048;
const TEXT_ROOM: f32 = 0.25;
const RULE: f32 = 0.006;
const GAP: f32 = 0.04;
/// Room for lines, and length of the rule, as shares of the picture's width.
const LINE_ROOM: f32 = 0.84;
const RULE_LENGTH: f32 = 0.1;
/// How much a picture is enlarged at most: beyond that a small logo is a blur that fills the screen.
const ENLARGED_MAX: f64 = 2.0;

/// Draws a slate; without fonts it is a background alone.
pub(super) fn draw(letters: &Letters, title: &str, text: &str, width: u32, height: u32) -> I420 {
    let mut picture = background(width, height);
    match lettering(letters, title, text, width as f32, height as f32) {
        Ok(sprites) => sprites.iter().for_each(|sprite| blend(&mut picture, sprite, 256)),
        Err(error) => tracing::warn!(%error, "the slate has no text"),
    }
    picture
}

/// Draws the picture in the file at `path` whole and centred over the background, as large as fits, but not enlarged
/// more than [`ENLARGED_MAX`] times.
pub(super) fn picture(path: &Path, width: u32, height: u32) -> Result<I420, OverlayError> {
    let fitted = |w: u32, h: u32| {
        let share = |room: u32, side: u32| f64::from(room) / f64::from(side);
        let scale = share(width, w).min(share(height, h)).min(ENLARGED_MAX);
        let even = |side: u32, room: u32| ((f64::from(side) * scale / 2.0).round() as u32 * 2).clamp(2, room);
        (even(w, width), even(h, height))
    };
    let raster = image::load(path, fitted)?;
    let middle = |room: u32, side: u32| ((room - side) / 2) as i32;
    let (x, y) = (middle(width, raster.width), middle(height, raster.height));
    let mut slate = background(width, height);
    blend(&mut slate, &Sprite::from_rgba(x, y, raster.width, raster.height, &raster.rgba), 256);
    Ok(slate)
}

fn lettering(letters: &Letters, title: &str, text: &str, w: f32, h: f32) -> Result<Vec<Sprite>, OverlayError> {
    let room = |share: f32| (w * LINE_ROOM, h * share);
    let paint = Paint { size: h * TITLE, bold: true, colour: WHITE, align: Align::Middle };
    let title = Block::fitted(letters, title.trim(), &paint, room(TITLE_ROOM))?;
    let paint = Paint { size: h * TEXT, bold: false, colour: PALE, align: Align::Middle };
    let text = Block::fitted(letters, text.trim(), &paint, room(TEXT_ROOM))?;
    let (title_size, text_size) = (title.size(), text.size());
    let rule = (w * RULE_LENGTH, (h * RULE).max(2.0));
    let whole = title_size.1 + rule.1 + text_size.1 + 2.0 * h * GAP;
    let mut y = (h - whole) / 2.0;
    let centred = |width: f32| (w - width) / 2.0;
    let mut sprites = vec![title.draw(centred(title_size.0), y, (0.0, 0.0), None)?];
    y += title_size.1 + h * GAP;
    if title_size.0 > 0.0 && text_size.0 > 0.0 {
        sprites.push(line(centred(rule.0), y, rule)?);
    }
    y += rule.1 + h * GAP;
    sprites.push(text.draw(centred(text_size.0), y, (0.0, 0.0), None)?);
    Ok(sprites)
}

fn line(x: f32, y: f32, (w, h): (f32, f32)) -> Result<Sprite, OverlayError> {
    let (width, height) = ((w as u32 + 4) & !1, (h as u32 + 4) & !1);
    let mut pixmap = Pixmap::new(width, height).ok_or(OverlayError::TooLarge)?;
    resvg::render(&rounded([0.0, 0.0, w, h], h / 2.0, ACCENT)?, Transform::identity(), &mut pixmap.as_mut());
    Ok(Sprite::from_rgba(x as i32, y as i32, width, height, pixmap.data()))
}

fn background(width: u32, height: u32) -> I420 {
    let mut picture = I420::new(width, height);
    let planes = picture.planes_mut();
    for (i, plane) in planes.into_iter().enumerate() {
        let half = usize::from(i > 0);
        let (w, h) = (width as usize >> half, height as usize >> half);
        for (y, row) in plane.chunks_exact_mut(w).enumerate() {
            let part = y as f32 / h as f32;
            let level = TOP[i] + (BOTTOM[i] - TOP[i]) * part;
            let steps: [u8; 4] = BAYER[y % 4].map(|dither| (level + (dither + 0.5) / 16.0) as u8);
            for (x, out) in row.iter_mut().enumerate() {
                *out = steps[x % 4];
            }
        }
    }
    picture
}
