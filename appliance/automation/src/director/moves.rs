//! When a camera is moved to the preset of a cue (VS-11): ahead of the cut, and not where the audience sees it.
//!
//! ```text
//!            settle time before its cue          its cue begins
//! off air ────────── move ─────────────────────────── cut
//! on air  ────────── wait ──┬── off air: too late ─── skip, and say so   (move, where the cue allows it on air)
//!                           └── still on air ──────── skip, and say so   (move, where the cue allows it on air)
//! ```
//! A camera's cues are taken one after the other: a later one never moves it away from an earlier. Before GO LIVE nobody
//! watches, so the first cue's camera is moved at once. A camera that was sent to the same preset last is there, as far as
//! anybody knows: then nothing is skipped.

use super::playhead::{Phase, Position, Score, VideoCue};
use super::{Director, Instance};
use crate::id::{CueId, SourceId};
use crate::spec::SETTLE_MS_MAX;
use std::collections::{BTreeMap, BTreeSet};

/// A movement that was refused is decided anew after so long, milliseconds.
const AGAIN_MS: u64 = 1_000;

/// A movement that a camera shall begin at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraMove {
    /// Whose camera.
    pub source: SourceId,
    /// Where to.
    pub preset: String,
    /// For which cue.
    pub cue: CueId,
    /// Whether the audience sees it move, as the cue allows.
    pub on_air: bool,
    /// Whether the cue allows that.
    pub anyway: bool,
}

/// What was decided of the cameras.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// Those of the last frame.
    pub(super) now: Vec<CameraMove>,
    /// The last cue of each camera that was decided, with its preset.
    decided: BTreeMap<SourceId, (Instance, String)>,
    /// Where each camera was sent last.
    sent: BTreeMap<SourceId, String>,
    skipped: Vec<Skipped>,
    /// When a camera's movement was refused last: it is decided anew a while later.
    refused: BTreeMap<SourceId, u64>,
}

/// A movement that was left out.
#[derive(Debug)]
struct Skipped {
    source: SourceId,
    preset: String,
    cue: CueId,
    /// The first tick at which nobody needs to know of it any more.
    until: u64,
}

/// A cue that wants a camera at a preset.
struct Wish<'a> {
    cue: &'a VideoCue,
    instance: Instance,
    /// Ticks until it begins; none where nobody knows when that will be.
    left: Option<u64>,
}

/// What becomes of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Wait,
    Move,
    Skip,
    /// It is there already.
    Keep,
}

/// The whole rule. `left`, `settle` and `step` in ticks, `step` since the last frame: where ticks were left out, the one
/// to move at may be among them. `seen`: whether the audience sees the camera now.
fn judge(left: Option<u64>, settle: u64, step: u64, seen: bool, on_air: bool, there: bool) -> Verdict {
    let begins = left == Some(0);
    match (seen, left) {
        (_, Some(left)) if left > settle => Verdict::Wait,
        (true, _) if !begins => Verdict::Wait,
        (true, _) if on_air => Verdict::Move,
        (false, Some(left)) if left.saturating_add(step) > settle || on_air => Verdict::Move,
        (false, None) => Verdict::Move,
        _ if there => Verdict::Keep,
        _ => Verdict::Skip,
    }
}

impl Moves {
    /// Forgets cameras that are gone.
    pub(super) fn keep(&mut self, is_there: impl Fn(&SourceId) -> bool) {
        self.decided.retain(|source, _| is_there(source));
        self.sent.retain(|source, _| is_there(source));
        self.refused.retain(|source, _| is_there(source));
    }
}

impl Director {
    /// The movements that cameras shall begin at the last frame.
    pub fn moves(&self) -> &[CameraMove] {
        &self.moves.now
    }

    /// A movement was not begun: nobody knows where that camera is. It is decided anew in [`AGAIN_MS`]: before a broadcast the
    /// camera may be free by then, and under a cue that has no more time for it that is told.
    pub fn not_moved(&mut self, source: &SourceId) {
        self.moves.sent.remove(source);
        self.moves.decided.remove(source);
        self.moves.refused.insert(source.clone(), self.last_tick.unwrap_or_default());
    }

