//! A publisher by Enhanced RTMP (Veovera, *Enhanced RTMP v2*), whose pictures GStreamer's own demultiplexer of FLV does not
//! know before 1.28: they are taken out here.

use super::chain;
use super::flv::{Content, Part, Reader, Tag};
use super::live::Try;
use automation::fault::{Code, Fault};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use std::sync::Arc;

/// Bytes of one track that may wait for its decoder: some seconds; beyond, the door's own bound cuts us off.
const WAITING_BYTES_MAX: u64 = 8 << 20;
/// The codecs of pictures that are taken, by the names of the stream and of GStreamer. The door offers the same.
const TAKEN: [(&[u8; 4], &str, &str); 2] = [(b"avc1", "video/x-h264", "avc"), (b"hvc1", "video/x-h265", "hvc1")];

/// Whether a publisher's pictures can be decoded here: a fault where they cannot.
pub(super) fn check(content: &Content) -> Result<(), Fault> {
    let fault =
        |text: String, remedy: &str| Err(Fault::new(Code::SourceUnsupported, "").with_text(text).with_remedy(remedy));
    match content {
        Content::Pictures { codec, .. } if TAKEN.iter().any(|(taken, ..)| *taken == codec) => Ok(()),
        Content::Pictures { codec, .. } => {
            let name = match codec {
                b"av01" => "AV1".to_owned(),
                b"vp08" => "VP8".to_owned(),
                b"vp09" => "VP9".to_owned(),
                b"vvc1" => "H.266".to_owned(),
                other => String::from_utf8_lossy(other).into_owned(),
            };
            let text = format!("The publisher sends {name}, which this box cannot decode in time.");
            fault(text, "Set the encoder in OBS to H.264 or HEVC (H.265), under Settings → Output → Streaming.")
        }
        Content::Multitrack => {
            let text = "The publisher sends several tracks of pictures in one stream.".to_owned();
            fault(text, "Switch off Multitrack Video in OBS, under Settings → Stream.")
        }
        Content::Sound(_) | Content::OldPictures | Content::Other => Ok(()),
    }
}

/// The tracks of one publisher.
#[derive(Debug, Default)]
pub(super) struct Enhanced {
    reader: Reader,
    pictures: Option<gst_app::AppSrc>,
    sound: Option<gst_app::AppSrc>,
    /// It was said that the sound is left out.
    left_out: bool,
}

impl Enhanced {
    /// Takes bytes of its FLV. Waits where a decoder is behind.
    pub(super) fn take(&mut self, this: &Arc<Try>, bytes: &[u8]) -> Result<(), Fault> {
        self.reader.push(bytes);
        while let Some(Tag { at_ms, content }) = self.reader.next() {
            check(&content)?;
            match content {
                Content::Pictures { codec, part: Part::Header(header) } => {
                    if let Some(caps) = picture_caps(&codec, header) {
                        head(this, &mut self.pictures, caps)?;
                    }
                }
                Content::Pictures { part: Part::Picture { keyframe, later_ms, data }, .. } => {
                    put(&self.pictures, at_ms, later_ms, keyframe, data)?;
                }
                Content::Sound(body) => self.take_sound(this, at_ms, &body)?,
                Content::Pictures { .. } | Content::OldPictures | Content::Multitrack | Content::Other => {}
            }
        }
        Ok(())
    }

    fn take_sound(&mut self, this: &Arc<Try>, at_ms: u32, body: &[u8]) -> Result<(), Fault> {
        match sound(body) {
            Sound::Header(caps) => head(this, &mut self.sound, caps),
            Sound::Frame(data) => put(&self.sound, at_ms, 0, true, data.to_vec()),
            Sound::Unknown(format) if !self.left_out => {
                self.left_out = true;
                tracing::info!(source = this.name, stream = "sound", why = format, "a stream is left out");
                Ok(())
            }
            Sound::Unknown(_) | Sound::Nothing => Ok(()),
        }
    }
}

