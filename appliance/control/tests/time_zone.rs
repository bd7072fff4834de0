//! The box's time zone: what is known, what is chosen, who follows, and when.

mod support;

use automation::clock::Running;
use automation::spec::ChannelSpec;
use automation::wall::{WallClock, Zone};
use control::clock::Clock;
use control::commands::Commands;
use control::store::Store;
use control::zones::Zones;
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use support::zoneinfo::{BERLIN, KOLKATA, file, write};
use support::{House, until};

/// 2026-11-21T10:00:00Z.
const AT_MS: i64 = 1_795_255_200_000;

fn zone(rule: &str) -> Zone {
    Zone::try_from(rule.to_owned()).unwrap()
}

/// A machine of a small tz database, whose clock is trusted or not.
fn machine(folder: &Path, trusted: bool) -> PathBuf {
    let root = folder.join("machine");
    write(&root);
    let put = |path: &str| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "one\n").unwrap();
    };
    put("proc/sys/kernel/random/boot_id");
    if trusted {
        put("run/systemd/timesync/synchronized");
    }
    root
}

#[test]
fn zones_are_known_by_their_names_and_by_old_ones() {
    let root = tempfile::tempdir().unwrap();
    write(root.path());
    let zones = Zones::below(root.path());
    let long = "A".repeat(65);
    for (name, found) in [
        ("Europe/Berlin", Some("Europe/Berlin")),
        ("UTC", Some("UTC")),
        ("Asia/Calcutta", Some("Asia/Kolkata")),
        ("Old/Name", None),
        ("europe/berlin", None),
        ("Europe", None),
        ("Europe/Berlin/", None),
        ("Africa/Broken", None),
        ("posixrules", None),
        ("zone.tab", None),
        ("../secret", None),
        ("/usr/share/zoneinfo/UTC", None),
        ("", None),
        (&long, None),
    ] {
        assert_eq!(zones.find(name).as_deref(), found, "{name}");
    }
    assert_eq!(zones.all(), ["Asia/Kolkata", "Europe/Berlin", "UTC"]);
    let none = Zones::below(&root.path().join("nowhere"));
    assert_eq!((none.find("UTC"), none.all(), none.machine()), (None, vec![], None));
}

#[test]
fn what_was_chosen_holds_and_else_the_machines_own_and_else_universal_time() {
    let root = tempfile::tempdir().unwrap();
    write(root.path());
    let zones = Zones::below(root.path());
    let localtime = root.path().join("etc/localtime");
    assert_eq!((zones.in_force(None, AT_MS), zones.machine()), (Zone::utc(), None), "without a file");
    assert_eq!(zones.in_force(Some("Europe/Berlin"), AT_MS), zone(BERLIN));
    symlink("../usr/share/zoneinfo/Asia/Kolkata", &localtime).unwrap();
    assert_eq!((zones.in_force(None, AT_MS), zones.machine().as_deref()), (zone(KOLKATA), Some("Asia/Kolkata")));
    assert_eq!(zones.in_force(Some("Europe/Berlin"), AT_MS), zone(BERLIN));
    assert_eq!(zones.in_force(Some("Europe/Gone"), AT_MS), zone(KOLKATA), "a version that does not know it any more");
    for wrong in [&b""[..], b"no zone at all\n", b"TZif2\0\0data\n\nCET-1\n"] {
        std::fs::remove_file(&localtime).unwrap();
        std::fs::write(&localtime, wrong).unwrap();
        assert_eq!(zones.in_force(None, AT_MS), Zone::utc());
    }
}

/// Morocco was an hour back in Ramadan, which no rule says: the file lists the moments, and then a rule for what is usual.
#[test]
fn where_no_rule_says_it_the_moments_own_time_holds() {
    let root = tempfile::tempdir().unwrap();
    write(root.path());
    let hour_s = 3600;
    let ramadan = [(0, 3600), (AT_MS / 1000 - hour_s, 0), (AT_MS / 1000 + hour_s, 3600)];
    std::fs::write(root.path().join("usr/share/zoneinfo/Africa/Casablanca"), file(&ramadan, "<+01>-1")).unwrap();
    std::fs::write(root.path().join("usr/share/zoneinfo/Africa/Unruled"), file(&[(0, -1800)], "")).unwrap();
    let zones = Zones::below(root.path());
    let holds = |name: &str, at_s: i64| zones.in_force(Some(name), AT_MS + at_s * 1000);
    assert_eq!(holds("Africa/Casablanca", -2 * hour_s), zone("<+01>-1"));
    assert_eq!(holds("Africa/Casablanca", 0), Zone::fixed(0));
    assert_eq!(holds("Africa/Casablanca", 2 * hour_s), zone("<+01>-1"));
    assert_eq!(holds("Africa/Unruled", 0), Zone::fixed(-1800));
}

