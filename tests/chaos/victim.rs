//! Whoever can be struck: struck, healed, and watched until it is well again.
//!
//! ```text
//! idle ──fault──► struck ──its time is over──► healing ──well──► idle
//!   └ tended                                     └ tended
//! ```
//! Each victim has a thread of its own for the whole run, since the kernel ends what a thread has started with it.

use crate::schedule::{Kind, Planned};
use harness::process::signal_pid;
use harness::toxiproxy::Way;
use harness::udp_relay::{UdpRelay, Weather};
use harness::wait::within;
use rustix::process::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often an idle victim is tended.
const TURN: Duration = Duration::from_millis(200);
/// A victim that is not well again after this has not recovered.
const RECOVERY: Duration = Duration::from_secs(60);
/// A process that is slowed runs for so long, and stands still for as long.
const HALF_TURN: Duration = Duration::from_millis(25);

/// Something that can be struck.
pub(crate) trait Victim: Send {
    /// The fault begins.
    fn strike(&mut self, fault: &Planned);
    /// The fault is over: what it broke from outside is mended, what the box mends itself is left to it.
    fn heal(&mut self, fault: &Planned);
    /// Whether it is well, by what is known since it was struck or healed.
    fn is_well(&mut self) -> bool;
    /// Whatever it does by itself while no fault holds it: a publisher connects again.
    fn tend(&mut self) {}
}

/// What became of a fault.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// What was planned.
    pub(crate) fault: Planned,
    /// When it really began, and when it was over, by the machine's own time.
    pub(crate) began: Instant,
    pub(crate) healed: Instant,
    /// Milliseconds from its end until the victim was well again; none where it was not within a minute.
    pub(crate) recovery_ms: Option<u64>,
    /// Whether the victim was ever seen unwell.
    pub(crate) felt: bool,
}

/// Attends one victim until nobody sends faults any more.
pub(crate) fn attend(mut victim: Box<dyn Victim>, faults: &Receiver<Planned>, outcomes: &Sender<Outcome>) {
    loop {
        match faults.recv_timeout(TURN) {
            Ok(fault) => {
                if outcomes.send(suffer(&mut *victim, fault)).is_err() {
                    return;
                }
            }
            Err(RecvTimeoutError::Timeout) => victim.tend(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn suffer(victim: &mut dyn Victim, fault: Planned) -> Outcome {
    let began = Instant::now();
    let mut felt = false;
    victim.strike(&fault);
    within(Duration::from_millis(fault.for_ms), || {
        felt |= !victim.is_well();
        None::<()>
    });
    victim.heal(&fault);
    let healed = Instant::now();
    let well = within(RECOVERY, || {
        victim.tend();
        let well = victim.is_well();
        felt |= !well;
        well.then(|| healed.elapsed().as_millis() as u64)
    });
    // Who was well all the time has nothing to recover from; the time was that of the news.
    let recovery_ms = well.map(|ms| if felt { ms } else { 0 });
    Outcome { fault, began, healed, recovery_ms, felt }
}

/// A process that stands still half of the time; it runs again when this value goes.
#[derive(Debug)]
pub(crate) struct Slowed {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Slowed {
    pub(crate) fn begin(pid: i32) -> Slowed {
        let ended = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            while !theirs.load(Ordering::Relaxed) {
                signal_pid(pid, Signal::STOP);
                std::thread::sleep(HALF_TURN);
                signal_pid(pid, Signal::CONT);
                std::thread::sleep(HALF_TURN);
            }
        });
        Slowed { ended, thread: Some(thread) }
    }
}

impl Drop for Slowed {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The way to a far side, which can be made worse. What it cannot do is not asked of it.
pub(crate) trait Network {
    /// Does this to it. False: the fault is of another kind.
    fn worsen(&self, kind: Kind, amount: u64) -> bool;
    /// As it was.
    fn mend(&self);
}

impl Network for Way {
    fn worsen(&self, kind: Kind, amount: u64) -> bool {
        match kind {
            Kind::Cut => self.cut(),
            Kind::Delay => self.delay(amount),
            Kind::Stall => self.stall(),
            Kind::Throttle => self.throttle(amount),
            Kind::Vanish => self.vanish(),
            _ => return false,
        }
        true
    }

    fn mend(&self) {
        Way::mend(self);
    }
}

impl Network for UdpRelay {
    fn worsen(&self, kind: Kind, amount: u64) -> bool {
        let weather = match kind {
            Kind::Cut => Weather { loss_percent: 100, ..Weather::default() },
            Kind::Lose => Weather { loss_percent: amount, ..Weather::default() },
            // A quarter of it is different from one datagram to the next, so that they overtake each other.
            Kind::Delay => Weather { delay_ms: amount, jitter_ms: amount / 4, ..Weather::default() },
            _ => return false,
        };
        self.set(weather);
        true
    }

    fn mend(&self) {
        self.set(Weather::default());
    }
}

/// Strikes a process that stays the same one, or the way to it. False: the fault is of another kind.
pub(crate) fn strike(
    fault: &Planned,
    pid: Option<i32>,
    way: Option<&dyn Network>,
    slowed: &mut Option<Slowed>,
) -> bool {
    match (fault.kind, pid, way) {
        (Kind::Freeze, Some(pid), _) => signal_pid(pid, Signal::STOP),
        (Kind::Slow, Some(pid), _) => *slowed = Some(Slowed::begin(pid)),
        (kind, _, Some(way)) => return way.worsen(kind, fault.amount.unsigned_abs()),
        _ => return false,
    }
    true
}

/// Ends what [`strike`] began.
pub(crate) fn heal(fault: &Planned, pid: Option<i32>, way: Option<&dyn Network>, slowed: &mut Option<Slowed>) {
    *slowed = None;
    match (fault.kind, pid, way) {
        (Kind::Freeze, Some(pid), _) => signal_pid(pid, Signal::CONT),
        (Kind::Kill | Kind::Slow, ..) => {}
        (_, _, Some(way)) => way.mend(),
        _ => {}
    }
}
