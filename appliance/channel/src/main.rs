//! The worker of one channel.

use automation::id::ChannelId;
use channel::destination::Roots;
use channel::worker::{End, Worker};
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Carries one channel of Bandstand: sources, mixer, encoder, destinations.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Which channel.
    #[arg(long)]
    channel: String,
    /// Folder of sockets and last specs.
    #[arg(long, default_value = "/run/bandstand")]
    run: PathBuf,
    /// Folder below which destinations of files write.
    #[arg(long, default_value = "/var/lib/bandstand/files")]
    files: PathBuf,
    /// The same on the disk for recordings. While it is not there, no disk is.
    #[arg(long, default_value = "/media/recordings/bandstand")]
    disk: PathBuf,
}

/// Exit code that asks the supervisor to start again: EX_TEMPFAIL of sysexits.
const AGAIN: u8 = 75;

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .init();
    match run(&Arguments::parse()) {
        Ok(End::Quit) => ExitCode::SUCCESS,
        Ok(End::Again) => ExitCode::from(AGAIN),
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<End, Box<dyn std::error::Error>> {
    let channel = ChannelId::new(arguments.channel.clone())?;
    gstreamer::init()?;
    channel::source::prepare();
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, stop.clone())?;
    }
    let mut worker = Worker::new(
        channel,
        &arguments.run,
        Roots { files: arguments.files.clone(), disk: arguments.disk.clone() },
        stop,
    )?;
    Ok(worker.run())
}
