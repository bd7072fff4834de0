//! When the answer may change by itself: for whoever plays time in jumps.

use super::Director;
use super::playhead::{Phase, Position, Score};
use crate::clock::Running;

impl Director {
    /// The earliest tick after the last frame at which the frame may differ or a camera be moved, if nothing is told to
    /// the director meanwhile. None where nothing will change. It may be too early, never too late.
    pub fn next_change(&self) -> Option<u64> {
        let last = self.last_tick?;
        let next = last + 1;
        let plan = self.plan.as_ref()?;
        let mixing = (self.mixing.is_some() || self.is_waiting()).then_some(next);
        let message = self.message_left(last).map(|left| last + left);
        let moment = |at: Running| Some(self.grid.first_from(at)).filter(|tick| *tick >= next);
        let sources = self.sources.turns().filter_map(moment).min();
        let go = plan.live.as_ref().and_then(|live| u64::try_from(self.grid.nearest(live.at)).ok());
        let pause = plan.live.as_ref().and_then(|live| live.paused_at);
        let pause = pause.and_then(|at| u64::try_from(self.grid.nearest(at)).ok());
        let timeline = plan.score.as_ref().zip(self.position.as_ref());
        let timeline = timeline.and_then(|(score, at)| self.timeline_changes(score, at));
        let day = plan.score.as_ref().and_then(|score| self.next_day(score, last));
        let turns = [mixing, message, sources, go, pause, timeline, day, self.next_move()].into_iter().flatten();
        turns.filter(|tick| *tick >= next).min()
    }

    /// The tick at which another day may begin, for a timeline that follows the time of day.
    pub(super) fn next_day(&self, score: &Score, last: u64) -> Option<u64> {
        let wall = self.plan.as_ref()?.wall.as_ref()?;
        let next = wall.next_day(self.grid.time_ns(last as i64), score.daily_ms?);
        Some(self.grid.first_from(Running(u64::try_from(next).ok()?)))
    }

    fn timeline_changes(&self, score: &Score, at: &Position) -> Option<u64> {
        if at.phase != Phase::Running {
            return None;
        }
        let rate = self.grid.rate;
        let cue = score.cues_after(rate, at).next().map(|(_, _, start)| start);
        let end = (!score.repeat).then(|| score.play_tick(rate, 1, 0));
        let play = [cue, end, score.overlays_change(rate, at)].into_iter().flatten().filter(|p| *p > at.play).min()?;
        u64::try_from(at.program(play)).ok()
    }
}
