//! Brings what is to what is wanted: one owner, one loop.
//!
//! ```text
//! store ──wanted──┐                         ┌─► units: start, stop
//! links ──events──┼─► seats ─► plan ─► steps┼─► links: specs, previews, quit
//! clock ──ticks───┘     │                   └─► commands: raise a generation
//!                       └─► board ─► alerts ─► watch ─► API
//! ```
//! The plan is made anew after every event by `automation::plan`; doing a step leaves no choices. Bad input is what
//! workers do: they die, hang, speak another version, refuse a spec, or run without being wanted.

mod board;
mod clockwork;
mod logbook;
mod seat;
mod told;

use crate::clock::Clock;
use crate::commands::Commands;
use crate::doc::Board;
use crate::store::Wanted;
use crate::units::{Post, Units};
use crate::workers::previews::Gallery;
use crate::workers::{FromWorker, Link, LinkEvent};
use automation::clock::Now;
use automation::fault::Code;
use automation::id::ChannelId;
use automation::plan::{self, Observed, Step};
use automation::wire::{self, FromChannel, FromIngest, ToChannel, ToIngest};
use clockwork::Clockwork;
use logbook::Logbook;
use seat::{Seat, Up};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use told::Told;

/// Events that wait for the loop; beyond it, links wait.
const EVENTS_MAX: usize = 256;
/// How often the loop looks at the clock.
const TICK: Duration = Duration::from_millis(100);
/// Shortest time between two boards, milliseconds: 5 a second.
const BOARD_MS_MIN: u64 = 200;
/// How long all workers may take to end in good order.
const QUIT_MAX: Duration = Duration::from_secs(8);

/// What the loop hears.
enum Event {
    /// Something on a link.
    Link(Post, LinkEvent),
    /// Something happened that is no trouble, and the operator should know of.
    Told { code: Code, subject: String, text: String },
    /// End all workers in good order, then say so.
    Quit(oneshot::Sender<()>),
    /// Somebody asks whether the loop turns.
    Ask(oneshot::Sender<()>),
}

impl From<(Post, LinkEvent)> for Event {
    fn from((post, event): (Post, LinkEvent)) -> Event {
        Event::Link(post, event)
    }
}

/// The galleries of all channels, shared with the API.
#[derive(Clone, Default)]
pub struct Galleries(Arc<Mutex<BTreeMap<ChannelId, Gallery>>>);

impl Galleries {
    /// The gallery of a channel.
    pub fn of(&self, channel: &ChannelId) -> Gallery {
        self.0.lock().unwrap_or_else(|poison| poison.into_inner()).entry(channel.clone()).or_default().clone()
    }

    fn forget(&self, channel: &ChannelId) {
        self.0.lock().unwrap_or_else(|poison| poison.into_inner()).remove(channel);
    }
}

/// What the reconciler works with.
pub struct Tools {
    /// Folder of sockets.
    pub run: PathBuf,
    /// Starts and ends workers.
    pub units: Arc<dyn Units>,
    /// Raises generations.
    pub commands: Commands,
    /// The clock.
    pub clock: Clock,
    /// Where pictures hang.
    pub galleries: Galleries,
}

/// Tells the operator of what happened.
#[derive(Clone)]
pub struct Teller(mpsc::Sender<Event>);

impl Teller {
    /// Tells something once. `subject` is what it is about, for example `main/source/camera-2`.
    pub async fn tell(&self, code: Code, subject: String, text: String) {
        let _ = self.0.send(Event::Told { code, subject, text }).await;
    }
}

/// The running reconciler.
pub struct Reconciler {
    events: mpsc::Sender<Event>,
    board: watch::Receiver<Arc<Board>>,
}

impl Reconciler {
    /// Starts it. Workers that run already are adopted.
    pub fn start(tools: Tools, wanted: watch::Receiver<Arc<Wanted>>) -> Reconciler {
        let (events, inbox) = mpsc::channel(EVENTS_MAX);
        let first = Board::empty(&wanted.borrow().venue);
        let (publish, board) = watch::channel(Arc::new(first));
        let house = House {
            seats: BTreeMap::new(),
            told: Told::default(),
            logbook: Logbook::default(),
            clockwork: Clockwork::default(),
            events: events.clone(),
            published: None,
            dirty: true,
            closing: None,
            publish,
            wanted: wanted.borrow().clone(),
            tools,
        };
        tokio::spawn(house.run(inbox, wanted));
        Reconciler { events, board }
    }

