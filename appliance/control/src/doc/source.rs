//! Sources.

use super::CameraDoc;
use automation::id::{AssetId, SourceId};
use automation::secret::Secret;
use automation::spec::{Pattern, Ptz, PublisherRole, SrtMode, Transport};
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
    /// The head that moves its camera, where it has one.
    #[serde(default)]
    #[schema(required)]
    pub ptz: Option<Ptz>,
    /// Whether only its sound is used, so that it can be heard and never be on air. A capture without a video device is so
    /// by itself.
    #[serde(default)]
    #[schema(required)]
    pub sound_only: bool,
    /// What its camera said of itself when it was added.
    #[serde(default)]
    #[schema(required)]
    pub camera: Option<CameraDoc>,
    /// What it is.
    #[serde(flatten)]
    pub kind: SourceKindDoc,
}

/// Kinds of source, as they are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceKindDoc {
    /// An IP camera, by RTSP.
    Camera {
        /// `rtsp://host[:port]/path`, or `rtsps://` for TLS.
        url: String,
        /// User name; empty for none.
        user: String,
        /// Whether a password is stored. The password itself never comes back.
        has_password: bool,
        /// How its pictures travel.
        transport: Transport,
        /// Whether any certificate will do with TLS.
        any_certificate: bool,
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
    /// A sender by SRT, MPEG-TS inside.
    Srt {
        /// Who calls whom.
        mode: SrtMode,
        /// Host that is called; empty for a listener.
        host: String,
        /// UDP port: of the far side for a caller, ours for a listener.
        port: u16,
        /// Stream id: a caller sends it, a listener lets in only who sends it; empty for none.
        #[schema(value_type = String)]
        stream_id: Secret,
        /// Whether a passphrase is stored. The passphrase itself never comes back.
        has_passphrase: bool,
        /// Time in which lost packets are sent again, milliseconds.
        latency_ms: u32,
        /// What the sender calls, for example `srt://bandstand.local:9710`; of a listener only.
        #[schema(required)]
        address: Option<String>,
    },
    /// A sender of MPEG-TS by UDP, by itself or in RTP.
    Udp {
        /// Our UDP port.
        port: u16,
        /// The multicast group that is joined; empty for none.
        group: String,
        /// Jitter buffer in milliseconds.
        latency_ms: u32,
        /// Where the sender sends to, for example `udp://bandstand.local:5004`.
        address: String,
    },
    /// A stream that is fetched: RTMP, or HLS and MPEG-TS by HTTP.
    Pull {
        /// Its address, without what follows the `?`.
        url: String,
        /// Whether something follows the `?`. It may hold a token, and never comes back.
        has_query: bool,
        /// User name; empty for none.
        user: String,
        /// Whether a password is stored. The password itself never comes back.
        has_password: bool,
        /// Jitter buffer in milliseconds.
        latency_ms: u32,
    },
    /// A device of this machine: a grabber or a camera by USB or HDMI, a mixing desk.
    Capture {
        /// The video device's identity; empty for sound alone.
        video: String,
        /// The sound device's identity; `auto` for the one that belongs to the video device; `none` for none.
        sound: String,
        /// Jitter buffer in milliseconds.
        latency_ms: u32,
    },
    /// Uploaded films and stills: one that loops, or several that are played one after another, over and over.
    Media {
        /// The file; the first one of a playlist.
        asset: AssetId,
        /// The files that follow it, in this order.
        then: Vec<AssetId>,
        /// How long a still of a playlist stands, milliseconds.
        still_ms: u32,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Publish {
    /// Server, for example `rtmp://bandstand.local:1935/live`.
    pub server: String,
    /// The same with TLS, by the box's own certificate, which an encoder has to accept: `rtmps://bandstand.local:1935/live`.
    pub secure_server: String,
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
    /// The head that moves its camera. PUT without it keeps the one that it has; null takes it away.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Ptz>)]
    pub ptz: Option<Option<Ptz>>,
    /// Whether only its sound is used: a mixing desk. Not, where absent on POST. PUT without it keeps what is stored.
    #[serde(default)]
    pub sound_only: Option<bool>,
    /// What it is. On PUT the kind stays as it was.
    #[serde(flatten)]
    pub kind: SourceKindDraft,
}

/// Tells null, which says something, from nothing.
fn said<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<Ptz>>, D::Error> {
    Option::<Ptz>::deserialize(from).map(Some)
}

/// Kinds of source, as a person writes them.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceKindDraft {
    /// An IP camera, by RTSP.
    Camera {
        /// `rtsp://host[:port]/path`, or `rtsps://` for TLS, without user and password.
        url: String,
        /// User name; empty for none.
        #[serde(default)]
        user: String,
        /// Password; PUT without it keeps the stored one, an empty one removes it.
        #[serde(default)]
        #[schema(value_type = Option<String>, write_only)]
        password: Option<Secret>,
        /// How its pictures travel: `auto` where absent on POST. PUT without it keeps what is stored.
        #[serde(default)]
        transport: Option<Transport>,
        /// Whether any certificate will do with TLS: not, where absent on POST. PUT without it keeps what is stored.
        #[serde(default)]
        any_certificate: Option<bool>,
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
    /// A sender by SRT, MPEG-TS inside.
    Srt {
        /// Who calls whom.
        mode: SrtMode,
        /// Host to call, without port; empty for a listener.
        #[serde(default)]
        host: String,
        /// UDP port: of the far side for a caller, ours for a listener. A listener's is chosen by the server where absent.
        #[serde(default)]
        port: Option<u16>,
        /// Stream id: a caller sends it, a listener lets in only who sends it; empty for none.
        #[serde(default)]
        #[schema(value_type = String)]
        stream_id: Secret,
        /// Passphrase, 10 to 79 characters; PUT without it keeps the stored one, an empty one removes it.
        #[serde(default)]
        #[schema(value_type = Option<String>, write_only)]
        passphrase: Option<Secret>,
        /// Time in which lost packets are sent again, milliseconds, 20 to 5000; 300 where absent.
        #[serde(default)]
        latency_ms: Option<u32>,
    },
    /// A sender of MPEG-TS by UDP, by itself or in RTP.
    Udp {
        /// Our UDP port, 1024 to 65535; chosen by the server where absent.
        #[serde(default)]
        port: Option<u16>,
        /// The multicast group to join; empty for none.
        #[serde(default)]
        group: String,
        /// Jitter buffer in milliseconds, 0 to 5000; 300 where absent.
        #[serde(default)]
        latency_ms: Option<u32>,
    },
    /// A stream that is fetched: RTMP, or HLS and MPEG-TS by HTTP.
    Pull {
        /// `rtmp://host[:port]/app/stream` or `http://host[:port]/path`, both also with TLS (`rtmps`, `https`), without user
        /// and password. PUT with the stored address and without a `?` keeps what followed it.
        #[schema(value_type = String)]
        url: Secret,
        /// User name; empty for none.
        #[serde(default)]
        user: String,
        /// Password; PUT without it keeps the stored one, an empty one removes it.
        #[serde(default)]
        #[schema(value_type = Option<String>, write_only)]
        password: Option<Secret>,
        /// Jitter buffer in milliseconds, 0 to 5000; 1000 where absent.
        #[serde(default)]
        latency_ms: Option<u32>,
    },
    /// A device of this machine: a grabber or a camera by USB or HDMI, a mixing desk. The status of a channel lists the
    /// devices that are there.
    Capture {
        /// The video device's identity; empty for sound alone.
        #[serde(default)]
        video: String,
        /// The sound device's identity; `auto` for the one that belongs to the video device; `none` for none. `auto` where
        /// absent on POST. PUT without it keeps what is stored.
        #[serde(default)]
        sound: Option<String>,
        /// Jitter buffer in milliseconds, 0 to 5000; 300 where absent.
        #[serde(default)]
        latency_ms: Option<u32>,
    },
    /// Uploaded films and stills: one that loops, or several that are played one after another, over and over.
    Media {
        /// The file; the first one of a playlist.
        asset: AssetId,
        /// The files that follow it, in this order; at most 99. A file may stand there several times. None where absent on
        /// POST. PUT without it keeps what is stored.
        #[serde(default)]
        then: Option<Vec<AssetId>>,
        /// How long a still of a playlist stands, milliseconds, 1000 to 3600000: 10000 where absent on POST. PUT without
        /// it keeps what is stored. One that is alone stands for ever.
        #[serde(default)]
        still_ms: Option<u32>,
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
