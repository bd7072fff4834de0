//! What whoever watches over the worker's process must do, and what a spec may.

use super::super::worker::Hang;
use super::{Rules, Verdict, hold};
use automation::clock::Running;
use automation::delivery::Action;
use automation::id::DestinationId;

/// A worker that stands is replaced within this, milliseconds: its program may stand for 2 s, the watchdog bites 4 s later,
/// and both are looked at once a second.
const REPLACED_MS: u64 = 8_000;
/// In its beginning it has more time, milliseconds: 20 s from its spec, which takes some to come.
const BEGIN_MS: u64 = 25_000;
/// One that stood for so long may have been replaced, milliseconds.
const STOOD_MS: u64 = 2_000;

impl Rules {
    /// Whoever watches over the process has looked, and replaces it or not.
    pub(crate) fn watched(&self, now: Running, hang: Option<(Hang, Running)>, start: Running, bites: bool) -> Verdict {
        let stands_ms = hang.map_or(0, |(_, since)| now.ms_since(since));
        hold(!bites || stands_ms >= STOOD_MS, "no worker is replaced whose frames leave", || format!("{hang:?}"))?;
        let began = now < start.plus_ms(BEGIN_MS);
        let late = stands_ms >= REPLACED_MS && !began;
        hold(bites || !late, "a worker that stands is replaced", || format!("{hang:?} for {stands_ms} ms"))
    }

    /// A spec was taken that wants what was wanted already, or another one.
    pub(crate) fn taken(same: bool, actions: &[(DestinationId, Action)]) -> Verdict {
        hold(!same || actions.is_empty(), "what is wanted already changes nothing", || format!("{actions:?}"))
    }
}
