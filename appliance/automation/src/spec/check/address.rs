//! Rules of addresses. A reason never repeats the text: a password may be in it.

/// Longest address, bytes; the longest that browsers and cameras have agreed on is far below.
const URL_BYTES_MAX: usize = 1024;
/// Longest name of a host, characters (RFC 1035, section 2.3.4).
const HOST_CHARS_MAX: usize = 253;

/// Whether a text is `rtsp://host[:port][/path]` (RFC 2326, section 3.2), or the same with `rtsps` (RFC 7826, section
/// 4.2), without user and password.
pub(super) fn rtsp(url: &str) -> Result<(), &'static str> {
    clean(url)?;
    let rest = url.strip_prefix("rtsp://").or_else(|| url.strip_prefix("rtsps://"));
    let rest = rest.ok_or("it does not begin with rtsp:// or rtsps://")?;
    authority(rest.split(['/', '?', '#']).next().unwrap_or(""))
}

/// Whether a text is `http://host[:port][/path]` (RFC 9110, section 4.2.1) without user and password.
pub(super) fn http(url: &str) -> Result<(), &'static str> {
    clean(url)?;
    let rest = url.strip_prefix("http://").ok_or("it does not begin with http://")?;
    authority(rest.split(['/', '?', '#']).next().unwrap_or(""))
}

/// Whether a text is `host:port`.
pub(super) fn socket(text: &str) -> Result<(), &'static str> {
    clean(text)?;
    if text.contains(['/', '?', '#']) {
        return Err("it holds more than host and port");
    }
    authority(text)?;
    let port = text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if port { Ok(()) } else { Err("the port is missing") }
}

/// Whether a text is `rtmp://host[:port]/app/stream` or `http://host[:port][/path]`, each also with TLS, without user,
/// password and query.
pub(super) fn pull(url: &str) -> Result<(), &'static str> {
    clean(url)?;
    if url.contains(['?', '#']) {
        return Err("what follows the ? has its own field");
    }
    let scheme = ["rtmp://", "rtmps://", "http://", "https://"].into_iter().find(|scheme| url.starts_with(scheme));
    let scheme = scheme.ok_or("it does not begin with http://, https://, rtmp:// or rtmps://")?;
    let rest = &url[scheme.len()..];
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    authority(place)?;
    let stream = path.split_once('/').is_some_and(|(app, stream)| !app.is_empty() && !stream.is_empty());
    if scheme.starts_with("rtmp") && !stream {
        return Err("the application or the stream is missing");
    }
    Ok(())
}

/// Whether a text names a host: a name, an IPv4 address, or an IPv6 address without brackets.
pub(super) fn host(host: &str) -> Result<(), &'static str> {
    if host.is_empty() {
        return Err("must not be empty: the address of the far side, such as 192.168.1.20");
    }
    let v6 = host.parse::<core::net::Ipv6Addr>().is_ok();
    let sound = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.len() > HOST_CHARS_MAX || !(v6 || host.chars().all(sound)) {
        return Err("must be a name or an address alone, such as 192.168.1.20; the port has its own field");
    }
    Ok(())
}

fn clean(url: &str) -> Result<(), &'static str> {
    if url.len() > URL_BYTES_MAX {
        return Err("it is longer than 1024 characters");
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("it holds a space");
    }
    Ok(())
}

/// The part between `://` and the path (RFC 3986, section 3.2).
fn authority(authority: &str) -> Result<(), &'static str> {
    if authority.contains('@') {
        return Err("user name and password have their own fields");
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("the bracket of the IPv6 address is not closed")?;
            if !after.is_empty() && !after.starts_with(':') {
                return Err("after the bracket of the IPv6 address there may only be a port");
            }
            (host, after.strip_prefix(':'))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() {
        return Err("the host is missing");
    }
    match port.map(str::parse::<u16>) {
        None | Some(Ok(1..)) => Ok(()),
        _ => Err("the port is no number from 1 to 65535"),
    }
}
