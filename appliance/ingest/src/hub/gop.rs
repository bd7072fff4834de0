//! What somebody needs who joins late: metadata, codec headers, and every tag since the last keyframe.
//!
//! ```text
//!            keyframe                     keyframe: begin anew
//!   empty ──────────────► filling ◄───────────────┐
//!     ▲                      │ tag: kept ─────────┘
//!     │ too long, or a       │
//!     └─ new video header ◄──┘
//! ```
//! While empty nobody can join: a reader waits for the next keyframe. A publisher that sends no pictures
//! for [`ALONE_MS`] is taken to have sound only; then every tag is a place to join, so that the channel
//! can say that the picture is missing.

use crate::flv::{Kind, Role, Tag, file_header};
use bytes::Bytes;

/// Most bytes kept: ten seconds at 25 Mbit/s. A longer GOP cannot be joined in its middle.
const BYTES_MAX: usize = 32 << 20;

/// Most tags kept: half a minute of pictures and sound.
const TAGS_MAX: usize = 4_096;

/// Sound without pictures for so long is sound only, milliseconds of the publisher's clock.
const ALONE_MS: u32 = 2_000;

/// The cache of one publisher.
#[derive(Debug, Default)]
pub(crate) struct Gop {
    metadata: Option<Tag>,
    video_header: Option<Tag>,
    audio_header: Option<Tag>,
    video_seen: bool,
    audio_since_ms: Option<u32>,
    first_ms: u32,
    tags: Vec<Bytes>,
    bytes: usize,
}

impl Gop {
    /// Takes a tag and its written form.
    pub(crate) fn push(&mut self, tag: &Tag, written: &Bytes) {
        self.video_seen |= tag.kind == Kind::Video;
        match (tag.role(), tag.kind) {
            (Role::Metadata, _) => {
                self.metadata = Some(tag.clone());
                self.keep(written);
            }
            (Role::Header, Kind::Audio) => {
                self.audio_header = Some(tag.clone());
                self.keep(written);
            }
            (Role::Header, _) => {
                // What was cached needs the old header; a repeat of the same one changes nothing.
                if self.video_header.as_ref().is_none_or(|held| held.body != tag.body) {
                    self.clear();
                }
                self.video_header = Some(tag.clone());
                self.keep(written);
            }
            (Role::Keyframe, _) => self.begin(tag, written),
            (Role::Other, Kind::Audio) if self.is_sound_only(tag.timestamp_ms) => self.begin(tag, written),
            (Role::Other, _) => self.keep(written),
        }
    }

    fn is_sound_only(&mut self, timestamp_ms: u32) -> bool {
        let since_ms = *self.audio_since_ms.get_or_insert(timestamp_ms);
        !self.video_seen && timestamp_ms.wrapping_sub(since_ms) >= ALONE_MS
    }

    fn begin(&mut self, tag: &Tag, written: &Bytes) {
        self.clear();
        self.first_ms = tag.timestamp_ms;
        self.bytes = written.len();
        self.tags.push(written.clone());
    }

    fn keep(&mut self, written: &Bytes) {
        if self.tags.is_empty() {
            return;
        }
        if self.tags.len() == TAGS_MAX || self.bytes + written.len() > BYTES_MAX {
            return self.clear();
        }
        self.bytes += written.len();
        self.tags.push(written.clone());
    }

    fn clear(&mut self) {
        self.tags.clear();
        self.bytes = 0;
    }

