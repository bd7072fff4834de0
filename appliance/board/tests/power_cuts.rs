//! Any sequence of verbs, installs, reboots and power cuts, against a model of the firmware and of what a cut leaves.
//!
//! What is held after every step, whatever a cut may make of it: the box boots; the committed slot was booted in a trial and
//! marked good (or came with the medium); nothing writes over the committed slot.

use board::autoboot::{Autoboot, Slot};
use board::boot_slot::{Booted, Seen, State, Step, Verb, decide};
use board::bootloader::BUILT_MIN;
use board::trouble::{Code, Trouble};
use proptest::prelude::*;

/// What autoboot.txt is. Broken: a cut between renaming and flushing may leave a name that points nowhere.
type File = Option<Autoboot>;

/// What lies in a slot.
#[derive(Clone, Copy, Debug)]
struct Content {
    /// Not in the middle of being written.
    whole: bool,
    /// It starts when it is booted.
    boots: bool,
    /// It came with the medium, or somebody marked it good in a trial.
    proven: bool,
}

/// How an action is broken off.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// The power goes: the flag is lost, and what was not flushed is old, new or broken.
    Power(Torn),
    /// The watchdog resets the board: the flag stays, what was not flushed does not.
    Reset(Torn),
    /// The process dies, and a warm reboot flushes everything.
    Killed,
}

#[derive(Clone, Copy, Debug)]
enum Torn {
    Old,
    New,
    Broken,
}

#[derive(Clone, Debug)]
enum Act {
    Verb(Verb),
    /// RAUC's order: get-current, set-state OTHER bad, write, set-primary OTHER.
    Install {
        boots: bool,
    },
    MarkGood,
    Reboot,
    PowerOff,
    /// Something else spoils autoboot.txt.
    Spoil,
}

struct World {
    file: File,
    /// Renamed, but not flushed yet.
    unflushed: Option<Autoboot>,
    copy: File,
    leftover: bool,
    armed: bool,
    slots: [Content; 2],
    booted: Booted,
    /// The image's unit runs `repair` at every boot.
    repairs: bool,
}

/// An action was broken off, and the box came up again.
struct BrokenOff;

impl World {
    fn new(file: Autoboot, copy: bool, repairs: bool) -> World {
        let slots = [Content { whole: true, boots: true, proven: true }; 2];
        let booted = Booted { slot: file.committed, by_flag: false };
        let copy = copy.then_some(file);
        World { file: Some(file), unflushed: None, copy, leftover: false, armed: false, slots, booted, repairs }
    }

    fn content(&mut self, slot: Slot) -> &mut Content {
        &mut self.slots[(slot == Slot::B) as usize]
    }

    fn starts(&self, slot: Slot) -> bool {
        let content = self.slots[(slot == Slot::B) as usize];
        content.whole && content.boots
    }

    fn see(&self) -> Seen {
        let file = self.unflushed.or(self.file);
        Seen {
            booted: Ok(self.booted),
            built: Ok(BUILT_MIN),
            autoboot: file.ok_or_else(|| Trouble::new(Code::AutobootUnreadable, "")),
            armed: Ok(self.armed),
            copy: Ok(self.copy),
            leftover: self.leftover,
        }
    }

    /// What the firmware chooses: without a file, the first FAT partition that has firmware, which is slot A's; with the flag
    /// it would look there for a tryboot.txt that is not there.
    fn choice(file: File, flag: bool) -> Option<Slot> {
        match file {
            Some(file) if flag => Some(file.tried),
            Some(file) => Some(file.committed),
            None if flag => None,
            None => Some(Slot::A),
        }
    }

    /// A boot. What does not start is ended by the watchdog or a person, and the flag is used up.
    fn boot(&mut self) {
        let flag = std::mem::take(&mut self.armed);
        let tried = World::choice(self.file, flag).filter(|slot| self.starts(*slot));
        self.booted = match tried {
            Some(slot) => Booted { slot, by_flag: flag },
            None => {
                let slot = World::choice(self.file, false).expect("a choice");
                assert!(self.starts(slot), "dark: slot {slot} does not start");
                Booted { slot, by_flag: false }
            }
        };
        if self.repairs {
            let _ = self.verb(Verb::Repair, &mut None);
        }
    }

    /// Whatever a cut would make of it now, the box boots, into what is proven.
    fn check(&self) {
        let files = match self.unflushed {
            Some(new) => vec![self.file, Some(new), None],
            None => vec![self.file],
        };
        for file in files {
            let slot = World::choice(file, false).expect("a choice");
            assert!(self.starts(slot), "a power cut would leave the box dark: slot {slot} of {file:?}");
            if let Some(file) = file {
                let content = self.slots[(file.committed == Slot::B) as usize];
                assert!(content.proven, "slot {} is committed and was never marked good", file.committed);
            }
        }
    }

    /// One step of an action is about to be done: is it broken off here?
    fn passes(&mut self, cut: &mut Option<(usize, Cut)>) -> Result<(), BrokenOff> {
        self.check();
        let Some((left, how)) = cut else { return Ok(()) };
        if *left > 0 {
            *left -= 1;
            return Ok(());
        }
        let how = *how;
        *cut = None;
        let unflushed = self.unflushed.take();
        match how {
            Cut::Killed => self.file = unflushed.or(self.file),
            Cut::Power(torn) | Cut::Reset(torn) => {
                if let Some(new) = unflushed {
                    self.file = match torn {
                        Torn::Old => self.file,
                        Torn::New => Some(new),
                        Torn::Broken => None,
                    };
                }
                self.armed &= matches!(how, Cut::Reset(_));
            }
        }
        self.boot();
        Err(BrokenOff)
    }

