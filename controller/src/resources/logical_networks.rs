//! `logicalNetworks`: physical networks; those with virtualization enabled carry the overlay. Contract 12.15,
//! [MS-NCNBI 3.1.5.8].

mod ip_pools;
mod ip_reservations;
mod pools;
mod routes;
mod subnets;

pub use ip_pools::IP_POOLS;
pub use ip_reservations::IP_RESERVATIONS;
pub(super) use pools::Pools;
pub use routes::FABRIC_ROUTES;
pub use subnets::LOGICAL_SUBNETS;
pub(super) use subnets::{is_gateway, prefix as subnet_prefix, vlan as subnet_vlan};

use super::schema::{Collection, Default, Kind, Property};
use super::{Proposal, Rules, servers};
use crate::engine::world::{Node, World};
use crate::error::{ApiError, Code};
use crate::fabric::Change;

const VIRTUALIZATION: &str = "networkVirtualizationEnabled";

/// The collection.
pub static LOGICAL_NETWORKS: Collection = Collection::new("logicalNetworks")
    .referred_to_as("logicalnetworks")
    .properties(&[
        Property::children(&LOGICAL_SUBNETS).always(),
        Property::back_references("virtualNetworks", &[("virtualNetworks", "logicalNetwork")]),
        Property::new(VIRTUALIZATION, Kind::BooleanText("True", "False")).default(Default::Text("False")),
    ])
    .in_use(Code::ResourceInUse)
    .rules(&LogicalNetworkRules);

struct LogicalNetworkRules;

impl Rules for LogicalNetworkRules {
    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        let user = proposal.after.referrers_by(&node.key, "virtualNetworks", "logicalNetwork").next();
        if let Some(user) = user.filter(|_| !is_virtualized(node)) {
            let message = format!("{} carries {}; virtualization cannot be switched off.", node.path, user.path);
            return Err(ApiError::new(Code::ResourceInUse, message).target(VIRTUALIZATION));
        }
        subnets::check_layout(node, proposal.after)
    }

    /// Hosts learn prefix and VLAN of their provider address from here.
    fn project(&self, node: &Node, world: &World, changes: &mut Vec<Change>) {
        for subnet in world.children(node, &LOGICAL_SUBNETS) {
            let adapters = world.referrers_by(&subnet.key, "servers/networkInterfaces", "logicalSubnets");
            for server in adapters.filter_map(|adapter| world.parent(adapter)) {
                changes.push(servers::change(server, world));
            }
        }
    }
}

/// Whether the network carries the overlay.
pub(super) fn is_virtualized(network: &Node) -> bool {
    network.text(VIRTUALIZATION) == Some("True")
}

#[cfg(test)]
mod tests;
