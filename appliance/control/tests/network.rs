//! The box's network, by real D-Bus over a pair of sockets: the far side has NetworkManager's objects and methods, as far as they
//! are asked for, with one cable and one radio. NetworkManager itself, with radios that the kernel plays, is in tests/image.

mod support;

use automation::access_point::Times;
use control::clock::Clock;
use control::network::Network;
use control::system::System;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use support::{House, until};
use zbus::connection::Builder;
use zbus::object_server::SignalEmitter;
use zbus::{ObjectPath, OwnedObjectPath, OwnedVariant, Variant};

const DEVICE: &str = "/org/freedesktop/NetworkManager/Devices/2";
/// States of a device (NMDeviceState), and a reason (NMDeviceStateReason).
const DISCONNECTED: u32 = 30;
const ACTIVATED: u32 = 100;
const NO_SECRETS: u32 = 7;
const NOT_FOUND: u32 = 53;

/// The radio waits for nothing: the access point comes and goes as soon as it may.
const QUICK: Times =
    Times { without_ms: 0, new_ms: 0, on_air_ms: 0, retry_ms: 3_600_000, try_ms: 60_000, guests_ms: 0 };
/// It never comes.
const NEVER: Times = Times {
    without_ms: u64::MAX,
    new_ms: u64::MAX,
    on_air_ms: u64::MAX,
    retry_ms: u64::MAX,
    try_ms: u64::MAX,
    guests_ms: 0,
};

type Given = HashMap<String, HashMap<String, OwnedVariant>>;

/// A connection that is known.
struct Profile {
    uuid: String,
    ssid: String,
    psk: Option<String>,
    on_disk: bool,
}

/// What the far side is.
#[derive(Default)]
struct Far {
    /// What it was asked for, and did.
    asked: Vec<String>,
    cable: bool,
    no_radio: bool,
    /// State of the radio.
    radio: u32,
    /// What is active on it: a connection's number, or 0 for the access point.
    active: Option<u32>,
    /// Of the access point.
    point: Option<(String, Option<String>)>,
    profiles: HashMap<u32, Profile>,
    made: u32,
    /// Networks in reach: name, password.
    reach: Vec<(String, String)>,
}

type Shared = Arc<Mutex<Far>>;

fn text(values: &HashMap<String, OwnedVariant>, key: &str) -> Option<String> {
    String::try_from(values.get(key)?.try_clone().ok()?).ok()
}

