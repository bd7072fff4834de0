//! Cameras and publishers in the simulation: whether they send pictures, and since when the worker receives them.

use super::Options;
use automation::clock::Running;
use automation::director::Director;
use automation::id::SourceId;
use automation::sight::POINTS;
use automation::spec::{Check, CheckAction, SourceChecks};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Distance of the pictures in a burst, milliseconds.
const BURST_MS: u64 = 40;
/// How often a source is looked at, milliseconds: less often than a real one, for there are days to play.
pub(crate) const LOOK_MS: u64 = 1_000;

/// What is to be seen in the pictures of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    Life,
    /// The same picture again and again.
    Frozen,
    Black,
    /// A picture that lives, and no sound.
    Silent,
}

impl Shows {
    fn points(self, at: Running) -> [u8; POINTS] {
        match self {
            Shows::Life | Shows::Silent => [40 + (at.ms_since(Running(0)) / LOOK_MS % 40 * 4) as u8; POINTS],
            Shows::Frozen => [200; POINTS],
            Shows::Black => [16; POINTS],
        }
    }

    /// What stands against it.
    fn checks(self, checks: &SourceChecks) -> Vec<&Check> {
        match self {
            Shows::Life => Vec::new(),
            Shows::Frozen => vec![&checks.frozen],
            // A black picture stands still, too.
            Shows::Black => vec![&checks.black, &checks.frozen],
            Shows::Silent => vec![&checks.silent],
        }
    }

    fn after_ms(self, checks: &SourceChecks, acts: impl Fn(CheckAction) -> bool) -> Option<u64> {
        let checks = self.checks(checks).into_iter().filter(|check| acts(check.action));
        checks.map(|check| u64::from(check.after_s) * 1000).min()
    }

    /// After how long it takes a source off the air, milliseconds; none where it does not.
    fn leaves_after_ms(self, checks: &SourceChecks) -> Option<u64> {
        self.after_ms(checks, |action| action == CheckAction::Leave)
    }

    /// After how long it is told, milliseconds; none where nobody wants to know.
    fn told_after_ms(self, checks: &SourceChecks) -> Option<u64> {
        self.after_ms(checks, |action| action != CheckAction::Off)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) up: bool,
    /// Since when it sends without a break.
    pub(crate) since: Running,
    /// When it broke last.
    pub(crate) broke: Running,
    /// When the worker's connection to it stands, and when a worker that stood has gone on.
    connected: Running,
    thawed: Running,
    /// The newest picture that there is.
    last: Running,
    /// The newest picture that the worker has been told of.
    pub(crate) told: Option<Running>,
    pub(crate) shows: Shows,
    /// Since when it shows that, and what it showed before.
    pub(crate) shows_since: Running,
    before: Shows,
    /// Up to where the worker has looked at its pictures.
    looked: Running,
    /// When it came back from outages that nobody could overlook, in this life of the worker; and when anything happened
    /// that may have counted as a loss.
    outages: VecDeque<Running>,
    upsets: VecDeque<Running>,
}

/// Outages shorter than this may be overlooked, milliseconds: the longest hold-off, and what lies between two looks.
const OUTAGE_MS_MIN: u64 = 1_300;
/// It must have been back for so long before the next one is another, milliseconds.
const BACK_MS_MIN: u64 = 1_200;
/// So many of each are remembered.
const REMEMBERED: usize = 3;

#[derive(Default)]
pub(crate) struct Sources {
    pub(crate) senders: BTreeMap<SourceId, Sender>,
    pub(crate) unreadable: BTreeSet<SourceId>,
}

impl Sender {
    /// Since when its pictures reach the worker without a break; none while they do not.
    pub(crate) fn flows_since(&self) -> Option<Running> {
        self.up.then_some(self.since.max(self.connected))
    }

    /// Since when it could be on air whatever it is checked for; none while it could not.
    pub(crate) fn well_since(&self, checks: &SourceChecks) -> Option<Running> {
        if self.shows.leaves_after_ms(checks).is_some() {
            return None;
        }
        self.flows_since().map(|since| since.max(self.shows_since).max(self.thawed))
    }

    /// From when on what it shows takes it off the air, at the soonest and at the latest: an outage may have been too short
    /// to begin anew. The worker may know up to two looks later.
    pub(crate) fn blind_from(&self, checks: &SourceChecks) -> Option<(Running, Running)> {
        let soonest = self.blind_at_the_soonest(checks)?;
        let after_ms = self.shows.leaves_after_ms(checks)?;
        Some((soonest, self.flows_since()?.max(self.shows_since).plus_ms(after_ms).max(soonest)))
    }

    /// The same at the soonest, whether it still sends or its last picture bridges.
    pub(crate) fn blind_at_the_soonest(&self, checks: &SourceChecks) -> Option<Running> {
        Some(self.connected.max(self.shows_since).plus_ms(self.shows.leaves_after_ms(checks)?))
    }

    /// From when on what is wrong with what it shows must be told; none where nothing is.
    pub(crate) fn told_from(&self, checks: &SourceChecks) -> Option<Running> {
        let after_ms = self.shows.told_after_ms(checks)?;
        Some(self.flows_since()?.max(self.shows_since).plus_ms(after_ms))
    }

    /// Whether it was lost three times within so long, beyond doubt.
    pub(crate) fn comes_and_goes(&self, now: Running, within_ms: u64) -> bool {
        self.outages.len() == REMEMBERED && self.outages[0].plus_ms(within_ms) > now
    }

