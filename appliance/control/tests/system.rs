//! Updates, restarts and the way back, by real D-Bus over a pair of sockets: the far side has RAUC's and systemd's
//! interfaces, and writes down what it was asked for. RAUC and systemd themselves are in tests/image.

mod support;

use control::clock::Clock;
use control::system::System;
use serde_json::{Value, json};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use support::client::{Answer, Ask};
use support::{House, until};
use zbus::connection::Builder;

/// What the far side was asked for, and how far it is.
#[derive(Default)]
struct Far {
    asked: Vec<String>,
    /// Looks that find it installing before it is done; none end where it is held.
    looks: u32,
    held: bool,
    error: String,
    /// What it was done with last, in RAUC's words.
    last: String,
    /// Looks at a unit that find its job running, and whether it fails then.
    job: u32,
    fails: bool,
}

type Shared = Arc<Mutex<Far>>;

struct Rauc(Shared);

/// What a test's update says in its file.
fn said(bundle: &str) -> String {
    match bundle.strip_prefix("https://") {
        Some(_) => "fetched 3".into(),
        None => std::fs::read_to_string(bundle).unwrap(),
    }
}

#[zbus::interface(name = "de.pengutronix.rauc.Installer")]
impl Rauc {
    fn info(&self, bundle: &str) -> zbus::fdo::Result<(String, String)> {
        let said = said(bundle);
        self.0.lock().unwrap().last = "Checking bundle done.".into();
        match said.split_once(' ') {
            Some(("foreign", version)) => Ok(("bandstand-other".into(), version.into())),
            Some(("forged", _)) => Err(zbus::fdo::Error::Failed("signature verification failed: Verify error".into())),
            Some((_, version)) => Ok(("bandstand-test".into(), version.into())),
            None => Err(zbus::fdo::Error::Failed("Failed to identify bundle".into())),
        }
    }

    fn install(&self, source: &str) -> zbus::fdo::Result<()> {
        let mut far = self.0.lock().unwrap();
        let said = said(source);
        if said.starts_with("busy") {
            return Err(zbus::fdo::Error::Failed("Already processing a different method".into()));
        }
        far.last = "Installing done.".into();
        far.asked.push(format!("install {said}"));
        far.looks = 2;
        far.error = if said.starts_with("broken") {
            "Installation error: No space left on device".into()
        } else {
            String::new()
        };
        Ok(())
    }

    #[zbus(property)]
    fn compatible(&self) -> String {
        "bandstand-test".into()
    }

    #[zbus(property)]
    fn operation(&self) -> String {
        let mut far = self.0.lock().unwrap();
        if !far.held {
            far.looks = far.looks.saturating_sub(1);
        }
        if far.looks > 0 { "installing".into() } else { "idle".into() }
    }

    #[zbus(property)]
    fn last_error(&self) -> String {
        self.0.lock().unwrap().error.clone()
    }

    #[zbus(property)]
    fn progress(&self) -> (i32, String, i32) {
        let far = self.0.lock().unwrap();
        match far.looks {
            0 if far.last.is_empty() => (0, String::new(), 0),
            0 => (100, far.last.clone(), 1),
            _ => (40, "Copying image".into(), 2),
        }
    }
}

struct Manager(Shared);

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    fn start_unit(&self, name: &str, _mode: &str) -> zbus::OwnedObjectPath {
        self.0.lock().unwrap().asked.push(format!("start {name}"));
        "/org/freedesktop/systemd1/job/1".try_into().unwrap()
    }

    fn load_unit(&self, name: &str) -> zbus::OwnedObjectPath {
        assert_eq!(name, "bandstand-disk@sda-7.service");
        UNIT.try_into().unwrap()
    }
}

const UNIT: &str = "/org/freedesktop/systemd1/unit/bandstand_2ddisk_40sda_2eservice";

struct Unit(Shared);

#[zbus::interface(name = "org.freedesktop.systemd1.Unit")]
impl Unit {
    #[zbus(property)]
    fn job(&self) -> (u32, zbus::OwnedObjectPath) {
        let mut far = self.0.lock().unwrap();
        if !far.held {
            far.job = far.job.saturating_sub(1);
        }
        (far.job, "/".try_into().unwrap())
    }

    #[zbus(property)]
    fn active_state(&self) -> String {
        if self.0.lock().unwrap().fails { "failed".into() } else { "inactive".into() }
    }
}

