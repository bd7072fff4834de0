//! A worker's statuses as its own socket tells them, whether `control` is there or not.

use automation::status::ChannelStatus;
use automation::wire::{Deframer, Frame, FromChannel, ToChannel, VERSION, decode, encode};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Longest wait for one word of the worker.
const WORD: Duration = Duration::from_millis(100);

/// An open socket of a worker.
#[derive(Debug)]
pub struct Statuses {
    stream: UnixStream,
    deframer: Deframer,
}

/// The worker has closed its socket: it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl Statuses {
    /// Connects to the worker of `channel` whose sockets are in `run`. None where nobody answers there.
    pub fn open(run: &Path, channel: &str) -> Option<Statuses> {
        let stream = UnixStream::connect(run.join(format!("channel-{channel}.sock"))).ok()?;
        stream.set_read_timeout(Some(WORD)).expect("set a socket's time limit");
        let mut statuses = Statuses { stream, deframer: Deframer::default() };
        statuses.send(&ToChannel::Hello { version: VERSION }).ok()?;
        Some(statuses)
    }

    /// Says something to the worker.
    pub fn send(&mut self, message: &ToChannel) -> Result<(), Closed> {
        self.stream.write_all(&encode(message)).map_err(|_| Closed)
    }

    /// Its next status; none where none came within 100 ms. Panics where it refuses a spec: a test is who gave it.
    pub fn hear(&mut self) -> Result<Option<ChannelStatus>, Closed> {
        loop {
            if let Some(frame) = self.deframer.next_frame().expect("the worker speaks in frames") {
                let Frame::Message(message) = frame else { continue };
                match decode(&message).expect("the worker speaks our version") {
                    FromChannel::Status { status } => return Ok(Some(*status)),
                    FromChannel::Refused { fault, .. } => panic!("the worker refused a spec: {fault:?}"),
                    FromChannel::Hello { .. } => continue,
                }
            }
            let mut bytes = [0u8; 16_384];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(Closed),
                Ok(read) => self.deframer.push(&bytes[..read]),
                Err(e) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&e.kind()) => return Ok(None),
                Err(_) => return Err(Closed),
            }
        }
    }
}
