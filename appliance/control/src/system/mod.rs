//! The system below Bandstand: updates, restarts, and the way back to how the box was delivered.
//!
//! ```text
//! file ──► received ──► RAUC checks ──► RAUC writes the other slot ──► written down ──restart──► tried by the firmware
//!            └──────────────┴──────────────────┴──► refused: nothing has changed
//! ```
//! RAUC and systemd do the work, over D-Bus, and decide who may; what has become of it [`automation::update`] says. Where
//! Bandstand was installed on a machine of somebody else's, there is none of it.

mod rauc;
pub(crate) mod storage;

use crate::clock::Clock;
use crate::doc::{ImageDoc, SystemDoc, UpdateDoc};
use crate::media;
use crate::refusal::Refusal;
use crate::store::seal::write_private;
use crate::units::systemd::Systemd;
use automation::fault::Code;
use automation::update::{Installed, Outcome, Running, outcome, refusal};
use bytes::Bytes;
use futures_util::Stream;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Largest update, bytes: twice a slot.
pub const UPDATE_BYTES_MAX: u64 = 1 << 30;
/// Longest address of an update, characters.
pub const URL_CHARS_MAX: usize = 2000;
/// How often RAUC is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// An installation takes minutes; one of an hour has come to nothing.
const INSTALL_MAX: Duration = Duration::from_secs(3600);
/// What `bandstand-board` says about the slots, below the machine's root: written at boot, and after a trial.
const SLOTS: &str = "run/bandstand-board/slots.json";
/// Units that systemd starts for us, and nobody else's: see systemd/polkit.
const RESTART: &str = "bandstand-restart.service";
const RESET: &str = "bandstand-reset.service";

/// What is being done.
#[derive(Clone, Debug, Default)]
enum Job {
    #[default]
    None,
    Receiving,
    Installing(u8),
    Failed(String),
}

/// What `bandstand-board boot-slot status` answers, as far as it is shown.
#[derive(Default, Deserialize)]
struct Slots {
    booted: Option<String>,
    trial: bool,
}

/// The system.
pub struct System {
    machine: PathBuf,
    folder: PathBuf,
    boot: String,
    bus: Option<zbus::Connection>,
    job: Mutex<Job>,
}

impl System {
    /// The system of the machine whose files are below `machine`. Updates are received below `state`. Without a bus it is
    /// the system's own.
    pub fn new(machine: &Path, state: &Path, clock: &Clock, bus: Option<zbus::Connection>) -> std::io::Result<System> {
        let folder = state.join("update");
        std::fs::create_dir_all(&folder)?;
        let system = System {
            machine: machine.to_owned(),
            folder,
            boot: clock.boot().to_owned(),
            bus,
            job: Mutex::new(Job::None),
        };
        // What an earlier process left of an update is of no use.
        for path in [system.bundle(), system.bundle().with_extension("new")] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(system)
    }

    fn bundle(&self) -> PathBuf {
        self.folder.join("update.raucb")
    }

    fn record(&self) -> PathBuf {
        self.folder.join("installed.json")
    }

    fn job(&self) -> MutexGuard<'_, Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The image that runs; none where the machine's system is somebody else's.
    fn image(&self) -> Option<ImageDoc> {
        let release = std::fs::read_to_string(self.machine.join("etc/os-release")).ok()?;
        let value = |key: &str| {
            let mut lines = release.lines().filter_map(|line| line.split_once('='));
            lines.find(|(name, _)| *name == key).map(|(_, value)| value.trim_matches('"').to_owned())
        };
        if value("ID").as_deref() != Some("bandstand") {
            return None;
        }
        // It is put down some seconds after we have started, and lacks what the board does not say.
        let slots = std::fs::read_to_string(self.machine.join(SLOTS)).ok();
        let slots: Slots = slots.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Some(ImageDoc { version: value("VERSION_ID")?, slot: slots.booted, trial: slots.trial })
    }

    /// What is known now.
    pub fn state(&self) -> SystemDoc {
        let image = self.image();
        let update = match (self.job().clone(), &image) {
            (Job::Receiving, _) => UpdateDoc::Receiving,
            (Job::Installing(percent), _) => UpdateDoc::Installing { percent },
            (Job::Failed(text), _) => UpdateDoc::Failed { text },
            (Job::None, Some(image)) => self.installed(image).unwrap_or(UpdateDoc::None),
            (Job::None, None) => UpdateDoc::None,
        };
        SystemDoc { image, update, storage: storage::of(&self.machine, &self.folder) }
    }

