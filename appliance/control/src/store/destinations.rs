//! Destinations, with their stream keys sealed.

use super::{Context, id};
use crate::refusal::Refusal;
use automation::fault::Code;
use automation::id::{ChannelId, DestinationId};
use automation::secret::Secret;
use automation::spec::{Destination, RtmpUrl};
use rusqlite::{Connection, params};

/// Destinations of one channel.
pub const DESTINATIONS_MAX: usize = 16;

fn owner(channel: &ChannelId, destination: &str) -> String {
    format!("destination/{channel}/{destination}")
}

/// The destinations of a channel, oldest first.
pub fn of(connection: &Connection, context: &Context, channel: &ChannelId) -> Result<Vec<Destination>, Refusal> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, url, key_sealed, enabled FROM destinations WHERE channel_id = ?1 ORDER BY rowid",
    )?;
    let mut rows = statement.query([channel.as_str()])?;
    let mut destinations = Vec::new();
    while let Some(row) = rows.next()? {
        let (destination, name, url): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let key = match row.get::<_, Option<Vec<u8>>>(3)? {
            Some(sealed) => context
                .sealer
                .open_sealed(&owner(channel, &destination), &sealed)
                .map_err(|error| Refusal::failed(Code::StorageFailed, error))?,
            None => Secret::default(),
        };
        let url = RtmpUrl::parse(&url).map_err(|error| Refusal::failed(Code::StorageFailed, error))?;
        destinations.push(Destination { id: id(destination)?, name, url, key, enabled: row.get(4)? });
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
    let sealed = (!destination.key.is_empty())
        .then(|| context.sealer.seal(&owner(channel, destination.id.as_str()), &destination.key));
    connection.execute(
        "INSERT INTO destinations (channel_id, id, name, url, key_sealed, enabled) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (channel_id, id) DO UPDATE SET name = ?3, url = ?4, key_sealed = ?5, enabled = ?6",
        params![
            channel.as_str(),
            destination.id.as_str(),
            destination.name,
            destination.url.as_str(),
            sealed,
            destination.enabled
        ],
    )?;
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
