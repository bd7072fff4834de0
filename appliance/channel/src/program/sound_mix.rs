//! Sound, interleaved stereo at 48 kHz: following a source's clock, and measuring loudness.

use automation::status::Meters;
use std::collections::VecDeque;
use std::sync::OnceLock;

/// Input frames that make one output frame.
const TAPS: usize = 16;
/// The tap at the position, or just before it.
const CENTRE: usize = TAPS / 2 - 1;
/// Positions between two input frames for which the filter is kept; between them it is interpolated.
const PHASES: usize = 256;
/// Shape of the Kaiser window: side lobes below −80 dB.
const KAISER_BETA: f64 = 8.0;
/// Furthest from 1 that a ratio may be.
const RATIO_SLACK: f64 = 0.002;

/// Changes the speed of sound by up to ±2000 ppm, so that a source whose clock drifts stays with the program.
///
/// A windowed sinc of 16 taps. At ratio 1 it hands samples on bit for bit. A change of the ratio moves only the
/// speed of the position, never the position, and so cannot click.
#[derive(Clone, Debug)]
pub struct Resampler {
    /// The newest input frames, oldest first.
    window: [[f32; 2]; TAPS],
    /// Position between `window[CENTRE]` and the frame after it, 0 to 1.
    position: f64,
    primed: bool,
}

impl Default for Resampler {
    fn default() -> Resampler {
        Resampler { window: [[0.0; 2]; TAPS], position: 0.0, primed: false }
    }
}

impl Resampler {
    /// Fills `out` from the front of `input`, both interleaved stereo. `ratio` is input frames per output frame and is
    /// kept within 0.998 to 1.002. Where the input ends, its last frame is held.
    pub fn pull(&mut self, input: &mut VecDeque<f32>, ratio: f64, out: &mut [f32]) {
        let ratio = ratio.clamp(1.0 - RATIO_SLACK, 1.0 + RATIO_SLACK);
        if !self.primed {
            (0..TAPS - CENTRE).for_each(|_| self.step(input));
            self.primed = true;
        }
        let filters = filters();
        for frame in out.chunks_exact_mut(2) {
            frame.copy_from_slice(&self.frame(filters));
            self.position += ratio;
            while self.position >= 1.0 {
                self.position -= 1.0;
                self.step(input);
            }
        }
    }

    fn step(&mut self, input: &mut VecDeque<f32>) {
        let frame = match (input.pop_front(), input.pop_front()) {
            (Some(left), Some(right)) => [left, right],
            _ => self.window[TAPS - 1],
        };
        self.window.copy_within(1.., 0);
        self.window[TAPS - 1] = frame;
    }

    fn frame(&self, filters: &[[f32; TAPS]]) -> [f32; 2] {
        if self.position == 0.0 {
            return self.window[CENTRE];
        }
        let at = self.position * PHASES as f64;
        let phase = (at as usize).min(PHASES - 1);
        let part = (at - phase as f64) as f32;
        let mut sum = [0f32; 2];
        for ((frame, a), b) in self.window.iter().zip(&filters[phase]).zip(&filters[phase + 1]) {
            let gain = a + (b - a) * part;
            sum[0] += frame[0] * gain;
            sum[1] += frame[1] * gain;
        }
        sum
    }
}

/// One filter per phase, and one more for the end of the last.
fn filters() -> &'static [[f32; TAPS]] {
    static FILTERS: OnceLock<Vec<[f32; TAPS]>> = OnceLock::new();
    FILTERS.get_or_init(|| (0..=PHASES).map(|phase| filter(phase as f64 / PHASES as f64)).collect())
}

