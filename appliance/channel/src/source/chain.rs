//! The tail that every source's streams end in: decoder, house format, store.

use super::store::{Picture, Store};
use crate::encoder::{picture_caps, sound_caps};
use automation::spec::House;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use std::sync::Arc;

/// Encoded data that waits before a decoder: the longest jitter buffer and a burst.
const QUEUE_NS_MAX: u64 = 8_000_000_000;
/// The same in bytes, against a source that floods.
const QUEUE_BYTES_MAX: u32 = 16 << 20;

/// Turns the stream's running time into the moment at which it is due.
pub(super) type Due = Arc<dyn Fn(u64) -> Option<u64> + Send + Sync>;

/// An error while building a pipeline, in words for the log.
pub(super) type Built<T> = Result<T, gst::glib::BoolError>;

/// Makes an element.
pub(super) fn make(factory: &str) -> Built<gst::Element> {
    gst::ElementFactory::make(factory).build()
}

/// A queue of encoded data that may hold a whole jitter buffer.
pub(super) fn encoded_queue() -> Built<gst::Element> {
    gst::ElementFactory::make("queue")
        .property("max-size-buffers", 0u32)
        .property("max-size-bytes", QUEUE_BYTES_MAX)
        .property("max-size-time", QUEUE_NS_MAX)
        .build()
}

/// A decoder. One thread: frame threads would keep a picture back for each thread, and hold its memory.
pub(super) fn decoder(factory: &str) -> Built<gst::Element> {
    let element = make(factory)?;
    one_thread(&element);
    Ok(element)
}

/// Sets libav's decoders to one thread.
pub(super) fn one_thread(element: &gst::Element) {
    if element.find_property("max-threads").is_some() {
        element.set_property("max-threads", 1i32);
    }
}

/// Raw pictures to the house format and into the store. Answers the tail's first element.
pub(super) fn picture_tail(
    pipeline: &gst::Pipeline,
    house: &House,
    store: &Arc<Store>,
    due: Due,
) -> Built<gst::Element> {
    let convert = gst::ElementFactory::make("videoconvertscale").property("add-borders", true).build()?;
    let mut caps = picture_caps(house);
    // The mixer picks by time; a source keeps its own rate.
    let fields = caps.make_mut().structure_mut(0).expect("one structure");
    fields.remove_field("framerate");
    // An interlaced source is shown as it comes, rather than not at all.
    fields.remove_field("interlace-mode");
    let store = store.clone();
    let take = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let Some((buffer, at)) = timed(&sample) else { return Ok(gst::FlowSuccess::Ok) };
        let Some(due_ns) = due(at) else { return Ok(gst::FlowSuccess::Ok) };
        if store.put_picture(Picture { due_ns, buffer }) { Ok(gst::FlowSuccess::Ok) } else { Err(gst::FlowError::Eos) }
    };
    let sink = gst_app::AppSink::builder()
        .caps(&caps)
        .sync(false)
        .async_(false)
        .max_buffers(1)
        .callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build())
        .build();
    // GStreamer 1.22's appsink does not say that it reads padded rows; without this the decoder copies each picture.
    sink.static_pad("sink").expect("appsink has one").add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        if let Some(query) = info.query_mut()
            && let gst::QueryViewMut::Allocation(allocation) = query.view_mut()
        {
            allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
    chain(pipeline, &[&convert, sink.upcast_ref()])?;
    Ok(convert)
}

/// Raw sound to the house format and into the store. Answers the tail's first element.
pub(super) fn sound_tail(pipeline: &gst::Pipeline, store: &Arc<Store>, due: Due) -> Built<gst::Element> {
    let convert = make("audioconvert")?;
    let resample = make("audioresample")?;
    let store = store.clone();
    let take = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let Some((buffer, at)) = timed(&sample) else { return Ok(gst::FlowSuccess::Ok) };
        let Some(due_ns) = due(at) else { return Ok(gst::FlowSuccess::Ok) };
        let Ok(map) = buffer.map_readable() else { return Ok(gst::FlowSuccess::Ok) };
        let samples: Vec<f32> = map.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        if store.put_sound(due_ns, &samples) { Ok(gst::FlowSuccess::Ok) } else { Err(gst::FlowError::Eos) }
    };
    let sink = gst_app::AppSink::builder()
        .caps(&sound_caps())
        .sync(false)
        .async_(false)
        .callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build())
        .build();
    chain(pipeline, &[&convert, &resample, sink.upcast_ref()])?;
    Ok(convert)
}

/// Adds elements to a pipeline, links them in a row, and brings them to the pipeline's state.
pub(super) fn chain(pipeline: &gst::Pipeline, elements: &[&gst::Element]) -> Built<()> {
    pipeline.add_many(elements.iter().copied())?;
    gst::Element::link_many(elements.iter().copied())?;
    for element in elements.iter().rev() {
        element.sync_state_with_parent()?;
    }
    Ok(())
}

/// The buffer of a sample, and its running time in nanoseconds.
fn timed(sample: &gst::Sample) -> Option<(gst::Buffer, u64)> {
    let buffer = sample.buffer_owned()?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let at = segment.to_running_time(buffer.pts()?)?.nseconds();
    Some((buffer, at))
}

/// The running time of a buffer that passes a pad, nanoseconds.
pub(super) fn running_ns(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<u64> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = segment.segment().downcast_ref::<gst::ClockTime>()?.clone();
    Some(segment.to_running_time(buffer.pts()?)?.nseconds())
}
