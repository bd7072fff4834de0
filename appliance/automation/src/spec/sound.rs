//! Whose sound is heard.

use crate::id::SourceId;
use serde::{Deserialize, Serialize};

/// Longest trim of a sound source, milliseconds: a jitter buffer and the way of a picture through an encoder.
pub const SOUND_DELAY_MS_MAX: u16 = 2_000;

/// The one source whose sound is heard with every live picture: the mixing desk, whichever camera is on air.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SoundFrom {
    /// Which.
    pub source: SourceId,
    /// By how much its sound is held back, milliseconds, 0 to 2000: a desk is quicker than a camera.
    #[serde(default)]
    pub delay_ms: u16,
}
