//! Timelines.

use super::{Commands, new_id, room, seen_from, spec_with};
use crate::doc::{TimelineBody, TimelineDoc};
use crate::refusal::Refusal;
use crate::store::timelines::TIMELINES_MAX;
use crate::store::{Context, channels, timelines};
use automation::fault::Code;
use automation::id::{ChannelId, TimelineId};
use automation::spec::{Timeline, Wrong};
use rusqlite::Transaction;

/// Longest description: some lines that a person reads.
const DESCRIPTION_CHARS_MAX: usize = 1000;

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
                let description = body.description.trim().to_owned();
                let timeline = parse(tx, context, &channel, body, id.clone())?;
                timelines::put(tx, &channel, &timeline, &description, &by, at_ms)?;
                Ok(timelines::get(tx, &channel, &id)?.into())
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
                let description = body.description.trim().to_owned();
                let timeline = parse(tx, context, &channel, body, id.clone())?;
                timelines::put(tx, &channel, &timeline, &description, &by, at_ms)?;
                // What it is for is nobody's business but ours: no worker hears of it.
                if old.loaded && old.timeline != timeline {
                    channels::touch(tx, &channel, at_ms)?;
                }
                Ok(timelines::get(tx, &channel, &id)?.into())
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
                Ok(timelines::get(tx, &channel, &id)?.into())
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
    let mut wrongs = wrong_description(body.description.trim());
    let timeline = Timeline::try_from(body.with_id(id)).map_err(|more| wrongs.extend(more.0)).ok();
    let Some(timeline) = timeline.filter(|_| wrongs.is_empty()) else {
        return Err(Refusal::wrongs(Code::TimelineInvalid, wrongs));
    };
    let stored = channels::get(tx, channel)?;
    spec_with(tx, context, stored, Some(timeline.clone()))
        .map_err(|refusal| seen_from(refusal, "timeline", Code::TimelineInvalid))?;
    Ok(timeline)
}

/// What is wrong with a description.
fn wrong_description(text: &str) -> Vec<Wrong> {
    let characters = text.chars().count();
    if characters > DESCRIPTION_CHARS_MAX {
        let reason = format!("must have up to {DESCRIPTION_CHARS_MAX} characters, not {characters}");
        return vec![Wrong::new("description", reason)];
    }
    if text.chars().any(|character| character.is_control() && character != '\n') {
        return vec![Wrong::new("description", "must not hold control characters other than line breaks")];
    }
    Vec::new()
}
