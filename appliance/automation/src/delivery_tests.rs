//! Scripts of events with the waits and actions that follow, and random events against rules.

use super::*;
use proptest::prelude::*;

fn s(seconds: u64) -> Running {
    Running(0).plus_ms(seconds * 1000)
}

fn refused() -> Event {
    Event::Failed(Fault::new(Code::DestinationRefused, "yt"))
}

fn unreachable() -> Event {
    Event::Failed(Fault::new(Code::DestinationUnreachable, "yt"))
}

fn lost() -> Event {
    Event::Failed(Fault::new(Code::DestinationLost, "yt"))
}

/// Lets every try fail with an event, and tells the waits in seconds.
fn waits(delivery: &mut Delivery, mut now: Running, event: &Event, count: usize) -> Vec<u64> {
    let mut waits = Vec::new();
    for _ in 0..count {
        assert_eq!(delivery.status(now).state, DestinationState::Connecting);
        assert_eq!(delivery.handle(now, event.clone()), None);
        waits.push(delivery.status(now).retry_ms.unwrap() / 1000);
        now = delivery.deadline().unwrap();
        assert_eq!(delivery.handle(now, Event::Elapsed), Some(Action::Connect));
    }
    waits
}

fn connecting() -> Delivery {
    let mut delivery = Delivery::new();
    assert_eq!(delivery.handle(s(0), Event::Wanted(true)), Some(Action::Connect));
    delivery
}

fn on_air() -> Delivery {
    let mut delivery = connecting();
    assert_eq!(delivery.handle(s(1), Event::MediaAcked), None);
    delivery
}

#[test]
fn one_session_from_go_live_to_end() {
    let mut delivery = on_air();
    let status = delivery.status(s(1));
    assert_eq!((status.state, status.sessions, status.fault), (DestinationState::Live, 1, None));
    assert_eq!(delivery.deadline(), None);
    assert_eq!(delivery.handle(s(2), Event::Wanted(true)), None, "a repeat is fine");
    assert_eq!(delivery.handle(s(2), Event::MediaAcked), None);
    assert_eq!(delivery.handle(s(9), Event::Wanted(false)), Some(Action::Disconnect));
    assert_eq!(delivery.status(s(9)).state, DestinationState::Idle);
    assert_eq!(delivery.handle(s(10), lost()), None, "a late answer does no harm");
    assert_eq!(delivery.deadline(), None);
}

#[test]
fn waits_grow_to_a_minute_and_the_tenth_failure_alerts() {
    let mut delivery = connecting();
    assert_eq!(waits(&mut delivery, s(0), &lost(), 9), [2, 4, 8, 16, 32, 60, 60, 60, 60]);
    assert!(!delivery.status(s(999)).alert);
    delivery.handle(s(999), lost());
    let status = delivery.status(s(999));
    assert_eq!((status.alert, status.attempt, status.retry_ms), (true, 10, Some(60_000)));
}

#[test]
fn a_refused_key_is_named_and_tried_once_a_minute() {
    let mut delivery = connecting();
    assert_eq!(waits(&mut delivery, s(0), &refused(), 3), [60, 60, 60]);
    delivery.handle(s(999), refused());
    assert_eq!(delivery.status(s(999)).fault.unwrap().code, Code::DestinationRefused);
    assert_eq!(delivery.handle(s(1000), Event::Reachable(true)), None, "listening is no news");
}

#[test]
fn after_our_own_session_a_name_that_is_taken_is_no_bad_key() {
    let mut delivery = on_air();
    delivery.handle(s(100), lost());
    assert_eq!(delivery.status(s(100)).retry_ms, Some(2_000));
    delivery.handle(s(102), Event::Elapsed);
    assert_eq!(waits(&mut delivery, s(102), &refused(), 5), [3, 4, 5, 5, 5]);
    delivery.handle(s(219), refused());
    let status = delivery.status(s(219));
    assert_eq!(status.fault.as_ref().unwrap().code, Code::DestinationLost);
    assert_eq!((status.fault.unwrap().subject.as_str(), status.sessions), ("yt", 1));
    delivery.handle(s(224), Event::Elapsed);
    delivery.handle(s(225), refused());
    let status = delivery.status(s(225));
    assert_eq!((status.fault.unwrap().code, status.retry_ms), (Code::DestinationRefused, Some(60_000)));
}

