//! The API over real HTTP. Every answer is held against the OpenAPI document by the client.

mod support;

use futures_util::StreamExt;
use serde_json::{Value, json};
use support::client::{Ask, Client, DOCUMENT, Events};
use support::peer::{JPEG, Manner, Peer};
use support::{ACCOUNT, House, until};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn the_document_names_every_route() {
    let table = control::api::table::table();
    let paths = DOCUMENT.whole["paths"].as_object().unwrap();
    let mut count = 0;
    for item in paths.values() {
        count += item.as_object().unwrap().len();
    }
    assert_eq!(count, table.len());
    for route in &table {
        let operation = &paths[route.path][route.method.as_str().to_lowercase()];
        assert_eq!(operation["operationId"], route.operation);
        assert!(operation["responses"].get(route.status.as_str()).is_some(), "{}", route.operation);
    }
    assert_eq!(DOCUMENT.whole["openapi"], "3.1.0");
    // Every schema that is named exists.
    let text = DOCUMENT.whole.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(DOCUMENT.whole["components"]["schemas"].get(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn nobody_comes_in_without_signing_in() {
    let folder = folder();
    let house = House::open(folder.path()).await;
    let client = &house.client;
    assert_eq!(client.get("/health").await.ok()["status"], "ok");
    assert_eq!(client.get("/session").await.ok(), json!({"claimed": false, "user": null}));
    for route in control::api::table::table() {
        if matches!(route.path, "/health" | "/session" | "/session/claim") {
            continue;
        }
        let path = route.path.replace("{ch}", "main").replace("{id}", "x").replace("{name}", "program.jpg");
        let answer = client.send(Ask::new(route.method.as_str(), &path).json(&json!({}))).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "sign_in_needed"), "{} {path}", route.method);
        if route.changes() {
            let forged = client.send(Ask::new(route.method.as_str(), &path).without("x-bandstand")).await;
            assert_eq!((forged.status, forged.code().as_str()), (403, "request_invalid"), "{} {path}", route.method);
        }
    }
    let wrong = json!({"code": "0000-0000", "name": "ann", "password": "a long password"});
    let answer = client.post("/session/claim", wrong).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "sign_in_refused"));
    house.claim().await;
    assert_eq!(client.get("/session").await.ok(), json!({"claimed": true, "user": "ann"}));
    let again = json!({"code": "0000-0000", "name": "bob", "password": "a long password"});
    let answer = client.post("/session/claim", again).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "conflict"));
}

#[tokio::test]
async fn sign_in_and_out() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let other = Client::new(house.client.address);
    let wrong = other.post("/session", json!({"name": ACCOUNT.0, "password": "wrong"})).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (403, "sign_in_refused"));
    let right = other.post("/session", json!({"name": ACCOUNT.0, "password": ACCOUNT.1})).await;
    assert_eq!(right.ok(), json!({"user": "ann"}));
    let cookie = right.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert_eq!(other.get("/state").await.status, 200);
    let mut events = Events::open(&other).await;
    events.next().await.unwrap();
    let kept = other.cookie();
    assert_eq!(other.delete("/session").await.status, 204);
    while events.next().await.is_some() {}
    let stale = Client::new(house.client.address);
    let answer = stale.send(Ask::new("GET", "/state").header("cookie", &kept)).await;
    assert_eq!(answer.status, 401, "the session is over, not only the cookie");
    assert_eq!(house.client.get("/state").await.status, 200, "the other session goes on");
    for _ in 0..10 {
        other.post("/session", json!({"name": "x", "password": "y"})).await;
    }
    let answer = other.post("/session", json!({"name": ACCOUNT.0, "password": ACCOUNT.1})).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "too_many"));
    assert_eq!(answer.header("retry-after"), "60");
}

#[tokio::test]
async fn foreign_pages_change_nothing() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let body = json!({"name": "Renamed"});
    let ask = || Ask::new("PATCH", "/channels/main").json(&body);
    for ask in [
        ask().without("x-bandstand"),
        ask().header("origin", "http://evil.example"),
        ask().header("origin", "null"),
        ask().header("sec-fetch-site", "cross-site"),
    ] {
        let answer = house.client.send(ask).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "request_invalid"));
    }
    let own = house.client.send(ask().header("origin", &house.client.origin())).await;
    assert_eq!(own.ok()["name"], "Renamed");
}

#[tokio::test]
async fn what_is_not_understood_is_told() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let client = &house.client;
    let answer = client.get("/nothing").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    let answer = client.delete("/state").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET"));
    for path in ["/channels/none", "/channels/main/sources/none", "/channels/NONE", "/assets/none"] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{path}");
    }
    let send = async |kind: &str, body: &str| {
        client.send(Ask::new("POST", "/channels/main/sources").body(kind, body.to_owned())).await
    };
    assert_eq!(send("text/plain", "{}").await.code(), "request_invalid");
    assert_eq!(send("application/json", "{").await.status, 400);
    assert_eq!(send("application/json", "").await.status, 400);
    assert_eq!(send("application/json", "{\"name\":7}").await.places(), ["name"]);
    assert_eq!(send("application/json", "{\"name\":\"a\",\"kind\":\"spaceship\"}").await.code(), "request_invalid");
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(5 << 20));
    let answer = send("application/json", &large).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
}

