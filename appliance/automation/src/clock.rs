//! Time as an argument. A Raspberry Pi has no battery clock: wall time may be wrong, and may step.

use serde::{Deserialize, Serialize};

/// Nanoseconds of the machine's monotonic clock (`CLOCK_MONOTONIC`): one scale for every process of
/// this boot, so a moment may travel from `control` to a worker and survive the restart of both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Running(pub u64);

impl Running {
    /// The moment `ms` milliseconds later.
    pub const fn plus_ms(self, ms: u64) -> Running {
        Running(self.0.saturating_add(ms.saturating_mul(1_000_000)))
    }

    /// Whole milliseconds from `earlier` to here; 0 where `earlier` is later.
    pub const fn ms_since(self, earlier: Running) -> u64 {
        self.0.saturating_sub(earlier.0) / 1_000_000
    }
}

/// What the edge's loop read from the clocks, once per turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time; never steps.
    pub running: Running,
    /// Milliseconds since 1970-01-01T00:00:00Z; may step.
    pub wall_ms: i64,
    /// Whether the wall time has been confirmed (NTP, RTC, or a person).
    pub wall_trusted: bool,
}
