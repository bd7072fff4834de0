//! The thread of a destination.

use super::carrier::{Carrier, Intake, TURN as CARRIER_TURN, Turn};
use super::{Ground, Shared, Wish, file, rtmp, srt};
use crate::clock::running;
use crate::encoder::hub::Format;
use crate::knock::Knock;
use crate::lock::{hold, whole};
use automation::clock::Running;
use automation::delivery::{Action, Delivery, Event};
use automation::fault::{Code, Fault};
use automation::id::SessionId;
use automation::renewal::Term;
use automation::spec::{Destination as Spec, DestinationKind, Medium};
use automation::status::DestinationState;
use std::time::Duration;

/// How long the thread waits for a wish before it looks around.
const TURN: Duration = Duration::from_millis(50);
/// How often it is asked whether the far side is back (D-5).
const KNOCK_MS: u64 = 1_000;
/// Window of the rate shown, milliseconds.
const RATE_MS: u64 = 2_000;

/// Starts it.
pub(super) fn start(shared: Shared, ground: Ground) {
    let name = format!("dst-{}", hold(&shared.0).wish.spec.id);
    let start = ground.start;
    let mut runner = Runner {
        shared: shared.clone(),
        ground,
        delivery: Delivery::new(),
        session: None,
        made_for: None,
        carrier: None,
        next_intake: None,
        told_acked: None,
        before: (0, 0),
        rate: (start, 0),
        next_knock: start,
        knock: Knock::new(),
        srt_knock: Knock::by(srt::dial::listens),
    };
    if let Err(error) = std::thread::Builder::new().name(name).spawn(move || runner.run()) {
        tracing::error!(%error, "no thread for a destination");
        hold(&shared.0).gone = true;
    }
}

/// What the thread finds when it looks around.
struct Glance {
    wish: Wish,
    network_up: bool,
    renew: bool,
}

struct Runner {
    shared: Shared,
    ground: Ground,
    delivery: Delivery,
    session: Option<SessionId>,
    /// The address that the connection was made for.
    made_for: Option<Spec>,
    carrier: Option<Box<dyn Carrier>>,
    /// For the connection after a planned end: it takes packets from before the goodbye on, so none is missed.
    next_intake: Option<Intake>,
    /// Bytes that were acknowledged when media was last said to be, on this connection.
    told_acked: Option<u64>,
    /// What earlier connections of this broadcast carried and left out.
    before: (u64, u64),
    rate: (Running, u64),
    next_knock: Running,
    knock: Knock,
    srt_knock: Knock,
}

