//! Cameras: those that are found, those that are added, and their heads.

use automation::follow::CameraIdentity;
use automation::id::{ChannelId, SourceId};
use automation::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A camera that answered in the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundCamera {
    /// How it was found.
    pub by: FoundBy,
    /// Its identity, which stays when its address changes.
    pub endpoint: String,
    /// Its name, as it says; may be empty.
    pub name: String,
    /// Its model, as it says; may be empty.
    pub model: String,
    /// Its IP address.
    pub host: String,
    /// Name of its host, as it says; empty by ONVIF, which has none.
    pub hostname: String,
    /// What to add it by: its device service, which is asked for all else, or by mDNS the address of its stream, which is a
    /// camera's `url` and whose path may be missing.
    pub address: String,
    /// The source that it is already.
    #[schema(required)]
    pub source: Option<SourcePlace>,
}

/// How a camera was found. One that answers in both ways is found by ONVIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// It answered by ONVIF: it can be asked for its streams and its head.
    Onvif,
    /// It announces a stream by mDNS, and no more is known of it.
    Mdns,
}

/// A source of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourcePlace {
    /// Its channel.
    pub channel: ChannelId,
    /// The source.
    pub source: SourceId,
}

/// A camera that shall be a source.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct CameraDraft {
    /// Its address: that of a found camera, or a host, with or without a port, or `http://host[:port]/path`.
    pub address: String,
    /// User name; empty for none.
    #[serde(default)]
    pub user: String,
    /// Password; empty for none.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only)]
    pub password: Secret,
    /// The source's name; that of the camera where absent.
    #[serde(default)]
    pub name: Option<String>,
    /// The source's id; made from its name where absent.
    #[serde(default)]
    pub id: Option<SourceId>,
}

/// What a camera said of itself when it was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CameraDoc {
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number; empty where it has none.
    pub serial: String,
    /// Its hardware address, where it is known.
    #[schema(required)]
    pub mac: Option<String>,
    /// Whether a picture can be asked of it.
    pub has_snapshot: bool,
}

impl From<&CameraIdentity> for CameraDoc {
    fn from(camera: &CameraIdentity) -> CameraDoc {
        CameraDoc {
            manufacturer: camera.manufacturer.clone(),
            model: camera.model.clone(),
            serial: camera.serial.clone(),
            mac: camera.mac.clone(),
            has_snapshot: camera.snapshot.is_some(),
        }
    }
}

/// A preset of a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PresetDoc {
    /// By which the camera knows it.
    pub token: String,
    /// Its name.
    pub name: String,
}

/// A movement by hand.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub struct MoveDraft {
    /// Which.
    #[serde(flatten)]
    pub movement: Movement,
    /// Whether it may be while the camera is on air; a stop always may.
    #[serde(default)]
    pub on_air: bool,
}

/// Movements by hand. Directions are from −1 to 1: right, up and nearer are above 0.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(tag = "move", rename_all = "snake_case")]
pub enum Movement {
    /// Moves on until it is stopped. To be said again every half second: after two seconds without, it is stopped.
    Along {
        /// Right.
        #[serde(default)]
        pan: f32,
        /// Up.
        #[serde(default)]
        tilt: f32,
        /// Nearer.
        #[serde(default)]
        zoom: f32,
    },
    /// Moves a bit, and stops.
    Step {
        /// Right.
        #[serde(default)]
        pan: f32,
        /// Up.
        #[serde(default)]
        tilt: f32,
        /// Nearer.
        #[serde(default)]
        zoom: f32,
    },
    /// Stops.
    Stop,
    /// Goes to a preset.
    Preset {
        /// By which the camera knows it.
        token: String,
    },
}
