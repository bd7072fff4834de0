//! The log of broadcasts (VS-102).

use super::{from_json, id, to_json};
use crate::doc::{ExecutionDoc, ExecutionStatus};
use crate::refusal::Refusal;
use automation::as_run::{AsRun, Figures};
use automation::fault::Code;
use automation::id::{ChannelId, SessionId};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Broadcasts that a list shows at a time.
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
            FROM timeline_executions WHERE channel_id = ?1 ORDER BY rowid DESC LIMIT ?2)",
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

/// Wall time has become known: when a broadcast really began.
pub fn began(connection: &Connection, session: &SessionId, at_ms: i64) -> Result<(), Refusal> {
    let sql = "UPDATE timeline_executions SET started_at_ms = ?2 WHERE session = ?1";
    connection.execute(sql, params![session.as_str(), at_ms])?;
    Ok(())
}

/// Keeps the log of a running broadcast as it is now.
pub fn keep(connection: &Connection, session: &SessionId, log: &AsRun) -> Result<(), Refusal> {
    connection.execute(
        "UPDATE timeline_executions SET as_run = ?2, metrics = ?3 WHERE session = ?1 AND status = 'running'",
        params![session.as_str(), to_json(log), to_json(log.figures())],
    )?;
    Ok(())
}

/// The log of a broadcast as it was last kept; none where it never was.
pub fn kept(connection: &Connection, session: &SessionId) -> Result<Option<AsRun>, Refusal> {
    let mut statement = connection.prepare_cached("SELECT as_run FROM timeline_executions WHERE session = ?1")?;
    let log: Option<Option<String>> = statement.query_row([session.as_str()], |row| row.get(0)).optional()?;
    log.flatten().as_deref().map(from_json).transpose()
}

/// A broadcast ends. What was noted before stays in front of the message.
pub fn end(
    connection: &Connection,
    session: &SessionId,
    status: ExecutionStatus,
    message: Option<&str>,
    at_ms: i64,
    metrics: &Figures,
) -> Result<(), Refusal> {
    connection.execute(
        "UPDATE timeline_executions SET status = ?2, completed_at_ms = ?3, metrics = ?4, as_run = NULL,
            error_message = CASE WHEN ?5 IS NULL THEN error_message ELSE concat_ws(' ', error_message, ?5) END
         WHERE session = ?1",
        params![session.as_str(), status.as_str(), at_ms, to_json(metrics), message],
    )?;
    Ok(())
}

/// The broadcasts of a channel, newest first, at most `limit`; with `before` those that began before that one. They
/// are in the order in which they began, whatever the clock said then.
pub fn of(
    connection: &Connection,
    channel: &ChannelId,
    before: Option<&SessionId>,
    limit: usize,
) -> Result<Vec<ExecutionDoc>, Refusal> {
    let below = match before {
        None => i64::MAX,
        Some(before) => {
            let sql = "SELECT rowid FROM timeline_executions WHERE channel_id = ?1 AND session = ?2";
            let found: Option<i64> = connection
                .prepare_cached(sql)?
                .query_row([channel.as_str(), before.as_str()], |row| row.get(0))
                .optional()?;
            found.ok_or_else(|| Refusal::wrong(Code::RequestInvalid, "before", "there is no such broadcast"))?
        }
    };
    let mut statement = connection.prepare_cached(
        "SELECT session, timeline_id, timeline_name, started_at_ms, completed_at_ms, status, executed_by,
                error_message, metrics
         FROM timeline_executions WHERE channel_id = ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3",
    )?;
    let mut rows = statement.query(params![channel.as_str(), below, limit.min(LISTED_MAX) as i64])?;
    let mut executions = Vec::new();
    while let Some(row) = rows.next()? {
        executions.push(read(row)?);
    }
    Ok(executions)
}

fn read(row: &Row<'_>) -> Result<ExecutionDoc, Refusal> {
    Ok(ExecutionDoc {
        session: id(row.get(0)?)?,
        timeline: row.get::<_, Option<String>>(1)?.map(id).transpose()?,
        timeline_name: row.get(2)?,
        started_at_ms: row.get(3)?,
        completed_at_ms: row.get(4)?,
        status: from_json(&format!("\"{}\"", row.get::<_, String>(5)?))?,
        executed_by: row.get(6)?,
        error_message: row.get(7)?,
        metrics: from_json(&row.get::<_, String>(8)?)?,
    })
}
