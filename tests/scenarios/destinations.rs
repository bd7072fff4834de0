//! Destinations at real far sides. A worker by itself plays a film; what arrives is read from what they recorded.

use automation::status::DestinationState;
use harness::clip::Clip;
use harness::flv::Flv;
use harness::platform::Platform;
use harness::stage::Stage;
use harness::tap::Tap;
use harness::venue::{CLIP, house};
use harness::wait::{s, until};
use harness::worker::Worker;
use serde_json::{Value, json};
use std::time::Instant;

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

#[test]
fn at_the_end_of_the_process_platforms_are_told_goodbye_and_control_the_last_status() {
    let mut show = Show::open("goodbye");
    let platforms = ["one", "two"].map(|name| Platform::start(&show.stage.room(name), "nginx"));
    let taps = [0, 1].map(|n| Tap::before(platforms[n].port()));
    let to = |n: usize| {
        let mut to = rtmp(&format!("to-{n}"), &platforms[n], "evening");
        to["url"] = json!(format!("rtmp://127.0.0.1:{}/live", taps[n].port()));
        to
    };
    show.destinations = vec![to(0), to(1)];
    show.go_live("s1");
    for platform in &platforms {
        until("pictures at the platform", s(15), || (platform.pictures(0) > 0).then_some(()));
    }
    // One of them takes nothing any more, and holds nobody up.
    platforms[1].freeze();
    let begun = Instant::now();
    let last = show.worker.quit().expect("a last status");
    let took = begun.elapsed();
    platforms[1].thaw();
    assert!(took < s(8), "{took:?}");
    assert!(last.destinations.iter().all(|d| d.state == DestinationState::Idle && d.sessions == 1), "{last:#?}");
    let heard = taps[0].heard();
    assert_eq!(heard.len(), 1);
    let end = &heard[0][heard[0].len() - 200..];
    for word in ["FCUnpublish", "deleteStream"] {
        assert!(end.windows(word.len()).any(|w| w == word.as_bytes()), "{word} is missing at the end");
    }
    platforms[0].wait_until_closed(0);
    let flv = Flv::open(&platforms[0].recordings()[0]).expect("a recording");
    assert!(!flv.cut_off && flv.parameter_changes() == 0 && flv.backward() == 0);
}
