use super::*;

const MS: i64 = 1_000_000;
const HOUR_S: u64 = 3600;

/// A source in virtual time: 30 pictures and 47 packets of sound a second, whose capture is known.
struct Sim {
    arrivals: Arrivals,
    latency_ms: i64,
    /// The machine's clock at the source's time 0, nanoseconds.
    zero_ns: i64,
    /// How much slower than ours the source's clock is, parts per million.
    ppm: i64,
    /// Added to the source's own times, nanoseconds.
    count_ns: i64,
    random: u64,
    /// Worst distance of due from where it belongs, nanoseconds, and how far due runs off the stream in a second.
    worst_ns: i64,
    steepest_ppm: i64,
    last: Option<(u64, u64)>,
}

impl Sim {
    fn new(latency_ms: u32, ppm: i64) -> Sim {
        Sim {
            arrivals: Arrivals::new(latency_ms, None),
            latency_ms: i64::from(latency_ms),
            zero_ns: 5_000 * MS,
            ppm,
            count_ns: 100_000 * MS,
            random: 7,
            worst_ns: 0,
            steepest_ppm: 0,
            last: None,
        }
    }

    fn random(&mut self, below: i64) -> i64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.random >> 33) as i64) % below.max(1)
    }

    /// The machine's time at which the source's time is `ns`.
    fn real(&self, ns: i64) -> i64 {
        self.zero_ns + ns + (i128::from(ns) * i128::from(self.ppm) / 1_000_000) as i64
    }

    /// Plays the source's time from `from_ms` to `to_ms`. `delay` says how long after its capture something arrives, in
    /// milliseconds, from its time and a random number below 1000.
    fn play(&mut self, from_ms: i64, to_ms: i64, delay: impl Fn(i64, i64) -> i64) {
        let mut sent = Vec::new();
        let (first, last) = (from_ms * 30 / 1000, to_ms * 30 / 1000);
        for n in first..last {
            sent.push((Track::Pictures, n * 1_000_000_000 / 30));
        }
        for n in from_ms * 375 / 8000..to_ms * 375 / 8000 {
            sent.push((Track::Sound, n * 8_000_000_000 / 375));
        }
        sent.sort_by_key(|(_, at)| *at);
        // One connection keeps its order: nothing overtakes.
        let mut free = i64::MIN;
        for (track, at) in sent {
            let random = self.random(1000);
            let now = (self.real(at) + delay(at / MS, random) * MS).max(free);
            free = now;
            let stream = (at + self.count_ns) as u64;
            self.arrivals.arrived(track, stream, now as u64);
            if track == Track::Pictures {
                self.look(stream, at);
            }
        }
    }

    fn look(&mut self, stream: u64, at: i64) {
        let due = self.arrivals.due(stream).unwrap();
        let right = self.real(at) + self.latency_ms.max(i64::from(LATENCY_MS_LEAST)) * MS;
        self.worst_ns = self.worst_ns.max((due as i64 - right).abs());
        let (stream_before, due_before) = *self.last.get_or_insert((stream, due));
        let (s, d) = (stream as i64 - stream_before as i64, due as i64 - due_before as i64);
        if !(0..1_000_000_000).contains(&s) {
            self.steepest_ppm = self.steepest_ppm.max((d - s).abs() * 1_000_000 / s.abs());
            self.last = Some((stream, due));
        }
    }

    fn forget(&mut self) {
        (self.worst_ns, self.steepest_ppm, self.last) = (0, 0, None);
    }

    #[track_caller]
    fn assert(&self, worst_ms: i64, jumps: u64) {
        assert!(self.worst_ns <= worst_ms * MS, "due is {} µs off", self.worst_ns / 1000);
        assert!(self.steepest_ppm <= FOLLOW_PPM + 50, "due runs {} ppm off the stream", self.steepest_ppm);
        assert_eq!(self.arrivals.jumps(), jumps, "jumps");
    }
}

#[test]
fn a_steady_source_is_due_after_its_latency() {
    for latency_ms in [0, 60, 120, 300, 4000] {
        let mut sim = Sim::new(latency_ms, 0);
        sim.play(0, 60_000, |_, _| 0);
        sim.assert(0, 0);
    }
}

