//! The stream socket: a channel sends `{"stream":"main_obs"}` and a newline, and gets that stream as FLV while
//! somebody publishes it, from a keyframe on. The end of the connection is the end of the publisher. A reader
//! that closes its side is gone.

use crate::door::Event;
use crate::hub::ReaderId;
use crate::hub::feed::{Outlet, feed};
use crate::socket::Socket;
use serde::Deserialize;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufWriter};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tracing::warn;

/// Readers at once: every source of every channel, twice over.
const READERS_MAX: usize = 64;

/// Longest request, with its newline.
const REQUEST_BYTES_MAX: usize = 256;

/// A request comes within this time.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);

/// A reader that takes nothing for so long is dropped, also when nothing more comes behind.
const STUCK_AFTER: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    stream: String,
}

/// Serves readers for as long as the door's loop runs.
pub(crate) async fn serve(socket: Socket, events: mpsc::Sender<Event>) {
    let places = Arc::new(Semaphore::new(READERS_MAX));
    let mut last = 0;
    loop {
        let stream = match socket.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                warn!(%error, path = %socket.path().display(), "cannot accept a reader");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            warn!("a reader was turned away: there are {READERS_MAX} already");
            continue;
        };
        last += 1;
        let (id, events) = (ReaderId(last), events.clone());
        tokio::spawn(async move {
            if let Err(error) = read(stream, id, &events).await {
                warn!(reader = id.0, %error, "reader dropped");
            }
            // The loop has ended where this fails, and its readers with it.
            let _ = events.send(Event::ReaderLeft(id)).await;
            drop(place);
        });
    }
}

async fn read(stream: UnixStream, id: ReaderId, events: &mpsc::Sender<Event>) -> io::Result<()> {
    let (mut requests, writer) = stream.into_split();
    let stream = timeout(REQUEST_WITHIN, request(&mut requests)).await??;
    let (feed, outlet) = feed();
    let mut cut = outlet.cut();
    if events.send(Event::Join { reader: id, stream, feed }).await.is_err() {
        return Ok(());
    }
    tokio::select! {
        () = cut.happened() => Ok(()),
        () = gone(&mut requests) => Ok(()),
        outcome = write(writer, outlet) => outcome,
    }
}

async fn request(requests: &mut OwnedReadHalf) -> io::Result<String> {
    let bad = |text| io::Error::new(io::ErrorKind::InvalidData, text);
    let mut line = Vec::new();
    loop {
        if let Some(end) = line.iter().position(|b| *b == b'\n') {
            let request: Request = serde_json::from_slice(&line[..end])?;
            return Ok(request.stream);
        }
        if line.len() >= REQUEST_BYTES_MAX {
            return Err(bad("the request is too long"));
        }
        if requests.read_buf(&mut line).await? == 0 {
            return Err(bad("the request has no end"));
        }
    }
}

/// Returns when the reader has closed its side; what it says meanwhile means nothing.
async fn gone(requests: &mut OwnedReadHalf) {
    let mut ignored = [0; 64];
    while requests.read(&mut ignored).await.is_ok_and(|n| n > 0) {}
}

async fn write(writer: OwnedWriteHalf, mut outlet: Outlet) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(64 << 10, writer);
    while let Some(pieces) = outlet.next().await {
        for piece in &pieces {
            timeout(STUCK_AFTER, writer.write_all(piece)).await??;
        }
        timeout(STUCK_AFTER, writer.flush()).await??;
    }
    Ok(())
}
