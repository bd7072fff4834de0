//! Channels.

use super::{from_json, id, to_json};
use crate::refusal::Refusal;
use automation::clock::Running;
use automation::id::{AssetId, ChannelId, SessionId, SourceId};
use automation::resume::Kept;
use automation::spec::platform::{self, Output};
use automation::spec::{Destination, Failover, Hold, House, Live, Messages, SoundFrom};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

/// Channels of one box.
pub const CHANNELS_MAX: usize = 16;

/// A channel's own row.
#[derive(Clone, Debug)]
pub struct StoredChannel {
    /// Its id.
    pub id: ChannelId,
    /// Its name.
    pub name: String,
    /// Rises by one with every change.
    pub generation: u64,
    /// Format of its program.
    pub house: House,
    /// What happens when a source is lost.
    pub failover: Failover,
    /// What the audience is told.
    pub messages: Messages,
    /// The source that is heard with every live picture; none is the picture's own.
    pub sound: Option<SoundFrom>,
    /// The picture of its slate.
    pub slate_picture: Option<AssetId>,
    /// What a person put on air by hand.
    pub manual: Option<StoredManual>,
    /// Whether a person has cleared what lies over the picture.
    pub overlays_cleared: bool,
    /// The broadcast.
    pub live: Option<StoredLive>,
}

/// A manual choice, and the boot in which its moment counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredManual {
    /// Which source; none is the slate.
    pub source: Option<SourceId>,
    /// For how long.
    pub hold: Hold,
    /// When it was said.
    pub at: Running,
    /// Boot of `at`.
    pub boot: String,
}

/// A broadcast, and the boot in which its moments count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLive {
    /// Its id.
    pub session: SessionId,
    /// Who pressed GO LIVE.
    pub started_by: String,
    /// When it goes live, wall clock.
    pub at_ms: i64,
    /// Whether that wall time is known to be right.
    #[serde(default)]
    pub at_known: bool,
    /// The same, running time; after a restart of the box, when it went on.
    pub at: Running,
    /// How long it had been live before `at`, nanoseconds.
    #[serde(default)]
    pub ahead_ns: u64,
    /// Whether it goes on from where it was last seen, until wall time is known.
    #[serde(default)]
    pub provisional: bool,
    /// Since when the timeline stands still.
    pub paused_at: Option<Running>,
    /// How long it stood still before, nanoseconds.
    pub paused_ns: u64,
    /// Boot of the running times.
    pub boot: String,
    /// What it is sent with, from its beginning to its end, whatever becomes of its destinations (D-3, D-17).
    pub output: Output,
}

impl StoredChannel {
    /// What the channel sends, or would: fixed while a broadcast runs, else what its destinations take.
    pub fn output(&self, destinations: &[Destination]) -> Output {
        match &self.live {
            Some(live) => live.output.clone(),
            None => platform::cap(&self.house, destinations),
        }
    }
}

impl StoredLive {
    /// What its worker is told.
    pub fn spec(&self) -> Live {
        Live {
            session: self.session.clone(),
            at: self.at,
            ahead_ns: self.ahead_ns,
            paused_at: self.paused_at,
            paused_ns: self.paused_ns,
        }
    }

    /// What is to be known of it to go on after a restart.
    pub fn kept(&self) -> Kept {
        Kept { live: self.spec(), at_ms: self.at_ms, at_known: self.at_known, provisional: self.provisional }
    }

    /// The same, as it was decided.
    pub fn put(&mut self, kept: Kept) {
        (self.at_ms, self.at_known, self.provisional) = (kept.at_ms, kept.at_known, kept.provisional);
        (self.at, self.ahead_ns) = (kept.live.at, kept.live.ahead_ns);
        (self.paused_at, self.paused_ns) = (kept.live.paused_at, kept.live.paused_ns);
    }
}

const COLUMNS: &str =
    "id, name, generation, house, failover, messages, manual, live, slate_picture, overlays_cleared, sound";

