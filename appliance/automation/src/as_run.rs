//! The as-run log of one broadcast: what was really carried, and how it ended (VS-102, VS-142).
//!
//! ```text
//! GO LIVE ──look, look, …──► figures ──END──► Completed   its timeline had come to its end
//!                                             Stopped     a person ended it
//!                                             Error       it did not do what it was for; the message says why
//! ```
//! An error is one of these, once the broadcast was on air for [`JUDGED_MS_MIN`]:
//! - *never began*: not one tick of the program was carried;
//! - *gave up*: at END the program had stood still for [`GAVE_UP_MS`], or its worker was gone for so long;
//! - *reached nobody*: destinations were switched on, and not one of them ever took media;
//! - *could not be run*: cues of the timeline were due, and not one of them came on air.
//!
//! What went wrong and was survived is no error; it is told by the figures. A worker counts from its own start, so
//! its counters are taken as differences: they add up over its restarts.
//! Bad input: a status of another broadcast is ignored, and a counter that is lower than before began anew.

use crate::clock::Running;
use crate::fault::{Code, Fault};
use crate::id::{CueId, DestinationId};
use crate::spec::{ChannelSpec, Live, Rate};
use crate::status::{Carrier, ChannelStatus, DestinationState, DestinationStatus};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A broadcast that was ended sooner is not judged: its first try of a destination may have been under way.
pub const JUDGED_MS_MIN: u64 = crate::delivery::TRY_MS_MAX;
/// A program that has stood still for so long at END has given up; a worker is back far sooner.
pub const GAVE_UP_MS: u64 = 10_000;
/// Troubles of one broadcast that are told by name; all are counted.
pub const TROUBLES_MAX: usize = 64;
/// Destinations that a message names.
const NAMED_MAX: usize = 3;

/// What a broadcast carried, up to its last status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Figures {
    /// Milliseconds since GO LIVE.
    pub since_ms: u64,
    /// Ticks of the program since GO LIVE, those that are missing included.
    pub ticks: u64,
    /// Ticks that were left out because the box was more than 2 s behind.
    pub ticks_missing: u64,
    /// Ticks that came more than one tick late; they leave no gap.
    pub ticks_late: u64,
    /// Worst lateness, milliseconds.
    pub late_ms_worst: u64,
    /// Processes that carried it; 1 where none was ever started again.
    pub workers: u32,
    /// Video cues whose time came while the timeline had the program.
    pub cues_due: u32,
    /// Those of them that came on air themselves, and not a fallback in their stead.
    pub cues_shown: u32,
    /// Troubles that began.
    pub faults: u32,
    /// The same by what they were, in the order of their first time; at most 64.
    pub troubles: Vec<Trouble>,
    /// Every destination that was switched on.
    pub destinations: Vec<DestinationFigures>,
}

/// One kind of trouble of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Trouble {
    /// Its kind.
    pub code: Code,
    /// Id of the source or destination; empty for the channel as a whole.
    pub subject: String,
    /// What happened the first time, with the thing's name.
    pub text: String,
    /// How often it began.
    pub count: u32,
}

/// One destination in one broadcast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DestinationFigures {
    /// Which.
    pub id: DestinationId,
    /// Its name at that time.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub name: String,
    /// Connections that carried media; one more than `renewals` is a stream that never dropped.
    pub sessions: u32,
    /// Those that were ended by plan, for the next one.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub renewals: u32,
    /// Bytes that the far side acknowledged.
    pub bytes_acked: u64,
    /// Packets that were left out because its queue was full.
    pub dropped: u64,
    /// Why it was not reached, the last time that it was not.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required))]
    pub fault: Option<String>,
}

/// How a broadcast ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its timeline had come to its end.
    Completed,
    /// A person ended it before.
    Stopped,
    /// It did not do what it was for.
    Error,
}

/// The judgement at END.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// How it ended.
    pub outcome: Outcome,
    /// Why it is an error, in the operator's words; none otherwise.
    pub message: Option<String>,
}

