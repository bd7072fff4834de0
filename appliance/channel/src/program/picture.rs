//! Pictures and how they are blended: I420, 8 bits, BT.709 in video range (luma 16 to 235, chroma 16 to 240).
//!
//! All kernels work on bytes in 16-bit arithmetic that the compiler vectorises, and wrap on purpose: the comment at
//! each says why nothing can overflow. Weights and opacities are 0 to 256, so that 256 is exactly "all of it".

/// Luma of black, and chroma of every grey.
pub const BLACK: u8 = 16;
/// Chroma without colour.
pub const GREY: u8 = 128;

/// One plane of a picture that somebody else owns.
#[derive(Clone, Copy, Debug)]
pub struct PlaneRef<'a> {
    /// Its bytes; the last row may end with its last pixel.
    pub data: &'a [u8],
    /// Bytes from one row to the next, at least the width.
    pub stride: usize,
}

impl<'a> PlaneRef<'a> {
    /// Row `y`, cut to `width` bytes.
    pub fn row(&self, y: usize, width: usize) -> &'a [u8] {
        let begin = y * self.stride;
        &self.data[begin..begin + width]
    }
}

/// A picture that somebody else owns, for example a decoder; its rows may be padded.
#[derive(Clone, Copy, Debug)]
pub struct I420Ref<'a> {
    /// Pixels, even.
    pub width: u32,
    /// Pixels, even.
    pub height: u32,
    /// Luma.
    pub y: PlaneRef<'a>,
    /// Blue difference, half the width and height.
    pub u: PlaneRef<'a>,
    /// Red difference, half the width and height.
    pub v: PlaneRef<'a>,
}

/// A picture of our own: Y, then U, then V, without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct I420 {
    /// Pixels, even.
    pub width: u32,
    /// Pixels, even.
    pub height: u32,
    /// `width · height · 3 / 2` bytes.
    pub data: Vec<u8>,
}

impl I420 {
    /// A black picture.
    pub fn new(width: u32, height: u32) -> I420 {
        let mut picture = I420 { width, height, data: vec![GREY; (width * height * 3 / 2) as usize] };
        picture.fill_black();
        picture
    }

    /// Lends it.
    pub fn as_ref(&self) -> I420Ref<'_> {
        let (w, h) = (self.width as usize, self.height as usize);
        let (y, chroma) = self.data.split_at(w * h);
        let (u, v) = chroma.split_at(w * h / 4);
        I420Ref {
            width: self.width,
            height: self.height,
            y: PlaneRef { data: y, stride: w },
            u: PlaneRef { data: u, stride: w / 2 },
            v: PlaneRef { data: v, stride: w / 2 },
        }
    }

    /// Its planes Y, U, V; rows follow each other without padding.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let luma = (self.width * self.height) as usize;
        let (y, chroma) = self.data.split_at_mut(luma);
        let (u, v) = chroma.split_at_mut(luma / 4);
        [y, u, v]
    }

    /// Makes it a copy of `from`, as far as both reach.
    pub fn copy_from(&mut self, from: &I420Ref<'_>) {
        self.rows(from, |out, row, _| out.copy_from_slice(row));
    }

    /// Makes it black.
    pub fn fill_black(&mut self) {
        let [y, u, v] = self.planes_mut();
        y.fill(BLACK);
        u.fill(GREY);
        v.fill(GREY);
    }

    /// Calls `with(row of this, row of `a`, byte that is black)` for every row of every plane.
    fn rows(&mut self, a: &I420Ref<'_>, mut with: impl FnMut(&mut [u8], &[u8], u8)) {
        let (stride, width) = (self.width as usize, self.width.min(a.width) as usize);
        let height = self.height.min(a.height) as usize;
        let [y, u, v] = self.planes_mut();
        for (plane, from, half, black) in [(y, a.y, 0, BLACK), (u, a.u, 1, GREY), (v, a.v, 1, GREY)] {
            for (i, out) in plane.chunks_exact_mut(stride >> half).take(height >> half).enumerate() {
                with(&mut out[..width >> half], from.row(i, width >> half), black);
            }
        }
    }
}

