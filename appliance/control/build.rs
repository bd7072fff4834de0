//! Makes the page's files part of the program. They come from the folder `UI_DIST`, by default `web-ui/dist` of this
//! repository. Where it is absent the program shows how to build it. npm is never run from here.

use sha2::{Digest, Sha256};
use std::env::var;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=UI_DIST");
    println!("cargo:rerun-if-changed=build.rs");
    let here = PathBuf::from(var("CARGO_MANIFEST_DIR").expect("cargo names the folder of the crate"));
    let dist = var("UI_DIST").map_or_else(|_| here.join("../../web-ui/dist"), PathBuf::from);
    // A path that is not there counts as changed at every build, so its parent is watched until it is.
    let watched = if dist.exists() { dist.as_path() } else { dist.parent().unwrap_or(&here) };
    println!("cargo:rerun-if-changed={}", watched.display());
    let mut files = Vec::new();
    if dist.is_dir() {
        collect(&dist, &dist, &mut files);
    }
    files.sort();
    let mut table = String::from("static UI_FILES: &[UiFile] = &[\n");
    for name in files {
        let path = dist.join(&name);
        let path = path.canonicalize().unwrap_or(path);
        let bytes = std::fs::read(&path).expect("read a file of the page");
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        // vite names files in this folder by their content.
        let immutable = name.starts_with("assets/");
        let kind = kind(&name);
        let etag = format!("\"{digest}\"");
        writeln!(
            table,
            "    UiFile {{ path: {name:?}, kind: {kind:?}, etag: {etag:?}, immutable: {immutable}, \
             bytes: include_bytes!({path:?}) }},"
        )
        .expect("write to a text");
    }
    table.push_str("];\n");
    let out = PathBuf::from(var("OUT_DIR").expect("cargo names the folder for what is made"));
    std::fs::write(out.join("ui_files.rs"), table).expect("write the table of the page's files");
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("read a folder of the page").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            files.push(name.to_owned());
        }
    }
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
