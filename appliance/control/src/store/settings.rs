//! Settings of the box: a few texts by name.

use super::{from_json, to_json};
use crate::doc::PanelDoc;
use crate::refusal::Refusal;
use automation::wall::{WallClock, Zone};
use rusqlite::{Connection, OptionalExtension, params};

const VENUE: &str = "venue";
const INGEST_GENERATION: &str = "ingest_generation";
const WALL: &str = "wall";
const WALL_BOOT: &str = "wall_boot";
const STANDING: &str = "alerts_standing";
const PANEL: &str = "panel";
const TIME_ZONE: &str = "time_zone";
const ZONE: &str = "zone";

fn get(connection: &Connection, name: &str) -> Result<Option<String>, Refusal> {
    let mut statement = connection.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

fn set(connection: &Connection, name: &str, value: &str) -> Result<(), Refusal> {
    connection.execute(
        "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
        params![name, value],
    )?;
    Ok(())
}

fn remove(connection: &Connection, name: &str) -> Result<(), Refusal> {
    connection.execute("DELETE FROM settings WHERE name = ?1", [name])?;
    Ok(())
}

/// The venue's name; none before the first start.
pub fn venue(connection: &Connection) -> Result<Option<String>, Refusal> {
    get(connection, VENUE)
}

/// The name of the time zone that was chosen; none is the machine's own.
pub fn time_zone(connection: &Connection) -> Result<Option<String>, Refusal> {
    get(connection, TIME_ZONE)
}

/// Chooses one, or none.
pub fn set_time_zone(connection: &Connection, name: Option<&str>) -> Result<(), Refusal> {
    match name {
        Some(name) => set(connection, TIME_ZONE, name),
        None => remove(connection, TIME_ZONE),
    }
}

/// The zone that is in force, as its rule.
pub fn zone(connection: &Connection) -> Result<Option<Zone>, Refusal> {
    Ok(get(connection, ZONE)?.and_then(|rule| Zone::try_from(rule).ok()))
}

/// Puts one in force.
pub fn set_zone(connection: &Connection, zone: &Zone) -> Result<(), Refusal> {
    set(connection, ZONE, &String::from(zone.clone()))
}

/// Names the venue.
pub fn set_venue(connection: &Connection, name: &str) -> Result<(), Refusal> {
    set(connection, VENUE, name)
}

/// How running time and wall clock lie to each other, as it was last learnt; of the boot in which it was.
pub fn wall(connection: &Connection) -> Result<Option<WallClock>, Refusal> {
    get(connection, WALL)?.as_deref().map(from_json).transpose()
}

/// Writes it down.
pub fn set_wall(connection: &Connection, wall: &WallClock, boot: &str) -> Result<(), Refusal> {
    set(connection, WALL, &to_json(wall))?;
    set(connection, WALL_BOOT, boot)
}

/// Forgets it where it was learnt in another boot: running time began anew. Answers whether it did.
pub fn forget_wall(connection: &Connection, boot: &str) -> Result<bool, Refusal> {
    let foreign = get(connection, WALL_BOOT)?.is_some_and(|known| known != boot);
    if foreign {
        connection.execute("DELETE FROM settings WHERE name IN (?1, ?2)", params![WALL, WALL_BOOT])?;
    }
    Ok(foreign)
}

/// The troubles that stood when they were last written down, as the alerts keep them.
pub fn standing(connection: &Connection) -> Result<Option<String>, Refusal> {
    get(connection, STANDING)
}

/// Writes them down.
pub fn set_standing(connection: &Connection, standing: &str) -> Result<(), Refusal> {
    set(connection, STANDING, standing)
}

/// The button and the lamp on the box. Those that only a newer version understands are none: nothing else depends on them.
pub fn panel(connection: &Connection) -> Result<Option<PanelDoc>, Refusal> {
    Ok(get(connection, PANEL)?.and_then(|text| from_json(&text).ok()))
}

/// Connects them, or none.
pub fn set_panel(connection: &Connection, panel: Option<&PanelDoc>) -> Result<(), Refusal> {
    match panel {
        Some(panel) => set(connection, PANEL, &to_json(panel)),
        None => remove(connection, PANEL),
    }
}

/// Generation of what `ingest` shall be.
pub fn ingest_generation(connection: &Connection) -> Result<u64, Refusal> {
    Ok(get(connection, INGEST_GENERATION)?.and_then(|text| text.parse().ok()).unwrap_or(1))
}

/// Raises it by one, or to `at_least` where that is more.
pub fn raise_ingest(connection: &Connection, at_least: u64) -> Result<(), Refusal> {
    let next = (ingest_generation(connection)? + 1).max(at_least);
    set(connection, INGEST_GENERATION, &next.to_string())
}
