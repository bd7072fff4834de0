//! Evenings in virtual time: no seed breaks a rule, a seed replays to the letter, and each rule catches what it is for.

#[path = "../simulator/mod.rs"]
mod simulator;

use simulator::{Options, play};

/// As many as pass in a few seconds on a slow machine.
const SEEDS: u64 = 600;

/// What must happen in some evening, or the evenings are too quiet to show anything.
const SEEN: [&str; 18] = [
    "(Pin)",
    "(Take)",
    "(LiveInput)",
    "(Timeline)",
    "(Primary)",
    "(Backup)",
    "(Loop)",
    "(Slate)",
    "(SlateByHand)",
    "(Kept)",
    "refused, older than",
    "takes no data",
    "destination_refused",
    "destination_unreachable",
    "destination_lost",
    "control is away",
    ", Frozen)",
    ", Black)",
];

#[test]
fn no_seed_breaks_a_rule() {
    let mut hours = 0.0;
    let mut unseen: Vec<&str> = SEEN.into();
    for seed in 0..SEEDS {
        let outcome = play(seed, Options::default());
        let lines = outcome.transcript.len();
        let end = outcome.transcript[lines.saturating_sub(25)..].join("\n");
        assert_eq!(outcome.broken, None, "seed {seed}; replay it with `just simulate {seed}`:\n{end}");
        hours += outcome.played_ms as f64 / 3_600_000.0;
        assert!(outcome.frames > 100);
        unseen.retain(|what| !outcome.transcript.iter().any(|line| line.contains(what)));
    }
    assert!(hours > SEEDS as f64 * 0.05, "{hours} hours are no evenings");
    assert_eq!(unseen, Vec::<&str>::new(), "never happened");
}

/// Days of 24 hours: as many as pass in less than a minute on a busy machine.
const DAYS: u64 = 24;

#[test]
fn no_day_breaks_a_rule() {
    let mut unseen = vec!["PowerCut", "PowerReturns", "WorkerDies", "Silent", "generations_lost: 1"];
    for seed in 0..DAYS {
        let outcome = play(seed, Options { day: true, ..Options::default() });
        let end = outcome.transcript[outcome.transcript.len().saturating_sub(25)..].join("\n");
        assert_eq!(outcome.broken, None, "day {seed}; replay it with `just simulate --day {seed}`:\n{end}");
        assert_eq!(outcome.played_ms, 86_400_000);
        unseen.retain(|what| !outcome.transcript.iter().any(|line| line.contains(what)));
    }
    assert_eq!(unseen, Vec::<&str>::new(), "never happened");
}

#[test]
fn a_seed_replays_to_the_letter() {
    for seed in 0..20 {
        let once = play(seed, Options::default()).transcript;
        assert_eq!(once, play(seed, Options::default()).transcript);
        assert!(once.len() > 5);
    }
}

#[test]
fn a_jump_from_change_to_change_misses_nothing() {
    for seed in 0..40 {
        let jumping = play(seed, Options::default());
        let every = play(seed, Options { every_tick: true, ..Options::default() });
        assert_eq!(jumping.transcript, every.transcript, "seed {seed}");
        assert!(jumping.frames < every.frames);
    }
}

#[test]
fn steps_of_the_wall_clock_change_nothing() {
    let without_wall = |lines: Vec<String>| {
        let of_wall = |line: &String| line.contains("WallSteps") || line.contains("wall time");
        lines.into_iter().filter(|line| !of_wall(line)).collect::<Vec<_>>()
    };
    let mut steps = 0;
    for seed in 0..100 {
        let stepping = play(seed, Options::default()).transcript;
        steps += stepping.iter().filter(|line| line.contains("WallSteps")).count();
        let steady = play(seed, Options { steady_wall: true, ..Options::default() }).transcript;
        assert_eq!(without_wall(stepping), without_wall(steady), "seed {seed}");
    }
    assert!(steps > 20, "{steps} steps");
}

/// Breaks something on purpose, and tells the rules that caught it.
fn caught(options: Options) -> Vec<&'static str> {
    let mut rules: Vec<_> = (0..60).filter_map(|seed| play(seed, options).broken.map(|broken| broken.rule)).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

#[test]
fn the_rules_catch_what_they_are_for() {
    let none = Options::default();
    assert_eq!(caught(none), Vec::<&str>::new());
    let rows = [
        (Options { hides_faults: true, ..none }, "no slate without its fault"),
        (Options { takes_older: true, ..none }, "an older spec never comes into force"),
        (Options { dead_cameras_seem_alive: true, ..none }, "what is on air sends pictures"),
        (Options { storms: true, ..none }, "no retry storm"),
        (Options { never_plans: true, ..none }, "when trouble ends, what is reaches what is wanted"),
        (Options { deaf_to_hands: true, ..none }, "a pin holds until it is released"),
        (Options { deaf_to_hands: true, ..none }, "the slate is on air by hand while a person wants it"),
        (Options { deaf_to_hands: true, ..none }, "cleared overlays stay away"),
        (Options { dials_twice: true, ..none }, "one connection per destination"),
        (Options { restless: true, ..none }, "one session, unless the far side breaks it"),
        (Options { always_mixes: true, ..none }, "a mix has two sources"),
        (Options { sees_nothing: true, ..none }, "what shows nothing is off the air"),
    ];
    for (options, rule) in rows {
        let caught = caught(options);
        assert!(caught.contains(&rule), "{options:?} was caught by {caught:?}");
    }
}
