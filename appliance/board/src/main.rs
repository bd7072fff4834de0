//! `bandstand-board`: what is done to the board itself.
//!
//! `boot-slot` is RAUC's custom boot back end. RAUC calls one program with the verb as its first argument, so the same
//! program is installed under a second name, `bandstand-boot-slot`, which goes without the word `boot-slot`:
//!
//! ```text
//! [system]    bootloader=custom
//! [handlers]  bootloader-custom-backend=/usr/lib/bandstand/bandstand-boot-slot
//! ```
//! Answers are one word and a newline on standard output, as RAUC wants them; troubles are one line on standard error, with
//! exit code 1. Exit code 2: the command is not understood.

use board::autoboot::Slot;
use board::boot_slot::{State, Verb, status};
use board::config::{Config, PATH};
use board::factory_reset;
use board::first_boot::apply;
use board::radio;
use board::trouble::{Code, Trouble};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The name under which RAUC calls the program.
const BACK_END: &str = "bandstand-boot-slot";

/// Said when it was asked for.
const WILL: &str = "The next start takes the box back to how it was delivered.";

/// What is done to the board itself.
#[derive(Debug, Parser)]
#[command(name = "bandstand-board", version)]
struct Command {
    #[command(flatten)]
    places: Places,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Args)]
struct Places {
    /// Says where everything is; a file that is missing says nothing.
    #[arg(long, global = true, default_value = PATH)]
    config: PathBuf,
    /// The folder of the device tree.
    #[arg(long, global = true)]
    device_tree: Option<PathBuf>,
    /// The folder that holds autoboot.txt.
    #[arg(long, global = true)]
    autoboot: Option<PathBuf>,
    /// The folder of its copy.
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    /// The one-shot flag: mailbox, or sector:/PATH.
    #[arg(long, global = true)]
    flag: Option<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Which slot boots: RAUC's custom boot back end.
    BootSlot {
        #[command(subcommand)]
        verb: BootSlot,
    },
    /// Takes over what its owner put on the medium: bandstand.toml, rpi-preseed.toml, *.nmconnection. Says what became of it,
    /// a line each, and puts the same beside the files.
    FirstBoot {
        /// The folder of NetworkManager's connections.
        #[arg(long, default_value = "/data/connections")]
        connections: PathBuf,
        /// The state folder of `bandstand`.
        #[arg(long, default_value = "/var/lib/bandstand")]
        state: PathBuf,
        /// The program that fills an empty store.
        #[arg(long, default_value = "/usr/bin/bandstand")]
        control: PathBuf,
    },
    /// Puts in force whose radio rules hold, as the medium or the page has said; nothing where nobody has.
    Radio {
        /// What the page wishes.
        #[arg(long, default_value = "/var/lib/bandstand/wifi-country")]
        wish: PathBuf,
        /// Where what is in force is told.
        #[arg(long, default_value = "/run/bandstand-board/wifi-country")]
        told: PathBuf,
    },
    /// The way back to how the box was delivered.
    FactoryReset {
        /// The root of the data partition.
        #[arg(long, default_value = "/data")]
        all: PathBuf,
        #[command(subcommand)]
        what: FactoryReset,
    },
    /// The disk for recordings.
    Disk {
        #[command(subcommand)]
        what: Disk,
    },
}

