//! The crate's own rule: it decides, and touches nothing. No clock, no file, no socket, no thread, in any source file.

use std::path::{Path, PathBuf};

/// What may not be named, and what to do instead.
const FORBIDDEN: [(&str, &str); 16] = [
    ("Instant::now", "take the time as an argument"),
    ("Zoned::now", "take the time as an argument"),
    ("Timestamp::now", "take the time as an argument"),
    ("TimeZone::system", "take the zone as an argument"),
    ("TimeZone::get", "the edge reads files; take the zone's rule"),
    ("SystemTime", "take the time as an argument"),
    ("std::time", "use clock::Running and milliseconds"),
    ("std::fs", "the edge reads files"),
    ("std::io", "the edge reads and writes"),
    ("std::net", "the edge opens sockets"),
    ("std::thread", "the edge owns threads"),
    ("std::process", "the edge starts processes"),
    ("std::env", "the edge reads its surroundings"),
    ("tokio", "the edge owns the loop"),
    ("gstreamer", "pictures belong to the channel"),
    ("thread_local!", "state belongs to a machine that is handed on"),
];

/// What the crate may be built from.
const DEPENDENCIES: [&str; 5] = ["jiff", "serde", "serde_json", "thiserror", "utoipa"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn nothing_here_reads_a_clock_or_touches_the_world() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    assert!(files.len() > 20, "the sources are not where they were");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            for (word, instead) in FORBIDDEN {
                let place = file.strip_prefix(root).unwrap().display();
                assert!(!code.contains(word), "{place}:{}: {word} is forbidden here: {instead}", number + 1);
            }
        }
    }
}

#[test]
fn a_file_fits_a_head() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    ["src", "simulator", "examples"].iter().for_each(|folder| sources(&root.join(folder), &mut files));
    for file in files {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 500, "{} has {lines} lines: look for its second noun", file.display());
    }
}

#[test]
fn the_crate_is_built_from_few_parts() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let section = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    for line in section.lines().filter(|line| line.contains('=')) {
        let name = line.split(['.', ' ', '=']).next().unwrap();
        assert!(DEPENDENCIES.contains(&name), "{name}: does deciding need it?");
    }
}
