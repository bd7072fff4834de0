//! Scripts of statuses with the figures and the judgement that follow.

use super::*;
use crate::spec::ChannelSpecDraft;
use serde_json::{Value, json};

/// GO LIVE, milliseconds of running time.
const LIVE_MS: u64 = 100_000;

fn at(ms: u64) -> Running {
    Running(0).plus_ms(LIVE_MS + ms)
}

fn spec() -> ChannelSpec {
    let camera = |id: &str, name: &str| json!({"id": id, "name": name, "kind": "camera", "url": "rtsp://c/1"});
    let destination = |id: &str, name: &str| json!({"id": id, "name": name, "url": "rtmp://p/l", "enabled": true});
    let draft: ChannelSpecDraft = serde_json::from_value(json!({
        "generation": 1, "channel": "main", "name": "Town Hall",
        "house": {"width": 1280, "height": 720, "rate": {"num": 30, "den": 1}, "video_kbps": 3000, "audio_kbps": 128},
        "sources": [camera("cam1", "Camera 1"), camera("cam2", "Camera 2")], "assets": {}, "failover": {},
        "timeline": null, "manual": null, "messages": {},
        "live": {"session": "s1", "at": at(0).0, "paused_at": null, "paused_ns": 0},
        "destinations": [destination("yt", "YouTube"), destination("fb", "Facebook")],
    }))
    .unwrap();
    ChannelSpec::try_from(draft).unwrap()
}

/// The status of a worker that began its program 10 s before GO LIVE and is well, `ms` after GO LIVE.
fn well(ms: u64) -> Value {
    let source = |id: &str| {
        json!({"id": id, "state": "online", "width": 0, "height": 0, "fps": 0.0, "sound": true, "picture_age_ms": 1,
               "attempt": 0, "fault": null})
    };
    let destination = |id: &str| {
        json!({"id": id, "state": "live", "sessions": 1, "bytes_acked": ms * 500, "kbps": 0, "queue_ms": 0,
               "dropped": 0, "attempt": 0, "retry_ms": null, "fault": null})
    };
    json!({
        "channel": "main", "generation": 1, "pid": 7, "started": Running(0).plus_ms(LIVE_MS - 10_000).0,
        "now": at(ms).0,
        "program": {"tick": 300 + ms * 3 / 100, "missing": 0, "late": 0, "late_ms_worst": 0, "fps": 30.0, "kbps": 0,
                    "encoded_bytes": 0, "encoder": ""},
        "on_air": {"source": "cam1", "wanted": "cam1", "carrier": "timeline", "since_tick": 0},
        "timeline": null, "live": {"session": "s1", "countdown_ms": 0, "since_ms": ms}, "overlays": [],
        "meters": {"peak_db": [0.0, 0.0], "rms_db": [0.0, 0.0]},
        "sources": [source("cam1"), source("cam2")], "destinations": [destination("yt"), destination("fb")],
        "faults": []
    })
}

/// A worker that was started again `began` ms after GO LIVE.
fn second(began: u64, ms: u64) -> Value {
    let mut status = well(ms);
    (status["pid"], status["started"]) = (json!(8), json!(at(began).0));
    status["program"]["tick"] = json!((ms - began) * 3 / 100);
    for destination in status["destinations"].as_array_mut().unwrap() {
        destination["bytes_acked"] = json!((ms - began) * 500);
    }
    status
}

fn with(mut status: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut status);
    status
}

fn fault(code: Code) -> Value {
    serde_json::to_value(Fault::new(code, "")).unwrap()
}

/// The log after a script of moments, each with the status then; none where the worker is away.
fn after(script: &[(u64, Option<Value>)]) -> AsRun {
    let mut log = AsRun::default();
    for (ms, status) in script {
        look(&mut log, *ms, status.clone());
    }
    log
}

