//! An IP camera: RTSP (RFC 2326), its media over the same TCP connection, or by UDP.
//!
//! Where nothing else is chosen, TCP is tried first; a camera that refuses it is asked for UDP, until that brings nothing
//! either: then TCP has its turn again.

use super::chain::{self, Built};
use super::live::{self, Connect, Try};
use automation::fault::{Code, Fault};
use automation::secret::Secret;
use automation::spec::Transport;
use gstreamer as gst;
use gstreamer::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Reordering time inside `rtspsrc`, milliseconds. Over TCP nothing is reordered; our own store buffers.
const JITTER_MS: u32 = 100;
/// Time after which `rtspsrc` gives up a TCP connection that does not answer, microseconds.
const TCP_TIMEOUT_US: u64 = 5_000_000;
/// Time after which it gives up UDP that brings nothing, microseconds.
const UDP_TIMEOUT_US: u64 = 5_000_000;
/// What the kernel shall keep of UDP while we are busy, bytes: half a second at 30 Mbit/s, where it grants so much.
const KERNEL_BYTES: i32 = 2 << 20;
/// Ports of RTSP without and with TLS (RFC 7826, section 4.2).
const PORT: u16 = 554;
const PORT_TLS: u16 = 322;

/// How to reach a camera.
#[derive(Debug)]
pub(super) struct Camera {
    url: String,
    user: String,
    password: Secret,
    transport: Transport,
    any_certificate: bool,
    /// It has refused TCP: it is asked for UDP.
    refused_tcp: AtomicBool,
    /// Its certificate was turned down.
    distrusted: Arc<AtomicBool>,
}

impl Camera {
    pub(super) fn new(url: &str, user: &str, password: &Secret, transport: Transport, any_certificate: bool) -> Camera {
        Camera {
            url: url.to_owned(),
            user: user.to_owned(),
            password: password.clone(),
            transport,
            any_certificate,
            refused_tcp: AtomicBool::new(false),
            distrusted: Arc::new(AtomicBool::new(false)),
        }
    }

    fn is_tls(&self) -> bool {
        self.url.starts_with("rtsps://")
    }

    fn by_udp(&self) -> bool {
        match self.transport {
            Transport::Auto => self.refused_tcp.load(Ordering::Relaxed),
            Transport::Tcp => false,
            Transport::Udp => true,
        }
    }

    /// The fault where the camera does not offer this transport. With automatic choice the next try asks for the other
    /// one; never for UDP where TLS would not cover it.
    fn not_offered(&self) -> Fault {
        let fault = Fault::new(Code::SourceUnsupported, "");
        if self.by_udp() && self.transport == Transport::Auto {
            self.refused_tcp.store(false, Ordering::Relaxed);
            return fault
                .with_text("The camera offers its stream neither by TCP nor by UDP.")
                .with_remedy("Switch on RTSP over TCP in the camera, and check its firmware.");
        }
        if self.by_udp() {
            return fault.with_text("The camera offers no UDP.").with_remedy("Choose TCP, or the automatic choice.");
        }
        let remedy = match self.transport {
            _ if self.is_tls() => "Switch on RTSP over TCP in the camera: only so does TLS cover its pictures.",
            Transport::Auto => {
                self.refused_tcp.store(true, Ordering::Relaxed);
                "Nothing to do: Bandstand asks it for UDP now."
            }
            _ => "Choose UDP, or the automatic choice.",
        };
        fault.with_text("The camera offers no TCP.").with_remedy(remedy)
    }

    /// The fault where UDP was agreed upon and brings nothing. With automatic choice TCP is tried next: it may have been
    /// switched on in the meantime.
    fn deaf_to_udp(&self) -> Fault {
        let fault = Fault::new(Code::SourceUnreachable, "");
        if self.transport == Transport::Auto {
            self.refused_tcp.store(false, Ordering::Relaxed);
            return fault
                .with_text("The camera refuses TCP, and none of its packets arrive by UDP.")
                .with_remedy("Switch on RTSP over TCP in the camera, or let UDP through the firewall.");
        }
        fault
            .with_text("The camera answers, but none of its packets arrive by UDP.")
            .with_remedy("Choose TCP: a firewall or a router on the way lets no UDP through.")
    }
}

