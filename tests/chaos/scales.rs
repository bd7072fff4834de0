//! What the box's processes weigh, again and again, and whether they grow.
//!
//! The weight of a process is its proportional set size: what it has for itself, and its share of what it has in common
//! with others (`Pss` of proc_pid_smaps(5)). Growth is from the two minutes after the third to the last two of a run,
//! by their medians: what a fault makes one hold for some seconds is not growth.

use harness::figures::median;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// From one weighing to the next.
const EACH: Duration = Duration::from_secs(5);
/// How often whoever weighs looks whether the run is over.
const LOOK: Duration = Duration::from_millis(100);
/// Until everything has been reached for once: caches, plugins, the code of each fault.
pub(crate) const WARM: Duration = Duration::from_secs(180);
/// What is compared with what: so much from [`WARM`] on, and so much at the end.
pub(crate) const WINDOW: Duration = Duration::from_secs(120);
/// Most growth, percent.
pub(crate) const GROWTH_PERCENT_MAX: f64 = 5.0;

/// One weighing of a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Since the run's beginning.
    pub(crate) at: Duration,
    /// Proportional set size, KiB.
    pub(crate) pss_kib: u64,
    /// The part of it that is in no file: what a leak makes grow, KiB.
    pub(crate) own_kib: u64,
}

/// A process and what it weighed.
#[derive(Clone, Debug)]
pub(crate) struct Weighed {
    pub(crate) name: String,
    pub(crate) samples: Vec<Sample>,
    /// It could not be weighed to the end: it is gone.
    pub(crate) gone: bool,
}

/// Medians of the two windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Growth {
    pub(crate) from_kib: f64,
    pub(crate) to_kib: f64,
}

impl Growth {
    pub(crate) fn percent(self) -> f64 {
        (self.to_kib / self.from_kib - 1.0) * 100.0
    }
}

impl Weighed {
    /// None where the run was too short for two windows apart from each other.
    pub(crate) fn growth(&self) -> Option<Growth> {
        let end = self.samples.last()?.at;
        if end < WARM + WINDOW * 2 {
            return None;
        }
        let middle = |from: Duration, to: Duration| {
            let within = self.samples.iter().filter(|sample| (from..=to).contains(&sample.at));
            let sizes: Vec<f64> = within.map(|sample| sample.pss_kib as f64).collect();
            (!sizes.is_empty()).then(|| median(&sizes))
        };
        Some(Growth { from_kib: middle(WARM, WARM + WINDOW)?, to_kib: middle(end - WINDOW, end)? })
    }

    pub(crate) fn largest_kib(&self) -> u64 {
        self.samples.iter().map(|sample| sample.pss_kib).max().unwrap_or(0)
    }

    /// What is wrong with it; none where it is flat.
    pub(crate) fn reason(&self) -> Option<String> {
        if self.gone {
            return Some(format!("{}: its process is gone", self.name));
        }
        let growth = self.growth().filter(|growth| growth.percent() >= GROWTH_PERCENT_MAX)?;
        let (from, to) = (growth.from_kib / 1024.0, growth.to_kib / 1024.0);
        Some(format!("{} has grown by {:.1} %, from {from:.1} to {to:.1} MiB", self.name, growth.percent()))
    }
}

/// Weighs processes until this value is read out.
#[derive(Debug)]
pub(crate) struct Scales {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Weighed>>,
}

impl Scales {
    /// Weighs these processes from now on: their ids and names.
    pub(crate) fn start(processes: Vec<(i32, String)>) -> Scales {
        let ended = Arc::new(AtomicBool::new(false));
        let (over, begun) = (Arc::clone(&ended), Instant::now());
        let thread = std::thread::spawn(move || {
            let named = |(_, name): &(i32, String)| Weighed { name: name.clone(), samples: Vec::new(), gone: false };
            let mut all: Vec<Weighed> = processes.iter().map(named).collect();
            let mut next = Duration::ZERO;
            loop {
                let at = begun.elapsed();
                for ((pid, _), weighed) in processes.iter().zip(&mut all) {
                    match weigh(*pid) {
                        Some((pss_kib, own_kib)) => weighed.samples.push(Sample { at, pss_kib, own_kib }),
                        None => weighed.gone = true,
                    }
                }
                next += EACH;
                while begun.elapsed() < next {
                    if over.load(Ordering::Relaxed) {
                        return all;
                    }
                    std::thread::sleep(LOOK);
                }
            }
        });
        Scales { ended, thread }
    }

    /// Ends it. What everybody weighed.
    pub(crate) fn read(self) -> Vec<Weighed> {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().expect("whoever weighs does not panic")
    }
}

/// A process's proportional set size and the part of it that is in no file, KiB; none where it is gone.
fn weigh(pid: i32) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let kib = |field: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(field))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some((kib("Pss:")?, kib("Pss_Anon:")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample every 5 s of so many minutes; its size is a function of the second.
    fn run(minutes: u64, pss_kib: impl Fn(u64) -> u64) -> Weighed {
        let sample = |second| Sample { at: Duration::from_secs(second), pss_kib: pss_kib(second), own_kib: 0 };
        let samples = (0..=minutes * 60).step_by(5).map(sample).collect();
        Weighed { name: "worker".into(), samples, gone: false }
    }

    #[test]
    fn growth_is_judged_by_what_stays() {
        let check = |what: &str, weighed: &Weighed, flat: bool| {
            assert_eq!(weighed.reason().is_none(), flat, "{what}: {:?}", weighed.reason());
        };
        check("flat", &run(30, |_| 100_000), true);
        check("everything is reached for in the first minutes", &run(30, |s| 50_000 + s.min(170) * 500), true);
        check("a leak of 6 % in half an hour", &run(30, |s| 100_000 + s * 4), false);
        check("a leak of 6 % in ten minutes", &run(10, |s| 100_000 + s * 20), false);
        check("one of 3 %", &run(30, |s| 100_000 + s * 2), true);
        check("held for some seconds at the end", &run(30, |s| 100_000 + u64::from(s > 1_750) * 50_000), true);
        check("it shrinks", &run(30, |s| 200_000 - s * 10), true);
        check("a larger one that stays", &run(30, |s| 100_000 + u64::from(s > 900) * 8_000), false);
        check("gone", &Weighed { gone: true, ..run(30, |_| 100_000) }, false);
    }

    #[test]
    fn a_short_run_says_nothing_of_growth() {
        assert_eq!(run(6, |s| 100_000 + s * 1_000).growth(), None);
        let growth = run(7, |s| 100_000 + s * 100).growth().unwrap();
        assert_eq!((growth.from_kib, growth.to_kib), (124_000.0, 136_000.0));
        assert_eq!(Weighed { name: String::new(), samples: Vec::new(), gone: false }.growth(), None);
    }

    #[test]
    fn whoever_lives_is_weighed_and_whoever_is_gone_is_told() {
        let own = std::process::id() as i32;
        let (pss, anonymous) = weigh(own).unwrap();
        assert!(pss >= anonymous && anonymous > 0, "{pss} {anonymous}");
        assert_eq!(weigh(4_194_305), None);
        let scales = Scales::start(vec![(own, "we".into()), (4_194_305, "nobody".into())]);
        let all = scales.read();
        assert_eq!((all[0].samples.len(), all[0].gone, all[1].gone), (1, false, true));
    }
}
