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

use crate::clock::running;
use crate::encoder::hub::Hub;
use crate::lock::{hold, whole};
use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::id::{ChannelId, SessionId};
use automation::spec::{Destination as Spec, DestinationKind, House};
use automation::status::{DestinationState, DestinationStatus};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// The thread of files publishes many times a second. Where it has not for so long, a write holds it up, milliseconds.
const MEDIUM_MS_MAX: u64 = 5_000;

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
    /// As the thread published it last.
    status: DestinationStatus,
    /// When the oldest picture or sound that is still on its way was on air.
    oldest: Option<Running>,
    /// When the thread published last.
    published: Running,
}

impl Desk {
    /// The status now: a thread that a medium holds up ages, and says nothing of it.
    fn status(&self, now: Running) -> DestinationStatus {
        let mut status = self.status.clone();
        status.queue_ms = self.oldest.map_or(0, |oldest| now.ms_since(oldest));
        let writes = matches!(self.wish.spec.kind, DestinationKind::File { .. })
            && matches!(status.state, DestinationState::Connecting | DestinationState::Live);
        if writes && now.ms_since(self.published) > MEDIUM_MS_MAX {
            let fault = Fault::new(Code::DestinationDiskFailed, self.wish.spec.id.to_string());
            status.fault = Some(fault.with_text("The medium of the files does not answer."));
        }
        status
    }
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
    /// Where destinations of files write.
    pub roots: Roots,
}

/// The folders below which destinations of files write.
#[derive(Clone, Debug)]
pub struct Roots {
    /// On what the box runs from; made where it is not there.
    pub files: PathBuf,
    /// On the disk for recordings. It is there with the disk, and never made.
    pub disk: PathBuf,
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
        let (oldest, published) = (None, running());
        let desk = Desk { wish, ended: false, gone: false, network_up: false, renew: false, status, oldest, published };
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
        hold(&self.shared.0).status(running())
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn desk(kind: Value) -> Desk {
        let mut spec = json!({"id": "to", "name": "To", "enabled": true});
        spec.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
        let house =
            json!({"width": 640, "height": 360, "rate": {"num": 30, "den": 1}, "video_kbps": 900, "audio_kbps": 128});
        let status = json!({"id": "to", "state": "live", "sessions": 1, "bytes_acked": 0, "kbps": 0, "queue_ms": 0,
                            "dropped": 0, "attempt": 0, "retry_ms": null, "fault": null});
        let wish = Wish {
            spec: serde_json::from_value(spec).unwrap(),
            house: serde_json::from_value(house).unwrap(),
            live: None,
        };
        Desk {
            wish,
            ended: false,
            gone: false,
            network_up: false,
            renew: false,
            status: serde_json::from_value(status).unwrap(),
            oldest: None,
            published: Running(0),
        }
    }

    #[test]
    fn a_thread_that_a_medium_holds_up_grows_older_and_is_a_fault() {
        let files = json!({"kind": "file", "folder": "a", "container": "ts"});
        let now = |ms: u64| Running(0).plus_ms(ms);
        let mut desk = desk(files);
        assert_eq!(desk.status(now(900)).queue_ms, 0, "nothing is on its way");
        desk.oldest = Some(now(100));
        let status = desk.status(now(5_000));
        assert_eq!((status.queue_ms, status.fault), (4_900, None));
        let status = desk.status(now(5_001));
        assert_eq!((status.queue_ms, status.fault.unwrap().code), (4_901, Code::DestinationDiskFailed));
        desk.status.state = DestinationState::Idle;
        assert_eq!(desk.status(now(9_000)).fault, None, "nothing is written");
        let mut desk = super::tests::desk(json!({"kind": "srt", "url": "srt://h:9000"}));
        desk.oldest = Some(now(100));
        assert_eq!(desk.status(now(9_000)).fault, None, "no medium");
    }
}
