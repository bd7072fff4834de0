use super::*;
use proptest::prelude::*;
use rtmp_rs::protocol::ChunkDecoder;

/// The far side, from rtmp-rs: sends messages, reads answers.
struct Client {
    session: Session,
    encoder: ChunkEncoder,
    decoder: ChunkDecoder,
    answers: BytesMut,
}

impl Client {
    /// A client whose handshake is done.
    fn new() -> Client {
        let mut session = Session::new();
        let mut handshake = Handshake::new(HandshakeRole::Client);
        session.push(&handshake.generate_initial().unwrap());
        assert_eq!(session.next().unwrap(), None);
        let c2 = handshake.process(&mut session.take_output()).unwrap().unwrap();
        session.push(&c2);
        assert_eq!(session.next().unwrap(), None);
        Client { session, encoder: ChunkEncoder::new(), decoder: ChunkDecoder::new(), answers: BytesMut::new() }
    }

    fn send(&mut self, kind: u8, timestamp: u32, payload: &[u8]) {
        let mut bytes = BytesMut::new();
        let csid = if kind == 20 { 3 } else { 4 };
        let payload = Bytes::copy_from_slice(payload);
        self.encoder.encode(&RtmpChunk { csid, timestamp, message_type: kind, stream_id: 1, payload }, &mut bytes);
        self.session.push(&bytes);
    }

    fn command(&mut self, name: &str, object: AmfValue, arguments: &[&str]) {
        let arguments = arguments.iter().map(|text| AmfValue::String((*text).into())).collect();
        let command =
            Command { name: name.into(), transaction_id: 7.0, command_object: object, arguments, stream_id: 1 };
        let (kind, payload) = RtmpMessage::Command(command).encode();
        self.send(kind, 0, &payload);
    }

    fn connect(&mut self, app: &str) {
        let fields = [("app", app), ("flashVer", "FMLE/3.0 (compatible; FMSc/1.0)"), ("tcUrl", "rtmp://box/live")];
        let fields = fields.map(|(name, text)| (name.to_owned(), AmfValue::String(text.into())));
        self.command("connect", AmfValue::Object(fields.into()), &[]);
        assert_eq!(self.session.next().unwrap(), None);
    }

    /// Names and codes of the answers since the last call.
    fn answers(&mut self) -> Vec<String> {
        self.answers.extend_from_slice(&self.session.take_output());
        let mut said = Vec::new();
        while !self.answers.is_empty() {
            let Some(chunk) = self.decoder.decode(&mut self.answers).unwrap() else { continue };
            match RtmpMessage::from_chunk(&chunk).unwrap() {
                RtmpMessage::SetChunkSize(size) => self.decoder.set_chunk_size(size),
                RtmpMessage::Command(command) => {
                    let info = command.arguments.first().and_then(|info| info.as_object());
                    let code = info.and_then(|info| info["code"].as_str()).unwrap_or_default();
                    said.push(format!("{} {code}", command.name).trim().to_owned());
                }
                RtmpMessage::Acknowledgement { sequence } => said.push(format!("ack {sequence}")),
                RtmpMessage::UserControl(UserControlEvent::PingResponse(at)) => said.push(format!("pong {at}")),
                _ => {}
            }
        }
        said
    }

    fn publishing() -> Client {
        let mut client = Client::new();
        client.connect("live");
        client.command("publish", AmfValue::Null, &["main_obs?token=a", "live"]);
        assert!(matches!(client.session.next(), Ok(Some(Step::Judge(_)))));
        client.session.admit();
        client.answers();
        client
    }
}

#[test]
fn the_way_obs_connects() {
    let mut client = Client::new();
    client.connect("live");
    assert_eq!(client.answers(), ["_result NetConnection.Connect.Success"]);
    client.command("releaseStream", AmfValue::Null, &["main_obs?token=a"]);
    client.command("FCPublish", AmfValue::Null, &["main_obs?token=a"]);
    client.command("createStream", AmfValue::Null, &[]);
    assert_eq!(client.session.next().unwrap(), None);
    assert_eq!(client.answers(), ["onFCPublish", "_result"]);
    client.command("publish", AmfValue::Null, &["main_obs?token=a", "live"]);
    assert_eq!(client.session.next().unwrap(), Some(Step::Judge(Ask::parse("live", "main_obs?token=a"))));
    client.send(9, 5, &[0x17, 1]);
    assert_eq!(client.session.next().unwrap(), None, "nothing is read before the verdict");
    client.session.admit();
    assert_eq!(client.answers(), ["onStatus NetStream.Publish.Start"]);
    let body = Bytes::from_static(&[0x17, 1]);
    assert_eq!(client.session.next().unwrap(), Some(Step::Media(Tag { kind: Kind::Video, timestamp_ms: 5, body })));
    client.command("FCUnpublish", AmfValue::Null, &["main_obs?token=a"]);
    assert_eq!(client.session.next().unwrap(), Some(Step::End));
    assert_eq!(client.session.next().unwrap(), None);
}

