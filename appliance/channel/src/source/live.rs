//! A source that sends in its own time: connect, watch, tear down, try again, for ever.
//!
//! ```text
//! wait ──due or sign of life──► connect ──first picture──► online
//!   ▲                              │ error, nobody, silence    │ error, end, silence
//!   └──────── backoff ─────────────┴───────────────────────────┘
//! ```
//! Each try has its own pipeline; one that hangs is left behind on its own thread and nobody waits for it.

use super::chain::{self, Due, Streams};
use super::meter::Meter;
use super::standby::Decoder;
use super::store::Store;
use crate::clock::running;
use crate::knock::Knock;
use crate::lock::hold;
use automation::arrivals::{Arrivals, Track};
use automation::backoff::{Backoff, Steps};
use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::pull_pace::PullPace;
use automation::spec::House;
use gstreamer as gst;
use gstreamer::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A connection that gives no picture for so long is given up: half-open, or a far side that hangs.
const SILENCE_MS: u64 = 10_000;
/// How often the thread looks around while nothing happens.
const TURN: Duration = Duration::from_millis(50);
/// How often a bare TCP connect asks whether the far side is back.
const KNOCK_MS: u64 = 1_000;

/// What a live source's thread and the rest of the worker share.
#[derive(Debug)]
pub struct Shared {
    /// Pictures and sound, due on the machine's clock.
    pub store: Arc<Store>,
    /// What the decoder of its pictures is wanted to do, and how far it is.
    pub decoder: Decoder,
    /// Whether only its sound is used.
    pub sound_only: bool,
    facts: Mutex<Facts>,
    attempt: AtomicU32,
    /// The next try begins at once: the last one has found out how.
    at_once: AtomicBool,
    stop: AtomicBool,
}

/// What is known of a live source.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Size of what it sends, pixels.
    pub size: (u32, u32),
    /// Whether a sound stream is there.
    pub sound: bool,
    /// The formats of its pictures and its sound, as people call them, of the connection that stands, or stood last.
    pub formats: [Option<&'static str>; 2],
    /// Why it does not work.
    pub fault: Option<Fault>,
    /// When the far side was first heard of in the last try.
    heard: Option<Running>,
    /// When the last picture arrived; of a source with sound only, the last sound.
    pub last_picture: Option<Running>,
    /// What arrives.
    pub meter: Meter,
    /// How it arrives on the connection that stands, or stood last.
    pub way: Way,
    /// Times that it came online.
    pub connections: u64,
}

/// How a stream arrives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Way {
    /// How much later than what comes quickest the usual latest comes, milliseconds.
    pub jitter_ms: u32,
    /// How long what comes quickest waits until it is due, milliseconds.
    pub buffer_ms: u32,
    /// How often its time has jumped.
    pub jumps: u64,
}

/// One try: a pipeline that is being built or runs.
pub(super) struct Try {
    /// The source's name, for the log.
    pub(super) name: String,
    /// Who sends, as a text begins.
    pub(super) sender: &'static str,
    pub(super) pipeline: gst::Pipeline,
    pub(super) streams: Streams,
    pub(super) shared: Arc<Shared>,
    pub(super) house: House,
    pub(super) arrivals: Arc<Mutex<Arrivals>>,
    /// The pace of what is fetched ahead of its time; none where the far side has its own.
    pub(super) pace: Option<Mutex<PullPace>>,
    /// It is being taken down: what its elements say now means nothing.
    ending: AtomicBool,
    /// What is used of it has come.
    online: AtomicBool,
    /// A stream's format was told.
    told_formats: AtomicBool,
}

