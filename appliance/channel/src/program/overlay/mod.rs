//! Draws overlays, slates and test patterns. Drawing takes milliseconds and belongs on a thread of its own, never on
//! the tick.
//!
//! Texts go through SVG: shaping, right-to-left writing and the choice of a font for each letter are usvg's work.

mod bars;
mod font;
mod image;
mod scale;
mod slate;
#[cfg(test)]
mod tests;
mod text;

use super::picture::{I420, Sprite, blend};
use automation::fault::{Code, Fault};
use automation::spec::{Anchor, ImageOverlay, TextOverlay};
use std::path::Path;
use text::{Block, Letters, Paint};

/// Margin around overlays, as a share of the picture's width and height.
const MARGIN: f32 = 0.04;
/// Size of the letters of a message of ours, in thousandths of the picture's height.
const MESSAGE_SIZE: u16 = 42;

/// Why an overlay cannot be drawn. Names no file: an asset is named by who asked.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// The machine has no font.
    #[error("no font is installed")]
    NoFont,
    /// A colour that is neither `#rrggbb` nor `#rrggbbaa`.
    #[error("the colour {0:?} must look like #rrggbb or #rrggbbaa")]
    Colour(String),
    /// The file is not there.
    #[error("the picture's file is gone")]
    Missing,
    /// The file or the picture in it is above the limits.
    #[error(
        "the picture is too large: at most {} pixels wide and high and {} MB are possible",
        image::SIDE_MAX,
        image::FILE_MB_MAX
    )]
    TooLarge,
    /// Neither PNG nor JPEG, cut off, or broken.
    #[error("the picture cannot be read: {0}")]
    Unreadable(String),
    /// The text cannot be set.
    #[error("the text cannot be drawn")]
    Text(#[source] resvg::usvg::Error),
}

impl OverlayError {
    /// The fault of this error; `subject` says which overlay.
    pub fn fault(&self, subject: impl Into<String>) -> Fault {
        let code = match self {
            OverlayError::NoFont => return Fault::new(Code::FontMissing, subject),
            OverlayError::Missing => Code::MediaMissing,
            OverlayError::TooLarge | OverlayError::Unreadable(_) => Code::MediaUnreadable,
            OverlayError::Colour(_) => Code::TimelineInvalid,
            OverlayError::Text(_) => Code::Internal,
        };
        Fault::new(code, subject).with_text(format!("An overlay cannot be drawn: {self}."))
    }
}

/// Draws. Holds the machine's fonts, as they were when it was made.
pub struct Painter {
    letters: Letters,
}

impl std::fmt::Debug for Painter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Painter").field("font", &self.letters.family()).finish_non_exhaustive()
    }
}

impl Default for Painter {
    fn default() -> Painter {
        Painter::new()
    }
}

impl Painter {
    /// Takes up the fonts of this machine. Where there is none, texts cannot be drawn; all else can.
    pub fn new() -> Painter {
        Painter { letters: Letters::new(font::installed()) }
    }

    #[cfg(test)]
    pub(crate) fn without_fonts() -> Painter {
        Painter { letters: Letters::new(resvg::usvg::fontdb::Database::new()) }
    }

    /// What is wrong with it as a whole.
    pub fn fault(&self) -> Option<Fault> {
        self.letters.family().is_none().then(|| Fault::new(Code::FontMissing, ""))
    }

    /// A text for a picture of `width` by `height` pixels, both even. `text_now` is drawn instead of `overlay.text`: the
    /// same with `{time}` filled in. A line that is too long is wrapped; what is too large then is made smaller.
    pub fn text(&self, overlay: &TextOverlay, text_now: &str, width: u32, height: u32) -> Result<Sprite, OverlayError> {
        let colour = Rgba::parse(&overlay.colour)?;
        let background = overlay.background.as_deref().map(Rgba::parse).transpose()?;
        let size = f32::from(overlay.size) * height as f32 / 1000.0;
        let padding = if background.is_some() { (size * 0.45, size * 0.22) } else { (0.0, 0.0) };
        let room = (width as f32 * (1.0 - 2.0 * MARGIN), height as f32 * (1.0 - 2.0 * MARGIN));
        let room = (room.0 - 2.0 * padding.0, room.1 - 2.0 * padding.1);
        let paint = Paint { size, bold: false, colour, align: overlay.anchor.into() };
        let block = Block::fitted(&self.letters, text_now, &paint, room)?;
        let (w, h) = block.size();
        let outer = (w + 2.0 * padding.0, h + 2.0 * padding.1);
        let (x, y) = place(overlay.anchor, outer, (width, height));
        block.draw(x + padding.0, y + padding.1, padding, background)
    }

