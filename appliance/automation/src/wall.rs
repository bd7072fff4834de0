//! The time of day on the machine's running time, for timelines that follow it. The program never reads a wall clock:
//! it is told once how both lie to each other, and again when the wall clock was set.
//!
//! A zone is the rule that a POSIX `TZ` text says (IEEE Std 1003.1, section 8.3), for example
//! `CET-1CEST,M3.5.0,M10.5.0/3`: it holds for ever and needs no files.

use crate::clock::{Now, Running};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

/// A wall clock that differs by this from what is known was set, milliseconds. Below it, it is only disciplined.
pub const STEP_MS: u64 = 500;
/// A day, milliseconds and nanoseconds.
pub const DAY_MS: i64 = 86_400_000;
const DAY_NS: i128 = DAY_MS as i128 * NS_PER_MS;
const NS_PER_MS: i128 = 1_000_000;
const NS_PER_S: i128 = 1_000_000_000;

/// Why a text is no zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no time zone in the form of POSIX, for example CET-1CEST,M3.5.0,M10.5.0/3")]
pub struct BadZone(String);

/// A time zone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    rule: String,
    zone: TimeZone,
}

impl Zone {
    /// Universal time.
    pub fn utc() -> Zone {
        Zone { rule: "UTC0".into(), zone: TimeZone::UTC }
    }

    /// A zone whose clocks are never changed: seconds east of universal time.
    pub fn fixed(east_s: i32) -> Zone {
        // In the rule the sign is the other way round: what is to be added to get universal time.
        let (sign, against) = if east_s < 0 { ('-', "") } else { ('+', "-") };
        let [hours, minutes, seconds] = parts(east_s.unsigned_abs());
        let rule = format!("<{sign}{hours:02}{minutes:02}>{against}{hours}:{minutes:02}:{seconds:02}");
        Zone::try_from(rule).unwrap_or_else(|_| Zone::utc())
    }

    /// How far its clocks are ahead of universal time at a moment of wall time, seconds.
    pub fn east_s(&self, wall_ms: i64) -> i32 {
        self.offset(moment(wall_ms)).seconds()
    }

    /// What its clocks show at a moment of wall time: `20:15:00`.
    pub fn time_of_day(&self, wall_ms: i64) -> String {
        let local_ms = i128::from(wall_ms) + i128::from(self.east_s(wall_ms)) * 1000;
        let [hours, minutes, seconds] = parts((local_ms.rem_euclid(i128::from(DAY_MS)) / 1000) as u32);
        format!("{hours:02}:{minutes:02}:{seconds:02}")
    }

    fn offset(&self, at: Timestamp) -> Offset {
        self.zone.to_offset(at)
    }
}

/// Hours, minutes and seconds.
fn parts(seconds: u32) -> [u32; 3] {
    [seconds / 3600, seconds / 60 % 60, seconds % 60]
}

impl PartialEq for Zone {
    fn eq(&self, other: &Zone) -> bool {
        self.rule == other.rule
    }
}

impl Eq for Zone {}

impl TryFrom<String> for Zone {
    type Error = BadZone;
    fn try_from(rule: String) -> Result<Zone, BadZone> {
        match TimeZone::posix(&rule) {
            Ok(zone) => Ok(Zone { rule, zone }),
            Err(_) => Err(BadZone(rule.chars().take(64).collect())),
        }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.rule
    }
}

/// How the machine's running time and the wall clock lie to each other: one moment on both, in this boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WallClock {
    /// The moment.
    pub running: Running,
    /// The same, milliseconds since 1970-01-01T00:00:00Z.
    pub wall_ms: i64,
    /// Where the box is.
    pub zone: Zone,
}

/// A day of a timeline that follows the time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// When it began, nanoseconds of running time; before the machine's start it is negative.
    pub began_ns: i128,
    /// Which day it is, and by which offset from universal time it is told, seconds: another one is another day.
    pub key: (i64, i32),
}

impl WallClock {
    /// What is to be known from now on; none where that is known already, or where wall time is not to be trusted.
    pub fn learn(known: Option<&WallClock>, now: Now, zone: &Zone) -> Option<WallClock> {
        let set = |known: &WallClock| {
            let expected_ms = known.wall_ns(i128::from(now.running.0)) / NS_PER_MS;
            (expected_ms - i128::from(now.wall_ms)).unsigned_abs() >= u128::from(STEP_MS)
        };
        let news = now.wall_trusted && known.is_none_or(|known| known.zone != *zone || set(known));
        news.then(|| WallClock { running: now.running, wall_ms: now.wall_ms, zone: zone.clone() })
    }

