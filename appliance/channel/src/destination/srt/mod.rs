//! One SRT connection, as caller: MPEG-TS by libsrt through GStreamer's `srtsink`.
//!
//! ```text
//!   Finding the address ──found──► Talking: connecting ──libsrt has figures──► media ──► goodbye
//! ```
//! SRT itself drops what is too late for its latency, so a stalled far side ages the stream by little. A far side that
//! pauses keeps its connection for 30 s. libsrt counts acknowledgements, not bytes: one that comes stands for all that
//! was handed over [`SETTLE_MS`] before.

pub(super) mod dial;

use super::carrier::{self, Carrier, Intake, Ledger, TURN, Turn, Watch, unchanged};
use super::mux::Mux;
use crate::clock::running;
use crate::encoder::hub::{Format, Hub};
use automation::clock::Running;
use automation::delivery::STALL_MS;
use automation::fault::{Code, Fault};
use automation::secret::Secret;
use automation::spec::{Container, SrtUrl};
use gstreamer as gst;
use gstreamer::prelude::*;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// libsrt itself gives up a far side that says nothing for [`STALL_MS`]. One that speaks and takes nothing is given up so
/// much later, milliseconds.
const STALL_MARGIN_MS: u64 = 5_000;
/// libsrt gives up a try after this time, milliseconds.
const CONNECT_MS: u64 = 5_000;
/// A try that ends well before that was answered: the far side refused it.
const REFUSED_MS: u64 = CONNECT_MS * 4 / 5;
/// Encoded data that may wait inside the pipeline; the rest waits in the feed, which knows keyframes.
const INSIDE_BYTES_MAX: u64 = 64 << 10;
/// How often libsrt is asked for its figures.
const ASK_MS: u64 = 50;
/// What was handed over so long and a round trip before an acknowledgement is what it is for: libsrt sends one every
/// 10 ms.
const SETTLE_MS: u64 = 100;
/// For what waits to leave before the end.
const GOODBYE_MS: u64 = 300;

/// Where to.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) url: SrtUrl,
    pub(super) passphrase: Secret,
    pub(super) stream_id: Secret,
    pub(super) latency_ms: u32,
}

/// A connection.
pub(super) struct Connection {
    order: Order,
    hub: Arc<Hub>,
    /// What this session began with.
    format: Format,
    intake: Intake,
    state: State,
}

enum State {
    /// The address of the name is looked for.
    Finding(Receiver<Option<SocketAddr>>),
    Talking(Box<Talk>),
}

struct Talk {
    mux: Mux,
    sink: gst::Element,
    begun: Running,
    asked: Running,
    figures: Figures,
    /// By the moment at which packets were handed over, nanoseconds.
    ledger: Ledger,
    progress: Watch,
    connected: bool,
    flowing: bool,
}

/// What libsrt says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Figures {
    sent_bytes: u64,
    dropped_bytes: u64,
    dropped_packets: u64,
    acknowledgements: u64,
    /// Of `sent_bytes`, when the last acknowledgement came.
    acked_bytes: u64,
}

impl Connection {
    /// Begins to connect.
    pub(super) fn open(order: Order, hub: &Arc<Hub>, intake: Intake, format: &Format) -> Result<Connection, Fault> {
        let (host, port) = (order.url.host().to_owned(), order.url.port());
        let state = State::Finding(carrier::dial(move || dial::choose(&host, port))?);
        Ok(Connection { order, hub: hub.clone(), format: format.clone(), intake, state })
    }

    fn found(&mut self, address: Option<SocketAddr>) -> Result<(), Fault> {
        let unreachable = |text: String| Fault::new(Code::DestinationUnreachable, "").with_text(text);
        let host = self.order.url.host();
        let address = address.ok_or_else(|| unreachable(format!("The name {host} is not known to the network.")))?;
        let talk = Talk::begin(&self.order, address, &self.format).map_err(|fault| {
            tracing::warn!(%address, text = fault.text, "SRT cannot be begun");
            unreachable(format!("No connection to {host} can be begun."))
        })?;
        self.state = State::Talking(Box::new(talk));
        Ok(())
    }

