//! Small pictures for the operator's page.

mod jpeg;

pub use jpeg::jpeg;
