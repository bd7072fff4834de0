//! Cameras by ONVIF: found, added, moved, followed to another address; and everything that they may do wrong.

use automation::status::SourceState;
use harness::bandstand::{Answer, Bandstand};
use harness::camera::{CREDENTIALS, Ipycam, OnvifCamera, onvif};
use harness::clip::Clip;
use harness::figures::note;
use harness::rtsp::{Mount, Rtsp};
use harness::stage::{Stage, free_port};
use harness::venue::house;
use harness::wait::{s, until};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

const NAME: &str = "onvif";
const MAIN: &str = "main";
/// Longest answer of the box about a camera that does not answer: some questions of 6 s each would be more.
const PATIENCE_S: u64 = 12;

/// A box without sources.
fn bare_box(stage: &Stage) -> Bandstand {
    let bandstand = Bandstand::start(stage.folder());
    bandstand.ok("PATCH", "/channels/main", json!({"house": house(), "failover": {"stable_ms": 1000}}));
    bandstand
}

/// A stream that asks for the camera's user and password.
fn stream(folder: &Path, host: &str) -> Rtsp {
    let mount = Mount::new("/live", &Clip::new(9, 16)).guarded(CREDENTIALS.0, CREDENTIALS.1, "digest");
    Rtsp::start_at(host, free_port(), folder, &[mount])
}

/// An endpoint that no camera of another test has.
fn endpoint(name: &str) -> String {
    format!("urn:uuid:5e1f0000-{:08x}-{name}", std::process::id())
}

fn add(bandstand: &Bandstand, address: &str, password: &str) -> Answer {
    let body = json!({"address": address, "user": CREDENTIALS.0, "password": password});
    bandstand.call("POST", "/channels/main/cameras", Some(&body))
}

fn found(bandstand: &Bandstand, endpoint: &str) -> Option<Value> {
    let answer = bandstand.call("POST", "/cameras/search", Some(&json!({})));
    assert_eq!(answer.status, 200, "a search: {}", answer.body);
    answer.body.as_array()?.iter().find(|camera| camera["endpoint"] == endpoint).cloned()
}

fn online(bandstand: &Bandstand, source: &str, limit_s: u64) {
    bandstand.wait(MAIN, &format!("{source} online"), s(limit_s), |status| {
        status.sources.iter().any(|one| one.id.as_str() == source && one.state == SourceState::Online)
    });
}

fn no_secret_told(bandstand: &Bandstand) {
    let (log, state) = (bandstand.log(), bandstand.call("GET", "/state", None).body.to_string());
    assert!(!log.contains(CREDENTIALS.1) && !state.contains(CREDENTIALS.1), "no password in a log or a status");
}

