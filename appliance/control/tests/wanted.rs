//! What is wanted, over the API: channels, sources, destinations, timelines, files and the broadcast; everything that
//! is refused with its code, its place and nothing stored.

mod support;

use automation::spec::DestinationKind;
use serde_json::{Value, json};
use support::client::Ask;
use support::files;
use support::peer::{Manner, Peer};
use support::{House, until};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn timeline(cues: Value) -> Value {
    json!({"name": "Evening", "duration_ms": 60_000, "repeat": true,
           "tracks": [{"type": "video", "name": "Program", "cues": cues}]})
}

fn cue(id: &str, at_ms: i64, duration_ms: i64, source: &str) -> Value {
    json!({"id": id, "at_ms": at_ms, "duration_ms": duration_ms,
           "action": {"type": "show_camera", "source": source}})
}

/// A server's own file: its certificate, and its key behind it.
fn certificate_with_key() -> String {
    let made = rcgen::generate_simple_self_signed(vec!["venue.example.org".into()]).unwrap();
    made.cert.pem() + &made.signing_key.serialize_pem()
}

#[tokio::test]
async fn channels() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let main = client.get("/channels/main").await.ok();
    assert_eq!((main["name"].as_str(), main["sources"].as_array().unwrap().len()), (Some("Town Hall"), 0));
    let made = client.post("/channels", json!({"name": "Prayer Hall"})).await;
    assert_eq!((made.status, made.ok()["id"].as_str()), (201, Some("prayer-hall")));
    let taken = client.post("/channels", json!({"id": "main", "name": "x"})).await;
    assert_eq!((taken.status, taken.code().as_str()), (409, "conflict"));
    let unnamed = client.post("/channels", json!({"name": "  "})).await;
    assert_eq!((unnamed.status, unnamed.code().as_str()), (422, "spec_invalid"));
    assert_eq!(unnamed.places(), ["name"]);
    let house_format =
        json!({"width": 1279, "height": 720, "rate": {"num": 30, "den": 1}, "video_kbps": 2500, "audio_kbps": 128});
    let odd = client.patch("/channels/main", json!({"house": house_format})).await;
    assert_eq!((odd.status, odd.places()), (400, vec!["house".to_owned()]));
    let unknown = client.patch("/channels/main", json!({"failover": {"primary": "none"}})).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (422, "spec_invalid"));
    assert_eq!(unknown.places(), ["failover.primary"]);
    let messages = json!({"messages": {"slate": "Back soon", "backup": true}});
    assert_eq!(client.patch("/channels/main", messages).await.ok()["messages"]["slate"], "Back soon");
    assert_eq!(client.get("/channels").await.ok().as_array().unwrap().len(), 2);
    assert_eq!(client.delete("/channels/prayer-hall").await.status, 204);
    assert_eq!(client.delete("/channels/prayer-hall").await.status, 404);
}

#[tokio::test]
async fn a_head_stays_until_a_person_says_otherwise_and_goes_where_its_camera_goes() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let one = "/channels/main/sources/camera-1";
    let head = json!({"protocol": "onvif", "device": "http://10.0.0.5:8000/onvif/device_service", "profile": "P1",
                      "service": "http://10.0.0.5:8000/onvif/ptz", "settle_ms": 3000});
    let camera = json!({"name": "Camera 1", "kind": "camera", "url": "rtsp://10.0.0.5:554/h264", "ptz": head});
    let made = client.post("/channels/main/sources", camera).await;
    assert_eq!((made.status, made.json()["ptz"].clone()), (201, head.clone()));
    let bare = |host: &str| json!({"name": "Camera 1", "kind": "camera", "url": format!("rtsp://{host}:554/h264")});
    let kept = client.put(one, bare("10.0.0.5")).await.ok();
    assert_eq!(kept["ptz"], head);
    let elsewhere = client.put(one, bare("10.0.0.9")).await.ok();
    assert_eq!(elsewhere["ptz"]["service"], "http://10.0.0.9:8000/onvif/ptz");
    let mut sent_back = elsewhere.clone();
    sent_back["url"] = json!("rtsp://10.0.0.7:554/h264");
    let sent_back = client.put(one, sent_back).await.ok();
    assert_eq!(sent_back["ptz"]["device"], "http://10.0.0.7:8000/onvif/device_service");
    let visca = json!({"protocol": "visca", "address": "10.0.0.7:52381", "transport": "udp", "settle_ms": 500});
    let mut other = bare("10.0.0.7");
    other["ptz"] = visca.clone();
    assert_eq!(client.put(one, other).await.ok()["ptz"], visca);
    assert_eq!(client.put(one, bare("10.0.0.8")).await.ok()["ptz"], visca, "Visca has an address of its own");
    let show = json!({"name": "Show", "duration_ms": 10_000, "tracks": [{"type": "video", "name": "", "cues": [
        {"id": "a", "at_ms": 0, "duration_ms": 5000,
         "action": {"type": "show_camera", "source": "camera-1", "preset": {"token": "7"}}}]}]});
    let show = client.post("/channels/main/timelines", show).await.ok();
    let action = &show["tracks"][0]["cues"][0]["action"];
    assert_eq!(action["preset"], json!({"token": "7", "on_air": false}));
    let path = format!("/channels/main/timelines/{}/load", show["id"].as_str().unwrap());
    client.post(&path, json!({})).await.ok();
    let mut none = bare("10.0.0.7");
    none["ptz"] = Value::Null;
    let refused = client.put(one, none.clone()).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "spec_invalid"), "a cue needs it");
    client.put("/channels/main/sources/camera-1", bare("10.0.0.7")).await.ok();
    assert_eq!(client.get("/channels/main/sources/camera-1").await.ok()["ptz"], visca);
}

