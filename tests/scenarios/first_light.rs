//! First light: a timeline of real cameras goes on air, and stays there. Everything is read from what nginx-rtmp
//! recorded, by the frame counters and beeps of the films.

use harness::figures::{median, note};
use harness::mix::{self, Mix};
use harness::recording::{Recording, Switch};
use harness::venue::{CAMERA_1, CAMERA_2, CLIP, FPS, MAIN, OBS, Venue, assert_lips_in_step, assert_whole};
use harness::wait::{s, until};
use serde_json::{Value, json};
use std::time::Instant;

const NAME: &str = "first_light";
/// How far a picture of a mix may be from what its tick asks for, of 255: what the encoder rounds away.
const MIX_OFF_MAX: f64 = 2.5;

#[test]
fn go_live_is_at_the_platforms_within_two_seconds() {
    let venue = Venue::open("golive");
    let mut waits = Vec::new();
    for nth in 0..5 {
        let begin = Instant::now();
        venue.bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
        for platform in &venue.platforms {
            until("first media at the platform", s(15), || (platform.pictures(nth) > 0).then_some(()));
        }
        waits.push(begin.elapsed().as_secs_f64());
        venue.end(nth);
    }
    note(NAME, &format!("GO LIVE to first media at both platforms: median {:.2} s of {waits:.2?}", median(&waits)));
    assert!(median(&waits) <= 2.0, "{waits:?}");
    // With a countdown nothing is sent before its end, and a second GO LIVE is the same broadcast.
    let first = venue.bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 2}));
    let second = venue.bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
    assert_eq!(first["session"], second["session"]);
    venue.bandstand.wait(MAIN, "a countdown", s(5), |status| {
        status.live.as_ref().is_some_and(|live| live.countdown_ms > 0 && live.countdown_ms <= 2000)
    });
    assert!(venue.platforms.iter().all(|platform| platform.pictures(5) == 0), "nothing is sent in a countdown");
    venue.wait_until_live_for(0);
    let over = Instant::now();
    until("media after the countdown", s(10), || (venue.platforms[0].pictures(5) > 0).then_some(()));
    let took = over.elapsed();
    note(NAME, &format!("the countdown's end to first media: {:.2} s", took.as_secs_f64()));
    assert!(took <= s(2), "{took:?}");
    venue.end(5);
}

#[test]
fn a_minute_of_trouble_leaves_no_trace() {
    let mut venue = Venue::open("minute");
    let cues = [
        (0, "camera-1", "cut", 0),
        (20_000, "camera-2", "cut", 0),
        (36_000, "clip", "dissolve", 500),
        (46_000, "camera-1", "cut", 0),
    ];
    venue.load_timeline(90_000, &cues);
    venue.go_live(0);
    let worker = venue.bandstand.worker(MAIN);

    venue.wait_until_live_for(6_000);
    venue.camera_1.kill();
    venue.bandstand.wait_on_air(MAIN, "camera-2", s(5));
    venue.wait_until_live_for(10_000);
    venue.camera_1.resume();
    venue.bandstand.wait_on_air(MAIN, "camera-1", s(15));

    venue.wait_until_live_for(23_000);
    venue.obs_on();
    venue.bandstand.wait_on_air(MAIN, "obs", s(10));
    venue.wait_until_live_for(30_000);
    venue.obs_off();
    venue.bandstand.wait_on_air(MAIN, "camera-2", s(5));

    venue.wait_until_live_for(38_000);
    venue.bandstand.kill_control();
    // The cue at 46 s comes while nobody is there to ask.
    let pictures = venue.platforms[0].pictures(0);
    until("10 s more of broadcast without control", s(20), || {
        (venue.platforms[0].pictures(0) > pictures + 300).then_some(())
    });
    venue.bandstand.start_control();
    venue.bandstand.wait_on_air(MAIN, "camera-1", s(10));
    assert_eq!(venue.bandstand.worker(MAIN), worker, "control found the running worker");
    venue.wait_until_live_for(61_000);
    let status = venue.bandstand.status(MAIN).expect("a worker");
    venue.end(0);

    for destination in &status.destinations {
        assert_eq!(destination.sessions, 1, "sessions of {}", destination.id);
    }
    assert_eq!(status.program.missing, 0, "ticks missing, by the worker's own word");
    let mut seconds = 0.0;
    for (n, platform) in venue.platforms.iter().enumerate() {
        assert_eq!(platform.connections(), 1, "connections to platform {n}");
        let recording = venue.recording(n, 0);
        assert_whole(&format!("platform {n}"), &recording);
        assert_eq!(recording.black(), 0, "black pictures at platform {n}");
        seconds = recording.pictures.len() as f64 / FPS;
        assert!(seconds >= 60.0, "{seconds} s");
        check_minute(&recording);
    }
    note(
        NAME,
        &format!(
            "{seconds:.0} s with a camera killed and back, OBS in and out, control killed: 0 of {:.0} ticks missing, \
             0 backward, 0 parameter changes, 1 connection each, a keyframe every 2.00 s",
            seconds * FPS
        ),
    );
    note(
        NAME,
        &format!("late ticks, without a gap: {}, worst {} ms", status.program.late, status.program.late_ms_worst),
    );
}