    /// Whether it may have been lost three times within so long.
    pub(crate) fn may_come_and_go(&self, now: Running, within_ms: u64) -> bool {
        self.upsets.len() == REMEMBERED && self.upsets[0].plus_ms(within_ms) > now
    }

    fn upset(&mut self, at: Running) {
        self.upsets.push_back(at);
        if self.upsets.len() > REMEMBERED {
            self.upsets.pop_front();
        }
    }

    /// The moments after the last look up to `until` at which the worker looks.
    fn looks(&self, until: Running) -> impl Iterator<Item = Running> + use<> {
        let begin = self.looked.max(self.connected).max(self.since);
        let first = begin.ms_since(Running(0)) / LOOK_MS + 1;
        let grid = (first..).map(|n| Running(0).plus_ms(n * LOOK_MS)).take_while(move |at| *at <= until);
        // A change is seen at once: what follows depends on when it was.
        let change = Some(self.shows_since).filter(|at| *at > begin && *at <= until);
        let (mut grid, mut change) = (grid.peekable(), change);
        std::iter::from_fn(move || match (grid.peek().copied(), change) {
            (Some(at), Some(changed)) if changed < at => change.take(),
            (Some(at), changed) => {
                change = changed.filter(|changed| *changed != at);
                grid.next()
            }
            (None, _) => change.take(),
        })
    }

    fn shows_at(&self, at: Running) -> Shows {
        if at >= self.shows_since { self.shows } else { self.before }
    }
}

impl Sources {
    pub(crate) fn add(&mut self, id: SourceId, now: Running) {
        let sender = Sender {
            up: true,
            since: now,
            broke: Running(0),
            connected: now,
            thawed: now,
            last: now,
            told: None,
            shows: Shows::Life,
            shows_since: now,
            before: Shows::Life,
            looked: now,
            outages: VecDeque::new(),
            upsets: VecDeque::new(),
        };
        self.senders.insert(id, sender);
    }

    pub(crate) fn down(&mut self, id: &SourceId, now: Running) {
        if let Some(sender) = self.senders.get_mut(id).filter(|sender| sender.up) {
            sender.up = false;
            sender.broke = now;
            sender.last = now;
            sender.upset(now);
        }
    }

    pub(crate) fn up(&mut self, id: &SourceId, now: Running) {
        if let Some(sender) = self.senders.get_mut(id).filter(|sender| !sender.up) {
            let long = now.ms_since(sender.broke) >= OUTAGE_MS_MIN;
            let was_back = sender.broke >= sender.since.max(sender.connected).plus_ms(BACK_MS_MIN);
            // What was off the air for what it showed was lost then, and is not lost again when it breaks.
            let was_well = sender.shows == Shows::Life && sender.broke >= sender.shows_since.plus_ms(BACK_MS_MIN);
            sender.up = true;
            sender.since = now;
            if long && was_back && was_well {
                sender.outages.push_back(sender.broke);
                if sender.outages.len() > REMEMBERED {
                    sender.outages.pop_front();
                }
            }
        }
    }

    /// Its pictures show something else from now on.
    pub(crate) fn show(&mut self, id: &SourceId, now: Running, shows: Shows) {
        if let Some(sender) = self.senders.get_mut(id).filter(|sender| sender.shows != shows) {
            // The look of this very moment may have been.
            let since = Running(now.0.max(sender.looked.0 + 1));
            (sender.before, sender.shows, sender.shows_since) = (sender.shows, shows, since);
            sender.upset(now);
        }
    }

    /// It goes on after a freeze: first the pictures of the silence, all at once.
    pub(crate) fn thaw(&mut self, id: &SourceId, now: Running, director: Option<&mut Director>) {
        let Some(sender) = self.senders.get(id).filter(|sender| !sender.up && now >= sender.connected) else {
            return self.up(id, now);
        };
        let mut at = sender.last.plus_ms(BURST_MS);
        if let Some(director) = director {
            while at < now {
                director.picture(id, at);
                at = at.plus_ms(BURST_MS);
            }
        }
        self.up(id, now);
    }

    /// A worker that stood goes on, and learns what came meanwhile.
    pub(crate) fn worker_thaws(&mut self, now: Running) {
        for sender in self.senders.values_mut() {
            sender.thawed = now;
            // What was lost meanwhile, it may have overlooked.
            sender.outages.clear();
        }
    }

    /// A worker that knows of none has begun.
    pub(crate) fn disconnect(&mut self) {
        for sender in self.senders.values_mut() {
            (sender.connected, sender.told) = (Running(u64::MAX), None);
            (sender.outages, sender.upsets) = Default::default();
        }
    }

    /// A worker begins to connect to all.
    pub(crate) fn connect(&mut self, id: &SourceId, at: Running) {
        if let Some(sender) = self.senders.get_mut(id) {
            (sender.connected, sender.looked) = (at, at);
            sender.told = None;
        }
    }

    /// Tells of the newest picture of each.
    pub(crate) fn tell(&mut self, director: &mut Director, now: Running, options: &Options) {
        for (id, sender) in &mut self.senders {
            let newest = if sender.up { now } else { sender.last.min(now) };
            if newest < sender.connected.max(sender.since) {
                continue;
            }
            sender.told = Some(newest);
            let seen = if options.dead_cameras_seem_alive && sender.told.is_some() { now } else { newest };
            director.picture(id, seen);
            for at in sender.looks(newest).filter(|_| !options.sees_nothing) {
                let shows = sender.shows_at(at);
                let silent = shows == Shows::Silent && !options.hears_nothing;
                director.look(id, at, Some(&shows.points(at)), Some(silent));
            }
            sender.looked = sender.looked.max(newest);
        }
    }
}