#[tokio::test]
async fn sources_keep_their_secrets() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let camera = json!({"name": "Camera 1", "kind": "camera", "url": "rtsp://10.0.0.5/h264", "user": "u", "password": "hush-hush"});
    let made = client.post("/channels/main/sources", camera).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert_eq!((made["id"].as_str(), made["has_password"].as_bool()), (Some("camera-1"), Some(true)));
    let spec = |house: &House| house.store.wanted().borrow().channels[0].spec.clone();
    let password = |house: &House| match &spec(house).sources[0].kind {
        automation::spec::SourceKind::Camera { password, .. } => password.expose().to_owned(),
        _ => panic!("it is a camera"),
    };
    assert_eq!(password(&house), "hush-hush");
    let mut changed = made.clone();
    changed["latency_ms"] = json!(500);
    let changed = client.put("/channels/main/sources/camera-1", changed).await.ok();
    assert_eq!((changed["latency_ms"].as_u64(), password(&house).as_str()), (Some(500), "hush-hush"));
    let mut removed = made.clone();
    removed["password"] = json!("");
    let removed = client.put("/channels/main/sources/camera-1", removed).await.ok();
    assert_eq!((removed["has_password"].as_bool(), password(&house).as_str()), (Some(false), ""));

    let obs = client.post("/channels/main/sources", json!({"name": "OBS", "kind": "rtmp"})).await.ok();
    let key = obs["publish"]["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("main_obs?token=") && key.len() == "main_obs?token=".len() + 32, "{key}");
    assert_eq!(obs["publish"]["server"], "rtmp://127.0.0.1:1935/live");
    let digest = |house: &House| house.store.wanted().borrow().ingest.clone();
    let before = digest(&house);
    assert_eq!((before.streams.len(), before.streams[0].name.as_str()), (1, "main_obs"));
    let rotated = client.send(Ask::new("POST", "/channels/main/sources/obs/rotate-token")).await.ok();
    assert_ne!(rotated["publish"]["key"], key.as_str());
    let after = digest(&house);
    assert!(after.generation > before.generation && after.streams[0].token_sha256 != before.streams[0].token_sha256);
    let none = client.send(Ask::new("POST", "/channels/main/sources/camera-1/rotate-token")).await;
    assert_eq!((none.status, none.code().as_str()), (409, "conflict"));
    let second = client.post("/channels/main/sources", json!({"name": "OBS", "kind": "rtmp"})).await.ok();
    assert_eq!((second["id"].as_str(), second["stream"].as_str()), (Some("obs-2"), Some("main_obs2")));

    for (body, place) in [
        (json!({"name": "x", "kind": "camera", "url": "http://10.0.0.5/"}), "url"),
        (json!({"name": "x", "kind": "camera", "url": "rtsp://u:p@10.0.0.5/"}), "url"),
        (json!({"name": "x", "kind": "camera", "url": "rtsp://h/", "latency_ms": 6000}), "latency_ms"),
        (json!({"name": "", "kind": "rtmp"}), "name"),
        (json!({"name": "x", "kind": "rtmp", "backup": "none"}), "backup"),
        (json!({"name": "x", "kind": "media", "asset": "none"}), "asset"),
        (json!({"name": "x", "kind": "slate", "title": "x".repeat(300)}), "title"),
    ] {
        let answer = client.post("/channels/main/sources", body.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "spec_invalid"), "{body}");
        assert_eq!(answer.places(), [place], "{body}");
    }
    let other_kind = json!({"name": "x", "kind": "slate", "title": "x"});
    assert_eq!(client.put("/channels/main/sources/obs", other_kind).await.places(), ["kind"]);
    assert_eq!(client.get("/channels/main/sources").await.ok().as_array().unwrap().len(), 3, "nothing was stored");

    let playout = json!({"name": "Playout", "kind": "rtmp", "role": "loop"});
    let looped = client.post("/channels/main/sources", playout.clone()).await.ok();
    assert_eq!((looped["stream"].as_str(), looped["role"].as_str()), (Some("main_loop"), Some("loop")));
    assert_eq!(client.get("/channels/main/sources/obs").await.ok()["role"], "live");
    let again = client.post("/channels/main/sources", playout).await.ok();
    assert_eq!(again["stream"], "main_loop2");
    let tokens: std::collections::BTreeSet<_> =
        digest(&house).streams.into_iter().map(|stream| stream.token_sha256).collect();
    assert_eq!(tokens.len(), 4, "each has a token of its own");
    let other_role = json!({"name": "Playout", "kind": "rtmp", "role": "live"});
    assert_eq!(client.put("/channels/main/sources/playout", other_role).await.places(), ["role"]);
    let same = client.put("/channels/main/sources/playout", json!({"name": "Mill", "kind": "rtmp"})).await.ok();
    assert_eq!((same["role"].as_str(), same["publish"] == looped["publish"]), (Some("loop"), true));
    for (failover, place) in [(json!({"live_input": "playout"}), "live_input"), (json!({"loop": "obs"}), "loop")] {
        let answer = client.patch("/channels/main", json!({"failover": failover})).await;
        assert_eq!((answer.status, answer.places()), (422, vec![format!("failover.{place}")]));
    }
    client.patch("/channels/main", json!({"failover": {"live_input": "obs", "loop": "playout"}})).await.ok();

    let everything = client.get("/state").await.bytes;
    let text = String::from_utf8_lossy(&everything);
    assert!(!text.contains("hush-hush"));
}

