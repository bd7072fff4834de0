//! Whether what shall never stand still still moves: counters that must grow, each within its time.
//!
//! ```text
//! begun ──grows──► moving ──grows──► moving ──nothing for `still_ms`──► stands ──grows──► moving
//!   └──nothing for `begin_ms`──► stands
//! ```
//! Bad input: a counter that falls began anew, and has moved.

use crate::clock::Running;

/// How long a counter may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the beginning to its first growth, milliseconds.
    pub begin_ms: u64,
    /// From one growth to the next, milliseconds.
    pub still_ms: u64,
}

/// Watches `N` counters.
#[derive(Clone, Debug)]
pub struct Pulse<const N: usize> {
    limits: Limits,
    begun: Running,
    counters: Option<[u64; N]>,
    /// When each last moved.
    moved: [Option<Running>; N],
}

impl<const N: usize> Pulse<N> {
    /// Begins now; nothing has moved yet.
    pub fn new(now: Running, limits: Limits) -> Pulse<N> {
        Pulse { limits, begun: now, counters: None, moved: [None; N] }
    }

    /// Takes the counters as they are now.
    pub fn beat(&mut self, now: Running, counters: [u64; N]) {
        if let Some(before) = self.counters.replace(counters) {
            for n in (0..N).filter(|n| before[*n] != counters[*n]) {
                self.moved[n] = Some(now);
            }
        }
    }

    /// Whether each has moved since the beginning.
    pub fn has_moved(&self) -> bool {
        self.moved.iter().all(Option::is_some)
    }

    /// Whether one of them stands.
    pub fn stands(&self, now: Running) -> bool {
        self.moved.iter().any(|moved| match moved {
            Some(moved) => now.ms_since(*moved) >= self.limits.still_ms,
            None => now.ms_since(self.begun) >= self.limits.begin_ms,
        })
    }

    /// Whoever watches was away himself: what he did not see is not held against the counters.
    pub fn forgive(&mut self, now: Running) {
        self.begun = now;
        self.moved = self.moved.map(|moved| moved.map(|_| now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_must_grow_within_its_time() {
        let at = |ms: u64| Running(0).plus_ms(ms);
        let check = |script: &[(u64, [u64; 2])], stands: &[u64], moves: &[u64]| {
            let mut pulse = Pulse::new(at(0), Limits { begin_ms: 10_000, still_ms: 2_000 });
            script.iter().for_each(|(ms, counters)| pulse.beat(at(*ms), *counters));
            stands.iter().for_each(|ms| assert!(pulse.stands(at(*ms)), "{script:?} at {ms}"));
            moves.iter().for_each(|ms| assert!(!pulse.stands(at(*ms)), "{script:?} at {ms}"));
        };
        check(&[], &[10_000], &[9_999]);
        let mut pulse = Pulse::new(at(0), Limits { begin_ms: 10_000, still_ms: 2_000 });
        let moved = [[5, 5], [6, 5], [6, 6]].map(|counters| {
            pulse.beat(at(100), counters);
            pulse.has_moved()
        });
        assert_eq!(moved, [false, false, true], "each of them must have");
        // What is there at first has not moved: it may stand already.
        check(&[(100, [5, 5])], &[10_000], &[9_999]);
        check(&[(100, [5, 5]), (200, [6, 6])], &[2_200], &[2_199]);
        check(&[(100, [5, 5]), (200, [6, 6]), (2_000, [7, 6])], &[2_200], &[2_199]);
        check(&[(100, [5, 5]), (200, [6, 6]), (2_000, [7, 7])], &[4_000], &[3_999]);
        check(&[(100, [5, 5]), (200, [6, 5])], &[2_200], &[2_199]);
        check(&[(100, [5, 5]), (9_000, [6, 5]), (10_500, [7, 5])], &[10_500], &[9_999]);
        check(&[(100, [5, 5]), (200, [6, 6]), (300, [0, 0])], &[2_300], &[2_299]);
    }

    #[test]
    fn a_watcher_who_was_away_begins_anew() {
        let at = |ms: u64| Running(0).plus_ms(ms);
        let mut pulse = Pulse::new(at(0), Limits { begin_ms: 10_000, still_ms: 2_000 });
        pulse.beat(at(0), [1]);
        pulse.beat(at(100), [2]);
        assert!(pulse.stands(at(60_000)));
        pulse.forgive(at(60_000));
        assert!(!pulse.stands(at(61_999)) && pulse.stands(at(62_000)));
    }
}
