//! The button and the lamp, as far as a machine without lines goes: what is wished is kept, and what cannot be is refused. The
//! lines themselves are in tests/image, where the kernel plays them.

mod support;

use serde_json::{Value, json};
use support::House;

#[tokio::test]
async fn what_cannot_be_connected_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let long = "x".repeat(32);
    for (panel, place) in [
        (json!({"channel": "main"}), "button"),
        (json!({"channel": "main", "button": ""}), "button"),
        (json!({"channel": "main", "lamp": long}), "lamp"),
        (json!({"channel": "main", "button": "GPIO 17"}), "button"),
        (json!({"channel": "main", "button": "GPIO17", "lamp": "GPIO17"}), "lamp"),
        (json!({"channel": "elsewhere", "button": "GPIO17"}), "channel"),
    ] {
        let refused = house.client.put("/panel", panel.clone()).await;
        assert_eq!((refused.status, refused.places()), (400, vec![place.to_owned()]), "{panel}");
    }
    assert_eq!(house.client.get("/panel").await.ok()["panel"], Value::Null);
}

#[tokio::test]
async fn it_is_kept_until_it_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let wished = json!({"channel": "main", "button": "GPIO17", "button_high": true, "lamp": null, "lamp_low": false});
    let answer = house.client.put("/panel", json!({"channel": "main", "button": "GPIO17", "button_high": true})).await;
    assert_eq!(answer.ok()["panel"], wished);
    house.close();
    let house = House::open(folder.path()).await;
    house.sign_in().await;
    assert_eq!(house.client.get("/panel").await.ok()["panel"], wished);
    assert_eq!(house.client.delete("/panel").await.status, 204);
    assert_eq!(house.client.get("/panel").await.ok()["panel"], Value::Null);
}
