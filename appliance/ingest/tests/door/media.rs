//! What publishers send is what channels get.

use crate::harness::{Ingest, ffprobe};
use crate::raw::Raw;
use automation::fault::Code;
use std::io::Read as _;

#[test]
fn ffmpeg_publishes_and_a_channel_reads_what_ffprobe_accepts() {
    let mut ingest = Ingest::start(&[("main_obs", "tok-1"), ("main_loop", "tok-2")]);
    let mut waiting = ingest.reader("main_obs");
    let url = ingest.url("main_obs?token=tok-1");
    let mut ffmpeg = ingest.ffmpeg("ffmpeg", &url, &[]);

    assert_eq!(waiting.begin(), 5, "sound and pictures");
    let head: Vec<_> = (0..3).map(|_| waiting.tag().unwrap()).collect();
    assert_eq!(head.iter().map(|tag| tag.kind).collect::<Vec<_>>(), [18, 9, 8], "metadata, then the codecs");
    assert_eq!(&head[0].body[..13], b"\x02\x00\x0aonMetaData");
    assert_eq!((head[1].body[1], head[2].body[1]), (0, 0), "codec headers");
    let pictures = waiting.pictures(60);
    assert!(pictures[0].is_keyframe());
    let steps: Vec<u32> = pictures.windows(2).map(|w| w[1].timestamp_ms - w[0].timestamp_ms).collect();
    assert!(steps.iter().all(|step| *step == 40), "25 a second, none missing: {steps:?}");
    let (codecs, packets) = ffprobe(waiting.whole(), ingest.run.path());
    assert_eq!(codecs, ["aac", "h264"]);
    assert!(packets >= 60, "{packets}");

    let (bytes, kbps) = ingest.control.until("a rate", |status| {
        let publisher = status.publishers.first()?;
        assert_eq!((status.publishers.len(), publisher.stream.as_str()), (1, "main_obs"));
        assert!(publisher.peer.starts_with("127.0.0.1:"));
        (publisher.kbps > 100 && publisher.bytes > 10_000).then_some((publisher.bytes, publisher.kbps))
    });
    assert!(kbps < 20_000, "{bytes} bytes, {kbps} kbit/s");

    ffmpeg.signal("-INT");
    ffmpeg.wait();
    waiting.until_end();
    ingest.until_free();
    assert!(!ingest.program.log().contains("tok-1"), "a token in the log");
}

#[test]
fn who_joins_late_begins_with_a_keyframe_of_the_past() {
    let mut ingest = Ingest::start(&[("main_obs", "t")]);
    let url = ingest.url("main_obs?token=t");
    let _ffmpeg = ingest.ffmpeg("ffmpeg", &url, &[]);
    let mut first = ingest.reader("main_obs");
    first.begin();
    // In the middle of a GOP.
    let last = first.pictures(40).pop().unwrap();
    assert!(!last.is_keyframe());
    let mut late = ingest.reader("main_obs");
    let mut second = ingest.reader("main_obs");
    for reader in [&mut late, &mut second] {
        assert_eq!(reader.begin(), 5);
        let picture = reader.pictures(1).pop().unwrap();
        assert!(picture.is_keyframe());
        assert!(picture.timestamp_ms <= last.timestamp_ms + 40 * 25);
        assert!(reader.pictures(30).len() == 30);
        let (codecs, _) = ffprobe(reader.whole(), ingest.run.path());
        assert_eq!(codecs, ["aac", "h264"]);
    }
    // One that leaves disturbs nobody.
    drop(late);
    first.pictures(30);
    second.pictures(30);
    ingest.until_published("main_obs");
}

#[test]
fn gstreamer_publishes_too() {
    let mut ingest = Ingest::start(&[("main_loop", "t")]);
    let mut reader = ingest.reader("main_loop");
    let url = ingest.url("main_loop?token=t");
    let _gstreamer = ingest.gstreamer(&url);
    ingest.until_published("main_loop");
    assert_eq!(reader.begin(), 5);
    assert!(reader.pictures(30)[0].is_keyframe());
    let (codecs, _) = ffprobe(reader.whole(), ingest.run.path());
    assert_eq!(codecs, ["aac", "h264"]);
}

#[test]
fn the_token_may_stand_on_the_app_and_obs_calls_itself_fmle() {
    let mut ingest = Ingest::start(&[("main_obs", "t")]);
    let flash = ["-rtmp_flashver", "FMLE/3.0 (compatible; FMSc/1.0)"];
    let address = format!("rtmp://127.0.0.1:{}/live", ingest.port);
    let on_app = ["-rtmp_app", "live?token=t", "-rtmp_playpath", "main_obs"];
    let mut ffmpeg = ingest.ffmpeg("app", &address, &[&flash[..], &on_app].concat());
    ingest.until_published("main_obs");
    ffmpeg.signal("-INT");
    ffmpeg.wait();
    ingest.until_free();

    let url = ingest.url("main_obs?token=t");
    let _ffmpeg = ingest.ffmpeg("key", &url, &flash);
    ingest.until_published("main_obs");
    let mut reader = ingest.reader("main_obs");
    reader.begin();
    assert!(reader.pictures(1)[0].is_keyframe());
}

#[test]
fn a_slow_reader_is_dropped_and_nobody_else_notices() {
    let mut ingest = Ingest::start(&[("main_obs", "t")]);
    let mut raw = Raw::publish(ingest.address(), "main_obs?token=t");
    let mut slow = ingest.reader("main_obs");
    let mut quick = ingest.reader("main_obs");
    raw.video(0, &[0x17, 0, 0, 0, 0, 1]);
    raw.video(0, &[0x17, 1, 0, 0, 0, 9]);
    assert_eq!((slow.begin(), quick.begin()), (1, 1));
    let mut sent_ms = 0;
    let cut = |ingest: &Ingest| ingest.program.log().contains("reader cut");
    while !cut(&ingest) {
        sent_ms += 40;
        assert!(sent_ms < 40 * 200, "it is never cut");
        let picture = [&[0x27, 1, 0, 0, 0][..], &vec![0; 512 << 10]].concat();
        raw.video(sent_ms, &picture);
        while quick.pictures(1)[0].timestamp_ms < sent_ms {}
    }
    // What waited for it is thrown away: its connection ends.
    let mut rest = Vec::new();
    slow.stream.read_to_end(&mut rest).unwrap();
    assert!(rest.len() < 2 << 20, "{}", rest.len());
    raw.video(sent_ms + 40, &[0x27, 1, 0, 0, 0]);
    assert_eq!(quick.pictures(1)[0].timestamp_ms, sent_ms + 40);
    ingest.until_published("main_obs");
}

#[test]
fn a_publisher_that_falls_silent_is_ended_and_its_name_is_free() {
    let mut ingest = Ingest::start(&[("main_obs", "t")]);
    let url = ingest.url("main_obs?token=t");
    let frozen = ingest.ffmpeg("frozen", &url, &[]);
    ingest.until_published("main_obs");
    let mut reader = ingest.reader("main_obs");
    reader.begin();
    reader.pictures(1);
    frozen.signal("-STOP");
    let mut taken = ingest.ffmpeg("taken", &url, &[]);
    assert!(!taken.wait().success());
    ingest.until_fault(Code::PublisherTaken, "main_obs");
    ingest.until_free();
    reader.until_end();
    let _back = ingest.ffmpeg("back", &url, &[]);
    ingest.until_published("main_obs");
}