fn look(log: &mut AsRun, ms: u64, status: Option<Value>) {
    let status: Option<ChannelStatus> = status.map(|status| serde_json::from_value(status).unwrap());
    let faults: Vec<Fault> = status.is_none().then(|| Fault::new(Code::WorkerLost, "")).into_iter().collect();
    log.look(&Look { now: at(ms), spec: &spec(), status: status.as_ref(), faults: &faults });
}

#[test]
fn a_whole_evening_is_counted_from_go_live() {
    let late = |status: &mut Value| {
        status["program"]["late"] = json!(4);
        status["program"]["late_ms_worst"] = json!(120);
    };
    let log = after(&[
        (1_000, Some(with(well(1_000), late))),
        (60_000, Some(with(well(60_000), late))),
        (61_000, Some(with(well(61_000), |status| status["program"]["late"] = json!(6)))),
    ]);
    let figures = log.figures();
    assert_eq!((figures.since_ms, figures.ticks, figures.ticks_missing, figures.workers), (61_000, 1830, 0, 1));
    assert_eq!((figures.ticks_late, figures.late_ms_worst), (2, 0), "what was before GO LIVE does not count");
    let yt = &figures.destinations[0];
    assert_eq!((yt.name.as_str(), yt.sessions, yt.bytes_acked, yt.dropped), ("YouTube", 1, 30_500_000, 0));
    assert_eq!(log.end(at(61_500), 61_500), Ending { outcome: Outcome::Stopped, message: None });
}

#[test]
fn the_countdown_is_not_on_air() {
    let counting = |ms: i64| {
        with(well(0), |status| {
            status["program"]["tick"] = json!(300 + ms * 3 / 100);
            status["program"]["missing"] = json!(9);
            status["live"]["countdown_ms"] = json!(-ms);
        })
    };
    let mut log = AsRun::default();
    let status: ChannelStatus = serde_json::from_value(counting(-3_000)).unwrap();
    let before = Running(at(0).0 - 3_000_000_000);
    log.look(&Look { now: before, spec: &spec(), status: Some(&status), faults: &[] });
    assert_eq!(log.figures(), &Figures::default());
    look(&mut log, 1_000, Some(with(well(1_000), |status| status["program"]["missing"] = json!(11))));
    assert_eq!((log.figures().ticks_missing, log.figures().workers), (2, 1));
    let cancelled = AsRun::default().end(before, 0);
    assert_eq!(cancelled, Ending { outcome: Outcome::Stopped, message: None });
}

#[test]
fn counters_add_up_over_workers_and_connections() {
    let missing = |status: &mut Value| status["program"]["missing"] = json!(70);
    let reset = |status: &mut Value| {
        let yt = &mut status["destinations"][0];
        (yt["sessions"], yt["bytes_acked"], yt["dropped"]) = (json!(1), json!(100), json!(0));
    };
    let dropped = |status: &mut Value| status["destinations"][0]["dropped"] = json!(30);
    let log = after(&[
        (1_000, Some(well(1_000))),
        (20_000, Some(with(with(well(20_000), missing), dropped))),
        (20_500, None),
        (21_000, None),
        (23_000, Some(second(22_000, 23_000))),
        (30_000, Some(second(22_000, 30_000))),
        // Its destination was taken away and added anew.
        (31_000, Some(with(second(22_000, 31_000), reset))),
    ]);
    let figures = log.figures();
    assert_eq!((figures.ticks, figures.ticks_missing, figures.workers), (600 + 270, 70, 2));
    let yt = &figures.destinations[0];
    assert_eq!(
        (yt.sessions, yt.bytes_acked, yt.dropped),
        (3, 10_000_000 + 4_000_000 + 100, 30),
        "a new one counts from nothing"
    );
    let lost =
        Trouble { code: Code::WorkerLost, subject: String::new(), text: Code::WorkerLost.text().into(), count: 1 };
    assert_eq!((figures.faults, figures.troubles.clone()), (1, vec![lost]));
    assert_eq!(log.end(at(32_000), 32_000).outcome, Outcome::Stopped, "it was survived");
}

