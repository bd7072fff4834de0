//! Each row changes one thing of a sound document, and says what is told of it.

mod destinations;
mod heads;
mod heard;

use super::WRONGS_MAX;
use crate::spec::{ChannelSpec, ChannelSpecDraft, Failover, Timeline, TimelineDraft, Wrongs};
use serde_json::{Value, json};

fn sound_timeline() -> Value {
    json!({
        "id": "show", "name": "Evening", "duration_ms": 60_000, "repeat": true,
        "tracks": [
            {"type": "video", "name": "Main", "cues": [
                {"id": "a", "at_ms": 0, "duration_ms": 10_000, "action": {"type": "show_camera", "source": "cam1"}},
                {"id": "b", "at_ms": 10_000, "duration_ms": 5_000, "action": {"type": "show_media", "source": "film"},
                 "transition": {"kind": "dissolve", "duration_ms": 1_000}},
                {"id": "c", "at_ms": 20_000, "duration_ms": 40_000, "action": {"type": "show_camera", "source": "card"}}
            ]},
            {"type": "overlay", "name": "", "layer": 1, "cues": [
                {"id": "t", "at_ms": 0, "duration_ms": 5_000, "fade_in_ms": 500, "fade_out_ms": 500, "opacity": 0.8,
                 "overlay": {"type": "text", "text": "Hello\nworld", "anchor": "bottom", "size": 50,
                             "colour": "#FFffff", "background": "#00000080"}},
                {"id": "l", "at_ms": 5_000, "duration_ms": 55_000,
                 "overlay": {"type": "image", "asset": "logo", "anchor": "top_left", "size": 100}}
            ]}
        ]
    })
}

fn sound_channel() -> Value {
    json!({
        "generation": 7, "channel": "main", "name": "Town Hall",
        "house": {"width": 1920, "height": 1080, "rate": {"num": 30, "den": 1}, "video_kbps": 4500, "audio_kbps": 160},
        "sources": [
            {"id": "cam1", "name": "Camera 1", "kind": "camera", "url": "rtsp://10.0.0.5:554/h264", "backup": "cam2"},
            {"id": "cam2", "name": "Camera 2", "kind": "camera", "url": "rtsp://[fe80::1]:8554/", "backup": "obs"},
            {"id": "obs", "name": "OBS", "kind": "rtmp", "stream": "main_obs"},
            {"id": "film", "name": "Film", "kind": "media", "asset": "film"},
            {"id": "card", "name": "Card", "kind": "slate", "title": "Soon"}
        ],
        "assets": {"film": "/assets/film.mp4", "logo": "/assets/logo.png"},
        "failover": {"primary": "cam1", "live_input": "obs", "loop": "film", "ladder": ["loop", "backup"],
                     "holdoff_ms": 300, "stable_ms": 5000},
        "timeline": sound_timeline(),
        "manual": {"source": "card", "hold": "pin", "at": 5},
        "live": null,
        "destinations": [{"id": "yt", "name": "YouTube", "url": "rtmps://a.example.org/live2", "key": "k", "enabled": true}],
        "messages": {}, "slate_picture": "logo"
    })
}

/// `place: reason` of each wrong.
fn told(result: Result<(), Wrongs>) -> Vec<String> {
    result.err().into_iter().flat_map(|wrongs| wrongs.0).map(|wrong| wrong.to_string()).collect()
}

fn judge_timeline(document: Value) -> Vec<String> {
    let draft: TimelineDraft = serde_json::from_value(document).unwrap();
    told(Timeline::try_from(draft).map(|_| ()))
}

fn judge_channel(document: Value) -> Vec<String> {
    let draft: ChannelSpecDraft = serde_json::from_value(document).unwrap();
    told(ChannelSpec::try_from(draft).map(|_| ()))
}

/// Changes `sound` at a JSON pointer, and compares the places and some words of what is told.
fn check(sound: fn() -> Value, judge: fn(Value) -> Vec<String>, rows: &[(&str, Value, &[&str])]) {
    assert_eq!(judge(sound()), Vec::<String>::new());
    for (pointer, value, expected) in rows {
        let mut document = sound();
        match document.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => {
                let (parent, field) = pointer.rsplit_once('/').unwrap();
                document.pointer_mut(parent).unwrap()[field] = value.clone();
            }
        }
        let told = judge(document);
        let fits = told.len() == expected.len() && told.iter().zip(*expected).all(|(t, e)| t.starts_with(e));
        assert!(fits, "{pointer} = {value}\n told {told:#?}\n expected {expected:#?}");
    }
}

