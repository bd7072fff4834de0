//! Profiles of a camera, and which of them fits.

use super::{MEDIA, MEDIA2, SCHEMA, Session};
use crate::xml::{self, TEXT_CHARS_MAX, escape};
use crate::{CameraError, Credentials, Url, tame};
use roxmltree::Node;

/// Profiles of one camera that are looked at; recorders have some dozens.
const PROFILES_MAX: usize = 256;
/// The largest picture that is chosen while a smaller one is offered: more than the house format would be thrown away.
const PICTURE_MAX: (u32, u32) = (1920, 1080);

/// One way in which a camera sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// By which the camera knows it.
    pub token: String,
    /// Its name.
    pub name: String,
    /// How its video is encoded, for example `H264`; empty where it has none.
    pub encoding: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures a second; 0 where the camera does not say.
    pub fps: f32,
    /// Whether it can be moved.
    pub ptz: bool,
}

impl Profile {
    /// How gladly its encoding is taken: H.264 rather than H.265, which a board has to decode with more work, and that
    /// rather than JPEG, which takes more of the network. None where it cannot be shown.
    fn taken(&self) -> Option<u8> {
        let encoding = self.encoding.to_ascii_uppercase();
        match () {
            () if encoding.contains("264") => Some(2),
            () if encoding.contains("265") || encoding.contains("HEVC") => Some(1),
            () if encoding.contains("JPEG") => Some(0),
            () => None,
        }
    }

    fn fits(&self) -> bool {
        self.width <= PICTURE_MAX.0 && self.height <= PICTURE_MAX.1
    }

    fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// The profile that fits best: of the encoding that is taken most gladly, the largest up to 1920 × 1080, there the
/// fastest; where all are larger, the smallest. The camera's own order decides between equals. None where none can be shown.
pub fn choose(profiles: &[Profile]) -> Option<&Profile> {
    let best = profiles.iter().filter_map(Profile::taken).max()?;
    let taken = profiles.iter().filter(|profile| profile.taken() == Some(best));
    taken.reduce(|best, next| {
        let better = match (best.fits(), next.fits()) {
            (true, true) => (next.pixels(), next.fps) > (best.pixels(), best.fps),
            (false, false) => next.pixels() < best.pixels(),
            (best_fits, next_fits) => next_fits && !best_fits,
        };
        if better { next } else { best }
    })
}

/// Where a camera tells of its media, by the newer service or the older.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MediaServices {
    pub(super) media2: Option<Url>,
    pub(super) media: Option<Url>,
}

/// Which service a profile comes from: its token is good there only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    Media2,
    Media,
}

impl MediaServices {
    pub(super) fn profiles(&self, session: &mut Session) -> Result<(Generation, Vec<Profile>), CameraError> {
        if let Some(url) = &self.media2 {
            let inner = "<Type>VideoEncoder</Type><Type>PTZ</Type>";
            let read = session.ask(url, MEDIA2, "GetProfiles", inner, |document| Ok(profiles(document.root())));
            match read {
                Ok(profiles) if !profiles.is_empty() => return Ok((Generation::Media2, profiles)),
                Err(error @ (CameraError::Unreachable(_) | CameraError::Silent | CameraError::Refused)) => {
                    return Err(error);
                }
                // Announced and not there, as some have it: the older service is asked.
                _ => {}
            }
        }
        let missing = || CameraError::Unsupported("it has no media service".into());
        let url = self.media.as_ref().ok_or_else(missing)?;
        let found = session.ask(url, MEDIA, "GetProfiles", "", |document| Ok(profiles(document.root())))?;
        Ok((Generation::Media, found))
    }

    /// Address of a profile's stream, as the camera says it.
    pub(super) fn stream(&self, session: &mut Session, from: Generation, token: &str) -> Result<Url, CameraError> {
        let token = escape(token);
        let (url, service, inner) = match from {
            Generation::Media2 => {
                (&self.media2, MEDIA2, format!("<Protocol>RTSP</Protocol><ProfileToken>{token}</ProfileToken>"))
            }
            Generation::Media => {
                let setup = format!(
                    "<StreamSetup><Stream xmlns=\"{SCHEMA}\">RTP-Unicast</Stream><Transport xmlns=\"{SCHEMA}\">\
                     <Protocol>RTSP</Protocol></Transport></StreamSetup>"
                );
                (&self.media, MEDIA, format!("{setup}<ProfileToken>{token}</ProfileToken>"))
            }
        };
        let url = url.as_ref().ok_or_else(|| CameraError::Unsupported("it has no media service".into()))?;
        let text = session.ask(url, service, "GetStreamUri", &inner, |document| {
            let text = xml::text(document.root(), "Uri").map(str::to_owned);
            text.ok_or_else(|| CameraError::NotUnderstood("the address of its stream is missing".into()))
        })?;
        let wrong = |bad| CameraError::NotUnderstood(format!("the address of its stream is wrong: {bad}"));
        Url::of_scheme(&without_credentials(&text, session.http.credentials()), "rtsp://", 554).map_err(wrong)
    }

