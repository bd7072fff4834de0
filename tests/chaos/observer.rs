//! What the worker says of itself, heard at its own socket through all of its lives.

use automation::status::{ChannelStatus, ProgramStatus};
use harness::statuses::Statuses;
use harness::worker::Worker;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// From one try to reach the worker to the next.
const TRY_EACH: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
struct Seen {
    last: Option<ChannelStatus>,
    /// The program's health in each life of the worker, by process id.
    lives: BTreeMap<u32, ProgramStatus>,
    /// Sessions of each destination in each life.
    sessions: BTreeMap<(u32, String), u32>,
}

/// Listens to a worker until this value goes.
#[derive(Debug)]
pub(crate) struct Observer {
    seen: Arc<Mutex<Seen>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A look at what is known.
#[derive(Clone, Debug)]
pub(crate) struct Eye(Arc<Mutex<Seen>>);

fn hold(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().expect("nobody panics with the statuses in hand")
}

impl Observer {
    /// Listens to the worker of `channel` in `run`.
    pub(crate) fn start(run: &Path, channel: &'static str) -> Observer {
        let (seen, ended): (Arc<Mutex<Seen>>, Arc<AtomicBool>) = Default::default();
        let (theirs, over, run) = (Arc::clone(&seen), Arc::clone(&ended), run.to_owned());
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let Some(mut statuses) = Statuses::open(&run, channel) else {
                    std::thread::sleep(TRY_EACH);
                    continue;
                };
                while !over.load(Ordering::Relaxed)
                    && let Ok(heard) = statuses.hear()
                {
                    let Some(status) = heard else { continue };
                    let mut seen = hold(&theirs);
                    seen.lives.insert(status.pid, status.program.clone());
                    for destination in &status.destinations {
                        let most = seen.sessions.entry((status.pid, destination.id.to_string())).or_default();
                        *most = destination.sessions.max(*most);
                    }
                    seen.last = Some(status);
                }
            }
        });
        Observer { seen, ended, thread: Some(thread) }
    }

    /// For whoever wants to look.
    pub(crate) fn eye(&self) -> Eye {
        Eye(Arc::clone(&self.seen))
    }

    /// Sessions of a destination, in all lives of the worker.
    pub(crate) fn sessions(&self, destination: &str) -> u32 {
        hold(&self.seen).sessions.iter().filter(|((_, id), _)| id == destination).map(|(_, count)| count).sum()
    }

    /// The program's health in each life of the worker.
    pub(crate) fn lives(&self) -> Vec<ProgramStatus> {
        hold(&self.seen).lives.values().cloned().collect()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Now, by the clock of statuses.
pub(crate) fn now_ns() -> u64 {
    Worker::now_ns()
}

impl Eye {
    /// The last status, if it was made after `since_ns`.
    pub(crate) fn status(&self, since_ns: u64) -> Option<ChannelStatus> {
        hold(&self.0).last.clone().filter(|status| status.now.0 > since_ns)
    }

    /// Whether a source is online by the last status; that it was lost three times lately, as here it must be, is no
    /// trouble of now.
    pub(crate) fn is_online(&self, source: &str, since_ns: u64) -> bool {
        let status = self.status(since_ns);
        let found = status.as_ref().and_then(|s| s.sources.iter().find(|s| s.id.as_str() == source));
        found.is_some_and(|source| source.state.is_well())
    }
}
