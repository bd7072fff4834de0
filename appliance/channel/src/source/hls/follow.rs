//! Which segment of a playlist comes next, and when the list is looked at again (RFC 8216, section 6.3). Reads no clock.
//!
//! ```text
//! load ──► near the end of a live list, at the beginning of a whole one ──► segment by segment ──► load again
//!   ▲          a segment that has left the list: near its end again ──────────┘                      │
//!   └────────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//! A list that stands behind what was fetched is an old copy of it, or one that begins anew: told by how far, and how often.

use super::list::{List, Segment};
use automation::clock::Running;

/// A live list is joined so many target durations before its end (RFC 8216, 6.3.3).
const BEFORE_END: u64 = 3;
/// A live list of fewer segments has just begun: whoever joins it runs dry.
const BEGUN: usize = 2;
/// After a failure the list is looked at again so soon, milliseconds.
const AGAIN_MS: u64 = 1_000;
/// A list that stands behind for so many target durations is another stream's.
const BEHIND_TARGETS: u64 = 2;
/// One that stands further behind than this, segments, is so at once.
const BEHIND_MAX: u64 = 3;

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This segment is fetched.
    Fetch(Box<Segment>),
    /// The list is loaded.
    Load,
    /// Nothing for so long, milliseconds.
    Wait(u64),
    /// The stream has ended.
    Ended,
    /// The stream began anew, at the server: so does whoever follows it.
    Anew,
}

/// Follows one playlist.
#[derive(Clone, Debug, Default)]
pub(super) struct Follower {
    list: List,
    /// The number of the segment that comes next.
    next: Option<u64>,
    /// It does not follow what was fetched before.
    jumps: bool,
    /// When the list is loaded again.
    due: Option<Running>,
    /// The least number that the list began with may be, and since when it stands behind what was fetched.
    first: u64,
    behind: Option<Running>,
    /// The stream began anew.
    anew: bool,
    /// A whole list is joined at this number, where it has such a segment.
    from: u64,
}

impl Follower {
    /// Of a film that was seen up to this number.
    pub(super) fn from(number: u64) -> Follower {
        Follower { from: number, ..Follower::default() }
    }

    /// A list came that was asked for then.
    pub(super) fn loaded(&mut self, list: List, asked: Running) {
        let end = |list: &List| list.segments.last().map(|segment| segment.number);
        let changed = end(&list) != end(&self.list);
        // RFC 8216, 6.3.4: not before a target duration has passed, or half of it where nothing was new.
        let wait_ms = if changed { list.target_ms } else { list.target_ms / 2 };
        self.due = Some(asked.plus_ms(wait_ms));
        self.list = list;
        let Some((first, last)) = self.list.segments.first().zip(end(&self.list)) else { return };
        match self.next {
            None => self.next = self.start(),
            Some(next) if next < first.number => {
                self.next = self.start();
                self.jumps = true;
            }
            // All that is there has been fetched: usual. But one that stood behind and began before what was known may be
            // another stream's, which has come as far.
            Some(next) if last + 1 >= next => self.jumps |= self.behind.take().is_some() && first.number < self.first,
            // One that was read while it was being written is short, and begins where it should.
            Some(next) => {
                let since = *self.behind.get_or_insert(asked);
                let for_long = asked.ms_since(since) >= BEHIND_TARGETS * self.list.target_ms;
                self.anew |= for_long || (first.number < self.first && next - last > BEHIND_MAX);
                return;
            }
        }
        self.first = first.number;
    }

    /// It could not be loaded.
    pub(super) fn not_loaded(&mut self, now: Running) {
        self.due = Some(now.plus_ms(AGAIN_MS));
    }

    /// The number at which to join; none where it has just begun.
    fn start(&self) -> Option<u64> {
        let segments = &self.list.segments;
        if self.list.complete {
            let there = segments.iter().find(|segment| segment.number >= self.from);
            return there.or(segments.first()).map(|segment| segment.number);
        }
        if segments.len() < BEGUN {
            return None;
        }
        let mut left_ms = self.list.target_ms * BEFORE_END;
        let from_end = segments.iter().rev().take_while(|segment| {
            let wanted = left_ms > 0;
            left_ms = left_ms.saturating_sub(segment.duration_ms.max(1));
            wanted
        });
        from_end.last().map(|segment| segment.number)
    }

