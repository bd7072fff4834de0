//! What was put on the medium's FAT partition beside the image, so that a box comes up as its owner wants it: [`venue`], our
//! own `bandstand.toml`, and [`imager`], the `rpi-preseed.toml` that Raspberry Pi Imager writes.
//!
//! Pure functions from text to values, and from text to text. A key that is not known is told with its line, and nothing
//! fails for it; a value of another type, or one that cannot be right, is refused with its line. No text of ours repeats a
//! value, since it might be a secret.
//!
//! Secrets are taken out of the file when they have been used ([`keys::Keys::without_secrets`]): each becomes `""`, which is
//! read as [`Secret::Removed`], and every other byte stays. Whoever writes the file back must overwrite its old bytes and
//! not only give a new file its name, or they stay on the medium.

pub mod imager;
pub mod keys;
pub mod venue;

use serde::{Deserialize, Deserializer};
use std::fmt;

/// A file may be so large, in bytes.
pub const BYTES_MAX: usize = 64 * 1024;

/// A password, key or token. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// It was taken out of the file after its use: what is stored is to be kept.
    Removed,
    /// The secret, not empty.
    Text(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Secret::Removed => "Removed",
            Secret::Text(_) => "Text(..)",
        })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        let text = String::deserialize(from)?;
        Ok(if text.is_empty() { Secret::Removed } else { Secret::Text(text) })
    }
}

/// Something to tell the owner, for which nothing fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line, from 1.
    pub line: usize,
    /// The key with its table, such as `wifi.pasword`.
    pub key: String,
    /// What about it.
    pub about: About,
}

/// What there is to tell about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Nobody knows it; perhaps it is misspelt.
    Unknown,
    /// Raspberry Pi Imager knows it, and Bandstand does nothing with it.
    Unused,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = match self.about {
            About::Unknown => "is unknown and was passed over; check its spelling",
            About::Unused => "has no meaning for Bandstand and was passed over",
        };
        write!(f, "line {}: `{}` {about}", self.line, self.key)
    }
}

/// Why a file is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Refusal {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, without any value.
    pub what: String,
}

/// Which country's radio rules hold: two capital letters (ISO 3166-1 alpha-2).
pub(crate) fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// What is wrong with a Wi-Fi network, if anything: an SSID has 1 to 32 bytes (IEEE 802.11-2020, 9.4.2.2), a passphrase 8
/// to 63 characters of ASCII, or it is the key itself in 64 hexadecimal digits (annex J.4.1).
fn wifi_trouble(ssid: &str, password: Option<&Secret>) -> Option<(&'static str, &'static str)> {
    if !(1..=32).contains(&ssid.len()) {
        return Some(("ssid", "a network's name has 1 to 32 bytes"));
    }
    password_trouble(password).map(|what| ("password", what))
}

/// The same of a password alone.
fn password_trouble(password: Option<&Secret>) -> Option<&'static str> {
    let Some(Secret::Text(password)) = password else { return None };
    let phrase = (8..=63).contains(&password.len()) && password.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let key = password.len() == 64 && password.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!phrase && !key).then_some("a Wi-Fi password has 8 to 63 characters without accents")
}
