//! Adoption: each process can be killed under a running broadcast, and what is left carries on.

use harness::bandstand::{ACCOUNT, Bandstand};
use harness::figures::note;
use harness::platform::Platform;
use harness::process::signal_pid;
use harness::recording::Recording;
use harness::stage::Stage;
use harness::venue::{CAMERA_1, MAIN, OBS, Venue, assert_whole, house};
use harness::wait::{s, until};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Instant;

const NAME: &str = "adoption";

#[test]
fn control_is_killed_and_comes_back_under_a_broadcast() {
    let mut venue = Venue::open("control");
    venue.go_live(0);
    let before = venue.bandstand.status(MAIN).expect("a worker");
    let workers = venue.bandstand.workers();
    venue.bandstand.kill_control();
    assert_eq!(venue.bandstand.workers(), workers, "killing control ends no worker");
    // Nobody is there to judge the publisher but ingest, and nobody to put it on air but the channel.
    let pictures = venue.platforms[0].pictures(0);
    venue.obs_on();
    until("8 s of broadcast without control", s(20), || {
        (venue.platforms[0].pictures(0) > pictures + 240).then_some(())
    });
    venue.bandstand.start_control();
    let status = venue.bandstand.wait_on_air(MAIN, "obs", s(10));
    assert_eq!((status.pid, status.live.map(|l| l.session)), (before.pid, before.live.map(|l| l.session)));
    let board = venue.bandstand.board();
    assert_eq!(board["channels"][0]["worker"], "running", "still signed in, and the worker is known");
    assert_eq!(venue.bandstand.workers(), workers, "no worker was started beside the running ones");
    // It has the hand on them again.
    venue.obs_off();
    venue.bandstand.wait_on_air(MAIN, "camera-1", s(10));
    venue.bandstand.ok("POST", "/channels/main/pin", json!({"source": "camera-2"}));
    venue.bandstand.wait_on_air(MAIN, "camera-2", s(5));
    venue.end(0);
    for (n, platform) in venue.platforms.iter().enumerate() {
        assert_eq!(platform.connections(), 1);
        let recording = venue.recording(n, 0);
        assert_whole("across control's death", &recording);
        assert!(recording.first_of(OBS, 0).is_some(), "the publisher was on air");
    }
    let executions = venue.bandstand.ok("GET", "/channels/main/executions", Value::Null);
    assert_eq!(executions[0]["status"], "stopped", "{executions}");
    assert_eq!(executions[0]["executed_by"], ACCOUNT.0);
}

#[test]
fn a_worker_is_killed_and_goes_on_and_the_other_channel_sees_nothing() {
    let mut venue = Venue::open("worker");
    let aside = Platform::start(&venue.stage.room("aside"), "nginx");
    small_channel(&venue.bandstand, &aside);
    venue.go_live(0);
    venue.bandstand.ok("POST", "/channels/aside/go-live", json!({"countdown_s": 0}));
    until("pictures of the other channel", s(15), || (aside.pictures(0) > 30).then_some(()));
    let before = venue.bandstand.status(MAIN).expect("a worker");

    signal_pid(before.pid as i32, Signal::KILL);
    let killed = Instant::now();
    let media = until("media of the worker that is back", s(20), || {
        (venue.platforms[0].pictures(1) > 0).then(|| killed.elapsed().as_secs_f64())
    });
    note(NAME, &format!("a worker killed: media at the platform again after {media:.2} s"));
    let status = venue.bandstand.wait_on_air(MAIN, "camera-1", s(20));
    assert_ne!(status.pid, before.pid);
    assert_eq!(status.generation, before.generation, "it goes on from its last spec");
    assert_eq!(status.live.map(|l| l.session), before.live.map(|l| l.session), "the same broadcast");
    until("a second of pictures", s(10), || (venue.platforms[0].pictures(1) > 60).then_some(()));
    // The platform saw two connections, and the page says so.
    wait_for_sessions(&venue, 2);

    // Without control its supervisor is away; control brings it back when it returns.
    venue.bandstand.kill_control();
    signal_pid(status.pid as i32, Signal::KILL);
    venue.bandstand.start_control();
    venue.bandstand.wait_on_air(MAIN, "camera-1", s(20));
    until("media once more", s(20), || (venue.platforms[0].pictures(2) > 60).then_some(()));

    venue.bandstand.ok("POST", "/channels/aside/end", Value::Null);
    aside.wait_until_closed(0);
    assert_eq!(aside.connections(), 1);
    let other = Recording::read(&aside.recordings()[0]);
    assert_eq!((other.flv.missing(15.0), other.flv.backward(), other.flv.parameter_changes()), (0, 0, 0));
    venue.end(2);
    for nth in 0..3 {
        let recording = venue.recording(0, nth);
        assert_whole(&format!("recording {nth}"), &recording);
        assert!(recording.first_of(CAMERA_1, 0).is_some());
    }
}

