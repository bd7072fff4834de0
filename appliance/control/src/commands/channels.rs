//! Channels.

use super::{Commands, check, name, new_id, room, there};
use crate::doc::{AssetKind, ChannelDoc, ChannelDraft, ChannelPatch};
use crate::refusal::Refusal;
use crate::store::channels::{CHANNELS_MAX, StoredChannel};
use crate::store::{channels, settings, sources, timelines};
use automation::fault::Code;
use automation::id::{AssetId, ChannelId};
use automation::spec::{Failover, House, Messages, SourceKind};
use rusqlite::Transaction;

impl Commands {
    /// Makes a channel.
    pub async fn create_channel(&self, draft: ChannelDraft) -> Result<ChannelDoc, Refusal> {
        let (at_ms, house) = (self.now().wall_ms, self.house.clone());
        let channel = self.store.change(move |tx, _| insert(tx, draft, house, at_ms)).await?;
        self.channel(&channel)
    }

    /// Changes a channel.
    pub async fn change_channel(&self, id: ChannelId, patch: ChannelPatch) -> Result<ChannelDoc, Refusal> {
        let at_ms = self.now().wall_ms;
        let channel = id.clone();
        self.store
            .change(move |tx, context| {
                let mut stored = channels::get(tx, &channel)?;
                if let Some(text) = &patch.name {
                    stored.name = name(text, Code::SpecInvalid)?;
                }
                if let Some(house) = patch.house {
                    if stored.live.is_some() && house != stored.house {
                        let text = "The format of the program is fixed while a broadcast runs. End it first.";
                        return Err(Refusal::because(Code::Conflict, text));
                    }
                    stored.house = house;
                }
                if let Some(failover) = patch.failover {
                    stored.failover = failover;
                }
                if let Some(messages) = patch.messages {
                    stored.messages = messages;
                }
                if let Some(sound) = patch.sound {
                    stored.sound = sound;
                }
                if let Some(picture) = patch.slate_picture {
                    stored.slate_picture = picture.map(|asset| still(tx, asset)).transpose()?;
                }
                if let Some(timeline) = &patch.timeline {
                    if let Some(timeline) = timeline {
                        timelines::get(tx, &channel, timeline)?;
                    }
                    timelines::load(tx, &channel, timeline.as_ref())?;
                }
                channels::update(tx, &stored, at_ms)?;
                check(tx, context, &channel, "", Code::SpecInvalid)
            })
            .await?;
        self.channel(&id)
    }

    /// Deletes a channel that is not on air.
    pub async fn delete_channel(&self, id: ChannelId) -> Result<(), Refusal> {
        self.store
            .change(move |tx, context| {
                let stored = channels::get(tx, &id)?;
                if stored.live.is_some() {
                    let text = format!("\"{}\" is on air. End the broadcast first.", stored.name);
                    return Err(Refusal::because(Code::InUse, text));
                }
                let published = sources::of(tx, context, &id)?
                    .iter()
                    .any(|stored| matches!(stored.source.kind, SourceKind::Rtmp { .. }));
                channels::delete(tx, &id)?;
                if published {
                    settings::raise_ingest(tx, 0)?;
                }
                Ok(())
            })
            .await
    }

    /// A worker holds a newer plan of this channel than ours: ours goes beyond it, and is in force again.
    pub async fn outrun_channel(&self, id: ChannelId, generation: u64) -> Result<(), Refusal> {
        self.store.change(move |tx, _| channels::raise(tx, &id, generation + 1)).await
    }

    /// The same for the door.
    pub async fn outrun_ingest(&self, generation: u64) -> Result<(), Refusal> {
        self.store.change(move |tx, _| settings::raise_ingest(tx, generation + 1)).await
    }

    fn channel(&self, id: &ChannelId) -> Result<ChannelDoc, Refusal> {
        Ok(self.store.wanted().borrow().channel(id)?.doc.clone())
    }
}

/// An uploaded file that is a picture.
fn still(tx: &Transaction<'_>, id: AssetId) -> Result<AssetId, Refusal> {
    let asset = there(tx, id, "slate_picture")?;
    if asset.doc.kind != AssetKind::Image {
        let reason = format!("\"{}\" is a film: choose a picture", asset.doc.name);
        return Err(Refusal::wrong(Code::SpecInvalid, "slate_picture", reason));
    }
    Ok(asset.doc.id)
}

/// Writes a new channel, in this format where it asks for none, and answers its id.
pub(super) fn insert(
    tx: &Transaction<'_>,
    draft: ChannelDraft,
    house: House,
    at_ms: i64,
) -> Result<ChannelId, Refusal> {
    let name = name(&draft.name, Code::SpecInvalid)?;
    let there = channels::all(tx)?;
    room(there.len(), CHANNELS_MAX, "channels")?;
    let id = new_id(draft.id, &name, |id| there.iter().any(|channel| channel.id.as_str() == id), "channel")?;
    let channel = StoredChannel {
        id: id.clone(),
        name,
        generation: 1,
        house: draft.house.unwrap_or(house),
        failover: Failover::default(),
        messages: Messages::default(),
        sound: None,
        slate_picture: None,
        manual: None,
        overlays_cleared: false,
        live: None,
    };
    channels::insert(tx, &channel, at_ms)?;
    Ok(id)
}
