//! The victims: far sides, and the processes of the house.

use crate::observer::{Eye, now_ns};
use crate::schedule::{Kind, Planned};
use crate::victim::{Slowed, Victim, heal, strike};
use automation::status::DestinationState;
use harness::bandstand::Bandstand;
use harness::platform::Platform;
use harness::process::{alive, signal_pid, with_argument};
use harness::publisher::Publisher;
use harness::rtsp::Rtsp;
use harness::small_disk::SmallDisk;
use harness::toxiproxy::Way;
use rustix::process::Signal;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// From the moment of a change to a status that must show it, nanoseconds.
pub(crate) const NEWS_NS: u64 = 300_000_000;
/// How old a stream may be at a platform that is well, milliseconds.
const AGE_MS_MAX: u64 = 3_000;
/// A person's encoder tries again no sooner than this.
pub(crate) const RECONNECT: Duration = Duration::from_secs(1);
/// How often the API is asked whether it works.
const ASK_EACH: Duration = Duration::from_millis(300);
/// Longest wait for the door's first byte.
const DOOR_ANSWER: Duration = Duration::from_millis(500);

/// A camera behind its way.
pub(crate) struct Camera {
    pub(crate) id: &'static str,
    pub(crate) server: Rtsp,
    pub(crate) way: Way,
    pub(crate) eye: Eye,
    pub(crate) slowed: Option<Slowed>,
    pub(crate) since_ns: u64,
}

impl Victim for Camera {
    fn strike(&mut self, fault: &Planned) {
        self.since_ns = now_ns();
        if !strike(fault, self.server.pid(), Some(&self.way), &mut self.slowed) {
            self.server.kill();
        }
    }

    fn heal(&mut self, fault: &Planned) {
        heal(fault, self.server.pid(), Some(&self.way), &mut self.slowed);
        self.server.resume();
        self.since_ns = now_ns() + NEWS_NS;
    }

    fn is_well(&mut self) -> bool {
        self.eye.is_online(self.id, self.since_ns)
    }
}

/// A publisher such as OBS behind its way: it connects again when its connection broke.
pub(crate) struct Encoder {
    pub(crate) folder: PathBuf,
    pub(crate) film: PathBuf,
    pub(crate) server: String,
    pub(crate) key: String,
    pub(crate) publisher: Publisher,
    pub(crate) started: Instant,
    pub(crate) way: Way,
    pub(crate) eye: Eye,
    pub(crate) slowed: Option<Slowed>,
    pub(crate) since_ns: u64,
}

impl Victim for Encoder {
    fn strike(&mut self, fault: &Planned) {
        self.since_ns = now_ns();
        if !strike(fault, Some(self.publisher.pid()), Some(&self.way), &mut self.slowed) {
            self.publisher.kill();
        }
    }

    fn heal(&mut self, fault: &Planned) {
        heal(fault, Some(self.publisher.pid()), Some(&self.way), &mut self.slowed);
        self.since_ns = now_ns() + NEWS_NS;
    }

    fn is_well(&mut self) -> bool {
        self.eye.is_online("obs", self.since_ns)
    }

    fn tend(&mut self) {
        if self.publisher.is_gone() && self.started.elapsed() > RECONNECT {
            self.publisher = Publisher::start(&self.folder, &self.film, &self.server, &self.key);
            self.started = Instant::now();
        }
    }
}

/// A platform that others look at too.
pub(crate) type SharedPlatform = Arc<Mutex<Platform>>;
/// The box, which others call too.
pub(crate) type SharedBox = Arc<Mutex<Bandstand>>;

pub(crate) fn hold<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("nobody panics with it in hand")
}

/// Whether a destination takes what is sent, and is up to date.
pub(crate) fn is_delivered(eye: &Eye, id: &str, since_ns: u64) -> bool {
    let status = eye.status(since_ns);
    let found = status.as_ref().and_then(|s| s.destinations.iter().find(|d| d.id.as_str() == id));
    found.is_some_and(|d| d.state == DestinationState::Live && d.fault.is_none() && d.queue_ms <= AGE_MS_MAX)
}

