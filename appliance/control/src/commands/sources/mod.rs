//! Sources.

mod kind;

use super::{Commands, check, in_use, name, new_id, room, token};
use crate::doc::{SourceDoc, SourceDraft};
use crate::refusal::Refusal;
use crate::store::sources::{SOURCES_MAX, StoredSource};
use crate::store::wanted::source_document;
use crate::store::{Context, channels, settings, sources, timelines};
use automation::fault::Code;
use automation::id::{ChannelId, SourceId};
use automation::secret::Secret;
use automation::spec::{Hold, Ptz, PtzControl, Source, SourceKind, Track};
use camera::Url;
use rusqlite::Transaction;

impl Commands {
    /// Adds a source.
    pub async fn create_source(&self, channel: ChannelId, draft: SourceDraft) -> Result<SourceDoc, Refusal> {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, context| {
                channels::get(tx, &channel)?;
                let there = sources::of(tx, context, &channel)?;
                room(there.len(), SOURCES_MAX, "sources")?;
                let (id, name) = id_and_name(&there, draft.id, &draft.name, "source")?;
                let kind = kind::kind(tx, context, &channel, None, draft.kind)?;
                // Whoever publishes must know a token.
                let token = match kind {
                    SourceKind::Rtmp { .. } => Secret::new(token()?),
                    _ => Secret::default(),
                };
                let ptz = draft.ptz.flatten();
                let sound_only = draft.sound_only.unwrap_or_default();
                let source = Source { id, name, kind, backup: draft.backup, ptz, sound_only };
                let stored = StoredSource { source, token, camera: None };
                put(tx, context, &channel, &stored, at_ms)?;
                Ok(source_document(&stored))
            })
            .await
    }

    /// Changes a source. Its kind stays, and so do secrets that are not sent.
    pub async fn change_source(
        &self,
        channel: ChannelId,
        id: SourceId,
        draft: SourceDraft,
    ) -> Result<SourceDoc, Refusal> {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, context| {
                channels::get(tx, &channel)?;
                let mut stored = sources::get(tx, context, &channel, &id)?;
                stored.source.name = name(&draft.name, Code::SpecInvalid)?;
                stored.source.backup = draft.backup;
                stored.source.sound_only = draft.sound_only.unwrap_or(stored.source.sound_only);
                stored.source.kind = kind::kind(tx, context, &channel, Some(stored.source.kind), draft.kind)?;
                match draft.ptz.filter(|ptz| *ptz != stored.source.ptz) {
                    Some(ptz) => stored.source.ptz = ptz,
                    None => keep_head(&mut stored.source),
                }
                forget_other_camera(&mut stored);
                put(tx, context, &channel, &stored, at_ms)?;
                Ok(source_document(&stored))
            })
            .await
    }

    /// Deletes a source that is used nowhere.
    pub async fn delete_source(&self, channel: ChannelId, id: SourceId) -> Result<(), Refusal> {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, context| {
                let mut around = channels::get(tx, &channel)?;
                let stored = sources::get(tx, context, &channel, &id)?;
                let places = uses(tx, context, &channel, &id)?;
                if !places.is_empty() {
                    return Err(in_use(&format!("\"{}\"", stored.source.name), places));
                }
                // A take is over with the next cue, and stands here until then and after; it goes with its source.
                around.manual.take_if(|manual| manual.source.as_ref() == Some(&id));
                sources::delete(tx, &channel, &id)?;
                if matches!(stored.source.kind, SourceKind::Rtmp { .. }) {
                    settings::raise_ingest(tx, 0)?;
                }
                channels::update(tx, &around, at_ms)
            })
            .await
    }

    /// Gives a publisher's source a new token. Who publishes with the old one is sent away by `ingest`.
    pub async fn rotate_token(&self, channel: ChannelId, id: SourceId) -> Result<SourceDoc, Refusal> {
        self.store
            .change(move |tx, context| {
                channels::get(tx, &channel)?;
                let mut stored = sources::get(tx, context, &channel, &id)?;
                if !matches!(stored.source.kind, SourceKind::Rtmp { .. }) {
                    let text = format!("\"{}\" has no stream key: nobody publishes to it.", stored.source.name);
                    return Err(Refusal::because(Code::Conflict, text));
                }
                stored.token = Secret::new(token()?);
                sources::put(tx, context, &channel, &stored)?;
                settings::raise_ingest(tx, 0)?;
                Ok(source_document(&stored))
            })
            .await
    }
}

