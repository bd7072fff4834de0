//! What the operator was told, and which troubles stood then.

use super::{from_json, settings};
use crate::doc::Alert;
use crate::refusal::Refusal;
use automation::fault::Code;
use rusqlite::{Connection, params};

/// Writes alerts down in place of those that were there, newest first; they are few.
pub fn put(connection: &Connection, alerts: &[Alert], standing: &str) -> Result<(), Refusal> {
    connection.execute("DELETE FROM alerts", [])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO alerts (at_ms, code, subject, text, remedy, over) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for alert in alerts.iter().rev() {
        let code = alert.code.as_str();
        insert.execute(params![alert.at_ms, code, alert.subject, alert.text, alert.remedy, alert.over])?;
    }
    settings::set_standing(connection, standing)
}

/// The alerts, newest first, and what stood.
pub fn all(connection: &Connection) -> Result<(Vec<Alert>, String), Refusal> {
    let mut statement =
        connection.prepare_cached("SELECT at_ms, code, subject, text, remedy, over FROM alerts ORDER BY id DESC")?;
    let mut rows = statement.query([])?;
    let mut alerts = Vec::new();
    while let Some(row) = rows.next()? {
        // A code of a newer version that was taken back means nothing to us.
        let Ok(code) = from_json::<Code>(&format!("\"{}\"", row.get::<_, String>(1)?)) else { continue };
        alerts.push(Alert {
            at_ms: row.get(0)?,
            code,
            subject: row.get(2)?,
            text: row.get(3)?,
            remedy: row.get(4)?,
            over: row.get(5)?,
        });
    }
    Ok((alerts, settings::standing(connection)?.unwrap_or_default()))
}
