//! What `control` has to do next, from what is wanted and what is observed.
//!
//! The plan is a value: it can be printed and tested, and doing it leaves no choices. Doing the same plan twice does
//! no harm, and after each change of what is observed a new one is made; where all is as wanted, it is empty.
//!
//! ```text
//! worker      Absent ── Start ──► Starting ── hello ──► Running ── Send ──► … its status names the generation
//! another version, no session runs ── Stop ──► Absent          no such channel ── Stop ──► gone
//! ```
//! Bad input: a worker that has a newer generation than ours (a database from a backup) makes ours rise above it; a
//! spec that was refused is not sent again, nor one that is on its way; a worker of another version is left alone
//! while a session runs.

use crate::id::ChannelId;
use crate::wire::VERSION;
use std::collections::BTreeMap;

/// What is wanted of the workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Every channel there is.
    pub channels: BTreeMap<ChannelId, WantedChannel>,
    /// Generation of the spec of `ingest`; none where nothing may be published and no door is needed.
    pub ingest: Option<u64>,
}

/// What is wanted of one channel's worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedChannel {
    /// Generation of its spec.
    pub generation: u64,
    /// Whether a broadcast runs, from GO LIVE to END.
    pub session: bool,
}

/// What is observed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Workers of channels, those of unknown channels too. One that is missing here is absent.
    pub channels: BTreeMap<ChannelId, Worker>,
    /// The worker `ingest`.
    pub ingest: Worker,
}

/// One worker process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Worker {
    /// It does not run, or nobody can connect to it.
    #[default]
    Absent,
    /// It was started, and has not yet said hello.
    Starting,
    /// It said hello.
    Running {
        /// Version of its messages.
        version: u32,
        /// Generation of the spec in force there; 0 without one.
        generation: u64,
        /// The newest generation that was sent on this connection.
        sent: Option<u64>,
        /// The newest generation that it refused.
        refused: Option<u64>,
    },
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Start a channel's worker.
    StartChannel {
        /// Which.
        channel: ChannelId,
    },
    /// End a channel's worker in good order. Where it is wanted, a later plan starts it again.
    StopChannel {
        /// Which.
        channel: ChannelId,
        /// Why, for the log.
        reason: StopReason,
    },
    /// Send a channel's spec.
    SendSpec {
        /// To which worker.
        channel: ChannelId,
        /// Its generation.
        generation: u64,
    },
    /// Give the channel's spec a generation above this one: its worker has it already.
    RaiseGeneration {
        /// Which channel.
        channel: ChannelId,
        /// The generation that its worker has.
        above: u64,
    },
    /// Start `ingest`.
    StartIngest,
    /// End `ingest` in good order.
    StopIngest {
        /// Why, for the log.
        reason: StopReason,
    },
    /// Send the spec of `ingest`.
    SendIngestSpec {
        /// Its generation.
        generation: u64,
    },
    /// Give the spec of `ingest` a generation above this one.
    RaiseIngestGeneration {
        /// The generation that it has.
        above: u64,
    },
}

/// Why a worker is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Nobody wants it.
    Unwanted,
    /// It speaks another version of the messages, and no session runs.
    Version,
}

/// What one worker needs.
enum Need {
    Nothing,
    Start,
    Stop(StopReason),
    Send,
    Raise(u64),
}

fn need(generation: Option<u64>, session: bool, worker: Worker) -> Need {
    let Some(generation) = generation else {
        return if worker == Worker::Absent { Need::Nothing } else { Need::Stop(StopReason::Unwanted) };
    };
    match worker {
        Worker::Absent => Need::Start,
        Worker::Starting => Need::Nothing,
        Worker::Running { version, .. } if version != VERSION => {
            if session {
                Need::Nothing
            } else {
                Need::Stop(StopReason::Version)
            }
        }
        Worker::Running { generation: has, .. } if has > generation => Need::Raise(has),
        Worker::Running { generation: has, .. } if has == generation => Need::Nothing,
        Worker::Running { sent, refused, .. } => {
            let tried = [sent, refused].into_iter().flatten().any(|tried| tried >= generation);
            if tried { Need::Nothing } else { Need::Send }
        }
    }
}

/// The steps that bring what is observed to what is wanted: `ingest` first, for channels dial it, then ends, starts
/// and specs of channels, each in the order of their ids.
pub fn plan(wanted: &Wanted, observed: &Observed) -> Vec<Step> {
    let session = wanted.channels.values().any(|channel| channel.session);
    let mut steps = match need(wanted.ingest, session, observed.ingest) {
        Need::Nothing => Vec::new(),
        Need::Start => vec![Step::StartIngest],
        Need::Stop(reason) => vec![Step::StopIngest { reason }],
        Need::Send => vec![Step::SendIngestSpec { generation: wanted.ingest.unwrap_or(0) }],
        Need::Raise(above) => vec![Step::RaiseIngestGeneration { above }],
    };
    let (mut stops, mut starts, mut specs) = (Vec::new(), Vec::new(), Vec::new());
    let mut channels: Vec<&ChannelId> = wanted.channels.keys().chain(observed.channels.keys()).collect();
    channels.sort();
    channels.dedup();
    for id in channels {
        let channel = id.clone();
        let want = wanted.channels.get(id);
        let worker = observed.channels.get(id).copied().unwrap_or_default();
        match need(want.map(|want| want.generation), want.is_some_and(|want| want.session), worker) {
            Need::Nothing => {}
            Need::Start => starts.push(Step::StartChannel { channel }),
            Need::Stop(reason) => stops.push(Step::StopChannel { channel, reason }),
            Need::Send => {
                let generation = want.map_or(0, |want| want.generation);
                specs.push(Step::SendSpec { channel, generation });
            }
            Need::Raise(above) => specs.push(Step::RaiseGeneration { channel, above }),
        }
    }
    steps.extend(stops.into_iter().chain(starts).chain(specs));
    steps
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
