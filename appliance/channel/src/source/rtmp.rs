//! A publisher such as OBS: `ingest` receives it and hands its FLV over a Unix socket, dialled by stream name.

use super::chain::{self, Built};
use super::enhanced::{self, Enhanced};
use super::flv::{Content, Reader};
use super::live::{Connect, Try};
use crate::clock::running;
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

/// How long the first pictures are waited for, and in how many bytes: the door begins with a keyframe that it has kept.
const PICTURES_WITHIN_MS: u64 = 3_000;
const HELD_BYTES_MAX: usize = 4 << 20;

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
        if !self.somebody(&mut socket, this) {
            return Err(self.waiting());
        }
        self.build_pipeline(this, socket)
    }

    fn sender(&self) -> &'static str {
        "The publisher"
    }

    fn steps(&self) -> Steps {
        Steps::AT_OUR_DOOR
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
                // Whoever publishes is handed over at once: there is nobody.
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => this.say(self.waiting()),
                Err(_) => return false,
            }
        }
    }

    /// Reads until the first pictures show how they are carried, or for so long that there are none. Answers all bytes, and
    /// the pictures' tag.
    fn until_pictures(&self, socket: &mut UnixStream, this: &Try) -> (Vec<u8>, Content) {
        let (mut held, mut reader, mut bytes) = (Vec::new(), Reader::default(), vec![0u8; READ_BYTES]);
        let until = running().plus_ms(PICTURES_WITHIN_MS);
        while !this.stopping() && running() < until && held.len() < HELD_BYTES_MAX {
            match socket.read(&mut bytes) {
                Ok(n @ 1..) => {
                    held.extend_from_slice(&bytes[..n]);
                    reader.push(&bytes[..n]);
                }
                Err(error) if is_for_now(&error) => {}
                Ok(0) | Err(_) => break,
            }
            let mut tags = std::iter::from_fn(|| reader.next());
            if let Some(tag) = tags.find(|tag| !matches!(tag.content, Content::Sound(_) | Content::Other)) {
                return (held, tag.content);
            }
        }
        (held, Content::Other)
    }

    fn build_pipeline(&self, this: &Arc<Try>, mut socket: UnixStream) -> Result<(), Fault> {
        let (held, first) = self.until_pictures(&mut socket, this);
        enhanced::check(&first)?;
        let mut far = match first {
            Content::Pictures { .. } => Far::Enhanced(Enhanced::default()),
            _ => Far::Old(demultiplexer(this).map_err(chain::internal)?),
        };
        far.take(this, &held)?;
        let to = Arc::downgrade(this);
        let pump = std::thread::Builder::new().name("src-flv".into()).spawn(move || pump(socket, far, &to));
        pump.map(|_| ()).map_err(chain::internal)
    }
}

/// Where a publisher's bytes go.
enum Far {
    /// To GStreamer's demultiplexer.
    Old(gst_app::AppSrc),
    /// To our own.
    Enhanced(Enhanced),
}

impl Far {
    fn take(&mut self, this: &Arc<Try>, bytes: &[u8]) -> Result<(), Fault> {
        match self {
            Far::Old(source) => {
                source.push_buffer(gst::Buffer::from_slice(bytes.to_vec())).map(|_| ()).map_err(chain::internal)
            }
            Far::Enhanced(enhanced) => enhanced.take(this, bytes),
        }
    }
}

fn demultiplexer(this: &Arc<Try>) -> Built<gst_app::AppSrc> {
    let source = gst_app::AppSrc::builder()
        .caps(&gst::Caps::new_empty_simple("video/x-flv"))
        .format(gst::Format::Bytes)
        .block(true)
        .max_bytes(WAITING_BYTES_MAX)
        .build();
    let demux = chain::make("flvdemux")?;
    this.attach_streams_of(&demux);
    chain::chain(&this.pipeline, &[source.upcast_ref(), &demux])?;
    Ok(source)
}

fn is_for_now(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Carries bytes from the door until either side ends.
fn pump(mut socket: UnixStream, mut far: Far, to: &Weak<Try>) {
    let mut bytes = vec![0u8; READ_BYTES];
    let stopped = || Fault::new(Code::SourceWaiting, "").with_text("The publisher has stopped.");
    loop {
        let Some(this) = to.upgrade().filter(|this| !this.stopping()) else { return };
        match socket.read(&mut bytes) {
            Ok(n @ 1..) => match far.take(&this, &bytes[..n]) {
                Err(fault) if fault.code == Code::SourceUnsupported => return this.give_up(fault),
                Err(_) => return this.give_up(stopped()),
                Ok(()) => {}
            },
            Err(error) if is_for_now(&error) => {}
            Ok(0) | Err(_) => return this.give_up(stopped()),
        }
    }
}
