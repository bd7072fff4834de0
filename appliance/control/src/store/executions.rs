//! The log of broadcasts (VS-102).

use super::{from_json, id};
use crate::doc::{ExecutionDoc, ExecutionStatus};
use crate::refusal::Refusal;
use automation::id::{ChannelId, SessionId};
use rusqlite::{Connection, params};

/// Broadcasts that a list shows.
pub const LISTED_MAX: usize = 100;
/// Broadcasts that are kept per channel: some years of daily ones.
const KEPT_MAX: usize = 2000;

/// A broadcast begins.
pub fn begin(connection: &Connection, channel: &ChannelId, execution: &ExecutionDoc) -> Result<(), Refusal> {
    connection.execute(
        "INSERT INTO timeline_executions
            (session, channel_id, timeline_id, timeline_name, started_at_ms, status, executed_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            execution.session.as_str(),
            channel.as_str(),
            execution.timeline.as_ref().map(|timeline| timeline.as_str()),
            execution.timeline_name,
            execution.started_at_ms,
            execution.status.as_str(),
            execution.executed_by
        ],
    )?;
    connection.execute(
        "DELETE FROM timeline_executions WHERE channel_id = ?1 AND session NOT IN (SELECT session
            FROM timeline_executions WHERE channel_id = ?1 ORDER BY started_at_ms DESC, rowid DESC LIMIT ?2)",
        params![channel.as_str(), KEPT_MAX as i64],
    )?;
    Ok(())
}

/// Something went wrong with a broadcast, which goes on.
pub fn note(connection: &Connection, session: &SessionId, text: &str) -> Result<(), Refusal> {
    let sql = "UPDATE timeline_executions SET error_message = ?2 WHERE session = ?1";
    connection.execute(sql, params![session.as_str(), text])?;
    Ok(())
}

/// A broadcast ends.
pub fn end(
    connection: &Connection,
    session: &SessionId,
    status: ExecutionStatus,
    at_ms: i64,
    metrics: &serde_json::Value,
) -> Result<(), Refusal> {
    connection.execute(
        "UPDATE timeline_executions SET status = ?2, completed_at_ms = ?3, metrics = ?4 WHERE session = ?1",
        params![session.as_str(), status.as_str(), at_ms, metrics.to_string()],
    )?;
    Ok(())
}

/// The broadcasts of a channel, newest first.
pub fn of(connection: &Connection, channel: &ChannelId) -> Result<Vec<ExecutionDoc>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT session, timeline_id, timeline_name, started_at_ms, completed_at_ms, status, executed_by,
                error_message, metrics
         FROM timeline_executions WHERE channel_id = ?1 ORDER BY started_at_ms DESC, rowid DESC LIMIT ?2",
    )?;
    let mut rows = statement.query(params![channel.as_str(), LISTED_MAX as i64])?;
    let mut executions = Vec::new();
    while let Some(row) = rows.next()? {
        executions.push(ExecutionDoc {
            session: id(row.get(0)?)?,
            timeline: row.get::<_, Option<String>>(1)?.map(id).transpose()?,
            timeline_name: row.get(2)?,
            started_at_ms: row.get(3)?,
            completed_at_ms: row.get(4)?,
            status: from_json(&format!("\"{}\"", row.get::<_, String>(5)?))?,
            executed_by: row.get(6)?,
            error_message: row.get(7)?,
            metrics: from_json(&row.get::<_, String>(8)?)?,
        });
    }
    Ok(executions)
}
