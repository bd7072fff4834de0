use super::*;
use crate::program::picture::{I420, blend};
use automation::fault::Code;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const W: u32 = 640;
const H: u32 = 360;

type Sprites = Vec<(Arc<Sprite>, u16)>;

fn text(id: &str, text: &str) -> Value {
    let overlay = json!({"type": "text", "text": text, "anchor": "bottom", "size": 100, "colour": "#ffffff"});
    json!({"id": id, "at_ms": 0, "duration_ms": 5000, "overlay": overlay})
}

fn image(id: &str, asset: &str, anchor: &str, size: u16) -> Value {
    let overlay = json!({"type": "image", "asset": asset, "anchor": anchor, "size": size});
    json!({"id": id, "at_ms": 0, "duration_ms": 5000, "overlay": overlay})
}

/// A spec whose overlay tracks have one cue each, the first the lowest.
fn spec(generation: u64, cues: Vec<Value>, assets: Value) -> ChannelSpec {
    let house = json!({"width": W, "height": H, "rate": {"num": 30, "den": 1}, "video_kbps": 800, "audio_kbps": 96});
    let overlays = cues
        .into_iter()
        .enumerate()
        .map(|(n, cue)| json!({"type": "overlay", "name": "Titles", "layer": n + 1, "cues": [cue]}));
    let tracks: Vec<Value> =
        std::iter::once(json!({"type": "video", "name": "Main", "cues": []})).chain(overlays).collect();
    let draft = json!({
        "generation": generation, "channel": "main", "name": "Hall", "house": house, "destinations": [],
        "failover": {"primary": "bars", "holdoff_ms": 300, "stable_ms": 500}, "manual": null, "live": null,
        "messages": {"backup": false}, "assets": assets,
        "sources": [{"id": "bars", "name": "Bars", "kind": "test_pattern", "pattern": "bars"}],
        "timeline": {"id": "show", "name": "Show", "duration_ms": 5000, "repeat": false, "tracks": tracks},
    });
    serde_json::from_value(draft).expect("a valid spec")
}

fn shown(cue: &str, opacity: u16) -> OverlayAt {
    OverlayAt { shown: OverlayShown::Cue(CueId::new(cue).expect("an id")), opacity }
}

fn layers() -> Layers {
    Layers::new(Arc::new(Painter::new()), W, H)
}