/// Puts a file of a machine's, with its folders.
fn put(machine: &Path, name: &str, text: &str) {
    let path = machine.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A machine with our image, which runs from a slot in a boot.
fn machine(folder: &Path, slot: &str, trial: bool, boot: &str) {
    machine_of(folder, slot, trial, boot, json!({"built": "2025-05-08", "fault": null}));
}

/// The same with a start program of which the board says this.
fn machine_of(folder: &Path, slot: &str, trial: bool, boot: &str, bootloader: Value) {
    let write = |name: &str, text: String| put(folder, name, &text);
    write("etc/os-release", "NAME=\"Bandstand\"\nID=bandstand\nVERSION_ID=\"1.0\"\n".into());
    write(
        "run/bandstand-board/slots.json",
        json!({"booted": slot, "trial": trial, "slots": [], "bootloader": bootloader}).to_string(),
    );
    write("proc/sys/kernel/random/boot_id", format!("{boot}\n"));
}

async fn house(folder: &Path, far: &Shared) -> House {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let other_side = Builder::unix_stream(theirs).server(zbus::Guid::generate()).p2p();
    let other_side = other_side.serve_at("/", Rauc(far.clone()));
    let other_side = other_side.serve_at("/org/freedesktop/systemd1", Manager(far.clone()));
    let other_side = other_side.serve_at(UNIT, Unit(far.clone())).build();
    let (other_side, bus) = tokio::join!(other_side, Builder::unix_stream(ours).p2p().build());
    // It lives as long as the test's process.
    std::mem::forget(other_side.unwrap());
    let machine = folder.join("machine");
    let clock = Clock::rooted(&machine).unwrap();
    let system = System::new(&machine, &folder.join("state"), &clock, Some(bus.unwrap()));
    House::open_on(folder, system).await
}

async fn send(house: &House, update: &str) -> Answer {
    let ask = Ask::new("PUT", "/system/update").body("application/octet-stream", update.to_owned());
    house.client.send(ask).await
}

async fn update(house: &House) -> Value {
    house.client.get("/system").await.ok()["update"].clone()
}

async fn settled(house: &House) -> Value {
    until("the end of the installation", async || {
        let update = update(house).await;
        let state = update["state"].as_str().unwrap().to_owned();
        (!["receiving", "installing"].contains(&state.as_str())).then_some(update)
    })
    .await
}

fn asked(far: &Shared) -> Vec<String> {
    std::mem::take(&mut far.lock().unwrap().asked)
}

fn bundle_is_gone(folder: &Path) {
    assert!(!folder.join("state/update/update.raucb").exists(), "a file of no use lies about");
}

#[tokio::test]
async fn an_update_is_installed_tried_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, far) = (folder.path(), Shared::default());
    machine(&folder.join("machine"), "A", false, "one");
    let first = house(folder, &far).await;
    first.claim().await;
    let system = first.client.get("/system").await.ok();
    assert_eq!(system["image"], json!({"version": "1.0", "slot": "A", "trial": false, "obstacle": null}));
    assert_eq!(system["update"]["state"], "none");

    far.lock().unwrap().held = true;
    assert_eq!(send(&first, "good 2.0").await.status, 202);
    until("its progress", async || {
        (update(&first).await == json!({"state": "installing", "percent": 40})).then_some(())
    })
    .await;
    let second = send(&first, "good 2.1").await;
    assert_eq!((second.status, second.code().as_str()), (409, "conflict"));
    let restart = first.client.post("/system/restart", json!({})).await;
    assert_eq!(restart.code(), "conflict", "a restart would break it off");
    far.lock().unwrap().held = false;
    assert_eq!(settled(&first).await, json!({"state": "ready", "version": "2.0"}));
    bundle_is_gone(folder);
    assert_eq!(first.client.post("/system/restart", json!({})).await.status, 202);
    assert_eq!(asked(&far), ["install good 2.0", "start bandstand-restart.service"]);
    first.close();

    // What a restart makes of it, by what runs then.
    let check = async |slot, trial, boot, state| {
        machine(&folder.join("machine"), slot, trial, boot);
        let house = house(folder, &far).await;
        house.sign_in().await;
        assert_eq!(update(&house).await, json!({"state": state, "version": "2.0"}));
        let restart = house.client.post("/system/restart", json!({})).await;
        assert_eq!(restart.status, if trial { 409 } else { 202 }, "{state}");
        house.close();
    };
    check("A", false, "one", "ready").await;
    check("B", true, "two", "trial").await;
    check("B", false, "two", "done").await;
    check("A", false, "three", "went_back").await;
}

