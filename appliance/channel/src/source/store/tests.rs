use super::*;
use std::sync::Arc;

const MS: u64 = 1_000_000;
const TICK_MS: u64 = 20;

fn picture(due_ms: u64) -> Picture {
    gstreamer::init().unwrap();
    Picture { due_ns: due_ms * MS, buffer: gstreamer::Buffer::new() }
}

/// Puts `ms` milliseconds of a 1 kHz tone that is due at `due_ms`.
fn tone(store: &Store, due_ms: u64, ms: u64) {
    let samples: Vec<f32> = (0..ms * 48)
        .flat_map(|i| {
            let s = (((due_ms * 48 + i) % 48) as f32 / 48.0 * std::f32::consts::TAU).sin() * 0.5;
            [s, s]
        })
        .collect();
    store.put_sound(due_ms * MS, &samples);
}

/// Hears the store from `from_ms` to `to_ms`; the left side.
fn hear(store: &Store, from_ms: u64, to_ms: u64) -> Vec<f32> {
    let mut heard = Vec::new();
    for at in (from_ms..to_ms).step_by(TICK_MS as usize) {
        let mut out = vec![0.0; (TICK_MS * 48 * 2) as usize];
        store.listen(at * MS, &mut out);
        heard.extend(out.chunks_exact(2).map(|f| f[0]));
    }
    heard
}

fn loudest(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |a, s| a.max(s.abs()))
}

/// Largest step between neighbours; a 1 kHz tone at 0.5 has 0.066.
fn steepest(samples: &[f32]) -> f32 {
    samples.windows(2).fold(0.0, |a, w| a.max((w[1] - w[0]).abs()))
}

#[test]
fn the_newest_due_picture_is_seen_and_stays() {
    let store = Store::default();
    for due in [0, 33, 66] {
        store.put_picture(picture(due));
    }
    let at = |ms: u64| {
        let looked = store.look(ms * MS);
        (looked.picture.map(|p| p.due_ns / MS), looked.taken)
    };
    assert_eq!(at(50), (Some(33), 2));
    assert_eq!(at(60), (Some(33), 0));
    assert_eq!(at(66), (Some(66), 1));
    assert_eq!(at(9_000), (Some(66), 0), "the last picture bridges");
}

#[test]
fn time_that_runs_back_replaces_what_waits() {
    let store = Store::default();
    for due in [100, 133, 110] {
        store.put_picture(picture(due));
    }
    assert_eq!(store.look(120 * MS).picture.unwrap().due_ns, 110 * MS);
    assert_eq!(store.look(140 * MS).taken, 0);
}

#[test]
fn a_full_store_makes_the_source_wait_and_closing_ends_the_wait() {
    let store = Arc::new(Store::default());
    for due in 0..PICTURES_MAX as u64 {
        assert!(store.put_picture(picture(due)));
    }
    let theirs = store.clone();
    let waits = std::thread::spawn(move || theirs.put_picture(picture(1_000)));
    store.look(0);
    assert!(waits.join().unwrap(), "room was made");
    let theirs = store.clone();
    let waits = std::thread::spawn(move || theirs.put_picture(picture(1_001)));
    store.close();
    assert!(!waits.join().unwrap(), "closed");
}

#[test]
fn sound_comes_at_its_time_and_whole() {
    let store = Store::default();
    tone(&store, 100, 900);
    let heard = hear(&store, 0, 800);
    assert_eq!(loudest(&heard[..100 * 48]), 0.0, "not before it is due");
    let body = &heard[130 * 48..];
    assert!(loudest(body) > 0.49 && steepest(&heard) < 0.07);
    let phase = heard[500 * 48 + 12];
    assert!((phase - 0.5).abs() < 0.01, "the sample that is due is the one that is heard: {phase}");
}

#[test]
fn sound_that_ends_goes_down_without_a_click_and_comes_back_without_one() {
    let store = Store::default();
    tone(&store, 0, 507);
    let mut heard = hear(&store, 0, 800);
    tone(&store, 1000, 500);
    heard.extend(hear(&store, 800, 1400));
    assert!(steepest(&heard) < 0.07, "a click of {}", steepest(&heard));
    assert_eq!(loudest(&heard[520 * 48..1000 * 48]), 0.0);
    assert!(loudest(&heard[1100 * 48..1300 * 48]) > 0.49);
}

