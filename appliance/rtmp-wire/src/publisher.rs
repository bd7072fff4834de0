//! The publisher's side of a conversation: bytes in, steps and bytes out. After sections 5 and 7 of the specification,
//! with the commands that OBS (librtmp), ffmpeg and GStreamer send, in their order, since that is what platforms know.
//!
//! ```text
//!   Handshake ──S2──► Connecting ──_result──► Creating ──_result──► Asking ──Publish.Start──► Publishing
//!                          │ _error               │ _error             │ an error                  │ an error
//!                          └──────────────────────┴──► Refused ◄───────┘                           ▼
//!                                                                                               Ended
//! ```
//! Under bad input: bytes that are no RTMP, or a message above [`MESSAGE_BYTES_MAX`], are an error, after which the
//! connection is of no more use. Unknown messages and commands are passed over. Media before `Publishing` is not written.

use crate::amf0::{self, BadAmf, Field, Value, Writer};
use crate::chunk::{BadChunk, ChunkReader, ChunkWriter, Head, Message};
use bytes::{Buf as _, BytesMut};

/// Largest message that a server may send: commands are a few hundred bytes.
const MESSAGE_BYTES_MAX: u32 = 256 << 10;
/// Our chunk size: the protocol's 128 bytes would cost 1 % and much work.
const CHUNK_BYTES: u32 = 4096;
/// Bytes of C1, C2, S1 and S2 (section 5.2).
const HANDSHAKE_BYTES: usize = 1536;
const VERSION: u8 = 3;

/// Chunk streams: of the protocol itself, commands, sound with metadata, and pictures.
const LANE_CONTROL: u8 = 2;
const LANE_COMMAND: u8 = 3;
const LANE_SOUND: u8 = 4;
const LANE_VIDEO: u8 = 6;

/// Message types (sections 5.4 and 7.1).
const SET_CHUNK_SIZE: u8 = 1;
const ABORT: u8 = 2;
const ACKNOWLEDGEMENT: u8 = 3;
const USER_CONTROL: u8 = 4;
const WINDOW_ACK_SIZE: u8 = 5;
const SET_PEER_BANDWIDTH: u8 = 6;
const SOUND: u8 = 8;
const VIDEO: u8 = 9;
const DATA: u8 = 18;
const COMMAND: u8 = 20;
/// User control events (section 7.1.7).
const PING_REQUEST: u16 = 6;
const PING_RESPONSE: u16 = 7;

/// Transactions of our commands.
const CONNECT: f64 = 1.0;
const RELEASE_STREAM: f64 = 2.0;
const FC_PUBLISH: f64 = 3.0;
const CREATE_STREAM: f64 = 4.0;
const PUBLISH: f64 = 5.0;
const FC_UNPUBLISH: f64 = 6.0;
const DELETE_STREAM: f64 = 7.0;

/// Where to publish. No `Debug`: the name is the stream key.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Address of the application, such as `rtmp://host/app`: what the protocol calls `tcUrl`.
    pub address: String,
    /// The application.
    pub application: String,
    /// The name under which to publish: the stream key.
    pub name: String,
}

/// What the far side said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Media may be sent from now on.
    Published,
    /// It does not take the connection.
    Refused(Refusal),
    /// It ended the publish, with this code of its own, such as `NetStream.Publish.Denied`.
    Ended(String),
}

/// What was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which command.
    pub stage: Stage,
    /// The far side's own code, such as `NetStream.Publish.BadName`; empty where it gave none.
    pub code: String,
}

/// How far a conversation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The handshake.
    Handshake,
    /// The application is asked for.
    Application,
    /// The name, which is the stream key, is asked for.
    Name,
    /// Media may flow.
    Media,
}

/// Why the connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// No RTMP server.
    #[error("the far side speaks no RTMP")]
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
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Handshake,
    Connecting,
    Creating,
    Asking { stream_id: u32 },
    Publishing { stream_id: u32 },
    Over,
}

