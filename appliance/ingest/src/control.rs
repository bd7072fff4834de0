//! The control socket: frames of `automation::wire`. Each side begins with a hello; then statuses go out, and
//! specs and `Quit` come in. Any number of connections up to a limit may be there; the newest spec wins.

use crate::door::Event;
use crate::socket::Socket;
use automation::fault::{Code, Fault};
use automation::spec::IngestSpec;
use automation::status::IngestStatus;
use automation::wire::{self, Deframer, Frame, FromIngest, ToIngest};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::{info, warn};

/// Connections at once: `control`, its successor while it is exchanged, and a person who looks.
const CONNECTIONS_MAX: usize = 8;

/// A far side that takes nothing for so long is dropped; it dials again.
const STUCK_AFTER: Duration = Duration::from_secs(5);

type Status = watch::Receiver<Arc<IngestStatus>>;

/// Serves the control socket for as long as the door's loop runs.
pub(crate) async fn serve(socket: Socket, status: Status, events: mpsc::Sender<Event>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let stream = match socket.accept().await {
            Ok(stream) => stream,
            Err(error) => {
                warn!(%error, path = %socket.path().display(), "cannot accept control");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            warn!("control was turned away: there are {CONNECTIONS_MAX} connections already");
            continue;
        };
        let (status, events) = (status.clone(), events.clone());
        tokio::spawn(async move {
            info!("control is here");
            match talk(stream, status, &events).await {
                Ok(()) => info!("control left"),
                Err(error) => warn!(%error, "control dropped"),
            }
            drop(place);
        });
    }
}

async fn talk(stream: UnixStream, mut status: Status, events: &mpsc::Sender<Event>) -> io::Result<()> {
    let (mut reader, mut writer) = stream.into_split();
    let generation = status.borrow_and_update().generation;
    send(&mut writer, &FromIngest::Hello { version: wire::VERSION, pid: std::process::id(), generation }).await?;
    let mut talk = Talk { version: None, events };
    let mut deframer = Deframer::default();
    let mut bytes = vec![0; 16 << 10];
    // The first status at once: a change that was made before the hello is seen in it.
    status.mark_changed();
    loop {
        tokio::select! {
            read = reader.read(&mut bytes) => match read? {
                0 => return Ok(()),
                n => deframer.push(&bytes[..n]),
            },
            changed = status.changed() => {
                // The loop has ended, and the process with it.
                if changed.is_err() {
                    return Ok(());
                }
                let now = status.borrow_and_update().as_ref().clone();
                send(&mut writer, &FromIngest::Status { status: now }).await?;
            }
        }
        while let Some(frame) = deframer.next_frame().map_err(io::Error::other)? {
            if let Some(message) = talk.frame(frame).await? {
                send(&mut writer, &message).await?;
            }
        }
    }
}

struct Talk<'a> {
    version: Option<u32>,
    events: &'a mpsc::Sender<Event>,
}

impl Talk<'_> {
    /// Does what a frame says. Answers what is to be sent: nothing, or a refusal.
    async fn frame(&mut self, frame: Frame) -> io::Result<Option<FromIngest>> {
        let bad = |text| Err(io::Error::new(io::ErrorKind::InvalidData, text));
        let Frame::Message(message) = frame else { return bad("a preview makes no sense here") };
        let message: ToIngest = wire::decode(&message).map_err(io::Error::other)?;
        match (message, self.version) {
            (ToIngest::Hello { version }, None) => self.version = Some(version),
            (_, None) => return bad("the first message is no hello"),
            (ToIngest::Hello { .. }, Some(_)) => return bad("a second hello"),
            (ToIngest::Spec { spec }, Some(wire::VERSION)) => {
                let generation = spec.generation;
                return Ok(self.spec(spec).await.err().map(|fault| FromIngest::Refused { generation, fault }));
            }
            (ToIngest::Spec { spec }, Some(version)) => {
                let text = format!("The plan speaks version {version}; this process speaks {}.", wire::VERSION);
                let fault = Fault::new(Code::WorkerVersion, "ingest").with_text(text);
                return Ok(Some(FromIngest::Refused { generation: spec.generation, fault }));
            }
            // Understood in every version: so an old process can be replaced.
            (ToIngest::Quit, Some(_)) => {
                let _ = self.events.send(Event::Quit("control said so")).await;
            }
        }
        Ok(None)
    }

    async fn spec(&self, spec: IngestSpec) -> Result<(), Fault> {
        let (answer, outcome) = oneshot::channel();
        // Without an answer the loop has ended, and the process with it.
        let _ = self.events.send(Event::Spec { spec, answer }).await;
        let outcome = outcome.await.unwrap_or(Ok(()));
        if let Err(fault) = &outcome {
            warn!(code = fault.code.as_str(), text = fault.text, "a plan was refused");
        }
        outcome
    }
}

async fn send(writer: &mut OwnedWriteHalf, message: &FromIngest) -> io::Result<()> {
    timeout(STUCK_AFTER, writer.write_all(&wire::encode(message))).await?
}
