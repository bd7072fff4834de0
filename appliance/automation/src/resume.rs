//! Where a broadcast goes on after the box was restarted under it (N-4): the same broadcast, its timeline where it would
//! be had nothing happened. Wall time alone survives a power cut, and a Pi does not know it at first.
//!
//! ```text
//! restart, wall time known now and at GO LIVE ──► position by the wall clock                        Exact
//! restart, wall time not known now            ──► where it was last seen ──known──► by the wall     Provisional
//! wall time was not known at GO LIVE          ──► where it was last seen; its wall time follows once one is known
//! ```
//! A timeline that a person had paused stays where it stood. Bad input: wall time that says less than what was seen
//! already is wrong; what was seen counts.

use crate::clock::{Now, Running};
use crate::spec::Live;

/// What is stored of a broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its moments, in the boot in which it was stored.
    pub live: Live,
    /// When it went live, wall clock, milliseconds.
    pub at_ms: i64,
    /// Whether that wall time is known to be right.
    pub at_known: bool,
    /// Whether it stands by what was last seen, and `at_ms` knows better.
    pub provisional: bool,
}

/// A broadcast after the machine was started anew. `seen_ms` is for how long it had been live when it was last seen.
pub fn after_restart(kept: &Kept, seen_ms: u64, now: Now) -> Kept {
    let by_wall = if now.wall_trusted && kept.at_known { by_wall(kept, now) } else { 0 };
    let since_ns = by_wall.max(seen_ms.saturating_mul(1_000_000));
    let old = &kept.live;
    // Of a pause, only how far the timeline had come then is still true.
    let stood_at = old.paused_at.map(|at| old.ahead_ns.saturating_add(at.0.saturating_sub(old.at.0)));
    let paused_ns = match stood_at {
        Some(stood_at) => old.paused_ns.saturating_add(since_ns.saturating_sub(stood_at)),
        None => old.paused_ns,
    };
    let live = Live {
        session: old.session.clone(),
        at: now.running,
        ahead_ns: since_ns,
        paused_at: old.paused_at.map(|_| now.running),
        paused_ns,
    };
    Kept { live, provisional: kept.at_known && !now.wall_trusted, ..kept.clone() }
}

/// A broadcast of this boot, now that wall time is known; none where it is right as it is.
pub fn once_known(kept: &Kept, now: Now) -> Option<Kept> {
    if !now.wall_trusted || (kept.at_known && !kept.provisional) {
        return None;
    }
    let mut right = Kept { at_known: true, provisional: false, ..kept.clone() };
    let since_ns = since_ns(&kept.live, now.running);
    if kept.at_known {
        let more = by_wall(kept, now).saturating_sub(since_ns);
        right.live.ahead_ns = right.live.ahead_ns.saturating_add(more);
        if right.live.paused_at.is_some() {
            right.live.paused_ns = right.live.paused_ns.saturating_add(more);
        }
    } else {
        let to_go_ms = kept.live.at.ms_since(now.running) as i64;
        right.at_ms = now.wall_ms + to_go_ms - (since_ns / 1_000_000) as i64;
    }
    Some(right)
}

fn by_wall(kept: &Kept, now: Now) -> u64 {
    u64::try_from(now.wall_ms.saturating_sub(kept.at_ms)).unwrap_or(0).saturating_mul(1_000_000)
}

