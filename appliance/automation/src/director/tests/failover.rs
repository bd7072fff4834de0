//! The ladder, hold-off, return, takeover, and what the operator and the audience are told.

use super::*;
use crate::director::ladder::Rung;
use crate::fault::Code;

fn with_backup_and_loop() -> Studio {
    Studio::new().with(|spec| {
        spec["sources"][0]["backup"] = json!("cam2");
        spec["failover"] = json!({"primary": "cam1", "loop": "clip1"});
    })
}

#[test]
fn without_a_spec_the_slate_is_on_air() {
    let mut studio = Studio::new();
    studio.run_to(3);
    assert_eq!((studio.air(), studio.began()), ("- Slate".into(), 0));
    assert_eq!(studio.faults()[0].0, Code::SlateOnAir);
}

#[test]
fn cameras_that_are_there_from_the_beginning_are_on_air_from_tick_0() {
    let mut studio = Studio::new().with(|_| {});
    assert_eq!(studio.changes_to(3000), ["0: cam1 Primary"]);
    assert!(studio.faults().is_empty());
}

#[test]
fn the_first_pictures_settle_for_half_a_second() {
    let mut studio = Studio::new().with(|_| {});
    studio.sending.clear();
    studio.run_to(59);
    studio.begin("cam1");
    assert_eq!(studio.changes_to(200), ["75: cam1 Primary"]);
    assert_eq!(studio.director.source_state(&id("cam1")), SourceState::Settling);
    studio.run_to(210);
    assert_eq!(studio.director.source_state(&id("cam1")), SourceState::Online);
    assert_eq!(studio.director.source_state(&id("cam2")), SourceState::Connecting);
}

#[test]
fn the_ladder_is_climbed_down_and_up() {
    let mut studio = with_backup_and_loop();
    studio.run_to(99);
    studio.stop("cam1");
    // The last picture is of tick 99; 300 ms are 9 ticks.
    assert_eq!(studio.changes_to(299), ["108: cam2 Backup"]);
    assert_eq!(studio.faults(), [(Code::FallbackOnAir, "CAM1 offline – switched to CAM2".into())]);
    studio.stop("cam2");
    assert_eq!(studio.changes_to(399), ["308: clip1 Loop"]);
    assert_eq!(studio.faults(), [(Code::FallbackOnAir, "CAM1 offline – switched to CLIP1".into())]);
    studio.director.unplayable(&id("clip1"), Some(Fault::new(Code::MediaUnreadable, "clip1")));
    assert_eq!(studio.changes_to(499), ["400: - Slate"]);
    assert_eq!(studio.faults(), [(Code::SlateOnAir, "CAM1 offline – the audience sees the slate".into())]);
    studio.director.unplayable(&id("clip1"), None);
    assert_eq!(studio.changes_to(549), ["500: clip1 Loop"]);
    studio.begin("cam2");
    assert_eq!(studio.changes_to(749), ["700: cam2 Backup"], "a return takes its stable time");
    studio.begin("cam1");
    assert_eq!(studio.changes_to(1000), ["900: cam1 Primary"]);
    assert!(studio.faults().is_empty());
}

#[test]
fn from_the_slate_a_lost_camera_returns_at_once() {
    let mut studio = Studio::new().with(|_| {});
    studio.run_to(100);
    studio.stop("cam1");
    studio.run_to(199);
    assert_eq!(studio.air(), "- Slate");
    studio.begin("cam1");
    assert_eq!(studio.changes_to(400), ["215: cam1 Primary"]);
}

#[test]
fn a_flapping_camera_stays_off_the_air() {
    let mut studio = with_backup_and_loop();
    studio.run_to(99);
    studio.stop("cam1");
    let mut changes = Vec::new();
    for round in 0..20 {
        changes.extend(studio.changes_to(200 + round * 160));
        studio.begin("cam1");
        changes.extend(studio.changes_to(300 + round * 160));
        studio.stop("cam1");
    }
    assert_eq!(changes, ["108: cam2 Backup"]);
}

