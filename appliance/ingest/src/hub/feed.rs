//! The bounded way from the hub to one reader. The hub never waits: a full feed is cut.

use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, watch};

/// Most batches that wait for one reader; a batch is what one read of the publisher's socket brought.
const BATCHES_MAX: usize = 4_096;

/// Most bytes that wait for one reader: about 20 s at 6 Mbit/s. A channel that is so late has lost its place.
pub(crate) const BYTES_MAX: usize = 16 << 20;

struct Batch {
    pieces: Vec<Bytes>,
    /// Bytes that count against [`BYTES_MAX`]: those of the cached GOP do not, they are in memory anyway.
    counted: usize,
}

/// The hub's end.
#[derive(Debug)]
pub(crate) struct Feed {
    batches: mpsc::Sender<Batch>,
    waiting: Arc<AtomicUsize>,
    cut: watch::Sender<bool>,
}

/// The reader's end.
#[derive(Debug)]
pub(crate) struct Outlet {
    batches: mpsc::Receiver<Batch>,
    waiting: Arc<AtomicUsize>,
    cut: watch::Receiver<bool>,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} pieces", self.pieces.len())
    }
}

/// A feed and its outlet.
pub(crate) fn feed() -> (Feed, Outlet) {
    let (batches, outgoing) = mpsc::channel(BATCHES_MAX);
    let waiting = Arc::new(AtomicUsize::new(0));
    let (cut, is_cut) = watch::channel(false);
    (Feed { batches, waiting: waiting.clone(), cut }, Outlet { batches: outgoing, waiting, cut: is_cut })
}

impl Feed {
    /// Hands on what every reader gets first. Answers whether it went.
    pub(crate) fn begin(&self, pieces: Vec<Bytes>) -> bool {
        self.batches.try_send(Batch { pieces, counted: 0 }).is_ok()
    }

    /// Hands on live tags. Answers whether they went; after a no the feed is to be cut.
    pub(crate) fn send(&self, pieces: Vec<Bytes>) -> bool {
        let counted = pieces.iter().map(Bytes::len).sum();
        if self.waiting.fetch_add(counted, Ordering::Relaxed) + counted > BYTES_MAX {
            return false;
        }
        self.batches.try_send(Batch { pieces, counted }).is_ok()
    }

    /// Ends the feed at once: what waits is thrown away. (Dropped without it, what waits is still written.)
    pub(crate) fn cut(self) {
        self.cut.send_replace(true);
    }
}

impl Outlet {
    /// The next pieces to write; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Vec<Bytes>> {
        let batch = self.batches.recv().await?;
        self.waiting.fetch_sub(batch.counted, Ordering::Relaxed);
        Some(batch.pieces)
    }

    /// A way to learn that the feed was cut, while the outlet is in use.
    pub(crate) fn cut(&self) -> Cut {
        Cut(self.cut.clone())
    }
}

/// See [`Outlet::cut`].
#[derive(Debug)]
pub(crate) struct Cut(watch::Receiver<bool>);

impl Cut {
    /// Returns when the feed was cut, and never otherwise.
    pub(crate) async fn happened(&mut self) {
        if self.0.wait_for(|cut| *cut).await.is_err() {
            std::future::pending().await
        }
    }
}
