//! One destination in one broadcast: when to connect, and when to try again (D-4, D-5).
//!
//! ```text
//!            Wanted(true) / Connect              MediaAcked
//!     Idle ───────────────────────► Connecting ───────────► Live
//!      ▲                             │      ▲                │
//!      │ Wanted(false) / Disconnect  │      │ Elapsed,       │ Failed; Stalled / Disconnect
//!      ├─────────────────────────────┤      │ Reachable(true)│
//!      │                 Failed, Stalled,   │ / Connect      │
//!      │                 Elapsed / Disconnect                │
//!      │                             ▼      │                │
//!      └────────────────────────── Waiting ◄────────────────-┘
//!                                                Renew / Disconnect, and Connect at once
//! ```
//! Waits grow from 2 s to 60 s, and begin anew once a connection has carried media for [`SOUND_MS`]: a platform that
//! takes a connection and hangs up soon is not hurried. For two minutes after a session of ours ended, the platform may
//! still hold its name: then a try every 2 to 5 s, and a refusal is not called a bad key; the next broadcast knows of
//! it too. A destination that begins to listen is tried at once, and so is one that waits when the network comes up,
//! but no more often than every [`HURRY_MS_MIN`]. A planned new session (see [`crate::renewal`]) ends one that is live, in
//! good order, and is tried at once; it is no fault.
//! Bad input: an event that does not fit the state is ignored, so a late answer of a try that was given up does no harm.

use crate::backoff::{Backoff, Steps};
use crate::clock::Running;
use crate::fault::{Code, Fault};
use crate::status::DestinationState;

/// Longest try, milliseconds: from Connect to the first acknowledged media.
pub const TRY_MS_MAX: u64 = 15_000;
/// How long a live connection may go without an acknowledged byte before the edge calls it stalled, milliseconds. A
/// platform that freezes for 20 s keeps its connection.
pub const STALL_MS: u64 = 30_000;
/// How long a connection must carry acknowledged media before the count of failed tries begins anew, milliseconds.
pub const SOUND_MS: u64 = 20_000;
/// How long a platform may hold the name of a session that ended, milliseconds.
pub const HELD_MS: u64 = 120_000;
/// Shortest time between two tries, however often the far side begins to listen, milliseconds.
pub const HURRY_MS_MIN: u64 = 2_000;
/// The failed try in a row with which the operator is alerted (D-4).
pub const ALERT_ATTEMPT: u32 = 10;
/// Waits while a platform may hold our name, milliseconds; the last one repeats.
const HELD_WAITS_MS: [u64; 4] = [2_000, 3_000, 4_000, 5_000];

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A broadcast runs and the destination is switched on, or not.
    Wanted(bool),
    /// The far side acknowledged media of this connection, the first or more of it.
    MediaAcked,
    /// The try or the connection ended, by itself.
    Failed(Fault),
    /// The connection is there and takes no data.
    Stalled,
    /// A bare TCP connect, once a second while it waits, found somebody listening, or nobody.
    Reachable(bool),
    /// A link or a route of this machine came up.
    NetworkUp,
    /// Its time has come for a planned new session.
    Renew,
    /// The deadline has come.
    Elapsed,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Begin a try: a new connection.
    Connect,
    /// Close the connection, or give up the try.
    Disconnect,
}

/// What it tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryStatus {
    /// `Idle`, `Connecting`, `Live` or `Waiting`; the edge says `Off` for `Idle` where a person switched it off.
    pub state: DestinationState,
    /// Connections that carried media.
    pub sessions: u32,
    /// Those that followed one which was ended by plan.
    pub renewals: u32,
    /// Failed tries in a row.
    pub attempt: u32,
    /// Milliseconds until the next try.
    pub retry_ms: Option<u64>,
    /// Why it is not live.
    pub fault: Option<Fault>,
    /// Whether it failed so often that a person should know.
    pub alert: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Connecting {
        since: Running,
    },
    /// Media is acknowledged since then.
    Live {
        since: Running,
    },
    Waiting {
        until: Running,
    },
}

