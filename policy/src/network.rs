//! Section `network/<rdid>/routes`: the shape of one virtual network, without its addresses.

use crate::ids::{AclId, NetworkId, SubnetId};
use crate::net::{MacAddr, Prefix, Vsid};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One routing domain: the subnets that the distributed router joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The routing domain.
    pub id: NetworkId,
    /// `addressSpace.addressPrefixes`: the service tag VIRTUALNETWORK.
    pub address_space: Vec<Prefix>,
    /// Source of every frame the distributed router sends; the same on every host.
    pub router_mac: MacAddr,
    /// Ordered by VSID.
    pub subnets: Vec<Subnet>,
    /// `dhcpOptions.dnsServers`: resolvers for NICs that name none of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<IpAddr>,
}

/// One virtual subnet: a broadcast domain with its VSID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// The subnet.
    pub id: SubnetId,
    /// VNI on the wire.
    pub vsid: Vsid,
    /// Addresses of the subnet.
    pub prefix: Prefix,
    /// Address of the distributed router: the lowest host address (`semantics.md` 3.4).
    pub router: IpAddr,
    /// List for every NIC in the subnet. Its section is in the goal state of hosts with a port in the subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<AclId>,
}
