//! Streams by HLS (RFC 8216), followed by ourselves: playlists by `m3u8-rs`, their parts into GStreamer's demultiplexers.
//!
//! ```text
//! our address ──► one playlist, or the best of several ──► a feed for its pictures, and one for sound that lies apart
//! feed: load the list ──► fetch a segment ──► appsrc ! parsebin ──► chain
//! ```
//! Not by GStreamer's `hlsdemux`: it takes the whole process down when it joins or leaves a stream at the wrong moment, and
//! lets each playlist begin at zero, so that sound that lies apart is not where its picture is.
//!
//! A server that is away for a moment ends nothing: what is in reserve is shown, and the list is asked for again. Where the
//! stream begins anew, or its format changes, the reserve is shown first; then another try looks at our address.

mod choose;
mod feed;
mod fetch;
mod follow;
mod list;
mod origin;
mod plain;

use super::chain::{self, Built};
use super::live::Try;
use crate::clock::running;
use crate::lock::{hold, whole};
use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::secret::Secret;
use choose::Chosen;
use feed::Feed;
use fetch::Fetcher;
use follow::Follower;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use list::{Found, List};
use origin::Origins;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use url::Url;

/// How long a playlist may take.
const LIST_LIMIT: Duration = Duration::from_secs(8);
/// Bytes that may wait for a demultiplexer; what they hold waits behind it.
const WAITING_BYTES_MAX: u64 = 4 << 20;
/// How long one feed waits to hear where the other one begins: less than the silence that ends a try.
const ORIGIN_LIMIT: Duration = Duration::from_secs(6);
/// Playlists that are followed at once: of pictures, and of sound that lies apart.
const FEEDS_MAX: usize = 2;
/// How often whoever waits looks whether the try is over.
const TURN: Duration = Duration::from_millis(50);

/// Whether what lies at an address begins as a playlist does.
pub(super) fn is_playlist(beginning: &[u8]) -> bool {
    beginning.starts_with(b"#EXTM3U")
}

/// What a pull and the tries that follow its playlist tell each other.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Our address is known to lie at a playlist: the next try follows it, and need not look first.
    pub(super) known: AtomicBool,
    /// The stream has just begun, and is waited for: its silence is explained.
    pub(super) begins: AtomicBool,
    /// The number of the segment that comes next in a whole film, of its pictures and of sound that lies apart: where a try
    /// fails within it, the next one goes on there.
    reached: [AtomicU64; FEEDS_MAX],
}

/// Builds what follows the playlist at this address: the try's streams come from there.
pub(super) fn build(
    this: &Arc<Try>,
    address: &Url,
    user: &str,
    password: &Secret,
    shared: &Arc<Shared>,
) -> Result<(), Fault> {
    let fetcher = Arc::new(Fetcher::new(address, user, password));
    let lists = find(&fetcher, address, this)?;
    let ways = Arc::new(Ways::of(lists.len(), shared));
    let mut feeds = Vec::new();
    for (place, (url, list)) in lists.into_iter().enumerate() {
        let source = demultiplexer(this, place, &ways).map_err(chain::internal)?;
        let mut follower = Follower::from(ways.reached(place).load(Ordering::Relaxed));
        if let Some((list, asked)) = list {
            follower.loaded(list, asked);
        }
        feeds.push(Feed::new(this, url, place, fetcher.clone(), ways.clone(), source, follower));
    }
    for feed in feeds {
        std::thread::Builder::new().name("src-hls".into()).spawn(move || feed.run()).map_err(chain::internal)?;
    }
    Ok(())
}

/// A playlist of media, as it was when it was loaded, where it has been.
type Followed = (Url, Option<(List, Running)>);

/// The playlists of media to be followed.
fn find(fetcher: &Fetcher, address: &Url, this: &Try) -> Result<Vec<Followed>, Fault> {
    let asked = running();
    let (text, from) = fetcher.list(address, LIST_LIMIT, &|| !this.is_over())?;
    let several = match list::read(&text, &from)? {
        Found::Media(list) => return Ok(vec![(address.clone(), Some((list, asked)))]),
        Found::Several(several) => several,
    };
    let sound_only = this.shared.sound_only;
    let Chosen { pictures, sound } =
        choose::choose(&several, &from, this.house.height, sound_only).ok_or_else(|| {
            Fault::new(Code::SourceNoVideo, "")
                .with_text("None of the stream's variants has a picture that can be decoded here.")
                .with_remedy("Set the server to H.264 and AAC.")
        })?;
    let pictures = Some(pictures).filter(|_| !sound_only || sound.is_none());
    Ok(pictures.into_iter().chain(sound).map(|url| (url, None)).collect())
}

