//! Every kind of source, each with a real far side, goes on air: frame counter and beep are read back from what
//! nginx-rtmp recorded.

use automation::status::{ChannelStatus, SourceState};
use harness::bandstand::Bandstand;
use harness::clip::Clip;
use harness::figures::note;
use harness::platform::Platform;
use harness::recording::Recording;
use harness::sender::Sender;
use harness::stage::{Stage, free_udp_port};
use harness::venue::{MAIN, assert_lips_in_step, assert_whole, house};
use harness::wait::{s, until};
use serde_json::{Value, json};
use std::net::UdpSocket;

const NAME: &str = "sources";
/// Time that each source is on air, ticks.
const ON_AIR_TICKS: u64 = 130;

/// A source under test, with its far side.
struct Input {
    id: &'static str,
    /// The number that its film's pictures carry.
    number: u8,
    /// Ends the far side with the test.
    _far: Vec<Sender>,
}

/// A box whose channel has senders' sources, and a platform.
struct House {
    bandstand: Bandstand,
    platform: Platform,
    inputs: Vec<Input>,
    stage: Stage,
}

impl House {
    fn open(name: &str) -> House {
        let stage = Stage::new(name);
        let bandstand = Bandstand::start(&stage.room("box"));
        bandstand.ok("PATCH", "/channels/main", json!({"name": "Main stage", "house": house()}));
        let failover = json!({"holdoff_ms": 1500, "stable_ms": 1000});
        bandstand.ok("PATCH", "/channels/main", json!({"failover": failover}));
        let platform = Platform::start(&stage.room("platform"), "nginx");
        let body = json!({"id": "platform", "name": "platform", "url": platform.url(), "key": "key"});
        bandstand.ok("POST", "/channels/main/destinations", body);
        House { bandstand, platform, inputs: Vec::new(), stage }
    }

    /// Adds a source; its name is its id. Its document.
    fn source(&self, id: &str, mut body: Value) -> Value {
        (body["id"], body["name"]) = (json!(id), json!(id));
        self.bandstand.ok("POST", "/channels/main/sources", body)
    }

    fn wait_for(&self, id: &str, state: SourceState) {
        self.bandstand.wait(MAIN, &format!("{id} to be {state:?}"), s(40), |status| {
            status.sources.iter().any(|s| s.id.as_str() == id && s.state == state)
        });
    }

    /// Waits until a source sends pictures, even where it has come and gone before.
    fn wait_until_well(&self, id: &str) {
        self.bandstand.wait(MAIN, &format!("{id} to send"), s(40), |status| {
            status.sources.iter().any(|s| s.id.as_str() == id && s.state.is_well())
        });
    }

    /// Waits until a source has this fault. Its text must not hold `secret`.
    fn wait_for_fault(&self, id: &str, code: &str, secret: &str) {
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
    fn logs(&self) -> String {
        let files = std::fs::read_dir(self.bandstand.run()).expect("list the run folder").flatten();
        let logs = files.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "log"));
        logs.filter_map(|path| std::fs::read_to_string(path).ok()).collect::<String>() + &self.bandstand.log()
    }

    /// A sender that begins to send this film.
    fn sender(&self, id: &str, number: u8, output: &[&str]) -> Sender {
        Sender::start(&self.stage.room(id), &film(number), output)
    }

    fn input(&mut self, id: &'static str, number: u8, far: Vec<Sender>) {
        self.inputs.push(Input { id, number, _far: far });
    }

    /// Puts every source on air, one after the other, and reads all of them back.
    fn show_all(&self) {
        for input in &self.inputs {
            self.wait_for(input.id, SourceState::Online);
        }
        let pin = |id: &str| {
            self.wait_for(id, SourceState::Online);
            self.bandstand.ok("POST", "/channels/main/pin", json!({"source": id}));
            let status = self.bandstand.wait_on_air(MAIN, id, s(10));
            let until_tick = status.program.tick + ON_AIR_TICKS;
            self.bandstand.wait(MAIN, &format!("{id} for a while"), s(30), |status| status.program.tick >= until_tick);
        };
        pin(self.inputs[0].id);
        self.bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
        until("pictures at the platform", s(15), || (self.platform.pictures(0) > 60).then_some(()));
        self.inputs.iter().for_each(|input| pin(input.id));
        self.bandstand.ok("POST", "/channels/main/end", Value::Null);
        self.platform.wait_until_closed(0);
        let recording = Recording::read(&self.platform.recordings()[0]);
        assert_whole(NAME, &recording);
        let numbers: Vec<u8> = self.inputs.iter().map(|input| input.number).collect();
        for input in &self.inputs {
            assert_moves(input.id, input.number, &recording);
        }
        assert_lips_in_step(NAME, &recording, &numbers);
    }
}

