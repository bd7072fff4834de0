//! Destinations.

use automation::id::DestinationId;
use automation::secret::Secret;
use automation::spec::platform::{Band, Terms};
use automation::spec::{Container, Medium, Platform, kind_or_rtmp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One place that receives the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DestinationDoc {
    /// Its id.
    pub id: DestinationId,
    /// Its name.
    pub name: String,
    /// The platform that its address belongs to.
    pub platform: Platform,
    /// Whether it takes part in a broadcast.
    pub enabled: bool,
    /// Longest session, hours; none where there is no limit.
    #[serde(default)]
    #[schema(required)]
    pub renew_hours: Option<u32>,
    /// What it is.
    #[serde(flatten, deserialize_with = "kind_or_rtmp")]
    pub kind: DestinationKindDoc,
}

/// Kinds of destination, as they are shown. Secrets never come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DestinationKindDoc {
    /// A platform, by RTMP or RTMPS.
    Rtmp {
        /// Server address, `rtmp://` or `rtmps://`.
        url: String,
        /// Whether a stream key is stored.
        has_key: bool,
        /// Certificates, PEM, of the authority that alone is trusted; none for those that the box trusts.
        #[serde(default)]
        #[schema(required)]
        authority: Option<String>,
    },
    /// A listener, by SRT: MPEG-TS.
    Srt {
        /// `srt://host:port`.
        url: String,
        /// Whether a passphrase is stored.
        has_passphrase: bool,
        /// Whether a stream id is stored.
        has_stream_id: bool,
        /// What the far side waits for lost packets, milliseconds.
        latency_ms: u32,
    },
    /// Files on the box.
    File {
        /// What they are written to.
        medium: Medium,
        /// Name of a folder among the box's files.
        folder: String,
        /// Format.
        container: Container,
        /// A new file begins after so many minutes.
        part_minutes: u32,
        /// All files of the folder together have no more megabytes: the oldest go.
        keep_mb: u64,
        /// So many megabytes stay free on the medium.
        leave_mb: u64,
    },
}

/// A destination as a person wrote it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct DestinationDraft {
    /// Its id, on POST only; made from its name where absent.
    #[serde(default)]
    pub id: Option<DestinationId>,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// Whether it takes part in a broadcast.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
    /// Longest session, hours, 1 to 480: before it is over, a planned one follows at a quiet cue. None where the
    /// platform sets no limit.
    #[serde(default)]
    pub renew_hours: Option<u32>,
    /// What it is; without a `kind` it is `rtmp`. PUT of another kind forgets the secrets of the one before.
    #[serde(flatten, deserialize_with = "kind_or_rtmp")]
    pub kind: DestinationKindDraft,
}

/// Kinds of destination, as a person writes them.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DestinationKindDraft {
    /// A platform, by RTMP or RTMPS.
    Rtmp {
        /// Server address, for example `rtmps://live.example.org/app`.
        url: String,
        /// Stream key, up to 512 characters; PUT without it keeps the stored one, an empty one removes it.
        #[serde(default)]
        #[schema(value_type = Option<String>, write_only)]
        key: Option<Secret>,
        /// Certificates, PEM, of the authority that alone is trusted for this address, up to 32 KiB; none or an empty
        /// text for those that the box trusts.
        #[serde(default)]
        authority: Option<String>,
    },
    /// A listener, by SRT: MPEG-TS.
    Srt {
        /// `srt://host:port`.
        url: String,
        /// Passphrase, 10 to 79 characters; PUT without it keeps the stored one, an empty one removes it.
        #[serde(default)]
        #[schema(value_type = Option<String>, write_only)]
        passphrase: Option<Secret>,
        /// Stream id, up to 512 bytes; PUT without it keeps the stored one, an empty one removes it.
        #[serde(default)]
        #[schema(value_type = Option<String>, write_only)]
        stream_id: Option<Secret>,
        /// What the far side waits for lost packets, milliseconds, 20 to 8000; 1000 where absent.
        #[serde(default)]
        latency_ms: Option<u32>,
    },
    /// Files on the box.
    File {
        /// What they are written to; the card where absent.
        #[serde(default)]
        medium: Medium,
        /// Name of a folder among the box's files, 1 to 64 of a-z, 0-9, - and _.
        folder: String,
        /// Format.
        container: Container,
        /// A new file begins after so many minutes, 1 to 240; 10 where absent.
        #[serde(default)]
        part_minutes: Option<u32>,
        /// All files of the folder together have no more megabytes, 10 to 100,000,000; 20,000 where absent.
        #[serde(default)]
        keep_mb: Option<u64>,
        /// So many megabytes stay free on the medium, 1 to 1,000,000; 1000 where absent.
        #[serde(default)]
        leave_mb: Option<u64>,
    },
}

fn yes() -> bool {
    true
}

/// What a platform takes, by the page that it publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlatformDoc {
    /// Which.
    pub platform: Platform,
    /// Its name.
    pub name: String,
    /// Its server address; none where everybody has their own.
    #[schema(required)]
    pub url: Option<String>,
    /// Hosts that belong to it; one that begins with a dot stands for every name below.
    pub hosts: Vec<String>,
    /// Rates of the picture by its size, smallest first; empty where no limit is known. The first that holds a format
    /// is for it, and the last one for all that are larger.
    pub bands: Vec<Band>,
    /// Highest rate of the sound, kilobits per second; none where no limit is known.
    #[schema(required)]
    pub audio_kbps_max: Option<u32>,
    /// Seconds between keyframes that it asks for.
    pub keyframe_s: u32,
    /// The page that says so; empty where there is none.
    pub source: String,
    /// The day on which it was read, `YYYY-MM-DD`; empty where there is none.
    pub looked_up: String,
}

impl From<&Terms> for PlatformDoc {
    fn from(terms: &Terms) -> PlatformDoc {
        PlatformDoc {
            platform: terms.platform,
            name: terms.name.to_owned(),
            url: terms.url.map(str::to_owned),
            hosts: terms.hosts.iter().map(|host| (*host).to_owned()).collect(),
            bands: terms.bands.to_vec(),
            audio_kbps_max: terms.audio_kbps_max,
            keyframe_s: terms.keyframe_s,
            source: terms.source.to_owned(),
            looked_up: terms.looked_up.to_owned(),
        }
    }
}
