//! Which slot boots: the decisions behind RAUC's verbs, without I/O.
//!
//! ```text
//!            set-primary OTHER: arm              reboot: the firmware clears the flag
//!  committed ─────────────────────────► armed ───────────────────────────────────────► trial
//!   ▲ ▲ ▲     ◄─────────────────────────                                               │ │
//!   │ │ │        set-primary COMMITTED,                                                │ │
//!   │ │ │        set-state OTHER bad: disarm                                           │ │
//!   │ │ └──── power lost: the flag is gone ─┘                                          │ │
//!   │ └──────────── reboot, power lost, hang: the committed slot boots ────────────────┘ │
//!   └─ (now of the other slot) ──── set-state BOOTED good: autoboot.txt is written ──────┘
//! ```
//! The committed slot is the one of `[all]` in autoboot.txt; nothing but a good trial changes it. What must never happen:
//!
//! - *Both slots unbootable.* Only the slot that is not committed is written over: in a trial that is the booted one, so
//!   `set-state OTHER bad`, by which RAUC begins to write, fails then.
//! - *A slot committed that was not tried.* `set-state X good` wants X booted by the flag.
//! - *A copy that leads back to a slot that was written over since.* Before RAUC may write, the copy of autoboot.txt is made
//!   the same as autoboot.txt.
//! - *A board told to try a slot whose bootloader does not know how.* It is neither armed, nor anything written over for it:
//!   see [`crate::bootloader`].
//!
//! Bad input: an autoboot.txt, a flag or a device tree that cannot be read is an error in every verb, never "not armed";
//! only `repair` and `status` go on. Words and call order are RAUC's (its `bootloader-custom-backend`: src/bootloaders/custom.c
//! and docs/integration.rst of RAUC 1.15).

use crate::autoboot::{Autoboot, Slot};
use crate::bootloader;
use crate::trouble::{Code, Trouble};
use serde::Serialize;

/// What RAUC calls a slot's boot state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// May be booted.
    Good,
    /// Is not to be booted.
    Bad,
}

/// What is asked. `status` is [`status`], since it never fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// The slot that the next warm reboot boots.
    GetPrimary,
    /// Boot this slot next, once.
    SetPrimary(Slot),
    /// Whether a slot is good.
    GetState(Slot),
    /// Good: commit to it. Bad: it is about to be written over, or does not work.
    SetState(Slot, State),
    /// The booted slot.
    GetCurrent,
    /// Mend autoboot.txt, its copy, and what a power cut left.
    Repair,
}

impl Verb {
    /// Whether it only asks.
    pub const fn is_question(self) -> bool {
        matches!(self, Verb::GetPrimary | Verb::GetState(_) | Verb::GetCurrent)
    }
}

/// What the firmware says of this boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booted {
    /// The slot.
    pub slot: Slot,
    /// Whether the one-shot flag chose it.
    pub by_flag: bool,
}

/// All that a decision rests upon, or why it is not known.
#[derive(Clone, Debug)]
pub struct Seen {
    /// This boot.
    pub booted: Result<Booted, Trouble>,
    /// When the board's bootloader was built, seconds since 1970.
    pub built: Result<u32, Trouble>,
    /// The file that the firmware will read.
    pub autoboot: Result<Autoboot, Trouble>,
    /// Whether the one-shot flag is set.
    pub armed: Result<bool, Trouble>,
    /// The copy in the data folder; none where there is none. An error where it is there and of no use.
    pub copy: Result<Option<Autoboot>, Trouble>,
    /// Whether a write of autoboot.txt was cut off and left its temporary file.
    pub leftover: bool,
}

/// One change to the world. Cut before, after or within any of them, the box still boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Clear the one-shot flag.
    Disarm,
    /// Set the one-shot flag.
    Arm,
    /// Remove the temporary file of a write that was cut off.
    RemoveLeftover,
    /// Write autoboot.txt whole.
    WriteAutoboot(Autoboot),
    /// Write the copy in the data folder whole.
    WriteCopy(Autoboot),
}

/// What is answered on standard output, and what is to be done, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// A word for RAUC, or lines for a person; empty where there is nothing to say.
    pub answer: String,
    /// What is to be done.
    pub steps: Vec<Step>,
}

