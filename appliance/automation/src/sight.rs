//! What a live source shows while it sends: whether its picture stands still or is black, and whether it is silent.
//!
//! ```text
//! fine ── a condition holds for its limit ──► told, or off the air ── the first look without it ──► fine
//! ```
//! A picture stands still when none of [`POINTS`] sampled pixels moves by more than [`STILL_LEVELS`] levels. Measured
//! with x264 at 640x360: a picture that is repeated for ever moves none by more than 2 after its first keyframe; one of an
//! empty room with the weakest noise moves hundreds by 3 to 6 with a fixed bitrate, and with a fixed quality, where
//! nothing moves from keyframe to keyframe, about a hundred by 12 to 23 at each keyframe. So the limit must be longer
//! than a group of pictures. A picture is black when next to no sampled pixel is brighter than [`BLACK_LUMA`]; a clock that the camera writes into it does
//! not count.
//! Bad input: a look without a picture or without sound leaves what is known of it; one that is older than the last
//! is ignored.

use crate::clock::Running;
use crate::spec::{Check, CheckAction, SourceChecks};

/// Sampled pixels in a row.
pub const COLUMNS: usize = 32;
/// Rows of sampled pixels.
pub const ROWS: usize = 18;
/// Sampled pixels of a picture: their luma, row by row.
pub const POINTS: usize = COLUMNS * ROWS;
/// Brightest luma of black, of 16 to 235: a covered lens has noise.
pub const BLACK_LUMA: u8 = 32;
/// A sampled pixel that moves by no more has not moved.
const STILL_LEVELS: u8 = 2;
/// One pixel in so many may be brighter in a black picture.
const BRIGHT_ONE_IN: usize = 50;
/// Sound below this is silence, as a share of full scale: −60 dBFS.
pub const SILENT_BELOW: f32 = 0.001;
/// A source is looked at this often, milliseconds.
pub const LOOK_EVERY_MS: u64 = 250;

/// What may be wrong with a source that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing to see.
    Black,
    /// The picture stands still.
    Frozen,
    /// Nothing to hear.
    Silent,
}

/// All conditions, the one that says most first: a black picture stands still, too.
const CONDITIONS: [Condition; 3] = [Condition::Black, Condition::Frozen, Condition::Silent];

/// What is known of one source.
#[derive(Clone, Debug)]
pub struct Sight {
    at: Option<Running>,
    reference: [u8; POINTS],
    referred: Option<Running>,
    /// Since when each condition holds, as in [`CONDITIONS`].
    since: [Option<Running>; 3],
    sound: bool,
}

impl Default for Sight {
    fn default() -> Sight {
        Sight { at: None, reference: [0; POINTS], referred: None, since: [None; 3], sound: false }
    }
}

impl Sight {
    /// A look at `at`: sampled pixels of a picture that is new since the last look, and whether the sound since then
    /// was silent; none where there was none.
    pub fn look(&mut self, at: Running, picture: Option<&[u8; POINTS]>, silent: Option<bool>) {
        if self.at.is_some_and(|last| at <= last) {
            return;
        }
        self.at = Some(at);
        if let Some(picture) = picture {
            let bright = picture.iter().filter(|luma| **luma > BLACK_LUMA).count();
            self.note(Condition::Black, bright * BRIGHT_ONE_IN <= POINTS, at);
            match self.referred {
                // It has stood still since the picture to which it is compared.
                Some(since) if stands(&self.reference, picture) => self.note(Condition::Frozen, true, since),
                _ => {
                    (self.reference, self.referred) = (*picture, Some(at));
                    self.note(Condition::Frozen, false, at);
                }
            }
        }
        if let Some(silent) = silent {
            self.sound = true;
            self.note(Condition::Silent, silent, at);
        }
    }

    fn note(&mut self, condition: Condition, holds: bool, since: Running) {
        let noted = &mut self.since[condition as usize];
        *noted = holds.then(|| noted.unwrap_or(since));
    }

    /// Nobody looked for so long, nanoseconds: nothing is held against it for that time.
    pub fn stood_still(&mut self, ns: u64) {
        let times = [&mut self.at, &mut self.referred].into_iter().chain(&mut self.since);
        times.flatten().for_each(|at| at.0 = at.0.saturating_add(ns));
    }

    /// Pictures stopped: what comes next is looked at anew.
    pub fn lost(&mut self) {
        *self = Sight { at: self.at, ..Sight::default() };
    }

    /// Whether it has sent sound, silent or not.
    pub fn has_sound(&self) -> bool {
        self.sound
    }

    /// What stands for longer than its limit at `now`, the worst first: what makes the source leave the air, then what
    /// is told.
    pub fn found(&self, checks: &SourceChecks, now: Running) -> Option<Found> {
        let mut over = CONDITIONS.into_iter().filter_map(|condition| {
            let check = checks.of(condition);
            let leaves = match check.action {
                CheckAction::Off => return None,
                CheckAction::Tell => false,
                CheckAction::Leave => true,
            };
            let turn = self.turn(condition, check)?;
            (now >= turn).then_some(Found { condition, leaves })
        });
        let first = over.next()?;
        Some(if first.leaves { first } else { over.find(|found| found.leaves).unwrap_or(first) })
    }