#[test]
fn a_drifting_clock_is_followed_for_eight_hours_without_a_step() {
    for ppm in [-500, -200, 200, 500] {
        let mut sim = Sim::new(300, ppm);
        let hours = 8 * HOUR_S as i64 * 1000;
        sim.play(0, 1_500, |_, random| random / 100);
        sim.forget();
        sim.play(1_500, hours, |_, random| random / 100);
        // The minimum of ten seconds is behind by what the clock drifts in ten seconds.
        sim.assert(6, 0);
    }
}

#[test]
fn jitter_is_no_delay_neither_at_first_nor_later() {
    // A way that is free for 300 ms of every 2 s, and busy for the rest.
    let jitter = |ms: i64, random: i64| if ms % 2_000 < 300 { 0 } else { 60 + random / 10 };
    let mut sim = Sim::new(300, 0);
    sim.play(0, 3_000, jitter);
    sim.forget();
    sim.play(3_000, 600_000, jitter);
    sim.assert(6, 0);
}

#[test]
fn how_a_stream_arrives_is_told() {
    let mut arrivals = Arrivals::new(300, None);
    assert_eq!((arrivals.jitter_ms(), arrivals.buffer_ms()), (0, 0), "nothing has come");
    arrivals.arrived(Track::Pictures, 0, 5_000_000_000);
    assert_eq!((arrivals.jitter_ms(), arrivals.buffer_ms()), (0, 300));
    let mut sim = Sim::new(300, 0);
    sim.play(0, 20_000, |_, random| random / 5);
    let (jitter, buffer) = (sim.arrivals.jitter_ms(), sim.arrivals.buffer_ms());
    // Nothing overtakes: what is quick waits for what is slow before it.
    assert!((100..=200).contains(&jitter) && (299..=302).contains(&buffer), "{jitter} ms of {buffer}");
    // Sound alone.
    let mut arrivals = Arrivals::new(300, None);
    arrivals.arrived(Track::Sound, 0, 5_000_000_000);
    assert_eq!((arrivals.jitter_ms(), arrivals.buffer_ms()), (0, 300));
}

#[test]
fn a_burst_at_the_start_is_no_delay() {
    for cached_ms in [700, 2_000, 4_000] {
        let mut sim = Sim::new(300, 0);
        sim.play(0, cached_ms, |ms, _| cached_ms - ms);
        sim.play(cached_ms, 20_000, |_, _| 0);
        sim.forget();
        sim.play(20_000, 30_000, |_, _| 0);
        sim.assert(1, 0);
    }
}

#[test]
fn a_stall_that_ends_in_a_burst_moves_nothing() {
    for (latency_ms, stall_ms) in [(4000, 3_000), (300, 250), (300, 2_000), (300, 9_000)] {
        let mut sim = Sim::new(latency_ms, 200);
        let stall =
            |ms: i64, _: i64| if (20_000..20_000 + stall_ms).contains(&ms) { 20_000 + stall_ms - ms } else { 0 };
        sim.play(0, 1_500, stall);
        sim.forget();
        sim.play(1_500, 60_000, stall);
        sim.assert(6, 0);
    }
}

#[test]
fn a_count_that_starts_again_jumps_once() {
    for count_ms in [-95_000, -3_000, 2_000, 70_000] {
        let mut sim = Sim::new(300, 0);
        sim.play(0, 20_000, |_, _| 0);
        sim.count_ns += count_ms * MS;
        sim.play(20_000, 23_000, |_, _| 0);
        sim.forget();
        sim.play(23_000, 60_000, |_, _| 0);
        assert_eq!(sim.arrivals.jumps(), 1, "{count_ms}");
        sim.assert(0, 1);
    }
}

#[test]
fn a_single_time_that_runs_back_is_ignored() {
    let mut sim = Sim::new(300, 0);
    sim.play(0, 10_000, |_, _| 0);
    let before = sim.arrivals.due(0x7000_0000);
    for back_ms in [40, 500, 5_000] {
        sim.arrivals.arrived(Track::Pictures, (110_000 - back_ms) as u64 * MS as u64, 15_000 * MS as u64);
    }
    assert_eq!(sim.arrivals.due(0x7000_0000), before);
    sim.play(10_000, 20_000, |_, _| 0);
    sim.assert(0, 0);
}

