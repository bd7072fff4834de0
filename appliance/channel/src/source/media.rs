//! A film or a still from the disk, pulled by its own time: a showing begins on the clip's first picture, and tick
//! *n* of it is the picture of n/rate seconds, whatever the disk did.
//!
//! Each showing has its own player. One stands ready on the first picture all the time, so that a cue, a take or
//! a fallback begins at once; the next one is made as soon as it is used. Clips loop: the player seeks by segments
//! and its running time goes on.
//!
//! ```text
//! playable ── cannot be opened, or breaks off in mid-play ──► fault: not asked for
//!    ▲                                                             │
//!    └── a player stands ready, and the wait is over ──────────────┘
//! ```
//! The wait doubles with each failure, up to ten minutes, until a whole round has been played.

use super::known;
use super::player::{self, Player, Progress, Tell};
use crate::clock::running;
use crate::lock::{hold, whole};
use automation::backoff::{Backoff, Steps};
use automation::clock::Running;
use automation::fault::Fault;
use automation::spec::House;
use gstreamer as gst;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A showing that is asked for this late into the clip or later gets a player that seeks.
pub(super) const SEEK_FROM_NS: u64 = 1_500_000_000;
/// How far ahead of the wanted position a seeking player is aimed: it needs about this long to stand.
pub(super) const SEEK_AHEAD_NS: u64 = 400_000_000;
/// A showing that nobody has asked for so long is off air, milliseconds: a showing on air is asked for at each tick.
pub(super) const OFF_AIR_MS: u64 = 100;
/// A player that nobody has asked for so long is let go, milliseconds.
pub(super) const UNUSED_MS: u64 = 2_000;
/// Waits before a file that cannot be played is tried again.
pub(super) const RETRY: Steps = Steps { first_ms: 10_000, cap_ms: 600_000 };
/// How often the keeper looks around.
pub(super) const TURN: Duration = Duration::from_millis(100);

/// A media source; dropping it ends its keeper.
#[derive(Debug)]
pub struct Media {
    desk: Arc<Desk>,
}

#[derive(Debug)]
struct Desk {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    ended: bool,
    /// Stands ready on the first picture.
    ready: Option<Arc<Player>>,
    /// The showing, by the tick at which it began, and when it was last asked for.
    showing: Option<(i64, Arc<Player>, Running)>,
    /// The one before it, which a cross-fade or a mix still needs.
    previous: Option<(i64, Arc<Player>, Running)>,
    /// A showing in mid-clip that wants a seeking player: its tick, and the position to begin at.
    seek: Option<(i64, u64)>,
    seeking: bool,
    fault: Option<Fault>,
    /// When that was found.
    failed: Option<Running>,
    retry: Backoff,
    size: (u32, u32),
    sound: bool,
}

impl Media {
    pub(super) fn start(path: &Path, house: &House) -> Media {
        let inner = Inner {
            ended: false,
            ready: None,
            showing: None,
            previous: None,
            seek: None,
            seeking: false,
            fault: None,
            failed: None,
            retry: Backoff::new(RETRY),
            size: (0, 0),
            sound: false,
        };
        let desk = Arc::new(Desk { inner: Mutex::new(inner), changed: Condvar::new() });
        let started = player::taker_down().and_then(|end| {
            let keeper = Keeper { desk: desk.clone(), path: path.to_owned(), house: house.clone(), end };
            std::thread::Builder::new().name("media".into()).spawn(move || keeper.run())
        });
        if let Err(error) = started {
            tracing::error!(%error, "no thread for a media source");
        }
        Media { desk }
    }

    /// The player of the showing that began at tick `began` and is now at `position_ns`. None while it is being made.
    pub fn player(&self, began: i64, position_ns: u64) -> Option<Arc<Player>> {
        let mut inner = hold(&self.desk.inner);
        let now = running();
        if let Some((showing, player, asked)) = &mut inner.showing
            && *showing == began
        {
            *asked = now;
            return Some(player.clone());
        }
        if position_ns < SEEK_FROM_NS
            && let Some(player) = inner.ready.take()
        {
            inner.previous = inner.showing.replace((began, player.clone(), now));
            self.desk.changed.notify_all();
            return Some(player);
        }
        if position_ns >= SEEK_FROM_NS && !inner.seeking && inner.seek.is_none_or(|(tick, _)| tick != began) {
            inner.seek = Some((began, position_ns + SEEK_AHEAD_NS));
            self.desk.changed.notify_all();
        }
        None
    }

    /// The player of a showing that is or was just on air; asks for none.
    pub fn showing(&self, began: i64) -> Option<Arc<Player>> {
        let mut inner = hold(&self.desk.inner);
        let now = running();
        let Inner { showing, previous, .. } = &mut *inner;
        let found = [showing, previous].into_iter().flatten().find(|(tick, ..)| *tick == began)?;
        found.2 = now;
        Some(found.1.clone())
    }

    /// A player for a thumbnail: the showing, or the one that stands ready.
    pub fn any(&self) -> Option<Arc<Player>> {
        let inner = hold(&self.desk.inner);
        inner.showing.as_ref().map(|(_, player, _)| player.clone()).or_else(|| inner.ready.clone())
    }

