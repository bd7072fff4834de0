//! Everything that making a source of a camera needs, asked in one go.

use super::media::MediaServices;
use super::{DEVICE, MEDIA, MEDIA2, PTZ, Profile, Session, choose};
use crate::xml::{self, TEXT_CHARS_MAX};
use crate::{CameraError, Credentials, Url, tame};
use roxmltree::{Document, Node};

/// What a camera says of itself (Core 8.3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Information {
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its firmware.
    pub firmware: String,
    /// Its serial number.
    pub serial: String,
}

/// Where a camera is told to move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PtzService {
    /// Address of the PTZ service.
    pub service: Url,
    /// The profile whose head moves.
    pub profile: String,
}

/// A camera that can be made a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The device service that answered.
    pub device: Url,
    /// What it says of itself.
    pub information: Information,
    /// Its hardware address, `aa:bb:cc:dd:ee:ff`, where it tells.
    pub mac: Option<String>,
    /// Every profile.
    pub profiles: Vec<Profile>,
    /// The one that fits best.
    pub chosen: Profile,
    /// `rtsp://…` of the chosen profile, at the host that was asked.
    pub stream: String,
    /// Where a picture of it is.
    pub snapshot: Option<Url>,
    /// How it is moved, where it can be.
    pub ptz: Option<PtzService>,
    /// Its clock less ours, milliseconds.
    pub skew_ms: i64,
}

/// Asks a camera what it is, and chooses the profile that fits best. `profile` is one that was chosen before: while the
/// camera still has it, it stays.
pub fn describe(device: &Url, credentials: &Credentials, profile: Option<&str>) -> Result<Description, CameraError> {
    let mut session = Session::new(device.clone(), credentials.clone());
    let services = services(&mut session)?;
    let information = session.ask(device, DEVICE, "GetDeviceInformation", "", |document| Ok(information(document)))?;
    let mac = session.ask(device, DEVICE, "GetNetworkInterfaces", "", |document| Ok(mac(document))).unwrap_or_default();
    let (from, profiles) = services.media.profiles(&mut session)?;
    let before = profile.and_then(|token| profiles.iter().find(|profile| profile.token == token));
    let chosen = before.or_else(|| choose(&profiles)).ok_or_else(|| none_fits(&profiles))?.clone();
    let stream = services.media.stream(&mut session, from, &chosen.token)?;
    let snapshot = services.media.snapshot(&mut session, from, &chosen.token);
    let ptz = services.ptz.filter(|_| chosen.ptz);
    Ok(Description {
        information,
        mac,
        stream: stream.at_host_of(device).text_of("rtsp"),
        snapshot: snapshot.map(|url| url.at_host_of(device)),
        ptz: ptz.map(|service| PtzService { service, profile: chosen.token.clone() }),
        chosen,
        profiles,
        skew_ms: session.skew.map_or(0, |(skew, _)| skew),
        device: device.clone(),
    })
}

fn none_fits(profiles: &[Profile]) -> CameraError {
    let mut kinds: Vec<&str> = profiles.iter().map(|p| p.encoding.as_str()).filter(|kind| !kind.is_empty()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    CameraError::Unsupported(match kinds.is_empty() {
        true => "it offers no video".into(),
        false => format!("it offers neither H.264, H.265 nor JPEG, only {}", tame(&kinds.join(", "), 60)),
    })
}

struct Services {
    media: MediaServices,
    ptz: Option<Url>,
}

/// The services of a camera: by `GetServices` (Core 8.1.2.1), or by `GetCapabilities`, which old ones have only.
fn services(session: &mut Session) -> Result<Services, CameraError> {
    let device = session.device.clone();
    let inner = "<IncludeCapability>false</IncludeCapability>";
    let by_services = session.ask(&device, DEVICE, "GetServices", inner, |document| Ok(by_services(document, &device)));
    let found = match by_services {
        Ok(services) if services.media.media.is_some() || services.media.media2.is_some() => return Ok(services),
        Err(error @ (CameraError::Unreachable(_) | CameraError::Silent | CameraError::Refused)) => return Err(error),
        found => found,
    };
    let inner = "<Category>All</Category>";
    let old = session.ask(&device, DEVICE, "GetCapabilities", inner, |document| Ok(by_capabilities(document, &device)));
    // Where neither is understood, the first answer says best what is wrong.
    match (old, found) {
        (Ok(services), _) => Ok(services),
        (Err(_), Err(first)) => Err(first),
        (Err(error), Ok(_)) => Err(error),
    }
}

/// An address that the camera gave: its path and port count, and the host stays the one that was asked (it may be
/// another than the camera knows of, and must never become one that a camera chooses).
fn ours(text: Option<&str>, device: &Url) -> Option<Url> {
    Url::parse(text?).ok().map(|url| url.at_host_of(device))
}

fn by_services(document: &Document<'_>, device: &Url) -> Services {
    let find = |namespace: &str| {
        let mut all = xml::all(document.root(), "Service");
        let service = all.find(|service| xml::text(*service, "Namespace") == Some(namespace))?;
        ours(xml::text(service, "XAddr"), device)
    };
    Services { media: MediaServices { media2: find(MEDIA2), media: find(MEDIA) }, ptz: find(PTZ) }
}

fn by_capabilities(document: &Document<'_>, device: &Url) -> Services {
    let find = |name| ours(xml::text(xml::first(document.root(), name)?, "XAddr"), device);
    Services { media: MediaServices { media2: find("Media2"), media: find("Media") }, ptz: find("PTZ") }
}

fn information(document: &Document<'_>) -> Information {
    let field = |name| tame(xml::text(document.root(), name).unwrap_or_default(), TEXT_CHARS_MAX);
    Information {
        manufacturer: field("Manufacturer"),
        model: field("Model"),
        firmware: field("FirmwareVersion"),
        serial: field("SerialNumber"),
    }
}

/// The hardware address of the first interface that has one.
fn mac(document: &Document<'_>) -> Option<String> {
    xml::all(document.root(), "HwAddress").filter_map(|node: Node<'_, '_>| mac_of(node.text()?)).next()
}

/// A hardware address in one way of writing: `aa:bb:cc:dd:ee:ff`. None where it is none, or all zero.
pub fn mac_of(text: &str) -> Option<String> {
    let digits: String = text.trim().chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    let sound =
        digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit()) && digits.bytes().any(|b| b != b'0');
    let pairs = || digits.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_ascii_lowercase());
    sound.then(|| pairs().collect::<Vec<_>>().join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_are_written_one_way() {
        for text in ["00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7", "001b.4411.3ab7", " 001B44113AB7 "] {
            assert_eq!(mac_of(text).as_deref(), Some("00:1b:44:11:3a:b7"));
        }
        for text in ["", "00:00:00:00:00:00", "00:1b:44:11:3a", "zz:1b:44:11:3a:b7"] {
            assert_eq!(mac_of(text), None);
        }
    }

    #[test]
    fn a_camera_cannot_send_us_to_another_host() {
        let device = Url::parse("http://192.0.2.7:8000/onvif/device_service").unwrap();
        let text = format!(
            "<r><Service><Namespace>{MEDIA}</Namespace><XAddr>http://127.0.0.1:22/media</XAddr></Service>\
             <Service><Namespace>{PTZ}</Namespace><XAddr>file:///etc/passwd</XAddr></Service></r>"
        );
        let services = by_services(&xml::parse(&text).unwrap(), &device);
        assert_eq!(services.media.media.unwrap().to_string(), "http://192.0.2.7:22/media");
        assert_eq!((services.media.media2, services.ptz), (None, None));
    }
}
