//! Transitions, judged picture by picture: what a dissolve and a fade must look like at each tick.

use crate::recording::Picture;

/// Black, as Y, U, V.
const BLACK: [f64; 3] = [16.0, 128.0, 128.0];
/// Pictures before and after a mix that tell how its two sides look.
const SIDE: usize = 4;

/// A kind of transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// One side goes as the other comes.
    Dissolve,
    /// One side goes to black, then the other comes out of it.
    Fade,
}

/// How far the pictures of a mix are at most from what they must be, in steps of 8 bits over luma and both chromas.
///
/// The mix has its first picture at index `at` and lasts for `ticks` pictures, in even steps that touch neither end:
/// picture `i` of it has the weight `(i + 1) / (ticks + 1)`. In a fade black is at the middle.
pub fn worst_off(pictures: &[Picture], at: usize, ticks: usize, kind: Mix) -> f64 {
    let (from, to) = (side(&pictures[at - SIDE..at]), side(&pictures[at + ticks..at + ticks + SIDE]));
    let mut worst = 0.0f64;
    for (i, picture) in pictures[at..at + ticks].iter().enumerate() {
        let weight = (i + 1) as f64 / (ticks + 1) as f64;
        let wanted = match kind {
            Mix::Dissolve => between(from, to, weight),
            Mix::Fade if weight < 0.5 => between(from, BLACK, weight * 2.0),
            Mix::Fade => between(BLACK, to, weight * 2.0 - 1.0),
        };
        let off = picture.plain.iter().zip(wanted).map(|(is, wanted)| (is - wanted).abs());
        worst = off.fold(worst, f64::max);
    }
    worst
}

fn side(pictures: &[Picture]) -> [f64; 3] {
    let mean = |channel: usize| pictures.iter().map(|p| p.plain[channel]).sum::<f64>() / pictures.len() as f64;
    [mean(0), mean(1), mean(2)]
}

fn between(a: [f64; 3], b: [f64; 3], weight: f64) -> [f64; 3] {
    std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * weight)
}
