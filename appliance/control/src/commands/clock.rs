//! What changes when wall time becomes known, or is set.

use super::Commands;
use crate::refusal::Refusal;
use crate::store::{channels, executions, settings, timelines};
use automation::resume;
use automation::spec::Start;
use automation::wall::{WallClock, Zone};

impl Commands {
    /// Learns the time of day for timelines that follow it, and puts right what a restart left open: broadcasts that
    /// went on from where they were last seen, and those that began when the time was not known.
    pub async fn learn_clock(&self, zone: Zone) -> Result<(), Refusal> {
        let (now, boot) = (self.now(), self.clock.boot().to_owned());
        self.store
            .change(move |tx, _| {
                let learnt = WallClock::learn(settings::wall(tx)?.as_ref(), now, &zone);
                if let Some(wall) = &learnt {
                    settings::set_wall(tx, wall, &boot)?;
                }
                for mut channel in channels::all(tx)? {
                    let loaded = timelines::of(tx, &channel.id)?.into_iter().find(|timeline| timeline.loaded);
                    let daily = loaded.is_some_and(|loaded| loaded.timeline.draft().start != Start::GoLive);
                    let mut changed = learnt.is_some() && daily;
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
            })
            .await
    }
}