    /// Decides the movements of a tick, after its picture. `step`: ticks since the last frame. `first`: nothing is known
    /// of what was before.
    pub(super) fn move_cameras(&mut self, tick: u64, step: u64, cue_began: bool, first: bool) {
        self.moves.now.clear();
        self.moves.skipped.retain(|skipped| tick < skipped.until);
        let Some(plan) = &self.plan else { return };
        let (Some(score), Some(at)) = (&plan.score, &self.position) else { return };
        if !score.has_presets {
            return;
        }
        if first && let (Some(instance), Some(cue)) = (&self.instance, self.cue) {
            // A worker that was restarted in mid-cue: the one before it has moved the camera, or said why not.
            let cue = &score.cues[cue.index];
            let token = cue.preset.as_ref().map(|preset| preset.token.clone()).unwrap_or_default();
            self.moves.decided.insert(cue.source.clone(), (instance.clone(), token));
        }
        let watched = self.is_live() && at.phase != Phase::Waiting;
        let on_air = self.showing.as_ref().and_then(|showing| showing.shown.source.as_ref());
        let going = self.mixing.as_ref().and_then(|mixing| mixing.from.source.as_ref());
        let rate = self.grid.rate;
        let mut decisions = Vec::new();
        for wish in self.wishes(score, at, tick, cue_began) {
            let Some(preset) = &wish.cue.preset else { continue };
            let source = &wish.cue.source;
            let Some(settle) = self.settle(source) else { continue };
            let again = self.grid.rate.nearest_tick(AGAIN_MS);
            if self.moves.refused.get(source).is_some_and(|at| tick < at + again) {
                continue;
            }
            let decided = self.moves.decided.get(source);
            if decided.is_some_and(|(instance, token)| *instance == wish.instance && *token == preset.token) {
                continue;
            }
            let moves = |seen: &SourceId| self.sources.share_a_head(seen, source);
            let seen = watched && [on_air, going].into_iter().flatten().any(moves);
            let there = self.moves.sent.get(source) == Some(&preset.token);
            let verdict = judge(wish.left, settle, step, seen, preset.on_air, there);
            if verdict != Verdict::Wait {
                let length = rate.nearest_tick(wish.cue.end_ms.saturating_sub(wish.cue.at_ms)).max(1);
                let until = tick.saturating_add(wish.left.unwrap_or(0)).saturating_add(length);
                decisions.push((verdict, wish.instance, source.clone(), preset.clone(), seen, until));
            }
        }
        for (verdict, instance, source, preset, on_air, until) in decisions {
            let cue = instance.cue.clone();
            let (preset, anyway) = (preset.token, preset.on_air);
            self.moves.decided.insert(source.clone(), (instance, preset.clone()));
            match verdict {
                Verdict::Move => {
                    self.moves.sent.insert(source.clone(), preset.clone());
                    self.moves.now.push(CameraMove { source, preset, cue, on_air, anyway });
                }
                Verdict::Skip => self.moves.skipped.push(Skipped { source, preset, cue, until }),
                Verdict::Keep | Verdict::Wait => {}
            }
        }
    }

