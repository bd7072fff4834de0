//! The gate before a live source's decoder: all passes while the source is awake; while it stands by, keyframes alone.
//!
//! [`automation::standby`] decides. The gate is a probe on the queue before the decoder, on that queue's own thread: what
//! was held goes into the decoder from there, ahead of what has just arrived.

use super::live::Try;
use crate::clock::running;
use crate::lock::hold;
use automation::clock::Running;
use automation::keeping_up::KeepingUp;
use automation::standby::{Next, Standby, Unit};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video as gst_video;
use rustix::process::{getpriority_process, setpriority_process};
use rustix::thread::gettid;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A picture that is due no longer ago than this is shown now, as good as.
const CLOSE_NS: u64 = 50_000_000;
/// A decoder that has not caught up after so long is as quick as it can be: what it gives is shown. A cue wakes its source
/// so long ahead.
const CATCH_UP_NS: u64 = 3_000_000_000;
/// A source whose decoder owes so many keyframes does not send anything that can be shown.
const OWED_MAX: u32 = 2;
/// A decoder that is behind and gives nothing for so long does not either.
const MUTE_NS: u64 = 1_000_000_000;

/// How many times as fast as a stream a decoder is that has not shown it yet: a core of two that also encode, at 1080p30.
const SPEED: f64 = 5.0;
/// Pictures after which its speed is known, and the limits of what is believed.
const SPEED_PICTURES: u32 = 10;
const SPEED_RANGE: (f64, f64) = (1.1, 50.0);

/// How much a thread that catches up goes before others; the unit grants it.
const HURRY_NICE: i32 = -10;

/// Where a decoder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Stand {
    /// It gets all that arrives, and is in time.
    Current,
    /// It gets keyframes.
    By,
    /// It was behind, and gets what it has missed; what is too old is not shown.
    CatchesUp,
    /// It did not catch up: what it gives is shown, however old.
    Lags,
}

/// What the mixer and a source's decoder tell each other.
#[derive(Debug)]
pub struct Decoder {
    wanted: AtomicBool,
    stand: AtomicU8,
    /// Until when it may catch up.
    limit: AtomicU64,
    /// When the first picture was due that it gave after it had caught up.
    caught_up: AtomicU64,
    /// When the newest picture that has arrived is due.
    buffered_to: AtomicU64,
    /// When the first picture is due that it gave on this connection; `u64::MAX` before it.
    first: AtomicU64,
    /// When it gave a picture last, or began to catch up.
    gave: AtomicU64,
    /// Keyframes that it has got since it gave a picture last.
    owed: AtomicU32,
    /// Pictures that it gave while it caught up, and that were too old; and when the first of them was due, and it gave it.
    missed: AtomicU32,
    missed_from: Mutex<(u64, Running)>,
    /// How many times as fast as the stream it caught up last.
    speed: Mutex<f64>,
    keeping_up: Mutex<KeepingUp>,
    /// It shall leave out what lies before the next keyframe.
    leaps: AtomicBool,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder {
            wanted: AtomicBool::new(true),
            stand: AtomicU8::new(Stand::Current as u8),
            limit: AtomicU64::new(0),
            caught_up: AtomicU64::new(0),
            buffered_to: AtomicU64::new(0),
            first: AtomicU64::new(u64::MAX),
            gave: AtomicU64::new(0),
            owed: AtomicU32::new(0),
            missed: AtomicU32::new(0),
            missed_from: Mutex::default(),
            speed: Mutex::new(SPEED),
            keeping_up: Mutex::default(),
            leaps: AtomicBool::new(false),
        }
    }
}

impl Decoder {
    /// Wants every picture decoded, or keyframes.
    pub fn want(&self, all: bool) {
        self.wanted.store(all, Ordering::Relaxed);
    }

    /// Whether it gets keyframes alone.
    pub fn stands_by(&self) -> bool {
        self.is(Stand::By)
    }

