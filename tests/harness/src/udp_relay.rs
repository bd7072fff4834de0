//! A UDP path that loses, delays and reorders, or is cut: for SRT and RTP, which Toxiproxy does not carry.

use crate::random::Random;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longest time that a direction sleeps while nothing comes: it must see its end.
const TURN: Duration = Duration::from_millis(20);
/// Largest datagram.
const DATAGRAM_MAX: usize = 65_536;

/// What a path does to datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// So many of a hundred are lost; 100 cuts the path.
    pub loss_percent: u64,
    /// Each is so much late, milliseconds.
    pub delay_ms: u64,
    /// And up to so much more, each for itself, so that one may overtake another, milliseconds.
    pub jitter_ms: u64,
}

#[derive(Debug, Default)]
struct Shared {
    weather: Weather,
    client: Option<SocketAddr>,
    /// Who has sent data by SRT, and when the first of it came.
    callers: Vec<(SocketAddr, Instant)>,
    ended: bool,
}

/// A path between one client at a time and a far side. It ends with this value.
#[derive(Debug)]
pub struct UdpRelay {
    port: u16,
    shared: Arc<Mutex<Shared>>,
    directions: Vec<JoinHandle<()>>,
}

fn hold(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().expect("nobody panics with the weather in hand")
}

/// A datagram that waits for its time; older ones first.
type Waiting = Reverse<(Instant, u64, Vec<u8>)>;

impl UdpRelay {
    /// Opens a path to `far` on a free port of the loopback. What is lost and how late it is follows from `seed`.
    pub fn open(far: SocketAddr, seed: u64) -> UdpRelay {
        let front = UdpSocket::bind("127.0.0.1:0").expect("bind a UDP port");
        let back = UdpSocket::bind("127.0.0.1:0").expect("bind a UDP port");
        let port = front.local_addr().expect("a bound socket has an address").port();
        let shared: Arc<Mutex<Shared>> = Arc::default();
        let mut directions = Vec::new();
        for (out, seed) in [(true, seed), (false, seed ^ 1)] {
            let (front, back) = (front.try_clone().expect("share a socket"), back.try_clone().expect("share a socket"));
            let shared = Arc::clone(&shared);
            directions.push(std::thread::spawn(move || {
                let (from, to) = if out { (front, back) } else { (back, front) };
                carry(&from, &to, out.then_some(far), &shared, Random::new(seed));
            }));
        }
        UdpRelay { port, shared, directions }
    }

    /// The port to send to instead of the far side's.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connections by SRT whose caller has sent data: when the first of each came. Each has a port of its own.
    pub fn srt_sessions(&self) -> Vec<Instant> {
        hold(&self.shared).callers.iter().map(|(_, at)| *at).collect()
    }

    /// Changes what the path does, from the next datagram on.
    pub fn set(&self, weather: Weather) {
        hold(&self.shared).weather = weather;
    }
}

impl Drop for UdpRelay {
    fn drop(&mut self) {
        hold(&self.shared).ended = true;
        for direction in self.directions.drain(..) {
            let _ = direction.join();
        }
    }
}

