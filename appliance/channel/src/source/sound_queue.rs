//! Sound that waits, read at its pace. Where it breaks off, comes or goes, it fades within 20 ms and never clicks.

use crate::program::sound_mix::Resampler;
use automation::sound_pace::{Join, RAMP_FRAMES, SAMPLE_HZ, SoundPace};
use std::collections::VecDeque;

/// Sound that is due so soon counts as flowing now, nanoseconds: a picture's length.
const SOON_NS: f64 = 40_000_000.0;

/// A queue of interleaved stereo at 48 kHz.
#[derive(Debug, Default)]
pub(super) struct SoundQueue {
    samples: VecDeque<f32>,
    pace: SoundPace,
    resampler: Resampler,
    frames_in: u64,
}

impl SoundQueue {
    /// Sample frames that wait.
    pub(super) fn waiting(&self) -> usize {
        self.samples.len() / 2
    }

    /// Sample frames that came in since the start.
    pub(super) fn frames_in(&self) -> u64 {
        self.frames_in
    }

    /// Whether what waits is what is due at `at_ns`: sound flows.
    pub(super) fn covers(&self, at_ns: u64) -> bool {
        let late_ns = self.pace.late_ns(at_ns, self.waiting());
        let long_ns = self.waiting() as f64 * 1e9 / SAMPLE_HZ;
        self.waiting() > 0 && late_ns < long_ns && late_ns > -SOON_NS
    }

    /// Lets all go.
    pub(super) fn clear(&mut self) {
        *self = SoundQueue { frames_in: self.frames_in, ..SoundQueue::default() };
    }

    /// A packet that is due at `due_ns`.
    pub(super) fn put(&mut self, due_ns: u64, packet: &[f32]) {
        let (frames, waiting) = (packet.len() / 2, self.waiting());
        self.frames_in += frames as u64;
        let begins = self.samples.len();
        match self.pace.put(due_ns, frames, waiting) {
            Join::On => self.samples.extend(packet),
            Join::Anew => self.replace(0, packet),
            Join::Over(end) => self.replace(begins - 2 * end, packet),
            Join::After(silence) => {
                self.samples.extend(std::iter::repeat_n(0.0, 2 * silence));
                let packet_at = self.samples.len();
                self.samples.extend(packet);
                self.fade_out(begins);
                self.fade_in(packet_at);
            }
        }
    }

    /// Puts a packet in the place of what waits from sample `at` on; what was there fades out under it.
    fn replace(&mut self, at: usize, packet: &[f32]) {
        let gone: Vec<f32> = self.samples.drain(at..).take(2 * RAMP_FRAMES).collect();
        self.samples.extend(packet);
        if gone.is_empty() {
            return;
        }
        self.fade_in(at);
        let ramp = (gone.len() / 2) as f32;
        for (i, (sample, gone)) in self.samples.range_mut(at..).zip(gone).enumerate() {
            *sample += gone * (1.0 - (i / 2) as f32 / ramp);
        }
    }

    /// Lowers the 20 ms before sample `to` to silence.
    fn fade_out(&mut self, to: usize) {
        let from = to.saturating_sub(2 * RAMP_FRAMES);
        let frames = ((to - from) / 2) as f32;
        for (i, sample) in self.samples.range_mut(from..to).enumerate() {
            *sample *= 1.0 - ((i / 2) as f32 + 1.0) / frames;
        }
    }

    /// Raises the 20 ms from sample `from` on out of silence.
    fn fade_in(&mut self, from: usize) {
        let to = self.samples.len().min(from + 2 * RAMP_FRAMES);
        let ramp = ((to - from) / 2) as f32;
        for (i, sample) in self.samples.range_mut(from..to).enumerate() {
            *sample *= (i / 2) as f32 / ramp;
        }
    }

    /// Nobody listens: what was due before `at_ns` goes.
    pub(super) fn pass(&mut self, at_ns: u64) {
        let old = self.pace.pass(at_ns, self.waiting());
        self.samples.drain(..2 * old);
    }

    /// Fills `out` with what is due from `at_ns` on, and with silence where there is nothing.
    pub(super) fn listen(&mut self, at_ns: u64, out: &mut [f32]) {
        out.fill(0.0);
        let reading = self.pace.read(at_ns, out.len() / 2, self.waiting());
        let tail = if reading.breaks { self.tail(out.len() / 2) } else { Vec::new() };
        self.samples.drain(..2 * reading.drop);
        let heard = &mut out[2 * reading.skip..][..2 * reading.frames];
        if !heard.is_empty() {
            self.resampler.pull(&mut self.samples, reading.ratio, heard);
        }
        if reading.begins {
            fade(heard.chunks_exact_mut(2));
        }
        if reading.ends {
            fade(heard.chunks_exact_mut(2).rev());
        }
        let ramp = (tail.len() / 2) as f32;
        for (i, (heard, gone)) in out.iter_mut().zip(tail).enumerate() {
            *heard += gone * (1.0 - (i / 2) as f32 / ramp);
        }
    }

    /// What would have been heard next, to go on under what breaks in, down to silence.
    fn tail(&self, frames: usize) -> Vec<f32> {
        let frames = frames.min(RAMP_FRAMES).min(self.waiting());
        let mut tail = vec![0.0; 2 * frames];
        let mut samples: VecDeque<f32> = self.samples.iter().take(2 * frames + 64).copied().collect();
        // By the resampler, which has taken in some frames that it has not given yet.
        self.resampler.clone().pull(&mut samples, 1.0, &mut tail);
        tail
    }

    /// How far the next sample is from its time at `at_ns`, nanoseconds.
    #[cfg(test)]
    pub(super) fn late_ns(&self, at_ns: u64) -> f64 {
        self.pace.late_ns(at_ns, self.waiting())
    }
}

/// Raises frames out of silence, in the order given: in 20 ms, or in all there are.
fn fade<'a>(frames: impl ExactSizeIterator<Item = &'a mut [f32]>) {
    let ramp = frames.len().min(RAMP_FRAMES);
    for (i, frame) in frames.take(ramp).enumerate() {
        let gain = i as f32 / ramp as f32;
        frame.iter_mut().for_each(|s| *s *= gain);
    }
}