    /// Whether its pictures cannot be shown yet: it stands by, or catches up. `shown_ns`: when the newest picture is due that
    /// the mixer has taken from it.
    pub fn is_asleep(&self, shown_ns: Option<u64>) -> bool {
        let caught_up = || shown_ns.unwrap_or_default() >= self.caught_up.load(Ordering::Relaxed);
        self.stands_by() || self.is(Stand::CatchesUp) || (self.is(Stand::Current) && !caught_up())
    }

    /// Whether what it gives is older than what is due, so that its pictures tell nothing of when the source was lost.
    pub fn is_behind(&self) -> bool {
        !self.is(Stand::Current)
    }

    /// When the newest picture that has arrived is due. None where none of this connection is due at `now`, and where
    /// what is sent cannot be shown.
    pub fn buffered_to(&self, now: Running) -> Option<Running> {
        let shows = if self.stands_by() {
            self.owed.load(Ordering::Relaxed) <= OWED_MAX
        } else {
            !self.is_behind() || now.0 < self.gave.load(Ordering::Relaxed).saturating_add(MUTE_NS)
        };
        let begun = self.first.load(Ordering::Relaxed) <= now.0;
        Some(Running(self.buffered_to.load(Ordering::Relaxed))).filter(|_| begun && shows)
    }

    /// Whether the source's pictures are too much for it.
    pub fn is_too_slow(&self, now: Running) -> bool {
        hold(&self.keeping_up).is_too_much(now)
    }

    /// A new connection begins.
    pub(super) fn begin_anew(&self) {
        hold(&self.keeping_up).begin_anew();
        self.missed.store(0, Ordering::Relaxed);
        self.leaps.store(false, Ordering::Relaxed);
        self.first.store(u64::MAX, Ordering::Relaxed);
        self.owed.store(0, Ordering::Relaxed);
        self.caught_up.store(0, Ordering::Relaxed);
        self.become_(Stand::Current);
    }

    /// What has arrived lasts to this moment.
    pub(super) fn buffered(&self, to_ns: u64) {
        self.buffered_to.store(to_ns, Ordering::Relaxed);
    }

    fn is(&self, stand: Stand) -> bool {
        self.stand.load(Ordering::Acquire) == stand as u8
    }

    fn become_(&self, stand: Stand) {
        self.stand.store(stand as u8, Ordering::Release);
    }

    fn catch_up(&self, now: Running) {
        self.limit.store(now.0 + CATCH_UP_NS, Ordering::Relaxed);
        self.missed.store(0, Ordering::Relaxed);
        self.gave.store(now.0, Ordering::Relaxed);
        self.become_(Stand::CatchesUp);
    }

    /// It gave a picture that is due then. Answers whether the picture is of use.
    ///
    /// `dry`: whether next to no picture of it waits to be shown.
    fn gave(&self, due_ns: u64, now: Running, dry: bool) -> bool {
        self.first.fetch_min(due_ns, Ordering::Relaxed);
        self.owed.store(0, Ordering::Relaxed);
        self.gave.store(now.0, Ordering::Relaxed);
        let mut keeping_up = hold(&self.keeping_up);
        if dry && (self.is(Stand::Current) || self.is(Stand::Lags)) {
            let arrived_to = Running(self.buffered_to.load(Ordering::Relaxed));
            if keeping_up.gave(Running(due_ns), arrived_to, now) {
                self.leaps.store(true, Ordering::Relaxed);
            }
            if keeping_up.is_behind() && self.is(Stand::Current) {
                self.become_(Stand::Lags);
            }
        } else {
            keeping_up.begin_anew();
        }
        drop(keeping_up);
        if !self.is(Stand::CatchesUp) && !self.is(Stand::Lags) {
            return true;
        }
        if due_ns + CLOSE_NS >= now.0 {
            let woken_ns = self.limit.load(Ordering::Relaxed).saturating_sub(CATCH_UP_NS);
            let (after_ms, pictures) =
                (now.0.saturating_sub(woken_ns) / 1_000_000, self.missed.swap(0, Ordering::Relaxed));
            if pictures >= SPEED_PICTURES {
                let (from_ns, began) = *hold(&self.missed_from);
                let took_ns = now.0.saturating_sub(began.0).max(1);
                let speed = due_ns.saturating_sub(from_ns) as f64 / took_ns as f64;
                *hold(&self.speed) = speed.clamp(SPEED_RANGE.0, SPEED_RANGE.1);
            }
            tracing::debug!(after_ms, pictures, speed = *hold(&self.speed), "a decoder has caught up");
            self.caught_up.store(due_ns, Ordering::Relaxed);
            self.become_(Stand::Current);
        } else if now.0 >= self.limit.load(Ordering::Relaxed) {
            self.become_(Stand::Lags);
        } else {
            if self.missed.fetch_add(1, Ordering::Relaxed) == 0 {
                *hold(&self.missed_from) = (due_ns, now);
            }
            return false;
        }
        true
    }
}

