//! What is on air at a tick.
//!
//! The director joins the timeline, the hand of a person and failover into one answer per tick. The mixer asks
//! it once for each tick, in order, and tells it of each new picture that became due; it does nothing else.

use crate::clock::Running;
use crate::fault::Fault;
use crate::id::{CueId, SourceId};
use crate::spec::{ChannelSpec, Rate};
use crate::status::{Carrier, OnAir, OverlayStatus, SourceState, TimelineStatus};

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
}

/// Decides what is on air, tick by tick.
#[derive(Debug)]
pub struct Director {
    rate: Rate,
    start: Running,
}

impl Director {
    /// A director of a program whose tick 0 is at `start`. Until the first spec the slate is on air.
    pub fn new(rate: Rate, start: Running) -> Director {
        Director { rate, start }
    }

    /// A new spec is in force from the next frame on. What is on air goes on where the spec still wants it.
    pub fn spec(&mut self, _spec: &ChannelSpec) {}

    /// A new picture of a live source is due at `at` (its presentation time on the program's clock, not its arrival).
    /// Several in one tick may be told as one.
    pub fn picture(&mut self, _source: &SourceId, _at: Running) {}

    /// A file cannot be played (`Some`), or can again (`None`). Files, slates and patterns count as online otherwise.
    pub fn unplayable(&mut self, _source: &SourceId, _fault: Option<Fault>) {}

    /// What is on air at `tick`. Asked once for every tick, in order (ticks may be skipped, never repeated).
    pub fn frame(&mut self, tick: u64) -> Frame {
        let _ = (self.rate, self.start);
        Frame { picture: Picture::One(Shown { source: None, began: tick as i64 }), overlays: Vec::new() }
    }

    /// Media that will be wanted soon: sources with the tick at which they come on air, within the next `ticks` ticks,
    /// so that a clip stands ready on its first frame.
    pub fn upcoming(&self, _ticks: u64) -> Vec<(SourceId, i64)> {
        Vec::new()
    }

    /// For the status: what the audience sees at the last frame.
    pub fn on_air(&self) -> OnAir {
        OnAir { source: None, wanted: None, carrier: Carrier::Slate, since_tick: 0 }
    }

    /// For the status: where the timeline stands at the last frame.
    pub fn timeline(&self) -> Option<TimelineStatus> {
        None
    }

    /// For the status: the overlays of the last frame.
    pub fn overlays(&self) -> Vec<OverlayStatus> {
        Vec::new()
    }

    /// For the status: what it knows of a source.
    pub fn source_state(&self, _source: &SourceId) -> SourceState {
        SourceState::Connecting
    }

    /// For the status: `SlateOnAir`, `FallbackOnAir` (with "Camera 2 offline – switched to backup").
    pub fn faults(&self) -> Vec<Fault> {
        Vec::new()
    }
}
