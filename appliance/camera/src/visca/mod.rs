//! Visca over IP: datagrams to port 52381 as Sony has it, or bare messages on a TCP connection as others do.
//!
//! ```text
//! reset the numbers ─► command n ──► taken ──► done
//!                        ▲  │           └────► refused
//!                        └──┘ sent again where nothing comes (UDP)
//! ```
//! Bad input: what is no answer, or answers another number, is passed over; a camera that says nothing is unreachable.

mod frame;

use crate::{CameraError, Move, Preset, tame};
use automation::spec::{VISCA_PRESET_MAX, ViscaTransport};
use frame::{COMMAND, CONTROL, CONTROL_REPLY, MESSAGE_BYTES_MAX, REPLY, RESET, Refusal, Reply};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

/// How long an answer may take before a datagram is sent again.
const ANSWER: Duration = Duration::from_millis(700);
/// How often a datagram is sent before the camera counts as away.
const TRIES: u32 = 3;
/// How long a connection may take to come about, and an answer on it.
const CONNECTION: Duration = Duration::from_secs(2);
/// How long answers to earlier commands are looked for on a connection.
const STALE: Duration = Duration::from_millis(2);
/// How long a look at whether the head has arrived waits.
const LOOK: Duration = Duration::from_millis(900);
/// How long the largest step lasts. Visca's own relative moves count in units that differ between cameras.
const STEP: Duration = Duration::from_millis(350);
/// Memories that are listed: every camera has so many, and a higher number can be entered.
const LISTED: u8 = 16;

/// The head of a camera that speaks Visca.
#[derive(Debug)]
pub struct Visca {
    address: String,
    transport: ViscaTransport,
    line: Option<Line>,
    /// The socket of a movement that was taken and is not done.
    under_way: Option<u8>,
    /// Sockets of commands that were taken and are not done, as bits: on a connection their answers come in between.
    owed: u16,
}

#[derive(Debug)]
enum Line {
    Udp { socket: UdpSocket, number: u32 },
    Tcp { stream: TcpStream, heard: Vec<u8> },
}

impl Visca {
    pub(crate) fn new(address: &str, transport: ViscaTransport) -> Visca {
        Visca { address: address.to_owned(), transport, line: None, under_way: None, owed: 0 }
    }

    /// Visca cannot list them: every memory counts as there.
    pub(crate) fn presets() -> Vec<Preset> {
        (0..LISTED).map(|n| Preset { token: n.to_string(), name: format!("Preset {n}") }).collect()
    }

    pub(crate) fn begin(&mut self, movement: &Move) -> Result<(), CameraError> {
        self.under_way = None;
        match movement {
            Move::Along { pan, tilt, zoom, .. } => self.along(*pan, *tilt, *zoom),
            Move::Step { pan, tilt, zoom } => {
                let largest = [pan, tilt, zoom].into_iter().fold(0.0f32, |most, part| most.max(part.abs()));
                let part = |value: f32| if largest > 0.0 { value / largest * 0.3 } else { 0.0 };
                // Where nobody is, there is nothing to stop either.
                self.connect()?;
                let begun = self.along(part(*pan), part(*tilt), part(*zoom));
                if begun.is_ok() {
                    std::thread::sleep(STEP.mul_f32(largest.clamp(0.1, 1.0)));
                }
                // After an error too: what was taken of it, or was lost on the way back, would go on.
                let ended = self.stop();
                begun.and(ended)
            }
            Move::Stop => self.stop(),
            Move::Preset(token) => {
                let missing = || CameraError::NoPreset(tame(token, 64));
                let memory = token.parse::<u8>().ok().filter(|n| *n <= VISCA_PRESET_MAX).ok_or_else(missing)?;
                if let Reply::Taken(socket) = self.command(&frame::recall(memory))? {
                    self.under_way = Some(socket);
                }
                Ok(())
            }
        }
    }

    pub(crate) fn arrived(&mut self) -> Result<bool, CameraError> {
        let Some(socket) = self.under_way else { return Ok(true) };
        let end = Instant::now() + LOOK;
        let number = match &self.line {
            Some(Line::Udp { number, .. }) => *number,
            _ => 0,
        };
        let heard = self.hear(number, end);
        if let Ok(Some(reply)) = heard {
            self.is_of_before(reply);
        }
        match heard {
            Ok(Some(Reply::Done(of))) if of == socket => {
                self.under_way = None;
                Ok(true)
            }
            Ok(Some(Reply::Refused(of, refusal))) if of == socket => {
                self.under_way = None;
                Err(refused(refusal))
            }
            Ok(_) => Ok(false),
            Err(error) => {
                self.line = None;
                Err(error)
            }
        }
    }

