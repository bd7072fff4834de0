//! What a playlist of HLS (RFC 8216) says, with what its tags inherit from those before them.

use super::plain::plain;
use automation::fault::{Code, Fault};
use m3u8_rs::{ByteRange, Key, KeyMethod, Map, MasterPlaylist, MediaPlaylist, Playlist};
use url::Url;

/// Something to be fetched: all of what lies at an address, or some bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) url: Url,
    /// From which byte on, and how many.
    pub(super) range: Option<(u64, u64)>,
    pub(super) lock: Option<Lock>,
}

/// How a part is encrypted: AES-128 in CBC mode, padded by PKCS #7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) url: Url,
    pub(super) iv: [u8; 16],
}

/// A piece of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Its number in the stream.
    pub(super) number: u64,
    pub(super) duration_ms: u64,
    pub(super) part: Part,
    /// What a demultiplexer needs before it, where that lies apart.
    pub(super) head: Option<Part>,
    /// Its times or its format do not follow those of the one before it.
    pub(super) jumps: bool,
}

/// A playlist of media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    /// No segment is longer, milliseconds; a server makes a new list about as often.
    pub(super) target_ms: u64,
    /// Nothing is added any more.
    pub(super) complete: bool,
    pub(super) segments: Vec<Segment>,
}

/// What lies at an address.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Media(List),
    Several(MasterPlaylist),
}

/// Reads a playlist that was fetched from this address.
pub(super) fn read(text: &[u8], address: &Url) -> Result<Found, Fault> {
    if !text.starts_with(b"#EXTM3U") {
        return Err(no_playlist());
    }
    let text = plain(text).ok_or_else(too_long)?;
    match m3u8_rs::parse_playlist_res(text.as_bytes()) {
        Ok(Playlist::MasterPlaylist(several)) => Ok(Found::Several(several)),
        Ok(Playlist::MediaPlaylist(media)) => list(&media, address).map(Found::Media),
        Err(_) => Err(no_playlist()),
    }
}

pub(super) fn no_playlist() -> Fault {
    Fault::new(Code::SourceUnsupported, "")
        .with_text("What the server sends is no playlist of HLS.")
        .with_remedy("Copy the address again from the program that offers the stream.")
}

fn too_long() -> Fault {
    Fault::new(Code::SourceUnsupported, "")
        .with_text("The playlist is too long.")
        .with_remedy("Ask who offers the stream for its live playlist; upload a film as a file.")
}

fn locked() -> Fault {
    Fault::new(Code::SourceUnsupported, "")
        .with_text("The stream is protected against copying, and cannot be decoded here.")
        .with_remedy("Ask who offers the stream for one without such protection.")
}

fn list(media: &MediaPlaylist, address: &Url) -> Result<List, Fault> {
    let url = |uri: &str| address.join(uri).map_err(|_| no_playlist());
    let (mut head, mut lock, mut jumps): (_, Key128, _) = (None, None, false);
    let mut before: Option<(Url, u64)> = None;
    let mut segments = Vec::with_capacity(media.segments.len());
    for (number, segment) in (media.media_sequence..).zip(&media.segments) {
        // `m3u8-rs` 6.0 takes one that ends encryption for none of its kind.
        if segment.unknown_tags.iter().any(|tag| tag.tag == "X-KEY") {
            lock = None;
        }
        if let Some(key) = &segment.key {
            lock = key_of(key, &url)?;
        }
        if let Some(Map { uri, byte_range, .. }) = &segment.map {
            let range = byte_range.as_ref().map(|range| (range.offset.unwrap_or(0), range.length));
            // A head that is encrypted says with what (RFC 8216, 4.3.2.5): no number of a segment counts for it.
            let lock = lock.clone().and_then(|(url, iv)| Some(Lock { url, iv: iv? }));
            head = Some(Part { url: url(uri)?, range, lock });
        }
        jumps |= segment.discontinuity;
        let part = Part {
            range: range(&url(&segment.uri)?, segment.byte_range.as_ref(), before.take()),
            url: url(&segment.uri)?,
            lock: at(&lock, number),
        };
        before = part.range.map(|(from, bytes)| (part.url.clone(), from.saturating_add(bytes)));
        if segment.unknown_tags.iter().any(|tag| tag.tag == "X-GAP") {
            // There is none, and nobody shall ask for it.
            jumps = true;
            continue;
        }
        segments.push(Segment {
            number,
            duration_ms: (f64::from(segment.duration) * 1000.0).clamp(0.0, 3_600_000.0) as u64,
            part,
            head: head.clone(),
            jumps: std::mem::take(&mut jumps),
        });
    }
    let target_ms = media.target_duration.clamp(1, 60) * 1000;
    Ok(List { target_ms, complete: media.end_list, segments })
}

/// A range that does not say where it begins follows the one before it.
fn range(url: &Url, range: Option<&ByteRange>, before: Option<(Url, u64)>) -> Option<(u64, u64)> {
    let range = range?;
    let follows = before.filter(|(known, _)| known == url).map_or(0, |(_, ended)| ended);
    Some((range.offset.unwrap_or(follows), range.length))
}

/// The address of a key, and its initialization vector where one is said.
type Key128 = Option<(Url, Option<[u8; 16]>)>;