#[test]
fn timelines() {
    let cue = |id: &str, at: i64, duration: i64| json!({"id": id, "at_ms": at, "duration_ms": duration, "action": {"type": "show_camera", "source": "cam1"}});
    let many: Vec<Value> = (0..10_001).map(|i| cue(&format!("c{i}"), i, 1)).collect();
    let tracks: Vec<Value> = (0..33).map(|_| json!({"type": "video", "name": "", "cues": []})).collect();
    check(
        sound_timeline,
        judge_timeline,
        &[
            ("/name", json!(""), &["name: must not be empty"]),
            ("/name", json!("x".repeat(101)), &["name: must have 1 to 100 characters, not 101"]),
            ("/name", json!("two\nlines"), &["name: must be one line"]),
            ("/duration_ms", json!(86_400_000), &[]),
            ("/duration_ms", json!(86_400_001), &["duration_ms: must be from 1000 to 86400000, not 86400001"]),
            (
                "/duration_ms",
                json!(-1),
                &[
                    "duration_ms: must be from 1000",
                    "tracks[0].cues[0].duration_ms: the cue ends at 10000 ms, after the timeline's end",
                    "tracks[0].cues[1].duration_ms",
                    "tracks[0].cues[2].duration_ms",
                    "tracks[1].cues[0].duration_ms",
                    "tracks[1].cues[1].duration_ms",
                ],
            ),
            ("/tracks", json!([]), &["tracks: a video track is missing"]),
            ("/tracks", json!(tracks), &["tracks: there may be 32 tracks, not 33"]),
            ("/tracks/0/cues", json!([]), &[]),
            ("/tracks/0/cues", json!(many), &["tracks: there may be 10000 cues in all, not 10003"]),
            (
                "/tracks/0/cues/0/at_ms",
                json!(-5),
                &["tracks[0].cues[0].at_ms: must not lie before the timeline's start: -5"],
            ),
            ("/tracks/0/cues/0/duration_ms", json!(0), &["tracks[0].cues[0].duration_ms: must be above 0, not 0"]),
            ("/tracks/0/cues/0/duration_ms", json!(-3), &["tracks[0].cues[0].duration_ms: must be above 0, not -3"]),
            (
                "/tracks/0/cues/0/duration_ms",
                json!(10_001),
                &["tracks[0].cues[1].at_ms: it overlaps the cue above it, which ends at 10001 ms"],
            ),
            ("/tracks/0/cues/2/at_ms", json!(9_000), &["tracks[0].cues[2].at_ms: cues must be ordered by time"]),
            (
                "/tracks/0/cues/2/duration_ms",
                json!(40_001),
                &["tracks[0].cues[2].duration_ms: the cue ends at 60001 ms, after the timeline's end at 60000 ms"],
            ),
            ("/tracks/0/cues/2/duration_ms", json!(i64::MAX), &["tracks[0].cues[2].duration_ms: the cue ends"]),
            (
                "/tracks/0/cues/2/at_ms",
                json!(i64::MIN),
                &["tracks[0].cues[2].at_ms: must not lie before", "tracks[0].cues[2].at_ms: cues must be ordered"],
            ),
            ("/tracks/0/cues/2/id", json!("a"), &["tracks[0].cues[2].id: another one has the id \"a\" already"]),
            ("/tracks/1/cues/0/id", json!("a"), &["tracks[1].cues[0].id: another one has the id \"a\" already"]),
            ("/tracks/0/cues/1/transition/duration_ms", json!(5_000), &[]),
            (
                "/tracks/0/cues/1/transition/duration_ms",
                json!(5_001),
                &["tracks[0].cues[1].transition.duration_ms: must not be longer than its cue, which lasts 5000 ms"],
            ),
            (
                "/tracks/0/cues/1/transition/duration_ms",
                json!(10_001),
                &["tracks[0].cues[1].transition.duration_ms: must be from 0 to 10000, not 10001"],
            ),
            (
                "/tracks/0/cues/1/transition/duration_ms",
                json!(-1),
                &["tracks[0].cues[1].transition.duration_ms: must be from 0"],
            ),
            (
                "/tracks/0/cues/1/transition/kind",
                json!("cut"),
                &["tracks[0].cues[1].transition.duration_ms: a cut has no length"],
            ),
            ("/tracks/1/layer", json!(0), &["tracks[1].layer: must be from 1 to 100, not 0"]),
            ("/tracks/1/cues/1/at_ms", json!(4_999), &["tracks[1].cues[1].at_ms: it overlaps"]),
            ("/tracks/1/cues/0/opacity", json!(1.01), &["tracks[1].cues[0].opacity: must be from 0 to 1"]),
            ("/tracks/1/cues/0/opacity", json!(-0.1), &["tracks[1].cues[0].opacity: must be from 0 to 1"]),
            ("/tracks/1/cues/0/fade_in_ms", json!(-1), &["tracks[1].cues[0].fade_in_ms: must not be negative"]),
            (
                "/tracks/1/cues/0/fade_out_ms",
                json!(4_501),
                &["tracks[1].cues[0].fade_out_ms: fade in and fade out together"],
            ),
            ("/tracks/1/cues/0/overlay/text", json!(" "), &["tracks[1].cues[0].overlay.text: must not be empty"]),
            ("/tracks/1/cues/0/overlay/text", json!("é".repeat(500)), &[]),
            (
                "/tracks/1/cues/0/overlay/text",
                json!("é".repeat(501)),
                &["tracks[1].cues[0].overlay.text: must have 1 to 500 characters, not 501"],
            ),
            (
                "/tracks/1/cues/0/overlay/text",
                json!("\u{0}"),
                &["tracks[1].cues[0].overlay.text: must not hold control"],
            ),
            ("/tracks/1/cues/0/overlay/size", json!(9), &["tracks[1].cues[0].overlay.size: must be from 10 to 500"]),
            ("/tracks/1/cues/0/overlay/colour", json!("white"), &["tracks[1].cues[0].overlay.colour: must be #rrggbb"]),
            (
                "/tracks/1/cues/0/overlay/colour",
                json!("#12345"),
                &["tracks[1].cues[0].overlay.colour: must be #rrggbb"],
            ),
            (
                "/tracks/1/cues/0/overlay/background",
                json!("#gggggg"),
                &["tracks[1].cues[0].overlay.background: must be"],
            ),
            (
                "/tracks/1/cues/1/overlay/size",
                json!(1_001),
                &["tracks[1].cues[1].overlay.size: must be from 10 to 1000"],
            ),
        ],
    );
}

