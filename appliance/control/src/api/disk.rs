//! The disk for recordings.

use super::call::Call;
use super::system::off_air;
use crate::doc::{DiskDoc, DiskDraft};
use crate::refusal::Refusal;

pub(super) async fn show(call: Call) -> Result<DiskDoc, Refusal> {
    Ok(call.desk.beneath.system.disk())
}

pub(super) async fn take(call: Call, draft: DiskDraft) -> Result<DiskDoc, Refusal> {
    // It may be the one that is being recorded on; and making a file system keeps the card's bus busy.
    off_air(&call)?;
    tracing::warn!(by = call.by(), disk = draft.name, "a disk is prepared for recordings");
    call.desk.beneath.system.take_disk(&draft).await?;
    Ok(call.desk.beneath.system.disk())
}
