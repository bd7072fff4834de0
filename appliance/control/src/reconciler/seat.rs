//! A post with what is known of the worker that fills it.
//!
//! ```text
//!  unknown ──nobody──► empty ──start──► awaited ──hello──► up ──gone──► (process alive ? awaited : empty)
//!     └────hello──► up (adopted)                           └──stop──► leaving ──► empty
//! ```
//! A process that is alive and does not answer is waited for: it may be carrying a broadcast. Where nobody else
//! watches over it, `automation::guard` says when waiting is over; then it is killed, and its end is seen like any.
//! One that was sent another house format ends itself to begin again with it: it is lost only where it stays away.

use crate::doc::WorkerState;
use crate::units::{Bounds, Post, Units, children};
use crate::workers::previews::Gallery;
use crate::workers::{Link, Outbox};
use automation::backoff::{Backoff, Steps};
use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::guard::{Guard, Reason};
use automation::plan::Worker;
use automation::spec::House;
use automation::status::{ChannelStatus, IngestStatus};
use automation::wire::{self, ToChannel, VERSION};
use rustix::process::{Pid, Signal, kill_process};

/// Waits between starts of a worker that does not stay.
const STARTS: Steps = Steps { first_ms: 200, cap_ms: 5_000 };
/// How long a worker must stay so that its starts are counted anew, milliseconds.
const STAYED_MS: u64 = 10_000;
/// How long a start that was asked for may take to show a process, milliseconds.
const START_MS_MAX: u64 = 1_000;
/// How long a worker may take from its start to its hello before it counts as lost, milliseconds.
const HELLO_MS_MAX: u64 = 10_000;
/// How long a worker may stay away that ends itself to begin again in another house format, milliseconds.
const AGAIN_MS_MAX: u64 = HELLO_MS_MAX;
/// How long a worker that was told to quit may take before it is told by a signal, and before it is killed.
const QUIT_MS_MAX: u64 = 3_000;
const KILL_MS: u64 = 6_000;
/// How often the memory of a worker is looked at, milliseconds.
const MEMORY_EVERY_MS: u64 = 2_000;
/// How long previews go on after the last page has gone: pages reload.
const LINGER_MS: u64 = 3_000;

/// A worker that has said hello.
pub(super) struct Up {
    pub(super) version: u32,
    pub(super) pid: u32,
    pub(super) generation: u64,
    pub(super) outbox: Outbox,
    pub(super) since: Running,
}

/// A live process under our watch.
struct Guarded {
    pid: u32,
    guard: Guard,
    weighed: Option<Running>,
}

/// A post.
pub(super) struct Seat {
    _link: Link,
    gallery: Option<Gallery>,
    up: Option<Up>,
    /// Whether the socket has been dialled once.
    pub(super) known: bool,
    /// When a worker was last started by us.
    pub(super) started: Option<Running>,
    pub(super) starts: Backoff,
    /// The process that was here last, and since when it does not answer.
    gone: Option<(u32, Running)>,
    /// A process that was started and is alive, or one that answered and is alive.
    alive: bool,
    /// Since when it shall end, and the message that says so.
    stopping: Option<(Running, Vec<u8>)>,
    signalled: Option<Signal>,
    sent: Option<u64>,
    /// The house format of the newest spec that the worker has or was sent, as far as it is known.
    house: Option<House>,
    /// Whether a spec is on its way for which the worker begins again.
    begins_again: bool,
    /// Since when it is away for that.
    away: Option<Running>,
    refused: Option<(u64, Fault)>,
    raising: Option<u64>,
    previews: bool,
    looked_at: Option<Running>,
    guarded: Option<Guarded>,
    /// The process that we killed, and why.
    replaced: Option<(u32, Reason)>,
    pub(super) channel: Option<ChannelStatus>,
    pub(super) ingest: Option<IngestStatus>,
}

impl Seat {
    pub(super) fn new(link: Link, gallery: Option<Gallery>) -> Seat {
        Seat {
            _link: link,
            gallery,
            up: None,
            known: false,
            started: None,
            starts: Backoff::new(STARTS),
            gone: None,
            alive: false,
            stopping: None,
            signalled: None,
            sent: None,
            house: None,
            begins_again: false,
            away: None,
            refused: None,
            raising: None,
            previews: false,
            looked_at: None,
            guarded: None,
            replaced: None,
            channel: None,
            ingest: None,
        }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.up.as_ref().map(|up| up.pid).or(self.gone.map(|(pid, _)| pid))
    }

    pub(super) fn came(&mut self, up: Up) {
        self.known = true;
        if let Some((_, quit)) = &self.stopping {
            let _ = up.outbox.try_send(quit.clone());
        }
        self.up = Some(up);
        self.gone = None;
        self.replaced = None;
        self.away = None;
        self.alive = true;
        self.sent = None;
        self.refused = None;
        self.raising = None;
        self.previews = false;
    }

