//! What systemd hears of `control`: that it is ready, and from then on, again and again, that its loop turns and its
//! store writes. Where they do not, it hears nothing, and replaces the process (`WatchdogSec`); no picture depends on
//! it. Without systemd nobody listens.

use crate::reconciler::Probe;
use crate::store::Store;
use sd_notify::NotifyState;

/// The watchdog is fed so many times in its time.
const TIMES: u32 = 4;

/// The page can be reached.
pub fn ready() {
    tell(NotifyState::Ready);
}

/// The program ends because a person wants it.
pub fn stopping() {
    tell(NotifyState::Stopping);
}

/// Feeds the watchdog for as long as everything answers; ends at once where there is none.
pub async fn hold(store: Store, probe: Probe) {
    let Some(time) = sd_notify::watchdog_enabled() else { return };
    let mut turns = tokio::time::interval(time / TIMES);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        // Whoever does not answer keeps us here; nobody else is to be asked then.
        if probe.answered().await && store.write(|_| Ok(())).await.is_ok() {
            tell(NotifyState::Watchdog);
        } else {
            tracing::error!("the loop or the store does not answer: the watchdog is not fed");
        }
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd does not hear us");
    }
}
