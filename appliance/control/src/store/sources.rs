//! Sources, with their passwords and tokens sealed.

use super::{Context, from_json, id, to_json};
use crate::refusal::Refusal;
use automation::fault::Code;
use automation::follow::CameraIdentity;
use automation::id::{AssetId, ChannelId, SourceId};
use automation::secret::Secret;
use automation::spec::{Source, SourceKind};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Sources of one channel.
pub const SOURCES_MAX: usize = 64;

/// A source, and its publisher's token where it has one.
#[derive(Clone, Debug)]
pub struct StoredSource {
    /// The source, with its secrets.
    pub source: Source,
    /// What a publisher must know; empty for other kinds.
    pub token: Secret,
    /// Which camera it is, where a camera told.
    pub camera: Option<CameraIdentity>,
}

/// The one text that is sealed of a source: a publisher's token, a camera's password, or the secrets of another kind
/// by the names of their fields.
fn sealable(kind: &mut SourceKind, token: &Secret) -> Secret {
    let bare = matches!(kind, SourceKind::Camera { .. });
    let mut fields = kind.secrets_mut();
    match fields.as_mut_slice() {
        [] => token.clone(),
        [(_, password)] if bare => std::mem::take(password),
        fields if fields.iter().all(|(_, secret)| secret.is_empty()) => Secret::default(),
        fields => {
            let taken: BTreeMap<&str, Secret> =
                fields.iter_mut().map(|(name, s)| (*name, std::mem::take(*s))).collect();
            Secret::new(to_json(&taken))
        }
    }
}

/// Puts what was sealed back into a source. Answers the token of a publisher's.
fn unseal(kind: &mut SourceKind, sealed: Secret) -> Result<Secret, Refusal> {
    let bare = matches!(kind, SourceKind::Camera { .. });
    let mut fields = kind.secrets_mut();
    match fields.as_mut_slice() {
        [] => return Ok(sealed),
        [(_, password)] if bare => **password = sealed,
        fields if !sealed.is_empty() => {
            let mut kept: BTreeMap<String, Secret> = from_json(sealed.expose())?;
            for (name, secret) in fields {
                **secret = kept.remove(*name).unwrap_or_default();
            }
        }
        _ => {}
    }
    Ok(Secret::default())
}

fn owner(channel: &ChannelId, source: &str) -> String {
    format!("source/{channel}/{source}")
}

/// The sources of a channel, oldest first.
pub fn of(connection: &Connection, context: &Context, channel: &ChannelId) -> Result<Vec<StoredSource>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, params, backup_id, secret_sealed, ptz, camera, sound_only FROM sources WHERE channel_id = ?1 ORDER BY rowid",
    )?;
    let mut rows = statement.query([channel.as_str()])?;
    let mut sources = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, params): (String, String) = (row.get(1)?, row.get(2)?);
        let source_id: String = row.get(0)?;
        let secret = match row.get::<_, Option<Vec<u8>>>(4)? {
            Some(sealed) => context
                .sealer
                .open_sealed(&owner(channel, &source_id), &sealed)
                .map_err(|error| Refusal::failed(Code::StorageFailed, error))?,
            None => Secret::default(),
        };
        let mut kind: SourceKind = from_json(&params)?;
        let token = unseal(&mut kind, secret)?;
        let backup = row.get::<_, Option<String>>(3)?.map(id).transpose()?;
        let ptz = row.get::<_, Option<String>>(5)?.as_deref().map(from_json).transpose()?;
        let camera = row.get::<_, Option<String>>(6)?.as_deref().map(from_json).transpose()?;
        let sound_only = row.get(7)?;
        let source = Source { id: id(source_id)?, name, kind, backup, ptz, sound_only };
        sources.push(StoredSource { source, token, camera });
    }
    Ok(sources)
}

/// One source.
pub fn get(
    connection: &Connection,
    context: &Context,
    channel: &ChannelId,
    source: &SourceId,
) -> Result<StoredSource, Refusal> {
    let found = of(connection, context, channel)?.into_iter().find(|stored| stored.source.id == *source);
    found.ok_or_else(|| Refusal::not_found("source", source))
}

/// Adds a source, or writes a changed one in its place.
pub fn put(
    connection: &Connection,
    context: &Context,
    channel: &ChannelId,
    stored: &StoredSource,
) -> Result<(), Refusal> {
    let source = &stored.source;
    let mut kind = source.kind.clone();
    let secret = sealable(&mut kind, &stored.token);
    let sealed = (!secret.is_empty()).then(|| context.sealer.seal(&owner(channel, source.id.as_str()), &secret));
    let mut assets = kind.assets().map(AssetId::as_str);
    let asset = assets.next();
    let stream = match &kind {
        SourceKind::Rtmp { stream, .. } => Some(stream.as_str()),
        _ => None,
    };
    connection.execute(
        "INSERT INTO sources (channel_id, id, name, params, backup_id, asset_id, stream, secret_sealed, ptz, camera,
            sound_only)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (channel_id, id) DO UPDATE SET
            name = ?3, params = ?4, backup_id = ?5, asset_id = ?6, stream = ?7, secret_sealed = ?8, ptz = ?9,
            camera = ?10, sound_only = ?11",
        params![
            channel.as_str(),
            source.id.as_str(),
            source.name,
            to_json(&kind),
            source.backup.as_ref().map(SourceId::as_str),
            asset,
            stream,
            sealed,
            source.ptz.as_ref().map(to_json),
            stored.camera.as_ref().map(to_json),
            source.sound_only
        ],
    )?;
    // The list itself lies in the source's document; these hold on to its files.
    let owner = params![channel.as_str(), source.id.as_str()];
    connection.execute("DELETE FROM source_assets WHERE channel_id = ?1 AND source_id = ?2", owner)?;
    let mut hold = connection
        .prepare_cached("INSERT OR IGNORE INTO source_assets (channel_id, source_id, asset_id) VALUES (?1, ?2, ?3)")?;
    for asset in assets {
        hold.execute([channel.as_str(), source.id.as_str(), asset])?;
    }
    Ok(())
}

/// Deletes a source.
pub fn delete(connection: &Connection, channel: &ChannelId, source: &SourceId) -> Result<(), Refusal> {
    connection
        .execute("DELETE FROM sources WHERE channel_id = ?1 AND id = ?2", params![channel.as_str(), source.as_str()])?;
    Ok(())
}

/// Whether any channel has a stream of this name.
pub fn stream_taken(connection: &Connection, stream: &str) -> Result<bool, Refusal> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM sources WHERE stream = ?1")?;
    Ok(statement.exists([stream])?)
}
