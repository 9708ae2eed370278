//! What the caller wants of a port.

use crate::address::Address;
use crate::hash::Seeded;
use crate::ids::{NetworkId, Tag};
use crate::table::Slot;
use crate::tenant::acl::AclId;
use crate::tenant::network::{Domain, Subnet};
use policy::net::{MacAddr, Vsid};
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};

/// Policy of one VM port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortPolicy {
    /// MAC that the VM must use.
    pub mac: MacAddr,
    /// Network of all its addresses.
    pub network: NetworkId,
    /// At least one; the first is the primary, whose list governs local addresses that are not listed.
    pub addresses: Vec<PortAddress>,
    /// Cap on what the VM sends, in Mbit/s.
    pub outbound_maximum_mbps: Option<NonZeroU64>,
    /// Cap on what the VM receives, in Mbit/s.
    pub inbound_maximum_mbps: Option<NonZeroU64>,
    /// Frames with a foreign source MAC may leave the VM.
    pub mac_spoofing: bool,
    /// DHCP server messages from the VM are dropped.
    pub dhcp_guard: bool,
    /// Most flows of the port, if fewer than [`crate::Limits::flows_per_port`].
    pub flow_limit: Option<NonZeroU32>,
}

/// One customer address of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortAddress {
    /// The address.
    pub ca: IpAddr,
    /// Its subnet.
    pub vsid: Vsid,
    /// List of this address, judged before the subnet's.
    pub acl: Option<AclId>,
}

/// A policy in force.
pub(crate) struct Enforced {
    pub(crate) tag: Tag,
    pub(crate) policy: PortPolicy,
    /// Where the switch keeps the network.
    pub(crate) domain: Slot,
    primary: PortAddress,
    addresses: HashMap<Address, PortAddress, Seeded>,
}

impl Enforced {
    /// `None` when the policy has no address.
    pub(crate) fn new(tag: Tag, policy: PortPolicy, domain: Slot, seed: Seeded) -> Option<Self> {
        let primary = *policy.addresses.first()?;
        let mut addresses = HashMap::with_hasher(seed);
        addresses.extend(policy.addresses.iter().map(|address| (address.ca.into(), *address)));
        Some(Self { tag, policy, domain, primary, addresses })
    }

    /// The port's entry for an address.
    pub(crate) fn address(&self, address: Address) -> Option<&PortAddress> {
        self.addresses.get(&address)
    }

    /// The entry that stands for the port where one must be chosen.
    pub(crate) fn primary(&self) -> &PortAddress {
        &self.primary
    }

    /// The subnet of one of the port's addresses; of the primary for any other. `None` while the network lacks it.
    pub(crate) fn subnet<'a>(&self, address: Address, domain: &'a Domain) -> Option<&'a Subnet> {
        let own = self.address(address).unwrap_or(&self.primary);
        domain.subnet_of(own.ca.into()).filter(|subnet| subnet.vsid == own.vsid)
    }

    /// Whether a list is attached to one of the addresses.
    pub(crate) fn uses_acl(&self, acl: AclId) -> bool {
        self.policy.addresses.iter().any(|address| address.acl == Some(acl))
    }
}
