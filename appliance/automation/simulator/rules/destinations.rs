//! What destinations may do, and what files and planned new sessions must.

use super::super::far_side::FarSide;
use super::super::venue::Mode;
use super::{Rules, Verdict, hold};
use automation::clock::Running;
use automation::delivery::{DeliveryStatus, HELD_MS, HURRY_MS_MIN, SOUND_MS};
use automation::fault::Code;
use automation::id::DestinationId;
use automation::renewal::Session;
use automation::spec::{ChannelSpecDraft, DestinationKind};

/// Files go on so soon after there is room again, milliseconds: it is asked for once a second, and tries are apart.
const ROOM_MS: u64 = 5_000;
/// That there is none is told so soon, milliseconds.
const FULL_MS: u64 = 5_000;
/// The limits of planned new sessions, told again, milliseconds.
const HOUR_MS: u64 = 3_600_000;
const RTMP_MS_MAX: u64 = 20 * 24 * HOUR_MS;
const GRACE_MS: u64 = 300_000;
const APART_MS: u64 = 30_000;
/// Who may wait no longer may still wait for a worker to be replaced, milliseconds.
const REPLACED_MS: u64 = 20_000;

#[derive(Default)]
pub(super) struct Tries {
    last: Option<Running>,
    failed: u32,
    /// Somebody began to listen, or a person switched it on: the next try may come early.
    news: bool,
    /// Nobody listened since the last try began.
    away: bool,
    /// When the last session ended that was sound, or the first of a row.
    ended: Option<Running>,
    /// Since when the session carries media.
    carries: Option<Running>,
    sessions: u32,
    /// Troubles of the far side, and wishes of people, that may each cost one session.
    breaks: u32,
    /// A planned new session has ended the one before, which was told to have had so many successors by plan.
    planned: bool,
    doubtful: bool,
    ends_by_plan: bool,
    renewals: u32,
    /// Since when there is room for files, and since when there is none.
    room: Option<Running>,
    full: Option<Running>,
}

impl Rules {
    /// A try begins.
    pub(crate) fn connects(&mut self, id: &DestinationId, now: Running, open: bool) -> Verdict {
        hold(!open, "one connection per destination", || format!("{id} has one already"))?;
        let tries = self.tries.entry(id.clone()).or_default();
        let held = tries.ended.is_some_and(|ended| now <= ended.plus_ms(HELD_MS + 60_000));
        let wait = match tries.failed {
            _ if tries.news || held => HURRY_MS_MIN,
            0 => 0,
            failed => (1000u64 << failed.min(6)).min(60_000),
        };
        if let Some(last) = tries.last {
            hold(now >= last.plus_ms(wait), "no retry storm", || {
                format!(
                    "{id}: {} ms after the try before, failed {}, at least {wait}",
                    now.ms_since(last),
                    tries.failed
                )
            })?;
        }
        (tries.last, tries.news, tries.away) = (Some(now), false, false);
        Ok(())
    }

    /// A connection carries its first media.
    pub(crate) fn session(&mut self, id: &DestinationId, now: Running) -> Verdict {
        let tries = self.tries.entry(id.clone()).or_default();
        tries.sessions += 1;
        tries.carries = Some(now);
        hold(tries.sessions <= 1 + tries.breaks, "one session, unless the far side breaks it", || {
            format!("{id} has {} sessions after {} breaks", tries.sessions, tries.breaks)
        })
    }

    /// Media still flows: after a while the failures before count no more.
    pub(crate) fn carries(&mut self, id: &DestinationId, now: Running) {
        let tries = self.tries.entry(id.clone()).or_default();
        if tries.carries.is_some_and(|since| now >= since.plus_ms(SOUND_MS)) {
            tries.failed = 0;
        }
    }

    /// Another broadcast begins, which waits for nothing.
    pub(crate) fn another_broadcast(&mut self, id: &DestinationId) {
        self.tries.entry(id.clone()).or_default().last = None;
    }

    /// The network came up: news for who waits.
    pub(crate) fn network_up(&mut self, id: &DestinationId) {
        self.tries.entry(id.clone()).or_default().news = true;
    }

    /// A try or a session ended by itself.
    pub(crate) fn ended(&mut self, id: &DestinationId, now: Running, was_live: bool) {
        let tries = self.tries.entry(id.clone()).or_default();
        tries.room = tries.room.filter(|_| !was_live);
        if was_live && tries.failed == 0 {
            tries.ended = Some(now);
        }
        if std::mem::take(&mut tries.ends_by_plan) {
            tries.carries = None;
            return;
        }
        tries.failed += 1;
        tries.carries = None;
    }

    /// A bare connect found somebody: news only where nobody was found since the last try, or the try found nobody.
    pub(crate) fn listens(&mut self, id: &DestinationId) {
        let tries = self.tries.entry(id.clone()).or_default();
        tries.news |= tries.away;
    }

