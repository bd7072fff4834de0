//! Destinations.

use super::call::Call;
use crate::doc::{DestinationDoc, DestinationDraft, PlatformDoc};
use crate::refusal::Refusal;
use automation::id::DestinationId;
use automation::spec::platform;

pub(super) async fn platforms(_call: Call) -> Result<Vec<PlatformDoc>, Refusal> {
    Ok(platform::TABLE.iter().map(PlatformDoc::from).collect())
}

pub(super) async fn list(call: Call) -> Result<Vec<DestinationDoc>, Refusal> {
    let channel = call.channel()?;
    let wanted = call.desk.store.wanted().borrow().clone();
    Ok(wanted.channel(&channel)?.doc.destinations.clone())
}

pub(super) async fn create(call: Call, draft: DestinationDraft) -> Result<DestinationDoc, Refusal> {
    call.desk.commands.create_destination(call.channel()?, draft).await
}

pub(super) async fn show(call: Call) -> Result<DestinationDoc, Refusal> {
    let id: DestinationId = call.id("id")?;
    let found = list(call).await?.into_iter().find(|destination| destination.id == id);
    found.ok_or_else(|| Refusal::not_found("destination", &id))
}

pub(super) async fn change(call: Call, draft: DestinationDraft) -> Result<DestinationDoc, Refusal> {
    call.desk.commands.change_destination(call.channel()?, call.id("id")?, draft).await
}

pub(super) async fn delete(call: Call) -> Result<(), Refusal> {
    call.desk.commands.delete_destination(call.channel()?, call.id("id")?).await
}

pub(super) async fn start(call: Call) -> Result<DestinationDoc, Refusal> {
    call.desk.commands.enable_destination(call.channel()?, call.id("id")?, true).await
}

pub(super) async fn stop(call: Call) -> Result<DestinationDoc, Refusal> {
    call.desk.commands.enable_destination(call.channel()?, call.id("id")?, false).await
}