#[test]
fn a_camera_that_only_stutters_is_not_lost() {
    let mut studio = with_backup_and_loop();
    let mut changes = Vec::new();
    for round in 1..50 {
        changes.extend(studio.changes_to(round * 20));
        studio.stop("cam1");
        changes.extend(studio.changes_to(round * 20 + 7));
        studio.begin("cam1");
    }
    assert_eq!(changes, ["0: cam1 Primary"]);
}

#[test]
fn a_chain_of_backups_is_followed_and_a_cycle_ends() {
    let mut studio = with_backup_and_loop();
    studio.change(|spec| {
        spec["sources"][1]["backup"] = json!("obs");
        spec["sources"][2]["backup"] = json!("clip2");
    });
    studio.run_to(50);
    studio.stop("cam1");
    studio.stop("cam2");
    studio.run_to(100);
    assert_eq!(studio.air(), "clip2 Backup");
    // A spec with a cycle cannot be made; the ladder does not rely on it.
    let mut spec = studio.director;
    spec.sources.candidates.get_mut(&id("clip2")).unwrap().set_backup(id("cam1"));
    let wanted = Rung { source: id("cam1"), carrier: Carrier::Primary };
    let rungs = spec.sources.rungs(Some(&wanted), None, std::iter::empty());
    assert_eq!(
        rungs.iter().map(|rung| rung.source.as_str()).collect::<Vec<_>>(),
        ["cam1", "cam2", "obs", "clip2", "clip1"]
    );
}

#[test]
fn the_live_input_takes_the_program_when_it_is_stable() {
    let mut studio = Studio::new().with(|spec| {
        spec["failover"] = json!({"primary": "cam1", "live_input": "obs", "loop": "clip1"});
    });
    studio.run_to(99);
    studio.begin("obs");
    assert_eq!(studio.changes_to(399), ["250: obs LiveInput"]);
    assert_eq!(studio.on_air().wanted, Some(id("obs")));
    studio.stop("obs");
    assert_eq!(studio.changes_to(499), ["408: cam1 Primary"]);
    assert!(studio.faults().is_empty(), "automation wants the camera again");
    studio.begin("obs");
    assert_eq!(studio.changes_to(700), ["650: obs LiveInput"]);
}

#[test]
fn obs_over_loop_as_a_channel_without_cameras() {
    let mut studio = Studio::new().with(|spec| {
        spec["failover"] = json!({"live_input": "obs", "loop": "clip1"});
    });
    studio.run_to(99);
    assert_eq!((studio.air(), studio.faults()), ("clip1 Loop".into(), vec![]), "the loop is the plan");
    studio.begin("obs");
    assert_eq!(studio.changes_to(399), ["250: obs LiveInput"]);
    studio.stop("obs");
    assert_eq!(studio.changes_to(500), ["408: clip1 Loop"]);
    assert_eq!(studio.began(), 408);
}

#[test]
fn obs_over_a_loop_that_an_outside_playout_sends() {
    let mut studio = Studio::new().with(|spec| {
        let playout = json!({"id": "mill", "name": "Mill", "kind": "rtmp", "stream": "main_loop", "role": "loop",
                             "backup": "clip1"});
        spec["sources"].as_array_mut().unwrap().push(playout);
        spec["failover"] = json!({"live_input": "obs", "loop": "mill"});
    });
    studio.begin("mill");
    studio.run_to(99);
    assert_eq!((studio.air(), studio.faults()), ("mill Loop".into(), vec![]), "the loop is the plan");
    studio.begin("obs");
    assert_eq!(studio.changes_to(399), ["250: obs LiveInput"]);
    studio.stop("mill");
    studio.run_to(450);
    studio.stop("obs");
    assert_eq!(studio.changes_to(599), ["459: clip1 Backup"], "a playout can be lost; a file cannot");
    studio.begin("mill");
    assert_eq!(studio.changes_to(800), ["750: mill Loop"], "it returns after its stable time");
}

#[test]
fn the_live_input_at_once_rather_than_the_slate() {
    let mut studio = Studio::new().with(|spec| {
        spec["failover"] = json!({"primary": "cam1", "live_input": "obs"});
    });
    studio.run_to(99);
    studio.begin("obs");
    studio.run_to(199);
    studio.stop("cam1");
    assert_eq!(studio.changes_to(600), ["208: obs LiveInput"]);
}

