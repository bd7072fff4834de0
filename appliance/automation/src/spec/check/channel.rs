//! Rules of a channel: its parts, and what they say of each other.

use super::source::SLATE_CHARS_MAX;
use super::{Check, destination, source, sources_of_timeline};
use crate::id::SourceId;
use crate::spec::{
    CHECK_S_MAX, ChannelSpecDraft, DestinationKind, House, PublisherRole, SOUND_DELAY_MS_MAX, Source, SourceKind,
    Wrongs,
};
use std::collections::{BTreeMap, BTreeSet};

/// Sources of one channel: each is a pipeline of its own.
const SOURCES_MAX: usize = 64;
/// Destinations of one channel: each is a connection that carries the whole bitrate.
const DESTINATIONS_MAX: usize = 16;

/// Everything that a channel's spec can be judged for.
pub(crate) fn channel(draft: &ChannelSpecDraft) -> Result<(), Wrongs> {
    let mut check = Check::new();
    check.name("name", &draft.name);
    check.part("house", House::check(&draft.house));
    let count = draft.sources.len();
    check.must(count <= SOURCES_MAX, "sources", format!("there may be {SOURCES_MAX} sources, not {count}"));
    sources(&mut check, draft);
    for (asset, path) in &draft.assets {
        check.must(path.starts_with('/'), &format!("assets.{asset}"), "must be an absolute path");
    }
    failover(&mut check, draft);
    if let Some(timeline) = &draft.timeline {
        let has_asset = |asset: &_| draft.assets.contains_key(asset);
        check.part("timeline", sources_of_timeline(timeline.draft(), &draft.sources, &has_asset));
    }
    if let Some(source) = draft.manual.as_ref().and_then(|manual| manual.source.as_ref()) {
        shown(&mut check, draft, "manual.source", source);
    }
    let count = draft.destinations.len();
    let limit = DESTINATIONS_MAX;
    check.must(count <= limit, "destinations", format!("there may be {limit} destinations, not {count}"));
    for (d, one) in draft.destinations.iter().enumerate() {
        check.part(&format!("destinations[{d}]"), destination(one));
    }
    let ids = draft.destinations.iter().enumerate();
    check.unique(ids.map(|(d, one)| (format!("destinations[{d}].id"), one.id.as_str())));
    let folders = draft.destinations.iter().enumerate().filter_map(|(d, one)| match &one.kind {
        DestinationKind::File { medium, folder, .. } => {
            Some((format!("destinations[{d}].folder"), (*medium, folder.as_str())))
        }
        _ => None,
    });
    let mut taken = BTreeSet::new();
    for (place, folder) in folders {
        check.must(taken.insert(folder), &place, "another destination writes into this folder already");
    }
    check.line("messages.slate", &draft.messages.slate, 0, SLATE_CHARS_MAX);
    if let Some(sound) = &draft.sound {
        if let Some(source) = exists(&mut check, draft, "sound.source", &sound.source) {
            let reason = format!("\"{}\" sends no sound of its own time: choose a camera or a publisher", source.name);
            check.must(source.kind.is_live(), "sound.source", reason);
        }
        check.within("sound.delay_ms", i64::from(sound.delay_ms), 0..=i64::from(SOUND_DELAY_MS_MAX));
    }
    if let Some(picture) = &draft.slate_picture {
        let there = draft.assets.contains_key(picture);
        check.must(there, "slate_picture", format!("there is no file \"{picture}\""));
    }
    check.done()
}

fn find<'a>(draft: &'a ChannelSpecDraft, id: &SourceId) -> Option<&'a Source> {
    draft.sources.iter().find(|source| source.id == *id)
}

fn exists<'a>(check: &mut Check, draft: &'a ChannelSpecDraft, place: &str, id: &SourceId) -> Option<&'a Source> {
    let found = find(draft, id);
    check.must(found.is_some(), place, format!("there is no source \"{id}\""));
    found
}

/// The same of a source that shall be seen.
fn shown<'a>(check: &mut Check, draft: &'a ChannelSpecDraft, place: &str, id: &SourceId) -> Option<&'a Source> {
    let found = exists(check, draft, place, id)?;
    check.must(!found.is_sound_only(), place, found.why_not_seen());
    Some(found)
}