/// Keeps one connection to one destination, for one broadcast: the next broadcast gets a new one.
#[derive(Clone, Debug)]
pub struct Delivery {
    state: State,
    backoff: Backoff,
    sessions: u32,
    renewals: u32,
    /// The last session was ended by plan, and the next one is not live yet.
    planned: bool,
    fault: Option<Fault>,
    /// Until when the platform may hold the name of our last session: a refusal is no bad key.
    held_until: Option<Running>,
    /// Until when it is tried every few seconds for that reason.
    quick_until: Option<Running>,
    /// When the last try began.
    tried: Option<Running>,
    /// Whether nobody listened since the last try failed: only then does somebody listening mean a change.
    was_unreachable: bool,
    /// The next try, and the last one, come before their time, for somebody seems to be there.
    hurries: bool,
    hurried: bool,
}

impl Default for Delivery {
    fn default() -> Delivery {
        Delivery::new()
    }
}

impl Delivery {
    /// Not wanted yet.
    pub fn new() -> Delivery {
        Delivery {
            state: State::Idle,
            backoff: Backoff::new(Steps::DESTINATION),
            sessions: 0,
            renewals: 0,
            planned: false,
            fault: None,
            held_until: None,
            quick_until: None,
            tried: None,
            was_unreachable: false,
            hurries: false,
            hurried: false,
        }
    }

    /// Begins anew, for the next broadcast. What a platform may still hold of ours is not forgotten.
    pub fn next_broadcast(&mut self, now: Running) -> Option<Action> {
        let action = self.handle(now, Event::Wanted(false));
        let Delivery { held_until, quick_until, .. } = *self;
        *self = Delivery { held_until, quick_until, ..Delivery::new() };
        action
    }

    /// Takes an event; answers what to do.
    pub fn handle(&mut self, now: Running, event: Event) -> Option<Action> {
        match (self.state, event) {
            (State::Idle, Event::Wanted(true)) => Some(self.connect(now)),
            (State::Idle, _) | (_, Event::Wanted(true)) => None,
            (state, Event::Wanted(false)) => {
                self.leave(now);
                self.backoff.succeeded();
                self.fault = None;
                self.planned = false;
                self.hurries = false;
                self.state = State::Idle;
                matches!(state, State::Connecting { .. } | State::Live { .. }).then_some(Action::Disconnect)
            }
            (State::Connecting { .. }, Event::MediaAcked) => {
                self.state = State::Live { since: now };
                // Whoever said that somebody is there was right.
                self.hurried = false;
                self.sessions = self.sessions.saturating_add(1);
                // Both at once: what is shown beside each other belongs together.
                self.renewals = self.renewals.saturating_add(u32::from(std::mem::take(&mut self.planned)));
                self.fault = None;
                None
            }
            (State::Live { since }, Event::MediaAcked) => {
                if now >= since.plus_ms(SOUND_MS) {
                    self.backoff.succeeded();
                }
                None
            }
            (State::Live { .. }, Event::Renew) => {
                self.leave(now);
                self.planned = true;
                // At once, but for a session that has only just begun.
                let earliest = self.tried.map_or(now, |tried| tried.plus_ms(HURRY_MS_MIN));
                self.state = State::Waiting { until: earliest.max(now) };
                Some(Action::Disconnect)
            }
            (State::Connecting { .. } | State::Live { .. }, Event::Failed(fault)) => {
                self.failed(now, fault);
                None
            }
            (State::Connecting { .. } | State::Live { .. }, Event::Stalled) => {
                self.failed(now, Fault::new(Code::DestinationStalled, ""));
                Some(Action::Disconnect)
            }
            (State::Connecting { since }, Event::Elapsed) if now >= since.plus_ms(TRY_MS_MAX) => {
                self.failed(now, Fault::new(Code::DestinationUnreachable, ""));
                Some(Action::Disconnect)
            }
            (State::Waiting { until }, Event::Elapsed) if now >= until => Some(self.connect(now)),
            (State::Waiting { until }, Event::Reachable(reachable)) => self.probed(now, until, reachable),
            (State::Waiting { until }, Event::NetworkUp) => self.network_up(now, until),
            (
                _,
                Event::MediaAcked
                | Event::Failed(_)
                | Event::Stalled
                | Event::Reachable(_)
                | Event::NetworkUp
                | Event::Renew
                | Event::Elapsed,
            ) => None,
        }
    }

