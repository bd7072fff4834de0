//! What every source's streams pass: decoder, house format, store. A live source hands each of its streams to
//! [`attach`]; the first pictures and the first sound are taken.

use super::formats::{Unknown, Way, way};
use super::live::{self, Try};
use super::standby;
use super::store::{Picture, Store};
use crate::encoder::{picture_caps, sound_caps};
use crate::lock::hold;
use automation::arrivals::Track;
use automation::fault::{Code, Fault};
use automation::spec::House;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Encoded data that waits before a decoder: the longest jitter buffer and a burst.
const QUEUE_NS_MAX: u64 = 8_000_000_000;
/// The same in bytes, against a source that floods.
const QUEUE_BYTES_MAX: u32 = 16 << 20;

/// Programs with more pictures per second than this show both fields of an interlaced picture, others the first.
const DEINTERLACED_FPS: f64 = 31.0;

/// Turns the stream's running time into the moment at which it is due.
pub(super) type Due = Arc<dyn Fn(u64) -> Option<u64> + Send + Sync>;

/// An error while building a pipeline, in words for the log.
pub(super) type Built<T> = Result<T, gst::glib::BoolError>;

/// The fault of a pipeline that cannot be built: a mistake of ours, or a plugin that is missing.
pub(super) fn internal(error: impl std::fmt::Display) -> Fault {
    Fault::new(Code::Internal, "").with_text(error.to_string())
}

/// Attaches a stream of a live source as soon as its caps are known: to the store, or to nothing where it is one too
/// many or cannot be used. Whatever fails ends the try.
pub(super) fn attach(this: &Arc<Try>, pad: &gst::Pad) {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    attach_as(this, pad, &caps);
}

/// The same with these caps, for a pad that does not tell its own before something flows.
pub(super) fn attach_as(this: &Arc<Try>, pad: &gst::Pad, caps: &gst::CapsRef) {
    if let Err(error) = attach_by_caps(this, pad, caps) {
        this.give_up(internal(error));
    }
}

/// The source has shown all its streams: without pictures it is of no use, or without sound where it shall be heard.
pub(super) fn attached_all(this: &Arc<Try>) {
    let Streams { pictures, sound, complete, .. } = &this.streams;
    complete.store(true, Ordering::Relaxed);
    let [pictures, sound] = [pictures, sound].map(|taken| taken.load(Ordering::Relaxed));
    match (pictures, sound) {
        (_, false) if this.shared.sound_only => this.give_up(live::no_sound(this.sender)),
        (false, true) if !this.shared.sound_only => {
            let text = format!("{} sends sound and no picture.", this.sender);
            let remedy =
                "Where it shall only be heard, as a mixing desk is, switch on \"Sound only\" under its settings.";
            this.give_up(Fault::new(Code::SourceNoVideo, "").with_text(text).with_remedy(remedy));
        }
        (false, false) => {
            let text = format!("{} sends no picture that can be decoded here.", this.sender);
            this.give_up(Fault::new(Code::SourceNoVideo, "").with_text(text));
        }
        _ => {}
    }
}

/// Which kinds of stream a try has taken.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pictures: AtomicBool,
    sound: AtomicBool,
    /// The source has shown all that it begins with.
    complete: AtomicBool,
    /// The queue behind which its pictures' gate is.
    gated: Mutex<Option<gst::glib::WeakRef<gst::Element>>>,
}

/// What becomes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the first of its kind.
    Taken,
    /// There is one of its kind already.
    TooMany,
    /// There was one of its kind, and the source has begun with others instead.
    Instead,
}

impl Streams {
    /// Lets the gate of the pictures look around, though nothing arrives.
    pub(super) fn turn(&self) {
        let queue = hold(&self.gated).as_ref().and_then(|queue| queue.upgrade());
        if let Some(queue) = queue {
            standby::turn(&queue);
        }
    }

    /// Takes a stream of this kind.
    pub(super) fn take(&self, track: Track) -> Place {
        let taken = match track {
            Track::Pictures => &self.pictures,
            Track::Sound => &self.sound,
        };
        match taken.swap(true, Ordering::Relaxed) {
            false => Place::Taken,
            true if self.complete.load(Ordering::Relaxed) => Place::Instead,
            true => Place::TooMany,
        }
    }
}

