//! Streams that are fetched: HLS and MPEG-TS by HTTP, RTMP.

use crate::house::{House, film};
use automation::status::SourceState;
use harness::platform::Platform;
use harness::stage::free_port;
use harness::wait::{s, until};
use harness::web::{GUARD, Web};
use serde_json::json;

#[test]
fn streams_that_are_fetched_go_on_air() {
    let mut house = House::open("pulls");
    let web = Web::start(&house.stage.room("web"));
    // HLS behind a user and a password, for its segments too.
    let playlist = web.public().join("guarded/live.m3u8");
    let hls = ["-f", "hls", "-hls_time", "2", "-hls_list_size", "6", "-hls_flags", "delete_segments"];
    let hls: Vec<&str> = hls.into_iter().chain(playlist.to_str()).collect();
    let encoder = house.sender("hls", 1, &hls);
    // MPEG-TS without an end, as ErsatzTV and Tunarr serve it.
    let ts = house.sender("ts", 2, &["-f", "mpegts", "-listen", "1", &web.encoder()]);
    // A film that can be fetched as fast as the network carries it.
    std::fs::create_dir_all(web.public()).expect("make the web server's folder");
    harness::clip::remux(&film(3), &web.public().join("film.ts"));
    let relay = Platform::start(&house.stage.room("relay"), "relay");
    let publisher = house.sender("rtmp", 4, &["-f", "flv", &format!("{}/stage", relay.relay_url())]);
    let pull = |id: &str, url: String| house.source(id, json!({"kind": "pull", "url": url}));
    pull("ts", web.url("live.ts"));
    pull("film", web.url("film.ts"));
    pull("rtmp", format!("{}/stage", relay.relay_url()));
    until("the playlist", s(20), || playlist.exists().then_some(()));
    let (user, password) = GUARD;
    let guarded = web.url("guarded/live.m3u8?token=hush-hush");
    house.source("hls", json!({"kind": "pull", "url": guarded, "user": user, "password": password}));
    house.input("hls", 1, (web, encoder));
    house.input("ts", 2, ts);
    house.input("film", 3, ());
    house.input("rtmp", 4, (relay, publisher));
    house.show_all();
    let logs = house.logs();
    assert!(!logs.contains(password) && !logs.contains("hush-hush"), "a secret in a log");
}

#[test]
fn servers_that_fail_are_named_and_come_back() {
    const SECRET: &str = "not-for-any-log";
    let house = House::open("servers");
    let web = Web::start(&house.stage.room("web"));
    std::fs::write(web.public().join("page.html"), "<!doctype html><html><body>Hello</body></html>").expect("write");
    std::fs::write(web.public().join("guarded/live.m3u8"), "#EXTM3U\n").expect("write");
    let pull = |id: &str, url: String| house.source(id, json!({"kind": "pull", "url": url}));
    pull("nobody", format!("http://127.0.0.1:{}/live.m3u8?token={SECRET}", free_port()));
    pull("nothing", web.url(&format!("nothing.m3u8?token={SECRET}")));
    pull("guarded", web.url("guarded/live.m3u8"));
    pull("page", web.url("page.html"));
    pull("plain", web.url("live.m3u8").replace("http://", "https://"));
    let mut relay = Platform::start(&house.stage.room("relay"), "relay");
    let stream = format!("{}/stage", relay.relay_url());
    let mut publisher = house.sender("rtmp", 6, &["-f", "flv", &stream]);
    pull("relay", stream);
    for (id, code) in [
        ("nobody", "source_unreachable"),
        ("nothing", "source_not_found"),
        ("guarded", "source_refused"),
        ("page", "source_no_video"),
        ("plain", "source_tls"),
    ] {
        house.wait_for_fault(id, code, SECRET);
    }
    house.wait_for("relay", SourceState::Online);
    relay.kill();
    house.wait_for("relay", SourceState::Lost);
    relay.resume();
    until("the publisher that comes again", s(40), || {
        publisher.resume();
        house.is_well("relay").then_some(())
    });
    assert!(!house.logs().contains(SECRET), "a secret in a log");
}
