//! What a person puts on air, holds, clears and gives back; and the order of the ladder, which a channel sets.

use super::*;
use crate::fault::Code;
use crate::spec::Hold;

fn slate(studio: &mut Studio) {
    let at = at(studio.tick as i64);
    studio.change(|spec| spec["manual"] = json!({"source": null, "hold": "pin", "at": at}));
}

fn pin(studio: &mut Studio, source: &str) {
    let at = at(studio.tick as i64);
    studio.change(|spec| spec["manual"] = json!({"source": source, "hold": "pin", "at": at}));
}

fn release(studio: &mut Studio) {
    studio.change(|spec| spec["manual"] = Value::Null);
}

fn codes(studio: &Studio) -> Vec<Code> {
    studio.director.faults().into_iter().map(|fault| fault.code).collect()
}

/// A show of cues of 100 ticks each, from tick 0 on, with an overlay over all of it.
fn show_of(sources: &[&str]) -> Studio {
    let cues = sources.iter().enumerate();
    let cues = cues.map(|(n, source)| cue(&format!("cue{n}"), n as u64 * 100, 100, source)).collect();
    let ticks = sources.len() as u64 * 100;
    let titles = json!({"type": "overlay", "name": "Titles", "layer": 1, "cues": [text("title", 0, ticks)]});
    Studio::new().with(|spec| {
        spec["timeline"] = timeline(ticks, vec![video(cues), titles]);
        spec["live"] = live(0);
    })
}

#[test]
fn the_emergency_slate_is_on_air_at_once_alone_and_until_released() {
    let mut studio = show_of(&["cam1", "cam2", "cam1"]);
    studio.change(|spec| spec["failover"]["live_input"] = json!("obs"));
    studio.run_to(50);
    assert_eq!(studio.overlays(), ["title 256"]);
    slate(&mut studio);
    studio.begin("obs");
    assert_eq!(studio.changes_to(249), ["51: - SlateByHand"], "no cue and no live input takes it");
    assert!(studio.overlays().is_empty() && studio.director.overlays().is_empty(), "it stands alone");
    assert_eq!(codes(&studio), [Code::SlateByHand]);
    assert_eq!((studio.on_air().wanted, studio.on_air().by_hand), (None, Some(Hold::Pin)));
    release(&mut studio);
    assert_eq!(studio.changes_to(260), ["250: obs LiveInput"], "automation's choice on the next tick");
    assert_eq!((studio.overlays(), codes(&studio)), (vec!["title 256".to_owned()], vec![]));
    assert_eq!(studio.on_air().by_hand, None);
}

#[test]
fn the_emergency_slate_cuts_even_into_a_mix() {
    let mut studio = Studio::new().with(|spec| {
        let cues = vec![cue("a", 0, 60, "cam1"), mixed(cue("b", 60, 300, "cam2"), "dissolve", 60)];
        spec["timeline"] = timeline(600, vec![video(cues)]);
        spec["live"] = live(0);
    });
    studio.run_to(80);
    slate(&mut studio);
    studio.run_to(81);
    assert!(matches!(studio.last.as_ref().unwrap().picture, Picture::One(Shown { source: None, .. })));
    release(&mut studio);
    studio.run_to(82);
    assert!(matches!(&studio.last.as_ref().unwrap().picture, Picture::One(shown) if shown.source == Some(id("cam2"))));
}

#[test]
fn a_camera_that_died_under_the_emergency_slate_is_not_what_comes_after_it() {
    let mut studio = show_of(&["cam1", "cam1"]);
    studio.change(|spec| spec["failover"]["loop"] = json!("clip1"));
    studio.run_to(20);
    slate(&mut studio);
    studio.run_to(40);
    studio.stop("cam1");
    studio.run_to(90);
    release(&mut studio);
    assert_eq!(studio.changes_to(150), ["91: clip1 Loop"]);
}

#[test]
fn a_forced_source_holds_even_while_it_is_lost() {
    let mut studio = show_of(&["cam1", "cam2", "cam1", "cam2"]);
    studio.run_to(20);
    // Nobody publishes there yet.
    pin(&mut studio, "obs");
    assert_eq!(studio.changes_to(150), ["100: cam2 Timeline"], "until it is there, what lives is shown");
    assert_eq!(studio.faults(), [(Code::FallbackOnAir, "OBS offline – switched to CAM2".into())]);
    assert_eq!((studio.on_air().wanted, studio.on_air().by_hand), (Some(id("obs")), Some(Hold::Pin)));
    studio.begin("obs");
    assert_eq!(studio.changes_to(250), ["166: obs Pin"], "it was never lost: it only settles");
    studio.stop("obs");
    assert_eq!(studio.changes_to(270), ["259: cam1 Timeline"]);
    studio.begin("obs");
    assert_eq!(studio.changes_to(430), ["300: cam2 Timeline", "421: obs Pin"], "a return takes its stable time");
    release(&mut studio);
    assert_eq!(studio.changes_to(440), ["431: cam2 Timeline"]);
}

