//! An HNS network. [HCN schema, HostComputeNetwork; `hcn.md` section 3]

use super::policy::{DashedMac, Policy};
use policy::net::Prefix;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use uuid::Uuid;

/// [`HostComputeNetwork::owner`] of networks that this program makes.
pub const OWNER: &str = "private-cloud-plugin";

/// The document that creates a network, and that a query answers with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostComputeNetwork {
    /// Absent on creation when HNS may choose.
    #[serde(rename = "ID", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Unique among our networks.
    pub name: String,
    /// Who made it: only what is ours is ever made anew.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// Which driver. HNS leaves it out when it describes a NAT network.
    #[serde(rename = "Type", default)]
    pub kind: NetworkType,
    /// Adapters, MAC, routes.
    #[serde(default)]
    pub policies: Vec<Policy>,
    /// MACs that endpoints get.
    #[serde(default, skip_serializing_if = "MacPool::is_empty")]
    pub mac_pool: MacPool,
    /// Resolver settings that endpoints inherit.
    #[serde(default, skip_serializing_if = "Dns::is_empty")]
    pub dns: Dns,
    /// Subnets.
    #[serde(default)]
    pub ipams: Vec<Ipam>,
    /// Sum of the bits of the schema's NetworkFlags.
    #[serde(default)]
    pub flags: u32,
    /// Always sent.
    #[serde(default)]
    pub schema_version: SchemaVersion,
}

/// Names as HNS has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkType {
    /// Internal switch behind WinNAT.
    #[default]
    #[serde(rename = "NAT")]
    Nat,
    /// Straight to the physical network.
    Transparent,
    /// VXLAN between hosts.
    Overlay,
    /// Containers share the VM's MAC.
    L2Bridge,
    /// The same, with all traffic by way of the physical host.
    L2Tunnel,
    /// One of the types that none of our drivers uses.
    #[serde(other, skip_serializing)]
    Other,
}

/// Ranges of MACs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MacPool {
    /// In the order they are used.
    #[serde(default)]
    pub ranges: Vec<MacRange>,
}

impl MacPool {
    fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

/// One range, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MacRange {
    /// First.
    pub start_mac_address: DashedMac,
    /// Last.
    pub end_mac_address: DashedMac,
}

/// Resolver settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Dns {
    /// Suffix of the endpoint itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// Suffixes that are tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Servers in the order they are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_list: Vec<IpAddr>,
}

impl Dns {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Who gives out addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Ipam {
    /// HNS itself or an external server.
    #[serde(rename = "Type", default)]
    pub kind: IpamType,
    /// Subnets; none with DHCP.
    #[serde(default)]
    pub subnets: Vec<Subnet>,
}

/// Kind of address assignment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IpamType {
    /// From the subnets.
    #[default]
    Static,
    /// From a server on the physical network.
    Dhcp,
}

/// One subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Subnet {
    /// Its addresses.
    pub ip_address_prefix: Prefix,
    /// VLAN or VSID.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// The default route, by way of the subnet's gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Route {
    /// By way of.
    pub next_hop: IpAddr,
    /// Where to.
    pub destination_prefix: Prefix,
    /// Lower wins.
    #[serde(default)]
    pub metric: u16,
}

/// Version of the documents. Callers of HNS send 2.0 whatever they use. (`hcn.md` section 2)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SchemaVersion {
    /// 2.
    pub major: u32,
    /// 0.
    pub minor: u32,
}

impl Default for SchemaVersion {
    fn default() -> Self {
        Self { major: 2, minor: 0 }
    }
}
