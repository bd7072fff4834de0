//! Bursts towards a platform go out at 1.25 × real time at most: what is faster is flagged there.

use automation::clock::Running;

/// Pace of a burst: hundredths of real time.
const PACE_PERCENT: u64 = 125;
/// What may go out at once after a quiet moment: the jitter of our own threads, nanoseconds.
const SLACK_NS: u64 = 200_000_000;

/// A schedule that walks with the stream: credit does not pile up while nothing waits.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<(u64, u64)>,
}

impl Pace {
    /// Whether the packet of stream time `at_ns` may go out now; else the nanoseconds until it may.
    pub(super) fn ask(&mut self, at_ns: u64, now: Running) -> Result<(), u64> {
        let Some((last_at, last_due)) = self.last else {
            self.last = Some((at_ns, now.0));
            return Ok(());
        };
        let step = at_ns.saturating_sub(last_at) * 100 / PACE_PERCENT;
        let due = (last_due + step).max(now.0.saturating_sub(SLACK_NS));
        if now.0 < due {
            return Err(due - now.0);
        }
        self.last = Some((at_ns.max(last_at), due));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Sends packets of every 20 ms from `from_ms` to `to_ms` that all wait at `now_ms`; answers when the last one went.
    fn burst(pace: &mut Pace, from_ms: u64, to_ms: u64, mut now_ms: u64) -> u64 {
        for at in (from_ms..to_ms).step_by(20) {
            while let Err(early) = pace.ask(at * MS, Running(now_ms * MS)) {
                now_ms += early.div_ceil(MS);
            }
        }
        now_ms
    }

    #[test]
    fn a_burst_is_paced_at_the_start_and_after_an_hour() {
        let mut pace = Pace::default();
        let took = burst(&mut pace, 0, 2_000, 10_000) - 10_000;
        assert!((1_560..=1_640).contains(&took), "2 s took {took} ms");
        for at in (2_000..3_600_000).step_by(20) {
            assert_eq!(pace.ask(at * MS, Running((at + 10_000) * MS)), Ok(()), "in step nothing is held");
        }
        let took = burst(&mut pace, 3_600_000, 3_610_000, 3_620_000) - 3_620_000;
        assert!((7_700..=8_040).contains(&took), "10 s took {took} ms");
    }
}
