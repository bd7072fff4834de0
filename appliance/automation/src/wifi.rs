//! Wi-Fi networks: what they are called, how they are kept, and why one was not joined.

use crate::fault::Code;

/// Bytes of a network's name (IEEE 802.11-2020, 9.4.2.2).
const NAME_BYTES_MAX: usize = 32;
/// What the box's own network is called, before its own letters.
const OURS: &str = "Bandstand-";

/// What the box's own access point is called: by the letters of the box's name.
pub fn own_name(host: &str) -> String {
    let host = host.split('.').next().unwrap_or_default();
    let ours = OURS.to_lowercase();
    let letters = host.to_lowercase().strip_prefix(&ours).map(str::to_uppercase).unwrap_or_else(|| host.to_owned());
    let letters: String = letters.chars().filter(char::is_ascii_graphic).take(NAME_BYTES_MAX - OURS.len()).collect();
    if letters.is_empty() { OURS.trim_end_matches('-').to_owned() } else { format!("{OURS}{letters}") }
}

/// Whether a network may be called so.
pub fn name_fits(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// Whether this may be a password: 8 to 63 characters of ASCII, or the key itself in 64 hexadecimal digits
/// (IEEE 802.11-2020, annex J.4.1).
pub fn password_fits(password: &str) -> bool {
    let phrase = (8..=63).contains(&password.len()) && password.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    phrase || password.len() == 64 && password.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether this is a country's code: two capital letters (ISO 3166-1 alpha-2).
pub fn country_fits(country: &str) -> bool {
    country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// How a network is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Anybody may join, and everybody may listen.
    Open,
    /// Anybody may join, and nobody may listen (OWE).
    Enhanced,
    /// Who knows the password may join: WPA and WPA2.
    Password,
    /// The same by WPA3 alone (SAE).
    Sae,
    /// By a name and a password of one's own, or not at all any more (WEP): neither can be joined by the page.
    Other,
}

/// How an access point is kept, by the flags that NetworkManager has of it (`NM80211ApFlags`, `NM80211ApSecurityFlags`).
pub fn security(flags: u32, wpa: u32, rsn: u32) -> Security {
    const PRIVACY: u32 = 0x1;
    const PSK: u32 = 0x100;
    const SAE: u32 = 0x400;
    const OWE: u32 = 0x800;
    let any = wpa | rsn;
    match any {
        _ if any & PSK != 0 => Security::Password,
        _ if any & SAE != 0 => Security::Sae,
        _ if any & OWE != 0 => Security::Enhanced,
        0 if flags & PRIVACY == 0 => Security::Open,
        _ => Security::Other,
    }
}

/// Why a network was not joined, from what NetworkManager says of its device (`NMDeviceStateReason`).
pub fn not_joined(reason: u32) -> Code {
    match reason {
        // No secrets: those that there were are wrong.
        7 => Code::WifiPasswordWrong,
        53 => Code::WifiNotFound,
        // The network answers, and gives no address: IP_CONFIG_UNAVAILABLE, IP_CONFIG_EXPIRED, DHCP_*.
        5 | 6 | 15..=17 => Code::WifiNoAddress,
        _ => Code::WifiNotJoined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_point_is_called_as_the_box_is() {
        let check = |host: &str, expected: &str| assert_eq!(own_name(host), expected, "{host}");
        check("bandstand-3f7a", "Bandstand-3F7A");
        check("Bandstand-3f7a.local", "Bandstand-3F7A");
        check("hall", "Bandstand-hall");
        check("", "Bandstand");
        check("bandstand-", "Bandstand");
        check(&"x".repeat(60), &format!("Bandstand-{}", "x".repeat(22)));
        assert!(name_fits(&own_name(&"ü".repeat(60))));
    }

    #[test]
    fn names_passwords_and_countries() {
        let names = ["a", "Hä", "", "a\nb"].map(name_fits);
        assert_eq!(names, [true, true, false, false]);
        assert!(name_fits(&"x".repeat(32)) && !name_fits(&"ü".repeat(17)));
        let key = "0123456789abcdef".repeat(4);
        for (password, fits) in [("correct horse", true), ("1234567", false), ("pässword", false), (key.as_str(), true)]
        {
            assert_eq!(password_fits(password), fits, "{password}");
        }
        assert!(password_fits(&"x".repeat(63)) && !password_fits(&"x".repeat(64)));
        assert_eq!(["GB", "gb", "G", "GBR"].map(country_fits), [true, false, false, false]);
    }

    #[test]
    fn how_a_network_is_kept() {
        let check = |flags, wpa, rsn, expected| assert_eq!(security(flags, wpa, rsn), expected, "{flags} {wpa} {rsn}");
        check(0, 0, 0, Security::Open);
        check(1, 0, 0, Security::Other);
        check(1, 0, 0x188, Security::Password);
        check(1, 0x144, 0, Security::Password);
        check(1, 0, 0x588, Security::Password);
        check(1, 0, 0x488, Security::Sae);
        check(1, 0, 0x288, Security::Other);
        check(0, 0, 0x888, Security::Enhanced);
    }

    #[test]
    fn why_one_was_not_joined() {
        let reasons = [7, 53, 5, 17, 11, 0].map(not_joined);
        let expected = [
            Code::WifiPasswordWrong,
            Code::WifiNotFound,
            Code::WifiNoAddress,
            Code::WifiNoAddress,
            Code::WifiNotJoined,
            Code::WifiNotJoined,
        ];
        assert_eq!(reasons, expected);
    }
}
