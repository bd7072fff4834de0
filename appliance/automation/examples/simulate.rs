//! Plays an evening in virtual time: `simulate [SEED]` tells what happened, `simulate --many N [FIRST]` plays N seeds
//! and tells of those that break a rule.

#[path = "../simulator/mod.rs"]
mod simulator;

use simulator::{Options, play};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse::<u64>().ok();
    let (first, count) = match words[..] {
        [] => (1, None),
        ["--many", count] => (1, number(count)),
        ["--many", count, first] => (number(first).unwrap_or(1), number(count)),
        [seed] if number(seed).is_some() => (number(seed).unwrap_or(1), None),
        _ => return tell("simulate [SEED] | simulate --many N [FIRST]", false),
    };
    match count {
        None => one(first),
        Some(count) => many(first, count),
    }
}

/// Writes to standard output; a reader that went away is no error.
fn tell(text: &str, ok: bool) -> ExitCode {
    let _ = writeln!(std::io::stdout(), "{text}");
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64) -> ExitCode {
    let outcome = play(seed, Options::default());
    let minutes = outcome.played_ms as f64 / 60_000.0;
    let verdict = outcome.broken.as_ref().map_or("every rule held".to_owned(), |broken| format!("{broken:?}"));
    let lines = outcome.transcript.join("\n");
    let summary = format!("{lines}\nseed {seed}: {minutes:.1} minutes, {} frames, {verdict}", outcome.frames);
    tell(&summary, outcome.broken.is_none())
}

fn many(first: u64, count: u64) -> ExitCode {
    let (mut frames, mut ms, mut broken) = (0, 0, 0);
    for seed in first..first + count {
        let outcome = play(seed, Options::default());
        frames += outcome.frames;
        ms += outcome.played_ms;
        if let Some(rule) = outcome.broken {
            broken += 1;
            tell(&format!("seed {seed}: {rule:?}"), false);
        }
    }
    let hours = ms as f64 / 3_600_000.0;
    tell(&format!("{count} seeds, {hours:.1} hours, {frames} frames, {broken} broken"), broken == 0)
}