#[test]
fn channels() {
    let source = |id: usize| json!({"id": format!("s{id}"), "name": "S", "kind": "test_pattern", "pattern": "bars"});
    let destination = |id: usize| json!({"id": format!("d{id}"), "name": "D", "url": "rtmp://h/a", "enabled": true});
    let lone = |count: usize, change: &dyn Fn(&mut Value)| {
        let mut document = sound_channel();
        document["sources"] = (0..count).map(source).collect();
        (document["failover"], document["timeline"], document["manual"]) = (json!({}), Value::Null, Value::Null);
        change(&mut document);
        judge_channel(document)
    };
    assert_eq!(lone(64, &|_| {}), Vec::<String>::new());
    assert_eq!(lone(65, &|_| {}), ["sources: there may be 64 sources, not 65"]);
    let many: Value = (0..17).map(destination).collect();
    assert_eq!(lone(1, &|d| d["destinations"] = many.clone()), ["destinations: there may be 16 destinations, not 17"]);

    check(
        sound_channel,
        judge_channel,
        &[
            ("/name", json!(""), &["name: must not be empty"]),
            ("/sources/0/name", json!(""), &["sources[0].name: must not be empty"]),
            (
                "/sources/1/id",
                json!("cam1"),
                &["sources[0].backup: there is no source \"cam2\"", "sources[1].id: another one has"],
            ),
            (
                "/sources/0/url",
                json!("http://10.0.0.5/"),
                &["sources[0].url: the address must look like rtsp://host/path: it does not begin"],
            ),
            (
                "/sources/0/url",
                json!("rtsp:///h264"),
                &["sources[0].url: the address must look like rtsp://host/path: the host"],
            ),
            (
                "/sources/0/url",
                json!("rtsp://u:p@host/"),
                &["sources[0].url: the address must look like rtsp://host/path: user name"],
            ),
            (
                "/sources/0/url",
                json!("rtsp://host:99999/"),
                &["sources[0].url: the address must look like rtsp://host/path: the port"],
            ),
            (
                "/sources/0/url",
                json!("rtsp://host:/"),
                &["sources[0].url: the address must look like rtsp://host/path: the port"],
            ),
            (
                "/sources/0/url",
                json!("rtsp://[::1/"),
                &["sources[0].url: the address must look like rtsp://host/path: the bracket"],
            ),
            (
                "/sources/0/url",
                json!("rtsp://ho st/"),
                &["sources[0].url: the address must look like rtsp://host/path: it holds"],
            ),
            ("/sources/0/url", json!("rtsp://camera.local"), &[]),
            ("/sources/0/latency_ms", json!(5_001), &["sources[0].latency_ms: must be from 0 to 5000, not 5001"]),
            ("/sources/0/backup", json!("gone"), &["sources[0].backup: there is no source \"gone\""]),
            ("/sources/0/backup", json!("cam1"), &["sources[0].backup: a source cannot be its own backup"]),
            (
                "/sources/2/backup",
                json!("cam1"),
                &[
                    "sources[0].backup: the backups go in a circle",
                    "sources[1].backup: the backups go in a circle",
                    "sources[2].backup: the backups go in a circle",
                ],
            ),
            ("/sources/2/backup", json!("cam2"), &["sources[1].backup: the backups", "sources[2].backup: the backups"]),
            (
                "/sources/2/stream",
                json!("main_loop"),
                &["sources[2].stream: must end in _obs, for example main_obs or"],
            ),
            ("/sources/2/stream", json!("_obs2"), &["sources[2].stream: must end in _obs"]),
            ("/sources/2/stream", json!("Main OBS"), &["sources[2].stream: must have 1 to 80 of a-z"]),
            ("/sources/3/asset", json!("gone"), &["sources[3].asset: there is no file \"gone\""]),
            ("/sources/4/title", json!("x".repeat(201)), &["sources[4].title: must have 0 to 200 characters"]),
            ("/assets/film", json!("film.mp4"), &["assets.film: must be an absolute path"]),
            ("/sources/3/then", json!(["logo", "film", "logo"]), &[]),
            ("/sources/3/then", json!(["logo", "x"]), &["sources[3].then[1]: there is no file \"x\": upload it, or"]),
            (
                "/house",
                json!({"width": 1920, "height": 1080, "rate": {"num": 60_000, "den": 1001}, "video_kbps": 200, "audio_kbps": 256}),
                &[],
            ),
            ("/failover/primary", json!("gone"), &["failover.primary: there is no source \"gone\""]),
            ("/failover/live_input", json!("gone"), &["failover.live_input: there is no source \"gone\""]),
            ("/failover/live_input", json!("film"), &["failover.live_input: \"Film\" is always there"]),
            ("/failover/loop", json!("gone"), &["failover.loop: there is no source \"gone\""]),
            (
                "/failover/loop",
                json!("cam1"),
                &["failover.loop: \"Camera 1\" is neither an uploaded file nor a publisher of the loop"],
            ),
            (
                "/failover/loop",
                json!("obs"),
                &["failover.loop: \"OBS\" is neither an uploaded file nor a publisher of the loop"],
            ),
            (
                "/sources/2",
                json!({"id": "obs", "name": "OBS", "kind": "rtmp", "stream": "main_loop", "role": "loop"}),
                &["failover.live_input: \"OBS\" sends the loop: choose a camera or a publisher of what is live"],
            ),
            ("/failover/holdoff_ms", json!(99), &["failover.holdoff_ms: must be from 100 to 5000, not 99"]),
            (
                "/sound",
                json!({"source": "nobody", "delay_ms": 2001}),
                &["sound.source: there is no source \"nobody\"", "sound.delay_ms: must be from 0 to 2000, not 2001"],
            ),
            (
                "/failover/checks",
                json!({"black": {"after_s": 0, "action": "leave"}, "silent": {"after_s": 601, "action": "off"}}),
                &[
                    "failover.checks.black.after_s: must be from 1 to 600, not 0",
                    "failover.checks.silent.after_s: must be from 1 to 600, not 601",
                ],
            ),
            ("/failover/stable_ms", json!(60_001), &["failover.stable_ms: must be from 0 to 60000, not 60001"]),
            (
                "/failover/ladder",
                json!(["backup", "loop", "backup"]),
                &["failover.ladder[2]: each step may stand there once"],
            ),
            ("/manual/source", json!("gone"), &["manual.source: there is no source \"gone\""]),
            (
                "/timeline/tracks/0/cues/0/action/source",
                json!("gone"),
                &["timeline.tracks[0].cues[0].action.source: there is no source \"gone\""],
            ),
            (
                "/timeline/tracks/0/cues/0/action/source",
                json!("film"),
                &["timeline.tracks[0].cues[0].action.source: \"Film\" is an uploaded file: use show_media"],
            ),
            (
                "/timeline/tracks/0/cues/1/action/source",
                json!("cam2"),
                &["timeline.tracks[0].cues[1].action.source: \"Camera 2\" is no uploaded file: use show_camera"],
            ),
            (
                "/timeline/tracks/1/cues/1/overlay/asset",
                json!("gone"),
                &["timeline.tracks[1].cues[1].overlay.asset: there is no file \"gone\""],
            ),
            ("/destinations/0/name", json!(""), &["destinations[0].name: must not be empty"]),
            ("/destinations/0/key", json!("ab cd"), &["destinations[0].key: must not hold a space"]),
            ("/messages/slate", json!("x".repeat(201)), &["messages.slate: must have 0 to 200 characters"]),
            ("/slate_picture", json!("gone"), &["slate_picture: there is no file \"gone\""]),
        ],
    );
}

