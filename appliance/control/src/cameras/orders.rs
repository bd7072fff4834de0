//! Orders to one head: which of them still goes out, and which head turns on with nobody steering it.
//!
//! ```text
//! given ─► waits for the head ─► goes out ─► answered ─► stands, or is stopped by another order
//!                 │                              └─► may turn on ─► no newer order for 2 s ─► stop, again where it fails
//!                 └─► dropped
//! ```
//! Dropped is what is older than a stop, and a movement along that a newer order replaces or that has waited too long:
//! a stop is never overtaken. Bad input: an order that has failed may have moved the head all the same, unless the
//! camera itself has said no.

use camera::{CameraError, Move};
use std::time::Duration;

/// A movement along is stopped when it has not been said again for so long.
pub(super) const RENEWED: Duration = Duration::from_secs(2);

/// The orders to one head, by numbers that rise.
#[derive(Debug, Default)]
pub(super) struct Orders {
    newest: u64,
    /// The newest that stops; 0 where none was given.
    stop: u64,
    /// Whether the head may turn on until it is stopped.
    turns: bool,
}

impl Orders {
    /// Takes an order. Its number.
    pub(super) fn give(&mut self, movement: &Move) -> u64 {
        self.newest += 1;
        if *movement == Move::Stop {
            self.stop = self.newest;
        }
        self.newest
    }

    /// Whether an order still goes out, now that the head is free after it has `waited`.
    pub(super) fn goes_out(&self, order: u64, movement: &Move, waited: Duration) -> bool {
        match movement {
            Move::Stop => true,
            Move::Along { .. } => order == self.newest && waited < RENEWED,
            Move::Step { .. } | Move::Preset(_) => order > self.stop,
        }
    }

    /// The head has answered an order that went out.
    pub(super) fn answered(&mut self, movement: &Move, result: &Result<(), CameraError>) {
        match (movement, result) {
            (Move::Along { .. }, Ok(())) => self.turns = true,
            (_, Ok(())) => self.turns = false,
            // A step begins as a movement along where the protocol knows no steps.
            (Move::Along { .. } | Move::Step { .. }, Err(error)) if !says_no(error) => self.turns = true,
            (_, Err(_)) => {}
        }
    }

    /// Whether a stop must follow this order of itself, should nobody give another one.
    pub(super) fn must_be_watched(&self, order: u64, movement: &Move, result: &Result<(), CameraError>) -> bool {
        let stop_failed = *movement == Move::Stop && result.as_ref().is_err_and(|error| !says_no(error));
        order == self.newest && (self.turns || stop_failed)
    }

    /// Gives the stop that follows an order of itself, where nobody has given another one. Its number.
    pub(super) fn stop_after(&mut self, order: u64) -> Option<u64> {
        (order == self.newest).then(|| self.give(&Move::Stop))
    }
}

/// Whether the camera has understood and does not do it. Asking again changes nothing, and with a wrong password it
/// would lock us out.
pub(super) fn says_no(error: &CameraError) -> bool {
    matches!(
        error,
        CameraError::Unsupported(_) | CameraError::NoPreset(_) | CameraError::Refused | CameraError::PlainPassword
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONG: Move = Move::Along { pan: 1.0, tilt: 0.0, zoom: 0.0, at_most_ms: 2000 };
    const STEP: Move = Move::Step { pan: 1.0, tilt: 0.0, zoom: 0.0 };

    fn preset() -> Move {
        Move::Preset("1".into())
    }

    #[test]
    fn what_waits_gives_way() {
        let check = |waits: Move, waited_ms: u64, then: Option<Move>, expected: bool| {
            let mut orders = Orders::default();
            let order = orders.give(&waits);
            if let Some(then) = &then {
                orders.give(then);
            }
            let goes_out = orders.goes_out(order, &waits, Duration::from_millis(waited_ms));
            assert_eq!(goes_out, expected, "{waits:?} after {waited_ms} ms, then {then:?}");
        };
        for movement in [ALONG, STEP, preset()] {
            check(movement.clone(), 0, None, true);
            check(movement, 0, Some(Move::Stop), false);
        }
        check(ALONG, 1_999, None, true);
        check(ALONG, 2_000, None, false);
        check(ALONG, 0, Some(ALONG), false);
        check(ALONG, 0, Some(preset()), false);
        check(STEP, 9_000, Some(STEP), true);
        check(preset(), 9_000, Some(ALONG), true);
        for then in [None, Some(Move::Stop), Some(ALONG), Some(preset())] {
            check(Move::Stop, 9_000, then, true);
        }
    }

    #[test]
    fn what_came_after_a_stop_goes_out() {
        let mut orders = Orders::default();
        orders.give(&Move::Stop);
        let order = orders.give(&ALONG);
        assert!(orders.goes_out(order, &ALONG, Duration::ZERO));
    }

    #[test]
    fn what_may_turn_on_is_watched() {
        let ok = || Ok(());
        let silent = || Err(CameraError::Silent);
        let no = || Err(CameraError::Unsupported("it has no head".into()));
        let failed = || Err(CameraError::Failed("it has too much to do".into()));
        let check = |orders: &[(Move, Result<(), CameraError>)], expected: bool| {
            let (mut all, mut watched) = (Orders::default(), false);
            for (movement, result) in orders {
                let order = all.give(movement);
                all.answered(movement, result);
                watched = all.must_be_watched(order, movement, result);
                assert_eq!(all.stop_after(order), Some(order + 1), "nobody has given another one");
            }
            assert_eq!(watched, expected, "{orders:?}");
        };
        check(&[(ALONG, ok())], true);
        check(&[(ALONG, silent())], true);
        check(&[(ALONG, failed())], true);
        check(&[(ALONG, no())], false);
        check(&[(ALONG, ok()), (ALONG, no())], true);
        check(&[(ALONG, ok()), (ALONG, silent())], true);
        check(&[(ALONG, ok()), (preset(), failed())], true);
        check(&[(ALONG, ok()), (preset(), ok())], false);
        check(&[(ALONG, ok()), (STEP, ok())], false);
        check(&[(ALONG, ok()), (Move::Stop, ok())], false);
        check(&[(ALONG, ok()), (Move::Stop, silent())], true);
        check(&[(ALONG, ok()), (Move::Stop, no())], true);
        check(&[(Move::Stop, silent())], true);
        check(&[(Move::Stop, no())], false);
        check(&[(STEP, silent())], true);
        check(&[(preset(), silent())], false);
    }

    #[test]
    fn only_the_newest_order_is_followed_by_a_stop() {
        let mut orders = Orders::default();
        let first = orders.give(&ALONG);
        orders.answered(&ALONG, &Ok(()));
        let second = orders.give(&ALONG);
        assert!(!orders.must_be_watched(first, &ALONG, &Ok(())));
        assert_eq!(orders.stop_after(first), None, "it was renewed");
        let stop = orders.stop_after(second);
        assert_eq!(stop, Some(3));
        assert_eq!(orders.stop_after(second), None, "it was stopped");
        let again = orders.stop_after(3);
        assert_eq!(again, Some(4), "a stop that failed is followed by another");
    }
}
