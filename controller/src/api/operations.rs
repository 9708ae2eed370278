//! Operations that writes have started. All of them are finished by the time their client learns of them. Contract
//! section 5.

use crate::engine::world::Key;
use crate::resources::schema::Collection;
use crate::resources::version::Version;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// What an operation did.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    /// A PUT of this document, through this version.
    Put(&'static Collection, Key, Version),
    /// A DELETE.
    Delete,
}

/// The latest operations.
#[derive(Debug, Default)]
pub(super) struct Operations(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    by_id: HashMap<Uuid, Operation>,
    /// Oldest first.
    order: VecDeque<Uuid>,
}

/// How many are remembered.
const CAPACITY: usize = 100_000;

impl Operations {
    pub(super) fn record(&self, id: Uuid, operation: Operation) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.order.len() == CAPACITY
            && let Some(oldest) = ring.order.pop_front()
        {
            ring.by_id.remove(&oldest);
        }
        ring.by_id.insert(id, operation);
        ring.order.push_back(id);
    }

    pub(super) fn get(&self, id: Uuid) -> Option<Operation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_id.get(&id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_operations_are_remembered_and_no_more() {
        let operations = Operations::default();
        let id = |n: usize| Uuid::from_u128(n as u128);
        (0..=CAPACITY).for_each(|n| operations.record(id(n), Operation::Delete));
        assert!(operations.get(id(0)).is_none());
        assert!(operations.get(id(1)).is_some());
        assert!(operations.get(id(CAPACITY)).is_some());
        assert_eq!(operations.0.lock().unwrap().by_id.len(), CAPACITY);
    }
}
