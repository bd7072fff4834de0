//! Destinations: one thread, one connection and one bounded feed each. What happens to one is unknown to the others.
//! The decisions are `automation`'s `Delivery`; [`runner`]'s thread carries packets and tells it what happens.

mod carrier;
mod file;
mod mux;
mod pace;
mod rtmp;
mod runner;
mod srt;
mod unacked;

use crate::encoder::hub::Hub;
use crate::lock::{hold, whole};
use automation::clock::Running;
use automation::id::{ChannelId, SessionId};
use automation::spec::{Destination as Spec, House};
use automation::status::{DestinationState, DestinationStatus};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What is wanted of a destination.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// Address and key, and whether it takes part.
    pub spec: Spec,
    /// The format of what is sent.
    pub house: House,
    /// The broadcast, and the moment it goes live.
    pub live: Option<(SessionId, Running)>,
}

#[derive(Debug)]
struct Desk {
    wish: Wish,
    /// Nobody wants it any more.
    ended: bool,
    /// Its thread is gone, and its connection with it.
    gone: bool,
    /// A way to the outside came up, and the thread has not seen it yet.
    network_up: bool,
    /// A new session shall follow, and the thread has not seen it yet.
    renew: bool,
    status: DestinationStatus,
}

/// What all destinations of a channel stand on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Where their packets come from.
    pub hub: Arc<Hub>,
    /// The moment of tick 0.
    pub start: Running,
    /// The channel, for the names of files.
    pub channel: ChannelId,
    /// Folder of all files of the box.
    pub files: PathBuf,
}

type Shared = Arc<(Mutex<Desk>, Condvar)>;

/// A running destination; dropping it says goodbye to its platform, and waits for nothing.
#[derive(Debug)]
pub struct Destination {
    shared: Shared,
}

impl Destination {
    /// Starts its thread.
    pub fn start(wish: Wish, ground: Ground) -> Destination {
        let status = DestinationStatus {
            id: wish.spec.id.clone(),
            state: DestinationState::Idle,
            sessions: 0,
            renewals: 0,
            session_ms: None,
            renewal_ms: None,
            bytes_acked: 0,
            kbps: 0,
            queue_ms: 0,
            dropped: 0,
            attempt: 0,
            retry_ms: None,
            fault: None,
        };
        let desk = Desk { wish, ended: false, gone: false, network_up: false, renew: false, status };
        let shared: Shared = Arc::new((Mutex::new(desk), Condvar::new()));
        runner::start(shared.clone(), ground);
        Destination { shared }
    }

    /// Says what is wanted from now on.
    pub fn wish(&self, wish: Wish) {
        hold(&self.shared.0).wish = wish;
        self.shared.1.notify_all();
    }

    /// A way to the outside came up: one that waits may try now (D-5).
    pub fn network_up(&self) {
        hold(&self.shared.0).network_up = true;
        self.shared.1.notify_all();
    }

    /// Ends its session in good order, for a new one (D-18).
    pub fn renew(&self) {
        hold(&self.shared.0).renew = true;
        self.shared.1.notify_all();
    }

    /// Its status.
    pub fn status(&self) -> DestinationStatus {
        hold(&self.shared.0).status.clone()
    }

    /// Ends it: it says goodbye to its platform.
    pub fn end(&self) {
        hold(&self.shared.0).ended = true;
        self.shared.1.notify_all();
    }

    /// Waits until it has said goodbye, at most until `end`.
    pub fn wait_until_gone(&self, end: Instant) {
        let mut desk = hold(&self.shared.0);
        while !desk.gone {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return tracing::warn!(destination = %desk.wish.spec.id, "it could not say goodbye in time");
            }
            desk = whole(self.shared.1.wait_timeout(desk, left.min(Duration::from_millis(100)))).0;
        }
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        self.end();
    }
}
