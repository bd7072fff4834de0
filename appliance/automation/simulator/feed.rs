//! What one live source sends, packet by packet, and the machines that say when each is due: its way and its clock are
//! the seed's, and where the truth lies is known here and not to them.
//!
//! Only what lies around a glitch is played, for a day has millions of packets: a minute of a source's own time, which
//! stands still between two of them. Hours without a glitch are in the tests of `arrivals` and `sound_pace`.
//!
//! ```text
//! quiet 12 s ─► glitch ─► 12 s to settle ─► 5 s on air ─► 20 s off air ─► 5 s on air
//!               order       order           bounds, lips    order          settled, lips, no break
//! ```

mod sound;

use super::Options;
use super::random::Random;
use super::rules::{Broken, hold};
use automation::arrivals::{Arrivals, Track};
use automation::pull_pace::PullPace;
use sound::Sound;
use std::collections::VecDeque;

const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MS;
/// A tick of the mixer, nanoseconds, and its sample frames.
const TICK_NS: i64 = SECOND / 30;
const TICK_FRAMES: usize = 1_600;
/// Sample frames of a packet of sound.
const PACKET_FRAMES: i64 = 1_024;
/// After a glitch all must be within bounds again in so long: the quickest arrival is that of ten seconds.
const SETTLE_NS: i64 = 12 * SECOND;
/// Off the air, time is followed quickly: by then it is right to the last millisecond.
const UNSEEN_NS: i64 = 20 * SECOND;
const LOOK_NS: i64 = 5 * SECOND;
/// What a source's time may have jumped by without being followed at once: so much is waited longer than asked for.
const JUMP_NS: i64 = 800 * MS;
/// What is settled is due so near to its time: the quickest arrival is behind by what 500 ppm are in ten seconds.
const SETTLED_NS: i64 = 10 * MS;
/// Sound and picture lie no further apart.
const LIPS_NS: i64 = 40 * MS;
/// Longest wait of what is fetched.
const FETCHED_NS_MAX: i64 = 2 * SECOND;

/// What happens to a source's clock, its times or its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glitch {
    /// Its clock runs so much slower than ours from now on, parts per million.
    Drifts(i64),
    /// Its times go on from elsewhere, milliseconds; they may run backward.
    Jumps(i64),
    /// Single times run back by so much, milliseconds.
    Stutters(i64),
    /// Nothing comes for so long, then all of it at once, milliseconds.
    Bursts(i64),
    /// Each packet is late by up to so much, milliseconds.
    Jitters(i64),
    /// The way is longer by so much for a while, milliseconds.
    Detours(i64),
    /// It connects anew after so long, with another count, milliseconds.
    Reconnects(i64),
}

/// A packet under way.
#[derive(Clone, Copy, Debug)]
struct Packet {
    track: Track,
    stream_ns: i64,
    /// When it is there, or when it has been handed on.
    at_ns: i64,
}

/// What is checked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    Order,
    Bounds,
    Settled,
}

/// One source's connection in its own time.
pub(crate) struct Feed {
    random: Random,
    name: String,
    /// Longest segment, where it is fetched; none where the far side sends.
    segment_ns: Option<i64>,
    latency_ns: i64,
    picture_ns: i64,
    arrivals: Arrivals,
    fetched: PullPace,
    sound: Sound,
    /// The source's clock: so much of its own time has passed at this moment of ours.
    own_ns: i64,
    real_ns: i64,
    ppm: i64,
    count_ns: i64,
    /// Nothing overtakes what came before it, on each track.
    free_ns: [i64; 2],
    tick_ns: i64,
    seen: bool,
    watch: Watch,
    /// The newest picture's own time and when it is due; and until when order may break, for time is being found.
    last: (i64, i64),
    excused_ns: i64,
    jumps: u64,
    first_offset_ns: Option<i64>,
    scrambled: bool,
}

/// What a way does to a packet: how late it is, from the source's own time and a random number below 1,000.
type Way<'a> = &'a dyn Fn(i64, i64) -> i64;

