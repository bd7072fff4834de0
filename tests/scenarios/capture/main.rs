//! Capture devices of the kernel: pictures of `vivid`, a test device with an HDMI input, and of a webcam; sound of
//! `snd-aloop`: of the HDMI device, and of a mixing desk with four channels.
//!
//! They need a kernel that has them, so this runs in a virtual machine: `machine.sh` beside it starts one, and `guest.sh`
//! plugs the devices in there.

mod bench;

use automation::capture::CaptureMedia;
use automation::fault::Code;
use automation::status::{Carrier, ChannelStatus, SourceState, SourceStatus};
use bench::{Bench, DESK, HDMI, LOOP, WEBCAM};
use harness::figures::note;
use harness::wait::s;
use std::time::Instant;

const NAME: &str = "capture";
/// Generous where a virtual machine without help of its processor is slow.
const LIMIT_S: u64 = 40;

fn source<'a>(status: &'a ChannelStatus, id: &str) -> &'a SourceStatus {
    status.sources.iter().find(|source| source.id.as_str() == id).expect("the source is in the spec")
}

fn is(id: &'static str, state: SourceState) -> impl Fn(&ChannelStatus) -> bool {
    move |status| source(status, id).state == state
}

fn says(id: &'static str, code: Code) -> impl Fn(&ChannelStatus) -> bool {
    move |status| source(status, id).fault.as_ref().is_some_and(|fault| fault.code == code)
}

fn on_air(id: &'static str) -> impl Fn(&ChannelStatus) -> bool {
    move |status| status.on_air.source.as_ref().is_some_and(|on| on.as_str() == id)
}

/// What a fault said, for the figures.
fn words(status: &ChannelStatus, id: &str) -> String {
    source(status, id).fault.as_ref().map_or_else(String::new, |fault| format!("{} – {}", fault.text, fault.remedy))
}

#[test]
fn devices_are_found_captured_cut_off_and_come_back() {
    let Some(mut bench) = Bench::open() else {
        eprintln!("SKIPPED capture devices: they need the virtual machine of `./dev e2e capture`");
        return;
    };
    let wait = |bench: &mut Bench, what: &str, wanted: &dyn Fn(&ChannelStatus) -> bool| {
        let begun = Instant::now();
        let status = bench.worker.wait(what, s(LIMIT_S), wanted);
        note(NAME, &format!("{what}: after {:.1} s", begun.elapsed().as_secs_f32()));
        status
    };

    // Somebody else has the webcam.
    let other = bench.take_webcam();
    bench.begin();
    let status = wait(&mut bench, "the webcam that is in use", &says("webcam", Code::SourceBusy));
    assert!(words(&status, "webcam").contains("gst-launch"), "who has it is named: {}", words(&status, "webcam"));
    drop(other);

    let status = wait(&mut bench, "all devices online", &|status: &ChannelStatus| {
        status.sources.iter().all(|source| source.state == SourceState::Online)
    });
    let hdmi = source(&status, "hdmi");
    assert!(hdmi.sound && (hdmi.width, hdmi.height) == bench::SIZE, "{hdmi:?}");
    assert_devices(&wait(&mut bench, "the list of devices", &|status: &ChannelStatus| {
        status.captures.len() >= 4 && status.captures.iter().filter(|device| device.in_use).count() >= 4
    }));
    assert_heard(&mut bench);

    // A picture that moves, and one that stands still.
    wait(&mut bench, "the HDMI picture on air", &on_air("hdmi"));
    bench.stand_still(true);
    wait(&mut bench, "a picture that stands still", &is("hdmi", SourceState::Frozen));
    bench.stand_still(false);
    wait(&mut bench, "a picture that moves", &|status: &ChannelStatus| source(status, "hdmi").state.is_well());

    // The cable at its input.
    wait(&mut bench, "the HDMI picture on air again", &on_air("hdmi"));
    bench.signal(false);
    let status = wait(&mut bench, "no signal", &says("hdmi", Code::SourceNoSignal));
    note(NAME, &words(&status, "hdmi"));
    wait(&mut bench, "the webcam in its place", &on_air("webcam"));
    bench.signal(true);
    wait(&mut bench, "the signal on air again", &on_air("hdmi"));

    // The device itself.
    bench.plug(false);
    let status = wait(&mut bench, "the unplugged device", &says("hdmi", Code::SourceLost));
    note(NAME, &words(&status, "hdmi"));
    wait(&mut bench, "the slate in its place", &|status: &ChannelStatus| status.on_air.carrier == Carrier::Slate);
    wait(&mut bench, "one device less", &|status: &ChannelStatus| !status.captures.iter().any(|one| one.id == HDMI));
    bench.plug(true);
    wait(&mut bench, "pictures of the device that is plugged in again", &|status: &ChannelStatus| {
        let state = source(status, "hdmi").state;
        state.is_well() || state == SourceState::Settling
    });
    wait(&mut bench, "the device on air again", &on_air("hdmi"));

    // The desk's cable.
    bench.plug_desk(false);
    let status = wait(&mut bench, "the unplugged desk", &|status: &ChannelStatus| {
        status.faults.iter().any(|fault| fault.code == Code::SoundFallback) && says("desk", Code::SourceLost)(status)
    });
    note(NAME, &words(&status, "desk"));
    bench.plug_desk(true);
    wait(&mut bench, "the desk heard again", &|status: &ChannelStatus| {
        status.on_air.sound.as_ref().is_some_and(|sound| sound.as_str() == "desk")
    });
    let status = bench.worker.quit().expect("a last status");
    assert!(on_air("hdmi")(&status) && status.program.tick > 0);
}

fn assert_devices(status: &ChannelStatus) {
    let device = |id: &str| {
        let found = status.captures.iter().find(|device| device.id == id);
        found.unwrap_or_else(|| panic!("{id} is not in {:#?}", status.captures))
    };
    for (id, media) in [
        (HDMI, CaptureMedia::Video),
        (WEBCAM, CaptureMedia::Video),
        (LOOP, CaptureMedia::Sound),
        (DESK, CaptureMedia::Sound),
    ] {
        let device = device(id);
        assert_eq!((device.media, device.formats.is_empty()), (media, media == CaptureMedia::Sound), "{device:?}");
        assert!(device.in_use, "{device:?}");
        note(NAME, &format!("{}: {} formats, {id}", device.name, device.formats.len()));
    }
    assert!(device(DESK).name.starts_with("Loopback"), "{:?}", device(DESK));
}

/// The tone on the desk's first two channels is heard, and nothing of the others: those are silent.
fn assert_heard(bench: &mut Bench) {
    let status = bench.worker.wait("the desk's tone", s(LIMIT_S), |status| {
        let desk = source(status, "desk");
        desk.sound_only && desk.level_db.is_some_and(|level| level > -30.0) && status.meters.rms_db[0] > -30.0
    });
    assert_eq!(status.on_air.sound.as_ref().map(|sound| sound.as_str()), Some("desk"));
    let level = source(&status, "desk").level_db;
    note(NAME, &format!("the desk: {level:?} dB, the program: {:?} dB", status.meters.rms_db));
}