#[tokio::test]
async fn sources_in_use_stay() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    house.with_sources().await;
    let made = client.post("/channels/main/timelines", timeline(json!([cue("a", 0, 5000, "card")]))).await;
    assert_eq!(made.status, 201);
    client.patch("/channels/main", json!({"failover": {"primary": "card"}})).await.ok();
    let body = json!({"name": "Bars", "kind": "test_pattern", "pattern": "bars", "backup": "card"});
    client.put("/channels/main/sources/bars", body).await.ok();
    let answer = client.delete("/channels/main/sources/card").await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "in_use"));
    assert_eq!(answer.places(), ["failover.primary", "backup of \"Bars\"", "timeline \"Evening\" (1 cues)"]);
    assert_eq!(client.delete("/channels/main/sources/bars").await.status, 204);
}

#[tokio::test]
async fn one_source_is_chosen_to_be_heard() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    house.with_sources().await;
    let sound = async || client.get("/channels/main").await.ok()["sound"].clone();
    assert_eq!(sound().await, Value::Null);
    let answer = client.patch("/channels/main", json!({"sound": {"source": "bars"}, "name": "New"})).await;
    assert_eq!((answer.status, answer.places()), (422, vec!["sound.source".into()]), "bars are no live source");
    assert_eq!(sound().await, Value::Null, "nothing is stored");
    let camera = json!({"name": "Desk", "kind": "camera", "url": "rtsp://camera/1"});
    client.post("/channels/main/sources", camera).await;
    let chosen = json!({"source": "desk", "delay_ms": 120});
    client.patch("/channels/main", json!({"sound": chosen})).await.ok();
    client.patch("/channels/main", json!({"name": "New"})).await.ok();
    assert_eq!(sound().await, chosen, "what is absent stays");
    let spec = house.store.wanted().borrow().channels[0].spec.clone();
    assert_eq!(spec.sound.as_ref().map(|sound| (sound.source.as_str(), sound.delay_ms)), Some(("desk", 120)));
    let answer = client.delete("/channels/main/sources/desk").await;
    assert_eq!((answer.status, answer.places()), (409, vec!["sound.source".into()]));
    client.patch("/channels/main", json!({"sound": null})).await.ok();
    assert_eq!(client.delete("/channels/main/sources/desk").await.status, 204);
}

