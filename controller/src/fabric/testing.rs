//! A small fabric for tests: two networks with the same addresses, numbered hosts and NICs.

use super::{Acl, Address, Change, Endpoint, Guards, Network, Nic, ProviderAddress, Qos, Server, Subnet};
use policy::acl::Action;
use policy::ids::{AclId, HostId, NetworkId, NicId, SubnetId};
use policy::net::{MacAddr, Vsid};
use std::sync::Arc;
use uuid::Uuid;

pub(crate) const BLUE: NetworkId = NetworkId(Uuid::from_u128(0xb));
pub(crate) const GREEN: NetworkId = NetworkId(Uuid::from_u128(0xe));
pub(crate) const WEB: u32 = 0;
pub(crate) const DB: u32 = 1;

pub(crate) fn host(n: u128) -> HostId {
    HostId(Uuid::from_u128(n))
}

pub(crate) fn nic_id(n: u128) -> NicId {
    NicId(Uuid::from_u128(n))
}

pub(crate) fn acl_id(n: u128) -> AclId {
    AclId(Uuid::from_u128(n))
}

pub(crate) fn subnet_id(network: NetworkId, n: u32) -> SubnetId {
    SubnetId(Uuid::from_u128((network.0.as_u128() << 8) | u128::from(n)))
}

pub(crate) fn vsid(n: u32) -> Vsid {
    Vsid::new(4096 + n).unwrap()
}

/// A server with provider address 192.0.2.`n` and no agent.
pub(crate) fn server(n: u8) -> Change {
    server_at(n, None)
}

/// A server with provider address 192.0.2.`n` whose agent listens there.
pub(crate) fn server_at(n: u8, agent: Option<Endpoint>) -> Change {
    let provider_address = ProviderAddress {
        address: format!("192.0.2.{n}").parse().unwrap(),
        subnet: "192.0.2.0/24".parse().unwrap(),
        vlan: 0,
    };
    let id = host(n.into());
    Change::Server(id, Some(Arc::new(Server { id, agent, provider_address: Some(provider_address) })))
}

/// A network with subnets web (10.0.0.0/24) and db (10.0.1.0/24) and their lists.
pub(crate) fn network(id: NetworkId, web: Option<AclId>, db: Option<AclId>) -> Change {
    let subnet = |n: u32, acl: Option<AclId>| Subnet {
        id: subnet_id(id, n),
        vsid: vsid(n),
        prefix: format!("10.0.{n}.0/24").parse().unwrap(),
        router: format!("10.0.{n}.1").parse().unwrap(),
        acl,
    };
    let network = Network {
        id,
        address_space: vec!["10.0.0.0/16".parse().unwrap()],
        router_mac: MacAddr::new([2, 0, 0, 0, 0, 1]),
        subnets: vec![subnet(WEB, web), subnet(DB, db)],
        dns_servers: Vec::new(),
    };
    Change::Network(id, Some(Arc::new(network)))
}

pub(crate) fn acl(n: u128) -> Change {
    let acl = Acl { id: acl_id(n), inbound_default: Action::Allow, outbound_default: Action::Allow, rules: Vec::new() };
    Change::Acl(acl.id, Some(Arc::new(acl)))
}

pub(crate) fn nic_with(n: u64, addresses: Vec<Address>) -> Change {
    let nic = Nic {
        id: nic_id(n.into()),
        mac: MacAddr::from_u64(n),
        addresses,
        qos: Qos::default(),
        guards: Guards::default(),
        secondary: false,
        dns_servers: Vec::new(),
    };
    Change::Nic(nic.id, Some(Arc::new(nic)))
}

pub(crate) fn address(network: NetworkId, subnet: u32, ca: &str, acl: Option<AclId>) -> Address {
    let (ca, subnet, vsid) = (ca.parse().unwrap(), subnet_id(network, subnet), vsid(subnet));
    Address { ca, network, subnet, vsid, acl, primary: false }
}

pub(crate) fn nic(n: u64, network: NetworkId, subnet: u32, ca: &str) -> Change {
    nic_with(n, vec![address(network, subnet, ca, None)])
}

pub(crate) fn bind(n: u128, on: u128) -> Change {
    Change::Binding(nic_id(n), Some(host(on)))
}