#[test]
fn a_camera_is_found_and_added_whatever_its_clock_says() {
    let stage = Stage::new("onvif-add");
    let (host, endpoint) = ("127.0.0.2", endpoint("add"));
    let rtsp = stream(&stage.room("rtsp"), host);
    let mut config = onvif(host, &endpoint, &rtsp.url("/live"));
    let jpeg = stage.folder().join("picture.jpg");
    std::fs::write(&jpeg, [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3]).expect("write a picture");
    config["picture"] = json!(jpeg);
    let camera = OnvifCamera::start(&stage.room("camera"), &config);
    let bandstand = bare_box(&stage);

    let begun = Instant::now();
    let seen = until("the camera to be found", s(30), || found(&bandstand, &endpoint));
    note(NAME, &format!("a camera is found in {:.1} s", begun.elapsed().as_secs_f32()));
    assert_eq!((&seen["name"], &seen["model"]), (&json!("Stage Left"), &json!("Dome 4K")));
    assert_eq!((&seen["host"], &seen["source"]), (&json!(host), &Value::Null));
    let address = seen["address"].as_str().expect("an address");

    let wrong = add(&bandstand, address, "wrong-99");
    assert_eq!((wrong.status, wrong.code()), (422, "camera_refused"), "{}", wrong.body);
    assert_eq!(bandstand.call("GET", "/channels/main/sources", None).body, json!([]), "nothing is half-made");

    let begun = Instant::now();
    let source = add(&bandstand, address, CREDENTIALS.1);
    note(NAME, &format!("a camera is asked and added in {} ms", begun.elapsed().as_millis()));
    assert_eq!(source.status, 201, "{}", source.body);
    let source = source.body;
    assert_eq!((&source["id"], &source["name"]), (&json!("stage-left"), &json!("Stage Left")));
    assert_eq!(source["url"], json!(rtsp.url("/live")), "without the password that the camera put in");
    assert_eq!(source["camera"]["mac"], json!("02:00:5e:00:00:17"));
    assert_eq!((&source["ptz"]["protocol"], &source["ptz"]["profile"]), (&json!("onvif"), &json!("hd")));
    online(&bandstand, "stage-left", 30);

    let twice = add(&bandstand, address, CREDENTIALS.1);
    assert_eq!((twice.status, twice.code()), (409, "conflict"), "{}", twice.body);
    let seen = until("the next search", s(30), || found(&bandstand, &endpoint).filter(|one| !one["source"].is_null()));
    assert_eq!(seen["source"], json!({"channel": "main", "source": "stage-left"}));
    let picture = bandstand.call("GET", "/channels/main/sources/stage-left/snapshot", None);
    assert_eq!(picture.status, 200, "{}", picture.body);
    let presets = bandstand.ok("GET", "/channels/main/sources/stage-left/presets", Value::Null);
    assert_eq!(presets, json!([{"token": "1", "name": "Wide"}, {"token": "choir", "name": "Choir"}]));
    assert!(camera.did().iter().all(|line| line["body"].as_str().is_none_or(|body| !body.contains(CREDENTIALS.1))));
    no_secret_told(&bandstand);
}

#[test]
fn old_and_odd_cameras_are_added_too() {
    let stage = Stage::new("onvif-odd");
    let bandstand = bare_box(&stage);
    let rows: [(&str, Value, &str); 4] = [
        ("digest", json!({"auth": "digest", "skew_s": -86_400 * 365}), "hd"),
        ("open", json!({"auth": "none", "media2": false, "presets": {}}), "hd"),
        ("elsewhere", json!({"advertised": "http://10.9.9.9:80"}), ""),
        (
            "small",
            json!({"profiles": [
            {"token": "one", "encoding": "H264", "width": 704, "height": 576, "fps": 25},
            {"token": "two", "encoding": "JPEG", "width": 1920, "height": 1080, "fps": 5}]}),
            "one",
        ),
    ];
    for (name, changes, profile) in rows {
        let stream = format!("rtsp://10.9.9.9:8554/live/one?x=1&user={}&pwd={}&y=2", CREDENTIALS.0, CREDENTIALS.1);
        let mut config = onvif("127.0.0.2", &endpoint(name), &stream);
        for (field, value) in changes.as_object().expect("changes") {
            config[field] = value.clone();
        }
        let camera = OnvifCamera::start(&stage.room(name), &config);
        let answer = add(&bandstand, &camera.address(), CREDENTIALS.1);
        if name == "elsewhere" {
            // What it calls its own is taken at the host that was asked; its port is another's, where nobody is.
            assert_eq!((answer.status, answer.code()), (504, "camera_unreachable"), "{name}: {}", answer.body);
            continue;
        }
        assert_eq!(answer.status, 201, "{name}: {}", answer.body);
        assert_eq!(answer.body["url"], json!("rtsp://127.0.0.2:8554/live/one?x=1&y=2"), "{name}: no sign-in");
        let chosen =
            camera.did().into_iter().find(|line| line["asked"] == "GetStreamUri").expect("its stream was asked for");
        let body = chosen["body"].as_str().expect("a body");
        assert!(body.contains(&format!("<ProfileToken>{profile}</ProfileToken>")), "{name}: {body}");
        assert_eq!(answer.body["ptz"].is_null(), name == "open", "{name}");
    }
}