#[tokio::test]
async fn one_that_the_box_does_not_know_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open_in(folder.path(), &machine(folder.path(), true)).await;
    house.claim().await;
    let offered = json!(["Asia/Kolkata", "Europe/Berlin", "UTC"]);
    let fresh = json!({"zone": null, "machine": null, "zones": offered});
    assert_eq!(house.client.get("/time-zone").await.ok(), fresh);
    for name in ["Europe/Nowhere", "europe/berlin", "../secret", "", "CET-1CEST,M3.5.0,M10.5.0/3"] {
        let refused = house.client.put("/time-zone", json!({"zone": name})).await;
        let told = (refused.status, refused.code(), refused.places());
        assert_eq!(told, (400, "request_invalid".to_owned(), vec!["zone".to_owned()]), "{name}");
    }
    assert_eq!(house.client.get("/time-zone").await.ok(), fresh);
    for (name, kept) in [("Europe/Berlin", "Europe/Berlin"), (" Asia/Calcutta ", "Asia/Kolkata")] {
        assert_eq!(house.client.put("/time-zone", json!({"zone": name})).await.ok()["zone"], kept);
    }
    house.close();
    drop(house);
    let house = House::open_in(folder.path(), &folder.path().join("machine")).await;
    house.sign_in().await;
    assert_eq!(house.client.get("/time-zone").await.ok()["zone"], "Asia/Kolkata", "it is kept");
    assert_eq!(house.client.put("/time-zone", json!({"zone": null})).await.ok()["zone"], Value::Null);
}

fn spec(store: &Store) -> ChannelSpec {
    store.wanted().borrow().channels[0].spec.clone()
}

/// A timeline of an hour; one that shows the time says so by its text.
fn timeline(name: &str, daily: bool, text: &str) -> Value {
    let start = if daily { json!({"type": "daily", "at_ms": 72_000_000}) } else { json!({"type": "go_live"}) };
    let overlay = json!({"type": "text", "text": text, "anchor": "top", "size": 60, "colour": "#ffffff"});
    json!({
        "name": name, "duration_ms": 3_600_000, "start": start,
        "tracks": [{"type": "video", "name": "Main", "cues": []},
                   {"type": "overlay", "name": "Titles", "layer": 1, "cues": [
                        {"id": "title", "at_ms": 0, "duration_ms": 5000, "overlay": overlay}]}],
    })
}

#[tokio::test]
async fn who_follows_or_shows_the_time_hears_of_another_zone_at_once_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open_in(folder.path(), &machine(folder.path(), true)).await;
    house.claim().await;
    // What is known before anybody has chosen.
    until("the zone", async || house.store.wanted().borrow().zone.clone()).await;
    for (timeline, wall, shown) in [
        (timeline("plain", false, "Evening"), false, false),
        (timeline("daily", true, "Evening"), true, false),
        (timeline("clock", false, "It is {time}"), false, true),
        (timeline("both", true, "It is {time}"), true, true),
    ] {
        house.client.put("/time-zone", json!({"zone": "Europe/Berlin"})).await.ok();
        let id = house.client.post("/channels/main/timelines", timeline.clone()).await.ok()["id"].clone();
        let load = format!("/channels/main/timelines/{}/load", id.as_str().unwrap());
        house.client.post(&load, json!({})).await.ok();
        let before = spec(&house.store);
        let told = |spec: &ChannelSpec| (spec.wall.clone().map(|wall| wall.zone), spec.zone.clone());
        let as_told = |rule: &str| (wall.then(|| zone(rule)), shown.then(|| zone(rule)));
        assert_eq!(told(&before), as_told(BERLIN), "{timeline}");
        house.client.put("/time-zone", json!({"zone": "Asia/Calcutta"})).await.ok();
        let after = spec(&house.store);
        assert_eq!(told(&after), as_told(KOLKATA), "{timeline}");
        assert_eq!(after.generation, before.generation + u64::from(wall || shown), "{timeline}");
        house.client.put("/time-zone", json!({"zone": "Asia/Kolkata"})).await.ok();
        assert_eq!(spec(&house.store), after, "a repeat is fine");
    }
}

/// What begins at 20:00 begins at 20:00 of the box's zone, in summer and in winter.
#[tokio::test]
async fn a_daily_timeline_begins_by_the_zone_that_was_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open_in(folder.path(), &machine(folder.path(), true)).await;
    house.claim().await;
    let daily = timeline("evening", true, "Evening");
    let id = house.client.post("/channels/main/timelines", daily).await.ok()["id"].clone();
    house.client.post(&format!("/channels/main/timelines/{}/load", id.as_str().unwrap()), json!({})).await.ok();
    for (name, begins) in [
        ("Europe/Berlin", ["2026-11-21T19:00:00Z", "2027-07-01T18:00:00Z"]),
        ("Asia/Kolkata", ["2026-11-21T14:30:00Z", "2027-07-01T14:30:00Z"]),
        ("UTC", ["2026-11-21T20:00:00Z", "2027-07-01T20:00:00Z"]),
    ] {
        house.client.put("/time-zone", json!({"zone": name})).await.ok();
        let zone = spec(&house.store).wall.clone().expect("the time of day").zone;
        for at in begins {
            let wall_ms = at.parse::<jiff::Timestamp>().unwrap().as_millisecond();
            let wall = WallClock { running: Running(0), wall_ms, zone: zone.clone() };
            assert_eq!(wall.day(0, 72_000_000).began_ns, 0, "{name}, {at}");
        }
    }
}

