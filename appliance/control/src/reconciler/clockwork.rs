//! Sees when wall time becomes known, and when it is set, and has it learnt.

use super::Tools;
use crate::store::Wanted;
use automation::clock::{Now, Running};
use automation::wall::{WallClock, Zone};

/// How often the zone is read: a person may choose another one.
const ZONE_EVERY_MS: u64 = 60_000;
/// Shortest time between two tries to have it learnt, milliseconds.
const TRY_EVERY_MS: u64 = 1_000;

/// Follows the clock.
#[derive(Default)]
pub(super) struct Clockwork {
    zone: Option<(Running, Zone)>,
    tried: Option<Running>,
}

impl Clockwork {
    /// Looks once per turn of the loop.
    pub(super) fn turn(&mut self, now: Now, wanted: &Wanted, tools: &Tools) {
        if !now.wall_trusted || self.tried.is_some_and(|tried| now.running.ms_since(tried) < TRY_EVERY_MS) {
            return;
        }
        self.zone.take_if(|(read, _)| now.running.ms_since(*read) >= ZONE_EVERY_MS);
        let (_, zone) = self.zone.get_or_insert_with(|| (now.running, tools.clock.zone()));
        let news = WallClock::learn(wanted.wall.as_ref(), now, zone).is_some();
        if !news && !wanted.channels.iter().any(|channel| channel.awaits_clock) {
            return;
        }
        self.tried = Some(now.running);
        let (commands, zone) = (tools.commands.clone(), zone.clone());
        tokio::spawn(async move {
            match commands.learn_clock(zone).await {
                Ok(()) => tracing::info!("the time of day is known"),
                Err(refusal) => tracing::error!(%refusal, "the time of day could not be learnt"),
            }
        });
    }
}