/// A platform behind its way.
pub(crate) struct Destination {
    pub(crate) id: &'static str,
    pub(crate) platform: SharedPlatform,
    pub(crate) way: Way,
    pub(crate) eye: Eye,
    pub(crate) slowed: Option<Slowed>,
    pub(crate) since_ns: u64,
}

impl Victim for Destination {
    fn strike(&mut self, fault: &Planned) {
        self.since_ns = now_ns();
        let mut platform = hold(&self.platform);
        if !strike(fault, platform.pid(), Some(&self.way), &mut self.slowed) {
            platform.kill();
        }
    }

    fn heal(&mut self, fault: &Planned) {
        let mut platform = hold(&self.platform);
        heal(fault, platform.pid(), Some(&self.way), &mut self.slowed);
        platform.resume();
        self.since_ns = now_ns() + NEWS_NS;
    }

    fn is_well(&mut self) -> bool {
        is_delivered(&self.eye, self.id, self.since_ns)
    }
}

/// The channel's worker. Its media is looked for at a platform that nobody strikes.
pub(crate) struct Worker {
    pub(crate) eye: Eye,
    pub(crate) witness: SharedPlatform,
    pub(crate) slowed: Option<Slowed>,
    pub(crate) pid: i32,
    pub(crate) since_ns: u64,
    /// The connection to the witness that must have come, and have pictures.
    pub(crate) awaited: usize,
}

impl Victim for Worker {
    fn strike(&mut self, fault: &Planned) {
        self.pid = self.eye.status(0).expect("a status of the worker").pid as i32;
        self.since_ns = now_ns();
        if !strike(fault, Some(self.pid), None, &mut self.slowed) {
            self.awaited = hold(&self.witness).connections();
            signal_pid(self.pid, Signal::KILL);
        }
    }

    fn heal(&mut self, fault: &Planned) {
        heal(fault, Some(self.pid), None, &mut self.slowed);
        self.since_ns = now_ns();
    }

    fn is_well(&mut self) -> bool {
        let witness = hold(&self.witness);
        // Only a recording that has just begun is small enough to be read over and over.
        let carries = witness.connections() > self.awaited && (self.awaited == 0 || witness.pictures(self.awaited) > 0);
        drop(witness);
        if carries && self.eye.status(self.since_ns).is_some() {
            self.awaited = 0;
            return true;
        }
        false
    }
}

/// `control`, started again by us as systemd would.
pub(crate) struct Control {
    pub(crate) bandstand: SharedBox,
    pub(crate) agent: ureq::Agent,
    pub(crate) slowed: Option<Slowed>,
    pub(crate) page: String,
}

impl Victim for Control {
    fn strike(&mut self, fault: &Planned) {
        let mut bandstand = hold(&self.bandstand);
        if !strike(fault, Some(bandstand.control_pid()), None, &mut self.slowed) {
            bandstand.kill_control();
        }
    }

    fn heal(&mut self, fault: &Planned) {
        let mut bandstand = hold(&self.bandstand);
        if fault.kind == Kind::Kill {
            bandstand.start_control();
        } else {
            heal(fault, Some(bandstand.control_pid()), None, &mut self.slowed);
        }
        self.page = bandstand.page().to_owned();
    }

    fn is_well(&mut self) -> bool {
        let answer = self.agent.get(format!("{}api/v1/health", self.page)).call();
        if !answer.is_ok_and(|answer| answer.status() == 200) {
            return false;
        }
        // It has found the running worker again.
        let Ok(bandstand) = self.bandstand.try_lock() else { return false };
        let board = bandstand.call("GET", "/state", None).body;
        board["channels"][0]["worker"] == "running" && board["channels"][0]["status"].is_object()
    }
}

