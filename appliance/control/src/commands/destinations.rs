//! Destinations.

use super::{Commands, check, name, new_id, room};
use crate::doc::{DestinationDoc, DestinationDraft, DestinationKindDraft};
use crate::refusal::Refusal;
use crate::store::channels::StoredChannel;
use crate::store::destinations::DESTINATIONS_MAX;
use crate::store::wanted::destination_document;
use crate::store::{Context, channels, destinations};
use automation::fault::Code;
use automation::id::{ChannelId, DestinationId};
use automation::secret::Secret;
use automation::spec::{
    Destination, DestinationKind, KEEP_MB_DEFAULT, LEAVE_MB_DEFAULT, PART_MINUTES_DEFAULT, RtmpUrl,
    SRT_LATENCY_MS_DEFAULT, SrtUrl, platform,
};
use rusqlite::Transaction;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

impl Commands {
    /// Adds a destination.
    pub async fn create_destination(
        &self,
        channel: ChannelId,
        draft: DestinationDraft,
    ) -> Result<DestinationDoc, Refusal> {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, context| {
                let stored = channels::get(tx, &channel)?;
                let there = destinations::of(tx, context, &channel)?;
                room(there.len(), DESTINATIONS_MAX, "destinations")?;
                let name = name(&draft.name, Code::SpecInvalid)?;
                let taken = |id: &str| there.iter().any(|stored| stored.id.as_str() == id);
                let destination = Destination {
                    id: new_id(draft.id, &name, taken, "destination")?,
                    name,
                    enabled: draft.enabled,
                    renew_hours: draft.renew_hours,
                    kind: kind(draft.kind, None)?,
                };
                may_join(&stored, None, &destination)?;
                put(tx, context, &channel, &destination, at_ms)?;
                Ok(destination_document(&destination))
            })
            .await
    }

    /// Changes a destination. A secret that is not sent stays, as long as the kind does.
    pub async fn change_destination(
        &self,
        channel: ChannelId,
        id: DestinationId,
        draft: DestinationDraft,
    ) -> Result<DestinationDoc, Refusal> {
        self.edit_destination(channel, id, move |destination| {
            destination.name = name(&draft.name, Code::SpecInvalid)?;
            destination.kind = kind(draft.kind, Some(&destination.kind))?;
            destination.renew_hours = draft.renew_hours;
            destination.enabled = draft.enabled;
            Ok(())
        })
        .await
    }

    /// Lets a destination take part in the broadcast, or stops it and nothing else.
    pub async fn enable_destination(
        &self,
        channel: ChannelId,
        id: DestinationId,
        enabled: bool,
    ) -> Result<DestinationDoc, Refusal> {
        self.edit_destination(channel, id, move |destination| {
            destination.enabled = enabled;
            Ok(())
        })
        .await
    }

    async fn edit_destination<F>(
        &self,
        channel: ChannelId,
        id: DestinationId,
        edit: F,
    ) -> Result<DestinationDoc, Refusal>
    where
        F: FnOnce(&mut Destination) -> Result<(), Refusal> + Send + 'static,
    {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, context| {
                let stored = channels::get(tx, &channel)?;
                let old = destinations::get(tx, context, &channel, &id)?;
                let mut destination = old.clone();
                edit(&mut destination)?;
                if destination != old {
                    may_join(&stored, Some(&old), &destination)?;
                    put(tx, context, &channel, &destination, at_ms)?;
                }
                Ok(destination_document(&destination))
            })
            .await
    }

    /// Deletes a destination; where it is on air, it alone ends.
    pub async fn delete_destination(&self, channel: ChannelId, id: DestinationId) -> Result<(), Refusal> {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, context| {
                channels::get(tx, &channel)?;
                destinations::get(tx, context, &channel, &id)?;
                destinations::delete(tx, &channel, &id)?;
                channels::touch(tx, &channel, at_ms)
            })
            .await
    }
}

