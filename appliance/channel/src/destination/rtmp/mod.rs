//! One RTMP or RTMPS connection, from a feed of the hub straight to the socket.
//!
//! ```text
//!   Dialling ──connected──► Talking: handshake, application, name ──Publish.Start──► media ──► goodbye
//! ```
//! Timestamps begin with the first keyframe, both tracks on one base. A packet is handed to the kernel when it has
//! taken the one before, and the kernel keeps little that is unsent: what waits, waits in the feed, which knows
//! keyframes. A far side that pauses keeps its connection; without an acknowledged byte for 30 s it is given up.

mod dial;
mod line;

use super::carrier::{self, Carrier, Intake, Ledger, TURN, Turn, Watch, unchanged};
use super::unacked::Unacked;
use crate::clock::running;
use crate::encoder::hub::{Format, Hub, Packet, Track};
use automation::clock::Running;
use automation::delivery::STALL_MS;
use automation::fault::{Code, Fault};
use automation::secret::Secret;
use automation::spec::{House, RtmpUrl};
use dial::{Number, connect};
use gstreamer as gst;
use line::Line;
use rtmp_wire::publisher::{Metadata, Publisher, Stage, Step, Target};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How often the kernel is asked what is acknowledged.
const ASK_MS: u64 = 50;
/// What the kernel may keep unsent: so much of the stream, within limits that keep a fast line busy.
const UNSENT_MS: u32 = 250;
const UNSENT_BYTES: std::ops::RangeInclusive<u32> = 16 << 10..=128 << 10;
/// For the last words, and for the far side to close.
const GOODBYE_MS: u64 = 1_000;
/// What a read takes at most: servers say little.
const READ_BYTES: usize = 4 << 10;

/// Where to, and what is needed to say what is sent.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) url: RtmpUrl,
    pub(super) key: Secret,
    /// Certificates, PEM, of the authority that alone is trusted; none for those that the box trusts.
    pub(super) authority: Option<String>,
    pub(super) house: House,
    /// Timestamp of the first packet, milliseconds.
    pub(super) first_ms: u64,
}

/// Names the timestamp of a broadcast's first packet, milliseconds; tests set it to see what comes after weeks.
const FIRST_MS: &str = "BANDSTAND_RTMP_FIRST_MS";

/// The timestamp of the first packet of a broadcast: 0, but in tests. Sessions after the first always begin at 0.
pub(super) fn first_ms() -> u64 {
    std::env::var(FIRST_MS).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
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
    Dialling(Receiver<Result<Line, Fault>>),
    Talking(Box<Talk>),
}

struct Talk {
    line: Line,
    publisher: Publisher,
    unacked: Option<Unacked>,
    ledger: Ledger,
    /// Program time of the packet that the kernel has not taken whole.
    pending: Option<u64>,
    acked: u64,
    asked: Running,
    progress: Watch,
    flowing: bool,
}

impl Connection {
    /// Begins to connect.
    pub(super) fn open(order: Order, hub: &Arc<Hub>, intake: Intake, format: &Format) -> Result<Connection, Fault> {
        let kbps = order.house.video_kbps + order.house.audio_kbps;
        let unsent = kbps.saturating_mul(UNSENT_MS) / 8;
        let number = Number {
            url: order.url.clone(),
            authority: order.authority.clone(),
            unsent_bytes_max: unsent.clamp(*UNSENT_BYTES.start(), *UNSENT_BYTES.end()),
        };
        let state = State::Dialling(carrier::dial(move || connect(&number))?);
        Ok(Connection { order, hub: hub.clone(), format: format.clone(), intake, state })
    }

    fn talk(&mut self, line: Line) {
        let (application, name) = self.order.url.application_and_name(&self.order.key);
        let address = self.order.url.of_application(&application);
        let now = running();
        let unacked = Unacked::of(line.socket())
            .inspect_err(|error| tracing::warn!(%error, "the kernel does not say what is acknowledged"))
            .ok();
        self.state = State::Talking(Box::new(Talk {
            line,
            publisher: Publisher::new(Target { address, application, name }, now.0),
            unacked,
            ledger: Ledger::default(),
            pending: None,
            acked: 0,
            asked: now,
            progress: Watch::new(now),
            flowing: false,
        }));
    }
}

