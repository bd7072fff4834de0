//! Sources: where pictures and sound come from.

use super::{Wrongs, check};
use crate::id::{AssetId, SourceId};
use crate::secret::Secret;
use serde::{Deserialize, Serialize};

/// Jitter buffer of a live source where nothing else is said, milliseconds.
pub const LATENCY_MS_DEFAULT: u32 = 300;
/// A shorter jitter buffer counts as this one, milliseconds. Sound is asked for one tick ahead (42 ms at 24 pictures a
/// second), needs 20 ms more to fade where it ends, and comes in packets of 21 ms.
pub const LATENCY_MS_LEAST: u32 = 120;
/// Longest jitter buffer, milliseconds (CT-13).
pub const LATENCY_MS_MAX: u32 = 5000;

fn latency_default() -> u32 {
    LATENCY_MS_DEFAULT
}

/// One source of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// Its name, as the operator reads it; 1 to 100 characters.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: SourceKind,
    /// The source that takes over while this one is lost.
    #[serde(default)]
    pub backup: Option<SourceId>,
}

/// The kinds of source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum SourceKind {
    /// An IP camera, RTSP over TCP.
    Camera {
        /// `rtsp://host[:port]/path`, without user and password.
        url: String,
        /// User name; empty for none.
        #[serde(default)]
        user: String,
        /// Password; empty for none.
        #[serde(default)]
        password: Secret,
        /// Jitter buffer in milliseconds, 0 to 5000; less than 120 counts as 120.
        #[serde(default = "latency_default")]
        latency_ms: u32,
    },
    /// A publisher such as OBS, received by `ingest`.
    Rtmp {
        /// Name of the stream at the door: `<channel>_obs` or `<channel>_loop`, by its role; with a number where a channel
        /// has several.
        stream: String,
        /// What it sends.
        #[serde(default)]
        role: PublisherRole,
        /// Jitter buffer in milliseconds, 0 to 5000; less than 120 counts as 120.
        #[serde(default = "latency_default")]
        latency_ms: u32,
    },
    /// An uploaded film or still, which loops.
    Media {
        /// The file.
        asset: AssetId,
    },
    /// A picture made by us: the venue's name, and a line below.
    Slate {
        /// Text in large letters; 0 to 200 characters.
        title: String,
        /// Text below it; 0 to 200 characters.
        #[serde(default)]
        text: String,
    },
    /// A picture made by us, for set-up.
    TestPattern {
        /// Which.
        pattern: Pattern,
    },
}

/// What a publisher sends (LP-11, LP-25).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum PublisherRole {
    /// What happens now: OBS, an encoder.
    #[default]
    Live,
    /// What bridges: a playout, such as ErsatzTV, that plays for ever.
    Loop,
}

impl PublisherRole {
    /// How names of its streams end, before a number.
    pub fn ending(self) -> &'static str {
        match self {
            PublisherRole::Live => "_obs",
            PublisherRole::Loop => "_loop",
        }
    }
}

/// Test patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Pattern {
    /// SMPTE colour bars with a 1 kHz tone at −20 dBFS.
    Bars,
    /// Black with silence.
    Black,
}

impl Source {
    /// Whether its texts and numbers are in their limits. Whether its file and backup exist, the channel's spec knows.
    pub fn check(&self) -> Result<(), Wrongs> {
        check::source(self)
    }
}

impl SourceKind {
    /// Whether its pictures come from outside in their own time, so that it can be lost.
    pub fn is_live(&self) -> bool {
        matches!(self, SourceKind::Camera { .. } | SourceKind::Rtmp { .. })
    }
}
