//! What the ways out have in common: each takes packets from its feed, in pace, and tells how far they have come.

use super::pace::Pace;
use crate::clock::running;
use crate::encoder::hub::{Feed, Format, Hub, Packet};
use automation::clock::Running;
use automation::fault::{Code, Fault};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Packets older than this at the first one that may be sent are left out up to the newest keyframe: connecting took
/// long. A keyframe's distance is below it, so that a broadcast's first picture stays.
const STALE_NS: u64 = 4_000_000_000;
/// After a planned end what waits goes on where the old session ended: it is left out only when the feed is nearly full.
const STALE_PLANNED_NS: u64 = 8_000_000_000;

/// How long a turn may take.
pub(super) const TURN: Duration = Duration::from_millis(20);

/// Does what may wait for seconds on a thread of its own; the answer comes when it comes, and nobody has to wait for it.
pub(super) fn dial<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<Receiver<T>, Fault> {
    let (answer, outcome) = channel();
    let thread = std::thread::Builder::new().name("dial".into());
    match thread.spawn(move || answer.send(work())) {
        Ok(_) => Ok(outcome),
        Err(error) => Err(Fault::new(Code::Internal, "").with_text(format!("No thread for a connection: {error}."))),
    }
}

/// A way out, from its first try to connect to its end. Dropping it ends it without a word.
pub(super) trait Carrier: Send {
    /// Carries what is due, for about [`TURN`].
    fn turn(&mut self) -> Turn;

    /// Its own time: of the last packet that was handed over, milliseconds.
    fn time_ms(&self) -> u64;

    /// Bytes that went out.
    fn sent(&self) -> u64;

    /// Bytes of those that the far side has acknowledged.
    fn acked(&self) -> u64;

    /// Program time of the oldest packet that the far side has not acknowledged, nanoseconds.
    fn oldest_ns(&self) -> Option<u64>;

    /// Packets left out.
    fn dropped(&self) -> u64;

    /// Ends in good order, within a second or so.
    fn goodbye(self: Box<Self>);
}

/// What one turn found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    /// Being connected.
    Connecting,
    /// Media flows.
    Flowing,
    /// It ended.
    Failed(Fault),
}

/// The packets that are due, on the time of one connection: it begins with a keyframe.
pub(super) struct Intake {
    feed: Arc<Feed>,
    held: Option<Packet>,
    /// Program time of the first packet.
    base: Option<u64>,
    /// Time of the last one since then, nanoseconds.
    since_ns: u64,
    /// Bursts towards a far side are paced; none where there is none.
    pace: Option<Pace>,
    /// So much may wait before the first packet.
    stale_ns: u64,
    dropped: u64,
}

impl Intake {
    /// Towards a far side.
    pub(super) fn join(hub: &Hub) -> Intake {
        Intake { pace: Some(Pace::default()), ..Intake::join_unpaced(hub) }
    }

    /// For the connection after one that is ended by plan.
    pub(super) fn join_planned(hub: &Hub) -> Intake {
        Intake { stale_ns: STALE_PLANNED_NS, ..Intake::join(hub) }
    }

    /// As fast as they come.
    pub(super) fn join_unpaced(hub: &Hub) -> Intake {
        Intake { feed: hub.join(), held: None, base: None, since_ns: 0, pace: None, stale_ns: STALE_NS, dropped: 0 }
    }

    /// The same, as fast as they come.
    pub(super) fn unpaced(self) -> Intake {
        Intake { pace: None, ..self }
    }

    /// The next packet and its time since the first one, nanoseconds; waits for it for at most `limit`.
    pub(super) fn next(&mut self, limit: Duration) -> Option<(Packet, u64)> {
        if self.feed.was_full() {
            // The far side took nothing for long. What it would get now is stale, and has a hole in it already.
            self.skip();
        }
        let end = running().0 + limit.as_nanos() as u64;
        loop {
            let now = running();
            let left = Duration::from_nanos(end.saturating_sub(now.0));
            let packet = self.held.take().or_else(|| self.feed.next(left))?;
            let base_ns = *self.base.get_or_insert(packet.pts_ns);
            // Sound that was heard before the first picture belongs to nobody.
            let Some(since_ns) = packet.pts_ns.checked_sub(base_ns) else { continue };
            match self.pace.as_mut().map(|pace| pace.ask(since_ns, running())) {
                None | Some(Ok(())) => {
                    self.since_ns = self.since_ns.max(since_ns);
                    return Some((packet, since_ns));
                }
                Some(Err(early)) => {
                    self.held = Some(packet);
                    if left.is_zero() {
                        return None;
                    }
                    std::thread::sleep(Duration::from_nanos(early).min(left));
                }
            }
        }
    }

    /// Where media may be sent now: leaves out what waits before the newest keyframe, unless that is not stale yet.
    pub(super) fn freshen(&mut self) {
        self.feed.skip_to_newest_key(self.stale_ns);
    }

    fn skip(&mut self) {
        self.dropped += u64::from(self.held.take().is_some());
        self.feed.skip_to_newest_key(0);
        // What is skipped is not sent: the burst is what follows.
        self.pace = self.pace.as_ref().map(|_| Pace::default());
    }

    /// Time of the last packet since the first one, milliseconds.
    pub(super) fn since_ms(&self) -> u64 {
        self.since_ns / 1_000_000
    }

    /// Program time of the oldest packet that waits here, nanoseconds.
    pub(super) fn oldest_ns(&self) -> Option<u64> {
        self.held.as_ref().map(|packet| packet.pts_ns).or_else(|| self.feed.oldest_ns())
    }

    /// Packets left out.
    pub(super) fn dropped(&self) -> u64 {
        self.feed.dropped() + self.dropped
    }
}