    /// What is to be done at this moment.
    pub(super) fn next(&self, now: Running) -> Next {
        if self.anew {
            return Next::Anew;
        }
        if let Some(next) = self.next
            && let Some(segment) = self.list.segments.iter().find(|segment| segment.number >= next)
        {
            return Next::Fetch(Box::new(Segment { jumps: segment.jumps || self.jumps, ..segment.clone() }));
        }
        match self.due {
            _ if self.list.complete => Next::Ended,
            Some(due) if now < due => Next::Wait(due.ms_since(now)),
            _ => Next::Load,
        }
    }

    /// The segment that was to be fetched is there.
    pub(super) fn fetched(&mut self, number: u64) {
        (self.next, self.jumps) = (Some(number + 1), false);
    }

    /// It is not to be had: the stream goes on behind it.
    pub(super) fn lost(&mut self, number: u64) {
        (self.next, self.jumps) = (Some(number + 1), true);
    }

    /// How long a segment is at most, milliseconds.
    pub(super) fn target_ms(&self) -> u64 {
        self.list.target_ms
    }

    /// Whether it is a whole film, and no live stream.
    pub(super) fn is_film(&self) -> bool {
        self.list.complete
    }

    /// Whether the stream has just begun, and is waited for.
    pub(super) fn has_just_begun(&self) -> bool {
        self.next.is_none() && self.due.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::Part;
    use super::*;
    use url::Url;

    const TARGET_MS: u64 = 2_000;

    fn at(ms: u64) -> Running {
        Running(0).plus_ms(ms)
    }

    fn list(numbers: std::ops::Range<u64>) -> List {
        let segment = |number| Segment {
            number,
            duration_ms: TARGET_MS,
            part: Part { url: Url::parse(&format!("http://tv/{number}.ts")).unwrap(), range: None, lock: None },
            head: None,
            jumps: false,
        };
        List { target_ms: TARGET_MS, complete: false, segments: numbers.map(segment).collect() }
    }

    /// Fetches all that there is now. The numbers, and whether each jumps.
    fn all(follower: &mut Follower, now: Running) -> (Vec<(u64, bool)>, Next) {
        let mut fetched = Vec::new();
        loop {
            match follower.next(now) {
                Next::Fetch(segment) => {
                    fetched.push((segment.number, segment.jumps));
                    follower.fetched(segment.number);
                }
                other => return (fetched, other),
            }
        }
    }

    #[test]
    fn a_live_list_is_joined_near_its_end_and_a_whole_one_at_its_beginning() {
        for (there, complete, want) in [
            (0..6, false, vec![3, 4, 5]),
            (40..42, false, vec![40, 41]),
            (0..6, true, vec![0, 1, 2, 3, 4, 5]),
            (0..1, true, vec![0]),
        ] {
            let mut follower = Follower::default();
            assert_eq!(follower.next(at(0)), Next::Load);
            follower.loaded(List { complete, ..list(there.clone()) }, at(0));
            let (fetched, then) = all(&mut follower, at(0));
            assert_eq!(fetched, want.into_iter().map(|number| (number, false)).collect::<Vec<_>>(), "{there:?}");
            assert_eq!(then, if complete { Next::Ended } else { Next::Wait(TARGET_MS) }, "{there:?}");
            assert_eq!(follower.is_film(), complete, "{there:?}");
        }
    }

    #[test]
    fn a_film_goes_on_where_it_was_left_and_a_live_stream_near_its_end() {
        for (from, complete, want) in [(4, true, 4..6), (0, true, 0..6), (6, true, 0..6), (1, false, 3..6)] {
            let mut follower = Follower::from(from);
            follower.loaded(List { complete, ..list(0..6) }, at(0));
            let fetched: Vec<u64> = all(&mut follower, at(0)).0.into_iter().map(|(number, _)| number).collect();
            assert_eq!(fetched, want.collect::<Vec<_>>(), "from {from}");
        }
    }

    #[test]
    fn a_stream_that_has_just_begun_is_waited_for() {
        let mut follower = Follower::default();
        assert!(!follower.has_just_begun(), "nothing is known yet");
        for (now, there) in [(0, 0..0), (1_000, 0..1), (3_000, 0..1)] {
            follower.loaded(list(there), at(now));
            assert!(follower.has_just_begun());
            assert!(matches!(follower.next(at(now)), Next::Wait(1..=TARGET_MS)));
        }
        assert_eq!(follower.next(at(3_000)), Next::Wait(TARGET_MS / 2), "half of it where nothing is new");
        follower.loaded(list(0..2), at(4_000));
        assert_eq!(all(&mut follower, at(4_000)).0, [(0, false), (1, false)]);
        assert!(!follower.has_just_begun());
    }

    #[test]
    fn each_segment_is_fetched_once() {
        let (mut follower, mut fetched) = (Follower::default(), Vec::new());
        for turn in 0..40u64 {
            follower.loaded(list(turn / 2..turn / 2 + 6), at(turn * 1_000));
            fetched.extend(all(&mut follower, at(turn * 1_000)).0);
        }
        assert_eq!(fetched, (3..25).map(|number| (number, false)).collect::<Vec<_>>());
    }

    #[test]
    fn who_comes_too_late_goes_on_near_the_end_and_says_so() {
        let mut follower = Follower::default();
        follower.loaded(list(0..6), at(0));
        all(&mut follower, at(0));
        follower.not_loaded(at(2_000));
        assert_eq!(follower.next(at(2_500)), Next::Wait(500), "a failure is tried again soon");
        assert_eq!(follower.next(at(3_000)), Next::Load);
        follower.loaded(list(20..26), at(40_000));
        assert_eq!(all(&mut follower, at(40_000)).0, [(23, true), (24, false), (25, false)]);
    }

    #[test]
    fn a_segment_that_is_not_to_be_had_is_left_out() {
        let mut follower = Follower::default();
        follower.loaded(list(0..6), at(0));
        follower.lost(3);
        assert_eq!(all(&mut follower, at(0)).0, [(4, true), (5, false)]);
    }

    #[test]
    fn an_old_copy_is_borne_and_a_stream_that_began_anew_is_not() {
        let mut follower = Follower::default();
        follower.loaded(list(100..106), at(0));
        all(&mut follower, at(0));
        follower.loaded(list(98..104), at(2_000));
        assert_eq!(follower.next(at(2_000)), Next::Wait(TARGET_MS), "a cache that is a little behind");
        follower.loaded(list(101..107), at(4_000));
        assert_eq!(all(&mut follower, at(4_000)).0, [(106, false)]);
        follower.loaded(list(0..3), at(6_000));
        assert_eq!(follower.next(at(6_000)), Next::Anew);

        // One that had come no further than this.
        let mut follower = Follower::default();
        follower.loaded(list(0..3), at(0));
        all(&mut follower, at(0));
        for (now, want) in [(2_000, false), (3_000, false), (5_000, false), (6_000, true)] {
            follower.loaded(list(0..1), at(now));
            assert_eq!(follower.next(at(now)) == Next::Anew, want, "at {now}");
        }
        // One that was read while it was being written.
        let mut follower = Follower::default();
        follower.loaded(list(100..106), at(0));
        all(&mut follower, at(0));
        follower.loaded(list(101..102), at(2_000));
        assert_eq!(follower.next(at(2_000)), Next::Wait(TARGET_MS));
        follower.loaded(list(101..107), at(4_000));
        assert_eq!(all(&mut follower, at(4_000)).0, [(106, false)]);
        // One that began anew, and came as far before anybody noticed.
        let mut follower = Follower::default();
        follower.loaded(list(2..5), at(0));
        all(&mut follower, at(0));
        follower.loaded(list(0..3), at(2_000));
        follower.loaded(list(0..6), at(4_000));
        assert_eq!(all(&mut follower, at(4_000)).0, [(5, true)]);
    }

    #[test]
    fn an_empty_list_is_no_stream_yet() {
        let mut follower = Follower::default();
        follower.loaded(List { target_ms: 1_000, ..List::default() }, at(0));
        assert!(matches!(follower.next(at(0)), Next::Wait(_)));
        let whole = List { target_ms: 1_000, complete: true, ..List::default() };
        follower.loaded(whole, at(1_000));
        assert_eq!(follower.next(at(1_000)), Next::Ended);
    }
}
