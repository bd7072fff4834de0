//! A channel without cameras (LP-03): OBS over a loop that an outside playout pushes, each with an address and a token of
//! its own that opens no other; and a playlist of the box's own files.

use automation::status::Carrier;
use harness::bandstand::Bandstand;
use harness::barcode::Mark;
use harness::clip::Clip;
use harness::figures::note;
use harness::platform::Platform;
use harness::process::signal_pid;
use harness::publisher::Publisher;
use harness::recording::Recording;
use harness::stage::Stage;
use harness::venue::{MAIN, OBS, assert_whole, house};
use harness::wait::{s, until};
use rustix::process::Signal;
use serde_json::{Value, json};

const NAME: &str = "playout";
/// Number of the playout's film.
const MILL: u8 = 6;

/// Adds a publisher's source. Its server, stream and token.
fn publisher(bandstand: &Bandstand, id: &str, role: &str) -> (String, String, String) {
    let body = json!({"id": id, "name": id, "kind": "rtmp", "role": role, "latency_ms": 200});
    let made = bandstand.ok("POST", "/channels/main/sources", body);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let key = text(&made["publish"]["key"]);
    let (stream, token) = key.split_once("?token=").expect("a key with a token");
    (text(&made["publish"]["server"]), stream.to_owned(), token.to_owned())
}

#[test]
fn obs_over_a_loop_that_a_playout_pushes_each_by_its_own_token() {
    let stage = Stage::new("playout");
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let bandstand = Bandstand::start(&stage.room("box"));
    bandstand.ok("PATCH", "/channels/main", json!({"name": "Main stage", "house": house()}));
    let (server, live, live_token) = publisher(&bandstand, "obs", "live");
    let (_, looped, loop_token) = publisher(&bandstand, "mill", "loop");
    assert_eq!((live.as_str(), looped.as_str()), ("main_obs", "main_loop"));
    let failover = json!({"live_input": "obs", "loop": "mill", "holdoff_ms": 300, "stable_ms": 500});
    bandstand.ok("PATCH", "/channels/main", json!({"failover": failover}));
    let to = json!({"id": "platform", "name": "platform", "url": platform.url(), "key": "k"});
    bandstand.ok("POST", "/channels/main/destinations", to);
    let (obs_film, mill_film) = (Clip::new(OBS, 96).file(), Clip::new(MILL, 48).file());
    let publish = |room: &str, film, stream: &str, token: &str| {
        Publisher::start(&stage.room(room), film, &server, &format!("{stream}?token={token}"))
    };

    for (room, stream, token) in [("swapped-1", &live, &loop_token), ("swapped-2", &looped, &live_token)] {
        let mut publisher = publish(room, &obs_film, stream, token);
        until("it is turned away", s(15), || publisher.is_gone().then_some(()));
        assert!(publisher.log().contains("The stream key is wrong"), "{}", publisher.log());
        let refused = until("the refusal at the door", s(10), || {
            let faults = bandstand.door()?.faults;
            faults.into_iter().find(|f| f.code.as_str() == "publisher_refused" && f.subject == *stream)
        });
        note(NAME, &format!("{} – {}", refused.text, refused.remedy));
    }

    let _mill = publish("mill", &mill_film, &looped, &loop_token);
    bandstand.wait(MAIN, "the loop on air for more than a keyframe's distance", s(20), |status| {
        let on = &status.on_air;
        on.carrier == Carrier::Loop && status.program.tick > on.since_tick + 70
    });
    bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
    until("pictures at the platform", s(15), || (platform.pictures(0) > 30).then_some(()));
    let mut obs = publish("obs", &obs_film, &live, &live_token);
    bandstand.wait_on_air(MAIN, "obs", s(15));
    until("three seconds of it", s(20), || {
        let status = bandstand.status(MAIN)?;
        (status.program.tick > status.on_air.since_tick + 90).then_some(())
    });
    obs.stop();
    let status = bandstand.wait_on_air(MAIN, "mill", s(10));
    assert_eq!(status.on_air.carrier, Carrier::Loop);
    let before = platform.pictures(0);
    until("what was on air at the platform", s(20), || (platform.pictures(0) >= before + 120).then_some(()));
    let status = bandstand.status(MAIN).expect("a worker");
    bandstand.ok("POST", "/channels/main/end", Value::Null);
    platform.wait_until_closed(0);

    assert_eq!((status.program.missing, status.destinations[0].sessions), (0, 1));
    let recording = Recording::read(&platform.recordings()[0]);
    assert_whole("OBS over a playout", &recording);
    assert_eq!(recording.black(), 0, "black pictures");
    let seen: Vec<_> = recording.switches().iter().map(|switch| (switch.from, switch.to)).collect();
    assert_eq!(seen, [(Some(MILL), Some(OBS)), (Some(OBS), Some(MILL))]);
    let stood = recording.last_picture_stood()[1].1;
    note(NAME, &format!("OBS stopped: the loop after {stood} ms"));
}

