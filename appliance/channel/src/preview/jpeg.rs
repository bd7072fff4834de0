//! A small JPEG of a picture.
//!
//! JPEG files hold BT.601 colours in full range (JFIF 1.02), our pictures BT.709 in video range: the conversion
//! is done on the small picture.

use crate::program::picture::{I420Ref, PlaneRef};
use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor};

/// Strongest reduction: what the sums of `reduce` hold.
const FACTOR_MAX: u32 = 257;

/// A JPEG at most `max_width` pixels wide, `quality` 1 to 100. The picture is reduced by a whole factor, each pixel the
/// mean of its square. Empty where the picture is smaller than one pixel of the result.
pub fn jpeg(picture: &I420Ref<'_>, max_width: u32, quality: u8) -> Vec<u8> {
    let factor = picture.width.div_ceil(max_width.max(2)).clamp(1, FACTOR_MAX) as usize;
    let small = Small::of(picture, factor);
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, quality.clamp(1, 100));
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    if let Err(error) = encoder.encode_image(small) {
        tracing::warn!(%error, "no preview");
        return Vec::new();
    }
    out
}

/// A reduced picture in the colours of JPEG; luma still lacks its tint.
struct Small {
    width: usize,
    height: usize,
    y: Vec<u8>,
    /// What chroma adds to luma, in fixed point.
    tint: Vec<i32>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl Small {
    fn of(picture: &I420Ref<'_>, factor: usize) -> Small {
        // Chroma has half the size: both are even.
        let (width, height) = (picture.width as usize / factor / 2 * 2, picture.height as usize / factor / 2 * 2);
        let chroma = |plane| reduce(plane, width / 2, height / 2, factor);
        let (mut u, mut v) = (chroma(picture.u), chroma(picture.v));
        let mut tint = vec![HALF; u.len()];
        for ((u, v), tint) in u.iter_mut().zip(&mut v).zip(&mut tint) {
            let (blue, red) = (i32::from(*u) - 128, i32::from(*v) - 128);
            *tint += Y_OF_U * blue + Y_OF_V * red;
            *u = byte(128 + ((U_OF_U * blue + U_OF_V * red + HALF) >> 14));
            *v = byte(128 + ((V_OF_U * blue + V_OF_V * red + HALF) >> 14));
        }
        Small { width, height, y: reduce(picture.y, width, height, factor), tint, u, v }
    }
}

fn byte(level: i32) -> u8 {
    level.clamp(0, 255) as u8
}

/// Means of squares of `factor` by `factor` pixels.
fn reduce(plane: PlaneRef<'_>, width: usize, height: usize, factor: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(width * height);
    let mut sums = vec![0u16; width * factor];
    // A sum is at most 255 · factor², so that sum · reciprocal + half stays below 2³².
    let reciprocal = (1 << 24) / (factor * factor) as u32;
    let mean = |sums: &[u16]| {
        let sum: u32 = sums.iter().map(|s| u32::from(*s)).sum();
        ((sum.wrapping_mul(reciprocal).wrapping_add(1 << 23)) >> 24) as u8
    };
    for y in 0..height {
        sums.fill(0);
        for row in 0..factor {
            let row = plane.row(y * factor + row, width * factor);
            // FACTOR_MAX rows of 255 fit.
            sums.iter_mut().zip(row).for_each(|(sum, level)| *sum = sum.wrapping_add(u16::from(*level)));
        }
        match factor {
            // Known lengths, so that the common sizes are unrolled.
            2 => out.extend(sums.as_chunks::<2>().0.iter().map(|s| mean(s))),
            3 => out.extend(sums.as_chunks::<3>().0.iter().map(|s| mean(s))),
            4 => out.extend(sums.as_chunks::<4>().0.iter().map(|s| mean(s))),
            6 => out.extend(sums.as_chunks::<6>().0.iter().map(|s| mean(s))),
            _ => out.extend(sums.chunks_exact(factor).map(mean)),
        }
    }
    out
}

/// Fixed point with 14 bits.
const ONE: f64 = 16384.0;
/// Range of luma and chroma: 219 and 224 steps become 255.
const LUMA: i32 = (ONE * 255.0 / 219.0) as i32;
/// From BT.709 to BT.601: what blue and red difference add to luma, and to each other. Both are weighted sums of the same
/// red, green and blue.
const Y_OF_U: i32 = (ONE * 255.0 / 224.0 * 0.101_579) as i32;
const Y_OF_V: i32 = (ONE * 255.0 / 224.0 * 0.196_076) as i32;
const U_OF_U: i32 = (ONE * 255.0 / 224.0 * 0.989_854) as i32;
const U_OF_V: i32 = (ONE * 255.0 / 224.0 * -0.110_653) as i32;
const V_OF_U: i32 = (ONE * 255.0 / 224.0 * -0.072_453) as i32;
const V_OF_V: i32 = (ONE * 255.0 / 224.0 * 0.983_398) as i32;
const HALF: i32 = 1 << 13;

impl ImageBuffer for Small {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width as u16
    }

