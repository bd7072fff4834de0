//! The box's own Wi-Fi access point: when it is raised, and when it is left.
//!
//! ```text
//!            no network for 3 min; 15 s on a new box
//!   ┌─────┐ ─────────────────────────────────────────► ┌────┐
//!   │ Off │ ◄────────────── a network ──────────────── │ Up │
//!   └─────┘                                            └────┘
//!      ▲                                every 5 min, while │ ▲
//!      │ a network   ┌────────┐ ◄──── nobody is on it ─────┘ │
//!      └──────────── │ Trying │ ───── none within 60 s ──────┘
//!                    └────────┘ ◄──── a chosen Wi-Fi was not joined: due at once where it was up
//! ```
//! A network is a cable with somebody at its other end, or an address of anything but the access point. One radio cannot be an
//! access point and look for the networks that the box knows, so it does one after the other.
//!
//! Nothing flaps: a network that comes for less than 5 s has not come, be it a cable with a loose contact; one that went is waited
//! for; and the access point is not raised twice within a minute, be it that it cannot be. A box that nobody has an account on,
//! and that knows no Wi-Fi, has nothing to wait for but its cable, which is there within seconds of the start: whoever unpacks it
//! stands before it. While a broadcast runs on a Wi-Fi that was lost, the radio keeps looking for that one for longer.

use crate::clock::Running;

/// How long a network must stay to count, milliseconds.
pub const SETTLED_MS: u64 = 5_000;
/// How much longer it is waited while a network is being joined, milliseconds: DHCP of a busy router takes its time.
pub const CONNECTING_MS: u64 = 30_000;
/// How soon the access point may be raised again, milliseconds.
pub const AGAIN_MS: u64 = 60_000;
/// How long it may take to go, milliseconds.
const LEAVING_MS: u64 = 15_000;

/// What is waited for, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Without a network until the access point is raised.
    pub without_ms: u64,
    /// The same on a box that nobody has an account on, and that knows no Wi-Fi.
    pub new_ms: u64,
    /// The same while a broadcast runs, and a Wi-Fi is known.
    pub on_air_ms: u64,
    /// From raising it to looking for the Wi-Fi networks that are known.
    pub retry_ms: u64,
    /// For how long they are looked for.
    pub try_ms: u64,
    /// The same where somebody is on the access point all the time: a page that was left open must not keep the box from its
    /// network.
    pub guests_ms: u64,
}

impl Default for Times {
    fn default() -> Times {
        Times {
            without_ms: 180_000,
            new_ms: 15_000,
            on_air_ms: 900_000,
            retry_ms: 300_000,
            try_ms: 60_000,
            guests_ms: 1_800_000,
        }
    }
}

/// What is the case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// There is a radio that can be an access point, and it is free to be one.
    pub radio: bool,
    /// The access point is up.
    pub up: bool,
    /// A cable with somebody at its other end, or an address of anything but the access point.
    pub network: bool,
    /// A Wi-Fi is being joined.
    pub connecting: bool,
    /// The box knows a Wi-Fi.
    pub saved: bool,
    /// Somebody is on the access point, and uses the page.
    pub guests: bool,
    /// Somebody has an account.
    pub claimed: bool,
    /// A broadcast runs.
    pub on_air: bool,
}

/// What is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Raise the access point.
    Raise,
    /// Leave it.
    Leave,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Off,
    Up { since: Running },
    Trying { since: Running },
}

/// Decides about the access point.
#[derive(Clone, Debug)]
pub struct AccessPoint {
    times: Times,
    phase: Phase,
    /// Since when there is a network, without a pause.
    network: Option<Running>,
    /// When there was last one that had settled, or the first look.
    gone: Option<Running>,
    raised: Option<Running>,
    left: Option<Running>,
}

impl AccessPoint {
    /// Nothing is known yet.
    pub fn new(times: Times) -> AccessPoint {
        AccessPoint { times, phase: Phase::Off, network: None, gone: None, raised: None, left: None }
    }

