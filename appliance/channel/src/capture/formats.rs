//! In what formats a video device gives its pictures (V4L2, by GStreamer's `v4l2src`).

use automation::capture::{CaptureFormat, Coding};
use automation::spec::{House, Rate};
use gstreamer as gst;
use gstreamer::prelude::*;

/// Pixel formats that the program's own is made from without much work: the same, or with more colour.
const NEAR: [&str; 9] = ["I420", "YV12", "NV12", "NV21", "YUY2", "UYVY", "YVYU", "Y42B", "NV16"];

/// A format, and what a pad must be told to get it.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) format: CaptureFormat,
    pub(crate) caps: gst::Caps,
}

/// What a device offers that can be read here, for a program in this format: where a device leaves the size or the rate
/// to us, the program's own is taken.
pub(crate) fn offers(caps: &gst::CapsRef, house: &House) -> Vec<Offer> {
    caps.iter().flat_map(|structure| of_structure(structure, house)).collect()
}

fn of_structure(structure: &gst::StructureRef, house: &House) -> Vec<Offer> {
    let codings = codings(structure);
    let (Some(width), Some(height)) =
        (length(structure, "width", house.width), length(structure, "height", house.height))
    else {
        return Vec::new();
    };
    let rates = rates(structure, house.rate);
    let one = |(coding, pixels): &(Coding, Option<String>), rate: &Rate| {
        let fraction = gst::Fraction::new(rate.num as i32, rate.den as i32);
        let mut caps = gst::Caps::builder(structure.name())
            .field("width", width as i32)
            .field("height", height as i32)
            .field("framerate", fraction);
        if let Some(pixels) = pixels {
            caps = caps.field("format", pixels);
        }
        Offer { format: CaptureFormat { coding: *coding, width, height, rate: *rate }, caps: caps.build() }
    };
    codings.iter().flat_map(|coding| rates.iter().map(move |rate| one(coding, rate))).collect()
}

/// How its pictures are coded, each way with its pixel format; none that can be decoded is empty.
fn codings(structure: &gst::StructureRef) -> Vec<(Coding, Option<String>)> {
    let name = structure.name().as_str();
    match name {
        "image/jpeg" => return vec![(Coding::Jpeg, None)],
        "video/x-h264" => return vec![(Coding::H264, None)],
        "video/x-raw" => {}
        _ => return Vec::new(),
    }
    let pixels: Vec<String> = match (structure.get::<String>("format"), structure.get::<gst::List>("format")) {
        (Ok(one), _) => vec![one],
        (_, Ok(list)) => list.iter().filter_map(|one| one.get::<String>().ok()).collect(),
        _ => Vec::new(),
    };
    let coding = |pixels: &str| if NEAR.contains(&pixels) { Coding::Raw } else { Coding::RawOther };
    pixels.into_iter().map(|pixels| (coding(&pixels), Some(pixels))).collect()
}

/// A length in pixels; the nearest to the one wanted, where the device leaves it to us.
fn length(structure: &gst::StructureRef, field: &str, wanted: u32) -> Option<u32> {
    let fixed = structure.get::<i32>(field).ok();
    let range = || {
        let range = structure.get::<gst::IntRange<i32>>(field).ok()?;
        let nearest = (wanted as i32).clamp(range.min(), range.max());
        Some(nearest - (nearest - range.min()) % range.step().max(1))
    };
    u32::try_from(fixed.or_else(range)?).ok().filter(|length| *length > 0)
}

