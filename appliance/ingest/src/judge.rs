//! Decides who may publish. No I/O and no clock: the door's loop asks, and does what comes back.
//!
//! ```text
//!            admit: name known, token right, nobody there
//!   free ──────────────────────────────────────────────────► held by a connection
//!    ▲                                                          │ left, or kicked because a newer
//!    └──────────────────────────────────────────────────────────┘ spec has another token or no such stream
//! ```
//! Under bad input: an unknown name, a wrong or missing token and a name that is held are refused, in
//! this order (who has no token does not learn whether somebody publishes); the holder goes on untouched.
//! An older spec is refused and changes nothing. Refusals are counted and shown for a minute.

use crate::key::{APP, Ask};
use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::spec::IngestSpec;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use subtle::ConstantTimeEq as _;

/// Streams of one spec: far above 16 channels with a few inputs each.
const STREAMS_MAX: usize = 256;

/// Longest name of a stream: an id of 64 bytes with its suffix and number.
const NAME_BYTES_MAX: usize = 96;

/// How long a refusal is shown after it happened last.
const REFUSAL_SHOWN_MS: u64 = 60_000;

/// Refusals remembered, the oldest goes first: strangers cannot fill the status.
const REFUSALS_MAX: usize = 32;

/// Names one connection at the door, for as long as the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnId(pub(crate) u64);

/// Why a publisher may not publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    /// There is no such app or stream.
    Unknown,
    /// The token is wrong or missing.
    Token,
    /// Somebody publishes the stream already.
    Taken,
}

impl Refusal {
    /// The code that the operator sees.
    pub(crate) fn code(self) -> Code {
        match self {
            Refusal::Unknown => Code::PublisherUnknown,
            Refusal::Token => Code::PublisherRefused,
            Refusal::Taken => Code::PublisherTaken,
        }
    }

    /// What the publisher's program is told.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Refusal::Unknown => "There is no such stream: copy the address and the stream key again.",
            Refusal::Token => "The stream key is wrong: its token is missing or not valid.",
            Refusal::Taken => "The stream is being published already.",
        }
    }
}

type TokenDigest = [u8; 32];

/// Refusals of one kind on one name.
#[derive(Debug)]
struct Refused {
    refusal: Refusal,
    shown: String,
    peer: String,
    count: u64,
    last: Running,
}

/// Who may publish, and who does.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    spec: Option<IngestSpec>,
    digests: BTreeMap<String, TokenDigest>,
    holders: BTreeMap<String, ConnId>,
    refused: Vec<Refused>,
}

impl Judge {
    /// Generation of the spec in force; 0 without one.
    pub(crate) fn generation(&self) -> u64 {
        self.spec.as_ref().map_or(0, |spec| spec.generation)
    }

    /// Takes a spec. Answers the connections that must be ended: their stream is gone or has another token.
    /// The same spec again is fine; an older one, and another one with the same generation, is refused.
    pub(crate) fn take(&mut self, spec: IngestSpec) -> Result<Vec<ConnId>, Fault> {
        if let Some(held) = &self.spec {
            if *held == spec {
                return Ok(Vec::new());
            }
            if spec.generation <= held.generation {
                let text = format!("Plan {} arrived while {} is in force.", spec.generation, held.generation);
                return Err(Fault::new(Code::SpecStale, "ingest").with_text(text));
            }
        }
        let digests = digests(&spec)?;
        let mut kicked = Vec::new();
        self.holders.retain(|name, conn| {
            let stays = digests.get(name) == self.digests.get(name);
            if !stays {
                kicked.push(*conn);
            }
            stays
        });
        self.digests = digests;
        self.spec = Some(spec);
        Ok(kicked)
    }

    /// Admits a publisher, which then holds the name until [`Judge::left`], or says why not and how many
    /// times in a row it was so.
    pub(crate) fn admit(&mut self, now: Running, conn: ConnId, peer: &str, ask: &Ask) -> Result<(), (Refusal, u64)> {
        match self.judge(ask) {
            Ok(()) => {
                self.holders.insert(ask.name.clone(), conn);
                self.refused.retain(|refused| refused.shown != ask.name);
                Ok(())
            }
            Err(refusal) => Err((refusal, self.note(now, refusal, peer, ask.shown()))),
        }
    }

