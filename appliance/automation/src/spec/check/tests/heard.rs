//! Sources that are heard and never seen.

use super::*;

fn heard_channel() -> Value {
    let mut document = inputs_channel();
    let sources = document["sources"].as_array_mut().unwrap();
    sources.push(json!({"id": "grabber", "name": "Grabber", "kind": "capture", "video": "a@1#0"}));
    sources.push(json!({"id": "desk", "name": "Desk", "kind": "capture", "sound": "b@2#0"}));
    sources.push(json!({"id": "stage", "name": "Stage", "kind": "udp", "port": 5010, "sound_only": true}));
    document["sound"] = json!({"source": "desk"});
    document
}

#[test]
fn what_has_sound_only_is_refused_wherever_it_would_be_seen() {
    const DESK: &str = "\"Desk\" has sound only and no picture: choose it as the channel's sound";
    const STAGE: &str = "\"Stage\" has sound only and no picture: choose it as the channel's sound";
    let timeline = json!({"id": "t", "name": "T", "duration_ms": 10_000, "tracks": [{"type": "video", "name": "P", "cues": [
        {"id": "a", "at_ms": 0, "duration_ms": 1000, "action": {"type": "show_camera", "source": "stage"}}]}]});
    let told = |place: &str, text: &str| format!("{place}: {text}");
    for (at, value, wants) in [
        ("/sound/source", json!("stage"), vec![]),
        ("/failover", json!({"primary": "desk"}), vec![told("failover.primary", DESK)]),
        ("/failover", json!({"live_input": "stage"}), vec![told("failover.live_input", STAGE)]),
        (
            "/failover",
            json!({"loop": "desk"}),
            vec![told("failover.loop", DESK), told("failover.loop", "\"Desk\" is neither")],
        ),
        ("/manual", json!({"source": "desk", "hold": "take", "at": 0}), vec![told("manual.source", DESK)]),
        ("/timeline", timeline, vec![told("timeline.tracks[0].cues[0].action.source", STAGE)]),
        ("/sources/0/backup", json!("desk"), vec![told("sources[0].backup", DESK)]),
        (
            "/sources/9/backup",
            json!("call"),
            vec![told("sources[9].backup", "a source with sound only is never on air")],
        ),
        ("/sources/8/sound", json!("auto"), vec![told("sources[8].sound", "choose a video device, a sound device")]),
        (
            "/sources/8/video",
            json!("a@1#0"),
            vec![told("sources[8].video", "\"Grabber\" captures from this device already")],
        ),
        (
            "/sources/7/sound",
            json!("b@2#0"),
            vec![told("sources[8].sound", "\"Grabber\" captures from this device already")],
        ),
        ("/sources/7/sound_only", json!(true), vec![]),
        ("/sources/7/video", json!("a\nb"), vec![told("sources[7].video", "must be one line")]),
        ("/sources/7/latency_ms", json!(5001), vec![told("sources[7].latency_ms", "must be from 0 to 5000")]),
    ] {
        let mut document = heard_channel();
        let (parent, field) = at.rsplit_once('/').unwrap();
        let parent = if parent.is_empty() { &mut document } else { document.pointer_mut(parent).unwrap() };
        parent[field] = value.clone();
        let found = judge_channel(document);
        let as_told =
            found.len() == wants.len() && found.iter().zip(&wants).all(|(found, want)| found.starts_with(want));
        assert!(as_told, "{at} = {value}: {found:#?}, not {wants:#?}");
    }
}