/// Turns until what is seen is as wanted.
fn until(layers: &mut Layers, what: &str, on_air: &[OverlayAt], is: impl Fn(&Layers, &Sprites) -> bool) -> Sprites {
    let begun = Instant::now();
    loop {
        let sprites = layers.at(on_air, Running(0));
        if is(layers, &sprites) {
            return sprites;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// A picture of one colour, as a PNG file.
fn card(folder: &Path, name: &str, rgba: [u8; 4]) -> String {
    let path = folder.join(name);
    let file = std::fs::File::create(&path).expect("make a file");
    let mut encoder = png::Encoder::new(file, 16, 16);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = rgba.iter().copied().cycle().take(16 * 16 * 4).collect();
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels)).expect("write a picture");
    path.to_str().expect("a path of text").to_owned()
}

#[test]
fn an_edited_text_follows_the_old_one_without_a_gap() {
    let on_air = [shown("tide", 256)];
    let mut layers = layers();
    layers.spec(&spec(1, vec![text("tide", "Tide: High 3:45 PM")], json!({})));
    let old = until(&mut layers, "the text", &on_air, |_, sprites| !sprites.is_empty())[0].0.clone();
    layers.spec(&spec(2, vec![text("tide", "Tide: Low 9:10 PM")], json!({})));
    let new = until(&mut layers, "the new text", &on_air, |_, sprites| {
        assert_eq!(sprites.len(), 1, "never without a text");
        !Arc::ptr_eq(&sprites[0].0, &old)
    });
    assert_eq!(new.len(), 1);
    // Off air nothing is kept: what comes back is the newest or nothing.
    assert!(layers.at(&[], Running(0)).is_empty() && layers.shown.is_empty());
}

#[test]
fn the_pile_is_that_of_the_director_and_each_has_its_opacity() {
    let folder = tempfile::tempdir().expect("a folder");
    let (white, grey) =
        (card(folder.path(), "white.png", [255; 4]), card(folder.path(), "grey.png", [90, 90, 90, 255]));
    let cues = vec![image("big", "white", "center", 400), image("small", "grey", "center", 200)];
    let mut layers = layers();
    layers.spec(&spec(1, cues, json!({"white": white, "grey": grey})));
    let both = |low: &str, high: &str| [shown(low, 256), shown(high, 128)];
    let upright = until(&mut layers, "both pictures", &both("big", "small"), |_, sprites| sprites.len() == 2);
    let opacities: Vec<u16> = upright.iter().map(|(_, opacity)| *opacity).collect();
    assert_eq!(opacities, [256, 128]);
    assert_eq!((upright[0].0.size(), upright[1].0.size()), ((144, 144), (72, 72)));
    assert_eq!((upright[0].0.position(), upright[1].0.position()), ((248, 108), (284, 144)));
    let middle = |sprites: &Sprites| {
        let mut picture = I420::new(W, H);
        sprites.iter().for_each(|(sprite, opacity)| blend(&mut picture, sprite, *opacity));
        picture.as_ref().y.row(180, W as usize)[320]
    };
    // Luma of the greys by BT.709: 235 and 93; half of each is 164.
    assert!(middle(&upright).abs_diff(164) <= 1, "{}", middle(&upright));
    let turned = layers.at(&[shown("small", 256), shown("big", 256)], Running(0));
    assert_eq!(middle(&turned), 235, "what is told last lies on top");
}

#[test]
fn what_cannot_be_drawn_is_left_out_and_named_and_the_rest_is_shown() {
    let mut layers = layers();
    let cues = vec![image("logo", "logo", "top", 100), image("lost", "lost", "top", 100), text("title", "Harbour")];
    layers.spec(&spec(1, cues, json!({"logo": "/nowhere/logo.png", "lost": "/nowhere/lost.png"})));
    let on_air = [shown("logo", 256), shown("title", 100), shown("nobody", 256)];
    let sprites = until(&mut layers, "the text, and an end of the rest", &on_air, |layers, sprites| {
        sprites.len() == 1 && layers.faults().len() == 2
    });
    assert_eq!(sprites[0].1, 100);
    assert!(layers.faults().iter().all(|fault| fault.code == Code::MediaMissing && fault.subject == "overlay"));
    // Taken out of the timeline, they are no fault any more, and drawn no more.
    layers.spec(&spec(2, vec![text("title", "Harbour")], json!({})));
    assert!(layers.faults().is_empty());
    let still = layers.at(&on_air, Running(0));
    assert!(Arc::ptr_eq(&still[0].0, &sprites[0].0) && still.len() == 1, "the text stays as it was drawn");
}

#[test]
fn a_switched_off_track_is_not_drawn_and_a_message_of_ours_is() {
    let mut spec = serde_json::to_value(spec(1, vec![text("title", "Harbour")], json!({}))).expect("JSON");
    spec["timeline"]["tracks"][1]["enabled"] = json!(false);
    let spec: ChannelSpec = serde_json::from_value(spec).expect("a valid spec");
    let mut layers = layers();
    layers.spec(&spec);
    let message = OverlayAt { shown: OverlayShown::Message("Back in a moment".into()), opacity: 256 };
    let on_air = [shown("title", 256), message];
    let said = until(&mut layers, "the message", &on_air, |_, sprites| !sprites.is_empty());
    assert_eq!(said.len(), 1, "and nothing of the track");
    layers.spec(&spec);
    assert_eq!(layers.at(&on_air, Running(0)).len(), 1, "a new spec takes no message away");
}

#[test]
fn a_long_timelines_overlays_are_shown_and_drawn_once() {
    let cue = |n: i64| {
        let mut cue = text(&format!("cue-{n}"), &format!("Song {n}"));
        (cue["at_ms"], cue["duration_ms"]) = (json!(n * 10), json!(10));
        cue
    };
    let mut long = serde_json::to_value(spec(1, vec![cue(0)], json!({}))).expect("JSON");
    long["timeline"]["tracks"][1]["cues"] = (0..400).map(cue).collect();
    let long: ChannelSpec = serde_json::from_value(long).expect("a valid spec");
    let mut layers = layers();
    layers.spec(&long);
    // More cues than there is room for, each beside one that stays on air.
    let mut stays = None;
    for n in 1..400 {
        let on_air = [shown("cue-0", 256), shown(&format!("cue-{n}"), 256)];
        let sprites = until(&mut layers, "both texts", &on_air, |_, sprites| sprites.len() == 2);
        let first = stays.get_or_insert_with(|| sprites[0].0.clone());
        assert!(Arc::ptr_eq(first, &sprites[0].0), "cue {n}: what is on air is not drawn anew");
    }
}

/// Texts that show the time show that of the zone of the spec, and are never missing while another one comes into force.
#[test]
fn a_clock_shows_the_time_of_its_zone() {
    let on_air = [shown("clock", 256)];
    let mut layers = layers();
    let mut seen: Option<Arc<Sprite>> = None;
    for (generation, rule) in [(1, "<+14>-14"), (2, "<-0930>9:30")] {
        let mut draft = serde_json::to_value(spec(generation, vec![text("clock", "{time}")], json!({}))).expect("JSON");
        draft["zone"] = json!(rule);
        let spec: ChannelSpec = serde_json::from_value(draft).expect("a valid spec");
        let zone = spec.zone.clone();
        layers.spec(&spec);
        let drawn = |layers: &Layers, time: &str| {
            layers.contents.values().any(|content| match &content.job {
                Job::Text(text) => {
                    layers.easel.is_done(&Job::Text(TextOverlay { text: time.to_owned(), ..text.clone() }))
                }
                _ => false,
            })
        };
        let sprites = until(&mut layers, rule, &on_air, |layers, sprites| {
            assert!(seen.is_none() || !sprites.is_empty(), "never without a clock");
            drawn(layers, &time_of_day(zone.as_ref())) && !sprites.is_empty()
        });
        assert_ne!(Some(&sprites[0].0), seen.as_ref(), "another time looks another way");
        seen = Some(sprites[0].0.clone());
    }
    let hour = |zone: &str| time_of_day(Some(&Zone::try_from(zone.to_owned()).expect("a zone")))[..2].to_owned();
    assert_ne!(hour("<+14>-14"), hour("<+10>-10"));
}
