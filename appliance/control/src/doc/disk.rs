//! The disk for recordings.

use super::StorageDoc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is known of disks for recordings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiskDoc {
    /// The one that recordings go to; none where there is none.
    #[schema(required)]
    pub storage: Option<StorageDoc>,
    /// All disks that hang on the box, but for what it runs from.
    pub found: Vec<FoundDiskDoc>,
    /// One is being prepared.
    pub preparing: bool,
    /// Why the last one could not be prepared, for the operator; none where it could.
    #[schema(required)]
    pub trouble: Option<String>,
}

/// A disk that hangs on the box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundDiskDoc {
    /// What the kernel calls it at the moment, such as `sda`.
    pub name: String,
    /// The kernel's number of it: no disk that is plugged in later has the same.
    pub number: u64,
    /// What its maker calls it; empty where nobody says.
    pub model: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// What is on it: labels of its file systems, or their types.
    pub holds: Vec<String>,
    /// It was prepared for recordings, by this box or another one.
    pub ours: bool,
}

/// The wish to prepare a disk. Everything on it is deleted.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskDraft {
    /// Its name, as it is shown.
    pub name: String,
    /// Its number, as it is shown: another disk may have the name by now.
    pub number: u64,
    /// That it is made anew though it was prepared for recordings, with all that is on it.
    #[serde(default)]
    pub again: bool,
}
