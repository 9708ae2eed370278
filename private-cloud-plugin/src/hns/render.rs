//! Specs in HNS's words, version 2. [HCN schema; `hcn.md` sections 3 and 4]

use super::endpoint::{FLAG_NO_INTER_COMPUTE, FLAG_REMOTE, HostComputeEndpoint, IpConfiguration};
use super::network::{
    Dns, HostComputeNetwork, Ipam, IpamType, MacPool, MacRange, NetworkType, OWNER, Route, SchemaVersion, Subnet,
};
use super::policy::{
    AdapterName, DashedMac, OutboundNat, Policy, PortMapping, ProviderAddress, Qos, RemoteSubnetRoute, SdnRoute,
    Settings, SourceMac, SubnetVsid, Vlan,
};
use super::spec::{EndpointSpec, Invalid, NetworkSpec, RemoteSubnet, SubnetSpec};
use crate::firewall::{RuleSet, acl_policies, defaults};
use crate::network::Kind;
use policy::net::{Prefix, Vsid};
use std::net::IpAddr;

impl From<Kind> for NetworkType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Nat => Self::Nat,
            Kind::Transparent => Self::Transparent,
            Kind::Overlay => Self::Overlay,
            Kind::L2Bridge => Self::L2Bridge,
            Kind::L2Tunnel => Self::L2Tunnel,
        }
    }
}

/// The document that creates the network.
///
/// # Errors
/// What [`NetworkSpec::check`] finds.
pub fn network(spec: &NetworkSpec) -> Result<HostComputeNetwork, Invalid> {
    spec.check()?;
    let options = &spec.options;
    let adapters = options.interfaces.iter().map(|name| AdapterName { network_adapter_name: name.clone() }.policy());
    let mac = options.source_mac.map(|mac| SourceMac { source_mac_address: DashedMac(mac) }.policy());
    let remote = spec.remote_subnets.iter().map(remote_subnet);
    let ranges = options
        .mac_pool
        .iter()
        .map(|&(first, last)| MacRange { start_mac_address: DashedMac(first), end_mac_address: DashedMac(last) });
    let vsids = options.vsids.iter().copied().map(Some).chain(std::iter::repeat(None));
    Ok(HostComputeNetwork {
        id: options.hns_id,
        name: spec.hns_name().to_owned(),
        owner: OWNER.to_owned(),
        kind: spec.kind.into(),
        policies: adapters.chain(mac).chain(remote).collect(),
        mac_pool: MacPool { ranges: ranges.collect() },
        dns: Dns {
            domain: options.dns_suffix.clone().unwrap_or_default(),
            search: Vec::new(),
            server_list: options.dns_servers.clone(),
        },
        ipams: vec![Ipam {
            kind: if spec.subnets.is_empty() { IpamType::Dhcp } else { IpamType::Static },
            subnets: spec.subnets.iter().zip(vsids).map(|(net, vsid)| subnet(net, options.vlan, vsid)).collect(),
        }],
        flags: 0,
        schema_version: SchemaVersion::default(),
    })
}

fn subnet(spec: &SubnetSpec, vlan: Option<u16>, vsid: Option<Vsid>) -> Subnet {
    let vlan = vlan.map(|isolation_id| Vlan { isolation_id }.policy());
    let vsid = vsid.map(|isolation_id| SubnetVsid { isolation_id }.policy());
    Subnet {
        ip_address_prefix: spec.prefix,
        policies: vlan.into_iter().chain(vsid).collect(),
        routes: default_route(spec).into_iter().collect(),
    }
}

fn remote_subnet(remote: &RemoteSubnet) -> Policy {
    let &RemoteSubnet { prefix, vsid, provider_address, router_mac } = remote;
    let route = RemoteSubnetRoute {
        destination_prefix: prefix,
        isolation_id: vsid,
        provider_address,
        distributed_router_mac_address: DashedMac(router_mac),
    };
    route.policy()
}

fn default_route(subnet: &SubnetSpec) -> Option<Route> {
    let everything: IpAddr = match subnet.prefix.is_ipv4() {
        true => std::net::Ipv4Addr::UNSPECIFIED.into(),
        false => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let destination_prefix = Prefix::new(ipnet::IpNet::new(everything, 0).ok()?);
    subnet.gateway.map(|next_hop| Route { next_hop, destination_prefix, metric: 0 })
}

/// The document that creates the endpoint.
///
/// # Errors
/// What [`EndpointSpec::check`] finds, and rules that nothing would enforce.
pub fn endpoint(spec: &EndpointSpec) -> Result<HostComputeEndpoint, Invalid> {
    spec.check()?;
    let ports = spec.ports.iter().map(|port| {
        let mapping = PortMapping {
            protocol: port.protocol.number(),
            internal_port: port.internal,
            external_port: port.external,
        };
        mapping.policy()
    });
    let nat = spec.options.outbound_nat.as_ref().map(|exceptions| {
        // What must reach the physical host untranslated is an exception. (`containers.md` section 2.2)
        let tunnelled = spec.subnet.filter(|_| spec.kind == Kind::L2Tunnel).map(|subnet| subnet.prefix);
        let exceptions = exceptions.iter().copied();
        let missing = tunnelled.filter(|prefix| !spec.options.outbound_nat.iter().any(|set| set.contains(prefix)));
        OutboundNat { exceptions: exceptions.chain(missing).collect() }.policy()
    });
    let qos = spec.options.max_egress.map(|bytes| Qos { maximum_outgoing_bandwidth_in_bytes: bytes }.policy());
    let tunnel = tunnel_route(spec).map(|route| route.policy());
    let provider = spec.provider_address.map(|provider_address| ProviderAddress { provider_address }.policy());
    let rules = rules(spec)?;
    let (remote, no_icc) = (spec.provider_address.is_some(), spec.options.disable_icc);
    Ok(HostComputeEndpoint {
        id: None,
        name: spec.name.clone(),
        host_compute_network: spec.network,
        ip_configurations: spec.address.into_iter().zip(spec.subnet).map(ip_configuration).collect(),
        mac_address: spec.mac.map(DashedMac),
        dns: spec.dns.clone(),
        routes: spec.subnet.as_ref().and_then(default_route).into_iter().collect(),
        policies: ports.chain(nat).chain(qos).chain(tunnel).chain(provider).chain(rules).collect(),
        flags: if remote { FLAG_REMOTE } else { 0 } | if no_icc { FLAG_NO_INTER_COMPUTE } else { 0 },
        schema_version: SchemaVersion::default(),
    })
}

fn ip_configuration((ip_address, subnet): (IpAddr, SubnetSpec)) -> IpConfiguration {
    IpConfiguration { ip_address, prefix_length: subnet.prefix.prefix_len() }
}

/// In tunnel mode even neighbours are reached by way of the physical host. (`containers.md` section 2.2)
fn tunnel_route(spec: &EndpointSpec) -> Option<SdnRoute> {
    let subnet = spec.subnet.filter(|_| spec.kind == Kind::L2Tunnel)?;
    Some(SdnRoute { destination_prefix: subnet.prefix, next_hop: subnet.gateway?, need_encap: true })
}

/// Users' rules, with the defaults when we are to write them.
fn rules(spec: &EndpointSpec) -> Result<Vec<Policy>, Invalid> {
    let &EndpointSpec { kind, isolation, .. } = spec;
    let set = match spec.defaults {
        Some(era) => defaults(kind, isolation, era),
        None => RuleSet::without_rules(kind, isolation),
    };
    Ok(acl_policies(&set.with_user_rules(kind, isolation, spec.rules.iter().cloned())?))
}