    /// Looks at what is the case, every few seconds.
    pub fn look(&mut self, now: Running, seen: Seen) -> Option<Order> {
        let settled = match (seen.network, self.network) {
            (true, Some(since)) => now.ms_since(since) >= SETTLED_MS,
            (true, None) => {
                self.network = Some(now);
                false
            }
            (false, _) => {
                self.network = None;
                false
            }
        };
        if settled || self.gone.is_none() {
            self.gone = Some(now);
        }
        self.phase = match (self.phase, seen.up) {
            // It takes a moment to go.
            (_, true) if self.left.is_some_and(|left| now.ms_since(left) < LEAVING_MS) => return None,
            (Phase::Up { since }, true) => Phase::Up { since },
            // It is up now, or was when we came.
            (_, true) => Phase::Up { since: now },
            (Phase::Up { .. }, false) => Phase::Off,
            (Phase::Trying { .. }, false) if settled => Phase::Off,
            (phase, false) => phase,
        };
        let patience = if seen.connecting { CONNECTING_MS } else { 0 };
        match self.phase {
            Phase::Up { .. } if settled => self.leave(now, Phase::Off),
            Phase::Up { since } => {
                let wait_ms =
                    if seen.guests { self.times.guests_ms.max(self.times.retry_ms) } else { self.times.retry_ms };
                let due = seen.saved && now.ms_since(since) >= wait_ms;
                if due { self.leave(now, Phase::Trying { since: now }) } else { None }
            }
            Phase::Trying { since } => self.raise(now, seen, since, self.times.try_ms + patience),
            Phase::Off => {
                let without_ms = match seen {
                    Seen { claimed: false, saved: false, .. } => self.times.new_ms,
                    Seen { on_air: true, saved: true, .. } => self.times.on_air_ms,
                    _ => self.times.without_ms,
                };
                self.raise(now, seen, self.gone.unwrap_or(now), without_ms + patience)
            }
        }
    }

    fn leave(&mut self, now: Running, phase: Phase) -> Option<Order> {
        (self.phase, self.left) = (phase, Some(now));
        Some(Order::Leave)
    }

    fn raise(&mut self, now: Running, seen: Seen, since: Running, wait_ms: u64) -> Option<Order> {
        let soon = self.raised.is_some_and(|raised| now.ms_since(raised) < AGAIN_MS);
        if seen.network || !seen.radio || soon || now.ms_since(since) < wait_ms {
            return None;
        }
        (self.raised, self.left) = (Some(now), None);
        Some(Order::Raise)
    }

    /// A Wi-Fi that somebody has chosen was joined.
    pub fn joined(&mut self, now: Running) {
        (self.phase, self.gone) = (Phase::Off, Some(now));
    }

