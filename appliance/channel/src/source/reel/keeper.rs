//! Makes players and lets them go; measures files.

use super::{Desk, ticks};
use crate::clock::running;
use crate::lock::{hold, whole};
use crate::source::media::TURN;
use crate::source::player::{Player, Progress, Tell};
use automation::playlist::{Item, Leg};
use automation::spec::House;
use gstreamer as gst;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// A player to be made.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) leg: Leg,
    /// Where in the file it begins.
    pub(super) from_ns: u64,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// It stands ready for the next showing.
    Ready,
    /// It is the first of the showing that began at this tick, from this position on.
    Start(i64, u64),
    /// It follows in that showing, where the last one ends at this tick.
    Next(i64, u64),
}

/// One of a list's two threads.
#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) desk: Arc<Desk>,
    pub(super) house: House,
    pub(super) end: Sender<gst::Pipeline>,
}

impl Keeper {
    pub(super) fn run(&self) {
        while let Some((job, file, path)) = self.next_job() {
            let made = Player::open_once(&path, &self.house, job.from_ns, &self.end, self.ear(file));
            let mut inner = hold(&self.desk.inner);
            inner.starting = None;
            match made {
                Ok(player) => inner.seat(player, &job),
                Err(fault) => inner.broke(file, fault),
            }
        }
    }

    /// Waits for a player to be wanted. None: the source is gone.
    fn next_job(&self) -> Option<(Job, usize, PathBuf)> {
        let rate = self.desk.rate;
        let mut inner = hold(&self.desk.inner);
        loop {
            if inner.ended {
                (inner.ready, inner.showing, inner.previous) = (None, None, None);
                return None;
            }
            let now = running();
            inner.look_after(rate, now);
            inner.let_go(rate, now);
            if let Some(job) = inner.wanted(rate) {
                let file = inner.items[job.leg.item];
                let path = inner.files[file].path.clone();
                return Some((job, file, path));
            }
            inner = whole(self.desk.changed.wait_timeout(inner, TURN)).0;
        }
    }

    /// Hears of a player's progress.
    fn ear(&self, file: usize) -> Tell {
        let desk = Arc::downgrade(&self.desk);
        Box::new(move |progress| {
            let Some(desk) = desk.upgrade() else { return };
            match progress {
                Progress::Round => hold(&desk.inner).whole(file),
                Progress::Broke(fault) => hold(&desk.inner).broke(file, fault),
            }
            desk.changed.notify_all();
        })
    }

    /// Measures files that are not known, and those that could not be played, when their wait is over.
    pub(super) fn measure(&self) {
        while let Some((file, path)) = self.next_file() {
            let measured = Player::measure(&path, &self.house, &self.end);
            let mut inner = hold(&self.desk.inner);
            match measured {
                Ok(length_ns) => {
                    let ticks = ticks(self.desk.rate, inner.still_ticks, length_ns);
                    inner.files[file].item = Item::Plays(ticks);
                    if length_ns.is_none() {
                        // A still that can be opened has been shown whole.
                        inner.whole(file);
                    }
                }
                Err(fault) => inner.fail(file, fault),
            }
            drop(inner);
            self.desk.changed.notify_all();
        }
    }

    /// Waits for a file to be measured. None: the source is gone.
    fn next_file(&self) -> Option<(usize, PathBuf)> {
        let mut inner = hold(&self.desk.inner);
        loop {
            if inner.ended {
                return None;
            }
            let now = running();
            if let Some(file) = inner.to_measure(now) {
                return Some((file, inner.files[file].path.clone()));
            }
            inner = whole(self.desk.changed.wait_timeout(inner, TURN)).0;
        }
    }
}