/// A word to the gate that it may be time for something though nothing arrives.
const TURN: &str = "bandstand-turn";

/// Puts the gate on the pad before the decoder, and looks at what the decoder gives.
pub(super) fn attach(this: &Arc<Try>, before: &gst::Pad, after: &gst::Pad) {
    let standby = Mutex::new(Standby::default());
    let to = Arc::downgrade(this);
    before.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        let Some(this) = to.upgrade() else { return gst::PadProbeReturn::Ok };
        let mut standby = hold(&standby);
        match &info.data {
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Caps => {
                // What is held is of the old format, and partly not due yet: it goes first, and waits in the store.
                let held = standby.take_all(running(), &*this.due());
                if let Some(sink) = pad.peer() {
                    let _ = held.into_iter().try_for_each(|buffer| sink.chain(buffer).map(|_| ()));
                }
                return gst::PadProbeReturn::Ok;
            }
            Some(gst::PadProbeData::Event(event)) if event.structure().is_some_and(|s| s.name() == TURN) => {
                // What becomes of the flow, the next picture tells.
                let _ = give(&this, pad, &mut standby);
                return swallow(info);
            }
            Some(gst::PadProbeData::Buffer(_)) => {}
            _ => return gst::PadProbeReturn::Ok,
        }
        steer(&this, &mut standby);
        let Some(gst::PadProbeData::Buffer(buffer)) = &info.data else { return gst::PadProbeReturn::Ok };
        let (key, passes) = (is_key(pad, buffer), standby.passes());
        if passes && !key {
            return gst::PadProbeReturn::Ok;
        }
        // One without a time belongs to the one before it, and is due with it.
        let stream_ns = super::chain::shown_ns(pad, buffer).or_else(|| standby.newest_ns()).unwrap_or_default();
        if key {
            standby.saw_key(stream_ns);
        }
        if passes {
            return gst::PadProbeReturn::Ok;
        }
        let Some(gst::PadProbeData::Buffer(buffer)) = info.data.take() else { return gst::PadProbeReturn::Ok };
        standby.push(Unit { stream_ns, key, bytes: buffer.size(), data: buffer });
        info.flow_res = give(&this, pad, &mut standby);
        gst::PadProbeReturn::Handled
    });
    let to = Arc::downgrade(this);
    after.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                if let Some(this) = to.upgrade()
                    && let Some(due_ns) = super::chain::shown_ns(pad, buffer).and_then(|at| this.due()(at))
                    && !this.shared.decoder.gave(due_ns, running(), this.shared.store.is_dry())
                {
                    return gst::PadProbeReturn::Drop;
                }
            }
            // It was meant for the decoder; a deinterlacer would repeat a picture for it.
            Some(gst::PadProbeData::Event(event)) if gst_video::StillFrameEvent::parse(event).is_ok() => {
                return swallow(info);
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// Takes an event out of the stream. Of one that a probe of ours merely drops, GStreamer 1.22 lets go once more, and complains.
fn swallow(info: &mut gst::PadProbeInfo) -> gst::PadProbeReturn {
    info.data = None;
    gst::PadProbeReturn::Handled
}

/// Lets the gate behind this queue look around, without waiting for what arrives.
pub(super) fn turn(queue: &gst::Element) {
    if let Some(pad) = queue.static_pad("sink") {
        pad.send_event(gst::event::CustomDownstream::new(gst::Structure::new_empty(TURN)));
    }
}

/// Whether a decoder can begin with this picture. Parsers also call those keyframes from which a picture is whole only after
/// some more, as streams with an intra refresh have them; so for H.264 and H.265 its own word counts.
fn is_key(pad: &gst::Pad, buffer: &gst::BufferRef) -> bool {
    if buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) {
        return false;
    }
    let caps = pad.current_caps();
    let Some(format) = caps.as_ref().and_then(|caps| caps.structure(0)) else { return true };
    let key: fn(u8) -> bool = match format.name().as_str() {
        "video/x-h264" => is_idr,
        "video/x-h265" => is_irap,
        _ => return true,
    };
    let packed = format.get::<&str>("stream-format").is_ok_and(|format| format != "byte-stream");
    buffer.map_readable().is_ok_and(|map| if packed { packed_units(&map).any(key) } else { units(&map).any(key) })
}

