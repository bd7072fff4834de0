//! Which elements decode a stream, by its caps.

use automation::arrivals::Track;
use gstreamer as gst;

/// The elements from a stream to raw pictures or sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) track: Track,
    /// What people call it.
    pub(super) name: &'static str,
    /// Takes it out of its packets, where it comes in such.
    pub(super) unpack: Option<&'static str>,
    /// Finds its pictures or frames, their time and their size.
    pub(super) parse: &'static str,
    /// Decodes it; none where it is raw.
    pub(super) decode: Option<&'static str>,
}

/// A stream that cannot be decoded here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    /// What it carries, where that is known.
    pub(super) track: Option<Track>,
    /// Its format, as the far side names it.
    pub(super) format: String,
}

/// The way of a stream.
pub(super) fn way(caps: &gst::CapsRef) -> Result<Way, Unknown> {
    let unknown = |track, format: &str| Unknown { track, format: format.to_owned() };
    let Some(structure) = caps.structure(0) else { return Err(unknown(None, "nothing")) };
    let name = structure.name().as_str();
    if name == "application/x-rtp" {
        let encoding = structure.get::<&str>("encoding-name").unwrap_or_default();
        let track = match structure.get::<&str>("media").unwrap_or_default() {
            "video" => Some(Track::Pictures),
            "audio" => Some(Track::Sound),
            _ => None,
        };
        return packed(track, encoding).ok_or_else(|| unknown(track, encoding));
    }
    plain(name, mpegversion(structure)).ok_or_else(|| {
        let said = UNKNOWN.iter().find(|(caps, _)| *caps == name).map_or(name, |(_, said)| said);
        let track = match name.split('/').next() {
            Some("video" | "image") => Some(Track::Pictures),
            Some("audio") => Some(Track::Sound),
            _ => None,
        };
        unknown(track, said)
    })
}

/// The version of MPEG in a stream's caps; one of several, where a parser has not seen its first data yet: those that one
/// parser names all go the same way.
fn mpegversion(structure: &gst::StructureRef) -> i32 {
    let of_list = || structure.get::<gst::List>("mpegversion").ok()?.iter().find_map(|one| one.get::<i32>().ok());
    let of_range = || Some(structure.get::<gst::IntRange<i32>>("mpegversion").ok()?.min());
    structure.get::<i32>("mpegversion").ok().or_else(of_list).or_else(of_range).unwrap_or_default()
}

/// Formats that cannot be decoded here, or not in time, as people call them.
const UNKNOWN: [(&str, &str); 9] = [
    ("video/x-av1", "AV1"),
    ("video/x-vp8", "VP8"),
    ("video/x-vp9", "VP9"),
    ("video/x-h266", "H.266"),
    ("video/x-prores", "ProRes"),
    ("image/x-jxsc", "JPEG XS"),
    ("image/x-jpc", "JPEG 2000"),
    ("audio/x-vorbis", "Vorbis"),
    ("audio/x-eac3", "Dolby Digital Plus"),
];

const fn pictures(name: &'static str, parse: &'static str, decode: &'static str) -> Way {
    Way { track: Track::Pictures, name, unpack: None, parse, decode: Some(decode) }
}

const fn sound(name: &'static str, parse: &'static str, decode: &'static str) -> Way {
    Way { track: Track::Sound, name, unpack: None, parse, decode: Some(decode) }
}

const fn raw(track: Track, name: &'static str) -> Way {
    Way { track, name, unpack: None, parse: "identity", decode: None }
}

fn plain(name: &str, mpegversion: i32) -> Option<Way> {
    Some(match (name, mpegversion) {
        ("video/x-h264", _) => pictures("H.264", "h264parse", "avdec_h264"),
        ("video/x-h265", _) => pictures("H.265", "h265parse", "avdec_h265"),
        ("video/mpeg", 1 | 2) => pictures("MPEG-1/2", "mpegvideoparse", "avdec_mpeg2video"),
        ("image/jpeg", _) => pictures("JPEG", "identity", "jpegdec"),
        ("video/x-raw", _) => raw(Track::Pictures, "uncompressed pictures"),
        ("audio/mpeg", 2 | 4) => sound("AAC", "aacparse", "avdec_aac"),
        ("audio/mpeg", 1) => sound("MPEG audio", "mpegaudioparse", "mpg123audiodec"),
        ("audio/x-ac3", _) => sound("Dolby Digital", "ac3parse", "avdec_ac3"),
        ("audio/x-opus", _) => sound("Opus", "identity", "opusdec"),
        ("audio/x-mulaw", _) => sound("G.711", "identity", "mulawdec"),
        ("audio/x-alaw", _) => sound("G.711", "identity", "alawdec"),
        ("audio/x-raw", _) => raw(Track::Sound, "uncompressed sound"),
        _ => return None,
    })
}

