//! The slate: a picture that the operator chose is what the platform gets, and never black, whatever becomes of its file.
//! By hand it is on air at once; without a hand it comes only where nothing lives.

use automation::status::Carrier;
use harness::bandstand::Bandstand;
use harness::barcode::Mark;
use harness::clip::Clip;
use harness::figures::note;
use harness::platform::Platform;
use harness::recording::Recording;
use harness::stage::Stage;
use harness::venue::{CLIP, FPS, MAIN, assert_whole, house};
use harness::wait::{s, until};
use serde_json::{Value, json};
use std::time::Instant;

const NAME: &str = "slate";
/// A film in grey, and one of its pictures.
const CARD: Mark = Mark { source: 7, counter: 100 };

/// Waits for two seconds more of program.
fn two_seconds_more(bandstand: &Bandstand) {
    let before = bandstand.wait(MAIN, "a worker", s(20), |_| true).program.tick;
    bandstand.wait(MAIN, "two seconds more", s(20), |status| status.program.tick >= before + 60);
}

fn slate_is_bad(bandstand: &Bandstand, bad: bool) {
    bandstand.wait(MAIN, if bad { "the picture's fault" } else { "no fault of the picture" }, s(20), |status| {
        status.faults.iter().any(|fault| fault.code.as_str() == "slate_picture" && !fault.remedy.is_empty()) == bad
    });
}

#[test]
fn a_chosen_picture_is_the_slate_and_a_lost_one_is_replaced_by_text() {
    let stage = Stage::new("slate");
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let bandstand = Bandstand::start(&stage.room("box"));
    bandstand.ok("PATCH", "/channels/main", json!({"name": "Main stage", "house": house()}));
    two_seconds_more(&bandstand);
    assert_eq!(bandstand.board()["alerts"], json!([]), "another house format is no trouble");
    let to = json!({"id": "platform", "name": "platform", "url": platform.url(), "key": "k"});
    bandstand.ok("POST", "/channels/main/destinations", to);
    let card = Clip::new(CARD.source, 16).still(CARD.counter, &stage.room("stills"));
    let card = bandstand.upload("card.png", &card).body["id"].as_str().expect("an id").to_owned();

    bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
    until("pictures at the platform", s(15), || (platform.pictures(0) > 0).then_some(()));
    two_seconds_more(&bandstand);
    bandstand.ok("PATCH", "/channels/main", json!({"slate_picture": card}));
    two_seconds_more(&bandstand);
    let refused = bandstand.call("DELETE", &format!("/assets/{card}"), None);
    assert_eq!((refused.status, refused.code()), (409, "in_use"), "{}", refused.body);
    slate_is_bad(&bandstand, false);

    // The card of the box loses the file. The next change has the slate painted anew.
    let folder = stage.folder().join("box/state/assets");
    let file = std::fs::read_dir(folder).expect("a folder of files").flatten().next().expect("one file").path();
    std::fs::write(&file, b"worn out").expect("spoil the file");
    bandstand.ok("PATCH", "/channels/main", json!({"name": "Other stage"}));
    slate_is_bad(&bandstand, true);
    two_seconds_more(&bandstand);
    let status = bandstand.status(MAIN).expect("a worker");
    // A destination begins up to 2 s back, and catches up slowly.
    let before = platform.pictures(0);
    until("what was on air at the platform", s(20), || (platform.pictures(0) >= before + 90).then_some(()));
    bandstand.ok("POST", "/channels/main/end", Value::Null);
    platform.wait_until_closed(0);

    assert_eq!((status.program.missing, status.destinations[0].sessions), (0, 1));
    let recording = Recording::read(&platform.recordings()[0]);
    assert_whole("the slate", &recording);
    assert_eq!(recording.black(), 0, "black pictures");
    let runs: Vec<(Option<Mark>, usize)> =
        recording.pictures.chunk_by(|a, b| a.mark == b.mark).map(|run| (run[0].mark, run.len())).collect();
    let seen: Vec<Option<Mark>> = runs.iter().map(|(mark, _)| *mark).collect();
    assert_eq!(seen, [None, Some(CARD), None], "text, the picture, text: {runs:?}");
    // Statuses come once a second: of the two seconds that were waited for, one is sure.
    assert!(runs[1].1 as f64 >= FPS, "{runs:?}");
    let counts: Vec<usize> = runs.iter().map(|(_, count)| *count).collect();
    note(NAME, &format!("text, a chosen picture, text as its file was spoilt: {counts:?} pictures, none black"));
}

