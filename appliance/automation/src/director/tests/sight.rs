//! Sources that send and show nothing: what is told, and what leaves the air.

use super::*;

/// `cam1` with the backup `cam2`, and what its checks do.
fn studio(action: &str) -> Studio {
    Studio::new().with(|spec| {
        spec["sources"][0]["backup"] = json!("cam2");
        let check = |after_s| json!({"after_s": after_s, "action": action});
        let checks = json!({"frozen": check(4), "black": check(2), "silent": check(3)});
        spec["failover"] = json!({"primary": "cam1", "stable_ms": 1000, "checks": checks});
    })
}

impl Studio {
    /// Looks at a source at the next tick: luma of its picture, and its sound.
    fn look(&mut self, source: &str, luma: u8, silent: Option<bool>) {
        let at = Running(at(self.tick as i64));
        self.director.look(&id(source), at, Some(&[luma; POINTS]), silent);
    }

    fn state(&self, source: &str) -> SourceState {
        self.director.source_state(&id(source))
    }
}

#[test]
fn what_is_only_told_stays_on_air() {
    let mut studio = studio("tell");
    studio.run_to(60);
    for _ in 0..8 {
        studio.look("cam1", 100, Some(false));
        let to = studio.tick + 15;
        assert_eq!(studio.changes_to(to), Vec::<String>::new());
    }
    studio.run_to(200);
    assert_eq!((studio.state("cam1"), studio.air()), (SourceState::Frozen, "cam1 Primary".into()));
    studio.look("cam1", 16, Some(false));
    studio.run_to(230);
    assert_eq!(studio.state("cam1"), SourceState::Online, "it moved; black not long enough");
    studio.run_to(300);
    assert_eq!(studio.state("cam1"), SourceState::Black);
    studio.look("cam1", 100, Some(true));
    studio.run_to(380);
    assert_eq!(studio.state("cam1"), SourceState::Online);
    studio.run_to(395);
    assert_eq!((studio.state("cam1"), studio.air()), (SourceState::Silent, "cam1 Primary".into()));
    studio.stop("cam1");
    studio.run_to(410);
    assert_eq!(studio.state("cam1"), SourceState::Lost);
    studio.begin("cam1");
    studio.run_to(600);
    assert_eq!(studio.state("cam1"), SourceState::Online, "what was seen before the loss is forgotten");
}

#[test]
fn what_leaves_the_air_is_replaced_at_its_limit_and_returns_after_its_stable_time() {
    let mut studio = studio("leave");
    studio.run_to(60);
    studio.look("cam1", 16, None);
    // Seen at tick 61; 2 s are 60 ticks.
    assert_eq!(studio.changes_to(300), ["121: cam2 Backup"]);
    assert_eq!(studio.state("cam1"), SourceState::Black);
    studio.look("cam1", 100, None);
    let seen = studio.tick;
    assert_eq!(studio.changes_to(400), [format!("{}: cam1 Primary", seen + 31)]);
}

#[test]
fn a_person_may_put_a_frozen_camera_on_air() {
    let mut studio = studio("leave");
    studio.run_to(60);
    studio.look("cam1", 100, None);
    studio.run_to(90);
    studio.look("cam1", 100, None);
    studio.run_to(300);
    assert_eq!((studio.state("cam1"), studio.air()), (SourceState::Frozen, "cam2 Backup".into()));
    let tick = studio.tick;
    studio = studio.with(|spec| spec["manual"] = json!({"source": "cam1", "hold": "pin", "at": at(tick as i64)}));
    studio.run_to(400);
    assert_eq!((studio.state("cam1"), studio.air()), (SourceState::Frozen, "cam1 Pin".into()));
}

#[test]
fn slides_of_a_publisher_and_of_a_fetched_stream_may_stand_still() {
    for kind in [json!({"kind": "rtmp", "stream": "main_obs"}), json!({"kind": "pull", "url": "http://tv/live.m3u8"})] {
        let mut studio = studio("leave").with(|spec| {
            let source = spec["sources"][2].as_object_mut().unwrap();
            source.remove("url");
            source.extend(kind.as_object().unwrap().clone());
            spec["failover"]["live_input"] = json!("obs");
        });
        studio.run_to(60);
        studio.begin("obs");
        studio.run_to(200);
        studio.look("obs", 100, None);
        studio.run_to(230);
        studio.look("obs", 100, None);
        studio.run_to(900);
        assert_eq!((studio.state("obs"), studio.air()), (SourceState::Online, "obs LiveInput".into()), "{kind}");
    }
}

#[test]
fn one_that_a_person_chooses_all_the_same_is_told_for_what_it_is_at_once() {
    let mut studio = studio("leave");
    studio.run_to(60);
    studio.look("cam1", 16, Some(false));
    studio.run_to(200);
    studio.look("cam1", 16, Some(false));
    studio.run_to(210);
    assert_eq!((studio.state("cam1"), studio.air()), (SourceState::Black, "cam2 Backup".into()));
    let at = at(studio.tick as i64);
    studio.change(|spec| spec["manual"] = json!({"source": "cam1", "hold": "take", "at": at}));
    studio.run_to(212);
    assert_eq!((studio.state("cam1"), studio.air()), (SourceState::Black, "cam1 Take".into()));
}
