//! Span: which hosts need a network, a subnet or a list, counted by use.

use policy::ids::{AclId, HostId, NetworkId, SubnetId};
use std::collections::{BTreeSet, HashMap};

/// Something that a host needs as long as one of its ports uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Item {
    /// A port is in the network: routes and all mappings.
    Network(NetworkId),
    /// A port has an address in the subnet: the subnet's list.
    Subnet(NetworkId, SubnetId),
    /// An address of a port names the list, or a subnet of the host does.
    Acl(AclId),
}

/// Use counts per host, and the hosts by what they use.
#[derive(Debug, Default)]
pub(super) struct Span {
    uses: HashMap<(Item, HostId), usize>,
    hosts: HashMap<Item, BTreeSet<HostId>>,
}

impl Span {
    /// Counts one more use. True when it is the host's first.
    pub(super) fn enter(&mut self, item: Item, host: HostId) -> bool {
        let uses = self.uses.entry((item, host)).or_default();
        *uses += 1;
        *uses == 1 && self.hosts.entry(item).or_default().insert(host)
    }

    /// Counts one use less. True when it was the host's last.
    pub(super) fn leave(&mut self, item: Item, host: HostId) -> bool {
        let Some(uses) = self.uses.get_mut(&(item, host)) else { return false };
        *uses -= 1;
        if *uses > 0 {
            return false;
        }
        self.uses.remove(&(item, host));
        if let Some(hosts) = self.hosts.get_mut(&item) {
            hosts.remove(&host);
            if hosts.is_empty() {
                self.hosts.remove(&item);
            }
        }
        true
    }

    /// Whether the host uses the item.
    pub(super) fn holds(&self, item: Item, host: HostId) -> bool {
        self.uses.contains_key(&(item, host))
    }

    /// Hosts that use the item.
    pub(super) fn hosts(&self, item: Item) -> impl Iterator<Item = HostId> {
        self.hosts.get(&item).into_iter().flatten().copied()
    }
}
