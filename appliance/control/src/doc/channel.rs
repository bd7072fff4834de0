//! Channels.

use super::{DestinationDoc, LiveDoc, ManualDoc, SourceDoc};
use automation::id::{AssetId, ChannelId, TimelineId};
use automation::spec::platform::{Output, TooLow};
use automation::spec::{Failover, House, Messages, SoundFrom};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// What a channel shall be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChannelDoc {
    /// Its id.
    pub id: ChannelId,
    /// Its name; the venue's name on the slate.
    pub name: String,
    /// Format of its program; fixed while a broadcast runs.
    pub house: House,
    /// What is sent: the format, capped by the strictest destination that takes part; fixed while a broadcast runs.
    pub output: Output,
    /// Destinations that ask for more than is sent.
    pub too_low: Vec<TooLow>,
    /// What happens when a source is lost.
    pub failover: Failover,
    /// What the audience is told.
    pub messages: Messages,
    /// The source that is heard with every live picture; none is the sound of the picture's own source.
    #[schema(required)]
    pub sound: Option<SoundFrom>,
    /// The picture of its slate, instead of the name; none is the slate of text.
    #[schema(required)]
    pub slate_picture: Option<AssetId>,
    /// The timeline that is loaded.
    #[schema(required)]
    pub timeline: Option<TimelineId>,
    /// Its sources.
    pub sources: Vec<SourceDoc>,
    /// Its destinations.
    pub destinations: Vec<DestinationDoc>,
    /// What a person has put on air by hand.
    #[schema(required)]
    pub manual: Option<ManualDoc>,
    /// Whether a person has cleared what lies over the picture: nothing does until it is brought back.
    pub overlays_cleared: bool,
    /// The broadcast, while one runs.
    #[schema(required)]
    pub live: Option<LiveDoc>,
}

/// A new channel.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelDraft {
    /// Its id; made from its name where absent.
    #[serde(default)]
    pub id: Option<ChannelId>,
    /// Its name, 1 to 100 characters.
    pub name: String,
    /// Format of its program; where absent 1080p30 at 4500 kbit/s, and on the image 720p30 at 3000.
    #[serde(default)]
    pub house: Option<House>,
}

/// Changes of a channel; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelPatch {
    /// Its name, 1 to 100 characters.
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// Format of its program; refused while a broadcast runs.
    #[schema(nullable = false)]
    pub house: Option<House>,
    /// What happens when a source is lost.
    #[schema(nullable = false)]
    pub failover: Option<Failover>,
    /// What the audience is told.
    #[schema(nullable = false)]
    pub messages: Option<Messages>,
    /// The source that is heard with every live picture; `null` is the sound of the picture's own source.
    #[serde(default, deserialize_with = "told")]
    #[schema(value_type = Option<SoundFrom>)]
    pub sound: Option<Option<SoundFrom>>,
    /// The picture of its slate: a PNG or JPEG of the library; `null` is the slate of text.
    #[serde(default, deserialize_with = "told")]
    #[schema(value_type = Option<AssetId>)]
    pub slate_picture: Option<Option<AssetId>>,
    /// The timeline to load; `null` unloads.
    #[serde(default, deserialize_with = "told")]
    #[schema(value_type = Option<TimelineId>)]
    pub timeline: Option<Option<TimelineId>>,
}

/// Tells `null` from absent.
fn told<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}
