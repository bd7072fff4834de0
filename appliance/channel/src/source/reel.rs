//! Films and stills from the disk, one after another and over again, without a gap: a playlist.
//!
//! Where in the list a showing is at a tick, the lengths of its files say ([`Playlist`]); they are measured when the
//! source begins, once in the life of the process. Each item of a showing has a player of its own, whose store holds what
//! is due by the time in the file. The next item's player stands ready on its first picture well before the seam; at the
//! seam the mixer looks into the other store. The last picture of an item stands until the seam.
//!
//! ```text
//! unknown ── measured ──► in the list ── cannot be opened, or breaks off ──► left out, with its fault
//!    └── cannot be opened ──► left out          ▲                                │
//!                                └── the wait is over, and it can be opened ─────┘
//! ```
//! The wait of each file doubles with each failure, up to ten minutes, until it has been played to its end; so long its
//! fault stands. Where a film breaks off, what follows begins at the next tick, and the rest of the showing with it: only
//! the beginning of a showing is a function of the lengths alone. A list of which nothing can be played is as unplayable
//! as a single file.

mod keeper;
mod showing;

use super::known::{self, Length};
use super::media::{RETRY, SEEK_AHEAD_NS, SEEK_FROM_NS, UNUSED_MS, makes_way};
use super::player::{self, Player};
use super::store::Picture;
use crate::clock::running;
use crate::lock::hold;
use automation::backoff::Backoff;
use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::playlist::{Item, Playlist, tick_at, ticks_of};
use automation::spec::{House, Rate};
use keeper::{Job, Keeper, Place};
use showing::{Seat, Showing, into};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

pub use showing::Part;

/// The next player is made so long before it is needed: a file may take ten seconds to open.
const NEXT_AHEAD_NS: u64 = 15_000_000_000;
/// One player waits for its item; the one behind it is made so long before that begins: items may be shorter than
/// opening a file takes.
const AFTER_NEXT_NS: u64 = 1_000_000_000;
/// A player is kept so long after its item has ended: sound may be asked for later than its picture.
const KEPT_NS: u64 = 1_000_000_000;
/// Sample frames a second.
const SAMPLE_HZ: u64 = 48_000;
/// Half a sample frame, nanoseconds: the sound of a tick begins up to so much before or after its picture.
const HALF_A_SAMPLE_NS: u64 = 10_417;
/// Files that are named in one fault, and places of one file, at most.
const NAMED_MAX: usize = 3;

/// A playlist; dropping it ends its threads.
#[derive(Debug)]
pub struct Reel {
    desk: Arc<Desk>,
}

#[derive(Debug)]
struct Desk {
    rate: Rate,
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    ended: bool,
    /// Each file once, in the order of the list.
    files: Vec<File>,
    /// The list: which file each item is.
    items: Vec<usize>,
    still_ticks: u64,
    /// Stands ready on the first picture of the list.
    ready: Option<Seat>,
    showing: Option<Showing>,
    /// The one before it, which a cross-fade or a mix still needs.
    previous: Option<Showing>,
    /// A showing in mid-list that wants its first player: the tick at which it began, and the position to begin at.
    start: Option<(i64, u64)>,
    /// The showing whose first player is being made.
    starting: Option<i64>,
    /// Nothing can be played, until a player stands ready again.
    dead: Option<Fault>,
    /// Size of the pictures on air, and whether there is sound.
    facts: ((u32, u32), bool),
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    item: Item,
    fault: Option<Fault>,
    retry: Backoff,
}

impl Reel {
    /// A list of these files, of which stills stand for `still_ms` milliseconds. Some may be the same.
    pub(super) fn start(paths: &[PathBuf], still_ms: u32, house: &House) -> Reel {
        let still_ticks = house.rate.nearest_tick(u64::from(still_ms)).max(1);
        let mut files: Vec<File> = Vec::new();
        let mut items = Vec::with_capacity(paths.len());
        for path in paths {
            let known = files.iter().position(|file| file.path == *path);
            items.push(known.unwrap_or(files.len()));
            if known.is_none() {
                // What was measured is played at once: a list that is edited on air goes on.
                let item = known::length(path)
                    .map_or(Item::Unknown, |length_ns| Item::Plays(ticks(house.rate, still_ticks, length_ns)));
                files.push(File { path: path.clone(), item, fault: None, retry: Backoff::new(RETRY) });
            }
        }
        let inner = Inner {
            ended: false,
            files,
            items,
            still_ticks,
            ready: None,
            showing: None,
            previous: None,
            start: None,
            starting: None,
            dead: None,
            facts: ((0, 0), false),
        };
        let desk = Arc::new(Desk { rate: house.rate, inner: Mutex::new(inner), changed: Condvar::new() });
        let started = player::taker_down().and_then(|end| {
            let keeper = Keeper { desk: desk.clone(), house: house.clone(), end };
            let measurer = keeper.clone();
            let thread = |name: &str| std::thread::Builder::new().name(name.into());
            // By a thread of its own: a disk that hangs while a file is measured must not hold up the next player.
            thread("reel-measure").spawn(move || measurer.measure())?;
            thread("reel").spawn(move || keeper.run())
        });
        if let Err(error) = started {
            tracing::error!(%error, "no thread for a playlist");
        }
        Reel { desk }
    }

