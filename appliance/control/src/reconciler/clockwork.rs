//! Sees when wall time becomes known, when it is set, and when another time zone holds, and has it learnt.

use super::Tools;
use crate::clock::WALL_MS_MIN;
use crate::store::Wanted;
use automation::clock::{Now, Running};
use automation::wall::{WallClock, Zone};

/// How often the zone's file is read: the machine's own may be changed beneath us, and some zones change by no rule.
const ZONE_EVERY_MS: u64 = 60_000;
/// Shortest time between two tries to have it learnt, milliseconds.
const TRY_EVERY_MS: u64 = 1_000;

/// The zone that was chosen, and what holds there.
struct Read {
    at: Running,
    chosen: Option<String>,
    zone: Zone,
}

/// Follows the clock.
#[derive(Default)]
pub(super) struct Clockwork {
    read: Option<Read>,
    tried: Option<Running>,
}

impl Clockwork {
    /// Looks once per turn of the loop.
    pub(super) fn turn(&mut self, now: Now, wanted: &Wanted, tools: &Tools) {
        if self.tried.is_some_and(|tried| now.running.ms_since(tried) < TRY_EVERY_MS) {
            return;
        }
        let old = |read: &mut Read| now.running.ms_since(read.at) >= ZONE_EVERY_MS || read.chosen != wanted.time_zone;
        self.read.take_if(old);
        let Read { zone, .. } = self.read.get_or_insert_with(|| {
            let chosen = wanted.time_zone.clone();
            let zone = tools.clock.zones().in_force(chosen.as_deref(), now.wall_ms.max(WALL_MS_MIN));
            Read { at: now.running, chosen, zone }
        });
        let moved = wanted.zone.as_ref() != Some(zone);
        let news = WallClock::learn(wanted.wall.as_ref(), now, zone).is_some();
        let awaited = now.wall_trusted && wanted.channels.iter().any(|channel| channel.awaits_clock);
        if !moved && !news && !awaited {
            return;
        }
        self.tried = Some(now.running);
        let commands = tools.commands.clone();
        tokio::spawn(async move {
            match commands.learn_clock().await {
                Ok(()) if now.wall_trusted => tracing::info!("the time of day is known"),
                Ok(()) => {}
                Err(refusal) => tracing::error!(%refusal, "the time of day could not be learnt"),
            }
        });
    }
}
