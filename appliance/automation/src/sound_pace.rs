//! Where a run of waiting sound belongs, and how fast it is read, so that it stays with its pictures for hours.
//!
//! A run is sound without holes: its end is due at a moment that each new packet tells, with jitter. The end is
//! estimated by a slow mean; what is read is compared with where it belongs, and the rate of reading makes up for the
//! difference. A sound clock that drifts is thus followed by the resampler, which cannot click, and not by steps.
//!
//! ```text
//! late or early by   0 to 8 ms   read faster or slower: half of it in a second, 4000 ppm at most
//!                    more        set right at once, under a fade
//! packets a step of  60 ms       a hole (silence keeps the place) or an overlap (the old end goes)
//! ```

/// Sound is counted in frames of this rate, Hz.
pub const SAMPLE_HZ: f64 = 48_000.0;
/// A step of the packets' times above this is a hole or an overlap and no jitter, nanoseconds.
const STEP_NS: i64 = 60_000_000;
/// A hole longer than this begins a new run, nanoseconds.
const HOLE_NS_MAX: i64 = 1_000_000_000;
/// Sound that is heard this far from its time is set right at once; less is drift, nanoseconds.
const OFF_NS: f64 = 8_000_000.0;
/// Share of the difference that the estimate of the end takes over per packet.
const SHARE: f64 = 0.02;
/// The same while nobody listens, and while the source's own time is still being found: for how many packets, about the
/// first two seconds.
const SHARE_FIRST: f64 = 0.25;
const FIRST_PACKETS: u32 = 100;
/// Frames in which sound comes and goes: 20 ms.
pub const RAMP_FRAMES: usize = 960;
/// Fastest correction, parts per million: 7 cents, which comes and goes slowly, so that no ear notices.
const PPM_MAX: f64 = 4_000.0;

/// How a packet joins what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// It goes on without a seam.
    On,
    /// After so many frames of silence.
    After(usize),
    /// So many of the last waiting frames go first.
    Over(usize),
    /// All that waits goes first.
    Anew,
}

/// How the sound of a stretch is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// What was being read breaks off here.
    pub breaks: bool,
    /// Waiting frames that go unheard.
    pub drop: usize,
    /// Frames of silence before it begins.
    pub skip: usize,
    /// Frames to fill after that.
    pub frames: usize,
    /// Waiting frames per frame filled.
    pub ratio: f64,
    /// Whether it comes out of silence.
    pub begins: bool,
    /// Whether it may end here.
    pub ends: bool,
}

/// The pace of one source's sound.
#[derive(Clone, Debug, Default)]
pub struct SoundPace {
    /// When the end of what waits is due.
    end_ns: f64,
    packets: u32,
    playing: bool,
}

fn ns(frames: usize) -> f64 {
    frames as f64 * 1e9 / SAMPLE_HZ
}

fn frames(ns: f64) -> usize {
    (ns * SAMPLE_HZ / 1e9) as usize
}

impl SoundPace {
    /// A packet of `count` frames that is due at `due_ns` comes, while `waiting` frames wait.
    pub fn put(&mut self, due_ns: u64, count: usize, waiting: usize) -> Join {
        let step = due_ns as i64 - self.end_ns as i64;
        let join = match step {
            _ if waiting == 0 => Join::Anew,
            _ if step.abs() <= STEP_NS => Join::On,
            ..0 => Join::Over(frames(-step as f64).min(waiting)),
            0..HOLE_NS_MAX => Join::After(frames(step as f64)),
            _ => Join::Anew,
        };
        if join == Join::On {
            let share = if !self.playing || self.packets < FIRST_PACKETS { SHARE_FIRST } else { SHARE };
            self.end_ns += step as f64 * share;
        } else {
            self.end_ns = due_ns as f64;
        }
        self.packets = self.packets.saturating_add(1);
        self.end_ns += ns(count);
        join
    }

    /// Nobody listens: how many of the waiting frames were due before `at_ns`.
    pub fn pass(&mut self, at_ns: u64, waiting: usize) -> usize {
        self.playing = false;
        frames(self.late_ns(at_ns, waiting).max(0.0)).min(waiting)
    }

    /// How much older than it should be the first of the waiting frames is at `at_ns`, nanoseconds.
    pub fn late_ns(&self, at_ns: u64, waiting: usize) -> f64 {
        at_ns as f64 - (self.end_ns - ns(waiting))
    }

    /// How the `count` frames that are due from `at_ns` on are read.
    pub fn read(&mut self, at_ns: u64, count: usize, waiting: usize) -> Reading {
        let late_ns = self.late_ns(at_ns, waiting);
        let jumps = late_ns.abs() > if self.playing { OFF_NS } else { ns(1) };
        let drop = if jumps && late_ns > 0.0 { frames(late_ns).min(waiting) } else { 0 };
        let skip = if jumps && late_ns < 0.0 { frames(-late_ns).min(count) } else { 0 };
        let (needed, left) = (count - skip, waiting - drop);
        let breaks = self.playing && jumps;
        if needed == 0 || left < RAMP_FRAMES {
            self.playing = false;
            return Reading { breaks, drop, skip, frames: 0, ratio: 1.0, begins: false, ends: false };
        }
        // Half of the difference is made up in a second.
        let drift_ns = if jumps { 0.0 } else { late_ns };
        let ppm = (drift_ns / 1e9 * 0.5 * 1e6).clamp(-PPM_MAX, PPM_MAX);
        let begins = !self.playing || jumps;
        let ends = left < needed + RAMP_FRAMES;
        self.playing = !ends;
        let frames = if ends { left.min(needed) } else { needed };
        Reading { breaks, drop, skip, frames, ratio: 1.0 + ppm / 1e6, begins, ends }
    }
}

#[cfg(test)]
mod tests;