#[tokio::test]
async fn by_hand_and_back() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    house.with_sources().await;
    client.patch("/channels/main", json!({"failover": {"primary": "bars"}})).await.ok();
    let press = async |what: &str| client.send(Ask::new("POST", &format!("/channels/main/{what}"))).await;
    let manual = async || client.get("/channels/main").await.ok()["manual"].clone();
    let generation = || house.store.wanted().borrow().channels[0].spec.generation;
    let on_air = async |source: Value| {
        until("the worker's status", async || {
            let board = client.get("/state").await.ok();
            (board["channels"][0]["status"]["on_air"]["source"] == source).then_some(())
        })
        .await;
    };
    let nobody = press("pin").await;
    assert_eq!((nobody.status, nobody.code().as_str()), (409, "conflict"), "nobody knows what is on air");
    let _worker = Peer::channel(&house.run(), "main", Manner::default());
    on_air(json!("bars")).await;
    assert_eq!(press("pin").await.status, 204);
    assert_eq!(manual().await, json!({"source": "bars", "hold": "pin"}), "what is on air");
    let answer = client.delete("/channels/main/sources/bars").await;
    assert_eq!((answer.status, answer.places()), (409, vec!["failover.primary".into(), "what is held by hand".into()]));

    assert_eq!(press("slate").await.status, 204);
    assert_eq!(manual().await, json!({"source": null, "hold": "pin"}));
    let before = generation();
    assert_eq!(press("slate").await.status, 204);
    assert_eq!(generation(), before, "pressed twice, it is the same");
    on_air(Value::Null).await;
    assert_eq!(press("pin").await.code(), "conflict", "no source is on air");
    assert_eq!(manual().await, json!({"source": null, "hold": "pin"}));
    assert_eq!(press("release").await.status, 204);
    assert_eq!(manual().await, Value::Null);

    for (what, cleared) in [("clear-overlays", true), ("restore-overlays", false)] {
        let before = generation();
        for _ in 0..2 {
            assert_eq!(press(what).await.status, 204);
        }
        assert_eq!(generation(), before + 1, "{what}");
        assert_eq!(client.get("/channels/main").await.ok()["overlays_cleared"], cleared);
        assert_eq!(house.store.wanted().borrow().channels[0].spec.overlays_cleared, cleared);
    }

    client.post("/channels/main/take", json!({"source": "card"})).await;
    assert_eq!(
        client.delete("/channels/main/sources/card").await.status,
        204,
        "a take does not keep a source for ever"
    );
    assert_eq!(manual().await, Value::Null);

    let twice = json!({"failover": {"primary": "bars", "ladder": ["loop", "loop"]}});
    let answer = client.patch("/channels/main", twice).await;
    assert_eq!((answer.status, answer.places()), (422, vec!["failover.ladder[1]".to_owned()]));
    let order = json!({"failover": {"primary": "bars", "ladder": ["backup"]}});
    assert_eq!(client.patch("/channels/main", order).await.ok()["failover"]["ladder"], json!(["backup"]));
    let usual = client.patch("/channels/main", json!({"failover": {"primary": "bars"}})).await.ok();
    assert_eq!(usual["failover"]["ladder"], json!(["live_input", "backup", "loop"]));
}

