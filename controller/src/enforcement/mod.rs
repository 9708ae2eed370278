//! What came of the goal states: which hosts answer, what they confirmed, and what it means for NICs.
//!
//! One shared object. The compile task and the pushers write to it, handlers and `/metrics` read from it; every read is
//! a short look under a lock.

mod rollup;
mod state;

pub use rollup::RollUp;
pub use state::{Code, Detail, Source, State, Status};

use policy::ids::{Generation, HostId, NicId};
use std::sync::Arc;
use std::time::Duration;

/// How far a change got, for `x-nc-enforced`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforced {
    /// Every host in the span of the change confirmed it (also when there is no such host).
    All,
    /// Some did.
    Partial,
    /// None did.
    None,
}

impl Enforced {
    /// The word of the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Partial => "partial",
            Self::None => "none",
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Enforcement {}

impl Enforcement {
    /// Nothing known yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A number that differs from every earlier one as soon as any state has changed: for caches of rendered documents.
    pub fn stamp(&self) -> u64 {
        0
    }

    /// The same for one NIC; 0 while it is not bound to a host.
    pub fn nic_stamp(&self, _nic: NicId) -> u64 {
        0
    }

    /// State of a NIC; `None` while it is not bound to a host.
    pub fn nic_state(&self, _nic: NicId) -> Option<Arc<State>> {
        None
    }

    /// State of a host; `None` while it is not known.
    pub fn host_state(&self, _host: HostId) -> Option<Arc<State>> {
        None
    }

    /// State of something that many NICs use (`accessControlLists`, `virtualNetworks`); `uses` says whether a NIC is
    /// one of them. Costs one call of `uses` per failing NIC, not per NIC.
    pub fn roll_up(&self, uses: impl Fn(NicId) -> bool) -> RollUp {
        rollup::roll_up(Vec::new().into_iter().filter(|(nic, _, _)| uses(*nic)))
    }

    /// Waits until every host that answers and whose goal state `generation` changed has confirmed it, at most for
    /// `timeout`.
    pub async fn wait(&self, _generation: Generation, _timeout: Duration) -> Enforced {
        Enforced::None
    }

    /// Appends the counters of every host in the Prometheus text format.
    pub fn write_metrics(&self, _out: &mut String) {}
}
