//! A reader of FLV files with H.264 and AAC, as RTMP servers record them (Adobe "Video File Format Specification"
//! version 10, annex E; parameter sets by ISO/IEC 14496-15, 5.2.4).

use std::collections::BTreeMap;

/// Type of a sequence parameter set's NAL unit (ITU-T H.264, table 7-1).
pub const NAL_SPS: u8 = 7;
/// Type of a picture parameter set's NAL unit.
pub const NAL_PPS: u8 = 8;
/// Type of an IDR picture's NAL unit.
pub const NAL_IDR: u8 = 5;

/// A packet of video: one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoPacket {
    /// Decoding time, milliseconds.
    pub dts_ms: i64,
    /// Presentation time, milliseconds.
    pub pts_ms: i64,
    /// Whether its tag says keyframe.
    pub key: bool,
    /// Types of its NAL units, in order.
    pub nals: Vec<u8>,
}

/// A packet of sound: 1024 samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioPacket {
    /// Presentation time, milliseconds.
    pub pts_ms: i64,
    /// Size, bytes.
    pub bytes: usize,
}

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub struct Flv {
    /// Pictures, as they stand in the file.
    pub video: Vec<VideoPacket>,
    /// Sound, as it stands in the file.
    pub audio: Vec<AudioPacket>,
    /// Every AVC decoder configuration, in order.
    pub avc_headers: Vec<Vec<u8>>,
    /// Every AudioSpecificConfig, in order.
    pub aac_headers: Vec<Vec<u8>>,
    /// Every SPS and PPS, of headers and among pictures, in order.
    pub parameter_sets: Vec<Vec<u8>>,
    /// Whether the file ends inside a tag, as one does that is still being written.
    pub cut_off: bool,
    /// Bytes of a NAL unit's length.
    length_bytes: usize,
}

/// Why a file cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub struct BadFlv(pub String);

fn bad<T>(what: impl Into<String>) -> Result<T, BadFlv> {
    Err(BadFlv(what.into()))
}

impl Flv {
    /// Reads a file. One that ends inside a tag is read up to there.
    pub fn parse(bytes: &[u8]) -> Result<Flv, BadFlv> {
        let Some(b"FLV") = bytes.get(..3) else { return bad("it does not begin with FLV") };
        let Some(head) = bytes.get(5..9) else { return bad("its header is cut off") };
        let head = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let mut flv = Flv::default();
        let mut rest = bytes.get(head + 4..).unwrap_or_default();
        while !rest.is_empty() {
            let Some(tag) = rest.first_chunk::<11>() else {
                flv.cut_off = true;
                break;
            };
            let size = u32::from_be_bytes([0, tag[1], tag[2], tag[3]]) as usize;
            let at_ms = i64::from(i32::from_be_bytes([tag[7], tag[4], tag[5], tag[6]]));
            let Some(body) = rest.get(11..11 + size) else {
                flv.cut_off = true;
                break;
            };
            match tag[0] & 0x1f {
                8 => flv.audio_tag(at_ms, body)?,
                9 => flv.video_tag(at_ms, body)?,
                18 => {}
                kind => return bad(format!("a tag of type {kind}")),
            }
            rest = rest.get(11 + size + 4..).unwrap_or_default();
        }
        Ok(flv)
    }

    /// Reads a file from disk.
    pub fn open(path: &std::path::Path) -> Result<Flv, BadFlv> {
        let bytes = std::fs::read(path).map_err(|e| BadFlv(format!("{}: {e}", path.display())))?;
        Flv::parse(&bytes)
    }

    fn audio_tag(&mut self, at_ms: i64, body: &[u8]) -> Result<(), BadFlv> {
        match body {
            [head, 0, config @ ..] if head >> 4 == 10 => self.aac_headers.push(config.to_vec()),
            [head, 1, raw @ ..] if head >> 4 == 10 => {
                self.audio.push(AudioPacket { pts_ms: at_ms, bytes: raw.len() });
            }
            _ => return bad("sound that is not AAC"),
        }
        Ok(())
    }

