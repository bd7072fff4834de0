//! What a source has ready: pictures and sound by the moment at which they are due.
//!
//! The source's streaming threads put, the mixer takes. A full store makes the source wait, so that a jitter
//! buffer of seconds is kept encoded, before the decoder, and not as megabytes of pictures.
//!
//! Moments are nanoseconds on the reader's scale: the machine's monotonic clock for live sources, the position
//! in the clip for files.

use crate::lock::{hold, whole};
use crate::program::sound_mix::Resampler;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

/// Decoded pictures that wait, at most: 50 MB at 1080p. It must hold what lies between two reads.
const PICTURES_MAX: usize = 16;
/// Decoded sound that waits, at most, in sample frames: 6 s, more than the longest jitter buffer.
const SOUND_FRAMES_MAX: usize = 6 * 48_000;
/// A step of the source's sound clock above this is a hole or an overlap and no jitter, nanoseconds.
const SOUND_STEP_NS: i64 = 60_000_000;
/// Sound that is heard this far from its time is set right at once, under a cross-fade; less is drift, nanoseconds.
const SOUND_OFF_NS: f64 = 8_000_000.0;
/// Share of the difference that the estimate of the sound's position takes over per buffer.
const SOUND_FOLLOW: f64 = 0.02;
/// The same while the source's own time is still being found, and for how many buffers: about the first two seconds.
const SOUND_FOLLOW_FIRST: f64 = 0.25;
const SOUND_FIRST_BUFFERS: u32 = 100;
/// Frames in which sound comes and goes: 20 ms.
const RAMP_FRAMES: usize = 960;
/// Fastest correction of drift, parts per million: far below what an ear notices.
const DRIFT_PPM_MAX: f64 = 1500.0;

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
    sound: Sound,
}

/// Sound that waits: one run without holes.
#[derive(Debug, Default)]
struct Sound {
    /// Interleaved stereo.
    samples: VecDeque<f32>,
    /// When the end of the run is due, estimated.
    end_ns: f64,
    resampler: Resampler,
    frames_in: u64,
    buffers: u32,
    playing: bool,
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
        let mut inner =
            whole(self.taken.wait_while(inner, |i| !i.closed && i.sound.samples.len() >= 2 * SOUND_FRAMES_MAX));
        if inner.closed {
            return false;
        }
        inner.sound.put(due_ns, samples);
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
        inner.sound = Sound { frames_in: inner.sound.frames_in, ..Sound::default() };
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

    /// Pictures and sample frames that came in since the start.
    pub fn counts(&self) -> (u64, u64) {
        let inner = self.hold();
        (inner.pictures_in, inner.sound.frames_in)
    }
}

fn frames_ns(frames: usize) -> f64 {
    frames as f64 * 1e9 / 48_000.0
}

impl Sound {
    fn put(&mut self, due_ns: u64, samples: &[f32]) {
        let frames = samples.len() / 2;
        self.frames_in += frames as u64;
        let step = if self.samples.is_empty() { i64::MAX } else { due_ns as i64 - self.end_ns as i64 };
        if step.abs() > SOUND_STEP_NS {
            if step > 0 && step < 1_000_000_000 {
                // A short hole: silence keeps what waits in its place.
                let missing = (step as f64 * 48_000.0 / 1e9) as usize;
                self.samples.extend(std::iter::repeat_n(0.0, missing * 2));
            } else {
                self.samples.clear();
            }
            self.end_ns = due_ns as f64;
        } else {
            let share = if self.buffers < SOUND_FIRST_BUFFERS { SOUND_FOLLOW_FIRST } else { SOUND_FOLLOW };
            self.end_ns += step as f64 * share;
        }
        self.samples.extend(samples);
        self.buffers = self.buffers.saturating_add(1);
        self.end_ns += frames_ns(frames);
    }

    fn begins_ns(&self) -> f64 {
        self.end_ns - frames_ns(self.samples.len() / 2)
    }

    fn drop_frames(&mut self, ns: f64) {
        let surplus = ((ns * 48_000.0 / 1e9) as usize * 2).min(self.samples.len());
        self.samples.drain(..surplus);
    }

    fn pass(&mut self, at_ns: u64) {
        self.playing = false;
        let late_ns = at_ns as f64 - self.begins_ns();
        if late_ns > 0.0 {
            self.drop_frames(late_ns);
        }
    }

