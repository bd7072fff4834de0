//! Planned new sessions, as the worker asks for them.

use super::super::far_side::FarSide;
use super::super::rules::Broken;
use super::World;
use automation::delivery::{Action, Event as Told};
use automation::fault::{Code, Fault};
use automation::id::DestinationId;
use automation::renewal::{Moment, Session, Term};

impl World {
    /// Once a second: whose turn it is.
    pub(super) fn renew(&mut self) -> Result<(), Broken> {
        let now = self.now.running;
        let Some(worker) = self.worker.as_mut().filter(|worker| !worker.is_frozen()) else { return Ok(()) };
        let Some(spec) = &worker.spec else { return Ok(()) };
        let far_sides = &self.far_sides;
        let session = |id: &DestinationId, term: Term| {
            let far: &FarSide = far_sides.iter().find(|far| far.id == *id)?;
            Some(Session { id: id.clone(), term, age_ms: far.age_ms(now), behind_ms: far.behind_ms(now) })
        };
        let enabled = spec.destinations.iter().filter(|destination| destination.enabled);
        let all = enabled.filter_map(|destination| session(&destination.id, Term::of(destination)?));
        let sessions: Vec<Session> = all.collect();
        let moment = Moment::of(spec, &worker.director.on_air(), worker.tick());
        let next = worker.renewals.look(now, moment, &sessions);
        self.rules.ages(&self.control.document, &sessions)?;
        let live = |session: &&Session| session.age_ms.is_some();
        let announced = |session: &&Session| session.age_ms.is_some_and(|age| session.term.announced(age).is_some());
        let turns: Vec<DestinationId> = if self.options.never_renews {
            Vec::new()
        } else if self.options.renews_at_will {
            sessions.iter().filter(live).map(|session| session.id.clone()).collect()
        } else if self.options.renews_together && next.is_some() {
            sessions.iter().filter(announced).map(|session| session.id.clone()).collect()
        } else {
            next.into_iter().collect()
        };
        turns.into_iter().try_for_each(|id| self.begins_anew(&id, &sessions))
    }

    /// A session ends by plan, and the next one begins.
    fn begins_anew(&mut self, id: &DestinationId, sessions: &[Session]) -> Result<(), Broken> {
        let now = self.now.running;
        self.rules.renews(now, id, &self.control.document, sessions)?;
        self.log(format!("{id}: a planned new session"));
        let Some(delivery) = self.worker.as_mut().and_then(|worker| worker.deliveries.get_mut(id)) else {
            return Ok(());
        };
        if self.options.renews_by_failure {
            let lost = Told::Failed(Fault::new(Code::DestinationLost, id.as_str()));
            delivery.handle(now, lost);
            return self.act(vec![(id.clone(), Action::Disconnect)]);
        }
        let actions = [Told::Renew, Told::Elapsed].map(|told| delivery.handle(now, told));
        self.act(actions.into_iter().flatten().map(|action| (id.clone(), action)).collect())
    }
}