/// How a kind of live source connects.
pub(super) trait Connect: Send + 'static {
    /// Builds the pipeline of one try; its streams go to `chain::attach`.
    fn build(&self, this: &Arc<Try>) -> Result<(), Fault>;
    /// Who sends, in the operator's words, as a text begins: `The camera`.
    fn sender(&self) -> &'static str;
    /// Host and port that a knock asks, where a bare TCP connect tells something: not of a UDP port, nor of our own door.
    fn knock(&self) -> Option<(String, u16)> {
        None
    }
    /// The waits between tries.
    fn steps(&self) -> Steps {
        Steps::SOURCE
    }
    /// The fault that stands while nothing has been heard from the far side.
    fn waiting(&self) -> Fault;
    /// The fault that stands before the first try has ended: none where nothing is known yet.
    fn at_first(&self) -> Option<Fault> {
        None
    }
    /// Whether it is there to be tried, where that can be told without a try and without waiting: a device that is plugged in.
    fn is_there(&self) -> Option<bool> {
        None
    }
    /// Whether it waits to be sent to, for as long as that takes: its silence before the first byte is no failure.
    fn awaits(&self) -> bool {
        false
    }
    /// Whether it stays connected now, however long nothing comes: its silence is explained.
    fn holds(&self) -> bool {
        false
    }
    /// Whether what it sends comes as fast as we take it, and not at its own time.
    fn is_fetched_ahead(&self) -> bool {
        false
    }
    /// The fault that stands after the far side has stopped.
    fn stopped(&self) -> Fault {
        Fault::new(Code::SourceLost, "")
    }
    /// The fault that stands where the far side sends, and there is no picture in it.
    fn unintelligible(&self) -> Fault {
        let text = format!("{} sends, but no picture that can be decoded here.", self.sender());
        Fault::new(Code::SourceNoVideo, "").with_text(text)
    }
    /// The fault for an error of the pipeline.
    fn judge(&self, error: &gst::glib::Error, debug: &str) -> Fault;
}

impl Shared {
    /// What is known now.
    pub fn facts(&self) -> Facts {
        hold(&self.facts).clone()
    }

    /// Failed tries since the last picture.
    pub fn attempt(&self) -> u32 {
        self.attempt.load(Ordering::Relaxed)
    }

    fn fail(&self, fault: Fault) {
        hold(&self.facts).fault = Some(fault);
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Try {
    /// Attaches each stream that this element finds, and ends the try where none of them has what is used of the source.
    pub(super) fn attach_streams_of(self: &Arc<Try>, element: &gst::Element) {
        let to = Arc::downgrade(self);
        element.connect_pad_added(move |_, pad| {
            if let Some(this) = to.upgrade() {
                chain::attach(&this, pad);
            }
        });
        let to = Arc::downgrade(self);
        element.connect_no_more_pads(move |_| {
            if let Some(this) = to.upgrade() {
                chain::attached_all(&this);
            }
        });
    }

    /// Notes when the first data leaves this pad.
    pub(super) fn listen_for_data(self: &Arc<Try>, pad: &gst::Pad) {
        let to = Arc::downgrade(self);
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
            if let Some(this) = to.upgrade() {
                this.heard();
            }
            gst::PadProbeReturn::Remove
        });
    }

    /// Data came from the far side.
    pub(super) fn heard(&self) {
        hold(&self.shared.facts).heard = Some(running());
    }

    /// A picture or sound of so many bytes passed, still encoded, sent at this running time.
    pub(super) fn arrived(&self, track: Track, stream_ns: u64, bytes: usize) {
        let now = running();
        let (jumped, buffered_to) = {
            let mut arrivals = hold(&self.arrivals);
            let before = arrivals.jumps();
            arrivals.arrived(track, stream_ns, now.0);
            (arrivals.jumps() - before, arrivals.buffered_to())
        };
        if jumped > 0 {
            tracing::info!(source = self.name, "a source's time jumped");
        }
        let measured = hold(&self.shared.facts).meter.took(track, bytes, now);
        if measured {
            let way = {
                let arrivals = hold(&self.arrivals);
                Way { jitter_ms: arrivals.jitter_ms(), buffer_ms: arrivals.buffer_ms(), jumps: arrivals.jumps() }
            };
            hold(&self.shared.facts).way = way;
        }
        if (track == Track::Sound) != self.shared.sound_only {
            return;
        }
        self.shared.attempt.store(0, Ordering::Relaxed);
        self.shared.decoder.buffered(buffered_to.unwrap_or_default());
        let mut facts = hold(&self.shared.facts);
        facts.last_picture = Some(now);
        facts.fault = None;
        facts.connections += u64::from(!self.online.swap(true, Ordering::Relaxed));
    }

    /// Something was fetched with this running time.
    pub(super) fn fetched(&self, stream_ns: u64) {
        if let Some(pace) = &self.pace {
            hold(pace).fetched(stream_ns);
        }
    }

