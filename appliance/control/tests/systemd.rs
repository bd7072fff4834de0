//! The hand that asks systemd, on a real bus of its own: the other side has systemd's interface and starts nothing.

use control::units::systemd::Systemd;
use control::units::{Post, Units};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// A D-Bus daemon of its own.
struct Bus {
    daemon: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Bus {
    fn start() -> Bus {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("bus");
        let config = folder.path().join("bus.conf");
        let text = format!(
            "<busconfig><type>system</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
             <policy context=\"default\"><allow send_destination=\"*\"/><allow receive_sender=\"*\"/>\
             <allow own=\"*\"/></policy></busconfig>",
            socket.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("dbus-daemon");
        command.arg("--nofork").arg("--print-address").arg(format!("--config-file={}", config.display()));
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut daemon = spawned.expect("dbus-daemon is installed (package dbus-daemon)");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Bus { daemon, address: address.trim().to_owned(), _folder: folder }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// systemd's manager, as far as it is asked.
struct Manager {
    asked: Arc<Mutex<Vec<String>>>,
}

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    fn start_unit(&self, name: &str, mode: &str) -> zbus::fdo::Result<zbus::OwnedObjectPath> {
        self.asked.lock().unwrap().push(format!("start {name} {mode}"));
        if name.contains("broken") {
            return Err(zbus::fdo::Error::Failed("no such unit".into()));
        }
        Ok("/org/freedesktop/systemd1/job/1".try_into().unwrap())
    }

    fn stop_unit(&self, name: &str, mode: &str) -> zbus::OwnedObjectPath {
        self.asked.lock().unwrap().push(format!("stop {name} {mode}"));
        "/org/freedesktop/systemd1/job/2".try_into().unwrap()
    }

    fn reset_failed_unit(&self, _name: &str) -> zbus::fdo::Result<()> {
        Err(zbus::fdo::Error::Failed("it did not fail".into()))
    }
}

#[tokio::test]
async fn units_are_started_and_stopped_by_their_names() {
    let bus = Bus::start();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let connect = async || zbus::connection::Builder::address(bus.address.as_str()).build().await.unwrap();
    let other_side = connect().await;
    let manager = Manager { asked: asked.clone() };
    other_side.object_server().at("/org/freedesktop/systemd1", manager).await.unwrap();
    other_side.request_name("org.freedesktop.systemd1").await.unwrap();

    let hand = Systemd::on(&connect().await).await.unwrap();
    let channel = |id: &str| Post::Channel(automation::id::ChannelId::new(id).unwrap());
    hand.start(&Post::Ingest).await.unwrap();
    hand.start(&channel("main-hall_2")).await.unwrap();
    hand.start(&channel("main-hall_2")).await.unwrap();
    hand.stop(&channel("main-hall_2")).await.unwrap();
    let error = hand.start(&channel("broken")).await.unwrap_err();
    assert_eq!(error.to_string(), "systemd did not do what was asked for bandstand-channel@broken.service");
    let expected = [
        "start bandstand-ingest.service replace",
        "start bandstand-channel@main-hall_2.service replace",
        "start bandstand-channel@main-hall_2.service replace",
        "stop bandstand-channel@main-hall_2.service replace",
        "start bandstand-channel@broken.service replace",
    ];
    assert_eq!(*asked.lock().unwrap(), expected);
    assert!(!hand.end_with_control(), "systemd's units outlive control");
}
