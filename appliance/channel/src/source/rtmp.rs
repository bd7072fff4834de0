//! A publisher such as OBS: `ingest` receives it and hands its FLV over a Unix socket, dialled by stream name.

use super::camera::watch_pictures;
use super::chain::{self, Built};
use super::live::{Connect, Try};
use automation::backoff::Steps;
use automation::fault::{Code, Fault};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Bytes per read.
const READ_BYTES: usize = 64 << 10;
/// How long one read waits before it looks whether the try has ended.
const READ_LIMIT: Duration = Duration::from_millis(200);
/// Bytes that may wait for the demuxer: some seconds; beyond, the door's own bound cuts us off.
const WAITING_BYTES_MAX: u64 = 8 << 20;

/// Where a publisher's stream is handed over.
#[derive(Clone, Debug)]
pub(super) struct Rtmp {
    pub(super) socket: PathBuf,
    pub(super) stream: String,
}

impl Connect for Rtmp {
    fn build(&self, this: &Arc<Try>) -> Result<(), Fault> {
        // The door holds the connection open until somebody publishes; so it is dialled before the pipeline stands.
        let mut socket = UnixStream::connect(&self.socket).map_err(|_| Fault::new(Code::IngestLost, ""))?;
        let hello = serde_json::json!({ "stream": self.stream });
        let dialled =
            socket.write_all(format!("{hello}\n").as_bytes()).and_then(|()| socket.set_read_timeout(Some(READ_LIMIT)));
        dialled.map_err(|_| Fault::new(Code::IngestLost, ""))?;
        this.say(self.waiting());
        if !self.somebody(&mut socket, this) {
            return Err(self.waiting());
        }
        self.build_pipeline(this, socket).map_err(|error| Fault::new(Code::Internal, "").with_text(error.to_string()))
    }

    fn knock(&self) -> Option<(String, u16)> {
        None
    }

    /// Dialling a socket on this machine costs nothing: a publisher that comes back shall not wait.
    fn steps(&self) -> Steps {
        Steps { first_ms: 200, cap_ms: 1_000 }
    }

    fn at_first(&self) -> Option<Fault> {
        Some(self.waiting())
    }

    fn waiting(&self) -> Fault {
        Fault::new(Code::SourceWaiting, "")
    }

    fn judge(&self, _error: &gst::glib::Error, _debug: &str) -> Fault {
        Fault::new(Code::SourceUnsupported, "").with_text("The publisher's format cannot be decoded.")
    }
}

impl Rtmp {
    /// Waits for the first byte without taking it. False: the door closed, or the source is taken down.
    fn somebody(&self, socket: &mut UnixStream, this: &Try) -> bool {
        let mut one = [0u8; 1];
        loop {
            if this.stopping() {
                return false;
            }
            let fd: &UnixStream = socket;
            match rustix::net::recv(fd, &mut one[..], rustix::net::RecvFlags::PEEK) {
                Ok((0, _)) => return false,
                Ok(_) => return true,
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }

    fn build_pipeline(&self, this: &Arc<Try>, socket: UnixStream) -> Built<()> {
        let source = gst_app::AppSrc::builder()
            .caps(&gst::Caps::new_empty_simple("video/x-flv"))
            .format(gst::Format::Bytes)
            .block(true)
            .max_bytes(WAITING_BYTES_MAX)
            .build();
        let demux = chain::make("flvdemux")?;
        let to = Arc::downgrade(this);
        demux.connect_pad_added(move |_, pad| {
            let Some(this) = to.upgrade() else { return };
            if let Err(error) = attach(&this, pad) {
                this.give_up(Fault::new(Code::Internal, "").with_text(error.to_string()));
            }
        });
        let to = Arc::downgrade(this);
        demux.connect_no_more_pads(move |demux| {
            let has_video = demux.src_pads().iter().any(|pad| pad.name() == "video");
            if let (Some(this), false) = (to.upgrade(), has_video) {
                this.give_up(Fault::new(Code::SourceNoVideo, "").with_text("The publisher sends no picture."));
            }
        });
        chain::chain(&this.pipeline, &[source.upcast_ref(), &demux])?;
        let to = Arc::downgrade(this);
        std::thread::Builder::new()
            .name("src-flv".into())
            .spawn(move || pump(socket, &source, &to))
            .map(|_| ())
            .map_err(|error| gst::glib::bool_error!("{error}"))
    }
}

/// Carries bytes from the door to the demuxer until either ends.
fn pump(mut socket: UnixStream, source: &gst_app::AppSrc, to: &Weak<Try>) {
    let mut bytes = vec![0u8; READ_BYTES];
    while to.upgrade().is_some_and(|this| !this.stopping()) {
        match socket.read(&mut bytes) {
            Ok(0) => break,
            Ok(n) => {
                if source.push_buffer(gst::Buffer::from_slice(bytes[..n].to_vec())).is_err() {
                    break;
                }
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(_) => break,
        }
    }
    if let Some(this) = to.upgrade() {
        this.give_up(Fault::new(Code::SourceWaiting, "").with_text("The publisher has stopped."));
    }
}

fn attach(this: &Arc<Try>, pad: &gst::Pad) -> Built<()> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let name = caps.structure(0).map(|s| s.name().to_string()).unwrap_or_default();
    let tail = |parse: &str, decoder: &str, video: bool| -> Built<()> {
        let parse = chain::make(parse)?;
        let queue = chain::encoded_queue()?;
        let decode = chain::decoder(decoder)?;
        let tail = if video {
            watch_pictures(this, &parse.static_pad("src").expect("parsers have one"));
            chain::picture_tail(&this.pipeline, &this.house, &this.shared.store, this.due())?
        } else {
            this.has_sound();
            chain::sound_tail(&this.pipeline, &this.shared.store, this.due())?
        };
        chain::chain(&this.pipeline, &[&parse, &queue, &decode])?;
        decode.link(&tail)?;
        let sink = parse.static_pad("sink").expect("parsers have one");
        pad.link(&sink).map(|_| ()).map_err(|error| gst::glib::bool_error!("{error}"))
    };
    match name.as_str() {
        "video/x-h264" => tail("h264parse", "avdec_h264", true),
        "video/x-h265" => tail("h265parse", "avdec_h265", true),
        "audio/mpeg" => {
            let version = caps.structure(0).and_then(|s| s.get::<i32>("mpegversion").ok());
            if version == Some(4) {
                tail("aacparse", "avdec_aac", false)
            } else {
                tail("mpegaudioparse", "mpg123audiodec", false)
            }
        }
        other => {
            let text = format!("The publisher sends {other}, which cannot be decoded here. Set OBS to H.264 and AAC.");
            this.give_up(Fault::new(Code::SourceUnsupported, "").with_text(text));
            Ok(())
        }
    }
}
