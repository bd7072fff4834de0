//! Fans one elementary stream out. It keeps the last group of pictures, so a consumer begins at once and on a
//! keyframe; joining never asks the encoder for one. Each consumer has a bounded feed of its own: when it is
//! full, it loses packets up to the next keyframe, and nobody else does (D-7).

use crate::lock::{hold, whole};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::Duration;

/// Longest time that a feed holds, nanoseconds: what an uplink's hiccup may last before packets are left out.
const FEED_NS_MAX: u64 = 10_000_000_000;

/// Which track a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// H.264, one access unit in AVC form (length-prefixed).
    Video,
    /// AAC, one frame without ADTS.
    Sound,
}

/// One encoded packet on the program's clock.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Its track.
    pub track: Track,
    /// Presentation time, nanoseconds since tick 0. There are no B-frames: it is the decoding time too.
    pub pts_ns: u64,
    /// Whether decoding can begin here. Sound always can.
    pub key: bool,
    /// The bytes; shared, never copied.
    pub data: gstreamer::Buffer,
}

/// Caps of both tracks, with their codec data. They never change within a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    /// `video/x-h264`, AVC.
    pub video: gstreamer::Caps,
    /// `audio/mpeg`, raw AAC.
    pub sound: gstreamer::Caps,
}

/// The hub.
#[derive(Debug, Default)]
pub struct Hub {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    video: Option<gstreamer::Caps>,
    sound: Option<gstreamer::Caps>,
    gop: Vec<Packet>,
    feeds: Vec<Weak<Feed>>,
    video_bytes: u64,
}

/// The packets that wait for one consumer.
#[derive(Debug)]
pub struct Feed {
    inner: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    packets: VecDeque<Packet>,
    until_key: bool,
    dropped: u64,
    /// It was full since its consumer was last told.
    was_full: bool,
}

impl Hub {
    /// Says the format of a track, before its first packet. A change is refused: the caller must end the session.
    pub fn format(&self, track: Track, caps: &gstreamer::CapsRef) -> Result<(), String> {
        let mut inner = hold(&self.inner);
        let slot = match track {
            Track::Video => &mut inner.video,
            Track::Sound => &mut inner.sound,
        };
        match slot {
            Some(known) if known.as_ref() != caps => {
                Err(format!("the encoder changed its format from {known} to {caps}"))
            }
            Some(_) => Ok(()),
            None => {
                *slot = Some(caps.to_owned());
                Ok(())
            }
        }
    }

    /// The format, once both tracks have one.
    pub fn known_format(&self) -> Option<Format> {
        let inner = hold(&self.inner);
        Some(Format { video: inner.video.clone()?, sound: inner.sound.clone()? })
    }

    /// Passes a packet on to every feed.
    pub fn push(&self, packet: Packet) {
        let feeds: Vec<Arc<Feed>> = {
            let mut inner = hold(&self.inner);
            if packet.track == Track::Video {
                inner.video_bytes += packet.data.size() as u64;
                if packet.key {
                    inner.gop.clear();
                }
            }
            inner.gop.push(packet.clone());
            inner.feeds.retain(|feed| feed.strong_count() > 0);
            inner.feeds.iter().filter_map(Weak::upgrade).collect()
        };
        for feed in feeds {
            feed.push(packet.clone());
        }
    }

    /// A new feed, which begins with the last keyframe.
    pub fn join(&self) -> Arc<Feed> {
        let mut inner = hold(&self.inner);
        let starts = inner.gop.iter().position(|p| p.track == Track::Video && p.key);
        let packets: VecDeque<Packet> = match starts {
            Some(at) => inner.gop[at..].iter().cloned().collect(),
            None => VecDeque::new(),
        };
        let until_key = packets.is_empty();
        let feed = Arc::new(Feed {
            inner: Mutex::new(Waiting { packets, until_key, ..Waiting::default() }),
            filled: Condvar::new(),
        });
        inner.feeds.push(Arc::downgrade(&feed));
        feed
    }

    /// Bytes of video since the start.
    pub fn video_bytes(&self) -> u64 {
        hold(&self.inner).video_bytes
    }
}

impl Feed {
    fn push(&self, packet: Packet) {
        let mut waiting = hold(&self.inner);
        if waiting.until_key {
            if packet.track != Track::Video || !packet.key {
                waiting.dropped += 1;
                return;
            }
            waiting.until_key = false;
        }
        let full = waiting.packets.front().is_some_and(|oldest| packet.pts_ns > oldest.pts_ns + FEED_NS_MAX);
        if full {
            waiting.was_full = true;
            // What is oldest goes, up to the next keyframe that waits; where none waits, all of it, and the
            // feed begins again with the next one that comes.
            let next_key = waiting.packets.iter().skip(1).position(|p| p.track == Track::Video && p.key);
            let gone = next_key.map_or(waiting.packets.len(), |at| at + 1);
            waiting.packets.drain(..gone);
            waiting.dropped += gone as u64;
            if waiting.packets.is_empty() && !(packet.track == Track::Video && packet.key) {
                waiting.until_key = true;
                waiting.dropped += 1;
                return;
            }
        }
        waiting.packets.push_back(packet);
        drop(waiting);
        self.filled.notify_one();
    }