    /// A whole FLV file up to now, in pieces; none while there is no place to begin. Headers bear the time of
    /// the first tag, so that time does not jump for the reader.
    pub(crate) fn prelude(&self) -> Option<Vec<Bytes>> {
        if self.tags.is_empty() {
            return None;
        }
        let headers = [&self.metadata, &self.video_header, &self.audio_header];
        let mut pieces = Vec::with_capacity(self.tags.len() + 4);
        pieces.push(file_header(self.audio_header.is_some() || self.audio_since_ms.is_some(), self.video_seen));
        pieces.extend(headers.into_iter().flatten().filter_map(|tag| tag.write_at(self.first_ms)));
        pieces.extend(self.tags.iter().cloned());
        Some(pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: Kind, timestamp_ms: u32, body: &[u8]) -> Tag {
        Tag { kind, timestamp_ms, body: Bytes::copy_from_slice(body) }
    }

    fn push(gop: &mut Gop, tag: Tag) {
        let written = tag.write().unwrap();
        gop.push(&tag, &written);
    }

    /// One letter a tag: M metadata, H and h video and audio header, K keyframe, p picture, a sound.
    fn play(gop: &mut Gop, letters: &str, mut ms: u32) {
        for letter in letters.chars() {
            let (kind, body): (_, &[u8]) = match letter {
                'M' => (Kind::Script, &[2, 0, 10, b'o']),
                'H' => (Kind::Video, &[0x17, 0, 0, 0, 0, 1]),
                'N' => (Kind::Video, &[0x17, 0, 0, 0, 0, 2]),
                'h' => (Kind::Audio, &[0xAF, 0, 0x12, 0x10]),
                'K' => (Kind::Video, &[0x17, 1, 0, 0, 0, 9]),
                'p' => (Kind::Video, &[0x27, 1, 0, 0, 0, 9]),
                'a' => (Kind::Audio, &[0xAF, 1, 0x21]),
                other => panic!("no tag: {other}"),
            };
            push(gop, tag(kind, ms, body));
            ms += 20;
        }
    }

    fn letters(gop: &Gop) -> Option<String> {
        let pieces = gop.prelude()?;
        assert!(pieces[0].starts_with(b"FLV"));
        let letter = |piece: &Bytes| match (piece[0], piece[11], piece[12]) {
            (18, ..) => 'M',
            (9, 0x17, 0) => {
                if piece[16] == 1 {
                    'H'
                } else {
                    'N'
                }
            }
            (9, 0x17, _) => 'K',
            (9, ..) => 'p',
            (_, _, 0) => 'h',
            _ => 'a',
        };
        Some(pieces[1..].iter().map(letter).collect())
    }

    #[test]
    fn joining_begins_with_the_last_keyframe() {
        for (sent, want) in [
            ("", None),
            ("MHh", None),
            ("MHhapp", None),
            ("MHhKapa", Some("MHhKapa")),
            ("MHhKapaKp", Some("MHhKp")),
            ("hHaKa", Some("HhKa")),
            ("HKppNp", None),
            ("HKppNKp", Some("NKp")),
            ("HKpHp", Some("HKpHp")),
        ] {
            let mut gop = Gop::default();
            play(&mut gop, sent, 0);
            assert_eq!(letters(&gop).as_deref(), want, "{sent}");
        }
    }

    #[test]
    fn the_file_header_names_the_tracks_and_headers_bear_the_first_time() {
        let mut gop = Gop::default();
        play(&mut gop, "MHhKa", 0x0112_3456);
        let pieces = gop.prelude().unwrap();
        assert_eq!(pieces[0][4], 5);
        let at = 0x0112_3456 + 60_u32;
        for piece in &pieces[2..5] {
            assert_eq!(u32::from_be_bytes([piece[7], piece[4], piece[5], piece[6]]), at);
        }
        let mut gop = Gop::default();
        play(&mut gop, "HKp", 0);
        assert_eq!(gop.prelude().unwrap()[0][4], 1);
    }

    #[test]
    fn sound_alone_is_handed_on_after_a_while() {
        let mut gop = Gop::default();
        play(&mut gop, "ha", u32::MAX - 500);
        assert_eq!(letters(&gop), None);
        play(&mut gop, "a", 1_600);
        assert_eq!(letters(&gop).as_deref(), Some("ha"));
        assert_eq!(gop.prelude().unwrap()[0][4], 4);
        play(&mut gop, "Hp", 1_700);
        assert_eq!(letters(&gop), None, "pictures came after all: wait for a keyframe");
    }

    #[test]
    fn a_gop_without_end_is_not_kept() {
        let mut gop = Gop::default();
        play(&mut gop, "HK", 0);
        for _ in 0..40 {
            push(&mut gop, tag(Kind::Video, 0, &vec![0x27; 1 << 20]));
        }
        assert_eq!(letters(&gop), None);
        assert_eq!(gop.bytes, 0);
        play(&mut gop, "Kp", 0);
        assert_eq!(letters(&gop).as_deref(), Some("HKp"));
        for _ in 0..TAGS_MAX {
            play(&mut gop, "a", 0);
        }
        assert_eq!(letters(&gop), None);
    }
}