fn inputs_channel() -> Value {
    let mut document = sound_channel();
    document["sources"] = json!([
        {"id": "call", "name": "Call", "kind": "srt", "mode": "caller", "host": "10.0.0.7", "port": 9000,
         "stream_id": "publish:hall", "passphrase": "0123456789"},
        {"id": "wait", "name": "Wait", "kind": "srt", "mode": "listener", "port": 9710},
        {"id": "udp", "name": "Udp", "kind": "udp", "port": 5004},
        {"id": "group", "name": "Group", "kind": "udp", "port": 5006, "group": "239.1.1.1"},
        {"id": "other", "name": "Other", "kind": "udp", "port": 5006, "group": "239.1.1.2"},
        {"id": "camera", "name": "Camera", "kind": "camera", "url": "rtsps://10.0.0.9/live", "any_certificate": true},
        {"id": "pull", "name": "Pull", "kind": "pull", "url": "https://tv.example.org/live.m3u8", "query": "token=x"},
    ]);
    (document["failover"], document["timeline"], document["manual"]) =
        (json!({"live_input": "wait"}), Value::Null, Value::Null);
    document
}

#[test]
fn inputs() {
    check(
        inputs_channel,
        judge_channel,
        &[
            ("/sources/0/host", json!(""), &["sources[0].host: must not be empty"]),
            ("/sources/0/host", json!("10.0.0.7:9000"), &["sources[0].host: must be a name or an address alone"]),
            ("/sources/0/host", json!("srt://10.0.0.7"), &["sources[0].host: must be a name or an address alone"]),
            ("/sources/0/host", json!("fe80::1"), &[]),
            ("/sources/0/host", json!("encoder-2.local"), &[]),
            ("/sources/0/port", json!(0), &["sources[0].port: must be from 1 to 65535"]),
            ("/sources/0/port", json!(9710), &[]),
            (
                "/sources/0/passphrase",
                json!("012345678"),
                &["sources[0].passphrase: must have 10 to 79 characters, not 9"],
            ),
            ("/sources/0/passphrase", json!("x".repeat(79)), &[]),
            ("/sources/0/passphrase", json!("x".repeat(80)), &["sources[0].passphrase: must have 10 to 79"]),
            ("/sources/0/passphrase", json!("Straßenbahn"), &["sources[0].passphrase: must hold letters"]),
            (
                "/sources/0/stream_id",
                json!("x".repeat(513)),
                &["sources[0].stream_id: must be one line of at most 512"],
            ),
            ("/sources/0/latency_ms", json!(19), &["sources[0].latency_ms: must be from 20 to 5000, not 19"]),
            ("/sources/1/host", json!("10.0.0.7"), &["sources[1].host: must be empty"]),
            ("/sources/1/port", json!(443), &["sources[1].port: must be from 1024 to 65535, not 443"]),
            ("/sources/2/port", json!(9710), &["sources[2].port: \"Wait\" waits on port 9710 already"]),
            ("/sources/2/port", json!(80), &["sources[2].port: must be from 1024 to 65535, not 80"]),
            ("/sources/2/group", json!("10.0.0.7"), &["sources[2].group: must be a multicast address"]),
            ("/sources/2/group", json!("ff02::7"), &[]),
            ("/sources/3/group", json!(""), &["sources[4].port: \"Group\" waits on port 5006 already"]),
            ("/sources/4/group", json!("239.1.1.1"), &[]),
            ("/sources/6/url", json!("rtmp://10.0.0.9/live/stage"), &[]),
            ("/sources/6/url", json!("http://[fe80::1]:8409"), &[]),
            ("/sources/6/url", json!("rtmp://10.0.0.9/live"), &["sources[6].url: the address must look like https://"]),
            ("/sources/6/url", json!("ftp://10.0.0.9/a"), &["sources[6].url: the address must look like https://"]),
            ("/sources/6/url", json!("http://a:b@host/"), &["sources[6].url: the address must look like https://"]),
            ("/sources/6/url", json!("http://host/?a"), &["sources[6].url: the address must look like https://"]),
            ("/sources/6/query", json!("a b"), &["sources[6].url: what follows the ?"]),
            ("/sources/5/transport", json!("tcp"), &[]),
            ("/sources/5/transport", json!("udp"), &["sources[5].transport: must not be UDP with rtsps://"]),
            ("/sources/5/url", json!("rtsps://10.0.0.9:0/"), &["sources[5].url: the address must look like rtsp://"]),
            ("/sources/5/url", json!("rtspx://10.0.0.9/"), &["sources[5].url: the address must look like rtsp://"]),
        ],
    );
}

