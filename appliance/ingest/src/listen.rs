//! The RTMP port: opened, kept open, and tried again where another program has it.
//!
//! ```text
//!   closed ──bound──► open ──► accepts for ever
//!     ▲  │ in use, or not allowed: a fault that names the port (and its holder), then again after a second
//!     └──┘
//! ```

use crate::door::Event;
use crate::judge::ConnId;
use crate::rtmp;
use crate::tls::Certificate;
use automation::fault::{Code, Fault};
use rustix::net::sockopt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tracing::warn;

/// Connections at once, over all addresses: publishers are few, and a stranger must not fill the memory.
const CONNECTIONS_MAX: usize = 64;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 64;

/// A port that could not be opened is tried again this often.
const TRY_EACH: Duration = Duration::from_secs(1);

/// From the connection to its first byte of RTMP, behind TLS where that is asked for.
const WELCOME_WITHIN: Duration = Duration::from_secs(5);

/// A far side that is silent is asked after this time, …
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
/// … again after this, …
const KEEPALIVE_EACH: Duration = Duration::from_secs(2);
/// … and given up after so many answers that did not come.
const KEEPALIVE_TRIES: u32 = 3;

/// What all addresses share.
#[derive(Clone)]
pub(crate) struct Entrance {
    events: mpsc::Sender<Event>,
    places: Arc<Semaphore>,
    last: Arc<AtomicU64>,
    certificate: Arc<Certificate>,
}

impl Entrance {
    /// An entrance to the door's loop.
    pub(crate) fn new(events: mpsc::Sender<Event>, certificate: Certificate) -> Entrance {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Entrance { events, places, last: Arc::default(), certificate: Arc::new(certificate) }
    }

    /// Serves one address for as long as the door's loop runs.
    pub(crate) async fn serve(self, place: usize, address: SocketAddr) {
        loop {
            let outcome = match open(address) {
                Ok(listener) => Ok(listener),
                Err(error) => Err(fault(address, error).await),
            };
            let said = match &outcome {
                Ok(listener) => Ok(listener.local_addr().map_or(address.port(), |address| address.port())),
                Err(fault) => Err(fault.clone()),
            };
            if self.events.send(Event::Listening { place, outcome: said }).await.is_err() {
                return;
            }
            match outcome {
                Ok(listener) => self.accept(listener).await,
                Err(_) => tokio::time::sleep(TRY_EACH).await,
            }
        }
    }

    async fn accept(&self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((socket, peer)) => self.admit(socket, peer),
                Err(error) => {
                    // A connection that broke at once, or no more file descriptors: the port stays open.
                    warn!(%error, "cannot accept a publisher");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn admit(&self, socket: TcpStream, peer: SocketAddr) {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            warn!(%peer, "turned away: there are {CONNECTIONS_MAX} connections already");
            return;
        };
        if let Err(error) = prepare(&socket) {
            warn!(%peer, %error, "a connection broke at once");
            return;
        }
        let conn = ConnId(self.last.fetch_add(1, Ordering::Relaxed));
        let (events, certificate) = (self.events.clone(), self.certificate.clone());
        tokio::spawn(async move {
            match timeout(WELCOME_WITHIN, certificate.welcome(socket)).await {
                Ok(Ok(wire)) => rtmp::serve(wire, peer, conn, events).await,
                Ok(Err(error)) => warn!(%peer, %error, "a connection broke at its beginning"),
                Err(_) => warn!(%peer, "a connection did not begin within {WELCOME_WITHIN:?}"),
            }
            drop(place);
        });
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => {
            let socket = TcpSocket::new_v6()?;
            // `0.0.0.0` and `[::]` may be given side by side.
            sockopt::set_ipv6_v6only(&socket, true)?;
            socket
        }
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(socket, KEEPALIVE_EACH)?;
    sockopt::set_tcp_keepcnt(socket, KEEPALIVE_TRIES)?;
    socket.set_nodelay(true)
}

async fn fault(address: SocketAddr, error: io::Error) -> Fault {
    let (ip, number) = (address.ip(), address.port());
    if error.kind() != io::ErrorKind::AddrInUse {
        let text = format!("Port {number} on {ip} cannot be opened: {error}.");
        return Fault::new(Code::IngestLost, address.to_string()).with_text(text);
    }
    let holder = tokio::task::spawn_blocking(move || port_holder::holder(Path::new("/proc"), address)).await;
    let text = match holder.ok().flatten() {
        Some(holder) => format!("Port {number} on {ip} is taken by {holder}."),
        None => format!("Port {number} on {ip} is taken by another program."),
    };
    Fault::new(Code::PortInUse, address.to_string()).with_text(text)
}
