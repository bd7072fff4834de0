//! Cameras whose address has changed: DHCP gives them another one, and their source shall follow.
//!
//! ```text
//! sends pictures ──lost──► missing ──10 s──► search ──found elsewhere──► follow
//!        ▲                    │  ▲             │
//!        └────────────────────┘  └── 20, 40, 60 s ──┘
//! ```
//! A camera is known by its identity, never by its address. Bad input: a camera that is found at its old address, two that
//! bear the same identity, and a source that is well, change nothing; a place that proved wrong is left alone for a while.

use crate::clock::Running;
use crate::id::{ChannelId, SourceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long a source must be away before its camera is looked for elsewhere, milliseconds: longer than a restart of the
/// network, shorter than a person's patience.
pub const MISSING_MS_MIN: u64 = 10_000;
/// Time between two searches, milliseconds; doubles up to [`SEARCH_MS_MAX`].
pub const SEARCH_MS_MIN: u64 = 20_000;
/// Longest time between two searches, milliseconds.
pub const SEARCH_MS_MAX: u64 = 60_000;
/// How long a place that proved wrong is left alone, milliseconds: cameras lock up after wrong passwords.
pub const WRONG_MS: u64 = 300_000;
/// Places that proved wrong which are remembered.
const WRONG_MAX: usize = 64;

/// Which camera a source has, whatever its address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameraIdentity {
    /// Its endpoint reference of WS-Discovery; empty where it is not known.
    #[serde(default)]
    pub endpoint: String,
    /// Its hardware address, `aa:bb:cc:dd:ee:ff`, where it is known.
    #[serde(default)]
    pub mac: Option<String>,
    /// Its serial number; empty where it has none.
    #[serde(default)]
    pub serial: String,
    /// Who made it.
    #[serde(default)]
    pub manufacturer: String,
    /// Its model.
    #[serde(default)]
    pub model: String,
    /// `http://host:port/path` of its device service.
    pub device: String,
    /// Host of `device`.
    pub host: String,
    /// Token of the profile that is its source's picture.
    pub profile: String,
    /// Where a picture of it is.
    #[serde(default)]
    pub snapshot: Option<String>,
}

/// A source of a channel.
pub type Place = (ChannelId, SourceId);

/// A source whose camera can be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Which.
    pub place: Place,
    /// Its camera.
    pub camera: CameraIdentity,
    /// Whether pictures come, or nobody knows.
    pub well: bool,
}

/// A camera that answered a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its endpoint reference.
    pub endpoint: String,
    /// Its hardware address, where the box knows it.
    pub mac: Option<String>,
    /// Its device service.
    pub device: String,
    /// Host of `device`.
    pub host: String,
}

/// A camera that is to be asked at another address whether it is the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// Whose camera.
    pub place: Place,
    /// Where it seems to be now: its device service.
    pub device: String,
}

/// Decides when to search, and whom to follow.
#[derive(Debug, Default)]
pub struct Follower {
    missing: BTreeMap<Place, Running>,
    /// The next search, and the wait after it.
    next: Option<(Running, u64)>,
    wrong: Vec<(Place, String, Running)>,
}

impl Follower {
    /// Looks at the sources. True where a search is due.
    pub fn look(&mut self, now: Running, followed: &[Followed]) -> bool {
        self.missing.retain(|place, _| followed.iter().any(|one| one.place == *place && !one.well));
        for one in followed.iter().filter(|one| !one.well) {
            self.missing.entry(one.place.clone()).or_insert(now);
        }
        self.wrong.retain(|(_, _, at)| now < at.plus_ms(WRONG_MS));
        let Some(first) = self.missing.values().min() else {
            self.next = None;
            return false;
        };
        let (at, wait) = *self.next.get_or_insert((first.plus_ms(MISSING_MS_MIN), SEARCH_MS_MIN));
        if now < at {
            return false;
        }
        self.next = Some((now.plus_ms(wait), (wait * 2).min(SEARCH_MS_MAX)));
        true
    }

    /// What a search has found. Answers the cameras that seem to be elsewhere now.
    pub fn found(&self, now: Running, followed: &[Followed], seen: &[Seen]) -> Vec<Lead> {
        let lost = |one: &&Followed| {
            let since = self.missing.get(&one.place);
            !one.well && since.is_some_and(|since| now >= since.plus_ms(MISSING_MS_MIN))
        };
        followed.iter().filter(lost).filter_map(|one| self.lead(one, seen)).collect()
    }

    fn lead(&self, one: &Followed, seen: &[Seen]) -> Option<Lead> {
        let camera = &one.camera;
        let same_endpoint = |seen: &&Seen| !camera.endpoint.is_empty() && seen.endpoint == camera.endpoint;
        let same_mac = |seen: &&Seen| camera.mac.is_some() && seen.mac == camera.mac;
        // The hardware address tells apart what bears the same endpoint, and finds what makes a new one at each start.
        let by_mac: Vec<&Seen> = seen.iter().filter(same_mac).collect();
        let candidates = if by_mac.is_empty() { seen.iter().filter(same_endpoint).collect() } else { by_mac };
        let contradicts = |seen: &&Seen| seen.mac.is_some() && camera.mac.is_some() && seen.mac != camera.mac;
        let mut hosts: Vec<&Seen> = candidates.into_iter().filter(|seen| !contradicts(seen)).collect();
        hosts.sort_by(|a, b| (&a.host, &a.device).cmp(&(&b.host, &b.device)));
        hosts.dedup_by(|a, b| a.host == b.host);
        let [only] = hosts.as_slice() else { return None };
        let wrong = self.wrong.iter().any(|(place, device, _)| *place == one.place && *device == only.device);
        (only.host != camera.host && !wrong).then(|| Lead { place: one.place.clone(), device: only.device.clone() })
    }