fn picture_caps(codec: &[u8; 4], header: Vec<u8>) -> Option<gst::Caps> {
    let (_, name, form) = TAKEN.into_iter().find(|(taken, ..)| *taken == codec)?;
    let caps = gst::Caps::builder(name).field("stream-format", form).field("alignment", "au");
    Some(caps.field("codec_data", gst::Buffer::from_slice(header)).build())
}

/// What a tag of sound carries.
#[derive(Debug, PartialEq)]
enum Sound<'a> {
    /// What a decoder needs before the first frame, as caps.
    Header(gst::Caps),
    /// A frame.
    Frame(&'a [u8]),
    /// Something in a format that is not taken.
    Unknown(String),
    /// Nothing that is heard.
    Nothing,
}

/// A tag of sound: AAC as FLV always had it (`AACAUDIODATA`), as OBS and ffmpeg send it beside HEVC too; or a codec by four
/// letters (`ExAudioTagHeader`), of which AAC and Opus are taken.
fn sound(body: &[u8]) -> Sound<'_> {
    const AAC: u8 = 10;
    const BY_LETTERS: u8 = 9;
    let Some((first, rest)) = body.split_first() else { return Sound::Nothing };
    match (first >> 4, first & 0x0F, rest) {
        (AAC, _, [0, config @ ..]) => Sound::Header(aac(config)),
        (AAC, _, [_, data @ ..]) => Sound::Frame(data),
        (BY_LETTERS, 0, [b'm', b'p', b'4', b'a', config @ ..]) => Sound::Header(aac(config)),
        (BY_LETTERS, 0, [b'O', b'p', b'u', b's', head @ ..]) => {
            opus(head).map_or_else(|| Sound::Unknown("Opus of more than two channels".into()), Sound::Header)
        }
        (BY_LETTERS, 1, [b'm', b'p', b'4', b'a', data @ ..] | [b'O', b'p', b'u', b's', data @ ..]) => {
            Sound::Frame(data)
        }
        (BY_LETTERS, 0 | 1, [a, b, c, d, ..]) => {
            Sound::Unknown(String::from_utf8_lossy(&[*a, *b, *c, *d]).into_owned())
        }
        (BY_LETTERS, 5, _) => Sound::Unknown("several tracks of sound".into()),
        (BY_LETTERS, ..) | (AAC, ..) => Sound::Nothing,
        (format, ..) => Sound::Unknown(format!("sound of FLV's format {format}")),
    }
}

fn aac(config: &[u8]) -> gst::Caps {
    let caps = gst::Caps::builder("audio/mpeg").field("mpegversion", 4i32).field("stream-format", "raw");
    caps.field("codec_data", gst::Buffer::from_slice(config.to_vec())).build()
}

