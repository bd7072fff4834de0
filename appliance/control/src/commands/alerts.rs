//! What the operator was told outlives us.

use super::Commands;
use crate::alerts::Alerts;
use crate::refusal::Refusal;
use crate::store;

impl Commands {
    /// The alerts as they were last kept.
    pub async fn alerts(&self) -> Result<Alerts, Refusal> {
        let (kept, standing) = self.store.read(|connection, _| store::alerts::all(connection)).await?;
        Ok(Alerts::restored(kept, &standing))
    }

    /// Keeps them.
    pub async fn keep_alerts(&self, alerts: &Alerts) -> Result<(), Refusal> {
        let (kept, standing) = (alerts.newest(), alerts.standing());
        self.store.write(move |tx| store::alerts::put(tx, &kept, &standing)).await
    }
}
