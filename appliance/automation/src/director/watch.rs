//! Whether a live source sends pictures.
//!
//! ```text
//! Connecting ── first picture ──► Settling ── stable_ms of pictures ──► Online
//!                                   ▲  │                                  │
//!                    picture ───────┘  └── no picture for holdoff_ms ──┐  │
//!                                   Lost ◄─────────────────────────────┴──┘
//! ```
//! A source that is checked and fails the check counts as lost although pictures come: it is blind. Where a person
//! chooses it nevertheless, it is not, until it has passed the check again.
//! Bad input: a picture that is not newer than the last one is ignored; a burst of old pictures after a freeze
//! does not count towards the stable time, for a run never begins before the last moment at which the source was seen lost.

use crate::clock::Running;
use crate::status::SourceState;

/// A source that was lost so often within [`UNSTABLE_MS`] is unstable.
const UNSTABLE_LOSSES: usize = 3;
/// How far back losses count, milliseconds.
const UNSTABLE_MS: u64 = 120_000;

/// What is known of one live source.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    /// Presentation time of the newest picture.
    last: Option<Running>,
    /// What has arrived lasts to this moment, where that is told.
    buffered: Option<Running>,
    /// Since when pictures have come without a loss; none while lost.
    since: Option<Running>,
    /// When it was last seen lost.
    lost_at: Option<Running>,
    /// A person chose this source while it was there: its run needs no further proof.
    vouched: bool,
    /// Pictures come, and it fails a check that takes it off the air.
    blind: bool,
    /// A person chose it while it failed the check.
    excused: bool,
    /// The last losses, oldest first.
    losses: [Option<Running>; UNSTABLE_LOSSES],
}

impl Watch {
    /// A new picture.
    pub(super) fn picture(&mut self, at: Running) {
        if self.last.is_some_and(|last| at <= last) {
            return;
        }
        self.last = Some(at);
        if self.since.is_none() && !self.blind {
            self.since = Some(self.lost_at.map_or(at, |lost_at| lost_at.max(at)));
        }
    }

    /// What has arrived lasts to `to`.
    pub(super) fn buffered(&mut self, to: Running) {
        self.buffered = Some(to);
    }

    /// Nobody looked for so long: what came meanwhile is still to be read.
    pub(super) fn stood_still(&mut self, ns: u64) {
        let later = |at: Running| Running(at.0.saturating_add(ns));
        self.last = self.last.map(later);
        self.buffered = self.buffered.map(later);
        // It is no proof of anything either.
        self.since = self.since.map(later);
    }

    /// Whether it is about to be lost: what has arrived lasts for less than `dry_ms`, or where that is not told, its newest
    /// picture is older than `overdue_ms`.
    pub(super) fn runs_dry(&self, now: Running, dry_ms: u64, overdue_ms: u64) -> bool {
        match (self.buffered, self.last) {
            (Some(to), _) => to < now.plus_ms(dry_ms),
            (None, Some(last)) => now >= last.plus_ms(overdue_ms),
            (None, None) => false,
        }
    }

    /// Looks whether it is lost at `now`.
    pub(super) fn advance(&mut self, now: Running, holdoff_ms: u64) {
        if self.last.is_some_and(|last| now >= last.plus_ms(holdoff_ms)) {
            self.lose(now);
            self.blind = false;
            self.excused = false;
        }
    }

    /// Whether it fails a check that takes it off the air, at `now`.
    pub(super) fn check(&mut self, now: Running, fails: bool) {
        self.excused &= fails;
        let blind = fails && !self.excused;
        if blind {
            self.lose(now);
        }
        self.blind = blind;
    }

    fn lose(&mut self, now: Running) {
        if self.since.take().is_some() {
            self.losses.rotate_left(1);
            self.losses[UNSTABLE_LOSSES - 1] = Some(now);
        }
        self.lost_at = Some(now);
        self.vouched = false;
    }

    /// A person chose it: where it is there, it may go on air without a stable time.
    pub(super) fn vouch(&mut self) {
        if self.blind {
            (self.blind, self.excused, self.since) = (false, true, self.last);
        }
        self.vouched = self.since.is_some();
    }

    /// Whether pictures come and it fails a check that takes it off the air.
    pub(super) fn is_blind(&self) -> bool {
        self.blind
    }

    /// Whether no pictures come.
    pub(super) fn is_lost(&self) -> bool {
        self.since.is_none() && !self.blind
    }

    /// Whether it comes and goes.
    pub(super) fn is_unstable(&self, now: Running) -> bool {
        self.losses[0].is_some_and(|first| now.ms_since(first) < UNSTABLE_MS)
    }

    /// Whether a person vouched for the present run.
    pub(super) fn is_vouched(&self) -> bool {
        self.vouched
    }

    /// Whether it has ever been lost.
    pub(super) fn was_lost(&self) -> bool {
        self.lost_at.is_some()
    }

    /// Whether pictures have come for so long.
    pub(super) fn has_run(&self, now: Running, ms: u64) -> bool {
        self.since.is_some_and(|since| now >= since.plus_ms(ms))
    }

    /// Its state.
    pub(super) fn state(&self, now: Running, stable_ms: u64) -> SourceState {
        match (self.last, self.since) {
            (None, _) => SourceState::Connecting,
            (_, None) => SourceState::Lost,
            _ if self.has_run(now, stable_ms) => SourceState::Online,
            _ => SourceState::Settling,
        }
    }

