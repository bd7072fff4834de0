//! Settings of the box: a few texts by name.

use crate::refusal::Refusal;
use rusqlite::{Connection, OptionalExtension, params};

const VENUE: &str = "venue";
const INGEST_GENERATION: &str = "ingest_generation";

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

/// The venue's name; none before the first start.
pub fn venue(connection: &Connection) -> Result<Option<String>, Refusal> {
    get(connection, VENUE)
}

/// Names the venue.
pub fn set_venue(connection: &Connection, name: &str) -> Result<(), Refusal> {
    set(connection, VENUE, name)
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
