//! The thread of a destination.

use super::carrier::{Carrier, TURN as CARRIER_TURN, Turn};
use super::{Shared, Wish, rtmp};
use crate::clock::running;
use crate::encoder::hub::{Format, Hub};
use crate::knock::Knock;
use crate::lock::{hold, whole};
use automation::clock::Running;
use automation::delivery::{Action, Delivery, Event};
use automation::fault::{Code, Fault};
use automation::id::SessionId;
use automation::spec::Destination as Spec;
use automation::status::DestinationState;
use std::sync::Arc;
use std::time::Duration;

/// How long the thread waits for a wish before it looks around.
const TURN: Duration = Duration::from_millis(50);
/// How often a bare TCP connect asks whether the far side is back (D-5).
const KNOCK_MS: u64 = 1_000;
/// Window of the rate shown, milliseconds.
const RATE_MS: u64 = 2_000;

/// Starts it. `start` is the moment of tick 0.
pub(super) fn start(shared: Shared, hub: Arc<Hub>, start: Running) {
    let name = format!("dst-{}", hold(&shared.0).wish.spec.id);
    let ours = shared.clone();
    let mut runner = Runner {
        shared: ours,
        hub,
        start,
        delivery: Delivery::new(),
        session: None,
        made_for: None,
        carrier: None,
        told_acked: None,
        before: (0, 0),
        rate: (start, 0),
        next_knock: start,
        knock: Knock::new(),
    };
    if let Err(error) = std::thread::Builder::new().name(name).spawn(move || runner.run()) {
        tracing::error!(%error, "no thread for a destination");
        hold(&shared.0).gone = true;
    }
}

struct Runner {
    shared: Shared,
    hub: Arc<Hub>,
    start: Running,
    delivery: Delivery,
    session: Option<SessionId>,
    /// The address that the connection was made for.
    made_for: Option<Spec>,
    carrier: Option<Box<dyn Carrier>>,
    /// Bytes that were acknowledged when media was last said to be, on this connection.
    told_acked: Option<u64>,
    /// What earlier connections of this broadcast carried and left out.
    before: (u64, u64),
    rate: (Running, u64),
    next_knock: Running,
    knock: Knock,
}

impl Runner {
    fn run(&mut self) {
        while let Some((wish, network_up)) = self.look() {
            self.begin_session(&wish);
            if network_up {
                self.handle(&wish, Event::NetworkUp);
            }
            let now = running();
            let live = wish.live.as_ref().is_some_and(|(_, at)| now >= *at);
            if self.made_for.as_ref().is_some_and(|made| made.url != wish.spec.url || made.key != wish.spec.key) {
                // Another address or key: what was learned of the old one, a wait above all, does not hold for it.
                self.close(true);
                self.made_for = None;
                self.delivery = Delivery::new();
            }
            self.handle(&wish, Event::Wanted(live && wish.spec.enabled));
            self.turn(&wish);
            if self.delivery.deadline().is_some_and(|due| running() >= due) {
                self.handle(&wish, Event::Elapsed);
            }
            self.publish(&wish);
        }
        self.close(true);
        let mut desk = hold(&self.shared.0);
        desk.status.state = DestinationState::Idle;
        desk.gone = true;
        self.shared.1.notify_all();
    }

    /// What is wanted now, and whether the network came up; without a connection this is also where the thread waits.
    fn look(&mut self) -> Option<(Wish, bool)> {
        let desk = hold(&self.shared.0);
        // The countdown's end is waited for exactly: GO LIVE is when the person sees zero.
        let left = desk.wish.live.as_ref().map(|(_, at)| Duration::from_nanos(at.0.saturating_sub(running().0)));
        let wait = left.filter(|left| !left.is_zero()).map_or(TURN, |left| left.min(TURN));
        let idle = self.carrier.is_none() && !desk.ended;
        let mut desk = if idle { whole(self.shared.1.wait_timeout(desk, wait)).0 } else { desk };
        let network_up = std::mem::take(&mut desk.network_up);
        (!desk.ended).then(|| (desk.wish.clone(), network_up))
    }

    fn begin_session(&mut self, wish: &Wish) {
        let session = wish.live.as_ref().map(|(session, _)| session.clone());
        if self.session == session {
            return;
        }
        self.close(true);
        if session.is_some() {
            // Before the next broadcast the figures of the last one stay to be read.
            self.before = (0, 0);
        }
        self.session = session;
        self.made_for = None;
        // What closes the connection is done already.
        self.delivery.next_broadcast(running());
    }

