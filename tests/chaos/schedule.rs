//! What breaks when: a pure function of the seed.
//!
//! A deck holds every way in which every target can break. It is shuffled, and each 5 s the first card is played whose
//! target is free; so nothing comes twice before everything has come once. A target is free when its last fault is over
//! and it has had time to recover. The house's own processes are never struck while `control`, which starts them again
//! here, is down itself; on the appliance systemd would.

use harness::random::Random;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

/// From one fault to the next, milliseconds.
pub(crate) const EVERY_MS: u64 = 5_000;
/// Before the first fault, and after the last one has begun: what is shall reach what is wanted, milliseconds.
pub(crate) const QUIET_MS: u64 = 20_000;
/// From the end of a fault to the next one of the same target, milliseconds.
const RECOVERY_MS: u64 = 8_000;

/// What is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Camera1,
    Camera2,
    Publisher,
    SrtSender,
    RtpSender,
    WebServer,
    Platform1,
    Platform2,
    SrtListener,
    Files,
    Worker,
    Control,
    Ingest,
    Disk,
    Clock,
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Its process is ended by SIGKILL.
    Kill,
    /// Its process stands still.
    Freeze,
    /// Its process stands still half of the time, in short turns.
    Slow,
    /// The network closes its connections and refuses new ones.
    Cut,
    /// The network is late; how much, in milliseconds.
    Delay,
    /// Nothing comes through, and nothing is lost.
    Stall,
    /// The network is narrow; how wide, in kilobytes a second.
    Throttle,
    /// Datagrams are lost; how many of a hundred.
    Lose,
    /// The far side is gone without a word; its connections stay half open.
    Vanish,
    /// The disk is full.
    Fill,
    /// The time of day is another one; by how much, in seconds.
    Step,
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    /// When it begins, milliseconds after the run's beginning.
    pub(crate) at_ms: u64,
    pub(crate) target: Target,
    pub(crate) kind: Kind,
    /// How long it lasts, milliseconds; 0 where it is over as soon as it has come.
    pub(crate) for_ms: u64,
    /// How much, in the unit of its kind; 0 where that means nothing.
    pub(crate) amount: i64,
}

impl Target {
    pub(crate) const ALL: [Target; 15] = [
        Target::Camera1,
        Target::Camera2,
        Target::Publisher,
        Target::SrtSender,
        Target::RtpSender,
        Target::WebServer,
        Target::Platform1,
        Target::Platform2,
        Target::SrtListener,
        Target::Files,
        Target::Worker,
        Target::Control,
        Target::Ingest,
        Target::Disk,
        Target::Clock,
    ];

    /// Whether it is a process of the box.
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Target::Worker | Target::Control | Target::Ingest)
    }

    /// Whether `control` must be there to start it again, or to be asked whether it is well.
    fn needs_control(self) -> bool {
        matches!(self, Target::Worker | Target::Ingest | Target::Disk | Target::Clock)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Target::Camera1 => "camera-1",
            Target::Camera2 => "camera-2",
            Target::Publisher => "publisher",
            Target::SrtSender => "srt-sender",
            Target::RtpSender => "rtp-sender",
            Target::WebServer => "web-server",
            Target::SrtListener => "srt-listener",
            Target::Files => "files",
            Target::Platform1 => "platform-1",
            Target::Platform2 => "platform-2",
            Target::Worker => "worker",
            Target::Control => "control",
            Target::Ingest => "ingest",
            Target::Disk => "disk",
            Target::Clock => "clock",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Kill => "kill",
            Kind::Freeze => "freeze",
            Kind::Slow => "slow",
            Kind::Cut => "cut",
            Kind::Delay => "delay",
            Kind::Stall => "stall",
            Kind::Throttle => "throttle",
            Kind::Lose => "lose",
            Kind::Vanish => "vanish",
            Kind::Fill => "fill",
            Kind::Step => "step",
        })
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.target)?;
        match self.kind {
            Kind::Delay => write!(f, " by {} ms", self.amount)?,
            Kind::Throttle => write!(f, " to {} kB/s", self.amount)?,
            Kind::Step => write!(f, " by {} s", self.amount)?,
            Kind::Lose => write!(f, " {} %", self.amount)?,
            _ => {}
        }
        if self.for_ms > 0 { write!(f, " for {:.1} s", self.for_ms as f64 / 1000.0) } else { Ok(()) }
    }
}

/// A way to break: how, for how long in milliseconds, how much, and how often it is in the deck.
struct Way(Kind, RangeInclusive<u64>, RangeInclusive<i64>, usize);

const NOTHING: RangeInclusive<i64> = 0..=0;

