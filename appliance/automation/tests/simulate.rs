//! Evenings in virtual time: no seed breaks a rule, a seed replays to the letter, and each rule catches what it is for.

#[path = "../simulator/mod.rs"]
mod simulator;

use simulator::{Options, play};
use std::collections::BTreeSet;

/// As many as pass in a few seconds on a slow machine.
const SEEDS: u64 = 500;

/// What must happen in some evening, or the evenings are too quiet to show anything.
const SEEN: [&str; 31] = [
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
    ", Silent)",
    "Drifts(",
    "Jumps(",
    "Stutters(",
    "Bursts(",
    "Jitters(",
    "Detours(",
    "Reconnects(",
    "destination_disk_full",
    "is replaced",
    "goes on",
    "a planned new session",
    "WallSteps",
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
const DAYS: u64 = 16;

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

/// Seeds that are played at most for a rule to fire.
const BROKEN_SEEDS: u64 = 300;

/// Breaks something on purpose, until the rule fires that is there for it; else what fired instead.
fn caught(options: Options, rule: &str) -> Result<(), BTreeSet<&'static str>> {
    let mut others = BTreeSet::new();
    for seed in 0..BROKEN_SEEDS {
        match play(seed, options).broken {
            Some(broken) if broken.rule == rule => return Ok(()),
            Some(broken) => drop(others.insert(broken.rule)),
            None => {}
        }
    }
    Err(others)
}

#[test]
fn the_rules_catch_what_they_are_for() {
    let none = Options::default();
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
        assert_eq!(caught(options, rule), Ok(()), "{options:?}: {rule}");
    }
}

#[test]
fn the_rules_of_what_sources_show_and_send_catch_what_they_are_for() {
    let none = Options::default();
    let rows = [
        (Options { hears_nothing: true, ..none }, "what shows nothing is off the air"),
        (Options { hears_nothing: true, ..none }, "what is wrong with a source is told"),
        (Options { forgets_losses: true, ..none }, "a source that comes and goes is told"),
        (Options { counts_twice: true, ..none }, "a steady source is not called unstable"),
        (Options { ignores_clocks: true, ..none }, "a source's delay stays within its buffer"),
        (Options { ignores_clocks: true, ..none }, "a source's time settles after trouble"),
        (Options { scrambles_times: true, ..none }, "what a source sends is due in its order"),
        (Options { plays_sound_as_it_comes: true, ..none }, "lips stay in step"),
        (Options { sound_stutters: true, ..none }, "settled sound goes on without a break"),
        (Options { hands_on_unpaced: true, ..none }, "a source's delay stays within its buffer"),
        (Options { fetches_patiently: true, ..none }, "nothing that was fetched waits for long"),
    ];
    for (options, rule) in rows {
        assert_eq!(caught(options, rule), Ok(()), "{options:?}: {rule}");
    }
}

#[test]
fn the_rules_of_the_house_catch_what_they_are_for() {
    let none = Options::default();
    let rows = [
        (Options { disk_breaks_all: true, ..none }, "one session, unless the far side breaks it"),
        (Options { never_asks_for_room: true, ..none }, "files go on when there is room"),
        (Options { hides_full_disk: true, ..none }, "a full disk is told"),
        (Options { feeds_regardless: true, ..none }, "a worker that stands is replaced"),
        (Options { bites_at_once: true, ..none }, "no worker is replaced whose frames leave"),
        (Options { rewinds: true, ..none }, "the playhead is where GO LIVE put it"),
        (Options { forgets_broadcast: true, ..none }, "what is wanted already changes nothing"),
        (Options { renews_at_will: true, ..none }, "a session is renewed only when it is due"),
        (Options { renews_together: true, ..none }, "one renewal after the other"),
        (Options { never_renews: true, ..none }, "no session becomes too old"),
        (Options { renews_by_failure: true, ..none }, "a planned new session is told as one"),
    ];
    for (options, rule) in rows {
        assert_eq!(caught(options, rule), Ok(()), "{options:?}: {rule}");
    }
}
