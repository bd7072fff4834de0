//! Commands: the only writer of what is wanted. The API, and later the button, the schedule and the fleet, all go
//! through here. Every command may be repeated; one that cannot be done is refused with a reason and changes nothing.

mod alerts;
mod assets;
mod broadcast;
mod cameras;
mod channels;
mod clock;
mod destinations;
mod panel;
mod seed;
mod sources;
mod start;
mod timelines;

use crate::as_runs::AsRuns;
use crate::clock::Clock;
use crate::doc::NAME_CHARS_MAX;
use crate::refusal::Refusal;
use crate::store::assets::StoredAsset;
use crate::store::channels::StoredChannel;
use crate::store::{Context, Store};
use automation::clock::Now;
use automation::fault::Code;
use automation::id::{AssetId, BadId, ChannelId};
use automation::spec::House;
use automation::spec::{ChannelSpec, Timeline, Wrong};
use rusqlite::Connection;

pub use crate::store::people::Person;
pub use cameras::{NewCamera, Relocated};

/// The commands. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    store: Store,
    clock: Clock,
    as_runs: AsRuns,
    house: House,
}

impl Commands {
    /// Commands that write into this store.
    pub fn new(store: Store, clock: Clock) -> Commands {
        Commands { store, clock, as_runs: AsRuns::default(), house: House::default() }
    }

    /// The same; channels that are made without a format get this one.
    pub fn with_house(self, house: House) -> Commands {
        Commands { house, ..self }
    }

    /// The logs of the broadcasts that run.
    pub fn as_runs(&self) -> &AsRuns {
        &self.as_runs
    }

    fn now(&self) -> Now {
        self.clock.now()
    }
}

/// A name without blanks around it, or why it is none.
fn name(text: &str, code: Code) -> Result<String, Refusal> {
    let text = text.trim();
    let characters = text.chars().count();
    if characters == 0 || characters > NAME_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(Refusal::wrong(code, "name", "must be 1 to 100 characters in one line"));
    }
    Ok(text.to_owned())
}

/// Longest id made from a name; leaves room for a number.
const SLUG_BYTES_MAX: usize = 40;