#[test]
fn switched_off_and_on_is_a_second_session_whose_name_may_be_held() {
    let mut delivery = on_air();
    delivery.handle(s(10), Event::Wanted(false));
    assert_eq!(delivery.handle(s(11), Event::Wanted(true)), Some(Action::Connect));
    delivery.handle(s(12), refused());
    assert_eq!(delivery.status(s(12)).retry_ms, Some(2_000));
    delivery.handle(s(14), Event::Elapsed);
    delivery.handle(s(15), Event::MediaAcked);
    assert_eq!(delivery.status(s(15)).sessions, 2);
}

#[test]
fn somebody_who_begins_to_listen_is_tried_at_once() {
    let mut delivery = connecting();
    let mut now = s(0);
    for _ in 0..6 {
        delivery.handle(now, unreachable());
        assert_eq!(delivery.handle(now, Event::Reachable(false)), None);
        now = delivery.deadline().unwrap();
        delivery.handle(now, Event::Elapsed);
    }
    delivery.handle(now, unreachable());
    let now = now.plus_ms(20_000);
    assert_eq!(delivery.handle(now, Event::Reachable(true)), Some(Action::Connect));
    delivery.handle(now, lost());
    assert_eq!(
        delivery.handle(now.plus_ms(3_000), Event::Reachable(true)),
        None,
        "it listened before: the wait stands"
    );
    assert_eq!(delivery.handle(now.plus_ms(4_000), Event::Reachable(false)), None);
    assert_eq!(delivery.handle(now.plus_ms(5_000), Event::Reachable(true)), Some(Action::Connect));
}

#[test]
fn somebody_who_flaps_is_tried_every_two_seconds_at_most() {
    let mut delivery = connecting();
    delivery.handle(s(0), unreachable());
    assert_eq!(delivery.handle(Running(0).plus_ms(500), Event::Reachable(true)), None);
    assert_eq!(delivery.deadline(), Some(s(2)));
}

#[test]
fn a_disk_that_has_room_again_is_written_at_once_and_one_that_lies_is_not_hurried() {
    let full = || Event::Failed(Fault::new(Code::DestinationDiskFull, "files"));
    let mut delivery = connecting();
    waits(&mut delivery, s(0), &full(), 5);
    // A try has just failed, and nobody has looked at the disk since; then there is room.
    assert_eq!(delivery.handle(s(100), full()), None);
    assert_eq!(delivery.handle(s(101), Event::Reachable(true)), Some(Action::Connect));
    // There was none after all: what looks like room is no news.
    assert_eq!(delivery.handle(s(101), full()), None);
    for second in 102..=110 {
        assert_eq!(delivery.handle(s(second), Event::Reachable(true)), None);
    }
    assert_eq!(delivery.deadline(), Some(s(161)));
    // A look that finds none makes it news again.
    delivery.handle(s(111), Event::Reachable(false));
    assert_eq!(delivery.handle(s(112), Event::Reachable(true)), Some(Action::Connect));
    // And a look that was right is not held against the next one.
    delivery.handle(s(113), Event::MediaAcked);
    assert_eq!(delivery.handle(s(120), full()), None);
    assert_eq!(delivery.handle(s(121), Event::Reachable(true)), Some(Action::Connect));
}

#[test]
fn a_try_has_a_limit_and_a_stalled_connection_is_closed() {
    let mut delivery = connecting();
    assert_eq!(delivery.deadline(), Some(s(15)));
    assert_eq!(delivery.handle(s(14), Event::Elapsed), None, "not yet");
    assert_eq!(delivery.handle(s(15), Event::Elapsed), Some(Action::Disconnect));
    assert_eq!(delivery.status(s(15)).fault.unwrap().code, Code::DestinationUnreachable);
    let mut delivery = on_air();
    assert_eq!(delivery.handle(s(40), Event::Stalled), Some(Action::Disconnect));
    assert_eq!(delivery.status(s(40)).fault.unwrap().code, Code::DestinationStalled);
}

