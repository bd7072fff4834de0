//! SRT listeners: libsrt's own tool, recording what arrives.

use crate::process::{Process, tied};
use crate::wait::{s, until};
use rustix::process::Signal;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};

/// A listener on a port of the loopback. It takes one caller after the other, and appends all to one file.
#[derive(Debug)]
pub struct Listener {
    folder: PathBuf,
    port: u16,
    passphrase: String,
    process: Option<Process>,
}

impl Listener {
    /// Starts one; callers need `passphrase` where it is not empty.
    pub fn start(folder: &Path, passphrase: &str) -> Listener {
        let (folder, passphrase) = (folder.to_owned(), passphrase.to_owned());
        let mut listener = Listener { folder, port: free_port(), passphrase, process: None };
        listener.resume();
        listener
    }

    /// Address for a destination.
    pub fn url(&self) -> String {
        format!("srt://127.0.0.1:{}", self.port)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.process.as_ref().map(Process::pid)
    }

    /// What has arrived: MPEG-TS.
    pub fn file(&self) -> PathBuf {
        self.folder.join("heard.ts")
    }

    /// Bytes that have arrived.
    pub fn bytes(&self) -> u64 {
        std::fs::metadata(self.file()).map_or(0, |about| about.len())
    }

    /// Starts it again where it does not run; returns when it listens.
    pub fn resume(&mut self) {
        if self.process.as_mut().is_some_and(Process::runs) {
            return;
        }
        let secret =
            if self.passphrase.is_empty() { String::new() } else { format!("&passphrase={}", self.passphrase) };
        let uri = format!("{}?mode=listener{secret}", self.url());
        let mut command = tied("sh");
        command.args(["-c", "exec srt-live-transmit -a yes -q \"$0\" file://con >>\"$1\"", &uri]).arg(self.file());
        let mut process = Process::start("srt-live-transmit", &self.folder, &mut command);
        until("the SRT listener", s(10), || {
            assert!(process.runs(), "srt-live-transmit ended: {}", process.log());
            is_bound(self.port).then_some(())
        });
        self.process = Some(process);
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops it without closing anything.
    pub fn freeze(&self) {
        self.process.iter().for_each(|process| process.signal(Signal::STOP));
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.iter().for_each(|process| process.signal(Signal::CONT));
    }
}

/// A UDP port of the loopback that nobody uses now.
pub fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("bind a free port");
    socket.local_addr().expect("a bound socket has an address").port()
}

/// Whether somebody has a UDP port (proc(5): addresses are in hexadecimal).
fn is_bound(port: u16) -> bool {
    let text = std::fs::read_to_string("/proc/net/udp").unwrap_or_default();
    text.lines()
        .any(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&format!(":{port:04X}"))))
}