    /// Why it cannot be played.
    pub fn fault(&self) -> Option<Fault> {
        hold(&self.desk.inner).fault.clone()
    }

    /// Size of its pictures, and whether it has sound.
    pub fn facts(&self) -> ((u32, u32), bool) {
        let inner = hold(&self.desk.inner);
        (inner.size, inner.sound)
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        hold(&self.desk.inner).ended = true;
        self.desk.changed.notify_all();
    }
}

/// Whether a showing that began at tick `began` and was `asked` for then makes way for the one that began at `next`, whose
/// player has just been made: meanwhile a later one may have begun. One that has gone off air makes way for an earlier
/// one, as a pinned source does for the cue that began before it.
pub(super) fn makes_way(began: i64, asked: Running, next: i64, now: Running) -> bool {
    began <= next || now.ms_since(asked) > OFF_AIR_MS
}

enum Job {
    Ready,
    Seek(i64, u64),
}

/// Makes players, lets unused ones go.
struct Keeper {
    desk: Arc<Desk>,
    path: PathBuf,
    house: House,
    end: Sender<gst::Pipeline>,
}

impl Keeper {
    fn run(&self) {
        while let Some(job) = self.next_job() {
            let from_ns = if let Job::Seek(_, from_ns) = job { from_ns } else { 0 };
            let made = Player::open(&self.path, &self.house, from_ns, &self.end, self.ear(running()));
            let mut inner = hold(&self.desk.inner);
            inner.seeking = false;
            match made {
                Ok(player) => inner.take(Arc::new(player), &job),
                Err(fault) => inner.fail(&self.path, fault),
            }
        }
    }

    /// Hears of the progress of a player that is opened now.
    fn ear(&self, opened: Running) -> Tell {
        let (desk, path) = (Arc::downgrade(&self.desk), self.path.clone());
        Box::new(move |progress| {
            let Some(desk) = desk.upgrade() else { return };
            match progress {
                Progress::Round => hold(&desk.inner).retry.succeeded(),
                Progress::Broke(fault) => hold(&desk.inner).broke(&path, opened, fault),
            }
            desk.changed.notify_all();
        })
    }

    /// Waits for something to do. None: the source is gone.
    fn next_job(&self) -> Option<Job> {
        let mut inner = hold(&self.desk.inner);
        loop {
            if inner.ended {
                (inner.ready, inner.showing, inner.previous) = (None, None, None);
                return None;
            }
            let now = running();
            inner.look_after(&self.path, now);
            inner.let_go(now);
            if inner.retry.is_due(now) {
                if let Some((began, from)) = inner.seek.take() {
                    inner.seeking = true;
                    return Some(Job::Seek(began, from));
                }
                if inner.ready.is_none() {
                    return Some(Job::Ready);
                }
                inner.fault = None;
            }
            inner = whole(self.desk.changed.wait_timeout(inner, TURN)).0;
        }
    }
}

impl Inner {
    /// Names a player that stands still though nothing holds it back.
    fn look_after(&mut self, path: &Path, now: Running) {
        let used = [&self.showing, &self.previous].into_iter().flatten().map(|(_, player, _)| player);
        if used.chain(&self.ready).any(|player| player.has_stalled(now)) {
            self.fail(path, player::stalled(path));
        }
    }

    /// Lets players go that nobody asks for any more, and one that broke while it stood ready.
    fn let_go(&mut self, now: Running) {
        for one in [&mut self.showing, &mut self.previous] {
            if one.as_ref().is_some_and(|(_, _, asked)| now.ms_since(*asked) > UNUSED_MS) {
                *one = None;
            }
        }
        if self.ready.as_ref().is_some_and(|player| player.is_broken()) {
            self.ready = None;
        }
    }

    fn take(&mut self, player: Arc<Player>, job: &Job) {
        (self.size, self.sound) = (player.size(), player.has_sound());
        let now = running();
        match *job {
            Job::Ready => self.ready = Some(player),
            Job::Seek(began, _) => {
                if self.showing.as_ref().is_none_or(|(tick, _, asked)| makes_way(*tick, *asked, began, now)) {
                    self.previous = self.showing.replace((began, player, now));
                }
            }
        }
    }

    /// A player that was opened then broke. What stands open breaks together with the file: that is one failure, and
    /// whoever says so late does not put off the next try.
    fn broke(&mut self, path: &Path, opened: Running, fault: Fault) {
        if self.failed.is_none_or(|failed| opened > failed) {
            self.fail(path, fault);
        }
    }

    /// The file cannot be played, for now.
    fn fail(&mut self, path: &Path, fault: Fault) {
        let now = running();
        let wait_ms = self.retry.failed(now);
        self.failed = Some(now);
        known::forget(path);
        let (code, text) = (fault.code.as_str(), &fault.text);
        tracing::warn!(path = %path.display(), fault = code, text, wait_ms, "media cannot be played");
        self.fault = Some(fault);
    }
}

#[cfg(test)]
pub(super) mod tests;
