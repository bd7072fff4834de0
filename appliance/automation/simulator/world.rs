//! Time and events: who is told what, and when.

mod destinations;
mod renewals;
mod watch;

use super::control::Control;
use super::far_side::FarSide;
use super::feed::Feed;
use super::random::Random;
use super::rules::{Broken, Rules};
use super::sources::{Shows, Sources};
use super::venue::{Command, Mode, PATIENCE_MS, Scripted, Span, Trouble, is_platform, venue};
use super::worker::Worker;
use super::{Options, Outcome};
use automation::clock::{Now, Running};
use automation::delivery::Event as Told;
use automation::fault::{Code, Fault};
use automation::id::{DestinationId, SourceId};
use automation::spec::{ChannelSpec, ChannelSpecDraft, Fallback};
use automation::status::Carrier;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// The evening begins here: the machine has been up for a while.
const BEGIN: Running = Running(1_000_000_000_000);
/// How long the supervisor takes to start a worker again, milliseconds.
const RESTART_MS: u64 = 1_000;
/// Whoever stands is told again after so long, milliseconds.
const STANDS_MS: u64 = 50;
/// How often `control` compares what is wanted and what is, milliseconds.
const TURN_MS: u64 = 2_000;

enum Event {
    Scripted(Scripted),
    ControlTurn,
    SpecArrives(Box<ChannelSpec>, u32),
    WorkerStarts,
    /// What stood in this life of the worker goes on.
    WorkerThaws(u32),
    SourceConnects,
    Answer(DestinationId, u64, Told),
    Probe,
    /// All trouble is over.
    Quiet,
    Finish,
}

pub(crate) struct World {
    now: Now,
    options: Options,
    random: Random,
    queue: BinaryHeap<(Reverse<(Running, u64)>, usize)>,
    events: Vec<Option<Event>>,
    control: Control,
    worker: Option<Worker>,
    lives: u32,
    /// The spec that the worker keeps beside its socket.
    kept: Option<ChannelSpec>,
    /// Every spec that was sent, for replays.
    sent: Vec<ChannelSpec>,
    slow_ms: u64,
    without_power: bool,
    sources: Sources,
    feeds: BTreeMap<SourceId, Feed>,
    far_sides: Vec<FarSide>,
    rules: Rules,
    transcript: Vec<String>,
    air: String,
    frames: u64,
}

impl World {
    pub(crate) fn new(seed: u64, options: Options) -> World {
        let venue = venue(seed, if options.day { Span::DAY } else { Span::EVENING });
        let mut sources = Sources::default();
        let mut feeds = BTreeMap::new();
        for (n, source) in venue.spec.sources.iter().filter(|s| s.kind.is_live()).enumerate() {
            sources.add(source.id.clone(), BEGIN);
            // Every third one is fetched.
            let feed = Feed::new(seed ^ (0xfeed << n), source.id.as_str(), n % 3 == 2);
            feeds.insert(source.id.clone(), feed);
        }
        let aged = venue.spec.destinations.iter().zip(&venue.aged_ms);
        let far_sides = aged.map(|(d, aged_ms)| FarSide::new(d.id.clone(), !is_platform(d), *aged_ms)).collect();
        let mut world = World {
            now: Now { running: BEGIN, wall_ms: 1_800_000_000_000, wall_trusted: true },
            options,
            random: Random::new(seed ^ 0x5eed),
            queue: BinaryHeap::new(),
            events: Vec::new(),
            control: Control::new(venue.spec),
            worker: None,
            lives: 0,
            kept: None,
            sent: Vec::new(),
            slow_ms: 2,
            without_power: false,
            sources,
            feeds,
            far_sides,
            rules: Rules::default(),
            transcript: Vec::new(),
            air: String::new(),
            frames: 0,
        };
        for (at, scripted) in venue.script {
            world.after(at, Event::Scripted(scripted));
        }
        world.after(0, Event::WorkerStarts);
        world.after(1, Event::ControlTurn);
        world.after(1000, Event::Probe);
        world.after(venue.quiet_ms, Event::Quiet);
        world
    }

    pub(crate) fn play(mut self) -> Outcome {
        let broken = self.run().err();
        if let Some(broken) = &broken {
            self.log(format!("BROKEN: {}: {}", broken.rule, broken.detail));
        }
        let played_ms = self.now.running.ms_since(BEGIN);
        Outcome { transcript: self.transcript, broken, frames: self.frames, played_ms }
    }

