//! The timeline: cues, transitions, overlays, rounds, pauses, and the hand of a person.

use super::*;

fn show(tracks: Vec<Value>) -> Studio {
    Studio::new().with(|spec| {
        spec["timeline"] = timeline(900, tracks);
        spec["live"] = live(30);
    })
}

#[test]
fn cues_land_on_their_ticks_counted_from_go_live() {
    let mut studio =
        show(vec![video(vec![cue("a", 0, 150, "cam1"), cue("b", 150, 180, "cam2"), cue("c", 330, 570, "cam1")])]);
    assert_eq!(studio.changes_to(1200), ["0: cam1 Timeline", "180: cam2 Timeline", "360: cam1 Timeline"]);
}

#[test]
fn cues_land_on_the_nearest_tick_of_an_uneven_rate() {
    let mut director = Director::new(Rate { num: 30_000, den: 1001 }, START);
    let mut studio = Studio::new().with(|spec| {
        let mut second = cue("b", 0, 30, "clip2");
        (second["at_ms"], second["duration_ms"]) = (json!(1_000_000), json!(1000));
        spec["timeline"] = timeline(60_000, vec![video(vec![cue("a", 0, 30, "clip1"), second])]);
        spec["live"] = live(0);
    });
    studio.tell();
    let draft: ChannelSpecDraft = serde_json::from_value(studio.spec.clone()).unwrap();
    director.spec(&ChannelSpec::try_from(draft).unwrap());
    director.frame(29_969);
    assert_eq!(director.on_air().source, Some(id("clip1")));
    director.frame(29_970);
    assert_eq!(director.on_air().source, Some(id("clip2")), "1000 s are 29970.03 ticks");
}

#[test]
fn a_dissolve_of_15_ticks_is_at_its_middle_on_the_eighth() {
    let mut studio = Studio::new().with(|spec| {
        let cues = vec![cue("a", 0, 240, "cam1"), mixed(cue("b", 240, 300, "cam2"), "dissolve", 15)];
        spec["timeline"] = timeline(900, vec![video(cues)]);
        spec["live"] = live(0);
    });
    studio.run_to(239);
    assert!(matches!(studio.last.as_ref().unwrap().picture, Picture::One(_)));
    let mut weights = Vec::new();
    for tick in 240..255 {
        studio.run_to(tick);
        let Picture::Mix { from, to, weight, through_black } = &studio.last.as_ref().unwrap().picture else {
            panic!("no mix at {tick}")
        };
        assert_eq!((from.source.clone(), to.source.clone()), (Some(id("cam1")), Some(id("cam2"))));
        assert!(!through_black);
        weights.push(*weight);
    }
    assert_eq!((weights[0], weights[7], weights[14]), (16, 128, 240));
    assert!(weights.is_sorted());
    studio.run_to(255);
    assert!(matches!(studio.last.as_ref().unwrap().picture, Picture::One(_)));
    assert_eq!(studio.on_air().since_tick, 240);
}

#[test]
fn a_fade_goes_through_black_and_a_dead_camera_ends_a_mix() {
    let mut studio = show(vec![video(vec![cue("a", 0, 60, "cam1"), mixed(cue("b", 60, 300, "cam2"), "fade", 60)])]);
    studio.run_to(99);
    studio.stop("cam2");
    studio.run_to(107);
    assert!(matches!(studio.last.as_ref().unwrap().picture, Picture::Mix { through_black: true, .. }));
    studio.run_to(108);
    let Picture::One(shown) = &studio.last.as_ref().unwrap().picture else { panic!("still a mix") };
    assert_eq!(shown.source, Some(id("cam1")), "back to the one that it came from");
}

#[test]
fn before_go_live_the_first_cue_and_the_overlays_of_the_beginning_are_seen() {
    let mut fading = text("title", 0, 90);
    fading["fade_in_ms"] = json!(500);
    let overlays = json!({"type": "overlay", "name": "Titles", "layer": 1, "cues": [fading, text("late", 120, 30)]});
    let cues = vec![cue("a", 0, 150, "cam2"), cue("b", 150, 150, "cam1")];
    let mut studio = Studio::new().with(|spec| spec["timeline"] = timeline(900, vec![video(cues), overlays]));
    studio.run_to(600);
    assert_eq!((studio.air(), studio.overlays()), ("cam2 Timeline".into(), vec!["title 256".to_owned()]));
    let status = studio.director.timeline().unwrap();
    assert_eq!((status.position_ms, status.running, status.paused), (0, false, false));
    assert_eq!(status.cue.as_ref().map(CueId::as_str), Some("a"));

    studio.change(|spec| spec["live"] = live(700));
    studio.run_to(699);
    assert_eq!(studio.overlays(), ["title 256"], "the countdown changes nothing");
    studio.run_to(700);
    assert_eq!(studio.overlays(), ["title 16"], "now it fades in");
    let status = studio.director.timeline().unwrap();
    assert!(status.running);
    assert_eq!(status.next.map(|(cue, ms)| (String::from(cue), ms)), Some(("b".into(), 5000)));
    studio.run_to(700 + 15);
    assert_eq!(studio.overlays(), ["title 256"]);
    studio.run_to(700 + 89);
    assert_eq!(studio.director.overlays()[0].left_ms, Some(33));
    studio.run_to(700 + 90);
    assert!(studio.overlays().is_empty());
}