#[test]
fn a_forced_source_falls_to_its_backup_before_what_is_planned_and_that_before_the_loop() {
    let mut studio = show_of(&["cam1", "cam1"]);
    studio.change(|spec| {
        spec["sources"].as_array_mut().unwrap().push(camera("cam3", Some("cam2")));
        spec["failover"]["loop"] = json!("clip1");
    });
    studio.begin("cam3");
    studio.run_to(20);
    pin(&mut studio, "cam3");
    studio.run_to(30);
    assert_eq!(studio.air(), "cam3 Pin");
    studio.stop("cam3");
    assert_eq!(studio.changes_to(59), ["39: cam2 Backup"]);
    studio.stop("cam2");
    assert_eq!(studio.changes_to(89), ["68: cam1 Timeline"]);
    studio.stop("cam1");
    assert_eq!(studio.changes_to(120), ["98: clip1 Loop"]);
}

#[test]
fn cleared_overlays_stay_away_until_they_are_brought_back_and_keep_their_time() {
    let titles = json!({"type": "overlay", "name": "T", "layer": 1, "cues": [text("a", 0, 60), text("b", 60, 600)]});
    let mut studio = Studio::new().with(|spec| {
        spec["timeline"] = timeline(900, vec![video(vec![cue("x", 0, 900, "cam1")]), titles]);
        spec["live"] = live(0);
        spec["sources"][0]["backup"] = json!("cam2");
        spec["messages"] = json!({"backup": true});
    });
    studio.run_to(30);
    studio.change(|spec| spec["overlays_cleared"] = json!(true));
    studio.run_to(31);
    assert!(studio.overlays().is_empty());
    studio.run_to(80);
    assert!(studio.overlays().is_empty(), "the next one does not bring them back");
    studio.stop("cam1");
    studio.run_to(95);
    assert_eq!((studio.air(), studio.overlays().len()), ("cam2 Backup".into(), 0), "nor does a message of ours");
    assert!(studio.director.overlays().is_empty());
    studio.change(|spec| spec["overlays_cleared"] = json!(false));
    studio.run_to(96);
    assert_eq!(studio.overlays(), ["b 256", "\"Switched to backup camera\" 256"]);
    assert_eq!(studio.director.overlays()[0].left_ms, Some(18_800));
}

#[test]
fn a_paused_timeline_stands_while_failover_goes_on() {
    let mut studio = show_of(&["cam1", "cam2"]);
    studio.change(|spec| spec["sources"][0]["backup"] = json!("cam2"));
    studio.run_to(50);
    studio.change(|spec| spec["live"]["paused_at"] = json!(at(50)));
    studio.run_to(200);
    studio.stop("cam1");
    assert_eq!(studio.changes_to(300), ["209: cam2 Backup"]);
    let status = studio.director.timeline().unwrap();
    assert_eq!((status.position_ms, status.paused, status.cue.as_ref().map(CueId::as_str)), (1666, true, Some("cue0")));
}

#[test]
fn a_take_that_is_over_is_told_as_over() {
    let mut studio = show_of(&["cam1", "cam1"]);
    studio.run_to(20);
    studio.change(|spec| spec["manual"] = json!({"source": "cam2", "hold": "take", "at": at(20)}));
    studio.run_to(99);
    assert_eq!((studio.air(), studio.on_air().by_hand), ("cam2 Take".into(), Some(Hold::Take)));
    studio.run_to(100);
    assert_eq!((studio.air(), studio.on_air().by_hand), ("cam1 Timeline".into(), None));
}

#[test]
fn a_cue_of_a_dead_camera_leaves_on_air_what_was_there() {
    let mut studio = show_of(&["cam1", "obs", "cam1"]);
    assert_eq!(studio.changes_to(150), ["0: cam1 Timeline", "100: cam1 Kept"], "rather than the slate");
    assert_eq!(studio.faults(), [(Code::FallbackOnAir, "OBS offline – CAM1 stays".into())]);
    assert_eq!((studio.on_air().wanted, studio.on_air().since_tick), (Some(id("obs")), 0), "it has never left");
    assert_eq!(studio.changes_to(250), ["200: cam1 Timeline"]);
    assert!(studio.faults().is_empty());
}

