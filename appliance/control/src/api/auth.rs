//! The session's cookie, and the marks by which a request is known as the page's own.

use super::call::Peer;
use crate::sign_in::SessionKey;
use crate::store::people::SESSION_MS_MAX;
use automation::secret::Secret;
use warp::http::header::{COOKIE as COOKIE_HEADER, HeaderMap, HeaderValue, ORIGIN};

/// Name of the session's cookie over plain HTTP.
pub const COOKIE: &str = "bandstand_session";
/// Name of the header that requests which change something must bear. A foreign page cannot set it unasked.
pub const MARK: &str = "X-Bandstand";
/// Under HTTPS: only for this host, only encrypted (RFC 6265bis, section 4.1.3).
const COOKIE_SECURE: &str = "__Host-bandstand_session";
/// Digits of a session's key.
const KEY_DIGITS: usize = 64;

/// The key that the cookie holds.
pub fn session_key(headers: &HeaderMap, tls: bool) -> Option<SessionKey> {
    let name = if tls { COOKIE_SECURE } else { COOKIE };
    let cookies = headers.get_all(COOKIE_HEADER).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, key) = pairs.find(|(known, _)| *known == name)?;
    (key.len() == KEY_DIGITS && key.bytes().all(|b| b.is_ascii_hexdigit())).then(|| Secret::new(key))
}

/// The cookie that keeps a key; none takes it away.
pub fn cookie(key: Option<&SessionKey>, tls: bool) -> HeaderValue {
    let (name, secure) = if tls { (COOKIE_SECURE, "; Secure") } else { (COOKIE, "") };
    let (value, age_s) = key.map_or(("", 0), |key| (key.expose(), SESSION_MS_MAX / 1000));
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_s}{secure}");
    let mut header = HeaderValue::from_str(&text).expect("a key is hexadecimal");
    header.set_sensitive(true);
    header
}

/// Whether a request is the page's own, as far as it must be. Browsers name the origin of every request that could
/// change something, and of every WebSocket; programs without a browser name none.
pub fn own(headers: &HeaderMap, peer: &Peer, changes: bool, socket: bool) -> bool {
    if !changes && !socket {
        return true;
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if changes && text(MARK) != Some("1") {
        return false;
    }
    if matches!(text("sec-fetch-site"), Some("cross-site" | "same-site")) {
        return false;
    }
    let scheme = if peer.tls { "https" } else { "http" };
    match text(ORIGIN.as_str()) {
        Some(origin) => origin.eq_ignore_ascii_case(&format!("{scheme}://{}", peer.host)),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_the_pages_own_requests_change_something() {
        let peer = |tls| Peer { address: "127.0.0.1:1".parse().unwrap(), tls, host: "box:8480".into() };
        let check = |pairs: &[(&'static str, &str)], expected: bool| {
            assert_eq!(own(&headers(pairs), &peer(false), true, false), expected, "{pairs:?}");
        };
        check(&[], false);
        check(&[("x-bandstand", "1")], true);
        check(&[("x-bandstand", "0")], false);
        check(&[("x-bandstand", "1"), ("origin", "http://box:8480")], true);
        check(&[("x-bandstand", "1"), ("origin", "https://box:8480")], false);
        check(&[("x-bandstand", "1"), ("origin", "http://evil.example")], false);
        check(&[("x-bandstand", "1"), ("origin", "null")], false);
        check(&[("x-bandstand", "1"), ("sec-fetch-site", "cross-site")], false);
        check(&[("x-bandstand", "1"), ("sec-fetch-site", "same-origin")], true);
        assert!(own(&headers(&[("origin", "http://evil.example")]), &peer(false), false, false), "reading is free");
        assert!(!own(&headers(&[("origin", "http://evil.example")]), &peer(false), false, true));
        assert!(own(&headers(&[("origin", "https://box:8480")]), &peer(true), false, true));
    }

    #[test]
    fn the_cookie_keeps_the_key() {
        let key = Secret::new("ab".repeat(32));
        for tls in [false, true] {
            let set = cookie(Some(&key), tls);
            let text = set.to_str().unwrap().to_owned();
            assert_eq!(text.contains("; Secure") && text.starts_with("__Host-"), tls, "{text}");
            assert!(text.contains("HttpOnly") && text.contains("SameSite=Strict") && text.contains("Path=/"), "{text}");
            let pair = text.split(';').next().unwrap();
            let sent = headers(&[("cookie", &format!("other=1; {pair}"))]);
            assert_eq!(session_key(&sent, tls), Some(key.clone()));
            assert_eq!(session_key(&sent, !tls), None);
        }
        assert_eq!(session_key(&headers(&[("cookie", "bandstand_session=x")]), false), None);
        assert!(cookie(None, false).to_str().unwrap().contains("Max-Age=0"));
    }
}
