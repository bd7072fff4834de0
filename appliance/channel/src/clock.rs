//! The clock of the program. Besides it, only the clock overlay reads the time of day.

use automation::clock::Running;
use rustix::time::{ClockId, clock_gettime};

/// Now, on the clock that every process of this machine shares since its start.
pub fn running() -> Running {
    let t = clock_gettime(ClockId::Monotonic);
    Running(t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64)
}
