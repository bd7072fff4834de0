//! When a worker feeds the watchdog that watches over its process: only while its program moves and its frames leave.
//!
//! ```text
//! no program yet ──► fed ── program ──► patient, 20 s ── ticks and bytes grow ──► begun: fed ── either stands for 2 s ──► starved
//!                                                                                  └────────────── both grow ◄──────────────┘
//! ```
//! Where it is fed no more, whoever watches replaces the process (`WatchdogSec` of systemd). The first program of a process reads
//! libraries from a slow card, on a box that has just begun, and meanwhile the worker's loop stands: a worker that was replaced for
//! that would begin anew, and take the processor from the next. So until its program has moved the watchdog is patient.

use crate::clock::Running;
use crate::pulse::{Limits, Pulse};

/// How long a worker may take to its program's first pictures, milliseconds: nothing is heard of it meanwhile.
pub const BEGINS_MS: u64 = 20_000;
/// How long the program may stand before the watchdog is fed no more. Lateness of up to 2 s is caught up.
pub const PROGRAM: Limits = Limits { begin_ms: BEGINS_MS, still_ms: 2_000 };
/// The watchdog is fed so many times in its time.
pub const TIMES: u64 = 4;

/// What whoever watches is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The watchdog is fed.
    Fed,
    /// The same, and its patience ends: the program moves. Told once.
    Begun,
}

/// Decides whether the watchdog is fed.
#[derive(Clone, Debug)]
pub struct Watchdog {
    every_ms: u64,
    fed: Option<Running>,
    program: Option<Pulse<2>>,
}

impl Watchdog {
    /// A watchdog that bites where it is not fed for `bites_ms`.
    pub fn new(bites_ms: u64) -> Watchdog {
        Watchdog { every_ms: bites_ms / TIMES, fed: None, program: None }
    }

    /// The worker's loop has turned. `program` answers the ticks that were made and the bytes that left the encoder; none
    /// while there is no program. Answers what is told now, if anything is.
    pub fn turn(&mut self, now: Running, program: impl FnOnce() -> Option<[u64; 2]>) -> Option<Word> {
        if self.fed.is_some_and(|fed| now.ms_since(fed) < self.every_ms) {
            return None;
        }
        self.fed = Some(now);
        let had_begun = self.program.as_ref().is_some_and(Pulse::has_moved);
        if let Some(counters) = program() {
            self.program.get_or_insert_with(|| Pulse::new(now, PROGRAM)).beat(now, counters);
        }
        match &self.program {
            None => Some(Word::Fed),
            Some(program) if !program.has_moved() => None,
            Some(_) if !had_begun => Some(Word::Begun),
            Some(program) => (!program.stands(now)).then_some(Word::Fed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_fed_only_while_pictures_leave() {
        let at = |ms: u64| Running(0).plus_ms(ms);
        let mut watchdog = Watchdog::new(4_000);
        let (mut fed, mut begun) = (Vec::new(), Vec::new());
        for ms in (0..60_000).step_by(50) {
            // The program begins at 2 s; its encoder takes pictures and gives none back from 30 s to 40 s.
            let bytes = if ms < 30_000 { ms } else { ms.max(40_000) };
            if let Some(word) = watchdog.turn(at(ms), || (ms >= 2_000).then_some([ms, bytes])) {
                fed.push(ms / 1_000);
                begun.extend((word == Word::Begun).then_some(ms));
            }
        }
        let expected: Vec<u64> = [0, 1].into_iter().chain(3..=31).chain(41..60).collect();
        assert_eq!(fed, expected);
        assert_eq!(begun, [3_000], "when it has moved, and once");
    }

    #[test]
    fn a_program_that_never_begins_is_given_up() {
        let at = |ms: u64| Running(0).plus_ms(ms);
        let mut watchdog = Watchdog::new(4_000);
        let fed =
            (0..60_000).step_by(50).filter(|ms| watchdog.turn(at(*ms), || (*ms >= 5_000).then_some([0, 0])).is_some());
        assert_eq!(fed.last(), Some(4_000), "the watchdog bites when its patience is over");
    }
}
