//! What is on air at a tick.
//!
//! The director joins the timeline, the hand of a person and failover into one answer per tick. The mixer asks
//! it once for each tick, in order, and tells it of each new picture that became due; it does nothing else.
//!
//! ```text
//! slate by hand                                                         nothing beats it: the slate alone, until released
//! pin, take ─► live input, when stable ─► timeline's cue ─► primary      what is wanted (the first there is)
//!                                    │
//! what is wanted ─► the channel's steps in their order ─► what was on air before ─► slate
//!                   live input │ its backups, and under a hand what automation wants │ loop
//! ```
//! From the third line on it is the ladder: the first rung that is sound is on air. [`ladder`] says what sound means.
//! [`moves`] says when a camera is moved to the preset of a cue, [`wake`] which cameras are decoded whole.
//! Bad input: pictures of unknown sources are ignored, a tick that was asked already gets the same kind of answer,
//! and without any spec the slate is on air.

mod choice;
mod grid;
mod hand;
mod heard;
mod hint;
mod ladder;
mod moves;
mod overlays;
mod playhead;
mod report;
mod wake;
mod watch;

#[cfg(test)]
mod tests;

use crate::clock::Running;
use crate::fault::Fault;
use crate::id::{ChannelId, CueId, SessionId, SourceId, TimelineId};
use crate::sight::POINTS;
use crate::spec::{ChannelSpec, Live, Rate, SoundFrom, TransitionKind};
use crate::status::Carrier;
use crate::wall::WallClock;
use choice::Choice;
use grid::Grid;
use hand::{Hand, Under};
use ladder::Sources;
pub use moves::CameraMove;
use moves::Moves;
use playhead::{CueAt, Phase, Position, Score};
use wake::Wakes;

/// One picture in the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Whose; none is the slate.
    pub source: Option<SourceId>,
    /// The tick at which this showing began; the position in a clip is counted from it. May lie before tick 0.
    pub began: i64,
}

/// The base picture of a tick, below the overlays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picture {
    /// One source fills the picture.
    One(Shown),
    /// Two sources are mixed.
    Mix {
        /// The one that goes.
        from: Shown,
        /// The one that comes.
        to: Shown,
        /// Weight of `to` in a dissolve, 0 to 256. In a fade: below 128 `from` goes to black, above it `to` comes.
        weight: u16,
        /// Whether it goes through black.
        through_black: bool,
    },
}

/// What an overlay of this tick is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverlayShown {
    /// The overlay of this cue of the spec's timeline.
    Cue(CueId),
    /// A message of ours to the audience (D-6), drawn as a text at the bottom.
    Message(String),
}

/// An overlay at a tick.
#[derive(Clone, Debug, PartialEq)]
pub struct OverlayAt {
    /// What.
    pub shown: OverlayShown,
    /// Opacity with its fades, above 0 up to 256.
    pub opacity: u16,
}

/// The answer for one tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The base.
    pub picture: Picture,
    /// What lies over it, lowest first.
    pub overlays: Vec<OverlayAt>,
    /// The source that is heard with every live picture and the slate; none is the picture's own. A film is always heard
    /// itself.
    pub sound: Option<SourceId>,
}

/// What the audience reads when a backup takes over, where the channel says so (D-6, VS-49).
pub const MESSAGE_BACKUP: &str = "Switched to backup camera";
/// How long it reads it, milliseconds.
pub const MESSAGE_MS: u64 = 5000;

/// Sources that may come back rather than the slate: the one that was lost, and the one before it.
const RECENT_MAX: usize = 2;

/// One playing of a cue: the same cue in the next round or the next broadcast is another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Instance {
    /// Counts broadcasts and timelines.
    run: u32,
    round: u64,
    cue: CueId,
}

/// What is on air, and since when.
#[derive(Debug)]
struct Showing {
    shown: Shown,
    carrier: Carrier,
    wanted: Option<SourceId>,
    since_tick: u64,
    /// The playing of a cue that it is.
    instance: Option<Instance>,
}

/// A transition under way.
#[derive(Debug)]
struct Mixing {
    from: Shown,
    start: i64,
    ticks: i64,
    through_black: bool,
}

