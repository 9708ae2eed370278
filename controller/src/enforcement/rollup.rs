//! State of what many NICs share, from the states of the NICs. `semantics.md` section 7, contract 9.2.

use super::{State, Status};
use policy::ids::{HostId, NicId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// State of an access control list or of a virtual network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollUp {
    /// `virtualNetworkInterfaceErrors`: the failing NICs, by id.
    pub nics: BTreeMap<NicId, Arc<State>>,
    /// `hostErrors`: the failing hosts among those that carry these NICs, by id.
    pub hosts: BTreeMap<HostId, Arc<State>>,
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

/// Failing NICs with their hosts' states, in any order.
pub(super) fn roll_up(failing: impl Iterator<Item = (NicId, Arc<State>, Option<(HostId, Arc<State>)>)>) -> RollUp {
    let mut rolled = RollUp::default();
    for (nic, state, host) in failing {
        rolled.nics.insert(nic, state);
        rolled.hosts.extend(host.filter(|(_, state)| state.status == Status::Failure));
    }
    rolled
}
