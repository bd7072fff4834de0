//! What the platforms saw, against what may be: read from their books and recordings, never from us.

use crate::scene::{DESTINATIONS, FILES, FILM_LAST, SRT_TO, Scene};
use crate::schedule::{Kind, Target};
use crate::victim::Outcome;
use crate::victims::hold;
use harness::platform::Publish;
use harness::recording::Recording;
use harness::venue::{FPS, defects};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A worker that was killed is on air again within this, milliseconds.
const ON_AIR_MS_MAX: u64 = 3_000;
/// A session that a fault has ended has a successor by then: the fault's end, and the longest wait for a try.
const SUCCESSOR: Duration = Duration::from_secs(70);
/// What a feed holds, and what a session may be behind: so long before and after a fault its session may have left
/// pictures out.
const LEFT_OUT: Duration = Duration::from_secs(15);
/// A file that is smaller has no whole picture.
const FILE_BYTES_MIN: u64 = 64 << 10;
/// A frame that stands for longer, of a source that moves, milliseconds: as the failover's own bound.
pub(crate) const MS_PER_PICTURE: f64 = 1000.0 / FPS;

/// A gap in a recording.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    /// When it was sent, about.
    pub(crate) at: Instant,
    /// Pictures that are missing in it.
    pub(crate) missing: u64,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) ticks: u64,
    pub(crate) ticks_missing: u64,
    /// Connections of each destination.
    pub(crate) sessions: Vec<(&'static str, usize)>,
    pub(crate) sessions_unexplained: u64,
    pub(crate) worst_gap_ms: u64,
    /// Longest time that a moving source's picture stood still at the witness, milliseconds.
    pub(crate) worst_still_ms: u64,
    /// What is missing at the witness, and when about.
    pub(crate) gaps: Vec<Gap>,
    /// Sessions that a fault explains: the fault's place among the outcomes.
    pub(crate) explained: Vec<usize>,
    /// Why the run has failed; empty where it has not.
    pub(crate) reasons: Vec<String>,
}

/// Judges a run that is over.
pub(crate) fn judge(scene: &Scene, outcomes: &[Outcome]) -> Verdict {
    let mut verdict = Verdict::default();
    recoveries(outcomes, &mut verdict);
    for (n, destination) in DESTINATIONS.into_iter().enumerate() {
        let begun = accepted(scene, n).into_iter().map(|publish| publish.at).collect();
        let may = |outcome: &Outcome| ends_session(outcome, n);
        sessions(destination, begun, may, outcomes, &mut verdict);
    }
    let may = |outcome: &Outcome| is_kill_of_worker(outcome) || may_end_srt(outcome);
    sessions(SRT_TO, scene.srt_path.srt_sessions(), may, outcomes, &mut verdict);
    files(scene, outcomes, &mut verdict);
    struck(scene, outcomes, &mut verdict);
    witness(scene, outcomes, &mut verdict);
    lives(scene, outcomes, &mut verdict);
    verdict.reasons.extend(hold(&scene.odd).iter().cloned());
    verdict
}

fn recoveries(outcomes: &[Outcome], verdict: &mut Verdict) {
    for outcome in outcomes {
        match outcome.recovery_ms {
            None => verdict.reasons.push(format!("{}: not well again after a minute", outcome.fault)),
            Some(ms) if is_kill_of_worker(outcome) && ms > ON_AIR_MS_MAX => {
                verdict
                    .reasons
                    .push(format!("{}: on air again after {ms} ms; {ON_AIR_MS_MAX} ms is the most", outcome.fault));
            }
            Some(_) => {}
        }
    }
}

fn is_kill_of_worker(outcome: &Outcome) -> bool {
    (outcome.fault.target, outcome.fault.kind) == (Target::Worker, Kind::Kill)
}

/// Whether a fault may end the session of destination `n`.
fn ends_session(outcome: &Outcome, n: usize) -> bool {
    is_kill_of_worker(outcome)
        || (is_at(outcome, n) && matches!(outcome.fault.kind, Kind::Kill | Kind::Cut | Kind::Vanish))
}