    /// Address of a picture of a profile, where the camera gives one.
    pub(super) fn snapshot(&self, session: &mut Session, from: Generation, token: &str) -> Option<Url> {
        let inner = format!("<ProfileToken>{}</ProfileToken>", escape(token));
        let (url, service) = match from {
            Generation::Media2 => (self.media2.as_ref()?, MEDIA2),
            Generation::Media => (self.media.as_ref()?, MEDIA),
        };
        let take = |document: &roxmltree::Document<'_>| Ok(xml::text(document.root(), "Uri").map(str::to_owned));
        let text = session.ask(url, service, "GetSnapshotUri", &inner, take).ok()??;
        Url::parse(&without_credentials(&text, session.http.credentials())).ok()
    }
}

/// The address without the sign-in that some cameras put in: `user:password@`, and fields of the query that hold the
/// password known, with those that hold the user beside it. Other fields stay as they are.
fn without_credentials(text: &str, known: &Credentials) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let rest = match rest[..end].rfind('@') {
        Some(at) => &rest[at + 1..],
        None => rest,
    };
    let password = known.password.expose();
    let Some((path, query)) = rest.split_once('?').filter(|_| !password.is_empty()) else {
        return format!("{scheme}://{rest}");
    };
    let holds = |field: &str, secret: &str| field.split_once('=').is_some_and(|(_, value)| is_said(value, secret));
    let fields: Vec<&str> = query.split('&').collect();
    if !fields.iter().any(|field| holds(field, password)) {
        return format!("{scheme}://{rest}");
    }
    let ours = |field: &str| holds(field, password) || !known.user.is_empty() && holds(field, &known.user);
    let fields: Vec<&str> = fields.into_iter().filter(|field| !ours(field)).collect();
    match fields.is_empty() {
        true => format!("{scheme}://{path}"),
        false => format!("{scheme}://{path}?{}", fields.join("&")),
    }
}

/// Whether a value of a query says `secret`, in plain or with bytes as `%XX` (RFC 3986, 2.1).
fn is_said(value: &str, secret: &str) -> bool {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).filter(|hex| *first == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    value == secret || bytes == secret.as_bytes()
}

fn profiles(root: Node<'_, '_>) -> Vec<Profile> {
    xml::all(root, "Profiles").filter_map(profile).take(PROFILES_MAX).collect()
}

