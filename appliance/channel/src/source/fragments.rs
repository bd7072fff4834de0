//! How long a film in fragments is (ISO/IEC 14496-12, 8.8): its table of contents says nothing of it, or what the
//! writer had hoped for, and GStreamer's demuxer answers with the fragments that it has read.
//!
//! Each fragment (`moof`) says when it begins (`tfdt`) and how long its samples are (`trun`, or a default of `tfhd` or
//! `trex`). The film ends with the last sample of all. What cannot be read ends the walk: the film is as long as what
//! lies before it.

use mp4_boxes::{boxes, inside, u32_at, u64_at};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Boxes that are walked on the outermost level: a day of fragments of half a second, of two tracks.
const BOXES_MAX: usize = 1_000_000;
/// Largest table, of the film or of a fragment.
const TABLE_BYTES_MAX: u64 = 64 << 20;
/// Tracks of one film.
const TRACKS_MAX: usize = 64;

/// One track, times in its own scale.
#[derive(Debug)]
struct Track {
    id: u32,
    /// Units a second.
    scale: u32,
    /// Length of a sample that says nothing else.
    sample: u32,
    /// What its edit list adds to its times, nanoseconds: an empty edit before it, less what is cut off its beginning.
    shift_ns: i128,
    /// Where a fragment begins that does not say so.
    next: i128,
    /// The end of its latest sample.
    end: i128,
}

/// The length of a film in fragments, nanoseconds; none for any other file.
pub(super) fn length_ns(path: &Path) -> Option<u64> {
    let file = File::open(path).ok()?;
    let whole = file.metadata().ok()?.len();
    let (mut tracks, mut at, mut fragments) = (Vec::new(), 0u64, 0u64);
    for _ in 0..BOXES_MAX {
        let Some((kind, begins, ends)) = head(&file, at).filter(|(.., ends)| *ends <= whole) else { break };
        match &kind {
            b"moov" => tracks = tracks_of(&content(&file, begins, ends)?)?,
            b"moof" => {
                let Some(moof) = content(&file, begins, ends) else { break };
                for traf in boxes(&moof).filter(|(kind, _)| kind == b"traf").map(|(_, traf)| traf) {
                    fragment(traf, &mut tracks);
                }
                fragments += 1;
            }
            _ => {}
        }
        at = ends;
    }
    let end_ns = |track: &Track| track.end * 1_000_000_000 / i128::from(track.scale) + track.shift_ns;
    let end_ns = tracks.iter().filter(|track| track.end > 0).map(end_ns).max().filter(|_| fragments > 0)?;
    u64::try_from(end_ns).ok().filter(|end_ns| *end_ns > 0)
}

/// The box at a place of the file: its kind, and where its content begins and ends.
fn head(file: &File, at: u64) -> Option<([u8; 4], u64, u64)> {
    let mut head = [0; 8];
    file.read_exact_at(&mut head, at).ok()?;
    let kind = [head[4], head[5], head[6], head[7]];
    let (begins, bytes) = match u32_at(&head, 0)? {
        0 => (at + 8, file.metadata().ok()?.len().checked_sub(at)?),
        1 => {
            file.read_exact_at(&mut head, at + 8).ok()?;
            (at + 16, u64::from_be_bytes(head))
        }
        short => (at + 8, u64::from(short)),
    };
    let ends = at.checked_add(bytes)?;
    (ends >= begins).then_some((kind, begins, ends))
}

fn content(file: &File, begins: u64, ends: u64) -> Option<Vec<u8>> {
    let bytes = ends - begins;
    if bytes > TABLE_BYTES_MAX {
        return None;
    }
    let mut content = vec![0; bytes as usize];
    file.read_exact_at(&mut content, begins).ok()?;
    Some(content)
}

/// The tracks of a film that says that it has fragments (`mvex`).
fn tracks_of(moov: &[u8]) -> Option<Vec<Track>> {
    let mvex = inside(moov, b"mvex")?;
    let movie_scale = time_scale(inside(moov, b"mvhd")?).unwrap_or(1000);
    let traks = boxes(moov).filter(|(kind, _)| kind == b"trak").take(TRACKS_MAX);
    let track = |trak: &[u8]| {
        let header = inside(trak, b"tkhd")?;
        let id = u32_at(header, if header.first()? == &0 { 12 } else { 20 })?;
        let media = inside(trak, b"mdia")?;
        let handler = inside(media, b"hdlr")?.get(8..12)?;
        if handler != b"vide" && handler != b"soun" {
            return None;
        }
        let scale = time_scale(inside(media, b"mdhd")?)?;
        let extends = boxes(mvex).filter(|(kind, _)| kind == b"trex").map(|(_, trex)| trex);
        let own = extends.into_iter().find(|trex| u32_at(trex, 4) == Some(id));
        let sample = own.and_then(|trex| u32_at(trex, 12)).unwrap_or(0);
        let edits = inside(trak, b"edts").and_then(|edts| inside(edts, b"elst"));
        let shift_ns = edits.map_or(0, |edits| shift_ns(edits, movie_scale, scale));
        let table =
            inside(media, b"minf").and_then(|minf| inside(minf, b"stbl")).and_then(|stbl| inside(stbl, b"stts"));
        let next = table.map_or(0, sum);
        Some(Track { id, scale, sample, shift_ns, next, end: next })
    };
    Some(traks.filter_map(|(_, trak)| track(trak)).collect())
}

