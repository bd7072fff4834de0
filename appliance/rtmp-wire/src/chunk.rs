//! The chunk stream: Adobe's *Real-Time Messaging Protocol 1.0*, section 5.3.
//!
//! Everything that is read here arrives from strangers, so memory follows the bytes that really came, not the lengths that
//! were announced, and every count has a limit. Where senders differ from the text, the practice of OBS and
//! ffmpeg decides: see [`ChunkReader::timestamp`].

use bytes::{Buf as _, Bytes, BytesMut};
use std::collections::BTreeMap;

/// Chunk streams of one connection. Encoders use fewer than ten.
const LANES_MAX: usize = 32;

/// Bytes of unfinished messages over all chunk streams.
const PARTIAL_BYTES_MAX: usize = 16 << 20;

/// Chunk size before anything was said (section 5.4.1).
const CHUNK_BYTES: u32 = 128;

/// A field with this value says that four more bytes hold the time.
const EXTENDED: u32 = 0xFF_FFFF;

/// Why the bytes are no chunk stream that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChunk {
    /// A message is longer than allowed now.
    #[error("a message of {0} bytes is larger than is taken")]
    TooLarge(u32),
    /// Too many chunk streams.
    #[error("more than {LANES_MAX} chunk streams")]
    TooMany,
    /// Too much was begun and not ended.
    #[error("more than {PARTIAL_BYTES_MAX} bytes of unfinished messages")]
    TooMuch,
    /// A header leans on one before that never came.
    #[error("a chunk without the header that it leans on")]
    NoHeader,
    /// A header within a message.
    #[error("a message begins within another")]
    Torn,
    /// A chunk size of 0.
    #[error("a chunk size of 0")]
    NoSize,
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Message type id.
    pub kind: u8,
    /// Message stream id.
    pub stream_id: u32,
    /// Milliseconds; wraps at 2^32.
    pub timestamp_ms: u32,
    /// What it carries.
    pub payload: Bytes,
}

#[derive(Debug, Default)]
struct Lane {
    kind: u8,
    stream_id: u32,
    length: u32,
    timestamp_ms: u32,
    delta_ms: u32,
    /// The last extended field, where the last header had one.
    extended: Option<u32>,
    partial: BytesMut,
    in_message: bool,
}

/// Puts messages together.
#[derive(Debug)]
pub struct ChunkReader {
    lanes: BTreeMap<u32, Lane>,
    chunk_bytes: u32,
    message_bytes_max: u32,
    partial_bytes: usize,
    /// The chunk that is being read: its chunk stream, and the bytes that it still has.
    open: Option<(u32, usize)>,
}

impl ChunkReader {
    /// A reader that takes messages up to a size.
    pub fn new(message_bytes_max: u32) -> ChunkReader {
        ChunkReader {
            lanes: BTreeMap::new(),
            chunk_bytes: CHUNK_BYTES,
            message_bytes_max,
            partial_bytes: 0,
            open: None,
        }
    }

    /// Changes the largest message from now on.
    pub fn set_message_bytes_max(&mut self, bytes: u32) {
        self.message_bytes_max = bytes;
    }

    /// *Set Chunk Size* arrived. Large ones are fine: a chunk is taken as its bytes come.
    pub fn set_chunk_bytes(&mut self, bytes: u32) -> Result<(), BadChunk> {
        if bytes == 0 {
            return Err(BadChunk::NoSize);
        }
        self.chunk_bytes = bytes;
        Ok(())
    }

    /// *Abort Message* arrived.
    pub fn abort(&mut self, csid: u32) {
        if let Some(lane) = self.lanes.get_mut(&csid) {
            self.partial_bytes -= lane.partial.len();
            lane.partial.clear();
            lane.in_message = false;
        }
    }

