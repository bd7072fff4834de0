//! The button and the lamp on the box: when a press is an order, what the lamp shows, and how the button leads back to how the box was
//! delivered.
//!
//! ```text
//! held for 0.3 s while nothing is sent ─► GO LIVE      dark    nothing is sent
//! held for 3 s while a broadcast runs  ─► END          slow    the countdown
//! let go before, or changed meanwhile  ─► nothing      steady  on air
//!                                                      quick   on air, and something is wrong
//!                                                      rapid   END comes when it is held on
//! ```
//! A broadcast is begun easily and ended only on purpose: a bag that leans on the button ends none. A button that is down when it
//! is first looked at, because it is stuck or wired the wrong way round, orders nothing until it was up for half a second. What is
//! being ordered is decided by what was the case when it was pressed: where that changes under the finger, nothing is ordered.
//!
//! The way back deletes everything, for a box that nobody can sign in to any more. It is asked for by a hand that is there when the power
//! comes, sees the lamp, and lets go for it:
//!
//! ```text
//! down at the start ──15 s──► offered: rapid lamp ──let go within 10 s──► let go: steady lamp ──5 s──► RESET
//!         │ let go                  │ still down                              │ pressed again
//!         └─────────────────────────┴─────────────────────────────────────────┴──► over, until the next start
//! ```
//! A button that is stuck is never let go. One with a bad contact does not stay up, and a press of one that is wired the wrong way round
//! is shorter than the 5 s. Let go unseen, between looks that were late, is not let go for an offer. While anything is sent or shall be,
//! at any moment of it, it is over: so a broadcast that a power cut broke off, and that goes on, comes first.

use crate::clock::Running;
use std::ops::RangeInclusive;

/// How long it must be held to begin a broadcast, milliseconds: longer than it bounces or is brushed against.
pub const GO_LIVE_MS: u64 = 300;
/// The same to end one, milliseconds.
pub const END_MS: u64 = 3_000;
/// How long a button that was down at the first look must have been up until a press of it counts, milliseconds.
pub const SETTLED_MS: u64 = 500;
/// How long it must be down from the start until the way back is offered, milliseconds: longer than anybody leans on a box to plug it in.
pub const OFFER_AFTER_MS: u64 = 15_000;
/// How long it is offered, milliseconds.
pub const OFFERED_MS: u64 = 10_000;
/// How long it must then stay up until the way back is ordered, milliseconds. A press calls it off.
pub const LEFT_MS: u64 = 5_000;
/// A program that looks at it for the first time so long after its own start does not know what it was before, milliseconds.
pub const FIRST_LOOK_MS_MAX: u64 = 30_000;
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
    /// Back to how the box was delivered.
    Reset,
}

/// What is known of the button itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Trust {
    /// It was not looked at yet.
    #[default]
    Unseen,
    /// It was down when it was first looked at, and is up since then, if it is.
    Doubtful(Option<Running>),
    /// It is up when nobody presses it.
    Known,
}

impl Trust {
    fn next(self, now: Running, pressed: bool) -> Trust {
        match self {
            Trust::Known => Trust::Known,
            Trust::Unseen if !pressed => Trust::Known,
            _ if pressed => Trust::Doubtful(None),
            Trust::Doubtful(Some(since)) if now.ms_since(since) >= SETTLED_MS => Trust::Known,
            Trust::Doubtful(Some(since)) => Trust::Doubtful(Some(since)),
            Trust::Doubtful(None) | Trust::Unseen => Trust::Doubtful(Some(now)),
        }
    }
}

/// How far the way back is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum WayBack {
    /// The program has begun, and not looked yet.
    Begun,
    /// It is down since the first look.
    Down(Running),
    /// The same, and was seen so in the time in which it may be let go.
    Offered(Running),
    /// It was let go then, at this moment.
    LetGo(Running),
    /// It is ordered.
    Ordered,
    /// It is not asked for.
    #[default]
    Over,
}