/// What is sent, for the metadata of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metadata<'a> {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures per second.
    pub fps: f64,
    /// Kilobits per second of video.
    pub video_kbps: u32,
    /// Kilobits per second of sound.
    pub audio_kbps: u32,
    /// Samples per second.
    pub samples: u32,
    /// Who made it.
    pub encoder: &'a str,
}

/// One publisher's conversation.
pub struct Publisher {
    target: Target,
    phase: Phase,
    input: BytesMut,
    reader: ChunkReader,
    writer: ChunkWriter,
    output: Vec<u8>,
    received: u64,
    acked: u64,
    /// Acknowledge each so many bytes; none where the far side did not ask.
    ack_each: Option<u32>,
}

impl Publisher {
    /// A connection was made. `seed` fills the handshake's random bytes.
    pub fn new(target: Target, seed: u64) -> Publisher {
        let mut output = vec![VERSION];
        // Time, then four zeros: the plain handshake.
        output.extend_from_slice(&[0; 8]);
        let mut state = seed;
        while output.len() < 1 + HANDSHAKE_BYTES {
            // Any bytes will do, as long as connections differ (Knuth's MMIX generator).
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            output.push((state >> 56) as u8);
        }
        Publisher {
            target,
            phase: Phase::Handshake,
            input: BytesMut::new(),
            reader: ChunkReader::new(MESSAGE_BYTES_MAX),
            writer: ChunkWriter::default(),
            output,
            received: 0,
            acked: 0,
            ack_each: None,
        }
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        match self.phase {
            Phase::Handshake => Stage::Handshake,
            Phase::Connecting => Stage::Application,
            Phase::Creating | Phase::Asking { .. } => Stage::Name,
            Phase::Publishing { .. } | Phase::Over => Stage::Media,
        }
    }

