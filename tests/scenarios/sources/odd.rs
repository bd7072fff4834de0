//! Pictures and sound as nobody plans them: small, tall, interlaced, of a rate that varies, of a size that changes.

use crate::house::{House, Paced, film};
use harness::clip::Clip;
use harness::sender::Sender;
use harness::stage::free_udp_port;
use harness::ts_sender::TsSender;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Pictures of the film whose size changes in its midst.
const CHANGING_PICTURES: u32 = 8 * 30;

/// A film of 8 s whose second half has another size, in one stream; its sound goes on through it. Not as MPEG-TS, in
/// which ffmpeg loses the first keyframe whenever it begins the film anew: a decoder would wait a second for the next.
fn changing(number: u8, folder: &Path) -> PathBuf {
    let whole = Clip::new(number, 8);
    let halves = [
        whole.made_over("first", &["-vf", "trim=0:4", "-an"]),
        whole.made_over("second", &["-vf", "trim=4:8,setpts=PTS-STARTPTS,scale=480:360,setsar=1", "-an"]),
    ];
    let list: String = halves.iter().map(|half| format!("file '{}'\n", half.display())).collect();
    std::fs::write(folder.join("halves.txt"), list).expect("write the list of halves");
    let film = folder.join("changing.nut");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-f", "concat", "-safe", "0", "-i"]);
    ffmpeg.arg(folder.join("halves.txt")).arg("-i").arg(whole.file());
    let status = ffmpeg.args(["-map", "0:v", "-map", "1:a", "-c", "copy"]).arg(&film).status();
    assert!(status.is_ok_and(|status| status.success()), "ffmpeg could not join the halves");
    film
}

/// Four seconds of a film of eight as MPEG-TS, whose times begin here, seconds.
fn half(film: &Clip, from_s: u32, begins_s: u32, folder: &Path) -> PathBuf {
    let half = folder.join(format!("from-{from_s}.ts"));
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-ss", &from_s.to_string(), "-i"]);
    ffmpeg.arg(film.file()).args(["-t", "4", "-c", "copy", "-output_ts_offset", &begins_s.to_string()]).arg(&half);
    assert!(ffmpeg.status().is_ok_and(|status| status.success()), "ffmpeg could not cut the film");
    half
}

#[test]
fn times_that_jump_are_borne() {
    let mut house = House::open("jumps");
    let folder = house.stage.room("halves");
    std::fs::create_dir_all(&folder).expect("make a folder");
    let film = Clip::new(1, 8);
    // Ahead by a quarter of an hour, and back again, every four seconds.
    let halves = [half(&film, 0, 10, &folder), half(&film, 4, 910, &folder)];
    let port = free_udp_port();
    house.source("jumps", json!({"kind": "udp", "port": port, "latency_ms": 1000}));
    let far = TsSender::start(SocketAddr::from(([127, 0, 0, 1], port)), &halves);
    house.paced_input("jumps", 1, Paced::Unevenly(8 * 30), far);
    // GStreamer's demultiplexer guesses by how much, and is some milliseconds off.
    house.loose = Some(1);
    house.show_all();
}

#[test]
fn odd_inputs_are_shown_whole_and_heard() {
    let mut house = House::open("odd");
    let even = Paced::Evenly(48 * 30);
    let small = "scale=176:144:flags=area,setsar=1,fps=30000/1001";
    let interlaced = ["-flags", "+ildct+ilme", "-x264-params", "tff=1", "-b:v", "1500k"];
    // Never one that a flash begins with: by it pictures and sound are compared.
    let uneven = ["-vf", "select='lt(mod(n,30),3)+not(eq(mod(n,7),3)+eq(mod(n,11),5))'", "-fps_mode", "vfr"];
    let folder = house.stage.room("changing");
    std::fs::create_dir_all(&folder).expect("make a folder");
    let films = [
        ("small-mono", 1, film(1).made_over("small", &["-vf", small, "-c:a", "aac", "-ac", "1", "-ar", "44100"]), even),
        ("interlaced", 2, film(2).sized(640, 480, 30).made_over("interlaced", &interlaced), even),
        ("tall", 3, film(3).sized(360, 640, 30).made_over("b-frames", &["-bf", "3"]), even),
        ("uneven", 4, film(4).made_over("uneven", &uneven), Paced::Unevenly(48 * 30)),
        ("changing", 5, changing(5, &folder), Paced::Unevenly(CHANGING_PICTURES)),
    ];
    for (id, number, film, paced) in films {
        let port = free_udp_port();
        house.source(id, json!({"kind": "udp", "port": port, "latency_ms": 1000}));
        let to = format!("udp://127.0.0.1:{port}?pkt_size=1316");
        let far = Sender::start(&house.stage.room(id), &film, &["-f", "mpegts", &to]);
        house.paced_input(id, number, paced, far);
    }
    // 29.97 pictures a second move over a tick every 33 s.
    house.loose = Some(1);
    let recording = house.show_all();
    let counters = recording.pictures.iter().filter_map(|p| p.mark).filter(|m| m.source == 5).map(|m| m.counter);
    let (first, second): (Vec<u32>, Vec<u32>) = counters.partition(|counter| *counter < CHANGING_PICTURES / 2);
    assert!(first.len() > 20 && second.len() > 20, "{} and {} pictures of its two sizes", first.len(), second.len());
}
