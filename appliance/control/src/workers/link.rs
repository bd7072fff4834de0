//! One link to one worker.
//!
//! ```text
//!  dial ──refused, no socket──► Nobody (told once) ──wait──► dial
//!   │ connected: we say hello
//!   ▼
//!  hello of the worker ──► Up ──► messages, previews … ──end, or not understood──► Down ──► dial
//! ```
//! Bad input: a worker that says no hello in time, something else first, or what is not understood, is hung up on
//! and dialled again; it goes on with its last spec meanwhile. A worker that does not read is hung up on, too.

use super::previews::Gallery;
use crate::units::Post;
use automation::wire::{self, Deframer, Frame, FromChannel, FromIngest, ToChannel, ToIngest, VERSION};
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// How long a worker may take to say hello.
const HELLO_MAX: Duration = Duration::from_secs(5);
/// How long one message may take to be written: a worker reads at once.
const WRITE_MAX: Duration = Duration::from_secs(5);
/// Time between dials at first, when a worker is on its way.
const DIAL_SOON: Duration = Duration::from_millis(50);
/// Time between dials when nobody came for a while.
const DIAL_LATER: Duration = Duration::from_millis(500);
/// What "a while" is.
const SOON_FOR: Duration = Duration::from_secs(15);
/// Messages that wait to be written.
const OUTBOX_MAX: usize = 32;
/// Bytes per read: a small picture in a few reads.
const READ_BYTES: usize = 64 << 10;

/// Frames on their way to a worker.
pub type Outbox = mpsc::Sender<Vec<u8>>;

/// A message of a worker.
#[derive(Clone, Debug)]
pub enum FromWorker {
    /// Of a channel's worker.
    Channel(FromChannel),
    /// Of the door.
    Ingest(FromIngest),
}

/// What happens on a link.
#[derive(Debug)]
pub enum LinkEvent {
    /// Nobody listens at the socket.
    Nobody,
    /// A worker has said hello.
    Up {
        /// Version of its messages.
        version: u32,
        /// Its process.
        pid: u32,
        /// Generation of the spec in force there.
        generation: u64,
        /// Where to put what it shall get.
        outbox: Outbox,
    },
    /// It says something. Never a hello.
    Says(FromWorker),
    /// The connection has ended.
    Down,
}

/// A link, which ends when this is dropped.
#[derive(Debug)]
pub struct Link {
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    /// Begins to dial. Pictures go into the gallery, everything else to `events`.
    pub fn open<E>(post: Post, socket: PathBuf, gallery: Option<Gallery>, events: mpsc::Sender<E>) -> Link
    where
        E: From<(Post, LinkEvent)> + Send + 'static,
    {
        Link { task: tokio::spawn(dial(post, socket, gallery, events)) }
    }
}

async fn dial<E>(post: Post, socket: PathBuf, gallery: Option<Gallery>, events: mpsc::Sender<E>)
where
    E: From<(Post, LinkEvent)>,
{
    let mut nobody_since: Option<Instant> = None;
    loop {
        if let Ok(stream) = UnixStream::connect(&socket).await {
            nobody_since = None;
            let ended = serve(&post, stream, gallery.as_ref(), &events).await;
            if let Err(reason) = ended {
                tracing::warn!(%post, reason, "a worker was hung up on");
            }
            if events.send(E::from((post.clone(), LinkEvent::Down))).await.is_err() {
                return;
            }
        } else if nobody_since.is_none() {
            nobody_since = Some(Instant::now());
            if events.send(E::from((post.clone(), LinkEvent::Nobody))).await.is_err() {
                return;
            }
        }
        let late = nobody_since.is_some_and(|since| since.elapsed() > SOON_FOR);
        sleep(if late { DIAL_LATER } else { DIAL_SOON }).await;
    }
}