    /// The newest status board.
    pub fn board(&self) -> watch::Receiver<Arc<Board>> {
        self.board.clone()
    }

    /// Asks now and then whether the loop turns.
    pub fn probe(&self) -> Probe {
        Probe(self.events.clone())
    }

    /// Who tells the operator of what happened elsewhere in the house.
    pub fn teller(&self) -> Teller {
        Teller(self.events.clone())
    }

    /// Ends all workers in good order, and waits for it.
    pub async fn quit_workers(&self) {
        let (done, ended) = oneshot::channel();
        if self.events.send(Event::Quit(done)).await.is_ok() {
            let _ = tokio::time::timeout(QUIT_MAX, ended).await;
        }
    }
}

/// Asks whether the loop turns.
#[derive(Clone)]
pub struct Probe(mpsc::Sender<Event>);

impl Probe {
    /// Ends when it has answered; never, where it hangs.
    pub async fn answered(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.0.send(Event::Ask(answer)).await.is_ok() && answered.await.is_ok()
    }
}

struct House {
    tools: Tools,
    wanted: Arc<Wanted>,
    seats: BTreeMap<Post, Seat>,
    told: Told,
    logbook: Logbook,
    clockwork: Clockwork,
    events: mpsc::Sender<Event>,
    publish: watch::Sender<Arc<Board>>,
    published: Option<Now>,
    dirty: bool,
    closing: Option<oneshot::Sender<()>>,
}

