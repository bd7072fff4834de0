//! A venue for tests: two cameras, a publisher, a clip, two platforms, and a box that knows them all.

use crate::bandstand::Bandstand;
use crate::clip::Clip;
use crate::figures::note;
use crate::go_live;
use crate::platform::Platform;
use crate::publisher::Publisher;
use crate::recording::{Heard, Recording};
use crate::rtsp::{Mount, Rtsp};
use crate::stage::Stage;
use crate::wait::{s, until};
use automation::status::{DestinationState, SourceState};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Number of the first camera's film.
pub const CAMERA_1: u8 = 1;
/// Number of the second camera's film.
pub const CAMERA_2: u8 = 2;
/// Number of the publisher's film.
pub const OBS: u8 = 3;
/// Number of the clip.
pub const CLIP: u8 = 4;
/// Pictures per second of the program.
pub const FPS: f64 = 30.0;
/// The channel.
pub const MAIN: &str = "main";

/// The venue. Fields are public since each test breaks another one of them.
#[derive(Debug)]
pub struct Venue {
    /// The box.
    pub bandstand: Bandstand,
    /// Source `camera-1`, with `camera-2` as its backup.
    pub camera_1: Rtsp,
    /// Source `camera-2`, on a server of its own.
    pub camera_2: Rtsp,
    /// Destinations `platform-1` and `platform-2`.
    pub platforms: [Platform; 2],
    obs: Option<Publisher>,
    publish: (String, String),
    obs_film: PathBuf,
    /// The test's folder.
    pub stage: Stage,
}

/// A program that two slow cores carry beside all the far sides: 640x360 at 30 fps.
pub fn house() -> Value {
    json!({"width": 640, "height": 360, "rate": {"num": 30, "den": 1}, "video_kbps": 900, "audio_kbps": 128})
}

impl Venue {
    /// Builds the venue for the test `name`; returns when both cameras are online and the first has been on
    /// air for a while.
    pub fn open(name: &str) -> Venue {
        let stage = Stage::new(name);
        let camera =
            |room: &str, source: u8| Rtsp::start(&stage.room(room), &[Mount::new("/live", &Clip::new(source, 48))]);
        let (camera_1, camera_2) = (camera("camera-1", CAMERA_1), camera("camera-2", CAMERA_2));
        let platforms = [1, 2].map(|n| Platform::start(&stage.room(&format!("platform-{n}")), "nginx"));
        let mut obs_film = Clip::new(OBS, 96);
        obs_film.b_frames = 2;
        let mut venue = Venue {
            bandstand: Bandstand::start(&stage.room("box")),
            camera_1,
            camera_2,
            platforms,
            obs: None,
            publish: Default::default(),
            obs_film: obs_film.file(),
            stage,
        };
        venue.set_up();
        venue
    }

    fn set_up(&mut self) {
        let bandstand = &self.bandstand;
        // A new box has this channel already.
        bandstand.ok("PATCH", "/channels/main", json!({"name": "Main stage", "house": house()}));
        let clip = bandstand.upload("clip.mp4", &Clip::new(CLIP, 16).file());
        assert_eq!(clip.status, 201, "the upload: {}", clip.body);
        let camera = |id: &str, server: &Rtsp| json!({"id": id, "name": id, "kind": "camera", "url": server.url("/live"), "latency_ms": 200});
        self.add_source(camera("camera-2", &self.camera_2));
        let mut first = camera("camera-1", &self.camera_1);
        first["backup"] = json!("camera-2");
        self.add_source(first);
        self.add_source(json!({"id": "clip", "name": "Clip", "kind": "media", "asset": clip.body["id"]}));
        let obs = self.add_source(json!({"id": "obs", "name": "OBS", "kind": "rtmp", "latency_ms": 200}));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.publish = (text(&obs["publish"]["server"]), text(&obs["publish"]["key"]));
        let failover = json!({"primary": "camera-1", "live_input": "obs", "loop": "clip",
                              "holdoff_ms": 300, "stable_ms": 1000});
        bandstand.ok("PATCH", "/channels/main", json!({"failover": failover}));
        for (n, platform) in self.platforms.iter().enumerate() {
            let id = format!("platform-{}", n + 1);
            let body = json!({"id": id, "name": id, "url": platform.url(), "key": format!("key-{}", n + 1)});
            bandstand.ok("POST", "/channels/main/destinations", body);
        }
        for camera in ["camera-1", "camera-2"] {
            self.wait_for_source(camera, SourceState::Online);
        }
        // A destination begins with the last keyframe, up to 2 s back: by then it is the camera alone.
        self.wait_on_air_for("camera-1", 2_400);
    }

    /// Adds a source to the channel. Its document.
    pub fn add_source(&self, body: Value) -> Value {
        self.bandstand.ok("POST", "/channels/main/sources", body)
    }

    /// Waits until a source is in a state.
    pub fn wait_for_source(&self, source: &str, state: SourceState) {
        self.bandstand.wait(MAIN, &format!("{source} to be {state:?}"), s(30), |status| {
            status.sources.iter().any(|s| s.id.as_str() == source && s.state == state)
        });
    }