fn is_at(outcome: &Outcome, n: usize) -> bool {
    [Some(Target::Platform1), Some(Target::Platform2), None][n] == Some(outcome.fault.target)
}

fn accepted(scene: &Scene, n: usize) -> Vec<Publish> {
    hold(&scene.platforms[n]).publishes().into_iter().filter(|publish| publish.accepted).collect()
}

/// Whether a fault may end the session of the SRT listener: it hangs up where it hears nothing for 5 s.
fn may_end_srt(outcome: &Outcome) -> bool {
    outcome.fault.target == Target::SrtListener && matches!(outcome.fault.kind, Kind::Kill | Kind::Cut)
}

/// Each session after the first must follow a fault that may end one, and each such fault explains one.
fn sessions(
    id: &'static str,
    begun: Vec<Instant>,
    may_end: impl Fn(&Outcome) -> bool,
    outcomes: &[Outcome],
    verdict: &mut Verdict,
) {
    verdict.sessions.push((id, begun.len()));
    let mut causes: Vec<(usize, &Outcome)> = outcomes.iter().enumerate().filter(|(_, o)| may_end(o)).collect();
    causes.sort_by_key(|(_, outcome)| outcome.began);
    for at in begun.into_iter().skip(1) {
        let fits = |(_, cause): &(usize, &Outcome)| cause.began <= at && at <= cause.healed + SUCCESSOR;
        if let Some(cause) = causes.iter().position(fits) {
            verdict.explained.push(causes.remove(cause).0);
            continue;
        }
        verdict.sessions_unexplained += 1;
        let before = outcomes.iter().filter(|o| o.began <= at).max_by_key(|o| o.began);
        let before =
            before.map_or_else(String::new, |o| format!(", {:.1} s after: {}", (at - o.began).as_secs_f64(), o.fault));
        verdict.reasons.push(format!("{id}: a session that no fault explains{before}"));
    }
}

/// Files are whole, and a new row of them begins only where the medium was full or the worker was killed. Nobody but the
/// worker counts these sessions.
fn files(scene: &Scene, outcomes: &[Outcome], verdict: &mut Verdict) {
    let count = scene.observer.sessions(FILES) as usize;
    verdict.sessions.push((FILES, count));
    let may = |o: &&Outcome| is_kill_of_worker(o) || o.fault.target == Target::Files;
    let most = 1 + outcomes.iter().filter(may).count();
    if count > most {
        verdict.sessions_unexplained += (count - most) as u64;
        verdict.reasons.push(format!("{FILES}: {count} sessions, of which faults explain {most}"));
    }
    for path in scene.files() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // What was begun in a worker's last moments holds nothing that could be read.
        let bytes = std::fs::metadata(&path).map_or(0, |about| about.len());
        if bytes < FILE_BYTES_MIN {
            continue;
        }
        let flv = Recording::read_packed(&path).flv;
        let found = (flv.missing(FPS), flv.backward(), flv.parameter_changes());
        if found != (0, 0, 0) {
            let (missing, backward, changes) = found;
            verdict.ticks_missing += missing;
            verdict.reasons.push(format!(
                "{name}: {missing} ticks missing, {backward} times backward, {changes} parameters changed"
            ));
        }
    }
}

fn recordings(scene: &Scene, n: usize) -> Vec<(PathBuf, Instant)> {
    let paths = hold(&scene.platforms[n]).recordings();
    paths.into_iter().zip(accepted(scene, n).into_iter().map(|publish| publish.at)).collect()
}

fn gaps(recording: &harness::flv::Flv, began: Instant) -> Vec<Gap> {
    let mut times: Vec<i64> = recording.video.iter().map(|packet| packet.pts_ms).collect();
    times.sort_unstable();
    let steps = times.windows(2).map(|pair| (pair[0], ((pair[1] - pair[0]) as f64 / MS_PER_PICTURE).round() as u64));
    let gap =
        |(at_ms, ticks): (i64, u64)| Gap { at: began + Duration::from_millis(at_ms.max(0) as u64), missing: ticks - 1 };
    steps.filter(|(_, ticks)| *ticks > 1).map(gap).collect()
}