fn since_ns(live: &Live, now: Running) -> u64 {
    if now < live.at { 0 } else { live.ahead_ns.saturating_add(now.0 - live.at.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;

    const WALL_MS: i64 = 1_800_000_000_000;

    fn at(ms: u64) -> Running {
        Running(0).plus_ms(ms)
    }

    fn now(running_ms: u64, wall_ms: i64, wall_trusted: bool) -> Now {
        Now { running: at(running_ms), wall_ms: WALL_MS + wall_ms, wall_trusted }
    }

    /// Went live at 100 s of its boot, at the wall's zero.
    fn kept(at_known: bool) -> Kept {
        let session = SessionId::new("s").unwrap();
        let live = Live { session, at: at(100_000), ahead_ns: 0, paused_at: None, paused_ns: 0 };
        Kept { live, at_ms: WALL_MS, at_known, provisional: false }
    }

    /// Where the timeline stands, milliseconds.
    fn position(kept: &Kept, running_ms: u64) -> u64 {
        let live = &kept.live;
        let at = live.paused_at.unwrap_or(at(running_ms));
        (live.ahead_ns + at.0 - live.at.0 - live.paused_ns) / 1_000_000
    }

    #[test]
    fn with_a_known_clock_it_stands_where_it_would_be() {
        // 600 s after GO LIVE the box has been up for 20 s again; it was last seen at 500 s.
        let again = after_restart(&kept(true), 500_000, now(20_000, 600_000, true));
        assert_eq!((position(&again, 20_000), again.provisional), (600_000, false));
        assert_eq!(position(&again, 25_000), 605_000);
        assert_eq!(once_known(&again, now(25_000, 605_000, true)), None);
        // And once more, without anything having been seen.
        let third = after_restart(&again, 0, now(9_000, 900_000, true));
        assert_eq!(position(&third, 9_000), 900_000);
    }

    #[test]
    fn without_a_clock_it_goes_on_from_where_it_was_seen_until_one_is_known() {
        let again = after_restart(&kept(true), 500_000, now(20_000, -50_000_000, false));
        assert_eq!((position(&again, 20_000), again.provisional), (500_000, true));
        assert_eq!(once_known(&again, now(30_000, -50_000_000, false)), None);
        let right = once_known(&again, now(50_000, 640_000, true)).unwrap();
        assert_eq!((position(&right, 50_000), right.provisional, right.at_ms), (640_000, false, WALL_MS));
        assert_eq!(once_known(&right, now(60_000, 650_000, true)), None, "once");
    }

    #[test]
    fn a_broadcast_that_began_without_a_clock_gets_its_wall_time_later() {
        let right = once_known(&kept(false), now(130_000, 7_000_000, true)).unwrap();
        assert_eq!((right.at_ms - WALL_MS, right.at_known), (6_970_000, true));
        assert_eq!(right.live, kept(false).live, "the program goes on as it is");
        let counting_down = once_known(&kept(false), now(96_000, 7_000_000, true)).unwrap();
        assert_eq!(counting_down.at_ms - WALL_MS, 7_004_000);
        // It was cut before: what was seen is all that is known.
        let again = after_restart(&kept(false), 500_000, now(20_000, 9_000_000, true));
        assert_eq!((position(&again, 20_000), again.provisional), (500_000, false));
        let right = once_known(&again, now(30_000, 9_010_000, true)).unwrap();
        assert_eq!((right.at_ms - WALL_MS, position(&right, 30_000)), (9_010_000 - 510_000, 510_000));
    }

    #[test]
    fn a_paused_timeline_stays_where_it_stood() {
        let mut paused = kept(true);
        // 60 s after GO LIVE, having stood for 10 s before.
        (paused.live.paused_at, paused.live.paused_ns) = (Some(at(160_000)), 10_000_000_000);
        for trusted in [true, false] {
            let again = after_restart(&paused, 300_000, now(20_000, 600_000, trusted));
            assert_eq!((position(&again, 99_000), again.live.paused_at), (50_000, Some(at(20_000))));
            let again = once_known(&again, now(50_000, 640_000, true)).unwrap_or(again);
            assert_eq!(position(&again, 99_000), 50_000);
            // A person lets it go on, 5 s after that.
            let mut on = again.clone();
            on.live.paused_ns += at(55_000).0 - at(20_000).0;
            on.live.paused_at = None;
            assert_eq!(position(&on, 56_000), 51_000);
        }
    }

    #[test]
    fn a_wall_clock_that_says_less_than_was_seen_is_not_believed() {
        let again = after_restart(&kept(true), 500_000, now(20_000, 1_000, true));
        assert_eq!(position(&again, 20_000), 500_000);
        let again = after_restart(&kept(true), 0, now(20_000, -5_000, true));
        assert_eq!(position(&again, 20_000), 0, "cut in its countdown: live now");
    }
}
