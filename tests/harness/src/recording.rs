//! Reads a recording back: which frame of which source was seen when, and what was heard.

use crate::barcode::{self, Area, Mark};
use crate::beep::{self, Beep};
use crate::clip::{SAMPLES, flash_block};
use crate::flv::Flv;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

/// Shapes of pictures that are looked for, where nothing else is said: width to height.
pub const SHAPES: [(usize, usize); 2] = [(16, 9), (4, 3)];
/// A picture darker than this on average is black: video's black is 16.
const BLACK: i32 = 20;
/// A flash is white, 235, and its block black, 16, without one.
const FLASH: i32 = 125;
/// Samples in a packet of AAC.
const AAC_SAMPLES: usize = 1024;

/// One picture of a recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picture {
    /// Presentation time, milliseconds.
    pub pts_ms: i64,
    /// What its strip says; none for a slate, in the midst of a mix, or for a film that carries none.
    pub mark: Option<Mark>,
    /// Whether the flash is lit.
    pub flash: bool,
    /// Whether it is black.
    pub black: bool,
}

/// A beep with its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// When it begins, milliseconds.
    pub at_ms: f64,
    /// The source whose pitch it has.
    pub source: Option<u8>,
}

/// The picture passes from one source to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Switch {
    /// Index of the first picture of the new one.
    pub picture: usize,
    /// Its time, milliseconds.
    pub pts_ms: i64,
    /// The source before; none where no strip was seen.
    pub from: Option<u8>,
    /// The source from here on.
    pub to: Option<u8>,
}

/// A recording, read whole.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its packets.
    pub flv: Flv,
    /// Its pictures, in order of presentation.
    pub pictures: Vec<Picture>,
    /// Its beeps.
    pub beeps: Vec<Heard>,
}

impl Recording {
    /// Reads a file, looking for pictures in the usual shapes.
    pub fn read(path: &Path) -> Recording {
        Recording::read_shapes(path, &SHAPES)
    }

    /// Reads a file. `shapes` are the widths and heights of pictures that may stand in it, fitted and centred.
    pub fn read_shapes(path: &Path, shapes: &[(usize, usize)]) -> Recording {
        let flv = Flv::open(path).unwrap_or_else(|e| panic!("{} is no recording: {}", path.display(), e.0));
        let mut times: Vec<i64> = flv.video.iter().map(|packet| packet.pts_ms).collect();
        times.sort_unstable();
        let pictures = pictures(path, &times, shapes);
        let sound = if flv.audio.is_empty() { Vec::new() } else { sound(path) };
        let beeps = beep::find(&sound).into_iter().map(|found| heard(&flv, found)).collect();
        Recording { flv, pictures, beeps }
    }

    /// Every passing from one source to another, in order. Pictures in doubt (a mix) belong to neither: the switch is
    /// at the first one that is sure.
    pub fn switches(&self) -> Vec<Switch> {
        let mut switches: Vec<Switch> = Vec::new();
        let mut last = self.pictures.first().and_then(|p| p.mark).map(|m| m.source);
        for (picture, shown) in self.pictures.iter().enumerate() {
            let source = shown.mark.map(|mark| mark.source);
            if source != last {
                switches.push(Switch { picture, pts_ms: shown.pts_ms, from: last, to: source });
                last = source;
            }
        }
        switches
    }

    /// The first picture of `source` at or after `from_ms`: its index.
    pub fn first_of(&self, source: u8, from_ms: i64) -> Option<usize> {
        self.pictures.iter().position(|p| p.pts_ms >= from_ms && p.mark.is_some_and(|m| m.source == source))
    }

    /// For each time that a source leaves the picture by itself: how long its last new picture stood, milliseconds.
    /// Measured from the first showing of its highest-numbered picture to the first picture of what follows.
    pub fn last_picture_stood(&self) -> Vec<(Switch, i64)> {
        let stood = |switch: &Switch| {
            let before = self.pictures[..switch.picture].iter().rev();
            let last = before.clone().find_map(|p| p.mark)?;
            let first = before.take_while(|p| p.mark.is_none_or(|m| m == last)).last()?;
            Some((*switch, switch.pts_ms - first.pts_ms))
        };
        self.switches().iter().filter(|switch| switch.from.is_some()).filter_map(stood).collect()
    }

    /// Pictures that are black.
    pub fn black(&self) -> usize {
        self.pictures.iter().filter(|p| p.black).count()
    }

