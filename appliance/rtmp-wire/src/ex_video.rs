//! The header of a tag of pictures by Enhanced RTMP (Veovera, *Enhanced RTMP v2*, "Enhanced Video"): `ExVideoTagHeader`.

/// Kinds of packet.
pub mod kind {
    /// What a decoder needs before the first picture.
    pub const SEQUENCE_START: u8 = 0;
    /// A picture, for some codecs with its composition time before it.
    pub const CODED_FRAMES: u8 = 1;
    /// A picture whose composition time is 0.
    pub const CODED_FRAMES_X: u8 = 3;
    /// Several tracks in one stream.
    pub const MULTITRACK: u8 = 6;
    /// Extensions stand before the packet's own kind; [`super::ExVideo`] has them behind it already.
    pub(super) const MOD_EX: u8 = 7;
}

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExVideo<'a> {
    /// Whether decoding can begin here.
    pub keyframe: bool,
    /// One of [`kind`], or one that this does not know.
    pub kind: u8,
    /// What follows the packet's kind: the codec in four letters, where it is no multitrack.
    pub rest: &'a [u8],
}

impl ExVideo<'_> {
    /// Reads a tag's body; none where it is not of this kind, or ends within its extensions.
    pub fn parse(body: &[u8]) -> Option<ExVideo<'_>> {
        let (&first, rest) = body.split_first()?;
        if first & 0x80 == 0 {
            return None;
        }
        let (kind, rest) = match first & 0x0F {
            kind::MOD_EX => without_mod_ex(rest)?,
            kind => (kind, rest),
        };
        Some(ExVideo { keyframe: first >> 4 & 7 == 1, kind, rest })
    }
}

/// What follows the extensions that may stand before a packet's own header: its kind, and the rest.
fn without_mod_ex(mut rest: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        // Length less one in one byte, or 255 and two bytes more; the extension; then its kind and the packet's.
        let (length, after) = match rest {
            [255, a, b, after @ ..] => (usize::from(u16::from_be_bytes([*a, *b])) + 1, after),
            [length, after @ ..] => (usize::from(*length) + 1, after),
            [] => return None,
        };
        let (&kinds, after) = after.get(length..)?.split_first()?;
        if kinds & 0x0F != kind::MOD_EX {
            return Some((kinds & 0x0F, after));
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packets_own_kind_is_found_behind_any_extensions() {
        let long = [&[0xA7, 255, 1, 0][..], &[9; 257], &[0x03], b"hvc1"].concat();
        for (body, want) in [
            (&b"\x90hvc1HEAD"[..], Some((true, kind::SEQUENCE_START, &b"hvc1HEAD"[..]))),
            (b"\xa1hvc1", Some((false, kind::CODED_FRAMES, b"hvc1"))),
            (b"\x96\x01hvc1", Some((true, kind::MULTITRACK, b"\x01hvc1"))),
            (b"\x97\x02\0\0\x09\x01hvc1", Some((true, kind::CODED_FRAMES, b"hvc1"))),
            (b"\xa7\x02\0\0\x09\x07\x00\x01\x03hvc1", Some((false, kind::CODED_FRAMES_X, b"hvc1"))),
            (&long, Some((false, kind::CODED_FRAMES_X, b"hvc1"))),
            (b"\xa7\x20\x01", None),
            (b"\xa7\xff\x01", None),
            (b"\xa7", None),
            (b"\x17\x01\0\0\0x", None),
            (b"", None),
        ] {
            let read = ExVideo::parse(body).map(|read| (read.keyframe, read.kind, read.rest));
            assert_eq!(read, want, "{body:02x?}");
        }
    }
}
