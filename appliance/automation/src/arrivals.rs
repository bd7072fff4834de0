//! From a live source's own time to the machine's clock: when what it sends is due.
//!
//! What arrives comes as quickly as the way allows, or later; never earlier. So the quickest arrival of the last
//! seconds is the source's true pace: a minimum filter. What is due follows it, one latency behind.
//!
//! ```text
//! first arrival ─► settling: due follows the quickest arrival at once ──1 s──► following: at most 1000 ppm
//!                     ▲                                                            │
//!                     └── time jumped: far too early, or far too late for 1 s ─────┘
//! ```
//! - A burst of what is old (a cached group of pictures, a stall that ends) is late, and moves nothing.
//! - A clock that drifts moves the quickest arrival; 1000 ppm are enough for any crystal, and nobody sees or hears them.
//! - Pictures and sound are counted apart, for one may come later than the other with the same time (B-frames, or a
//!   far side that interleaves by decoding time). Both are due by the slower of the two, and so stay in step.
//! - Sound may come in lumps: MPEG-TS packs up to half a second of it together. So sound is due no sooner than the
//!   last of a lump needs. Where each block had sound that came too late to be heard, that is put right at once.
//! - A connection that follows another one begins where that one's buffered pictures end, with what latency is left;
//!   the full latency is then won back slowly.
//!
//! Bad input: times that run back are late, and are followed as a jump if they stay so.

use crate::spec::LATENCY_MS_LEAST;
use std::collections::VecDeque;

/// Time in which the quickest arrival is followed at once, nanoseconds.
const SETTLE_NS: u64 = 1_000_000_000;
/// What arrives so much too early, or so much later than due, is off the source's time.
const JUMP_NS: i64 = 800_000_000;
/// For so long what arrives must be late before time itself has jumped: a stall that ends in a burst is over sooner.
const LATE_NS: u64 = 1_000_000_000;
/// Later than this is no stall, for a connection that is silent for so long is given up.
const STALL_NS_MAX: i64 = 10_000_000_000;
/// The minimum is taken over so many blocks of this length; a block without arrivals does not count.
const BLOCK_NS: u64 = 1_000_000_000;
const BLOCKS: usize = 10;
/// How fast due follows, in parts per million of the time that passes: while the source is on air, and while not.
const FOLLOW_PPM: i64 = 1_000;
const FOLLOW_UNSEEN_PPM: i64 = 250_000;
/// Time that counts at most from one arrival to the next: a stall is no reason for a step.
const STEP_NS_MAX: i64 = 100_000_000;
/// Sound that comes more than this behind its pictures is late by itself, and does not hold them up.
const SOUND_LATE_NS_MAX: i64 = 1_000_000_000;
/// Longest lump of sound that is waited for: twice what ffmpeg packs together of near silence, which is small.
const LUMP_NS_MAX: i64 = 2_000_000_000;

/// What arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// A picture, still encoded.
    Pictures,
    /// A packet of sound.
    Sound,
}

/// Arrival minus stream time in one block, nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Block {
    begun_ns: u64,
    least: i64,
    most: i64,
}

/// The arrivals of the last blocks.
#[derive(Clone, Debug, Default)]
struct Transits {
    blocks: VecDeque<Block>,
    filling: Option<Block>,
    /// Whether a block has been filled: the first one may be a burst of what is old.
    begun: bool,
}

impl Transits {
    fn arrived(&mut self, transit_ns: i64, now_ns: u64) {
        match &mut self.filling {
            Some(block) if now_ns < block.begun_ns + BLOCK_NS => {
                block.least = block.least.min(transit_ns);
                block.most = block.most.max(transit_ns);
            }
            filling => {
                let next = Block { begun_ns: now_ns, least: transit_ns, most: transit_ns };
                if let Some(mut full) = filling.replace(next) {
                    if !self.begun {
                        full.most = i64::MAX;
                    }
                    self.begun = true;
                    self.blocks.push_back(full);
                    if self.blocks.len() >= BLOCKS {
                        self.blocks.pop_front();
                    }
                }
            }
        }
    }

    /// The quickest one.
    fn least(&self) -> Option<i64> {
        self.blocks.iter().copied().chain(self.filling).map(|block| block.least).min()
    }

