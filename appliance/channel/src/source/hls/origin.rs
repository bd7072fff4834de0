//! Where playlists that are followed together begin, on the time that they have in common (RFC 8216, section 3): each
//! demultiplexer counts from what it sees first.

use mp4_boxes::{boxes, inside, u32_at, u64_at};

/// The common time of MPEG: 90 kHz, 33 bits (ISO/IEC 13818-1, 2.4.3.5).
const TURN: i64 = 1 << 33;
/// Bytes of a packet of MPEG-TS.
const PACKET: usize = 188;
/// What the owner of a frame with a stream's time is called, in sound that comes without a container (RFC 8216, 3.4).
const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";

/// What the first bytes of a feed say, nanoseconds of the common time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    /// About when its first segment begins.
    pub(super) begins_ns: i64,
    /// What its demultiplexer takes for zero.
    pub(super) zero_ns: i64,
    /// It has no container: what is missing in it moves all that follows.
    pub(super) bare: bool,
}

/// Reads the first bytes: of the head, where there is one, and of the first segment. None where they do not say it.
pub(super) fn read(head: Option<&[u8]>, segment: &[u8]) -> Option<Beginning> {
    if let Some(head) = head {
        // Fragments say their time, whole.
        return Some(Beginning { begins_ns: fragment(head, segment).unwrap_or(0), zero_ns: 0, bare: false });
    }
    if is_bare(segment) {
        let ns = ns(of_sound(segment)?);
        return Some(Beginning { begins_ns: ns, zero_ns: ns, bare: true });
    }
    let ns = ns(segment.chunks_exact(PACKET).find_map(clock)?);
    Some(Beginning { begins_ns: ns, zero_ns: ns, bare: false })
}

/// Whether it is sound without a container: a tag, or a frame of AAC.
pub(super) fn is_bare(segment: &[u8]) -> bool {
    segment.starts_with(b"ID3") || matches!(segment, [0xff, sync, ..] if sync & 0xf6 == 0xf0)
}

/// How much later one moment of the common time is than another, nanoseconds. It turns over after 26 hours: what lies
/// apart by more than half of that lies apart by less.
pub(super) fn apart_ns(one: i64, other: i64) -> i64 {
    let turn = ns(TURN);
    (one - other + turn / 2).rem_euclid(turn) - turn / 2
}

fn ns(ticks: i64) -> i64 {
    ticks * 100_000 / 9
}

/// The time of a fragment's first sample, by the first track of its head (ISO/IEC 14496-12, 8.8.12).
fn fragment(head: &[u8], segment: &[u8]) -> Option<i64> {
    let track = inside(inside(head, b"moov")?, b"trak")?;
    let media = inside(inside(track, b"mdia")?, b"mdhd")?;
    let scale = u32_at(media, if media.first()? == &0 { 12 } else { 20 }).filter(|scale| *scale > 0)?;
    let fragment = boxes(segment).find(|(kind, _)| kind == b"moof")?.1;
    let time = inside(inside(fragment, b"traf")?, b"tfdt")?;
    let time = if time.first()? == &0 { u64::from(u32_at(time, 4)?) } else { u64_at(time, 4)? };
    i64::try_from(u128::from(time) * 1_000_000_000 / u128::from(scale)).ok()
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

/// Where the feeds of a stream begin.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    /// The beginning of what each has fetched, nanoseconds of the common time; none where that cannot be told.
    begins: Vec<Option<Option<i64>>>,
    /// The same of what each demultiplexer calls zero, once it has said so.
    zeros: Vec<Option<Option<i64>>>,
}

impl Origins {
    pub(super) fn of(feeds: usize) -> Origins {
        Origins { begins: vec![None; feeds], zeros: vec![None; feeds] }
    }

    /// The feed of this place has a segment that begins then.
    pub(super) fn begins(&mut self, place: usize, ns: Option<i64>) {
        self.begins[place] = Some(ns);
    }

    pub(super) fn have_begun(&self) -> bool {
        self.begins.iter().all(Option::is_some)
    }

