//! The timeline: cues on tracks. Times are whole milliseconds from the timeline's start; a cue lands on the
//! nearest tick.

use super::{CuePreset, Wrongs, check};
use crate::id::{AssetId, CueId, SourceId, TimelineId};
use serde::{Deserialize, Serialize};

/// A timeline as a person wrote it. Parse it to [`Timeline`], which is valid by construction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TimelineDraft {
    /// Its id.
    pub id: TimelineId,
    /// Its name; 1 to 100 characters.
    pub name: String,
    /// Length in milliseconds, 1,000 to 86,400,000.
    pub duration_ms: i64,
    /// Whether it begins again at its end. Where not, its last picture's source stays on air.
    #[serde(default)]
    pub repeat: bool,
    /// What moves it.
    #[serde(default)]
    pub start: Start,
    /// One video track at least; overlay tracks as many as wanted, up to 32 in all.
    pub tracks: Vec<Track>,
}

/// When a timeline begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Start {
    /// With each broadcast.
    #[default]
    GoLive,
    /// Every day at a time of day, whether a broadcast runs or not: its position is what the clock on the wall says.
    Daily {
        /// That time, milliseconds after midnight where the box is, 0 to 86,399,999.
        at_ms: i64,
    },
}

/// A track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Track {
    /// What is on air: one cue at a time, in order, without overlap. Gaps keep what was on air before.
    Video {
        /// Its name.
        name: String,
        /// A track that is switched off keeps its cues.
        #[serde(default = "yes")]
        enabled: bool,
        /// Its cues, ordered by time.
        cues: Vec<Cue>,
    },
    /// What is laid over it.
    Overlay {
        /// Its name.
        name: String,
        /// A track that is switched off keeps its cues.
        #[serde(default = "yes")]
        enabled: bool,
        /// Height in the pile, 1 is the lowest; 1 to 100.
        layer: u8,
        /// Its cues, ordered by time, without overlap.
        cues: Vec<OverlayCue>,
    },
}

fn yes() -> bool {
    true
}

/// A cue of a video track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Cue {
    /// Its id, unique in the timeline.
    pub id: CueId,
    /// Start, milliseconds from the timeline's start.
    pub at_ms: i64,
    /// Length, milliseconds.
    pub duration_ms: i64,
    /// What it does.
    pub action: Action,
    /// How it comes on air. A mix begins at `at_ms`.
    #[serde(default)]
    pub transition: Transition,
}

/// What a video cue does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Action {
    /// Puts a live source (camera, publisher) or a made picture on air.
    ShowCamera {
        /// Which.
        source: SourceId,
        /// The preset that the camera is moved to ahead of the cue (VS-11).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        preset: Option<CuePreset>,
    },
    /// Plays a film or still from its beginning.
    ShowMedia {
        /// A source of kind `media`.
        source: SourceId,
    },
}

impl Action {
    /// The source that the cue wants on air.
    pub fn source(&self) -> &SourceId {
        match self {
            Action::ShowCamera { source, .. } | Action::ShowMedia { source } => source,
        }
    }

    /// The preset that the source's camera goes to.
    pub fn preset(&self) -> Option<&CuePreset> {
        match self {
            Action::ShowCamera { preset, .. } => preset.as_ref(),
            Action::ShowMedia { .. } => None,
        }
    }
}

/// How one source follows another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Transition {
    /// Its kind.
    pub kind: TransitionKind,
    /// Its length in milliseconds; 0 for a cut, up to 10,000 and to the cue's own length else.
    #[serde(default)]
    pub duration_ms: i64,
}

/// Kinds of transition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum TransitionKind {
    /// At once.
    #[default]
    Cut,
    /// Down to black, then up.
    Fade,
    /// One into the other.
    Dissolve,
}

/// A cue of an overlay track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OverlayCue {
    /// Its id, unique in the timeline.
    pub id: CueId,
    /// Start, milliseconds from the timeline's start.
    pub at_ms: i64,
    /// Length, milliseconds.
    pub duration_ms: i64,
    /// What is shown.
    pub overlay: Overlay,
    /// Opacity, 0 to 1.
    #[serde(default = "opaque")]
    pub opacity: f32,
    /// Fade in, milliseconds.
    #[serde(default)]
    pub fade_in_ms: i64,
    /// Fade out, milliseconds.
    #[serde(default)]
    pub fade_out_ms: i64,
}

fn opaque() -> f32 {
    1.0
}

/// What an overlay shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Overlay {
    /// A text.
    Text(TextOverlay),
    /// A picture.
    Image(ImageOverlay),
}

/// A text over the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TextOverlay {
    /// The text, 1 to 500 characters; `{time}` is the local time HH:MM:SS.
    pub text: String,
    /// Where its box stands.
    pub anchor: Anchor,
    /// Height of the letters in thousandths of the picture's height, 10 to 500.
    pub size: u16,
    /// Colour of the letters, `#rrggbb` or `#rrggbbaa`.
    pub colour: String,
    /// Colour of the box behind it, the same forms; none where absent.
    #[serde(default)]
    pub background: Option<String>,
}

impl TextOverlay {
    /// The word that stands for the local time.
    pub const TIME: &str = "{time}";

    /// Whether it shows the time of day.
    pub fn tells_time(&self) -> bool {
        self.text.contains(TextOverlay::TIME)
    }
}

/// A picture over the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImageOverlay {
    /// An uploaded PNG or JPEG.
    pub asset: AssetId,
    /// Where it stands.
    pub anchor: Anchor,
    /// Its height in thousandths of the picture's height, 10 to 1000.
    pub size: u16,
}

/// Where an overlay stands, inside a margin of 4 % of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[allow(missing_docs, reason = "the names say it all")]
pub enum Anchor {
    TopLeft,
    Top,
    TopRight,
    Left,
    Center,
    Right,
    BottomLeft,
    Bottom,
    BottomRight,
}

/// A timeline without fault: ordered, without overlap, in its limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "TimelineDraft", into = "TimelineDraft")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(value_type = TimelineDraft))]
pub struct Timeline(TimelineDraft);

impl Timeline {
    /// The document.
    pub fn draft(&self) -> &TimelineDraft {
        &self.0
    }
}

impl From<Timeline> for TimelineDraft {
    fn from(timeline: Timeline) -> TimelineDraft {
        timeline.0
    }
}

impl TryFrom<TimelineDraft> for Timeline {
    type Error = Wrongs;
    fn try_from(draft: TimelineDraft) -> Result<Timeline, Wrongs> {
        check::timeline(&draft)?;
        Ok(Timeline(draft))
    }
}
