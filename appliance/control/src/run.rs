//! The whole program put together: store, commands, sign-in, reconciler, API; from start to end.

use crate::api::{Beneath, Desk, listen, tls};
use crate::cameras::follow;
use crate::clock::Clock;
use crate::commands::Commands;
use crate::doctor::{self, Doctor};
use crate::lifeline;
use crate::media;
use crate::network::{self, Network};
use crate::panel;
use crate::reconciler::{Galleries, Reconciler, Tools};
use crate::refusal::Refusal;
use crate::sign_in::Doorkeeper;
use crate::store::{self, Store};
use crate::system::{System, disk, runs_our_image};
use crate::units::children::Children;
use crate::units::systemd::Systemd;
use crate::units::{Bounds, Units};
use automation::access_point::Times;
use automation::spec::House;
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often the box's names and addresses are looked at.
const NAMES_EVERY: Duration = Duration::from_secs(15);

/// What was asked for on the command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder of the database, files and keys.
    pub state: PathBuf,
    /// Folder of sockets and last specs.
    pub run: PathBuf,
    /// Where the page is.
    pub listening: Listening,
    /// Where publishers connect.
    pub rtmp_listen: SocketAddr,
    /// Name of the venue, where it is told.
    pub venue: Option<String>,
    /// Whether systemd starts the workers.
    pub systemd: bool,
    /// Folder below which the machine's own files are: `/` but in tests.
    pub machine: PathBuf,
    /// Most memory of a channel's worker, where systemd does not limit it, bytes.
    pub worker_bytes_max: u64,
    /// Whether workers go on when the program is ended.
    pub keep_workers: bool,
    /// What is waited for before the access point is raised and left.
    pub access_point: Times,
}

/// Where the page is.
#[derive(Clone, Copy, Debug)]
pub enum Listening {
    /// Plain HTTP on the loopback.
    Loopback(SocketAddr),
    /// HTTPS everywhere, and a plain port that points to it.
    Lan {
        /// Port of HTTPS.
        https: u16,
        /// Plain port.
        redirect: u16,
    },
}

