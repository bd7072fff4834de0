//! Where the box is, in time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The time zone of the box: timelines that begin every day, and texts that show the time, follow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimeZoneDoc {
    /// The one that was chosen, for example `Europe/London`; none is the machine's own.
    #[schema(required)]
    pub zone: Option<String>,
    /// The machine's own; none where it has none, or its name is not known.
    #[schema(required)]
    pub machine: Option<String>,
    /// Those that the box offers. It knows some more, and old names of many.
    pub zones: Vec<String>,
}

/// A choice of it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeZoneChoice {
    /// A name of the tz database, for example `Europe/London`; none is the machine's own.
    #[serde(default)]
    pub zone: Option<String>,
}