    /// For each flash of `source`: how much later its beep is heard, milliseconds (negative: earlier). A flash whose
    /// beep is not heard within 400 ms is left out.
    pub fn sound_after_picture(&self, source: u8) -> Vec<(i64, f64)> {
        let mut offsets = Vec::new();
        for pair in self.pictures.windows(2) {
            let of_source = |p: &Picture| p.mark.is_some_and(|m| m.source == source);
            if !(of_source(&pair[0]) && of_source(&pair[1]) && !pair[0].flash && pair[1].flash) {
                continue;
            }
            let flash = pair[1].pts_ms as f64;
            let near = self.beeps.iter().filter(|b| b.source == Some(source)).map(|b| b.at_ms - flash);
            let nearest = near.min_by(|a, b| a.abs().total_cmp(&b.abs()));
            if let Some(offset) = nearest.filter(|offset| offset.abs() < 400.0) {
                offsets.push((pair[1].pts_ms, offset));
            }
        }
        offsets
    }

    /// Longest run of pictures that show the same frame of `source`, as a sign of a freeze.
    pub fn longest_repeat(&self, source: u8) -> usize {
        let marks: Vec<_> = self.pictures.iter().map(|p| p.mark.filter(|m| m.source == source)).collect();
        marks.chunk_by(|a, b| a == b).filter(|run| run[0].is_some()).map(<[_]>::len).max().unwrap_or(0)
    }
}

fn ffmpeg(path: &Path, arguments: &[&str]) -> std::process::Child {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-i"]).arg(path).args(arguments);
    command.stdout(Stdio::piped()).spawn().expect("start ffmpeg; ./dev setup installs it")
}

/// Width and height of the video.
fn size(path: &Path) -> (usize, usize) {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0"]);
    let output = command.arg(path).output().expect("start ffprobe; ./dev setup installs it");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.trim().split(',').map(|n| n.parse::<usize>());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(width)), Some(Ok(height))) => (width, height),
        _ => panic!("{} has no video: {text}{}", path.display(), String::from_utf8_lossy(&output.stderr)),
    }
}

fn pictures(path: &Path, times: &[i64], shapes: &[(usize, usize)]) -> Vec<Picture> {
    let (width, height) = size(path);
    let areas: Vec<Area> = shapes.iter().map(|shape| Area::fitted(*shape, (width, height))).collect();
    let mut child =
        ffmpeg(path, &["-map", "0:v", "-fps_mode", "passthrough", "-pix_fmt", "gray", "-f", "rawvideo", "-"]);
    let mut out = child.stdout.take().expect("its output is a pipe");
    let mut luma = vec![0u8; width * height];
    let mut pictures = Vec::with_capacity(times.len());
    // Gray is full range at ffmpeg: 16 becomes 0 and 235 becomes 255, and thresholds in the middle stay right.
    while out.read_exact(&mut luma).is_ok() {
        let pts_ms = times.get(pictures.len()).copied().unwrap_or(i64::MAX);
        pictures.push(look(&luma, (width, height), &areas, pts_ms));
    }
    child.wait().expect("wait for ffmpeg");
    assert_eq!(pictures.len(), times.len(), "{}: each packet is one picture", path.display());
    pictures
}

fn look(luma: &[u8], (width, height): (usize, usize), areas: &[Area], pts_ms: i64) -> Picture {
    let found = areas.iter().find_map(|area| Some((*area, barcode::read(luma, width, *area)?)));
    let lit = |area: Area| {
        let block = flash_block(area);
        let (w, h) = (block.width / 4, block.height / 4);
        let x = (block.x + w, block.x + block.width - w);
        barcode::mean(luma, width, x, (block.y + h, block.y + block.height - h)) > FLASH
    };
    Picture {
        pts_ms,
        mark: found.map(|(_, mark)| mark),
        flash: found.is_some_and(|(area, _)| lit(area)),
        black: barcode::mean(luma, width, (0, width), (0, height)) < BLACK,
    }
}

/// The sound as one channel at 48 kHz.
fn sound(path: &Path) -> Vec<i16> {
    let mut child = ffmpeg(path, &["-map", "0:a", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"]);
    let mut bytes = Vec::new();
    child.stdout.take().expect("its output is a pipe").read_to_end(&mut bytes).expect("read ffmpeg's output");
    child.wait().expect("wait for ffmpeg");
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// The time of a beep by the packet that its first sample lies in, so that a gap before it moves nothing.
fn heard(flv: &Flv, beep: Beep) -> Heard {
    let packet = flv.audio.get(beep.sample / AAC_SAMPLES).map_or(0, |packet| packet.pts_ms);
    let into = (beep.sample % AAC_SAMPLES) as f64 * 1000.0 / f64::from(SAMPLES);
    Heard { at_ms: packet as f64 + into, source: beep.source() }
}
