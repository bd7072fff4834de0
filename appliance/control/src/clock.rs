//! The clocks of the machine, read at the edge only.

use crate::zones::Zones;
use automation::clock::{Now, Running};
use rustix::time::{ClockId, clock_gettime};
use std::path::{Path, PathBuf};

/// Wall time before which a clock is certainly wrong: 2026-01-01T00:00:00Z, in milliseconds.
pub(crate) const WALL_MS_MIN: i64 = 1_767_225_600_000;
/// Names a file that holds whole seconds by which the wall clock is off, read at each look: a test steps the time of day
/// without touching the machine's. Set by tests alone; the workers inherit it.
pub const WALL_OFFSET_FILE: &str = "BANDSTAND_WALL_OFFSET_FILE";
/// How far a real-time clock may differ from wall time to vouch for it, seconds.
const RTC_APART_S_MAX: i64 = 86_400;

/// The machine's clocks. The folder is `/` but in tests.
#[derive(Clone, Debug)]
pub struct Clock {
    root: PathBuf,
    boot: String,
    wall_offset: Option<PathBuf>,
}

impl Clock {
    /// The clocks of this machine.
    pub fn new() -> std::io::Result<Clock> {
        Clock::of("/")
    }

    /// The same with the machine's files below `root`; its time of day may be stepped by a test.
    pub fn of(root: impl AsRef<Path>) -> std::io::Result<Clock> {
        let clock = Clock::rooted(root)?;
        Ok(Clock { wall_offset: std::env::var_os(WALL_OFFSET_FILE).map(PathBuf::from), ..clock })
    }

    /// The same by nothing but files below `root`.
    pub fn rooted(root: impl AsRef<Path>) -> std::io::Result<Clock> {
        let root = root.as_ref().to_owned();
        let boot = std::fs::read_to_string(root.join("proc/sys/kernel/random/boot_id"))?.trim().to_owned();
        Ok(Clock { root, boot, wall_offset: None })
    }

    /// Running time now, for who looks often: it reads no files.
    pub fn running(&self) -> Running {
        let running = clock_gettime(ClockId::Monotonic);
        Running(running.tv_sec as u64 * 1_000_000_000 + running.tv_nsec as u64)
    }

    /// The time now.
    pub fn now(&self) -> Now {
        let wall = clock_gettime(ClockId::Realtime);
        let wall_ms = wall.tv_sec * 1000 + wall.tv_nsec / 1_000_000 + self.wall_offset_ms();
        Now { running: self.running(), wall_ms, wall_trusted: self.trusted(wall_ms) }
    }

    fn wall_offset_ms(&self) -> i64 {
        let text = self.wall_offset.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        text.and_then(|text| text.trim().parse::<i64>().ok()).map_or(0, |seconds| seconds.saturating_mul(1000))
    }

    /// Id of this boot; moments of [`Running`] mean nothing in another one.
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// The time zones that the machine knows.
    pub fn zones(&self) -> Zones {
        Zones::below(&self.root)
    }

    /// A Raspberry Pi has no battery clock: wall time counts only where NTP has set it, or a real-time clock agrees.
    fn trusted(&self, wall_ms: i64) -> bool {
        if wall_ms < WALL_MS_MIN {
            return false;
        }
        if self.root.join("run/systemd/timesync/synchronized").exists() {
            return true;
        }
        let rtc = std::fs::read_to_string(self.root.join("sys/class/rtc/rtc0/since_epoch"));
        rtc.ok()
            .and_then(|text| text.trim().parse::<i64>().ok())
            .is_some_and(|seconds| (seconds - wall_ms / 1000).abs() <= RTC_APART_S_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_trusted_only_where_something_vouches_for_it() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("proc/sys/kernel/random/boot_id", "b1\n");
        let clock = Clock::rooted(root.path()).unwrap();
        assert_eq!(clock.boot(), "b1");
        assert!(!clock.trusted(WALL_MS_MIN + 1), "nobody vouches");
        write("sys/class/rtc/rtc0/since_epoch", "12\n");
        assert!(!clock.trusted(WALL_MS_MIN + 1), "a real-time clock without a battery");
        write("sys/class/rtc/rtc0/since_epoch", &(WALL_MS_MIN / 1000 + 3).to_string());
        assert!(clock.trusted(WALL_MS_MIN + 1));
        assert!(!clock.trusted(WALL_MS_MIN - 1), "before this was written");
    }

    #[test]
    fn a_step_of_the_wall_clock_leaves_running_time_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("offset");
        let clock = Clock { wall_offset: Some(file.clone()), ..Clock::new().unwrap() };
        let before = clock.now();
        std::fs::write(&file, "-7200\n").unwrap();
        let after = clock.now();
        let stepped_ms = after.wall_ms - before.wall_ms;
        assert!((-7_200_000..-7_190_000).contains(&stepped_ms), "{stepped_ms} ms");
        assert!(after.running >= before.running && after.running.ms_since(before.running) < 10_000);
        std::fs::write(&file, "soon").unwrap();
        assert!(clock.now().wall_ms >= before.wall_ms, "what is no number is no step");
    }

    #[test]
    fn running_time_never_steps_back() {
        let clock = Clock::new().unwrap();
        let first = clock.now().running;
        assert!(clock.now().running >= first && first.0 > 0);
    }
}
