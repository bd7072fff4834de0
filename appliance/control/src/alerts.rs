//! What the operator is told when something goes wrong, and when it is over (VS-53, D-4).
//!
//! ```text
//! fault stands on the board, and did not before ──► alert, one line in the log
//! fault stood, and stands no longer             ──► alert of its end, one line in the log
//! a destination fails for the tenth time in a row ─► one more alert
//! a planned new session is due, and has begun     ─► an alert each (D-18)
//! ```
//! Decides from one board after the other; reads no clock. What nobody can or need mend tells nothing: a publisher
//! that has not come yet, and the slate of a channel without sources. What cannot be seen for now, because its worker is
//! away or we have only just come back, still stands. What was taken away ends without a word.

use crate::doc::{Alert, Board, ChannelBoard, WorkerState};
use automation::fault::{Code, Fault};
use automation::status::{DestinationStatus, OnAir, SourceState, SourceStatus};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Alerts that are kept.
const KEPT_MAX: usize = 50;
/// Tries in a row after which a destination gets an alert of its own (D-4).
const TRIES_ALERT: u32 = 10;

/// Subject and code of a trouble: the same trouble alerts once.
type Key = (String, Code, bool);

/// The alerts of the box.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    standing: BTreeMap<Key, Words>,
    kept: VecDeque<Alert>,
}

/// What is said of a trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Words {
    text: String,
    remedy: String,
    /// Said at its end; nothing where empty.
    over: String,
}

impl Alerts {
    /// The alerts as they were when they were kept: newest first, and what stood then.
    pub fn restored(kept: Vec<Alert>, standing: &str) -> Alerts {
        // Troubles that cannot be read any more are told anew.
        let standing: Vec<(Key, Words)> = serde_json::from_str(standing).unwrap_or_default();
        Alerts { standing: standing.into_iter().collect(), kept: kept.into_iter().take(KEPT_MAX).collect() }
    }

    /// What stands now, as a text that can be kept.
    pub fn standing(&self) -> String {
        let standing: Vec<(&Key, &Words)> = self.standing.iter().collect();
        serde_json::to_string(&standing).expect("troubles are plain texts")
    }

    /// Compares a board with the one before. Answers whether there is something new to keep.
    pub fn observe(&mut self, at_ms: i64, board: &Board) -> bool {
        let mut now = troubles(board);
        for (key, words) in &self.standing {
            if !now.contains_key(key) && unseen(board, key) {
                now.insert(key.clone(), words.clone());
            }
        }
        let begun: Vec<_> = now.iter().filter(|(key, _)| !self.standing.contains_key(*key)).collect();
        let ended: Vec<_> = self.standing.iter().filter(|(key, _)| !now.contains_key(*key)).collect();
        let changed = !begun.is_empty() || !ended.is_empty();
        let mut new = Vec::new();
        for ((subject, code, _), words) in ended {
            if !words.over.is_empty() && exists(board, subject) {
                new.push(alert(at_ms, subject, *code, &words.over, "", true));
            }
        }
        for ((subject, code, _), words) in begun {
            new.push(alert(at_ms, subject, *code, &words.text, &words.remedy, false));
        }
        self.standing = now;
        for alert in new {
            if alert.over {
                tracing::info!(code = alert.code.as_str(), subject = alert.subject, "{}", alert.text);
            } else {
                tracing::warn!(code = alert.code.as_str(), subject = alert.subject, "{}", alert.text);
            }
            self.kept.push_front(alert);
        }
        self.kept.truncate(KEPT_MAX);
        changed
    }

    /// Tells of something that happened once and has no end.
    pub fn tell(&mut self, at_ms: i64, code: Code, subject: &str, text: &str) {
        tracing::info!(code = code.as_str(), subject, "{text}");
        self.kept.push_front(alert(at_ms, subject, code, text, code.remedy(), false));
        self.kept.truncate(KEPT_MAX);
    }

    /// What happened lately, newest first.
    pub fn newest(&self) -> Vec<Alert> {
        self.kept.iter().cloned().collect()
    }
}

fn alert(at_ms: i64, subject: &str, code: Code, text: &str, remedy: &str, over: bool) -> Alert {
    Alert { at_ms, code, text: text.to_owned(), remedy: remedy.to_owned(), subject: subject.to_owned(), over }
}