/// ITU-T H.264, table 7-1: an IDR picture's slice.
fn is_idr(first: u8) -> bool {
    first & 0x1f == 5
}

/// ITU-T H.265, table 7-1: pictures at which decoding can begin have types 16 to 21.
fn is_irap(first: u8) -> bool {
    (16..=21).contains(&(first >> 1 & 0x3f))
}

/// The first bytes of the units of a picture that is packed with lengths of four bytes, as all senders do (ISO/IEC 14496-15).
fn packed_units(data: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (length, unit) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        rest = unit.get(length..).unwrap_or_default();
        unit.first().copied()
    })
}

/// The same of a byte stream, with a start code before each (ITU-T H.264, annex B).
fn units(data: &[u8]) -> impl Iterator<Item = u8> + '_ {
    data.windows(4).filter(|window| window.starts_with(&[0, 0, 1])).map(|window| window[3])
}

/// Does what the mixer wants.
fn steer(this: &Try, standby: &mut Standby<gst::Buffer>) {
    let (decoder, now) = (&this.shared.decoder, running());
    let (wanted, speed) = (decoder.wanted.load(Ordering::Relaxed), *hold(&decoder.speed));
    if standby.set_awake(wanted, now, speed, &*this.due()) {
        if standby.leaps() {
            // Who waits learns nothing: what was learned on a bad day is forgotten bit by bit.
            *hold(&decoder.speed) = f64::midpoint(speed, SPEED);
        }
        decoder.catch_up(now);
    }
    if !standby.decodes_all() {
        decoder.become_(Stand::By);
    } else if decoder.leaps.swap(false, Ordering::Relaxed) {
        standby.leap(now);
    }
    if standby.leaps() {
        // It is not mute.
        decoder.gave.store(now.0, Ordering::Relaxed);
    }
}

/// While it lives, this thread goes before the others of the machine, where the system grants that; not before the tick.
struct Hurry(Option<i32>);

impl Hurry {
    fn begin() -> Hurry {
        let before = getpriority_process(Some(gettid())).ok();
        Hurry(before.filter(|_| setpriority_process(Some(gettid()), HURRY_NICE).is_ok()))
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        if let Some(before) = self.0 {
            // Less urgent is always granted.
            let _ = setpriority_process(Some(gettid()), before);
        }
    }
}

