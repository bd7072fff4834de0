use super::*;
use crate::encoder::picture_caps;
use crate::program::tick::lend;
use crate::source::chain;
use crate::source::store::Store;
use gstreamer::prelude::*;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Instant;

const LIMIT: Duration = Duration::from_secs(20);

pub(in crate::source) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "waited {LIMIT:?} for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub(in crate::source) fn house() -> House {
    House { width: 160, height: 90, ..House::default() }
}

/// A file made by ffmpeg from what its `lavfi` inputs say; every stream of every input is in it.
fn film(folder: &Path, inputs: &[&str], seconds: u32) -> PathBuf {
    film_as(folder, inputs, seconds, &[])
}

/// The same, with more for the encoder.
pub(in crate::source) fn film_as(folder: &Path, inputs: &[&str], seconds: u32, how: &[&str]) -> PathBuf {
    let path = folder.join("film.mp4");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-hide_banner", "-loglevel", "error", "-y"]);
    for input in inputs {
        ffmpeg.args(["-f", "lavfi", "-t", &seconds.to_string(), "-i", input]);
    }
    for n in 0..inputs.len() {
        ffmpeg.args(["-map", &n.to_string()]);
    }
    ffmpeg.args([
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        "-preset",
        "ultrafast",
        "-g",
        "30",
        "-c:a",
        "aac",
        "-movflags",
        "+faststart",
    ]);
    assert!(ffmpeg.args(how).arg(&path).status().expect("start ffmpeg; ./dev setup installs it").success());
    path
}

/// Luma in the middle of a picture.
pub(in crate::source) fn luma(buffer: &gst::Buffer) -> u8 {
    let info = gstreamer_video::VideoInfo::from_caps(&picture_caps(&house())).unwrap();
    let mut luma = 0;
    lend(&info, buffer, &mut |picture| luma = picture.y.row(45, 160)[80]);
    luma
}

#[test]
fn the_first_picture_and_the_first_sound_of_a_file_are_taken() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let inputs =
        ["color=c=0x404040:s=160x90:r=30", "color=c=white:s=160x90:r=30", "sine=f=500:r=48000", "sine=f=4000:r=48000"];
    let media = Media::start(&film(folder.path(), &inputs, 3), &house());
    let player = wait_for("a player", || media.player(0, 0));
    wait_for("its sound", || (player.store.counts().1 > 2 * 48_000).then_some(()));
    let mut sound = Vec::new();
    for n in 0..45u64 {
        let at = n * 1_000_000_000 / 30;
        let picture = wait_for("the picture that is due", || player.store.look(at + 16_000_000).picture);
        assert!((60..90).contains(&luma(&picture.buffer)), "tick {n}: luma {}", luma(&picture.buffer));
        let mut out = [0f32; 3200];
        player.store.listen(at, &mut out);
        sound.extend(out.chunks_exact(2).map(|frame| frame[0]));
    }
    let middle = &sound[24_000..48_000];
    let rising = middle.windows(2).filter(|w| w[0] < 0.0 && w[1] >= 0.0).count();
    assert!((240..=260).contains(&rising), "500 Hz are 250 rises in half a second, not {rising}");
}

#[test]
fn a_still_is_shown_for_as_long_as_it_is_wanted() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["still.png", "still.jpg"] {
        let path = folder.path().join(name);
        let made = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i", "color=c=0x404040:s=320x240"])
            .args(["-frames:v", "1"])
            .arg(&path)
            .status();
        assert!(made.expect("start ffmpeg; ./dev setup installs it").success());
        let media = Media::start(&path, &house());
        let player = wait_for("a player", || media.player(0, 0));
        for seconds in [0, 1, 60, 86_400] {
            let at = seconds * 1_000_000_000;
            let picture = wait_for("the still", || player.store.look(at).picture.or_else(|| player.store.first()));
            assert!((60..90).contains(&luma(&picture.buffer)), "{name} after {seconds} s");
            assert!(!player.has_stalled(running().plus_ms(seconds * 1000)), "{name}: it has no more to give");
        }
        assert_eq!((media.fault(), media.facts()), (None, ((320, 240), false)), "{name}");
    }
}

#[test]
fn a_file_that_breaks_off_in_mid_play_is_named_and_played_again_when_it_is_whole() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = film(folder.path(), &["testsrc2=s=160x90:r=30", "sine=f=500:r=48000"], 4);
    let bytes = std::fs::read(&path).unwrap();
    let media = Media::start(&path, &house());
    let player = wait_for("a player", || media.player(0, 0));
    assert!(media.fault().is_none());
    // Its index has been read; what it points to is gone.
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    let mut position = 0;
    let fault = wait_for("the fault", || {
        position += 33_333_333;
        player.store.look(position);
        player.store.pass(position);
        media.fault().filter(|_| player.is_broken())
    });
    assert!(!fault.text.is_empty(), "{fault:?}");
    std::fs::write(&path, &bytes).unwrap();
    wait_for("the fault's end", || {
        // Again and again: a try that had begun before the file was whole fails after the first one.
        hold(&media.desk.inner).retry.hurry();
        media.desk.changed.notify_all();
        media.fault().is_none().then_some(())
    });
    let again = wait_for("another player", || media.player(900, 0));
    assert!(!again.is_broken() && !Arc::ptr_eq(&again, &player));
    wait_for("its first picture", || again.store.first());
}

