//! When a worker feeds the watchdog that watches over its process: only while its program moves and its frames leave.
//!
//! ```text
//! no program yet ──► fed ── ticks and bytes grow ──► fed ── either stands for 2 s ──► starved ── both grow ──► fed
//! ```
//! Where it is fed no more, whoever watches replaces the process (`WatchdogSec` of systemd).

use crate::clock::Running;
use crate::pulse::{Limits, Pulse};

/// How long the program may stand before the watchdog is fed no more. Lateness of up to 2 s is caught up.
pub const PROGRAM: Limits = Limits { begin_ms: 10_000, still_ms: 2_000 };
/// The watchdog is fed so many times in its time.
pub const TIMES: u64 = 4;

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
    /// while there is no program. Answers whether the watchdog is fed now.
    pub fn turn(&mut self, now: Running, program: impl FnOnce() -> Option<[u64; 2]>) -> bool {
        if self.fed.is_some_and(|fed| now.ms_since(fed) < self.every_ms) {
            return false;
        }
        self.fed = Some(now);
        if let Some(counters) = program() {
            self.program.get_or_insert_with(|| Pulse::new(now, PROGRAM)).beat(now, counters);
        }
        self.program.as_ref().is_none_or(|program| !program.stands(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_fed_only_while_pictures_leave() {
        let at = |ms: u64| Running(0).plus_ms(ms);
        let mut watchdog = Watchdog::new(4_000);
        let mut fed = Vec::new();
        for ms in (0..60_000).step_by(50) {
            // The program begins at 2 s; its encoder takes pictures and gives none back from 30 s to 40 s.
            let bytes = if ms < 30_000 { ms } else { ms.max(40_000) };
            if watchdog.turn(at(ms), || (ms >= 2_000).then_some([ms, bytes])) {
                fed.push(ms / 1_000);
            }
        }
        let expected: Vec<u64> = (0..=31).chain(41..60).collect();
        assert_eq!(fed, expected);
    }
}