#[test]
fn a_way_that_becomes_longer_is_followed_slowly_and_a_much_longer_one_at_once() {
    let mut sim = Sim::new(300, 0);
    sim.play(0, 20_000, |_, _| 0);
    sim.play(20_000, 200_000, |_, _| 100);
    sim.assert(100, 0);
    let lead = sim.arrivals.due(300_000 * MS as u64).unwrap() as i64 - (sim.real(200_000 * MS) + 100 * MS);
    assert_eq!(lead, 300 * MS, "the whole latency counts from the new way");
    sim.play(200_000, 260_000, |_, _| 2_500);
    let lead = sim.arrivals.due(360_000 * MS as u64).unwrap() as i64 - (sim.real(260_000 * MS) + 2_500 * MS);
    assert_eq!((lead, sim.arrivals.jumps()), (300 * MS, 1));
}

#[test]
fn the_later_one_of_picture_and_sound_counts_and_sound_by_far_too_late_does_not() {
    for (sound_late_ms, counts_ms) in [(70, 70), (-70, 0), (900, 900), (3_000, 0)] {
        let mut arrivals = Arrivals::new(300, None);
        for n in 0..600i64 {
            let at = 10_000 + n * 33;
            arrivals.arrived(Track::Pictures, (n * 33 * MS) as u64, (at * MS) as u64);
            let of_sound = n * 33 - sound_late_ms;
            if of_sound >= 0 {
                arrivals.arrived(Track::Sound, (of_sound * MS) as u64, (at * MS) as u64);
            }
        }
        let due = arrivals.due(0).unwrap() as i64 / MS;
        assert!((due - 10_300 - counts_ms).abs() <= 1, "sound {sound_late_ms} ms later: {due}");
        assert_eq!(arrivals.jumps(), 0);
    }
}

/// Sound of which so many milliseconds come together, with the first picture after them.
fn lumpy(latency_ms: u32, lump_ms: i64) -> (Arrivals, i64) {
    let (mut arrivals, mut last) = (Arrivals::new(latency_ms, None), 0);
    let mut too_late = 0;
    for at in (0..30_000i64).step_by(20) {
        let now = (10_000 + at) * MS;
        arrivals.arrived(Track::Pictures, (at * MS) as u64, now as u64);
        if at - last >= lump_ms {
            for sound in (last..at).step_by(20) {
                arrivals.arrived(Track::Sound, (sound * MS) as u64, now as u64);
                let due = arrivals.due((sound * MS) as u64).unwrap() as i64;
                if at > 5_000 && due < now + 100 * MS {
                    too_late += 1;
                }
            }
            last = at;
        }
    }
    assert_eq!(too_late, 0, "{lump_ms} ms at once, latency {latency_ms} ms");
    let due = arrivals.due(0).unwrap() as i64 / MS - 10_000;
    (arrivals, due)
}

#[test]
fn sound_that_comes_in_lumps_is_waited_for() {
    for (latency_ms, lump_ms, due_ms, jumps) in
        [(300, 20, 300, 0), (300, 160, 300, 0), (300, 360, 480, 1), (1000, 360, 1000, 0), (300, 720, 840, 1)]
    {
        let (arrivals, due) = lumpy(latency_ms, lump_ms);
        assert!((due - due_ms).abs() <= 20, "{lump_ms} ms at once: due {due} ms after its capture");
        assert_eq!(arrivals.jumps(), jumps, "{lump_ms}");
    }
}

#[test]
fn lumps_as_long_as_any_that_are_waited_for_do_not_move_time_to_and_fro() {
    let (mut arrivals, mut last, mut lump) = (Arrivals::new(300, None), 0, 2_000);
    for at in (0..120_000i64).step_by(20) {
        let now = ((10_000 + at) * MS) as u64;
        arrivals.arrived(Track::Pictures, (at * MS) as u64, now);
        if at - last >= lump {
            for sound in (last..at).step_by(20) {
                arrivals.arrived(Track::Sound, (sound * MS) as u64, now);
            }
            // By turns 1.96 to 2.12 s.
            (last, lump) = (at, 1_960 + at * 7 % 9 * 20);
        }
    }
    assert!(arrivals.jumps() <= 2, "{} jumps", arrivals.jumps());
}