/// How long a source must have been there before it takes the air from the slate, milliseconds: anything proper is
/// better than the slate, so the stable time, ten times as long here, is not waited for.
const SETTLE_MS: i64 = 500;
const STABLE_MS: i64 = 5_000;
/// Its jitter buffer: what is shown arrived so long before, milliseconds.
const LATENCY_MS: i64 = 200;

#[test]
fn a_killed_playout_gives_way_to_the_slate_and_is_back_as_soon_as_it_has_settled() {
    let stage = Stage::new("playout-killed");
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let bandstand = Bandstand::start(&stage.room("box"));
    bandstand.ok("PATCH", "/channels/main", json!({"name": "Main stage", "house": house()}));
    let (server, looped, token) = publisher(&bandstand, "mill", "loop");
    let failover = json!({"loop": "mill", "holdoff_ms": 300, "stable_ms": STABLE_MS});
    bandstand.ok("PATCH", "/channels/main", json!({"failover": failover}));
    let to = json!({"id": "platform", "name": "platform", "url": platform.url(), "key": "k"});
    bandstand.ok("POST", "/channels/main/destinations", to);
    let (film, key) = (Clip::new(MILL, 48).file(), format!("{looped}?token={token}"));
    let stays = |carrier: Carrier, what: &str, ticks: u64| {
        bandstand.wait(MAIN, what, s(30), |status| {
            status.on_air.carrier == carrier && status.program.tick > status.on_air.since_tick + ticks
        })
    };

    let mut mill = Publisher::start(&stage.room("mill"), &film, &server, &key);
    stays(Carrier::Loop, "the loop on air for more than a keyframe's distance", 70);
    bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
    until("pictures at the platform", s(15), || (platform.pictures(0) > 60).then_some(()));
    mill.kill();
    let status = stays(Carrier::Slate, "five seconds of the slate", 150);
    assert!(status.faults.iter().any(|fault| fault.code.as_str() == "slate_on_air"), "{:?}", status.faults);
    let _mill = Publisher::start(&stage.room("mill-again"), &film, &server, &key);
    let status = stays(Carrier::Loop, "three seconds of the loop again", 90);
    let before = platform.pictures(0);
    until("what was on air at the platform", s(20), || (platform.pictures(0) >= before + 120).then_some(()));
    bandstand.ok("POST", "/channels/main/end", Value::Null);
    platform.wait_until_closed(0);

    assert_eq!((status.program.missing, status.destinations[0].sessions), (0, 1));
    let recording = Recording::read(&platform.recordings()[0]);
    assert_whole("a killed playout", &recording);
    assert_eq!(recording.black(), 0, "black pictures");
    let switches = recording.switches();
    let seen: Vec<_> = switches.iter().map(|switch| (switch.from, switch.to)).collect();
    assert_eq!(seen, [(Some(MILL), None), (None, Some(MILL))]);
    let (stood, slate) = (recording.last_picture_stood()[0].1, switches[1].pts_ms - switches[0].pts_ms);
    // Its film begins with the program: the first picture that is seen says how long it has been sending.
    let back = recording.pictures[switches[1].picture].mark.expect("a mark").counter;
    let sending_ms = i64::from(back) * 1000 / 30;
    note(
        NAME,
        &format!("killed: the slate after {stood} ms, for {slate} ms; back with its picture of {sending_ms} ms"),
    );
    assert!(stood <= 700 && slate >= 5_000, "the slate after {stood} ms, for {slate} ms");
    let settled = SETTLE_MS - LATENCY_MS - 100..STABLE_MS - LATENCY_MS;
    assert!(settled.contains(&sending_ms), "back with its picture of {sending_ms} ms");
}

/// Films of a playlist, of eight seconds each, and a still that is a picture of another one.
const FIRST: u8 = 1;
const SECOND: u8 = 2;
const CARD: Mark = Mark { source: 7, counter: 100 };
/// Pictures of each film, and ticks for which the still stands.
const FILM: u32 = 240;
const STILL: usize = 60;
/// Farthest that a beep may be from its picture, milliseconds.
const APART_MS: f64 = 40.0;