    fn video_tag(&mut self, at_ms: i64, body: &[u8]) -> Result<(), BadFlv> {
        let [head, kind, c0, c1, c2, data @ ..] = body else { return bad("a video tag without a body") };
        if head & 0x0f != 7 {
            return bad("video that is not H.264");
        }
        match kind {
            0 => self.avc_header(data),
            1 => {
                let composition = i32::from_be_bytes([*c0, *c1, *c2, 0]) >> 8;
                let nals = self.nal_units(data)?;
                let packet =
                    VideoPacket { dts_ms: at_ms, pts_ms: at_ms + i64::from(composition), key: head >> 4 == 1, nals };
                self.video.push(packet);
                Ok(())
            }
            // End of sequence.
            _ => Ok(()),
        }
    }

    fn avc_header(&mut self, config: &[u8]) -> Result<(), BadFlv> {
        let short = || BadFlv("a decoder configuration that is cut off".into());
        self.length_bytes = usize::from(config.get(4).ok_or_else(short)? & 3) + 1;
        let mut at = 5;
        for mask in [0x1f, 0xff] {
            let count = config.get(at).ok_or_else(short)? & mask;
            at += 1;
            for _ in 0..count {
                let size = config.get(at..at + 2).ok_or_else(short)?;
                let size = usize::from(u16::from_be_bytes([size[0], size[1]]));
                let set = config.get(at + 2..at + 2 + size).ok_or_else(short)?;
                self.parameter_sets.push(set.to_vec());
                at += 2 + size;
            }
        }
        self.avc_headers.push(config.to_vec());
        Ok(())
    }

    fn nal_units(&mut self, mut data: &[u8]) -> Result<Vec<u8>, BadFlv> {
        let mut types = Vec::new();
        if self.length_bytes == 0 {
            return bad("a picture before the decoder configuration");
        }
        while let Some(length) = data.get(..self.length_bytes) {
            let size = length.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
            let Some(unit) = data.get(self.length_bytes..self.length_bytes + size) else {
                return bad("a NAL unit longer than its tag");
            };
            let kind = unit.first().map_or(0, |b| b & 0x1f);
            if kind == NAL_SPS || kind == NAL_PPS {
                self.parameter_sets.push(unit.to_vec());
            }
            types.push(kind);
            data = &data[self.length_bytes + size..];
        }
        Ok(types)
    }

    /// How many NAL units of each type there are.
    pub fn nal_count(&self) -> BTreeMap<u8, usize> {
        let mut count = BTreeMap::new();
        for kind in self.video.iter().flat_map(|packet| &packet.nals) {
            *count.entry(*kind).or_default() += 1;
        }
        count
    }

