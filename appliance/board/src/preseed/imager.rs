//! `rpi-preseed.toml`: what Raspberry Pi Imager asks before it writes an image (github.com/raspberrypi/rpi-preseed:
//! schema/rpi-preseed.schema and examples/rpi-preseed.toml, version 1.1 of the file).
//!
//! Network, name, time, user and SSH are read; whoever applies them decides what an appliance does with a user. All else is
//! known, not done, and told.

use super::keys::{Keys, Kind, Read};
use super::{Refusal, Secret, is_country, wifi_trouble};
use serde::Deserialize;

/// The file's name on the FAT partition.
pub const FILE: &str = "rpi-preseed.toml";

/// Its keys.
pub const KEYS: Keys = Keys(&[
    ("config_version", Kind::Text),
    ("system.hostname", Kind::Text),
    ("user.name", Kind::Text),
    ("user.password", Kind::Secret),
    ("user.password_encrypted", Kind::Flag),
    ("user.passwordless_sudo", Kind::Unused),
    ("user.groups", Kind::Unused),
    ("ssh.enabled", Kind::Flag),
    ("ssh.password_authentication", Kind::Flag),
    ("ssh.authorized_keys", Kind::Texts),
    ("ssh.ssh_import_id", Kind::Unused),
    ("wlan.ssid", Kind::Text),
    ("wlan.ssid_hex", Kind::Unused),
    ("wlan.password", Kind::Secret),
    ("wlan.password_encrypted", Kind::Flag),
    ("wlan.hidden", Kind::Flag),
    ("wlan.country", Kind::Text),
    ("wlan.key_mgmt", Kind::Text),
    ("ethernet.method", Kind::Text),
    ("ethernet.address", Kind::Text),
    ("ethernet.gateway", Kind::Text),
    ("ethernet.dns", Kind::Texts),
    ("ethernet.interface", Kind::Unused),
    ("locale.timezone", Kind::Text),
    ("locale.keymap", Kind::Text),
    ("locale.locales", Kind::Unused),
    ("locale.lang", Kind::Unused),
    ("locale.lc_time", Kind::Unused),
    ("locale.lc_measurement", Kind::Unused),
    ("locale.keymap_model", Kind::Unused),
    ("locale.keymap_variant", Kind::Unused),
    ("locale.keymap_options", Kind::Unused),
    ("time.ntp", Kind::Texts),
    ("time.fallback_ntp", Kind::Unused),
    ("ca_certificates.files", Kind::Texts),
    ("connect", Kind::Unused),
    ("connect.token", Kind::UnusedSecret),
    ("interfaces", Kind::Unused),
    ("boot", Kind::Unused),
    ("mounts", Kind::Unused),
    ("packages", Kind::Unused),
    ("runcmd", Kind::Unused),
    ("debug", Kind::Unused),
]);

/// What is read of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Imager {
    /// The file's version, such as `1.1`.
    pub config_version: String,
    /// The machine.
    pub system: System,
    /// A person's account.
    pub user: User,
    /// Sign-in from afar.
    pub ssh: Ssh,
    /// A wireless network.
    pub wlan: Option<Wlan>,
    /// The cable.
    pub ethernet: Ethernet,
    /// Place and language.
    pub locale: Locale,
    /// The clock.
    pub time: Time,
    /// Authorities to be trusted.
    pub ca_certificates: CaCertificates,
}

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct System {
    /// Its name in the network: 1 to 63 letters, digits and hyphens (RFC 1123, 2.1).
    pub hostname: Option<String>,
}

/// A person's account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct User {
    /// The name.
    pub name: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The password is a hash, in the form of crypt(5).
    pub password_encrypted: bool,
}

/// Sign-in from afar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Ssh {
    /// It is wanted.
    pub enabled: bool,
    /// By password, too.
    pub password_authentication: bool,
    /// Public keys, one each.
    pub authorized_keys: Vec<String>,
}

/// A wireless network.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Wlan {
    /// Its name.
    pub ssid: String,
    /// Its password; none for an open network.
    pub password: Option<Secret>,
    /// The password is the key made of it.
    #[serde(default)]
    pub password_encrypted: bool,
    /// It does not tell its name.
    #[serde(default)]
    pub hidden: bool,
    /// Whose radio rules hold: two capital letters.
    pub country: Option<String>,
    /// `none`, `owe`, `wpa-psk` or `sae`; without it the password says it.
    pub key_mgmt: Option<String>,
}

/// The cable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Ethernet {
    /// `dhcp`, `static` or `disabled`; `dhcp` where nothing is said.
    pub method: Option<String>,
    /// With the length of its prefix, such as `192.168.1.50/24`.
    pub address: Option<String>,
    /// The router.
    pub gateway: Option<String>,
    /// Name servers.
    pub dns: Vec<String>,
}

