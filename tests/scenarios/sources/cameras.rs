//! Cameras by RTSP: codecs, transports, TLS.

use crate::house::{House, film};
use harness::rtsp::{Mount, Rtsp};
use serde_json::json;

#[test]
fn cameras_of_every_codec_and_transport_go_on_air() {
    const SECRET: &str = "not-for-any-log";
    let mut house = House::open("cameras");
    let mut hevc = film(1);
    hevc.hevc = true;
    let mounts = [
        Mount::new("/hevc", &hevc).coded("film", "opus"),
        Mount::new("/jpeg", &film(2)).coded("jpeg", "pcmu").by("udp"),
        Mount::new("/udp", &film(3)).by("udp"),
    ];
    let server = Rtsp::start(&house.stage.room("server"), &mounts);
    let secure = Mount::new("/live", &film(4)).coded("film", "pcma").secure(&house.stage.room("certificate"));
    let secure = Rtsp::start(&house.stage.room("secure"), &[secure.guarded("venue", SECRET, "digest")]);
    let camera = |id: &str, url: String| house.source(id, json!({"kind": "camera", "url": url}));
    camera("hevc-opus", server.url("/hevc"));
    // Refuses TCP: the automatic choice finds out.
    camera("udp-alone", server.url("/udp"));
    house.source("jpeg-pcmu", json!({"kind": "camera", "url": server.url("/jpeg"), "transport": "udp"}));
    house.source("tcp-alone", json!({"kind": "camera", "url": server.url("/udp"), "transport": "tcp"}));
    let tls = json!({"kind": "camera", "url": secure.tls_url("/live"), "user": "venue", "password": SECRET});
    house.source("tls-checked", tls.clone());
    let mut tls = tls;
    tls["any_certificate"] = json!(true);
    house.source("tls-pcma", tls);
    house.wait_for_fault("tls-checked", "source_tls", SECRET);
    house.wait_for_fault("tcp-alone", "source_unsupported", SECRET);
    for (id, number) in [("hevc-opus", 1), ("jpeg-pcmu", 2), ("udp-alone", 3), ("tls-pcma", 4)] {
        house.input(id, number, ());
    }
    house.show_all();
    assert!(!house.logs().contains(SECRET), "a secret in a log");
}
