//! Sets texts: a block of lines, wrapped and shrunk to the room that it has.

use super::{OverlayError, Rgba, font};
use crate::program::picture::Sprite;
use automation::spec::Anchor;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Group, Node, Options, Rect, Tree, fontdb::Database};
use std::fmt::Write;
use std::sync::Arc;

/// From one baseline to the next, in sizes of the letters; and what a line takes above and below its baseline.
const LINE: f32 = 1.25;
const ASCENT: f32 = 0.93;
const DESCENT: f32 = 0.27;
/// Lines of one block, at most: the smallest letters (1 % of the height) fill a picture with fewer.
const LINES_MAX: usize = 64;

/// The fonts, and how texts are read.
pub(super) struct Letters {
    options: Options<'static>,
    family: Option<String>,
}

impl Letters {
    pub(super) fn new(fonts: Database) -> Letters {
        let family = fonts.faces().next().map(|face| font::family(face).to_owned());
        let mut options = Options { fontdb: Arc::new(fonts), ..Options::default() };
        if let Some(family) = &family {
            options.font_family.clone_from(family);
        }
        Letters { options, family }
    }

    /// The family that texts are set in; none where no font is installed.
    pub(super) fn family(&self) -> Option<&str> {
        self.family.as_deref()
    }

    /// Sets each line of `lines`, one below the other.
    fn set(&self, lines: &[&str], paint: &Paint) -> Result<Tree, OverlayError> {
        if self.family.is_none() {
            return Err(OverlayError::NoFont);
        }
        let Rgba([r, g, b, alpha]) = paint.colour;
        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><g xml:space="preserve" font-size="{}" font-weight="{}" text-anchor="{}" fill="#{r:02x}{g:02x}{b:02x}" fill-opacity="{}">"##,
            paint.size,
            if paint.bold { 700 } else { 400 },
            paint.align.name(),
            f32::from(alpha) / 255.0,
        );
        for (i, line) in lines.iter().enumerate() {
            let _ =
                write!(svg, r#"<text id="l{i}" x="0" y="{}">{}</text>"#, i as f32 * LINE * paint.size, escape(line));
        }
        svg.push_str("</g></svg>");
        Tree::from_str(&svg, &self.options).map_err(OverlayError::Text)
    }

    /// Widths of pieces of text in pixels; nothing visible has none.
    fn widths(&self, pieces: &[&str], paint: &Paint) -> Result<Vec<f32>, OverlayError> {
        let mut widths = vec![0.0; pieces.len()];
        let tree = self.set(pieces, paint)?;
        each_line(tree.root(), &mut |line, bounds| {
            if let Some(width) = widths.get_mut(line) {
                *width = bounds.width();
            }
        });
        Ok(widths)
    }
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    /// Size of the letters, pixels.
    pub(super) size: f32,
    pub(super) bold: bool,
    pub(super) colour: Rgba,
    pub(super) align: Align,
}

/// Where the lines of a block meet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Align {
    Left,
    Middle,
    Right,
}

impl Align {
    fn name(self) -> &'static str {
        match self {
            Align::Left => "start",
            Align::Middle => "middle",
            Align::Right => "end",
        }
    }
}

impl From<Anchor> for Align {
    fn from(anchor: Anchor) -> Align {
        match anchor {
            Anchor::TopLeft | Anchor::Left | Anchor::BottomLeft => Align::Left,
            Anchor::Top | Anchor::Center | Anchor::Bottom => Align::Middle,
            Anchor::TopRight | Anchor::Right | Anchor::BottomRight => Align::Right,
        }
    }
}

/// Lines of text that fit their room.
pub(super) struct Block {
    tree: Tree,
    /// What the lines take up before they are scaled: left, top, right, bottom.
    bounds: [f32; 4],
    scale: f32,
    size: f32,
}

impl Block {
    /// Sets `text` into `room` (width, height in pixels): lines that are too long are wrapped, and if that is not enough,
    /// all is made smaller.
    pub(super) fn fitted(
        letters: &Letters,
        text: &str,
        paint: &Paint,
        room: (f32, f32),
    ) -> Result<Block, OverlayError> {
        let mut lines: Vec<String> = text.lines().take(LINES_MAX).map(str::to_owned).collect();
        let mut block = Block::set(letters, &lines, paint)?;
        if block.width() > room.0 {
            lines = wrap(letters, &lines, paint, room.0)?;
            block = Block::set(letters, &lines, paint)?;
        }
        let fits = |length: f32, room: f32| if length > room { room / length } else { 1.0 };
        block.scale = fits(block.width(), room.0).min(fits(block.height(), room.1));
        Ok(block)
    }

    fn set(letters: &Letters, lines: &[String], paint: &Paint) -> Result<Block, OverlayError> {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let tree = letters.set(&lines, paint)?;
        let last = lines.len().saturating_sub(1) as f32 * LINE;
        // The height follows from the letters' size, so that a box does not jump when its text changes.
        let mut bounds = [f32::MAX, -ASCENT * paint.size, f32::MIN, (last + DESCENT) * paint.size];
        each_line(tree.root(), &mut |_, line| {
            bounds[0] = bounds[0].min(line.left());
            bounds[2] = bounds[2].max(line.right());
        });
        if bounds[0] > bounds[2] {
            // Nothing visible.
            bounds = [0.0; 4];
        }
        Ok(Block { tree, bounds, scale: 1.0, size: paint.size })
    }

