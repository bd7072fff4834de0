//! Bad input: each works, or is named with a remedy, and the program goes on.

use automation::status::SourceState;
use harness::bandstand::Bandstand;
use harness::clip::Clip;
use harness::figures::note;
use harness::place::program;
use harness::platform::Platform;
use harness::process::{Process, tied};
use harness::publisher::Publisher;
use harness::recording::Recording;
use harness::rtsp::{Mount, Rtsp};
use harness::stage::{Stage, free_port};
use harness::venue::{MAIN, assert_whole, house};
use harness::wait::{s, until};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;

const NAME: &str = "bad_input";

/// A box with a channel that shows bars.
fn box_with_bars(stage: &Stage) -> Bandstand {
    let bandstand = Bandstand::start(&stage.room("box"));
    bandstand.ok("PATCH", "/channels/main", json!({"name": "Main stage", "house": house()}));
    let bars = json!({"id": "bars", "name": "Bars", "kind": "test_pattern", "pattern": "bars"});
    bandstand.ok("POST", "/channels/main/sources", bars);
    bandstand.ok(
        "PATCH",
        "/channels/main",
        json!({"failover": {"primary": "bars", "holdoff_ms": 300, "stable_ms": 500}}),
    );
    bandstand.wait_on_air(MAIN, "bars", s(20));
    bandstand
}

fn add_camera(bandstand: &Bandstand, id: &str, url: &str, user: &str, password: &str) {
    let body = json!({"id": id, "name": id, "kind": "camera", "url": url, "user": user, "password": password});
    bandstand.ok("POST", "/channels/main/sources", body);
}

/// Waits until a source is named with `code` and a remedy.
fn wait_for_fault(bandstand: &Bandstand, source: &str, code: &str) {
    let status = bandstand.wait(MAIN, &format!("{source} to be named {code}"), s(40), |status| {
        let found = status.sources.iter().find(|s| s.id.as_str() == source);
        found.and_then(|s| s.fault.as_ref()).is_some_and(|fault| fault.code.as_str() == code)
    });
    let found = status.sources.into_iter().find(|s| s.id.as_str() == source).and_then(|s| s.fault);
    let fault = found.expect("it was there just now");
    assert!(!fault.text.is_empty() && !fault.remedy.is_empty(), "{fault:?}");
    note(NAME, &format!("{source}: {} – {}", fault.text, fault.remedy));
}

/// The program goes on: ticks come, and none is missing.
fn assert_goes_on(bandstand: &Bandstand) {
    let before = bandstand.status(MAIN).expect("a worker");
    let after = bandstand.wait(MAIN, "ticks", s(10), |status| status.program.tick > before.program.tick + 30);
    assert_eq!((after.pid, after.program.missing), (before.pid, 0), "the program goes on");
}

