//! The sound of a feed that waits to be heard: which of the source's own times lies where in the queue.

use super::PACKET_FRAMES;
use automation::sound_pace::{Join, SAMPLE_HZ, SoundPace};
use std::collections::VecDeque;

/// Sample frames in a row; none is silence that keeps a place.
#[derive(Clone, Copy, Debug)]
struct Run {
    stream_ns: Option<f64>,
    frames: f64,
}

#[derive(Default)]
pub(super) struct Sound {
    pace: SoundPace,
    runs: VecDeque<Run>,
}

/// What a tick has heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// The source's own time of the first of it; none of silence.
    pub(super) stream_ns: Option<i64>,
    pub(super) frames: usize,
    pub(super) breaks: bool,
}

fn ns(frames: f64) -> f64 {
    frames * 1e9 / SAMPLE_HZ
}

impl Sound {
    fn waiting(&self) -> usize {
        self.runs.iter().map(|run| run.frames).sum::<f64>() as usize
    }

    /// A packet comes.
    pub(super) fn put(&mut self, due_ns: i64, stream_ns: i64) {
        match self.pace.put(due_ns as u64, PACKET_FRAMES as usize, self.waiting()) {
            Join::On => {}
            Join::After(frames) => self.runs.push_back(Run { stream_ns: None, frames: frames as f64 }),
            Join::Over(frames) => self.cut(frames as f64),
            Join::Anew => self.runs.clear(),
        }
        self.runs.push_back(Run { stream_ns: Some(stream_ns as f64), frames: PACKET_FRAMES as f64 });
    }

    /// Takes away so many of the last frames.
    fn cut(&mut self, frames: f64) {
        let mut left = frames;
        while left > 0.0
            && let Some(last) = self.runs.back_mut()
        {
            let some = left.min(last.frames);
            last.frames -= some;
            left -= some;
            if last.frames <= 0.0 {
                self.runs.pop_back();
            }
        }
    }

    /// Takes away so many of the first frames.
    fn take(&mut self, frames: f64) {
        let mut left = frames;
        while left > 0.0
            && let Some(first) = self.runs.front_mut()
        {
            let some = left.min(first.frames);
            first.frames -= some;
            first.stream_ns = first.stream_ns.map(|stream| stream + ns(some));
            left -= some;
            if first.frames <= 0.0 {
                self.runs.pop_front();
            }
        }
    }

    /// Nobody listens.
    pub(super) fn pass(&mut self, at_ns: i64) {
        let old = self.pace.pass(at_ns as u64, self.waiting());
        self.take(old as f64);
    }

    /// Reads what is due at a tick; or, to show what that is for, whatever is there.
    pub(super) fn read(&mut self, at_ns: i64, count: usize, as_it_comes: bool) -> Heard {
        let mut reading = self.pace.read(at_ns as u64, count, self.waiting());
        if as_it_comes {
            (reading.drop, reading.skip, reading.frames) = (0, 0, count.min(self.waiting()));
            (reading.ratio, reading.breaks) = (1.0, false);
        }
        self.take(reading.drop as f64);
        let stream_ns = self.runs.front().and_then(|run| run.stream_ns).map(|stream| stream as i64);
        self.take(reading.frames as f64 * reading.ratio);
        Heard { stream_ns, frames: reading.frames, breaks: reading.breaks }
    }
}
