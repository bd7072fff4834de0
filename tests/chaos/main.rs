//! Chaos: a real broadcast, and every 5 s something breaks. `chaos [--seed N] [--minutes M] [--soak] [--only NAME,NAME]`
//!
//! The box with all its processes, two cameras, a publisher, two platforms behind a network that can be cut, and a third
//! platform that nobody strikes. What breaks when follows from the seed alone, so a run can be had again. At its end it
//! says in words and in `target/chaos/report.json` what the platforms saw; it fails, with reasons, where a session ended
//! or a tick is missing that no fault explains, or where something did not recover.
//!
//! `--only web-server,rtp-sender` strikes these alone, to look for what one of them does.
//!
//! A soak is longer, strikes everything but the box's own processes, and weighs those: they must not grow. Its report is
//! `target/soak/report.json`.
#![allow(clippy::print_stdout, reason = "it prints what it finds")]
#![allow(missing_docs, reason = "a program, not a library: what needs words has them")]

mod judge;
mod observer;
mod report;
mod scales;
mod scene;
mod schedule;
mod streams;
mod victim;
mod victims;

use scales::{Scales, Weighed};
use scene::Scene;
use schedule::{Planned, schedule};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use victim::Outcome;

/// Length of a run where nothing else is said, minutes.
const MINUTES: u64 = 10;
/// The same of a soak.
const SOAK_MINUTES: u64 = 30;
/// Longest run, minutes.
const MINUTES_MAX: u64 = 240;
/// After the last fault's end, whatever is still on its way to being well may take so long.
const LAST_RECOVERY: Duration = Duration::from_secs(90);

struct Wanted {
    seed: u64,
    minutes: u64,
    soak: bool,
    only: Vec<String>,
}

impl Wanted {
    fn parse() -> Result<Wanted, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (mut seed, mut minutes, mut soak) = (now.as_secs(), None, false);
        let mut words = std::env::args().skip(1);
        let mut only = Vec::new();
        while let Some(word) = words.next() {
            if word == "--only" {
                only = words.next().ok_or("--only needs names")?.split(',').map(str::to_owned).collect();
                continue;
            }
            let mut number = || {
                let value = words.next().ok_or(format!("{word} needs a value"))?;
                value.parse().map_err(|_| format!("{value:?} is no number"))
            };
            match word.as_str() {
                "--seed" => seed = number()?,
                "--minutes" => minutes = Some(number()?.clamp(1, MINUTES_MAX)),
                "--soak" => soak = true,
                _ => return Err(format!("{word} is not known; --seed N, --minutes M, --soak, --only NAME,NAME")),
            }
        }
        let usual = if soak { SOAK_MINUTES } else { MINUTES };
        let unknown = only.iter().find(|name| !schedule::Target::ALL.iter().any(|one| one.to_string() == **name));
        if let Some(name) = unknown {
            let all = schedule::Target::ALL.map(|target| target.to_string()).join(", ");
            return Err(format!("{name} is not known; what can be struck: {all}"));
        }
        Ok(Wanted { seed, minutes: minutes.unwrap_or(usual), soak, only })
    }
}

fn main() -> ExitCode {
    let wanted = match Wanted::parse() {
        Ok(wanted) => wanted,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let scene = Scene::open();
    let mut targets = scene.targets();
    // Who is started again is another process, and begins small.
    targets.retain(|target| !(wanted.soak && target.is_ours()));
    targets.retain(|target| wanted.only.is_empty() || wanted.only.contains(&target.to_string()));
    let plan = schedule(wanted.seed, wanted.minutes, &targets);
    println!("seed {}, {} minutes, {} faults among {} targets", wanted.seed, wanted.minutes, plan.len(), targets.len());
    scene.go_live();
    let begun = Instant::now();
    let scales = wanted.soak.then(|| Scales::start(scene.processes()));
    let outcomes = play(&scene, &plan, Duration::from_secs(wanted.minutes * 60), begun);
    let weighed = scales.map(Scales::read);
    let lost = plan.len() - outcomes.len();
    scene.end();
    println!("reading the recordings");
    let mut verdict = judge::judge(&scene, &outcomes);
    if lost > 0 {
        verdict.reasons.push(format!("{lost} faults without an outcome: whoever attends their victim has failed"));
    }
    verdict.reasons.extend(weighed.iter().flatten().filter_map(Weighed::reason));
    let report = report::Report {
        seed: wanted.seed,
        minutes: wanted.minutes,
        begun,
        targets: &targets,
        outcomes: &outcomes,
        verdict: &verdict,
        weighed: weighed.as_deref(),
    };
    let path = report.write();
    println!("{}", report.words());
    println!("written: {}", path.display());
    if verdict.reasons.is_empty() {
        scene.close();
        return ExitCode::SUCCESS;
    }
    println!("kept for a look: {}", scene.keep().display());
    ExitCode::FAILURE
}

/// Lets each fault begin at its time, until the end of the run; answers what became of them, in the order of their ends.
fn play(scene: &Scene, plan: &[Planned], length: Duration, begun: Instant) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut waiting = plan.iter();
    let mut next = waiting.next();
    loop {
        let elapsed = begun.elapsed();
        if let Some(fault) = next.filter(|fault| elapsed >= Duration::from_millis(fault.at_ms)) {
            scene.strike(*fault);
            next = waiting.next();
            continue;
        }
        if next.is_none() && outcomes.len() == plan.len() && elapsed >= length || elapsed >= length + LAST_RECOVERY {
            return outcomes;
        }
        let due = next.map_or(length + LAST_RECOVERY, |fault| Duration::from_millis(fault.at_ms));
        let wait = due.saturating_sub(elapsed).min(Duration::from_millis(200));
        if let Ok(outcome) = scene.outcomes.recv_timeout(wait) {
            println!("{}", report::line(&outcome, begun));
            outcomes.push(outcome);
        }
    }
}
