//! What is heard: each source on air with a gain that never jumps. A cut cross-fades in 20 ms, a mix over its length.

use crate::source::Source;
use automation::director::{Picture, Shown};
use automation::id::SourceId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sample frames of a cut's cross-fade: 20 ms.
const CUT_FRAMES: usize = 960;

/// Samples that are mixed in one go, at most: a second.
const STRETCH_MAX: u64 = 48_000;

/// Samples `first..end` in stretches of a second at most.
pub(super) fn stretches(first: u64, end: u64) -> impl Iterator<Item = (u64, u64)> {
    let begin = move |n: u64| first + n * STRETCH_MAX;
    (0..).map(move |n| (begin(n), begin(n + 1).min(end))).take_while(move |(begin, _)| *begin < end)
}

/// One source that is heard.
#[derive(Debug)]
struct Ear {
    shown: Shown,
    gain: f32,
    wanted: f32,
}

/// Everything that is heard.
#[derive(Debug, Default)]
pub(super) struct Ears {
    ears: Vec<Ear>,
    mixing: bool,
    scratch: Vec<f32>,
}

impl Ears {
    /// What is on air from now on. `instead` is heard in place of every live picture and of the slate. `is_clip` tells a
    /// file, of which two showings are two sounds, from a live source.
    pub(super) fn on_air(
        &mut self,
        picture: &Picture,
        instead: Option<&SourceId>,
        is_clip: impl Fn(&SourceId) -> bool,
    ) {
        for ear in &mut self.ears {
            ear.wanted = 0.0;
        }
        let heard = |shown: &Shown| match &shown.source {
            Some(id) if is_clip(id) => Shown { source: Some(id.clone()), began: shown.began },
            own => Shown { source: instead.or(own.as_ref()).cloned(), began: 0 },
        };
        self.mixing = false;
        match picture {
            Picture::One(shown) => self.want(heard(shown), 1.0),
            // The same sound under both pictures goes on as it is.
            Picture::Mix { from, to, .. } if heard(from) == heard(to) => self.want(heard(to), 1.0),
            Picture::Mix { from, to, weight, through_black } => {
                self.mixing = true;
                let w = f32::from(*weight) / 256.0;
                let (out, comes) =
                    if *through_black { ((1.0 - 2.0 * w).max(0.0), (2.0 * w - 1.0).max(0.0)) } else { (1.0 - w, w) };
                self.want(heard(from), out);
                self.want(heard(to), comes);
            }
        }
    }

    fn want(&mut self, shown: Shown, gain: f32) {
        if shown.source.is_none() {
            return;
        }
        match self.ears.iter_mut().find(|ear| ear.shown == shown) {
            Some(ear) => ear.wanted = ear.wanted.max(gain),
            None => self.ears.push(Ear { shown, gain: 0.0, wanted: gain }),
        }
    }

    /// Whether a source is heard.
    pub(super) fn hears(&self, id: &SourceId) -> bool {
        self.ears.iter().any(|ear| ear.shown.source.as_ref() == Some(id))
    }

    /// Adds up what is heard into `out`, interleaved stereo that begins at the program's sample `first`. `at` says at
    /// which moment of its store a source is heard, nanoseconds.
    pub(super) fn listen(
        &mut self,
        sources: &BTreeMap<SourceId, Arc<Source>>,
        out: &mut [f32],
        first: u64,
        at: impl Fn(&Shown, &Source) -> u64,
    ) {
        self.scratch.resize(out.len(), 0.0);
        let ramp = if self.mixing { out.len() / 2 } else { CUT_FRAMES.min(out.len() / 2) };
        for ear in &mut self.ears {
            let Some(source) = ear.shown.source.as_ref().and_then(|id| sources.get(id)) else {
                ear.gain = ear.wanted;
                continue;
            };
            let at_ns = at(&ear.shown, source);
            match &**source {
                Source::Live(live) => live.shared.store.listen(at_ns, &mut self.scratch),
                Source::Made(made) => made.listen(first, &mut self.scratch),
                Source::Media(files) => files.listen(ear.shown.began, at_ns, &mut self.scratch),
            }
            add(out, &self.scratch, ear.gain, ear.wanted, ramp);
            ear.gain = ear.wanted;
        }
        self.ears.retain(|ear| ear.gain > 0.0 || ear.wanted > 0.0);
    }
}

