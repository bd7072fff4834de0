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
/// The one codec that is taken.
const HEVC: &[u8; 4] = b"hvc1";

/// Whether a publisher's pictures can be decoded here: a fault where they cannot.
pub(super) fn check(content: &Content) -> Result<(), Fault> {
    let fault =
        |text: String, remedy: &str| Err(Fault::new(Code::SourceUnsupported, "").with_text(text).with_remedy(remedy));
    match content {
        Content::Pictures { codec, .. } if codec == HEVC => Ok(()),
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
}

impl Enhanced {
    /// Takes bytes of its FLV. Waits where a decoder is behind.
    pub(super) fn take(&mut self, this: &Arc<Try>, bytes: &[u8]) -> Result<(), Fault> {
        self.reader.push(bytes);
        while let Some(Tag { at_ms, content }) = self.reader.next() {
            check(&content)?;
            match content {
                Content::Pictures { part: Part::Header(header), .. } => {
                    let caps = gst::Caps::builder("video/x-h265")
                        .field("stream-format", "hvc1")
                        .field("alignment", "au")
                        .field("codec_data", gst::Buffer::from_slice(header))
                        .build();
                    head(this, &mut self.pictures, caps)?;
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

    /// AAC as FLV always had it (`AACAUDIODATA`); OBS and ffmpeg send it so beside HEVC too.
    fn take_sound(&mut self, this: &Arc<Try>, at_ms: u32, body: &[u8]) -> Result<(), Fault> {
        const AAC: u8 = 10;
        match body {
            [first, 0, config @ ..] if first >> 4 == AAC => {
                let caps = gst::Caps::builder("audio/mpeg")
                    .field("mpegversion", 4i32)
                    .field("stream-format", "raw")
                    .field("codec_data", gst::Buffer::from_slice(config.to_vec()))
                    .build();
                head(this, &mut self.sound, caps)
            }
            [first, _, data @ ..] if first >> 4 == AAC => put(&self.sound, at_ms, 0, true, data.to_vec()),
            _ => Ok(()),
        }
    }
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
    chain::attach(this, &source.static_pad("src").expect("a source has one"));
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