/// What a subject is about: a channel, and a source or destination of it; what may follow is a part of that.
fn parts(subject: &str) -> (&str, Option<(&str, &str)>) {
    let mut parts = subject.split('/');
    let channel = parts.next().unwrap_or_default();
    (channel, parts.next().zip(parts.next()))
}

/// Whether nobody can say now if a trouble still stands.
fn unseen(board: &Board, (subject, code, _): &Key) -> bool {
    let (channel, _) = parts(subject);
    if channel == "ingest" {
        return board.ingest.is_none();
    }
    let of_process = [Code::WorkerLost, Code::WorkerHung, Code::WorkerLarge, Code::WorkerVersion, Code::SpecInvalid];
    let known_anyway = of_process.contains(code) || *code == Code::BitrateLow;
    let channel = board.channels.iter().find(|known| known.id.as_str() == channel);
    !known_anyway && channel.is_some_and(|channel| channel.status.is_none() && wanted(channel, subject))
}

/// Whether what a trouble is about is still there.
fn exists(board: &Board, subject: &str) -> bool {
    let (channel, _) = parts(subject);
    let found = board.channels.iter().find(|known| known.id.as_str() == channel);
    channel == "ingest" || found.is_some_and(|channel| wanted(channel, subject))
}

fn wanted(channel: &ChannelBoard, subject: &str) -> bool {
    match parts(subject).1 {
        Some(("source", id)) => channel.wanted.sources.iter().any(|source| source.id.as_str() == id),
        Some(("destination", id)) => channel.wanted.destinations.iter().any(|known| known.id.as_str() == id),
        _ => true,
    }
}

/// Every trouble that stands on a board.
fn troubles(board: &Board) -> BTreeMap<Key, Words> {
    let mut all = BTreeMap::new();
    for channel in &board.channels {
        for fault in &channel.faults {
            // Sources and destinations are told of by themselves, and the slate of an empty channel is no trouble.
            let empty = channel.wanted.sources.is_empty() && fault.code == Code::SlateOnAir;
            if !empty && fault.code.is_trouble() {
                let subject = match fault.code {
                    Code::BitrateLow => format!("{}/destination/{}", channel.id, fault.subject),
                    _ => channel.id.to_string(),
                };
                all.insert((subject, fault.code, false), of_channel(channel, fault));
            }
        }
        let Some(status) = &channel.status else { continue };
        for source in &status.sources {
            if let Some(fault) = source.fault.as_ref().filter(|fault| fault.code.is_trouble()) {
                let subject = format!("{}/source/{}", channel.id, source.id);
                all.insert((subject, fault.code, false), of_source(channel, &status.on_air, source, fault));
            }
        }
        for source in &status.sources {
            let Some(fault) = source.ptz.as_ref().and_then(|ptz| ptz.fault.as_ref()) else { continue };
            let over = format!("{} can be moved again.", source_name(channel, source.id.as_str()));
            let words = Words { text: fault.text.clone(), remedy: fault.remedy.clone(), over };
            all.insert((format!("{}/source/{}/ptz", channel.id, source.id), fault.code, false), words);
        }
        for destination in &status.destinations {
            let name = destination_name(channel, destination.id.as_str());
            let subject = format!("{}/destination/{}", channel.id, destination.id);
            all.extend(renewal(&subject, &name, destination));
            let Some(fault) = &destination.fault else { continue };
            let words = Words {
                text: format!("{name}: {}", fault.text),
                remedy: fault.remedy.clone(),
                over: format!("{name} is reached again."),
            };
            all.insert((subject.clone(), fault.code, false), words.clone());
            if destination.attempt >= TRIES_ALERT {
                let text = format!("{name} has failed {TRIES_ALERT} times. Bandstand goes on trying every minute.");
                let last = Words { text, over: String::new(), ..words };
                all.insert((subject, fault.code, true), last);
            }
        }
    }
    for fault in board.ingest.iter().flat_map(|ingest| &ingest.faults) {
        let subject = if fault.subject.is_empty() { "ingest".into() } else { format!("ingest/{}", fault.subject) };
        let words = Words { text: fault.text.clone(), remedy: fault.remedy.clone(), over: String::new() };
        all.insert((subject, fault.code, false), words);
    }
    all
}

