//! The pace of what is fetched ahead of its time: a stream by HLS comes a segment at once, a film by HTTP as fast as the
//! network takes it. Each picture and each sound is handed on when its time has come, counted from the first, which is held
//! back for [`RESERVE_NS`]: servers begin with what they have at hand, and what follows comes later than that promised.
//!
//! ```text
//! empty ──first──► runs ──late or far ahead by more than a limit──► runs from here
//! ```
//! - What comes a little late is handed on at once, and all after it keeps its time.
//! - What comes later than [`LATE_NS_MAX`] moves the whole count: what was fetched ahead is used up, and waiting for it
//!   anew once is better than stuttering for ever.
//! - A time that jumps ahead further than [`AHEAD_NS_MAX`] does the same: nothing waits longer than that.
//! - A time that jumps back looks late, and is taken so.
//! - Where one track jumps before the other, each moves the count its own way until both have: what lies between is handed
//!   on unpaced, which is as much as the tracks lie apart.
//! - The far side's clock is not ours. Where it sends as it goes, what lies between fetching and handing on shrinks or grows with
//!   the difference. So the least of that of the last half a minute is kept where it was at first, by a pace that is up to
//!   1000 ppm off our clock's. Of a film that is fetched as fast as we take it, there is always plenty, and our clock counts.

use std::collections::VecDeque;

/// How long the first is held back, nanoseconds: ffmpeg sends half a second at once before it keeps to the time, and a web
/// server between gathers as much again of a slow stream.
const RESERVE_NS: i64 = 1_000_000_000;
/// Lateness that is borne, nanoseconds.
const LATE_NS_MAX: i64 = 500_000_000;
/// Furthest that anything may lie ahead, nanoseconds: the reserve, and as far as the tracks of a stream are interleaved. What was fetched
/// ahead waits behind what is due first, so it never lies far ahead when its turn comes; and a source that is silent for
/// longer would be taken for lost.
const AHEAD_NS_MAX: i64 = RESERVE_NS + 1_000_000_000;

/// The least reserve is taken over so many blocks of this length, nanoseconds: longer than any segment of HLS.
const BLOCK_NS: i64 = 3_000_000_000;
const BLOCKS: usize = 10;
/// What is in reserve at first says nothing: the first is held back, and servers begin with what they have, nanoseconds.
const BEGINNING_NS: i64 = 5_000_000_000;
/// With so much in reserve the far side waits for us, nanoseconds.
const PLENTY_NS: i64 = 6_000_000_000;
/// How strongly the pace follows, in parts per million for each millisecond that the reserve is off; and at most.
const PPM_PER_MS: i64 = 5;
const PPM_MAX: i64 = 1_000;
/// Time that counts at most from one to the next, nanoseconds.
const STEP_NS_MAX: i64 = 100_000_000;

/// What was fetched and not handed on yet.
#[derive(Clone, Debug, Default)]
struct Reserve {
    /// The newest times of the stream that came in and went out.
    fetched_ns: Option<i64>,
    handed_ns: Option<i64>,
    /// The least reserve of each block, oldest first, and of the one that is being filled, with its beginning.
    blocks: VecDeque<i64>,
    filling: Option<(i64, i64)>,
    /// Where the least reserve was at first.
    aim_ns: Option<i64>,
    last_ns: Option<i64>,
    first_ns: Option<i64>,
}

impl Reserve {
    /// Something is handed on. Answers by how much the count has to be moved, nanoseconds.
    fn handed(&mut self, stream_ns: i64, now_ns: i64) -> i64 {
        let handed = self.handed_ns.map_or(stream_ns, |before| before.max(stream_ns));
        self.handed_ns = Some(handed);
        let Some(fetched) = self.fetched_ns else { return 0 };
        let reserve = fetched - handed;
        if now_ns < *self.first_ns.get_or_insert(now_ns) + BEGINNING_NS {
            return 0;
        }
        match &mut self.filling {
            Some((begun, least)) if now_ns < *begun + BLOCK_NS => *least = (*least).min(reserve),
            filling => {
                if let Some((_, least)) = filling.replace((now_ns, reserve)) {
                    self.blocks.push_back(least);
                    if self.blocks.len() > BLOCKS {
                        self.blocks.pop_front();
                    }
                }
            }
        }
        let passed = (now_ns - self.last_ns.replace(now_ns).unwrap_or(now_ns)).clamp(0, STEP_NS_MAX);
        if self.blocks.len() < BLOCKS {
            return 0;
        }
        let least = self.blocks.iter().copied().min().unwrap_or_default();
        if least >= PLENTY_NS {
            self.aim_ns = None;
            return 0;
        }
        let short_ms = (*self.aim_ns.get_or_insert(least) - least) / 1_000_000;
        passed * (short_ms * PPM_PER_MS).clamp(-PPM_MAX, PPM_MAX) / 1_000_000
    }
}

