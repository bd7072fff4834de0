//! Processes: whatever hangs, grows, or is killed, alone or all at once, what was on air is on air again by itself, at
//! the right cue, and nobody else sees anything of it.

use harness::bandstand::Bandstand;
use harness::clip::Clip;
use harness::figures::note;
use harness::machine::Machine;
use harness::platform::Platform;
use harness::process::{alive, signal_pid, tied};
use harness::publisher::Publisher;
use harness::recording::Recording;
use harness::stage::Stage;
use harness::venue::{MAIN, assert_whole, house};
use harness::wait::{s, until};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const NAME: &str = "processes";
/// Pictures per second of the clips and of `house()`.
const FPS: u64 = 30;

/// A channel of bars, small enough to stand beside others, with a platform of its own.
fn small_channel(bandstand: &Bandstand, stage: &Stage, id: &str) -> Platform {
    let platform = Platform::start(&stage.room(&format!("platform-{id}")), "nginx");
    let house =
        json!({"width": 320, "height": 180, "rate": {"num": 15, "den": 1}, "video_kbps": 300, "audio_kbps": 96});
    if id == MAIN {
        bandstand.ok("PATCH", "/channels/main", json!({"house": house}));
    } else {
        bandstand.ok("POST", "/channels", json!({"id": id, "name": id, "house": house}));
    }
    let bars = json!({"id": "bars", "name": "Bars", "kind": "test_pattern", "pattern": "bars"});
    bandstand.ok("POST", &format!("/channels/{id}/sources"), bars);
    bandstand.ok("PATCH", &format!("/channels/{id}"), json!({"failover": {"primary": "bars", "stable_ms": 500}}));
    let body = json!({"id": "p", "name": "P", "url": platform.url(), "key": format!("key-of-{id}")});
    bandstand.ok("POST", &format!("/channels/{id}/destinations"), body);
    bandstand.wait_on_air(id, "bars", s(30));
    platform
}

fn go_live(bandstand: &Bandstand, channel: &str) -> Instant {
    bandstand.ok("POST", &format!("/channels/{channel}/go-live"), json!({"countdown_s": 0}));
    Instant::now()
}

/// Ends a broadcast of a small channel, and asserts that each of its recordings is whole.
fn end_small(bandstand: &Bandstand, channel: &str, platform: &Platform, connections: usize) {
    bandstand.ok("POST", &format!("/channels/{channel}/end"), Value::Null);
    platform.wait_until_closed(connections - 1);
    assert_eq!(platform.connections(), connections, "{channel}");
    for recording in platform.recordings() {
        let flv = Recording::read(&recording).flv;
        assert_eq!((flv.missing(15.0), flv.backward(), flv.parameter_changes()), (0, 0, 0), "{channel}");
    }
}

fn position_ms(bandstand: &Bandstand) -> Option<u64> {
    Some(bandstand.status(MAIN)?.timeline?.position_ms)
}

/// Length of the clips, seconds.
const CLIP_S: u32 = 48;

/// Clips as sources `clip-1` to `clip-3`, and a timeline of them. `cues` are start and end in seconds.
fn clips(bandstand: &Bandstand, start: Value, cues: &[(u32, u32)]) {
    let mut house = house();
    house["effort"] = json!("ultrafast");
    bandstand.ok("PATCH", "/channels/main", json!({"house": house}));
    let mut documents = Vec::new();
    for (n, (from, to)) in cues.iter().enumerate() {
        let id = format!("clip-{}", n + 1);
        let file = bandstand.upload(&format!("{id}.mp4"), &Clip::new(n as u8 + 1, CLIP_S).file()).body["id"].clone();
        bandstand.ok("POST", "/channels/main/sources", json!({"id": id, "name": id, "kind": "media", "asset": file}));
        documents.push(json!({"id": format!("cue-{n}"), "at_ms": from * 1000, "duration_ms": (to - from) * 1000,
                              "action": {"type": "show_media", "source": id}}));
    }
    let track = json!({"type": "video", "name": "Program", "cues": documents});
    let end = cues.last().expect("a timeline has cues").1;
    let body = json!({"name": "Evening", "duration_ms": end * 1000, "start": start, "tracks": [track]});
    let id = bandstand.ok("POST", "/channels/main/timelines", body)["id"].as_str().expect("an id").to_owned();
    bandstand.ok("POST", &format!("/channels/main/timelines/{id}/load"), Value::Null);
}