impl Carrier for Connection {
    fn turn(&mut self) -> Turn {
        if let State::Dialling(outcome) = &self.state {
            match outcome.recv_timeout(TURN) {
                Ok(Ok(line)) => self.talk(line),
                Ok(Err(fault)) => return Turn::Failed(fault),
                Err(RecvTimeoutError::Timeout) => return Turn::Connecting,
                Err(RecvTimeoutError::Disconnected) => return Turn::Failed(Fault::new(Code::Internal, "")),
            }
        }
        if let Err(fault) = unchanged(&self.format, self.hub.known_format().as_ref()) {
            return Turn::Failed(fault);
        }
        let State::Talking(talk) = &mut self.state else { return Turn::Connecting };
        let carried = talk.carry(&mut self.intake, &self.order, &self.format);
        match carried.and_then(|()| talk.watch(&self.intake)) {
            Ok(()) if talk.flowing => Turn::Flowing,
            Ok(()) => Turn::Connecting,
            Err(fault) => Turn::Failed(fault),
        }
    }

    fn time_ms(&self) -> u64 {
        self.order.first_ms + self.intake.since_ms()
    }

    fn sent(&self) -> u64 {
        match &self.state {
            State::Talking(talk) => talk.line.sent(),
            State::Dialling(_) => 0,
        }
    }

    fn acked(&self) -> u64 {
        match &self.state {
            State::Talking(talk) => talk.acked,
            State::Dialling(_) => 0,
        }
    }

    fn oldest_ns(&self) -> Option<u64> {
        let talk = match &self.state {
            State::Talking(talk) => talk.ledger.oldest_ns().or(talk.pending),
            State::Dialling(_) => None,
        };
        talk.or_else(|| self.intake.oldest_ns())
    }

    fn dropped(&self) -> u64 {
        self.intake.dropped()
    }

    fn goodbye(self: Box<Self>) {
        if let State::Talking(mut talk) = self.state {
            talk.goodbye();
        }
    }
}

impl Talk {
    /// Hears and says what there is, for about a turn.
    fn carry(&mut self, intake: &mut Intake, order: &Order, format: &Format) -> Result<(), Fault> {
        let until = running().plus_ms(TURN.as_millis() as u64);
        loop {
            self.hear(intake, order, format)?;
            let clear = self.line.write(self.publisher.output()).map_err(|error| self.broken(&error))?;
            if clear && let Some(pts_ns) = self.pending.take() {
                self.ledger.note(self.line.sent(), pts_ns);
            }
            let now = running();
            let left = Duration::from_nanos(until.0.saturating_sub(now.0));
            if left.is_zero() {
                return Ok(());
            }
            let media = self.publisher.stage() == Stage::Media;
            if !clear || !media {
                self.line.wait(!clear, left);
                continue;
            }
            let Some((packet, since_ns)) = intake.next(left) else { return Ok(()) };
            self.pending = Some(packet.pts_ns);
            self.say(&packet, (order.first_ms + since_ns / 1_000_000) as u32)?;
        }
    }

    fn hear(&mut self, intake: &mut Intake, order: &Order, format: &Format) -> Result<(), Fault> {
        let mut bytes = [0u8; READ_BYTES];
        loop {
            match self.line.read(&mut bytes) {
                Ok(None) => return Ok(()),
                Ok(Some(0)) => return Err(hung_up(self.publisher.stage(), &self.line)),
                Ok(Some(n)) => self.publisher.push(&bytes[..n]),
                Err(error) => return Err(self.broken(&error)),
            }
            while let Some(step) = self.publisher.step().map_err(|error| self.nonsense(&error))? {
                match step {
                    Step::Published => {
                        intake.freshen();
                        self.begin(order, format)?;
                    }
                    Step::Refused(refusal) => {
                        tracing::debug!(code = refusal.code, stage = ?refusal.stage, "refused");
                        return Err(refused(refusal.stage));
                    }
                    Step::Ended(code) => {
                        tracing::debug!(code, "ended by the platform");
                        return Err(Fault::new(Code::DestinationLost, ""));
                    }
                }
            }
        }
    }

    /// Says what the stream is, before its first packet.
    fn begin(&mut self, order: &Order, format: &Format) -> Result<(), Fault> {
        let House { width, height, rate, video_kbps, audio_kbps, .. } = order.house;
        self.publisher.metadata(&Metadata {
            width,
            height,
            fps: f64::from(rate.num) / f64::from(rate.den),
            video_kbps,
            audio_kbps,
            samples: 48_000,
            encoder: "Bandstand",
        });
        let at = order.first_ms as u32;
        self.publisher.video_header(at, &codec_data(&format.video)?);
        self.publisher.sound_header(at, &codec_data(&format.sound)?);
        Ok(())
    }

