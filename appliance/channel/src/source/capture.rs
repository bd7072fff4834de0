//! A capture device of this machine: pictures by V4L2, sound by ALSA, both in the machine's own time.
//!
//! Pictures are read in the format that serves the program best. Sound that is not there yet, or is in use, joins as soon as
//! it can be opened: by USB a device's sound turns up a moment after its pictures. Where either fails under way, both begin
//! anew, the pictures without the sound if need be.
//!
//! An input without a signal gives noise, black, or nothing; the driver says so, and what it gives is left out until the
//! signal is there.

use super::chain::{self, Built};
use super::live::{Connect, Try};
use crate::capture::formats::{self, Unopened};
use crate::capture::sound_of;
use crate::capture::sysfs::{self, Node};
use automation::capture::{CaptureMedia, find, pick};
use automation::fault::{Code, Fault};
use automation::spec::{CAPTURE_SOUND_AUTO, CAPTURE_SOUND_NONE, House};
use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often sound that is missing is looked for.
const SOUND_EVERY: Duration = Duration::from_millis(500);
/// What ALSA hands over at once, microseconds: half a picture.
const SOUND_PACKET_US: i64 = 10_000;
/// Sample rate of the program: a device that has it need not be resampled.
const SAMPLE_HZ: i32 = 48_000;

/// Which devices.
#[derive(Debug)]
pub(super) struct Capture {
    video: String,
    sound: String,
    house: House,
    no_signal: Arc<AtomicBool>,
}

/// What the kernel has of the devices now.
struct There {
    video: Option<Node>,
    sound: Option<Node>,
}

impl Capture {
    pub(super) fn new(video: &str, sound: &str, house: &House) -> Capture {
        let (video, sound) = (video.to_owned(), sound.to_owned());
        Capture { video, sound, house: house.clone(), no_signal: Arc::default() }
    }

    fn look(&self) -> There {
        there(&sysfs::nodes(Path::new("/")), &self.video, &self.sound)
    }

    fn is_sound_only(&self) -> bool {
        self.video.is_empty()
    }

    /// The fault of a device that cannot be opened, or fails.
    fn judge_device(node: Option<&Node>, missing: Fault, error: &glib::Error, debug: &str) -> Fault {
        let Some(node) = node else { return missing };
        let said = format!("{} {debug}", error.message()).to_lowercase();
        let busy = error.matches(gst::ResourceError::Busy) || said.contains("busy");
        if busy {
            return in_use(node);
        }
        if said.contains("permission denied") || said.contains("not permitted") {
            return Fault::new(Code::SourceUnreachable, "")
                .with_text("Bandstand is not allowed to open the device.")
                .with_remedy("Restart the box; if it comes back, send the report to support.");
        }
        if error.is::<gst::StreamError>() || error.matches(gst::ResourceError::Settings) {
            return unknown_format();
        }
        Fault::new(Code::SourceLost, "")
            .with_text("The capture device has stopped.")
            .with_remedy("Unplug it and plug it in again. Bandstand tries again by itself.")
    }

    fn missing(&self) -> Fault {
        let text = if self.is_sound_only() { "The sound device is not plugged in." } else { NOT_PLUGGED_IN };
        Fault::new(Code::SourceLost, "").with_text(text).with_remedy(
            "Plug it in, into the socket where it was if there are several of its kind. Bandstand goes on by itself.",
        )
    }

    fn build_pictures(&self, this: &Arc<Try>, node: &Node) -> Result<(), Fault> {
        let failed = |(error, debug): Unopened| Capture::judge_device(Some(node), self.missing(), &error, &debug);
        let source = formats::open("v4l2src", &node.node).map_err(failed)?;
        let offers = formats::offered(&source, &self.house);
        let all: Vec<_> = offers.iter().map(|offer| offer.format).collect();
        let Some(best) = pick(&all, &self.house) else {
            let _ = source.set_state(gst::State::Null);
            return Err(unknown_format());
        };
        tracing::info!(source = this.name, node = node.node, caps = %offers[best].caps, "captures");
        self.attach_pictures(this, source, &offers[best].caps).map_err(chain::internal)
    }