/// Opus by its identification header (RFC 7845, section 5.1), of one or two channels: mapping family 0.
fn opus(head: &[u8]) -> Option<gst::Caps> {
    let [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', _version, channels @ (1 | 2), _, _, _, _, _, _, _, _, 0, ..] =
        head
    else {
        return None;
    };
    let caps = gst::Caps::builder("audio/x-opus").field("rate", 48_000i32).field("channels", i32::from(*channels));
    let caps = caps.field("channel-mapping-family", 0i32).field("stream-count", 1i32);
    Some(caps.field("coupled-count", i32::from(*channels) - 1).build())
}

/// What a track's decoder needs: begins the track, or goes on with it differently.
fn head(this: &Arc<Try>, track: &mut Option<gst_app::AppSrc>, caps: gst::Caps) -> Result<(), Fault> {
    if let Some(track) = track {
        track.set_caps(Some(&caps));
        return Ok(());
    }
    let source = gst_app::AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .block(true)
        .max_bytes(WAITING_BYTES_MAX)
        .build();
    this.pipeline.add(&source).map_err(chain::internal)?;
    chain::attach_as(this, &source.static_pad("src").expect("a source has one"), &caps);
    source.sync_state_with_parent().map_err(chain::internal)?;
    *track = Some(source);
    Ok(())
}

/// Hands something to a track; what comes before the track's head cannot be decoded.
fn put(track: &Option<gst_app::AppSrc>, at_ms: u32, later_ms: i32, keyframe: bool, data: Vec<u8>) -> Result<(), Fault> {
    let Some(track) = track else { return Ok(()) };
    let mut buffer = gst::Buffer::from_slice(data);
    let fields = buffer.get_mut().expect("nobody else has it yet");
    fields.set_dts(gst::ClockTime::from_mseconds(at_ms.into()));
    fields.set_pts(gst::ClockTime::from_mseconds(u64::from(at_ms).saturating_add_signed(later_ms.into())));
    if !keyframe {
        fields.set_flags(gst::BufferFlags::DELTA_UNIT);
    }
    track.push_buffer(buffer).map(|_| ()).map_err(chain::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_decoded_is_taken_and_all_else_is_named() {
        gst::init().unwrap();
        let pictures = |codec: &[u8; 4]| Content::Pictures { codec: *codec, part: Part::Other };
        for (content, want) in [
            (pictures(b"avc1"), Ok(())),
            (pictures(b"hvc1"), Ok(())),
            (pictures(b"av01"), Err("The publisher sends AV1, which this box cannot decode in time.")),
            (pictures(b"xyz1"), Err("The publisher sends xyz1, which this box cannot decode in time.")),
            (Content::Multitrack, Err("The publisher sends several tracks of pictures in one stream.")),
            (Content::OldPictures, Ok(())),
        ] {
            assert_eq!(check(&content).map_err(|fault| fault.text), want.map_err(str::to_owned), "{content:?}");
        }
        for (codec, want) in [(b"avc1", "video/x-h264"), (b"hvc1", "video/x-h265")] {
            let caps = picture_caps(codec, b"HEAD".to_vec()).unwrap();
            assert_eq!(caps.structure(0).unwrap().name(), want);
            assert!(super::super::formats::way(&caps).is_ok(), "{caps}");
        }
        assert_eq!(picture_caps(b"av01", Vec::new()), None);
    }

    #[test]
    fn sound_is_taken_or_named() {
        gst::init().unwrap();
        let opus_head = |channels: u8, family: u8| {
            [&b"\x90OpusOpusHead\x01"[..], &[channels, 0x38, 1, 0x80, 0xBB, 0, 0, 0, 0, family]].concat()
        };
        for (body, want) in [
            (b"\xaf\0\x11\x90".to_vec(), "audio/mpeg"),
            (b"\x90mp4a\x11\x90".to_vec(), "audio/mpeg"),
            (opus_head(1, 0), "audio/x-opus"),
            (opus_head(2, 0), "audio/x-opus"),
            (opus_head(6, 1), "Opus of more than two channels"),
            (b"\x90OpusOpusHead".to_vec(), "Opus of more than two channels"),
            (b"\xaf\x01data".to_vec(), "data"),
            (b"\x91mp4adata".to_vec(), "data"),
            (b"\x91Opusdata".to_vec(), "data"),
            (b"\x90fLaCx".to_vec(), "fLaC"),
            (b"\x91ac-3x".to_vec(), "ac-3"),
            (b"\x95\x01mp4a".to_vec(), "several tracks of sound"),
            (b"\x2fx".to_vec(), "sound of FLV's format 2"),
            (b"\x94Opus".to_vec(), ""),
            (b"\xaf".to_vec(), ""),
            (b"".to_vec(), ""),
        ] {
            let read = match sound(&body) {
                Sound::Header(caps) => {
                    assert!(super::super::formats::way(&caps).is_ok(), "{caps}");
                    caps.structure(0).unwrap().name().to_string()
                }
                Sound::Frame(data) => String::from_utf8_lossy(data).into_owned(),
                Sound::Unknown(format) => format,
                Sound::Nothing => String::new(),
            };
            assert_eq!(read, want, "{body:02x?}");
        }
    }
}