/// The last frame of a clip before the next one follows, in a recording: where the cue really was.
fn last_frame_before(recording: &Recording, from: u8, to: u8) -> u32 {
    let switches = recording.switches();
    let switch = switches.iter().find(|switch| (switch.from, switch.to) == (Some(from), Some(to)));
    let switch = switch.unwrap_or_else(|| panic!("no switch from {from} to {to} in {switches:?}"));
    let marks = recording.pictures[..switch.picture].iter().rev().filter_map(|picture| picture.mark);
    marks.map(|mark| mark.counter).next().expect("a clip's frames carry their numbers")
}

/// The frames of a clip in a recording: the first and the last that are seen.
fn frames(recording: &Recording, source: u8) -> (u32, u32) {
    let marks: Vec<u32> = recording
        .pictures
        .iter()
        .filter_map(|p| p.mark.filter(|mark| mark.source == source))
        .map(|m| m.counter)
        .collect();
    (*marks.first().expect("frames of the clip"), *marks.last().expect("frames of the clip"))
}

#[test]
fn after_everything_was_killed_the_broadcast_is_back_at_the_right_cue() {
    let stage = Stage::new("kill-all");
    let mut machine = Machine::new(&stage.room("machine"));
    let mut bandstand = Bandstand::start_on(&stage.room("box"), &machine);
    let platform = Platform::start(&stage.room("platform"), "nginx");
    clips(&bandstand, json!({"type": "go_live"}), &[(0, 18), (18, 36), (36, 46)]);
    bandstand.ok("POST", "/channels/main/destinations", json!({"name": "P", "url": platform.url(), "key": "k"}));
    bandstand.wait(MAIN, "the first clip on the program", s(30), |status| {
        status.on_air.source.as_ref().is_some_and(|on| on.as_str() == "clip-1")
    });
    let live = go_live(&bandstand, MAIN);
    let session = bandstand.ok("GET", "/channels/main", Value::Null)["live"]["session"].clone();
    until("five seconds of broadcast", s(30), || (platform.pictures(0) > 5 * FPS as usize).then_some(()));

    // Control, ingest and every worker at once. The run folder is still there, as after a crash.
    bandstand.kill_everything();
    let killed = Instant::now();
    bandstand.start_control();
    until("pictures of its second life", s(40), || (platform.pictures(1) > 0).then_some(()));
    note(
        NAME,
        &format!("all killed at once: media at the platform again after {:.2} s", killed.elapsed().as_secs_f64()),
    );
    bandstand.wait_on_air(MAIN, "clip-2", s(40));
    let at = live.elapsed().as_secs_f64();
    assert!((at - 18.0).abs() < 3.0, "the second clip came on air {at:.1} s after GO LIVE");
    let before = until("two seconds of the second clip", s(20), || position_ms(&bandstand).filter(|at| *at > 20_500));

    // The power is cut: memory is lost, and the box does not know the time when it is back.
    bandstand.kill_everything();
    bandstand.lose_memory();
    machine.boot();
    machine.clock(false);
    bandstand.start_control();
    let provisional = until("its third life", s(40), || position_ms(&bandstand));
    assert!(provisional <= before + 1_000, "it goes on from where it was last seen: {provisional}, not {before} ms");
    until("pictures of it", s(40), || (platform.pictures(2) > 15).then_some(()));
    machine.clock(true);
    bandstand.wait(MAIN, "the position that the clock says", s(20), |status| {
        status.timeline.as_ref().is_some_and(|timeline| {
            let off = timeline.position_ms as f64 / 1000.0 - live.elapsed().as_secs_f64();
            off.abs() < 1.5
        })
    });
    bandstand.wait_on_air(MAIN, "clip-3", s(60));
    until("a second of the third clip", s(20), || position_ms(&bandstand).filter(|at| *at > 37_500));
    let status = bandstand.status(MAIN).expect("a worker");
    let still = status.live.expect("a broadcast").session;
    assert_eq!(session, still.as_str(), "one broadcast all along");
    bandstand.ok("POST", "/channels/main/end", Value::Null);
    platform.wait_until_closed(2);
    recordings_stand(&platform);
    let execution = bandstand.ok("GET", "/channels/main/executions?limit=1", Value::Null)[0].clone();
    assert_eq!((&execution["status"], &execution["metrics"]["workers"]), (&json!("stopped"), &json!(3)), "{execution}");
    assert_eq!(execution["error_message"], "The box was restarted during the broadcast.");
    assert_eq!(execution["metrics"]["destinations"][0]["sessions"], 3, "{execution}");
}

