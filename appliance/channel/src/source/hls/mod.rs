//! Streams by HLS (RFC 8216), followed by ourselves: playlists by `m3u8-rs`, their parts into GStreamer's demultiplexers.
//!
//! ```text
//! our address ──► one playlist, or the best of several ──► a feed for its pictures, and one for sound that lies apart
//! feed: load the list ──► fetch a segment ──► appsrc ! parsebin ──► chain
//! ```
//! Not by GStreamer's `hlsdemux`: it takes the whole process down when it joins or leaves a stream at the wrong moment, and
//! lets each playlist begin at zero, so that sound that lies apart is not where its picture is.
//!
//! A server that is away for a moment ends nothing: what is in reserve is shown, and the list is asked for again.

mod choose;
mod fetch;
mod follow;
mod list;
mod origin;

use super::chain::{self, Built};
use super::live::Try;
use crate::clock::running;
use crate::lock::{hold, whole};
use automation::fault::{Code, Fault};
use automation::secret::Secret;
use choose::Chosen;
use fetch::Fetcher;
use follow::{Follower, Next};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use list::{Found, Part, Segment};
use origin::Origins;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::Duration;
use url::Url;

/// How long a playlist may take.
const LIST_LIMIT: Duration = Duration::from_secs(8);
/// How long a segment may take at least, milliseconds; and how many target durations.
const SEGMENT_LIMIT_MS: u64 = 8_000;
const SEGMENT_TARGETS: u64 = 3;
/// Tries of a segment, where the server answers and where it does not, and what lies between them: one that is away for a moment
/// is waited for as long as the reserve may last.
const TRIES: u32 = 3;
const TRIES_UNREACHED: u32 = 8;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
/// A server that says so many times in a row that there is no such stream, or not for us, is believed.
const REFUSALS: u32 = 3;
/// Bytes that may wait for a demultiplexer; what they hold waits behind it.
const WAITING_BYTES_MAX: u64 = 4 << 20;
/// How long one feed waits to hear where the other one begins.
const ORIGIN_LIMIT: Duration = Duration::from_secs(10);
/// How often whoever waits looks whether the try is over.
const TURN: Duration = Duration::from_millis(50);

/// Whether what lies at an address begins as a playlist does.
pub(super) fn is_playlist(beginning: &[u8]) -> bool {
    beginning.starts_with(b"#EXTM3U")
}

/// Builds what follows the playlist at this address: the try's streams come from there.
pub(super) fn build(this: &Arc<Try>, address: &Url, user: &str, password: &Secret) -> Result<(), Fault> {
    let fetcher = Arc::new(Fetcher::new(address, user, password));
    let chosen = find(&fetcher, address, this)?;
    let lists: Vec<Url> = match chosen {
        Chosen { sound: Some(sound), .. } if this.shared.sound_only => vec![sound],
        Chosen { pictures, sound } => [pictures].into_iter().chain(sound).collect(),
    };
    let begins = Arc::new(Begins::of(lists.len()));
    let left = Arc::new(AtomicUsize::new(lists.len()));
    let mut feeds = Vec::new();
    for (place, url) in lists.into_iter().enumerate() {
        let source = demultiplexer(this, place, &begins, &left).map_err(chain::internal)?;
        let (fetcher, begins) = (fetcher.clone(), begins.clone());
        feeds.push(Feed { to: Arc::downgrade(this), url, place, fetcher, begins, source, head: None, begun: false });
    }
    for feed in feeds {
        std::thread::Builder::new().name("src-hls".into()).spawn(move || feed.run()).map_err(chain::internal)?;
    }
    Ok(())
}

/// The playlists of media to be followed.
fn find(fetcher: &Fetcher, address: &Url, this: &Try) -> Result<Chosen, Fault> {
    let (text, from) = fetcher.list(address, LIST_LIMIT)?;
    match list::read(&text, &from)? {
        Found::Media(_) => Ok(Chosen { pictures: address.clone(), sound: None }),
        Found::Several(several) => choose::choose(&several, &from, this.house.height).ok_or_else(|| {
            Fault::new(Code::SourceNoVideo, "")
                .with_text("None of the stream's variants has a picture that can be decoded here.")
                .with_remedy("Set the server to H.264 and AAC.")
        }),
    }
}

