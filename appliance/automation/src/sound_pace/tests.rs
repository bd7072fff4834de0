use super::*;
use crate::arrivals::{Arrivals, Track};
use std::collections::VecDeque;

const MS: f64 = 1e6;

/// A camera and a mixer in virtual time. What is heard is told from what is seen by the camera's own clock.
struct Show {
    /// How much slower than ours the camera's clock is, and its sound card's beyond that; parts per million.
    ppm: f64,
    sound_ppm: f64,
    arrivals: Arrivals,
    pace: SoundPace,
    /// Frames that wait, with fractions of a frame that the resampler holds.
    waiting: f64,
    /// Frames that came in, went through, and went unheard.
    came: f64,
    /// Packets under way: arrival, stream time, frames.
    under_way: VecDeque<(u64, u64, usize)>,
    /// Sound after picture at each tick that heard anything, nanoseconds, and how often sound broke.
    apart: Vec<f64>,
    breaks: usize,
    holes: usize,
}

impl Show {
    fn new(ppm: f64, sound_ppm: f64) -> Show {
        Show {
            ppm,
            sound_ppm,
            arrivals: Arrivals::new(300, None),
            pace: SoundPace::default(),
            waiting: 0.0,
            came: 0.0,
            under_way: VecDeque::new(),
            apart: Vec::new(),
            breaks: 0,
            holes: 0,
        }
    }

    /// Plays `seconds` with packets that arrive up to `jitter_ms` late, and whose times are rounded to milliseconds.
    fn play(&mut self, seconds: u64, jitter_ms: u64) {
        let mut random = 1u64;
        let mut jitter = move || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((random >> 33) % (jitter_ms * 1000 + 1)) as f64 * 1e3
        };
        let start = 1e12;
        let real = |camera_ns: f64, ppm: f64| start + camera_ns * (1.0 + ppm / 1e6);
        let rounded = |camera_ns: f64| ((camera_ns / MS).round() * MS) as u64 + 5_000_000_000;
        let (mut picture, mut packet) = (0u64, 0u64);
        for tick in 0..seconds * 30 {
            let now = start + tick as f64 * 1e9 / 30.0;
            loop {
                let picture_ns = picture as f64 * 1e9 / 30.0;
                // The packet's samples are counted by the sound card; its time is read from the camera's clock.
                let packet_ns = packet as f64 * 1024.0 / SAMPLE_HZ * 1e9 * (1.0 + self.sound_ppm / 1e6);
                if real(picture_ns.min(packet_ns), self.ppm) > now {
                    break;
                }
                if picture_ns <= packet_ns {
                    self.arrivals.arrived(
                        Track::Pictures,
                        rounded(picture_ns),
                        (real(picture_ns, self.ppm) + jitter()) as u64,
                    );
                    picture += 1;
                } else {
                    let arrival = (real(packet_ns, self.ppm) + jitter()) as u64;
                    self.arrivals.arrived(Track::Sound, rounded(packet_ns), arrival);
                    self.under_way.push_back((arrival, rounded(packet_ns), 1024));
                    packet += 1;
                }
            }
            self.tick(now as u64);
        }
    }

    fn tick(&mut self, now: u64) {
        while let Some(&(_, stream, frames)) = self.under_way.front().filter(|(arrival, ..)| *arrival <= now) {
            self.under_way.pop_front();
            let due = self.arrivals.due(stream).unwrap();
            match self.pace.put(due, frames, self.waiting as usize) {
                Join::On => {}
                Join::Anew => self.waiting = 0.0,
                join => panic!("a seam in steady sound: {join:?}"),
            }
            self.waiting += frames as f64;
            self.came += frames as f64;
        }
        let reading = self.pace.read(now, 1600, self.waiting as usize);
        self.breaks += usize::from(reading.breaks);
        self.waiting -= reading.drop as f64;
        if reading.frames == 1600 {
            let heard = (self.came - self.waiting) / SAMPLE_HZ * 1e9 * (1.0 + self.sound_ppm / 1e6);
            // The camera's time of the picture that is due now.
            let offset = self.arrivals.due(5_000_000_000).unwrap() as f64 - 5e9;
            let seen = now as f64 - offset - 5e9;
            self.apart.push(seen - heard);
        } else if !self.apart.is_empty() {
            self.holes += 1;
        }
        self.waiting -= reading.frames as f64 * reading.ratio;
    }
}

/// Mean of the distances within a minute that ends at second `at`, nanoseconds.
fn mean(apart: &[f64], at: usize) -> f64 {
    let minute = &apart[(at - 60) * 30..at * 30];
    minute.iter().sum::<f64>() / minute.len() as f64
}