/// The order of what was seen, and how far sound and picture were apart.
fn check_minute(recording: &Recording) {
    let switches = recording.switches();
    let mut seen: Vec<u8> = switches.iter().filter_map(|switch| switch.to).collect();
    seen.dedup();
    let wanted = [CAMERA_2, CAMERA_1, CAMERA_2, OBS, CAMERA_2, CLIP, CAMERA_1];
    assert_eq!(seen, wanted, "{switches:?}");
    assert_lips_in_step(NAME, recording, &[CAMERA_1, CAMERA_2, OBS, CLIP]);
}

#[test]
fn a_lost_camera_is_off_the_air_within_700_ms() {
    let mut venue = Venue::open("lost");
    venue.go_live(0);
    venue.wait_until_live_for(2_000);
    for round in 0..3 {
        // Once the connection breaks, twice the camera only falls silent.
        if round == 0 {
            venue.camera_1.kill();
        } else {
            venue.camera_1.freeze();
        }
        let status = venue.bandstand.wait_on_air(MAIN, "camera-2", s(5));
        let said = status.faults.iter().find(|f| f.code.as_str() == "fallback_on_air");
        assert!(said.is_some_and(|fault| !fault.remedy.is_empty()), "{:?}", status.faults);
        venue.wait_on_air_for("camera-2", 2_000);
        if round == 0 {
            venue.camera_1.resume();
        } else {
            venue.camera_1.thaw();
        }
        venue.wait_on_air_for("camera-1", 3_000);
    }
    venue.end(0);
    let recording = venue.recording(0, 0);
    assert_whole("platform 0", &recording);
    assert_eq!(recording.black(), 0);
    let lost = |found: &&(Switch, i64)| found.0.from == Some(CAMERA_1) && found.0.to == Some(CAMERA_2);
    let all = recording.last_picture_stood();
    let stood: Vec<i64> = all.iter().filter(lost).map(|(_, ms)| *ms).collect();
    note(NAME, &format!("a lost camera's last picture stood for {stood:?} ms (one killed, two silent)"));
    assert_eq!(stood.len(), 3, "{all:?}");
    assert!(stood.iter().all(|ms| *ms <= 700), "{stood:?}");
    assert_lips_in_step(NAME, &recording, &[CAMERA_1, CAMERA_2]);
}

#[test]
fn cues_land_on_their_tick() {
    let venue = Venue::open("cues");
    let cues = [
        (0, "clip", "cut", 0),
        (4_000, "camera-2", "cut", 0),
        (6_500, "camera-1", "cut", 0),
        (9_033, "clip", "cut", 0),
        (12_500, "camera-2", "cut", 0),
        (15_000, "camera-1", "dissolve", 1_000),
        (18_000, "clip", "fade", 800),
    ];
    venue.load_timeline(22_000, &cues);
    let (nth, zero) = venue.go_live_placed();
    venue.wait_until_live_for(21_000);
    venue.end(nth);
    let recording = venue.recording(0, nth);
    assert_whole("platform 0", &recording);
    note(NAME, &format!("GO LIVE is at picture {zero} of the recording, by the worker's own word"));
    let at = |ms: i64| zero as i64 + tick(ms);

    // The clip is shown before GO LIVE too: with its cue it begins again.
    let mut errors = vec![clip_began(&recording, at(0)) - at(0)];
    let switches = recording.switches();
    for (at_ms, source) in [(4_000, CAMERA_2), (6_500, CAMERA_1), (9_033, CLIP), (12_500, CAMERA_2)] {
        let near = |switch: &&Switch| switch.to == Some(source) && (switch.picture as i64 - at(at_ms)).abs() < 45;
        let switch = switches.iter().find(near).unwrap_or_else(|| panic!("{at_ms} ms: no cut in {switches:?}"));
        errors.push(switch.picture as i64 - at(at_ms));
        if source == CLIP {
            let first = recording.pictures[switch.picture].mark.map(|mark| mark.counter);
            assert_eq!(first, Some(0), "a clip starts on its first frame");
        }
    }
    note(NAME, &format!("cuts off their tick by {errors:?}, counted from GO LIVE"));
    assert!(errors.iter().all(|error| error.abs() <= 1), "{errors:?} ticks off; {switches:?}");
    check_mix(&recording, "a dissolve of 1 s", Mix::Dissolve, at(15_000), tick(1_000));
    check_mix(&recording, "a fade of 0.8 s", Mix::Fade, at(18_000), tick(800));
    assert_lips_in_step(NAME, &recording, &[CAMERA_1, CAMERA_2, CLIP]);
}

