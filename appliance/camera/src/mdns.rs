//! Cameras that announce their stream by DNS-SD (RFC 6763) over multicast DNS (RFC 6762): the questions that go to
//! everybody in the network, and what is learnt from the answers. Sending them is their caller's work.
//!
//! ```text
//! service ──PTR──► instance ──SRV──► port and host ──A, AAAA──► addresses
//!                      └────TXT──► path
//! ```
//! What an answer leaves out is asked for in the next round. Bad input: what answers another question, is too long, has
//! too many records or is no message, is nothing. What one machine says counts for that machine alone: it neither adds to
//! what another has said nor is found unless its host has the very address that it sends from.

use crate::{Url, tame};
use simple_dns::rdata::{RData, TXT};
use simple_dns::{CLASS, Label, Name, Packet, PacketFlag, Question, RCODE, ResourceRecord, TYPE, header_buffer};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Where the questions go by IPv4.
pub const GROUP_V4: std::net::Ipv4Addr = std::net::Ipv4Addr::new(224, 0, 0, 251);
/// Where the questions go by IPv6, on one link.
pub const GROUP_V6: std::net::Ipv6Addr = std::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
/// UDP port of both.
pub const PORT: u16 = 5353;
/// Largest answer that is looked at (RFC 6762, section 17).
pub const ANSWER_BYTES_MAX: usize = 9000;

/// Records of an answer; one that has more is not looked at.
const RECORDS_MAX: usize = 256;
/// Machines that one search listens to.
const SENDERS_MAX: usize = 128;
/// Streams of one machine: recorders announce one for each of their cameras.
const INSTANCES_MAX: usize = 32;
/// Addresses of one host that are kept.
const ADDRESSES_MAX: usize = 16;
/// Questions for what was left out, in one round.
const FURTHER_MAX: usize = 32;
/// Longest identity, characters: a name of DNS has at most 255 bytes.
const ENDPOINT_CHARS_MAX: usize = 256;
/// Longest name of a found camera, characters: an instance has at most 63 bytes.
const NAME_CHARS_MAX: usize = 64;
/// Longest name of a host, characters.
const HOST_CHARS_MAX: usize = 64;
/// Where cameras of Axis have their stream unless they are told otherwise (Axis' developer documentation, "RTSP
/// endpoints"): `_axis-video` names the port of their page only.
const AXIS_STREAM: (u16, &str) = (554, "/axis-media/media.amp");

/// A camera that announces its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its identity, `Stage Left._rtsp._tcp.local`: stays when its address changes (RFC 6763, section 4.1).
    pub endpoint: String,
    /// Its name, as it says.
    pub name: String,
    /// Name of its host, `camera-7.local`, as it says.
    pub host: String,
    /// Its stream, at the address that the answer came from. Without a path where it says none.
    pub stream: Url,
    /// The addresses of its host, as it says, the one of `stream` among them.
    pub addresses: Vec<IpAddr>,
}

/// What cameras announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    /// A stream by RTSP.
    Rtsp,
    /// A camera of Axis.
    AxisVideo,
}

impl Service {
    const ALL: [Service; 2] = [Service::Rtsp, Service::AxisVideo];

    fn name(self) -> Name<'static> {
        let service: &[u8] = match self {
            Service::Rtsp => b"_rtsp",
            Service::AxisVideo => b"_axis-video",
        };
        Name::new_with_labels(&[service, b"_tcp", b"local"].map(Label::new_unchecked))
    }

    /// Whether `name` is an instance of it: one label more.
    fn has(self, name: &Name<'_>) -> bool {
        let service = self.name();
        name.is_subdomain_of(&service) && name.get_labels().len() == service.get_labels().len() + 1
    }
}

/// A search from one address of ours.
#[derive(Debug)]
pub struct Search {
    id: u16,
    rounds: u32,
    told: BTreeMap<IpAddr, Told>,
}

