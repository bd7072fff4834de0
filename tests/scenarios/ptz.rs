//! Cameras that are moved: to presets ahead of their cues, and by hand. And heads that fail, which cost a fault and
//! never a picture.

use automation::status::{ChannelStatus, DestinationState, SourceState};
use harness::bandstand::Bandstand;
use harness::camera::{CREDENTIALS, OnvifCamera, ViscaCamera, onvif};
use harness::clip::Clip;
use harness::figures::note;
use harness::platform::Platform;
use harness::recording::Recording;
use harness::rtsp::{Mount, Rtsp};
use harness::stage::{Stage, free_port};
use harness::venue::{CAMERA_1, CAMERA_2, FPS, assert_whole, house};
use harness::wait::{s, until, within};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const NAME: &str = "ptz";
const MAIN: &str = "main";
/// Each cue's length, milliseconds.
const CUE_MS: i64 = 5_000;
/// How far from its time a movement may begin, milliseconds: the machine of a test is noisy, and an answer takes time.
const EARLY_MS: i64 = 400;
const LATE_MS: i64 = 2_000;

/// A box with two cameras whose streams are sound: `one` has a head that speaks ONVIF, `two` one that speaks Visca.
struct Studio {
    bandstand: Bandstand,
    platform: Platform,
    onvif: OnvifCamera,
    visca: ViscaCamera,
    _streams: [Rtsp; 2],
    _stage: Stage,
}

impl Studio {
    fn open(name: &str, visca: &Value) -> Studio {
        let stage = Stage::new(name);
        let stream = |room: &str, host: &str, source: u8| {
            let mounts = [Mount::new("/live", &Clip::new(source, 48))];
            Rtsp::start_at(host, free_port(), &stage.room(room), &mounts)
        };
        let streams = [stream("one", "127.0.0.2", CAMERA_1), stream("two", "127.0.0.1", CAMERA_2)];
        let config = onvif("127.0.0.2", &format!("urn:uuid:{name}-{}", std::process::id()), &streams[0].url("/live"));
        let camera = OnvifCamera::start(&stage.room("onvif"), &config);
        let visca = ViscaCamera::start(&stage.room("visca"), visca);
        let bandstand = Bandstand::start(stage.folder());
        bandstand.ok("PATCH", "/channels/main", json!({"house": house(), "failover": {"stable_ms": 500}}));
        let body =
            json!({"address": camera.address(), "user": CREDENTIALS.0, "password": CREDENTIALS.1, "name": "One"});
        bandstand.ok("POST", "/channels/main/cameras", body);
        bandstand.ok(
            "POST",
            "/channels/main/sources",
            json!({"name": "Two", "kind": "camera", "url": streams[1].url("/live")}),
        );
        let studio = Studio {
            platform: Platform::start(&stage.room("platform"), "nginx"),
            onvif: camera,
            visca,
            bandstand,
            _streams: streams,
            _stage: stage,
        };
        let transport = studio.visca.transport.clone();
        studio.change("two", json!({"protocol": "visca", "address": studio.visca.address(), "transport": transport}));
        let destination = json!({"name": "Platform", "url": studio.platform.url(), "key": "key"});
        studio.bandstand.ok("POST", "/channels/main/destinations", destination);
        studio.wait("both cameras online", 30, |status| {
            status.sources.iter().all(|one| one.state == SourceState::Online)
        });
        studio
    }

    /// Gives a source another head.
    fn change(&self, source: &str, ptz: Value) {
        let path = format!("/channels/main/sources/{source}");
        let mut body = self.bandstand.ok("GET", &path, Value::Null);
        body["ptz"] = ptz;
        self.bandstand.ok("PUT", &path, body);
    }

    fn wait(&self, what: &str, limit_s: u64, as_wanted: impl Fn(&ChannelStatus) -> bool) -> ChannelStatus {
        self.bandstand.wait(MAIN, what, s(limit_s), as_wanted)
    }

    /// Loads a timeline of cues of five seconds: source, and preset where there is one.
    fn load(&self, cues: &[(&str, Value)]) {
        self.load_in(MAIN, cues);
    }