#[test]
fn enabled_overlay_tracks_run_beside_each_other_lowest_first() {
    let layer = |name: &str, layer: u8, enabled: bool, cue: Value| json!({"type": "overlay", "name": name, "layer": layer, "enabled": enabled, "cues": [cue]});
    let mut clear = text("logo", 0, 300);
    clear["opacity"] = json!(0.5);
    clear["fade_out_ms"] = json!(1000);
    let mut studio = show(vec![
        video(vec![cue("a", 0, 300, "cam1")]),
        layer("Over", 9, true, text("over", 60, 60)),
        layer("Logo", 1, true, clear),
        layer("Off", 2, false, text("off", 0, 300)),
        json!({"type": "video", "name": "Second", "cues": [cue("x", 0, 300, "cam2")]}),
    ]);
    studio.run_to(30 + 59);
    assert_eq!((studio.overlays(), studio.air()), (vec!["logo 128".into()], "cam1 Timeline".into()));
    studio.run_to(30 + 60);
    assert_eq!(studio.overlays(), ["logo 128", "over 256"]);
    let fade: Vec<Vec<String>> = (30 + 270..30 + 301).map(|tick| studio.run_to(tick).overlays()).collect();
    assert_eq!(fade.first().unwrap(), &["logo 124"]);
    assert_eq!((fade[29].clone(), fade[30].clone()), (vec!["logo 4".to_owned()], vec![]));
}

#[test]
fn a_switched_off_main_track_hands_over_to_the_next() {
    let mut off = video(vec![cue("x", 0, 300, "cam1")]);
    off["enabled"] = json!(false);
    let mut studio = show(vec![off, video(vec![cue("a", 0, 300, "cam2")])]);
    studio.run_to(60);
    assert_eq!(studio.air(), "cam2 Timeline");
}

#[test]
fn a_timeline_without_cues_leaves_the_primary_on_air() {
    let mut studio = show(vec![video(vec![])]);
    assert_eq!(studio.changes_to(200), ["0: cam1 Primary"]);
}

#[test]
fn gaps_and_the_end_keep_what_was_on_air() {
    let mut studio = show(vec![video(vec![cue("a", 30, 60, "cam1"), cue("b", 200, 100, "cam2")])]);
    assert_eq!(studio.changes_to(2000), ["0: cam1 Timeline", "230: cam2 Timeline"]);
    let status = studio.director.timeline().unwrap();
    assert_eq!((status.running, status.rounds, status.cue, status.next), (false, 1, None, None));
    assert_eq!(status.position_ms, 30_000);
}

#[test]
fn in_a_gap_no_cue_is_under_the_playhead() {
    let mut studio = show(vec![video(vec![cue("a", 0, 60, "cam1"), cue("b", 200, 100, "cam2")])]);
    studio.run_to(30 + 100);
    assert_eq!(studio.director.timeline().unwrap().cue, None);
    assert_eq!(studio.air(), "cam1 Timeline");
}

#[test]
fn a_repeated_timeline_begins_again_and_roundings_never_add_up() {
    // 1001 ms are 30.03 ticks: after 1000 rounds 30 ticks would have been lost.
    let mut studio = Studio::new().with(|spec| {
        let cues = vec![cue("a", 0, 15, "cam1"), cue("b", 15, 15, "cam2")];
        spec["timeline"] = timeline(900, vec![video(cues)]);
        spec["timeline"]["duration_ms"] = json!(1001);
        spec["timeline"]["repeat"] = json!(true);
        spec["live"] = live(0);
    });
    assert_eq!(
        studio.changes_to(61),
        ["0: cam1 Timeline", "15: cam2 Timeline", "30: cam1 Timeline", "45: cam2 Timeline", "60: cam1 Timeline"]
    );
    studio.run_to(30_029);
    assert_eq!((studio.air(), studio.director.timeline().unwrap().rounds), ("cam2 Timeline".into(), 999));
    studio.run_to(30_030);
    assert_eq!((studio.air(), studio.director.timeline().unwrap().rounds), ("cam1 Timeline".into(), 1000));
}