    /// Bytes arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.received += bytes.len() as u64;
        if self.ack_each.is_some_and(|each| self.received - self.acked >= u64::from(each)) {
            self.acked = self.received;
            // The field counts modulo 2^32.
            self.control(ACKNOWLEDGEMENT, &(self.received as u32).to_be_bytes());
        }
    }

    /// What is to be sent; the caller takes out what it has sent.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// The next step; none until more bytes come.
    pub fn step(&mut self) -> Result<Option<Step>, Broken> {
        if self.phase == Phase::Handshake && !self.shake_hands()? {
            return Ok(None);
        }
        while self.phase != Phase::Over {
            let Some(message) = self.reader.next(&mut self.input)? else { return Ok(None) };
            if let Some(step) = self.message(message)? {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    /// Answers whether it is done; more bytes are needed where it is not.
    fn shake_hands(&mut self) -> Result<bool, Broken> {
        if self.input.first().is_some_and(|version| *version != VERSION) {
            return Err(Broken::Handshake);
        }
        // S2 repeats C1; servers that send something else there work all the same.
        if self.input.len() < 1 + 2 * HANDSHAKE_BYTES {
            return Ok(false);
        }
        let head = self.input.split_to(1 + 2 * HANDSHAKE_BYTES);
        self.output.extend_from_slice(&head[1..=HANDSHAKE_BYTES]);
        self.phase = Phase::Connecting;
        self.control(SET_CHUNK_SIZE, &CHUNK_BYTES.to_be_bytes());
        self.writer.set_chunk_bytes(CHUNK_BYTES);
        let Target { address, application, .. } = &self.target;
        let fields = [
            ("app", Field::Text(application)),
            ("type", Field::Text("nonprivate")),
            ("flashVer", Field::Text("FMLE/3.0 (compatible; Bandstand)")),
            ("tcUrl", Field::Text(address)),
            ("fpad", Field::Bool(false)),
            ("capabilities", Field::Number(15.0)),
            ("audioCodecs", Field::Number(4071.0)),
            ("videoCodecs", Field::Number(252.0)),
            ("videoFunction", Field::Number(1.0)),
        ];
        let command = Writer::default().text("connect").number(CONNECT).object(&fields);
        self.send(command, 0);
        Ok(true)
    }

    fn message(&mut self, message: Message) -> Result<Option<Step>, Broken> {
        let mut payload = message.payload.clone();
        let mut number = |kind| payload.try_get_u32().map_err(|_| Broken::Short(kind));
        match message.kind {
            SET_CHUNK_SIZE => self.reader.set_chunk_bytes(number(SET_CHUNK_SIZE)? & 0x7FFF_FFFF)?,
            ABORT => self.reader.abort(number(ABORT)?),
            WINDOW_ACK_SIZE => self.ack_each = Some(number(WINDOW_ACK_SIZE)?).filter(|each| *each > 0),
            SET_PEER_BANDWIDTH => {
                let size = number(SET_PEER_BANDWIDTH)?;
                self.control(WINDOW_ACK_SIZE, &size.to_be_bytes());
            }
            USER_CONTROL => {
                if let [high, low, at @ ..] = &message.payload[..]
                    && u16::from_be_bytes([*high, *low]) == PING_REQUEST
                    && at.len() >= 4
                {
                    let answer = [&PING_RESPONSE.to_be_bytes(), &at[..4]].concat();
                    self.control(USER_CONTROL, &answer);
                }
            }
            COMMAND => return self.command(&payload),
            _ => {}
        }
        Ok(None)
    }

    fn command(&mut self, payload: &[u8]) -> Result<Option<Step>, Broken> {
        let values = amf0::values(payload)?;
        let name = values.first().and_then(Value::text).unwrap_or_default();
        let transaction = values.get(1).and_then(Value::number).unwrap_or_default();
        let info = |field| values.get(3).and_then(|info| info.field(field)).and_then(Value::text).unwrap_or_default();
        let code = info("code").to_owned();
        match (name, self.phase) {
            ("_result", Phase::Connecting) if transaction == CONNECT => {
                self.phase = Phase::Creating;
                let name = self.target.name.clone();
                self.send(Writer::default().text("releaseStream").number(RELEASE_STREAM).null().text(&name), 0);
                self.send(Writer::default().text("FCPublish").number(FC_PUBLISH).null().text(&name), 0);
                self.send(Writer::default().text("createStream").number(CREATE_STREAM).null(), 0);
                Ok(None)
            }
            ("_result", Phase::Creating) if transaction == CREATE_STREAM => {
                let stream_id = values.get(3).and_then(Value::number).unwrap_or(1.0) as u32;
                self.phase = Phase::Asking { stream_id };
                let name = self.target.name.clone();
                let command = Writer::default().text("publish").number(PUBLISH).null().text(&name).text("live");
                self.send(command, stream_id);
                Ok(None)
            }
            // Servers that know no releaseStream or FCPublish say so, and it does not matter.
            ("_error", Phase::Connecting) if transaction == CONNECT => Ok(self.refused(Stage::Application, code)),
            ("_error", Phase::Creating) if transaction == CREATE_STREAM => Ok(self.refused(Stage::Name, code)),
            ("_error", Phase::Asking { .. }) if transaction == PUBLISH => Ok(self.refused(Stage::Name, code)),
            ("onStatus", Phase::Asking { stream_id }) => {
                if code == "NetStream.Publish.Start" {
                    self.phase = Phase::Publishing { stream_id };
                    return Ok(Some(Step::Published));
                }
                let error = info("level") == "error" || code == "NetStream.Publish.BadName";
                Ok(if error { self.refused(Stage::Name, code) } else { None })
            }
            ("onStatus", Phase::Publishing { .. }) if info("level") == "error" => {
                self.phase = Phase::Over;
                Ok(Some(Step::Ended(code)))
            }
            ("close", _) => {
                let stage = self.stage();
                if stage == Stage::Media {
                    self.phase = Phase::Over;
                    return Ok(Some(Step::Ended("close".to_owned())));
                }
                Ok(self.refused(stage, code))
            }
            _ => Ok(None),
        }
    }

    fn refused(&mut self, stage: Stage, code: String) -> Option<Step> {
        self.phase = Phase::Over;
        Some(Step::Refused(Refusal { stage, code }))
    }

    /// Says what the stream is, as players read it. First of all media.
    pub fn metadata(&mut self, of: &Metadata) {
        let fields = [
            ("duration", Field::Number(0.0)),
            ("width", Field::Number(f64::from(of.width))),
            ("height", Field::Number(f64::from(of.height))),
            ("framerate", Field::Number(of.fps)),
            ("videocodecid", Field::Number(7.0)),
            ("videodatarate", Field::Number(f64::from(of.video_kbps))),
            ("audiocodecid", Field::Number(10.0)),
            ("audiodatarate", Field::Number(f64::from(of.audio_kbps))),
            ("audiosamplerate", Field::Number(f64::from(of.samples))),
            ("audiosamplesize", Field::Number(16.0)),
            ("stereo", Field::Bool(true)),
            ("encoder", Field::Text(of.encoder)),
        ];
        let body = Writer::default().text("@setDataFrame").text("onMetaData").array(&fields).done();
        self.media(LANE_SOUND, DATA, 0, &[&body]);
    }

    /// The decoder configuration of H.264 (ISO/IEC 14496-15, 5.2.4). Before the first picture.
    pub fn video_header(&mut self, timestamp_ms: u32, config: &[u8]) {
        self.media(LANE_VIDEO, VIDEO, timestamp_ms, &[&[0x17, 0, 0, 0, 0], config]);
    }

    /// A picture: NAL units with their lengths. Without B-frames it is shown when it is decoded.
    pub fn video(&mut self, timestamp_ms: u32, key: bool, picture: &[u8]) {
        let head = [if key { 0x17 } else { 0x27 }, 1, 0, 0, 0];
        self.media(LANE_VIDEO, VIDEO, timestamp_ms, &[&head, picture]);
    }

    /// The AudioSpecificConfig of AAC. Before the first sound.
    pub fn sound_header(&mut self, timestamp_ms: u32, config: &[u8]) {
        self.media(LANE_SOUND, SOUND, timestamp_ms, &[&[0xAF, 0], config]);
    }

    /// A frame of AAC, without ADTS.
    pub fn sound(&mut self, timestamp_ms: u32, frame: &[u8]) {
        self.media(LANE_SOUND, SOUND, timestamp_ms, &[&[0xAF, 1], frame]);
    }

    /// Says goodbye, so that the far side gives the name free at once. Nothing follows.
    pub fn goodbye(&mut self) {
        if let Phase::Publishing { stream_id } = self.phase {
            let name = self.target.name.clone();
            self.send(Writer::default().text("FCUnpublish").number(FC_UNPUBLISH).null().text(&name), 0);
            let command = Writer::default().text("deleteStream").number(DELETE_STREAM).null();
            self.send(command.number(f64::from(stream_id)), 0);
        }
        self.phase = Phase::Over;
    }

    fn media(&mut self, csid: u8, kind: u8, timestamp_ms: u32, parts: &[&[u8]]) {
        if let Phase::Publishing { stream_id } = self.phase {
            self.writer.write(Head { csid, kind, stream_id, timestamp_ms }, parts, &mut self.output);
        }
    }

    fn control(&mut self, kind: u8, payload: &[u8]) {
        let head = Head { csid: LANE_CONTROL, kind, stream_id: 0, timestamp_ms: 0 };
        self.writer.write(head, &[payload], &mut self.output);
    }

    fn send(&mut self, command: Writer, stream_id: u32) {
        let head = Head { csid: LANE_COMMAND, kind: COMMAND, stream_id, timestamp_ms: 0 };
        self.writer.write(head, &[&command.done()], &mut self.output);
    }
}

#[cfg(test)]
#[path = "publisher_tests.rs"]
mod tests;