/// Gives the decoder what it shall have now.
fn give(this: &Try, pad: &gst::Pad, standby: &mut Standby<gst::Buffer>) -> Result<gst::FlowSuccess, gst::FlowError> {
    let Some(sink) = pad.peer() else { return Err(gst::FlowError::NotLinked) };
    steer(this, standby);
    // Somebody may wait for it, and what is to be decoded are some seconds at most.
    let _hurry = this.shared.decoder.is(Stand::CatchesUp).then(Hurry::begin);
    loop {
        steer(this, standby);
        let whole = standby.decodes_all();
        let next = standby.next(running(), &*this.due());
        if standby.decodes_all() && !whole {
            // It cannot be held: then it is as one that was woken.
            this.shared.decoder.catch_up(running());
        }
        match next {
            Next::Decode(buffer) => sink.chain(buffer)?,
            Next::Alone(buffer) => {
                this.shared.decoder.owed.fetch_add(1, Ordering::Relaxed);
                sink.chain(buffer)?;
                // Decoders keep pictures back for their order; before a still one they give out what they have.
                sink.send_event(gst_video::StillFrameEvent::builder(true).build());
                gst::FlowSuccess::Ok
            }
            Next::Nothing => return Ok(gst::FlowSuccess::Ok),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_decoder_that_catches_up_gives_what_is_due_now_and_no_older_picture() {
        let decoder = Decoder::default();
        assert!(!decoder.is_asleep(Some(1)) && !decoder.is_behind());
        assert!(decoder.gave(5, Running(SECOND), true), "one that is current gives all");
        let now = Running(2 * SECOND);
        decoder.catch_up(now);
        assert!(!decoder.gave(1_900_000_000, now, true) && decoder.is_asleep(Some(5)) && decoder.is_behind());
        assert!(decoder.gave(1_960_000_000, now, true) && !decoder.is_behind());
        assert!(decoder.is_asleep(Some(5)), "the mixer has not taken it yet");
        assert!(!decoder.is_asleep(Some(1_960_000_000)));
    }

    #[test]
    fn a_decoder_too_slow_to_catch_up_is_shown_as_it_is_and_its_source_is_there() {
        let decoder = Decoder::default();
        decoder.buffered(9 * SECOND);
        decoder.catch_up(Running(SECOND));
        assert!(!decoder.gave(5, Running(SECOND + CATCH_UP_NS - 1), true));
        let late = Running(SECOND + CATCH_UP_NS);
        assert!(decoder.gave(6, late, true) && !decoder.is_asleep(Some(6)));
        assert!(decoder.is_behind() && decoder.buffered_to(late) == Some(Running(9 * SECOND)), "by what arrives");
        assert!(decoder.gave(late.0, late, true) && !decoder.is_behind(), "it has caught up after all");
    }

    #[test]
    fn a_decoder_that_gives_nothing_is_no_sign_of_life() {
        let decoder = Decoder::default();
        let now = Running(5);
        decoder.buffered(7);
        assert_eq!(decoder.buffered_to(now), None, "nothing was decoded yet");
        decoder.gave(6, now, true);
        assert_eq!(decoder.buffered_to(now), None, "and nothing is due");
        decoder.gave(5, now, true);
        assert_eq!(decoder.buffered_to(now), Some(Running(7)));
        decoder.become_(Stand::By);
        decoder.owed.store(OWED_MAX + 1, Ordering::Relaxed);
        assert_eq!(decoder.buffered_to(now), None);
        decoder.gave(6, now, true);
        assert_eq!(decoder.buffered_to(now), Some(Running(7)));
        decoder.catch_up(now);
        assert_eq!(decoder.buffered_to(Running(5 + MUTE_NS)), None, "it should catch up, and does not");
        decoder.begin_anew();
        assert_eq!(decoder.buffered_to(now), None);
    }

    #[test]
    fn a_picture_at_which_decoding_can_begin_is_known_by_its_units() {
        let stream: Vec<u8> = [&[0, 0, 0, 1, 9, 16][..], &[0, 0, 1, 0x67, 1], &[0, 0, 1, 0x65, 2]].concat();
        assert_eq!(units(&stream).collect::<Vec<_>>(), [9, 0x67, 0x65]);
        assert!(units(&stream).any(is_idr) && !units(&stream[..11]).any(is_idr));
        let packed = [&[0, 0, 0, 2, 0x06, 5][..], &[0, 0, 0, 3, 0x41, 1, 2]].concat();
        assert_eq!(packed_units(&packed).collect::<Vec<_>>(), [0x06, 0x41]);
        assert!(!packed_units(&packed).any(is_idr), "a recovery point is none");
        assert_eq!(packed_units(&[0, 0, 0, 9, 0x65]).collect::<Vec<_>>(), [0x65], "one that is cut off");
        assert!(is_irap(19 << 1) && is_irap(21 << 1) && !is_irap(1 << 1));
    }
}
