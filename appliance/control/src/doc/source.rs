//! Sources.

use automation::id::{AssetId, SourceId};
use automation::secret::Secret;
use automation::spec::{Pattern, PublisherRole};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One source of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceDoc {
    /// Its id.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// The source that takes over while this one is lost.
    #[schema(required)]
    pub backup: Option<SourceId>,
    /// What it is.
    #[serde(flatten)]
    pub kind: SourceKindDoc,
}

/// Kinds of source, as they are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceKindDoc {
    /// An IP camera, RTSP over TCP.
    Camera {
        /// `rtsp://host[:port]/path`.
        url: String,
        /// User name; empty for none.
        user: String,
        /// Whether a password is stored. The password itself never comes back.
        has_password: bool,
        /// Jitter buffer in milliseconds.
        latency_ms: u32,
    },
    /// A publisher such as OBS.
    Rtmp {
        /// Name of the stream at the door.
        stream: String,
        /// What it sends.
        role: PublisherRole,
        /// Jitter buffer in milliseconds.
        latency_ms: u32,
        /// What to enter in OBS.
        publish: Publish,
    },
    /// An uploaded film or still, which loops.
    Media {
        /// The file.
        asset: AssetId,
    },
    /// A picture made by us: large text, and a line below.
    Slate {
        /// Text in large letters.
        title: String,
        /// Text below it.
        text: String,
    },
    /// A picture made by us, for set-up.
    TestPattern {
        /// Which.
        pattern: Pattern,
    },
}

/// What a publisher enters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Publish {
    /// Server, for example `rtmp://bandstand.local:1935/live`.
    pub server: String,
    /// Stream key with its token, for example `main_obs?token=…`.
    pub key: String,
}

/// A source as a person wrote it. Fields of [`SourceDoc`] that a person does not set are ignored.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct SourceDraft {
    /// Its id, on POST only; made from its name where absent.
    #[serde(default)]
    pub id: Option<SourceId>,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// The source that takes over while this one is lost.
    #[serde(default)]
    pub backup: Option<SourceId>,
    /// What it is. On PUT the kind stays as it was.
    #[serde(flatten)]
    pub kind: SourceKindDraft,
}

/// Kinds of source, as a person writes them.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceKindDraft {
    /// An IP camera, RTSP over TCP.
    Camera {
        /// `rtsp://host[:port]/path`, without user and password.
        url: String,
        /// User name; empty for none.
        #[serde(default)]
        user: String,
        /// Password; PUT without it keeps the stored one, an empty one removes it.
        #[serde(default)]
        #[schema(value_type = Option<String>, write_only)]
        password: Option<Secret>,
        /// Jitter buffer in milliseconds, 0 to 5000; 300 where absent.
        #[serde(default)]
        latency_ms: Option<u32>,
    },
    /// A publisher such as OBS. Its stream name and token are made by the server.
    Rtmp {
        /// What it sends: `live` where absent on POST. On PUT it stays as it was.
        #[serde(default)]
        role: Option<PublisherRole>,
        /// Jitter buffer in milliseconds, 0 to 5000; 300 where absent.
        #[serde(default)]
        latency_ms: Option<u32>,
    },
    /// An uploaded film or still, which loops.
    Media {
        /// The file.
        asset: AssetId,
    },
    /// A picture made by us.
    Slate {
        /// Text in large letters, up to 200 characters.
        title: String,
        /// Text below it, up to 200 characters.
        #[serde(default)]
        text: String,
    },
    /// A picture made by us, for set-up.
    TestPattern {
        /// Which.
        pattern: Pattern,
    },
}
