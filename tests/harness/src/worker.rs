//! A channel's worker by itself, without `control`: spoken to over its socket.

use crate::place::program;
use crate::process::{Process, tied};
use crate::statuses::Statuses;
use crate::wait::{s, until, within};
use automation::status::ChannelStatus;
use automation::wire::ToChannel;
use rustix::process::Signal;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A worker that runs.
#[derive(Debug)]
pub struct Worker {
    folder: PathBuf,
    channel: String,
    environment: Vec<(String, String)>,
    process: Option<Process>,
    statuses: Option<Statuses>,
}

impl Worker {
    /// Starts the worker of `channel` with its sockets in `folder`.
    pub fn start(folder: &Path, channel: &str) -> Worker {
        Worker::start_in(folder, channel, &[])
    }

    /// The same with more in its environment, which each start of it gets.
    pub fn start_in(folder: &Path, channel: &str, environment: &[(&str, String)]) -> Worker {
        let (folder, channel) = (folder.to_owned(), channel.to_owned());
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let mut worker = Worker { folder, channel, environment, process: None, statuses: None };
        worker.resume();
        worker
    }

    /// Starts it again where it does not run, and connects.
    pub fn resume(&mut self) {
        let mut command = tied(program("bandstand-channel"));
        command.args(["--channel", &self.channel, "--run"]).arg(&self.folder);
        command.arg("--files").arg(self.folder.join("files"));
        // Everything that it can say: tests look for secrets in it.
        command.env("RUST_LOG", "trace");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        self.process = Some(Process::start("channel", &self.folder, &mut command));
        let statuses = until("the worker's socket", s(20), || Statuses::open(&self.folder, &self.channel));
        self.statuses = Some(statuses);
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        (self.process, self.statuses) = (None, None);
    }

    /// It stands still, as on a machine that has no time for it.
    pub fn freeze(&self) {
        self.process.as_ref().expect("a running worker").signal(Signal::STOP);
    }

    /// It goes on.
    pub fn thaw(&self) {
        self.process.as_ref().expect("a running worker").signal(Signal::CONT);
    }

    /// Tells it to end, and waits until it has. Its last status.
    pub fn quit(&mut self) -> Option<ChannelStatus> {
        let mut statuses = self.statuses.take().expect("a running worker");
        statuses.send(&ToChannel::Quit).expect("speak to the worker");
        let mut last = None;
        while let Ok(heard) = statuses.hear() {
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
        let statuses = self.statuses.as_mut().expect("a running worker");
        statuses.send(&ToChannel::Spec { spec: Box::new(spec) }).expect("speak to the worker");
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

    fn status(&mut self) -> Option<ChannelStatus> {
        self.statuses.as_mut()?.hear().expect("the worker runs")
    }

    /// Now, on the clock that all processes of this machine share: nanoseconds.
    pub fn now_ns() -> u64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }
}