/// Cues on their exact frames, whoever was killed in between.
fn recordings_stand(platform: &Platform) {
    let recordings: Vec<Recording> = platform.recordings().iter().map(|path| Recording::read(path)).collect();
    assert_eq!(recordings.len(), 3);
    for (n, recording) in recordings.iter().enumerate() {
        assert_whole(&format!("life {n}"), recording);
    }
    let (_, last) = frames(&recordings[0], 1);
    let (first, _) = frames(&recordings[1], 1);
    assert!(first > last, "the clip went on without us: frame {last}, then {first}");
    assert_eq!(last_frame_before(&recordings[1], 1, 2), 18 * FPS as u32 - 1);
    assert_eq!(last_frame_before(&recordings[2], 2, 3), 18 * FPS as u32 - 1);
}

#[test]
fn a_timeline_that_follows_the_clock_is_right_whenever_its_worker_was_started() {
    let stage = Stage::new("daily");
    let mut machine = Machine::new(&stage.room("machine"));
    machine.clock(false);
    let mut bandstand = Bandstand::start_on(&stage.room("box"), &machine);
    let platform = Platform::start(&stage.room("platform"), "nginx");
    let bars = json!({"id": "bars", "name": "Bars", "kind": "test_pattern", "pattern": "bars"});
    bandstand.ok("POST", "/channels/main/sources", bars);
    bandstand.ok("PATCH", "/channels/main", json!({"failover": {"primary": "bars"}}));
    bandstand.ok("POST", "/channels/main/destinations", json!({"name": "P", "url": platform.url(), "key": "k"}));
    for n in [1, 2] {
        // Made now where it was never made before: it takes longer than a cue.
        Clip::new(n, CLIP_S).file();
    }
    // It began 5 s ago, by the machine's wall clock, which is universal time there.
    let day_ms = 86_400_000;
    let wall_ms = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis() as i64;
    let began = Instant::now().checked_sub(s(5)).expect("the machine is older");
    let daily = json!({"type": "daily", "at_ms": (wall_ms - 5_000).rem_euclid(day_ms)});
    clips(&bandstand, daily, &[(0, 30), (30, CLIP_S)]);
    let status = bandstand.wait_on_air(MAIN, "bars", s(30));
    assert_eq!(status.timeline, None, "nobody knows the time");
    bandstand.wait(MAIN, "a fault that says so", s(10), |status| {
        status.faults.iter().any(|fault| fault.code == automation::fault::Code::ClockUnknown)
    });
    machine.clock(true);
    let on_time = |status: &automation::status::ChannelStatus| {
        status.timeline.as_ref().is_some_and(|timeline| {
            (timeline.position_ms as f64 / 1000.0 - began.elapsed().as_secs_f64()).abs() < 1.5 && timeline.running
        })
    };
    bandstand.wait(MAIN, "the cue that the clock says, without a broadcast", s(20), on_time);
    // Somebody sets the clock, and sets it right again.
    bandstand.step_wall(3_600);
    bandstand.wait(MAIN, "the end of a timeline that was over an hour ago", s(20), |status| {
        status.timeline.as_ref().is_some_and(|timeline| !timeline.running)
    });
    bandstand.step_wall(0);
    bandstand.wait(MAIN, "the cue that the right clock says", s(20), on_time);
    go_live(&bandstand, MAIN);
    until("pictures", s(20), || (platform.pictures(0) > 30).then_some(()));
    bandstand.kill_everything();
    bandstand.lose_memory();
    machine.boot();
    bandstand.start_control();
    bandstand.wait(MAIN, "the same after a power cut", s(40), on_time);
    bandstand.wait_on_air(MAIN, "clip-2", s(60));
    until("a second of the second clip", s(20), || position_ms(&bandstand).filter(|at| *at > 31_500));
    bandstand.ok("POST", "/channels/main/end", Value::Null);
    platform.wait_until_closed(1);
    let recording = Recording::read(&platform.recordings()[1]);
    assert_whole("after the power cut", &recording);
    assert_eq!(last_frame_before(&recording, 1, 2), 30 * FPS as u32 - 1);
}

