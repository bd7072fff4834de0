//! Kinds of source over the API: what the server adds, what it keeps to itself, what it refuses.

mod support;

use automation::spec::SourceKind;
use serde_json::{Value, json};
use support::House;

const SOURCES: &str = "/channels/main/sources";

/// The kind of the source number `index` of the first channel, as its worker gets it.
fn kind(house: &House, index: usize) -> SourceKind {
    house.store.wanted().borrow().channels[0].spec.sources[index].kind.clone()
}

/// Posts what must be refused, and compares the place that is told.
async fn refused(house: &House, rows: &[(Value, &str)]) {
    for (body, place) in rows {
        let answer = house.client.post(SOURCES, body.clone()).await;
        assert_eq!((answer.status, answer.places()), (422, vec![(*place).to_owned()]), "{body}");
    }
}

#[tokio::test]
async fn an_srt_listener_gets_a_port_and_keeps_its_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let first =
        json!({"name": "Van", "kind": "srt", "mode": "listener", "passphrase": "hush-hush-hush", "stream_id": "van-7"});
    let first = client.post(SOURCES, first).await.ok();
    assert_eq!((first["port"].as_u64(), first["address"].as_str()), (Some(9710), Some("srt://127.0.0.1:9710")));
    assert_eq!((first["has_passphrase"].as_bool(), first["latency_ms"].as_u64()), (Some(true), Some(300)));
    assert_eq!(first["stream_id"], "van-7");
    let second = client.post(SOURCES, json!({"name": "Van 2", "kind": "srt", "mode": "listener"})).await.ok();
    assert_eq!(second["port"], 9711, "the first one's is taken");

    let passphrase = |house: &House| match kind(house, 0) {
        SourceKind::Srt { passphrase, stream_id, .. } => {
            (passphrase.expose().to_owned(), stream_id.expose().to_owned())
        }
        other => panic!("{other:?}"),
    };
    let mut changed = first.clone();
    changed["latency_ms"] = json!(800);
    changed.as_object_mut().unwrap().remove("port");
    let changed = client.put(&format!("{SOURCES}/van"), changed).await.ok();
    assert_eq!((changed["port"].as_u64(), changed["latency_ms"].as_u64()), (Some(9710), Some(800)));
    assert_eq!(passphrase(&house), ("hush-hush-hush".into(), "van-7".into()));
    let state = client.get("/state").await.bytes;
    assert!(!String::from_utf8_lossy(&state).contains("hush-hush"));
    let mut open = first.clone();
    open["passphrase"] = json!("");
    assert_eq!(client.put(&format!("{SOURCES}/van"), open).await.ok()["has_passphrase"], false);

    let caller = json!({"name": "Cloud", "kind": "srt", "mode": "caller", "host": " relay.example.org ", "port": 9710});
    let caller = client.post(SOURCES, caller).await.ok();
    assert_eq!((caller["host"].as_str(), caller["address"].as_str()), (Some("relay.example.org"), None));
    refused(
        &house,
        &[
            (json!({"name": "x", "kind": "srt", "mode": "caller", "host": "h"}), "port"),
            (json!({"name": "x", "kind": "srt", "mode": "caller", "port": 9000}), "host"),
            (json!({"name": "x", "kind": "srt", "mode": "listener", "port": 9710}), "port"),
            (json!({"name": "x", "kind": "srt", "mode": "listener", "passphrase": "short"}), "passphrase"),
            (json!({"name": "x", "kind": "srt", "mode": "listener", "latency_ms": 5}), "latency_ms"),
            (json!({"name": "x", "kind": "udp", "port": 9711}), "port"),
        ],
    )
    .await;
    assert_eq!(client.get(SOURCES).await.ok().as_array().unwrap().len(), 3, "nothing was stored");
}