    /// What is read at `position_ns` of the showing that began at tick `began`. None while its player is being made,
    /// which this asks for.
    pub fn part(&self, began: i64, position_ns: u64) -> Option<Part> {
        let (rate, now) = (self.desk.rate, running());
        let mut inner = hold(&self.desk.inner);
        if let Some(showing) = inner.showing_of(began) {
            showing.asked = now;
            showing.at_ns = showing.at_ns.max(position_ns);
            return showing.part(rate, position_ns);
        }
        if position_ns < SEEK_FROM_NS {
            let seat = inner.ready.take()?;
            let showing = Showing { began, seats: VecDeque::from([seat]), at_ns: position_ns, asked: now };
            let part = showing.part(rate, position_ns);
            inner.previous = inner.showing.replace(showing);
            self.desk.changed.notify_all();
            return part;
        }
        if inner.starting != Some(began) {
            let new = inner.start.is_none_or(|(tick, _)| tick != began);
            // In a long list its place may not be known for a while: it is made for where the showing is by then.
            inner.start = Some((began, position_ns + SEEK_AHEAD_NS));
            if new {
                self.desk.changed.notify_all();
            }
        }
        None
    }

    /// Takes the sound from `at_ns` of a showing on into `out` (interleaved stereo); silence where there is none. Asks
    /// for no player.
    pub fn listen(&self, began: i64, at_ns: u64, out: &mut [f32]) {
        let rate = self.desk.rate;
        let mut done = 0;
        while done < out.len() / 2 {
            let from_ns = at_ns + done as u64 * 1_000_000_000 / SAMPLE_HZ;
            let heard = hold(&self.desk.inner).showing_of(began).map(|showing| {
                let until_ns = showing.seam_after(rate, from_ns + HALF_A_SAMPLE_NS);
                (showing.heard(rate, from_ns + HALF_A_SAMPLE_NS), until_ns)
            });
            let left = out.len() / 2 - done;
            let Some((part, until_ns)) = heard else {
                out[2 * done..].fill(0.0);
                return;
            };
            let frames = until_ns.map_or(left, |until_ns| {
                let ns = until_ns.saturating_sub(from_ns) + HALF_A_SAMPLE_NS;
                usize::try_from(ns * SAMPLE_HZ / 1_000_000_000).unwrap_or(left).clamp(1, left)
            });
            let out = &mut out[2 * done..][..2 * frames];
            match part {
                // Outside the lock: a store has one of its own.
                Some(part) => part.player.store.listen(part.at_ns.saturating_sub(HALF_A_SAMPLE_NS), out),
                None => out.fill(0.0),
            }
            done += frames;
        }
    }

    /// A picture for a thumbnail: of what is shown, or of what stands ready.
    pub fn thumbnail(&self) -> Option<Picture> {
        let player = hold(&self.desk.inner).on_air(self.desk.rate)?;
        player.store.first()
    }

    /// What is wrong: the files that are left out, or that nothing can be played.
    pub fn fault(&self) -> Option<Fault> {
        let inner = hold(&self.desk.inner);
        inner.dead.clone().or_else(|| inner.left_out())
    }

    /// Why nothing of it can be played.
    pub fn unplayable(&self) -> Option<Fault> {
        hold(&self.desk.inner).dead.clone()
    }

    /// Size of its pictures, and whether it has sound: of what is shown.
    pub fn facts(&self) -> ((u32, u32), bool) {
        let mut inner = hold(&self.desk.inner);
        if let Some(player) = inner.on_air(self.desk.rate) {
            inner.facts = (player.size(), player.has_sound());
        }
        inner.facts
    }
}

