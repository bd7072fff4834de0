//! Publishers: ffmpeg sending a film by RTMP in its own time, connecting as OBS does (as FMLE, the key with its query).

use crate::process::{Process, tied};
use std::path::Path;

/// A publisher that runs.
#[derive(Debug)]
pub struct Publisher {
    process: Process,
}

impl Publisher {
    /// Starts to publish `film` to `server`/`key`, over and over.
    pub fn start(folder: &Path, film: &Path, server: &str, key: &str) -> Publisher {
        std::fs::create_dir_all(folder).expect("make the publisher's folder");
        let mut command = tied("ffmpeg");
        command.args(["-hide_banner", "-loglevel", "warning", "-nostdin", "-re", "-stream_loop", "-1", "-i"]).arg(film);
        command.args(["-c", "copy", "-f", "flv", "-flvflags", "no_duration_filesize"]).arg(format!("{server}/{key}"));
        Publisher { process: Process::start("publisher", folder, &mut command) }
    }

    /// Stops as a person stops it in OBS: the connection is closed in good order.
    pub fn stop(&mut self) {
        self.process.signal(rustix::process::Signal::TERM);
        self.process.ended(crate::wait::s(5));
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Whether it was turned away, or lost its connection: it no longer runs.
    pub fn is_gone(&mut self) -> bool {
        !self.process.runs()
    }

    /// What it said.
    pub fn log(&self) -> String {
        self.process.log()
    }
}