/// A planned new session: that it comes, and that it came.
fn renewal(subject: &str, name: &str, destination: &DestinationStatus) -> impl Iterator<Item = (Key, Words)> {
    let code = Code::DestinationRenewal;
    let words = |text: String, remedy: &str| Words { text, remedy: remedy.to_owned(), over: String::new() };
    let planned = destination.renewal_ms.map(|ms| {
        let text = format!("{name}: a planned new session begins at a quiet moment, {} at the latest.", within(ms));
        ((subject.to_owned(), code, false), words(text, code.remedy()))
    });
    // Each one is told: its number makes it another one.
    let begun = (destination.renewals > 0).then(|| {
        let text = format!("{name}: the planned new session has begun.");
        ((format!("{subject}/renewal-{}", destination.renewals), code, true), words(text, ""))
    });
    planned.into_iter().chain(begun)
}

/// "in 3 hours", "in 40 minutes".
fn within(ms: u64) -> String {
    match ms.div_ceil(60_000) {
        0 | 1 => "in a minute".into(),
        minutes @ 2..120 => format!("in {minutes} minutes"),
        minutes => format!("in {} hours", minutes.div_ceil(60)),
    }
}

fn of_channel(channel: &ChannelBoard, fault: &Fault) -> Words {
    let over = match fault.code {
        Code::WorkerLost | Code::WorkerHung | Code::WorkerLarge => {
            format!("{}: the channel's process runs again.", channel.name)
        }
        Code::SlateOnAir | Code::SlateByHand => format!("{}: the slate has gone off air.", channel.name),
        Code::BitrateLow | Code::PresetSkipped => String::new(),
        _ if channel.worker == WorkerState::Lost => String::new(),
        code => format!("{}: over: {}", channel.name, code.text()),
    };
    Words { text: format!("{}: {}", channel.name, fault.text), remedy: fault.remedy.clone(), over }
}

/// "Camera 2 failed, showing Camera 1", where the audience would have seen it.
fn of_source(channel: &ChannelBoard, on_air: &OnAir, source: &SourceStatus, fault: &Fault) -> Words {
    let name = source_name(channel, source.id.as_str());
    let missed = on_air.wanted.as_ref() == Some(&source.id) && on_air.source.as_ref() != Some(&source.id);
    let sends = matches!(
        fault.code,
        Code::SourceFrozen | Code::SourceBlack | Code::SourceSilent | Code::SourceUnstable | Code::SourceTooMuch
    );
    // A playlist that goes on without one of its files.
    let plays_on =
        matches!(fault.code, Code::MediaMissing | Code::MediaUnreadable) && source.state == SourceState::Online;
    if (sends || plays_on) && !missed {
        let (text, over) = (format!("{name}: {}", fault.text), format!("{name}: over: {}", fault.text));
        return Words { text, remedy: fault.remedy.clone(), over };
    }
    let text = if missed {
        let instead = match &on_air.source {
            Some(other) => source_name(channel, other.as_str()),
            None => "the slate".into(),
        };
        format!("{name} failed, showing {instead}. {}", fault.text)
    } else {
        format!("{name} failed. {}", fault.text)
    };
    Words { text, remedy: fault.remedy.clone(), over: format!("{name} is back.") }
}

fn source_name(channel: &ChannelBoard, id: &str) -> String {
    let found = channel.wanted.sources.iter().find(|source| source.id.as_str() == id);
    found.map_or_else(|| id.to_owned(), |source| source.name.clone())
}