    /// Waits until what was fetched with this running time is due to be handed on. Not for a try that ends.
    pub(super) fn keep_pace(&self, stream_ns: u64) {
        let Some(pace) = &self.pace else { return };
        let now = running();
        let (wait_ns, moved) = {
            let mut pace = hold(pace);
            let before = pace.moves();
            (pace.wait_ns(stream_ns, now.0), pace.moves() > before)
        };
        if moved {
            tracing::info!(source = self.name, "a fetched stream came too late, or its time jumped");
        }
        let until = now.0 + wait_ns;
        while !self.stopping() && !self.ending.load(Ordering::Relaxed) {
            let left = Duration::from_nanos(until.saturating_sub(running().0));
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(TURN));
        }
    }

    /// What stands in the way for now; the try goes on.
    pub(super) fn say(&self, fault: Fault) {
        self.shared.fail(fault);
    }

    /// Whether the source is being taken down.
    pub(super) fn stopping(&self) -> bool {
        self.shared.stopping()
    }

    /// Whether the try is over, so that nothing shall be added to it.
    pub(super) fn is_over(&self) -> bool {
        self.stopping() || self.ending.load(Ordering::Relaxed)
    }

    /// The size of the stream became known.
    pub(super) fn size(&self, width: u32, height: u32) {
        hold(&self.shared.facts).size = (width, height);
    }

    /// A stream of this format is there.
    pub(super) fn has(&self, track: Track, format: &'static str) {
        let mut facts = hold(&self.shared.facts);
        if !self.told_formats.swap(true, Ordering::Relaxed) {
            (facts.formats, facts.sound) = ([None; 2], false);
        }
        match track {
            Track::Pictures => facts.formats[0] = Some(format),
            Track::Sound => (facts.formats[1], facts.sound) = (Some(format), true),
        }
    }

    /// Ends the try with this fault, from any thread.
    pub(super) fn give_up(&self, fault: Fault) {
        if self.ending.load(Ordering::Relaxed) {
            return;
        }
        self.shared.fail(fault);
        self.end();
    }

    /// Ends the try, which has found out how the next one succeeds; that begins at once.
    pub(super) fn begin_again(&self) {
        self.shared.at_once.store(true, Ordering::Relaxed);
        self.end();
    }

    /// The same once all that it was given has been handed on, and its elements say that it has ended.
    pub(super) fn begin_again_at_its_end(&self) {
        self.shared.at_once.store(true, Ordering::Relaxed);
    }

    fn end(&self) {
        let _ = self.pipeline.post_message(gst::message::Application::new(gst::Structure::new_empty("give-up")));
    }

    /// From running time to the moment that is due.
    pub(super) fn due(&self) -> Due {
        let arrivals = self.arrivals.clone();
        Arc::new(move |ns| hold(&arrivals).due(ns))
    }
}

/// What a live source is used for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use<'a> {
    /// Its name, for the log.
    pub(super) name: &'a str,
    pub(super) house: &'a House,
    /// Only its sound is used.
    pub(super) sound_only: bool,
}

/// A live source; dropping it ends its thread.
#[derive(Debug)]
pub struct Live {
    /// What others may see.
    pub shared: Arc<Shared>,
}

