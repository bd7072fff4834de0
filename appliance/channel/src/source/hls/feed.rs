//! One playlist's segments on their way to their demultiplexer, on a thread of its own.

use super::fetch::Fetcher;
use super::follow::{Follower, Next};
use super::list::{self, Found, Part, Segment};
use super::origin::{self, Beginning};
use super::{LIST_LIMIT, TURN, Ways, is_playlist};
use crate::clock::running;
use crate::source::live::Try;
use automation::fault::{Code, Fault};
use gstreamer as gst;
use gstreamer_app as gst_app;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;
use url::Url;

/// How long a segment may take at least, milliseconds; and how many target durations.
const SEGMENT_LIMIT_MS: u64 = 8_000;
const SEGMENT_TARGETS: u64 = 3;
/// Tries of a segment that the server does not want to give, and what lies between tries. A server that is not reached is
/// waited for: the reserve lasts longer than any number of tries, and the silence after it ends the whole try.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
/// A server that says so many times in a row that there is no such stream, or not for us, is believed.
const REFUSALS: u32 = 3;

/// Segments that are passed over, at most, to begin where another playlist does: lists lie apart by one, or by two.
const SKIPPED_MAX: u32 = 4;

/// Carries one playlist's segments.
pub(super) struct Feed {
    to: Weak<Try>,
    url: Url,
    place: usize,
    fetcher: Arc<Fetcher>,
    ways: Arc<Ways>,
    source: gst_app::AppSrc,
    follower: Follower,
    refusals: u32,
    /// What lies before the segments now, with its bytes.
    head: Option<(Part, Vec<u8>)>,
    /// What is missing of it moves all that follows.
    bare: bool,
    /// Segments that were passed over at the beginning.
    skipped: u32,
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
    pub(super) fn new(
        this: &Arc<Try>,
        url: Url,
        place: usize,
        fetcher: Arc<Fetcher>,
        ways: Arc<Ways>,
        source: gst_app::AppSrc,
        follower: Follower,
    ) -> Feed {
        let (to, head) = (Arc::downgrade(this), None);
        Feed {
            to,
            url,
            place,
            fetcher,
            ways,
            source,
            follower,
            refusals: 0,
            head,
            bare: false,
            skipped: 0,
            begun: false,
        }
    }

    pub(super) fn run(mut self) {
        let end = loop {
            if let Err(end) = self.turn() {
                break end;
            }
        };
        self.ways.shared.begins.store(false, Ordering::Relaxed);
        let Some(this) = self.to.upgrade() else { return };
        match end {
            End::Over => {}
            End::Ended => {
                self.reached(0);
                let _ = self.source.end_of_stream();
            }
            // What is in reserve is shown first.
            End::Anew if self.begun => {
                self.ways.anew.store(true, Ordering::Relaxed);
                self.ways.shared.known.store(true, Ordering::Relaxed);
                this.begin_again_at_its_end();
                let _ = self.source.end_of_stream();
            }
            End::Anew => this.give_up(list::no_playlist()),
            End::Failed(fault) => this.give_up(fault),
        }
    }

    /// Of a film: another try begins with this number.
    fn reached(&self, number: u64) {
        if self.follower.is_film() {
            self.ways.reached(self.place).store(number, Ordering::Relaxed);
        }
    }

    /// The try, as long as it goes on.
    fn this(&self) -> Result<Arc<Try>, End> {
        self.to.upgrade().filter(|this| !this.is_over()).ok_or(End::Over)
    }

    /// Whether what is being fetched is still wanted; before the first is whole, each piece is a sign of life.
    fn goes_on(&self) -> bool {
        let Ok(this) = self.this() else { return false };
        if !self.begun {
            this.heard();
        }
        true
    }

