//! The time zones that the machine knows: files of the tz database (RFC 9636) below its root. Workers get a zone as its rule, and
//! read none of them.

use automation::wall::Zone;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// Longest name, characters: twice the longest of the database.
const NAME_CHARS_MAX: usize = 64;
/// Universal time, which no country's table lists.
const UTC: &str = "UTC";

/// The zones. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Zones {
    folder: PathBuf,
    localtime: PathBuf,
}

impl Zones {
    /// Those of the machine whose files are below `root`.
    pub fn below(root: &Path) -> Zones {
        Zones { folder: root.join("usr/share/zoneinfo"), localtime: root.join("etc/localtime") }
    }

    /// The name under which a zone is known. Browsers and cards say old names for years, `Asia/Calcutta`: they lead to the new one.
    pub fn find(&self, name: &str) -> Option<String> {
        if self.file(name).is_some() {
            return Some(name.to_owned());
        }
        let table = std::fs::read_to_string(self.folder.join("tzdata.zi")).ok()?;
        let links = table.lines().filter_map(|line| line.strip_prefix("L ")?.split_once(' '));
        let target = links.into_iter().find(|(_, link)| *link == name).map(|(target, _)| target)?;
        self.file(target).map(|_| target.to_owned())
    }

    /// Every zone that is offered, by name: one for each region that countries have.
    pub fn all(&self) -> Vec<String> {
        let table = std::fs::read_to_string(self.folder.join("zone.tab")).unwrap_or_default();
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        let mut names: Vec<String> = lines.filter_map(|line| line.split('\t').nth(2)).map(str::to_owned).collect();
        names.extend(self.file(UTC).map(|_| UTC.to_owned()));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The machine's own zone, where its name is known.
    pub fn machine(&self) -> Option<String> {
        let target = std::fs::read_link(&self.localtime).ok()?;
        let (_, name) = target.to_str()?.split_once("zoneinfo/")?;
        Some(name.to_owned())
    }

    /// The zone that was chosen, as it holds at a moment of wall time; else the machine's own; else universal time.
    pub fn in_force(&self, chosen: Option<&str>, wall_ms: i64) -> Zone {
        let chosen = chosen.and_then(|name| self.find(name)).and_then(|name| self.file(&name));
        let of = |file: Vec<u8>| zone(&file, wall_ms);
        chosen.and_then(of).or_else(|| std::fs::read(&self.localtime).ok().and_then(of)).unwrap_or_else(Zone::utc)
    }

    /// A zone's file. Names are those of the database and lead nowhere else.
    fn file(&self, name: &str) -> Option<Vec<u8>> {
        let part = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_uppercase())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
        };
        let fits = name.len() <= NAME_CHARS_MAX && name.split('/').all(part);
        let file = std::fs::read(self.folder.join(fits.then_some(name)?)).ok()?;
        TimeZone::tzif(name, &file).ok()?;
        Some(file)
    }
}

/// The rule at the end of a file holds for the years to come (RFC 9636, section 3.3). Where the moment's own time is another one, as
/// where clocks are changed for Ramadan, which no rule can say, it is the time of the moment: it is asked for again within a minute.
fn zone(file: &[u8], wall_ms: i64) -> Option<Zone> {
    let whole = TimeZone::tzif("", file).ok()?;
    let east_s = whole.to_offset(Timestamp::from_millisecond(wall_ms).ok()?).seconds();
    let ruled = rule(file).and_then(|rule| Zone::try_from(rule.to_owned()).ok());
    Some(ruled.filter(|zone| zone.east_s(wall_ms) == east_s).unwrap_or_else(|| Zone::fixed(east_s)))
}

/// The rule of a file: its last line.
fn rule(file: &[u8]) -> Option<&str> {
    let line = file.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
    std::str::from_utf8(line).ok()
}
