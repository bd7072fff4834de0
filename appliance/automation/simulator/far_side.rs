//! A platform in the simulation, and the edge that dials it.

use super::random::Random;
use super::venue::Mode;
use automation::clock::Running;
use automation::delivery::Event;
use automation::fault::{Code, Fault};
use automation::id::DestinationId;

pub(crate) struct FarSide {
    pub(crate) id: DestinationId,
    pub(crate) mode: Mode,
    /// The try whose connection is open.
    pub(crate) open: Option<u64>,
    /// Whether that one carries media.
    pub(crate) live: bool,
    /// A disk, and no platform.
    pub(crate) is_disk: bool,
    /// Since when it carries media, and how old its session was then already, milliseconds: the first one may be an
    /// old one.
    since: Running,
    pub(crate) aged_ms: u64,
    /// Since when it takes nothing.
    silent_since: Option<Running>,
    held_until: Running,
    tries: u64,
}

/// What will be told to the delivery, and when.
pub(crate) struct Answer {
    pub(crate) after_ms: u64,
    pub(crate) of_try: u64,
    pub(crate) event: Event,
}

fn failed(code: Code, id: &DestinationId) -> Event {
    Event::Failed(Fault::new(code, id.as_str()))
}

impl FarSide {
    pub(crate) fn new(id: DestinationId, is_disk: bool, aged_ms: u64) -> FarSide {
        let since = Running(0);
        let (mode, open, live, silent_since) = (Mode::Up, None, false, None);
        FarSide { id, mode, open, live, is_disk, since, aged_ms, silent_since, held_until: Running(0), tries: 0 }
    }

    /// How old its session is, milliseconds; none where it carries none.
    pub(crate) fn age_ms(&self, now: Running) -> Option<u64> {
        self.live.then(|| self.aged_ms + now.ms_since(self.since))
    }

    /// How old what it has not taken is, milliseconds.
    pub(crate) fn behind_ms(&self, now: Running) -> u64 {
        self.silent_since.map_or(0, |since| now.ms_since(since))
    }

    /// A try begins.
    pub(crate) fn connect(&mut self, now: Running, random: &mut Random) -> Option<Answer> {
        self.tries += 1;
        self.open = Some(self.tries);
        let (after_ms, event) = match self.mode {
            Mode::Up if now < self.held_until => (200, failed(Code::DestinationRefused, &self.id)),
            Mode::Up | Mode::Fickle => (random.between(100, 800), Event::MediaAcked),
            Mode::Full => (random.between(1, 20), failed(Code::DestinationDiskFull, &self.id)),
            Mode::Down => (random.between(1, 50), failed(Code::DestinationUnreachable, &self.id)),
            Mode::Refusing => (300, failed(Code::DestinationRefused, &self.id)),
            Mode::Silent => return None,
        };
        Some(Answer { after_ms, of_try: self.tries, event })
    }

    /// The edge closes the connection.
    pub(crate) fn close(&mut self) {
        self.open = None;
        self.live = false;
        self.silent_since = None;
    }

    /// Whether an answer still holds; it becomes true now.
    pub(crate) fn answer(&mut self, now: Running, of_try: u64, event: &Event) -> bool {
        if self.open != Some(of_try) {
            return false;
        }
        match event {
            Event::MediaAcked if !matches!(self.mode, Mode::Up | Mode::Fickle) => return false,
            Event::MediaAcked => {
                if !self.live && self.since != Running(0) {
                    self.aged_ms = 0;
                }
                (self.live, self.since) = (true, now);
            }
            Event::Failed(fault) if fault.code == Code::DestinationDiskFull && self.live && self.mode != Mode::Full => {
                return false;
            }
            Event::Failed(_) => self.close(),
            Event::Stalled if self.mode != Mode::Silent => return false,
            _ => {}
        }
        true
    }

    /// It behaves differently from now on.
    pub(crate) fn turn(&mut self, now: Running, mode: Mode, random: &mut Random) -> Option<Answer> {
        self.mode = mode;
        self.silent_since = (mode == Mode::Silent).then(|| self.silent_since.unwrap_or(now));
        let of_try = self.open?;
        match mode {
            Mode::Down => Some(self.cut(now, of_try, random)),
            Mode::Fickle if self.live => Some(self.cut(now, of_try, random)),
            Mode::Silent if self.live => {
                let after_ms = automation::delivery::STALL_MS;
                Some(Answer { after_ms, of_try, event: Event::Stalled })
            }
            // What waits in memory is written first.
            Mode::Full => {
                let after_ms = random.between(0, 2_000);
                Some(Answer { after_ms, of_try, event: failed(Code::DestinationDiskFull, &self.id) })
            }
            Mode::Up | Mode::Silent | Mode::Refusing | Mode::Fickle => None,
        }
    }

    /// It closes the connection, and may hold the name.
    pub(crate) fn cut(&mut self, now: Running, of_try: u64, random: &mut Random) -> Answer {
        self.hold(now, random);
        Answer { after_ms: random.between(0, 1000), of_try, event: failed(Code::DestinationLost, &self.id) }
    }

    /// The session ended without a word: the name may stay taken for a while.
    pub(crate) fn hold(&mut self, now: Running, random: &mut Random) {
        if self.live && !self.is_disk && random.percent(50) {
            self.held_until = now.plus_ms(random.between(0, 45_000));
        }
    }

    /// What a bare TCP connect finds.
    pub(crate) fn listens(&self) -> bool {
        matches!(self.mode, Mode::Up | Mode::Refusing | Mode::Fickle)
    }
}