    /// The same in another channel.
    fn load_in(&self, channel: &str, cues: &[(&str, Value)]) {
        let cue = |(n, (source, preset)): (usize, &(&str, Value))| {
            let mut action = json!({"type": "show_camera", "source": source});
            if !preset.is_null() {
                action["preset"] = preset.clone();
            }
            json!({"id": format!("cue-{n}"), "at_ms": n as i64 * CUE_MS, "duration_ms": CUE_MS, "action": action})
        };
        let cues: Vec<Value> = cues.iter().enumerate().map(cue).collect();
        let duration_ms = cues.len() as i64 * CUE_MS;
        let track = json!({"type": "video", "name": "Program", "cues": cues});
        let body = json!({"name": "Evening", "duration_ms": duration_ms, "repeat": false, "tracks": [track]});
        let stored = self.bandstand.ok("POST", &format!("/channels/{channel}/timelines"), body);
        let id = stored["id"].as_str().expect("a timeline has an id");
        self.bandstand.ok("POST", &format!("/channels/{channel}/timelines/{id}/load"), Value::Null);
    }

    /// GO LIVE. Answers when the broadcast begins, by the wall clock, milliseconds.
    fn go_live(&self, countdown_s: u64) -> i64 {
        self.bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": countdown_s}));
        until("pictures at the platform", s(countdown_s + 20), || (self.platform.pictures(0) > 0).then_some(()));
        let status =
            self.wait("the broadcast", 10, |status| status.live.as_ref().is_some_and(|live| live.since_ms > 0));
        let clock = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let age = clock.tv_sec * 1000 + clock.tv_nsec / 1_000_000 - (status.now.0 / 1_000_000) as i64;
        wall_ms() - age - status.live.map_or(0, |live| live.since_ms as i64)
    }

    /// END; the recording at the platform.
    fn end(&self) -> Recording {
        // The platform may show pictures before the box tells of its connection.
        let status = self.wait("the session", 10, |status| status.destinations[0].sessions > 0);
        assert_eq!((status.program.missing, status.destinations[0].sessions), (0, 1), "no picture is missing");
        self.bandstand.ok("POST", "/channels/main/end", Value::Null);
        self.platform.wait_until_closed(0);
        self.wait("the end of the broadcast", 10, |status| status.destinations[0].state == DestinationState::Idle);
        let recording = Recording::read(&self.platform.recordings()[0]);
        assert_whole(NAME, &recording);
        recording
    }

    fn alerts(&self, code: &str) -> Vec<Value> {
        let alerts = self.bandstand.call("GET", "/state", None).body["alerts"].clone();
        alerts.as_array().into_iter().flatten().filter(|alert| alert["code"] == code).cloned().collect()
    }
}

fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |at| at.as_millis() as i64)
}

fn preset(token: &str) -> Value {
    json!({"token": token})
}