/// Units a second, of `mvhd` and of `mdhd`.
fn time_scale(header: &[u8]) -> Option<u32> {
    u32_at(header, if header.first()? == &0 { 12 } else { 20 }).filter(|scale| *scale > 0)
}

/// What an edit list adds to the times of its track.
fn shift_ns(edits: &[u8], movie_scale: u32, scale: u32) -> i128 {
    let (long, mut shift_ns) = (edits.first() == Some(&1), 0);
    for n in 0..u32_at(edits, 4).unwrap_or(0).min(16) as usize {
        let edit = 8 + n * if long { 20 } else { 12 };
        let times = match long {
            true => u64_at(edits, edit).zip(u64_at(edits, edit + 8).map(|time| i128::from(time as i64))),
            false => {
                u32_at(edits, edit).map(u64::from).zip(u32_at(edits, edit + 4).map(|time| i128::from(time as i32)))
            }
        };
        let Some((lasts, from)) = times else { break };
        if from >= 0 {
            return shift_ns - from * 1_000_000_000 / i128::from(scale);
        }
        shift_ns += i128::from(lasts) * 1_000_000_000 / i128::from(movie_scale);
    }
    shift_ns
}

/// The sum of a table of sample lengths (`stts`).
fn sum(table: &[u8]) -> i128 {
    let runs = table.get(8..).unwrap_or_default().chunks_exact(8);
    runs.filter_map(|run| Some(i128::from(u32_at(run, 0)?) * i128::from(u32_at(run, 4)?))).sum()
}

/// Adds the samples of one track of a fragment.
fn fragment(traf: &[u8], tracks: &mut [Track]) -> Option<()> {
    let header = inside(traf, b"tfhd")?;
    let (flags, id) = (u32_at(header, 0)?, u32_at(header, 4)?);
    let track = tracks.iter_mut().find(|track| track.id == id)?;
    let sample = match flags & 0x8 {
        0 => track.sample,
        _ => u32_at(header, 8 + if flags & 0x1 == 0 { 0 } else { 8 } + if flags & 0x2 == 0 { 0 } else { 4 })?,
    };
    let begins = inside(traf, b"tfdt").and_then(|tfdt| match tfdt.first()? {
        0 => u32_at(tfdt, 4).map(u64::from),
        _ => u64_at(tfdt, 4),
    });
    let mut at = begins.map_or(track.next, i128::from);
    for (_, run) in boxes(traf).filter(|(kind, _)| kind == b"trun") {
        let (flags, count) = (u32_at(run, 0)?, u32_at(run, 4)?);
        let has = |flag: u32| if flags & flag == 0 { 0 } else { 4 };
        let bytes = has(0x100) + has(0x200) + has(0x400) + has(0x800);
        if bytes == 0 {
            at += i128::from(count) * i128::from(sample);
            track.end = track.end.max(at);
            continue;
        }
        let samples = run.get(8 + has(0x1) + has(0x4)..)?.chunks_exact(bytes);
        for one in samples.take(count as usize) {
            let lasts = if has(0x100) > 0 { u32_at(one, 0)? } else { sample };
            // Version 0 has no sign, but no offset is so large either.
            let shown_later = if has(0x800) > 0 { u32_at(one, bytes - 4)? as i32 } else { 0 };
            at += i128::from(lasts);
            track.end = track.end.max(at + i128::from(shown_later));
        }
    }
    track.next = at;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::media::tests::film_as;

    #[test]
    fn films_in_fragments_are_as_long_as_their_last_sample_says() {
        let folder = tempfile::tempdir().unwrap();
        let inputs = ["testsrc=s=160x90:r=30", "sine=r=48000"];
        for (flags, more) in [
            ("frag_keyframe+empty_moov", &["-bf", "0"][..]),
            ("frag_keyframe+empty_moov", &["-bf", "2"]),
            // The first fragment lies in the table itself; no table of fragments at the end.
            ("frag_keyframe", &["-bf", "2"]),
            ("frag_keyframe+empty_moov+default_base_moof+skip_trailer", &["-bf", "0"]),
            ("frag_keyframe+empty_moov+separate_moof+delay_moov", &["-bf", "2"]),
            ("frag_keyframe+empty_moov+global_sidx", &["-bf", "0"]),
        ] {
            let how: Vec<&str> = ["-movflags", flags].iter().chain(more).copied().collect();
            let length = length_ns(&film_as(folder.path(), &inputs, 6, &how)).expect("it has fragments");
            // The last packet of sound may end a little later, and pictures that wait for others begin later.
            assert!((6_000_000_000..6_070_000_000).contains(&length), "{flags} {more:?}: {length}");
        }
        let path = film_as(folder.path(), &inputs, 6, &["-movflags", "frag_keyframe+empty_moov"]);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() * 3 / 4]).unwrap();
        let cut = length_ns(&path).unwrap();
        assert!((3_000_000_000..5_500_000_000).contains(&cut), "what is there of one that was cut off: {cut}");
        // No byte of it makes the walk fall over.
        for (at, flipped) in (0..bytes.len().min(4_000)).zip([0xff, 0x80, 0x01, 0x7f].into_iter().cycle()) {
            let mut bytes = bytes[..20_000].to_vec();
            bytes[at] ^= flipped;
            std::fs::write(&path, bytes).unwrap();
            length_ns(&path);
        }
        assert_eq!(length_ns(&film_as(folder.path(), &inputs, 1, &[])), None);
        assert_eq!(length_ns(Path::new("gone.mp4")), None);
    }
}