    fn listen(&mut self, at_ns: u64, out: &mut [f32]) {
        out.fill(0.0);
        let late_ns = at_ns as f64 - self.begins_ns();
        let bound = if self.playing { SOUND_OFF_NS } else { frames_ns(1) };
        let jumped = late_ns.abs() > bound;
        // What was being heard goes on under the jump, down to silence in 20 ms.
        let tail: Vec<f32> = if self.playing && jumped {
            self.samples.iter().take(out.len().min(2 * RAMP_FRAMES)).copied().collect()
        } else {
            Vec::new()
        };
        self.hear(late_ns, jumped, out);
        for (i, (heard, gone)) in out.chunks_exact_mut(2).zip(tail.chunks_exact(2)).enumerate() {
            let gain = 1.0 - i as f32 / RAMP_FRAMES as f32;
            heard.iter_mut().zip(gone).for_each(|(h, g)| *h += g * gain);
        }
    }

    fn hear(&mut self, late_ns: f64, jumped: bool, out: &mut [f32]) {
        let mut skip = 0;
        if jumped && late_ns > 0.0 {
            // Older than it should be: the surplus goes.
            self.drop_frames(late_ns);
        } else if jumped {
            // Not due yet: silence until then.
            skip = ((-late_ns * 48_000.0 / 1e9) as usize).min(out.len() / 2);
        }
        let out = &mut out[skip * 2..];
        let needed = out.len() / 2;
        let waiting = self.samples.len() / 2;
        if needed == 0 || waiting < RAMP_FRAMES {
            self.playing = false;
            return;
        }
        // Half of the difference is made up in a second.
        let drift_ns = if jumped { 0.0 } else { late_ns };
        let ppm = (drift_ns / 1e9 * 0.5 * 1e6).clamp(-DRIFT_PPM_MAX, DRIFT_PPM_MAX);
        let begins = !self.playing || jumped;
        let ends = waiting < needed + RAMP_FRAMES;
        let frames = if ends { waiting.min(needed) } else { needed };
        let heard = &mut out[..frames * 2];
        self.resampler.pull(&mut self.samples, 1.0 + ppm / 1e6, heard);
        if begins {
            ramp(heard.chunks_exact_mut(2));
        }
        if ends {
            // It may stop here: better down to silence in 20 ms than a click.
            ramp(heard.chunks_exact_mut(2).rev());
        }
        self.playing = !ends;
    }
}

