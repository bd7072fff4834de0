//! What must hold after every frame and every event, judged from outside: by what the world knows, not by what the
//! machines say of themselves.

mod destinations;
mod worker;

use super::sources::{LOOK_MS, Shows, Sources};
use super::worker::Worker;
use automation::clock::Running;
use automation::director::{Frame, Picture};
use automation::fault::Code;
use automation::id::{DestinationId, SourceId};
use automation::spec::{ChannelSpec, Fallback, Hold, Manual, SourceKind, Track};
use automation::status::{Carrier, OnAir, SourceState};
use destinations::Tries;
use std::collections::{BTreeMap, BTreeSet};

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) rule: &'static str,
    pub(crate) detail: String,
}

/// Longest settling before a source may leave the slate, milliseconds; the director's own limit, told again.
const SETTLE_MS: u64 = 500;

/// Longest tick, milliseconds.
const TICK_MS_MAX: u64 = 100;

/// A source that is lost three times in so long comes and goes, milliseconds; the director's own limit, told again, less
/// what it takes to notice a loss.
const UNSTABLE_MS: u64 = 118_000;
/// From an upset to the loss that it may count as, milliseconds: the longest limit of a check, and what it takes to notice.
const UPSET_MS: u64 = 27_000;

#[derive(Default)]
pub(crate) struct Rules {
    life: u32,
    air: Option<OnAir>,
    /// Sources that were lost in this life of the worker.
    was_lost: BTreeMap<SourceId, bool>,
    /// Sources that a person has chosen since they show what takes them off the air.
    excused: BTreeSet<SourceId>,
    /// Sources that were off the air for what they showed, and since when they show life again.
    was_blind: BTreeMap<SourceId, Option<Running>>,
    mix: Option<(SourceId, u16, u64)>,
    /// Milliseconds that the timeline has run, of one broadcast, and since when it is paused.
    played: Option<(String, u64, Option<Running>)>,
    generation: u64,
    take_over: Option<Running>,
    manual: Option<Manual>,
    tries: BTreeMap<DestinationId, Tries>,
    /// The last planned new session of any destination.
    renewed: Option<(Running, DestinationId)>,
    seen_proper: bool,
}

type Verdict = Result<(), Broken>;

pub(crate) fn hold(ok: bool, rule: &'static str, detail: impl FnOnce() -> String) -> Verdict {
    if ok { Ok(()) } else { Err(Broken { rule, detail: detail() }) }
}

impl Rules {
    /// A frame was made.
    pub(crate) fn frame(&mut self, worker: &Worker, sources: &Sources, tick: u64, frame: &Frame) -> Verdict {
        if self.life != worker.life {
            // Renewals of a life before this one are no longer known to anybody.
            *self = Rules { life: worker.life, tries: std::mem::take(&mut self.tries), ..Rules::default() };
        }
        let now = worker.time(tick);
        let air = worker.director.on_air();
        let Some(spec) = &worker.spec else { return Ok(()) };
        for (id, sender) in &sources.senders {
            let holdoff = u64::from(spec.failover.holdoff_ms);
            if sender.told.is_some_and(|told| now >= told.plus_ms(holdoff)) {
                self.was_lost.insert(id.clone(), true);
            }
        }
        self.sight(spec, sources, now, &air)?;
        told(worker, spec, sources, now)?;
        slate(worker, spec, sources, now, &air)?;
        self.stays(spec, sources, now, &air)?;
        steady(spec, sources, now, &air)?;
        overlays(worker, spec, frame, &air)?;
        let bridging = fresh(spec, sources, now, air.source.as_ref());
        hold(bridging, "what is on air sends pictures", || format!("{:?} is dead", air.source))?;
        self.mix(spec, frame, &air, tick)?;
        moves(worker, spec, now, frame)?;
        self.hand(spec, &air)?;
        self.no_early_return(spec, sources, now, &air)?;
        self.forward(worker, spec, now)?;
        hold(spec.generation >= self.generation, "an older spec never comes into force", || {
            format!("{} after {}", spec.generation, self.generation)
        })?;
        self.generation = spec.generation;
        self.manual = spec.manual.clone();
        // A slate that a person asked for tells nothing of the sources.
        self.seen_proper |= !matches!(air.carrier, Carrier::Loop | Carrier::Slate | Carrier::SlateByHand);
        self.air = Some(air);
        Ok(())
    }

