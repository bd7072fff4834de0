//! The ladder of failover (D-16): what is wanted → its backup → the loop → the slate.
//!
//! Three rules decide whether a live source may step onto the air:
//! - what is on air stays while it is not lost: its last picture bridges the hold-off;
//! - a source that was lost returns after its stable time; one that never was, after [`SETTLE_MS_MAX`];
//! - before the slate, and until anything but a fallback has been shown, the short settling is enough for all.

use super::watch::Watch;
use crate::clock::Running;
use crate::fault::Fault;
use crate::id::{AssetId, SourceId};
use crate::spec::{ChannelSpec, Failover, SourceKind};
use crate::status::{Carrier, SourceState};
use std::collections::BTreeMap;

/// Longest settling of a source that nobody has seen fail: enough for a decoder's first pictures.
pub(super) const SETTLE_MS_MAX: u64 = 500;

/// What the ladder needs to know of a source.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) live: bool,
    /// The file, where it is one: it plays from its beginning.
    pub(super) media: Option<AssetId>,
    backup: Option<SourceId>,
}

/// The sources of a spec, and what is known of each.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) candidates: BTreeMap<SourceId, Candidate>,
    watches: BTreeMap<SourceId, Watch>,
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
        let candidate = |source: &crate::spec::Source| Candidate {
            name: source.name.clone(),
            live: source.kind.is_live(),
            media: match &source.kind {
                SourceKind::Media { asset } => Some(asset.clone()),
                _ => None,
            },
            backup: source.backup.clone(),
        };
        let new: BTreeMap<_, _> = spec.sources.iter().map(|s| (s.id.clone(), candidate(s))).collect();
        let old = std::mem::replace(&mut self.candidates, new);
        self.watches.retain(|id, _| self.candidates.get(id).is_some_and(|c| c.live));
        // Another file is another try.
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
        for watch in self.watches.values_mut() {
            watch.advance(now, holdoff_ms);
        }
    }

    pub(super) fn name<'a>(&'a self, source: &'a SourceId) -> &'a str {
        self.candidates.get(source).map_or(source.as_str(), |c| c.name.as_str())
    }

    pub(super) fn is_media(&self, source: &SourceId) -> bool {
        self.candidates.get(source).is_some_and(|c| c.media.is_some())
    }

    pub(super) fn state(&self, source: &SourceId, now: Running) -> SourceState {
        match (self.candidates.get(source), self.watches.get(source)) {
            (Some(c), Some(watch)) if c.live => watch.state(now, self.stable_ms()),
            (Some(c), _) if !c.live && self.unplayable.contains_key(source) => SourceState::Lost,
            (Some(c), _) if !c.live => SourceState::Online,
            _ => SourceState::Connecting,
        }
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
    fn may(&self, source: &SourceId, now: Running, on_air: Option<&SourceId>) -> bool {
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

    /// A source and its backups, each once.
    pub(super) fn chain(&self, source: &SourceId, carrier: Carrier, rungs: &mut Vec<Rung>) {
        let mut next = Some((source, carrier));
        while let Some((source, carrier)) = next {
            if rungs.iter().any(|rung| rung.source == *source) {
                return;
            }
            rungs.push(Rung { source: source.clone(), carrier });
            let backup = self.candidates.get(source).and_then(|c| c.backup.as_ref());
            next = backup.map(|backup| (backup, Carrier::Backup));
        }
    }

    /// The rung that is on air from now on; none is the slate.
    pub(super) fn choose(&self, rungs: &[Rung], now: Running, on_air: Option<&SourceId>) -> Option<Rung> {
        let best = rungs.iter().find(|rung| self.may(&rung.source, now, on_air));
        best.or_else(|| rungs.iter().find(|rung| self.is_settled(&rung.source, now))).cloned()
    }

    /// Moments at which a live source gets lost or settles, if no further picture comes.
    pub(super) fn turns(&self) -> impl Iterator<Item = Running> {
        let (settle, stable) = (self.settle_ms(), self.stable_ms());
        self.watches.values().flat_map(move |watch| watch.turns(u64::from(self.failover.holdoff_ms), settle, stable))
    }
}

#[cfg(test)]
impl Candidate {
    pub(super) fn set_backup(&mut self, backup: SourceId) {
        self.backup = Some(backup);
    }
}
