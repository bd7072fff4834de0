//! The box's system.

use super::call::Call;
use crate::doc::{ResetDraft, SystemDoc, UpdateFrom};
use crate::doctor::{Finding, NoFindings};
use crate::refusal::Refusal;
use crate::system::UPDATE_BYTES_MAX;
use automation::fault::Code;
use std::time::Duration;

/// Longer than a worn card takes to read a database of some megabytes, and shorter than a person waits.
const EXAMINED_WITHIN: Duration = Duration::from_secs(15);

pub(super) async fn show(call: Call) -> Result<SystemDoc, Refusal> {
    Ok(call.desk.beneath.system.state())
}

pub(super) async fn doctor(call: Call) -> Result<Vec<Finding>, Refusal> {
    call.desk.beneath.doctor.examine(EXAMINED_WITHIN).await.map_err(|none| match none {
        NoFindings::Looking => Refusal::because(Code::TooMany, "The box is being looked at already."),
        NoFindings::Stuck => Refusal::because(Code::StorageFailed, "The box's storage does not answer."),
    })
}

/// Nothing of it is begun under a broadcast. One that begins while an update is installed comes first: see the limits of RAUC's unit.
pub(super) fn off_air(call: &Call) -> Result<(), Refusal> {
    let wanted = call.desk.store.wanted();
    let wanted = wanted.borrow();
    match wanted.on_air() {
        Some(channel) => Err(Refusal::because(Code::OnAir, format!("\"{}\" is on air.", channel.doc.name))),
        None => Ok(()),
    }
}

pub(super) async fn install(mut call: Call) -> Result<SystemDoc, Refusal> {
    off_air(&call)?;
    let announced = call.announced(UPDATE_BYTES_MAX)?;
    let Some(body) = call.body.take() else { return Err(Refusal::new(Code::RequestInvalid)) };
    let received = call.desk.beneath.system.receive(announced, body).await?;
    // It took minutes to arrive.
    off_air(&call)?;
    received.install();
    Ok(call.desk.beneath.system.state())
}

pub(super) async fn install_from(call: Call, from: UpdateFrom) -> Result<SystemDoc, Refusal> {
    off_air(&call)?;
    call.desk.beneath.system.install_from(from.url.trim())?;
    Ok(call.desk.beneath.system.state())
}

pub(super) async fn restart(call: Call) -> Result<(), Refusal> {
    off_air(&call)?;
    tracing::info!(by = call.by(), "the box is restarted");
    call.desk.beneath.system.restart().await
}

pub(super) async fn reset(call: Call, draft: ResetDraft) -> Result<(), Refusal> {
    off_air(&call)?;
    let venue = call.desk.store.wanted().borrow().venue.clone();
    if draft.venue.trim() != venue {
        return Err(Refusal::wrong(Code::RequestInvalid, "venue", format!("must be \"{venue}\"")));
    }
    tracing::warn!(by = call.by(), "the box is taken back to how it was delivered");
    call.desk.beneath.system.reset().await
}
