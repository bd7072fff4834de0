//! Destinations: where the program goes.

use super::{Wrongs, check};
use crate::id::DestinationId;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};

/// One platform that receives the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Destination {
    /// Its id.
    pub id: DestinationId,
    /// Its name, as the operator reads it; 1 to 100 characters.
    pub name: String,
    /// Server address, for example `rtmps://live.example.org/app`.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub url: RtmpUrl,
    /// Stream key; empty where the address holds all.
    #[serde(default)]
    pub key: Secret,
    /// Whether it takes part in a broadcast. May change while on air.
    pub enabled: bool,
}

impl Destination {
    /// Whether its texts are in their limits.
    pub fn check(&self) -> Result<(), Wrongs> {
        check::destination(self)
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
}