/// Place and language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Locale {
    /// Such as `Europe/London`.
    pub timezone: Option<String>,
    /// A keyboard's, such as `gb`.
    pub keymap: Option<String>,
}

/// The clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Time {
    /// Time servers.
    pub ntp: Vec<String>,
}

/// Authorities to be trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CaCertificates {
    /// Files beside this one.
    pub files: Vec<String>,
}

/// Reads the file.
pub fn read(text: &str) -> Result<Read<Imager>, Refusal> {
    let read: Read<Imager> = KEYS.read(text)?;
    let Imager { config_version, system, wlan, ethernet, .. } = &read.value;
    let check = |fits: bool, key: &str, what: &str| if fits { Ok(()) } else { Err(read.refuse(key, what)) };
    check(config_version.starts_with("1."), "config_version", "only versions 1.x are understood")?;
    check(
        system.hostname.as_deref().is_none_or(is_label),
        "system.hostname",
        "a name has letters, digits and hyphens",
    )?;
    if let Some(wlan) = wlan {
        if let Some((key, what)) = wifi_trouble(&wlan.ssid, wlan.password.as_ref()) {
            return Err(read.refuse(&format!("wlan.{key}"), what));
        }
        check(wlan.country.as_deref().is_none_or(is_country), "wlan.country", "a country is two capital letters")?;
        let known = |given: &str| ["none", "owe", "wpa-psk", "sae"].contains(&given);
        check(wlan.key_mgmt.as_deref().is_none_or(known), "wlan.key_mgmt", "it is none, owe, wpa-psk or sae")?;
    }
    let method = ethernet.method.as_deref().unwrap_or("dhcp");
    check(["dhcp", "static", "disabled"].contains(&method), "ethernet.method", "it is dhcp, static or disabled")?;
    check(method != "static" || ethernet.address.is_some(), "ethernet.method", "`static` wants an `address`")?;
    Ok(read)
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Imager writes it, with one key of each part.
    const WRITTEN: &str = r#"config_version = "1.1"
[system]
hostname = "hall"
[user]
name = "alice"
password = "$5$salt$hash"
password_encrypted = true
[ssh]
enabled = true
authorized_keys = ["ssh-ed25519 AAAA alice@laptop"]
[wlan]
ssid = "Hall"
password = "correct horse"
hidden = false
country = "GB"
key_mgmt = "wpa-psk"
[ethernet]
method = "static"
address = "192.168.1.50/24"
dns = ["1.1.1.1"]
[locale]
timezone = "Europe/London"
lang = "en_GB.UTF-8"
[time]
ntp = ["time.cloudflare.com"]
[connect]
enabled = true
token = "c0nnect"
[interfaces]
i2c = true
[novel]
key = 1
"#;

    #[test]
    fn what_imager_writes_is_read_and_the_rest_is_told() {
        let read = read(WRITTEN).unwrap();
        let Imager { system, user, ssh, wlan, ethernet, locale, time, .. } = &read.value;
        assert_eq!((system.hostname.as_deref(), user.name.as_deref()), (Some("hall"), Some("alice")));
        assert!(user.password_encrypted && ssh.enabled && ssh.authorized_keys.len() == 1);
        assert_eq!(wlan.as_ref().unwrap().password, Some(Secret::Text("correct horse".into())));
        assert_eq!((ethernet.address.as_deref(), ethernet.dns.len()), (Some("192.168.1.50/24"), 1));
        assert_eq!((locale.timezone.as_deref(), time.ntp.len()), (Some("Europe/London"), 1));
        let notes: Vec<_> = read.notes.iter().map(|note| (note.line, note.key.as_str())).collect();
        assert_eq!(notes, [(23, "locale.lang"), (26, "connect"), (29, "interfaces"), (31, "novel")]);
        let open = KEYS.without_secrets(WRITTEN).unwrap();
        for secret in ["$5$", "correct horse", "c0nnect"] {
            assert!(!open.contains(secret) && !format!("{read:?}").contains(secret), "{secret}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_line() {
        let check = |text: &str, expected: &str| {
            let refusal = read(&format!("config_version = \"1.1\"\n{text}")).unwrap_err().to_string();
            assert!(refusal.starts_with(expected), "{refusal}");
        };
        check("[system]\nhostname = \"a b\"", "line 3: `system.hostname`: a name");
        check("[wlan]\nssid = \"a\"\nkey_mgmt = \"wep\"", "line 4: `wlan.key_mgmt`: it is");
        check("[ethernet]\nmethod = \"static\"", "line 3: `ethernet.method`: `static` wants");
        check("[ssh]\nenabled = \"yes\"", "line 3: `ssh.enabled` is true or false");
        let refusal = read("config_version = \"2.0\"").unwrap_err().to_string();
        assert_eq!(refusal, "line 1: `config_version`: only versions 1.x are understood");
        assert!(read("").is_err());
    }
}
