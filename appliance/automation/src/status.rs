//! What is. Statuses name the generation they have reached; they hold no secret.

use crate::capture::CaptureDevice;
use crate::clock::Running;
use crate::fault::Fault;
use crate::id::{ChannelId, CueId, DestinationId, SessionId, SourceId, TimelineId};
use crate::spec::Hold;
use serde::{Deserialize, Serialize};

/// The status of a channel's worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChannelStatus {
    /// The channel.
    pub channel: ChannelId,
    /// The spec that is in force.
    pub generation: u64,
    /// Process id of the worker.
    pub pid: u32,
    /// When the worker's program began.
    pub started: Running,
    /// When this status was made.
    pub now: Running,
    /// The program's health.
    pub program: ProgramStatus,
    /// What the audience sees.
    pub on_air: OnAir,
    /// The running timeline.
    pub timeline: Option<TimelineStatus>,
    /// The broadcast.
    pub live: Option<LiveStatus>,
    /// Overlays on air, lowest first.
    pub overlays: Vec<OverlayStatus>,
    /// Sound of the program.
    pub meters: Meters,
    /// Every source of the spec.
    pub sources: Vec<SourceStatus>,
    /// Every destination of the spec.
    pub destinations: Vec<DestinationStatus>,
    /// The capture devices of this machine.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub captures: Vec<CaptureDevice>,
    /// What is wrong with the channel as a whole.
    pub faults: Vec<Fault>,
}

/// Health of the tick mixer and the encoder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProgramStatus {
    /// Ticks since the program began.
    pub tick: u64,
    /// Ticks that were left out because the box was more than 2 s behind.
    pub missing: u64,
    /// Ticks that came more than one tick late; they leave no gap.
    pub late: u64,
    /// Worst lateness, milliseconds.
    pub late_ms_worst: u64,
    /// Pictures per second over the last second.
    pub fps: f32,
    /// Kilobits per second of video over the last seconds.
    pub kbps: u32,
    /// Bytes of video that left the encoder since the program began; a stream that lives makes them grow.
    pub encoded_bytes: u64,
    /// Encoder in use and why, for the operator.
    pub encoder: String,
}

/// What the audience sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OnAir {
    /// The source whose picture is on air (the newer one in a mix); none is the slate.
    pub source: Option<SourceId>,
    /// The older one in a mix: the audience sees it until the mix is over.
    #[serde(default)]
    pub leaving: Option<SourceId>,
    /// The source that automation or a person wants; none where nothing is, or a person wants the slate. It differs
    /// from `source` while a fallback is on air.
    pub wanted: Option<SourceId>,
    /// Why it is on air.
    pub carrier: Carrier,
    /// How long a person's choice holds that is in force; none where automation chooses.
    pub by_hand: Option<Hold>,
    /// The tick at which it came on air.
    pub since_tick: u64,
    /// The source that is heard with every live picture and the slate; none where each picture brings its own sound.
    #[serde(default)]
    pub sound: Option<SourceId>,
}

/// Why a picture is on air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Carrier {
    /// A person pinned it.
    Pin,
    /// A person took it.
    Take,
    /// The live input has taken the program.
    LiveInput,
    /// The timeline's cue.
    Timeline,
    /// No timeline: the channel's primary source.
    Primary,
    /// The backup of what is wanted.
    Backup,
    /// The channel's loop.
    Loop,
    /// What was on air before: nothing is there of what is wanted, nor of what could stand in for it.
    Kept,
    /// A person put the slate on air.
    SlateByHand,
    /// Nothing else was there.
    Slate,
}

/// Where the timeline stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TimelineStatus {
    /// Which.
    pub timeline: TimelineId,
    /// Milliseconds from its start, of this round.
    pub position_ms: u64,
    /// Rounds ended.
    pub rounds: u64,
    /// The video cue under the playhead.
    pub cue: Option<CueId>,
    /// The next video cue, and the milliseconds until it.
    pub next: Option<(CueId, u64)>,
    /// Whether it stands still by a person's wish.
    pub paused: bool,
    /// Whether it moves: a broadcast runs, or it follows the time of day; and it has not ended.
    pub running: bool,
}

/// The broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LiveStatus {
    /// Its id.
    pub session: SessionId,
    /// Milliseconds until it goes live; 0 when it is.
    pub countdown_ms: u64,
    /// Milliseconds since it went live.
    pub since_ms: u64,
}

/// An overlay on air.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OverlayStatus {
    /// Its cue; none for a message of ours.
    pub cue: Option<CueId>,
    /// What it shows, in a few words.
    pub text: String,
    /// Milliseconds until it is gone; none where it stays.
    pub left_ms: Option<u64>,
}

/// Sound levels over the last 100 ms, in decibels below full scale, left and right; −90 is silence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Meters {
    /// Highest sample.
    pub peak_db: [f32; 2],
    /// Root mean square.
    pub rms_db: [f32; 2],
}

impl Default for Meters {
    fn default() -> Meters {
        Meters { peak_db: [-90.0; 2], rms_db: [-90.0; 2] }
    }
}

