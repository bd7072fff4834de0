//! What systemd hears of the worker: that it is ready, and from then on, again and again, that pictures leave. Where
//! they do not, it hears nothing, and replaces the process (`WatchdogSec`). Without systemd nobody listens.

use automation::clock::Running;
use automation::pulse::{Limits, Pulse};
use sd_notify::NotifyState;

/// How long the program may stand before the watchdog is fed no more. Lateness of up to 2 s is caught up.
const PROGRAM: Limits = Limits { begin_ms: 10_000, still_ms: 2_000 };
/// The watchdog is fed so many times in its time.
const TIMES: u64 = 4;

/// The line to systemd.
pub(super) struct Lifeline {
    /// How often the watchdog wants to be fed, milliseconds; none where there is none.
    every_ms: Option<u64>,
    fed: Option<Running>,
    program: Option<Pulse<2>>,
}

impl Lifeline {
    /// The line of this process.
    pub(super) fn new() -> Lifeline {
        let watchdog = sd_notify::watchdog_enabled();
        Lifeline::every(watchdog.map(|time| time.as_millis() as u64 / TIMES))
    }

    fn every(every_ms: Option<u64>) -> Lifeline {
        Lifeline { every_ms, fed: None, program: None }
    }

    /// The socket is open: whoever waits for us may go on.
    pub(super) fn ready(&self) {
        tell(NotifyState::Ready);
    }

    /// The loop has turned. `program` answers the ticks that were made and the bytes that left the encoder; none
    /// while there is no program.
    pub(super) fn turn(&mut self, now: Running, program: impl FnOnce() -> Option<[u64; 2]>) {
        if self.feeds(now, program) {
            tell(NotifyState::Watchdog);
        }
    }

    fn feeds(&mut self, now: Running, program: impl FnOnce() -> Option<[u64; 2]>) -> bool {
        let Some(every_ms) = self.every_ms else { return false };
        if self.fed.is_some_and(|fed| now.ms_since(fed) < every_ms) {
            return false;
        }
        self.fed = Some(now);
        if let Some(counters) = program() {
            self.program.get_or_insert_with(|| Pulse::new(now, PROGRAM)).beat(now, counters);
        }
        self.program.as_ref().is_none_or(|program| !program.stands(now))
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd does not hear us");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_fed_only_while_pictures_leave() {
        let at = |ms: u64| Running(0).plus_ms(ms);
        let mut line = Lifeline::every(Some(1_000));
        let mut fed = Vec::new();
        for ms in (0..60_000).step_by(50) {
            // The program begins at 2 s; its encoder takes pictures and gives none back from 30 s to 40 s.
            let bytes = if ms < 30_000 { ms } else { ms.max(40_000) };
            if line.feeds(at(ms), || (ms >= 2_000).then_some([ms, bytes])) {
                fed.push(ms / 1_000);
            }
        }
        let expected: Vec<u64> = (0..=31).chain(41..60).collect();
        assert_eq!(fed, expected);
        assert!(!Lifeline::every(None).feeds(at(0), || None), "nobody listens");
    }
}