#[test]
fn a_house_out_of_its_limits_is_refused_where_it_was_built_by_hand_too() {
    let mut draft: ChannelSpecDraft = serde_json::from_value(sound_channel()).unwrap();
    (draft.house.width, draft.house.rate.den) = (1921, 0);
    let told = told(ChannelSpec::try_from(draft).map(|_| ()));
    assert_eq!(told.len(), 2);
    assert!(told[0].starts_with("house.width: must be even") && told[1].starts_with("house.rate:"));
}

#[test]
fn all_wrongs_are_told_up_to_a_limit() {
    let mut document = sound_timeline();
    let cues = document["tracks"][0]["cues"].as_array_mut().unwrap();
    let bad = json!({"id": "a", "at_ms": -1, "duration_ms": 0, "action": {"type": "show_camera", "source": "x"}});
    cues.extend(std::iter::repeat_n(bad, 200));
    assert_eq!(judge_timeline(document.clone()).len(), WRONGS_MAX);
    let draft: TimelineDraft = serde_json::from_value(document).unwrap();
    let wrongs = ChannelSpec::check_timeline(&draft, &[], |_| false).unwrap_err();
    assert_eq!(wrongs.0.len(), WRONGS_MAX);
}

#[test]
fn a_timeline_is_checked_against_its_sources_before_it_is_stored() {
    let draft: TimelineDraft = serde_json::from_value(sound_timeline()).unwrap();
    let channel: ChannelSpecDraft = serde_json::from_value(sound_channel()).unwrap();
    assert!(ChannelSpec::check_timeline(&draft, &channel.sources, |asset| asset.as_str() == "logo").is_ok());
    let mut bad = draft;
    bad.duration_ms = 50_000;
    let wrongs = ChannelSpec::check_timeline(&bad, &channel.sources[..3], |_| false).unwrap_err();
    assert_eq!(
        told(Err(wrongs)),
        [
            "tracks[0].cues[2].duration_ms: the cue ends at 60000 ms, after the timeline's end at 50000 ms",
            "tracks[1].cues[1].duration_ms: the cue ends at 60000 ms, after the timeline's end at 50000 ms",
            "tracks[0].cues[1].action.source: there is no source \"film\"",
            "tracks[0].cues[2].action.source: there is no source \"card\"",
            "tracks[1].cues[1].overlay.asset: there is no file \"logo\"",
        ]
    );
}

#[test]
fn a_reason_never_holds_a_password() {
    let mut document = sound_channel();
    document["sources"][0]["url"] = json!("rtsp://admin:secret@host/");
    assert!(!judge_channel(document).concat().contains("secret"));
    let mut document = inputs_channel();
    document["sources"][0]["passphrase"] = json!("secret");
    document["sources"][0]["stream_id"] = json!("secret\n");
    document["sources"][6]["url"] = json!("http://u:secret@host/");
    document["sources"][6]["query"] = json!("secret\n");
    let told = judge_channel(document);
    assert!(told.len() == 4 && !told.concat().contains("secret"), "{told:?}");
}

#[test]
fn who_chooses_nothing_gets_a_third_of_a_second_and_five_seconds() {
    let failover = Failover::default();
    assert_eq!((failover.holdoff_ms, failover.stable_ms), (300, 5_000), "LP-15: more than five seconds stable");
}
