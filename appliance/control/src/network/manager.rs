//! NetworkManager over D-Bus (its D-Bus API reference, 1.52): what it is asked for, and all that it knows in one look.

use automation::wifi::{Security, security};
use std::collections::HashMap;
use std::net::IpAddr;
use zbus::fdo::{ManagedObjects, ObjectManagerProxy};
use zbus::proxy::CacheProperties;
use zbus::{ObjectPath, OwnedObjectPath, OwnedVariant, Variant};

/// A connection's settings, as they are given: sections, keys, values.
pub(super) type Settings<'a> = HashMap<&'a str, HashMap<&'a str, Variant<'a>>>;
/// Properties of an interface, or values of a section, as they come.
type Values = HashMap<String, OwnedVariant>;

const SERVICE: &str = "org.freedesktop.NetworkManager";
/// Where its objects begin.
const ROOT: &str = "/org/freedesktop";
const MANAGER: &str = "/org/freedesktop/NetworkManager";
/// The name by which our access point is known again.
pub(super) const ACCESS_POINT: &str = "bandstand-access-point";
/// `NM_WIFI_DEVICE_CAP_AP`.
const CAN_BE_ACCESS_POINT: u32 = 0x40;
/// Drivers of telephones by USB. Some adapters of cables use them too; they then come after Wi-Fi. Of what `cdc_ether` is for,
/// `cdc_subset` takes some, where it is loaded first.
const PHONES: [&str; 5] = ["rndis_host", "cdc_ether", "cdc_ncm", "cdc_subset", "ipheth"];

/// States of a device (`NMDeviceState`).
pub(super) mod state {
    /// It can be used.
    pub(crate) const DISCONNECTED: u32 = 30;
    /// The first of the states in which it is being connected.
    pub(crate) const PREPARE: u32 = 40;
    /// It has its address.
    pub(crate) const ACTIVATED: u32 = 100;
    /// It could not be connected; it is disconnected in a moment.
    pub(crate) const FAILED: u32 = 120;

    /// Whether it is being connected.
    pub(crate) fn connecting(state: u32) -> bool {
        (PREPARE..ACTIVATED).contains(&state)
    }
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager",
    default_service = "org.freedesktop.NetworkManager",
    default_path = "/org/freedesktop/NetworkManager"
)]
pub(super) trait Manager {
    /// Makes a connection for a device, and activates it.
    fn add_and_activate_connection2(
        &self,
        connection: &Settings<'_>,
        device: &ObjectPath<'_>,
        specific_object: &ObjectPath<'_>,
        options: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<(OwnedObjectPath, OwnedObjectPath, HashMap<String, OwnedVariant>)>;
    /// Activates one that is known.
    fn activate_connection(
        &self,
        connection: &ObjectPath<'_>,
        device: &ObjectPath<'_>,
        specific_object: &ObjectPath<'_>,
    ) -> zbus::Result<OwnedObjectPath>;
    /// Ends one that is active.
    fn deactivate_connection(&self, active_connection: &ObjectPath<'_>) -> zbus::Result<()>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.Settings",
    default_service = "org.freedesktop.NetworkManager",
    default_path = "/org/freedesktop/NetworkManager/Settings"
)]
pub(super) trait Profiles {
    /// Makes a connection.
    fn add_connection2(
        &self,
        settings: &Settings<'_>,
        flags: u32,
        args: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<(OwnedObjectPath, HashMap<String, OwnedVariant>)>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.Settings.Connection",
    default_service = "org.freedesktop.NetworkManager"
)]
pub(super) trait Profile {
    /// Its settings, without secrets.
    fn get_settings(&self) -> zbus::Result<HashMap<String, HashMap<String, OwnedVariant>>>;
    /// Changes it; without settings it stays as it is, and where it is kept may change.
    fn update2(
        &self,
        settings: &Settings<'_>,
        flags: u32,
        args: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<HashMap<String, OwnedVariant>>;
    /// Forgets it.
    fn delete(&self) -> zbus::Result<()>;
}

#[zbus::proxy(interface = "org.freedesktop.NetworkManager.Device", default_service = "org.freedesktop.NetworkManager")]
pub(super) trait Device {
    /// Its state has changed.
    #[zbus(signal)]
    fn state_changed(&self, new_state: u32, old_state: u32, reason: u32) -> zbus::Result<()>;
}

#[zbus::proxy(
    interface = "org.freedesktop.NetworkManager.Device.Wireless",
    default_service = "org.freedesktop.NetworkManager"
)]
pub(super) trait Wireless {
    /// Looks for networks.
    fn request_scan(&self, options: HashMap<&str, Variant<'_>>) -> zbus::Result<()>;
}

/// The manager itself.
pub(super) async fn manager(bus: &zbus::Connection) -> zbus::Result<ManagerProxy<'static>> {
    ManagerProxy::builder(bus).cache_properties(CacheProperties::No).build().await
}