/// One source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SourceStatus {
    /// Which.
    pub id: SourceId,
    /// Its state.
    pub state: SourceState,
    /// Size of what it sends, pixels; 0 where unknown.
    pub width: u32,
    /// Size of what it sends, pixels; 0 where unknown.
    pub height: u32,
    /// Pictures per second over the last seconds.
    pub fps: f32,
    /// Whether sound arrives.
    pub sound: bool,
    /// Milliseconds since the last picture.
    pub picture_age_ms: Option<u64>,
    /// Whether it stands by: keyframes alone are decoded until it is needed.
    #[serde(default)]
    pub stands_by: bool,
    /// Failed tries since it was last online.
    pub attempt: u32,
    /// Whether only its sound is used, so that it is never on air itself. Then `picture_age_ms` tells of its sound.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub sound_only: bool,
    /// Highest sample of its sound in the last second, decibels below full scale, −90 for silence; of a live source whose
    /// sound arrives.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub level_db: Option<f32>,
    /// How its stream arrives; of a live source that has come.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub arriving: Option<Arriving>,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// The head that moves its camera, where it has one.
    #[serde(default)]
    pub ptz: Option<PtzStatus>,
}

/// How a live source's stream arrives (GO-13).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Arriving {
    /// Its formats as people call them, found in the stream itself, pictures first: `H.264`, `AAC` (GO-08).
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub formats: Vec<String>,
    /// Kilobits per second over the last seconds: pictures and sound as they come, without what carries them.
    pub kbps: u32,
    /// The same in bytes, since the source was added or its worker began.
    pub bytes: u64,
    /// How much later than what comes quickest the usual latest comes, milliseconds.
    pub jitter_ms: u32,
    /// How long what comes quickest waits until it is due, milliseconds: what may come so much later is not missed.
    pub buffer_ms: u32,
    /// How often its time has jumped on this connection.
    pub jumps: u64,
    /// Times that it came online.
    pub connections: u64,
}

/// The head of a source's camera, as far as its cues have moved it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PtzStatus {
    /// The preset to which a cue sent it last.
    pub preset: Option<String>,
    /// Whether it is on its way there.
    pub moving: bool,
    /// Why it did not get there.
    pub fault: Option<Fault>,
}

/// State of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum SourceState {
    /// Nothing has arrived yet.
    Connecting,
    /// Pictures arrive, not yet for its stable time.
    Settling,
    /// Pictures have arrived for its stable time.
    Online,
    /// Pictures stopped.
    Lost,
    /// Pictures arrive, and have all been the same for the limit of its check.
    Frozen,
    /// Pictures arrive, and have been black for the limit of its check.
    Black,
    /// Sound arrives, and has been silence for the limit of its check; the pictures are sound.
    Silent,
    /// Pictures arrive, and were lost three times within two minutes.
    Unstable,
}

impl SourceState {
    /// Whether its pictures arrive and have done so for its stable time, whatever they show.
    pub const fn arrives(self) -> bool {
        !matches!(self, SourceState::Connecting | SourceState::Settling | SourceState::Lost)
    }

    /// Whether its pictures arrive and are sound, as far as is known: it may be on air, whatever its past and its sound.
    pub const fn is_well(self) -> bool {
        matches!(self, SourceState::Online | SourceState::Silent | SourceState::Unstable)
    }
}

/// One destination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DestinationStatus {
    /// Which.
    pub id: DestinationId,
    /// Its state.
    pub state: DestinationState,
    /// Connections that carried media in this broadcast. One more than `renewals` is a stream that never dropped.
    pub sessions: u32,
    /// Sessions of this broadcast that were ended by plan, for the next one.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub renewals: u32,
    /// Age of the session that is live, by its own time, milliseconds.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub session_ms: Option<u64>,
    /// Milliseconds until a planned new session at the latest; none while none is planned.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub renewal_ms: Option<u64>,
    /// Bytes that the far side has acknowledged in this broadcast.
    pub bytes_acked: u64,
    /// Kilobits per second sent over the last seconds.
    pub kbps: u32,
    /// Age of the oldest packet that waits here, milliseconds.
    pub queue_ms: u64,
    /// Packets left out because the queue was full, in this broadcast.
    pub dropped: u64,
    /// Failed tries in a row.
    pub attempt: u32,
    /// Milliseconds until the next try.
    pub retry_ms: Option<u64>,
    /// What is wrong with it.
    pub fault: Option<Fault>,
}

/// State of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum DestinationState {
    /// No broadcast runs.
    Idle,
    /// A person switched it off.
    Off,
    /// A try is under way.
    Connecting,
    /// Media flows.
    Live,
    /// Waits for the next try.
    Waiting,
}

/// The status of `ingest`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct IngestStatus {
    /// The spec that is in force.
    pub generation: u64,
    /// Process id.
    pub pid: u32,
    /// TCP port that publishers connect to; 0 where it could not be opened.
    pub port: u16,
    /// Who publishes now.
    pub publishers: Vec<Publisher>,
    /// What is wrong: refusals of the last minute, a taken port.
    pub faults: Vec<Fault>,
}

/// One publisher at the door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Publisher {
    /// Name of the stream.
    pub stream: String,
    /// Address of the far side.
    pub peer: String,
    /// Bytes received.
    pub bytes: u64,
    /// Kilobits per second over the last seconds.
    pub kbps: u32,
}
