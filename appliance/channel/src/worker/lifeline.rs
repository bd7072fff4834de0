//! What systemd hears of the worker: that it is ready, and from then on, again and again, that pictures leave. Where
//! they do not, it hears nothing, and replaces the process (`WatchdogSec`). Without systemd nobody listens.

use automation::clock::Running;
use automation::watchdog::Watchdog;
use sd_notify::NotifyState;

/// The line to systemd.
pub(super) struct Lifeline {
    /// None where there is none to be fed.
    watchdog: Option<Watchdog>,
}

impl Lifeline {
    /// The line of this process.
    pub(super) fn new() -> Lifeline {
        let bites = sd_notify::watchdog_enabled();
        Lifeline { watchdog: bites.map(|time| Watchdog::new(time.as_millis() as u64)) }
    }

    /// The socket is open: whoever waits for us may go on.
    pub(super) fn ready(&self) {
        tell(NotifyState::Ready);
    }

    /// The loop has turned. `program` answers the ticks that were made and the bytes that left the encoder; none
    /// while there is no program.
    pub(super) fn turn(&mut self, now: Running, program: impl FnOnce() -> Option<[u64; 2]>) {
        if self.watchdog.as_mut().is_some_and(|watchdog| watchdog.turn(now, program)) {
            tell(NotifyState::Watchdog);
        }
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd does not hear us");
    }
}
