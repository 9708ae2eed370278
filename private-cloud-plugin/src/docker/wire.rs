//! Requests and replies of libnetwork's remote drivers (`containers.md` sections 4 and 5). Members that are of no use here
//! are left out of the requests.

use crate::network::{EndpointId, NetworkId};
use ipnet::Ipv4Net;
use policy::net::MacAddr;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// `-o` options are below this key.
pub(super) const GENERIC: &str = "com.docker.network.generic";
/// Option of a network that is to lead nowhere (`--internal`).
pub(super) const INTERNAL: &str = "com.docker.network.internal";
/// Published ports.
pub(super) const PORT_MAP: &str = "com.docker.network.portmap";
/// What kind of address is asked for.
pub(super) const ADDRESS_TYPE: &str = "RequestAddressType";
/// Value of [`ADDRESS_TYPE`] for a gateway.
pub(super) const GATEWAY: &str = "com.docker.network.gateway";

/// Options are absent, or null, when there are none.
pub(super) type Options = Option<Map<String, Value>>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateNetwork {
    #[serde(rename = "NetworkID")]
    pub(super) network: NetworkId,
    #[serde(default)]
    pub(super) options: Options,
    #[serde(rename = "IPv4Data", default)]
    pub(super) ipv4: Option<Vec<IpamData>>,
    #[serde(rename = "IPv6Data", default)]
    pub(super) ipv6: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct IpamData {
    #[serde(default)]
    pub(super) address_space: String,
    pub(super) pool: Ipv4Net,
    #[serde(default)]
    pub(super) gateway: Option<Ipv4Net>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeleteNetwork {
    #[serde(rename = "NetworkID")]
    pub(super) network: NetworkId,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateEndpoint {
    #[serde(rename = "NetworkID")]
    pub(super) network: NetworkId,
    #[serde(rename = "EndpointID")]
    pub(super) endpoint: EndpointId,
    #[serde(default)]
    pub(super) options: Options,
    #[serde(default)]
    pub(super) interface: Option<Interface>,
}

/// Empty texts mean that there is none.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Interface {
    pub(super) address: String,
    #[serde(rename = "AddressIPv6")]
    pub(super) address_ipv6: String,
    pub(super) mac_address: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreatedEndpoint {
    pub(super) interface: CreatedInterface,
}

/// Only what the request left open.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreatedInterface {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mac_address: Option<MacAddr>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DeleteEndpoint {
    #[serde(rename = "EndpointID")]
    pub(super) endpoint: EndpointId,
}

#[derive(Debug, Deserialize)]
pub(super) struct Join {
    #[serde(rename = "EndpointID")]
    pub(super) endpoint: EndpointId,
    /// Where the container's network namespace is going to be.
    #[serde(rename = "SandboxKey", default)]
    pub(super) sandbox: PathBuf,
}

/// A member of [`PORT_MAP`]. Docker numbers protocols as IP does.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PortMapping {
    pub(super) proto: u8,
    pub(super) port: u16,
    #[serde(default)]
    pub(super) host_port: u16,
    #[serde(default)]
    pub(super) host_port_end: u16,
    #[serde(rename = "HostIP", default)]
    pub(super) host_ip: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Joined {
    pub(super) interface_name: InterfaceName,
    /// Empty if there is none.
    pub(super) gateway: String,
    /// Docker is not to connect the container to a bridge of its own.
    pub(super) disable_gateway_service: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InterfaceName {
    pub(super) src_name: String,
    pub(super) dst_prefix: &'static str,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RequestPool {
    pub(super) address_space: String,
    pub(super) pool: String,
    pub(super) sub_pool: String,
    pub(super) options: Options,
    #[serde(rename = "V6")]
    pub(super) v6: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Pool {
    #[serde(rename = "PoolID")]
    pub(super) id: String,
    pub(super) pool: Ipv4Net,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RequestAddress {
    #[serde(rename = "PoolID")]
    pub(super) pool: String,
    /// Empty for any.
    #[serde(default)]
    pub(super) address: String,
    #[serde(default)]
    pub(super) options: Options,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Address {
    pub(super) address: Ipv4Net,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReleaseAddress {
    #[serde(rename = "PoolID")]
    pub(super) pool: String,
    pub(super) address: Ipv4Addr,
}