/// Takes apart what a feed fetches.
fn demultiplexer(this: &Arc<Try>, place: usize, ways: &Arc<Ways>) -> Built<gst_app::AppSrc> {
    let source = gst_app::AppSrc::builder().format(gst::Format::Bytes).block(true).max_bytes(WAITING_BYTES_MAX).build();
    let parse = chain::make("parsebin")?;
    let (to, known) = (Arc::downgrade(this), ways.clone());
    parse.connect_pad_added(move |_, pad| {
        if let Some(this) = to.upgrade() {
            set_right(pad, place, &known, &this);
            chain::attach(&this, pad);
        }
    });
    let (to, known) = (Arc::downgrade(this), ways.clone());
    parse.connect_no_more_pads(move |_| {
        let left = &known.left;
        let last = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) == Ok(1);
        if let Some(this) = to.upgrade().filter(|_| last) {
            chain::attached_all(&this);
        }
    });
    chain::chain(&this.pipeline, &[source.upcast_ref(), &parse])?;
    Ok(source)
}

/// Moves what passes this pad to its place beside what the other feeds give, as soon as it says what it calls zero.
fn set_right(pad: &gst::Pad, place: usize, ways: &Arc<Ways>, this: &Arc<Try>) {
    let (to, known) = (Arc::downgrade(this), ways.clone());
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        let Some(gst::PadProbeData::Event(event)) = &info.data else { return gst::PadProbeReturn::Ok };
        let gst::EventView::Segment(segment) = event.view() else { return gst::PadProbeReturn::Ok };
        if let Some(this) = to.upgrade() {
            pad.set_offset(known.later_ns(place, counts_from(segment.segment()), &this));
        }
        gst::PadProbeReturn::Remove
    });
}

/// The time of its demultiplexer that a segment calls zero, nanoseconds.
fn counts_from(segment: &gst::Segment) -> Option<i64> {
    let segment = segment.downcast_ref::<gst::ClockTime>()?;
    Some(segment.start()?.nseconds() as i64 - segment.base().map_or(0, |base| base.nseconds() as i64))
}

/// What the feeds of a try know of each other.
#[derive(Debug)]
struct Ways {
    origins: Mutex<Origins>,
    told: Condvar,
    /// The time that each one's demultiplexer takes for zero, nanoseconds of the common time.
    zeros: Mutex<Vec<Option<i64>>>,
    /// Feeds that have not shown all their streams.
    left: AtomicUsize,
    /// One of them begins anew, and so do all.
    anew: AtomicBool,
    shared: Arc<Shared>,
}

impl Ways {
    fn of(feeds: usize, shared: &Arc<Shared>) -> Ways {
        shared.begins.store(false, Ordering::Relaxed);
        Ways {
            origins: Mutex::new(Origins::of(feeds)),
            told: Condvar::new(),
            zeros: Mutex::new(vec![None; feeds]),
            left: AtomicUsize::new(feeds),
            anew: AtomicBool::new(false),
            shared: shared.clone(),
        }
    }

    /// What the feed of this place has reached of a whole film.
    fn reached(&self, place: usize) -> &AtomicU64 {
        &self.shared.reached[place.min(FEEDS_MAX - 1)]
    }

    /// The segment that the feed of this place would begin with, as far as its bytes say when that is. Waits for the others,
    /// and answers how much earlier than the latest of them it begins, nanoseconds.
    fn early_ns(&self, place: usize, beginning: Option<origin::Beginning>, this: &Try) -> i64 {
        hold(&self.zeros)[place] = beginning.map(|known| known.zero_ns);
        hold(&self.origins).begins(place, beginning.map(|known| known.begins_ns));
        self.wait_until(this, Origins::have_begun, |origins| origins.early_ns(place))
    }

    /// The demultiplexer of this place begins with what it calls this time. Waits for the others, and answers how much later
    /// than the first of them that is, nanoseconds.
    fn later_ns(&self, place: usize, counts_from: Option<i64>, this: &Try) -> i64 {
        let zero = hold(&self.zeros)[place].zip(counts_from).map(|(zero, from)| zero + from);
        hold(&self.origins).counts_from(place, zero);
        self.wait_until(this, Origins::are_counted, |origins| origins.later_ns(place))
    }

    fn wait_until(&self, this: &Try, known: fn(&Origins) -> bool, answer: impl Fn(&Origins) -> i64) -> i64 {
        self.told.notify_all();
        let until = running().plus_ms(ORIGIN_LIMIT.as_millis() as u64);
        let mut origins = hold(&self.origins);
        while !known(&origins) && running() < until && !this.is_over() {
            origins = whole(self.told.wait_timeout(origins, TURN)).0;
        }
        answer(&origins)
    }
}
