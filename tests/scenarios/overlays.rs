//! Overlays, read back from what a platform recorded: a text that is edited on air, and two pictures, over a film whose
//! frame counter says at which tick of the timeline each picture stands.

use harness::barcode::{self, Area, Mark};
use harness::clip::Clip;
use harness::figures::note;
use harness::frames::{self, Frame};
use harness::platform::Platform;
use harness::recording::Recording;
use harness::stage::Stage;
use harness::venue::{CLIP, assert_whole, house};
use harness::wait::s;
use harness::worker::Worker;
use serde_json::{Value, json};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

const NAME: &str = "overlays";
/// Where nothing of the film moves: in the title's box above its letters, in the logo, in the badge.
const TITLE: Area = Area { x: 296, y: 290, width: 48, height: 8 };
const LOGO: Area = Area { x: 548, y: 280, width: 24, height: 24 };
const BADGE: Area = Area { x: 584, y: 316, width: 24, height: 24 };
/// The title stands left of here, the others right.
const RIGHT: usize = 512;
/// When each is seen, in pictures of the film, which begins at 1 s: 2 s to 7 s, 3 s to 8 s, 4 s to 6 s.
const TITLE_AT: Range<u32> = 30..180;
const LOGO_AT: Range<u32> = 60..210;
const BADGE_AT: Range<u32> = 90..150;
/// The title fades for 400 ms.
const FADE: u32 = 12;
/// By then the edit is on air, and the fade out has not begun.
const EDITED_BY: u32 = 160;
/// The grey and colour of the film, and of what lies over it, by ITU-R BT.709: Y, U, V.
const FILM: [f64; 3] = [70.0, 128.0, 90.0];
const RED: [f64; 3] = [63.0, 102.0, 240.0];
const BLUE: [f64; 3] = [32.0, 240.0, 118.0];
const GREEN: [f64; 3] = [173.0, 42.0, 26.0];
/// What the two encoders, the film's and the program's, may do to a plain colour.
const SLACK: f64 = 8.0;

/// A picture of one colour, as a PNG file.
fn card(folder: &Path, name: &str, colour: &str) -> PathBuf {
    let path = folder.join(format!("{name}.png"));
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-f", "lavfi", "-i"]);
    ffmpeg.args([&format!("color=c={colour}:s=64x64,format=rgb24"), "-frames:v", "1"]).arg(&path);
    assert!(ffmpeg.status().expect("start ffmpeg; ./dev setup installs it").success(), "{name}");
    path
}

/// The spec. The tracks stand in another order than their layers.
fn spec(generation: u64, cards: &Path, platform: &Platform, live: Option<u64>, title: (&str, &str)) -> Value {
    let show = |id: &str, at_ms: i64, duration_ms: i64, source: &str, action: &str| json!({"id": id, "at_ms": at_ms, "duration_ms": duration_ms, "action": {"type": action, "source": source}});
    let image = |id: &str, at_ms: i64, duration_ms: i64, size: u16, opacity: f32| {
        json!({"id": id, "at_ms": at_ms, "duration_ms": duration_ms, "opacity": opacity,
               "overlay": {"type": "image", "asset": id, "anchor": "bottom_right", "size": size}})
    };
    let text = json!({"id": "title", "at_ms": 2_000, "duration_ms": 5_000, "fade_in_ms": 400, "fade_out_ms": 400,
                      "overlay": {"type": "text", "text": title.0, "anchor": "bottom", "size": 100,
                                  "colour": "#ffffff", "background": title.1}});
    let overlay = |layer: u8, cue: Value| json!({"type": "overlay", "name": "Overlay", "layer": layer, "cues": [cue]});
    let program = [show("a", 0, 1_000, "bars", "show_camera"), show("b", 1_000, 14_000, "clip", "show_media")];
    json!({
        "generation": generation, "channel": "main", "name": "Main stage", "house": house(),
        "sources": [
            {"id": "bars", "name": "Bars", "kind": "test_pattern", "pattern": "bars"},
            {"id": "clip", "name": "Clip", "kind": "media", "asset": "clip"},
        ],
        "assets": {"clip": Clip::new(CLIP, 16).file(), "logo": cards.join("logo.png"), "badge": cards.join("badge.png")},
        "failover": {"primary": "bars", "holdoff_ms": 300, "stable_ms": 1000},
        "timeline": {"id": "evening", "name": "Evening", "duration_ms": 15_000,
                     "tracks": [{"type": "video", "name": "Program", "cues": program},
                                overlay(5, image("badge", 4_000, 2_000, 100, 1.0)), overlay(9, text),
                                overlay(1, image("logo", 3_000, 5_000, 200, 0.5))]},
        "manual": null,
        "live": live.map(|at| json!({"session": "s1", "at": at, "paused_at": null, "paused_ns": 0})),
        "destinations": [{"id": "p", "name": "P", "url": platform.url(), "key": "key", "enabled": true}],
        "messages": {},
    })
}