/// Decides on a verb.
pub fn decide(verb: Verb, seen: &Seen) -> Result<Decision, Trouble> {
    if verb == Verb::Repair {
        return repair(seen);
    }
    let (file, armed, booted) = (seen.autoboot.clone()?, seen.armed.clone()?, seen.booted.clone()?);
    let mut steps = Vec::new();
    let answer = match verb {
        Verb::GetPrimary if armed => file.tried.to_string(),
        Verb::GetPrimary => file.committed.to_string(),
        Verb::GetCurrent => booted.slot.to_string(),
        Verb::GetState(slot) if slot == file.committed || slot == booted.slot => "good".to_owned(),
        Verb::GetState(_) => "bad".to_owned(),
        Verb::SetPrimary(slot) => {
            match slot == file.committed {
                true if armed => steps.push(Step::Disarm),
                true => {}
                false => {
                    bootloader::check(&seen.built)?;
                    if !file.is_whole() {
                        steps.push(Step::WriteAutoboot(Autoboot::committed_to(file.committed)));
                    }
                    if !armed {
                        steps.push(Step::Arm);
                    }
                }
            }
            String::new()
        }
        Verb::SetState(slot, State::Bad) => {
            steps = set_bad(slot, file, armed, booted, seen)?;
            String::new()
        }
        Verb::SetState(slot, State::Good) => {
            steps = set_good(slot, file, armed, booted, seen)?;
            String::new()
        }
        Verb::Repair => String::new(),
    };
    Ok(Decision { answer, steps })
}

/// RAUC says "bad" before it writes over a slot: when this has succeeded, the slot that is not committed may be gone.
fn set_bad(slot: Slot, file: Autoboot, armed: bool, booted: Booted, seen: &Seen) -> Result<Vec<Step>, Trouble> {
    // First: where an old one has booted the wrong slot, it is the cause of all else.
    if slot != booted.slot {
        bootloader::check(&seen.built)?;
    }
    if slot == file.committed && slot != booted.slot {
        return Err(Trouble::new(Code::TrialUncommitted, format!("slot {slot} is committed, {} booted", booted.slot)));
    }
    let mut steps = Vec::new();
    if armed && (slot == file.tried || slot != file.committed) {
        steps.push(Step::Disarm);
    }
    if slot != booted.slot {
        // While both slots are whole: later a torn autoboot.txt could lead the firmware to the one that is being written.
        if !file.is_whole() {
            steps.push(Step::WriteAutoboot(Autoboot::committed_to(file.committed)));
        }
        steps.extend(refresh(Autoboot::committed_to(file.committed), seen));
    }
    Ok(steps)
}

fn set_good(slot: Slot, file: Autoboot, armed: bool, booted: Booted, seen: &Seen) -> Result<Vec<Step>, Trouble> {
    if slot == file.committed {
        return Ok(refresh(file, seen).into_iter().collect());
    }
    let detail = || format!("slot {slot}; {} is committed, {} booted", file.committed, booted.slot);
    if slot != booted.slot {
        return Err(Trouble::new(Code::NotBooted, detail()));
    }
    if !booted.by_flag {
        return Err(Trouble::new(Code::NotATrial, detail()));
    }
    // A flag that is still set would lead away from the slot that is being committed.
    let mut steps = if armed { vec![Step::Disarm] } else { Vec::new() };
    let file = Autoboot::committed_to(slot);
    steps.extend([Step::WriteAutoboot(file), Step::WriteCopy(file)]);
    Ok(steps)
}

/// Writes the copy where it is another one.
fn refresh(file: Autoboot, seen: &Seen) -> Option<Step> {
    (seen.copy != Ok(Some(file))).then_some(Step::WriteCopy(file))
}

