//! Cameras: GStreamer's RTSP server, playing films.

use crate::clip::Clip;
use crate::place::fixture;
use crate::process::{Process, tied};
use crate::stage::free_port;
use crate::wait::{s, until};
use rustix::process::Signal;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A mount of the server: one camera.
#[derive(Clone, Debug, Serialize)]
pub struct Mount {
    /// Path, such as `/cam1`.
    pub path: String,
    /// The film that it plays.
    pub film: PathBuf,
    /// The film's length, seconds; a multiple of 8.
    pub seconds: u32,
    /// Whether it has a picture.
    pub video: bool,
    /// Whether it has sound.
    pub audio: bool,
    /// User that it asks for; empty for none.
    pub user: String,
    /// Password that it asks for.
    pub password: String,
    /// `basic` or `digest`; one kind for all mounts of a server.
    pub auth: String,
    /// How pictures are coded: `film` as the film has them, `jpeg`.
    pub picture: &'static str,
    /// How sound is coded: `film` as the film has it, `pcmu`, `pcma`, `opus`.
    pub sound: &'static str,
    /// What is offered: `any`, `tcp`, `udp`.
    pub transport: &'static str,
    /// Certificate and key as a PEM file, for TLS; none without. One for all mounts of a server.
    pub certificate: Option<PathBuf>,
}

impl Mount {
    /// A camera that plays `clip`.
    pub fn new(path: &str, clip: &Clip) -> Mount {
        Mount {
            path: path.to_owned(),
            film: clip.file(),
            seconds: clip.seconds,
            video: clip.video,
            audio: clip.audio,
            user: String::new(),
            password: String::new(),
            auth: "digest".to_owned(),
            picture: "film",
            sound: "film",
            transport: "any",
            certificate: None,
        }
    }

    /// The same in other codecs.
    pub fn coded(mut self, picture: &'static str, sound: &'static str) -> Mount {
        (self.picture, self.sound) = (picture, sound);
        self
    }

    /// The same, offering one transport alone.
    pub fn by(mut self, transport: &'static str) -> Mount {
        self.transport = transport;
        self
    }

    /// The same with TLS, with a certificate of its own as cameras have it, made in `folder`.
    pub fn secure(mut self, folder: &Path) -> Mount {
        std::fs::create_dir_all(folder).expect("make the camera's folder");
        let (key, pem) = (folder.join("key.pem"), folder.join("camera.pem"));
        let mut openssl = std::process::Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
        ]);
        openssl.args(["-subj", "/CN=camera", "-keyout"]).arg(&key).arg("-out").arg(&pem);
        let made = openssl.output().expect("start openssl");
        assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        let both = [&pem, &key].map(|file| std::fs::read_to_string(file).expect("read what openssl wrote")).concat();
        std::fs::write(&pem, both).expect("write the camera's certificate");
        self.certificate = Some(pem);
        self
    }

    /// The same, asking for a user and a password, as then all mounts of its server must.
    pub fn guarded(mut self, user: &str, password: &str, auth: &str) -> Mount {
        (self.user, self.password, self.auth) = (user.to_owned(), password.to_owned(), auth.to_owned());
        self
    }
}

/// A server of cameras. It can be killed, frozen, and started again on the same port.
#[derive(Debug)]
pub struct Rtsp {
    folder: PathBuf,
    host: String,
    port: u16,
    process: Option<Process>,
}

impl Rtsp {
    /// Starts a server of `mounts` on a free port of the loopback, with its files in `folder`.
    pub fn start(folder: &Path, mounts: &[Mount]) -> Rtsp {
        Rtsp::start_on(free_port(), folder, mounts)
    }

    /// The same on a given port.
    pub fn start_on(port: u16, folder: &Path, mounts: &[Mount]) -> Rtsp {
        Rtsp::start_at("127.0.0.1", port, folder, mounts)
    }

    /// The same at a given address of the loopback, such as `127.0.0.2`.
    pub fn start_at(host: &str, port: u16, folder: &Path, mounts: &[Mount]) -> Rtsp {
        std::fs::create_dir_all(folder).expect("make the cameras' folder");
        let text = serde_json::to_string(mounts).expect("mounts are plain");
        std::fs::write(folder.join("mounts.json"), text).expect("write the mounts");
        let mut server = Rtsp { folder: folder.to_owned(), host: host.to_owned(), port, process: None };
        server.resume();
        server
    }

    /// The address of a mount.
    pub fn url(&self, path: &str) -> String {
        format!("rtsp://{}:{}{path}", self.host, self.port)
    }

    /// The address of a mount, with TLS.
    pub fn tls_url(&self, path: &str) -> String {
        format!("rtsps://{}:{}{path}", self.host, self.port)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id; none while it does not run.
    pub fn pid(&self) -> Option<i32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again where it does not run; returns when it listens.
    pub fn resume(&mut self) {
        if self.process.is_some() {
            return;
        }
        // Debian's own Python has the bindings of GStreamer; one of another kind does not.
        let mut command = tied("/usr/bin/python3");
        command.arg(fixture("rtsp_server.py")).arg(self.port.to_string()).arg(self.folder.join("mounts.json"));
        command.arg(&self.host);
        let name = "rtsp";
        let _ = std::fs::remove_file(self.folder.join("rtsp.log"));
        let mut process = Process::start(name, &self.folder, &mut command);
        until("the cameras' server", s(30), || {
            assert!(process.runs(), "the cameras' server ended: {}", process.log());
            process.log().lines().any(|line| line == "ready").then_some(())
        });
        self.process = Some(process);
    }

    /// Stops it without closing anything, as a camera that hangs.
    pub fn freeze(&self) {
        self.process.iter().for_each(|p| p.signal(Signal::STOP));
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.iter().for_each(|p| p.signal(Signal::CONT));
    }
}
