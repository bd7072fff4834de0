//! Heads that people move by hand. One conversation per head, however many sources have it, kept while it is used; a
//! movement that is not renewed is stopped, so that a lost page leaves no camera turning.

use super::conversation::Conversation;
use super::orders::RENEWED;
use super::refused;
use crate::doc;
use crate::refusal::Refusal;
use crate::store::Wanted;
use automation::fault::Code;
use automation::follow::Place;
use automation::spec::{PRESET_CHARS_MAX, SourceKind};
use camera::{Credentials, Move, Preset};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A conversation that is not used is given up after so long.
const IDLE: Duration = Duration::from_secs(60);
/// Conversations that are kept.
const HEADS_MAX: usize = 32;

/// What a person wants of a camera.
pub type Movement = doc::Movement;

/// The heads of all sources.
pub struct Heads {
    permits: Arc<Semaphore>,
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    conversation: Arc<Conversation>,
    used: Instant,
}

impl Heads {
    pub(super) fn new(permits: Arc<Semaphore>) -> Heads {
        Heads { permits, kept: Mutex::default() }
    }

    /// The presets of a source's camera.
    pub async fn presets(&self, wanted: &Wanted, place: &Place) -> Result<Vec<Preset>, Refusal> {
        let (name, conversation) = self.conversation(wanted, place)?;
        conversation.presets().await.map_err(|error| refused(&error, &name))
    }

    /// Begins a movement. It is stopped by itself where it is not said again.
    pub async fn begin(&self, wanted: &Wanted, place: &Place, movement: Movement) -> Result<(), Refusal> {
        let movement = parse(movement)?;
        let (name, conversation) = self.conversation(wanted, place)?;
        conversation.order(movement).await.map_err(|error| refused(&error, &name))
    }

    /// The conversation with a source's camera, and the source's name.
    fn conversation(&self, wanted: &Wanted, place: &Place) -> Result<(String, Arc<Conversation>), Refusal> {
        let source = wanted.channel(&place.0)?.spec.sources.iter().find(|source| source.id == place.1);
        let source = source.ok_or_else(|| Refusal::not_found("source", &place.1))?;
        let none = || Refusal::because(Code::Conflict, format!("\"{}\" has no head that could be moved.", source.name));
        let ptz = source.ptz.as_ref().ok_or_else(none)?;
        let credentials = match &source.kind {
            SourceKind::Camera { user, password, .. } => Credentials { user: user.clone(), password: password.clone() },
            _ => Credentials::default(),
        };
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // One that still has an order to carry out is used.
        all.retain(|kept| kept.used.elapsed() < IDLE || Arc::strong_count(&kept.conversation) > 1);
        if let Some(kept) = all.iter_mut().find(|kept| kept.conversation.is_with(ptz, &credentials)) {
            kept.used = Instant::now();
            return Ok((source.name.clone(), kept.conversation.clone()));
        }
        let new = Conversation::new(ptz, credentials, place.clone(), self.permits.clone());
        let conversation = Arc::new(new.map_err(|error| refused(&error, &source.name))?);
        all.sort_by_key(|kept| std::cmp::Reverse(kept.used));
        all.truncate(HEADS_MAX - 1);
        all.push(Kept { conversation: conversation.clone(), used: Instant::now() });
        Ok((source.name.clone(), conversation))
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