    /// The next whole message; none until more bytes come. After an error the connection is of no more use.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Message>, BadChunk> {
        loop {
            let (csid, left) = match self.open {
                Some(open) => open,
                None => match self.header(input)? {
                    Some(open) => open,
                    None => return Ok(None),
                },
            };
            let lane = self.lanes.get_mut(&csid).ok_or(BadChunk::NoHeader)?;
            let taken = left.min(input.len());
            if self.partial_bytes + taken > PARTIAL_BYTES_MAX {
                return Err(BadChunk::TooMuch);
            }
            lane.partial.extend_from_slice(&input[..taken]);
            self.partial_bytes += taken;
            input.advance(taken);
            if taken < left {
                self.open = Some((csid, left - taken));
                return Ok(None);
            }
            self.open = None;
            if lane.partial.len() == lane.length as usize {
                self.partial_bytes -= lane.partial.len();
                lane.in_message = false;
                let payload = std::mem::take(&mut lane.partial).freeze();
                let Lane { kind, stream_id, timestamp_ms, .. } = *lane;
                return Ok(Some(Message { kind, stream_id, timestamp_ms, payload }));
            }
        }
    }

    /// Reads one chunk's header, all of it or nothing. Answers the chunk stream and the bytes that follow.
    fn header(&mut self, input: &mut BytesMut) -> Result<Option<(u32, usize)>, BadChunk> {
        let Some((fmt, csid, basic)) = basic_header(input) else { return Ok(None) };
        let fields = [11, 7, 3, 0][usize::from(fmt)];
        let Some(head) = input.get(basic..basic + fields) else { return Ok(None) };
        let u24 = |at: usize| u32::from_be_bytes([0, head[at], head[at + 1], head[at + 2]]);

        let known = self.lanes.get(&csid);
        if known.is_none() && self.lanes.len() == LANES_MAX {
            return Err(BadChunk::TooMany);
        }
        let in_message = known.is_some_and(|lane| lane.in_message);
        let seen = match (fmt, known) {
            (0, _) => None,
            (_, Some(lane)) => Some(lane),
            (_, None) => return Err(BadChunk::NoHeader),
        };
        if in_message && fmt != 3 {
            return Err(BadChunk::Torn);
        }
        let length = if fmt <= 1 { u24(3) } else { seen.map_or(0, |lane| lane.length) };
        if length > self.message_bytes_max {
            return Err(BadChunk::TooLarge(length));
        }
        let kind = if fmt <= 1 { head[6] } else { seen.map_or(0, |lane| lane.kind) };
        let stream_id = match seen {
            None => u32::from_le_bytes([head[7], head[8], head[9], head[10]]),
            Some(lane) => lane.stream_id,
        };
        let field = if fmt <= 2 { Some(u24(0)) } else { None };
        let Some((time, extended, more)) = time(field, seen, &input[basic + fields..]) else { return Ok(None) };

        input.advance(basic + fields + more);
        let lane = self.lanes.entry(csid).or_default();
        lane.extended = extended;
        if !in_message {
            lane.delta_ms = match fmt {
                0 => 0,
                1 | 2 => time,
                _ => lane.delta_ms,
            };
            // After a whole timestamp a bare header means "the same moment": so OBS means it, and so nginx-rtmp
            // and others read it, though section 5.3.1.2.4 would add the timestamp to itself.
            lane.timestamp_ms = if fmt == 0 { time } else { lane.timestamp_ms.wrapping_add(lane.delta_ms) };
            (lane.length, lane.kind, lane.stream_id, lane.in_message) = (length, kind, stream_id, true);
        }
        let left = (lane.length as usize - lane.partial.len()).min(self.chunk_bytes as usize);
        Ok(Some((csid, left)))
    }
}

/// First byte or bytes: format, chunk stream id, and how many bytes they are.
fn basic_header(input: &[u8]) -> Option<(u8, u32, usize)> {
    let first = *input.first()?;
    let fmt = first >> 6;
    Some(match first & 0x3F {
        0 => (fmt, 64 + u32::from(*input.get(1)?), 2),
        1 => (fmt, 64 + u32::from(*input.get(1)?) + 256 * u32::from(*input.get(2)?), 3),
        csid => (fmt, u32::from(csid), 1),
    })
}

