//! Cameras that are moved by hand: never while an audience sees it, in whichever channel, unless a person says so.

mod support;

use automation::id::SourceId;
use serde_json::{Value, json};
use support::peer::{Manner, Peer};
use support::{House, until};

/// A camera whose head is at an address where nobody is: a movement that is let through comes back as unreachable.
async fn camera(house: &House, channel: &str, name: &str, address: &str) {
    let ptz = json!({"protocol": "visca", "address": address, "transport": "tcp"});
    let body = json!({"name": name, "kind": "camera", "url": "rtsp://192.0.2.7/live", "ptz": ptz});
    house.client.post(&format!("/channels/{channel}/sources"), body).await.ok();
}

fn nobody() -> String {
    let there = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    there.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn a_camera_is_not_moved_while_an_audience_sees_it_in_whichever_channel() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    client.post("/channels", json!({"id": "second", "name": "Second"})).await.ok();
    let (shared, own) = (nobody(), nobody());
    camera(&house, "main", "A", &shared).await;
    camera(&house, "main", "B", &own).await;
    camera(&house, "second", "A too", &shared).await;
    client.patch("/channels/main", json!({"failover": {"primary": "a"}})).await.ok();
    let worker = Peer::channel(&house.run(), "main", Manner::default());
    let code = async |channel: &str, source: &str, body: Value| {
        let path = format!("/channels/{channel}/sources/{source}/move");
        client.post(&path, body).await.code()
    };
    let pan = || json!({"move": "step", "pan": 1.0});
    assert_eq!(code("main", "a", pan()).await, "camera_unreachable", "nobody watches yet");

    client.post("/channels/main/go-live", json!({"countdown_s": 0})).await.ok();
    until("the camera on air", async || (code("main", "a", pan()).await == "camera_on_air").then_some(())).await;
    assert_eq!(code("second", "a-too", pan()).await, "camera_on_air", "it is the same head");
    assert_eq!(code("main", "b", pan()).await, "camera_unreachable", "another one");
    let said = json!({"move": "step", "pan": 1.0, "on_air": true});
    assert_eq!(code("main", "a", said).await, "camera_unreachable", "a person says so");
    assert_eq!(code("main", "a", json!({"move": "stop"})).await, "camera_unreachable", "a stop is always right");

    let leaving = SourceId::new("b").unwrap();
    worker.change(|manner| manner.leaving = Some(leaving));
    client.patch("/channels/main", json!({"name": "Hall"})).await.ok();
    until("the one that fades out", async || (code("main", "b", pan()).await == "camera_on_air").then_some(())).await;
}
