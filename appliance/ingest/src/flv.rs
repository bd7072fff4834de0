//! FLV, as Adobe's *Video File Format Specification 10.1*, annex E, and Veovera's *Enhanced RTMP v2* have it.
//! RTMP carries the bodies of the very same tags, so nothing is re-packed: a header goes before, a length behind.

use bytes::{BufMut as _, Bytes, BytesMut};

/// Largest body that fits the 24 bits of a tag's length.
const BODY_BYTES_MAX: usize = 0xFF_FFFF;

/// What a tag carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// Metadata.
    Script,
}

/// What a tag means for those who join late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// `onMetaData`.
    Metadata,
    /// Codec configuration: without it nothing can be decoded.
    Header,
    /// A picture that needs no other: the place to join.
    Keyframe,
    /// Everything else.
    Other,
}

/// One FLV tag, not yet written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// What it carries.
    pub(crate) kind: Kind,
    /// Milliseconds on the publisher's clock; wraps at 2^32.
    pub(crate) timestamp_ms: u32,
    /// The body: from `VideoTagHeader`, `AudioTagHeader` or the first AMF value on.
    pub(crate) body: Bytes,
}

impl Tag {
    /// What it means for those who join late. Bodies of one byte are never headers nor keyframes.
    pub(crate) fn role(&self) -> Role {
        let &[first, second, ..] = self.body.as_ref() else { return Role::Other };
        match self.kind {
            Kind::Script => Role::Metadata,
            Kind::Audio => audio_role(first, second),
            Kind::Video if first & 0x80 != 0 => enhanced_role(&self.body),
            Kind::Video => video_role(first, second),
        }
    }

    /// The tag as it stands in a file: 11 bytes of header, the body, 4 bytes of length; none where the body
    /// is too large for FLV. Metadata has no time of its own and gets 0: at another one ffmpeg takes it for a
    /// track of subtitles.
    pub(crate) fn write(&self) -> Option<Bytes> {
        self.write_at(self.timestamp_ms)
    }

    /// The same, with another timestamp.
    pub(crate) fn write_at(&self, timestamp_ms: u32) -> Option<Bytes> {
        if self.body.len() > BODY_BYTES_MAX {
            return None;
        }
        let timestamp_ms = if self.kind == Kind::Script { 0 } else { timestamp_ms };
        let length = self.body.len() as u32;
        let mut out = BytesMut::with_capacity(self.body.len() + 15);
        let kind = match self.kind {
            Kind::Audio => 8,
            Kind::Video => 9,
            Kind::Script => 18,
        };
        out.put_u8(kind);
        out.put_uint(u64::from(length), 3);
        // The low 24 bits first, then the high 8: the field grew when files of more than 4.6 hours came.
        out.put_uint(u64::from(timestamp_ms & 0xFF_FFFF), 3);
        out.put_u8((timestamp_ms >> 24) as u8);
        out.put_uint(0, 3);
        out.put_slice(&self.body);
        out.put_u32(length + 11);
        Some(out.freeze())
    }
}

/// The beginning of a file: `FLV`, version 1, which tracks there are, and the first back pointer.
pub(crate) fn file_header(audio: bool, video: bool) -> Bytes {
    let flags = u8::from(audio) << 2 | u8::from(video);
    Bytes::copy_from_slice(&[b'F', b'L', b'V', 1, flags, 0, 0, 0, 9, 0, 0, 0, 0])
}

fn audio_role(first: u8, second: u8) -> Role {
    const AAC: u8 = 10;
    const ENHANCED: u8 = 9;
    match first >> 4 {
        AAC if second == 0 => Role::Header,
        ENHANCED if first & 0x0F == 0 => Role::Header,
        _ => Role::Other,
    }
}

/// The role of pictures by Enhanced RTMP. Of several tracks in one stream nothing can be decoded here; a reader is let in
/// with them all the same, so that the channel can say so.
fn enhanced_role(body: &[u8]) -> Role {
    use rtmp_wire::ex_video::{ExVideo, kind};
    let Some(ExVideo { keyframe, kind, .. }) = ExVideo::parse(body) else { return Role::Other };
    match kind {
        kind::SEQUENCE_START => Role::Header,
        kind::CODED_FRAMES | kind::CODED_FRAMES_X | kind::MULTITRACK if keyframe => Role::Keyframe,
        _ => Role::Other,
    }
}