/// The time that a header says, whether it was an extended one, and the bytes that it took behind the header;
/// none until more bytes come. A bare header repeats the extended field with most senders and omits it with
/// some: it is taken as a repeat where it has the same value.
fn time(field: Option<u32>, seen: Option<&Lane>, rest: &[u8]) -> Option<(u32, Option<u32>, usize)> {
    let four = || rest.first_chunk::<4>().map(|four| u32::from_be_bytes(*four));
    match (field, seen.and_then(|lane| lane.extended)) {
        (Some(EXTENDED), _) => four().map(|time| (time, Some(time), 4)),
        (Some(time), _) => Some((time, None, 0)),
        (None, Some(last)) => four().map(|again| (last, Some(last), if again == last { 4 } else { 0 })),
        (None, None) => Some((0, None, 0)),
    }
}

/// What a message is, without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Chunk stream, 2 to 63.
    pub csid: u8,
    /// Message type id.
    pub kind: u8,
    /// Message stream id.
    pub stream_id: u32,
    /// Milliseconds; wraps at 2^32.
    pub timestamp_ms: u32,
}

/// Cuts messages into chunks. Each begins with a whole header: 12 bytes a message are little, and nothing leans on what
/// was sent before.
#[derive(Debug)]
pub struct ChunkWriter {
    chunk_bytes: u32,
}

impl Default for ChunkWriter {
    fn default() -> ChunkWriter {
        ChunkWriter { chunk_bytes: CHUNK_BYTES }
    }
}

impl ChunkWriter {
    /// The chunk size from now on, once the far side was told.
    pub fn set_chunk_bytes(&mut self, bytes: u32) {
        self.chunk_bytes = bytes.max(1);
    }

