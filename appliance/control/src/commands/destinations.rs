//! Destinations.

use super::{Commands, check, name, new_id, room};
use crate::doc::{DestinationDoc, DestinationDraft};
use crate::refusal::Refusal;
use crate::store::channels::StoredChannel;
use crate::store::destinations::DESTINATIONS_MAX;
use crate::store::wanted::destination_document;
use crate::store::{Context, channels, destinations};
use automation::fault::Code;
use automation::id::{ChannelId, DestinationId};
use automation::secret::Secret;
use automation::spec::{Destination, Platform, RtmpUrl, platform};
use rusqlite::Transaction;

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
                    url: url(&draft.url)?,
                    key: key(&draft.key.unwrap_or_default()),
                    enabled: draft.enabled,
                };
                may_join(&stored, None, &destination)?;
                put(tx, context, &channel, &destination, at_ms)?;
                Ok(destination_document(&destination))
            })
            .await
    }

    /// Changes a destination. A stream key that is not sent stays.
    pub async fn change_destination(
        &self,
        channel: ChannelId,
        id: DestinationId,
        draft: DestinationDraft,
    ) -> Result<DestinationDoc, Refusal> {
        self.edit_destination(channel, id, move |destination| {
            destination.name = name(&draft.name, Code::SpecInvalid)?;
            destination.url = url(&draft.url)?;
            if let Some(secret) = draft.key {
                destination.key = key(&secret);
            }
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
    let platform = Platform::of(&new.url);
    let is_in = old.is_some_and(|old| old.enabled && Platform::of(&old.url) == platform);
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

fn url(text: &str) -> Result<RtmpUrl, Refusal> {
    RtmpUrl::parse(text.trim()).map_err(|error| Refusal::wrong(Code::SpecInvalid, "url", error.to_string()))
}

/// A stream key as it is copied from a platform's page: blanks around it are a slip of the hand.
fn key(secret: &Secret) -> Secret {
    Secret::new(secret.expose().trim())
}
