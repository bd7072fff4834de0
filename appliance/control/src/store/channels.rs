//! Channels.

use super::{from_json, id, to_json};
use crate::refusal::Refusal;
use automation::clock::Running;
use automation::id::{AssetId, ChannelId, SessionId, SourceId};
use automation::spec::platform::{self, Output};
use automation::spec::{Destination, Failover, Hold, House, Messages};
use rusqlite::{Connection, OptionalExtension, Row, params};
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
    /// The picture of its slate.
    pub slate_picture: Option<AssetId>,
    /// What a person put on air by hand.
    pub manual: Option<StoredManual>,
    /// The broadcast.
    pub live: Option<StoredLive>,
}

/// A manual choice, and the boot in which its moment counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredManual {
    /// Which source.
    pub source: SourceId,
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
    /// The same, running time.
    pub at: Running,
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

const COLUMNS: &str = "id, name, generation, house, failover, messages, manual, live, slate_picture";

fn read(row: &Row<'_>) -> rusqlite::Result<[Option<String>; 9]> {
    let generation: i64 = row.get(2)?;
    Ok([
        row.get(0)?,
        row.get(1)?,
        Some(generation.to_string()),
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
        row.get(8)?,
    ])
}

fn parse(columns: [Option<String>; 9]) -> Result<StoredChannel, Refusal> {
    let [channel, name, generation, house, failover, messages, manual, live, slate_picture] = columns;
    Ok(StoredChannel {
        id: id(channel.unwrap_or_default())?,
        name: name.unwrap_or_default(),
        generation: generation.and_then(|text| text.parse().ok()).unwrap_or(1),
        house: from_json(&house.unwrap_or_default())?,
        failover: from_json(&failover.unwrap_or_default())?,
        messages: from_json(&messages.unwrap_or_default())?,
        slate_picture: slate_picture.map(id).transpose()?,
        manual: manual.as_deref().map(from_json).transpose()?,
        live: live.as_deref().map(from_json).transpose()?,
    })
}

/// Every channel, oldest first.
pub fn all(connection: &Connection) -> Result<Vec<StoredChannel>, Refusal> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM channels ORDER BY rowid"))?;
    let rows = statement.query_map([], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    rows.into_iter().map(parse).collect()
}

/// One channel.
pub fn get(connection: &Connection, channel: &ChannelId) -> Result<StoredChannel, Refusal> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM channels WHERE id = ?1"))?;
    let row = statement.query_row([channel.as_str()], read).optional()?;
    parse(row.ok_or_else(|| Refusal::not_found("channel", channel))?)
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
                manual = ?6, live = ?7, slate_picture = ?8, modified_at_ms = ?9 WHERE id = ?1",
        params![
            channel.id.as_str(),
            channel.name,
            to_json(&channel.house),
            to_json(&channel.failover),
            to_json(&channel.messages),
            channel.manual.as_ref().map(to_json),
            channel.live.as_ref().map(to_json),
            channel.slate_picture.as_ref().map(AssetId::as_str),
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