#[tokio::test]
async fn what_is_known_of_an_update_is_true_whatever_ends_within() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, far) = (folder.path(), Shared::default());
    machine(&folder.join("machine"), "A", false, "one");
    let first = house(folder, &far).await;
    first.claim().await;
    // We end while RAUC installs, and come back: it is known when it is done.
    far.lock().unwrap().held = true;
    send(&first, "good 2.0").await.ok();
    until("its progress", async || (update(&first).await["percent"] == 40).then_some(())).await;
    first.close();
    let second = house(folder, &far).await;
    second.sign_in().await;
    until("its progress again", async || (update(&second).await["percent"] == 40).then_some(())).await;
    far.lock().unwrap().held = false;
    assert_eq!(settled(&second).await, json!({"state": "ready", "version": "2.0"}));
    // What RAUC does not begin with changes nothing of that.
    let mut second = second;
    for refused in ["rubbish", "foreign 2.1", "busy 2.2"] {
        send(&second, refused).await.ok();
        assert_eq!(settled(&second).await["state"], "failed", "{refused}");
        second.close();
        second = house(folder, &far).await;
        second.sign_in().await;
        assert_eq!(update(&second).await, json!({"state": "ready", "version": "2.0"}), "{refused}");
    }
    // Another one that fails has written over it: nothing is ready any more, and a restart of ours does not bring it back.
    send(&second, "broken 3.0").await.ok();
    assert_eq!(settled(&second).await["state"], "failed");
    second.close();
    let third = house(folder, &far).await;
    third.sign_in().await;
    assert_eq!(update(&third).await["state"], "none");
    // The box itself loses its power while one is installed.
    far.lock().unwrap().held = true;
    send(&third, "good 4.0").await.ok();
    until("its progress", async || (update(&third).await["percent"] == 40).then_some(())).await;
    third.close();
    machine(&folder.join("machine"), "A", false, "two");
    let fourth = house(folder, &far).await;
    fourth.sign_in().await;
    assert_eq!(update(&fourth).await["state"], "none");
    // The board does not say which version runs.
    std::fs::remove_file(folder.join("machine/run/bandstand-board/slots.json")).unwrap();
    assert_eq!(fourth.client.get("/system").await.ok()["image"]["slot"], Value::Null);
    assert_eq!(send(&fourth, "good 5.0").await.code(), "conflict");
}

#[tokio::test]
async fn what_an_earlier_process_began_is_ready_only_where_it_was_written_to_its_end() {
    let begun = json!({"version": "2.0", "from": "A", "boot": "one", "whole": false});
    for (last, state) in [("Installing done.", "ready"), ("Checking bundle done.", "failed"), ("", "failed")] {
        let folder = tempfile::tempdir().unwrap();
        let (folder, far) = (folder.path(), Shared::default());
        machine(&folder.join("machine"), "A", false, "one");
        far.lock().unwrap().last = last.into();
        let record = folder.join("state/update/installed.json");
        std::fs::create_dir_all(record.parent().unwrap()).unwrap();
        std::fs::write(&record, begun.to_string()).unwrap();
        let house = house(folder, &far).await;
        house.claim().await;
        let told = until("what became of it", async || {
            let told = update(&house).await;
            (told["state"] == "ready" || told["state"] == "failed").then_some(told)
        })
        .await;
        assert_eq!(told["state"], state, "{last}");
        assert_eq!(record.exists(), state == "ready", "{last}");
    }
}

