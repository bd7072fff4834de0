//! What to add, change and remove so that the old becomes the new.

use std::collections::BTreeMap;

/// The difference of two lists of things with ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference<'a, T> {
    /// In the new list only, in its order.
    pub to_add: Vec<&'a T>,
    /// In both, and not equal: the old one and the new one, in the new list's order.
    pub to_change: Vec<(&'a T, &'a T)>,
    /// In the old list only, in its order.
    pub to_remove: Vec<&'a T>,
}

impl<T> Difference<'_, T> {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.to_add.is_empty() && self.to_change.is_empty() && self.to_remove.is_empty()
    }
}

/// Compares two lists. Where an id comes twice in a list, its last one counts.
pub fn diff<'a, T: PartialEq, K: Ord>(old: &'a [T], new: &'a [T], id: impl Fn(&'a T) -> K) -> Difference<'a, T> {
    let before: BTreeMap<K, usize> = old.iter().enumerate().map(|(i, one)| (id(one), i)).collect();
    let after: BTreeMap<K, usize> = new.iter().enumerate().map(|(i, one)| (id(one), i)).collect();
    let mut difference = Difference { to_add: Vec::new(), to_change: Vec::new(), to_remove: Vec::new() };
    for (_, one) in new.iter().enumerate().filter(|(i, one)| after[&id(one)] == *i) {
        match before.get(&id(one)).map(|b| &old[*b]) {
            None => difference.to_add.push(one),
            Some(was) if was != one => difference.to_change.push((was, one)),
            Some(_) => {}
        }
    }
    for (i, one) in old.iter().enumerate() {
        if before[&id(one)] == i && !after.contains_key(&id(one)) {
            difference.to_remove.push(one);
        }
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_kind_of_difference() {
        let old = [(1, 'a'), (2, 'b'), (3, 'c')];
        let new = [(4, 'd'), (3, 'C'), (1, 'a')];
        let difference = diff(&old, &new, |one| one.0);
        assert_eq!(difference.to_add, [&(4, 'd')]);
        assert_eq!(difference.to_change, [(&(3, 'c'), &(3, 'C'))]);
        assert_eq!(difference.to_remove, [&(2, 'b')]);
        assert!(diff(&old, &old, |one| one.0).is_empty());
    }

    proptest! {
        #[test]
        fn doing_it_makes_the_new_out_of_the_old(
            old in prop::collection::btree_map(0..20u8, 0..3u8, 0..20),
            new in prop::collection::btree_map(0..20u8, 0..3u8, 0..20),
        ) {
            let list = |map: &BTreeMap<u8, u8>| map.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>();
            let (before, after) = (list(&old), list(&new));
            let difference = diff(&before, &after, |one| one.0);
            let mut made = old;
            for (id, _) in &difference.to_remove {
                prop_assert!(made.remove(id).is_some());
            }
            for (was, is) in &difference.to_change {
                prop_assert_eq!(made.insert(is.0, is.1), Some(was.1));
            }
            for (id, value) in &difference.to_add {
                prop_assert_eq!(made.insert(*id, *value), None);
            }
            prop_assert_eq!(made, new);
        }
    }
}