fn attach_by_caps(this: &Arc<Try>, pad: &gst::Pad, caps: &gst::CapsRef) -> Built<()> {
    let way = match way(caps) {
        Ok(way) => way,
        Err(unknown) => return refuse(this, pad, &unknown),
    };
    if this.shared.sound_only && way.track == Track::Pictures {
        return let_go(this, pad, "only its sound is used");
    }
    match this.streams.take(way.track) {
        Place::Taken => attach_way(this, pad, &way),
        Place::TooMany => let_go(this, pad, "one stream of its kind too many"),
        Place::Instead => begin_anew(this, pad),
    }
}

/// A stream that cannot be decoded here: without its pictures a source is of no use, without its sound it is, unless it
/// shall only be heard.
fn refuse(this: &Arc<Try>, pad: &gst::Pad, Unknown { track, format }: &Unknown) -> Built<()> {
    let needed = if this.shared.sound_only { Track::Sound } else { Track::Pictures };
    match track.filter(|track| *track == needed).map(|track| this.streams.take(track)) {
        Some(Place::Taken) => {
            let text = format!("{} sends {format}, which cannot be decoded here.", this.sender);
            this.give_up(Fault::new(Code::SourceUnsupported, "").with_text(text));
            Ok(())
        }
        Some(Place::Instead) => begin_anew(this, pad),
        Some(Place::TooMany) | None => let_go(this, pad, format),
    }
}

/// The source goes on with other streams than it began with, as an HLS playlist may behind a discontinuity: what was
/// attached gets nothing any more, and a new try takes the new ones at once.
fn begin_anew(this: &Arc<Try>, pad: &gst::Pad) -> Built<()> {
    tracing::info!(source = this.name, stream = %pad.name(), "a source goes on with other streams");
    this.give_up(Fault::new(Code::SourceLost, ""));
    Ok(())
}

fn attach_way(this: &Arc<Try>, pad: &gst::Pad, way: &Way) -> Built<()> {
    let parse = make(way.parse)?;
    let queue = encoded_queue()?;
    let mut elements = Vec::with_capacity(5);
    if this.pace.is_some() {
        let ahead = encoded_queue()?;
        let pad = |name: &str| ahead.static_pad(name).expect("queues have both");
        at_each(this, &pad("sink"), Try::fetched);
        // What leaves is held back until its time has come.
        at_each(this, &pad("src"), Try::keep_pace);
        elements.push(ahead);
    }
    elements.extend(way.unpack.map(make).transpose()?);
    elements.extend([parse.clone(), queue.clone()]);
    let decode = way.decode.map(decoder).transpose()?;
    elements.extend(decode.clone());
    if let Some(decode) = decode.filter(|_| way.track == Track::Pictures) {
        let src = |element: &gst::Element| element.static_pad("src").expect("queues and decoders have one");
        standby::attach(this, &src(&queue), &src(&decode));
        *hold(&this.streams.gated) = Some(queue.downgrade());
    }
    // RTP carries no decoding time: what its buffers say there is when they arrived.
    let sent = if way.unpack.is_some() { shown_ns } else { decoded_ns };
    watch(this, way.track, &parse.static_pad("src").expect("parsers have one"), sent);
    let tail = match way.track {
        Track::Pictures => picture_tail(&this.pipeline, &this.house, &this.shared.store, this.due())?,
        Track::Sound => sound_tail(&this.pipeline, &this.shared.store, this.due())?,
    };
    this.has(way.track, way.name);
    let elements: Vec<&gst::Element> = elements.iter().collect();
    chain(&this.pipeline, &elements)?;
    elements[elements.len() - 1].link(&tail)?;
    link(pad, elements[0])
}

fn let_go(this: &Arc<Try>, pad: &gst::Pad, why: &str) -> Built<()> {
    tracing::info!(source = this.name, stream = %pad.name(), why, "a stream is left out");
    let sink = gst::ElementFactory::make("fakesink").property("sync", false).property("async", false).build()?;
    chain(&this.pipeline, &[&sink])?;
    link(pad, &sink)
}

/// Links a pad to the first pad of an element.
pub(super) fn link(pad: &gst::Pad, to: &gst::Element) -> Built<()> {
    let sink = to.static_pad("sink").ok_or_else(|| gst::glib::bool_error!("no sink pad"))?;
    pad.link(&sink).map(|_| ()).map_err(|error| gst::glib::bool_error!("{error}"))
}

