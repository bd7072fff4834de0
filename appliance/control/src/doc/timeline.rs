//! Timelines.

use crate::store::timelines::StoredTimeline;
use automation::id::TimelineId;
use automation::spec::{Start, TimelineDraft, Track};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A timeline as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineDoc {
    /// Its id.
    pub id: TimelineId,
    /// Its name.
    pub name: String,
    /// What it is for, in a person's words.
    pub description: String,
    /// Length in milliseconds.
    pub duration_ms: i64,
    /// Whether it begins again at its end.
    pub repeat: bool,
    /// What moves it.
    pub start: Start,
    /// Its tracks.
    pub tracks: Vec<Track>,
    /// Whether it is the one that the channel has loaded.
    pub loaded: bool,
    /// Name of who made it.
    pub created_by: String,
    /// When it was made, milliseconds since 1970-01-01T00:00:00Z.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub modified_at_ms: i64,
}

/// A timeline as a person wrote it. Times are milliseconds from its start.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct TimelineBody {
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// What it is for, up to 1000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub description: String,
    /// Length, 1,000 to 86,400,000.
    pub duration_ms: i64,
    /// Whether it begins again at its end.
    #[serde(default)]
    pub repeat: bool,
    /// What moves it; GO LIVE where absent.
    #[serde(default)]
    pub start: Start,
    /// One video track, and overlay tracks as many as wanted, up to 32 in all.
    pub tracks: Vec<Track>,
}

impl TimelineBody {
    /// The same with its id, ready to be parsed.
    pub fn with_id(self, id: TimelineId) -> TimelineDraft {
        TimelineDraft {
            id,
            name: self.name,
            duration_ms: self.duration_ms,
            repeat: self.repeat,
            start: self.start,
            tracks: self.tracks,
        }
    }
}

impl From<StoredTimeline> for TimelineDoc {
    fn from(stored: StoredTimeline) -> TimelineDoc {
        let draft: TimelineDraft = stored.timeline.into();
        TimelineDoc {
            id: draft.id,
            name: draft.name,
            description: stored.description,
            duration_ms: draft.duration_ms,
            repeat: draft.repeat,
            start: draft.start,
            tracks: draft.tracks,
            loaded: stored.loaded,
            created_by: stored.created_by,
            created_at_ms: stored.created_at_ms,
            modified_at_ms: stored.modified_at_ms,
        }
    }
}