#[test]
fn the_next_broadcast_knows_that_our_name_may_still_be_held() {
    let mut delivery = on_air();
    delivery.handle(s(100), Event::MediaAcked);
    assert_eq!(delivery.handle(s(101), Event::Wanted(false)), Some(Action::Disconnect));
    assert_eq!(delivery.next_broadcast(s(102)), None);
    assert_eq!(delivery.status(s(102)).sessions, 0, "the next broadcast counts for itself");
    assert_eq!(delivery.handle(s(103), Event::Wanted(true)), Some(Action::Connect));
    delivery.handle(s(104), refused());
    let status = delivery.status(s(104));
    assert_eq!((status.fault.unwrap().code, status.retry_ms), (Code::DestinationLost, Some(2_000)));
    // One that follows without an END between them ends the session that runs.
    let mut delivery = on_air();
    assert_eq!(delivery.next_broadcast(s(9)), Some(Action::Disconnect));
    delivery.handle(s(9), Event::Wanted(true));
    delivery.handle(s(10), refused());
    assert_eq!(delivery.status(s(10)).fault.unwrap().code, Code::DestinationLost);
}

#[test]
fn one_that_takes_a_connection_and_hangs_up_is_not_hurried() {
    let mut delivery = Delivery::new();
    let mut now = s(0);
    delivery.handle(now, Event::Wanted(true));
    let mut waits = Vec::new();
    for _ in 0..40 {
        delivery.handle(now, Event::MediaAcked);
        delivery.handle(now.plus_ms(900), Event::MediaAcked);
        now = now.plus_ms(1_000);
        delivery.handle(now, lost());
        waits.push(delivery.status(now).retry_ms.unwrap() / 1000);
        now = delivery.deadline().unwrap();
        assert_eq!(delivery.handle(now, Event::Elapsed), Some(Action::Connect));
    }
    assert_eq!(waits[..5], [2, 3, 4, 5, 5], "for two minutes it may hold our name");
    assert_eq!(waits[25..], [60; 15], "{waits:?}");
    assert!(delivery.status(now).attempt == 40 && delivery.status(now).alert);
    // Nor is its refusal called a bad key: a session of ours ended a minute ago.
    delivery.handle(now, refused());
    assert_eq!(delivery.status(now).fault.unwrap().code, Code::DestinationLost);
}

#[test]
fn the_count_begins_anew_once_a_connection_has_carried_media_for_a_while() {
    let mut delivery = connecting();
    for _ in 0..3 {
        delivery.handle(s(1), lost());
        let now = delivery.deadline().unwrap();
        delivery.handle(now, Event::Elapsed);
    }
    delivery.handle(s(100), Event::MediaAcked);
    delivery.handle(Running(0).plus_ms(100_000 + SOUND_MS - 1), Event::MediaAcked);
    assert_eq!(delivery.status(s(120)).attempt, 3, "not yet");
    delivery.handle(Running(0).plus_ms(100_000 + SOUND_MS), Event::MediaAcked);
    assert_eq!(delivery.status(s(120)).attempt, 0);
    delivery.handle(s(500), lost());
    assert_eq!(delivery.status(s(500)).retry_ms, Some(2_000));
}

#[test]
fn the_network_coming_up_cuts_a_wait_short() {
    let mut delivery = connecting();
    let now = (0..6).fold(s(0), |now, _| {
        delivery.handle(now, lost());
        let now = delivery.deadline().unwrap();
        delivery.handle(now, Event::Elapsed);
        now
    });
    assert_eq!(delivery.handle(now, Event::NetworkUp), None, "a try is under way");
    delivery.handle(now, lost());
    assert_eq!(delivery.handle(now.plus_ms(500), Event::NetworkUp), None, "no more often than every 2 s");
    assert_eq!(delivery.deadline(), Some(now.plus_ms(HURRY_MS_MIN)));
    assert_eq!(delivery.handle(now.plus_ms(2_500), Event::NetworkUp), Some(Action::Connect));
    let mut delivery = connecting();
    delivery.handle(s(0), refused());
    assert_eq!(delivery.handle(s(10), Event::NetworkUp), None, "it mends no wrong key");
    let mut delivery = on_air();
    assert_eq!(delivery.handle(s(10), Event::NetworkUp), None, "a stream that flows is left alone");
}

