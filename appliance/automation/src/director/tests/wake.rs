//! What is decoded whole, and how a source that is not goes on air.

use super::*;

/// Tells what is decoded whole: of the cameras, in order.
fn awake(studio: &Studio) -> Vec<&'static str> {
    ["cam1", "cam2", "obs"].into_iter().filter(|source| studio.director.is_awake(&id(source))).collect()
}

fn two_cues() -> Studio {
    Studio::new().with(|spec| {
        spec["timeline"] = timeline(600, vec![video(vec![cue("a", 0, 300, "cam1"), cue("b", 300, 300, "cam2")])]);
        spec["live"] = live(0);
    })
}

#[test]
fn what_is_on_air_is_awake_and_its_next_cue_three_seconds_ahead() {
    let mut studio = two_cues();
    studio.run_to(209);
    assert_eq!(awake(&studio), ["cam1"]);
    studio.run_to(210);
    assert_eq!(awake(&studio), ["cam1", "cam2"], "the cue begins at tick 300");
    studio.run_to(299 + 59);
    assert_eq!(awake(&studio), ["cam1", "cam2"]);
    studio.run_to(299 + 61);
    assert_eq!(awake(&studio), ["cam2"], "2 s after it was on air");
}

#[test]
fn a_cue_of_a_source_that_is_awake_begins_on_its_tick() {
    let mut studio = two_cues();
    studio.director.asleep(&id("cam2"), true);
    studio.run_to(215);
    studio.director.asleep(&id("cam2"), false);
    assert_eq!(studio.changes_to(400), ["300: cam2 Timeline"]);
}

#[test]
fn a_take_of_a_source_that_stands_by_waits_for_its_decoder() {
    let mut studio = Studio::new().with(|_| {});
    studio.run_to(60);
    studio.director.asleep(&id("cam2"), true);
    studio.change(|spec| spec["manual"] = json!({"source": "cam2", "hold": "take", "at": at(60)}));
    studio.run_to(66);
    assert_eq!((studio.air(), awake(&studio)), ("cam1 Primary".into(), vec!["cam1", "cam2"]));
    studio.director.asleep(&id("cam2"), false);
    assert_eq!(studio.changes_to(100), ["67: cam2 Take"]);
}

#[test]
fn a_decoder_that_does_not_catch_up_is_waited_for_a_second() {
    let mut studio = Studio::new().with(|_| {});
    studio.run_to(60);
    studio.director.asleep(&id("cam2"), true);
    studio.change(|spec| spec["manual"] = json!({"source": "cam2", "hold": "pin", "at": at(60)}));
    assert_eq!(studio.changes_to(200), ["91: cam2 Pin"]);
}

#[test]
fn a_dissolve_that_had_to_wait_is_still_one() {
    let mut studio = Studio::new().with(|spec| {
        let cues = vec![cue("a", 0, 300, "cam1"), mixed(cue("b", 300, 300, "cam2"), "dissolve", 30)];
        spec["timeline"] = timeline(600, vec![video(cues)]);
        spec["live"] = live(0);
    });
    studio.director.asleep(&id("cam2"), true);
    studio.run_to(305);
    assert_eq!(studio.air(), "cam1 Timeline");
    studio.director.asleep(&id("cam2"), false);
    let weights = [306, 320, 335, 336].map(|tick| match &studio.run_to(tick).last.as_ref().unwrap().picture {
        Picture::Mix { weight, .. } => Some(*weight),
        Picture::One(_) => None,
    });
    assert_eq!(weights, [Some(8), Some(123), Some(247), None], "whole, from the tick on at which it could begin");
}

#[test]
fn a_cue_of_a_camera_that_is_lost_wakes_its_backup() {
    let mut studio = two_cues().with(|spec| {
        spec["sources"][1]["backup"] = json!("obs");
    });
    studio.begin("obs");
    studio.run_to(150);
    studio.stop("cam2");
    studio.run_to(215);
    assert_eq!(awake(&studio), ["cam1", "cam2", "obs"]);
}

#[test]
fn the_next_rung_is_woken_when_what_is_on_air_runs_dry() {
    let mut studio = Studio::new().with(|spec| spec["sources"][0]["backup"] = json!("cam2"));
    studio.run_to(99);
    assert_eq!(awake(&studio), ["cam1"]);
    let lasts = |studio: &mut Studio, ticks: u64| {
        let to = studio.director.grid.time(studio.tick + ticks);
        studio.director.buffered(&id("cam1"), to);
    };
    lasts(&mut studio, 3);
    studio.run_to(100);
    assert_eq!(awake(&studio), ["cam1"]);
    lasts(&mut studio, 1);
    studio.run_to(101);
    assert_eq!(awake(&studio), ["cam1", "cam2"]);
}

#[test]
fn without_being_told_what_arrives_a_picture_that_is_overdue_wakes_it() {
    let mut studio = Studio::new().with(|spec| spec["sources"][0]["backup"] = json!("cam2"));
    studio.run_to(99);
    studio.stop("cam1");
    studio.run_to(101);
    assert_eq!(awake(&studio), ["cam1"]);
    studio.run_to(102);
    assert_eq!(awake(&studio), ["cam1", "cam2"]);
    studio.director.asleep(&id("cam2"), true);
    assert_eq!(studio.changes_to(125), Vec::<String>::new(), "the last picture bridges");
    studio.director.asleep(&id("cam2"), false);
    assert_eq!(studio.changes_to(200), ["126: cam2 Backup"]);
}

#[test]
fn what_is_gone_from_the_spec_does_not_stay_on_air() {
    let mut studio = Studio::new().with(|_| {});
    studio.run_to(60);
    studio.director.asleep(&id("cam2"), true);
    studio.change(|spec| {
        spec["sources"].as_array_mut().unwrap().remove(0);
        spec["failover"] = json!({"primary": "cam2"});
    });
    assert_eq!(studio.changes_to(80), ["61: cam2 Primary"]);
}
