//! Playlists as `m3u8-rs` reads them rightly: it is strict where servers are not, and takes what it cannot read for an
//! address.

/// Lines of a playlist that are read: a day of segments of two seconds has two for each.
const LINES_MAX: usize = 200_000;
/// What is used of a variant, and of a rendition.
const OF_VARIANT: [&str; 4] = ["BANDWIDTH", "RESOLUTION", "CODECS", "AUDIO"];
const OF_RENDITION: [&str; 6] = ["TYPE", "GROUP-ID", "NAME", "DEFAULT", "AUTOSELECT", "URI"];
/// Tags that are left alone, or mean nothing to us.
const KEPT: [&str; 6] =
    ["#EXTM3U", "#EXT-X-DISCONTINUITY", "#EXT-X-ENDLIST", "#EXT-X-KEY:", "#EXT-X-MAP:", "#EXT-X-BYTERANGE:"];
const KEPT_TOO: [&str; 3] = ["#EXT-X-MEDIA-SEQUENCE:", "#EXT-X-GAP", "#EXT-X-VERSION:"];

/// The lines of a playlist that matter, each whole; none where it has too many.
pub(super) fn plain(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let mut plain = String::new();
    for (number, line) in text.lines().enumerate() {
        if number >= LINES_MAX {
            return None;
        }
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if !line.starts_with('#') {
            plain.push_str(line);
        } else if let Some(length) = line.strip_prefix("#EXTINF:") {
            let seconds = length.split(',').next().unwrap_or_default().trim();
            plain.push_str(&format!("#EXTINF:{},", seconds.parse::<f32>().unwrap_or_default()));
        } else if let Some(seconds) = line.strip_prefix("#EXT-X-TARGETDURATION:") {
            plain.push_str(&format!("#EXT-X-TARGETDURATION:{}", whole(seconds)));
        } else if let Some(said) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            plain.push_str(&format!("#EXT-X-STREAM-INF:{}", variant(said)));
        } else if let Some(said) = line.strip_prefix("#EXT-X-MEDIA:") {
            plain.push_str(&format!("#EXT-X-MEDIA:{}", rendition(said)));
        } else if KEPT.iter().chain(&KEPT_TOO).any(|tag| line.starts_with(tag)) {
            plain.push_str(line);
        } else {
            continue;
        }
        plain.push('\n');
    }
    Some(plain)
}

/// A number of seconds, rounded up.
fn whole(seconds: &str) -> u64 {
    seconds.trim().parse::<f64>().unwrap_or_default().clamp(0.0, 1e6).ceil() as u64
}

/// A list of attributes (RFC 8216, section 4.2): a comma within quotes ends none.
fn attributes(said: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut quoted = false;
    let pieces = said.split(move |letter| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    });
    pieces.filter_map(|piece| piece.split_once('=')).map(|(name, value)| (name.trim(), value.trim()))
}

fn variant(said: &str) -> String {
    let mut kept = vec![];
    let mut bits = 0;
    for (name, value) in attributes(said).filter(|(name, _)| OF_VARIANT.contains(name)) {
        match name {
            "BANDWIDTH" => bits = whole(value.trim_matches('"')),
            "RESOLUTION" => {
                let size = value.trim_matches('"').to_ascii_lowercase();
                let sides =
                    size.split_once('x').and_then(|(w, h)| Some((w.parse::<u32>().ok()?, h.parse::<u32>().ok()?)));
                kept.extend(sides.map(|(width, height)| format!("RESOLUTION={width}x{height}")));
            }
            _ => kept.push(format!("{name}=\"{}\"", value.trim_matches('"'))),
        }
    }
    kept.insert(0, format!("BANDWIDTH={bits}"));
    kept.join(",")
}

fn rendition(said: &str) -> String {
    let kept = attributes(said).filter(|(name, _)| OF_RENDITION.contains(name));
    let kept = kept.map(|(name, value)| match (name, value) {
        // The library wants one.
        ("NAME", "\"\"" | "") => "NAME=\"-\"".to_owned(),
        _ => format!("{name}={value}"),
    });
    kept.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_matters_is_left_and_each_line_is_whole() {
        for (line, want) in [
            ("#EXTINF:2,Artist, Title", "#EXTINF:2,\n"),
            ("#EXTINF:2.002", "#EXTINF:2.002,\n"),
            ("#EXTINF:, ", "#EXTINF:0,\n"),
            ("#EXT-X-TARGETDURATION:2.5", "#EXT-X-TARGETDURATION:3\n"),
            ("#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00Z\r\n seg.ts?a=1,2 \r\n\r\n", "seg.ts?a=1,2\n"),
            ("#EXT-X-PART-INF:PART-TARGET=0.33\n#a comment\n#EXT-X-GAP", "#EXT-X-GAP\n"),
            ("#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=3,NAME=\"a,b\"\np", "#EXT-X-STREAM-INF:BANDWIDTH=0\np\n"),
            (
                "#EXT-X-STREAM-INF:CODECS=\"avc1.4d401f,mp4a.40.2\",FRAME-RATE=\"25\",BANDWIDTH=1500.7,RESOLUTION=640X360",
                "#EXT-X-STREAM-INF:BANDWIDTH=1501,CODECS=\"avc1.4d401f,mp4a.40.2\",RESOLUTION=640x360\n",
            ),
            ("#EXT-X-STREAM-INF:BANDWIDTH=\"9\",RESOLUTION=big", "#EXT-X-STREAM-INF:BANDWIDTH=9\n"),
            (
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"\",LANGUAGE=\"de\",URI=\"a,b.m3u8\"",
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"-\",URI=\"a,b.m3u8\"\n",
            ),
        ] {
            assert_eq!(plain(line.as_bytes()).as_deref(), Some(want), "{line}");
        }
        assert_eq!(
            plain(b"#EXTINF:2,\xe9t\xe9\nseg.ts").as_deref(),
            Some("#EXTINF:2,\nseg.ts\n"),
            "a title in Latin-1"
        );
        assert_eq!(plain("a\n".repeat(LINES_MAX + 1).as_bytes()), None);
    }
}