    /// Parameter sets that differ from those at the beginning: a change that a platform would see. Sets are told
    /// apart by their type only, as every stream here has one of each.
    pub fn parameter_changes(&self) -> usize {
        let kind = |set: &Vec<u8>| set.first().map_or(0, |b| b & 0x1f);
        let mut first: BTreeMap<u8, &Vec<u8>> = BTreeMap::new();
        let mut changes = 0;
        // The last byte of a NAL unit is never zero (H.264, 7.4.1): zeros behind it are the packing's.
        let whole = |set: &Vec<u8>| set.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for set in &self.parameter_sets {
            let known = *first.entry(kind(set)).or_insert(set);
            changes += usize::from(known[..whole(known)] != set[..whole(set)]);
        }
        // An empty one says that the configuration is yet to come.
        let sound: Vec<_> = self.aac_headers.iter().filter(|config| !config.is_empty()).collect();
        changes + sound.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    /// Packets whose time does not rise over that of the one before in their track.
    pub fn backward(&self) -> usize {
        let video = self.video.windows(2).filter(|pair| pair[1].dts_ms <= pair[0].dts_ms).count();
        let audio = self.audio.windows(2).filter(|pair| pair[1].pts_ms <= pair[0].pts_ms).count();
        video + audio
    }

    /// Pictures that are missing between the first and the last at `fps` pictures a second.
    pub fn missing(&self, fps: f64) -> u64 {
        let mut times: Vec<i64> = self.video.iter().map(|packet| packet.pts_ms).collect();
        times.sort_unstable();
        let gap = |pair: &[i64]| ((pair[1] - pair[0]) as f64 * fps / 1000.0).round().max(1.0) as u64 - 1;
        times.windows(2).map(gap).sum()
    }

    /// Steps between packets of sound that are no 1024 samples at 48 kHz: 21 or 22 ms.
    pub fn sound_gaps(&self) -> Vec<i64> {
        let steps = self.audio.windows(2).map(|pair| pair[1].pts_ms - pair[0].pts_ms);
        steps.filter(|step| !(21..=22).contains(step)).collect()
    }

    /// Milliseconds from each keyframe to the next.
    pub fn keyframe_steps(&self) -> Vec<i64> {
        let keys: Vec<i64> = self.video.iter().filter(|p| p.nals.contains(&NAL_IDR)).map(|p| p.pts_ms).collect();
        keys.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Milliseconds by which picture and sound differ in where they end.
    pub fn end_difference_ms(&self) -> i64 {
        let video = self.video.last().map_or(0, |packet| packet.pts_ms);
        video - self.audio.last().map_or(0, |packet| packet.pts_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: u8, at_ms: u32, body: &[u8]) -> Vec<u8> {
        let mut out = vec![kind];
        out.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
        let at = at_ms.to_be_bytes();
        out.extend_from_slice(&[at[1], at[2], at[3], at[0], 0, 0, 0]);
        out.extend_from_slice(body);
        out.extend_from_slice(&(body.len() as u32 + 11).to_be_bytes());
        out
    }

    fn header(sps: u8) -> Vec<u8> {
        tag(9, 0, &[0x17, 0, 0, 0, 0, 1, 0x64, 0, 30, 0xff, 0xe1, 0, 2, 0x67, sps, 1, 0, 1, 0x68])
    }

    fn picture(at_ms: u32, key: bool) -> Vec<u8> {
        let (head, unit) = if key { (0x17, 0x65) } else { (0x27, 0x41) };
        tag(9, at_ms, &[head, 1, 0, 0, 0, 0, 0, 0, 2, unit, 0])
    }

    fn file(tags: &[Vec<u8>]) -> Flv {
        let mut bytes = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
        bytes.extend(tags.concat());
        Flv::parse(&bytes).unwrap()
    }

    #[test]
    fn a_picture_left_out_and_one_too_early_are_noticed() {
        let sound = file(&[header(1), picture(0, true), picture(33, false), picture(67, false)]);
        assert_eq!((sound.missing(30.0), sound.backward(), sound.parameter_changes()), (0, 0, 0));
        let gap = file(&[header(1), picture(0, true), picture(67, false), picture(100, false)]);
        assert_eq!(gap.missing(30.0), 1);
        let back = file(&[header(1), picture(0, true), picture(33, false), picture(33, false)]);
        assert_eq!(back.backward(), 1);
    }

    #[test]
    fn a_changed_parameter_set_is_noticed_in_a_header_and_in_the_stream() {
        let repeated = file(&[header(1), picture(0, true), header(1), picture(33, false)]);
        assert_eq!(repeated.parameter_changes(), 0);
        let changed = file(&[header(1), picture(0, true), header(2), picture(33, false)]);
        assert_eq!(changed.parameter_changes(), 1);
        let inband = tag(9, 67, &[0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x67, 9, 0, 0, 0, 1, 0x65]);
        let changed = file(&[header(1), picture(0, true), inband]);
        assert_eq!((changed.parameter_changes(), changed.nal_count()[&NAL_SPS]), (1, 1));
    }

    #[test]
    fn keyframes_are_counted_from_one_to_the_next() {
        let flv = file(&[header(1), picture(0, true), picture(1000, false), picture(2000, true), picture(4033, true)]);
        assert_eq!(flv.keyframe_steps(), [2000, 2033]);
    }

    #[test]
    fn a_file_that_is_still_being_written_is_read_so_far() {
        let mut bytes = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
        bytes.extend([header(1), picture(0, true), picture(33, false)].concat());
        let flv = Flv::parse(&bytes[..bytes.len() - 9]).unwrap();
        assert!(flv.cut_off && flv.video.len() == 1);
        assert_eq!(Flv::parse(b"MP4").unwrap_err(), BadFlv("it does not begin with FLV".into()));
    }
}