/// Adds a playlist of two films with a still between them, which is on air by itself.
fn playlist(stage: &Stage, bandstand: &Bandstand) {
    bandstand.ok("PATCH", "/channels/main", json!({"name": "Main stage", "house": house()}));
    let id = |name: &str, file: &std::path::Path| bandstand.upload(name, file).body["id"].clone();
    let first = id("first.mp4", &Clip::new(FIRST, 8).file());
    let second = id("second.mp4", &Clip::new(SECOND, 8).file());
    let card = id("card.png", &Clip::new(CARD.source, 16).still(CARD.counter, &stage.room("stills")));
    let list = json!({"id": "list", "name": "List", "kind": "media", "asset": first, "then": [card, second],
                      "still_ms": 2000});
    bandstand.ok("POST", "/channels/main/sources", list);
    bandstand.ok("PATCH", "/channels/main", json!({"failover": {"primary": "list"}}));
}

/// What must be seen after `mark`, of which `stood` pictures have been seen in a row.
fn follows(mark: Mark, stood: usize) -> Mark {
    let begin = |source| Mark { source, counter: 0 };
    match mark {
        CARD if stood < STILL => CARD,
        CARD => begin(SECOND),
        Mark { source, counter } if counter + 1 < FILM => Mark { source, counter: counter + 1 },
        Mark { source: FIRST, .. } => CARD,
        _ => begin(FIRST),
    }
}

/// Asserts that from picture `from` on each is the one that follows in the list. Answers the last one.
fn assert_in_order(recording: &Recording, from: usize) -> Mark {
    let pictures = &recording.pictures[from..];
    let marks: Vec<Mark> = pictures.iter().map(|picture| picture.mark.expect("a mark, no slate")).collect();
    let mut stood = 1;
    for (n, pair) in marks.windows(2).enumerate() {
        // The recording may begin in the midst of the still.
        let early = pair[0] == CARD && stood == n + 1 && pair[1] == follows(CARD, STILL);
        let wanted = follows(pair[0], stood);
        assert!(pair[1] == wanted || early, "picture {}: {:?} after {:?} for {stood}", n + 1, pair[1], pair[0]);
        stood = if pair[0] == pair[1] { stood + 1 } else { 1 };
    }
    marks[marks.len() - 1]
}

/// Asserts that each flash has its beep beside it, and that nothing is heard that is not seen.
fn assert_beeps(recording: &Recording) {
    for source in [FIRST, SECOND] {
        let flashes = recording.flashes_of(source);
        let apart: Vec<f64> = flashes.iter().filter_map(|flash| flash.sound_after_ms).collect();
        assert!(flashes.len() >= 6 && apart.len() == flashes.len(), "source {source}: {flashes:?}");
        note(NAME, &format!("playlist, film {source}: sound after picture {apart:.0?} ms"));
        assert!(apart.iter().all(|ms| ms.abs() <= APART_MS), "source {source}: {apart:?}");
    }
    let stray = recording.beeps_without_picture(APART_MS);
    assert!(stray.is_empty(), "heard, and not seen: {stray:?}");
}

#[test]
fn a_playlist_of_films_and_a_still_runs_on_without_a_gap_and_begins_again() {
    let stage = Stage::new("playlist");
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let bandstand = Bandstand::start(&stage.room("box"));
    playlist(&stage, &bandstand);
    let to = json!({"id": "platform", "name": "platform", "url": platform.url(), "key": "k"});
    bandstand.ok("POST", "/channels/main/destinations", to);
    bandstand.wait(MAIN, "the list on air for more than a keyframe's distance", s(20), |status| {
        let on = &status.on_air;
        let listed = on.source.as_ref().is_some_and(|on| on.as_str() == "list");
        listed && status.program.tick > on.since_tick + 70
    });
    bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
    // More than a round, whose seams are 540 pictures apart, and two seconds on either side.
    until("a round at the platform", s(60), || (platform.pictures(0) >= 540 + 240).then_some(()));
    let status = bandstand.status(MAIN).expect("a worker");
    bandstand.ok("POST", "/channels/main/end", Value::Null);
    platform.wait_until_closed(0);

    assert_eq!((status.program.missing, status.destinations[0].sessions), (0, 1));
    assert!(status.sources[0].fault.is_none(), "{:?}", status.sources[0]);
    let log = bandstand.log_of(MAIN);
    assert!(!log.contains("CRITICAL"), "{log}");
    let recording = Recording::read(&platform.recordings()[0]);
    assert_whole("a playlist", &recording);
    assert_eq!(recording.black(), 0, "black pictures");
    assert_in_order(&recording, 0);
    assert_beeps(&recording);
    let switches = recording.switches();
    let seams: Vec<(u8, u8)> = switches.iter().filter_map(|switch| Some((switch.from?, switch.to?))).collect();
    for seam in [(FIRST, CARD.source), (CARD.source, SECOND), (SECOND, FIRST)] {
        assert!(seams.contains(&seam), "{seam:?} in {seams:?}");
    }
    note(
        NAME,
        &format!(
            "playlist: {} pictures, each the one that follows, over the seams {seams:?}",
            recording.pictures.len()
        ),
    );
}

