//! Whether a decoder keeps up with what its source sends, and when it shall leave pictures out.
//!
//! ```text
//! gives what is still due, or nothing newer has come   in time: the way is late, if anything
//! gives what is overdue while newer pictures wait      behind ──SKIP_AFTER_MS──► leaves out all up to the next keyframe
//! has left some out twice within TOLD_MS               told, until TOLD_MS have passed without it
//! ```
//! A burst of what was held up on its way is decoded within a moment, and leaves nothing out. A decoder that is too slow for
//! its pictures would fall behind without end, its sound with it: so it shows what it can of each group of pictures.

use crate::clock::Running;

/// A picture that is given so much later than it is due is overdue, milliseconds.
const OVERDUE_MS: u64 = 100;
/// Behind for so long, a decoder leaves pictures out, milliseconds: a burst of a second is decoded sooner.
const SKIP_AFTER_MS: u64 = 1_500;
/// Time within which two such leaps are too many, and without any that it takes to be well again, milliseconds.
const TOLD_MS: u64 = 30_000;

/// What is known of one decoder.
#[derive(Clone, Debug, Default)]
pub struct KeepingUp {
    behind_since: Option<Running>,
    /// The last two leaps.
    leaps: [Option<Running>; 2],
}

impl KeepingUp {
    /// The decoder gave a picture at `now` that is due at `due`, while pictures have arrived that last to `arrived_to`.
    /// Answers whether it shall leave out what waits before the next keyframe.
    pub fn gave(&mut self, due: Running, arrived_to: Running, now: Running) -> bool {
        if now <= due.plus_ms(OVERDUE_MS) || arrived_to <= now {
            self.behind_since = None;
            return false;
        }
        let since = *self.behind_since.get_or_insert(now);
        let leaps = now >= since.plus_ms(SKIP_AFTER_MS);
        if leaps {
            self.leaps = [self.leaps[1], Some(now)];
            self.behind_since = Some(now);
        }
        leaps
    }

    /// Whether it gave what was overdue last.
    pub fn is_behind(&self) -> bool {
        self.behind_since.is_some()
    }

    /// It begins anew: with another connection, where it stood by, or where it was held up by whoever takes its pictures.
    pub fn begin_anew(&mut self) {
        self.behind_since = None;
    }

    /// Whether the source's pictures are too much for it.
    pub fn is_too_much(&self, now: Running) -> bool {
        let [Some(first), Some(last)] = self.leaps else { return false };
        last.ms_since(first) < TOLD_MS && now < last.plus_ms(TOLD_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Running {
        Running(1_000_000_000).plus_ms(ms)
    }

    /// A decoder that needs `cost_ms` for each of 30 pictures a second, with a keyframe every `group` of them, for `long_ms`.
    /// It leaps to the next keyframe that is in time, which costs nothing. Nothing arrives for `stall_ms` after 20 s, and
    /// then all at once. Answers the longest delay behind due, how often it leapt, and whether it is told at the end.
    fn play(cost_ms: u64, group: u64, stall_ms: u64, long_ms: u64) -> (u64, u32, bool) {
        let (mut keeping, mut free, mut worst, mut leapt, mut skips) = (KeepingUp::default(), 0, 0, 0, false);
        for n in 0..long_ms * 30 / 1000 {
            let sent = n * 1000 / 30;
            let arrives = if (20_000..20_000 + stall_ms).contains(&sent) { 20_000 + stall_ms } else { sent };
            // Each is due 300 ms after it was sent.
            let due = sent + 300;
            skips &= n % group != 0 || due < free.max(arrives);
            if skips {
                continue;
            }
            let now = free.max(arrives) + cost_ms;
            free = now;
            worst = worst.max(now.saturating_sub(due));
            if keeping.gave(at(due), at(now + 300), at(now)) {
                leapt += 1;
                skips = true;
            }
        }
        (worst, leapt, keeping.is_too_much(at(long_ms)))
    }

    #[test]
    fn one_that_keeps_up_leaves_nothing_out() {
        assert_eq!(play(30, 60, 0, 60_000), (0, 0, false));
    }

    #[test]
    fn one_that_is_too_slow_leaves_out_what_it_must_and_that_is_told() {
        for (cost_ms, group) in
            [36, 50, 66, 100, 200].into_iter().flat_map(|cost| [1, 15, 30, 60, 120].map(|g| (cost, g)))
        {
            let (worst, leapt, told) = play(cost_ms, group, 0, 120_000);
            let said = format!("{cost_ms} ms each, {group}: {worst} ms behind, {leapt} leaps, {told}");
            assert!(worst <= 2_500 && leapt > 1 && told, "{said}");
        }
    }

    #[test]
    fn a_stall_of_a_well_source_is_caught_up_with_by_one_leap_at_most_and_not_told() {
        for (cost_ms, stall_ms) in [(22, 3_000), (16, 5_000), (16, 8_000), (11, 8_000), (25, 2_000)] {
            for group in [1, 30, 60, 120] {
                let (_, leapt, told) = play(cost_ms, group, stall_ms, 60_000);
                assert!(leapt <= 1 && !told, "{cost_ms} ms each, {group}, {stall_ms} ms: {leapt} leaps");
            }
        }
    }

    #[test]
    fn a_burst_and_a_late_way_are_not_its_fault() {
        let mut keeping = KeepingUp::default();
        // One second came at once and is decoded in 0.9 s.
        assert!((0..30).all(|n| !keeping.gave(at(n * 33), at(1_300), at(1_000 + n * 30))));
        // Everything comes too late, and nothing waits.
        assert!((0..300).all(|n| !keeping.gave(at(n * 33), at(n * 33 + 100), at(n * 33 + 800))));
        assert!(!keeping.is_too_much(at(9_000)));
    }

    #[test]
    fn it_is_well_again_after_a_while() {
        let mut keeping = KeepingUp::default();
        let mut fall_behind =
            |from: u64| (0..60).any(|n| keeping.gave(at(from), at(from + 9_000), at(from + 200 + n * 33)));
        assert!(fall_behind(0) && fall_behind(40_000), "far apart");
        assert!(!keeping.is_too_much(at(42_000)));
        let mut fall_behind =
            |from: u64| (0..60).any(|n| keeping.gave(at(from), at(from + 9_000), at(from + 200 + n * 33)));
        assert!(fall_behind(60_000));
        assert!(keeping.is_too_much(at(62_000)) && !keeping.is_too_much(at(92_000)));
        keeping.begin_anew();
        assert!(!keeping.gave(at(0), at(9_000), at(8_000)), "it begins anew");
    }
}