#[tokio::test]
async fn destinations_keep_their_keys() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let made = client
        .post(
            "/channels/main/destinations",
            json!({"name": "YouTube", "url": "rtmps://a.example.org/live2", "key": " abcd-efgh "}),
        )
        .await;
    assert_eq!(made.status, 201);
    let expected = json!({"id": "youtube", "name": "YouTube", "url": "rtmps://a.example.org/live2", "platform": "custom",
                          "kind": "rtmp", "has_key": true, "authority": null, "enabled": true, "renew_hours": null});
    assert_eq!(made.ok(), expected);
    let key = |house: &House| match &house.store.wanted().borrow().channels[0].spec.destinations[0].kind {
        DestinationKind::Rtmp { key, .. } => key.expose().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(key(&house), "abcd-efgh");
    let renamed = json!({"name": "YT", "kind": "rtmp", "url": "rtmps://a.example.org/live2", "enabled": true});
    assert_eq!(client.put("/channels/main/destinations/youtube", renamed).await.ok()["name"], "YT");
    assert_eq!(key(&house), "abcd-efgh");
    let one = "/channels/main/destinations/youtube";
    assert_eq!(client.send(Ask::new("POST", &format!("{one}/stop"))).await.ok()["enabled"], false);
    assert_eq!(client.send(Ask::new("POST", &format!("{one}/stop"))).await.ok()["enabled"], false);
    assert_eq!(client.send(Ask::new("POST", &format!("{one}/start"))).await.ok()["enabled"], true);
    assert_eq!(client.get(one).await.ok()["enabled"], true);
    for (body, place) in [
        (json!({"name": "x", "url": "http://a/b"}), "url"),
        (json!({"name": "x", "url": "rtmp://u:p@a/b"}), "url"),
        (json!({"name": "", "url": "rtmp://a/b"}), "name"),
        (json!({"name": "x", "url": "rtmp://a/b", "key": "two words"}), "key"),
        (json!({"name": "x", "url": "rtmps://a/b", "authority": "none"}), "authority"),
        (json!({"name": "x", "url": "rtmps://a/b", "authority": certificate_with_key()}), "authority"),
        (json!({"name": "x", "url": "rtmp://a/b", "renew_hours": 0}), "renew_hours"),
        (json!({"name": "x", "kind": "srt", "url": "srt://a"}), "url"),
        (json!({"name": "x", "kind": "srt", "url": "srt://a:1", "passphrase": "short"}), "passphrase"),
        (json!({"name": "x", "kind": "file", "folder": "../x", "container": "ts"}), "folder"),
    ] {
        let answer = client.post("/channels/main/destinations", body.clone()).await;
        assert_eq!((answer.status, answer.places()), (422, vec![place.to_owned()]), "{body}");
    }
    assert!(!String::from_utf8_lossy(&client.get("/state").await.bytes).contains("abcd-efgh"));
    // Of another kind it is another place: what was secret of the first is forgotten.
    let srt = json!({"name": "YT", "kind": "srt", "url": "srt://a.example.org:9000", "passphrase": "long enough",
                     "stream_id": "publish/a?b"});
    let shown = client.put(one, srt).await.ok();
    assert_eq!(
        (&shown["has_passphrase"], &shown["has_stream_id"], &shown["latency_ms"]),
        (&json!(true), &json!(true), &json!(1000))
    );
    let quicker =
        json!({"name": "YT", "kind": "srt", "url": "srt://a.example.org:9000", "stream_id": "", "latency_ms": 200});
    let shown = client.put(one, quicker).await.ok();
    assert_eq!(
        (&shown["has_passphrase"], &shown["has_stream_id"], &shown["latency_ms"]),
        (&json!(true), &json!(false), &json!(200))
    );
    let stored = house.store.wanted().borrow().channels[0].spec.destinations[0].kind.clone();
    assert!(matches!(&stored, DestinationKind::Srt { passphrase, .. } if passphrase.expose() == "long enough"));
    let back = json!({"name": "YT", "url": "rtmps://a.example.org/live2"});
    assert_eq!(client.put(one, back).await.ok()["has_key"], false);
    assert_eq!(client.delete(one).await.status, 204);
    assert_eq!(client.get("/channels/main/destinations").await.ok(), json!([]));
}

#[tokio::test]
async fn wrong_timelines_are_refused_whole() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    house.with_sources().await;
    let all = "/channels/main/timelines";
    let overlapping = json!([cue("a", 0, 5000, "bars"), cue("b", 4000, 5000, "card")]);
    for (cues, place) in [
        (overlapping, "tracks[0].cues[1].at_ms"),
        (json!([cue("a", 0, 5000, "none")]), "tracks[0].cues[0].action.source"),
        (json!([cue("a", -5, 5000, "bars")]), "tracks[0].cues[0].at_ms"),
        (json!([cue("a", 0, 0, "bars")]), "tracks[0].cues[0].duration_ms"),
    ] {
        let answer = client.post(all, timeline(cues.clone())).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "timeline_invalid"), "{cues}");
        assert_eq!(answer.places(), [place], "{cues}");
        assert!(!answer.json()["wrongs"][0]["reason"].as_str().unwrap().is_empty());
    }
    assert_eq!(client.get(all).await.ok(), json!([]), "nothing was stored");

    let mut whole = timeline(json!([
        {"id": "a", "at_ms": 0, "duration_ms": 5000, "action": {"type": "show_camera", "source": "bars"},
         "transition": {"kind": "cut", "duration_ms": 0}},
        {"id": "b", "at_ms": 5000, "duration_ms": 5000, "action": {"type": "show_camera", "source": "card"},
         "transition": {"kind": "dissolve", "duration_ms": 500}}
    ]));
    whole["tracks"][0]["enabled"] = json!(true);
    whole["tracks"].as_array_mut().unwrap().push(json!({"type": "overlay", "name": "Titles", "enabled": false, "layer": 3, "cues": [
        {"id": "t", "at_ms": 100, "duration_ms": 900, "opacity": 0.5, "fade_in_ms": 10, "fade_out_ms": 20,
         "overlay": {"type": "text", "text": "Hello", "anchor": "bottom", "size": 50, "colour": "#ffffff", "background": null}}]}));
    whole["description"] = json!("Every Friday.\nWith a choir.");
    whole["start"] = json!({"type": "go_live"});
    let made = client.post(all, whole.clone()).await;
    assert_eq!(made.status, 201);
    let (made, mut expected) = (made.ok(), whole.clone());
    (expected["id"], expected["loaded"], expected["created_by"]) = (json!("evening"), json!(false), json!("ann"));
    for time in ["created_at_ms", "modified_at_ms"] {
        expected[time] = made[time].clone();
    }
    assert_eq!(made, expected);
    let one = format!("{all}/evening");
    assert_eq!(client.get(&one).await.ok(), expected, "what is read is what was written");
    assert_eq!(client.get(all).await.ok(), json!([expected]));
    for (description, reason) in [("x".repeat(1001), "1000"), ("a\u{7}b".into(), "control")] {
        let mut wrong = timeline(json!([cue("a", 0, 0, "bars")]));
        wrong["description"] = json!(description);
        let answer = client.post(all, wrong).await;
        assert_eq!(answer.places(), ["description", "tracks[0].cues[0].duration_ms"], "all that is wrong, at once");
        assert!(answer.json()["wrongs"][0]["reason"].as_str().unwrap().contains(reason));
    }
    assert_eq!(client.send(Ask::new("POST", &format!("{one}/load"))).await.ok()["loaded"], true);
    assert_eq!(client.get("/channels/main").await.ok()["timeline"], "evening");
    let wrong = client.put(&one, timeline(json!([cue("a", 0, 5000, "none")]))).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (422, "timeline_invalid"));
    assert_eq!(client.get(&one).await.ok()["tracks"], expected["tracks"], "the old one stays");
    let generation = house.store.wanted().borrow().channels[0].spec.generation;
    whole["description"] = json!("Every Saturday.");
    let changed = client.put(&one, whole.clone()).await.ok();
    assert_eq!((&changed["description"], &changed["tracks"]), (&json!("Every Saturday."), &expected["tracks"]));
    assert!(changed["modified_at_ms"].as_i64() >= changed["created_at_ms"].as_i64());
    assert_eq!(house.store.wanted().borrow().channels[0].spec.generation, generation, "no worker needs to know");
    whole["tracks"][1]["enabled"] = json!(true);
    whole["tracks"][1]["name"] = json!("Names");
    assert_eq!(client.put(&one, whole.clone()).await.ok()["tracks"][1]["name"], "Names");
    assert_eq!(house.store.wanted().borrow().channels[0].spec.generation, generation + 1);
    let answer = client.delete(&one).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "in_use"));
    assert_eq!(client.patch("/channels/main", json!({"timeline": null})).await.ok()["timeline"], Value::Null);
    assert_eq!(client.delete(&one).await.status, 204);
    assert_eq!(client.send(Ask::new("POST", &format!("{one}/load"))).await.status, 404);
}

