//! A publisher of which every byte is in the test's hand, made of rtmp-rs' client parts.

use crate::harness::LIMIT;
use bytes::{Bytes, BytesMut};
use rtmp_rs::amf::AmfValue;
use rtmp_rs::protocol::chunk::RtmpChunk;
use rtmp_rs::protocol::message::Command;
use rtmp_rs::protocol::{ChunkDecoder, ChunkEncoder, Handshake, HandshakeRole, RtmpMessage};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

pub(crate) struct Raw {
    socket: TcpStream,
    encoder: ChunkEncoder,
    decoder: ChunkDecoder,
    input: BytesMut,
    /// Names and codes of the commands that the server has sent.
    pub(crate) said: Vec<String>,
}

impl Raw {
    /// A connection of which nothing is known yet.
    pub(crate) fn over(socket: TcpStream) -> Raw {
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        let (encoder, decoder) = (ChunkEncoder::new(), ChunkDecoder::new());
        Raw { socket, encoder, decoder, input: BytesMut::new(), said: Vec::new() }
    }

    /// Shakes hands and connects to an app, as OBS does.
    pub(crate) fn connect(address: SocketAddr, app: &str) -> Raw {
        let mut raw = Raw::over(TcpStream::connect(address).unwrap());
        let mut handshake = Handshake::new(HandshakeRole::Client);
        raw.socket.write_all(&handshake.generate_initial().unwrap()).unwrap();
        let mut answer = vec![0; handshake.bytes_needed().max(1 + 2 * 1_536)];
        raw.socket.read_exact(&mut answer).unwrap();
        let c2 = handshake.process(&mut Bytes::from(answer)).unwrap().unwrap();
        raw.socket.write_all(&c2).unwrap();
        let fields = [
            ("app", app),
            ("type", "nonprivate"),
            ("flashVer", "FMLE/3.0 (compatible; FMSc/1.0)"),
            ("swfUrl", "rtmp://box/live"),
            ("tcUrl", "rtmp://box/live"),
        ];
        let fields = fields.map(|(name, text)| (name.to_owned(), AmfValue::String(text.into())));
        raw.send_command("connect", AmfValue::Object(fields.into()), &[]);
        raw.until("_result NetConnection.Connect.Success");
        raw
    }

    /// A publisher that was admitted.
    pub(crate) fn publish(address: SocketAddr, key: &str) -> Raw {
        let mut raw = Raw::connect(address, "live");
        raw.command("createStream", &[]);
        raw.command("publish", &[key, "live"]);
        raw.until("onStatus NetStream.Publish.Start");
        raw
    }

    pub(crate) fn command(&mut self, name: &str, arguments: &[&str]) {
        self.send_command(name, AmfValue::Null, arguments);
    }

    fn send_command(&mut self, name: &str, command_object: AmfValue, arguments: &[&str]) {
        let arguments = arguments.iter().map(|text| AmfValue::String((*text).into())).collect();
        let command = Command { name: name.into(), transaction_id: 1.0, command_object, arguments, stream_id: 1 };
        let (kind, payload) = RtmpMessage::Command(command).encode();
        self.send(3, kind, 0, payload);
    }

    pub(crate) fn video(&mut self, timestamp_ms: u32, body: &[u8]) {
        self.send(4, 9, timestamp_ms, Bytes::copy_from_slice(body));
    }

    fn send(&mut self, csid: u32, message_type: u8, timestamp: u32, payload: Bytes) {
        let mut bytes = BytesMut::new();
        self.encoder.encode(&RtmpChunk { csid, timestamp, message_type, stream_id: 1, payload }, &mut bytes);
        self.socket.write_all(&bytes).unwrap();
    }

    /// Reads until the server has said something.
    pub(crate) fn until(&mut self, said: &str) {
        while !self.said.iter().any(|known| known == said) {
            assert!(self.read(), "closed before {said}: {:?}", self.said);
        }
    }

    /// Reads until the server closes, and answers what it said.
    pub(crate) fn until_closed(&mut self) -> &[String] {
        while self.read() {}
        &self.said
    }

    fn read(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        match self.socket.read(&mut bytes) {
            Ok(0) => return false,
            Ok(n) => self.input.extend_from_slice(&bytes[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return false,
            Err(error) => panic!("the server neither speaks nor closes: {error}"),
        }
        while let Ok(Some(chunk)) = self.decoder.decode(&mut self.input) {
            match RtmpMessage::from_chunk(&chunk).unwrap() {
                RtmpMessage::SetChunkSize(size) => self.decoder.set_chunk_size(size),
                RtmpMessage::Command(command) => {
                    let info = command.arguments.first().and_then(|info| info.as_object());
                    let code = info.and_then(|info| info["code"].as_str()).unwrap_or_default();
                    self.said.push(format!("{} {code}", command.name).trim().to_owned());
                }
                _ => {}
            }
        }
        true
    }
}