#[test]
fn what_a_camera_does_wrong_is_named_and_leaves_nothing_behind() {
    let stage = Stage::new("onvif-wrong");
    let bandstand = bare_box(&stage);
    let mut config = onvif("127.0.0.2", &endpoint("wrong"), "rtsp://127.0.0.2:8554/live");
    config["skew_s"] = json!(0);
    let camera = OnvifCamera::start(&stage.room("camera"), &config);
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
    let rows = [
        (json!({"slow_s": 30}), "camera_unreachable"),
        (json!({"garbage": "<html><p>Router"}), "camera_not_understood"),
        (json!({"garbage": "\u{0}\u{1}\u{2}"}), "camera_not_understood"),
        (json!({"garbage": bomb}), "camera_not_understood"),
        (json!({"garbage": "<a>".repeat(100_000)}), "camera_not_understood"),
        (json!({"garbage": "<a/>"}), "camera_unsupported"),
        (json!({"huge": 50_000}), "camera_not_understood"),
        (json!({"redirect": "http://127.0.0.1:1/"}), "camera_unsupported"),
    ];
    for (faults, code) in rows {
        camera.faults(&faults);
        let begun = Instant::now();
        let answer = add(&bandstand, &camera.address(), CREDENTIALS.1);
        let shown: String = faults.to_string().chars().take(60).collect();
        assert_eq!(answer.code(), code, "{shown}: {}", answer.body);
        assert!(answer.body["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{}", answer.body);
        assert!(begun.elapsed() < s(PATIENCE_S), "{shown}: {:?}", begun.elapsed());
    }
    camera.faults(&json!({}));
    for (name, change, code) in [
        ("plain", json!({"auth": "basic"}), "camera_refused"),
        (
            "mpeg4",
            json!({"profiles": [{"token": "a", "encoding": "MPEG4", "width": 1920, "height": 1080, "fps": 30}]}),
            "camera_unsupported",
        ),
        ("none", json!({"profiles": []}), "camera_unsupported"),
    ] {
        let mut config = config.clone();
        config.as_object_mut().expect("a document").extend(change.as_object().expect("changes").clone());
        let other = OnvifCamera::start(&stage.room(name), &config);
        let answer = add(&bandstand, &other.address(), CREDENTIALS.1);
        assert_eq!(answer.code(), code, "{name}: {}", answer.body);
    }
    for (address, code) in [
        (format!("127.0.0.1:{}", free_port()), "camera_unreachable"),
        ("http://user:secret-7@127.0.0.1/".to_owned(), "request_invalid"),
        ("file:///etc/passwd".to_owned(), "request_invalid"),
        (String::new(), "request_invalid"),
    ] {
        let answer = add(&bandstand, &address, CREDENTIALS.1);
        assert_eq!(answer.code(), code, "{address}: {}", answer.body);
        assert!(!answer.body.to_string().contains("secret-7"), "{}", answer.body);
    }
    assert_eq!(bandstand.call("GET", "/channels/main/sources", None).body, json!([]));
    no_secret_told(&bandstand);
}

#[test]
fn a_camera_with_another_address_is_followed_and_an_impostor_is_not() {
    let stage = Stage::new("onvif-dhcp");
    let endpoint = endpoint("dhcp");
    let (first, second, third) = ("127.0.0.2", "127.0.0.3", "127.0.0.4");
    let rtsp = stream(&stage.room("rtsp-2"), first);
    let config = onvif(first, &endpoint, &rtsp.url("/live"));
    let camera = OnvifCamera::start(&stage.room("camera-2"), &config);
    let bandstand = bare_box(&stage);
    let source = add(&bandstand, &camera.address(), CREDENTIALS.1);
    assert_eq!(source.status, 201, "{}", source.body);
    online(&bandstand, "stage-left", 30);
    let url = || bandstand.ok("GET", "/channels/main/sources/stage-left", Value::Null)["url"].clone();
    until("the camera to be found beside its source", s(30), || {
        found(&bandstand, &endpoint).filter(|one| one["source"]["source"] == "stage-left")
    });

    // Somebody takes up its identity while it is well, and goes on when it is away.
    let mut other = onvif(third, &endpoint, "rtsp://127.0.0.4:8554/live");
    other["serial"] = json!("another");
    let impostor = OnvifCamera::start(&stage.room("impostor"), &other);
    let begun = Instant::now();
    drop(camera);
    drop(rtsp);
    until("the impostor to be asked", s(60), || {
        impostor.did().iter().any(|line| line["asked"] == "GetDeviceInformation").then_some(())
    });
    until("the impostor to be seen through", s(20), || bandstand.log().contains("could not be followed").then_some(()));
    assert_eq!(url(), source.body["url"]);
    drop(impostor);

    let rtsp = stream(&stage.room("rtsp-3"), second);
    let config = onvif(second, &endpoint, &rtsp.url("/live"));
    let camera = OnvifCamera::start(&stage.room("camera-3"), &config);
    online(&bandstand, "stage-left", 90);
    note(NAME, &format!("followed to another address {:.0} s after it was lost", begun.elapsed().as_secs_f32()));
    assert_eq!(url(), json!(rtsp.url("/live")));
    let source = bandstand.ok("GET", "/channels/main/sources/stage-left", Value::Null);
    let device = source["ptz"]["device"].as_str().expect("a head");
    assert!(device.contains(&camera.address()), "its head is followed too: {device}");
    let alerts = bandstand.call("GET", "/state", None).body["alerts"].clone();
    let told = alerts.as_array().expect("alerts").iter().find(|alert| alert["code"] == "camera_followed").cloned();
    let told = told.unwrap_or_else(|| panic!("it is told: {alerts}"));
    assert_eq!(told["subject"], "main/source/stage-left");
    no_secret_told(&bandstand);
}

#[test]
fn a_camera_that_others_wrote_is_found_added_seen_and_moved() {
    let stage = Stage::new("onvif-ipycam");
    let camera = Ipycam::start(&stage.room("ipycam"), "Balcony");
    let bandstand = bare_box(&stage);
    let seen = until("ipycam to be found", s(30), || found(&bandstand, &camera.endpoint));
    assert_eq!((&seen["name"], &seen["host"]), (&json!("Balcony"), &json!("127.0.0.1")));
    let address = seen["address"].as_str().expect("an address");
    assert!(address.contains(&camera.address), "{address}");
    let wrong = add(&bandstand, address, "wrong-99");
    assert_eq!(wrong.code(), "camera_refused", "{}", wrong.body);
    let source = add(&bandstand, address, CREDENTIALS.1);
    assert_eq!(source.status, 201, "{}", source.body);
    assert_eq!(source.body["camera"]["manufacturer"], "PythonCam");
    online(&bandstand, "balcony", 40);
    let shown = bandstand.source(MAIN, "balcony").expect("the source");
    assert_eq!((shown.width, shown.height), (640, 360));
    let presets = bandstand.ok("GET", "/channels/main/sources/balcony/presets", Value::Null);
    let names: Vec<_> = presets.as_array().expect("presets").iter().map(|preset| &preset["name"]).collect();
    assert!(names.contains(&&json!("Choir")), "{presets}");

    let steer = |body: Value| bandstand.ok("POST", "/channels/main/sources/balcony/move", body);
    let stands = |what: &str, as_wanted: &dyn Fn([f32; 3]) -> bool| {
        until(what, s(10), || camera.stands().filter(|at| as_wanted(*at)));
    };
    // A head stands where it is found at one place twice, some time apart.
    let stands_still = |what: &str, apart: Duration| {
        until(what, s(10), || {
            let at = camera.stands()?;
            std::thread::sleep(apart);
            camera.stands().filter(|again| *again == at)
        })
    };
    steer(json!({"move": "preset", "token": "choir"}));
    stands("the preset", &|at| at == [0.5, -0.25, 0.5]);
    steer(json!({"move": "along", "pan": -0.5}));
    stands("a movement to the left", &|at| at[0] < 0.45);
    steer(json!({"move": "stop"}));
    let stopped = stands_still("a head that stands", Duration::from_millis(300));
    steer(json!({"move": "step", "tilt": 1.0}));
    stands("a step up", &|at| at[1] > stopped[1] + 0.01);
    // A page that is lost in mid-move leaves no camera turning.
    steer(json!({"move": "preset", "token": "choir"}));
    steer(json!({"move": "along", "zoom": -0.1}));
    stands("a movement outwards", &|at| at[2] < 0.5);
    stands_still("the movement's end by itself", Duration::from_millis(500));
    no_secret_told(&bandstand);
}
