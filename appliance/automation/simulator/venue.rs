//! A venue and its evening, or its whole day, made from a seed: what is configured, what people do, and what breaks when.

use super::feed::Glitch;
use super::random::Random;
use super::sources::Shows;
use super::worker::Hang;
use automation::id::{CueId, DestinationId, SourceId};
use automation::renewal::Term;
use automation::spec::{ChannelSpecDraft, Destination, DestinationKind, Fallback, Hold};
use serde_json::{Value, json};

/// What goes wrong, or is mended.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    SourceDown(SourceId),
    SourceUp(SourceId),
    /// Silence, then the pictures of the silence in one burst, then it goes on.
    SourceThaws(SourceId),
    /// It sends on, and something else is to be seen.
    SourceShows(SourceId, Shows),
    /// A file gets unreadable, or can be read again.
    File(SourceId, bool),
    FarSide(DestinationId, Mode),
    /// It closes the connection, and holds the name for a while.
    FarSideCuts(DestinationId),
    /// A link of the box comes up.
    NetworkUp,
    ControlDies,
    /// It comes back; with a database that is so many changes old.
    ControlReturns {
        generations_lost: u64,
    },
    /// Messages to the worker take so long from now on, milliseconds.
    Slow(u64),
    /// An old message arrives again.
    Replay,
    WorkerDies,
    /// It stands, for so long or for ever, milliseconds.
    WorkerHangs(Hang, Option<u64>),
    /// A source's clock, its times, or the way to it.
    Feed(SourceId, Glitch),
    /// No room is left for files.
    DiskFull,
    DiskFree,
    /// The power goes: every process dies at once, and what lay in memory with them.
    PowerCut,
    /// It is back: `control` starts, and with it the worker.
    PowerReturns,
    WallSteps(i64),
}

/// How a platform behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Up,
    /// Refuses TCP connections.
    Down,
    /// Answers nothing; a connection that is there takes no more data.
    Silent,
    /// Refuses the stream key.
    Refusing,
    /// Takes each connection and its first media, then hangs up.
    Fickle,
    /// A disk without room.
    Full,
}

/// What a person does.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    GoLive {
        countdown_ms: u64,
    },
    End,
    /// A source, or the slate.
    Manual(Option<SourceId>, Hold),
    /// Whatever is on air now, until it is released.
    PinOnAir,
    Release,
    ClearOverlays(bool),
    /// Another order of the ladder.
    Ladder(Vec<Fallback>),
    Pause,
    Resume,
    EditText(String),
    Switch(DestinationId, bool),
}

#[derive(Clone, Debug)]
pub(crate) enum Scripted {
    Trouble(Trouble),
    Command(Command),
}

/// How much of a venue's life is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// From the start to the moment when all trouble is over, milliseconds: shortest and longest.
    quiet_ms: (u64, u64),
    /// Longest cue of a timeline, milliseconds.
    cue_ms_max: u64,
    /// At most one trouble, and one command, in so many milliseconds on average.
    trouble_each_ms: u64,
    command_each_ms: u64,
}

impl Span {
    /// Minutes in which much happens.
    pub(crate) const EVENING: Span =
        Span { quiet_ms: (120_000, 600_000), cue_ms_max: 20_000, trouble_each_ms: 15_000, command_each_ms: 20_000 };
    /// 24 hours with what is left for the world to come to rest, of a box that nobody attends.
    pub(crate) const DAY: Span = Span {
        quiet_ms: (DAY_MS - PATIENCE_MS, DAY_MS - PATIENCE_MS),
        cue_ms_max: 600_000,
        trouble_each_ms: 40_000,
        command_each_ms: 300_000,
    };
}

/// Longest fade of an overlay, milliseconds: each of its ticks is another frame to play.
const FADE_MS_MAX: u64 = 3_000;
const DAY_MS: u64 = 86_400_000;
/// How long the slowest thing may take after all trouble is over, milliseconds: a platform that holds our name for 45 s
/// and refuses us in its last moment, a wait of 60 s after that, and the longest try.
pub(crate) const PATIENCE_MS: u64 = 125_000;

/// The whole evening, or day.
pub(crate) struct Venue {
    pub(crate) spec: ChannelSpecDraft,
    /// Moments after the start, milliseconds, in order.
    pub(crate) script: Vec<(u64, Scripted)>,
    /// When all trouble is over, milliseconds.
    pub(crate) quiet_ms: u64,
    /// How old each destination's first session is at its beginning, milliseconds.
    pub(crate) aged_ms: Vec<u64>,
}

