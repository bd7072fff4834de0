//! Timelines that follow the time of day, and broadcasts that go on after the box was restarted.

use super::*;

/// 2026-11-21T19:59:50Z, which is tick 0.
const WALL_MS: i64 = 1_795_291_190_000;
/// Eight in the evening, at tick 300.
const EIGHT_MS: i64 = 20 * 3_600_000;

fn wall(tick: i64) -> Value {
    json!({"running": at(tick), "wall_ms": WALL_MS + tick * 100 / 3, "zone": "UTC0"})
}

/// 30 s from eight on: camera 1, camera 2 and a clip, 10 s each.
fn evening(spec: &mut Value) {
    let cues = vec![cue("a", 0, 300, "cam1"), cue("b", 300, 300, "cam2"), cue("c", 600, 300, "clip1")];
    spec["failover"] = json!({"primary": "cam1", "loop": "clip2"});
    spec["timeline"] = timeline(900, vec![video(cues)]);
    spec["timeline"]["start"] = json!({"type": "daily", "at_ms": EIGHT_MS});
}

fn clip_at(studio: &Studio, tick: i64) -> i64 {
    tick - studio.began()
}

#[test]
fn the_first_camera_of_another_day_is_woken_ahead() {
    let mut studio = Studio::new().with(|spec| {
        evening(spec);
        spec["wall"] = wall(0);
    });
    studio.run_to(209);
    assert!(!studio.director.is_awake(&id("cam1")));
    studio.run_to(210);
    assert!(studio.director.is_awake(&id("cam1")));
}

#[test]
fn it_plays_by_the_clock_and_needs_no_broadcast() {
    let mut studio = Studio::new().with(|spec| {
        evening(spec);
        spec["wall"] = wall(0);
    });
    // What yesterday ended with stays until eight.
    let expected = ["0: clip1 Timeline", "300: cam1 Timeline", "600: cam2 Timeline", "900: clip1 Timeline"];
    assert_eq!(studio.changes_to(1199), expected);
    assert_eq!(clip_at(&studio, 1199), 299);
    let status = studio.director.timeline().unwrap();
    assert_eq!((status.position_ms, status.running, status.paused), (29_966, true, false));
    studio.run_to(1200);
    assert!(!studio.director.timeline().unwrap().running, "it has come to its end");
    assert!(studio.faults().is_empty());
}

#[test]
fn while_the_time_is_not_known_the_primary_is_on_air_and_a_fault_says_so() {
    let mut studio = Studio::new().with(evening);
    assert_eq!(studio.changes_to(449), ["0: cam1 Primary"]);
    assert_eq!(studio.director.timeline(), None);
    assert_eq!(studio.faults()[0].0, crate::fault::Code::ClockUnknown);
    studio.change(|spec| spec["wall"] = wall(450));
    assert_eq!(studio.changes_to(700), ["450: cam1 Timeline", "600: cam2 Timeline"], "the cue that the clock says");
    assert!(studio.faults().is_empty());
}

#[test]
fn whenever_its_worker_was_started_the_same_cue_has_the_same_tick() {
    let mut whole = Studio::new().with(|spec| {
        evening(spec);
        spec["wall"] = wall(0);
    });
    for began in [1, 299, 300, 301, 599, 601, 950, 1300] {
        // A program that begins later, with the clock that was learnt at the beginning.
        let start = Running(at(began));
        let mut director = Director::new(RATE, start);
        let draft: ChannelSpecDraft = serde_json::from_value(whole.spec.clone()).unwrap();
        director.spec(&ChannelSpec::try_from(draft).unwrap());
        for tick in 0..20 {
            ["cam1", "cam2"].iter().for_each(|camera| director.picture(&id(camera), director.grid.time(tick)));
            director.frame(tick);
        }
        whole.run_to(began as u64 + 19);
        let position = |director: &Director| director.timeline().unwrap();
        assert_eq!(position(&director), position(&whole.director), "{began}");
        assert_eq!(director.on_air().source, whole.on_air().source, "{began}");
    }
}

#[test]
fn a_new_day_plays_it_anew() {
    let mut studio = Studio::new().with(|spec| {
        evening(spec);
        spec["wall"] = wall(0);
        // The program begins 100 ticks before eight of the next day.
        spec["wall"]["wall_ms"] = json!(WALL_MS + 86_400_000 + 6_667);
    });
    assert_eq!(studio.changes_to(150), ["0: clip1 Timeline", "100: cam1 Timeline"]);
    assert_eq!(studio.director.timeline().unwrap().rounds, 0);
    let mut studio = Studio::new().with(|spec| {
        evening(spec);
        spec["timeline"]["repeat"] = json!(true);
        spec["timeline"]["start"]["at_ms"] = json!(0);
        spec["wall"] = wall(0);
        // 100 ticks before midnight: the 2879 rounds of this day end where they are.
        spec["wall"]["wall_ms"] = json!(WALL_MS + 4 * 3_600_000 + 10_000 - 3_333);
    });
    let expected =
        ["0: clip1 Timeline", "100: cam1 Timeline", "400: cam2 Timeline", "700: clip1 Timeline", "1000: cam1 Timeline"];
    assert_eq!(studio.changes_to(1100), expected);
    assert_eq!(studio.director.timeline().unwrap().rounds, 1);
}

