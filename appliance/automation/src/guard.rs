//! When a worker that is alive must be replaced by force: it hangs, or it grows without end. On the appliance systemd
//! judges in the same way (`WatchdogSec`, `MemoryMax`); elsewhere whoever started the worker does.
//!
//! ```text
//! alive ──no hello for 20 s──────────────────────────────► Hung
//!   │ hello                      ┌──silent for 5 s (20 s while its program has not moved)──► Hung
//!   └──────► statuses ───────────┼──its program stands───► Hung
//!                                └──above its memory─────► Large
//! ```
//! A worker that said hello and nothing since is judged like one that said no hello, unless it refused its spec: then
//! it has nothing to tell. A judge who was asleep himself first lets everybody catch up. Who asks whether a worker works at
//! all, and not how fast the machine is, has more patience: so many times as much.

use crate::clock::Running;
use crate::pulse::{Limits, Pulse};
use crate::watchdog::BEGINS_MS;

/// How long a live process may take to its first status; a cold start reads many plugins from a slow card.
pub const FIRST_MS_MAX: u64 = BEGINS_MS;
/// How long it may be silent then; it tells its status every second.
pub const SILENT_MS_MAX: u64 = 5_000;
/// How long its program may stand; lateness of up to 2 s is caught up, so this is none.
pub const PROGRAM: Limits = Limits { begin_ms: BEGINS_MS, still_ms: 5_000 };
/// A judge who was away for so long has slept himself, milliseconds.
pub const ASLEEP_MS: u64 = 1_000;
/// Looks in a row at which its memory must be too large.
pub const LARGE_LOOKS: u32 = 2;

/// Why a worker must be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It does not answer, or its program stands.
    Hung,
    /// It uses more memory than it may.
    Large,
}

/// Watches one worker process from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Guard {
    patience: u64,
    began: Running,
    heard: Option<Running>,
    excused: bool,
    program: Option<Pulse<2>>,
    large: u32,
    judged: Running,
}

impl Guard {
    /// A process is there. Everything may take `patience` times as long as usual.
    pub fn new(now: Running, patience: u32) -> Guard {
        Guard {
            patience: patience.max(1).into(),
            began: now,
            heard: None,
            excused: false,
            program: None,
            large: 0,
            judged: now,
        }
    }

    /// A status came. A channel's tells the ticks of its program and the bytes that left its encoder.
    pub fn status(&mut self, now: Running, program: Option<[u64; 2]>) {
        self.heard = Some(now);
        if let Some(counters) = program {
            let Limits { begin_ms, still_ms } = PROGRAM;
            let limits = Limits { begin_ms: begin_ms * self.patience, still_ms: still_ms * self.patience };
            self.program.get_or_insert_with(|| Pulse::new(now, limits)).beat(now, counters);
        }
    }

    /// It refused its spec: it lives, and may have no status to tell.
    pub fn refused(&mut self) {
        self.excused = true;
    }

    /// The size of its own memory was looked at.
    pub fn memory(&mut self, bytes: u64, max: u64) {
        self.large = if bytes > max { self.large.saturating_add(1) } else { 0 };
    }