    /// What was written down last.
    fn written(&self) -> Option<Installed> {
        serde_json::from_str(&std::fs::read_to_string(self.record()).ok()?).ok()
    }

    fn write_down(&self, installed: &Installed) -> std::io::Result<()> {
        write_private(&self.record(), &serde_json::to_vec(installed)?)
    }

    fn installed(&self, image: &ImageDoc) -> Option<UpdateDoc> {
        let installed = self.written().filter(|installed| installed.whole)?;
        let now = Running { slot: image.slot.as_deref()?, trial: image.trial, boot: &self.boot };
        let version = installed.version.clone();
        Some(match outcome(&installed, now) {
            Outcome::Ready => UpdateDoc::Ready { version },
            Outcome::Trial => UpdateDoc::Trial { version },
            Outcome::Done => UpdateDoc::Done { version },
            Outcome::WentBack => UpdateDoc::WentBack { version },
        })
    }

    /// Our own image, which alone can be updated, restarted and reset from here, and not while it is on trial: a restart would end
    /// the trial, and the other slot holds the only version that is known to run.
    fn ours(&self) -> Result<ImageDoc, Refusal> {
        let text = "This Bandstand runs on a system that is not its own: update and restart it there.";
        let image = self.image().ok_or_else(|| Refusal::because(Code::Conflict, text))?;
        if image.trial {
            let text = "A new version is on trial: a restart now would bring the old one back. It takes some minutes.";
            return Err(Refusal::because(Code::Conflict, text));
        }
        Ok(image)
    }

    fn slot(image: ImageDoc) -> Result<String, Refusal> {
        let text = "The board does not say which version runs. Restart the box, and try again.";
        image.slot.ok_or_else(|| Refusal::because(Code::Conflict, text))
    }

    /// Receives an update. It is installed when [`Received::install`] is called, and else gone.
    pub async fn receive<E: std::error::Error + Send + Sync + 'static>(
        self: &Arc<Self>,
        announced: u64,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Received, Refusal> {
        let from = System::slot(self.ours()?)?;
        let begun = Begun::new(self)?;
        media::has_room(&self.folder, announced)?;
        media::receive_as(&self.bundle(), UPDATE_BYTES_MAX, body).await?;
        Ok(Received { begun, from })
    }

    /// Begins to install an update that RAUC fetches itself while it writes it.
    pub fn install_from(self: &Arc<Self>, url: &str) -> Result<(), Refusal> {
        let from = System::slot(self.ours()?)?;
        let known = url.starts_with("https://") || url.starts_with("http://");
        let plain = url.len() <= URL_CHARS_MAX && url.bytes().all(|byte| byte.is_ascii_graphic());
        if !known || !plain {
            let text = "must be an address that begins with https:// or http://";
            return Err(Refusal::wrong(Code::RequestInvalid, "url", text));
        }
        tokio::spawn(Begun::new(self)?.go_on(from, url.to_owned()));
        Ok(())
    }

    async fn bus(&self) -> zbus::Result<zbus::Connection> {
        match &self.bus {
            Some(bus) => Ok(bus.clone()),
            None => zbus::Connection::system().await,
        }
    }

    /// Lets RAUC do it, to its end. What is being installed is written down before, so that neither an end of ours nor a failure
    /// leaves a word behind that is no longer true.
    async fn carry_out(&self, from: String, source: &str) -> Result<Installed, Failure> {
        let rauc = rauc::on(&self.bus().await?).await?;
        let (_, version) = rauc.info(source).await?;
        let installed = Installed { version, from, boot: self.boot.clone(), whole: false };
        self.write_down(&installed)?;
        rauc.install(source).await?;
        self.follow(&rauc).await?;
        Ok(installed)
    }

