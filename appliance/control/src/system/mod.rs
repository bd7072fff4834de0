//! The system below Bandstand: updates, restarts, and the way back to how the box was delivered.
//!
//! ```text
//! file ──► received ──► RAUC checks ──► RAUC writes the other slot ──► written down ──restart──► tried by the firmware
//!            └──────────────┴──────────────────┴──► refused: nothing has changed
//! ```
//! None is begun on a board whose own start program could not try it: `bandstand-board` says so, and would refuse it to RAUC.
//!
//! RAUC and systemd do the work, over D-Bus, and decide who may; what has become of it [`automation::update`] says. Where
//! Bandstand was installed on a machine of somebody else's, there is none of it.

pub(crate) mod disk;
mod rauc;
pub(crate) mod storage;

use crate::clock::Clock;
use crate::doc::{ImageDoc, SystemDoc, UpdateDoc};
use crate::media;
use crate::refusal::Refusal;
use crate::store::seal::write_private;
use crate::units::systemd::Systemd;
use automation::fault::Code;
use automation::update::{Installed, Obstacle, Outcome, Running, obstacle, outcome, refusal};
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
/// An installation of which nothing is heard for so long has come to nothing.
const STALLED: Duration = Duration::from_secs(900);
/// How long the check of an update may take, with all that is fetched for it.
const CHECK_MAX: Duration = Duration::from_secs(120);
/// What RAUC says when an update was written to its end (src/install.c); it ends with 100 percent of something in any case.
const DONE: &str = "Installing done.";
/// What `bandstand-board` says about the slots, below the machine's root: written at boot, and after a trial.
const SLOTS: &str = "run/bandstand-board/slots.json";
/// Units that systemd starts for us, and nobody else's: see systemd/polkit.
const RESTART: &str = "bandstand-restart.service";
const RESET: &str = "bandstand-reset.service";

/// A line of what the machine says of its system.
fn release(machine: &Path, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(machine.join("etc/os-release")).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    lines.find(|(name, _)| *name == key).map(|(_, value)| value.trim_matches('"').to_owned())
}

/// Whether the machine's system is Bandstand's own image.
pub(crate) fn runs_our_image(machine: &Path) -> bool {
    release(machine, "ID").as_deref() == Some("bandstand")
}

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
    bootloader: Option<Bootloader>,
}

/// What it answers of the board's own start program.
#[derive(Deserialize)]
struct Bootloader {
    built: Option<String>,
    fault: Option<serde::de::IgnoredAny>,
}

impl Slots {
    /// Of the machine whose files are below this folder; none where nobody says anything.
    fn of(machine: &Path) -> Option<Slots> {
        serde_json::from_str(&std::fs::read_to_string(machine.join(SLOTS)).ok()?).ok()
    }

    fn obstacle(&self) -> Option<Obstacle> {
        let bootloader = self.bootloader.as_ref().filter(|bootloader| bootloader.fault.is_some())?;
        Some(obstacle(bootloader.built.as_deref()))
    }
}

/// What stands in the way of updates on the machine whose files are below this folder, for the doctor: none where nobody asks about slots.
pub(crate) fn obstacle_of(machine: &Path) -> Option<Result<(), Obstacle>> {
    Slots::of(machine).map(|slots| slots.obstacle().map_or(Ok(()), Err))
}

/// The system.
pub struct System {
    machine: PathBuf,
    folder: PathBuf,
    boot: String,
    bus: Option<zbus::Connection>,
    job: Mutex<Job>,
    disk_job: Mutex<disk::Job>,
}

impl System {
    /// The system of the machine whose files are below `machine`. Updates are received below `state`. Without a bus it is
    /// the system's own.
    pub fn new(machine: &Path, state: &Path, clock: &Clock, bus: Option<zbus::Connection>) -> System {
        let folder = state.join("update");
        let system = System {
            machine: machine.to_owned(),
            folder,
            boot: clock.boot().to_owned(),
            bus,
            job: Mutex::default(),
            disk_job: Mutex::default(),
        };
        // What an earlier process left of an update is of no use; nor is it a reason not to serve the page.
        for path in [system.bundle(), system.bundle().with_extension("new")] {
            if let Err(error) = remove(&path) {
                tracing::warn!(%error, "what is left of an update cannot be removed");
            }
        }
        system
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
        if !runs_our_image(&self.machine) {
            return None;
        }
        // It is put down some seconds after we have started, and lacks what the board does not say.
        let slots = Slots::of(&self.machine).unwrap_or_default();
        let obstacle = slots.obstacle().map(|obstacle| obstacle.to_string());
        Some(ImageDoc {
            version: release(&self.machine, "VERSION_ID")?,
            slot: slots.booted,
            trial: slots.trial,
            obstacle,
        })
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
        // The folder of updates is made with the first one.
        let state = self.folder.parent().unwrap_or(&self.folder);
        SystemDoc { image, update, storage: storage::of(&self.machine, state) }
    }

    /// What was written down last.
    fn written(&self) -> Option<Installed> {
        serde_json::from_str(&std::fs::read_to_string(self.record()).ok()?).ok()
    }

