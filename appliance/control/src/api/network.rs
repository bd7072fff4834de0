//! The box's network.

use super::call::Call;
use crate::doc::{NetworkDoc, WifiDraft};
use crate::refusal::Refusal;

pub(super) async fn show(call: Call) -> Result<NetworkDoc, Refusal> {
    call.desk.beneath.network.show().await
}

pub(super) async fn scan(call: Call) -> Result<(), Refusal> {
    call.desk.beneath.network.scan().await
}

fn on_air(call: &Call) -> bool {
    call.desk.store.wanted().borrow().on_air().is_some()
}

pub(super) async fn join(call: Call, draft: WifiDraft) -> Result<(), Refusal> {
    let on_air = on_air(&call);
    tracing::info!(by = call.by(), "a Wi-Fi is chosen");
    call.desk.beneath.network.join(draft, on_air).await
}

pub(super) async fn forget(call: Call) -> Result<(), Refusal> {
    let on_air = on_air(&call);
    tracing::info!(by = call.by(), "a Wi-Fi is forgotten");
    call.desk.beneath.network.forget(call.parameter("id"), on_air).await
}
