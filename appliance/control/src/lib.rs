//! Talks. The API, the store of what is wanted, and the hands that bring what is wanted to the workers.
//!
//! Killing this process changes no picture: workers run on, and are adopted when it comes back.

pub mod alerts;
pub mod api;
pub mod as_runs;
pub mod cameras;
pub mod clock;
pub mod commands;
pub mod doc;
pub mod doctor;
pub mod lifeline;
pub mod media;
pub mod network;
pub mod panel;
pub mod reconciler;
pub mod refusal;
pub mod run;
pub mod sign_in;
pub mod store;
pub mod system;
pub mod trial;
pub mod units;
pub mod workers;
pub mod zones;

/// Version of Bandstand.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
