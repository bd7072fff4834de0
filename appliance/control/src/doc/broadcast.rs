//! The broadcast, and the hand of a person.

use automation::as_run::{Figures, Outcome};
use automation::id::{SessionId, SourceId, TimelineId};
use automation::spec::Hold;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// GO LIVE.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GoLive {
    /// Seconds until it begins, 0 to 60.
    #[schema(default = 5, minimum = 0, maximum = 60)]
    pub countdown_s: u32,
}

impl Default for GoLive {
    fn default() -> GoLive {
        GoLive { countdown_s: 5 }
    }
}

/// The broadcast that was begun, or runs already.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LiveStarted {
    /// Its id.
    pub session: SessionId,
}

/// A running broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveDoc {
    /// Its id.
    pub session: SessionId,
    /// Who pressed GO LIVE.
    pub started_by: String,
    /// When it goes live, milliseconds since 1970-01-01T00:00:00Z by the box's clock at that time.
    pub at_ms: i64,
    /// Whether its timeline stands still by a person's wish.
    pub paused: bool,
}

/// What a person has put on air by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManualDoc {
    /// Which source; none is the slate.
    #[schema(required)]
    pub source: Option<SourceId>,
    /// For how long.
    pub hold: Hold,
}

/// A source to put on air.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceChoice {
    /// Which.
    pub source: SourceId,
}

/// A source to hold on air.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PinChoice {
    /// Which; what is on air now where absent.
    #[schema(nullable = false)]
    pub source: Option<SourceId>,
}

/// One broadcast that was, or is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionDoc {
    /// The broadcast.
    pub session: SessionId,
    /// The timeline that ran; none where none was loaded, or where it has been deleted since.
    #[schema(required)]
    pub timeline: Option<TimelineId>,
    /// Its name at that time.
    #[schema(required)]
    pub timeline_name: Option<String>,
    /// When it began, milliseconds since 1970-01-01T00:00:00Z.
    pub started_at_ms: i64,
    /// When it ended.
    #[schema(required)]
    pub completed_at_ms: Option<i64>,
    /// How it stands.
    pub status: ExecutionStatus,
    /// Who pressed GO LIVE.
    pub executed_by: String,
    /// Why it is an error, or what happened to it on its way; none where nothing is to be said.
    #[schema(required)]
    pub error_message: Option<String>,
    /// What was carried: at its end, or up to now.
    pub metrics: Figures,
}

/// How a broadcast stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    /// It runs.
    Running,
    /// It was ended after its timeline had come to its end.
    Completed,
    /// A person ended it.
    Stopped,
    /// It did not do what it was for: it never began, gave up, reached nobody, or its timeline could not be run.
    Error,
}

impl From<Outcome> for ExecutionStatus {
    fn from(outcome: Outcome) -> ExecutionStatus {
        match outcome {
            Outcome::Completed => ExecutionStatus::Completed,
            Outcome::Stopped => ExecutionStatus::Stopped,
            Outcome::Error => ExecutionStatus::Error,
        }
    }
}

impl ExecutionStatus {
    /// Its text in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            ExecutionStatus::Running => "running",
            ExecutionStatus::Completed => "completed",
            ExecutionStatus::Stopped => "stopped",
            ExecutionStatus::Error => "error",
        }
    }
}
