//! Media in a container, by GStreamer's muxers: MPEG-TS for SRT and files, MP4 in fragments for files.

use crate::encoder::hub::{Format, Packet, Track};
use automation::fault::{Code, Fault};
use automation::spec::Container;
use gstreamer as gst;
use gstreamer::ElementFactory as Make;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

/// Length of a fragment, milliseconds: as long as a group of pictures.
const FRAGMENT_MS: u32 = 2_000;
/// TS packets in a buffer: what fits into a datagram.
const TS_PACKETS: i32 = 7;

/// A muxer whose bytes come out of its end.
pub(super) struct Mux {
    pipeline: gst::Pipeline,
    video: gst_app::AppSrc,
    sound: gst_app::AppSrc,
}

fn failed(error: impl std::fmt::Display) -> Fault {
    Fault::new(Code::Internal, "").with_text(format!("The stream cannot be packed: {error}."))
}

impl Mux {
    /// Builds and starts it; what comes out goes to `sink`.
    pub(super) fn start(container: Container, format: &Format, sink: &gst::Element) -> Result<Mux, Fault> {
        let pipeline = gst::Pipeline::new();
        pipeline.use_clock(Some(&gst::SystemClock::obtain()));
        // Not live: a live muxer would write whichever track is there after a moment. Both always flow.
        let source =
            |caps: &gst::Caps| gst_app::AppSrc::builder().caps(caps).format(gst::Format::Time).max_bytes(0).build();
        let (video, sound) = (source(&format.video), source(&format.sound));
        let (mux, parsers) = match container {
            Container::Ts => {
                let mux = Make::make("mpegtsmux").property("alignment", TS_PACKETS).build().map_err(failed)?;
                // Parameter sets before each keyframe, so that one who comes later can begin there.
                let video = Make::make("h264parse").property("config-interval", -1i32).build().map_err(failed)?;
                (mux, Some((video, Make::make("aacparse").build().map_err(failed)?)))
            }
            Container::Mp4 => {
                let mux = Make::make("mp4mux").property("fragment-duration", FRAGMENT_MS).build().map_err(failed)?;
                (mux, None)
            }
        };
        pipeline.add_many([video.upcast_ref(), sound.upcast_ref(), &mux, sink]).map_err(failed)?;
        // By name: `link` would take whichever pad comes first.
        let pads = |template: &str| mux.request_pad_simple(template).ok_or_else(|| failed("the muxer takes no track"));
        let (to_video, to_sound) = match container {
            Container::Ts => (pads("sink_%d")?, pads("sink_%d")?),
            Container::Mp4 => (pads("video_%u")?, pads("audio_%u")?),
        };
        match parsers {
            Some((video_parser, sound_parser)) => {
                pipeline.add_many([&video_parser, &sound_parser]).map_err(failed)?;
                video.link(&video_parser).map_err(failed)?;
                sound.link(&sound_parser).map_err(failed)?;
                link(&video_parser, &to_video)?;
                link(&sound_parser, &to_sound)?;
            }
            None => {
                link(video.upcast_ref(), &to_video)?;
                link(sound.upcast_ref(), &to_sound)?;
            }
        }
        mux.link(sink).map_err(failed)?;
        let mux = Mux { pipeline, video, sound };
        match mux.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(mux),
            Err(error) => Err(mux.error().map_or_else(|| failed(error), |(error, _)| failed(error))),
        }
    }

    /// Hands over a packet; `since_ns` is its time in the container.
    pub(super) fn push(&self, packet: &Packet, data: gst::Buffer, since_ns: u64) {
        let mut data = data;
        {
            let data = data.make_mut();
            let at = gst::ClockTime::from_nseconds(since_ns);
            data.set_pts(at);
            data.set_dts(at);
        }
        let source = if packet.track == Track::Video { &self.video } else { &self.sound };
        // A pipeline that ends says why on its bus.
        let _ = source.push_buffer(data);
    }

    /// Whether enough waits to be packed: both tracks, and together more than `bytes_max`.
    pub(super) fn is_full(&self, bytes_max: u64) -> bool {
        is_full(self.video.current_level_bytes(), self.sound.current_level_bytes(), bytes_max)
    }

    /// Bytes that wait to be packed.
    pub(super) fn level_bytes(&self) -> u64 {
        self.video.current_level_bytes() + self.sound.current_level_bytes()
    }

    /// Says that nothing follows.
    pub(super) fn finish(&self) {
        let _ = self.video.end_of_stream();
        let _ = self.sound.end_of_stream();
    }

    /// What went wrong since the last call, with its details for the log.
    pub(super) fn error(&self) -> Option<(gst::glib::Error, String)> {
        let message = self.pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        let gst::MessageView::Error(error) = message.view() else { return None };
        Some((error.error(), error.debug().map_or(String::new(), |text| text.to_string())))
    }
}

impl Drop for Mux {
    fn drop(&mut self) {
        // A far side that does not listen may hold this up; nobody waits for it.
        let pipeline = self.pipeline.clone();
        let end = std::thread::Builder::new().name("dst-end".into());
        if let Err(error) = end.spawn(move || pipeline.set_state(gst::State::Null)) {
            tracing::error!(%error, "no thread to end a stream: it stays in memory");
        }
    }
}

/// A muxer that has one track only waits for the other one. What is held back then may be just that.
fn is_full(video_bytes: u64, sound_bytes: u64, bytes_max: u64) -> bool {
    video_bytes > 0 && sound_bytes > 0 && video_bytes + sound_bytes > bytes_max
}

fn link(from: &gst::Element, to: &gst::Pad) -> Result<(), Fault> {
    let pad = from.static_pad("src").ok_or_else(|| failed("an element without a source"))?;
    pad.link(to).map(|_| ()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_muxer_that_waits_for_one_track_is_never_full() {
        for (video, sound, full) in
            [(0, 0, false), (500, 0, false), (0, 500, false), (60, 40, false), (61, 40, true), (1, 500, true)]
        {
            assert_eq!(is_full(video, sound, 100), full, "{video} and {sound} bytes");
        }
    }
}