#[test]
fn refused_and_kicked_publishers_are_told() {
    let mut client = Client::new();
    client.connect("live?token=b");
    client.command("publish", AmfValue::Null, &["main_obs"]);
    assert_eq!(client.session.next().unwrap(), Some(Step::Judge(Ask::parse("live", "main_obs?token=b"))));
    client.session.refuse("no");
    assert!(client.answers().contains(&"onStatus NetStream.Publish.BadName".to_owned()));
    client.send(9, 5, &[0x17, 1]);
    assert_eq!(client.session.next().unwrap(), None, "what a refused one sends is not read");

    let mut client = Client::publishing();
    client.session.kick("the key changed");
    assert_eq!(client.answers(), ["onStatus NetStream.Publish.Denied"]);
    assert_eq!(client.session.next().unwrap(), None);
}

#[test]
fn players_are_sent_away() {
    let mut client = Client::new();
    client.connect("live");
    client.answers();
    client.command("play", AmfValue::Null, &["main_obs?token=a"]);
    assert_eq!(client.session.next().unwrap(), Some(Step::End));
    assert_eq!(client.answers(), ["onStatus NetStream.Play.StreamNotFound"]);
}

#[test]
fn uninvited_media_and_wrong_order_end_it() {
    let mut client = Client::new();
    client.connect("live");
    client.send(8, 0, &[0xAF, 1]);
    assert!(matches!(client.session.next(), Err(Violation::Uninvited)));

    let mut client = Client::new();
    client.command("publish", AmfValue::Null, &["main_obs?token=a"]);
    assert!(matches!(client.session.next(), Err(Violation::OutOfOrder)));

    let mut client = Client::new();
    client.connect("live");
    client.send(9, 0, &[0; COMMAND_BYTES_MAX as usize + 1]);
    assert!(matches!(client.session.next(), Err(Violation::Chunk(BadChunk::TooLarge(_)))));

    let mut client = Client::new();
    client.connect("live");
    for _ in 0..20 {
        client.send(3, 0, &[0; 8_000]);
    }
    assert!(matches!(client.session.next(), Err(Violation::TooMuch)));
}

#[test]
fn metadata_loses_its_wrapper_and_other_data_goes() {
    let mut client = Client::publishing();
    let text = |text: &str| [&[2, 0, text.len() as u8], text.as_bytes()].concat();
    let metadata = [text("onMetaData"), vec![3, 0, 0, 9]].concat();
    client.send(18, 0, &[text("@setDataFrame"), metadata.clone()].concat());
    client.send(18, 0, &text("onTextData"));
    client.send(18, 3, &metadata);
    for timestamp_ms in [0, 3] {
        let body = Bytes::from(metadata.clone());
        assert_eq!(client.session.next().unwrap(), Some(Step::Media(Tag { kind: Kind::Script, timestamp_ms, body })));
    }
    assert_eq!(client.session.next().unwrap(), None);
}

#[test]
fn aggregates_are_taken_apart() {
    let mut client = Client::publishing();
    let tag = |kind, timestamp_ms, body: &'static [u8]| Tag { kind, timestamp_ms, body: Bytes::from_static(body) };
    let inner = [tag(Kind::Audio, 500, &[0xAF, 1]), tag(Kind::Video, 520, &[0x27, 1, 2])];
    let bytes: Vec<u8> = inner.iter().flat_map(|tag| tag.write().unwrap()).collect();
    client.send(22, 9_000, &bytes);
    assert_eq!(client.session.next().unwrap(), Some(Step::Media(tag(Kind::Audio, 9_000, &[0xAF, 1]))));
    assert_eq!(client.session.next().unwrap(), Some(Step::Media(tag(Kind::Video, 9_020, &[0x27, 1, 2]))));
    client.send(22, 0, &bytes[..13]);
    client.send(22, 0, &bytes[..12]);
    let last = std::iter::repeat_with(|| client.session.next()).find(|step| !matches!(step, Ok(Some(_))));
    assert!(matches!(last, Some(Err(Violation::Short(22)))));
}

#[test]
fn pings_are_answered_and_bytes_acknowledged() {
    let mut client = Client::publishing();
    client.send(4, 0, &[0, 6, 0, 0, 0, 42]);
    client.send(5, 0, &[0, 0, 0, 1]);
    assert_eq!(client.session.next().unwrap(), None);
    assert_eq!(client.answers(), ["pong 42"]);
    client.send(9, 0, &[0x27; ACK_BYTES_MIN as usize]);
    let received = client.session.received;
    assert_eq!(client.answers(), [format!("ack {received}")]);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..4_000), publishing in any::<bool>()) {
        let mut client = if publishing { Client::publishing() } else { Client::new() };
        client.session.push(&bytes);
        while let Ok(Some(_)) = client.session.next() {}
    }

    #[test]
    fn no_message_panics(kind in 1..23_u8, payload in proptest::collection::vec(any::<u8>(), 1..200), publishing in any::<bool>()) {
        let mut client = if publishing { Client::publishing() } else { Client::new() };
        client.send(kind, 0, &payload);
        while let Ok(Some(_)) = client.session.next() {}
    }
}
