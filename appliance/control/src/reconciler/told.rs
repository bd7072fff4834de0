//! What the operator is told, and that it is kept: one write at a time, so that the newest comes last.

use crate::alerts::Alerts;
use crate::commands::Commands;
use crate::doc::{Alert, Board};
use automation::clock::Now;
use automation::fault::Code;
use tokio::task::JoinHandle;

/// The alerts, and whether they are kept as they are.
#[derive(Default)]
pub(super) struct Told {
    alerts: Alerts,
    unsaved: bool,
    saving: Option<JoinHandle<()>>,
}

impl Told {
    /// Those of the life before.
    pub(super) async fn restored(commands: &Commands) -> Told {
        let alerts = commands.alerts().await.unwrap_or_else(|refusal| {
            tracing::error!(%refusal, "what was told before cannot be read");
            Alerts::default()
        });
        Told { alerts, ..Told::default() }
    }

    /// Looks at a board. Answers the newest alerts.
    pub(super) fn observe(&mut self, now: Now, board: &Board) -> Vec<Alert> {
        self.unsaved |= self.alerts.observe(now.wall_ms, board);
        self.alerts.newest()
    }

    /// Tells of something that happened once.
    pub(super) fn tell(&mut self, now: Now, code: Code, subject: &str, text: &str) {
        self.unsaved = true;
        self.alerts.tell(now.wall_ms, code, subject, text);
    }

    /// Has them kept, where something is new.
    pub(super) fn turn(&mut self, commands: &Commands) {
        if !self.unsaved || self.saving.as_ref().is_some_and(|saving| !saving.is_finished()) {
            return;
        }
        self.unsaved = false;
        let (commands, alerts) = (commands.clone(), self.alerts.clone());
        self.saving = Some(tokio::spawn(async move {
            if let Err(refusal) = commands.keep_alerts(&alerts).await {
                tracing::error!(%refusal, "what was told could not be kept");
            }
        }));
    }
}