#[tokio::test]
async fn what_is_no_update_changes_nothing_and_is_told_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, far) = (folder.path(), Shared::default());
    machine(&folder.join("machine"), "A", false, "one");
    let house = house(folder, &far).await;
    house.claim().await;
    for (file, words) in [
        ("forged 2", "whoever makes this box's software"),
        ("rubbish", "no update of this box"),
        ("foreign 2", "another kind of box"),
    ] {
        send(&house, file).await.ok();
        let update = settled(&house).await;
        assert_eq!(update["state"], "failed");
        assert!(update["text"].as_str().unwrap().contains(words), "{update}");
        assert_eq!(asked(&far), [] as [&str; 0], "{file}");
        bundle_is_gone(folder);
    }
    send(&house, "broken 2").await.ok();
    assert!(settled(&house).await["text"].as_str().unwrap().contains("not enough room"));
    assert_eq!(asked(&far), ["install broken 2"]);
    let large = Ask::new("PUT", "/system/update").header("content-length", "2000000000");
    assert_eq!(house.client.send(large).await.code(), "too_large");
    for url in ["ftp://host/x", "https://host/a b", "/etc/passwd", ""] {
        let refused = house.client.post("/system/update/fetch", json!({"url": url})).await;
        assert_eq!((refused.code().as_str(), refused.places()), ("request_invalid", vec!["url".to_owned()]), "{url}");
    }
    // And after all that a good one is installed.
    house.client.post("/system/update/fetch", json!({"url": "https://updates/x.raucb"})).await.ok();
    assert_eq!(settled(&house).await, json!({"state": "ready", "version": "3"}));
    assert_eq!(asked(&far), ["install fetched 3"]);
}

#[tokio::test]
async fn a_board_that_could_not_try_an_update_is_told_beforehand_and_gets_none() {
    for (built, code, words) in [
        (json!("2021-04-29"), "bootloader_too_old", "is from 2021 and too old for updates"),
        (Value::Null, "bootloader_unknown", "does not say how old it is"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (folder, far) = (folder.path(), Shared::default());
        let fault = json!({"code": code, "text": "For technicians.", "remedy": "Likewise."});
        machine_of(&folder.join("machine"), "A", false, "one", json!({"built": built, "fault": fault}));
        let house = house(folder, &far).await;
        house.claim().await;
        let image = house.client.get("/system").await.ok()["image"].clone();
        let obstacle = image["obstacle"].as_str().unwrap();
        assert!(obstacle.contains(words) && obstacle.contains("Raspberry Pi Imager"), "{obstacle}");
        for answer in [
            send(&house, "good 2").await,
            house.client.post("/system/update/fetch", json!({"url": "https://updates/x.raucb"})).await,
        ] {
            assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"));
            assert!(answer.json().to_string().contains(words), "{answer:?}");
        }
        bundle_is_gone(folder);
        assert_eq!((update(&house).await, asked(&far)), (json!({"state": "none"}), Vec::new()));
        // It is as good a box as any other.
        assert_eq!(house.client.post("/system/restart", json!({})).await.status, 202);
    }
}

#[tokio::test]
async fn nothing_of_it_disturbs_a_broadcast_and_the_way_back_must_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, far) = (folder.path(), Shared::default());
    machine(&folder.join("machine"), "A", false, "one");
    let house = house(folder, &far).await;
    house.claim().await;
    house.with_sources().await;
    let refused = house.client.post("/system/reset", json!({"venue": "town hall"})).await;
    assert_eq!((refused.code().as_str(), refused.places()), ("request_invalid", vec!["venue".to_owned()]));
    house.client.post("/channels/main/go-live", json!({"countdown_s": 0})).await.ok();
    let answers = [
        send(&house, "good 2").await,
        house.client.post("/system/update/fetch", json!({"url": "https://updates/x.raucb"})).await,
        house.client.post("/system/restart", json!({})).await,
        house.client.post("/system/reset", json!({"venue": "Town Hall"})).await,
    ];
    for answer in answers {
        assert_eq!((answer.status, answer.code().as_str()), (409, "on_air"));
    }
    assert_eq!(asked(&far), [] as [&str; 0]);
    house.client.post("/channels/main/end", json!({})).await.ok();
    assert_eq!(house.client.post("/system/reset", json!({"venue": "Town Hall"})).await.status, 202);
    assert_eq!(asked(&far), ["start bandstand-reset.service"]);
}

#[tokio::test]
async fn a_machine_of_somebody_elses_is_updated_by_its_own_means() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let system = house.client.get("/system").await.ok();
    assert_eq!((&system["image"], &system["update"]), (&Value::Null, &json!({"state": "none"})));
    assert!(system["storage"]["free_bytes"].as_u64() > Some(0), "{system}");
    for answer in [
        send(&house, "good 2").await,
        house.client.post("/system/restart", json!({})).await,
        house.client.post("/system/reset", json!({"venue": "Town Hall"})).await,
    ] {
        assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"), "{answer:?}");
    }
}