/// The counters of a worker process when it was last heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Heard {
    who: Who,
    tick: u64,
    missing: u64,
    late: u64,
    late_ms_worst: u64,
    destinations: BTreeMap<DestinationId, Counted>,
}

/// A worker process: its id, and when its program began.
type Who = (u32, Running);

/// The counters of one destination in one worker process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    sessions: u32,
    #[serde(default)]
    renewals: u32,
    bytes_acked: u64,
    dropped: u64,
}

/// The cue under the playhead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CueSeen {
    round: u64,
    cue: CueId,
    due: bool,
    shown: bool,
}

/// What is known at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The moment.
    pub now: Running,
    /// What is wanted of the channel; without a broadcast there is nothing to log.
    pub spec: &'a ChannelSpec,
    /// The newest status of its worker; none while it is away.
    pub status: Option<&'a ChannelStatus>,
    /// What is wrong with the worker process itself.
    pub faults: &'a [Fault],
}

/// The log of one broadcast as it grows. It can be stored at any time, and taken up again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AsRun {
    figures: Figures,
    /// The process that carried it last.
    carrier: Option<Who>,
    heard: Option<Heard>,
    cue: Option<CueSeen>,
    standing: BTreeSet<(String, Code)>,
    /// When the program was last seen to have moved.
    moved: Option<Running>,
    ran_out: bool,
    /// What was last wrong with the worker process.
    worker_fault: Option<String>,
}

impl AsRun {
    /// The figures so far.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Takes a stored log up again: how long its keeper was away says nothing about the program.
    pub fn take_up(&mut self, now: Running) {
        self.moved = self.moved.map(|_| now);
    }

    /// Looks at what is.
    pub fn look(&mut self, look: &Look<'_>) {
        let Some(live) = &look.spec.live else { return };
        let ours = look.status.filter(|status| status.live.as_ref().is_some_and(|on| on.session == live.session));
        let counting_down = ours.is_some_and(|status| status.live.as_ref().is_some_and(|on| on.countdown_ms > 0));
        if look.now < live.at || counting_down {
            // What its worker counted up to here was before GO LIVE.
            self.heard = ours.map(heard);
            return;
        }
        self.count_troubles(look.spec, ours, look.faults);
        let Some(status) = ours else { return };
        self.figures.since_ms = status.live.as_ref().map_or(0, |on| on.since_ms);
        self.count_ticks(live, look.spec.house.rate, status, look.now);
        self.count_cues(status);
        self.ran_out = status.timeline.as_ref().is_some_and(|timeline| !timeline.running && !timeline.paused);
        let before = self.heard.replace(heard(status)).map(|heard| heard.destinations).unwrap_or_default();
        for destination in &status.destinations {
            self.count_destination(look.spec, before.get(&destination.id), destination);
        }
    }

    /// Adds the ticks that the worker made since it was last heard. Another worker's counters are left behind.
    fn count_ticks(&mut self, live: &Live, rate: Rate, status: &ChannelStatus, now: Running) {
        let (who, program) = ((status.pid, status.started), &status.program);
        if self.carrier != Some(who) {
            self.carrier = Some(who);
            self.figures.workers = self.figures.workers.saturating_add(1);
        }
        self.heard.take_if(|heard| heard.who != who);
        let before = self.heard.get_or_insert_with(|| {
            // A program that began before GO LIVE had counted already; one that began later counts from nothing.
            let began_before = status.started <= live.at;
            let counted = if began_before { heard(status) } else { Heard { who, ..Heard::default() } };
            let on_air = rate.nearest_tick(self.figures.since_ms).min(program.tick);
            Heard { tick: program.tick - on_air, destinations: BTreeMap::new(), ..counted }
        });
        let ticks = program.tick.saturating_sub(before.tick);
        if ticks > 0 {
            self.moved = Some(now);
        }
        self.figures.ticks += ticks;
        self.figures.ticks_missing += program.missing.saturating_sub(before.missing);
        self.figures.ticks_late += program.late.saturating_sub(before.late);
        if program.late_ms_worst > before.late_ms_worst {
            self.figures.late_ms_worst = self.figures.late_ms_worst.max(program.late_ms_worst);
        }
    }

