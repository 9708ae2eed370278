//! What guests asked for, counted by network interface.

use policy::ids::NicId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counters of one network interface since its port was attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Requests, whatever became of them.
    pub requests: u64,
    /// Bytes of answers, without their heads.
    pub bytes: u64,
    /// Requests that were refused: wrong method, malformed, over the rate, or nothing in force for the port.
    pub refused: u64,
    /// Requests for paths that no document is found under.
    pub unknown_paths: u64,
    /// Frames over the rate, which were dropped.
    pub frames_dropped: u64,
}

impl Counts {
    /// All of them by name.
    pub(crate) fn list(&self) -> [(&'static str, u64); 5] {
        let Self { requests, bytes, refused, unknown_paths, frames_dropped } = *self;
        [
            ("requests", requests),
            ("bytes", bytes),
            ("refused", refused),
            ("unknown_paths", unknown_paths),
            ("frames_dropped", frames_dropped),
        ]
    }
}

/// Counters by network interface.
#[derive(Debug, Default)]
pub(crate) struct Statistics(Mutex<BTreeMap<NicId, Counts>>);

impl Statistics {
    /// Counts for a port from now on, if it is not done already.
    pub(crate) fn begin(&self, nic: NicId) {
        self.lock().entry(nic).or_default();
    }

    /// Changes the counters of one. Frames that come late, from a port that is gone, are not counted.
    pub(super) fn count(&self, nic: NicId, change: impl FnOnce(&mut Counts)) {
        if let Some(counts) = self.lock().get_mut(&nic) {
            change(counts);
        }
    }

    /// Counters of one; all zero if it has asked for nothing.
    pub(crate) fn of(&self, nic: NicId) -> Counts {
        self.lock().get(&nic).copied().unwrap_or_default()
    }

    /// The port is gone.
    pub(crate) fn forget(&self, nic: NicId) {
        self.lock().remove(&nic);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NicId, Counts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
