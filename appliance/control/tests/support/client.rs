//! A client of the API over real HTTP. Every answer is held against the OpenAPI document.

use super::schema::Document;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;

/// The document that answers must fit.
pub static DOCUMENT: LazyLock<Document> =
    LazyLock::new(|| Document::parse(&control::api::openapi::text(&control::api::table::table())));

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: hyper::HeaderMap,
    pub bytes: Bytes,
}

impl Answer {
    /// The JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// Code of the problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The wrong places of the problem.
    pub fn places(&self) -> Vec<String> {
        let json = self.json();
        let wrongs = json["wrongs"].as_array().cloned().unwrap_or_default();
        wrongs.iter().map(|wrong| wrong["place"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The document, where the answer says that it worked.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, String::from_utf8_lossy(&self.bytes));
        self.json()
    }
}

/// Somebody with a cookie.
pub struct Client {
    pub address: SocketAddr,
    cookie: Mutex<Option<String>>,
}

/// A request that is being written.
pub struct Ask {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Ask {
    pub fn new(method: &str, path: &str) -> Ask {
        let headers = vec![("x-bandstand".to_owned(), "1".to_owned())];
        Ask { method: method.into(), path: path.into(), headers, body: Bytes::new() }
    }

    pub fn json(self, body: &Value) -> Ask {
        self.body("application/json", body.to_string().into_bytes())
    }

    pub fn body(mut self, kind: &str, body: impl Into<Bytes>) -> Ask {
        self.body = body.into();
        self.header("content-type", kind)
    }

    pub fn header(mut self, name: &str, value: &str) -> Ask {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Ask {
        self.headers.retain(|(known, _)| known != name);
        self
    }
}

impl Client {
    pub fn new(address: SocketAddr) -> Client {
        Client { address, cookie: Mutex::default() }
    }

    /// The cookie, as it is sent.
    pub fn cookie(&self) -> String {
        self.cookie.lock().unwrap().clone().unwrap_or_default()
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends a request, and answers the head of what comes back with its body still arriving.
    pub async fn open(&self, ask: Ask) -> Response<Incoming> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let path = if ask.path.starts_with("//") { ask.path[1..].to_owned() } else { format!("/api/v1{}", ask.path) };
        let mut request = Request::builder().method(ask.method.as_str()).uri(path);
        request = request.header("host", self.address.to_string());
        let cookie = self.cookie();
        if !cookie.is_empty() {
            request = request.header("cookie", cookie);
        }
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        sender.send_request(request.body(Full::new(ask.body)).unwrap()).await.unwrap()
    }

    /// Sends a request and reads the whole answer, which must fit the document.
    pub async fn send(&self, ask: Ask) -> Answer {
        let (method, path) = (ask.method.clone(), ask.path.clone());
        let whole = async {
            let response = self.open(ask).await;
            let (head, body) = response.into_parts();
            (head, body.collect().await.unwrap().to_bytes())
        };
        let (head, bytes) = tokio::time::timeout(Duration::from_secs(20), whole).await.expect("an answer in time");
        if let Some(set) = head.headers.get("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            *self.cookie.lock().unwrap() = Some(pair);
        }
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, bytes };
        if !path.starts_with("//") {
            DOCUMENT.check(&method, &path, answer.status, answer.header("content-type"), &answer.bytes);
        }
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Ask::new("GET", path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Ask::new("POST", path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Ask::new("PUT", path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Ask::new("PATCH", path).json(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Ask::new("DELETE", path)).await
    }

    pub async fn upload(&self, name: &str, file: &[u8]) -> Answer {
        let ask = Ask::new("POST", &format!("/assets?name={name}"));
        self.send(ask.body("application/octet-stream", file.to_vec())).await
    }
}

/// Events of a stream as they arrive.
pub struct Events {
    body: Incoming,
    text: String,
    last: Option<Value>,
}

impl Events {
    pub async fn open(client: &Client) -> Events {
        let response = client.open(Ask::new("GET", "/events")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events { body: response.into_body(), text: String::new(), last: None }
    }

    /// The next board; none at the end of the stream.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let mut lines = event.lines();
                if lines.next() == Some("event:board") {
                    let board = serde_json::from_str(lines.next().unwrap().strip_prefix("data:").unwrap()).unwrap();
                    DOCUMENT.check_as("Board", &board);
                    self.last = Some(board);
                    return self.last.clone();
                }
                continue;
            }
            let frame = tokio::time::timeout(super::LIMIT, self.body.frame()).await.expect("an event in time")?;
            let data = frame.ok()?.into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    /// Waits for a board of which something is true; the last one that came may be it.
    pub async fn wait(&mut self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let look = async {
            loop {
                match self.last.clone().filter(&is) {
                    Some(board) => return board,
                    None => self.next().await.expect("the stream goes on"),
                };
            }
        };
        tokio::time::timeout(super::LIMIT, look).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }
}