    /// Pan and tilt have a command, and zoom has one. A camera without one of them refuses that one only, and it moves
    /// all the same: an error is what moves nothing, or an answer that is missing.
    fn along(&mut self, pan: f32, tilt: f32, zoom: f32) -> Result<(), CameraError> {
        let (turns, zooms) = (pan != 0.0 || tilt != 0.0, zoom != 0.0);
        let mut replies = Vec::new();
        if turns || !zooms {
            replies.push(self.say(&frame::drive(pan, tilt))?);
        }
        if zooms {
            replies.push(self.say(&frame::zoom(zoom))?);
        }
        one_taken(&replies)
    }

    fn stop(&mut self) -> Result<(), CameraError> {
        // The lens is told although the head is silent.
        let (head, lens) = (self.say(&frame::drive(0.0, 0.0)), self.say(&frame::zoom(0.0)));
        let replies = [head?, lens?];
        match replies.iter().any(|reply| matches!(reply, Reply::Refused(_, Refusal::Full))) {
            // It has that part, and has not stopped it.
            true => Err(refused(Refusal::Full)),
            false => one_taken(&replies),
        }
    }

    /// Sends a command, and waits until it is taken or done.
    fn command(&mut self, message: &[u8]) -> Result<Reply, CameraError> {
        match self.say(message)? {
            Reply::Refused(_, refusal) => Err(refused(refusal)),
            taken => Ok(taken),
        }
    }

    /// Sends a command, and waits until it is taken, done or refused.
    fn say(&mut self, message: &[u8]) -> Result<Reply, CameraError> {
        // A connection that the camera has closed meanwhile shows itself at the first use only.
        let fresh = self.line.is_none();
        match self.try_to_say(message) {
            Err(CameraError::Unreachable(_) | CameraError::Silent)
                if !fresh && self.transport == ViscaTransport::Tcp =>
            {
                self.try_to_say(message)
            }
            result => result,
        }
    }

    fn try_to_say(&mut self, message: &[u8]) -> Result<Reply, CameraError> {
        let result = self.exchange(message);
        if result.is_err() {
            self.line = None;
        }
        result
    }

    fn exchange(&mut self, message: &[u8]) -> Result<Reply, CameraError> {
        self.connect()?;
        let tries = match &mut self.line {
            Some(Line::Udp { number, .. }) => {
                *number = number.wrapping_add(1);
                TRIES
            }
            _ => 1,
        };
        for _ in 0..tries {
            let (number, wait) = match &mut self.line {
                Some(Line::Udp { socket, number }) => {
                    socket.send(&frame::datagram(COMMAND, *number, message)).map_err(lost)?;
                    (*number, ANSWER)
                }
                Some(Line::Tcp { stream, heard }) => {
                    // What is still to be read belongs to commands before this one.
                    while let Some(reply) = self::message(stream, heard, Instant::now() + STALE)? {
                        if let Reply::Done(socket) | Reply::Refused(socket, _) = reply {
                            self.owed &= !(1 << socket);
                        }
                    }
                    stream.write_all(message).map_err(lost)?;
                    (0, CONNECTION)
                }
                None => return Err(CameraError::Silent),
            };
            let end = Instant::now() + wait;
            while let Some(reply) = self.hear(number, end)? {
                if !self.is_of_before(reply) {
                    return Ok(reply);
                }
            }
        }
        Err(CameraError::Silent)
    }

    /// Whether an answer belongs to a command before the one that was sent last. Keeps the books on what is owed.
    fn is_of_before(&mut self, reply: Reply) -> bool {
        match reply {
            // Datagrams name the command that they answer.
            _ if self.transport == ViscaTransport::Udp => false,
            Reply::Taken(socket) => {
                self.owed |= 1 << socket;
                false
            }
            Reply::Done(socket) | Reply::Refused(socket, Refusal::Cancelled) => {
                let owed = self.owed & (1 << socket) != 0;
                self.owed &= !(1 << socket);
                owed
            }
            Reply::Refused(..) => false,
        }
    }