#[test]
fn cameras_that_do_not_work_are_named_and_odd_ones_work() {
    let stage = Stage::new("cameras");
    let bandstand = box_with_bars(&stage);
    let clip = Clip::new(1, 8);
    let (mut mute, mut dark) = (clip.clone(), clip.clone());
    (mute.audio, dark.video) = (false, false);
    let wide = Clip::new(5, 8).sized(640, 272, 25);
    let mut hevc = Clip::new(6, 8);
    hevc.hevc = true;
    let mounts = [Mount::new("/live", &clip), Mount::new("/mute", &mute), Mount::new("/dark", &dark)];
    let cameras = Rtsp::start(
        &stage.room("open"),
        &[&mounts[..], &[Mount::new("/wide", &wide), Mount::new("/hevc", &hevc)]].concat(),
    );
    let guarded = |auth: &str| {
        let mount = Mount::new("/live", &clip).guarded("venue", "right", auth);
        Rtsp::start(&stage.room(auth), &[mount])
    };
    let (basic, digest) = (guarded("basic"), guarded("digest"));
    // It takes connections, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").expect("bind a port");
    let silent_url = format!("rtsp://127.0.0.1:{}/live", silent.local_addr().expect("an address").port());

    add_camera(&bandstand, "closed", &format!("rtsp://127.0.0.1:{}/live", free_port()), "", "");
    add_camera(&bandstand, "silent", &silent_url, "", "");
    add_camera(&bandstand, "nowhere", &cameras.url("/nothing"), "", "");
    add_camera(&bandstand, "wrong-basic", &basic.url("/live"), "venue", "wrong");
    add_camera(&bandstand, "wrong-digest", &digest.url("/live"), "venue", "wrong");
    add_camera(&bandstand, "no-password", &digest.url("/live"), "", "");
    add_camera(&bandstand, "right-digest", &digest.url("/live"), "venue", "right");
    add_camera(&bandstand, "sound-only", &cameras.url("/dark"), "", "");
    add_camera(&bandstand, "mute", &cameras.url("/mute"), "", "");
    add_camera(&bandstand, "wide", &cameras.url("/wide"), "", "");
    add_camera(&bandstand, "hevc", &cameras.url("/hevc"), "", "");

    wait_for_fault(&bandstand, "closed", "source_unreachable");
    wait_for_fault(&bandstand, "silent", "source_unreachable");
    wait_for_fault(&bandstand, "nowhere", "source_not_found");
    for source in ["wrong-basic", "wrong-digest", "no-password"] {
        wait_for_fault(&bandstand, source, "source_refused");
    }
    wait_for_fault(&bandstand, "sound-only", "source_no_video");
    for (source, sound) in [("right-digest", true), ("mute", false), ("wide", true), ("hevc", true)] {
        bandstand.wait(MAIN, &format!("{source} online, with its sound as it is"), s(30), |status| {
            let found = status.sources.iter().find(|s| s.id.as_str() == source);
            found.is_some_and(|s| s.state == SourceState::Online && s.sound == sound && s.fault.is_none())
        });
    }
    bandstand.wait(MAIN, "the wide one's size and rate", s(10), |status| {
        let wide = status.sources.iter().find(|s| s.id.as_str() == "wide");
        wide.is_some_and(|s| (s.width, s.height) == (640, 272) && (s.fps - 25.0).abs() < 2.0)
    });
    assert_goes_on(&bandstand);
    odd_cameras_on_air(&stage, &bandstand);
}

/// The ones without sound and of another size go on air like any other.
fn odd_cameras_on_air(stage: &Stage, bandstand: &Bandstand) {
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let body = json!({"id": "p", "name": "P", "url": platform.url(), "key": "key"});
    bandstand.ok("POST", "/channels/main/destinations", body);
    bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
    for (source, pictures) in [("wide", 90), ("mute", 180), ("hevc", 270)] {
        bandstand.ok("POST", "/channels/main/pin", json!({"source": source}));
        bandstand.wait_on_air(MAIN, source, s(10));
        until("pictures of it", s(20), || (platform.pictures(0) > pictures).then_some(()));
    }
    bandstand.ok("POST", "/channels/main/end", Value::Null);
    platform.wait_until_closed(0);
    let recording = Recording::read_shapes(&platform.recordings()[0], &[(16, 9), (640, 272)]);
    assert_whole("odd cameras", &recording);
    for (name, source) in [("wide", 5), ("mute", 1), ("hevc", 6)] {
        let shown = recording.pictures.iter().filter(|p| p.mark.is_some_and(|m| m.source == source)).count();
        assert!(shown > 30, "{shown} pictures of {name}");
    }
    assert!(!recording.flashes_of(6).is_empty(), "the camera with HEVC is seen and heard");
}

