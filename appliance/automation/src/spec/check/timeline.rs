//! Rules of a timeline.

use super::Check;
use crate::id::{AssetId, SourceId};
use crate::spec::{
    Action, Cue, Overlay, OverlayCue, PRESET_CHARS_MAX, PtzControl, Source, SourceKind, Start, TimelineDraft, Track,
    TransitionKind, VISCA_PRESET_MAX, Wrongs,
};
use crate::wall::DAY_MS;
use std::collections::BTreeMap;

/// Shortest timeline: below a second a repeat is a flicker.
const DURATION_MS_MIN: i64 = 1_000;
/// Longest timeline: a day; what is longer repeats.
const DURATION_MS_MAX: i64 = 86_400_000;
/// Tracks of one timeline: each enabled one is looked at for each picture.
const TRACKS_MAX: usize = 32;
/// Cues of one timeline: a cue every nine seconds of a day, and a document far below the largest frame.
const CUES_MAX: usize = 10_000;
/// Longest transition: what is longer is a picture of its own.
const TRANSITION_MS_MAX: i64 = 10_000;
/// Longest text of an overlay: more does not fit on a picture.
const TEXT_CHARS_MAX: usize = 500;

/// Everything that a timeline can be judged for by itself.
pub(crate) fn timeline(draft: &TimelineDraft) -> Result<(), Wrongs> {
    let mut check = Check::new();
    check.name("name", &draft.name);
    check.within("duration_ms", draft.duration_ms, DURATION_MS_MIN..=DURATION_MS_MAX);
    if let Start::Daily { at_ms } = draft.start {
        check.within("start.at_ms", at_ms, 0..=DAY_MS - 1);
    }
    let tracks = draft.tracks.len();
    check.must(tracks <= TRACKS_MAX, "tracks", format!("there may be {TRACKS_MAX} tracks, not {tracks}"));
    let video = draft.tracks.iter().any(|track| matches!(track, Track::Video { .. }));
    check.must(video, "tracks", "a video track is missing: it says what is on air");
    let cues: usize = draft.tracks.iter().map(|track| ids(track).count()).sum();
    if cues > CUES_MAX {
        check.wrong("tracks", format!("there may be {CUES_MAX} cues in all, not {cues}"));
        return check.done();
    }
    for (t, track) in draft.tracks.iter().enumerate() {
        let place = format!("tracks[{t}]");
        match track {
            Track::Video { name, cues, .. } => {
                check.line(&format!("{place}.name"), name, 0, super::NAME_CHARS_MAX);
                order(&mut check, &place, cues.iter().map(|cue| (cue.at_ms, cue.duration_ms)), draft.duration_ms);
                for (c, cue) in cues.iter().enumerate() {
                    transition(&mut check, &format!("{place}.cues[{c}].transition"), cue);
                    if let Some(preset) = cue.action.preset() {
                        let place = format!("{place}.cues[{c}].action.preset.token");
                        check.line(&place, &preset.token, 1, PRESET_CHARS_MAX);
                    }
                }
            }
            Track::Overlay { name, layer, cues, .. } => {
                check.line(&format!("{place}.name"), name, 0, super::NAME_CHARS_MAX);
                check.within(&format!("{place}.layer"), i64::from(*layer), 1..=100);
                order(&mut check, &place, cues.iter().map(|cue| (cue.at_ms, cue.duration_ms)), draft.duration_ms);
                for (c, cue) in cues.iter().enumerate() {
                    overlay(&mut check, &format!("{place}.cues[{c}]"), cue);
                }
            }
        }
    }
    let tracks = draft.tracks.iter().enumerate();
    check.unique(
        tracks.flat_map(|(t, track)| {
            ids(track).enumerate().map(move |(c, id)| (format!("tracks[{t}].cues[{c}].id"), id))
        }),
    );
    check.done()
}

fn ids(track: &Track) -> Box<dyn Iterator<Item = &str> + '_> {
    match track {
        Track::Video { cues, .. } => Box::new(cues.iter().map(|cue| cue.id.as_str())),
        Track::Overlay { cues, .. } => Box::new(cues.iter().map(|cue| cue.id.as_str())),
    }
}

/// Times of a track's cues: inside the timeline, in order, one after the other.
fn order(check: &mut Check, track: &str, cues: impl Iterator<Item = (i64, i64)>, duration_ms: i64) {
    let mut before: Option<(i64, i64)> = None;
    for (c, (at, duration)) in cues.enumerate() {
        let place = format!("{track}.cues[{c}]");
        let end = at.saturating_add(duration);
        if at < 0 {
            check.wrong(format!("{place}.at_ms"), format!("must not lie before the timeline's start: {at}"));
        }
        if duration <= 0 {
            check.wrong(format!("{place}.duration_ms"), format!("must be above 0, not {duration}"));
        }
        if at >= 0 && duration > 0 && end > duration_ms {
            let reason = format!("the cue ends at {end} ms, after the timeline's end at {duration_ms} ms");
            check.wrong(format!("{place}.duration_ms"), reason);
        }
        match before {
            Some((start, _)) if at < start => {
                check
                    .wrong(format!("{place}.at_ms"), "cues must be ordered by time: it begins before the one above it");
            }
            Some((_, end)) if at < end => {
                let reason = format!("it overlaps the cue above it, which ends at {end} ms");
                check.wrong(format!("{place}.at_ms"), reason);
            }
            _ => {}
        }
        before = Some((at, end));
    }
}

