//! Colour bars.

use crate::program::picture::I420;

/// Y, U, V of BT.709 in video range at 75 %: white, yellow, cyan, green, magenta, red, blue.
const BARS: [[u8; 3]; 7] =
    [[180, 128, 128], [168, 44, 136], [145, 147, 44], [133, 63, 52], [63, 193, 204], [51, 109, 212], [28, 212, 120]];
const BLACK: [u8; 3] = [16, 128, 128];
/// The row below: every second bar, from blue backwards.
const CASTELLATION: [[u8; 3]; 7] = [BARS[6], BLACK, BARS[4], BLACK, BARS[2], BLACK, BARS[0]];
/// The bottom row, with shares of the width in 84ths: −I, full white, +Q, black, and steps of 3.5 % below and
/// above black, to set up a screen by.
const BOTTOM: [([u8; 3], u32); 8] = [
    ([61, 153, 99], 15),
    ([235, 128, 128], 15),
    ([35, 174, 152], 15),
    (BLACK, 15),
    ([8, 128, 128], 4),
    (BLACK, 4),
    ([24, 128, 128], 4),
    (BLACK, 12),
];

pub(super) fn draw(width: u32, height: u32) -> I420 {
    let mut picture = I420::new(width, height);
    let (upper, lower) = (even(height * 2 / 3), even(height * 3 / 4));
    for i in 0..7u32 {
        let (from, to) = (even(width * i / 7), even(width * (i + 1) / 7));
        fill(&mut picture, (from, to), (0, upper), BARS[i as usize]);
        fill(&mut picture, (from, to), (upper, lower), CASTELLATION[i as usize]);
    }
    let mut share = 0;
    for (colour, part) in BOTTOM {
        let (from, to) = (even(width * share / 84), even(width * (share + part) / 84));
        fill(&mut picture, (from, to), (lower, height), colour);
        share += part;
    }
    picture
}

/// To the even pixel at or after, so that chroma meets luma; a picture's own size is even.
fn even(at: u32) -> u32 {
    at.next_multiple_of(2)
}

fn fill(picture: &mut I420, (left, right): (u32, u32), (top, bottom): (u32, u32), colour: [u8; 3]) {
    let width = picture.width as usize;
    for (i, (plane, level)) in picture.planes_mut().into_iter().zip(colour).enumerate() {
        let half = u32::from(i > 0);
        let rows = plane.chunks_exact_mut(width >> half).skip((top >> half) as usize);
        for row in rows.take(((bottom - top) >> half) as usize) {
            row[(left >> half) as usize..(right >> half) as usize].fill(level);
        }
    }
}
