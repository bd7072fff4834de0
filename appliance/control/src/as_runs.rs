//! The as-run logs of the broadcasts that run. The reconciler looks, commands judge at END, and the API shows.

use automation::as_run::{AsRun, Look};
use automation::id::{ChannelId, SessionId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The logs. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct AsRuns(Arc<Mutex<BTreeMap<ChannelId, (SessionId, AsRun)>>>);

impl AsRuns {
    fn hold(&self) -> MutexGuard<'_, BTreeMap<ChannelId, (SessionId, AsRun)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log of a channel's broadcast; none where nothing of it has been seen.
    pub fn of(&self, channel: &ChannelId, session: &SessionId) -> Option<AsRun> {
        self.hold().get(channel).filter(|(known, _)| known == session).map(|(_, log)| log.clone())
    }

    /// Takes up a log that was kept.
    pub fn restore(&self, channel: &ChannelId, session: &SessionId, log: AsRun) {
        self.hold().insert(channel.clone(), (session.clone(), log));
    }

    /// Looks at a channel. Answers its broadcast with the log, while one runs; another broadcast begins another log.
    pub fn look(&self, channel: &ChannelId, look: &Look<'_>) -> Option<(SessionId, AsRun)> {
        let session = look.spec.live.as_ref()?.session.clone();
        let mut logs = self.hold();
        let entry = logs.entry(channel.clone()).or_insert_with(|| (session.clone(), AsRun::default()));
        if entry.0 != session {
            *entry = (session, AsRun::default());
        }
        entry.1.look(look);
        Some(entry.clone())
    }
}
