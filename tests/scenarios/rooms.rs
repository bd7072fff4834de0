//! The rooms of the house forbid: what each crate may never depend upon, and what nobody may.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `arguments` of `cargo tree` list: name to version and licence. That is what is really built for this machine:
/// `cargo metadata` also lists what no feature switches on.
fn tree(arguments: &[&str]) -> BTreeMap<String, (String, String)> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p}|{l}"]).args(arguments);
    let output = cargo.current_dir(harness::place::root()).output().expect("start cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| {
        let (package, licence) = line.split_once('|')?;
        let (name, rest) = package.split_once(" v")?;
        let version = rest.split(' ').next().unwrap_or_default();
        Some((name.to_owned(), (version.to_owned(), licence.trim_end_matches(" (*)").to_owned())))
    };
    text.lines().filter_map(line).collect()
}

const BUILT: [&str; 2] = ["--edges", "normal,build"];

#[test]
fn each_room_keeps_to_its_rule() {
    let rules: [(&str, &[&str]); 10] = [
        ("automation", &["tokio", "gstreamer", "rusqlite", "mio", "socket2", "rustix", "tempfile"]),
        (
            "camera",
            &["tokio", "gstreamer", "gstreamer-sys", "rusqlite", "libsqlite3-sys", "hyper", "rustls", "native-tls"],
        ),
        ("rtmp-wire", &["tokio", "gstreamer", "rusqlite", "mio", "socket2", "rustix", "tracing"]),
        ("board", &["automation", "tokio", "gstreamer", "rusqlite", "hyper", "rustls"]),
        ("mp4-boxes", &["automation", "tokio", "gstreamer", "rusqlite", "rustix"]),
        ("disks", &["automation", "tokio", "gstreamer", "rusqlite", "rustix"]),
        ("port-holder", &["automation", "tokio", "gstreamer", "rusqlite", "rustix"]),
        ("channel", &["rusqlite", "libsqlite3-sys", "warp", "hyper", "rust-s3", "zbus"]),
        ("ingest", &["gstreamer", "gstreamer-sys", "rusqlite", "libsqlite3-sys"]),
        ("control", &["gstreamer", "gstreamer-sys", "gstreamer-app", "gstreamer-video"]),
    ];
    for (room, never) in rules {
        let beneath = tree(&[&["-p", room], &BUILT[..]].concat());
        assert!(beneath.contains_key(room), "the tree of {room} is read rightly");
        let broken: Vec<_> = never.iter().filter(|name| beneath.contains_key(**name)).collect();
        assert!(broken.is_empty(), "{room} must never depend upon {broken:?}: see appliance/ARCHITECTURE.md");
    }
    // A list of what may be is stricter still: what decides needs next to nothing.
    let may = ["automation", "serde", "serde_json", "thiserror", "jiff", "utoipa"];
    let direct = tree(&[&["-p", "automation", "--depth", "1", "--all-features"], &BUILT[..]].concat());
    let more: Vec<_> = direct.keys().filter(|name| !may.contains(&name.as_str())).collect();
    assert!(more.is_empty(), "automation may use {may:?} and not {more:?}: see appliance/ARCHITECTURE.md");
}

/// Every Rust file below `folder` with its text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("list a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).expect("read a source");
            found.push((path, text));
        }
    }
    found
}

#[test]
fn only_commands_write_what_is_wanted() {
    let control = harness::place::root().join("appliance/control/src");
    // The store has one verb for that: it gives the change its generation.
    let (inside, outside): (Vec<_>, Vec<_>) = sources(&control)
        .into_iter()
        .filter(|(path, text)| text.contains(".change(") && !path.starts_with(control.join("store")))
        .map(|(path, _)| path)
        .partition(|path| path.starts_with(control.join("commands")));
    assert!(inside.len() >= 3, "the verb is still named so");
    assert!(outside.is_empty(), "only commands may change what is wanted, and not {outside:?}");
}

/// The texts in quotes of one list of deny.toml, by its key.
fn list_of(key: &str) -> Vec<String> {
    let text = std::fs::read_to_string(harness::place::root().join("deny.toml")).expect("read deny.toml");
    let list = text.split_once(&format!("\n{key} = [")).expect("deny.toml has the list").1;
    let list = list.split_once("\n]").expect("the list ends").0;
    let entry = |line: &str| line.split('"').nth(1).map(str::to_owned);
    list.lines().filter_map(entry).collect()
}

