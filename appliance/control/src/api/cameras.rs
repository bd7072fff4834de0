//! Cameras.

use super::call::Call;
use crate::cameras::beside;
use crate::doc::{Board, CameraDraft, FoundCamera, MoveDraft, Movement, PresetDoc, SourceDoc};
use crate::refusal::Refusal;
use crate::store::{Wanted, WantedChannel};
use automation::fault::Code;
use automation::follow::Place;
use automation::id::SourceId;
use automation::spec::SEEN_BEFORE_MS;
use automation::status::LiveStatus;
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
    let wanted = call.desk.store.wanted().borrow().clone();
    if !draft.on_air && draft.movement != Movement::Stop && is_seen(&call.desk.board.borrow(), &wanted, &place) {
        return Err(Refusal::new(Code::CameraOnAir));
    }
    call.desk.cameras.heads().begin(&wanted, &place, draft.movement).await
}

/// Whether an audience sees what this source's head moves: the source itself, or another with the same head, in whichever
/// channel.
fn is_seen(board: &Board, wanted: &Wanted, place: &Place) -> bool {
    let head = wanted.channel(&place.0).ok().and_then(|channel| head(channel, &place.1));
    board.channels.iter().any(|channel| {
        let Some(status) = &channel.status else { return false };
        let watched = status.live.as_ref().is_some_and(is_watched);
        let moves = |seen: &SourceId| {
            let theirs = wanted.channel(&channel.id).ok().and_then(|channel| self::head(channel, seen));
            (&channel.id, seen) == (&place.0, &place.1) || head.is_some() && theirs == head
        };
        watched && [&status.on_air.source, &status.on_air.leaving].into_iter().flatten().any(moves)
    })
}

/// Whether an audience sees this broadcast, or will see what is on air now.
fn is_watched(live: &LiveStatus) -> bool {
    live.countdown_ms <= SEEN_BEFORE_MS
}

/// Where a source's head is reached, whichever profile it shows.
fn head<'a>(channel: &'a WantedChannel, source: &SourceId) -> Option<&'a str> {
    let source = channel.spec.sources.iter().find(|one| one.id == *source)?;
    source.ptz.as_ref().map(|ptz| ptz.control.place())
}

#[cfg(test)]
mod tests {
    use super::*;
    use automation::id::SessionId;

    #[test]
    fn the_end_of_the_countdown_is_seen() {
        for (countdown_ms, expected) in [(0, true), (1, true), (2_000, true), (4_000, true), (4_001, false)] {
            let live = LiveStatus { session: SessionId::new("s1").unwrap(), countdown_ms, since_ms: 0 };
            assert_eq!(is_watched(&live), expected, "{countdown_ms} ms before");
        }
    }
}
