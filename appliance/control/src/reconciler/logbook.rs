//! Keeps the as-run logs of running broadcasts: looks at every status, and has them stored now and then, so that a
//! log survives us with its last figures.

use super::seat::Seat;
use crate::commands::Commands;
use crate::store::WantedChannel;
use automation::as_run::{AsRun, Look};
use automation::clock::Running;
use automation::id::{ChannelId, SessionId};
use std::collections::BTreeMap;

/// How often the log of a broadcast is stored while nothing happens, milliseconds: some 3000 small writes a day are
/// nothing to a card.
const KEEP_EVERY_MS: u64 = 30_000;
/// How soon after the last time, where something has happened, milliseconds.
const KEEP_SOON_MS: u64 = 2_000;

/// What makes a log worth storing soon.
type Events = (u32, u32, u32);

/// Stores logs.
#[derive(Default)]
pub(super) struct Logbook {
    kept: BTreeMap<ChannelId, (Running, Events)>,
}

impl Logbook {
    /// Looks at a channel.
    pub(super) fn look(&mut self, now: Running, wanted: &WantedChannel, seat: Option<&Seat>, commands: &Commands) {
        let channel = &wanted.doc.id;
        let status = seat.and_then(|seat| seat.channel.as_ref());
        let faults = seat.map(|seat| seat.faults(now)).unwrap_or_default();
        let look = Look { now, spec: &wanted.spec, status, faults: &faults };
        let Some((session, log)) = commands.as_runs().look(channel, &look) else {
            self.kept.remove(channel);
            return;
        };
        let events = events(&log);
        let due = self.kept.get(channel).is_none_or(|(at, before)| {
            let every = if *before == events { KEEP_EVERY_MS } else { KEEP_SOON_MS };
            now.ms_since(*at) >= every
        });
        if due {
            self.kept.insert(channel.clone(), (now, events));
            keep(commands.clone(), session, log);
        }
    }
}

fn events(log: &AsRun) -> Events {
    let figures = log.figures();
    (figures.workers, figures.faults, figures.destinations.iter().map(|one| one.sessions).sum())
}

fn keep(commands: Commands, session: SessionId, log: AsRun) {
    tokio::spawn(async move {
        if let Err(refusal) = commands.keep_as_run(session, log).await {
            tracing::error!(%refusal, "the log of a broadcast could not be stored");
        }
    });
}