pub(crate) fn venue(seed: u64, span: Span) -> Venue {
    let random = &mut Random::new(seed);
    let cameras = random.between(1, 4);
    let mut sources: Vec<Value> = (1..=cameras).map(|n| camera(random, n, cameras)).collect();
    sources.push(json!({"id": "obs", "name": "OBS", "kind": "rtmp", "stream": "main_obs"}));
    sources.push(json!({"id": "clip1", "name": "Trailer", "kind": "media", "asset": "film"}));
    sources.push(json!({"id": "clip2", "name": "Loop", "kind": "media", "asset": "film"}));
    sources.push(json!({"id": "card", "name": "Card", "kind": "slate", "title": "Soon"}));
    let mut shown: Vec<String> = (1..=cameras).map(|n| format!("cam{n}")).collect();
    shown.extend(["clip1", "card"].map(String::from));
    let rate = *random.pick(&[(30, 1), (25, 1), (60, 1), (30_000, 1001)]);
    let destinations = destinations(random);
    let maybe = |yes: bool, id: &str| if yes { json!(id) } else { Value::Null };
    let failover = json!({
        "primary": maybe(random.percent(70), "cam1"), "live_input": maybe(random.percent(50), "obs"),
        "loop": maybe(random.percent(60), "clip2"),
        "ladder": ladder(random), "holdoff_ms": random.between(100, 1000), "stable_ms": random.between(0, 8) * 1000,
        "checks": {"frozen": check(random), "black": check(random), "silent": check(random)}
    });
    let spec = json!({
        "generation": 1, "channel": "main", "name": "Town Hall",
        "house": {"width": 1280, "height": 720, "rate": {"num": rate.0, "den": rate.1}, "video_kbps": 3000, "audio_kbps": 128},
        "sources": sources, "assets": {"film": "/assets/film.mp4"}, "failover": failover,
        "timeline": if random.percent(80) { timeline(random, &shown, span.cue_ms_max) } else { Value::Null },
        "manual": null, "live": null, "destinations": destinations,
        "messages": {"backup": random.percent(50)}
    });
    let quiet_ms = random.between(span.quiet_ms.0 / 1000, span.quiet_ms.1 / 1000) * 1000;
    let spec: ChannelSpecDraft = serde_json::from_value(spec).expect("the venue is well formed");
    let aged_ms = spec.destinations.iter().map(|destination| aged(random, destination, quiet_ms)).collect();
    let script = script(random, &spec, span, quiet_ms);
    Venue { spec, script, quiet_ms, aged_ms }
}

/// Platforms, some of which end what runs for too long, and mostly files.
fn destinations(random: &mut Random) -> Vec<Value> {
    let mut all: Vec<Value> = (1..=random.between(1, 3))
        .map(|n| {
            let hours = random.pick(&[Value::Null, json!(1), json!(4), json!(12)]).clone();
            json!({"id": format!("to{n}"), "name": format!("Platform {n}"), "url": "rtmp://h/live", "enabled": true,
                "renew_hours": hours})
        })
        .collect();
    if random.percent(70) {
        all.push(json!({"id": "files", "name": "Files", "enabled": true, "kind": "file", "folder": "show",
            "container": "ts"}));
    }
    all
}

/// Half of the first sessions are old ones, which come due in the time that is played.
fn aged(random: &mut Random, destination: &Destination, quiet_ms: u64) -> u64 {
    let Some(term) = Term::of(destination).filter(|_| random.percent(50)) else { return 0 };
    // A session that is not announced yet is younger than its term by so much; by halves its latest moment is found.
    let (mut young, mut old) = (0, automation::renewal::RTMP_MS_MAX);
    while old - young > 1_000 {
        let middle = u64::midpoint(young, old);
        if term.announced(middle) == Some(0) { old = middle } else { young = middle }
    }
    young.saturating_sub(random.between(0, quiet_ms))
}

fn check(random: &mut Random) -> Value {
    json!({"after_s": random.between(1, 20), "action": random.pick(&["off", "tell", "leave", "leave"])})
}

/// Mostly every step, in any order.
fn ladder(random: &mut Random) -> Vec<Fallback> {
    let mut left = vec![Fallback::LiveInput, Fallback::Backup, Fallback::Loop];
    let steps = if random.percent(70) { 3 } else { random.between(0, 3) };
    (0..steps).map(|_| left.remove(random.between(0, left.len() as u64 - 1) as usize)).collect()
}

fn camera(random: &mut Random, n: u64, cameras: u64) -> Value {
    let backup = if n < cameras && random.percent(60) {
        json!(format!("cam{}", random.between(n + 1, cameras)))
    } else if random.percent(20) {
        json!("card")
    } else {
        Value::Null
    };
    json!({"id": format!("cam{n}"), "name": format!("Camera {n}"), "kind": "camera", "url": "rtsp://cam/1", "backup": backup,
        "ptz": {"protocol": "visca", "address": "cam:52381", "settle_ms": n * 1000}})
}