impl Feed {
    pub(crate) fn new(seed: u64, name: &str, fetched: bool) -> Feed {
        let mut random = Random::new(seed);
        let latency_ms = *random.pick(if fetched { &[1_000, 3_000] } else { &[0, 120, 300, 300, 1_000, 4_000] });
        let fps = *random.pick(&[25, 30, 60]);
        let segment_ns = fetched.then(|| *random.pick(&[1, 2, 4]) * SECOND);
        let mut feed = Feed {
            name: name.to_owned(),
            segment_ns,
            latency_ns: i64::from(latency_ms) * MS,
            picture_ns: SECOND / fps,
            arrivals: Arrivals::new(latency_ms, None),
            fetched: PullPace::default(),
            sound: Sound::default(),
            own_ns: 0,
            real_ns: 1_000 * SECOND,
            ppm: 0,
            count_ns: 100_000 * SECOND,
            free_ns: [0; 2],
            tick_ns: 1_000 * SECOND,
            seen: true,
            watch: Watch::Order,
            last: (0, 0),
            excused_ns: 0,
            jumps: 0,
            first_offset_ns: None,
            scrambled: false,
            random,
        };
        feed.connect(0);
        feed
    }

    fn latency_ms(&self) -> u32 {
        (self.latency_ns / MS) as u32
    }

    /// Longest that anything may wait in its buffer.
    fn latency_least_ns(&self) -> i64 {
        self.latency_ns.max(i64::from(automation::spec::LATENCY_MS_LEAST) * MS)
    }

    /// A glitch, and what becomes of it.
    pub(crate) fn suffer(&mut self, glitch: Glitch, options: &Options) -> Result<(), Broken> {
        let plain: Way<'_> = &|_, _| 0;
        if self.segment_ns.is_some() {
            self.connect(SECOND);
        }
        self.play(Watch::Order, SETTLE_NS, plain, options)?;
        self.glitch(glitch, options)?;
        self.play(Watch::Order, SETTLE_NS, plain, options)?;
        self.play(Watch::Bounds, LOOK_NS, plain, options)?;
        self.see(false);
        self.play(Watch::Order, UNSEEN_NS, plain, options)?;
        self.see(true);
        // What was heard last before it left the air is found again.
        self.play(Watch::Order, SECOND, plain, options)?;
        self.play(Watch::Settled, LOOK_NS, plain, options)
    }

    fn glitch(&mut self, glitch: Glitch, options: &Options) -> Result<(), Broken> {
        let plain: Way<'_> = &|_, _| 0;
        let (length, begun) = (self.random.between(1, 10) as i64 * SECOND, self.own_ns);
        match glitch {
            Glitch::Drifts(ppm) => {
                self.ppm = ppm;
                self.play(Watch::Order, length, plain, options)
            }
            Glitch::Jumps(ms) => {
                self.count_ns = (self.count_ns + ms * MS).max(1_000 * SECOND);
                self.play(Watch::Order, length, plain, options)
            }
            Glitch::Stutters(ms) => {
                // Every eighth picture says that it is an older one.
                let count_ns = self.count_ns;
                for _ in 0..8 {
                    self.count_ns = count_ns - ms * MS;
                    self.play(Watch::Order, self.picture_ns, plain, options)?;
                    self.count_ns = count_ns;
                    self.play(Watch::Order, 7 * self.picture_ns, plain, options)?;
                }
                Ok(())
            }
            Glitch::Bursts(ms) => self.play(Watch::Order, ms * MS, &|own, _| begun + ms * MS - own, options),
            Glitch::Jitters(ms) => self.play(Watch::Order, length, &|_, random| random * ms * MS / 1_000, options),
            Glitch::Detours(ms) => self.play(Watch::Order, 2 * length, &|_, _| ms * MS, options),
            Glitch::Reconnects(ms) => {
                self.connect(ms * MS);
                self.play(Watch::Order, length, plain, options)
            }
        }
    }