fn sources(check: &mut Check, draft: &ChannelSpecDraft) {
    for (s, one) in draft.sources.iter().enumerate() {
        let place = format!("sources[{s}]");
        check.part(&place, source(one));
        for (n, asset) in one.kind.assets().enumerate() {
            let there = draft.assets.contains_key(asset);
            let (field, remedy) = match n {
                0 => ("asset".to_owned(), ""),
                n => (format!("then[{}]", n - 1), ": upload it, or take it out of the playlist"),
            };
            check.must(there, &format!("{place}.{field}"), format!("there is no file \"{asset}\"{remedy}"));
        }
        if let Some(backup) = &one.backup {
            shown(check, draft, &format!("{place}.backup"), backup);
        }
    }
    let ids = draft.sources.iter().enumerate();
    check.unique(ids.map(|(s, one)| (format!("sources[{s}].id"), one.id.as_str())));
    let streams = draft.sources.iter().enumerate().filter_map(|(s, one)| match &one.kind {
        SourceKind::Rtmp { stream, .. } => Some((format!("sources[{s}].stream"), stream.as_str())),
        _ => None,
    });
    check.unique(streams);
    ports(check, draft);
    devices(check, draft);
    cycles(check, draft);
}

/// Ports on which two sources would wait.
fn ports(check: &mut Check, draft: &ChannelSpecDraft) {
    for (s, one) in draft.sources.iter().enumerate() {
        let Some(waits) = one.kind.waits() else { continue };
        let before = draft.sources[..s].iter().find(|other| other.kind.waits().is_some_and(|o| o.clashes(&waits)));
        if let Some(other) = before {
            let reason = format!("\"{}\" waits on port {} already: choose another one", other.name, waits.port);
            check.wrong(format!("sources[{s}].port"), reason);
        }
    }
}

/// Capture devices that two sources would read.
fn devices(check: &mut Check, draft: &ChannelSpecDraft) {
    for (s, one) in draft.sources.iter().enumerate() {
        for (field, id) in one.kind.devices() {
            let before = draft.sources[..s].iter().find(|other| other.kind.devices().any(|(_, taken)| taken == id));
            if let Some(other) = before {
                let reason = format!("\"{}\" captures from this device already: choose another one", other.name);
                check.wrong(format!("sources[{s}].{field}"), reason);
            }
        }
    }
}

/// A backup that leads back to its source: told once for each source on the circle.
fn cycles(check: &mut Check, draft: &ChannelSpecDraft) {
    let backups = draft.sources.iter().filter_map(|one| Some((&one.id, one.backup.as_ref()?)));
    let backups: BTreeMap<_, _> = backups.collect();
    for (s, one) in draft.sources.iter().enumerate() {
        let mut next = backups.get(&one.id);
        // Its own backup is told by the source's own rules.
        let itself = next == Some(&&one.id);
        for _ in 0..draft.sources.len() {
            match next {
                Some(id) if **id == one.id && !itself => {
                    check.wrong(format!("sources[{s}].backup"), "the backups go in a circle: one of them must go");
                    break;
                }
                Some(id) => next = backups.get(id),
                None => break,
            }
        }
    }
}

fn sends_loop(source: &Source) -> bool {
    matches!(source.kind, SourceKind::Rtmp { role: PublisherRole::Loop, .. })
}

fn failover(check: &mut Check, draft: &ChannelSpecDraft) {
    let failover = &draft.failover;
    if let Some(primary) = &failover.primary {
        shown(check, draft, "failover.primary", primary);
    }
    if let Some(input) = &failover.live_input
        && let Some(source) = shown(check, draft, "failover.live_input", input)
    {
        let reason = format!("\"{}\" is always there: choose a camera or another input", source.name);
        check.must(source.kind.is_live(), "failover.live_input", reason);
        let reason = format!("\"{}\" sends the loop: choose a camera or a publisher of what is live", source.name);
        check.must(!sends_loop(source), "failover.live_input", reason);
    }
    if let Some(looped) = &failover.looped
        && let Some(source) = shown(check, draft, "failover.loop", looped)
    {
        let ok = matches!(source.kind, SourceKind::Media { .. }) || sends_loop(source);
        let reason = format!("\"{}\" is neither an uploaded file nor a publisher of the loop", source.name);
        check.must(ok, "failover.loop", reason);
    }
    for (i, step) in failover.ladder.iter().enumerate() {
        let twice = failover.ladder[..i].contains(step);
        check.must(!twice, &format!("failover.ladder[{i}]"), "each step may stand there once");
    }
    check.within("failover.holdoff_ms", i64::from(failover.holdoff_ms), 100..=5_000);
    check.within("failover.stable_ms", i64::from(failover.stable_ms), 0..=60_000);
    let checks = &failover.checks;
    for (place, one) in [("frozen", &checks.frozen), ("black", &checks.black), ("silent", &checks.silent)] {
        let place = format!("failover.checks.{place}.after_s");
        check.within(&place, i64::from(one.after_s), 1..=i64::from(CHECK_S_MAX));
    }
}
