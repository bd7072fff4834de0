//! What platforms take, over the API: the strictest destination caps the format, a broadcast keeps what it began with,
//! a stricter destination cannot join it, and too little is told and sent.

mod support;

use automation::spec::ChannelSpec;
use serde_json::{Value, json};
use support::House;
use support::client::{Ask, Events};
use support::peer::{Manner, Peer};

const ALL: &str = "/channels/main/destinations";
const YOUTUBE: &str = "rtmps://a.rtmps.youtube.com/live2";
const TWITCH: &str = "rtmp://live.twitch.tv/app";
const FACEBOOK: &str = "rtmps://live-api-s.facebook.com:443/rtmp";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn destination(name: &str, url: &str, enabled: bool) -> Value {
    json!({"name": name, "url": url, "key": "k", "enabled": enabled})
}

fn format(height: u32, fps: u32, video_kbps: u32) -> Value {
    let width = height * 16 / 9;
    let rate = json!({"num": fps, "den": 1});
    json!({"house": {"width": width, "height": height, "rate": rate, "video_kbps": video_kbps, "audio_kbps": 160}})
}

/// What is sent, and who caps it: `6000 for Twitch of 8000`.
async fn output(house: &House) -> String {
    let doc = house.client.get("/channels/main").await.ok();
    let sent = doc["output"]["house"]["video_kbps"].to_string();
    assert_eq!(spec(house).house.video_kbps.to_string(), sent, "the worker is told the same");
    match &doc["output"]["lowered"] {
        Value::Null => sent,
        lowered => {
            assert_eq!(lowered["from_kbps"], doc["house"]["video_kbps"]);
            let by = lowered["by"].as_array().unwrap().iter().map(|party| party["name"].as_str().unwrap());
            format!("{sent} for {} of {}", by.collect::<Vec<_>>().join(" and "), lowered["from_kbps"])
        }
    }
}

fn spec(house: &House) -> ChannelSpec {
    house.store.wanted().borrow().channels[0].spec.clone()
}

async fn tell(house: &House, path: &str) -> support::client::Answer {
    house.client.send(Ask::new("POST", &format!("/channels/main/{path}"))).await
}

#[tokio::test]
async fn the_table_of_platforms() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let table = house.client.get("/platforms").await.ok();
    let row = |name: &str| table.as_array().unwrap().iter().find(|row| row["platform"] == name).unwrap().clone();
    assert_eq!(row("youtube")["url"], YOUTUBE);
    assert_eq!(row("twitch")["bands"][0]["kbps_max"], 6000);
    assert_eq!(
        row("facebook")["bands"][5],
        json!({"pixels_max": 2_073_600, "fps_max": 60, "kbps_min": 4500, "kbps_max": 9000})
    );
    assert_eq!((&row("custom")["url"], &row("custom")["bands"]), (&Value::Null, &json!([])));
    for (url, platform) in
        [(YOUTUBE, "youtube"), (TWITCH, "twitch"), (FACEBOOK, "facebook"), ("rtmp://own/live", "custom")]
    {
        assert_eq!(house.client.post(ALL, destination("One", url, false)).await.ok()["platform"], platform);
    }
}

#[tokio::test]
async fn the_strictest_destination_that_takes_part_caps_the_format() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    assert_eq!(output(&house).await, "4500");
    client.post(ALL, destination("YouTube", YOUTUBE, true)).await.ok();
    client.post(ALL, destination("Twitch", TWITCH, true)).await.ok();
    assert_eq!(output(&house).await, "4500");
    client.patch("/channels/main", format(1080, 60, 8000)).await.ok();
    assert_eq!(output(&house).await, "6000 for Twitch of 8000");
    tell(&house, "destinations/twitch/stop").await.ok();
    assert_eq!(output(&house).await, "8000");
    client.post(ALL, destination("Our page", FACEBOOK, true)).await.ok();
    client.patch("/channels/main", format(720, 30, 5000)).await.ok();
    assert_eq!(output(&house).await, "4000 for Our page of 5000");
}

