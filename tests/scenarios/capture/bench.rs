//! The devices of the virtual machine, and their cables.

use harness::process::Process;
use harness::stage::Stage;
use harness::worker::Worker;
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// What the kernel calls the devices; `guest.sh` plugs them in.
pub(crate) const HDMI: &str = "@platform/vivid.0/vivid-000-vid-cap#0";
pub(crate) const WEBCAM: &str = "@platform/vivid.0/vivid-001-vid-cap#0";
/// What is played into the one end of the loop comes out of its other one.
pub(crate) const LOOP: &str = "@platform/snd_aloop.0#1";
pub(crate) const DESK: &str = "@platform/snd_aloop.1#1";
/// The house's picture: small, for a machine without help of its processor.
pub(crate) const SIZE: (u32, u32) = (160, 90);

const HDMI_NAME: &str = "vivid-000-vid-cap";
const WEBCAM_NAME: &str = "vivid-001-vid-cap";

/// A worker with the devices as its sources.
pub(crate) struct Bench {
    pub(crate) worker: Worker,
    stage: Stage,
}

impl Bench {
    /// None where this is not the virtual machine.
    pub(crate) fn open() -> Option<Bench> {
        std::env::var_os("BANDSTAND_CAPTURE_GUEST")?;
        let stage = Stage::new("capture");
        let worker = Worker::start(&stage.room("run"), "main");
        Some(Bench { worker, stage })
    }

    /// Lets the worker capture.
    pub(crate) fn begin(&mut self) {
        self.calm();
        self.worker.spec(json!({
            "generation": 1, "channel": "main", "name": "Main stage",
            "house": {"width": SIZE.0, "height": SIZE.1, "rate": {"num": 10, "den": 1}, "video_kbps": 200,
                      "audio_kbps": 96, "effort": "ultrafast"},
            "sources": [
                {"id": "hdmi", "name": "HDMI", "kind": "capture", "video": HDMI, "sound": LOOP, "backup": "webcam"},
                {"id": "webcam", "name": "Webcam", "kind": "capture", "video": WEBCAM},
                {"id": "desk", "name": "Desk", "kind": "capture", "sound": DESK},
            ],
            "assets": {},
            "failover": {"primary": "hdmi", "holdoff_ms": 3000, "stable_ms": 1000,
                         "checks": {"frozen": {"after_s": 2, "action": "tell"}}},
            "timeline": null, "manual": null, "live": null, "destinations": [], "messages": {},
            "sound": {"source": "desk"},
        }));
    }

    /// Another program captures from the webcam until it is dropped.
    pub(crate) fn take_webcam(&self) -> Process {
        let mut command = Command::new("gst-launch-1.0");
        command.args(["-q", "v4l2src", &format!("device={}", node(WEBCAM_NAME)), "!", "fakesink"]);
        Process::start("gst-launch", &self.stage.room("other"), &mut command)
    }

    /// 24 pictures a second at the HDMI input, which move.
    fn calm(&self) {
        let _ = Command::new("v4l2-ctl").args(["-d", &node(HDMI_NAME), "--set-dv-bt-timings", "index=5"]).output();
        self.stand_still(false);
    }

    pub(crate) fn stand_still(&self, still: bool) {
        control(if still { "horizontal_movement=3,osd_text_mode=2" } else { "horizontal_movement=5,osd_text_mode=0" });
    }

    /// The cable at the input of the HDMI device.
    pub(crate) fn signal(&self, on: bool) {
        control(if on { "dv_timings_signal_mode=0" } else { "dv_timings_signal_mode=1" });
    }

    /// The HDMI device itself; the webcam is made by the same driver, and goes and comes with it.
    pub(crate) fn plug(&self, on: bool) {
        let verb = if on { "bind" } else { "unbind" };
        std::fs::write(format!("/sys/bus/platform/drivers/vivid/{verb}"), "vivid.0").expect("plug the device");
        if on {
            self.calm();
        }
    }

    /// The desk's cable.
    pub(crate) fn plug_desk(&self, on: bool) {
        let verb = if on { "bind" } else { "unbind" };
        std::fs::write(format!("/sys/bus/platform/drivers/snd_aloop/{verb}"), "snd_aloop.1").expect("plug the desk");
    }
}

/// Sets controls of the HDMI device.
fn control(which: &str) {
    let done = Command::new("v4l2-ctl").args(["-d", &node(HDMI_NAME), "-c", which]).output().expect("run v4l2-ctl");
    assert!(done.status.success(), "{which}: {}", String::from_utf8_lossy(&done.stderr));
}

/// The node that a device has now.
fn node(name: &str) -> String {
    let class = Path::new("/sys/class/video4linux");
    let mut entries = std::fs::read_dir(class).expect("list the video devices").flatten();
    let is_it = |entry: &std::fs::DirEntry| {
        std::fs::read_to_string(entry.path().join("name")).is_ok_and(|found| found.trim() == name)
    };
    let found = entries.find(is_it).unwrap_or_else(|| panic!("there is no {name}"));
    format!("/dev/{}", found.file_name().to_string_lossy())
}
