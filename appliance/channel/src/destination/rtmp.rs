//! One RTMP or RTMPS connection: `appsrc → flvmux → rtmp2sink`, from a feed of the hub.
//!
//! Timestamps begin at 0 with the first keyframe, both tracks on one base. A burst, such as the cached group of
//! pictures at the start, goes out at 1.25 × real time at most: platforms flag what is faster. A far side that
//! pauses keeps its connection: the sink's own time-out is off, and progress is watched here.

use super::pace::Pace;
use crate::clock::running;
use crate::encoder::hub::{Feed, Format, Hub, Packet, Track};
use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::spec::Destination;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use std::sync::Arc;
use std::time::Duration;

/// Chunk size: the protocol's default of 128 bytes would cost 1 % and much work.
const CHUNK_BYTES: u32 = 4096;
/// Encoded data that may wait inside the pipeline; the rest waits in the feed, which knows keyframes.
const INSIDE_BYTES_MAX: u64 = 256 << 10;
/// Without a byte that goes out for so long, while some wait, the connection is dead.
const STALLED_MS: u64 = 30_000;
/// A connection that does not come to stand within this time is given up.
const CONNECT_MS: u64 = 10_000;
/// Bytes that handshake and commands may take; what goes out beyond them is media that the far side accepted.
const COMMAND_BYTES: u64 = 6_000;
/// How long a turn waits for a packet.
const TURN: Duration = Duration::from_millis(20);

/// An open connection.
pub(super) struct Connection {
    pipeline: gst::Pipeline,
    video: gst_app::AppSrc,
    sound: gst_app::AppSrc,
    sink: gst::Element,
    feed: Arc<Feed>,
    held: Option<Packet>,
    /// Program time of the first packet.
    base: Option<u64>,
    pace: Pace,
    begun: Running,
    progressed: Running,
    sent: u64,
    format: Format,
}

/// What one turn found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    /// Being connected.
    Connecting,
    /// Media flows.
    Flowing,
    /// It ended.
    Failed(Fault),
}

fn internal(error: impl std::fmt::Display) -> Fault {
    Fault::new(Code::Internal, "").with_text(format!("The connection cannot be set up: {error}"))
}

