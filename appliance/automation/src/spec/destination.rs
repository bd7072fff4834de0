//! Destinations: where the program goes.

use super::{Platform, Wrongs, check};
use crate::id::DestinationId;
use crate::secret::Secret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

/// One place that receives the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Destination {
    /// Its id.
    pub id: DestinationId,
    /// Its name, as the operator reads it; 1 to 100 characters.
    pub name: String,
    /// Whether it takes part in a broadcast. May change while on air.
    pub enabled: bool,
    /// Longest session, hours, 1 to 480: before it is over, a planned one follows at a quiet cue (D-18). None where the
    /// platform sets no limit.
    #[serde(default)]
    pub renew_hours: Option<u32>,
    /// What it is.
    #[serde(flatten, deserialize_with = "kind_or_rtmp")]
    pub kind: DestinationKind,
}

/// The kinds of destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum DestinationKind {
    /// A platform, by RTMP or RTMPS. What is meant where no kind is named.
    Rtmp {
        /// Server address, for example `rtmps://live.example.org/app`.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        url: RtmpUrl,
        /// Stream key; empty where the address holds all.
        #[serde(default)]
        key: Secret,
        /// Certificates, PEM, of the authority that alone is trusted for this address; none for those that the box
        /// trusts. Up to 32 KiB.
        #[serde(default)]
        authority: Option<String>,
    },
    /// A listener, by SRT: MPEG-TS.
    Srt {
        /// `srt://host:port`.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        url: SrtUrl,
        /// Passphrase, 10 to 79 characters; empty for none.
        #[serde(default)]
        passphrase: Secret,
        /// Stream id, up to 512 bytes; empty for none. It may hold a password, so it is kept like one.
        #[serde(default)]
        stream_id: Secret,
        /// What the far side waits for lost packets, milliseconds, 20 to 8000.
        #[serde(default = "srt_latency")]
        latency_ms: u32,
    },
    /// Files on the box.
    File {
        /// What they are written to.
        #[serde(default)]
        medium: Medium,
        /// Name of a folder among the box's files, for example `evenings`.
        folder: String,
        /// Format.
        container: Container,
        /// A new file begins after so many minutes, 1 to 240.
        #[serde(default = "part_minutes")]
        part_minutes: u32,
        /// All files of the folder together have no more megabytes (10^6 bytes): the oldest go. 10 to 100,000,000.
        #[serde(default = "keep_mb")]
        keep_mb: u64,
        /// So many megabytes stay free on the medium, 1 to 1,000,000.
        #[serde(default = "leave_mb")]
        leave_mb: u64,
    },
}

/// Formats of files. Both can be read up to where a power cut broke them off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Container {
    /// MPEG-TS.
    Ts,
    /// MP4 in fragments of 2 s.
    Mp4,
}

/// What files are written to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Medium {
    /// What the box itself runs from.
    #[default]
    Card,
    /// The disk for recordings, which may be pulled out and put back at any time.
    Disk,
}

/// What an SRT listener waits for lost packets where nothing else is said, milliseconds: four times a long way's
/// round trip.
pub const SRT_LATENCY_MS_DEFAULT: u32 = 1_000;
/// Minutes of a file where nothing else is said.
pub const PART_MINUTES_DEFAULT: u32 = 10;
/// Megabytes of a folder where nothing else is said: about 10 hours of 1080p30.
pub const KEEP_MB_DEFAULT: u64 = 20_000;
/// Megabytes that stay free where nothing else is said.
pub const LEAVE_MB_DEFAULT: u64 = 1_000;

fn srt_latency() -> u32 {
    SRT_LATENCY_MS_DEFAULT
}

fn part_minutes() -> u32 {
    PART_MINUTES_DEFAULT
}

fn keep_mb() -> u64 {
    KEEP_MB_DEFAULT
}

fn leave_mb() -> u64 {
    LEAVE_MB_DEFAULT
}

/// For the flattened kind of a destination: RTMP where none is named.
pub fn kind_or_rtmp<'de, D: Deserializer<'de>, K: DeserializeOwned>(from: D) -> Result<K, D::Error> {
    let mut fields = serde_json::Map::deserialize(from)?;
    fields.entry("kind").or_insert_with(|| "rtmp".into());
    K::deserialize(serde_json::Value::Object(fields)).map_err(serde::de::Error::custom)
}