#[tokio::test]
async fn a_fetched_stream_keeps_what_follows_the_question_mark_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let tv = json!({"name": "TV", "kind": "pull", "url": " http://tv:8409/live.m3u8?token=hush-hush ", "user": "ann",
                    "password": "PULL-PASSWORD"});
    let tv = client.post(SOURCES, tv).await.ok();
    assert_eq!((tv["url"].as_str(), tv["has_query"].as_bool()), (Some("http://tv:8409/live.m3u8"), Some(true)));
    assert_eq!((tv["has_password"].as_bool(), tv["latency_ms"].as_u64()), (Some(true), Some(1000)));
    let secrets = |house: &House| match kind(house, 0) {
        SourceKind::Pull { query, password, .. } => (query.expose().to_owned(), password.expose().to_owned()),
        other => panic!("{other:?}"),
    };
    // Sent back as it was shown: nothing is lost.
    client.put(&format!("{SOURCES}/tv"), tv.clone()).await.ok();
    assert_eq!(secrets(&house), ("token=hush-hush".into(), "PULL-PASSWORD".into()));
    let state = client.get("/state").await.bytes;
    assert!(!String::from_utf8_lossy(&state).contains("hush-hush"));
    let mut other = tv.clone();
    other["url"] = json!("http://tv:8409/other.m3u8");
    assert_eq!(client.put(&format!("{SOURCES}/tv"), other).await.ok()["has_query"], false);
    refused(
        &house,
        &[
            (json!({"name": "x", "kind": "pull", "url": "rtmp://tv/live"}), "url"),
            (json!({"name": "x", "kind": "pull", "url": "http://ann:secret@tv/"}), "url"),
            (json!({"name": "x", "kind": "pull", "url": "http://tv/?a b"}), "url"),
            (json!({"name": "x", "kind": "pull", "url": "http://tv/", "latency_ms": 5001}), "latency_ms"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_port_belongs_to_one_source_of_the_whole_box() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    client.post("/channels", json!({"name": "Prayer Hall"})).await.ok();
    let other = "/channels/prayer-hall/sources";
    let first = client.post(other, json!({"name": "Gate", "kind": "udp"})).await.ok();
    assert_eq!((first["port"].as_u64(), first["address"].as_str()), (Some(5004), Some("udp://127.0.0.1:5004")));
    let answer = client.post(SOURCES, json!({"name": "x", "kind": "udp", "port": 5004})).await;
    assert_eq!((answer.status, answer.places()), (422, vec!["port".to_owned()]));
    let text = String::from_utf8_lossy(&answer.bytes).into_owned();
    assert!(text.contains("Gate") && text.contains("Prayer Hall"), "{text}");
    assert_eq!(client.post(SOURCES, json!({"name": "Yard", "kind": "udp"})).await.ok()["port"], 5006);
    // A group may be heard by both channels.
    let group = json!({"name": "Group", "kind": "udp", "port": 5010, "group": "239.1.1.1"});
    assert_eq!(client.post(other, group.clone()).await.ok()["address"], "udp://239.1.1.1:5010");
    assert_eq!(client.post(SOURCES, group).await.status, 201);
    refused(&house, &[(json!({"name": "x", "kind": "udp", "port": 5010}), "port")]).await;
}

#[tokio::test]
async fn a_mixing_desk_is_heard_and_never_taken() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let desk = json!({"name": "Desk", "kind": "capture", "sound": "1d6b:0104:4711@dummy_hcd.0:1#0"});
    let desk = client.post(SOURCES, desk).await.ok();
    assert_eq!((desk["sound_only"].as_bool(), desk["video"].as_str()), (Some(true), Some("")));
    let stage = json!({"name": "Stage", "kind": "udp", "port": 5010, "sound_only": true});
    let stage = client.post(SOURCES, stage).await.ok();
    assert_eq!(stage["sound_only"], true);
    for verb in ["take", "pin"] {
        for id in ["desk", "stage"] {
            let refused = client.post(&format!("/channels/main/{verb}"), json!({"source": id})).await;
            assert_eq!(refused.status, 422, "{verb} {id}");
            assert!(refused.json().to_string().contains("has sound only and no picture"), "{verb} {id}: {refused:?}");
        }
    }
    // A document sent back without it keeps it; and what is on air by plan cannot become sound alone.
    let kept = client.put(&format!("{SOURCES}/stage"), json!({"name": "Stage", "kind": "udp"})).await.ok();
    assert_eq!((kept["sound_only"].as_bool(), kept["port"].as_u64()), (Some(true), Some(5010)));
    client.patch("/channels/main", json!({"sound": {"source": "desk"}})).await.ok();
    let grabber = json!({"name": "Grabber", "kind": "capture", "video": "534d:2109:@0000:00:14.0:1.2#0"});
    let grabber = client.post(SOURCES, grabber).await.ok();
    assert_eq!((grabber["sound_only"].as_bool(), grabber["sound"].as_str()), (Some(false), Some("auto")));
    client.patch("/channels/main", json!({"failover": {"primary": "grabber"}})).await.ok();
    refused(
        &house,
        &[
            (json!({"name": "x", "kind": "capture"}), "sound"),
            (json!({"name": "x", "kind": "capture", "video": "534d:2109:@0000:00:14.0:1.2#0"}), "video"),
            (json!({"name": "x", "kind": "slate", "title": "x", "sound_only": true}), "sound_only"),
            (json!({"name": "x", "kind": "udp", "sound_only": true, "backup": "grabber"}), "backup"),
        ],
    )
    .await;
}
