//! The broadcast, and the hand of a person.

use super::call::Call;
use crate::doc::{ExecutionDoc, ExecutionStatus, GoLive, LiveStarted, PinChoice, SourceChoice};
use crate::refusal::Refusal;
use crate::store::executions;
use automation::fault::Code;
use automation::id::{ChannelId, SessionId, SourceId};
use automation::spec::Hold;

pub(super) async fn go_live(call: Call, wish: GoLive) -> Result<LiveStarted, Refusal> {
    let session = call.desk.commands.go_live(call.channel()?, wish.countdown_s, call.by()).await?;
    Ok(LiveStarted { session })
}

pub(super) async fn end(call: Call) -> Result<(), Refusal> {
    call.desk.commands.end(call.channel()?).await
}

pub(super) async fn take(call: Call, choice: SourceChoice) -> Result<(), Refusal> {
    call.desk.commands.hold(call.channel()?, Some(choice.source), Hold::Take).await
}

pub(super) async fn pin(call: Call, choice: PinChoice) -> Result<(), Refusal> {
    let channel = call.channel()?;
    let source = match choice.source {
        Some(source) => source,
        None => on_air(&call, &channel)?,
    };
    call.desk.commands.hold(channel, Some(source), Hold::Pin).await
}

/// The source that is on air now.
fn on_air(call: &Call, channel: &ChannelId) -> Result<SourceId, Refusal> {
    let board = call.desk.board.borrow();
    let status = board.channels.iter().find(|known| known.id == *channel).and_then(|known| known.status.as_ref());
    status.and_then(|status| status.on_air.source.clone()).ok_or_else(|| {
        Refusal::because(
            Code::Conflict,
            "No source is on air now that could be held. Choose one, or put the slate on air.",
        )
    })
}

pub(super) async fn slate(call: Call) -> Result<(), Refusal> {
    call.desk.commands.hold(call.channel()?, None, Hold::Pin).await
}

pub(super) async fn clear_overlays(call: Call) -> Result<(), Refusal> {
    call.desk.commands.clear_overlays(call.channel()?, true).await
}

pub(super) async fn restore_overlays(call: Call) -> Result<(), Refusal> {
    call.desk.commands.clear_overlays(call.channel()?, false).await
}

pub(super) async fn release(call: Call) -> Result<(), Refusal> {
    call.desk.commands.release(call.channel()?).await
}

pub(super) async fn pause(call: Call) -> Result<(), Refusal> {
    call.desk.commands.pause(call.channel()?).await
}

pub(super) async fn resume(call: Call) -> Result<(), Refusal> {
    call.desk.commands.resume(call.channel()?).await
}

pub(super) async fn executions(call: Call) -> Result<Vec<ExecutionDoc>, Refusal> {
    let (channel, before) = (call.channel()?, call.id_after::<SessionId>("before")?);
    let limit = call.count("limit", executions::LISTED_MAX)?.unwrap_or(executions::LISTED_MAX);
    let logs = call.desk.commands.as_runs().clone();
    let mut list = {
        let channel = channel.clone();
        let read = move |connection: &_, _: &_| executions::of(connection, &channel, before.as_ref(), limit);
        call.desk.store.read(read).await?
    };
    // What runs is told as it is now, and not as it was last stored.
    for running in list.iter_mut().filter(|one| one.status == ExecutionStatus::Running) {
        if let Some(log) = logs.of(&channel, &running.session) {
            running.metrics = log.figures().clone();
        }
    }
    Ok(list)
}