#[test]
fn clips_count_from_their_cue_and_play_anew_in_each_round() {
    let mut studio = Studio::new().with(|spec| {
        let mut show = timeline(90, vec![video(vec![cue("a", 0, 60, "clip1"), cue("b", 60, 30, "cam1")])]);
        show["repeat"] = json!(true);
        spec["timeline"] = show;
        spec["live"] = live(30);
    });
    studio.run_to(29);
    assert_eq!(studio.began(), 0, "shown before its time, it has its own beginning");
    let began: Vec<i64> = [30, 89, 90, 120, 210].map(|tick| studio.run_to(tick).began()).into();
    assert_eq!(began, [30, 30, 90, 120, 210]);
}

#[test]
fn a_return_in_mid_cue_is_in_time_with_the_timeline() {
    let cues = vec![cue("a", 0, 300, "clip1"), cue("b", 300, 300, "cam1")];
    let mut studio = show(vec![video(cues)]);
    studio.run_to(100);
    studio.change(|spec| spec["manual"] = json!({"source": "cam2", "hold": "pin", "at": at(100)}));
    studio.run_to(200);
    assert_eq!((studio.air(), studio.began()), ("cam2 Pin".into(), 101));
    studio.change(|spec| spec["manual"] = Value::Null);
    studio.run_to(201);
    assert_eq!((studio.air(), studio.began()), ("clip1 Timeline".into(), 30));
}

#[test]
fn a_program_that_started_in_mid_cue_joins_it_where_it_is() {
    let mut studio = show(vec![video(vec![cue("a", 0, 600, "clip1")])]);
    studio.change(|spec| spec["live"] = live(-200));
    studio.run_to(0);
    assert_eq!((studio.air(), studio.began()), ("clip1 Timeline".into(), -200));
    assert_eq!(studio.director.timeline().unwrap().position_ms, 6666);
}

#[test]
fn the_same_camera_in_two_cues_goes_on_and_the_same_clip_begins_again() {
    let cues =
        vec![cue("a", 0, 60, "cam1"), mixed(cue("b", 60, 60, "cam1"), "dissolve", 30), cue("c", 120, 60, "clip1")];
    let mut cues = cues;
    cues.push(cue("d", 180, 60, "clip1"));
    let mut studio = show(vec![video(cues)]);
    studio.run_to(30 + 70);
    assert!(matches!(studio.last.as_ref().unwrap().picture, Picture::One(Shown { began: 0, .. })));
    assert_eq!(studio.run_to(30 + 179).began(), 150);
    assert_eq!(studio.run_to(30 + 180).began(), 210);
}

#[test]
fn a_paused_timeline_stands_and_goes_on_where_it_stood() {
    let overlays = json!({"type": "overlay", "name": "T", "layer": 1, "cues": [text("t", 60, 60)]});
    let cues = vec![cue("a", 0, 90, "cam1"), cue("b", 90, 300, "cam2")];
    let mut studio = show(vec![video(cues), overlays]);
    studio.run_to(100);
    studio.change(|spec| spec["live"]["paused_at"] = json!(at(100)));
    assert_eq!(studio.changes_to(400), Vec::<String>::new());
    let status = studio.director.timeline().unwrap();
    assert_eq!((status.position_ms, status.paused, status.running), (2333, true, false));
    assert_eq!((studio.overlays(), studio.director.overlays()[0].left_ms), (vec!["t 256".into()], None));
    studio.change(|spec| {
        spec["live"]["paused_at"] = Value::Null;
        spec["live"]["paused_ns"] = json!(at(401) - at(100));
    });
    assert_eq!(studio.changes_to(600), ["421: cam2 Timeline"], "301 ticks later than planned");
}

#[test]
fn a_pause_never_moves_the_playhead_back_over_a_cue() {
    for offset in 0..40 {
        let cues = vec![cue("a", 0, 60, "cam1"), cue("b", 60, 300, "cam2")];
        let mut studio = show(vec![video(cues)]);
        let (pause, resume) = (at(90) + offset * 1_000_000, at(190) + offset * 777_777);
        studio.run_to(91);
        studio.change(|spec| spec["live"]["paused_at"] = json!(pause));
        studio.run_to(191);
        studio.change(|spec| {
            spec["live"]["paused_at"] = Value::Null;
            spec["live"]["paused_ns"] = json!(resume - pause);
        });
        assert_eq!(studio.changes_to(400), Vec::<String>::new(), "offset {offset}");
    }
}

