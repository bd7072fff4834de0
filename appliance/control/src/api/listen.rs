//! The accept loop: TCP, TLS, HTTP/1.1 and HTTP/2, and the limits of connections. Plain HTTP is spoken on the
//! loopback only; everywhere else a plain port does nothing but point to the encrypted one.

use super::call::Peer;
use super::{Desk, captive, routes};
use crate::network::{Guest, Guests};
use automation::fault::Code;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use port_holder::Holder;
use rustls::ServerConfig;
use std::convert::Infallible;
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower_service::Service;
use warp::http::header::{CONNECTION, HOST, HeaderValue, LOCATION};
use warp::http::{Request, Response, StatusCode};

/// Connections at a time.
const CONNECTIONS_MAX: usize = 256;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;
/// How long a TLS handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long the head of a request may take to arrive.
const HEAD_MAX: Duration = Duration::from_secs(15);
/// How long connections may take to end when the house closes.
const CLOSE_MAX: Duration = Duration::from_secs(3);
/// Pause after accepting failed, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why nobody can listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else does.
    #[error("{}: port {port} is taken{}: stop that program, or choose another port with {option}", Code::PortInUse.as_str(), by(.holder))]
    PortInUse {
        /// Which port.
        port: u16,
        /// By whom, where that can be seen.
        holder: Option<Holder>,
        /// The option that chooses the port.
        option: &'static str,
    },
    /// The port needs a right that we have not.
    #[error("port {port} may not be opened by this user: choose one from 1024 on with {option}")]
    NotAllowed {
        /// Which port.
        port: u16,
        /// The option that chooses the port.
        option: &'static str,
    },
    /// Plain HTTP was asked for where others could listen in.
    #[error("{0} is reachable from other machines, and plain HTTP is spoken on the loopback only: use --lan for HTTPS")]
    Plain(SocketAddr),
    /// Something else.
    #[error("{address} cannot be listened on")]
    Other {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

fn by(holder: &Option<Holder>) -> String {
    holder.as_ref().map(|holder| format!(" by {holder}")).unwrap_or_default()
}

/// A listener for plain HTTP, on the loopback only.
pub fn loopback(address: SocketAddr) -> Result<TcpListener, ListenError> {
    if !address.ip().to_canonical().is_loopback() {
        return Err(ListenError::Plain(address));
    }
    open(address, "--listen")
}

/// A listener on every address of the machine: both families, or IPv4 where the other is absent.
pub fn everywhere(port: u16, option: &'static str) -> Result<TcpListener, ListenError> {
    let v6 = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
    let v4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    match open(v6, option) {
        Err(ListenError::Other { .. }) => open(v4, option),
        opened => opened,
    }
}

fn open(address: SocketAddr, option: &'static str) -> Result<TcpListener, ListenError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A port is free again as soon as its listener is gone, whatever lingers of old connections.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    let port = address.port();
    listen().map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            ListenError::PortInUse { port, holder: port_holder::holder(Path::new("/proc"), address), option }
        }
        std::io::ErrorKind::PermissionDenied => ListenError::NotAllowed { port, option },
        _ => ListenError::Other { address, source },
    })
}

/// Serves the API and the page until the house closes.
pub async fn serve(
    desk: Arc<Desk>,
    listener: TcpListener,
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    closing: watch::Receiver<bool>,
) {
    let guests = desk.beneath.network.guests();
    let api = warp::service(routes(desk));
    accept(listener, closing, move |stream, address, graceful| {
        // The certificate may have been made anew since the last connection.
        let acceptor = tls.as_ref().map(|newest| TlsAcceptor::from(newest.borrow().clone()));
        let api = api.clone();
        let guest = guest(&guests, &stream);
        async move {
            let _guest = guest;
            let tls = acceptor.is_some();
            let service = service_fn(move |mut request: Request<Incoming>| {
                let host = host(&request);
                request.extensions_mut().insert(Peer { address, tls, host });
                api.clone().call(request)
            });
            let http = http();
            // Whatever ends a connection ends this connection only.
            match acceptor {
                None => {
                    let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service);
                    let _ = graceful.watch(connection.into_owned()).await;
                }
                Some(acceptor) => {
                    let Ok(Ok(stream)) = timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await else { return };
                    let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service);
                    let _ = graceful.watch(connection.into_owned()).await;
                }
            }
        }
    })
    .await;
}

