//! The box's network: its interfaces, the access point of its own, Wi-Fi networks, the radio's country.

use automation::fault::Fault;
use automation::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworkDoc {
    /// Whether the box keeps its network itself. On a machine of somebody else's it does not, and all else here is empty.
    pub own: bool,
    /// What the box is connected by, the best first.
    pub interfaces: Vec<InterfaceDoc>,
    /// The Wi-Fi of the box's own; none where it has no radio for that.
    #[schema(required)]
    pub access_point: Option<AccessPointDoc>,
    /// Wi-Fi networks that are in reach, or that the box knows: known ones first, then the strongest. While the access point is
    /// up they are those that were in reach before.
    pub wifi: Vec<WifiDoc>,
    /// What became of the Wi-Fi that was chosen last.
    pub attempt: AttemptDoc,
    /// Whose radio rules are in force, two capital letters; none where nobody said, so that only what is allowed everywhere is
    /// used.
    #[schema(required)]
    pub country: Option<String>,
}

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InterfaceDoc {
    /// Its name in the system.
    pub name: String,
    /// What it is.
    pub kind: InterfaceKind,
    /// What it does.
    pub state: InterfaceState,
    /// The Wi-Fi that it is in.
    #[schema(required)]
    pub network: Option<String>,
    /// Its addresses, without those that only its own link knows.
    pub addresses: Vec<String>,
    /// Whether what leaves the house leaves by it.
    pub used: bool,
}

/// Kinds of interface. A cable comes before Wi-Fi, and that before a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InterfaceKind {
    /// A network cable.
    Cable,
    /// Wi-Fi.
    Wifi,
    /// A telephone by USB, or a modem.
    Phone,
}

/// What an interface does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InterfaceState {
    /// Nobody is at its other end, or it is switched off.
    Unplugged,
    /// It could be used, and is not.
    Idle,
    /// It is getting its address.
    Connecting,
    /// It has its address.
    Connected,
    /// It is the box's own access point.
    AccessPoint,
}

/// The Wi-Fi of the box's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessPointDoc {
    /// Whether it is there now: it comes where the box has no network.
    pub up: bool,
    /// What it is called.
    pub name: String,
    /// Where the page is for who has joined it.
    pub page: String,
    /// Whether it asks for a password, which `bandstand.toml` has given.
    pub password: bool,
}

/// A Wi-Fi network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WifiDoc {
    /// What it is called.
    pub ssid: String,
    /// How strong it is, percent; none where it is not in reach.
    #[schema(required)]
    pub strength: Option<u8>,
    /// How it is kept; none where it is not in reach.
    #[schema(required)]
    pub security: Option<WifiSecurity>,
    /// By what the box forgets it; none where the box does not know it.
    #[schema(required)]
    pub saved: Option<String>,
    /// Whether the box is in it.
    pub active: bool,
}

/// How a Wi-Fi network is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WifiSecurity {
    /// Anybody may join.
    Open,
    /// Who knows its password may join.
    Password,
    /// By other means, such as a user of one's own: the box cannot join it.
    Other,
}

/// What became of the Wi-Fi that was chosen last, since Bandstand was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AttemptDoc {
    /// None was chosen.
    #[default]
    None,
    /// It is being joined.
    Joining {
        /// What it is called.
        ssid: String,
    },
    /// It was joined.
    Joined {
        /// What it is called.
        ssid: String,
    },
    /// It was not, and is not kept.
    Failed {
        /// What it is called.
        ssid: String,
        /// Why.
        fault: Fault,
    },
}

/// A Wi-Fi network to join.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WifiDraft {
    /// What it is called, 1 to 32 bytes.
    pub ssid: String,
    /// Its password, 8 to 63 characters; none for an open network, and for one that the box knows.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Whether it does not tell its name.
    #[serde(default)]
    pub hidden: bool,
    /// Whose radio rules shall be in force, two capital letters; none to leave them as they are.
    #[serde(default)]
    pub country: Option<String>,
}