    /// The latest one of the block in which the latest came soonest: what is late without any trouble on the way.
    fn latest(&self) -> Option<i64> {
        self.blocks.iter().map(|block| block.most).min().filter(|most| *most < i64::MAX)
    }

    /// The latest one of the block in the middle: of lumps about as long as a block, some blocks hold no whole one.
    fn usual_latest(&self) -> Option<i64> {
        // What says nothing goes to the end.
        let mut most = [i64::MAX; BLOCKS];
        most.iter_mut().zip(&self.blocks).for_each(|(most, block)| *most = block.most);
        most.sort_unstable();
        let count = most.partition_point(|most| *most < i64::MAX);
        Some(most[count / 2]).filter(|most| *most < i64::MAX)
    }
}

/// The estimate for one connection of a live source.
#[derive(Clone, Debug)]
pub struct Arrivals {
    latency_ns: i64,
    pictures: Transits,
    sound: Transits,
    /// Due minus stream time.
    offset_ns: Option<i64>,
    /// The offset that would follow on the connection before this one.
    joins_ns: Option<i64>,
    joins_at_ns: Option<u64>,
    settled_at_ns: u64,
    followed_at_ns: u64,
    late_since_ns: Option<u64>,
    newest_ns: u64,
    seen: bool,
    jumps: u64,
}

impl Arrivals {
    /// A connection with a latency of `latency_ms`. `buffered_to_ns` is the moment to which an earlier one has left
    /// pictures; the first picture is due then, as far as that leaves between the least and the full latency.
    pub fn new(latency_ms: u32, buffered_to_ns: Option<u64>) -> Arrivals {
        Arrivals {
            latency_ns: i64::from(latency_ms.max(LATENCY_MS_LEAST)) * 1_000_000,
            pictures: Transits::default(),
            sound: Transits::default(),
            offset_ns: None,
            joins_ns: None,
            joins_at_ns: buffered_to_ns,
            settled_at_ns: 0,
            followed_at_ns: 0,
            late_since_ns: None,
            newest_ns: 0,
            seen: true,
            jumps: 0,
        }
    }

    /// Something with the stream's time `stream_ns` arrived at `now_ns`, before decoding.
    pub fn arrived(&mut self, track: Track, stream_ns: u64, now_ns: u64) {
        let transit = now_ns as i64 - stream_ns as i64;
        if self.is_late_for_good(track, transit, now_ns) || self.is_by_far_too_early(track, transit, now_ns) {
            self.begin_anew();
        }
        if self.offset_ns.is_none() {
            self.settled_at_ns = now_ns + SETTLE_NS;
            self.followed_at_ns = now_ns;
            self.joins_ns = self.joins_at_ns.map(|at| at as i64 - stream_ns as i64);
        }
        match track {
            Track::Pictures => {
                self.pictures.arrived(transit, now_ns);
                self.newest_ns = self.newest_ns.max(stream_ns);
            }
            Track::Sound => self.sound.arrived(transit, now_ns),
        }
        self.follow(now_ns);
    }

    fn begin_anew(&mut self) {
        let (latency_ns, seen, jumps) = (self.latency_ns, self.seen, self.jumps + 1);
        *self = Arrivals { latency_ns, seen, jumps, ..Arrivals::new(0, None) };
    }

    /// Whether time has run back, or stands back since longer than any stall.
    fn is_late_for_good(&mut self, track: Track, transit_ns: i64, now_ns: u64) -> bool {
        let Some(offset) = self.offset_ns else { return false };
        if track == Track::Sound && self.pictures.filling.is_some() {
            return false;
        }
        let late_ns = transit_ns - offset;
        if late_ns <= JUMP_NS {
            self.late_since_ns = None;
            return false;
        }
        late_ns > STALL_NS_MAX || now_ns >= *self.late_since_ns.get_or_insert(now_ns) + LATE_NS
    }

