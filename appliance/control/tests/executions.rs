//! The log of broadcasts: what it counts, how it judges, and that it lasts.

mod support;

use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::id::ChannelId;
use control::clock::Clock;
use control::store::{channels, executions};
use serde_json::{Value, json};
use support::client::{Ask, Client};
use support::peer::{Manner, Peer};
use support::{House, until};

async fn go_live(client: &Client) -> String {
    let live = client.post("/channels/main/go-live", json!({"countdown_s": 0})).await.ok();
    live["session"].as_str().unwrap().to_owned()
}

async fn end(client: &Client) {
    assert_eq!(client.send(Ask::new("POST", "/channels/main/end")).await.status, 204);
}

async fn newest(client: &Client) -> Value {
    client.get("/channels/main/executions?limit=1").await.ok()[0].clone()
}

/// As if the broadcast had gone live a minute ago.
async fn a_minute_ago(house: &House) {
    let now = Clock::new().unwrap().now().running;
    let work = move |tx: &rusqlite::Transaction<'_>, _: &_| {
        let mut channel = channels::get(tx, &ChannelId::new("main").unwrap())?;
        channel.live.as_mut().unwrap().at = Running(now.0 - 60_000_000_000);
        channels::update(tx, &channel, 0)
    };
    house.store.change(work).await.unwrap();
}

#[tokio::test]
async fn a_program_that_never_began_ends_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    go_live(client).await;
    assert_eq!(
        (&newest(client).await["status"], &newest(client).await["completed_at_ms"]),
        (&json!("running"), &Value::Null)
    );
    a_minute_ago(&house).await;
    end(client).await;
    let execution = newest(client).await;
    assert_eq!(execution["status"], "error");
    assert_eq!(execution["error_message"], "The program never began.");
    assert!(execution["completed_at_ms"].is_i64());
    assert_eq!((&execution["metrics"]["ticks"], &execution["metrics"]["workers"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn what_a_broadcast_carried_lasts_and_is_judged_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let platform = json!({"name": "YouTube", "url": "rtmp://a.example.org/live2", "key": "k"});
    let camera = json!({"name": "Camera 2", "kind": "camera", "url": "rtsp://10.0.0.5/"});
    let session = {
        let house = House::claimed(folder.path()).await;
        let client = &house.client;
        client.post("/channels/main/destinations", platform).await.ok();
        client.post("/channels/main/sources", camera).await.ok();
        let worker = Peer::channel(&house.run(), "main", Manner::default());
        let session = go_live(client).await;
        until("figures of what runs", async || (newest(client).await["metrics"]["workers"] == 1).then_some(())).await;
        worker.change(|manner| manner.source_fault = Some(Fault::new(Code::SourceLost, "camera-2")));
        until("the trouble", async || (newest(client).await["metrics"]["faults"] == 1).then_some(())).await;
        let id = automation::id::SessionId::new(session.clone()).unwrap();
        until("the stored log", async || {
            let id = id.clone();
            let kept = house.store.read(move |connection, _| executions::kept(connection, &id)).await.unwrap();
            kept.filter(|log| log.figures().faults == 1)
        })
        .await;
        house.close();
        session
    };
    // Another control goes on with the log of the first.
    let house = House::open(folder.path()).await;
    let worker = Peer::channel(&house.run(), "main", Manner::default());
    until("the worker", async || (!worker.seen().specs.is_empty()).then_some(())).await;
    house.sign_in().await;
    a_minute_ago(&house).await;
    end(&house.client).await;
    let execution = newest(&house.client).await;
    let metrics = &execution["metrics"];
    assert_eq!(
        (execution["session"].as_str(), execution["status"].as_str()),
        (Some(session.as_str()), Some("stopped"))
    );
    assert_eq!((&metrics["faults"], &metrics["workers"], &metrics["ticks"]), (&json!(1), &json!(1), &json!(37)));
    let trouble = json!({"code": "source_lost", "subject": "camera-2", "count": 1,
                         "text": "Camera 2: The source stopped sending pictures."});
    assert_eq!(metrics["troubles"], json!([trouble]));
    let destination = json!({"id": "youtube", "name": "YouTube", "sessions": 1, "renewals": 0, "bytes_acked": 1_000_000, "dropped": 0,
                             "fault": null});
    assert_eq!(metrics["destinations"], json!([destination]), "counted once, by two controls");
}

#[tokio::test]
async fn broadcasts_are_told_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.insert(0, go_live(client).await);
        end(client).await;
    }
    let page = async |query: &str| -> Vec<String> {
        let list = client.get(&format!("/channels/main/executions{query}")).await.ok();
        list.as_array().unwrap().iter().map(|one| one["session"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(page("").await, sessions);
    assert_eq!(page("?limit=2").await, sessions[..2]);
    assert_eq!(page(&format!("?limit=2&before={}", sessions[1])).await, sessions[2..4]);
    assert_eq!(page(&format!("?limit=2&before={}", sessions[3])).await, sessions[4..]);
    assert!(page(&format!("?before={}", sessions[4])).await.is_empty());
    for (query, place) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("before=NONE", "before"),
        ("before=none", "before"),
    ] {
        let answer = client.get(&format!("/channels/main/executions?{query}")).await;
        assert_eq!((answer.status, answer.places()), (400, vec![place.to_owned()]), "{query}");
    }
}

#[tokio::test]
async fn a_deleted_timeline_leaves_its_name_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    house.with_sources().await;
    let cue = json!({"id": "a", "at_ms": 0, "duration_ms": 5000, "action": {"type": "show_camera", "source": "bars"}});
    let body =
        json!({"name": "Evening", "duration_ms": 5000, "tracks": [{"type": "video", "name": "Main", "cues": [cue]}]});
    client.post("/channels/main/timelines", body).await.ok();
    client.send(Ask::new("POST", "/channels/main/timelines/evening/load")).await.ok();
    go_live(client).await;
    end(client).await;
    client.patch("/channels/main", json!({"timeline": null})).await.ok();
    assert_eq!(newest(client).await["timeline"], "evening");
    assert_eq!(client.delete("/channels/main/timelines/evening").await.status, 204);
    let execution = newest(client).await;
    assert_eq!((&execution["timeline"], &execution["timeline_name"]), (&Value::Null, &json!("Evening")));
}