#[test]
fn each_trouble_is_counted_when_it_begins() {
    let lost = |status: &mut Value| status["sources"][1]["fault"] = fault(Code::SourceLost);
    let waiting = |status: &mut Value| status["sources"][0]["fault"] = fault(Code::SourceWaiting);
    let fallback = |status: &mut Value| status["faults"] = json!([fault(Code::FallbackOnAir)]);
    let stalled = |status: &mut Value| status["destinations"][1]["fault"] = fault(Code::DestinationStalled);
    let log = after(&[
        (1_000, Some(with(well(1_000), waiting))),
        (2_000, Some(with(well(2_000), lost))),
        (3_000, Some(with(with(well(3_000), lost), fallback))),
        // What stood before the worker went away is not known to be over, so it does not begin again.
        (3_500, None),
        (4_000, Some(with(second(3_900, 4_000), lost))),
        (5_000, Some(second(3_900, 5_000))),
        (6_000, Some(with(with(second(3_900, 6_000), lost), stalled))),
    ]);
    let told: Vec<(&str, &str, u32)> =
        log.figures().troubles.iter().map(|t| (t.subject.as_str(), t.text.as_str(), t.count)).collect();
    let camera = ("cam2", "Camera 2: The source stopped sending pictures.", 2);
    let worker = ("", Code::WorkerLost.text(), 1);
    assert_eq!(told, [camera, worker, ("fb", "Facebook: The platform takes no data.", 1)]);
    assert_eq!(log.figures().faults, 4);
}

#[test]
fn a_program_that_never_began_is_an_error() {
    let log = after(&[(100, None), (20_000, None)]);
    let ending = log.end(at(20_000), 20_000);
    assert_eq!(ending.outcome, Outcome::Error);
    let text = "The program never began. The channel's process ended and is started again.";
    assert_eq!(ending.message.as_deref(), Some(text));
    assert_eq!(
        log.end(at(JUDGED_MS_MIN - 1), JUDGED_MS_MIN - 1).outcome,
        Outcome::Stopped,
        "ended before it could be judged"
    );
    let stands = |status: &mut Value| {
        status["started"] = json!(at(1).0);
        status["program"]["tick"] = json!(0);
    };
    let log = after(&[(1_000, Some(with(well(1_000), stands))), (20_000, Some(with(well(20_000), stands)))]);
    assert_eq!(log.end(at(20_000), 20_000).message.as_deref(), Some("The program never began."));
}

#[test]
fn a_program_that_gave_up_is_an_error_and_one_that_came_back_is_none() {
    let mut log = after(&[(1_000, Some(well(1_000))), (30_000, Some(well(30_000))), (30_100, None), (72_000, None)]);
    let ending = log.end(at(72_000), 72_000);
    let text = "The picture had been gone for 42 s when the broadcast was ended. The channel's process ended and is started again.";
    assert_eq!((ending.outcome, ending.message.as_deref()), (Outcome::Error, Some(text)));
    assert_eq!(log.end(at(39_000), 39_000).outcome, Outcome::Stopped, "a worker may be on its way");
    // Its keeper was away for an hour and has just come back.
    log.take_up(at(3_600_000));
    assert_eq!(log.end(at(3_600_500), 3_600_500).outcome, Outcome::Stopped);
    // A worker that answers while its program stands still has given up, too.
    let hung = with(well(30_000), |status| status["live"]["since_ms"] = json!(50_000));
    look(&mut log, 3_650_000, Some(hung));
    assert_eq!(log.end(at(3_650_000), 3_650_000).outcome, Outcome::Error);
}

