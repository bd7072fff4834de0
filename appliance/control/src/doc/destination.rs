//! Destinations.

use automation::id::DestinationId;
use automation::secret::Secret;
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
