//! An IP camera: RTSP, its media over the same TCP connection.

use super::chain::{self, Built};
use super::live::{Connect, Try};
use automation::fault::{Code, Fault};
use automation::secret::Secret;
use gstreamer as gst;
use gstreamer::prelude::*;
use std::sync::Arc;

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

impl Connect for Camera {
    fn build(&self, this: &Arc<Try>) -> Result<(), Fault> {
        self.build_pipeline(this).map_err(chain::internal)
    }

    fn sender(&self) -> &'static str {
        "The camera"
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
            // The camera's own times as they are: `Arrivals` follows its clock for picture and sound at once. Else each
            // track is followed by itself, and after a pause of the camera they stay hundreds of milliseconds apart.
            .property_from_str("buffer-mode", "none")
            .property("tcp-timeout", TCP_TIMEOUT_US)
            .property("teardown-timeout", 200_000_000u64)
            .build()?;
        if !self.user.is_empty() {
            source.set_property("user-id", &self.user);
            source.set_property("user-pw", self.password.expose());
        }
        this.attach_streams_of(&source);
        this.pipeline.add(&source)
    }
}
