//! The API: every request comes in here, and HTTP is known nowhere else.
//!
//! ```text
//! connection ─► request ─► route of the table ─► forged? ─► too often? ─► signed in? ─► handler ─► answer
//!                  └── no route: the page's files ──────────────────────────────────────────────────┘
//! ```
//! A refusal becomes a problem document (RFC 9457); its cause goes to the log, and to nobody else.

mod assets;
pub mod auth;
mod broadcast;
pub mod call;
mod cameras;
mod captive;
mod channels;
mod destinations;
mod disk;
pub mod listen;
mod live;
mod network;
pub mod openapi;
mod panel;
pub mod problem;
pub mod route;
mod session;
mod sources;
mod system;
pub mod table;
mod time_zone;
mod timelines;
pub mod tls;
mod ui;

use crate::cameras::Cameras;
use crate::commands::Commands;
use crate::doc::{Board, ChannelDoc, SourceDoc, SourceKindDoc};
use crate::doctor::Doctor;
use crate::network::Network;
use crate::reconciler::Galleries;
use crate::refusal::Refusal;
use crate::sign_in::Doorkeeper;
use crate::store::Store;
use crate::system::System;
use crate::zones::Zones;
use automation::fault::Code;
use bytes::{Buf, Bytes};
use call::{Body, Call, Peer};
use futures_util::StreamExt;
use problem::Problem;
use route::{Route, Scope};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use warp::Filter;
use warp::http::header::{ALLOW, HeaderMap, HeaderName, HeaderValue};
use warp::http::{Method, StatusCode};
use warp::reply::Response;

/// Streams of events and pictures at a time: a page has two, and a venue a handful of pages.
const STREAMS_MAX: usize = 64;

/// Everything that handlers work with.
pub struct Desk {
    /// Writes what is wanted.
    pub commands: Commands,
    /// Reads it.
    pub store: Store,
    /// Judges who may come in.
    pub door: Arc<Doorkeeper>,
    /// The newest status board.
    pub board: watch::Receiver<Arc<Board>>,
    /// The newest small pictures.
    pub galleries: Galleries,
    /// Finds, asks and moves cameras.
    pub cameras: Arc<Cameras>,
    /// What the machine has.
    pub beneath: Beneath,
    /// Becomes true when the house closes: streams end then.
    pub closing: watch::Receiver<bool>,
    /// Permits of streams.
    pub streams: Arc<Semaphore>,
    /// The routes.
    pub table: Vec<Route>,
}

/// What the machine has that handlers reach.
pub struct Beneath {
    /// Looks at what everything stands upon.
    pub doctor: Doctor,
    /// Updates and restarts the box.
    pub system: Arc<System>,
    /// Keeps the network.
    pub network: Arc<Network>,
    /// Why the button and the lamp do not work.
    pub panel_fault: watch::Receiver<Option<String>>,
    /// The time zones that it knows.
    pub zones: Zones,
    /// Port of the door for publishers, where `ingest` does not say another.
    pub rtmp_port: u16,
}

impl Desk {
    /// A desk with every route.
    pub fn new(
        commands: Commands,
        store: Store,
        door: Arc<Doorkeeper>,
        board: watch::Receiver<Arc<Board>>,
        galleries: Galleries,
        beneath: Beneath,
        closing: watch::Receiver<bool>,
    ) -> Desk {
        let (streams, table) = (Arc::new(Semaphore::new(STREAMS_MAX)), table::table());
        let cameras = Arc::new(Cameras::default());
        Desk { commands, store, door, board, galleries, cameras, beneath, closing, streams, table }
    }

    /// Where publishers reach this box, as seen from this caller.
    fn reach(&self, peer: &Peer) -> Reach {
        let port = match self.board.borrow().ingest.as_ref().map(|ingest| ingest.port) {
            None | Some(0) => self.beneath.rtmp_port,
            Some(port) => port,
        };
        Reach { host: peer.host_name().to_owned(), rtmp_port: port }
    }
}

