//! Streams that are fetched: HLS and MPEG-TS by HTTP, RTMP.

use crate::house::{House, Paced, film};
use automation::status::SourceState;
use harness::bandstand::Bandstand;
use harness::clip::{self, Clip};
use harness::platform::Platform;
use harness::publisher::Publisher;
use harness::rtmp::Empty;
use harness::sender::Sender;
use harness::stage::{Stage, free_port};
use harness::tls::TlsDoor;
use harness::wait::{s, until};
use harness::web::{GUARD, Web};
use serde_json::json;
use std::time::{Duration, Instant};

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
    let web = Web::start(&house.stage.room("web"));
    let (apart, parts) = (web.public().join("apart.m3u8"), web.public().join("apart-%v.m3u8"));
    let map = ["-map", "0:v", "-map", "0:a", "-f", "hls", "-var_stream_map", "v:0,agroup:a a:0,agroup:a,default:yes"];
    let more =
        ["-hls_time", "2", "-hls_list_size", "6", "-hls_flags", "delete_segments", "-master_pl_name", "apart.m3u8"];
    // From before its beginning on: what has just begun is waited for. With pictures that wait for others, so that the
    // pictures' first time is not that of their clock.
    house.source("apart", json!({"kind": "pull", "url": web.url("apart.m3u8")}));
    let output: Vec<&str> = map.into_iter().chain(more).chain(parts.to_str()).collect();
    let mut reordered = film(1);
    reordered.b_frames = 2;
    let encoder = Sender::start(&house.stage.room("encoder"), &reordered.file(), &output);
    until("the playlists", s(20), || apart.exists().then_some(()));
    // The same in fragments of MP4.
    let fragments = web.public().join("fragments");
    std::fs::create_dir_all(&fragments).expect("make the stream's folder");
    let parts = fragments.join("apart-%v.m3u8");
    let kind = ["-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init-%v.mp4"];
    let output: Vec<&str> = map.into_iter().chain(more).chain(kind).chain(parts.to_str()).collect();
    let other = house.sender("other", 2, &output);
    until("its playlists", s(20), || fragments.join("apart.m3u8").exists().then_some(()));
    house.source("fragments", json!({"kind": "pull", "url": web.url("fragments/apart.m3u8")}));
    house.input("apart", 1, (web, encoder));
    house.input("fragments", 2, other);
    house.show_all();
}

#[test]
fn hls_in_fragments_and_hls_that_is_encrypted_go_on_air() {
    let mut house = House::open("kinds");
    let web = Web::start(&house.stage.room("web"));
    let usual = ["-f", "hls", "-hls_time", "2", "-hls_list_size", "6", "-hls_flags", "delete_segments"];
    let key = house.stage.room("key");
    std::fs::create_dir_all(&key).expect("make a folder");
    std::fs::write(web.public().join("key"), b"not for any log!").expect("write a key");
    let key_info = key.join("info");
    std::fs::write(&key_info, format!("key\n{}\n", web.public().join("key").display())).expect("write the key's file");
    let encrypted = ["-hls_key_info_file", key_info.to_str().expect("a name in UTF-8")];
    for (id, number, more) in [("fragments", 1, ["-hls_segment_type", "fmp4"]), ("encrypted", 2, encrypted)] {
        std::fs::create_dir_all(web.public().join(id)).expect("make the stream's folder");
        let list = web.public().join(id).join("live.m3u8");
        if id == "encrypted" {
            std::fs::copy(web.public().join("key"), web.public().join("encrypted/key")).expect("put the key beside it");
        }
        let output: Vec<&str> = usual.into_iter().chain(more).chain(list.to_str()).collect();
        let encoder = house.sender(id, number, &output);
        until("the playlist", s(20), || list.exists().then_some(()));
        house.source(id, json!({"kind": "pull", "url": web.url(&format!("{id}/live.m3u8"))}));
        house.input(id, number, encoder);
    }
    house.show_all();
    assert!(!house.logs().contains("not for any log!"), "a key in a log");
}

