//! The older form of the documents, which docker on Windows sends to HNS. (`containers.md` section 1.2)

use super::policy::DashedMac;
use super::spec::{EndpointSpec, Invalid, NetworkSpec};
use crate::network::Kind;
use policy::net::{Prefix, Vsid};
use serde::Serialize;
use std::net::IpAddr;
use uuid::Uuid;

/// Body of `POST /networks/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Network {
    /// Name in HNS.
    pub name: String,
    /// The driver as docker names it.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Subnets; none with DHCP.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<Subnet>,
    /// Servers separated by commas.
    #[serde(rename = "DNSServerList", skip_serializing_if = "String::is_empty")]
    pub dns_server_list: String,
    /// Suffix of names.
    #[serde(rename = "DNSSuffix", skip_serializing_if = "String::is_empty")]
    pub dns_suffix: String,
    /// Ranges of MACs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mac_pools: Vec<MacRange>,
    /// MAC that traffic leaves with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_mac: Option<DashedMac>,
    /// Adapters separated by commas; several make a SET team.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub network_adapter_name: String,
    /// VLAN.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// The gateway resolves names; docker wants it of overlays.
    #[serde(rename = "AutomaticDNS", skip_serializing_if = "std::ops::Not::not")]
    pub automatic_dns: bool,
}

/// One subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Subnet {
    /// Its addresses.
    pub address_prefix: Prefix,
    /// Its gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_address: Option<IpAddr>,
    /// VSID of an overlay's subnet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
}

pub use super::network::MacRange;

/// Body of `POST /endpoints/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Endpoint {
    /// Its network in HNS.
    pub virtual_network: Uuid,
    /// Absent lets HNS choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<DashedMac>,
    /// Absent lets HNS choose.
    #[serde(rename = "IPAddress", skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<IpAddr>,
    /// Ports, caps, translation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policy>,
    /// Servers separated by commas.
    #[serde(rename = "DNSServerList", skip_serializing_if = "String::is_empty")]
    pub dns_server_list: String,
    /// Names are resolved by the host; nat only.
    #[serde(rename = "EnableInternalDNS")]
    pub enable_internal_dns: bool,
    /// The endpoint does not reach others of its network.
    #[serde(rename = "DisableICC")]
    pub disable_icc: bool,
}

/// Policies of version 1: settings beside the type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "Type")]
pub enum Policy {
    /// VLAN of a network.
    #[serde(rename = "VLAN")]
    Vlan {
        /// 1 to 4094.
        #[serde(rename = "VLAN")]
        vlan: u16,
    },
    /// VSID of an overlay's subnet.
    #[serde(rename = "VSID")]
    Vsid {
        /// 4096 and above.
        #[serde(rename = "VSID")]
        vsid: Vsid,
    },
    /// A published port.
    #[serde(rename = "NAT", rename_all = "PascalCase")]
    Nat {
        /// `tcp` or `udp`.
        protocol: String,
        /// The container's.
        internal_port: u16,
        /// The host's.
        external_port: u16,
        /// Docker has made sure that nothing else on the host uses the port.
        external_port_reserved: bool,
    },
    /// A cap on what an endpoint sends.
    #[serde(rename = "QOS", rename_all = "PascalCase")]
    Qos {
        /// Bytes per second.
        maximum_outgoing_bandwidth_in_bytes: u64,
    },
    /// Flows leave with the host's address.
    #[serde(rename = "OutBoundNAT", rename_all = "PascalCase")]
    OutboundNat {
        /// Prefixes whose peers see the endpoint's own address.
        exception_list: Vec<Prefix>,
    },
}

/// What docker sends to create the network.
///
/// # Errors
/// What [`NetworkSpec::check`] finds; IPv6 is not sent, nor is where an overlay's addresses are on other hosts.
pub fn network(spec: &NetworkSpec) -> Result<Network, Invalid> {
    spec.check()?;
    if spec.subnets.iter().any(|subnet| !subnet.prefix.is_ipv4()) {
        let why = "version 1 of HNS has IPv4 alone; use version 2";
        return Err(Invalid::NotOn { what: "an IPv6 subnet", kind: spec.kind, why });
    }
    if !spec.remote_subnets.is_empty() {
        return Err(Invalid::NotOn { what: "a remote subnet", kind: spec.kind, why: ONLY_V2 });
    }
    let options = &spec.options;
    let vlan = options.vlan.map(|vlan| Policy::Vlan { vlan });
    let vsids = options.vsids.iter().copied().map(Some).chain(std::iter::repeat(None));
    Ok(Network {
        name: spec.hns_name().to_owned(),
        kind: spec.kind.to_string(),
        subnets: spec
            .subnets
            .iter()
            .zip(vsids)
            .map(|(subnet, vsid)| Subnet {
                address_prefix: subnet.prefix,
                gateway_address: subnet.gateway,
                policies: vsid.into_iter().map(|vsid| Policy::Vsid { vsid }).collect(),
            })
            .collect(),
        dns_server_list: joined(&options.dns_servers),
        dns_suffix: options.dns_suffix.clone().unwrap_or_default(),
        mac_pools: options
            .mac_pool
            .iter()
            .map(|&(first, last)| MacRange { start_mac_address: DashedMac(first), end_mac_address: DashedMac(last) })
            .collect(),
        source_mac: options.source_mac.map(DashedMac),
        network_adapter_name: options.interfaces.join(","),
        policies: vlan.into_iter().collect(),
        automatic_dns: spec.kind == Kind::Overlay,
    })
}

/// What docker sends to create the endpoint.
///
/// # Errors
/// What [`EndpointSpec::check`] finds, but that l2bridge and l2tunnel may have published ports, which docker reserves on the
/// host; docker sends no firewall rules, and no endpoints of other hosts.
pub fn endpoint(spec: &EndpointSpec) -> Result<Endpoint, Invalid> {
    if matches!(spec.kind, Kind::L2Bridge | Kind::L2Tunnel) {
        EndpointSpec { ports: Vec::new(), ..spec.clone() }.check()?;
    } else {
        spec.check()?;
    }
    let rules = spec.defaults.is_some() || !spec.rules.is_empty();
    for (is_there, what) in
        [(rules, "a firewall rule"), (spec.provider_address.is_some(), "an endpoint on another host")]
    {
        if is_there {
            return Err(Invalid::NotOn { what, kind: spec.kind, why: ONLY_V2 });
        }
    }
    let options = &spec.options;
    let ports = spec.ports.iter().map(|port| Policy::Nat {
        protocol: port.protocol.to_string(),
        internal_port: port.internal,
        external_port: port.external,
        external_port_reserved: true,
    });
    let qos = options.max_egress.map(|bytes| Policy::Qos { maximum_outgoing_bandwidth_in_bytes: bytes });
    let nat = options
        .outbound_nat
        .as_ref()
        .map(|exceptions| Policy::OutboundNat { exception_list: exceptions.iter().copied().collect() });
    let servers = if spec.dns.server_list.is_empty() { &options.dns_servers } else { &spec.dns.server_list };
    Ok(Endpoint {
        virtual_network: spec.network,
        mac_address: spec.mac.map(DashedMac),
        ip_address: spec.address,
        policies: ports.chain(qos).chain(nat).collect(),
        dns_server_list: joined(servers),
        enable_internal_dns: spec.kind == Kind::Nat && !options.disable_dns && !options.disable_gateway_dns,
        disable_icc: options.disable_icc,
    })
}

const ONLY_V2: &str = "docker sends none in version 1; use version 2";

fn joined(addresses: &[IpAddr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(",")
}
