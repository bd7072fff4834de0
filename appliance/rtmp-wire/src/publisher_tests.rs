//! A server by the book at the other end: what it hears, and what comes of its answers. Real ones are met end to end.

use super::*;
use proptest::prelude::*;

/// The server's half: it has the handshake behind it, and reads what the publisher sends.
struct Server {
    publisher: Publisher,
    reader: ChunkReader,
    input: BytesMut,
    writer: ChunkWriter,
}

fn target() -> Target {
    Target {
        address: "rtmp://h/live/x".to_owned(),
        application: "live/x".to_owned(),
        name: "key/with?odd=characters&more".to_owned(),
    }
}

impl Server {
    fn new() -> Server {
        let mut publisher = Publisher::new(target(), 7);
        let hello = std::mem::take(publisher.output());
        assert_eq!((hello.len(), hello[0], &hello[5..9]), (1 + HANDSHAKE_BYTES, 3, &[0; 4][..]));
        let mut answer = vec![3];
        answer.extend(vec![0xA5; HANDSHAKE_BYTES]);
        answer.extend(&hello[1..]);
        publisher.push(&answer);
        let mut server = Server {
            publisher,
            reader: ChunkReader::new(1 << 20),
            input: BytesMut::new(),
            writer: ChunkWriter::default(),
        };
        assert_eq!(server.publisher.step(), Ok(None));
        let sent = std::mem::take(server.publisher.output());
        assert_eq!(sent[..HANDSHAKE_BYTES], vec![0xA5; HANDSHAKE_BYTES], "C2 repeats S1");
        server.input.extend_from_slice(&sent[HANDSHAKE_BYTES..]);
        server
    }

    /// What was sent, as (type, stream, time, payload); the chunk size is taken over.
    fn hears(&mut self) -> Vec<Message> {
        self.input.extend_from_slice(&std::mem::take(self.publisher.output()));
        let mut heard = Vec::new();
        while let Some(message) = self.reader.next(&mut self.input).unwrap() {
            if message.kind == SET_CHUNK_SIZE {
                let size = message.payload.clone().get_u32();
                self.reader.set_chunk_bytes(size).unwrap();
            }
            heard.push(message);
        }
        heard
    }

    /// Names and texts of the commands that were sent.
    fn commands(&mut self) -> Vec<(String, Vec<String>)> {
        let heard = self.hears();
        let commands = heard.iter().filter(|message| message.kind == COMMAND);
        let texts = commands.map(|message| {
            let values = amf0::values(&message.payload).unwrap();
            let mut texts = values.iter().filter_map(Value::text).map(str::to_owned);
            (texts.next().unwrap(), texts.collect())
        });
        texts.collect()
    }

    fn says(&mut self, kind: u8, payload: &[u8]) -> Result<Option<Step>, Broken> {
        let mut out = Vec::new();
        self.writer.write(Head { csid: 3, kind, stream_id: 0, timestamp_ms: 0 }, &[payload], &mut out);
        self.publisher.push(&out);
        self.publisher.step()
    }

    fn answers(&mut self, name: &str, transaction: f64, number: f64) -> Option<Step> {
        let body = Writer::default().text(name).number(transaction).null().number(number).done();
        self.says(COMMAND, &body).unwrap()
    }

    fn status(&mut self, level: &str, code: &str) -> Option<Step> {
        let info = [("level", Field::Text(level)), ("code", Field::Text(code)), ("description", Field::Text("x"))];
        let body = Writer::default().text("onStatus").number(0.0).null().object(&info).done();
        self.says(COMMAND, &body).unwrap()
    }

    /// One that has let the publisher in.
    fn published() -> Server {
        let mut server = Server::new();
        server.answers("_result", CONNECT, 0.0);
        server.answers("_result", CREATE_STREAM, 5.0);
        assert_eq!(server.status("status", "NetStream.Publish.Start"), Some(Step::Published));
        server.hears();
        server
    }
}

#[test]
fn the_commands_come_in_the_order_that_platforms_know() {
    let mut server = Server::new();
    assert_eq!(server.publisher.stage(), Stage::Application);
    let heard = server.hears();
    assert_eq!(heard.iter().map(|m| m.kind).collect::<Vec<_>>(), [SET_CHUNK_SIZE, COMMAND]);
    let connect = amf0::values(&heard[1].payload).unwrap();
    let field = |name| connect[2].field(name).and_then(Value::text).unwrap().to_owned();
    assert_eq!((field("app").as_str(), field("tcUrl").as_str()), ("live/x", "rtmp://h/live/x"));
    assert_eq!(server.answers("_result", CONNECT, 0.0), None);
    let key = target().name;
    let named = |name: &str, texts: &[&str]| (name.to_owned(), texts.iter().map(|t| t.to_string()).collect::<Vec<_>>());
    let asked = [named("releaseStream", &[&key]), named("FCPublish", &[&key]), named("createStream", &[])];
    assert_eq!(server.commands(), asked);
    assert_eq!(server.answers("_error", RELEASE_STREAM, 0.0), None, "unknown there, and no matter");
    assert_eq!(server.answers("_result", CREATE_STREAM, 5.0), None);
    assert_eq!(server.publisher.stage(), Stage::Name);
    let heard = server.hears();
    assert_eq!(heard[0].stream_id, 5);
    let publish = amf0::values(&heard[0].payload).unwrap();
    assert_eq!((publish[3].text(), publish[4].text()), (Some(key.as_str()), Some("live")));
    assert_eq!(server.status("status", "NetStream.Publish.Start"), Some(Step::Published));
    server.publisher.goodbye();
    assert_eq!(server.commands(), [named("FCUnpublish", &[&key]), named("deleteStream", &[])]);
}