/// RTP, by the encoding names that IANA registers.
fn packed(track: Option<Track>, encoding: &str) -> Option<Way> {
    let (unpack, (name, mpegversion)) = match encoding {
        "H264" => ("rtph264depay", ("video/x-h264", 0)),
        "H265" => ("rtph265depay", ("video/x-h265", 0)),
        "JPEG" => ("rtpjpegdepay", ("image/jpeg", 0)),
        "MPEG4-GENERIC" => ("rtpmp4gdepay", ("audio/mpeg", 4)),
        "MP4A-LATM" => ("rtpmp4adepay", ("audio/mpeg", 4)),
        "MPA" => ("rtpmpadepay", ("audio/mpeg", 1)),
        "AC3" => ("rtpac3depay", ("audio/x-ac3", 0)),
        "OPUS" => ("rtpopusdepay", ("audio/x-opus", 0)),
        "PCMU" => ("rtppcmudepay", ("audio/x-mulaw", 0)),
        "PCMA" => ("rtppcmadepay", ("audio/x-alaw", 0)),
        "L16" => ("rtpL16depay", ("audio/x-raw", 0)),
        _ => return None,
    };
    let way = plain(name, mpegversion).filter(|way| Some(way.track) == track)?;
    Some(Way { unpack: Some(unpack), ..way })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gstreamer::prelude::*;

    fn found(caps: &str) -> Result<Way, Unknown> {
        gst::init().unwrap();
        way(&caps.parse::<gst::Caps>().unwrap())
    }

    #[test]
    fn every_element_of_every_way_is_installed() {
        gst::init().unwrap();
        let rtp = ["H264", "H265", "JPEG", "MPEG4-GENERIC", "MP4A-LATM", "MPA", "AC3", "OPUS", "PCMU", "PCMA", "L16"];
        let plainly = [
            "video/x-h264",
            "video/x-h265",
            "video/mpeg,mpegversion=2",
            "image/jpeg",
            "video/x-raw",
            "audio/mpeg,mpegversion=4",
            "audio/mpeg,mpegversion=1",
            // Not settled yet.
            "audio/mpeg,framed=true,mpegversion={2,4},stream-format={raw,adts}",
            "video/mpeg,mpegversion=[1,2]",
            "audio/x-ac3",
            "audio/x-opus",
            "audio/x-mulaw",
            "audio/x-alaw",
            "audio/x-raw",
        ];
        let of_rtp = rtp.iter().map(|name| {
            let media = if ["H264", "H265", "JPEG"].contains(name) { "video" } else { "audio" };
            format!("application/x-rtp,media={media},encoding-name={name}")
        });
        for caps in of_rtp.chain(plainly.map(str::to_owned)) {
            let way = found(&caps).unwrap_or_else(|unknown| panic!("{caps}: {unknown:?}"));
            for name in way.unpack.iter().chain([&way.parse]).chain(way.decode.iter()) {
                assert!(gst::ElementFactory::find(name).is_some(), "{caps} needs {name}");
            }
            // The stream's caps fit the first element.
            let first = gst::ElementFactory::make(way.unpack.unwrap_or(way.parse)).build().unwrap();
            let pad = first.static_pad("sink").unwrap();
            assert!(pad.query_caps(None).can_intersect(&caps.parse::<gst::Caps>().unwrap()), "{caps}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_named() {
        for (caps, track, format) in [
            ("application/x-rtp,media=video,encoding-name=VP8", Some(Track::Pictures), "VP8"),
            ("application/x-rtp,media=application,encoding-name=VND.ONVIF.METADATA", None, "VND.ONVIF.METADATA"),
            ("video/x-flash-video", Some(Track::Pictures), "video/x-flash-video"),
            ("video/x-av1", Some(Track::Pictures), "AV1"),
            ("image/x-jxsc", Some(Track::Pictures), "JPEG XS"),
            ("audio/x-speex", Some(Track::Sound), "audio/x-speex"),
            ("text/x-raw", None, "text/x-raw"),
        ] {
            assert_eq!(found(caps), Err(Unknown { track, format: format.into() }));
        }
    }
}
