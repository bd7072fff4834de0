//! Messages between `control` and the workers over Unix sockets, without I/O.
//!
//! A frame is a big-endian `u32` length of what follows, one byte of kind, and the payload:
//! kind 0 is a JSON message; kind 1 is a preview: one byte length of a name, the name, a JPEG file.
//! Each side begins with a hello. Frames above [`FRAME_BYTES_MAX`] end the connection.

use crate::fault::{Code, Fault};
use crate::spec::{ChannelSpec, ChannelSpecDraft, IngestSpec};
use crate::status::{ChannelStatus, IngestStatus};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Version of the messages. A worker of another version is replaced as soon as no broadcast runs.
pub const VERSION: u32 = 3;

/// Largest frame: a spec with 64 sources and full timelines is far below it.
pub const FRAME_BYTES_MAX: usize = 8 << 20;

/// Name under which the program's preview travels; sources travel under `source/<id>`.
pub const PREVIEW_PROGRAM: &str = "program";

/// From `control` to a channel's worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToChannel {
    /// The first message of a connection.
    Hello {
        /// [`VERSION`] of the sender.
        version: u32,
    },
    /// What is wanted from now on. Answered by a status that names its generation, or by `Refused`.
    Spec {
        /// The spec.
        spec: Box<ChannelSpec>,
    },
    /// Whether previews are wanted on this connection; off at first.
    Previews {
        /// On or off.
        on: bool,
    },
    /// End the process in good order.
    Quit,
}

/// From a channel's worker to `control`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromChannel {
    /// The first message of a connection.
    Hello {
        /// [`VERSION`] of the sender.
        version: u32,
        /// Process id.
        pid: u32,
        /// Generation of the spec in force; 0 without one.
        generation: u64,
    },
    /// What is; at least once a second, and within 100 ms of a change.
    Status {
        /// The status.
        status: Box<ChannelStatus>,
    },
    /// A spec was not taken.
    Refused {
        /// Its generation.
        generation: u64,
        /// Why.
        fault: Fault,
    },
}

/// From `control` to `ingest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToIngest {
    /// The first message of a connection.
    Hello {
        /// [`VERSION`] of the sender.
        version: u32,
    },
    /// What is wanted from now on.
    Spec {
        /// The spec.
        spec: IngestSpec,
    },
    /// End the process in good order.
    Quit,
}

/// From `ingest` to `control`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromIngest {
    /// The first message of a connection.
    Hello {
        /// [`VERSION`] of the sender.
        version: u32,
        /// Process id.
        pid: u32,
        /// Generation of the spec in force; 0 without one.
        generation: u64,
    },
    /// What is; at least once a second, and within 100 ms of a change.
    Status {
        /// The status.
        status: IngestStatus,
    },
    /// A spec was not taken.
    Refused {
        /// Its generation.
        generation: u64,
        /// Why.
        fault: Fault,
    },
}

/// One frame, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// A JSON message, not yet parsed.
    Message(Vec<u8>),
    /// A small picture.
    Preview {
        /// [`PREVIEW_PROGRAM`] or `source/<id>`.
        name: String,
        /// A JPEG file.
        jpeg: Vec<u8>,
    },
}

/// Why bytes are no frame.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The far side sends more than we take.
    #[error("a frame of {0} bytes is larger than the {FRAME_BYTES_MAX} that are taken")]
    TooLarge(usize),
    /// The kind, or its payload, is not known.
    #[error("a frame of kind {0} is not understood")]
    BadFrame(u8),
    /// The JSON is none, or says what cannot be.
    #[error("a message is not understood")]
    BadMessage(#[from] serde_json::Error),
}

/// The frame of a JSON message.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    let body = serde_json::to_vec(message).expect("messages are maps with text keys");
    let mut out = Vec::with_capacity(body.len() + 5);
    out.extend_from_slice(&(body.len() as u32 + 1).to_be_bytes());
    out.push(0);
    out.extend_from_slice(&body);
    out
}

/// The frame of a preview. A name longer than 255 bytes is cut.
pub fn encode_preview(name: &str, jpeg: &[u8]) -> Vec<u8> {
    let name = &name.as_bytes()[..name.len().min(255)];
    let mut out = Vec::with_capacity(jpeg.len() + name.len() + 6);
    out.extend_from_slice(&((jpeg.len() + name.len() + 2) as u32).to_be_bytes());
    out.push(1);
    out.push(name.len() as u8);
    out.extend_from_slice(name);
    out.extend_from_slice(jpeg);
    out
}

/// Parses a JSON message.
pub fn decode<T: DeserializeOwned>(message: &[u8]) -> Result<T, WireError> {
    Ok(serde_json::from_slice(message)?)
}

/// For a message to a channel that [`decode`] did not understand: where it is a spec all the same, the generation and
/// the fault for its refusal. The fault repeats nothing of the spec, for there are secrets in it.
pub fn refusal_of_spec(message: &[u8]) -> Option<(u64, Fault)> {
    let mut message: serde_json::Value = serde_json::from_slice(message).ok()?;
    if message["type"] != "spec" {
        return None;
    }
    let spec = message["spec"].take();
    let generation = spec["generation"].as_u64()?;
    let fault = Fault::new(Code::SpecInvalid, "spec");
    let Ok(draft) = serde_json::from_value::<ChannelSpecDraft>(spec) else {
        return Some((generation, fault.with_text("The plan has a form that this process does not know.")));
    };
    let wrongs = ChannelSpec::try_from(draft).err()?;
    let place = wrongs.0.first().map_or(String::new(), |wrong| wrong.place.clone());
    Some((generation, Fault { subject: place, ..fault.with_text(format!("The plan is not consistent: {wrongs}.")) }))
}

/// Takes whole frames out of bytes as they arrive.
#[derive(Debug, Default)]
pub struct Deframer {
    buffer: Vec<u8>,
}

impl Deframer {
    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame. After an error the connection is of no more use.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, WireError> {
        let Some(head) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*head) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(WireError::TooLarge(length));
        }
        if self.buffer.len() < 4 + length {
            return Ok(None);
        }
        let rest = self.buffer.split_off(4 + length);
        let frame = std::mem::replace(&mut self.buffer, rest);
        parse(&frame[4..]).map(Some)
    }
}

fn parse(body: &[u8]) -> Result<Frame, WireError> {
    match body {
        [0, message @ ..] => Ok(Frame::Message(message.to_vec())),
        [1, length, rest @ ..] if rest.len() >= usize::from(*length) => {
            let (name, jpeg) = rest.split_at(usize::from(*length));
            let name = std::str::from_utf8(name).map_err(|_| WireError::BadFrame(1))?;
            Ok(Frame::Preview { name: name.to_owned(), jpeg: jpeg.to_vec() })
        }
        [kind, ..] => Err(WireError::BadFrame(*kind)),
        [] => Err(WireError::BadFrame(0)),
    }
}
