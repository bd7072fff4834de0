//! A worker alone: nobody but its socket and its last spec.

use automation::status::{ChannelStatus, SourceState};
use harness::clip::Clip;
use harness::figures::note;
use harness::platform::Platform;
use harness::recording::Recording;
use harness::rtsp::{Mount, Rtsp};
use harness::stage::Stage;
use harness::venue::{CAMERA_1, CAMERA_2, CLIP, FPS, assert_lips_in_step, assert_whole, house};
use harness::wait::{s, until};
use harness::worker::Worker;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const NAME: &str = "alone";

fn show(id: &str, at_ms: i64, duration_ms: i64, source: &str) -> Value {
    let action = if source == "clip" { "show_media" } else { "show_camera" };
    json!({"id": id, "at_ms": at_ms, "duration_ms": duration_ms, "action": {"type": action, "source": source}})
}

fn spec(generation: u64, cameras: &[Rtsp; 2], platform: &Platform, live: Option<u64>) -> Value {
    let cues = [
        show("a", 0, 3_000, "one"),
        show("b", 3_000, 2_000, "two"),
        show("c", 5_000, 2_000, "clip"),
        show("d", 7_000, 13_000, "one"),
    ];
    json!({
        "generation": generation, "channel": "main", "name": "Main stage", "house": house(),
        "sources": [
            {"id": "one", "name": "One", "kind": "camera", "url": cameras[0].url("/live"), "latency_ms": 200, "backup": "two"},
            {"id": "two", "name": "Two", "kind": "camera", "url": cameras[1].url("/live"), "latency_ms": 200},
            {"id": "clip", "name": "Clip", "kind": "media", "asset": "clip"},
        ],
        "assets": {"clip": Clip::new(CLIP, 16).file()},
        "failover": {"primary": "one", "loop": "clip", "holdoff_ms": 300, "stable_ms": 1000},
        "timeline": {"id": "evening", "name": "Evening", "duration_ms": 20_000,
                     "tracks": [{"type": "video", "name": "Program", "cues": cues}]},
        "manual": null,
        "live": live.map(|at| json!({"session": "s1", "at": at, "paused_at": null, "paused_ns": 0})),
        "destinations": [{"id": "p", "name": "P", "url": platform.url(), "key": "key", "enabled": true}],
        "messages": {},
    })
}

fn on_air(source: &'static str) -> impl Fn(&ChannelStatus) -> bool {
    move |status| status.on_air.source.as_ref().is_some_and(|on| on.as_str() == source)
}

#[test]
fn a_worker_carries_a_broadcast_and_goes_on_from_its_last_spec() {
    let stage = Stage::new("alone");
    let camera =
        |room: &str, source: u8| Rtsp::start(&stage.room(room), &[Mount::new("/live", &Clip::new(source, 48))]);
    let mut cameras = [camera("one", CAMERA_1), camera("two", CAMERA_2)];
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let mut worker = Worker::start(&stage.room("run"), "main");
    worker.spec(spec(1, &cameras, &platform, None));
    worker.wait("both cameras online", s(20), |status| {
        status.sources.iter().take(2).all(|source| source.state == SourceState::Online)
    });
    worker.wait("the primary on air", s(5), on_air("one"));
    worker.spec(spec(2, &cameras, &platform, Some(Worker::now_ns())));
    worker.wait("the last cue", s(20), |status| {
        status.timeline.as_ref().is_some_and(|t| t.position_ms > 9_000) && on_air("one")(status)
    });
    cameras[0].kill();
    worker.wait("the backup", s(5), on_air("two"));
    let status = worker
        .wait("two seconds of it", s(10), |status| status.timeline.as_ref().is_some_and(|t| t.position_ms > 13_000));
    cameras[0].resume();
    assert_eq!((status.program.missing, status.destinations[0].sessions), (0, 1));
    worker.kill();
    platform.wait_until_closed(0);
    first_life(&Recording::read(&platform.recordings()[0]));

    worker.resume();
    until("media of its second life", s(15), || (platform.pictures(1) > 60).then_some(()));
    let again = worker.wait("the camera that came back", s(20), on_air("one"));
    assert_eq!(again.generation, 2, "it goes on from its last spec");
    worker.kill();
    platform.wait_until_closed(1);
    assert_whole("its second life", &Recording::read(&platform.recordings()[1]));
}