/// Pictures of one round.
const ROUND: i64 = 2 * FILM as i64 + STILL as i64;

/// Where in a round a picture stands, as far as it tells: the still stands for a while.
fn place(mark: Mark) -> std::ops::RangeInclusive<i64> {
    let counter = i64::from(mark.counter);
    match mark {
        CARD => i64::from(FILM)..=i64::from(FILM) + STILL as i64,
        Mark { source: FIRST, .. } => counter..=counter,
        _ => i64::from(FILM) + STILL as i64 + counter..=i64::from(FILM) + STILL as i64 + counter,
    }
}

#[test]
fn a_playlist_goes_on_where_it_is_by_the_clock_when_its_worker_was_killed() {
    let stage = Stage::new("playlist-killed");
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let bandstand = Bandstand::start(&stage.room("box"));
    playlist(&stage, &bandstand);
    let cue =
        json!({"id": "films", "at_ms": 0, "duration_ms": 90_000, "action": {"type": "show_media", "source": "list"}});
    let timeline = json!({"name": "Evening", "duration_ms": 90_000,
                          "tracks": [{"type": "video", "name": "Program", "cues": [cue]}]});
    let timeline = bandstand.ok("POST", "/channels/main/timelines", timeline);
    let load = format!("/channels/main/timelines/{}/load", timeline["id"].as_str().expect("an id"));
    bandstand.ok("POST", &load, Value::Null);
    let to = json!({"id": "platform", "name": "platform", "url": platform.url(), "key": "k"});
    bandstand.ok("POST", "/channels/main/destinations", to);
    bandstand.wait_on_air(MAIN, "list", s(20));
    bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
    let position = |status: &automation::status::ChannelStatus| status.timeline.as_ref().map_or(0, |t| t.position_ms);
    bandstand.wait(MAIN, "the second film", s(30), |status| position(status) > 11_000);
    let killed = bandstand.worker(MAIN);
    signal_pid(killed, Signal::KILL);
    until("ten seconds of its second life", s(40), || (platform.pictures(1) >= 300).then_some(()));
    let status = bandstand.status(MAIN).expect("a worker");
    bandstand.ok("POST", "/channels/main/end", Value::Null);
    platform.wait_until_closed(1);

    assert_ne!(bandstand.worker(MAIN), killed);
    let recording = Recording::read(&platform.recordings()[1]);
    assert_whole("a playlist after its worker was killed", &recording);
    let slate = recording.pictures.iter().take_while(|picture| picture.mark.is_none()).count();
    // A player that begins in the midst is aimed ahead, and its first picture stands until its time.
    let first = recording.pictures[slate].mark;
    let stands = recording.pictures[slate..].iter().take_while(|picture| picture.mark == first).count();
    let last = assert_in_order(&recording, slate + stands - 1);
    // What the platform got last was on air when the status was told, give or take what both waited.
    let wanted = (position(&status) as i64 * 30 / 1000) % ROUND;
    let seen = place(last);
    let rounds = [-ROUND, 0, ROUND].map(|round| wanted + round);
    let apart = rounds.iter().map(|at| at.abs_diff(*at.clamp(seen.start(), seen.end()))).min().unwrap_or(u64::MAX);
    note(
        NAME,
        &format!(
            "playlist, worker killed: {slate} pictures of the slate, the first for {stands}, then where the clock is, {apart} pictures apart"
        ),
    );
    assert!(apart <= 45, "{last:?}, where {wanted} of a round is due");
    assert!(slate <= 60 && stands <= 30, "{slate} pictures of the slate, the first for {stands}");
}
