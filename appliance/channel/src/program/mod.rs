//! The program: the tick mixer and what it mixes with.

mod easel;
mod layers;
pub mod overlay;
pub mod picture;
mod sound;
pub mod sound_mix;
pub mod tick;
