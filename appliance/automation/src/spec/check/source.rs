//! Rules of a source and of a destination, each by itself.

use super::{Check, NAME_CHARS_MAX};
use crate::spec::{Destination, LATENCY_MS_MAX, Source, SourceKind, Wrongs};

/// Longest camera address, bytes; the longest that browsers and cameras have agreed on is far below.
const URL_BYTES_MAX: usize = 1024;
/// Longest user name and password, characters: ONVIF cameras take 32, some more.
const CREDENTIAL_CHARS_MAX: usize = 200;
/// Longest stream key, characters: YouTube's has 24, Facebook's about 120.
const KEY_CHARS_MAX: usize = 512;
/// Longest line of a slate, characters: more cannot be read from a sofa.
pub(super) const SLATE_CHARS_MAX: usize = 200;
/// Longest name of a stream at the door: `<channel>_obs` with the longest id of a channel and a number.
const STREAM_CHARS_MAX: usize = 80;

/// A source by itself: whether what it names exists is the channel's question.
pub(crate) fn source(source: &Source) -> Result<(), Wrongs> {
    let mut check = Check::new();
    check.name("name", &source.name);
    match &source.kind {
        SourceKind::Camera { url, user, password, latency_ms } => {
            if let Err(reason) = rtsp(url) {
                check.wrong("url", format!("the address must look like rtsp://host/path: {reason}"));
            }
            check.line("user", user, 0, CREDENTIAL_CHARS_MAX);
            check.line("password", password.expose(), 0, CREDENTIAL_CHARS_MAX);
            check.within("latency_ms", i64::from(*latency_ms), 0..=i64::from(LATENCY_MS_MAX));
        }
        SourceKind::Rtmp { stream, role, latency_ms } => {
            let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
            let ok = !stream.is_empty() && stream.len() <= STREAM_CHARS_MAX && stream.bytes().all(sound);
            check.must(ok, "stream", "must have 1 to 80 of a-z, 0-9, - and _, for example main_obs");
            let channel = stream.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix(role.ending());
            let named = !ok || channel.is_some_and(|channel| !channel.is_empty());
            let ending = role.ending();
            check.must(named, "stream", format!("must end in {ending}, for example main{ending} or main{ending}2"));
            check.within("latency_ms", i64::from(*latency_ms), 0..=i64::from(LATENCY_MS_MAX));
        }
        SourceKind::Slate { title, text } => {
            check.line("title", title, 0, SLATE_CHARS_MAX);
            check.line("text", text, 0, SLATE_CHARS_MAX);
        }
        SourceKind::Media { .. } | SourceKind::TestPattern { .. } => {}
    }
    let itself = source.backup.as_ref() == Some(&source.id);
    check.must(!itself, "backup", "a source cannot be its own backup");
    check.done()
}

/// A destination by itself.
pub(crate) fn destination(destination: &Destination) -> Result<(), Wrongs> {
    let mut check = Check::new();
    check.line("name", &destination.name, 1, NAME_CHARS_MAX);
    let key = destination.key.expose();
    check.length("key", key, 0, KEY_CHARS_MAX);
    let clean = !key.chars().any(|c| c.is_whitespace() || c.is_control());
    check.must(clean, "key", "must not hold a space or a line break: copy it again");
    check.done()
}

/// Whether a text is `rtsp://host[:port][/path]` (RFC 2326, section 3.2) without user and password. The reason
/// never repeats the text: a password may be in it.
fn rtsp(url: &str) -> Result<(), &'static str> {
    if url.len() > URL_BYTES_MAX {
        return Err("it is longer than 1024 characters");
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("it holds a space");
    }
    let rest = url.strip_prefix("rtsp://").ok_or("it does not begin with rtsp://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
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
