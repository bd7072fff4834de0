//! A worker's side of the wire, for tests of the links and the reconciler: it listens at a worker's socket, says
//! hello, takes specs, and answers statuses and pictures. It carries nothing.

use automation::clock::Running;
use automation::fault::Fault;
use automation::id::{ChannelId, SourceId};
use automation::spec::{ChannelSpec, IngestSpec};
use automation::status::{
    Carrier, ChannelStatus, DestinationState, DestinationStatus, IngestStatus, LiveStatus, Meters, OnAir,
    ProgramStatus, SourceState, SourceStatus,
};
use automation::wire::{self, Deframer, Frame, FromChannel, FromIngest, ToChannel, ToIngest, VERSION};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a peer has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub specs: Vec<ChannelSpec>,
    pub ingest: Vec<IngestSpec>,
    /// Switches of the previews, in order.
    pub previews: Vec<bool>,
    pub quits: usize,
    pub hellos: usize,
}

/// How a peer behaves.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Version that it speaks.
    pub version: u32,
    /// Generation that it has at first.
    pub generation: u64,
    /// The fault with which it refuses every spec.
    pub refuses: Option<Fault>,
    /// Takes specs and says nothing, as one does that is about to end.
    pub silent: bool,
    /// The fault that it reports of each source.
    pub source_fault: Option<Fault>,
    /// The source that fades out beneath what is on air.
    pub leaving: Option<SourceId>,
}

impl Default for Manner {
    fn default() -> Manner {
        Manner { version: VERSION, generation: 0, refuses: None, silent: false, source_fault: None, leaving: None }
    }
}

/// A worker's side, until dropped. Its process id is that of a process that is never there.
pub struct Peer {
    seen: Arc<Mutex<Seen>>,
    manner: watch::Sender<Manner>,
    task: JoinHandle<()>,
    socket: std::path::PathBuf,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// No process has this id: it is above the highest that Linux gives.
pub const PID: u32 = 4_194_305;
/// A picture that is none; nobody looks into it.
pub const JPEG: &[u8] = b"\xff\xd8\xff picture";

impl Peer {
    /// The worker of a channel.
    pub fn channel(run: &Path, channel: &str, manner: Manner) -> Peer {
        Peer::listen(run, &format!("channel-{channel}"), manner)
    }

    /// The door.
    pub fn ingest(run: &Path, manner: Manner) -> Peer {
        Peer::listen(run, "ingest", manner)
    }

    fn listen(run: &Path, name: &str, manner: Manner) -> Peer {
        let socket = run.join(format!("{name}.sock"));
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let (manner, manners) = watch::channel(manner);
        let (noted, ingest) = (seen.clone(), name == "ingest");
        let task = tokio::spawn(async move {
            // One connection at a time; all go when the peer does.
            let mut attended = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                attended.spawn(attend(stream, noted.clone(), manners.clone(), ingest));
            }
        });
        Peer { seen, manner, task, socket }
    }

    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Behaves otherwise from now on.
    pub fn change(&self, change: impl FnOnce(&mut Manner)) {
        self.manner.send_modify(change);
    }
}

