//! One publisher's conversation, without I/O: bytes in, steps and bytes out.
//! After Adobe's *Real-Time Messaging Protocol 1.0*, sections 5 and 7, and the ways of OBS (librtmp) and ffmpeg.
//!
//! ```text
//!   Handshake ──C2──► Open ──connect──► Connected ──publish──► Asking ──admit──► Publishing
//!                      │                    │                     │ refuse           │ FCUnpublish, deleteStream,
//!                      │ anything but       │ play                ▼                  │ closeStream, kick
//!                      ▼ connect            └──────────────────► Ended ◄─────────────┘
//!                    error
//! ```
//! Under bad input: media before `Publishing`, a message above the phase's limit, and bytes that are no RTMP are
//! an error, after which the connection is dropped. Unknown commands and messages are passed over. While
//! `Asking`, nothing more is read: the verdict comes first.

use crate::flv::{Kind, Tag};
use crate::key::Ask;
use bytes::{Buf as _, Bytes, BytesMut};
use rtmp_rs::amf::AmfValue;
use rtmp_rs::media::VideoFourCc;
use rtmp_rs::protocol::chunk::{ChunkEncoder, RtmpChunk};
use rtmp_rs::protocol::constants as code;
use rtmp_rs::protocol::message::{Command, ConnectResponseBuilder, UserControlEvent};
use rtmp_rs::protocol::{EnhancedCapabilities, FourCcCapability, Handshake, HandshakeRole, RtmpMessage};
use rtmp_wire::amf0::{self, BadAmf, Value};
use rtmp_wire::chunk::{BadChunk, ChunkReader, Message};
use std::collections::VecDeque;

/// Largest message before a publisher is admitted: commands are a few hundred bytes.
const COMMAND_BYTES_MAX: u32 = 16 << 10;

/// Largest message of a publisher: a keyframe of 4K at 100 Mbit/s stays below it.
const MEDIA_BYTES_MAX: u32 = 8 << 20;

/// Bytes that may come before a publisher is admitted. The handshake is 3 KiB.
const UNADMITTED_BYTES_MAX: u64 = 64 << 10;

/// Largest metadata that is handed on.
const METADATA_BYTES_MAX: usize = 64 << 10;

/// The message stream that `createStream` answers. There is one: a connection publishes once.
const STREAM_ID: u32 = 1;

/// Acknowledgements are sent no more often than each so many bytes, whatever the publisher asks.
const ACK_BYTES_MIN: u32 = 64 << 10;

/// To a publisher that was admitted and must go. librtmp, and so OBS, takes it as the end.
const PUBLISH_DENIED: &str = "NetStream.Publish.Denied";

/// What the edge has to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Ask whether this may be published, then call [`Session::admit`] or [`Session::refuse`].
    Judge(Ask),
    /// Media of the admitted publisher.
    Media(Tag),
    /// The conversation is over: send what is to be sent, then close.
    End,
}