#[test]
fn a_player_that_stands_still_with_room_in_its_store_has_stalled_and_one_that_is_held_back_has_not() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = film(folder.path(), &["testsrc2=s=160x90:r=30", "sine=f=500:r=48000"], 4);
    let (end, ended) = channel();
    let player = Player::open(&path, &house(), 0, &end, Box::new(|_| {})).unwrap();
    wait_for("a full store", || (!player.store.has_room()).then_some(()));
    let begun = running();
    let later = |seconds: u64| begun.plus_ms(seconds * 1000);
    assert!((0..60).all(|seconds| !player.has_stalled(later(seconds))), "it waits for its reader");
    // Nothing leaves the demuxer any more, as if the disk hung.
    let parts = player.pipeline.iterate_recurse().into_iter().flatten();
    for queue in parts.filter(|part| part.factory().is_some_and(|factory| factory.name() == "multiqueue")) {
        for pad in queue.sink_pads() {
            let hang = gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER;
            pad.add_probe(hang, |_, _| gst::PadProbeReturn::Ok).expect("a probe");
        }
    }
    let (mut seconds, mut position) = (60, 0);
    wait_for("the stall", || {
        (seconds, position) = (seconds + 1, position + 100_000_000);
        player.store.look(position);
        player.store.pass(position);
        player.has_stalled(later(seconds)).then_some(())
    });
    assert!(player.is_broken());
    assert!(!player.has_stalled(later(seconds + 60)), "told once");
    drop(player);
    ended.try_recv().unwrap().set_state(gst::State::Null).unwrap();
}

#[test]
fn the_waits_of_a_file_that_breaks_each_time_grow_until_a_round_is_whole() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let media = Media::start(&folder.path().join("nothing.mp4"), &house());
    wait_for("the first failure", || (hold(&media.desk.inner).retry.attempt() > 0).then_some(()));
    let mut inner = hold(&media.desk.inner);
    let waits: Vec<u64> = (0..8)
        .map(|_| {
            inner.fail(Path::new("film.mp4"), Fault::new(automation::fault::Code::MediaUnreadable, ""));
            inner.retry.deadline().unwrap().ms_since(running()).div_ceil(1000)
        })
        .collect();
    assert_eq!(waits, [20, 40, 80, 160, 320, 600, 600, 600]);
    inner.retry.succeeded();
    assert_eq!(inner.retry.attempt(), 0);
}

#[test]
fn several_players_that_break_together_are_one_failure() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let media = Media::start(&film(folder.path(), &["testsrc2=s=160x90:r=30"], 4), &house());
    wait_for("a player", || media.player(0, 0));
    let fault = || Fault::new(automation::fault::Code::MediaUnreadable, "");
    let mut inner = hold(&media.desk.inner);
    let opened = running();
    inner.broke(Path::new("film.mp4"), opened, fault());
    let (attempt, due) = (inner.retry.attempt(), inner.retry.deadline());
    assert_eq!(attempt, 1);
    inner.broke(Path::new("film.mp4"), opened, fault());
    assert_eq!((inner.retry.attempt(), inner.retry.deadline()), (attempt, due), "the other one says the same");
    inner.broke(Path::new("film.mp4"), running().plus_ms(1), fault());
    assert_eq!(inner.retry.attempt(), 2, "one that was opened since has failed by itself");
}

#[test]
fn whoever_lets_a_player_go_does_not_take_it_down() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = film(folder.path(), &["testsrc2=s=160x90:r=30"], 2);
    let (end, ended) = channel();
    let player = Player::open(&path, &house(), 0, &end, Box::new(|_| {})).unwrap();
    drop(player);
    let pipeline = ended.try_recv().expect("it is handed over");
    assert_eq!(pipeline.current_state(), gst::State::Playing, "and still runs");
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn the_end_of_a_player_that_was_let_go_says_nothing_about_its_file() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = film(folder.path(), &["testsrc2=s=160x90:r=30"], 60);
    let (end, ended) = channel();
    let (tell, told) = channel();
    let tell = Box::new(move |progress| tell.send(progress).unwrap());
    drop(Player::open(&path, &house(), 0, &end, tell).unwrap());
    // Its streams end at the closed store, and may say so before it is taken down.
    let pipeline = ended.try_recv().unwrap();
    let bus = pipeline.bus().unwrap();
    for _ in 0..2 {
        bus.post(gst::message::SegmentDone::new(gst::ClockTime::ZERO)).unwrap();
    }
    bus.post(gst::message::Error::new(gst::StreamError::Failed, "streaming stopped")).unwrap();
    bus.post(gst::message::Eos::new()).unwrap();
    assert!(told.try_recv().is_err(), "nothing is told");
    pipeline.set_state(gst::State::Null).unwrap();
}

