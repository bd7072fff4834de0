//! The list of uploaded files. The files themselves lie in the folder `assets`.

use super::{from_json, id, to_json};
use crate::doc::{AssetDoc, AssetKind};
use crate::refusal::Refusal;
use automation::id::AssetId;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

/// Uploaded files of one box.
pub const ASSETS_MAX: usize = 1000;

/// An uploaded file.
#[derive(Clone, Debug)]
pub struct StoredAsset {
    /// What the API shows of it.
    pub doc: AssetDoc,
    /// Its file's name in the folder of assets.
    pub file: String,
    /// Its content type.
    pub mime: String,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    width: Option<u32>,
    height: Option<u32>,
    duration_ms: Option<u64>,
}

const COLUMNS: &str = "id, asset_type, filename, file_path, file_size, mime_type, checksum, metadata";

fn read(row: &Row<'_>) -> Result<StoredAsset, Refusal> {
    let metadata: Metadata = from_json(&row.get::<_, String>(7)?)?;
    let kind: AssetKind = from_json(&format!("\"{}\"", row.get::<_, String>(1)?))?;
    let bytes: i64 = row.get(4)?;
    Ok(StoredAsset {
        doc: AssetDoc {
            id: id(row.get(0)?)?,
            name: row.get(2)?,
            bytes: bytes as u64,
            kind,
            sha256: row.get(6)?,
            width: metadata.width,
            height: metadata.height,
            duration_ms: metadata.duration_ms,
        },
        file: row.get(3)?,
        mime: row.get(5)?,
    })
}

/// Every file, oldest first.
pub fn all(connection: &Connection) -> Result<Vec<StoredAsset>, Refusal> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM assets ORDER BY rowid"))?;
    let mut rows = statement.query([])?;
    let mut assets = Vec::new();
    while let Some(row) = rows.next()? {
        assets.push(read(row)?);
    }
    Ok(assets)
}

/// One file.
pub fn get(connection: &Connection, asset: &AssetId) -> Result<StoredAsset, Refusal> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM assets WHERE id = ?1"))?;
    let mut rows = statement.query([asset.as_str()])?;
    match rows.next()? {
        Some(row) => read(row),
        None => Err(Refusal::not_found("file", asset)),
    }
}

/// Adds a file.
pub fn insert(connection: &Connection, asset: &StoredAsset, at_ms: i64) -> Result<(), Refusal> {
    let doc = &asset.doc;
    let metadata = Metadata { width: doc.width, height: doc.height, duration_ms: doc.duration_ms };
    connection.execute(
        &format!("INSERT INTO assets ({COLUMNS}, uploaded_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
        params![
            doc.id.as_str(),
            doc.kind.as_str(),
            doc.name,
            asset.file,
            doc.bytes as i64,
            asset.mime,
            doc.sha256,
            to_json(&metadata),
            at_ms
        ],
    )?;
    Ok(())
}

/// Takes a file off the list.
pub fn delete(connection: &Connection, asset: &AssetId) -> Result<(), Refusal> {
    connection.execute("DELETE FROM assets WHERE id = ?1", [asset.as_str()])?;
    Ok(())
}