/// Distances of the cuts between cameras, in ticks.
fn steps(recording: &Recording) -> Vec<i64> {
    let ticks = recording.switches().into_iter().map(|switch| (switch.pts_ms as f64 * FPS / 1000.0).round() as i64);
    let ticks: Vec<i64> = ticks.collect();
    ticks.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn cues_move_their_cameras_three_seconds_ahead_and_never_on_air() {
    let studio = Studio::open("ptz-cues", &json!({"presets": [3, 5], "loses": 1}));
    studio.load(&[
        ("one", preset("1")),
        ("two", preset("5")),
        ("one", preset("choir")),
        ("one", preset("1")),
        ("two", preset("3")),
    ]);
    let waits = |token: &str| studio.onvif.moves().into_iter().find(|line| line["token"] == token);
    until("the first camera at its first preset, before GO LIVE", s(15), || waits("1"));
    let begun = studio.go_live(3);
    studio.wait("the camera that stays on air", 40, |status| {
        status.faults.iter().any(|fault| fault.code.as_str() == "preset_skipped")
    });
    studio.wait("the last cue", 30, |status| {
        status.timeline.as_ref().is_some_and(|t| t.position_ms as i64 > 4 * CUE_MS + 1500)
    });
    let recalls = |camera: &ViscaCamera| -> Vec<(i64, i64)> {
        let did = camera.did().into_iter().filter(|line| line["does"] == "recall");
        did.map(|line| (line["memory"].as_i64().unwrap_or(-1), line["at_ms"].as_i64().unwrap_or(0) - begun)).collect()
    };
    let choir = waits("choir").and_then(|line| line["at_ms"].as_i64()).expect("it went to the choir") - begun;
    let visca = recalls(&studio.visca);
    note(NAME, &format!("presets {:?} and choir at {choir} ms of the broadcast; cuts every {CUE_MS} ms", visca));
    let in_time = |at: i64, cue: i64| (-EARLY_MS..LATE_MS).contains(&(at - (cue * CUE_MS - 3_000)));
    assert!(in_time(choir, 2), "3 s ahead of its cue at {} ms: {choir}", 2 * CUE_MS);
    let memories: Vec<i64> = visca.iter().map(|(memory, _)| *memory).collect();
    assert_eq!(memories, [5, 3], "each once, though the first datagram was lost");
    assert!(in_time(visca[0].1, 1) && in_time(visca[1].1, 4), "{visca:?}");
    let status = studio.bandstand.source(MAIN, "two").and_then(|one| one.ptz).expect("a head");
    assert_eq!((status.preset.as_deref(), status.moving, status.fault), (Some("3"), false, None));
    let after: Vec<Value> = studio.onvif.moves();
    let last = after.last().and_then(|line| line["token"].as_str().map(str::to_owned));
    assert_eq!(last.as_deref(), Some("choir"), "on air it was left where it was");
    let skipped = studio.alerts("preset_skipped");
    assert!(skipped.iter().any(|alert| alert["text"].as_str().is_some_and(|t| t.contains("cue-3"))), "{skipped:?}");
    let recording = studio.end();
    assert_eq!(steps(&recording), [150, 300], "the cuts are where they were planned");
}

/// The worker that has it on air says so to the others, whether `control` is there or not.
#[test]
fn a_cue_of_one_channel_does_not_move_a_camera_that_another_has_on_air() {
    const ASIDE: &str = "aside";
    let studio = Studio::open("ptz-channels", &json!({"presets": [1]}));
    studio.bandstand.ok("POST", "/channels", json!({"id": ASIDE, "name": "Side stage", "house": house()}));
    let body =
        json!({"address": studio.onvif.address(), "user": CREDENTIALS.0, "password": CREDENTIALS.1, "name": "One"});
    studio.bandstand.ok("POST", &format!("/channels/{ASIDE}/cameras"), body);
    studio.bandstand.ok("POST", "/channels/main/pin", json!({"source": "one"}));
    studio.bandstand.wait_on_air(MAIN, "one", s(10));
    studio.go_live(0);
    studio.load_in(ASIDE, &[("one", preset("choir"))]);
    let status = studio.bandstand.wait(ASIDE, "the head to be left where it is", s(20), |status| {
        status.sources.iter().any(|one| one.ptz.as_ref().is_some_and(|head| head.fault.is_some()))
    });
    let fault = status.sources[0].ptz.as_ref().and_then(|head| head.fault.clone()).expect("it was there just now");
    assert!(fault.code.as_str() == "preset_skipped" && fault.text.contains("another channel"), "{fault:?}");
    let went = || studio.onvif.moves().iter().any(|line| line["token"] == "choir");
    assert!(!went(), "{:?}", studio.onvif.moves());
    studio.bandstand.ok("POST", "/channels/main/pin", json!({"source": "two"}));
    studio.bandstand.wait_on_air(MAIN, "two", s(10));
    studio.load_in(ASIDE, &[("one", preset("choir"))]);
    until("the head on its way", s(20), || went().then_some(()));
    studio.bandstand.wait(ASIDE, "the fault to go", s(20), |status| {
        status.sources.iter().all(|one| one.ptz.as_ref().is_none_or(|head| head.fault.is_none()))
    });
}

#[test]
fn a_head_that_fails_is_a_fault_with_a_remedy_and_moves_no_cut() {
    let studio = Studio::open("ptz-faults", &json!({"presets": [1], "dies_after": "recall"}));
    studio.load(&[
        ("one", Value::Null),
        ("two", preset("7")),
        ("one", preset("gone")),
        ("two", preset("1")),
        ("one", preset("1")),
        ("two", Value::Null),
    ]);
    let fault_of = |source: &'static str, words: &'static str| {
        let status = studio.wait(&format!("\"{words}\" of {source}"), 60, move |status| {
            let head = status.sources.iter().find(|one| one.id.as_str() == source).and_then(|one| one.ptz.as_ref());
            head.and_then(|head| head.fault.as_ref()).is_some_and(|fault| fault.text.contains(words))
        });
        let fault = status.sources.into_iter().find(|one| one.id.as_str() == source).and_then(|one| one.ptz?.fault);
        let fault = fault.expect("it was there just now");
        assert!(!fault.remedy.is_empty() && !fault.text.contains(CREDENTIALS.1), "{fault:?}");
    };
    studio.go_live(0);
    fault_of("two", "it cannot do this now");
    fault_of("one", "it has no preset \"gone\"");
    // From here on it takes every question, and is silent.
    studio.onvif.faults(&json!({"slow_s": 30}));
    fault_of("one", "it does not answer in time");
    fault_of("two", "it has not said that it is at its preset");
    studio.wait("the last cue", 40, |status| {
        status.timeline.as_ref().is_some_and(|t| t.position_ms as i64 > 5 * CUE_MS + 1500)
    });
    for (source, code) in [("one", "preset_missing"), ("one", "camera_unreachable"), ("two", "move_failed")] {
        let alerts = studio.alerts(code);
        let subject = format!("main/source/{source}/ptz");
        assert!(alerts.iter().any(|alert| alert["subject"] == json!(subject)), "{code}: {alerts:?}");
    }
    let recording = studio.end();
    let steps = steps(&recording);
    note(NAME, &format!("cuts under heads that fail: every {steps:?} ticks"));
    // The recording may begin with what was on air before the timeline was loaded.
    assert!(steps.ends_with(&[150; 4]), "no cut waits for a camera: {steps:?}");
    assert!(!studio.bandstand.log().contains(CREDENTIALS.1), "no password in a log");
}

#[test]
fn by_hand_a_camera_is_moved_off_air_and_on_air_only_where_a_person_says_so() {
    let studio = Studio::open("ptz-hand", &json!({"transport": "tcp", "presets": [0, 4]}));
    let post = |source: &str, body: Value| {
        studio.bandstand.call("POST", &format!("/channels/main/sources/{source}/move"), Some(&body))
    };
    let did = |what: &'static str, as_wanted: &dyn Fn(&Value) -> bool| {
        until(what, s(10), || studio.visca.did().into_iter().rfind(|line| as_wanted(line)));
    };
    let listed = studio.bandstand.ok("GET", "/channels/main/sources/two/presets", Value::Null);
    assert_eq!(listed.as_array().map(Vec::len), Some(16), "{listed}");
    assert_eq!(post("two", json!({"move": "along", "pan": -1.0, "tilt": 0.5})).status, 204);
    did("a drive to the left and up", &|line| line["pan"] == -24 && line["tilt"] == 10);
    // Nobody says it again: it is stopped.
    did("its stop", &|line| line["does"] == "drive" && line["pan"] == 0 && line["tilt"] == 0);
    assert_eq!(post("two", json!({"move": "step", "zoom": 1.0})).status, 204);
    did("a step nearer", &|line| line["zoom"].as_i64().is_some_and(|zoom| zoom > 0));
    did("the step's end", &|line| line["does"] == "zoom" && line["moves"] == false);
    assert_eq!(post("two", json!({"move": "preset", "token": "4"})).status, 204);
    did("the preset", &|line| line["memory"] == 4);
    for (source, body, status, code) in [
        ("two", json!({"move": "preset", "token": "9"}), 502, "move_failed"),
        ("two", json!({"move": "preset", "token": "wide"}), 422, "preset_missing"),
        ("one", json!({"move": "preset", "token": "gone"}), 422, "preset_missing"),
        ("two", json!({"move": "along", "pan": 1.5}), 400, "request_invalid"),
        ("two", json!({"move": "dance"}), 400, "request_invalid"),
        ("three", json!({"move": "stop"}), 404, "not_found"),
    ] {
        let answer = post(source, body.clone());
        assert_eq!((answer.status, answer.code()), (status, code), "{body}: {}", answer.body);
    }
    studio.load(&[("two", Value::Null), ("two", Value::Null), ("two", Value::Null)]);
    studio.go_live(0);
    studio.bandstand.wait_on_air(MAIN, "two", s(10));
    let refused = within(s(5), || {
        let answer = post("two", json!({"move": "along", "pan": 1.0}));
        Some(answer).filter(|answer| answer.status == 409)
    });
    let refused = refused.expect("a camera that is on air is not moved");
    assert_eq!(refused.code(), "camera_on_air");
    assert_eq!(post("two", json!({"move": "along", "pan": 1.0, "on_air": true})).status, 204);
    assert_eq!(post("two", json!({"move": "stop"})).status, 204, "a stop is always right");
    assert_eq!(post("one", json!({"move": "step", "pan": 1.0})).status, 204, "the other one is off air");
    studio.end();
}
