//! Reads a recording back: which frame of which source was seen when, and what was heard.

use crate::barcode::{self, Area, Mark};
use crate::beep::{self, Beep};
use crate::clip::{FLASH_MS, SAMPLES, flash_block};
use crate::flv::Flv;
use crate::frames::{self, Frame, ffmpeg};
use std::io::Read;
use std::path::Path;
use std::process::Command;

/// Shapes of pictures that are looked for, where nothing else is said: width to height.
pub const SHAPES: [(usize, usize); 2] = [(16, 9), (4, 3)];
/// A picture darker than this on average is black: video's black is 16.
const BLACK: f64 = 20.0;
/// A flash is white, 235, and its block black, 16, without one.
const FLASH: f64 = 125.0;
/// Samples in a packet of AAC.
const AAC_SAMPLES: usize = 1024;
/// A flash so near to the end of what is shown of its source has no whole beep, milliseconds: the end cuts it off, and
/// sound may end a packet before the picture.
const CUT_OFF_MS: i64 = 150;

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
    /// Mean luma and chroma (Y, U, V) where films made for measuring are plain: between the strip and all that moves.
    pub plain: [f64; 3],
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

/// A source fills the picture, from one switch to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// The source.
    pub source: u8,
    /// Index of its first picture.
    pub first: usize,
    /// Index after its last one.
    pub end: usize,
    /// When its last new frame is seen first, milliseconds: what follows is that frame, held.
    pub last_new_ms: i64,
}

