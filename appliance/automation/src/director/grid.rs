//! The program's grid of ticks over the machine's monotonic time.

use crate::clock::Running;
use crate::spec::Rate;

/// Tick 0 and the distance between ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) rate: Rate,
    pub(super) start: Running,
}

impl Grid {
    /// The time of a tick.
    pub(super) fn time(self, tick: u64) -> Running {
        Running(self.start.0.saturating_add(self.rate.tick_ns(tick)))
    }

    /// The time of a tick that may lie before the program's start.
    pub(super) fn time_before(self, tick: i64) -> Running {
        let ns = self.rate.tick_ns(tick.unsigned_abs());
        Running(if tick < 0 { self.start.0.saturating_sub(ns) } else { self.start.0.saturating_add(ns) })
    }

    /// The same in nanoseconds, which may lie before the machine's start.
    pub(super) fn time_ns(self, tick: i64) -> i128 {
        let ns = i128::from(self.rate.tick_ns(tick.unsigned_abs()));
        i128::from(self.start.0) + if tick < 0 { -ns } else { ns }
    }

    /// The tick nearest to a moment, a tie to the later one. Before the program's start it is negative.
    pub(super) fn nearest(self, at: Running) -> i64 {
        self.nearest_ns(i128::from(at.0) - i128::from(self.start.0))
    }

    /// How many ticks a span is, to the nearest one.
    pub(super) fn nearest_ns(self, ns: i128) -> i64 {
        let second = i128::from(self.rate.den) * 1_000_000_000;
        (ns * i128::from(self.rate.num) * 2 + second).div_euclid(second * 2) as i64
    }

    /// The first tick whose time is not before a moment.
    pub(super) fn first_from(self, at: Running) -> u64 {
        let mut tick = self.nearest(at).max(0) as u64;
        while self.time(tick) < at {
            tick += 1;
        }
        while tick > 0 && self.time(tick - 1) >= at {
            tick -= 1;
        }
        tick
    }

    /// Whole milliseconds that so many ticks last.
    pub(super) fn ms(self, ticks: u64) -> u64 {
        self.rate.tick_ns(ticks) / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_and_times_agree() {
        for (num, den) in [(30, 1), (30_000, 1001), (60, 1), (10, 1), (25, 1), (60_000, 1001)] {
            let grid = Grid { rate: Rate { num, den }, start: Running(7_000_000_123) };
            for tick in (0..5_000).chain(2_592_000..2_592_100) {
                let time = grid.time(tick);
                assert_eq!(grid.nearest(time), tick as i64, "{num}/{den}");
                assert_eq!(grid.first_from(time), tick, "{num}/{den}");
                assert_eq!(grid.first_from(Running(time.0 + 1)), tick + 1, "{num}/{den}");
            }
        }
    }

    #[test]
    fn a_moment_before_the_program_has_a_negative_tick() {
        let grid = Grid { rate: Rate { num: 30, den: 1 }, start: Running(10_000_000_000) };
        assert_eq!(grid.nearest(Running(9_000_000_000)), -30);
        assert_eq!(grid.nearest(Running(9_990_000_000)), 0);
        assert_eq!(grid.first_from(Running(0)), 0);
    }
}