#[test]
fn a_worker_that_hangs_is_replaced_and_nobody_else_sees_it() {
    let stage = Stage::new("hang");
    let bandstand = Bandstand::start(&stage.room("box"));
    let platforms = [MAIN, "aside"].map(|id| small_channel(&bandstand, &stage, id));
    for id in [MAIN, "aside"] {
        go_live(&bandstand, id);
    }
    for platform in &platforms {
        until("pictures", s(20), || (platform.pictures(0) > 30).then_some(()));
    }
    let hung = bandstand.worker(MAIN);
    signal_pid(hung, Signal::STOP);
    let stopped = Instant::now();
    let noticed = until("it to be noticed", s(30), || (!alive(hung)).then(Instant::now));
    until("media of the next one", s(30), || (platforms[0].pictures(1) > 0).then_some(()));
    let (hung_s, back_s) = ((noticed - stopped).as_secs_f64(), noticed.elapsed().as_secs_f64());
    note(NAME, &format!("a hung worker: noticed after {hung_s:.2} s, media at the platform {back_s:.2} s later"));
    assert!((3.5..10.0).contains(&hung_s), "a worker is silent for 5 s until it counts as hung: {hung_s:.2} s");
    assert!(back_s < 6.0, "3 s are promised, and this machine is shared: {back_s:.2} s");
    // Whoever looks at the processes tells it, in its own turn.
    until("the alert", s(5), || {
        let board = bandstand.board();
        board["alerts"].as_array()?.iter().any(|alert| alert["code"] == "worker_hung").then_some(())
    });

    // The door hangs, too.
    let door = bandstand.door().expect("a door").pid;
    signal_pid(door as i32, Signal::STOP);
    until("another door", s(30), || bandstand.door().filter(|again| again.pid != door && again.port != 0));
    until("a second more of pictures", s(20), || (platforms[0].pictures(1) > 30).then_some(()));
    end_small(&bandstand, MAIN, &platforms[0], 2);
    end_small(&bandstand, "aside", &platforms[1], 1);
}

#[test]
fn a_worker_that_grows_beyond_its_memory_is_replaced_and_alerts_outlive_control() {
    let stage = Stage::new("memory");
    let mut bandstand = Bandstand::start(&stage.room("box"));
    let platform = small_channel(&bandstand, &stage, MAIN);
    let large = bandstand.worker(MAIN);
    let own = |pid: i32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).map(str::to_owned);
        line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) >> 10
    };
    note(NAME, &format!("a worker of 320x180 has {} MiB for itself", own(large)));
    // A limit below what it has: to whoever watches, that is a leak.
    bandstand.kill_control();
    bandstand.option(&["--worker-memory-max", &(own(large) / 2).max(16).to_string()]);
    bandstand.start_control();
    until("its end", s(30), || (!alive(large)).then_some(()));
    let told = |bandstand: &Bandstand| bandstand.board()["alerts"].to_string().contains("worker_large");
    until("the alert", s(20), || told(&bandstand).then_some(()));
    // It is shown before the disk has it.
    let log = bandstand.state().join("bandstand.db-wal");
    until("it to be written", s(20), || {
        let bytes = std::fs::read(&log).unwrap_or_default();
        bytes.windows(12).any(|word| word == b"worker_large").then_some(())
    });
    bandstand.ok("PATCH", "/channels/main", json!({"name": "The one after it"}));
    bandstand.kill_control();
    bandstand.option(&["--worker-memory-max", "1024"]);
    bandstand.start_control();
    assert!(told(&bandstand), "it is told still");
    let board = bandstand.board();
    let before = board["alerts"].as_array().map_or(0, Vec::len);
    let again = bandstand.wait_on_air(MAIN, "bars", s(30)).pid;
    go_live(&bandstand, MAIN);
    until("pictures", s(20), || (platform.pictures(0) > 60).then_some(()));
    assert_eq!(bandstand.worker(MAIN), again as i32, "within its limit it stays");
    let after = bandstand.board()["alerts"].as_array().map_or(0, Vec::len);
    assert!(after <= before + 1, "nothing is told twice: at most that it runs again");
    end_small(&bandstand, MAIN, &platform, 1);
}

