//! Destinations.

use automation::id::DestinationId;
use automation::secret::Secret;
use automation::spec::Platform;
use automation::spec::platform::{Band, Terms};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One platform that receives the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DestinationDoc {
    /// Its id.
    pub id: DestinationId,
    /// Its name.
    pub name: String,
    /// Server address, `rtmp://` or `rtmps://`.
    pub url: String,
    /// The platform that its address belongs to.
    pub platform: Platform,
    /// Whether a stream key is stored. The key itself never comes back.
    pub has_key: bool,
    /// Whether it takes part in a broadcast.
    pub enabled: bool,
}

/// A destination as a person wrote it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct DestinationDraft {
    /// Its id, on POST only; made from its name where absent.
    #[serde(default)]
    pub id: Option<DestinationId>,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// Server address, for example `rtmps://live.example.org/app`.
    pub url: String,
    /// Stream key, up to 512 characters; PUT without it keeps the stored one.
    #[serde(default)]
    #[schema(value_type = Option<String>, write_only)]
    pub key: Option<Secret>,
    /// Whether it takes part in a broadcast.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
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
