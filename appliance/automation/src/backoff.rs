//! When to try again (D-4, D-5): 2, 4, 8, 16, 32, then 60 s for ever; a sign of life cuts the wait short.

use crate::clock::Running;

/// Waits between tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// First wait, milliseconds.
    pub first_ms: u64,
    /// Longest wait, milliseconds.
    pub cap_ms: u64,
}

impl Steps {
    /// Destinations (D-4).
    pub const DESTINATION: Steps = Steps { first_ms: 2_000, cap_ms: 60_000 };
    /// Cameras: quick at first, every 10 s in the end, from try to try (VS-54).
    pub const SOURCE: Steps = Steps { first_ms: 500, cap_ms: 10_000 };
    /// Whoever comes to us: to wait on this machine costs nothing, and who comes meanwhile shall not wait.
    pub const AT_OUR_DOOR: Steps = Steps { first_ms: 200, cap_ms: 1_000 };
}

/// Counts failed tries and says when the next one is due.
#[derive(Clone, Debug)]
pub struct Backoff {
    steps: Steps,
    attempt: u32,
    due: Option<Running>,
}

impl Backoff {
    /// The first try is due at once.
    pub fn new(steps: Steps) -> Backoff {
        Backoff { steps, attempt: 0, due: None }
    }

    /// A try failed. Answers the wait until the next one, milliseconds.
    pub fn failed(&mut self, now: Running) -> u64 {
        let doublings = self.attempt.min(32);
        let wait = self.steps.first_ms.saturating_mul(1 << doublings).min(self.steps.cap_ms);
        self.attempt = self.attempt.saturating_add(1);
        self.due = Some(now.plus_ms(wait));
        wait
    }

    /// A try that began at `begun` failed without a sign of life: the wait counts from its beginning, so that a far side
    /// that is silent is tried as often as one that refuses at once. Answers what is left of it, milliseconds.
    pub fn failed_try(&mut self, begun: Running, now: Running) -> u64 {
        self.failed(begun);
        self.due.map_or(0, |due| due.ms_since(now))
    }

    /// It works: the count begins anew.
    pub fn succeeded(&mut self) {
        self.attempt = 0;
        self.due = None;
    }

    /// The far side showed a sign of life: try now.
    pub fn hurry(&mut self) {
        self.due = None;
    }

    /// Whether a try is due.
    pub fn is_due(&self, now: Running) -> bool {
        self.due.is_none_or(|due| now >= due)
    }

    /// When the next try is due; none is at once.
    pub fn deadline(&self) -> Option<Running> {
        self.due
    }

    /// Failed tries in a row.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When tries begin, milliseconds, where each takes so long to fail.
    fn tries(takes_ms: u64) -> Vec<u64> {
        let mut backoff = Backoff::new(Steps::SOURCE);
        let mut begun = Running(0);
        let mut tries = vec![0];
        for _ in 0..8 {
            let now = begun.plus_ms(takes_ms);
            let left = backoff.failed_try(begun, now);
            begun = now.plus_ms(left);
            assert!(backoff.is_due(begun), "it is due when what is left has passed");
            tries.push(begun.0 / 1_000_000);
        }
        tries
    }

    #[test]
    fn a_silent_camera_is_tried_every_10_s_like_one_that_refuses() {
        assert_eq!(tries(0), [0, 500, 1_500, 3_500, 7_500, 15_500, 25_500, 35_500, 45_500]);
        assert_eq!(tries(3_000), [0, 3_000, 6_000, 9_000, 13_000, 21_000, 31_000, 41_000, 51_000]);
        // As long as a source may be silent: no wait is left, and none is added.
        assert_eq!(tries(10_000), [0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 70_000, 80_000]);
    }

    #[test]
    fn a_try_that_worked_gives_the_far_side_its_first_wait() {
        let mut backoff = Backoff::new(Steps::SOURCE);
        backoff.failed_try(Running(0), Running(0));
        backoff.succeeded();
        assert_eq!(backoff.failed(Running(0).plus_ms(60_000)), 500);
        assert!(!backoff.is_due(Running(0).plus_ms(60_499)) && backoff.is_due(Running(0).plus_ms(60_500)));
    }
}
