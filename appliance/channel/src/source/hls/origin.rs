//! Where playlists that are followed together begin, on the time that they have in common (RFC 8216, section 3): each
//! demultiplexer counts from what it sees first.

use mp4_boxes::boxes;

/// The common time: 90 kHz, 33 bits (ISO/IEC 13818-1, 2.4.3.5).
const TURN: i64 = 1 << 33;
/// Bytes of a packet of MPEG-TS.
const PACKET: usize = 188;
/// What the owner of a frame with a stream's time is called, in sound that comes without a container (RFC 8216, 3.4).
const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";

/// The beginnings of the feeds of a stream.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    /// Ticks of the common time; none is not known yet, or none that can be told.
    told: Vec<Option<Option<i64>>>,
}

impl Origins {
    pub(super) fn of(feeds: usize) -> Origins {
        Origins { told: vec![None; feeds] }
    }

    /// The feed of this place begins with these bytes.
    pub(super) fn tell(&mut self, place: usize, beginning: &[u8]) {
        self.told[place] = Some(origin(beginning));
    }

    pub(super) fn are_known(&self) -> bool {
        self.told.iter().all(Option::is_some)
    }

    /// How much later than the first of all this one begins, nanoseconds; 0 where one of them cannot be told.
    pub(super) fn later_ns(&self, place: usize) -> i64 {
        let known: Option<Vec<i64>> = self.told.iter().map(|told| told.flatten()).collect();
        let Some(known) = known.filter(|_| self.told.len() > 1) else { return 0 };
        // The time turns over after 26 hours: what lies apart by more than half of that lies apart by less.
        let apart = |one: i64| (one - known[0] + TURN / 2).rem_euclid(TURN) - TURN / 2;
        let first = known.iter().map(|one| apart(*one)).min().unwrap_or_default();
        (apart(known[place]) - first) * 100_000 / 9
    }
}

/// The time from which a demultiplexer counts that is given these bytes first.
fn origin(beginning: &[u8]) -> Option<i64> {
    if boxes(beginning).next().is_some_and(|(kind, _)| [*b"ftyp", *b"styp", *b"moov", *b"moof"].contains(&kind)) {
        // Fragments say their time, whole.
        return Some(0);
    }
    if beginning.starts_with(b"ID3") {
        return of_sound(beginning);
    }
    beginning.chunks_exact(PACKET).find_map(clock)
}

/// The program clock reference of a packet of MPEG-TS, ticks (ISO/IEC 13818-1, 2.4.3.4).
fn clock(packet: &[u8]) -> Option<i64> {
    let [0x47, _, _, flags, 7..=183, fields, a, b, c, d, e, ..] = packet else { return None };
    if flags & 0x20 == 0 || fields & 0x10 == 0 {
        return None;
    }
    let high = i64::from(u32::from_be_bytes([*a, *b, *c, *d]));
    Some(high << 1 | i64::from(e >> 7))
}

/// The time in the tag (ID3v2) before sound without a container.
fn of_sound(beginning: &[u8]) -> Option<i64> {
    let at = beginning.windows(OWNER.len()).position(|bytes| bytes == OWNER)? + OWNER.len();
    let time: [u8; 8] = beginning.get(at..at + 8)?.try_into().ok()?;
    Some((u64::from_be_bytes(time) % TURN as u64) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ts(ticks: i64) -> Vec<u8> {
        let mut silent = [0xff; PACKET];
        silent[..5].copy_from_slice(&[0x47, 0x40, 0, 0x10, 0]);
        let mut first = [0xff; PACKET];
        let high = ((ticks >> 1) as u32).to_be_bytes();
        let low = [((ticks & 1) as u8) << 7 | 0x7e, 0];
        first[..12].copy_from_slice(&[&[0x47, 1, 0, 0x30, 7, 0x10], &high[..], &low].concat());
        [silent, first].concat()
    }

    fn sound(ticks: u64) -> Vec<u8> {
        [b"ID3\x04\0\0\0\0\0\x3fPRIV\0\0\0\x35\0\0", OWNER, &ticks.to_be_bytes(), &[0xff, 0xf1]].concat()
    }

    fn later(beginnings: &[Vec<u8>]) -> Vec<i64> {
        let mut origins = Origins::of(beginnings.len());
        for (place, beginning) in beginnings.iter().enumerate() {
            assert!(!origins.are_known());
            origins.tell(place, beginning);
        }
        assert!(origins.are_known());
        (0..beginnings.len()).map(|place| origins.later_ns(place)).collect()
    }

    #[test]
    fn feeds_lie_apart_by_what_their_beginnings_say() {
        let fragment = b"\0\0\0\x08styp".to_vec();
        for (beginnings, want) in [
            (vec![ts(900_000)], vec![0]),
            (vec![ts(900_000), ts(901_800)], vec![0, 20_000_000]),
            (vec![ts(901_800), ts(900_000)], vec![20_000_000, 0]),
            (vec![ts(TURN - 900), ts(900)], vec![0, 20_000_000]),
            (vec![ts(90_000), sound(93_600)], vec![0, 40_000_000]),
            (vec![ts(900), fragment.clone()], vec![10_000_000, 0]),
            (vec![fragment.clone(), fragment], vec![0, 0]),
            (vec![ts(900_000), b"\xff\xf1 bare sound".to_vec()], vec![0, 0]),
            (vec![Vec::new(), ts(5)], vec![0, 0]),
        ] {
            assert_eq!(later(&beginnings), want, "{:?}", beginnings.iter().map(Vec::len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_packet_that_is_none_tells_nothing() {
        let good = ts(90_000)[PACKET..].to_vec();
        assert_eq!(clock(&good), Some(90_000));
        for (at, value) in [(0, 0x48), (3, 0x10), (4, 0), (4, 200), (5, 0)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(clock(&bad), None, "byte {at} is {value}");
        }
        assert_eq!(clock(&good[..9]), None);
        assert_eq!(of_sound(&sound(7)[..20]), None);
    }
}