impl WayBack {
    fn next(self, now: Running, pressed: bool, on_air: bool) -> WayBack {
        const OFFER_ENDS_MS: u64 = OFFER_AFTER_MS + OFFERED_MS;
        match self {
            _ if on_air => WayBack::Over,
            WayBack::Begun if pressed => WayBack::Down(now),
            WayBack::Down(since) | WayBack::Offered(since) if pressed => match now.ms_since(since) {
                ..OFFER_AFTER_MS => WayBack::Down(since),
                OFFER_AFTER_MS..=OFFER_ENDS_MS => WayBack::Offered(since),
                _ => WayBack::Over,
            },
            WayBack::Offered(since) if now.ms_since(since) <= OFFER_ENDS_MS => WayBack::LetGo(now),
            WayBack::LetGo(at) if !pressed && now.ms_since(at) < LEFT_MS => WayBack::LetGo(at),
            WayBack::LetGo(_) if !pressed => WayBack::Ordered,
            _ => WayBack::Over,
        }
    }
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
    trust: Trust,
    way_back: WayBack,
    /// It is down, and was when it was looked at last.
    down: bool,
    press: Option<Press>,
}

impl Panel {
    /// The panel of a program that began so long before the first look at it: by it alone the way back can be asked for.
    pub fn begun(ms_before: u64) -> Panel {
        let way_back = if ms_before <= FIRST_LOOK_MS_MAX { WayBack::Begun } else { WayBack::Over };
        Panel { way_back, ..Panel::default() }
    }

