//! Timelines.

use super::{Commands, new_id, room, seen_from, spec_with};
use crate::doc::{TimelineBody, TimelineDoc};
use crate::refusal::Refusal;
use crate::store::timelines::TIMELINES_MAX;
use crate::store::{Context, channels, timelines};
use automation::fault::Code;
use automation::id::{ChannelId, TimelineId};
use automation::spec::Timeline;
use rusqlite::Transaction;

impl Commands {
    /// Stores a timeline. One that is wrong anywhere is refused whole.
    pub async fn create_timeline(
        &self,
        channel: ChannelId,
        body: TimelineBody,
        by: String,
    ) -> Result<TimelineDoc, Refusal> {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, context| {
                channels::get(tx, &channel)?;
                let there = timelines::of(tx, &channel)?;
                room(there.len(), TIMELINES_MAX, "timelines")?;
                let taken = |id: &str| there.iter().any(|stored| stored.timeline.draft().id.as_str() == id);
                let id: TimelineId = new_id(None, &body.name, taken, "timeline")?;
                let timeline = parse(tx, context, &channel, body, id)?;
                timelines::put(tx, &channel, &timeline, &by, at_ms)?;
                Ok(TimelineDoc::new(timeline.into(), false))
            })
            .await
    }

    /// Changes a timeline; where it is loaded, at once.
    pub async fn change_timeline(
        &self,
        channel: ChannelId,
        id: TimelineId,
        body: TimelineBody,
        by: String,
    ) -> Result<TimelineDoc, Refusal> {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, context| {
                channels::get(tx, &channel)?;
                let old = timelines::get(tx, &channel, &id)?;
                let timeline = parse(tx, context, &channel, body, id)?;
                timelines::put(tx, &channel, &timeline, &by, at_ms)?;
                if old.loaded {
                    channels::touch(tx, &channel, at_ms)?;
                }
                Ok(TimelineDoc::new(timeline.into(), old.loaded))
            })
            .await
    }

    /// Makes a timeline the channel's.
    pub async fn load_timeline(&self, channel: ChannelId, id: TimelineId) -> Result<TimelineDoc, Refusal> {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, context| {
                let stored = channels::get(tx, &channel)?;
                let timeline = timelines::get(tx, &channel, &id)?;
                if !timeline.loaded {
                    spec_with(tx, context, stored, Some(timeline.timeline.clone()))
                        .map_err(|refusal| seen_from(refusal, "timeline", Code::TimelineInvalid))?;
                    timelines::load(tx, &channel, Some(&id))?;
                    channels::touch(tx, &channel, at_ms)?;
                }
                Ok(TimelineDoc::new(timeline.timeline.into(), true))
            })
            .await
    }

    /// Deletes a timeline that is not loaded.
    pub async fn delete_timeline(&self, channel: ChannelId, id: TimelineId) -> Result<(), Refusal> {
        self.store
            .change(move |tx, _| {
                channels::get(tx, &channel)?;
                let timeline = timelines::get(tx, &channel, &id)?;
                if timeline.loaded {
                    let name = &timeline.timeline.draft().name;
                    let text = format!("\"{name}\" is the channel's timeline. Load another one first.");
                    return Err(Refusal::because(Code::InUse, text));
                }
                timelines::delete(tx, &channel, &id)
            })
            .await
    }
}

/// A timeline that is valid by itself and in its channel: its sources and files are there.
fn parse(
    tx: &Transaction<'_>,
    context: &Context,
    channel: &ChannelId,
    body: TimelineBody,
    id: TimelineId,
) -> Result<Timeline, Refusal> {
    let timeline =
        Timeline::try_from(body.with_id(id)).map_err(|wrongs| Refusal::wrongs(Code::TimelineInvalid, wrongs.0))?;
    let stored = channels::get(tx, channel)?;
    spec_with(tx, context, stored, Some(timeline.clone()))
        .map_err(|refusal| seen_from(refusal, "timeline", Code::TimelineInvalid))?;
    Ok(timeline)
}
