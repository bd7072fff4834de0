//! Asks the network which cameras there are, by ONVIF and by mDNS at once: from every address of ours, by multicast, for a
//! bounded time, and takes a bounded number of answers.

use super::interfaces;
use camera::discovery::{Kind, answer, probe};
use camera::{discovery, mdns};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::Path;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// How long answers are waited for: cameras answer within half a second by the specifications, slow ones within two.
const WAIT: Duration = Duration::from_millis(2500);
/// The questions are asked anew after so long: datagrams get lost, and answers leave things out.
const AGAIN: Duration = Duration::from_millis(700);
/// Answers that are looked at on one address of ours.
const ANSWERS_MAX: usize = 512;
/// Cameras that one search finds in one way.
const FOUND_MAX: usize = 128;

/// What a search found: each camera once, in the order of their addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// By ONVIF.
    pub onvif: Vec<discovery::Found>,
    /// By mDNS alone.
    pub mdns: Vec<mdns::Found>,
}

/// Every camera that answers. An error only where nothing could be asked.
pub async fn search() -> io::Result<Answered> {
    let end = Instant::now() + WAIT;
    let (mut by_onvif, mut by_mdns) = (JoinSet::new(), JoinSet::new());
    let mut failed = None;
    for from in interfaces::addresses(Path::new("/proc")) {
        match open(from).await {
            Ok(socket) => {
                by_onvif.spawn(ask_onvif(socket, end));
            }
            Err(error) => failed = Some(error),
        }
        match open(from).await {
            Ok(socket) => {
                by_mdns.spawn(ask_mdns(socket, end));
            }
            Err(error) => failed = Some(error),
        }
    }
    if by_onvif.is_empty() && by_mdns.is_empty() {
        return Err(failed.unwrap_or_else(|| io::ErrorKind::NetworkDown.into()));
    }
    Ok(each_once(all(by_onvif).await, all(by_mdns).await))
}

async fn all<T: 'static>(mut asking: JoinSet<Vec<T>>) -> Vec<T> {
    let mut found = Vec::new();
    while let Some(part) = asking.join_next().await {
        found.extend(part.unwrap_or_default());
    }
    found
}

/// A socket that asks from an address of ours, which has the number of its interface beside it.
struct Asking {
    socket: UdpSocket,
    index: u32,
    is_v4: bool,
}

async fn open((address, index): (IpAddr, u32)) -> io::Result<Asking> {
    // Bound to an address, a socket's multicast leaves by that address's interface.
    let from = match address {
        IpAddr::V4(address) => SocketAddr::from((address, 0)),
        IpAddr::V6(address) => SocketAddrV6::new(address, 0, 0, index).into(),
    };
    Ok(Asking { socket: UdpSocket::bind(from).await?, index, is_v4: address.is_ipv4() })
}

impl Asking {
    fn group(&self, v4: Ipv4Addr, v6: Ipv6Addr, port: u16) -> SocketAddr {
        if self.is_v4 { (v4, port).into() } else { SocketAddrV6::new(v6, port, 0, self.index).into() }
    }

    /// Sends what `round` says to `group`, over and over until the time is over, and hands on what comes back.
    async fn until<S>(
        &self,
        end: Instant,
        group: SocketAddr,
        state: &mut S,
        round: impl Fn(&mut S) -> Vec<Vec<u8>>,
        take: impl Fn(&mut S, &[u8], IpAddr),
    ) {
        // A byte more than is looked at: what fills it was longer.
        let mut bytes = vec![0u8; discovery::ANSWER_BYTES_MAX.max(mdns::ANSWER_BYTES_MAX) + 1];
        let mut again = Instant::now();
        for _ in 0..ANSWERS_MAX {
            if Instant::now() >= again {
                for question in round(state) {
                    let _ = self.socket.send_to(&question, group).await;
                }
                again += AGAIN;
            }
            match timeout_at(again.min(end), self.socket.recv_from(&mut bytes)).await {
                Ok(Ok((length, sender))) => take(state, &bytes[..length], sender.ip()),
                Ok(Err(error)) => tracing::debug!(%error, "an answer could not be read"),
                Err(_) if Instant::now() >= end => break,
                Err(_) => {}
            }
        }
    }
}

async fn ask_onvif(asking: Asking, end: Instant) -> Vec<discovery::Found> {
    let questions = [Kind::Transmitter, Kind::Device].map(|kind| {
        let id = uuid::Uuid::new_v4().to_string();
        (probe(&id, kind), id)
    });
    let ours = |id: &str| questions.iter().any(|(_, question)| question == id);
    let group = asking.group(discovery::GROUP_V4, discovery::GROUP_V6, discovery::PORT);
    let round = |_: &mut Vec<_>| questions.iter().map(|(question, _)| question.clone().into_bytes()).collect();
    let mut found = Vec::new();
    let take = |found: &mut Vec<_>, bytes: &[u8], sender| found.extend(answer(bytes, sender, ours));
    asking.until(end, group, &mut found, round, take).await;
    found
}

async fn ask_mdns(asking: Asking, end: Instant) -> Vec<mdns::Found> {
    let (_, id) = uuid::Uuid::new_v4().as_u64_pair();
    let group = asking.group(mdns::GROUP_V4, mdns::GROUP_V6, mdns::PORT);
    let mut search = mdns::Search::new(id as u16);
    asking.until(end, group, &mut search, mdns::Search::round, mdns::Search::take).await;
    search.found()
}

/// Each camera once, though it answers each question on each address and in both ways: ONVIF tells more and counts.
fn each_once(onvif: Vec<discovery::Found>, mdns: Vec<mdns::Found>) -> Answered {
    let mut once: BTreeMap<(String, String), discovery::Found> = BTreeMap::new();
    for one in onvif {
        let place = (one.endpoint.clone(), one.device.host().to_owned());
        once.entry(place).or_insert(one);
    }
    let mut onvif: Vec<_> = once.into_values().collect();
    onvif.sort_by_key(|one| (one.device.address(), one.device.authority()));
    onvif.truncate(FOUND_MAX);

    let known: BTreeSet<IpAddr> = onvif.iter().filter_map(|one| one.device.address()).collect();
    let mut mdns = by_one_address(mdns);
    // What a machine says of its other addresses takes nobody off the list but itself.
    mdns.retain(|one| one.addresses.iter().all(|address| !known.contains(address)));
    mdns.truncate(FOUND_MAX);
    Answered { onvif, mdns }
}

/// Each announced stream once, in the order of their addresses: one that is told by IPv4 and by IPv6 counts by IPv4.
fn by_one_address(mut found: Vec<mdns::Found>) -> Vec<mdns::Found> {
    found.sort_by_cached_key(|one| (one.stream.address(), one.stream.text_of("rtsp")));
    let mut once: Vec<mdns::Found> = Vec::new();
    for one in found {
        let twin = |known: &mdns::Found| {
            let known_there = one.stream.address().is_some_and(|own| known.addresses.contains(&own));
            one.stream == known.stream || one.endpoint == known.endpoint && known_there
        };
        if !once.iter().any(twin) {
            once.push(one);
        }
    }
    once
}

#[cfg(test)]
mod tests;
