//! Planned new sessions of destinations (D-18): some platforms end what runs on for too long, and RTMP's time has
//! 32 bits. Before that comes a new session: in good order, while little happens on air, one destination after another.
//!
//! ```text
//!   age of a session   0 ──────────── opens ────────────────── presses ────────── latest ──── latest + grace
//!   begins anew           not planned   │ while it is quiet on air │ or at a change  │ now        │ at once
//!                                       │ announced from here on   │ of the picture  │
//! ```
//! Quiet is what stands in for a program: a slate, a test pattern, a loop. Two renewals are [`APART_MS`] apart, and
//! none follows one that did not come back, so that trouble with the new session takes no other destination away. A
//! session that would for that reason become [`GRACE_MS`] older than its latest does not wait.
//! One that is behind, since its line is slow, waits too, up to its latest.
//! Bad input: a session without an age, since it is not live, is left alone.

use crate::clock::Running;
use crate::id::DestinationId;
use crate::spec::{ChannelSpecDraft, Destination, DestinationKind, PublisherRole, SourceKind};
use crate::status::{Carrier, OnAir};

/// Oldest session by RTMP, milliseconds: 20 days. Its time goes back to 0 after 49.7 days, and servers that take it
/// for a signed number break after 24.8.
pub const RTMP_MS_MAX: u64 = 20 * 24 * HOUR_MS;
/// Shortest time between two renewals, milliseconds: by then the first one is known to be sound.
pub const APART_MS: u64 = 30_000;
/// A platform's limit is kept by so much, and a session that waits for others waits no longer, milliseconds.
pub const GRACE_MS: u64 = 300_000;
/// The last part of a session in which a renewal is looked for: one in so many, at most [`WINDOW_MS_MAX`].
const WINDOW_SHARE: u64 = 8;
/// Longest such part, milliseconds: each venue has a quiet hour in a day.
const WINDOW_MS_MAX: u64 = 24 * HOUR_MS;
/// The part of those in which a change of the picture is quiet enough.
const PRESSING_SHARE: u64 = 4;
/// A session that is further behind waits, milliseconds: what it has not sent yet would be lost between the two.
const BEHIND_MS_MAX: u64 = 2_000;
/// For so long after a cut the audience expects something new, milliseconds.
const CHANGE_MS: u64 = 1_000;
const HOUR_MS: u64 = 3_600_000;

/// How old sessions of a destination may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    latest_ms: u64,
}

impl Term {
    /// Of a destination; none where a session may last for ever.
    pub fn of(destination: &Destination) -> Option<Term> {
        let wished = destination.renew_hours.map(|hours| (u64::from(hours) * HOUR_MS).saturating_sub(GRACE_MS));
        let technical = matches!(destination.kind, DestinationKind::Rtmp { .. }).then_some(RTMP_MS_MAX);
        wished.into_iter().chain(technical).min().map(|latest_ms| Term { latest_ms })
    }

    /// Milliseconds until a session of this age begins anew at the latest, once that is planned.
    pub fn announced(self, age_ms: u64) -> Option<u64> {
        (age_ms >= self.latest_ms - self.window_ms()).then(|| self.latest_ms.saturating_sub(age_ms))
    }

    fn window_ms(self) -> u64 {
        (self.latest_ms / WINDOW_SHARE).min(WINDOW_MS_MAX)
    }

    fn is_due(self, age_ms: u64, moment: Moment) -> bool {
        let Some(left_ms) = self.announced(age_ms) else { return false };
        match moment {
            Moment::Quiet => true,
            Moment::Change => left_ms <= self.window_ms() / PRESSING_SHARE,
            Moment::Busy => left_ms == 0,
        }
    }
}

/// What a moment on air is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// What is on air stands in for a program.
    Quiet,
    /// The picture has just changed.
    Change,
    /// Anything else.
    Busy,
}

impl Moment {
    /// What is on air, at a tick.
    pub fn of(spec: &ChannelSpecDraft, on_air: &OnAir, tick: u64) -> Moment {
        let source = on_air.source.as_ref().and_then(|id| spec.sources.iter().find(|source| source.id == *id));
        let stands_in = source.is_none_or(|source| match &source.kind {
            SourceKind::Slate { .. } | SourceKind::TestPattern { .. } => true,
            SourceKind::Rtmp { role, .. } => *role == PublisherRole::Loop,
            SourceKind::Camera { .. }
            | SourceKind::Srt { .. }
            | SourceKind::Udp { .. }
            | SourceKind::Pull { .. }
            | SourceKind::Capture { .. }
            | SourceKind::Media { .. } => false,
        });
        if stands_in || matches!(on_air.carrier, Carrier::Loop | Carrier::Slate | Carrier::SlateByHand) {
            return Moment::Quiet;
        }
        let ticks = CHANGE_MS * u64::from(spec.house.rate.num) / (1_000 * u64::from(spec.house.rate.den));
        if tick.saturating_sub(on_air.since_tick) <= ticks { Moment::Change } else { Moment::Busy }
    }
}

/// A destination that takes part, now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub id: DestinationId,
    /// How old its sessions may become.
    pub term: Term,
    /// Milliseconds of its session's own time; none where it is not live.
    pub age_ms: Option<u64>,
    /// How old what the far side has not acknowledged is, milliseconds.
    pub behind_ms: u64,
}

impl Session {
    fn is_due(&self, age_ms: u64, moment: Moment) -> bool {
        let up_to_date = self.behind_ms <= BEHIND_MS_MAX;
        self.term.is_due(age_ms, moment) && (up_to_date || self.term.announced(age_ms) == Some(0))
    }
}

/// Says whose turn it is.
#[derive(Clone, Debug, Default)]
pub struct Renewals {
    last: Option<(DestinationId, Running)>,
}

impl Renewals {
    /// Looks at all sessions of a channel; answers which one begins anew now.
    pub fn look(&mut self, now: Running, moment: Moment, sessions: &[Session]) -> Option<DestinationId> {
        let due = sessions.iter().filter_map(|one| Some((one, one.age_ms?)));
        let due = due.filter(|(one, age_ms)| one.is_due(*age_ms, moment) && self.may(now, one, *age_ms, sessions));
        let (next, _) = due.min_by_key(|(one, age_ms)| (one.term.latest_ms.saturating_sub(*age_ms), &one.id))?;
        self.last = Some((next.id.clone(), now));
        Some(next.id.clone())
    }

    fn may(&self, now: Running, session: &Session, age_ms: u64, sessions: &[Session]) -> bool {
        let Some((last, at)) = &self.last else { return true };
        let rested = now >= at.plus_ms(APART_MS);
        let away = sessions.iter().any(|one| one.id == *last && one.age_ms.is_none());
        let can_wait = age_ms < session.term.latest_ms.saturating_add(GRACE_MS) || session.id == *last;
        (rested && !away) || !can_wait
    }
}

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod tests;
