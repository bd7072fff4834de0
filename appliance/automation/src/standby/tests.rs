use super::*;
use proptest::prelude::*;

/// Pictures of a source that sends 25 a second, a keyframe each `group` of them, due `latency` pictures after they arrive.
struct Camera {
    standby: Standby<u64>,
    group: u64,
    latency: u64,
    sent: u64,
    /// How fast its decoder is: so fast that it never waits for a keyframe, where nothing else is said.
    speed: f64,
    /// What the decoder got: the picture, and whether alone.
    decoded: Vec<(u64, bool)>,
}

const PICTURE_NS: u64 = 40_000_000;

impl Camera {
    fn new(group: u64, latency: u64) -> Camera {
        Camera { standby: Standby::default(), group, latency, sent: 0, speed: f64::INFINITY, decoded: Vec::new() }
    }

    fn now(&self) -> Running {
        Running(self.sent * PICTURE_NS)
    }

    fn due(&self) -> impl Fn(u64) -> Option<u64> + use<> {
        let latency = self.latency;
        move |stream_ns| Some(stream_ns + latency * PICTURE_NS)
    }

    fn awake(&mut self, awake: bool) -> bool {
        self.standby.set_awake(awake, self.now(), self.speed, self.due())
    }

    fn send(&mut self, pictures: u64) {
        for _ in 0..pictures {
            let n = self.sent;
            self.sent += 1;
            let key = self.group > 0 && n.is_multiple_of(self.group);
            if key {
                self.standby.saw_key(n * PICTURE_NS);
            }
            self.standby.push(Unit { stream_ns: n * PICTURE_NS, key, bytes: 10_000, data: n });
            loop {
                match self.standby.next(self.now(), self.due()) {
                    Next::Decode(n) => self.decoded.push((n, false)),
                    Next::Alone(n) => self.decoded.push((n, true)),
                    Next::Nothing => break,
                }
            }
        }
    }

    fn got(&mut self) -> Vec<(u64, bool)> {
        std::mem::take(&mut self.decoded)
    }
}

fn row(range: std::ops::Range<u64>) -> Vec<(u64, bool)> {
    range.map(|n| (n, false)).collect()
}

#[test]
fn awake_all_is_decoded_as_it_comes() {
    let mut camera = Camera::new(50, 8);
    camera.send(120);
    assert_eq!(camera.got(), row(0..120));
    assert!(camera.standby.passes());
}

#[test]
fn standing_by_each_keyframe_is_decoded_alone_when_it_is_due() {
    let mut camera = Camera::new(50, 8);
    camera.awake(false);
    camera.send(57);
    assert_eq!(camera.got(), [(0, true)]);
    camera.send(1);
    assert_eq!(camera.got(), [(50, true)], "picture 50 is due with the arrival of 57");
    camera.send(100);
    assert_eq!(camera.got(), [(100, true), (150, true)]);
}

#[test]
fn woken_the_decoder_begins_with_the_last_keyframe_that_is_due() {
    let mut camera = Camera::new(50, 8);
    camera.awake(false);
    camera.send(104);
    camera.got();
    assert!(camera.awake(true), "it is behind");
    camera.send(1);
    assert_eq!(camera.got(), row(50..105), "keyframe 100 is not due yet");
    assert!(camera.standby.passes() && !camera.awake(true));
}

#[test]
fn woken_before_anything_was_decoded_out_of_turn_it_goes_on_where_it_stopped() {
    let mut camera = Camera::new(50, 8);
    camera.send(60);
    camera.got();
    camera.awake(false);
    // Keyframe 50 went to the decoder before; 100 is not due.
    camera.send(45);
    assert_eq!(camera.got(), []);
    camera.awake(true);
    camera.send(1);
    assert_eq!(camera.got(), row(60..106));
}

#[test]
fn a_source_of_keyframes_alone_is_decoded_twice_a_second() {
    let mut camera = Camera::new(1, 3);
    camera.awake(false);
    camera.send(250);
    let got = camera.got();
    assert!((19..=20).contains(&got.len()), "{got:?}");
    camera.awake(true);
    camera.send(1);
    let woken = camera.got();
    assert_eq!(woken, row(247..251), "from the one that is due");
}

#[test]
fn one_that_cannot_be_held_is_decoded_whole() {
    for group in [0, 100_000] {
        let mut camera = Camera::new(group, 8);
        camera.awake(false);
        camera.send(400);
        assert!(camera.got().len() <= 1 && !camera.standby.decodes_all());
        camera.send(10);
        assert!(camera.standby.decodes_all() && camera.standby.passes());
        assert_eq!(camera.got().last(), Some(&(409, false)));
    }
}

#[test]
fn one_that_is_behind_leaps_to_the_next_keyframe_that_is_in_time() {
    let mut camera = Camera::new(25, 8);
    camera.send(60);
    camera.got();
    let (now, sent) = (camera.now(), camera.sent);
    camera.standby.leap(now);
    assert!(camera.standby.leaps() && !camera.standby.passes());
    camera.send(20);
    assert_eq!(camera.got(), row(75..80), "the keyframe at 75 and what follows it");
    assert!(camera.standby.passes() && !camera.standby.leaps());
    // Three seconds too late: keyframes come whose own time is over.
    let late = Running(camera.now().0 + 3_000_000_000);
    camera.standby.leap(late);
    for n in 80..180 {
        let key = n % 25 == 0;
        camera.standby.push(Unit { stream_ns: n * PICTURE_NS, key, bytes: 1, data: n });
        while let Next::Decode(n) = camera.standby.next(late, camera.due()) {
            camera.decoded.push((n, false));
        }
    }
    assert_eq!(camera.got(), row(150..180), "due at 158, when it is 155: those at 100 and 125 are left out, too");
    assert!(sent == 60);
}