/// Points every request to the encrypted port; on the access point, those for somebody else to a page that says where the box is.
pub async fn redirect(listener: TcpListener, https_port: u16, guests: Arc<Guests>, closing: watch::Receiver<bool>) {
    accept(listener, closing, move |stream, _, graceful| {
        let guest = guest(&guests, &stream);
        async move {
            let is_guest = guest.is_some();
            let service = service_fn(move |request: Request<Incoming>| async move {
                Ok::<_, Infallible>(point(&request, https_port, is_guest))
            });
            let http = http();
            let connection = http.serve_connection(TokioIo::new(stream), service);
            let _ = graceful.watch(connection.into_owned()).await;
            drop(guest);
        }
    })
    .await;
}

/// Whether a connection is that of somebody on the access point.
fn guest(guests: &Arc<Guests>, stream: &TcpStream) -> Option<Guest> {
    guests.enter(stream.local_addr().ok()?.ip())
}

/// The address of a host's encrypted page, without a path.
pub(super) fn https(host: impl Display, port: u16) -> String {
    if port == 443 { format!("https://{host}") } else { format!("https://{host}:{port}") }
}

fn point<B>(request: &Request<B>, https_port: u16, is_guest: bool) -> Response<String> {
    let peer = Peer { address: ([0, 0, 0, 0], 0).into(), tls: false, host: host(request) };
    if is_guest && captive::is_foreign(peer.host_name()) {
        return captive::page(https_port);
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let to = format!("{}{path}", https(peer.host_name(), https_port));
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Ok(to) = HeaderValue::from_str(&to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn http() -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_MAX);
    http.http2().timer(TokioTimer::new()).max_concurrent_streams(64).keep_alive_interval(Duration::from_secs(20));
    http
}

/// The host that a request is for: HTTP/2 names it in the address, HTTP/1.1 in a header.
fn host<B>(request: &Request<B>) -> String {
    let named = request.uri().authority().map(|authority| authority.as_str());
    let named = named.or_else(|| request.headers().get(HOST).and_then(|host| host.to_str().ok()));
    named.unwrap_or_default().to_owned()
}

async fn accept<F, W>(listener: TcpListener, mut closing: watch::Receiver<bool>, attend: F)
where
    F: Fn(TcpStream, SocketAddr, Graceful) -> W,
    W: Future<Output = ()> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        // Beyond the limit, connections wait in the kernel's queue.
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = closing.wait_for(|closing| *closing) => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Small events shall not wait for large ones.
        let _ = stream.set_nodelay(true);
        let attended = attend(stream, address, Graceful(graceful.watcher()));
        tokio::spawn(async move {
            let _permit = permit;
            attended.await;
        });
    }
    let _ = timeout(CLOSE_MAX, graceful.shutdown()).await;
}

/// Lets a connection end in good order when the house closes.
struct Graceful(hyper_util::server::graceful::Watcher);

impl Graceful {
    fn watch<C: hyper_util::server::graceful::GracefulConnection>(
        self,
        connection: C,
    ) -> impl Future<Output = Result<(), C::Error>> {
        self.0.watch(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_port_points_to_the_page_and_on_the_access_point_says_so() {
        let check = |host: &str, is_guest, expected: Option<&str>| {
            let request = Request::get("/generate_204?a=b").header(HOST, host).body(()).unwrap();
            let answer = point(&request, 443, is_guest);
            let location = answer.headers().get(LOCATION).map(|to| to.to_str().unwrap());
            assert_eq!(location, expected, "{host} {is_guest}");
            let status = if expected.is_some() { StatusCode::PERMANENT_REDIRECT } else { StatusCode::OK };
            assert_eq!(answer.status(), status, "{host} {is_guest}");
            assert!(!answer.body().contains("generate"), "nothing of the request");
        };
        check("hall.example", false, Some("https://hall.example/generate_204?a=b"));
        check("hall.example", true, None);
        check("captive.apple.com:80", true, None);
        check("10.42.0.1", true, Some("https://10.42.0.1/generate_204?a=b"));
        check("bandstand-3f7a.local", true, Some("https://bandstand-3f7a.local/generate_204?a=b"));
    }
}
