//! Networks: subnets refer to the variant of their list that is meant for them.

use crate::driver::Key;
use crate::lower::acl::Variant;
use crate::lower::tag::TagBuilder;
use policy::goal_state::ContentHash;
use policy::ids::NetworkId;
use policy::network::{Network, Subnet};
use uuid::Uuid;
use vfp::Tag;

/// The network that a key is about, if it is about one.
pub(crate) fn of_key(key: &Key) -> Option<NetworkId> {
    match key {
        Key::Network(id) => Some(rdid(*id)),
        _ => None,
    }
}

/// The network that the engine knows by this name.
pub(crate) fn rdid(id: vfp::NetworkId) -> NetworkId {
    NetworkId(Uuid::from_u128(id.0))
}

/// The engine's name of a network.
pub(super) fn id(network: NetworkId) -> vfp::NetworkId {
    vfp::NetworkId(network.0.as_u128())
}

/// Name of the network's content.
pub(super) fn tag(section: ContentHash, acls: &[Option<Variant>]) -> Tag {
    acls.iter().flatten().fold(TagBuilder::new().add(section), |tag, acl| tag.add(acl.id().0)).tag()
}

/// The network as the engine takes it; `acls` are the subnets' lists, in the order of the subnets.
pub(super) fn lower(network: &Network, acls: &[Option<Variant>]) -> vfp::Network {
    // The address space is for the expansion of service tags only: packets are routed between subnets.
    let Network { id: _, address_space: _, router_mac, subnets, dns_servers: _ } = network;
    let lowered = subnets.iter().zip(acls).map(|(subnet, acl)| {
        let Subnet { id: _, vsid, prefix, router, acl: _ } = subnet;
        vfp::Subnet { vsid: *vsid, prefix: *prefix, router: *router, acl: acl.map(Variant::id) }
    });
    vfp::Network { router_mac: *router_mac, subnets: lowered.collect() }
}
