//! Timelines.

use super::call::Call;
use crate::doc::{TimelineBody, TimelineDoc};
use crate::refusal::Refusal;
use crate::store::timelines;

pub(super) async fn list(call: Call) -> Result<Vec<TimelineDoc>, Refusal> {
    let channel = call.channel()?;
    let stored = call.desk.store.read(move |connection, _| timelines::of(connection, &channel)).await?;
    Ok(stored.into_iter().map(TimelineDoc::from).collect())
}

pub(super) async fn create(call: Call, body: TimelineBody) -> Result<TimelineDoc, Refusal> {
    call.desk.commands.create_timeline(call.channel()?, body, call.by()).await
}

pub(super) async fn show(call: Call) -> Result<TimelineDoc, Refusal> {
    let (channel, id) = (call.channel()?, call.id("id")?);
    Ok(call.desk.store.read(move |connection, _| timelines::get(connection, &channel, &id)).await?.into())
}

pub(super) async fn change(call: Call, body: TimelineBody) -> Result<TimelineDoc, Refusal> {
    call.desk.commands.change_timeline(call.channel()?, call.id("id")?, body, call.by()).await
}

pub(super) async fn delete(call: Call) -> Result<(), Refusal> {
    call.desk.commands.delete_timeline(call.channel()?, call.id("id")?).await
}

pub(super) async fn load(call: Call) -> Result<TimelineDoc, Refusal> {
    call.desk.commands.load_timeline(call.channel()?, call.id("id")?).await
}
