//! What a run has shown, in words and as `target/chaos/report.json`, of a soak as `target/soak/report.json`.

use crate::judge::{MS_PER_PICTURE, Verdict};
use crate::scales::{GROWTH_PERCENT_MAX, WARM, WINDOW, Weighed};
use crate::schedule::{Kind, Target};
use crate::victim::Outcome;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// So long after a fault what is missing at the witness counts as its cost: what lies between the program and a recording.
const AFTERMATH: Duration = Duration::from_secs(5);

/// What a kind of fault has cost.
#[derive(Default)]
struct Cost {
    count: usize,
    sessions: usize,
    ticks_missing: u64,
    worst_gap_ms: u64,
    /// In order, of those that were felt.
    recovery_ms: Vec<u64>,
}

impl Cost {
    fn json(&self) -> Value {
        json!({
            "count": self.count,
            "felt": self.recovery_ms.len(),
            "sessions": self.sessions,
            "ticks_missing": self.ticks_missing,
            "worst_gap_ms": self.worst_gap_ms,
            "recovery_ms_p50": percentile(&self.recovery_ms, 50),
            "recovery_ms_worst": percentile(&self.recovery_ms, 100),
        })
    }
}

/// All there is to tell.
pub(crate) struct Report<'a> {
    pub(crate) seed: u64,
    pub(crate) minutes: u64,
    pub(crate) begun: Instant,
    pub(crate) targets: &'a [Target],
    pub(crate) outcomes: &'a [Outcome],
    pub(crate) verdict: &'a Verdict,
    /// What the box's processes weighed; none where this was no soak.
    pub(crate) weighed: Option<&'a [Weighed]>,
}

/// A process's weight, for people.
fn weight(weighed: &Weighed) -> String {
    let mib = |kib: f64| kib / 1024.0;
    let largest = mib(weighed.largest_kib() as f64);
    match weighed.growth() {
        Some(growth) => format!(
            "{} {:.1} MiB, then {:.1} ({:+.1} %), at most {largest:.1}",
            weighed.name,
            mib(growth.from_kib),
            mib(growth.to_kib),
            growth.percent()
        ),
        None => format!("{} at most {largest:.1} MiB; the run was too short to tell growth", weighed.name),
    }
}

/// The same as figures.
fn weights(weighed: &Weighed) -> Value {
    let samples: Vec<Value> =
        weighed.samples.iter().map(|one| json!([one.at.as_millis() as u64, one.pss_kib, one.own_kib])).collect();
    let growth = weighed.growth();
    json!({
        "name": weighed.name,
        "pss_kib_from": growth.map(|growth| growth.from_kib),
        "pss_kib_to": growth.map(|growth| growth.to_kib),
        "growth_percent": growth.map(|growth| (growth.percent() * 100.0).round() / 100.0),
        "pss_kib_largest": weighed.largest_kib(),
        "samples_ms_pss_anonymous_kib": samples,
    })
}

/// One fault, for people.
pub(crate) fn line(outcome: &Outcome, begun: Instant) -> String {
    let at = (outcome.began - begun).as_secs_f64();
    let then = match (outcome.felt, outcome.recovery_ms) {
        (_, None) => "NOT WELL AGAIN".to_owned(),
        (false, _) => "not felt".to_owned(),
        (true, Some(ms)) => format!("well {ms} ms after its end"),
    };
    format!("{at:6.1} s  {}: {then}", outcome.fault)
}

/// The value below which so many of a hundred lie (nearest rank); 0 of none.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