/// Name and ports under which this box is reached by who sends to it.
struct Reach {
    host: String,
    rtmp_port: u16,
}

impl Reach {
    /// Fills in the addresses that a sender needs.
    fn source(&self, source: &mut SourceDoc) {
        let Reach { host, rtmp_port } = self;
        match &mut source.kind {
            SourceKindDoc::Rtmp { publish, .. } => {
                publish.server = format!("rtmp://{host}:{rtmp_port}/live");
                publish.secure_server = format!("rtmps://{host}:{rtmp_port}/live");
            }
            SourceKindDoc::Srt { address: Some(address), port, .. } => *address = format!("srt://{host}:{port}"),
            SourceKindDoc::Udp { address, port, group, .. } => {
                let to = if group.is_empty() { host } else { group };
                let bracketed = if to.contains(':') && !to.starts_with('[') { format!("[{to}]") } else { to.clone() };
                *address = format!("udp://{bracketed}:{port}");
            }
            _ => {}
        }
    }

    fn channel(&self, channel: &mut ChannelDoc) {
        channel.sources.iter_mut().for_each(|source| self.source(source));
    }
}

/// The filter of the whole API and the page.
pub fn routes(desk: Arc<Desk>) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync {
    let socket = warp::ws().map(Some).or(warp::any().map(|| None)).unify();
    warp::any()
        .map(move || desk.clone())
        .and(warp::method())
        .and(warp::path::full())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Peer>())
        .and(socket)
        .and(warp::body::stream())
        .then(|desk: Arc<Desk>, method: Method, path: warp::path::FullPath, query, headers, peer, socket, body| {
            let body: Body = Box::pin(StreamExt::map(body, whole));
            async move {
                let request = Request { method, path: path.as_str().to_owned(), query, headers, peer, socket, body };
                answer(desk, request).await
            }
        })
        .or_else(|_| async {
            // Only a request that did not come through our own accept loop has no peer.
            Ok::<_, Infallible>((Problem::of(&Refusal::new(Code::Internal)).answer(),))
        })
}

fn whole<B: Buf>(part: Result<B, warp::Error>) -> Result<Bytes, warp::Error> {
    part.map(|mut part| part.copy_to_bytes(part.remaining()))
}

struct Request {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    peer: Peer,
    socket: Option<warp::ws::Ws>,
    body: Body,
}

async fn answer(desk: Arc<Desk>, request: Request) -> Response {
    let (method, path, host) = (request.method.clone(), request.path.clone(), request.peer.host.clone());
    let mut response = match request.path.strip_prefix(openapi::BASE).map(str::to_owned) {
        Some(below) => api(desk, request, &below).await,
        None => ui::answer(&request.method, &request.path, &request.headers),
    };
    tracing::debug!(%method, path, status = response.status().as_u16(), "answered");
    protect(response.headers_mut(), &host);
    response
}

async fn api(desk: Arc<Desk>, request: Request, below: &str) -> Response {
    let method = if request.method == Method::HEAD { Method::GET } else { request.method.clone() };
    let there: Vec<_> = desk.table.iter().filter_map(|route| Some((route, fits(route, below)?))).collect();
    if there.is_empty() {
        return Problem::of(&Refusal::because(Code::NotFound, format!("There is no {below} in the API."))).answer();
    }
    let Some((route, parameters)) = there.iter().find(|(route, _)| route.method == method) else {
        let methods: Vec<&str> = there.iter().map(|(route, _)| route.method.as_str()).collect();
        return not_allowed(&methods.join(", "));
    };
    match attend(desk.clone(), request, route, parameters.clone()).await {
        Ok(response) => response,
        Err(Forged) => {
            let text = "The request did not come from Bandstand's own page: X-Bandstand or an equal Origin is missing.";
            Problem::of(&Refusal::because(Code::RequestInvalid, text)).under(StatusCode::FORBIDDEN).answer()
        }
    }
}

