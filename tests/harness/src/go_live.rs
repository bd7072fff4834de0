//! Where GO LIVE lies, told by the product's status alone: no cue is looked at.
//!
//! A status names the moment of tick 0 (`started`), its own moment (`now`) and the age of the broadcast in whole
//! milliseconds; so each narrows the moment of GO LIVE to one millisecond, and several to the tick. A broadcast begins on
//! the last keyframe that was there at GO LIVE, and keyframes are two seconds apart, from tick 0 on.

use crate::bandstand::Bandstand;
use crate::venue::{FPS, MAIN};
use crate::wait::{s, until};
use crate::worker::Worker;
use automation::status::ChannelStatus;

/// Ticks from one keyframe to the next: 2 s.
const KEYFRAME_TICKS: i64 = 60;

/// Nanoseconds since tick 0 between which GO LIVE lies, both included; narrowed by each status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    from_ns: i64,
    to_ns: i64,
}

impl Bounds {
    /// What one status tells. None before GO LIVE.
    fn of(status: &ChannelStatus) -> Option<Bounds> {
        let live = status.live.as_ref().filter(|live| live.countdown_ms == 0 && live.since_ms > 0)?;
        let now_ns = status.now.0.checked_sub(status.started.0)? as i64;
        let to_ns = now_ns - live.since_ms as i64 * 1_000_000;
        Some(Bounds { from_ns: to_ns - 999_999, to_ns })
    }

    fn and(self, other: Bounds) -> Bounds {
        Bounds { from_ns: self.from_ns.max(other.from_ns), to_ns: self.to_ns.min(other.to_ns) }
    }

    /// The tick, once there is no doubt.
    fn tick(self) -> Option<i64> {
        let nearest = |ns: i64| (ns as f64 * FPS / 1e9).round() as i64;
        (nearest(self.from_ns) == nearest(self.to_ns)).then(|| nearest(self.from_ns))
    }
}

/// The tick of GO LIVE of the channel's running broadcast.
pub fn tick(bandstand: &Bandstand) -> i64 {
    let mut bounds: Option<Bounds> = None;
    let mut seen = 0;
    until("the tick of GO LIVE", s(30), || {
        let status = bandstand.status(MAIN)?;
        let told = Bounds::of(&status).filter(|_| status.now.0 != seen)?;
        seen = status.now.0;
        let all = bounds.map_or(told, |bounds| bounds.and(told));
        assert!(all.from_ns <= all.to_ns, "statuses that contradict each other: {bounds:?}, {told:?}");
        bounds = Some(all);
        all.tick()
    })
}

/// Waits until the program of a status that was told before is well between two keyframes.
pub fn wait_between_keyframes(status: &ChannelStatus) {
    until("a moment between two keyframes", s(5), || {
        let ticks = (Worker::now_ns() - status.started.0) as f64 * FPS / 1e9;
        (20..35).contains(&(ticks as i64).rem_euclid(KEYFRAME_TICKS)).then_some(())
    });
}

/// Index of GO LIVE's picture in a recording that began with it. None where GO LIVE came so soon after a keyframe that
/// it may not have been there yet.
pub fn place(tick: i64) -> Option<usize> {
    let since_keyframe = tick.rem_euclid(KEYFRAME_TICKS);
    (since_keyframe >= 15).then_some(since_keyframe as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_statuses_tell_the_tick() {
        // GO LIVE just before the middle between ticks 100 and 101, which is 3.35 s after tick 0.
        let go_ns = 3_349_999_800i64;
        let told = |now_ns: i64| {
            let to_ns = now_ns - (now_ns - go_ns) / 1_000_000 * 1_000_000;
            Bounds { from_ns: to_ns - 999_999, to_ns }
        };
        let first = told(5_000_000_000);
        assert!(first.from_ns <= go_ns && go_ns <= first.to_ns);
        assert_eq!(first.tick(), None, "a millisecond across the middle between two ticks");
        let narrow = first.and(told(6_000_400_000)).and(told(6_999_999_900));
        assert_eq!(narrow.tick(), Some(100), "{narrow:?}");
    }

    #[test]
    fn a_broadcast_begins_on_the_keyframe_before_it() {
        assert_eq!([place(60), place(74), place(75), place(119), place(120)], [None, None, Some(15), Some(59), None]);
    }
}