#[tokio::test]
async fn the_board_comes_at_once_and_at_every_change() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    let mut events = Events::open(&house.client).await;
    let first = events.next().await.unwrap();
    assert_eq!(first["box"]["name"], "Town Hall");
    house.with_sources().await;
    let board = events
        .wait("the new sources", |board| {
            board["channels"][0]["wanted"]["sources"].as_array().is_some_and(|s| s.len() == 2)
        })
        .await;
    assert_eq!(board["channels"][0]["status"], Value::Null);
    let worker = Peer::channel(&house.run(), "main", Manner::default());
    let _door = Peer::ingest(&house.run(), Manner::default());
    let board = events
        .wait("the worker", |board| board["channels"][0]["worker"] == "running" && board["ingest"]["port"] == 1937)
        .await;
    let generation = board["channels"][0]["generation"].clone();
    events.wait("its generation", |board| board["channels"][0]["status"]["generation"] == generation).await;
    let key = house.client.post("/channels/main/sources", json!({"name": "OBS", "kind": "rtmp"})).await.ok();
    assert_eq!(key["publish"]["server"], "rtmp://127.0.0.1:1937/live", "the port that the door says");
    drop(worker);
    let board = events.wait("the loss", |board| board["channels"][0]["status"].is_null()).await;
    assert_eq!(board["channels"][0]["faults"][0]["code"], "worker_lost");
    let board = events.wait("its alert", |board| !board["alerts"].as_array().unwrap().is_empty()).await;
    assert_eq!(board["alerts"][0]["code"], "worker_lost");
    house.close();
    while events.next().await.is_some() {}
}

#[tokio::test]
async fn pictures_come_while_somebody_looks() {
    let folder = folder();
    let house = House::claimed(folder.path()).await;
    house.with_sources().await;
    let worker = Peer::channel(&house.run(), "main", Manner::default());
    let client = &house.client;
    until("the worker", async || (!worker.seen().specs.is_empty()).then_some(())).await;
    assert!(worker.seen().previews.is_empty(), "nobody looks");
    let address = client.address.to_string();
    let request = || {
        hyper::Request::builder()
            .uri(format!("ws://{address}/api/v1/channels/main/previews"))
            .header("host", &address)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    let connect = async |request: hyper::Request<()>| {
        let stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        tokio_tungstenite::client_async(request, stream).await
    };
    assert!(connect(request().body(()).unwrap()).await.is_err(), "without a cookie");
    let forged = request().header("cookie", client.cookie()).header("origin", "http://evil.example");
    assert!(connect(forged.body(()).unwrap()).await.is_err(), "from a foreign page");
    let own = request().header("cookie", client.cookie()).header("origin", client.origin());
    let (mut socket, _) = connect(own.body(()).unwrap()).await.unwrap();
    let mut names = Vec::new();
    while names.len() < 2 {
        let message = tokio::time::timeout(support::LIMIT, socket.next()).await.unwrap().unwrap().unwrap();
        if message.is_binary() {
            let bytes = message.into_data();
            let (name, jpeg) = bytes[1..].split_at(usize::from(bytes[0]));
            assert_eq!(jpeg, JPEG);
            names.push(String::from_utf8(name.to_vec()).unwrap());
        }
    }
    names.sort();
    assert_eq!(names, ["program", "source/bars"]);
    drop(socket);
    until("the end of pictures", async || (worker.seen().previews == [true, false]).then_some(())).await;

    let picture = client.get("/channels/main/previews/program.jpg").await;
    assert_eq!((picture.status, picture.header("content-type"), picture.bytes.as_ref()), (200, "image/jpeg", JPEG));
    assert_eq!(client.get("/channels/main/previews/bars.jpg").await.status, 200);
    assert_eq!(client.get("/channels/main/previews/none.jpg").await.status, 404);
    assert_eq!(client.get("/channels/main/previews/program.png").await.status, 404);
    assert_eq!(client.get("/channels/main/previews").await.code(), "request_invalid", "no WebSocket");
}

#[tokio::test]
async fn the_page_and_its_headers() {
    let folder = folder();
    let house = House::open(folder.path()).await;
    let client = &house.client;
    let page = client.get("//").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(String::from_utf8_lossy(&page.bytes).contains("Bandstand"));
    for name in ["content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy"] {
        assert!(!page.header(name).is_empty(), "{name}");
        assert!(!client.get("/health").await.header(name).is_empty(), "{name}");
    }
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
    let etag = page.header("etag");
    if !etag.is_empty() {
        let again = client.send(Ask::new("GET", "//").header("if-none-match", etag)).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0));
    }
    assert_eq!(client.get("//nothing.js").await.status, 404);
    assert_eq!(client.get("//../../etc/passwd.txt").await.status, 404);
    assert_eq!(client.get("//settings").await.header("location"), "/");
    let document = {
        house.claim().await;
        client.get("/openapi.json").await
    };
    assert_eq!(document.json(), DOCUMENT.whole);
}
