//! The ladder of failover (D-16): what is wanted → the steps of the channel's order → the slate.
//!
//! Four rules decide whether a live source may step onto the air:
//! - what is on air stays while it is not lost: its last picture bridges the hold-off;
//! - a source that was lost returns after its stable time; one that never was, after [`SETTLE_MS_MAX`];
//! - the live input that stands in for another source has its stable time behind it (LP-15), for it may flap;
//! - before the slate, and until anything but a fallback has been shown, the short settling is enough for all.

use super::watch::Watch;
use crate::clock::Running;
use crate::fault::Fault;
use crate::id::{AssetId, SourceId};
use crate::sight::{Condition, Found, POINTS, Sight};
use crate::spec::{ChannelSpec, CheckAction, Failover, Fallback, SourceChecks};
use crate::status::{Carrier, SourceState};
use std::collections::BTreeMap;

/// Longest settling of a source that nobody has seen fail: enough for a decoder's first pictures.
pub(super) const SETTLE_MS_MAX: u64 = 500;

/// What the ladder needs to know of a source.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) live: bool,
    /// What it is checked for; whether its pictures may stand still depends on its kind.
    checks: SourceChecks,
    /// The files that it plays, from the beginning of the first; none where it has no file.
    pub(super) media: Vec<AssetId>,
    pub(super) backup: Option<SourceId>,
    /// How long its camera may be on its way to a preset, milliseconds; none where it has no head.
    pub(super) settle_ms: Option<u32>,
    /// Where its head is reached, where it has one.
    head: Option<String>,
}

/// The sources of a spec, and what is known of each.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) candidates: BTreeMap<SourceId, Candidate>,
    watches: BTreeMap<SourceId, Watch>,
    sights: BTreeMap<SourceId, Sight>,
    unplayable: BTreeMap<SourceId, Fault>,
    pub(super) failover: Failover,
    /// Whether anything but a loop or the slate has been on air.
    pub(super) proper_shown: bool,
    /// Whether a frame has been made. In the first one what is there goes on air at once.
    pub(super) begun: bool,
}

/// A step of the ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rung {
    pub(super) source: SourceId,
    pub(super) carrier: Carrier,
}

impl Sources {
    /// Takes over the sources of a spec. What is known of those that stay is kept.
    pub(super) fn replace(&mut self, spec: &ChannelSpec) {
        let checks = |source: &crate::spec::Source| {
            let mut checks = spec.failover.checks.clone();
            if source.kind.may_stand_still() {
                checks.frozen.action = CheckAction::Off;
            }
            checks
        };
        let candidate = |source: &crate::spec::Source| Candidate {
            name: source.name.clone(),
            live: source.kind.is_live(),
            checks: checks(source),
            media: source.kind.assets().cloned().collect(),
            backup: source.backup.clone(),
            settle_ms: source.ptz.as_ref().map(|ptz| ptz.settle_ms),
            head: source.ptz.as_ref().map(|ptz| ptz.control.place().to_owned()),
        };
        let new: BTreeMap<_, _> = spec.sources.iter().map(|s| (s.id.clone(), candidate(s))).collect();
        let old = std::mem::replace(&mut self.candidates, new);
        self.watches.retain(|id, _| self.candidates.get(id).is_some_and(|c| c.live));
        self.sights.retain(|id, _| self.candidates.get(id).is_some_and(|c| c.live));
        // Other files are another try.
        self.unplayable.retain(|id, _| {
            self.candidates.get(id).is_some_and(|c| !c.live && old.get(id).is_none_or(|o| o.media == c.media))
        });
        self.failover = spec.failover.clone();
    }

    pub(super) fn picture(&mut self, source: &SourceId, at: Running) {
        if let Some(watch) = self.watches.get_mut(source) {
            watch.picture(at);
        } else if self.candidates.get(source).is_some_and(|c| c.live) {
            self.watches.entry(source.clone()).or_default().picture(at);
        }
    }

    pub(super) fn buffered(&mut self, source: &SourceId, to: Running) {
        if let Some(watch) = self.watches.get_mut(source) {
            watch.buffered(to);
        }
    }

    /// Nobody looked at any of them for so long.
    pub(super) fn stood_still(&mut self, ns: u64) {
        self.watches.values_mut().for_each(|watch| watch.stood_still(ns));
        self.sights.values_mut().for_each(|sight| sight.stood_still(ns));
    }

    /// Whether a live source that is there is about to be lost.
    pub(super) fn runs_dry(&self, source: &SourceId, now: Running, dry_ms: u64, overdue_ms: u64) -> bool {
        self.watches.get(source).is_some_and(|watch| watch.runs_dry(now, dry_ms, overdue_ms))
    }

