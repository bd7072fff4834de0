//! Specs, the control socket, ports, and beginning and end of the process.

use crate::harness::{Control, Ingest, LIMIT, launch, spec, wait};
use crate::raw::Raw;
use automation::fault::Code;
use automation::wire::{self, FromIngest, ToIngest};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

#[test]
fn a_rotated_token_kicks_the_publisher() {
    let mut ingest = Ingest::start(&[("main_obs", "old"), ("two_obs", "same")]);
    let (url, other) = (ingest.url("main_obs?token=old"), ingest.url("two_obs?token=same"));
    let mut kicked = ingest.ffmpeg("kicked", &url, &[]);
    let mut stays = ingest.ffmpeg("stays", &other, &[]);
    ingest.until_published("main_obs");
    ingest.until_published("two_obs");
    let mut reader = ingest.reader("main_obs");
    reader.begin();
    ingest.control.take(spec(2, &[("main_obs", "new"), ("two_obs", "same")]));
    reader.until_end();
    kicked.wait();
    let mut again = ingest.ffmpeg("again", &url, &[]);
    assert!(!again.wait().success());
    ingest.until_fault(Code::PublisherRefused, "main_obs");
    let url = ingest.url("main_obs?token=new");
    let _new = ingest.ffmpeg("new", &url, &[]);
    ingest.until_published("main_obs");
    assert!(stays.is_running());
    // OBS is told why.
    let mut raw = Raw::connect(ingest.address(), "live");
    ingest.control.take(spec(3, &[("main_obs", "new"), ("two_obs", "same"), ("raw_obs", "r")]));
    raw.command("publish", &["raw_obs?token=r"]);
    raw.until("onStatus NetStream.Publish.Start");
    ingest.control.take(spec(4, &[("main_obs", "new"), ("two_obs", "same")]));
    assert!(raw.until_closed().contains(&"onStatus NetStream.Publish.Denied".to_owned()));
}

#[test]
fn older_and_broken_plans_are_refused_and_a_repeat_is_fine() {
    let mut ingest = Ingest::start(&[]);
    ingest.control.take(spec(5, &[("main_obs", "t")]));
    ingest.control.take(spec(5, &[("main_obs", "t")]));
    assert_eq!(ingest.control.is_refused(spec(4, &[])), Code::SpecStale);
    assert_eq!(ingest.control.is_refused(spec(5, &[])), Code::SpecStale);
    assert_eq!(ingest.control.is_refused(spec(6, &[("a b", "t")])), Code::SpecInvalid);
    let mut second = Control::dial(ingest.run.path(), &mut ingest.program);
    assert_eq!(second.generation_at_hello, 5);
    second.take(spec(6, &[]));
    ingest.control.until("the newest plan", |status| (status.generation == 6).then_some(()));
}

#[test]
fn control_sockets_speak_the_wire_or_are_closed() {
    let mut ingest = Ingest::start(&[]);
    for bytes in [&b"\xFF\xFF\xFF\xFF"[..], b"\0\0\0\x01\x09", b"\0\0\0\x03\0{}", b"\0\0\0\x03\x01\x01x"] {
        let mut control = Control::dial(ingest.run.path(), &mut ingest.program);
        control.say_bytes(bytes);
        let end = Instant::now() + LIMIT;
        while control.next().is_some() {
            assert!(Instant::now() < end, "{bytes:?} is borne");
        }
    }
    let mut hasty = Control::dial(ingest.run.path(), &mut ingest.program);
    hasty.say(&ToIngest::Hello { version: wire::VERSION });
    while hasty.next().is_some() {}
    ingest.control.until("a status", |_| Some(()));
}

#[test]
fn statuses_come_each_second() {
    let mut ingest = Ingest::start(&[]);
    let begin = Instant::now();
    let mut statuses = 0;
    while statuses < 3 {
        statuses += usize::from(matches!(ingest.control.next(), Some(FromIngest::Status { .. })));
    }
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
}

#[test]
fn it_goes_on_without_control_and_after_a_crash() {
    let ingest = Ingest::start(&[("main_obs", "t")]);
    let url = ingest.url("main_obs?token=t");
    let _ffmpeg = ingest.ffmpeg("ffmpeg", &url, &[]);
    let mut reader = ingest.reader("main_obs");
    reader.begin();
    // Control is gone: pictures go on.
    let Ingest { mut program, control, run, .. } = ingest;
    drop(control);
    reader.pictures(50);
    let mode = |name: &str| std::fs::metadata(run.path().join(name)).unwrap().permissions().mode() & 0o777;
    for name in ["ingest.sock", "ingest-streams.sock", "ingest.spec.json"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    // A second one in the same folder does not take over.
    let mut second = launch(run.path(), "127.0.0.1:0");
    assert!(!second.wait().success());
    // A crash leaves its sockets behind; the next one replaces them and knows the plan.
    program.child.kill().unwrap();
    program.wait();
    reader.until_end();
    let mut ingest = Ingest::start_in(run, "127.0.0.1:0");
    assert_eq!(ingest.control.generation_at_hello, 1);
    ingest.port = ingest.control.until("an open port", |status| (status.port != 0).then_some(status.port));
    let url = ingest.url("main_obs?token=t");
    let _ffmpeg = ingest.ffmpeg("back", &url, &[]);
    ingest.until_published("main_obs");
}

#[test]
fn a_taken_port_is_named_with_its_holder_and_opened_when_free() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut ingest = Ingest::start_in(tempfile::tempdir().unwrap(), &address.to_string());
    let text = ingest.until_fault(Code::PortInUse, &address.to_string());
    let (port, pid) = (address.port(), std::process::id());
    assert!(text.starts_with(&format!("Port {port} on 127.0.0.1 is taken by ")), "{text}");
    assert!(text.ends_with(&format!("(process {pid}).")), "{text}");
    ingest.control.until("no port", |status| (status.port == 0).then_some(()));
    drop(taken);
    ingest.control.until("the port", |status| (status.port == port && status.faults.is_empty()).then_some(()));
}

#[test]
fn several_addresses_are_served() {
    let listen = "127.0.0.1:0,127.0.0.2:0";
    let ingest = Ingest::start_in(tempfile::tempdir().unwrap(), listen);
    wait("both ports", || (ingest.program.log().matches("listens for publishers").count() == 2).then_some(()));
}

#[test]
fn it_ends_cleanly() {
    for end in ["-TERM", "-INT", "quit"] {
        let mut ingest = Ingest::start(&[("main_obs", "t")]);
        let mut raw = Raw::publish(ingest.address(), "main_obs?token=t");
        let mut reader = ingest.reader("main_obs");
        raw.video(0, &[0x17, 1, 0, 0, 0, 9]);
        reader.begin();
        match end {
            "quit" => ingest.control.say(&ToIngest::Quit),
            signal => ingest.program.signal(signal),
        }
        assert!(ingest.program.wait().success(), "{end}");
        raw.until_closed();
        reader.until_end();
        for name in ["ingest.sock", "ingest-streams.sock"] {
            assert!(!ingest.run.path().join(name).exists(), "{name} after {end}");
        }
    }
}
