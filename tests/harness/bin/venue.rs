//! The demonstration venue of `./dev run`: two cameras, a publisher like OBS, two platforms, and a box between them.
//!
//! `venue run --state DIR [--fresh] [-- …options of bandstand]` runs until Ctrl-C and then ends all that it started.
//! `venue obs on|off --state DIR` asks a running venue to start or stop its publisher.

use harness::clip::Clip;
use harness::place::program;
use harness::platform::Platform;
use harness::ports;
use harness::process::{signal_pid, tied, with_argument};
use harness::publisher::Publisher;
use harness::rtsp::{Mount, Rtsp};
use harness::wait::{s, within};
use rustix::process::Signal;
use serde_json::{Value, json};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::sync::mpsc::{Receiver, Sender, channel};

/// The cameras' RTSP server. Fixed, like the platforms', since the store remembers the addresses.
const CAMERAS_PORT: u16 = 18_554;
const PLATFORM_PORTS: [u16; 2] = [19_351, 19_352];
/// The usual port of RTMP, where bandstand listens unless told otherwise.
const DOOR: &str = "127.0.0.1:1935";
/// Length of the venue's films, seconds.
const FILM_S: u32 = 24;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["run", "--state", state, rest @ ..] => run(Path::new(state), rest),
        ["obs", wish, "--state", state] => obs(Path::new(state), wish),
        _ => Err("venue run --state DIR [options of bandstand] | venue obs on|off --state DIR".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) {
    // Whoever closed our output does not want to read it.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// What may happen while the venue runs.
enum Event {
    /// Ctrl-C, or the like.
    End,
    /// `./dev obs on|off`, with where the answer goes.
    Obs { on: bool, answer: UnixStream },
    /// `bandstand` ended by itself.
    BandstandEnded,
}

fn run(state: &Path, options: &[&str]) -> Result<(), String> {
    let options: Vec<&str> = options.to_vec();
    let fresh = options.contains(&"--fresh");
    let options: Vec<&str> = options.into_iter().filter(|option| *option != "--fresh").collect();
    std::fs::create_dir_all(state).map_err(|e| format!("make {}: {e}", state.display()))?;
    let state = state.canonicalize().map_err(|e| format!("find {}: {e}", state.display()))?;
    if fresh {
        let _ = std::fs::remove_dir_all(state.join("box"));
    }
    let demo = state.join("demo");
    std::fs::create_dir_all(&demo).map_err(|e| format!("make {}: {e}", demo.display()))?;
    ports::free("the demonstration", &[CAMERAS_PORT, PLATFORM_PORTS[0], PLATFORM_PORTS[1]])?;
    say("Making the films");
    let films = Films::make(&demo)?;
    say("Starting two cameras and two platforms");
    let _cameras = Rtsp::start_on(CAMERAS_PORT, &demo.join("cameras"), &films.mounts());
    let _platforms: Vec<Platform> = PLATFORM_PORTS
        .iter()
        .enumerate()
        .map(|(i, port)| Platform::start_on(*port, &demo.join(format!("platform-{}", i + 1)), "nginx"))
        .collect();
    let home = state.join("box");
    if !home.join("bandstand.db").exists() {
        seed(&home, &demo, &films)?;
    }
    let (events, inbox) = channel();
    listen(&demo.join("venue.sock"), events.clone())?;
    hear_signals(events.clone())?;
    say("Starting Bandstand");
    let bandstand = Bandstand::start(&home, &options, events)?;
    say(&format!("log: {}", bandstand.log.display()));
    say(&format!("recordings of the platforms: {}/platform-*/recordings", demo.display()));
    say("the OBS-like publisher: ./dev obs on|off        the end: Ctrl-C");
    let ended = attend(&inbox, &films, &demo).inspect_err(|_| eprintln!("{}", bandstand.last_words()));
    say("Ending everything");
    bandstand.end();
    let _ = std::fs::remove_file(demo.join("venue.sock"));
    ended
}

/// Serves the venue until its end.
fn attend(inbox: &Receiver<Event>, films: &Films, demo: &Path) -> Result<(), String> {
    let mut obs: Option<Publisher> = None;
    loop {
        match inbox.recv().unwrap_or(Event::End) {
            Event::End => return Ok(()),
            Event::BandstandEnded => return Err("bandstand ended by itself".to_owned()),
            Event::Obs { on, mut answer } => {
                // A publisher that was turned away, or whose box went away, is no publisher.
                if obs.as_mut().is_some_and(Publisher::is_gone) {
                    obs = None;
                }
                if on && obs.is_none() {
                    let key = std::fs::read_to_string(demo.join("obs.key")).unwrap_or_default();
                    let server = format!("rtmp://{DOOR}/live");
                    obs = Some(Publisher::start(&demo.join("obs"), &films.obs, &server, key.trim()));
                } else if !on && let Some(mut publisher) = obs.take() {
                    publisher.stop();
                }
                let turned_away = obs.as_mut().is_some_and(|publisher| {
                    within(s(TURNED_AWAY_WITHIN_S), || publisher.is_gone().then_some(())).is_some()
                });
                let _ = match (turned_away, on) {
                    (true, _) => writeln!(answer, "{TURNED_AWAY}{}", demo.join("obs.key").display()),
                    (false, true) => writeln!(answer, "OBS is on"),
                    (false, false) => writeln!(answer, "OBS is off"),
                };
            }
        }
    }
}

/// A publisher whose key is wrong has ended by then; one that still runs publishes.
const TURNED_AWAY_WITHIN_S: u64 = 2;
/// How an answer begins that is none of success; the file with the key follows.
const TURNED_AWAY: &str =
    "Bandstand turned the publisher away. Where its stream key was changed, copy the new one into ";

/// What is played.
struct Films {
    camera_1: Clip,
    camera_2: Mount,
    obs: PathBuf,
    looped: PathBuf,
}

impl Films {
    fn make(demo: &Path) -> Result<Films, String> {
        let camera_1 = Clip::new(1, FILM_S).sized(1280, 720, 30);
        let mut obs = Clip::new(3, FILM_S).sized(1280, 720, 30);
        obs.b_frames = 2;
        let looped = Clip::new(4, 16).sized(1280, 720, 30).file();
        let camera_2 = match street(demo)? {
            Some(film) => Mount { film, seconds: 40, ..Mount::new("/cam2", &Clip::new(2, 8)) },
            None => Mount::new("/cam2", &Clip::new(2, FILM_S).sized(1280, 720, 25)),
        };
        Ok(Films { obs: obs.file(), camera_1, camera_2, looped })
    }

    fn mounts(&self) -> [Mount; 2] {
        [Mount::new("/cam1", &self.camera_1), self.camera_2.clone()]
    }
}

/// The real film, 10 s of a street at 640x272 and 25 fps, four times over with the noise of traffic: 40 s hold whole
/// AAC packets. None where it could not be fetched.
fn street(demo: &Path) -> Result<Option<PathBuf>, String> {
    let (film, street) = (demo.join("bikes.mp4"), demo.join("street.mp4"));
    if street.exists() {
        return Ok(Some(street));
    }
    if !film.exists() {
        return Ok(None);
    }
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-hide_banner", "-loglevel", "error", "-y", "-stream_loop", "-1", "-i"]).arg(&film);
    ffmpeg.args(["-f", "lavfi", "-i", "anoisesrc=color=brown:amplitude=0.2:sample_rate=48000,tremolo=f=0.2:d=0.7"]);
    ffmpeg.args(["-map", "0:v", "-map", "1:a", "-t", "40", "-r", "25", "-c:v", "libx264", "-preset", "veryfast"]);
    ffmpeg.args(["-bf", "0", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0", "-pix_fmt", "yuv420p"]);
    ffmpeg.args(["-c:a", "aac", "-ac", "2", "-ar", "48000", "-b:a", "128k", "-f", "mp4"]);
    let draft = demo.join("street.draft");
    let status = ffmpeg.arg(&draft).status().map_err(|e| format!("start ffmpeg: {e}"))?;
    if !status.success() {
        return Err("ffmpeg could not make the street's film".to_owned());
    }
    std::fs::rename(&draft, &street).map_err(|e| format!("put the street's film in its place: {e}"))?;
    Ok(Some(street))
}

/// Writes the demonstration's wishes into the empty store of a new box.
fn seed(home: &Path, demo: &Path, films: &Films) -> Result<(), String> {
    say("Setting up the demonstration");
    let token = std::fs::read_to_string("/proc/sys/kernel/random/uuid").map_err(|e| format!("make a token: {e}"))?;
    let token = token.trim();
    let write = |name: &str, text: String| {
        std::fs::write(demo.join(name), text).map_err(|e| format!("write {name} of the demonstration: {e}"))
    };
    write("obs.key", format!("main_obs?token={token}\n"))?;
    write("seed.json", document(token, films).to_string())?;
    let mut command = Command::new(program("bandstand"));
    command.arg("seed").arg("--state").arg(home).arg(demo.join("seed.json"));
    let status = command.status().map_err(|e| format!("start bandstand: {e}"))?;
    // Both files hold the publisher's token, and the second one is of no more use.
    let _ = std::fs::remove_file(demo.join("seed.json"));
    if status.success() { Ok(()) } else { Err("bandstand did not take the demonstration".to_owned()) }
}

fn document(token: &str, films: &Films) -> Value {
    let camera = |n: u8| format!("rtsp://127.0.0.1:{CAMERAS_PORT}/cam{n}");
    let platform = |n: usize| format!("rtmp://127.0.0.1:{}/live", PLATFORM_PORTS[n - 1]);
    json!({
        "assets": [{"id": "intermission", "name": "Intermission.mp4", "path": films.looped}],
        "channels": [{
            "id": "main", "name": "Main stage",
            "house": {"width": 1280, "height": 720, "rate": {"num": 30, "den": 1},
                      "video_kbps": 2500, "audio_kbps": 128},
            "failover": {"primary": "camera-1", "live_input": "obs", "loop": "intermission"},
            "sources": [
                {"id": "camera-1", "name": "Camera 1", "kind": "camera", "url": camera(1), "backup": "camera-2"},
                {"id": "camera-2", "name": "Camera 2: street", "kind": "camera", "url": camera(2)},
                {"id": "obs", "name": "OBS", "kind": "rtmp", "stream": "main_obs", "token": token},
                {"id": "intermission", "name": "Intermission", "kind": "media", "asset": "intermission"},
            ],
            "destinations": [
                {"id": "platform-1", "name": "Platform 1", "url": platform(1), "key": "demo-1", "enabled": true},
                {"id": "platform-2", "name": "Platform 2", "url": platform(2), "key": "demo-2", "enabled": true},
            ],
            "timelines": [timeline()],
            "timeline": "evening",
        }],
    })
}

fn timeline() -> Value {
    let show = |id: &str, at_s: i64, for_s: i64, source: &str, kind: &str| {
        let action = if source == "intermission" { "show_media" } else { "show_camera" };
        let mix = if kind == "cut" { 0 } else { 600 };
        json!({"id": id, "at_ms": at_s * 1000, "duration_ms": for_s * 1000,
               "action": {"type": action, "source": source}, "transition": {"kind": kind, "duration_ms": mix}})
    };
    let text = |text: &str, anchor: &str, size: u16| {
        json!({"type": "text", "text": text, "anchor": anchor, "size": size, "colour": "#ffffff",
               "background": "#00000080"})
    };
    json!({
        "id": "evening", "name": "An evening in one minute", "duration_ms": 60_000, "repeat": true,
        "tracks": [
            {"type": "video", "name": "Program", "cues": [
                show("stage", 0, 20, "camera-1", "cut"),
                show("street", 20, 20, "camera-2", "dissolve"),
                show("intermission", 40, 10, "intermission", "fade"),
                show("encore", 50, 10, "camera-1", "cut"),
            ]},
            {"type": "overlay", "name": "Titles", "layer": 1, "cues": [
                {"id": "title", "at_ms": 2_000, "duration_ms": 8_000, "fade_in_ms": 400, "fade_out_ms": 400,
                 "overlay": text("Bandstand – live from the main stage", "bottom_left", 50)},
                {"id": "outside", "at_ms": 22_000, "duration_ms": 8_000, "fade_in_ms": 400, "fade_out_ms": 400,
                 "overlay": text("Outside, right now", "bottom_left", 50)},
            ]},
            {"type": "overlay", "name": "Clock", "layer": 2, "cues": [
                {"id": "clock", "at_ms": 0, "duration_ms": 60_000, "overlay": text("{time}", "bottom_right", 40)},
            ]},
        ],
    })
}

/// The box. It tells its address on the terminal and keeps its log in a file. Ctrl-C does not reach it by itself, so
/// that things end in order.
struct Bandstand {
    pid: i32,
    run: PathBuf,
    log: PathBuf,
    ended: Receiver<()>,
}

impl Bandstand {
    fn start(home: &Path, options: &[&str], events: Sender<Event>) -> Result<Bandstand, String> {
        let run = home.join("run");
        let mut command = tied(program("bandstand"));
        command.arg("--state").arg(home).arg("--run").arg(&run).args(options);
        let log = home.join("bandstand.log");
        let file = std::fs::File::create(&log).map_err(|e| format!("write {}: {e}", log.display()))?;
        let mut child: Child =
            command.process_group(0).stderr(file).spawn().map_err(|e| format!("start bandstand: {e}"))?;
        let pid = child.id() as i32;
        let (gone, ended) = channel();
        std::thread::spawn(move || {
            let _ = child.wait();
            let _ = gone.send(());
            let _ = events.send(Event::BandstandEnded);
        });
        Ok(Bandstand { pid, run, log, ended })
    }

    /// The last lines of its log.
    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Asks it to end, and ends what is left of it.
    fn end(self) {
        signal_pid(self.pid, Signal::TERM);
        if self.ended.recv_timeout(s(15)).is_err() {
            signal_pid(self.pid, Signal::KILL);
            let _ = self.ended.recv_timeout(s(5));
        }
        let run = self.run.to_string_lossy().into_owned();
        let gone = within(s(5), || with_argument(&run).is_empty().then_some(()));
        if gone.is_none() {
            with_argument(&run).iter().for_each(|(pid, _)| signal_pid(*pid, Signal::KILL));
        }
    }
}

fn hear_signals(events: Sender<Event>) -> Result<(), String> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(|e| format!("listen for Ctrl-C: {e}"))?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            let _ = events.send(Event::End);
        }
    });
    Ok(())
}

fn listen(socket: &Path, events: Sender<Event>) -> Result<(), String> {
    let _ = std::fs::remove_file(socket);
    let listener = UnixListener::bind(socket).map_err(|e| format!("open {}: {e}", socket.display()))?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut line = String::new();
            if BufReader::new(&stream).read_line(&mut line).is_ok() {
                let _ = events.send(Event::Obs { on: line.trim() == "on", answer: stream });
            }
        }
    });
    Ok(())
}

/// The other end of [`listen`].
fn obs(state: &Path, wish: &str) -> Result<(), String> {
    if wish != "on" && wish != "off" {
        return Err("./dev obs on, or ./dev obs off".to_owned());
    }
    let socket = state.join("demo/venue.sock");
    let mut stream = UnixStream::connect(&socket).map_err(|_| "No venue runs: start it by ./dev run".to_owned())?;
    writeln!(stream, "{wish}").map_err(|e| format!("ask the venue: {e}"))?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).map_err(|e| format!("hear the venue: {e}"))?;
    if answer.starts_with(TURNED_AWAY) {
        return Err(answer.trim().to_owned());
    }
    say(answer.trim());
    Ok(())
}
