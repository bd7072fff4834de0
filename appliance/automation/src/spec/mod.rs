//! What is wanted. A spec that exists is valid: parsing checks it, and nothing else builds one.

mod channel;
mod check;
mod checks;
mod destination;
mod house;
mod ingest;
pub mod platform;
mod ptz;
mod sound;
mod source;
mod timeline;

pub use channel::{ChannelSpec, ChannelSpecDraft, Failover, Fallback, Hold, Live, Manual, Messages};
pub use check::{NAME_CHARS_MAX, WRONGS_MAX};
pub use checks::{CHECK_S_MAX, Check, CheckAction, SourceChecks};
pub use destination::{
    BadSrtUrl, BadUrl, Container, Destination, DestinationKind, KEEP_MB_DEFAULT, LEAVE_MB_DEFAULT, Medium,
    PART_MINUTES_DEFAULT, RtmpUrl, SRT_LATENCY_MS_DEFAULT, SrtUrl, kind_or_rtmp,
};
pub use house::{Effort, House, KEYFRAME_S, Rate, SEEN_BEFORE_MS};
pub use ingest::{IngestSpec, IngestStream};
pub use platform::Platform;
pub use ptz::{
    CuePreset, PRESET_CHARS_MAX, Ptz, PtzControl, SETTLE_MS_DEFAULT, SETTLE_MS_MAX, VISCA_PRESET_MAX, ViscaTransport,
};
pub use sound::{SOUND_DELAY_MS_MAX, SoundFrom};
pub use source::{
    CAPTURE_SOUND_AUTO, CAPTURE_SOUND_NONE, LATENCY_MS_DEFAULT, LATENCY_MS_LEAST, LATENCY_MS_MAX, PLAYLIST_MAX,
    PULL_LATENCY_MS_DEFAULT, Pattern, PublisherRole, SRT_LATENCY_MS_MIN, STILL_MS_DEFAULT, STILL_MS_MAX, STILL_MS_MIN,
    Source, SourceKind, SrtMode, Transport, Waits,
};
pub use timeline::{
    Action, Anchor, Cue, ImageOverlay, Overlay, OverlayCue, Start, TextOverlay, Timeline, TimelineDraft, Track,
    Transition, TransitionKind,
};

/// One thing wrong in what was given: where, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("{place}: {reason}")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Wrong {
    /// Path of the field, such as `tracks[0].cues[2].at_ms`.
    pub place: String,
    /// Why, in a sentence that says what would be right.
    pub reason: String,
}

impl Wrong {
    /// One wrong thing.
    pub fn new(place: impl Into<String>, reason: impl Into<String>) -> Wrong {
        Wrong { place: place.into(), reason: reason.into() }
    }
}

/// Everything that is wrong in one document, in the order of its fields. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrongs(pub Vec<Wrong>);

impl std::fmt::Display for Wrongs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, wrong) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{wrong}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Wrongs {}
