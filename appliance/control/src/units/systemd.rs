//! Workers as units of systemd, over D-Bus: `bandstand-channel@<id>.service` and `bandstand-ingest.service`.
//! systemd restarts them, watches over them, limits and confines them; we only say which shall run.
//! (org.freedesktop.systemd1(5), "The Manager Object".)

use super::{Bounds, Post, UnitError, Units};
use futures_util::future::BoxFuture;
use zbus::OwnedObjectPath;

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    /// Starts a unit; where it runs already, nothing happens.
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    /// Ends a unit, and keeps it from being restarted.
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    /// Forgets that a unit failed too often, so that it may be started again.
    fn reset_failed_unit(&self, name: &str) -> zbus::Result<()>;
    /// The object of a unit, which is loaded where it is not.
    #[zbus(object = "Unit")]
    fn load_unit(&self, name: &str);
}

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Unit",
    default_service = "org.freedesktop.systemd1",
    assume_defaults = false
)]
trait Unit {
    /// Number of the job that is queued or running for it, 0 for none; and the job's object.
    #[zbus(property(emits_changed_signal = "false"))]
    fn job(&self) -> zbus::Result<(u32, OwnedObjectPath)>;
    /// `active`, `inactive`, `activating`, `failed` and others.
    #[zbus(property(emits_changed_signal = "false"))]
    fn active_state(&self) -> zbus::Result<String>;
}

/// Starts workers through systemd.
#[derive(Clone, Debug)]
pub struct Systemd {
    manager: ManagerProxy<'static>,
}

impl Systemd {
    /// The systemd that the given bus leads to.
    pub async fn on(bus: &zbus::Connection) -> zbus::Result<Systemd> {
        Ok(Systemd { manager: ManagerProxy::new(bus).await? })
    }

    /// Starts a unit by its name.
    pub async fn begin(&self, unit: &str) -> zbus::Result<()> {
        self.manager.start_unit(unit, MODE).await.map(|_| ())
    }

    /// Whether a unit that runs once has ended, and then whether well; none while it runs.
    pub async fn ended(&self, unit: &str) -> zbus::Result<Option<bool>> {
        let unit = self.manager.load_unit(unit).await?;
        // Its job lasts as long as its program.
        if unit.job().await?.0 != 0 {
            return Ok(None);
        }
        Ok(Some(unit.active_state().await? != "failed"))
    }

    /// The system's own.
    pub async fn connect() -> zbus::Result<Systemd> {
        Systemd::on(&zbus::Connection::system().await?).await
    }
}

/// Name of a post's unit. Ids hold nothing that systemd would have to escape.
pub fn unit(post: &Post) -> String {
    match post {
        Post::Ingest => "bandstand-ingest.service".into(),
        Post::Channel(channel) => format!("bandstand-channel@{channel}.service"),
    }
}

/// A new job takes the place of one that is queued.
const MODE: &str = "replace";

impl Units for Systemd {
    fn start<'a>(&'a self, post: &'a Post) -> BoxFuture<'a, Result<(), UnitError>> {
        Box::pin(async move {
            let unit = unit(post);
            // Refused where it never failed, or is not loaded: nothing to forget then.
            let _ = self.manager.reset_failed_unit(&unit).await;
            self.begin(&unit).await.map_err(|source| UnitError::Systemd { unit, source })
        })
    }

    fn stop<'a>(&'a self, post: &'a Post) -> BoxFuture<'a, Result<(), UnitError>> {
        Box::pin(async move {
            let unit = unit(post);
            let stopped = self.manager.stop_unit(&unit, MODE).await;
            stopped.map(|_| ()).map_err(|source| UnitError::Systemd { unit, source })
        })
    }

    fn started(&self, _post: &Post) -> Option<u32> {
        None
    }

    fn bounds(&self, _post: &Post) -> Option<Bounds> {
        None
    }

    fn end_with_control(&self) -> bool {
        false
    }
}