impl Connection {
    /// Begins to connect.
    pub(super) fn open(destination: &Destination, hub: &Hub, format: &Format) -> Result<Connection, Fault> {
        let pipeline = gst::Pipeline::new();
        pipeline.use_clock(Some(&gst::SystemClock::obtain()));
        // Not live: a live muxer would write whichever track is there after a moment, and then bend the time of the
        // other. Both tracks always flow, so waiting for both costs nothing.
        let source =
            |caps: &gst::Caps| gst_app::AppSrc::builder().caps(caps).format(gst::Format::Time).max_bytes(0).build();
        let (video, sound) = (source(&format.video), source(&format.sound));
        let mux = gst::ElementFactory::make("flvmux")
            .property("streamable", true)
            .property("metadatacreator", "Bandstand")
            .property("encoder", "Bandstand")
            .build()
            .map_err(internal)?;
        // One by one: in a location a key with a slash in it would be cut at the wrong place.
        let (application, name) = destination.url.application_and_name(&destination.key);
        let sink = gst::ElementFactory::make("rtmp2sink")
            .property_from_str("scheme", if destination.url.tls() { "rtmps" } else { "rtmp" })
            .property("host", destination.url.host())
            .property("port", i32::from(destination.url.port()))
            .property("application", application)
            .property("stream", name)
            .property("timeout", 0u32)
            .property("chunk-size", CHUNK_BYTES)
            .property("sync", false)
            .property("async", false)
            .build()
            .map_err(internal)?;
        pipeline.add_many([video.upcast_ref(), sound.upcast_ref(), &mux, &sink]).map_err(internal)?;
        // By name: `link` would take whichever pad comes first.
        video.link_pads(Some("src"), &mux, Some("video")).map_err(internal)?;
        sound.link_pads(Some("src"), &mux, Some("audio")).map_err(internal)?;
        mux.link(&sink).map_err(internal)?;
        let now = running();
        let feed = hub.join();
        let connection = Connection {
            pipeline,
            video,
            sound,
            sink,
            feed,
            held: None,
            base: None,
            pace: Pace::default(),
            begun: now,
            progressed: now,
            sent: 0,
            format: format.clone(),
        };
        match connection.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(connection),
            Err(error) => Err(connection.error().unwrap_or_else(|| internal(error))),
        }
    }

    /// Carries what is due, for about 20 ms.
    pub(super) fn turn(&mut self, hub: &Hub) -> Turn {
        if let Some(fault) = self.error() {
            return Turn::Failed(fault);
        }
        // A session's format may not change: a difference is a fault, never a new header.
        if hub.known_format().as_ref() != Some(&self.format) {
            return Turn::Failed(Fault::new(Code::EncoderFailed, "").with_text("The encoder changed its format."));
        }
        self.carry();
        let now = running();
        let sent = self.stat("out-bytes-total");
        if sent > self.sent {
            self.sent = sent;
            self.progressed = now;
        }
        let flowing = self.sent > COMMAND_BYTES;
        let limit = if flowing { STALLED_MS } else { CONNECT_MS };
        let waits = self.held.is_some() || self.feed.oldest_ns().is_some() || !flowing;
        if waits && now.ms_since(self.progressed.max(self.begun)) > limit {
            let code = if flowing { Code::DestinationStalled } else { Code::DestinationUnreachable };
            return Turn::Failed(Fault::new(code, ""));
        }
        if flowing { Turn::Flowing } else { Turn::Connecting }
    }

    fn carry(&mut self) {
        let until = running().plus_ms(TURN.as_millis() as u64);
        loop {
            let now = running();
            if now >= until {
                return;
            }
            let left = Duration::from_nanos(until.0 - now.0);
            if self.video.current_level_bytes() + self.sound.current_level_bytes() > INSIDE_BYTES_MAX {
                std::thread::sleep(left);
                return;
            }
            let Some(packet) = self.held.take().or_else(|| self.feed.next(left)) else { return };
            let base_ns = *self.base.get_or_insert(packet.pts_ns);
            // Sound that was heard before the first picture belongs to nobody.
            let Some(since_ns) = packet.pts_ns.checked_sub(base_ns) else { continue };
            if let Err(early) = self.pace.ask(since_ns, now) {
                self.held = Some(packet);
                std::thread::sleep(Duration::from_nanos(early).min(left));
                continue;
            }
            self.push(&packet, since_ns);
        }
    }

    fn push(&self, packet: &Packet, since_ns: u64) {
        let mut buffer = packet.data.copy();
        {
            let buffer = buffer.get_mut().expect("a copy has one owner");
            let at = gst::ClockTime::from_nseconds(since_ns);
            buffer.set_pts(at);
            buffer.set_dts(at);
        }
        let source = if packet.track == Track::Video { &self.video } else { &self.sound };
        // A pipeline that ends says why on its bus; the next turn reads it.
        let _ = source.push_buffer(buffer);
    }

    fn stat(&self, field: &str) -> u64 {
        let stats = self.sink.property::<Option<gst::Structure>>("stats");
        stats.and_then(|s| s.get::<u64>(field).ok()).unwrap_or(0)
    }

    /// Bytes that went out.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes that the far side has acknowledged by RTMP.
    pub(super) fn acked(&self) -> u64 {
        self.stat("out-bytes-acked")
    }

    /// Age of the oldest packet that waits, given the program's time of now, nanoseconds.
    pub(super) fn age_ns(&self, program_ns: u64) -> u64 {
        let oldest = self.held.as_ref().map(|p| p.pts_ns).or_else(|| self.feed.oldest_ns());
        oldest.map_or(0, |at| program_ns.saturating_sub(at))
    }

    /// Packets left out.
    pub(super) fn dropped(&self) -> u64 {
        self.feed.dropped()
    }

    fn error(&self) -> Option<Fault> {
        let message = self.pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        let gst::MessageView::Error(error) = message.view() else { return None };
        let detail = error.debug().unwrap_or_default();
        tracing::debug!(error = %error.error(), %detail, "destination's pipeline failed");
        Some(judge(&error.error(), &detail, self.sent > COMMAND_BYTES))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The goodbye may wait for a far side that does not listen; nobody waits for it.
        let pipeline = self.pipeline.clone();
        let end = std::thread::Builder::new().name("dst-end".into());
        let _ = end.spawn(move || pipeline.set_state(gst::State::Null));
    }
}

/// What an error of the sink means. `flowed`: media had been accepted before.
fn judge(error: &gst::glib::Error, debug: &str, flowed: bool) -> Fault {
    let text = format!("{error} {debug}").to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
    let code = if has(&["certificate", "tls", "handshake with peer"]) {
        Code::DestinationTls
    } else if !flowed
        // Many platforms, nginx-rtmp among them, answer a wrong key by hanging up in the middle of a command.
        && has(&["cmd failed", "badname", "denied", "not authorized", "authentication", "rejected", "invalid stream"])
    {
        Code::DestinationRefused
    } else if flowed {
        Code::DestinationLost
    } else {
        Code::DestinationUnreachable
    };
    Fault::new(code, "")
}
