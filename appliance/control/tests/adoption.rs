//! The reconciler against workers' sockets: it starts what is missing, adopts what runs, sends what is wanted, and
//! ends what is not. The peers speak the real wire; who would start processes only writes it down.

mod support;

use automation::fault::{Code, Fault};
use serde_json::json;
use support::client::{Ask, Events};
use support::peer::{Manner, Peer};
use support::{House, until};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The generation that is wanted of the first channel.
fn wanted(house: &House) -> u64 {
    house.store.wanted().borrow().channels[0].spec.generation
}

/// Waits until a peer has got the wanted generation.
async fn synced(house: &House, peer: &Peer) {
    until("the wanted spec", async || {
        (peer.seen().specs.last().map(|spec| spec.generation) == Some(wanted(house))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_is_started() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    until("both starts", async || {
        let asked = house.hands.asked();
        (asked.contains(&"start ingest".into()) && asked.contains(&"start channel-main".into())).then_some(())
    })
    .await;
    let mut events = Events::open(&house.client).await;
    let board = events.wait("a worker on its way", |board| board["channels"][0]["worker"] == "starting").await;
    assert!(board["channels"][0]["status"].is_null());
    let worker = Peer::channel(&house.run(), "main", Manner::default());
    events.wait("the worker", |board| board["channels"][0]["worker"] == "running").await;
    synced(&house, &worker).await;
    let before = house.hands.asked().len();
    house.client.post("/channels/main/sources", json!({"name": "OBS", "kind": "rtmp"})).await.ok();
    synced(&house, &worker).await;
    assert_eq!(worker.seen().specs.last().unwrap().sources.len(), 1);
    assert_eq!(house.hands.asked().iter().skip(before).filter(|asked| asked.ends_with("main")).count(), 0);
}

#[tokio::test]
async fn a_new_control_adopts_what_runs() {
    let folder = folder();
    let run = folder.path().join("run");
    std::fs::create_dir_all(&run).unwrap();
    let (session, generation) = {
        let house = House::claimed(folder.path()).await;
        let worker = Peer::channel(&run, "main", Manner::default());
        synced(&house, &worker).await;
        let live = house.client.post("/channels/main/go-live", json!({"countdown_s": 0})).await.ok();
        synced(&house, &worker).await;
        house.close();
        (live["session"].clone(), wanted(&house))
    };
    // The worker goes on with what it has; the next control finds it at its socket.
    let worker = Peer::channel(&run, "main", Manner { generation, ..Manner::default() });
    let house = House::open(folder.path()).await;
    until("its hello", async || (worker.seen().hellos > 0).then_some(())).await;
    assert_eq!(wanted(&house), generation, "a restart changes nothing that is wanted");
    let channel = house.store.wanted().borrow().channels[0].clone();
    assert_eq!(json!(channel.doc.live.unwrap().session), session, "the same broadcast");
    let first = channel.spec.live.clone().unwrap().at;
    let house_board = house.reconciler.board();
    until("the adopted worker", async || {
        let board = house_board.borrow().clone();
        (board.channels.first()?.worker == control::doc::WorkerState::Running).then_some(())
    })
    .await;
    assert!(!house.hands.asked().contains(&"start channel-main".to_owned()), "nothing is started beside it");
    assert!(worker.seen().specs.is_empty(), "it has the spec already");
    assert_eq!(house.store.wanted().borrow().channels[0].spec.live.as_ref().unwrap().at, first);
}

#[tokio::test]
async fn a_worker_with_a_newer_plan_is_overtaken() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let worker = Peer::channel(&house.run(), "main", Manner { generation: 4000, ..Manner::default() });
    until("a plan beyond the worker's", async || {
        worker.seen().specs.last().is_some_and(|spec| spec.generation == 4001).then_some(())
    })
    .await;
    assert_eq!(wanted(&house), 4001);
    let door = Peer::ingest(&house.run(), Manner { generation: 90, ..Manner::default() });
    until("the door's too", async || door.seen().ingest.last().is_some_and(|spec| spec.generation == 91).then_some(()))
        .await;
}

#[tokio::test]
async fn a_lost_worker_is_told_of_and_started_again() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let worker = Peer::channel(&house.run(), "main", Manner::default());
    synced(&house, &worker).await;
    let before = house.hands.asked().len();
    drop(worker);
    until("a new start", async || {
        house.hands.asked().iter().skip(before).any(|asked| asked == "start channel-main").then_some(())
    })
    .await;
    let mut events = Events::open(&house.client).await;
    let lost = |board: &serde_json::Value| board["channels"][0]["faults"][0]["code"] == "worker_lost";
    events.wait("the fault", lost).await;
    let worker = Peer::channel(&house.run(), "main", Manner::default());
    synced(&house, &worker).await;
    let board = events.wait("its end", |board| board["channels"][0]["faults"] == json!([])).await;
    assert_eq!(board["channels"][0]["worker"], "running");
    events.wait("the alert of its end", |board| board["alerts"][0]["over"] == true).await;
}

#[tokio::test]
async fn a_worker_that_begins_again_in_another_format_is_not_lost() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let worker = Peer::channel(&house.run(), "main", Manner::default());
    let mut events = Events::open(&house.client).await;
    events.wait("its status", |board| board["channels"][0]["status"].is_object()).await;
    worker.change(|manner| manner.silent = true);
    let small =
        json!({"width": 640, "height": 360, "rate": {"num": 30, "den": 1}, "video_kbps": 900, "audio_kbps": 128});
    house.client.patch("/channels/main", json!({"house": small})).await.ok();
    synced(&house, &worker).await;
    let before = house.hands.asked().len();
    drop(worker);
    let board = events.wait("it on its way", |board| board["channels"][0]["worker"] == "starting").await;
    assert_eq!((&board["channels"][0]["faults"], &board["alerts"]), (&json!([]), &json!([])));
    until("a new start", async || {
        house.hands.asked().iter().skip(before).any(|asked| asked == "start channel-main").then_some(())
    })
    .await;
    let generation = wanted(&house);
    let worker = Peer::channel(&house.run(), "main", Manner { generation, silent: true, ..Manner::default() });
    let board = events.wait("the worker", |board| board["channels"][0]["worker"] == "running").await;
    assert_eq!((&board["channels"][0]["faults"], &board["alerts"]), (&json!([]), &json!([])));
    // Where it dies of the new format, it is lost like any other.
    drop(worker);
    let board = events.wait("the alert", |board| board["alerts"][0].is_object()).await;
    assert_eq!(board["alerts"][0]["code"], "worker_lost");
}

