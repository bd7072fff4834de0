//! Whose sound is heard: that of one source for all live pictures, where the channel says so and it is there.
//!
//! ```text
//! the chosen source is there and sends sound ── any live picture, the slate ──► its sound
//!                                            └─ a film                      ──► the film's own
//! it is lost, or has no sound ─────────────────────────────────────────────► the sound of what is on air
//! the slate by hand ───────────────────────────────────────────────────────► silence
//! ```
//! It returns after its stable time, as its picture would.

use super::Director;
use crate::clock::Running;
use crate::fault::{Code, Fault};
use crate::id::SourceId;
use crate::status::{Carrier, SourceState};

impl Director {
    /// The source that is heard in place of the one on air; none is the one on air itself.
    pub(super) fn heard(&mut self, now: Running) -> Option<SourceId> {
        let chosen = self.plan.as_ref().and_then(|plan| plan.sound.as_ref()).map(|sound| sound.source.clone());
        self.heard = chosen.filter(|source| {
            let heard = self.heard.as_ref().filter(|heard| *heard == source);
            self.sources.may(source, now, heard) && self.sources.has_sound(source)
        });
        let silenced = self.showing.as_ref().is_some_and(|showing| showing.carrier == Carrier::SlateByHand);
        self.heard.clone().filter(|_| !silenced)
    }

    /// `SoundFallback`, where the chosen source has gone or sends no sound.
    pub(super) fn sound_fault(&self) -> Option<Fault> {
        let plan = self.plan.as_ref()?;
        let source = &plan.sound.as_ref().filter(|_| self.heard.is_none())?.source;
        let name = self.sources.name(source);
        let why = match self.source_state(source) {
            SourceState::Lost => format!("{name} offline"),
            SourceState::Online if !self.sources.has_sound(source) => format!("{name} sends no sound"),
            _ => return None,
        };
        let text = format!("{why} – the sound of the picture is heard");
        Some(Fault::new(Code::SoundFallback, plan.channel.as_str()).with_text(text))
    }
}
