//! Senders: ffmpeg sending a film in its own time, over and over, by whatever protocol its last argument names.

use crate::process::{Process, tied};
use std::path::{Path, PathBuf};

/// A sender. It can be killed, and started again.
#[derive(Debug)]
pub struct Sender {
    folder: PathBuf,
    film: PathBuf,
    output: Vec<String>,
    process: Option<Process>,
}

impl Sender {
    /// Starts to send `film`. `output` are ffmpeg's last arguments: `["-f", "mpegts", "udp://…"]`; what they leave open
    /// is sent as it is, without encoding it again.
    pub fn start(folder: &Path, film: &Path, output: &[&str]) -> Sender {
        std::fs::create_dir_all(folder).expect("make the sender's folder");
        let output = output.iter().map(|word| (*word).to_owned()).collect();
        let mut sender = Sender { folder: folder.to_owned(), film: film.to_owned(), output, process: None };
        sender.resume();
        sender
    }

    /// Starts it again where it does not run.
    pub fn resume(&mut self) {
        if self.process.as_mut().is_some_and(Process::runs) {
            return;
        }
        let mut command = tied("ffmpeg");
        command.args(["-hide_banner", "-loglevel", "warning", "-nostdin", "-re", "-stream_loop", "-1", "-i"]);
        command.arg(&self.film).args(["-c", "copy"]).args(&self.output);
        self.process = Some(Process::start("sender", &self.folder, &mut command));
    }

    /// Its process id, while it has one.
    pub fn pid(&self) -> Option<i32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Whether it was turned away, or lost its connection: it no longer runs.
    pub fn is_gone(&mut self) -> bool {
        !self.process.as_mut().is_some_and(Process::runs)
    }
}
