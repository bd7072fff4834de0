//! Which of several playlists of HLS (RFC 8216, section 4.3.4) are followed.

use m3u8_rs::{AlternativeMediaType, MasterPlaylist, VariantStream};
use url::Url;

/// What is followed of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// The playlist with pictures, and with sound where none lies apart.
    pub(super) pictures: Url,
    /// The playlist of sound alone.
    pub(super) sound: Option<Url>,
}

/// Chooses from playlists that were fetched from `address`. `height` is that of the program, pixels. None where none of
/// them has pictures that can be decoded here; `sound_only` does without.
pub(super) fn choose(several: &MasterPlaylist, address: &Url, height: u32, sound_only: bool) -> Option<Chosen> {
    let any = || several.variants.iter().find(|variant| sound_only && !variant.is_i_frame);
    let best = best(several, height).or_else(any)?;
    let pictures = address.join(&best.uri).ok()?;
    Some(Chosen { pictures, sound: sound_of(several, best).and_then(|uri| address.join(uri).ok()) })
}

/// The playlist of a variant's sound, where that lies apart: the one that is meant for everybody.
fn sound_of<'a>(several: &'a MasterPlaylist, variant: &VariantStream) -> Option<&'a str> {
    let group = variant.audio.as_ref()?;
    let all = || {
        let sounds = several.alternatives.iter().filter(|other| other.media_type == AlternativeMediaType::Audio);
        sounds.filter(|other| other.group_id == *group)
    };
    let meant = all().find(|other| other.default).or_else(|| all().find(|other| other.autoselect));
    // One without an address lies within the variant.
    meant.or_else(|| all().next())?.uri.as_deref()
}

/// Whether a variant has pictures that can be decoded here, as far as it says.
fn has_pictures(variant: &VariantStream) -> bool {
    const DECODED: [&str; 4] = ["avc1", "avc3", "hvc1", "hev1"];
    let said = variant.codecs.as_ref();
    said.is_none_or(|codecs| codecs.split(',').any(|codec| DECODED.iter().any(|one| codec.trim().starts_with(one))))
}

/// The largest that is not larger than the program, else the smallest; of those the one with the most bits.
fn best(several: &MasterPlaylist, height: u32) -> Option<&VariantStream> {
    let rows = |variant: &VariantStream| variant.resolution.map_or(0, |size| size.height);
    // Where some say how large they are, one that does not is sound alone.
    let sized = several.variants.iter().any(|variant| variant.resolution.is_some());
    let seen = |variant: &VariantStream| has_pictures(variant) && (!sized || variant.resolution.is_some());
    let all = || several.variants.iter().filter(|variant| !variant.is_i_frame && seen(variant));
    let fitting = all().filter(|variant| rows(variant) <= u64::from(height));
    fitting
        .max_by_key(|variant| (rows(variant), variant.bandwidth))
        .or_else(|| all().min_by_key(|variant| (rows(variant), std::cmp::Reverse(variant.bandwidth))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str, height: u32) -> Option<(String, Option<String>)> {
        let address = Url::parse("http://tv:8409/a/live.m3u8?token=t").unwrap();
        let several = m3u8_rs::parse_master_playlist_res(format!("#EXTM3U\n{text}").as_bytes()).unwrap();
        let chosen = choose(&several, &address, height, false)?;
        Some((chosen.pictures.into(), chosen.sound.map(String::from)))
    }

    fn variant(more: &str, uri: &str) -> String {
        format!("#EXT-X-STREAM-INF:BANDWIDTH={more}\n{uri}\n")
    }

    #[test]
    fn the_one_that_suits_the_program_is_taken() {
        let several = [
            variant("800000,RESOLUTION=640x360,CODECS=\"avc1.42e01e,mp4a.40.2\"", "low.m3u8"),
            variant("2000000,RESOLUTION=1280x720", "mid/720.m3u8?x=1"),
            variant("2500000,RESOLUTION=1280x720", "/top/720.m3u8"),
            variant("6000000,RESOLUTION=1920x1080", "https://other/1080.m3u8"),
        ];
        for (text, height, want) in [
            (several.concat(), 720, "http://tv:8409/top/720.m3u8"),
            (several.concat(), 1080, "https://other/1080.m3u8"),
            (several.concat(), 240, "http://tv:8409/a/low.m3u8"),
            (several[3..].concat() + &variant("64000", "sound.m3u8"), 720, "https://other/1080.m3u8"),
            (
                variant("9,CODECS=\"mp4a.40.2\"", "sound.m3u8")
                    + &variant("8,CODECS=\"av01.0.04M.08\"", "new.m3u8")
                    + &variant("7,CODECS=\"avc1.4d401f, mp4a.40.2\"", "a.m3u8"),
                720,
                "http://tv:8409/a/a.m3u8",
            ),
            (several[..2].concat(), 720, "http://tv:8409/a/mid/720.m3u8?x=1"),
            (variant("1,AUDIO=\"none\"", "a.m3u8"), 720, "http://tv:8409/a/a.m3u8"),
        ] {
            assert_eq!(chosen(&text, height), Some((want.to_owned(), None)), "{text} at {height}");
        }
        let sound = variant("9,CODECS=\"mp4a.40.2\"", "sound.m3u8");
        assert_eq!(chosen(&sound, 720), None, "nothing to be seen");
        let several = m3u8_rs::parse_master_playlist_res(format!("#EXTM3U\n{sound}").as_bytes()).unwrap();
        let heard =
            choose(&several, &Url::parse("http://tv/a/").unwrap(), 720, true).map(|one| one.pictures.to_string());
        assert_eq!(heard.as_deref(), Some("http://tv/a/sound.m3u8"), "and something to be heard");
    }

    #[test]
    fn sound_that_lies_apart_is_followed_too() {
        let sound = |more: &str, name: &str| format!("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"{name}\"{more}\n");
        let words = "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"a\",NAME=\"English\",URI=\"words.m3u8\"\n";
        let apart = variant("2,AUDIO=\"a\"", "p.m3u8");
        let uri = ",URI=\"sound.m3u8\"";
        let other = ",URI=\"other.m3u8\"";
        for (text, want) in [
            (format!("{words}{}{apart}", sound(uri, "English")), Some("sound.m3u8")),
            (sound(other, "Comments") + &sound(&format!("{uri},DEFAULT=YES"), "English") + &apart, Some("sound.m3u8")),
            (
                sound(other, "Comments") + &sound(&format!("{uri},AUTOSELECT=YES"), "English") + &apart,
                Some("sound.m3u8"),
            ),
            (sound(",DEFAULT=YES", "Within") + &sound(other, "Comments") + &apart, None),
            (format!("{words}{apart}"), None),
        ] {
            let want = want.map(|uri| format!("http://tv:8409/a/{uri}"));
            assert_eq!(chosen(&text, 720), Some(("http://tv:8409/a/p.m3u8".into(), want)), "{text}");
        }
    }
}