/// How long a file is played: a film for its length, nanoseconds, a still, which has none, for its time.
fn ticks(rate: Rate, still_ticks: u64, length_ns: Length) -> u64 {
    length_ns.map_or(still_ticks, |length_ns| ticks_of(rate, length_ns))
}

impl Drop for Reel {
    fn drop(&mut self) {
        hold(&self.desk.inner).ended = true;
        self.desk.changed.notify_all();
    }
}

impl Inner {
    fn playlist(&self) -> Playlist {
        Playlist::new(self.items.iter().map(|file| self.files[*file].item))
    }

    fn showing_of(&mut self, began: i64) -> Option<&mut Showing> {
        let Inner { showing, previous, .. } = self;
        [showing, previous].into_iter().flatten().find(|showing| showing.began == began)
    }

    /// The player whose picture is shown, or would be.
    fn on_air(&self, rate: Rate) -> Option<Arc<Player>> {
        let shown = self.showing.as_ref().and_then(|showing| showing.seat(rate, showing.at_ns));
        shown.or(self.ready.as_ref()).map(|seat| seat.player.clone())
    }

    /// A file cannot be played, for now.
    fn fail(&mut self, file: usize, fault: Fault) {
        let one = &mut self.files[file];
        let wait_ms = one.retry.failed(running());
        known::forget(&one.path);
        let (code, text, path) = (fault.code.as_str(), &fault.text, one.path.display());
        tracing::warn!(%path, fault = code, text, wait_ms, "a file of a playlist is left out");
        (one.item, one.fault) = (Item::Skipped, Some(fault));
        if self.files.iter().all(|file| file.item == Item::Skipped) {
            self.dead = self.told("Nothing of the playlist can be played.");
        }
    }

    /// The same of a file that was opened before. Several players of one file may say so.
    fn broke(&mut self, file: usize, fault: Fault) {
        if matches!(self.files[file].item, Item::Plays(_)) {
            self.fail(file, fault);
        }
    }

    /// The file was played to its end: that it can be opened says little of what breaks off.
    fn whole(&mut self, file: usize) {
        let one = &mut self.files[file];
        // By one player, while another one failed: what came last counts.
        if matches!(one.item, Item::Plays(_)) {
            one.retry.succeeded();
            one.fault = None;
        }
    }

    /// The fault of a list that is played without some of its files.
    fn left_out(&self) -> Option<Fault> {
        self.told("The playlist goes on without what cannot be played.")
    }

    /// Names what cannot be played.
    fn told(&self, lead: &str) -> Option<Fault> {
        let faults: Vec<(usize, &Fault)> =
            self.files.iter().enumerate().filter_map(|(file, one)| Some((file, one.fault.as_ref()?))).collect();
        let (_, first) = faults.first()?;
        let mut text = lead.to_owned();
        for (file, fault) in faults.iter().take(NAMED_MAX) {
            text.push_str(&format!(" {}: {}", self.places(*file), fault.text));
        }
        if let more @ 1.. = faults.len().saturating_sub(NAMED_MAX) {
            text.push_str(&format!(" And {more} more."));
        }
        let remedy = match first.code {
            Code::MediaMissing => "Upload it again and put it in its place in the list, or take it out.",
            _ => {
                "Upload it again, as MP4 with H.264 and AAC, or as PNG or JPEG, and put it in its place in the list; or take it out."
            }
        };
        Some(Fault::new(first.code, "").with_text(text).with_remedy(remedy))
    }

    /// Where in the list a file is, for a person: names of files on the disk say nothing to anybody.
    fn places(&self, file: usize) -> String {
        let items = self.items.iter().enumerate().filter(|(_, item)| **item == file);
        let places: Vec<String> = items.map(|(place, _)| (place + 1).to_string()).collect();
        let (named, of) = (places[..places.len().min(NAMED_MAX)].join(", "), self.items.len());
        match places.len() {
            1 => format!("File {named} of {of}"),
            count if count > NAMED_MAX => format!("Files {named} and more of {of}"),
            _ => format!("Files {named} of {of}"),
        }
    }

