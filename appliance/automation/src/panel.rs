//! The button and the lamp on the box: when a press is an order, and what the lamp shows.
//!
//! ```text
//! held for 0.3 s while nothing is sent ─► GO LIVE      dark    nothing is sent
//! held for 3 s while a broadcast runs  ─► END          slow    the countdown
//! let go before, or changed meanwhile  ─► nothing      steady  on air
//!                                                      quick   on air, and something is wrong
//!                                                      rapid   END comes when it is held on
//! ```
//! A broadcast is begun easily and ended only on purpose: a bag that leans on the button ends none. A button that is down when it
//! is first looked at, because it is stuck or wired the wrong way round, orders nothing until it was up. What is being
//! ordered is decided by what was the case when it was pressed: where that changes under the finger, nothing is ordered.

use crate::clock::Running;
use std::ops::RangeInclusive;

/// How long it must be held to begin a broadcast, milliseconds: longer than it bounces or is brushed against.
pub const GO_LIVE_MS: u64 = 300;
/// The same to end one, milliseconds.
pub const END_MS: u64 = 3_000;
/// Periods of the lamp, half of which it is lit, milliseconds.
const SLOW_MS: u64 = 1_000;
const QUICK_MS: u64 = 400;
const RAPID_MS: u64 = 150;

/// The lines of a board's header. The two before belong to add-on boards.
pub const HEADER_LINES: RangeInclusive<u32> = 2..=27;

/// The line of a board's header that a name means: `GPIO2` to `GPIO27`.
pub fn header_line(name: &str) -> Option<u32> {
    let number = name.strip_prefix("GPIO")?;
    let line = number.parse::<u32>().ok().filter(|line| HEADER_LINES.contains(line))?;
    (number == line.to_string()).then_some(line)
}

/// What the channel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is sent.
    Off,
    /// A broadcast begins in a moment.
    Countdown,
    /// A broadcast runs.
    Live,
}

/// What is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// GO LIVE.
    GoLive,
    /// END.
    End,
}

/// A press that may still become an order.
#[derive(Clone, Copy, Debug)]
struct Press {
    since: Running,
    live: bool,
}

/// The button and the lamp.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// It has been up since it is looked at.
    known: bool,
    /// It is down, and was when it was looked at last.
    down: bool,
    press: Option<Press>,
}

impl Panel {
    /// Looks at the button, some ten times a second at least.
    pub fn look(&mut self, now: Running, pressed: bool, phase: Phase) -> Option<Order> {
        let live = phase != Phase::Off;
        let begins = pressed && !self.down && self.known;
        self.known |= !pressed;
        self.down = pressed;
        if begins {
            self.press = Some(Press { since: now, live });
        }
        self.press = self.press.filter(|press| pressed && press.live == live);
        let press = self.press?;
        let (hold_ms, order) = if live { (END_MS, Order::End) } else { (GO_LIVE_MS, Order::GoLive) };
        if now.ms_since(press.since) < hold_ms {
            return None;
        }
        self.press = None;
        Some(order)
    }

    /// Whether the lamp is lit.
    pub fn lit(&self, now: Running, phase: Phase, trouble: bool) -> bool {
        let blinks = |period_ms: u64| now.0 / 1_000_000 % period_ms < period_ms / 2;
        match phase {
            _ if self.press.is_some_and(|press| press.live) => blinks(RAPID_MS),
            Phase::Off => false,
            Phase::Countdown => blinks(SLOW_MS),
            Phase::Live if trouble => blinks(QUICK_MS),
            Phase::Live => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Running {
        Running(ms * 1_000_000)
    }

    /// Orders with their times, of a button that is down in these spans, looked at every 25 ms.
    fn orders(down: &[(u64, u64)], phase: impl Fn(u64, &[(u64, Order)]) -> Phase) -> Vec<(u64, Order)> {
        let (mut panel, mut found) = (Panel::default(), Vec::new());
        for ms in (0..20_000).step_by(25) {
            let pressed = down.iter().any(|(from, to)| (*from..*to).contains(&ms));
            if let Some(order) = panel.look(at(ms), pressed, phase(ms, &found)) {
                found.push((ms, order));
            }
        }
        found
    }

    /// The channel does what it is told.
    fn obeys(_: u64, found: &[(u64, Order)]) -> Phase {
        if found.last().is_some_and(|(_, order)| *order == Order::GoLive) { Phase::Live } else { Phase::Off }
    }

    #[test]
    fn lines_of_the_header_have_names() {
        let names = ["GPIO2", "GPIO17", "GPIO27", "GPIO1", "GPIO28", "GPIO07", "GPIO+7", "GPIO", "PWR_LED", ""];
        assert_eq!(names.map(header_line), [Some(2), Some(17), Some(27), None, None, None, None, None, None, None]);
    }

    #[test]
    fn a_press_begins_a_broadcast_and_a_long_one_ends_it() {
        assert_eq!(orders(&[(1000, 1500)], obeys), [(1300, Order::GoLive)]);
        let twice = orders(&[(1000, 1500), (5000, 9000)], obeys);
        assert_eq!(twice, [(1300, Order::GoLive), (8000, Order::End)]);
    }

    #[test]
    fn brushing_bouncing_and_leaning_order_nothing() {
        assert_eq!(orders(&[(1000, 1200)], obeys), []);
        assert_eq!(orders(&[(1000, 1100), (1125, 1300), (1325, 1500)], obeys), [], "it bounces");
        // Held on and on: it begins a broadcast, and does not end it.
        assert_eq!(orders(&[(1000, 19_000)], obeys), [(1300, Order::GoLive)]);
        assert_eq!(orders(&[(1000, 3900)], |_, _| Phase::Live), [], "not long enough for END");
    }

    #[test]
    fn a_button_that_is_stuck_orders_nothing_until_it_was_up() {
        assert_eq!(orders(&[(0, 10_000)], obeys), []);
        assert_eq!(orders(&[(0, 10_000), (11_000, 11_500)], obeys), [(11_300, Order::GoLive)]);
    }

    #[test]
    fn what_changes_under_the_finger_orders_nothing() {
        // Somebody goes live by the page while the button is pressed: it neither begins nor ends anything.
        assert_eq!(orders(&[(1000, 9000)], |ms, _| if ms < 1200 { Phase::Off } else { Phase::Live }), []);
        assert_eq!(orders(&[(1000, 9000)], |ms, _| if ms < 3000 { Phase::Live } else { Phase::Off }), []);
    }

    #[test]
    fn the_lamp_says_what_is_the_case() {
        let share = |panel: &Panel, phase, trouble| {
            (0..6000).filter(|ms| panel.lit(at(*ms), phase, trouble)).count() as f64 / 6000.0
        };
        let mut panel = Panel::default();
        assert_eq!(share(&panel, Phase::Off, true), 0.0);
        assert_eq!(share(&panel, Phase::Live, false), 1.0);
        for (phase, trouble) in [(Phase::Countdown, false), (Phase::Live, true)] {
            assert!((0.4..0.6).contains(&share(&panel, phase, trouble)), "{phase:?}");
        }
        panel.look(at(0), false, Phase::Live);
        panel.look(at(25), true, Phase::Live);
        assert!((0.4..0.6).contains(&share(&panel, Phase::Live, false)), "it says that END comes");
    }
}