    /// Looks at the button, some ten times a second at least. `on_air` is whether anything is sent or shall be, by any channel.
    pub fn look(&mut self, now: Running, pressed: bool, phase: Phase, on_air: bool) -> Option<Order> {
        let live = phase != Phase::Off;
        let asked = !matches!(self.way_back, WayBack::Begun | WayBack::Over);
        self.way_back = self.way_back.next(now, pressed, on_air);
        if self.way_back == WayBack::Ordered {
            return Some(Order::Reset);
        }
        let begins = pressed && !self.down && self.trust == Trust::Known;
        // A press that calls the way back off is no press for anything else, however long it lasts.
        self.trust = if asked { Trust::Doubtful(None) } else { self.trust.next(now, pressed) };
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
            _ if matches!(self.way_back, WayBack::Offered(_)) => blinks(RAPID_MS),
            _ if matches!(self.way_back, WayBack::LetGo(_)) => true,
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

    /// Orders with their times, of a button that is down in these spans, looked at every 25 ms: of a panel that was connected while the
    /// program ran, and the same of one that was there from its start.
    fn orders(down: &[(u64, u64)], phase: impl Fn(u64, &[(u64, Order)]) -> Phase) -> Vec<(u64, Order)> {
        let of = |panel| looked_at(panel, (0..20_000).step_by(25), down, |ms, found| (phase(ms, found), false));
        let (connected, begun) = (of(Panel::default()), of(Panel::begun(0)));
        assert_eq!(connected, begun, "{down:?}");
        connected
    }

    fn looked_at(
        mut panel: Panel,
        looks: impl IntoIterator<Item = u64>,
        down: &[(u64, u64)],
        now: impl Fn(u64, &[(u64, Order)]) -> (Phase, bool),
    ) -> Vec<(u64, Order)> {
        let mut found = Vec::new();
        for ms in looks {
            let pressed = down.iter().any(|(from, to)| (*from..*to).contains(&ms));
            let (phase, on_air) = now(ms, &found);
            if let Some(order) = panel.look(at(ms), pressed, phase, on_air || phase != Phase::Off) {
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
        // It slips, or its contact is bad: that is no press.
        assert_eq!(orders(&[(0, 5_000), (5_025, 12_000)], obeys), []);
        assert_eq!(orders(&[(0, 5_000), (5_450, 12_000)], obeys), []);
    }

    #[test]
    fn a_button_that_is_held_from_the_start_and_let_go_when_the_lamp_says_so_leads_back() {
        const FOR_EVER: u64 = u64::MAX;
        let check = |down: &[(u64, u64)], expected: &[(u64, Order)]| {
            let found =
                looked_at(Panel::begun(2_000), (0..60_000).step_by(25), down, |ms, found| (obeys(ms, found), false));
            assert_eq!(found, expected, "{down:?}");
        };
        // Let go in its time, and left alone.
        check(&[(0, 15_100)], &[(20_100, Order::Reset)]);
        check(&[(0, 20_000)], &[(25_000, Order::Reset)]);
        check(&[(0, 25_000)], &[(30_000, Order::Reset)]);
        // Too early, too late, never.
        for until in [25, 5_000, 14_900, 15_000, 25_025, 25_100, 40_000, FOR_EVER] {
            check(&[(0, until)], &[]);
        }
        // Pressed after the start: a press as any other.
        check(&[(25, 17_000)], &[(325, Order::GoLive)]);
        // It slips or bounces before, and is let go in time.
        check(&[(0, 8_000), (8_025, 17_000)], &[]);
        check(&[(0, 25), (50, 17_000)], &[]);
        check(&[(0, 14_900), (14_925, 20_000)], &[]);
        let bad: Vec<_> = (0..60_000).step_by(1_000).map(|from| (from, from + 950)).collect();
        check(&bad, &[]);
        // It does not stay up.
        check(&[(0, 17_000), (17_025, FOR_EVER)], &[]);
        check(&[(0, 17_000), (21_900, FOR_EVER)], &[]);
        // Called off by a press, which goes live no more than it leads back; the one after it does.
        check(&[(0, 17_000), (19_000, 20_000)], &[]);
        check(&[(0, 17_000), (19_000, 20_000), (22_000, 23_000)], &[(22_300, Order::GoLive)]);
        // After one that was let go too early a press is one again.
        check(&[(0, 5_000), (6_000, 6_500)], &[(6_300, Order::GoLive)]);
        // Stuck, and then mended.
        check(&[(0, 40_000), (45_000, 45_500)], &[(45_300, Order::GoLive)]);
    }

    #[test]
    fn the_way_back_is_the_first_panels_alone_and_no_broadcasts() {
        let (down, looks) = ([(0, 17_000)], || (0..30_000).step_by(25));
        let found = |panel, now: &dyn Fn(u64) -> (Phase, bool)| looked_at(panel, looks(), &down, |ms, _| now(ms));
        let off = |_: u64| (Phase::Off, false);
        assert_eq!(found(Panel::begun(FIRST_LOOK_MS_MAX), &off), [(22_000, Order::Reset)]);
        assert_eq!(found(Panel::begun(FIRST_LOOK_MS_MAX + 1), &off), [], "what it was before is not known");
        assert_eq!(found(Panel::default(), &off), [], "it was connected while the program ran");
        // A broadcast, of this channel or another one, from the beginning on or at any moment within.
        for (from, to) in [(0, 30_000), (0, 25), (5_000, 5_025), (16_000, 16_025), (18_000, 18_025), (21_975, 22_000)] {
            let runs = |ms: u64| (from..to).contains(&ms);
            assert_eq!(found(Panel::begun(0), &|ms| (Phase::Off, runs(ms))), [], "another channel {from}");
            let phase = |ms| if runs(ms) { Phase::Live } else { Phase::Off };
            assert_eq!(found(Panel::begun(0), &|ms| (phase(ms), false)), [], "its own channel {from}");
        }
    }

    #[test]
    fn what_late_looks_do_not_see_is_not_let_go() {
        let check = |looks: &[u64], until: u64, expected: &[(u64, Order)]| {
            let found = looked_at(Panel::begun(0), looks.to_vec(), &[(0, until)], |_, _| (Phase::Off, false));
            assert_eq!(found, expected, "{looks:?}");
        };
        check(&[0, 14_000, 15_200, 21_000, 30_000], 15_100, &[]);
        check(&[0, 14_000, 15_050, 15_200, 21_000, 30_000], 15_100, &[(21_000, Order::Reset)]);
        check(&[0, 20_000, 26_000, 32_000], 21_000, &[]);
        check(&[0, 30_000, 36_000], 20_000, &[]);
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
        panel.look(at(0), false, Phase::Live, true);
        panel.look(at(25), true, Phase::Live, true);
        assert!((0.4..0.6).contains(&share(&panel, Phase::Live, false)), "it says that END comes");
        let mut panel = Panel::begun(0);
        let mut look = |ms, pressed| {
            panel.look(at(ms), pressed, Phase::Off, false);
            share(&panel, Phase::Off, false)
        };
        assert_eq!([look(0, true), look(14_975, true)], [0.0, 0.0]);
        assert!((0.4..0.6).contains(&look(15_000, true)), "it may be let go");
        assert!((0.4..0.6).contains(&look(25_000, true)));
        assert_eq!(look(25_025, true), 0.0, "it is stuck");
        let mut panel = Panel::begun(0);
        let mut look = |ms, pressed| {
            panel.look(at(ms), pressed, Phase::Off, false);
            share(&panel, Phase::Off, false)
        };
        let shown = [look(0, true), look(15_000, true), look(15_025, false), look(20_000, false), look(20_025, true)];
        assert_eq!(shown[2..], [1.0, 1.0, 0.0], "it was let go, and called off");
    }
}