    fn after(&mut self, ms: u64, event: Event) {
        let at = self.now.running.plus_ms(ms);
        let number = self.events.len();
        self.events.push(Some(event));
        self.queue.push((Reverse((at, number as u64)), number));
    }

    fn log(&mut self, line: String) {
        let ms = self.now.running.ms_since(BEGIN);
        let (s, ms) = (ms / 1000, ms % 1000);
        self.transcript.push(format!("{:02}:{:02}.{ms:03}  {line}", s / 60, s % 60));
    }

    /// From event to event.
    fn run(&mut self) -> Result<(), Broken> {
        loop {
            let queued = self.queue.peek().map(|(Reverse((at, _)), _)| *at);
            let due = self.worker.as_ref().and_then(|worker| worker.deadline(self.now.running));
            let next = queued.into_iter().chain(due).min().unwrap_or(self.now.running).max(self.now.running);
            self.frames_until(next)?;
            let passed = next.ms_since(self.now.running);
            self.now.running = next;
            self.now.wall_ms += passed as i64;
            if due.is_some_and(|due| due <= next) {
                let actions = self.worker.as_mut().map_or(Vec::new(), |worker| worker.wake(next));
                self.act(actions)?;
                continue;
            }
            let Some((_, number)) = self.queue.pop() else { return Ok(()) };
            let event = self.events[number].take();
            if matches!(event, Some(Event::Finish)) {
                return self.finish();
            }
            if let Some(event) = event {
                self.handle(event)?;
            }
        }
    }