#[test]
fn a_camera_that_dies_hands_back_to_the_one_before_it() {
    let mut studio = show_of(&["cam1", "cam2", "clip1"]);
    studio.run_to(120);
    studio.stop("cam2");
    assert_eq!(studio.changes_to(150), ["129: cam1 Kept"]);
    studio.stop("cam1");
    assert_eq!(studio.changes_to(180), ["159: - Slate"], "nothing lives any more");
    studio.begin("cam1");
    assert_eq!(studio.changes_to(199), ["196: cam1 Kept"]);
    assert_eq!(studio.changes_to(250), ["200: clip1 Timeline"]);
}

#[test]
fn a_film_may_stay_on_air_but_does_not_come_back_for_a_camera() {
    let mut studio = show_of(&["clip1", "obs", "cam1"]);
    assert_eq!(studio.changes_to(199), ["0: clip1 Timeline", "100: clip1 Kept"]);
    assert_eq!(studio.began(), 0, "it goes on");
    studio.run_to(250);
    studio.stop("cam1");
    assert_eq!(studio.changes_to(299), ["259: - Slate"], "a film from before says nothing of now");
}

#[test]
fn the_loop_comes_before_what_was_on_air() {
    let mut studio = show_of(&["cam1", "obs"]);
    studio.change(|spec| spec["failover"]["loop"] = json!("clip1"));
    assert_eq!(studio.changes_to(150), ["0: cam1 Timeline", "100: clip1 Loop"]);
}

#[test]
fn without_anything_wanted_nothing_is_kept() {
    let mut studio = Studio::new().with(|spec| spec["failover"] = json!({}));
    studio.run_to(20);
    pin(&mut studio, "cam2");
    studio.run_to(60);
    release(&mut studio);
    assert_eq!(studio.changes_to(100), ["61: - Slate"], "released is released");
}

#[test]
fn the_channel_orders_its_ladder_and_leaves_steps_out() {
    for (ladder, on_air) in [
        (json!(["live_input", "backup", "loop"]), "cam2 Backup"),
        (json!(["loop", "backup"]), "clip1 Loop"),
        (json!(["backup"]), "cam2 Backup"),
        (json!(["loop"]), "clip1 Loop"),
        (json!([]), "- Slate"),
    ] {
        let mut studio = Studio::new().with(|spec| {
            spec["sources"][0]["backup"] = json!("cam2");
            spec["failover"] = json!({"primary": "cam1", "loop": "clip1", "ladder": ladder});
        });
        studio.run_to(50);
        studio.stop("cam1");
        studio.run_to(70);
        assert_eq!(studio.air(), on_air, "{ladder}");
    }
}

#[test]
fn the_order_changes_while_on_air() {
    let mut studio = Studio::new().with(|spec| {
        spec["sources"][0]["backup"] = json!("cam2");
        spec["failover"] = json!({"primary": "cam1", "loop": "clip1"});
    });
    studio.run_to(50);
    studio.stop("cam1");
    studio.run_to(70);
    assert_eq!(studio.air(), "cam2 Backup");
    studio.change(|spec| spec["failover"]["ladder"] = json!(["loop", "backup"]));
    assert_eq!(studio.changes_to(80), ["71: clip1 Loop"]);
}

#[test]
fn under_a_hand_the_live_input_stands_in_where_its_step_says_and_when_it_is_stable() {
    let studio = |ladder: Value| {
        let mut studio = Studio::new().with(|spec| {
            spec["sources"].as_array_mut().unwrap().push(camera("cam3", None));
            spec["sources"][1]["backup"] = json!("cam3");
            spec["failover"] = json!({"primary": "cam1", "live_input": "obs", "ladder": ladder});
        });
        studio.begin("cam3");
        studio.run_to(20);
        pin(&mut studio, "cam2");
        studio.run_to(30);
        studio.begin("obs");
        studio
    };
    let mut early = studio(json!(["live_input", "backup"]));
    early.run_to(60);
    early.stop("cam2");
    assert_eq!(early.changes_to(300), ["69: cam3 Backup", "181: obs LiveInput"], "it had flowed for 1 s only");
    let mut late = studio(json!(["backup", "live_input"]));
    late.run_to(300);
    assert_eq!(late.air(), "cam2 Pin", "manual beats the live input");
    late.stop("cam2");
    assert_eq!(late.changes_to(400), ["309: cam3 Backup"]);
    assert_eq!(late.on_air().wanted, Some(id("cam2")));
    let mut never = studio(json!([]));
    never.run_to(60);
    never.stop("cam2");
    assert_eq!(
        never.changes_to(300),
        ["69: cam1 Primary", "181: obs LiveInput"],
        "the plan is no step: here it is the live input"
    );
}
