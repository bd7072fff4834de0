//! Moves the cameras of a channel to the presets of its cues. When, `automation::director` decides; nobody waits for it.
//!
//! ```text
//! order ─► a thread per camera ─► taken ─► arrived
//!             ▲      │               └───► silent, or not there after 20 s: fault
//!             └──────┘ a newer order takes the place of one that has not begun
//! ```
//! Bad input: a camera that does not answer keeps its own thread for some seconds, and nothing else. Its fault stands
//! until it takes an order.

use crate::lock::hold;
use crate::watched::Watched;
use automation::director::CameraMove;
use automation::fault::{Code, Fault};
use automation::id::SourceId;
use automation::spec::{ChannelSpec, Ptz, PtzControl, Source, SourceKind};
use automation::status::PtzStatus;
use camera::{CameraError, Credentials, Head, Move};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Orders that wait for one camera: only the newest counts.
const ORDERS_MAX: usize = 16;
/// So long a refused movement is told; it is tried again, and told again, as long as there is time for it.
const REFUSED_TOLD: Duration = Duration::from_secs(5);
/// How long a head may be on its way: the slowest turn by 360° in about 20 s.
const WAY_MAX: Duration = Duration::from_secs(20);

/// The heads of all cameras of a spec.
#[derive(Default)]
pub struct Heads(BTreeMap<SourceId, Running>);

/// A head, and the thread that talks to it.
struct Running {
    wish: Wish,
    orders: SyncSender<String>,
    status: Arc<Mutex<PtzStatus>>,
    /// The last movement that was refused, and when.
    refused: Mutex<Option<(Fault, Instant)>>,
}

/// What a head depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wish {
    name: String,
    ptz: Ptz,
    credentials: Credentials,
}

impl Heads {
    /// Follows a spec. A head that stays as it is goes on.
    pub fn take(&mut self, spec: &ChannelSpec) {
        let wishes: BTreeMap<&SourceId, Wish> =
            spec.sources.iter().filter_map(|source| Some((&source.id, wish(source)?))).collect();
        self.0.retain(|id, running| wishes.get(id) == Some(&running.wish));
        for (id, wish) in wishes {
            if !self.0.contains_key(id)
                && let Some(running) = Running::start(id, wish)
            {
                self.0.insert(id.clone(), running);
            }
        }
    }

    /// Gives an order, and returns at once. A camera that another channel has on air is left where it is, unless the cue
    /// allows it, and that is told; the answer is false then.
    pub fn begin(&self, movement: &CameraMove, watched: &mut Watched) -> bool {
        let CameraMove { source, preset, cue, on_air, anyway } = movement;
        let Some(head) = self.0.get(source) else { return true };
        if !anyway && watched.is_seen_elsewhere(&head.wish.ptz.control) {
            tracing::info!(%source, preset, %cue, "a camera that another channel has on air is not moved");
            let text = format!("{}: another channel has it on air, so it stays where it is.", head.wish.name);
            let remedy = "Move it by hand when it is off the air there, or plan the two channels apart.";
            let fault = Fault::new(Code::PresetSkipped, source.as_str()).with_text(text).with_remedy(remedy);
            *hold(&head.refused) = Some((fault, Instant::now()));
            return false;
        }
        tracing::info!(%source, preset, %cue, on_air, "a camera is moved");
        match head.orders.try_send(preset.clone()) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => tracing::warn!(%source, "a camera has too many orders: one is left out"),
            Err(TrySendError::Disconnected(_)) => tracing::error!(%source, "nobody moves the camera any more"),
        }
        true
    }

    /// How these sources' heads are told; those that have one.
    pub fn controls<'a>(&'a self, sources: impl Iterator<Item = &'a SourceId>) -> impl Iterator<Item = &'a PtzControl> {
        sources.filter_map(|source| Some(&self.0.get(source)?.wish.ptz.control))
    }

    /// For the status.
    pub fn status(&self, source: &SourceId) -> Option<PtzStatus> {
        let head = self.0.get(source)?;
        let status = hold(&head.status).clone();
        let refused = hold(&head.refused).clone().filter(|(_, at)| at.elapsed() < REFUSED_TOLD);
        Some(PtzStatus { fault: status.fault.or(refused.map(|(fault, _)| fault)), ..status })
    }
}

fn wish(source: &Source) -> Option<Wish> {
    let credentials = match &source.kind {
        SourceKind::Camera { user, password, .. } => Credentials { user: user.clone(), password: password.clone() },
        _ => Credentials::default(),
    };
    Some(Wish { name: source.name.clone(), ptz: source.ptz.clone()?, credentials })
}

impl Running {
    fn start(id: &SourceId, wish: Wish) -> Option<Running> {
        let (orders, waiting) = sync_channel(ORDERS_MAX);
        let status = Arc::new(Mutex::new(PtzStatus::default()));
        let thread = Operator { id: id.clone(), wish: wish.clone(), waiting, status: status.clone(), next: None };
        match std::thread::Builder::new().name("ptz".into()).spawn(move || thread.run()) {
            Ok(_) => Some(Running { wish, orders, status, refused: Mutex::default() }),
            Err(error) => {
                tracing::error!(%error, source = %id, "no thread for the camera's head");
                None
            }
        }
    }
}

/// Talks to one head, on a thread of its own, until nobody gives orders any more.
struct Operator {
    id: SourceId,
    wish: Wish,
    waiting: Receiver<String>,
    status: Arc<Mutex<PtzStatus>>,
    /// An order that came while another was carried out.
    next: Option<String>,
}

impl Operator {
    fn run(mut self) {
        let mut head = None;
        while let Some(preset) = self.order() {
            *hold(&self.status) = PtzStatus { preset: Some(preset.clone()), moving: true, fault: None };
            let moved = self.carry_out(&mut head, &preset);
            if self.next.is_some() {
                continue;
            }
            let fault = moved.err().map(|error| {
                tracing::warn!(source = %self.id, preset, %error, "a camera was not moved");
                head = None;
                error.fault(self.id.as_str(), &self.wish.name)
            });
            let mut status = hold(&self.status);
            (status.moving, status.fault) = (false, fault);
        }
    }

    /// The newest order.
    fn order(&mut self) -> Option<String> {
        let first = match self.next.take() {
            Some(next) => next,
            None => self.waiting.recv().ok()?,
        };
        Some(self.waiting.try_iter().last().unwrap_or(first))
    }

    fn carry_out(&mut self, head: &mut Option<Head>, preset: &str) -> Result<(), CameraError> {
        let begun = Instant::now();
        let head = match head {
            Some(head) => head,
            None => head.insert(Head::new(&self.wish.ptz, &self.wish.credentials)?),
        };
        head.begin(&Move::Preset(preset.to_owned()))?;
        tracing::info!(source = %self.id, preset, ms = begun.elapsed().as_millis(), "the camera is on its way");
        while begun.elapsed() < WAY_MAX {
            if head.arrived()? {
                tracing::info!(source = %self.id, preset, ms = begun.elapsed().as_millis(), "the camera has arrived");
                return Ok(());
            }
            match self.waiting.try_recv() {
                Ok(next) => {
                    self.next = Some(next);
                    return Ok(());
                }
                Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) => {}
            }
        }
        Err(CameraError::Late { preset: preset.to_owned(), seconds: WAY_MAX.as_secs() })
    }
}