/// The tick nearest to a time.
fn tick(ms: i64) -> i64 {
    (ms as f64 * FPS / 1000.0).round() as i64
}

/// Index of the picture on which the clip began that is on air soon after `picture`, by the number of its frame.
fn clip_began(recording: &Recording, picture: i64) -> i64 {
    let soon = (picture + 10) as usize;
    let mark = recording.pictures[soon].mark.filter(|mark| mark.source == CLIP);
    soon as i64 - i64::from(mark.expect("the clip on air").counter)
}

/// Each picture of a mix is what its tick asks for, give or take one tick over all of it.
fn check_mix(recording: &Recording, name: &str, kind: Mix, at: i64, ticks: i64) {
    let off = |shift: i64| mix::worst_off(&recording.pictures, (at + shift) as usize, ticks as usize, kind);
    let shifts = [0, -1, 1].map(|shift| (shift, off(shift)));
    let (shift, worst) = shifts.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("three of them");
    let told =
        format!("{name}: each of {ticks} pictures within {worst:.1} of 255 of what it must be, {shift} ticks off");
    note(NAME, &told);
    let pictures = &recording.pictures[at as usize..(at + ticks) as usize];
    let plain = || pictures.iter().map(|picture| picture.plain).collect::<Vec<_>>();
    assert!(worst <= MIX_OFF_MAX, "{told}: {:#.0?}", plain());
    let doubt = pictures.iter().filter(|picture| picture.mark.is_none()).count();
    assert!(doubt as i64 >= ticks / 4, "{doubt} of {ticks} pictures of {name} show neither source");
}

#[test]
fn a_destination_that_stops_for_20_s_comes_back_and_costs_the_other_nothing() {
    let mut venue = Venue::open("stopped");
    venue.go_live(0);
    venue.wait_until_live_for(3_000);
    venue.platforms[1].kill();
    venue.bandstand.wait(MAIN, "the lost destination to be named", s(10), |status| {
        let lost = status.destinations.iter().find(|d| d.id.as_str() == "platform-2");
        lost.and_then(|d| d.fault.as_ref()).is_some_and(|fault| !fault.remedy.is_empty())
    });
    venue.wait_until_live_for(23_000);
    venue.platforms[1].resume();
    let listens = Instant::now();
    until("media at the platform that is back", s(20), || (venue.platforms[1].pictures(1) > 0).then_some(()));
    let back = listens.elapsed().as_secs_f64();
    note(NAME, &format!("a destination stopped for 20 s had media {back:.2} s after it listened again"));
    let live = venue.bandstand.status(MAIN).and_then(|s| s.live).expect("a broadcast").since_ms;
    venue.wait_until_live_for(live + 3_000);
    let status = venue.bandstand.status(MAIN).expect("a worker");
    let sessions: Vec<u32> = status.destinations.iter().map(|d| d.sessions).collect();
    venue.bandstand.ok("POST", "/channels/main/end", Value::Null);
    venue.platforms[0].wait_until_closed(0);
    venue.platforms[1].wait_until_closed(1);
    assert!(back <= 5.0, "{back} s");
    assert_eq!(sessions, [1, 2], "sessions of the two destinations");
    // Each try is in the log, with its number and its wait (VS-57).
    let log = venue.bandstand.log_of(MAIN);
    let tries: Vec<&str> = log.lines().filter(|line| line.contains("trying again")).collect();
    let first = tries.first().unwrap_or(&"no line");
    assert!(["platform-2", "attempt=1", "wait_ms="].iter().all(|word| first.contains(word)), "{first}");
    assert!(tries.len() >= 3 && tries[1].contains("attempt=2"), "{tries:#?}");
    assert_eq!(venue.platforms[0].connections(), 1);
    let other = venue.recording(0, 0);
    assert_whole("the other platform", &other);
    assert!(other.pictures.iter().all(|p| p.mark.is_some_and(|m| m.source == CAMERA_1)));
    let again = venue.recording(1, 1);
    assert_whole("the platform that is back", &again);
    assert!(again.flv.video[0].key && again.flv.video[0].pts_ms < 100, "it begins with a keyframe at 0");
}
