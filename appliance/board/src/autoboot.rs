//! `autoboot.txt`: the file on the first FAT partition by which a Raspberry Pi's firmware chooses the partition to boot
//! (Raspberry Pi documentation, config_txt/autoboot.adoc).
//!
//! Whoever is not sure what the firmware would make of a file must not change it, so the parser is strict: what it takes
//! has exactly one meaning. It takes comments, blank lines, CRLF, and the parts in another order as long as `[tryboot]`
//! comes last; a key twice, an unknown key or section, and another partition are refused.

use serde::Serialize;
use std::fmt;

/// The firmware reads no more, in bytes.
pub const BYTES_MAX: usize = 512;

/// One of the two places that a version can be in. Its text form is RAUC's `bootname`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Slot {
    /// Boots from partition 2.
    A,
    /// Boots from partition 3.
    B,
}

impl Slot {
    /// Both.
    pub const ALL: [Slot; 2] = [Slot::A, Slot::B];

    /// The number of its boot partition in the MBR, counted from 1 as the firmware does.
    pub const fn partition(self) -> u32 {
        match self {
            Slot::A => 2,
            Slot::B => 3,
        }
    }

    /// The slot of a boot partition; none has another number.
    pub fn of_partition(partition: u32) -> Option<Slot> {
        Slot::ALL.into_iter().find(|slot| slot.partition() == partition)
    }

    /// The other one.
    pub const fn other(self) -> Slot {
        match self {
            Slot::A => Slot::B,
            Slot::B => Slot::A,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Slot::A => "A",
            Slot::B => "B",
        })
    }
}

/// What the firmware takes from the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autoboot {
    /// Booted whenever the one-shot flag is not set: `[all]`'s.
    pub committed: Slot,
    /// Booted once when the flag is set: `[tryboot]`'s, or the committed one where nothing else is said.
    pub tried: Slot,
}

/// Why a file is none of ours, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{what}", Line(*line))]
pub struct Unknown {
    /// The line from 1, or 0 where it is the whole file.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

struct Line(usize);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, "line {}: ", self.0) }
    }
}

/// The parts of a file. What stands before any section counts for all, as in `config.txt`.
#[derive(Clone, Copy, PartialEq)]
enum Section {
    All,
    None,
    Tryboot,
}

impl Autoboot {
    /// The file that commits to a slot and would try the other one.
    pub const fn committed_to(slot: Slot) -> Autoboot {
        Autoboot { committed: slot, tried: slot.other() }
    }

    /// Whether the flag leads to the slot that is not committed, as in every file that Bandstand writes.
    pub fn is_whole(self) -> bool {
        self.tried != self.committed
    }

    /// The one form that Bandstand writes: that of Raspberry Pi's documentation.
    pub fn to_text(self) -> String {
        format!(
            "[all]\ntryboot_a_b=1\nboot_partition={}\n[tryboot]\nboot_partition={}\n",
            self.committed.partition(),
            self.tried.partition()
        )
    }

