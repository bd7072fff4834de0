//! Cameras that are moved to their presets: 30 ticks a second, and heads that take 3 s, which are 90 ticks.

use super::*;

fn head(camera: usize, settle_ms: u32) -> Value {
    json!({"protocol": "onvif", "device": format!("http://cam-{camera}/d"), "service": "http://cam/p", "profile": "1", "settle_ms": settle_ms})
}

fn at_preset(mut cue: Value, token: &str) -> Value {
    cue["action"]["preset"] = json!({"token": token});
    cue
}

fn even_on_air(mut cue: Value) -> Value {
    cue["action"]["preset"]["on_air"] = json!(true);
    cue
}

/// Heads on both cameras; GO LIVE is at tick 300.
fn show(cues: Vec<Value>) -> Studio {
    Studio::new().with(|spec| {
        for camera in 0..2 {
            spec["sources"][camera]["ptz"] = head(camera, 3000);
        }
        spec["timeline"] = timeline(1800, vec![video(cues)]);
        spec["live"] = live(300);
    })
}

impl Studio {
    /// Runs up to and with a tick, and tells each movement as `tick: source to preset for cue`, and each time that words
    /// of one that is left out appear or go.
    fn moves_to(&mut self, tick: u64) -> Vec<String> {
        let mut told = Vec::new();
        let words = |studio: &Studio| {
            let faults = studio.faults().into_iter();
            faults.filter(|(code, _)| *code == crate::fault::Code::PresetSkipped).map(|(_, text)| text).collect()
        };
        let mut before: Vec<String> = words(self);
        while self.tick <= tick {
            let now = self.tick;
            self.run_to(now);
            for CameraMove { source, preset, cue, on_air, .. } in self.director.moves() {
                let seen = if *on_air { ", seen" } else { "" };
                told.push(format!("{now}: {source} to {preset} for {cue}{seen}"));
            }
            let after = words(self);
            if after != before {
                told.push(format!("{now}: {}", if after.is_empty() { "over".to_owned() } else { after.join(" ") }));
                before = after;
            }
        }
        told
    }
}

fn skipped(tick: u64, camera: &str, cue: &str, preset: &str) -> String {
    format!("{tick}: {camera} had no time off air ahead of cue \"{cue}\" and was not moved to its preset \"{preset}\".")
}

#[test]
fn a_camera_is_moved_its_settle_time_ahead_of_the_cut() {
    let cues = vec![
        at_preset(cue("a", 0, 300, "cam1"), "wide"),
        at_preset(cue("b", 300, 300, "cam2"), "close"),
        at_preset(cue("c", 600, 300, "cam1"), "close"),
    ];
    let mut studio = show(cues);
    let expected = ["0: cam1 to wide for a", "510: cam2 to close for b", "810: cam1 to close for c"];
    assert_eq!(studio.moves_to(2100), expected);
}

#[test]
fn each_camera_takes_its_own_time_to_settle() {
    let cues = vec![cue("a", 0, 300, "cam1"), at_preset(cue("b", 300, 300, "cam2"), "p")];
    for (settle_ms, tick) in [(0, 599), (500, 585), (9000, 330)] {
        let mut studio = show(cues.clone());
        studio.change(|spec| spec["sources"][1]["ptz"] = head(1, settle_ms));
        assert_eq!(studio.moves_to(900), [format!("{tick}: cam2 to p for b")], "{settle_ms} ms");
    }
}

#[test]
fn a_camera_that_is_on_air_is_not_moved_and_it_is_said() {
    let cues = vec![at_preset(cue("a", 0, 300, "cam1"), "wide"), at_preset(cue("b", 300, 300, "cam1"), "close")];
    let mut studio = show(cues);
    let expected = ["0: cam1 to wide for a".to_owned(), skipped(600, "CAM1", "b", "close"), "900: over".to_owned()];
    assert_eq!(studio.moves_to(1200), expected);
}

#[test]
fn a_cue_may_move_its_camera_on_air_and_then_at_its_start() {
    let second = even_on_air(at_preset(cue("b", 300, 300, "cam1"), "close"));
    let mut studio = show(vec![at_preset(cue("a", 0, 300, "cam1"), "wide"), second]);
    assert_eq!(studio.moves_to(1200), ["0: cam1 to wide for a", "600: cam1 to close for b, seen"]);
}