#[test]
fn a_planned_new_session_begins_at_once_and_is_no_fault() {
    let mut delivery = on_air();
    assert_eq!(delivery.handle(s(100), Event::Renew), Some(Action::Disconnect));
    assert_eq!(delivery.handle(s(100), Event::Renew), None, "once is enough");
    assert_eq!(delivery.deadline(), Some(s(100)));
    assert_eq!(delivery.handle(s(100), Event::Elapsed), Some(Action::Connect));
    assert_eq!(delivery.handle(s(100), Event::Renew), None, "only what is live can begin anew");
    let status = delivery.status(s(100));
    assert_eq!((status.sessions, status.renewals), (1, 0), "it counts when it is live, as each session does");
    delivery.handle(s(101), Event::MediaAcked);
    let status = delivery.status(s(101));
    assert_eq!((status.state, status.sessions, status.renewals, status.attempt), (DestinationState::Live, 2, 1, 0));
    assert_eq!(status.fault, None);
    // A platform that still holds the name is tried again soon, and no key is called bad.
    delivery.handle(s(200), Event::Renew);
    delivery.handle(s(200), Event::Elapsed);
    delivery.handle(s(201), refused());
    let status = delivery.status(s(201));
    assert_eq!((status.retry_ms, status.fault.unwrap().code), (Some(2_000), Code::DestinationLost));
    delivery.handle(s(203), Event::Elapsed);
    delivery.handle(s(204), Event::MediaAcked);
    let status = delivery.status(s(204));
    assert_eq!(
        (status.sessions, status.renewals),
        (3, 2),
        "a try that failed on the way takes the plan away from nobody"
    );
    // A person's stop in the midst of it ends the plan.
    delivery.handle(s(210), Event::Renew);
    delivery.handle(s(211), Event::Wanted(false));
    delivery.handle(s(220), Event::Wanted(true));
    delivery.handle(s(221), Event::MediaAcked);
    let status = delivery.status(s(221));
    assert_eq!((status.sessions, status.renewals), (4, 2));
    delivery.next_broadcast(s(300));
    assert_eq!(delivery.status(s(300)).renewals, 0);
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => any::<bool>().prop_map(Event::Wanted),
        2 => Just(Event::MediaAcked),
        3 => Just(lost()),
        2 => Just(refused()),
        2 => Just(unreachable()),
        1 => Just(Event::Stalled),
        4 => any::<bool>().prop_map(Event::Reachable),
        1 => Just(Event::NetworkUp),
        1 => Just(Event::Renew),
        6 => Just(Event::Elapsed),
    ]
}

proptest! {
    #[test]
    fn never_two_connections_and_never_a_storm(events in prop::collection::vec((any_event(), 0..5_000u64), 0..400)) {
        let mut delivery = Delivery::new();
        let (mut now, mut open, mut tried) = (s(0), false, None::<Running>);
        let mut switched = false;
        for (event, wait) in events {
            // Time never jumps over a deadline.
            now = match delivery.deadline() {
                Some(deadline) if event == Event::Elapsed => deadline.max(now),
                Some(deadline) if deadline > now => deadline.min(now.plus_ms(wait)),
                _ => now.plus_ms(wait),
            };
            let ends = open && matches!(event, Event::Failed(_));
            switched |= matches!(event, Event::Wanted(_));
            match delivery.handle(now, event) {
                Some(Action::Connect) => {
                    prop_assert!(!open, "a second connection");
                    if let Some(tried) = tried.filter(|_| !switched) {
                        prop_assert!(now.ms_since(tried) >= HURRY_MS_MIN);
                    }
                    (open, tried, switched) = (true, Some(now), false);
                }
                Some(Action::Disconnect) => {
                    prop_assert!(open);
                    open = false;
                }
                None => open &= !ends,
            }
            let state = delivery.status(now).state;
            prop_assert_eq!(open, matches!(state, DestinationState::Connecting | DestinationState::Live));
            prop_assert_eq!(delivery.deadline().is_some(), matches!(state, DestinationState::Connecting | DestinationState::Waiting));
        }
    }
}