    fn connect(&mut self) -> Result<(), CameraError> {
        if self.line.is_some() {
            return Ok(());
        }
        self.owed = 0;
        let unknown = |_| CameraError::Unreachable("there is no host of this name".into());
        let mut addresses = self.address.to_socket_addrs().map_err(unknown)?;
        let address =
            addresses.next().ok_or_else(|| CameraError::Unreachable("there is no host of this name".into()))?;
        match self.transport {
            ViscaTransport::Tcp => {
                let stream = TcpStream::connect_timeout(&address, CONNECTION).map_err(lost)?;
                let _ = stream.set_nodelay(true);
                stream.set_write_timeout(Some(CONNECTION)).map_err(lost)?;
                self.line = Some(Line::Tcp { stream, heard: Vec::new() });
                Ok(())
            }
            ViscaTransport::Udp => self.connect_udp(address),
        }
    }

    fn connect_udp(&mut self, address: SocketAddr) -> Result<(), CameraError> {
        let any: SocketAddr = if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
        let socket = UdpSocket::bind(any).map_err(lost)?;
        socket.connect(address).map_err(lost)?;
        // A camera keeps the numbers of whoever spoke before: from here on they begin at 1.
        for _ in 0..TRIES {
            socket.send(&frame::datagram(CONTROL, 0, &RESET)).map_err(lost)?;
            let end = Instant::now() + ANSWER;
            while let Some(bytes) = datagram(&socket, end)? {
                if matches!(frame::opened(&bytes), Some((CONTROL_REPLY, _, _))) {
                    self.line = Some(Line::Udp { socket, number: 0 });
                    return Ok(());
                }
            }
        }
        Err(CameraError::Silent)
    }

    /// Waits for an answer; of datagrams only those count that answer `number`.
    fn hear(&mut self, number: u32, end: Instant) -> Result<Option<Reply>, CameraError> {
        match &mut self.line {
            Some(Line::Udp { socket, .. }) => {
                while let Some(bytes) = datagram(socket, end)? {
                    let answer = frame::opened(&bytes).filter(|(kind, of, _)| *kind == REPLY && *of == number);
                    if let Some(reply) = answer.and_then(|(_, _, message)| frame::reply(message)) {
                        return Ok(Some(reply));
                    }
                }
                Ok(None)
            }
            Some(Line::Tcp { stream, heard }) => message(stream, heard, end),
            None => Err(CameraError::Silent),
        }
    }
}

/// Well where a part of the camera moves.
fn one_taken(replies: &[Reply]) -> Result<(), CameraError> {
    let refusal = |reply: &Reply| match reply {
        Reply::Refused(_, refusal) => Some(*refusal),
        Reply::Taken(_) | Reply::Done(_) => None,
    };
    let refusals: Option<Vec<Refusal>> = replies.iter().map(refusal).collect();
    refusals.and_then(|all| all.into_iter().next()).map_or(Ok(()), |first| Err(refused(first)))
}

fn refused(refusal: Refusal) -> CameraError {
    match refusal {
        Refusal::Syntax => CameraError::Unsupported(refusal.to_string()),
        other => CameraError::Failed(other.to_string()),
    }
}

fn lost(error: std::io::Error) -> CameraError {
    CameraError::Unreachable(tame(&error.to_string(), 100))
}

fn left(end: Instant) -> Option<Duration> {
    Some(end.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
}

/// The next datagram; none at the end of the time.
fn datagram(socket: &UdpSocket, end: Instant) -> Result<Option<Vec<u8>>, CameraError> {
    let Some(left) = left(end) else { return Ok(None) };
    socket.set_read_timeout(Some(left)).map_err(lost)?;
    let mut bytes = [0u8; 64];
    match socket.recv(&mut bytes) {
        Ok(length) => Ok(Some(bytes[..length].to_vec())),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
        Err(error) => Err(lost(error)),
    }
}

/// The next answer on a connection; none at the end of the time.
fn message(stream: &mut TcpStream, heard: &mut Vec<u8>, end: Instant) -> Result<Option<Reply>, CameraError> {
    loop {
        while let Some(last) = heard.iter().position(|byte| *byte == 0xFF) {
            let message: Vec<u8> = heard.drain(..=last).collect();
            if let Some(reply) = frame::reply(&message) {
                return Ok(Some(reply));
            }
        }
        if heard.len() > MESSAGE_BYTES_MAX {
            return Err(CameraError::NotUnderstood("it does not speak Visca".into()));
        }
        let Some(left) = left(end) else { return Ok(None) };
        stream.set_read_timeout(Some(left)).map_err(lost)?;
        let mut bytes = [0u8; 64];
        match stream.read(&mut bytes) {
            Ok(0) => return Err(CameraError::Unreachable("it closed the connection".into())),
            Ok(length) => heard.extend_from_slice(&bytes[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(None),
            Err(error) => return Err(lost(error)),
        }
    }
}

#[cfg(test)]
mod tests;
