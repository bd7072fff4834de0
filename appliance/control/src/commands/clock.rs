//! What changes when wall time becomes known, when it is set, or when another time zone holds.

use super::Commands;
use crate::clock::WALL_MS_MIN;
use crate::refusal::Refusal;
use crate::store::{channels, executions, settings, timelines, wanted};
use crate::zones::Zones;
use automation::clock::Now;
use automation::fault::Code;
use automation::resume;
use automation::spec::{Start, Timeline};
use automation::wall::WallClock;
use rusqlite::Transaction;

/// A look at the machine's clocks.
pub(super) struct Look {
    now: Now,
    boot: String,
    zones: Zones,
}

impl Commands {
    /// Learns the time of day, and the zone in which it is told, for timelines that follow or show it, and puts right what a restart
    /// left open: broadcasts that went on from where they were last seen, and those that began when the time was not known.
    pub async fn learn_clock(&self) -> Result<(), Refusal> {
        let look = self.look();
        self.store.change(move |tx, _| learn(tx, &look)).await
    }

    /// Chooses the time zone of the box, or the machine's own. It is in force at once.
    pub async fn set_time_zone(&self, name: Option<String>) -> Result<(), Refusal> {
        let look = self.look();
        self.store
            .change(move |tx, _| {
                let before = settings::zone(tx)?;
                choose(tx, &look, name.as_deref())?;
                // What is refused is not committed.
                if settings::zone(tx)? == before { Ok(()) } else { none_follows_on_air(tx) }
            })
            .await
    }

    pub(super) fn look(&self) -> Look {
        Look { now: self.now(), boot: self.clock.boot().to_owned(), zones: self.clock.zones() }
    }
}

/// Refuses where a broadcast follows the time of day: in another zone it would jump to another cue.
fn none_follows_on_air(tx: &Transaction<'_>) -> Result<(), Refusal> {
    for channel in channels::all(tx)?.iter().filter(|channel| channel.live.is_some()) {
        if timelines::of(tx, &channel.id)?.iter().any(|timeline| timeline.loaded && follows(&timeline.timeline)) {
            let name = &channel.name;
            let told = format!(
                "\"{name}\" is on air with a timeline that follows the time of day, which would jump to another cue."
            );
            return Err(Refusal::because(Code::OnAir, told));
        }
    }
    Ok(())
}

/// Whether a timeline follows the time of day.
fn follows(timeline: &Timeline) -> bool {
    timeline.draft().start != Start::GoLive
}

/// Chooses a zone.
pub(super) fn choose(tx: &Transaction<'_>, look: &Look, name: Option<&str>) -> Result<(), Refusal> {
    let unknown = || {
        Refusal::wrong(
            Code::RequestInvalid,
            "zone",
            "must be a time zone that the box knows, for example Europe/London",
        )
    };
    let found = name.map(|name| look.zones.find(name.trim()).ok_or_else(unknown)).transpose()?;
    settings::set_time_zone(tx, found.as_deref())?;
    learn(tx, look)
}

fn learn(tx: &Transaction<'_>, look: &Look) -> Result<(), Refusal> {
    let now = look.now;
    let zone = look.zones.in_force(settings::time_zone(tx)?.as_deref(), now.wall_ms.max(WALL_MS_MIN));
    let moved = settings::zone(tx)?.as_ref() != Some(&zone);
    if moved {
        settings::set_zone(tx, &zone)?;
    }
    let learnt = WallClock::learn(settings::wall(tx)?.as_ref(), now, &zone);
    if let Some(wall) = &learnt {
        settings::set_wall(tx, wall, &look.boot)?;
    }
    for mut channel in channels::all(tx)? {
        let loaded = timelines::of(tx, &channel.id)?.into_iter().find(|timeline| timeline.loaded);
        let timeline = loaded.map(|loaded| loaded.timeline);
        let daily = timeline.as_ref().is_some_and(follows);
        let tells_time = timeline.as_ref().is_some_and(wanted::tells_time);
        let mut changed = (learnt.is_some() && daily) || (moved && tells_time);
        if let Some(live) = &mut channel.live
            && let Some(right) = resume::once_known(&live.kept(), now)
        {
            live.put(right);
            executions::began(tx, &live.session, live.at_ms)?;
            changed = true;
        }
        if changed {
            channels::update(tx, &channel, now.wall_ms)?;
        }
    }
    Ok(())
}