/// The host of a camera's stream.
fn stream_host(kind: &SourceKind) -> Option<String> {
    let SourceKind::Camera { url, .. } = kind else { return None };
    Url::of_stream(url).ok().map(|url| url.host().to_owned())
}

/// A person has given a camera another address, and said nothing of its head: it is where the camera is.
fn keep_head(source: &mut Source) {
    let Some(host) = stream_host(&source.kind) else { return };
    let Some(Ptz { control: PtzControl::Onvif { device, service, .. }, .. }) = &mut source.ptz else { return };
    for text in [device, service] {
        if let Some(moved) = Url::parse(text).ok().and_then(|url| url.at_host(&host).ok()) {
            *text = moved.to_string();
        }
    }
}

/// What is at another address now may be another camera: it must not be looked for under the old one's identity.
fn forget_other_camera(stored: &mut StoredSource) {
    let host = stream_host(&stored.source.kind);
    stored.camera = stored.camera.take().filter(|camera| host.as_deref() == Some(camera.host.as_str()));
}

/// Id and name of one more source beside those that are there; `stem` is for a name of which no id can be made.
pub(super) fn id_and_name(
    there: &[StoredSource],
    asked: Option<SourceId>,
    text: &str,
    stem: &str,
) -> Result<(SourceId, String), Refusal> {
    let name = name(text, Code::SpecInvalid)?;
    let taken = |id: &str| there.iter().any(|stored| stored.source.id.as_str() == id);
    Ok((new_id(asked, &name, taken, stem)?, name))
}

/// Writes a source, and checks what becomes of the channel.
pub(super) fn put(
    tx: &Transaction<'_>,
    context: &Context,
    channel: &ChannelId,
    stored: &StoredSource,
    at_ms: i64,
) -> Result<(), Refusal> {
    sources::put(tx, context, channel, stored)?;
    channels::touch(tx, channel, at_ms)?;
    if matches!(stored.source.kind, SourceKind::Rtmp { .. }) {
        settings::raise_ingest(tx, 0)?;
    }
    kind::port_is_free(tx, context, channel, &stored.source.kind)?;
    let all = sources::of(tx, context, channel)?;
    let index = all.iter().position(|other| other.source.id == stored.source.id).unwrap_or_default();
    check(tx, context, channel, &format!("sources[{index}]"), Code::SpecInvalid)
}

/// Every place of the channel that names the source.
fn uses(tx: &Transaction<'_>, context: &Context, channel: &ChannelId, id: &SourceId) -> Result<Vec<String>, Refusal> {
    let stored = channels::get(tx, channel)?;
    let mut places = Vec::new();
    for (at, place) in [
        (&stored.failover.primary, "failover.primary"),
        (&stored.failover.live_input, "failover.live_input"),
        (&stored.failover.looped, "failover.loop"),
    ] {
        if at.as_ref() == Some(id) {
            places.push(place.to_owned());
        }
    }
    if stored.sound.as_ref().is_some_and(|sound| sound.source == *id) {
        places.push("sound.source".to_owned());
    }
    let pinned = stored.manual.as_ref().filter(|manual| manual.hold == Hold::Pin);
    if pinned.is_some_and(|manual| manual.source.as_ref() == Some(id)) {
        places.push("what is held by hand".to_owned());
    }
    for other in sources::of(tx, context, channel)? {
        if other.source.backup.as_ref() == Some(id) && other.source.id != *id {
            places.push(format!("backup of \"{}\"", other.source.name));
        }
    }
    for timeline in timelines::of(tx, channel)? {
        let draft = timeline.timeline.draft();
        let cues = draft.tracks.iter().flat_map(|track| match track {
            Track::Video { cues, .. } => cues.as_slice(),
            Track::Overlay { .. } => &[],
        });
        let count = cues.filter(|cue| cue.action.source() == id).count();
        if count > 0 {
            places.push(format!("timeline \"{}\" ({count} cues)", draft.name));
        }
    }
    Ok(places)
}