    /// Another connection, after so much silence.
    fn connect(&mut self, after_ns: i64) {
        let buffered_to = self.arrivals.buffered_to();
        // What is fetched begins with a segment.
        let begun = self.segment_ns.map_or(0, |segment| segment - (self.own_ns + after_ns) % segment);
        self.advance(after_ns + begun);
        self.count_ns = self.random.between(1_000, 100_000) as i64 * SECOND - self.own_ns;
        self.arrivals = Arrivals::new(self.latency_ms(), buffered_to);
        self.arrivals.seen(self.seen);
        self.fetched = PullPace::default();
        (self.jumps, self.last, self.first_offset_ns) = (0, (0, 0), None);
        self.excused_ns = self.real_ns.max(self.free_ns[0]) + 2 * SECOND;
    }

    fn see(&mut self, seen: bool) {
        self.seen = seen;
        self.arrivals.seen(seen);
    }

    fn real(&self, own_ns: i64) -> i64 {
        let passed = own_ns - self.own_ns;
        self.real_ns + passed + passed * self.ppm / 1_000_000
    }

    fn advance(&mut self, own_ns: i64) {
        self.real_ns = self.real(self.own_ns + own_ns);
        self.own_ns += own_ns;
    }

    /// Plays so much of the source's own time.
    fn play(&mut self, watch: Watch, length_ns: i64, way: Way<'_>, options: &Options) -> Result<(), Broken> {
        self.watch = watch;
        let tracks = [(Track::Pictures, self.picture_ns), (Track::Sound, PACKET_FRAMES * SECOND / 48_000)];
        let mut sent = tracks.map(|(track, step)| self.sent(track, step, length_ns, way));
        if self.segment_ns.is_some() && !options.hands_on_unpaced {
            self.hand_on(&mut sent, options)?;
        } else {
            for (track, sent) in sent.iter_mut().enumerate() {
                for packet in sent.iter_mut() {
                    packet.at_ns = packet.at_ns.max(self.free_ns[track]);
                    self.free_ns[track] = packet.at_ns;
                }
            }
        }
        let [pictures, sound] = sent;
        let mut all: Vec<Packet> = pictures.into_iter().chain(sound).collect();
        all.sort_by_key(|packet| packet.at_ns);
        self.advance(length_ns);
        all.into_iter().try_for_each(|packet| self.arrives(packet, options))
    }

    /// What a track sends in so much of the source's own time, and when it is there.
    fn sent(&mut self, track: Track, step_ns: i64, length_ns: i64, way: Way<'_>) -> VecDeque<Packet> {
        let first = (self.own_ns + step_ns - 1) / step_ns;
        let times = (first..).map(|n| n * step_ns).take_while(|own| *own < self.own_ns + length_ns);
        let mut sent = VecDeque::new();
        for own in times.collect::<Vec<_>>() {
            // A segment is there once it is whole.
            let whole = self.segment_ns.map_or(own, |segment| (own / segment + 1) * segment);
            let late = way(own, self.random.between(0, 999) as i64);
            sent.push_back(Packet { track, stream_ns: own + self.count_ns, at_ns: self.real(whole) + late });
        }
        sent
    }

    /// What was fetched waits for its time, each track by itself.
    fn hand_on(&mut self, tracks: &mut [VecDeque<Packet>; 2], options: &Options) -> Result<(), Broken> {
        let mut done = [0, 0];
        loop {
            let ready = |track: usize| tracks[track].get(done[track]).map(|p| p.at_ns.max(self.free_ns[track]));
            let next = (0..2).filter_map(|track| Some((ready(track)?, track))).min();
            let Some((now, track)) = next else { return Ok(()) };
            let packet = &mut tracks[track][done[track]];
            let patience = if options.fetches_patiently { 10 } else { 1 };
            let wait = patience * self.fetched.wait_ns(packet.stream_ns as u64, now as u64) as i64;
            hold(wait <= FETCHED_NS_MAX, "nothing that was fetched waits for long", || {
                format!("{}: {} ms", self.name, wait / MS)
            })?;
            packet.at_ns = now + wait;
            self.free_ns[track] = packet.at_ns;
            done[track] += 1;
        }
    }

