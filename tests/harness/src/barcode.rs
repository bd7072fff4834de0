//! A strip of black and white blocks at the top of a picture that names its source and its number.
//!
//! The strip is a twelfth of the picture high and holds [`BLOCKS`] blocks of equal width, left to right: a sync
//! pattern, the source (5 bits), the number of the frame (20 bits), a CRC-8 of both, and a sync pattern again.
//! Blocks are large enough to be read after scaling, after boxing, and at a low bitrate.

/// Blocks in the strip.
pub const BLOCKS: usize = 40;
/// The strip is this part of the picture high: 1/12.
pub const STRIP_PART: usize = 12;
/// Frames that can be numbered: 20 bits, 9.7 hours at 30 a second.
pub const COUNTER_MAX: u32 = (1 << 20) - 1;
/// Sources that can be named: 5 bits.
pub const SOURCE_MAX: u8 = 31;

const HEAD: [bool; 3] = [true, false, true];
const TAIL: [bool; 4] = [true, false, false, true];
/// Black and white in the limited range of video.
const BLACK: u8 = 16;
const WHITE: u8 = 235;
/// A block nearer to the middle than this is in doubt: a dissolve, or something lies over it.
const DOUBT: f64 = 30.0;

/// What a strip says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The source, 0 to [`SOURCE_MAX`].
    pub source: u8,
    /// The frame's number, 0 to [`COUNTER_MAX`].
    pub counter: u32,
}

/// A rectangle in a picture, pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}

impl Area {
    /// Where a picture of `inner` size stands when it is fitted whole into one of `outer` size, centred.
    pub fn fitted(inner: (usize, usize), outer: (usize, usize)) -> Area {
        let (width, height) = if inner.0 * outer.1 >= outer.0 * inner.1 {
            (outer.0, (inner.1 * outer.0 + inner.0 / 2) / inner.0)
        } else {
            ((inner.0 * outer.1 + inner.1 / 2) / inner.1, outer.1)
        };
        Area { x: (outer.0 - width) / 2, y: (outer.1 - height) / 2, width, height }
    }
}

fn crc8(bits: &[bool]) -> u8 {
    bits.iter().fold(0xff, |crc: u8, bit| {
        let carry = (crc >> 7 != 0) != *bit;
        (crc << 1) ^ if carry { 0x07 } else { 0 }
    })
}

fn number(bits: &[bool]) -> u32 {
    bits.iter().fold(0, |n, bit| n << 1 | u32::from(*bit))
}

fn push(out: &mut Vec<bool>, value: u32, bits: u32) {
    out.extend((0..bits).rev().map(|i| value >> i & 1 == 1));
}

fn to_bits(mark: Mark) -> Vec<bool> {
    let mut body = Vec::with_capacity(33);
    push(&mut body, u32::from(mark.source), 5);
    push(&mut body, mark.counter & COUNTER_MAX, 20);
    let crc = crc8(&body);
    push(&mut body, u32::from(crc), 8);
    [&HEAD[..], &body, &TAIL[..]].concat()
}

fn from_bits(bits: &[bool]) -> Option<Mark> {
    let body = bits.strip_prefix(&HEAD)?.strip_suffix(&TAIL)?;
    let (said, crc) = body.split_at(25);
    if crc8(said) != number(crc) as u8 {
        return None;
    }
    Some(Mark { source: number(&said[..5]) as u8, counter: number(&said[5..]) })
}

/// Draws the strip into a luma plane of `width` × `height` pixels without padding.
pub fn draw(luma: &mut [u8], width: usize, height: usize, mark: Mark) {
    let bits = to_bits(mark);
    let mut row = vec![BLACK; width];
    for (x, pixel) in row.iter_mut().enumerate() {
        if bits[x * BLOCKS / width] {
            *pixel = WHITE;
        }
    }
    for line in luma.chunks_exact_mut(width).take(height / STRIP_PART) {
        line.copy_from_slice(&row);
    }
}

/// Reads the strip of the picture that stands in `area` of a luma plane of `width` pixels a line. None where there
/// is none, or it is in doubt.
pub fn read(luma: &[u8], width: usize, area: Area) -> Option<Mark> {
    let strip = area.height / STRIP_PART;
    let block = area.width / BLOCKS;
    if strip < 4 || block < 4 {
        return None;
    }
    let mut bits = Vec::with_capacity(BLOCKS);
    for i in 0..BLOCKS {
        // The middle half of the block: its edges are smeared by scaling and by the encoder.
        let left = area.x + (area.width * (4 * i + 1)) / (4 * BLOCKS);
        let right = area.x + (area.width * (4 * i + 3)) / (4 * BLOCKS);
        let mean = mean(luma, width, (left, right), (area.y + strip / 4, area.y + strip * 3 / 4));
        let far = mean - (f64::from(BLACK) + f64::from(WHITE)) / 2.0;
        if far.abs() < DOUBT {
            return None;
        }
        bits.push(far > 0.0);
    }
    from_bits(&bits)
}

/// Mean of a rectangle of a plane, 0 to 255; `x` and `y` are half-open ranges of pixels.
pub fn mean(luma: &[u8], width: usize, x: (usize, usize), y: (usize, usize)) -> f64 {
    let mut sum = 0u64;
    for line in y.0..y.1 {
        sum += luma[line * width + x.0..line * width + x.1].iter().map(|p| u64::from(*p)).sum::<u64>();
    }
    let pixels = ((x.1 - x.0) * (y.1 - y.0)).max(1) as u64;
    sum as f64 / pixels as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_read() {
        for (width, height) in [(640, 360), (1280, 720), (640, 272), (320, 180), (854, 480)] {
            for mark in [(0, 0), (5, 12_345), (SOURCE_MAX, COUNTER_MAX)] {
                let mark = Mark { source: mark.0, counter: mark.1 };
                let mut luma = vec![100; width * height];
                draw(&mut luma, width, height, mark);
                assert_eq!(read(&luma, width, Area { x: 0, y: 0, width, height }), Some(mark), "{width}x{height}");
            }
        }
    }

    #[test]
    fn a_mix_of_two_is_in_doubt() {
        let (mut a, mut b) = (vec![0; 640 * 360], vec![0; 640 * 360]);
        draw(&mut a, 640, 360, Mark { source: 1, counter: 100 });
        draw(&mut b, 640, 360, Mark { source: 2, counter: 900 });
        let mixed: Vec<u8> = a.iter().zip(&b).map(|(a, b)| ((u16::from(*a) + u16::from(*b)) / 2) as u8).collect();
        assert_eq!(read(&mixed, 640, Area { x: 0, y: 0, width: 640, height: 360 }), None);
    }

    #[test]
    fn boxes_stand_in_the_middle() {
        assert_eq!(Area::fitted((640, 480), (1280, 720)), Area { x: 160, y: 0, width: 960, height: 720 });
        assert_eq!(Area::fitted((640, 272), (640, 360)), Area { x: 0, y: 44, width: 640, height: 272 });
    }
}
