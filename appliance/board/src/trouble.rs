//! Why a verb could not be done: a stable code, what happened, and what to do about it.

macro_rules! codes {
    ($($name:ident $code:literal $text:literal $remedy:literal)*) => {
        /// A stable name of one kind of trouble. Its text form never changes once released.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $(#[doc = $text] $name,)* }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Code] = &[$(Code::$name),*];
            /// The stable text form.
            pub const fn as_str(self) -> &'static str { match self { $(Code::$name => $code),* } }
            /// What happened.
            pub const fn text(self) -> &'static str { match self { $(Code::$name => $text),* } }
            /// What to do.
            pub const fn remedy(self) -> &'static str { match self { $(Code::$name => $remedy),* } }
        }
    };
}

codes! {
    AutobootUnreadable "autoboot_unreadable" "autoboot.txt cannot be read." "Check that the first partition is mounted, then run `bandstand-board boot-slot repair`."
    AutobootUnknown "autoboot_unknown" "autoboot.txt is none that Bandstand knows." "Run `bandstand-board boot-slot repair`, which restores it."
    AutobootUnwritable "autoboot_unwritable" "autoboot.txt cannot be written." "Check that the first partition is mounted writable and has room, then try again."
    FlagMissing "flag_missing" "The firmware's one-shot boot flag cannot be reached." "On a Raspberry Pi the kernel must have /dev/vcio; else check `flag` in board.toml. Nothing is changed until then."
    FlagUnknown "flag_unknown" "What stands where the one-shot boot flag should be is none." "Check `flag` in board.toml: it must name the flag's own device, which holds zeros when it is made."
    DeviceTreeUnknown "device_tree_unknown" "The firmware does not say which partition it booted." "Update the board's bootloader (rpi-eeprom), and boot through autoboot.txt."
    BootloaderTooOld "bootloader_too_old" "The board's own start program, the bootloader in its EEPROM, is too old for updates." "Renew it with Raspberry Pi Imager: Misc utility images, Bootloader."
    BootloaderUnknown "bootloader_unknown" "The board's own start program, the bootloader in its EEPROM, does not say when it was built: it may be too old for updates." "Renew it with Raspberry Pi Imager: Misc utility images, Bootloader."
    DataUnreadable "data_unreadable" "The data folder cannot be read." "Check that the data partition is mounted and that `data` in board.toml names a folder on it."
    DataUnwritable "data_unwritable" "The copy of autoboot.txt cannot be written." "Check that the data partition is mounted and has room, then try again."
    TrialUncommitted "trial_uncommitted" "The slot is the only one that is committed, and another one is booted: it must not be written over." "Mark the booted slot good first, or reboot into the committed one."
    NotBooted "not_booted" "Only a slot that is booted can be marked good." "Activate it, reboot, and mark it good then."
    NotATrial "not_a_trial" "The slot is booted, but not in a trial: it is not committed." "Activate the booted slot (`rauc status mark-active booted`), reboot, and mark it good then."
    Busy "busy" "Another command is changing the boot slots." "Try again when it has ended."
    FirstBootFailed "first_boot_failed" "What lies on the medium for the first start could not be taken over." "Start the box again; where that does not help, write the image to the card anew."
    ResetFailed "reset_failed" "The box could not be taken back to how it was delivered." "Start it again; where that does not help, write the image to the card anew."
    DiskUnknown "disk_unknown" "There is no such disk that could be taken for recordings." "Look at the list again: what the system runs from is never in it."
    DiskBusy "disk_busy" "Another disk for recordings is plugged in." "Pull that one out first."
    DiskFailed "disk_failed" "The disk could not be prepared." "Pull it out, put it in again and try once more; if that does not help, it is broken."
    RadioFailed "radio_failed" "The radio's country could not be put in force." "Check the country's two letters, and start the box again."
    ConfigInvalid "config_invalid" "The configuration is not understood." "Correct board.toml, or give --flag."
}

/// One trouble. Its text form is a single line: code, what happened, details, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {} {}{}", code.as_str(), code.text(), Details(detail), code.remedy())]
pub struct Trouble {
    /// Its kind.
    pub code: Code,
    /// Names and causes, or empty.
    pub detail: String,
}

impl Trouble {
    /// A trouble with what is known of it.
    pub fn new(code: Code, detail: impl Into<String>) -> Trouble {
        Trouble { code, detail: detail.into() }
    }
}

/// Puts details, where there are any, between brackets.
struct Details<'a>(&'a str);

impl std::fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "({}) ", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_what_happened_and_what_to_do() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{code:?} has the text form of another");
            assert!(code.text().ends_with('.') && code.remedy().ends_with('.'), "{code:?}: whole sentences");
        }
    }

    #[test]
    fn a_trouble_is_one_line() {
        let text = Trouble::new(Code::NotBooted, "slot B").to_string();
        assert_eq!(
            text,
            "not_booted: Only a slot that is booted can be marked good. (slot B) Activate it, reboot, and mark it good then."
        );
    }
}
