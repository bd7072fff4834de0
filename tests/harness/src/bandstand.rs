//! The box under test: the real `bandstand` with its workers, in a folder of its own, driven by its REST API.

use crate::machine::Machine;
use crate::place::program;
use crate::process::{Process, signal_pid, tied, with_argument};
use crate::wait::{s, until, within};
use automation::status::{ChannelStatus, DestinationStatus, IngestStatus, SourceStatus};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Name and password of the account that [`Bandstand::claim`] makes.
pub const ACCOUNT: (&str, &str) = ("venue", "first light 2026");
/// Longest wait for an answer of the API.
const ANSWER: Duration = Duration::from_secs(20);

/// Names the file by which the box's wall clock is off.
const WALL_OFFSET_FILE: &str = "BANDSTAND_WALL_OFFSET_FILE";

/// An answer of the API.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its body; null where it is empty or no JSON.
    pub body: Value,
    /// The session's cookie, where one was set.
    pub cookie: Option<String>,
}

impl Answer {
    /// The stable code of a problem; empty where there is none.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// Where Debian keeps whom the machine trusts.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// `bandstand` where another list of authorities lies in the place of the machine's: in mounts of its own.
fn with_authorities(list: &Path) -> Command {
    let root = Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success());
    let mut command = tied("unshare");
    command.args(if root { &["--mount"][..] } else { &["--user", "--map-root-user", "--mount"] });
    command.args(["sh", "-c", &format!("mount --bind \"$0\" {AUTHORITIES} && exec \"$@\"")]);
    command.arg(list).arg(program("bandstand"));
    command
}

/// A running box. Everything that it started is ended with this value.
#[derive(Debug)]
pub struct Bandstand {
    folder: PathBuf,
    control: Option<Process>,
    agent: ureq::Agent,
    cookie: String,
    page: String,
    /// Address for publishers: the same in every life of `ingest`, as publishers remember it.
    door: String,
    options: Vec<String>,
    environment: Vec<(String, String)>,
    /// A list of authorities that it trusts in place of the machine's.
    authorities: Option<PathBuf>,
}

impl Bandstand {
    /// Starts a box with an empty store in `folder` and signs in.
    pub fn start(folder: &Path) -> Bandstand {
        let mut bandstand = Bandstand::start_unclaimed(folder);
        bandstand.claim();
        bandstand
    }

    /// Starts a box with an empty store in `folder`.
    pub fn start_unclaimed(folder: &Path) -> Bandstand {
        Bandstand::prepare(folder, free_door(), Vec::new())
    }

    /// Starts a box with an empty store in `folder` that listens for publishers at `door`, and signs in.
    pub fn start_with_door(folder: &Path, door: &str) -> Bandstand {
        let mut bandstand = Bandstand::prepare(folder, door.to_owned(), Vec::new());
        bandstand.claim();
        bandstand
    }

    /// Starts a box with an empty store on a machine of its own, and signs in.
    pub fn start_on(folder: &Path, machine: &Machine) -> Bandstand {
        let options = vec!["--machine-root".to_owned(), machine.root().display().to_string()];
        let mut bandstand = Bandstand::prepare(folder, free_door(), options);
        bandstand.claim();
        bandstand
    }

    /// Starts a box with an empty store in `folder` that also trusts this authority, PEM, and signs in.
    pub fn start_trusting(folder: &Path, authority: &str) -> Bandstand {
        std::fs::create_dir_all(folder).expect("make the box's folder");
        let list = folder.join("authorities.pem");
        let known = std::fs::read_to_string(AUTHORITIES).expect("read whom the machine trusts; ./dev setup");
        std::fs::write(&list, known + authority).expect("write whom the box trusts");
        let mut bandstand = Bandstand::prepare_trusting(folder, free_door(), Vec::new(), Some(list));
        bandstand.claim();
        bandstand
    }

    fn prepare(folder: &Path, door: String, options: Vec<String>) -> Bandstand {
        Bandstand::prepare_trusting(folder, door, options, None)
    }

    fn prepare_trusting(folder: &Path, door: String, options: Vec<String>, authorities: Option<PathBuf>) -> Bandstand {
        let config = ureq::Agent::config_builder();
        let agent = config.http_status_as_error(false).timeout_global(Some(ANSWER)).build().new_agent();
        let mut bandstand = Bandstand {
            folder: folder.to_owned(),
            control: None,
            agent,
            cookie: String::new(),
            page: String::new(),
            door,
            options,
            environment: Vec::new(),
            authorities,
        };
        bandstand.start_control();
        bandstand
    }

