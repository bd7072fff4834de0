//! Accounts and their sessions.

use crate::refusal::Refusal;
use rusqlite::{Connection, OptionalExtension, params};

/// Sessions of one account; beyond it the one unused longest ends.
const SESSIONS_MAX: usize = 20;
/// How often a session's use is written down, milliseconds.
const SEEN_EVERY_MS: i64 = 3_600_000;
/// How long an unused session lives: 30 days, milliseconds.
pub const SESSION_MS_MAX: i64 = 30 * 86_400_000;

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Id of the account.
    pub id: String,
    /// Name of the account.
    pub name: String,
}

/// Whether anybody has an account.
pub fn claimed(connection: &Connection) -> Result<bool, Refusal> {
    Ok(connection.prepare_cached("SELECT 1 FROM users")?.exists([])?)
}

/// Adds an account. The hash is in the PHC form of argon2.
pub fn insert(connection: &Connection, person: &Person, hash: &str, at_ms: i64) -> Result<(), Refusal> {
    connection.execute(
        "INSERT INTO users (id, name, password_hash, created_at_ms) VALUES (?1, ?2, ?3, ?4)",
        params![person.id, person.name, hash, at_ms],
    )?;
    Ok(())
}

/// The account of a name, and the hash of its password.
pub fn by_name(connection: &Connection, name: &str) -> Result<Option<(Person, String)>, Refusal> {
    let mut statement = connection.prepare_cached("SELECT id, name, password_hash FROM users WHERE name = ?1")?;
    let found = statement
        .query_row([name], |row| Ok((Person { id: row.get(0)?, name: row.get(1)? }, row.get(2)?)))
        .optional()?;
    Ok(found)
}

/// Begins a session.
pub fn begin_session(connection: &Connection, person: &Person, digest: &[u8; 32], at_ms: i64) -> Result<(), Refusal> {
    connection.execute(
        "INSERT INTO sessions (digest, user_id, created_at_ms, seen_at_ms) VALUES (?1, ?2, ?3, ?3)",
        params![digest, person.id, at_ms],
    )?;
    connection.execute(
        "DELETE FROM sessions WHERE user_id = ?1 AND digest NOT IN
            (SELECT digest FROM sessions WHERE user_id = ?1 ORDER BY seen_at_ms DESC, rowid DESC LIMIT ?2)",
        params![person.id, SESSIONS_MAX as i64],
    )?;
    Ok(())
}

/// Whose session it is, and whether its use should be written down.
pub fn of_session(connection: &Connection, digest: &[u8; 32], at_ms: i64) -> Result<Option<(Person, bool)>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT users.id, users.name, seen_at_ms FROM sessions JOIN users ON users.id = user_id WHERE digest = ?1",
    )?;
    let found: Option<(Person, i64)> = statement
        .query_row([digest], |row| Ok((Person { id: row.get(0)?, name: row.get(1)? }, row.get(2)?)))
        .optional()?;
    // A clock that stepped back must not end sessions.
    Ok(found
        .filter(|(_, seen)| at_ms - seen < SESSION_MS_MAX)
        .map(|(person, seen)| (person, at_ms - seen > SEEN_EVERY_MS)))
}

/// A session was used.
pub fn saw_session(connection: &Connection, digest: &[u8; 32], at_ms: i64) -> Result<(), Refusal> {
    connection.execute("UPDATE sessions SET seen_at_ms = ?2 WHERE digest = ?1", params![digest, at_ms])?;
    connection.execute("DELETE FROM sessions WHERE seen_at_ms < ?1", [at_ms - SESSION_MS_MAX])?;
    Ok(())
}

/// Ends a session.
pub fn end_session(connection: &Connection, digest: &[u8; 32]) -> Result<(), Refusal> {
    connection.execute("DELETE FROM sessions WHERE digest = ?1", [digest])?;
    Ok(())
}
