//! A film or a still from the disk, pulled by its own time: a showing begins on the clip's first picture, and tick
//! *n* of it is the picture of n/rate seconds, whatever the disk did.
//!
//! Each showing has its own player. One stands ready on the first picture all the time, so that a cue, a take or
//! a fallback begins at once; the next one is made as soon as it is used. Clips loop: the player seeks by segments
//! and its running time goes on.

use super::chain::{self, Built, Due, Streams};
use super::formats::Track;
use super::store::Store;
use crate::clock::running;
use crate::lock::{hold, whole};
use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::spec::House;
use gstreamer as gst;
use gstreamer::prelude::*;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A showing that is asked for this late into the clip or later gets a player that seeks.
const SEEK_FROM_NS: u64 = 1_500_000_000;
/// How far ahead of the wanted position a seeking player is aimed: it needs about this long to stand.
const SEEK_AHEAD_NS: u64 = 400_000_000;
/// A player that nobody has asked for so long is let go, milliseconds.
const UNUSED_MS: u64 = 2_000;
/// How long a file may take to open.
const OPEN_LIMIT: gst::ClockTime = gst::ClockTime::from_seconds(10);
/// Wait before a file that cannot be played is tried again.
const RETRY_MS: u64 = 10_000;
/// How often the keeper looks around.
const TURN: Duration = Duration::from_millis(100);

/// One running decoder of the file.
#[derive(Debug)]
pub struct Player {
    /// Pictures and sound by position in the showing, nanoseconds.
    pub store: Arc<Store>,
    pipeline: gst::Pipeline,
}

impl Drop for Player {
    fn drop(&mut self) {
        self.store.close();
        let pipeline = self.pipeline.clone();
        // The end waits for streaming threads; the mixer, which may hold the last handle, must not.
        let end = std::thread::Builder::new().name("media-end".into());
        let _ = end.spawn(move || pipeline.set_state(gst::State::Null));
    }
}

/// A media source; dropping it ends its keeper.
#[derive(Debug)]
pub struct Media {
    desk: Arc<Desk>,
}

#[derive(Debug)]
struct Desk {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    ended: bool,
    /// Stands ready on the first picture.
    ready: Option<Arc<Player>>,
    /// The showing, by the tick at which it began, and when it was last asked for.
    showing: Option<(i64, Arc<Player>, Running)>,
    /// The one before it, which a cross-fade or a mix still needs.
    previous: Option<(i64, Arc<Player>, Running)>,
    /// A showing in mid-clip that wants a seeking player: its tick, and the position to begin at.
    seek: Option<(i64, u64)>,
    seeking: bool,
    fault: Option<Fault>,
    retry_at: Running,
    size: (u32, u32),
    sound: bool,
}

impl Media {
    pub(super) fn start(path: &Path, house: &House) -> Media {
        let desk = Arc::new(Desk { inner: Mutex::default(), changed: Condvar::new() });
        let (ours, path, house) = (desk.clone(), path.to_owned(), house.clone());
        if let Err(error) = std::thread::Builder::new().name("media".into()).spawn(move || keep(&ours, &path, &house)) {
            tracing::error!(%error, "no thread for a media source");
        }
        Media { desk }
    }

    /// The player of the showing that began at tick `began` and is now at `position_ns`. None while it is being made.
    pub fn player(&self, began: i64, position_ns: u64) -> Option<Arc<Player>> {
        let mut inner = hold(&self.desk.inner);
        let now = running();
        if let Some((showing, player, asked)) = &mut inner.showing
            && *showing == began
        {
            *asked = now;
            return Some(player.clone());
        }
        if position_ns < SEEK_FROM_NS
            && let Some(player) = inner.ready.take()
        {
            inner.previous = inner.showing.replace((began, player.clone(), now));
            self.desk.changed.notify_all();
            return Some(player);
        }
        if position_ns >= SEEK_FROM_NS && !inner.seeking && inner.seek.is_none_or(|(tick, _)| tick != began) {
            inner.seek = Some((began, position_ns + SEEK_AHEAD_NS));
            self.desk.changed.notify_all();
        }
        None
    }

    /// The player of a showing that is or was just on air; asks for none.
    pub fn showing(&self, began: i64) -> Option<Arc<Player>> {
        let mut inner = hold(&self.desk.inner);
        let now = running();
        let Inner { showing, previous, .. } = &mut *inner;
        let found = [showing, previous].into_iter().flatten().find(|(tick, ..)| *tick == began)?;
        found.2 = now;
        Some(found.1.clone())
    }