#[tokio::test]
async fn files_are_examined_kept_and_in_use() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let film = files::mp4();
    let made = client.upload("Pause%20film.mp4", &film).await;
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert_eq!((made["name"].as_str(), made["kind"].as_str()), (Some("Pause film.mp4"), Some("video")));
    assert_eq!((made["width"].as_u64(), made["duration_ms"].as_u64()), (Some(640), Some(4000)));
    let id = made["id"].as_str().unwrap().to_owned();
    let one = format!("/assets/{id}");
    let got = client.get(&one).await;
    assert_eq!((got.header("content-type"), got.bytes.as_ref()), ("video/mp4", film.as_slice()));
    let part = client.send(Ask::new("GET", &one).header("range", "bytes=4-7")).await;
    assert_eq!((part.status, part.bytes.as_ref()), (206, b"ftyp".as_slice()));
    assert_eq!(part.header("content-range"), format!("bytes 4-7/{}", film.len()));
    let still = client.upload("logo.png", files::PNG).await.ok();
    assert_eq!((still["kind"].as_str(), still["width"].as_u64()), (Some("image"), Some(1)));

    for (name, bytes) in [("empty.mp4", &b""[..]), ("text.mp4", b"no film at all"), ("cut.mp4", &film[..200_000])] {
        let answer = client.upload(name, bytes).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "media_unreadable"), "{name}");
        assert!(answer.json()["detail"].as_str().unwrap().starts_with(['T', 'F']), "{name}: a reason");
    }
    let unnamed = client.send(Ask::new("POST", "/assets").body("video/mp4", film.clone())).await;
    assert_eq!((unnamed.status, unnamed.places()), (400, vec!["name".to_owned()]));
    let large = Ask::new("POST", "/assets?name=x").header("content-length", "3000000000");
    let head = client.open(large).await.status();
    assert_eq!(head, 413, "told by its announced length, before anything was sent");

    let source = client.post("/channels/main/sources", json!({"name": "Loop", "kind": "media", "asset": id})).await;
    assert_eq!(source.status, 201);
    let spec = house.store.wanted().borrow().channels[0].spec.clone();
    let path = spec.assets.values().next().unwrap();
    assert_eq!(std::fs::read(path).unwrap(), film, "the worker finds the file");
    let answer = client.delete(&one).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "in_use"));
    assert_eq!(answer.places(), ["source \"Loop\" of \"Town Hall\""]);
    client.delete("/channels/main/sources/loop").await;
    assert_eq!(client.delete(&one).await.status, 204);
    assert!(!std::path::Path::new(path).exists());
    assert_eq!(client.get("/assets").await.ok().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_playlist_keeps_its_order_and_holds_on_to_its_files() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let id = |made: Value| made["id"].as_str().unwrap().to_owned();
    let first = id(client.upload("first.mp4", &files::mp4()).await.ok());
    let second = id(client.upload("second.mp4", &files::mp4()).await.ok());
    let logo = id(client.upload("logo.png", files::PNG).await.ok());
    let sources = "/channels/main/sources";
    let list = json!({"name": "List", "kind": "media", "asset": first, "then": [logo, second, logo], "still_ms": 5000});
    let made = client.post(sources, list.clone()).await.ok();
    assert_eq!((&made["asset"], &made["then"], &made["still_ms"]), (&list["asset"], &list["then"], &list["still_ms"]));
    let spec = house.store.wanted().borrow().channels[0].spec.clone();
    let paths: Vec<_> = spec.sources[0].kind.assets().map(|asset| spec.assets[asset].clone()).collect();
    assert_eq!((paths.len(), spec.assets.len()), (4, 3), "the worker finds each file");
    assert_eq!(paths[1], paths[3]);
    for used in [&second, &logo] {
        let answer = client.delete(&format!("/assets/{used}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (409, "in_use"));
        assert_eq!(answer.places(), ["source \"List\" of \"Town Hall\""]);
    }

    let one = "/channels/main/sources/list";
    let kept = client.put(one, json!({"name": "Evening", "kind": "media", "asset": second})).await.ok();
    assert_eq!((&kept["then"], &kept["still_ms"]), (&list["then"], &list["still_ms"]), "what is absent stays");
    for (body, place, reason) in [
        (json!({"asset": "none"}), "asset", "there is no file \"none\""),
        (json!({"asset": first, "then": [logo, "none"]}), "then[1]", "there is no file \"none\": upload it"),
        (json!({"asset": first, "then": vec![&logo; 100]}), "then", "a playlist may have 100 files, not 101"),
        (json!({"asset": first, "still_ms": 999}), "still_ms", "must be from 1000 to 3600000, not 999"),
    ] {
        let mut whole = json!({"name": "List", "kind": "media"});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let answer = client.put(one, whole.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "spec_invalid"), "{whole}");
        assert_eq!(answer.places(), [place], "{whole}");
        let told = answer.json()["wrongs"][0]["reason"].as_str().unwrap().to_owned();
        assert!(told.starts_with(reason), "{told}");
    }
    let alone = json!({"name": "List", "kind": "media", "asset": first, "then": []});
    assert_eq!(client.put(one, alone).await.ok()["then"], json!([]));
    for free in [second, logo] {
        assert_eq!(client.delete(&format!("/assets/{free}")).await.status, 204);
    }
    let plain = client.post(sources, json!({"name": "Loop", "kind": "media", "asset": first})).await.ok();
    assert_eq!((&plain["then"], plain["still_ms"].as_u64()), (&json!([]), Some(10_000)));
}

#[tokio::test]
async fn a_picture_is_the_slate_until_it_is_taken_out() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let picture = client.upload("back-soon.png", files::PNG).await.ok()["id"].as_str().unwrap().to_owned();
    let film = client.upload("film.mp4", &files::mp4()).await.ok()["id"].as_str().unwrap().to_owned();
    assert_eq!(client.get("/channels/main").await.ok()["slate_picture"], Value::Null);
    for (wrong, reason) in
        [(film.as_str(), "\"film.mp4\" is a film: choose a picture"), ("gone", "there is no file \"gone\"")]
    {
        let answer = client.patch("/channels/main", json!({"slate_picture": wrong, "name": "New"})).await;
        assert_eq!((answer.status, answer.code().as_str()), (422, "spec_invalid"), "{wrong}");
        assert_eq!(answer.places(), ["slate_picture"]);
        assert_eq!(answer.json()["wrongs"][0]["reason"], reason);
    }
    let doc = client.get("/channels/main").await.ok();
    assert_eq!(
        (doc["slate_picture"].clone(), doc["name"].as_str()),
        (Value::Null, Some("Town Hall")),
        "nothing stored"
    );

    let doc = client.patch("/channels/main", json!({"slate_picture": picture})).await.ok();
    assert_eq!(doc["slate_picture"], picture.as_str());
    let doc = client.patch("/channels/main", json!({"messages": {"slate": ""}})).await.ok();
    assert_eq!(doc["slate_picture"], picture.as_str(), "what is absent stays");
    let spec = house.store.wanted().borrow().channels[0].spec.clone();
    let path = &spec.assets[spec.slate_picture.as_ref().unwrap()];
    assert_eq!(std::fs::read(path).unwrap(), files::PNG, "the worker finds the file");

    let one = format!("/assets/{picture}");
    let answer = client.delete(&one).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "in_use"));
    assert_eq!(answer.places(), ["slate of \"Town Hall\""]);
    assert_eq!(client.patch("/channels/main", json!({"slate_picture": null})).await.ok()["slate_picture"], Value::Null);
    assert!(house.store.wanted().borrow().channels[0].spec.assets.is_empty());
    assert_eq!(client.delete(&one).await.status, 204);
}

