//! Where in a playlist a showing is: the items one after another, and over again, for ever.
//!
//! All is counted in ticks of the house rate from the beginning of the showing, so that every seam lies on a tick. An
//! item that is left out has no length, and one of which nothing is known yet hides all that comes after it.

use crate::spec::Rate;

/// A film that is so little longer than some whole ticks ends with them, nanoseconds: the times in a film's head are
/// rounded up to milliseconds.
const ROUNDED_NS: u64 = 2_000_000;

/// Ticks that a film of this length takes: the last one is begun and stands whole. At least one.
pub fn ticks_of(rate: Rate, length_ns: u64) -> u64 {
    let least = length_ns.saturating_sub(ROUNDED_NS);
    let whole = tick_at(rate, least);
    (if rate.tick_ns(whole) < least { whole + 1 } else { whole }).max(1)
}

/// The tick in which a moment lies, nanoseconds from the beginning of a showing.
pub fn tick_at(rate: Rate, ns: u64) -> u64 {
    // A tick begins at its exact time rounded down.
    let ns = u128::from(ns) + 1;
    (ns * u128::from(rate.num) / (u128::from(rate.den) * 1_000_000_000)) as u64
}

/// What is known of one item of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// Nothing yet: its file has not been opened.
    Unknown,
    /// It cannot be played, and is left out.
    Skipped,
    /// It is played for so many ticks. None of them counts as [`Item::Skipped`].
    Plays(u64),
}

/// A stretch of a showing in which one item is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Which item, from 0.
    pub item: usize,
    /// Its first tick, from the beginning of the showing.
    pub begins: u64,
    /// How long it is played, ticks; more than none.
    pub ticks: u64,
}

impl Leg {
    /// The first tick after it.
    pub fn ends(&self) -> u64 {
        self.begins.saturating_add(self.ticks)
    }
}

/// A list whose items have the lengths that are known now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playlist {
    items: Vec<Item>,
}

impl Playlist {
    /// A list of these items, in this order.
    pub fn new(items: impl IntoIterator<Item = Item>) -> Playlist {
        Playlist { items: items.into_iter().collect() }
    }

    /// Where tick `position` lies in a showing that began with the list's first item. None: nothing can be played, or
    /// what is needed for the answer is not known yet.
    pub fn at(&self, position: u64) -> Option<Leg> {
        self.from(0, 0, position)
    }

    /// Where tick `position` lies when `item` ends before tick `ends` and the list goes on behind it: what follows it
    /// at once, or a later one where `position` is beyond that. None as in [`Playlist::at`].
    pub fn after(&self, item: usize, ends: u64, position: u64) -> Option<Leg> {
        self.from(item.saturating_add(1), ends, position)
    }

    /// Ticks of one round through the list; none where an item is not known yet.
    pub fn round(&self) -> Option<u64> {
        self.items.iter().try_fold(0u64, |sum, item| match item {
            Item::Unknown => None,
            Item::Skipped => Some(sum),
            Item::Plays(ticks) => Some(sum.saturating_add(*ticks)),
        })
    }

    /// The leg in which `position` lies when item `first`, or the next one that is played, begins at tick `begins`.
    fn from(&self, first: usize, begins: u64, position: u64) -> Option<Leg> {
        match self.walk(first, begins, position) {
            Walk::Found(leg) => Some(leg),
            Walk::Unknown => None,
            Walk::Ended => {
                let round = self.round().filter(|round| *round > 0)?;
                let whole = position.saturating_sub(begins) / round;
                match self.walk(first, begins.saturating_add(whole.saturating_mul(round)), position) {
                    Walk::Found(leg) => Some(leg),
                    Walk::Unknown | Walk::Ended => None,
                }
            }
        }
    }

    /// Goes through the list once.
    fn walk(&self, first: usize, begins: u64, position: u64) -> Walk {
        let mut begins = begins;
        for n in 0..self.items.len() {
            let item = first.wrapping_add(n) % self.items.len();
            match self.items[item] {
                Item::Unknown => return Walk::Unknown,
                Item::Skipped | Item::Plays(0) => {}
                Item::Plays(ticks) => {
                    let leg = Leg { item, begins, ticks };
                    if position < leg.ends() {
                        return Walk::Found(leg);
                    }
                    begins = leg.ends();
                }
            }
        }
        Walk::Ended
    }
}

