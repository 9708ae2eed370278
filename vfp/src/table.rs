//! A table whose entries have a place: found by key once, and by place from then on.

use crate::hash::Seeded;
use std::collections::HashMap;
use std::hash::Hash;

/// Where an entry is in its table, until it is removed. Another entry may have the place after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(u32);

impl Slot {
    const fn index(self) -> usize {
        self.0 as usize
    }
}

/// At most 2^32 entries.
pub(crate) struct Table<K, V> {
    slots: HashMap<K, Slot, Seeded>,
    entries: Vec<Option<(K, V)>>,
    free: Vec<Slot>,
}

impl<K: Copy + Eq + Hash, V> Table<K, V> {
    pub(crate) fn new(seed: Seeded) -> Self {
        Self { slots: HashMap::with_hasher(seed), entries: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn slot(&self, key: &K) -> Option<Slot> {
        self.slots.get(key).copied()
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.slots.contains_key(key)
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&V> {
        self.entries.get(slot.index())?.as_ref().map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut V> {
        self.entries.get_mut(slot.index())?.as_mut().map(|(_, value)| value)
    }

    pub(crate) fn key(&self, slot: Slot) -> Option<K> {
        self.entries.get(slot.index())?.as_ref().map(|(key, _)| *key)
    }

    pub(crate) fn find(&self, key: &K) -> Option<&V> {
        self.get(self.slot(key)?)
    }

    pub(crate) fn find_mut(&mut self, key: &K) -> Option<&mut V> {
        self.get_mut(self.slot(key)?)
    }

    /// Adds an entry. One with the same key gives its place, and is returned.
    pub(crate) fn insert(&mut self, key: K, value: V) -> (Slot, Option<V>) {
        let known = self.slot(&key).or_else(|| self.free.pop());
        let slot = known.unwrap_or_else(|| {
            self.entries.push(None);
            Slot(u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX))
        });
        self.slots.insert(key, slot);
        let entry = self.entries.get_mut(slot.index());
        let old = entry.and_then(|entry| entry.replace((key, value))).map(|(_, old)| old);
        (slot, old)
    }

    /// Adds an entry, or brings the one with the same key up to date with `merge`.
    pub(crate) fn put(&mut self, key: K, value: V, merge: impl FnOnce(&mut V, V)) -> Slot {
        let Some(slot) = self.slot(&key) else { return self.insert(key, value).0 };
        if let Some(old) = self.get_mut(slot) {
            merge(old, value);
        }
        slot
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let slot = self.slots.remove(key)?;
        let (_, value) = self.entries.get_mut(slot.index())?.take()?;
        self.free.push(slot);
        if self.slots.is_empty() {
            // Nothing is left: give the memory of a past peak back.
            (self.entries, self.free) = (Vec::new(), Vec::new());
            self.slots.shrink_to_fit();
        }
        Some(value)
    }

    /// In no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.entries.iter().flatten().map(|(key, value)| (*key, value))
    }

    /// In no order.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().flatten().map(|(_, value)| value)
    }

    /// Removes what is `unwanted` among the entries in `budget` places from `hand` on, going round. Returns the place
    /// after the last that was looked at.
    pub(crate) fn sweep(&mut self, hand: usize, budget: usize, mut unwanted: impl FnMut(&V) -> bool) -> usize {
        let mut at = hand;
        for _ in 0..budget.min(self.entries.len()) {
            at = if at < self.entries.len() { at } else { 0 };
            let entry = self.entries.get(at).and_then(Option::as_ref);
            if let Some((key, _)) = entry.filter(|(_, value)| unwanted(value)) {
                let key = *key;
                self.remove(&key);
            }
            at += 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_keeps_its_place_while_others_come_and_go() {
        let mut table = Table::new(Seeded(1));
        (0..10_u64).for_each(|key| assert_eq!(table.insert(key, key * 10).1, None));
        let slot = table.slot(&7).unwrap();
        (0..7_u64).for_each(|key| assert_eq!(table.remove(&key), Some(key * 10)));
        (20..40_u64).for_each(|key| assert_eq!(table.insert(key, 0).1, None));
        assert_eq!((table.get(slot), table.key(slot), table.slot(&7)), (Some(&70), Some(7), Some(slot)));
        assert_eq!(table.insert(7, 71), (slot, Some(70)));
        assert_eq!((table.get(slot), table.len()), (Some(&71), 23));
        assert_eq!(table.entries.len(), 23, "freed places are used again");
    }

    #[test]
    fn sweeping_goes_round_and_stops_at_its_budget() {
        let mut table = Table::new(Seeded(1));
        (0..6_u64).for_each(|key| assert_eq!(table.insert(key, key).1, None));
        let keys = |table: &Table<u64, u64>| table.iter().map(|(key, _)| key).collect::<Vec<_>>();
        let hand = table.sweep(0, 2, |value| value % 2 == 1);
        assert_eq!(keys(&table), [0, 2, 3, 4, 5]);
        let hand = table.sweep(hand, 100, |value| value % 2 == 1);
        assert_eq!(keys(&table), [0, 2, 4]);
        table.sweep(hand, 100, |_| true);
        assert_eq!((table.len(), table.entries.capacity()), (0, 0), "an empty table holds no memory");
    }
}
