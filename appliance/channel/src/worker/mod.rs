//! The worker: one owner, one loop, one `Event`. It takes specs, keeps sources and destinations as they are wanted,
//! and tells what is.

mod lifeline;
mod previews;
mod report;
mod socket;

use crate::capture::Captures;
use crate::clock::running;
use crate::destination::{Destination, Ground, Roots, Wish};
use crate::encoder::{self, hub::Hub};
use crate::network;
use crate::program::overlay::Painter;
use crate::program::tick::{Order, Program};
use crate::ptz::Heads;
use crate::source::{Source, alike};
use crate::watched::Watched;
use automation::fault::{Code, Fault};
use automation::id::{ChannelId, DestinationId, SourceId};
use automation::renewal::{Moment, Renewals, Session, Term};
use automation::spec::{ChannelSpec, Destination as Spec, SEEN_BEFORE_MS, Source as SourceSpec};
use automation::wire::{FromChannel, ToChannel, VERSION, encode, encode_preview};
use lifeline::Lifeline;
use previews::Previews;
use socket::Connections;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often the loop turns while nothing happens.
const TURN: Duration = Duration::from_millis(50);
/// A status goes out at least so often, and so often while somebody watches previews (meters).
const STATUS_MS: u64 = 1_000;
const STATUS_WATCHED_MS: u64 = 150;
/// For the goodbyes of all destinations together, at the end of the process: a little more than one may take, which is a file
/// on a slow medium.
const GOODBYES: Duration = Duration::from_millis(3_500);
/// For the last status to leave.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What can happen to a worker.
pub enum Event {
    /// A connection of `control`.
    Joined(u64, socket::Connection),
    /// It said something.
    Said(u64, ToChannel),
    /// It sent a spec, of this generation, that is none.
    Broken(u64, u64, Fault),
    /// It is gone, or spoke nonsense.
    Left(u64),
    /// A link or a route of this machine came up.
    NetworkUp,
    /// A small picture was made.
    Preview(String, Vec<u8>),
}

/// Why the worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Quit,
    /// The house format changed in more than its rate, or the encoder failed: its supervisor starts it again, from the last spec.
    Again,
}

/// The worker of a channel.
pub struct Worker {
    channel: ChannelId,
    run: PathBuf,
    roots: Roots,
    inbox: Receiver<Event>,
    connections: Connections,
    painter: Arc<Painter>,
    hub: Arc<Hub>,
    previews: Previews,
    spec: Option<Arc<ChannelSpec>>,
    program: Option<Program>,
    sources: BTreeMap<SourceId, Arc<Source>>,
    destinations: BTreeMap<DestinationId, Destination>,
    heads: Heads,
    watched: Watched,
    captures: Captures,
    renewals: Renewals,
    stop: Arc<AtomicBool>,
    lifeline: Lifeline,
    told_ms: u64,
    told: Option<automation::status::ChannelStatus>,
}

impl Worker {
    /// Opens the socket `channel-<id>.sock` in `run`, takes up the last spec if there is one. Destinations of files
    /// write below `roots`.
    pub fn new(channel_id: ChannelId, run: &Path, roots: Roots, stop: Arc<AtomicBool>) -> io::Result<Worker> {
        let (events, inbox) = channel();
        socket::listen(&run.join(format!("channel-{channel_id}.sock")), events.clone())?;
        let network = events.clone();
        if let Err(error) = network::watch(move || network.send(Event::NetworkUp).is_ok()) {
            tracing::warn!(%error, "the network cannot be watched: destinations wait their time");
        }
        let mut worker = Worker {
            run: run.to_owned(),
            roots,
            inbox,
            connections: Connections::default(),
            painter: Arc::new(Painter::new()),
            hub: Arc::default(),
            previews: Previews::start(events),
            spec: None,
            program: None,
            sources: BTreeMap::new(),
            destinations: BTreeMap::new(),
            heads: Heads::default(),
            watched: Watched::new(run),
            captures: Captures::watch(),
            renewals: Renewals::default(),
            stop,
            lifeline: Lifeline::new(),
            told_ms: 0,
            told: None,
            channel: channel_id,
        };
        if let Some(spec) = worker.last_spec() {
            tracing::info!(generation = spec.generation, "going on from the last spec");
            if let Err(fault) = worker.take(spec) {
                tracing::error!(fault = fault.text, "the last spec cannot be taken up");
            }
        }
        Ok(worker)
    }

