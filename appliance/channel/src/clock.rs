//! The clock of the program. Besides it, only the clock overlay reads the time of day.

use automation::clock::Running;
use automation::wall::Zone;
use rustix::time::{ClockId, clock_gettime};
use std::path::PathBuf;
use std::sync::OnceLock;

/// Now, on the clock that every process of this machine shares since its start.
pub fn running() -> Running {
    let t = clock_gettime(ClockId::Monotonic);
    Running(t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64)
}

/// Names a file that holds whole seconds by which the time of day is off, as `control` reads it too: tests step it.
const WALL_OFFSET_FILE: &str = "BANDSTAND_WALL_OFFSET_FILE";

/// The time of day, `20:15:00`: of a zone, or of the machine's own.
pub fn time_of_day(zone: Option<&Zone>) -> String {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let file = FILE.get_or_init(|| std::env::var_os(WALL_OFFSET_FILE).map(PathBuf::from));
    let text = file.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
    let seconds = text.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let now = jiff::Zoned::now().saturating_add(jiff::SignedDuration::from_secs(seconds));
    match zone {
        Some(zone) => zone.time_of_day(now.timestamp().as_millisecond()),
        None => now.strftime("%H:%M:%S").to_string(),
    }
}