    fn step(&mut self, step: Step, cut: &mut Option<(usize, Cut)>) -> Result<(), BrokenOff> {
        self.passes(cut)?;
        match step {
            Step::Arm => self.armed = true,
            Step::Disarm => self.armed = false,
            Step::RemoveLeftover => self.leftover = false,
            Step::WriteCopy(file) => self.copy = Some(file),
            Step::WriteAutoboot(file) => {
                self.leftover = true;
                self.passes(cut)?;
                (self.leftover, self.unflushed) = (false, Some(file));
                self.passes(cut)?;
                (self.file, self.unflushed) = (Some(file), None);
            }
        }
        self.passes(cut)
    }

    /// Whether it succeeded; a refusal has done nothing.
    fn verb(&mut self, verb: Verb, cut: &mut Option<(usize, Cut)>) -> Result<bool, BrokenOff> {
        let Ok(decision) = decide(verb, &self.see()) else { return Ok(false) };
        if verb == Verb::SetState(self.booted.slot, State::Good) && self.booted.by_flag {
            self.content(self.booted.slot).proven = true;
        }
        for step in decision.steps {
            self.step(step, cut)?;
        }
        Ok(true)
    }

    fn act(&mut self, act: &Act, cut: &mut Option<(usize, Cut)>) -> Result<(), BrokenOff> {
        match act {
            Act::Verb(verb) => drop(self.verb(*verb, cut)?),
            Act::MarkGood => drop(self.verb(Verb::SetState(self.booted.slot, State::Good), cut)?),
            Act::Reboot => self.boot(),
            Act::PowerOff => {
                self.armed = false;
                self.boot();
            }
            // Without a file the firmware takes slot A, whatever we do: only then is the outcome ours.
            Act::Spoil if self.starts(Slot::A) => self.file = None,
            Act::Spoil => {}
            Act::Install { boots } => {
                let Ok(current) = decide(Verb::GetCurrent, &self.see()) else { return Ok(()) };
                let other = if current.answer == "A" { Slot::B } else { Slot::A };
                if !self.verb(Verb::SetState(other, State::Bad), cut)? {
                    return Ok(());
                }
                let committed = self.file.expect("it was read").committed;
                assert_ne!(other, committed, "the committed slot is written over");
                assert!(!self.armed, "a slot that is being written would be tried");
                *self.content(other) = Content { whole: false, boots: false, proven: false };
                self.passes(cut)?;
                *self.content(other) = Content { whole: true, boots: *boots, proven: false };
                self.passes(cut)?;
                self.verb(Verb::SetPrimary(other), cut)?;
            }
        }
        self.check();
        Ok(())
    }
}

fn slot() -> impl Strategy<Value = Slot> {
    prop_oneof![Just(Slot::A), Just(Slot::B)]
}

fn act() -> impl Strategy<Value = Act> {
    let state = || prop_oneof![Just(State::Good), Just(State::Bad)];
    let verb = prop_oneof![
        slot().prop_map(Verb::SetPrimary),
        (slot(), state()).prop_map(|(slot, state)| Verb::SetState(slot, state)),
        Just(Verb::Repair),
        Just(Verb::GetPrimary),
    ];
    prop_oneof![
        4 => verb.prop_map(Act::Verb),
        4 => prop::bool::weighted(0.7).prop_map(|boots| Act::Install { boots }),
        4 => Just(Act::MarkGood),
        4 => Just(Act::Reboot),
        1 => Just(Act::PowerOff),
        1 => Just(Act::Spoil),
    ]
}

fn cut() -> impl Strategy<Value = Option<(usize, Cut)>> {
    let torn = || prop_oneof![Just(Torn::Old), Just(Torn::New), Just(Torn::Broken)];
    let how = prop_oneof![torn().prop_map(Cut::Power), torn().prop_map(Cut::Reset), Just(Cut::Killed)];
    prop::option::weighted(0.4, (0usize..9, how))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_verbs_and_power_cuts_leaves_the_box_dark(
        committed in slot(),
        canonical in prop::bool::weighted(0.8),
        copy in any::<bool>(),
        repairs in any::<bool>(),
        acts in prop::collection::vec((act(), cut()), 1..40),
    ) {
        // Somebody may have written the file by hand, without a slot to try.
        let file = if canonical { Autoboot::committed_to(committed) } else { Autoboot { committed, tried: committed } };
        let mut world = World::new(file, copy, repairs);
        for (act, mut cut) in acts {
            let _ = world.act(&act, &mut cut);
        }
    }
}

/// The way of an update without any trouble ends in the other slot: the model is no excuse for doing nothing.
#[test]
fn an_update_is_installed_tried_and_committed() {
    let mut world = World::new(Autoboot::committed_to(Slot::A), false, true);
    for slot in [Slot::B, Slot::A, Slot::B] {
        let _ = world.act(&Act::Install { boots: true }, &mut None);
        assert!(world.armed);
        world.boot();
        assert_eq!(world.booted, Booted { slot, by_flag: true });
        let _ = world.act(&Act::MarkGood, &mut None);
        assert_eq!((world.file, world.copy), (Some(Autoboot::committed_to(slot)), Some(Autoboot::committed_to(slot))));
        world.boot();
        assert_eq!(world.booted, Booted { slot, by_flag: false });
    }
    // One that does not start, and one that nobody marks good: back to the committed slot.
    for boots in [false, true] {
        let _ = world.act(&Act::Install { boots }, &mut None);
        world.boot();
        world.boot();
        assert_eq!(world.booted, Booted { slot: Slot::B, by_flag: false });
    }
}