/// `ingest`, started again by `control`.
pub(crate) struct Ingest {
    pub(crate) run: PathBuf,
    pub(crate) door: String,
    pub(crate) slowed: Option<Slowed>,
    pub(crate) pid: Option<i32>,
    pub(crate) killed: Option<i32>,
}

impl Ingest {
    fn pid(&self) -> Option<i32> {
        let all = with_argument(&self.run.to_string_lossy());
        let ours = |words: &[String]| words.iter().any(|word| word.ends_with("/bandstand-ingest"));
        all.into_iter().find(|(_, words)| ours(words)).map(|(pid, _)| pid)
    }

    /// Whether it answers the first byte of RTMP's handshake (Adobe's RTMP specification 1.0, 5.2).
    fn answers(&self) -> bool {
        let talk = || {
            let mut stream = TcpStream::connect(&self.door)?;
            stream.set_read_timeout(Some(DOOR_ANSWER))?;
            let mut hello = vec![0u8; 1537];
            hello[0] = 3;
            stream.write_all(&hello)?;
            stream.read_exact(&mut hello[..1])?;
            Ok::<bool, std::io::Error>(hello[0] == 3)
        };
        talk().unwrap_or(false)
    }
}

impl Victim for Ingest {
    fn strike(&mut self, fault: &Planned) {
        self.pid = self.pid();
        if !strike(fault, self.pid, None, &mut self.slowed)
            && let Some(pid) = self.pid
        {
            self.killed = Some(pid);
            signal_pid(pid, Signal::KILL);
        }
    }

    fn heal(&mut self, fault: &Planned) {
        heal(fault, self.pid, None, &mut self.slowed);
    }

    fn is_well(&mut self) -> bool {
        !self.killed.is_some_and(alive) && self.answers()
    }
}

/// The file system under the store.
pub(crate) struct Disk {
    pub(crate) disk: SmallDisk,
    pub(crate) bandstand: SharedBox,
    pub(crate) asked: Instant,
    pub(crate) worked: bool,
    /// Answers that were neither a success nor a named refusal.
    pub(crate) odd: Arc<Mutex<Vec<String>>>,
}

impl Victim for Disk {
    fn strike(&mut self, _fault: &Planned) {
        self.disk.fill();
    }

    fn heal(&mut self, _fault: &Planned) {
        self.disk.free();
        self.asked = Instant::now() - ASK_EACH;
    }

    fn is_well(&mut self) -> bool {
        if self.asked.elapsed() < ASK_EACH {
            return self.worked;
        }
        self.asked = Instant::now();
        let track = json!({"type": "video", "name": "Program", "cues": []});
        let body = json!({"name": "A note", "duration_ms": 1000, "repeat": false, "tracks": [track]});
        let bandstand = hold(&self.bandstand);
        let answer = bandstand.call("POST", "/channels/main/timelines", Some(&body));
        self.worked = answer.status == 201;
        if self.worked {
            let id = answer.body["id"].as_str().unwrap_or_default();
            let gone = bandstand.call("DELETE", &format!("/channels/main/timelines/{id}"), None);
            self.worked = gone.status < 300;
        } else if answer.code() != "storage_failed" {
            hold(&self.odd).push(format!("a write to a full disk: {} {}", answer.status, answer.body));
        }
        self.worked
    }
}

/// The box's time of day.
pub(crate) struct Clock {
    pub(crate) bandstand: SharedBox,
    pub(crate) asked: Instant,
    pub(crate) worked: bool,
}

impl Victim for Clock {
    fn strike(&mut self, fault: &Planned) {
        hold(&self.bandstand).step_wall(fault.amount);
    }

    fn heal(&mut self, _fault: &Planned) {
        hold(&self.bandstand).step_wall(0);
        self.asked = Instant::now() - ASK_EACH;
    }

    fn is_well(&mut self) -> bool {
        if self.asked.elapsed() < ASK_EACH {
            return self.worked;
        }
        self.asked = Instant::now();
        self.worked = hold(&self.bandstand).call("GET", "/state", None).status == 200;
        self.worked
    }
}