/// Takes apart what a feed fetches.
fn demultiplexer(
    this: &Arc<Try>,
    place: usize,
    begins: &Arc<Begins>,
    left: &Arc<AtomicUsize>,
) -> Built<gst_app::AppSrc> {
    let source = gst_app::AppSrc::builder().format(gst::Format::Bytes).block(true).max_bytes(WAITING_BYTES_MAX).build();
    let parse = chain::make("parsebin")?;
    let (to, begins) = (Arc::downgrade(this), begins.clone());
    parse.connect_pad_added(move |_, pad| {
        if let Some(this) = to.upgrade() {
            pad.set_offset(begins.later_ns(place));
            chain::attach(&this, pad);
        }
    });
    let (to, left) = (Arc::downgrade(this), left.clone());
    parse.connect_no_more_pads(move |_| {
        let last = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) == Ok(1);
        if let Some(this) = to.upgrade().filter(|_| last) {
            chain::attached_all(&this);
        }
    });
    chain::chain(&this.pipeline, &[source.upcast_ref(), &parse])?;
    Ok(source)
}

/// Where the feeds of a stream begin: those that are followed together wait for each other.
#[derive(Debug)]
struct Begins {
    origins: Mutex<Origins>,
    known: Condvar,
}

impl Begins {
    fn of(feeds: usize) -> Begins {
        Begins { origins: Mutex::new(Origins::of(feeds)), known: Condvar::new() }
    }

    /// The feed of this place begins with these bytes. Waits until all are known, or for so long.
    fn wait(&self, place: usize, beginning: &[u8], this: &Try) {
        let until = running().plus_ms(ORIGIN_LIMIT.as_millis() as u64);
        let mut origins = hold(&self.origins);
        origins.tell(place, beginning);
        self.known.notify_all();
        while !origins.are_known() && running() < until && !this.is_over() {
            origins = whole(self.known.wait_timeout(origins, TURN)).0;
        }
    }

    /// How much later than the first of all this one begins, nanoseconds.
    fn later_ns(&self, place: usize) -> i64 {
        hold(&self.origins).later_ns(place)
    }
}

/// How often a segment is tried that fails so.
fn tries_of(code: Code) -> u32 {
    match code {
        Code::SourceNotFound => 1,
        Code::SourceUnreachable => TRIES_UNREACHED,
        _ => TRIES,
    }
}

/// Carries one playlist's segments to their demultiplexer, on a thread of its own.
struct Feed {
    to: Weak<Try>,
    url: Url,
    place: usize,
    fetcher: Arc<Fetcher>,
    begins: Arc<Begins>,
    source: gst_app::AppSrc,
    /// What lies before the segments now.
    head: Option<Part>,
    begun: bool,
}

/// Why a feed ends.
enum End {
    /// The try is over.
    Over,
    /// The stream is.
    Ended,
    Failed(Fault),
    /// It goes on in another try.
    Anew,
}

impl Feed {
    fn run(mut self) {
        let mut follower = Follower::default();
        let mut refusals = 0;
        let end = loop {
            if let Err(end) = self.turn(&mut follower, &mut refusals) {
                break end;
            }
        };
        let Some(this) = self.to.upgrade() else { return };
        match end {
            End::Over => {}
            End::Ended => drop(self.source.end_of_stream()),
            End::Failed(fault) => this.give_up(fault),
            // What is in reserve is shown first.
            End::Anew if self.begun => {
                this.begin_again_at_its_end();
                let _ = self.source.end_of_stream();
            }
            End::Anew => this.begin_again(),
        }
    }

    /// The try, as long as it goes on.
    fn this(&self) -> Result<Arc<Try>, End> {
        self.to.upgrade().filter(|this| !this.is_over()).ok_or(End::Over)
    }