/// A film long enough that its loop is not seen while it is on air.
fn film(number: u8) -> Clip {
    Clip::new(number, 48)
}

/// Asserts that the pictures of a source went on one by one while it was on air.
fn assert_moves(id: &str, number: u8, recording: &Recording) {
    let counters: Vec<u32> = recording
        .pictures
        .iter()
        .filter_map(|p| p.mark.filter(|mark| mark.source == number))
        .map(|m| m.counter)
        .collect();
    let steps: Vec<i64> = counters.windows(2).map(|pair| i64::from(pair[1]) - i64::from(pair[0])).collect();
    let odd = steps.iter().filter(|step| **step != 1).count();
    note(NAME, &format!("{id}: {} pictures on air, {odd} of them not the next one", counters.len()));
    assert!(counters.len() as u64 >= ON_AIR_TICKS, "{id}: {} pictures", counters.len());
    // Two clocks of the same rate differ by a picture now and then; a source that stutters does so all the time.
    assert!(odd <= counters.len() / 20, "{id}: steps of its frame counter: {steps:?}");
}

#[test]
fn sources_that_are_sent_go_on_air() {
    let mut house = House::open("sent");
    // SRT: the box is called, with a passphrase and a stream id.
    let body = json!({"kind": "srt", "mode": "listener", "port": free_udp_port(), "passphrase": "ten letters and more",
                      "stream_id": "van", "latency_ms": 200});
    let address = house.source("srt-called", body)["address"].as_str().expect("its address").to_owned();
    let to = format!("{address}?mode=caller&passphrase=ten letters and more&streamid=van&latency=200000");
    let far = house.sender("srt-called", 1, &["-f", "mpegts", &to]);
    house.input("srt-called", 1, vec![far]);
    // SRT: the box calls.
    let port = free_udp_port();
    let to = format!("srt://127.0.0.1:{port}?mode=listener&passphrase=0123456789");
    let far = house.sender("srt-calls", 2, &["-f", "mpegts", &to]);
    let body = json!({"kind": "srt", "mode": "caller", "host": "127.0.0.1", "port": port, "passphrase": "0123456789"});
    house.source("srt-calls", body);
    house.input("srt-calls", 2, vec![far]);
    // MPEG-TS by UDP: plain, in RTP, and to a group.
    for (id, number, form) in [("udp", 3, "mpegts"), ("udp-rtp", 4, "rtp_mpegts")] {
        let port = free_udp_port();
        house.source(id, json!({"kind": "udp", "port": port, "latency_ms": 1000}));
        let scheme = if form == "mpegts" { "udp" } else { "rtp" };
        let far = house.sender(id, number, &["-f", form, &format!("{scheme}://127.0.0.1:{port}?pkt_size=1316")]);
        house.input(id, number, vec![far]);
    }
    let port = free_udp_port();
    house.source("udp-group", json!({"kind": "udp", "port": port, "group": "239.255.71.12", "latency_ms": 1000}));
    let to = format!("udp://239.255.71.12:{port}?pkt_size=1316&ttl=0&localaddr=127.0.0.1");
    let far = house.sender("udp-group", 5, &["-f", "mpegts", &to]);
    house.input("udp-group", 5, vec![far]);
    house.show_all();
}