    /// What shows nothing for longer than its limit is off the air, unless a person wants it.
    fn sight(&mut self, spec: &ChannelSpec, sources: &Sources, now: Running, air: &OnAir) -> Verdict {
        for (id, sender) in &sources.senders {
            let chosen = spec.manual.as_ref().and_then(|manual| manual.source.as_ref()) == Some(id);
            let blind = sender.blind_from(&spec.failover.checks);
            // What is wrong with it now may not be what took it off the air.
            if let Some(again) = self.was_blind.get_mut(id).filter(|_| blind.is_none_or(|(soonest, _)| now < soonest)) {
                again.get_or_insert(sender.shows_since);
            }
            let Some((_, from)) = blind else {
                self.excused.remove(id);
                continue;
            };
            if chosen {
                self.excused.insert(id.clone());
                self.was_blind.remove(id);
            }
            let known =
                now >= from.plus_ms(2 * LOOK_MS + u64::from(spec.failover.holdoff_ms)) && sender.shows != Shows::Life;
            if known && !self.excused.contains(id) {
                self.was_lost.insert(id.clone(), true);
                self.was_blind.insert(id.clone(), None);
                let off = air.source.as_ref() != Some(id);
                hold(off, "what shows nothing is off the air", || format!("{id} since {from:?}: {air:?}"))?;
            }
        }
        Ok(())
    }

    /// Exactly one base picture, two only while a cue's transition lasts, and that moves on evenly.
    fn mix(&mut self, spec: &ChannelSpec, frame: &Frame, air: &OnAir, tick: u64) -> Verdict {
        let (from, to, weight) = match &frame.picture {
            Picture::One(shown) => {
                self.mix = None;
                return hold(shown.source == air.source, "the picture is what the status says", String::new);
            }
            Picture::Mix { from, to, weight, .. } => (from, to, *weight),
        };
        let ok = from.source != to.source && to.source == air.source && (1..256).contains(&weight);
        hold(ok, "a mix has two sources", || format!("{frame:?}"))?;
        let goes_on =
            self.mix.as_ref().is_some_and(|mix| to.source.as_ref() == Some(&mix.0) && mix.2 == air.since_tick);
        let planned = goes_on || matches!(air.carrier, Carrier::Timeline | Carrier::Backup | Carrier::Loop);
        let longest = spec.house.rate.nearest_tick(10_000);
        hold(planned && spec.timeline.is_some() && tick - air.since_tick <= longest, "a mix is a cue's", || {
            format!("{air:?} at {tick}")
        })?;
        let source =
            to.source.clone().ok_or(Broken { rule: "a mix never ends on the slate", detail: String::new() })?;
        if let Some((_, before, since)) = self.mix.as_ref().filter(|m| m.0 == source && m.2 == air.since_tick) {
            hold(weight >= *before, "a mix moves on", || format!("{weight} after {before} since {since}"))?;
        }
        self.mix = Some((source, weight, air.since_tick));
        Ok(())
    }

    /// A pin and a slate by hand hold until they are released; a take that is over stays over.
    fn hand(&mut self, spec: &ChannelSpec, air: &OnAir) -> Verdict {
        let carried = matches!(air.carrier, Carrier::Pin | Carrier::Take | Carrier::SlateByHand);
        hold(!carried || air.by_hand.is_some(), "the status tells what is by hand", || format!("{air:?}"))?;
        let Some(manual) = &spec.manual else {
            return hold(air.by_hand.is_none(), "nothing is by hand without a hand", || format!("{air:?}"));
        };
        let wanted = air.by_hand.is_none() || air.wanted == manual.source;
        hold(wanted, "what is by hand is what the person chose", || format!("{air:?}"))?;
        match manual.hold {
            Hold::Pin => {
                hold(air.by_hand == Some(Hold::Pin), "a pin holds until it is released", || format!("{air:?}"))
            }
            Hold::Take => {
                let over = self.take_over == Some(manual.at);
                hold(!over || air.by_hand.is_none(), "a take ends once", || format!("{air:?}"))?;
                if air.by_hand.is_none() {
                    self.take_over = Some(manual.at);
                }
                Ok(())
            }
        }
    }