    /// Stores a timeline and loads it. `cues` are start in milliseconds, source, kind of transition and its length in
    /// milliseconds; each lasts until the next.
    pub fn load_timeline(&self, duration_ms: i64, cues: &[(i64, &str, &str, i64)]) {
        let mut documents = Vec::new();
        for (n, (at_ms, source, mix, mix_ms)) in cues.iter().enumerate() {
            let end = cues.get(n + 1).map_or(duration_ms, |next| next.0);
            let action = if *source == "clip" { "show_media" } else { "show_camera" };
            documents.push(json!({"id": format!("cue-{n}"), "at_ms": at_ms, "duration_ms": end - at_ms,
                                  "action": {"type": action, "source": source},
                                  "transition": {"kind": mix, "duration_ms": mix_ms}}));
        }
        let track = json!({"type": "video", "name": "Program", "cues": documents});
        let body = json!({"name": "Evening", "duration_ms": duration_ms, "repeat": false, "tracks": [track]});
        let stored = self.bandstand.ok("POST", "/channels/main/timelines", body);
        let id = stored["id"].as_str().expect("a timeline has an id");
        self.bandstand.ok("POST", &format!("/channels/main/timelines/{id}/load"), Value::Null);
    }

    /// GO LIVE without a countdown; returns when both platforms record pictures of recording number `nth`.
    pub fn go_live(&self, nth: usize) {
        self.bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
        for platform in &self.platforms {
            until("pictures at the platform", s(15), || (platform.pictures(nth) > 0).then_some(()));
        }
        self.wait_until_live_for(0);
    }

    /// GO LIVE with a countdown, so that it finds the program ready. Answers which recording of each platform it is, and
    /// the index of GO LIVE's picture in it, by the worker's own word.
    pub fn go_live_placed(&self) -> (usize, usize) {
        for nth in 0..3 {
            go_live::wait_between_keyframes(&self.bandstand.status(MAIN).expect("a worker"));
            self.bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 2}));
            self.wait_until_live_for(0);
            for platform in &self.platforms {
                until("pictures at the platform", s(15), || (platform.pictures(nth) > 0).then_some(()));
            }
            if let Some(place) = go_live::place(go_live::tick(&self.bandstand)) {
                return (nth, place);
            }
            self.end(nth);
        }
        panic!("three times, GO LIVE came to a slow machine just after a keyframe")
    }

    /// Waits until the broadcast is `ms` old, by the worker's own word.
    pub fn wait_until_live_for(&self, ms: u64) {
        self.bandstand.wait(MAIN, &format!("{ms} ms of broadcast"), s(ms / 1000 + 30), |status| {
            status.live.as_ref().is_some_and(|live| live.countdown_ms == 0 && live.since_ms >= ms)
        });
    }

    /// Waits until `source` has been on air for `ms` without a break.
    pub fn wait_on_air_for(&self, source: &str, ms: u64) {
        let ticks = (ms as f64 * FPS / 1000.0) as u64;
        self.bandstand.wait(MAIN, &format!("{source} on air for {ms} ms"), s(ms / 1000 + 30), |status| {
            let on = &status.on_air;
            on.source.as_ref().is_some_and(|on| on.as_str() == source) && status.program.tick >= on.since_tick + ticks
        });
    }

    /// END; returns when every platform has closed its recording number `nth`.
    pub fn end(&self, nth: usize) {
        self.bandstand.ok("POST", "/channels/main/end", Value::Null);
        self.platforms.iter().for_each(|platform| platform.wait_until_closed(nth));
        self.bandstand.wait(MAIN, "the end of the broadcast", s(10), |status| {
            status.live.is_none() && status.destinations.iter().all(|d| d.state == DestinationState::Idle)
        });
    }

    /// Starts the publisher.
    pub fn obs_on(&mut self) {
        let (server, key) = &self.publish;
        self.obs = Some(Publisher::start(&self.stage.room("obs"), &self.obs_film, server, key));
    }

    /// Stops the publisher as a person does.
    pub fn obs_off(&mut self) {
        self.obs.take().expect("OBS is on").stop();
    }

    /// Reads recording number `nth` of platform 0 or 1.
    pub fn recording(&self, platform: usize, nth: usize) -> Recording {
        let recordings = self.platforms[platform].recordings();
        assert!(nth < recordings.len(), "platform {platform} has {} recordings", recordings.len());
        Recording::read(&recordings[nth])
    }
}

/// Asserts what holds for every recording of one session: no tick missing, no time backward, no parameter changed, no
/// gap in the sound, a keyframe every 2.00 s.
pub fn assert_whole(name: &str, recording: &Recording) {
    let defects = defects(recording);
    assert!(defects.is_empty(), "{name}: {defects:#?}");
}