    fn width(&self) -> f32 {
        self.bounds[2] - self.bounds[0]
    }

    fn height(&self) -> f32 {
        self.bounds[3] - self.bounds[1]
    }

    /// Width and height, pixels.
    pub(super) fn size(&self) -> (f32, f32) {
        (self.width() * self.scale, self.height() * self.scale)
    }

    /// Draws it with its upper left corner at `x`, `y`, on a box of colour `background` that is larger by `padding`.
    pub(super) fn draw(
        &self,
        x: f32,
        y: f32,
        padding: (f32, f32),
        background: Option<Rgba>,
    ) -> Result<Sprite, OverlayError> {
        let (w, h) = self.size();
        if w <= 0.0 {
            return Ok(Sprite::from_rgba(0, 0, 0, 0, &[]));
        }
        // Letters reach a little beyond their box; a sprite begins at an even pixel.
        let reach = (self.size * self.scale * 0.3).ceil();
        let (out_x, out_y) = (padding.0.max(reach), padding.1.max(reach));
        let even = |at: f32| (at / 2.0).floor() * 2.0;
        let (left, top) = (even(x - out_x), even(y - out_y));
        let side = |begin: f32, end: f32| (((end - begin) / 2.0).ceil() * 2.0).max(2.0) as u32;
        let (width, height) = (side(left, x + w + out_x), side(top, y + h + out_y));
        let mut pixmap = Pixmap::new(width, height).ok_or(OverlayError::TooLarge)?;
        if let Some(colour) = background {
            let at = [x - left - padding.0, y - top - padding.1, w + 2.0 * padding.0, h + 2.0 * padding.1];
            let radius = self.size * self.scale * 0.18;
            resvg::render(&rounded(at, radius, colour)?, Transform::identity(), &mut pixmap.as_mut());
        }
        let transform = Transform::from_translate(-self.bounds[0], -self.bounds[1])
            .post_scale(self.scale, self.scale)
            .post_translate(x - left, y - top);
        resvg::render(&self.tree, transform, &mut pixmap.as_mut());
        Ok(Sprite::from_rgba(left as i32, top as i32, width, height, pixmap.data()))
    }
}

/// A box with round corners: `at` is x, y, width, height.
pub(super) fn rounded(at: [f32; 4], radius: f32, colour: Rgba) -> Result<Tree, OverlayError> {
    let ([x, y, w, h], Rgba([r, g, b, alpha])) = (at, colour);
    let svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><rect x="{x}" y="{y}" width="{w}" height="{h}" rx="{radius}" fill="#{r:02x}{g:02x}{b:02x}" fill-opacity="{}"/></svg>"##,
        f32::from(alpha) / 255.0
    );
    Tree::from_str(&svg, &Options::default()).map_err(OverlayError::Text)
}

/// Calls `with(number of the line, its bounds)` for each line that shows something.
fn each_line(group: &Group, with: &mut impl FnMut(usize, Rect)) {
    for node in group.children() {
        match node {
            Node::Group(group) => each_line(group, with),
            Node::Text(text) => {
                if let Some(line) = text.id().strip_prefix('l').and_then(|n| n.parse().ok()) {
                    with(line, text.abs_bounding_box());
                }
            }
            _ => {}
        }
    }
}

/// Makes text safe inside an element: what XML 1.0 does not allow at all becomes a space.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Breaks lines at spaces, and between characters of scripts that write without them, so that each is at most `room`
/// pixels wide; a single word may be wider.
fn wrap(letters: &Letters, lines: &[String], paint: &Paint, room: f32) -> Result<Vec<String>, OverlayError> {
    let mut wrapped: Vec<String> = Vec::new();
    for line in lines {
        let pieces = pieces(line);
        let words: Vec<&str> = pieces.iter().map(|(_, word)| *word).collect();
        let widths = letters.widths(&words, paint)?;
        let space = paint.size * 0.32;
        let mut now = String::new();
        let mut width = 0.0;
        for ((spaced, word), word_width) in pieces.iter().zip(widths) {
            let gap = if *spaced && !now.is_empty() { space } else { 0.0 };
            if !now.is_empty() && width + gap + word_width > room && wrapped.len() < LINES_MAX {
                wrapped.push(std::mem::take(&mut now));
                width = 0.0;
            } else if gap > 0.0 {
                now.push(' ');
                width += gap;
            }
            now.push_str(word);
            width += word_width;
        }
        wrapped.push(now);
    }
    wrapped.truncate(LINES_MAX);
    Ok(wrapped)
}

/// What may stand on lines of its own, and whether a space comes before it.
fn pieces(line: &str) -> Vec<(bool, &str)> {
    let mut pieces = Vec::new();
    for word in line.split_whitespace() {
        let mut begin = 0;
        let mut before = None;
        for (at, c) in word.char_indices() {
            if before.is_some_and(|before| unspaced(before) || unspaced(c)) {
                pieces.push((begin == 0, &word[begin..at]));
                begin = at;
            }
            before = Some(c);
        }
        pieces.push((begin == 0, &word[begin..]));
    }
    pieces
}

/// Whether a character belongs to a script that writes without spaces: Han, Kana, Hangul, and their full-width forms.
fn unspaced(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}
