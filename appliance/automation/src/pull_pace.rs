//! The pace of what is fetched ahead of its time: a stream by HLS comes a segment at once, a film by HTTP as fast as the
//! network takes it. Each picture and each sound is handed on when its time has come, counted from the first.
//!
//! ```text
//! empty ──first──► runs ──late or far ahead by more than a limit──► runs from here
//! ```
//! - What comes a little late is handed on at once, and all after it keeps its time.
//! - What comes later than [`LATE_NS_MAX`] moves the whole count: what was fetched ahead is used up, and waiting for it
//!   anew once is better than stuttering for ever.
//! - A time that jumps ahead further than [`AHEAD_NS_MAX`] does the same: no far side lets one fetch so much.
//! - A time that jumps back looks late, and is taken so.

/// Lateness that is borne, nanoseconds.
const LATE_NS_MAX: i64 = 500_000_000;
/// Furthest that anything may lie ahead, nanoseconds: three segments of the length that Apple proposes (6 s), and one.
const AHEAD_NS_MAX: i64 = 24_000_000_000;

/// The count of one connection, for all of its tracks.
#[derive(Clone, Debug, Default)]
pub struct PullPace {
    /// Moment at which the stream's time 0 is handed on.
    zero_ns: Option<i64>,
    moves: u32,
}

impl PullPace {
    /// Something with the stream's time `stream_ns` is there at `now_ns`. Answers how long it waits, nanoseconds.
    pub fn wait_ns(&mut self, stream_ns: u64, now_ns: u64) -> u64 {
        let (stream, now) = (stream_ns as i64, now_ns as i64);
        let ahead = |zero: i64| zero + stream - now;
        match self.zero_ns.map(ahead) {
            Some(ahead) if (-LATE_NS_MAX..=AHEAD_NS_MAX).contains(&ahead) => ahead.max(0) as u64,
            before => {
                self.moves += u32::from(before.is_some());
                self.zero_ns = Some(now - stream);
                0
            }
        }
    }

    /// How often the count began anew.
    pub fn moves(&self) -> u32 {
        self.moves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Hands over what arrives at these moments with these times, milliseconds, one after the other; each waits for the
    /// one before. Answers when each is handed on.
    fn handed_on(arrivals: &[(u64, u64)]) -> (Vec<u64>, u32) {
        let (mut pace, mut free_ms) = (PullPace::default(), 0);
        let out = arrivals.iter().map(|(at_ms, time_ms)| {
            let now_ms = free_ms.max(*at_ms);
            free_ms = now_ms + pace.wait_ns(time_ms * MS, now_ms * MS) / MS;
            free_ms
        });
        (out.collect(), pace.moves())
    }

    #[test]
    fn segments_are_handed_on_in_their_own_pace() {
        for (what, arrivals, want, moves) in [
            ("a burst", &[(1000, 0), (1000, 40), (1000, 2000), (1010, 4000)][..], &[1000, 1040, 3000, 5000][..], 0),
            ("what comes early enough", &[(0, 0), (0, 2000), (1900, 4000)], &[0, 2000, 4000], 0),
            ("a little late", &[(0, 0), (400, 40), (400, 80), (400, 600)], &[0, 400, 400, 600], 0),
            ("too late", &[(0, 0), (0, 2000), (5000, 4000), (5000, 4040)], &[0, 2000, 5000, 5040], 1),
            ("a time far ahead", &[(0, 0), (40, 100_000), (41, 100_040)], &[0, 40, 80], 1),
            ("a time that runs back", &[(0, 90_000), (40, 1000), (41, 1040)], &[0, 40, 80], 1),
        ] {
            assert_eq!(handed_on(arrivals), (want.to_vec(), moves), "{what}");
        }
    }

    #[test]
    fn tracks_of_one_connection_share_the_count() {
        let mut pace = PullPace::default();
        assert_eq!(pace.wait_ns(500 * MS, 10_000 * MS), 0);
        assert_eq!(pace.wait_ns(480 * MS, 10_000 * MS), 0, "sound a little before the first picture");
        assert_eq!(pace.wait_ns(900 * MS, 10_100 * MS), 300 * MS);
        assert_eq!(pace.moves(), 0);
    }
}
