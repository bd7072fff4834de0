//! Decides. Every decision of Bandstand is a value or a plain state machine in this crate.
//!
//! Nothing here reads a clock, opens a file or a socket, or starts a thread: time and events are
//! arguments, actions are results. So a whole evening can be played in milliseconds, from a seed.

pub mod access_point;
pub mod arrivals;
pub mod as_run;
pub mod backoff;
pub mod capture;
pub mod clock;
pub mod delivery;
pub mod difference;
pub mod director;
pub mod fault;
pub mod follow;
pub mod guard;
pub mod id;
pub mod keeping_up;
pub mod lag;
pub mod lateness;
pub mod panel;
pub mod plan;
pub mod playlist;
pub mod pull_pace;
pub mod pulse;
pub mod renewal;
pub mod resume;
pub mod secret;
pub mod sight;
pub mod sound_pace;
pub mod spec;
pub mod standby;
pub mod status;
pub mod update;
pub mod wall;
pub mod watchdog;
pub mod wifi;
pub mod wire;
