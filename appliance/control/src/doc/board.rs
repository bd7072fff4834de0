//! The status board: everything a page shows, in one document.

use super::ChannelDoc;
use automation::fault::{Code, Fault};
use automation::id::ChannelId;
use automation::status::{ChannelStatus, IngestStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is wanted and what is, of the whole box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Board {
    /// The box itself.
    #[serde(rename = "box")]
    pub machine: BoxDoc,
    /// The door for publishers; none while it is away.
    #[schema(required)]
    pub ingest: Option<IngestStatus>,
    /// Every channel.
    pub channels: Vec<ChannelBoard>,
    /// What happened lately, newest first, at most 50.
    pub alerts: Vec<Alert>,
}

/// The box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BoxDoc {
    /// The venue's name.
    pub name: String,
    /// Version of Bandstand.
    pub version: String,
    /// Whether its clock is known to be right.
    pub clock_trusted: bool,
}

/// One channel: what is wanted beside what is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChannelBoard {
    /// Its id.
    pub id: ChannelId,
    /// Its name.
    pub name: String,
    /// Generation of what is wanted; the worker's is in its status.
    pub generation: u64,
    /// What is wanted.
    pub wanted: ChannelDoc,
    /// What is; none while the worker is away.
    #[schema(required)]
    pub status: Option<ChannelStatus>,
    /// The worker process.
    pub worker: WorkerState,
    /// What is wrong with it, the worker's own faults included.
    pub faults: Vec<Fault>,
}

/// State of a worker process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// It answers.
    Running,
    /// It was started and has not answered yet.
    Starting,
    /// It answered before and does so no more, or does not come up.
    Lost,
}

/// Something that the operator should know of: a trouble that began or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// When, milliseconds since 1970-01-01T00:00:00Z by the box's clock.
    pub at_ms: i64,
    /// Kind of trouble.
    pub code: Code,
    /// What happened.
    pub text: String,
    /// What to do; empty where nothing is to be done.
    pub remedy: String,
    /// What it is about, for example `main/source/camera-2`.
    pub subject: String,
    /// Whether it tells of the trouble's end.
    pub over: bool,
}