#[test]
fn paused_it_stands_and_then_goes_on_where_the_clock_is() {
    let mut studio = Studio::new().with(|spec| {
        evening(spec);
        spec["wall"] = wall(0);
        spec["live"] = live(0);
    });
    studio.run_to(449);
    studio.change(|spec| spec["live"]["paused_at"] = json!(at(450)));
    assert_eq!(studio.changes_to(1000), Vec::<String>::new());
    assert!(studio.director.timeline().unwrap().paused);
    studio.change(|spec| {
        spec["live"]["paused_at"] = Value::Null;
        spec["live"]["paused_ns"] = json!(at(1001) - at(450));
    });
    assert_eq!(studio.changes_to(1001), ["1001: clip1 Timeline"]);
    assert_eq!(clip_at(&studio, 1001), 101, "the clip is where it would be");
}

#[test]
fn a_clock_that_is_set_moves_it_at_once_forward_and_back() {
    let mut studio = Studio::new().with(|spec| {
        evening(spec);
        spec["wall"] = wall(0);
    });
    studio.run_to(649);
    let set = |spec: &mut Value, by_ms: i64| {
        spec["wall"] = wall(650);
        spec["wall"]["wall_ms"] = json!(spec["wall"]["wall_ms"].as_i64().unwrap() + by_ms);
    };
    studio.change(|spec| set(spec, 10_000));
    assert_eq!(studio.changes_to(660), ["650: clip1 Timeline"]);
    studio.change(|spec| set(spec, -5_000));
    assert_eq!(studio.changes_to(670), ["661: cam1 Timeline"], "back, too");
}

#[test]
fn a_take_ends_with_the_next_cue_of_the_day() {
    let mut studio = Studio::new().with(|spec| {
        evening(spec);
        spec["wall"] = wall(0);
    });
    studio.run_to(399);
    studio.change(|spec| spec["manual"] = json!({"source": "clip2", "hold": "take", "at": at(400)}));
    assert_eq!(studio.changes_to(700), ["400: clip2 Take", "600: cam2 Timeline"]);
}

#[test]
fn nothing_of_it_changes_before_the_hint() {
    for start_ms in [EIGHT_MS, EIGHT_MS - 20_000, 0] {
        let mut studio = Studio::new().with(|spec| {
            evening(spec);
            spec["timeline"]["start"]["at_ms"] = json!(start_ms);
            spec["wall"] = wall(0);
        });
        let mut promised = 0;
        for tick in 0..1500 {
            let before = studio.last.clone().map(|frame| frame.picture);
            studio.run_to(tick);
            if before != studio.last.clone().map(|frame| frame.picture) {
                assert!(promised <= tick, "{start_ms}: changed at {tick}, promised {promised}");
            }
            promised = studio.director.next_change().unwrap_or(u64::MAX);
            assert!(promised > tick);
        }
    }
}

#[test]
fn a_broadcast_that_goes_on_stands_where_it_would_be() {
    let show = |spec: &mut Value| {
        spec["failover"] = json!({"primary": "cam1", "loop": "clip2"});
        let cues = vec![cue("a", 0, 300, "cam1"), cue("b", 300, 300, "cam2"), cue("c", 600, 300, "clip1")];
        spec["timeline"] = timeline(900, vec![video(cues)]);
    };
    // It went live 25 s before the box was up again: further back than the machine's own beginning may be.
    let mut studio = Studio::new().with(|spec| {
        show(spec);
        spec["live"] = live(30);
        spec["live"]["ahead_ns"] = json!(25_000_000_000_u64);
    });
    assert_eq!(studio.changes_to(100), ["0: cam1 Timeline", "30: clip1 Timeline"]);
    assert_eq!(clip_at(&studio, 100), 220, "the clip is 25 s + 70 ticks after GO LIVE");
    let status = studio.director.timeline().unwrap();
    assert_eq!((status.position_ms, status.running), (27_333, true));
    assert_eq!(studio.changes_to(400), Vec::<String>::new());
    assert!(!studio.director.timeline().unwrap().running, "it has ended in time");
}