    /// How much earlier than the latest of all this one begins, nanoseconds; 0 where one of them cannot be told.
    pub(super) fn early_ns(&self, place: usize) -> i64 {
        let known = |told: &[Option<Option<i64>>]| told.iter().map(|told| told.flatten()).collect::<Option<Vec<i64>>>();
        let Some(known) = known(&self.begins) else { return 0 };
        known.iter().map(|one| apart_ns(*one, known[place])).max().unwrap_or_default()
    }

    /// The demultiplexer of this place gives its first at this moment, which it calls zero. The first word counts.
    pub(super) fn counts_from(&mut self, place: usize, ns: Option<i64>) {
        self.zeros[place].get_or_insert(ns);
    }

    pub(super) fn are_counted(&self) -> bool {
        self.zeros.iter().all(Option::is_some)
    }

    /// How much later than the first of all this one counts, nanoseconds; 0 where one of them cannot be told.
    pub(super) fn later_ns(&self, place: usize) -> i64 {
        let known: Option<Vec<i64>> = self.zeros.iter().map(|told| told.flatten()).collect();
        let Some(known) = known else { return 0 };
        known.iter().map(|one| apart_ns(known[place], *one)).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

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

    fn a_box(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes(), &kind[..], content].concat()
    }

    #[test]
    fn the_first_bytes_say_when_they_are() {
        let head = a_box(
            b"moov",
            &a_box(b"trak", &a_box(b"mdia", &a_box(b"mdhd", &[&[0; 12][..], &90_000u32.to_be_bytes()].concat()))),
        );
        let time = a_box(b"tfdt", &[&[1, 0, 0, 0][..], &900_000u64.to_be_bytes()].concat());
        let segment = [a_box(b"styp", b"msdh"), a_box(b"moof", &a_box(b"traf", &time))].concat();
        let said = |begins_ns, zero_ns, bare| Some(Beginning { begins_ns, zero_ns, bare });
        assert_eq!(read(Some(&head), &segment), said(10 * SECOND, 0, false));
        assert_eq!(read(Some(&head), b"nothing"), said(0, 0, false));
        assert_eq!(read(None, &ts(90_000)), said(SECOND, SECOND, false));
        assert_eq!(read(None, &sound(180_000)), said(2 * SECOND, 2 * SECOND, true));
        assert_eq!(read(None, b"\xff\xf1 sound without a tag"), None);
        assert_eq!(read(None, b""), None);
        assert!(is_bare(b"\xff\xf1") && is_bare(b"\xff\xf9") && !is_bare(&ts(1)) && !is_bare(b"\xff"));
    }

    #[test]
    fn feeds_lie_apart_by_what_they_call_zero() {
        for (zeros, want) in [
            (vec![Some(5)], vec![0]),
            (vec![Some(10 * SECOND), Some(10 * SECOND + 20)], vec![0, 20]),
            (vec![Some(10 * SECOND + 20), Some(10 * SECOND)], vec![20, 0]),
            (vec![Some(ns(TURN) - 10), Some(10)], vec![0, 20]),
            (vec![Some(7), None], vec![0, 0]),
        ] {
            let mut origins = Origins::of(zeros.len());
            for (place, zero) in zeros.iter().enumerate() {
                assert!(!origins.are_counted());
                origins.counts_from(place, *zero);
                origins.counts_from(place, Some(99 * SECOND));
            }
            assert!(origins.are_counted());
            let later: Vec<i64> = (0..zeros.len()).map(|place| origins.later_ns(place)).collect();
            assert_eq!(later, want, "{zeros:?}");
        }
    }

    #[test]
    fn who_begins_earlier_is_told_by_how_much() {
        let mut origins = Origins::of(2);
        origins.begins(0, Some(10 * SECOND));
        assert!(!origins.have_begun());
        origins.begins(1, Some(14 * SECOND));
        assert!(origins.have_begun());
        assert_eq!((origins.early_ns(0), origins.early_ns(1)), (4 * SECOND, 0));
        origins.begins(0, Some(14 * SECOND + 5));
        assert_eq!((origins.early_ns(0), origins.early_ns(1)), (0, 5));
        origins.begins(1, None);
        assert_eq!(origins.early_ns(0), 0, "nobody knows");
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
