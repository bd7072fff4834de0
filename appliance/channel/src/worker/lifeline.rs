//! What systemd hears of the worker: that it is ready, and from then on, again and again, that pictures leave. Where
//! they do not, it hears nothing, and replaces the process (`WatchdogSec`; until the first pictures have left it is asked to be more
//! patient, by `WATCHDOG_USEC` of sd_notify(3)). Without systemd nobody listens.

use automation::clock::Running;
use automation::watchdog::{BEGINS_MS, Watchdog, Word};
use sd_notify::NotifyState;
use std::time::Duration;

/// The line to systemd.
pub(super) struct Lifeline {
    /// None where there is none to be fed.
    watchdog: Option<Watchdog>,
    /// How long the watchdog waits by its unit.
    bites: Duration,
}

impl Lifeline {
    /// The line of this process.
    pub(super) fn new() -> Lifeline {
        let bites = sd_notify::watchdog_enabled();
        let watchdog = bites.map(|time| Watchdog::new(time.as_millis() as u64));
        Lifeline { watchdog, bites: bites.unwrap_or_default() }
    }

    /// The socket is open: whoever waits for us may go on.
    pub(super) fn ready(&self) {
        match self.watchdog {
            Some(_) => tell(&[waits(Duration::from_millis(BEGINS_MS)), NotifyState::Ready]),
            None => tell(&[NotifyState::Ready]),
        }
    }

    /// The loop has turned. `program` answers the ticks that were made and the bytes that left the encoder; none
    /// while there is no program.
    pub(super) fn turn(&mut self, now: Running, program: impl FnOnce() -> Option<[u64; 2]>) {
        match self.watchdog.as_mut().and_then(|watchdog| watchdog.turn(now, program)) {
            Some(Word::Begun) => tell(&[waits(self.bites), NotifyState::Watchdog]),
            Some(Word::Fed) => tell(&[NotifyState::Watchdog]),
            None => {}
        }
    }
}

/// How long it waits from now on; systemd counts microseconds.
fn waits(time: Duration) -> NotifyState<'static> {
    NotifyState::WatchdogUsec(u32::try_from(time.as_micros()).unwrap_or(u32::MAX))
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd does not hear us");
    }
}