/// Packets that were handed over and not yet acknowledged, by where they end in the bytes that went out.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    open: VecDeque<(u64, u64)>,
}

impl Ledger {
    /// A packet of program time `pts_ns` ends with byte number `end`.
    pub(super) fn note(&mut self, end: u64, pts_ns: u64) {
        self.open.push_back((end, pts_ns));
    }

    /// The far side has acknowledged so many bytes. Answers whether a packet came through.
    pub(super) fn settle(&mut self, acked: u64) -> bool {
        let before = self.open.len();
        while self.open.front().is_some_and(|(end, _)| *end <= acked) {
            self.open.pop_front();
        }
        self.open.len() < before
    }

    /// Program time of the oldest that is open, nanoseconds.
    pub(super) fn oldest_ns(&self) -> Option<u64> {
        self.open.front().map(|(_, pts_ns)| *pts_ns)
    }
}

/// Watches whether what waits gets anywhere.
pub(super) struct Watch {
    /// When something came through last, or nothing waited.
    progressed: Running,
}

impl Watch {
    pub(super) fn new(now: Running) -> Watch {
        Watch { progressed: now }
    }

    /// Whether something has waited for longer than `limit_ms` and nothing of it came through.
    pub(super) fn is_stalled(&mut self, now: Running, moved: bool, waits: bool, limit_ms: u64) -> bool {
        if moved || !waits {
            self.progressed = now;
        }
        now.ms_since(self.progressed) > limit_ms
    }
}

/// A session's format may not change: a difference is a fault, never a new header in the same connection.
pub(super) fn unchanged(began: &Format, now: Option<&Format>) -> Result<(), Fault> {
    if now == Some(began) {
        return Ok(());
    }
    Err(Fault::new(Code::EncoderFailed, "").with_text("The encoder changed its format in the midst of a connection."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::hub::Track;
    use gstreamer as gst;

    #[test]
    fn what_is_not_acknowledged_is_as_old_as_its_oldest() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.oldest_ns(), None);
        for (end, pts) in [(100, 1), (250, 2), (300, 3)] {
            ledger.note(end, pts);
        }
        assert!(!ledger.settle(99) && ledger.oldest_ns() == Some(1));
        assert!(ledger.settle(100) && ledger.oldest_ns() == Some(2));
        assert!(ledger.settle(999) && ledger.oldest_ns().is_none());
    }

    #[test]
    fn what_waits_and_gets_nowhere_is_stalled() {
        let s = |seconds: u64| Running(0).plus_ms(seconds * 1_000);
        let mut watch = Watch::new(s(0));
        for (second, moved, waits, stalled) in [
            (30, false, true, false),
            (31, false, true, true),
            (32, true, true, false),
            (60, false, true, false),
            (61, false, false, false),
            (91, false, true, false),
            (92, false, true, true),
        ] {
            assert_eq!(watch.is_stalled(s(second), moved, waits, 30_000), stalled, "at {second} s");
        }
    }

    /// Whatever the program's time is, and however its tracks lie: sound from before the first picture is left out.
    #[test]
    fn a_connections_time_begins_at_zero_with_a_keyframe_and_both_tracks_are_on_one_base() {
        gst::init().unwrap();
        let hub = Hub::default();
        let began_ms = 86_400_000;
        let push = |track, ms: u64, key| {
            let data = gst::Buffer::with_size(1).unwrap();
            hub.push(Packet { track, pts_ns: (began_ms + ms) * 1_000_000, key, data });
        };
        push(Track::Video, 0, true);
        for ms in [2_000, 4_000] {
            push(Track::Video, ms - 40, false);
            push(Track::Sound, ms - 20, true);
            push(Track::Video, ms, true);
            push(Track::Sound, ms - 5, true);
            push(Track::Sound, ms + 16, true);
        }
        let mut intake = Intake::join_unpaced(&hub);
        let mut taken = std::iter::from_fn(|| intake.next(Duration::ZERO)).map(|(packet, since_ns)| {
            assert_eq!(packet.pts_ns, (began_ms + 4_000) * 1_000_000 + since_ns);
            (packet.track, packet.key, since_ns / 1_000_000)
        });
        assert_eq!(taken.next(), Some((Track::Video, true, 0)));
        assert_eq!(taken.next(), Some((Track::Sound, true, 16)));
        assert_eq!(taken.next(), None);
    }

    #[test]
    fn after_a_planned_end_more_may_wait_than_after_a_slow_connect() {
        gst::init().unwrap();
        let hub = Hub::default();
        let push = |ms: u64| {
            let data = gst::Buffer::with_size(1).unwrap();
            hub.push(Packet { track: Track::Video, pts_ns: ms * 1_000_000, key: ms.is_multiple_of(2_000), data });
        };
        push(0);
        let (mut usual, mut planned) = (Intake::join(&hub), Intake::join_planned(&hub));
        (100..=5_000).step_by(100).for_each(push);
        let first = |intake: &mut Intake| {
            intake.freshen();
            intake.next(Duration::ZERO).map(|(packet, _)| packet.pts_ns / 1_000_000)
        };
        assert_eq!((first(&mut usual), first(&mut planned)), (Some(4_000), Some(0)));
    }

    #[test]
    fn another_codec_data_than_at_the_beginning_is_a_fault() {
        gst::init().unwrap();
        let format = |config: u8| {
            let data = gst::Buffer::from_slice([1, 100, 0, config]);
            let video = gst::Caps::builder("video/x-h264").field("codec_data", data).build();
            Format { video, sound: gst::Caps::builder("audio/mpeg").build() }
        };
        assert_eq!(unchanged(&format(30), Some(&format(30))), Ok(()));
        for now in [Some(format(31)), None] {
            assert_eq!(unchanged(&format(30), now.as_ref()).unwrap_err().code, Code::EncoderFailed);
        }
    }
}
