//! A sender by SRT (draft-sharabayko-srt-01), MPEG-TS inside. Either side may call.

use super::chain::{self, Built};
use super::live::{Connect, Try};
use super::mpegts;
use automation::backoff::Steps;
use automation::fault::{Code, Fault};
use automation::secret::Secret;
use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use std::net::IpAddr;
use std::sync::Arc;

/// Our own jitter buffer, milliseconds. SRT hands packets over in the sender's pace, after its own latency; but one packet
/// of MPEG-TS may carry a third of a second of sound.
pub(super) const JITTER_MS: u32 = 400;

/// The far side.
#[derive(Clone, Debug)]
pub(super) enum Far {
    /// It is called, under this host.
    Calls(String),
    /// It calls us, at this address.
    CallsUs(IpAddr),
}

/// How to meet a sender.
#[derive(Clone, Debug)]
pub(super) struct Srt {
    pub(super) far: Far,
    pub(super) port: u16,
    pub(super) stream_id: Secret,
    pub(super) passphrase: Secret,
    pub(super) latency_ms: u32,
}

impl Connect for Srt {
    fn build(&self, this: &Arc<Try>) -> Result<(), Fault> {
        self.build_pipeline(this).map_err(chain::internal)
    }

    fn sender(&self) -> &'static str {
        "The sender"
    }

    fn steps(&self) -> Steps {
        match self.far {
            Far::Calls(_) => Steps::SOURCE,
            Far::CallsUs(_) => Steps::AT_OUR_DOOR,
        }
    }

    fn awaits(&self) -> bool {
        matches!(self.far, Far::CallsUs(_))
    }

    fn at_first(&self) -> Option<Fault> {
        self.awaits().then(|| self.waiting())
    }

    fn waiting(&self) -> Fault {
        match self.far {
            Far::Calls(_) => Fault::new(Code::SourceUnreachable, "").with_text("The sender does not answer."),
            Far::CallsUs(_) => {
                Fault::new(Code::SourceWaiting, "").with_text("Nobody is sending to this input yet.").with_remedy(
                    "Let the sender call the address that is shown beside the source, with the same passphrase.",
                )
            }
        }
    }

    fn stopped(&self) -> Fault {
        match self.far {
            Far::Calls(_) => Fault::new(Code::SourceLost, ""),
            Far::CallsUs(_) => Fault { text: "The sender has stopped.".into(), ..self.waiting() },
        }
    }

    fn unintelligible(&self) -> Fault {
        Fault::new(Code::SourceNoVideo, "")
            .with_text("The sender sends, but no picture that can be decoded here.")
            .with_remedy(mpegts::REMEDY)
    }

    fn judge(&self, error: &glib::Error, debug: &str) -> Fault {
        let refused = |text: &str| {
            let remedy = "Enter the passphrase of the sender again; leave it empty where the sender has none.";
            Fault::new(Code::SourceRefused, "").with_text(text).with_remedy(remedy)
        };
        // The reasons of libsrt, as `srtsrc` hands them on.
        if debug.contains("Incorrect passphrase") {
            refused("The sender has another passphrase.")
        } else if debug.contains("Password required or unexpected") {
            refused("Only one side has a passphrase.")
        } else if debug.contains("Failed to authenticate") {
            Fault::new(Code::SourceRefused, "")
                .with_text("The sender refuses the connection.")
                .with_remedy("Check the stream id: the sender decides by it who may connect.")
        } else if debug.contains("Cannot bind") {
            Fault::new(Code::PortInUse, "").with_text(format!("Port {} is taken by another program.", self.port))
        } else if error.is::<gst::StreamError>() {
            mpegts::undecodable()
        } else {
            self.waiting()
        }
    }
}

impl Srt {
    fn build_pipeline(&self, this: &Arc<Try>) -> Built<()> {
        let source = chain::make("srtsrc")?;
        // Its address comes first: it puts all other properties back.
        match &self.far {
            Far::Calls(host) => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                source.set_property("uri", format!("srt://{host}:{}", self.port));
                source.set_property_from_str("mode", "caller");
                if !self.stream_id.is_empty() {
                    source.set_property("streamid", self.stream_id.expose());
                }
            }
            Far::CallsUs(address) => {
                source.set_property_from_str("mode", "listener");
                source.set_property("localaddress", address.to_string());
                source.set_property("localport", u32::from(self.port));
                self.admit_by_stream_id(&source);
            }
        }
        source.set_property("latency", self.latency_ms as i32);
        source.set_property("passphrase", self.passphrase.expose());
        // We connect again ourselves, and say why it failed.
        source.set_property("auto-reconnect", false);
        let demux = mpegts::demux(this)?;
        chain::chain(&this.pipeline, &[&source, &demux])?;
        this.listen_for_data(&source.static_pad("src").expect("a source has one"));
        Ok(())
    }

    /// Lets only those in who send our stream id, where we have one.
    fn admit_by_stream_id(&self, source: &gst::Element) {
        if self.stream_id.is_empty() {
            return;
        }
        // Off where it is not said, whatever its documentation says (GStreamer 1.22).
        source.set_property("authentication", true);
        let wanted = self.stream_id.clone();
        source.connect("caller-connecting", false, move |arguments| {
            let said = arguments.get(2).and_then(|id| id.get::<Option<String>>().ok()).flatten().unwrap_or_default();
            let admitted = said == wanted.expose();
            if !admitted {
                tracing::info!("a caller with another stream id was turned away");
            }
            Some(admitted.to_value())
        });
    }
}