/// Restores autoboot.txt from its copy, or where there is none, so that the slot boots that must have been committed: the
/// booted one, or in a trial the other one. A whole autoboot.txt is believed, and its copy made the same.
fn repair(seen: &Seen) -> Result<Decision, Trouble> {
    let (mut steps, mut said) = (Vec::new(), Vec::new());
    if seen.leftover {
        steps.push(Step::RemoveLeftover);
        said.push("Removed what a write of autoboot.txt that was cut off has left.".to_owned());
    }
    match (&seen.autoboot, &seen.copy) {
        (Ok(file), _) => {
            if let Some(step) = refresh(*file, seen) {
                steps.push(step);
                said.push(format!("Renewed the copy of autoboot.txt: slot {} is committed.", file.committed));
            }
        }
        (Err(_), Err(trouble)) if trouble.code == Code::DataUnreadable => return Err(trouble.clone()),
        (Err(trouble), Ok(Some(copy))) => {
            steps.push(Step::WriteAutoboot(*copy));
            said.push(format!(
                "Restored autoboot.txt from its copy: slot {} is committed. It was: {trouble}",
                copy.committed
            ));
        }
        (Err(trouble), _) => {
            let booted = seen.booted.clone()?;
            let committed = if booted.by_flag { booted.slot.other() } else { booted.slot };
            let file = Autoboot::committed_to(committed);
            steps.extend([Step::WriteAutoboot(file), Step::WriteCopy(file)]);
            said.push(format!(
                "Restored autoboot.txt without a copy, by the slot that is booted ({}): slot {committed} is committed. It was: {trouble}",
                booted.slot
            ));
        }
    }
    if said.is_empty() {
        said.push("Nothing to repair.".to_owned());
    }
    Ok(Decision { answer: said.join("\n"), steps })
}

/// What the control process shows, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The booted slot, where the firmware says it.
    pub booted: Option<Slot>,
    /// The slot that boots after a power cut, where autoboot.txt is known.
    pub committed: Option<Slot>,
    /// The slot that the next warm reboot tries, if any.
    pub armed: Option<Slot>,
    /// The booted slot is on trial: it is neither good nor given up yet.
    pub trial: bool,
    /// The booted slot is neither committed nor on trial: the firmware could not boot the committed one.
    pub astray: bool,
    /// Each slot.
    pub slots: Vec<SlotStatus>,
    /// The board's own start program.
    pub bootloader: BootloaderStatus,
    /// Why something is not known; every verb but `repair` fails with it.
    pub fault: Option<Fault>,
}

/// What is known of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotStatus {
    /// Its name, which is RAUC's bootname.
    pub name: Slot,
    /// The number of its boot partition.
    pub boot_partition: u32,
    /// What `get-state` answers; none where it fails.
    pub state: Option<State>,
}

/// What is known of the board's own start program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BootloaderStatus {
    /// The day on which it was built, `2021-04-29`, where it says so.
    pub built: Option<String>,
    /// Why nothing can be tried with it, and so no update be installed.
    pub fault: Option<Fault>,
}

/// A trouble in the status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its stable code.
    pub code: &'static str,
    /// What happened.
    pub text: String,
    /// What to do.
    pub remedy: &'static str,
}

impl From<&Trouble> for Fault {
    fn from(trouble: &Trouble) -> Fault {
        Fault {
            code: trouble.code.as_str(),
            text: match trouble.detail.as_str() {
                "" => trouble.code.text().to_owned(),
                detail => format!("{} ({detail})", trouble.code.text()),
            },
            remedy: trouble.code.remedy(),
        }
    }
}

/// The status, whatever is known.
pub fn status(seen: &Seen) -> Status {
    let (file, booted) = (seen.autoboot.as_ref().ok(), seen.booted.as_ref().ok());
    let uncommitted = file.zip(booted).filter(|(file, booted)| file.committed != booted.slot);
    let state = |slot| match decide(Verb::GetState(slot), seen).ok()?.answer.as_str() {
        "good" => Some(State::Good),
        _ => Some(State::Bad),
    };
    let fault = seen.autoboot.as_ref().err().or(seen.armed.as_ref().err()).or(seen.booted.as_ref().err());
    Status {
        booted: booted.map(|booted| booted.slot),
        committed: file.map(|file| file.committed),
        armed: file.filter(|file| seen.armed == Ok(true) && file.is_whole()).map(|file| file.tried),
        trial: uncommitted.is_some_and(|(_, booted)| booted.by_flag),
        astray: uncommitted.is_some_and(|(_, booted)| !booted.by_flag),
        slots: Slot::ALL.map(|name| SlotStatus { name, boot_partition: name.partition(), state: state(name) }).into(),
        bootloader: BootloaderStatus {
            built: seen.built.as_ref().ok().map(|built| bootloader::day(*built)),
            fault: bootloader::check(&seen.built).err().as_ref().map(Fault::from),
        },
        fault: fault.map(Fault::from),
    }
}
