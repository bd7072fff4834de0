//! The keeper: looks at the network every few seconds, raises the access point and leaves it, and joins what was chosen.

use super::manager::{self, Kind, NOTHING, Snapshot, state};
use super::{Network, Wish, connections, lock};
use crate::doc::AttemptDoc;
use crate::sign_in::Doorkeeper;
use crate::store::Wanted;
use automation::access_point::{AccessPoint, Order, Seen};
use automation::fault::Fault;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long NetworkManager may take for a look and what follows from it.
const LOOK_MAX: Duration = Duration::from_secs(30);
/// How long a Wi-Fi may take to be joined, with all that belongs to it.
const CARRY_OUT_MAX: Duration = Duration::from_secs(180);
/// How often the network is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What else it looks at.
pub struct Eyes {
    /// Whether somebody has an account.
    pub door: Arc<Doorkeeper>,
    /// Whether a broadcast runs.
    pub wanted: watch::Receiver<Arc<Wanted>>,
}

/// Why the access point was not raised.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("NetworkManager does not do it")]
    Manager(#[from] zbus::Error),
    #[error("its password cannot be read")]
    Password(#[from] std::io::Error),
}

impl Network {
    /// Runs for ever; on a machine of somebody else's it has nothing to do.
    pub async fn keep(self: Arc<Self>, eyes: Eyes) {
        let Some(wished) = lock(&self.wished).take() else { return };
        if self.ours() {
            let machine = AccessPoint::new(self.times);
            Keeper { network: self, eyes, machine, claimed: false, trouble: None }.run(wished).await;
        }
    }
}

struct Keeper {
    network: Arc<Network>,
    eyes: Eyes,
    machine: AccessPoint,
    claimed: bool,
    /// What was told last, so that it is told once.
    trouble: Option<String>,
}

impl Keeper {
    async fn run(mut self, mut wished: mpsc::Receiver<Wish>) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => {
                    let trouble = match tokio::time::timeout(LOOK_MAX, self.look()).await {
                        Ok(looked) => looked.err().map(|error| error.to_string()),
                        Err(_) => Some("NetworkManager does not answer".into()),
                    };
                    if let Some(text) = trouble.as_ref().filter(|text| self.trouble.as_ref() != Some(*text)) {
                        tracing::warn!(error = text, "the network is not known, or the access point is not raised");
                    }
                    self.trouble = trouble;
                }
                wish = wished.recv() => {
                    let Some(wish) = wish else { return };
                    self.join(wish).await;
                    looks.reset_immediately();
                }
            }
        }
    }

    async fn look(&mut self) -> Result<(), Failure> {
        let network = self.network.clone();
        let (bus, snapshot) = network.snapshot().await?;
        let point = snapshot.access_point();
        network.guests.set_up(point.is_some());
        if point.is_none() {
            let reach = network.reach(&snapshot);
            // Where the radio has only just left its access point it has not looked yet.
            if !reach.is_empty() {
                *lock(&network.reach) = reach;
            }
        }
        if !self.claimed {
            self.claimed = self.eyes.door.claimed().await.unwrap_or(true);
        }
        let seen = Seen {
            radio: snapshot.radio().is_some(),
            up: point.is_some(),
            network: snapshot.network(),
            connecting: snapshot
                .links
                .iter()
                .any(|link| link.kind == Kind::Wifi && !link.is_access_point && state::connecting(link.state)),
            saved: !snapshot.saved.is_empty(),
            guests: network.guests.any(),
            claimed: self.claimed,
            on_air: self.eyes.wanted.borrow().on_air().is_some(),
        };
        match self.machine.look(network.clock.running(), seen) {
            None => Ok(()),
            Some(Order::Raise) => self.raise(&bus, &snapshot).await,
            Some(Order::Leave) => self.leave(&bus, &snapshot).await,
        }
    }

    async fn raise(&self, bus: &zbus::Connection, snapshot: &Snapshot) -> Result<(), Failure> {
        let Some(radio) = snapshot.radio() else { return Ok(()) };
        let (name, password) = (self.network.own_name(), self.network.password()?);
        tracing::info!(name, "no network: the access point is raised");
        let settings = connections::access_point(&name, password.as_ref());
        // Gone when it is left, and after a restart.
        let options = HashMap::from([("persist", "volatile".into())]);
        let manager = manager::manager(bus).await?;
        manager.add_and_activate_connection2(&settings, &radio.path, &NOTHING, options).await?;
        Ok(())
    }

    async fn leave(&self, bus: &zbus::Connection, snapshot: &Snapshot) -> Result<(), Failure> {
        let Some(active) = snapshot.access_point().and_then(|point| point.active.as_ref()) else { return Ok(()) };
        tracing::info!("the access point is left");
        Ok(manager::manager(bus).await?.deactivate_connection(active).await?)
    }

    async fn join(&mut self, wish: Wish) {
        tracing::info!("a Wi-Fi that was chosen is joined");
        let before = self.network.snapshot().await;
        let was_up = before.is_ok_and(|(_, snapshot)| snapshot.access_point().is_some());
        let carried_out = tokio::time::timeout(CARRY_OUT_MAX, self.network.carry_out(&wish)).await;
        let joined = carried_out.unwrap_or(Err(super::join::Failure::Silent));
        let (now, ssid) = (self.network.clock.running(), wish.name);
        *lock(&self.network.attempt) = match joined {
            Ok(()) => {
                self.machine.joined(now);
                AttemptDoc::Joined { ssid }
            }
            Err(failure) => {
                tracing::warn!(error = %failure, cause = ?std::error::Error::source(&failure), "it was not joined");
                self.machine.not_joined(now, was_up);
                AttemptDoc::Failed { ssid, fault: Fault::new(failure.code(), "") }
            }
        };
    }
}
