//! Carries. One process per channel: sources, the tick mixer, one encoder, the hub and the destinations.
//!
//! The program is a function of the tick: at tick *n* automation says what is on air, and the mixer hands the
//! encoder exactly one picture and its share of sound. Sources and destinations come and go beside it.

pub mod capture;
pub mod clock;
pub mod destination;
pub mod encoder;
mod knock;
mod lock;
pub mod network;
pub mod preview;
pub mod program;
pub mod ptz;
pub mod source;
pub mod watched;
pub mod worker;