#[test]
fn the_emergency_slate_is_seen_until_it_is_released_and_a_dead_camera_leaves_the_picture_before_it() {
    let stage = Stage::new("hand");
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let bandstand = Bandstand::start(&stage.room("box"));
    bandstand.ok("PATCH", "/channels/main", json!({"name": "Main stage", "house": house()}));
    let to = json!({"id": "platform", "name": "platform", "url": platform.url(), "key": "k"});
    bandstand.ok("POST", "/channels/main/destinations", to);
    let id = |name: &str, file: &std::path::Path| bandstand.upload(name, file).body["id"].clone();
    let card = id("card.png", &Clip::new(CARD.source, 16).still(CARD.counter, &stage.room("stills")));
    let clip = id("clip.mp4", &Clip::new(CLIP, 16).file());
    for source in [
        json!({"id": "clip", "name": "Clip", "kind": "media", "asset": clip}),
        json!({"id": "ghost", "name": "Ghost", "kind": "camera", "url": "rtsp://127.0.0.1:9/live"}),
    ] {
        bandstand.ok("POST", "/channels/main/sources", source);
    }
    bandstand.ok("PATCH", "/channels/main", json!({"failover": {"primary": "clip"}, "slate_picture": card}));
    let cue = |id: &str, at_ms: u64, duration_ms: u64, kind: &str, source: &str| {
        let action = json!({"type": kind, "source": source});
        json!({"id": id, "at_ms": at_ms, "duration_ms": duration_ms, "action": action})
    };
    let cues = [cue("film", 0, 4_000, "show_media", "clip"), cue("nobody", 4_000, 86_000, "show_camera", "ghost")];
    let timeline = json!({"name": "Evening", "duration_ms": 90_000,
                          "tracks": [{"type": "video", "name": "Program", "cues": cues}]});
    let timeline = bandstand.ok("POST", "/channels/main/timelines", timeline);
    let load = format!("/channels/main/timelines/{}/load", timeline["id"].as_str().expect("an id"));
    bandstand.ok("POST", &load, Value::Null);
    bandstand.wait(MAIN, "the clip on air for more than a keyframe's distance", s(20), |status| {
        let on = &status.on_air;
        on.carrier == Carrier::Timeline && status.program.tick > on.since_tick + 70
    });

    bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
    until("pictures at the platform", s(15), || (platform.pictures(0) > 0).then_some(()));
    let status = bandstand.wait(MAIN, "the dead camera's cue", s(20), |status| status.on_air.carrier == Carrier::Kept);
    let fault = status.faults.iter().find(|fault| fault.code.as_str() == "fallback_on_air").expect("a fault says so");
    note(NAME, &format!("{} {}", fault.text, fault.remedy));
    two_seconds_more(&bandstand);
    let pressed = Instant::now();
    bandstand.ok("POST", "/channels/main/slate", Value::Null);
    bandstand.wait(MAIN, "the slate by hand", s(10), |status| status.on_air.carrier == Carrier::SlateByHand);
    note(NAME, &format!("the emergency slate is on air by the status within {} ms", pressed.elapsed().as_millis()));
    two_seconds_more(&bandstand);
    bandstand.ok("POST", "/channels/main/pin", json!({"source": "ghost"}));
    bandstand.wait(MAIN, "a forced camera that is offline", s(10), |status| {
        status.on_air.by_hand.is_some() && status.on_air.carrier == Carrier::Slate
    });
    two_seconds_more(&bandstand);
    bandstand.ok("POST", "/channels/main/pin", json!({"source": "clip"}));
    bandstand.wait(MAIN, "the clip by hand", s(10), |status| status.on_air.carrier == Carrier::Pin);
    two_seconds_more(&bandstand);
    bandstand.ok("POST", "/channels/main/release", Value::Null);
    bandstand.wait(MAIN, "automation's choice", s(10), |status| {
        status.on_air.by_hand.is_none() && status.on_air.carrier == Carrier::Kept
    });
    let status = bandstand.status(MAIN).expect("a worker");
    let before = platform.pictures(0);
    until("what was on air at the platform", s(20), || (platform.pictures(0) >= before + 120).then_some(()));
    bandstand.ok("POST", "/channels/main/end", Value::Null);
    platform.wait_until_closed(0);

    assert_eq!((status.program.missing, status.destinations[0].sessions), (0, 1));
    let recording = Recording::read(&platform.recordings()[0]);
    assert_whole("by hand", &recording);
    assert_eq!(recording.black(), 0, "black pictures");
    let seen: Vec<_> = recording.switches().iter().map(|switch| (switch.from, switch.to)).collect();
    assert_eq!(seen, [(Some(CLIP), Some(CARD.source)), (Some(CARD.source), Some(CLIP))]);
}