    /// Nobody listens there, as a try or a bare connect found.
    pub(crate) fn away(&mut self, id: &DestinationId) {
        self.tries.entry(id.clone()).or_default().away = true;
    }

    /// Something happened that may cost a destination its session; where a person or a new process did it, the next
    /// try comes at once.
    pub(crate) fn breaks(&mut self, id: &DestinationId, anew: bool) {
        let tries = self.tries.entry(id.clone()).or_default();
        tries.breaks += 1;
        if anew {
            let Tries { sessions, breaks, ended, room, full, planned, renewals, .. } = *tries;
            // Who was switched off in the midst of it begins without a plan, if he was switched off in time.
            let kept = Tries { sessions, breaks, ended, room, full, renewals, ..Tries::default() };
            *tries = Tries { planned, doubtful: planned, ..kept };
        }
    }
}

/// How old a session may become, milliseconds; none where it may last for ever.
fn latest_ms(spec: &ChannelSpecDraft, id: &DestinationId) -> Option<u64> {
    let destination = spec.destinations.iter().find(|destination| destination.id == *id)?;
    let wished = destination.renew_hours.map(|hours| u64::from(hours) * HOUR_MS - GRACE_MS);
    let technical = matches!(destination.kind, DestinationKind::Rtmp { .. }).then_some(RTMP_MS_MAX);
    wished.into_iter().chain(technical).min()
}

impl Rules {
    /// No session becomes older than it may.
    pub(crate) fn ages(&self, spec: &ChannelSpecDraft, sessions: &[Session]) -> Verdict {
        for session in sessions {
            let (Some(age), Some(latest)) = (session.age_ms, latest_ms(spec, &session.id)) else { continue };
            hold(age <= latest + GRACE_MS + REPLACED_MS, "no session becomes too old", || {
                format!("{}: {age} ms, {latest} at the latest", session.id)
            })?;
        }
        Ok(())
    }

    /// A planned new session begins: only when it is due, and not soon after another one, nor after one that stays away,
    /// as long as it can wait.
    pub(crate) fn renews(
        &mut self,
        now: Running,
        id: &DestinationId,
        spec: &ChannelSpecDraft,
        sessions: &[Session],
    ) -> Verdict {
        let age = sessions.iter().find(|session| session.id == *id).and_then(|session| session.age_ms).unwrap_or(0);
        let latest = latest_ms(spec, id).unwrap_or(u64::MAX);
        let opens = latest - (latest / 8).min(24 * HOUR_MS);
        hold(age >= opens, "a session is renewed only when it is due", || format!("{id}: {age} of {latest} ms"))?;
        if let Some((at, last)) = &self.renewed {
            let away = sessions.iter().any(|session| session.id == *last && session.age_ms.is_none());
            let apart = now >= at.plus_ms(APART_MS) && !away;
            hold(
                apart || age >= latest + GRACE_MS || (last == id && now > *at),
                "one renewal after the other",
                || format!("{id}: {} ms after {last}, which is away: {away}", now.ms_since(*at)),
            )?;
        }
        self.renewed = Some((now, id.clone()));
        let tries = self.tries.entry(id.clone()).or_default();
        (tries.planned, tries.ends_by_plan, tries.news) = (true, true, true);
        tries.breaks += 1;
        Ok(())
    }

    /// A session has begun: one that was planned is told as such, and no other.
    pub(crate) fn told_as_planned(&mut self, id: &DestinationId, status: &DeliveryStatus) -> Verdict {
        let tries = self.tries.entry(id.clone()).or_default();
        let (planned, doubtful) = (std::mem::take(&mut tries.planned), std::mem::take(&mut tries.doubtful));
        let planned = planned && (!doubtful || status.renewals > tries.renewals);
        tries.renewals = if status.sessions <= 1 { 0 } else { tries.renewals + u32::from(planned) };
        let right = status.renewals == tries.renewals;
        hold(right, "a planned new session is told as one", || format!("{id}: {status:?}, {} is right", tries.renewals))
    }

    /// Files are written where there is room, and where there is none, that is told.
    pub(crate) fn file(&mut self, now: Running, wanted: bool, far: &FarSide, fault: Option<Code>) -> Verdict {
        let tries = self.tries.entry(far.id.clone()).or_default();
        let full = far.mode == Mode::Full;
        let since = |holds: bool, was: Option<Running>| (holds && wanted).then(|| was.unwrap_or(now));
        (tries.room, tries.full) = (since(!full, tries.room), since(full, tries.full));
        let over = |since: Option<Running>, ms: u64| since.is_some_and(|since| now >= since.plus_ms(ms));
        hold(far.live || !over(tries.room, ROOM_MS), "files go on when there is room", || far.id.to_string())?;
        let told = fault == Some(Code::DestinationDiskFull) && !far.live;
        hold(told || !over(tries.full, FULL_MS), "a full disk is told", || format!("{}: {fault:?}", far.id))
    }
}
