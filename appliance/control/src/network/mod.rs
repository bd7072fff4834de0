//! The box's network: the edge to NetworkManager, which has the interfaces.
//!
//! ```text
//! cable ─┐                                          ┌─ what is the case ─► GET /network
//! Wi-Fi ─┼─► NetworkManager ◄──D-Bus──► keeper ─────┼─ the access point: automation::access_point
//! phone ─┘                                          └─ a Wi-Fi that somebody has chosen ◄─ PUT /network/wifi
//! ```
//! Which uplink is used NetworkManager decides by the metrics of its configuration; we tell. Where Bandstand was installed on a
//! machine of somebody else's, nothing of its network is looked at or touched.

mod connections;
mod guests;
mod join;
mod keep;
mod manager;

pub use guests::{Guest, Guests};
pub use keep::Eyes;

use crate::clock::Clock;
use crate::doc::{
    AccessPointDoc, AttemptDoc, InterfaceDoc, InterfaceKind, InterfaceState, NetworkDoc, WifiDoc, WifiDraft,
    WifiSecurity,
};
use crate::refusal::Refusal;
use crate::store::seal::write_private;
use crate::system::runs_our_image;
use crate::units::systemd::Systemd;
use automation::access_point::Times;
use automation::fault::Code;
use automation::secret::Secret;
use automation::wifi::{Security, country_fits, name_fits, own_name, password_fits};
use manager::{InReach, Kind, Link, Snapshot, state};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// The box's address on its access point: what NetworkManager takes where it shares a network, and what people know.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 42, 0, 1);
/// Length of the network's prefix there.
const PREFIX: u32 = 24;
/// The access point's password, in the state folder, where the medium gave one.
const PASSWORD: &str = "access-point-password";
/// The country that the page wishes, in the state folder, until the unit below has taken it over.
const WISH: &str = "wifi-country";
/// Puts it in force: only root may. See systemd/polkit.
const RADIO: &str = "bandstand-radio.service";
/// The country that is in force, below the machine's root.
const COUNTRY: &str = "run/bandstand-board/wifi-country";
/// How long that may take.
const COUNTRY_MAX: Duration = Duration::from_secs(5);
/// Networks that are listed.
const WIFI_MAX: usize = 64;

/// The network.
pub struct Network {
    machine: PathBuf,
    state: PathBuf,
    bus: Option<zbus::Connection>,
    held: Mutex<Option<zbus::Connection>>,
    clock: Clock,
    times: Times,
    guests: Arc<Guests>,
    attempt: Mutex<AttemptDoc>,
    /// What was in reach when the radio last was no access point.
    reach: Mutex<Vec<InReach>>,
    wishes: mpsc::Sender<Wish>,
    /// For the keeper.
    wished: Mutex<Option<mpsc::Receiver<Wish>>>,
}

