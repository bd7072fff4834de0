//! Rows of ages and moments with what follows, and days of random ones against rules.

use super::*;
use crate::spec::RtmpUrl;
use proptest::prelude::*;
use serde_json::{Value, json};

const MIN: u64 = 60_000;

fn destination(id: &str, renew_hours: Option<u32>, rtmp: bool) -> Destination {
    let kind = match rtmp {
        true => DestinationKind::Rtmp {
            url: RtmpUrl::parse("rtmp://h/live").unwrap(),
            key: Default::default(),
            authority: None,
        },
        false => serde_json::from_str(r#"{"kind": "srt", "url": "srt://h:9000"}"#).unwrap(),
    };
    Destination { id: DestinationId::new(id).unwrap(), name: id.into(), enabled: true, renew_hours, kind }
}

fn term(hours: u32) -> Term {
    Term::of(&destination("x", Some(hours), true)).unwrap()
}

fn session(id: &str, hours: u32, age_ms: impl Into<Option<u64>>) -> Session {
    Session { id: DestinationId::new(id).unwrap(), term: term(hours), age_ms: age_ms.into(), behind_ms: 0 }
}

fn at(ms: u64) -> Running {
    Running(0).plus_ms(ms)
}

fn turn(renewals: &mut Renewals, now: Running, moment: Moment, sessions: &[Session]) -> Option<String> {
    renewals.look(now, moment, sessions).map(|id| id.to_string())
}

#[test]
fn how_old_a_session_may_become() {
    let latest = |hours, rtmp| Term::of(&destination("x", hours, rtmp)).map(|term| term.latest_ms);
    assert_eq!(latest(None, false), None, "SRT knows no limit");
    assert_eq!(latest(None, true), Some(20 * 24 * 60 * MIN), "RTMP's time is 32 bits");
    assert_eq!(latest(Some(8), true), Some(8 * 60 * MIN - 5 * MIN), "before the platform ends it");
    assert_eq!(latest(Some(8), false), latest(Some(8), true));
    assert_eq!(latest(Some(480), true), Some(20 * 24 * 60 * MIN - 5 * MIN));
    const { assert!(RTMP_MS_MAX + GRACE_MS < i32::MAX as u64) };
}

#[test]
fn a_window_opens_presses_and_closes() {
    // 475 minutes at most: the last 59 are the window, and the last 15 press.
    let due = |age_min: u64| {
        let kinds = [Moment::Quiet, Moment::Change, Moment::Busy];
        kinds.map(|moment| term(8).is_due(age_min * MIN, moment))
    };
    for (age_min, planned, expected) in [
        (0, None, [false, false, false]),
        (415, None, [false, false, false]),
        (416, Some(59), [true, false, false]),
        (460, Some(15), [true, false, false]),
        (461, Some(14), [true, true, false]),
        (475, Some(0), [true, true, true]),
        (999, Some(0), [true, true, true]),
    ] {
        assert_eq!(due(age_min), expected, "{age_min} min");
        assert_eq!(term(8).announced(age_min * MIN).map(|ms| ms / MIN), planned, "{age_min} min");
    }
}

#[test]
fn one_after_the_other_and_none_after_one_that_stays_away() {
    let mut renewals = Renewals::default();
    let both = [session("a", 8, 470 * MIN), session("b", 8, 471 * MIN)];
    assert_eq!(turn(&mut renewals, at(0), Moment::Busy, &both), None);
    assert_eq!(turn(&mut renewals, at(0), Moment::Quiet, &both), Some("b".into()), "the older one first");
    // Its status may be a moment behind.
    assert_eq!(turn(&mut renewals, at(50), Moment::Quiet, &both), None);
    let away = [session("a", 8, 470 * MIN), session("b", 8, None)];
    assert_eq!(turn(&mut renewals, at(60_000), Moment::Quiet, &away), None, "b is not back");
    let back = [session("a", 8, 470 * MIN), session("b", 8, 100)];
    assert_eq!(turn(&mut renewals, at(29_000), Moment::Quiet, &back), None, "is b sound?");
    assert_eq!(turn(&mut renewals, at(30_000), Moment::Quiet, &back), Some("a".into()));
    // One that stays away holds up nobody beyond the grace.
    let mut renewals = Renewals { last: Some((DestinationId::new("b").unwrap(), at(0))) };
    let waits = |age_min| [session("a", 8, age_min * MIN), session("b", 8, None)];
    assert_eq!(turn(&mut renewals, at(90_000), Moment::Busy, &waits(479)), None);
    assert_eq!(turn(&mut renewals, at(90_000), Moment::Busy, &waits(480)), Some("a".into()));
    // One that was taken out of the plan is nobody's concern.
    let mut renewals = Renewals { last: Some((DestinationId::new("gone").unwrap(), at(0))) };
    assert_eq!(turn(&mut renewals, at(30_000), Moment::Quiet, &both), Some("b".into()));
}

#[test]
fn one_that_is_behind_waits_up_to_its_latest() {
    for (age_min, behind_ms, expected) in
        [(470, 2_000, Some("a")), (470, 2_001, None), (474, 9_000, None), (475, 9_000, Some("a"))]
    {
        let late = Session { behind_ms, ..session("a", 8, age_min * MIN) };
        let next = turn(&mut Renewals::default(), at(0), Moment::Quiet, &[late]);
        assert_eq!(next.as_deref(), expected, "{age_min} min, {behind_ms} ms behind");
    }
}

#[test]
fn moments_on_air() {
    let source = |id: &str, more: Value| {
        let mut source = json!({"id": id, "name": id});
        source.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        source
    };
    let draft: ChannelSpecDraft = serde_json::from_value(json!({
        "generation": 1, "channel": "main", "name": "Town Hall",
        "house": {"width": 1280, "height": 720, "rate": {"num": 30, "den": 1}, "video_kbps": 3000, "audio_kbps": 128},
        "sources": [
            source("pattern", json!({"kind": "test_pattern", "pattern": "bars"})),
            source("slate", json!({"kind": "slate", "title": "Soon"})),
            source("playout", json!({"kind": "rtmp", "stream": "main_loop", "role": "loop"})),
            source("obs", json!({"kind": "rtmp", "stream": "main_obs"})),
            source("film", json!({"kind": "media", "asset": "film"})),
            source("camera", json!({"kind": "camera", "url": "rtsp://c/1"})),
            source("fetched", json!({"kind": "pull", "url": "http://tv/live.m3u8"})),
        ],
        "assets": {"film": "/film.mp4"}, "failover": {}, "timeline": null, "manual": null, "messages": {}, "live": null,
        "destinations": [],
    }))
    .unwrap();
    let moment = |source: Option<&str>, carrier, tick| {
        let source = source.map(|id| crate::id::SourceId::new(id).unwrap());
        Moment::of(
            &draft,
            &OnAir {
                wanted: source.clone(),
                source,
                carrier,
                by_hand: None,
                sound: None,
                leaving: None,
                since_tick: 100,
            },
            tick,
        )
    };
    for (source, carrier, tick, expected) in [
        (None, Carrier::Slate, 900, Moment::Quiet),
        (Some("pattern"), Carrier::Timeline, 900, Moment::Quiet),
        (Some("slate"), Carrier::Pin, 900, Moment::Quiet),
        (Some("playout"), Carrier::Timeline, 900, Moment::Quiet),
        (Some("film"), Carrier::Loop, 900, Moment::Quiet),
        (Some("film"), Carrier::Timeline, 900, Moment::Busy),
        (Some("film"), Carrier::Timeline, 130, Moment::Change),
        (Some("camera"), Carrier::Primary, 131, Moment::Busy),
        (Some("camera"), Carrier::Take, 100, Moment::Change),
        (Some("obs"), Carrier::LiveInput, 900, Moment::Busy),
        (Some("fetched"), Carrier::Timeline, 900, Moment::Busy),
    ] {
        assert_eq!(moment(source, carrier, tick), expected, "{source:?} {carrier:?} {tick}");
    }
}

fn any_moment() -> impl Strategy<Value = Moment> {
    prop_oneof![1 => Just(Moment::Quiet), 3 => Just(Moment::Change), 20 => Just(Moment::Busy)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Sessions that come back within a minute, looked at every 10 s for a day.
    #[test]
    fn no_session_becomes_too_old_and_no_two_go_together(
        hours in prop::collection::vec(1..=24u32, 1..5),
        moments in prop::collection::vec(any_moment(), 1..500),
        back_s in 0..60u64,
    ) {
        let ids: Vec<String> = (0..hours.len()).map(|n| format!("d{n}")).collect();
        let mut begun = vec![at(0); ids.len()];
        let mut renewals = Renewals::default();
        let mut last = None::<Running>;
        for (n, moment) in moments.into_iter().cycle().take(8_640).enumerate() {
            let now = at(n as u64 * 10_000);
            let age = |d: usize| (now >= begun[d]).then(|| now.ms_since(begun[d]));
            let sessions: Vec<_> = (0..ids.len()).map(|d| session(&ids[d], hours[d], age(d))).collect();
            for (one, hours) in sessions.iter().zip(&hours) {
                let limit_ms = u64::from(*hours) * HOUR_MS;
                prop_assert!(one.age_ms.is_none_or(|age| age <= limit_ms + 10_000), "{one:?}");
            }
            let Some(next) = renewals.look(now, moment, &sessions) else { continue };
            let d = ids.iter().position(|id| *id == next.as_str()).unwrap();
            prop_assert!(sessions[d].term.announced(sessions[d].age_ms.unwrap()).is_some(), "it was announced");
            // Four of the same age are through before the grace is over, so none has to hurry.
            prop_assert!(last.is_none_or(|last| now >= last.plus_ms(APART_MS.max(back_s * 1000))));
            last = Some(now);
            begun[d] = now.plus_ms(back_s * 1000);
        }
    }
}