    fn handle(&mut self, wish: &Wish, event: Event) {
        let failed = match &event {
            Event::Failed(fault) => Some(fault.code),
            Event::Stalled => Some(Code::DestinationStalled),
            _ => None,
        };
        let now = running();
        let action = self.delivery.handle(now, event);
        if let Some(code) = failed {
            let status = self.delivery.status(now);
            let (attempt, wait_ms) = (status.attempt, status.retry_ms);
            tracing::warn!(destination = %wish.spec.id, attempt, wait_ms, fault = code.as_str(), "destination failed, trying again");
            self.close(false);
        }
        match action {
            Some(Action::Connect) => self.connect(wish),
            Some(Action::Disconnect) => self.close(true),
            None => {}
        }
    }

    fn connect(&mut self, wish: &Wish) {
        self.made_for = Some(wish.spec.clone());
        self.told_acked = None;
        self.rate = (running(), 0);
        let Some(format) = self.hub.known_format() else {
            // The encoder gives its first packet within moments of the start.
            return std::thread::sleep(CARRIER_TURN);
        };
        match self.open(wish, &format) {
            Ok(carrier) => self.carrier = Some(carrier),
            Err(fault) => self.handle(wish, Event::Failed(fault)),
        }
    }

    fn open(&self, wish: &Wish, format: &Format) -> Result<Box<dyn Carrier>, Fault> {
        let order = rtmp::Order {
            url: wish.spec.url.clone(),
            key: wish.spec.key.clone(),
            authority: None,
            house: wish.house.clone(),
            first_ms: 0,
        };
        Ok(Box::new(rtmp::Connection::open(order, &self.hub, format)?))
    }

    /// Ends the connection, in good order where it still works.
    fn close(&mut self, works: bool) {
        if let Some(carrier) = self.carrier.take() {
            self.before.0 += carrier.acked();
            self.before.1 += carrier.dropped();
            if works {
                carrier.goodbye();
            }
        }
    }

    /// Carries packets for some milliseconds, or asks whether somebody listens.
    fn turn(&mut self, wish: &Wish) {
        match (&mut self.carrier, self.delivery.status(running()).state) {
            (Some(carrier), _) => match carrier.turn() {
                Turn::Failed(fault) if fault.code == Code::DestinationStalled => self.handle(wish, Event::Stalled),
                Turn::Failed(fault) => self.handle(wish, Event::Failed(fault)),
                Turn::Flowing if self.told_acked != Some(carrier.acked()) => {
                    if self.told_acked.replace(carrier.acked()).is_none() {
                        tracing::info!(destination = %wish.spec.id, "media accepted");
                    }
                    self.handle(wish, Event::MediaAcked);
                }
                Turn::Connecting | Turn::Flowing => {}
            },
            (None, DestinationState::Connecting) => self.connect(wish),
            (None, DestinationState::Waiting) => {
                let (host, port) = (wish.spec.url.host(), wish.spec.url.port());
                if running() >= self.next_knock {
                    self.next_knock = running().plus_ms(KNOCK_MS);
                    self.knock.ask(host, port);
                }
                if let Some(listens) = self.knock.answer(host, port) {
                    self.handle(wish, Event::Reachable(listens));
                }
            }
            (None, _) => {}
        }
    }

    fn publish(&mut self, wish: &Wish) {
        let now = running();
        let told = self.delivery.status(now);
        let off = told.state == DestinationState::Idle && !wish.spec.enabled;
        let mut desk = hold(&self.shared.0);
        let status = &mut desk.status;
        status.state = if off { DestinationState::Off } else { told.state };
        status.attempt = told.attempt;
        status.retry_ms = told.retry_ms;
        status.fault = told.fault.map(|fault| Fault { subject: wish.spec.id.to_string(), ..fault });
        if self.session.is_some() {
            status.sessions = told.sessions;
            status.bytes_acked = self.before.0;
            status.dropped = self.before.1;
        }
        let Some(carrier) = &self.carrier else {
            (status.kbps, status.queue_ms) = (0, 0);
            return;
        };
        status.bytes_acked += carrier.acked();
        status.dropped += carrier.dropped();
        let program_ns = now.0.saturating_sub(self.start.0);
        status.queue_ms = carrier.oldest_ns().map_or(0, |at| program_ns.saturating_sub(at)) / 1_000_000;
        if now.ms_since(self.rate.0) >= RATE_MS {
            status.kbps = (carrier.sent().saturating_sub(self.rate.1) * 8 / now.ms_since(self.rate.0)) as u32;
            self.rate = (now, carrier.sent());
        }
    }
}
