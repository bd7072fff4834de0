//! What comes back after a power cut, by the database alone; and what changes when the box learns the time.

#[path = "support/zoneinfo.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod zoneinfo;

use automation::as_run::{AsRun, Look};
use automation::fault::{Code, Fault};
use automation::id::{ChannelId, SessionId};
use automation::spec::{ChannelSpec, Start};
use automation::wall::Zone;
use control::alerts::Alerts;
use control::clock::Clock;
use control::commands::Commands;
use control::doc::TimelineBody;
use control::store::{Store, channels};
use serde_json::json;
use std::path::Path;

/// A machine's files, and what its store holds.
struct Appliance {
    folder: tempfile::TempDir,
}

impl Appliance {
    fn new() -> Appliance {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("state")).unwrap();
        Appliance { folder }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join("machine").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn trust(&self, trusted: bool) {
        let mark = "run/systemd/timesync/synchronized";
        match trusted {
            true => self.write(mark, ""),
            false => drop(std::fs::remove_file(self.folder.path().join("machine").join(mark))),
        }
    }

    /// It is started, in a boot of this name.
    async fn start(&self, boot: &str) -> (Commands, Store) {
        self.write("proc/sys/kernel/random/boot_id", boot);
        let machine: &Path = &self.folder.path().join("machine");
        let store = Store::open(&self.folder.path().join("state")).unwrap();
        let commands = Commands::new(store.clone(), Clock::rooted(machine).unwrap());
        commands.start(Some("Town Hall".into())).await.unwrap();
        (commands, store)
    }
}

fn main_channel() -> ChannelId {
    ChannelId::new("main").unwrap()
}

fn spec(store: &Store) -> ChannelSpec {
    store.wanted().borrow().channels[0].spec.clone()
}

/// For how long the broadcast has been live, seconds.
fn since_s(store: &Store) -> u64 {
    let live = spec(store).live.clone().expect("a broadcast");
    live.since_ms(Clock::new().unwrap().now().running) / 1000
}

/// As if GO LIVE had been so many seconds ago.
async fn ago(store: &Store, seconds: i64) {
    let change = move |tx: &rusqlite::Transaction<'_>, _: &_| {
        let mut channel = channels::get(tx, &main_channel())?;
        channel.live.as_mut().expect("a broadcast").at_ms -= seconds * 1000;
        channels::update(tx, &channel, 0)
    };
    store.change(change).await.unwrap();
}

async fn go_live(commands: &Commands) -> SessionId {
    commands.go_live(main_channel(), 0, "ann".into()).await.unwrap()
}

#[tokio::test]
async fn with_a_known_clock_a_broadcast_stands_where_it_would_be() {
    let machine = Appliance::new();
    machine.trust(true);
    let session = {
        let (commands, store) = machine.start("one").await;
        let session = go_live(&commands).await;
        ago(&store, 600).await;
        session
    };
    let (_, store) = machine.start("two").await;
    assert_eq!(spec(&store).live.clone().unwrap().session, session);
    assert!((600..630).contains(&since_s(&store)), "{}", since_s(&store));
    let (_, store) = machine.start("two").await;
    assert!((600..630).contains(&since_s(&store)), "a restart of ours alone changes nothing");
}

#[tokio::test]
async fn without_a_clock_it_goes_on_from_where_it_was_seen_until_the_time_is_learnt() {
    let machine = Appliance::new();
    machine.trust(true);
    {
        let (commands, store) = machine.start("one").await;
        let session = go_live(&commands).await;
        ago(&store, 600).await;
        // It was last seen at 500 s.
        let mut log: AsRun = serde_json::from_value(json!({"figures": {"since_ms": 500_000}})).unwrap();
        log.look(&Look { now: Clock::new().unwrap().now().running, spec: &spec(&store), status: None, faults: &[] });
        commands.keep_as_run(session, log).await.unwrap();
    }
    machine.trust(false);
    let (commands, store) = machine.start("two").await;
    assert!((500..530).contains(&since_s(&store)), "{}", since_s(&store));
    assert!(store.wanted().borrow().channels[0].awaits_clock);
    commands.learn_clock().await.unwrap();
    assert!((500..530).contains(&since_s(&store)), "nothing is learnt yet");
    machine.trust(true);
    commands.learn_clock().await.unwrap();
    assert!((600..630).contains(&since_s(&store)), "{}", since_s(&store));
    assert!(!store.wanted().borrow().channels[0].awaits_clock);
}

#[tokio::test]
async fn the_time_of_day_reaches_only_who_follows_it() {
    let machine = Appliance::new();
    machine.trust(true);
    let (commands, store) = machine.start("one").await;
    let body = |start| TimelineBody {
        name: "Day".into(),
        description: String::new(),
        duration_ms: 60_000,
        repeat: false,
        start,
        tracks: serde_json::from_value(json!([{"type": "video", "name": "V", "cues": []}])).unwrap(),
    };
    let plain = commands.create_timeline(main_channel(), body(Start::GoLive), "ann".into()).await.unwrap();
    let daily = body(Start::Daily { at_ms: 64_800_000 });
    let daily = commands.create_timeline(main_channel(), daily, "ann".into()).await.unwrap();
    assert_eq!(daily.start, Start::Daily { at_ms: 64_800_000 });
    let wrong = commands.create_timeline(main_channel(), body(Start::Daily { at_ms: 86_400_000 }), "ann".into()).await;
    assert_eq!(wrong.unwrap_err().wrongs[0].place, "start.at_ms");

    commands.load_timeline(main_channel(), daily.id.clone()).await.unwrap();
    assert_eq!(spec(&store).wall, None, "nobody has learnt it");
    let before = spec(&store).generation;
    let berlin = Zone::try_from(zoneinfo::BERLIN.to_owned()).unwrap();
    zoneinfo::write(&machine.folder.path().join("machine"));
    std::os::unix::fs::symlink(
        "../usr/share/zoneinfo/Europe/Berlin",
        machine.folder.path().join("machine/etc/localtime"),
    )
    .unwrap();
    for _ in 0..2 {
        commands.learn_clock().await.unwrap();
    }
    let wall = spec(&store).wall.clone().expect("the time of day");
    assert_eq!((wall.zone, spec(&store).generation), (berlin, before + 1), "learnt once");
    commands.load_timeline(main_channel(), plain.id).await.unwrap();
    assert_eq!(spec(&store).wall, None);
    commands.load_timeline(main_channel(), daily.id).await.unwrap();
    drop((commands, store));

    let (_, store) = machine.start("one").await;
    assert_eq!(spec(&store).wall.as_ref().map(|known| known.running), Some(wall.running), "it holds in its boot");
    drop(store);
    let (_, store) = machine.start("two").await;
    assert_eq!(spec(&store).wall, None, "and in no other");
}

#[tokio::test]
async fn alerts_outlive_a_restart_and_stay_few() {
    let machine = Appliance::new();
    let (commands, _store) = machine.start("one").await;
    let alert = |n: i64| control::doc::Alert {
        at_ms: n,
        code: Code::SourceLost,
        text: format!("Camera {n} failed."),
        remedy: Fault::new(Code::SourceLost, "").remedy,
        subject: "main/source/camera".into(),
        over: n % 2 == 1,
    };
    let many: Vec<_> = (0..200).rev().map(alert).collect();
    commands.keep_alerts(&Alerts::restored(many.clone(), "")).await.unwrap();
    commands.keep_alerts(&Alerts::restored(many.clone(), "")).await.unwrap();
    drop(commands);
    let (commands, _store) = machine.start("two").await;
    assert_eq!(commands.alerts().await.unwrap().newest(), many[..50]);
}