    fn judge(&self, ask: &Ask) -> Result<(), Refusal> {
        let digest = self.digests.get(&ask.name).filter(|_| ask.app == APP).ok_or(Refusal::Unknown)?;
        let token = ask.token.as_ref().ok_or(Refusal::Token)?;
        let given = Sha256::digest(token.expose().as_bytes());
        if !bool::from(given.as_slice().ct_eq(digest.as_slice())) {
            return Err(Refusal::Token);
        }
        if self.holders.contains_key(&ask.name) {
            return Err(Refusal::Taken);
        }
        Ok(())
    }

    /// A connection ended; the name that it held is free again.
    pub(crate) fn left(&mut self, conn: ConnId) {
        self.holders.retain(|_, holder| *holder != conn);
    }

    fn note(&mut self, now: Running, refusal: Refusal, peer: &str, shown: &str) -> u64 {
        self.expire(now);
        if let Some(known) = self.refused.iter_mut().find(|r| r.refusal == refusal && r.shown == shown) {
            known.count += 1;
            known.last = now;
            known.peer = peer.to_owned();
            return known.count;
        }
        if self.refused.len() == REFUSALS_MAX {
            let oldest = (0..self.refused.len()).min_by_key(|i| self.refused[*i].last);
            self.refused.remove(oldest.expect("the list is full, so not empty"));
        }
        self.refused.push(Refused { refusal, shown: shown.to_owned(), peer: peer.to_owned(), count: 1, last: now });
        1
    }

    /// Forgets refusals that are no longer shown. Answers whether there were any.
    pub(crate) fn expire(&mut self, now: Running) -> bool {
        let before = self.refused.len();
        self.refused.retain(|refused| now.ms_since(refused.last) < REFUSAL_SHOWN_MS);
        self.refused.len() != before
    }

    /// The refusals of the last minute.
    pub(crate) fn faults(&self, now: Running) -> Vec<Fault> {
        let fresh = self.refused.iter().filter(|refused| now.ms_since(refused.last) < REFUSAL_SHOWN_MS);
        fresh.map(Refused::fault).collect()
    }
}

impl Refused {
    fn fault(&self) -> Fault {
        let name = if self.shown.is_empty() { "an unknown name".to_owned() } else { format!("\"{}\"", self.shown) };
        let why = match self.refusal {
            Refusal::Unknown => "there is no such stream",
            Refusal::Token => "the token is wrong or missing",
            Refusal::Taken => "the stream is being published already",
        };
        let times = match self.count {
            1 => String::new(),
            count => format!(" ({count} times)"),
        };
        let text = format!("A publisher at {} was refused on {name}{times}: {why}.", self.peer);
        Fault::new(self.refusal.code(), self.shown.clone()).with_text(text)
    }
}

fn digests(spec: &IngestSpec) -> Result<BTreeMap<String, TokenDigest>, Fault> {
    let invalid = |place: String, text: &str| Err(Fault::new(Code::SpecInvalid, place).with_text(text));
    if spec.streams.len() > STREAMS_MAX {
        return invalid("streams".into(), &format!("More than {STREAMS_MAX} streams are wanted."));
    }
    let mut digests = BTreeMap::new();
    for (i, stream) in spec.streams.iter().enumerate() {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if stream.name.is_empty() || stream.name.len() > NAME_BYTES_MAX || !stream.name.bytes().all(plain) {
            return invalid(format!("streams[{i}].name"), "A stream's name is made of a-z, 0-9, - and _.");
        }
        let Some(digest) = parse_digest(&stream.token_sha256) else {
            return invalid(format!("streams[{i}].token_sha256"), "A digest is 64 lower-case hexadecimal digits.");
        };
        if digests.insert(stream.name.clone(), digest).is_some() {
            return invalid(format!("streams[{i}].name"), "Two streams have the same name.");
        }
    }
    Ok(digests)
}

fn parse_digest(text: &str) -> Option<TokenDigest> {
    let nibble = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let bytes: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut digest = TokenDigest::default();
    for (out, pair) in digest.iter_mut().zip(bytes.chunks_exact(2)) {
        *out = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests;