fn ssid(given: &Given) -> String {
    let bytes = Vec::<u8>::try_from(given["802-11-wireless"]["ssid"].try_clone().unwrap()).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn psk(given: &Given) -> Option<String> {
    given.get("802-11-wireless-security").and_then(|section| text(section, "psk"))
}

fn path(text: String) -> OwnedObjectPath {
    text.try_into().unwrap()
}

fn profile_path(number: u32) -> OwnedObjectPath {
    path(format!("/org/freedesktop/NetworkManager/Settings/{number}"))
}

fn active_path(number: u32) -> OwnedObjectPath {
    path(format!("/org/freedesktop/NetworkManager/ActiveConnection/{number}"))
}

fn number(path: &ObjectPath<'_>) -> u32 {
    path.as_str().rsplit('/').next().unwrap().parse().unwrap()
}

type Objects = HashMap<OwnedObjectPath, HashMap<String, HashMap<String, OwnedVariant>>>;

fn owned(value: impl Into<Variant<'static>>) -> OwnedVariant {
    OwnedVariant::try_from(value.into()).unwrap()
}

fn none() -> OwnedVariant {
    owned(ObjectPath::from_static_str("/").unwrap())
}

fn reference(path: &OwnedObjectPath) -> OwnedVariant {
    owned(path.clone().into_inner())
}

struct Root(Shared);

#[zbus::interface(name = "org.freedesktop.DBus.ObjectManager")]
impl Root {
    fn get_managed_objects(&self) -> Objects {
        let far = self.0.lock().unwrap();
        let mut objects = Objects::new();
        let mut put = |at: &str, interface: &str, values: Vec<(&str, OwnedVariant)>| {
            let values = values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            let interface = format!("org.freedesktop.NetworkManager{interface}");
            objects.entry(path(at.to_owned())).or_default().insert(interface, values);
        };
        let addresses = |address: &str| {
            let one: HashMap<String, Variant<'static>> = HashMap::from([
                ("address".to_owned(), address.to_owned().into()),
                ("prefix".to_owned(), 24_u32.into()),
            ]);
            owned(vec![one])
        };
        let cable = active_path(99);
        let ip = |n: u32| path(format!("/org/freedesktop/NetworkManager/IP4Config/{n}"));
        let primary = match (far.cable, far.active) {
            (true, _) => reference(&cable),
            (false, Some(number)) if number > 0 && far.radio == ACTIVATED => reference(&active_path(number)),
            _ => none(),
        };
        put("/org/freedesktop/NetworkManager", "", vec![("PrimaryConnection", primary)]);
        let first = "/org/freedesktop/NetworkManager/Devices/1";
        put(
            first,
            ".Device",
            vec![
                ("Interface", owned("end0".to_owned())),
                ("DeviceType", owned(1_u32)),
                ("Driver", owned("bcmgenet".to_owned())),
                ("State", owned(if far.cable { ACTIVATED } else { 20 })),
                ("ActiveConnection", if far.cable { reference(&cable) } else { none() }),
                ("Ip4Config", if far.cable { reference(&ip(1)) } else { none() }),
            ],
        );
        put(first, ".Device.Wired", vec![("Carrier", owned(far.cable))]);
        put(&ip(1), ".IP4Config", vec![("AddressData", addresses("192.168.1.20"))]);
        if far.no_radio {
            return objects;
        }
        let up = far.radio == ACTIVATED;
        let active = far.active.map_or(none(), |number| reference(&active_path(number)));
        put(
            DEVICE,
            ".Device",
            vec![
                ("Interface", owned("wlan0".to_owned())),
                ("DeviceType", owned(2_u32)),
                ("Driver", owned("brcmfmac".to_owned())),
                ("State", owned(far.radio)),
                ("ActiveConnection", active),
                ("Ip4Config", if up { reference(&ip(2)) } else { none() }),
            ],
        );
        put(
            &ip(2),
            ".IP4Config",
            vec![("AddressData", addresses(if far.active == Some(0) { "10.42.0.1" } else { "10.9.8.7" }))],
        );
        let id = if far.active == Some(0) { "bandstand-access-point" } else { "Hall" };
        if let Some(number) = far.active {
            put(&active_path(number), ".Connection.Active", vec![("Id", owned(id.to_owned()))]);
        }
        let point = |n: usize| path(format!("/org/freedesktop/NetworkManager/AccessPoint/{n}"));
        let joined = far.active.and_then(|number| far.profiles.get(&number)).filter(|_| up);
        let joined = joined.and_then(|joined| far.reach.iter().position(|(name, _)| *name == joined.ssid));
        // An access point of one's own forgets what was in reach.
        let reach = if far.active == Some(0) { &[][..] } else { &far.reach[..] };
        put(
            DEVICE,
            ".Device.Wireless",
            vec![
                ("WirelessCapabilities", owned(0x2ff_u32)),
                ("AccessPoints", owned((0..reach.len()).map(|n| point(n).into_inner()).collect::<Vec<_>>())),
                ("ActiveAccessPoint", joined.map_or(none(), |n| reference(&point(n)))),
            ],
        );
        for (n, (name, password)) in reach.iter().enumerate() {
            let flags = if password.is_empty() { 0_u32 } else { 0x188 };
            put(
                &point(n),
                ".AccessPoint",
                vec![
                    ("Ssid", owned(name.as_bytes().to_vec())),
                    ("Strength", owned(80 - n as u8)),
                    ("Flags", owned(u32::from(!password.is_empty()))),
                    ("WpaFlags", owned(0_u32)),
                    ("RsnFlags", owned(if password == "enterprise" { 0x288 } else { flags })),
                ],
            );
        }
        for number in far.profiles.keys() {
            put(&profile_path(*number), ".Settings.Connection", vec![]);
        }
        objects
    }
}

