//! Fills an empty store from a document: a demonstration, or a venue that was planned elsewhere. All or nothing.

use super::start::FIRST;
use super::{Commands, clock};
use crate::media;
use crate::refusal::Refusal;
use crate::store::assets::StoredAsset;
use crate::store::channels::StoredChannel;
use crate::store::sources::StoredSource;
use crate::store::{Context, assets, channels, destinations, executions, settings, sources, timelines};
use automation::fault::Code;
use automation::id::{AssetId, ChannelId, TimelineId};
use automation::secret::Secret;
use automation::spec::{Destination, Failover, House, Messages, Source, SourceKind, Timeline, TimelineDraft};
use rusqlite::Transaction;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::PathBuf;
use tokio_util::io::ReaderStream;

/// Who is named as the maker of what a document brings.
const MAKER: &str = "Bandstand";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    #[serde(default)]
    venue: Option<String>,
    /// Whatever else there is, in a box that has channels already.
    #[serde(default)]
    time_zone: Option<String>,
    #[serde(default)]
    assets: Vec<SeedAsset>,
    #[serde(default)]
    channels: Vec<SeedChannel>,
}

/// A file of this machine, which is copied.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedAsset {
    id: AssetId,
    name: String,
    path: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedChannel {
    id: ChannelId,
    name: String,
    house: Option<House>,
    #[serde(default)]
    failover: Failover,
    #[serde(default)]
    messages: Messages,
    #[serde(default)]
    sources: Vec<SeedSource>,
    #[serde(default)]
    destinations: Vec<Destination>,
    #[serde(default)]
    timelines: Vec<TimelineDraft>,
    /// The one that is loaded.
    #[serde(default)]
    timeline: Option<TimelineId>,
}

/// A source, and the token of its publisher.
#[derive(Deserialize)]
struct SeedSource {
    #[serde(flatten)]
    source: Source,
    #[serde(default)]
    token: Secret,
}

impl Commands {
    /// Writes the document. Refused with `conflict`, and with nothing else, where somebody has set up channels already; a time zone that
    /// comes alone is not.
    pub async fn seed(&self, document: &str) -> Result<(), Refusal> {
        let mut from = serde_json::Deserializer::from_str(document);
        let seed: Seed = serde_path_to_error::deserialize(&mut from).map_err(|error| {
            Refusal::wrong(Code::RequestInvalid, error.path().to_string(), error.into_inner().to_string())
        })?;
        let mut files = Vec::new();
        for asset in &seed.assets {
            files.push(self.bring_in(asset).await?);
        }
        let stored: Vec<PathBuf> = files.iter().map(|file| self.store.context().assets.join(&file.file)).collect();
        let (at_ms, house, look) = (self.now().wall_ms, self.house.clone(), self.look());
        let write = move |tx: &Transaction<'_>, context: &Context| {
            if let Some(zone) = &seed.time_zone {
                clock::choose(tx, &look, Some(zone))?;
            }
            let alone =
                seed.time_zone.is_some() && seed.venue.is_none() && seed.channels.is_empty() && files.is_empty();
            if alone { Ok(()) } else { fill(tx, context, seed, files, house, at_ms) }
        };
        let written = self.store.change(write).await;
        if written.is_err() {
            stored.iter().for_each(|path| {
                let _ = std::fs::remove_file(path);
            });
        }
        written
    }

    async fn bring_in(&self, asset: &SeedAsset) -> Result<StoredAsset, Refusal> {
        let file = tokio::fs::File::open(&asset.path).await.map_err(|error| {
            let detail = format!("The file {} cannot be read.", asset.path.display());
            Refusal { cause: Some(Box::new(error)), ..Refusal::because(Code::MediaMissing, detail) }
        })?;
        let name = super::name(&asset.name, Code::RequestInvalid)?;
        let body = ReaderStream::new(file);
        media::receive(&self.store.context().assets, asset.id.clone(), name, u64::MAX, body).await
    }
}