    pub(super) fn look(
        &mut self,
        source: &SourceId,
        at: Running,
        picture: Option<&[u8; POINTS]>,
        silent: Option<bool>,
    ) {
        if let Some(sight) = self.sights.get_mut(source) {
            sight.look(at, picture, silent);
        } else if self.candidates.get(source).is_some_and(|c| c.live) {
            self.sights.entry(source.clone()).or_default().look(at, picture, silent);
        }
    }

    /// Whether a source has sent sound since it was lost last.
    pub(super) fn has_sound(&self, source: &SourceId) -> bool {
        self.sights.get(source).is_some_and(Sight::has_sound)
    }

    /// What a source fails its checks for.
    fn found(&self, source: &SourceId, now: Running) -> Option<Found> {
        self.sights.get(source)?.found(&self.candidates.get(source)?.checks, now)
    }

    pub(super) fn unplayable(&mut self, source: &SourceId, fault: Option<Fault>) {
        match fault {
            // Before the first spec a worker may know of a bad file already.
            Some(fault) if self.candidates.contains_key(source) || self.candidates.is_empty() => {
                self.unplayable.insert(source.clone(), fault);
            }
            _ => {
                self.unplayable.remove(source);
            }
        }
    }

    pub(super) fn vouch(&mut self, source: &SourceId) {
        if let Some(watch) = self.watches.get_mut(source) {
            watch.vouch();
        }
    }

    pub(super) fn advance(&mut self, now: Running) {
        let holdoff_ms = u64::from(self.failover.holdoff_ms);
        for (id, watch) in &mut self.watches {
            watch.advance(now, holdoff_ms);
            let (Some(sight), Some(candidate)) = (self.sights.get_mut(id), self.candidates.get(id)) else { continue };
            if watch.is_lost() {
                sight.lost();
            }
            watch.check(now, sight.found(&candidate.checks, now).is_some_and(|found| found.leaves));
        }
    }

    pub(super) fn name<'a>(&'a self, source: &'a SourceId) -> &'a str {
        self.candidates.get(source).map_or(source.as_str(), |c| c.name.as_str())
    }

    pub(super) fn is_live(&self, source: &SourceId) -> bool {
        self.candidates.get(source).is_some_and(|c| c.live)
    }

    pub(super) fn is_media(&self, source: &SourceId) -> bool {
        self.candidates.get(source).is_some_and(|c| !c.media.is_empty())
    }

    pub(super) fn state(&self, source: &SourceId, now: Running) -> SourceState {
        match (self.candidates.get(source), self.watches.get(source)) {
            (Some(c), Some(watch)) if c.live => match watch.state(now, self.stable_ms()) {
                // One that a person chose all the same is on air without its stable time, and what is wrong with it stands.
                state if watch.is_blind() || watch.is_vouched() || state == SourceState::Online => {
                    match self.found(source, now) {
                        Some(Found { condition: Condition::Black, .. }) => SourceState::Black,
                        Some(Found { condition: Condition::Frozen, .. }) => SourceState::Frozen,
                        Some(Found { condition: Condition::Silent, .. }) => SourceState::Silent,
                        None if watch.is_unstable(now) => SourceState::Unstable,
                        None => state,
                    }
                }
                state => state,
            },
            (Some(c), _) if !c.live && self.unplayable.contains_key(source) => SourceState::Lost,
            (Some(c), _) if !c.live => SourceState::Online,
            _ => SourceState::Connecting,
        }
    }

    /// Whether both are pictures of one camera that can be moved.
    pub(super) fn share_a_head(&self, one: &SourceId, other: &SourceId) -> bool {
        let head = |source| self.candidates.get(source).and_then(|candidate| candidate.head.as_ref());
        one == other || head(one).is_some_and(|head_of_one| head(other) == Some(head_of_one))
    }

    fn stable_ms(&self) -> u64 {
        u64::from(self.failover.stable_ms)
    }

    fn settle_ms(&self) -> u64 {
        self.stable_ms().min(SETTLE_MS_MAX)
    }

    /// Whether a source has its whole stable time behind it.
    pub(super) fn is_stable(&self, source: &SourceId, now: Running) -> bool {
        self.stands(source, now, self.stable_ms())
    }

    /// Whether a source may take the air from the slate.
    pub(super) fn is_settled(&self, source: &SourceId, now: Running) -> bool {
        self.stands(source, now, if self.begun { self.settle_ms() } else { 0 })
    }

    /// Whether it sends pictures now, or can be played.
    pub(super) fn is_there(&self, source: &SourceId, now: Running) -> bool {
        self.stands(source, now, 0)
    }

