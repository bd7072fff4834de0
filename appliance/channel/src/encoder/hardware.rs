//! Whether this board encodes H.264 in hardware (D-1, VS-105): found by the name of its device, never by its number.

use std::path::Path;

/// Where the kernel lists video devices.
pub(super) const DEVICES: &str = "/sys/class/video4linux";

/// What Raspberry Pi's kernel calls the encoder of a Pi 4, CM4 or Zero 2. A Pi 5 has none.
const ENCODERS: [&str; 1] = ["bcm2835-codec-encode"];

/// Whether an encoder is listed below `devices`.
fn encodes(devices: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(devices) else { return false };
    let names = entries.flatten().filter_map(|entry| std::fs::read_to_string(entry.path().join("name")).ok());
    names.into_iter().any(|name| ENCODERS.contains(&name.trim()))
}

/// Why software encodes, for the operator.
pub(super) fn why_software(devices: &Path) -> &'static str {
    if encodes(devices) {
        "this board's own encoder is not used yet"
    } else {
        "this board has no H.264 encoder of its own"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoder_is_known_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let device = |number: u32, name: &str| {
            let device = folder.path().join(format!("video{number}"));
            std::fs::create_dir(&device).unwrap();
            std::fs::write(device.join("name"), name).unwrap();
        };
        assert!(!encodes(&folder.path().join("none")), "a machine without such a list");
        assert!(!encodes(folder.path()));
        device(0, "USB Camera\n");
        device(10, "bcm2835-codec-decode\n");
        std::fs::create_dir(folder.path().join("video12")).unwrap();
        assert!(!encodes(folder.path()));
        assert!(why_software(folder.path()).contains("no H.264 encoder"));
        device(31, "bcm2835-codec-encode\n");
        assert!(encodes(folder.path()));
        assert!(why_software(folder.path()).contains("not used yet"));
    }
}
