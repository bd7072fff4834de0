//! What the door admits.

use crate::id::ChannelId;
use serde::{Deserialize, Serialize};

/// The spec of `ingest`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestSpec {
    /// Rises by one with every change; older is refused.
    pub generation: u64,
    /// Streams that may be published.
    pub streams: Vec<IngestStream>,
}

/// One stream that may be published, by whoever knows its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestStream {
    /// Name: `<channel>_obs` or `<channel>_loop`; with a number where a channel has several.
    pub name: String,
    /// The channel that it belongs to.
    pub channel: ChannelId,
    /// SHA-256 of the token, 64 lower-case hexadecimal digits. The token itself never gets here.
    pub token_sha256: String,
}