fn ways(target: Target) -> Vec<Way> {
    match target {
        Target::SrtSender | Target::RtpSender => vec![
            Way(Kind::Kill, 1_000..=6_000, NOTHING, 1),
            Way(Kind::Freeze, 300..=6_000, NOTHING, 1),
            Way(Kind::Slow, 2_000..=6_000, NOTHING, 1),
            Way(Kind::Cut, 500..=6_000, NOTHING, 1),
            Way(Kind::Delay, 3_000..=8_000, 50..=500, 1),
            Way(Kind::Lose, 3_000..=8_000, 1..=20, 1),
        ],
        // All but the first and the fourth must be borne by the session: a receiver that hears nothing for 5 s hangs up.
        Target::SrtListener => vec![
            Way(Kind::Kill, 500..=8_000, NOTHING, 1),
            Way(Kind::Freeze, 500..=15_000, NOTHING, 1),
            Way(Kind::Slow, 2_000..=8_000, NOTHING, 1),
            Way(Kind::Cut, 500..=8_000, NOTHING, 1),
            Way(Kind::Delay, 3_000..=8_000, 50..=500, 1),
            Way(Kind::Lose, 3_000..=8_000, 1..=15, 1),
        ],
        Target::Files => vec![Way(Kind::Fill, 3_000..=10_000, NOTHING, 2)],
        // Up to beyond the ten seconds of silence after which a source's connection is given up.
        Target::Camera1 | Target::Camera2 | Target::Publisher | Target::WebServer => vec![
            Way(Kind::Kill, 1_000..=6_000, NOTHING, 1),
            Way(Kind::Freeze, 300..=6_000, NOTHING, 1),
            Way(Kind::Slow, 2_000..=6_000, NOTHING, 1),
            Way(Kind::Cut, 500..=5_000, NOTHING, 1),
            Way(Kind::Delay, 3_000..=8_000, 100..=1_500, 1),
            Way(Kind::Stall, 300..=6_000, NOTHING, 1),
            Way(Kind::Throttle, 3_000..=8_000, 2..=5, 1),
            Way(Kind::Vanish, 1_000..=12_000, NOTHING, 1),
        ],
        // All but the first and the fourth must be borne by the session.
        Target::Platform1 | Target::Platform2 => vec![
            Way(Kind::Kill, 500..=8_000, NOTHING, 1),
            Way(Kind::Freeze, 500..=15_000, NOTHING, 1),
            Way(Kind::Slow, 2_000..=8_000, NOTHING, 1),
            Way(Kind::Cut, 500..=5_000, NOTHING, 1),
            Way(Kind::Delay, 3_000..=8_000, 100..=1_500, 1),
            Way(Kind::Stall, 500..=15_000, NOTHING, 1),
            Way(Kind::Throttle, 3_000..=8_000, 40..=100, 1),
            Way(Kind::Vanish, 2_000..=10_000, NOTHING, 1),
        ],
        // Beyond two seconds ticks are left out, as they must be.
        Target::Worker => vec![
            Way(Kind::Kill, 0..=0, NOTHING, 3),
            Way(Kind::Freeze, 100..=1_500, NOTHING, 1),
            Way(Kind::Slow, 2_000..=5_000, NOTHING, 1),
        ],
        Target::Control => vec![
            Way(Kind::Kill, 0..=4_000, NOTHING, 1),
            Way(Kind::Freeze, 500..=5_000, NOTHING, 1),
            Way(Kind::Slow, 2_000..=6_000, NOTHING, 1),
        ],
        Target::Ingest => vec![
            Way(Kind::Kill, 0..=0, NOTHING, 1),
            Way(Kind::Freeze, 200..=3_000, NOTHING, 1),
            Way(Kind::Slow, 2_000..=5_000, NOTHING, 1),
        ],
        Target::Disk => vec![Way(Kind::Fill, 2_000..=8_000, NOTHING, 1)],
        Target::Clock => {
            vec![Way(Kind::Step, 2_000..=8_000, 1..=21_600, 1), Way(Kind::Step, 2_000..=8_000, -21_600..=-1, 1)]
        }
    }
}

/// A card of the deck: a target, and the index of one of its ways.
type Card = (Target, usize);

fn deck(targets: &[Target], random: &mut Random) -> Vec<Card> {
    let cards_of = |target: &Target| {
        let ways = ways(*target).into_iter().enumerate();
        let cards = ways.flat_map(|(index, way)| std::iter::repeat_n((*target, index), way.3));
        cards.collect::<Vec<_>>()
    };
    let mut cards: Vec<Card> = targets.iter().flat_map(cards_of).collect();
    random.shuffle(&mut cards);
    cards
}