    /// Starts `bandstand` where it does not run; returns when it answers.
    pub fn start_control(&mut self) {
        if self.control.is_some() {
            return;
        }
        let _ = std::fs::remove_file(self.folder.join("bandstand.log"));
        let mut command = match &self.authorities {
            None => tied(program("bandstand")),
            Some(list) => with_authorities(list),
        };
        command.arg("--state").arg(self.state()).arg("--run").arg(self.run());
        command.args(["--port", "0", "--rtmp-listen", &self.door]).args(&self.options);
        command.env(WALL_OFFSET_FILE, self.wall_offset_file());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut process = Process::start("bandstand", &self.folder, &mut command);
        self.page = until("bandstand's address", s(20), || {
            assert!(process.runs(), "bandstand ended: {}", process.log());
            printed(&process.log(), "page: ")
        });
        self.control = Some(process);
        until("bandstand's answer", s(20), || (self.call("GET", "/health", None).status == 200).then_some(()));
    }

    /// Gives `bandstand` these options in place of others, from its next start on.
    pub fn option(&mut self, options: &[&str]) {
        self.options = options.iter().map(|option| (*option).to_owned()).collect();
    }

    /// Gives `bandstand` a variable of its environment, from its next start on.
    pub fn variable(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Process of `bandstand`, for a signal.
    pub fn signal_control(&self, signal: Signal) {
        signal_pid(self.control_pid(), signal);
    }

    /// Ends `bandstand` and all workers at once with SIGKILL, and waits until they are gone.
    pub fn kill_everything(&mut self) {
        let workers = self.workers();
        signal_pid(self.control_pid(), Signal::KILL);
        workers.iter().for_each(|(pid, _)| signal_pid(*pid, Signal::KILL));
        self.control = None;
        until("the end of every process", s(20), || self.workers().is_empty().then_some(()));
    }

    /// What lies in memory is lost: sockets and last specs.
    pub fn lose_memory(&self) {
        std::fs::remove_dir_all(self.run()).expect("remove the run folder");
    }

    /// Makes the first account with the code that was printed, and signs in.
    pub fn claim(&mut self) {
        let code = self.first_code();
        let body = json!({"code": code, "name": ACCOUNT.0, "password": ACCOUNT.1});
        let answer = self.call("POST", "/session/claim", Some(&body));
        assert_eq!(answer.status, 201, "the first sign-in: {}", answer.body);
        self.cookie = answer.cookie.expect("a sign-in sets a cookie");
    }

    /// The first sign-in code that it printed.
    pub fn first_code(&self) -> String {
        let log = self.control.as_ref().expect("bandstand runs").log();
        printed(&log, "first sign-in code: ").expect("an unclaimed box prints a code")
    }

    /// Address of the page, with a slash at its end.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// The folder of sockets and last specs.
    pub fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// Process id of `bandstand`.
    pub fn control_pid(&self) -> i32 {
        self.control.as_ref().expect("bandstand runs").pid()
    }

    /// The board as a stream of events.
    pub fn events(&self) -> Option<crate::events::Events> {
        crate::events::Events::open(&self.page, &self.cookie)
    }

    /// What `bandstand` and the workers it started wrote.
    pub fn log(&self) -> String {
        self.control.as_ref().map(Process::log).unwrap_or_default()
    }

    /// What the worker of a channel wrote.
    pub fn log_of(&self, channel: &str) -> String {
        let path = self.run().join(format!("channel-{channel}.log"));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
    }

    /// Where the box keeps what must not be lost.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Address for publishers.
    pub fn door_address(&self) -> &str {
        &self.door
    }

    fn wall_offset_file(&self) -> PathBuf {
        self.folder.join("wall-offset")
    }

    /// Puts the box's time of day so many seconds off the machine's.
    pub fn step_wall(&self, seconds: i64) {
        std::fs::write(self.wall_offset_file(), seconds.to_string()).expect("write the box's time of day");
    }

    /// Ends `bandstand` with SIGKILL; the workers, which have sessions of their own, go on.
    pub fn kill_control(&mut self) {
        self.control = None;
    }

    /// Ends `bandstand` with SIGTERM, as a person does with Ctrl-C. Its exit code.
    pub fn quit(&mut self) -> Option<i32> {
        let mut control = self.control.take().expect("bandstand runs");
        control.signal(Signal::TERM);
        control.ended(s(20))
    }

    /// Workers that run: process id and name of the program. Found by their folder, as they outlive `bandstand`.
    pub fn workers(&self) -> Vec<(i32, String)> {
        let control = self.control.as_ref().map(Process::pid);
        let run = self.run().to_string_lossy().into_owned();
        let others = with_argument(&run).into_iter().filter(|(pid, _)| Some(*pid) != control);
        others.map(|(pid, words)| (pid, words[0].rsplit('/').next().unwrap_or_default().to_owned())).collect()
    }

    /// Process id of a channel's worker, by its own word.
    pub fn worker(&self, channel: &str) -> i32 {
        self.status(channel).expect("a channel with a worker").pid as i32
    }

    /// Asks the API. `path` is below `/api/v1`.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        self.send(method, path, "application/json", bytes)
    }