    fn attach_pictures(&self, this: &Arc<Try>, source: gst::Element, caps: &gst::Caps) -> Built<()> {
        let filter = gst::ElementFactory::make("capsfilter").property("caps", caps).build()?;
        chain::chain(&this.pipeline, &[&source, &filter])?;
        let pad = source.static_pad("src").expect("a source has one");
        let no_signal = self.no_signal.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| match no_signal.load(Ordering::Relaxed) {
            true => gst::PadProbeReturn::Drop,
            false => gst::PadProbeReturn::Ok,
        });
        let pad = filter.static_pad("src").expect("a filter has one");
        this.listen_for_data(&pad);
        chain::attach_as(this, &pad, caps);
        self.mind_the_signal(this);
        Ok(())
    }

    /// Hears at once, on the thread that reads, when the driver says that its input has lost the signal, or has it again.
    fn mind_the_signal(&self, this: &Arc<Try>) {
        let Some(bus) = this.pipeline.bus() else { return };
        let (to, no_signal) = (Arc::downgrade(this), self.no_signal.clone());
        bus.set_sync_handler(move |_, message| {
            let says = |error: &glib::Error, words: &str| {
                error.is::<gst::ResourceError>() && error.message().starts_with(words)
            };
            match message.view() {
                gst::MessageView::Warning(warning) if says(&warning.error(), "Signal lost") => {
                    no_signal.store(true, Ordering::Relaxed);
                    if let Some(this) = to.upgrade() {
                        this.say(Fault::new(Code::SourceNoSignal, ""));
                    }
                }
                gst::MessageView::Info(info) if says(&info.error(), "Signal recovered") => {
                    no_signal.store(false, Ordering::Relaxed);
                }
                _ => {}
            }
            gst::BusSyncReply::Pass
        });
    }

    /// Lets sound join that could not be opened yet, as soon as it can be.
    fn await_sound(&self, this: &Weak<Try>) {
        let (to, video, sound) = (this.clone(), self.video.clone(), self.sound.clone());
        let wait = move || {
            loop {
                std::thread::sleep(SOUND_EVERY);
                let Some(this) = to.upgrade().filter(|this| !this.is_over()) else { return };
                let there = there(&sysfs::nodes(Path::new("/")), &video, &sound);
                if there.sound.is_some_and(|node| attach_sound(&this, &node).is_ok()) {
                    tracing::info!(source = this.name, "its sound has joined");
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("src-sound".into()).spawn(wait) {
            tracing::error!(%error, "no thread for a capture's sound");
        }
    }
}

const NOT_PLUGGED_IN: &str = "The capture device is not plugged in.";

impl Connect for Capture {
    fn build(&self, this: &Arc<Try>) -> Result<(), Fault> {
        self.no_signal.store(false, Ordering::Relaxed);
        let There { video, sound } = self.look();
        if self.is_sound_only() || this.shared.sound_only {
            let node = sound.ok_or_else(|| self.missing())?;
            let failed = |(error, debug): Unopened| Capture::judge_device(Some(&node), self.missing(), &error, &debug);
            return attach_sound(this, &node).map_err(failed);
        }
        self.build_pictures(this, &video.ok_or_else(|| self.missing())?)?;
        if self.sound != CAPTURE_SOUND_NONE && sound.is_none_or(|node| attach_sound(this, &node).is_err()) {
            self.await_sound(&Arc::downgrade(this));
        }
        Ok(())
    }

    fn sender(&self) -> &'static str {
        "The capture device"
    }

    fn is_there(&self) -> Option<bool> {
        let There { video, sound } = self.look();
        Some(if self.is_sound_only() { sound.is_some() } else { video.is_some() })
    }

    /// An input without a signal is waited for as long as that takes, with the device open.
    fn holds(&self) -> bool {
        self.no_signal.load(Ordering::Relaxed)
    }

    fn waiting(&self) -> Fault {
        if self.is_there() == Some(false) {
            return self.missing();
        }
        Fault::new(Code::SourceLost, "")
            .with_text("The capture device gives nothing.")
            .with_remedy("Unplug it and plug it in again. Bandstand tries again by itself.")
    }

    fn stopped(&self) -> Fault {
        if self.is_there() == Some(false) {
            return Fault { text: "The capture device was unplugged.".into(), ..self.missing() };
        }
        Fault { text: "The capture device has stopped.".into(), ..self.waiting() }
    }

    fn unintelligible(&self) -> Fault {
        unknown_format()
    }

    fn judge(&self, error: &glib::Error, debug: &str) -> Fault {
        let There { video, sound } = self.look();
        let of_sound = self.is_sound_only() || debug.contains("alsa");
        Capture::judge_device(if of_sound { sound.as_ref() } else { video.as_ref() }, self.missing(), error, debug)
    }
}

/// The nodes of the devices that these two name.
fn there(nodes: &[Node], video: &str, sound: &str) -> There {
    let of = |media: CaptureMedia| -> Vec<&Node> { nodes.iter().filter(|node| node.media == media).collect() };
    let named = |media, id: &str| find(&of(media), id, |node| node.id.as_str()).map(|node| (*node).clone());
    let video = named(CaptureMedia::Video, video);
    let sound = match sound {
        CAPTURE_SOUND_NONE => None,
        CAPTURE_SOUND_AUTO => video.as_ref().and_then(|video| sound_of(nodes, video)).cloned(),
        named_one => named(CaptureMedia::Sound, named_one),
    };
    There { video, sound }
}

fn in_use(node: &Node) -> Fault {
    let fault = Fault::new(Code::SourceBusy, "");
    // We have it open ourselves while we try.
    let other = port_holder::file_holders(Path::new("/proc"), &node.file).find(|one| one.pid != std::process::id());
    match other {
        Some(holder) if holder.program.starts_with("bandstand") => fault
            .with_text("A source of another channel captures from this device.")
            .with_remedy("Choose another device for one of them: a device serves one source."),
        Some(holder) => fault.with_text(format!("The device is in use by {holder}.")),
        None => fault
            .with_text("The device is in use: by another source of this channel, or by a program that cannot be seen from here.")
            .with_remedy("Choose another device for one of them, or end the other program. Bandstand tries again by itself."),
    }
}

fn unknown_format() -> Fault {
    Fault::new(Code::SourceUnsupported, "")
        .with_text("The capture device gives its pictures or sound in no format that is known here.")
        .with_remedy("Use a device that works without drivers of its own (UVC, USB audio class).")
}

/// Opens a sound device and attaches it.
fn attach_sound(this: &Arc<Try>, node: &Node) -> Result<(), Unopened> {
    let source = formats::open("alsasrc", &node.node)?;
    let built = join_sound(this, &source);
    built.map_err(|error| {
        let _ = source.set_state(gst::State::Null);
        (glib::Error::new(gst::CoreError::Failed, error.message.as_ref()), String::new())
    })
}

fn join_sound(this: &Arc<Try>, source: &gst::Element) -> Built<()> {
    source.set_property("provide-clock", false);
    source.set_property("latency-time", SOUND_PACKET_US);
    // Each packet with the machine's time at which it came: the sound's own clock is followed where it is read.
    source.set_property_from_str("slave-method", "re-timestamp");
    let offered = source.static_pad("src").expect("a source has one").query_caps(None);
    let (caps, channels) = sound_caps(&offered);
    let filter = gst::ElementFactory::make("capsfilter").property("caps", &caps).build()?;
    let convert = chain::make("audioconvert")?;
    if channels > 2 {
        convert.set_property("mix-matrix", first_two(channels));
    }
    let stereo = gst::ElementFactory::make("capsfilter")
        .property("caps", gst::Caps::builder("audio/x-raw").field("channels", gst::IntRange::new(1, 2)).build())
        .build()?;
    this.pipeline.add_many([source, &filter, &convert, &stereo])?;
    gst::Element::link_many([source, &filter, &convert, &stereo])?;
    let pad = stereo.static_pad("src").expect("a filter has one");
    if this.shared.sound_only {
        this.listen_for_data(&pad);
    }
    chain::attach_as(this, &pad, &gst::Caps::new_empty_simple("audio/x-raw"));
    for element in [&stereo, &convert, &filter, source] {
        element.sync_state_with_parent()?;
    }
    Ok(())
}

/// How a device's sound is read, and in how many channels: in stereo at the program's rate, as far as the device can.
fn sound_caps(offered: &gst::CapsRef) -> (gst::Caps, i32) {
    let raw = || gst::Caps::builder("audio/x-raw");
    let wishes = [
        (raw().field("rate", SAMPLE_HZ).field("channels", 2).build(), 2),
        (raw().field("channels", 2).build(), 2),
        (raw().field("rate", SAMPLE_HZ).field("channels", 1).build(), 1),
        (raw().field("channels", 1).build(), 1),
    ];
    if let Some(granted) = wishes.into_iter().find(|(wish, _)| offered.can_intersect(wish)) {
        return granted;
    }
    // A desk that gives all its channels at once.
    let least = |structure: &gst::StructureRef| {
        let range = || Some(structure.get::<gst::IntRange<i32>>("channels").ok()?.min());
        structure.get::<i32>("channels").ok().or_else(range)
    };
    let channels = offered.iter().filter_map(least).min().unwrap_or(2);
    let wish = raw().field("rate", SAMPLE_HZ).field("channels", channels).build();
    if offered.can_intersect(&wish) { (wish, channels) } else { (raw().field("channels", channels).build(), channels) }
}

/// Left and right are a desk's first two channels.
fn first_two(channels: i32) -> gst::Array {
    let row = |side: i32| gst::Array::new((0..channels).map(|n| if n == side { 1f32 } else { 0.0 }));
    gst::Array::new([row(0), row(1)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::sysfs::tests::Machine;

    const STICK: &str = "pci0000:00/0000:00:14.0/usb1/1-1/1-1.2";
    const ID: &str = "534d:2109:@0000:00:14.0:1.2#0";

    fn machine() -> Machine {
        let machine = Machine::new();
        machine.usb(STICK, ["534d", "2109"], None, "USB Video");
        machine.video(&format!("{STICK}/1-1.2:1.0"), 2, 0, "USB Video");
        machine.sound(&format!("{STICK}/1-1.2:1.2"), 1, "MS2109", &["D0c"]);
        machine.sound("platform/snd_aloop.0", 0, "Loopback", &["D0c"]);
        machine
    }

    #[test]
    fn sound_is_that_of_the_device_unless_another_is_chosen() {
        let nodes = sysfs::nodes(machine().root());
        for (video, sound, want) in [
            (ID, CAPTURE_SOUND_AUTO, (Some("/dev/video2"), Some("hw:1,0"))),
            (ID, CAPTURE_SOUND_NONE, (Some("/dev/video2"), None)),
            (ID, "@platform/snd_aloop.0#0", (Some("/dev/video2"), Some("hw:0,0"))),
            ("", "@platform/snd_aloop.0#0", (None, Some("hw:0,0"))),
            ("", ID, (None, Some("hw:1,0"))),
            ("@platform/snd_aloop.0#0", CAPTURE_SOUND_AUTO, (None, None)),
        ] {
            let There { video: found, sound: heard } = there(&nodes, video, sound);
            let node = |node: &Option<Node>| node.as_ref().map(|node| node.node.clone());
            assert_eq!((node(&found).as_deref(), node(&heard).as_deref()), want, "{video} with {sound}");
        }
    }

    #[test]
    fn each_trouble_of_a_device_has_its_own_words() {
        gst::init().unwrap();
        let nodes = sysfs::nodes(machine().root());
        let capture = Capture::new(ID, CAPTURE_SOUND_AUTO, &House::default());
        let resource = |kind, text: &str| glib::Error::new::<gst::ResourceError>(kind, text);
        let fault = |node: Option<&Node>, error: &glib::Error, debug: &str| {
            let fault = Capture::judge_device(node, capture.missing(), error, debug);
            assert!(!fault.remedy.is_empty());
            (fault.code, fault.text)
        };
        let busy = resource(gst::ResourceError::Busy, "Device '/dev/video2' is busy");
        let alsa = resource(
            gst::ResourceError::OpenRead,
            "Could not open audio device for recording. Device is being used by another application.",
        );
        let denied = resource(gst::ResourceError::OpenReadWrite, "Could not open device '/dev/video2'");
        let format = resource(gst::ResourceError::Settings, "Device '/dev/video2' has no supported format");
        let gone = resource(gst::ResourceError::Read, "Failed to allocate a buffer");
        assert_eq!(fault(nodes.first(), &busy, "").0, Code::SourceBusy);
        assert_eq!(fault(nodes.first(), &alsa, "Device '/dev' is busy: Device or resource busy").0, Code::SourceBusy);
        assert_eq!(fault(nodes.first(), &denied, "system error: Permission denied").0, Code::SourceUnreachable);
        assert_eq!(fault(nodes.first(), &format, "").0, Code::SourceUnsupported);
        assert_eq!(fault(nodes.first(), &gone, "").1, "The capture device has stopped.");
        assert_eq!(fault(None, &gone, ""), (Code::SourceLost, NOT_PLUGGED_IN.to_owned()));
    }

    #[test]
    fn a_desk_with_many_channels_is_heard_by_its_first_two() {
        gst::init().unwrap();
        for (offered, want, channels) in [
            ("audio/x-raw,rate=[8000,192000],channels=[1,32]", "audio/x-raw,rate=48000,channels=2", 2),
            ("audio/x-raw,rate=44100,channels=2", "audio/x-raw,channels=2", 2),
            ("audio/x-raw,rate={44100,48000},channels=1", "audio/x-raw,rate=48000,channels=1", 1),
            ("audio/x-raw,rate={44100,48000},channels=18", "audio/x-raw,rate=48000,channels=18", 18),
            ("audio/x-raw,rate=96000,channels=[8,18]", "audio/x-raw,channels=8", 8),
        ] {
            let offered: gst::Caps = offered.parse().unwrap();
            assert_eq!(sound_caps(&offered), (want.parse().unwrap(), channels), "{offered}");
        }
    }
}