    /// A sound picture gives way to the slate by hand alone, or where nothing is wanted.
    fn stays(&self, spec: &ChannelSpec, sources: &Sources, now: Running, air: &OnAir) -> Verdict {
        let before = self.air.as_ref().and_then(|before| before.source.as_ref());
        let slate = air.carrier == Carrier::Slate && air.wanted.is_some();
        let Some(before) = before.filter(|_| slate) else { return Ok(()) };
        let sound = fresh(spec, sources, now, Some(before)) && !may_be_blind(spec, sources, now, before);
        hold(!sound, "a sound picture never gives way to the slate", || format!("{before} is sound: {air:?}"))
    }

    /// A source that was lost does not push a sound fallback off the air before its stable time.
    fn no_early_return(&self, spec: &ChannelSpec, sources: &Sources, now: Running, air: &OnAir) -> Verdict {
        let Some(before) = &self.air else { return Ok(()) };
        let (Some(old), Some(new)) = (&before.source, &air.source) else { return Ok(()) };
        let returned = old != new && before.wanted == air.wanted && air.wanted.as_ref() == Some(new);
        let fallback = matches!(before.carrier, Carrier::Backup | Carrier::Loop);
        let sound = fresh(spec, sources, now, Some(old))
            && !sources.unreadable.contains(old)
            && !may_be_blind(spec, sources, now, old);
        let lost = self.was_lost.contains_key(new) && self.seen_proper;
        let Some(sender) = sources.senders.get(new).filter(|_| returned && fallback && sound && lost) else {
            return Ok(());
        };
        // A person who chooses it anew vouches for it. An outage below the hold-off is none. After a freeze, the
        // pictures of the last tick's time count.
        if self.manual != spec.manual {
            return Ok(());
        }
        let seen_again = self.was_blind.get(new).copied().flatten().unwrap_or(Running(0));
        let since = sender.flows_since().unwrap_or(now).max(seen_again);
        let stable = u64::from(spec.failover.stable_ms);
        let stutter = since.ms_since(sender.broke) < u64::from(spec.failover.holdoff_ms) + TICK_MS_MAX;
        hold(
            stutter || now >= since.plus_ms(stable.saturating_sub(TICK_MS_MAX)),
            "a return takes its stable time",
            || format!("{new} flows for {} of {stable} ms", now.ms_since(since)),
        )
    }

    /// The playhead of a broadcast never runs backwards.
    fn forward(&mut self, worker: &Worker, spec: &ChannelSpec, now: Running) -> Verdict {
        let status = worker.director.timeline();
        let Some((live, timeline, status)) =
            spec.live.as_ref().zip(spec.timeline.as_ref()).zip(status).map(|((a, b), c)| (a, b, c))
        else {
            self.played = None;
            return Ok(());
        };
        let played = status.rounds * timeline.draft().duration_ms as u64 + status.position_ms;
        let session = live.session.to_string();
        let paused = live.paused_at.filter(|_| status.paused);
        if let Some((_, before, was)) = self.played.as_ref().filter(|(of, ..)| *of == session) {
            hold(played >= *before, "the playhead runs forward", || format!("{played} after {before} ms"))?;
            let stands = paused.is_none() || paused != *was || played == *before;
            hold(stands, "a paused timeline stands", || format!("{played} after {before} ms"))?;
        }
        // What a person's pause took back while it was on its way to the worker is stood out.
        let stood = self.played.as_ref().is_some_and(|(of, before, _)| *of == session && *before == played);
        let right = now.ms_since(live.at).saturating_sub(live.paused_ns / 1_000_000);
        let runs = status.running && !stood;
        hold(!runs || played.abs_diff(right) <= TICK_MS_MAX, "the playhead is where GO LIVE put it", || {
            format!("{played} ms, {right} ms is right")
        })?;
        self.played = Some((session, played, paused));
        Ok(())
    }
}

