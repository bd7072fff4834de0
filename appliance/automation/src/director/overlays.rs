//! Which overlays lie over the picture, and how opaque they are.

use super::playhead::{Phase, Position, Score};
use crate::id::CueId;
use crate::spec::{Overlay, OverlayCue, Rate, Track};

/// Longest text of an overlay in a status, characters.
const SUMMARY_CHARS: usize = 60;

/// An enabled overlay track.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) height: u8,
    cues: Vec<LaidCue>,
}

/// A cue of an overlay track.
#[derive(Debug)]
struct LaidCue {
    id: CueId,
    at_ms: u64,
    end_ms: u64,
    fade_in_ms: u64,
    fade_out_ms: u64,
    opacity: u16,
    summary: String,
}

/// An overlay that is seen.
#[derive(Debug)]
pub(super) struct Laid<'a> {
    pub(super) cue: &'a CueId,
    pub(super) summary: &'a str,
    /// Above 0, up to 256.
    pub(super) opacity: u16,
    /// Play tick at which it is gone; none while the timeline stands.
    pub(super) gone: Option<u64>,
}

impl Layer {
    /// The layer of an overlay track, unless it is switched off.
    pub(super) fn new(track: &Track) -> Option<Layer> {
        let Track::Overlay { enabled: true, layer, cues, .. } = track else { return None };
        Some(Layer { height: *layer, cues: cues.iter().map(LaidCue::new).collect() })
    }
}

impl LaidCue {
    fn new(cue: &OverlayCue) -> LaidCue {
        let ms = |ms: i64| u64::try_from(ms).unwrap_or(0);
        let summary = match &cue.overlay {
            Overlay::Text(text) => text.text.replace('\n', " ").chars().take(SUMMARY_CHARS).collect(),
            Overlay::Image(image) => format!("picture {}", image.asset),
        };
        LaidCue {
            id: cue.id.clone(),
            at_ms: ms(cue.at_ms),
            end_ms: ms(cue.at_ms.saturating_add(cue.duration_ms)),
            fade_in_ms: ms(cue.fade_in_ms),
            fade_out_ms: ms(cue.fade_out_ms),
            opacity: (cue.opacity.clamp(0.0, 1.0) * 256.0).round() as u16,
            summary,
        }
    }
}

/// A cue's play ticks in one round.
struct Ticks {
    begin: u64,
    full: u64,
    fades: u64,
    end: u64,
}

impl Score {
    fn ticks(&self, rate: Rate, round: u64, cue: &LaidCue) -> Ticks {
        let tick = |ms| self.play_tick(rate, round, ms);
        let full = tick(cue.at_ms.saturating_add(cue.fade_in_ms).min(cue.end_ms));
        let fades = tick(cue.end_ms.saturating_sub(cue.fade_out_ms).max(cue.at_ms));
        Ticks { begin: tick(cue.at_ms), full, fades, end: tick(cue.end_ms) }
    }

    /// The overlays at a position, lowest first. While the timeline waits, those of its beginning, without fades.
    pub(super) fn overlays(&self, rate: Rate, at: &Position) -> Vec<Laid<'_>> {
        self.layers.iter().filter_map(|layer| self.overlay(rate, at, layer)).collect()
    }

    fn overlay<'a>(&self, rate: Rate, at: &Position, layer: &'a Layer) -> Option<Laid<'a>> {
        if at.phase == Phase::Ended {
            return None;
        }
        let begun = layer.cues.partition_point(|cue| self.play_tick(rate, at.round, cue.at_ms) <= at.play);
        let cue = &layer.cues[begun.checked_sub(1)?];
        let ticks = self.ticks(rate, at.round, cue);
        if at.play >= ticks.end {
            return None;
        }
        let weight = if at.phase == Phase::Waiting { 256 } else { ticks.weight(at.play) };
        let opacity = (weight * u64::from(cue.opacity) + 128) / 256;
        let gone = (at.phase == Phase::Running).then_some(ticks.end);
        (opacity > 0).then_some(Laid { cue: &cue.id, summary: &cue.summary, opacity: opacity as u16, gone })
    }

    /// The next play tick at which an overlay comes, goes or fades.
    pub(super) fn overlays_change(&self, rate: Rate, at: &Position) -> Option<u64> {
        self.layers.iter().filter_map(|layer| self.layer_changes(rate, at, layer)).min()
    }

    fn layer_changes(&self, rate: Rate, at: &Position, layer: &Layer) -> Option<u64> {
        let begun = layer.cues.partition_point(|cue| self.play_tick(rate, at.round, cue.at_ms) <= at.play);
        let here = begun.checked_sub(1).and_then(|index| {
            let ticks = self.ticks(rate, at.round, &layer.cues[index]);
            let fading = at.play < ticks.full || (ticks.fades..ticks.end).contains(&(at.play + 1));
            let next = if fading { at.play + 1 } else { ticks.fades.max(at.play + 1) };
            (at.play < ticks.end).then_some(next.min(ticks.end))
        });
        let next = layer.cues.get(begun).map(|cue| self.play_tick(rate, at.round, cue.at_ms));
        let again = layer.cues.first().filter(|_| self.repeat);
        let again = again.map(|cue| self.play_tick(rate, at.round + 1, cue.at_ms));
        here.into_iter().chain(next).chain(again).min()
    }
}

impl Ticks {
    /// 1 to 256: up over the fade in, down over the fade out, in even steps that touch neither end.
    fn weight(&self, play: u64) -> u64 {
        let (rising, falling) = (self.full - self.begin, self.end - self.fades);
        let up = if play < self.full { (play - self.begin + 1) * 256 / (rising + 1) } else { 256 };
        let down = if play >= self.fades { (self.end - play) * 256 / (falling + 1) } else { 256 };
        up.min(down)
    }
}
