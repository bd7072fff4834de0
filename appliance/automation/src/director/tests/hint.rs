//! The hint of the next change, against asking at every tick.

use super::*;

/// Changes of what a spec wants, and of what cameras do, at random ticks.
fn play(seed: u64) {
    let mut random = seed;
    let mut draw = move |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut fading = text("t", 10, 80);
    (fading["fade_in_ms"], fading["fade_out_ms"]) = (json!(draw(1200)), json!(draw(1200)));
    let overlays = json!({"type": "overlay", "name": "T", "layer": 1, "cues": [text("s", 0, 7), fading]});
    let cues = vec![
        cue("a", draw(5), 40, "cam1"),
        mixed(cue("b", 60, 50, "cam2"), "dissolve", 1 + draw(40)),
        cue("c", 110, 30, "clip1"),
    ];
    let mut studio = Studio::new().with(|spec| {
        spec["timeline"] = timeline(150, vec![video(cues), overlays]);
        spec["timeline"]["repeat"] = json!(draw(2) == 0);
        spec["sources"][0]["backup"] = json!("cam2");
        spec["failover"] = json!({"primary": "cam1", "live_input": "obs", "loop": "clip2", "stable_ms": 700});
        spec["messages"] = json!({"backup": true});
        spec["live"] = live(draw(100) as i64);
    });
    let mut promised = 0;
    for tick in 0..1500 {
        let told = draw(40) == 0;
        if told {
            match draw(5) {
                0 => studio.change(|spec| spec["manual"] = json!({"source": "cam2", "hold": "take", "at": at(tick)})),
                1 => studio.change(|spec| spec["manual"] = Value::Null),
                2 => studio.change(|spec| spec["live"]["paused_at"] = json!(at(tick))),
                3 => studio.change(|spec| spec["live"]["paused_at"] = Value::Null),
                _ => {}
            }
            let source = ["cam1", "cam2", "obs"][draw(3) as usize];
            if !studio.sending.remove(&id(source)) {
                studio.begin(source);
            }
        }
        let before = studio.last.clone();
        let shows = |frame: &Frame| (frame.picture.clone(), frame.overlays.clone());
        studio.run_to(tick as u64);
        let changed = before.as_ref().map(shows) != studio.last.as_ref().map(shows);
        // Pictures that came at this tick only put a loss off: the settling was promised before.
        if changed && !told {
            assert!(promised <= tick as u64, "seed {seed}: changed at {tick}, promised {promised}");
        }
        promised = studio.director.next_change().unwrap_or(u64::MAX);
        assert!(promised > tick as u64);
    }
}

#[test]
fn nothing_changes_before_the_hint() {
    (0..200).for_each(play);
}

#[test]
fn a_jump_from_hint_to_hint_sees_what_every_tick_sees() {
    for seed in 0..40u64 {
        let build = || {
            let mut studio = Studio::new().with(|spec| {
                let cues = vec![
                    cue("a", 0, 40 + seed, "clip1"),
                    mixed(cue("b", 100, 50, "clip2"), "dissolve", 10),
                    cue("c", 160, 30, "cam1"),
                ];
                let mut fading = text("t", 10, 80);
                (fading["fade_in_ms"], fading["fade_out_ms"]) = (json!(seed * 30), json!(seed * 20));
                let overlays = json!({"type": "overlay", "name": "T", "layer": 1, "cues": [fading]});
                spec["timeline"] = timeline(200, vec![video(cues), overlays]);
                spec["timeline"]["repeat"] = json!(true);
                spec["live"] = live(33);
            });
            studio.sending.clear();
            studio
        };
        let mut every = build();
        let mut slow: Vec<(u64, Frame)> = Vec::new();
        for tick in 0..1000 {
            every.run_to(tick);
            let frame = every.last.clone().unwrap();
            if slow.last().is_none_or(|(_, last)| *last != frame) {
                slow.push((tick, frame));
            }
        }
        let mut jumping = build();
        let mut quick: Vec<(u64, Frame)> = Vec::new();
        let mut tick = 0;
        while tick < 1000 {
            let frame = jumping.director.frame(tick);
            if quick.last().is_none_or(|(_, last)| *last != frame) {
                quick.push((tick, frame));
            }
            tick = jumping.director.next_change().unwrap_or(u64::MAX);
        }
        assert_eq!(slow, quick, "seed {seed}");
    }
}
