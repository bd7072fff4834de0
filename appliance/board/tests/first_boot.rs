//! What lies on the FAT partition, taken over into folders: nothing twice, nothing lost, no secret left behind.

use board::first_boot::apply::{Places, REPORT, apply, hostname, start};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const OURS: &str = "[venue]\r\nname = \"Hall\"\r\nclaim_code = \"K7QX-99AB\"\r\n[wifi]\r\nssid = \"Hall\"\r\npassword = \"correct horse\"\r\n\
                    [[destinations]]\r\nname = \"Y\"\r\nurl = \"rtmp://h/a\"\r\nstream_key = \"abcd-efgh\"\r\n";
const SECRETS: [&str; 3] = ["K7QX", "correct horse", "abcd-efgh"];

struct Box {
    folder: tempfile::TempDir,
    places: Places,
}

impl Box {
    /// `control` is a script that gets `seed --state STATE DOCUMENT`.
    fn new(control: &str) -> Box {
        let folder = tempfile::tempdir().unwrap();
        let sub = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let program = folder.path().join("control");
        fs::write(&program, format!("#!/bin/sh\n{control}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let places = Places {
            fat: sub("fat"),
            data: sub("data"),
            connections: sub("connections"),
            state: sub("state"),
            control: program,
        };
        Box { folder, places }
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.places.fat.join(name), text).unwrap();
    }

    fn fat(&self, name: &str) -> String {
        fs::read_to_string(self.places.fat.join(name)).unwrap_or_default()
    }

    fn seeded(&self) -> Option<String> {
        fs::read_to_string(self.folder.path().join("seeded")).ok()
    }

