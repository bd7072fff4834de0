//! What a source has ready: pictures and sound by the moment at which they are due.
//!
//! The source's streaming threads put, the mixer takes. A full store makes the source wait, so that a jitter
//! buffer of seconds is kept encoded, before the decoder, and not as megabytes of pictures.
//!
//! Moments are nanoseconds on the reader's scale: the machine's monotonic clock for live sources, the position
//! in the clip for files.

use super::sound_queue::SoundQueue;
use crate::lock::{hold, whole};
use automation::sight::SILENT_BELOW;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

/// Decoded pictures that wait, at most: 50 MB at 1080p. It must hold what lies between two reads.
const PICTURES_MAX: usize = 16;
/// Decoded sound that waits, at most, in sample frames: 6 s, more than the longest jitter buffer.
const SOUND_FRAMES_MAX: usize = 6 * 48_000;
/// Length of a stretch whose highest sample is kept, sample frames: half a second.
const PEAK_FRAMES: usize = 24_000;
/// One decoded picture in the house size.
#[derive(Clone, Debug)]
pub struct Picture {
    /// When it is due.
    pub due_ns: u64,
    /// I420 in the house format; shared, never copied.
    pub buffer: gstreamer::Buffer,
}

/// The store.
#[derive(Debug, Default)]
pub struct Store {
    inner: Mutex<Inner>,
    taken: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    closed: bool,
    pictures: VecDeque<Picture>,
    shown: Option<Picture>,
    pictures_in: u64,
    last_in_ns: Option<u64>,
    sound: SoundQueue,
    /// Whether what came in since somebody last asked was silent; none where nothing came.
    silent: Option<bool>,
    /// Highest samples of the half second that is being filled, and of the one before it.
    peaks: [f32; 2],
    peak_frames: usize,
}

impl Inner {
    fn meter(&mut self, samples: &[f32]) {
        if self.peak_frames >= PEAK_FRAMES {
            self.peaks = [0.0, self.peaks[0]];
            self.peak_frames = 0;
        }
        self.peak_frames += samples.len() / 2;
        self.peaks[0] = samples.iter().fold(self.peaks[0], |peak, sample| peak.max(sample.abs()));
    }
}

/// What one look at the pictures found.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The newest picture that is due; it stays until a newer one is.
    pub picture: Option<Picture>,
    /// How many became due since the last look; the older ones of them are never seen.
    pub taken: u32,
}

impl Store {
    fn hold(&self) -> MutexGuard<'_, Inner> {
        hold(&self.inner)
    }

    /// Adds a picture; waits while the store is full. False: the store is closed, and the source shall end.
    pub fn put_picture(&self, picture: Picture) -> bool {
        let inner = self.hold();
        let mut inner = whole(self.taken.wait_while(inner, |i| !i.closed && i.pictures.len() >= PICTURES_MAX));
        if inner.closed {
            return false;
        }
        inner.pictures_in += 1;
        inner.last_in_ns = Some(picture.due_ns);
        // A source whose time ran back: what was due later is not true any more.
        while inner.pictures.back().is_some_and(|last| last.due_ns >= picture.due_ns) {
            inner.pictures.pop_back();
        }
        inner.pictures.push_back(picture);
        true
    }

    /// Adds interleaved stereo that is due at `due_ns`; waits while the store is full. False: closed.
    pub fn put_sound(&self, due_ns: u64, samples: &[f32]) -> bool {
        let inner = self.hold();
        let mut inner = whole(self.taken.wait_while(inner, |i| !i.closed && i.sound.waiting() >= SOUND_FRAMES_MAX));
        if inner.closed {
            return false;
        }
        inner.sound.put(due_ns, samples);
        let silent = inner.silent.unwrap_or(true) && samples.iter().all(|sample| sample.abs() < SILENT_BELOW);
        inner.silent = Some(silent);
        inner.meter(samples);
        true
    }

    /// The newest picture that is due at `at_ns`. Older ones are let go.
    pub fn look(&self, at_ns: u64) -> Looked {
        let mut inner = self.hold();
        let mut taken = 0;
        while inner.pictures.front().is_some_and(|p| p.due_ns <= at_ns) {
            inner.shown = inner.pictures.pop_front();
            taken += 1;
        }
        if taken > 0 {
            self.taken.notify_all();
        }
        Looked { picture: inner.shown.clone(), taken }
    }

    /// The first picture, whether due or not: a clip that stands ready.
    pub fn first(&self) -> Option<Picture> {
        let inner = self.hold();
        inner.shown.clone().or_else(|| inner.pictures.front().cloned())
    }

    /// Takes the sound that is due from `at_ns` on into `out` (interleaved stereo). Where there is none, silence.
    pub fn listen(&self, at_ns: u64, out: &mut [f32]) {
        let mut inner = self.hold();
        inner.sound.listen(at_ns, out);
        self.taken.notify_all();
    }

    /// Lets sound go that nobody listens to: what was due before `at_ns`.
    pub fn pass(&self, at_ns: u64) {
        let mut inner = self.hold();
        inner.sound.pass(at_ns);
        self.taken.notify_all();
    }

    /// Lets all go that waits: the source begins anew. What was shown last stays, to bridge.
    pub fn clear(&self) {
        let mut inner = self.hold();
        inner.pictures.clear();
        inner.sound.clear();
        self.taken.notify_all();
    }

    /// Ends every wait; from now on the source is told to end.
    pub fn close(&self) {
        self.hold().closed = true;
        self.taken.notify_all();
    }

    /// Opens it again for the source's next try.
    pub fn open(&self) {
        self.hold().closed = false;
    }

    /// Whether it would take a picture and sound at once: what does not come, the source does not have.
    pub fn has_room(&self) -> bool {
        let inner = self.hold();
        inner.pictures.len() < PICTURES_MAX && inner.sound.waiting() < SOUND_FRAMES_MAX
    }

    /// Whether next to no picture waits: whoever gives them, and not who takes them, says when they are shown.
    pub fn is_dry(&self) -> bool {
        self.hold().pictures.len() <= 2
    }

    /// Whether the sound that came in since the last call was silent; none where none came.
    pub fn was_silent(&self) -> Option<bool> {
        self.hold().silent.take()
    }

    /// Whether its sound flows: what waits is what is due at `at_ns`.
    pub fn sounds(&self, at_ns: u64) -> bool {
        self.hold().sound.covers(at_ns)
    }

    /// Highest sample of the last second or so of sound, 0 to 1.
    pub fn peak(&self) -> f32 {
        let [now, before] = self.hold().peaks;
        now.max(before)
    }

    /// Pictures and sample frames that came in since the start.
    pub fn counts(&self) -> (u64, u64) {
        let inner = self.hold();
        (inner.pictures_in, inner.sound.frames_in())
    }
}

#[cfg(test)]
mod tests;
