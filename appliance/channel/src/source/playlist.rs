//! What a playlist of HLS (RFC 8216) says, as far as it matters before one is followed.

use m3u8_rs::{AlternativeMediaType, MasterPlaylist, Playlist, VariantStream};
use std::collections::HashSet;
use url::Url;

/// What lies at an address, by its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A live playlist of media with fewer than two segments.
    JustBegun,
    /// A playlist of playlists; this one suits best.
    OneOfSeveral(String),
    /// A playlist of playlists, of which some are followed together, for their sound lies apart: all that may be.
    Together(Vec<String>),
    /// Anything else, which can be played as it is.
    Media,
}

/// Looks at the first bytes of what lies at `address`. `height` is that of the program, pixels.
pub(super) fn look(beginning: &[u8], address: &str, height: u32) -> Found {
    if !beginning.starts_with(b"#EXTM3U") {
        return Found::Media;
    }
    // What has not come whole yet ends within a line.
    let end = beginning.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    match m3u8_rs::parse_playlist_res(&beginning[..end]) {
        Ok(Playlist::MediaPlaylist(media)) if !media.end_list && has_just_begun(beginning) => Found::JustBegun,
        Ok(Playlist::MasterPlaylist(master)) => {
            let Ok(address) = Url::parse(address) else { return Found::Media };
            let whole = |uri: &str| address.join(uri).ok().map(String::from);
            match best(&master, height) {
                Some(best) => whole(&best.uri).map_or(Found::Media, Found::OneOfSeveral),
                None => {
                    let mut seen = HashSet::new();
                    Found::Together(parts(&master).filter_map(whole).filter(|one| seen.insert(one.clone())).collect())
                }
            }
        }
        _ => Found::Media,
    }
}

/// Whether a live playlist has fewer than two segments. Counted as it came, for a line may have come in part.
fn has_just_begun(beginning: &[u8]) -> bool {
    let text = String::from_utf8_lossy(beginning);
    text.contains("#EXT-X-TARGETDURATION") && text.matches("#EXTINF").count() < 2
}

/// Whether a variant has pictures that can be decoded here, as far as it says.
fn has_pictures(variant: &VariantStream) -> bool {
    const DECODED: [&str; 4] = ["avc1", "avc3", "hvc1", "hev1"];
    let said = variant.codecs.as_ref();
    said.is_none_or(|codecs| codecs.split(',').any(|codec| DECODED.iter().any(|one| codec.trim().starts_with(one))))
}

/// The largest that is not larger than the program, else the smallest; of those the one with the most bits. None where
/// each one's sound is a playlist of its own, to be followed beside it.
fn best(master: &MasterPlaylist, height: u32) -> Option<&VariantStream> {
    let apart = |variant: &VariantStream| {
        master.alternatives.iter().any(|other| {
            let sound = other.media_type == AlternativeMediaType::Audio && other.uri.is_some();
            sound && Some(&other.group_id) == variant.audio.as_ref()
        })
    };
    let rows = |variant: &VariantStream| variant.resolution.map_or(0, |size| size.height);
    // Where some say how large they are, one that does not is sound alone.
    let sized = master.variants.iter().any(|variant| variant.resolution.is_some());
    let seen = |variant: &VariantStream| has_pictures(variant) && (!sized || variant.resolution.is_some());
    let whole = || master.variants.iter().filter(|variant| !variant.is_i_frame && seen(variant) && !apart(variant));
    let fitting = whole().filter(|variant| rows(variant) <= u64::from(height));
    fitting
        .max_by_key(|variant| (rows(variant), variant.bandwidth))
        .or_else(|| whole().min_by_key(|variant| (rows(variant), std::cmp::Reverse(variant.bandwidth))))
}

