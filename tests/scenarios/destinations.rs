//! Destinations at real far sides. A worker by itself plays a film; what arrives is read from what they recorded.

use automation::status::DestinationState;
use harness::clip::Clip;
use harness::platform::Platform;
use harness::stage::Stage;
use harness::venue::{CLIP, house};
use harness::wait::{s, until};
use harness::worker::Worker;
use serde_json::{Value, json};

/// A worker that plays the clip, with the broadcast and the destinations that were asked for last.
struct Show {
    worker: Worker,
    generation: u64,
    session: Option<(String, u64)>,
    destinations: Vec<Value>,
    stage: Stage,
}

impl Show {
    fn open(name: &str) -> Show {
        let stage = Stage::new(name);
        let worker = Worker::start(&stage.room("run"), "main");
        let mut show = Show { worker, generation: 0, session: None, destinations: Vec::new(), stage };
        show.tell();
        show.worker.wait("the clip on air", s(20), |status| {
            status.on_air.source.is_some() && status.program.tick > status.on_air.since_tick + 70
        });
        show
    }

    /// Hands the worker what is wanted now.
    fn tell(&mut self) {
        self.generation += 1;
        let live =
            self.session.as_ref().map(|(id, at)| json!({"session": id, "at": at, "paused_at": null, "paused_ns": 0}));
        self.worker.spec(json!({
            "generation": self.generation, "channel": "main", "name": "Main stage", "house": house(),
            "sources": [{"id": "clip", "name": "Clip", "kind": "media", "asset": "clip"}],
            "assets": {"clip": Clip::new(CLIP, 16).file()},
            "failover": {"primary": "clip"},
            "timeline": null, "manual": null, "live": live, "messages": {},
            "destinations": self.destinations,
        }));
    }

    fn go_live(&mut self, session: &str) {
        self.session = Some((session.to_owned(), Worker::now_ns()));
        self.tell();
    }
}

fn rtmp(id: &str, platform: &Platform, key: &str) -> Value {
    json!({"id": id, "name": id, "url": platform.url(), "key": key, "enabled": true})
}

#[test]
fn a_key_may_hold_any_character() {
    let mut show = Show::open("keys");
    let platform = Platform::start(&show.stage.room("platform"), "nginx");
    // As nginx-rtmp tells them: what follows a question mark is arguments of its own.
    let keys = ["venue/evening", "venue/a/b?user=x&token=y/z", "a&b=c", "100%25#1"];
    let names = ["venue/evening", "venue/a/b", "a%26b=c", "100%2525%231"];
    for (n, (key, name)) in keys.iter().zip(names).enumerate() {
        show.destinations = vec![rtmp(&format!("to-{n}"), &platform, key)];
        show.go_live(&format!("s{n}"));
        until("pictures at the platform", s(15), || (platform.pictures(n) > 0).then_some(()));
        show.worker.wait("media accepted", s(5), |status| {
            status.destinations.iter().any(|d| d.state == DestinationState::Live && d.sessions == 1)
        });
        assert_eq!(platform.publishes()[n].name, name, "{key}");
    }
}