/// What is seen of the overlays in a picture of the film.
struct Seen {
    counter: u32,
    title: [f64; 3],
    logo: [f64; 3],
    badge: [f64; 3],
    /// Edges of the title, which is red and then blue, of the logo and of the badge: left, top, right, bottom.
    red_edges: Option<[usize; 4]>,
    blue_edges: Option<[usize; 4]>,
    logo_edges: Option<[usize; 4]>,
    badge_edges: Option<[usize; 4]>,
    /// Brightest luma in the title's box.
    letters: u8,
}

/// The edges of what has a colour as asked for, in these columns.
fn edges(frame: &Frame<'_>, columns: Range<usize>, is: impl Fn(u8, u8) -> bool) -> Option<[usize; 4]> {
    let width = frame.width / 2;
    let mut edges: Option<[usize; 4]> = None;
    for (at, (u, v)) in frame.u.iter().zip(frame.v).enumerate() {
        let (x, y) = (2 * (at % width), 2 * (at / width));
        if columns.contains(&x) && is(*u, *v) {
            let e = edges.get_or_insert([x, y, x + 2, y + 2]);
            *e = [e[0].min(x), e[1].min(y), e[2].max(x + 2), e[3].max(y + 2)];
        }
    }
    edges
}

fn look(frame: &Frame<'_>) -> Option<Seen> {
    let whole = Area { x: 0, y: 0, width: frame.width, height: frame.height };
    let Mark { source: CLIP, counter } = barcode::read(frame.y, frame.width, whole)? else { return None };
    let is_blue = |u, v| u > 180 && v > 100;
    let middle = (292..340).flat_map(|y| &frame.y[y * frame.width + 300..y * frame.width + 340]);
    Some(Seen {
        counter,
        title: frame.mean(TITLE),
        logo: frame.mean(LOGO),
        badge: frame.mean(BADGE),
        red_edges: edges(frame, 0..RIGHT, |u, v| v > 170 && u < 150),
        blue_edges: edges(frame, 0..RIGHT, is_blue),
        logo_edges: edges(frame, RIGHT..frame.width, |u, _| u < 106),
        badge_edges: edges(frame, RIGHT..frame.width, is_blue),
        letters: *middle.max().expect("some pixels"),
    })
}

fn near(is: [f64; 3], wanted: [f64; 3]) -> bool {
    is.iter().zip(wanted).all(|(is, wanted)| (is - wanted).abs() <= SLACK)
}

fn mixed(over: [f64; 3], opacity: f64) -> [f64; 3] {
    std::array::from_fn(|i| FILM[i] + (over[i] - FILM[i]) * opacity)
}

/// How much of the title is to be seen in a picture of the film.
fn title_weight(counter: u32) -> f64 {
    let Range { start, end } = TITLE_AT;
    let step = f64::from(FADE + 1);
    match counter {
        _ if !TITLE_AT.contains(&counter) => 0.0,
        _ if counter < start + FADE => f64::from(counter - start + 1) / step,
        _ if counter >= end - FADE => f64::from(end - counter) / step,
        _ => 1.0,
    }
}

fn assert_edges(what: &str, is: Option<[usize; 4]>, wanted: [Option<usize>; 4]) {
    let is = is.unwrap_or_else(|| panic!("{what} is not seen"));
    let fits = |(is, wanted): (&usize, Option<usize>)| wanted.is_none_or(|wanted| is.abs_diff(wanted) <= 2);
    assert!(is.iter().zip(wanted).all(fits), "{what}: {is:?}, not {wanted:?}");
}