enum Walk {
    Found(Leg),
    Unknown,
    Ended,
}

#[cfg(test)]
mod tests {
    use super::Item::{Plays, Skipped, Unknown};
    use super::*;

    fn leg(item: usize, begins: u64, ticks: u64) -> Option<Leg> {
        Some(Leg { item, begins, ticks })
    }

    #[test]
    fn items_follow_each_other_and_the_list_begins_again() {
        let list = Playlist::new([Plays(60), Plays(90), Plays(30)]);
        for (position, item, begins, ticks) in [
            (0, 0, 0, 60),
            (59, 0, 0, 60),
            (60, 1, 60, 90),
            (149, 1, 60, 90),
            (150, 2, 150, 30),
            (179, 2, 150, 30),
            (180, 0, 180, 60),
            (18_000_000 + 70, 1, 18_000_060, 90),
        ] {
            assert_eq!(list.at(position), leg(item, begins, ticks), "tick {position}");
        }
        assert_eq!(list.after(0, 60, 60), leg(1, 60, 90));
        assert_eq!(list.after(2, 180, 100), leg(0, 180, 60), "what follows is there before its time");
        assert_eq!(list.after(0, 45, 45), leg(1, 45, 90), "the item before broke off");
        assert_eq!(list.after(0, 60, 200), leg(0, 180, 60), "a machine that slept comes to a later one");
        assert_eq!(list.after(1, 150, 150 + 3 * 180), leg(2, 690, 30));
    }

    #[test]
    fn films_take_whole_ticks() {
        let (thirty, ntsc) = (Rate { num: 30, den: 1 }, Rate { num: 30_000, den: 1001 });
        for (rate, length_ns, ticks) in [
            (thirty, 0, 1),
            (thirty, 1, 1),
            (thirty, 2_000_000_000, 60),
            (thirty, 2_001_000_000, 60),
            (thirty, 1_999_999_999, 60),
            (thirty, 2_021_333_333, 61),
            (ntsc, 2_002_000_000, 60),
            (ntsc, 2_003_000_000, 60),
            (ntsc, 2_000_000_000, 60),
            (ntsc, 2_010_000_000, 61),
        ] {
            assert_eq!(ticks_of(rate, length_ns), ticks, "{length_ns} ns at {rate:?}");
        }
        for rate in [thirty, ntsc, Rate { num: 60_000, den: 1001 }, Rate { num: 10, den: 1 }] {
            for tick in [0, 1, 2, 29, 1000, 10_000_019] {
                assert_eq!(
                    (tick_at(rate, rate.tick_ns(tick)), ticks_of(rate, rate.tick_ns(tick))),
                    (tick, tick.max(1))
                );
                assert_eq!(tick_at(rate, rate.tick_ns(tick + 1) - 2), tick);
            }
        }
    }

    #[test]
    fn what_cannot_be_played_is_left_out_and_what_is_not_known_is_waited_for() {
        let list = Playlist::new([Skipped, Plays(60), Skipped, Plays(0), Plays(30)]);
        assert_eq!((list.at(0), list.at(60), list.at(90)), (leg(1, 0, 60), leg(4, 60, 30), leg(1, 90, 60)));
        assert_eq!(list.after(1, 60, 60), leg(4, 60, 30));
        for nothing in [Playlist::new([]), Playlist::new([Skipped, Skipped]), Playlist::new([Plays(0)])] {
            assert_eq!((nothing.at(0), nothing.after(0, 5, 5), nothing.round()), (None, None, Some(0)));
        }
        let begun = Playlist::new([Plays(60), Skipped, Unknown, Plays(60)]);
        assert_eq!((begun.at(59), begun.at(60), begun.at(1_000_000)), (leg(0, 0, 60), None, None));
        assert_eq!((begun.after(0, 60, 60), begun.after(3, 60, 60)), (None, leg(0, 60, 60)));
        assert_eq!(begun.round(), None);
        let alone = Playlist::new([Skipped, Plays(60)]);
        assert_eq!(alone.after(1, 60, 60), leg(1, 60, 60), "the only one follows itself");
        assert_eq!(alone.after(usize::MAX, 7, 7), leg(1, 7, 60));
    }
}
