//! A trial of this version's own programs: a test pattern is mixed, encoded and sent by RTMP to the door, as any publisher's stream is,
//! and what came back is decoded. In a folder of its own, on the loopback, beside what runs: nobody else notices.

use crate::clock::Clock;
use crate::commands::Commands;
use crate::doc::Board;
use crate::reconciler::{Galleries, Reconciler, Tools};
use crate::run::{Failure, begin, prepare_assets, private_folder};
use crate::store::Store;
use crate::system::disk;
use crate::units::children::Children;
use crate::units::{Bounds, Units};
use automation::fault::Code;
use automation::id::{ChannelId, DestinationId};
use automation::spec::{ChannelSpec, DestinationKind};
use automation::status::{ChannelStatus, DestinationState, DestinationStatus};
use automation::wire::{self, Frame, FromChannel, ToChannel};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// For so long one session must last, milliseconds.
const SESSION_MS: u64 = 8_000;
/// A line that falls down again and again is no proof.
const SESSIONS_MAX: u32 = 2;
/// For a worker's status, which it tells every second.
const STATUS_MAX: Duration = Duration::from_secs(5);
/// How often is looked whether a broadcast has begun meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Most memory of the worker, bytes: as its unit grants. On a box that is busy to the brim one took a minute to begin; what hangs is
/// found out by the trial's own limit.
const BOUNDS: Bounds = Bounds { memory_bytes_max: 1 << 30, patience: 6 };
/// Its picture, as small and as rare as a channel's may be: it is asked whether it works, and not how fast the board is, which may be
/// busy with the program of every day.
const SIZE: (u32, u32) = (160, 90);
const RATE: u32 = 10;

/// What the workers that run are doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Air {
    /// Nothing is on air.
    Off,
    /// A broadcast runs that shall be sent somewhere, and has carried nothing for long enough so far.
    Silent,
    /// A broadcast runs that is only recorded.
    Recorded,
    /// One has carried media for long enough: it is the trial.
    Proven,
}

/// What the workers whose sockets lie in `run` are doing.
fn air(run: &Path) -> Air {
    let names = std::fs::read_dir(run).into_iter().flatten().flatten();
    let sockets = names.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("channel-") && name.ends_with(".sock")
    });
    sockets.map(|socket| on_air(spec(&socket).as_ref(), status(&socket).as_ref())).max().unwrap_or(Air::Off)
}

/// What a worker is doing, by the spec that it keeps beside its socket and its status. One that does not answer is busy or begins, and does what
/// it shall. A recording proves no sending.
fn on_air(spec: Option<&ChannelSpec>, status: Option<&ChannelStatus>) -> Air {
    if !status.map_or(spec.is_some_and(|spec| spec.live.is_some()), |status| status.live.is_some()) {
        return Air::Off;
    }
    let destinations = spec.iter().flat_map(|spec| &spec.destinations);
    let senders: Vec<&DestinationId> = destinations
        .filter(|destination| destination.enabled && !matches!(destination.kind, DestinationKind::File { .. }))
        .map(|destination| &destination.id)
        .collect();
    let mut lines = status.iter().flat_map(|status| &status.destinations);
    match senders.is_empty() {
        true => Air::Recorded,
        false if lines.any(|line| lasts(line) && senders.contains(&&line.id)) => Air::Proven,
        false => Air::Silent,
    }
}

/// What a worker was told, by the file that it keeps beside its socket.
fn spec(socket: &Path) -> Option<ChannelSpec> {
    serde_json::from_slice(&std::fs::read(socket.with_extension("spec.json")).ok()?).ok()
}

/// The next status of a worker; none where it does not answer.
fn status(socket: &Path) -> Option<ChannelStatus> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(STATUS_MAX)).ok()?;
    stream.write_all(&wire::encode(&ToChannel::Hello { version: wire::VERSION })).ok()?;
    let (mut frames, mut bytes, begun) = (wire::Deframer::default(), vec![0; 64 << 10], Instant::now());
    while begun.elapsed() < STATUS_MAX {
        let read = stream.read(&mut bytes).ok().filter(|read| *read > 0)?;
        frames.push(&bytes[..read]);
        while let Some(frame) = frames.next_frame().ok()? {
            let Frame::Message(message) = frame else { continue };
            if let Ok(FromChannel::Status { status }) = wire::decode(&message) {
                return Some(*status);
            }
        }
    }
    None
}

/// Tries it in an empty folder, beside workers whose sockets lie in `beside`, and says what came of it: a broadcast of theirs comes first,
/// also one that begins meanwhile. Where it has carried media, it is the trial; else the answer is [`Failure::OnAir`], and nothing was
/// tried. `despite_silence`: one that should be sent and has carried nothing does not come first. Each state may take `limit` to come.
pub fn trial_beside(
    beside: &Path,
    despite_silence: bool,
    folder: &Path,
    machine: &Path,
    limit: Duration,
) -> Result<String, Failure> {
    let free = |air: Air| air == Air::Off || (despite_silence && air == Air::Silent);
    let first = || match air(beside) {
        air if free(air) => Ok(None),
        Air::Proven => Ok(Some("A broadcast is on air, and has carried media: it is the trial.".to_owned())),
        _ => Err(Failure::OnAir),
    };
    if let Some(told) = first()? {
        return Ok(told);
    }
    // One that began meanwhile may have taken the processors that this one needed.
    tried(folder, machine, limit, taken(beside, free)).or_else(|failure| first()?.ok_or(failure))
}

/// Waits until what the workers do whose sockets lie in `beside` leaves no room for a trial.
async fn taken(beside: &Path, free: impl Fn(Air) -> bool) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let beside = beside.to_owned();
        if tokio::task::spawn_blocking(move || air(&beside)).await.is_ok_and(|air| !free(air)) {
            return;
        }
    }
}

