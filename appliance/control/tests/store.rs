//! What is stored: it lasts, it holds no secret in plain text, and what is refused leaves nothing behind.

mod support;

use control::clock::Clock;
use control::store::{Store, channels};
use serde_json::json;
use support::House;
use support::client::Ask;
use support::peer::{Manner, Peer};

#[tokio::test]
async fn no_secret_lies_open_in_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let camera = json!({"name": "Camera", "kind": "camera", "url": "rtsp://10.0.0.5/", "user": "u", "password": "CAMERA-PASSWORD"});
    client.post("/channels/main/sources", camera).await.ok();
    let van = json!({"name": "Van", "kind": "srt", "mode": "listener", "stream_id": "STREAM-ID", "passphrase": "SRT-PASSPHRASE"});
    client.post("/channels/main/sources", van).await.ok();
    let tv = json!({"name": "TV", "kind": "pull", "url": "http://tv/live.m3u8?token=PULL-TOKEN", "password": "PULL-PASSWORD"});
    client.post("/channels/main/sources", tv).await.ok();
    let obs = client.post("/channels/main/sources", json!({"name": "OBS", "kind": "rtmp"})).await.ok();
    let token = obs["publish"]["key"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
    let platform = json!({"name": "YouTube", "url": "rtmp://a.example.org/live2", "key": "PLATFORM-KEY"});
    client.post("/channels/main/destinations", platform).await.ok();
    let srt = json!({"name": "Far", "kind": "srt", "url": "srt://a:9000", "passphrase": "FAR-PASSPHRASE", "stream_id": "FAR-ID"});
    client.post("/channels/main/destinations", srt).await.ok();
    let session = client.cookie().split_once('=').unwrap().1.to_owned();
    // Changed and deleted ones must not linger either.
    let changed = json!({"name": "YouTube", "url": "rtmp://a.example.org/live2", "key": "SECOND-KEY"});
    client.put("/channels/main/destinations/youtube", changed).await.ok();
    client.delete("/channels/main/destinations/youtube").await;
    let secrets = [
        "CAMERA-PASSWORD",
        "STREAM-ID",
        "SRT-PASSPHRASE",
        "PULL-TOKEN",
        "PULL-PASSWORD",
        token.as_str(),
        "PLATFORM-KEY",
        "SECOND-KEY",
        "FAR-PASSPHRASE",
        "FAR-ID",
        session.as_str(),
        support::ACCOUNT.1,
    ];
    let mut files = 0;
    for entry in std::fs::read_dir(house.state()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path()).unwrap();
        files += 1;
        for secret in secrets {
            let open = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!open, "{secret} lies open in {:?}", entry.file_name());
        }
    }
    assert!(files >= 3, "the database, its log and the key");
}

#[tokio::test]
async fn what_is_stored_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let before = {
        let house = House::claimed(folder.path()).await;
        let client = &house.client;
        client.post("/channels/main/sources", json!({"name": "OBS", "kind": "rtmp"})).await.ok();
        client.post("/channels/main/destinations", json!({"name": "P", "url": "rtmp://p/l", "key": "k"})).await.ok();
        client.patch("/channels/main", json!({"failover": {"live_input": "obs"}})).await.ok();
        house.close();
        std::sync::Arc::clone(&house.store.wanted().borrow())
    };
    let store = Store::open(&folder.path().join("state")).unwrap();
    let after = store.wanted().borrow().clone();
    assert_eq!(after.channels[0].spec, before.channels[0].spec);
    assert_eq!(after.channels[0].doc, before.channels[0].doc);
    assert_eq!(after.ingest, before.ingest);
}

#[tokio::test]
async fn every_change_is_one_generation() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let generation = || house.store.wanted().borrow().channels[0].spec.generation;
    let first = generation();
    client.post("/channels/main/sources", json!({"name": "A", "kind": "slate", "title": "a"})).await.ok();
    client.patch("/channels/main", json!({"name": "B"})).await.ok();
    client.post("/channels/main/pin", json!({"source": "a"})).await;
    client.post("/channels/main/pin", json!({"source": "a"})).await;
    assert_eq!(generation(), first + 3, "a repeat is no change");
    client.post("/channels/main/sources", json!({"name": "", "kind": "rtmp"})).await;
    client.patch("/channels/main", json!({"failover": {"primary": "none"}})).await;
    assert_eq!(generation(), first + 3, "what is refused is no change");
}