#[test]
fn a_gap_that_is_too_short_is_no_time_to_move_unless_the_cue_allows_it() {
    let gap = |ticks: u64, allowed: bool| {
        let last = at_preset(cue("c", 300 + ticks, 300, "cam1"), "close");
        let last = if allowed { even_on_air(last) } else { last };
        let mut studio = show(vec![cue("a", 0, 300, "cam1"), cue("b", 300, ticks, "cam2"), last]);
        studio.moves_to(1500)
    };
    assert_eq!(gap(90, false), ["600: cam1 to close for c"], "just long enough");
    assert_eq!(gap(89, false), [skipped(600, "CAM1", "c", "close"), "989: over".to_owned()]);
    assert_eq!(gap(89, true), ["600: cam1 to close for c"], "off air, though it may still be on its way at the cut");
}

#[test]
fn a_camera_that_fades_out_is_still_on_air() {
    let second = mixed(cue("b", 300, 100, "cam2"), "dissolve", 15);
    let mut studio = show(vec![cue("a", 0, 300, "cam1"), second, at_preset(cue("c", 400, 300, "cam1"), "close")]);
    assert_eq!(studio.moves_to(700), [skipped(615, "CAM1", "c", "close")]);
    let second = mixed(cue("b", 300, 105, "cam2"), "dissolve", 15);
    let mut studio = show(vec![cue("a", 0, 300, "cam1"), second, at_preset(cue("c", 405, 300, "cam1"), "close")]);
    assert_eq!(studio.moves_to(700), ["615: cam1 to close for c"]);
}

#[test]
fn a_later_cue_does_not_move_a_camera_away_from_an_earlier_one() {
    let cues = vec![
        cue("a", 0, 300, "cam2"),
        at_preset(cue("b", 300, 30, "cam1"), "wide"),
        cue("c", 330, 90, "cam2"),
        at_preset(cue("d", 420, 300, "cam1"), "close"),
    ];
    let mut studio = show(cues);
    assert_eq!(studio.moves_to(1200), ["510: cam1 to wide for b", "630: cam1 to close for d"]);
}

#[test]
fn before_go_live_the_first_camera_is_moved_at_once_and_an_edit_of_it_is_followed() {
    let first = |token: &str| timeline(1800, vec![video(vec![at_preset(cue("a", 0, 300, "cam1"), token)])]);
    let mut studio = show(Vec::new());
    studio.change(|spec| (spec["timeline"], spec["live"]) = (first("wide"), Value::Null));
    assert_eq!(studio.moves_to(100), ["0: cam1 to wide for a"]);
    studio.change(|spec| spec["timeline"] = first("close"));
    assert_eq!(studio.moves_to(200), ["101: cam1 to close for a"]);
    // The countdown is long enough, and somebody may have moved it by hand meanwhile.
    studio.change(|spec| spec["live"] = live(320));
    assert_eq!(studio.moves_to(400), ["201: cam1 to close for a"]);
}

#[test]
fn go_live_at_once_finds_the_first_camera_where_it_was_sent() {
    let mut studio = show(vec![at_preset(cue("a", 0, 300, "cam1"), "wide")]);
    studio.change(|spec| spec["live"] = Value::Null);
    assert_eq!(studio.moves_to(99), ["0: cam1 to wide for a"]);
    studio.change(|spec| spec["live"] = live(100));
    assert_eq!(studio.moves_to(300), Vec::<String>::new());

    let mut studio = Studio::new().with(|_| {});
    studio.run_to(99);
    let mut studio = studio.with(|spec| {
        spec["sources"][0]["ptz"] = head(0, 3000);
        spec["timeline"] = timeline(1800, vec![video(vec![at_preset(cue("a", 0, 300, "cam1"), "wide")])]);
        spec["live"] = live(99);
    });
    assert_eq!(studio.moves_to(300), [skipped(100, "CAM1", "a", "wide")], "nobody has ever sent it there");
}