/// All connections that are known.
pub(super) async fn profiles(bus: &zbus::Connection) -> zbus::Result<ProfilesProxy<'static>> {
    ProfilesProxy::builder(bus).cache_properties(CacheProperties::No).build().await
}

/// One of them.
pub(super) async fn profile(bus: &zbus::Connection, path: &OwnedObjectPath) -> zbus::Result<ProfileProxy<'static>> {
    ProfileProxy::builder(bus).path(path.clone()).cache_properties(CacheProperties::No).build().await
}

/// A device.
pub(super) async fn device(bus: &zbus::Connection, path: &OwnedObjectPath) -> zbus::Result<DeviceProxy<'static>> {
    DeviceProxy::builder(bus).path(path.clone()).cache_properties(CacheProperties::No).build().await
}

/// A radio.
pub(super) async fn wireless(bus: &zbus::Connection, path: &OwnedObjectPath) -> zbus::Result<WirelessProxy<'static>> {
    WirelessProxy::builder(bus).path(path.clone()).cache_properties(CacheProperties::No).build().await
}

/// The path that stands for none.
pub(super) const NOTHING: ObjectPath<'static> = ObjectPath::from_static_str_unchecked("/");

/// Everything that is known, at a moment.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) links: Vec<Link>,
    pub(super) saved: Vec<Saved>,
}

/// An interface.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) path: OwnedObjectPath,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) state: u32,
    /// Whether somebody is at the other end of its cable.
    pub(super) carrier: bool,
    /// Addresses that reach beyond its link.
    pub(super) addresses: Vec<IpAddr>,
    /// What is active on it.
    pub(super) active: Option<OwnedObjectPath>,
    /// Whether that is our access point.
    pub(super) is_access_point: bool,
    /// Whether the default route leads there.
    pub(super) used: bool,
    /// What it is, where it is a radio.
    pub(super) radio: Option<Radio>,
}

/// What an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Cable,
    Wifi,
    Phone,
}

/// A radio.
#[derive(Debug)]
pub(super) struct Radio {
    pub(super) can_be_access_point: bool,
    /// What it is in.
    pub(super) network: Option<String>,
    pub(super) in_reach: Vec<InReach>,
}

/// A network in reach of the radio: the strongest of its access points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InReach {
    pub(super) name: String,
    pub(super) strength: u8,
    pub(super) security: Security,
}

/// A Wi-Fi that is known.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) path: OwnedObjectPath,
    pub(super) id: String,
    pub(super) name: String,
}

impl Snapshot {
    /// Looks at everything.
    pub(super) async fn of(bus: &zbus::Connection) -> zbus::Result<Snapshot> {
        let objects = ObjectManagerProxy::builder(bus)
            .destination(SERVICE)
            .path(ROOT)
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        let objects = objects.get_managed_objects().await?;
        let used = interface(&objects, MANAGER, SERVICE).and_then(|manager| path_of(manager, "PrimaryConnection"));
        let mut links: Vec<Link> = objects.keys().filter_map(|path| link(&objects, path, used.as_ref())).collect();
        links.sort_by(|a, b| (a.kind as u8, &a.name).cmp(&(b.kind as u8, &b.name)));
        let mut saved = Vec::new();
        for path in objects.keys() {
            if interface(&objects, path, "org.freedesktop.NetworkManager.Settings.Connection").is_some() {
                // It may have gone meanwhile.
                let Ok(settings) = profile(bus, path).await?.get_settings().await else { continue };
                saved.extend(known_wifi(path, &settings));
            }
        }
        saved.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(Snapshot { links, saved })
    }

    /// Our access point, where it is up or coming up.
    pub(super) fn access_point(&self) -> Option<&Link> {
        self.links.iter().find(|link| link.is_access_point)
    }

    /// The radio that is, or would be, the access point.
    pub(super) fn radio(&self) -> Option<&Link> {
        let can = |link: &&Link| link.radio.as_ref().is_some_and(|radio| radio.can_be_access_point);
        let ready = |link: &&Link| link.state >= state::DISCONNECTED;
        self.access_point().or_else(|| self.links.iter().filter(can).find(ready))
    }

    /// The radio that joins a network.
    pub(super) fn joiner(&self) -> Option<&Link> {
        let ready = |link: &&Link| link.kind == Kind::Wifi && link.state >= state::DISCONNECTED;
        self.radio().or_else(|| self.links.iter().find(ready))
    }

    /// Whether there is a network besides the access point: a cable with somebody at its other end, or an address.
    pub(super) fn network(&self) -> bool {
        let there = |link: &Link| {
            let cable = link.kind == Kind::Cable && link.carrier;
            cable || link.state == state::ACTIVATED && !link.addresses.is_empty()
        };
        self.links.iter().any(|link| !link.is_access_point && there(link))
    }
}

/// The properties that an object has by an interface.
fn interface<'a>(objects: &'a ManagedObjects, path: &str, name: &str) -> Option<&'a Values> {
    let (_, interfaces) = objects.iter().find(|(known, _)| known.as_str() == path)?;
    interfaces.iter().find(|(known, _)| known.as_str() == name).map(|(_, values)| values)
}

