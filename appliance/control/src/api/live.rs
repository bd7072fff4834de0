//! What pages watch: the board, once or as events, and small pictures.

use super::call::{Call, Peer};
use super::{Desk, openapi as document, table};
use crate::doc::Board;
use crate::refusal::Refusal;
use crate::workers::previews::{Picture, Visit};
use automation::fault::Code;
use automation::id::SourceId;
use automation::wire::PREVIEW_PROGRAM;
use futures_util::{SinkExt, StreamExt, stream};
use std::convert::Infallible;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{MissedTickBehavior, interval, timeout};
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use warp::reply::{Reply, Response};
use warp::ws::{Message, WebSocket};

/// Time between signs of life on a stream of events.
const PING: Duration = Duration::from_secs(10);
/// How long a page may take no picture before it is given up.
const SEND_MAX: Duration = Duration::from_secs(10);
/// How long a single picture is waited for, when nobody has looked before.
const PICTURE_MAX: Duration = Duration::from_secs(3);
/// Largest message that is taken from a page: it has nothing to say.
const HEARD_BYTES_MAX: usize = 4096;

fn addressed(desk: &Desk, peer: &Peer, board: &Board) -> Board {
    let (mut board, reach) = (board.clone(), desk.reach(peer));
    board.channels.iter_mut().for_each(|channel| reach.channel(&mut channel.wanted));
    board
}

pub(super) async fn state(call: Call) -> Result<Board, Refusal> {
    let board = call.desk.board.borrow().clone();
    Ok(addressed(&call.desk, &call.peer, &board))
}

pub(super) async fn openapi(_call: Call) -> Result<Response, Refusal> {
    static TEXT: LazyLock<String> = LazyLock::new(|| document::text(&table::table()));
    Ok(warp::reply::with_header(TEXT.as_str(), CONTENT_TYPE, "application/json").into_response())
}

/// One more stream, where there is room.
fn admitted(call: &Call) -> Result<OwnedSemaphorePermit, Refusal> {
    let text = "Too many pages are open on this box.";
    call.desk.streams.clone().try_acquire_owned().map_err(|_| Refusal::because(Code::TooMany, text))
}

/// Ends when the caller signs out, or the house closes.
fn until_over(call: &Call) -> impl Future<Output = ()> + Send + use<> {
    let (door, key, mut closing) = (call.desk.door.clone(), call.key.clone(), call.desk.closing.clone());
    async move {
        let signed_out = async {
            match key {
                Some(key) => door.until_signed_out(key).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = signed_out => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }
}

pub(super) async fn events(call: Call) -> Result<Response, Refusal> {
    let permit = admitted(&call)?;
    // One event waits at most: a page that reads slowly skips boards.
    let (sender, mut events) = mpsc::channel(1);
    let over = until_over(&call);
    let (desk, peer) = (call.desk, call.peer);
    tokio::spawn(async move {
        let _permit = permit;
        let mut board = desk.board.clone();
        let feed = async {
            loop {
                let newest = board.borrow_and_update().clone();
                let text =
                    serde_json::to_string(&addressed(&desk, &peer, &newest)).expect("a board has text keys only");
                if sender.send(warp::sse::Event::default().event("board").data(text)).await.is_err() {
                    return;
                }
                if board.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = feed => {}
            () = over => {}
            () = sender.closed() => {}
        }
    });
    let events = stream::poll_fn(move |cx| events.poll_recv(cx)).map(Ok::<_, Infallible>);
    let alive = warp::sse::keep_alive().interval(PING).text("ping").stream(events);
    let mut response = warp::sse::reply(alive).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

pub(super) async fn previews(mut call: Call) -> Result<Response, Refusal> {
    let channel = call.channel()?;
    let Some(socket) = call.socket.take() else {
        return Err(Refusal::because(Code::RequestInvalid, "Pictures come by WebSocket only."));
    };
    let permit = admitted(&call)?;
    let over = until_over(&call);
    let visit = call.desk.galleries.of(&channel).visit();
    let reply = socket.max_message_size(HEARD_BYTES_MAX).on_upgrade(async move |socket| {
        let _permit = permit;
        tokio::select! {
            () = project(socket, visit) => {}
            () = over => {}
        }
    });
    Ok(reply.into_response())
}

/// Sends pictures until the page is gone.
async fn project(socket: WebSocket, mut visit: Visit) {
    let (mut out, mut heard) = socket.split();
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let messages = tokio::select! {
            pictures = visit.next() => pictures.into_iter().filter_map(frame).collect(),
            _ = pings.tick() => vec![Message::ping(Vec::new())],
            message = heard.next() => match message {
                Some(Ok(message)) if !message.is_close() => continue,
                _ => return,
            },
        };
        for message in messages {
            if !matches!(timeout(SEND_MAX, out.send(message)).await, Ok(Ok(()))) {
                return;
            }
        }
    }
}

/// One byte length of the name, the name, the JPEG.
fn frame(picture: Picture) -> Option<Message> {
    let mut bytes = Vec::with_capacity(1 + picture.name.len() + picture.jpeg.len());
    bytes.push(u8::try_from(picture.name.len()).ok()?);
    bytes.extend_from_slice(picture.name.as_bytes());
    bytes.extend_from_slice(&picture.jpeg);
    Some(Message::binary(bytes))
}

pub(super) async fn preview(call: Call) -> Result<Response, Refusal> {
    let channel = call.channel()?;
    let given = call.parameter("name");
    let missing = || Refusal::not_found("picture", given);
    let name = match given.strip_suffix(".jpg").ok_or_else(missing)? {
        PREVIEW_PROGRAM => PREVIEW_PROGRAM.to_owned(),
        source => {
            let id = SourceId::new(source).map_err(|_| missing())?;
            let wanted = call.desk.store.wanted().borrow().clone();
            let known = wanted.channel(&channel)?.doc.sources.iter().any(|source| source.id == id);
            if !known {
                return Err(Refusal::not_found("source", &id));
            }
            format!("source/{id}")
        }
    };
    let mut visit = call.desk.galleries.of(&channel).visit();
    let jpeg = timeout(PICTURE_MAX, visit.wait_for(&name)).await;
    let jpeg = jpeg.map_err(|_| Refusal::because(Code::NotFound, format!("There is no picture of {given} now.")))?;
    let mut response: Response = warp::http::Response::new(jpeg.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