/// What is wrong with a source that sends is told, and so is that it comes and goes; and neither without a reason.
fn told(worker: &Worker, spec: &ChannelSpec, sources: &Sources, now: Running) -> Verdict {
    for (id, sender) in &sources.senders {
        let state = worker.told_state(id);
        let names = matches!(state, SourceState::Black | SourceState::Frozen | SourceState::Silent);
        let patience = u64::from(spec.failover.holdoff_ms + spec.failover.stable_ms) + 2 * LOOK_MS;
        let due = sender.told_from(&spec.failover.checks).is_some_and(|from| now >= from.plus_ms(patience));
        hold(!due || names, "what is wrong with a source is told", || format!("{id} is {state:?}"))?;
        let comes_and_goes = sender.comes_and_goes(now, UNSTABLE_MS);
        let well = state == SourceState::Online;
        hold(!(well && comes_and_goes), "a source that comes and goes is told", || format!("{id} is {state:?}"))?;
        let may = sender.may_come_and_go(now, UNSTABLE_MS + UPSET_MS);
        hold(may || state != SourceState::Unstable, "a steady source is not called unstable", || id.to_string())?;
    }
    Ok(())
}

/// Whether a source can be on air: it bridges its hold-off, or it is always there.
fn fresh(spec: &ChannelSpec, sources: &Sources, now: Running, source: Option<&SourceId>) -> bool {
    let Some(source) = source else { return true };
    match spec.sources.iter().find(|s| s.id == *source).map(|s| &s.kind) {
        None => false,
        Some(SourceKind::Media { .. }) => !sources.unreadable.contains(source),
        Some(kind) if !kind.is_live() => true,
        Some(_) => {
            let told = sources.senders.get(source).and_then(|sender| sender.told);
            told.is_some_and(|told| now < told.plus_ms(u64::from(spec.failover.holdoff_ms)))
        }
    }
}

/// Whether what a source shows may have taken it off the air already.
fn may_be_blind(spec: &ChannelSpec, sources: &Sources, now: Running, source: &SourceId) -> bool {
    let from = sources.senders.get(source).and_then(|sender| sender.blind_at_the_soonest(&spec.failover.checks));
    from.is_some_and(|from| now.plus_ms(TICK_MS_MAX) >= from)
}

/// Never the slate without its fault, and never while something above it is sound.
fn slate(worker: &Worker, spec: &ChannelSpec, sources: &Sources, now: Running, air: &OnAir) -> Verdict {
    let faults = worker.told_faults();
    let says = |code: Code| faults.contains(&code);
    let by_hand = air.carrier == Carrier::SlateByHand;
    let told = says(Code::SlateOnAir) == (air.source.is_none() && !by_hand) && says(Code::SlateByHand) == by_hand;
    hold(told, "no slate without its fault", || format!("{air:?} {faults:?}"))?;
    let wished = spec.manual.as_ref().is_some_and(|manual| manual.source.is_none());
    hold(by_hand == wished, "the slate is on air by hand while a person wants it", || format!("{air:?}"))?;
    let fallback = air.source.is_some() && air.wanted.is_some() && air.source != air.wanted;
    hold(fallback == says(Code::FallbackOnAir), "no fallback without its fault", || format!("{air:?} {faults:?}"))?;
    if air.source.is_some() || by_hand {
        return Ok(());
    }
    let mut ladder: Vec<&SourceId> = air.wanted.iter().collect();
    for step in &spec.failover.ladder {
        match step {
            Fallback::LiveInput => ladder.extend(&spec.failover.live_input),
            Fallback::Backup => air.wanted.iter().for_each(|wanted| backups(spec, wanted, &mut ladder)),
            Fallback::Loop => {
                ladder.extend(&spec.failover.looped);
                spec.failover.looped.iter().for_each(|looped| backups(spec, looped, &mut ladder));
            }
        }
    }
    let settle = SETTLE_MS.min(u64::from(spec.failover.stable_ms)) + 100;
    for rung in ladder {
        let there = match sources.senders.get(rung) {
            Some(sender) => sender.well_since(&spec.failover.checks).is_some_and(|since| now >= since.plus_ms(settle)),
            None => !sources.unreadable.contains(rung),
        };
        hold(!there, "the slate only when nothing above it is sound", || format!("{rung} is sound: {air:?}"))?;
    }
    Ok(())
}

