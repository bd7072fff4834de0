//! Finds beeps in sound, and their pitch.

use crate::clip::{SAMPLES, pitch_hz};

/// A beep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beep {
    /// Its first sample.
    pub sample: usize,
    /// Its pitch, hertz, by its zero crossings.
    pub hz: f64,
    /// Its length, milliseconds.
    pub ms: usize,
}

impl Beep {
    /// The source whose pitch it has, within 60 Hz.
    pub fn source(&self) -> Option<u8> {
        (0..=crate::barcode::SOURCE_MAX).find(|source| (f64::from(pitch_hz(*source)) - self.hz).abs() < 60.0)
    }
}

/// Samples in a millisecond.
const MS: usize = SAMPLES as usize / 1000;
/// Loud enough for a beep: a made one peaks at 16,000 and averages 10,000; a room's noise is far below.
const LOUD: i32 = 2500;
/// Lengths that count, milliseconds: a tone that stays, or a click, is no beep.
const LENGTHS: std::ops::RangeInclusive<usize> = 35..=120;

/// Every beep in one channel of sound at 48 kHz.
pub fn find(sound: &[i16]) -> Vec<Beep> {
    let mean = |ms: &[i16]| ms.iter().map(|s| i32::from(*s).abs()).sum::<i32>() / MS as i32;
    let loud: Vec<bool> = sound.chunks_exact(MS).map(|ms| mean(ms) > LOUD).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(begin) = loud[at..].iter().position(|loud| *loud).map(|i| at + i) {
        // A beep ends where 5 ms are quiet: inside it, a millisecond may be.
        let quiet = |i: &usize| (*i..i + 5).all(|ms| !loud.get(ms).copied().unwrap_or(false));
        let end = (begin..loud.len()).find(quiet).unwrap_or(loud.len());
        if LENGTHS.contains(&(end - begin)) {
            found.push(measure(sound, begin, end));
        }
        at = end;
    }
    found
}

fn measure(sound: &[i16], begin: usize, end: usize) -> Beep {
    // The first sample past a quarter of the loudness, within the millisecond before and the first one.
    let from = begin.saturating_sub(1) * MS;
    let first = (from..end * MS).find(|i| i32::from(sound[*i]).abs() > LOUD).unwrap_or(begin * MS);
    // The pitch from the middle, where neither edge reaches.
    let middle = &sound[(begin + 8) * MS..(end - 8) * MS];
    let rising: Vec<usize> = (1..middle.len()).filter(|i| middle[i - 1] < 0 && middle[*i] >= 0).collect();
    let hz = match (rising.first(), rising.last()) {
        (Some(a), Some(b)) if b > a => (rising.len() - 1) as f64 * f64::from(SAMPLES) / (b - a) as f64,
        _ => 0.0,
    };
    Beep { sample: first, hz, ms: end - begin }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, from_ms: usize, ms: usize, sound: &mut [i16]) {
        for i in 0..ms * MS {
            let turn = std::f64::consts::TAU * hz * i as f64 / f64::from(SAMPLES);
            sound[from_ms * MS + i] = (turn.sin() * 16_000.0) as i16;
        }
    }

    #[test]
    fn beeps_are_told_apart_and_a_long_tone_is_none() {
        let mut sound = vec![0i16; 3000 * MS];
        tone(600.0, 500, 60, &mut sound);
        tone(1200.0, 1000, 60, &mut sound);
        tone(1000.0, 1500, 700, &mut sound);
        let beeps = find(&sound);
        let found: Vec<_> = beeps.iter().map(|b| (b.sample / MS, b.source())).collect();
        assert_eq!(found, [(500, Some(0)), (1000, Some(3))]);
    }
}