fn timeline(random: &mut Random, shown: &[String], cue_ms_max: u64) -> Value {
    let mut at = random.between(0, 1) * random.between(0, 5000);
    let (mut cues, mut overlays) = (Vec::new(), Vec::new());
    for n in 0..random.between(1, 12) {
        let length = random.between(1, cue_ms_max);
        let source = random.pick(shown);
        let action = if source.starts_with("clip") { "show_media" } else { "show_camera" };
        let mut action = json!({"type": action, "source": source});
        if source.starts_with("cam") && n % 3 != 1 {
            action["preset"] = json!({"token": n.to_string(), "on_air": n % 5 == 0});
        }
        let kind = *random.pick(&["cut", "fade", "dissolve"]);
        let transition = if kind == "cut" { 0 } else { random.between(0, length.min(3000)) };
        cues.push(json!({"id": format!("cue{n}"), "at_ms": at, "duration_ms": length,
            "action": action, "transition": {"kind": kind, "duration_ms": transition}}));
        let fade = random.between(0, (length / 2).min(FADE_MS_MAX));
        overlays.push(json!({"id": format!("text{n}"), "at_ms": at, "duration_ms": length,
            "fade_in_ms": fade, "fade_out_ms": (length / 2 - fade / 2).min(FADE_MS_MAX),
            "overlay": {"type": "text", "text": "Tide: High 3:45 PM", "anchor": "bottom", "size": 50, "colour": "#ffffff"}}));
        at += length + random.between(0, 1) * random.between(0, 3000);
    }
    json!({"id": "show", "name": "Show", "duration_ms": at.max(1000), "repeat": random.percent(60), "tracks": [
        {"type": "video", "name": "Main", "cues": cues},
        {"type": "overlay", "name": "Titles", "layer": 1, "cues": overlays}
    ]})
}

fn script(random: &mut Random, spec: &ChannelSpecDraft, span: Span, quiet_ms: u64) -> Vec<(u64, Scripted)> {
    let mut script = vec![(random.between(0, 20_000), Scripted::Command(Command::GoLive { countdown_ms: 5000 }))];
    // Every second publisher begins at some time; the others are there from the beginning.
    let obs = SourceId::new("obs").expect("an id");
    script.push((0, Scripted::Trouble(Trouble::SourceDown(obs.clone()))));
    script.push((random.between(0, quiet_ms / 1000) * 1000, Scripted::Trouble(Trouble::SourceUp(obs))));
    for _ in 0..random.between(0, quiet_ms / span.trouble_each_ms) {
        let at = random.between(0, quiet_ms - 60_000);
        trouble(random, spec, at, &mut script);
    }
    for _ in 0..random.between(0, quiet_ms / span.command_each_ms) {
        let at = random.between(0, quiet_ms);
        command(random, spec, at, &mut script);
    }
    script.retain(|(at, _)| *at < quiet_ms);
    script.sort_by_key(|(at, _)| *at);
    script
}