    /// Judges; asked several times a second.
    pub fn judge(&mut self, now: Running) -> Option<Reason> {
        if now.ms_since(self.judged) >= ASLEEP_MS {
            self.began = now;
            self.heard = self.heard.map(|_| now);
            self.program.iter_mut().for_each(|program| program.forgive(now));
        }
        self.judged = now;
        // While its program begins its loop stands.
        let begins = self.program.as_ref().is_some_and(|program| !program.has_moved());
        let silent_ms_max = self.patience * if begins { BEGINS_MS } else { SILENT_MS_MAX };
        let silent = match self.heard {
            Some(heard) => now.ms_since(heard) >= silent_ms_max,
            None => !self.excused && now.ms_since(self.began) >= self.patience * FIRST_MS_MAX,
        };
        if silent || self.program.as_ref().is_some_and(|program| program.stands(now)) {
            return Some(Reason::Hung);
        }
        (self.large >= LARGE_LOOKS).then_some(Reason::Large)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Running {
        Running(0).plus_ms(ms)
    }

    /// Judges ten times a second from `from` to `to`, and does `each` before each time. The first verdict, with its time.
    fn play(guard: &mut Guard, from: u64, to: u64, each: impl Fn(&mut Guard, u64)) -> Option<(u64, Reason)> {
        (from..=to).step_by(100).find_map(|ms| {
            each(guard, ms);
            guard.judge(at(ms)).map(|reason| (ms, reason))
        })
    }

    /// A status a second, of a program that moves.
    fn well(guard: &mut Guard, ms: u64) {
        if ms.is_multiple_of(1_000) {
            guard.status(at(ms), Some([ms, ms]));
        }
    }

    #[test]
    fn a_worker_that_says_nothing_is_hung() {
        let check = |until: u64, each: &dyn Fn(&mut Guard, u64), expected: Option<(u64, Reason)>| {
            assert_eq!(play(&mut Guard::new(at(0), 1), 0, until, each), expected);
        };
        check(60_000, &|_, _| {}, Some((20_000, Reason::Hung)));
        check(60_000, &|guard, _| guard.refused(), None);
        check(60_000, &well, None);
        let silent = |guard: &mut Guard, ms: u64| {
            if ms <= 30_000 {
                well(guard, ms)
            }
        };
        check(60_000, &silent, Some((35_000, Reason::Hung)));
        // The door tells no program.
        check(60_000, &|guard, ms| guard.status(at(ms), None), None);
    }

    #[test]
    fn a_program_that_stands_is_hung_though_its_worker_answers() {
        let check = |ticks_end: u64, bytes_end: u64, expected: Option<(u64, Reason)>| {
            let each = |guard: &mut Guard, ms: u64| {
                if ms.is_multiple_of(1_000) {
                    guard.status(at(ms), Some([ms.min(ticks_end), ms.min(bytes_end)]));
                }
            };
            assert_eq!(play(&mut Guard::new(at(0), 1), 0, 60_000, each), expected, "{ticks_end} {bytes_end}");
        };
        check(60_000, 60_000, None);
        check(30_000, 60_000, Some((35_000, Reason::Hung)));
        check(60_000, 30_000, Some((35_000, Reason::Hung)));
        check(0, 0, Some((20_000, Reason::Hung)));
    }

    #[test]
    fn a_judge_with_more_patience_waits_so_many_times_as_long() {
        let check = |each: &dyn Fn(&mut Guard, u64), expected: (u64, Reason)| {
            assert_eq!(play(&mut Guard::new(at(0), 3), 0, 90_000, each), Some(expected));
        };
        check(&|_, _| {}, (60_000, Reason::Hung));
        let begun = |guard: &mut Guard, ms: u64| guard.status(at(ms), Some([0, 0]));
        check(&begun, (60_000, Reason::Hung));
        let silent = |guard: &mut Guard, ms: u64| {
            if ms <= 30_000 {
                well(guard, ms)
            }
        };
        check(&silent, (45_000, Reason::Hung));
        let stands = |guard: &mut Guard, ms: u64| guard.status(at(ms), Some([ms.min(30_000), ms]));
        check(&stands, (45_000, Reason::Hung));
    }

    #[test]
    fn a_worker_that_grows_is_replaced_and_one_that_was_large_once_is_not() {
        let mut guard = Guard::new(at(0), 1);
        guard.status(at(0), None);
        for (bytes, expected) in [(9, None), (11, None), (9, None), (11, None), (11, Some(Reason::Large))] {
            guard.memory(bytes, 10);
            assert_eq!(guard.judge(at(100)), expected, "{bytes}");
        }
    }

    #[test]
    fn a_judge_who_slept_lets_everybody_catch_up() {
        let mut guard = Guard::new(at(0), 1);
        assert_eq!(play(&mut guard, 0, 10_000, well), None);
        assert_eq!(play(&mut guard, 70_000, 74_900, |_, _| {}), None, "the judge was away, not the worker");
        assert_eq!(play(&mut guard, 75_000, 75_000, |_, _| {}), Some((75_000, Reason::Hung)));
    }
}