/// The count of one connection, for all of its tracks.
#[derive(Clone, Debug, Default)]
pub struct PullPace {
    /// Moment at which the stream's time 0 is handed on.
    zero_ns: Option<i64>,
    reserve: Reserve,
    moves: u32,
}

impl PullPace {
    /// Something with the stream's time `stream_ns` was fetched.
    pub fn fetched(&mut self, stream_ns: u64) {
        let stream = stream_ns as i64;
        self.reserve.fetched_ns = Some(self.reserve.fetched_ns.map_or(stream, |before| before.max(stream)));
    }

    /// Something with the stream's time `stream_ns` is there at `now_ns`. Answers how long it waits, nanoseconds.
    pub fn wait_ns(&mut self, stream_ns: u64, now_ns: u64) -> u64 {
        let (stream, now) = (stream_ns as i64, now_ns as i64);
        let moved = self.reserve.handed(stream, now);
        self.zero_ns = self.zero_ns.map(|zero| zero + moved);
        let ahead = |zero: i64| zero + stream - now;
        match self.zero_ns.map(ahead) {
            Some(ahead) if (-LATE_NS_MAX..=AHEAD_NS_MAX).contains(&ahead) => ahead.max(0) as u64,
            Some(_) => {
                self.moves += 1;
                self.reserve = Reserve::default();
                self.zero_ns = Some(now - stream);
                0
            }
            None => {
                self.zero_ns = Some(now - stream + RESERVE_NS);
                RESERVE_NS as u64
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
            ("a burst", &[(1000, 0), (1000, 40), (1000, 2000), (1010, 4000)][..], &[2000, 2040, 4000, 6000][..], 0),
            ("what comes early enough", &[(0, 0), (0, 2000), (1900, 4000)], &[1000, 3000, 5000], 0),
            (
                "later than the beginning promised",
                &[(0, 0), (0, 500), (1000, 540), (1040, 580)],
                &[1000, 1500, 1540, 1580],
                0,
            ),
            ("a little late", &[(0, 0), (1400, 40), (1400, 80), (1400, 600)], &[1000, 1400, 1400, 1600], 0),
            ("too late", &[(0, 0), (0, 2000), (6000, 4000), (6000, 4040)], &[1000, 3000, 6000, 6040], 1),
            ("a time far ahead", &[(0, 0), (1040, 100_000), (1041, 100_040)], &[1000, 1040, 1080], 1),
            ("a time that runs back", &[(0, 90_000), (1040, 1000), (1041, 1040)], &[1000, 1040, 1080], 1),
        ] {
            assert_eq!(handed_on(arrivals), (want.to_vec(), moves), "{what}");
        }
    }

    /// A stream of pictures and sound every 40 ms, fetched at once, whose time jumps by so much in its midst, the sound's so
    /// many milliseconds after the pictures'. Answers when each picture is handed on, and each sound.
    fn across_a_jump(jump_ms: i64, apart_ms: u64) -> [Vec<u64>; 2] {
        const LENGTH_MS: u64 = 8_000;
        let times = |jumps_at_ms: u64| {
            let jumped = move |at_ms: u64| if at_ms < jumps_at_ms { 0 } else { jump_ms };
            (0..LENGTH_MS).step_by(40).map(move |at_ms| (at_ms + 100_000).saturating_add_signed(jumped(at_ms)))
        };
        let tracks = [4_000, 4_000 + apart_ms].map(|at_ms| times(at_ms).collect::<Vec<u64>>());
        let (mut pace, mut out) = (PullPace::default(), [Vec::new(), Vec::new()]);
        // Each track waits by itself: next is the one that is free first.
        while let Some(track) =
            (0..2).filter(|t| out[*t].len() < tracks[*t].len()).min_by_key(|t| out[*t].last().copied())
        {
            let now_ms = out[track].last().copied().unwrap_or(0);
            let wait_ms = pace.wait_ns(tracks[track][out[track].len()] * MS, now_ms * MS) / MS;
            out[track].push(now_ms + wait_ms);
        }
        out
    }

    #[test]
    fn a_jump_of_one_track_before_the_other_delays_neither_and_rushes_little() {
        for jump_ms in [-90_000, -3_000, 3_000, 8_000, 90_000] {
            for apart_ms in [0, 80, 400] {
                let [pictures, sound] = across_a_jump(jump_ms, apart_ms);
                let what = format!("a jump by {jump_ms} ms, tracks {apart_ms} ms apart");
                for track in [&pictures, &sound] {
                    let longest_ms = track.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
                    assert!(longest_ms <= 40 + apart_ms, "{what}: {longest_ms} ms of nothing");
                    let whole_ms = track.last().unwrap() - track[0];
                    assert!(
                        (7_960 - 2 * apart_ms - 80..=7_960 + apart_ms).contains(&whole_ms),
                        "{what}: {whole_ms} ms"
                    );
                }
                let (last_picture, last_sound) = (pictures.last().unwrap(), sound.last().unwrap());
                assert!(last_picture.abs_diff(*last_sound) <= 40, "{what}: {last_picture} and {last_sound}");
            }
        }
    }

    #[test]
    fn nothing_waits_for_as_long_as_a_source_may_be_silent() {
        let mut pace = PullPace::default();
        pace.wait_ns(0, 0);
        assert_eq!(pace.wait_ns(1_000 * MS, 0), 2_000 * MS);
        assert_eq!(pace.wait_ns(1_001 * MS, 0), 0, "a jump ahead");
        assert_eq!(pace.moves(), 1);
    }

    #[test]
    fn tracks_of_one_connection_share_the_count() {
        let mut pace = PullPace::default();
        assert_eq!(pace.wait_ns(500 * MS, 9_000 * MS), 1_000 * MS);
        assert_eq!(pace.wait_ns(480 * MS, 10_000 * MS), 0, "sound a little before the first picture");
        assert_eq!(pace.wait_ns(900 * MS, 10_100 * MS), 300 * MS);
        assert_eq!(pace.moves(), 0);
    }

    /// A stream whose far side's clock is `ppm` slower than ours, for so many hours: `segment` milliseconds come at once. How
    /// often the count began anew, and the least and the most that was in reserve after the first minutes, milliseconds.
    fn served(ppm: i64, segment_ms: i64, hours: i64) -> (u32, i64, i64) {
        let mut pace = PullPace::default();
        let (mut fetched, mut least, mut most) = (0i64, i64::MAX, i64::MIN);
        let mut free_ns = 0i64;
        for n in 0..hours * 3600 * 25 {
            let time_ms = n * 40;
            // When what holds this picture was fetched, by our clock.
            let came = |time_ms: i64| (time_ms / segment_ms + 1) * segment_ms * (1_000_000 + ppm);
            let now = free_ns.max(came(time_ms));
            while came(fetched) <= now {
                pace.fetched(fetched as u64 * MS);
                fetched += 40;
            }
            free_ns = now + pace.wait_ns(time_ms as u64 * MS, now as u64) as i64;
            while came(fetched) <= free_ns {
                pace.fetched(fetched as u64 * MS);
                fetched += 40;
            }
            if n > 300 * 25 {
                (least, most) = (least.min(fetched - 40 - time_ms), most.max(fetched - 40 - time_ms));
            }
        }
        (pace.moves(), least, most)
    }

    #[test]
    fn the_far_sides_clock_is_followed_for_hours() {
        for ppm in [-500, -200, 0, 200, 500] {
            let (moves, least, most) = served(ppm, 40, 4);
            assert_eq!(moves, 0, "{ppm} ppm");
            assert!(least > 800 && most < 1_200, "{ppm} ppm: {least} to {most} ms in reserve");
            let (moves, least, most) = served(ppm, 6_000, 4);
            assert_eq!(moves, 0, "{ppm} ppm, by segments");
            assert!(least > 700 && most < 7_400, "{ppm} ppm, by segments: {least} to {most} ms in reserve");
        }
    }

    #[test]
    fn what_there_is_plenty_of_keeps_to_our_clock() {
        let mut pace = PullPace::default();
        let mut now = 0;
        for n in 0..25 * 600u64 {
            // How much is held differs with its bitrate.
            pace.fetched((n * 40 + 6_500 + n % 7_000 / 10) * MS);
            now += pace.wait_ns(n * 40 * MS, now);
        }
        assert_eq!(now, RESERVE_NS as u64 + (25 * 600 - 1) * 40 * MS);
    }
}