    fn height(&self) -> u16 {
        self.height as u16
    }

    fn fill_buffers(&self, y: u16, [ys, us, vs, _]: &mut [Vec<u8>; 4]) {
        let (row, half) = (usize::from(y), self.width / 2);
        let luma = self.y[row * self.width..][..self.width].as_chunks::<2>().0;
        let tint = &self.tint[row / 2 * half..][..half];
        for ((out, luma), tint) in more(ys, self.width).iter_mut().zip(luma).zip(tint) {
            *out = luma.map(|level| byte(((i32::from(level) - 16) * LUMA + tint) >> 14));
        }
        for (out, plane) in [(us, &self.u), (vs, &self.v)] {
            let chroma = &plane[row / 2 * half..][..half];
            more(out, self.width).iter_mut().zip(chroma).for_each(|(out, c)| *out = [*c; 2]);
        }
    }
}

/// Makes `buffer` longer by `width` bytes and answers them in pairs.
fn more(buffer: &mut Vec<u8>, width: usize) -> &mut [[u8; 2]] {
    let begin = buffer.len();
    buffer.resize(begin + width, 0);
    buffer[begin..].as_chunks_mut::<2>().0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::overlay::Painter;
    use crate::program::picture::I420;
    use zune_jpeg::JpegDecoder;
    use zune_jpeg::zune_core::bytestream::ZCursor;

    fn decoded(jpeg: &[u8]) -> (usize, usize, Vec<u8>) {
        let mut decoder = JpegDecoder::new(ZCursor::new(jpeg));
        let pixels = decoder.decode().unwrap();
        let info = decoder.info().unwrap();
        (usize::from(info.width), usize::from(info.height), pixels)
    }

    #[test]
    fn bars_keep_their_colours() {
        let bars = Painter::without_fonts().bars(1920, 1080);
        let (width, height, pixels) = decoded(&jpeg(&bars.as_ref(), 480, 90));
        assert_eq!((width, height), (480, 270));
        let wanted = [[191; 3], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191]];
        for (i, wanted) in wanted.into_iter().enumerate() {
            let at = (100 * width + width * (2 * i + 1) / 14) * 3;
            let is = &pixels[at..at + 3];
            let off = is.iter().zip(wanted).map(|(a, b)| (i32::from(*a) - b).abs()).max().unwrap();
            assert!(off <= 6, "bar {i}: {is:?}, not {wanted:?}");
        }
    }

    #[test]
    fn every_size_is_possible() {
        for (w, h, max, size) in [
            (1920, 1080, 640, (640, 360)),
            (1920, 1080, 320, (320, 180)),
            (1280, 720, 500, (426, 240)),
            (64, 64, 640, (64, 64)),
            (720, 576, 240, (240, 192)),
            (1920, 64, 2, (6, 0)),
        ] {
            let picture = I420::new(w, h);
            let made = jpeg(&picture.as_ref(), max, 70);
            if size.1 == 0 {
                assert!(made.is_empty());
                continue;
            }
            let (width, height, pixels) = decoded(&made);
            assert_eq!((width, height), size, "{w}x{h} at most {max}");
            assert!(pixels.iter().all(|p| *p <= 1), "black is black");
        }
    }

    #[test]
    fn a_square_becomes_its_mean() {
        let data: Vec<u8> = (0..8 * 6).map(|i| (i * 5) as u8).collect();
        let plane = PlaneRef { data: &data, stride: 8 };
        let mean = |x: usize, y: usize| {
            let sum: u32 = (0..9).map(|i| u32::from(data[(y * 3 + i / 3) * 8 + x * 3 + i % 3])).sum();
            ((f64::from(sum) / 9.0).round()) as u8
        };
        assert_eq!(reduce(plane, 2, 2, 3), [mean(0, 0), mean(1, 0), mean(0, 1), mean(1, 1)]);
    }
}
