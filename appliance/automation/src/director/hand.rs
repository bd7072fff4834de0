//! What a person has put on air by hand (D-21): a pin until it is released, a take until the next cue begins.

use super::Instance;
use super::playhead::Phase;
use crate::clock::Running;
use crate::spec::{Hold, Manual};

/// A manual choice, and whether it still holds.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) manual: Manual,
    /// The cue that had the picture when it was last looked at.
    cue: Option<Instance>,
    looked: bool,
    ended: bool,
}

/// What a take needs to know of the timeline at a tick.
pub(super) struct Under<'a> {
    pub(super) phase: Phase,
    pub(super) cue: Option<&'a Instance>,
    /// The earliest moment at which that cue may have begun: a pause since then has moved it.
    pub(super) cue_began: Option<Running>,
}

impl Hand {
    pub(super) fn new(manual: Manual) -> Hand {
        Hand { manual, cue: None, looked: false, ended: false }
    }

    /// Whether it holds.
    pub(super) fn holds(&self) -> bool {
        !self.ended
    }

    /// Looks whether a cue has ended it.
    pub(super) fn advance(&mut self, under: &Under<'_>) {
        let running = matches!(under.phase, Phase::Running | Phase::Paused);
        let cue = under.cue.filter(|_| running || under.phase == Phase::Ended);
        let changed = if self.looked {
            cue.is_some() && cue != self.cue.as_ref()
        } else {
            // Seen for the first time, perhaps by a worker that was restarted: a cue may have ended it before.
            under.cue_began.is_some_and(|began| began > self.manual.at)
        };
        if self.manual.hold == Hold::Take && running && changed {
            self.ended = true;
        }
        if !self.looked || cue != self.cue.as_ref() {
            self.cue = cue.cloned();
        }
        self.looked = true;
    }
}