/// Why the connection is dropped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Violation {
    /// The handshake failed.
    #[error("the handshake is none of RTMP")]
    Handshake,
    /// The chunk stream is broken or too large.
    #[error("the chunk stream: {0}")]
    Chunk(#[from] BadChunk),
    /// A command is broken.
    #[error("a command: {0}")]
    Amf(#[from] BadAmf),
    /// A protocol message is too short.
    #[error("a protocol message of type {0} is too short")]
    Short(u8),
    /// Too many bytes without a publish.
    #[error("more than {UNADMITTED_BYTES_MAX} bytes before anything was published")]
    TooMuch,
    /// Media before it was allowed.
    #[error("media before it was allowed")]
    Uninvited,
    /// A command at the wrong time.
    #[error("a command at the wrong time")]
    OutOfOrder,
}

/// What is offered of Enhanced RTMP: what the channel decodes.
fn offered() -> EnhancedCapabilities {
    let decodes = |codec| (codec, FourCcCapability::decode());
    EnhancedCapabilities {
        enabled: true,
        video_codecs: [VideoFourCc::Avc, VideoFourCc::Hevc].map(decodes).into(),
        ..EnhancedCapabilities::new()
    }
}

#[derive(Debug)]
enum Phase {
    Handshake(Box<Handshake>),
    Open,
    Connected { app: String },
    Asking { stream_id: u32 },
    Publishing { stream_id: u32 },
    Ended,
}

/// One publisher's conversation.
pub(crate) struct Session {
    phase: Phase,
    input: BytesMut,
    reader: ChunkReader,
    encoder: ChunkEncoder,
    output: BytesMut,
    /// Steps that one message made beyond its first.
    steps: VecDeque<Step>,
    received: u64,
    acked: u64,
    ack_each: u32,
}

impl Session {
    /// A connection was accepted.
    pub(crate) fn new() -> Session {
        let mut handshake = Handshake::new(HandshakeRole::Server);
        handshake.generate_initial();
        Session {
            phase: Phase::Handshake(Box::new(handshake)),
            input: BytesMut::new(),
            reader: ChunkReader::new(COMMAND_BYTES_MAX),
            encoder: ChunkEncoder::new(),
            output: BytesMut::new(),
            steps: VecDeque::new(),
            received: 0,
            acked: 0,
            ack_each: code::DEFAULT_WINDOW_ACK_SIZE,
        }
    }

    /// Bytes arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.received += bytes.len() as u64;
        if self.received - self.acked >= u64::from(self.ack_each) && !matches!(self.phase, Phase::Handshake(_)) {
            self.acked = self.received;
            // The field counts modulo 2^32.
            self.send(RtmpMessage::Acknowledgement { sequence: self.received as u32 }, 0);
        }
    }

    /// What is to be sent now.
    pub(crate) fn take_output(&mut self) -> Bytes {
        self.output.split().freeze()
    }

    /// The next step; none until more bytes come.
    pub(crate) fn next(&mut self) -> Result<Option<Step>, Violation> {
        loop {
            if let Some(step) = self.steps.pop_front() {
                return Ok(Some(step));
            }
            match &mut self.phase {
                Phase::Handshake(_) => {
                    if !self.shake_hands()? {
                        return Ok(None);
                    }
                }
                Phase::Asking { .. } | Phase::Ended => return Ok(None),
                Phase::Open | Phase::Connected { .. } | Phase::Publishing { .. } => {
                    let unadmitted = !matches!(self.phase, Phase::Publishing { .. });
                    if unadmitted && self.received > UNADMITTED_BYTES_MAX {
                        return Err(Violation::TooMuch);
                    }
                    let Some(message) = self.reader.next(&mut self.input)? else { return Ok(None) };
                    self.message(message)?;
                }
            }
        }
    }

    /// The publisher may publish.
    pub(crate) fn admit(&mut self) {
        let Phase::Asking { stream_id } = self.phase else { return };
        self.reader.set_message_bytes_max(MEDIA_BYTES_MAX);
        self.phase = Phase::Publishing { stream_id };
        self.send(RtmpMessage::UserControl(UserControlEvent::StreamBegin(stream_id)), 0);
        self.status(stream_id, "status", code::NS_PUBLISH_START, "Published.");
    }

    /// The publisher may not publish. OBS and ffmpeg show the reason, or end as after a wrong key.
    pub(crate) fn refuse(&mut self, reason: &str) {
        let Phase::Asking { stream_id } = self.phase else { return };
        self.status(stream_id, "error", code::NS_PUBLISH_BAD_NAME, reason);
        self.phase = Phase::Ended;
    }

    /// The publisher must go, though it was admitted.
    pub(crate) fn kick(&mut self, reason: &str) {
        let Phase::Publishing { stream_id } = self.phase else { return };
        self.status(stream_id, "error", PUBLISH_DENIED, reason);
        self.phase = Phase::Ended;
    }

    /// Answers whether the handshake is done; more bytes are needed where it is not.
    fn shake_hands(&mut self) -> Result<bool, Violation> {
        let Phase::Handshake(handshake) = &mut self.phase else { return Ok(true) };
        if self.input.len() < handshake.bytes_needed() {
            return Ok(false);
        }
        let mut bytes = self.input.split_to(handshake.bytes_needed()).freeze();
        let answer = handshake.process(&mut bytes).map_err(|_| Violation::Handshake)?;
        self.output.extend_from_slice(&answer.unwrap_or_default());
        if handshake.is_done() {
            self.phase = Phase::Open;
        }
        Ok(true)
    }

    fn message(&mut self, message: Message) -> Result<(), Violation> {
        let mut payload = message.payload.clone();
        let mut number = |kind| payload.try_get_u32().map_err(|_| Violation::Short(kind));
        match message.kind {
            code::MSG_SET_CHUNK_SIZE => self.reader.set_chunk_bytes(number(1)? & 0x7FFF_FFFF)?,
            code::MSG_ABORT => self.reader.abort(number(2)?),
            code::MSG_WINDOW_ACK_SIZE => self.ack_each = number(5)?.max(ACK_BYTES_MIN),
            code::MSG_SET_PEER_BANDWIDTH => {
                let size = number(6)?;
                self.send(RtmpMessage::WindowAckSize(size), 0);
            }
            code::MSG_USER_CONTROL => self.user_control(payload)?,
            code::MSG_COMMAND_AMF0 => self.command(message.stream_id, &payload)?,
            // One byte says which AMF follows; encoders that send this type still write AMF0 behind it.
            code::MSG_COMMAND_AMF3 => self.command(message.stream_id, payload.get(1..).unwrap_or_default())?,
            code::MSG_AUDIO => self.media(Kind::Audio, message.timestamp_ms, payload)?,
            code::MSG_VIDEO => self.media(Kind::Video, message.timestamp_ms, payload)?,
            code::MSG_DATA_AMF0 => self.data(message.timestamp_ms, payload)?,
            code::MSG_DATA_AMF3 => {
                payload.try_get_u8().map_err(|_| Violation::Short(15))?;
                self.data(message.timestamp_ms, payload)?;
            }
            code::MSG_AGGREGATE => self.aggregate(message.timestamp_ms, payload)?,
            _ => {}
        }
        Ok(())
    }

    fn user_control(&mut self, mut payload: Bytes) -> Result<(), Violation> {
        let short = |_| Violation::Short(code::MSG_USER_CONTROL);
        if payload.try_get_u16().map_err(short)? == code::UC_PING_REQUEST {
            let at = payload.try_get_u32().map_err(short)?;
            self.send(RtmpMessage::UserControl(UserControlEvent::PingResponse(at)), 0);
        }
        Ok(())
    }

    fn command(&mut self, stream_id: u32, payload: &[u8]) -> Result<(), Violation> {
        let values = amf0::values(payload)?;
        let name = values.first().and_then(Value::text).unwrap_or_default();
        let transaction = values.get(1).and_then(Value::number).unwrap_or_default();
        let argument = values.get(3).and_then(Value::text).unwrap_or_default();
        match (name, &self.phase) {
            (code::CMD_CONNECT, Phase::Open) => {
                let app = values.get(2).and_then(|object| object.field("app")).and_then(Value::text);
                let app = app.unwrap_or_default().to_owned();
                self.connect(transaction);
                self.phase = Phase::Connected { app };
            }
            (_, Phase::Open) | (code::CMD_CONNECT, _) => return Err(Violation::OutOfOrder),
            (code::CMD_CREATE_STREAM, _) => {
                let stream = AmfValue::Number(f64::from(STREAM_ID));
                self.send(RtmpMessage::Command(Command::result(transaction, AmfValue::Null, stream)), 0);
            }
            (code::CMD_FC_PUBLISH, _) => self.reply(code::CMD_ON_FC_PUBLISH),
            (code::CMD_PUBLISH, Phase::Connected { app }) => {
                self.steps.push_back(Step::Judge(Ask::parse(app, argument)));
                self.phase = Phase::Asking { stream_id };
            }
            (code::CMD_PUBLISH, _) => return Err(Violation::OutOfOrder),
            (code::CMD_PLAY | code::CMD_PLAY2, _) => {
                let reason = "This address takes publishers only.";
                self.status(stream_id, "error", code::NS_PLAY_STREAM_NOT_FOUND, reason);
                self.end();
            }
            (code::CMD_FC_UNPUBLISH | "deleteStream" | "closeStream", Phase::Publishing { .. }) => self.end(),
            _ => {}
        }
        Ok(())
    }

    fn connect(&mut self, transaction: f64) {
        self.send(RtmpMessage::WindowAckSize(code::DEFAULT_WINDOW_ACK_SIZE), 0);
        let limit_type = code::BANDWIDTH_LIMIT_DYNAMIC;
        self.send(RtmpMessage::SetPeerBandwidth { size: code::DEFAULT_PEER_BANDWIDTH, limit_type }, 0);
        self.send(RtmpMessage::SetChunkSize(code::RECOMMENDED_CHUNK_SIZE), 0);
        self.encoder.set_chunk_size(code::RECOMMENDED_CHUNK_SIZE);
        let answer = ConnectResponseBuilder::new().enhanced_capabilities(&offered()).build(transaction);
        self.send(RtmpMessage::Command(answer), 0);
    }

    fn media(&mut self, kind: Kind, timestamp_ms: u32, body: Bytes) -> Result<(), Violation> {
        if !matches!(self.phase, Phase::Publishing { .. }) {
            return Err(Violation::Uninvited);
        }
        // Empty ones are keep-alives of some encoders.
        if !body.is_empty() {
            self.steps.push_back(Step::Media(Tag { kind, timestamp_ms, body }));
        }
        Ok(())
    }

    /// `@setDataFrame` is for the server; what follows it is the tag that players get.
    fn data(&mut self, timestamp_ms: u32, payload: Bytes) -> Result<(), Violation> {
        let Ok((name, rest)) = amf0::leading_text(&payload) else { return Ok(()) };
        let body = match name.as_str() {
            code::CMD_SET_DATA_FRAME => payload.slice_ref(rest),
            _ => payload.clone(),
        };
        let is_metadata = amf0::leading_text(&body).is_ok_and(|(name, _)| name == code::CMD_ON_METADATA);
        if !is_metadata || body.len() > METADATA_BYTES_MAX {
            return Ok(());
        }
        self.media(Kind::Script, timestamp_ms, body)
    }

    /// Section 7.1.6: FLV tags in one message; their times are moved so that the first has the message's.
    fn aggregate(&mut self, timestamp_ms: u32, mut payload: Bytes) -> Result<(), Violation> {
        const HEADER: usize = 11;
        const BACK: usize = 4;
        let mut first_ms = None;
        while payload.len() >= HEADER {
            let head = payload.split_to(HEADER);
            let length = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
            let at_ms = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
            let moved_ms = at_ms.wrapping_sub(*first_ms.get_or_insert(at_ms)).wrapping_add(timestamp_ms);
            if payload.len() < length {
                return Err(Violation::Short(code::MSG_AGGREGATE));
            }
            let body = payload.split_to(length);
            payload.advance(payload.len().min(BACK));
            match head[0] {
                code::MSG_AUDIO => self.media(Kind::Audio, moved_ms, body)?,
                code::MSG_VIDEO => self.media(Kind::Video, moved_ms, body)?,
                code::MSG_DATA_AMF0 => self.data(moved_ms, body)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        self.phase = Phase::Ended;
        self.steps.push_back(Step::End);
    }

    fn status(&mut self, stream_id: u32, level: &str, code: &str, text: &str) {
        self.send(RtmpMessage::Command(Command::on_status(stream_id, level, code, text)), stream_id);
    }

    fn reply(&mut self, name: &str) {
        let command = Command {
            name: name.to_owned(),
            transaction_id: 0.0,
            command_object: AmfValue::Null,
            arguments: Vec::new(),
            stream_id: 0,
        };
        self.send(RtmpMessage::Command(command), 0);
    }

    fn send(&mut self, message: RtmpMessage, stream_id: u32) {
        let (message_type, payload) = message.encode();
        let csid = match message_type {
            code::MSG_COMMAND_AMF0 => code::CSID_COMMAND,
            _ => code::CSID_PROTOCOL_CONTROL,
        };
        self.encoder.encode(&RtmpChunk { csid, timestamp: 0, message_type, stream_id, payload }, &mut self.output);
    }
}

#[cfg(test)]
mod tests;
