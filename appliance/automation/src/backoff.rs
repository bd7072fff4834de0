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
    /// Cameras: quick at first, every 10 s in the end (VS-54).
    pub const SOURCE: Steps = Steps { first_ms: 500, cap_ms: 10_000 };
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