fn fill(
    tx: &Transaction<'_>,
    context: &Context,
    seed: Seed,
    files: Vec<StoredAsset>,
    house: House,
    at_ms: i64,
) -> Result<(), Refusal> {
    clear(tx, context, &house)?;
    if let Some(venue) = &seed.venue {
        settings::set_venue(tx, &super::name(venue, Code::RequestInvalid)?)?;
    }
    tokens_differ(&seed.channels)?;
    for file in &files {
        assets::insert(tx, file, at_ms)?;
    }
    for mut seed in seed.channels {
        let house = seed.house.take().unwrap_or_else(|| house.clone());
        channel(tx, context, seed, house, at_ms)?;
    }
    settings::raise_ingest(tx, 0)
}

/// Refuses a box that somebody has begun to set up. The channel that an empty box made for itself when it started, and that nobody
/// has touched since, makes way: else a document that was refused once could never be mended.
fn clear(tx: &Transaction<'_>, context: &Context, house: &House) -> Result<(), Refusal> {
    let all = channels::all(tx)?;
    let own = match all.as_slice() {
        [] => return Ok(()),
        [one] if one.id == ChannelId::new(FIRST)? && is_untouched(tx, context, one, house)? => one,
        _ => {
            let text = "This box has channels already; only an empty one is filled.";
            return Err(Refusal::because(Code::Conflict, text));
        }
    };
    channels::delete(tx, &own.id)
}

/// Whether a channel is as a start made it.
fn is_untouched(
    tx: &Transaction<'_>,
    context: &Context,
    channel: &StoredChannel,
    house: &House,
) -> Result<bool, Refusal> {
    let StoredChannel { id, name, house: its, failover, messages, sound, .. } = channel;
    let StoredChannel { slate_picture, manual, overlays_cleared, live, .. } = channel;
    let plain = settings::venue(tx)?.as_ref() == Some(name)
        && (its, failover, messages) == (house, &Failover::default(), &Messages::default())
        && (sound.is_none() && slate_picture.is_none() && manual.is_none() && live.is_none() && !overlays_cleared);
    Ok(plain
        && sources::of(tx, context, id)?.is_empty()
        && destinations::of(tx, context, id)?.is_empty()
        && timelines::of(tx, id)?.is_empty()
        && executions::of(tx, id, None, 1)?.is_empty())
}

/// Each publisher has a token of its own: one that leaks opens one input (LP-37).
fn tokens_differ(channels: &[SeedChannel]) -> Result<(), Refusal> {
    let mut known = BTreeSet::new();
    for channel in channels {
        for SeedSource { source, token } in &channel.sources {
            if !token.is_empty() && !known.insert(token.expose()) {
                let place = format!("channels.{}.sources.{}.token", channel.id, source.id);
                return Err(Refusal::wrong(Code::RequestInvalid, place, "another source has this token already"));
            }
        }
    }
    Ok(())
}

fn channel(
    tx: &Transaction<'_>,
    context: &Context,
    seed: SeedChannel,
    house: House,
    at_ms: i64,
) -> Result<(), Refusal> {
    let id = seed.id;
    let stored = StoredChannel {
        id: id.clone(),
        name: seed.name,
        generation: 1,
        house,
        failover: seed.failover,
        messages: seed.messages,
        sound: None,
        slate_picture: None,
        manual: None,
        overlays_cleared: false,
        live: None,
    };
    channels::insert(tx, &stored, at_ms)?;
    for SeedSource { source, token } in seed.sources {
        if matches!(source.kind, SourceKind::Rtmp { .. }) && token.is_empty() {
            let place = format!("channels.{id}.sources.{}.token", source.id);
            return Err(Refusal::wrong(Code::RequestInvalid, place, "a publisher's source needs a token"));
        }
        sources::put(tx, context, &id, &StoredSource { source, token, camera: None })?;
    }
    for destination in &seed.destinations {
        destinations::put(tx, context, &id, destination)?;
    }
    for draft in seed.timelines {
        let timeline = Timeline::try_from(draft).map_err(|wrongs| Refusal::wrongs(Code::TimelineInvalid, wrongs.0))?;
        timelines::put(tx, &id, &timeline, "", MAKER, at_ms)?;
    }
    if let Some(timeline) = &seed.timeline {
        timelines::get(tx, &id, timeline)?;
    }
    timelines::load(tx, &id, seed.timeline.as_ref())
}
