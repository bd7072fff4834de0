//! FLV as a publisher's comes from the door: tags, and what Veovera's *Enhanced RTMP v2* puts into those of pictures.

use rtmp_wire::ex_video::{ExVideo, kind};

/// Bytes of the file's header and of the length behind it (Adobe, *Video File Format Specification 10.1*, annex E.2).
const FILE_HEADER: usize = 13;
/// Bytes of a tag's header, and of the length behind its body.
const TAG_HEADER: usize = 11;
const TAG_END: usize = 4;

/// What a tag carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Sound as FLV always had it: the tag's body.
    Sound(Vec<u8>),
    /// Pictures as FLV always had them.
    OldPictures,
    /// Pictures with a codec that is named by four letters.
    Pictures { codec: [u8; 4], part: Part },
    /// Several pictures' tracks in one stream.
    Multitrack,
    /// Metadata, and what says nothing to us.
    Other,
}

/// A part of a stream of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// What a decoder needs before the first picture.
    Header(Vec<u8>),
    /// A picture, shown so many milliseconds after its tag's time.
    Picture { keyframe: bool, later_ms: i32, data: Vec<u8> },
    /// Anything else: the end of a sequence, metadata.
    Other,
}

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// Its time, milliseconds.
    pub(super) at_ms: u32,
    pub(super) content: Content,
}

/// Takes tags out of bytes as they come.
#[derive(Debug, Default)]
pub(super) struct Reader {
    bytes: Vec<u8>,
    begun: bool,
}

impl Reader {
    /// Bytes came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole tag; none until more bytes come.
    pub(super) fn next(&mut self) -> Option<Tag> {
        if !self.begun {
            if self.bytes.len() < FILE_HEADER {
                return None;
            }
            self.bytes.drain(..FILE_HEADER);
            self.begun = true;
        }
        let head = self.bytes.get(..TAG_HEADER)?;
        let length = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        let at_ms = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        let kind = head[0] & 0x1F;
        let whole = TAG_HEADER + length + TAG_END;
        if self.bytes.len() < whole {
            return None;
        }
        let body = self.bytes.get(TAG_HEADER..TAG_HEADER + length)?;
        let content = match kind {
            8 => Content::Sound(body.to_vec()),
            9 => pictures(body),
            _ => Content::Other,
        };
        self.bytes.drain(..whole);
        Some(Tag { at_ms, content })
    }
}

/// The tag of pictures: `ExVideoTagHeader` where the highest bit of its first byte is set.
fn pictures(body: &[u8]) -> Content {
    if body.first().is_some_and(|first| first & 0x80 == 0) {
        return Content::OldPictures;
    }
    let Some(ExVideo { keyframe, kind, rest }) = ExVideo::parse(body) else { return Content::Other };
    if kind == kind::MULTITRACK {
        return Content::Multitrack;
    }
    let Some((codec, data)) = rest.split_first_chunk::<4>() else { return Content::Other };
    let part = match (kind, codec, data) {
        (kind::SEQUENCE_START, _, _) => Part::Header(data.to_vec()),
        // Only these codecs have a composition time: 24 bits with a sign.
        (kind::CODED_FRAMES, b"hvc1" | b"avc1" | b"vvc1", [a, b, c, data @ ..]) => {
            Part::Picture { keyframe, later_ms: i32::from_be_bytes([*a, *b, *c, 0]) >> 8, data: data.to_vec() }
        }
        (kind::CODED_FRAMES | kind::CODED_FRAMES_X, _, _) => {
            Part::Picture { keyframe, later_ms: 0, data: data.to_vec() }
        }
        _ => Part::Other,
    };
    Content::Pictures { codec: *codec, part }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(tags: &[(u8, u32, &[u8])]) -> Vec<u8> {
        let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
        for (kind, at_ms, body) in tags {
            let [high, a, b, c] = at_ms.to_be_bytes();
            let length = (body.len() as u32).to_be_bytes();
            file.extend_from_slice(&[*kind, length[1], length[2], length[3], a, b, c, high, 0, 0, 0]);
            file.extend_from_slice(body);
            file.extend_from_slice(&(body.len() as u32 + 11).to_be_bytes());
        }
        file
    }

    fn hevc(part: Part) -> Content {
        Content::Pictures { codec: *b"hvc1", part }
    }

    #[test]
    fn tags_are_read_however_their_bytes_come() {
        let tags: &[(u8, u32, &[u8], Content)] = &[
            (18, 0, b"\x02\0\x0aonMetaData", Content::Other),
            (9, 0, b"\x90hvc1HEAD", hevc(Part::Header(b"HEAD".to_vec()))),
            (8, 0x0102_0304, b"\xaf\x01x", Content::Sound(b"\xaf\x01x".to_vec())),
            (
                9,
                40,
                b"\x91hvc1\0\0\x50key",
                hevc(Part::Picture { keyframe: true, later_ms: 80, data: b"key".to_vec() }),
            ),
            (
                9,
                80,
                b"\xa1hvc1\xff\xff\xd8dif",
                hevc(Part::Picture { keyframe: false, later_ms: -40, data: b"dif".to_vec() }),
            ),
            (9, 120, b"\xa3hvc1dif", hevc(Part::Picture { keyframe: false, later_ms: 0, data: b"dif".to_vec() })),
            (9, 120, b"\x92hvc1", hevc(Part::Other)),
            (9, 120, b"\x94hvc1meta", hevc(Part::Other)),
            (9, 120, b"\x90av01x", Content::Pictures { codec: *b"av01", part: Part::Header(b"x".to_vec()) }),
            (
                9,
                120,
                b"\x91av01data",
                Content::Pictures {
                    codec: *b"av01",
                    part: Part::Picture { keyframe: true, later_ms: 0, data: b"data".to_vec() },
                },
            ),
            (9, 120, b"\x96\x01hvc1", Content::Multitrack),
            // A time in nanoseconds before the packet's own kind.
            (
                9,
                120,
                b"\xa7\x02\0\0\x09\x03hvc1dif",
                hevc(Part::Picture { keyframe: false, later_ms: 0, data: b"dif".to_vec() }),
            ),
            (9, 120, b"\xa7\x20", Content::Other),
            (9, 120, b"\x17\x01\0\0\0x", Content::OldPictures),
            (9, 120, b"\x90hv", Content::Other),
            (9, 120, b"", Content::Other),
        ];
        let bytes = file(&tags.iter().map(|(kind, at_ms, body, _)| (*kind, *at_ms, *body)).collect::<Vec<_>>());
        for step in [1, 7, bytes.len()] {
            let (mut reader, mut read) = (Reader::default(), Vec::new());
            for part in bytes.chunks(step) {
                reader.push(part);
                read.extend(std::iter::from_fn(|| reader.next()));
            }
            let want: Vec<Tag> =
                tags.iter().map(|(_, at_ms, _, content)| Tag { at_ms: *at_ms, content: content.clone() }).collect();
            assert_eq!(read, want, "{step} bytes at once");
        }
    }
}
