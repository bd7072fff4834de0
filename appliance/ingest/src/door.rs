//! The door's loop: the one owner of who publishes, who reads, and what is shown. Edges send it events and
//! hold no state that others need; it waits for nobody.

use crate::flv::Tag;
use crate::hub::feed::Feed;
use crate::hub::{Hub, ReaderId};
use crate::judge::{ConnId, Judge, Refusal};
use crate::key::Ask;
use crate::rate::Rate;
use crate::spec_file::SpecFile;
use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::spec::IngestSpec;
use automation::status::{IngestStatus, Publisher};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::{info, warn};

/// Events that wait; an edge that brings more waits itself.
pub(crate) const EVENTS_MAX: usize = 256;

/// A status goes out this often, changed or not.
const STATUS_EACH: Duration = Duration::from_secs(1);

/// A change goes out within this time: well within the 100 ms of the wire, and many changes in one.
const CHANGE_WITHIN: Duration = Duration::from_millis(20);

/// Everything that happens at the door.
#[derive(Debug)]
pub(crate) enum Event {
    /// One of the addresses was opened, or could not be.
    Listening {
        /// Its place on the command line.
        place: usize,
        /// The open port, or what is wrong.
        outcome: Result<u16, Fault>,
    },
    /// A publisher asks for a stream.
    Ask {
        /// Its connection.
        conn: ConnId,
        /// Its address.
        peer: SocketAddr,
        /// What it asks for.
        ask: Ask,
        /// Takes the answer.
        verdict: oneshot::Sender<Verdict>,
    },
    /// An admitted publisher sent something.
    Media {
        /// Its connection.
        conn: ConnId,
        /// The tags among it.
        tags: Vec<Tag>,
        /// Bytes on the wire since the last event.
        bytes: u64,
    },
    /// A connection ended, admitted or not.
    Left {
        /// The connection.
        conn: ConnId,
        /// Why, for the log.
        why: String,
    },
    /// A channel wants a stream.
    Join {
        /// The reader.
        reader: ReaderId,
        /// Name of the stream.
        stream: String,
        /// Where its tags go.
        feed: Feed,
    },
    /// A reader is gone.
    ReaderLeft(ReaderId),
    /// A spec arrived.
    Spec {
        /// The spec.
        spec: IngestSpec,
        /// Takes the answer.
        answer: oneshot::Sender<Result<(), Fault>>,
    },
    /// End in good order.
    Quit(&'static str),
}

/// The answer to a publisher.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It may publish until this says otherwise.
    Admitted(oneshot::Receiver<()>),
    /// It may not.
    Refused(Refusal),
}

#[derive(Debug)]
struct Live {
    stream: String,
    peer: SocketAddr,
    since: Running,
    bytes: u64,
    rate: Rate,
    /// Dropped or used, it ends the connection.
    kick: oneshot::Sender<()>,
}

/// The state behind the door.
pub(crate) struct Door {
    judge: Judge,
    hub: Hub,
    live: BTreeMap<ConnId, Live>,
    listening: BTreeMap<usize, Result<u16, Fault>>,
    spec_file: SpecFile,
    storage: Option<Fault>,
    status: watch::Sender<Arc<IngestStatus>>,
}

impl Door {
    /// A door with the spec that was kept, if one was.
    pub(crate) fn new(spec_file: SpecFile) -> Door {
        let mut judge = Judge::default();
        if let Some(spec) = spec_file.read() {
            match judge.take(spec) {
                Ok(_) => info!(generation = judge.generation(), "goes on from the kept plan"),
                Err(fault) => warn!(code = fault.code.as_str(), text = fault.text, "the kept plan is of no use"),
            }
        }
        let mut door = Door {
            judge,
            hub: Hub::default(),
            live: BTreeMap::new(),
            listening: BTreeMap::new(),
            spec_file,
            storage: None,
            status: watch::Sender::new(Arc::default()),
        };
        // Whoever dials at once sees the generation of the kept spec.
        door.show(now());
        door
    }

    /// Follows the status.
    pub(crate) fn status(&self) -> watch::Receiver<Arc<IngestStatus>> {
        self.status.subscribe()
    }

