//! Which pictures of a source are decoded while it stands by, and from which on it goes ahead.
//!
//! ```text
//!          ┌── from the last keyframe that is due on ──┐
//!   gone ──┤ K p p p p p p p p K p p p p │ p p p K p p ├── arrives
//!          └─────────────────────────────┼─────────────┘
//!                                       now                 (what lies right of now is the jitter buffer)
//! ```
//! - Awake: every picture goes to the decoder as it arrives.
//! - Standing by: a keyframe goes to the decoder alone when it is due, at most two a second; all else is held, encoded.
//!   That costs next to nothing, and is enough for a thumbnail and to see black and frozen pictures.
//! - Woken, the decoder begins with the last keyframe that is due and catches up; where it has had no picture out of turn,
//!   it goes on where it stopped. Late in a group of pictures the next keyframe is there before that: then it begins with it.
//! - Where no keyframe is held that it could begin with, it waits for the next one.
//!
//! Bad input: a source whose keyframes lie too far apart to be held, or that never sends any, is decoded whole for as long
//! as its connection lasts. Where time jumps, what lies before the next keyframe is let go.

use crate::clock::Running;
use std::collections::VecDeque;

/// What is held at most: a group of pictures of 10 s at 12 Mbit/s, and a jitter buffer of 5 s beside it.
pub const BYTES_MAX: usize = 24 << 20;
/// Time from the oldest to the newest that is held, at most, nanoseconds.
pub const SPAN_NS_MAX: u64 = 16_000_000_000;
/// A decoder that is behind leaps to the next keyframe that is in time where keyframes are no further apart than this,
/// nanoseconds; else it would stand still for longer than it takes to catch up.
pub const LEAP_NS_MAX: u64 = 4_000_000_000;
/// A keyframe that is expected, and is so much later than its due time, nanoseconds, does not come.
const KEY_LATE_NS: u64 = 150_000_000;
/// A woken decoder waits for the next keyframe for so long at most, nanoseconds: less than what is on air stays for it.
pub const KEY_WAIT_NS_MAX: u64 = 700_000_000;
/// Keyframes alone are decoded this far apart at least, nanoseconds: a source may send nothing else.
pub const KEYS_EVERY_NS: u64 = 500_000_000;

/// One encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit<T> {
    /// The stream's own time at which it is shown, nanoseconds.
    pub stream_ns: u64,
    /// Whether it can be decoded by itself.
    pub key: bool,
    /// Its size, bytes.
    pub bytes: usize,
    /// What the decoder gets.
    pub data: T,
}

/// What the decoder gets next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// This picture.
    Decode(T),
    /// This picture, and then it gives out all that it holds back: the next one does not follow it.
    Alone(T),
    /// Nothing until more arrives.
    Nothing,
}

/// What is held of one connection's pictures.
#[derive(Clone, Debug)]
pub struct Standby<T> {
    units: VecDeque<Unit<T>>,
    bytes: usize,
    awake: bool,
    /// The first unit follows what the decoder had last.
    continues: bool,
    /// The keyframe that was decoded alone last: its stream time, and when.
    alone: Option<(u64, Running)>,
    /// The decoder waits for a keyframe to begin with.
    seeks_key: bool,
    /// It cannot be held.
    too_long: bool,
    /// Stream times of the last two keyframes.
    keys: [Option<u64>; 2],
    /// The decoder leaps.
    leaps: Option<Leap>,
}

/// A decoder leaves out what lies before a keyframe that is to come.
#[derive(Clone, Copy, Debug)]
struct Leap {
    /// By then it is there.
    until: Running,
    /// Any keyframe will do that is later than this stream time; where nothing is said, one that is in time.
    after_ns: Option<u64>,
}

impl<T> Default for Standby<T> {
    fn default() -> Standby<T> {
        Standby {
            units: VecDeque::new(),
            bytes: 0,
            awake: true,
            continues: true,
            alone: None,
            seeks_key: false,
            too_long: false,
            keys: [None; 2],
            leaps: None,
        }
    }
}

