//! Streams that are fetched: HLS and MPEG-TS by HTTP, RTMP.

use crate::house::{House, Paced, film};
use automation::status::SourceState;
use harness::clip::{self, Clip};
use harness::platform::Platform;
use harness::publisher::Publisher;
use harness::rtmp::Empty;
use harness::stage::free_port;
use harness::wait::{s, until};
use harness::web::{GUARD, Web};
use serde_json::json;

/// Length of the film that is fetched, seconds: longer than the test.
const FILM_S: u32 = 192;

#[test]
fn streams_that_are_fetched_go_on_air() {
    let mut house = House::open("pulls");
    let web = Web::start(&house.stage.room("web"));
    // HLS behind a user and a password, for its segments too.
    let playlist = web.public().join("guarded/live.m3u8");
    let hls = ["-f", "hls", "-hls_time", "2", "-hls_list_size", "6", "-hls_flags", "delete_segments"];
    let hls: Vec<&str> = hls.into_iter().chain(playlist.to_str()).collect();
    let encoder = house.sender("hls", 1, &hls);
    // Among several, the one that fits the program: the other has nothing to show.
    let several = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9000000,RESOLUTION=3840x2160\nhuge.m3u8\n\
                   #EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360\nlive.m3u8\n";
    std::fs::write(web.public().join("guarded/several.m3u8"), several).expect("write a playlist of playlists");
    // MPEG-TS without an end, as ErsatzTV and Tunarr serve it.
    let mut ts = house.sender("ts", 2, &["-f", "mpegts", "-listen", "1", &web.encoder()]);
    // A film that can be fetched as fast as the network carries it, and does not end while the others are shown.
    std::fs::create_dir_all(web.public()).expect("make the web server's folder");
    clip::remux(&Clip::new(3, FILM_S), &web.public().join("film.ts"));
    let relay = Platform::start(&house.stage.room("relay"), "relay");
    let publisher = house.sender("rtmp", 4, &["-f", "flv", &format!("{}/stage", relay.relay_url())]);
    let pull = |id: &str, url: String| house.source(id, json!({"kind": "pull", "url": url}));
    pull("ts", web.url("live.ts"));
    pull("film", web.url("film.ts"));
    pull("rtmp", format!("{}/stage", relay.relay_url()));
    until("the playlist", s(20), || playlist.exists().then_some(()));
    let (user, password) = GUARD;
    let guarded = web.url("guarded/several.m3u8?token=hush-hush");
    house.source("hls", json!({"kind": "pull", "url": guarded, "user": user, "password": password}));
    // Such a listening ffmpeg serves one client in its life, be it one that gave up while it began.
    until("the endless stream", s(40), || {
        ts.resume();
        house.is_well("ts").then_some(())
    });
    house.input("hls", 1, (web, encoder));
    house.input("ts", 2, ts);
    house.paced_input("film", 3, Paced::Evenly(FILM_S * 30), ());
    house.input("rtmp", 4, (relay, publisher));
    house.show_all();
    let logs = house.logs();
    assert!(!logs.contains(password) && !logs.contains("hush-hush"), "a secret in a log");
}

#[test]
fn hls_with_its_sound_in_a_playlist_of_its_own_goes_on_air() {
    let mut house = House::open("apart");
    // GStreamer's `hlsdemux` lets each playlist begin at zero, whatever its first times are.
    house.loose = Some(1);
    let web = Web::start(&house.stage.room("web"));
    let (apart, parts) = (web.public().join("apart.m3u8"), web.public().join("apart-%v.m3u8"));
    let map = ["-map", "0:v", "-map", "0:a", "-f", "hls", "-var_stream_map", "v:0,agroup:a a:0,agroup:a,default:yes"];
    let more =
        ["-hls_time", "2", "-hls_list_size", "6", "-hls_flags", "delete_segments", "-master_pl_name", "apart.m3u8"];
    // From its first segment on, which one must not join.
    house.source("apart", json!({"kind": "pull", "url": web.url("apart.m3u8")}));
    let output: Vec<&str> = map.into_iter().chain(more).chain(parts.to_str()).collect();
    let encoder = house.sender("encoder", 1, &output);
    until("the playlists", s(20), || apart.exists().then_some(()));
    house.input("apart", 1, (web, encoder));
    house.show_all();
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
    // Repeats the name that it is asked for, and so the token.
    pull("unknown", Empty::start().url(&format!("stage?token={SECRET}/of/ours")));
    let mut relay = Platform::start(&house.stage.room("relay"), "relay");
    // A stream that comes and cannot be decoded is something else than a server that does not answer.
    let mut hevc = film(5);
    hevc.hevc = true;
    let _hevc =
        Publisher::enhanced(&house.stage.room("hevc"), &hevc.file(), &["-c", "copy"], &relay.relay_url(), "hevc");
    pull("hevc", format!("{}/hevc", relay.relay_url()));
    let stream = format!("{}/stage", relay.relay_url());
    let mut publisher = house.sender("rtmp", 6, &["-f", "flv", &stream]);
    pull("relay", stream);
    for (id, code) in [
        ("nobody", "source_unreachable"),
        ("nothing", "source_not_found"),
        ("guarded", "source_refused"),
        ("page", "source_no_video"),
        ("plain", "source_tls"),
        ("unknown", "source_not_found"),
        ("hevc", "source_no_video"),
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
