//! Rows of one worker's state, and that doing the plan comes to an end.

use super::*;
use proptest::prelude::*;

fn channel(id: &str) -> ChannelId {
    ChannelId::new(id).unwrap()
}

fn running(version: u32, generation: u64, sent: Option<u64>, refused: Option<u64>) -> Worker {
    Worker::Running { version, generation, sent, refused }
}

#[test]
fn one_channel() {
    const OTHER: u32 = VERSION + 1;
    let idle = Some(WantedChannel { generation: 5, session: false });
    let live = Some(WantedChannel { generation: 5, session: true });
    let stop = |reason| Some(Step::StopChannel { channel: channel("main"), reason });
    let send = Some(Step::SendSpec { channel: channel("main"), generation: 5 });
    let rows = [
        (idle, Worker::Absent, Some(Step::StartChannel { channel: channel("main") })),
        (idle, Worker::Starting, None),
        (idle, running(VERSION, 0, None, None), send.clone()),
        (idle, running(VERSION, 4, None, None), send.clone()),
        (idle, running(VERSION, 4, Some(4), Some(3)), send.clone()),
        (idle, running(VERSION, 4, Some(5), None), None),
        (idle, running(VERSION, 4, None, Some(5)), None),
        (idle, running(VERSION, 5, None, None), None),
        (idle, running(VERSION, 9, None, None), Some(Step::RaiseGeneration { channel: channel("main"), above: 9 })),
        (idle, running(OTHER, 5, None, None), stop(StopReason::Version)),
        (live, running(OTHER, 4, None, None), None),
        (live, running(VERSION, 4, None, None), send),
        (live, Worker::Absent, Some(Step::StartChannel { channel: channel("main") })),
        (None, Worker::Absent, None),
        (None, Worker::Starting, stop(StopReason::Unwanted)),
        (None, running(VERSION, 3, None, None), stop(StopReason::Unwanted)),
        (None, running(OTHER, 3, None, None), stop(StopReason::Unwanted)),
    ];
    for (want, worker, step) in rows {
        let wanted = Wanted { channels: want.into_iter().map(|w| (channel("main"), w)).collect(), ingest: None };
        let observed = Observed { channels: [(channel("main"), worker)].into(), ingest: Worker::Absent };
        assert_eq!(plan(&wanted, &observed), Vec::from_iter(step), "{want:?} {worker:?}");
    }
}

#[test]
fn ingest_comes_first_and_is_not_replaced_under_a_session() {
    let mut wanted =
        Wanted { channels: [(channel("a"), WantedChannel { generation: 1, session: true })].into(), ingest: Some(3) };
    let mut observed = Observed::default();
    let start = Step::StartChannel { channel: channel("a") };
    assert_eq!(plan(&wanted, &observed), [Step::StartIngest, start]);
    observed.channels.insert(channel("a"), running(VERSION, 1, None, None));
    observed.ingest = running(VERSION + 1, 2, None, None);
    assert_eq!(plan(&wanted, &observed), []);
    wanted.channels.get_mut(&channel("a")).unwrap().session = false;
    assert_eq!(plan(&wanted, &observed), [Step::StopIngest { reason: StopReason::Version }]);
    observed.ingest = running(VERSION, 2, None, None);
    assert_eq!(plan(&wanted, &observed), [Step::SendIngestSpec { generation: 3 }]);
    observed.ingest = running(VERSION, 4, None, None);
    assert_eq!(plan(&wanted, &observed), [Step::RaiseIngestGeneration { above: 4 }]);
}

#[test]
fn ends_come_before_starts_and_starts_before_specs() {
    let want = WantedChannel { generation: 2, session: false };
    let wanted = Wanted { channels: ["b", "c"].map(|id| (channel(id), want)).into(), ingest: None };
    let observed = Observed {
        channels: [(channel("a"), Worker::Starting), (channel("b"), running(VERSION, 1, None, None))].into(),
        ingest: Worker::Absent,
    };
    assert_eq!(
        plan(&wanted, &observed),
        [
            Step::StopChannel { channel: channel("a"), reason: StopReason::Unwanted },
            Step::StartChannel { channel: channel("c") },
            Step::SendSpec { channel: channel("b"), generation: 2 },
        ]
    );
}

/// What a well-behaved world makes of a step.
fn act(step: &Step, wanted: &mut Wanted, observed: &mut Observed) {
    let with = |generation: u64| running(VERSION, generation, Some(generation), None);
    match step {
        Step::StartChannel { channel } => {
            observed.channels.insert(channel.clone(), with(0));
        }
        Step::StopChannel { channel, .. } => {
            observed.channels.remove(channel);
        }
        Step::SendSpec { channel, generation } => {
            observed.channels.insert(channel.clone(), with(*generation));
        }
        Step::RaiseGeneration { channel, above } => wanted.channels.get_mut(channel).unwrap().generation = above + 1,
        Step::StartIngest => observed.ingest = with(0),
        Step::StopIngest { .. } => observed.ingest = Worker::Absent,
        Step::SendIngestSpec { generation } => observed.ingest = with(*generation),
        Step::RaiseIngestGeneration { above } => wanted.ingest = Some(above + 1),
    }
}

fn any_worker() -> impl Strategy<Value = Worker> {
    let one_of = |n: u64| prop::option::of(0..n);
    prop_oneof![
        Just(Worker::Absent),
        (VERSION..VERSION + 2, 0..6u64, one_of(3), one_of(3)).prop_map(|(v, g, s, r)| running(v, g, s, r)),
    ]
}

proptest! {
    #[test]
    fn doing_the_plan_brings_what_is_wanted(
        want in prop::collection::btree_map("[a-d]", (3..6u64).prop_map(|generation| WantedChannel { generation, session: false }), 0..4),
        workers in prop::collection::btree_map("[a-f]", any_worker(), 0..6),
        ingest in (prop::option::of(3..6u64), any_worker()),
    ) {
        let channels = want.into_iter().map(|(id, want)| (channel(&id), want)).collect();
        let mut wanted = Wanted { channels, ingest: ingest.0 };
        let workers = workers.into_iter().map(|(id, worker)| (channel(&id), worker)).collect();
        let mut observed = Observed { channels: workers, ingest: ingest.1 };
        for _ in 0..4 {
            for step in plan(&wanted, &observed) {
                act(&step, &mut wanted, &mut observed);
            }
        }
        prop_assert_eq!(plan(&wanted, &observed), vec![]);
        prop_assert_eq!(
            observed.channels.iter().filter(|(_, w)| **w != Worker::Absent).map(|(id, _)| id).collect::<Vec<_>>(),
            wanted.channels.keys().collect::<Vec<_>>()
        );
    }
}
