//! How the head of a camera is moved: to presets ahead of cues (VS-11), and by hand.

use serde::{Deserialize, Serialize};

/// Time that a head gets to arrive where nothing else is said, milliseconds.
pub const SETTLE_MS_DEFAULT: u32 = 3000;
/// Longest time that a head gets to arrive, milliseconds: the slowest turn by 360° in about 20 s.
pub const SETTLE_MS_MAX: u32 = 30_000;
/// Longest name by which a camera knows a preset, characters (ONVIF's `ReferenceToken` has 64).
pub const PRESET_CHARS_MAX: usize = 64;
/// Highest memory number of Visca; many cameras have fewer.
pub const VISCA_PRESET_MAX: u8 = 254;

fn settle_default() -> u32 {
    SETTLE_MS_DEFAULT
}

/// The head of a source's camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Ptz {
    /// How it is told.
    #[serde(flatten)]
    pub control: PtzControl,
    /// How long before its cue a camera is moved to its preset, milliseconds, 0 to 30,000.
    #[serde(default = "settle_default")]
    pub settle_ms: u32,
}

/// By which protocol a head is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "protocol", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum PtzControl {
    /// The PTZ service of ONVIF, with the user and password of the camera's stream.
    Onvif {
        /// `http://host[:port]/path` of the device service, which tells the camera's time.
        device: String,
        /// `http://host[:port]/path` of the PTZ service.
        service: String,
        /// Token of the profile whose head moves.
        profile: String,
    },
    /// Visca over IP, which asks for no password.
    Visca {
        /// `host:port`; the usual ports are 52381 of UDP and 5678 of TCP.
        address: String,
        /// How it travels.
        #[serde(default)]
        transport: ViscaTransport,
    },
}

impl PtzControl {
    /// Where the head is reached: two sources with the same one move the same camera, whichever profile they show.
    pub fn place(&self) -> &str {
        match self {
            PtzControl::Onvif { device, .. } => device,
            PtzControl::Visca { address, .. } => address,
        }
    }
}

/// How Visca travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ViscaTransport {
    /// Datagrams with a number each, usually to port 52381.
    #[default]
    Udp,
    /// Bare messages on a connection, usually to port 5678.
    Tcp,
}

/// A preset that a camera goes to for a cue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CuePreset {
    /// By which the camera knows it: a token of ONVIF, a memory number of Visca. 1 to 64 characters.
    pub token: String,
    /// Whether the camera may be moved to it while the audience sees it. Then it is moved at the start of the cue.
    #[serde(default)]
    pub on_air: bool,
}
