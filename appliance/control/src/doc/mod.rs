//! Documents: what the API takes and shows, and what commands answer. A secret goes in and never comes back,
//! except the stream key of a publisher, which an operator must copy into OBS.

mod asset;
mod board;
mod broadcast;
mod camera;
mod channel;
mod destination;
mod disk;
mod network;
mod panel;
mod session;
mod source;
mod system;
mod time_zone;
mod timeline;

pub use asset::{AssetDoc, AssetKind};
pub use board::{Alert, Board, BoxDoc, ChannelBoard, WorkerState};
pub use broadcast::{ExecutionDoc, ExecutionStatus, GoLive, LiveDoc, LiveStarted, ManualDoc, PinChoice, SourceChoice};
pub use camera::{CameraDoc, CameraDraft, FoundBy, FoundCamera, MoveDraft, Movement, PresetDoc, SourcePlace};
pub use channel::{ChannelDoc, ChannelDraft, ChannelPatch};
pub use destination::{DestinationDoc, DestinationDraft, DestinationKindDoc, DestinationKindDraft, PlatformDoc};
pub use disk::{DiskDoc, DiskDraft, FoundDiskDoc};
pub use network::{
    AccessPointDoc, AttemptDoc, InterfaceDoc, InterfaceKind, InterfaceState, NetworkDoc, WifiDoc, WifiDraft,
    WifiSecurity,
};
pub use panel::{PanelDoc, PanelStatusDoc};
pub use session::{Claim, Health, SessionDoc, SignIn, SignedIn};
pub use source::{Publish, SourceDoc, SourceDraft, SourceKindDoc, SourceKindDraft};
pub use system::{ImageDoc, ResetDraft, StorageDoc, SystemDoc, UpdateDoc, UpdateFrom};
pub use time_zone::{TimeZoneChoice, TimeZoneDoc};
pub use timeline::{TimelineBody, TimelineDoc};

/// Longest name of anything, in characters.
pub const NAME_CHARS_MAX: usize = 100;