/// `out = a·(1 − weight) + b·weight`, rounded; `weight` of `b` from 0 to 256. Pictures of unlike size are mixed as far
/// as all reach.
pub fn mix(out: &mut I420, a: &I420Ref<'_>, b: &I420Ref<'_>, weight: u16) {
    let weight = weight.min(256);
    match weight {
        0 => return out.copy_from(a),
        256 => return out.copy_from(b),
        _ => {}
    }
    let (stride, width) = (out.width as usize, out.width.min(a.width).min(b.width) as usize);
    let height = out.height.min(a.height).min(b.height) as usize;
    let [y, u, v] = out.planes_mut();
    for (plane, a, b, half) in [(y, a.y, b.y, 0), (u, a.u, b.u, 1), (v, a.v, b.v, 1)] {
        for (i, out) in plane.chunks_exact_mut(stride >> half).take(height >> half).enumerate() {
            mix_row(&mut out[..width >> half], a.row(i, width >> half), b.row(i, width >> half), weight);
        }
    }
}

fn mix_row(out: &mut [u8], a: &[u8], b: &[u8], weight: u16) {
    let keep = 256 - weight;
    for ((o, &a), &b) in out.iter_mut().zip(a).zip(b) {
        // At most 255·256 + 128 = 65,408.
        let sum = u16::from(a).wrapping_mul(keep).wrapping_add(u16::from(b).wrapping_mul(weight));
        *o = (sum.wrapping_add(128) >> 8) as u8;
    }
}

/// `out = a·(1 − weight) + black·weight`, rounded; `weight` of black from 0 to 256.
pub fn towards_black(out: &mut I420, a: &I420Ref<'_>, weight: u16) {
    let weight = weight.min(256);
    let keep = 256 - weight;
    out.rows(a, |out, row, black| {
        // At most 255·256 + 128, as in `mix_row`.
        let add = u16::from(black).wrapping_mul(weight).wrapping_add(128);
        for (o, &a) in out.iter_mut().zip(row) {
            *o = (u16::from(a).wrapping_mul(keep).wrapping_add(add) >> 8) as u8;
        }
    });
}

/// A small picture with transparency, ready to be laid over a program's picture.
///
/// Its colours are multiplied by its alpha already: full white is 235 under alpha 255 and about 118 under 128.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sprite {
    x: i32,
    y: i32,
    width: u32,
    height: u32,
    luma: Layer,
    u: Vec<u8>,
    v: Vec<u8>,
    /// Alpha of U and V.
    half: Vec<u8>,
}

/// A plane and its alpha.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layer {
    data: Vec<u8>,
    alpha: Vec<u8>,
}

impl Sprite {
    /// Makes one from RGBA, 8 bits each, multiplied by alpha, sRGB or BT.709 primaries, `width · height · 4` bytes.
    /// `x` and `y` say where its upper left corner stands in the picture; they and the size are even, which
    /// is what half-size chroma needs (odd positions move by one pixel; an odd last row or column is left out).
    pub fn from_rgba(x: i32, y: i32, width: u32, height: u32, rgba: &[u8]) -> Sprite {
        let source_width = width as usize;
        let (w, h) = (source_width & !1, height as usize & !1);
        let mut sprite = Sprite {
            x: x & !1,
            y: y & !1,
            width: w as u32,
            height: h as u32,
            luma: Layer { data: vec![0; w * h], alpha: vec![0; w * h] },
            u: vec![0; w * h / 4],
            v: vec![0; w * h / 4],
            half: vec![0; w * h / 4],
        };
        for row in 0..h / 2 {
            for column in 0..w / 2 {
                let mut sum = [0u32; 4];
                for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    let (py, px) = (row * 2 + dy, column * 2 + dx);
                    let at = (py * source_width + px) * 4;
                    let pixel: [u8; 4] = rgba[at..at + 4].try_into().expect("four bytes");
                    sum.iter_mut().zip(pixel).for_each(|(s, p)| *s += u32::from(p));
                    let [luma, _, _, alpha] = weighted(pixel.map(f32::from));
                    sprite.luma.data[py * w + px] = luma.min(alpha);
                    sprite.luma.alpha[py * w + px] = alpha;
                }
                let [_, u, v, alpha] = weighted(sum.map(|s| s as f32 / 4.0));
                let at = row * (w / 2) + column;
                // What `blend_row` relies on: no colour is above its alpha.
                sprite.u[at] = u.min(alpha);
                sprite.v[at] = v.min(alpha);
                sprite.half[at] = alpha;
            }
        }
        sprite
    }

    /// Where its upper left corner stands, pixels: x, y.
    pub fn position(&self) -> (i32, i32) {
        (self.x, self.y)
    }

    /// Width and height, pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }
}