    /// The picture in the file at `path`, PNG or JPEG, for a picture of `width` by `height` pixels, both even.
    pub fn image(
        &self,
        path: impl AsRef<Path>,
        overlay: &ImageOverlay,
        width: u32,
        height: u32,
    ) -> Result<Sprite, OverlayError> {
        let wanted_height = f64::from(overlay.size) * f64::from(height) / 1000.0;
        let raster = image::load(path.as_ref(), |w, h| {
            let scale = (wanted_height / f64::from(h)).min(f64::from(width) / f64::from(w));
            let even =
                |side: u32, limit: u32| (((f64::from(side) * scale / 2.0).round() as u32) * 2).clamp(2, limit.max(2));
            (even(w, width), even(h, height))
        })?;
        let (x, y) = place(overlay.anchor, (raster.width as f32, raster.height as f32), (width, height));
        Ok(Sprite::from_rgba(x as i32, y as i32, raster.width, raster.height, &raster.rgba))
    }

    /// A message of ours to the audience: white on a dark box, at the bottom.
    pub fn message(&self, text: &str, width: u32, height: u32) -> Result<Sprite, OverlayError> {
        let overlay = TextOverlay {
            text: text.to_owned(),
            anchor: Anchor::Bottom,
            size: MESSAGE_SIZE,
            colour: "#ffffff".into(),
            background: Some("#101418d8".into()),
        };
        self.text(&overlay, text, width, height)
    }

    /// The slate: `title`, the venue's name, large; `text` below. Whatever is too long is wrapped and made smaller.
    pub fn slate(&self, title: &str, text: &str, width: u32, height: u32) -> I420 {
        slate::draw(&self.letters, title, text, width, height)
    }

    /// The slate with the picture in the file at `path`, PNG or JPEG, instead of a title: whole and centred, a small one
    /// enlarged at most twice. `text`, where there is one, stands on a dark box at its foot.
    pub fn slate_picture(
        &self,
        path: impl AsRef<Path>,
        text: &str,
        width: u32,
        height: u32,
    ) -> Result<I420, OverlayError> {
        let mut slate = slate::picture(path.as_ref(), width, height)?;
        match self.message(text.trim(), width, height) {
            Ok(sprite) => blend(&mut slate, &sprite, 256),
            Err(error) => tracing::warn!(%error, "the slate has no text"),
        }
        Ok(slate)
    }

    /// Colour bars at 75 %, with a castellation and black level steps below, after SMPTE ECR 1-1978.
    pub fn bars(&self, width: u32, height: u32) -> I420 {
        bars::draw(width, height)
    }
}

/// A colour, not multiplied by its alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rgba([u8; 4]);

impl Rgba {
    fn parse(text: &str) -> Result<Rgba, OverlayError> {
        let bad = || OverlayError::Colour(text.to_owned());
        let hex = text.strip_prefix('#').filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())).ok_or_else(bad)?;
        let number = u32::from_str_radix(hex, 16).map_err(|_| bad())?;
        match hex.len() {
            6 => Ok(Rgba((number << 8 | 0xff).to_be_bytes())),
            8 => Ok(Rgba(number.to_be_bytes())),
            _ => Err(bad()),
        }
    }
}

/// Upper left corner of a box of this size, so that it keeps to the margin; a box that is too large for that stays
/// in the picture as far as it can.
fn place(anchor: Anchor, (w, h): (f32, f32), (width, height): (u32, u32)) -> (f32, f32) {
    use Anchor::*;
    let along = |share: f32, length: f32, limit: u32| {
        let limit = limit as f32;
        let margin = (limit * MARGIN).round();
        let at = margin + (limit - 2.0 * margin - length) * share;
        at.clamp(0.0, (limit - length).max(0.0)).round()
    };
    let x = match anchor {
        TopLeft | Left | BottomLeft => 0.0,
        Top | Center | Bottom => 0.5,
        TopRight | Right | BottomRight => 1.0,
    };
    let y = match anchor {
        TopLeft | Top | TopRight => 0.0,
        Left | Center | Right => 0.5,
        BottomLeft | Bottom | BottomRight => 1.0,
    };
    (along(x, w, width), along(y, h, height))
}
