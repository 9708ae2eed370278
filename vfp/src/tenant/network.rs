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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_the_subnet_of_its_own_family_that_holds_it() {
        let subnet = |vsid, prefix: &str| Subnet {
            vsid: Vsid::new(vsid).unwrap(),
            prefix: prefix.parse().unwrap(),
            router: IpAddr::from([0; 4]),
            acl: None,
        };
        let subnets =
            vec![subnet(3, "fd00:1::/64"), subnet(2, "10.0.2.0/24"), subnet(4, "::/64"), subnet(1, "10.0.0.0/24")];
        let network = Network { router_mac: MacAddr::BROADCAST, subnets };
        let domain = Domain::new(Tag(0), network, Seeded(0)).unwrap();
        for (address, vsid) in [
            ("9.255.255.255", None),
            ("10.0.0.0", Some(1)),
            ("10.0.0.255", Some(1)),
            ("10.0.1.0", None),
            ("10.0.2.7", Some(2)),
            ("10.0.3.0", None),
            ("fd00:1::7", Some(3)),
            ("fd00:2::7", None),
            ("::7", Some(4)),
        ] {
            let found = domain.subnet_of(address.parse::<IpAddr>().unwrap().into());
            assert_eq!(found.map(|subnet| subnet.vsid.get()), vsid, "{address}");
        }
    }
}