    /// A player for a thumbnail: the showing, or the one that stands ready.
    pub fn any(&self) -> Option<Arc<Player>> {
        let inner = hold(&self.desk.inner);
        inner.showing.as_ref().map(|(_, player, _)| player.clone()).or_else(|| inner.ready.clone())
    }

    /// Why it cannot be played.
    pub fn fault(&self) -> Option<Fault> {
        hold(&self.desk.inner).fault.clone()
    }

    /// Size of its pictures, and whether it has sound.
    pub fn facts(&self) -> ((u32, u32), bool) {
        let inner = hold(&self.desk.inner);
        (inner.size, inner.sound)
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        hold(&self.desk.inner).ended = true;
        self.desk.changed.notify_all();
    }
}

enum Job {
    Ready,
    Seek(i64, u64),
}

/// The keeper's loop: makes players, lets unused ones go.
fn keep(desk: &Arc<Desk>, path: &Path, house: &House) {
    loop {
        let job = {
            let mut inner = hold(&desk.inner);
            loop {
                if inner.ended {
                    inner.ready = None;
                    inner.showing = None;
                    inner.previous = None;
                    return;
                }
                let now = running();
                let unused = |one: &Option<(i64, Arc<Player>, Running)>| {
                    one.as_ref().is_some_and(|(_, _, asked)| now.ms_since(*asked) > UNUSED_MS)
                };
                if unused(&inner.showing) {
                    inner.showing = None;
                }
                if unused(&inner.previous) {
                    inner.previous = None;
                }
                if let Some((began, from)) = inner.seek.take() {
                    inner.seeking = true;
                    break Job::Seek(began, from);
                }
                if inner.ready.is_none() && now >= inner.retry_at {
                    break Job::Ready;
                }
                inner = whole(desk.changed.wait_timeout(inner, TURN)).0;
            }
        };
        let from_ns = match job {
            Job::Ready => 0,
            Job::Seek(_, from_ns) => from_ns,
        };
        let made = open(desk, path, house, from_ns);
        let mut inner = hold(&desk.inner);
        inner.seeking = false;
        match (made, job) {
            (Ok(player), Job::Ready) => {
                inner.fault = None;
                inner.ready = Some(player);
            }
            (Ok(player), Job::Seek(began, _)) => {
                // While it was made, a later showing may have begun.
                if inner.showing.as_ref().is_none_or(|(tick, ..)| *tick <= began) {
                    inner.previous = inner.showing.replace((began, player, running()));
                }
            }
            (Err(fault), _) => {
                tracing::warn!(path = %path.display(), fault = fault.code.as_str(), text = fault.text, "media cannot be played");
                inner.retry_at = running().plus_ms(RETRY_MS);
                inner.fault = Some(fault);
            }
        }
    }
}

/// Opens the file, from a position within its loop, and lets it run until its store is full.
fn open(desk: &Arc<Desk>, path: &Path, house: &House, from_ns: u64) -> Result<Arc<Player>, Fault> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    match std::fs::metadata(path) {
        Err(_) => return Err(Fault::new(Code::MediaMissing, name)),
        Ok(meta) if meta.len() == 0 => {
            return Err(Fault::new(Code::MediaUnreadable, name).with_text("The file is empty."));
        }
        Ok(_) => {}
    }
    let unreadable = |text: String| Fault::new(Code::MediaUnreadable, name.clone()).with_text(text);
    let store = Arc::new(Store::default());
    let base = Arc::new(Mutex::new(0u64));
    let pipeline = build(desk, path, house, &store, &base).map_err(|error| unreadable(error.to_string()))?;
    let player = Arc::new(Player { store, pipeline: pipeline.clone() });
    let fault_of = || {
        let message = pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        let gst::MessageView::Error(error) = message.view() else { return None };
        Some(unreadable(format!("The file cannot be played: {}", error.error())))
    };
    let (paused, state, _) = match pipeline.set_state(gst::State::Paused) {
        Ok(_) => pipeline.state(OPEN_LIMIT),
        Err(error) => (Err(error), gst::State::Null, gst::State::Null),
    };
    if paused.is_err() || state != gst::State::Paused {
        return Err(fault_of().unwrap_or_else(|| unreadable("The file cannot be opened.".into())));
    }
    if hold(&desk.inner).size == (0, 0) {
        return Err(unreadable("The file has no picture.".into()));
    }
    let duration = pipeline.query_duration::<gst::ClockTime>().map_or(0, gst::ClockTime::nseconds);
    // A still has one picture, which stays; a clip loops by segments.
    if duration > 2 * house.rate.tick_ns(1) {
        let start = from_ns % duration;
        *hold(&base) = from_ns;
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::SEGMENT | gst::SeekFlags::ACCURATE;
        let sought = pipeline.seek(
            1.0,
            flags,
            gst::SeekType::Set,
            gst::ClockTime::from_nseconds(start),
            gst::SeekType::Set,
            gst::ClockTime::from_nseconds(duration),
        );
        sought.map_err(|error| unreadable(error.to_string()))?;
        loop_by_segments(&pipeline, desk, duration);
    }
    if pipeline.set_state(gst::State::Playing).is_err() {
        return Err(fault_of().unwrap_or_else(|| unreadable("The file cannot be played.".into())));
    }
    Ok(player)
}