struct Manager(Shared);

#[zbus::interface(name = "org.freedesktop.NetworkManager")]
impl Manager {
    fn add_and_activate_connection2(
        &self,
        given: Given,
        _device: ObjectPath<'_>,
        _specific: ObjectPath<'_>,
        options: HashMap<String, OwnedVariant>,
    ) -> (OwnedObjectPath, OwnedObjectPath, HashMap<String, OwnedVariant>) {
        let mut far = self.0.lock().unwrap();
        assert_eq!(text(&given["connection"], "id").unwrap(), "bandstand-access-point");
        assert_eq!(text(&given["ipv4"], "method").unwrap(), "shared");
        // What NetworkManager would refuse of another type.
        assert_eq!(given["ipv4"]["address-data"].value_signature().to_string(), "aa{sv}");
        assert_eq!(given["802-11-wireless"]["ssid"].value_signature().to_string(), "ay");
        assert_eq!(text(&given["802-11-wireless"], "band").unwrap(), "bg");
        assert_eq!(text(&options, "persist").unwrap(), "volatile", "it would outlive a restart");
        if let Some(kept) = given.get("802-11-wireless-security") {
            assert_eq!(i32::try_from(&kept["pmf"]).unwrap(), 1);
        }
        far.point = Some((ssid(&given), psk(&given)));
        far.asked.push("raise".into());
        (far.active, far.radio) = (Some(0), ACTIVATED);
        (profile_path(0), active_path(0), HashMap::new())
    }

    async fn activate_connection(
        &self,
        connection: ObjectPath<'_>,
        device: ObjectPath<'_>,
        _specific: ObjectPath<'_>,
        #[zbus(connection)] bus: &zbus::Connection,
    ) -> OwnedObjectPath {
        assert_eq!(device.as_str(), DEVICE);
        let number = number(&connection);
        let states = {
            let mut far = self.0.lock().unwrap();
            let profile = &far.profiles[&number];
            let found = far.reach.iter().find(|(name, _)| *name == profile.ssid);
            let states = match found {
                None => vec![(40, 0), (50, 0), (120, NOT_FOUND), (DISCONNECTED, 0)],
                Some((_, password)) if profile.psk.clone().unwrap_or_default() == *password => {
                    vec![(110, 60), (DISCONNECTED, 60), (40, 0), (50, 0), (70, 0), (ACTIVATED, 0)]
                }
                Some(_) => vec![(40, 0), (50, 0), (60, 0), (120, NO_SECRETS), (DISCONNECTED, 0)],
            };
            let asked = format!("activate {}", profile.ssid);
            far.asked.push(asked);
            (far.active, far.radio) = match states.last() {
                Some((ACTIVATED, _)) => (Some(number), ACTIVATED),
                _ => (None, DISCONNECTED),
            };
            states
        };
        let emitter = SignalEmitter::new(bus, DEVICE).unwrap();
        let mut before = DISCONNECTED;
        for (state, reason) in states {
            Device::state_changed(&emitter, state, before, reason).await.unwrap();
            before = state;
        }
        active_path(number)
    }

    fn deactivate_connection(&self, active: ObjectPath<'_>) {
        let mut far = self.0.lock().unwrap();
        assert_eq!(active.as_str(), active_path(0).as_str(), "only the access point is ended");
        far.asked.push("leave".into());
        (far.active, far.radio) = (None, DISCONNECTED);
    }
}

struct Device;

