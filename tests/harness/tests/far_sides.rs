//! The far sides are real, and do what the scenarios need of them.

use harness::clip::Clip;
use harness::flv::Flv;
use harness::platform::Platform;
use harness::process::{Process, tied};
use harness::publisher::Publisher;
use harness::recording::{Flash, Recording};
use harness::rtsp::{Mount, Rtsp};
use harness::stage::Stage;
use harness::wait::{s, until};

#[test]
fn a_camera_plays_its_film_in_time_and_without_a_seam() {
    let stage = Stage::new("camera");
    let cameras = Rtsp::start(&stage.room("cameras"), &[Mount::new("/cam1", &Clip::new(1, 8))]);
    let out = stage.folder().join("camera.flv");
    let mut command = tied("gst-launch-1.0");
    command.args(["rtspsrc", &format!("location={}", cameras.url("/cam1")), "protocols=tcp", "name=s"]);
    command.args(["flvmux", "streamable=true", "name=m", "!", "filesink", &format!("location={}", out.display())]);
    command.args(["s.", "!", "rtph264depay", "!", "h264parse", "!", "queue", "!", "m."]);
    command.args(["s.", "!", "rtpmp4gdepay", "!", "aacparse", "!", "queue", "!", "m."]);
    let mut viewer = Process::start("viewer", stage.folder(), &mut command);
    until("11 s of the camera", s(30), || Flv::open(&out).ok().filter(|flv| flv.video.len() > 330));
    viewer.kill();
    let recording = Recording::read(&out);
    let marks: Vec<_> = recording.pictures.iter().filter_map(|p| p.mark).map(|m| m.counter).collect();
    assert!(marks.len() > 300 && marks.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 240), "{marks:?}");
    let flashes = recording.flashes_of(1);
    let in_step = |flash: &Flash| flash.sound_after_ms.is_some_and(|ms| ms.abs() < 12.0);
    assert!(flashes.len() >= 8 && flashes.iter().all(in_step), "{flashes:?}");
}

#[test]
fn a_camera_asks_for_its_password() {
    let stage = Stage::new("password");
    for auth in ["basic", "digest"] {
        let mount = Mount::new("/cam1", &Clip::new(1, 8)).guarded("venue", "secret", auth);
        let cameras = Rtsp::start(&stage.room(auth), &[mount]);
        let exit = |user: &str| {
            let url = cameras.url("/cam1").replace("rtsp://", &format!("rtsp://{user}"));
            let mut command = tied("ffprobe");
            command.args(["-v", "error", "-rtsp_transport", "tcp", &url]);
            Process::start("ffprobe", stage.folder(), &mut command).ended(s(20))
        };
        assert_eq!(exit("venue:secret@"), Some(0), "{auth}");
        assert_ne!(exit("venue:wrong@"), Some(0), "{auth}");
        assert_ne!(exit(""), Some(0), "{auth}");
    }
}

#[test]
fn a_platform_counts_its_connections_and_records_each() {
    let stage = Stage::new("platform");
    let mut platform = Platform::start(&stage.room("platform"), "nginx");
    let film = Clip::new(3, 8).file();
    let mut obs = Publisher::start(&stage.room("obs"), &film, &platform.url(), "key-1");
    until("two seconds of film", s(15), || (platform.pictures(0) > 60).then_some(()));
    obs.stop();
    platform.wait_until_closed(0);
    platform.refuse(Some("key-2"));
    let mut refused = Publisher::start(&stage.room("refused"), &film, &platform.url(), "key-2");
    until("the refusal", s(10), || refused.is_gone().then_some(()));
    assert_eq!((platform.publishes().len(), platform.connections()), (2, 1));
    platform.kill();
    platform.resume();
    let mut again = Publisher::start(&stage.room("again"), &film, &platform.url(), "key-1");
    until("film in a second recording", s(15), || (platform.pictures(1) > 30).then_some(()));
    again.kill();
    platform.wait_until_closed(1);
    let recording = Recording::read(&platform.recordings()[0]);
    assert_eq!((recording.flv.missing(30.0), recording.flv.backward()), (0, 0));
    assert!(recording.pictures.iter().all(|p| p.mark.is_some_and(|m| m.source == 3)));
}
