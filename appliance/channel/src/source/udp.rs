//! A sender of MPEG-TS by UDP, by itself or in RTP (RFC 2250), to this machine or to a multicast group. The first
//! packet tells which.

use super::chain::{self, Built};
use super::live::{Connect, Try};
use super::mpegts;
use automation::backoff::Steps;
use automation::fault::{Code, Fault};
use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use std::net::IpAddr;
use std::sync::Arc;

/// Reordering time of RTP, milliseconds; our own store buffers beyond it.
const JITTER_MS: u32 = 100;
/// What the kernel shall keep while we are busy, bytes: half a second at 30 Mbit/s, where it grants so much.
const KERNEL_BYTES: i32 = 2 << 20;
/// First byte of a packet of MPEG-TS.
const TS_SYNC: u8 = 0x47;
/// Bytes of the fixed header of RTP (RFC 3550, section 5.1).
const RTP_HEADER: usize = 12;

/// Where to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Udp {
    pub(super) listen: IpAddr,
    pub(super) port: u16,
    pub(super) group: Option<IpAddr>,
}

/// How MPEG-TS lies in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    /// In RTP, with this payload type.
    Rtp(u8),
}

/// How a packet carries MPEG-TS; none where it does not.
fn packing(packet: &[u8]) -> Option<Packing> {
    match packet {
        [TS_SYNC, ..] => Some(Packing::Plain),
        // Version 2; the payload begins behind as many sources as the low bits count.
        [first, second, ..] if first >> 6 == 2 => {
            let begins = RTP_HEADER + usize::from(first & 0x0F) * 4;
            let extended = first & 0x10 != 0;
            let holds = extended || packet.get(begins) == Some(&TS_SYNC);
            holds.then_some(Packing::Rtp(second & 0x7F))
        }
        _ => None,
    }
}

impl Connect for Udp {
    fn build(&self, this: &Arc<Try>) -> Result<(), Fault> {
        self.build_pipeline(this).map_err(chain::internal)
    }

    fn sender(&self) -> &'static str {
        "The sender"
    }

    fn steps(&self) -> Steps {
        Steps::AT_OUR_DOOR
    }

    fn awaits(&self) -> bool {
        true
    }

    fn at_first(&self) -> Option<Fault> {
        Some(self.waiting())
    }

    fn waiting(&self) -> Fault {
        Fault::new(Code::SourceWaiting, "")
            .with_text("Nobody is sending to this input yet.")
            .with_remedy("Let the sender send MPEG-TS to the address that is shown beside the source.")
    }

    fn stopped(&self) -> Fault {
        Fault { text: "The sender has stopped.".into(), ..self.waiting() }
    }

    fn unintelligible(&self) -> Fault {
        Fault::new(Code::SourceNoVideo, "")
            .with_text("Packets arrive, but no picture that can be decoded here.")
            .with_remedy(mpegts::REMEDY)
    }

    fn judge(&self, _error: &glib::Error, debug: &str) -> Fault {
        if debug.contains("bind failed") {
            Fault::new(Code::PortInUse, "").with_text(format!("Port {} is taken by another program.", self.port))
        } else {
            mpegts::undecodable()
        }
    }
}

impl Udp {
    fn build_pipeline(&self, this: &Arc<Try>) -> Built<()> {
        let source = gst::ElementFactory::make("udpsrc")
            .property("port", i32::from(self.port))
            .property("buffer-size", KERNEL_BYTES)
            .property("address", self.group.unwrap_or(self.listen).to_string())
            // A port of one sender is ours alone; that of a group others may hear too.
            .property("reuse", self.group.is_some())
            .build()?;
        if self.group.is_some() && self.listen.is_loopback() {
            source.set_property("multicast-iface", "lo");
        }
        let pad = source.static_pad("src").expect("a source has one");
        this.listen_for_data(&pad);
        let to = Arc::downgrade(this);
        pad.add_probe(gst::PadProbeType::BLOCK | gst::PadProbeType::BUFFER, move |pad, info| {
            let Some(this) = to.upgrade() else { return gst::PadProbeReturn::Remove };
            let Some(gst::PadProbeData::Buffer(buffer)) = &info.data else { return gst::PadProbeReturn::Ok };
            let found = buffer.map_readable().ok().and_then(|packet| packing(&packet));
            // A stray packet; the sender's own will come.
            let Some(packing) = found else { return gst::PadProbeReturn::Drop };
            if let Err(error) = unpack(&this, pad, packing) {
                this.give_up(chain::internal(error));
            }
            gst::PadProbeReturn::Remove
        });
        this.pipeline.add(&source)
    }
}

/// Leads the packets of `pad` to the demultiplexer.
fn unpack(this: &Arc<Try>, pad: &gst::Pad, packing: Packing) -> Built<()> {
    let demux = mpegts::demux(this)?;
    let first = match packing {
        Packing::Plain => {
            chain::chain(&this.pipeline, &[&demux])?;
            demux
        }
        Packing::Rtp(payload) => {
            let caps = gst::Caps::builder("application/x-rtp")
                .field("media", "video")
                .field("clock-rate", 90_000i32)
                .field("encoding-name", "MP2T")
                .field("payload", i32::from(payload))
                .build();
            let said = gst::ElementFactory::make("capsfilter").property("caps", caps).build()?;
            let jitter = gst::ElementFactory::make("rtpjitterbuffer").property("latency", JITTER_MS).build()?;
            let depay = chain::make("rtpmp2tdepay")?;
            chain::chain(&this.pipeline, &[&said, &jitter, &depay, &demux])?;
            said
        }
    };
    chain::link(pad, &first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_tells_how_it_is_packed() {
        let rtp = |first: u8, at: usize| {
            let mut packet = vec![0u8; 200];
            (packet[0], packet[1], packet[at]) = (first, 33, TS_SYNC);
            packing(&packet)
        };
        assert_eq!(packing(&[TS_SYNC, 0x40, 0]), Some(Packing::Plain));
        assert_eq!(rtp(0x80, 12), Some(Packing::Rtp(33)));
        assert_eq!(rtp(0x82, 20), Some(Packing::Rtp(33)), "behind two contributing sources");
        assert_eq!(rtp(0x90, 100), Some(Packing::Rtp(33)), "behind an extension");
        assert_eq!(rtp(0x80, 13), None, "RTP with something else");
        for stray in [&b""[..], b"M-SEARCH * HTTP/1.1", &[0x80], &[0x80, 33]] {
            assert_eq!(packing(stray), None);
        }
    }
}
