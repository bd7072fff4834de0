//! The conversation with one head. One order is with the camera at a time, the others wait for it and hold nothing that
//! other cameras need; an order is carried out even where whoever gave it has gone.

use super::blocking;
use super::orders::{Orders, RENEWED, says_no};
use automation::follow::Place;
use automation::spec::{Ptz, PtzControl};
use camera::{CameraError, Credentials, Head, Move, Preset};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How often a head is told to stop of itself, until it does.
const STOPS: u32 = 4;
/// How long after a stop that failed it is told again.
const AGAIN: Duration = Duration::from_secs(1);

/// A head that one thread asks at a time; the others wait in their order.
type Asked = Arc<tokio::sync::Mutex<Head>>;

/// A head that people move by hand.
pub(super) struct Conversation {
    control: PtzControl,
    credentials: Credentials,
    /// A source that has this head, for the log.
    place: Place,
    permits: Arc<Semaphore>,
    head: Asked,
    /// The same head once more, for questions: a stop waits for no list.
    questions: Asked,
    orders: Arc<Mutex<Orders>>,
}

impl Conversation {
    /// A conversation in which nothing has been said yet. A permit is held only while the camera is asked.
    pub(super) fn new(
        ptz: &Ptz,
        credentials: Credentials,
        place: Place,
        permits: Arc<Semaphore>,
    ) -> Result<Conversation, CameraError> {
        let head = || Head::new(ptz, &credentials).map(|head| Arc::new(tokio::sync::Mutex::new(head)));
        let (head, questions) = (head()?, head()?);
        let control = ptz.control.clone();
        Ok(Conversation { control, credentials, place, permits, head, questions, orders: Arc::default() })
    }

    /// Whether it is the one with this head, by these credentials.
    pub(super) fn is_with(&self, ptz: &Ptz, credentials: &Credentials) -> bool {
        self.control == ptz.control && self.credentials == *credentials
    }

    /// The presets of the camera. Asking for them is no order.
    pub(super) async fn presets(&self) -> Result<Vec<Preset>, CameraError> {
        self.with(&self.questions, |head| head.presets()).await
    }

    /// Carries out an order. One that is dropped, since a newer one has overtaken it, is as if it had begun and been
    /// ended by the newer one at once.
    pub(super) async fn order(self: &Arc<Self>, movement: Move) -> Result<(), CameraError> {
        let (order, given) = (lock(&self.orders).give(&movement), Instant::now());
        let this = self.clone();
        let carried_out = tokio::spawn(async move {
            let told = this.tell(order, movement.clone(), given).await;
            if lock(&this.orders).must_be_watched(order, &movement, &told) {
                let at = if movement == Move::Stop { Instant::now() + AGAIN } else { given + RENEWED };
                let this = this.clone();
                tokio::spawn(async move { this.stop_unless_ordered(order, at).await });
            }
            told
        });
        carried_out.await.unwrap_or_else(|_| Err(CameraError::Failed("the box could not ask it".into())))
    }

    async fn tell(&self, order: u64, movement: Move, given: Instant) -> Result<(), CameraError> {
        let orders = self.orders.clone();
        let tell = move |head: &mut Head| {
            if !lock(&orders).goes_out(order, &movement, given.elapsed()) {
                return Ok(());
            }
            let told = head.begin(&movement);
            lock(&orders).answered(&movement, &told);
            told
        };
        self.with(&self.head, tell).await
    }

    /// Stops the head at `at`, and again while that fails, unless another order than `order` is given.
    async fn stop_unless_ordered(&self, mut order: u64, mut at: Instant) {
        let (channel, source) = &self.place;
        for _ in 0..STOPS {
            tokio::time::sleep_until(at).await;
            let Some(stop) = lock(&self.orders).stop_after(order) else { return };
            let Err(error) = self.tell(stop, Move::Stop, Instant::now()).await else { return };
            tracing::warn!(%channel, %source, %error, "a movement could not be stopped");
            if says_no(&error) {
                return;
            }
            (order, at) = (stop, Instant::now() + AGAIN);
        }
    }

    async fn with<T: Send + 'static>(
        &self,
        head: &Asked,
        work: impl FnOnce(&mut Head) -> Result<T, CameraError> + Send + 'static,
    ) -> Result<T, CameraError> {
        // The head first: who waits for a camera that is silent holds no permit.
        let mut head = head.clone().lock_owned().await;
        blocking(&self.permits, move || work(&mut head)).await
    }
}

fn lock(orders: &Mutex<Orders>) -> MutexGuard<'_, Orders> {
    orders.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
