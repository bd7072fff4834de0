//! What a publisher asks for, taken out of the two texts in which RTMP carries it.
//!
//! OBS and ffmpeg send the *app* with `connect` and the *stream key* with `publish`. The token is the
//! query of the key (`main_obs?token=…`), or of the app (`live?token=…`) for clients that cut it there.

use automation::secret::Secret;

/// The one app there is: the address ends in `/live`.
pub(crate) const APP: &str = "live";

/// What a publisher asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The app, without query and outer slashes.
    pub(crate) app: String,
    /// Name of the stream, without query and outer slashes.
    pub(crate) name: String,
    /// The token as it was written (no percent signs are resolved: tokens are made of URL-safe
    /// characters); none where it is missing or empty.
    pub(crate) token: Option<Secret>,
}

impl Ask {
    /// Parses the app of `connect` and the key of `publish`. A token in the key goes before one in the app.
    pub(crate) fn parse(app: &str, key: &str) -> Ask {
        let (app, app_query) = cut(app);
        let (name, key_query) = cut(key);
        let token = token(key_query).or_else(|| token(app_query)).map(Secret::new);
        Ask { app: app.to_owned(), name: name.to_owned(), token }
    }

    /// The name as status and log may show it. A person may have pasted a token where the name belongs,
    /// so only what has the form of our names is shown.
    pub(crate) fn shown(&self) -> &str {
        shown(&self.name)
    }
}

fn shown(name: &str) -> &str {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let ours = stem.strip_suffix("_obs").or_else(|| stem.strip_suffix("_loop"));
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    match ours {
        Some(channel) if !channel.is_empty() && name.len() <= 96 && channel.bytes().all(plain) => name,
        _ => "",
    }
}

fn cut(text: &str) -> (&str, &str) {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    (path.trim_matches('/'), query)
}

fn token(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("token=")).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_as_clients_write_them() {
        let check = |app: &str, key: &str, want: (&str, &str, Option<&str>)| {
            let ask = Ask::parse(app, key);
            let got = (ask.app.as_str(), ask.name.as_str(), ask.token.as_ref().map(Secret::expose));
            assert_eq!(got, want, "{app:?} {key:?}");
        };
        check("live", "main_obs?token=abc", ("live", "main_obs", Some("abc")));
        check("live", "main_obs?token=abc&x=1", ("live", "main_obs", Some("abc")));
        check("live", "main_obs?x=1&token=abc", ("live", "main_obs", Some("abc")));
        check("live/", "/main_obs?token=abc", ("live", "main_obs", Some("abc")));
        check("live?token=tt", "main_obs", ("live", "main_obs", Some("tt")));
        check("live?token=tt", "main_obs?token=abc", ("live", "main_obs", Some("abc")));
        check("live", "main_obs", ("live", "main_obs", None));
        check("live", "main_obs?token=", ("live", "main_obs", None));
        check("live", "main_obs?TOKEN=abc&nottoken=1", ("live", "main_obs", None));
        check("live", "main_obs?token=a=b?c", ("live", "main_obs", Some("a=b?c")));
        check("", "", ("", "", None));
    }

    #[test]
    fn a_pasted_token_is_never_shown() {
        for (key, want) in [
            ("main_obs?token=abc", "main_obs"),
            ("main_obs2?token=abc", "main_obs2"),
            ("a-b_loop", "a-b_loop"),
            ("c29tZXRva2Vu", ""),
            ("main_obs&token=abc", ""),
            ("token=abc_obs", ""),
            ("_obs", ""),
        ] {
            assert_eq!(Ask::parse("live", key).shown(), want, "{key}");
        }
    }

    proptest! {
        #[test]
        fn whatever_arrives_the_token_is_found_and_hidden(app in "[a-z/]{0,12}", name in "[a-z0-9_-]{1,20}",
                                                          token in "[A-Za-z0-9_-]{1,64}", more in "(&[a-z]=[0-9])?") {
            let ask = Ask::parse(&app, &format!("{name}?token={token}{more}"));
            prop_assert_eq!(ask.token.as_ref().map(Secret::expose), Some(token.as_str()));
            let hidden = !format!("{ask:?}").contains(&format!("\"{token}\"")) || name == token || app.contains(&token);
            prop_assert!(hidden);
            prop_assert!(ask.shown() == name || ask.shown().is_empty());
        }

        #[test]
        fn no_text_panics(app in ".*", key in ".*") {
            let ask = Ask::parse(&app, &key);
            prop_assert!(!ask.name.contains('?'));
            prop_assert!(!ask.shown().contains('='));
        }
    }
}