fn transition(check: &mut Check, place: &str, cue: &Cue) {
    let duration = cue.transition.duration_ms;
    let place = format!("{place}.duration_ms");
    if cue.transition.kind == TransitionKind::Cut {
        check.must(duration == 0, &place, "a cut has no length: set 0, or choose fade or dissolve");
        return;
    }
    check.within(&place, duration, 0..=TRANSITION_MS_MAX);
    let fits = duration <= cue.duration_ms || duration > TRANSITION_MS_MAX;
    let length = cue.duration_ms;
    check.must(fits, &place, format!("must not be longer than its cue, which lasts {length} ms"));
}

fn overlay(check: &mut Check, place: &str, cue: &OverlayCue) {
    let at = |field: &str| format!("{place}.{field}");
    check.must((0.0..=1.0).contains(&cue.opacity), &at("opacity"), "must be from 0 to 1");
    check.must(cue.fade_in_ms >= 0, &at("fade_in_ms"), "must not be negative");
    check.must(cue.fade_out_ms >= 0, &at("fade_out_ms"), "must not be negative");
    let fades = cue.fade_in_ms.max(0).saturating_add(cue.fade_out_ms.max(0));
    let length = cue.duration_ms;
    let reason = format!("fade in and fade out together must not be longer than the cue, which lasts {length} ms");
    check.must(fades <= length || length <= 0, &at("fade_out_ms"), reason);
    match &cue.overlay {
        Overlay::Text(text) => {
            check.length(&at("overlay.text"), &text.text, 1, TEXT_CHARS_MAX);
            let clean = !text.text.chars().any(|c| c.is_control() && c != '\n');
            check.must(clean, &at("overlay.text"), "must not hold control characters other than line breaks");
            check.within(&at("overlay.size"), i64::from(text.size), 10..=500);
            colour(check, &at("overlay.colour"), &text.colour);
            if let Some(background) = &text.background {
                colour(check, &at("overlay.background"), background);
            }
        }
        Overlay::Image(image) => check.within(&at("overlay.size"), i64::from(image.size), 10..=1000),
    }
}

fn colour(check: &mut Check, place: &str, text: &str) {
    let digits = text.strip_prefix('#').unwrap_or("");
    let ok = matches!(digits.len(), 6 | 8) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    check.must(ok, place, "must be #rrggbb or #rrggbbaa, for example #ff8800");
}

/// Whether the sources and files that a timeline names are there, and of the right kind.
pub(crate) fn sources_of_timeline(
    draft: &TimelineDraft,
    sources: &[Source],
    has_asset: &dyn Fn(&AssetId) -> bool,
) -> Result<(), Wrongs> {
    let mut check = Check::new();
    let known: BTreeMap<&SourceId, &Source> = sources.iter().map(|source| (&source.id, source)).collect();
    for (t, track) in draft.tracks.iter().enumerate() {
        match track {
            Track::Video { cues, .. } => {
                for (c, cue) in cues.iter().enumerate() {
                    action(&mut check, &format!("tracks[{t}].cues[{c}].action"), &cue.action, &known);
                }
            }
            Track::Overlay { cues, .. } => {
                for (c, cue) in cues.iter().enumerate() {
                    let Overlay::Image(image) = &cue.overlay else { continue };
                    let place = format!("tracks[{t}].cues[{c}].overlay.asset");
                    check.must(has_asset(&image.asset), &place, format!("there is no file \"{}\"", image.asset));
                }
            }
        }
    }
    check.done()
}

fn action(check: &mut Check, action_place: &str, action: &Action, known: &BTreeMap<&SourceId, &Source>) {
    let place = &format!("{action_place}.source");
    let Some(source) = known.get(action.source()) else {
        check.wrong(place, format!("there is no source \"{}\"", action.source()));
        return;
    };
    if source.is_sound_only() {
        check.wrong(place, source.why_not_seen());
        return;
    }
    let media = matches!(source.kind, SourceKind::Media { .. });
    let name = &source.name;
    match action {
        Action::ShowMedia { .. } => {
            check.must(media, place, format!("\"{name}\" is no uploaded file: use show_camera for it"));
        }
        Action::ShowCamera { .. } => {
            check.must(!media, place, format!("\"{name}\" is an uploaded file: use show_media for it"));
        }
    }
    if let Some(preset) = action.preset() {
        let place = format!("{action_place}.preset.token");
        preset_of(check, &place, source, &preset.token);
    }
}

/// Whether a source's head can have such a preset. Which ones a camera has, it alone knows.
fn preset_of(check: &mut Check, place: &str, source: &Source, token: &str) {
    let name = &source.name;
    match source.ptz.as_ref().map(|ptz| &ptz.control) {
        None => check.wrong(place, format!("\"{name}\" has no head that could go to a preset")),
        Some(PtzControl::Onvif { .. }) => {}
        Some(PtzControl::Visca { .. }) => {
            let ok = token.parse::<u8>().is_ok_and(|memory| memory <= VISCA_PRESET_MAX);
            check.must(ok, place, format!("\"{name}\" knows its presets by numbers from 0 to {VISCA_PRESET_MAX}"));
        }
    }
}