#[test]
fn a_film_by_hls_that_is_made_of_two_plays_on_through_its_seam() {
    const FIRST_S: u32 = 12;
    let house = House::open("seam");
    let web = Web::start(&house.stage.room("web"));
    // Two films in fragments, each with a head of its own, as channels of films and servers that put in clips have them.
    let part = |number: u8, length_s: u32| {
        let folder = web.public().join(number.to_string());
        std::fs::create_dir_all(&folder).expect("make the film's folder");
        let list = folder.join("film.m3u8");
        clip::remux_as(&Clip::new(number, length_s), &list, &["-hls_segment_type", "fmp4", "-hls_list_size", "0"]);
        let list = std::fs::read_to_string(list).expect("read ffmpeg's playlist");
        let head = format!("#EXT-X-MAP:URI=\"{number}/init.mp4\"\n");
        let segments = list.lines().filter(|line| line.starts_with("#EXTINF") || line.ends_with(".m4s"));
        let line = |line: &str| if line.starts_with('#') { format!("{line}\n") } else { format!("{number}/{line}\n") };
        head + &segments.map(line).collect::<String>()
    };
    let (first, second) = (part(5, FIRST_S), part(6, 48));
    let text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST-TYPE:VOD\n";
    let text = format!("{text}{first}#EXT-X-DISCONTINUITY\n{second}#EXT-X-ENDLIST\n");
    std::fs::write(web.public().join("film.m3u8"), text).expect("write the playlist");
    house.source("film", json!({"kind": "pull", "url": web.url("film.m3u8")}));
    house.wait_for("film", SourceState::Online);
    let recording = house.show("film", u64::from(FIRST_S) * 30 + 150);
    let seen: Vec<u8> = recording.stretches().iter().map(|stretch| stretch.source).collect();
    assert_eq!(seen, [5, 6], "the first film once, then the second");
    let second = recording.stretches()[1];
    assert!(second.end - second.first >= 60, "it plays on: {second:?}");
    assert!(recording.longest_repeat(6) <= 6, "without standing still");
    // Where the times of the one end and those of the other begin, up to a second of sound may be missing.
    let seam_ms = recording.pictures[second.first].pts_ms;
    for flash in [5, 6].into_iter().flat_map(|source| recording.flashes_of(source)) {
        let near = (seam_ms - 1_000..seam_ms).contains(&flash.at_ms);
        assert!(near || flash.sound_after_ms.is_some_and(|ms| ms.abs() <= 20.0), "{flash:?}, the seam at {seam_ms} ms");
    }
}

#[test]
fn a_server_of_hls_that_is_away_for_a_moment_is_not_missed_and_one_that_begins_anew_is_followed() {
    let mut house = House::open("away");
    let mut web = Web::start(&house.stage.room("web"));
    let playlist = web.public().join("live.m3u8");
    let hls = ["-f", "hls", "-hls_time", "2", "-hls_list_size", "6", "-hls_flags", "delete_segments"];
    let hls: Vec<&str> = hls.into_iter().chain(playlist.to_str()).collect();
    let mut encoder = house.sender("hls", 1, &hls);
    // Long enough that a list that begins anew stands far behind.
    until("the ninth segment", s(40), || web.public().join("live8.ts").exists().then_some(()));
    house.source("hls", json!({"kind": "pull", "url": web.url("live.m3u8")}));
    house.wait_for("hls", SourceState::Online);
    web.kill();
    let gone = Instant::now();
    until("a second and a half without the server", s(10), || {
        assert!(house.is_well("hls"), "it plays on from its reserve");
        (gone.elapsed() > Duration::from_millis(1_500)).then_some(())
    });
    web.resume();
    let until_tick = house.tick() + 150;
    until("five seconds with it", s(20), || {
        assert!(house.is_well("hls"), "nobody missed it");
        (house.tick() > until_tick).then_some(())
    });
    // The encoder begins anew, with other times and at the first number: its old list stands until its own first.
    encoder.kill();
    encoder.resume();
    let until_tick = house.tick() + 300;
    until("the new one to be followed", s(40), || (house.tick() > until_tick && house.is_well("hls")).then_some(()));
    assert!(!house.logs().contains("source failed"), "it is followed at once, and no failure");
    house.input("hls", 1, (web, encoder));
    house.show_all();
}

#[test]
fn streams_by_https_go_on_air() {
    let stage = Stage::new("https");
    let (room, tls) = (stage.room("web"), stage.room("tls"));
    std::fs::create_dir_all(&tls).expect("make a folder");
    let web = Web::start(&room);
    let door = TlsDoor::before(web.port(), &tls, "DNS:localhost");
    let mut house = House::with(Bandstand::start_trusting(&stage.room("box"), &door.authority()), stage);
    let playlist = web.public().join("live.m3u8");
    let hls = ["-f", "hls", "-hls_time", "2", "-hls_list_size", "6", "-hls_flags", "delete_segments"];
    let hls: Vec<&str> = hls.into_iter().chain(playlist.to_str()).collect();
    let encoder = house.sender("hls", 1, &hls);
    clip::remux(&Clip::new(3, FILM_S), &web.public().join("film.ts"));
    until("the playlist", s(20), || playlist.exists().then_some(()));
    let other = format!("https://127.0.0.1:{}/live.m3u8", door.port());
    for (id, path) in [("hls", "live.m3u8"), ("film", "film.ts")] {
        house.source(id, json!({"kind": "pull", "url": format!("https://localhost:{}/{path}", door.port())}));
    }
    house.input("hls", 1, encoder);
    house.paced_input("film", 3, Paced::Evenly(FILM_S * 30), (web, door));
    // By another name the certificate is not its own.
    house.source("other", json!({"kind": "pull", "url": other}));
    house.wait_for_fault("other", "source_tls", "no secret");
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
