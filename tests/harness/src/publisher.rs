//! Publishers: ffmpeg sending a film by RTMP in its own time, connecting as OBS does (as FMLE, the key with its query).

use crate::place::tool;
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
        Publisher::start_as("ffmpeg".as_ref(), folder, film, &["-c", "copy"], &format!("{server}/{key}"))
    }

    /// The same by Enhanced RTMP, with the ffmpeg that speaks it: HEVC as the film has it, other codecs as `coded` asks.
    pub fn enhanced(folder: &Path, film: &Path, coded: &[&str], server: &str, key: &str) -> Publisher {
        Publisher::start_as(&tool("ffmpeg-enhanced"), folder, film, coded, &format!("{server}/{key}"))
    }

    fn start_as(program: &Path, folder: &Path, film: &Path, coded: &[&str], to: &str) -> Publisher {
        std::fs::create_dir_all(folder).expect("make the publisher's folder");
        let mut command = tied(program);
        command.args(["-hide_banner", "-loglevel", "warning", "-nostdin", "-re", "-stream_loop", "-1", "-i"]).arg(film);
        command.args(coded).args(["-f", "flv", "-flvflags", "no_duration_filesize"]).arg(to);
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
