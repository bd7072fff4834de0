//! An IP camera: RTSP, its media over the same TCP connection.

use super::chain::{self, Built};
use super::live::{Connect, Try};
use automation::fault::{Code, Fault};
use automation::secret::Secret;
use gstreamer as gst;
use gstreamer::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Reordering time inside `rtspsrc`, milliseconds. Over TCP nothing is reordered; our own store buffers.
const JITTER_MS: u32 = 100;
/// Time after which `rtspsrc` gives up a TCP connection that does not answer, microseconds.
const TCP_TIMEOUT_US: u64 = 5_000_000;

/// How to reach a camera.
#[derive(Clone, Debug)]
pub(super) struct Camera {
    pub(super) url: String,
    pub(super) user: String,
    pub(super) password: Secret,
}

/// Elements from RTP to raw pictures, by the RTP encoding name: before and after the queue.
fn picture_elements(encoding: &str) -> Option<([&'static str; 2], &'static str)> {
    match encoding {
        "H264" => Some((["rtph264depay", "h264parse"], "avdec_h264")),
        "H265" => Some((["rtph265depay", "h265parse"], "avdec_h265")),
        "JPEG" => Some((["rtpjpegdepay", "identity"], "jpegdec")),
        _ => None,
    }
}

/// The same for sound.
fn sound_elements(encoding: &str) -> Option<([&'static str; 2], &'static str)> {
    match encoding {
        "MPEG4-GENERIC" => Some((["rtpmp4gdepay", "aacparse"], "avdec_aac")),
        "MP4A-LATM" => Some((["rtpmp4adepay", "aacparse"], "avdec_aac")),
        "PCMU" => Some((["rtppcmudepay", "identity"], "mulawdec")),
        "PCMA" => Some((["rtppcmadepay", "identity"], "alawdec")),
        "OPUS" => Some((["rtpopusdepay", "identity"], "opusdec")),
        _ => None,
    }
}

impl Connect for Camera {
    fn build(&self, this: &Arc<Try>) -> Result<(), Fault> {
        self.build_pipeline(this).map_err(|error| Fault::new(Code::Internal, "").with_text(error.to_string()))
    }

    fn knock(&self) -> Option<(String, u16)> {
        let rest = self.url.split_once("://")?.1;
        let authority = rest.split(['/', '?']).next()?;
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                Some((host.trim_matches(['[', ']']).into(), port.parse().ok()?))
            }
            _ => Some((authority.trim_matches(['[', ']']).into(), 554)),
        }
    }

    fn waiting(&self) -> Fault {
        Fault::new(Code::SourceUnreachable, "")
    }

    fn judge(&self, error: &gst::glib::Error, debug: &str) -> Fault {
        let code = match error.kind::<gst::ResourceError>() {
            Some(gst::ResourceError::NotAuthorized) => Code::SourceRefused,
            Some(gst::ResourceError::NotFound) if !debug.contains("resolve") => Code::SourceNotFound,
            _ if debug.contains("Unauthorized") => Code::SourceRefused,
            _ if debug.contains("(404)") || debug.contains("Not Found") => Code::SourceNotFound,
            _ if error.is::<gst::StreamError>() && !debug.contains("rtspsrc") => Code::SourceUnsupported,
            _ => Code::SourceUnreachable,
        };
        Fault::new(code, "")
    }
}

impl Camera {
    fn build_pipeline(&self, this: &Arc<Try>) -> Built<()> {
        let source = gst::ElementFactory::make("rtspsrc")
            .property("location", &self.url)
            .property_from_str("protocols", "tcp")
            .property("latency", JITTER_MS)
            .property("tcp-timeout", TCP_TIMEOUT_US)
            .property("teardown-timeout", 200_000_000u64)
            .build()?;
        if !self.user.is_empty() {
            source.set_property("user-id", &self.user);
            source.set_property("user-pw", self.password.expose());
        }
        let has_video = Arc::new(AtomicBool::new(false));
        let (to, video) = (Arc::downgrade(this), has_video.clone());
        source.connect_pad_added(move |_, pad| {
            let Some(this) = to.upgrade() else { return };
            if let Err(error) = attach(&this, pad, &video) {
                this.give_up(Fault::new(Code::Internal, "").with_text(error.to_string()));
            }
        });
        let to = Arc::downgrade(this);
        source.connect_no_more_pads(move |_| {
            if let Some(this) = to.upgrade()
                && !has_video.load(Ordering::Relaxed)
            {
                this.give_up(Fault::new(Code::SourceNoVideo, ""));
            }
        });
        this.pipeline.add(&source)
    }
}

