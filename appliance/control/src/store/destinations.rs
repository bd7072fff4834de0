//! Destinations, with their stream keys and passphrases sealed.

use super::{Context, from_json, id, to_json};
use crate::refusal::Refusal;
use automation::fault::Code;
use automation::id::{ChannelId, DestinationId};
use automation::secret::Secret;
use automation::spec::{Destination, DestinationKind};
use rusqlite::{Connection, params};

/// Destinations of one channel.
pub const DESTINATIONS_MAX: usize = 16;

fn owner(channel: &ChannelId, destination: &str) -> String {
    format!("destination/{channel}/{destination}")
}

/// The destinations of a channel, oldest first.
pub fn of(connection: &Connection, context: &Context, channel: &ChannelId) -> Result<Vec<Destination>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, params, secret_sealed, enabled, renew_hours FROM destinations WHERE channel_id = ?1
         ORDER BY rowid",
    )?;
    let mut rows = statement.query([channel.as_str()])?;
    let mut destinations = Vec::new();
    while let Some(row) = rows.next()? {
        let (destination, name, params): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let mut kind: DestinationKind = from_json(&params)?;
        let secret = match row.get::<_, Option<Vec<u8>>>(3)? {
            Some(sealed) => context
                .sealer
                .open_sealed(&owner(channel, &destination), &sealed)
                .map_err(|error| Refusal::failed(Code::StorageFailed, error))?,
            None => Secret::default(),
        };
        unpack(&mut kind, secret)?;
        let id = id(destination)?;
        destinations.push(Destination { id, name, enabled: row.get(4)?, renew_hours: row.get(5)?, kind });
    }
    Ok(destinations)
}

/// One destination.
pub fn get(
    connection: &Connection,
    context: &Context,
    channel: &ChannelId,
    destination: &DestinationId,
) -> Result<Destination, Refusal> {
    let found = of(connection, context, channel)?.into_iter().find(|stored| stored.id == *destination);
    found.ok_or_else(|| Refusal::not_found("destination", destination))
}

/// Adds a destination, or writes a changed one in its place.
pub fn put(
    connection: &Connection,
    context: &Context,
    channel: &ChannelId,
    destination: &Destination,
) -> Result<(), Refusal> {
    let mut kind = destination.kind.clone();
    let secret = pack(&mut kind);
    let sealed = (!secret.is_empty()).then(|| context.sealer.seal(&owner(channel, destination.id.as_str()), &secret));
    connection.execute(
        "INSERT INTO destinations (channel_id, id, name, params, secret_sealed, enabled, renew_hours)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (channel_id, id) DO UPDATE SET
            name = ?3, params = ?4, secret_sealed = ?5, enabled = ?6, renew_hours = ?7",
        params![
            channel.as_str(),
            destination.id.as_str(),
            destination.name,
            to_json(&kind),
            sealed,
            destination.enabled,
            destination.renew_hours
        ],
    )?;
    Ok(())
}

/// Takes what is secret out of a kind, as one text: a stream key, or SRT's passphrase and stream id as a list.
fn pack(kind: &mut DestinationKind) -> Secret {
    match kind {
        DestinationKind::Rtmp { key, .. } => std::mem::take(key),
        DestinationKind::Srt { passphrase, stream_id, .. } => {
            let secrets = [std::mem::take(passphrase), std::mem::take(stream_id)];
            let any = secrets.iter().any(|secret| !secret.is_empty());
            if any { Secret::new(to_json(&secrets)) } else { Secret::default() }
        }
        DestinationKind::File { .. } => Secret::default(),
    }
}

fn unpack(kind: &mut DestinationKind, secret: Secret) -> Result<(), Refusal> {
    match kind {
        DestinationKind::Rtmp { key, .. } => *key = secret,
        DestinationKind::Srt { passphrase, stream_id, .. } if !secret.is_empty() => {
            [*passphrase, *stream_id] = from_json(secret.expose())?;
        }
        DestinationKind::Srt { .. } | DestinationKind::File { .. } => {}
    }
    Ok(())
}

/// Deletes a destination.
pub fn delete(connection: &Connection, channel: &ChannelId, destination: &DestinationId) -> Result<(), Refusal> {
    connection.execute(
        "DELETE FROM destinations WHERE channel_id = ?1 AND id = ?2",
        params![channel.as_str(), destination.as_str()],
    )?;
    Ok(())
}
