//! The process `control` in the simulation: keeps what is wanted, and follows the plan.

use super::venue::Command;
use automation::clock::Running;
use automation::id::{ChannelId, SessionId, SourceId};
use automation::plan::{Observed, Step, Wanted, WantedChannel, Worker, plan};
use automation::spec::{ChannelSpec, ChannelSpecDraft, Hold, Live, Manual, Overlay, Timeline, TimelineDraft, Track};

pub(crate) struct Control {
    pub(crate) alive: bool,
    /// What is wanted; outlives the process.
    pub(crate) document: ChannelSpecDraft,
    sessions: u64,
    /// Sent on this connection to this life of the worker.
    sent: Option<(u32, u64)>,
}

impl Control {
    pub(crate) fn new(document: ChannelSpecDraft) -> Control {
        Control { alive: true, document, sessions: 0, sent: None }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.document.generation
    }

    pub(crate) fn return_with(&mut self, generations_lost: u64) {
        self.alive = true;
        self.sent = None;
        self.document.generation = self.document.generation.saturating_sub(generations_lost).max(1);
    }

    /// Writes what a person wants. Commands may be repeated without harm. `on_air` is what the worker says.
    pub(crate) fn command(&mut self, now: Running, command: &Command, on_air: Option<SourceId>) {
        let before = self.document.clone();
        let document = &mut self.document;
        match command {
            Command::GoLive { countdown_ms } if document.live.is_none() => {
                self.sessions += 1;
                let session = SessionId::new(format!("s{}", self.sessions)).expect("an id");
                let at = now.plus_ms(*countdown_ms);
                document.live = Some(Live { session, at, ahead_ns: 0, paused_at: None, paused_ns: 0 });
            }
            Command::GoLive { .. } => {}
            Command::End => document.live = None,
            Command::Manual(source, hold) => {
                document.manual = Some(Manual { source: source.clone(), hold: *hold, at: now });
            }
            Command::PinOnAir => {
                if on_air.is_some() {
                    document.manual = Some(Manual { source: on_air, hold: Hold::Pin, at: now });
                }
            }
            Command::Release => document.manual = None,
            Command::ClearOverlays(cleared) => document.overlays_cleared = *cleared,
            Command::Ladder(ladder) => document.failover.ladder.clone_from(ladder),
            Command::Pause => {
                if let Some(live) = &mut document.live {
                    live.paused_at = live.paused_at.or(Some(now));
                }
            }
            Command::Resume => {
                if let Some(live) = &mut document.live
                    && let Some(paused_at) = live.paused_at.take()
                {
                    live.paused_ns += now.0 - paused_at.0.max(live.at.0).min(now.0);
                }
            }
            Command::EditText(text) => edit_text(document, text),
            Command::Switch(id, enabled) => {
                for destination in document.destinations.iter_mut().filter(|d| d.id == *id) {
                    destination.enabled = *enabled;
                }
            }
        }
        if self.document != before {
            self.document.generation += 1;
        }
    }

    /// What the plan says, done: the specs that go out now.
    pub(crate) fn turn(&mut self, worker: Option<(u32, u64)>) -> Option<ChannelSpec> {
        if !self.alive {
            return None;
        }
        let channel = self.document.channel.clone();
        for _ in 0..2 {
            let steps = plan(&self.wanted(&channel), &self.observed(&channel, worker));
            match steps.first() {
                Some(Step::SendSpec { generation, .. }) => {
                    self.sent = worker.map(|(life, _)| (life, *generation));
                    return Some(ChannelSpec::try_from(self.document.clone()).expect("control keeps valid documents"));
                }
                Some(Step::RaiseGeneration { above, .. }) => self.document.generation = above + 1,
                // The supervisor starts the worker; there is no ingest here.
                Some(_) | None => return None,
            }
        }
        None
    }

    fn wanted(&self, channel: &ChannelId) -> Wanted {
        let want = WantedChannel { generation: self.document.generation, session: self.document.live.is_some() };
        Wanted { channels: [(channel.clone(), want)].into(), ingest: None }
    }

    fn observed(&self, channel: &ChannelId, worker: Option<(u32, u64)>) -> Observed {
        let worker = worker.map_or(Worker::Absent, |(life, generation)| Worker::Running {
            version: automation::wire::VERSION,
            generation,
            sent: self.sent.filter(|(to, _)| *to == life).map(|(_, generation)| generation),
            refused: None,
        });
        Observed { channels: [(channel.clone(), worker)].into(), ingest: Worker::Absent }
    }
}

fn edit_text(document: &mut ChannelSpecDraft, new: &str) {
    let Some(timeline) = &document.timeline else { return };
    let mut draft: TimelineDraft = timeline.draft().clone();
    for track in &mut draft.tracks {
        let Track::Overlay { cues, .. } = track else { continue };
        for cue in cues {
            if let Overlay::Text(text) = &mut cue.overlay {
                text.text = new.to_owned();
            }
        }
    }
    document.timeline = Some(Timeline::try_from(draft).expect("only a text has changed"));
}