#[tokio::test]
async fn a_broadcast_from_go_live_to_end() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    house.with_sources().await;
    client.post("/channels/main/timelines", timeline(json!([cue("a", 0, 5000, "bars")]))).await.ok();
    client.send(Ask::new("POST", "/channels/main/timelines/evening/load")).await.ok();
    let _worker = Peer::channel(&house.run(), "main", Manner::default());
    let refused = client.post("/channels/main/go-live", json!({"countdown_s": 61})).await;
    assert_eq!((refused.status, refused.places()), (400, vec!["countdown_s".to_owned()]));
    for early in ["pause", "resume"] {
        let answer = client.send(Ask::new("POST", &format!("/channels/main/{early}"))).await;
        assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"), "{early}");
    }
    let live = client.post("/channels/main/go-live", json!({"countdown_s": 0})).await;
    assert_eq!(live.status, 202);
    let session = live.ok()["session"].as_str().unwrap().to_owned();
    let again = client.send(Ask::new("POST", "/channels/main/go-live")).await;
    assert_eq!(again.ok()["session"], session.as_str(), "the same broadcast");
    let doc = client.get("/channels/main").await.ok();
    assert_eq!(
        (doc["live"]["session"].as_str(), doc["live"]["started_by"].as_str()),
        (Some(session.as_str()), Some("ann"))
    );
    let house_format = json!({"house": {"width": 1280, "height": 720, "rate": {"num": 30, "den": 1}, "video_kbps": 2500, "audio_kbps": 128}});
    let answer = client.patch("/channels/main", house_format.clone()).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"), "the format is fixed while on air");
    assert_eq!(client.delete("/channels/main").await.code(), "in_use");
    for step in ["pause", "pause", "resume", "resume"] {
        assert_eq!(client.send(Ask::new("POST", &format!("/channels/main/{step}"))).await.status, 204, "{step}");
    }
    let held = house.store.wanted().borrow().channels[0].spec.live.clone().unwrap();
    assert!(held.paused_at.is_none() && held.paused_ns > 0);
    assert_eq!(client.post("/channels/main/take", json!({"source": "none"})).await.places(), ["source"]);
    assert_eq!(client.post("/channels/main/take", json!({"source": "card"})).await.status, 204);
    assert_eq!(client.get("/channels/main").await.ok()["manual"], json!({"source": "card", "hold": "take"}));
    assert_eq!(client.post("/channels/main/pin", json!({"source": "bars"})).await.status, 204);
    assert_eq!(client.get("/channels/main").await.ok()["manual"], json!({"source": "bars", "hold": "pin"}));
    for _ in 0..2 {
        assert_eq!(client.send(Ask::new("POST", "/channels/main/release")).await.status, 204);
    }
    until("the worker's status of the broadcast", async || {
        let board = client.get("/state").await.ok();
        (board["channels"][0]["status"]["live"]["session"] == session.as_str()).then_some(())
    })
    .await;
    for _ in 0..2 {
        assert_eq!(client.send(Ask::new("POST", "/channels/main/end")).await.status, 204);
    }
    let executions = client.get("/channels/main/executions").await.ok();
    assert_eq!(executions.as_array().unwrap().len(), 1);
    let execution = &executions[0];
    assert_eq!(execution["session"], session.as_str());
    assert_eq!((execution["status"].as_str(), execution["timeline"].as_str()), (Some("stopped"), Some("evening")));
    assert_eq!(
        (execution["executed_by"].as_str(), execution["timeline_name"].as_str()),
        (Some("ann"), Some("Evening"))
    );
    assert!(execution["completed_at_ms"].as_i64() >= execution["started_at_ms"].as_i64());
    assert_eq!((&execution["metrics"]["since_ms"], &execution["error_message"]), (&json!(1234), &Value::Null));
    assert_eq!(client.patch("/channels/main", house_format).await.ok()["house"]["width"], 1280);
    let next = client.post("/channels/main/go-live", json!({"countdown_s": 0})).await.ok();
    assert_ne!(next["session"], session.as_str(), "another broadcast");
}