/// What one machine has told.
#[derive(Debug, Default)]
struct Told {
    instances: Vec<Instance>,
    hosts: Vec<(Name<'static>, Vec<IpAddr>)>,
}

#[derive(Debug)]
struct Instance {
    service: Service,
    name: Name<'static>,
    /// Its host and port.
    at: Option<(Name<'static>, u16)>,
    /// Its path, where it has said so; empty where there is none.
    path: Option<String>,
}

impl Search {
    /// A search whose questions bear `id`: what bears another is no answer to them.
    pub fn new(id: u16) -> Search {
        Search { id, rounds: 0, told: BTreeMap::new() }
    }

    /// The messages of the next round: "which cameras are there?", and what answers have left out so far. They are those of
    /// a resolver that knows nothing of multicast (RFC 6762, sections 5.1 and 6.7): one question each, from a port of its own,
    /// to which the answers come. Every second round has the bit that asks for that (section 5.4), for cameras that look
    /// at it and not at the port.
    pub fn round(&mut self) -> Vec<Vec<u8>> {
        let bit = self.rounds % 2 == 1;
        self.rounds += 1;
        let services = Service::ALL.into_iter().map(|service| (service.name(), TYPE::PTR));
        let further = self.told.iter().flat_map(|(sender, told)| told.left_out(*sender)).take(FURTHER_MAX);
        let message = |(name, kind): (Name<'_>, TYPE)| {
            let mut packet = Packet::new_query(self.id);
            packet.questions.push(Question::new(name, kind.into(), CLASS::IN.into(), bit));
            packet.build_bytes_vec().ok()
        };
        services.chain(further).filter_map(message).collect()
    }

    /// Takes an answer that came from `sender`.
    pub fn take(&mut self, bytes: &[u8], sender: IpAddr) {
        let Some(packet) = read(bytes, self.id) else { return };
        if !self.told.contains_key(&sender) && self.told.len() >= SENDERS_MAX {
            return;
        }
        let records = packet.answers.iter().chain(&packet.additional_records);
        // What has no time to live is leaving (RFC 6762, section 10.1).
        let records: Vec<_> = records.filter(|record| record.class == CLASS::IN && record.ttl > 0).collect();
        let mut told = self.told.remove(&sender).unwrap_or_default();
        told.take(&records);
        if !told.instances.is_empty() {
            self.told.insert(sender, told);
        }
    }

