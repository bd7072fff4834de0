//! Deliveries and the far sides that they dial.

use super::super::far_side::Answer;
use super::super::rules::Broken;
use super::super::venue::Mode;
use super::{Event, World};
use automation::delivery::{Action, Event as Told};
use automation::fault::{Code, Fault};
use automation::id::DestinationId;

impl World {
    /// Does what deliveries say.
    pub(super) fn act(&mut self, actions: Vec<(DestinationId, Action)>) -> Result<(), Broken> {
        let now = self.now.running;
        for (id, action) in actions {
            let Some(far) = self.far_sides.iter_mut().find(|far| far.id == id) else { continue };
            match action {
                Action::Connect => {
                    self.rules.connects(&id, now, far.open.is_some())?;
                    let answer = far.connect(now, &mut self.random);
                    self.log(format!("{id}: a try begins"));
                    self.answer_later(id, answer);
                }
                Action::Disconnect => {
                    let was_live = far.live;
                    far.close();
                    self.rules.ended(&id, now, was_live);
                    if !was_live {
                        // A try that got no answer found nobody.
                        self.rules.away(&id);
                    }
                    self.log(format!("{id}: closed"));
                }
            }
        }
        Ok(())
    }

    pub(super) fn answer_later(&mut self, id: DestinationId, answer: Option<Answer>) {
        if let Some(Answer { after_ms, of_try, event }) = answer {
            self.after(after_ms, Event::Answer(id, of_try, event));
        }
    }

    pub(super) fn answer(&mut self, id: &DestinationId, of_try: u64, told: Told) -> Result<(), Broken> {
        let now = self.now.running;
        let Some(far) = self.far_sides.iter_mut().find(|far| far.id == *id) else { return Ok(()) };
        let was_live = far.live;
        if !far.answer(now, of_try, &told) {
            return Ok(());
        }
        match &told {
            Told::MediaAcked => {
                self.rules.session(id, now)?;
                let cut = (far.mode == Mode::Fickle).then(|| far.cut(now, of_try, &mut self.random));
                if cut.is_some() {
                    self.rules.breaks(id, false);
                }
                self.answer_later(id.clone(), cut);
                self.log(format!("{id}: media flows"));
            }
            Told::Failed(fault) => {
                self.rules.ended(id, now, was_live);
                if matches!(fault.code, Code::DestinationUnreachable | Code::DestinationDiskFull) {
                    self.rules.away(id);
                }
                let code = fault.code.as_str();
                self.log(format!("{id}: {code}"));
            }
            _ => self.log(format!("{id}: takes no data")),
        }
        let delivery = self.worker.as_mut().and_then(|worker| worker.deliveries.get_mut(id));
        let action = delivery.and_then(|delivery| delivery.handle(now, told.clone()));
        if told == Told::MediaAcked
            && let Some(delivery) = self.worker.as_ref().and_then(|worker| worker.deliveries.get(id))
        {
            self.rules.told_as_planned(id, &delivery.status(now))?;
        }
        self.act(action.map(|action| (id.clone(), action)).into_iter().collect())?;
        if self.options.dials_twice && told == Told::MediaAcked {
            self.act(vec![(id.clone(), Action::Connect)])?;
        }
        if self.options.storms && matches!(told, Told::Failed(_)) {
            self.act(vec![(id.clone(), Action::Connect)])?;
        }
        Ok(())
    }

    /// Once a second: a bare TCP connect, and media that flows.
    pub(super) fn probe(&mut self) -> Result<(), Broken> {
        let now = self.now.running;
        if self.is_frozen() {
            return Ok(());
        }
        self.files()?;
        let mut actions = Vec::new();
        for far in &mut self.far_sides {
            if far.is_disk && self.options.never_asks_for_room {
                continue;
            }
            let Some(delivery) = self.worker.as_mut().and_then(|worker| worker.deliveries.get_mut(&far.id)) else {
                continue;
            };
            let reachable = far.listens();
            if reachable {
                self.rules.listens(&far.id);
            } else {
                self.rules.away(&far.id);
            }
            actions.extend(delivery.handle(now, Told::Reachable(reachable)).map(|action| (far.id.clone(), action)));
            if self.options.restless && far.live {
                far.close();
                self.rules.ended(&far.id, now, true);
                let lost = Told::Failed(Fault::new(Code::DestinationLost, far.id.as_str()));
                actions.extend(delivery.handle(now, lost).map(|action| (far.id.clone(), action)));
            }
            if far.live && far.mode == Mode::Up {
                self.rules.carries(&far.id, now);
                actions.extend(delivery.handle(now, Told::MediaAcked).map(|action| (far.id.clone(), action)));
            }
        }
        self.act(actions)
    }

    /// A link of the box comes up.
    pub(super) fn network_up(&mut self) -> Result<(), Broken> {
        let now = self.now.running;
        let mut actions = Vec::new();
        for (id, delivery) in self.worker.iter_mut().flat_map(|worker| &mut worker.deliveries) {
            self.rules.network_up(id);
            actions.extend(delivery.handle(now, Told::NetworkUp).map(|action| (id.clone(), action)));
        }
        self.act(actions)
    }

    /// Whether files are written where there is room for them.
    fn files(&mut self) -> Result<(), Broken> {
        let now = self.now.running;
        let spec = self.worker.as_ref().and_then(|worker| worker.spec.as_ref());
        for far in self.far_sides.iter().filter(|far| far.is_disk) {
            let wanted = spec.is_some_and(|spec| {
                let live = spec.live.as_ref().is_some_and(|live| now >= live.at);
                live && spec.destinations.iter().any(|d| d.id == far.id && d.enabled)
            });
            let delivery = self.worker.as_ref().and_then(|worker| worker.deliveries.get(&far.id));
            let fault = delivery.and_then(|delivery| delivery.status(now).fault).map(|fault| fault.code);
            let fault = fault.filter(|_| !self.options.hides_full_disk);
            self.rules.file(now, wanted, far, fault)?;
        }
        Ok(())
    }

    /// The disk under the files fills up, or has room again.
    pub(super) fn disk(&mut self, mode: Mode) {
        let all = self.options.disk_breaks_all && mode == Mode::Full;
        let disks = self.far_sides.iter().filter(|far| far.is_disk).map(|far| far.id.clone()).collect::<Vec<_>>();
        disks.iter().for_each(|id| self.far_side(id, mode));
        if all {
            let now = self.now.running;
            let platforms = self.far_sides.iter_mut().filter(|far| !far.is_disk);
            let cut = platforms.filter_map(|far| Some((far.id.clone(), far.cut(now, far.open?, &mut self.random))));
            let cut: Vec<_> = cut.collect();
            cut.into_iter().for_each(|(id, answer)| self.answer_later(id, Some(answer)));
        }
    }

    pub(super) fn far_side(&mut self, id: &DestinationId, mode: Mode) {
        if mode != Mode::Up {
            self.rules.breaks(id, false);
        }
        let now = self.now.running;
        let Some(far) = self.far_sides.iter_mut().find(|far| far.id == *id) else { return };
        let answer = far.turn(now, mode, &mut self.random);
        self.answer_later(id.clone(), answer);
    }
}