/// Largest step from one row to the next, in the upper half of a luma plane. 0 where every row is like the others.
fn combing(rows: impl Fn(usize) -> Vec<u8>) -> u8 {
    let steps = (8..40).map(|y| {
        let (a, b) = (rows(y), rows(y + 1));
        a.iter().zip(&b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
    });
    steps.max().unwrap_or(0)
}

#[test]
fn interlaced_pictures_are_shown_without_combs() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // An upright bar that moves 12 pixels from field to field, 50 fields a second.
    let bar = "color=c=0x404040:s=160x96:r=50[a];color=c=white:s=16x96:r=50[b];[a][b]overlay=x=mod(n*12\\,140)";
    let bar = format!("{bar},tinterlace=interleave_top,fieldorder=tff");
    let path = film_as(folder.path(), &[&bar], 2, &["-flags", "+ilme+ildct", "-x264-params", "tff=1:qp=10"]);
    let house = House { width: 160, height: 96, ..House::default() };
    let raw = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-i"])
        .arg(&path)
        .args(["-frames:v", "10", "-f", "rawvideo", "-pix_fmt", "gray", "-"])
        .output()
        .unwrap()
        .stdout;
    let picture = &raw[9 * 160 * 96..10 * 160 * 96];
    assert!(combing(|y| picture[y * 160..][..160].to_vec()) > 100, "the film is combed");

    let media = Media::start(&path, &house);
    let player = wait_for("a player", || media.player(0, 0));
    let info = gstreamer_video::VideoInfo::from_caps(&picture_caps(&house)).unwrap();
    for n in 0..25u64 {
        let at = n * 40_000_000 + 20_000_000;
        let picture = wait_for("the picture that is due", || {
            player.store.look(at).picture.filter(|picture| picture.due_ns + 40_000_000 > at)
        });
        lend(&info, &picture.buffer, &mut |picture| {
            let comb = combing(|y| picture.y.row(y, 160).to_vec());
            assert!(comb < 40, "picture {n} is combed: {comb}");
        });
    }
}

#[test]
fn progressive_pictures_are_not_copied_on_their_way() {
    gst::init().unwrap();
    // With whole macroblocks libav's decoders hand on the memory in which they decode, which has more rows than these.
    let film = gst::parse::bin_from_description(
        "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width=160,height=96,framerate=30/1,colorimetry=bt709,\
         chroma-site=mpeg2 ! x264enc speed-preset=ultrafast ! h264parse ! avdec_h264 max-threads=1",
        true,
    );
    let (pipeline, store) = (gst::Pipeline::new(), Arc::new(Store::default()));
    let house = House { width: 160, height: 96, ..House::default() };
    let tail = chain::picture_tail(&pipeline, &house, &store, Arc::new(Some)).unwrap();
    let film = film.unwrap();
    pipeline.add(&film).unwrap();
    film.link(&tail).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let picture = wait_for("a picture", || store.first());
    let offset = picture.buffer.meta::<gstreamer_video::VideoMeta>().expect("it says where its rows are").offset()[1];
    store.close();
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(offset > 160 * 96, "the decoder's own memory: {offset}");
}

#[test]
fn a_player_that_begins_in_mid_clip_shows_nothing_of_the_clips_beginning() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    // A second of white, then black; the third second begins between two keyframes.
    let film = "color=c=black:s=160x90:r=30,drawbox=c=white:t=fill:enable='lt(t,1)'";
    let path = film_as(folder.path(), &[film, "sine=f=500:r=48000"], 4, &["-bf", "2", "-g", "60"]);
    let opened = || {
        let (end, _ended) = channel();
        for n in 0..25 {
            let player = Player::open(&path, &house(), 2_500_000_000, &end, Box::new(|_| ())).expect("a player");
            let first = wait_for("its first picture", || player.store.first());
            assert!(luma(&first.buffer) < 40, "opening {n}: luma {} at {} ns", luma(&first.buffer), first.due_ns);
            assert!((2_500_000_000..2_540_000_000).contains(&first.due_ns), "opening {n}: {} ns", first.due_ns);
        }
    };
    // Several at once, on a machine that has fewer cores: that is when threads meet.
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(opened))));
}

#[test]
fn a_showing_gives_way_to_one_that_began_before_it_once_it_is_off_air() {
    gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let media = Media::start(&film(folder.path(), &["testsrc2=s=160x90:r=30"], 4), &house());
    wait_for("a player", || media.player(900, 0));
    let (end, _ended) = channel();
    let seek = |inner: &mut Inner| {
        let player = Player::open(&folder.path().join("film.mp4"), &house(), 3_000_000_000, &end, Box::new(|_| {}));
        inner.take(Arc::new(player.unwrap()), &Job::Seek(100, 3_000_000_000));
        inner.showing.as_ref().unwrap().0
    };
    let mut inner = hold(&media.desk.inner);
    // On air it keeps its place.
    inner.showing.as_mut().unwrap().2 = running().plus_ms(LIMIT.as_millis() as u64);
    assert_eq!(seek(&mut inner), 900);
    inner.showing.as_mut().unwrap().2 = running();
    std::thread::park_timeout(Duration::from_millis(OFF_AIR_MS + 50));
    assert_eq!(seek(&mut inner), 100);
}