impl<T: Clone> Standby<T> {
    /// Whether what arrives may go to the decoder as it is: nothing is held before it.
    pub fn passes(&self) -> bool {
        self.decodes_all() && self.units.is_empty() && !self.seeks_key && !self.leaps()
    }

    /// Whether the decoder leaps: it gets nothing until a keyframe is in time.
    pub fn leaps(&self) -> bool {
        self.leaps.is_some()
    }

    /// A keyframe arrived, whether it is held or not.
    pub fn saw_key(&mut self, stream_ns: u64) {
        self.keys = [self.keys[1], Some(stream_ns)];
    }

    /// Whether every picture is decoded: it is awake, or cannot be held.
    pub fn decodes_all(&self) -> bool {
        self.awake || self.too_long
    }

    /// A picture arrived.
    pub fn push(&mut self, unit: Unit<T>) {
        self.bytes += unit.bytes;
        self.units.push_back(unit);
    }

    /// The stream time of the newest that is held.
    pub fn newest_ns(&self) -> Option<u64> {
        self.units.back().map(|unit| unit.stream_ns)
    }

    /// The stream goes on with another format: what is held belongs to the old one, and the decoder gets all of it now
    /// that it can decode, from the last keyframe on that is due.
    pub fn take_all(&mut self, now: Running, due: impl Fn(u64) -> Option<u64>) -> Vec<T> {
        match self.last_due_key(now, &due).or_else(|| self.first_key_after(0).filter(|_| !self.continues)) {
            Some(key) => self.release(key),
            None if self.continues => {}
            None => self.release(self.units.len()),
        }
        // The new format begins with a keyframe, from which on it is held.
        (self.bytes, self.alone, self.continues) = (0, None, self.decodes_all());
        self.units.drain(..).map(|unit| unit.data).collect()
    }

    /// Wakes it, or lets it stand by. `due` says when a stream time is due; `speed`, how many times as fast as the stream the
    /// decoder is. Answers whether the decoder is behind now.
    pub fn set_awake(&mut self, awake: bool, now: Running, speed: f64, due: impl Fn(u64) -> Option<u64>) -> bool {
        if self.awake == awake {
            return false;
        }
        let all = self.decodes_all();
        self.awake = awake;
        if !awake {
            (self.seeks_key, self.leaps) = (false, None);
            return false;
        }
        if all {
            return false;
        }
        self.catch_up(now, &due);
        self.leaps = self.next_key_sooner(now, speed, &due);
        true
    }

    /// Where the next keyframe is due before the decoder could have caught up from the one that it begins with: the moment
    /// by which it is there at the latest.
    fn next_key_sooner(&self, now: Running, speed: f64, due: &impl Fn(u64) -> Option<u64>) -> Option<Leap> {
        let first = self.units.front().filter(|unit| unit.key)?;
        let [Some(before), Some(last)] = self.keys else { return None };
        let apart = last.checked_sub(before).filter(|apart| (1..=LEAP_NS_MAX).contains(apart))?;
        let held = self.first_key_after(1).map(|at| self.units[at].stream_ns);
        // One that should be here by now and is not does not come.
        let expected = || (first.stream_ns == last && self.newest_ns()? < last + apart).then_some(last + apart);
        let next_due = due(held.or_else(expected)?)?;
        let behind_ns = now.0.checked_sub(due(first.stream_ns)?)?;
        let catches_up_ns = behind_ns as f64 / (speed - 1.0).max(f64::MIN_POSITIVE);
        let wait_ns = next_due.checked_sub(now.0)?;
        let sooner = wait_ns <= KEY_WAIT_NS_MAX && (wait_ns as f64) < catches_up_ns;
        sooner.then(|| Leap { until: Running(next_due + KEY_LATE_NS), after_ns: Some(first.stream_ns) })
    }

    /// The decoder is behind, and leaves out what lies before the next keyframe that is in time. Not where keyframes are
    /// too far apart, or are not known to come.
    pub fn leap(&mut self, now: Running) {
        let [Some(before), Some(last)] = self.keys else { return };
        let regular = last > before && last - before <= LEAP_NS_MAX;
        if regular && self.decodes_all() && !self.leaps() {
            self.leaps = Some(Leap { until: Running(now.0.saturating_add(LEAP_NS_MAX)), after_ns: None });
        }
    }