fn rates(structure: &gst::StructureRef, wanted: Rate) -> Vec<Rate> {
    let rate = |fraction: gst::Fraction| {
        let (num, den) = (u32::try_from(fraction.numer()).ok()?, u32::try_from(fraction.denom()).ok()?);
        (num > 0 && den > 0).then_some(Rate { num, den })
    };
    if let Ok(one) = structure.get::<gst::Fraction>("framerate") {
        return rate(one).into_iter().collect();
    }
    if let Ok(list) = structure.get::<gst::List>("framerate") {
        return list.iter().filter_map(|one| rate(one.get::<gst::Fraction>().ok()?)).collect();
    }
    if let Ok(range) = structure.get::<gst::FractionRange>("framerate") {
        let wanted = gst::Fraction::new(wanted.num as i32, wanted.den as i32);
        return rate(wanted.clamp(range.min(), range.max())).into_iter().collect();
    }
    vec![wanted]
}

/// Why a device cannot be opened: GStreamer's error, and its words for the log.
pub(crate) type Unopened = (gst::glib::Error, String);

/// Opens a device by this element, which belongs to no pipeline yet: so its error ends none.
pub(crate) fn open(factory: &str, node: &str) -> Result<gst::Element, Unopened> {
    let nothing = |error: gst::glib::BoolError| {
        (gst::glib::Error::new(gst::CoreError::Failed, error.message.as_ref()), String::new())
    };
    let source = gst::ElementFactory::make(factory).property("device", node).build().map_err(nothing)?;
    let bus = gst::Bus::new();
    source.set_bus(Some(&bus));
    let opened = source.set_state(gst::State::Ready);
    if opened.is_ok() {
        source.set_bus(None);
        return Ok(source);
    }
    let _ = source.set_state(gst::State::Null);
    let told = bus.pop_filtered(&[gst::MessageType::Error]);
    Err(match told.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Error(error)) => (error.error(), error.debug().unwrap_or_default().into()),
        _ => (gst::glib::Error::new(gst::ResourceError::OpenRead, "it cannot be opened"), String::new()),
    })
}

/// What an opened device offers.
pub(crate) fn offered(source: &gst::Element, house: &House) -> Vec<Offer> {
    source.static_pad("src").map_or_else(Vec::new, |pad| offers(&pad.query_caps(None), house))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(caps: &str) -> Vec<String> {
        gst::init().unwrap();
        let house = House { width: 1280, height: 720, rate: Rate { num: 25, den: 1 }, ..House::default() };
        let caps: gst::Caps = caps.parse().unwrap();
        let found = offers(&caps, &house);
        for offer in &found {
            assert!(offer.caps.is_fixed() && caps.can_intersect(&offer.caps), "{offer:?}");
        }
        let line = |CaptureFormat { coding, width, height, rate }: CaptureFormat| {
            format!("{coding:?} {width}x{height} {}/{}", rate.num, rate.den)
        };
        found.into_iter().map(|offer| line(offer.format)).collect()
    }

    #[test]
    fn what_a_device_lists_is_read_and_what_it_leaves_open_is_the_programs() {
        for (caps, want) in [
            (
                "image/jpeg,width=1920,height=1080,framerate={(fraction)30/1,(fraction)60/1}",
                &["Jpeg 1920x1080 30/1", "Jpeg 1920x1080 60/1"][..],
            ),
            ("video/x-raw,format=YUY2,width=640,height=480,framerate=30000/1001", &["Raw 640x480 30000/1001"]),
            (
                "video/x-raw,format={NV12,BGR},width=640,height=480,framerate=30/1",
                &["Raw 640x480 30/1", "RawOther 640x480 30/1"],
            ),
            (
                "video/x-raw,format=YUY2,width=[16,16384,2],height=[16,8640],framerate=[0/1,60/1]",
                &["Raw 1280x720 25/1"],
            ),
            ("video/x-h264,width=[16,640],height=[16,480],framerate=[30/1,60/1]", &["H264 640x480 30/1"]),
            ("video/x-h265,width=1920,height=1080,framerate=30/1", &[]),
            ("video/x-bayer,format=bggr,width=1920,height=1080,framerate=30/1", &[]),
            ("video/x-raw,format=YUY2,width=640,height=480,framerate=0/1", &[]),
        ] {
            assert_eq!(told(caps), want, "{caps}");
        }
    }
}
