//! The `bandstand` program: reads its options, opens the store, adopts or starts the workers, and listens.

use automation::access_point::Times;
use automation::fault::Code;
use clap::{Args, Parser, Subcommand, ValueEnum};
use control::doctor::{self, How};
use control::run::{Failure, Listening, Options, run};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Port of the page where no other is chosen.
const PAGE_PORT: u16 = 8480;
/// Port of the encrypted page where no other is chosen.
const HTTPS_PORT: u16 = 8443;

/// Exit code that asks to be tried again later: EX_TEMPFAIL of sysexits.
const LATER: u8 = 75;

/// Exit code of a document for an empty box on one that has channels: EX_CANTCREAT of sysexits. `bandstand-board` tells it from
/// a document that is wrong.
const FILLED: u8 = 73;

/// Bandstand: a broadcast box.
#[derive(Parser)]
#[command(name = "bandstand", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Subcommand)]
enum Command {
    /// Print the OpenAPI document of the REST API
    Openapi,
    /// Write a document of channels, sources, destinations, timelines and files into an empty state folder; ends with 73 where
    /// that has channels already
    Seed {
        /// Folder of the database, files and keys
        #[arg(long)]
        state: PathBuf,
        /// The document, JSON
        document: PathBuf,
        /// Folder below which the machine's own files are read
        #[arg(long, hide = true, default_value = "/")]
        machine_root: PathBuf,
    },
    /// Look at what Bandstand stands upon, change nothing, and say what to do; ends with 1 where something is wrong
    Doctor {
        /// Folder of the database, files and keys
        #[arg(long, env = "BANDSTAND_STATE", default_value = "/var/lib/bandstand")]
        state: PathBuf,
        /// Folder of sockets and last specs
        #[arg(long, env = "BANDSTAND_RUN", default_value = "/run/bandstand")]
        run: PathBuf,
        /// Folder below which the machine's own files are read
        #[arg(long, hide = true, default_value = "/")]
        machine_root: PathBuf,
    },
    /// Encode, send and decode a test pattern with the programs beside this one, in a folder and on ports of its own; ends
    /// with 1 where that does not work
    Trial {
        /// An empty folder, best in memory
        folder: PathBuf,
        /// Folder of the sockets of workers that run: a broadcast of theirs comes first, and where it carries media it is the
        /// trial. Else this ends with 75: try again later
        #[arg(long, env = "BANDSTAND_RUN", default_value = "/run/bandstand")]
        beside: PathBuf,
        /// A broadcast that should be sent and has carried nothing does not come first: for one that has carried nothing for minutes
        #[arg(long)]
        despite_silence: bool,
        /// How long each state may take to come, seconds: a slow card reads much for the first time, and a box that begins is busy
        #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=600))]
        limit_s: u64,
        /// Folder below which the machine's own files are read
        #[arg(long, hide = true, default_value = "/")]
        machine_root: PathBuf,
    },
    /// Run a program in a session of its own, in place of this one
    #[command(hide = true, name = control::units::children::OWN_SESSION)]
    OwnSession {
        /// The program and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<std::ffi::OsString>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum UnitsChoice {
    /// Child processes in sessions of their own
    Children,
    /// Units of systemd, over D-Bus
    Systemd,
}

#[derive(Args)]
struct Run {
    /// Folder of the database, files and keys
    #[arg(long, env = "BANDSTAND_STATE", default_value = ".state")]
    state: PathBuf,
    /// Folder of sockets and last specs, best in memory [default: run below the state folder]
    #[arg(long, env = "BANDSTAND_RUN")]
    run: Option<PathBuf>,
    /// Where to speak plain HTTP; a loopback address [default: 127.0.0.1:8480]
    #[arg(long, conflicts_with = "lan")]
    listen: Option<SocketAddr>,
    /// Port of the page: of the loopback, or with --lan of HTTPS
    #[arg(long, conflicts_with = "listen")]
    port: Option<u16>,
    /// Be reachable from other machines, by HTTPS only
    #[arg(long)]
    lan: bool,
    /// With --lan: the port that only points to HTTPS
    #[arg(long, default_value_t = PAGE_PORT, requires = "lan")]
    redirect_port: u16,
    /// Where publishers such as OBS connect [default: 127.0.0.1:1935, with --lan 0.0.0.0:1935]
    #[arg(long)]
    rtmp_listen: Option<SocketAddr>,
    /// Name of the venue; kept once it is told
    #[arg(long)]
    venue: Option<String>,
    /// Who starts the workers
    #[arg(long, value_enum, default_value = "children")]
    units: UnitsChoice,
    /// Most memory of a channel's worker in MiB, where systemd does not limit it; beyond it the worker is replaced
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(16..=65536))]
    worker_memory_max: u64,
    /// Folder below which the machine's own files are read
    #[arg(long, hide = true, default_value = "/")]
    machine_root: PathBuf,
    /// Leave the workers running when this program is ended
    #[arg(long)]
    keep_workers: bool,
    /// Seconds without a network until the box raises its own access point: for tests
    #[arg(long, hide = true, env = "BANDSTAND_ACCESS_POINT_AFTER_S")]
    access_point_after: Option<u64>,
    /// Seconds until it looks for the Wi-Fi networks that it knows, and nobody is on it: for tests
    #[arg(long, hide = true, env = "BANDSTAND_ACCESS_POINT_RETRY_S")]
    access_point_retry: Option<u64>,
}

