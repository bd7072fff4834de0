//! A publisher such as OBS: `ingest` receives it and hands its FLV over a Unix socket, dialled by stream name.

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
        self.build_pipeline(this, socket).map_err(chain::internal)
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
        this.attach_streams_of(&demux);
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