#[test]
fn control_restarts_under_load_without_a_missing_tick() {
    let stage = Stage::new("load");
    let mut bandstand = Bandstand::start(&stage.room("box"));
    let platform = small_channel(&bandstand, &stage, MAIN);
    go_live(&bandstand, MAIN);
    until("pictures", s(20), || (platform.pictures(0) > 30).then_some(()));
    let worker = bandstand.worker(MAIN);
    let (boards, answers) = (AtomicUsize::new(0), AtomicUsize::new(0));
    for life in 0..3 {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let bandstand = &bandstand;
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut events = bandstand.events().expect("events");
                    while !done.load(Ordering::Relaxed) && events.next_board().is_some() {
                        boards.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            for n in 0..4 {
                let (done, answers) = (&done, &answers);
                scope.spawn(move || {
                    while !done.load(Ordering::Relaxed) {
                        let name = json!({"name": format!("Main {n}")});
                        let changed = bandstand.call("PATCH", "/channels/main", Some(&name)).status;
                        let listed = bandstand.call("GET", "/channels/main/executions", None).status;
                        answers.fetch_add(usize::from(changed == 200) + usize::from(listed == 200), Ordering::Relaxed);
                    }
                });
            }
            let wanted = (life + 1) * 100;
            until("a hundred answers and boards more", s(60), || {
                (answers.load(Ordering::Relaxed) > wanted && boards.load(Ordering::Relaxed) > wanted).then_some(())
            });
            signal_pid(bandstand.control_pid(), Signal::KILL);
            done.store(true, Ordering::Relaxed);
        });
        bandstand.kill_control();
        bandstand.start_control();
    }
    let all = (answers.load(Ordering::Relaxed), boards.load(Ordering::Relaxed));
    note(NAME, &format!("control killed 3 times under {} answers and {} boards", all.0, all.1));
    let status = bandstand.wait(MAIN, "the worker's newest plan", s(20), |status| status.pid == worker as u32);
    assert_eq!(status.program.missing, 0, "no tick is missing");
    let pictures = platform.pictures(0);
    until("more pictures", s(20), || (platform.pictures(0) > pictures + 30).then_some(()));
    end_small(&bandstand, MAIN, &platform, 1);
}

#[test]
fn channels_share_neither_process_nor_secret_and_one_that_dies_costs_the_others_nothing() {
    let stage = Stage::new("apart");
    let bandstand = Bandstand::start(&stage.room("box"));
    let ids = [MAIN, "waheguru", "krishna"];
    let platforms = ids.map(|id| small_channel(&bandstand, &stage, id));
    let keys = ids.map(|id| {
        let source = json!({"id": "obs", "name": "OBS", "kind": "rtmp"});
        bandstand.ok("POST", &format!("/channels/{id}/sources"), source)["publish"].clone()
    });
    for id in ids {
        go_live(&bandstand, id);
    }
    for platform in &platforms {
        until("pictures", s(30), || (platform.pictures(0) > 30).then_some(()));
    }
    let pids = ids.map(|id| bandstand.worker(id));
    assert!(pids[0] != pids[1] && pids[1] != pids[2] && pids[0] != pids[2], "a process of its own each: {pids:?}");
    for (n, id) in ids.iter().enumerate() {
        let path = bandstand.run().join(format!("channel-{id}.spec.json"));
        let kept = std::fs::read_to_string(&path).expect("a worker keeps its spec");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).expect("its file").permissions());
        assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
        for (m, other) in ids.iter().enumerate() {
            assert_eq!(kept.contains(&format!("key-of-{other}")), n == m, "{id} and the key of {other}");
        }
    }
    // One channel's token does not open another's door.
    let token = |n: usize| keys[n]["key"].as_str().expect("a key").split_once("?token=").map(|(_, t)| t.to_owned());
    let stream = keys[1]["key"].as_str().expect("a key").split('?').next().expect("a stream").to_owned();
    let foreign = format!("{stream}?token={}", token(0).expect("a token"));
    let film = Clip::new(1, 64).file();
    let server = keys[1]["server"].as_str().expect("a server");
    let mut thief = Publisher::start(&stage.room("thief"), &film, server, &foreign);
    until("the operator to be told of a thief", s(30), || bandstand.door().filter(|door| !door.faults.is_empty()));
    until("the thief to be turned away", s(30), || thief.is_gone().then_some(()));

    signal_pid(pids[1], Signal::KILL);
    until("the killed one's next life", s(40), || (platforms[1].pictures(1) > 30).then_some(()));
    assert_eq!([bandstand.worker(ids[0]), bandstand.worker(ids[2])], [pids[0], pids[2]]);
    for (n, id) in ids.iter().enumerate() {
        end_small(&bandstand, id, &platforms[n], if n == 1 { 2 } else { 1 });
    }
}