fn profile(node: Node<'_, '_>) -> Option<Profile> {
    let token = node.attribute("token").filter(|token| !token.is_empty() && tame(token, TEXT_CHARS_MAX) == *token)?;
    let encoder = xml::first(node, "VideoEncoderConfiguration").or_else(|| xml::first(node, "VideoEncoder"));
    let size = encoder.and_then(|encoder| xml::first(encoder, "Resolution"));
    let of_size = |name| size.and_then(|size| xml::number(size, name)).unwrap_or(0);
    let ptz = xml::first(node, "PTZConfiguration").or_else(|| xml::first(node, "PTZ")).is_some();
    let name = node.children().find(|child| child.tag_name().name() == "Name").and_then(|name| name.text());
    Some(Profile {
        token: token.to_owned(),
        name: tame(name.unwrap_or_default(), TEXT_CHARS_MAX),
        encoding: tame(encoder.and_then(|encoder| xml::text(encoder, "Encoding")).unwrap_or_default(), 32),
        width: of_size("Width"),
        height: of_size("Height"),
        fps: encoder.and_then(|encoder| xml::number(encoder, "FrameRateLimit")).unwrap_or(0.0),
        ptz,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use automation::secret::Secret;

    fn offered(text: &str) -> Profile {
        let words: Vec<&str> = text.split(' ').collect();
        let (width, height) = words[1].split_once('x').unwrap();
        Profile {
            token: text.into(),
            name: String::new(),
            encoding: words[0].into(),
            width: width.parse().unwrap(),
            height: height.parse().unwrap(),
            fps: words[2].parse().unwrap(),
            ptz: false,
        }
    }

    #[test]
    fn the_profile_that_fits() {
        let check = |offers: &[&str], expected: Option<&str>| {
            let profiles: Vec<Profile> = offers.iter().map(|text| offered(text)).collect();
            assert_eq!(choose(&profiles).map(|profile| profile.token.as_str()), expected, "{offers:?}");
        };
        check(&[], None);
        check(&["MPEG4 1920x1080 30", " 0x0 0"], None);
        check(&["JPEG 640x480 10", "MPEG4 704x576 25"], Some("JPEG 640x480 10"));
        check(&["JPEG 1920x1080 30", "H265 640x360 15", " 0x0 0"], Some("H265 640x360 15"));
        check(&["H265 3840x2160 25", "HEVC 1920x1080 25"], Some("HEVC 1920x1080 25"));
        check(&["H264 640x360 15", "H264 1920x1080 25", "H264 3840x2160 25"], Some("H264 1920x1080 25"));
        check(&["H264 1920x1080 15", "H264 1920x1080 30"], Some("H264 1920x1080 30"));
        check(&["H264 3840x2160 25", "H264 2560x1440 25"], Some("H264 2560x1440 25"));
        check(&["H265 3840x2160 25", "H264 704x576 25"], Some("H264 704x576 25"));
        check(&["H264 1280x720 30", "H264 1280x720 30"], Some("H264 1280x720 30"));
    }

    #[test]
    fn profiles_of_both_services_are_read() {
        let old = r#"<r xmlns:tt="urn:t"><Profiles token="P1"><tt:Name>Main</tt:Name><VideoSourceConfiguration><Name>x</Name>
            </VideoSourceConfiguration><tt:VideoEncoderConfiguration><tt:Encoding>H264</tt:Encoding><tt:Resolution>
            <tt:Width>1920</tt:Width><tt:Height>1080</tt:Height></tt:Resolution><tt:RateControl><tt:FrameRateLimit>25
            </tt:FrameRateLimit></tt:RateControl></tt:VideoEncoderConfiguration><tt:PTZConfiguration/></Profiles>
            <Profiles token=""/><Profiles token="a&#10;b"/><Profiles/></r>"#;
        let new = r#"<r><Profiles token="P1"><Name>Main</Name><Configurations><VideoEncoder><Encoding>H264</Encoding>
            <Resolution><Width>1920</Width><Height>1080</Height></Resolution><RateControl><FrameRateLimit>25.0
            </FrameRateLimit></RateControl></VideoEncoder><PTZ/></Configurations></Profiles></r>"#;
        let expected = Profile { token: "P1".into(), name: "Main".into(), ptz: true, ..offered("H264 1920x1080 25") };
        for text in [old, new] {
            assert_eq!(profiles(xml::parse(text).unwrap().root()), std::slice::from_ref(&expected));
        }
    }

    #[test]
    fn a_password_in_an_address_is_cut_out() {
        let check = |password: &str, text: &str, expected: &str| {
            let known = Credentials { user: "venue".into(), password: Secret::new(password) };
            assert_eq!(without_credentials(text, &known), expected, "{text}");
        };
        check("", "rtsp://a:b@c/d@e", "rtsp://c/d@e");
        check("", "rtsp://c/d@e", "rtsp://c/d@e");
        check("", "rtsp://a:b@c?x=y@z", "rtsp://c?x=y@z");
        check("", "c", "c");
        check("", "rtsp://c/d?user=venue&password=", "rtsp://c/d?user=venue&password=");
        check("p-27", "rtsp://c/d?user=venue&password=p-27", "rtsp://c/d");
        check("p-27", "rtsp://u:p@c/d?x=1&usr=venue&y&pwd=p-27&z=/?", "rtsp://c/d?x=1&y&z=/?");
        check("p 27", "rtsp://c?pwd=p%2027", "rtsp://c");
        check("p%20", "rtsp://c/d?pwd=p%20", "rtsp://c/d");
        check("ä%", "rtsp://c/d?pwd=%c3%A4%", "rtsp://c/d");
        // Another's, or none: it may be what the camera needs.
        check("p-27", "rtsp://c/d?user=venue&password=p-28", "rtsp://c/d?user=venue&password=p-28");
        check("p-27", "rtsp://c/d?user=venue&token=xyz", "rtsp://c/d?user=venue&token=xyz");
        check("p-27", "rtsp://c/p-27?p-27", "rtsp://c/p-27?p-27");
    }
}
