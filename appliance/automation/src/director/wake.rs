//! Which live sources are decoded whole, and when one that was not may go on air.
//!
//! ```text
//! on air, coming or going in a mix, wanted ──┐
//! cue begins within AHEAD_MS ────────────────┼─► awake, and for LINGER_MS after that
//! what is on air runs dry: the next rung ────┘
//! all else stands by: keyframes alone are decoded
//!
//! chosen while it stands by ─► what is on air stays ── its decoder has caught up, or WAIT_MS ─► on air
//! ```
//! What runs dry is known a jitter buffer before its last picture is shown, and the hold-off comes on top: time enough to
//! wake the next rung before it is needed.

use super::{Choice, Director};
use crate::clock::Running;
use crate::id::SourceId;
use std::collections::{BTreeMap, BTreeSet};

/// A source is woken so long before its cue, milliseconds: its decoder catches up with a group of pictures.
const AHEAD_MS: u64 = 3_000;
/// It stays awake so long after it was needed last, milliseconds.
const LINGER_MS: u64 = 2_000;
/// One whose decoder does not catch up goes on air after so long, with the pictures that there are.
const WAIT_MS: u64 = 1_000;
/// A source with less than this still to be shown runs dry, milliseconds.
const DRY_MS: u64 = 40;
/// The same where it is not known what has arrived: no new picture for so long, milliseconds.
const OVERDUE_MS: u64 = 100;

/// What the director knows of decoders.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    /// The first tick at which each source may stand by.
    until: BTreeMap<SourceId, u64>,
    asleep: BTreeSet<SourceId>,
    /// What is chosen and not on air yet: since which tick, and whether its cue has begun meanwhile.
    waiting: Option<(SourceId, u64, bool)>,
}

impl Director {
    /// Whether a live source's decoder is behind: it stands by, or catches up.
    pub fn asleep(&mut self, source: &SourceId, asleep: bool) {
        if !asleep {
            self.wakes.asleep.remove(source);
        } else if !self.wakes.asleep.contains(source) {
            self.wakes.asleep.insert(source.clone());
        }
    }

    /// What has arrived of a live source lasts to `to` on the program's clock.
    pub fn buffered(&mut self, source: &SourceId, to: Running) {
        self.sources.buffered(source, to);
    }

    /// The process stood still for so long, nanoseconds: what sources sent meanwhile is still to be read, and none of them is
    /// lost by it.
    pub fn stood_still(&mut self, ns: u64) {
        self.sources.stood_still(ns);
    }

    /// A person wants it: it is decoded whole from now on, without waiting for a frame.
    pub(super) fn wake_at_once(&mut self, source: &SourceId) {
        if self.sources.is_live(source) {
            let now = self.last_tick.unwrap_or_default();
            let until = now.saturating_add(self.grid.rate.nearest_tick(LINGER_MS));
            self.wakes.until.insert(source.clone(), until);
        }
    }

    /// Whether a live source shall be decoded whole from the last frame on.
    pub fn is_awake(&self, source: &SourceId) -> bool {
        self.wakes.until.contains_key(source)
    }

    /// Whether a choice has to wait for its source's decoder; then what is on air stays. `began`: a cue began with it, now
    /// or while it waited.
    pub(super) fn waits(&mut self, tick: u64, began: &mut bool, choice: &Choice) -> bool {
        let waiting = self.wakes.waiting.take();
        let Some(source) = choice.source.as_ref().filter(|source| self.wakes.asleep.contains(*source)) else {
            if let Some((source, _, had_begun)) = waiting {
                *began |= had_begun && choice.source.as_ref() == Some(&source);
            }
            return false;
        };
        let stays = self.showing.as_ref().is_some_and(|showing| match &showing.shown.source {
            Some(on_air) => on_air != source && self.sources.candidates.contains_key(on_air),
            None => true,
        });
        let (since, had_begun) = match waiting {
            Some((waited, since, had_begun)) if waited == *source => (since, had_begun),
            _ => (tick, false),
        };
        *began |= had_begun;
        if !stays || tick >= since.saturating_add(self.grid.rate.nearest_tick(WAIT_MS)) {
            return false;
        }
        self.wakes.waiting = Some((source.clone(), since, *began));
        true
    }