    /// Names players that stand still though nothing holds them back, and goes on without what broke.
    fn look_after(&mut self, rate: Rate, now: Running) {
        let showings = [&self.showing, &self.previous].into_iter().flatten();
        let seats = showings.flat_map(|showing| &showing.seats).chain(&self.ready);
        let stalled: Vec<usize> =
            seats.filter(|seat| seat.player.has_stalled(now)).map(|seat| self.items[seat.leg.item]).collect();
        for file in stalled {
            let fault = player::stalled(&self.files[file].path);
            self.broke(file, fault);
        }
        for showing in [&mut self.showing, &mut self.previous].into_iter().flatten() {
            showing.mend(rate);
        }
    }

    /// The file to be measured next: what is not known holds up the list, what cannot be played does not.
    fn to_measure(&self, now: Running) -> Option<usize> {
        let find = |item: Item| self.files.iter().position(|file| file.item == item && file.retry.is_due(now));
        find(Item::Unknown).or_else(|| find(Item::Skipped))
    }

    /// Lets players go that nobody asks for any more, and one that stands ready for nothing.
    fn let_go(&mut self, rate: Rate, now: Running) {
        for one in [&mut self.showing, &mut self.previous] {
            if one.as_ref().is_some_and(|showing| now.ms_since(showing.asked) > UNUSED_MS) {
                *one = None;
            }
            if let Some(Showing { seats, at_ns, .. }) = one {
                let over = |seat: &Seat| rate.tick_ns(seat.leg.ends()).saturating_add(KEPT_NS) < *at_ns;
                while seats.len() > 1 && seats.front().is_some_and(over) {
                    seats.pop_front();
                }
            }
        }
        let first = self.playlist().at(0).map(|leg| leg.item);
        if self.ready.as_ref().is_some_and(|seat| seat.player.is_broken() || first != Some(seat.leg.item)) {
            self.ready = None;
        }
    }

    /// The player that is wanted most.
    fn wanted(&mut self, rate: Rate) -> Option<Job> {
        let list = self.playlist();
        if let Some((began, from_ns)) = self.start
            && let Some(leg) = list.at(tick_at(rate, from_ns))
        {
            (self.start, self.starting) = (None, Some(began));
            return Some(Job { leg, from_ns: into(rate, leg, from_ns), place: Place::Start(began, from_ns) });
        }
        for showing in [&self.showing, &self.previous].into_iter().flatten() {
            let Some(Seat { leg: last, player }) = showing.seats.back() else { continue };
            let (last, breaks_off) = (*last, player.is_broken());
            let at_ns = showing.at_ns;
            let waits = rate.tick_ns(last.begins) > at_ns.saturating_add(AFTER_NEXT_NS);
            let soon = rate.tick_ns(last.ends()) <= at_ns.saturating_add(NEXT_AHEAD_NS);
            if waits || !(soon || breaks_off) {
                continue;
            }
            let Some(mut leg) = list.after(last.item, last.ends(), tick_at(rate, at_ns)) else { continue };
            let mut from_ns = 0;
            if into(rate, leg, at_ns) >= SEEK_FROM_NS {
                let ahead_ns = at_ns + SEEK_AHEAD_NS;
                leg = list.after(last.item, last.ends(), tick_at(rate, ahead_ns)).unwrap_or(leg);
                from_ns = into(rate, leg, ahead_ns);
            }
            return Some(Job { leg, from_ns, place: Place::Next(showing.began, last.ends()) });
        }
        let leg = list.at(0).filter(|_| self.ready.is_none())?;
        Some(Job { leg, from_ns: 0, place: Place::Ready })
    }

    /// Puts a player into its place.
    fn seat(&mut self, player: Player, job: &Job) {
        // It broke at once, and has said so.
        if player.is_broken() {
            return;
        }
        self.dead = None;
        let now = running();
        let mut seat = Seat { leg: job.leg, player: Arc::new(player) };
        match job.place {
            Place::Ready => self.ready = Some(seat),
            Place::Start(began, at_ns) => {
                if self.showing.as_ref().is_none_or(|on| makes_way(on.began, on.asked, began, now)) {
                    let showing = Showing { began, seats: VecDeque::from([seat]), at_ns, asked: now };
                    self.previous = self.showing.replace(showing);
                }
            }
            Place::Next(began, ended) => {
                let Some(showing) = self.showing_of(began) else { return };
                // While it was made, what is before it may have broken off.
                if let Some(before) = showing.seats.back()
                    && job.leg.begins == ended
                {
                    seat.leg.begins = before.leg.ends();
                }
                showing.seats.push_back(seat);
            }
        }
    }
}

#[cfg(test)]
mod tests;
