//! Name and sign of life of a listener, on threads of their own: each of them may wait for seconds.
//!
//! A listener answers the first packet of a handshake (draft-sharabayko-srt-01, section 4.3.1) with a cookie, and keeps
//! nothing of it: so one can ask whether it is there without beginning a connection.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

/// How often one address is asked, since a packet may be lost, and how long each answer may take.
const ASKED: usize = 2;
const ANSWER: Duration = Duration::from_millis(350);
/// A control packet of type 0: a handshake (section 3.2).
const HANDSHAKE: u32 = 0x8000_0000;
/// The first packet of one, and its answer: induction (section 3.2.1).
const INDUCTION: u32 = 1;
/// Bytes of a handshake without extensions, with its header.
const HANDSHAKE_BYTES: usize = 64;
/// What we call ourselves; the answer is for this one.
const OURS: u32 = 0x0BAD_57A6;

/// The only address of a name, or the first one at which somebody answers; none where the name has none.
pub(super) fn choose(host: &str, port: u16) -> Option<SocketAddr> {
    let all: Vec<SocketAddr> = (host, port).to_socket_addrs().ok()?.collect();
    let answering = || all.iter().find(|address| answers(**address));
    if all.len() > 1 { answering().or(all.first()).copied() } else { all.first().copied() }
}

/// For a knock: whether somebody listens there.
pub(in crate::destination) fn listens(host: &str, port: u16) -> bool {
    let Ok(mut addresses) = (host, port).to_socket_addrs() else { return false };
    addresses.any(answers)
}

fn answers(address: SocketAddr) -> bool {
    let ours: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let connected = UdpSocket::bind(ours).and_then(|socket| socket.connect(address).map(|()| socket));
    connected.is_ok_and(|socket| (0..ASKED).any(|_| asks(&socket)))
}

/// Asks once. Where the port is closed, the machine there says so, and the wait ends early.
fn asks(socket: &UdpSocket) -> bool {
    if socket.send(&induction()).is_err() {
        return false;
    }
    let end = Instant::now() + ANSWER;
    let mut packet = [0u8; 1500];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || socket.set_read_timeout(Some(left)).is_err() {
            return false;
        }
        match socket.recv(&mut packet) {
            Ok(length) if is_answer(&packet[..length]) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// The first packet of a caller.
fn induction() -> Vec<u8> {
    let header = [HANDSHAKE, 0, 0, 0];
    // Version 4 and the field 2 are what every listener knows; then sequence number, MTU, window, type, our name, cookie.
    let handshake = [4, 2, 1, 1_500, 8_192, INDUCTION, OURS, 0];
    let address_of_the_far_side = [0; 4];
    let words = header.into_iter().chain(handshake).chain(address_of_the_far_side);
    words.flat_map(u32::to_be_bytes).collect()
}

fn is_answer(packet: &[u8]) -> bool {
    let word = |at: usize| packet.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    packet.len() >= HANDSHAKE_BYTES
        && word(0) == Some(HANDSHAKE)
        && word(12) == Some(OURS)
        && word(36) == Some(INDUCTION)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What libsrt 1.5 answers, with `to` as the one it is for.
    fn answer(to: u32) -> Vec<u8> {
        let words =
            [0x8000_0000, 0, 0x000f_30f3, to, 5, 0x4a17, 1, 0x05dc, 0x2000, 1, 0x4d69_601f, 0x5500_0000u32, 0, 0, 0, 0];
        words.into_iter().flat_map(u32::to_be_bytes).collect()
    }

    #[test]
    fn only_an_answer_to_our_own_question_counts() {
        assert_eq!(induction().len(), HANDSHAKE_BYTES);
        assert!(is_answer(&answer(OURS)));
        for other in [answer(OURS + 1), answer(OURS)[..60].to_vec(), vec![0; 64], Vec::new()] {
            assert!(!is_answer(&other), "{other:?}");
        }
    }

    #[test]
    fn a_listener_is_heard_and_a_closed_or_silent_port_is_not() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("an address");
        let listener = std::thread::spawn(move || {
            let mut question = [0u8; 100];
            let (_, from) = socket.recv_from(&mut question).expect("a question");
            socket.send_to(b"a stray packet", from).expect("say something");
            socket.send_to(&answer(OURS), from).expect("answer");
            socket
        });
        assert!(listens("127.0.0.1", address.port()));
        let socket = listener.join().expect("the listener ends");
        assert!(!listens("127.0.0.1", address.port()), "nobody answers");
        drop(socket);
        assert!(!listens("127.0.0.1", address.port()), "the port is closed");
        // A name that stands for nothing (RFC 6761, section 6.4).
        assert!(!listens("nowhere.invalid", address.port()));
        assert_eq!(choose("nowhere.invalid", address.port()), None);
        assert_eq!(choose("127.0.0.1", address.port()), Some(address), "the only one is taken as it is");
    }
}