fn read(row: &Row<'_>) -> Result<StoredChannel, Refusal> {
    let document = |column: usize| row.get::<_, Option<String>>(column);
    Ok(StoredChannel {
        id: id(row.get(0)?)?,
        name: row.get(1)?,
        generation: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(1),
        house: from_json(&row.get::<_, String>(3)?)?,
        failover: from_json(&row.get::<_, String>(4)?)?,
        messages: from_json(&row.get::<_, String>(5)?)?,
        manual: document(6)?.as_deref().map(from_json).transpose()?,
        live: document(7)?.as_deref().map(from_json).transpose()?,
        slate_picture: document(8)?.map(id).transpose()?,
        overlays_cleared: row.get(9)?,
        sound: document(10)?.as_deref().map(from_json).transpose()?,
    })
}

/// Every channel, oldest first.
pub fn all(connection: &Connection) -> Result<Vec<StoredChannel>, Refusal> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM channels ORDER BY rowid"))?;
    let mut rows = statement.query([])?;
    let mut channels = Vec::new();
    while let Some(row) = rows.next()? {
        channels.push(read(row)?);
    }
    Ok(channels)
}

/// One channel.
pub fn get(connection: &Connection, channel: &ChannelId) -> Result<StoredChannel, Refusal> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM channels WHERE id = ?1"))?;
    let mut rows = statement.query([channel.as_str()])?;
    match rows.next()? {
        Some(row) => read(row),
        None => Err(Refusal::not_found("channel", channel)),
    }
}

/// Adds a channel.
pub fn insert(connection: &Connection, channel: &StoredChannel, at_ms: i64) -> Result<(), Refusal> {
    connection.execute(
        "INSERT INTO channels (id, name, generation, house, failover, messages, created_at_ms, modified_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
        params![
            channel.id.as_str(),
            channel.name,
            channel.generation as i64,
            to_json(&channel.house),
            to_json(&channel.failover),
            to_json(&channel.messages),
            at_ms
        ],
    )?;
    Ok(())
}

/// Writes a changed channel, one generation further.
pub fn update(connection: &Connection, channel: &StoredChannel, at_ms: i64) -> Result<(), Refusal> {
    connection.execute(
        "UPDATE channels SET name = ?2, generation = generation + 1, house = ?3, failover = ?4, messages = ?5,
                manual = ?6, live = ?7, slate_picture = ?8, overlays_cleared = ?9, sound = ?10, modified_at_ms = ?11
         WHERE id = ?1",
        params![
            channel.id.as_str(),
            channel.name,
            to_json(&channel.house),
            to_json(&channel.failover),
            to_json(&channel.messages),
            channel.manual.as_ref().map(to_json),
            channel.live.as_ref().map(to_json),
            channel.slate_picture.as_ref().map(AssetId::as_str),
            channel.overlays_cleared,
            channel.sound.as_ref().map(to_json),
            at_ms
        ],
    )?;
    Ok(())
}

/// Something that belongs to the channel has changed: one generation further.
pub fn touch(connection: &Connection, channel: &ChannelId, at_ms: i64) -> Result<(), Refusal> {
    connection.execute(
        "UPDATE channels SET generation = generation + 1, modified_at_ms = ?2 WHERE id = ?1",
        params![channel.as_str(), at_ms],
    )?;
    Ok(())
}

/// A worker holds a newer plan than ours, so ours must go beyond it: at least this generation.
pub fn raise(connection: &Connection, channel: &ChannelId, at_least: u64) -> Result<(), Refusal> {
    connection.execute(
        "UPDATE channels SET generation = max(generation, ?2) WHERE id = ?1",
        params![channel.as_str(), at_least as i64],
    )?;
    Ok(())
}

/// Deletes a channel with all that belongs to it.
pub fn delete(connection: &Connection, channel: &ChannelId) -> Result<(), Refusal> {
    connection.execute("DELETE FROM channels WHERE id = ?1", [channel.as_str()])?;
    Ok(())
}
