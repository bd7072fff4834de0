//! The disk for recordings. udev and systemd mount it whenever one hangs on the box; here it is shown, and a new one is prepared,
//! by a unit that systemd starts for us: see image/.

use super::{System, storage};
use crate::doc::{DiskDoc, DiskDraft, FoundDiskDoc};
use crate::refusal::Refusal;
use crate::units::systemd::Systemd;
use automation::fault::Code;
use std::path::{Path, PathBuf};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

/// How often systemd is asked how far the unit is.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// What an operator is told when it could not be done; why exactly, is in the journal.
const FAILED: &str = "The disk could not be prepared. Pull it out, put it in again and try once more; if that does not help, it is broken.";

/// What is being done with a disk.
#[derive(Clone, Debug, Default)]
pub(super) enum Job {
    #[default]
    None,
    Preparing,
    Failed,
}

/// The folder on the disk for recordings, of the machine whose files are below `machine`: there with the disk, and else not.
pub(crate) fn folder(machine: &Path) -> PathBuf {
    machine.join(disks::MOUNTED_AT.trim_start_matches('/')).join(disks::FOLDER)
}

/// The unit that prepares a disk.
fn unit(disk: &disks::Disk) -> String {
    format!("bandstand-disk@{}-{}.service", disk.name, disk.number)
}

impl System {
    fn disk_job(&self) -> MutexGuard<'_, Job> {
        self.disk_job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of disks.
    pub fn disk(&self) -> DiskDoc {
        let folder = folder(&self.machine);
        let job = self.disk_job().clone();
        // What hangs on somebody else's machine is no business of ours.
        let found = if self.image().is_some() { disks::disks(&self.machine) } else { Vec::new() };
        let found = found.into_iter().map(|disk| FoundDiskDoc {
            name: disk.name,
            number: disk.number,
            model: disk.model,
            bytes: disk.bytes,
            holds: disk.holds,
            ours: disk.ours,
        });
        DiskDoc {
            storage: folder.is_dir().then(|| storage::of(&self.machine, &folder)).flatten(),
            found: found.collect(),
            preparing: matches!(job, Job::Preparing),
            trouble: matches!(job, Job::Failed).then(|| FAILED.to_owned()),
        }
    }

    /// Prepares a disk for recordings: everything on it goes.
    pub async fn take_disk(self: &Arc<Self>, draft: &DiskDraft) -> Result<(), Refusal> {
        if self.image().is_none() {
            let text = "This Bandstand runs on a system that is not its own: prepare the disk there.";
            return Err(Refusal::because(Code::Conflict, text));
        }
        let meant = disks::takeable(&self.machine, &draft.name, draft.number).map_err(|refused| match refused {
            disks::Refused::Unknown => {
                let text = "is no disk that hangs on the box now: look at the list again";
                Refusal::wrong(Code::RequestInvalid, "name", text)
            }
            disks::Refused::Another(_) => {
                let text = "Another disk for recordings is plugged in: pull that one out first.";
                Refusal::because(Code::Conflict, text)
            }
        })?;
        if meant.ours && !draft.again {
            let text = "This is a disk for recordings already: what is on it would be lost.";
            return Err(Refusal::because(Code::Conflict, text));
        }
        {
            let mut job = self.disk_job();
            if matches!(*job, Job::Preparing) {
                return Err(Refusal::because(Code::Conflict, "A disk is being prepared already."));
            }
            *job = Job::Preparing;
        }
        let unit = unit(&meant);
        let begun = async {
            let systemd = Systemd::on(&self.bus().await?).await?;
            systemd.begin(&unit).await?;
            Ok::<_, zbus::Error>(systemd)
        };
        match begun.await {
            Ok(systemd) => {
                let system = self.clone();
                tokio::spawn(async move {
                    let job = system.follow_disk(&systemd, &unit).await;
                    *system.disk_job() = job;
                });
                Ok(())
            }
            Err(error) => {
                *self.disk_job() = Job::None;
                Err(Refusal::failed(Code::Internal, error))
            }
        }
    }

    /// Until the unit has ended; systemd bounds its time.
    async fn follow_disk(&self, systemd: &Systemd, unit: &str) -> Job {
        loop {
            match systemd.ended(unit).await {
                Ok(None) => tokio::time::sleep(LOOK_EVERY).await,
                Ok(Some(true)) => {
                    tracing::info!(unit, "a disk for recordings is ready");
                    return Job::None;
                }
                Ok(Some(false)) => return Job::Failed,
                Err(error) => {
                    tracing::warn!(%error, unit, "what prepares a disk cannot be asked how far it is");
                    return Job::Failed;
                }
            }
        }
    }
}