/// Puts the tone as a source of packets of 20 ms, due from `due_ms` on.
fn packets(store: &Store, due_ms: u64, count: u64) {
    (0..count).for_each(|n| tone(store, due_ms + 20 * n, 20));
}

#[test]
fn holes_and_overlaps_do_not_click() {
    // What comes next after 500 ms of sound: a hole of 210 ms; an overlap of 110 ms; time that runs back by 400 ms and by 30 s.
    for next_ms in [40_710, 40_390, 40_100, 10_500] {
        for tick_ms in [20, 16] {
            let store = Store::default();
            packets(&store, 40_000, 25);
            let mut heard = Vec::new();
            let mut at = 40_000;
            while at < 41_300 {
                if at >= 40_200 && at < 40_200 + tick_ms {
                    packets(&store, next_ms, 40);
                }
                let mut out = vec![0.0; (tick_ms * 48 * 2) as usize];
                store.listen(at * MS, &mut out);
                heard.extend(out.chunks_exact(2).map(|f| f[0]));
                at += tick_ms;
            }
            assert!(steepest(&heard) < 0.14, "next {next_ms}, tick {tick_ms}: a click of {}", steepest(&heard));
            if next_ms > 40_200 {
                assert!(loudest(&heard[800 * 48..1_100 * 48]) > 0.49, "next {next_ms}: it goes on");
            }
        }
    }
}

#[test]
fn old_sound_is_let_go() {
    let store = Store::default();
    tone(&store, 0, 2000);
    store.pass(1500 * MS);
    let heard = hear(&store, 1500, 1700);
    assert!((heard[150 * 48 + 12] - 0.5).abs() < 0.01);
    let heard = hear(&store, 5000, 5100);
    assert_eq!(loudest(&heard[20 * 48..]), 0.0, "what was heard goes down in 20 ms, and no more comes");
}

#[test]
fn sound_that_began_late_is_set_right_at_once_and_without_a_click() {
    for late_ms in [-45i64, 45] {
        let store = Store::default();
        // The first second is due too late or too early, then the source's time is known.
        for n in 0..100u64 {
            let off = if n < 50 { late_ms } else { 0 };
            let from = 200 + n * 20;
            let samples: Vec<f32> = (0..960u64)
                .flat_map(|i| {
                    let s = (((from * 48 + i) % 48) as f32 / 48.0 * std::f32::consts::TAU).sin() * 0.5;
                    [s, s]
                })
                .collect();
            store.put_sound((from as i64 + off) as u64 * MS, &samples);
        }
        let heard = hear(&store, 0, 2000);
        assert!(steepest(&heard[400 * 48..]) < 0.09, "a click of {}", steepest(&heard[400 * 48..]));
        let off = store.hold().sound.late_ns(2000 * MS);
        assert!(off.abs() < 15.0e6, "still {} ms off", off / 1e6);
    }
}

#[test]
fn a_slow_sound_clock_is_followed_without_a_click() {
    let store = Store::default();
    let mut heard = Vec::new();
    // 200 ppm: each 20 ms of sound is due 4 µs later than its samples say.
    for n in 0..3000u64 {
        let samples: Vec<f32> = (0..960)
            .flat_map(|i| {
                let s = ((i % 48) as f32 / 48.0 * std::f32::consts::TAU).sin() * 0.5;
                [s, s]
            })
            .collect();
        store.put_sound(n * 20_004_000 + 300 * MS, &samples);
        if n >= 20 {
            let at = (n - 20) * 20;
            heard.extend(hear(&store, at, at + 20));
        }
    }
    let body = &heard[1000 * 48..];
    assert!(steepest(body) < 0.07, "a click of {}", steepest(body));
    assert!(body.chunks(480).all(|c| loudest(c) > 0.4), "a hole");
}

#[test]
fn silence_is_told_of_what_came_since_the_last_question() {
    let store = Store::default();
    assert_eq!(store.was_silent(), None);
    store.put_sound(0, &[0.0009; 960]);
    assert_eq!(store.was_silent(), Some(true));
    assert_eq!(store.was_silent(), None);
    store.put_sound(10_000_000, &[-0.0011; 960]);
    store.put_sound(20_000_000, &[0.0; 960]);
    assert_eq!(store.was_silent(), Some(false), "one loud packet among them");
}