#[test]
fn media_stands_in_tags_of_flv_and_only_once_it_may() {
    let mut server = Server::new();
    server.hears();
    server.publisher.video(0, true, b"early");
    assert!(server.hears().is_empty(), "nothing before it may be published");
    let mut server = Server::published();
    server.publisher.video_header(9, b"avc");
    server.publisher.sound_header(9, b"asc");
    server.publisher.video(u32::MAX, true, &[1; 10_000]);
    server.publisher.video(3, false, b"next");
    server.publisher.sound(4, b"aac");
    let heard = server.hears();
    let seen: Vec<_> = heard.iter().map(|m| (m.kind, m.stream_id, m.timestamp_ms, &m.payload[..2])).collect();
    let want: [(u8, u32, u32, &[u8]); 5] = [
        (VIDEO, 5, 9, &[0x17, 0]),
        (SOUND, 5, 9, &[0xAF, 0]),
        (VIDEO, 5, u32::MAX, &[0x17, 1]),
        (VIDEO, 5, 3, &[0x27, 1]),
        (SOUND, 5, 4, &[0xAF, 1]),
    ];
    assert_eq!(seen, want);
    assert_eq!((heard[2].payload.len(), &heard[3].payload[5..]), (10_005, &b"next"[..]));
}

#[test]
fn a_refusal_says_of_what() {
    let check = |prepare: &[(f64, f64)], refuse: &dyn Fn(&mut Server) -> Option<Step>, stage: Stage, code: &str| {
        let mut server = Server::new();
        for (transaction, number) in prepare {
            server.answers("_result", *transaction, *number);
        }
        let refusal = Refusal { stage, code: code.to_owned() };
        assert_eq!(refuse(&mut server), Some(Step::Refused(refusal)));
        assert_eq!(server.status("status", "NetStream.Publish.Start"), None, "it is over");
    };
    let open = [(CONNECT, 0.0), (CREATE_STREAM, 1.0)];
    check(&[], &|server| server.answers("_error", CONNECT, 0.0), Stage::Application, "");
    check(&open[..1], &|server| server.answers("_error", CREATE_STREAM, 0.0), Stage::Name, "");
    check(
        &open,
        &|server| server.status("error", "NetStream.Publish.BadName"),
        Stage::Name,
        "NetStream.Publish.BadName",
    );
    check(&open, &|server| server.answers("close", 0.0, 0.0), Stage::Name, "");
    let mut server = Server::published();
    assert_eq!(server.status("status", "NetStream.Publish.Something"), None);
    let denied = "NetStream.Publish.Denied".to_owned();
    assert_eq!(server.status("error", "NetStream.Publish.Denied"), Some(Step::Ended(denied)));
}

#[test]
fn the_protocol_is_kept_alive() {
    let mut server = Server::published();
    server.says(USER_CONTROL, &[0, 6, 1, 2, 3, 4]).unwrap();
    assert_eq!(&server.hears()[0].payload[..], [0, 7, 1, 2, 3, 4], "a ping is answered");
    server.says(SET_PEER_BANDWIDTH, &[0, 0x10, 0, 0, 2]).unwrap();
    let heard = server.hears();
    assert_eq!((heard[0].kind, &heard[0].payload[..]), (WINDOW_ACK_SIZE, &[0, 0x10, 0, 0][..]));
    server.says(WINDOW_ACK_SIZE, &[0, 0, 0, 200]).unwrap();
    server.says(99, &[0; 100]).unwrap();
    server.says(99, &[0; 100]).unwrap();
    assert!(server.hears().iter().any(|m| m.kind == ACKNOWLEDGEMENT));
}

#[test]
fn one_that_speaks_no_rtmp_is_an_error() {
    let mut publisher = Publisher::new(target(), 1);
    publisher.push(b"HTTP/1.1 400 Bad Request\r\n");
    assert_eq!(publisher.step(), Err(Broken::Handshake));
    let mut server = Server::new();
    assert_eq!(server.says(SET_CHUNK_SIZE, &[0]), Err(Broken::Short(SET_CHUNK_SIZE)));
    let mut server = Server::new();
    assert_eq!(server.says(COMMAND, &[99]), Err(Broken::Amf(BadAmf::Type(99))));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let mut server = Server::published();
        server.publisher.push(&bytes);
        while let Ok(Some(_)) = server.publisher.step() {}
    }
}