#[test]
fn near_silence_in_lumps_of_a_second_is_heard_whole() {
    // As ffmpeg sends it: its sound begins 0.6 s behind its pictures' decoding times, and comes for 0.75 to 1.02 s at
    // once, now and then less.
    for latency_ms in [300, 1000] {
        let mut arrivals = Arrivals::new(latency_ms, None);
        // It is on air after its stable time.
        let mut lumps = [960, 1020, 750, 1000, 900, 400].into_iter().cycle();
        let (mut last, mut lump, mut too_late) = (1_000, 0, 0);
        for at in (1_000..120_000i64).step_by(20) {
            let now = (10_000 + at) * MS;
            arrivals.seen(at > 6_000);
            arrivals.arrived(Track::Pictures, (at * MS) as u64, now as u64);
            if at - last < lump {
                continue;
            }
            for sound in (last..at).step_by(20) {
                let stream = ((sound - 600) * MS) as u64;
                arrivals.arrived(Track::Sound, stream, now as u64);
                let due = arrivals.due(stream).unwrap() as i64;
                too_late += i32::from(at > 15_000 && due < now + 60 * MS);
            }
            (last, lump) = (at, lumps.next().unwrap());
        }
        assert_eq!((too_late, arrivals.jumps() <= 2), (0, true), "latency {latency_ms} ms");
    }
}

#[test]
fn a_connection_goes_on_where_the_last_one_ends_and_wins_its_latency_back_unnoticed() {
    let mut before = Sim::new(4000, 0);
    before.play(0, 30_000, |_, _| 0);
    let to = before.arrivals.buffered_to().unwrap();
    assert_eq!(to as i64, before.real(29_966_666_666) + 4000 * MS);
    // Three seconds later it is back, with a count of its own.
    let back = before.real(33_000 * MS);
    let mut sim = Sim::new(4000, 0);
    (sim.arrivals, sim.zero_ns) = (Arrivals::new(4000, Some(to)), back);
    sim.play(0, 60_000, |_, _| 0);
    let first = to as i64 - back;
    let due =
        |sim: &Sim, ms: i64| sim.arrivals.due((ms * MS + sim.count_ns) as u64).unwrap() as i64 - sim.real(ms * MS);
    assert!(sim.steepest_ppm <= FOLLOW_PPM + 50 && sim.arrivals.jumps() == 0);
    assert!(due(&sim, 60_000) > first && due(&sim, 60_000) < first + 61 * MS, "slowly while it is seen");
    sim.arrivals.seen(false);
    sim.play(60_000, 75_000, |_, _| 0);
    assert_eq!(due(&sim, 75_000), 4000 * MS, "and soon while it is not");
    assert!(sim.steepest_ppm <= FOLLOW_UNSEEN_PPM * 11 / 10 && sim.arrivals.jumps() == 0);
}

#[test]
fn a_connection_that_comes_when_the_buffer_has_run_dry_has_its_whole_latency() {
    for (buffered_ms, first_ms) in [(-2_000, 120), (50, 120), (2_000, 2_000), (9_000, 4_000)] {
        let mut arrivals = Arrivals::new(4000, Some((100_000 + buffered_ms) as u64 * MS as u64));
        arrivals.arrived(Track::Pictures, 0, 100_000 * MS as u64);
        assert_eq!(arrivals.due(0).unwrap() as i64 / MS - 100_000, first_ms);
    }
}

#[test]
fn nothing_is_due_before_the_first_arrival() {
    assert_eq!(Arrivals::new(300, None).due(0), None);
    assert_eq!(Arrivals::new(300, None).buffered_to(), None);
}

/// Whatever happened, a minute of quiet puts it right, and while nothing jumps no step is seen.
#[test]
fn after_any_trouble_a_quiet_minute_puts_it_right() {
    for seed in 0..300 {
        let mut sim = Sim::new([0, 300, 4000][seed % 3], [-500, 0, 500][seed / 3 % 3]);
        sim.random = seed as u64;
        let mut at = 0;
        for _ in 0..8 {
            let length = 2_000 + sim.random(20_000);
            let (kind, size) = (sim.random(5), sim.random(9_000));
            let begun = at;
            match kind {
                0 => sim.play(at, at + length, |_, random| random * size / 9_000),
                1 => sim.play(at, at + length, |ms, _| (begun + size - ms).max(0)),
                2 => {
                    sim.count_ns += (size - 4_500) * 20 * MS;
                    sim.count_ns = sim.count_ns.max(MS);
                    sim.play(at, at + length, |_, _| 0);
                }
                3 => sim.play(at, at + length, |_, _| size / 10),
                _ => at += size,
            }
            at += length;
        }
        sim.play(at, at + 60_000, |_, _| 0);
        let jumps = sim.arrivals.jumps();
        sim.arrivals.seen(false);
        sim.play(at + 60_000, at + 80_000, |_, _| 0);
        sim.arrivals.seen(true);
        sim.forget();
        sim.play(at + 80_000, at + 90_000, |_, _| 0);
        sim.assert(6, jumps);
    }
}
