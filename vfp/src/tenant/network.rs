//! A routing domain: its subnets, and the map from customer to provider addresses.

use crate::address::Address;
use crate::hash::Seeded;
use crate::ids::{PortId, Tag};
use crate::mapping_space::MappingSpace;
use crate::switch::PolicyError;
use crate::table::Slot;
use crate::tenant::acl::AclId;
use policy::net::{MacAddr, Prefix, Vsid};
use std::collections::HashMap;
use std::net::IpAddr;

/// Shape of one virtual network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// MAC of the distributed router, the same on every host. (`semantics.md` 3.4)
    pub router_mac: MacAddr,
    /// Subnets that the router joins; no two may overlap.
    pub subnets: Vec<Subnet>,
}

/// One virtual subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Virtual subnet id, also the VXLAN network identifier.
    pub vsid: Vsid,
    /// Addresses of the subnet.
    pub prefix: Prefix,
    /// Address of the distributed router in the subnet.
    pub router: IpAddr,
    /// List for every port in the subnet.
    pub acl: Option<AclId>,
}

/// Where a customer address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// MAC of the NIC that owns the address; several addresses may share one.
    pub mac: MacAddr,
    /// Provider address of the host that the NIC is on.
    pub pa: IpAddr,
}

/// A network as the switch keeps it: shape, mappings, and which addresses are on this host.
pub(crate) struct Domain {
    pub(crate) tag: Tag,
    /// Value of the switch's epoch when anything that concerns the network's flows last changed.
    pub(crate) epoch: u64,
    pub(crate) router_mac: MacAddr,
    /// By prefix; none overlaps the next.
    subnets: Vec<Subnet>,
    pub(crate) space: MappingSpace,
    /// Ports of this host by their addresses.
    pub(crate) local: HashMap<Address, LocalPort, Seeded>,
}

/// A port of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LocalPort {
    pub(crate) id: PortId,
    pub(crate) slot: Slot,
    pub(crate) mac: MacAddr,
    /// Subnet of the address.
    pub(crate) vsid: Vsid,
}

impl Domain {
    /// # Errors
    /// [`PolicyError::OverlappingSubnets`].
    pub(crate) fn new(tag: Tag, network: Network, seed: Seeded) -> Result<Self, PolicyError> {
        let Network { router_mac, mut subnets } = network;
        subnets.sort_unstable_by_key(|subnet| Address::from(subnet.prefix.network()));
        let overlap = subnets.windows(2).find(|pair| pair[0].prefix.overlaps(&pair[1].prefix));
        if let Some([first, second]) = overlap {
            return Err(PolicyError::OverlappingSubnets(first.vsid, second.vsid));
        }
        let (space, local) = (MappingSpace::new(seed), HashMap::with_hasher(seed));
        Ok(Self { tag, epoch: 0, router_mac, subnets, space, local })
    }

    /// Takes the shape of `newer`, and keeps its own mappings and ports.
    pub(crate) fn reshape(&mut self, newer: Self) {
        let Self { tag, epoch: _, router_mac, subnets, space: _, local: _ } = newer;
        (self.tag, self.router_mac, self.subnets) = (tag, router_mac, subnets);
    }

    pub(crate) fn subnets(&self) -> &[Subnet] {
        &self.subnets
    }

    /// The subnet that an address is in.
    pub(crate) fn subnet_of(&self, address: Address) -> Option<&Subnet> {
        let after = self.subnets.partition_point(|subnet| Address::from(subnet.prefix.network()) <= address);
        let subnet = self.subnets.get(after.checked_sub(1)?)?;
        (address <= Address::from(subnet.prefix.last()) && address.is_v4() == subnet.prefix.is_ipv4()).then_some(subnet)
    }

    /// Whether a list is attached to one of the subnets.
    pub(crate) fn uses_acl(&self, acl: AclId) -> bool {
        self.subnets.iter().any(|subnet| subnet.acl == Some(acl))
    }

    /// Where an address of any of the subnets is.
    pub(crate) fn mapping_of(&self, address: Address) -> Option<&Mapping> {
        self.space.get(self.subnet_of(address)?.vsid, address)
    }
}