/// Tries it. Gives way once `taken` has come.
fn tried(folder: &Path, machine: &Path, limit: Duration, taken: impl Future<Output = ()>) -> Result<String, Failure> {
    begin()?.block_on(async {
        let (state, run) = (folder.join("state"), folder.join("run"));
        private_folder(&state)?;
        private_folder(&run)?;
        let (state, run) = (std::path::absolute(state)?, std::path::absolute(run)?);
        // Somebody else may take it in between: then the door says so, and the trial is lost.
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let clock = Clock::of(machine)?;
        let store = Store::open_listening(&state, door.ip())?;
        prepare_assets(&store)?;
        let commands = Commands::new(store.clone(), clock.clone());
        commands.seed(&document(door)).await?;
        let program = std::env::current_exe()?;
        let disk = disk::folder(machine);
        let units: Arc<dyn Units> = Arc::new(Children::new(&run, &state, &disk, &program, &door.to_string(), BOUNDS));
        let tools = Tools { run, units, commands: commands.clone(), clock, galleries: Galleries::default() };
        let reconciler = Reconciler::start(tools, store.wanted());
        let told = tokio::select! {
            told = broadcast(&commands, reconciler.board(), limit) => told,
            () = taken => Err(Failure::OnAir),
        };
        reconciler.quit_workers().await;
        told
    })
}

/// A channel with a pattern, whose destination is its own second source.
fn document(door: SocketAddr) -> String {
    let token = "token-of-the-trial";
    json!({
        "venue": "Trial",
        "channels": [{
            "id": "trial",
            "name": "Trial",
            "house": {
                "width": SIZE.0, "height": SIZE.1, "rate": {"num": RATE, "den": 1},
                "video_kbps": 200, "audio_kbps": 96, "effort": "ultrafast",
            },
            "failover": {"primary": "pattern", "stable_ms": 0, "holdoff_ms": 5000},
            "sources": [
                {"id": "pattern", "name": "Pattern", "kind": "test_pattern", "pattern": "bars"},
                {"id": "back", "name": "Back", "kind": "rtmp", "stream": "trial_obs", "token": token},
            ],
            "destinations": [{
                "id": "door", "name": "Door", "enabled": true, "kind": "rtmp",
                "url": format!("rtmp://{door}/live"), "key": format!("trial_obs?token={token}"),
            }],
        }],
    })
    .to_string()
}

async fn broadcast(
    commands: &Commands,
    mut board: watch::Receiver<Arc<Board>>,
    limit: Duration,
) -> Result<String, Failure> {
    let channel = || ChannelId::new("trial").map_err(|error| Failure::Trial(error.to_string()));
    wait(&mut board, limit, "The pattern did not come on air", |status| {
        status.on_air.source.as_ref().is_some_and(|source| source.as_str() == "pattern")
    })
    .await?;
    commands.go_live(channel()?, 0, "The trial".into()).await?;
    let mut proof = Proof::default();
    let status = wait(&mut board, limit, "What was sent did not come back", |status| proof.takes(status)).await?;
    commands.end(channel()?).await?;
    wait(&mut board, limit, "The broadcast did not end", |status| status.live.is_none()).await?;
    let bytes = status.destinations.first().map_or(0, |destination| destination.bytes_acked);
    Ok(format!("{bytes} bytes were encoded, sent in one session, and decoded again."))
}

/// What was seen so far. Each of it is enough once: under the load of every day pictures may come late, and a source come and go.
#[derive(Clone, Copy, Debug, Default)]
struct Proof {
    /// A session has carried media for long enough, the first or the second.
    sent: bool,
    /// Its pictures came in and were decoded, and it has a track of sound.
    back: bool,
}

impl Proof {
    /// Looks at the next status: whether it is whole now.
    fn takes(&mut self, status: &ChannelStatus) -> bool {
        self.sent |= status.destinations.iter().any(|door| door.sessions <= SESSIONS_MAX && lasts(door));
        self.back |= status.sources.iter().any(|source| {
            // Bars stand still, and are silent: what is said of them for that says that they came.
            let came = source.state.arrives();
            source.id.as_str() == "back" && came && source.sound && (source.width, source.height) == SIZE
        });
        self.sent && self.back
    }
}

/// Whether a session has lasted long enough.
fn lasts(destination: &DestinationStatus) -> bool {
    destination.state == DestinationState::Live && destination.session_ms.is_some_and(|ms| ms >= SESSION_MS)
}

/// Waits until the channel's status is as it shall be; in vain, the error says what is wrong by then.
async fn wait(
    board: &mut watch::Receiver<Arc<Board>>,
    limit: Duration,
    what: &str,
    mut shall: impl FnMut(&ChannelStatus) -> bool,
) -> Result<ChannelStatus, Failure> {
    let look = async {
        loop {
            let status = board.borrow_and_update().channels.first().and_then(|channel| channel.status.clone());
            if let Some(status) = status
                && shall(&status)
            {
                return status;
            }
            // It ends with the reconciler, which lives longer than we look.
            if board.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    match tokio::time::timeout(limit, look).await {
        Ok(status) => Ok(status),
        Err(_) => Err(Failure::Trial(format!("{what} within {} s{}", limit.as_secs(), wrongs(&board.borrow())))),
    }
}

/// What the board says is wrong, behind a colon.
fn wrongs(board: &Board) -> String {
    let faults = board.channels.iter().flat_map(|channel| &channel.faults);
    // Nothing is published before it is sent.
    let faults = faults.filter(|fault| !matches!(fault.code, Code::SourceWaiting));
    let texts: Vec<&str> = faults.map(|fault| fault.text.as_str()).collect();
    if texts.is_empty() { ".".into() } else { format!(": {}", texts.join(" ")) }
}
