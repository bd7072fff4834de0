//! The hub: brings each publisher's tags to the readers that wait for its stream. It never waits for one.
//!
//! ```text
//!   reader:  waiting ──publisher is there, and a place to begin──► fed ──publisher ended──► ended
//!               │                                                   │ its feed is full
//!               └──────────────── reader left ──► gone ◄────────────┘ (cut)
//! ```
//! Streams are known by name only; who may publish was judged before. A tag that FLV cannot hold is left out.

pub(crate) mod feed;
mod gop;

use crate::flv::Tag;
use feed::Feed;
use gop::Gop;
use std::collections::BTreeMap;

/// Names one reader, for as long as the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReaderId(pub(crate) u64);

#[derive(Debug)]
struct Reader {
    stream: String,
    feed: Feed,
    fed: bool,
}

/// Every stream that is being published, and every reader.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    live: BTreeMap<String, Gop>,
    readers: BTreeMap<ReaderId, Reader>,
}

impl Hub {
    /// A publisher begins.
    pub(crate) fn begin(&mut self, stream: &str) {
        self.live.insert(stream.to_owned(), Gop::default());
    }

    /// The publisher ended: its readers get what waits for them, then their end. Those not yet fed wait on.
    pub(crate) fn end(&mut self, stream: &str) {
        self.live.remove(stream);
        self.readers.retain(|_, reader| reader.stream != stream || !reader.fed);
    }

    /// A reader joins, and is fed as soon as there is something to begin with.
    pub(crate) fn join(&mut self, id: ReaderId, stream: &str, feed: Feed) {
        let prelude = self.live.get(stream).and_then(Gop::prelude);
        let fed = prelude.is_some_and(|pieces| feed.begin(pieces));
        self.readers.insert(id, Reader { stream: stream.to_owned(), feed, fed });
    }

    /// A reader left.
    pub(crate) fn leave(&mut self, id: ReaderId) {
        self.readers.remove(&id);
    }

    /// Tags arrived. Answers the readers that were too slow, and are cut.
    pub(crate) fn media(&mut self, stream: &str, tags: &[Tag]) -> Vec<ReaderId> {
        let Some(gop) = self.live.get_mut(stream) else { return Vec::new() };
        // Up to `joined` tags of the batch are in the prelude of those who join within it.
        let mut written = Vec::with_capacity(tags.len());
        let mut prelude = None;
        let joins = self.readers.values().any(|reader| reader.stream == stream && !reader.fed);
        for tag in tags {
            let Some(bytes) = tag.write() else { continue };
            gop.push(tag, &bytes);
            written.push(bytes);
            if joins && prelude.is_none() {
                prelude = gop.prelude().map(|pieces| (pieces, written.len()));
            }
        }
        let mut slow = Vec::new();
        for (id, reader) in self.readers.iter_mut().filter(|(_, reader)| reader.stream == stream) {
            let went = match (&prelude, reader.fed) {
                (_, true) => reader.feed.send(written.clone()),
                (Some((pieces, joined)), false) => {
                    reader.fed = true;
                    reader.feed.begin(pieces.clone()) && reader.feed.send(written[*joined..].to_vec())
                }
                (None, false) => true,
            };
            if !went {
                slow.push(*id);
            }
        }
        for reader in slow.iter().filter_map(|id| self.readers.remove(id)) {
            reader.feed.cut();
        }
        slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flv::Kind;
    use bytes::Bytes;
    use feed::{Outlet, feed};

    fn picture(timestamp_ms: u32, body: &[u8]) -> Tag {
        Tag { kind: Kind::Video, timestamp_ms, body: Bytes::copy_from_slice(body) }
    }

    fn key(ms: u32) -> Tag {
        picture(ms, &[0x17, 1, 0, 0, 0])
    }

    fn delta(ms: u32) -> Tag {
        picture(ms, &[0x27, 1, 0, 0, 0])
    }

    /// The times of the tags that wait at an outlet, and whether it ended.
    fn drain(outlet: &mut Outlet) -> (Vec<u32>, bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut times = Vec::new();
        let ended = runtime.block_on(async {
            loop {
                tokio::select! {
                    biased;
                    pieces = outlet.next() => match pieces {
                        Some(pieces) => times.extend(pieces.iter().filter(|p| p[0] == 9).map(|p| u32::from_be_bytes([p[7], p[4], p[5], p[6]]))),
                        None => break true,
                    },
                    () = std::future::ready(()) => break false,
                }
            }
        });
        (times, ended)
    }

    #[test]
    fn readers_join_at_the_keyframe_and_end_with_the_publisher() {
        let mut hub = Hub::default();
        let (first, mut early) = feed();
        hub.join(ReaderId(1), "s", first);
        hub.media("s", &[key(0)]);
        assert_eq!(drain(&mut early), (vec![], false), "nobody publishes: what comes is nobody's");
        hub.begin("s");
        hub.media("s", &[delta(1), delta(2)]);
        assert_eq!(drain(&mut early), (vec![], false));
        hub.media("s", &[delta(3), key(4), delta(5)]);
        let (second, mut late) = feed();
        hub.join(ReaderId(2), "s", second);
        hub.media("s", &[delta(6)]);
        assert_eq!(drain(&mut early), (vec![4, 5, 6], false));
        assert_eq!(drain(&mut late), (vec![4, 5, 6], false));
        let (other, mut elsewhere) = feed();
        hub.join(ReaderId(3), "t", other);
        hub.media("s", &[delta(7), key(8)]);
        hub.end("s");
        assert_eq!(drain(&mut early), (vec![7, 8], true));
        assert_eq!(drain(&mut late), (vec![7, 8], true));
        assert_eq!(drain(&mut elsewhere), (vec![], false));
    }

    #[test]
    fn a_new_publisher_begins_with_its_own_keyframe() {
        let mut hub = Hub::default();
        hub.begin("s");
        hub.media("s", &[key(0)]);
        hub.end("s");
        hub.begin("s");
        let (feed_end, mut outlet) = feed();
        hub.join(ReaderId(1), "s", feed_end);
        hub.media("s", &[delta(1)]);
        assert_eq!(drain(&mut outlet), (vec![], false));
        hub.media("s", &[key(2)]);
        assert_eq!(drain(&mut outlet), (vec![2], false));
    }

    #[test]
    fn a_slow_reader_is_cut_and_the_others_go_on() {
        let mut hub = Hub::default();
        hub.begin("s");
        let (slow, slow_outlet) = feed();
        let (quick, mut quick_outlet) = feed();
        hub.join(ReaderId(1), "s", slow);
        hub.join(ReaderId(2), "s", quick);
        hub.media("s", &[key(0)]);
        let big = picture(1, &vec![0x27; 1 << 20]);
        let mut cut = Vec::new();
        for _ in 0..=feed::BYTES_MAX >> 20 {
            cut.extend(hub.media("s", std::slice::from_ref(&big)));
            drain(&mut quick_outlet);
        }
        assert_eq!(cut, vec![ReaderId(1)]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(slow_outlet.cut().happened());
        hub.media("s", &[delta(9)]);
        assert_eq!(drain(&mut quick_outlet), (vec![9], false));
    }
}
