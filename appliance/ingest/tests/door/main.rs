//! The whole process against real far sides: ffmpeg and GStreamer publish, a channel reads, `control` talks.

mod harness;
mod media;
mod plans;
mod raw;
mod refusals;
