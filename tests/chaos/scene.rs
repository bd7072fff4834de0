//! The venue that is struck: a box with a channel, two cameras, a publisher, senders by SRT and RTP, a stream that is
//! fetched, a clip; two platforms and an SRT listener behind ways of their own, files on a medium of their own; and a third
//! platform that nobody strikes: the witness.

use crate::observer::{Observer, now_ns};
use crate::schedule::{Planned, Target};
use crate::streams::{Feeder, Hearer, Medium, Server};
use crate::victim::{Outcome, Victim, attend};
use crate::victims::{
    Camera, Clock, Control, Destination, Disk, Encoder, Ingest, SharedBox, SharedPlatform, Worker, hold,
};
use harness::bandstand::Bandstand;
use harness::clip::Clip;
use harness::platform::Platform;
use harness::publisher::Publisher;
use harness::rtsp::{Mount, Rtsp};
use harness::sender::Sender as Feed;
use harness::small_disk::SmallDisk;
use harness::srt::Listener;
use harness::stage::{Stage, free_udp_port};
use harness::toxiproxy::Toxiproxy;
use harness::udp_relay::UdpRelay;
use harness::venue::{CAMERA_1, CAMERA_2, CLIP, MAIN, OBS, house};
use harness::wait::{s, until};
use harness::web::Web;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The disk under the store, mebibytes: uploads leave 256 free, and so little more.
const DISK_MIB: u32 = 320;
/// The medium of the files, and what stays free on it, mebibytes. A folder keeps less, so that nobody else fills it.
const MEDIUM_MIB: u32 = 128;
const LEAVE_MB: u32 = 8;
const KEEP_MB: u32 = 80;
/// A round of the timeline, milliseconds.
const ROUND_MS: i64 = 36_000;
/// Numbers of the films that are sent and fetched.
const SENT_BY_SRT: u8 = 5;
const SENT_BY_RTP: u8 = 6;
const FETCHED: u8 = 7;
/// The last of all films' numbers.
pub(crate) const FILM_LAST: u8 = FETCHED;
/// Longest wait for an answer whether `control` is there.
const HEALTH: Duration = Duration::from_secs(1);

/// Destinations by RTMP; the last one is not struck.
pub(crate) const DESTINATIONS: [&str; 3] = ["platform-1", "platform-2", "witness"];

/// The destination by SRT, and that of files.
pub(crate) const SRT_TO: &str = "srt-listener";
pub(crate) const FILES: &str = "files";

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
    /// The path to the SRT listener, which counts who calls.
    pub(crate) srt_path: Arc<UdpRelay>,
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
        let medium = SmallDisk::mount(&stage.room("box").join("state/files"), MEDIUM_MIB);
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
        let listener = Listener::start(&stage.room(SRT_TO), "");
        let srt_path = Arc::new(UdpRelay::open(loopback(listener.port()), 1));
        let (srt_port, rtp_port) = (free_udp_port(), free_udp_port());
        let (srt_in, rtp_in) = (UdpRelay::open(loopback(srt_port), 2), UdpRelay::open(loopback(rtp_port), 3));
        let web = Web::start(&stage.room("web"));
        let way_6 = toxiproxy.way("web", web.port());
        let playlist = web.public().join("live.m3u8");
        let fetched = format!("http://127.0.0.1:{}/live.m3u8", way_6.port());
        let key = set_up(&bandstand, &cameras, &destinations);
        add_streams(&bandstand, srt_port, rtp_port, &fetched, srt_path.port());
        load_timeline(&bandstand);
        let feed = |room: &str, source: u8, output: &[&str]| {
            Feed::start(&stage.room(room), &Clip::new(source, 48).file(), output)
        };
        let to = format!("srt://127.0.0.1:{}?mode=caller&latency=200000", srt_in.port());
        let srt_sender = feed("srt-sender", SENT_BY_SRT, &["-f", "mpegts", &to]);
        let to = format!("rtp://127.0.0.1:{}?pkt_size=1316", rtp_in.port());
        let rtp_sender = feed("rtp-sender", SENT_BY_RTP, &["-f", "rtp_mpegts", &to]);
        let hls = ["-f", "hls", "-hls_time", "2", "-hls_list_size", "6", "-hls_flags", "delete_segments"];
        let hls: Vec<&str> = hls.into_iter().chain(playlist.to_str()).collect();
        let encoder = feed("hls", FETCHED, &hls);
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
        let feeder =
            |id, sender, relay| Feeder { id, sender, relay, started: now, eye: eye.clone(), slowed: None, since_ns };
        let web = Server { id: "web", web, way: way_6, _encoder: encoder, eye: eye.clone(), slowed: None, since_ns };
        let hearer =
            Hearer { id: SRT_TO, listener, relay: Arc::clone(&srt_path), eye: eye.clone(), slowed: None, since_ns };
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
            (Target::SrtSender, Box::new(feeder("srt", srt_sender, srt_in))),
            (Target::RtpSender, Box::new(feeder("rtp", rtp_sender, rtp_in))),
            (Target::WebServer, Box::new(web)),
            (Target::SrtListener, Box::new(hearer)),
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
        if let Some(disk) = medium {
            victims.push((Target::Files, Box::new(Medium { id: FILES, disk, eye: eye.clone(), since_ns })));
        }
        let (done, outcomes) = channel();
        let (mut faults, mut threads) = (BTreeMap::new(), Vec::new());
        for (target, victim) in victims {
            let (sender, inbox) = channel();
            let done = done.clone();
            faults.insert(target, sender);
            threads.push(std::thread::spawn(move || attend(victim, &inbox, &done)));
        }
        Scene { bandstand, platforms, observer, outcomes, odd, stage, srt_path, faults, threads, _toxiproxy: toxiproxy }
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
        until("data at the SRT listener", s(30), || self.srt_path.srt_sessions().first().copied());
    }

    /// END; returns when every platform has closed its last recording.
    pub(crate) fn end(&self) {
        hold(&self.bandstand).ok("POST", "/channels/main/end", Value::Null);
        for platform in &self.platforms {
            let platform = hold(platform);
            platform.wait_until_closed(platform.connections() - 1);
        }
    }

    /// The files that were written, oldest first.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let folder = hold(&self.bandstand).state().join("files").join(MAIN).join("chaos");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.sort();
        files
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