    /// Runs until something says `Quit`.
    pub(crate) async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        let mut due = Instant::now();
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    None => return,
                    Some(Event::Quit(why)) => {
                        info!(why, "ends");
                        return;
                    }
                    Some(event) => {
                        if self.handle(now(), event) {
                            due = due.min(Instant::now() + CHANGE_WITHIN);
                        }
                    }
                },
                () = tokio::time::sleep_until(due) => {
                    self.show(now());
                    due = Instant::now() + STATUS_EACH;
                }
            }
        }
    }

    /// Does what an event asks for. Answers whether the status has changed by it.
    fn handle(&mut self, now: Running, event: Event) -> bool {
        match event {
            Event::Listening { place, outcome } => self.listening(place, outcome),
            Event::Ask { conn, peer, ask, verdict } => self.ask(now, conn, peer, &ask, verdict),
            Event::Media { conn, tags, bytes } => return self.media(now, conn, &tags, bytes),
            Event::Left { conn, why } => return self.left(now, conn, &why),
            Event::Join { reader, stream, feed } => {
                self.hub.join(reader, &stream, feed);
                return false;
            }
            Event::ReaderLeft(reader) => {
                self.hub.leave(reader);
                return false;
            }
            Event::Spec { spec, answer } => {
                let outcome = self.take(now, spec);
                // The asker may be gone; what it wanted holds all the same.
                let _ = answer.send(outcome);
            }
            Event::Quit(_) => {}
        }
        true
    }

    fn listening(&mut self, place: usize, outcome: Result<u16, Fault>) {
        let known = self.listening.insert(place, outcome.clone());
        match &outcome {
            _ if known.as_ref() == Some(&outcome) => {}
            Ok(port) => info!(port, "listens for publishers"),
            Err(fault) => warn!(code = fault.code.as_str(), text = fault.text, "cannot listen, tries again"),
        }
    }

    fn ask(&mut self, now: Running, conn: ConnId, peer: SocketAddr, ask: &Ask, verdict: oneshot::Sender<Verdict>) {
        let answer = match self.judge.admit(now, conn, &peer.ip().to_string(), ask) {
            Ok(()) => {
                let (kick, kicked) = oneshot::channel();
                let stream = ask.name.clone();
                info!(stream, %peer, "publisher admitted");
                self.hub.begin(&stream);
                let live = Live { stream, peer, since: now, bytes: 0, rate: Rate::new(now), kick };
                self.live.insert(conn, live);
                Verdict::Admitted(kicked)
            }
            Err((refusal, count)) => {
                // The 1st, 2nd, 4th, 8th …: somebody who tries for days does not fill the log.
                if count.is_power_of_two() {
                    warn!(stream = ask.shown(), %peer, count, code = refusal.code().as_str(), "publisher refused");
                }
                Verdict::Refused(refusal)
            }
        };
        // A publisher that has gone meanwhile is followed by its `Left`.
        let _ = verdict.send(answer);
    }

    fn media(&mut self, now: Running, conn: ConnId, tags: &[Tag], bytes: u64) -> bool {
        // What a kicked publisher had under way is nobody's.
        let Some(live) = self.live.get_mut(&conn) else { return false };
        live.bytes += bytes;
        live.rate.add(now, bytes);
        for reader in self.hub.media(&live.stream, tags) {
            warn!(stream = live.stream, reader = reader.0, "reader cut: it does not keep up");
        }
        false
    }

    fn left(&mut self, now: Running, conn: ConnId, why: &str) -> bool {
        self.judge.left(conn);
        let Some(live) = self.live.remove(&conn) else { return false };
        self.hub.end(&live.stream);
        let seconds = now.ms_since(live.since) / 1_000;
        info!(stream = live.stream, peer = %live.peer, seconds, bytes = live.bytes, why, "publisher left");
        true
    }

    fn take(&mut self, now: Running, spec: IngestSpec) -> Result<(), Fault> {
        let (generation, streams) = (spec.generation, spec.streams.len());
        let repeat = generation == self.judge.generation();
        let kept = spec.clone();
        let kicked = self.judge.take(spec)?;
        for live in kicked.into_iter().filter_map(|conn| self.live.remove(&conn)) {
            self.hub.end(&live.stream);
            let seconds = now.ms_since(live.since) / 1_000;
            warn!(stream = live.stream, peer = %live.peer, seconds, "publisher kicked: its token is no longer valid");
            // A connection that has gone meanwhile needs no kick.
            let _ = live.kick.send(());
        }
        if !repeat {
            info!(generation, streams, "plan in force");
        }
        self.storage = self.spec_file.write(&kept).err().map(|error| {
            warn!(%error, "the plan is in force but could not be kept");
            let text = "The plan of the ingest could not be written; it is lost when the process ends.";
            Fault::new(Code::StorageFailed, "ingest").with_text(text)
        });
        Ok(())
    }

    fn show(&mut self, now: Running) {
        self.judge.expire(now);
        let mut publishers: Vec<Publisher> = self.live.values_mut().map(|live| live.show(now)).collect();
        publishers.sort_by(|a, b| a.stream.cmp(&b.stream));
        let mut faults: Vec<Fault> = self.listening.values().filter_map(|outcome| outcome.clone().err()).collect();
        faults.extend(self.storage.clone());
        faults.extend(self.judge.faults(now));
        let port = self.listening.values().find_map(|outcome| outcome.as_ref().ok()).copied().unwrap_or(0);
        let generation = self.judge.generation();
        let status = IngestStatus { generation, pid: std::process::id(), port, publishers, faults };
        self.status.send_replace(Arc::new(status));
    }
}

impl Live {
    fn show(&mut self, now: Running) -> Publisher {
        Publisher {
            stream: self.stream.clone(),
            peer: self.peer.to_string(),
            bytes: self.bytes,
            kbps: self.rate.kbps(now),
        }
    }
}

/// The machine's monotonic clock, on the scale that every process of this boot shares.
fn now() -> Running {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Running(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}
