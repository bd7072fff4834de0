//! `bandstand-ingest`: takes RTMP and RTMPS publishers in at the door, judged by token, and hands each one's stream as
//! FLV to the channels that ask for it by name.
//!
//! ```text
//!   OBS, ffmpeg ──RTMP──► listen ► rtmp ──events──► door { judge, hub } ──feeds──► readers ──FLV──► channels
//!                                                     ▲        │ status
//!                                          spec, quit └─ control ◄──► `bandstand`
//! ```
//! Decisions are in [`judge`] and, for who gets which tag, in [`hub`]; neither has I/O or a clock.

mod control;
mod door;
mod flv;
mod hub;
mod judge;
mod key;
mod lifeline;
mod listen;
mod rate;
mod readers;
mod rtmp;
mod socket;
mod spec_file;
mod tls;

use clap::Parser;
use door::{Door, EVENTS_MAX, Event};
use listen::Entrance;
use rustix::fs::Mode;
use socket::Socket;
use spec_file::SpecFile;
use std::fs::DirBuilder;
use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use tls::Certificate;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::error;
use tracing_subscriber::EnvFilter;

/// Takes RTMP publishers in and hands their streams to channels.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Folder of the sockets and of the kept plan; made where it is missing.
    #[arg(long, env = "BANDSTAND_RUN")]
    run: PathBuf,
    /// Address and port for publishers; may be given several times.
    #[arg(long, value_name = "ADDRESS:PORT", value_delimiter = ',', default_value = "127.0.0.1:1935")]
    listen: Vec<SocketAddr>,
    /// Folder with `certificate.pem` and `key.pem`, for publishers that come by RTMPS to the same port.
    #[arg(long, value_name = "FOLDER")]
    tls: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colour).init();
    // Whatever is made here is for its owner alone.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(%error, "cannot run");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum CannotRun {
    #[error("the run folder {0} cannot be made: {1}")]
    Folder(PathBuf, io::Error),
    #[error("the socket {0} cannot be opened: {1}")]
    Socket(PathBuf, io::Error),
    #[error("the system refuses what every process needs: {0}")]
    System(#[from] io::Error),
}

fn run(args: Args) -> Result<(), CannotRun> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&args.run);
    made.map_err(|error| CannotRun::Folder(args.run.clone(), error))?;
    // One thread: the work is carrying bytes, a few percent of one core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> Result<(), CannotRun> {
    let socket = |name: &str| {
        let path = args.run.join(name);
        Socket::listen(path.clone()).map_err(|error| CannotRun::Socket(path, error))
    };
    let (control, streams) = (socket("ingest.sock")?, socket("ingest-streams.sock")?);
    let (events, inbox) = mpsc::channel(EVENTS_MAX);
    let door = Door::new(SpecFile::new(&args.run));

    tokio::spawn(end_on_signal(events.clone())?);
    tokio::spawn(control::serve(control, door.status(), events.clone()));
    tokio::spawn(lifeline::hold(door.status()));
    tokio::spawn(readers::serve(streams, events.clone()));
    let entrance = Entrance::new(events, Certificate::new(args.tls));
    for (place, address) in args.listen.iter().enumerate() {
        tokio::spawn(entrance.clone().serve(place, *address));
    }
    drop(entrance);
    // When it returns, the runtime drops every task: connections close, and the socket files go.
    door.run(inbox).await;
    Ok(())
}

fn end_on_signal(events: mpsc::Sender<Event>) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // A loop that has ended needs no word.
        let _ = events.send(Event::Quit("a signal")).await;
    })
}