/// The parts of the spec that are asked at each tick.
#[derive(Debug)]
struct Plan {
    channel: ChannelId,
    score: Option<Score>,
    live: Option<Live>,
    wall: Option<WallClock>,
    tell_backup: bool,
    overlays_cleared: bool,
    sound: Option<SoundFrom>,
}

/// Whether a picture follows the timeline's cue, itself or in its stead; then the cue's transition is meant for it.
fn by_plan(carrier: Carrier) -> bool {
    matches!(carrier, Carrier::Timeline | Carrier::Backup | Carrier::Loop)
}

/// Decides what is on air, tick by tick.
#[derive(Debug)]
pub struct Director {
    grid: Grid,
    plan: Option<Plan>,
    sources: Sources,
    hand: Option<Hand>,
    /// The timeline and the broadcast that `run` counts.
    playing: (Option<TimelineId>, Option<SessionId>),
    run: u32,
    /// The day that plays, of a timeline that follows the time of day.
    day: Option<(i64, i32)>,
    /// The last play tick of this run.
    floor: u64,
    live_taken: bool,
    last_tick: Option<u64>,
    position: Option<Position>,
    cue: Option<CueAt>,
    instance: Option<Instance>,
    showing: Option<Showing>,
    /// The live sources that were on air last, newest first.
    recent: Vec<SourceId>,
    mixing: Option<Mixing>,
    /// The first tick at which the message to the audience is gone.
    message_until: u64,
    /// The source that is heard in place of the one on air.
    heard: Option<SourceId>,
    moves: Moves,
    wakes: Wakes,
}

impl Director {
    /// A director of a program whose tick 0 is at `start`. Until the first spec the slate is on air.
    pub fn new(rate: Rate, start: Running) -> Director {
        Director {
            grid: Grid { rate, start },
            plan: None,
            sources: Sources::default(),
            hand: None,
            playing: (None, None),
            run: 0,
            day: None,
            floor: 0,
            live_taken: false,
            last_tick: None,
            position: None,
            cue: None,
            instance: None,
            showing: None,
            recent: Vec::with_capacity(RECENT_MAX),
            mixing: None,
            message_until: 0,
            heard: None,
            moves: Moves::default(),
            wakes: Wakes::default(),
        }
    }

    /// A new spec is in force from the next frame on. What is on air goes on where the spec still wants it.
    pub fn spec(&mut self, spec: &ChannelSpec) {
        self.sources.replace(spec);
        self.moves.keep(|source| self.sources.candidates.contains_key(source));
        let playing =
            (spec.timeline.as_ref().map(|t| t.draft().id.clone()), spec.live.as_ref().map(|l| l.session.clone()));
        let clock_set = self.plan.as_ref().is_some_and(|plan| plan.wall != spec.wall);
        if playing != self.playing || clock_set {
            self.playing = playing;
            self.play_anew();
        }
        if self.hand.as_ref().map(|hand| &hand.manual) != spec.manual.as_ref() {
            self.hand = spec.manual.clone().map(Hand::new);
            if let Some(source) = spec.manual.as_ref().and_then(|manual| manual.source.as_ref()) {
                self.sources.vouch(source);
                self.wake_at_once(source);
            }
        }
        self.plan = Some(Plan {
            channel: spec.channel.clone(),
            score: spec.timeline.as_ref().map(Score::new),
            live: spec.live.clone(),
            wall: spec.wall.clone(),
            tell_backup: spec.messages.backup,
            overlays_cleared: spec.overlays_cleared,
            sound: spec.sound.clone(),
        });
    }

    /// A new picture of a live source is due at `at` (its presentation time on the program's clock, not its arrival).
    /// Several in one tick may be told as one.
    pub fn picture(&mut self, source: &SourceId, at: Running) {
        self.sources.picture(source, at);
    }

    /// A look at a live source, about every [`LOOK_EVERY_MS`](crate::sight::LOOK_EVERY_MS): sampled pixels of its newest
    /// picture where there is a new one, and whether its sound since the last look was silent where there was any.
    pub fn look(&mut self, source: &SourceId, at: Running, picture: Option<&[u8; POINTS]>, silent: Option<bool>) {
        self.sources.look(source, at, picture, silent);
    }

    /// A file cannot be played (`Some`), or can again (`None`). Files, slates and patterns count as online otherwise.
    pub fn unplayable(&mut self, source: &SourceId, fault: Option<Fault>) {
        self.sources.unplayable(source, fault);
    }