    /// Writes down what is being installed, or what was before. A worn card may take seconds.
    async fn write_down(&self, installed: Option<Installed>) -> std::io::Result<()> {
        let path = self.record();
        let write = move || match installed {
            Some(installed) => {
                path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                write_private(&path, &serde_json::to_vec(&installed)?)
            }
            None => remove(&path),
        };
        tokio::task::spawn_blocking(write).await?
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

    /// The slot that runs, where another version may be installed beside it.
    fn updatable(&self) -> Result<String, Refusal> {
        let image = self.ours()?;
        if let Some(text) = image.obstacle {
            return Err(Refusal::because(Code::Conflict, text));
        }
        let text = "The board does not say which version runs. Restart the box, and try again.";
        image.slot.ok_or_else(|| Refusal::because(Code::Conflict, text))
    }

    /// Receives an update. It is installed when [`Received::install`] is called, and else gone.
    pub async fn receive<E: std::error::Error + Send + Sync + 'static>(
        self: &Arc<Self>,
        announced: u64,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Received, Refusal> {
        let from = self.updatable()?;
        let begun = Begun::new(self)?;
        tokio::fs::create_dir_all(&self.folder).await?;
        media::has_room(&self.folder, announced)?;
        media::receive_as(&self.bundle(), UPDATE_BYTES_MAX, body).await?;
        Ok(Received { begun, from })
    }

    /// Begins to install an update that RAUC fetches itself while it writes it.
    pub fn install_from(self: &Arc<Self>, url: &str) -> Result<(), Refusal> {
        let from = self.updatable()?;
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
        let (rauc, version) = match tokio::time::timeout(CHECK_MAX, self.check(source)).await {
            Ok(checked) => checked?,
            Err(_) => return Err(Failure::Refused("it does not arrive".into())),
        };
        let former = self.written();
        let installed = Installed { version, from, boot: self.boot.clone(), whole: false };
        self.write_down(Some(installed.clone())).await?;
        if let Err(error) = rauc.install(source).await {
            // It has not begun: what was ready is as ready as before.
            self.write_down(former).await?;
            return Err(error.into());
        }
        self.follow(&rauc).await?;
        Ok(installed)
    }

    /// Whom an update comes from, for which box it is, and its version.
    async fn check(&self, source: &str) -> Result<(rauc::InstallerProxy<'static>, String), Failure> {
        let rauc = rauc::on(&self.bus().await?).await?;
        let (compatible, version) = rauc.info(source).await?;
        if compatible != rauc.compatible().await? {
            return Err(Failure::Refused("Compatible mismatch".into()));
        }
        Ok((rauc, version))
    }

    /// Until RAUC is done.
    async fn follow(&self, rauc: &rauc::InstallerProxy<'_>) -> Result<(), Failure> {
        let mut heard = (tokio::time::Instant::now(), (0, String::new(), 0));
        loop {
            let idle = rauc.operation().await? == "idle";
            let progress = rauc.progress().await?;
            if idle {
                let error = rauc.last_error().await?;
                return match (error.is_empty(), progress) {
                    (false, _) => Err(Failure::Refused(error)),
                    (true, (100, done, _)) if done == DONE => Ok(()),
                    // One that was started anew, or never began, knows nothing of it.
                    _ => Err(Failure::Refused("what installs updates was restarted".into())),
                };
            }
            *self.job() = Job::Installing(progress.0.clamp(0, 100) as u8);
            if progress != heard.1 {
                heard = (tokio::time::Instant::now(), progress);
            } else if heard.0.elapsed() > STALLED {
                return Err(Failure::Refused("it did not go on for a quarter of an hour".into()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Goes on with what an earlier process of ours began; and forgets what a restart of the box broke off.
    pub async fn resume(self: Arc<Self>) {
        let Some(installed) = self.written().filter(|installed| !installed.whole) else { return };
        if installed.boot != self.boot {
            if let Err(error) = self.write_down(None).await {
                tracing::warn!(%error, "an update that was broken off cannot be forgotten");
            }
            return;
        }
        let Ok(begun) = Begun::new(&self) else { return };
        *self.job() = Job::Installing(0);
        let followed = async {
            self.follow(&rauc::on(&self.bus().await?).await?).await?;
            Ok(installed)
        };
        let done = followed.await;
        begun.end(done).await;
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

/// Removes a file, where there is one.
fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
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
        let done = system.carry_out(from, &source).await;
        self.end(done).await;
    }

    /// Writes down what became of it.
    async fn end(mut self, done: Result<Installed, Failure>) {
        let system = self.system.clone();
        let written = match done {
            Ok(installed) => {
                tracing::info!(version = installed.version, "an update is installed: the next restart tries it");
                system.write_down(Some(Installed { whole: true, ..installed })).await.map_err(Failure::from)
            }
            Err(failure) => Err(failure),
        };
        let job = match written {
            Ok(()) => Job::None,
            Err(failure) => {
                tracing::warn!(%failure, "an update was not installed");
                // Where RAUC has begun, the slot that one before was installed in is half written by now; where it has not, that
                // one is as ready as it was.
                if system.written().is_some_and(|installed| !installed.whole)
                    && let Err(error) = system.write_down(None).await
                {
                    tracing::warn!(%error, "an update that failed cannot be forgotten");
                }
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