    fn frames_until(&mut self, until: Running) -> Result<(), Broken> {
        while let Some(worker) = &mut self.worker {
            let Some((tick, frame)) = worker.next_frame(until, &mut self.sources, &self.options) else { break };
            self.frames += 1;
            let air = worker.director.on_air();
            let name = air.source.as_ref().map_or("slate", |source| source.as_str());
            let seen = format!("on air: {name} ({:?})", air.carrier);
            let life = worker.life;
            self.rules.frame(worker, &self.sources, tick, &frame).inspect_err(|_| {
                self.now.running = worker.time(tick);
            })?;
            if seen != self.air {
                self.now.running = self.worker.as_ref().map_or(until, |worker| worker.time(tick));
                self.log(format!("{seen} at tick {tick} of worker {life}"));
                self.air = seen;
            }
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<(), Broken> {
        let now = self.now.running;
        match event {
            Event::Scripted(Scripted::Trouble(trouble)) => self.trouble(trouble),
            Event::Scripted(Scripted::Command(command)) => {
                self.command(&command);
                Ok(())
            }
            Event::ControlTurn => {
                self.control_turn();
                self.after(TURN_MS, Event::ControlTurn);
                Ok(())
            }
            Event::SpecArrives(spec, life) if self.is_frozen() => {
                self.after(STANDS_MS, Event::SpecArrives(spec, life));
                Ok(())
            }
            Event::SpecArrives(spec, life) => self.spec_arrives(*spec, life),
            Event::WorkerStarts if self.without_power => Ok(()),
            Event::WorkerStarts => self.worker_starts(),
            Event::WorkerThaws(life) => self.worker_thaws(life),
            Event::SourceConnects => {
                self.worker.iter_mut().for_each(Worker::look);
                Ok(())
            }
            // Who stands hears of it later.
            Event::Answer(id, of_try, told) if self.is_frozen() => {
                self.after(STANDS_MS, Event::Answer(id, of_try, told));
                Ok(())
            }
            Event::Answer(id, of_try, told) => self.answer(&id, of_try, told),
            Event::Probe => {
                self.after(1000, Event::Probe);
                self.watch()?;
                self.probe()?;
                self.renew()
            }
            Event::Quiet => {
                self.quiet();
                Ok(())
            }
            Event::Finish => unreachable!("it ends the run at {now:?}"),
        }
    }

    fn command(&mut self, command: &Command) {
        if !self.control.alive {
            return self.log(format!("{command:?}: nobody answers, control is away"));
        }
        self.log(format!("{command:?}"));
        if let Command::Switch(id, _) = command {
            self.rules.breaks(id, true);
        }
        if matches!(command, Command::GoLive { .. } | Command::End) {
            self.far_sides.iter().for_each(|far| self.rules.breaks(&far.id, true));
        }
        let on_air = self.worker.as_ref().and_then(|worker| worker.director.on_air().source);
        self.control.command(self.now.running, command, on_air);
        self.control_turn();
    }

    fn control_turn(&mut self) {
        if self.options.never_plans && !self.sent.is_empty() {
            return;
        }
        let seen = self.worker.as_ref().map(|worker| (worker.life, worker.generation()));
        if let Some(spec) = self.control.turn(seen) {
            let life = seen.map_or(0, |(life, _)| life);
            self.sent.push(spec.clone());
            let ms = self.random.between(1, self.slow_ms);
            self.after(ms, Event::SpecArrives(Box::new(spec), life));
        }
    }

    fn spec_arrives(&mut self, spec: ChannelSpec, life: u32) -> Result<(), Broken> {
        let Some(worker) = self.worker.as_mut().filter(|worker| worker.life == life) else { return Ok(()) };
        let (before, knew_sources) = (worker.generation(), worker.spec.is_some());
        let generation = spec.generation;
        let session = |spec: &ChannelSpec| spec.live.as_ref().map(|live| live.session.clone());
        if generation >= before && worker.spec.as_ref().is_some_and(|before| session(before) != session(&spec)) {
            self.far_sides.iter().for_each(|far| self.rules.another_broadcast(&far.id));
        }
        let same = worker.spec.as_ref().is_some_and(|before| same_wish(before, &spec));
        let actions = worker.take(self.now.running, spec, &self.options);
        Rules::taken(same, &actions)?;
        let verdict = if generation < before { "refused, older than" } else { "in force after" };
        self.kept = worker.spec.clone();
        self.log(format!("spec {generation} {verdict} {before}"));
        if !knew_sources {
            self.connect_sources();
        }
        self.act(actions)
    }

    /// The worker connects to what its spec names.
    fn connect_sources(&mut self) {
        let ids: Vec<_> = self.sources.senders.keys().cloned().collect();
        for id in ids {
            // In the first life the cameras are there already: the evening begins with all in order.
            let ms = if self.lives == 1 { 0 } else { self.random.between(100, 2000) };
            self.sources.connect(&id, self.now.running.plus_ms(ms));
            self.after(ms, Event::SourceConnects);
        }
    }

    fn trouble(&mut self, trouble: Trouble) -> Result<(), Broken> {
        if self.options.steady_wall && matches!(trouble, Trouble::WallSteps(_)) {
            return Ok(());
        }
        self.log(format!("{trouble:?}"));
        let now = self.now.running;
        match trouble {
            Trouble::SourceDown(id) => self.sources.down(&id, now),
            Trouble::SourceUp(id) => self.sources.up(&id, now),
            Trouble::SourceThaws(id) => {
                // Who stands takes only the newest of them, once it goes on.
                let worker = self.worker.as_mut().filter(|worker| worker.hang.is_none());
                self.sources.thaw(&id, now, worker.map(|worker| &mut worker.director));
            }
            Trouble::SourceShows(id, shows) => self.sources.show(&id, now, shows),
            Trouble::File(id, sound) => {
                let changed = if sound {
                    self.sources.unreadable.remove(&id)
                } else {
                    self.sources.unreadable.insert(id.clone())
                };
                if let Some(worker) = self.worker.as_mut().filter(|_| changed) {
                    worker.director.unplayable(&id, (!sound).then(|| unreadable(id.as_str())));
                }
            }
            Trouble::FarSide(id, mode) => self.far_side(&id, mode),
            Trouble::FarSideCuts(id) => {
                self.rules.breaks(&id, false);
                let Some(far) = self.far_sides.iter_mut().find(|far| far.id == id) else { return Ok(()) };
                let answer = far.open.map(|of_try| far.cut(now, of_try, &mut self.random));
                self.answer_later(id, answer);
            }
            Trouble::NetworkUp => self.network_up()?,
            Trouble::ControlDies => self.control.alive = false,
            Trouble::ControlReturns { .. } if self.without_power => {}
            Trouble::ControlReturns { generations_lost } => {
                self.control.return_with(generations_lost);
                self.control_turn();
            }
            Trouble::Slow(ms) => self.slow_ms = ms,
            Trouble::Replay => {
                if let (Some(worker), false) = (&self.worker, self.sent.is_empty()) {
                    let (old, life) = (self.random.pick(&self.sent).clone(), worker.life);
                    self.after(1, Event::SpecArrives(Box::new(old), life));
                }
            }
            Trouble::WorkerDies => {
                if self.worker_dies() {
                    self.after(RESTART_MS, Event::WorkerStarts);
                }
            }
            Trouble::PowerCut => self.power_cut(),
            Trouble::PowerReturns => self.power_returns(),
            Trouble::WallSteps(ms) => self.now.wall_ms += ms,
            Trouble::WorkerHangs(hang, lasts_ms) => self.worker_hangs(hang, lasts_ms),
            Trouble::Feed(id, glitch) => {
                let options = self.options;
                self.feeds.get_mut(&id).map_or(Ok(()), |feed| feed.suffer(glitch, &options))?;
            }
            Trouble::DiskFull => self.disk(Mode::Full),
            Trouble::DiskFree => self.disk(Mode::Up),
        }
        self.worker.iter_mut().for_each(Worker::look);
        Ok(())
    }

    fn power_cut(&mut self) {
        self.worker_dies();
        self.control.alive = false;
        // The folder of the last spec is memory; only the database outlives this.
        self.kept = None;
        self.sent.clear();
        self.without_power = true;
    }

    fn power_returns(&mut self) {
        if std::mem::take(&mut self.without_power) {
            self.control.return_with(0);
            self.after(RESTART_MS, Event::WorkerStarts);
        }
    }

    /// All trouble is over: everything works from here on.
    fn quiet(&mut self) {
        self.log("all trouble is over".to_owned());
        let now = self.now.running;
        let ids: Vec<_> = self.sources.senders.keys().cloned().collect();
        ids.iter().for_each(|id| {
            self.sources.up(id, now);
            self.sources.show(id, now, Shows::Life);
        });
        for id in std::mem::take(&mut self.sources.unreadable) {
            self.worker.iter_mut().for_each(|worker| worker.director.unplayable(&id, None));
        }
        let ids: Vec<_> = self.far_sides.iter().map(|far| far.id.clone()).collect();
        ids.iter().for_each(|id| self.far_side(id, Mode::Up));
        self.slow_ms = 2;
        self.power_returns();
        if !self.control.alive {
            self.control.return_with(0);
        }
        self.worker.iter_mut().for_each(Worker::look);
        self.after(PATIENCE_MS, Event::Finish);
    }

    /// What is has reached what is wanted.
    fn finish(&mut self) -> Result<(), Broken> {
        self.log(format!("the end, at {} ms of wall time", self.now.wall_ms));
        let missed = |detail: String| Broken { rule: "when trouble ends, what is reaches what is wanted", detail };
        let worker = self.worker.as_ref().ok_or_else(|| missed("no worker".into()))?;
        let air = worker.director.on_air();
        if worker.generation() != self.control.generation() {
            return Err(missed(format!("spec {} of {}", worker.generation(), self.control.generation())));
        }
        let failover = &self.control.document.failover;
        let looped = failover.looped.as_ref().filter(|_| failover.ladder.contains(&Fallback::Loop));
        let wanted = air.wanted.as_ref().or(looped).filter(|_| air.carrier != Carrier::SlateByHand);
        if wanted != air.source.as_ref() {
            return Err(missed(format!("{air:?}")));
        }
        let live = self.control.document.live.is_some();
        for (destination, far) in self.control.document.destinations.iter().zip(&self.far_sides) {
            let wanted = live && destination.enabled;
            if far.live != wanted {
                return Err(missed(format!("{}: live {}, wanted {wanted}", far.id, far.live)));
            }
        }
        Ok(())
    }
}

/// Whether two specs want the same, whatever their generations.
fn same_wish(one: &ChannelSpec, other: &ChannelSpec) -> bool {
    let draft = |spec: &ChannelSpec| ChannelSpecDraft { generation: 0, ..spec.clone().into() };
    draft(one) == draft(other)
}

fn unreadable(id: &str) -> Fault {
    Fault::new(Code::MediaUnreadable, id)
}