    /// What is on air at `tick`. Asked once for every tick, in order (ticks may be skipped, never repeated).
    pub fn frame(&mut self, tick: u64) -> Frame {
        let now = self.grid.time(tick);
        let step = self.last_tick.map_or(1, |last| tick.saturating_sub(last));
        self.last_tick = Some(tick);
        self.sources.advance(now);
        let began = self.advance_timeline(tick);
        let choice = self.decide(now);
        self.put(tick, began, choice);
        let first = !self.sources.begun;
        if self.plan.is_some() {
            self.sources.begun = true;
        }
        let frame = Frame { picture: self.picture_at(tick), overlays: self.overlays_at(tick), sound: self.heard(now) };
        self.move_cameras(tick, step, began, first);
        self.wake(tick, now);
        frame
    }

    fn play_anew(&mut self) {
        self.run = self.run.wrapping_add(1);
        self.floor = 0;
    }

    /// Where the playhead is; none without a timeline, or while a timeline does not know the time of day.
    fn position(&mut self, tick: u64) -> Option<Position> {
        let grid = self.grid;
        let plan = self.plan.as_ref()?;
        let day = plan.score.as_ref()?.day(grid, plan.live.as_ref(), plan.wall.as_ref(), tick);
        if day.map(|day| day.key) != self.day {
            self.day = day.map(|day| day.key);
            self.play_anew();
        }
        let plan = self.plan.as_ref()?;
        let (score, live) = (plan.score.as_ref()?, plan.live.as_ref());
        match score.daily_ms {
            None => Some(score.position(grid, live, tick, &mut self.floor)),
            Some(_) => Some(score.position_of_day(grid, live, day?, tick, &mut self.floor)),
        }
    }

    /// Moves the playhead. Answers whether a cue has begun since the last frame.
    fn advance_timeline(&mut self, tick: u64) -> bool {
        self.position = self.position(tick);
        let Some(plan) = &self.plan else { return false };
        let rate = self.grid.rate;
        let score = plan.score.as_ref();
        self.cue = score.zip(self.position.as_ref()).and_then(|(score, at)| score.cue_at(rate, at));
        let instance = score.zip(self.cue).and_then(|(score, at)| {
            let cue = score.cues[at.index].id.clone();
            at.begun.map(|round| Instance { run: self.run, round, cue })
        });
        let began = instance.is_some() && instance != self.instance;
        self.instance = instance;
        if let Some(hand) = &mut self.hand {
            let start = score.zip(self.cue).and_then(|(score, at)| {
                let go = match score.daily_ms {
                    Some(_) => self.position?.zero,
                    None => playhead::go_live(self.grid, plan.live.as_ref()?),
                };
                Some(go + score.play_tick(rate, at.begun?, score.cues[at.index].at_ms) as i64)
            });
            hand.advance(&Under {
                phase: self.position.map_or(Phase::Waiting, |at| at.phase),
                cue: self.instance.as_ref(),
                cue_began: start.map(|start| self.grid.time_before(start)),
            });
        }
        began
    }

    /// Puts a choice on air, with the transition of the cue that has just begun.
    fn put(&mut self, tick: u64, mut cue_began: bool, choice: Choice) {
        let began_now = cue_began;
        if self.waits(tick, &mut cue_began, &choice) {
            return;
        }
        // A transition that had to wait is shown whole, from now on.
        let late = cue_began && !began_now;
        let Choice { wanted, source, carrier } = choice;
        let of_cue = carrier == Carrier::Timeline;
        if let Some(source) = &source {
            self.sources.proper_shown |= carrier != Carrier::Loop;
            if self.sources.is_live(source) && self.recent.first() != Some(source) {
                self.recent.insert(0, source.clone());
                self.recent.truncate(RECENT_MAX);
            }
        }
        let before = self.showing.as_ref();
        if carrier == Carrier::Backup && before.is_none_or(|b| b.carrier != carrier || b.shown.source != source) {
            self.message_until = tick.saturating_add(self.grid.rate.nearest_tick(MESSAGE_MS));
        }
        // A clip plays from its beginning for each playing of a cue; all else just stays.
        let media = source.as_ref().is_some_and(|source| self.sources.is_media(source));
        let replays = of_cue && media && self.instance.is_some();
        let stays = before.filter(|b| b.shown.source == source && (!replays || b.instance == self.instance)).is_some();
        let instance = self.instance.clone().filter(|_| of_cue);
        if let Some(showing) = self.showing.as_mut().filter(|_| stays) {
            showing.carrier = carrier;
            showing.wanted = wanted;
            if of_cue {
                showing.instance = instance;
            }
            return;
        }
        let from = self.showing.take().map(|showing| showing.shown);
        let from = from.filter(|from| cue_began && from.source != source && by_plan(carrier));
        self.mixing = from.and_then(|from| self.transition(from, tick, late));
        let began = if replays { self.cue_start().unwrap_or(tick as i64) } else { tick as i64 };
        self.showing = Some(Showing { shown: Shown { source, began }, carrier, wanted, since_tick: tick, instance });
    }