    /// Appends a message to `out`. Its payload is `parts`, one after the other, below 2^24 bytes.
    pub fn write(&self, head: Head, parts: &[&[u8]], out: &mut Vec<u8>) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let extended = (head.timestamp_ms >= EXTENDED).then(|| head.timestamp_ms.to_be_bytes());
        out.push(head.csid & 0x3F);
        out.extend_from_slice(&head.timestamp_ms.min(EXTENDED).to_be_bytes()[1..]);
        out.extend_from_slice(&(length as u32).to_be_bytes()[1..]);
        out.push(head.kind);
        out.extend_from_slice(&head.stream_id.to_le_bytes());
        out.extend(extended.iter().flatten());
        let mut room = self.chunk_bytes as usize;
        for mut part in parts.iter().copied() {
            while !part.is_empty() {
                if room == 0 {
                    out.push(0xC0 | head.csid & 0x3F);
                    // Repeated in each chunk (section 5.3.1.3), as all the servers expect.
                    out.extend(extended.iter().flatten());
                    room = self.chunk_bytes as usize;
                }
                let (now, later) = part.split_at(part.len().min(room));
                out.extend_from_slice(now);
                (part, room) = (later, room - now.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rtmp_rs::protocol::chunk::{ChunkEncoder, RtmpChunk};

    fn message(kind: u8, stream_id: u32, timestamp_ms: u32, payload: &[u8]) -> Message {
        Message { kind, stream_id, timestamp_ms, payload: Bytes::copy_from_slice(payload) }
    }

    /// Feeds bytes in pieces of a size.
    fn read(reader: &mut ChunkReader, bytes: &[u8], piece: usize) -> Result<Vec<Message>, BadChunk> {
        let mut input = BytesMut::new();
        let mut messages = Vec::new();
        for piece in bytes.chunks(piece) {
            input.extend_from_slice(piece);
            while let Some(message) = reader.next(&mut input)? {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    #[test]
    fn headers_as_they_lean_on_each_other() {
        let bytes = [
            &[0x04, 0, 0, 100, 0, 0, 2, 9, 1, 0, 0, 0, 0xA, 0xB][..], // whole: at 100
            &[0xC4, 1, 2],                                            // bare after whole: the same moment
            &[0x44, 0, 0, 33, 0, 0, 1, 8, 7],                         // 33 later, other length and type
            &[0x84, 0, 0, 34, 8],                                     // 34 later
            &[0xC4, 9],                                               // bare: 34 later again
        ]
        .concat();
        let want = vec![
            message(9, 1, 100, &[0xA, 0xB]),
            message(9, 1, 100, &[1, 2]),
            message(8, 1, 133, &[7]),
            message(8, 1, 167, &[8]),
            message(8, 1, 201, &[9]),
        ];
        for piece in [1, 2, 5, 100] {
            assert_eq!(read(&mut ChunkReader::new(1_000), &bytes, piece), Ok(want.clone()), "{piece}");
        }
    }

    #[test]
    fn interleaved_chunk_streams_and_long_ids() {
        let mut bytes = vec![0x00, 10, 0, 0, 5, 0, 0, 130, 9, 1, 0, 0, 0];
        bytes.extend([1; 128]);
        bytes.extend([0x01, 0, 1, 0, 0, 6, 0, 0, 1, 8, 1, 0, 0, 0, 0xEE]);
        bytes.extend([0xC0, 10, 2, 2]);
        let got = read(&mut ChunkReader::new(1_000), &bytes, 7).unwrap();
        assert_eq!(got[0], message(8, 1, 6, &[0xEE]));
        assert_eq!((got[1].timestamp_ms, got[1].payload.len(), got[1].payload[129]), (5, 130, 2));
    }

    #[test]
    fn extended_time_repeated_or_not() {
        let head = [0x04, 0xFF, 0xFF, 0xFF, 0, 0, 130, 9, 1, 0, 0, 0, 0x01, 0x02, 0x03, 0x04];
        for repeat in [&[0x01, 0x02, 0x03, 0x04][..], &[]] {
            let bytes = [&head[..], &[7; 128], &[0xC4], repeat, &[8, 8], &[0x44, 0, 0, 1, 0, 0, 1, 9, 5]].concat();
            let got = read(&mut ChunkReader::new(1_000), &bytes, 3).unwrap();
            assert_eq!((got[0].timestamp_ms, got[0].payload.len()), (0x0102_0304, 130), "{repeat:?}");
            assert_eq!(got[1], message(9, 1, 0x0102_0305, &[5]));
        }
    }

    #[test]
    fn limits_and_nonsense_end_the_connection() {
        let check = |bytes: &[u8], want: BadChunk| {
            assert_eq!(read(&mut ChunkReader::new(100), bytes, 16), Err(want), "{want:?}");
        };
        check(&[0x04, 0, 0, 0, 0, 0, 101, 9, 1, 0, 0, 0], BadChunk::TooLarge(101));
        check(&[0xC5], BadChunk::NoHeader);
        check(&[0x45, 0, 0, 0, 0, 0, 1, 9], BadChunk::NoHeader);
        let lanes: Vec<u8> = (2..60).flat_map(|csid| [csid, 0, 0, 0, 0, 0, 1, 9, 1, 0, 0, 0, 0]).collect();
        check(&lanes, BadChunk::TooMany);

        let mut reader = ChunkReader::new(100);
        reader.set_chunk_bytes(1).unwrap();
        assert_eq!(reader.set_chunk_bytes(0), Err(BadChunk::NoSize));
        let begun = [0x04, 0, 0, 0, 0, 0, 9, 9, 1, 0, 0, 0, 0xA];
        assert_eq!(read(&mut reader, &begun, 100), Ok(vec![]));
        assert_eq!(read(&mut reader, &begun, 100), Err(BadChunk::Torn));

        let mut reader = ChunkReader::new(100);
        assert_eq!(read(&mut reader, &[0x04, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0], 1), Ok(vec![message(9, 1, 0, &[])]));
        reader.set_chunk_bytes(1).unwrap();
        assert_eq!(read(&mut reader, &begun, 100), Ok(vec![]));
        reader.abort(4);
        assert_eq!(
            read(&mut reader, &[0x04, 0, 0, 0, 0, 0, 1, 9, 1, 0, 0, 0, 7], 100),
            Ok(vec![message(9, 1, 0, &[7])])
        );
    }

    #[test]
    fn unfinished_messages_have_a_limit_together() {
        let mut reader = ChunkReader::new(8 << 20);
        reader.set_chunk_bytes(4 << 20).unwrap();
        let mut last = Ok(vec![]);
        for csid in 2..8_u8 {
            assert_eq!(last, Ok(vec![]), "{csid}");
            let mut bytes = vec![csid, 0, 0, 0, 0x7F, 0xFF, 0xFF, 9, 1, 0, 0, 0];
            bytes.extend(vec![0; 4 << 20]);
            last = read(&mut reader, &bytes, 1 << 16);
            if last.is_err() {
                break;
            }
        }
        assert_eq!(last, Err(BadChunk::TooMuch));
    }

    prop_compose! {
        fn sent()(csid in 3..8_u32, kind in 8..10_u8, step in 0..100_u32, payload in proptest::collection::vec(any::<u8>(), 1..400))
            -> (u32, u8, u32, Vec<u8>) {
            (csid, kind, step, payload)
        }
    }

    #[test]
    fn a_time_beyond_24_bits_stands_in_each_chunk() {
        let mut out = Vec::new();
        let head = Head { csid: 6, kind: 9, stream_id: 1, timestamp_ms: 0x0123_4567 };
        ChunkWriter::default().write(head, &[&[7; 100], &[8; 30]], &mut out);
        let begin = [6, 0xFF, 0xFF, 0xFF, 0, 0, 130, 9, 1, 0, 0, 0, 0x01, 0x23, 0x45, 0x67];
        assert_eq!(out[..16], begin);
        assert_eq!(out[16 + 128..][..5], [0xC6, 0x01, 0x23, 0x45, 0x67]);
        assert_eq!(out.len(), 16 + 128 + 5 + 2);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(sent in proptest::collection::vec((sent(), any::<u32>()), 1..20), chunk in 1..500_u32, piece in 1..200_usize) {
            let mut writer = ChunkWriter::default();
            writer.set_chunk_bytes(chunk);
            let mut reader = ChunkReader::new(1_000);
            reader.set_chunk_bytes(chunk).unwrap();
            let (mut bytes, mut want) = (Vec::new(), Vec::new());
            for ((csid, kind, _, payload), timestamp_ms) in sent {
                want.push(message(kind, 1, timestamp_ms, &payload));
                let (a, b) = payload.split_at(payload.len() / 3);
                writer.write(Head { csid: csid as u8, kind, stream_id: 1, timestamp_ms }, &[a, b], &mut bytes);
            }
            prop_assert_eq!(read(&mut reader, &bytes, piece), Ok(want));
        }

        #[test]
        fn another_encoder_is_understood(sent in proptest::collection::vec(sent(), 1..20), chunk in 1..500_u32, piece in 1..200_usize, from in 0..20_000_000_u32) {
            let mut encoder = ChunkEncoder::new();
            encoder.set_chunk_size(chunk);
            let mut reader = ChunkReader::new(1_000);
            reader.set_chunk_bytes(chunk).unwrap();
            let mut bytes = BytesMut::new();
            let mut want = Vec::new();
            let mut now = from;
            // The encoder's way of extended times is its own; ours is tested above.
            prop_assume!(now + 20 * 100 < EXTENDED);
            for (csid, kind, step, payload) in sent {
                now += step + 1;
                want.push(message(kind, 1, now, &payload));
                encoder.encode(&RtmpChunk { csid, timestamp: now, message_type: kind, stream_id: 1, payload: payload.into() }, &mut bytes);
            }
            prop_assert_eq!(read(&mut reader, &bytes, piece), Ok(want));
        }

        #[test]
        fn no_bytes_panic_or_pile_up(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), piece in 1..64_usize) {
            let mut reader = ChunkReader::new(1_000);
            let _ = read(&mut reader, &bytes, piece);
            let held: usize = reader.lanes.values().map(|lane| lane.partial.len()).sum();
            prop_assert_eq!(held, reader.partial_bytes);
            prop_assert!(held <= bytes.len());
        }
    }
}