#[test]
fn a_broadcast_that_reached_nobody_is_an_error() {
    let refused = |status: &mut Value| {
        for destination in status["destinations"].as_array_mut().unwrap() {
            (destination["sessions"], destination["state"]) = (json!(0), json!("waiting"));
        }
        status["destinations"][0]["fault"] = fault(Code::DestinationRefused);
    };
    let log = after(&[(1_000, Some(with(well(1_000), refused))), (60_000, Some(with(well(60_000), refused)))]);
    let ending = log.end(at(60_000), 60_000);
    let text = "No destination was reached. YouTube: The platform refuses the stream key.";
    assert_eq!((ending.outcome, ending.message.as_deref()), (Outcome::Error, Some(text)));
    let log = after(&[
        (1_000, Some(with(well(1_000), refused))),
        (60_000, Some(with(with(well(60_000), refused), |s| s["destinations"][1]["sessions"] = json!(1)))),
    ]);
    assert_eq!(log.end(at(60_000), 60_000).outcome, Outcome::Stopped, "one was enough");
    let off = |status: &mut Value| {
        for destination in status["destinations"].as_array_mut().unwrap() {
            (destination["sessions"], destination["state"]) = (json!(0), json!("off"));
        }
    };
    let log = after(&[(60_000, Some(with(well(60_000), off)))]);
    assert_eq!(log.figures().destinations, []);
    assert_eq!(log.end(at(60_000), 60_000).outcome, Outcome::Stopped, "nobody was to be reached");
}

#[test]
fn a_timeline_of_which_nothing_came_on_air_is_an_error() {
    let play = |ms: u64, cue: &str, carrier: &str, running: bool| {
        with(well(ms), |status| {
            status["timeline"] = json!({"timeline": "evening", "position_ms": ms, "rounds": 0, "cue": cue, "next": null,
                                        "paused": false, "running": running});
            status["on_air"]["carrier"] = json!(carrier);
        })
    };
    let check = |script: &[(&str, &str)], expected: (u32, u32, Outcome)| {
        let mut log = AsRun::default();
        let mut ms = 1_000;
        for (cue, carrier) in script {
            look(&mut log, ms, Some(play(ms, cue, carrier, true)));
            ms += 10_000;
        }
        look(&mut log, ms, Some(play(ms, "none", "timeline", false)));
        let figures = log.figures();
        assert_eq!((figures.cues_due, figures.cues_shown, log.end(at(ms), ms).outcome), expected, "{script:?}");
    };
    check(&[("a", "timeline"), ("b", "timeline"), ("b", "timeline")], (2, 2, Outcome::Completed));
    check(&[("a", "loop"), ("a", "timeline"), ("b", "slate")], (2, 1, Outcome::Completed));
    check(&[("a", "slate"), ("b", "loop"), ("b", "backup")], (2, 0, Outcome::Error));
    check(&[("a", "pin"), ("b", "live_input")], (0, 0, Outcome::Completed));
    check(&[("a", "pin"), ("a", "slate"), ("b", "take")], (1, 0, Outcome::Error));
}

#[test]
fn it_is_stored_and_taken_up_without_counting_twice() {
    let mut log = after(&[(1_000, Some(well(1_000))), (20_000, Some(well(20_000)))]);
    let text = serde_json::to_string(&log).unwrap();
    let mut again: AsRun = serde_json::from_str(&text).unwrap();
    assert_eq!(again, log);
    again.take_up(at(25_000));
    look(&mut again, 26_000, Some(well(26_000)));
    look(&mut log, 26_000, Some(well(26_000)));
    assert_eq!(again.figures(), log.figures());
    assert_eq!(serde_json::from_str::<AsRun>("{}").unwrap(), AsRun::default(), "a row from before it was kept");
}

#[test]
fn another_broadcasts_status_and_endless_troubles_do_no_harm() {
    let other = with(well(1_000), |status| status["live"]["session"] = json!("s0"));
    assert_eq!(after(&[(1_000, Some(other))]).figures(), &Figures::default());
    let mut log = AsRun::default();
    for n in 0..2 * TROUBLES_MAX as u64 {
        let named = with(well(n), |status| {
            status["sources"][0]["id"] = json!(format!("cam-{n}"));
            status["sources"][0]["fault"] = fault(Code::SourceLost);
        });
        look(&mut log, n, Some(named));
    }
    assert_eq!((log.figures().faults, log.figures().troubles.len()), (2 * TROUBLES_MAX as u32, TROUBLES_MAX));
}
