//! x264, through GStreamer's plugin, which is installed beside us and never linked.
//!
//! Every option that could change SPS or PPS is pinned, so that the effort may be exchanged later without a
//! platform seeing it. Keyframes come every 2 s exactly: `scenecut=0` and `min-keyint` are needed for that, for
//! `key-int-max` alone puts one at every cut as well. `filler` keeps a still slate at the bitrate that was asked.

use super::hardware;
use super::level::level;
use automation::spec::{Effort, House};
use gstreamer as gst;
use gstreamer::prelude::*;
use std::path::Path;

/// Threads of x264. Two frame threads keep a slow moment of one picture from delaying the next; sliced threads
/// would cost 13 % more.
pub(super) const THREADS: u32 = 2;

/// How much of the bitrate the decoder's buffer holds, milliseconds: as long as a group of pictures.
const BUFFER_MS: u32 = 2000;

fn preset(effort: Effort) -> &'static str {
    match effort {
        Effort::Ultrafast => "ultrafast",
        Effort::Superfast => "superfast",
        Effort::Veryfast => "veryfast",
    }
}

/// Whether two formats are told as the same level, which stands in the SPS.
pub(super) fn same_level(one: &House, other: &House) -> bool {
    level(one, BUFFER_MS) == level(other, BUFFER_MS)
}

/// The element.
pub(super) fn element(house: &House) -> Result<gst::Element, gst::glib::BoolError> {
    let keyint = house.keyframe_ticks();
    let pinned = format!(
        "scenecut=0:min-keyint={keyint}:open-gop=0:weightp=0:no-psy=1:filler=1:level={}:sliced-threads=0:sync-lookahead=0",
        level(house, BUFFER_MS)
    );
    gst::ElementFactory::make("x264enc")
        .property_from_str("speed-preset", preset(house.effort))
        .property_from_str("tune", "zerolatency")
        .property_from_str("pass", "cbr")
        .property("bitrate", house.video_kbps)
        .property("vbv-buf-capacity", BUFFER_MS)
        .property("key-int-max", keyint as u32)
        .property("bframes", 0u32)
        .property("ref", 1u32)
        .property("dct8x8", true)
        .property("cabac", true)
        .property("rc-lookahead", 0i32)
        .property("threads", THREADS)
        .property("option-string", pinned)
        .build()
}

/// Another rate from the next picture on: x264 takes it over as it runs, and it is in neither SPS nor PPS.
pub(super) fn retune(element: &gst::Element, video_kbps: u32) {
    element.set_property("bitrate", video_kbps);
}

/// For the operator: which encoder is in use, and why (D-1).
pub(super) fn describe(house: &House) -> String {
    let why = hardware::why_software(Path::new(hardware::DEVICES));
    format!("x264 ({}), software: {why}", preset(house.effort))
}
