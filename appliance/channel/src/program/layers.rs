//! Overlays between the director and the picture: what a cue shows, drawn off the tick, looked up on it.

use super::easel::{Easel, Job};
use super::overlay::Painter;
use super::picture::Sprite;
use automation::director::{OverlayAt, OverlayShown};
use automation::fault::Fault;
use automation::id::CueId;
use automation::spec::{ChannelSpec, Overlay, Track};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The word in a text that stands for the local time.
const TIME: &str = "{time}";

/// What an overlay's cue shows.
struct Content {
    job: Job,
    /// Shows the time of day: drawn anew each second.
    ticking: bool,
}

/// The overlays of a spec, and their sprites.
pub(super) struct Layers {
    easel: Easel,
    painter: Arc<Painter>,
    contents: BTreeMap<CueId, Content>,
    /// What was on air in the last tick. While a cue's new text is drawn, the old one stays (VS-68).
    shown: Vec<(CueId, Arc<Sprite>)>,
}

impl Layers {
    pub(super) fn new(painter: Arc<Painter>, width: u32, height: u32) -> Layers {
        let easel = Easel::start(painter.clone(), width, height);
        Layers { easel, painter, contents: BTreeMap::new(), shown: Vec::new() }
    }

    /// Takes up a spec: every overlay of its timeline is drawn before its cue comes.
    pub(super) fn spec(&mut self, spec: &ChannelSpec) {
        self.contents.clear();
        let tracks = spec.timeline.iter().flat_map(|t| &t.draft().tracks);
        for track in tracks {
            let Track::Overlay { cues, enabled: true, .. } = track else { continue };
            for cue in cues {
                let (job, ticking) = match &cue.overlay {
                    Overlay::Text(text) => (Job::Text(text.clone()), text.text.contains(TIME)),
                    Overlay::Image(image) => {
                        let path = spec.assets.get(&image.asset).cloned().unwrap_or_default();
                        (Job::Image(path, image.clone()), false)
                    }
                };
                if !ticking {
                    self.easel.want(&job);
                }
                self.contents.insert(cue.id.clone(), Content { job, ticking });
            }
        }
        self.easel.keep(|job| self.contents.values().any(|c| c.job == *job) || matches!(job, Job::Message(_)));
    }

    /// The sprites of a tick, lowest first, with their opacity. One that is not drawn yet is left out.
    pub(super) fn at(&mut self, overlays: &[OverlayAt]) -> Vec<(Arc<Sprite>, u16)> {
        let mut sprites = Vec::with_capacity(overlays.len());
        let before = std::mem::take(&mut self.shown);
        for overlay in overlays {
            let sprite = match &overlay.shown {
                OverlayShown::Message(text) => self.easel.sprite(&Job::Message(text.clone())),
                OverlayShown::Cue(cue) => {
                    let sprite = self.cue(cue, &before);
                    self.shown.extend(sprite.clone().map(|sprite| (cue.clone(), sprite)));
                    sprite
                }
            };
            sprites.extend(sprite.map(|sprite| (sprite, overlay.opacity)));
        }
        sprites
    }

    fn cue(&mut self, cue: &CueId, before: &[(CueId, Arc<Sprite>)]) -> Option<Arc<Sprite>> {
        let content = self.contents.get(cue)?;
        if content.ticking {
            return self.easel.ticking(cue, &content.job, TIME);
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
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::{Duration, Instant};

    type Sprites = Vec<(Arc<Sprite>, u16)>;

    fn spec(generation: u64, text: &str) -> ChannelSpec {
        let overlay = json!({"type": "text", "text": text, "anchor": "bottom", "size": 100, "colour": "#ffffff"});
        let cue = json!({"id": "tide", "at_ms": 0, "duration_ms": 5000, "overlay": overlay});
        let house =
            json!({"width": 640, "height": 360, "rate": {"num": 30, "den": 1}, "video_kbps": 800, "audio_kbps": 96});
        let draft = json!({
            "generation": generation, "channel": "main", "name": "Hall", "house": house, "destinations": [],
            "failover": {"primary": "bars", "holdoff_ms": 300, "stable_ms": 500}, "manual": null, "live": null, "messages": {"backup": false},
            "sources": [{"id": "bars", "name": "Bars", "kind": "test_pattern", "pattern": "bars"}], "assets": {},
            "timeline": {"id": "show", "name": "Show", "duration_ms": 5000, "repeat": false,
                "tracks": [{"type": "video", "name": "Main", "cues": []}, {"type": "overlay", "name": "Titles", "layer": 1, "cues": [cue]}]},
        });
        serde_json::from_value(draft).expect("a valid spec")
    }

    #[test]
    fn an_edited_text_follows_the_old_one_without_a_gap() {
        let on_air = [OverlayAt { shown: OverlayShown::Cue(CueId::new("tide").expect("an id")), opacity: 256 }];
        let mut layers = Layers::new(Arc::new(Painter::new()), 640, 360);
        let begun = Instant::now();
        let until = |layers: &mut Layers, what: &str, is: &dyn Fn(&Sprites) -> bool| loop {
            let sprites = layers.at(&on_air);
            if is(&sprites) {
                return sprites;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
            std::thread::park_timeout(Duration::from_millis(1));
        };
        layers.spec(&spec(1, "Tide: High 3:45 PM"));
        let old = until(&mut layers, "the text", &|sprites| !sprites.is_empty())[0].0.clone();
        layers.spec(&spec(2, "Tide: Low 9:10 PM"));
        let new = until(&mut layers, "the new text", &|sprites| {
            assert_eq!(sprites.len(), 1, "never without a text");
            !Arc::ptr_eq(&sprites[0].0, &old)
        });
        assert_eq!(new.len(), 1);
        // Off air nothing is kept: what comes back is the newest or nothing.
        assert!(layers.at(&[]).is_empty() && layers.shown.is_empty());
    }
}
