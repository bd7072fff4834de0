//! Sources.

use super::call::Call;
use crate::doc::{SourceDoc, SourceDraft};
use crate::refusal::Refusal;
use automation::id::SourceId;

fn addressed(call: &Call, mut source: SourceDoc) -> SourceDoc {
    call.desk.reach(&call.peer).source(&mut source);
    source
}

pub(super) async fn list(call: Call) -> Result<Vec<SourceDoc>, Refusal> {
    let channel = call.channel()?;
    let wanted = call.desk.store.wanted().borrow().clone();
    Ok(wanted.channel(&channel)?.doc.sources.iter().map(|source| addressed(&call, source.clone())).collect())
}

pub(super) async fn create(call: Call, draft: SourceDraft) -> Result<SourceDoc, Refusal> {
    let source = call.desk.commands.create_source(call.channel()?, draft).await?;
    Ok(addressed(&call, source))
}

pub(super) async fn show(call: Call) -> Result<SourceDoc, Refusal> {
    let (channel, id): (_, SourceId) = (call.channel()?, call.id("id")?);
    let wanted = call.desk.store.wanted().borrow().clone();
    let found = wanted.channel(&channel)?.doc.sources.iter().find(|source| source.id == id);
    Ok(addressed(&call, found.cloned().ok_or_else(|| Refusal::not_found("source", &id))?))
}

pub(super) async fn change(call: Call, draft: SourceDraft) -> Result<SourceDoc, Refusal> {
    let source = call.desk.commands.change_source(call.channel()?, call.id("id")?, draft).await?;
    Ok(addressed(&call, source))
}

pub(super) async fn delete(call: Call) -> Result<(), Refusal> {
    call.desk.commands.delete_source(call.channel()?, call.id("id")?).await
}

pub(super) async fn rotate_token(call: Call) -> Result<SourceDoc, Refusal> {
    let source = call.desk.commands.rotate_token(call.channel()?, call.id("id")?).await?;
    Ok(addressed(&call, source))
}