/// A worker that had no time for longer than it may make up: what is missing is missing in the picture alone, and is told.
#[test]
fn a_worker_that_stood_still_leaves_out_ticks_keeps_their_sound_and_says_how_many() {
    let stage = Stage::new("stood-still");
    let camera =
        |room: &str, source: u8| Rtsp::start(&stage.room(room), &[Mount::new("/live", &Clip::new(source, 48))]);
    let cameras = [camera("one", CAMERA_1), camera("two", CAMERA_2)];
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let mut worker = Worker::start(&stage.room("run"), "main");
    worker.spec(spec(1, &cameras, &platform, None));
    let tick = worker.wait("the primary on air", s(20), on_air("one")).program.tick;
    // What the broadcast begins on, the last group of pictures, shall be the primary too.
    worker.wait("three seconds of it", s(10), |status| status.program.tick > tick + 90);
    worker.spec(spec(2, &cameras, &platform, Some(Worker::now_ns())));
    worker.wait("the last cue", s(20), |status| {
        status.timeline.as_ref().is_some_and(|t| t.position_ms > 9_000) && on_air("one")(status)
    });
    worker.freeze();
    let frozen = Instant::now();
    until("three seconds to pass", s(10), || (frozen.elapsed() > Duration::from_millis(3_000)).then_some(()));
    worker.thaw();
    let missing = worker.wait("what is missing to be told", s(10), |status| status.program.missing > 0);
    let told = missing.faults.iter().any(|fault| fault.code.as_str() == "ticks_missing");
    assert!(told, "and to the people, too: {:?}", missing.faults);
    let tick = missing.program.tick;
    worker.wait("four seconds more", s(20), |status| status.program.tick > tick + 120);
    let last = worker.quit().expect("a last status");
    platform.wait_until_closed(0);
    assert_eq!(platform.recordings().len(), 1, "one session");
    let recording = Recording::read(&platform.recordings()[0]);
    let times: Vec<i64> = recording.pictures.iter().map(|picture| picture.pts_ms).collect();
    let gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 40).collect();
    note(NAME, &format!("stood still for 3 s: {} ticks left out, gaps {gaps:?} ms", last.program.missing));
    assert_eq!(gaps.len(), 1, "left out in one piece: {gaps:?} ms");
    let gone = ((gaps[0] as f64) * FPS / 1000.0).round() as u64 - 1;
    assert_eq!(gone, last.program.missing, "what the receiver misses is what was counted");
    assert!((58..=95).contains(&gone), "{gone} ticks of 3 s, less what may be made up");
    let sound: Vec<i64> = recording.flv.audio.iter().map(|packet| packet.pts_ms).collect();
    let hole = sound.windows(2).map(|pair| pair[1] - pair[0]).max().expect("there is sound");
    assert!(hole <= 25, "sound has no hole: {hole} ms");
    let seen: Vec<_> = recording.stretches().iter().map(|stretch| stretch.source).collect();
    assert_eq!(
        seen,
        [CAMERA_1, CAMERA_2, CLIP, CAMERA_1],
        "no camera is lost by it: it was the worker that had no time"
    );
    // What the cameras sent meanwhile comes to its senders' pace again within a second: its sound may be missed as its
    // pictures are.
    let gap_ms = times.windows(2).find(|pair| pair[1] - pair[0] > 40).map_or(0, |pair| pair[0]);
    let after = gap_ms..gap_ms + gaps[0] + 1_500;
    for flash in [CAMERA_1, CAMERA_2, CLIP].into_iter().flat_map(|source| recording.flashes_of(source)) {
        let told = flash.sound_after_ms.is_some_and(|ms| ms.abs() <= 40.0);
        assert!(told || after.contains(&flash.at_ms), "{flash:?}, ticks were left out from {gap_ms} ms on");
    }
}

