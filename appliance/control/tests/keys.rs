//! Secrets of different channels are different, and one opens nothing of another (LP-08, LP-37).

mod support;

use automation::spec::DestinationKind;
use control::store::{OpenError, Store};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use support::House;
use support::client::Ask;

/// Each publisher's token, by the name of its stream.
async fn tokens(house: &House) -> BTreeMap<String, String> {
    let channels = house.client.get("/channels").await.ok();
    let sources = channels.as_array().unwrap().iter().flat_map(|channel| channel["sources"].as_array().unwrap());
    let keys = sources.filter_map(|source| source["publish"]["key"].as_str());
    keys.map(|key| key.split_once("?token=").unwrap()).map(|(name, token)| (name.into(), token.into())).collect()
}

fn digests(house: &House) -> BTreeMap<String, String> {
    let ingest = house.store.wanted().borrow().ingest.clone();
    ingest.streams.into_iter().map(|stream| (stream.name, stream.token_sha256)).collect()
}

#[tokio::test]
async fn each_publisher_of_each_channel_has_a_key_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    for name in ["one", "two", "three", "four"] {
        client.post("/channels", json!({"name": name})).await.ok();
        for _ in 0..3 {
            client.post(&format!("/channels/{name}/sources"), json!({"name": "OBS", "kind": "rtmp"})).await.ok();
        }
    }
    let before = (tokens(&house).await, digests(&house));
    assert_eq!(before.0.len(), 12, "the names of the streams differ: {:?}", before.0.keys());
    let different: BTreeSet<&String> = before.0.values().chain(before.1.values()).collect();
    assert_eq!(different.len(), 24, "tokens and digests are all different");
    for token in before.0.values() {
        assert!(token.len() == 32 && token.bytes().all(|b| b.is_ascii_hexdigit()), "128 bits: {token}");
    }
    let specs = |house: &House| -> Vec<_> {
        let wanted = house.store.wanted().borrow().clone();
        wanted.channels.iter().map(|channel| channel.spec.clone()).collect()
    };
    let specs_before = specs(&house);

    client.send(Ask::new("POST", "/channels/two/sources/obs/rotate-token")).await.ok();
    let after = (tokens(&house).await, digests(&house));
    let changed = |before: &BTreeMap<String, String>, after: &BTreeMap<String, String>| -> Vec<String> {
        before.iter().filter(|(name, value)| after[*name] != **value).map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(changed(&before.0, &after.0), ["two_obs"]);
    assert_eq!(changed(&before.1, &after.1), ["two_obs"]);
    assert_eq!(specs(&house), specs_before, "no worker has to know");
}

#[tokio::test]
async fn a_sealed_key_of_one_channel_does_not_open_in_another() {
    let folder = tempfile::tempdir().unwrap();
    {
        let house = House::claimed(folder.path()).await;
        let client = &house.client;
        client.post("/channels", json!({"name": "aside"})).await.ok();
        for channel in ["main", "aside"] {
            let body = json!({"name": "P", "url": "rtmp://p.example.org/live", "key": "the-same-key"});
            client.post(&format!("/channels/{channel}/destinations"), body).await.ok();
        }
        house.close();
    }
    let state = folder.path().join("state");
    let keys = |store: &Store| -> Vec<String> {
        let wanted = store.wanted().borrow().clone();
        let key = |kind: &DestinationKind| match kind {
            DestinationKind::Rtmp { key, .. } => key.expose().to_owned(),
            other => panic!("{other:?}"),
        };
        wanted.channels.iter().map(|channel| key(&channel.spec.destinations[0].kind)).collect()
    };
    assert_eq!(keys(&Store::open(&state).unwrap()), ["the-same-key", "the-same-key"]);
    let database = std::fs::read_dir(&state).unwrap().flatten().map(|entry| entry.path());
    let database = database.into_iter().find(|path| path.extension().is_some_and(|end| end == "db")).unwrap();
    let connection = rusqlite::Connection::open(database).unwrap();
    let sealed = |channel: &str| -> Vec<u8> {
        let sql = "SELECT secret_sealed FROM destinations WHERE channel_id = ?1";
        connection.query_row(sql, [channel], |row| row.get(0)).unwrap()
    };
    assert_ne!(sealed("main"), sealed("aside"));
    let sql = "UPDATE destinations SET secret_sealed = ?1 WHERE channel_id = 'aside'";
    connection.execute(sql, [sealed("main")]).unwrap();
    drop(connection);
    let refused = Store::open(&state).err().expect("a key that was moved is none");
    assert!(matches!(refused, OpenError::Inconsistent { .. }), "{refused}");
}