    /// What was found so far.
    pub fn found(&self) -> Vec<Found> {
        self.told.iter().flat_map(|(sender, told)| told.found(*sender)).collect()
    }
}

/// The message, where it is an answer to questions with `id`.
fn read(bytes: &[u8], id: u16) -> Option<Packet<'_>> {
    // Before anything is read: the parser makes room for as many records as the head speaks of.
    let counts = [
        header_buffer::questions(bytes),
        header_buffer::answers(bytes),
        header_buffer::name_servers(bytes),
        header_buffer::additional_records(bytes),
    ];
    let records = counts.into_iter().try_fold(0, |sum, count| Some(sum + usize::from(count.ok()?)))?;
    if bytes.len() > ANSWER_BYTES_MAX || records > RECORDS_MAX {
        return None;
    }
    let packet = Packet::parse(bytes).ok()?;
    let answers = packet.id() == id && packet.has_flags(PacketFlag::RESPONSE) && packet.rcode() == RCODE::NoError;
    answers.then_some(packet)
}

impl Told {
    /// Takes records, in whichever order they stand: each kind names what the next is about.
    fn take(&mut self, records: &[&ResourceRecord<'_>]) {
        for record in records {
            if let RData::PTR(instance) = &record.rdata {
                self.instance(&record.name, &instance.0);
            }
        }
        for record in records {
            let Some(instance) = self.instances.iter_mut().find(|instance| instance.name == record.name) else {
                continue;
            };
            match &record.rdata {
                RData::SRV(at) => instance.at = Some((at.target.clone().into_owned(), at.port)),
                RData::TXT(text) => instance.path = Some(path(text)),
                _ => {}
            }
        }
        for record in records {
            let address = match &record.rdata {
                RData::A(address) => IpAddr::from(std::net::Ipv4Addr::from(address.address)),
                RData::AAAA(address) => IpAddr::from(std::net::Ipv6Addr::from(address.address)),
                _ => continue,
            };
            self.address(&record.name, address);
        }
    }

    fn instance(&mut self, service: &Name<'_>, name: &Name<'_>) {
        let Some(service) = Service::ALL.into_iter().find(|one| one.name() == *service && one.has(name)) else {
            return;
        };
        if self.instances.len() < INSTANCES_MAX && self.instances.iter().all(|known| known.name != *name) {
            self.instances.push(Instance { service, name: name.clone().into_owned(), at: None, path: None });
        }
    }

    /// Keeps an address of a host that one of the instances is at. So there are no more hosts than instances.
    fn address(&mut self, host: &Name<'_>, address: IpAddr) {
        if !self.instances.iter().any(|instance| instance.at.as_ref().is_some_and(|(name, _)| name == host)) {
            return;
        }
        let at = self.hosts.iter().position(|(name, _)| name == host).unwrap_or_else(|| {
            self.hosts.push((host.clone().into_owned(), Vec::new()));
            self.hosts.len() - 1
        });
        let addresses = &mut self.hosts[at].1;
        if addresses.len() < ADDRESSES_MAX && !addresses.contains(&address) {
            addresses.push(address);
        }
    }

    fn addresses(&self, host: &Name<'_>) -> &[IpAddr] {
        self.hosts.iter().find(|(name, _)| name == host).map_or(&[], |(_, addresses)| addresses)
    }

    /// What is still to be asked, to know what the machine at `sender` has begun to tell.
    fn left_out(&self, sender: IpAddr) -> Vec<(Name<'_>, TYPE)> {
        let mut questions = Vec::new();
        for instance in &self.instances {
            if instance.path.is_none() {
                questions.push((instance.name.clone(), TYPE::TXT));
            }
            match &instance.at {
                None => questions.push((instance.name.clone(), TYPE::SRV)),
                Some((host, _)) => {
                    // Some tell by IPv4 only the addresses of IPv6, and the other way round.
                    if self.addresses(host).iter().all(|address| address.is_ipv4() != sender.is_ipv4()) {
                        questions.push((host.clone(), if sender.is_ipv4() { TYPE::A } else { TYPE::AAAA }));
                    }
                }
            }
        }
        questions
    }

    fn found(&self, sender: IpAddr) -> Vec<Found> {
        let found = |service: Service| {
            let instances = self.instances.iter().filter(move |instance| instance.service == service);
            instances.filter_map(|instance| self.found_of(instance, sender)).collect::<Vec<_>>()
        };
        // A camera that announces its stream by itself knows better where that is.
        let streams = found(Service::Rtsp);
        if streams.is_empty() { found(Service::AxisVideo) } else { streams }
    }

    fn found_of(&self, instance: &Instance, sender: IpAddr) -> Option<Found> {
        let (host, port) = instance.at.as_ref()?;
        let addresses = self.addresses(host);
        if !addresses.contains(&sender) {
            return None;
        }
        let (port, path) = match instance.service {
            Service::Rtsp => (*port, instance.path.as_deref().unwrap_or_default()),
            Service::AxisVideo => AXIS_STREAM,
        };
        let name =
            instance.name.get_labels().first().map(|label| String::from_utf8_lossy(label.as_ref()).into_owned())?;
        Some(Found {
            endpoint: tame(&instance.name.to_string(), ENDPOINT_CHARS_MAX),
            name: tame(&name, NAME_CHARS_MAX),
            host: tame(&host.to_string(), HOST_CHARS_MAX),
            stream: stream(sender, port, path).or_else(|| stream(sender, port, ""))?,
            addresses: addresses.to_vec(),
        })
    }
}

/// The stream at an address; nothing where the port or the path cannot be.
fn stream(address: IpAddr, port: u16, path: &str) -> Option<Url> {
    let text = format!("rtsp://{}/{}", std::net::SocketAddr::new(address, port), path.trim_start_matches('/'));
    Url::of_stream(&text).ok()
}

/// The path in a TXT record (RFC 6763, section 6); empty where it has none. Of several the first counts, in whichever case
/// its key is written (section 6.4).
fn path(text: &TXT<'_>) -> String {
    let path = text.iter_raw().find(|(key, _)| key.eq_ignore_ascii_case(b"path")).and_then(|(_, value)| value);
    String::from_utf8_lossy(path.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests;