/// Adds the backups of a source, one after the other.
fn backups<'a>(spec: &'a ChannelSpec, source: &'a SourceId, to: &mut Vec<&'a SourceId>) {
    let backup = |id: &SourceId| spec.sources.iter().find(|s| s.id == *id).and_then(|s| s.backup.as_ref());
    let mut next = backup(source);
    while let Some(source) = next.filter(|source| !to.contains(source)) {
        to.push(source);
        next = backup(source);
    }
}

/// What is wanted, by a person or by automation, is on air once it has been sound for its stable time.
fn steady(spec: &ChannelSpec, sources: &Sources, now: Running, air: &OnAir) -> Verdict {
    let Some(wanted) = air.wanted.as_ref().filter(|wanted| air.source.as_ref() != Some(wanted)) else { return Ok(()) };
    // The director is told of a picture up to half a hold-off after it came.
    let patience = spec.failover.stable_ms + spec.failover.holdoff_ms;
    let sound = match sources.senders.get(wanted) {
        Some(sender) => {
            let well = sender.well_since(&spec.failover.checks);
            well.is_some_and(|since| now >= since.plus_ms(u64::from(patience) + TICK_MS_MAX))
        }
        None => !sources.unreadable.contains(wanted),
    };
    hold(!sound, "what is wanted and sound is on air", || format!("{air:?}"))
}

/// What a person has cleared stays away, and the slate by hand stands alone.
fn overlays(worker: &Worker, spec: &ChannelSpec, frame: &Frame, air: &OnAir) -> Verdict {
    let bare = spec.overlays_cleared || air.carrier == Carrier::SlateByHand;
    let seen = frame.overlays.len() + worker.director.overlays().len();
    hold(!bare || seen == 0, "cleared overlays stay away", || format!("{:?}", frame.overlays))
}

/// No camera is moved while the audience sees it, unless its cue says so; and none but to the preset of a cue.
fn moves(worker: &Worker, spec: &ChannelSpec, now: Running, frame: &Frame) -> Verdict {
    let seen: Vec<_> = match &frame.picture {
        Picture::One(shown) => vec![&shown.source],
        Picture::Mix { from, to, .. } => vec![&from.source, &to.source],
    };
    // The grid may put GO LIVE half a tick to either side.
    let watched = spec.live.as_ref().is_some_and(|live| now >= live.at.plus_ms(TICK_MS_MAX));
    for movement in worker.director.moves() {
        let tracks = spec.timeline.iter().flat_map(|timeline| &timeline.draft().tracks);
        let mut cues = tracks.flat_map(|track| match track {
            Track::Video { cues, .. } => cues.as_slice(),
            Track::Overlay { .. } => &[],
        });
        let cue = cues.find(|cue| cue.id == movement.cue && *cue.action.source() == movement.source);
        let preset = cue.and_then(|cue| cue.action.preset()).filter(|preset| preset.token == movement.preset);
        let hidden = !watched || !seen.contains(&&Some(movement.source.clone()));
        let allowed = preset.is_some_and(|preset| hidden || preset.on_air);
        hold(allowed, "no camera is moved on air but where its cue says so", || format!("{movement:?} {seen:?}"))?;
    }
    Ok(())
}
