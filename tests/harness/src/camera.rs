//! Cameras that are asked and moved: one of ours whose faults a test chooses, one that others wrote, and one that
//! speaks Visca.

use crate::place::{fixture, root};
use crate::process::{Process, tied};
use crate::stage::free_port;
use crate::wait::{s, until};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// User and password of cameras.
pub const CREDENTIALS: (&str, &str) = ("venue", "balcony-27");

/// Debian's own Python.
const PYTHON: &str = "/usr/bin/python3";

/// An ONVIF camera of ours.
#[derive(Debug)]
pub struct OnvifCamera {
    process: Process,
    host: String,
    port: u16,
}

/// What an [`OnvifCamera`] is at first: it asks for a fresh token, by a clock that is three days ahead.
pub fn onvif(host: &str, endpoint: &str, rtsp: &str) -> Value {
    json!({
        "host": host, "port": 0, "endpoint": endpoint, "serial": format!("S-{endpoint}"), "mac": "02:00:5E:00:00:17",
        "model": "Dome 4K", "name": "Stage Left", "user": CREDENTIALS.0, "password": CREDENTIALS.1, "auth": "token",
        "rtsp": rtsp, "media2": true, "skew_s": 259_200, "presets": {"1": "Wide", "choir": "Choir"},
        "profiles": [
            {"token": "uhd", "encoding": "H264", "width": 3840, "height": 2160, "fps": 25},
            {"token": "hevc", "encoding": "H265", "width": 1920, "height": 1080, "fps": 60},
            {"token": "hd", "encoding": "H264", "width": 1920, "height": 1080, "fps": 30},
            {"token": "sub", "encoding": "H264", "width": 640, "height": 360, "fps": 30},
        ],
    })
}

impl OnvifCamera {
    /// Starts a camera as `config` says, with its files in `folder`.
    pub fn start(folder: &Path, config: &Value) -> OnvifCamera {
        std::fs::create_dir_all(folder).expect("make the camera's folder");
        let path = folder.join("camera.json");
        std::fs::write(&path, config.to_string()).expect("write the camera's config");
        let mut command = tied(PYTHON);
        command.arg(fixture("onvif_camera.py")).arg(path);
        let mut process = Process::start("onvif", folder, &mut command);
        let port = until("the camera", s(20), || {
            assert!(process.runs(), "the camera ended: {}", process.log());
            lines(&process).iter().find_map(|line| line["ready"].as_u64())
        });
        let host = config["host"].as_str().expect("a host").to_owned();
        OnvifCamera { process, host, port: u16::try_from(port).expect("a port") }
    }

    /// Its address, as a person would enter it.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Has these faults from now on, and no others.
    pub fn faults(&self, faults: &Value) {
        let answer = ureq::post(format!("http://{}/faults", self.address())).send_json(faults);
        assert!(answer.is_ok(), "the camera takes its faults: {answer:?}");
    }

    /// Everything that it did so far.
    pub fn did(&self) -> Vec<Value> {
        lines(&self.process)
    }

    /// Its movements so far.
    pub fn moves(&self) -> Vec<Value> {
        self.did().into_iter().filter(|line| !line["moves"].is_null()).collect()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.process.runs()
    }
}

/// A camera that speaks Visca over IP.
#[derive(Debug)]
pub struct ViscaCamera {
    process: Process,
    port: u16,
    /// `udp` or `tcp`.
    pub transport: String,
}

impl ViscaCamera {
    /// Starts one on the loopback. `config` is what `visca_camera.py` takes.
    pub fn start(folder: &Path, config: &Value) -> ViscaCamera {
        std::fs::create_dir_all(folder).expect("make the camera's folder");
        let mut command = tied(PYTHON);
        command.arg(fixture("visca_camera.py")).arg(config.to_string());
        let mut process = Process::start("visca", folder, &mut command);
        let port = until("the camera", s(20), || {
            assert!(process.runs(), "the camera ended: {}", process.log());
            lines(&process).iter().find_map(|line| line["ready"].as_u64())
        });
        let transport = config["transport"].as_str().unwrap_or("udp").to_owned();
        ViscaCamera { process, port: u16::try_from(port).expect("a port"), transport }
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The commands that it got so far.
    pub fn did(&self) -> Vec<Value> {
        lines(&self.process)
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.process.runs()
    }
}

fn lines(process: &Process) -> Vec<Value> {
    process.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// `ipycam`, an ONVIF camera that is not ours: discovery, ONVIF, RTSP and snapshots.
#[derive(Debug)]
pub struct Ipycam {
    process: Process,
    /// Its endpoint reference.
    pub endpoint: String,
    /// Its address, as a person would enter it.
    pub address: String,
}

impl Ipycam {
    /// Starts one on the loopback.
    pub fn start(folder: &Path, name: &str) -> Ipycam {
        std::fs::create_dir_all(folder).expect("make the camera's folder");
        let python: PathBuf = root().join(".state/tools/venv/bin/python");
        assert!(python.exists(), "ipycam is not installed: ./dev setup");
        let (http, rtsp) = (free_port(), free_port());
        let mut command = tied(python);
        command.arg(fixture("ipycam_device.py")).args([&http.to_string(), &rtsp.to_string(), name]);
        command.args([CREDENTIALS.0, CREDENTIALS.1]).current_dir(folder);
        let mut process = Process::start("ipycam", folder, &mut command);
        let endpoint = until("ipycam", s(40), || {
            assert!(process.runs(), "ipycam ended: {}", process.log());
            process.log().lines().find_map(|line| line.strip_prefix("ready ").map(str::to_owned))
        });
        Ipycam { process, endpoint, address: format!("127.0.0.1:{http}") }
    }

    /// Where its head stands: pan, tilt and zoom.
    pub fn stands(&self) -> Option<[f32; 3]> {
        let log = self.process.log();
        let line = log.lines().rev().find_map(|line| line.strip_prefix("ptz "))?;
        let numbers: Vec<f32> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
        numbers.try_into().ok()
    }
}