    /// The day that runs at a moment of running time, where days begin at a local time, milliseconds after midnight.
    /// When clocks are changed, the day's beginning moves with them: what is due at eight is due at eight.
    pub fn day(&self, running_ns: i128, begins_ms: i64) -> Day {
        let wall_ns = self.wall_ns(running_ns);
        let offset = self.zone.offset(timestamp(wall_ns)).seconds();
        let shift_ns = i128::from(offset) * NS_PER_S - i128::from(begins_ms) * NS_PER_MS;
        let day = (wall_ns + shift_ns).div_euclid(DAY_NS);
        let began_ns = day * DAY_NS - shift_ns - wall_ns + running_ns;
        Day { began_ns, key: (day as i64, offset) }
    }

    /// The first moment after this one at which another day may run.
    pub fn next_day(&self, running_ns: i128, begins_ms: i64) -> i128 {
        let tomorrow = self.day(running_ns, begins_ms).began_ns + DAY_NS;
        let now = timestamp(self.wall_ns(running_ns));
        let change = self.zone.zone.following(now).next().filter(|change| {
            // Rules repeat for ever; what is far away is not asked for.
            change.timestamp() <= now.checked_add(48.hours()).unwrap_or(now)
        });
        let change = change.map(|change| change.timestamp().as_nanosecond() - self.wall_ns(running_ns) + running_ns);
        change.map_or(tomorrow, |change| change.min(tomorrow))
    }

    fn wall_ns(&self, running_ns: i128) -> i128 {
        i128::from(self.wall_ms) * NS_PER_MS + running_ns - i128::from(self.running.0)
    }
}

fn moment(wall_ms: i64) -> Timestamp {
    timestamp(i128::from(wall_ms) * NS_PER_MS)
}

