//! Section `port/<nic instanceId>`: policy of one VM port.

use crate::ids::{AclId, NetworkId, NicId, SubnetId};
use crate::net::MacAddr;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Policy of the port that carries the NIC's profile id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The NIC.
    pub nic: NicId,
    /// MAC the VM must use; the switch port has to carry the same (`semantics.md` 6.1).
    pub mac: MacAddr,
    /// Network of all its addresses; none while the NIC has no address on a virtual network, which leaves it blocked.
    pub network: Option<NetworkId>,
    /// Addresses of the NIC in the order of the northbound document; several may share the MAC (containers).
    pub addresses: Vec<PortAddress>,
    /// Rate caps.
    pub qos: Qos,
    /// Guards.
    pub guards: Guards,
    /// `isPrimary` is false: another NIC is the VM's first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secondary: bool,
    /// `dnsSettings.dnsServers`; empty: those of the network. (`semantics.md` 5)
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<IpAddr>,
}

/// One IP configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortAddress {
    /// The customer address.
    pub ca: IpAddr,
    /// Its virtual subnet.
    pub subnet: SubnetId,
    /// List of this IP configuration; it is judged before the subnet's (`semantics.md` 1.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<AclId>,
    /// The address that stands for the NIC where one must be chosen: its list governs foreign local addresses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub primary: bool,
}

/// `portSettings.qosSettings`; 0 is no cap. [MS-NCNBI 3.1.5.11]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Qos {
    /// Cap on what the VM sends, in Mbit/s.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub outbound_maximum_mbps: u64,
    /// Cap on what the VM receives, in Mbit/s.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub inbound_maximum_mbps: u64,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// `portSettings` that the switch enforces. [MS-NCNBI 3.1.5.11, `semantics.md` 6.4]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Guards {
    /// `macSpoofingEnabled`: frames with a foreign source MAC may leave the VM.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mac_spoofing: bool,
    /// `dhcpGuardEnabled`: DHCP server messages from the VM are dropped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dhcp_guard: bool,
    /// `portFlowLimit`: most flows of the port; 0 is the engine's own limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub flow_limit: u64,
}