    /// Moments at which something of it changes if no further picture comes.
    pub(super) fn turns(&self, holdoff_ms: u64, settle_ms: u64, stable_ms: u64) -> impl Iterator<Item = Running> {
        let loss = self.since.and(self.last).map(|last| last.plus_ms(holdoff_ms));
        let settled = self.since.map(|since| since.plus_ms(settle_ms));
        let stable = self.since.map(|since| since.plus_ms(stable_ms));
        [loss, settled, stable].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Running {
        Running(0).plus_ms(ms)
    }

    #[test]
    fn it_settles_gets_online_is_lost_and_settles_again() {
        let mut watch = Watch::default();
        assert_eq!(watch.state(ms(0), 1000), SourceState::Connecting);
        for t in (100..=1100).step_by(40) {
            watch.picture(ms(t));
            watch.advance(ms(t), 300);
        }
        assert_eq!(watch.state(ms(1099), 1000), SourceState::Settling);
        assert_eq!(watch.state(ms(1100), 1000), SourceState::Online);
        watch.advance(ms(1399), 300);
        assert_eq!(watch.state(ms(1399), 1000), SourceState::Online, "the last picture bridges");
        watch.advance(ms(1400), 300);
        assert_eq!(watch.state(ms(1400), 1000), SourceState::Lost);
        watch.picture(ms(1410));
        assert_eq!(watch.state(ms(1420), 1000), SourceState::Settling);
        assert!(watch.was_lost());
    }

    #[test]
    fn a_burst_of_old_pictures_is_no_stable_time() {
        let mut watch = Watch::default();
        watch.picture(ms(0));
        for t in (300..=3990).step_by(30) {
            watch.advance(ms(t), 300);
        }
        for t in (40..=4000).step_by(40) {
            watch.picture(ms(t));
        }
        watch.advance(ms(4020), 300);
        assert!(watch.has_run(ms(4020), 0) && !watch.has_run(ms(4020), 31), "the run begins where the freeze ended");
        watch.picture(ms(3000));
        assert_eq!(watch.last, Some(ms(4000)), "an older one is ignored");
    }

    #[test]
    fn while_nobody_looked_nothing_is_lost_and_what_was_silent_before_and_after_is() {
        for silent_before_ms in [0, 100] {
            let mut watch = Watch::default();
            watch.picture(ms(1_000));
            watch.advance(ms(1_000 + silent_before_ms), 300);
            watch.stood_still(3_000 * 1_000_000);
            let begun = 4_000 + silent_before_ms;
            for t in (1_033..3_900).step_by(33) {
                watch.picture(ms(t));
            }
            for t in begun..4_300 {
                watch.advance(ms(t), 300);
                assert!(!watch.is_lost(), "{silent_before_ms} ms: at {t}");
            }
            watch.advance(ms(4_300), 300);
            assert!(watch.is_lost(), "{silent_before_ms} ms: the silence of both sides of it counts");
        }
    }

    #[test]
    fn a_standstill_is_no_stable_time() {
        let mut watch = Watch::default();
        for t in (1_000..2_000).step_by(40) {
            watch.picture(ms(t));
            watch.advance(ms(t), 300);
        }
        watch.stood_still(3_000 * 1_000_000);
        for t in (5_000..8_000).step_by(40) {
            watch.picture(ms(t));
            watch.advance(ms(t), 300);
            assert_eq!(watch.has_run(ms(t), 2_000), t >= 6_000, "at {t}");
        }
    }

    #[test]
    fn one_that_fails_its_check_counts_as_lost_until_it_has_passed_and_run_anew() {
        let mut watch = Watch::default();
        let run = |watch: &mut Watch, from: u64, to: u64, fails: bool| {
            for t in (from..to).step_by(40) {
                watch.picture(ms(t));
                watch.advance(ms(t), 300);
                watch.check(ms(t), fails);
            }
        };
        run(&mut watch, 40, 2000, false);
        run(&mut watch, 2000, 4000, true);
        assert!(watch.is_blind() && !watch.is_lost() && !watch.has_run(ms(4000), 0));
        run(&mut watch, 4000, 4900, false);
        assert_eq!(watch.state(ms(4960), 1000), SourceState::Settling);
        run(&mut watch, 4900, 5100, false);
        assert_eq!(watch.state(ms(5100), 1000), SourceState::Online);
    }

    #[test]
    fn a_person_may_choose_one_that_fails_its_check() {
        let mut watch = Watch::default();
        watch.picture(ms(100));
        watch.check(ms(100), true);
        assert!(!watch.has_run(ms(100), 0));
        watch.vouch();
        assert!(watch.has_run(ms(140), 0) && watch.is_vouched());
        watch.picture(ms(140));
        watch.check(ms(140), true);
        assert!(watch.has_run(ms(140), 0), "it stays");
        watch.check(ms(180), false);
        watch.check(ms(220), true);
        assert!(watch.is_blind(), "a new failure counts anew");
    }

    #[test]
    fn three_losses_within_two_minutes_are_unstable() {
        let mut watch = Watch::default();
        for loss in 0..3 {
            assert!(!watch.is_unstable(ms(loss * 30_000)));
            watch.picture(ms(loss * 30_000 + 10));
            watch.advance(ms(loss * 30_000 + 400), 300);
            watch.advance(ms(loss * 30_000 + 500), 300);
        }
        assert!(watch.is_unstable(ms(60_400)) && watch.is_unstable(ms(120_399)));
        assert!(!watch.is_unstable(ms(120_400)));
    }

    #[test]
    fn a_person_vouches_for_one_run_only() {
        let mut watch = Watch::default();
        watch.vouch();
        assert!(!watch.is_vouched(), "not for a source that is not there");
        watch.picture(ms(0));
        watch.vouch();
        assert!(watch.is_vouched());
        watch.advance(ms(300), 300);
        watch.picture(ms(310));
        assert!(!watch.is_vouched());
    }
}
