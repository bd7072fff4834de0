//! The process `bandstand-channel` in the simulation: a director that is asked where something can change, and one
//! delivery for each destination. No pictures.

use super::Options;
use super::sources::Sources;
use automation::clock::Running;
use automation::delivery::{Action, Delivery, Event};
use automation::difference::diff;
use automation::director::{Director, Frame, Picture};
use automation::fault::Code;
use automation::id::{DestinationId, SessionId, SourceId};
use automation::renewal::Renewals;
use automation::spec::{ChannelSpec, ChannelSpecDraft, Destination, Rate};
use automation::status::SourceState;
use automation::watchdog::{BEGINS_MS, Watchdog, Word};
use std::collections::BTreeMap;

/// Ticks that are looked at after something was told.
const LOOKS: u8 = 2;

/// When a watchdog bites that is not fed, milliseconds: `WatchdogSec` of the worker's unit.
pub(crate) const BITES_MS: u64 = 4_000;

/// What of a worker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hang {
    /// Its program: no frames leave, and all else works.
    Program,
    /// All of it.
    Process,
}

pub(crate) struct Worker {
    pub(crate) life: u32,
    pub(crate) rate: Rate,
    pub(crate) start: Running,
    pub(crate) director: Director,
    /// The spec in force.
    pub(crate) spec: Option<ChannelSpec>,
    pub(crate) deliveries: BTreeMap<DestinationId, Delivery>,
    session: Option<SessionId>,
    next_tick: u64,
    /// Ticks that must be looked at, for something was told: what is seen in the first may begin something in the second.
    look: u8,
    last_pulse: Running,
    options: Options,
    /// What stands, and since when.
    pub(crate) hang: Option<(Hang, Running)>,
    watchdog: Watchdog,
    /// How long the watchdog waits, milliseconds.
    bites_ms: u64,
    /// When the watchdog was fed last.
    fed: Running,
    pub(crate) renewals: Renewals,
}