#[test]
fn without_regular_keyframes_it_does_not_leap_and_one_that_does_not_come_is_not_waited_for() {
    for (group, sent) in [(0, 300), (200, 450), (25, 20)] {
        let mut camera = Camera::new(group, 8);
        camera.send(sent);
        camera.standby.leap(camera.now());
        assert!(!camera.standby.leaps(), "a keyframe each {group} pictures");
    }
    let mut camera = Camera::new(25, 8);
    camera.send(60);
    camera.got();
    camera.standby.leap(camera.now());
    camera.group = 0;
    camera.send(90);
    assert!(camera.got().is_empty() && camera.standby.leaps());
    camera.send(20);
    assert!(!camera.standby.leaps() && !camera.standby.too_long, "it is given up");
    camera.group = 200;
    camera.send(100);
    assert_eq!(camera.got(), row(200..270), "and the next keyframe is taken");
}

#[test]
fn what_is_held_belongs_to_its_format() {
    let mut camera = Camera::new(50, 8);
    camera.awake(false);
    camera.send(80);
    camera.got();
    let (now, due) = (camera.now(), camera.due());
    assert_eq!(camera.standby.take_all(now, &due), (50..80).collect::<Vec<_>>(), "what is due, and what will be");
    camera.awake(true);
    camera.send(30);
    assert_eq!(camera.got(), row(100..110), "it begins with a keyframe of the new one");
    assert!(camera.standby.take_all(now, &due).is_empty());
    camera.send(3);
    assert_eq!(camera.got(), row(110..113), "nothing was held: all goes on as it comes");
}

#[test]
fn a_time_that_jumps_ahead_lets_go_what_lies_before_the_next_keyframe() {
    let mut camera = Camera::new(50, 8);
    camera.awake(false);
    camera.send(120);
    camera.sent = 1_000;
    camera.send(60);
    assert!(!camera.standby.decodes_all(), "its keyframes are no farther apart than before");
    camera.got();
    camera.awake(true);
    camera.send(1);
    assert_eq!(camera.got(), row(1_050..1_061));
}

proptest! {
    /// The decoder gets no picture whose predecessor it has not had, whatever is woken when; and from a second after
    /// waking on it has all that arrives.
    #[test]
    fn the_decoder_never_gets_a_torn_row(
        group in 1u64..80, latency in 0u64..130, turns in prop::collection::vec((1u64..90, any::<bool>()), 1..30),
    ) {
        let mut camera = Camera::new(group, latency);
        camera.send(1);
        for (pictures, awake) in turns {
            camera.awake(awake);
            camera.send(pictures);
            prop_assert!(!awake || camera.standby.passes());
            let held = camera.standby.units.len() as u64;
            prop_assert!(held <= group + latency + KEYS_EVERY_NS / PICTURE_NS + 90, "{held} are held");
        }
        let mut before: Option<(u64, bool)> = None;
        for (n, alone) in camera.got() {
            let follows = before.is_some_and(|(last, was_alone)| !was_alone && n == last + 1);
            prop_assert!(follows || n.is_multiple_of(group), "{n} after {before:?}");
            before = Some((n, alone));
        }
    }
}

/// A decoder of five times the stream's speed catches up with 40 pictures in 10: the next keyframe is no later then.
#[test]
fn late_in_a_group_the_next_keyframe_is_waited_for_and_early_the_decoder_catches_up() {
    for (group, latency, into, speed, waits) in [
        (50, 0, 30, 5.0, false),
        (50, 0, 39, 5.0, false),
        (50, 0, 41, 5.0, true),
        (50, 0, 49, 5.0, true),
        (50, 0, 41, 20.0, false),
        // However slow it is: what is on air does not stay for so long.
        (50, 0, 10, 1.2, false),
        (50, 0, 40, 1.2, true),
        (50, 0, 40, 0.5, true),
        (50, 8, 39, 5.0, false),
        (50, 8, 45, 5.0, true),
        (150, 0, 149, 5.0, false),
    ] {
        let mut camera = Camera::new(group, latency);
        camera.speed = speed;
        camera.awake(false);
        // The newest picture that is due is so far into its group.
        camera.send(2 * group + into + latency + 1);
        camera.got();
        assert!(camera.awake(true));
        camera.send(0);
        while let Next::Decode(n) = camera.standby.next(camera.now(), camera.due()) {
            camera.decoded.push((n, false));
        }
        let first = camera.got().first().map(|(n, _)| *n);
        let expected = if !waits {
            Some(2 * group)
        } else if 2 * group + into + latency >= 3 * group {
            Some(3 * group)
        } else {
            None
        };
        assert_eq!(first, expected, "{into} of {group}, {latency} ahead, {speed} times");
        if first.is_none() {
            camera.send(group);
            assert_eq!(camera.got().first(), Some(&(3 * group, false)), "{into} of {group}, {speed} times");
        }
    }
}

#[test]
fn a_keyframe_that_does_not_come_is_not_waited_for() {
    let mut camera = Camera::new(50, 0);
    camera.speed = 5.0;
    camera.awake(false);
    camera.send(146);
    camera.got();
    assert!(camera.awake(true));
    camera.group = 0;
    camera.send(7);
    assert_eq!(camera.got(), [], "the keyframe is due with picture 150");
    camera.send(1);
    assert_eq!(camera.got(), row(100..154), "then from the last one on");
}
