//! How much arrives, over the last seconds.

use automation::clock::Running;
use std::collections::VecDeque;

/// The seconds that count.
const WINDOW_MS: u64 = 3_000;

/// Bytes are summed up in steps of this length, so that the memory of a rate is bounded.
const STEP_MS: u64 = 100;

/// A sliding sum.
#[derive(Debug)]
pub(crate) struct Rate {
    since: Running,
    steps: VecDeque<(Running, u64)>,
}

impl Rate {
    /// Nothing has arrived yet.
    pub(crate) fn new(now: Running) -> Rate {
        Rate { since: now, steps: VecDeque::new() }
    }

    /// Bytes arrived.
    pub(crate) fn add(&mut self, now: Running, bytes: u64) {
        match self.steps.back_mut() {
            Some((begin, sum)) if now.ms_since(*begin) < STEP_MS => *sum += bytes,
            _ => self.steps.push_back((now, bytes)),
        }
        self.expire(now);
    }

    /// Kilobits per second over the last seconds, or since the beginning where that is shorter.
    pub(crate) fn kbps(&mut self, now: Running) -> u32 {
        self.expire(now);
        let bytes: u64 = self.steps.iter().map(|(_, bytes)| bytes).sum();
        let over_ms = now.ms_since(self.since).clamp(STEP_MS, WINDOW_MS);
        u32::try_from(bytes * 8 / over_ms).unwrap_or(u32::MAX)
    }

    fn expire(&mut self, now: Running) {
        while self.steps.front().is_some_and(|(begin, _)| now.ms_since(*begin) >= WINDOW_MS) {
            self.steps.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_has_its_rate_and_a_dead_one_none() {
        let mut rate = Rate::new(Running(0));
        assert_eq!(rate.kbps(Running(0)), 0);
        for ms in (0..10_000).step_by(20) {
            rate.add(Running(0).plus_ms(ms), 2_500);
            if ms >= 1_000 {
                let kbps = rate.kbps(Running(0).plus_ms(ms));
                assert!((950..=1_050).contains(&kbps), "{kbps} at {ms}");
            }
            assert!(rate.steps.len() <= 31);
        }
        assert_eq!(rate.kbps(Running(0).plus_ms(13_100)), 0);
    }
}
