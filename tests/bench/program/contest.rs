//! The far sides, and one run of either side among them.

use super::cost::Look;
use super::{ffmpeg, film, ours::Ours};
use harness::flv::Flv;
use harness::platform::Platform;
use harness::process::{Process, pss_kib};
use harness::rtsp::{Mount, Rtsp};
use harness::stage::Stage;
use harness::wait::{s, until};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The stream that both make. These are the house's defaults, and x264's settings in the channel's encoder.
pub(crate) const VIDEO_KBPS: u32 = 4500;
pub(crate) const AUDIO_KBPS: u32 = 160;
pub(crate) const KEYFRAME: u32 = 60;
pub(crate) const THREADS: u32 = 2;
pub(crate) const X264: &str = "scenecut=0:keyint=60:min-keyint=60:open-gop=0:weightp=0:no-psy=1:filler=1:level=4.0:sliced-threads=0:\
     sync-lookahead=0:rc-lookahead=0:bframes=0:ref=1:8x8dct=1:cabac=1:vbv-maxrate=4500:vbv-bufsize=9000";
/// The overlays that both show.
pub(crate) const TEXT: &str = "Tide: High 3:45 PM";
pub(crate) const TEXT_SIZE: u16 = 45;
pub(crate) const CLOCK_SIZE: u16 = 40;

/// Pictures that are let pass before the window begins: caches are warm and the bitrate has settled.
const SETTLE_PICTURES: usize = 120;
/// Share of the pictures that must have come for a run to count.
const WHOLE: f64 = 0.98;

/// What one run found.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// CPU seconds per second of stream.
    pub(crate) cpu_per_s: f64,
    /// Memory at the end of the window.
    pub(crate) pss_kib: u64,
    /// Share of the machine that was busy in the window, with far sides and whatever else ran.
    pub(crate) busy: f64,
    /// What x264 says about its options in the recording.
    pub(crate) options: BTreeMap<String, String>,
}

/// A camera and what both sides need.
pub(crate) struct Contest {
    camera: Rtsp,
    logo: std::path::PathBuf,
    seconds: u64,
    stage: Stage,
}

enum Side {
    Ours(Box<Ours>),
    Ffmpeg(Process),
}

impl Side {
    fn pid(&self) -> i32 {
        match self {
            Side::Ours(ours) => ours.process.pid(),
            Side::Ffmpeg(process) => process.pid(),
        }
    }
}

impl Contest {
    /// Starts the camera. Each run has a window of `seconds`.
    pub(crate) fn set_up(seconds: u64) -> Contest {
        let stage = Stage::new("bench");
        let mount = Mount {
            path: "/live".to_owned(),
            film: film::camera(),
            seconds: film::SECONDS,
            video: true,
            audio: true,
            user: String::new(),
            password: String::new(),
            auth: "digest".to_owned(),
            picture: "film",
            sound: "film",
            transport: "any",
            certificate: None,
        };
        let camera = Rtsp::start(&stage.room("camera"), &[mount]);
        Contest { camera, logo: film::logo(), seconds, stage }
    }

    /// One run of one side, with platforms of its own.
    pub(crate) fn run(&self, effort: &str, ours: bool) -> Run {
        let room = self.stage.room("run");
        let platforms = ["a", "b"].map(|name| Platform::start(&room.join(name), name));
        let destinations: Vec<String> = platforms.iter().map(|p| format!("{}/bench", p.url())).collect();
        let camera = self.camera.url("/live");
        let side = if ours {
            Side::Ours(Box::new(Ours::start(&room, effort, &camera, &self.logo, &destinations)))
        } else {
            Side::Ffmpeg(ffmpeg::start(&room, effort, &camera, &self.logo, &destinations))
        };
        for platform in &platforms {
            let settled = || (platform.pictures(0) >= SETTLE_PICTURES).then_some(());
            until("pictures at both platforms", s(60), settled);
        }
        let (begin, pictures) = (Look::at(side.pid()), platforms[0].pictures(0));
        // The one place that lets time pass: the window is what is measured.
        std::thread::sleep(Duration::from_secs(self.seconds));
        let (end, pss_kib) = (Look::at(side.pid()), pss_kib(side.pid()).unwrap_or(0));
        let made = platforms[0].pictures(0) - pictures;
        let wall_s = end.wall(&begin).as_secs_f64();
        assert!(
            made as f64 >= wall_s * 30.0 * WHOLE - 8.0,
            "it fell behind: {made} pictures in {wall_s:.1} s; is the machine busy with something else?"
        );
        if let Side::Ours(ours) = &side {
            let missing = ours.status().map(|status| status.program.missing);
            assert_eq!(missing, Some(0), "ticks missing");
        }
        drop(side);
        let options = check(&platforms);
        drop(platforms);
        std::fs::remove_dir_all(&room).expect("clear the run's folder");
        Run { cpu_per_s: end.cpu_s(&begin) / wall_s, pss_kib, busy: end.busy(&begin), options }
    }
}

/// Both recordings must be whole. Answers x264's options.
fn check(platforms: &[Platform; 2]) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    for platform in platforms {
        let recordings = platform.recordings();
        let flv = Flv::open(&recordings[0]).expect("a recording");
        assert!(recordings.len() == 1 && !flv.audio.is_empty(), "one connection with sound at each platform");
        options = x264_options(&recordings[0]);
    }
    options
}

/// x264 names its options in the first picture's SEI (user data, unregistered; x264's `x264_sei_version_write`).
fn x264_options(recording: &Path) -> BTreeMap<String, String> {
    let bytes = std::fs::read(recording).expect("read the recording");
    let mark = b"options: ";
    let Some(at) = bytes.windows(mark.len()).position(|window| window == mark) else { return BTreeMap::new() };
    let text: String = bytes[at + mark.len()..]
        .iter()
        .take_while(|b| b.is_ascii_graphic() || **b == b' ')
        .map(|b| char::from(*b))
        .collect();
    text.split_whitespace().filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}
