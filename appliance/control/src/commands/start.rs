//! What is put right when `control` starts: the first channel, and broadcasts that a restart of the box broke off.

use super::Commands;
use super::channels::insert;
use crate::doc::ChannelDraft;
use crate::refusal::Refusal;
use crate::store::{channels, executions, settings};
use automation::clock::Running;
use automation::id::ChannelId;
use automation::resume;
use automation::spec::Hold;

/// What the log of broadcasts says of one that a restart of the box broke off.
const RESTARTED: &str = "The box was restarted during the broadcast.";

/// The channel that an empty store is given.
pub(super) const FIRST: &str = "main";

impl Commands {
    /// Names the venue. On an empty store it makes the channel `main`, which shows the slate until it gets sources.
    /// Broadcasts that ran when the box went down go on: the same session, its timeline where it would be. Answers the
    /// channels of which that is true.
    pub async fn start(&self, venue: Option<String>) -> Result<Vec<ChannelId>, Refusal> {
        let (now, boot) = (self.now(), self.clock.boot().to_owned());
        let (logs, house) = (self.as_runs.clone(), self.house.clone());
        self.store
            .change(move |tx, _| {
                let known = settings::venue(tx)?;
                let first = known.is_none();
                let venue = venue.or(known).unwrap_or_else(|| "Bandstand".into());
                settings::set_venue(tx, &venue)?;
                if first && channels::all(tx)?.is_empty() {
                    let draft = ChannelDraft { id: Some(ChannelId::new(FIRST)?), name: venue, house: None };
                    insert(tx, draft, house, now.wall_ms)?;
                }
                let restarted = settings::forget_wall(tx, &boot)?;
                let mut resumed = Vec::new();
                for mut channel in channels::all(tx)? {
                    // A timeline that follows the time of day has lost it.
                    let mut changed = restarted;
                    if let Some(live) = &mut channel.live {
                        let mut log = executions::kept(tx, &live.session)?.unwrap_or_default();
                        log.take_up(now.running);
                        if live.boot != boot {
                            live.put(resume::after_restart(&live.kept(), log.figures().since_ms, now));
                            live.boot = boot.clone();
                            executions::note(tx, &live.session, RESTARTED)?;
                            resumed.push(channel.id.clone());
                            changed = true;
                        }
                        logs.restore(&channel.id, &live.session, log);
                    }
                    // A take held until the next cue of a timeline that stands elsewhere now; a pin holds on.
                    if let Some(manual) = channel.manual.take_if(|manual| manual.boot != boot) {
                        if manual.hold == Hold::Pin {
                            channel.manual =
                                Some(channels::StoredManual { at: Running(0), boot: boot.clone(), ..manual });
                        }
                        changed = true;
                    }
                    if changed {
                        channels::update(tx, &channel, now.wall_ms)?;
                    }
                }
                Ok(resumed)
            })
            .await
    }
}