/// Why the program ends with an error.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A folder cannot be used.
    #[error("the folder {path} cannot be used")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] store::OpenError),
    /// Nobody can listen.
    #[error(transparent)]
    Listen(#[from] listen::ListenError),
    /// No certificate.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// systemd cannot be reached.
    #[error("systemd cannot be reached over D-Bus")]
    Systemd(#[from] zbus::Error),
    /// A document cannot be read.
    #[error("{path} cannot be read")]
    Document {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Something was refused.
    #[error("{0}")]
    Refused(Refusal),
    /// This version's programs do not do what they shall.
    #[error("{0}")]
    Trial(String),
    /// A broadcast is on air, which comes first.
    #[error("a broadcast is on air")]
    OnAir,
    /// The machine does not give what every program gets.
    #[error("the program cannot run here")]
    Machine(#[from] std::io::Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(refusal)
    }
}

pub(crate) fn begin() -> Result<tokio::runtime::Runtime, Failure> {
    // What we and the workers make is nobody else's.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let filter = tracing_subscriber::EnvFilter::try_from_env("BANDSTAND_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
    // The only provider: where several were linked, rustls would not choose one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // One thread: the cores belong to the channels.
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Runs until it is told to end.
pub fn run(options: Options) -> Result<(), Failure> {
    begin()?.block_on(serve(options))
}

/// The format of channels that are made without one, on the machine whose files are below `machine`. Our own image runs on boards
/// whose encoder it has no driver for; what somebody's computer carries we do not know.
fn house(machine: &Path) -> House {
    if runs_our_image(machine) { House::of_a_small_board() } else { House::default() }
}

/// Writes a document into an empty state folder.
pub fn seed(state: &Path, document: &Path, machine: &Path) -> Result<(), Failure> {
    begin()?.block_on(async {
        private_folder(state)?;
        let text = tokio::fs::read_to_string(document)
            .await
            .map_err(|source| Failure::Document { path: document.display().to_string(), source })?;
        let store = Store::open(state)?;
        prepare_assets(&store)?;
        Ok(Commands::new(store, Clock::of(machine)?).with_house(house(machine)).seed(&text).await?)
    })
}

pub(crate) fn private_folder(path: &Path) -> Result<(), Failure> {
    let failed = |source| Failure::Folder { path: path.display().to_string(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    // Databases, sockets and logs in it are nobody else's, whatever the folder was before.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(failed)
}

pub(crate) fn prepare_assets(store: &Store) -> Result<(), Failure> {
    let folder = &store.context().assets;
    media::prepare(folder).map_err(|source| Failure::Folder { path: folder.display().to_string(), source })
}

/// The open ports of the page, with the address that a person enters.
struct Doors {
    page: TcpListener,
    tls: Option<watch::Receiver<Arc<rustls::ServerConfig>>>,
    redirect: Option<(TcpListener, u16)>,
    /// Addresses of the page, best first.
    addresses: Vec<String>,
}

fn open_doors(options: &Options, clock: &Clock) -> Result<Doors, Failure> {
    match options.listening {
        Listening::Loopback(address) => {
            let page = listen::loopback(address)?;
            let addresses = vec![format!("http://{}/", page.local_addr()?)];
            Ok(Doors { page, tls: None, redirect: None, addresses })
        }
        Listening::Lan { https, redirect } => {
            let page = listen::everywhere(https, "--port")?;
            let https = page.local_addr()?.port();
            let plain = listen::everywhere(redirect, "--redirect-port")?;
            let folder = options.state.join("tls");
            let names = names(&options.machine);
            let addresses = tls::reachable(&tls::names(Path::new("/proc")))
                .map(|name| format!("https://{name}:{https}/"))
                .collect();
            let config = tls::config(&folder, names, clock.now().wall_ms)?;
            let (newest, config) = watch::channel(config);
            tokio::spawn(follow_names(folder, options.machine.clone(), clock.clone(), newest));
            Ok(Doors { page, tls: Some(config), redirect: Some((plain, https)), addresses })
        }
    }
}

/// What the certificate is for. The access point's address is in it before there is one: a browser that warned once would else warn
/// again some seconds later.
fn names(machine: &Path) -> BTreeSet<String> {
    let mut names = tls::names(Path::new("/proc"));
    if runs_our_image(machine) {
        names.insert(network::ADDRESS.to_string());
    }
    names
}

/// Networks come up after us, and addresses change: the certificate follows.
async fn follow_names(
    folder: PathBuf,
    machine: PathBuf,
    clock: Clock,
    newest: watch::Sender<Arc<rustls::ServerConfig>>,
) {
    let mut known = names(&machine);
    let mut looks = tokio::time::interval(NAMES_EVERY);
    loop {
        looks.tick().await;
        let names = names(&machine);
        if names == known {
            continue;
        }
        match tls::config(&folder, names.clone(), clock.now().wall_ms) {
            Ok(config) => {
                newest.send_replace(config);
                known = names;
            }
            Err(error) => tracing::warn!(%error, "the certificate could not follow the box's addresses"),
        }
    }
}

async fn serve(options: Options) -> Result<(), Failure> {
    private_folder(&options.state)?;
    private_folder(&options.run)?;
    let run = std::path::absolute(&options.run)?;
    let clock = Clock::of(&options.machine)?;
    // Ports first: a second program of this kind must not touch the store of the first.
    let doors = open_doors(&options, &clock)?;
    // Who may publish may also send by SRT and UDP.
    let store = Store::open_listening(&options.state, options.rtmp_listen.ip())?;
    prepare_assets(&store)?;
    // Publishers may come with TLS where the page does not.
    if let Err(error) = tls::config(&options.state.join("tls"), names(&options.machine), clock.now().wall_ms) {
        tracing::warn!(%error, "no certificate: publishers cannot come by RTMPS");
    }
    let commands = Commands::new(store.clone(), clock.clone()).with_house(house(&options.machine));
    for channel in commands.start(options.venue.clone()).await? {
        tracing::warn!(%channel, "the box was restarted during a broadcast: it goes on");
    }
    let door = Arc::new(Doorkeeper::new(store.clone(), clock.clone(), &options.state)?);
    let units: Arc<dyn Units> = match options.systemd {
        true => Arc::new(Systemd::connect().await?),
        false => {
            let program = std::env::current_exe()?;
            let listen = options.rtmp_listen.to_string();
            let state = std::path::absolute(&options.state)?;
            let disk = disk::folder(&std::path::absolute(&options.machine)?);
            let bounds = Bounds { memory_bytes_max: options.worker_bytes_max, patience: 1 };
            Arc::new(Children::new(&run, &state, &disk, &program, &listen, bounds))
        }
    };
    let end_workers = units.end_with_control() && !options.keep_workers;
    let galleries = Galleries::default();
    let tools = Tools { run, units, commands: commands.clone(), clock: clock.clone(), galleries: galleries.clone() };
    let reconciler = Reconciler::start(tools, store.wanted());
    let (close, closing) = watch::channel(false);
    let rtmp_port = options.rtmp_listen.port();
    let board = reconciler.board();
    let system = Arc::new(System::new(&options.machine, &options.state, &clock, None));
    tokio::spawn(system.clone().resume());
    let (tell_panel, panel_fault) = watch::channel(None);
    let doctor = Doctor::new(doctor::Places {
        state: options.state.clone(),
        run: options.run.clone(),
        machine: options.machine.clone(),
    });
    let network = Arc::new(Network::new(&options.machine, &options.state, &clock, None, options.access_point));
    let eyes = network::Eyes { door: door.clone(), wanted: store.wanted() };
    tokio::spawn(network.clone().keep(eyes));
    let guests = network.guests();
    let zones = clock.zones();
    let beneath = Beneath { doctor, system: system.clone(), network, panel_fault, zones, rtmp_port };
    let desk = Desk::new(commands.clone(), store.clone(), door.clone(), board, galleries, beneath, closing.clone());
    let panel = panel::Tools {
        commands: commands.clone(),
        wanted: store.wanted(),
        board: reconciler.board(),
        clock: clock.clone(),
        system,
        fault: tell_panel,
    };
    tokio::spawn(panel.run());
    let followers = follow::Tools {
        cameras: desk.cameras.clone(),
        commands,
        clock,
        wanted: store.wanted(),
        board: reconciler.board(),
        teller: reconciler.teller(),
    };
    tokio::spawn(followers.run());
    announce(&doors.addresses, &door).await?;
    let page = tokio::spawn(listen::serve(Arc::new(desk), doors.page, doors.tls, closing.clone()));
    let redirect = doors.redirect.map(|(plain, https)| tokio::spawn(listen::redirect(plain, https, guests, closing)));
    lifeline::ready();
    tokio::spawn(lifeline::hold(store, reconciler.probe()));
    until_told_to_end().await?;
    lifeline::stopping();
    let _ = close.send(true);
    let _ = page.await;
    if let Some(redirect) = redirect {
        let _ = redirect.await;
    }
    if end_workers {
        reconciler.quit_workers().await;
    }
    Ok(())
}

/// Tells a person where the page is, and how to come in the first time. It is the same code until somebody has used it:
/// see decision 19.
async fn announce(addresses: &[String], door: &Doorkeeper) -> Result<(), Failure> {
    let mut text: String = addresses.iter().map(|address| format!("page: {address}\n")).collect();
    if let Some(code) = door.first_code().await? {
        text.push_str(&format!("first sign-in code: {}\n", code.expose()));
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

async fn until_told_to_end() -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("told to end");
    Ok(())
}
