//! Draws overlays on a thread of its own. The tick asks for a sprite and gets what is ready; it never draws.

use super::overlay::Painter;
use super::picture::Sprite;
use automation::clock::Running;
use automation::fault::Fault;
use automation::id::CueId;
use automation::spec::{ImageOverlay, TextOverlay};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Sprites that are kept, at most; the oldest of those that are no more wanted go first.
const SPRITES_MAX: usize = 256;

/// A clock that was off air for so long shows no old time when it comes back, milliseconds.
const STALE_MS: u64 = 1_000;

/// What can be drawn.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Job {
    /// A text.
    Text(TextOverlay),
    /// A picture: its file, and how it stands.
    Image(String, ImageOverlay),
    /// A message of ours.
    Message(String),
}

type Drawn = Result<Arc<Sprite>, Fault>;

/// A text that shows the time.
struct Ticking {
    drawing: Job,
    last: Option<Arc<Sprite>>,
    shown: Running,
}

/// The easel.
pub(super) struct Easel {
    jobs: Sender<Job>,
    drawn: Receiver<(Job, Drawn)>,
    known: Vec<(Job, Option<Drawn>)>,
    /// Texts that show the time: what is being drawn, the newest sprite, and when it was last on air.
    ticking: BTreeMap<CueId, Ticking>,
}

impl Easel {
    /// Starts the thread. Sprites are drawn for pictures of this size.
    pub(super) fn start(painter: Arc<Painter>, width: u32, height: u32) -> Easel {
        let (jobs, todo) = channel::<Job>();
        let (done, drawn) = channel();
        let draw = move || {
            while let Ok(job) = todo.recv() {
                let sprite = match &job {
                    Job::Text(text) => painter.text(text, &text.text, width, height),
                    Job::Image(path, image) => painter.image(path, image, width, height),
                    Job::Message(text) => painter.message(text, width, height),
                };
                let sprite = sprite.map(Arc::new).map_err(|error| error.fault("overlay"));
                if done.send((job, sprite)).is_err() {
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("easel".into()).spawn(draw) {
            tracing::error!(%error, "no thread for overlays");
        }
        Easel { jobs, drawn, known: Vec::new(), ticking: BTreeMap::new() }
    }

    /// Has it drawn, if it is not yet.
    pub(super) fn want(&mut self, job: &Job) {
        self.collect();
        if !self.known.iter().any(|(known, _)| known == job) {
            self.known.push((job.clone(), None));
            let _ = self.jobs.send(job.clone());
        }
    }

    /// Lets go what is no more wanted.
    pub(super) fn keep(&mut self, wanted: impl Fn(&Job) -> bool) {
        self.known.retain(|(job, _)| wanted(job));
    }

    /// The sprite, once it is drawn.
    pub(super) fn sprite(&mut self, job: &Job) -> Option<Arc<Sprite>> {
        self.want(job);
        let (_, drawn) = self.known.iter().find(|(known, _)| known == job)?;
        drawn.as_ref()?.as_ref().ok().cloned()
    }

    /// Whether its drawing has come to an end, good or bad.
    pub(super) fn is_done(&self, job: &Job) -> bool {
        self.known.iter().any(|(known, drawn)| known == job && drawn.is_some())
    }

    /// The sprite of a text in which `word` stands for the local time, which is `time` at the moment `at`. Until the new
    /// second is drawn, the last one stays.
    pub(super) fn ticking(
        &mut self,
        cue: &CueId,
        text: &TextOverlay,
        word: &str,
        at: Running,
        time: &str,
    ) -> Option<Arc<Sprite>> {
        let job = Job::Text(TextOverlay { text: text.text.replace(word, time), ..text.clone() });
        let sprite = self.sprite(&job);
        let new = || Ticking { drawing: job.clone(), last: None, shown: at };
        let ticking = self.ticking.entry(cue.clone()).or_insert_with(new);
        if at.ms_since(ticking.shown) > STALE_MS {
            // It comes back after a pause: no time at all is better than a wrong one.
            ticking.last = None;
        }
        ticking.shown = at;
        if ticking.drawing != job {
            let old = std::mem::replace(&mut ticking.drawing, job);
            self.known.retain(|(known, _)| *known != old);
        }
        if sprite.is_some() {
            ticking.last.clone_from(&sprite);
        }
        sprite.or_else(|| ticking.last.clone())
    }

    /// What could not be drawn.
    pub(super) fn faults(&self) -> Vec<Fault> {
        self.known.iter().filter_map(|(_, drawn)| drawn.as_ref()?.as_ref().err().cloned()).collect()
    }

    fn collect(&mut self) {
        while let Ok((job, drawn)) = self.drawn.try_recv() {
            if let Some((_, slot)) = self.known.iter_mut().find(|(known, _)| *known == job) {
                *slot = Some(drawn);
            }
        }
        while self.known.len() > SPRITES_MAX {
            self.known.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use automation::spec::Anchor;
    use std::time::{Duration, Instant};

    fn clock() -> TextOverlay {
        let (text, colour) = ("Now {time}".to_owned(), "#ffffff".to_owned());
        TextOverlay { text, anchor: Anchor::Top, size: 60, colour, background: None }
    }

    #[test]
    fn a_clock_keeps_its_last_second_while_it_is_on_air_and_never_after_a_pause() {
        let mut easel = Easel::start(Arc::new(Painter::new()), 640, 360);
        let cue = CueId::new("clock").expect("an id");
        let shown = |easel: &mut Easel, at_ms: u64, time: &str| {
            easel.ticking(&cue, &clock(), "{time}", Running(at_ms * 1_000_000), time)
        };
        let drawn = |easel: &mut Easel, at_ms: u64, time: &str| {
            let job = Job::Text(TextOverlay { text: format!("Now {time}"), ..clock() });
            let begun = Instant::now();
            loop {
                let sprite = shown(easel, at_ms, time);
                if easel.is_done(&job) {
                    return sprite.expect("a sprite");
                }
                assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain for {time}");
                std::thread::park_timeout(Duration::from_millis(1));
            }
        };
        let first = drawn(&mut easel, 0, "19:59:58");
        // The next second was not asked for before: in this turn it cannot be drawn yet.
        let bridge = shown(&mut easel, 33, "19:59:59").expect("the second before");
        assert!(Arc::ptr_eq(&first, &bridge));
        let second = drawn(&mut easel, 66, "19:59:59");
        assert_ne!(first, second, "another second looks another way");
        assert_eq!(easel.known.len(), 1, "the second before is let go");
        assert!(shown(&mut easel, 66 + STALE_MS, "20:00:00").is_some(), "a second is no pause");
        drawn(&mut easel, 2_000, "20:00:00");
        assert!(shown(&mut easel, 2_001 + STALE_MS, "20:00:02").is_none(), "rather none than a wrong one");
        drawn(&mut easel, 4_000, "20:00:02");
    }
}
