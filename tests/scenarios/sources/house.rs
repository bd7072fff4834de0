//! A box with a channel and a platform, to which tests add sources, and the reading back of them.

use automation::status::{ChannelStatus, SourceState};
use harness::bandstand::Bandstand;
use harness::clip::Clip;
use harness::figures::note;
use harness::platform::Platform;
use harness::recording::Recording;
use harness::sender::Sender;
use harness::stage::Stage;
use harness::venue::{APART_MS_MAX, APART_MS_MAX_MOVED, MAIN, assert_lips_within, assert_whole, house};
use harness::wait::{s, until};
use serde_json::{Value, json};
use std::any::Any;

const NAME: &str = "sources";
/// Time that each source is on air, ticks.
const ON_AIR_TICKS: u64 = 80;
/// Pictures of the usual film.
const FILM_PICTURES: u32 = 48 * 30;
/// Shapes of pictures that are looked for, the usual ones first.
const SHAPES: [(usize, usize); 4] = [(16, 9), (4, 3), (11, 9), (9, 16)];

/// A source under test, with its far side.
struct Input {
    id: &'static str,
    /// The number that its film's pictures carry.
    number: u8,
    paced: Paced,
    /// Ends the far side with the test.
    _far: Box<dyn Any>,
}

/// How a source's pictures must follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paced {
    /// Each tick the next one of a film of so many pictures.
    Evenly(u32),
    /// Some stand longer, some are left out, as its own times want it.
    Unevenly(u32),
}

impl Input {
    /// A film that is no longer than 8 s is shown for more than a half of it, so that its midst or end is seen.
    fn on_air_ticks(&self) -> u64 {
        let (Paced::Evenly(pictures) | Paced::Unevenly(pictures)) = self.paced;
        if pictures <= 8 * 30 { u64::from(pictures) * 2 / 3 } else { ON_AIR_TICKS }
    }
}

/// A box whose channel has senders' sources, and a platform.
pub(crate) struct House {
    pub(crate) bandstand: Bandstand,
    platform: Platform,
    inputs: Vec<Input>,
    pub(crate) stage: Stage,
    /// The film whose sound may be 40 ms from its picture instead of 10.
    pub(crate) loose: Option<u8>,
}

impl House {
    /// Opens it, for the test `name`.
    pub(crate) fn open(name: &str) -> House {
        let stage = Stage::new(name);
        let bandstand = Bandstand::start(&stage.room("box"));
        House::with(bandstand, stage)
    }

    /// The same with this box.
    pub(crate) fn with(bandstand: Bandstand, stage: Stage) -> House {
        bandstand.ok("PATCH", "/channels/main", json!({"name": "Main stage", "house": house()}));
        let failover = json!({"holdoff_ms": 1500, "stable_ms": 1000});
        bandstand.ok("PATCH", "/channels/main", json!({"failover": failover}));
        let platform = Platform::start(&stage.room("platform"), "nginx");
        let body = json!({"id": "platform", "name": "platform", "url": platform.url(), "key": "key"});
        bandstand.ok("POST", "/channels/main/destinations", body);
        House { bandstand, platform, inputs: Vec::new(), stage, loose: None }
    }

    /// Adds a source; its name is its id. Its document.
    pub(crate) fn source(&self, id: &str, mut body: Value) -> Value {
        (body["id"], body["name"]) = (json!(id), json!(id));
        self.bandstand.ok("POST", "/channels/main/sources", body)
    }

    /// Waits until a source is in this state.
    pub(crate) fn wait_for(&self, id: &str, state: SourceState) {
        self.bandstand.wait(MAIN, &format!("{id} to be {state:?}"), s(40), |status| {
            status.sources.iter().any(|s| s.id.as_str() == id && s.state == state)
        });
    }

    /// Waits until a source sends pictures, even where it has come and gone before.
    pub(crate) fn wait_until_well(&self, id: &str) {
        self.bandstand.wait(MAIN, &format!("{id} to send"), s(40), |status| {
            status.sources.iter().any(|s| s.id.as_str() == id && s.state.is_well())
        });
    }

    /// The tick that the program is at.
    pub(crate) fn tick(&self) -> u64 {
        self.bandstand.status(MAIN).expect("a channel with a worker").program.tick
    }

    /// Whether a source sends pictures now.
    pub(crate) fn is_well(&self, id: &str) -> bool {
        self.bandstand.source(MAIN, id).is_some_and(|source| source.state.is_well())
    }

    /// Waits until a source has this fault. Its text must not hold `secret`.
    pub(crate) fn wait_for_fault(&self, id: &str, code: &str, secret: &str) {
        let found = |status: &ChannelStatus| {
            let source = status.sources.iter().find(|s| s.id.as_str() == id)?;
            source.fault.clone().filter(|fault| fault.code.as_str() == code)
        };
        let status = self.bandstand.wait(MAIN, &format!("{id} to say {code}"), s(40), |status| found(status).is_some());
        let fault = found(&status).expect("it was there just now");
        note(NAME, &format!("{id}: {} – {}", fault.text, fault.remedy));
        assert!(!fault.text.contains(secret) && !fault.remedy.is_empty(), "{fault:?}");
    }