    /// It was not. Where the access point was up before, whoever chose it waits for it to come back.
    pub fn not_joined(&mut self, now: Running, was_up: bool) {
        if was_up {
            self.raised = None;
        }
        let since = if was_up { Running(0) } else { now };
        (self.phase, self.left) = (Phase::Trying { since }, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: u64 = 60;

    fn at(s: u64) -> Running {
        // A boot has run for a while before anybody looks.
        Running::default().plus_ms((1000 + s) * 1000)
    }

    /// A box that somebody has set up, with a radio.
    const CLAIMED: Seen = Seen {
        radio: true,
        up: false,
        network: false,
        connecting: false,
        saved: false,
        guests: false,
        claimed: true,
        on_air: false,
    };

    /// Orders with their seconds, of a box that is looked at every second and takes 2 s to do what it is told.
    fn play(until_s: u64, seen: impl Fn(u64, bool) -> Seen) -> Vec<(u64, Order)> {
        let mut machine = AccessPoint::new(Times::default());
        let (mut up, mut orders) = (false, Vec::<(u64, Order)>::new());
        for s in 0..until_s {
            if let Some((when, order)) = orders.last().copied()
                && s >= when + 2
            {
                up = order == Order::Raise;
            }
            if let Some(order) = machine.look(at(s), Seen { up, ..seen(s, up) }) {
                orders.push((s, order));
            }
        }
        orders
    }

    #[test]
    fn a_page_that_was_left_open_does_not_keep_the_box_from_its_network_for_ever() {
        let open = |_, up: bool| Seen { saved: true, guests: up, ..CLAIMED };
        let orders = play(40 * MIN, open);
        assert_eq!(orders[..2], [(180, Order::Raise), (180 + 2 + 30 * MIN, Order::Leave)], "{orders:?}");
    }

    #[test]
    fn it_comes_where_there_is_no_network_and_goes_with_one() {
        use Order::{Leave, Raise};
        let check = |what: &str, seen: &dyn Fn(u64, bool) -> Seen, expected: &[(u64, Order)]| {
            assert_eq!(play(20 * MIN, seen), expected, "{what}");
        };
        let cable = |on: bool| Seen { network: on, ..CLAIMED };
        check("a cable", &|_, _| cable(true), &[]);
        check("nothing at all", &|_, _| CLAIMED, &[(180, Raise)]);
        check("no radio", &|_, _| Seen { radio: false, ..CLAIMED }, &[]);
        check("a radio that comes late", &|s, _| Seen { radio: s >= 600, ..CLAIMED }, &[(600, Raise)]);
        check("a cable that comes after it", &|s, _| cable(s >= 300), &[(180, Raise), (305, Leave)]);
        check("a cable that is pulled", &|s, _| cable(s < 300), &[(479, Raise)]);
        check("a cable that was out for two minutes", &|s, _| cable(!(300..420).contains(&s)), &[]);
        check("a new box", &|_, _| Seen { claimed: false, ..CLAIMED }, &[(15, Raise)]);
        check(
            "a new box that knows a Wi-Fi waits for it",
            &|s, _| Seen { claimed: false, saved: true, network: s >= 100, ..CLAIMED },
            &[],
        );
        check(
            "a Wi-Fi that is just being joined",
            &|s, _| Seen { saved: true, connecting: s < 200, network: s >= 200, ..CLAIMED },
            &[],
        );
        check(
            "a Wi-Fi that is tried without end",
            &|_, up| Seen { saved: true, connecting: !up, guests: true, ..CLAIMED },
            &[(210, Raise)],
        );
        check(
            "a broadcast whose Wi-Fi was lost looks for it longer",
            &|s, _| Seen { saved: true, on_air: true, guests: true, network: s < 100, ..CLAIMED },
            &[(999, Raise)],
        );
        check("a broadcast without one", &|_, _| Seen { on_air: true, ..CLAIMED }, &[(180, Raise)]);
    }

    #[test]
    fn a_loose_contact_neither_takes_it_away_nor_keeps_it_from_coming() {
        // 2 s in every 20.
        let loose = |s: u64, _| Seen { network: s % 20 < 2, ..CLAIMED };
        assert_eq!(play(20 * MIN, loose), [(182, Order::Raise)], "between two of them");
    }

    #[test]
    fn what_is_known_is_looked_for_while_nobody_is_on_it() {
        let known = Seen { saved: true, ..CLAIMED };
        let orders = play(13 * MIN, |_, _| known);
        let expected = [(180, Order::Raise), (482, Order::Leave), (542, Order::Raise)];
        assert_eq!(orders, expected);
        // It comes back within: then that is it.
        let back = play(20 * MIN, |s, up| Seen { network: s >= 500 && !up, ..known });
        assert_eq!(back, [(180, Order::Raise), (482, Order::Leave)]);
        // It is being joined at the end of its time.
        let late = play(20 * MIN, |s, up| Seen { connecting: s >= 500 && !up, network: s >= 560 && !up, ..known });
        assert_eq!(late, [(180, Order::Raise), (482, Order::Leave)]);
        // Somebody uses the page by it, and goes.
        let guest = play(15 * MIN, |s, _| Seen { guests: s < 700, ..known });
        assert_eq!(guest, [(180, Order::Raise), (700, Order::Leave), (760, Order::Raise)]);
        assert_eq!(play(60 * MIN, |_, _| CLAIMED), [(180, Order::Raise)], "nothing is known");
    }

    #[test]
    fn it_is_adopted_by_who_starts_anew_and_raised_again_when_it_falls() {
        let mut machine = AccessPoint::new(Times::default());
        let up = Seen { up: true, ..CLAIMED };
        for s in 0..400 {
            assert_eq!(machine.look(at(s), up), None);
        }
        assert_eq!(machine.look(at(400), CLAIMED), Some(Order::Raise), "it fell by itself");
        let again: Vec<u64> = (401..600).filter(|s| machine.look(at(*s), CLAIMED).is_some()).collect();
        assert_eq!(again, [460, 520, 580], "it cannot be raised");
    }

    #[test]
    fn who_chose_a_wifi_by_it_finds_it_again_where_that_fails() {
        let mut machine = AccessPoint::new(Times::default());
        let look = |machine: &mut AccessPoint, s, seen| machine.look(at(s), seen);
        look(&mut machine, 0, Seen { up: true, ..CLAIMED });
        machine.not_joined(at(40), true);
        assert_eq!(look(&mut machine, 41, CLAIMED), Some(Order::Raise));
        look(&mut machine, 43, Seen { up: true, ..CLAIMED });
        // And at once a second time.
        machine.not_joined(at(70), true);
        assert_eq!(look(&mut machine, 71, CLAIMED), Some(Order::Raise));
        look(&mut machine, 73, Seen { up: true, ..CLAIMED });
        machine.joined(at(100));
        let joined = Seen { network: true, saved: true, ..CLAIMED };
        assert_eq!(look(&mut machine, 101, joined), None);
        // It is lost again at once, which is no reason to hurry.
        assert_eq!(look(&mut machine, 103, CLAIMED), None);
        assert_eq!(look(&mut machine, 279, CLAIMED), None);
        assert_eq!(look(&mut machine, 280, CLAIMED), Some(Order::Raise));
    }

    #[test]
    fn who_chose_one_by_a_cable_loses_nothing_where_that_fails() {
        let mut machine = AccessPoint::new(Times::default());
        let cable = Seen { network: true, ..CLAIMED };
        for s in 0..30 {
            machine.look(at(s), cable);
        }
        machine.not_joined(at(30), false);
        for s in 31..600 {
            assert_eq!(machine.look(at(s), cable), None);
        }
    }

    /// Whatever comes and goes: it is raised where it is not up and there is no network, left where it is up, and not raised twice
    /// within a minute.
    #[test]
    fn nothing_flaps_whatever_comes_and_goes() {
        for seed in 1..200_u64 {
            let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut dice = |sides: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % sides
            };
            let mut machine = AccessPoint::new(Times::default());
            let mut seen = CLAIMED;
            let (mut raised, mut without, mut orders) = (None::<u64>, 0_u64, 0_u64);
            for s in 0..6 * 60 * MIN {
                match dice(120) {
                    0 => seen.network = !seen.network,
                    1 => seen.saved = !seen.saved,
                    2 => seen.guests = !seen.guests,
                    3 => seen.connecting = dice(4) == 0,
                    4 => seen.claimed = !seen.claimed,
                    _ => {}
                }
                without = if seen.network || seen.up { 0 } else { without + 1 };
                // The longest that is waited for, with what may be added.
                assert!(without <= 180 + 30 + 60 + SETTLED_MS / 1000 + 5, "seed {seed}: nobody reaches the box at {s}");
                match machine.look(at(s), seen) {
                    Some(Order::Raise) => {
                        assert!(!seen.up && !seen.network, "seed {seed} at {s}");
                        assert!(raised.is_none_or(|last| s - last >= AGAIN_MS / 1000), "seed {seed}: too soon at {s}");
                        (raised, seen.up) = (Some(s), true);
                        orders += 1;
                    }
                    Some(Order::Leave) => {
                        assert!(seen.up, "seed {seed} at {s}");
                        seen.up = false;
                        orders += 1;
                    }
                    None => {}
                }
            }
            assert!(orders <= 6 * 60 * 2, "seed {seed}: {orders} orders");
        }
    }
}
