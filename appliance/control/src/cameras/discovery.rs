//! Asks the network which cameras there are: from every address of ours, by multicast, for a bounded time, and takes a
//! bounded number of answers.

use super::interfaces;
use camera::discovery::{ANSWER_BYTES_MAX, Found, Kind, answer, probe};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// How long answers are waited for: cameras answer within half a second by the specification, slow ones within two.
const WAIT: Duration = Duration::from_millis(2500);
/// The question is asked anew after so long: datagrams get lost.
const AGAIN: Duration = Duration::from_millis(700);
/// Answers that are looked at on one address of ours.
const ANSWERS_MAX: usize = 512;
/// Cameras that one search finds.
const FOUND_MAX: usize = 128;

/// Every camera that answers, each once, in the order of their addresses. An error only where nothing could be asked.
pub async fn search() -> io::Result<Arc<[Found]>> {
    let end = Instant::now() + WAIT;
    let mut asking = tokio::task::JoinSet::new();
    let mut failed = None;
    for (address, index) in interfaces::addresses(Path::new("/proc")) {
        match open(address, index).await {
            Ok(socket) => {
                asking.spawn(ask(socket, interfaces::group(address, index), end));
            }
            Err(error) => failed = Some(error),
        }
    }
    if asking.is_empty() {
        return Err(failed.unwrap_or_else(|| io::ErrorKind::NetworkDown.into()));
    }
    let mut found = Vec::new();
    while let Some(part) = asking.join_next().await {
        found.extend(part.unwrap_or_default());
    }
    Ok(each_once(found).into())
}

async fn open(address: IpAddr, index: u32) -> io::Result<UdpSocket> {
    // Bound to an address, a socket's multicast leaves by that address's interface.
    let from = match address {
        IpAddr::V4(address) => SocketAddr::from((address, 0)),
        IpAddr::V6(address) => std::net::SocketAddrV6::new(address, 0, 0, index).into(),
    };
    UdpSocket::bind(from).await
}

/// Asks from one address until the time is over.
async fn ask(socket: UdpSocket, group: SocketAddr, end: Instant) -> Vec<Found> {
    let questions = [Kind::Transmitter, Kind::Device].map(|kind| {
        let id = uuid::Uuid::new_v4().to_string();
        (probe(&id, kind), id)
    });
    let mut found = Vec::new();
    let mut bytes = vec![0u8; ANSWER_BYTES_MAX];
    let mut again = Instant::now();
    for _ in 0..ANSWERS_MAX {
        if Instant::now() >= again {
            for (question, _) in &questions {
                let _ = socket.send_to(question.as_bytes(), group).await;
            }
            again += AGAIN;
        }
        match timeout_at(again.min(end), socket.recv_from(&mut bytes)).await {
            Ok(Ok((length, sender))) => {
                let ours = |id: &str| questions.iter().any(|(_, question)| question == id);
                found.extend(answer(&bytes[..length], sender.ip(), ours));
            }
            Ok(Err(error)) => tracing::debug!(%error, "an answer could not be read"),
            Err(_) if Instant::now() >= end => break,
            Err(_) => {}
        }
    }
    found
}

/// Each camera once, though it answers each question on each address: the first address by order counts.
fn each_once(found: Vec<Found>) -> Vec<Found> {
    let mut once: BTreeMap<(String, String), Found> = BTreeMap::new();
    for one in found {
        let place = (one.endpoint.clone(), one.device.host().to_owned());
        once.entry(place).or_insert(one);
    }
    let mut all: Vec<Found> = once.into_values().collect();
    all.sort_by_key(|one| (one.device.address(), one.device.authority()));
    all.truncate(FOUND_MAX);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use camera::Url;

    #[test]
    fn a_camera_that_answers_often_is_found_once() {
        let one = |endpoint: &str, host: &str| Found {
            endpoint: endpoint.into(),
            device: Url::of_person(host).unwrap(),
            name: String::new(),
            model: String::new(),
        };
        let found = vec![one("b", "192.0.2.10"), one("a", "192.0.2.9"), one("b", "192.0.2.10"), one("a", "192.0.2.11")];
        let hosts: Vec<_> = each_once(found).iter().map(|one| one.device.host().to_owned()).collect();
        assert_eq!(hosts, ["192.0.2.9", "192.0.2.10", "192.0.2.11"]);
        let many = (0..999).map(|n| one(&n.to_string(), "192.0.2.9")).collect();
        assert_eq!(each_once(many).len(), FOUND_MAX);
    }
}