fn destination_name(channel: &ChannelBoard, id: &str) -> String {
    let found = channel.wanted.destinations.iter().find(|destination| destination.id.as_str() == id);
    found.map_or_else(|| id.to_owned(), |destination| destination.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A board with one channel of two cameras and a destination; `change` makes the trouble.
    fn board(change: impl FnOnce(&mut Value)) -> Board {
        let source = |id: &str| {
            json!({"id": id, "state": "online", "width": 0, "height": 0, "fps": 0.0, "sound": true,
                   "picture_age_ms": null, "attempt": 0, "fault": null})
        };
        let camera = |id: &str, name: &str| {
            json!({"id": id, "name": name, "backup": null, "kind": "camera", "url": "rtsp://c/", "user": "",
                   "has_password": false, "transport": "auto", "any_certificate": false, "latency_ms": 300})
        };
        let mut board = json!({
            "box": {"name": "Venue", "version": "1", "clock_trusted": true},
            "ingest": null,
            "alerts": [],
            "channels": [{
                "id": "main", "name": "Main", "generation": 1, "worker": "running", "faults": [],
                "wanted": {
                    "id": "main", "name": "Main",
                    "house": {"width": 1920, "height": 1080, "rate": {"num": 30, "den": 1}, "video_kbps": 4500,
                              "audio_kbps": 160, "effort": "superfast"},
                    "failover": {"primary": null, "live_input": null, "loop": null, "holdoff_ms": 300, "stable_ms": 0},
                    "output": {"house": {"width": 1920, "height": 1080, "rate": {"num": 30, "den": 1},
                                         "video_kbps": 4500, "audio_kbps": 160, "effort": "superfast"},
                               "lowered": null},
                    "too_low": [],
                    "messages": {"slate": "", "backup": false}, "timeline": null, "manual": null,
                    "overlays_cleared": false, "live": null,
                    "sources": [camera("camera-1", "Camera 1"), camera("camera-2", "Camera 2")],
                    "destinations": [{"id": "yt", "name": "YouTube", "url": "rtmp://y/l", "has_key": true, "platform": "custom", "kind": "rtmp",
                                      "enabled": true}]
                },
                "status": {
                    "channel": "main", "generation": 1, "pid": 1, "started": 1, "now": 2,
                    "program": {"tick": 0, "missing": 0, "late": 0, "late_ms_worst": 0, "fps": 30.0, "kbps": 0, "encoded_bytes": 0,
                                "encoder": ""},
                    "on_air": {"source": "camera-2", "wanted": "camera-2", "carrier": "timeline", "since_tick": 0},
                    "timeline": null, "live": null, "overlays": [],
                    "meters": {"peak_db": [0.0, 0.0], "rms_db": [0.0, 0.0]},
                    "sources": [source("camera-1"), source("camera-2")],
                    "destinations": [{"id": "yt", "state": "live", "sessions": 1, "bytes_acked": 0, "kbps": 0,
                                      "queue_ms": 0, "dropped": 0, "attempt": 0, "retry_ms": null, "fault": null}],
                    "faults": []
                }
            }]
        });
        change(&mut board);
        serde_json::from_value(board).unwrap()
    }

    fn fault(code: Code) -> Value {
        serde_json::to_value(Fault::new(code, "")).unwrap()
    }

    fn told(alerts: &Alerts, from: usize) -> Vec<String> {
        let newest = alerts.newest();
        let count = newest.len() - from;
        newest.into_iter().take(count).rev().map(|alert| format!("{}: {}", alert.subject, alert.text)).collect()
    }

    #[test]
    fn a_planned_new_session_is_told_before_and_after() {
        let destination = |renewals: u32, renewal_ms: Option<u64>| {
            board(|board| {
                board["channels"][0]["status"]["destinations"] = json!([{
                    "id": "yt", "state": "live", "sessions": 1 + renewals, "renewals": renewals, "renewal_ms": renewal_ms,
                    "bytes_acked": 1, "kbps": 1, "queue_ms": 0, "dropped": 0, "attempt": 0, "retry_ms": null, "fault": null
                }]);
            })
        };
        let mut alerts = Alerts::default();
        alerts.observe(1, &destination(0, None));
        assert!(alerts.newest().is_empty());
        alerts.observe(2, &destination(0, Some(59 * 60_000)));
        alerts.observe(3, &destination(0, Some(58 * 60_000)));
        alerts.observe(4, &destination(1, None));
        alerts.observe(5, &destination(1, None));
        alerts.observe(6, &destination(1, Some(59 * 60_000)));
        alerts.observe(7, &destination(2, None));
        let told: Vec<_> = alerts.newest().into_iter().map(|alert| (alert.at_ms, alert.text, alert.over)).collect();
        let begun = |at_ms| (at_ms, "YouTube: the planned new session has begun.".to_owned(), false);
        let planned = |at_ms| {
            let text = "YouTube: a planned new session begins at a quiet moment, in 59 minutes at the latest.";
            (at_ms, text.to_owned(), false)
        };
        assert_eq!(told, [begun(7), planned(6), begun(4), planned(2)]);
        assert_eq!(within(2 * 3_600_000 + 1), "in 3 hours");
    }

    #[test]
    fn each_trouble_is_told_once_and_its_end_too() {
        let mut alerts = Alerts::default();
        let mut check = |board: Board, expected: &[&str]| {
            let before = alerts.newest().len();
            alerts.observe(7, &board);
            assert_eq!(told(&alerts, before), expected);
        };
        let lost = |board: &mut Value| {
            let status = &mut board["channels"][0]["status"];
            status["sources"][1]["fault"] = fault(Code::SourceLost);
            status["on_air"]["source"] = json!("camera-1");
        };
        check(board(|_| {}), &[]);
        let text = "main/source/camera-2: Camera 2 failed, showing Camera 1. The source stopped sending pictures.";
        check(board(lost), &[text]);
        check(board(lost), &[]);
        check(board(|_| {}), &["main/source/camera-2: Camera 2 is back."]);
        let slate = |board: &mut Value| {
            lost(board);
            board["channels"][0]["status"]["on_air"]["source"] = Value::Null;
        };
        let text = "main/source/camera-2: Camera 2 failed, showing the slate. The source stopped sending pictures.";
        check(board(slate), &[text]);
        check(board(|_| {}), &["main/source/camera-2: Camera 2 is back."]);
        let by_hand = |board: &mut Value| board["channels"][0]["faults"] = json!([fault(Code::SlateByHand)]);
        check(board(by_hand), &["main: Main: The slate is on air because somebody put it there."]);
        check(board(|_| {}), &["main: Main: the slate has gone off air."]);
    }

    #[test]
    fn a_source_that_sends_has_not_failed_unless_it_left_the_air() {
        let frozen = |on_air: &'static str| {
            board(move |board| {
                let status = &mut board["channels"][0]["status"];
                status["sources"][1]["fault"] = fault(Code::SourceFrozen);
                status["on_air"]["source"] = json!(on_air);
            })
        };
        let mut alerts = Alerts::default();
        alerts.observe(1, &frozen("camera-2"));
        alerts.observe(2, &board(|_| {}));
        let texts =
            ["Camera 2: The source's picture stands still.", "Camera 2: over: The source's picture stands still."];
        let subject = |text: &str| format!("main/source/camera-2: {text}");
        assert_eq!(told(&alerts, 0), texts.map(subject));
        alerts.observe(3, &frozen("camera-1"));
        let text = "Camera 2 failed, showing Camera 1. The source's picture stands still.";
        assert_eq!(told(&alerts, 2), [subject(text)]);
    }

    #[test]
    fn a_playlist_that_goes_on_without_a_file_has_not_failed() {
        let list = |state: &'static str| {
            board(move |board| {
                let source = &mut board["channels"][0]["status"]["sources"][1];
                source["fault"] = fault(Code::MediaMissing);
                source["state"] = json!(state);
            })
        };
        let text = Code::MediaMissing.text();
        for (state, begins, ends) in [
            ("online", format!("Camera 2: {text}"), format!("Camera 2: over: {text}")),
            ("lost", format!("Camera 2 failed. {text}"), "Camera 2 is back.".into()),
        ] {
            let mut alerts = Alerts::default();
            alerts.observe(1, &list(state));
            alerts.observe(2, &board(|_| {}));
            assert_eq!(told(&alerts, 0), [begins, ends].map(|text| format!("main/source/camera-2: {text}")));
        }
    }

    #[test]
    fn a_destination_alerts_at_its_first_failure_and_at_its_tenth() {
        let mut alerts = Alerts::default();
        let tries = |attempt: u32| {
            board(|board| {
                let destination = &mut board["channels"][0]["status"]["destinations"][0];
                destination["fault"] = fault(Code::DestinationUnreachable);
                destination["attempt"] = json!(attempt);
            })
        };
        for attempt in 1..=12 {
            alerts.observe(7, &tries(attempt));
        }
        let text = "YouTube has failed 10 times. Bandstand goes on trying every minute.";
        let texts: Vec<String> = alerts.newest().into_iter().rev().map(|alert| alert.text).collect();
        assert_eq!(texts, ["YouTube: The platform does not answer.", text]);
        alerts.observe(8, &board(|_| {}));
        assert_eq!(alerts.newest()[0].text, "YouTube is reached again.");
        assert_eq!(alerts.newest().len(), 3, "the tenth failure's end is told once");
    }

    #[test]
    fn they_outlive_whoever_tells_them_and_nothing_is_told_twice() {
        let lost = |board: &mut Value| {
            board["channels"][0]["status"]["sources"][0]["fault"] = fault(Code::SourceLost);
        };
        let away = |board: &mut Value| {
            board["channels"][0]["status"] = Value::Null;
            board["channels"][0]["worker"] = json!("starting");
        };
        let mut first = Alerts::default();
        assert!(first.observe(7, &board(lost)));
        assert!(!first.observe(8, &board(lost)), "nothing new to keep");
        let mut alerts = Alerts::restored(first.newest(), &first.standing());
        assert_eq!(alerts.newest(), first.newest());
        // The worker is not heard yet, then it is: what stood stands.
        assert!(!alerts.observe(9, &board(away)));
        assert!(!alerts.observe(10, &board(lost)));
        assert!(alerts.observe(11, &board(|_| {})));
        assert_eq!(alerts.newest()[0].text, "Camera 1 is back.");
        assert_eq!(alerts.newest().len(), 2);
        let broken = Alerts::restored(Vec::new(), "no JSON");
        assert_eq!(broken.newest(), []);
    }

    #[test]
    fn a_worker_that_goes_away_brings_no_camera_back() {
        let mut alerts = Alerts::default();
        alerts.observe(
            1,
            &board(|board| board["channels"][0]["status"]["sources"][0]["fault"] = fault(Code::SourceLost)),
        );
        alerts.observe(
            2,
            &board(|board| {
                board["channels"][0]["status"] = Value::Null;
                board["channels"][0]["faults"] = json!([fault(Code::WorkerHung)]);
            }),
        );
        alerts.observe(3, &board(|_| {}));
        let texts: Vec<String> = alerts.newest().into_iter().rev().map(|alert| alert.text).collect();
        let hung = "Main: The channel's process hung and was replaced.";
        let over = ["Main: the channel's process runs again.", "Camera 1 is back."];
        assert_eq!(texts, ["Camera 1 failed. The source stopped sending pictures.", hung, over[0], over[1]]);
    }

    #[test]
    fn what_was_taken_away_ends_without_a_word() {
        let mut alerts = Alerts::default();
        let lost = |board: &mut Value| {
            board["channels"][0]["status"]["sources"][0]["fault"] = fault(Code::SourceLost);
            board["channels"][0]["status"]["destinations"][0]["fault"] = fault(Code::DestinationLost);
        };
        alerts.observe(1, &board(lost));
        assert_eq!(alerts.newest().len(), 2);
        let taken = |board: &mut Value| {
            for list in ["sources", "destinations"] {
                board["channels"][0]["wanted"][list] = json!([]);
                board["channels"][0]["status"][list] = json!([]);
            }
        };
        assert!(alerts.observe(2, &board(taken)), "it stands no longer");
        alerts.observe(3, &board(|board| board["channels"] = json!([])));
        assert_eq!((alerts.newest().len(), alerts.standing().as_str()), (2, "[]"));
    }

    #[test]
    fn what_is_no_trouble_tells_nothing() {
        let mut alerts = Alerts::default();
        alerts.observe(
            1,
            &board(|board| {
                board["channels"][0]["status"]["sources"][0]["fault"] = fault(Code::SourceWaiting);
                board["channels"][0]["faults"] = json!([fault(Code::FallbackOnAir)]);
            }),
        );
        alerts.observe(
            2,
            &board(|board| {
                board["channels"][0]["wanted"]["sources"] = json!([]);
                board["channels"][0]["faults"] = json!([fault(Code::SlateOnAir)]);
            }),
        );
        assert_eq!(alerts.newest(), []);
        for i in 0..200 {
            let fault = fault(if i % 2 == 0 { Code::WorkerLost } else { Code::TicksMissing });
            alerts.observe(3, &board(|board| board["channels"][0]["faults"] = json!([fault])));
        }
        assert_eq!(alerts.newest().len(), KEPT_MAX);
    }
}
