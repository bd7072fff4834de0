//! Where the timeline stands, and which video cue that is.
//!
//! A *play tick* counts ticks from GO LIVE without the time that the timeline stood still. A round of a repeated
//! timeline begins at the play tick nearest to round × duration, so that roundings never add up.
//!
//! ```text
//! Waiting ── tick of GO LIVE ──► Running ── end, no repeat ──► Ended
//!                                 ▲  │
//!                        resumed ─┘  └─ paused ──► Paused
//! ```
//! A timeline that follows the time of day counts its play ticks from the beginning of the present day instead, and
//! needs no broadcast; while the time of day is not known it stands nowhere. Paused it stands, and then goes on where
//! the clock is.
//!
//! Bad input: a play tick never runs backwards in one broadcast (roundings of a pause); a pause before GO LIVE
//! stands at 0; a timeline without a video cue wants nothing.

use super::grid::Grid;
use super::overlays::Layer;
use crate::id::{CueId, SourceId, TimelineId};
use crate::spec::{Action, CuePreset, Live, Rate, Start, Timeline, Track, TransitionKind};
use crate::wall::{Day, WallClock};

/// A timeline, prepared for being asked at each tick.
#[derive(Debug)]
pub(super) struct Score {
    pub(super) id: TimelineId,
    pub(super) duration_ms: u64,
    pub(super) repeat: bool,
    /// Time of day at which it begins, milliseconds after midnight; none where GO LIVE begins it.
    pub(super) daily_ms: Option<i64>,
    /// Cues of the main track: the first enabled video track.
    pub(super) cues: Vec<VideoCue>,
    /// Whether any of them moves a camera.
    pub(super) has_presets: bool,
    /// Enabled overlay tracks, lowest first.
    pub(super) layers: Vec<Layer>,
}

/// A cue of the main track.
#[derive(Debug)]
pub(super) struct VideoCue {
    pub(super) id: CueId,
    pub(super) at_ms: u64,
    pub(super) end_ms: u64,
    pub(super) source: SourceId,
    pub(super) plays_media: bool,
    pub(super) transition: TransitionKind,
    pub(super) transition_ms: u64,
    /// The preset that its camera goes to.
    pub(super) preset: Option<CuePreset>,
}

/// What the playhead does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting,
    Running,
    Paused,
    Ended,
}

/// Where the playhead is at a tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) phase: Phase,
    /// Play tick, over all rounds.
    pub(super) play: u64,
    /// Rounds before this one.
    pub(super) round: u64,
    /// Program tick of play tick 0, as things stand.
    pub(super) zero: i64,
}

/// The cue that has the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct CueAt {
    pub(super) index: usize,
    /// The round in which it began; none where it is shown before its time, waiting for GO LIVE.
    pub(super) begun: Option<u64>,
}

/// The tick of GO LIVE, which may lie before the program's start, and before the machine's.
pub(super) fn go_live(grid: Grid, live: &Live) -> i64 {
    grid.nearest(live.at).saturating_sub(grid.nearest_ns(i128::from(live.ahead_ns)))
}

/// The tick since which a person has let the timeline stand still.
fn paused(grid: Grid, live: Option<&Live>, now: i64) -> Option<i64> {
    live?.paused_at.map(|at| grid.nearest(at)).filter(|pause| *pause <= now)
}

fn positive(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}

impl Score {
    pub(super) fn new(timeline: &Timeline) -> Score {
        let draft = timeline.draft();
        let main = draft.tracks.iter().find_map(|track| match track {
            Track::Video { enabled: true, cues, .. } => Some(cues),
            _ => None,
        });
        let cues = main.into_iter().flatten().map(|cue| VideoCue {
            id: cue.id.clone(),
            at_ms: positive(cue.at_ms),
            end_ms: positive(cue.at_ms.saturating_add(cue.duration_ms)),
            source: cue.action.source().clone(),
            plays_media: matches!(cue.action, Action::ShowMedia { .. }),
            transition: cue.transition.kind,
            transition_ms: positive(cue.transition.duration_ms),
            preset: cue.action.preset().cloned(),
        });
        let cues: Vec<VideoCue> = cues.collect();
        let mut layers: Vec<Layer> = draft.tracks.iter().filter_map(Layer::new).collect();
        layers.sort_by_key(|layer| layer.height);
        Score {
            id: draft.id.clone(),
            duration_ms: positive(draft.duration_ms).max(1),
            repeat: draft.repeat,
            daily_ms: match draft.start {
                Start::GoLive => None,
                Start::Daily { at_ms } => Some(at_ms),
            },
            has_presets: cues.iter().any(|cue| cue.preset.is_some()),
            cues,
            layers,
        }
    }