    /// Asks the API with a body of any type.
    pub fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Answer {
        let origin = self.page.trim_end_matches('/');
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{origin}/api/v1{path}"))
            .header("content-type", kind)
            .header("cookie", &self.cookie)
            .header("origin", origin)
            .header("x-bandstand", "1")
            .body(body)
            .expect("a request is well formed");
        let Ok(mut response) = self.agent.run(request) else {
            return Answer { status: 0, body: Value::Null, cookie: None };
        };
        let cookie = response.headers().get("set-cookie").and_then(|c| c.to_str().ok());
        let cookie = cookie.and_then(|c| c.split(';').next()).map(str::to_owned);
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string().unwrap_or_default();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: response.status().as_u16(), body, cookie }
    }

    /// Asks the API for what must work. The answer's body.
    pub fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let body = (!body.is_null()).then_some(body);
        let answer = self.call(method, path, body.as_ref());
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// Uploads a file. The answer.
    pub fn upload(&self, name: &str, file: &Path) -> Answer {
        let bytes = std::fs::read(file).expect("read the file to upload");
        self.send("POST", &format!("/assets?name={name}"), "application/octet-stream", bytes)
    }

    /// The status board.
    pub fn board(&self) -> Value {
        self.ok("GET", "/state", Value::Null)
    }

    /// The status of a channel's worker; none while it is away.
    pub fn status(&self, channel: &str) -> Option<ChannelStatus> {
        let board = self.call("GET", "/state", None).body;
        let channels = board["channels"].as_array()?;
        let found = channels.iter().find(|c| c["id"] == channel)?;
        serde_json::from_value(found["status"].clone()).ok()
    }

    /// The status of the door for publishers; none while it is away.
    pub fn door(&self) -> Option<IngestStatus> {
        serde_json::from_value(self.call("GET", "/state", None).body["ingest"].clone()).ok()
    }

    /// One source's status.
    pub fn source(&self, channel: &str, source: &str) -> Option<SourceStatus> {
        self.status(channel)?.sources.into_iter().find(|s| s.id.as_str() == source)
    }

    /// One destination's status.
    pub fn destination(&self, channel: &str, destination: &str) -> Option<DestinationStatus> {
        self.status(channel)?.destinations.into_iter().find(|d| d.id.as_str() == destination)
    }

    /// Waits until a channel's status is as wanted.
    pub fn wait(
        &self,
        channel: &str,
        what: &str,
        limit: Duration,
        as_wanted: impl Fn(&ChannelStatus) -> bool,
    ) -> ChannelStatus {
        let mut last = None;
        let found = within(limit, || {
            last = self.status(channel);
            last.clone().filter(|status| as_wanted(status))
        });
        found.unwrap_or_else(|| panic!("waited {} s in vain for: {what}; at last: {last:#?}", limit.as_secs()))
    }

    /// Waits until `source` is on air.
    pub fn wait_on_air(&self, channel: &str, source: &str, limit: Duration) -> ChannelStatus {
        self.wait(channel, &format!("{source} on air"), limit, |status| {
            status.on_air.source.as_ref().is_some_and(|on| on.as_str() == source)
        })
    }
}

impl Drop for Bandstand {
    fn drop(&mut self) {
        self.control = None;
        let gone = within(s(10), || {
            let left = self.workers();
            left.iter().for_each(|(pid, _)| signal_pid(*pid, Signal::KILL));
            left.is_empty().then_some(())
        });
        if gone.is_none() {
            eprintln!("workers that would not end: {:?}", self.workers());
        }
    }
}

fn free_door() -> String {
    format!("127.0.0.1:{}", crate::stage::free_port())
}

fn printed(log: &str, label: &str) -> Option<String> {
    // A line counts when it is whole.
    let lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines.filter_map(|line| line.strip_prefix(label)).map(|rest| rest.trim().to_owned()).next()
}
