//! Heads of cameras, and the presets that cues want of them.

use super::*;

#[test]
fn heads_of_cameras_and_their_presets() {
    let onvif = || {
        json!({"protocol": "onvif", "device": "http://10.0.0.5/onvif/device_service", "profile": "P1",
               "service": "http://10.0.0.5:8000/onvif/ptz", "settle_ms": 2000})
    };
    let visca = |address: &str| json!({"protocol": "visca", "address": address, "transport": "tcp"});
    let preset = |token: &str| json!({"type": "show_camera", "source": "cam1", "preset": {"token": token}});
    let changed = |field: &str, value: Value| {
        let mut head = onvif();
        head[field] = value;
        head
    };
    check(
        sound_channel,
        judge_channel,
        &[
            ("/sources/0/ptz", onvif(), &[]),
            ("/sources/0/ptz", visca("10.0.0.5:52381"), &[]),
            ("/sources/0/ptz", visca("[2001:db8::5]:5678"), &[]),
            ("/sources/2/ptz", visca("cam.local:52381"), &[]),
            ("/sources/0/ptz", visca("10.0.0.5"), &["sources[0].ptz.address: the address must look like host:port"]),
            ("/sources/0/ptz", visca("10.0.0.5:0"), &["sources[0].ptz.address: "]),
            ("/sources/0/ptz", visca("a:b@10.0.0.5:1"), &["sources[0].ptz.address: "]),
            ("/sources/0/ptz", visca("10.0.0.5:1/x"), &["sources[0].ptz.address: "]),
            (
                "/sources/0/ptz",
                changed("device", json!("rtsp://x/")),
                &["sources[0].ptz.device: the address must look like http"],
            ),
            ("/sources/0/ptz", changed("service", json!("http://u:p@x/")), &["sources[0].ptz.service: "]),
            ("/sources/0/ptz", changed("profile", json!("a\nb")), &["sources[0].ptz.profile: "]),
            ("/sources/0/ptz", changed("settle_ms", json!(30_001)), &["sources[0].ptz.settle_ms: "]),
            ("/sources/2/ptz", onvif(), &["sources[2].ptz.protocol: the user and password of ONVIF"]),
            ("/sources/3/ptz", visca("10.0.0.5:1"), &["sources[3].ptz: only a live source"]),
            (
                "/timeline/tracks/0/cues/0/action",
                preset("1"),
                &["timeline.tracks[0].cues[0].action.preset.token: \"Camera 1\" has no head"],
            ),
        ],
    );
    let with_visca = || {
        let mut channel = sound_channel();
        channel["sources"][0]["ptz"] = json!({"protocol": "visca", "address": "10.0.0.5:52381"});
        channel
    };
    check(
        with_visca,
        judge_channel,
        &[
            ("/timeline/tracks/0/cues/0/action", preset("254"), &[]),
            (
                "/timeline/tracks/0/cues/0/action",
                preset("255"),
                &["timeline.tracks[0].cues[0].action.preset.token: \"Camera 1\" knows"],
            ),
            ("/timeline/tracks/0/cues/0/action", preset("wide"), &["timeline.tracks[0].cues[0].action.preset.token: "]),
        ],
    );
    let token = "/tracks/0/cues/0/action";
    check(
        sound_timeline,
        judge_timeline,
        &[
            (token, preset("wide shot"), &[]),
            (token, preset(""), &["tracks[0].cues[0].action.preset.token: must not be empty"]),
            (token, preset(&"x".repeat(65)), &["tracks[0].cues[0].action.preset.token: must have 1 to 64"]),
        ],
    );
    let draft: TimelineDraft = serde_json::from_value(sound_timeline()).unwrap();
    let text = serde_json::to_string(&draft).unwrap();
    assert!(!text.contains("preset"), "what has no preset says nothing of it");
}
