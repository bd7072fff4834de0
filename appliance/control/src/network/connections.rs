//! What NetworkManager is given: our access point, and a Wi-Fi to join (nm-settings-dbus(5)).

use super::manager::{ACCESS_POINT, Settings};
use super::{ADDRESS, PREFIX};
use automation::secret::Secret;
use automation::wifi::Security;
use std::collections::HashMap;
use zbus::Variant;

/// A section.
fn section<'a, const N: usize>(values: [(&'a str, Variant<'a>); N]) -> HashMap<&'a str, Variant<'a>> {
    HashMap::from(values)
}

/// The access point. On 2.4 GHz, which every telephone and every radio of a Raspberry Pi has, in every country.
pub(super) fn access_point<'a>(name: &'a str, password: Option<&'a Secret>) -> Settings<'a> {
    let address = section([("address", ADDRESS.to_string().into()), ("prefix", PREFIX.into())]);
    let mut settings = HashMap::from([
        (
            "connection",
            section([("id", ACCESS_POINT.into()), ("type", "802-11-wireless".into()), ("autoconnect", false.into())]),
        ),
        (
            "802-11-wireless",
            section([("ssid", name.as_bytes().to_vec().into()), ("mode", "ap".into()), ("band", "bg".into())]),
        ),
        ("ipv4", section([("method", "shared".into()), ("address-data", vec![address].into())])),
        ("ipv6", section([("method", "disabled".into())])),
    ]);
    if let Some(password) = password {
        let security = section([
            ("key-mgmt", "wpa-psk".into()),
            ("psk", password.expose().into()),
            ("proto", vec!["rsn"].into()),
            ("pairwise", vec!["ccmp"].into()),
            ("group", vec!["ccmp"].into()),
            // WPA2 and nothing newer beside it (`NM_SETTING_WIRELESS_SECURITY_PMF_DISABLE`): radios of a Raspberry Pi announce
            // WPA3 as access points and do not do it, and then nobody joins.
            ("pmf", 1_i32.into()),
        ]);
        settings.insert("802-11-wireless-security", security);
    }
    settings
}

/// A Wi-Fi to join. `autoconnect-retries` 0: a venue's network may come hours after the box.
pub(super) fn wifi<'a>(
    id: &'a str,
    name: &'a str,
    password: Option<&'a Secret>,
    hidden: bool,
    security: Option<Security>,
) -> Settings<'a> {
    let mut settings = HashMap::from([
        (
            "connection",
            section([
                ("id", name.into()),
                ("uuid", id.into()),
                ("type", "802-11-wireless".into()),
                ("autoconnect", true.into()),
                ("autoconnect-retries", 0_i32.into()),
            ]),
        ),
        (
            "802-11-wireless",
            section([
                ("ssid", name.as_bytes().to_vec().into()),
                ("mode", "infrastructure".into()),
                ("hidden", hidden.into()),
            ]),
        ),
        ("ipv4", section([("method", "auto".into())])),
        ("ipv6", section([("method", "auto".into())])),
    ]);
    let management = match (password, security) {
        (Some(_), Some(Security::Sae)) => Some("sae"),
        (Some(_), _) => Some("wpa-psk"),
        (None, Some(Security::Enhanced)) => Some("owe"),
        (None, _) => None,
    };
    if let Some(management) = management {
        let mut kept = section([("key-mgmt", management.into())]);
        if let Some(password) = password {
            kept.insert("psk", password.expose().into());
        }
        settings.insert("802-11-wireless-security", kept);
    }
    settings
}
