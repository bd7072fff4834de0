//! Waiting for a state, always with a limit.

use std::time::{Duration, Instant};

/// Between two looks. Short against everything that is measured.
const LOOK: Duration = Duration::from_millis(5);

/// Looks until `state` answers something, at most for `limit`. Panics with `what` and the limit where it never does.
pub fn until<T>(what: &str, limit: Duration, state: impl FnMut() -> Option<T>) -> T {
    within(limit, state).unwrap_or_else(|| panic!("waited {} s in vain for: {what}", limit.as_secs_f32()))
}

/// Looks until `state` answers something; none where it does not within `limit`.
pub fn within<T>(limit: Duration, mut state: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = state() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(LOOK);
    }
}

/// Seconds, for limits.
pub const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