impl Live {
    pub(super) fn start(use_of: &Use<'_>, latency_ms: u32, kind: impl Connect) -> Live {
        let Use { name, house, sound_only } = *use_of;
        let shared = Arc::new(Shared {
            store: Arc::new(Store::default()),
            decoder: Decoder::default(),
            sound_only,
            facts: Mutex::new(Facts { fault: kind.at_first(), ..Facts::default() }),
            attempt: AtomicU32::new(0),
            at_once: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let (name, house, ours) = (name.to_owned(), house.clone(), shared.clone());
        let thread = std::thread::Builder::new().name(format!("src-{name}"));
        if let Err(error) = thread.spawn(move || run(&name, &house, latency_ms, &kind, &ours)) {
            tracing::error!(%error, "no thread for a source");
        }
        Live { shared }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.store.close();
    }
}

fn run(name: &str, house: &House, latency_ms: u32, kind: &impl Connect, shared: &Arc<Shared>) {
    let mut backoff = Backoff::new(kind.steps());
    let mut asker = Knock::new();
    while !shared.stopping() {
        let (begun, before) = (running(), shared.facts().last_picture);
        shared.store.open();
        attempt(name, house, latency_ms, kind, shared);
        if shared.stopping() {
            break;
        }
        if shared.at_once.swap(false, Ordering::Relaxed) {
            continue;
        }
        let wait_ms = if shared.facts().last_picture > before {
            backoff.succeeded();
            backoff.failed(running())
        } else {
            backoff.failed_try(begun, running())
        };
        shared.attempt.store(backoff.attempt(), Ordering::Relaxed);
        let fault = shared.facts().fault.map_or_else(String::new, |f| f.code.as_str().into());
        tracing::info!(source = name, attempt = backoff.attempt(), wait_ms, fault, "source failed, trying again");
        wait(kind, shared, &mut backoff, &mut asker);
    }
    shared.store.close();
}

/// Waits until the next try is due, or the far side listens again after it did not.
fn wait(kind: &impl Connect, shared: &Shared, backoff: &mut Backoff, asker: &mut Knock) {
    let door = kind.knock();
    let mut was_deaf = false;
    let mut next_knock = running();
    while !shared.stopping() && !backoff.is_due(running()) {
        let now = running();
        let knocks = now >= next_knock;
        if knocks {
            next_knock = now.plus_ms(KNOCK_MS);
        }
        let answer = match &door {
            Some((host, port)) => {
                if knocks {
                    asker.ask(host, *port);
                }
                asker.answer(host, *port)
            }
            None if knocks => kind.is_there(),
            None => None,
        };
        match answer {
            Some(true) if was_deaf => backoff.hurry(),
            answer => was_deaf |= answer == Some(false),
        }
        std::thread::sleep(TURN);
    }
}

/// One try, until it ends.
fn attempt(name: &str, house: &House, latency_ms: u32, kind: &impl Connect, shared: &Arc<Shared>) {
    let pipeline = gst::Pipeline::new();
    pipeline.use_clock(Some(&gst::SystemClock::obtain()));
    let this = Arc::new(Try {
        name: name.to_owned(),
        sender: kind.sender(),
        pipeline: pipeline.clone(),
        streams: Streams::default(),
        shared: shared.clone(),
        house: house.clone(),
        arrivals: Arc::new(Mutex::new(Arrivals::new(latency_ms, None))),
        pace: kind.is_fetched_ahead().then(Mutex::default),
        ending: AtomicBool::new(false),
        online: AtomicBool::new(false),
        told_formats: AtomicBool::new(false),
    });
    shared.store.clear();
    shared.decoder.begin_anew();
    if let Err(fault) = kind.build(&this) {
        shared.fail(fault);
    } else if pipeline.set_state(gst::State::Playing).is_err() {
        let fault = error_of(&pipeline, kind).unwrap_or_else(|| kind.waiting());
        shared.fail(fault);
    } else if let Some(fault) = watch(&this, kind) {
        shared.fail(fault);
    }
    // Its streaming threads may wait for room in the store; and a far side that hangs may hold the pipeline's
    // end up. Neither shall hold up the next try.
    this.ending.store(true, Ordering::Relaxed);
    shared.store.close();
    let end = std::thread::Builder::new().name("src-end".into()).spawn(move || {
        let _ = pipeline.set_state(gst::State::Null);
    });
    if let Ok(end) = end {
        let limit = running().plus_ms(2_000);
        while !end.is_finished() && running() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn error_of(pipeline: &gst::Pipeline, kind: &impl Connect) -> Option<Fault> {
    let message = pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
    let gst::MessageView::Error(error) = message.view() else { return None };
    Some(kind.judge(&error.error(), &error.debug().unwrap_or_default()))
}

/// Host and port of an address; the scheme's own port where none is said.
pub(super) fn host_and_port(url: &str, port_of: impl FnOnce(&str) -> u16) -> Option<(String, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => Some((bare(host), port.parse().ok()?)),
        _ => Some((bare(authority), port_of(scheme))),
    }
}

/// The fault of a source that shall be heard and has nothing to hear.
pub(super) fn no_sound(sender: &str) -> Fault {
    let text = format!("{sender} sends no sound that can be decoded here, and only its sound is used.");
    let remedy = "Switch the sound on at the far side; or switch \"Sound only\" off under its settings.";
    Fault::new(Code::SourceNoSound, "").with_text(text).with_remedy(remedy)
}

/// How far a try has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Nobody was heard.
    Nobody,
    /// The far side sends; no picture came.
    Heard,
    /// Pictures came.
    Online,
}

impl Reach {
    /// How far the try has come that began at this moment.
    fn since(begun: Running, facts: &Facts) -> Reach {
        let after = |at: Option<Running>| at.is_some_and(|at| at > begun);
        if after(facts.last_picture) {
            Reach::Online
        } else if after(facts.heard) {
            Reach::Heard
        } else {
            Reach::Nobody
        }
    }

    /// Why a try ended that came so far and no further.
    fn ended(self, kind: &impl Connect, sound_only: bool) -> Fault {
        match self {
            Reach::Online => kind.stopped(),
            Reach::Heard if sound_only => no_sound(kind.sender()),
            Reach::Heard => kind.unintelligible(),
            Reach::Nobody => kind.waiting(),
        }
    }

    /// Why a try ended whose pipeline failed with this error.
    fn failed(self, kind: &impl Connect, sound_only: bool, error: &gst::glib::Error, debug: &str) -> Fault {
        let judged = kind.judge(error, debug);
        // Whatever hinders a decoder or a demultiplexer reaches the source's own element, which says that it cannot go on.
        let stuck = self == Reach::Heard && error.is::<gst::StreamError>();
        if judged.code == kind.waiting().code && (self == Reach::Online || stuck) {
            self.ended(kind, sound_only)
        } else {
            judged
        }
    }
}

/// Watches a running pipeline; answers why it ended.
fn watch(this: &Try, kind: &impl Connect) -> Option<Fault> {
    let Try { name, pipeline, shared, streams, .. } = this;
    let bus = pipeline.bus()?;
    let begun = running();
    while !shared.stopping() {
        if let Some(message) = bus.timed_pop(gst::ClockTime::from_mseconds(TURN.as_millis() as u64)) {
            match message.view() {
                gst::MessageView::Error(message) => {
                    let (error, debug) = (message.error(), message.debug().unwrap_or_default());
                    let fault = Reach::since(begun, &shared.facts()).failed(kind, shared.sound_only, &error, &debug);
                    // Not the error's own words: a server may repeat an address in them, and with it a token.
                    let (domain, judged) = (error.domain().as_str(), fault.code.as_str());
                    tracing::info!(source = name, %domain, judged, "source's pipeline failed");
                    return Some(fault);
                }
                gst::MessageView::Eos(_) => {
                    return Some(Reach::since(begun, &shared.facts()).ended(kind, shared.sound_only));
                }
                gst::MessageView::Application(_) => return shared.facts().fault,
                _ => {}
            }
        }
        // A keyframe may be due, or more be wanted, though nothing arrives.
        if shared.decoder.stands_by() {
            streams.turn();
        }
        let facts = shared.facts();
        let heard = facts.heard.filter(|at| *at > begun);
        if kind.holds() || (heard.is_none() && kind.awaits()) {
            continue;
        }
        let since = facts.last_picture.max(heard).filter(|at| *at > begun).unwrap_or(begun);
        if running().ms_since(since) > SILENCE_MS {
            return Some(Reach::since(begun, &facts).ended(kind, shared.sound_only));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes whatever it does not know for a far side that is not there.
    struct Server;

    impl Connect for Server {
        fn build(&self, _this: &Arc<Try>) -> Result<(), Fault> {
            Ok(())
        }

        fn sender(&self) -> &'static str {
            "The server"
        }

        fn waiting(&self) -> Fault {
            Fault::new(Code::SourceUnreachable, "")
        }

        fn judge(&self, _error: &gst::glib::Error, debug: &str) -> Fault {
            if debug.contains("401") { Fault::new(Code::SourceRefused, "") } else { self.waiting() }
        }
    }

    #[test]
    fn a_failed_pipeline_is_judged_by_how_far_the_try_came() {
        let stream = gst::glib::Error::new(gst::StreamError::Failed, "Internal data stream error.");
        let resource = gst::glib::Error::new(gst::ResourceError::Read, "Could not read.");
        let heard = Reach::Heard.failed(&Server, true, &stream, "reason not-negotiated (-4)");
        assert_eq!(heard.code, Code::SourceNoSound, "of one that shall be heard");
        for (reach, error, debug, want) in [
            (Reach::Nobody, &stream, "reason error (-5)", Code::SourceUnreachable),
            (Reach::Heard, &stream, "reason not-negotiated (-4)", Code::SourceNoVideo),
            (Reach::Online, &stream, "reason error (-5)", Code::SourceLost),
            (Reach::Heard, &resource, "", Code::SourceUnreachable),
            (Reach::Online, &resource, "", Code::SourceLost),
            (Reach::Heard, &stream, "401", Code::SourceRefused),
            (Reach::Online, &stream, "401", Code::SourceRefused),
        ] {
            assert_eq!(reach.failed(&Server, false, error, debug).code, want, "{reach:?} {error} {debug}");
        }
    }

    #[test]
    fn a_try_reaches_no_further_than_what_came_since_it_began() {
        let (before, begun, after) = (Some(Running(1)), Running(2), Some(Running(3)));
        for (heard, last_picture, want) in [
            (None, None, Reach::Nobody),
            (before, before, Reach::Nobody),
            (after, before, Reach::Heard),
            (after, after, Reach::Online),
            (None, after, Reach::Online),
        ] {
            let facts = Facts { heard, last_picture, ..Facts::default() };
            assert_eq!(Reach::since(begun, &facts), want, "{facts:?}");
        }
    }
}
