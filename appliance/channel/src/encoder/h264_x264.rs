//! x264, through GStreamer's plugin, which is installed beside us and never linked.
//!
//! Every option that could change SPS or PPS is pinned, so that the effort may be exchanged later without a
//! platform seeing it. Keyframes come every 2 s exactly: `scenecut=0` and `min-keyint` are needed for that, for
//! `key-int-max` alone puts one at every cut as well. `filler` keeps a still slate at the bitrate that was asked.

use automation::spec::{Effort, House};
use gstreamer as gst;

/// Threads of x264. Two frame threads keep a slow moment of one picture from delaying the next; sliced threads
/// would cost 13 % more.
pub(super) const THREADS: u32 = 2;

fn preset(effort: Effort) -> &'static str {
    match effort {
        Effort::Ultrafast => "ultrafast",
        Effort::Superfast => "superfast",
        Effort::Veryfast => "veryfast",
    }
}

/// Smallest level that holds the format (H.264 table A-1, by macroblocks per second).
fn level(house: &House) -> &'static str {
    let blocks = u64::from(house.width.div_ceil(16)) * u64::from(house.height.div_ceil(16));
    let per_second = blocks * u64::from(house.rate.num) / u64::from(house.rate.den);
    match per_second {
        0..=108_000 => "3.1",
        108_001..=245_760 => "4.1",
        _ => "4.2",
    }
}

/// The element.
pub(super) fn element(house: &House) -> Result<gst::Element, gst::glib::BoolError> {
    let keyint = house.keyframe_ticks();
    let pinned = format!(
        "scenecut=0:min-keyint={keyint}:open-gop=0:weightp=0:no-psy=1:filler=1:level={}:sliced-threads=0:sync-lookahead=0",
        level(house)
    );
    gst::ElementFactory::make("x264enc")
        .property_from_str("speed-preset", preset(house.effort))
        .property_from_str("tune", "zerolatency")
        .property_from_str("pass", "cbr")
        .property("bitrate", house.video_kbps)
        .property("vbv-buf-capacity", 2000u32)
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

/// For the operator.
pub(super) fn describe(house: &House) -> String {
    format!("x264 ({}), software", preset(house.effort))
}
