//! A request on its way to its handler.

use super::Desk;
use crate::media::too_large;
use crate::refusal::Refusal;
use crate::sign_in::SessionKey;
use crate::store::people::Person;
use automation::fault::Code;
use automation::id::{BadId, ChannelId};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use warp::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};

/// Largest JSON document: a timeline of 10,000 cues with room to spare.
pub const JSON_BYTES_MAX: usize = 4 << 20;
/// How long a JSON document may take to arrive.
const JSON_MAX: Duration = Duration::from_secs(30);

/// A body as it arrives.
pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send>>;

/// The far side of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The host, with its port, that the request is for.
    pub host: String,
}

impl Peer {
    /// The host without its port.
    pub fn host_name(&self) -> &str {
        let host = self.host.as_str();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        };
        if name.is_empty() { "127.0.0.1" } else { name }
    }
}

/// A request with all that its handler may need.
pub struct Call {
    /// What handlers work with.
    pub desk: Arc<Desk>,
    /// Who is signed in.
    pub person: Option<Person>,
    /// The session's key.
    pub key: Option<SessionKey>,
    /// Parameters of the path.
    pub parameters: Vec<(&'static str, String)>,
    /// What follows the `?`.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The far side.
    pub peer: Peer,
    /// The wish for a WebSocket.
    pub socket: Option<warp::ws::Ws>,
    /// The body, until it is taken.
    pub body: Option<Body>,
}

impl Call {
    /// A parameter of the path as it was given.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// A parameter of the path that is an id. What is none names nothing.
    pub fn id<T: TryFrom<String, Error = BadId>>(&self, name: &str) -> Result<T, Refusal> {
        T::try_from(self.parameter(name).to_owned()).map_err(|bad| Refusal::because(Code::NotFound, bad.to_string()))
    }

    /// The channel of the path, which exists.
    pub fn channel(&self) -> Result<ChannelId, Refusal> {
        let channel: ChannelId = self.id("ch")?;
        self.desk.store.wanted().borrow().channel(&channel)?;
        Ok(channel)
    }

    /// Name of who calls.
    pub fn by(&self) -> String {
        self.person.as_ref().map(|person| person.name.clone()).unwrap_or_default()
    }

    /// A parameter after the `?`, decoded (WHATWG URL, application/x-www-form-urlencoded).
    pub fn query(&self, name: &str) -> Option<String> {
        let found = self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then(|| value.replace('+', " "))
        })?;
        percent_encoding::percent_decode_str(&found).decode_utf8().ok().map(|text| text.into_owned())
    }

    /// A count after the `?`, 1 to `max`; none where it is not given.
    pub fn count(&self, name: &str, max: usize) -> Result<Option<usize>, Refusal> {
        let Some(text) = self.query(name) else { return Ok(None) };
        let count = text.parse().ok().filter(|count| (1..=max).contains(count));
        let wrong = || Refusal::wrong(Code::RequestInvalid, name, format!("must be a number from 1 to {max}"));
        count.map(Some).ok_or_else(wrong)
    }

    /// An id after the `?`; none where it is not given.
    pub fn id_after<T: TryFrom<String, Error = BadId>>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let wrong = |bad: BadId| Refusal::wrong(Code::RequestInvalid, name, bad.to_string());
        self.query(name).map(|text| T::try_from(text).map_err(wrong)).transpose()
    }

    /// How many bytes of a file are announced; 0 where nothing is.
    pub(super) fn announced(&self, bytes_max: u64) -> Result<u64, Refusal> {
        let length = self.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        match length {
            Some(bytes) if bytes > bytes_max => Err(too_large(bytes_max)),
            length => Ok(length.unwrap_or(0)),
        }
    }

    /// The body as a JSON document.
    pub(super) async fn json<T: DeserializeOwned>(&mut self, required: bool) -> Result<T, Refusal> {
        let bytes = match tokio::time::timeout(JSON_MAX, self.read()).await {
            Ok(read) => read?,
            Err(_) => return Err(Refusal::because(Code::RequestInvalid, "The document did not arrive in 30 s.")),
        };
        if bytes.is_empty() && !required {
            return parse(b"{}");
        }
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            return Err(Refusal::because(Code::RequestInvalid, "The document must be application/json."));
        }
        parse(&bytes)
    }

    async fn read(&mut self) -> Result<Bytes, Refusal> {
        let mut whole = BytesMut::new();
        let Some(mut body) = self.body.take() else { return Ok(Bytes::new()) };
        while let Some(part) = body.next().await {
            let part = part.map_err(|error| Refusal {
                cause: Some(Box::new(error)),
                ..Refusal::because(Code::RequestInvalid, "The document was broken off.")
            })?;
            if whole.len() + part.len() > JSON_BYTES_MAX {
                return Err(Refusal::because(Code::TooLarge, "The document has more than 4 MiB."));
            }
            whole.extend_from_slice(&part);
        }
        Ok(whole.freeze())
    }
}

/// Parses a document, and names the place where it is wrong.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let place = match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        };
        Refusal::wrong(Code::RequestInvalid, place, error.into_inner().to_string())
    })?;
    from.end().map_err(|error| Refusal::wrong(Code::RequestInvalid, "", error.to_string()))?;
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc::{ChannelPatch, DestinationDraft};

    #[test]
    fn a_host_is_known_without_its_port() {
        let check = |host: &str, expected: &str| {
            let address = "127.0.0.1:1".parse().unwrap();
            assert_eq!(Peer { address, tls: false, host: host.into() }.host_name(), expected);
        };
        check("bandstand.local", "bandstand.local");
        check("bandstand.local:8480", "bandstand.local");
        check("[::1]:8480", "[::1]");
        check("[::1]", "[::1]");
        check("", "127.0.0.1");
    }

    #[test]
    fn a_wrong_document_is_told_with_its_place() {
        let refusal = parse::<DestinationDraft>(br#"{"name": 7, "url": ""}"#).unwrap_err();
        assert_eq!((refusal.code, refusal.wrongs[0].place.as_str()), (Code::RequestInvalid, "name"));
        let refusal = parse::<ChannelPatch>(br#"{"failover": {"holdoff_ms": "x"}}"#).unwrap_err();
        assert_eq!(refusal.wrongs[0].place, "failover.holdoff_ms");
        assert!(parse::<ChannelPatch>(b"{} {}").is_err());
        assert_eq!(parse::<ChannelPatch>(br#"{"timeline": null}"#).unwrap().timeline, Some(None));
        assert_eq!(parse::<ChannelPatch>(b"{}").unwrap().timeline, None);
    }
}