/// At the end of each round the same segment is asked for again, without a flush: running time goes on.
fn loop_by_segments(pipeline: &gst::Pipeline, desk: &Arc<Desk>, duration: u64) {
    let Some(bus) = pipeline.bus() else { return };
    let (weak, desk) = (pipeline.downgrade(), Arc::downgrade(desk));
    bus.set_sync_handler(move |_, message| {
        match message.view() {
            gst::MessageView::SegmentDone(_) => {
                if let Some(pipeline) = weak.upgrade() {
                    // A seek from a streaming thread would wait for itself.
                    pipeline.call_async(move |pipeline| {
                        let again = pipeline.seek(
                            1.0,
                            gst::SeekFlags::SEGMENT,
                            gst::SeekType::Set,
                            gst::ClockTime::ZERO,
                            gst::SeekType::Set,
                            gst::ClockTime::from_nseconds(duration),
                        );
                        // One that is being let go refuses, and nobody misses it.
                        if let (Err(error), gst::State::Playing) = (again, pipeline.current_state()) {
                            tracing::warn!(%error, "a clip could not begin again");
                        }
                    });
                }
            }
            gst::MessageView::Error(error) => {
                if let Some(desk) = desk.upgrade() {
                    let text = format!("The file cannot be played to its end: {}", error.error());
                    hold(&desk.inner).fault = Some(Fault::new(Code::MediaUnreadable, "").with_text(text));
                }
            }
            _ => {}
        }
        gst::BusSyncReply::Drop
    });
}

fn build(
    desk: &Arc<Desk>,
    path: &Path,
    house: &House,
    store: &Arc<Store>,
    base: &Arc<Mutex<u64>>,
) -> Built<gst::Pipeline> {
    let pipeline = gst::Pipeline::new();
    let source = gst::ElementFactory::make("filesrc").property("location", path.to_string_lossy().as_ref()).build()?;
    let decode = chain::make("decodebin")?;
    decode
        .downcast_ref::<gst::Bin>()
        .expect("decodebin is a bin")
        .connect_deep_element_added(|_, _, e| chain::one_thread(e));
    let base = base.clone();
    let due: Due = Arc::new(move |at| Some(at + *hold(&base)));
    let (weak, house, store, desk) = (pipeline.downgrade(), house.clone(), store.clone(), Arc::downgrade(desk));
    let streams = Streams::default();
    decode.connect_pad_added(move |_, pad| {
        let (Some(pipeline), Some(desk)) = (weak.upgrade(), desk.upgrade()) else { return };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let Some(structure) = caps.structure(0) else { return };
        let track = match structure.name().as_str() {
            "video/x-raw" => Track::Pictures,
            "audio/x-raw" => Track::Sound,
            _ => return,
        };
        if !streams.take(track) {
            tracing::info!(stream = %pad.name(), "a stream of a file is left out: one of its kind too many");
            return;
        }
        let tail = if track == Track::Pictures {
            let (width, height) = (structure.get::<i32>("width"), structure.get::<i32>("height"));
            hold(&desk.inner).size = (width.unwrap_or(0).max(0) as u32, height.unwrap_or(0).max(0) as u32);
            chain::picture_tail(&pipeline, &house, &store, due.clone())
        } else {
            hold(&desk.inner).sound = true;
            chain::sound_tail(&pipeline, &store, due.clone())
        };
        if let Ok(tail) = tail
            && let Some(sink) = tail.static_pad("sink")
        {
            let _ = pad.link(&sink);
        }
    });
    chain::chain(&pipeline, &[&source, &decode])?;
    Ok(pipeline)
}
