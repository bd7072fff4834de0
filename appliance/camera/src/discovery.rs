//! The messages of WS-Discovery (OASIS, April 2005, as ONVIF Core 7 uses it): the question that goes to everybody in the
//! network, and what cameras answer. Sending them is their caller's work.

use crate::{Url, tame, xml};
use roxmltree::Node;
use std::net::IpAddr;

/// Where the question goes by IPv4.
pub const GROUP_V4: std::net::Ipv4Addr = std::net::Ipv4Addr::new(239, 255, 255, 250);
/// Where the question goes by IPv6, on one link.
pub const GROUP_V6: std::net::Ipv6Addr = std::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xc);
/// UDP port of both.
pub const PORT: u16 = 3702;
/// Largest answer that is looked at: a datagram.
pub const ANSWER_BYTES_MAX: usize = 16 << 10;

/// Longest identity of a device, characters: `urn:uuid:` and 36 more, with room.
const ENDPOINT_CHARS_MAX: usize = 128;
/// Longest name of a found camera, characters.
const NAME_CHARS_MAX: usize = 64;
/// Addresses and devices in one answer that are looked at.
const MATCHES_MAX: usize = 16;

/// A camera that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its identity: stays when its address changes (WS-Addressing endpoint reference).
    pub endpoint: String,
    /// Its device service, at the address that the answer came from.
    pub device: Url,
    /// Its name, as it says; may be empty.
    pub name: String,
    /// Its model, as it says; may be empty.
    pub model: String,
}

/// The question: "which cameras are there?". `id` is a UUID of this question; `kind` what is looked for. Cameras differ in
/// which of both they answer.
pub fn probe(id: &str, kind: Kind) -> String {
    let types = match kind {
        Kind::Transmitter => "dn:NetworkVideoTransmitter",
        Kind::Device => "tds:Device",
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
         xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\" \
         xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\" xmlns:tds=\"http://www.onvif.org/ver10/device/wsdl\">\
         <s:Header><a:Action s:mustUnderstand=\"1\">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>\
         <a:MessageID>urn:uuid:{id}</a:MessageID><a:ReplyTo>\
         <a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>\
         <a:To s:mustUnderstand=\"1\">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>\
         <s:Body><d:Probe><d:Types>{types}</d:Types></d:Probe></s:Body></s:Envelope>"
    )
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `NetworkVideoTransmitter`, which every camera is (Core 7.3.2.1).
    Transmitter,
    /// `Device`, which every device of ONVIF is.
    Device,
}

/// The cameras of an answer that came from `sender`. `ours` says whether a message's id is one of ours: what answers
/// another question, or none, is not looked at. An address counts only where it is the sender's own: whoever answers
/// cannot send us to another machine.
pub fn answer(bytes: &[u8], sender: IpAddr, ours: impl Fn(&str) -> bool) -> Vec<Found> {
    let text = xml::declared(String::from_utf8_lossy(&bytes[..bytes.len().min(ANSWER_BYTES_MAX)]));
    let Ok(document) = xml::parse(&text) else { return Vec::new() };
    let asked =
        xml::text(document.root(), "RelatesTo").map(|id| id.trim_start_matches("urn:").trim_start_matches("uuid:"));
    if !asked.is_some_and(ours) {
        return Vec::new();
    }
    let matches = xml::all(document.root(), "ProbeMatch").take(MATCHES_MAX);
    matches.filter_map(|node| found(node, sender)).collect()
}

fn found(node: Node<'_, '_>, sender: IpAddr) -> Option<Found> {
    let endpoint = xml::text(xml::first(node, "EndpointReference")?, "Address")?;
    let endpoint = tame(endpoint, ENDPOINT_CHARS_MAX).to_ascii_lowercase();
    let addresses = xml::text(node, "XAddrs")?.split_ascii_whitespace().take(MATCHES_MAX);
    let mut own = addresses.filter_map(|text| Url::parse(text).ok()).filter(|url| url.address() == Some(sender));
    let device = own.next()?;
    let scopes: Vec<&str> = xml::text(node, "Scopes").unwrap_or_default().split_ascii_whitespace().collect();
    let scope = |kind: &str| {
        let found = scopes.iter().find_map(|scope| scope.strip_prefix("onvif://www.onvif.org/")?.strip_prefix(kind));
        tame(&unescape(found.unwrap_or_default()), NAME_CHARS_MAX)
    };
    (!endpoint.is_empty()).then(|| Found { endpoint, device, name: scope("name/"), model: scope("hardware/") })
}

