//! Draws overlays on a thread of its own. The tick asks for a sprite and gets what is ready; it never draws.

use super::overlay::Painter;
use super::picture::Sprite;
use super::shelf::Shelf;
use automation::clock::Running;
use automation::fault::Fault;
use automation::id::CueId;
use automation::spec::{ImageOverlay, TextOverlay};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Sprites that are kept, at most, but for what is on air: a timeline may have thousands of overlays.
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
    shelf: Shelf<Job, Drawn>,
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
        Easel { jobs, drawn, shelf: Shelf::new(SPRITES_MAX), ticking: BTreeMap::new() }
    }

    /// The next tick: what is asked for from now on is on air, and stays.
    pub(super) fn turn(&mut self) {
        self.shelf.turn();
        while let Ok((job, drawn)) = self.drawn.try_recv() {
            self.shelf.made(&job, drawn);
        }
    }

    /// Has it drawn before it is on air, if there is room.
    pub(super) fn prepare(&mut self, job: &Job) {
        if self.shelf.put_aside(job) {
            let _ = self.jobs.send(job.clone());
        }
    }

    /// Lets go what is no more wanted.
    pub(super) fn keep(&mut self, wanted: impl Fn(&Job) -> bool) {
        self.shelf.retain(wanted);
    }

    /// The sprite, once it is drawn.
    pub(super) fn sprite(&mut self, job: &Job) -> Option<Arc<Sprite>> {
        if self.shelf.ask(job) {
            let _ = self.jobs.send(job.clone());
        }
        self.shelf.get(job)?.as_ref().ok().cloned()
    }

    /// Whether its drawing has come to an end, good or bad.
    pub(super) fn is_done(&self, job: &Job) -> bool {
        self.shelf.get(job).is_some()
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
            self.shelf.retain(|known| *known != old);
        }
        if sprite.is_some() {
            ticking.last.clone_from(&sprite);
        }
        sprite.or_else(|| ticking.last.clone())
    }

    /// What could not be drawn.
    pub(super) fn faults(&self) -> Vec<Fault> {
        self.shelf.values().filter_map(|drawn| drawn.as_ref().err().cloned()).collect()
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
            easel.turn();
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
        assert_eq!(easel.shelf.values().count(), 1, "the second before is let go");
        assert!(shown(&mut easel, 66 + STALE_MS, "20:00:00").is_some(), "a second is no pause");
        drawn(&mut easel, 2_000, "20:00:00");
        assert!(shown(&mut easel, 2_001 + STALE_MS, "20:00:02").is_none(), "rather none than a wrong one");
        drawn(&mut easel, 4_000, "20:00:02");
    }
}