#[zbus::interface(name = "org.freedesktop.NetworkManager.Device")]
impl Device {
    #[zbus(signal)]
    async fn state_changed(emitter: &SignalEmitter<'_>, new: u32, old: u32, reason: u32) -> zbus::Result<()>;
}

struct Wireless(Shared);

#[zbus::interface(name = "org.freedesktop.NetworkManager.Device.Wireless")]
impl Wireless {
    fn request_scan(&self, _options: HashMap<String, OwnedVariant>) {
        self.0.lock().unwrap().asked.push("scan".into());
    }
}

struct Profiles(Shared);

#[zbus::interface(name = "org.freedesktop.NetworkManager.Settings")]
impl Profiles {
    async fn add_connection2(
        &self,
        given: Given,
        flags: u32,
        _args: HashMap<String, OwnedVariant>,
        #[zbus(object_server)] server: &zbus::ObjectServer,
    ) -> (OwnedObjectPath, HashMap<String, OwnedVariant>) {
        assert_eq!(flags, 0x22, "it is not kept before it is known to be right");
        let number = {
            let mut far = self.0.lock().unwrap();
            far.made += 1;
            let number = 10 + far.made;
            let uuid = text(&given["connection"], "uuid").unwrap();
            let profile = Profile { uuid, ssid: ssid(&given), psk: psk(&given), on_disk: false };
            far.profiles.insert(number, profile);
            number
        };
        server.at(profile_path(number), Known(self.0.clone(), number)).await.unwrap();
        (profile_path(number), HashMap::new())
    }
}

/// One connection.
struct Known(Shared, u32);

#[zbus::interface(name = "org.freedesktop.NetworkManager.Settings.Connection")]
impl Known {
    fn get_settings(&self) -> zbus::fdo::Result<HashMap<String, HashMap<String, OwnedVariant>>> {
        let far = self.0.lock().unwrap();
        let gone = || zbus::fdo::Error::UnknownObject("gone".into());
        let profile = far.profiles.get(&self.1).ok_or_else(gone)?;
        let connection = HashMap::from([("uuid".to_owned(), owned(profile.uuid.clone()))]);
        let wifi = HashMap::from([
            ("ssid".to_owned(), owned(profile.ssid.as_bytes().to_vec())),
            ("mode".to_owned(), owned("infrastructure".to_owned())),
        ]);
        Ok(HashMap::from([("connection".to_owned(), connection), ("802-11-wireless".to_owned(), wifi)]))
    }

    fn update2(&self, given: Given, flags: u32, _args: HashMap<String, OwnedVariant>) -> HashMap<String, OwnedVariant> {
        assert!(given.is_empty() && flags == 1, "it is kept as it is");
        let mut far = self.0.lock().unwrap();
        let profile = far.profiles.get_mut(&self.1).unwrap();
        profile.on_disk = true;
        let asked = format!("keep {}", profile.ssid);
        far.asked.push(asked);
        HashMap::new()
    }

