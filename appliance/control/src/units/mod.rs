//! Who starts and ends worker processes. On the appliance systemd does; on a developer's machine and in tests they
//! are child processes in sessions of their own, which outlive `control`.

pub mod children;
pub mod systemd;

use automation::id::ChannelId;
use futures_util::future::BoxFuture;
use std::path::{Path, PathBuf};

/// A place that a worker process fills.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Post {
    /// The door for publishers.
    Ingest,
    /// The worker of a channel.
    Channel(ChannelId),
}

impl Post {
    /// Name of its files below the run folder, without an ending.
    pub fn name(&self) -> String {
        match self {
            Post::Ingest => "ingest".into(),
            Post::Channel(channel) => format!("channel-{channel}"),
        }
    }

    /// Its control socket.
    pub fn socket(&self, run: &Path) -> PathBuf {
        run.join(format!("{}.sock", self.name()))
    }

    /// The post of a control socket's name.
    pub fn of_socket(file: &str) -> Option<Post> {
        let name = file.strip_suffix(".sock")?;
        if name == "ingest" {
            return Some(Post::Ingest);
        }
        Some(Post::Channel(ChannelId::new(name.strip_prefix("channel-")?).ok()?))
    }
}

impl std::fmt::Display for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

/// Why a worker could not be started or ended.
#[derive(Debug, thiserror::Error)]
pub enum UnitError {
    /// The program could not be started.
    #[error("{program} could not be started")]
    Start {
        /// Which program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// systemd refused, or cannot be reached.
    #[error("systemd did not do what was asked for {unit}")]
    Systemd {
        /// Which unit.
        unit: String,
        /// Why.
        source: zbus::Error,
    },
}

/// What a worker is held to by us, where nobody else does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most memory that it may have for itself alone, bytes.
    pub memory_bytes_max: u64,
    /// How many times as long as usual it may take to begin and to answer.
    pub patience: u32,
}

/// Starts and ends workers. Both may be asked twice.
pub trait Units: Send + Sync {
    /// Starts a worker, where none runs.
    fn start<'a>(&'a self, post: &'a Post) -> BoxFuture<'a, Result<(), UnitError>>;

    /// Sees to it that a worker which was told to quit is not started again.
    fn stop<'a>(&'a self, post: &'a Post) -> BoxFuture<'a, Result<(), UnitError>>;

    /// The process that was started for a post and may still run, without having said so itself.
    fn started(&self, post: &Post) -> Option<u32>;

    /// What a worker is held to: whoever hangs or grows beyond it is killed by us, and started again. None where
    /// somebody else sees to that.
    fn bounds(&self, post: &Post) -> Option<Bounds>;

    /// Whether workers end together with `control` when a person ends it.
    fn end_with_control(&self) -> bool;
}
