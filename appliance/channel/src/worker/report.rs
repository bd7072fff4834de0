//! Puts the status together from what the mixer, the sources and the destinations show.

use crate::clock::running;
use crate::destination::Destination;
use crate::program::tick::Program;
use crate::ptz::Heads;
use crate::source::Source;
use automation::capture::CaptureDevice;
use automation::clock::Running;
use automation::fault::{Code, Fault};
use automation::id::{DestinationId, SourceId};
use automation::spec::{ChannelSpec, Source as SourceSpec};
use automation::status::{Arriving, ChannelStatus, LiveStatus, SourceState, SourceStatus};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn status(
    spec: &ChannelSpec,
    program: &Program,
    sources: &BTreeMap<SourceId, Arc<Source>>,
    destinations: &BTreeMap<DestinationId, Destination>,
    heads: &Heads,
    captures: Vec<CaptureDevice>,
) -> ChannelStatus {
    let now = running();
    let view = program.view();
    let live = spec.live.as_ref().map(|live| LiveStatus {
        session: live.session.clone(),
        countdown_ms: live.at.ms_since(now),
        since_ms: live.since_ms(now),
    });
    ChannelStatus {
        channel: spec.channel.clone(),
        generation: spec.generation,
        pid: std::process::id(),
        started: program.start,
        now,
        program: view.program,
        on_air: view.on_air,
        timeline: view.timeline,
        live,
        overlays: view.overlays,
        meters: view.meters,
        sources: spec
            .sources
            .iter()
            .filter_map(|s| {
                let status = source(s, sources.get(&s.id)?, view.sources.get(&s.id).copied(), now);
                Some(SourceStatus { ptz: heads.status(&s.id), ..status })
            })
            .collect(),
        destinations: spec.destinations.iter().filter_map(|d| Some(destinations.get(&d.id)?.status())).collect(),
        captures,
        faults: view.faults,
    }
}

fn source(spec: &SourceSpec, running: &Source, state: Option<SourceState>, now: Running) -> SourceStatus {
    let mut status = SourceStatus {
        id: spec.id.clone(),
        state: state.unwrap_or(SourceState::Connecting),
        width: 0,
        height: 0,
        fps: 0.0,
        sound: false,
        picture_age_ms: None,
        stands_by: false,
        attempt: 0,
        fault: None,
        sound_only: spec.is_sound_only(),
        level_db: None,
        arriving: None,
        ptz: None,
    };
    match running {
        Source::Live(live) => {
            let facts = live.shared.facts();
            (status.width, status.height) = facts.size;
            status.sound = facts.sound;
            status.picture_age_ms = facts.last_picture.map(|at| now.ms_since(at));
            status.attempt = live.shared.attempt();
            status.stands_by = live.shared.decoder.stands_by();
            let fresh = status.picture_age_ms.is_some_and(|age| age < 2_000);
            status.fps = if fresh { facts.meter.fps } else { 0.0 };
            status.arriving = (facts.connections > 0).then(|| Arriving {
                formats: facts.formats.into_iter().flatten().map(str::to_owned).collect(),
                kbps: if fresh { facts.meter.kbps } else { 0 },
                bytes: facts.meter.bytes,
                jitter_ms: facts.way.jitter_ms,
                buffer_ms: facts.way.buffer_ms,
                jumps: facts.way.jumps,
                connections: facts.connections,
            });
            status.level_db = (fresh && facts.sound).then(|| decibels(live.shared.store.peak()));
            status.fault = facts.fault.map(|fault| named(fault, spec));
            let seen = match status.state {
                SourceState::Lost => Some(Code::SourceLost),
                SourceState::Frozen => Some(Code::SourceFrozen),
                SourceState::Black => Some(Code::SourceBlack),
                SourceState::Silent => Some(Code::SourceSilent),
                SourceState::Unstable => Some(Code::SourceUnstable),
                SourceState::Connecting | SourceState::Settling | SourceState::Online => None,
            };
            let too_slow = fresh && live.shared.decoder.is_too_slow(now);
            let seen = too_slow.then_some(Code::SourceTooMuch).or(seen);
            status.fault = status.fault.or_else(|| seen.map(|code| named(Fault::new(code, ""), spec)));
        }
        Source::Media(files) => {
            let (size, sound) = files.facts();
            (status.width, status.height) = size;
            status.sound = sound;
            status.fault = files.fault().map(|fault| named(fault, spec));
            if files.unplayable().is_some() {
                status.state = SourceState::Lost;
            }
        }
        Source::Made(_) => status.state = SourceState::Online,
    }
    status
}

/// A sample as decibels below full scale, to a tenth; −90 and below is silence.
fn decibels(sample: f32) -> f32 {
    ((20.0 * sample.log10()).max(-90.0) * 10.0).round() / 10.0
}

fn named(fault: Fault, spec: &SourceSpec) -> Fault {
    Fault { subject: spec.id.to_string(), ..fault }
}

/// Whether two statuses differ in what a person would notice; counters and clocks always differ.
pub(super) fn differs(old: Option<&ChannelStatus>, new: Option<&ChannelStatus>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return old.is_some() != new.is_some() };
    let source = |s: &SourceStatus| (s.id.clone(), s.state, s.fault.clone(), s.ptz.clone());
    let timeline = |s: &ChannelStatus| s.timeline.as_ref().map(|t| (t.cue.clone(), t.paused, t.running));
    old.generation != new.generation
        || old.on_air != new.on_air
        || old.faults != new.faults
        || old.captures != new.captures
        || timeline(old) != timeline(new)
        || !old.sources.iter().map(source).eq(new.sources.iter().map(source))
        || !old
            .destinations
            .iter()
            .map(|d| (&d.id, d.state, d.sessions, d.renewal_ms.is_some(), &d.fault))
            .eq(new.destinations.iter().map(|d| (&d.id, d.state, d.sessions, d.renewal_ms.is_some(), &d.fault)))
        || old.overlays.iter().map(|o| &o.cue).ne(new.overlays.iter().map(|o| &o.cue))
}