    /// The transition of the cue under the playhead, if it is not over yet; `late`: it begins at this tick.
    fn transition(&self, from: Shown, tick: u64, late: bool) -> Option<Mixing> {
        let score = self.plan.as_ref()?.score.as_ref()?;
        let (at, start) = (self.cue?, self.cue_start()?);
        let cue = &score.cues[at.index];
        let end = score.play_tick(self.grid.rate, at.begun?, cue.at_ms.saturating_add(cue.transition_ms));
        let end = self.position.as_ref()?.program(end);
        let (start, end) = if late { (tick as i64, tick as i64 + end - start) } else { (start, end) };
        let mixes = cue.transition != TransitionKind::Cut && (tick as i64) < end;
        let through_black = cue.transition == TransitionKind::Fade;
        mixes.then_some(Mixing { from, start, ticks: end - start, through_black })
    }

    /// The program tick at which the cue under the playhead began, as if the timeline had not stood still since.
    fn cue_start(&self) -> Option<i64> {
        let score = self.plan.as_ref()?.score.as_ref()?;
        let at = self.cue?;
        let play = score.play_tick(self.grid.rate, at.begun?, score.cues[at.index].at_ms);
        Some(self.position.as_ref()?.program(play))
    }

    fn picture_at(&mut self, tick: u64) -> Picture {
        let Some(showing) = &self.showing else {
            return Picture::One(Shown { source: None, began: tick as i64 });
        };
        let to = showing.shown.clone();
        let at = |mixing: &Mixing| tick as i64 - mixing.start;
        self.mixing = self.mixing.take().filter(|mixing| at(mixing) < mixing.ticks);
        match &self.mixing {
            None => Picture::One(to),
            Some(mixing) => Picture::Mix {
                from: mixing.from.clone(),
                to,
                // Even steps that touch neither end: of 15 ticks the eighth is the middle.
                weight: ((at(mixing) + 1) * 256 / (mixing.ticks + 1)) as u16,
                through_black: mixing.through_black,
            },
        }
    }

    /// Whether nothing lies over the picture by a person's wish: it was cleared, or the slate put on air.
    fn is_bare(&self) -> bool {
        let cleared = self.plan.as_ref().is_some_and(|plan| plan.overlays_cleared);
        cleared || self.showing.as_ref().is_some_and(|showing| showing.carrier == Carrier::SlateByHand)
    }

    fn overlays_at(&self, tick: u64) -> Vec<OverlayAt> {
        if self.is_bare() {
            return Vec::new();
        }
        let score = self.plan.as_ref().and_then(|plan| plan.score.as_ref());
        let laid = score.zip(self.position.as_ref()).map(|(score, at)| score.overlays(self.grid.rate, at));
        let shown = laid.into_iter().flatten();
        let cues = shown.map(|laid| OverlayAt { shown: OverlayShown::Cue(laid.cue.clone()), opacity: laid.opacity });
        let message = self.message_left(tick).map(|_| MESSAGE_BACKUP.to_owned());
        cues.chain(message.map(|text| OverlayAt { shown: OverlayShown::Message(text), opacity: 256 })).collect()
    }

    /// Ticks for which the message to the audience is still shown.
    fn message_left(&self, tick: u64) -> Option<u64> {
        let told = self.plan.as_ref().is_some_and(|plan| plan.tell_backup);
        let backup = self.showing.as_ref().is_some_and(|showing| showing.carrier == Carrier::Backup);
        self.message_until.checked_sub(tick).filter(|left| told && backup && *left > 0)
    }
}
