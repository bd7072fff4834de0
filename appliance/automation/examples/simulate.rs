//! Plays an evening in virtual time: `simulate [SEED]` tells what happened; `simulate --evenings [N [FIRST]]` plays
//! N seeds and tells of those that break a rule. `simulate --day SEED` and `simulate --many [N [FIRST]]` play days of
//! 24 hours, 1,000 where nothing is said.

#[path = "../simulator/mod.rs"]
mod simulator;

use simulator::{Options, play};
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

/// Evenings and days that are played where nothing is said.
const EVENINGS: u64 = 2_000;
const DAYS: u64 = 1_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let numbers: Option<Vec<u64>> = words.iter().filter(|w| !w.starts_with("--")).map(|w| w.parse().ok()).collect();
    let (Some(numbers), false) = (numbers, words.len() > 3) else { return tell(USAGE, false) };
    let evening = Options::default();
    let day = Options { day: true, ..evening };
    let number = |at: usize, else_: u64| numbers.get(at).copied().unwrap_or(else_);
    match words.first().filter(|word| word.starts_with("--")) {
        None if numbers.len() <= 1 => one(number(0, 1), evening),
        Some(&"--day") if numbers.len() <= 1 => one(number(0, 1), day),
        Some(&"--evenings") => many(number(1, 1), number(0, EVENINGS), evening),
        Some(&"--many") => many(number(1, 1), number(0, DAYS), day),
        _ => tell(USAGE, false),
    }
}

const USAGE: &str =
    "simulate [SEED] | simulate --evenings [N [FIRST]] | simulate --day SEED | simulate --many [N [FIRST]]";

/// Writes to standard output; a reader that went away is no error.
fn tell(text: &str, ok: bool) -> ExitCode {
    let _ = writeln!(std::io::stdout(), "{text}");
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64, options: Options) -> ExitCode {
    let outcome = play(seed, options);
    let minutes = outcome.played_ms as f64 / 60_000.0;
    let verdict = outcome.broken.as_ref().map_or("every rule held".to_owned(), |broken| format!("{broken:?}"));
    let lines = outcome.transcript.join("\n");
    let summary = format!("{lines}\nseed {seed}: {minutes:.1} minutes, {} frames, {verdict}", outcome.frames);
    tell(&summary, outcome.broken.is_none())
}

/// Plays seeds on all cores.
fn many(first: u64, count: u64, options: Options) -> ExitCode {
    let next = AtomicU64::new(first);
    let played = || {
        let (mut frames, mut ms, mut broken) = (0, 0, 0);
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return (frames, ms, broken);
            }
            let outcome = play(seed, options);
            frames += outcome.frames;
            ms += outcome.played_ms;
            if let Some(rule) = outcome.broken {
                broken += 1;
                tell(&format!("seed {seed}: {rule:?}"), false);
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let sums = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(played)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a seed panicked: its text stands above"))
            .collect::<Vec<_>>()
    });
    let sum = sums.iter().fold((0, 0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1, sum.2 + part.2));
    let (frames, ms, broken) = sum;
    let hours = ms as f64 / 3_600_000.0;
    tell(&format!("{count} seeds, {hours:.1} hours, {frames} frames, {broken} broken"), broken == 0)
}
