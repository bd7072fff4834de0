//! MPEG-TS (ISO/IEC 13818-1): what several kinds of source carry.

use super::chain::{self, Built};
use super::live::Try;
use automation::fault::{Code, Fault};
use gstreamer as gst;
use gstreamer::prelude::*;
use std::sync::Arc;

/// What a person sets at a sender whose data cannot be used.
pub(super) const REMEDY: &str = "Set the sender to MPEG-TS with H.264 and AAC.";

/// The fault where a sender's data is none that can be taken apart or decoded.
pub(super) fn undecodable() -> Fault {
    Fault::new(Code::SourceUnsupported, "")
        .with_text("What the sender sends cannot be decoded here.")
        .with_remedy(REMEDY)
}

/// A demultiplexer whose streams are attached. A program that changes its streams begins a new try.
pub(super) fn demux(this: &Arc<Try>) -> Built<gst::Element> {
    let demux = chain::make("tsdemux")?;
    this.attach_streams_of(&demux);
    let to = Arc::downgrade(this);
    demux.connect_pad_removed(move |_, _| {
        if let Some(this) = to.upgrade() {
            let text = format!("{} has changed its streams.", this.sender);
            this.give_up(Fault::new(Code::SourceLost, "").with_text(text));
        }
    });
    Ok(demux)
}