/// Whether a licence expression (SPDX 2.3, annex D, and cargo's old "/") can be met by what is allowed.
fn meets(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    let term = |term: &str| allowed.iter().any(|one| one == term.trim_matches(['(', ')', ' ']));
    // AND binds tighter than OR. Groups in brackets: all that were met so far are alternatives inside an AND.
    if let Some((left, right)) = expression.split_once(") AND ") {
        return meets(left.trim_start_matches('('), allowed) && meets(right, allowed);
    }
    if let Some((left, right)) = expression.split_once(" AND (") {
        return meets(left, allowed) && meets(right.trim_end_matches(')'), allowed);
    }
    expression.split(" OR ").any(|all| all.split(" AND ").all(term))
}

#[test]
fn licences_and_bans_of_deny_toml_hold() {
    let allowed = list_of("allow");
    let banned = list_of("deny");
    assert!(allowed.len() > 5 && banned.contains(&"ring".to_owned()), "deny.toml is read rightly");
    let all = tree(&["--workspace", "--edges", "normal,build,dev"]);
    let mut wrong = Vec::new();
    for (name, (version, licence)) in &all {
        if banned.contains(name) {
            wrong.push(format!("{name} {version} is banned"));
        }
        if !meets(licence, &allowed) {
            wrong.push(format!("{name} {version}: licence \"{licence}\" is not allowed"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}: see deny.toml");
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT".to_owned(), "ISC".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned()];
    let cases = [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND ISC", true),
        ("MIT AND GPL-2.0", false),
        ("(MIT OR GPL-2.0) AND ISC", true),
        ("ISC AND (GPL-2.0 OR Apache-2.0)", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true),
    ];
    for (expression, met) in cases {
        assert_eq!(meets(expression, &allowed), met, "{expression}");
    }
}

/// A document that names a test which is gone promises what nobody checks.
#[test]
fn every_test_that_a_document_names_is_there() {
    let root = harness::place::root();
    let code: String =
        ["appliance", "tests"].iter().flat_map(|at| sources(&root.join(at))).map(|(_, text)| text).collect();
    let is_test = |word: &&str| {
        word.matches('_').count() >= 3
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let mut named = 0;
    for document in ["appliance/ARCHITECTURE.md", "appliance/STREAM-RULES.md"] {
        let text = std::fs::read_to_string(root.join(document)).expect("read a document");
        for name in text.split('`').skip(1).step_by(2).filter(is_test) {
            assert!(code.contains(&format!("fn {name}(")), "{document} names {name}, which is no test");
            named += 1;
        }
    }
    assert!(named > 40, "the documents are read rightly: {named}");
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let root = harness::place::root();
    let workspace = std::fs::read_to_string(root.join("Cargo.toml")).expect("read Cargo.toml");
    let members = workspace.split_once("members = [").and_then(|(_, rest)| rest.split_once(']')).expect("members").0;
    let members: Vec<&str> = members.split('"').skip(1).step_by(2).collect();
    assert!(members.len() > 5 && workspace.contains("unsafe_code"), "{members:?}");
    // One crate reaches the firmware by an ioctl: there the same lints deny what they forbid elsewhere, and one file allows it.
    let lints = workspace
        .split_once("[workspace.lints.rust]")
        .and_then(|(_, rest)| rest.split_once("\n\n# "))
        .expect("lints")
        .0;
    let denied = format!("[lints.rust]{}\n", lints.replace("[workspace.", "[").replace("\"forbid\"", "\"deny\""));
    for member in members {
        let manifest = std::fs::read_to_string(root.join(member).join("Cargo.toml")).expect("read a manifest");
        if member == "appliance/board" {
            assert!(manifest.contains(&denied), "{member} has other lints than the workspace:{denied}");
            let unsafe_files = sources(&root.join(member)).into_iter().filter(|(_, text)| text.contains("unsafe_code"));
            let unsafe_files: Vec<_> = unsafe_files.map(|(path, _)| path).collect();
            assert_eq!(unsafe_files, [root.join(member).join("src/mailbox.rs")]);
            continue;
        }
        assert!(manifest.contains("[lints]\nworkspace = true"), "{member} has lints of its own, or none");
    }
}