#[test]
fn lips_stay_in_step_for_eight_hours_whatever_the_clocks_do() {
    for (ppm, sound_ppm) in
        [(200.0, 0.0), (-200.0, 0.0), (500.0, 0.0), (-500.0, 0.0), (0.0, 200.0), (0.0, -200.0), (200.0, -500.0)]
    {
        let mut show = Show::new(ppm, sound_ppm);
        show.play(8 * 3600, 8);
        assert_eq!((show.breaks, show.holes), (0, 0), "{ppm} and {sound_ppm} ppm: sound broke, had holes");
        let settled = &show.apart[5 * 30..];
        let (least, most) = settled.iter().fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(*x), b.max(*x)));
        assert!((most - least) <= 5.0 * MS, "{ppm} and {sound_ppm} ppm: apart from {least} to {most} ns");
        let (first, last) = (mean(settled, 60), mean(settled, 8 * 3600 - 10));
        assert!((last - first).abs() <= 0.2 * MS, "{ppm} and {sound_ppm} ppm: {first} became {last} ns");
        assert!(most.abs().max(least.abs()) <= 5.0 * MS, "{ppm} and {sound_ppm} ppm: {least} to {most} ns");
    }
}

#[test]
fn the_rate_of_reading_is_never_heard_to_move() {
    // From one tick to the next the rate moves by a few parts per million only.
    let mut pace = SoundPace::default();
    let (mut waiting, mut last, mut steepest) = (0.0f64, None::<f64>, 0.0f64);
    let mut due = 1e9;
    for tick in 0..20_000u64 {
        while due < 1e9 + (tick as f64 + 12.0) * 1e9 / 30.0 {
            pace.put(due as u64, 1024, waiting as usize);
            waiting += 1024.0;
            due += 1024.0 / SAMPLE_HZ * 1e9 * 1.0005;
        }
        let reading = pace.read(1_000_000_000 + tick * 1_000_000_000 / 30, 1600, waiting as usize);
        waiting -= reading.drop as f64 + reading.frames as f64 * reading.ratio;
        if let Some(last) = last.filter(|_| tick > 300) {
            steepest = steepest.max((reading.ratio - last).abs() * 1e6);
        }
        last = Some(reading.ratio);
    }
    assert!(steepest < 50.0, "{steepest} ppm from one tick to the next");
}

#[test]
fn packets_join_on_after_a_hole_over_an_end_or_anew() {
    let second = 1_000_000_000;
    for (due_ms, waiting, join) in [
        (1_000, 0, Join::Anew),
        (1_020, 960, Join::On),
        (1_079, 960, Join::On),
        (961, 960, Join::On),
        (1_220, 960, Join::After(9_600)),
        (3_000, 960, Join::Anew),
        (920, 24_000, Join::Over(4_800)),
        (100, 4_800, Join::Over(4_800)),
    ] {
        let mut pace = SoundPace::default();
        assert_eq!(pace.put(second, 960, 0), Join::Anew);
        assert_eq!(pace.put(due_ms * 1_000_000, 960, waiting), join, "due at {due_ms} ms");
    }
}

#[test]
fn sound_that_is_not_due_waits_and_old_sound_goes() {
    let mut pace = SoundPace::default();
    pace.put(1_010_000_000, 9_600, 0);
    let reading = pace.read(1_000_000_000, 1600, 9_600);
    assert_eq!((reading.skip, reading.drop, reading.frames, reading.begins), (480, 0, 1120, true));
    assert_eq!(pace.pass(1_110_000_000, 9_600), 4_800);
    let reading = pace.read(1_110_000_000, 1600, 9_600);
    assert_eq!((reading.skip, reading.drop, reading.frames, reading.begins), (0, 4_800, 1600, true));
    let reading = pace.read(1_178_750_000, 1600, 1_500);
    assert!(reading.ends && reading.frames == 1_500, "{reading:?}");
}

#[test]
fn while_nobody_listens_another_time_is_taken_over_at_once() {
    let mut pace = SoundPace::default();
    let mut put = |from: u64, to: u64, moved_ms: u64, heard: bool| {
        for n in from..to {
            let due_ns = 1_000_000_000 + n * 1024 * 1_000_000_000 / 48_000 + moved_ms * 1_000_000;
            pace.put(due_ns, 1024, 24_000);
            if heard {
                let at_ns = (due_ns as i64 - 480_000_000) as u64;
                pace.read(at_ns, 1600, 24_000);
            } else {
                pace.pass(due_ns - 500_000_000, 24_000);
            }
        }
        let end_ns = 1_000_000_000.0 + (to * 1024) as f64 * 1e9 / 48_000.0 + moved_ms as f64 * 1e6;
        (pace.late_ns(end_ns as u64 - 500_000_000, 24_000) / 1e6).abs()
    };
    put(0, 200, 0, false);
    assert!(put(200, 215, 20, false) < 0.5, "a third of a second later");
    put(215, 315, 20, true);
    assert!(put(315, 330, 40, true) > 10.0, "one that is heard is moved slowly");
}