/// In another zone it is another time of day, and the broadcast would jump.
#[tokio::test]
async fn the_zone_stays_while_a_broadcast_follows_the_time_of_day() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open_in(folder.path(), &machine(folder.path(), true)).await;
    house.claim().await;
    house.client.put("/time-zone", json!({"zone": "Europe/Berlin"})).await.ok();
    let sink = json!({"name": "P", "url": "rtmp://127.0.0.1:9/live", "key": "k"});
    house.client.post("/channels/main/destinations", sink).await.ok();
    for (daily, refused) in [(true, true), (false, false)] {
        let id =
            house.client.post("/channels/main/timelines", timeline("one", daily, "{time}")).await.ok()["id"].clone();
        house.client.post(&format!("/channels/main/timelines/{}/load", id.as_str().unwrap()), json!({})).await.ok();
        house.client.post("/channels/main/go-live", json!({"countdown_s": 0})).await.ok();
        house.client.put("/time-zone", json!({"zone": "Europe/Berlin"})).await.ok();
        let before = spec(&house.store);
        let told = house.client.put("/time-zone", json!({"zone": "Asia/Kolkata"})).await;
        let zone = house.client.get("/time-zone").await.ok()["zone"].clone();
        if refused {
            assert_eq!((told.status, told.code()), (409, "on_air".to_owned()));
            assert_eq!((zone, spec(&house.store)), (json!("Europe/Berlin"), before));
        } else {
            assert_eq!((told.ok()["zone"].clone(), zone), (json!("Asia/Kolkata"), json!("Asia/Kolkata")));
        }
        house.client.post("/channels/main/end", json!({})).await.ok();
        house.client.put("/time-zone", json!({"zone": "Europe/Berlin"})).await.ok();
    }
}

/// A clock that nobody vouches for shows the time in the right zone all the same; a timeline that follows it waits.
#[tokio::test]
async fn the_zone_is_known_before_the_time_is() {
    let folder = tempfile::tempdir().unwrap();
    let root = machine(folder.path(), false);
    symlink("../usr/share/zoneinfo/Europe/Berlin", root.join("etc/localtime")).unwrap();
    let house = House::open_in(folder.path(), &root).await;
    house.claim().await;
    let id = house.client.post("/channels/main/timelines", timeline("both", true, "{time}")).await.ok()["id"].clone();
    house.client.post(&format!("/channels/main/timelines/{}/load", id.as_str().unwrap()), json!({})).await.ok();
    let told = async || spec(&house.store).zone.clone();
    assert_eq!(until("the machine's own zone", told).await, zone(BERLIN));
    assert_eq!(spec(&house.store).wall, None);
    house.client.put("/time-zone", json!({"zone": "Asia/Kolkata"})).await.ok();
    assert_eq!((spec(&house.store).zone.clone(), spec(&house.store).wall.clone()), (Some(zone(KOLKATA)), None));
}

#[tokio::test]
async fn a_document_brings_a_zone_to_a_box_that_is_full_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = machine(folder.path(), true);
    let state = folder.path().join("state");
    std::fs::create_dir_all(&state).unwrap();
    let store = Store::open(&state).unwrap();
    let commands = Commands::new(store.clone(), Clock::rooted(&root).unwrap());
    let chosen = || store.wanted().borrow().time_zone.clone();
    let wrong = commands.seed(&json!({"time_zone": "Europe/Nowhere"}).to_string()).await.unwrap_err();
    assert_eq!((wrong.wrongs[0].place.as_str(), chosen()), ("zone", None));
    assert!(wrong.to_string().contains("must be a time zone that the box knows"), "{wrong}");
    commands.seed(&json!({"time_zone": "Europe/Berlin"}).to_string()).await.unwrap();
    assert_eq!(chosen().as_deref(), Some("Europe/Berlin"));
    // An empty box is filled all the same, and a full one takes a zone and nothing else.
    let venue = json!({"venue": "Hall", "channels": [{"id": "main", "name": "Main"}], "time_zone": "UTC"}).to_string();
    commands.seed(&venue).await.unwrap();
    assert_eq!(chosen().as_deref(), Some("UTC"));
    commands.seed(&json!({"time_zone": "Asia/Calcutta"}).to_string()).await.unwrap();
    assert!(commands.seed(&venue).await.is_err());
    assert_eq!(chosen().as_deref(), Some("Asia/Kolkata"), "what is refused changes nothing");
}