fn timestamp(wall_ns: i128) -> Timestamp {
    Timestamp::from_nanosecond(wall_ns).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> Zone {
        Zone::try_from("CET-1CEST,M3.5.0,M10.5.0/3".to_owned()).unwrap()
    }

    fn wall_ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    /// The machine has been up for an hour at the given moment.
    fn clock(text: &str) -> WallClock {
        WallClock { running: Running(0).plus_ms(3_600_000), wall_ms: wall_ms(text), zone: berlin() }
    }

    /// The position in the day, as h:mm:ss.mmm, at a moment of wall time.
    fn position(clock: &WallClock, text: &str, begins_ms: i64) -> String {
        let running_ns = i128::from(wall_ms(text) - clock.wall_ms) * NS_PER_MS + i128::from(clock.running.0);
        let ms = (running_ns - clock.day(running_ns, begins_ms).began_ns) / NS_PER_MS;
        format!("{}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
    }

    #[test]
    fn a_position_is_the_time_of_day_since_the_days_beginning() {
        let clock = clock("2026-11-21T10:00:00Z");
        for (at, begins_ms, expected) in [
            ("2026-11-21T10:00:00Z", 0, "11:00:00.000"),
            ("2026-11-21T22:59:59.999Z", 0, "23:59:59.999"),
            ("2026-11-21T23:00:00Z", 0, "0:00:00.000"),
            ("2026-11-21T17:30:00Z", 18 * 3_600_000, "0:30:00.000"),
            ("2026-11-21T16:30:00Z", 18 * 3_600_000, "23:30:00.000"),
            // Long before the machine was started, and long after.
            ("2026-11-20T07:00:00Z", 0, "8:00:00.000"),
            ("2027-01-20T07:00:00Z", 0, "8:00:00.000"),
        ] {
            assert_eq!(position(&clock, at, begins_ms), expected, "{at}");
        }
    }

    #[test]
    fn what_is_due_at_eight_is_due_at_eight_when_clocks_are_changed() {
        // Spring: 02:00 becomes 03:00 at 01:00Z. Autumn: 03:00 becomes 02:00 at 01:00Z.
        for (at, expected) in [
            ("2027-03-28T00:59:59Z", "1:59:59.000"),
            ("2027-03-28T01:00:00Z", "3:00:00.000"),
            ("2027-03-28T06:00:00Z", "8:00:00.000"),
            ("2027-03-28T22:00:00Z", "0:00:00.000"),
            ("2027-10-31T00:59:59Z", "2:59:59.000"),
            ("2027-10-31T01:00:00Z", "2:00:00.000"),
            ("2027-10-31T07:00:00Z", "8:00:00.000"),
        ] {
            assert_eq!(position(&clock("2026-11-21T10:00:00Z"), at, 0), expected, "{at}");
        }
    }

    #[test]
    fn the_next_day_is_never_told_too_late() {
        let clock = clock("2027-03-27T12:00:00Z");
        for begins_ms in [0, 9 * 3_600_000] {
            // A week around the change, by the minute: each day that begins was told by the moment before.
            let mut running_ns = i128::from(clock.running.0);
            let mut told = clock.next_day(running_ns, begins_ms);
            for _ in 0..7 * 1440 {
                let before = clock.day(running_ns, begins_ms).key;
                running_ns += 60 * NS_PER_S;
                if clock.day(running_ns, begins_ms).key != before {
                    assert!(told <= running_ns);
                }
                assert!(told > running_ns - 60 * NS_PER_S);
                told = clock.next_day(running_ns, begins_ms);
            }
        }
    }

    #[test]
    fn a_clock_is_learnt_once_trusted_and_again_when_it_is_set() {
        let now = |running_ms: u64, wall_ms: i64, wall_trusted| Now {
            running: Running(0).plus_ms(running_ms),
            wall_ms,
            wall_trusted,
        };
        let zone = berlin();
        assert_eq!(WallClock::learn(None, now(5_000, 77, false), &zone), None);
        let known = WallClock::learn(None, now(5_000, 1_000_000, true), &zone).unwrap();
        assert_eq!((known.running, known.wall_ms), (Running(0).plus_ms(5_000), 1_000_000));
        for (wall_ms, learns) in
            [(1_060_000, false), (1_060_499, false), (1_059_501, false), (1_060_500, true), (900_000, true)]
        {
            assert_eq!(
                WallClock::learn(Some(&known), now(65_000, wall_ms, true), &zone).is_some(),
                learns,
                "{wall_ms}"
            );
        }
        assert_eq!(WallClock::learn(Some(&known), now(65_000, 0, false), &zone), None, "what is known stays known");
        assert!(WallClock::learn(Some(&known), now(65_000, 1_060_000, true), &Zone::utc()).is_some());
    }

    #[test]
    fn clocks_show_the_time_of_their_zone() {
        let zone = |rule: &str| Zone::try_from(rule.to_owned()).unwrap();
        for (zone, at, expected) in [
            (Zone::utc(), "2026-11-21T19:15:00Z", "19:15:00"),
            (berlin(), "2026-11-21T19:15:00Z", "20:15:00"),
            (berlin(), "2026-07-21T18:15:09.999Z", "20:15:09"),
            // Clocks are changed.
            (berlin(), "2027-03-28T00:59:59Z", "01:59:59"),
            (berlin(), "2027-03-28T01:00:00Z", "03:00:00"),
            (zone("<+0530>-5:30"), "2026-11-21T19:15:00Z", "00:45:00"),
            (zone("EST5EDT,M3.2.0,M11.1.0"), "2026-11-21T02:00:00Z", "21:00:00"),
            (Zone::fixed(-12_600), "2026-11-21T02:00:00Z", "22:30:00"),
        ] {
            assert_eq!(zone.time_of_day(wall_ms(at)), expected, "{at}");
        }
    }

    #[test]
    fn a_fixed_zone_is_as_far_east_as_it_was_told() {
        for east_s in [0, 3_600, -3_600, 19_800, -12_600, 50_400, -43_200, 1_172] {
            let zone = Zone::fixed(east_s);
            assert_eq!(zone.east_s(0), east_s, "{zone:?}");
            assert_eq!(zone, Zone::try_from(String::from(zone.clone())).unwrap());
        }
    }

    #[test]
    fn zones_travel_as_their_rule() {
        for rule in ["UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "<+0530>-5:30", "EST5EDT,M3.2.0,M11.1.0"] {
            let zone = Zone::try_from(rule.to_owned()).unwrap();
            assert_eq!(serde_json::to_string(&zone).unwrap(), format!("\"{rule}\""));
        }
        for rule in ["", "Europe/Berlin", "CET-99", "CET-1CEST,M13.5.0"] {
            assert!(Zone::try_from(rule.to_owned()).is_err(), "{rule}");
        }
    }
}
