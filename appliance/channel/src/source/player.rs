//! One decoder of a file, which fills its store from a position on: it loops for ever, or plays to the file's end.

use super::chain::{self, Built, Due, Place, Streams};
use super::store::Store;
use super::{fragments, known};
use crate::lock::hold;
use automation::arrivals::Track;
use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::spec::House;
use gstreamer as gst;
use gstreamer::prelude::*;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

/// How long a file may take to open.
const OPEN_LIMIT: gst::ClockTime = gst::ClockTime::from_seconds(10);
/// A player that has room in its store and puts nothing for so long has stalled, milliseconds: its disk hangs, or one
/// of its threads waits for ever. Nothing else paces it; a still has one picture and is left out.
const STALL_MS: u64 = 5_000;
/// A film of which nothing comes so near to its length has ended before its time, nanoseconds.
const EARLY_NS: u64 = 500_000_000;

/// A running decoder.
#[derive(Debug)]
pub struct Player {
    /// Pictures and sound by position in the showing, nanoseconds.
    pub store: Arc<Store>,
    pub(super) pipeline: gst::Pipeline,
    facts: Arc<Facts>,
    /// What its store had taken in when it was last seen to move, and when that was.
    moved: Mutex<Option<((u64, u64), Running)>>,
    /// Takes its pipeline down when it is let go.
    end: Sender<gst::Pipeline>,
}

/// What its streaming threads found.
#[derive(Debug, Default)]
struct Facts {
    size: Mutex<(u32, u32)>,
    sound: AtomicBool,
    /// Encoded pictures that left the demuxer, where there is one.
    demuxed: AtomicU64,
    /// The end of the latest that left it, nanoseconds of the file.
    demuxed_to_ns: AtomicU64,
    /// It is a film that has more to give: it loops, or has not come to its end.
    moves: AtomicBool,
    /// Moment of the latest picture that was decoded, nanoseconds on the store's scale.
    pictures_to_ns: AtomicU64,
    broken: AtomicBool,
    /// Nobody holds it any more: how it ends says nothing about the file.
    let_go: AtomicBool,
    /// Added to the stream's time, nanoseconds: a player that began in mid-clip.
    base_ns: Mutex<u64>,
}

/// What happens to a player after it was opened.
#[derive(Debug)]
pub(super) enum Progress {
    /// The file was played to its end.
    Round,
    /// It plays no further.
    Broke(Fault),
}

/// Whom a player tells of its progress; called on its streaming threads.
pub(super) type Tell = Box<dyn Fn(Progress) + Send + Sync>;

impl Drop for Player {
    fn drop(&mut self) {
        self.facts.let_go.store(true, Ordering::Relaxed);
        self.store.close();
        // The end waits for streaming threads. The mixer, which may hold the last handle, must not; nor shall it
        // start threads, which would inherit its priority.
        let _ = self.end.send(self.pipeline.clone());
    }
}

/// Whom players hand their pipelines to when they are let go: a thread that takes them down, and ends when the last
/// player is gone.
pub(super) fn taker_down() -> std::io::Result<Sender<gst::Pipeline>> {
    let (end, ended) = channel::<gst::Pipeline>();
    let take_down = move || {
        for pipeline in ended {
            let _ = pipeline.set_state(gst::State::Null);
        }
    };
    std::thread::Builder::new().name("media-end".into()).spawn(take_down)?;
    Ok(end)
}

/// The name of a file, for a person.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

impl Player {
    /// Opens the file at a position within its loop, and lets it run until its store is full. What the store holds is due
    /// by the position in the showing.
    pub(super) fn open(
        path: &Path,
        house: &House,
        from_ns: u64,
        end: &Sender<gst::Pipeline>,
        tell: Tell,
    ) -> Result<Player, Fault> {
        let (player, length) = Player::paused(path, house, end)?;
        if let Some(length) = length {
            player.begin(path, from_ns, from_ns % length, length)?;
            player.loop_by_segments(file_name(path), length, tell);
        }
        player.play(path)
    }