impl Run {
    fn options(self) -> Options {
        let listening = match (self.listen, self.lan) {
            (Some(address), _) => Listening::Loopback(address),
            (None, false) => {
                Listening::Loopback(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.unwrap_or(PAGE_PORT))))
            }
            (None, true) => Listening::Lan { https: self.port.unwrap_or(HTTPS_PORT), redirect: self.redirect_port },
        };
        let everywhere = if self.lan { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        let times = Times::default();
        let ms = |seconds: Option<u64>, or: u64| seconds.map_or(or, |seconds| seconds.saturating_mul(1000));
        let access_point = Times {
            without_ms: ms(self.access_point_after, times.without_ms),
            new_ms: ms(self.access_point_after, times.new_ms),
            retry_ms: ms(self.access_point_retry, times.retry_ms),
            ..times
        };
        Options {
            run: self.run.unwrap_or_else(|| self.state.join("run")),
            state: self.state,
            listening,
            rtmp_listen: self.rtmp_listen.unwrap_or_else(|| SocketAddr::from((everywhere, 1935))),
            venue: self.venue,
            systemd: matches!(self.units, UnitsChoice::Systemd),
            machine: self.machine_root,
            worker_bytes_max: self.worker_memory_max << 20,
            keep_workers: self.keep_workers,
            access_point,
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Openapi) => {
            let text = control::api::openapi::text(&control::api::table::table());
            match std::io::stdout().write_all(text.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        Some(Command::Doctor { state, run, machine_root }) => {
            let findings = doctor::examine(&doctor::Places { state, run, machine: machine_root });
            let text: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
            let told = std::io::stdout().write_all(text.as_bytes());
            let wrong = findings.iter().any(|finding| finding.how == How::Wrong);
            if told.is_ok() && !wrong { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Some(Command::OwnSession { words }) => {
            let (program, arguments) = words.split_first().expect("one word is required");
            let error = control::units::children::own_session(program.as_ref(), arguments);
            eprintln!("bandstand: {} could not be started: {error}", program.display());
            ExitCode::FAILURE
        }
        Some(Command::Trial { folder, beside, despite_silence, limit_s, machine_root }) => {
            let limit = Duration::from_secs(limit_s);
            match control::trial::trial_beside(&beside, despite_silence, &folder, &machine_root, limit) {
                Err(Failure::OnAir) => ExitCode::from(LATER),
                // Whoever does not read it is told by the exit code.
                told => ended(told.map(|told| drop(writeln!(std::io::stdout(), "{told}")))),
            }
        }
        Some(Command::Seed { state, document, machine_root }) => {
            let seeded = control::run::seed(&state, &document, &machine_root);
            let filled = matches!(&seeded, Err(Failure::Refused(refusal)) if refusal.code == Code::Conflict);
            let code = ended(seeded);
            if filled { ExitCode::from(FILLED) } else { code }
        }
        None => ended(run(cli.run.options())),
    }
}

/// Tells what went wrong, and every cause below it.
fn ended(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    eprint!("bandstand: {failure}");
    let mut cause = std::error::Error::source(&failure);
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Options {
        let words = std::iter::once("bandstand").chain(words.iter().copied());
        Cli::try_parse_from(words).expect("options that stand").run.options()
    }

    #[test]
    fn nothing_is_reachable_from_other_machines_unless_asked() {
        let alone = options(&[]);
        assert_eq!(alone.rtmp_listen, "127.0.0.1:1935".parse().unwrap());
        assert!(matches!(alone.listening, Listening::Loopback(at) if at == "127.0.0.1:8480".parse().unwrap()));
        let lan = options(&["--lan"]);
        assert_eq!(lan.rtmp_listen, "0.0.0.0:1935".parse().unwrap());
        assert!(matches!(lan.listening, Listening::Lan { https: 8443, redirect: 8480 }));
    }
}