    fn turn(&mut self) -> Result<(), End> {
        if self.begun && self.ways.anew.load(Ordering::Relaxed) {
            return Err(End::Anew);
        }
        match self.follower.next(running()) {
            Next::Ended => Err(End::Ended),
            Next::Anew => Err(End::Anew),
            Next::Wait(ms) => self.wait(Duration::from_millis(ms)),
            Next::Load => self.load(),
            Next::Fetch(segment) => self.carry(&segment),
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

    fn load(&mut self) -> Result<(), End> {
        let asked = running();
        let fetched = self.fetcher.list(&self.url, LIST_LIMIT, &|| self.goes_on());
        let read = fetched.and_then(|(text, from)| list::read(&text, &from));
        let this = self.this()?;
        match read {
            Ok(Found::Media(list)) => {
                self.refusals = 0;
                self.follower.loaded(list, asked);
                let begins = self.follower.has_just_begun();
                self.ways.shared.begins.store(begins, Ordering::Relaxed);
                if begins {
                    let fault = Fault::new(Code::SourceUnreachable, "").with_text("The stream is just beginning.");
                    this.say(fault.with_remedy("Nothing to do: Bandstand waits for it."));
                }
                Ok(())
            }
            Ok(Found::Several(_)) => Err(End::Anew),
            Err(fault) if !self.begun => Err(End::Failed(fault)),
            Err(fault) => {
                let refused = fault.code != Code::SourceUnreachable;
                self.refusals = if refused { self.refusals + 1 } else { 0 };
                // Our own address may lead somewhere else by now; and it says why, where it does not.
                if self.refusals >= REFUSALS {
                    return Err(End::Anew);
                }
                self.follower.not_loaded(running());
                Ok(())
            }
        }
    }

    /// Fetches a segment and hands it on; one that is not to be had is left out.
    fn carry(&mut self, segment: &Segment) -> Result<(), End> {
        // What has a head, or no container, goes on after a jump as if there were none. A film goes through it: its parts follow
        // each other, and a new try would be seen.
        let blind = self.bare || self.head.is_some();
        if self.begun && segment.jumps && blind && !self.follower.is_film() {
            return Err(End::Anew);
        }
        for tries in 1.. {
            match self.fetch(segment) {
                Ok((head, media)) if !is_playlist(&media) => return self.hand_on(segment, head, media),
                Ok(_) => {
                    self.leave_out(segment, list::no_playlist())?;
                    return Ok(());
                }
                Err(fault) if tries >= tries_of(&fault, self.begun) => {
                    self.leave_out(segment, fault)?;
                    return Ok(());
                }
                Err(_) => self.wait(BETWEEN_TRIES)?,
            }
        }
        Ok(())
    }

    /// A segment, and what lies before it where that is not what lay before the last one.
    fn fetch(&self, segment: &Segment) -> Result<(Option<Vec<u8>>, Vec<u8>), Fault> {
        let limit = Duration::from_millis(SEGMENT_LIMIT_MS.max(SEGMENT_TARGETS * self.follower.target_ms()));
        let known = self.head.as_ref().map(|(head, _)| head);
        let head = segment.head.as_ref().filter(|head| Some(*head) != known);
        let head = head.map(|head| self.fetcher.media(head, limit, &|| self.goes_on())).transpose()?;
        let media = self.fetcher.media(&segment.part, limit, &|| self.goes_on())?;
        Ok((head, media))
    }

    fn leave_out(&mut self, segment: &Segment, fault: Fault) -> Result<(), End> {
        let this = self.this()?;
        if !self.begun {
            return Err(End::Failed(fault));
        }
        tracing::info!(source = this.name, fault = fault.code.as_str(), "a segment is left out");
        self.follower.lost(segment.number);
        Ok(())
    }

    fn hand_on(&mut self, segment: &Segment, head: Option<Vec<u8>>, media: Vec<u8>) -> Result<(), End> {
        let this = self.this()?;
        let changed = match (&head, &self.head) {
            // Addresses change where a token is in them; what lies there is what counts.
            (Some(new), Some((_, old))) => new != old,
            (Some(_), None) => self.begun,
            (None, known) => segment.head.is_none() && known.is_some(),
        };
        // Another container needs another demultiplexer in any case; another head of the same tells what follows, and its
        // format may be another one.
        let same_container = head.is_some() && self.head.is_some();
        if self.begun && changed && !(self.follower.is_film() && same_container) {
            return Err(End::Anew);
        }
        if let (Some(part), Some(bytes)) = (&segment.head, &head) {
            self.head = Some((part.clone(), bytes.clone()));
            if self.begun && changed {
                self.push(bytes.clone(), segment.jumps)?;
            }
        }
        if !self.begun {
            let bytes = self.head.as_ref().map(|(_, bytes)| bytes.as_slice());
            let beginning = origin::read(bytes, &media);
            self.bare = beginning.is_some_and(|Beginning { bare, .. }| bare) || origin::is_bare(&media);
            let early_ms = self.ways.early_ns(self.place, beginning, &this) / 1_000_000;
            // Another playlist begins with a later segment.
            if self.skipped < SKIPPED_MAX && early_ms > 0 && early_ms as u64 * 2 > segment.duration_ms {
                self.skipped += 1;
                self.follower.fetched(segment.number);
                return Ok(());
            }
            self.begun = true;
            if let Some((_, bytes)) = &self.head {
                self.push(bytes.clone(), false)?;
            }
        }
        // What the demultiplexer makes nothing of is passed over by the next try.
        self.reached(segment.number + 1);
        // It may take long: nothing of the try is held meanwhile.
        drop(this);
        self.push(media, segment.jumps)?;
        self.follower.fetched(segment.number);
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

/// How often a segment is tried that fails so.
fn tries_of(fault: &Fault, begun: bool) -> u32 {
    match fault.code {
        Code::SourceNotFound if begun => 1,
        Code::SourceUnreachable if begun => u32::MAX,
        _ => TRIES,
    }
}