    /// A lead was none: what answers there is another camera, or does not let us in.
    pub fn proved_wrong(&mut self, now: Running, lead: &Lead) {
        self.wrong.push((lead.place.clone(), lead.device.clone(), now));
        if self.wrong.len() > WRONG_MAX {
            self.wrong.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Running {
        Running(0).plus_ms(seconds * 1000)
    }

    fn camera(id: &str, mac: Option<&str>, well: bool) -> Followed {
        let camera = CameraIdentity {
            endpoint: format!("urn:uuid:{id}"),
            mac: mac.map(str::to_owned),
            device: "http://192.0.2.7:80/d".into(),
            host: "192.0.2.7".into(),
            ..CameraIdentity::default()
        };
        Followed { place: (ChannelId::new("main").unwrap(), SourceId::new(id).unwrap()), camera, well }
    }

    fn seen(id: &str, mac: Option<&str>, host: &str) -> Seen {
        let device = format!("http://{host}:80/d");
        Seen { endpoint: format!("urn:uuid:{id}"), mac: mac.map(str::to_owned), device, host: host.into() }
    }

    /// What a search says of one camera that has been away for long.
    fn leads(one: Followed, seen: &[Seen]) -> Vec<String> {
        let mut follower = Follower::default();
        let all = [one];
        assert!(!follower.look(at(0), &all));
        follower.look(at(10), &all);
        follower.found(at(10), &all, seen).into_iter().map(|lead| lead.device).collect()
    }

    #[test]
    fn a_search_comes_after_ten_seconds_and_then_less_and_less_often() {
        let mut follower = Follower::default();
        let searches: Vec<u64> = (0..300).filter(|s| follower.look(at(*s), &[camera("a", None, false)])).collect();
        assert_eq!(searches, [10, 30, 70, 130, 190, 250]);
        assert!(!follower.look(at(300), &[camera("a", None, true)]), "it is well");
        let again: Vec<u64> = (301..350).filter(|s| follower.look(at(*s), &[camera("a", None, false)])).collect();
        assert_eq!(again, [311, 331]);
    }

    #[test]
    fn a_camera_is_followed_to_the_only_place_where_it_is() {
        assert_eq!(
            leads(camera("a", None, false), &[seen("b", None, "192.0.2.8"), seen("a", None, "192.0.2.9")]),
            ["http://192.0.2.9:80/d"]
        );
        let old = [seen("a", None, "192.0.2.7")];
        assert_eq!(leads(camera("a", None, false), &old), [""; 0], "it is where it was");
        let both = [seen("a", None, "192.0.2.7"), seen("a", None, "192.0.2.9")];
        assert_eq!(leads(camera("a", None, false), &both), [""; 0], "two bear its identity");
        assert_eq!(leads(camera("a", None, true), &[seen("a", None, "192.0.2.9")]), [""; 0], "it is well");
        assert_eq!(leads(camera("a", None, false), &[]), [""; 0]);
    }

    #[test]
    fn the_hardware_address_decides_where_it_is_known() {
        let two = [seen("a", Some("m1"), "192.0.2.8"), seen("a", Some("m2"), "192.0.2.9")];
        assert_eq!(leads(camera("a", Some("m2"), false), &two), ["http://192.0.2.9:80/d"]);
        let renewed = [seen("x", Some("m2"), "192.0.2.9")];
        assert_eq!(leads(camera("a", Some("m2"), false), &renewed), ["http://192.0.2.9:80/d"]);
        let other = [seen("a", Some("m3"), "192.0.2.9")];
        assert_eq!(leads(camera("a", Some("m2"), false), &other), [""; 0], "another camera with its endpoint");
    }

    #[test]
    fn a_place_that_proved_wrong_is_left_alone_for_a_while() {
        let mut follower = Follower::default();
        let (all, elsewhere) = ([camera("a", None, false)], [seen("a", None, "192.0.2.9")]);
        (0..=10).for_each(|s| {
            follower.look(at(s), &all);
        });
        let lead = follower.found(at(10), &all, &elsewhere).remove(0);
        follower.proved_wrong(at(10), &lead);
        follower.look(at(309), &all);
        assert_eq!(follower.found(at(309), &all, &elsewhere), []);
        follower.look(at(310), &all);
        assert_eq!(follower.found(at(310), &all, &elsewhere), [lead]);
    }

    #[test]
    fn a_source_that_got_well_during_the_search_stays_where_it_is() {
        let mut follower = Follower::default();
        follower.look(at(0), &[camera("a", None, false)]);
        assert!(follower.look(at(10), &[camera("a", None, false)]));
        let now_well = [camera("a", None, true)];
        assert_eq!(follower.found(at(12), &now_well, &[seen("a", None, "192.0.2.9")]), []);
        follower.look(at(12), &now_well);
        follower.look(at(13), &[camera("a", None, false)]);
        let lost_again = [camera("a", None, false)];
        assert_eq!(follower.found(at(14), &lost_again, &[seen("a", None, "192.0.2.9")]), [], "not yet for long");
    }
}