#[test]
fn every_round_of_a_repeated_timeline_moves_anew() {
    let cues = vec![at_preset(cue("a", 0, 150, "cam1"), "wide"), at_preset(cue("b", 150, 150, "cam2"), "close")];
    let mut studio = show(cues);
    studio.change(|spec| {
        spec["timeline"]["duration_ms"] = json!(ms(300));
        spec["timeline"]["repeat"] = json!(true);
    });
    let expected = [
        "0: cam1 to wide for a",
        "360: cam2 to close for b",
        "510: cam1 to wide for a",
        "660: cam2 to close for b",
        "810: cam1 to wide for a",
    ];
    assert_eq!(studio.moves_to(899), expected);
}

#[test]
fn a_pause_puts_the_movement_off() {
    let mut studio = show(vec![cue("a", 0, 300, "cam1"), at_preset(cue("b", 300, 300, "cam2"), "close")]);
    studio.run_to(400);
    studio.change(|spec| spec["live"]["paused_at"] = json!(at(400)));
    assert_eq!(studio.moves_to(700), Vec::<String>::new());
    studio.change(|spec| {
        spec["live"]["paused_at"] = Value::Null;
        spec["live"]["paused_ns"] = json!(at(701) - at(400));
    });
    assert_eq!(studio.moves_to(1000), ["811: cam2 to close for b"]);
}

#[test]
fn a_pinned_camera_is_on_air_whatever_the_timeline_says() {
    let cues = vec![cue("a", 0, 300, "cam1"), at_preset(cue("b", 300, 300, "cam2"), "close")];
    let mut studio = show(cues);
    studio.run_to(320);
    studio.change(|spec| spec["manual"] = json!({"source": "cam2", "hold": "pin", "at": at(320)}));
    assert_eq!(studio.moves_to(700), [skipped(600, "CAM2", "b", "close")]);
}

#[test]
fn a_worker_that_was_restarted_in_mid_cue_says_nothing_of_the_past() {
    let cues = vec![at_preset(cue("a", 0, 300, "cam1"), "wide"), at_preset(cue("b", 300, 300, "cam2"), "close")];
    let mut studio = show(cues);
    studio.change(|spec| spec["live"] = live(-100));
    assert_eq!(studio.moves_to(600), ["110: cam2 to close for b"]);
}

#[test]
fn the_hint_names_the_tick_of_a_movement() {
    let mut studio = show(vec![cue("a", 0, 300, "cam1"), at_preset(cue("b", 300, 300, "cam2"), "close")]);
    studio.sending.clear();
    studio.run_to(400);
    assert!(studio.director.next_change().is_some_and(|tick| tick <= 510), "{:?}", studio.director.next_change());
    studio.run_to(509);
    assert_eq!(studio.director.next_change(), Some(510));
}

#[test]
fn a_movement_that_was_refused_is_tried_again_before_the_show_and_told_under_it() {
    let mut studio =
        show(vec![at_preset(cue("a", 0, 300, "cam1"), "wide"), at_preset(cue("b", 300, 300, "cam2"), "close")]);
    studio.change(|spec| spec["live"] = Value::Null);
    for tick in [0, 30, 60] {
        assert_eq!(studio.moves_to(tick), [format!("{tick}: cam1 to wide for a")]);
        studio.director.not_moved(&SourceId::new("cam1").unwrap());
    }
    assert_eq!(studio.moves_to(299), ["90: cam1 to wide for a"], "until it is begun, and not again");
    studio.change(|spec| spec["live"] = live(300));
    assert_eq!(studio.moves_to(510), ["510: cam2 to close for b"]);
    studio.director.not_moved(&SourceId::new("cam2").unwrap());
    assert_eq!(studio.moves_to(700), [skipped(540, "CAM2", "b", "close")], "its cue leaves it no time any more");
}

#[test]
fn a_camera_is_not_moved_while_another_source_shows_its_pictures() {
    let mut studio = show(vec![cue("a", 0, 300, "cam1"), at_preset(cue("b", 300, 300, "cam2"), "close")]);
    studio.change(|spec| {
        for camera in 0..2 {
            spec["sources"][camera]["ptz"] = head(0, 3000);
            spec["sources"][camera]["ptz"]["profile"] = json!(camera.to_string());
        }
    });
    assert_eq!(studio.moves_to(700), [skipped(600, "CAM2", "b", "close")], "one camera with two profiles");
}