#[tokio::test]
async fn who_is_signed_in_reads_what_the_doctor_finds() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let findings = house.client.get("/system/doctor").await.ok();
    let names: Vec<_> = findings.as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(names, ["folder", "database", "storage", "clock", "network", "workers"]);
    assert_eq!(
        findings[1],
        json!({"what": "database", "how": "well", "text": "It is whole; 1 channels.", "remedy": ""})
    );
    let network = &findings[4];
    assert_eq!((&network["how"], &network["text"]), (&json!("wrong"), &json!("The box has no address.")), "{network}");
    assert!(network["remedy"].as_str().unwrap().starts_with("Plug in"), "{network}");
    house.client.send(Ask::new("DELETE", "/session")).await;
    assert_eq!(house.client.get("/system/doctor").await.status, 401);
}

/// A disk on USB, with something on it.
fn plug_in(machine: &Path, label: &str) {
    let device = "devices/pci0000:00/usb1/1-1/block/sda";
    put(machine, &format!("sys/{device}/size"), "125000000\n");
    put(machine, &format!("sys/{device}/dev"), "8:0\n");
    put(machine, &format!("sys/{device}/diskseq"), "7\n");
    put(machine, "run/udev/data/b8:0", &format!("E:ID_MODEL=Ultra_Fit\nE:ID_FS_LABEL={label}\nE:ID_FS_TYPE=ext4\n"));
    let names = machine.join("sys/class/block");
    std::fs::create_dir_all(&names).unwrap();
    let _ = std::os::unix::fs::symlink(format!("../../{device}"), names.join("sda"));
}

#[tokio::test]
async fn a_disk_is_prepared_when_it_is_meant_and_not_under_a_broadcast() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, far) = (folder.path(), Shared::default());
    machine(&folder.join("machine"), "A", false, "one");
    let house = house(folder, &far).await;
    house.claim().await;
    house.with_sources().await;
    let disk = async || house.client.get("/disk").await.ok();
    let nothing = json!({"storage": null, "found": [], "preparing": false, "trouble": null});
    assert_eq!(disk().await, nothing);
    plug_in(&folder.join("machine"), "HOLIDAY");
    let found = json!({"name": "sda", "number": 7, "model": "Ultra Fit", "bytes": 64_000_000_000_u64, "holds": ["HOLIDAY"], "ours": false});
    assert_eq!(disk().await["found"], json!([found]));

    let take =
        async |name: &str, number: u64| house.client.post("/disk", json!({"name": name, "number": number})).await;
    for (name, number) in [("sdb", 7), ("sda", 8), ("../sda", 7), ("", 0)] {
        let refused = take(name, number).await;
        assert_eq!((refused.code().as_str(), refused.places()), ("request_invalid", vec!["name".to_owned()]), "{name}");
    }
    house.client.post("/channels/main/go-live", json!({"countdown_s": 0})).await.ok();
    assert_eq!(take("sda", 7).await.code(), "on_air");
    house.client.post("/channels/main/end", json!({})).await.ok();
    assert_eq!(asked(&far), [] as [&str; 0], "nothing was begun so far");

    // One at a time; one that fails says so, and is tried again.
    let ended = async || {
        until("the unit's end", async || {
            let disk = disk().await;
            (disk["preparing"] == false).then_some(disk)
        })
        .await
    };
    (far.lock().unwrap().held, far.lock().unwrap().job) = (true, 2);
    assert_eq!(take("sda", 7).await.ok()["preparing"], true);
    assert_eq!(take("sda", 7).await.code(), "conflict");
    (far.lock().unwrap().held, far.lock().unwrap().fails) = (false, true);
    assert!(ended().await["trouble"].as_str().unwrap().contains("could not be prepared"));
    (far.lock().unwrap().job, far.lock().unwrap().fails) = (2, false);
    take("sda", 7).await.ok();
    assert_eq!(ended().await["trouble"], Value::Null);
    assert_eq!(asked(&far), ["start bandstand-disk@sda-7.service"; 2]);

    // It is mounted now.
    plug_in(&folder.join("machine"), "BANDSTAND-DISK");
    std::fs::create_dir_all(folder.join("machine/media/recordings/bandstand")).unwrap();
    let there = disk().await;
    assert!(there["storage"]["bytes"].as_u64().unwrap() > 0 && there["found"][0]["ours"] == true, "{there}");
    assert_eq!(take("sda", 7).await.code(), "conflict", "what is on it would be lost");
    let again = house.client.post("/disk", json!({"name": "sda", "number": 7, "again": true})).await;
    assert_eq!(again.status, 202, "{again:?}");
}
