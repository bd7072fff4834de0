//! The players of one showing, each in its place.

use crate::source::player::Player;
use automation::clock::Running;
use automation::playlist::{Leg, tick_at};
use automation::spec::Rate;
use std::collections::VecDeque;
use std::sync::Arc;

/// A player that broke and has no more pictures than for so many ticks gives no others.
const DRY_TICKS: u64 = 6;

/// A player in its place.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) leg: Leg,
    pub(super) player: Arc<Player>,
}

/// The players of one showing.
#[derive(Debug)]
pub(super) struct Showing {
    /// The tick at which it began.
    pub(super) began: i64,
    /// By their time; never empty.
    pub(super) seats: VecDeque<Seat>,
    /// The latest position that was asked for, nanoseconds, and when that was.
    pub(super) at_ns: u64,
    pub(super) asked: Running,
}

/// What is read, and from where.
#[derive(Clone, Debug)]
pub struct Part {
    /// Whose store.
    pub player: Arc<Player>,
    /// The position on the store's scale, nanoseconds.
    pub at_ns: u64,
}

impl Showing {
    /// The seat at a position: the last one that has begun, though what follows be late.
    pub(super) fn seat(&self, rate: Rate, position_ns: u64) -> Option<&Seat> {
        let begun = |seat: &&Seat| rate.tick_ns(seat.leg.begins) <= position_ns;
        self.seats.iter().rev().find(begun).or(self.seats.front())
    }

    pub(super) fn part(&self, rate: Rate, position_ns: u64) -> Option<Part> {
        let seat = self.seat(rate, position_ns)?;
        let at_ns = position_ns.saturating_sub(rate.tick_ns(seat.leg.begins));
        Some(Part { player: seat.player.clone(), at_ns })
    }

    /// What is heard at a position. Its picture stands before its time where a showing was begun just before a seam; its
    /// sound waits.
    pub(super) fn heard(&self, rate: Rate, position_ns: u64) -> Option<Part> {
        let begun = self.seats.front().is_some_and(|seat| rate.tick_ns(seat.leg.begins) <= position_ns);
        begun.then(|| self.part(rate, position_ns)).flatten()
    }

    /// When the next seat begins after a position, nanoseconds; none where none is there.
    pub(super) fn seam_after(&self, rate: Rate, position_ns: u64) -> Option<u64> {
        self.seats.iter().map(|seat| rate.tick_ns(seat.leg.begins)).find(|begins_ns| *begins_ns > position_ns)
    }

    /// Takes players out that broke: one that is shown ends with the last picture that it still has.
    pub(super) fn mend(&mut self, rate: Rate) {
        let now = tick_at(rate, self.at_ns);
        let broken = self.seats.iter().position(|seat| seat.player.is_broken() && seat.leg.ends() > now);
        let Some(index) = broken else { return };
        let Leg { begins, .. } = self.seats[index].leg;
        if begins > now && index > 0 {
            self.seats.truncate(index);
            return;
        }
        let seat = &mut self.seats[index];
        let last = begins + tick_at(rate, seat.player.pictures_to_ns());
        // What was read before it broke may be decoded still.
        if last > now + DRY_TICKS {
            return;
        }
        let ends = seat.leg.ends().min(last.max(now) + 1);
        seat.leg.ticks = ends - begins;
        let mut ends = ends;
        for seat in self.seats.iter_mut().skip(index + 1) {
            seat.leg.begins = ends;
            ends = seat.leg.ends();
        }
    }
}

/// How far a position lies in a leg, nanoseconds.
pub(super) fn into(rate: Rate, leg: Leg, position_ns: u64) -> u64 {
    position_ns.saturating_sub(rate.tick_ns(leg.begins))
}
