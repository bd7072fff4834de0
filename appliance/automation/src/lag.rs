//! By how much a live source's pictures are shown after they are due, so that its sound is held back as long.
//!
//! A picture is due between two ticks and shown at one: at the same rate always by the same share of a tick, which drifts
//! with the two clocks; at another rate by a mean. Sound has no ticks, and would come up to a whole one early.
//!
//! ```text
//! due      │    p    │    p    │    p        sound heard when it is due: early by the lag
//! ticks    ├─────────┼─────────┼─────────    pictures shown
//!               └lag─┘
//! ```
//! While nobody listens, and in its first pictures after a silence, the lag is followed at once; after that so slowly that
//! nobody hears it. A picture that comes too late to be shown at the tick it belongs to, or that is decoded alone while its
//! source stands by, still says how its source's time lies between the ticks.

/// Pictures after which the lag is known, and the share of a new one in the mean until then and from then on. The mean of
/// the first ones is that of all.
const FIRST_PICTURES: u32 = 60;
const SHARE_FIRST: f64 = 1.0 / 8.0;
const SHARE: f64 = 1.0 / 32.0;
/// How fast the sound of a source on air is moved, in parts per million of the time that passes: slower than the pace of
/// sound can follow (4000 ppm, see [`sound_pace`](crate::sound_pace)), with what its clock and its way add to it.
const FOLLOW_PPM: f64 = 2_500.0;
/// Without a picture for so long, the source may go on with other times, nanoseconds.
const SILENCE_NS: u64 = 1_000_000_000;

/// The lag of one source.
#[derive(Clone, Debug, Default)]
pub struct Lag {
    mean_ns: f64,
    pictures: u32,
    silent_ns: u64,
    lag_ns: f64,
}

impl Lag {
    /// A new picture is seen at a tick, `late_ns` after it was due; less than 0 is before, which is where pictures are shown
    /// up to `ahead_ns` ahead of their time. `tick_ns` is the length of a tick.
    pub fn shown(&mut self, late_ns: i64, ahead_ns: u64, tick_ns: u64) {
        self.silent_ns = 0;
        // The first tick at which it could have been shown.
        let late_ns = (late_ns + ahead_ns as i64).rem_euclid(tick_ns as i64) - ahead_ns as i64;
        self.pictures = self.pictures.saturating_add(1);
        let share = if self.pictures <= FIRST_PICTURES { SHARE_FIRST } else { SHARE };
        self.mean_ns += (late_ns as f64 - self.mean_ns) * share.max(1.0 / f64::from(self.pictures));
    }

    /// Time passed; `heard` says whether the source's sound is on air.
    pub fn passed(&mut self, ns: u64, heard: bool) {
        self.silent_ns = self.silent_ns.saturating_add(ns);
        if self.silent_ns >= SILENCE_NS {
            self.pictures = 0;
        }
        let known = self.pictures > FIRST_PICTURES;
        let step = if heard && known { ns as f64 * FOLLOW_PPM / 1e6 } else { f64::MAX };
        self.lag_ns += (self.mean_ns - self.lag_ns).clamp(-step, step);
    }

    /// By how much sound is held back, nanoseconds; less than 0 is ahead.
    pub fn ns(&self) -> i64 {
        self.lag_ns as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK_NS: u64 = 33_333_333;

    #[test]
    fn it_is_the_mean_of_what_is_shown() {
        let mut lag = Lag::default();
        for n in 0..90 {
            lag.shown(20_000_000 + (n * 7 % 5 - 2) * 1_000_000, 0, TICK_NS);
            lag.passed(TICK_NS, false);
        }
        assert!((lag.ns() - 20_000_000).abs() < 500_000, "{}", lag.ns());
        let mut first = Lag::default();
        first.shown(-9_000_000, TICK_NS / 2, TICK_NS);
        first.passed(TICK_NS, false);
        assert_eq!(first.ns(), -9_000_000, "one picture is enough to begin with");
    }

    #[test]
    fn at_another_rate_it_is_half_of_what_it_comes_to() {
        let mut lag = Lag::default();
        for n in 0..500u64 {
            // 25 pictures a second, at 30 ticks.
            let due = n * 40_000_000;
            lag.shown((due.div_ceil(TICK_NS) * TICK_NS - due) as i64, 0, TICK_NS);
            lag.passed(40_000_000, false);
        }
        // By turns 33, 27, 20, 13 and 7 ms.
        assert!((lag.ns() - 20_000_000).abs() < 3_000_000, "{}", lag.ns());
    }

    #[test]
    fn while_it_is_heard_it_moves_slowly() {
        let mut lag = Lag::default();
        (0..100).for_each(|_| lag.shown(10_000_000, 0, TICK_NS));
        lag.passed(TICK_NS, false);
        (0..200).for_each(|_| lag.shown(30_000_000, 0, TICK_NS));
        for tick in 1..=30 {
            lag.passed(TICK_NS, true);
            assert!(lag.ns() - 10_000_000 <= tick * 83_334, "{} after {tick}", lag.ns());
        }
        assert!(lag.ns() > 12_490_000);
        lag.passed(TICK_NS, false);
        assert!((lag.ns() - 30_000_000).abs() < 100_000, "{}", lag.ns());
    }

    #[test]
    fn what_comes_too_late_says_the_same_and_a_new_beginning_is_followed_at_once() {
        let mut lag = Lag::default();
        let mut show = |late_ns: i64, count: u32| {
            for _ in 0..count {
                lag.shown(late_ns, 0, TICK_NS);
                lag.passed(TICK_NS, true);
            }
            lag.ns()
        };
        assert_eq!(show(5_000_000 + 2 * TICK_NS as i64, 3), 5_000_000, "its decoder catches up");
        assert_eq!(show(5_000_000, 90), 5_000_000);
        assert!(show(25_000_000, 30) < 8_000_000, "while it is heard");
        (0..31).for_each(|_| lag.passed(TICK_NS, true));
        lag.shown(25_000_000, 0, TICK_NS);
        lag.passed(TICK_NS, true);
        assert_eq!(lag.ns(), 25_000_000, "after a second without pictures");
    }

    #[test]
    fn a_clock_that_drifts_by_500_ppm_is_followed() {
        let mut lag = Lag::default();
        let mut worst = 0.0f64;
        for tick in 0..1900u64 {
            let late = tick as f64 * TICK_NS as f64 * 500.0 / 1e6;
            lag.shown(late as i64, 0, TICK_NS);
            lag.passed(TICK_NS, true);
            worst = worst.max((late - lag.ns() as f64).abs());
        }
        assert!(worst < 1_000_000.0, "{worst}");
    }
}