#[tokio::test]
async fn a_stricter_destination_cannot_join_a_broadcast() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    client.patch("/channels/main", format(1080, 60, 8000)).await.ok();
    client.post(ALL, destination("YouTube", YOUTUBE, true)).await.ok();
    client.post("/channels/main/go-live", json!({"countdown_s": 0})).await.ok();
    let generation = spec(&house).generation;
    let refused = client.post(ALL, destination("Twitch", TWITCH, true)).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "platform_stricter"));
    let problem = refused.json();
    assert_eq!(problem["detail"], "Twitch takes at most 6000 kbps, and this broadcast is sent with 8000 kbps.");
    assert!(problem["remedy"].as_str().unwrap().starts_with("End the broadcast"), "{problem}");
    assert_eq!(client.get(ALL).await.ok().as_array().unwrap().len(), 1, "nothing was stored");

    client.post(ALL, destination("Twitch", TWITCH, false)).await.ok();
    let moved = destination("YouTube", TWITCH, true);
    for answer in [
        tell(&house, "destinations/twitch/start").await,
        client.put(&format!("{ALL}/twitch"), destination("Twitch", TWITCH, true)).await,
        client.put(&format!("{ALL}/youtube"), moved).await,
    ] {
        assert_eq!((answer.status, answer.code().as_str()), (409, "platform_stricter"));
    }
    assert_eq!(spec(&house).generation, generation + 1, "a refusal changes nothing");

    // What takes enough may come and go, and a server without a limit too.
    tell(&house, "destinations/youtube/stop").await.ok();
    tell(&house, "destinations/youtube/start").await.ok();
    client.post(ALL, destination("Facebook", FACEBOOK, true)).await.ok();
    client.post(ALL, destination("Own", "rtmp://own.example.org/live", true)).await.ok();
    assert_eq!(output(&house).await, "8000");

    tell(&house, "end").await;
    tell(&house, "destinations/twitch/start").await.ok();
    assert_eq!(output(&house).await, "6000 for Twitch of 8000");
}

#[tokio::test]
async fn a_broadcast_is_sent_as_it_began() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    client.patch("/channels/main", format(1080, 60, 8000)).await.ok();
    for (name, url) in [("YouTube", YOUTUBE), ("Twitch", TWITCH)] {
        client.post(ALL, destination(name, url, true)).await.ok();
    }
    client.post("/channels/main/go-live", json!({"countdown_s": 0})).await.ok();
    assert_eq!(output(&house).await, "6000 for Twitch of 8000");
    // One that takes part may be renamed, and go and come again.
    client.put(&format!("{ALL}/twitch"), destination("TV", TWITCH, true)).await.ok();
    tell(&house, "destinations/twitch/stop").await.ok();
    tell(&house, "destinations/twitch/start").await.ok();
    assert_eq!(client.delete(&format!("{ALL}/twitch")).await.status, 204);
    assert_eq!(output(&house).await, "6000 for Twitch of 8000");
    house.close();

    let house = House::open(folder.path()).await;
    assert_eq!(spec(&house).house.video_kbps, 6000, "control was restarted");
    house.commands.end(spec(&house).channel.clone()).await.unwrap();
    assert_eq!(spec(&house).house.video_kbps, 8000);
}

#[tokio::test]
async fn too_little_is_told_and_sent() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let _worker = Peer::channel(&house.run(), "main", Manner::default());
    client.patch("/channels/main", format(1080, 30, 2500)).await.ok();
    client.post(ALL, destination("Our page", FACEBOOK, true)).await.ok();
    let low = json!([{"destination": "our-page", "kbps_min": 3000}]);
    assert_eq!(client.get("/channels/main").await.ok()["too_low"], low);
    let mut events = Events::open(client).await;
    let told =
        |board: &Value| board["channels"][0]["faults"].as_array().unwrap().iter().any(|f| f["code"] == "bitrate_low");
    let board = events.wait("the fault", told).await;
    let faults = board["channels"][0]["faults"].as_array().unwrap();
    let fault = faults.iter().find(|fault| fault["code"] == "bitrate_low").unwrap();
    assert_eq!(fault["subject"], "our-page");
    assert_eq!(fault["text"], "Our page asks for at least 3000 kbps at this size, and 2500 kbps are sent.");
    let board = events.wait("its alert", |board| board["alerts"].to_string().contains("bitrate_low")).await;
    assert!(board["alerts"].to_string().contains("main/destination/our-page"), "{}", board["alerts"]);
    assert_eq!(
        client.post("/channels/main/go-live", json!({"countdown_s": 0})).await.status,
        202,
        "nothing is held up"
    );
    tell(&house, "destinations/our-page/stop").await.ok();
    events.wait("its end", |board| !told(board)).await;
}