    fn stands(&self, source: &SourceId, now: Running, ms: u64) -> bool {
        match self.candidates.get(source) {
            Some(c) if c.live => self.watches.get(source).is_some_and(|watch| watch.has_run(now, ms)),
            Some(_) => !self.unplayable.contains_key(source),
            None => false,
        }
    }

    /// Whether a source may be on air, given what is.
    pub(super) fn may(&self, source: &SourceId, now: Running, on_air: Option<&SourceId>) -> bool {
        let watch = self.watches.get(source);
        let ms = if !self.begun || on_air == Some(source) || watch.is_some_and(Watch::is_vouched) {
            0
        } else if !self.proper_shown || !watch.is_some_and(Watch::was_lost) {
            self.settle_ms()
        } else {
            self.stable_ms()
        };
        self.stands(source, now, ms)
    }

    /// The rungs for what is wanted, highest first, each source once. Under a person's choice `automatic` is what
    /// automation would show. `kept` is what else may be shown rather than the slate, where anything is wanted.
    pub(super) fn rungs<'a>(
        &self,
        wanted: Option<&Rung>,
        automatic: Option<&Rung>,
        kept: impl Iterator<Item = &'a SourceId>,
    ) -> Vec<Rung> {
        let mut ladder = Ladder { sources: self, rungs: Vec::with_capacity(8) };
        if let Some(wanted) = wanted {
            ladder.push(&wanted.source, wanted.carrier);
        }
        for step in &self.failover.ladder {
            match (step, &self.failover) {
                (Fallback::LiveInput, Failover { live_input: Some(input), .. }) => {
                    ladder.push(input, Carrier::LiveInput);
                }
                (Fallback::Loop, Failover { looped: Some(looped), .. }) => {
                    ladder.push(looped, Carrier::Loop);
                    ladder.backups(looped);
                }
                (Fallback::Backup, _) => {
                    if let Some(wanted) = wanted {
                        ladder.backups(&wanted.source);
                    }
                    if let Some(automatic) = automatic {
                        ladder.push(&automatic.source, automatic.carrier);
                        ladder.backups(&automatic.source);
                    }
                }
                _ => {}
            }
        }
        if let Some(automatic) = automatic {
            // The plan is no step that could be left out.
            ladder.push(&automatic.source, automatic.carrier);
        }
        kept.filter(|_| wanted.is_some()).for_each(|kept| ladder.push(kept, Carrier::Kept));
        ladder.rungs
    }

    /// The rung that is on air from now on; none is the slate.
    pub(super) fn choose(&self, rungs: &[Rung], now: Running, on_air: Option<&SourceId>) -> Option<Rung> {
        let stands_in = |rung: &Rung| rung.carrier == Carrier::LiveInput && on_air != Some(&rung.source);
        let may = |rung: &Rung| {
            self.may(&rung.source, now, on_air) && (!stands_in(rung) || self.is_stable(&rung.source, now))
        };
        let best = rungs.iter().find(|rung| may(rung));
        best.or_else(|| rungs.iter().find(|rung| self.is_settled(&rung.source, now))).cloned()
    }

    /// Moments at which a live source gets lost or settles, if no further picture comes.
    pub(super) fn turns(&self) -> impl Iterator<Item = Running> {
        let (settle, stable) = (self.settle_ms(), self.stable_ms());
        let watches = self.watches.values();
        let seen = self.sights.iter().filter_map(|(id, sight)| Some((sight, self.candidates.get(id)?)));
        watches
            .flat_map(move |watch| watch.turns(u64::from(self.failover.holdoff_ms), settle, stable))
            .chain(seen.flat_map(|(sight, candidate)| sight.turns(&candidate.checks)))
    }
}

/// Rungs as they are found.
struct Ladder<'a> {
    sources: &'a Sources,
    rungs: Vec<Rung>,
}

impl Ladder<'_> {
    fn holds(&self, source: &SourceId) -> bool {
        self.rungs.iter().any(|rung| rung.source == *source)
    }

    /// Adds a source, unless it stands there already.
    fn push(&mut self, source: &SourceId, carrier: Carrier) {
        if !self.holds(source) {
            self.rungs.push(Rung { source: source.clone(), carrier });
        }
    }

    /// Adds the backup of a source, its backup's backup and so on.
    fn backups(&mut self, source: &SourceId) {
        let backup = |source| self.sources.candidates.get(source).and_then(|c| c.backup.as_ref());
        let mut next = backup(source);
        while let Some(source) = next.filter(|source| !self.holds(source)) {
            self.push(source, Carrier::Backup);
            next = backup(source);
        }
    }
}

#[cfg(test)]
impl Candidate {
    pub(super) fn set_backup(&mut self, backup: SourceId) {
        self.backup = Some(backup);
    }
}