    pub(super) fn went(&mut self, now: Running) {
        self.known = true;
        if let Some(up) = self.up.take() {
            self.gone = Some((up.pid, now));
        }
        // The next one's format is learnt anew: one that dies of a format again and again is lost.
        self.away = std::mem::take(&mut self.begins_again).then_some(now);
        self.house = None;
        self.channel = None;
        self.ingest = None;
        if let Some(gallery) = &self.gallery {
            gallery.clear();
        }
    }

    fn reached(&mut self, generation: u64) {
        if let Some(up) = &mut self.up {
            up.generation = generation;
        }
        if self.refused.as_ref().is_some_and(|(refused, _)| *refused <= generation) {
            self.refused = None;
        }
    }

    /// The spec with this house format is in force.
    pub(super) fn carries(&mut self, house: &House) {
        self.begins_again = false;
        if self.house.as_ref() != Some(house) {
            self.house = Some(house.clone());
        }
    }

    /// Whether it is away to begin again with a spec that it was sent.
    pub(super) fn is_beginning_again(&self, now: Running) -> bool {
        self.away.is_some_and(|since| now.ms_since(since) < AGAIN_MS_MAX)
    }

    pub(super) fn refuses(&mut self, post: &Post, generation: u64, fault: Fault) {
        tracing::error!(%post, generation, code = fault.code.as_str(), text = fault.text, "a worker refuses a spec");
        self.refused = Some((generation, fault));
        self.begins_again = false;
    }

    /// A channel's worker tells its status.
    pub(super) fn tells(&mut self, now: Running, status: ChannelStatus) {
        self.reached(status.generation);
        let counters = [status.program.tick, status.program.encoded_bytes];
        self.guarded.iter_mut().for_each(|guarded| guarded.guard.status(now, Some(counters)));
        self.channel = Some(status);
    }

    /// The door tells its status.
    pub(super) fn tells_door(&mut self, now: Running, status: IngestStatus) {
        self.reached(status.generation);
        self.guarded.iter_mut().for_each(|guarded| guarded.guard.status(now, None));
        self.ingest = Some(status);
    }

    /// What the plan is made from.
    pub(super) fn observed(&self, now: Running) -> Worker {
        if let Some(up) = &self.up {
            return Worker::Running {
                version: up.version,
                generation: up.generation,
                sent: self.sent,
                refused: self.refused.as_ref().map(|(generation, _)| *generation),
            };
        }
        if self.is_empty(now) { Worker::Absent } else { Worker::Starting }
    }

    /// Whether nobody is here, and nobody is on the way.
    pub(super) fn is_empty(&self, now: Running) -> bool {
        let on_its_way = self
            .started
            .is_some_and(|at| now.ms_since(at) < START_MS_MAX && self.gone.is_none_or(|(_, gone)| gone < at));
        self.known && self.up.is_none() && !self.alive && !on_its_way
    }

    /// Follows the clock and the machine. Answers whether something that is shown has changed.
    pub(super) fn tend(&mut self, post: &Post, now: Running, units: &dyn Units) -> bool {
        let shown = (self.alive, self.state(now));
        let process = match &self.up {
            Some(up) => Some(up.pid),
            None => {
                let known = self.gone.map(|(pid, _)| pid).filter(|pid| children::runs(*pid));
                known.or_else(|| units.started(post).filter(|pid| children::runs(*pid)))
            }
        };
        self.alive = process.is_some();
        match units.bounds(post) {
            Some(bounds) => self.watch_over(post, now, process, bounds),
            None => self.guarded = None,
        }
        if self.up.as_ref().is_some_and(|up| now.ms_since(up.since) >= STAYED_MS) {
            self.starts.succeeded();
        }
        if self.stopping.is_some() {
            self.see_out(post, now, process);
        }
        self.light(now);
        shown != (self.alive, self.state(now))
    }

    /// Kills a process that hangs or has grown too large.
    fn watch_over(&mut self, post: &Post, now: Running, process: Option<u32>, bounds: Bounds) {
        self.guarded.take_if(|guarded| Some(guarded.pid) != process);
        let Some(pid) = process else { return };
        let begun = || Guarded { pid, guard: Guard::new(now, bounds.patience), weighed: None };
        let guarded = self.guarded.get_or_insert_with(begun);
        // One that refused its spec has nothing to tell; one of another version tells what we do not understand.
        if self.refused.is_some() || self.up.as_ref().is_some_and(|up| up.version != VERSION) {
            guarded.guard.refused();
        }
        if guarded.weighed.is_none_or(|at| now.ms_since(at) >= MEMORY_EVERY_MS) {
            guarded.weighed = Some(now);
            guarded.guard.memory(children::memory(pid).unwrap_or(0), bounds.memory_bytes_max);
        }
        let Some(reason) = guarded.guard.judge(now) else { return };
        if self.replaced.is_none_or(|(replaced, _)| replaced != pid) {
            tracing::error!(%post, pid, ?reason, "a worker is killed, and started again");
            self.replaced = Some((pid, reason));
            children::kill(pid);
        }
    }

