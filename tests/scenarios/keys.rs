//! Stream keys of publishers: a new one sends away who has the old one, and the key of one channel opens no other
//! (LP-08, LP-32, LP-33, LP-37). The publishers are ffmpeg.

use harness::bandstand::Bandstand;
use harness::clip::Clip;
use harness::figures::note;
use harness::publisher::Publisher;
use harness::stage::Stage;
use harness::venue::{MAIN, OBS, Venue, assert_whole};
use harness::wait::{s, until};
use serde_json::{Value, json};
use std::time::Instant;

const NAME: &str = "keys";

/// Server and stream key as an operator copies them.
fn publish(document: &Value) -> (String, String) {
    let text = |field: &str| document["publish"][field].as_str().expect("an address and a key").to_owned();
    (text("server"), text("key"))
}

/// Waits until the door tells a fault of a stream.
fn wait_for_refusal(bandstand: &Bandstand, stream: &str) {
    let fault = until("the refusal at the door", s(15), || {
        let faults = bandstand.door()?.faults;
        faults.into_iter().find(|fault| fault.code.as_str() == "publisher_refused" && fault.subject == stream)
    });
    assert!(!fault.remedy.is_empty() && !fault.text.contains("token="), "{fault:?}");
}

fn wait_for_publisher(bandstand: &Bandstand, stream: &str) {
    until("the publisher at the door", s(15), || {
        bandstand.door().filter(|door| door.publishers.iter().any(|p| p.stream == stream && p.bytes > 0))
    });
}

#[test]
fn a_new_key_sends_the_publisher_away_at_once_and_the_broadcast_goes_on() {
    let venue = Venue::open(NAME);
    let bandstand = &venue.bandstand;
    let film = Clip::new(OBS, 96).file();
    let (server, old) = publish(&bandstand.ok("GET", "/channels/main/sources/obs", Value::Null));
    let mut first = Publisher::start(&venue.stage.room("first"), &film, &server, &old);
    bandstand.wait_on_air(MAIN, "obs", s(20));
    venue.go_live(0);
    let asked = Instant::now();
    let (_, new) = publish(&bandstand.ok("POST", "/channels/main/sources/obs/rotate-token", Value::Null));
    until("the publisher to be gone", s(10), || first.is_gone().then_some(()));
    note(NAME, &format!("a publisher is gone {} ms after its key was changed", asked.elapsed().as_millis()));
    assert_ne!(old, new);
    bandstand.wait_on_air(MAIN, "camera-1", s(10));
    let mut again = Publisher::start(&venue.stage.room("again"), &film, &server, &old);
    until("the old key to be refused", s(15), || again.is_gone().then_some(()));
    wait_for_refusal(bandstand, "main_obs");
    let _second = Publisher::start(&venue.stage.room("second"), &film, &server, &new);
    bandstand.wait_on_air(MAIN, "obs", s(20));
    let log = bandstand.log();
    venue.end(0);
    assert_eq!(venue.platforms[0].connections(), 1, "the platform saw one connection");
    assert_whole("across a change of the key", &venue.recording(0, 0));
    for key in [old, new] {
        let (_, token) = key.split_once("?token=").expect("a key with its token");
        assert!(!log.contains(token), "a token stands in the log");
    }
}

#[test]
fn the_key_of_one_channel_opens_no_other() {
    let stage = Stage::new("two-keys");
    let bandstand = Bandstand::start(&stage.room("box"));
    let small =
        json!({"width": 320, "height": 180, "rate": {"num": 15, "den": 1}, "video_kbps": 300, "audio_kbps": 96});
    bandstand.ok("PATCH", "/channels/main", json!({"name": "Main stage", "house": small}));
    bandstand.ok("POST", "/channels", json!({"id": "aside", "name": "Side stage", "house": small}));
    let source = json!({"id": "obs", "name": "OBS", "kind": "rtmp"});
    let add = |channel: &str| publish(&bandstand.ok("POST", &format!("/channels/{channel}/sources"), source.clone()));
    let ((server, main), (_, aside)) = (add("main"), add("aside"));
    let split = |key: &str| {
        let (stream, token) = key.split_once("?token=").expect("a key with its token");
        (stream.to_owned(), token.to_owned())
    };
    let ((main_stream, main_token), (aside_stream, aside_token)) = (split(&main), split(&aside));
    assert!(main_stream != aside_stream && main_token != aside_token, "{main_stream} {aside_stream}");

    let film = Clip::new(OBS, 96).file();
    let leaked = format!("{aside_stream}?token={main_token}");
    let mut thief = Publisher::start(&stage.room("thief"), &film, &server, &leaked);
    until("the foreign key to be refused", s(15), || thief.is_gone().then_some(()));
    wait_for_refusal(&bandstand, &aside_stream);

    let mut at_main = Publisher::start(&stage.room("main"), &film, &server, &main);
    let mut at_aside = Publisher::start(&stage.room("aside"), &film, &server, &aside);
    wait_for_publisher(&bandstand, &main_stream);
    wait_for_publisher(&bandstand, &aside_stream);
    let bytes = || {
        let door = bandstand.door()?;
        door.publishers.into_iter().find(|p| p.stream == aside_stream).map(|p| p.bytes)
    };
    bandstand.ok("POST", "/channels/main/sources/obs/rotate-token", Value::Null);
    until("the publisher of the changed key to be gone", s(10), || at_main.is_gone().then_some(()));
    let before = bytes().expect("the other one publishes");
    until("more from the other one", s(10), || bytes().filter(|now| *now > before + 20_000));
    assert!(!at_aside.is_gone(), "{}", at_aside.log());
}