    /// Every file of the FAT partition, with all that it holds.
    fn all_of_fat(&self) -> String {
        fs::read_dir(&self.places.fat)
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

const KEEPS: &str = "[ \"$1 $2\" = 'seed --state' ] && cat \"$4\" >\"$(dirname \"$0\")/seeded\"";

#[test]
fn the_files_are_taken_over_once_and_their_secrets_go() {
    let one = Box::new(KEEPS);
    one.put("bandstand.toml", OURS);
    one.put("rpi-preseed.toml", "config_version = \"1.1\"\n[system]\nhostname = \"hall\"\n");
    let report = apply(&one.places).unwrap().unwrap();
    assert_eq!(hostname(&one.places).as_deref(), Some("hall"));
    let connection = one.places.connections.join("bandstand-wifi.nmconnection");
    assert!(fs::read_to_string(&connection).unwrap().contains("psk=correct horse\n"));
    let code = one.places.state.join("first-sign-in-code");
    assert_eq!(
        (fs::read_to_string(&code).unwrap().as_str(), mode(&code), mode(&connection)),
        ("K7QX-99AB\n", 0o600, 0o600)
    );
    let seeded = one.seeded().expect("the store was filled");
    assert!(seeded.contains("\"key\":\"abcd-efgh\"") && seeded.contains("\"venue\":\"Hall\""), "{seeded}");
    assert!(!one.places.state.join("seed.json").exists(), "it holds a stream key");
    let open = one.all_of_fat();
    assert!(SECRETS.iter().all(|secret| !open.contains(secret)), "{open}");
    assert_eq!(one.fat("bandstand.toml").len(), OURS.len(), "written over its own bytes");
    assert_eq!(one.fat(REPORT), report.iter().map(|line| format!("{line}\r\n")).collect::<String>());
    assert!(report.iter().any(|line| line.contains("destinations were made")), "{report:?}");

    assert_eq!(apply(&one.places).unwrap(), None, "nothing is new");
    // Another network, with the other secrets taken out.
    let other = one.fat("bandstand.toml").replace("ssid = \"Hall\"", "ssid = \"Annex\"");
    let password = other.find("password = \"\"").unwrap() + "password = ".len();
    one.put("bandstand.toml", &format!("{}\"horse correct\"{}", &other[..password], &other[password + 2..]));
    fs::remove_file(one.folder.path().join("seeded")).unwrap();
    fs::remove_file(&code).unwrap();
    apply(&one.places).unwrap().unwrap();
    assert!(fs::read_to_string(&connection).unwrap().contains("psk=horse correct\n"));
    assert_eq!((one.seeded(), code.exists()), (None, false), "what was taken out is stored already");
}

#[test]
fn a_power_cut_within_leaves_the_rest_to_the_next_start() {
    let one = Box::new("exit 0");
    one.put("bandstand.toml", OURS);
    // All but the last steps were done.
    apply(&one.places).unwrap();
    fs::remove_file(one.places.data.join("bandstand.toml.sha256")).unwrap();
    one.put("bandstand.toml", OURS);
    assert!(apply(&one.places).unwrap().is_some());
    assert!(!one.all_of_fat().contains("correct horse"));
    // The secrets were blanked, and nobody had noted it yet.
    fs::remove_file(one.places.data.join("bandstand.toml.sha256")).unwrap();
    apply(&one.places).unwrap();
    let connection = fs::read_to_string(one.places.connections.join("bandstand-wifi.nmconnection")).unwrap();
    assert!(connection.contains("psk=correct horse\n"), "what is stored stays");
}

#[test]
fn a_file_that_is_not_understood_says_why_and_keeps_what_it_has() {
    let one = Box::new(KEEPS);
    let wrong = OURS.replace("ssid = \"Hall\"", "ssid = \"\"");
    one.put("bandstand.toml", &wrong);
    let report = apply(&one.places).unwrap().unwrap();
    assert!(report[0].starts_with("bandstand.toml was not taken over: line 5: `wifi.ssid`"), "{report:?}");
    assert_eq!((one.fat("bandstand.toml"), one.seeded()), (wrong, None));
    assert!(fs::read_dir(&one.places.connections).unwrap().next().is_none());
    one.put("bandstand.toml", OURS);
    apply(&one.places).unwrap();
    assert!(one.seeded().is_some() && !one.fat(REPORT).contains("not taken over"), "mended");
}

#[test]
fn what_control_refuses_is_told_in_its_words() {
    let one = Box::new("echo 'starting' >&2; echo 'conflict: This box has channels already.' >&2; exit 1");
    one.put("bandstand.toml", OURS);
    let report = apply(&one.places).unwrap().unwrap();
    assert!(report[0].contains("not taken over: conflict: This box has channels already."), "{report:?}");
    assert!(!one.places.state.join("seed.json").exists());
    let gone = Places { control: PathBuf::from("/nonexistent/bandstand"), ..one.places.clone() };
    one.put("bandstand.toml", OURS);
    assert!(apply(&gone).is_err(), "then the next start tries again");
    assert!(!one.places.state.join("seed.json").exists() && one.fat("bandstand.toml").contains("abcd-efgh"));
}

/// As `control` has it: an address without a path is refused, and a box that has channels is left alone, with a code of its own.
const JUDGES: &str = "seeded=\"$(dirname \"$0\")/seeded\"\n\
    if [ -e \"$seeded\" ]; then echo 'conflict: This box has channels already.' >&2; exit 73; fi\n\
    if grep -q '\"url\":\"rtmp://h\"' \"$4\"; then echo 'spec_invalid: url: names no application' >&2; exit 1; fi\n\
    cat \"$4\" >\"$seeded\"";

#[test]
fn stream_keys_stay_on_the_card_until_they_are_stored() {
    let one = Box::new(JUDGES);
    one.put("bandstand.toml", &OURS.replace("rtmp://h/a", "rtmp://h"));
    let report = apply(&one.places).unwrap().unwrap();
    assert!(report[0].contains("not taken over: spec_invalid: url") && report[0].contains("Mend"), "{report:?}");
    let left = one.fat("bandstand.toml");
    assert!(left.contains("stream_key = \"abcd-efgh\""), "{left}");
    assert!(!left.contains("K7QX") && !left.contains("correct horse"), "these are stored: {left}");
    assert!(one.seeded().is_none());
    assert_eq!(apply(&one.places).unwrap(), None, "not again until it was mended");

    one.put("bandstand.toml", &left.replace("rtmp://h", "rtmp://h/a"));
    let report = apply(&one.places).unwrap().unwrap();
    assert!(report.iter().any(|line| line.contains("destinations were made")), "{report:?}");
    assert!(one.seeded().is_some_and(|seeded| seeded.contains("\"key\":\"abcd-efgh\"")));
    assert!(!one.all_of_fat().contains("abcd-efgh"));

    // On a box that has channels they would lie about for nothing.
    one.put("bandstand.toml", OURS);
    let report = apply(&one.places).unwrap().unwrap();
    assert!(report[0].ends_with("not taken over: conflict: This box has channels already."), "{report:?}");
    assert!(!one.all_of_fat().contains("abcd-efgh"));
    // Another box, or this one begun again: what its owner must do is told.
    one.put("bandstand.toml", &one.fat("bandstand.toml").replace("name = \"Y\"", "name = \"Z\""));
    let report = apply(&one.places).unwrap().unwrap();
    assert!(report.iter().any(|line| line.contains("write all its keys into it again")), "{report:?}");
}

/// All that lies below a folder, as text.
fn all_below(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { all_below(&path) } else { fs::read_to_string(path).unwrap() }).collect()
}

#[test]
fn of_a_file_that_was_refused_no_secret_is_kept() {
    let one = Box::new(KEEPS);
    let wrong = OURS.replace("ssid = \"Hall\"", "ssid = \"\"");
    let check = |what: &str| {
        for folder in [&one.places.data, &one.places.connections, &one.places.state] {
            let all = all_below(folder);
            assert!(SECRETS.iter().all(|secret| !all.contains(secret)), "{what}: {all}");
        }
    };
    one.put("bandstand.toml", &wrong);
    apply(&one.places).unwrap().unwrap();
    check("refused");
    assert_eq!(apply(&one.places).unwrap(), None, "it is known all the same");
    // As a version left it that kept the text.
    for entry in fs::read_dir(&one.places.data).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    fs::write(one.places.data.join("bandstand.toml"), &wrong).unwrap();
    assert_eq!(apply(&one.places).unwrap(), None, "the older note counts");
    check("an older version's note");
    assert!(!one.places.data.join("bandstand.toml").exists());
}

/// The zone is a document of its own: one that is misspelt keeps no channel away.
#[test]
fn a_time_zone_is_handed_on_and_a_wrong_one_is_told() {
    let one = Box::new(
        "grep -q Nowhere \"$4\" && echo 'zone: must be a time zone' >&2 && exit 1; cat \"$4\" >>\"$(dirname \"$0\")/seeded\"",
    );
    one.put("rpi-preseed.toml", "config_version = \"1.1\"\n[locale]\ntimezone = \"Europe/London\"\n");
    let report = apply(&one.places).unwrap().unwrap();
    assert_eq!(one.seeded().as_deref(), Some("{\"time_zone\":\"Europe/London\"}"));
    assert!(report.contains(&"The time zone is Europe/London.".to_owned()), "{report:?}");
    let wrong = OURS.replace("claim_code", "timezone = \"Europe/Nowhere\"\r\nclaim_code");
    one.put("bandstand.toml", &wrong);
    let report = apply(&one.places).unwrap().unwrap();
    assert_eq!(report[0], "The time zone Europe/Nowhere was not taken over: zone: must be a time zone");
    assert!(one.seeded().unwrap().contains("\"venue\":\"Hall\""), "the rest is there");
}

#[test]
fn connections_of_networkmanager_are_taken_over_as_they_are() {
    let one = Box::new("exit 0");
    let text = "[connection]\nid=Office\ntype=wifi\n[wifi]\nssid=Office\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=correct horse\n";
    // Which of a plugin's keys are secret only the plugin knows.
    let tunnel = "[connection]\nid=Home\ntype=wireguard\n[wireguard]\nprivate-key=correct horse\n\
                  [wireguard-peer.a]\npreshared-key=K7QX\n[vpn-secrets]\nnovel=abcd-efgh\n";
    one.put("Office.nmconnection", text);
    one.put("Home.nmconnection", tunnel);
    one.put("notes.nmconnection", "what my nephew said");
    let report = apply(&one.places).unwrap().unwrap();
    assert!(report[0].starts_with("notes.nmconnection was not taken over"), "{report:?}");
    for (name, text) in [("Office", text), ("Home", tunnel)] {
        let name = format!("{name}.nmconnection");
        assert_eq!(fs::read_to_string(one.places.connections.join(&name)).unwrap(), text);
        assert!(one.fat(&name).is_empty() && one.fat(&format!("{name}.taken")).len() >= text.len(), "{name}");
    }
    let check = |what: &str| {
        let all = one.all_of_fat();
        assert!(SECRETS.iter().all(|secret| !all.contains(secret)), "{what}: {all}");
    };
    check("taken over");

    // A power cut came after the name was changed; or an older version blanked what it knew.
    one.put("Home.nmconnection.taken", tunnel);
    fs::remove_file(one.places.fat.join("notes.nmconnection")).unwrap();
    assert_eq!(apply(&one.places).unwrap(), None);
    check("at the next start");
    assert_eq!(fs::read_to_string(one.places.connections.join("Home.nmconnection")).unwrap(), tunnel);
}

#[test]
fn a_card_that_cannot_be_read_does_not_cost_the_box_its_name() {
    let one = Box::new("exit 0");
    let called = |one: &Box| {
        let mut called = Vec::new();
        let done = start(&one.places, |name| {
            called.push(name.to_owned());
            Ok(())
        });
        (called, done.is_ok())
    };
    assert_eq!(called(&one), (vec![], true));
    one.put("rpi-preseed.toml", "config_version = \"1.1\"\n[system]\nhostname = \"hall\"\n");
    assert_eq!(called(&one), (vec!["hall".into()], true));
    one.put("rpi-preseed.toml", "config_version = \"1.1\"\n[system]\nhostname = \"annex\"\n");
    assert_eq!(called(&one), (vec!["hall".into(), "annex".into()], true));
    fs::remove_dir_all(&one.places.fat).unwrap();
    assert_eq!(called(&one), (vec!["annex".into()], false));
}

/// As an editor of Windows leaves it: a mark before the first byte, and an ending that it does not show.
#[test]
fn a_file_of_a_windows_editor_is_taken_over() {
    let one = Box::new(KEEPS);
    one.put("bandstand.toml.txt", &format!("\u{feff}{OURS}"));
    let report = apply(&one.places).unwrap().unwrap();
    assert!(one.seeded().is_some(), "{report:?}");
    let open = one.all_of_fat();
    assert!(SECRETS.iter().all(|secret| !open.contains(secret)), "{open}");
    assert_eq!(apply(&one.places).unwrap(), None, "nothing is new");

    let cable = "[connection]\r\nid=Cable\r\ntype=ethernet\r\n";
    one.put("cable.nmconnection.txt", &format!("\u{feff}{cable}"));
    let report = apply(&one.places).unwrap().unwrap();
    assert_eq!(report, ["The connection of cable.nmconnection is there."]);
    assert_eq!(fs::read_to_string(one.places.connections.join("cable.nmconnection")).unwrap(), cable);
    assert_eq!(apply(&one.places).unwrap(), None, "nothing is new");
}