/// A flash, and its beep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flash {
    /// When the flash is seen first, milliseconds.
    pub at_ms: i64,
    /// How much later its beep begins, milliseconds (negative: earlier). None: no beep of its source within
    /// half a second.
    pub sound_after_ms: Option<f64>,
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

    /// Reads a file of another format, such as MPEG-TS or MP4, by ffmpeg's way of packing it into FLV.
    pub fn read_packed(path: &Path) -> Recording {
        let scratch = tempfile::tempdir().expect("make a folder");
        let flv = scratch.path().join("packed.flv");
        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"]);
        // A packet that is cut off is none.
        command.args(["-fflags", "+discardcorrupt", "-i"]).arg(path);
        let done = command.args(["-map", "0:v", "-map", "0:a", "-c", "copy", "-f", "flv"]).arg(&flv).output();
        let done = done.expect("start ffmpeg; ./dev setup installs it");
        assert!(flv.is_file(), "{}: {}", path.display(), String::from_utf8_lossy(&done.stderr));
        Recording::read(&flv)
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

    /// Every stretch of one source, in order. Pictures in doubt (a mix) and slates belong to none.
    pub fn stretches(&self) -> Vec<Stretch> {
        let mut stretches = Vec::new();
        let mut first = 0;
        for run in self.pictures.chunk_by(|a, b| a.mark.map(|m| m.source) == b.mark.map(|m| m.source)) {
            let end = first + run.len();
            if let Some(mark) = run[run.len() - 1].mark {
                let held = run.iter().rev().take_while(|p| p.mark == Some(mark)).count();
                let last_new_ms = run[run.len() - held].pts_ms;
                stretches.push(Stretch { source: mark.source, first, end, last_new_ms });
            }
            first = end;
        }
        stretches
    }

    /// The flashes of a stretch that begin in it and whose beep can be heard whole.
    pub fn flashes(&self, stretch: &Stretch) -> Vec<Flash> {
        let sound_ends_ms = self.flv.audio.last().map_or(i64::MIN, |packet| packet.pts_ms);
        let until_ms = stretch.last_new_ms.min(sound_ends_ms) - CUT_OFF_MS;
        let run = &self.pictures[stretch.first..stretch.end];
        let begun = run.windows(2).filter(|pair| !pair[0].flash && pair[1].flash).map(|pair| pair[1].pts_ms);
        begun.filter(|at_ms| *at_ms <= until_ms).map(|at_ms| self.flash(stretch.source, at_ms)).collect()
    }

    /// When a picture of the stretch is seen that is not the next one of its film: some were left out, or one is shown
    /// twice. That the film begins again is no such thing.
    pub fn moved_ms(&self, stretch: &Stretch) -> Vec<i64> {
        let counter = |picture: &Picture| picture.mark.map(|mark| mark.counter);
        let run = &self.pictures[stretch.first..stretch.end];
        let moved = run.windows(2).filter(|pair| {
            let (before, now) = (counter(&pair[0]), counter(&pair[1]));
            let again = now == Some(0) && before != now;
            !again && before.map(|before| before + 1) != now
        });
        moved.map(|pair| pair[1].pts_ms).collect()
    }

    /// Every such flash of one source, wherever it is shown.
    pub fn flashes_of(&self, source: u8) -> Vec<Flash> {
        let of_source = self.stretches().into_iter().filter(|stretch| stretch.source == source);
        of_source.flat_map(|stretch| self.flashes(&stretch)).collect()
    }

    fn flash(&self, source: u8, at_ms: i64) -> Flash {
        let of_source = self.beeps.iter().filter(|beep| beep.source == Some(source));
        let nearest = of_source.map(|b| b.at_ms - at_ms as f64).min_by(|a, b| a.abs().total_cmp(&b.abs()));
        // Beeps come each second: what is further away is another one's.
        Flash { at_ms, sound_after_ms: nearest.filter(|ms| ms.abs() <= 500.0) }
    }

    /// Beeps of a source that is neither seen when they begin nor within `slack_ms` before and after. Near a switch two
    /// sources may be heard at once, and their pitches together are nobody's: what begins there is left out.
    pub fn beeps_without_picture(&self, slack_ms: f64) -> Vec<Heard> {
        let switches = self.switches();
        let at_a_switch = |beep: &Heard| {
            let from_switch = |switch: &Switch| (switch.pts_ms as f64 - beep.at_ms).abs();
            switches.iter().any(|switch| from_switch(switch) <= slack_ms + FLASH_MS as f64)
        };
        let fits = |beep: &Heard, picture: &Picture| {
            let near = (picture.pts_ms as f64 - beep.at_ms).abs() <= slack_ms;
            near && picture.mark.is_none_or(|mark| Some(mark.source) == beep.source)
        };
        let alone = self.beeps.iter().filter(|beep| beep.source.is_some() && !at_a_switch(beep));
        alone.filter(|beep| !self.pictures.iter().any(|picture| fits(beep, picture))).copied().collect()
    }

    /// Longest run of pictures that show the same frame of `source`, as a sign of a freeze.
    pub fn longest_repeat(&self, source: u8) -> usize {
        let marks: Vec<_> = self.pictures.iter().map(|p| p.mark.filter(|m| m.source == source)).collect();
        marks.chunk_by(|a, b| a == b).filter(|run| run[0].is_some()).map(<[_]>::len).max().unwrap_or(0)
    }
}

fn pictures(path: &Path, times: &[i64], shapes: &[(usize, usize)]) -> Vec<Picture> {
    let mut pictures: Vec<Picture> = Vec::with_capacity(times.len());
    let count = frames::each(path, |frame| {
        let areas: Vec<Area> = shapes.iter().map(|shape| Area::fitted(*shape, (frame.width, frame.height))).collect();
        let pts_ms = times.get(pictures.len()).copied().unwrap_or(i64::MAX);
        pictures.push(look(frame, &areas, pts_ms));
    });
    assert_eq!(count, times.len(), "{}: each packet is one picture", path.display());
    pictures
}

fn look(frame: &Frame<'_>, areas: &[Area], pts_ms: i64) -> Picture {
    let (luma, width, height) = (frame.y, frame.width, frame.height);
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
        // A film has nothing but its own grey and colour there.
        plain: frame.mean(Area { x: 0, y: height / 6, width, height: height / 4 - height / 6 }),
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