/// The id that was asked for, or one made from the name: `Camera 2` is `camera-2`, and `camera-2-2` where taken.
fn new_id<T>(asked: Option<T>, name: &str, taken: impl Fn(&str) -> bool, stem: &str) -> Result<T, Refusal>
where
    T: TryFrom<String, Error = BadId> + std::fmt::Display,
{
    if let Some(asked) = asked {
        if taken(&asked.to_string()) {
            return Err(Refusal::because(Code::Conflict, format!("There is a \"{asked}\" already.")));
        }
        return Ok(asked);
    }
    let mut slug = String::new();
    for character in name.chars().flat_map(char::to_lowercase) {
        if slug.len() >= SLUG_BYTES_MAX {
            break;
        }
        match character {
            'a'..='z' | '0'..='9' => slug.push(character),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    let slug = match slug.trim_end_matches('-') {
        "" => stem,
        slug => slug,
    };
    let mut candidate = slug.to_owned();
    let mut number = 2;
    while taken(&candidate) {
        candidate = format!("{slug}-{number}");
        number += 1;
    }
    Ok(T::try_from(candidate)?)
}

/// A limit on how many there are.
fn room(count: usize, max: usize, what: &str) -> Result<(), Refusal> {
    if count < max {
        return Ok(());
    }
    Err(Refusal::because(Code::Conflict, format!("There are {max} {what} already; more are not possible.")))
}

/// The spec that a channel has as it is stored now, under the given timeline instead of the loaded one.
fn spec_with(
    connection: &Connection,
    context: &Context,
    channel: StoredChannel,
    timeline: Option<Timeline>,
) -> Result<ChannelSpec, Refusal> {
    use crate::store::{assets, destinations, sources, wanted};
    let files = assets::all(connection)?.into_iter().map(|asset| (asset.doc.id, asset.file)).collect();
    let sources = sources::of(connection, context, &channel.id)?;
    let destinations = destinations::of(connection, context, &channel.id)?;
    // Paths must be absolute; which ones does not matter for whether the spec fits together.
    let files = absolute(context, files);
    let time = wanted::Time::of(connection)?;
    wanted::spec(channel, sources, destinations, timeline, &files, context.listen, &time)
}

type Files = std::collections::BTreeMap<automation::id::AssetId, String>;

fn absolute(context: &Context, files: Files) -> Files {
    files.into_iter().map(|(id, file)| (id, context.assets.join(file).display().to_string())).collect()
}

/// Checks what a change makes of a channel, and says what is wrong from the view of the document that was given:
/// the place `sources[3].backup` of the spec is `backup` of the source that was sent.
fn check(
    connection: &Connection,
    context: &Context,
    channel: &ChannelId,
    inside: &str,
    code: Code,
) -> Result<(), Refusal> {
    use crate::store::{channels, timelines};
    let stored = channels::get(connection, channel)?;
    let loaded = timelines::of(connection, channel)?.into_iter().find(|timeline| timeline.loaded);
    spec_with(connection, context, stored, loaded.map(|loaded| loaded.timeline))
        .map(|_| ())
        .map_err(|refusal| seen_from(refusal, inside, code))
}

/// Turns the places of a spec into those of one part of it.
fn seen_from(refusal: Refusal, inside: &str, code: Code) -> Refusal {
    if refusal.wrongs.is_empty() {
        return refusal;
    }
    let wrongs = refusal.wrongs.into_iter().map(|wrong| match wrong.place.strip_prefix(inside) {
        Some(rest) => Wrong::new(rest.trim_start_matches('.'), wrong.reason),
        None => wrong,
    });
    Refusal::wrongs(code, wrongs.collect())
}

/// The uploaded file that a document names at `place`.
fn there(connection: &Connection, asset: AssetId, place: &str) -> Result<StoredAsset, Refusal> {
    match crate::store::assets::get(connection, &asset) {
        Err(refusal) if refusal.code == Code::NotFound => {
            Err(Refusal::wrong(Code::SpecInvalid, place, format!("there is no file \"{asset}\"")))
        }
        found => found,
    }
}

/// A refusal that names every place where something is used.
fn in_use(what: &str, places: Vec<String>) -> Refusal {
    let detail = format!("{what} is in use: {}.", places.join(", "));
    let wrongs = places.into_iter().map(|place| Wrong::new(place, "uses it")).collect();
    Refusal { wrongs, ..Refusal::because(Code::InUse, detail) }
}

/// 128 bits that nobody can guess, as 32 hexadecimal digits.
fn token() -> Result<String, Refusal> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|error| Refusal::failed(Code::Internal, error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// An id that is in use nowhere: UUID v7, so ids sort by time.
fn unique<T: TryFrom<String, Error = BadId>>() -> Result<T, Refusal> {
    Ok(T::try_from(uuid::Uuid::now_v7().simple().to_string())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use automation::id::SourceId;

    #[test]
    fn ids_are_made_from_names() {
        let check = |name: &str, taken: &[&str], expected: &str| {
            let id: SourceId = new_id(None, name, |id| taken.contains(&id), "source").unwrap();
            assert_eq!(id.as_str(), expected);
        };
        check("Camera 2", &[], "camera-2");
        check("Camera 2", &["camera-2"], "camera-2-2");
        check("Camera 2", &["camera-2", "camera-2-2"], "camera-2-3");
        check("  Bühne / links! ", &[], "b-hne-links");
        check("ਵਾਹਿਗੁਰੂ", &[], "source");
        check(&"x".repeat(100), &[], &"x".repeat(40));
    }

    #[test]
    fn an_id_that_was_asked_for_must_be_free() {
        let asked = SourceId::new("a").unwrap();
        assert_eq!(new_id(Some(asked.clone()), "n", |_| true, "source").unwrap_err().code, Code::Conflict);
        assert_eq!(new_id(Some(asked.clone()), "n", |_| false, "source").unwrap(), asked);
    }

    #[test]
    fn places_are_told_from_the_view_of_what_was_sent() {
        let wrongs = vec![Wrong::new("sources[3].backup", "no such source"), Wrong::new("failover.primary", "gone")];
        let refusal = seen_from(Refusal::wrongs(Code::SpecInvalid, wrongs), "sources[3]", Code::SpecInvalid);
        assert_eq!(refusal.wrongs[0].place, "backup");
        assert_eq!(refusal.wrongs[1].place, "failover.primary");
    }
}
