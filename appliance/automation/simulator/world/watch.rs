//! The worker's process: begun, struck down, standing, and watched over.

use super::super::rules::Broken;
use super::super::worker::{Hang, Worker};
use super::{Event, RESTART_MS, World, unreadable};
use automation::clock::Running;

impl World {
    pub(super) fn worker_starts(&mut self) -> Result<(), Broken> {
        let now = self.now.running;
        self.lives += 1;
        let rate = self.control.document.house.rate;
        let mut worker = Worker::new(self.lives, rate, now, &self.options);
        for id in &self.sources.unreadable {
            worker.director.unplayable(id, Some(unreadable(id.as_str())));
        }
        let actions = self.kept.clone().map_or(Vec::new(), |spec| worker.take(now, spec, &self.options));
        self.sources.disconnect();
        if worker.spec.is_some() {
            self.connect_sources();
        }
        self.worker = Some(worker);
        self.log(format!("worker {} starts", self.lives));
        self.act(actions)
    }

    /// Whether there was one.
    pub(super) fn worker_dies(&mut self) -> bool {
        if self.worker.take().is_none() {
            return false;
        }
        for far in &mut self.far_sides {
            far.hold(self.now.running, &mut self.random);
            let was_live = far.live;
            far.close();
            if was_live {
                self.rules.ended(&far.id, self.now.running, true);
            }
            // A new process counts its failures from nothing.
            self.rules.breaks(&far.id, true);
        }
        true
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.worker.as_ref().is_some_and(Worker::is_frozen)
    }

    /// It stands, for so long or for ever.
    pub(super) fn worker_hangs(&mut self, hang: Hang, lasts_ms: Option<u64>) {
        let now = self.now.running;
        let Some(worker) = self.worker.as_mut().filter(|worker| worker.hang.is_none()) else { return };
        worker.hangs(now, hang);
        let life = worker.life;
        if let Some(ms) = lasts_ms {
            self.after(ms, Event::WorkerThaws(life));
        }
    }

    pub(super) fn worker_thaws(&mut self, life: u32) -> Result<(), Broken> {
        let (now, mut actions) = (self.now.running, Vec::new());
        if let Some(worker) = self.worker.as_mut().filter(|worker| worker.life == life) {
            worker.thaw(now);
            self.sources.worker_thaws(now);
            actions = worker.wake(now);
            self.log(format!("worker {life} goes on"));
        }
        self.act(actions)
    }

    /// Once a second: whoever watches over the process.
    pub(super) fn watch(&mut self) -> Result<(), Broken> {
        let (now, options) = (self.now.running, self.options);
        let Some(worker) = &mut self.worker else { return Ok(()) };
        let (hang, life, start): (_, _, Running) = (worker.hang, worker.life, worker.start);
        let bites = worker.watched(now, &options);
        self.rules.watched(now, hang, start, bites)?;
        if bites {
            self.log(format!("worker {life} is replaced"));
            self.worker_dies();
            self.after(RESTART_MS, Event::WorkerStarts);
        }
        Ok(())
    }
}
