//! Our side: the real `bandstand-channel`, told what to do over its socket as `control` tells it.

use super::contest::{AUDIO_KBPS, CLOCK_SIZE, TEXT, TEXT_SIZE, VIDEO_KBPS};
use super::film::LOGO_SIZE;
use automation::spec::ChannelSpec;
use automation::status::{ChannelStatus, DestinationState};
use automation::wire::{Deframer, Frame, FromChannel, ToChannel, VERSION, decode, encode};
use harness::place::program;
use harness::process::{Process, tied};
use harness::wait::{s, until};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Longest time from the start to both destinations live.
const START_S: u64 = 30;

/// The channel's worker, and what it said last.
pub(crate) struct Ours {
    pub(crate) process: Process,
    status: Arc<Mutex<Option<ChannelStatus>>>,
    /// Kept open, as `control` would.
    _control: UnixStream,
}

impl Ours {
    /// Starts a channel on the camera at `camera`, sending to `destinations`; returns when it is live at both.
    pub(crate) fn start(folder: &Path, effort: &str, camera: &str, logo: &Path, destinations: &[String]) -> Ours {
        let mut command = tied(program("bandstand-channel"));
        command.arg("--channel").arg("bench").arg("--run").arg(folder).env("RUST_LOG", "info");
        // As its unit and `control` start it.
        command.env("MALLOC_ARENA_MAX", "2");
        let mut process = Process::start("channel", folder, &mut command);
        let socket = folder.join("channel-bench.sock");
        let mut control = until("the channel's socket", s(START_S), || {
            assert!(process.runs(), "the channel ended: {}", process.log());
            UnixStream::connect(&socket).ok()
        });
        let status = Arc::new(Mutex::new(None));
        let (reader, theirs) = (control.try_clone().expect("a second handle of a socket"), Arc::clone(&status));
        std::thread::spawn(move || listen(reader, &theirs));
        let spec = Box::new(spec(effort, camera, logo, destinations));
        for message in [ToChannel::Hello { version: VERSION }, ToChannel::Spec { spec }] {
            control.write_all(&encode(&message)).expect("speak to the channel");
        }
        let ours = Ours { process, status, _control: control };
        until("the channel to be live with all overlays", s(START_S), || ours.is_live().then_some(()));
        ours
    }

    fn is_live(&self) -> bool {
        let status = self.status();
        status.is_some_and(|status| {
            status.on_air.source.is_some_and(|id| id.as_str() == "camera")
                && status.overlays.len() == 3
                && status.destinations.len() == 2
                && status.destinations.iter().all(|d| d.state == DestinationState::Live)
        })
    }

    /// The newest status.
    pub(crate) fn status(&self) -> Option<ChannelStatus> {
        self.status.lock().expect("nobody panics with the status").clone()
    }
}

fn listen(mut socket: UnixStream, status: &Mutex<Option<ChannelStatus>>) {
    let (mut frames, mut bytes) = (Deframer::default(), [0u8; 65536]);
    // The worker's end ends this thread.
    while let Ok(read @ 1..) = socket.read(&mut bytes) {
        frames.push(&bytes[..read]);
        while let Some(frame) = frames.next_frame().expect("the channel speaks our protocol") {
            let Frame::Message(message) = frame else { continue };
            match decode(&message).expect("the channel speaks our protocol") {
                FromChannel::Status { status: new } => *status.lock().expect("nobody panics with it") = Some(*new),
                FromChannel::Refused { fault, .. } => panic!("the channel refuses the spec: {}", fault.text),
                FromChannel::Hello { .. } => {}
            }
        }
    }
}

/// One camera, three overlays for an hour, two destinations, live at once.
fn spec(effort: &str, camera: &str, logo: &Path, destinations: &[String]) -> ChannelSpec {
    let hour = 3_600_000;
    let overlay = |id: &str, layer: u8, shown: Value| {
        let cue = json!({"id": id, "at_ms": 0, "duration_ms": hour, "overlay": shown});
        json!({"type": "overlay", "name": id, "layer": layer, "cues": [cue]})
    };
    let shown = json!({"id": "camera", "at_ms": 0, "duration_ms": hour,
                       "action": {"type": "show_camera", "source": "camera"}});
    let logo_cue = json!({"type": "image", "asset": "logo", "anchor": "top_left", "size": LOGO_SIZE});
    let text = json!({"type": "text", "text": TEXT, "anchor": "bottom_left", "size": TEXT_SIZE, "colour": "#ffffff",
                      "background": "#102030c0"});
    let clock =
        json!({"type": "text", "text": "{time}", "anchor": "top_right", "size": CLOCK_SIZE, "colour": "#ffffff"});
    let tracks = [
        json!({"type": "video", "name": "Program", "cues": [shown]}),
        overlay("logo", 1, logo_cue),
        overlay("text", 2, text),
        overlay("clock", 3, clock),
    ];
    let to = |(n, url): (usize, &String)| {
        let (server, key) = url.rsplit_once('/').expect("a server and a key");
        json!({"id": format!("platform-{n}"), "name": format!("Platform {n}"), "url": server, "key": key, "enabled": true})
    };
    let spec = json!({
        "generation": 1, "channel": "bench", "name": "Bench",
        "house": {"width": 1920, "height": 1080, "rate": {"num": 30, "den": 1}, "video_kbps": VIDEO_KBPS,
                  "audio_kbps": AUDIO_KBPS, "effort": effort},
        "sources": [{"id": "camera", "name": "Camera", "kind": "camera", "url": camera}],
        "assets": {"logo": logo},
        "failover": {"primary": "camera", "live_input": null, "loop": null, "holdoff_ms": 300, "stable_ms": 0},
        "timeline": {"id": "hour", "name": "Hour", "duration_ms": hour, "tracks": tracks},
        "manual": null,
        "live": {"session": "bench", "at": 0, "paused_at": null, "paused_ns": 0},
        "destinations": destinations.iter().enumerate().map(to).collect::<Vec<_>>(),
        "messages": {},
    });
    // `at` is the monotonic clock, and the timeline counts from there: now.
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let mut spec = spec;
    spec["live"]["at"] = json!(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64);
    serde_json::from_value(spec).expect("the benchmark's spec is valid")
}