    /// Sees a worker out that was told to quit: first by word, then by a signal, at last by force.
    fn see_out(&mut self, post: &Post, now: Running, process: Option<u32>) {
        if self.is_empty(now) {
            self.stopping = None;
            self.signalled = None;
            self.started = None;
            self.gone = None;
            self.starts.succeeded();
            return;
        }
        let since = self.stopping.as_ref().map_or(0, |(since, _)| now.ms_since(*since));
        let signal = match since {
            KILL_MS.. => Signal::KILL,
            QUIT_MS_MAX.. => Signal::TERM,
            _ => return,
        };
        let Some(pid) = self.pid().or(process) else { return };
        if self.signalled == Some(signal) {
            return;
        }
        self.signalled = Some(signal);
        tracing::warn!(%post, pid, ?signal, "a worker does not end by itself");
        if let Some(pid) = Pid::from_raw(pid as i32) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Asks for previews while somebody looks.
    fn light(&mut self, now: Running) {
        let Some(gallery) = &self.gallery else { return };
        if *gallery.visitors().borrow() > 0 {
            self.looked_at = Some(now);
        }
        let wanted = self.looked_at.is_some_and(|at| now.ms_since(at) < LINGER_MS);
        let Some(up) = &self.up else { return };
        if wanted != self.previews
            && up.version == VERSION
            && up.outbox.try_send(wire::encode(&ToChannel::Previews { on: wanted })).is_ok()
        {
            self.previews = wanted;
            if !wanted {
                gallery.clear();
            }
        }
    }

    /// Whether it was told to end.
    pub(super) fn is_leaving(&self) -> bool {
        self.stopping.is_some()
    }

    pub(super) fn may_start(&self, now: Running) -> bool {
        self.stopping.is_none() && self.starts.is_due(now)
    }

    /// A start is asked for. Answers the wait before another one, milliseconds.
    pub(super) fn starts(&mut self, now: Running) -> u64 {
        self.started = Some(now);
        self.starts.failed(now)
    }

    /// Tells the worker to quit. Answers whether that is new.
    pub(super) fn stops(&mut self, now: Running, quit: Vec<u8>) -> bool {
        if self.stopping.is_some() || self.is_empty(now) || !self.known {
            return false;
        }
        if let Some(up) = &self.up {
            let _ = up.outbox.try_send(quit.clone());
        }
        self.stopping = Some((now, quit));
        true
    }

    /// Sends a spec, a channel's with its house format. Answers whether it is on its way.
    pub(super) fn sends(&mut self, generation: u64, house: Option<&House>, frame: Vec<u8>) -> bool {
        let Some(up) = &self.up else { return false };
        let sent = up.outbox.try_send(frame).is_ok();
        if sent {
            self.sent = Some(generation);
            self.begins_again |= self.house.is_some() && self.house.as_ref() != house;
            self.house = house.cloned();
        }
        sent
    }

    /// The store's generation shall go above this one. Answers whether that is new.
    pub(super) fn raises(&mut self, above: u64) -> bool {
        if self.raising == Some(above) {
            return false;
        }
        self.raising = Some(above);
        true
    }

    pub(super) fn state(&self, now: Running) -> WorkerState {
        if self.up.is_some() {
            return WorkerState::Running;
        }
        if self.is_beginning_again(now) {
            return WorkerState::Starting;
        }
        match self.started {
            Some(at) if now.ms_since(at) < HELLO_MS_MAX && self.starts.attempt() <= 3 => WorkerState::Starting,
            None if self.gone.is_none() => WorkerState::Starting,
            _ => WorkerState::Lost,
        }
    }

    /// What is wrong with the worker itself.
    pub(super) fn faults(&self, now: Running) -> Vec<Fault> {
        let mut faults = Vec::new();
        let gone = self.gone.is_some() && !self.is_beginning_again(now);
        match self.replaced {
            Some((_, Reason::Hung)) => faults.push(Fault::new(Code::WorkerHung, "")),
            Some((_, Reason::Large)) => faults.push(Fault::new(Code::WorkerLarge, "")),
            None if gone || self.state(now) == WorkerState::Lost => {
                faults.push(Fault::new(Code::WorkerLost, ""));
            }
            None => {}
        }
        if self.up.as_ref().is_some_and(|up| up.version != VERSION) {
            faults.push(Fault::new(Code::WorkerVersion, ""));
        }
        if let Some((_, fault)) = &self.refused {
            faults.push(fault.clone());
        }
        faults
    }
}