#[test]
fn files_that_are_no_film_are_named() {
    let stage = Stage::new("files");
    let bandstand = box_with_bars(&stage);
    let file = |name: &str, bytes: &[u8]| {
        let path = stage.folder().join(name);
        std::fs::write(&path, bytes).expect("write a file");
        path
    };
    let film = std::fs::read(Clip::new(4, 16).file()).expect("read the film");
    let refused: [(&str, Vec<u8>); 3] = [
        ("text.mp4", b"This is no film.".repeat(100)),
        ("empty.mp4", Vec::new()),
        // Its index is at its end in this one, and so is gone.
        ("head.mp4", film[..40].to_vec()),
    ];
    for (name, bytes) in &refused {
        let answer = bandstand.upload(name, &file(name, bytes));
        assert!((400..500).contains(&answer.status), "{name}: {} {}", answer.status, answer.body);
        assert!(["media_unreadable", "request_invalid"].contains(&answer.code()), "{name}: {}", answer.body);
        assert!(answer.body["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{}", answer.body);
        note(NAME, &format!("{name}: {} {}", answer.status, answer.body["detail"]));
    }
    assert_eq!(bandstand.ok("GET", "/assets", Value::Null), json!([]), "nothing is stored of what was refused");
    // Cut off in its middle: what is there plays, or it is named. Either way the program goes on.
    for (name, part) in [("half.mp4", film.len() / 2), ("tenth.mp4", film.len() / 10)] {
        cut_off_film(&bandstand, name, &file(name, &film[..part]));
    }
    assert_goes_on(&bandstand);
}

fn cut_off_film(bandstand: &Bandstand, name: &str, path: &Path) {
    let answer = bandstand.upload(name, path);
    if answer.status != 201 {
        assert_eq!(answer.code(), "media_unreadable", "{name}: {} {}", answer.status, answer.body);
        let text = |field: &str| answer.body[field].as_str().unwrap_or_default().to_owned();
        assert!(!text("detail").is_empty() && !text("remedy").is_empty(), "{name}: {}", answer.body);
        note(NAME, &format!("{name}: refused, {} – {}", text("detail"), text("remedy")));
        return;
    }
    let id = name.trim_end_matches(".mp4");
    let body = json!({"id": id, "name": name, "kind": "media", "asset": answer.body["id"]});
    bandstand.ok("POST", "/channels/main/sources", body);
    bandstand.ok("POST", "/channels/main/pin", json!({"source": id}));
    let status = bandstand.wait(MAIN, &format!("{name} on air or named"), s(20), |status| {
        let source = status.sources.iter().find(|s| s.id.as_str() == id);
        let named = source.and_then(|s| s.fault.as_ref()).is_some_and(|f| f.code.as_str() == "media_unreadable");
        named || status.on_air.source.as_ref().is_some_and(|on| on.as_str() == id)
    });
    let source = status.sources.iter().find(|s| s.id.as_str() == id).expect("its status");
    if let Some(fault) = &source.fault {
        assert!(!fault.text.is_empty() && !fault.remedy.is_empty(), "{name}: {fault:?}");
        note(NAME, &format!("{name}: taken, {} – {}", fault.text, fault.remedy));
    } else {
        note(NAME, &format!("{name}: taken, plays"));
    }
    bandstand.ok("POST", "/channels/main/release", Value::Null);
    bandstand.wait_on_air(MAIN, "bars", s(10));
}

#[test]
fn timelines_that_cannot_be_are_refused_with_place_and_reason() {
    let stage = Stage::new("timelines");
    let bandstand = box_with_bars(&stage);
    let cue = |id: &str, at_ms: i64, duration_ms: i64, source: &str| {
        json!({"id": id, "at_ms": at_ms, "duration_ms": duration_ms,
               "action": {"type": "show_camera", "source": source}})
    };
    let timeline = |cues: Value| json!({"name": "Evening", "duration_ms": 10_000, "tracks": [{"type": "video", "name": "Program", "cues": cues}]});
    let cases = [
        ("overlapping", timeline(json!([cue("a", 0, 5_000, "bars"), cue("b", 4_000, 2_000, "bars")])), "cues[1]"),
        ("unknown source", timeline(json!([cue("a", 0, 5_000, "camera-9")])), "cues[0]"),
        ("negative time", timeline(json!([cue("a", -1_000, 5_000, "bars")])), "cues[0].at_ms"),
        ("negative length", timeline(json!([cue("a", 0, -5_000, "bars")])), "cues[0].duration_ms"),
        ("past the end", timeline(json!([cue("a", 8_000, 5_000, "bars")])), "cues[0]"),
        ("twice the same id", timeline(json!([cue("a", 0, 1_000, "bars"), cue("a", 2_000, 1_000, "bars")])), "cues[1]"),
    ];
    for (what, body, place) in &cases {
        let answer = bandstand.call("POST", "/channels/main/timelines", Some(body));
        assert_eq!((answer.status, answer.code()), (422, "timeline_invalid"), "{what}: {}", answer.body);
        let wrongs = answer.body["wrongs"].as_array().cloned().unwrap_or_default();
        let named = wrongs.iter().any(|wrong| {
            let text = |key: &str| wrong[key].as_str().unwrap_or_default().to_owned();
            text("place").contains(place) && !text("reason").is_empty()
        });
        assert!(named, "{what}: {place} is not named in {wrongs:?}");
        note(NAME, &format!("a timeline, {what}: {} – {}", wrongs[0]["place"], wrongs[0]["reason"]));
    }
    let stored = bandstand.ok("GET", "/channels/main/timelines", Value::Null);
    assert_eq!(stored, json!([]), "nothing is stored of what was refused");
    assert_goes_on(&bandstand);
}

#[test]
fn a_port_in_use_is_named_with_whoever_has_it() {
    let stage = Stage::new("ports");
    let taken = TcpListener::bind("127.0.0.1:0").expect("bind a port");
    let port = taken.local_addr().expect("an address").port();
    let mut command = tied(program("bandstand"));
    command.arg("--state").arg(stage.room("state")).arg("--run").arg(stage.folder().join("run"));
    command.args(["--port", &port.to_string(), "--rtmp-listen", "127.0.0.1:0"]);
    let mut bandstand = Process::start("bandstand", stage.folder(), &mut command);
    let code = bandstand.ended(s(20));
    assert!(code.is_some_and(|code| code != 0), "it ends with an error: {code:?}");
    let log = bandstand.log();
    let me = std::process::id().to_string();
    assert!(log.contains(&port.to_string()) && log.contains(&me), "port {port} and process {me} in: {log}");
}

/// The usual port of RTMP, on an address of the loopback that nobody else uses.
const RTMP_USUAL: &str = "127.0.0.77:1935";

#[test]
fn the_publishers_port_in_use_is_named_with_whoever_has_it_and_taken_when_free() {
    let stage = Stage::new("door-port");
    // Where a program of this machine has port 1935 on every address, that one has to be named.
    let taken = TcpListener::bind(RTMP_USUAL).ok();
    let bandstand = Bandstand::start_with_door(&stage.room("box"), RTMP_USUAL);
    let fault = until("the port to be named", s(20), || {
        bandstand.door()?.faults.into_iter().find(|fault| fault.code.as_str() == "port_in_use")
    });
    assert!(fault.text.contains("1935") && !fault.remedy.is_empty(), "{fault:?}");
    note(NAME, &format!("the publishers' port in use: {} – {}", fault.text, fault.remedy));
    assert_eq!(bandstand.door().expect("its status").port, 0, "no port is shown that is not ours");
    let board = bandstand.board();
    assert!(board["channels"][0]["worker"] == "running", "the rest works: {board}");
    if let Some(taken) = taken {
        assert!(fault.text.contains(&std::process::id().to_string()), "by its number: {fault:?}");
        let name = std::fs::read_to_string("/proc/self/comm").expect("this program's name");
        assert!(fault.text.contains(name.trim()), "{:?} by its name: {fault:?}", name.trim());
        drop(taken);
        until("the port to be taken once it is free", s(20), || {
            bandstand.door().filter(|door| door.port == 1935 && door.faults.is_empty())
        });
    }
}

#[test]
fn publishers_without_the_right_token_are_refused_and_a_second_one_too() {
    let stage = Stage::new("door");
    let bandstand = box_with_bars(&stage);
    let source = json!({"id": "obs", "name": "OBS", "kind": "rtmp"});
    let publish = bandstand.ok("POST", "/channels/main/sources", source)["publish"].clone();
    let (server, key) = (publish["server"].as_str().expect("a server"), publish["key"].as_str().expect("a key"));
    let (stream, _token) = key.split_once("?token=").expect("a key with a token");
    let film = Clip::new(3, 96).file();
    let faults = |code: &str| {
        until(&format!("the door to tell of {code}"), s(15), || {
            let faults = bandstand.door()?.faults;
            faults.into_iter().find(|fault| fault.code.as_str() == code)
        })
    };
    let wrong = format!("{stream}?token=guess-2718");
    for (n, (key, code)) in
        [(wrong.as_str(), "publisher_refused"), (stream, "publisher_refused"), ("nobody?token=x", "publisher_unknown")]
            .into_iter()
            .enumerate()
    {
        let mut publisher = Publisher::start(&stage.room(&format!("wrong-{n}")), &film, server, key);
        until("the refusal", s(15), || publisher.is_gone().then_some(()));
        let fault = faults(code);
        assert!(!fault.remedy.is_empty() && !fault.text.contains("guess-2718"), "{fault:?}");
    }
    let _first = Publisher::start(&stage.room("first"), &film, server, key);
    until("the publisher at the door", s(15), || {
        bandstand.door().filter(|door| door.publishers.iter().any(|p| p.stream == stream && p.bytes > 0))
    });
    let mut second = Publisher::start(&stage.room("second"), &film, server, key);
    until("the second one's refusal", s(15), || second.is_gone().then_some(()));
    faults("publisher_taken");
    bandstand.wait(MAIN, "the first publisher online", s(15), |status| {
        status.sources.iter().any(|s| s.id.as_str() == "obs" && s.state == SourceState::Online)
    });
    assert_goes_on(&bandstand);
}

#[test]
fn a_wrong_stream_key_is_named_not_hammered_and_mended_at_once() {
    let stage = Stage::new("key");
    let bandstand = box_with_bars(&stage);
    let platforms = [1, 2].map(|n| Platform::start(&stage.room(&format!("platform-{n}")), "nginx"));
    platforms[1].refuse(Some("wrong-key"));
    for (id, platform, key) in [("right", &platforms[0], "right-key"), ("wrong", &platforms[1], "wrong-key")] {
        let body = json!({"id": id, "name": id, "url": platform.url(), "key": key});
        bandstand.ok("POST", "/channels/main/destinations", body);
    }
    bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
    let status = bandstand.wait(MAIN, "the refused key to be named", s(15), |status| {
        let wrong = status.destinations.iter().find(|d| d.id.as_str() == "wrong");
        wrong.and_then(|d| d.fault.as_ref()).is_some_and(|fault| fault.code.as_str() == "destination_refused")
    });
    let fault = status.destinations.into_iter().find(|d| d.id.as_str() == "wrong").and_then(|d| d.fault);
    let fault = fault.expect("it was there just now");
    assert!(!fault.remedy.is_empty() && !fault.text.contains("wrong-key"), "{fault:?}");
    note(NAME, &format!("a refused stream key: {} – {}", fault.text, fault.remedy));
    until("12 s of broadcast at the other platform", s(30), || (platforms[0].pictures(0) > 360).then_some(()));
    let tries = platforms[1].publishes().len();
    assert!(tries <= 3, "{tries} tries with a key that is refused");
    // A person corrects it: that is a reason to try at once.
    let body = json!({"name": "wrong", "url": platforms[1].url(), "key": "mended-key"});
    bandstand.ok("PUT", "/channels/main/destinations/wrong", body);
    until("media with the mended key", s(5), || (platforms[1].pictures(0) > 0).then_some(()));
    bandstand.ok("POST", "/channels/main/end", Value::Null);
    platforms.iter().for_each(|platform| platform.wait_until_closed(0));
    assert_eq!(platforms[0].connections(), 1);
    assert_whole("the platform with the right key", &Recording::read(&platforms[0].recordings()[0]));
    assert!(!bandstand.log().contains("wrong-key") && !bandstand.log().contains("mended-key"), "no key in a log");
}