async fn attend(mut stream: UnixStream, seen: Arc<Mutex<Seen>>, mut manners: watch::Receiver<Manner>, ingest: bool) {
    let manner = manners.borrow_and_update().clone();
    let (version, generation) = (manner.version, manner.generation);
    let hello = match ingest {
        true => wire::encode(&FromIngest::Hello { version, pid: PID, generation }),
        false => wire::encode(&FromChannel::Hello { version, pid: PID, generation }),
    };
    stream.write_all(&hello).await.unwrap();
    let mut deframer = Deframer::default();
    let mut buffer = vec![0; 65536];
    let mut last: Option<ChannelSpec> = None;
    loop {
        let read = tokio::select! {
            read = stream.read(&mut buffer) => read.unwrap_or(0),
            changed = manners.changed() => {
                if changed.is_err() {
                    return;
                }
                let manner = manners.borrow_and_update().clone();
                if let Some(spec) = last.as_ref().filter(|_| !manner.silent) {
                    let status = Box::new(status(spec, &manner));
                    let _ = stream.write_all(&wire::encode(&FromChannel::Status { status })).await;
                }
                continue;
            }
        };
        if read == 0 {
            return;
        }
        deframer.push(&buffer[..read]);
        while let Some(Frame::Message(message)) = deframer.next_frame().unwrap() {
            let manner = manners.borrow().clone();
            let answers = match ingest {
                true => heard_ingest(&message, &seen),
                false => heard(&message, &seen, &manner, &mut last),
            };
            let Some(answers) = answers else { return };
            for answer in answers {
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Answers to a message; none after a quit.
fn heard(message: &[u8], seen: &Mutex<Seen>, manner: &Manner, last: &mut Option<ChannelSpec>) -> Option<Vec<Vec<u8>>> {
    let mut seen = seen.lock().unwrap();
    Some(match wire::decode::<ToChannel>(message).unwrap() {
        ToChannel::Hello { version } => {
            assert_eq!(version, VERSION);
            seen.hellos += 1;
            Vec::new()
        }
        ToChannel::Spec { spec } => {
            seen.specs.push((*spec).clone());
            if let Some(fault) = manner.refuses.clone() {
                let generation = spec.generation;
                return Some(vec![wire::encode(&FromChannel::Refused { generation, fault })]);
            }
            let answer = wire::encode(&FromChannel::Status { status: Box::new(status(&spec, manner)) });
            *last = Some(*spec);
            if manner.silent { Vec::new() } else { vec![answer] }
        }
        ToChannel::Previews { on } => {
            seen.previews.push(on);
            match on {
                true => vec![wire::encode_preview("program", JPEG), wire::encode_preview("source/bars", JPEG)],
                false => Vec::new(),
            }
        }
        ToChannel::Quit => {
            seen.quits += 1;
            return None;
        }
    })
}

fn heard_ingest(message: &[u8], seen: &Mutex<Seen>) -> Option<Vec<Vec<u8>>> {
    let mut seen = seen.lock().unwrap();
    Some(match wire::decode::<ToIngest>(message).unwrap() {
        ToIngest::Hello { .. } => Vec::new(),
        ToIngest::Spec { spec } => {
            let status = IngestStatus { generation: spec.generation, pid: PID, port: 1937, ..IngestStatus::default() };
            seen.ingest.push(spec);
            vec![wire::encode(&FromIngest::Status { status })]
        }
        ToIngest::Quit => {
            seen.quits += 1;
            return None;
        }
    })
}

/// The status of a worker that does what its spec says.
pub fn status(spec: &ChannelSpec, manner: &Manner) -> ChannelStatus {
    let source = |id: &SourceId| SourceStatus {
        id: id.clone(),
        state: SourceState::Online,
        width: 1280,
        height: 720,
        fps: 30.0,
        sound: true,
        picture_age_ms: Some(20),
        stands_by: false,
        attempt: 0,
        fault: manner.source_fault.clone(),
        sound_only: false,
        level_db: Some(-12.0),
        arriving: None,
        ptz: None,
    };
    let destination = |id: &automation::id::DestinationId| DestinationStatus {
        id: id.clone(),
        state: if spec.live.is_some() { DestinationState::Live } else { DestinationState::Idle },
        sessions: u32::from(spec.live.is_some()),
        bytes_acked: 1_000_000,
        renewals: 0,
        session_ms: None,
        renewal_ms: None,
        kbps: 4500,
        queue_ms: 3,
        dropped: 0,
        attempt: 0,
        retry_ms: None,
        fault: None,
    };
    let by_hand = spec.manual.as_ref().map(|manual| manual.hold);
    let wanted = match &spec.manual {
        Some(manual) => manual.source.clone(),
        None => spec.failover.primary.clone(),
    };
    ChannelStatus {
        channel: ChannelId::new(spec.channel.as_str()).unwrap(),
        generation: spec.generation,
        pid: PID,
        started: Running(1),
        now: Running(2),
        program: ProgramStatus { tick: 300, fps: 30.0, kbps: 4500, encoder: "none".into(), ..ProgramStatus::default() },
        on_air: OnAir {
            source: wanted.clone(),
            leaving: manner.leaving.clone(),
            wanted,
            carrier: Carrier::Primary,
            by_hand,
            since_tick: 0,
            sound: None,
        },
        timeline: None,
        live: spec.live.as_ref().map(|live| LiveStatus {
            session: live.session.clone(),
            countdown_ms: 0,
            since_ms: 1234,
        }),
        overlays: Vec::new(),
        meters: Meters::default(),
        sources: spec.sources.iter().map(|one| source(&one.id)).collect(),
        captures: Vec::new(),
        destinations: spec.destinations.iter().map(|one| destination(&one.id)).collect(),
        faults: Vec::new(),
    }
}