    /// The next packet, waiting for it for at most `limit`.
    pub fn next(&self, limit: Duration) -> Option<Packet> {
        let waiting = hold(&self.inner);
        let (mut waiting, _) = whole(self.filled.wait_timeout_while(waiting, limit, |w| w.packets.is_empty()));
        waiting.packets.pop_front()
    }

    /// Whether it was full since this was last asked: what waits is old, and has a hole in it.
    pub fn was_full(&self) -> bool {
        std::mem::take(&mut hold(&self.inner).was_full)
    }

    /// Leaves out what waits before the newest keyframe, unless no more than `keep_ns` of the stream waits.
    pub fn skip_to_newest_key(&self, keep_ns: u64) {
        let mut waiting = hold(&self.inner);
        let (Some(oldest), Some(newest)) = (waiting.packets.front(), waiting.packets.back()) else { return };
        if newest.pts_ns.saturating_sub(oldest.pts_ns) <= keep_ns {
            return;
        }
        let key = waiting.packets.iter().rposition(|p| p.track == Track::Video && p.key);
        let gone = key.unwrap_or(0);
        waiting.packets.drain(..gone);
        waiting.dropped += gone as u64;
    }

    /// Time of the oldest packet that waits, nanoseconds since tick 0.
    pub fn oldest_ns(&self) -> Option<u64> {
        hold(&self.inner).packets.front().map(|p| p.pts_ns)
    }

    /// Packets that were left out.
    pub fn dropped(&self) -> u64 {
        hold(&self.inner).dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(track: Track, ms: u64, key: bool) -> Packet {
        gstreamer::init().unwrap();
        Packet { track, pts_ns: ms * 1_000_000, key, data: gstreamer::Buffer::with_size(1).unwrap() }
    }

    fn drain(feed: &Feed) -> Vec<(Track, u64)> {
        std::iter::from_fn(|| feed.next(Duration::ZERO)).map(|p| (p.track, p.pts_ns / 1_000_000)).collect()
    }

    #[test]
    fn a_feed_begins_with_the_last_keyframe() {
        let hub = Hub::default();
        for ms in (0..5000).step_by(500) {
            hub.push(packet(Track::Video, ms, ms % 2000 == 0));
            hub.push(packet(Track::Sound, ms, true));
        }
        let feed = hub.join();
        assert_eq!(drain(&feed)[0], (Track::Video, 4000));
        hub.push(packet(Track::Video, 5000, false));
        assert_eq!(drain(&feed), [(Track::Video, 5000)]);
    }

    #[test]
    fn an_early_feed_waits_for_a_keyframe() {
        let hub = Hub::default();
        let feed = hub.join();
        hub.push(packet(Track::Sound, 0, true));
        hub.push(packet(Track::Video, 0, false));
        hub.push(packet(Track::Video, 33, true));
        hub.push(packet(Track::Sound, 40, true));
        assert_eq!(drain(&feed), [(Track::Video, 33), (Track::Sound, 40)]);
    }

    #[test]
    fn a_stalled_feed_loses_its_own_packets_up_to_a_keyframe() {
        let hub = Hub::default();
        hub.push(packet(Track::Video, 0, true));
        let (stalled, quick) = (hub.join(), hub.join());
        let mut got = drain(&quick);
        for ms in (100..=30_000).step_by(100) {
            hub.push(packet(Track::Video, ms, ms % 2000 == 0));
            got.extend(drain(&quick));
        }
        assert_eq!(got.len(), 301);
        assert_eq!(quick.dropped(), 0);
        let rest = drain(&stalled);
        assert_eq!(rest[0].1 % 2000, 0, "begins on a keyframe");
        assert!(rest.windows(2).all(|w| w[1].1 == w[0].1 + 100), "no hole after it");
        assert_eq!(rest.last().unwrap().1, 30_000);
        assert!(30_000 - rest[0].1 <= 10_000, "holds no more than it may");
        assert_eq!(stalled.dropped() + rest.len() as u64, 301);
        assert!(stalled.was_full() && !stalled.was_full() && !quick.was_full(), "told once");
    }

    #[test]
    fn what_is_stale_is_left_out_up_to_the_newest_keyframe() {
        let hub = Hub::default();
        hub.push(packet(Track::Video, 0, true));
        let feed = hub.join();
        for ms in (100..=7_500).step_by(100) {
            hub.push(packet(Track::Video, ms, ms % 2000 == 0));
            hub.push(packet(Track::Sound, ms, true));
        }
        feed.skip_to_newest_key(8_000_000_000);
        assert_eq!(feed.dropped(), 0, "so much may wait");
        feed.skip_to_newest_key(4_000_000_000);
        let rest = drain(&feed);
        assert_eq!((rest[0], rest.last().copied()), ((Track::Video, 6_000), Some((Track::Sound, 7_500))));
        assert_eq!(feed.dropped() + rest.len() as u64, 151);
    }
}