    /// Opens the file at a moment of it, nanoseconds, and lets it run until its store is full, and to its end. What the
    /// store holds is due by the time in the file.
    pub(super) fn open_once(
        path: &Path,
        house: &House,
        from_ns: u64,
        end: &Sender<gst::Pipeline>,
        tell: Tell,
    ) -> Result<Player, Fault> {
        let (player, length) = Player::paused(path, house, end)?;
        if let Some(length) = length {
            player.begin(path, from_ns, from_ns.min(length - 1), length)?;
            player.play_to_the_end(file_name(path), length, tell);
        }
        player.play(path)
    }

    /// Opens the file, and answers how long it is, nanoseconds; none for a still.
    pub(super) fn measure(path: &Path, house: &House, end: &Sender<gst::Pipeline>) -> Result<Option<u64>, Fault> {
        Player::paused(path, house, end).map(|(_, length)| length)
    }

    /// Opens the file. The player, which gives nothing yet, and its length in nanoseconds; none for a still, which has
    /// one picture.
    fn paused(path: &Path, house: &House, end: &Sender<gst::Pipeline>) -> Result<(Player, Option<u64>), Fault> {
        match std::fs::metadata(path) {
            Err(_) => return Err(Fault::new(Code::MediaMissing, file_name(path))),
            Ok(meta) if meta.len() == 0 => return Err(unreadable(path, "The file is empty.")),
            Ok(_) => {}
        }
        let (store, facts) = (Arc::new(Store::default()), Arc::new(Facts::default()));
        let pipeline = build(path, house, &store, &facts).map_err(|error| unreadable(path, error.to_string()))?;
        let player = Player { store, pipeline: pipeline.clone(), facts, moved: Mutex::default(), end: end.clone() };
        let (paused, state, _) = match pipeline.set_state(gst::State::Paused) {
            Ok(_) => pipeline.state(OPEN_LIMIT),
            Err(error) => (Err(error), gst::State::Null, gst::State::Null),
        };
        if paused.is_err() || state != gst::State::Paused {
            return Err(player.fault_of(path).unwrap_or_else(|| unreadable(path, "The file cannot be opened.")));
        }
        if player.size() == (0, 0) {
            return Err(unreadable(path, "The file has no picture."));
        }
        let length = known::length(path).unwrap_or_else(|| {
            // A demuxer that has read the first fragments of a film answers with their length.
            let duration = fragments::length_ns(path)
                .unwrap_or_else(|| pipeline.query_duration::<gst::ClockTime>().map_or(0, gst::ClockTime::nseconds));
            let length = Some(duration).filter(|duration| *duration > 2 * house.rate.tick_ns(1));
            known::keep(path, length);
            length
        });
        Ok((player, length))
    }

    /// Goes to `at_ns` of a film that is `length` nanoseconds long. What is there is due at `due_ns`.
    fn begin(&self, path: &Path, due_ns: u64, at_ns: u64, length: u64) -> Result<(), Fault> {
        *hold(&self.facts.base_ns) = due_ns;
        self.facts.moves.store(true, Ordering::Relaxed);
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::SEGMENT | gst::SeekFlags::ACCURATE;
        seek(&self.pipeline, flags, at_ns, length).map_err(|error| unreadable(path, error.to_string()))
    }

    /// Lets it run.
    fn play(self, path: &Path) -> Result<Player, Fault> {
        if self.pipeline.set_state(gst::State::Playing).is_err() {
            return Err(self.fault_of(path).unwrap_or_else(|| unreadable(path, "The file cannot be played.")));
        }
        Ok(self)
    }

    /// What its pipeline said of an error.
    fn fault_of(&self, path: &Path) -> Option<Fault> {
        let message = self.pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        let gst::MessageView::Error(error) = message.view() else { return None };
        Some(unreadable(path, format!("The file cannot be played: {}", error.error())))
    }

    /// Size of its pictures, pixels.
    pub(super) fn size(&self) -> (u32, u32) {
        *hold(&self.facts.size)
    }

    /// Whether it has sound.
    pub(super) fn has_sound(&self) -> bool {
        self.facts.sound.load(Ordering::Relaxed)
    }

    /// The moment of the latest picture that was decoded, on the scale of its store, nanoseconds.
    pub(super) fn pictures_to_ns(&self) -> u64 {
        self.facts.pictures_to_ns.load(Ordering::Relaxed)
    }

    /// Whether it plays no further.
    pub(super) fn is_broken(&self) -> bool {
        self.facts.broken.load(Ordering::Relaxed)
    }

