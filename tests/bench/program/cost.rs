//! What a process and the machine have spent, by proc(5).

use std::time::{Duration, Instant};

/// Clock ticks per second in `/proc`: fixed by the kernel's interface to programs, whatever it runs at inside.
const TICKS_PER_S: f64 = 100.0;

/// A look at the counters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    at: Instant,
    /// CPU seconds of the process, all threads, user and system, and of children that have ended.
    process_s: f64,
    /// CPU seconds of the whole machine that were not idle, and all there were.
    busy_s: f64,
    all_s: f64,
}

impl Look {
    /// Looks at process `pid`; panics where it is gone.
    pub(crate) fn at(pid: i32) -> Look {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process that is measured runs");
        // The name in brackets may hold anything; utime is field 14, and the third field follows the bracket.
        let rest = stat.rsplit_once(") ").expect("a name in brackets").1;
        let process: f64 = rest.split_whitespace().skip(11).take(4).map(|n| n.parse().unwrap_or(0.0)).sum();
        let machine = std::fs::read_to_string("/proc/stat").expect("read /proc/stat");
        let line = machine.lines().next().unwrap_or_default();
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
        let times: Vec<f64> = line.split_whitespace().skip(1).take(8).map(|n| n.parse().unwrap_or(0.0)).collect();
        let all: f64 = times.iter().sum();
        let idle = times.get(3).unwrap_or(&0.0) + times.get(4).unwrap_or(&0.0);
        Look {
            at: Instant::now(),
            process_s: process / TICKS_PER_S,
            busy_s: (all - idle) / TICKS_PER_S,
            all_s: all / TICKS_PER_S,
        }
    }

    /// Real time since `earlier`.
    pub(crate) fn wall(&self, earlier: &Look) -> Duration {
        self.at - earlier.at
    }

    /// CPU seconds of the process since `earlier`.
    pub(crate) fn cpu_s(&self, earlier: &Look) -> f64 {
        self.process_s - earlier.process_s
    }

    /// Share of the machine that was busy since `earlier`, 0 to 1.
    pub(crate) fn busy(&self, earlier: &Look) -> f64 {
        (self.busy_s - earlier.busy_s) / (self.all_s - earlier.all_s).max(0.01)
    }
}
