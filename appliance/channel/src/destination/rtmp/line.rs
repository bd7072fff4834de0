//! A TCP connection to a platform, with or without TLS, that never waits unless it is asked to.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::ClientConnection;
use socket2::SockRef;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::Duration;

/// What TLS takes at once; a record holds no more.
const RECORD_BYTES: usize = 16 << 10;

/// An open connection.
pub(super) struct Line {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    sent: u64,
}

impl Line {
    /// Takes a connected socket, whose TLS session is set up where there is one.
    pub(super) fn new(socket: TcpStream, tls: Option<Box<ClientConnection>>) -> io::Result<Line> {
        socket.set_nonblocking(true)?;
        Ok(Line { socket, tls, sent: 0 })
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Bytes that were handed to the kernel.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Reads what is there: none where there is nothing now, 0 where the far side has closed.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(tls) = &mut self.tls else { return unless_blocked(self.socket.read(into)) };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Closed without TLS's own goodbye: many servers do that.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Some(0)),
                other => return other.map(Some),
            }
            match unless_blocked(tls.read_tls(&mut self.socket))? {
                None => return Ok(None),
                Some(0) => return Ok(Some(0)),
                Some(_) => {
                    tls.process_new_packets().map_err(io::Error::other)?;
                }
            }
        }
    }

    /// Sends from the front of `bytes` what the kernel takes now. Answers whether it has taken all.
    pub(super) fn write(&mut self, bytes: &mut Vec<u8>) -> io::Result<bool> {
        loop {
            if let Some(tls) = &mut self.tls
                && tls.wants_write()
            {
                match unless_blocked(tls.write_tls(&mut self.socket))? {
                    Some(n) => self.sent += n as u64,
                    None => return Ok(false),
                }
                continue;
            }
            if bytes.is_empty() {
                return Ok(true);
            }
            let taken = match &mut self.tls {
                Some(tls) => tls.writer().write(&bytes[..bytes.len().min(RECORD_BYTES)])?,
                None => match unless_blocked(self.socket.write(bytes))? {
                    Some(n) => {
                        self.sent += n as u64;
                        n
                    }
                    None => return Ok(false),
                },
            };
            bytes.drain(..taken);
        }
    }

    /// Waits until the kernel takes or has bytes, at most for `limit`.
    pub(super) fn wait(&self, to_write: bool, limit: Duration) {
        let flags = if to_write { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: i64::from(limit.subsec_nanos()) };
        // However this goes, the next read or write tells.
        let _ = poll(&mut [PollFd::from_borrowed_fd(self.socket.as_fd(), flags)], Some(&limit));
    }

    /// Says that nothing follows.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            self.write(&mut Vec::new())?;
        }
        self.socket.shutdown(std::net::Shutdown::Write)
    }

    /// Lets the kernel forget what it still holds for a far side that takes nothing: it is told by a reset.
    pub(super) fn abandon(&self) {
        let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
    }
}

fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}