#[test]
fn senders_that_fail_are_named_and_come_back() {
    const SECRET: &str = "not-for-any-log";
    let house = House::open("senders");
    let ours = |id: &str, mut body: Value| {
        let port = free_udp_port();
        body["port"] = json!(port);
        house.source(id, body);
        port
    };
    let called = ours("called", json!({"kind": "srt", "mode": "listener", "passphrase": SECRET, "stream_id": "van"}));
    let udp = ours("udp", json!({"kind": "udp"}));
    let noise = ours("noise", json!({"kind": "udp"}));
    ours("nobody", json!({"kind": "srt", "mode": "caller", "host": "127.0.0.1"}));
    let guarded = free_udp_port();
    let to = format!("srt://127.0.0.1:{guarded}?mode=listener&passphrase=another-secret");
    let _guarded = house.sender("guarded", 6, &["-f", "mpegts", &to]);
    let body = json!({"kind": "srt", "mode": "caller", "host": "127.0.0.1", "port": guarded, "passphrase": SECRET});
    house.source("wrong", body);
    let taken = UdpSocket::bind("127.0.0.1:0").expect("bind a UDP port");
    let taken_port = taken.local_addr().expect("an address").port();
    house.source("taken", json!({"kind": "udp", "port": taken_port}));
    house.wait_for_fault("wrong", "source_refused", SECRET);
    house.wait_for_fault("taken", "port_in_use", SECRET);
    house.wait_for_fault("nobody", "source_unreachable", SECRET);
    for id in ["called", "udp"] {
        house.wait_for_fault(id, "source_waiting", SECRET);
    }
    // Callers without the passphrase, and with another stream id, are turned away.
    for (id, query) in [("open", String::new()), ("other", format!("&passphrase={SECRET}&streamid=car"))] {
        let to = format!("srt://127.0.0.1:{called}?mode=caller{query}");
        let mut refused = house.sender(id, 6, &["-f", "mpegts", &to]);
        until("the refusal", s(15), || refused.is_gone().then_some(()));
    }
    house.wait_for_fault("called", "source_waiting", SECRET);
    // What was taken is free again; what sends noise sends a film now.
    drop(taken);
    let to = format!("udp://127.0.0.1:{taken_port}?pkt_size=1316");
    let _late = house.sender("late", 6, &["-f", "mpegts", &to]);
    house.wait_for("taken", SourceState::Online);
    let to = format!("udp://127.0.0.1:{noise}");
    let noisy = house.sender("noise", 6, &["-map", "0:a", "-f", "mpegts", &to]);
    house.wait_for_fault("noise", "source_no_video", SECRET);
    drop(noisy);
    // Both are lost, and come back by themselves.
    let to = format!("srt://127.0.0.1:{called}?mode=caller&passphrase={SECRET}&streamid=van");
    let mut van = house.sender("van", 6, &["-f", "mpegts", &to]);
    let to = format!("udp://127.0.0.1:{udp}?pkt_size=1316");
    let mut yard = house.sender("yard", 6, &["-f", "mpegts", &to]);
    for id in ["called", "udp"] {
        house.wait_for(id, SourceState::Online);
    }
    van.kill();
    yard.kill();
    for id in ["called", "udp"] {
        house.wait_for(id, SourceState::Lost);
    }
    yard.resume();
    house.wait_until_well("udp");
    // SRT finds out after 5 s that a far side has vanished; encoders call until they are let in, as this one must.
    until("the sender that calls again", s(40), || {
        van.resume();
        let source = house.bandstand.source(MAIN, "called")?;
        source.state.is_well().then_some(())
    });
    assert!(!house.logs().contains(SECRET), "a secret in a log");
}
