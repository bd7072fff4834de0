//! Timelines.

use automation::id::TimelineId;
use automation::spec::{TimelineDraft, Track};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A timeline as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineDoc {
    /// Its id.
    pub id: TimelineId,
    /// Its name.
    pub name: String,
    /// Length in milliseconds.
    pub duration_ms: i64,
    /// Whether it begins again at its end.
    pub repeat: bool,
    /// Its tracks.
    pub tracks: Vec<Track>,
    /// Whether it is the one that the channel has loaded.
    pub loaded: bool,
}

/// A timeline as a person wrote it. Times are milliseconds from its start.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct TimelineBody {
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// Length, 1,000 to 86,400,000.
    pub duration_ms: i64,
    /// Whether it begins again at its end.
    #[serde(default)]
    pub repeat: bool,
    /// One video track, and overlay tracks as many as wanted, up to 32 in all.
    pub tracks: Vec<Track>,
}

impl TimelineBody {
    /// The same with its id, ready to be parsed.
    pub fn with_id(self, id: TimelineId) -> TimelineDraft {
        TimelineDraft { id, name: self.name, duration_ms: self.duration_ms, repeat: self.repeat, tracks: self.tracks }
    }
}

impl TimelineDoc {
    /// The document of a stored timeline.
    pub fn new(draft: TimelineDraft, loaded: bool) -> TimelineDoc {
        TimelineDoc {
            id: draft.id,
            name: draft.name,
            duration_ms: draft.duration_ms,
            repeat: draft.repeat,
            tracks: draft.tracks,
            loaded,
        }
    }
}
