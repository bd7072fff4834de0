//! The slate: a picture that the operator chose is what the platform gets, and never black, whatever becomes of its file.

use harness::bandstand::Bandstand;
use harness::barcode::Mark;
use harness::clip::Clip;
use harness::figures::note;
use harness::platform::Platform;
use harness::recording::Recording;
use harness::stage::Stage;
use harness::venue::{FPS, MAIN, assert_whole, house};
use harness::wait::{s, until};
use serde_json::{Value, json};

const NAME: &str = "slate";
/// A film in grey, and one of its pictures.
const CARD: Mark = Mark { source: 7, counter: 100 };

/// Waits for two seconds more of program.
fn two_seconds_more(bandstand: &Bandstand) {
    let before = bandstand.wait(MAIN, "a worker", s(20), |_| true).program.tick;
    bandstand.wait(MAIN, "two seconds more", s(20), |status| status.program.tick >= before + 60);
}

fn slate_is_bad(bandstand: &Bandstand, bad: bool) {
    bandstand.wait(MAIN, if bad { "the picture's fault" } else { "no fault of the picture" }, s(20), |status| {
        status.faults.iter().any(|fault| fault.code.as_str() == "slate_picture" && !fault.remedy.is_empty()) == bad
    });
}

#[test]
fn a_chosen_picture_is_the_slate_and_a_lost_one_is_replaced_by_text() {
    let stage = Stage::new("slate");
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let bandstand = Bandstand::start(&stage.room("box"));
    bandstand.ok("PATCH", "/channels/main", json!({"name": "Main stage", "house": house()}));
    let to = json!({"id": "platform", "name": "platform", "url": platform.url(), "key": "k"});
    bandstand.ok("POST", "/channels/main/destinations", to);
    let card = Clip::new(CARD.source, 16).still(CARD.counter, &stage.room("stills"));
    let card = bandstand.upload("card.png", &card).body["id"].as_str().expect("an id").to_owned();

    bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
    until("pictures at the platform", s(15), || (platform.pictures(0) > 0).then_some(()));
    two_seconds_more(&bandstand);
    bandstand.ok("PATCH", "/channels/main", json!({"slate_picture": card}));
    two_seconds_more(&bandstand);
    let refused = bandstand.call("DELETE", &format!("/assets/{card}"), None);
    assert_eq!((refused.status, refused.code()), (409, "in_use"), "{}", refused.body);
    slate_is_bad(&bandstand, false);

    // The card of the box loses the file. The next change has the slate painted anew.
    let folder = stage.folder().join("box/state/assets");
    let file = std::fs::read_dir(folder).expect("a folder of files").flatten().next().expect("one file").path();
    std::fs::write(&file, b"worn out").expect("spoil the file");
    bandstand.ok("PATCH", "/channels/main", json!({"name": "Other stage"}));
    slate_is_bad(&bandstand, true);
    two_seconds_more(&bandstand);
    let status = bandstand.status(MAIN).expect("a worker");
    // A destination begins up to 2 s back, and catches up slowly.
    let before = platform.pictures(0);
    until("what was on air at the platform", s(20), || (platform.pictures(0) >= before + 90).then_some(()));
    bandstand.ok("POST", "/channels/main/end", Value::Null);
    platform.wait_until_closed(0);

    assert_eq!((status.program.missing, status.destinations[0].sessions), (0, 1));
    let recording = Recording::read(&platform.recordings()[0]);
    assert_whole("the slate", &recording);
    assert_eq!(recording.black(), 0, "black pictures");
    let runs: Vec<(Option<Mark>, usize)> =
        recording.pictures.chunk_by(|a, b| a.mark == b.mark).map(|run| (run[0].mark, run.len())).collect();
    let seen: Vec<Option<Mark>> = runs.iter().map(|(mark, _)| *mark).collect();
    assert_eq!(seen, [None, Some(CARD), None], "text, the picture, text: {runs:?}");
    assert!(runs[1].1 as f64 >= 2.0 * FPS, "{runs:?}");
    let counts: Vec<usize> = runs.iter().map(|(_, count)| *count).collect();
    note(NAME, &format!("text, a chosen picture, text as its file was spoilt: {counts:?} pictures, none black"));
}