/// A channel with cameras, a publisher and platforms. The publisher's key.
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
    made[2]["publish"]["key"].as_str().expect("a publisher has a key").to_owned()
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The sources that are sent by datagrams and the one that is fetched; the listener and the files.
fn add_streams(bandstand: &Bandstand, srt: u16, rtp: u16, fetched: &str, listener: u16) {
    let sources = [
        json!({"id": "srt", "name": "SRT", "kind": "srt", "mode": "listener", "port": srt, "latency_ms": 200,
               "backup": "camera-1"}),
        json!({"id": "rtp", "name": "RTP", "kind": "udp", "port": rtp, "latency_ms": 400, "backup": "camera-1"}),
        json!({"id": "web", "name": "Web", "kind": "pull", "url": fetched, "backup": "camera-1"}),
    ];
    for source in sources {
        bandstand.ok("POST", "/channels/main/sources", source);
    }
    let destinations = [
        json!({"id": SRT_TO, "name": "SRT", "kind": "srt", "url": format!("srt://127.0.0.1:{listener}")}),
        json!({"id": FILES, "name": "Files", "kind": "file", "folder": "chaos", "container": "ts",
               "keep_mb": KEEP_MB, "leave_mb": LEAVE_MB}),
    ];
    for destination in destinations {
        bandstand.ok("POST", "/channels/main/destinations", destination);
    }
}

/// A timeline that shows each source in turn and goes round.
fn load_timeline(bandstand: &Bandstand) {
    let cue = |n: usize, at_ms: i64, end_ms: i64, source: &str, mix: &str, mix_ms: i64| {
        let action = if source == "clip" { "show_media" } else { "show_camera" };
        json!({"id": format!("cue-{n}"), "at_ms": at_ms, "duration_ms": end_ms - at_ms,
               "action": {"type": action, "source": source}, "transition": {"kind": mix, "duration_ms": mix_ms}})
    };
    let cues = json!([
        cue(0, 0, 8_000, "camera-1", "cut", 0),
        cue(1, 8_000, 14_000, "obs", "dissolve", 500),
        cue(2, 14_000, 18_000, "clip", "cut", 0),
        cue(3, 18_000, 24_000, "camera-2", "fade", 400),
        cue(4, 24_000, 28_000, "srt", "cut", 0),
        cue(5, 28_000, 32_000, "rtp", "dissolve", 300),
        cue(6, 32_000, ROUND_MS, "web", "cut", 0),
    ]);
    let time = json!({"type": "text", "text": "{time}", "anchor": "bottom_left", "size": 60, "colour": "#ffffff"});
    let overlays = json!([{"id": "time", "at_ms": 0, "duration_ms": ROUND_MS, "overlay": time}]);
    let tracks = json!([{"type": "video", "name": "Program", "cues": cues}, {"type": "overlay", "name": "Time", "layer": 1, "cues": overlays}]);
    let timeline = json!({"name": "Round", "duration_ms": ROUND_MS, "repeat": true, "tracks": tracks});
    let stored = bandstand.ok("POST", "/channels/main/timelines", timeline);
    let id = stored["id"].as_str().expect("a timeline has an id");
    bandstand.ok("POST", &format!("/channels/main/timelines/{id}/load"), Value::Null);
}

fn wait_for_sources(bandstand: &Bandstand) {
    bandstand.wait(MAIN, "every source online", s(60), |status| {
        let online = |id: &str| status.sources.iter().any(|source| source.id.as_str() == id && source.state.is_well());
        ["camera-1", "camera-2", "obs", "srt", "rtp", "web"].into_iter().all(online)
    });
}
