//! The program: the tick mixer and what it mixes with.

mod easel;
mod eyes;
mod layers;
pub mod overlay;
mod phase;
pub mod picture;
mod pool;
mod shelf;
mod slate;
mod sound;
pub mod sound_mix;
pub mod tick;