    fn figures(&self) -> Figures {
        match &self.state {
            State::Talking(talk) => talk.figures,
            State::Finding(_) => Figures::default(),
        }
    }
}

impl Talk {
    /// With an address in place of a name, nothing here waits for the network.
    fn begin(order: &Order, address: SocketAddr, format: &Format) -> Result<Talk, Fault> {
        let sink = sink(order, address)?;
        let now = running();
        Ok(Talk {
            mux: Mux::start(Container::Ts, format, &sink)?,
            sink,
            begun: now,
            asked: now,
            figures: Figures::default(),
            ledger: Ledger::default(),
            progress: Watch::new(now),
            connected: false,
            flowing: false,
        })
    }

    /// One turn. Answers whether the far side has acknowledged media.
    fn turn(&mut self, intake: &mut Intake) -> Result<bool, Fault> {
        if let Some((error, detail)) = self.mux.error() {
            return Err(self.judge(&error, &detail));
        }
        self.carry(intake);
        let moved = self.ask(intake);
        self.flowing |= moved;
        let waits = self.ledger.oldest_ns().or_else(|| intake.oldest_ns()).is_some();
        if self.progress.is_stalled(running(), moved, waits, STALL_MS + STALL_MARGIN_MS) {
            return Err(Fault::new(Code::DestinationStalled, ""));
        }
        Ok(self.flowing)
    }

    fn carry(&mut self, intake: &mut Intake) {
        let until = running().plus_ms(TURN.as_millis() as u64);
        loop {
            let left = Duration::from_nanos(until.0.saturating_sub(running().0));
            if left.is_zero() {
                return;
            }
            if self.mux.is_full(INSIDE_BYTES_MAX) {
                std::thread::sleep(left);
                return;
            }
            let Some((packet, since_ns)) = intake.next(left) else { return };
            self.ledger.note(running().0, packet.pts_ns);
            let data = packet.data.copy();
            self.mux.push(&packet, data, since_ns);
        }
    }

    /// Asks libsrt for its figures. Answers whether a packet came through.
    fn ask(&mut self, intake: &mut Intake) -> bool {
        let now = running();
        if now < self.asked.plus_ms(ASK_MS) {
            return false;
        }
        self.asked = now;
        let Some(stats) = self.sink.property::<Option<gst::Structure>>("stats") else { return false };
        // Only a connection has these.
        let Ok(acknowledgements) = stats.get::<i32>("packet-ack-received") else { return false };
        if !self.connected {
            self.connected = true;
            intake.freshen();
        }
        let before = self.figures;
        self.figures.sent_bytes = stats.get("bytes-sent").unwrap_or(before.sent_bytes);
        self.figures.dropped_bytes = stats.get("bytes-sent-dropped").unwrap_or(before.dropped_bytes);
        let dropped: i32 = stats.get("packets-sent-dropped").unwrap_or(0);
        self.figures.dropped_packets = dropped.max(0) as u64;
        self.figures.acknowledgements = acknowledgements.max(0) as u64;
        if self.figures.acknowledgements <= before.acknowledgements {
            return false;
        }
        self.figures.acked_bytes = before.sent_bytes.saturating_sub(before.dropped_bytes).max(before.acked_bytes);
        let round_trip_ms = stats.get::<f64>("rtt-ms").unwrap_or(0.0) as u64;
        self.ledger.settle(now.0.saturating_sub((SETTLE_MS + round_trip_ms) * 1_000_000))
    }

    fn judge(&self, error: &gst::glib::Error, detail: &str) -> Fault {
        tracing::debug!(%error, detail, "SRT failed");
        if self.connected {
            return Fault::new(Code::DestinationLost, "");
        }
        // The reasons of libsrt, as `srtsink` hands them on.
        let refused =
            |text: &str, remedy: &str| Fault::new(Code::DestinationRefused, "").with_text(text).with_remedy(remedy);
        let passphrase = "Enter the passphrase of the far side again; leave it empty where it has none.";
        if detail.contains("Incorrect passphrase") {
            refused("The far side has another passphrase.", passphrase)
        } else if detail.contains("Password required or unexpected") {
            refused("Only one side has a passphrase.", passphrase)
        } else if detail.contains("Failed to authenticate") || self.was_answered() {
            refused("The far side refuses the connection.", "Check the address, the passphrase and the stream id.")
        } else {
            Fault::new(Code::DestinationUnreachable, "")
        }
    }

