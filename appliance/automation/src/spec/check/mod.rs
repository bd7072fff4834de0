//! The rules of specs. Each wrong thing is told with its place and a reason; nothing stops at the first.

mod address;
mod channel;
mod destination;
mod source;
#[cfg(test)]
mod tests;
mod timeline;

use super::{Wrong, Wrongs};
use std::collections::BTreeSet;

pub(super) use channel::channel;
pub(super) use destination::destination;
pub(super) use source::source;
pub(super) use timeline::{sources_of_timeline, timeline};

/// Wrongs that are told of one document: more than a person mends in one go.
pub const WRONGS_MAX: usize = 50;
/// Longest name, characters: it must fit on a button and in a table's column.
pub const NAME_CHARS_MAX: usize = 100;

/// Gathers what is wrong below a place.
pub(super) struct Check {
    wrongs: Vec<Wrong>,
}

impl Check {
    pub(super) fn new() -> Check {
        Check { wrongs: Vec::new() }
    }

    /// Tells a wrong thing.
    pub(super) fn wrong(&mut self, place: impl Into<String>, reason: impl Into<String>) {
        if self.wrongs.len() < WRONGS_MAX {
            self.wrongs.push(Wrong::new(place, reason));
        }
    }

    /// Tells it where `ok` is not.
    pub(super) fn must(&mut self, ok: bool, place: &str, reason: impl Into<String>) {
        if !ok {
            self.wrong(place, reason);
        }
    }

    pub(super) fn within(&mut self, place: &str, value: i64, limits: std::ops::RangeInclusive<i64>) {
        let (low, high) = (limits.start(), limits.end());
        self.must(limits.contains(&value), place, format!("must be from {low} to {high}, not {value}"));
    }

    /// One line of text, `low` to `high` characters.
    pub(super) fn line(&mut self, place: &str, text: &str, low: usize, high: usize) {
        self.must(!text.chars().any(char::is_control), place, "must be one line without control characters");
        self.length(place, text, low, high);
    }

    pub(super) fn length(&mut self, place: &str, text: &str, low: usize, high: usize) {
        let chars = text.chars().count();
        let missing = low > 0 && text.trim().is_empty();
        self.must(!missing, place, "must not be empty");
        let ok = missing || (low..=high).contains(&chars);
        self.must(ok, place, format!("must have {low} to {high} characters, not {chars}"));
    }

    pub(super) fn name(&mut self, place: &str, name: &str) {
        self.line(place, name, 1, NAME_CHARS_MAX);
    }

    /// Ids that come twice.
    pub(super) fn unique<'a>(&mut self, ids: impl Iterator<Item = (String, &'a str)>) {
        let mut seen = BTreeSet::new();
        for (place, id) in ids {
            if !seen.insert(id) {
                self.wrong(place, format!("another one has the id \"{id}\" already"));
            }
        }
    }

    /// Adds the wrongs of a part below its place.
    pub(super) fn part(&mut self, place: &str, part: Result<(), Wrongs>) {
        for wrong in part.err().into_iter().flat_map(|wrongs| wrongs.0) {
            let dot = if wrong.place.is_empty() { "" } else { "." };
            self.wrong(format!("{place}{dot}{}", wrong.place), wrong.reason);
        }
    }

    pub(super) fn done(self) -> Result<(), Wrongs> {
        if self.wrongs.is_empty() { Ok(()) } else { Err(Wrongs(self.wrongs)) }
    }
}
