//! The board's own start program, the bootloader in its EEPROM: whether it is one that updates can stand upon.
//!
//! It reads autoboot.txt, so it is what tries a version and keeps to the committed one. A Pi 4's from before [`BUILT_MIN`] does
//! neither: it passes over `[tryboot]` and `tryboot_a_b`, and one of 2021 takes the last `boot_partition=` of the file and boots
//! the slot of the trial, whatever lies in it (rpi-eeprom, firmware-2711/release-notes.md; the latter as measured by others). A Pi
//! 5 was never delivered with one so old. It says itself when it was built; one that does not may be any.

use crate::trouble::{Code, Trouble};

/// The beginning of the day on which the first one was released that knows `[tryboot]` and `tryboot_a_b`, 2022-10-18, seconds
/// since 1970.
pub const BUILT_MIN: u32 = 1_666_051_200;

const DAY_S: u32 = 86_400;

/// Whether it does what updates need, by when it was built, seconds since 1970.
pub fn check(built: &Result<u32, Trouble>) -> Result<(), Trouble> {
    match built {
        Ok(built) if *built < BUILT_MIN => {
            Err(Trouble::new(Code::BootloaderTooOld, format!("it was built on {}", day(*built))))
        }
        Ok(_) => Ok(()),
        Err(trouble) => Err(trouble.clone()),
    }
}

/// The day of a moment in UTC, `2021-04-29`.
pub fn day(seconds: u32) -> String {
    // Days of a calendar whose years begin in March, so that a leap day is the last of its year: H. Hinnant, "chrono-Compatible
    // Low-Level Date Algorithms", civil_from_days. Nothing here is before 1970, so nothing is negative.
    let days = seconds / DAY_S + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{}-{month:02}-{day:02}", year + era * 400 + later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_619_654_400, "2021-04-29"),
            (BUILT_MIN - 1, "2022-10-17"),
            (BUILT_MIN, "2022-10-18"),
            (1_735_689_599, "2024-12-31"),
            (u32::MAX, "2106-02-07"),
        ] {
            assert_eq!(day(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn one_that_is_too_old_or_does_not_say_is_refused() {
        assert_eq!(check(&Ok(BUILT_MIN)), Ok(()));
        let old = check(&Ok(1_619_654_400)).unwrap_err();
        assert_eq!((old.code, old.detail.as_str()), (Code::BootloaderTooOld, "it was built on 2021-04-29"));
        assert_eq!(check(&Ok(BUILT_MIN - 1)).unwrap_err().code, Code::BootloaderTooOld);
        let unknown = Trouble::new(Code::BootloaderUnknown, "");
        assert_eq!(check(&Err(unknown.clone())), Err(unknown));
    }
}