fn wait_for_sessions(venue: &Venue, sessions: u32) {
    venue.bandstand.wait(MAIN, "the connections to be counted over workers", s(10), |status| {
        let first = status.destinations.iter().find(|d| d.id.as_str() == "platform-1");
        first.is_some_and(|destination| destination.sessions == sessions)
    });
}

fn small_channel(bandstand: &Bandstand, platform: &Platform) {
    let house =
        json!({"width": 320, "height": 180, "rate": {"num": 15, "den": 1}, "video_kbps": 300, "audio_kbps": 96});
    bandstand.ok("POST", "/channels", json!({"id": "aside", "name": "Side stage", "house": house}));
    let bars = json!({"id": "bars", "name": "Bars", "kind": "test_pattern", "pattern": "bars"});
    bandstand.ok("POST", "/channels/aside/sources", bars);
    bandstand.ok(
        "PATCH",
        "/channels/aside",
        json!({"failover": {"primary": "bars", "holdoff_ms": 300, "stable_ms": 500}}),
    );
    let body = json!({"id": "p", "name": "P", "url": platform.url(), "key": "aside"});
    bandstand.ok("POST", "/channels/aside/destinations", body);
    bandstand.wait_on_air("aside", "bars", s(20));
}

#[test]
fn ingest_is_killed_and_is_back() {
    let mut venue = Venue::open("ingest");
    venue.obs_on();
    venue.bandstand.wait_on_air(MAIN, "obs", s(15));
    venue.go_live(0);
    let door = venue.bandstand.door().expect("a door");
    signal_pid(door.pid as i32, Signal::KILL);
    // The publisher's connection died with it: the program falls back, and nobody outside sees more than that.
    venue.bandstand.wait_on_air(MAIN, "camera-1", s(5));
    until("the door to be open again", s(15), || {
        venue.bandstand.door().filter(|again| again.pid != door.pid && again.port == door.port)
    });
    venue.obs_on();
    venue.bandstand.wait_on_air(MAIN, "obs", s(15));
    venue.end(0);
    assert_whole("across ingest's death", &venue.recording(0, 0));
    assert_eq!(venue.platforms[0].connections(), 1);
}

#[test]
fn the_first_sign_in_needs_the_code_and_works_once() {
    let stage = Stage::new("signin");
    let mut bandstand = Bandstand::start_unclaimed(&stage.room("box"));
    assert_eq!(bandstand.call("GET", "/state", None).status, 401, "nothing is shown to a stranger");
    assert_eq!(bandstand.call("GET", "/session", None).body["claimed"], json!(false));
    let wrong = json!({"code": "0000-0000", "name": ACCOUNT.0, "password": ACCOUNT.1});
    let answer = bandstand.call("POST", "/session/claim", Some(&wrong));
    assert_eq!((answer.status, answer.code()), (403, "sign_in_refused"), "{}", answer.body);
    let code = bandstand.first_code();
    bandstand.claim();
    assert_eq!(bandstand.board()["channels"][0]["id"], MAIN, "a new box has a channel");
    let mut board = bandstand.events().expect("events for who is signed in");
    assert_eq!(board.next_board().expect("a board at once")["channels"][0]["id"], MAIN);
    let again = json!({"code": code, "name": "other", "password": ACCOUNT.1});
    assert!(bandstand.call("POST", "/session/claim", Some(&again)).status >= 400, "the code works once");
    bandstand.ok("POST", "/channels", json!({"name": "Side stage", "house": house()}));
    until("the page to hear of the channel", s(10), || {
        board.next_board().filter(|board| board["channels"][1]["name"] == "Side stage")
    });
    until("the door and a worker for each channel", s(15), || (bandstand.workers().len() == 3).then_some(()));
    assert_eq!(bandstand.quit(), Some(0), "Ctrl-C ends it in good order");
    until("the end of its workers", s(15), || bandstand.workers().is_empty().then_some(()));
    bandstand.start_control();
    assert!(!bandstand.log().contains("first sign-in code"), "there is no code any more");
    assert_eq!(bandstand.board()["channels"][1]["name"], "Side stage", "what was wanted is wanted still");
}
