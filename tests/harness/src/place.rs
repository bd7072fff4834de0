//! Where things are: the build's folder, the programs under test, the fixtures.

use std::path::{Path, PathBuf};

/// The build's `target` folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The root of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the checkout").to_owned()
}

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures").join(name)
}

/// A program of ours, built by the same profile as the running one.
pub fn program(name: &str) -> PathBuf {
    let me = std::env::current_exe().expect("a program knows where it is");
    let found = me.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built: cargo build -p control -p channel -p ingest"))
}

/// A tool that `./dev` installed into the checkout; else the machine's own of that name.
pub fn tool(name: &str) -> PathBuf {
    let ours = root().join(".state/tools/bin").join(name);
    if ours.is_file() { ours } else { PathBuf::from(name) }
}
