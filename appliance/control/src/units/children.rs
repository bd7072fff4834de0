//! Workers as child processes, each in a session of its own: neither Ctrl-C nor the death of `control` reaches them.
//!
//! A process id is kept in `DIR/<name>.pid`, so that a new `control` does not start a second worker while the first
//! is still opening its socket. Output goes to `DIR/<name>.log`.

use super::{Bounds, Post, UnitError, Units};
use futures_util::future::BoxFuture;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The subcommand by which our own program runs another one in a session of its own.
pub const OWN_SESSION: &str = "own-session";
/// Most memory of the door: as much as its unit grants.
const DOOR_BYTES_MAX: u64 = 256 << 20;
/// Arenas of the C library's memory in a channel's worker (`M_ARENA_MAX` of mallopt(3)), as in its unit. Threads come and
/// go with every try of a source; with an arena for nearly each, what they free stays in pieces.
const ARENAS: (&str, &str) = ("MALLOC_ARENA_MAX", "2");
/// Log of a worker beyond which it is begun anew when the worker starts, bytes.
const LOG_BYTES_MAX: u64 = 16 << 20;

/// Starts workers as children.
#[derive(Clone, Debug)]
pub struct Children {
    run: PathBuf,
    /// The state folder: destinations of files write below it, and our certificate lies in it.
    state: PathBuf,
    /// The folder on the disk for recordings.
    disk: PathBuf,
    /// Our own program, and the folder where the workers' programs lie.
    program: PathBuf,
    rtmp_listen: String,
    bounds: Bounds,
}

impl Children {
    /// Children with their sockets in `run`; their programs lie beside `program`, which is ours. What they record for
    /// people goes below `state`, or on `disk`. `bounds` are those of a channel's worker.
    pub fn new(run: &Path, state: &Path, disk: &Path, program: &Path, rtmp_listen: &str, bounds: Bounds) -> Children {
        let (run, state, disk, program) = (run.to_owned(), state.to_owned(), disk.to_owned(), program.to_owned());
        Children { run, state, disk, program, rtmp_listen: rtmp_listen.to_owned(), bounds }
    }

    fn worker(&self, post: &Post) -> PathBuf {
        let name = match post {
            Post::Ingest => "bandstand-ingest",
            Post::Channel(_) => "bandstand-channel",
        };
        self.program.with_file_name(name)
    }

    fn pid_file(&self, post: &Post) -> PathBuf {
        self.run.join(format!("{post}.pid"))
    }

    fn spawn(&self, post: &Post) -> std::io::Result<()> {
        let worker = self.worker(post);
        if !worker.is_file() {
            let text = format!("{} does not exist", worker.display());
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, text));
        }
        let log = log_file(&self.run.join(format!("{post}.log")))?;
        let mut command = tokio::process::Command::new(&self.program);
        command.arg(OWN_SESSION).arg(worker).arg("--run").arg(&self.run);
        match post {
            Post::Ingest => command.arg("--listen").arg(&self.rtmp_listen).arg("--tls").arg(self.state.join("tls")),
            Post::Channel(channel) => {
                command.arg("--files").arg(self.state.join("files")).arg("--disk").arg(&self.disk);
                command.arg("--channel").arg(channel.as_str()).env(ARENAS.0, ARENAS.1)
            }
        };
        // What systemd tells us is not meant for them.
        command.env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_USEC");
        let mut child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let pid_file = self.pid_file(post);
        if let Some(pid) = child.id() {
            std::fs::write(&pid_file, pid.to_string())?;
        }
        let post = post.clone();
        tokio::spawn(async move {
            // Waited for, so that no zombie stays; that it has ended is seen by its socket and its process id.
            match child.wait().await {
                Ok(status) => tracing::info!(%post, %status, "a worker has ended"),
                Err(error) => tracing::warn!(%post, %error, "a worker's end could not be waited for"),
            }
        });
        Ok(())
    }
}

fn log_file(path: &Path) -> std::io::Result<File> {
    let long = std::fs::metadata(path).is_ok_and(|about| about.len() > LOG_BYTES_MAX);
    if long {
        std::fs::rename(path, path.with_extension("log.old"))?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

impl Units for Children {
    fn start<'a>(&'a self, post: &'a Post) -> BoxFuture<'a, Result<(), UnitError>> {
        Box::pin(async move {
            let program = self.worker(post).display().to_string();
            self.spawn(post).map_err(|source| UnitError::Start { program, source })
        })
    }

    fn stop<'a>(&'a self, _post: &'a Post) -> BoxFuture<'a, Result<(), UnitError>> {
        // A child is started only when the plan says so: nothing is to be switched off.
        Box::pin(async { Ok(()) })
    }

    fn started(&self, post: &Post) -> Option<u32> {
        let pid: u32 = std::fs::read_to_string(self.pid_file(post)).ok()?.trim().parse().ok()?;
        // The id may have gone to another program since, even to another worker: its words must be those we gave.
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        let given = [self.worker(post).into_os_string(), self.run.clone().into_os_string()];
        let ours = given.iter().all(|given| words.contains(&given.as_encoded_bytes()));
        let post = match post {
            Post::Ingest => true,
            Post::Channel(channel) => words.windows(2).any(|two| two == [b"--channel", channel.as_str().as_bytes()]),
        };
        (ours && post).then_some(pid)
    }

    fn bounds(&self, post: &Post) -> Option<Bounds> {
        let memory_bytes_max = match post {
            Post::Ingest => DOOR_BYTES_MAX,
            Post::Channel(_) => self.bounds.memory_bytes_max,
        };
        Some(Bounds { memory_bytes_max, ..self.bounds })
    }

    fn end_with_control(&self) -> bool {
        true
    }
}

/// Memory that a process has for itself alone, bytes: what a leak makes grow, and shared libraries do not
/// (`RssAnon` of proc_pid_status(5)).
pub fn memory(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib: u64 =
        text.lines().find_map(|line| line.strip_prefix("RssAnon:"))?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// Ends a worker at once, with all that it has started: it is the leader of its own session.
pub fn kill(pid: u32) {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    if kill_process_group(pid, Signal::KILL).is_err() {
        // Started by hand, in somebody else's group.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Runs a program in place of this one, in a session of its own. Answers only where that fails.
pub fn own_session(program: &Path, arguments: &[std::ffi::OsString]) -> std::io::Error {
    if let Err(error) = rustix::process::setsid() {
        return error.into();
    }
    std::process::Command::new(program).args(arguments).exec()
}

/// Whether a process is there and is no zombie.
pub fn runs(pid: u32) -> bool {
    // The state follows the name in brackets, which may hold brackets itself (proc_pid_stat(5)).
    let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let state = text.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::CommandExt;

    #[test]
    fn a_worker_is_weighed_and_killed_with_all_that_it_started() {
        // A shell that leads a group of its own and has a child; it tells the child's id.
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "sleep 1000 & echo $!; wait"]).process_group(0).stdout(Stdio::piped());
        let mut shell = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let inner: u32 = line.trim().parse().unwrap();
        assert!(runs(shell.id()) && runs(inner));
        assert!(memory(shell.id()).unwrap() > 0);
        kill(shell.id());
        assert!(!shell.wait().unwrap().success());
        let begun = std::time::Instant::now();
        while runs(inner) {
            assert!(begun.elapsed().as_secs() < 20, "its child runs on");
            std::thread::yield_now();
        }
        assert_eq!(memory(4_194_305), None);
        kill(4_194_305);
    }
}