    /// Runs until told to end, then ends what it carries in good order.
    pub fn run(&mut self) -> End {
        let end = self.serve();
        let limit = Instant::now() + GOODBYES;
        self.destinations.values().for_each(Destination::end);
        self.destinations.values().for_each(|destination| destination.wait_until_gone(limit));
        self.tell_status();
        std::mem::take(&mut self.connections).flush(Instant::now() + LAST_WORDS);
        end
    }

    fn serve(&mut self) -> End {
        self.lifeline.ready();
        loop {
            match self.inbox.recv_timeout(TURN) {
                Ok(event) => {
                    if let Some(end) = self.handle(event) {
                        return end;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                // The listener and the previews hold a sender for as long as we live.
                Err(RecvTimeoutError::Disconnected) => return End::Quit,
            }
            if self.stop.load(Ordering::Relaxed) {
                return End::Quit;
            }
            self.move_heads();
            let ended = self.program.as_ref().is_some_and(Program::ended);
            let never_began = self.spec.is_some() && self.program.is_none();
            if ended || never_began {
                return End::Again;
            }
            self.renew_destinations();
            self.maybe_tell_status();
            let (program, hub) = (&self.program, &self.hub);
            let moves = || program.as_ref().map(|program| [program.view().program.tick, hub.video_bytes()]);
            self.lifeline.turn(running(), moves);
        }
    }

    fn handle(&mut self, event: Event) -> Option<End> {
        match event {
            Event::Joined(id, connection) => {
                let generation = self.spec.as_ref().map_or(0, |s| s.generation);
                let hello = FromChannel::Hello { version: VERSION, pid: std::process::id(), generation };
                connection.send(encode(&hello));
                self.connections.add(id, connection);
                self.told_ms = 0;
            }
            Event::Left(id) => {
                self.connections.remove(id);
                self.previews.wanted(self.connections.previews_wanted());
            }
            Event::Preview(name, jpeg) => self.connections.send_preview(encode_preview(&name, &jpeg)),
            Event::Said(_, ToChannel::Hello { version }) => {
                if version != VERSION {
                    tracing::warn!(version, ours = VERSION, "control speaks another version");
                }
            }
            Event::Said(id, ToChannel::Previews { on }) => {
                self.connections.previews(id, on);
                self.previews.wanted(self.connections.previews_wanted());
            }
            Event::NetworkUp => self.destinations.values().for_each(Destination::network_up),
            Event::Said(_, ToChannel::Quit) => return Some(End::Quit),
            Event::Said(id, ToChannel::Spec { spec }) => return self.offered(id, *spec),
            Event::Broken(id, generation, fault) => self.refuse(id, generation, fault),
        }
        None
    }

    fn offered(&mut self, id: u64, spec: ChannelSpec) -> Option<End> {
        let generation = spec.generation;
        if let Some(fault) = self.refusal(&spec) {
            self.refuse(id, generation, fault);
            return None;
        }
        if self.spec.as_ref().is_some_and(|ours| **ours == spec) {
            self.told_ms = 0;
            return None;
        }
        let new_house = self.spec.as_ref().is_some_and(|ours| !encoder::retunes(&ours.house, &spec.house));
        if let Err(error) = self.keep(&spec) {
            tracing::error!(%error, "the spec cannot be kept");
        }
        if new_house {
            tracing::info!("the house format changes: starting again");
            return Some(End::Again);
        }
        if let Err(fault) = self.take(spec) {
            self.refuse(id, generation, fault);
            return Some(End::Again);
        }
        self.tell_status();
        None
    }

    fn refuse(&self, id: u64, generation: u64, fault: Fault) {
        tracing::warn!(generation, code = fault.code.as_str(), text = fault.text, "spec refused");
        self.connections.send(id, encode(&FromChannel::Refused { generation, fault }));
    }

    fn refusal(&self, spec: &ChannelSpec) -> Option<Fault> {
        if spec.channel != self.channel {
            let text = format!("The spec is for channel {}, this is {}.", spec.channel, self.channel);
            return Some(Fault::new(Code::SpecInvalid, "channel").with_text(text));
        }
        let ours = self.spec.as_ref()?;
        if spec.generation < ours.generation {
            return Some(Fault::new(Code::SpecStale, ours.generation.to_string()));
        }
        let session = |of: &ChannelSpec| of.live.as_ref().map(|live| live.session.clone());
        if spec.house != ours.house && session(spec).is_some() && session(spec) == session(ours) {
            let text = "The format cannot change while the channel is live.";
            return Some(Fault::new(Code::Conflict, "house").with_text(text));
        }
        None
    }

    /// Makes what is as the spec wants it.
    fn take(&mut self, spec: ChannelSpec) -> Result<(), Fault> {
        let spec = Arc::new(spec);
        let old = self.spec.replace(spec.clone());
        let program = match self.program.take() {
            Some(program) => program,
            None => Program::start(&spec, self.painter.clone(), &self.hub)?,
        };
        self.take_sources(old.as_deref(), &spec, &program);
        // What a person wants is on air as soon as its decoder has caught up: it need not wait for a tick to begin.
        let by_hand = spec.manual.as_ref().and_then(|manual| self.sources.get(manual.source.as_ref()?));
        if let Some(Source::Live(live)) = by_hand.map(|source| &**source) {
            live.shared.decoder.want(true);
        }
        program.tell(Order::Spec(spec.clone()));
        self.take_destinations(&spec, &program);
        self.heads.take(&spec);
        self.captures.serve(&spec.house);
        self.previews.show(program.viewer(), self.sources.clone(), &spec.house);
        self.program = Some(program);
        Ok(())
    }

    fn take_sources(&mut self, old: Option<&ChannelSpec>, spec: &Arc<ChannelSpec>, program: &Program) {
        let same = |id: &SourceId, source: &SourceSpec| {
            let before = old.and_then(|old| old.sources.iter().find(|s| s.id == *id).map(|s| (old, s)));
            before.is_some_and(|(old, before)| {
                let at_its_place = source.kind.waits().is_none() || old.listen == spec.listen;
                let same_use = before.is_sound_only() == source.is_sound_only();
                alike(&before.kind, &source.kind)
                    && same_use
                    && files(old, before) == files(spec, source)
                    && at_its_place
            })
        };
        let gone: Vec<SourceId> =
            self.sources.keys().filter(|id| !spec.sources.iter().any(|s| s.id == **id)).cloned().collect();
        for id in gone {
            self.sources.remove(&id);
            program.tell(Order::Source(id, None));
        }
        for source in &spec.sources {
            if self.sources.contains_key(&source.id) && same(&source.id, source) {
                continue;
            }
            let running = Arc::new(Source::start(spec, source, &self.run, &self.painter));
            self.sources.insert(source.id.clone(), running.clone());
            program.tell(Order::Source(source.id.clone(), Some(running)));
        }
    }

    fn take_destinations(&mut self, spec: &ChannelSpec, program: &Program) {
        self.destinations.retain(|id, _| spec.destinations.iter().any(|d| d.id == *id));
        let live = spec.live.as_ref().map(|live| (live.session.clone(), live.at));
        for destination in &spec.destinations {
            let wish = Wish { spec: destination.clone(), house: spec.house.clone(), live: live.clone() };
            match self.destinations.get(&destination.id) {
                Some(running) => running.wish(wish),
                None => {
                    let ground = Ground {
                        hub: self.hub.clone(),
                        start: program.start,
                        channel: self.channel.clone(),
                        roots: self.roots.clone(),
                    };
                    let running = Destination::start(wish, ground);
                    self.destinations.insert(destination.id.clone(), running);
                }
            }
        }
    }

    /// Says which cameras our audience sees, and moves those that have an order and are seen by nobody.
    fn move_heads(&mut self) {
        let (Some(spec), Some(program)) = (&self.spec, &self.program) else { return };
        let watched = spec.live.as_ref().is_some_and(|live| live.at.ms_since(running()) <= SEEN_BEFORE_MS);
        let on_air = program.view().on_air;
        let seen = [on_air.source, on_air.leaving].into_iter().flatten().filter(|_| watched).collect::<Vec<_>>();
        self.watched.hold(self.heads.controls(seen.iter()));
        for movement in program.moves() {
            if !self.heads.begin(&movement, &mut self.watched) {
                program.tell(Order::NotMoved(movement.source));
            }
        }
    }

    /// Planned new sessions: one destination after the other, while little happens on air (D-18).
    fn renew_destinations(&mut self) {
        let (Some(spec), Some(program)) = (&self.spec, &self.program) else { return };
        let session = |destination: &Spec| {
            let status = self.destinations.get(&destination.id)?.status();
            let (age_ms, behind_ms) = (status.session_ms, status.queue_ms);
            Some(Session { id: destination.id.clone(), term: Term::of(destination)?, age_ms, behind_ms })
        };
        let enabled = spec.destinations.iter().filter(|destination| destination.enabled);
        let sessions: Vec<_> = enabled.filter_map(session).collect();
        let view = program.view();
        let moment = Moment::of(spec, &view.on_air, view.program.tick);
        if let Some(next) = self.renewals.look(running(), moment, &sessions)
            && let Some(destination) = self.destinations.get(&next)
        {
            destination.renew();
        }
    }

    fn maybe_tell_status(&mut self) {
        if self.connections.is_empty() || self.program.is_none() {
            return;
        }
        let now_ms = running().0 / 1_000_000;
        let every = if self.connections.previews_wanted() { STATUS_WATCHED_MS } else { STATUS_MS };
        let due = now_ms >= self.told_ms + every;
        let changed = || {
            let status = self.status();
            report::differs(self.told.as_ref(), status.as_ref())
        };
        if due || (now_ms >= self.told_ms + 50 && changed()) {
            self.tell_status();
        }
    }

    fn status(&self) -> Option<automation::status::ChannelStatus> {
        let (spec, program) = (self.spec.as_ref()?, self.program.as_ref()?);
        Some(report::status(spec, program, &self.sources, &self.destinations, &self.heads, self.captures.devices()))
    }

    fn tell_status(&mut self) {
        let Some(status) = self.status() else { return };
        self.told_ms = running().0 / 1_000_000;
        self.connections.send_all(encode(&FromChannel::Status { status: Box::new(status.clone()) }));
        self.told = Some(status);
    }

    fn spec_path(&self) -> PathBuf {
        self.run.join(format!("channel-{}.spec.json", self.channel))
    }

    fn last_spec(&self) -> Option<ChannelSpec> {
        let text = std::fs::read(self.spec_path()).ok()?;
        match serde_json::from_slice(&text) {
            Ok(spec) => Some(spec),
            Err(error) => {
                tracing::warn!(%error, "the last spec is not understood");
                None
            }
        }
    }

    /// Keeps the spec for the next start: whole or not at all, and for nobody else's eyes.
    fn keep(&self, spec: &ChannelSpec) -> io::Result<()> {
        let path = self.spec_path();
        let draft = path.with_extension("new");
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        io::Write::write_all(&mut file, &serde_json::to_vec(spec)?)?;
        std::fs::rename(&draft, &path)
    }
}

/// The files behind a media source: an asset that was replaced is a change.
fn files<'a>(spec: &'a ChannelSpec, source: &SourceSpec) -> Vec<Option<&'a String>> {
    source.kind.assets().map(|asset| spec.assets.get(asset)).collect()
}