#[test]
fn a_clip_runs_on_through_a_pause_without_a_jump() {
    let mut studio = show(vec![video(vec![cue("a", 0, 300, "clip1")])]);
    studio.run_to(100);
    studio.change(|spec| spec["live"]["paused_at"] = json!(at(100)));
    studio.run_to(200);
    studio.change(|spec| {
        spec["live"]["paused_at"] = Value::Null;
        spec["live"]["paused_ns"] = json!(at(201) - at(100));
    });
    assert_eq!(studio.run_to(300).began(), 30);
}

#[test]
fn a_take_ends_with_the_next_cue_and_a_pin_does_not() {
    for (hold, changes) in [("take", vec!["51: cam2 Take", "180: cam1 Timeline"]), ("pin", vec!["51: cam2 Pin"])] {
        let cues = vec![cue("a", 0, 150, "cam1"), cue("b", 150, 150, "cam1"), cue("c", 300, 150, "cam2")];
        let mut studio = show(vec![video(cues)]);
        studio.run_to(50);
        studio.change(|spec| spec["manual"] = json!({"source": "cam2", "hold": hold, "at": at(50)}));
        assert_eq!(studio.changes_to(320), changes, "{hold}");
        assert_eq!(studio.on_air().wanted, Some(id(if hold == "pin" { "cam2" } else { "cam1" })));
    }
}

#[test]
fn a_take_holds_where_no_timeline_runs_and_ends_at_go_live() {
    let mut studio = show(vec![video(vec![cue("a", 0, 150, "cam1")])]);
    studio.change(|spec| {
        spec["live"] = Value::Null;
        spec["manual"] = json!({"source": "cam2", "hold": "take", "at": at(0)});
    });
    studio.run_to(500);
    assert_eq!(studio.air(), "cam2 Take");
    studio.change(|spec| spec["live"] = live(650));
    assert_eq!(studio.changes_to(700), ["650: cam1 Timeline"]);
}

#[test]
fn a_restarted_worker_knows_which_take_is_over() {
    let cues = || vec![cue("a", 0, 150, "cam1"), cue("b", 150, 150, "cam1")];
    for (taken, air) in [(-100, "cam1 Timeline"), (-20, "cam2 Take")] {
        let mut studio = show(vec![video(cues())]);
        studio.change(|spec| {
            spec["live"] = live(-180);
            spec["manual"] = json!({"source": "cam2", "hold": "take", "at": at(taken)});
        });
        assert_eq!(studio.run_to(0).air(), air, "taken at {taken}; the cue began at -30");
    }
}

#[test]
fn an_edit_in_mid_air_keeps_what_is_on_air_and_the_timing() {
    let overlays = json!({"type": "overlay", "name": "T", "layer": 1, "cues": [text("t", 0, 300)]});
    let cues = vec![cue("a", 0, 150, "clip1"), cue("b", 150, 150, "cam2")];
    let mut studio = show(vec![video(cues), overlays]);
    studio.run_to(100);
    let left = studio.director.overlays()[0].left_ms.unwrap();
    studio.change(|spec| {
        spec["timeline"]["tracks"][1]["cues"][0]["overlay"]["text"] = json!("Tide: High 3:45 PM");
        spec["timeline"]["tracks"][0]["cues"][1]["action"]["source"] = json!("cam1");
    });
    studio.run_to(101);
    assert_eq!((studio.began(), studio.on_air().since_tick), (30, 30));
    let overlay = studio.director.overlays().remove(0);
    assert_eq!(overlay.text, "Tide: High 3:45 PM");
    assert!(left - overlay.left_ms.unwrap() <= 34);
    assert_eq!(studio.changes_to(300), ["180: cam1 Timeline"]);
    studio.change(|spec| spec["timeline"]["tracks"][0]["cues"][1]["action"]["source"] = json!("cam2"));
    assert_eq!(studio.changes_to(310), ["301: cam2 Timeline"], "the spec no longer wants it");
}

#[test]
fn clips_that_come_soon_are_told_ahead() {
    let mut show = timeline(300, vec![video(vec![cue("a", 0, 150, "clip1"), cue("b", 150, 150, "clip2")])]);
    show["repeat"] = json!(true);
    let mut studio = Studio::new().with(|spec| spec["timeline"] = show);
    studio.run_to(10);
    assert!(studio.director.upcoming(900).is_empty(), "nobody knows when GO LIVE is");
    studio.change(|spec| spec["live"] = live(60));
    studio.run_to(20);
    assert_eq!(studio.director.upcoming(40), [(id("clip1"), 60)]);
    studio.run_to(60);
    assert_eq!(studio.director.upcoming(300), [(id("clip2"), 210), (id("clip1"), 360)]);
}