    fn delete(&self) {
        let mut far = self.0.lock().unwrap();
        let gone = far.profiles.remove(&self.1).unwrap();
        if far.active == Some(self.1) {
            (far.active, far.radio) = (None, DISCONNECTED);
        }
        far.asked.push(format!("delete {}", gone.ssid));
    }
}

struct Systemd(Shared, std::path::PathBuf);

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Systemd {
    /// The unit takes over what is wished, and puts it in force.
    fn start_unit(&self, name: &str, _mode: &str) -> OwnedObjectPath {
        self.0.lock().unwrap().asked.push(format!("start {name}"));
        let wish = self.1.join("state/wifi-country");
        std::fs::copy(&wish, self.1.join("machine/run/bandstand-board/wifi-country")).unwrap();
        std::fs::remove_file(&wish).unwrap();
        path("/org/freedesktop/systemd1/job/1".into())
    }
}

/// A far side with a radio that is in no network, and two in reach.
fn far() -> Shared {
    let reach = [("Hall", "correct horse"), ("Guests", ""), ("Campus", "enterprise")];
    let reach = reach.map(|(name, password)| (name.to_owned(), password.to_owned())).to_vec();
    Arc::new(Mutex::new(Far { radio: DISCONNECTED, reach, ..Far::default() }))
}

/// A machine with our image.
fn machine(folder: &Path) {
    let write = |name: &str, text: &str| {
        let path = folder.join("machine").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("etc/os-release", "ID=bandstand\nVERSION_ID=\"1.0\"\n");
    write("proc/sys/kernel/random/boot_id", "one\n");
    write("proc/sys/kernel/hostname", "bandstand-3f7a\n");
    write("run/bandstand-board/wifi-country", "GB\n");
}

async fn house(folder: &Path, far: &Shared, times: Times) -> House {
    machine(folder);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let other_side = Builder::unix_stream(theirs).server(zbus::Guid::generate()).p2p();
    let other_side = other_side.serve_at("/org/freedesktop", Root(far.clone()));
    let other_side = other_side.serve_at("/org/freedesktop/NetworkManager", Manager(far.clone()));
    let other_side = other_side.serve_at("/org/freedesktop/NetworkManager/Settings", Profiles(far.clone()));
    let other_side = other_side.serve_at(DEVICE, Device).serve_at(DEVICE, Wireless(far.clone()));
    let systemd = Systemd(far.clone(), folder.to_owned());
    let other_side = other_side.serve_at("/org/freedesktop/systemd1", systemd).build();
    let (other_side, bus) = tokio::join!(other_side, Builder::unix_stream(ours).p2p().build());
    // It lives as long as the test's process.
    std::mem::forget(other_side.unwrap());
    let (machine, state, bus) = (folder.join("machine"), folder.join("state"), bus.unwrap());
    let clock = Clock::rooted(&machine).unwrap();
    let system = System::new(&machine, &state, &clock, Some(bus.clone()));
    let network = Network::new(&machine, &state, &clock, Some(bus), times);
    House::open_with(folder, system, network).await
}

fn asked(far: &Shared) -> Vec<String> {
    std::mem::take(&mut far.lock().unwrap().asked)
}

async fn network(house: &House) -> Value {
    house.client.get("/network").await.ok()
}

/// What became of the Wi-Fi that was chosen.
async fn settled(house: &House) -> Value {
    until("what becomes of the Wi-Fi", async || {
        let attempt = network(house).await["attempt"].clone();
        (attempt["state"] != "joining").then_some(attempt)
    })
    .await
}

async fn asked_for(far: &Shared, what: &str) {
    until(what, async || far.lock().unwrap().asked.iter().any(|asked| asked == what).then_some(())).await;
}

#[tokio::test]
async fn what_the_box_is_connected_by_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let far = far();
    far.lock().unwrap().cable = true;
    let house = house(folder.path(), &far, NEVER).await;
    house.claim().await;
    let told = network(&house).await;
    let interfaces = json!([
        {"name": "end0", "kind": "cable", "state": "connected", "network": null, "addresses": ["192.168.1.20"], "used": true},
        {"name": "wlan0", "kind": "wifi", "state": "idle", "network": null, "addresses": [], "used": false},
    ]);
    assert_eq!((&told["own"], &told["interfaces"], &told["country"]), (&json!(true), &interfaces, &json!("GB")));
    let point = json!({"up": false, "name": "Bandstand-3F7A", "page": "https://10.42.0.1", "password": false});
    assert_eq!(told["access_point"], point);
    let wifi = |ssid, strength, security| json!({"ssid": ssid, "strength": strength, "security": security, "saved": null, "active": false});
    let expected = [wifi("Hall", 80, "password"), wifi("Guests", 79, "open"), wifi("Campus", 78, "other")];
    assert_eq!(told["wifi"], json!(expected));
    assert_eq!(house.client.post("/network/scan", json!({})).await.status, 202);
    assert_eq!(asked(&far), ["scan"]);
    far.lock().unwrap().no_radio = true;
    assert_eq!(network(&house).await["access_point"], Value::Null);
    assert_eq!(house.client.post("/network/scan", json!({})).await.code(), "wifi_absent");
    assert_eq!(house.client.put("/network/wifi", json!({"ssid": "Hall"})).await.code(), "wifi_absent");
}

#[tokio::test]
async fn a_wifi_is_joined_kept_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let far = far();
    let house = house(folder.path(), &far, NEVER).await;
    house.claim().await;
    let wish = json!({"ssid": "Hall", "password": "correct horse", "country": "DE"});
    assert_eq!(house.client.put("/network/wifi", wish).await.status, 202);
    assert_eq!(settled(&house).await, json!({"state": "joined", "ssid": "Hall"}));
    assert_eq!(asked(&far), ["start bandstand-radio.service", "activate Hall", "keep Hall"]);
    let told = network(&house).await;
    assert_eq!(told["country"], "DE");
    let link = &told["interfaces"][0];
    assert_eq!(
        (&link["network"], &link["used"], &link["addresses"]),
        (&json!("Hall"), &json!(true), &json!(["10.9.8.7"]))
    );
    assert_eq!((&told["wifi"][0]["ssid"], &told["wifi"][0]["active"]), (&json!("Hall"), &json!(true)));
    // Again without a password, as it is known; then with one, which takes the place of what was known.
    house.client.put("/network/wifi", json!({"ssid": "Hall"})).await.ok();
    settled(&house).await;
    assert_eq!(asked(&far), ["activate Hall"]);
    house.client.put("/network/wifi", json!({"ssid": "Hall", "password": "correct horse"})).await.ok();
    settled(&house).await;
    assert_eq!(asked(&far), ["activate Hall", "keep Hall", "delete Hall"]);
    let saved = network(&house).await["wifi"][0]["saved"].as_str().unwrap().to_owned();
    assert_eq!(house.client.delete("/network/wifi/nonsense").await.code(), "not_found");
    assert_eq!(house.client.delete(&format!("/network/wifi/{saved}")).await.status, 204);
    assert_eq!(asked(&far), ["delete Hall"]);
    assert_eq!(network(&house).await["wifi"][0]["saved"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_joined_is_told_and_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let far = far();
    let house = house(folder.path(), &far, NEVER).await;
    house.claim().await;
    for (wish, code) in [
        (json!({"ssid": "Hall", "password": "wrong horse"}), "wifi_password_wrong"),
        (json!({"ssid": "Hidden", "password": "correct horse", "hidden": true}), "wifi_not_found"),
    ] {
        house.client.put("/network/wifi", wish.clone()).await.ok();
        let attempt = settled(&house).await;
        assert_eq!((&attempt["state"], &attempt["ssid"]), (&json!("failed"), &wish["ssid"]));
        assert_eq!(attempt["fault"]["code"], code);
        assert!(far.lock().unwrap().profiles.is_empty(), "{code}: it would be tried for ever");
    }
    asked(&far);
    let long = "x".repeat(33);
    for (wish, place) in [
        (json!({"ssid": ""}), "ssid"),
        (json!({"ssid": long}), "ssid"),
        (json!({"ssid": "a\nb"}), "ssid"),
        (json!({"ssid": "Campus", "password": "correct horse"}), "ssid"),
        (json!({"ssid": "Hall"}), "password"),
        (json!({"ssid": "Hall", "password": "short"}), "password"),
        (json!({"ssid": "Hall", "password": "cörrect horse"}), "password"),
        (json!({"ssid": "Hall", "password": "correct horse", "country": "de"}), "country"),
        (json!({"ssid": "Hall", "password": "correct horse", "channel": 6}), ""),
    ] {
        let refused = house.client.put("/network/wifi", wish.clone()).await;
        assert_eq!(refused.code(), "request_invalid", "{wish}");
        assert!(place.is_empty() || refused.places() == [place], "{wish}: {refused:?}");
    }
    assert_eq!(asked(&far), [] as [&str; 0]);
}

#[tokio::test]
async fn a_broadcast_by_wifi_is_not_taken_its_network() {
    let folder = tempfile::tempdir().unwrap();
    let far = far();
    let house = house(folder.path(), &far, NEVER).await;
    house.claim().await;
    house.with_sources().await;
    house.client.put("/network/wifi", json!({"ssid": "Hall", "password": "correct horse"})).await.ok();
    settled(&house).await;
    house.client.post("/channels/main/go-live", json!({"countdown_s": 0})).await.ok();
    let saved = network(&house).await["wifi"][0]["saved"].as_str().unwrap().to_owned();
    assert_eq!(house.client.put("/network/wifi", json!({"ssid": "Guests"})).await.code(), "on_air");
    assert_eq!(house.client.delete(&format!("/network/wifi/{saved}")).await.code(), "on_air");
    // By a cable it does not matter.
    far.lock().unwrap().cable = true;
    assert_eq!(house.client.put("/network/wifi", json!({"ssid": "Guests"})).await.status, 202);
    assert_eq!(settled(&house).await["state"], "joined");
}

#[tokio::test]
async fn the_access_point_comes_without_a_network_and_goes_with_one() {
    let folder = tempfile::tempdir().unwrap();
    let far = far();
    let house = house(folder.path(), &far, QUICK).await;
    asked_for(&far, "raise").await;
    assert_eq!(far.lock().unwrap().point, Some(("Bandstand-3F7A".into(), None)));
    house.claim().await;
    let told = network(&house).await;
    assert_eq!((&told["access_point"]["up"], &told["interfaces"][1]["state"]), (&json!(true), &json!("access_point")));
    assert_eq!(told["interfaces"][1]["addresses"], json!(["10.42.0.1"]));
    assert_eq!(told["wifi"][0]["ssid"], "Hall", "what was in reach before");
    assert_eq!(house.client.post("/network/scan", json!({})).await.code(), "conflict");
    // A wrong password: it is told when the access point is back.
    asked(&far);
    house.client.put("/network/wifi", json!({"ssid": "Hall", "password": "wrong horse"})).await.ok();
    asked_for(&far, "raise").await;
    assert_eq!(settled(&house).await["fault"]["code"], "wifi_password_wrong");
    assert_eq!(asked(&far), ["activate Hall", "delete Hall", "raise"]);
    // The right one.
    house.client.put("/network/wifi", json!({"ssid": "Hall", "password": "correct horse"})).await.ok();
    assert_eq!(settled(&house).await["state"], "joined");
    assert_eq!(asked(&far), ["activate Hall", "keep Hall"]);
    assert_eq!(network(&house).await["access_point"]["up"], json!(false));
}

#[tokio::test]
async fn a_cable_takes_the_access_points_place() {
    let folder = tempfile::tempdir().unwrap();
    let far = far();
    let state = folder.path().join("state");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("access-point-password"), "staple battery\n").unwrap();
    let house = house(folder.path(), &far, QUICK).await;
    asked_for(&far, "raise").await;
    assert_eq!(far.lock().unwrap().point, Some(("Bandstand-3F7A".into(), Some("staple battery".into()))));
    house.claim().await;
    assert_eq!(network(&house).await["access_point"]["password"], json!(true));
    far.lock().unwrap().cable = true;
    asked_for(&far, "leave").await;
}

#[tokio::test]
async fn a_password_that_cannot_be_used_leaves_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let far = far();
    let state = folder.path().join("state");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("access-point-password"), "short").unwrap();
    let house = house(folder.path(), &far, QUICK).await;
    house.claim().await;
    // The keeper has looked: a Wi-Fi is joined by it, and it raised nothing before.
    house.client.put("/network/wifi", json!({"ssid": "Guests"})).await.ok();
    assert_eq!(settled(&house).await["state"], "joined");
    assert!(!asked(&far).contains(&"raise".to_owned()));
}

#[tokio::test]
async fn a_machine_of_somebody_elses_keeps_its_network() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let told = house.client.get("/network").await.ok();
    assert_eq!((&told["own"], &told["interfaces"]), (&json!(false), &json!([])));
    for answer in [
        house.client.post("/network/scan", json!({})).await,
        house.client.put("/network/wifi", json!({"ssid": "Hall"})).await,
        house.client.delete("/network/wifi/x").await,
    ] {
        assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"), "{answer:?}");
    }
}