/// What a process tells systemd, as the messages of sd_notify(3).
struct Ears(UnixDatagram);

impl Ears {
    fn open(path: &std::path::Path) -> Ears {
        let socket = UnixDatagram::bind(path).expect("bind a socket for messages");
        socket.set_read_timeout(Some(s(20))).expect("set a time limit");
        Ears(socket)
    }

    fn hear(&self) -> String {
        let mut bytes = [0; 256];
        let count = self.0.recv(&mut bytes).expect("a message in time");
        String::from_utf8_lossy(&bytes[..count]).trim().to_owned()
    }

    /// A worker's watchdog is patient until its program moves.
    fn begins(&self, name: &str) {
        assert_eq!(self.hear(), "WATCHDOG_USEC=20000000\nREADY=1", "{name}");
        let told = (0..40).map(|_| self.hear()).find(|told| told != "WATCHDOG=1");
        assert_eq!(told.as_deref(), Some("WATCHDOG_USEC=2000000\nWATCHDOG=1"), "{name}");
    }

    /// A process lives, hangs, and lives again.
    fn follow(&self, name: &str, signal: impl Fn(Signal)) {
        for _ in 0..4 {
            assert_eq!(self.hear(), "WATCHDOG=1", "{name}");
        }
        signal(Signal::STOP);
        assert!(self.is_silent(s(2)), "{name} hangs, and its watchdog is fed");
        signal(Signal::CONT);
        self.0.set_read_timeout(Some(s(20))).expect("set a time limit");
        assert_eq!(self.hear(), "WATCHDOG=1", "{name} lives again");
    }

    /// Nothing is said for a while, what was said before aside.
    fn is_silent(&self, limit: Duration) -> bool {
        self.0.set_read_timeout(Some(Duration::from_millis(50))).expect("set a time limit");
        while self.0.recv(&mut [0; 256]).is_ok() {}
        self.0.set_read_timeout(Some(limit)).expect("set a time limit");
        self.0.recv(&mut [0; 256]).is_err()
    }
}

#[test]
fn systemd_hears_of_every_process_that_it_is_ready_and_lives_until_it_hangs() {
    let stage = Stage::new("notify");
    let run = stage.room("run");
    let spec = json!({
        "generation": 1, "channel": "main", "name": "Main",
        "house": {"width": 320, "height": 180, "rate": {"num": 15, "den": 1}, "video_kbps": 300, "audio_kbps": 96},
        "sources": [], "assets": {}, "failover": {}, "timeline": null, "manual": null, "live": null,
        "destinations": [], "messages": {}
    });
    std::fs::write(run.join("channel-main.spec.json"), spec.to_string()).expect("write a last spec");
    let run_text = run.display().to_string();
    let programs: [(&str, Vec<&str>); 2] = [
        ("bandstand-channel", vec!["--channel", "main", "--run", &run_text]),
        ("bandstand-ingest", vec!["--run", &run_text, "--listen", "127.0.0.1:0"]),
    ];
    for (name, arguments) in &programs {
        let ears = Ears::open(&stage.folder().join(format!("{name}.notify")));
        let mut command = tied(harness::place::program(name));
        command.args(arguments).env("NOTIFY_SOCKET", stage.folder().join(format!("{name}.notify")));
        command.env("WATCHDOG_USEC", "2000000");
        let process = harness::process::Process::start(name, stage.folder(), &mut command);
        match *name {
            "bandstand-channel" => ears.begins(name),
            _ => assert_eq!(ears.hear(), "READY=1", "{name}"),
        }
        ears.follow(name, |signal| process.signal(signal));
    }
    let socket = stage.folder().join("bandstand.notify");
    let ears = Ears::open(&socket);
    let mut bandstand = Bandstand::start(&stage.room("box"));
    bandstand.kill_control();
    bandstand.variable("NOTIFY_SOCKET", &socket.display().to_string());
    bandstand.variable("WATCHDOG_USEC", "2000000");
    bandstand.start_control();
    assert_eq!(ears.hear(), "READY=1", "bandstand");
    ears.follow("bandstand", |signal| bandstand.signal_control(signal));
}

