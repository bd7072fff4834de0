//! How much of what was handed to a muxer has surely come out of it, told by the times of what came out.
//!
//! MPEG-TS comes out packet by packet. MP4 comes out in fragments, one track after the other: a picture or a sound of some
//! time tells that both tracks are out up to the keyframe before it.

use automation::spec::Container;
use std::collections::VecDeque;

/// Muxers look so far ahead at most, and one track may come out so much earlier than the other, nanoseconds.
const TS_AHEAD_NS: u64 = 100_000_000;
const MP4_AHEAD_NS: u64 = 500_000_000;
/// A fragment of sound may end so much before the keyframe: where its last packet ends.
const SOUND_NS: u64 = 100_000_000;

/// Times are nanoseconds of the program.
#[derive(Debug)]
pub(super) struct Packed {
    container: Container,
    /// Keyframes that may become the last one that is out.
    keys: VecDeque<u64>,
    until_ns: u64,
}

impl Packed {
    pub(super) fn new(container: Container) -> Packed {
        Packed { container, keys: VecDeque::new(), until_ns: 0 }
    }

    /// A keyframe is handed over.
    pub(super) fn key(&mut self, pts_ns: u64) {
        if self.container == Container::Mp4 {
            self.keys.push_back(pts_ns);
        }
    }

    /// A packet of this time came out.
    pub(super) fn came(&mut self, pts_ns: u64) {
        let until_ns = match self.container {
            Container::Ts => pts_ns.saturating_sub(TS_AHEAD_NS),
            Container::Mp4 => self.key_before(pts_ns.saturating_sub(MP4_AHEAD_NS)).saturating_sub(SOUND_NS),
        };
        self.until_ns = self.until_ns.max(until_ns);
    }

    /// The last keyframe up to `pts_ns`.
    fn key_before(&mut self, pts_ns: u64) -> u64 {
        while self.keys.get(1).is_some_and(|next| *next <= pts_ns) {
            self.keys.pop_front();
        }
        self.keys.front().copied().filter(|key| *key <= pts_ns).unwrap_or(0)
    }

    /// What is older than this is out.
    pub(super) fn until_ns(&self) -> u64 {
        self.until_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn mpeg_ts_is_out_up_to_shortly_before_the_last_packet_that_came() {
        let mut packed = Packed::new(Container::Ts);
        packed.key(2_000 * MS);
        assert_eq!(packed.until_ns(), 0, "what was handed over tells nothing");
        for (came_ms, until_ms) in [(50, 0), (1_000, 900), (990, 900), (1_033, 933)] {
            packed.came(came_ms * MS);
            assert_eq!(packed.until_ns(), until_ms * MS, "after {came_ms} ms");
        }
    }

    #[test]
    fn mp4_is_out_up_to_the_keyframe_before_what_came() {
        let mut packed = Packed::new(Container::Mp4);
        [0, 2_000, 4_000, 6_000].into_iter().for_each(|ms| packed.key(ms * MS));
        // A fragment of sound comes out before the pictures beside it.
        for (came_ms, until_ms) in [(10, 0), (2_010, 0), (1_966, 0), (4_010, 1_900), (3_966, 1_900), (6_600, 5_900)] {
            packed.came(came_ms * MS);
            assert_eq!(packed.until_ns(), until_ms * MS, "after {came_ms} ms");
        }
    }
}
