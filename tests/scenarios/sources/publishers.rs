//! Publishers by RTMPS and by Enhanced RTMP: HEVC goes on air, what cannot be decoded is named.

use crate::house::{House, film};
use automation::status::SourceState;
use harness::publisher::Publisher;
use serde_json::{Value, json};

#[test]
fn hevc_by_enhanced_rtmp_goes_on_air_and_av1_is_named() {
    let mut house = House::open("publishers");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let publish = |house: &House, id: &str| {
        let source = house.source(id, json!({"kind": "rtmp"}));
        (text(&source["publish"]["server"]), text(&source["publish"]["key"]))
    };
    let mut hevc = film(1);
    (hevc.hevc, hevc.b_frames) = (true, 2);
    let (server, key) = publish(&house, "hevc");
    let copy = ["-c", "copy"];
    let far = Publisher::enhanced(&house.stage.room("hevc"), &hevc.file(), &copy, &server, &key);
    house.input("hevc", 1, far);
    let mut opus = film(4);
    opus.hevc = true;
    let (server, key) = publish(&house, "hevc-opus");
    let coded = ["-c:v", "copy", "-c:a", "libopus"];
    let far = Publisher::enhanced(&house.stage.room("hevc-opus"), &opus.file(), &coded, &server, &key);
    house.input("hevc-opus", 4, far);
    // The same way in for what RTMP always had.
    let mut h264 = film(2);
    h264.b_frames = 2;
    let (server, key) = publish(&house, "h264");
    let far = Publisher::enhanced(&house.stage.room("h264"), &h264.file(), &copy, &server, &key);
    house.input("h264", 2, far);
    // With TLS, at the same port.
    let source = house.source("secure", json!({"kind": "rtmp"}));
    let (server, key) = (text(&source["publish"]["secure_server"]), text(&source["publish"]["key"]));
    assert!(server.starts_with("rtmps://"), "{server}");
    let far = Publisher::start(&house.stage.room("secure"), &film(5).file(), &server, &key);
    house.input("secure", 5, far);
    let (server, key) = publish(&house, "av1");
    // Without looking ahead: else the first picture comes only after seconds of sound.
    let av1 = ["-c:a", "copy", "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-lag-in-frames", "0"];
    let av1 = [&av1[..], &["-vf", "scale=160:90,fps=5", "-g", "5"]].concat();
    let mut far = Publisher::enhanced(&house.stage.room("av1"), &film(3).file(), &av1, &server, &key);
    house.wait_for_fault("av1", "source_unsupported", &key);
    far.kill();
    house.wait_for_fault("av1", "source_waiting", &key);
    house.wait_for("hevc", SourceState::Online);
    house.show_all();
}