/// Raises frames from silence, in the order given.
fn ramp<'a>(frames: impl Iterator<Item = &'a mut [f32]>) {
    for (i, frame) in frames.take(RAMP_FRAMES).enumerate() {
        let gain = i as f32 / RAMP_FRAMES as f32;
        frame.iter_mut().for_each(|s| *s *= gain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const MS: u64 = 1_000_000;
    const TICK_MS: u64 = 20;

    fn picture(due_ms: u64) -> Picture {
        gstreamer::init().unwrap();
        Picture { due_ns: due_ms * MS, buffer: gstreamer::Buffer::new() }
    }

    /// Puts `ms` milliseconds of a 1 kHz tone that is due at `due_ms`.
    fn tone(store: &Store, due_ms: u64, ms: u64) {
        let samples: Vec<f32> = (0..ms * 48)
            .flat_map(|i| {
                let s = (((due_ms * 48 + i) % 48) as f32 / 48.0 * std::f32::consts::TAU).sin() * 0.5;
                [s, s]
            })
            .collect();
        store.put_sound(due_ms * MS, &samples);
    }

    /// Hears the store from `from_ms` to `to_ms`; the left side.
    fn hear(store: &Store, from_ms: u64, to_ms: u64) -> Vec<f32> {
        let mut heard = Vec::new();
        for at in (from_ms..to_ms).step_by(TICK_MS as usize) {
            let mut out = vec![0.0; (TICK_MS * 48 * 2) as usize];
            store.listen(at * MS, &mut out);
            heard.extend(out.chunks_exact(2).map(|f| f[0]));
        }
        heard
    }

    fn loudest(samples: &[f32]) -> f32 {
        samples.iter().fold(0.0, |a, s| a.max(s.abs()))
    }

    /// Largest step between neighbours; a 1 kHz tone at 0.5 has 0.066.
    fn steepest(samples: &[f32]) -> f32 {
        samples.windows(2).fold(0.0, |a, w| a.max((w[1] - w[0]).abs()))
    }

    #[test]
    fn the_newest_due_picture_is_seen_and_stays() {
        let store = Store::default();
        for due in [0, 33, 66] {
            store.put_picture(picture(due));
        }
        let at = |ms: u64| {
            let looked = store.look(ms * MS);
            (looked.picture.map(|p| p.due_ns / MS), looked.taken)
        };
        assert_eq!(at(50), (Some(33), 2));
        assert_eq!(at(60), (Some(33), 0));
        assert_eq!(at(66), (Some(66), 1));
        assert_eq!(at(9_000), (Some(66), 0), "the last picture bridges");
    }

    #[test]
    fn time_that_runs_back_replaces_what_waits() {
        let store = Store::default();
        for due in [100, 133, 110] {
            store.put_picture(picture(due));
        }
        assert_eq!(store.look(120 * MS).picture.unwrap().due_ns, 110 * MS);
        assert_eq!(store.look(140 * MS).taken, 0);
    }

    #[test]
    fn a_full_store_makes_the_source_wait_and_closing_ends_the_wait() {
        let store = Arc::new(Store::default());
        for due in 0..PICTURES_MAX as u64 {
            assert!(store.put_picture(picture(due)));
        }
        let theirs = store.clone();
        let waits = std::thread::spawn(move || theirs.put_picture(picture(1_000)));
        store.look(0);
        assert!(waits.join().unwrap(), "room was made");
        let theirs = store.clone();
        let waits = std::thread::spawn(move || theirs.put_picture(picture(1_001)));
        store.close();
        assert!(!waits.join().unwrap(), "closed");
    }

    #[test]
    fn sound_comes_at_its_time_and_whole() {
        let store = Store::default();
        tone(&store, 100, 900);
        let heard = hear(&store, 0, 800);
        assert_eq!(loudest(&heard[..100 * 48]), 0.0, "not before it is due");
        let body = &heard[130 * 48..];
        assert!(loudest(body) > 0.49 && steepest(&heard) < 0.07);
        let phase = heard[500 * 48 + 12];
        assert!((phase - 0.5).abs() < 0.01, "the sample that is due is the one that is heard: {phase}");
    }

    #[test]
    fn sound_that_ends_goes_down_without_a_click_and_comes_back_without_one() {
        let store = Store::default();
        tone(&store, 0, 507);
        let mut heard = hear(&store, 0, 800);
        tone(&store, 1000, 500);
        heard.extend(hear(&store, 800, 1400));
        assert!(steepest(&heard) < 0.07, "a click of {}", steepest(&heard));
        assert_eq!(loudest(&heard[520 * 48..1000 * 48]), 0.0);
        assert!(loudest(&heard[1100 * 48..1300 * 48]) > 0.49);
    }

    #[test]
    fn old_sound_is_let_go() {
        let store = Store::default();
        tone(&store, 0, 2000);
        store.pass(1500 * MS);
        let heard = hear(&store, 1500, 1700);
        assert!((heard[150 * 48 + 12] - 0.5).abs() < 0.01);
        let heard = hear(&store, 5000, 5100);
        assert_eq!(loudest(&heard[20 * 48..]), 0.0, "what was heard goes down in 20 ms, and no more comes");
    }

    #[test]
    fn sound_that_began_late_is_set_right_at_once_and_without_a_click() {
        for late_ms in [-45i64, 45] {
            let store = Store::default();
            // The first second is due too late or too early, then the source's time is known.
            for n in 0..100u64 {
                let off = if n < 50 { late_ms } else { 0 };
                let from = 200 + n * 20;
                let samples: Vec<f32> = (0..960u64)
                    .flat_map(|i| {
                        let s = (((from * 48 + i) % 48) as f32 / 48.0 * std::f32::consts::TAU).sin() * 0.5;
                        [s, s]
                    })
                    .collect();
                store.put_sound((from as i64 + off) as u64 * MS, &samples);
            }
            let heard = hear(&store, 0, 2000);
            assert!(steepest(&heard[400 * 48..]) < 0.09, "a click of {}", steepest(&heard[400 * 48..]));
            let off = store.hold().sound.begins_ns() - 2000.0 * 1e6;
            assert!(off.abs() < 15.0e6, "still {} ms off", off / 1e6);
        }
    }

    #[test]
    fn a_slow_sound_clock_is_followed_without_a_click() {
        let store = Store::default();
        let mut heard = Vec::new();
        // 200 ppm: each 20 ms of sound is due 4 µs later than its samples say.
        for n in 0..3000u64 {
            let samples: Vec<f32> = (0..960)
                .flat_map(|i| {
                    let s = ((i % 48) as f32 / 48.0 * std::f32::consts::TAU).sin() * 0.5;
                    [s, s]
                })
                .collect();
            store.put_sound(n * 20_004_000 + 300 * MS, &samples);
            if n >= 20 {
                let at = (n - 20) * 20;
                heard.extend(hear(&store, at, at + 20));
            }
        }
        let body = &heard[1000 * 48..];
        assert!(steepest(body) < 0.07, "a click of {}", steepest(body));
        assert!(body.chunks(480).all(|c| loudest(c) > 0.4), "a hole");
    }
}
