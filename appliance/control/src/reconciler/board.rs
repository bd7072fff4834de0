//! The status board from what is wanted and what is known.

use super::seat::Seat;
use crate::as_runs::AsRuns;
use crate::doc::{Board, BoxDoc, ChannelBoard, ChannelDoc, WorkerState};
use crate::store::Wanted;
use crate::units::Post;
use automation::clock::Now;
use automation::fault::{Code, Fault};
use automation::status::ChannelStatus;
use std::collections::BTreeMap;

impl Board {
    /// The board before anything is known.
    pub(super) fn empty(venue: &str) -> Board {
        Board { machine: machine(venue, false), ingest: None, channels: Vec::new(), alerts: Vec::new() }
    }
}

fn machine(venue: &str, clock_trusted: bool) -> BoxDoc {
    BoxDoc { name: venue.to_owned(), version: crate::VERSION.to_owned(), clock_trusted }
}

/// The board now, without alerts.
pub(super) fn build(wanted: &Wanted, seats: &BTreeMap<Post, Seat>, logs: &AsRuns, now: Now) -> Board {
    let channels = wanted.channels.iter().map(|channel| {
        let seat = seats.get(&Post::Channel(channel.doc.id.clone()));
        let status = seat.and_then(|seat| seat.channel.clone()).map(|status| with_sessions(status, logs));
        let mut faults = seat.map(|seat| seat.faults(now.running)).unwrap_or_default();
        faults.extend(too_low(&channel.doc));
        faults.extend(status.iter().flat_map(|status| status.faults.iter().cloned()));
        ChannelBoard {
            id: channel.doc.id.clone(),
            name: channel.doc.name.clone(),
            generation: channel.spec.generation,
            wanted: channel.doc.clone(),
            status,
            worker: seat.map_or(WorkerState::Starting, |seat| seat.state(now.running)),
            faults,
        }
    });
    Board {
        machine: machine(&wanted.venue, now.wall_trusted),
        ingest: seats.get(&Post::Ingest).and_then(|seat| seat.ingest.clone()),
        channels: channels.collect(),
        alerts: Vec::new(),
    }
}

/// A worker counts the connections that it made itself. The broadcast's log knows those of the workers before it, and
/// an audience that was cut off once saw two sessions (N-1).
fn with_sessions(mut status: ChannelStatus, logs: &AsRuns) -> ChannelStatus {
    let log = status.live.as_ref().and_then(|live| logs.of(&status.channel, &live.session));
    let counted = log.iter().flat_map(|log| &log.figures().destinations);
    for known in counted {
        for shown in status.destinations.iter_mut().filter(|shown| shown.id == known.id) {
            shown.sessions = shown.sessions.max(known.sessions);
            shown.renewals = shown.renewals.max(known.renewals);
        }
    }
    status
}

/// Destinations that ask for more than is sent: told, and nothing is held up (D-3).
fn too_low(channel: &ChannelDoc) -> impl Iterator<Item = Fault> {
    channel.too_low.iter().map(|low| {
        let found = channel.destinations.iter().find(|one| one.id == low.destination);
        let name = found.map_or(low.destination.as_str(), |one| &one.name);
        let sent = channel.output.house.video_kbps;
        let text = format!("{name} asks for at least {} kbps at this size, and {sent} kbps are sent.", low.kbps_min);
        Fault::new(Code::BitrateLow, low.destination.as_str()).with_text(text)
    })
}