/// The faults of a run of `minutes` among `targets`, in order.
pub(crate) fn schedule(seed: u64, minutes: u64, targets: &[Target]) -> Vec<Planned> {
    let mut random = Random::new(seed);
    let mut cards = Vec::new();
    let mut free_at: BTreeMap<Target, u64> = BTreeMap::new();
    let mut planned = Vec::new();
    let last = (minutes * 60_000).saturating_sub(QUIET_MS);
    for at_ms in (QUIET_MS..=last).step_by(EVERY_MS as usize) {
        let busy = |target: Target| free_at.get(&target).is_some_and(|free| *free > at_ms);
        let house_busy = Target::ALL.into_iter().any(|other| other.needs_control() && busy(other));
        let control_busy = busy(Target::Control);
        let may = |target: Target| match target {
            _ if busy(target) => false,
            Target::Control => !house_busy,
            _ => !(target.needs_control() && control_busy),
        };
        if !cards.iter().any(|(target, _)| may(*target)) {
            // What waits is played first, and then everything once more.
            cards.extend(deck(targets, &mut random));
        }
        let Some(next) = cards.iter().position(|(target, _)| may(*target)) else { continue };
        let (target, way) = cards.remove(next);
        let Way(kind, lasts, amounts, _) = &ways(target)[way];
        let for_ms = random.between(*lasts.start(), *lasts.end()).min(minutes * 60_000 - at_ms);
        let amount = amounts.start() + random.between(0, amounts.start().abs_diff(*amounts.end())) as i64;
        free_at.insert(target, at_ms + for_ms + RECOVERY_MS);
        planned.push(Planned { at_ms, target, kind: *kind, for_ms, amount });
    }
    planned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_faults_and_another_one_others() {
        for minutes in [2, 10] {
            let plan = schedule(7, minutes, &Target::ALL);
            assert_eq!(plan, schedule(7, minutes, &Target::ALL));
            assert_ne!(plan, schedule(8, minutes, &Target::ALL));
        }
        let longer = schedule(7, 10, &Target::ALL);
        let shorter = schedule(7, 2, &Target::ALL);
        let same = shorter.iter().zip(&longer).take_while(|(a, b)| a == b).count();
        assert!(same + 2 >= shorter.len(), "a shorter run is the beginning of a longer one");
    }

    #[test]
    fn there_is_a_fault_every_five_seconds_between_quiet_times() {
        for seed in 0..200 {
            let plan = schedule(seed, 10, &Target::ALL);
            let times: Vec<u64> = plan.iter().map(|fault| fault.at_ms).collect();
            let wanted: Vec<u64> = (QUIET_MS..=600_000 - QUIET_MS).step_by(5_000).collect();
            assert_eq!(times, wanted, "seed {seed}");
        }
    }

    #[test]
    fn ten_minutes_break_everything_in_every_way() {
        for seed in 0..200 {
            let plan = schedule(seed, 10, &Target::ALL);
            for target in Target::ALL {
                for way in ways(target) {
                    let drawn = plan.iter().filter(|f| f.target == target && f.kind == way.0).count();
                    assert!(drawn >= 1, "seed {seed}: {} {target} never comes", way.0);
                }
            }
            let kills = plan.iter().filter(|f| (f.target, f.kind) == (Target::Worker, Kind::Kill)).count();
            assert!(kills >= 3, "seed {seed}: {kills} kills of the worker");
        }
    }

    #[test]
    fn a_target_recovers_before_it_is_struck_again_and_control_is_there_for_those_it_starts() {
        for seed in 0..500 {
            let plan = schedule(seed, 10, &Target::ALL);
            for (n, fault) in plan.iter().enumerate() {
                let over = fault.at_ms + fault.for_ms + RECOVERY_MS;
                for later in plan[n + 1..].iter().take_while(|later| later.at_ms < over) {
                    assert_ne!(later.target, fault.target, "seed {seed}: {fault} and {later}");
                    let of_house = |a: &Planned, b: &Planned| a.target == Target::Control && b.target.needs_control();
                    assert!(!of_house(fault, later) && !of_house(later, fault), "seed {seed}: {fault} and {later}");
                }
            }
        }
    }

    #[test]
    fn faults_keep_their_bounds_and_those_who_are_left_out_stay_out() {
        let targets = [Target::Camera1, Target::Worker, Target::Clock];
        for seed in 0..200 {
            for fault in schedule(seed, 10, &targets) {
                assert!(targets.contains(&fault.target));
                let fits =
                    |way: &Way| way.0 == fault.kind && way.1.contains(&fault.for_ms) && way.2.contains(&fault.amount);
                assert!(ways(fault.target).iter().any(fits), "seed {seed}: {fault:?}");
                assert!(fault.at_ms + fault.for_ms <= 600_000);
            }
        }
        assert_eq!(schedule(1, 0, &Target::ALL), []);
    }
}