    /// When to tell it that time has elapsed.
    pub fn deadline(&self) -> Option<Running> {
        match self.state {
            State::Connecting { since } => Some(since.plus_ms(TRY_MS_MAX)),
            State::Waiting { until } => Some(until),
            State::Idle | State::Live { .. } => None,
        }
    }

    /// What it tells of itself.
    pub fn status(&self, now: Running) -> DeliveryStatus {
        let attempt = self.backoff.attempt();
        let (state, retry_ms) = match self.state {
            State::Idle => (DestinationState::Idle, None),
            State::Connecting { .. } => (DestinationState::Connecting, None),
            State::Live { .. } => (DestinationState::Live, None),
            State::Waiting { until } => (DestinationState::Waiting, Some(until.ms_since(now))),
        };
        let alert = attempt >= ALERT_ATTEMPT;
        let (sessions, renewals) = (self.sessions, self.renewals);
        DeliveryStatus { state, sessions, renewals, attempt, retry_ms, fault: self.fault.clone(), alert }
    }

    fn connect(&mut self, now: Running) -> Action {
        self.state = State::Connecting { since: now };
        self.tried = Some(now);
        self.was_unreachable = false;
        self.hurried = std::mem::take(&mut self.hurries);
        Action::Connect
    }

    /// Remembers that a session ended, if there was one.
    fn leave(&mut self, now: Running) {
        if !matches!(self.state, State::Live { .. }) {
            return;
        }
        self.held_until = Some(now.plus_ms(HELD_MS));
        // One that hangs up on each connection is not tried every few seconds for ever.
        if self.backoff.attempt() == 0 {
            self.quick_until = self.held_until;
        }
    }

    fn failed(&mut self, now: Running, fault: Fault) {
        self.leave(now);
        let stands = |until: Option<Running>| until.is_some_and(|until| now < until);
        let (held, quick) = (stands(self.held_until), stands(self.quick_until));
        let refused = fault.code == Code::DestinationRefused;
        self.was_unreachable = match fault.code {
            Code::DestinationUnreachable => true,
            // Room that is there at the next look is news, as long as the last look at it was not wrong.
            Code::DestinationDiskFull | Code::DestinationDiskFailed | Code::DestinationDiskMissing => !self.hurried,
            _ => false,
        };
        let attempt = self.backoff.attempt();
        let mut wait_ms = self.backoff.failed(now);
        self.fault = Some(fault);
        if quick {
            let last = HELD_WAITS_MS.len() - 1;
            wait_ms = HELD_WAITS_MS[(attempt as usize).min(last)];
        }
        if refused && held {
            let subject = self.fault.take().map_or(String::new(), |fault| fault.subject);
            let text = "The platform does not take the stream back yet: it may still hold the earlier connection.";
            self.fault = Some(Fault::new(Code::DestinationLost, subject).with_text(text));
        } else if refused {
            // No retry mends a wrong key (D-4).
            wait_ms = Steps::DESTINATION.cap_ms;
        }
        self.state = State::Waiting { until: now.plus_ms(wait_ms) };
    }

    /// A sign of life cuts the wait short, once for each time that nobody listened before.
    fn probed(&mut self, now: Running, until: Running, reachable: bool) -> Option<Action> {
        if !reachable {
            self.was_unreachable = true;
            return None;
        }
        if !self.was_unreachable {
            return None;
        }
        self.hurries = true;
        self.hurry(now, until)
    }

    /// A way to the platform may be there again. It mends no wrong key.
    fn network_up(&mut self, now: Running, until: Running) -> Option<Action> {
        let refused = self.fault.as_ref().is_some_and(|fault| fault.code == Code::DestinationRefused);
        if refused { None } else { self.hurry(now, until) }
    }

    /// Tries now, or as soon as a try may follow the last one.
    fn hurry(&mut self, now: Running, until: Running) -> Option<Action> {
        let earliest = self.tried.map_or(now, |tried| tried.plus_ms(HURRY_MS_MIN));
        if now >= earliest {
            return Some(self.connect(now));
        }
        self.state = State::Waiting { until: until.min(earliest) };
        None
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
