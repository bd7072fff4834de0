//! The broadcast, and the hand of a person.

use super::call::Call;
use crate::doc::{ExecutionDoc, GoLive, LiveStarted, SourceChoice};
use crate::refusal::Refusal;
use crate::store::executions;
use automation::spec::Hold;

pub(super) async fn go_live(call: Call, wish: GoLive) -> Result<LiveStarted, Refusal> {
    let session = call.desk.commands.go_live(call.channel()?, wish.countdown_s, call.by()).await?;
    Ok(LiveStarted { session })
}

pub(super) async fn end(call: Call) -> Result<(), Refusal> {
    let channel = call.channel()?;
    let board = call.desk.board.borrow().clone();
    let last = board.channels.iter().find(|known| known.id == channel).and_then(|known| known.status.clone());
    call.desk.commands.end(channel, last).await
}

pub(super) async fn take(call: Call, choice: SourceChoice) -> Result<(), Refusal> {
    call.desk.commands.hold(call.channel()?, choice.source, Hold::Take).await
}

pub(super) async fn pin(call: Call, choice: SourceChoice) -> Result<(), Refusal> {
    call.desk.commands.hold(call.channel()?, choice.source, Hold::Pin).await
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
    let channel = call.channel()?;
    call.desk.store.read(move |connection, _| executions::of(connection, &channel)).await
}