fn trouble(random: &mut Random, spec: &ChannelSpecDraft, at: u64, script: &mut Vec<(u64, Scripted)>) {
    let mut add = |at: u64, trouble: Trouble| script.push((at, Scripted::Trouble(trouble)));
    let live: Vec<&SourceId> = spec.sources.iter().filter(|s| s.kind.is_live()).map(|s| &s.id).collect();
    let source = (*random.pick(&live)).clone();
    let platforms: Vec<_> = spec.destinations.iter().filter(|d| is_platform(d)).map(|d| d.id.clone()).collect();
    let to = random.pick(&platforms).clone();
    match random.between(0, 18) {
        18 => {
            add(at, Trouble::DiskFull);
            add(at + random.between(500, 90_000), Trouble::DiskFree);
        }
        16 | 17 => add(at, Trouble::Feed(source, glitch(random))),
        15 => {
            let hang = *random.pick(&[Hang::Program, Hang::Process]);
            let lasts_ms = random.percent(50).then(|| random.between(50, 1_800));
            add(at, Trouble::WorkerHangs(hang, lasts_ms));
        }
        // `control` goes and comes back while people are at work.
        14 => {
            add(at, Trouble::Slow(random.between(2, 1_000)));
            add(at + 5_000, Trouble::ControlDies);
            add(at + 5_000 + random.between(200, 5_000), Trouble::ControlReturns { generations_lost: 0 });
            add(at + 12_000, Trouble::Slow(2));
            for n in 0..20 {
                let mut before = Vec::new();
                command(random, spec, at + 500 * n, &mut before);
                script.extend(before);
            }
        }
        13 => {
            let camera = SourceId::new("cam1").expect("an id");
            let shows = *random.pick(&[Shows::Frozen, Shows::Black, Shows::Silent]);
            add(at, Trouble::SourceShows(camera.clone(), shows));
            add(at + random.between(500, 60_000), Trouble::SourceShows(camera, Shows::Life));
        }
        0 | 1 => {
            add(at, Trouble::SourceDown(source.clone()));
            add(at + random.between(10, 60_000), Trouble::SourceUp(source));
        }
        2 => {
            let mut at = at;
            for _ in 0..random.between(2, 12) {
                add(at, Trouble::SourceDown(source.clone()));
                at += random.between(50, 3_000);
                add(at, Trouble::SourceUp(source.clone()));
                at += random.between(50, 9_000);
            }
        }
        3 => {
            add(at, Trouble::SourceDown(source.clone()));
            add(at + random.between(50, 12_000), Trouble::SourceThaws(source));
        }
        4 | 5 => {
            let mode = *random.pick(&[Mode::Down, Mode::Silent, Mode::Refusing, Mode::Fickle]);
            add(at, Trouble::FarSide(to.clone(), mode));
            add(at + random.between(1_000, 90_000), Trouble::FarSide(to, Mode::Up));
        }
        6 if random.percent(50) => add(at, Trouble::NetworkUp),
        6 => add(at, Trouble::FarSideCuts(to)),
        7 => {
            add(at, Trouble::ControlDies);
            let generations_lost = if random.percent(20) { random.between(1, 3) } else { 0 };
            add(at + random.between(500, 40_000), Trouble::ControlReturns { generations_lost });
        }
        8 => add(at, Trouble::WorkerDies),
        10 => {
            add(at, Trouble::PowerCut);
            add(at + random.between(2_000, 40_000), Trouble::PowerReturns);
        }
        // The uplink goes: no platform can be reached, and open connections stand still or break.
        11 => {
            let mode = *random.pick(&[Mode::Down, Mode::Silent]);
            let back = at + random.between(1_000, 50_000);
            for platform in platforms {
                add(at, Trouble::FarSide(platform.clone(), mode));
                add(back, Trouble::FarSide(platform, Mode::Up));
            }
        }
        9 => {
            add(at, Trouble::Slow(random.between(100, 4_000)));
            add(at + 10_000, Trouble::Slow(2));
            add(at + random.between(0, 20_000), Trouble::Replay);
        }
        _ => {
            let clip = SourceId::new("clip2").expect("an id");
            add(at, Trouble::File(clip.clone(), false));
            add(at + random.between(1_000, 30_000), Trouble::File(clip, true));
            add(at, Trouble::WallSteps(random.between(0, 7_200_000) as i64 - 3_600_000));
        }
    }
}

/// Whether a destination is reached by the network.
pub(crate) fn is_platform(destination: &Destination) -> bool {
    !matches!(destination.kind, DestinationKind::File { .. })
}

fn glitch(random: &mut Random) -> Glitch {
    let size = random.between(0, 9_000) as i64;
    match random.between(0, 6) {
        0 => Glitch::Drifts(random.between(0, 1_000) as i64 - 500),
        1 => Glitch::Jumps((size - 4_500) * 20),
        2 => Glitch::Stutters(size.max(40)),
        3 => Glitch::Bursts(size + 40),
        4 => Glitch::Jitters(size / 30),
        5 => Glitch::Detours(size / 4),
        _ => Glitch::Reconnects(size),
    }
}

fn command(random: &mut Random, spec: &ChannelSpecDraft, at: u64, script: &mut Vec<(u64, Scripted)>) {
    let mut add = |at: u64, command: Command| script.push((at, Scripted::Command(command)));
    let source = random.pick(&spec.sources).id.clone();
    match random.between(0, 11) {
        0 | 1 => add(at, Command::Manual(Some(source), Hold::Take)),
        2 => {
            add(at, Command::Manual(Some(source), Hold::Pin));
            add(at + random.between(1_000, 60_000), Command::Release);
        }
        7 => {
            add(at, Command::Manual(None, Hold::Pin));
            add(at + random.between(100, 30_000), Command::Release);
        }
        8 => {
            add(at, Command::PinOnAir);
            add(at + random.between(1_000, 60_000), Command::Release);
        }
        9 => {
            add(at, Command::ClearOverlays(true));
            add(at + random.between(100, 60_000), Command::ClearOverlays(false));
        }
        10 => add(at, Command::Ladder(ladder(random))),
        3 => {
            add(at, Command::Pause);
            add(at + random.between(10, 30_000), Command::Resume);
        }
        4 => add(at, Command::EditText(CueId::new(format!("t{at}")).map_or(String::new(), String::from))),
        5 => {
            let to = random.pick(&spec.destinations).id.clone();
            add(at, Command::Switch(to.clone(), false));
            add(at + random.between(1_000, 30_000), Command::Switch(to, true));
        }
        6 => {
            add(at, Command::End);
            add(at + random.between(1_000, 30_000), Command::GoLive { countdown_ms: random.between(0, 1) * 5000 });
        }
        _ => add(at, Command::Release),
    }
}
