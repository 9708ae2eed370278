//! Section `host`: what is true of the whole host.

use crate::acl::Action;
use crate::ids::HostId;
use crate::net::Prefix;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Settings of one host. Exactly one such section is in every goal state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The host this goal state is for; an agent that knows itself by another id refuses it.
    pub id: HostId,
    /// Outer source address of everything this host encapsulates; none until the host needs one.
    pub provider_address: Option<ProviderAddress>,
    /// Overlay encapsulation, one choice for all networks. [MS-NCNBI 3.1.5.19]
    pub encapsulation: Encapsulation,
    /// Verdicts for new flows of a port that no list is attached to (`semantics.md` 1.4).
    pub without_acl: DefaultVerdict,
}

/// A provider address (PA) and the provider subnet it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderAddress {
    /// The address.
    pub address: IpAddr,
    /// Its subnet, for the on-link route.
    pub subnet: Prefix,
    /// Outer VLAN; 0 is untagged.
    pub vlan: u16,
}

/// How overlay packets travel between hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encapsulation {
    /// RFC 7348, UDP port 4789, VNI = VSID.
    Vxlan,
    /// RFC 7637.
    Nvgre,
}

/// One verdict per direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DefaultVerdict {
    /// Towards the VM.
    pub inbound: Action,
    /// From the VM.
    pub outbound: Action,
}
