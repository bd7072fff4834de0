//! Pictures made by us: slates and test patterns. They cannot be lost.

use super::store::Picture;
use crate::program::overlay::Painter;
use crate::program::picture::I420;
use automation::spec::{House, Pattern};
use gstreamer as gst;
use gstreamer_video as gst_video;

/// Frequency of the line-up tone, Hz, and its level, −20 dBFS as an amplitude.
const TONE_HZ: f64 = 1000.0;
const TONE: f32 = 0.1;

/// A picture that stands, and its sound.
#[derive(Clone, Debug)]
pub struct Made {
    picture: Picture,
    tone: bool,
}

impl Made {
    /// A slate.
    pub fn slate(painter: &Painter, house: &House, title: &str, text: &str) -> Made {
        let picture = painter.slate(title, text, house.width, house.height);
        Made { picture: Picture { due_ns: 0, buffer: buffer_of(picture) }, tone: false }
    }

    /// A test pattern.
    pub fn pattern(painter: &Painter, house: &House, pattern: Pattern) -> Made {
        let picture = match pattern {
            Pattern::Bars => painter.bars(house.width, house.height),
            Pattern::Black => {
                let mut black = I420::new(house.width, house.height);
                black.fill_black();
                black
            }
        };
        Made { picture: Picture { due_ns: 0, buffer: buffer_of(picture) }, tone: pattern == Pattern::Bars }
    }

    /// Its picture.
    pub fn picture(&self) -> Picture {
        self.picture.clone()
    }

    /// Its sound from the program's sample `from` on, interleaved stereo.
    pub fn listen(&self, from: u64, out: &mut [f32]) {
        if !self.tone {
            out.fill(0.0);
            return;
        }
        for (i, frame) in out.chunks_exact_mut(2).enumerate() {
            // Whole periods in 48 samples: the phase needs the sample's number only.
            let phase = ((from + i as u64) % 48) as f64 / 48_000.0 * TONE_HZ;
            frame.fill(TONE * (phase * std::f64::consts::TAU).sin() as f32);
        }
    }
}

/// A picture of ours as a buffer that says where its rows are.
pub fn buffer_of(picture: I420) -> gst::Buffer {
    let (width, height) = (picture.width, picture.height);
    let mut buffer = gst::Buffer::from_mut_slice(picture.data);
    describe(&mut buffer, width, height);
    buffer
}

/// Says where the rows of a tight I420 picture are: GStreamer would expect rows of whole words.
pub fn describe(buffer: &mut gst::Buffer, width: u32, height: u32) {
    let (w, h) = (width as usize, height as usize);
    let offsets = [0, w * h, w * h + (w / 2) * (h / 2)];
    let strides = [w as i32, (w / 2) as i32, (w / 2) as i32];
    let buffer = buffer.get_mut().expect("a new buffer has one owner");
    let _ = gst_video::VideoMeta::add_full(
        buffer,
        gst_video::VideoFrameFlags::empty(),
        gst_video::VideoFormat::I420,
        width,
        height,
        &offsets,
        &strides,
    );
}