/// Adds `samples` to `out`, its gain going from `from` to `to` in the first `ramp` frames.
fn add(out: &mut [f32], samples: &[f32], from: f32, to: f32, ramp: usize) {
    let step = (to - from) / ramp.max(1) as f32;
    for (i, (o, s)) in out.chunks_exact_mut(2).zip(samples.chunks_exact(2)).enumerate() {
        let gain = if i < ramp { from + step * i as f32 } else { to };
        o[0] += s[0] * gain;
        o[1] += s[1] * gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_skip_is_mixed_second_by_second() {
        for (first, end) in [(0, 1600), (5, 48_005), (5, 48_006), (1_000_000, 1_000_000 + 3600 * 48_000 + 7)] {
            let mut at = first;
            for (begin, till) in stretches(first, end) {
                assert!(begin == at && till > begin && till - begin <= STRETCH_MAX, "{begin} to {till}");
                at = till;
            }
            assert_eq!(at, end);
        }
    }

    #[test]
    fn one_source_is_heard_with_every_live_picture_and_a_film_by_itself() {
        let id = |id: &str| Some(SourceId::new(id).unwrap());
        let shown = |source: &str, began| Shown { source: id(source), began };
        let is_clip = |id: &SourceId| id.as_str() == "film";
        let mut ears = Ears::default();
        let mut heard = |picture: &Picture, instead: Option<&SourceId>| {
            ears.on_air(picture, instead, is_clip);
            let mut wanted: Vec<String> = ears
                .ears
                .iter()
                .filter(|ear| ear.wanted > 0.0)
                .map(|ear| format!("{} {}", ear.shown.source.as_ref().unwrap(), ear.wanted))
                .collect();
            wanted.sort();
            wanted
        };
        let mix = |from: &str, to: &str, through_black| Picture::Mix {
            from: shown(from, 3),
            to: shown(to, 5),
            weight: 64,
            through_black,
        };
        let desk = id("desk");
        assert_eq!(heard(&Picture::One(shown("cam", 3)), None), ["cam 1"]);
        assert_eq!(heard(&Picture::One(shown("cam", 3)), desk.as_ref()), ["desk 1"]);
        assert_eq!(heard(&Picture::One(Shown { source: None, began: 0 }), desk.as_ref()), ["desk 1"], "the slate");
        assert_eq!(heard(&Picture::One(shown("film", 3)), desk.as_ref()), ["film 1"]);
        assert_eq!(heard(&mix("cam", "cam2", true), desk.as_ref()), ["desk 1"], "it never dips");
        assert_eq!(heard(&mix("cam", "cam2", false), None), ["cam 0.75", "cam2 0.25"]);
        assert_eq!(heard(&mix("cam", "film", false), desk.as_ref()), ["desk 0.75", "film 0.25"]);
        assert_eq!(heard(&mix("film", "film", false), desk.as_ref()), ["film 0.25", "film 0.75"], "two showings");
    }

    #[test]
    fn a_gain_never_jumps() {
        let ones = vec![1.0; 3200];
        let mut out = vec![0.0; 3200];
        add(&mut out, &ones, 1.0, 0.0, 960);
        add(&mut out, &ones, 0.0, 1.0, 960);
        assert!(out.iter().all(|s| (s - 1.0).abs() < 1e-3), "two sources that cross-fade add up to one");
        let mut gone = vec![0.0; 3200];
        add(&mut gone, &ones, 1.0, 0.0, 960);
        assert!(gone.windows(3).all(|w| (w[2] - w[0]).abs() < 0.01));
        assert_eq!(gone[3199], 0.0);
    }
}