impl Report<'_> {
    fn recoveries(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.outcomes.iter().filter(|o| o.felt).filter_map(|o| o.recovery_ms).collect();
        all.sort_unstable();
        all
    }

    /// For people.
    pub(crate) fn words(&self) -> String {
        let (verdict, recoveries) = (self.verdict, self.recoveries());
        let mut text = String::new();
        let sessions: Vec<String> = verdict.sessions.iter().map(|(id, count)| format!("{id} {count}")).collect();
        let felt = self.outcomes.iter().filter(|outcome| outcome.felt).count();
        let _ = writeln!(
            text,
            "\n{}, seed {}, {} minutes: {} faults, {felt} of them felt",
            if self.weighed.is_some() { "Soak" } else { "Chaos" },
            self.seed,
            self.minutes,
            self.outcomes.len()
        );
        let _ = writeln!(
            text,
            "  {} ticks at the witness, {} missing; worst gap {} ms; worst standstill {} ms",
            verdict.ticks, verdict.ticks_missing, verdict.worst_gap_ms, verdict.worst_still_ms
        );
        let _ = writeln!(
            text,
            "  sessions: {}; {} that no fault explains",
            sessions.join(", "),
            verdict.sessions_unexplained
        );
        let _ = writeln!(
            text,
            "  recovery: median {} ms, 99 of 100 within {} ms, of those that were felt",
            percentile(&recoveries, 50),
            percentile(&recoveries, 99)
        );
        let _ = writeln!(text, "  {:28} count  felt  sessions  ticks  worst gap  recovery median and worst, ms", "");
        for (kind, cost) in self.kinds() {
            let _ = writeln!(
                text,
                "  {kind:28} {:5} {:5} {:9} {:6} {:10} {:10} {:8}",
                cost.count,
                cost.recovery_ms.len(),
                cost.sessions,
                cost.ticks_missing,
                cost.worst_gap_ms,
                percentile(&cost.recovery_ms, 50),
                percentile(&cost.recovery_ms, 100)
            );
        }
        for weighed in self.weighed.unwrap_or_default() {
            let _ = writeln!(text, "  memory: {}", weight(weighed));
        }
        let all = Target::ALL.iter().filter(|target| self.weighed.is_none() || !target.is_ours());
        let left_out: Vec<String> = all.filter(|t| !self.targets.contains(t)).map(ToString::to_string).collect();
        if !left_out.is_empty() {
            let _ = writeln!(text, "  left out, since it cannot be had here: {}", left_out.join(", "));
        }
        match verdict.reasons.as_slice() {
            [] => text.push_str("  passed"),
            reasons => {
                let soak = if self.weighed.is_some() { " --soak" } else { "" };
                let again = format!("just chaos --seed {} --minutes {}{soak}", self.seed, self.minutes);
                let _ = writeln!(text, "  FAILED; again with: {again}");
                text.push_str(&reasons.iter().map(|reason| format!("  - {reason}")).collect::<Vec<_>>().join("\n"));
            }
        }
        text
    }

    /// What each kind of fault has cost: how often it came and was felt, sessions that it explains, ticks that are missing
    /// at the witness while it lasted or shortly after, the worst gap of those, and how long recovery took.
    fn kinds(&self) -> BTreeMap<String, Cost> {
        let mut kinds: BTreeMap<String, Cost> = BTreeMap::new();
        for (n, outcome) in self.outcomes.iter().enumerate() {
            let cost = kinds.entry(format!("{} {}", outcome.fault.kind, outcome.fault.target)).or_default();
            cost.count += 1;
            cost.sessions += self.verdict.explained.iter().filter(|explained| **explained == n).count();
            let until = outcome.healed + AFTERMATH;
            for gap in self.verdict.gaps.iter().filter(|gap| outcome.began <= gap.at && gap.at <= until) {
                cost.ticks_missing += gap.missing;
                cost.worst_gap_ms = cost.worst_gap_ms.max(((gap.missing + 1) as f64 * MS_PER_PICTURE) as u64);
            }
            let recovered = outcome.recovery_ms.filter(|_| outcome.felt);
            cost.recovery_ms.extend(recovered);
            if (outcome.fault.target, outcome.fault.kind) == (Target::Worker, Kind::Kill) {
                // The worker's recordings end with it: from one to the next is what its recovery took.
                cost.worst_gap_ms = cost.worst_gap_ms.max(outcome.recovery_ms.unwrap_or(0));
            }
        }
        kinds.values_mut().for_each(|cost| cost.recovery_ms.sort_unstable());
        kinds
    }

    fn json(&self) -> Value {
        let (verdict, recoveries) = (self.verdict, self.recoveries());
        let fault = |outcome: &Outcome| {
            json!({
                "at_ms": (outcome.began - self.begun).as_millis() as u64,
                "planned_ms": outcome.fault.at_ms,
                "target": outcome.fault.target.to_string(),
                "kind": outcome.fault.kind.to_string(),
                "for_ms": outcome.fault.for_ms,
                "amount": outcome.fault.amount,
                "felt": outcome.felt,
                "recovery_ms": outcome.recovery_ms,
            })
        };
        let sessions: serde_json::Map<String, Value> =
            verdict.sessions.iter().map(|(id, count)| ((*id).to_owned(), json!(count))).collect();
        let memory = self.weighed.map(|weighed| {
            json!({
                "warm_ms": WARM.as_millis() as u64,
                "window_ms": WINDOW.as_millis() as u64,
                "growth_percent_max": GROWTH_PERCENT_MAX,
                "processes": weighed.iter().map(weights).collect::<Vec<_>>(),
            })
        });
        json!({
            "seed": self.seed,
            "minutes": self.minutes,
            "passed": verdict.reasons.is_empty(),
            "reasons": verdict.reasons,
            "ticks": verdict.ticks,
            "ticks_missing": verdict.ticks_missing,
            "sessions": sessions,
            "sessions_unexplained": verdict.sessions_unexplained,
            "worst_gap_ms": verdict.worst_gap_ms,
            "worst_still_ms": verdict.worst_still_ms,
            "recovery_ms_p50": percentile(&recoveries, 50),
            "recovery_ms_p99": percentile(&recoveries, 99),
            "targets": self.targets.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "kinds": self.kinds().iter().map(|(kind, cost)| (kind.clone(), cost.json())).collect::<Map<_, _>>(),
            "memory": memory,
            "faults": self.outcomes.iter().map(fault).collect::<Vec<_>>(),
        })
    }

    /// Writes the file.
    pub(crate) fn write(&self) -> PathBuf {
        let folder = harness::place::target().join(if self.weighed.is_some() { "soak" } else { "chaos" });
        std::fs::create_dir_all(&folder).expect("make the report's folder");
        let path = folder.join("report.json");
        let text = serde_json::to_string_pretty(&self.json()).expect("figures are plain");
        std::fs::write(&path, text + "\n").expect("write the report");
        path
    }
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let all: Vec<u64> = (1..=200).collect();
        assert_eq!([percentile(&all, 50), percentile(&all, 99), percentile(&all, 100)], [100, 198, 200]);
        assert_eq!([percentile(&[7], 1), percentile(&[7], 99), percentile(&[], 50)], [7, 7, 0]);
    }
}
