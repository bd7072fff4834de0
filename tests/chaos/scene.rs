//! The venue that is struck: a box with a channel, two cameras, a publisher, a clip, two platforms behind ways of their
//! own, and a third platform that nobody strikes: the witness.

use crate::observer::{Observer, now_ns};
use crate::schedule::{Planned, Target};
use crate::victim::{Outcome, Victim, attend};
use crate::victims::{
    Camera, Clock, Control, Destination, Disk, Encoder, Ingest, SharedBox, SharedPlatform, Worker, hold,
};
use harness::bandstand::Bandstand;
use harness::clip::Clip;
use harness::platform::Platform;
use harness::publisher::Publisher;
use harness::rtsp::{Mount, Rtsp};
use harness::small_disk::SmallDisk;
use harness::stage::Stage;
use harness::toxiproxy::Toxiproxy;
use harness::venue::{CAMERA_1, CAMERA_2, CLIP, MAIN, OBS, house};
use harness::wait::{s, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The disk under the store, mebibytes: uploads leave 256 free, and so little more.
const DISK_MIB: u32 = 320;
/// A round of the timeline, milliseconds.
const ROUND_MS: i64 = 24_000;
/// Longest wait for an answer whether `control` is there.
const HEALTH: Duration = Duration::from_secs(1);

/// Destinations by id, and whether they are struck.
pub(crate) const DESTINATIONS: [&str; 3] = ["platform-1", "platform-2", "witness"];

/// The venue, with everybody attended.
pub(crate) struct Scene {
    pub(crate) bandstand: SharedBox,
    /// By the order of [`DESTINATIONS`].
    pub(crate) platforms: [SharedPlatform; 3],
    pub(crate) observer: Observer,
    pub(crate) outcomes: Receiver<Outcome>,
    /// Answers of the API that were neither a success nor a named refusal.
    pub(crate) odd: Arc<Mutex<Vec<String>>>,
    pub(crate) stage: Stage,
    faults: BTreeMap<Target, Sender<Planned>>,
    threads: Vec<JoinHandle<()>>,
    _toxiproxy: Toxiproxy,
}

impl Scene {
    /// Builds the venue; returns when every source is online.
    pub(crate) fn open() -> Scene {
        let stage = Stage::new("chaos");
        let toxiproxy = Toxiproxy::start(&stage.room("network"));
        let disk = SmallDisk::mount(&stage.room("box").join("state"), DISK_MIB);
        let bandstand = Bandstand::start(&stage.room("box"));
        let camera =
            |room: &str, source: u8| Rtsp::start(&stage.room(room), &[Mount::new("/live", &Clip::new(source, 48))]);
        let (camera_1, camera_2) = (camera("camera-1", CAMERA_1), camera("camera-2", CAMERA_2));
        let platforms = DESTINATIONS.map(|id| Platform::start(&stage.room(id), "nginx"));
        let ways = [
            ("camera-1", camera_1.port()),
            ("camera-2", camera_2.port()),
            ("platform-1", platforms[0].port()),
            ("platform-2", platforms[1].port()),
        ];
        let [way_1, way_2, way_3, way_4] = ways.map(|(name, port)| toxiproxy.way(name, port));
        let door = bandstand.door_address().to_owned();
        let door_port = door.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("the door has a port");
        let way_5 = toxiproxy.way("publisher", door_port);

        let rtmp = |port: u16| format!("rtmp://127.0.0.1:{port}/live");
        let destinations = [rtmp(way_3.port()), rtmp(way_4.port()), platforms[2].url()];
        let cameras = [way_1.port(), way_2.port()].map(|port| format!("rtsp://127.0.0.1:{port}/live"));
        let key = set_up(&bandstand, &cameras, &destinations);
        let mut film = Clip::new(OBS, 96);
        film.b_frames = 2;
        let (folder, film, server) = (stage.room("obs"), film.file(), rtmp(way_5.port()));
        let publisher = Publisher::start(&folder, &film, &server, &key);
        wait_for_sources(&bandstand);
        let observer = Observer::start(&bandstand.run(), MAIN);
        until("the worker's own word", s(10), || observer.eye().status(0));

        let run = bandstand.run();
        let bandstand: SharedBox = Arc::new(Mutex::new(bandstand));
        let platforms = platforms.map(|platform| Arc::new(Mutex::new(platform)));
        let odd: Arc<Mutex<Vec<String>>> = Arc::default();
        let (eye, now, since_ns) = (observer.eye(), Instant::now(), now_ns());
        let camera = |id, server, way| Camera { id, server, way, eye: eye.clone(), slowed: None, since_ns };
        let destination = |n: usize, way| Destination {
            id: DESTINATIONS[n],
            platform: Arc::clone(&platforms[n]),
            way,
            eye: eye.clone(),
            slowed: None,
            since_ns,
        };
        let config = ureq::Agent::config_builder();
        let agent = config.http_status_as_error(false).timeout_global(Some(HEALTH)).build().new_agent();
        let page = hold(&bandstand).page().to_owned();
        let mut victims: Vec<(Target, Box<dyn Victim>)> = vec![
            (Target::Camera1, Box::new(camera("camera-1", camera_1, way_1))),
            (Target::Camera2, Box::new(camera("camera-2", camera_2, way_2))),
            (
                Target::Publisher,
                Box::new(Encoder {
                    folder,
                    film,
                    server,
                    key,
                    publisher,
                    started: now,
                    way: way_5,
                    eye: eye.clone(),
                    slowed: None,
                    since_ns,
                }),
            ),
            (Target::Platform1, Box::new(destination(0, way_3))),
            (Target::Platform2, Box::new(destination(1, way_4))),
            (
                Target::Worker,
                Box::new(Worker {
                    eye: eye.clone(),
                    witness: Arc::clone(&platforms[2]),
                    slowed: None,
                    pid: 0,
                    since_ns,
                    awaited: 0,
                }),
            ),
            (Target::Control, Box::new(Control { bandstand: Arc::clone(&bandstand), agent, slowed: None, page })),
            (Target::Ingest, Box::new(Ingest { run, door, slowed: None, pid: None, killed: None })),
            (Target::Clock, Box::new(Clock { bandstand: Arc::clone(&bandstand), asked: now, worked: true })),
        ];
        if let Some(disk) = disk {
            let disk =
                Disk { disk, bandstand: Arc::clone(&bandstand), asked: now, worked: true, odd: Arc::clone(&odd) };
            victims.push((Target::Disk, Box::new(disk)));
        }
        let (done, outcomes) = channel();
        let (mut faults, mut threads) = (BTreeMap::new(), Vec::new());
        for (target, victim) in victims {
            let (sender, inbox) = channel();
            let done = done.clone();
            faults.insert(target, sender);
            threads.push(std::thread::spawn(move || attend(victim, &inbox, &done)));
        }
        Scene { bandstand, platforms, observer, outcomes, odd, stage, faults, threads, _toxiproxy: toxiproxy }
    }

    /// Who can be struck here.
    pub(crate) fn targets(&self) -> Vec<Target> {
        self.faults.keys().copied().collect()
    }

    /// The box's own processes: their ids and names.
    pub(crate) fn processes(&self) -> Vec<(i32, String)> {
        let bandstand = hold(&self.bandstand);
        let mut all = vec![(bandstand.control_pid(), "bandstand".to_owned())];
        all.extend(bandstand.workers());
        all
    }

    /// Lets a fault begin.
    pub(crate) fn strike(&self, fault: Planned) {
        self.faults[&fault.target].send(fault).expect("its thread attends it");
    }

    /// GO LIVE; returns when every platform records pictures.
    pub(crate) fn go_live(&self) {
        hold(&self.bandstand).ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
        for platform in &self.platforms {
            until("pictures at a platform", s(30), || (hold(platform).pictures(0) > 0).then_some(()));
        }
    }

    /// END; returns when every platform has closed its last recording.
    pub(crate) fn end(&self) {
        hold(&self.bandstand).ok("POST", "/channels/main/end", Value::Null);
        for platform in &self.platforms {
            let platform = hold(platform);
            platform.wait_until_closed(platform.connections() - 1);
        }
    }

    /// Closes, and leaves the folder there. Where it is.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.stage.keep();
        let folder = self.stage.folder().to_owned();
        self.close();
        folder
    }

    /// Sends everybody home, and waits until they have gone: the disk is unmounted only when nobody uses it.
    pub(crate) fn close(mut self) {
        self.faults.clear();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A channel with every source and destination, and a timeline that shows each in turn and goes round. The publisher's key.
fn set_up(bandstand: &Bandstand, cameras: &[String; 2], destinations: &[String; 3]) -> String {
    bandstand.ok("PATCH", "/channels/main", json!({"name": "Main stage", "house": house()}));
    let clip = bandstand.upload("clip.mp4", &Clip::new(CLIP, 16).file());
    assert_eq!(clip.status, 201, "the upload: {}", clip.body);
    let camera = |id: &str, url: &str| json!({"id": id, "name": id, "kind": "camera", "url": url, "latency_ms": 200});
    let mut first = camera("camera-1", &cameras[0]);
    first["backup"] = json!("camera-2");
    let obs = json!({"id": "obs", "name": "OBS", "kind": "rtmp", "latency_ms": 200, "backup": "camera-1"});
    let clip = json!({"id": "clip", "name": "Clip", "kind": "media", "asset": clip.body["id"]});
    let sources = [camera("camera-2", &cameras[1]), first, obs, clip];
    let made = sources.map(|source| bandstand.ok("POST", "/channels/main/sources", source));
    let failover = json!({"primary": "camera-1", "loop": "clip", "holdoff_ms": 300, "stable_ms": 1000});
    bandstand.ok("PATCH", "/channels/main", json!({"failover": failover}));
    for (id, url) in DESTINATIONS.iter().zip(destinations) {
        bandstand.ok("POST", "/channels/main/destinations", json!({"id": id, "name": id, "url": url, "key": "key"}));
    }
    let cue = |n: usize, at_ms: i64, end_ms: i64, source: &str, mix: &str, mix_ms: i64| {
        let action = if source == "clip" { "show_media" } else { "show_camera" };
        json!({"id": format!("cue-{n}"), "at_ms": at_ms, "duration_ms": end_ms - at_ms,
               "action": {"type": action, "source": source}, "transition": {"kind": mix, "duration_ms": mix_ms}})
    };
    let cues = json!([
        cue(0, 0, 8_000, "camera-1", "cut", 0),
        cue(1, 8_000, 14_000, "obs", "dissolve", 500),
        cue(2, 14_000, 18_000, "clip", "cut", 0),
        cue(3, 18_000, ROUND_MS, "camera-2", "fade", 400),
    ]);
    let time = json!({"type": "text", "text": "{time}", "anchor": "bottom_left", "size": 60, "colour": "#ffffff"});
    let overlays = json!([{"id": "time", "at_ms": 0, "duration_ms": ROUND_MS, "overlay": time}]);
    let tracks = json!([{"type": "video", "name": "Program", "cues": cues}, {"type": "overlay", "name": "Time", "layer": 1, "cues": overlays}]);
    let timeline = json!({"name": "Round", "duration_ms": ROUND_MS, "repeat": true, "tracks": tracks});
    let stored = bandstand.ok("POST", "/channels/main/timelines", timeline);
    let id = stored["id"].as_str().expect("a timeline has an id");
    bandstand.ok("POST", &format!("/channels/main/timelines/{id}/load"), Value::Null);
    made[2]["publish"]["key"].as_str().expect("a publisher has a key").to_owned()
}

fn wait_for_sources(bandstand: &Bandstand) {
    bandstand.wait(MAIN, "every source online", s(60), |status| {
        let online = |id: &str| status.sources.iter().any(|source| source.id.as_str() == id && source.state.is_well());
        ["camera-1", "camera-2", "obs"].into_iter().all(online)
    });
}