#[test]
fn a_pin_that_died_falls_back_and_comes_back() {
    let mut studio = Studio::new().with(|spec| {
        spec["manual"] = json!({"source": "cam2", "hold": "pin", "at": at(0)});
    });
    studio.run_to(99);
    studio.stop("cam2");
    assert_eq!(studio.changes_to(199), ["108: cam1 Primary"], "rather than the slate");
    assert_eq!(studio.faults(), [(Code::FallbackOnAir, "CAM2 offline – switched to CAM1".into())]);
    assert_eq!(studio.on_air().wanted, Some(id("cam2")));
    studio.begin("cam2");
    assert_eq!(studio.changes_to(500), ["350: cam2 Pin"]);
}

#[test]
fn what_a_person_takes_needs_no_stable_time() {
    let mut studio = with_backup_and_loop();
    studio.run_to(99);
    studio.stop("cam2");
    studio.run_to(149);
    studio.begin("cam2");
    studio.run_to(159);
    studio.change(|spec| spec["manual"] = json!({"source": "cam2", "hold": "take", "at": at(160)}));
    assert_eq!(studio.changes_to(400), ["160: cam2 Take"]);
}

#[test]
fn the_audience_reads_of_the_backup_where_the_channel_says_so() {
    let mut studio = with_backup_and_loop();
    studio.change(|spec| spec["messages"] = json!({"backup": true}));
    studio.run_to(99);
    studio.stop("cam1");
    studio.run_to(107);
    assert!(studio.overlays().is_empty());
    studio.run_to(108);
    assert_eq!(studio.overlays(), ["\"Switched to backup camera\" 256"]);
    assert_eq!(studio.director.overlays()[0].left_ms, Some(5000));
    studio.run_to(257);
    assert_eq!(studio.overlays().len(), 1);
    studio.run_to(258);
    assert!(studio.overlays().is_empty() && studio.air() == "cam2 Backup");
}

#[test]
fn a_source_that_is_taken_out_leaves_the_air() {
    let mut studio = with_backup_and_loop();
    studio.run_to(99);
    studio.change(|spec| {
        spec["sources"].as_array_mut().unwrap().remove(0);
        spec["failover"] = json!({"primary": "cam2", "loop": "clip1"});
    });
    assert_eq!(studio.changes_to(200), ["100: cam2 Primary"]);
}

#[test]
fn a_new_spec_keeps_what_is_on_air() {
    let mut studio = with_backup_and_loop();
    studio.run_to(99);
    studio.stop("cam1");
    studio.run_to(199);
    studio.change(|spec| spec["sources"][3]["name"] = json!("Other"));
    assert_eq!(studio.changes_to(400), Vec::<String>::new());
    assert_eq!(studio.on_air().since_tick, 108);
}

#[test]
fn another_file_is_another_try() {
    let mut studio = with_backup_and_loop();
    let fault = Fault::new(Code::MediaUnreadable, "clip1");
    studio.director.unplayable(&id("clip1"), Some(fault));
    studio.run_to(1);
    assert_eq!(studio.director.source_state(&id("clip1")), SourceState::Lost);
    studio.tell();
    assert_eq!(studio.director.source_state(&id("clip1")), SourceState::Lost);
    studio.change(|spec| {
        spec["assets"]["other"] = json!("/assets/other.mp4");
        spec["sources"][3]["asset"] = json!("other");
    });
    assert_eq!(studio.director.source_state(&id("clip1")), SourceState::Online);
}

#[test]
fn a_cue_of_a_dead_camera_mixes_to_its_backup() {
    let mut studio = with_backup_and_loop();
    studio.change(|spec| {
        spec["sources"][1]["backup"] = json!("clip2");
        let cues = vec![cue("a", 0, 150, "cam1"), mixed(cue("b", 150, 150, "cam2"), "dissolve", 15)];
        spec["timeline"] = timeline(900, vec![video(cues)]);
        spec["live"] = live(0);
    });
    studio.run_to(20);
    studio.stop("cam2");
    studio.run_to(157);
    assert!(matches!(studio.last.as_ref().unwrap().picture, Picture::Mix { weight: 128, .. }));
    assert_eq!(studio.air(), "clip2 Backup");
}
