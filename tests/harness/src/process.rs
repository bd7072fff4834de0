//! Programs that a test starts, and ends by their id.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A program in a process group of its own. It is ended when this value goes, and by the kernel should the test's
/// thread end before.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

/// A command whose process the kernel ends when the thread that starts it is gone: `setpriv` of util-linux runs it
/// in its own place.
pub fn tied(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

impl Process {
    /// Starts `command`, with its output going to `log` in `folder`.
    pub fn start(name: &str, folder: &Path, command: &mut Command) -> Process {
        use std::os::unix::process::CommandExt;
        let log = folder.join(format!("{name}.log"));
        let file = || File::options().create(true).append(true).open(&log).expect("open a log");
        command.stdin(Stdio::null()).stderr(file()).process_group(0);
        let child = command.stdout(file()).spawn().unwrap_or_else(|e| panic!("start {name}: {e}; ./dev setup"));
        Process { child, name: name.to_owned(), log }
    }

    /// Process id.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its exit code, waited for at most `limit`; none where a signal ended it.
    pub fn ended(&mut self, limit: std::time::Duration) -> Option<i32> {
        let name = self.name.clone();
        let what = format!("the end of {name}");
        crate::wait::until(&what, limit, || self.child.try_wait().expect("ask for its end")).code()
    }

    /// Sends a signal to it alone.
    pub fn signal(&self, signal: Signal) {
        signal_pid(self.pid(), signal);
    }

    /// Ends it and all of its group at once, as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        if self.runs() {
            if let Some(pid) = Pid::from_raw(self.pid()) {
                // The group may be gone already; the child itself is not reaped yet, so the id is still its own.
                let _ = kill_process_group(pid, Signal::KILL);
            }
            self.child.wait().expect("wait for the end of a killed process");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal to a process that may be gone already.
pub fn signal_pid(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// Whether a process runs: it is there, and no zombie.
pub fn alive(pid: i32) -> bool {
    // The state follows the name, which stands in brackets and may hold anything (proc(5)).
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Processes that have `argument` on their command line: workers in sessions of their own are found by their folder,
/// which no other box has.
pub fn with_argument(argument: &str) -> Vec<(i32, Vec<String>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("list the processes").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<String> = line.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
        if words.iter().any(|word| word == argument) && alive(pid) {
            found.push((pid, words));
        }
    }
    found
}

/// Memory of a process that is its own share, kibibytes (PSS of proc(5)).
pub fn pss_kib(pid: i32) -> Option<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix("kB")?.trim().parse().ok())
}
