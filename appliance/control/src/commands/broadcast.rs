//! The broadcast, and the hand of a person.

use super::{Commands, unique};
use crate::doc::{ExecutionDoc, ExecutionStatus};
use crate::refusal::Refusal;
use crate::store::channels::{StoredChannel, StoredLive, StoredManual};
use crate::store::sources::StoredSource;
use crate::store::{channels, destinations, executions, sources, timelines};
use automation::as_run::{AsRun, Figures};
use automation::fault::Code;
use automation::id::{ChannelId, SessionId, SourceId};
use automation::spec::Hold;

/// Longest countdown, seconds.
const COUNTDOWN_S_MAX: u32 = 60;

impl Commands {
    /// GO LIVE. While a broadcast runs, it answers that one.
    pub async fn go_live(&self, channel: ChannelId, countdown_s: u32, by: String) -> Result<SessionId, Refusal> {
        if countdown_s > COUNTDOWN_S_MAX {
            return Err(Refusal::wrong(Code::RequestInvalid, "countdown_s", "must be from 0 to 60"));
        }
        let (now, boot) = (self.now(), self.clock.boot().to_owned());
        self.store
            .change(move |tx, context| {
                let mut stored = channels::get(tx, &channel)?;
                if let Some(live) = &stored.live {
                    return Ok(live.session.clone());
                }
                let session: SessionId = unique()?;
                let countdown_ms = u64::from(countdown_s) * 1000;
                let at_ms = now.wall_ms + countdown_ms as i64;
                let output = stored.output(&destinations::of(tx, context, &channel)?);
                stored.live = Some(StoredLive {
                    session: session.clone(),
                    started_by: by.clone(),
                    at_ms,
                    at_known: now.wall_trusted,
                    at: now.running.plus_ms(countdown_ms),
                    ahead_ns: 0,
                    provisional: false,
                    paused_at: None,
                    paused_ns: 0,
                    boot,
                    output,
                });
                channels::update(tx, &stored, now.wall_ms)?;
                let timeline = timelines::of(tx, &channel)?.into_iter().find(|timeline| timeline.loaded);
                let timeline = timeline.as_ref().map(|stored| stored.timeline.draft());
                let execution = ExecutionDoc {
                    session: session.clone(),
                    timeline: timeline.map(|draft| draft.id.clone()),
                    timeline_name: timeline.map(|draft| draft.name.clone()),
                    started_at_ms: at_ms,
                    completed_at_ms: None,
                    status: ExecutionStatus::Running,
                    executed_by: by,
                    error_message: None,
                    metrics: Figures::default(),
                };
                executions::begin(tx, &channel, &execution)?;
                Ok(session)
            })
            .await
    }

    /// END. The log of the broadcast says how it ended.
    pub async fn end(&self, channel: ChannelId) -> Result<(), Refusal> {
        let (now, logs) = (self.now(), self.as_runs.clone());
        self.store
            .change(move |tx, _| {
                let mut stored = channels::get(tx, &channel)?;
                let Some(live) = stored.live.take() else { return Ok(()) };
                channels::update(tx, &stored, now.wall_ms)?;
                let log = logs.of(&channel, &live.session).unwrap_or_default();
                let ending = log.end(now.running, live.spec().since_ms(now.running));
                let message = ending.message.as_deref();
                executions::end(tx, &live.session, ending.outcome.into(), message, now.wall_ms, log.figures())
            })
            .await
    }

    /// Keeps the log of a running broadcast, so that it survives us.
    pub async fn keep_as_run(&self, session: SessionId, log: AsRun) -> Result<(), Refusal> {
        self.store.write(move |tx| executions::keep(tx, &session, &log)).await
    }

    /// Puts a source on air by hand; none is the slate. It takes the place of what was by hand before.
    pub async fn hold(&self, channel: ChannelId, source: Option<SourceId>, hold: Hold) -> Result<(), Refusal> {
        let (now, boot) = (self.now(), self.clock.boot().to_owned());
        self.store
            .change(move |tx, context| {
                let mut stored = channels::get(tx, &channel)?;
                let there = sources::of(tx, context, &channel)?;
                if let Some(id) = &source {
                    can_be_seen(&there, id)?;
                }
                let same = |manual: &StoredManual| manual.source == source && manual.hold == hold;
                // A pin is the same however often it is said; a take said anew holds until the next cue from now.
                if hold == Hold::Pin && stored.manual.as_ref().is_some_and(same) {
                    return Ok(());
                }
                stored.manual = Some(StoredManual { source, hold, at: now.running, boot });
                channels::update(tx, &stored, now.wall_ms)
            })
            .await
    }

    /// Gives the program back to automation.
    pub async fn release(&self, channel: ChannelId) -> Result<(), Refusal> {
        let now = self.now();
        self.store
            .change(move |tx, _| {
                let mut stored = channels::get(tx, &channel)?;
                if stored.manual.take().is_none() {
                    return Ok(());
                }
                channels::update(tx, &stored, now.wall_ms)
            })
            .await
    }

    /// Clears what lies over the picture until it is brought back, or brings it back.
    pub async fn clear_overlays(&self, channel: ChannelId, cleared: bool) -> Result<(), Refusal> {
        let now = self.now();
        self.store
            .change(move |tx, _| {
                let mut stored = channels::get(tx, &channel)?;
                if stored.overlays_cleared == cleared {
                    return Ok(());
                }
                stored.overlays_cleared = cleared;
                channels::update(tx, &stored, now.wall_ms)
            })
            .await
    }

    /// Lets the timeline stand still. The program goes on.
    pub async fn pause(&self, channel: ChannelId) -> Result<(), Refusal> {
        let now = self.now();
        self.edit_live(channel, move |live| {
            if live.paused_at.is_some() {
                return false;
            }
            // During the countdown: it stands still on its first picture.
            live.paused_at = Some(now.running.max(live.at));
            true
        })
        .await
    }

    /// Lets the timeline go on from where it stands.
    pub async fn resume(&self, channel: ChannelId) -> Result<(), Refusal> {
        let now = self.now();
        self.edit_live(channel, move |live| {
            let Some(since) = live.paused_at.take() else { return false };
            live.paused_ns = live.paused_ns.saturating_add(now.running.0.saturating_sub(since.0));
            true
        })
        .await
    }

    async fn edit_live<F>(&self, channel: ChannelId, edit: F) -> Result<(), Refusal>
    where
        F: FnOnce(&mut StoredLive) -> bool + Send + 'static,
    {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, _| {
                let mut stored: StoredChannel = channels::get(tx, &channel)?;
                let Some(live) = stored.live.as_mut() else {
                    return Err(Refusal::because(Code::Conflict, "No broadcast runs, so its timeline does not move."));
                };
                if edit(live) {
                    channels::update(tx, &stored, at_ms)?;
                }
                Ok(())
            })
            .await
    }
}

/// Whether a source is there and has a picture to put on air.
fn can_be_seen(there: &[StoredSource], id: &SourceId) -> Result<(), Refusal> {
    let refused = |reason: String| Err(Refusal::wrong(Code::SpecInvalid, "source", reason));
    match there.iter().find(|stored| stored.source.id == *id) {
        None => refused(format!("there is no source \"{id}\"")),
        Some(stored) if stored.source.is_sound_only() => refused(stored.source.why_not_seen()),
        Some(_) => Ok(()),
    }
}