#[derive(Debug, Subcommand)]
enum Disk {
    /// Makes an empty disk for recordings of one, and mounts it. Everything on it is deleted.
    Take {
        /// What the kernel calls it, a hyphen, and its number: such as sda-12.
        instance: String,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum FactoryReset {
    /// Asks for it: the next start carries it out.
    Ask,
    /// Asks for it where a file `factory-reset` on the medium's first partition wishes it, and says so; the file goes.
    Wished,
    /// Carries it out where it was asked for, before anything uses the data.
    CarryOut,
}

#[derive(Debug, Subcommand)]
enum BootSlot {
    /// The slot that the next warm reboot boots.
    GetPrimary,
    /// Boots a slot once, at the next warm reboot.
    SetPrimary { slot: Name },
    /// Whether a slot is good or bad.
    GetState { slot: Name },
    /// Good: commits to the booted slot. Bad: the slot is about to be written over.
    SetState { slot: Name, state: Judgement },
    /// The booted slot.
    GetCurrent,
    /// Restores autoboot.txt where it is broken, and says what was done.
    Repair,
    /// Everything that is known, as JSON; with exit code 1 where something is not.
    Status,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    #[value(name = "A")]
    A,
    #[value(name = "B")]
    B,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Judgement {
    Good,
    Bad,
}

impl From<Name> for Slot {
    fn from(name: Name) -> Slot {
        match name {
            Name::A => Slot::A,
            Name::B => Slot::B,
        }
    }
}

impl From<Judgement> for State {
    fn from(judgement: Judgement) -> State {
        match judgement {
            Judgement::Good => State::Good,
            Judgement::Bad => State::Bad,
        }
    }
}

fn main() -> ExitCode {
    let Command { places, what } = Command::parse_from(arguments(std::env::args_os()));
    let outcome = match what {
        What::BootSlot { verb } => run(places, verb),
        What::FirstBoot { connections, state, control } => {
            let fat = places.autoboot.unwrap_or_else(|| "/autoboot".into());
            let data = places.data.unwrap_or_else(|| "/data/board".into());
            first_boot(&apply::Places { fat, data, connections, state, control })
        }
        What::Radio { wish, told } => {
            let data = places.data.unwrap_or_else(|| "/data/board".into());
            radio::apply(&radio::Places { data, wish, told })
                .map(|country| {
                    let text = country.map(|country| format!("The radio keeps to the rules of {country}."));
                    (text.unwrap_or_default(), ExitCode::SUCCESS)
                })
                .map_err(|cause| Trouble::new(Code::RadioFailed, cause.to_string()))
        }
        What::FactoryReset { all, what } => {
            let fat = places.autoboot.unwrap_or_else(|| "/autoboot".into());
            let board = places.data.unwrap_or_else(|| "/data/board".into());
            back(&factory_reset::Places { data: all, board, fat }, what)
        }
        What::Disk { what: Disk::Take { instance } } => {
            board::disk::take(Path::new("/"), &instance).map(|said| (said, ExitCode::SUCCESS))
        }
    };
    let (text, code) = match &outcome {
        Ok((text, code)) => (text.as_str(), *code),
        Err(trouble) => {
            // Nothing can be done where even this cannot be said.
            let _ = writeln!(std::io::stderr(), "bandstand-board: {trouble}");
            ("", ExitCode::FAILURE)
        }
    };
    match text {
        "" => code,
        text => match writeln!(std::io::stdout(), "{text}") {
            Ok(()) => code,
            Err(_) => ExitCode::FAILURE,
        },
    }
}

/// The arguments, with `boot-slot` put in where the program was called by the name that stands for it.
fn arguments(mut given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let program = given.next().unwrap_or_default();
    let implied = Path::new(&program).file_name().is_some_and(|name| name == BACK_END).then(|| "boot-slot".into());
    [program].into_iter().chain(implied).chain(given).collect()
}

fn first_boot(places: &apply::Places) -> Result<(String, ExitCode), Trouble> {
    let failed = |cause: std::io::Error| Trouble::new(Code::FirstBootFailed, cause.to_string());
    let call = |name: &str| match rustix::process::geteuid().is_root() {
        true => Ok(rustix::system::sethostname(name.as_bytes())?),
        false => Ok(()),
    };
    let report = apply::start(places, call).map_err(failed)?.unwrap_or_default();
    Ok((report.join("\n"), ExitCode::SUCCESS))
}

fn back(places: &factory_reset::Places, what: FactoryReset) -> Result<(String, ExitCode), Trouble> {
    let failed = |cause: std::io::Error| Trouble::new(Code::ResetFailed, cause.to_string());
    let done = match what {
        FactoryReset::Ask => factory_reset::ask(places).map(|()| WILL.to_owned()),
        FactoryReset::Wished => factory_reset::wished(places).map(|wished| if wished { WILL } else { "" }.to_owned()),
        FactoryReset::CarryOut => factory_reset::carry_out(places).map(|left| match left {
            None => String::new(),
            Some(left) if left.is_empty() => "The box is as it was delivered.".to_owned(),
            Some(left) => {
                format!("The box is as it was delivered, but for what could not be deleted: {}", left.join("; "))
            }
        }),
    };
    Ok((done.map_err(failed)?, ExitCode::SUCCESS))
}

fn run(places: Places, verb: BootSlot) -> Result<(String, ExitCode), Trouble> {
    let file = match std::fs::read_to_string(&places.config) {
        Ok(text) => Config::parse(&text)?,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Config::default(),
        Err(cause) => {
            return Err(Trouble::new(Code::ConfigInvalid, format!("{}: {cause}", places.config.display())));
        }
    };
    let Places { device_tree, autoboot, data, flag, .. } = places;
    let edges = file.under(Config { device_tree, autoboot, data, flag }).edges()?;
    let verb = match verb {
        BootSlot::GetPrimary => Verb::GetPrimary,
        BootSlot::SetPrimary { slot } => Verb::SetPrimary(slot.into()),
        BootSlot::GetState { slot } => Verb::GetState(slot.into()),
        BootSlot::SetState { slot, state } => Verb::SetState(slot.into(), state.into()),
        BootSlot::GetCurrent => Verb::GetCurrent,
        BootSlot::Repair => Verb::Repair,
        BootSlot::Status => {
            let status = status(&edges.look());
            let code = if status.fault.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
            let text =
                serde_json::to_string(&status).map_err(|cause| Trouble::new(Code::ConfigInvalid, cause.to_string()))?;
            return Ok((text, code));
        }
    };
    Ok((edges.run(verb)?, ExitCode::SUCCESS))
}