/// Programs of other rates than the film's: their times are those of their ticks, to the millisecond that RTMP has, after as
/// many pictures as ever, and sound stays with its pictures.
#[test]
fn programs_at_25_at_60_and_at_29_97_keep_their_times_and_their_sound() {
    let stage = Stage::new("rates");
    let rates = [(25u32, 1u32), (60, 1), (30_000, 1_001)];
    let begin = |(num, den): (u32, u32)| {
        let platform = Platform::start(&stage.room(&format!("platform-{num}")), "nginx");
        let mut worker = Worker::start(&stage.room(&format!("run-{num}")), "main");
        let mut spec = json!({
            "generation": 1, "channel": "main", "name": "Main stage", "house": house(),
            "sources": [{"id": "clip", "name": "Clip", "kind": "media", "asset": "clip"}],
            "assets": {"clip": Clip::new(CLIP, 48).file()}, "failover": {"primary": "clip"}, "timeline": null,
            "manual": {"source": "clip", "hold": "pin", "at": 0}, "live": null, "destinations": [], "messages": {},
        });
        spec["house"]["rate"] = json!({"num": num, "den": den});
        worker.spec(spec.clone());
        let tick = worker.wait("the film on air", s(20), on_air("clip")).program.tick;
        // What the broadcast begins on shall be the film too.
        worker.wait("three seconds of it", s(20), |status| status.program.tick > tick + u64::from(3 * num / den));
        spec["generation"] = json!(2);
        spec["live"] = json!({"session": "s1", "at": Worker::now_ns(), "paused_at": null, "paused_ns": 0});
        spec["destinations"] = json!([{"id": "p", "name": "P", "url": platform.url(), "key": "key", "enabled": true}]);
        worker.spec(spec);
        (worker, platform)
    };
    let mut running: Vec<_> = rates.into_iter().map(begin).collect();
    for ((num, den), (worker, platform)) in rates.into_iter().zip(&mut running) {
        let wanted = u64::from(12 * num / den);
        until("twelve seconds at the platform", s(60), || (platform.pictures(0) > wanted as usize).then_some(()));
        let missing = worker.quit().expect("a last status").program.missing;
        platform.wait_until_closed(0);
        let recording = Recording::read(&platform.recordings()[0]);
        let times: Vec<i64> = recording.pictures.iter().map(|picture| picture.pts_ms).collect();
        let tick_ms = f64::from(den) * 1000.0 / f64::from(num);
        // The first one's own millisecond is rounded, too.
        let off = |(n, at): (usize, &i64)| ((at - times[0]) as f64 - n as f64 * tick_ms).abs();
        let worst = times.iter().enumerate().map(off).fold(0.0, f64::max);
        let apart: Vec<f64> = recording.flashes_of(CLIP).iter().filter_map(|flash| flash.sound_after_ms).collect();
        let rate = f64::from(num) / f64::from(den);
        note(
            NAME,
            &format!(
                "{rate:.2} pictures/s: {} with times {worst:.1} ms off, sound after picture {apart:.0?} ms",
                times.len()
            ),
        );
        assert_eq!(missing, 0);
        assert!(worst <= 1.0, "{rate}: {worst} ms off");
        let steps = recording.flv.keyframe_steps();
        let step_ms = (2.0 * rate).round() * tick_ms;
        assert!(steps.iter().all(|step| (*step as f64 - step_ms).abs() <= 1.0), "{rate}: keyframes each {steps:?} ms");
        assert_eq!((recording.flv.backward(), recording.flv.parameter_changes()), (0, 0));
        assert!(recording.flv.sound_gaps().is_empty(), "{rate}: {:?}", recording.flv.sound_gaps());
        // A flash of the film is shown at a tick: up to one before or after its beep.
        assert!(apart.len() >= 8 && apart.iter().all(|ms| ms.abs() <= tick_ms + 10.0), "{rate}: {apart:?}");
    }
}

fn first_life(recording: &Recording) {
    assert_whole("its first life", recording);
    assert_eq!(recording.black(), 0);
    let seen: Vec<_> = recording.switches().iter().map(|switch| (switch.from, switch.to)).collect();
    let (one, two, clip) = (Some(CAMERA_1), Some(CAMERA_2), Some(CLIP));
    assert_eq!(seen, [(one, two), (two, clip), (clip, one), (one, two)]);
    let ticks: Vec<i64> =
        recording.switches().iter().map(|switch| (switch.pts_ms as f64 * FPS / 1000.0).round() as i64).collect();
    note(NAME, &format!("cues at ticks {ticks:?}"));
    assert!((ticks[1] - ticks[0] - 60).abs() <= 1 && (ticks[2] - ticks[1] - 60).abs() <= 1, "{ticks:?}");
    let stood = recording.last_picture_stood()[3].1;
    note(NAME, &format!("the killed camera's last picture stood for {stood} ms"));
    assert!(stood <= 700, "{stood} ms");
    assert_lips_in_step(NAME, recording, &[CAMERA_1, CAMERA_2, CLIP]);
}