impl Connect for Camera {
    fn build(&self, this: &Arc<Try>) -> Result<(), Fault> {
        self.distrusted.store(false, Ordering::Relaxed);
        self.build_pipeline(this).map_err(chain::internal)
    }

    fn sender(&self) -> &'static str {
        "The camera"
    }

    fn knock(&self) -> Option<(String, u16)> {
        live::host_and_port(&self.url, |scheme| if scheme == "rtsps" { PORT_TLS } else { PORT })
    }

    fn waiting(&self) -> Fault {
        Fault::new(Code::SourceUnreachable, "")
    }

    fn judge(&self, error: &gst::glib::Error, debug: &str) -> Fault {
        if self.distrusted.load(Ordering::Relaxed) {
            return Fault::new(Code::SourceTls, "");
        }
        if error.message().contains("transport protocols") {
            return self.not_offered();
        }
        if debug.contains("Could not receive any UDP packets") {
            return self.deaf_to_udp();
        }
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
            .property_from_str("protocols", if self.by_udp() { "udp" } else { "tcp" })
            .property("latency", JITTER_MS)
            // The camera's own times as they are: `Arrivals` follows its clock for picture and sound at once. Else each
            // track is followed by itself, and after a pause of the camera they stay hundreds of milliseconds apart.
            .property_from_str("buffer-mode", "none")
            .property("tcp-timeout", TCP_TIMEOUT_US)
            .property("timeout", UDP_TIMEOUT_US)
            .property("udp-buffer-size", KERNEL_BYTES)
            .property("teardown-timeout", 200_000_000u64)
            .build()?;
        if !self.user.is_empty() {
            source.set_property("user-id", &self.user);
            source.set_property("user-pw", self.password.expose());
        }
        // Asked only about a certificate that is not in order; `rtspsrc` itself would not say that this was why.
        let (any, distrusted) = (self.any_certificate, self.distrusted.clone());
        source.connect("accept-certificate", false, move |_| {
            distrusted.store(!any, Ordering::Relaxed);
            Some(any.to_value())
        });
        this.attach_streams_of(&source);
        this.pipeline.add(&source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(transport: Transport) -> Camera {
        Camera::new("rtsp://camera/live", "", &Secret::default(), transport, false)
    }

    fn refuses_transport(camera: &Camera) -> Fault {
        let text = "Could not connect to server. (unsupported transport protocols)";
        camera.judge(&gst::glib::Error::new(gst::ResourceError::Settings, text), "rtspsrc")
    }

    fn brings_nothing(camera: &Camera) -> Fault {
        let error = gst::glib::Error::new(gst::ResourceError::Read, "Could not read from resource.");
        camera
            .judge(&error, "Could not receive any UDP packets for 5.0000 seconds, maybe your firewall is blocking it.")
    }

    #[test]
    fn the_automatic_choice_goes_from_one_transport_to_the_other_and_back() {
        let camera = camera(Transport::Auto);
        assert!(!camera.by_udp(), "TCP is first");
        assert_eq!(refuses_transport(&camera).code, Code::SourceUnsupported);
        assert!(camera.by_udp(), "then UDP");
        let fault = brings_nothing(&camera);
        assert_eq!(
            (fault.code, fault.text.as_str()),
            (Code::SourceUnreachable, "The camera refuses TCP, and none of its packets arrive by UDP.")
        );
        assert!(!camera.by_udp(), "a camera whose UDP is blocked is asked for TCP again");
        refuses_transport(&camera);
        let fault = refuses_transport(&camera);
        assert_eq!(fault.text, "The camera offers its stream neither by TCP nor by UDP.");
        assert!(!camera.by_udp(), "nor does one stick to UDP that refuses both");
    }

    #[test]
    fn a_transport_that_was_chosen_stays() {
        for (transport, by_udp) in [(Transport::Tcp, false), (Transport::Udp, true)] {
            let camera = camera(transport);
            refuses_transport(&camera);
            let fault = brings_nothing(&camera);
            assert_eq!(fault.text, "The camera answers, but none of its packets arrive by UDP.");
            assert_eq!(camera.by_udp(), by_udp, "{transport:?}");
        }
    }
}
