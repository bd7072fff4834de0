//! What a source that sends is checked for, and what follows.

use serde::{Deserialize, Serialize};

/// Longest limit of a check, seconds.
pub const CHECK_S_MAX: u16 = 600;

/// The checks of a channel's live sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SourceChecks {
    /// The picture stands still; for publishers never, whose slides may.
    pub frozen: Check,
    /// The picture is black.
    pub black: Check,
    /// The sound is below −60 dBFS; only where a source has sound.
    pub silent: Check,
}

impl Default for SourceChecks {
    /// All are told and none takes a source off the air: a dark hall in a silent prayer is no fault.
    fn default() -> SourceChecks {
        let tell = |after_s| Check { after_s, action: CheckAction::Tell };
        SourceChecks { frozen: tell(10), black: tell(10), silent: tell(30) }
    }
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Check {
    /// Seconds for which it must hold, 1 to 600. For `frozen` more than the source's time from keyframe to keyframe.
    pub after_s: u16,
    /// What follows.
    pub action: CheckAction,
}

/// What follows from a check that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum CheckAction {
    /// Nothing.
    Off,
    /// The operator is told.
    Tell,
    /// The source counts as lost until it holds no more; the operator is told.
    Leave,
}