/// The playlists that may be followed, those of which every variant needs one first.
fn parts(master: &MasterPlaylist) -> impl Iterator<Item = &str> {
    let followed = [AlternativeMediaType::Audio, AlternativeMediaType::Video];
    let others = master.alternatives.iter().filter(move |other| followed.contains(&other.media_type));
    let variants = master.variants.iter().filter(|variant| !variant.is_i_frame).map(|variant| variant.uri.as_str());
    others.filter_map(|other| other.uri.as_deref()).chain(variants)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "http://ann:secret@tv:8409/a/live.m3u8?token=t";

    #[test]
    fn a_live_playlist_that_has_just_begun_is_known() {
        const HEAD: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n";
        let playlist =
            |segments: usize, end: &str| format!("{HEAD}{}{end}", "#EXTINF:2.0,\nlive.ts\n".repeat(segments));
        for (what, text, want) in [
            ("no segment", playlist(0, ""), Found::JustBegun),
            ("one segment", playlist(1, ""), Found::JustBegun),
            ("two segments", playlist(2, ""), Found::Media),
            ("a film of one segment", playlist(1, "#EXT-X-ENDLIST\n"), Found::Media),
            ("what has not come whole", playlist(900, "#EXTINF:2.0,\nliv"), Found::Media),
            ("two of which the second has not come whole", playlist(1, "#EXTINF:2.0,\nliv"), Found::Media),
            ("its head", "#EXTM3U\n#EXT-X-VERSION:3\n".to_owned(), Found::Media),
            ("a page", "<html>#EXT-X-TARGETDURATION</html>".to_owned(), Found::Media),
            ("MPEG-TS", "G@\0\x10".to_owned(), Found::Media),
            ("nothing of use", "#EXTM3U\n".to_owned(), Found::Media),
        ] {
            assert_eq!(look(text.as_bytes(), ADDRESS, 720), want, "{what}");
        }
    }

    #[test]
    fn of_several_playlists_the_one_that_suits_the_program_is_taken() {
        let variant = |more: &str, uri: &str| format!("#EXT-X-STREAM-INF:BANDWIDTH={more}\n{uri}\n");
        let several = [
            variant("800000,RESOLUTION=640x360,CODECS=\"avc1.42e01e,mp4a.40.2\"", "low.m3u8"),
            variant("2000000,RESOLUTION=1280x720", "mid/720.m3u8?x=1"),
            variant("2500000,RESOLUTION=1280x720", "/top/720.m3u8"),
            variant("6000000,RESOLUTION=1920x1080", "https://other/1080.m3u8"),
        ];
        let master = |variants: &[String]| format!("#EXTM3U\n{}", variants.concat());
        for (text, height, want) in [
            (master(&several), 720, "http://ann:secret@tv:8409/top/720.m3u8"),
            (master(&several), 1080, "https://other/1080.m3u8"),
            (master(&several), 240, "http://ann:secret@tv:8409/a/low.m3u8"),
            (master(&several[3..]) + &variant("64000", "sound.m3u8"), 720, "https://other/1080.m3u8"),
            (
                master(&[
                    variant("9,CODECS=\"mp4a.40.2\"", "sound.m3u8"),
                    variant("8,CODECS=\"av01.0.04M.08\"", "new.m3u8"),
                    variant("7,CODECS=\"avc1.4d401f, mp4a.40.2\"", "a.m3u8"),
                ]),
                720,
                "http://ann:secret@tv:8409/a/a.m3u8",
            ),
            (master(&several[..2]), 720, "http://ann:secret@tv:8409/a/mid/720.m3u8?x=1"),
            (master(&[variant("1,AUDIO=\"none\"", "a.m3u8")]), 720, "http://ann:secret@tv:8409/a/a.m3u8"),
            (format!("{}#EXT-X-STREAM-INF:BANDWI", master(&several[..1])), 720, "http://ann:secret@tv:8409/a/low.m3u8"),
        ] {
            assert_eq!(
                look(text.as_bytes(), ADDRESS, height),
                Found::OneOfSeveral(want.to_owned()),
                "{text} at {height}"
            );
        }
    }

    #[test]
    fn one_whose_sound_lies_apart_is_followed_together_with_it() {
        let sound = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English\",URI=\"sound.m3u8\"\n";
        let words = "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"English\",URI=\"words.m3u8\"\n";
        let variant = |bandwidth: u32| format!("#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},AUDIO=\"a\"\np.m3u8\n");
        let apart = format!("#EXTM3U\n{sound}{words}{}{}", variant(2), variant(3));
        let parts = ["http://ann:secret@tv:8409/a/sound.m3u8", "http://ann:secret@tv:8409/a/p.m3u8"];
        assert_eq!(look(apart.as_bytes(), ADDRESS, 720), Found::Together(parts.map(str::to_owned).to_vec()));
        let within = format!("{apart}#EXT-X-STREAM-INF:BANDWIDTH=1\nboth.m3u8\n");
        let both = "http://ann:secret@tv:8409/a/both.m3u8".to_owned();
        assert_eq!(look(within.as_bytes(), ADDRESS, 720), Found::OneOfSeveral(both));
    }
}