    /// Whether the leap is over: its keyframe is first of what is held, or it does not come.
    fn lands(&mut self, leap: Leap, now: Running, due: &impl Fn(u64) -> Option<u64>) -> bool {
        let Leap { until, after_ns } = leap;
        let in_time = |unit: &Unit<T>| match after_ns {
            Some(after_ns) => unit.stream_ns > after_ns,
            None => due(unit.stream_ns).is_none_or(|at| at >= now.0),
        };
        if let Some(key) = self.units.iter().position(|unit| unit.key && in_time(unit)) {
            self.release(key);
            return true;
        }
        // The last one is kept: the next may not come.
        let last = self.units.iter().rposition(|unit| unit.key);
        if now >= until {
            self.release(last.unwrap_or(0));
            self.seeks_key = last.is_none() && !self.continues;
            return true;
        }
        self.release(last.unwrap_or(self.units.len()));
        false
    }

    /// What the decoder gets next. Asked until there is nothing.
    pub fn next(&mut self, now: Running, due: impl Fn(u64) -> Option<u64>) -> Next<T> {
        if !self.decodes_all() {
            self.release(self.last_due_key(now, &due).unwrap_or(0));
            if let Some(key) = self.key_alone(now, &due) {
                return Next::Alone(key);
            }
            if self.fits() {
                return Next::Nothing;
            }
            match self.first_key_after(1) {
                Some(key) => {
                    self.release(key);
                    return Next::Nothing;
                }
                None => self.too_long = true,
            }
            self.catch_up(now, &due);
        }
        if let Some(leap) = self.leaps {
            if !self.lands(leap, now, &due) {
                return Next::Nothing;
            }
            self.leaps = None;
        }
        if self.seeks_key {
            match self.first_key_after(0) {
                Some(key) => self.release(key),
                None if self.fits() => return Next::Nothing,
                // Without any keyframe the decoder makes of it what it can.
                None => self.too_long = true,
            }
            self.seeks_key = false;
        }
        match self.units.pop_front() {
            Some(unit) => {
                self.bytes -= unit.bytes;
                (self.continues, self.alone) = (true, None);
                Next::Decode(unit.data)
            }
            None => Next::Nothing,
        }
    }

    fn key_alone(&mut self, now: Running, due: &impl Fn(u64) -> Option<u64>) -> Option<T> {
        let key = &self.units[self.last_due_key(now, due)?];
        if self.alone.is_some_and(|(last, at)| last == key.stream_ns || now.0 < at.0 + KEYS_EVERY_NS) {
            return None;
        }
        let (data, stream_ns) = (key.data.clone(), key.stream_ns);
        (self.alone, self.continues) = (Some((stream_ns, now)), false);
        Some(data)
    }

    /// The decoder begins with the last keyframe that is due; with the next one where none is due yet.
    fn catch_up(&mut self, now: Running, due: &impl Fn(u64) -> Option<u64>) {
        match self.last_due_key(now, due) {
            Some(key) => self.release(key),
            None => self.seeks_key = !self.continues && !self.too_long,
        }
        self.alone = None;
    }

    fn first_key_after(&self, index: usize) -> Option<usize> {
        self.units.iter().skip(index).position(|unit| unit.key).map(|at| at + index)
    }

    fn fits(&self) -> bool {
        self.bytes <= BYTES_MAX && self.span_ns() <= SPAN_NS_MAX
    }

    fn last_due_key(&self, now: Running, due: &impl Fn(u64) -> Option<u64>) -> Option<usize> {
        self.units.iter().rposition(|unit| unit.key && due(unit.stream_ns).is_some_and(|at| at <= now.0))
    }

    fn release(&mut self, count: usize) {
        for unit in self.units.drain(..count) {
            self.bytes -= unit.bytes;
            self.continues = false;
        }
    }

    fn span_ns(&self) -> u64 {
        let ends = self.units.front().zip(self.units.back());
        ends.map_or(0, |(first, last)| last.stream_ns.saturating_sub(first.stream_ns))
    }
}

#[cfg(test)]
mod tests;