    fn arrives(&mut self, packet: Packet, options: &Options) -> Result<(), Broken> {
        while self.tick_ns < packet.at_ns {
            self.tick(options)?;
            self.tick_ns += TICK_NS;
        }
        self.arrivals.arrived(packet.track, packet.stream_ns as u64, packet.at_ns as u64);
        if self.arrivals.jumps() > self.jumps {
            self.jumps = self.arrivals.jumps();
            self.excused_ns = packet.at_ns + 2 * SECOND;
        }
        let Some(due_ns) = self.due(packet.stream_ns, packet.at_ns, options) else { return Ok(()) };
        match packet.track {
            Track::Pictures => self.picture(packet, due_ns),
            Track::Sound => {
                self.sound.put(due_ns, packet.stream_ns);
                Ok(())
            }
        }
    }

    fn due(&mut self, stream_ns: i64, at_ns: i64, options: &Options) -> Option<i64> {
        if options.ignores_clocks {
            let first = *self.first_offset_ns.get_or_insert(at_ns + self.latency_ns - stream_ns);
            return Some(stream_ns + first);
        }
        self.scrambled = !self.scrambled && options.scrambles_times;
        let off = if self.scrambled { 100 * MS } else { 0 };
        self.arrivals.due(stream_ns as u64).map(|due| due as i64 + off)
    }

    /// A picture is due in its order, and within the bounds of the buffer.
    fn picture(&mut self, packet: Packet, due_ns: i64) -> Result<(), Broken> {
        let (last_stream, last_due) = self.last;
        let forward = packet.stream_ns > last_stream && packet.stream_ns - last_stream < SECOND;
        if forward && packet.at_ns > self.excused_ns {
            hold(due_ns >= last_due, "what a source sends is due in its order", || {
                format!("{}: {} µs before the one before it", self.name, (last_due - due_ns) / 1_000)
            })?;
        }
        if forward || packet.at_ns <= self.excused_ns || last_stream - packet.stream_ns > SECOND {
            self.last = (packet.stream_ns, due_ns);
        }
        let delay = due_ns - packet.at_ns;
        let detail =
            || format!("{}: due {} ms after it came, asked for {} ms", self.name, delay / MS, self.latency_ms());
        if self.watch != Watch::Order {
            let most = self.latency_least_ns() + JUMP_NS + SETTLED_NS;
            hold((0..=most).contains(&delay), "a source's delay stays within its buffer", detail)?;
        }
        if self.watch == Watch::Settled {
            let off = (delay - self.latency_least_ns()).abs();
            hold(off <= SETTLED_NS, "a source's time settles after trouble", detail)?;
        }
        Ok(())
    }

    /// The mixer takes what is due, picture and sound.
    fn tick(&mut self, options: &Options) -> Result<(), Broken> {
        if !self.seen {
            self.sound.pass(self.tick_ns);
            return Ok(());
        }
        let heard = self.sound.read(self.tick_ns, TICK_FRAMES, options.plays_sound_as_it_comes);
        if self.watch == Watch::Order {
            return Ok(());
        }
        let probe = self.last.0;
        let Some(due) = self.due(probe, self.tick_ns, &Options::default()) else { return Ok(()) };
        let seen = self.tick_ns - (due - probe);
        let whole = heard.frames == TICK_FRAMES && !heard.breaks && !options.sound_stutters;
        if self.watch == Watch::Settled {
            hold(whole, "settled sound goes on without a break", || format!("{}: {heard:?}", self.name))?;
        }
        let Some(first) = heard.stream_ns.filter(|_| whole) else { return Ok(()) };
        let apart = seen - first;
        hold(apart.abs() <= LIPS_NS, "lips stay in step", || format!("{}: {} ms apart", self.name, apart / MS))
    }
}
