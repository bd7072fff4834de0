//! The Unix socket that `control` connects to. A connection that does not read loses frames, and nobody waits for it.

use super::Event;
use automation::wire::{Deframer, Frame, decode, refusal_of_spec};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Frames that may wait for a connection: some seconds of statuses and small pictures.
const WAITING_MAX: usize = 128;

/// The sending half of a connection.
pub struct Connection {
    out: SyncSender<Vec<u8>>,
    saying: JoinHandle<()>,
    previews: bool,
}

impl Connection {
    pub(super) fn send(&self, frame: Vec<u8>) {
        if let Err(TrySendError::Full(_)) = self.out.try_send(frame) {
            tracing::debug!("a connection does not read; a frame is left out");
        }
    }
}

/// All connections.
#[derive(Default)]
pub(super) struct Connections(BTreeMap<u64, Connection>);

impl Connections {
    pub(super) fn add(&mut self, id: u64, connection: Connection) {
        self.0.insert(id, connection);
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.0.remove(&id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn previews(&mut self, id: u64, on: bool) {
        if let Some(connection) = self.0.get_mut(&id) {
            connection.previews = on;
        }
    }

    pub(super) fn previews_wanted(&self) -> bool {
        self.0.values().any(|c| c.previews)
    }

    pub(super) fn send(&self, id: u64, frame: Vec<u8>) {
        if let Some(connection) = self.0.get(&id) {
            connection.send(frame);
        }
    }

    /// Ends all, once what waits has been sent; those that do not read by `limit` miss it.
    pub(super) fn flush(self, limit: Instant) {
        // Without its sender a connection's thread ends after the last frame.
        let saying: Vec<_> = self.0.into_values().map(|connection| connection.saying).collect();
        while saying.iter().any(|thread| !thread.is_finished()) && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(super) fn send_all(&self, frame: Vec<u8>) {
        self.0.values().for_each(|c| c.send(frame.clone()));
    }

    pub(super) fn send_preview(&self, frame: Vec<u8>) {
        self.0.values().filter(|c| c.previews).for_each(|c| c.send(frame.clone()));
    }
}

/// Listens; a socket file that a dead worker left is replaced.
pub(super) fn listen(path: &Path, events: Sender<Event>) -> io::Result<()> {
    if path.exists() {
        if UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another worker of this channel is running"));
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    std::thread::Builder::new().name("listen".into()).spawn(move || {
        for (id, stream) in listener.incoming().enumerate() {
            if let Ok(stream) = stream
                && let Err(error) = serve(id as u64, stream, &events)
            {
                tracing::warn!(%error, "a connection could not be served");
            }
        }
    })?;
    Ok(())
}

fn serve(id: u64, stream: UnixStream, events: &Sender<Event>) -> io::Result<()> {
    let (out, waiting) = sync_channel(WAITING_MAX);
    let writer = stream.try_clone()?;
    let saying = std::thread::Builder::new().name("say".into()).spawn(move || say(writer, &waiting))?;
    if events.send(Event::Joined(id, Connection { out, saying, previews: false })).is_err() {
        return Ok(());
    }
    let events = events.clone();
    std::thread::Builder::new().name("hear".into()).spawn(move || {
        if let Err(error) = hear(id, stream, &events) {
            tracing::debug!(%error, "a connection ended");
        }
        let _ = events.send(Event::Left(id));
    })?;
    Ok(())
}

fn say(mut stream: UnixStream, waiting: &Receiver<Vec<u8>>) {
    while let Ok(frame) = waiting.recv() {
        if stream.write_all(&frame).is_err() {
            return;
        }
    }
}

fn hear(id: u64, mut stream: UnixStream, events: &Sender<Event>) -> io::Result<()> {
    let mut deframer = Deframer::default();
    let mut bytes = vec![0u8; 64 << 10];
    loop {
        let n = stream.read(&mut bytes)?;
        if n == 0 {
            return Ok(());
        }
        deframer.push(&bytes[..n]);
        while let Some(frame) = deframer.next_frame().map_err(io::Error::other)? {
            let Frame::Message(message) = frame else { continue };
            let event = match decode(&message) {
                Ok(said) => Event::Said(id, said),
                Err(error) => match refusal_of_spec(&message) {
                    Some((generation, fault)) => Event::Broken(id, generation, fault),
                    None => return Err(io::Error::other(error)),
                },
            };
            if events.send(event).is_err() {
                return Ok(());
            }
        }
    }
}
