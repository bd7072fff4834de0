//! The sound of one source with every picture: a mixing desk beside the cameras.

use automation::status::{ChannelStatus, SourceState};
use harness::clip::Clip;
use harness::figures::note;
use harness::platform::Platform;
use harness::recording::Recording;
use harness::rtsp::{Mount, Rtsp};
use harness::stage::Stage;
use harness::venue::{CAMERA_1, CAMERA_2, assert_whole, house};
use harness::wait::s;
use harness::worker::Worker;
use serde_json::{Value, json};

const NAME: &str = "desk";
/// By how much the desk's sound is held back in the second part, milliseconds.
const DELAY_MS: u32 = 300;

fn spec(generation: u64, cameras: &[Rtsp; 2], platform: &Platform, delay_ms: u32, live: Option<u64>) -> Value {
    json!({
        "generation": generation, "channel": "main", "name": "Main stage", "house": house(),
        "sources": [
            {"id": "one", "name": "One", "kind": "camera", "url": cameras[0].url("/live"), "latency_ms": 200},
            {"id": "two", "name": "Two", "kind": "camera", "url": cameras[1].url("/live"), "latency_ms": 200},
        ],
        "assets": {}, "failover": {"primary": "one", "holdoff_ms": 300, "stable_ms": 1000},
        "sound": {"source": "two", "delay_ms": delay_ms},
        "timeline": null, "manual": null,
        "live": live.map(|at| json!({"session": "s1", "at": at, "paused_at": null, "paused_ns": 0})),
        "destinations": [{"id": "p", "name": "P", "url": platform.url(), "key": "key", "enabled": true}],
        "messages": {},
    })
}

fn hears(source: Option<&'static str>) -> impl Fn(&ChannelStatus) -> bool {
    move |status| status.on_air.sound.as_ref().map(|id| id.as_str()) == source
}

/// Waits until the program has gone on for so many ticks.
fn go_on(worker: &mut Worker, ticks: u64) {
    let from = worker.wait("a status", s(5), |_| true).program.tick;
    worker.wait("the program to go on", s(20), |status| status.program.tick >= from + ticks);
}

#[test]
fn the_desk_is_heard_with_every_camera_held_back_as_asked_and_replaced_while_it_is_away() {
    let stage = Stage::new(NAME);
    let camera =
        |room: &str, source: u8| Rtsp::start(&stage.room(room), &[Mount::new("/live", &Clip::new(source, 48))]);
    let mut cameras = [camera("one", CAMERA_1), camera("two", CAMERA_2)];
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let mut worker = Worker::start(&stage.room("run"), "main");
    worker.spec(spec(1, &cameras, &platform, 0, None));
    worker.wait("both cameras online", s(20), |status| {
        status.sources.iter().all(|source| source.state == SourceState::Online)
    });
    worker.wait("the desk's sound", s(5), hears(Some("two")));
    let live = Worker::now_ns();
    worker.spec(spec(2, &cameras, &platform, 0, Some(live)));
    go_on(&mut worker, 180);
    worker.spec(spec(3, &cameras, &platform, DELAY_MS, Some(live)));
    go_on(&mut worker, 180);
    cameras[1].kill();
    let away = worker.wait("the sound of the picture", s(5), hears(None));
    assert_eq!(away.faults.iter().map(|fault| fault.code.as_str()).collect::<Vec<_>>(), ["sound_fallback"]);
    go_on(&mut worker, 120);
    cameras[1].resume();
    worker.wait("the desk's sound again", s(20), hears(Some("two")));
    go_on(&mut worker, 120);
    let last = worker.quit().expect("a last status");
    assert_eq!((last.program.missing, last.destinations[0].sessions), (0, 1));
    platform.wait_until_closed(0);

    let recording = Recording::read(&platform.recordings()[0]);
    assert_whole("the broadcast", &recording);
    assert!(recording.switches().is_empty(), "one camera is seen throughout");
    let heard: Vec<(f64, u8)> = recording.beeps.iter().filter_map(|beep| Some((beep.at_ms, beep.source?))).collect();
    let mut order: Vec<u8> = heard.iter().map(|(_, source)| *source).collect();
    order.dedup();
    assert_eq!(order, [CAMERA_2, CAMERA_1, CAMERA_2], "{heard:?}");
    // Beeps come once a second of the film; how far from each other across the change tells the delay.
    let desk: Vec<f64> = heard.iter().take_while(|(_, source)| *source == CAMERA_2).map(|(at, _)| *at).collect();
    let steps: Vec<f64> = desk.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let moved: Vec<f64> = steps.iter().map(|step| (step + 500.0).rem_euclid(1000.0) - 500.0).collect();
    let shift: f64 = moved.iter().sum();
    note(NAME, &format!("the desk's beeps moved by {shift:.1} ms for {DELAY_MS} ms asked, over {} beeps", desk.len()));
    assert!((shift - f64::from(DELAY_MS)).abs() <= 15.0, "{steps:?}");
}
