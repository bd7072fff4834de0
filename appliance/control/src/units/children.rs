//! Workers as child processes, each in a session of its own: neither Ctrl-C nor the death of `control` reaches them.
//!
//! A process id is kept in `DIR/<name>.pid`, so that a new `control` does not start a second worker while the first
//! is still opening its socket. Output goes to `DIR/<name>.log`.

use super::{Post, UnitError, Units};
use futures_util::future::BoxFuture;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The subcommand by which our own program runs another one in a session of its own.
pub const OWN_SESSION: &str = "own-session";
/// Log of a worker beyond which it is begun anew when the worker starts, bytes.
const LOG_BYTES_MAX: u64 = 16 << 20;

/// Starts workers as children.
#[derive(Clone, Debug)]
pub struct Children {
    run: PathBuf,
    /// Our own program, and the folder where the workers' programs lie.
    program: PathBuf,
    rtmp_listen: String,
}

impl Children {
    /// Children with their files in `run`; their programs lie beside `program`, which is ours.
    pub fn new(run: &Path, program: &Path, rtmp_listen: &str) -> Children {
        Children { run: run.to_owned(), program: program.to_owned(), rtmp_listen: rtmp_listen.to_owned() }
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
            Post::Ingest => command.arg("--listen").arg(&self.rtmp_listen),
            Post::Channel(channel) => command.arg("--channel").arg(channel.as_str()),
        };
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

    fn end_with_control(&self) -> bool {
        true
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
