//! Who is on the access point: whoever came to its address a moment ago, or still is there.

use super::ADDRESS;
use crate::clock::Clock;
use automation::clock::Running;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// For how long somebody counts who has gone, milliseconds: a password is being looked for, a page is read.
const STAYS_MS: u64 = 120_000;

#[derive(Debug, Default)]
struct State {
    up: bool,
    here: u32,
    last: Option<Running>,
}

/// The guests.
#[derive(Debug)]
pub struct Guests {
    clock: Clock,
    state: Mutex<State>,
}

impl Guests {
    /// Nobody is there.
    pub fn new(clock: &Clock) -> Arc<Guests> {
        Arc::new(Guests { clock: clock.clone(), state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The access point came, or went.
    pub(super) fn set_up(&self, up: bool) {
        let mut state = self.state();
        if !up {
            state.last = None;
        }
        state.up = up;
    }

    /// Somebody connects to an address of ours: a guest where that is the access point's, until the guest is dropped.
    pub fn enter(self: &Arc<Self>, ours: IpAddr) -> Option<Guest> {
        let mut state = self.state();
        if !state.up || ours.to_canonical() != IpAddr::V4(ADDRESS) {
            return None;
        }
        state.here += 1;
        Some(Guest { guests: self.clone() })
    }

    /// Whether somebody is there.
    pub(super) fn any(&self) -> bool {
        let state = self.state();
        let lately = state.last.is_some_and(|last| self.clock.running().ms_since(last) < STAYS_MS);
        state.here > 0 || lately
    }
}

/// Somebody who is connected by the access point.
#[derive(Debug)]
pub struct Guest {
    guests: Arc<Guests>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        let now = self.guests.clock.running();
        let mut state = self.guests.state();
        state.here = state.here.saturating_sub(1);
        state.last = Some(now).filter(|_| state.up);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_comes_by_the_access_point_is_a_guest() {
        let guests = Guests::new(&Clock::new().unwrap());
        let ours: IpAddr = "10.42.0.1".parse().unwrap();
        assert!(guests.enter(ours).is_none(), "it is not up");
        guests.set_up(true);
        assert!(guests.enter("192.168.1.9".parse().unwrap()).is_none() && !guests.any());
        let guest = guests.enter("::ffff:10.42.0.1".parse().unwrap());
        assert!(guest.is_some() && guests.any());
        drop(guest);
        assert!(guests.any(), "a moment ago");
        guests.set_up(false);
        assert!(!guests.any());
    }
}