#[tokio::test]
async fn a_broadcast_goes_on_after_the_box_was_restarted() {
    let folder = tempfile::tempdir().unwrap();
    let (session, at) = {
        let house = House::claimed(folder.path()).await;
        let client = &house.client;
        client.post("/channels/main/sources", json!({"name": "A", "kind": "slate", "title": "a"})).await.ok();
        client.post("/channels/main/pin", json!({"source": "a"})).await;
        client.post("/channels/main/go-live", json!({"countdown_s": 60})).await.ok();
        house.close();
        let live = house.store.wanted().borrow().channels[0].spec.live.clone().unwrap();
        (live.session, live.at)
    };
    let store = Store::open(&folder.path().join("state")).unwrap();
    // As if the rows had been written in another boot.
    let other_boot = |tx: &rusqlite::Transaction<'_>| {
        let mut channel = channels::get(tx, &automation::id::ChannelId::new("main").unwrap())?;
        channel.live.as_mut().unwrap().boot = "another".into();
        channel.manual.as_mut().unwrap().boot = "another".into();
        channels::update(tx, &channel, 0)
    };
    store.change(move |tx, _| other_boot(tx)).await.unwrap();
    let clock = Clock::new().unwrap();
    let commands = control::commands::Commands::new(store.clone(), clock.clone());
    let resumed = commands.start(None).await.unwrap();
    assert_eq!(resumed.len(), 1);
    let spec = store.wanted().borrow().channels[0].spec.clone();
    let live = spec.live.clone().unwrap();
    assert_eq!(live.session, session);
    assert!(live.at < at && live.at <= clock.now().running, "it is on air now");
    assert!(spec.manual.is_some(), "a pin holds until it is released");
    assert!(commands.start(None).await.unwrap().is_empty(), "once only");
}

#[tokio::test]
async fn what_is_answered_is_on_the_disk() {
    // Only a real power cut could show it: SQLite's promise for FULL is what we lean upon.
    const FULL: i64 = 2;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let asked = |tx: &rusqlite::Transaction<'_>| {
        let level: i64 = tx.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        Ok(level)
    };
    assert_eq!(store.write(asked).await.unwrap(), FULL);
}

#[tokio::test]
async fn a_channel_that_asks_for_no_format_gets_the_one_of_its_machine() {
    use automation::spec::House;
    let small = House::of_a_small_board();
    assert_eq!((small.height, small.rate, small.video_kbps), (720, House::default().rate, 3000));
    for (house, document) in [(small, None), (House::default(), None), (House::of_a_small_board(), Some("seed"))] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let commands = control::commands::Commands::new(store.clone(), Clock::new().unwrap()).with_house(house.clone());
        if document.is_some() {
            let asks = serde_json::to_value(House::default()).unwrap();
            let text = json!({"channels": [
                {"id": "main", "name": "Main", "sources": [], "destinations": []},
                {"id": "other", "name": "Other", "sources": [], "destinations": [], "house": asks},
            ]});
            commands.seed(&text.to_string()).await.unwrap();
            assert_eq!(store.wanted().borrow().channels[1].spec.house, House::default(), "it asks for one");
        }
        commands.start(None).await.unwrap();
        assert_eq!(store.wanted().borrow().channels[0].spec.house, house);
    }
}

#[tokio::test]
async fn a_document_fills_an_empty_box_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| {
        let state = folder.path().join(name);
        std::fs::create_dir_all(&state).unwrap();
        let store = Store::open(&state).unwrap();
        control::media::prepare(&store.context().assets).unwrap();
        (control::commands::Commands::new(store.clone(), Clock::new().unwrap()), store)
    };
    let film = folder.path().join("film.mp4");
    std::fs::write(&film, support::files::mp4()).unwrap();
    let document = |timeline: &str| {
        json!({
            "venue": "Demo",
            "assets": [{"id": "pause", "name": "Pause.mp4", "path": film}],
            "channels": [{
                "id": "main", "name": "Main stage", "failover": {"primary": "cam", "live_input": "obs", "loop": "pause"},
                "sources": [
                    {"id": "cam", "name": "Camera", "kind": "camera", "url": "rtsp://127.0.0.1:8554/cam1"},
                    {"id": "obs", "name": "OBS", "kind": "rtmp", "stream": "main_obs", "token": "a-token"},
                    {"id": "pause", "name": "Pause", "kind": "media", "asset": "pause"}
                ],
                "destinations": [{"id": "p", "name": "P", "url": "rtmp://127.0.0.1:1936/live", "key": "k", "enabled": true}],
                "timelines": [{"id": "evening", "name": "Evening", "duration_ms": 60000, "tracks": [
                    {"type": "video", "name": "V", "cues": [{"id": "a", "at_ms": 0, "duration_ms": 1000,
                     "action": {"type": "show_camera", "source": "cam"}}]}]}],
                "timeline": timeline
            }]
        })
        .to_string()
    };
    let (commands, store) = open("wrong");
    let refused = commands.seed(&document("none")).await.unwrap_err();
    assert_eq!(refused.code, automation::fault::Code::NotFound);
    assert!(store.wanted().borrow().channels.is_empty());
    assert_eq!(std::fs::read_dir(&store.context().assets).unwrap().count(), 0);
    let twice = json!({"id": "two", "name": "OBS", "kind": "rtmp", "stream": "main_obs2", "token": "a-token"});
    let mut same_token: serde_json::Value = serde_json::from_str(&document("evening")).unwrap();
    same_token["channels"][0]["sources"].as_array_mut().unwrap().push(twice);
    let refused = commands.seed(&same_token.to_string()).await.unwrap_err();
    assert_eq!(refused.wrongs[0].place, "channels.main.sources.two.token");
    assert!(store.wanted().borrow().channels.is_empty());
    assert_eq!(commands.seed("{").await.unwrap_err().code, automation::fault::Code::RequestInvalid);

    let (commands, store) = open("right");
    commands.seed(&document("evening")).await.unwrap();
    let channel = store.wanted().borrow().channels[0].clone();
    assert_eq!((channel.spec.sources.len(), channel.spec.destinations.len(), channel.spec.assets.len()), (3, 1, 1));
    assert_eq!(channel.doc.timeline.unwrap().as_str(), "evening");
    let again = commands.seed(&document("evening")).await.unwrap_err();
    assert_eq!(again.code, automation::fault::Code::Conflict);
    commands.start(None).await.unwrap();
    let wanted = store.wanted().borrow().clone();
    assert_eq!((wanted.venue.as_str(), wanted.channels.len()), ("Demo", 1));
}

