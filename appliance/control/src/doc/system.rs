//! The box's system: its version, an update, a restart, and the way back to how it was delivered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SystemDoc {
    /// Bandstand's own image; none where it was installed on a machine whose system is somebody else's.
    #[schema(required)]
    pub image: Option<ImageDoc>,
    /// What is known of an update.
    pub update: UpdateDoc,
    /// The medium that settings and recordings are on; none where it does not answer.
    #[schema(required)]
    pub storage: Option<StorageDoc>,
}

/// A medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StorageDoc {
    /// Its size, bytes.
    pub bytes: u64,
    /// What is free of it, bytes.
    pub free_bytes: u64,
    /// What was written to it since it was made, bytes; none where nobody counts.
    #[schema(required)]
    pub written_bytes: Option<u64>,
    /// Errors that the kernel found on it since it was made; none where nobody counts.
    #[schema(required)]
    pub errors: Option<u64>,
}

/// The image that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageDoc {
    /// Its version.
    pub version: String,
    /// The slot it runs from, `A` or `B`; none where the board does not say.
    #[schema(required)]
    pub slot: Option<String>,
    /// Whether it is on trial: it stays where it runs well for some minutes, and else the one before comes back by itself.
    pub trial: bool,
    /// Why this board takes no update, and what to do about it, for the operator; none where it takes them.
    #[schema(required)]
    pub obstacle: Option<String>,
}

/// What is known of an update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum UpdateDoc {
    /// None was installed.
    None,
    /// A file arrives.
    Receiving,
    /// It is checked and written.
    Installing {
        /// Share that is done, percent.
        percent: u8,
    },
    /// It is installed; the next restart tries it.
    Ready {
        /// Its version.
        version: String,
    },
    /// It runs, and is watched for some minutes.
    Trial {
        /// Its version.
        version: String,
    },
    /// It runs, and stays.
    Done {
        /// Its version.
        version: String,
    },
    /// It did not run well, or lost its power in the trial: the version from before runs.
    WentBack {
        /// Its version.
        version: String,
    },
    /// It was not installed.
    Failed {
        /// Why, for the operator.
        text: String,
    },
}

/// Where an update is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateFrom {
    /// `https://…`, or `http://…`: what is fetched is checked by its signature. Nothing is kept of it on the box.
    pub url: String,
}

/// The wish for the state as delivered.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetDraft {
    /// The name of the venue, as a sign that it is meant.
    pub venue: String,
}