/// A sinc under a Kaiser window, for a position `part` of a frame after the centre; its gains add up to 1.
fn filter(part: f64) -> [f32; TAPS] {
    let gains: [f64; TAPS] = std::array::from_fn(|tap| {
        let x = tap as f64 - CENTRE as f64 - part;
        let sinc = if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
        let edge = x / (TAPS as f64 / 2.0);
        sinc * bessel_i0(KAISER_BETA * (1.0 - edge * edge).max(0.0).sqrt()) / bessel_i0(KAISER_BETA)
    });
    let sum: f64 = gains.iter().sum();
    gains.map(|gain| (gain / sum) as f32)
}

/// Modified Bessel function of the first kind, order 0, by its power series (Abramowitz and Stegun 9.6.12).
fn bessel_i0(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..40 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

/// Frames in one block of the meter, 10 ms, and blocks in its window, 100 ms.
const BLOCK_FRAMES: u32 = 480;
const BLOCKS: usize = 10;
/// What silence reads, dB.
const FLOOR_DB: f32 = -90.0;

/// Measures peak and RMS over the last 100 ms, in steps of 10 ms.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    blocks: VecDeque<Block>,
    filling: Block,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    frames: u32,
    peak: [f32; 2],
    squares: [f64; 2],
}

impl Meter {
    /// Takes interleaved stereo.
    pub fn push(&mut self, samples: &[f32]) {
        for frame in samples.chunks_exact(2) {
            for (channel, sample) in frame.iter().enumerate() {
                self.filling.peak[channel] = self.filling.peak[channel].max(sample.abs());
                self.filling.squares[channel] += f64::from(sample * sample);
            }
            self.filling.frames += 1;
            if self.filling.frames == BLOCK_FRAMES {
                self.blocks.push_back(std::mem::take(&mut self.filling));
                if self.blocks.len() > BLOCKS {
                    self.blocks.pop_front();
                }
            }
        }
    }

    /// Levels in decibels below full scale, from −90.
    pub fn meters(&self) -> Meters {
        let frames: u32 = self.blocks.iter().map(|b| b.frames).sum();
        let of = |channel: usize| {
            let peak = self.blocks.iter().fold(0f32, |peak, b| peak.max(b.peak[channel]));
            let squares: f64 = self.blocks.iter().map(|b| b.squares[channel]).sum();
            let rms = (squares / f64::from(frames.max(1))).sqrt() as f32;
            (decibels(peak), decibels(rms))
        };
        let (left, right) = (of(0), of(1));
        Meters { peak_db: [left.0, right.0], rms_db: [left.1, right.1] }
    }
}

/// A sample as the encoder can take it: full scale is as loud as it gets, and what is no number is silence. libavcodec's
/// encoder of AAC ends with an error at the latter, and goes round in circles for ever at samples of 10⁸.
pub fn full_scale(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) }
}

