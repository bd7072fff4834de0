//! How many bytes of a TCP connection the far side has not acknowledged: asked from the kernel by sock_diag(7), since
//! they may lie in the kernel for seconds.

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// The kernel answers at once; this is for a kernel that does not.
const ANSWER: Duration = Duration::from_millis(100);
/// Type of a request by family (linux/sock_diag.h), of an error, and the flag of a request.
const BY_FAMILY: u16 = 20;
const ERROR: u16 = 2;
const REQUEST: u16 = 1;
/// Lengths of `struct nlmsghdr` and `struct inet_diag_req_v2`.
const HEAD_BYTES: usize = 16;
const REQUEST_BYTES: usize = 56;
/// Where `idiag_wqueue` lies in `struct inet_diag_msg`: bytes that are unsent or unacknowledged.
const WQUEUE: usize = 60;
const TCP: u8 = 6;

/// Asks for one connection.
#[derive(Debug)]
pub(super) struct Unacked {
    netlink: OwnedFd,
    request: Vec<u8>,
}

impl Unacked {
    /// For a connected socket.
    pub(super) fn of(socket: &TcpStream) -> io::Result<Unacked> {
        let netlink = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
        set_socket_timeout(&netlink, Timeout::Recv, Some(ANSWER))?;
        let request = request(socket.local_addr()?, socket.peer_addr()?);
        let unacked = Unacked { netlink, request };
        unacked.bytes()?;
        Ok(unacked)
    }

    /// Bytes that were written and not acknowledged.
    pub(super) fn bytes(&self) -> io::Result<u64> {
        sendto(&self.netlink, &self.request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let mut answer = [0u8; 1024];
        let (n, _) = recv(&self.netlink, &mut answer, RecvFlags::empty())?;
        parse(&answer[..n])
    }
}

fn request(local: SocketAddr, peer: SocketAddr) -> Vec<u8> {
    let family = if local.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let interface = match peer {
        SocketAddr::V6(peer) => peer.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    let mut out = ((HEAD_BYTES + REQUEST_BYTES) as u32).to_ne_bytes().to_vec();
    out.extend(BY_FAMILY.to_ne_bytes());
    out.extend(REQUEST.to_ne_bytes());
    out.extend([0; 8]);
    out.extend([family.as_raw() as u8, TCP, 0, 0]);
    // All states, and no cookie: the addresses say which.
    out.extend(u32::MAX.to_ne_bytes());
    out.extend(local.port().to_be_bytes());
    out.extend(peer.port().to_be_bytes());
    for address in [local.ip(), peer.ip()] {
        let mut bytes = [0; 16];
        match address {
            IpAddr::V4(address) => bytes[..4].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => bytes = address.octets(),
        }
        out.extend(bytes);
    }
    out.extend(interface.to_ne_bytes());
    out.extend([0xFF; 8]);
    out
}

fn parse(answer: &[u8]) -> io::Result<u64> {
    let short = || io::Error::new(io::ErrorKind::InvalidData, "an answer that is cut off");
    let head = answer.first_chunk::<HEAD_BYTES>().ok_or_else(short)?;
    let body = &answer[HEAD_BYTES..];
    match u16::from_ne_bytes([head[4], head[5]]) {
        BY_FAMILY => {
            let field = body.get(WQUEUE..).and_then(|rest| rest.first_chunk::<4>()).ok_or_else(short)?;
            Ok(u64::from(u32::from_ne_bytes(*field)))
        }
        ERROR => {
            let code = body.first_chunk::<4>().ok_or_else(short)?;
            Err(io::Error::from_raw_os_error(-i32::from_ne_bytes(*code)))
        }
        kind => Err(io::Error::new(io::ErrorKind::InvalidData, format!("an answer of type {kind}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Instant;

    #[test]
    fn bytes_that_nobody_reads_stay_unacknowledged() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                eprintln!("SKIPPED: this machine has no {address}");
                continue;
            };
            let mut near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut far, _) = listener.accept().unwrap();
            let unacked = Unacked::of(&near).expect("the kernel has sock_diag");
            assert_eq!(unacked.bytes().unwrap(), 0);
            near.set_nonblocking(true).unwrap();
            let mut sent = 0u64;
            while let Ok(n) = near.write(&[7; 1 << 16]) {
                sent += n as u64;
            }
            let waiting = unacked.bytes().unwrap();
            assert!(waiting > 0 && waiting < sent, "{waiting} of {sent}: what lies at the far side is acknowledged");
            let mut sink = vec![0; 1 << 16];
            let mut got = 0;
            while got < sent {
                got += far.read(&mut sink).unwrap() as u64;
            }
            let begun = Instant::now();
            while unacked.bytes().unwrap() > 0 {
                assert!(begun.elapsed() < Duration::from_secs(10), "all was read, and is not acknowledged");
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn an_answer_that_is_none_is_an_error() {
        assert!(parse(&[]).is_err());
        let mut answer = vec![0u8; 20];
        answer[4] = ERROR as u8;
        answer[16..].copy_from_slice(&(-2i32).to_ne_bytes());
        assert_eq!(parse(&answer).unwrap_err().raw_os_error(), Some(2));
        answer[4] = BY_FAMILY as u8;
        assert_eq!(parse(&answer).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
