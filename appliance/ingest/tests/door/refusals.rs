//! Who is not admitted, how it is told, and what the operator sees.

use crate::harness::{Ingest, wait};
use crate::raw::Raw;
use automation::fault::Code;
use std::io::Write as _;
use std::net::TcpStream;

#[test]
fn wrong_missing_and_foreign_tokens_are_refused_and_shown() {
    let mut ingest = Ingest::start(&[("main_obs", "right"), ("main_loop", "loop-right")]);
    let mut reader = ingest.reader("main_obs");
    for (name, key) in [
        ("wrong", "main_obs?token=wr0ng-secret"),
        ("missing", "main_obs"),
        ("empty", "main_obs?token="),
        ("foreign", "main_obs?token=loop-right"),
    ] {
        let url = ingest.url(key);
        let mut ffmpeg = ingest.ffmpeg(name, &url, &[]);
        assert!(!ffmpeg.wait().success(), "{name}");
        assert!(ffmpeg.log().contains("Server error: The stream key is wrong"), "{name}: {}", ffmpeg.log());
    }
    let url = ingest.url("main_loop?token=right");
    let mut ffmpeg = ingest.ffmpeg("reverse", &url, &[]);
    assert!(!ffmpeg.wait().success(), "the live input's token on the loop");
    ingest.until_fault(Code::PublisherRefused, "main_loop");
    let text = "A publisher at 127.0.0.1 was refused on \"main_obs\" (4 times): the token is wrong or missing.";
    ingest.control.until("all four refusals", |status| status.faults.iter().any(|f| f.text == text).then_some(()));

    // Not a byte of media came through: the reader's file begins with the one that is admitted.
    let url = ingest.url("main_obs?token=right");
    let _ffmpeg = ingest.ffmpeg("right", &url, &[]);
    reader.begin();
    assert!(reader.pictures(1)[0].is_keyframe());
    let url = ingest.url("main_loop?token=loop-right");
    let _loop = ingest.ffmpeg("loop", &url, &[]);
    ingest.until_published("main_loop");
    ingest.control.until("the refusals to go", |status| status.faults.is_empty().then_some(()));
    for secret in ["wr0ng-secret", "loop-right", "token=right"] {
        assert!(!ingest.program.log().contains(secret), "{secret} in the log");
    }
}

#[test]
fn unknown_streams_and_apps_are_refused() {
    let mut ingest = Ingest::start(&[("main_obs", "t")]);
    let port = ingest.port;
    let pasted = "c2VjcmV0LXRva2Vu";
    for (name, url) in [
        ("name", ingest.url("other_obs?token=t")),
        ("app", format!("rtmp://127.0.0.1:{port}/stream/main_obs?token=t")),
        ("pasted", ingest.url(pasted)),
    ] {
        let mut ffmpeg = ingest.ffmpeg(name, &url, &[]);
        assert!(!ffmpeg.wait().success(), "{name}");
        assert!(ffmpeg.log().contains("Server error: There is no such stream"), "{name}: {}", ffmpeg.log());
    }
    ingest.until_fault(Code::PublisherUnknown, "other_obs");
    ingest.until_fault(Code::PublisherUnknown, "main_obs");
    let text = ingest.until_fault(Code::PublisherUnknown, "");
    assert_eq!(text, "A publisher at 127.0.0.1 was refused on an unknown name: there is no such stream.");
    assert!(!ingest.program.log().contains(pasted), "a pasted token in the log");
}

#[test]
fn a_second_publisher_is_refused_and_the_first_goes_on() {
    let mut ingest = Ingest::start(&[("main_obs", "t")]);
    let url = ingest.url("main_obs?token=t");
    let mut first = ingest.ffmpeg("first", &url, &[]);
    let mut reader = ingest.reader("main_obs");
    reader.begin();
    let before = reader.pictures(1).pop().unwrap();
    let mut second = ingest.ffmpeg("second", &url, &[]);
    assert!(!second.wait().success());
    assert!(second.log().contains("Server error: The stream is being published already"), "{}", second.log());
    ingest.until_fault(Code::PublisherTaken, "main_obs");
    let pictures = reader.pictures(75);
    let mut at = before.timestamp_ms;
    for picture in &pictures {
        assert_eq!(picture.timestamp_ms, at + 40, "a picture is missing");
        at = picture.timestamp_ms;
    }
    assert!(first.is_running());
}

#[test]
fn players_are_refused() {
    let ingest = Ingest::start(&[("main_obs", "t")]);
    let mut raw = Raw::connect(ingest.address(), "live");
    raw.command("createStream", &[]);
    raw.command("play", &["main_obs?token=t"]);
    assert!(raw.until_closed().contains(&"onStatus NetStream.Play.StreamNotFound".to_owned()));
}

#[test]
fn obs_is_answered_as_it_expects() {
    let mut ingest = Ingest::start(&[("main_obs", "t")]);
    let mut raw = Raw::connect(ingest.address(), "live");
    for (command, arguments) in [
        ("releaseStream", &["main_obs?token=t"][..]),
        ("FCPublish", &["main_obs?token=t"]),
        ("createStream", &[]),
        ("publish", &["main_obs?token=t", "live"]),
    ] {
        raw.command(command, arguments);
    }
    raw.until("onStatus NetStream.Publish.Start");
    let want = ["_result NetConnection.Connect.Success", "onFCPublish", "_result", "onStatus NetStream.Publish.Start"];
    assert_eq!(raw.said, want);
    ingest.until_published("main_obs");
    raw.command("FCUnpublish", &["main_obs?token=t"]);
    raw.command("deleteStream", &[]);
    raw.until_closed();
    ingest.until_free();
}

#[test]
fn media_before_the_verdict_and_nonsense_end_the_connection() {
    let mut ingest = Ingest::start(&[("main_obs", "t")]);
    let mut raw = Raw::connect(ingest.address(), "live");
    raw.video(0, &[0x17, 0, 0, 0, 0]);
    raw.until_closed();

    let mut http = TcpStream::connect(ingest.address()).unwrap();
    http.write_all(&b"GET / HTTP/1.1\r\n".repeat(200)).unwrap();
    Raw::over(http).until_closed();
    wait("the log", || ingest.program.log().contains("media before it was allowed").then_some(()));
    let (publishers, faults) =
        ingest.control.until("a status", |status| Some((status.publishers.len(), status.faults.len())));
    assert_eq!((publishers, faults), (0, 0));
}

#[test]
fn who_says_nothing_is_turned_out_and_there_is_a_limit() {
    let mut ingest = Ingest::start(&[("main_obs", "t")]);
    let idle: Vec<TcpStream> = (0..70).map(|_| TcpStream::connect(ingest.address()).unwrap()).collect();
    wait("the limit", || ingest.program.log().contains("there are 64 connections already").then_some(()));
    // After five seconds each they are gone, and the door is open again.
    for stream in idle {
        Raw::over(stream).until_closed();
    }
    let _raw = Raw::publish(ingest.address(), "main_obs?token=t");
    ingest.until_published("main_obs");
}
