//! Addresses of cameras: `http://host[:port]/path`, without user, password and fragment.

use std::net::IpAddr;

/// Longest address, bytes; the longest that cameras give is far below.
pub const URL_BYTES_MAX: usize = 1024;
/// Path of the device service where none is said (ONVIF Core Specification 5.1.1).
pub const DEVICE_PATH: &str = "/onvif/device_service";

/// An address that can be asked over HTTP (RFC 3986). It holds nothing that could end a line or a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Name, IPv4 address, or IPv6 address in brackets.
    host: String,
    port: u16,
    /// Path with its query; begins with a slash.
    path: String,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadUrl(&'static str);

impl Url {
    /// Parses `http://host[:port][/path]`.
    pub fn parse(text: &str) -> Result<Url, BadUrl> {
        Url::of_scheme(text, "http://", 80)
    }

    /// Parses what a person wrote: an address, or only a host with or without its port.
    pub fn of_person(text: &str) -> Result<Url, BadUrl> {
        let text = text.trim();
        if text.contains("://") {
            let url = Url::parse(text)?;
            return Ok(if url.path == "/" { url.with_path(DEVICE_PATH) } else { url });
        }
        if text.contains('/') {
            return Err(BadUrl("write http:// before an address with a path"));
        }
        // An IPv6 address is written without its brackets more often than with them.
        let bare = text.parse::<std::net::Ipv6Addr>().map(|address| format!("[{address}]"));
        Ok(Url::parse(&format!("http://{}", bare.as_deref().unwrap_or(text)))?.with_path(DEVICE_PATH))
    }

    /// Parses the address of a camera's stream: `rtsp://…` (RFC 2326, section 3.2), or `rtsps://…` with TLS (RFC 7826,
    /// section 4.2).
    pub fn of_stream(text: &str) -> Result<Url, BadUrl> {
        Url::of_scheme(text, "rtsp://", 554).or_else(|_| Url::of_scheme(text, "rtsps://", 322))
    }

    /// Parses an address of another scheme, such as `rtsp://`, whose port is `port` where none is said.
    pub fn of_scheme(text: &str, scheme: &str, port: u16) -> Result<Url, BadUrl> {
        if text.len() > URL_BYTES_MAX {
            return Err(BadUrl("the address is longer than 1024 characters"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            return Err(BadUrl("the address holds a blank or a letter that must be written as %XX"));
        }
        let begins = text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
        let rest = text.get(scheme.len()..).filter(|_| begins);
        let rest = rest.ok_or(BadUrl("the address does not begin as it must, for example with http://"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(BadUrl("user name and password have their own fields"));
        }
        let (host, said) = match authority.rfind(']') {
            Some(bracket) => authority.split_at(bracket + 1),
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match said {
            "" => port,
            said => said.strip_prefix(':').and_then(|said| said.parse().ok()).filter(|port| *port > 0).unwrap_or(0),
        };
        if port == 0 {
            return Err(BadUrl("the port is no number from 1 to 65535"));
        }
        if !sound_host(host) {
            return Err(BadUrl("the host is missing or written wrongly"));
        }
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Url { host: host.to_ascii_lowercase(), port, path })
    }

    /// Name or address of the host; an IPv6 address stands in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path with its query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The host as an address, where it is one and no name.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// The same host and port with another path.
    pub fn with_path(&self, path: &str) -> Url {
        Url { path: path.to_owned(), ..self.clone() }
    }

    /// The same port and path at another host. `host` must be of another [`Url`].
    pub fn at_host_of(&self, other: &Url) -> Url {
        Url { host: other.host.clone(), ..self.clone() }
    }

    /// The same port and path at another host.
    pub fn at_host(&self, host: &str) -> Result<Url, BadUrl> {
        Ok(self.at_host_of(&Url::parse(&format!("http://{host}/"))?))
    }

    /// Its text under a scheme such as `rtsp`, with its port.
    pub fn text_of(&self, scheme: &str) -> String {
        format!("{scheme}://{}:{}{}", self.host, self.port, self.path)
    }

    /// `host:port`, as sockets take it.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text_of("http"))
    }
}

/// A name of RFC 1123, an IPv4 address, or an IPv6 address in brackets, without a zone: zones name our own interfaces.
fn sound_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inside) => inside.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let sound = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.' || b == b'_';
            !host.is_empty() && host.len() <= 253 && host.bytes().all(sound)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let check = |text: &str, expected: &str| assert_eq!(Url::parse(text).unwrap().to_string(), expected);
        check("http://cam.local", "http://cam.local:80/");
        check("HTTP://192.0.2.7:8080/onvif/device_service", "http://192.0.2.7:8080/onvif/device_service");
        check("http://[2001:db8::5]/x?y=1#z", "http://[2001:db8::5]:80/x?y=1");
        check("http://cam?x", "http://cam:80/?x");
    }

    #[test]
    fn what_a_person_writes() {
        let check = |text: &str, expected: &str| assert_eq!(Url::of_person(text).unwrap().to_string(), expected);
        check(" 192.0.2.7 ", "http://192.0.2.7:80/onvif/device_service");
        check("cam:8000", "http://cam:8000/onvif/device_service");
        check("2001:db8::5", "http://[2001:db8::5]:80/onvif/device_service");
        check("http://cam/", "http://cam:80/onvif/device_service");
        check("http://cam/other", "http://cam:80/other");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("http://{}", "a".repeat(URL_BYTES_MAX));
        for text in [
            "",
            "cam",
            "https://cam/",
            "http://",
            "http://:80/",
            "http://cam:0/",
            "http://cam:65536/",
            "http://cam:x/",
            "http://u:p@cam/",
            "http://cam/a b",
            "http://cam/\r\nHost: x",
            "http://[::1",
            "http://[fe80::1%2]/",
            "http://[::1]x/",
            "http://cäm/",
            "http://a\\b/",
            "http://a,b/",
            &long,
        ] {
            assert!(Url::parse(text).is_err(), "{text:?}");
        }
        for text in ["a/b", "ftp://cam", "a b", ""] {
            assert!(Url::of_person(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_stream_has_its_schemes_port() {
        let check = |text: &str, expected: &str| assert_eq!(Url::of_stream(text).unwrap().text_of("x"), expected);
        check("rtsp://cam/live", "x://cam:554/live");
        check("RTSPS://cam/live", "x://cam:322/live");
        check("rtsps://[2001:db8::5]:8322/", "x://[2001:db8::5]:8322/");
        assert!(Url::of_stream("http://cam/").is_err() && Url::of_stream("rtsps://u:p@cam/").is_err());
    }

    #[test]
    fn only_path_and_port_are_a_cameras_own_to_say() {
        let said = Url::parse("http://10.0.0.1:8899/onvif/media").unwrap();
        let ours = Url::parse("http://192.0.2.7/onvif/device_service").unwrap();
        assert_eq!(said.at_host_of(&ours).to_string(), "http://192.0.2.7:8899/onvif/media");
    }
}