#[test]
fn a_text_and_pictures_lie_over_the_program_as_the_timeline_says_and_an_edit_leaves_no_trace() {
    let stage = Stage::new("overlays");
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let cards = stage.room("cards");
    card(&cards, "logo", "0x00ff00");
    card(&cards, "badge", "0x0000ff");
    let mut worker = Worker::start(&stage.room("run"), "main");
    let (first, edited) = (("LIVE", "#ff0000"), ("ENCORE", "#0000ff"));
    worker.spec(spec(1, &cards, &platform, None, first));
    // A destination begins up to 2 s back: by then it is the pattern alone.
    worker.wait("three seconds of program", s(20), |status| status.program.tick > 90);
    let live = Some(Worker::now_ns());
    worker.spec(spec(2, &cards, &platform, live, first));
    let position = |position_ms| {
        move |status: &automation::status::ChannelStatus| {
            status.timeline.as_ref().is_some_and(|timeline| timeline.position_ms > position_ms)
        }
    };
    worker.wait("the title on air", s(20), position(4_000));
    worker.spec(spec(3, &cards, &platform, live, edited));
    let status = worker.wait("what follows the overlays", s(20), position(12_000));
    assert_eq!((status.generation, status.program.missing), (3, 0));
    assert!(status.faults.is_empty(), "{:?}", status.faults);
    worker.quit();
    platform.wait_until_closed(0);

    let recording = platform.recordings()[0].clone();
    assert_whole("overlays", &Recording::read(&recording));
    let mut seen = Vec::new();
    frames::each(&recording, |frame| seen.extend(look(frame)));
    let counters: Vec<u32> = seen.iter().map(|seen| seen.counter).collect();
    assert_eq!(counters, (0..counters.len() as u32).collect::<Vec<_>>(), "each picture of the film once");
    assert!(counters.len() as u32 > LOGO_AT.end + 30, "{} pictures of the film", counters.len());
    judge(&seen);
}

fn judge(seen: &[Seen]) {
    let turned = seen.iter().position(|seen| near(seen.title, BLUE)).expect("the edited title") as u32;
    assert!(BADGE_AT.start < turned && turned < EDITED_BY, "the edit came on air with picture {turned}");
    let mut worst = 0.0f64;
    for Seen { counter, title, logo, badge, .. } in seen {
        let (counter, weight) = (*counter, title_weight(*counter));
        let wanted = mixed(if counter < turned { RED } else { BLUE }, weight);
        assert!(near(*title, wanted), "picture {counter}: the title's box is {title:.0?}, not {wanted:.0?}");
        worst = title.iter().zip(wanted).fold(worst, |worst, (is, wanted)| worst.max((is - wanted).abs()));
        let wanted = mixed(GREEN, if LOGO_AT.contains(&counter) { 0.5 } else { 0.0 });
        assert!(near(*logo, wanted), "picture {counter}: the logo is {logo:.0?}, not {wanted:.0?}");
        // The badge lies over the logo's corner.
        let wanted = if BADGE_AT.contains(&counter) { BLUE } else { wanted };
        assert!(near(*badge, wanted), "picture {counter}: the badge is {badge:.0?}, not {wanted:.0?}");
    }
    // 4 % of 640 by 360 are 26 by 14 pixels. The box is 1.64 times as high as its letters, which are 36 pixels.
    let (bottom, top) = (360 - 14, 360 - 14 - 59);
    let first = &seen[75];
    let box_edges = first.red_edges.expect("the title");
    assert_edges("the title", first.red_edges, [None, Some(top), Some(640 - box_edges[0]), Some(bottom)]);
    let (left, right) = (640 - 26 - 72, 640 - 26);
    assert_edges("the logo", first.logo_edges, [Some(left), Some(bottom - 72), Some(right), Some(bottom)]);
    assert_edges(
        "the badge",
        seen[BADGE_AT.start as usize + 2].badge_edges,
        [Some(right - 36), Some(bottom - 36), Some(right), Some(bottom)],
    );
    let after = seen[EDITED_BY as usize].blue_edges.expect("the edited title");
    assert_edges("the edited title", Some(after), [None, Some(top), Some(640 - after[0]), Some(bottom)]);
    assert!(
        after[2] - after[0] > box_edges[2] - box_edges[0] + 20,
        "a longer text has a wider box: {box_edges:?}, {after:?}"
    );
    for at in [75, EDITED_BY as usize] {
        assert!(seen[at].letters > 200, "white letters: {}", seen[at].letters);
    }
    note(
        NAME,
        &format!(
            "a text with fades and two pictures in {} pictures, each on its tick, the text within {worst:.0} of its colour in 255; edited on air at picture {turned}",
            seen.len()
        ),
    );
}
