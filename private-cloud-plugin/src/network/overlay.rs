//! What an overlay network knows beside its subnet: its VXLAN identifier, and where its other containers are.

use policy::net::{MacAddr, Vsid};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// UDP port of VXLAN. [RFC 7348 section 8]
pub const VXLAN_PORT: u16 = 4789;

/// Bytes that VXLAN over IPv4 adds to a frame. [RFC 7348 section 5]
pub const VXLAN_OVERHEAD: u32 = 50;

/// One overlay network: one subnet, one VXLAN identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// VXLAN identifier of the subnet; 4096 and above.
    pub vsid: Vsid,
    /// Overlays with the same name here are routed to each other, all others are not.
    #[serde(default)]
    pub domain: String,
    /// Containers in other VMs that those of this network may reach. Who creates the network says so; nothing is learnt.
    #[serde(default)]
    pub remotes: Vec<Remote>,
    /// Whether TCP and UDP to outside of the overlay leave with the VM's address. Other protocols never leave.
    #[serde(default)]
    pub outbound_nat: bool,
}

/// A container in another VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Remote {
    /// Its address.
    pub address: Ipv4Addr,
    /// Its MAC.
    pub mac: MacAddr,
    /// VXLAN identifier of its subnet.
    pub vsid: Vsid,
    /// Address of the VM it is in.
    pub host: Ipv4Addr,
}

/// Name of the VM's VXLAN device for a subnet.
pub fn vxlan_device(vsid: Vsid) -> String {
    format!("{}vx{vsid}", super::DEVICE_PREFIX)
}