async fn serve<E>(
    post: &Post,
    stream: UnixStream,
    gallery: Option<&Gallery>,
    events: &mpsc::Sender<E>,
) -> Result<(), &'static str>
where
    E: From<(Post, LinkEvent)>,
{
    let (mut reader, mut writer) = stream.into_split();
    let (outbox, mut inbox) = mpsc::channel::<Vec<u8>>(OUTBOX_MAX);
    let hello = match post {
        Post::Channel(_) => wire::encode(&ToChannel::Hello { version: VERSION }),
        Post::Ingest => wire::encode(&ToIngest::Hello { version: VERSION }),
    };
    let _ = outbox.try_send(hello);
    let write = async move {
        while let Some(frame) = inbox.recv().await {
            match timeout(WRITE_MAX, writer.write_all(&frame)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(()),
                Err(_) => return Err("it does not read"),
            }
        }
        Ok(())
    };
    tokio::select! {
        ended = write => ended,
        ended = read(post, &mut reader, gallery, events, outbox) => ended,
    }
}

async fn read<E>(
    post: &Post,
    reader: &mut OwnedReadHalf,
    gallery: Option<&Gallery>,
    events: &mpsc::Sender<E>,
    outbox: Outbox,
) -> Result<(), &'static str>
where
    E: From<(Post, LinkEvent)>,
{
    let mut deframer = Deframer::default();
    let mut buffer = vec![0; READ_BYTES];
    let first = timeout(HELLO_MAX, frame(reader, &mut deframer, &mut buffer));
    let Some(Frame::Message(first)) = first.await.map_err(|_| "it says no hello")?? else {
        return Err("it says no hello");
    };
    let (version, pid, generation) = hello(post, &first).ok_or("it says no hello")?;
    let up = LinkEvent::Up { version, pid, generation, outbox };
    let told = |event| events.send(E::from((post.clone(), event)));
    told(up).await.map_err(|_| "the house closes")?;
    if version != VERSION {
        // Nothing it says can be relied upon; it is kept on the line so that its end is seen.
        while frame_bytes(reader, &mut buffer).await? {}
        return Ok(());
    }
    while let Some(frame) = frame(reader, &mut deframer, &mut buffer).await? {
        match frame {
            Frame::Preview { name, jpeg } => {
                if let Some(gallery) = gallery {
                    gallery.hang(name, jpeg.into());
                }
            }
            Frame::Message(message) => {
                let message = parse(post, &message).ok_or("it says what is not understood")?;
                told(LinkEvent::Says(message)).await.map_err(|_| "the house closes")?;
            }
        }
    }
    Ok(())
}

/// The next whole frame; none at the end of the connection.
async fn frame(
    reader: &mut OwnedReadHalf,
    deframer: &mut Deframer,
    buffer: &mut [u8],
) -> Result<Option<Frame>, &'static str> {
    loop {
        if let Some(frame) = deframer.next_frame().map_err(|_| "its frames are not understood")? {
            return Ok(Some(frame));
        }
        match reader.read(buffer).await {
            Ok(0) | Err(_) => return Ok(None),
            Ok(count) => deframer.push(&buffer[..count]),
        }
    }
}

async fn frame_bytes(reader: &mut OwnedReadHalf, buffer: &mut [u8]) -> Result<bool, &'static str> {
    Ok(matches!(reader.read(buffer).await, Ok(count) if count > 0))
}

fn hello(post: &Post, message: &[u8]) -> Option<(u32, u32, u64)> {
    match post {
        Post::Channel(_) => match wire::decode(message).ok()? {
            FromChannel::Hello { version, pid, generation } => Some((version, pid, generation)),
            _ => None,
        },
        Post::Ingest => match wire::decode(message).ok()? {
            FromIngest::Hello { version, pid, generation } => Some((version, pid, generation)),
            _ => None,
        },
    }
}

fn parse(post: &Post, message: &[u8]) -> Option<FromWorker> {
    fn told<T: DeserializeOwned>(message: &[u8]) -> Option<T> {
        wire::decode(message).inspect_err(|error| tracing::warn!(%error, "a worker's message")).ok()
    }
    match post {
        Post::Channel(_) => told(message).map(FromWorker::Channel),
        Post::Ingest => told(message).map(FromWorker::Ingest),
    }
}
