//! Cameras and publishers in the simulation: whether they send pictures, and since when the worker receives them.

use super::Options;
use automation::clock::Running;
use automation::director::Director;
use automation::id::SourceId;
use std::collections::{BTreeMap, BTreeSet};

/// Distance of the pictures in a burst, milliseconds.
const BURST_MS: u64 = 40;

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
}

impl Sources {
    pub(crate) fn add(&mut self, id: SourceId, now: Running) {
        self.senders
            .insert(id, Sender { up: true, since: now, broke: Running(0), connected: now, last: now, told: None });
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
            sender.connected = at;
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
        }
    }
}
