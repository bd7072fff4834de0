//! The connections to worker processes. A link dials its worker's socket for ever, whoever started the worker: that
//! is how a new `control` adopts what runs.

mod link;
pub mod previews;

pub use link::{FromWorker, Link, LinkEvent, Outbox};