/// 20·log10, from −90; a level that is no number reads as silence.
fn decibels(level: f32) -> f32 {
    (20.0 * level.log10()).max(FLOOR_DB)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn sine(hz: f64, frames: usize) -> VecDeque<f32> {
        let sample = |i: usize| (0.5 * (TAU * hz * i as f64 / 48_000.0).sin()) as f32;
        (0..frames).flat_map(|i| [sample(i), -sample(i)]).collect()
    }

    /// Signal to noise in dB of the left channel against the best sine of this frequency (a least-squares fit).
    fn snr(samples: &[f32], hz: f64) -> f64 {
        let left: Vec<f64> = samples.iter().step_by(2).map(|s| f64::from(*s)).collect();
        let wave = |i: usize| (TAU * hz * i as f64 / 48_000.0).sin_cos();
        let (mut ss, mut sc, mut cc, mut xs, mut xc) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (i, x) in left.iter().enumerate() {
            let (sin, cos) = wave(i);
            (ss, sc, cc, xs, xc) = (ss + sin * sin, sc + sin * cos, cc + cos * cos, xs + x * sin, xc + x * cos);
        }
        let determinant = ss * cc - sc * sc;
        let (s, c) = ((xs * cc - xc * sc) / determinant, (xc * ss - xs * sc) / determinant);
        let noise: f64 = left.iter().enumerate().map(|(i, x)| (x - s * wave(i).0 - c * wave(i).1).powi(2)).sum();
        10.0 * (left.iter().map(|x| x * x).sum::<f64>() / noise).log10()
    }

    #[test]
    fn a_sine_stays_a_sine() {
        for ppm in [-2000.0, -500.0, 500.0, 2000.0] {
            for hz in [100.0, 1000.0, 10_000.0] {
                let ratio = 1.0 + ppm / 1e6;
                let (mut input, mut out) = (sine(hz, 49_000), vec![0.0; 96_000]);
                let mut resampler = Resampler::default();
                // In pieces of 1600 frames, as the ticks ask.
                out.chunks_mut(3200).for_each(|piece| resampler.pull(&mut input, ratio, piece));
                // Past the first taps, which begin in silence.
                let snr = snr(&out[4800..4800 + 76_800], hz * ratio);
                assert!(snr > 60.0, "{hz} Hz at {ppm} ppm: {snr:.1} dB");
                let taken = 98_000 - input.len();
                assert!((taken as f64 / 2.0 - 48_000.0 * ratio).abs() < 12.0, "{taken} samples taken");
            }
        }
    }

    #[test]
    fn at_its_own_speed_nothing_changes() {
        let (mut input, mut out) = (sine(997.0, 5000), vec![0.0; 9600]);
        let before: Vec<f32> = input.iter().copied().collect();
        Resampler::default().pull(&mut input, 1.0, &mut out);
        assert_eq!(out, before[..9600]);
    }

    #[test]
    fn a_changed_ratio_makes_no_click() {
        let (mut input, mut out) = (sine(440.0, 60_000), vec![0.0; 96_000]);
        let mut resampler = Resampler::default();
        for (i, piece) in out.chunks_mut(320).enumerate() {
            resampler.pull(&mut input, if i % 2 == 0 { 1.002 } else { 0.998 }, piece);
        }
        let steepest = 0.5 * TAU * 440.0 / 48_000.0 * 1.01;
        let worst = out.chunks_exact(2).zip(out[2..].chunks_exact(2)).map(|(a, b)| (b[0] - a[0]).abs());
        assert!(worst.fold(0.0, f32::max) < steepest as f32);
    }

    #[test]
    fn an_input_that_ends_is_held() {
        let (mut input, mut out) = (VecDeque::from(vec![0.25; 200]), vec![0.0; 400]);
        let mut resampler = Resampler::default();
        resampler.pull(&mut input, 1.001, &mut out);
        assert!(out[40..].iter().all(|s| (s - 0.25).abs() < 1e-5) && input.is_empty());
    }

    #[test]
    fn no_source_is_louder_than_full_scale() {
        let cases =
            [(0.3, 0.3), (-1.0, -1.0), (1.5, 1.0), (-1e8, -1.0), (f32::INFINITY, 1.0), (f32::NEG_INFINITY, -1.0)];
        for (sample, wanted) in cases {
            assert_eq!(full_scale(sample), wanted, "{sample}");
        }
        assert_eq!(full_scale(f32::NAN), 0.0);
    }

    #[test]
    fn meters_read_what_they_should() {
        let mut meter = Meter::default();
        assert_eq!(meter.meters(), Meters::default());
        let tone: Vec<f32> = sine(1000.0, 9600).into();
        meter.push(&tone);
        let read = meter.meters();
        assert!((read.peak_db[0] + 6.02).abs() < 0.01 && (read.peak_db[1] + 6.02).abs() < 0.01, "{read:?}");
        assert!((read.rms_db[0] + 9.03).abs() < 0.01, "{read:?}");
        meter.push(&vec![0.0; 4800 * 2]);
        assert_eq!(meter.meters(), Meters::default(), "after 100 ms of silence");
        meter.push(&vec![f32::NAN; 480 * 2]);
        assert!(meter.meters().peak_db.iter().all(|db| db.is_finite()));
    }
}