    /// A cue is due where the timeline has the program: not while a person or the live input does.
    fn count_cues(&mut self, status: &ChannelStatus) {
        let timeline = status.timeline.as_ref().filter(|timeline| timeline.running);
        let Some((round, cue)) = timeline.and_then(|t| Some((t.rounds, t.cue.clone()?))) else { return };
        self.cue.take_if(|seen| seen.round != round || seen.cue != cue);
        let seen = self.cue.get_or_insert(CueSeen { round, cue, due: false, shown: false });
        let (due, shown) = match status.on_air.carrier {
            Carrier::Timeline => (true, true),
            Carrier::Backup | Carrier::Loop | Carrier::Kept | Carrier::Slate => (true, false),
            Carrier::Pin | Carrier::Take | Carrier::SlateByHand | Carrier::LiveInput | Carrier::Primary => {
                (false, false)
            }
        };
        if due && !seen.due {
            seen.due = true;
            self.figures.cues_due = self.figures.cues_due.saturating_add(1);
        }
        if shown && !seen.shown {
            seen.shown = true;
            self.figures.cues_shown = self.figures.cues_shown.saturating_add(1);
        }
    }

    fn count_destination(&mut self, spec: &ChannelSpec, before: Option<&Counted>, status: &DestinationStatus) {
        let switched_on = !matches!(status.state, DestinationState::Off | DestinationState::Idle);
        let known = self.figures.destinations.iter().position(|known| known.id == status.id);
        let at = match known {
            Some(at) => at,
            None if !switched_on && status.sessions == 0 => return,
            None => {
                let named = spec.destinations.iter().find(|named| named.id == status.id);
                let name = named.map_or_else(|| status.id.to_string(), |named| named.name.clone());
                let id = status.id.clone();
                self.figures.destinations.push(DestinationFigures {
                    id,
                    name,
                    sessions: 0,
                    renewals: 0,
                    bytes_acked: 0,
                    dropped: 0,
                    fault: None,
                });
                self.figures.destinations.len() - 1
            }
        };
        // Counters below the last ones are those of a connection that was set up anew.
        let now = counted(status);
        let anew = |last: &&Counted| now.sessions >= last.sessions && now.bytes_acked >= last.bytes_acked;
        let last = before.filter(anew).copied().unwrap_or_default();
        let figures = &mut self.figures.destinations[at];
        figures.sessions += now.sessions - last.sessions;
        figures.renewals += now.renewals.saturating_sub(last.renewals);
        figures.bytes_acked += now.bytes_acked - last.bytes_acked;
        figures.dropped += now.dropped.saturating_sub(last.dropped);
        if let Some(fault) = &status.fault {
            figures.fault = Some(fault.text.clone());
        }
    }

    /// Counts each trouble when it begins. While the worker is away nothing is known of what stood before.
    fn count_troubles(&mut self, spec: &ChannelSpec, status: Option<&ChannelStatus>, worker: &[Fault]) {
        let of_worker = worker.iter().map(|fault| (String::new(), fault.code, fault.text.clone()));
        let now: Vec<(String, Code, String)> =
            of_worker.chain(status.into_iter().flat_map(|status| troubles(spec, status))).collect();
        if status.is_some() {
            self.standing.retain(|known| now.iter().any(|(subject, code, _)| (subject, code) == (&known.0, &known.1)));
        }
        if let Some(fault) = worker.last() {
            self.worker_fault = Some(fault.text.clone());
        }
        for (subject, code, text) in now {
            if !self.standing.insert((subject.clone(), code)) {
                continue;
            }
            let figures = &mut self.figures;
            figures.faults = figures.faults.saturating_add(1);
            let known = figures.troubles.iter().position(|known| known.code == code && known.subject == subject);
            if let Some(known) = known {
                figures.troubles[known].count = figures.troubles[known].count.saturating_add(1);
            } else if figures.troubles.len() < TROUBLES_MAX {
                figures.troubles.push(Trouble { code, subject, text, count: 1 });
            }
        }
    }