    /// Whether time has run ahead: then what arrived before says nothing about what is usual.
    fn is_by_far_too_early(&self, track: Track, transit_ns: i64, now_ns: u64) -> bool {
        let quickest = match track {
            Track::Pictures => self.pictures.least(),
            Track::Sound if self.pictures.filling.is_none() => self.sound.least(),
            Track::Sound => None,
        };
        now_ns >= self.settled_at_ns && quickest.is_some_and(|quickest| transit_ns < quickest - JUMP_NS)
    }

    fn follow(&mut self, now_ns: u64) {
        let Some(target) = self.target() else { return };
        let passed = now_ns.saturating_sub(self.followed_at_ns) as i64;
        self.followed_at_ns = now_ns;
        self.offset_ns = Some(match self.offset_ns {
            Some(offset) if now_ns >= self.settled_at_ns => {
                let ppm = if self.seen { FOLLOW_PPM } else { FOLLOW_UNSEEN_PPM };
                let step = passed.min(STEP_NS_MAX) * ppm / 1_000_000;
                let deaf = self.lump().is_some_and(|latest| latest > offset);
                if offset - target > JUMP_NS || deaf {
                    self.jumps += 1;
                    target
                } else {
                    offset + (target - offset).clamp(-step, step)
                }
            }
            _ => {
                let least = target - self.latency_ns + i64::from(LATENCY_MS_LEAST) * 1_000_000;
                self.joins_ns.map_or(target, |joins| joins.clamp(least, target))
            }
        });
    }

    /// Where the offset belongs: one latency behind the quickest arrival of the slower track.
    fn target(&self) -> Option<i64> {
        let (pictures, sound) = (self.pictures.least(), self.sound.least());
        let quickest = match (pictures, sound) {
            (Some(pictures), Some(sound)) if sound - pictures <= SOUND_LATE_NS_MAX => pictures.max(sound),
            (pictures, sound) => pictures.or(sound)?,
        };
        let whole = self.usual_lump().map_or(i64::MIN, |latest| latest + i64::from(LATENCY_MS_LEAST) * 1_000_000);
        Some((quickest + self.latency_ns).max(whole))
    }

    /// How late the last sound of each lump is, where neither that nor all of the sound is by far too late.
    fn lump(&self) -> Option<i64> {
        let (latest, sound) = (self.sound.latest()?, self.sound.least()?);
        let pictures = self.pictures.least().unwrap_or(sound);
        (sound - pictures <= SOUND_LATE_NS_MAX && latest - sound <= LUMP_NS_MAX).then_some(latest)
    }

    /// The same of a usual lump, which is no sooner.
    fn usual_lump(&self) -> Option<i64> {
        self.lump().and_then(|_| Some(self.sound.usual_latest()?.min(self.sound.least()? + LUMP_NS_MAX)))
    }

    /// When what carries the stream's time `stream_ns` is due; none before the first arrival.
    pub fn due(&self, stream_ns: u64) -> Option<u64> {
        u64::try_from(stream_ns as i64 + self.offset_ns?).ok()
    }

    /// When the newest picture that has arrived is due; none before the first one.
    pub fn buffered_to(&self) -> Option<u64> {
        self.pictures.filling.and_then(|_| self.due(self.newest_ns))
    }

    /// Whether anybody sees or hears the source: then due moves too slowly to be noticed.
    pub fn seen(&mut self, seen: bool) {
        self.seen = seen;
    }

    /// How much later than what comes quickest the usual latest comes, of the track where that is more, milliseconds.
    pub fn jitter_ms(&self) -> u32 {
        let of = |track: &Transits| Some(track.usual_latest()?.saturating_sub(track.least()?));
        let most_ns = of(&self.pictures).max(of(&self.sound)).unwrap_or_default();
        u32::try_from(most_ns / 1_000_000).unwrap_or_default()
    }

    /// How long what comes quickest waits until it is due, milliseconds.
    pub fn buffer_ms(&self) -> u32 {
        let quickest = self.pictures.least().or_else(|| self.sound.least());
        let waits_ns = self.offset_ns.zip(quickest).map_or(0, |(offset, quickest)| offset - quickest);
        u32::try_from(waits_ns / 1_000_000).unwrap_or_default()
    }

    /// How often time has jumped.
    pub fn jumps(&self) -> u64 {
        self.jumps
    }
}

#[cfg(test)]
mod tests;