#[test]
fn a_version_is_tried_by_a_broadcast_of_its_own_and_one_that_cannot_send_is_found_out() {
    let stage = Stage::new(NAME);
    let trial = |bandstand: &std::path::Path, folder: &str, limit_s: &str| {
        let mut command = std::process::Command::new(bandstand);
        command.arg("trial").arg(stage.room(folder)).args(["--limit-s", limit_s]);
        let ended = command.output().expect("start bandstand");
        (
            ended.status.success(),
            format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr)),
        )
    };
    let (well, said) = trial(&harness::place::program("bandstand"), "well", "60");
    assert!(well && said.contains("sent in one session, and decoded again"), "{said}");
    note(NAME, &format!("trial of a version: {}", said.trim()));

    // A broadcast that begins meanwhile comes first; one that cannot send proves nothing.
    let bandstand = Bandstand::start(&stage.room("box"));
    let house =
        json!({"width": 320, "height": 180, "rate": {"num": 15, "den": 1}, "video_kbps": 300, "audio_kbps": 96});
    bandstand.ok("PATCH", "/channels/main", json!({"house": house}));
    let nobody = json!({"name": "Nobody", "url": "rtmp://127.0.0.1:9/live", "key": "k"});
    bandstand.ok("POST", "/channels/main/destinations", nobody);
    let beside = |folder: &str, despite: &[&str]| {
        let mut command = tied(harness::place::program("bandstand"));
        command.arg("trial").arg(stage.room(folder)).arg("--beside").arg(bandstand.run()).args(despite);
        command.stderr(std::process::Stdio::null()).spawn().expect("start bandstand")
    };
    let ends = |mut trial: std::process::Child| {
        until("the trial's end", s(90), || trial.try_wait().expect("wait for the trial")).code()
    };
    let trial_begun = beside("beside", &[]);
    until("the trial's own worker", s(60), || {
        stage.room("beside").join("run/channel-trial.sock").exists().then_some(())
    });
    go_live(&bandstand, MAIN);
    assert_eq!(ends(trial_begun), Some(75));
    // For minutes, and nothing was carried: this version's own doing, or not.
    assert_eq!(ends(beside("silence", &["--despite-silence"])), Some(0));
    bandstand.ok("POST", "/channels/main/end", Value::Null);
    bandstand.wait(MAIN, "the end of the broadcast", s(30), |status| status.live.is_none());
    let nobody = bandstand.ok("GET", "/channels/main/destinations", Value::Null)[0]["id"].clone();
    bandstand.ok("DELETE", &format!("/channels/main/destinations/{}", nobody.as_str().expect("an id")), Value::Null);
    // What is only recorded is never tried beside.
    let file =
        json!({"name": "Card", "kind": "file", "folder": "card", "container": "mp4", "keep_mb": 200, "leave_mb": 1});
    bandstand.ok("POST", "/channels/main/destinations", file);
    go_live(&bandstand, MAIN);
    bandstand.wait(MAIN, "the recording", s(30), |status| status.live.is_some());
    assert_eq!(ends(beside("recorded", &["--despite-silence"])), Some(75));
    bandstand.ok("POST", "/channels/main/end", Value::Null);

    // The same programs with a worker that ends at once.
    let programs = stage.room("programs");
    for name in ["bandstand", "bandstand-ingest"] {
        std::fs::copy(harness::place::program(name), programs.join(name)).expect("copy a program");
    }
    std::os::unix::fs::symlink("/bin/false", programs.join("bandstand-channel")).expect("put a program in its place");
    let (well, said) = trial(&programs.join("bandstand"), "broken", "5");
    assert!(!well && said.contains("The pattern did not come on air within 5 s"), "{said}");
}