impl Worker {
    pub(crate) fn new(life: u32, rate: Rate, start: Running, options: &Options) -> Worker {
        Worker {
            life,
            rate,
            start,
            director: Director::new(rate, start),
            spec: None,
            deliveries: BTreeMap::new(),
            session: None,
            next_tick: 0,
            look: LOOKS,
            last_pulse: start,
            options: *options,
            hang: None,
            watchdog: Watchdog::new(BITES_MS),
            bites_ms: BEGINS_MS,
            fed: start,
            renewals: Renewals::default(),
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.spec.as_ref().map_or(0, |spec| spec.generation)
    }

    /// The tick that was made last.
    pub(crate) fn tick(&self) -> u64 {
        self.next_tick.saturating_sub(1)
    }

    pub(crate) fn time(&self, tick: u64) -> Running {
        Running(self.start.0 + self.rate.tick_ns(tick))
    }

    /// Whether nothing of it moves.
    pub(crate) fn is_frozen(&self) -> bool {
        self.hang.is_some_and(|(hang, _)| hang == Hang::Process)
    }

    /// It stands.
    pub(crate) fn hangs(&mut self, now: Running, hang: Hang) {
        self.hang.get_or_insert((hang, now));
    }

    /// It goes on: what it has missed is left out.
    pub(crate) fn thaw(&mut self, now: Running) {
        if self.hang.take().is_some() {
            self.next_tick = self.next_tick.max(self.first_from(now));
            self.look = LOOKS;
        }
    }

    /// A turn of its loop. Answers whether the watchdog has waited for too long.
    pub(crate) fn watched(&mut self, now: Running, options: &Options) -> bool {
        if !self.is_frozen() {
            let counters = self.spec.is_some().then_some([self.next_tick; 2]);
            let word = self.watchdog.turn(now, || counters);
            if word == Some(Word::Begun) {
                self.bites_ms = BITES_MS;
            }
            if word.is_some() || options.feeds_regardless {
                self.fed = now;
            }
        }
        options.bites_at_once || now.ms_since(self.fed) >= self.bites_ms
    }

    /// Takes a spec, unless it is older than what is in force. Answers what to do with connections.
    pub(crate) fn take(&mut self, now: Running, spec: ChannelSpec, options: &Options) -> Vec<(DestinationId, Action)> {
        if spec.generation < self.generation() && !options.takes_older {
            return Vec::new();
        }
        self.look = LOOKS;
        if self.options.rewinds && self.life > 1 && spec.live.as_ref().is_some_and(|live| live.at < self.start) {
            let mut draft: ChannelSpecDraft = spec.clone().into();
            if let Some(live) = &mut draft.live {
                live.at = self.start;
            }
            self.director.spec(&ChannelSpec::try_from(draft).expect("another moment is still valid"));
        } else if options.deaf_to_hands {
            let draft = ChannelSpecDraft { manual: None, overlays_cleared: false, ..spec.clone().into() };
            self.director.spec(&ChannelSpec::try_from(draft).expect("less is still valid"));
        } else {
            self.director.spec(&spec);
        }
        let before = self.spec.replace(spec);
        self.follow(now, before.as_ref())
    }

    /// Brings the deliveries to the spec in force.
    fn follow(&mut self, now: Running, before: Option<&ChannelSpec>) -> Vec<(DestinationId, Action)> {
        let Some(spec) = &self.spec else { return Vec::new() };
        let mut actions = Vec::new();
        let session = spec.live.as_ref().map(|live| live.session.clone());
        if session != self.session || self.options.forgets_broadcast {
            // A broadcast of its own: the old one's connections end.
            for (id, delivery) in &mut self.deliveries {
                actions.extend(delivery.next_broadcast(now).map(|action| (id.clone(), action)));
            }
            self.session = session;
        }
        let old: &[Destination] = before.map_or(&[], |before| &before.destinations);
        for destination in diff(old, &spec.destinations, |d| &d.id).to_add {
            self.deliveries.insert(destination.id.clone(), Delivery::new());
        }
        actions.extend(self.want(now));
        actions
    }

    /// Tells each delivery whether it is wanted now.
    fn want(&mut self, now: Running) -> Vec<(DestinationId, Action)> {
        let Some(spec) = &self.spec else { return Vec::new() };
        let live = spec.live.as_ref().is_some_and(|live| now >= live.at);
        let mut actions = Vec::new();
        for destination in &spec.destinations {
            let Some(delivery) = self.deliveries.get_mut(&destination.id) else { continue };
            let action = delivery.handle(now, Event::Wanted(live && destination.enabled));
            actions.extend(action.map(|action| (destination.id.clone(), action)));
        }
        actions
    }

    /// The next moment at which a delivery, or GO LIVE, is due.
    pub(crate) fn deadline(&self, now: Running) -> Option<Running> {
        if self.is_frozen() {
            return None;
        }
        let go = self.spec.as_ref().and_then(|spec| spec.live.as_ref()).map(|live| live.at).filter(|at| *at > now);
        self.deliveries.values().filter_map(Delivery::deadline).chain(go).min()
    }

    /// What is due now.
    pub(crate) fn wake(&mut self, now: Running) -> Vec<(DestinationId, Action)> {
        let mut actions = self.want(now);
        for (id, delivery) in &mut self.deliveries {
            if delivery.deadline().is_some_and(|deadline| deadline <= now) {
                actions.extend(delivery.handle(now, Event::Elapsed).map(|action| (id.clone(), action)));
            }
        }
        actions
    }

    /// The codes of the director's faults, as the status tells them.
    pub(crate) fn told_faults(&self) -> Vec<Code> {
        let faults = if self.options.hides_faults { Vec::new() } else { self.director.faults() };
        faults.into_iter().map(|fault| fault.code).collect()
    }

    /// The state of a source, as the status tells it.
    pub(crate) fn told_state(&self, id: &SourceId) -> SourceState {
        match self.director.source_state(id) {
            SourceState::Unstable if self.options.forgets_losses => SourceState::Online,
            SourceState::Online if self.options.counts_twice => SourceState::Unstable,
            state => state,
        }
    }

    /// Something was told to the director: the next tick counts.
    pub(crate) fn look(&mut self) {
        self.look = LOOKS;
    }

    /// Makes the next frame that matters, up to `now`. None where there is none left.
    pub(crate) fn next_frame(
        &mut self,
        now: Running,
        sources: &mut Sources,
        options: &Options,
    ) -> Option<(u64, Frame)> {
        if self.hang.is_some() {
            return None;
        }
        let last = self.first_from(Running(now.0 + 1)).checked_sub(1).filter(|last| *last >= self.next_tick)?;
        // Healthy sources are told of twice in a hold-off: often enough that none seems lost.
        let pulse = self.spec.as_ref().map_or(50, |spec| u64::from(spec.failover.holdoff_ms) / 2);
        let hint = self.director.next_change().unwrap_or(u64::MAX);
        let pulse_tick = self.next_tick.max(self.first_from(self.last_pulse.plus_ms(pulse)));
        let every = self.look > 0 || options.every_tick;
        let tick = if every { self.next_tick } else { hint.min(pulse_tick).clamp(self.next_tick, last) };
        self.look = self.look.saturating_sub(1);
        self.last_pulse = self.time(tick);
        sources.tell(&mut self.director, self.last_pulse, options);
        let mut frame = self.director.frame(tick);
        if options.always_mixes
            && let Picture::One(shown) = &frame.picture
        {
            let (from, to) = (shown.clone(), shown.clone());
            frame.picture = Picture::Mix { from, to, weight: 128, through_black: false };
        }
        self.next_tick = tick + 1;
        Some((tick, frame))
    }

    fn ticks_until(&self, from: Running, until: Running) -> u64 {
        let ns = u128::from(until.0.saturating_sub(from.0));
        (ns * u128::from(self.rate.num) / (u128::from(self.rate.den) * 1_000_000_000)) as u64
    }

    fn first_from(&self, at: Running) -> u64 {
        let mut tick = self.ticks_until(self.start, at);
        while self.time(tick) < at {
            tick += 1;
        }
        tick
    }
}
