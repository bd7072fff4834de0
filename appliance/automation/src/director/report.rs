//! What the status tells of the last frame.

use super::playhead::{Phase, Position, Score, VideoCue};
use super::{Director, MESSAGE_BACKUP, Plan, Showing};
use crate::fault::{Code, Fault};
use crate::id::{CueId, SourceId};
use crate::status::{Carrier, OnAir, OverlayStatus, SourceState, TimelineStatus};

impl Director {
    /// Media that will be wanted soon: sources with the tick at which they come on air, within the next `ticks` ticks,
    /// so that a clip stands ready on its first frame.
    pub fn upcoming(&self, ticks: u64) -> Vec<(SourceId, i64)> {
        let Some((score, at)) = self.score_and_position() else { return Vec::new() };
        let counting_down = at.phase == Phase::Waiting && self.is_live();
        if at.phase != Phase::Running && !counting_down {
            return Vec::new();
        }
        let until = self.last_tick.unwrap_or(0).saturating_add(ticks) as i64;
        let cues = score.cues_after(self.grid.rate, at).map(|(cue, _, play)| (cue, at.program(play)));
        let soon = cues.take_while(|(_, tick)| *tick <= until).filter(|(cue, _)| cue.plays_media);
        soon.map(|(cue, tick)| (cue.source.clone(), tick)).collect()
    }

    /// For the status: what the audience sees at the last frame.
    pub fn on_air(&self) -> OnAir {
        let Some(showing) = &self.showing else {
            return OnAir {
                source: None,
                leaving: None,
                wanted: None,
                carrier: Carrier::Slate,
                by_hand: None,
                since_tick: 0,
                sound: None,
            };
        };
        OnAir {
            source: showing.shown.source.clone(),
            leaving: self.mixing.as_ref().and_then(|mixing| mixing.from.source.clone()),
            wanted: showing.wanted.clone(),
            carrier: showing.carrier,
            by_hand: self.by_hand().map(|manual| manual.hold),
            since_tick: showing.since_tick,
            sound: self.heard.clone(),
        }
    }

    /// For the status: where the timeline stands at the last frame.
    pub fn timeline(&self) -> Option<TimelineStatus> {
        let (score, at) = self.score_and_position()?;
        let grid = self.grid;
        let into_round = at.play.saturating_sub(score.play_tick(grid.rate, at.round, 0));
        let next = score.cues_after(grid.rate, at).next();
        Some(TimelineStatus {
            timeline: score.id.clone(),
            position_ms: grid.ms(into_round).min(score.duration_ms),
            rounds: if at.phase == Phase::Ended { 1 } else { at.round },
            cue: self.cue_under(score, at).map(|cue| cue.id.clone()),
            next: next.map(|(cue, _, play)| (cue.id.clone(), grid.ms(play.saturating_sub(at.play)))),
            paused: at.phase == Phase::Paused,
            running: at.phase == Phase::Running,
        })
    }

    /// The cue whose time it is; none in a gap and at the end.
    fn cue_under<'a>(&self, score: &'a Score, at: &Position) -> Option<&'a VideoCue> {
        let cue_at = self.cue?;
        let cue = &score.cues[cue_at.index];
        match at.phase {
            Phase::Waiting => (cue.at_ms == 0).then_some(cue),
            Phase::Ended => None,
            Phase::Running | Phase::Paused => {
                let end = score.play_tick(self.grid.rate, cue_at.begun?, cue.end_ms);
                (at.play < end).then_some(cue)
            }
        }
    }

    /// For the status: the overlays of the last frame.
    pub fn overlays(&self) -> Vec<OverlayStatus> {
        let tick = self.last_tick.unwrap_or(0);
        let mut overlays = Vec::new();
        if self.is_bare() {
            return overlays;
        }
        if let Some((score, at)) = self.score_and_position() {
            for laid in score.overlays(self.grid.rate, at) {
                overlays.push(OverlayStatus {
                    cue: Some(CueId::clone(laid.cue)),
                    text: laid.summary.to_owned(),
                    left_ms: laid.gone.map(|gone| self.grid.ms(gone.saturating_sub(at.play))),
                });
            }
        }
        if let Some(left) = self.message_left(tick) {
            let left_ms = Some(self.grid.ms(left));
            overlays.push(OverlayStatus { cue: None, text: MESSAGE_BACKUP.to_owned(), left_ms });
        }
        overlays
    }

    /// For the status: what it knows of a source.
    pub fn source_state(&self, source: &SourceId) -> SourceState {
        self.sources.state(source, self.grid.time(self.last_tick.unwrap_or(0)))
    }

    /// For the status: `ClockUnknown`, `SlateOnAir`, `SlateByHand`, `FallbackOnAir` (with "Camera 2 offline – switched to
    /// backup"), `SoundFallback`, `PresetSkipped`.
    pub fn faults(&self) -> Vec<Fault> {
        let Some(showing) = &self.showing else { return Vec::new() };
        let plan = self.plan.as_ref();
        let channel = plan.map_or("", |plan| plan.channel.as_str());
        let waits = |plan: &&Plan| plan.wall.is_none() && plan.score.as_ref().is_some_and(|s| s.daily_ms.is_some());
        let clock = plan.filter(waits).map(|_| Fault::new(Code::ClockUnknown, channel));
        let fault = match &showing.shown.source {
            None if showing.carrier == Carrier::SlateByHand => Some(Fault::new(Code::SlateByHand, channel)),
            None => Some(Fault::new(Code::SlateOnAir, channel).with_text(self.slate_text(showing))),
            Some(on_air) => showing.wanted.as_ref().filter(|wanted| *wanted != on_air).map(|wanted| {
                let (missing, name) = (self.missing(wanted), self.sources.name(on_air));
                let kept = showing.carrier == Carrier::Kept;
                let text = if kept {
                    format!("{missing} – {name} stays")
                } else {
                    format!("{missing} – switched to {name}")
                };
                Fault::new(Code::FallbackOnAir, channel).with_text(text)
            }),
        };
        let skipped = self.skipped_moves().map(|text| Fault::new(Code::PresetSkipped, channel).with_text(text));
        clock.into_iter().chain(fault).chain(self.sound_fault()).chain(skipped).collect()
    }

    fn slate_text(&self, showing: &Showing) -> String {
        match &showing.wanted {
            Some(wanted) => format!("{} – the audience sees the slate", self.missing(wanted)),
            None if self.plan.is_none() => "Nothing is configured yet: the slate is on air.".to_owned(),
            None => Code::SlateOnAir.text().to_owned(),
        }
    }

    fn missing(&self, source: &SourceId) -> String {
        let name = self.sources.name(source);
        let plays = if self.sources.is_media(source) { "cannot be played" } else { "offline" };
        format!("{name} {plays}")
    }

    fn score_and_position(&self) -> Option<(&Score, &Position)> {
        self.plan.as_ref().and_then(|plan| plan.score.as_ref()).zip(self.position.as_ref())
    }

    pub(super) fn is_live(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.live.is_some())
    }
}
