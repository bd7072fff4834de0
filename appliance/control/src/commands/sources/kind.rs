//! What a person wrote of a source's kind, completed by what the server chooses and by what is kept.

use crate::commands::there;
use crate::doc::SourceKindDraft;
use crate::refusal::Refusal;
use crate::store::{Context, channels, sources};
use automation::fault::Code;
use automation::id::ChannelId;
use automation::secret::Secret;
use automation::spec::{
    CAPTURE_SOUND_AUTO, LATENCY_MS_DEFAULT, PLAYLIST_MAX, PULL_LATENCY_MS_DEFAULT, PublisherRole, STILL_MS_DEFAULT,
    SourceKind, SrtMode, Transport,
};
use rusqlite::Transaction;
use std::ops::RangeInclusive;

/// Ports that are proposed to listeners of SRT; none of them is another service's by custom.
const SRT_PORTS: RangeInclusive<u16> = 9710..=9809;
/// Ports that are proposed to receivers of RTP and of plain UDP: even ones, as RTP has them (RFC 3550, section 11).
const UDP_PORTS: RangeInclusive<u16> = 5004..=5202;

/// The kind that a draft makes. With `old` it is a change of that one: its kind stays, and so does what the draft
/// leaves out. What is wrong with its texts and numbers, the channel's check tells.
pub(super) fn kind(
    tx: &Transaction<'_>,
    context: &Context,
    channel: &ChannelId,
    old: Option<SourceKind>,
    draft: SourceKindDraft,
) -> Result<SourceKind, Refusal> {
    let latency = |given: Option<u32>, kept: Option<u32>| given.or(kept).unwrap_or(LATENCY_MS_DEFAULT);
    Ok(match (draft, old) {
        (draft @ SourceKindDraft::Camera { .. }, old @ (None | Some(SourceKind::Camera { .. }))) => camera(draft, old)?,
        (SourceKindDraft::Rtmp { role, latency_ms }, None) => {
            let role = role.unwrap_or_default();
            SourceKind::Rtmp { stream: stream(tx, channel, role)?, role, latency_ms: latency(latency_ms, None) }
        }
        (
            SourceKindDraft::Rtmp { role: asked, latency_ms },
            Some(SourceKind::Rtmp { stream, role, latency_ms: kept_ms }),
        ) => {
            if asked.is_some_and(|asked| asked != role) {
                let reason = "stays as it was, for the stream is named by it; add another source for the other role";
                return Err(Refusal::wrong(Code::SpecInvalid, "role", reason));
            }
            SourceKind::Rtmp { stream, role, latency_ms: latency(latency_ms, Some(kept_ms)) }
        }
        (draft @ SourceKindDraft::Srt { .. }, old @ (None | Some(SourceKind::Srt { .. }))) => {
            srt(tx, context, draft, old)?
        }
        (SourceKindDraft::Udp { port, group, latency_ms }, old @ (None | Some(SourceKind::Udp { .. }))) => {
            let (kept, kept_ms) = match old {
                Some(SourceKind::Udp { port, latency_ms, .. }) => (Some(port), Some(latency_ms)),
                _ => (None, None),
            };
            let port = match port.or(kept) {
                Some(port) => port,
                None => free_port(tx, context, UDP_PORTS.step_by(2))?,
            };
            SourceKind::Udp { port, group: group.trim().to_owned(), latency_ms: latency(latency_ms, kept_ms) }
        }
        (draft @ SourceKindDraft::Pull { .. }, old @ (None | Some(SourceKind::Pull { .. }))) => pull(draft, old)?,
        (SourceKindDraft::Capture { video, sound, latency_ms }, old @ (None | Some(SourceKind::Capture { .. }))) => {
            let (kept, kept_ms) = match old {
                Some(SourceKind::Capture { sound, latency_ms, .. }) => (Some(sound), Some(latency_ms)),
                _ => (None, None),
            };
            let sound = sound.or(kept).unwrap_or_else(|| CAPTURE_SOUND_AUTO.to_owned());
            SourceKind::Capture { video, sound, latency_ms: latency(latency_ms, kept_ms) }
        }
        (draft @ SourceKindDraft::Media { .. }, old @ (None | Some(SourceKind::Media { .. }))) => {
            media(tx, draft, old)?
        }
        (SourceKindDraft::Slate { title, text }, None | Some(SourceKind::Slate { .. })) => {
            SourceKind::Slate { title, text }
        }
        (SourceKindDraft::TestPattern { pattern }, None | Some(SourceKind::TestPattern { .. })) => {
            SourceKind::TestPattern { pattern }
        }
        (_, Some(_)) => {
            let reason = "stays as it was; add another source for another kind";
            return Err(Refusal::wrong(Code::SpecInvalid, "kind", reason));
        }
    })
}

fn media(tx: &Transaction<'_>, draft: SourceKindDraft, old: Option<SourceKind>) -> Result<SourceKind, Refusal> {
    let SourceKindDraft::Media { asset, then, still_ms } = draft else {
        return Err(Refusal::because(Code::Internal, "No file."));
    };
    let (kept_then, kept_ms) = match old {
        Some(SourceKind::Media { then, still_ms, .. }) => (then, still_ms),
        _ => (Vec::new(), STILL_MS_DEFAULT),
    };
    let asset = there(tx, asset, "asset")?.doc.id;
    let then = then.unwrap_or(kept_then);
    // What is too long is told as such, and not looked up.
    for (n, asset) in then.iter().enumerate().take(PLAYLIST_MAX) {
        let place = format!("then[{n}]");
        there(tx, asset.clone(), &place).map_err(|refusal| match refusal.code {
            Code::SpecInvalid => {
                let reason = format!("there is no file \"{asset}\": upload it, or take it out of the playlist");
                Refusal::wrong(Code::SpecInvalid, &place, reason)
            }
            _ => refusal,
        })?;
    }
    Ok(SourceKind::Media { asset, then, still_ms: still_ms.unwrap_or(kept_ms) })
}