impl House {
    async fn run(mut self, mut inbox: mpsc::Receiver<Event>, mut wanted: watch::Receiver<Arc<Wanted>>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.told = Told::restored(&self.tools.commands).await;
        self.find_workers();
        loop {
            tokio::select! {
                event = inbox.recv() => match event {
                    Some(Event::Link(post, event)) => self.heard(&post, event),
                    Some(Event::Told { code, subject, text }) => {
                        self.told.tell(self.tools.clock.now(), code, &subject, &text);
                        self.dirty = true;
                    }
                    Some(Event::Quit(done)) => self.closing = Some(done),
                    Some(Event::Ask(answer)) => {
                        let _ = answer.send(());
                    }
                    None => return,
                },
                changed = wanted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.wanted = wanted.borrow_and_update().clone();
                    self.dirty = true;
                }
                _ = ticks.tick() => {}
            }
            let now = self.tools.clock.now();
            self.tend(now);
            self.clockwork.turn(now, &self.wanted, &self.tools);
            if self.closing.is_some() {
                if self.close(now) {
                    return;
                }
            } else {
                for step in plan::plan(&self.plan_wanted(), &self.observed(now)) {
                    self.execute(now, step);
                }
            }
            self.show(now);
            self.told.turn(&self.tools.commands);
        }
    }

    /// Every socket in the run folder may have a worker behind it, wanted or not.
    fn find_workers(&mut self) {
        let found: Vec<Post> = std::fs::read_dir(&self.tools.run)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Post::of_socket(entry.file_name().to_str()?))
            .collect();
        for post in found {
            self.seat(&post);
        }
    }

    fn seat(&mut self, post: &Post) -> &mut Seat {
        let (tools, events) = (&self.tools, &self.events);
        self.seats.entry(post.clone()).or_insert_with(|| {
            let gallery = match post {
                Post::Channel(channel) => Some(tools.galleries.of(channel)),
                Post::Ingest => None,
            };
            let link = Link::open(post.clone(), post.socket(&tools.run), gallery.clone(), events.clone());
            Seat::new(link, gallery)
        })
    }

    fn heard(&mut self, post: &Post, event: LinkEvent) {
        let now = self.tools.clock.now();
        let Some(seat) = self.seats.get_mut(post) else { return };
        self.dirty = true;
        match event {
            LinkEvent::Nobody => seat.known = true,
            LinkEvent::Up { version, pid, generation, outbox } => {
                let adopted = seat.started.is_none();
                tracing::info!(%post, pid, generation, version, adopted, "a worker answers");
                seat.came(Up { version, pid, generation, outbox, since: now.running });
            }
            LinkEvent::Down => {
                let (pid, told) = (seat.pid(), seat.is_leaving());
                seat.went(now.running);
                if told {
                    tracing::info!(%post, pid, "a worker has gone, as it was told");
                } else if seat.is_beginning_again(now.running) {
                    tracing::info!(%post, pid, "a worker begins again in another house format");
                } else {
                    tracing::warn!(%post, pid, "a worker has gone");
                }
            }
            LinkEvent::Says(FromWorker::Channel(message)) => match message {
                FromChannel::Status { status } => {
                    log_retries(post, seat, &status);
                    let wanted = self.wanted.channel(&status.channel).ok();
                    if let Some(wanted) = wanted.filter(|wanted| wanted.spec.generation == status.generation) {
                        seat.carries(&wanted.spec.house);
                    }
                    seat.tells(now.running, *status);
                    self.log(now, post);
                }
                FromChannel::Refused { generation, fault } => seat.refuses(post, generation, fault),
                FromChannel::Hello { .. } => {}
            },
            LinkEvent::Says(FromWorker::Ingest(message)) => match message {
                FromIngest::Status { status } => {
                    seat.tells_door(now.running, status);
                }
                FromIngest::Refused { generation, fault } => seat.refuses(post, generation, fault),
                FromIngest::Hello { .. } => {}
            },
        }
    }

    /// Opens seats for what is wanted, ends those that are done with, and lets seats follow the clock.
    fn tend(&mut self, now: Now) {
        let mut posts: Vec<Post> = vec![Post::Ingest];
        posts.extend(self.wanted.channels.iter().map(|channel| Post::Channel(channel.doc.id.clone())));
        for post in &posts {
            self.seat(post);
        }
        let units = self.tools.units.clone();
        let mut done = Vec::new();
        for (post, seat) in &mut self.seats {
            self.dirty |= seat.tend(post, now.running, units.as_ref());
            if !posts.contains(post) && seat.is_empty(now.running) {
                done.push(post.clone());
            }
        }
        for post in done {
            tracing::info!(%post, "a worker is no longer wanted, and gone");
            self.seats.remove(&post);
            for ending in ["sock", "spec.json", "pid"] {
                let _ = std::fs::remove_file(self.tools.run.join(format!("{post}.{ending}")));
            }
            if let Post::Channel(channel) = &post {
                self.tools.galleries.forget(channel);
            }
        }
    }

    fn plan_wanted(&self) -> plan::Wanted {
        let channels = self.wanted.channels.iter().map(|channel| {
            let (generation, session) = (channel.spec.generation, channel.spec.live.is_some());
            (channel.doc.id.clone(), plan::WantedChannel { generation, session })
        });
        plan::Wanted { channels: channels.collect(), ingest: Some(self.wanted.ingest.generation) }
    }

    fn observed(&self, now: Now) -> Observed {
        let mut observed = Observed::default();
        for (post, seat) in &self.seats {
            match post {
                Post::Ingest => observed.ingest = seat.observed(now.running),
                Post::Channel(channel) => {
                    observed.channels.insert(channel.clone(), seat.observed(now.running));
                }
            }
        }
        observed
    }

    fn execute(&mut self, now: Now, step: Step) {
        match step {
            Step::StartChannel { channel } => self.start(now, Post::Channel(channel)),
            Step::StartIngest => self.start(now, Post::Ingest),
            Step::StopChannel { channel, reason } => {
                tracing::info!(%channel, ?reason, "a channel's worker is ended");
                self.stop(now, Post::Channel(channel), wire::encode(&ToChannel::Quit));
            }
            Step::StopIngest { reason } => {
                tracing::info!(?reason, "the door's worker is ended");
                self.stop(now, Post::Ingest, wire::encode(&ToIngest::Quit));
            }
            Step::SendSpec { channel, generation } => {
                let Ok(wanted) = self.wanted.channel(&channel) else { return };
                let (house, spec) = (wanted.spec.house.clone(), Box::new(wanted.spec.clone()));
                let frame = wire::encode(&ToChannel::Spec { spec });
                self.send(Post::Channel(channel), generation, Some(&house), frame);
            }
            Step::SendIngestSpec { generation } => {
                let frame = wire::encode(&ToIngest::Spec { spec: self.wanted.ingest.clone() });
                self.send(Post::Ingest, generation, None, frame);
            }
            Step::RaiseGeneration { channel, above } => {
                let (commands, post) = (self.tools.commands.clone(), Post::Channel(channel.clone()));
                self.raise(post, above, async move { commands.outrun_channel(channel, above).await });
            }
            Step::RaiseIngestGeneration { above } => {
                let commands = self.tools.commands.clone();
                self.raise(Post::Ingest, above, async move { commands.outrun_ingest(above).await });
            }
        }
    }

    fn start(&mut self, now: Now, post: Post) {
        let seat = self.seat(&post);
        if !seat.may_start(now.running) {
            return;
        }
        let wait_ms = seat.starts(now.running);
        tracing::info!(%post, attempt = seat.starts.attempt(), next_wait_ms = wait_ms, "a worker is started");
        self.dirty = true;
        let units = self.tools.units.clone();
        tokio::spawn(async move {
            if let Err(error) = units.start(&post).await {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%post, %error, cause, "a worker could not be started");
            }
        });
    }

    fn stop(&mut self, now: Now, post: Post, quit: Vec<u8>) {
        let seat = self.seat(&post);
        if !seat.stops(now.running, quit) {
            return;
        }
        self.dirty = true;
        let units = self.tools.units.clone();
        tokio::spawn(async move {
            if let Err(error) = units.stop(&post).await {
                tracing::error!(%post, %error, "a worker could not be ended");
            }
        });
    }

    fn send(&mut self, post: Post, generation: u64, house: Option<&automation::spec::House>, frame: Vec<u8>) {
        let seat = self.seat(&post);
        if seat.sends(generation, house, frame) {
            tracing::info!(%post, generation, "a spec is sent");
        }
    }

    fn raise(
        &mut self,
        post: Post,
        above: u64,
        work: impl Future<Output = Result<(), crate::refusal::Refusal>> + Send + 'static,
    ) {
        if !self.seat(&post).raises(above) {
            return;
        }
        tracing::warn!(%post, above, "a worker holds a newer plan than the store: the store's goes beyond it");
        tokio::spawn(async move {
            if let Err(refusal) = work.await {
                tracing::error!(%post, %refusal, "a generation could not be raised");
            }
        });
    }

    /// Ends all workers. Answers whether none is left.
    fn close(&mut self, now: Now) -> bool {
        let posts: Vec<Post> = self.seats.keys().cloned().collect();
        for post in posts {
            let quit = match post {
                Post::Channel(_) => wire::encode(&ToChannel::Quit),
                Post::Ingest => wire::encode(&ToIngest::Quit),
            };
            self.stop(now, post, quit);
        }
        if !self.seats.values().all(|seat| seat.is_empty(now.running)) {
            return false;
        }
        for post in self.seats.keys() {
            let _ = std::fs::remove_file(self.tools.run.join(format!("{post}.pid")));
        }
        if let Some(done) = self.closing.take() {
            let _ = done.send(());
        }
        true
    }

    /// Writes down what a channel's broadcast carries.
    fn log(&mut self, now: Now, post: &Post) {
        let Post::Channel(channel) = post else { return };
        if let Ok(wanted) = self.wanted.channel(channel) {
            self.logbook.look(now.running, wanted, self.seats.get(post), &self.tools.commands);
        }
    }

    /// Publishes the board where it has changed, and not too often.
    fn show(&mut self, now: Now) {
        let early = self.published.is_some_and(|last| now.running.ms_since(last.running) < BOARD_MS_MIN);
        if !self.dirty || early {
            return;
        }
        self.dirty = false;
        self.published = Some(now);
        for channel in &self.wanted.channels {
            let seat = self.seats.get(&Post::Channel(channel.doc.id.clone()));
            self.logbook.look(now.running, channel, seat, &self.tools.commands);
        }
        let mut board = board::build(&self.wanted, &self.seats, self.tools.commands.as_runs(), now);
        board.alerts = self.told.observe(now, &board);
        self.publish.send_if_modified(|shown| {
            let changed = **shown != board;
            if changed {
                *shown = Arc::new(board);
            }
            changed
        });
    }
}

/// Each try of a destination is written down with its number and the wait (VS-57).
fn log_retries(post: &Post, seat: &Seat, status: &automation::status::ChannelStatus) {
    let Some(before) = &seat.channel else { return };
    for destination in &status.destinations {
        let known = before.destinations.iter().find(|known| known.id == destination.id);
        if known.is_some_and(|known| known.attempt < destination.attempt) {
            tracing::warn!(
                %post, destination = %destination.id, attempt = destination.attempt, wait_ms = destination.retry_ms,
                fault = destination.fault.as_ref().map(|fault| fault.code.as_str()),
                "a destination could not be reached"
            );
        }
    }
}
