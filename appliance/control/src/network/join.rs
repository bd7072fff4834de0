//! Joining a Wi-Fi that somebody has chosen. It is kept only when it was joined: one with a wrong password would be tried for
//! ever.

use super::manager::{self, NOTHING, Snapshot, state};
use super::{Network, Wish, connections};
use automation::fault::Code;
use automation::wifi::not_joined;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::time::Duration;
use zbus::OwnedObjectPath;

/// How long it may take, with a router's DHCP that is slow.
const JOIN_MAX: Duration = Duration::from_secs(90);
/// `NM_SETTINGS_ADD_CONNECTION2_FLAG_IN_MEMORY` and `_BLOCK_AUTOCONNECT`: it is there for this try.
const FOR_NOW: u32 = 0x2 | 0x20;
/// `NM_SETTINGS_UPDATE2_FLAG_TO_DISK`.
const FOR_GOOD: u32 = 0x1;

/// Why it was not joined.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// NetworkManager says why.
    #[error("{}", .0.as_str())]
    NotJoined(Code),
    /// It does not answer, or refuses.
    #[error("NetworkManager did not do it")]
    Refused(#[from] zbus::Error),
    /// It does not answer for so long that it never will.
    #[error("NetworkManager does not answer")]
    Silent,
}

impl Failure {
    pub(super) fn code(&self) -> Code {
        match self {
            Failure::NotJoined(code) => *code,
            Failure::Refused(_) | Failure::Silent => Code::WifiNotJoined,
        }
    }
}

impl Network {
    /// Joins a Wi-Fi, to its end.
    pub(super) async fn carry_out(&self, wish: &Wish) -> Result<(), Failure> {
        let (bus, snapshot) = self.snapshot().await?;
        if let Some(country) = &wish.country
            && let Err(error) = self.set_country(&bus, country).await
        {
            // On 2.4 GHz it is joined all the same.
            tracing::warn!(%error, country, "the country is not in force");
        }
        let radio = snapshot.joiner().ok_or(Failure::NotJoined(Code::WifiAbsent))?;
        let device = manager::device(&bus, &radio.path).await?;
        // Heard from before it begins: it may be over in a moment.
        let mut changes = device.receive_state_changed().await?;
        let known: Vec<_> = snapshot.saved.iter().filter(|saved| saved.name == wish.name).collect();
        let (connection, fresh) = match (&wish.password, known.first()) {
            (None, Some(known)) => (known.path.clone(), false),
            _ => (self.add(&bus, wish).await?, true),
        };
        let joining = async {
            manager::manager(&bus).await?.activate_connection(&connection, &radio.path, &NOTHING).await?;
            let mut begun = false;
            while let Some(change) = changes.next().await {
                let change = change.args()?;
                let (now, reason) = (*change.new_state(), *change.reason());
                tracing::info!(state = now, reason, "the radio");
                begun |= state::connecting(now);
                match now {
                    state::ACTIVATED if begun => return Ok(()),
                    state::FAILED => return Err(Failure::NotJoined(not_joined(reason))),
                    _ if begun && !state::connecting(now) => return Err(Failure::NotJoined(not_joined(reason))),
                    _ => {}
                }
            }
            Err(Failure::NotJoined(Code::WifiNotJoined))
        };
        let joined = match tokio::time::timeout(JOIN_MAX, joining).await {
            Ok(joined) => joined,
            Err(_) => Err(Failure::NotJoined(Code::WifiNotJoined)),
        };
        if fresh && let Err(error) = self.settle(&bus, &connection, &snapshot, wish, joined.is_ok()).await {
            // It is joined, or not, all the same; one that is not kept is asked for again after the next start.
            tracing::warn!(%error, "a Wi-Fi could not be kept, or not be forgotten");
        }
        joined
    }

    async fn add(&self, bus: &zbus::Connection, wish: &Wish) -> zbus::Result<OwnedObjectPath> {
        let id = uuid::Uuid::new_v4().to_string();
        let settings = connections::wifi(&id, &wish.name, wish.password.as_ref(), wish.hidden, wish.security);
        let added = manager::profiles(bus).await?.add_connection2(&settings, FOR_NOW, HashMap::new()).await?;
        Ok(added.0)
    }

    /// Keeps a new connection in the place of those that were known under its name, or forgets it.
    async fn settle(
        &self,
        bus: &zbus::Connection,
        connection: &OwnedObjectPath,
        before: &Snapshot,
        wish: &Wish,
        joined: bool,
    ) -> zbus::Result<()> {
        let connection = manager::profile(bus, connection).await?;
        if !joined {
            return connection.delete().await;
        }
        connection.update2(&HashMap::new(), FOR_GOOD, HashMap::new()).await?;
        for known in before.saved.iter().filter(|known| known.name == wish.name) {
            manager::profile(bus, &known.path).await?.delete().await?;
        }
        Ok(())
    }
}
