//! Where the box is, in time.

use super::call::Call;
use crate::doc::{TimeZoneChoice, TimeZoneDoc};
use crate::refusal::Refusal;
use automation::fault::Code;

pub(super) async fn show(call: Call) -> Result<TimeZoneDoc, Refusal> {
    let zone = call.desk.store.wanted().borrow().time_zone.clone();
    let zones = call.desk.beneath.zones.clone();
    let read = move || TimeZoneDoc { zone, machine: zones.machine(), zones: zones.all() };
    tokio::task::spawn_blocking(read).await.map_err(|error| Refusal::failed(Code::Internal, error))
}

pub(super) async fn change(call: Call, choice: TimeZoneChoice) -> Result<TimeZoneDoc, Refusal> {
    call.desk.commands.set_time_zone(choice.zone).await?;
    show(call).await
}
