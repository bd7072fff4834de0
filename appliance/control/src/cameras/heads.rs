//! Heads that people move by hand. One conversation per source, kept while it is used; a movement that is not renewed is
//! stopped, so that a lost page leaves no camera turning.

use super::{blocking, refused};
use crate::doc;
use crate::refusal::Refusal;
use crate::store::Wanted;
use automation::fault::Code;
use automation::follow::Place;
use automation::spec::{PRESET_CHARS_MAX, Ptz, SourceKind};
use camera::{CameraError, Credentials, Head, Move, Preset};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A movement is stopped when it has not been said again for so long.
const RENEWED: Duration = Duration::from_secs(2);
/// A conversation that is not used is given up after so long.
const IDLE: Duration = Duration::from_secs(60);
/// Conversations that are kept.
const HEADS_MAX: usize = 32;

/// What a person wants of a camera.
pub type Movement = doc::Movement;

/// The heads of all sources.
pub struct Heads {
    permits: Arc<Semaphore>,
    kept: Mutex<BTreeMap<Place, Kept>>,
}

#[derive(Clone)]
struct Kept {
    ptz: Ptz,
    credentials: Credentials,
    head: Arc<Mutex<Head>>,
    used: Instant,
    /// Rises with each movement: whoever finds another number is no longer asked for.
    turn: u64,
}

impl Heads {
    pub(super) fn new(permits: Arc<Semaphore>) -> Heads {
        Heads { permits, kept: Mutex::default() }
    }

    /// The presets of a source's camera.
    pub async fn presets(&self, wanted: &Wanted, place: &Place) -> Result<Vec<Preset>, Refusal> {
        let (name, kept) = self.take(wanted, place)?;
        let listed = self.with(&kept, |head| head.presets()).await;
        listed.map_err(|error| refused(&error, &name))
    }

    /// Begins a movement. It is stopped by itself where it is not said again.
    pub async fn begin(self: &Arc<Self>, wanted: &Wanted, place: &Place, movement: Movement) -> Result<(), Refusal> {
        let movement = parse(movement)?;
        let (name, kept) = self.take(wanted, place)?;
        let along = matches!(movement, Move::Along { .. });
        let told = self.with(&kept, move |head| head.begin(&movement)).await;
        told.map_err(|error| refused(&error, &name))?;
        if along {
            let (heads, place, turn) = (self.clone(), place.clone(), kept.turn);
            tokio::spawn(async move { heads.stop_unless_renewed(&place, turn).await });
        }
        Ok(())
    }

    async fn stop_unless_renewed(&self, place: &Place, turn: u64) {
        tokio::time::sleep(RENEWED).await;
        let kept = self.lock().get(place).filter(|kept| kept.turn == turn).cloned();
        let Some(kept) = kept else { return };
        if let Err(error) = self.with(&kept, |head| head.begin(&Move::Stop)).await {
            tracing::warn!(channel = %place.0, source = %place.1, %error, "a movement could not be stopped");
        }
    }

    /// The conversation with a source's camera, and the source's name. Each taking is a turn of its own.
    fn take(&self, wanted: &Wanted, place: &Place) -> Result<(String, Kept), Refusal> {
        let source = wanted.channel(&place.0)?.spec.sources.iter().find(|source| source.id == place.1);
        let source = source.ok_or_else(|| Refusal::not_found("source", &place.1))?;
        let none = || Refusal::because(Code::Conflict, format!("\"{}\" has no head that could be moved.", source.name));
        let ptz = source.ptz.clone().ok_or_else(none)?;
        let credentials = match &source.kind {
            SourceKind::Camera { user, password, .. } => Credentials { user: user.clone(), password: password.clone() },
            _ => Credentials::default(),
        };
        let mut all = self.lock();
        all.retain(|_, kept| kept.used.elapsed() < IDLE);
        if all.len() >= HEADS_MAX
            && !all.contains_key(place)
            && let Some(oldest) = all.iter().min_by_key(|(_, kept)| kept.used).map(|(place, _)| place.clone())
        {
            all.remove(&oldest);
        }
        let turn = all.get(place).map_or(0, |kept| kept.turn) + 1;
        let same = |kept: &&Kept| kept.ptz == ptz && kept.credentials == credentials;
        let head = match all.get(place).filter(same) {
            Some(kept) => kept.head.clone(),
            None => {
                let head = Head::new(&ptz, &credentials).map_err(|error| refused(&error, &source.name))?;
                Arc::new(Mutex::new(head))
            }
        };
        let kept = Kept { ptz, credentials, head, used: Instant::now(), turn };
        all.insert(place.clone(), kept.clone());
        Ok((source.name.clone(), kept))
    }

    async fn with<T: Send + 'static>(
        &self,
        kept: &Kept,
        work: impl FnOnce(&mut Head) -> Result<T, CameraError> + Send + 'static,
    ) -> Result<T, CameraError> {
        let head = kept.head.clone();
        blocking(&self.permits, move || work(&mut head.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Place, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(movement: Movement) -> Result<Move, Refusal> {
    let within = |place: &str, value: f32| match (-1.0..=1.0).contains(&value) {
        true => Ok(value),
        false => Err(Refusal::wrong(Code::RequestInvalid, place, "must be from -1 to 1")),
    };
    Ok(match movement {
        Movement::Along { pan, tilt, zoom } => Move::Along {
            pan: within("pan", pan)?,
            tilt: within("tilt", tilt)?,
            zoom: within("zoom", zoom)?,
            at_most_ms: RENEWED.as_millis() as u32,
        },
        Movement::Step { pan, tilt, zoom } => {
            Move::Step { pan: within("pan", pan)?, tilt: within("tilt", tilt)?, zoom: within("zoom", zoom)? }
        }
        Movement::Stop => Move::Stop,
        Movement::Preset { token } => {
            let sound = !token.is_empty() && token == camera::tame(&token, PRESET_CHARS_MAX);
            if !sound {
                return Err(Refusal::wrong(Code::RequestInvalid, "token", "must be 1 to 64 characters in one line"));
            }
            Move::Preset(token)
        }
    })
}
