//! Two clocks of the same rate, and which picture of the one belongs to a tick of the other.

use automation::lag::Lag;
use automation::spec::House;

/// Where a live source's pictures fall between two ticks. When they fall upon a tick, the least jitter shows one
/// twice and loses the next, again and again; then the look is moved by half a tick, away from them.
#[derive(Debug, Default)]
pub(super) struct Phase {
    ahead: bool,
    /// Looks since nothing was taken, and since two were.
    since_none: Option<u32>,
    since_two: Option<u32>,
    /// By how much its pictures are shown after they are due.
    pub(super) lag: Lag,
}

/// A repeat and a loss within so many looks are flutter. A source of another rate has one of them only.
const FLUTTER_LOOKS: u32 = 60;

impl Phase {
    pub(super) fn ahead_ns(&self, house: &House) -> u64 {
        if self.ahead { house.rate.tick_ns(1) / 2 } else { 0 }
    }

    pub(super) fn took(&mut self, taken: u32) {
        let age = |since: Option<u32>| since.map(|n| n + 1).filter(|n| *n <= FLUTTER_LOOKS);
        (self.since_none, self.since_two) = (age(self.since_none), age(self.since_two));
        match taken {
            0 => self.since_none = Some(0),
            2 => self.since_two = Some(0),
            _ => {}
        }
        if self.since_none.is_some() && self.since_two.is_some() {
            (self.ahead, self.since_none, self.since_two) = (!self.ahead, None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks in which a source of the same rate, `phase_ns` off the tick with a jitter of ±2 ms, shows nothing new.
    fn repeats(phase_ns: u64) -> u64 {
        let house = House::default();
        let (mut phase, mut next, mut repeats) = (Phase::default(), 0u64, 0);
        for n in 100..1000u64 {
            let look_at = house.rate.tick_ns(n) + phase.ahead_ns(&house);
            let mut taken = 0;
            loop {
                let jitter = (next * 7919 % 5) * 1_000_000;
                if house.rate.tick_ns(next) + phase_ns + jitter > look_at + 2_000_000 {
                    break;
                }
                next += 1;
                taken += 1;
            }
            phase.took(taken);
            repeats += u64::from(taken == 0);
        }
        repeats
    }

    #[test]
    fn pictures_that_fall_upon_the_tick_do_not_flutter() {
        for phase_ms in 0..34 {
            assert!(
                repeats(phase_ms * 1_000_000) <= 3,
                "phase {phase_ms} ms: {} repeats",
                repeats(phase_ms * 1_000_000)
            );
        }
    }
}