/// Tells the try of all that passes, still encoded, and of the pictures' size. `sent` is the stream's time at which
/// something is sent, by the source's own pace.
fn watch(this: &Arc<Try>, track: Track, pad: &gst::Pad, sent: fn(&gst::Pad, &gst::BufferRef) -> Option<u64>) {
    let to = Arc::downgrade(this);
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        let Some(this) = to.upgrade() else { return gst::PadProbeReturn::Ok };
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                if let Some(at) = sent(pad, buffer) {
                    this.arrived(track, at, buffer.size());
                }
            }
            Some(gst::PadProbeData::Event(event)) => {
                if let gst::EventView::Caps(caps) = event.view()
                    && let Some(s) = caps.caps().structure(0)
                    && let (Ok(width), Ok(height)) = (s.get::<i32>("width"), s.get::<i32>("height"))
                {
                    this.size(width.max(0) as u32, height.max(0) as u32);
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// Tells the try of each buffer that passes this pad, by the running time at which it is decoded.
fn at_each(this: &Arc<Try>, pad: &gst::Pad, tell: fn(&Try, u64)) {
    let to = Arc::downgrade(this);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data
            && let Some(at) = decoded_ns(pad, buffer)
            && let Some(this) = to.upgrade()
        {
            tell(&this, at);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Makes an element.
pub(super) fn make(factory: &str) -> Built<gst::Element> {
    gst::ElementFactory::make(factory).build()
}

/// A queue of encoded data that may hold a whole jitter buffer.
fn encoded_queue() -> Built<gst::Element> {
    gst::ElementFactory::make("queue")
        .property("max-size-buffers", 0u32)
        .property("max-size-bytes", QUEUE_BYTES_MAX)
        .property("max-size-time", QUEUE_NS_MAX)
        .build()
}

/// A decoder. One thread: frame threads would keep a picture back for each thread, and hold its memory.
fn decoder(factory: &str) -> Built<gst::Element> {
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
    // Hands progressive pictures on as they are. `linear` makes a picture of each field by itself: every time is kept and
    // nothing waits for a next field, while the methods that look at motion lose and repeat pictures at the start and
    // after a gap, and cost several times as much.
    let deinterlace = gst::ElementFactory::make("deinterlace").property_from_str("method", "linear").build()?;
    // Twice as many pictures only where the program can show them.
    let both = f64::from(house.rate.num) / f64::from(house.rate.den) > DEINTERLACED_FPS;
    deinterlace.set_property_from_str("fields", if both { "all" } else { "top" });
    let convert = gst::ElementFactory::make("videoconvertscale").property("add-borders", true).build()?;
    let mut caps = picture_caps(house);
    // The mixer picks by time; a source keeps its own rate.
    caps.make_mut().structure_mut(0).expect("one structure").remove_field("framerate");
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
    chain(pipeline, &[&deinterlace, &convert, sink.upcast_ref()])?;
    Ok(deinterlace)
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

/// The running time at which a buffer that passes a pad is shown, nanoseconds.
pub(super) fn shown_ns(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<u64> {
    running_ns(pad, buffer.pts()?)
}

/// The running time at which a buffer that passes a pad is decoded, nanoseconds; for containers that carry it. With
/// B-frames a picture is sent up to some pictures ahead of its time, and only this tells how the source keeps pace.
fn decoded_ns(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<u64> {
    running_ns(pad, buffer.dts().into_iter().chain(buffer.pts()).min()?)
}

fn running_ns(pad: &gst::Pad, at: gst::ClockTime) -> Option<u64> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = segment.segment().downcast_ref::<gst::ClockTime>()?.clone();
    Some(segment.to_running_time(at)?.nseconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_stream_is_one_too_many_at_first_and_another_beginning_later() {
        let streams = Streams::default();
        assert_eq!(streams.take(Track::Pictures), Place::Taken);
        assert_eq!(streams.take(Track::Pictures), Place::TooMany);
        streams.complete.store(true, Ordering::Relaxed);
        assert_eq!(streams.take(Track::Pictures), Place::Instead);
        assert_eq!(streams.take(Track::Sound), Place::Taken, "sound that begins later");
        assert_eq!(streams.take(Track::Sound), Place::Instead);
    }
}
