//! What becomes of a tick that comes late. Reads no clock.
//!
//! ```text
//! up to 500 ms late   it is mixed as if it were in time, and the next ones follow until the time is made up
//! up to 2 s late      the last picture is repeated: no blending, until the time is made up
//! more than 2 s late  ticks are left out, so that the next one is in time; they count as missing, their sound is kept
//! ```

use crate::spec::Rate;

/// Lateness above which pictures are repeated instead of mixed, nanoseconds.
const REPEAT_NS: u64 = 500_000_000;
/// Lateness above which ticks are left out, nanoseconds.
const LEAVE_OUT_NS: u64 = 2_000_000_000;

/// Where lateness grows by more than this from one tick to the next, nanoseconds, and the process had less than one part in
/// so many of that time on a processor, it stood still, and whoever receives the sources with it. An encoder that is too slow
/// uses the time that it takes.
const STOOD_STILL_NS: u64 = 100_000_000;
const IDLE_ONE_IN: u64 = 4;

/// What is done about a tick's lateness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// It is mixed as ever; late or not, nothing is lost.
    Mix,
    /// The last picture is shown again.
    Repeat,
    /// So many ticks are left out, this one first; the one after them is mixed.
    LeaveOut(u64),
}

/// What is done about tick `n` of a program of this rate, which is `late_ns` nanoseconds late.
pub fn judge(rate: Rate, n: u64, late_ns: u64) -> Late {
    if late_ns <= REPEAT_NS {
        return Late::Mix;
    }
    if late_ns <= LEAVE_OUT_NS {
        return Late::Repeat;
    }
    let now_ns = rate.tick_ns(n).saturating_add(late_ns);
    // The last tick that is due by now is the one to go on with.
    let mut left_out = 0;
    while rate.tick_ns(n + left_out + 1) <= now_ns {
        left_out += 1;
    }
    Late::LeaveOut(left_out)
}

/// Whether tick lateness is worth counting: more than one tick, nanoseconds.
pub fn counts(rate: Rate, late_ns: u64) -> bool {
    late_ns > rate.tick_ns(1)
}

/// For how long the process stood still, nanoseconds, where a tick is late by `late_ns`, the one before was by `before_ns`, and
/// between them the process had `used_ns` of processor time, all its threads together. What a source sent meanwhile is still
/// to be read: its silence is ours.
pub fn stood_still(before_ns: u64, late_ns: u64, used_ns: u64) -> Option<u64> {
    let grown = late_ns.checked_sub(before_ns).filter(|grown| *grown > STOOD_STILL_NS)?;
    (used_ns < grown / IDLE_ONE_IN).then_some(grown)
}

/// How late the tick after those that were left out is, nanoseconds.
pub fn left_over(rate: Rate, n: u64, late_ns: u64, left_out: u64) -> u64 {
    (rate.tick_ns(n) + late_ns).saturating_sub(rate.tick_ns(n + left_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: [Rate; 3] = [Rate { num: 30, den: 1 }, Rate { num: 25, den: 1 }, Rate { num: 30_000, den: 1001 }];

    #[test]
    fn each_limit_counts() {
        for rate in RATES {
            for (late_ms, expected) in [(0, Late::Mix), (500, Late::Mix), (501, Late::Repeat), (2_000, Late::Repeat)] {
                assert_eq!(judge(rate, 1_000, late_ms * 1_000_000), expected, "{late_ms} ms at {rate:?}");
            }
            assert!(matches!(judge(rate, 1_000, 2_000_000_001), Late::LeaveOut(_)), "{rate:?}");
        }
        assert!(!counts(RATES[0], RATES[0].tick_ns(1)) && counts(RATES[0], RATES[0].tick_ns(1) + 1));
    }

    #[test]
    fn a_slow_encoder_is_no_standstill() {
        for (before_ms, late_ms, used_ms, expected_ms) in [
            (0, 0, 0, None),
            (0, 100, 0, None),
            (400, 480, 0, None),
            (480, 400, 0, None),
            (0, 101, 5, Some(101)),
            (300, 3_000, 60, Some(2_700)),
            (0, 400, 390, None),
            (0, 400, 99, Some(400)),
            (0, 400, 100, None),
        ] {
            let ns = |ms: u64| ms * 1_000_000;
            let found = stood_still(ns(before_ms), ns(late_ms), ns(used_ms));
            assert_eq!(found, expected_ms.map(ns), "{before_ms} to {late_ms} ms, {used_ms} ms used");
        }
    }

    /// What is left out is exactly what is over: the next tick is due, and the one after it is not.
    #[test]
    fn after_ticks_were_left_out_the_next_one_is_in_time() {
        for rate in RATES {
            for n in [0, 1, 29, 30, 1_000, 107_892] {
                for late_ns in [2_000_000_001, 2_345_678_901, 60_000_000_000, 3_600_000_000_000] {
                    let now_ns = rate.tick_ns(n) + late_ns;
                    let Late::LeaveOut(left_out) = judge(rate, n, late_ns) else { panic!("{late_ns} ns at {rate:?}") };
                    assert!(rate.tick_ns(n + left_out) <= now_ns, "tick {n} + {left_out} at {rate:?}");
                    assert!(rate.tick_ns(n + left_out + 1) > now_ns, "tick {n} + {left_out} at {rate:?}");
                    let left = left_over(rate, n, late_ns, left_out);
                    assert_eq!(rate.tick_ns(n + left_out) + left, now_ns, "tick {n} + {left_out} at {rate:?}");
                    assert!(left <= rate.tick_ns(1) + 1, "{left} ns");
                }
            }
        }
    }

    /// A mixer that takes a tenth of a tick for each picture makes up what it lost and repeats nothing but while it must.
    #[test]
    fn time_is_made_up_and_nothing_is_counted_twice() {
        let rate = RATES[0];
        for stood_ms in [100, 400, 600, 1_900, 2_100, 9_000] {
            let (mut now_ns, mut n, mut missing, mut repeated) = (stood_ms * 1_000_000, 0u64, 0u64, 0u64);
            for _ in 0..600 {
                let due_ns = rate.tick_ns(n);
                now_ns = now_ns.max(due_ns);
                match judge(rate, n, now_ns - due_ns) {
                    Late::Mix => {}
                    Late::Repeat => repeated += 1,
                    Late::LeaveOut(left_out) => (n, missing) = (n + left_out, missing + left_out),
                }
                n += 1;
                now_ns += rate.tick_ns(1) / 10;
            }
            assert_eq!(missing > 0, stood_ms > 2_000, "{stood_ms} ms: {missing} missing");
            assert_eq!(repeated > 0, stood_ms > 500 && stood_ms <= 2_000, "{stood_ms} ms: {repeated} repeated");
            assert!(now_ns < rate.tick_ns(n) + rate.tick_ns(1), "{stood_ms} ms: not in time again");
        }
    }
}
