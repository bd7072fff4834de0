//! Overlays between the director and the picture: what a cue shows, drawn off the tick, looked up on it.

use super::easel::{Easel, Job};
use super::overlay::Painter;
use super::picture::Sprite;
use crate::clock::time_of_day;
use automation::clock::Running;
use automation::director::{OverlayAt, OverlayShown};
use automation::fault::Fault;
use automation::id::CueId;
use automation::spec::{ChannelSpec, Overlay, TextOverlay, Track};
use automation::wall::Zone;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an overlay's cue shows.
struct Content {
    job: Job,
    /// Shows the time of day: drawn anew each second.
    ticking: bool,
    /// When its cue begins.
    at_ms: i64,
}

/// The overlays of a spec, and their sprites.
pub(super) struct Layers {
    easel: Easel,
    painter: Arc<Painter>,
    contents: BTreeMap<CueId, Content>,
    /// Whose time is shown.
    zone: Option<Zone>,
    /// What was on air in the last tick. While a cue's new text is drawn, the old one stays (VS-68).
    shown: Vec<(CueId, Arc<Sprite>)>,
}

impl Layers {
    pub(super) fn new(painter: Arc<Painter>, width: u32, height: u32) -> Layers {
        let easel = Easel::start(painter.clone(), width, height);
        Layers { easel, painter, contents: BTreeMap::new(), zone: None, shown: Vec::new() }
    }

    /// Takes up a spec: the overlays of its timeline are drawn before their cues come.
    pub(super) fn spec(&mut self, spec: &ChannelSpec) {
        self.contents.clear();
        self.zone.clone_from(&spec.zone);
        let tracks = spec.timeline.iter().flat_map(|t| &t.draft().tracks);
        for track in tracks {
            let Track::Overlay { cues, enabled: true, .. } = track else { continue };
            for cue in cues {
                let (job, ticking) = match &cue.overlay {
                    Overlay::Text(text) => (Job::Text(text.clone()), text.tells_time()),
                    Overlay::Image(image) => {
                        let path = spec.assets.get(&image.asset).cloned().unwrap_or_default();
                        (Job::Image(path, image.clone()), false)
                    }
                };
                self.contents.insert(cue.id.clone(), Content { job, ticking, at_ms: cue.at_ms });
            }
        }
        self.easel.keep(|job| self.contents.values().any(|c| c.job == *job) || matches!(job, Job::Message(_)));
        let mut fixed: Vec<&Content> = self.contents.values().filter(|content| !content.ticking).collect();
        fixed.sort_by_key(|content| content.at_ms);
        fixed.iter().for_each(|content| self.easel.prepare(&content.job));
    }

    /// The sprites of the tick that is due `at`, lowest first, with their opacity. One that is not drawn yet is left out.
    pub(super) fn at(&mut self, overlays: &[OverlayAt], at: Running) -> Vec<(Arc<Sprite>, u16)> {
        self.easel.turn();
        let mut sprites = Vec::with_capacity(overlays.len());
        let before = std::mem::take(&mut self.shown);
        for overlay in overlays {
            let sprite = match &overlay.shown {
                OverlayShown::Message(text) => self.easel.sprite(&Job::Message(text.clone())),
                OverlayShown::Cue(cue) => {
                    let sprite = self.cue(cue, &before, at);
                    self.shown.extend(sprite.clone().map(|sprite| (cue.clone(), sprite)));
                    sprite
                }
            };
            sprites.extend(sprite.map(|sprite| (sprite, overlay.opacity)));
        }
        sprites
    }

    fn cue(&mut self, cue: &CueId, before: &[(CueId, Arc<Sprite>)], at: Running) -> Option<Arc<Sprite>> {
        let content = self.contents.get(cue)?;
        if let (true, Job::Text(text)) = (content.ticking, &content.job) {
            return self.easel.ticking(cue, text, TextOverlay::TIME, at, &time_of_day(self.zone.as_ref()));
        }
        let sprite = self.easel.sprite(&content.job);
        if sprite.is_some() || self.easel.is_done(&content.job) {
            return sprite;
        }
        before.iter().find(|(of, _)| of == cue).map(|(_, sprite)| sprite.clone())
    }

    /// Overlays that cannot be drawn.
    pub(super) fn faults(&self) -> Vec<Fault> {
        self.painter.fault().into_iter().chain(self.easel.faults()).collect()
    }
}

#[cfg(test)]
mod tests;