impl Runner {
    fn run(&mut self) {
        while let Some(Glance { wish, network_up, renew }) = self.look() {
            self.begin_session(&wish);
            if network_up {
                self.handle(&wish, Event::NetworkUp);
            }
            if renew {
                self.renew(&wish);
            }
            let now = running();
            let live = wish.live.as_ref().is_some_and(|(_, at)| now >= *at);
            if self.made_for.as_ref().is_some_and(|made| made.kind != wish.spec.kind) {
                // Another address or key: what was learned of the old one, a wait above all, does not hold for it.
                self.close(true);
                self.made_for = None;
                self.next_intake = None;
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

    /// What is wanted now, and what happened; without a connection this is also where the thread waits.
    fn look(&mut self) -> Option<Glance> {
        let desk = hold(&self.shared.0);
        // The countdown's end is waited for exactly: GO LIVE is when the person sees zero.
        let left = desk.wish.live.as_ref().map(|(_, at)| Duration::from_nanos(at.0.saturating_sub(running().0)));
        let wait = left.filter(|left| !left.is_zero()).map_or(TURN, |left| left.min(TURN));
        let idle = self.carrier.is_none() && !desk.ended;
        let mut desk = if idle { whole(self.shared.1.wait_timeout(desk, wait)).0 } else { desk };
        let (network_up, renew) = (std::mem::take(&mut desk.network_up), std::mem::take(&mut desk.renew));
        (!desk.ended).then(|| Glance { wish: desk.wish.clone(), network_up, renew })
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
        self.next_intake = None;
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

    /// A planned new session: it begins on the last keyframe before the old one's end.
    fn renew(&mut self, wish: &Wish) {
        if self.delivery.status(running()).state != DestinationState::Live {
            return;
        }
        let session_ms = self.carrier.as_ref().map(|carrier| carrier.time_ms());
        tracing::info!(destination = %wish.spec.id, session_ms, "a planned new session");
        self.next_intake = Some(Intake::join_planned(&self.ground.hub));
        self.handle(wish, Event::Renew);
        self.handle(wish, Event::Elapsed);
    }

    fn connect(&mut self, wish: &Wish) {
        self.made_for = Some(wish.spec.clone());
        self.told_acked = None;
        self.rate = (running(), 0);
        let Some(format) = self.ground.hub.known_format() else {
            // The encoder gives its first packet within moments of the start.
            return std::thread::sleep(CARRIER_TURN);
        };
        match self.open(wish, &format) {
            Ok(carrier) => self.carrier = Some(carrier),
            Err(fault) => self.handle(wish, Event::Failed(fault)),
        }
    }

    fn open(&mut self, wish: &Wish, format: &Format) -> Result<Box<dyn Carrier>, Fault> {
        let hub = &self.ground.hub;
        let intake = self.next_intake.take().unwrap_or_else(|| Intake::join(hub));
        match &wish.spec.kind {
            DestinationKind::Rtmp { url, key, authority } => {
                let order = rtmp::Order {
                    url: url.clone(),
                    key: key.clone(),
                    authority: authority.clone(),
                    house: wish.house.clone(),
                    first_ms: if self.delivery.status(running()).sessions == 0 { rtmp::first_ms() } else { 0 },
                };
                Ok(Box::new(rtmp::Connection::open(order, hub, intake, format)?))
            }
            DestinationKind::Srt { url, passphrase, stream_id, latency_ms } => {
                let order = srt::Order {
                    url: url.clone(),
                    passphrase: passphrase.clone(),
                    stream_id: stream_id.clone(),
                    latency_ms: *latency_ms,
                };
                Ok(Box::new(srt::Connection::open(order, hub, intake, format)?))
            }
            kind @ DestinationKind::File { .. } => {
                let order = self.files(kind).ok_or_else(|| Fault::new(Code::Internal, ""))?;
                Ok(Box::new(file::Writer::open(order, hub, intake.unpaced(), format)?))
            }
        }
    }

    /// What a destination of files is to write; none for other kinds.
    fn files(&self, kind: &DestinationKind) -> Option<file::Order> {
        let DestinationKind::File { medium, folder, container, part_minutes, keep_mb, leave_mb } = kind else {
            return None;
        };
        let channel = self.ground.channel.as_str();
        let (root, disk) = match medium {
            Medium::Card => (&self.ground.roots.files, None),
            Medium::Disk => (&self.ground.roots.disk, Some(self.ground.roots.disk.clone())),
        };
        Some(file::Order {
            folder: file::path(root, channel, folder),
            disk,
            stem: channel.to_owned(),
            container: *container,
            part_minutes: *part_minutes,
            keep_mb: *keep_mb,
            leave_mb: *leave_mb,
        })
    }

    /// Whether the far side would take a connection, asked once a second. None without an answer.
    fn listens(&mut self, kind: &DestinationKind) -> Option<bool> {
        let due = running() >= self.next_knock;
        if due {
            self.next_knock = running().plus_ms(KNOCK_MS);
        }
        let (knock, host, port) = match kind {
            DestinationKind::Rtmp { url, .. } => (&mut self.knock, url.host(), url.port()),
            DestinationKind::Srt { url, .. } => (&mut self.srt_knock, url.host(), url.port()),
            DestinationKind::File { .. } if due => return self.files(kind).as_ref().map(file::is_ready),
            DestinationKind::File { .. } => return None,
        };
        if due {
            knock.ask(host, port);
        }
        knock.answer(host, port)
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
                if let Some(listens) = self.listens(&wish.spec.kind) {
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
            status.renewals = told.renewals;
            status.bytes_acked = self.before.0;
            status.dropped = self.before.1;
        }
        let live = self.carrier.as_ref().filter(|_| told.state == DestinationState::Live);
        status.session_ms = live.map(|carrier| carrier.time_ms());
        let term = Term::of(&wish.spec);
        status.renewal_ms = status.session_ms.zip(term).and_then(|(age_ms, term)| term.announced(age_ms));
        let oldest_ns = self.carrier.as_ref().and_then(|carrier| carrier.oldest_ns());
        desk.oldest = oldest_ns.map(|pts_ns| Running(self.ground.start.0 + pts_ns));
        desk.published = now;
        let status = &mut desk.status;
        let Some(carrier) = &self.carrier else {
            status.kbps = 0;
            return;
        };
        status.bytes_acked += carrier.acked();
        status.dropped += carrier.dropped();
        if now.ms_since(self.rate.0) >= RATE_MS {
            status.kbps = (carrier.sent().saturating_sub(self.rate.1) * 8 / now.ms_since(self.rate.0)) as u32;
            self.rate = (now, carrier.sent());
        }
    }
}
