//! One publisher's connection: carries bytes between the socket and its [`session`], and steps to the door.

mod session;

use crate::door::{Event, Verdict};
use crate::judge::{ConnId, Refusal};
use crate::key::Ask;
use crate::tls::Wire;
use session::{Session, Step, Violation};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::{debug, warn};

/// From the first byte, and the handshake where it is TLS's, to an admitted publish.
const PUBLISH_WITHIN: Duration = Duration::from_secs(5);

/// A publisher that sends nothing for so long is ended: OBS can come back and take its name.
const IDLE_AFTER: Duration = Duration::from_secs(10);

/// A far side that takes no bytes for so long is dropped.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// After the last word the far side has so long to read it and close. Closed at once, with bytes of the far side
/// unread, TCP would reset and the word be lost.
const GOODBYE: Duration = Duration::from_secs(1);

/// What one read takes at most.
const READ_BYTES_MAX: usize = 32 << 10;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("it closed the connection")]
    Closed,
    #[error("it ended its publish")]
    Finished,
    #[error("refused")]
    Refused(Refusal),
    #[error("its token is no longer valid")]
    Kicked,
    #[error("the door closes")]
    Closing,
    #[error("it published nothing within {PUBLISH_WITHIN:?}")]
    Slow,
    #[error("it sent nothing for {IDLE_AFTER:?}")]
    Idle,
    #[error("it broke the protocol: {0}")]
    Violation(#[from] Violation),
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
}

/// Serves a connection from its first byte to its end.
pub(crate) async fn serve(socket: Box<dyn Wire>, peer: SocketAddr, conn: ConnId, events: mpsc::Sender<Event>) {
    let mut connection =
        Connection { socket, peer, conn, events, session: Session::new(), buffer: vec![0; READ_BYTES_MAX], unseen: 0 };
    let end = connection.run().await;
    match &end {
        End::Violation(_) | End::Slow => warn!(%peer, why = %end, "connection dropped"),
        _ => debug!(%peer, why = %end, "connection ended"),
    }
    // The door forgets the connection before its socket is closed: who comes back finds the name free.
    let left = Event::Left { conn, why: end.to_string() };
    let _ = connection.events.send(left).await;
    if matches!(end, End::Refused(_) | End::Kicked | End::Finished) {
        connection.goodbye().await;
    }
}

struct Connection {
    socket: Box<dyn Wire>,
    peer: SocketAddr,
    conn: ConnId,
    events: mpsc::Sender<Event>,
    session: Session,
    buffer: Vec<u8>,
    /// Bytes that the door has not been told of.
    unseen: u64,
}

impl Connection {
    async fn run(&mut self) -> End {
        let admitted = timeout(PUBLISH_WITHIN, self.until_admitted()).await;
        let outcome = match admitted {
            Ok(Ok(kick)) => self.publish(kick).await,
            Ok(Err(end)) => Err(end),
            Err(_) => Err(End::Slow),
        };
        match outcome {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn until_admitted(&mut self) -> Result<oneshot::Receiver<()>, End> {
        loop {
            match self.session.next()? {
                None => {}
                Some(Step::Judge(ask)) => return self.judge(ask).await,
                Some(Step::End) => return Err(End::Finished),
                Some(Step::Media(_)) => return Err(Violation::Uninvited.into()),
            }
            self.flush().await?;
            self.read().await?;
        }
    }

    async fn judge(&mut self, ask: Ask) -> Result<oneshot::Receiver<()>, End> {
        let (verdict, answer) = oneshot::channel();
        let event = Event::Ask { conn: self.conn, peer: self.peer, ask, verdict };
        self.events.send(event).await.map_err(|_| End::Closing)?;
        match answer.await.map_err(|_| End::Closing)? {
            Verdict::Admitted(kick) => {
                self.session.admit();
                self.flush().await?;
                Ok(kick)
            }
            Verdict::Refused(refusal) => {
                self.session.refuse(refusal.reason());
                Err(End::Refused(refusal))
            }
        }
    }

    /// Carries media until the connection ends.
    async fn publish(&mut self, mut kick: oneshot::Receiver<()>) -> Result<std::convert::Infallible, End> {
        loop {
            let mut tags = Vec::new();
            let mut finished = false;
            while let Some(step) = self.session.next()? {
                match step {
                    Step::Media(tag) => tags.push(tag),
                    Step::End => finished = true,
                    Step::Judge(_) => return Err(Violation::OutOfOrder.into()),
                }
            }
            let bytes = std::mem::take(&mut self.unseen);
            self.events.send(Event::Media { conn: self.conn, tags, bytes }).await.map_err(|_| End::Closing)?;
            if finished {
                return Err(End::Finished);
            }
            self.flush().await?;
            tokio::select! {
                biased;
                kicked = &mut kick => {
                    kicked.map_err(|_| End::Closing)?;
                    self.session.kick("The stream key has changed.");
                    return Err(End::Kicked);
                }
                read = timeout(IDLE_AFTER, self.read()) => read.map_err(|_| End::Idle)??,
            }
        }
    }

    async fn read(&mut self) -> Result<(), End> {
        let n = self.socket.read(&mut self.buffer).await?;
        if n == 0 {
            return Err(End::Closed);
        }
        self.unseen += n as u64;
        self.session.push(&self.buffer[..n]);
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        let output = self.session.take_output();
        if output.is_empty() {
            return Ok(());
        }
        let write = async {
            self.socket.write_all(&output).await?;
            // Behind TLS something may still wait.
            self.socket.flush().await
        };
        timeout(STUCK_AFTER, write).await?
    }

    /// Sends the last word and gives the far side time to read it. How this goes no longer matters.
    async fn goodbye(&mut self) {
        let last = async {
            self.flush().await?;
            self.socket.shutdown().await?;
            while self.socket.read(&mut self.buffer).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = timeout(GOODBYE, last).await;
    }
}