    /// When a condition that holds is over its limit.
    fn turn(&self, condition: Condition, check: &Check) -> Option<Running> {
        self.since[condition as usize].map(|since| since.plus_ms(u64::from(check.after_s) * 1000))
    }

    /// Moments at which what is found changes if nothing else is seen.
    pub fn turns<'a>(&'a self, checks: &'a SourceChecks) -> impl Iterator<Item = Running> + 'a {
        let watched = CONDITIONS.into_iter().map(|condition| (condition, checks.of(condition)));
        watched
            .filter(|(_, check)| check.action != CheckAction::Off)
            .filter_map(|(condition, check)| self.turn(condition, check))
    }
}

fn stands(reference: &[u8; POINTS], picture: &[u8; POINTS]) -> bool {
    reference.iter().zip(picture).all(|(was, is)| was.abs_diff(*is) <= STILL_LEVELS)
}

/// A condition that stands for longer than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub condition: Condition,
    /// Whether the source leaves the air for it.
    pub leaves: bool,
}

impl SourceChecks {
    /// The check of a condition.
    pub fn of(&self, condition: Condition) -> &Check {
        match condition {
            Condition::Black => &self.black,
            Condition::Frozen => &self.frozen,
            Condition::Silent => &self.silent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Running {
        Running(0).plus_ms(seconds * 1000)
    }

    fn checks(action: CheckAction) -> SourceChecks {
        let check = |after_s| Check { after_s, action };
        SourceChecks { frozen: check(10), black: check(5), silent: check(30) }
    }

    /// A picture of one luma with a few points of another.
    fn picture(luma: u8, odd: usize, other: u8) -> [u8; POINTS] {
        std::array::from_fn(|i| if i < odd { other } else { luma })
    }

    fn found(sight: &Sight, at: u64) -> Option<Condition> {
        sight.found(&checks(CheckAction::Tell), s(at)).map(|found| found.condition)
    }

    #[test]
    fn a_picture_that_is_repeated_for_its_limit_stands_still_until_one_pixel_moves() {
        let mut sight = Sight::default();
        for t in 0..=20 {
            sight.look(s(t), Some(&picture(100, t.min(3) as usize, 103 - (t % 2) as u8 * u8::from(t > 3))), None);
            let stands = t >= 3 + 10;
            assert_eq!(found(&sight, t), stands.then_some(Condition::Frozen), "{t} s");
        }
        assert_eq!(sight.turns(&checks(CheckAction::Tell)).min(), Some(s(13)));
        sight.look(s(21), Some(&picture(100, 4, 103)), None);
        assert_eq!(found(&sight, 21), None, "one pixel by three levels");
        assert_eq!(sight.turns(&checks(CheckAction::Tell)).next(), None);
    }

    #[test]
    fn black_is_told_before_frozen_and_a_written_clock_does_not_count() {
        let mut sight = Sight::default();
        for t in 0..=9 {
            sight.look(s(t), Some(&picture(30, POINTS / BRIGHT_ONE_IN, 220 + t as u8)), None);
            assert_eq!(found(&sight, t), (t >= 5).then_some(Condition::Black), "{t} s");
        }
        sight.look(s(10), Some(&picture(30, POINTS / BRIGHT_ONE_IN + 1, 220)), None);
        assert_eq!(found(&sight, 10), None);
        for t in 11..=30 {
            sight.look(s(t), Some(&picture(16, 0, 0)), None);
        }
        assert_eq!(found(&sight, 30), Some(Condition::Black), "and frozen for longer");
    }

    #[test]
    fn silence_counts_only_where_there_is_sound() {
        let mut sight = Sight::default();
        for t in 0..=60 {
            sight.look(s(t), Some(&picture(100, t as usize, 103)), None);
            assert_eq!(found(&sight, t), None, "it has none");
        }
        for t in 61..=91 {
            sight.look(s(t), None, Some(true));
            assert_eq!(found(&sight, t), (t >= 91).then_some(Condition::Silent), "{t} s");
        }
        sight.look(s(92), None, Some(false));
        assert_eq!(found(&sight, 92), None);
    }

    #[test]
    fn what_makes_it_leave_comes_before_what_is_told_and_nothing_where_it_is_off() {
        let mut sight = Sight::default();
        for t in 0..=20 {
            sight.look(s(t), Some(&picture(16, 0, 0)), Some(true));
        }
        let mut mixed = checks(CheckAction::Tell);
        mixed.frozen.action = CheckAction::Leave;
        let leaves = Found { condition: Condition::Frozen, leaves: true };
        assert_eq!(sight.found(&mixed, s(20)), Some(leaves));
        assert_eq!(sight.found(&checks(CheckAction::Off), s(20)), None);
        assert_eq!(sight.turns(&checks(CheckAction::Off)).next(), None);
    }

    #[test]
    fn after_a_loss_it_is_looked_at_anew_and_old_looks_are_ignored() {
        let mut sight = Sight::default();
        sight.look(s(0), Some(&picture(16, 0, 0)), Some(true));
        sight.look(s(60), Some(&picture(16, 0, 0)), Some(true));
        sight.lost();
        assert_eq!(found(&sight, 200), None);
        sight.look(s(30), Some(&picture(16, 0, 0)), Some(true));
        assert_eq!(found(&sight, 200), None, "older than what was seen before");
    }
}