/// How the segment of this number is encrypted: where nothing is said, the number is the initialization vector.
fn at(key: &Key128, number: u64) -> Option<Lock> {
    let (url, iv) = key.clone()?;
    Some(Lock { url, iv: iv.unwrap_or_else(|| u128::from(number).to_be_bytes()) })
}

fn key_of(key: &Key, url: &impl Fn(&str) -> Result<Url, Fault>) -> Result<Key128, Fault> {
    match key.method {
        KeyMethod::None => Ok(None),
        KeyMethod::AES128 if key.keyformat.as_deref().is_none_or(|format| format == "identity") => {
            let iv = key.iv.as_deref().map(iv_of).transpose()?;
            Ok(Some((url(key.uri.as_deref().ok_or_else(no_playlist)?)?, iv)))
        }
        _ => Err(locked()),
    }
}

/// 128 bits in hexadecimal.
fn iv_of(text: &str) -> Result<[u8; 16], Fault> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).ok_or_else(no_playlist)?;
    u128::from_str_radix(digits, 16).map(u128::to_be_bytes).map_err(|_| no_playlist())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn address() -> Url {
        Url::parse("http://tv:8409/a/live.m3u8?token=t").unwrap()
    }

    fn media(text: &str) -> List {
        match read(format!("#EXTM3U\n{text}").as_bytes(), &address()).unwrap() {
            Found::Media(list) => list,
            Found::Several(_) => panic!("several: {text}"),
        }
    }

    #[test]
    fn segments_are_numbered_and_their_addresses_are_whole() {
        let list = media(
            "#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:4.0,\nlive7.ts\n#EXTINF:3.5,\n/b/8.ts?x=1\n\
             #EXT-X-DISCONTINUITY\n#EXTINF:1,\nhttps://other/9.ts\n#EXTINF:1,\n10.ts\n",
        );
        assert_eq!((list.target_ms, list.complete), (4_000, false));
        let said: Vec<_> =
            list.segments.iter().map(|s| (s.number, s.duration_ms, s.part.url.as_str(), s.jumps)).collect();
        assert_eq!(
            said,
            [
                (7, 4_000, "http://tv:8409/a/live7.ts", false),
                (8, 3_500, "http://tv:8409/b/8.ts?x=1", false),
                (9, 1_000, "https://other/9.ts", true),
                (10, 1_000, "http://tv:8409/a/10.ts", false),
            ]
        );
        assert!(media("#EXT-X-TARGETDURATION:4\n#EXTINF:4.0,\n0.ts\n#EXT-X-ENDLIST\n").complete);
    }

    #[test]
    fn what_stands_before_a_segment_holds_for_those_after_it_too() {
        let list = media(
            "#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"600@0\"\n\
             #EXTINF:4,\n#EXT-X-BYTERANGE:1000@600\nfilm.mp4\n#EXTINF:4,\n#EXT-X-BYTERANGE:500\nfilm.mp4\n\
             #EXT-X-KEY:METHOD=AES-128,URI=\"key?n=1\"\n#EXTINF:4,\na.mp4\n\
             #EXT-X-KEY:METHOD=AES-128,URI=\"key\",IV=0x000000000000000000000000000000ff\n#EXTINF:4,\nb.mp4\n#EXTINF:4,\nc.mp4\n\
             #EXT-X-KEY:METHOD=NONE\n#EXTINF:4,\nd.mp4\n",
        );
        let init = Part { url: address().join("init.mp4").unwrap(), range: Some((0, 600)), lock: None };
        assert!(list.segments.iter().all(|segment| segment.head.as_ref() == Some(&init)));
        let ranges: Vec<_> = list.segments.iter().map(|segment| segment.part.range).collect();
        assert_eq!(ranges, [Some((600, 1000)), Some((1600, 500)), None, None, None, None]);
        let locks: Vec<_> =
            list.segments.iter().map(|s| s.part.lock.as_ref().map(|l| (l.url.path(), l.iv[15]))).collect();
        let last = Some(("/a/key", 0xff));
        assert_eq!(locks, [None, None, Some(("/a/key", 7)), last, last, None], "else the number is the IV");
    }

    #[test]
    fn a_gap_is_passed_over() {
        let list = media(
            "#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:3\n#EXT-X-GAP\n#EXTINF:4,\ngap.mp4\n#EXTINF:4,\na.mp4\n#EXTINF:4,\nb.mp4\n",
        );
        let said: Vec<_> = list.segments.iter().map(|segment| (segment.number, segment.jumps)).collect();
        assert_eq!(said, [(4, true), (5, false)]);
    }

    #[test]
    fn what_cannot_be_followed_is_refused_with_a_reason() {
        for (text, code) in [
            ("<html>", Code::SourceUnsupported),
            (
                "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\"\n#EXTINF:4,\na.ts\n",
                Code::SourceUnsupported,
            ),
            (
                "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=7\n#EXTINF:4,\na.ts\n",
                Code::SourceUnsupported,
            ),
        ] {
            let fault = read(text.as_bytes(), &address()).expect_err(text);
            assert_eq!(fault.code, code, "{text}");
            assert!(!fault.remedy.is_empty(), "{text}");
        }
    }
}
