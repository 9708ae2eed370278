//! State of what many NICs share, from the states of the NICs. `semantics.md` section 7, contract 9.2.

use super::state::{State, Status};
use policy::ids::{HostId, NicId};
use std::collections::BTreeMap;
use std::sync::Arc;
use time::OffsetDateTime;

/// State of an access control list or of a virtual network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollUp {
    /// `virtualNetworkInterfaceErrors`: the failing NICs, by id.
    pub nics: BTreeMap<NicId, Arc<State>>,
    /// `hostErrors`: the failing hosts among those that carry these NICs, by id.
    pub hosts: BTreeMap<HostId, Arc<State>>,
    /// When it came to this.
    pub changed_at: OffsetDateTime,
}

impl RollUp {
    /// Failure when any NIC fails; else nothing is wrong.
    pub fn status(&self) -> Status {
        match self.nics.is_empty() {
            true => Status::Success,
            false => Status::Failure,
        }
    }
}

/// A NIC that fails, on its host.
#[derive(Clone, Debug)]
pub(super) struct Failing {
    pub(super) nic: (NicId, Arc<State>),
    pub(super) host: (HostId, Option<Arc<State>>),
}

/// Rolls failing NICs up, in any order. `healthy_since` is the time of a roll-up without any.
pub(super) fn roll_up(failing: impl Iterator<Item = Failing>, healthy_since: OffsetDateTime) -> RollUp {
    let mut rolled = RollUp { nics: BTreeMap::new(), hosts: BTreeMap::new(), changed_at: healthy_since };
    for Failing { nic: (nic, state), host: (host, host_state) } in failing {
        rolled.changed_at = match rolled.nics.is_empty() {
            true => state.changed_at,
            false => rolled.changed_at.max(state.changed_at),
        };
        rolled.nics.insert(nic, state);
        let failed = host_state.filter(|state| state.status == Status::Failure);
        rolled.hosts.extend(failed.map(|state| (host, state)));
    }
    rolled
}