fn video_role(first: u8, second: u8) -> Role {
    const AVC: u8 = 7;
    let keyframe = (first >> 4) & 0x07 == 1;
    match (first & 0x0F, second) {
        (AVC, 0) => Role::Header,
        // The end of a sequence is marked as a keyframe by some encoders, and carries no picture.
        (AVC, 2) => Role::Other,
        _ if keyframe => Role::Keyframe,
        _ => Role::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn roles_of_what_encoders_send() {
        use Kind::*;
        for (kind, body, want) in [
            (Video, &[0x17, 0, 0, 0, 0, 1][..], Role::Header),
            (Video, &[0x17, 1, 0, 0, 0, 1], Role::Keyframe),
            (Video, &[0x27, 1, 0, 0, 0, 1], Role::Other),
            (Video, &[0x17, 2, 0, 0, 0], Role::Other),
            (Video, &[0x90, b'h', b'v', b'c', b'1'], Role::Header),
            (Video, &[0x91, b'h', b'v', b'c', b'1'], Role::Keyframe),
            (Video, &[0xA3, b'h', b'v', b'c', b'1'], Role::Other),
            (Video, &[0x93, b'a', b'v', b'0', b'1'], Role::Keyframe),
            // Several tracks in one stream.
            (Video, &[0x96, 0x01, b'h', b'v', b'c', b'1'], Role::Keyframe),
            (Video, &[0xA6, 0x01, b'h', b'v', b'c', b'1'], Role::Other),
            // A time in nanoseconds, and then another extension, before a header, a keyframe and another picture.
            (Video, &[0x97, 2, 0, 0, 9, 0x00, b'h', b'v', b'c', b'1'], Role::Header),
            (Video, &[0x97, 2, 0, 0, 9, 0x07, 0, 1, 0x01, b'h', b'v', b'c', b'1'], Role::Keyframe),
            (Video, &[0xA7, 2, 0, 0, 9, 0x03, b'h', b'v', b'c', b'1'], Role::Other),
            (Video, &[0x97, 2, 0, 0, 9, 0x06, 0x01], Role::Keyframe),
            (Video, &[0x97, 200, 0], Role::Other),
            (Video, &[0x14, 9], Role::Keyframe),
            (Audio, &[0xAF, 0, 0x12, 0x10], Role::Header),
            (Audio, &[0xAF, 1, 0x21], Role::Other),
            (Audio, &[0x2F, 0, 0], Role::Other),
            (Audio, &[0x90, b'O', b'p', b'u', b's'], Role::Header),
            (Script, &[2, 0, 10], Role::Metadata),
            (Video, &[0x17], Role::Other),
            (Audio, &[], Role::Other),
        ] {
            let tag = Tag { kind, timestamp_ms: 0, body: Bytes::from_static(body) };
            assert_eq!(tag.role(), want, "{kind:?} {body:02x?}");
        }
    }

    /// Reads a file back by the specification alone.
    fn read(mut file: &[u8]) -> Option<Vec<Tag>> {
        let mut take = |n: usize| {
            let (head, rest) = file.split_at_checked(n)?;
            file = rest;
            Some(head)
        };
        let mut tags = Vec::new();
        (take(9)?.starts_with(b"FLV\x01") && take(4)? == [0; 4]).then_some(())?;
        while let Some(head) = take(11) {
            let kind = match head[0] {
                8 => Kind::Audio,
                9 => Kind::Video,
                18 => Kind::Script,
                _ => return None,
            };
            let length = u32::from_be_bytes([0, head[1], head[2], head[3]]);
            let timestamp_ms = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
            let body = Bytes::copy_from_slice(take(length as usize)?);
            (take(4)? == (length + 11).to_be_bytes()).then_some(())?;
            tags.push(Tag { kind, timestamp_ms, body });
        }
        Some(tags)
    }

    prop_compose! {
        fn tag()(kind in 0..3, timestamp_ms in any::<u32>(), body in proptest::collection::vec(any::<u8>(), 0..600)) -> Tag {
            let kind = [Kind::Audio, Kind::Video, Kind::Script][kind as usize];
            Tag { kind, timestamp_ms, body: body.into() }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(tags in proptest::collection::vec(tag(), 0..12)) {
            let mut file = file_header(true, true).to_vec();
            for tag in &tags {
                tag.role();
                file.extend_from_slice(&tag.write().unwrap());
            }
            let timeless = |tag: &Tag| Tag { timestamp_ms: if tag.kind == Kind::Script { 0 } else { tag.timestamp_ms }, ..tag.clone() };
            prop_assert_eq!(read(&file), Some(tags.iter().map(timeless).collect()));
        }
    }

    #[test]
    fn a_body_beyond_24_bits_is_not_written() {
        let mut tag = Tag { kind: Kind::Video, timestamp_ms: 0, body: vec![0; BODY_BYTES_MAX + 1].into() };
        assert_eq!(tag.write(), None);
        tag.body.truncate(BODY_BYTES_MAX);
        assert!(tag.write().is_some());
    }
}
