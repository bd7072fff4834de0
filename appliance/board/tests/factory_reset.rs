//! The way back to how the box was delivered: asked for by the page or by a file on the card, carried out once.

use board::factory_reset::{MARK, Places, ask, carry_out, wished};
use std::fs;
use std::path::Path;

fn places(folder: &Path) -> Places {
    let places = Places { data: folder.join("data"), board: folder.join("data/board"), fat: folder.join("fat") };
    for name in
        ["fat", "data/board", "data/bandstand/files", "data/connections", "data/log", "data/rauc", "data/systemd"]
    {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    for name in [
        "data/bandstand/store.db",
        "data/bandstand/files/evening.mp4",
        "data/connections/wifi.nmconnection",
        "data/board/autoboot.txt",
        "data/board/bandstand.toml",
        "data/board/rpi-preseed.toml.sha256",
        "data/board/.bandstand.toml.new",
        "data/board/hostname",
        "data/board/wifi-country",
        "data/rauc/status",
        "data/systemd/clock",
        "data/stray",
        "fat/autoboot.txt",
        "fat/bandstand.toml",
    ] {
        fs::write(folder.join(name), name).unwrap();
    }
    places
}

/// Every file below a folder, by its path from there.
fn files(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

const LEFT: [&str; 7] = [
    "data/board/autoboot.txt",
    "data/board/bandstand.toml.sha256",
    "data/board/rpi-preseed.toml.sha256",
    "data/rauc/status",
    "data/systemd/clock",
    "fat/autoboot.txt",
    "fat/bandstand.toml",
];

#[test]
fn nothing_goes_where_nobody_asked() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(folder.path());
    let before = files(folder.path());
    assert!(!wished(&places).unwrap());
    assert_eq!(carry_out(&places).unwrap(), None);
    assert_eq!(files(folder.path()), before);
}

#[test]
fn what_was_asked_for_is_carried_out_once() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(folder.path());
    ask(&places).unwrap();
    assert_eq!(carry_out(&places).unwrap(), Some(vec![]));
    assert_eq!(files(folder.path()), LEFT);
    // Which holds the path of the file, in these tests: its text may be a whole file that was refused, with its secrets.
    let kept = fs::read_to_string(places.board.join("bandstand.toml.sha256")).unwrap();
    assert!(kept.len() == 64 && !kept.contains("data/board"), "{kept}");
    fs::create_dir_all(places.data.join("bandstand")).unwrap();
    fs::write(places.data.join("bandstand/store.db"), "new").unwrap();
    assert_eq!(carry_out(&places).unwrap(), None);
    assert!(places.data.join("bandstand/store.db").exists(), "it was carried out twice");
}

#[test]
fn a_file_on_the_card_asks_for_it_and_goes() {
    for name in ["factory-reset", "factory-reset.txt"] {
        let folder = tempfile::tempdir().unwrap();
        let places = places(folder.path());
        fs::write(places.fat.join(name), "").unwrap();
        assert!(wished(&places).unwrap(), "{name}");
        assert!(places.data.join("bandstand").exists(), "nothing goes before the restart");
        assert!(!wished(&places).unwrap(), "{name} stays");
        assert!(carry_out(&places).unwrap().is_some(), "{name}");
        assert_eq!(files(folder.path()), LEFT, "{name}");
    }
}

#[test]
fn one_that_was_broken_off_is_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(folder.path());
    fs::write(places.board.join(MARK), "").unwrap();
    // A power cut came within: some has gone, the mark has not.
    fs::remove_dir_all(places.data.join("bandstand")).unwrap();
    assert_eq!(carry_out(&places).unwrap(), Some(vec![]));
    assert_eq!(files(folder.path()), LEFT);
}

#[test]
fn a_card_that_cannot_be_read_wishes_nothing_and_hinders_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(folder.path());
    fs::remove_dir_all(&places.fat).unwrap();
    assert!(!wished(&places).unwrap());
    ask(&places).unwrap();
    assert!(carry_out(&places).unwrap().is_some());
}

#[test]
fn a_wish_on_a_box_whose_folders_are_gone_is_fulfilled_once() {
    let folder = tempfile::tempdir().unwrap();
    let places = places(folder.path());
    fs::remove_dir_all(&places.board).unwrap();
    fs::write(places.fat.join("factory-reset"), "").unwrap();
    assert!(wished(&places).unwrap());
    assert_eq!(carry_out(&places).unwrap(), Some(vec![]));
    assert_eq!(carry_out(&places).unwrap(), None);
}
