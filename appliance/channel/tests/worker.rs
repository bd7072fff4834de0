//! The worker as a process, spoken to over its socket: specs, generations, restarts, nonsense.

use automation::fault::Code;
use automation::spec::ChannelSpec;
use automation::status::{Carrier, ChannelStatus};
use automation::wire::{Deframer, Frame, FromChannel, ToChannel, VERSION, decode, encode};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for anything: machines are shared.
const LIMIT: Duration = Duration::from_secs(30);

struct Worker(Child);

impl Worker {
    fn start(run: &Path) -> Worker {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bandstand-channel"));
        command.args(["--channel", "main", "--run"]).arg(run).stderr(Stdio::null());
        Worker(command.spawn().expect("the worker starts"))
    }

    fn kill(&mut self) {
        self.0.kill().expect("it was running");
        self.0.wait().expect("it can be waited for");
    }

    fn end(&mut self) -> Option<i32> {
        wait_for("the worker's end", || self.0.try_wait().expect("it can be waited for")).code()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "waited {LIMIT:?} for {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

struct Link {
    stream: UnixStream,
    deframer: Deframer,
}

impl Link {
    fn connect(run: &Path) -> Link {
        let path = run.join("channel-main.sock");
        let stream = wait_for("the socket", || UnixStream::connect(&path).ok());
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        Link { stream, deframer: Deframer::default() }
    }

    fn say(&mut self, message: &ToChannel) {
        self.stream.write_all(&encode(message)).unwrap();
    }

    fn frame(&mut self) -> Option<Frame> {
        if let Some(frame) = self.deframer.next_frame().unwrap() {
            return Some(frame);
        }
        let mut bytes = [0u8; 65536];
        match self.stream.read(&mut bytes) {
            Ok(n) => self.deframer.push(&bytes[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => panic!("the socket broke: {error}"),
        }
        self.deframer.next_frame().unwrap()
    }

    fn hears<T>(&mut self, what: &str, mut is: impl FnMut(FromChannel) -> Option<T>) -> T {
        wait_for(what, || match self.frame()? {
            Frame::Message(message) => is(decode(&message).unwrap()),
            Frame::Preview { .. } => None,
        })
    }

    fn status(&mut self, what: &str, is: impl Fn(&ChannelStatus) -> bool) -> ChannelStatus {
        self.hears(what, |message| match message {
            FromChannel::Status { status } if is(&status) => Some(*status),
            _ => None,
        })
    }

    fn hello(&mut self) -> u64 {
        self.hears("a hello", |message| match message {
            FromChannel::Hello { version: VERSION, generation, .. } => Some(generation),
            _ => None,
        })
    }
}

fn spec(generation: u64, primary: &str) -> ChannelSpec {
    let text = serde_json::json!({
        "generation": generation,
        "channel": "main",
        "name": "Test hall",
        "house": {"width": 320, "height": 180, "rate": {"num": 30, "den": 1}, "video_kbps": 300, "audio_kbps": 96},
        "sources": [
            {"id": "bars", "name": "Bars", "kind": "test_pattern", "pattern": "bars"},
            {"id": "note", "name": "Note", "kind": "slate", "title": "Soon"},
            {"id": "nobody", "name": "Nobody", "kind": "camera", "url": "rtsp://127.0.0.1:9/x"}
        ],
        "assets": {},
        "failover": {"primary": primary},
        "timeline": null, "manual": null, "live": null, "destinations": [], "messages": {}
    });
    serde_json::from_value(text).expect("a valid spec")
}

fn offer(link: &mut Link, spec: ChannelSpec) {
    link.say(&ToChannel::Spec { spec: Box::new(spec) });
}

#[test]
fn a_spec_is_taken_kept_and_gone_on_from() {
    let run = tempfile::tempdir().unwrap();
    let mut worker = Worker::start(run.path());
    let mut link = Link::connect(run.path());
    assert_eq!(link.hello(), 0);
    offer(&mut link, spec(7, "bars"));
    let status = link.status("bars on air", |s| s.on_air.carrier == Carrier::Primary && s.program.tick > 30);
    assert_eq!(status.generation, 7);
    assert_eq!(status.program.missing, 0);
    assert!((status.meters.peak_db[0] + 20.0).abs() < 1.0, "the line-up tone is at -20 dBFS: {:?}", status.meters);
    let kept = run.path().join("channel-main.spec.json");
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);

    worker.kill();
    let _again = Worker::start(run.path());
    let mut link = Link::connect(run.path());
    assert_eq!(link.hello(), 7, "it goes on from its last spec");
    link.status("bars on air again", |s| s.on_air.carrier == Carrier::Primary);
}

#[test]
fn an_older_spec_is_refused_and_a_newer_one_changes_the_program() {
    let run = tempfile::tempdir().unwrap();
    let _worker = Worker::start(run.path());
    let mut link = Link::connect(run.path());
    offer(&mut link, spec(5, "bars"));
    link.status("generation 5", |s| s.generation == 5);
    offer(&mut link, spec(4, "note"));
    let fault = link.hears("a refusal", |message| match message {
        FromChannel::Refused { generation: 4, fault } => Some(fault),
        _ => None,
    });
    assert_eq!(fault.code, Code::SpecStale);
    offer(&mut link, spec(6, "note"));
    let status = link.status("the note on air", |s| s.on_air.source.as_ref().is_some_and(|id| id.as_str() == "note"));
    assert_eq!(status.generation, 6);
}

#[test]
fn a_spec_that_is_none_is_refused_with_its_place_and_the_connection_goes_on() {
    let run = tempfile::tempdir().unwrap();
    let _worker = Worker::start(run.path());
    let mut link = Link::connect(run.path());
    offer(&mut link, spec(3, "bars"));
    link.status("generation 3", |s| s.generation == 3);
    let whole = serde_json::to_value(ToChannel::Spec { spec: Box::new(spec(4, "bars")) }).unwrap();
    let mut broken = whole.clone();
    broken["spec"]["failover"]["primary"] = serde_json::json!("gone");
    let mut unknown = whole;
    unknown["spec"]["generation"] = serde_json::json!(5);
    unknown["spec"]["house"]["width"] = serde_json::json!("secret");
    for (message, generation, subject) in [(broken, 4, "failover.primary"), (unknown, 5, "spec")] {
        link.stream.write_all(&encode(&message)).unwrap();
        let (of, fault) = link.hears("a refusal", |message| match message {
            FromChannel::Refused { generation, fault } => Some((generation, fault)),
            _ => None,
        });
        assert_eq!((of, fault.code, fault.subject.as_str()), (generation, Code::SpecInvalid, subject), "{fault:?}");
        assert!(!fault.text.contains("secret"), "{fault:?}");
    }
    offer(&mut link, spec(6, "note"));
    link.status("the next one is taken on the same connection", |s| s.generation == 6);
}

#[test]
fn a_camera_that_answers_nothing_is_named_and_the_slate_is_on_air() {
    let run = tempfile::tempdir().unwrap();
    let _worker = Worker::start(run.path());
    let mut link = Link::connect(run.path());
    offer(&mut link, spec(1, "nobody"));
    let status = link.status("a failed camera", |s| {
        let camera = s.sources.iter().find(|s| s.id.as_str() == "nobody");
        camera.is_some_and(|c| c.attempt > 0 && c.fault.is_some())
    });
    let camera = status.sources.iter().find(|s| s.id.as_str() == "nobody").unwrap();
    assert_eq!(camera.fault.as_ref().unwrap().code, Code::SourceUnreachable);
    assert_eq!(status.on_air.carrier, Carrier::Slate);
    assert!(status.faults.iter().any(|f| f.code == Code::SlateOnAir));
}

#[test]
fn another_house_format_starts_again_with_the_new_spec() {
    let run = tempfile::tempdir().unwrap();
    let mut worker = Worker::start(run.path());
    let mut link = Link::connect(run.path());
    offer(&mut link, spec(1, "bars"));
    link.status("generation 1", |s| s.generation == 1);
    let mut draft: automation::spec::ChannelSpecDraft = spec(2, "bars").into();
    draft.house.width = 640;
    draft.house.height = 360;
    offer(&mut link, draft.try_into().unwrap());
    assert_eq!(worker.end(), Some(75), "it asks its supervisor to start it again");
    let _again = Worker::start(run.path());
    assert_eq!(Link::connect(run.path()).hello(), 2);
}

#[test]
fn another_rate_of_the_picture_is_taken_over_as_it_runs() {
    let run = tempfile::tempdir().unwrap();
    let _worker = Worker::start(run.path());
    let mut link = Link::connect(run.path());
    offer(&mut link, spec(1, "bars"));
    // Filler brings a still picture to the rate that was asked for.
    let near = |kbps: u32, asked: u32| kbps.abs_diff(asked) < asked / 4;
    let before = link.status("300 kbit/s", |s| near(s.program.kbps, 300));
    let rated = |generation: u64, video_kbps: u32, session: Option<&str>| {
        let mut draft: automation::spec::ChannelSpecDraft = spec(generation, "bars").into();
        draft.house.video_kbps = video_kbps;
        let live = |session| serde_json::json!({"session": session, "at": 0, "paused_at": null, "paused_ns": 0});
        draft.live = session.map(|session| serde_json::from_value(live(session)).unwrap());
        ChannelSpec::try_from(draft).unwrap()
    };
    offer(&mut link, rated(2, 900, None));
    let after = link.status("900 kbit/s", |s| s.generation == 2 && near(s.program.kbps, 900));
    assert_eq!((after.pid, after.started), (before.pid, before.started), "the same program");
    assert!(after.program.tick > before.program.tick && after.faults.is_empty(), "{after:?}");

    // Within a session it stays as it is, and from one to the next it may change.
    offer(&mut link, rated(3, 900, Some("one")));
    link.status("a broadcast", |s| s.generation == 3);
    offer(&mut link, rated(4, 300, Some("one")));
    let fault = link.hears("a refusal", |message| match message {
        FromChannel::Refused { generation: 4, fault } => Some(fault),
        _ => None,
    });
    assert_eq!((fault.code, fault.subject.as_str()), (Code::Conflict, "house"));
    offer(&mut link, rated(5, 300, Some("two")));
    link.status("300 kbit/s again", |s| s.generation == 5 && near(s.program.kbps, 300));
    offer(&mut link, rated(6, 900, None));
    let last = link.status("900 kbit/s at the end", |s| s.generation == 6 && near(s.program.kbps, 900));
    assert_eq!(last.started, before.started);
}

#[test]
fn nonsense_ends_its_own_connection_only() {
    let run = tempfile::tempdir().unwrap();
    let mut worker = Worker::start(run.path());
    let mut link = Link::connect(run.path());
    offer(&mut link, spec(1, "bars"));
    for nonsense in [&b"\xff\xff\xff\xff"[..], b"\0\0\0\x03\0{}", b"\0\0\0\x02\x09x"] {
        let mut bad = Link::connect(run.path());
        bad.stream.write_all(nonsense).unwrap();
        bad.stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut rest = Vec::new();
        let _ = bad.stream.read_to_end(&mut rest);
    }
    let before = link.status("a status", |_| true).program.tick;
    link.status("the tick goes on", |s| s.program.tick > before + 30 && s.program.missing == 0);
    link.say(&ToChannel::Quit);
    assert_eq!(worker.end(), Some(0));
}

#[test]
fn previews_come_only_to_those_who_want_them() {
    let run = tempfile::tempdir().unwrap();
    let _worker = Worker::start(run.path());
    let (mut watcher, mut other) = (Link::connect(run.path()), Link::connect(run.path()));
    offer(&mut watcher, spec(1, "bars"));
    watcher.say(&ToChannel::Previews { on: true });
    let mut names = std::collections::BTreeMap::<String, u32>::new();
    wait_for("previews of all", || {
        if let Some(Frame::Preview { name, jpeg }) = watcher.frame() {
            assert!(jpeg.starts_with(&[0xff, 0xd8]), "{name} is no JPEG");
            *names.entry(name).or_default() += 1;
        }
        let enough = names.get("program").is_some_and(|n| *n >= 15) && names.contains_key("source/bars");
        enough.then_some(())
    });
    other.stream.set_nonblocking(true).unwrap();
    let mut bytes = vec![0u8; 1 << 20];
    while let Ok(n @ 1..) = other.stream.read(&mut bytes) {
        other.deframer.push(&bytes[..n]);
    }
    while let Some(frame) = other.deframer.next_frame().unwrap() {
        assert!(matches!(frame, Frame::Message(_)));
    }
}

#[test]
fn a_second_worker_of_a_channel_does_not_start() {
    let run = tempfile::tempdir().unwrap();
    let _first = Worker::start(run.path());
    let mut link = Link::connect(run.path());
    link.hello();
    let mut second = Worker::start(run.path());
    assert_eq!(second.end(), Some(1));
    offer(&mut link, spec(1, "bars"));
    link.status("the first goes on", |s| s.generation == 1);
}
