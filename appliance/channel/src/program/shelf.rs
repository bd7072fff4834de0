//! A shelf of drawn things with a limit, which never lets go what is in use.
//!
//! ```text
//! put aside ──room──► ahead ──asked for──► in use ──turns pass──► used
//!     └──none──► (drawn when it is asked for)           └──no room for another──► gone
//! ```
//! What was asked for in this turn stays. Of the rest goes first what was not asked for the longest, and what was put
//! aside for later goes last, the latest first.

/// The shelf: what was asked to be made, and what was made of it.
#[derive(Debug)]
pub(super) struct Shelf<K, V> {
    places: Vec<Place<K, V>>,
    limit: usize,
    turn: u64,
}

#[derive(Debug)]
struct Place<K, V> {
    key: K,
    value: Option<V>,
    /// The turn in which it was asked for last; none where it was put aside for later.
    asked: Option<u64>,
}

impl<K: PartialEq + Clone, V> Shelf<K, V> {
    /// An empty one with room for so many.
    pub(super) fn new(limit: usize) -> Shelf<K, V> {
        Shelf { places: Vec::new(), limit, turn: 0 }
    }

    /// The next turn begins: what is asked for from now on is in use.
    pub(super) fn turn(&mut self) {
        self.turn += 1;
    }

    /// Makes a place for something that will be asked for later. Answers whether it shall be made: not where it is here
    /// already, nor where there is no room.
    pub(super) fn put_aside(&mut self, key: &K) -> bool {
        let is_new = self.places.len() < self.limit && self.place(key).is_none();
        if is_new {
            self.places.push(Place { key: key.clone(), value: None, asked: None });
        }
        is_new
    }

    /// Asks for something. Answers whether it shall be made: where it is not here.
    pub(super) fn ask(&mut self, key: &K) -> bool {
        let turn = self.turn;
        if let Some(place) = self.place(key) {
            place.asked = Some(turn);
            return false;
        }
        while self.places.len() >= self.limit && self.make_room() {}
        self.places.push(Place { key: key.clone(), value: None, asked: Some(turn) });
        true
    }

    /// It is made. What is no more wanted is let go.
    pub(super) fn made(&mut self, key: &K, value: V) {
        if let Some(place) = self.place(key) {
            place.value = Some(value);
        }
    }

    /// What was made of it.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.places.iter().find(|place| place.key == *key)?.value.as_ref()
    }

    /// All that was made.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.places.iter().filter_map(|place| place.value.as_ref())
    }

    /// Lets go what is no more wanted.
    pub(super) fn retain(&mut self, wanted: impl Fn(&K) -> bool) {
        self.places.retain(|place| wanted(&place.key));
    }

    fn place(&mut self, key: &K) -> Option<&mut Place<K, V>> {
        self.places.iter_mut().find(|place| place.key == *key)
    }

    /// Lets one go that is not in use. False where all are.
    fn make_room(&mut self) -> bool {
        let unused = self.places.iter().enumerate().rev().filter(|(_, place)| place.asked != Some(self.turn));
        let oldest = unused.min_by_key(|(_, place)| place.asked.unwrap_or(u64::MAX)).map(|(at, _)| at);
        oldest.map(|at| self.places.remove(at)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(shelf: &Shelf<u32, u32>) -> Vec<u32> {
        shelf.places.iter().map(|place| place.key).collect()
    }

    #[test]
    fn what_is_in_use_stays_however_much_is_asked_for() {
        let mut shelf = Shelf::new(4);
        for turn in 0..1000 {
            shelf.turn();
            assert_eq!(shelf.ask(&0), turn == 0, "the title is made once: turn {turn}");
            shelf.made(&0, 7);
            // A clock, say: something new in each turn, beside what stays on air.
            assert!(shelf.ask(&(turn + 1)));
            assert!(keys(&shelf).len() <= 4);
            assert_eq!(shelf.get(&0), Some(&7));
        }
        assert_eq!(keys(&shelf), [0, 998, 999, 1000], "the longest unused has gone first");
    }

    #[test]
    fn what_is_put_aside_goes_last_and_the_latest_of_it_first() {
        let mut shelf: Shelf<u32, u32> = Shelf::new(4);
        assert!((1..=4).all(|key| shelf.put_aside(&key)));
        assert!(!shelf.put_aside(&1), "it is here");
        assert!(!shelf.put_aside(&5), "no room: made when it is asked for");
        shelf.turn();
        assert!(!shelf.ask(&1));
        shelf.turn();
        assert!(shelf.ask(&5));
        assert_eq!(keys(&shelf), [2, 3, 4, 5], "the one that was shown before goes, not those that come");
        assert!(shelf.ask(&6));
        assert_eq!(keys(&shelf), [2, 3, 5, 6], "the latest of those that come");
        shelf.retain(|key| *key != 3);
        assert!(shelf.put_aside(&7));
        assert_eq!(keys(&shelf), [2, 5, 6, 7]);
    }

    #[test]
    fn more_in_use_than_there_is_room_is_kept_until_the_next_turn() {
        let mut shelf: Shelf<u32, u32> = Shelf::new(2);
        shelf.turn();
        assert!((1..=3).all(|key| shelf.ask(&key)));
        assert_eq!(keys(&shelf), [1, 2, 3]);
        shelf.turn();
        assert!(!shelf.ask(&3) && shelf.ask(&4));
        assert_eq!(keys(&shelf), [3, 4]);
        shelf.made(&1, 0);
        assert_eq!(shelf.values().count(), 0, "what was let go as it was made is not kept");
    }
}