impl Destination {
    /// Whether its texts and numbers are in their limits.
    pub fn check(&self) -> Result<(), Wrongs> {
        check::destination(self)
    }

    /// The platform that its address belongs to.
    pub fn platform(&self) -> Platform {
        match &self.kind {
            DestinationKind::Rtmp { url, .. } => Platform::of(url),
            DestinationKind::Srt { .. } | DestinationKind::File { .. } => Platform::Custom,
        }
    }
}

/// An `rtmp://` or `rtmps://` address with host and application, without user and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RtmpUrl {
    text: String,
    host: String,
    port: u16,
    tls: bool,
}

/// Why a text is no RTMP address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address must look like rtmp://host/app or rtmps://host/app: {0}")]
pub struct BadUrl(pub &'static str);

/// Why a text is no SRT address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address must look like srt://host:port: {0}")]
pub struct BadSrtUrl(pub &'static str);

/// Longest address, in bytes.
const URL_BYTES_MAX: usize = 1024;

impl RtmpUrl {
    /// Parses an address.
    pub fn parse(text: &str) -> Result<RtmpUrl, BadUrl> {
        if text.len() > URL_BYTES_MAX {
            return Err(BadUrl("it is longer than 1024 characters"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(BadUrl("it holds a space"));
        }
        let (tls, rest) = match (text.strip_prefix("rtmp://"), text.strip_prefix("rtmps://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(BadUrl("it begins with neither rtmp:// nor rtmps://")),
        };
        let (authority, path) = rest.split_once('/').ok_or(BadUrl("the application after the host is missing"))?;
        if path.is_empty() {
            return Err(BadUrl("the application after the host is missing"));
        }
        if authority.contains('@') {
            return Err(BadUrl("user and password do not belong into it"));
        }
        let (host, port) = split_port(authority)?;
        let port = port.unwrap_or(if tls { 443 } else { 1935 });
        Ok(RtmpUrl { text: text.to_owned(), host, port, tls })
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host name or IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port; 1935 or 443 where none is given.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The application, and the name under which to publish there. The key is the name, whatever characters it has;
    /// without one the address's last part is.
    pub fn application_and_name(&self, key: &Secret) -> (String, String) {
        let after_scheme = self.text.split_once("://").map_or("", |(_, rest)| rest);
        let path = after_scheme.split_once('/').map_or("", |(_, path)| path);
        if !key.is_empty() {
            return (path.trim_end_matches('/').to_owned(), key.expose().to_owned());
        }
        // A slash in a query separates nothing.
        let end = path.find('?').unwrap_or(path.len());
        match path[..end].rfind('/') {
            Some(at) => (path[..at].to_owned(), path[at + 1..].to_owned()),
            None => (path.to_owned(), String::new()),
        }
    }

    /// The address of an application of this server: what RTMP calls `tcUrl`.
    pub fn of_application(&self, application: &str) -> String {
        let server = self.text.match_indices('/').nth(2).map_or(self.text.as_str(), |(at, _)| &self.text[..at]);
        format!("{server}/{application}")
    }

    /// Whether it is RTMP over TLS.
    pub fn tls(&self) -> bool {
        self.tls
    }
}

fn split_port(authority: &str) -> Result<(String, Option<u16>), BadUrl> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(BadUrl("the bracket of the IPv6 address is not closed"))?;
        if !after.is_empty() && !after.starts_with(':') {
            return Err(BadUrl("after the bracket of the IPv6 address there may only be a port"));
        }
        (host, after.strip_prefix(':'))
    } else {
        match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    if host.is_empty() {
        return Err(BadUrl("the host is missing"));
    }
    let port = match port {
        None => None,
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return Err(BadUrl("the port is no number from 1 to 65535")),
        },
    };
    Ok((host.to_owned(), port))
}

impl TryFrom<String> for RtmpUrl {
    type Error = BadUrl;
    fn try_from(text: String) -> Result<RtmpUrl, BadUrl> {
        RtmpUrl::parse(&text)
    }
}

impl From<RtmpUrl> for String {
    fn from(url: RtmpUrl) -> String {
        url.text
    }
}

/// An `srt://` address with host and port, and nothing else: what else there is to say has its own fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SrtUrl {
    text: String,
    host: String,
    port: u16,
}

impl SrtUrl {
    /// Parses an address.
    pub fn parse(text: &str) -> Result<SrtUrl, BadSrtUrl> {
        if text.len() > URL_BYTES_MAX {
            return Err(BadSrtUrl("it is longer than 1024 characters"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(BadSrtUrl("it holds a space"));
        }
        let rest = text.strip_prefix("srt://").ok_or(BadSrtUrl("it does not begin with srt://"))?;
        if rest.contains('?') {
            return Err(BadSrtUrl("stream id, passphrase and latency have their own fields"));
        }
        if rest.contains(['@', '/', '#']) {
            return Err(BadSrtUrl("behind the port there may be nothing"));
        }
        let (host, port) = split_port(rest).map_err(|bad| BadSrtUrl(bad.0))?;
        let port = port.ok_or(BadSrtUrl("the port is missing"))?;
        Ok(SrtUrl { text: text.to_owned(), host, port })
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host name or IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// UDP port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl TryFrom<String> for SrtUrl {
    type Error = BadSrtUrl;
    fn try_from(text: String) -> Result<SrtUrl, BadSrtUrl> {
        SrtUrl::parse(&text)
    }
}

impl From<SrtUrl> for String {
    fn from(url: SrtUrl) -> String {
        url.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn application_and_name_of_an_address_and_a_key() {
        let check = |url: &str, key: &str, application: &str, name: &str| {
            let found = RtmpUrl::parse(url).expect("an address").application_and_name(&Secret::new(key));
            assert_eq!(found, (application.to_owned(), name.to_owned()), "{url} {key}");
            let address = RtmpUrl::parse(url).expect("an address").of_application(application);
            assert!(url.starts_with(&address) && address.ends_with(application), "{address}");
        };
        check("rtmp://h/live", "abc", "live", "abc");
        check("rtmp://h/live/", "abc", "live", "abc");
        check("rtmps://h:443/app/instance", "a/b?c=d&e=f/g#h", "app/instance", "a/b?c=d&e=f/g#h");
        check("rtmp://h/app?auth=x", "abc", "app?auth=x", "abc");
        check("rtmp://[::1]:1935/live/abc", "", "live", "abc");
        check("rtmp://h/app/instance/abc?token=x/y", "", "app/instance", "abc?token=x/y");
        check("rtmp://h/live", "", "live", "");
    }

    #[test]
    fn addresses_of_srt() {
        let url = SrtUrl::parse("srt://[2001:db8::1]:9000").unwrap();
        assert_eq!((url.host(), url.port()), ("2001:db8::1", 9000));
        assert!(SrtUrl::parse("srt://live.example.org:1").is_ok());
        for (text, why) in [
            ("rtmp://h/a", "it does not begin with srt://"),
            ("srt://h", "the port is missing"),
            ("srt://:9000", "the host is missing"),
            ("srt://h:9000?streamid=a", "stream id, passphrase and latency have their own fields"),
            ("srt://h:9000/a", "behind the port there may be nothing"),
            ("srt://h:0", "the port is no number from 1 to 65535"),
            ("srt://h: 9000", "it holds a space"),
        ] {
            assert_eq!(SrtUrl::parse(text), Err(BadSrtUrl(why)), "{text}");
        }
    }

    #[test]
    fn without_a_kind_it_is_rtmp_and_what_is_unknown_is_refused() {
        let parse = |text: &str| serde_json::from_str::<Destination>(text);
        let plain = parse(r#"{"id": "a", "name": "A", "url": "rtmp://h/live", "key": "k", "enabled": true}"#).unwrap();
        assert!(matches!(&plain.kind, DestinationKind::Rtmp { key, authority: None, .. } if key.expose() == "k"));
        assert_eq!(parse(&serde_json::to_string(&plain).unwrap()).unwrap(), plain);
        let file =
            parse(r#"{"id": "f", "name": "F", "enabled": true, "kind": "file", "folder": "x", "container": "ts"}"#);
        assert!(matches!(file.unwrap().kind, DestinationKind::File { part_minutes: PART_MINUTES_DEFAULT, .. }));
        for wrong in [
            r#"{"id": "a", "name": "A", "url": "rtmp://h/live", "enabled": true, "keys": "k"}"#,
            r#"{"id": "a", "name": "A", "url": "srt://h:1", "enabled": true}"#,
            r#"{"id": "a", "name": "A", "kind": "srt", "url": "srt://h:1", "key": "k", "enabled": true}"#,
            r#"{"id": "a", "name": "A", "kind": "whip", "enabled": true}"#,
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
