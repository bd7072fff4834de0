//! Fetches what a stream is made of, each part whole and within a limit of time and size.

use super::list::{Lock, Part};
use crate::lock::hold;
use crate::source::pull::{insecure, not_found, refused, unreachable};
use automation::fault::{Code, Fault};
use automation::secret::Secret;
use aws_lc_rs::cipher::{AES_128, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use ureq::ResponseExt;
use ureq::config::RedirectAuthHeaders;
use ureq::http::header::{AUTHORIZATION, RANGE};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use url::Url;

/// How long a server may take to be reached.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Largest part, bytes: ten seconds of 50 Mbit/s.
const BYTES_MAX: u64 = 64 << 20;
/// Largest playlist: a day of segments of two seconds has a few megabytes.
const LIST_BYTES_MAX: u64 = 8 << 20;
/// Bytes that are read at a time.
const PIECE_BYTES: usize = 64 << 10;
/// Bytes of an answer that shall be a key, at most.
const KEY_BYTES_MAX: u64 = 1 << 10;

/// A client for the parts of one stream: its connections and its cookies are kept.
#[derive(Debug)]
pub(super) struct Fetcher {
    agent: ureq::Agent,
    /// Who we are, to the server at our address; sent on by it, to the same host.
    user: Option<(Url, String)>,
    /// The key that was used last.
    key: Mutex<Option<(Url, Vec<u8>)>>,
}

/// Called for each piece that comes: false ends the fetching.
pub(super) type GoesOn<'a> = &'a dyn Fn() -> bool;

impl Fetcher {
    /// `home` is the address that was entered, without user and password.
    pub(super) fn new(home: &Url, user: &str, password: &Secret) -> Fetcher {
        let roots = rustls_native_certs::load_native_certs().certs;
        let roots: Vec<Certificate<'static>> =
            roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(CONNECT_LIMIT))
            .user_agent("Bandstand")
            .proxy(None)
            .tls_config(tls)
            .build();
        let basic = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
        let user = (!user.is_empty()).then(|| (home.clone(), format!("Basic {basic}")));
        Fetcher { agent: config.into(), user, key: Mutex::default() }
    }

    /// A playlist, and where it really lies: where the server sent us on to.
    pub(super) fn list(&self, url: &Url, limit: Duration, goes_on: GoesOn<'_>) -> Result<(Vec<u8>, Url), Fault> {
        let whole = Part { url: url.clone(), range: None, lock: None };
        self.part(&whole, LIST_BYTES_MAX, limit, goes_on)
    }

    /// The bytes of a part, readable.
    pub(super) fn media(&self, part: &Part, limit: Duration, goes_on: GoesOn<'_>) -> Result<Vec<u8>, Fault> {
        let (bytes, _) = self.part(part, BYTES_MAX, limit, goes_on)?;
        let Some(Lock { url, iv }) = &part.lock else { return Ok(bytes) };
        let known = hold(&self.key).clone().filter(|(known, _)| known == url);
        let key = match known {
            Some((_, key)) => key,
            None => {
                let part = Part { url: url.clone(), range: None, lock: None };
                let (key, _) = self.part(&part, KEY_BYTES_MAX, limit, goes_on)?;
                *hold(&self.key) = Some((url.clone(), key.clone()));
                key
            }
        };
        unlocked(bytes, &key, *iv).ok_or_else(|| {
            // It may be another one by now.
            *hold(&self.key) = None;
            unreadable()
        })
    }

    fn part(&self, part: &Part, bytes_max: u64, limit: Duration, goes_on: GoesOn<'_>) -> Result<(Vec<u8>, Url), Fault> {
        let mut request = self.agent.get(part.url.as_str());
        if let Some((home, user)) = &self.user
            && home.origin() == part.url.origin()
        {
            request = request.header(AUTHORIZATION, user);
        }
        if let Some((from, bytes)) = part.range {
            let last = from.saturating_add(bytes).saturating_sub(1);
            request = request.header(RANGE, format!("bytes={from}-{last}"));
        }
        let mut answer = request.config().timeout_global(Some(limit)).build().call().map_err(|error| judge(&error))?;
        judge_status(answer.status().as_u16())?;
        // A server that knows no ranges sends all of it.
        let cut = part.range.filter(|_| answer.status() != 206);
        let came_from = Url::parse(&answer.get_uri().to_string()).unwrap_or_else(|_| part.url.clone());
        let mut bytes = Vec::new();
        let mut body = answer.body_mut().with_config().limit(bytes_max).reader();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match body.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(&piece[..count]),
                Err(error) => return Err(judge(&ureq::Error::from(error))),
            }
            if !goes_on() {
                return Err(unreachable());
            }
        }
        if let Some((from, count)) = cut {
            let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
            bytes.drain(..from);
            bytes.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        }
        Ok((bytes, came_from))
    }
}

fn unreadable() -> Fault {
    Fault::new(Code::SourceUnsupported, "")
        .with_text("The stream is encrypted, and its key does not fit.")
        .with_remedy("Ask who offers the stream; copy its address again.")
}

/// What was encrypted by AES-128 in CBC mode; none where the key does not fit.
fn unlocked(mut bytes: Vec<u8>, key: &[u8], iv: [u8; 16]) -> Option<Vec<u8>> {
    let key = UnboundCipherKey::new(&AES_128, key).ok()?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let length = key.decrypt(&mut bytes, DecryptionContext::Iv128(FixedLength::from(iv))).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

fn judge_status(status: u16) -> Result<(), Fault> {
    match status {
        200..=299 => Ok(()),
        401 | 403 => Err(refused()),
        404 | 410 => Err(not_found()),
        _ => Err(unreachable()),
    }
}

fn judge(error: &ureq::Error) -> Fault {
    let of_tls = |error: &io::Error| error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    match error {
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => insecure(),
        ureq::Error::Io(error) if of_tls(error) => insecure(),
        ureq::Error::BodyExceedsLimit(_) => Fault::new(Code::SourceUnsupported, "")
            .with_text("The stream comes in parts that are too large.")
            .with_remedy("Set the server to parts of 2 to 10 seconds, or offer the stream with fewer bits."),
        _ => unreachable(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AES-128-CBC of NIST SP 800-38A, F.2.1, with the padding of PKCS #7 behind its first block.
    #[test]
    fn what_is_encrypted_is_read_with_its_key_alone() {
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        };
        let (key, iv) = (bytes("2b7e151628aed2a6abf7158809cf4f3c"), core::array::from_fn(|n| n as u8));
        let locked = bytes("7649abac8119b246cee98e9b12e9197d8964e0b149c10b7b682e6e39aaeb731c");
        assert_eq!(unlocked(locked.clone(), &key, iv), Some(bytes("6bc1bee22e409f96e93d7e117393172a")));
        assert_eq!(unlocked(locked.clone(), &[7; 16], iv), None);
        assert_eq!(unlocked(locked.clone(), b"short", iv), None);
        assert_eq!(unlocked(locked[..17].to_vec(), &key, iv), None);
    }

    #[test]
    fn what_a_server_answers_is_named() {
        for (status, want) in [
            (200, None),
            (206, None),
            (401, Some(Code::SourceRefused)),
            (403, Some(Code::SourceRefused)),
            (404, Some(Code::SourceNotFound)),
            (410, Some(Code::SourceNotFound)),
            (502, Some(Code::SourceUnreachable)),
        ] {
            assert_eq!(judge_status(status).err().map(|fault| fault.code), want, "{status}");
        }
    }
}