/// The request bears no mark of the page's own.
struct Forged;

async fn attend(
    desk: Arc<Desk>,
    request: Request,
    route: &Route,
    parameters: Vec<(&'static str, String)>,
) -> Result<Response, Forged> {
    if !auth::own(&request.headers, &request.peer, route.changes(), request.socket.is_some()) {
        return Err(Forged);
    }
    let key = auth::session_key(&request.headers, request.peer.tls);
    let work = async {
        if route.changes() {
            desk.door.may_change(request.peer.address.ip())?;
        }
        let person = match &key {
            Some(key) => desk.door.person(key).await?,
            None => None,
        };
        if route.scope == Scope::SignedIn && person.is_none() {
            return Err(Refusal::new(Code::SignInNeeded));
        }
        let Request { query, headers, peer, socket, body, .. } = request;
        let call = Call { desk: desk.clone(), person, key, parameters, query, headers, peer, socket, body: Some(body) };
        (route.handler)(call).await
    };
    Ok(work.await.unwrap_or_else(|refusal| refused(route, &refusal)))
}

fn refused(route: &Route, refusal: &Refusal) -> Response {
    let (operation, code) = (route.operation, refusal.code.as_str());
    match &refusal.cause {
        Some(cause) => tracing::error!(operation, code, %cause, "a request failed"),
        None => tracing::info!(operation, code, "a request was refused"),
    }
    Problem::of(refusal).answer()
}

/// The parameters of a path, where it is one of the route's.
fn fits(route: &Route, below: &str) -> Option<Vec<(&'static str, String)>> {
    let (mut wanted, mut given) = (route.path.split('/'), below.split('/'));
    let mut parameters = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(given)) => match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) if !given.is_empty() => parameters.push((name, given.to_owned())),
                None if wanted == given => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

fn not_allowed(methods: &str) -> Response {
    let text = format!("This can only be asked for by {methods}.");
    let problem = Problem::of(&Refusal::because(Code::RequestInvalid, text)).under(StatusCode::METHOD_NOT_ALLOWED);
    let mut response = problem.answer();
    if let Ok(methods) = HeaderValue::from_str(methods) {
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}

/// Headers that every answer bears. The page loads nothing from elsewhere, and nobody may frame it.
fn protect(headers: &mut HeaderMap, host: &str) {
    // Older Safari does not take 'self' for a WebSocket.
    let sane = host.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-[]".contains(&b));
    let sockets = if sane && !host.is_empty() { format!(" ws://{host} wss://{host}") } else { String::new() };
    let policy = format!(
        "default-src 'self'; connect-src 'self'{sockets}; img-src 'self' blob: data:; style-src 'self' \
         'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    let values = [
        ("content-security-policy", policy.as_str()),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_route() {
        let table = table::table();
        let find = |method: &str, path: &str| {
            let there = table.iter().filter(|route| route.method.as_str() == method);
            there.filter_map(|route| Some((route.operation, fits(route, path)?))).collect::<Vec<_>>()
        };
        assert_eq!(find("GET", "/health"), [("health", vec![])]);
        let expected = vec![("ch", "main".to_owned()), ("id", "a".to_owned())];
        assert_eq!(find("PUT", "/channels/main/sources/a"), [("changeSource", expected)]);
        for path in ["/", "", "/health/", "/channels//sources", "/channels/main/sources/a/b"] {
            assert_eq!(find("GET", path), [], "{path}");
        }
    }

    #[test]
    fn no_two_routes_are_the_same() {
        let mut seen = std::collections::BTreeSet::new();
        let mut operations = std::collections::BTreeSet::new();
        for route in table::table() {
            assert!(seen.insert((route.path, route.method.to_string())), "{} {}", route.method, route.path);
            assert!(operations.insert(route.operation), "{}", route.operation);
            let open = ["/health", "/session", "/session/claim"];
            assert_eq!(route.scope == Scope::Open, open.contains(&route.path), "{}: who may call it?", route.path);
        }
    }
}
