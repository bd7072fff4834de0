//! Cameras.

use super::call::Call;
use crate::cameras::beside;
use crate::doc::{CameraDraft, FoundCamera, MoveDraft, Movement, PresetDoc, SourceDoc};
use crate::refusal::Refusal;
use automation::fault::Code;
use automation::follow::Place;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use warp::reply::Response;

fn place(call: &Call) -> Result<Place, Refusal> {
    Ok((call.channel()?, call.id("id")?))
}

pub(super) async fn search(call: Call) -> Result<Vec<FoundCamera>, Refusal> {
    let found = call.desk.cameras.search().await?;
    let wanted = call.desk.store.wanted().borrow().clone();
    Ok(beside(&found, &wanted))
}

pub(super) async fn add(call: Call, draft: CameraDraft) -> Result<SourceDoc, Refusal> {
    let channel = call.channel()?;
    let new = call.desk.cameras.describe(draft).await?;
    call.desk.commands.create_camera(channel, new).await
}

pub(super) async fn snapshot(call: Call) -> Result<Response, Refusal> {
    let wanted = call.desk.store.wanted().borrow().clone();
    let jpeg = call.desk.cameras.snapshot(&wanted, &place(&call)?).await?;
    let mut response: Response = warp::http::Response::new(jpeg.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

pub(super) async fn presets(call: Call) -> Result<Vec<PresetDoc>, Refusal> {
    let wanted = call.desk.store.wanted().borrow().clone();
    let listed = call.desk.cameras.heads().presets(&wanted, &place(&call)?).await?;
    Ok(listed.into_iter().map(|preset| PresetDoc { token: preset.token, name: preset.name }).collect())
}

pub(super) async fn begin(call: Call, draft: MoveDraft) -> Result<(), Refusal> {
    let place = place(&call)?;
    if !draft.on_air && draft.movement != Movement::Stop && is_on_air(&call, &place) {
        return Err(Refusal::new(Code::CameraOnAir));
    }
    let wanted = call.desk.store.wanted().borrow().clone();
    call.desk.cameras.heads().begin(&wanted, &place, draft.movement).await
}

/// Whether an audience sees the source now.
fn is_on_air(call: &Call, place: &Place) -> bool {
    let board = call.desk.board.borrow();
    let channel = board.channels.iter().find(|channel| channel.id == place.0);
    channel.and_then(|channel| channel.status.as_ref()).is_some_and(|status| {
        let live = status.live.as_ref().is_some_and(|live| live.countdown_ms == 0);
        live && status.on_air.source.as_ref() == Some(&place.1)
    })
}