    /// Whether it could go on and did not for [`STALL_MS`]; it counts as broken from then on. True once. To be asked
    /// again and again.
    pub(super) fn has_stalled(&self, now: Running) -> bool {
        if !self.facts.moves.load(Ordering::Relaxed) || self.is_broken() {
            return false;
        }
        let counts = self.store.counts();
        let mut moved = hold(&self.moved);
        match *moved {
            Some((then, since)) if then == counts && self.store.has_room() => {
                let stalled = now.ms_since(since) > STALL_MS;
                self.facts.broken.store(stalled, Ordering::Relaxed);
                stalled
            }
            _ => {
                *moved = Some((counts, now));
                false
            }
        }
    }

    /// Tells of the end, and of what comes before it.
    fn play_to_the_end(&self, name: String, length: u64, tell: Tell) {
        let Some(bus) = self.pipeline.bus() else { return };
        let facts = self.facts.clone();
        bus.set_sync_handler(move |_, message| {
            let broke = |text: String| {
                facts.broken.store(true, Ordering::Relaxed);
                tell(Progress::Broke(Fault::new(Code::MediaUnreadable, name.clone()).with_text(text)));
            };
            match message.view() {
                _ if facts.let_go.load(Ordering::Relaxed) => {}
                gst::MessageView::Error(error) => {
                    broke(format!("The file cannot be played to its end: {}", error.error()));
                }
                gst::MessageView::SegmentDone(_) => {
                    facts.moves.store(false, Ordering::Relaxed);
                    // The demuxer says the same where the file was cut off meanwhile.
                    match facts.demuxed_to_ns.load(Ordering::Relaxed) {
                        to @ 1.. if to + EARLY_NS < length => broke("The file ends before its time.".into()),
                        _ => tell(Progress::Round),
                    }
                }
                gst::MessageView::Eos(_) => broke("The file ends before its time.".into()),
                _ => {}
            }
            gst::BusSyncReply::Drop
        });
    }

    /// At the end of each round the same segment is asked for again, without a flush: running time goes on.
    fn loop_by_segments(&self, name: String, duration: u64, tell: Tell) {
        let Some(bus) = self.pipeline.bus() else { return };
        let (pipeline, facts, store) = (self.pipeline.downgrade(), self.facts.clone(), Arc::downgrade(&self.store));
        // A round without pictures would be followed by the next one at once, for ever; and GStreamer's multiqueue
        // waits for ever at the end of a second round in which nothing came. So they are counted where the demuxer's
        // thread, which also tells of the end, gives them away: the store still takes in those of the round before.
        let (last, told_of) = (AtomicU64::new(0), facts.clone());
        let counted = facts.clone();
        let moved = move || {
            let stored = || store.upgrade().map_or(0, |store| store.counts().0);
            let demuxed = counted.demuxed.load(Ordering::Relaxed);
            let pictures = if demuxed > 0 { demuxed } else { stored() };
            last.swap(pictures, Ordering::Relaxed) != pictures
        };
        let tell = Arc::new(tell);
        let broke = Arc::new(move |text: String| {
            facts.broken.store(true, Ordering::Relaxed);
            Progress::Broke(Fault::new(Code::MediaUnreadable, name.clone()).with_text(text))
        });
        bus.set_sync_handler(move |_, message| {
            match message.view() {
                _ if told_of.let_go.load(Ordering::Relaxed) => {}
                gst::MessageView::SegmentDone(_) if !moved() => tell(broke("Its pictures are gone.".into())),
                gst::MessageView::SegmentDone(_) => {
                    tell(Progress::Round);
                    if let Some(pipeline) = pipeline.upgrade() {
                        let (tell, broke) = (tell.clone(), broke.clone());
                        // A seek from a streaming thread would wait for itself.
                        pipeline.call_async(move |pipeline| {
                            let again = seek(pipeline, gst::SeekFlags::SEGMENT, 0, duration);
                            // One that is being let go refuses, and nobody misses it.
                            if let (Err(error), gst::State::Playing) = (again, pipeline.current_state()) {
                                tell(broke(format!("The file cannot be played again: {error}")));
                            }
                        });
                    }
                }
                gst::MessageView::Error(error) => {
                    tell(broke(format!("The file cannot be played to its end: {}", error.error())));
                }
                // A segment ends without this; here the file itself came to its end too early.
                gst::MessageView::Eos(_) => tell(broke("The file ends before its time.".into())),
                _ => {}
            }
            gst::BusSyncReply::Drop
        });
    }
}

