//! What is on air from now on: the timeline, the hand of a person and failover joined into one answer.

use super::Director;
use super::ladder::Rung;
use crate::clock::Running;
use crate::id::SourceId;
use crate::spec::{Hold, Manual};
use crate::status::Carrier;

/// What is on air from now on, and why.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) wanted: Option<SourceId>,
    /// None is the slate.
    pub(super) source: Option<SourceId>,
    pub(super) carrier: Carrier,
}

/// What may be on air, highest first.
#[derive(Debug)]
pub(super) struct Climb {
    wanted: Option<SourceId>,
    /// Whether a person wants it.
    held: bool,
    pub(super) rungs: Vec<Rung>,
}

impl Director {
    /// What automation wants, without the hand of a person.
    fn automatic(&self) -> Option<Rung> {
        if let Some(input) = self.sources.failover.live_input.as_ref().filter(|_| self.live_taken) {
            return Some(Rung { source: input.clone(), carrier: Carrier::LiveInput });
        }
        if let Some((score, at)) = self.plan.as_ref().and_then(|plan| plan.score.as_ref()).zip(self.cue) {
            return Some(Rung { source: score.cues[at.index].source.clone(), carrier: Carrier::Timeline });
        }
        let primary = self.sources.failover.primary.clone();
        primary.map(|source| Rung { source, carrier: Carrier::Primary })
    }

    /// What a person's choice in force is, if one is.
    pub(super) fn by_hand(&self) -> Option<&Manual> {
        self.hand.as_ref().filter(|hand| hand.holds()).map(|hand| &hand.manual)
    }

    /// What is wanted, and all that may be on air for it.
    pub(super) fn ladder(&self) -> Climb {
        let by_hand = self.by_hand().and_then(|manual| {
            let carrier = match manual.hold {
                Hold::Pin => Carrier::Pin,
                Hold::Take => Carrier::Take,
            };
            Some(Rung { source: manual.source.clone()?, carrier })
        });
        let automatic = self.automatic();
        let held = by_hand.is_some();
        let wanted = by_hand.as_ref().or(automatic.as_ref());
        let on_air = self.showing.as_ref().and_then(|showing| showing.shown.source.as_ref());
        // Whatever is on air may stay there; only what lives comes back.
        let kept = on_air.into_iter().chain(&self.recent);
        let rungs = self.sources.rungs(wanted, automatic.as_ref().filter(|_| held), kept);
        Climb { wanted: wanted.map(|rung| rung.source.clone()), held, rungs }
    }

    /// What is on air from now on.
    pub(super) fn decide(&mut self, now: Running) -> Choice {
        if self.plan.is_none() {
            return Choice { wanted: None, source: None, carrier: Carrier::Slate };
        }
        let input = &self.sources.failover.live_input;
        self.live_taken = input.as_ref().is_some_and(|input| {
            self.sources.is_stable(input, now) || (self.live_taken && self.sources.is_there(input, now))
        });
        if self.by_hand().is_some_and(|manual| manual.source.is_none()) {
            return Choice { wanted: None, source: None, carrier: Carrier::SlateByHand };
        }
        let Climb { wanted, held, rungs } = self.ladder();
        let on_air = self.showing.as_ref().and_then(|showing| showing.shown.source.as_ref());
        match self.sources.choose(&rungs, now, on_air) {
            Some(Rung { source, carrier: Carrier::LiveInput }) if !held => {
                // Rather the live input at once than the slate for its stable time: then it has the program.
                self.live_taken = true;
                Choice { wanted: Some(source.clone()), source: Some(source), carrier: Carrier::LiveInput }
            }
            Some(Rung { source, carrier }) => Choice { wanted, source: Some(source), carrier },
            None => Choice { wanted, source: None, carrier: Carrier::Slate },
        }
    }
}