/// Takes `%20` and its like back (RFC 3986, 2.1).
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = |at: usize| after.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn said(relates: &str, matches: &str) -> String {
        format!(
            "<s:E xmlns:s=\"s\" xmlns:a=\"a\" xmlns:d=\"d\"><s:Header><a:RelatesTo>{relates}</a:RelatesTo></s:Header>\
             <s:Body><d:ProbeMatches>{matches}</d:ProbeMatches></s:Body></s:E>"
        )
    }

    fn one(endpoint: &str, scopes: &str, addresses: &str) -> String {
        format!(
            "<d:ProbeMatch><a:EndpointReference><a:Address>{endpoint}</a:Address></a:EndpointReference>\
             <d:Scopes>{scopes}</d:Scopes><d:XAddrs>{addresses}</d:XAddrs></d:ProbeMatch>"
        )
    }

    fn heard(text: &str) -> Vec<Found> {
        answer(text.as_bytes(), SENDER, |id| id == "q1")
    }

    #[test]
    fn cameras_are_read_out_of_an_answer() {
        let scopes = "onvif://www.onvif.org/type/ptz onvif://www.onvif.org/name/Stage%20Left \
                      onvif://www.onvif.org/hardware/Dome-4%0A%1b onvif://www.onvif.org/location/";
        let addresses = "http://[fe80::1]/onvif/device_service http://192.0.2.7:8000/onvif/device_service";
        let expected = Found {
            endpoint: "urn:uuid:aa-1".into(),
            device: Url::parse("http://192.0.2.7:8000/onvif/device_service").unwrap(),
            name: "Stage Left".into(),
            model: "Dome-4".into(),
        };
        let found = heard(&said("urn:uuid:q1", &one("urn:uuid:AA-1", scopes, addresses)));
        assert_eq!(found, std::slice::from_ref(&expected));
        let found = heard(&said("uuid:q1", &one("urn:uuid:AA-1", scopes, addresses).repeat(20)));
        assert_eq!(found, vec![expected; MATCHES_MAX]);
    }

    #[test]
    fn what_answers_another_question_or_names_another_machine_is_nothing() {
        let own = "http://192.0.2.7/onvif/device_service";
        let check = |text: &str| assert_eq!(heard(text), [], "{text}");
        check(&said("urn:uuid:q2", &one("e", "", own)));
        check(&one("e", "", own));
        check(&said("q1", &one("e", "", "http://127.0.0.1/onvif/device_service")));
        check(&said("q1", &one("e", "", "http://cam.local/onvif/device_service https://192.0.2.7/")));
        check(&said("q1", &one("", "", own)));
        check(&said("q1", "<d:ProbeMatch/>"));
        check("\u{0}\u{1}garbage");
        check(&format!("<!DOCTYPE x [<!ENTITY y \"z\">]>{}", said("q1", &one("e", "", own))));
        assert_eq!(heard(&said("q1", &one("e", "", own))).len(), 1);
    }

    #[test]
    fn the_question_is_xml_and_names_itself() {
        for kind in [Kind::Transmitter, Kind::Device] {
            let text = probe("q1", kind);
            let document = xml::parse(&text).unwrap();
            assert_eq!(xml::text(document.root(), "MessageID"), Some("urn:uuid:q1"));
            assert!(xml::text(document.root(), "Types").is_some());
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_is_survived(bytes in proptest::collection::vec(0u8.., 0..300)) {
            answer(&bytes, SENDER, |_| true);
        }
    }
}