/// A Wi-Fi that is wished, and looks right.
struct Wish {
    name: String,
    password: Option<Secret>,
    hidden: bool,
    country: Option<String>,
    security: Option<Security>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Network {
    /// The network of the machine whose files are below `machine`. Without a bus it is the system's own.
    pub fn new(machine: &Path, state: &Path, clock: &Clock, bus: Option<zbus::Connection>, times: Times) -> Network {
        // One is carried out at a time; a second one is refused.
        let (wishes, wished) = mpsc::channel(1);
        Network {
            machine: machine.to_owned(),
            state: state.to_owned(),
            bus,
            held: Mutex::default(),
            clock: clock.clone(),
            times,
            guests: Guests::new(clock),
            attempt: Mutex::default(),
            reach: Mutex::default(),
            wishes,
            wished: Mutex::new(Some(wished)),
        }
    }

    /// Who is on the access point.
    pub fn guests(&self) -> Arc<Guests> {
        self.guests.clone()
    }

    fn ours(&self) -> bool {
        runs_our_image(&self.machine)
    }

    /// What the access point is called.
    fn own_name(&self) -> String {
        let host = std::fs::read_to_string(self.machine.join("proc/sys/kernel/hostname")).unwrap_or_default();
        own_name(host.trim())
    }

    /// The access point's password. One that is there and cannot be read is an error: it would else be open to everybody.
    fn password(&self) -> std::io::Result<Option<Secret>> {
        let text = match std::fs::read_to_string(self.state.join(PASSWORD)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let password = text.trim_end_matches('\n');
        match password_fits(password) {
            true => Ok(Some(Secret::new(password))),
            false => Err(std::io::Error::other("the access point's password is none")),
        }
    }

    fn country(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.machine.join(COUNTRY)).ok()?;
        Some(text.trim().to_owned()).filter(|country| country_fits(country))
    }

    async fn bus(&self) -> zbus::Result<zbus::Connection> {
        let held = self.bus.clone().or_else(|| lock(&self.held).clone());
        if let Some(bus) = held {
            return Ok(bus);
        }
        let bus = zbus::Connection::system().await?;
        *lock(&self.held) = Some(bus.clone());
        Ok(bus)
    }

    async fn snapshot(&self) -> zbus::Result<(zbus::Connection, Snapshot)> {
        let bus = self.bus().await?;
        match Snapshot::of(&bus).await {
            Ok(snapshot) => Ok((bus, snapshot)),
            Err(error) => {
                // It may be the bus itself.
                *lock(&self.held) = None;
                Err(error)
            }
        }
    }

    /// The same for somebody who asks.
    async fn asked(&self) -> Result<(zbus::Connection, Snapshot), Refusal> {
        if !self.ours() {
            let text = "This Bandstand runs on a system that is not its own: set up its network there.";
            return Err(Refusal::because(Code::Conflict, text));
        }
        self.snapshot().await.map_err(away)
    }

    /// What is known now.
    pub async fn show(&self) -> Result<NetworkDoc, Refusal> {
        if !self.ours() {
            return Ok(NetworkDoc::default());
        }
        let (_, snapshot) = self.snapshot().await.map_err(away)?;
        let access_point = snapshot.radio().map(|radio| AccessPointDoc {
            up: radio.is_access_point && radio.state == state::ACTIVATED,
            name: self.own_name(),
            page: format!("https://{ADDRESS}"),
            password: self.password().is_ok_and(|password| password.is_some()),
        });
        let mut interfaces: Vec<InterfaceDoc> = snapshot.links.iter().map(|link| self.interface(link)).collect();
        interfaces.sort_by_key(|interface| (!interface.used, interface.kind));
        Ok(NetworkDoc {
            own: true,
            interfaces,
            access_point,
            wifi: self.wifi(&snapshot),
            attempt: lock(&self.attempt).clone(),
            country: self.country(),
        })
    }

    fn interface(&self, link: &Link) -> InterfaceDoc {
        let kind = match link.kind {
            Kind::Cable => InterfaceKind::Cable,
            Kind::Wifi => InterfaceKind::Wifi,
            Kind::Phone => InterfaceKind::Phone,
        };
        let state = match link.state {
            _ if link.is_access_point => InterfaceState::AccessPoint,
            state::ACTIVATED => InterfaceState::Connected,
            state if state::connecting(state) => InterfaceState::Connecting,
            state if state < state::DISCONNECTED => InterfaceState::Unplugged,
            _ => InterfaceState::Idle,
        };
        let joined = link.radio.as_ref().and_then(|radio| radio.network.clone());
        InterfaceDoc {
            name: link.name.clone(),
            kind,
            state,
            network: joined.filter(|_| state == InterfaceState::Connected),
            addresses: link.addresses.iter().map(ToString::to_string).collect(),
            used: link.used,
        }
    }

    /// What is in reach of the radio, or was before it became an access point.
    fn reach(&self, snapshot: &Snapshot) -> Vec<InReach> {
        if snapshot.access_point().is_some() {
            return lock(&self.reach).clone();
        }
        let radios = snapshot.links.iter().filter_map(|link| link.radio.as_ref());
        let mut reach = Vec::<InReach>::new();
        for found in radios.flat_map(|radio| &radio.in_reach) {
            if !reach.iter().any(|known| known.name == found.name) {
                reach.push(found.clone());
            }
        }
        reach
    }

    fn wifi(&self, snapshot: &Snapshot) -> Vec<WifiDoc> {
        let active = snapshot.links.iter().filter(|link| !link.is_access_point && link.state == state::ACTIVATED);
        let active: Vec<&String> = active.filter_map(|link| link.radio.as_ref()?.network.as_ref()).collect();
        let saved = |name: &str| snapshot.saved.iter().find(|saved| saved.name == name).map(|saved| saved.id.clone());
        let mut wifi: Vec<WifiDoc> = Vec::new();
        for InReach { name, strength, security } in self.reach(snapshot) {
            let security = match security {
                Security::Open | Security::Enhanced => WifiSecurity::Open,
                Security::Password | Security::Sae => WifiSecurity::Password,
                Security::Other => WifiSecurity::Other,
            };
            wifi.push(WifiDoc {
                saved: saved(&name),
                active: active.contains(&&name),
                ssid: name,
                strength: Some(strength.min(100)),
                security: Some(security),
            });
        }
        for saved in &snapshot.saved {
            if !wifi.iter().any(|known| known.ssid == saved.name) {
                wifi.push(WifiDoc {
                    ssid: saved.name.clone(),
                    strength: None,
                    security: None,
                    saved: Some(saved.id.clone()),
                    active: active.contains(&&saved.name),
                });
            }
        }
        wifi.sort_by(|a, b| {
            let rank = |one: &WifiDoc| (!one.active, one.saved.is_none(), std::cmp::Reverse(one.strength));
            rank(a).cmp(&rank(b)).then_with(|| a.ssid.cmp(&b.ssid))
        });
        wifi.truncate(WIFI_MAX);
        wifi
    }

    /// Looks for networks anew: they are listed as they are found.
    pub async fn scan(&self) -> Result<(), Refusal> {
        let (bus, snapshot) = self.asked().await?;
        let radio = snapshot.joiner().ok_or_else(|| Refusal::new(Code::WifiAbsent))?;
        if radio.is_access_point {
            let text =
                "The radio is the box's own Wi-Fi just now, and cannot look for others. Enter the network's name.";
            return Err(Refusal::because(Code::Conflict, text));
        }
        let radio = manager::wireless(&bus, &radio.path).await.map_err(away)?;
        // Refused where it has just looked, which is as good.
        if let Err(error) = radio.request_scan(Default::default()).await {
            tracing::info!(%error, "the radio looks for networks by itself");
        }
        Ok(())
    }

    /// Begins to join a Wi-Fi. What becomes of it is told by [`Network::show`]: whoever asked by the access point does not hear
    /// it at once, since it goes meanwhile.
    pub async fn join(&self, draft: WifiDraft, on_air: bool) -> Result<(), Refusal> {
        let (_, snapshot) = self.asked().await?;
        let WifiDraft { ssid: name, password, hidden, country } = draft;
        let wrong = |place: &str, text: &str| Refusal::wrong(Code::RequestInvalid, place, text);
        if !name_fits(&name) {
            return Err(wrong("ssid", "must be the name of a Wi-Fi: 1 to 32 bytes in one line"));
        }
        let password = password.filter(|password| !password.is_empty());
        if password.as_ref().is_some_and(|password| !password_fits(password.expose())) {
            return Err(wrong("password", "must have 8 to 63 characters, without accents"));
        }
        if country.as_deref().is_some_and(|country| !country_fits(country)) {
            return Err(wrong("country", "must be two capital letters, for example GB"));
        }
        let security = self.reach(&snapshot).into_iter().find(|known| known.name == name).map(|known| known.security);
        let saved = snapshot.saved.iter().any(|saved| saved.name == name);
        match security {
            Some(Security::Other) => {
                return Err(wrong("ssid", "asks for a user of its own, or is kept in a way that is not safe any more"));
            }
            Some(Security::Password | Security::Sae) if password.is_none() && !saved => {
                return Err(wrong("password", "this Wi-Fi has one"));
            }
            _ => {}
        }
        if snapshot.joiner().is_none() {
            return Err(Refusal::new(Code::WifiAbsent));
        }
        carried(&snapshot, on_air)?;
        let wish = Wish { name: name.clone(), password, hidden, country, security };
        let mut attempt = lock(&self.attempt);
        if matches!(*attempt, AttemptDoc::Joining { .. }) || self.wishes.try_send(wish).is_err() {
            return Err(Refusal::because(Code::Conflict, "Another Wi-Fi is being joined: wait until that is over."));
        }
        *attempt = AttemptDoc::Joining { ssid: name };
        Ok(())
    }

    /// Forgets a Wi-Fi, and leaves it where the box is in it.
    pub async fn forget(&self, id: &str, on_air: bool) -> Result<(), Refusal> {
        let (bus, snapshot) = self.asked().await?;
        let found = snapshot.saved.iter().find(|saved| saved.id == id);
        let Some(found) = found else { return Err(Refusal::not_found("Wi-Fi", id)) };
        if self.wifi(&snapshot).iter().any(|wifi| wifi.active && wifi.ssid == found.name) {
            carried(&snapshot, on_air)?;
        }
        // The same network may be known twice, by the medium and by the page.
        for saved in snapshot.saved.iter().filter(|saved| saved.name == found.name) {
            manager::profile(&bus, &saved.path).await.map_err(away)?.delete().await.map_err(away)?;
        }
        Ok(())
    }

    /// Lets a country's radio rules be in force.
    async fn set_country(&self, bus: &zbus::Connection, country: &str) -> Result<(), CountryError> {
        if self.country().as_deref() == Some(country) {
            return Ok(());
        }
        let (path, text) = (self.state.join(WISH), format!("{country}\n"));
        tokio::task::spawn_blocking(move || write_private(&path, text.as_bytes()))
            .await
            .map_err(std::io::Error::from)??;
        Systemd::on(bus).await?.begin(RADIO).await?;
        let in_force = async {
            while self.country().as_deref() != Some(country) {
                // Looked at again and again until the unit has told it; bounded below.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(COUNTRY_MAX, in_force).await.map_err(|_| CountryError::Late)
    }
}

/// Why a country's rules are not in force.
#[derive(Debug, thiserror::Error)]
enum CountryError {
    /// It cannot be written down.
    #[error("it cannot be written down")]
    Storage(#[from] std::io::Error),
    /// systemd does not do it.
    #[error("systemd did not do it")]
    Systemd(#[from] zbus::Error),
    /// The kernel does not.
    #[error("the kernel does not know the country, or takes too long")]
    Late,
}

/// Refused where a broadcast leaves the house by the Wi-Fi.
fn carried(snapshot: &Snapshot, on_air: bool) -> Result<(), Refusal> {
    let by_wifi = snapshot.links.iter().any(|link| link.used && link.kind == Kind::Wifi && !link.is_access_point);
    match on_air && by_wifi {
        true => Err(Refusal::because(Code::OnAir, "A broadcast leaves the house by this Wi-Fi.")),
        false => Ok(()),
    }
}

fn away(error: zbus::Error) -> Refusal {
    Refusal::failed(Code::Internal, error)
}