    /// The next cue of each camera: the one that has just begun, and those that begin soon.
    fn wishes<'a>(&self, score: &'a Score, at: &Position, tick: u64, cue_began: bool) -> Vec<Wish<'a>> {
        let mut wishes = Vec::new();
        let instance = |cue: &VideoCue, round| Instance { run: self.run, round, cue: cue.id.clone() };
        let mut taken = BTreeSet::new();
        if at.phase == Phase::Waiting
            && let Some(cue) = score.cues.first()
        {
            let left = self.is_live().then(|| until(at, score.play_tick(self.grid.rate, 0, cue.at_ms), tick));
            // A countdown that is longer than the way there is no reason to wait: nobody watches.
            let left = left.filter(|left| Some(*left) < self.settle(&cue.source));
            taken.insert(&cue.source);
            wishes.push(Wish { cue, instance: instance(cue, 0), left });
        }
        if cue_began && let (Some(cue_at), Some(instance)) = (self.cue, &self.instance) {
            wishes.push(Wish { cue: &score.cues[cue_at.index], instance: instance.clone(), left: Some(0) });
        }
        if at.phase == Phase::Running || at.phase == Phase::Waiting && self.is_live() {
            let far = self.grid.rate.nearest_tick(u64::from(SETTLE_MS_MAX));
            let soon =
                score.cues_after(self.grid.rate, at).map(|(cue, round, play)| (cue, round, until(at, play, tick)));
            for (cue, round, left) in soon.take_while(|(_, _, left)| *left <= far) {
                if taken.insert(&cue.source) {
                    wishes.push(Wish { cue, instance: instance(cue, round), left: Some(left) });
                }
            }
        }
        wishes
    }

    /// The tick at which the next movement is due, where nothing stands in its way. For whoever plays time in jumps.
    pub(super) fn next_move(&self) -> Option<u64> {
        let (score, at) = (self.plan.as_ref()?.score.as_ref()?, self.position.as_ref()?);
        let waits = at.phase == Phase::Waiting && !self.is_live();
        if !score.has_presets || at.phase == Phase::Paused || at.phase == Phase::Ended || waits {
            return None;
        }
        let due = |(cue, _, play): (&VideoCue, u64, u64)| {
            cue.preset.as_ref()?;
            let due = u64::try_from(at.program(play)).ok()?.saturating_sub(self.settle(&cue.source)?);
            Some(due).filter(|due| Some(*due) > self.last_tick)
        };
        let far = self.grid.rate.nearest_tick(u64::from(SETTLE_MS_MAX));
        let first = score.cues_after(self.grid.rate, at).next()?.2;
        let cues = score.cues_after(self.grid.rate, at);
        // All that begin within the longest settling after the next cue: what lies beyond is due after it anyway.
        cues.take_while(|(_, _, play)| *play <= first.saturating_add(far)).filter_map(due).min()
    }

    /// How many ticks ahead of a cue the source's camera is moved: one at least, since at the cue itself it is seen. None
    /// where it has no head.
    fn settle(&self, source: &SourceId) -> Option<u64> {
        let ms = self.sources.candidates.get(source)?.settle_ms?;
        Some(self.grid.rate.nearest_tick(u64::from(ms)).max(1))
    }

    /// What was left out, in words, for as long as its cue lasts.
    pub(super) fn skipped_moves(&self) -> impl Iterator<Item = String> {
        self.moves.skipped.iter().map(|skipped| {
            let Skipped { source, preset, cue, .. } = skipped;
            let name = self.sources.name(source);
            format!("{name} had no time off air ahead of cue \"{cue}\" and was not moved to its preset \"{preset}\".")
        })
    }
}

fn until(at: &Position, play: u64, tick: u64) -> u64 {
    u64::try_from(at.program(play) - tick as i64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_in_every_case() {
        use Verdict::{Keep, Move, Skip, Wait};
        // left, seen, allowed on air, there: what then. The settle time is 90 ticks.
        for (left, seen, on_air, there, expected) in [
            (Some(91), false, false, false, Wait),
            (Some(91), true, true, true, Wait),
            (Some(90), false, false, false, Move),
            (Some(90), false, false, true, Move),
            (Some(90), true, false, false, Wait),
            (Some(90), true, true, false, Wait),
            (Some(89), false, false, false, Skip),
            (Some(89), false, true, false, Move),
            (Some(89), false, false, true, Keep),
            (Some(0), false, false, false, Skip),
            (Some(0), false, true, false, Move),
            (Some(0), true, false, false, Skip),
            (Some(0), true, false, true, Keep),
            (Some(0), true, true, true, Move),
            (None, false, false, false, Move),
        ] {
            assert_eq!(judge(left, 90, 1, seen, on_air, there), expected, "{left:?} {seen} {on_air} {there}");
        }
        // The tick to move at was left out.
        for (left, seen, expected) in [(90, false, Move), (31, false, Move), (30, false, Skip), (31, true, Wait)] {
            assert_eq!(judge(Some(left), 90, 60, seen, false, false), expected, "{left} {seen}");
        }
    }
}