#[tokio::test]
async fn a_refused_spec_is_told_and_not_sent_again() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let fault = Fault::new(Code::SpecInvalid, "sources[0]").with_text("The plan names a file that is gone.");
    let worker = Peer::channel(&house.run(), "main", Manner { refuses: Some(fault), ..Manner::default() });
    let mut events = Events::open(&house.client).await;
    let told = |board: &serde_json::Value| board["channels"][0]["faults"][0]["code"] == "spec_invalid";
    events.wait("the refusal", told).await;
    assert_eq!(worker.seen().specs.len(), 1);
    worker.change(|manner| manner.refuses = None);
    house.client.patch("/channels/main", json!({"name": "Hall"})).await.ok();
    synced(&house, &worker).await;
    events.wait("its end", |board| board["channels"][0]["faults"] == json!([])).await;
    assert_eq!(worker.seen().specs.len(), 2, "once each");
}

#[tokio::test]
async fn a_worker_of_another_version_is_replaced_when_no_broadcast_runs() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    house.client.post("/channels/main/go-live", json!({"countdown_s": 0})).await.ok();
    let old = Peer::channel(&house.run(), "main", Manner { version: 999, ..Manner::default() });
    let mut events = Events::open(&house.client).await;
    let told = |board: &serde_json::Value| board["channels"][0]["faults"][0]["code"] == "worker_version";
    events.wait("the fault", told).await;
    assert_eq!((old.seen().quits, old.seen().specs.len()), (0, 0), "it carries a broadcast");
    house.client.send(Ask::new("POST", "/channels/main/end")).await;
    until("its end", async || (old.seen().quits == 1).then_some(())).await;
    drop(old);
    let asked = || house.hands.asked().iter().filter(|asked| *asked == "start channel-main").count();
    let before = asked();
    until("a new one's start", async || (asked() > before).then_some(())).await;
    assert!(house.hands.asked().contains(&"stop channel-main".to_owned()));
}

#[tokio::test]
async fn a_deleted_channels_worker_ends_and_its_files_go() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    house.client.post("/channels", json!({"id": "second", "name": "Second"})).await.ok();
    let worker = Peer::channel(&house.run(), "second", Manner::default());
    let orphan = Peer::channel(&house.run(), "main", Manner::default());
    until("its spec", async || (!worker.seen().specs.is_empty()).then_some(())).await;
    std::fs::write(house.run().join("channel-second.spec.json"), "{}").unwrap();
    assert_eq!(house.client.delete("/channels/second").await.status, 204);
    until("its end", async || (worker.seen().quits > 0).then_some(())).await;
    drop(worker);
    until("the files' end", async || {
        let left = |ending: &str| house.run().join(format!("channel-second.{ending}")).exists();
        (!left("sock") && !left("spec.json")).then_some(())
    })
    .await;
    assert_eq!(orphan.seen().quits, 0, "another channel's worker is not touched");
}

#[tokio::test]
async fn a_worker_that_nobody_knows_is_ended() {
    let folder = folder();
    let run = folder.path().join("run");
    std::fs::create_dir_all(&run).unwrap();
    let stray = Peer::channel(&run, "stray", Manner::default());
    let house = House::open(folder.path()).await;
    until("its end", async || (stray.seen().quits > 0).then_some(())).await;
    assert!(stray.seen().specs.is_empty());
    drop(house);
}

#[tokio::test]
async fn a_failed_camera_is_told_with_what_is_shown_instead() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let camera = json!({"name": "Camera 2", "kind": "camera", "url": "rtsp://10.0.0.5/"});
    house.client.post("/channels/main/sources", camera).await.ok();
    let worker = Peer::channel(&house.run(), "main", Manner::default());
    synced(&house, &worker).await;
    worker.change(|manner| manner.source_fault = Some(Fault::new(Code::SourceUnreachable, "camera-2")));
    let mut events = Events::open(&house.client).await;
    let board = events.wait("the alert", |board| board["alerts"][0]["code"] == "source_unreachable").await;
    assert_eq!(board["alerts"][0]["text"], "Camera 2 failed. The camera does not answer.");
    assert_eq!(board["alerts"][0]["subject"], "main/source/camera-2");
    worker.change(|manner| manner.source_fault = None);
    let board = events.wait("its end", |board| board["alerts"][0]["over"] == true).await;
    assert_eq!(board["alerts"][0]["text"], "Camera 2 is back.");
}
