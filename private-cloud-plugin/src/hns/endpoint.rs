//! An HNS endpoint: a container's interface. [HCN schema, HostComputeEndpoint; `hcn.md` section 4]

use super::network::{Dns, Route, SchemaVersion};
use super::policy::{DashedMac, Policy};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use uuid::Uuid;

/// The document that creates an endpoint, and that a query answers with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostComputeEndpoint {
    /// Absent on creation when HNS may choose.
    #[serde(rename = "ID", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// The network it is on.
    pub host_compute_network: Uuid,
    /// Addresses; empty lets HNS choose.
    #[serde(default)]
    pub ip_configurations: Vec<IpConfiguration>,
    /// Absent lets HNS choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<DashedMac>,
    /// Resolver settings; empty inherits the network's.
    #[serde(default, skip_serializing_if = "Dns::is_empty")]
    pub dns: Dns,
    /// Routes of the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// Port mappings, rules, translation, caps.
    #[serde(default)]
    pub policies: Vec<Policy>,
    /// Sum of the bits of the schema's EndpointFlags.
    #[serde(default)]
    pub flags: u32,
    /// Always sent.
    #[serde(default)]
    pub schema_version: SchemaVersion,
}

/// Flag: the endpoint is on another host; it installs a mapping and nothing else.
pub const FLAG_REMOTE: u32 = 1;
/// Flag: the endpoint does not reach others of its network.
pub const FLAG_NO_INTER_COMPUTE: u32 = 2;

/// One address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IpConfiguration {
    /// The address.
    pub ip_address: IpAddr,
    /// Length of its subnet's prefix.
    #[serde(default)]
    pub prefix_length: u8,
}
