//! A channel's worker by itself, without `control`: spoken to over its socket.

use crate::place::program;
use crate::process::{Process, tied};
use crate::wait::{s, until, within};
use automation::status::ChannelStatus;
use automation::wire::{Deframer, Frame, FromChannel, ToChannel, VERSION, decode, encode};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A worker that runs.
#[derive(Debug)]
pub struct Worker {
    folder: PathBuf,
    channel: String,
    process: Option<Process>,
    stream: Option<UnixStream>,
    deframer: Deframer,
}

impl Worker {
    /// Starts the worker of `channel` with its sockets in `folder`.
    pub fn start(folder: &Path, channel: &str) -> Worker {
        let (folder, channel) = (folder.to_owned(), channel.to_owned());
        let mut worker = Worker { folder, channel, process: None, stream: None, deframer: Deframer::default() };
        worker.resume();
        worker
    }

    /// Starts it again where it does not run, and connects.
    pub fn resume(&mut self) {
        let mut command = tied(program("bandstand-channel"));
        command.args(["--channel", &self.channel, "--run"]).arg(&self.folder);
        self.process = Some(Process::start("channel", &self.folder, &mut command));
        let socket = self.folder.join(format!("channel-{}.sock", self.channel));
        let stream = until("the worker's socket", s(20), || UnixStream::connect(&socket).ok());
        stream.set_read_timeout(Some(Duration::from_millis(100))).expect("set a socket's time limit");
        (self.stream, self.deframer) = (Some(stream), Deframer::default());
        self.send(&ToChannel::Hello { version: VERSION });
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        (self.process, self.stream) = (None, None);
    }

    /// Tells it to end, and waits until it has. Its last status.
    pub fn quit(&mut self) -> Option<ChannelStatus> {
        self.send(&ToChannel::Quit);
        let mut last = None;
        while let Ok(heard) = self.hear() {
            last = heard.or(last);
        }
        let code = self.process.as_mut().expect("a running worker").ended(s(10));
        assert_eq!(code, Some(0), "the worker ends in good order");
        self.kill();
        last
    }

    /// Hands it a spec: the JSON of [`automation::spec::ChannelSpecDraft`].
    pub fn spec(&mut self, spec: Value) {
        let spec = serde_json::from_value(spec).expect("the test's spec is valid");
        self.send(&ToChannel::Spec { spec: Box::new(spec) });
    }

    fn send(&mut self, message: &ToChannel) {
        let stream = self.stream.as_mut().expect("a running worker");
        stream.write_all(&encode(message)).expect("speak to the worker");
    }

    /// Waits for a status that is as wanted.
    pub fn wait(&mut self, what: &str, limit: Duration, as_wanted: impl Fn(&ChannelStatus) -> bool) -> ChannelStatus {
        let mut last = None;
        let found = within(limit, || {
            last = self.status().or(last.take());
            last.clone().filter(|status| as_wanted(status))
        });
        found.unwrap_or_else(|| panic!("waited {} s in vain for: {what}; at last: {last:#?}", limit.as_secs()))
    }

    /// Its next status; none where none came within 100 ms.
    fn status(&mut self) -> Option<ChannelStatus> {
        self.hear().unwrap_or_else(|()| panic!("the worker closed its socket"))
    }

    /// The same; an error where it has closed its socket.
    fn hear(&mut self) -> Result<Option<ChannelStatus>, ()> {
        loop {
            if let Some(frame) = self.deframer.next_frame().expect("the worker speaks in frames") {
                let Frame::Message(message) = frame else { continue };
                match decode(&message).expect("the worker speaks our version") {
                    FromChannel::Status { status } => return Ok(Some(*status)),
                    FromChannel::Refused { fault, .. } => panic!("the worker refused a spec: {fault:?}"),
                    FromChannel::Hello { .. } => continue,
                }
            }
            let mut bytes = [0u8; 16_384];
            match self.stream.as_mut().ok_or(())?.read(&mut bytes) {
                Ok(0) => return Err(()),
                Ok(read) => self.deframer.push(&bytes[..read]),
                Err(e) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&e.kind()) => return Ok(None),
                Err(e) => panic!("hear the worker: {e}"),
            }
        }
    }

    /// Now, on the clock that all processes of this machine share: nanoseconds.
    pub fn now_ns() -> u64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }
}
