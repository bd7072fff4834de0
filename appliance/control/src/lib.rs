//! Talks. The API, the store of what is wanted, and the hands that bring what is wanted to the workers.
//!
//! Killing this process changes no picture: workers run on, and are adopted when it comes back.

pub mod api;
pub mod doc;
pub mod refusal;

/// Version of Bandstand.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