    /// Until RAUC is done.
    async fn follow(&self, rauc: &rauc::InstallerProxy<'_>) -> Result<(), Failure> {
        loop {
            let idle = rauc.operation().await? == "idle";
            let (percent, _, _) = rauc.progress().await?;
            if !idle {
                *self.job() = Job::Installing(percent.clamp(0, 100) as u8);
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            let error = rauc.last_error().await?;
            return match percent {
                _ if !error.is_empty() => Err(Failure::Refused(error)),
                100 => Ok(()),
                // One that was started anew knows nothing of it.
                _ => Err(Failure::Refused("what installs updates was restarted".into())),
            };
        }
    }

    /// Goes on with what an earlier process of ours began; and forgets what a restart of the box broke off.
    pub async fn resume(self: Arc<Self>) {
        let Some(installed) = self.written().filter(|installed| !installed.whole) else { return };
        if installed.boot != self.boot {
            let _ = std::fs::remove_file(self.record());
            return;
        }
        let Ok(begun) = Begun::new(&self) else { return };
        *self.job() = Job::Installing(0);
        let followed = async {
            self.follow(&rauc::on(&self.bus().await?).await?).await?;
            Ok(installed)
        };
        let done = followed.await;
        begun.end(done);
    }

    /// Restarts the box.
    pub async fn restart(&self) -> Result<(), Refusal> {
        self.ours()?;
        self.begin(RESTART).await
    }

    /// Takes the box back to how it was delivered, with a restart.
    pub async fn reset(&self) -> Result<(), Refusal> {
        self.ours()?;
        self.begin(RESET).await
    }

    async fn begin(&self, unit: &str) -> Result<(), Refusal> {
        if !matches!(*self.job(), Job::None | Job::Failed(_)) {
            return Err(Refusal::because(Code::Conflict, "An update is being installed: wait until it is done."));
        }
        let asked = async { Systemd::on(&self.bus().await?).await?.begin(unit).await };
        asked.await.map_err(|error| Refusal::failed(Code::Internal, error))
    }
}

/// An update under way: there is one at most, and where it is dropped, nothing has changed.
struct Begun {
    system: Arc<System>,
    over: bool,
}

impl Begun {
    fn new(system: &Arc<System>) -> Result<Begun, Refusal> {
        let mut job = system.job();
        if !matches!(*job, Job::None | Job::Failed(_)) {
            return Err(Refusal::because(Code::Conflict, "An update is being installed already."));
        }
        *job = Job::Receiving;
        drop(job);
        Ok(Begun { system: system.clone(), over: false })
    }

    async fn go_on(self, from: String, source: String) {
        let system = self.system.clone();
        *system.job() = Job::Installing(0);
        let done = match tokio::time::timeout(INSTALL_MAX, system.carry_out(from, &source)).await {
            Ok(done) => done,
            Err(_) => Err(Failure::Refused("it took more than an hour".into())),
        };
        self.end(done);
    }

    /// Writes down what became of it.
    fn end(mut self, done: Result<Installed, Failure>) {
        let system = self.system.clone();
        let done = done.and_then(|installed| {
            tracing::info!(version = installed.version, "an update is installed: the next restart tries it");
            Ok(system.write_down(&Installed { whole: true, ..installed })?)
        });
        let job = match done {
            Ok(()) => Job::None,
            Err(failure) => {
                tracing::warn!(%failure, "an update was not installed");
                // The slot that one before was installed in may be half written by now.
                let _ = std::fs::remove_file(system.record());
                Job::Failed(failure.words())
            }
        };
        let _ = std::fs::remove_file(system.bundle());
        *system.job() = job;
        self.over = true;
    }
}

/// An update that has arrived.
pub struct Received {
    begun: Begun,
    from: String,
}

impl Received {
    /// Begins to install it.
    pub fn install(self) {
        let source = self.begun.system.bundle().display().to_string();
        tokio::spawn(self.begun.go_on(self.from, source));
    }
}

/// Why an update was not installed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// RAUC says why.
    #[error("{0}")]
    Refused(String),
    /// Nobody answers.
    #[error("what installs updates cannot be reached")]
    Away(#[source] zbus::Error),
    /// It cannot be written down.
    #[error("it cannot be written down")]
    Storage(#[from] std::io::Error),
}

impl From<zbus::Error> for Failure {
    fn from(error: zbus::Error) -> Failure {
        match error {
            zbus::Error::MethodError(_, Some(said), _) => Failure::Refused(said),
            zbus::Error::FDO(error) => match *error {
                zbus::fdo::Error::Failed(said) => Failure::Refused(said),
                other => Failure::Away(other.into()),
            },
            other => Failure::Away(other),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        Failure::Storage(error.into())
    }
}

impl Failure {
    /// For the operator.
    fn words(&self) -> String {
        match self {
            Failure::Refused(said) => refusal(said),
            Failure::Away(_) => "What installs updates does not answer. Restart the box, and try again.".into(),
            Failure::Storage(error) => format!("The box cannot write to its storage: {error}."),
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.over {
            let _ = std::fs::remove_file(self.system.bundle());
            *self.system.job() = Job::None;
        }
    }
}
