//! What systemd hears of us: that the sockets are open, and then, with every status, that the door's loop turns.
//! Where it does not, systemd hears nothing, and replaces the process (`WatchdogSec`). Without systemd nobody listens.

use automation::status::IngestStatus;
use sd_notify::NotifyState;
use std::sync::Arc;
use tokio::sync::watch;
use tracing::warn;

/// Tells it for as long as the door's loop runs, which makes a status every second.
pub(crate) async fn hold(mut status: watch::Receiver<Arc<IngestStatus>>) {
    let watched = sd_notify::watchdog_enabled().is_some();
    let mut next = NotifyState::Ready;
    loop {
        if let Err(error) = sd_notify::notify(&[next]) {
            warn!(%error, "systemd does not hear us");
        }
        if !watched || status.changed().await.is_err() {
            return;
        }
        status.mark_unchanged();
        next = NotifyState::Watchdog;
    }
}
