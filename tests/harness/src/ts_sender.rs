//! A sender of MPEG-TS by UDP whose times jump: each of its films is sent as it is, by its own clock, one after the other
//! and over and over. ffmpeg would put the times right.

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bytes of a packet, and packets of a datagram.
const PACKET: usize = 188;
const PACKETS: usize = 7;

/// A sender. It ends with this value.
#[derive(Debug)]
pub struct TsSender {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TsSender {
    /// Starts to send these films.
    pub fn start(to: SocketAddr, films: &[PathBuf]) -> TsSender {
        let films: Vec<Vec<u8>> = films.iter().map(|film| std::fs::read(film).expect("read a film")).collect();
        let socket = UdpSocket::bind("127.0.0.1:0").expect("bind a UDP port");
        let ended = Arc::new(AtomicBool::new(false));
        let over = ended.clone();
        let thread = std::thread::spawn(move || {
            let mut due = Instant::now();
            for film in films.iter().cycle() {
                due = send(&socket, to, film, due, &over);
                if over.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        TsSender { ended, thread: Some(thread) }
    }
}

impl Drop for TsSender {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Sends a film whose first clock is due then. Answers when the next one is.
fn send(socket: &UdpSocket, to: SocketAddr, film: &[u8], begins: Instant, over: &AtomicBool) -> Instant {
    let (mut first, mut due, mut step) = (None, begins, Duration::ZERO);
    for datagram in film.chunks(PACKET * PACKETS) {
        if let Some(clock) = datagram.chunks_exact(PACKET).find_map(clock) {
            let now = begins + Duration::from_nanos((clock - *first.get_or_insert(clock)) * 100_000 / 9);
            (step, due) = (now - due, now);
        }
        // Not to wait for a state: this is the far side's pace.
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if over.load(Ordering::Relaxed) {
            return due;
        }
        // Nobody may listen yet.
        let _ = socket.send_to(datagram, to);
    }
    due + step
}

/// The program clock reference of a packet, 90 kHz (ISO/IEC 13818-1, 2.4.3.4).
fn clock(packet: &[u8]) -> Option<u64> {
    let [0x47, _, _, flags, 7..=183, fields, a, b, c, d, e, ..] = packet else { return None };
    let high = u64::from(u32::from_be_bytes([*a, *b, *c, *d]));
    (flags & 0x20 != 0 && fields & 0x10 != 0).then_some(high << 1 | u64::from(e >> 7))
}