    fn say(&mut self, packet: &Packet, timestamp_ms: u32) -> Result<(), Fault> {
        let bytes = packet.data.map_readable().map_err(internal)?;
        match packet.track {
            Track::Video => self.publisher.video(timestamp_ms, packet.key, &bytes),
            Track::Sound => self.publisher.sound(timestamp_ms, &bytes),
        }
        Ok(())
    }

    /// Asks the kernel how far the bytes have come; a line that takes none for long is dead.
    fn watch(&mut self, intake: &Intake) -> Result<(), Fault> {
        let now = running();
        if now < self.asked.plus_ms(ASK_MS) {
            return Ok(());
        }
        self.asked = now;
        let unacked = self.unacked.as_ref().and_then(|unacked| unacked.bytes().ok()).unwrap_or(0);
        let acked = self.line.sent().saturating_sub(unacked);
        self.flowing |= self.ledger.settle(acked);
        let waits = self.ledger.oldest_ns().or(self.pending).or_else(|| intake.oldest_ns()).is_some();
        let moved = acked > self.acked;
        self.acked = self.acked.max(acked);
        if self.progress.is_stalled(now, moved, waits, STALL_MS) {
            // What the kernel still holds is stale, and the platform shall give the name free.
            self.line.abandon();
            return Err(Fault::new(Code::DestinationStalled, ""));
        }
        Ok(())
    }

    fn goodbye(&mut self) {
        if self.publisher.stage() != Stage::Media {
            return;
        }
        self.publisher.goodbye();
        let end = running().plus_ms(GOODBYE_MS);
        let left = || Duration::from_nanos(end.0.saturating_sub(running().0));
        while !matches!(self.line.write(self.publisher.output()), Ok(true)) {
            if left().is_zero() {
                return self.line.abandon();
            }
            self.line.wait(true, left());
        }
        if self.line.finish().is_err() {
            return;
        }
        let mut bytes = [0u8; READ_BYTES];
        while !left().is_zero() {
            match self.line.read(&mut bytes) {
                Ok(Some(1..)) => {}
                Ok(None) => self.line.wait(false, left()),
                Ok(Some(0)) | Err(_) => return,
            }
        }
    }

    fn broken(&self, error: &io::Error) -> Fault {
        tracing::debug!(%error, "the connection broke");
        hung_up(self.publisher.stage(), &self.line)
    }

    fn nonsense(&self, error: &rtmp_wire::publisher::Broken) -> Fault {
        tracing::debug!(%error, "the far side cannot be understood");
        let text = "What answers at this address is no RTMP server.";
        Fault { remedy: "Check the address.".into(), ..Fault::new(Code::DestinationUnreachable, "").with_text(text) }
    }
}

fn internal(error: impl std::fmt::Display) -> Fault {
    Fault::new(Code::Internal, "").with_text(format!("The stream cannot be sent: {error}."))
}

fn codec_data(caps: &gst::Caps) -> Result<Vec<u8>, Fault> {
    let data = caps.structure(0).and_then(|s| s.get::<gst::Buffer>("codec_data").ok());
    let data = data.ok_or_else(|| internal("it has no decoder configuration"))?;
    Ok(data.map_readable().map_err(internal)?.to_vec())
}

/// The far side closed the connection, or it broke.
fn hung_up(stage: Stage, line: &Line) -> Fault {
    match stage {
        Stage::Handshake => Fault::new(Code::DestinationUnreachable, ""),
        // Some close without a word where the application is unknown; so do some that are overloaded.
        Stage::Application => Fault {
            remedy: "Check the part of the address after the host name. Bandstand tries again by itself.".into(),
            ..Fault::new(Code::DestinationUnreachable, "")
                .with_text("The platform hung up when it was asked for the address's application.")
        },
        // Many platforms, nginx-rtmp among them, answer a wrong key by hanging up.
        Stage::Name => refused(stage),
        Stage::Media => {
            line.abandon();
            Fault::new(Code::DestinationLost, "")
        }
    }
}

fn refused(stage: Stage) -> Fault {
    let fault = Fault::new(Code::DestinationRefused, "");
    match stage {
        Stage::Application => Fault {
            remedy: "Check the part of the address after the host name.".into(),
            ..fault.with_text("The platform refuses the address's application.")
        },
        Stage::Handshake | Stage::Name | Stage::Media => fault,
    }
}
