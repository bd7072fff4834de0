//! Channels.

use super::call::Call;
use crate::doc::{ChannelDoc, ChannelDraft, ChannelPatch};
use crate::refusal::Refusal;

fn addressed(call: &Call, mut channel: ChannelDoc) -> ChannelDoc {
    call.desk.reach(&call.peer).channel(&mut channel);
    channel
}

pub(super) async fn list(call: Call) -> Result<Vec<ChannelDoc>, Refusal> {
    let wanted = call.desk.store.wanted().borrow().clone();
    Ok(wanted.channels.iter().map(|channel| addressed(&call, channel.doc.clone())).collect())
}

pub(super) async fn create(call: Call, draft: ChannelDraft) -> Result<ChannelDoc, Refusal> {
    let channel = call.desk.commands.create_channel(draft).await?;
    Ok(addressed(&call, channel))
}

pub(super) async fn show(call: Call) -> Result<ChannelDoc, Refusal> {
    let id = call.channel()?;
    let wanted = call.desk.store.wanted().borrow().clone();
    Ok(addressed(&call, wanted.channel(&id)?.doc.clone()))
}

pub(super) async fn change(call: Call, patch: ChannelPatch) -> Result<ChannelDoc, Refusal> {
    let channel = call.desk.commands.change_channel(call.channel()?, patch).await?;
    Ok(addressed(&call, channel))
}

pub(super) async fn delete(call: Call) -> Result<(), Refusal> {
    call.desk.commands.delete_channel(call.channel()?).await
}