/// A broadcast is sent with the same rate from its beginning to its end (D-3, D-17): a destination that takes less
/// cannot join it. One that takes part already stays in it.
fn may_join(channel: &StoredChannel, old: Option<&Destination>, new: &Destination) -> Result<(), Refusal> {
    let Some(live) = &channel.live else { return Ok(()) };
    let platform = new.platform();
    let is_in = old.is_some_and(|old| old.enabled && old.platform() == platform);
    let sent = live.output.house.video_kbps;
    match platform::kbps_max(&live.output.house, new) {
        Some(max) if new.enabled && !is_in && max < sent => {
            let name = platform.terms().name;
            let text = format!("{name} takes at most {max} kbps, and this broadcast is sent with {sent} kbps.");
            Err(Refusal::because(Code::PlatformStricter, text))
        }
        _ => Ok(()),
    }
}

fn put(
    tx: &Transaction<'_>,
    context: &Context,
    channel: &ChannelId,
    destination: &Destination,
    at_ms: i64,
) -> Result<(), Refusal> {
    destinations::put(tx, context, channel, destination)?;
    channels::touch(tx, channel, at_ms)?;
    let all = destinations::of(tx, context, channel)?;
    let index = all.iter().position(|other| other.id == destination.id).unwrap_or_default();
    check(tx, context, channel, &format!("destinations[{index}]"), Code::SpecInvalid)
}

/// What a person wrote, beside what was stored before.
fn kind(draft: DestinationKindDraft, old: Option<&DestinationKind>) -> Result<DestinationKind, Refusal> {
    let wrong = |place: &str, reason: String| Refusal::wrong(Code::SpecInvalid, place, reason);
    Ok(match draft {
        DestinationKindDraft::Rtmp { url, key, authority } => DestinationKind::Rtmp {
            url: RtmpUrl::parse(url.trim()).map_err(|bad| wrong("url", bad.to_string()))?,
            key: match (key, old) {
                (Some(key), _) => trimmed(&key),
                (None, Some(DestinationKind::Rtmp { key, .. })) => key.clone(),
                (None, _) => Secret::default(),
            },
            authority: authority.filter(|pem| !pem.trim().is_empty()).map(readable).transpose()?,
        },
        DestinationKindDraft::Srt { url, passphrase, stream_id, latency_ms } => {
            let (old_passphrase, old_stream_id) = match old {
                Some(DestinationKind::Srt { passphrase, stream_id, .. }) => (passphrase.clone(), stream_id.clone()),
                _ => Default::default(),
            };
            DestinationKind::Srt {
                url: SrtUrl::parse(url.trim()).map_err(|bad| wrong("url", bad.to_string()))?,
                passphrase: passphrase.map_or(old_passphrase, |secret| trimmed(&secret)),
                stream_id: stream_id.map_or(old_stream_id, |secret| trimmed(&secret)),
                latency_ms: latency_ms.unwrap_or(SRT_LATENCY_MS_DEFAULT),
            }
        }
        DestinationKindDraft::File { medium, folder, container, part_minutes, keep_mb, leave_mb } => {
            DestinationKind::File {
                medium,
                folder: folder.trim().to_owned(),
                container,
                part_minutes: part_minutes.unwrap_or(PART_MINUTES_DEFAULT),
                keep_mb: keep_mb.unwrap_or(KEEP_MB_DEFAULT),
                leave_mb: leave_mb.unwrap_or(LEAVE_MB_DEFAULT),
            }
        }
    })
}

/// Certificates that TLS can be checked with.
fn readable(pem: String) -> Result<String, Refusal> {
    let because = |reason: &str| Refusal::wrong(Code::SpecInvalid, "authority", reason);
    // A file of a server often holds both. Its key would be kept and shown like the certificate.
    if pem.contains("PRIVATE KEY") {
        return Err(because("holds a private key: paste only the certificate"));
    }
    let wrong = || because("must be certificates in PEM form, as an authority gives them out");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        certificate.ok().and_then(|certificate| roots.add(certificate).ok()).ok_or_else(wrong)?;
    }
    if roots.is_empty() { Err(wrong()) } else { Ok(pem) }
}

/// A secret as it is copied from a platform's page: blanks around it are a slip of the hand.
fn trimmed(secret: &Secret) -> Secret {
    Secret::new(secret.expose().trim())
}
