//! The button and the lamp on the box.

use automation::id::ChannelId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where they are connected, and which channel they are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PanelDoc {
    /// The channel.
    pub channel: ChannelId,
    /// Name of the line that the button is at, for example `GPIO17`.
    #[serde(default)]
    pub button: Option<String>,
    /// Whether pressing connects it to 3.3 V instead of to ground.
    #[serde(default)]
    pub button_high: bool,
    /// Name of the line that the lamp is at.
    #[serde(default)]
    pub lamp: Option<String>,
    /// Whether the lamp is lit when the line is low.
    #[serde(default)]
    pub lamp_low: bool,
}

/// The same, and what is the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PanelStatusDoc {
    /// What is wished; none where there is neither.
    #[schema(required)]
    pub panel: Option<PanelDoc>,
    /// Why it does not work, for the operator.
    #[schema(required)]
    pub fault: Option<String>,
    /// Names of the lines that this board has.
    pub lines: Vec<String>,
}