/// What a recording of one session has, and must not have.
pub fn defects(recording: &Recording) -> Vec<String> {
    let flv = &recording.flv;
    let sound_gaps = flv.sound_gaps();
    let odd: Vec<i64> = flv.keyframe_steps().into_iter().filter(|step| *step != 2000).collect();
    let apart = flv.end_difference_ms();
    let found = [
        (flv.missing(FPS) > 0, format!("{} ticks missing", flv.missing(FPS))),
        (flv.backward() > 0, format!("{} times that go backward", flv.backward())),
        (flv.parameter_changes() > 0, format!("{} parameter sets that change", flv.parameter_changes())),
        (!sound_gaps.is_empty(), format!("steps of sound that are no 21 or 22 ms: {sound_gaps:?}")),
        (!odd.is_empty(), format!("steps between keyframes that are no 2000 ms: {odd:?}")),
        (apart.abs() >= 200, format!("sound and picture end {apart} ms apart")),
    ];
    found.into_iter().filter(|(is, _)| *is).map(|(_, defect)| defect).collect()
}

/// Longest distance of sound from picture, milliseconds: 10, and one by which the whole milliseconds of RTMP may be off.
pub const APART_MS_MAX: f64 = 11.0;
/// The same for so long after a picture was left out or shown twice, milliseconds: a source's time has moved over a tick,
/// and sound follows without a leap that would be heard.
pub const APART_MS_MAX_MOVED: f64 = 40.0;
const FOLLOWS_MS: i64 = 13_000;
/// The same in the first moments after a switch, milliseconds: measured 0 to 2 mostly, 11 now and then, on a busy machine.
const APART_MS_MAX_BEGUN: f64 = 20.0;
const BEGUN_MS: i64 = 1_500;
/// Two beeps that begin so near to each other, milliseconds, are heard as one.
const BEEPS_AT_ONCE_MS: f64 = 120.0;
/// A stretch of a source that is as long as this has a flash whose beep can be heard whole, milliseconds: they come each
/// second.
const STRETCH_MS_MIN: i64 = 1_300;

/// Asserts that sound and picture lie within 11 ms before and after every switch, within 20 in its first 1.5 s, and within
/// 40 for a while where a picture was left out or shown twice, or sound comes nearer from the recording's begin on: each
/// stretch of a source has flashes, each flash has its beep, and no source is heard that is not seen. Notes how near they
/// are. `sources` are all that must be seen.
pub fn assert_lips_in_step(scenario: &str, recording: &Recording, sources: &[u8]) {
    assert_lips_within(|_| APART_MS_MAX, scenario, recording, sources);
}

/// The same, within so many milliseconds of each source instead of 11.
pub fn assert_lips_within(apart_ms: impl Fn(u8) -> f64, scenario: &str, recording: &Recording, sources: &[u8]) {
    let mut wrong = Vec::new();
    let stretches = recording.stretches();
    for stretch in &stretches {
        let begin_ms = recording.pictures[stretch.first].pts_ms;
        let whole_ms = stretch.last_new_ms - begin_ms;
        assert!(whole_ms >= STRETCH_MS_MIN, "{stretch:?}: {whole_ms} ms are too short to check its sound");
        let flashes = recording.flashes(stretch);
        if flashes.is_empty() {
            wrong.push(format!("source {}: {whole_ms} ms from {begin_ms} ms on without a flash", stretch.source));
        }
        let moved = recording.moved_ms(stretch);
        // What moved just before the recording began is not seen in it: sound that follows comes nearer with each flash.
        let apart: Vec<f64> = flashes.iter().filter_map(|flash| flash.sound_after_ms).map(f64::abs).collect();
        let nears = apart.windows(2).take_while(|pair| pair[0] > APART_MS_MAX).all(|pair| pair[1] < pair[0]);
        for flash in &flashes {
            let follows = moved.iter().any(|at| (0..FOLLOWS_MS).contains(&(flash.at_ms - at)))
                || (stretch.first == 0 && nears && flash.at_ms - begin_ms < FOLLOWS_MS);
            let begun = flash.at_ms - begin_ms < BEGUN_MS;
            let limit_ms = match apart_ms(stretch.source) {
                _ if follows => APART_MS_MAX_MOVED,
                limit_ms if begun => limit_ms.max(APART_MS_MAX_BEGUN),
                limit_ms => limit_ms,
            };
            // In a mix two beeps may sound at once, and their pitches together are nobody's.
            let near = |beep: &&Heard| (beep.at_ms - flash.at_ms as f64).abs() <= BEEPS_AT_ONCE_MS;
            let two_at_once = recording.beeps.iter().filter(near).any(|beep| beep.source.is_none());
            match flash.sound_after_ms {
                Some(ms) if ms.abs() <= limit_ms => {}
                None if begun && two_at_once => {}
                Some(ms) => wrong.push(format!("source {}: sound {ms:.0} ms after {flash:?}", stretch.source)),
                None => wrong.push(format!("source {}: no sound with the flash at {} ms", stretch.source, flash.at_ms)),
            }
        }
    }
    for source in sources {
        let apart: Vec<_> = recording.flashes_of(*source).iter().filter_map(|flash| flash.sound_after_ms).collect();
        assert!(!apart.is_empty(), "source {source} is never seen and heard: {stretches:?}");
        note(scenario, &format!("source {source}: sound after picture {apart:.0?} ms"));
    }
    let stray = recording.beeps_without_picture(APART_MS_MAX_MOVED);
    wrong.extend(stray.iter().map(|beep| format!("heard, and not seen: {beep:?}")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}
