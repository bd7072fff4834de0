//! The button and the lamp on the box.

use super::call::Call;
use crate::doc::{PanelDoc, PanelStatusDoc};
use crate::panel;
use crate::refusal::Refusal;

pub(super) async fn show(call: Call) -> Result<PanelStatusDoc, Refusal> {
    let wish = call.desk.store.wanted().borrow().panel.clone();
    let fault = call.desk.beneath.panel_fault.borrow().clone();
    Ok(PanelStatusDoc { fault: fault.filter(|_| wish.is_some()), panel: wish, lines: panel::lines() })
}

pub(super) async fn change(call: Call, panel: PanelDoc) -> Result<PanelStatusDoc, Refusal> {
    call.desk.commands.set_panel(Some(panel)).await?;
    show(call).await
}

pub(super) async fn remove(call: Call) -> Result<(), Refusal> {
    call.desk.commands.set_panel(None).await
}
