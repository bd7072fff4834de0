//! Digest access authentication (RFC 7616), the client's side: MD5 and SHA-256, with `qop=auth` or without.

use crate::Credentials;
use md5::{Digest, Md5};
use sha2::Sha256;

/// A challenge of a camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    auth: bool,
    algorithm: Algorithm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }

    fn hash(self, text: &str) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Algorithm::Md5 => hex(&Md5::digest(text.as_bytes())),
            Algorithm::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        }
    }
}

impl Challenge {
    /// The challenge of a `WWW-Authenticate` header; none where it is of another kind, or one that we do not know.
    pub(super) fn parse(header: &str) -> Option<Challenge> {
        let (scheme, rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let fields = fields(rest);
        let field = |name: &str| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone());
        let algorithm = match field("algorithm").as_deref() {
            None => Algorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("md5") => Algorithm::Md5,
            Some(name) if name.eq_ignore_ascii_case("sha-256") => Algorithm::Sha256,
            Some(_) => return None,
        };
        let qop = field("qop");
        let auth = qop.as_ref().is_some_and(|all| all.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")));
        if qop.is_some() && !auth {
            return None;
        }
        let sound = |text: &String| !text.chars().any(|c| c.is_control() || c == '"' || c == '\\');
        let (realm, nonce, opaque) = (field("realm")?, field("nonce")?, field("opaque"));
        let all_sound = sound(&realm) && sound(&nonce) && opaque.as_ref().is_none_or(sound);
        all_sound.then_some(Challenge { realm, nonce, opaque, auth, algorithm })
    }

    /// The `Authorization` header of a request. `path` is what stands in its first line; `cnonce` nobody can guess.
    pub(super) fn answer(&self, credentials: &Credentials, method: &str, path: &str, cnonce: &str) -> String {
        let hash = |text: String| self.algorithm.hash(&text);
        let Credentials { user, password } = credentials;
        let secret = hash(format!("{user}:{}:{}", self.realm, password.expose()));
        let asked = hash(format!("{method}:{path}"));
        let nonce = &self.nonce;
        let response = match self.auth {
            true => hash(format!("{secret}:{nonce}:00000001:{cnonce}:auth:{asked}")),
            false => hash(format!("{secret}:{nonce}:{asked}")),
        };
        let user: String = user.chars().filter(|c| !c.is_control()).flat_map(escaped).collect();
        let mut header = format!(
            "Digest username=\"{user}\", realm=\"{}\", nonce=\"{nonce}\", uri=\"{path}\", algorithm={}, \
             response=\"{response}\"",
            self.realm,
            self.algorithm.name()
        );
        if self.auth {
            header.push_str(&format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\""));
        }
        if let Some(opaque) = &self.opaque {
            header.push_str(&format!(", opaque=\"{opaque}\""));
        }
        header
    }
}

fn escaped(c: char) -> impl Iterator<Item = char> {
    matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c])
}

/// The `name=value` pairs of a challenge; a value may stand in quotes.
fn fields(mut rest: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches(|c: char| c == ',' || c.is_whitespace()).to_owned();
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        fields.push((name, value.trim().to_owned()));
        rest = left;
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use automation::secret::Secret;

    fn mufasa() -> Credentials {
        Credentials { user: "Mufasa".into(), password: Secret::new("Circle of Life") }
    }

    /// The example of RFC 7616, section 3.9.1. Its nonce count is 1 as ours is.
    #[test]
    fn the_example_of_the_rfc() {
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        for (algorithm, response) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let header = format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            let challenge = Challenge::parse(&header).unwrap();
            let answer = challenge.answer(&mufasa(), "GET", "/dir/index.html", cnonce);
            assert!(answer.contains(&format!("response=\"{response}\"")), "{answer}");
            assert!(answer.contains("opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""), "{answer}");
        }
    }

    /// Without `qop`, as RFC 2069 has it; its erratum 749 gives the response.
    #[test]
    fn the_old_way_without_qop() {
        let header = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"x\"";
        let challenge = Challenge::parse(header).unwrap();
        let credentials = Credentials { user: "Mufasa".into(), password: Secret::new("CircleOfLife") };
        let answer = challenge.answer(&credentials, "GET", "/dir/index.html", "");
        assert!(answer.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{answer}");
        assert!(!answer.contains("qop"), "{answer}");
    }

    #[test]
    fn challenges_that_are_none() {
        for header in [
            "",
            "Basic realm=\"x\"",
            "Digest",
            "Digest realm=\"x\"",
            "Digest realm=\"x\", nonce=\"n\", algorithm=SHA-512",
            "Digest realm=\"x\", nonce=\"n\", qop=\"auth-int\"",
            "Digest realm=\"x\", nonce=\"a\\b\"",
        ] {
            assert_eq!(Challenge::parse(header), None, "{header}");
        }
    }
}