    /// Reads a file's bytes, of which there may be [`BYTES_MAX`].
    pub fn parse(bytes: &[u8]) -> Result<Autoboot, Unknown> {
        let whole = |what| Unknown { line: 0, what };
        if bytes.len() > BYTES_MAX {
            return Err(whole("it is longer than the 512 bytes that the firmware reads"));
        }
        if bytes.is_empty() {
            return Err(whole("it is empty"));
        }
        if !bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')) {
            return Err(whole("it holds bytes that are no text"));
        }
        let text = str::from_utf8(bytes).map_err(|_| whole("it holds bytes that are no text"))?;
        let (mut section, mut tryboot_begun) = (Section::All, false);
        let (mut committed, mut tried, mut a_b) = (None, None, false);
        for (index, line) in text.lines().enumerate() {
            let wrong = |what| Unknown { line: index + 1, what };
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with('[') {
                section = match line {
                    "[all]" => Section::All,
                    "[none]" => Section::None,
                    "[tryboot]" => Section::Tryboot,
                    _ => return Err(wrong("the section is unknown")),
                };
                tryboot_begun |= section == Section::Tryboot;
                continue;
            }
            if section == Section::None {
                continue;
            }
            match line.split_once('=') {
                Some(("tryboot_a_b", "1")) if a_b => return Err(wrong("tryboot_a_b is there twice")),
                Some(("tryboot_a_b", "1")) => a_b = true,
                Some(("tryboot_a_b", _)) => return Err(wrong("tryboot_a_b must be 1")),
                Some(("boot_partition", number)) => {
                    let slot = number.parse().ok().and_then(Slot::of_partition);
                    let slot = slot.ok_or_else(|| wrong("the partition is neither 2 nor 3"))?;
                    // A later `[all]` would overrule `[tryboot]`, and the flag would try nothing.
                    if section == Section::All && tryboot_begun {
                        return Err(wrong("the partition for all stands behind [tryboot]"));
                    }
                    let place = if section == Section::All { &mut committed } else { &mut tried };
                    if place.replace(slot).is_some() {
                        return Err(wrong("the section has a partition already"));
                    }
                }
                _ => return Err(wrong("the line is unknown")),
            }
        }
        let committed = committed.ok_or_else(|| whole("[all] has no boot_partition"))?;
        if !a_b {
            return Err(whole("tryboot_a_b=1 is missing"));
        }
        Ok(Autoboot { committed, tried: tried.unwrap_or(committed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Result<(Slot, Slot), &str>) {
        let parsed = Autoboot::parse(text.as_bytes());
        let parsed = parsed.map(|file| (file.committed, file.tried)).map_err(|wrong| wrong.to_string());
        assert_eq!(parsed, expected.map_err(str::to_owned), "{text:?}");
    }

    #[test]
    fn what_we_write_is_what_raspberry_pi_documents() {
        let text = Autoboot::committed_to(Slot::A).to_text();
        assert_eq!(text, "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n");
    }

    #[test]
    fn files_that_mean_one_thing_are_read() {
        use Slot::{A, B};
        check("[all]\ntryboot_a_b=1\nboot_partition=3\n[tryboot]\nboot_partition=2\n", Ok((B, A)));
        check("[all]\r\ntryboot_a_b=1\r\nboot_partition=2\r\n[tryboot]\r\nboot_partition=3", Ok((A, B)));
        check("# slots\n\n  [all]\nboot_partition=2 \n\ttryboot_a_b=1\n[tryboot]\n# b\nboot_partition=3\n", Ok((A, B)));
        check("tryboot_a_b=1\nboot_partition=2\n", Ok((A, A)));
        check("[all]\nboot_partition=2\n[tryboot]\ntryboot_a_b=1\nboot_partition=2\n", Ok((A, A)));
        check("[none]\nboot_partition=9\nwhat=ever\n[all]\ntryboot_a_b=1\nboot_partition=2\n", Ok((A, A)));
    }

    #[test]
    fn files_that_may_mean_something_else_are_refused() {
        check("", Err("it is empty"));
        check(&"\0".repeat(512), Err("it holds bytes that are no text"));
        check(&"#".repeat(513), Err("it is longer than the 512 bytes that the firmware reads"));
        check("[all]\nboot_partition=2\n", Err("tryboot_a_b=1 is missing"));
        check("[all]\ntryboot_a_b=1\n", Err("[all] has no boot_partition"));
        check("[all]\ntryboot_a_b=0\n", Err("line 2: tryboot_a_b must be 1"));
        check("[all]\ntryboot_a_b=1\ntryboot_a_b=1\n", Err("line 3: tryboot_a_b is there twice"));
        check("[all]\nboot_partition=1\n", Err("line 2: the partition is neither 2 nor 3"));
        check("[all]\nboot_partition=2\nboot_partition=3\n", Err("line 3: the section has a partition already"));
        check("[pi5]\n", Err("line 1: the section is unknown"));
        check("[all]\nboot_partition = 2\n", Err("line 2: the line is unknown"));
        check("[all]\nbootpart", Err("line 2: the line is unknown"));
        check(
            "[tryboot]\nboot_partition=3\n[all]\ntryboot_a_b=1\nboot_partition=2\n",
            Err("line 5: the partition for all stands behind [tryboot]"),
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Autoboot::parse(&bytes);
        }

        /// Cut anywhere, a file is refused or means what it meant: no part of one commits to another slot.
        #[test]
        fn a_part_of_a_file_never_commits_to_another_slot(b in any::<bool>(), length in 0usize..80) {
            let file = Autoboot::committed_to(if b { Slot::B } else { Slot::A });
            let text = file.to_text();
            let part = &text.as_bytes()[..length.min(text.len())];
            if let Ok(read) = Autoboot::parse(part) {
                prop_assert_eq!(read.committed, file.committed);
            }
        }
    }
}