#[tokio::test]
async fn a_document_that_was_refused_may_be_mended_until_somebody_sets_up_the_box() {
    let folder = tempfile::tempdir().unwrap();
    let state = |name: &str| {
        let state = folder.path().join(name);
        std::fs::create_dir_all(&state).unwrap();
        state
    };
    let document = |url: &str| {
        let to = json!([{"id": "y", "name": "Y", "url": url, "key": "k", "enabled": true}]);
        json!({"venue": "Hall", "channels": [{"id": "main", "name": "Main hall", "destinations": to}]}).to_string()
    };
    let (wrong, mended) = (document("rtmp://host"), document("rtmp://host/app"));
    let commands = |store: &Store| control::commands::Commands::new(store.clone(), Clock::new().unwrap());

    let store = Store::open(&state("mended")).unwrap();
    let refused = commands(&store).seed(&wrong).await.unwrap_err();
    assert_ne!(refused.code, automation::fault::Code::Conflict, "a wrong document, and not a box that is set up");
    // The page started without it, and the box was started once more.
    commands(&store).start(None).await.unwrap();
    commands(&store).start(None).await.unwrap();
    commands(&store).seed(&mended).await.unwrap();
    let wanted = store.wanted().borrow().clone();
    assert_eq!((wanted.venue.as_str(), wanted.channels.len()), ("Hall", 1));
    assert_eq!((wanted.channels[0].doc.name.as_str(), wanted.channels[0].spec.destinations.len()), ("Main hall", 1));

    let small = serde_json::to_value(automation::spec::House::of_a_small_board()).unwrap();
    for (name, patch) in [("renamed", json!({"name": "Stage"})), ("smaller", json!({"house": small}))] {
        let store = Store::open(&state(name)).unwrap();
        commands(&store).start(None).await.unwrap();
        let main = wanted.channels[0].doc.id.clone();
        commands(&store).change_channel(main, serde_json::from_value(patch).unwrap()).await.unwrap();
        let refused = commands(&store).seed(&mended).await.unwrap_err();
        assert_eq!(refused.code, automation::fault::Code::Conflict, "{name}");
    }
}

#[tokio::test]
async fn secrets_reach_the_worker() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::claimed(folder.path()).await;
    let worker = Peer::channel(&house.run(), "main", Manner::default());
    let door = Peer::ingest(&house.run(), Manner::default());
    let client = &house.client;
    client.post("/channels/main/destinations", json!({"name": "P", "url": "rtmp://p/l", "key": "KEY"})).await.ok();
    client.post("/channels/main/sources", json!({"name": "OBS", "kind": "rtmp"})).await.ok();
    client.send(Ask::new("POST", "/channels/main/destinations/p/stop")).await.ok();
    support::until("the spec", async || {
        let seen = worker.seen();
        let spec = seen.specs.last()?;
        let destination = spec.destinations.first()?;
        let kind = &destination.kind;
        let kept = matches!(kind, automation::spec::DestinationKind::Rtmp { key, .. } if key.expose() == "KEY");
        (kept && !destination.enabled).then_some(())
    })
    .await;
    support::until("the door's spec", async || (door.seen().ingest.last()?.streams.len() == 1).then_some(())).await;
}