/// A struck platform may miss what its own faults took; what is left must be whole.
fn struck(scene: &Scene, outcomes: &[Outcome], verdict: &mut Verdict) {
    for (n, destination) in DESTINATIONS.iter().enumerate().take(2) {
        for (index, (path, began)) in recordings(scene, n).into_iter().enumerate() {
            let Ok(flv) = harness::flv::Flv::open(&path) else { continue };
            for gap in gaps(&flv, began) {
                let own = |o: &&Outcome| is_at(o, n) && o.began <= gap.at + LEFT_OUT && gap.at <= o.healed + LEFT_OUT;
                if !outcomes.iter().any(|o| own(&o)) {
                    verdict.ticks_missing += gap.missing;
                    verdict.reasons.push(format!(
                        "{} session {index}: {} ticks missing without a fault of its own",
                        destination, gap.missing
                    ));
                }
            }
            let (backward, changes) = (flv.backward(), flv.parameter_changes());
            if (backward, changes) != (0, 0) {
                verdict.reasons.push(format!(
                    "{} session {index}: {backward} times backward, {changes} parameters changed",
                    destination
                ));
            }
        }
    }
}

/// The witness misses nothing: every recording is whole, and they follow each other within the bound.
fn witness(scene: &Scene, outcomes: &[Outcome], verdict: &mut Verdict) {
    let n = DESTINATIONS.len() - 1;
    let kills: Vec<u64> = outcomes.iter().filter(|o| is_kill_of_worker(o)).filter_map(|o| o.recovery_ms).collect();
    verdict.worst_gap_ms = kills.into_iter().max().unwrap_or(0);
    for (index, (path, began)) in recordings(scene, n).into_iter().enumerate() {
        let recording = Recording::read(&path);
        verdict.gaps.extend(gaps(&recording.flv, began));
        verdict.ticks += recording.pictures.len() as u64;
        verdict.ticks_missing += recording.flv.missing(FPS);
        let found = defects(&recording);
        verdict.reasons.extend(found.into_iter().map(|defect| format!("witness session {index}: {defect}")));
        let black = recording.black();
        if black > 0 {
            verdict.reasons.push(format!("witness session {index}: {black} black pictures"));
        }
        let steps = recording.pictures.windows(2).map(|pair| pair[1].pts_ms - pair[0].pts_ms);
        verdict.worst_gap_ms = verdict.worst_gap_ms.max(steps.max().unwrap_or(0) as u64);
        let still = (1..=FILM_LAST).map(|source| recording.longest_repeat(source)).max().unwrap_or(0);
        verdict.worst_still_ms = verdict.worst_still_ms.max((still as f64 * MS_PER_PICTURE) as u64);
    }
}

/// The worker's own word: no tick missing, and no life that no fault has ended.
fn lives(scene: &Scene, outcomes: &[Outcome], verdict: &mut Verdict) {
    let lives = scene.observer.lives();
    let told: u64 = lives.iter().map(|life| life.missing).sum();
    if told > 0 {
        verdict.reasons.push(format!("the worker itself tells of {told} ticks missing"));
    }
    verdict.ticks_missing = verdict.ticks_missing.max(told);
    if verdict.ticks_missing > 0 {
        verdict.reasons.push(format!("{} ticks missing", verdict.ticks_missing));
    }
    let wanted = 1 + outcomes.iter().filter(|outcome| is_kill_of_worker(outcome)).count();
    if lives.len() != wanted {
        verdict.reasons.push(format!("the worker had {} lives, and {wanted} are explained", lives.len()));
    }
    let run = hold(&scene.bandstand).run();
    for log in ["channel-main.log", "ingest.log", "../bandstand.log"] {
        let text = std::fs::read_to_string(run.join(log)).unwrap_or_default();
        for line in text.lines().filter(|line| line.contains("panicked at")) {
            verdict.reasons.push(format!("{log}: {line}"));
        }
    }
}
