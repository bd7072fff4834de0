//! Cameras and publishers in the simulation: whether they send pictures, and since when the worker receives them.

use super::Options;
use automation::clock::Running;
use automation::director::Director;
use automation::id::SourceId;
use automation::sight::POINTS;
use automation::spec::{CheckAction, SourceChecks};
use std::collections::{BTreeMap, BTreeSet};

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
}

impl Shows {
    fn points(self, at: Running) -> [u8; POINTS] {
        match self {
            Shows::Life => [40 + (at.ms_since(Running(0)) / LOOK_MS % 40 * 4) as u8; POINTS],
            Shows::Frozen => [200; POINTS],
            Shows::Black => [16; POINTS],
        }
    }

    /// After how long it takes a source off the air, milliseconds; none where it does not.
    fn leaves_after_ms(self, checks: &SourceChecks) -> Option<u64> {
        let check = match self {
            Shows::Life => return None,
            Shows::Frozen => &checks.frozen,
            // A black picture stands still, too.
            Shows::Black => {
                let frozen = Shows::Frozen.leaves_after_ms(checks);
                let black =
                    (checks.black.action == CheckAction::Leave).then_some(u64::from(checks.black.after_s) * 1000);
                return black.into_iter().chain(frozen).min();
            }
        };
        (check.action == CheckAction::Leave).then_some(u64::from(check.after_s) * 1000)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    pub(crate) up: bool,
    /// Since when it sends without a break.
    pub(crate) since: Running,
    /// When it broke last.
    pub(crate) broke: Running,
    /// When the worker's connection to it stands.
    connected: Running,
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
}

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
        self.flows_since().map(|since| since.max(self.shows_since))
    }

    /// From when on what it shows takes it off the air, at the soonest and at the latest: an outage may have been too short
    /// to begin anew. The worker may know up to two looks later.
    pub(crate) fn blind_from(&self, checks: &SourceChecks) -> Option<(Running, Running)> {
        let after_ms = self.shows.leaves_after_ms(checks)?;
        let soonest = self.connected.max(self.shows_since);
        Some((soonest.plus_ms(after_ms), self.flows_since()?.max(soonest).plus_ms(after_ms)))
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
            last: now,
            told: None,
            shows: Shows::Life,
            shows_since: now,
            before: Shows::Life,
            looked: now,
        };
        self.senders.insert(id, sender);
    }

    pub(crate) fn down(&mut self, id: &SourceId, now: Running) {
        if let Some(sender) = self.senders.get_mut(id).filter(|sender| sender.up) {
            sender.up = false;
            sender.broke = now;
            sender.last = now;
        }
    }

    pub(crate) fn up(&mut self, id: &SourceId, now: Running) {
        if let Some(sender) = self.senders.get_mut(id).filter(|sender| !sender.up) {
            sender.up = true;
            sender.since = now;
        }
    }

    /// Its pictures show something else from now on.
    pub(crate) fn show(&mut self, id: &SourceId, now: Running, shows: Shows) {
        if let Some(sender) = self.senders.get_mut(id).filter(|sender| sender.shows != shows) {
            // The look of this very moment may have been.
            let since = Running(now.0.max(sender.looked.0 + 1));
            (sender.before, sender.shows, sender.shows_since) = (sender.shows, shows, since);
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

    /// A worker that knows of none has begun.
    pub(crate) fn disconnect(&mut self) {
        for sender in self.senders.values_mut() {
            (sender.connected, sender.told) = (Running(u64::MAX), None);
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
                director.look(id, at, Some(&sender.shows_at(at).points(at)), Some(false));
            }
            sender.looked = sender.looked.max(newest);
        }
    }
}