    /// Judges a broadcast that ends now, after so many milliseconds on air.
    pub fn end(&self, now: Running, on_air_ms: u64) -> Ending {
        let wrongs = if on_air_ms < JUDGED_MS_MIN { Vec::new() } else { self.wrongs(now) };
        if !wrongs.is_empty() {
            return Ending { outcome: Outcome::Error, message: Some(wrongs.join(" ")) };
        }
        let outcome = if self.ran_out { Outcome::Completed } else { Outcome::Stopped };
        Ending { outcome, message: None }
    }

    /// Every reason for which it is an error, as sentences.
    fn wrongs(&self, now: Running) -> Vec<String> {
        let cause = || self.worker_fault.as_ref().map(|text| format!(" {text}")).unwrap_or_default();
        let figures = &self.figures;
        let Some(moved) = self.moved.filter(|_| figures.ticks > 0) else {
            return vec![format!("The program never began.{}", cause())];
        };
        let mut wrongs = Vec::new();
        let stood_ms = now.ms_since(moved);
        if stood_ms >= GAVE_UP_MS {
            let s = stood_ms / 1000;
            wrongs.push(format!("The picture had been gone for {s} s when the broadcast was ended.{}", cause()));
        }
        if !figures.destinations.is_empty() && figures.destinations.iter().all(|one| one.sessions == 0) {
            wrongs.push("No destination was reached.".to_owned());
            let told =
                figures.destinations.iter().filter_map(|one| Some(format!("{}: {}", one.name, one.fault.as_ref()?)));
            wrongs.extend(told.take(NAMED_MAX));
        }
        if figures.cues_due > 0 && figures.cues_shown == 0 {
            wrongs.push("The timeline could not be run: not one of its cues came on air.".to_owned());
        }
        wrongs
    }
}

fn heard(status: &ChannelStatus) -> Heard {
    let program = &status.program;
    Heard {
        who: (status.pid, status.started),
        tick: program.tick,
        missing: program.missing,
        late: program.late,
        late_ms_worst: program.late_ms_worst,
        destinations: status.destinations.iter().map(|one| (one.id.clone(), counted(one))).collect(),
    }
}

fn counted(status: &DestinationStatus) -> Counted {
    let DestinationStatus { sessions, renewals, bytes_acked, dropped, .. } = *status;
    Counted { sessions, renewals, bytes_acked, dropped }
}

/// Every trouble that a status tells: subject, code and words.
fn troubles(spec: &ChannelSpec, status: &ChannelStatus) -> Vec<(String, Code, String)> {
    // The slate of a channel without sources is what it is for.
    let meant = |code| code == Code::SlateOnAir && spec.sources.is_empty();
    let channel = status.faults.iter().filter(|fault| fault.code.is_trouble() && !meant(fault.code));
    let channel = channel.map(|fault| (String::new(), fault.code, fault.text.clone()));
    let sources = status.sources.iter().filter_map(|source| {
        let fault = source.fault.as_ref().filter(|fault| fault.code.is_trouble())?;
        let name = spec.sources.iter().find(|named| named.id == source.id).map_or(source.id.as_str(), |n| &n.name);
        Some((source.id.to_string(), fault.code, format!("{name}: {}", fault.text)))
    });
    let destinations = status.destinations.iter().filter_map(|destination| {
        let fault = destination.fault.as_ref()?;
        let named = spec.destinations.iter().find(|named| named.id == destination.id);
        let name = named.map_or(destination.id.as_str(), |named| &named.name);
        Some((destination.id.to_string(), fault.code, format!("{name}: {}", fault.text)))
    });
    channel.chain(sources).chain(destinations).collect()
}

#[cfg(test)]
#[path = "as_run_tests.rs"]
mod tests;
