//! A small studio: cameras that send 30 pictures a second, a program of 30 ticks a second that starts at 100 s.

mod by_hand;
mod daily;
mod failover;
mod heard;
mod hint;
mod moves;
mod show;
mod sight;
mod wake;

use super::*;
use crate::spec::ChannelSpecDraft;
use crate::status::{OnAir, SourceState};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const START: Running = Running(100_000_000_000);
const RATE: Rate = Rate { num: 30, den: 1 };

fn id(text: &str) -> SourceId {
    SourceId::new(text).unwrap()
}

/// The moment of a tick, in nanoseconds, as specs say it.
fn at(tick: i64) -> u64 {
    (START.0 as i64 + tick * 100_000_000 / 3) as u64
}

fn camera(id: &str, backup: Option<&str>) -> Value {
    json!({"id": id, "name": id.to_uppercase(), "kind": "camera", "url": "rtsp://cam/1", "backup": backup})
}

fn clip(id: &str) -> Value {
    json!({"id": id, "name": id.to_uppercase(), "kind": "media", "asset": "film"})
}

/// A cue of 30 ticks a second: from tick, for ticks.
fn cue(id: &str, from: u64, ticks: u64, source: &str) -> Value {
    let action = if source.starts_with("clip") { "show_media" } else { "show_camera" };
    json!({"id": id, "at_ms": ms(from), "duration_ms": ms(from + ticks) - ms(from),
           "action": {"type": action, "source": source}})
}

fn ms(tick: u64) -> u64 {
    tick * 1000 / 30
}

fn mixed(mut cue: Value, kind: &str, ticks: u64) -> Value {
    cue["transition"] = json!({"kind": kind, "duration_ms": ms(ticks)});
    cue
}

fn video(cues: Vec<Value>) -> Value {
    json!({"type": "video", "name": "Main", "cues": cues})
}

fn timeline(ticks: u64, tracks: Vec<Value>) -> Value {
    json!({"id": "show", "name": "Show", "duration_ms": ms(ticks), "tracks": tracks})
}

fn text(id: &str, from: u64, ticks: u64) -> Value {
    json!({"id": id, "at_ms": ms(from), "duration_ms": ms(from + ticks) - ms(from),
           "overlay": {"type": "text", "text": id, "anchor": "bottom", "size": 50, "colour": "#ffffff"}})
}

fn live(tick: i64) -> Value {
    json!({"session": "s1", "at": at(tick), "paused_at": null, "paused_ns": 0})
}

struct Studio {
    director: Director,
    spec: Value,
    sending: BTreeSet<SourceId>,
    tick: u64,
    last: Option<Frame>,
}

impl Studio {
    /// Two cameras that send, a loop, and a second clip; `cam1` is the primary source.
    fn new() -> Studio {
        let spec = json!({
            "generation": 1, "channel": "main", "name": "Town Hall",
            "house": {"width": 1280, "height": 720, "rate": {"num": 30, "den": 1}, "video_kbps": 3000, "audio_kbps": 128},
            "sources": [camera("cam1", None), camera("cam2", None), camera("obs", None), clip("clip1"), clip("clip2")],
            "assets": {"film": "/assets/film.mp4"},
            "failover": {"primary": "cam1"},
            "timeline": null, "manual": null, "live": null, "destinations": [], "messages": {}
        });
        let sending = [id("cam1"), id("cam2")].into();
        Studio { director: Director::new(RATE, START), spec, sending, tick: 0, last: None }
    }

    fn with(mut self, change: impl FnOnce(&mut Value)) -> Studio {
        change(&mut self.spec);
        self.tell();
        self
    }

    fn change(&mut self, change: impl FnOnce(&mut Value)) {
        change(&mut self.spec);
        self.tell();
    }

    fn tell(&mut self) {
        let draft: ChannelSpecDraft = serde_json::from_value(self.spec.clone()).unwrap();
        self.director.spec(&ChannelSpec::try_from(draft).unwrap());
    }

    /// Runs up to and with a tick.
    fn run_to(&mut self, tick: u64) -> &mut Studio {
        while self.tick <= tick {
            let now = self.director.grid.time(self.tick);
            for source in &self.sending {
                self.director.picture(source, now);
            }
            self.last = Some(self.director.frame(self.tick));
            self.tick += 1;
        }
        self
    }

    fn stop(&mut self, source: &str) {
        assert!(self.sending.remove(&id(source)));
    }

    fn begin(&mut self, source: &str) {
        self.sending.insert(id(source));
    }

    fn on_air(&self) -> OnAir {
        self.director.on_air()
    }

    /// `source carrier`, for example `cam1 Timeline`.
    fn air(&self) -> String {
        let air = self.on_air();
        format!("{} {:?}", air.source.map_or("-".into(), String::from), air.carrier)
    }

    fn faults(&self) -> Vec<(crate::fault::Code, String)> {
        self.director.faults().into_iter().map(|fault| (fault.code, fault.text)).collect()
    }

    fn began(&self) -> i64 {
        match &self.last.as_ref().unwrap().picture {
            Picture::One(shown) | Picture::Mix { to: shown, .. } => shown.began,
        }
    }

    fn overlays(&self) -> Vec<String> {
        let overlays = &self.last.as_ref().unwrap().overlays;
        let name = |overlay: &OverlayAt| match &overlay.shown {
            OverlayShown::Cue(cue) => format!("{cue} {}", overlay.opacity),
            OverlayShown::Message(text) => format!("\"{text}\" {}", overlay.opacity),
        };
        overlays.iter().map(name).collect()
    }

    /// Runs up to and with a tick, and tells each change of what is on air as `tick: source carrier`.
    fn changes_to(&mut self, tick: u64) -> Vec<String> {
        let mut changes = Vec::new();
        let mut before = self.last.is_some().then(|| self.air());
        while self.tick <= tick {
            self.run_to(self.tick);
            if before.as_ref() != Some(&self.air()) {
                changes.push(format!("{}: {}", self.tick - 1, self.air()));
                before = Some(self.air());
            }
        }
        changes
    }
}