    /// The play tick of a time of a round.
    pub(super) fn play_tick(&self, rate: Rate, round: u64, ms: u64) -> u64 {
        rate.nearest_tick(round.saturating_mul(self.duration_ms).saturating_add(ms))
    }

    /// The day of a timeline that follows the time of day; none where it does not, or does not know the time.
    pub(super) fn day(&self, grid: Grid, live: Option<&Live>, wall: Option<&WallClock>, tick: u64) -> Option<Day> {
        let at = paused(grid, live, tick as i64).unwrap_or(tick as i64);
        Some(wall?.day(grid.time_ns(at), self.daily_ms?))
    }

    /// Where the playhead is at a program tick of a day. `floor` is the last play tick of that day.
    pub(super) fn position_of_day(
        &self,
        grid: Grid,
        live: Option<&Live>,
        day: Day,
        tick: u64,
        floor: &mut u64,
    ) -> Position {
        let (now, pause) = (tick as i64, paused(grid, live, tick as i64));
        let began = grid.nearest_ns(day.began_ns - i128::from(grid.start.0));
        let play = u64::try_from(pause.unwrap_or(now) - began).unwrap_or(0).max(*floor);
        *floor = play;
        self.place(grid, now, play, pause.is_some())
    }

    /// Where the playhead is at a program tick. `floor` is the last play tick of this broadcast.
    pub(super) fn position(&self, grid: Grid, live: Option<&Live>, tick: u64, floor: &mut u64) -> Position {
        let now = tick as i64;
        let waiting = |zero| Position { phase: Phase::Waiting, play: 0, round: 0, zero };
        let Some(live) = live else { return waiting(now) };
        let go = go_live(grid, live);
        if now < grid.nearest(live.at) {
            return waiting(go);
        }
        let pause = paused(grid, Some(live), now);
        let stood = grid.nearest_ns(i128::from(live.paused_ns));
        let play = u64::try_from(pause.unwrap_or(now) - go - stood).unwrap_or(0).max(*floor);
        *floor = play;
        self.place(grid, now, play, pause.is_some())
    }

    fn place(&self, grid: Grid, now: i64, play: u64, paused: bool) -> Position {
        let end = self.play_tick(grid.rate, 1, 0);
        if !self.repeat && play >= end {
            return Position { phase: Phase::Ended, play: end, round: 0, zero: now - play as i64 };
        }
        let round = if self.repeat { self.round_at(grid, play) } else { 0 };
        let phase = if paused { Phase::Paused } else { Phase::Running };
        Position { phase, play, round, zero: now - play as i64 }
    }

    fn round_at(&self, grid: Grid, play: u64) -> u64 {
        let mut round = grid.ms(play) / self.duration_ms;
        while self.play_tick(grid.rate, round + 1, 0) <= play {
            round += 1;
        }
        while round > 0 && self.play_tick(grid.rate, round, 0) > play {
            round -= 1;
        }
        round
    }

    /// The cue that has the picture; in a gap the one before it. None where there is no video cue at all.
    pub(super) fn cue_at(&self, rate: Rate, at: &Position) -> Option<CueAt> {
        let last = self.cues.len().checked_sub(1)?;
        if at.phase == Phase::Waiting {
            return Some(CueAt { index: 0, begun: None });
        }
        let begun = self.cues.partition_point(|cue| self.play_tick(rate, at.round, cue.at_ms) <= at.play);
        Some(match (begun.checked_sub(1), at.round.checked_sub(1)) {
            (Some(index), _) => CueAt { index, begun: Some(at.round) },
            (None, Some(before)) => CueAt { index: last, begun: Some(before) },
            (None, None) => CueAt { index: 0, begun: None },
        })
    }

    /// Video cues that begin after a position, in order, with their rounds. Endless where the timeline repeats.
    pub(super) fn cues_after<'a>(
        &'a self,
        rate: Rate,
        at: &Position,
    ) -> impl Iterator<Item = (&'a VideoCue, u64, u64)> + use<'a> {
        let ended = at.phase == Phase::Ended || self.cues.is_empty();
        let (round, play) = (at.round, at.play);
        // While it waits, the first cue is still to begin, at play tick 0 too.
        let waits = at.phase == Phase::Waiting;
        let rounds = if ended { 0..0 } else { round..if self.repeat { u64::MAX } else { round + 1 } };
        let all = rounds.flat_map(move |round| self.cues.iter().map(move |cue| (cue, round)));
        all.map(move |(cue, round)| (cue, round, self.play_tick(rate, round, cue.at_ms)))
            .filter(move |(_, _, start)| *start > play || (waits && *start >= play))
    }
}

impl Position {
    /// The program tick of a play tick, if the playhead does not stop.
    pub(super) fn program(&self, play: u64) -> i64 {
        self.zero.saturating_add(play as i64)
    }
}
