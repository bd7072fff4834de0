//! What has become of an update of the whole box: from what was installed, and what runs now.
//!
//! ```text
//! installed ──restart──► on trial ──well──► done
//!                │          └──not well──► gone back
//!                └──power lost before it──► gone back
//! ```
//! A version is installed into the slot that is not booted, and tried once; which slot runs afterwards tells the rest, so
//! that two versions of one name are told apart.

use serde::{Deserialize, Serialize};

/// What was installed last. Written down, since it must outlive the restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The version, as the update names it.
    pub version: String,
    /// The slot that ran while it was installed.
    pub from: String,
    /// Id of the boot in which it was installed.
    pub boot: String,
    /// Whether it was installed to its end.
    pub whole: bool,
}

/// What runs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running<'a> {
    /// The booted slot.
    pub slot: &'a str,
    /// Whether it is still on trial.
    pub trial: bool,
    /// Id of this boot.
    pub boot: &'a str,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The next restart tries it.
    Ready,
    /// It runs, and is watched.
    Trial,
    /// It runs, and stays.
    Done,
    /// The version from before runs: the new one did not run well, or lost its power.
    WentBack,
}

/// What became of the update that was installed last.
pub fn outcome(installed: &Installed, now: Running<'_>) -> Outcome {
    match (installed.boot == now.boot, installed.from == now.slot) {
        (true, _) => Outcome::Ready,
        (false, true) => Outcome::WentBack,
        (false, false) if now.trial => Outcome::Trial,
        (false, false) => Outcome::Done,
    }
}

/// Why a board takes no update, whatever is in it: for the operator, who has to do something before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What is the matter.
    pub text: String,
    /// What to do.
    pub remedy: &'static str,
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.text, self.remedy)
    }
}

/// The obstacle that the board's own start program is where `bandstand-board` names a fault of it. It was built on this day
/// (`2021-04-29`), where it says so.
pub fn obstacle(built: Option<&str>) -> Obstacle {
    // People put years to things, and do not know what an EEPROM is.
    let text = match built.and_then(|day| day.split('-').next()) {
        Some(year) => format!("The board's own start program is from {year} and too old for updates."),
        None => "The board's own start program does not say how old it is, and may be too old for updates.".into(),
    };
    Obstacle { text, remedy: "Renew it with Raspberry Pi Imager: Misc utility images, Bootloader." }
}

/// Why an update was refused, in the operator's words, from what RAUC says of it (its texts are for technicians, and change
/// with its versions: what is not known is told as it is).
pub fn refusal(error: &str) -> String {
    let lower = error.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&["failed to stream bundle", "from remote server", "does not arrive"]) {
        format!("It could not be fetched from this address: {}.", last(error))
    } else if says(&["compatible mismatch"]) {
        "The file is for another kind of box.".into()
    } else if says(&["exceeds bundle size", "invalid magic", "bundle too small", "failed to read signature size"]) {
        "The file is no update of this box, or a part of it is missing. Get it anew.".into()
    } else if says(&["signature verification failed", "verify error", "verity"]) {
        "The file was changed on its way, or does not come from whoever makes this box's software. Get it anew.".into()
    } else if says(&["non-bootable"]) {
        "The board did not let it be written beside the version that runs. Restart the box, and try again.".into()
    } else if says(&["no space left"]) {
        "There is not enough room for it on the box.".into()
    } else if says(&["bundle", "squashfs", "magic", "too small", "identif", "short read", "end of file"]) {
        "The file is no update of this box, or a part of it is missing. Get it anew.".into()
    } else {
        format!("It could not be installed: {}.", last(error))
    }
}

/// The innermost of nested reasons, short enough to be read.
fn last(error: &str) -> String {
    const CHARS_MAX: usize = 160;
    let inner = error.rsplit(": ").next().unwrap_or(error).trim().trim_end_matches('.');
    inner.chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_says_what_became_of_it() {
        let installed = Installed { version: "2".into(), from: "A".into(), boot: "one".into(), whole: true };
        let check = |slot, trial, boot, expected| {
            assert_eq!(outcome(&installed, Running { slot, trial, boot }), expected, "{slot} {trial} {boot}");
        };
        check("A", false, "one", Outcome::Ready);
        check("B", true, "two", Outcome::Trial);
        check("B", false, "two", Outcome::Done);
        check("A", false, "two", Outcome::WentBack);
    }

    #[test]
    fn a_board_that_takes_no_update_says_why_and_what_to_do() {
        for (built, expected) in [
            (
                Some("2021-04-29"),
                "The board's own start program is from 2021 and too old for updates. Renew it with Raspberry Pi Imager: Misc utility images, Bootloader.",
            ),
            (
                None,
                "The board's own start program does not say how old it is, and may be too old for updates. Renew it with Raspberry Pi Imager: Misc utility images, Bootloader.",
            ),
        ] {
            assert_eq!(obstacle(built).to_string(), expected);
        }
    }

    #[test]
    fn refusals_say_what_to_do() {
        let check =
            |error: &str, expected: &str| assert!(refusal(error).contains(expected), "{error}: {}", refusal(error));
        check(
            "Compatible mismatch: Expected 'bandstand-virt' but bundle manifest has 'another'",
            "another kind of box",
        );
        check(
            "signature verification failed: Verify error: unable to get local issuer certificate",
            "makes this box's software",
        );
        check("Signature size (8319112) exceeds bundle size", "no update of this box");
        check("Failed to identify bundle", "no update of this box");
        check("Failed to stream bundle https://h/cms/x.raucb: SSL peer certificate was not OK", "SSL peer certificate");
        check(
            "Failed to read signature size from bundle: failed to read data from remote server",
            "could not be fetched",
        );
        check(
            "Failed marking slot rootfs.1 non-bootable (bad): Child process exited with code 1",
            "did not let it be written",
        );
        check("write: No space left on device", "room");
        check("Installation error: the slot is on fire.", "installed: the slot is on fire.");
        assert!(refusal(&format!("x: {}", "ü".repeat(1000))).chars().count() < 200);
    }
}
