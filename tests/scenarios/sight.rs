//! Cameras that send and show nothing: frozen, black, silent.

use automation::status::{ChannelStatus, SourceState};
use harness::figures::note;
use harness::rtsp::{Mount, Rtsp};
use harness::stage::Stage;
use harness::venue::house;
use harness::wait::s;
use harness::worker::Worker;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const NAME: &str = "sight";
/// Limit of each check, seconds.
const AFTER_S: u64 = 3;

/// A film of 24 s out of two filter graphs, encoded as a camera does.
fn film(folder: &Path, name: &str, picture: &str, sound: &str) -> PathBuf {
    let path = folder.join(name);
    let status = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound])
        .args(["-t", "24", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-g", "30", "-bf", "0"])
        .args(["-b:v", "1M", "-maxrate", "1M", "-bufsize", "1M", "-c:a", "aac", "-movflags", "+faststart"])
        .arg(&path)
        .status()
        .expect("start ffmpeg; ./dev setup installs it");
    assert!(status.success());
    path
}

fn mount(path: &str, film: PathBuf) -> Mount {
    let like = harness::clip::Clip::new(1, 24);
    Mount { film, ..Mount::new(path, &like) }
}

fn spec(cameras: &Rtsp, action: &str) -> Value {
    let check = json!({"after_s": AFTER_S, "action": action});
    json!({
        "generation": if action == "tell" { 2 } else { 1 }, "channel": "main", "name": "Main stage", "house": house(),
        "sources": [
            {"id": "one", "name": "One", "kind": "camera", "url": cameras.url("/one"), "backup": "two"},
            {"id": "two", "name": "Two", "kind": "camera", "url": cameras.url("/two")},
        ],
        "assets": {},
        "failover": {"primary": "one", "holdoff_ms": 300, "stable_ms": 500, "checks": {
            "frozen": check, "black": check, "silent": {"after_s": AFTER_S, "action": "tell"}}},
        "timeline": null, "manual": null, "live": null, "destinations": [], "messages": {},
    })
}

fn shows(state: SourceState, on_air: &'static str) -> impl Fn(&ChannelStatus) -> bool {
    move |status| {
        status.sources[0].state == state && status.on_air.source.as_ref().is_some_and(|on| on.as_str() == on_air)
    }
}

#[test]
fn a_camera_that_stands_still_or_is_black_leaves_the_air_and_a_silent_one_is_told() {
    let stage = Stage::new(NAME);
    let films = stage.room("films");
    // 8 s that move with sound, 8 s that stand still, 8 s of black; and one that moves without a sound.
    let first = "testsrc2=s=640x360:r=30:d=8,tpad=stop_mode=clone:stop_duration=8[a];\
                 color=black:s=640x360:r=30:d=8[b];[a][b]concat=n=2";
    let one = film(&films, "one.mp4", first, "sine=f=500:r=48000");
    let two = film(&films, "two.mp4", "testsrc2=s=640x360:r=30", "anullsrc=r=48000:cl=stereo");
    let cameras = Rtsp::start(&stage.room("cameras"), &[mount("/one", one), mount("/two", two)]);
    let mut worker = Worker::start(&stage.room("run"), "main");
    worker.spec(spec(&cameras, "leave"));
    worker.wait("the camera that moves", s(40), shows(SourceState::Online, "one"));
    let frozen = worker.wait("the frozen camera off the air", s(40), shows(SourceState::Frozen, "two"));
    let fault = frozen.sources[0].fault.as_ref().expect("it is told");
    assert_eq!((fault.code.as_str(), fault.subject.as_str()), ("source_frozen", "one"));
    let black = worker.wait("the black camera off the air", s(20), shows(SourceState::Black, "two"));
    assert_eq!(black.sources[0].fault.as_ref().map(|fault| fault.code.as_str()), Some("source_black"));
    let silent = black.sources[1].state;
    assert_eq!(silent, SourceState::Silent, "the other one's silence is told, and it is on air nevertheless");
    let back = worker.wait("the camera that moves again", s(20), shows(SourceState::Online, "one"));
    assert_eq!(back.sources[0].fault, None);
    worker.spec(spec(&cameras, "tell"));
    worker.wait("the frozen camera told and on air", s(40), shows(SourceState::Frozen, "one"));
    let last = worker.wait("the black camera told and on air", s(20), shows(SourceState::Black, "one"));
    assert_eq!(last.program.missing, 0);
    note(NAME, &format!("frozen, black and silent after {AFTER_S} s each; {} ticks, 0 missing", last.program.tick));
    worker.kill();
}