    /// A try that ends well before its time was answered.
    fn was_answered(&self) -> bool {
        running().ms_since(self.begun) < REFUSED_MS
    }

    fn goodbye(&self) {
        // libsrt says goodbye when its socket is closed; what waits in its buffer gets a moment before.
        self.mux.finish();
        let end = running().plus_ms(GOODBYE_MS);
        while self.mux.level_bytes() > 0 && running() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_nanos(end.0.saturating_sub(running().0)));
    }
}

/// The end of the stream's pipeline: a caller.
fn sink(order: &Order, address: SocketAddr) -> Result<gst::Element, Fault> {
    let uri = format!("srt://{address}?mode=caller&peeridletimeo={STALL_MS}&conntimeo={CONNECT_MS}");
    let sink = gst::ElementFactory::make("srtsink")
        // First: it resets what the others set.
        .property("uri", uri)
        .property("latency", order.latency_ms as i32)
        .property("auto-reconnect", false)
        .property("sync", false)
        .property("async", false)
        .build()
        .map_err(|error| Fault::new(Code::Internal, "").with_text(error.to_string()))?;
    if !order.passphrase.is_empty() {
        sink.set_property("passphrase", order.passphrase.expose());
    }
    if !order.stream_id.is_empty() {
        sink.set_property("streamid", order.stream_id.expose());
    }
    Ok(sink)
}

impl Carrier for Connection {
    fn turn(&mut self) -> Turn {
        if let State::Finding(found) = &self.state {
            let found = match found.recv_timeout(TURN) {
                Ok(address) => self.found(address),
                Err(RecvTimeoutError::Timeout) => return Turn::Connecting,
                Err(RecvTimeoutError::Disconnected) => Err(Fault::new(Code::Internal, "")),
            };
            if let Err(fault) = found {
                return Turn::Failed(fault);
            }
        }
        if let Err(fault) = unchanged(&self.format, self.hub.known_format().as_ref()) {
            return Turn::Failed(fault);
        }
        let State::Talking(talk) = &mut self.state else { return Turn::Connecting };
        match talk.turn(&mut self.intake) {
            Ok(true) => Turn::Flowing,
            Ok(false) => Turn::Connecting,
            Err(fault) => Turn::Failed(fault),
        }
    }

    fn time_ms(&self) -> u64 {
        self.intake.since_ms()
    }

    fn sent(&self) -> u64 {
        self.figures().sent_bytes
    }

    fn acked(&self) -> u64 {
        self.figures().acked_bytes
    }

    fn oldest_ns(&self) -> Option<u64> {
        let talk = match &self.state {
            State::Talking(talk) => talk.ledger.oldest_ns(),
            State::Finding(_) => None,
        };
        talk.or_else(|| self.intake.oldest_ns())
    }

    fn dropped(&self) -> u64 {
        self.intake.dropped() + self.figures().dropped_packets
    }

    fn goodbye(self: Box<Self>) {
        if let State::Talking(talk) = &self.state {
            talk.goodbye();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_knows_is_an_unreachable_listener() {
        gst::init().unwrap();
        let caps = || gst::Caps::builder("video/x-h264").build();
        let format = Format { video: caps(), sound: caps() };
        let hub = Arc::new(Hub::default());
        let order = Order {
            // A name that stands for nothing (RFC 6761, section 6.4).
            url: SrtUrl::parse("srt://nowhere.invalid:9000").unwrap(),
            passphrase: Secret::default(),
            stream_id: Secret::default(),
            latency_ms: 200,
        };
        let mut connection = Connection::open(order, &hub, Intake::join(&hub), &format).unwrap();
        let end = running().plus_ms(20_000);
        let fault = loop {
            match connection.turn() {
                Turn::Failed(fault) => break fault,
                turn => assert!(turn == Turn::Connecting && running() < end, "{turn:?}"),
            }
        };
        assert_eq!(fault.code, Code::DestinationUnreachable);
        assert!(fault.text.contains("nowhere.invalid is not known"), "{fault:?}");
    }
}