    /// Whether what is chosen is not on air yet.
    pub(super) fn is_waiting(&self) -> bool {
        self.wakes.waiting.is_some()
    }

    /// Decides what is decoded whole, after the picture of a tick.
    pub(super) fn wake(&mut self, tick: u64, now: Running) {
        let Director { wakes, sources, grid, showing, mixing, .. } = self;
        wakes.asleep.retain(|source| sources.candidates.contains_key(source));
        wakes.until.retain(|source, until| tick < *until && sources.candidates.contains_key(source));
        let until = tick.saturating_add(grid.rate.nearest_tick(LINGER_MS));
        let mut wake = |source: &SourceId| {
            if !sources.is_live(source) {
            } else if let Some(known) = wakes.until.get_mut(source) {
                *known = until;
            } else {
                wakes.until.insert(source.clone(), until);
            }
        };
        let shown = showing.iter().flat_map(|showing| showing.shown.source.iter().chain(&showing.wanted));
        let goes = mixing.iter().flat_map(|mixing| &mixing.from.source);
        let comes = wakes.waiting.iter().map(|(source, ..)| source);
        shown.chain(goes).chain(comes).for_each(&mut wake);
        self.soon(tick).into_iter().for_each(|source| self.wake_for(source, now, until));
        if let Some(next) = self.runs_dry(now).then(|| self.next_rung(now)).flatten() {
            self.wakes.until.insert(next, until);
        }
    }

    /// The live sources of the cues that begin soon.
    fn soon(&self, tick: u64) -> Vec<SourceId> {
        let score_and_position = self.plan.as_ref().and_then(|plan| plan.score.as_ref()).zip(self.position.as_ref());
        let Some((score, at)) = score_and_position else { return Vec::new() };
        let soon = tick.saturating_add(self.grid.rate.nearest_tick(AHEAD_MS));
        let cues = score.cues_after(self.grid.rate, at).take_while(|(_, _, play)| at.program(*play) <= soon as i64);
        // Another day begins with its first cue, whatever the one before it has come to.
        let day = self.next_day(score, tick).filter(|day| *day <= soon).and_then(|_| score.cues.first());
        let sources = cues.map(|(cue, ..)| cue).chain(day).map(|cue| &cue.source);
        sources.filter(|source| self.sources.is_live(source)).cloned().collect()
    }

    /// Wakes a source; one that is not there, and its backups down to one that is.
    fn wake_for(&mut self, source: SourceId, now: Running, until: u64) {
        let mut next = Some(source);
        // A ring of backups ends where it began.
        for _ in 0..self.sources.candidates.len() {
            let Some(source) = next.take().filter(|source| self.sources.is_live(source)) else { return };
            if !self.sources.is_there(&source, now) {
                next = self.sources.candidates.get(&source).and_then(|candidate| candidate.backup.clone());
            }
            self.wakes.until.insert(source, until);
        }
    }

    fn runs_dry(&self, now: Running) -> bool {
        let on_air = self.showing.as_ref().and_then(|showing| showing.shown.source.as_ref());
        on_air.is_some_and(|source| self.sources.runs_dry(source, now, DRY_MS, OVERDUE_MS))
    }

    /// The live source that would be on air without the one that is.
    fn next_rung(&self, now: Running) -> Option<SourceId> {
        let on_air = self.showing.as_ref()?.shown.source.as_ref()?;
        let rungs = self.ladder().rungs;
        let other = |source: &SourceId| source != on_air && self.sources.is_there(source, now);
        let next = rungs.into_iter().map(|rung| rung.source).find(other)?;
        Some(next).filter(|next| self.sources.is_live(next))
    }
}
