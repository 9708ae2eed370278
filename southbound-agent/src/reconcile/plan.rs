//! What has to change, and in which order. Pure.

use crate::driver::{Key, Programmed, Step};
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// Objects that are not as `goal` wants them, or that it does not want at all.
pub(crate) fn differences(goal: &Programmed, actual: &Programmed) -> BTreeSet<Key> {
    let mut keys = BTreeSet::new();
    if goal.host != actual.host {
        keys.insert(Key::Host);
    }
    keys.extend(differing(&goal.acls, &actual.acls).map(|id| Key::Acl(*id)));
    keys.extend(differing(&goal.networks, &actual.networks).map(|id| Key::Network(*id)));
    let mappings = differing(&goal.mappings, &actual.mappings);
    keys.extend(mappings.map(|(network, vsid, ca)| Key::Mapping(*network, *vsid, *ca)));
    keys.extend(differing(&goal.ports, &actual.ports).map(|id| Key::Port(*id)));
    keys
}

fn differing<'a, K: Eq + Hash, V: PartialEq>(
    goal: &'a HashMap<K, V>,
    actual: &'a HashMap<K, V>,
) -> impl Iterator<Item = &'a K> {
    let changed = goal.iter().filter(|(key, value)| actual.get(key) != Some(value)).map(|(key, _)| key);
    changed.chain(actual.keys().filter(|key| !goal.contains_key(key)))
}

/// Puts steps into an order in which no port is ever less protected or less connected than both before and after:
/// ports that lose everything lose it first; new lists, networks and mappings are there before a port uses them; what
/// is no longer used goes last.
pub(crate) fn ordered(mut steps: Vec<Step>) -> Vec<Step> {
    steps.sort_by_key(Step::rank);
    steps
}