fn value<T: TryFrom<OwnedVariant>>(values: &Values, name: &str) -> Option<T> {
    T::try_from(values.get(name)?.try_clone().ok()?).ok()
}

/// A path; none where it stands for none.
fn path_of(values: &Values, name: &str) -> Option<OwnedObjectPath> {
    value::<OwnedObjectPath>(values, name).filter(|path| path.as_str() != "/")
}

fn link(objects: &ManagedObjects, path: &OwnedObjectPath, used: Option<&OwnedObjectPath>) -> Option<Link> {
    const DEVICE: &str = "org.freedesktop.NetworkManager.Device";
    let about = interface(objects, path, DEVICE)?;
    let driver: String = value(about, "Driver").unwrap_or_default();
    let kind = match value(about, "DeviceType")? {
        1_u32 if PHONES.contains(&driver.as_str()) => Kind::Phone,
        1 => Kind::Cable,
        2 => Kind::Wifi,
        8 => Kind::Phone,
        _ => return None,
    };
    let active = path_of(about, "ActiveConnection");
    let connection = active
        .as_ref()
        .and_then(|active| interface(objects, active, "org.freedesktop.NetworkManager.Connection.Active"));
    let is_access_point =
        connection.and_then(|active| value::<String>(active, "Id")).is_some_and(|id| id == ACCESS_POINT);
    let mut addresses = Vec::new();
    for (property, name) in [("Ip4Config", "IP4Config"), ("Ip6Config", "IP6Config")] {
        let config = path_of(about, property);
        let name = format!("org.freedesktop.NetworkManager.{name}");
        let data = config.and_then(|config| value::<Vec<Values>>(interface(objects, &config, &name)?, "AddressData"));
        addresses.extend(addresses_of(&data.unwrap_or_default()));
    }
    let cable = interface(objects, path, "org.freedesktop.NetworkManager.Device.Wired");
    let radio = interface(objects, path, "org.freedesktop.NetworkManager.Device.Wireless");
    Some(Link {
        path: path.clone(),
        name: value(about, "Interface")?,
        kind,
        state: value(about, "State")?,
        carrier: cable.and_then(|cable| value(cable, "Carrier")).unwrap_or(false),
        used: active.is_some() && active.as_ref() == used,
        active,
        is_access_point,
        addresses,
        radio: radio.map(|radio| self::radio(objects, radio)),
    })
}

/// The addresses of a list that NetworkManager has, without those of a link's own.
fn addresses_of(data: &[Values]) -> Vec<IpAddr> {
    let text = data.iter().filter_map(|one| value::<String>(one, "address"));
    let beyond = |address: &IpAddr| match address {
        IpAddr::V4(address) => !address.is_link_local(),
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    };
    text.filter_map(|text| text.parse().ok()).filter(beyond).collect()
}

fn radio(objects: &ManagedObjects, about: &Values) -> Radio {
    const POINT: &str = "org.freedesktop.NetworkManager.AccessPoint";
    let mut in_reach: Vec<InReach> = Vec::new();
    for path in value::<Vec<OwnedObjectPath>>(about, "AccessPoints").unwrap_or_default() {
        let Some(found) = interface(objects, &path, POINT).and_then(found) else { continue };
        match in_reach.iter_mut().find(|known| known.name == found.name) {
            Some(known) if known.strength < found.strength => *known = found,
            Some(_) => {}
            None => in_reach.push(found),
        }
    }
    let network = path_of(about, "ActiveAccessPoint").and_then(|path| found(interface(objects, &path, POINT)?));
    let capabilities: u32 = value(about, "WirelessCapabilities").unwrap_or(0);
    Radio {
        can_be_access_point: capabilities & CAN_BE_ACCESS_POINT != 0,
        network: network.map(|network| network.name),
        in_reach,
    }
}

/// A network of which an access point tells; none where it does not tell its name.
fn found(point: &Values) -> Option<InReach> {
    let name = String::from_utf8(value(point, "Ssid")?).ok().filter(|name| !name.trim_matches('\0').is_empty())?;
    let flags = |name: &str| value::<u32>(point, name).unwrap_or(0);
    let security = security(flags("Flags"), flags("WpaFlags"), flags("RsnFlags"));
    Some(InReach { name, strength: value(point, "Strength").unwrap_or(0), security })
}

fn known_wifi(path: &OwnedObjectPath, settings: &HashMap<String, Values>) -> Option<Saved> {
    let (connection, wifi) = (settings.get("connection")?, settings.get("802-11-wireless")?);
    let mode = value::<String>(wifi, "mode").unwrap_or_default();
    if !matches!(mode.as_str(), "" | "infrastructure") {
        return None;
    }
    let name = String::from_utf8_lossy(&value::<Vec<u8>>(wifi, "ssid")?).into_owned();
    Some(Saved { path: path.clone(), id: value(connection, "uuid")?, name })
}
