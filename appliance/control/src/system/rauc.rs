//! RAUC, which installs updates, over D-Bus (docs/reference.rst of RAUC 1.15, "D-Bus API").

use zbus::proxy::CacheProperties;

#[zbus::proxy(interface = "de.pengutronix.rauc.Installer", default_service = "de.pengutronix.rauc", default_path = "/")]
pub(super) trait Installer {
    /// Checks an update's signature and its kind of box; answers the latter, and its version.
    fn info(&self, bundle: &str) -> zbus::Result<(String, String)>;
    /// Begins to install an update: `operation` tells when it is over.
    fn install(&self, source: &str) -> zbus::Result<()>;
    /// `idle`, or `installing`.
    #[zbus(property)]
    fn operation(&self) -> zbus::Result<String>;
    /// Why the last one failed; empty where it did not.
    #[zbus(property)]
    fn last_error(&self) -> zbus::Result<String>;
    /// The kind of box that this one is.
    #[zbus(property)]
    fn compatible(&self) -> zbus::Result<String>;
    /// Percent, what is being done, and how deep that lies.
    #[zbus(property)]
    fn progress(&self) -> zbus::Result<(i32, String, i32)>;
}

/// RAUC at the far end of a bus. Properties are read when they are asked for.
pub(super) async fn on(bus: &zbus::Connection) -> zbus::Result<InstallerProxy<'static>> {
    InstallerProxy::builder(bus).cache_properties(CacheProperties::No).build().await
}