/// Attaches a stream of the camera: the first video and the first sound; everything else is let go.
fn attach(this: &Arc<Try>, pad: &gst::Pad, has_video: &AtomicBool) -> Built<()> {
    let Some(caps) = pad.current_caps().or_else(|| Some(pad.query_caps(None))) else { return Ok(()) };
    let Some(structure) = caps.structure(0) else { return Ok(()) };
    let media = structure.get::<&str>("media").unwrap_or_default();
    let encoding = structure.get::<&str>("encoding-name").unwrap_or_default();
    match media {
        "video" if !has_video.swap(true, Ordering::Relaxed) => match picture_elements(encoding) {
            Some((before, decoder)) => attach_pictures(this, pad, before, decoder),
            None => {
                let text = format!("The camera sends {encoding}, which cannot be decoded here.");
                this.give_up(Fault::new(Code::SourceUnsupported, "").with_text(text));
                Ok(())
            }
        },
        "audio" => match sound_elements(encoding) {
            Some((before, decoder)) => attach_sound(this, pad, before, decoder),
            None => let_go(this, pad),
        },
        _ => let_go(this, pad),
    }
}

fn attach_pictures(this: &Arc<Try>, pad: &gst::Pad, before: [&str; 2], decoder: &str) -> Built<()> {
    let depay = chain::make(before[0])?;
    let parse = chain::make(before[1])?;
    let queue = chain::encoded_queue()?;
    let decode = chain::decoder(decoder)?;
    let tail = chain::picture_tail(&this.pipeline, &this.house, &this.shared.store, this.due())?;
    watch_pictures(this, &parse.static_pad("src").expect("parsers have one"));
    chain::chain(&this.pipeline, &[&depay, &parse, &queue, &decode])?;
    decode.link(&tail)?;
    link(pad, &depay)
}

fn attach_sound(this: &Arc<Try>, pad: &gst::Pad, before: [&str; 2], decoder: &str) -> Built<()> {
    let depay = chain::make(before[0])?;
    let parse = chain::make(before[1])?;
    let queue = chain::encoded_queue()?;
    let decode = chain::decoder(decoder)?;
    let tail = chain::sound_tail(&this.pipeline, &this.shared.store, this.due())?;
    chain::chain(&this.pipeline, &[&depay, &parse, &queue, &decode])?;
    decode.link(&tail)?;
    this.has_sound();
    link(pad, &depay)
}

fn let_go(this: &Arc<Try>, pad: &gst::Pad) -> Built<()> {
    let sink = gst::ElementFactory::make("fakesink").property("sync", false).property("async", false).build()?;
    chain::chain(&this.pipeline, &[&sink])?;
    link(pad, &sink)
}

fn link(pad: &gst::Pad, to: &gst::Element) -> Built<()> {
    let sink = to.static_pad("sink").ok_or_else(|| gst::glib::bool_error!("no sink pad"))?;
    pad.link(&sink).map(|_| ()).map_err(|error| gst::glib::bool_error!("{error}"))
}

/// Tells the try of each encoded picture that passes, and of the stream's size.
pub(super) fn watch_pictures(this: &Arc<Try>, pad: &gst::Pad) {
    let to = Arc::downgrade(this);
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        let Some(this) = to.upgrade() else { return gst::PadProbeReturn::Ok };
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                if let Some(at) = chain::running_ns(pad, buffer) {
                    this.picture_arrived(at);
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