/// Carries one direction: to `far`, or to whoever sent last.
fn carry(from: &UdpSocket, to: &UdpSocket, far: Option<SocketAddr>, shared: &Mutex<Shared>, mut random: Random) {
    let mut waiting: BinaryHeap<Waiting> = BinaryHeap::new();
    let mut bytes = vec![0u8; DATAGRAM_MAX];
    let mut count = 0;
    loop {
        let now = Instant::now();
        while waiting.peek().is_some_and(|next| next.0.0 <= now)
            && let Some(Reverse((_, _, datagram))) = waiting.pop()
        {
            if let Some(address) = far.or_else(|| hold(shared).client) {
                // A far side that is away answers with an error of ICMP; the next one may arrive.
                let _ = to.send_to(&datagram, address);
            }
        }
        let until = waiting.peek().map_or(TURN, |next| next.0.0.saturating_duration_since(now).min(TURN));
        from.set_read_timeout(Some(until.max(Duration::from_micros(100)))).expect("a time limit is not zero");
        let received = from.recv_from(&mut bytes);
        let mut shared = hold(shared);
        if shared.ended {
            return;
        }
        let Ok((size, sender)) = received else { continue };
        if far.is_some() {
            shared.client = Some(sender);
            // The first bit tells control packets from data (draft-sharabayko-srt-01, section 3).
            if bytes[0] & 0x80 == 0 && !shared.callers.iter().any(|(caller, _)| *caller == sender) {
                shared.callers.push((sender, Instant::now()));
            }
        }
        let Weather { loss_percent, delay_ms, jitter_ms } = shared.weather;
        if random.percent(loss_percent) {
            continue;
        }
        let late = Duration::from_millis(delay_ms) + Duration::from_micros(random.between(0, jitter_ms * 1000));
        count += 1;
        waiting.push(Reverse((Instant::now() + late, count, bytes[..size].to_vec())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client, the path, and a far side that sends everything back.
    fn echo(seed: u64) -> (UdpSocket, UdpRelay) {
        let far = UdpSocket::bind("127.0.0.1:0").unwrap();
        let relay = UdpRelay::open(far.local_addr().unwrap(), seed);
        std::thread::spawn(move || {
            let mut bytes = [0u8; 64];
            far.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            while let Ok((size, client)) = far.recv_from(&mut bytes) {
                let _ = far.send_to(&bytes[..size], client);
            }
        });
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(("127.0.0.1", relay.port())).unwrap();
        client.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
        (client, relay)
    }

    /// Sends numbers one after another; answers those that come back, in their order.
    fn send(client: &UdpSocket, count: u32) -> Vec<u32> {
        for n in 0..count {
            client.send(&n.to_be_bytes()).unwrap();
            // No socket's buffer overflows at this pace.
            std::thread::sleep(Duration::from_micros(300));
        }
        let mut bytes = [0u8; 4];
        std::iter::from_fn(|| client.recv(&mut bytes).ok().map(|_| u32::from_be_bytes(bytes))).collect()
    }

    #[test]
    fn good_weather_lets_everything_through_and_a_cut_nothing() {
        let (client, relay) = echo(1);
        assert_eq!(send(&client, 100), (0..100).collect::<Vec<_>>());
        relay.set(Weather { loss_percent: 100, ..Weather::default() });
        assert_eq!(send(&client, 20), Vec::<u32>::new());
        relay.set(Weather::default());
        assert_eq!(send(&client, 3), [0, 1, 2]);
    }

    #[test]
    fn a_lossy_path_loses_its_share_and_a_seed_says_which() {
        let lost = |seed: u64| {
            let (client, relay) = echo(seed);
            relay.set(Weather { loss_percent: 10, ..Weather::default() });
            send(&client, 300)
        };
        let came = lost(7);
        // Twice a tenth: on the way there, and on the way back.
        assert!((210..=275).contains(&came.len()), "{} of 300", came.len());
        assert_eq!(came, lost(7), "the same seed loses the same ones");
        assert_ne!(came, lost(8));
    }

    #[test]
    fn callers_who_send_data_are_counted_and_those_who_only_ask_are_not() {
        let (client, relay) = echo(1);
        client.send(&[0x80, 0, 0, 0]).unwrap();
        client.recv(&mut [0; 4]).unwrap();
        assert_eq!(relay.srt_sessions().len(), 0);
        for _ in 0..2 {
            client.send(&[0, 0, 0, 1]).unwrap();
            client.recv(&mut [0; 4]).unwrap();
        }
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        other.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
        other.send_to(&[0, 0, 0, 1], ("127.0.0.1", relay.port())).unwrap();
        other.recv(&mut [0; 4]).unwrap();
        assert_eq!(relay.srt_sessions().len(), 2);
    }

    #[test]
    fn a_late_path_is_late_and_jitter_reorders() {
        let (client, relay) = echo(3);
        relay.set(Weather { delay_ms: 50, ..Weather::default() });
        let begin = Instant::now();
        client.send(&[1]).unwrap();
        client.recv(&mut [0; 4]).unwrap();
        assert!(begin.elapsed() >= Duration::from_millis(100), "50 ms each way: {:?}", begin.elapsed());
        relay.set(Weather { jitter_ms: 60, ..Weather::default() });
        let came = send(&client, 100);
        assert_eq!(came.len(), 100);
        assert!(came.windows(2).any(|pair| pair[1] < pair[0]), "{came:?}");
    }
}