/// Luma, U, V and alpha of a pixel in RGBA that is multiplied by its alpha; ITU-R BT.709-6, sections 3.2 to 3.5.
fn weighted([r, g, b, alpha]: [f32; 4]) -> [u8; 4] {
    let luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let alpha_share = alpha / 255.0;
    let y = 16.0 * alpha_share + luma * 219.0 / 255.0;
    let u = 128.0 * alpha_share + (b - luma) / 1.8556 * 224.0 / 255.0;
    let v = 128.0 * alpha_share + (r - luma) / 1.5748 * 224.0 / 255.0;
    [y, u, v, alpha].map(|c| c.round().clamp(0.0, 255.0) as u8)
}

/// Lays `sprite` over `out`: `sprite·opacity + out·(1 − alpha·opacity)`, rounded; `opacity` from 0 to 256. What reaches
/// beyond the picture is cut off.
pub fn blend(out: &mut I420, sprite: &Sprite, opacity: u16) {
    let opacity = opacity.min(256);
    let Some(seen) = Seen::of(out, sprite).filter(|_| opacity > 0) else { return };
    let (stride, own) = (out.width as usize, sprite.width as usize);
    let [y, u, v] = out.planes_mut();
    let luma = (y, &sprite.luma.data, &sprite.luma.alpha, 0);
    for (plane, data, alpha, half) in [luma, (u, &sprite.u, &sprite.half, 1), (v, &sprite.v, &sprite.half, 1)] {
        let seen = seen.halved(half);
        let rows = plane.chunks_exact_mut(stride >> half).skip(seen.to.1);
        let from = data.chunks_exact(own >> half).zip(alpha.chunks_exact(own >> half)).skip(seen.from.1);
        for (out, (data, alpha)) in rows.zip(from).take(seen.height) {
            let out = &mut out[seen.to.0..][..seen.width];
            blend_row(out, &data[seen.from.0..][..seen.width], &alpha[seen.from.0..][..seen.width], opacity);
        }
    }
}

/// The part of a sprite that lies in the picture.
#[derive(Clone, Copy)]
struct Seen {
    /// Its upper left corner in the sprite.
    from: (usize, usize),
    /// The same in the picture.
    to: (usize, usize),
    width: usize,
    height: usize,
}

impl Seen {
    fn of(out: &I420, sprite: &Sprite) -> Option<Seen> {
        let span = |at: i32, length: u32, limit: u32| {
            let (begin, end) = (i64::from(at).max(0), (i64::from(at) + i64::from(length)).min(i64::from(limit)));
            (end > begin).then(|| ((begin - i64::from(at)) as usize, begin as usize, (end - begin) as usize))
        };
        let (from_x, to_x, width) = span(sprite.x, sprite.width, out.width)?;
        let (from_y, to_y, height) = span(sprite.y, sprite.height, out.height)?;
        Some(Seen { from: (from_x, from_y), to: (to_x, to_y), width, height })
    }

    fn halved(self, half: u32) -> Seen {
        let by = |(x, y): (usize, usize)| (x >> half, y >> half);
        Seen { from: by(self.from), to: by(self.to), width: self.width >> half, height: self.height >> half }
    }
}

/// One row. `data` is nowhere above `alpha`.
///
/// With k the rounded share of the sprite in 256ths: 255·(256 − k) + data·opacity + 128 is at most 65,535, for data·opacity
/// is at most alpha·opacity, and that is at most 255·k + 127.
fn blend_row(out: &mut [u8], data: &[u8], alpha: &[u8], opacity: u16) {
    if opacity == 256 {
        for ((o, &data), &alpha) in out.iter_mut().zip(data).zip(alpha) {
            let alpha = u16::from(alpha);
            let keep = 256 - (alpha + (alpha >> 7));
            let sum = u16::from(*o).wrapping_mul(keep).wrapping_add(u16::from(data) << 8);
            *o = (sum.wrapping_add(128) >> 8) as u8;
        }
        return;
    }
    for ((o, &data), &alpha) in out.iter_mut().zip(data).zip(alpha) {
        // alpha·opacity / 255, rounded: t = x + 128, (t + t / 256) / 256 is exact for x up to 65,025.
        let t = u16::from(alpha).wrapping_mul(opacity).wrapping_add(128);
        let keep = 256u16.wrapping_sub(t.wrapping_add(t >> 8) >> 8);
        let sum = u16::from(*o).wrapping_mul(keep).wrapping_add(u16::from(data).wrapping_mul(opacity));
        *o = (sum.wrapping_add(128) >> 8) as u8;
    }
}

#[cfg(test)]
mod tests;