fn camera(draft: SourceKindDraft, old: Option<SourceKind>) -> Result<SourceKind, Refusal> {
    let SourceKindDraft::Camera { url, user, password, transport, any_certificate, latency_ms } = draft else {
        return Err(Refusal::because(Code::Internal, "No camera."));
    };
    let (kept_password, kept_transport, kept_any, kept_ms) = match old {
        Some(SourceKind::Camera { password, transport, any_certificate, latency_ms, .. }) => {
            (password, transport, any_certificate, latency_ms)
        }
        _ => (Secret::default(), Transport::default(), false, LATENCY_MS_DEFAULT),
    };
    Ok(SourceKind::Camera {
        url,
        user,
        password: password.unwrap_or(kept_password),
        transport: transport.unwrap_or(kept_transport),
        any_certificate: any_certificate.unwrap_or(kept_any),
        latency_ms: latency_ms.unwrap_or(kept_ms),
    })
}

fn pull(draft: SourceKindDraft, old: Option<SourceKind>) -> Result<SourceKind, Refusal> {
    let SourceKindDraft::Pull { url, user, password, latency_ms } = draft else {
        return Err(Refusal::because(Code::Internal, "No stream to fetch."));
    };
    let (kept_url, kept_query, kept_password, kept_ms) = match old {
        Some(SourceKind::Pull { url, query, password, latency_ms, .. }) => (url, query, password, latency_ms),
        _ => (String::new(), Secret::default(), Secret::default(), PULL_LATENCY_MS_DEFAULT),
    };
    let (url, query) = match url.expose().trim().split_once('?') {
        Some((url, query)) => (url.to_owned(), Secret::new(query)),
        None if url.expose().trim() == kept_url => (kept_url, kept_query),
        None => (url.expose().trim().to_owned(), Secret::default()),
    };
    Ok(SourceKind::Pull {
        url,
        query,
        user,
        password: password.unwrap_or(kept_password),
        latency_ms: latency_ms.unwrap_or(kept_ms),
    })
}

/// A name for a new publisher's stream, that no other has.
fn stream(tx: &Transaction<'_>, channel: &ChannelId, role: PublisherRole) -> Result<String, Refusal> {
    let first = format!("{channel}{}", role.ending());
    let mut stream = first.clone();
    let mut number = 2;
    while sources::stream_taken(tx, &stream)? {
        stream = format!("{first}{number}");
        number += 1;
    }
    Ok(stream)
}

fn srt(
    tx: &Transaction<'_>,
    context: &Context,
    draft: SourceKindDraft,
    old: Option<SourceKind>,
) -> Result<SourceKind, Refusal> {
    let SourceKindDraft::Srt { mode, host, port, stream_id, passphrase, latency_ms } = draft else {
        return Err(Refusal::because(Code::Internal, "No source by SRT."));
    };
    let (kept_port, kept_secret, kept_ms) = match old {
        Some(SourceKind::Srt { mode: was, port, passphrase, latency_ms, .. }) => {
            // The port of the far side is none of ours.
            ((was == mode).then_some(port), passphrase, latency_ms)
        }
        _ => (None, Secret::default(), LATENCY_MS_DEFAULT),
    };
    let port = match (port.or(kept_port), mode) {
        (Some(port), _) => port,
        (None, SrtMode::Listener) => free_port(tx, context, SRT_PORTS)?,
        (None, SrtMode::Caller) => {
            return Err(Refusal::wrong(Code::SpecInvalid, "port", "must be the port on which the far side listens"));
        }
    };
    Ok(SourceKind::Srt {
        mode,
        host: host.trim().to_owned(),
        port,
        stream_id: Secret::new(stream_id.expose().trim()),
        passphrase: passphrase.unwrap_or(kept_secret),
        latency_ms: latency_ms.unwrap_or(kept_ms),
    })
}

/// The first of `ports` on which no source of any channel waits.
fn free_port(tx: &Transaction<'_>, context: &Context, mut ports: impl Iterator<Item = u16>) -> Result<u16, Refusal> {
    let mut taken = Vec::new();
    for channel in channels::all(tx)? {
        let stored = sources::of(tx, context, &channel.id)?;
        taken.extend(stored.iter().filter_map(|stored| Some(stored.source.kind.waits()?.port)));
    }
    let none = || Refusal::wrong(Code::Conflict, "port", "must be chosen: every port that would be proposed is taken");
    ports.find(|port| !taken.contains(port)).ok_or_else(none)
}

/// Refuses a port on which a source of another channel waits already. Those of the same channel, its check compares.
pub(super) fn port_is_free(
    tx: &Transaction<'_>,
    context: &Context,
    ours: &ChannelId,
    kind: &SourceKind,
) -> Result<(), Refusal> {
    let Some(waits) = kind.waits() else { return Ok(()) };
    for channel in channels::all(tx)?.iter().filter(|channel| channel.id != *ours) {
        let stored = sources::of(tx, context, &channel.id)?;
        let clash = stored.iter().find(|one| one.source.kind.waits().is_some_and(|other| other.clashes(&waits)));
        if let Some(other) = clash {
            let (source, channel, port) = (&other.source.name, &channel.name, waits.port);
            let reason =
                format!("\"{source}\" of the channel \"{channel}\" waits on port {port} already: choose another one");
            return Err(Refusal::wrong(Code::SpecInvalid, "port", reason));
        }
    }
    Ok(())
}