    fn turn(&mut self, follower: &mut Follower, refusals: &mut u32) -> Result<(), End> {
        match follower.next(running()) {
            Next::Ended => Err(End::Ended),
            Next::Anew => Err(End::Anew),
            Next::Wait(ms) => self.wait(Duration::from_millis(ms)),
            Next::Load => self.load(follower, refusals),
            Next::Fetch(segment) => self.carry(&segment, follower),
        }
    }

    fn wait(&self, time: Duration) -> Result<(), End> {
        let until = running().0 + time.as_nanos() as u64;
        while let Some(left @ 1..) = until.checked_sub(running().0) {
            self.this()?;
            std::thread::sleep(Duration::from_nanos(left).min(TURN));
        }
        Ok(())
    }

    fn load(&self, follower: &mut Follower, refusals: &mut u32) -> Result<(), End> {
        let asked = running();
        let read = self.fetcher.list(&self.url, LIST_LIMIT).and_then(|(text, from)| list::read(&text, &from));
        let this = self.this()?;
        match read {
            Ok(Found::Media(list)) => {
                *refusals = 0;
                follower.loaded(list, asked);
                if follower.has_just_begun() {
                    let fault = Fault::new(Code::SourceUnreachable, "").with_text("The stream is just beginning.");
                    this.say(fault.with_remedy("Nothing to do: Bandstand waits for it."));
                }
                Ok(())
            }
            Ok(Found::Several(_)) => Err(End::Anew),
            Err(fault) => {
                let refused = fault.code != Code::SourceUnreachable;
                *refusals = if refused { *refusals + 1 } else { 0 };
                if !self.begun || *refusals >= REFUSALS {
                    return Err(End::Failed(fault));
                }
                follower.not_loaded(running());
                Ok(())
            }
        }
    }

    /// Fetches a segment and hands it on; one that is not to be had is left out.
    fn carry(&mut self, segment: &Segment, follower: &mut Follower) -> Result<(), End> {
        if self.begun && segment.head != self.head {
            // Other pictures come: their format may be another one, too.
            return Err(End::Anew);
        }
        let limit = Duration::from_millis(SEGMENT_LIMIT_MS.max(SEGMENT_TARGETS * follower.target_ms()));
        for tries in 1.. {
            let head = segment.head.as_ref().filter(|_| !self.begun);
            let head = head.map(|head| self.fetcher.media(head, limit)).transpose();
            let fetched = head.and_then(|head| {
                let media = self.fetcher.media(&segment.part, limit)?;
                Ok((head, media))
            });
            let this = self.this()?;
            match fetched {
                Ok((head, media)) => {
                    if !self.begun {
                        this.heard();
                        (self.begun, self.head) = (true, segment.head.clone());
                        self.begins.wait(self.place, head.as_deref().unwrap_or(&media), &this);
                    }
                    // It may take long: nothing of the try is held meanwhile.
                    drop(this);
                    if let Some(head) = head {
                        self.push(head, false)?;
                    }
                    self.push(media, segment.jumps)?;
                    follower.fetched(segment.number);
                    return Ok(());
                }
                Err(fault) if fault.code == Code::SourceUnsupported => return Err(End::Failed(fault)),
                Err(fault) if !self.begun && tries >= TRIES => return Err(End::Failed(fault)),
                Err(fault) if self.begun && tries >= tries_of(fault.code) => {
                    tracing::info!(source = this.name, fault = fault.code.as_str(), "a segment is left out");
                    follower.lost(segment.number);
                    return Ok(());
                }
                Err(_) => self.wait(BETWEEN_TRIES)?,
            }
        }
        Ok(())
    }

    /// Hands bytes to the demultiplexer, as soon as it has room.
    fn push(&self, bytes: Vec<u8>, jumps: bool) -> Result<(), End> {
        let mut buffer = gst::Buffer::from_slice(bytes);
        if jumps && let Some(buffer) = buffer.get_mut() {
            buffer.set_flags(gst::BufferFlags::DISCONT);
        }
        self.source.push_buffer(buffer).map(|_| ()).map_err(|_| End::Over)
    }
}