    /// Everything that the box has written into its logs.
    pub(crate) fn logs(&self) -> String {
        let files = std::fs::read_dir(self.bandstand.run()).expect("list the run folder").flatten();
        let logs = files.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "log"));
        logs.filter_map(|path| std::fs::read_to_string(path).ok()).collect::<String>() + &self.bandstand.log()
    }

    /// A sender that begins to send this film.
    pub(crate) fn sender(&self, id: &str, number: u8, output: &[&str]) -> Sender {
        Sender::start(&self.stage.room(id), &film(number).file(), output)
    }

    /// Takes note of a source that shall be shown.
    pub(crate) fn input(&mut self, id: &'static str, number: u8, far: impl Any) {
        self.paced_input(id, number, Paced::Evenly(FILM_PICTURES), far);
    }

    /// The same, with pictures that follow one another in another way.
    pub(crate) fn paced_input(&mut self, id: &'static str, number: u8, paced: Paced, far: impl Any) {
        self.inputs.push(Input { id, number, paced, _far: Box::new(far) });
    }

    /// Puts one source on air, and reads back what was sent from then on for so many ticks.
    pub(crate) fn show(&self, id: &str, ticks: u64) -> Recording {
        self.bandstand.ok("POST", "/channels/main/pin", json!({"source": id}));
        let tick = self.bandstand.wait_on_air(MAIN, id, s(10)).program.tick;
        self.bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
        self.bandstand.wait(MAIN, &format!("{id} for a while"), s(60), |status| status.program.tick >= tick + ticks);
        self.bandstand.ok("POST", "/channels/main/end", Value::Null);
        self.platform.wait_until_closed(0);
        let recording = Recording::read_shapes(&self.platform.recordings()[0], &SHAPES);
        assert_whole(NAME, &recording);
        recording
    }

    /// Puts every source on air, one after the other, and reads all of them back.
    pub(crate) fn show_all(&self) -> Recording {
        for input in &self.inputs {
            self.wait_for(input.id, SourceState::Online);
        }
        let pin = |input: &Input| {
            let id = input.id;
            self.wait_for(id, SourceState::Online);
            self.bandstand.ok("POST", "/channels/main/pin", json!({"source": id}));
            let status = self.bandstand.wait_on_air(MAIN, id, s(10));
            let until_tick = status.program.tick + input.on_air_ticks();
            self.bandstand.wait(MAIN, &format!("{id} for a while"), s(30), |status| status.program.tick >= until_tick);
            let arriving = self.bandstand.source(MAIN, id).and_then(|source| source.arriving);
            let told = arriving.as_ref().is_some_and(|way| {
                way.connections > 0 && way.bytes > 10_000 && way.kbps < 20_000 && !way.formats.is_empty()
            });
            assert!(told, "{id}: how it arrives is told: {arriving:?}");
        };
        pin(&self.inputs[0]);
        self.bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
        until("pictures at the platform", s(15), || (self.platform.pictures(0) > 60).then_some(()));
        self.inputs.iter().for_each(pin);
        self.bandstand.ok("POST", "/channels/main/end", Value::Null);
        self.platform.wait_until_closed(0);
        let recording = Recording::read_shapes(&self.platform.recordings()[0], &SHAPES);
        assert_whole(NAME, &recording);
        let numbers: Vec<u8> = self.inputs.iter().map(|input| input.number).collect();
        for input in &self.inputs {
            assert_moves(input, &recording);
        }
        let apart_ms = |number| if self.loose == Some(number) { APART_MS_MAX_MOVED } else { APART_MS_MAX };
        assert_lips_within(apart_ms, NAME, &recording, &numbers);
        recording
    }
}

/// A film long enough that its loop is not seen while it is on air.
pub(crate) fn film(number: u8) -> Clip {
    Clip::new(number, 48)
}

/// Asserts that the pictures of a source went on as they should while it was on air.
fn assert_moves(Input { id, number, paced, .. }: &Input, recording: &Recording) {
    let marks = recording.pictures.iter().filter_map(|p| p.mark.filter(|mark| mark.source == *number));
    let counters: Vec<u32> = marks.map(|mark| mark.counter).collect();
    assert!(counters.len() as u64 >= ON_AIR_TICKS, "{id}: {} pictures", counters.len());
    let (Paced::Evenly(pictures) | Paced::Unevenly(pictures)) = *paced;
    let step = |pair: &[u32]| (pair[1] + pictures - pair[0]) % pictures;
    let steps: Vec<u32> = counters.windows(2).map(step).collect();
    let odd = steps.iter().filter(|step| **step != 1).count();
    note(NAME, &format!("{id}: {} pictures on air, {odd} of them not the next one", counters.len()));
    match paced {
        // Two clocks of the same rate differ by a picture now and then; a source that stutters does so all the time.
        Paced::Evenly(_) => assert!(odd <= counters.len() / 20, "{id}: steps of its frame counter: {steps:?}"),
        Paced::Unevenly(_) => {
            // Not counting where it was put on air anew.
            let far = steps.iter().filter(|step| **step > 3).count();
            let stands = steps.chunk_by(|a, b| a == b).filter(|run| run[0] == 0).map(<[u32]>::len).max();
            let moves = far <= 2 && stands.unwrap_or(0) <= 6 && odd <= counters.len() * 6 / 10;
            assert!(moves, "{id}: steps of its frame counter: {steps:?}");
        }
    }
}
