//! The hand that asks systemd, by real D-Bus over a pair of sockets: the other side has systemd's interface and starts
//! nothing.

use control::units::systemd::Systemd;
use control::units::{Post, Units};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use zbus::connection::Builder;

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
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let manager = Manager { asked: asked.clone() };
    let other_side = Builder::unix_stream(theirs).server(zbus::Guid::generate()).p2p();
    let other_side = other_side.serve_at("/org/freedesktop/systemd1", manager).build();
    let (_other_side, bus) = tokio::join!(other_side, Builder::unix_stream(ours).p2p().build());
    let hand = Systemd::on(&bus.unwrap()).await.unwrap();
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
