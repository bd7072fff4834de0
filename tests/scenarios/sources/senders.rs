//! Sources that are sent to us: SRT, and MPEG-TS by UDP.

use crate::house::House;
use automation::status::SourceState;
use harness::stage::free_udp_port;
use harness::venue::MAIN;
use harness::wait::{s, until};
use serde_json::{Value, json};
use std::net::UdpSocket;

#[test]
fn sources_that_are_sent_go_on_air() {
    let mut house = House::open("sent");
    // SRT: the box is called, with a passphrase and a stream id.
    let body = json!({"kind": "srt", "mode": "listener", "port": free_udp_port(), "passphrase": "ten letters and more",
                      "stream_id": "van", "latency_ms": 200});
    let address = house.source("srt-called", body)["address"].as_str().expect("its address").to_owned();
    let to = format!("{address}?mode=caller&passphrase=ten letters and more&streamid=van&latency=200000");
    let far = house.sender("srt-called", 1, &["-f", "mpegts", &to]);
    house.input("srt-called", 1, far);
    // SRT: the box calls.
    let port = free_udp_port();
    let to = format!("srt://127.0.0.1:{port}?mode=listener&passphrase=0123456789");
    let far = house.sender("srt-calls", 2, &["-f", "mpegts", &to]);
    let body = json!({"kind": "srt", "mode": "caller", "host": "127.0.0.1", "port": port, "passphrase": "0123456789"});
    house.source("srt-calls", body);
    house.input("srt-calls", 2, far);
    // MPEG-TS by UDP: plain, in RTP, and to a group.
    for (id, number, form) in [("udp", 3, "mpegts"), ("udp-rtp", 4, "rtp_mpegts")] {
        let port = free_udp_port();
        house.source(id, json!({"kind": "udp", "port": port, "latency_ms": 1000}));
        let scheme = if form == "mpegts" { "udp" } else { "rtp" };
        let far = house.sender(id, number, &["-f", form, &format!("{scheme}://127.0.0.1:{port}?pkt_size=1316")]);
        house.input(id, number, far);
    }
    let port = free_udp_port();
    house.source("udp-group", json!({"kind": "udp", "port": port, "group": "239.255.71.12", "latency_ms": 1000}));
    let to = format!("udp://239.255.71.12:{port}?pkt_size=1316&ttl=0&localaddr=127.0.0.1");
    let far = house.sender("udp-group", 5, &["-f", "mpegts", &to]);
    house.input("udp-group", 5, far);
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
        house.is_well("called").then_some(())
    });
    assert!(!house.logs().contains(SECRET), "a secret in a log");
}

/// The door of one box and the destination of another speak of the same thing.
#[test]
fn a_destination_by_srt_is_let_in_by_its_stream_id() {
    const ID: &str = "publish/evening?token=not-for-any-log";
    let house = House::open("stream-id");
    let port = free_udp_port();
    house.source("door", json!({"kind": "srt", "mode": "listener", "port": port, "stream_id": ID}));
    house.wait_for_fault("door", "source_waiting", ID);
    let to = |stream_id: &str| {
        let url = format!("srt://127.0.0.1:{port}");
        json!({"id": "away", "name": "Away", "kind": "srt", "url": url, "stream_id": stream_id})
    };
    house.bandstand.ok("POST", "/channels/main/destinations", to("publish/morning"));
    house.bandstand.ok("POST", "/channels/main/go-live", json!({"countdown_s": 0}));
    house.bandstand.wait(MAIN, "the wrong stream id to be turned away", s(30), |status| {
        let away = status.destinations.iter().find(|one| one.id.as_str() == "away");
        away.is_some_and(|away| away.fault.is_some() && away.sessions == 0)
    });
    assert!(!house.is_well("door"));
    let mut body = to(ID);
    body["enabled"] = json!(true);
    house.bandstand.ok("PUT", "/channels/main/destinations/away", body);
    house.wait_for("door", SourceState::Online);
    assert!(!house.logs().contains("not-for-any-log"), "a stream id in a log");
}