/// The fault of a file whose player has stalled.
pub(super) fn stalled(path: &Path) -> Fault {
    unreadable(path, "The file gives no more pictures or sound: its disk may be gone.")
}

fn unreadable(path: &Path, text: impl Into<String>) -> Fault {
    Fault::new(Code::MediaUnreadable, file_name(path)).with_text(text)
}

fn seek(pipeline: &gst::Pipeline, flags: gst::SeekFlags, from_ns: u64, to_ns: u64) -> Built<()> {
    let (from, to) = (gst::ClockTime::from_nseconds(from_ns), gst::ClockTime::from_nseconds(to_ns));
    pipeline.seek(1.0, flags, gst::SeekType::Set, from, gst::SeekType::Set, to)
}

/// Counts the encoded pictures, and notes the end of all, that a demuxer gives to this pad of the queue behind it.
fn count_pictures(pad: &gst::Pad, facts: &Arc<Facts>) {
    if pad.direction() != gst::PadDirection::Sink {
        return;
    }
    let facts = facts.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data
            && let Some(pts) = buffer.pts()
        {
            // Times of a track are not those of the film: its edit list may put it later.
            let segment = pad.sticky_event::<gst::event::Segment>(0);
            let running = segment.and_then(|event| {
                event.segment().downcast_ref::<gst::ClockTime>().and_then(|segment| segment.to_running_time(pts))
            });
            if let Some(running) = running {
                let end = running + buffer.duration().unwrap_or_default();
                let end_ns = end.nseconds() + *hold(&facts.base_ns);
                facts.demuxed_to_ns.fetch_max(end_ns, Ordering::Relaxed);
            }
        }
        let caps = pad.current_caps();
        let name = caps.as_ref().and_then(|caps| caps.structure(0)).map(|s| s.name().as_str());
        if name.is_some_and(|name| name.starts_with("video/") || name.starts_with("image/")) {
            facts.demuxed.fetch_add(1, Ordering::Relaxed);
        }
        gst::PadProbeReturn::Ok
    });
}

fn build(path: &Path, house: &House, store: &Arc<Store>, facts: &Arc<Facts>) -> Built<gst::Pipeline> {
    let pipeline = gst::Pipeline::new();
    let source = gst::ElementFactory::make("filesrc").property("location", path.to_string_lossy().as_ref()).build()?;
    let decode = chain::make("decodebin")?;
    let counting = facts.clone();
    decode.downcast_ref::<gst::Bin>().expect("decodebin is a bin").connect_deep_element_added(move |_, _, element| {
        chain::one_thread(element);
        if element.factory().is_some_and(|factory| factory.name() == "multiqueue") {
            let facts = counting.clone();
            element.connect_pad_added(move |_, pad| count_pictures(pad, &facts));
        }
    });
    let (weak, house, store, facts) = (pipeline.downgrade(), house.clone(), store.clone(), facts.clone());
    let streams = Streams::default();
    decode.connect_pad_added(move |_, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let Some(structure) = caps.structure(0) else { return };
        let track = match structure.name().as_str() {
            "video/x-raw" => Track::Pictures,
            "audio/x-raw" => Track::Sound,
            _ => return,
        };
        if streams.take(track) != Place::Taken {
            tracing::info!(stream = %pad.name(), "a stream of a file is left out: one of its kind too many");
            return;
        }
        let base = facts.clone();
        let due: Due = Arc::new(move |at| {
            let at = at + *hold(&base.base_ns);
            if track == Track::Pictures {
                base.pictures_to_ns.fetch_max(at, Ordering::Relaxed);
            }
            Some(at)
        });
        let tail = if track == Track::Pictures {
            let side = |name: &str| structure.get::<i32>(name).unwrap_or(0).max(0) as u32;
            *hold(&facts.size) = (side("width"), side("height"));
            chain::picture_tail(&pipeline, &house, &store, due)
        } else {
            facts.sound.store(true, Ordering::Relaxed);
            chain::sound_tail(&pipeline, &store, due)
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
