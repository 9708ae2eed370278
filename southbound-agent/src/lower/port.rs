//! Ports: addresses refer to virtual subnet ids and to the variants of their lists.

use crate::lower::acl::Variant;
use crate::lower::network;
use crate::lower::tag::TagBuilder;
use policy::goal_state::ContentHash;
use policy::ids::{AclId, NetworkId, NicId, SubnetId};
use policy::net::{MacAddr, Vsid};
use policy::port::Port;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};
use uuid::Uuid;
use vfp::{PortPolicy, Tag};

/// The engine's name of a port.
pub(crate) fn id(nic: NicId) -> vfp::PortId {
    vfp::PortId(nic.0.as_u128())
}

/// The NIC whose port the engine knows by this name.
pub(crate) fn nic(id: vfp::PortId) -> NicId {
    NicId(Uuid::from_u128(id.0))
}

/// Why a port's policy cannot be put in force: the port drops everything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    /// Nothing has been said of the port, or only that it has no address on a virtual network.
    #[error("no policy for the port has arrived")]
    NoPolicy,
    /// See `semantics.md` 6.1.
    #[error("the port has the MAC address {actual}, its policy is for {expected}")]
    WrongMac { expected: MacAddr, actual: MacAddr },
    #[error("network {0} is not in the goal state")]
    NoNetwork(NetworkId),
    #[error("subnet {subnet} of address {ca} is not in network {network}")]
    NoSubnet { ca: IpAddr, subnet: SubnetId, network: NetworkId },
    #[error("access control list {0} is not in the goal state")]
    NoAcl(AclId),
}

/// What a port's address refers to, looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ResolvedAddress {
    pub(super) vsid: Vsid,
    pub(super) acl: Option<Variant>,
}

/// Name of the port's content.
pub(super) fn tag(section: ContentHash, addresses: &[ResolvedAddress]) -> Tag {
    let mut tag = TagBuilder::new().add(section);
    for ResolvedAddress { vsid, acl } in addresses {
        tag = tag.add(vsid).add(acl.map_or(0, |acl| acl.id().0));
    }
    tag.tag()
}

/// The policy as the engine takes it; `resolved` are the port's addresses, in its order.
pub(super) fn lower(port: &Port, network: NetworkId, resolved: &[ResolvedAddress]) -> PortPolicy {
    let Port { nic: _, mac, network: _, addresses, qos, guards, secondary: _, dns_servers: _ } = port;
    let address = |(address, resolved): (&policy::port::PortAddress, &ResolvedAddress)| {
        let address = (address.primary, address.ca);
        let acl = resolved.acl.map(Variant::id);
        (address.0, vfp::PortAddress { ca: address.1, vsid: resolved.vsid, acl })
    };
    let mut addresses: Vec<_> = addresses.iter().zip(resolved).map(address).collect();
    // The engine takes the first for the primary. The sort is stable: the others keep their order.
    addresses.sort_by_key(|(primary, _)| !primary);
    PortPolicy {
        mac: *mac,
        network: network::id(network),
        addresses: addresses.into_iter().map(|(_, address)| address).collect(),
        outbound_maximum_mbps: NonZeroU64::new(qos.outbound_maximum_mbps),
        inbound_maximum_mbps: NonZeroU64::new(qos.inbound_maximum_mbps),
        mac_spoofing: guards.mac_spoofing,
        dhcp_guard: guards.dhcp_guard,
        flow_limit: NonZeroU32::new(u32::try_from(guards.flow_limit).unwrap_or(u32::MAX)),
    }
}
