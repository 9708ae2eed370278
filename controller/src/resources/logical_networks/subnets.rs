//! `logicalNetworks/subnets`: pairs of IP subnet and VLAN. Contract 12.15.1, [MS-NCNBI 3.1.5.8.2].

use super::pools::{self, Pools};
use super::{FABRIC_ROUTES, IP_POOLS, IP_RESERVATIONS};
use crate::engine::reading::Reading;
use crate::engine::world::{Node, World};
use crate::error::{ApiError, Code};
use crate::resources::schema::{Collection, Default, Kind, Property};
use crate::resources::{Proposal, Rules, access_control_lists};
use policy::net::Prefix;
use serde_json::{Value, json};
use std::net::IpAddr;

/// The collection.
pub static LOGICAL_SUBNETS: Collection = Collection::child("logicalNetworks/subnets")
    .properties(&[
        Property::new("addressPrefix", Kind::Prefix).invalid(Code::InvalidParameterValue).target("SubnetAddress"),
        Property::back_references("ipConfigurations", &[("networkInterfaces/ipConfigurations", "subnet")]),
        Property::back_references("networkInterfaces", &[("servers/networkInterfaces", "logicalSubnets")]),
        Property::back_references("gatewayPools", &[("gatewayPools", "greVipSubnets")]),
        Property::back_references("networkConnections", &[("virtualGateways/networkConnections", "vlanSubnet")]),
        Property::new("vlanID", Kind::IntegerText(0, 4095)),
        Property::children(&FABRIC_ROUTES),
        Property::children(&IP_POOLS).always(),
        Property::children(&IP_RESERVATIONS),
        Property::new("dnsServers", Kind::List(&Kind::Address)).always(),
        Property::new("defaultGateways", Kind::List(&Kind::Address)),
        Property::new("isPublic", Kind::Boolean).default(Default::Boolean(false)),
        Property::new("accessControlList", Kind::Reference(&["accessControlLists"])),
        Property::derived(
            "usage",
            Kind::Object(&[
                Property::derived("numberOfIPAddresses", pools::COUNT),
                // Lower-case "of" is how the original writes it here, and only here.
                Property::derived("numberofIPAddressesAllocated", pools::COUNT),
                Property::derived("numberOfIPAddressesInTransition", pools::COUNT),
            ]),
        ),
    ])
    .in_use(Code::InUseSubnetCannotBeDeleted)
    .rules(&LogicalSubnetRules);

struct LogicalSubnetRules;

impl Rules for LogicalSubnetRules {
    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        let changed = proposal.stored(node).is_some_and(|stored| prefix(stored) != prefix(node));
        if let Some(user) = proposal.after.referrers(&node.key).next().filter(|_| changed) {
            let message = format!("{} is used by {}; its prefix cannot change.", node.path, user.source);
            return Err(ApiError::new(Code::InUseSubnetCannotBeUpdated, message).target("SubnetAddress"));
        }
        let list = node.reference("accessControlList").and_then(|reference| proposal.after.target(reference));
        match list.filter(|list| access_control_lists::uses_service_tags(list, proposal.after)) {
            Some(list) => Err(access_control_lists::tags_on_logical_network(list).target("accessControlList")),
            None => pools::check_layout(node, proposal.after),
        }
    }

    fn derive(&self, property: &'static str, node: &Node, reading: &Reading<'_>) -> Option<Value> {
        let network = reading.world().parent(node)?;
        (property == "usage").then(|| {
            let usage = Pools::of(node, reading.world()).usage(network, reading.claims());
            json!({
                "numberOfIPAddresses": usage.size,
                "numberofIPAddressesAllocated": usage.allocated,
                "numberOfIPAddressesInTransition": usage.in_transition,
            })
        })
    }
}

/// `addressPrefix`; a pure VLAN has none.
pub(in crate::resources) fn prefix(subnet: &Node) -> Option<Prefix> {
    subnet.text("addressPrefix")?.parse().ok()
}

/// `vlanID`; 0 is untagged.
pub(in crate::resources) fn vlan(subnet: &Node) -> u16 {
    subnet.text("vlanID").and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// `defaultGateways`.
pub(super) fn gateways(subnet: &Node) -> impl Iterator<Item = IpAddr> {
    let gateways = subnet.properties.get("defaultGateways").and_then(Value::as_array).into_iter().flatten();
    gateways.filter_map(Value::as_str).filter_map(|text| text.parse().ok())
}

/// Whether the address is that of a physical router.
pub(in crate::resources) fn is_gateway(subnet: &Node, address: IpAddr) -> bool {
    gateways(subnet).any(|gateway| gateway == address)
}

/// Prefixes of one network do not overlap. [MS-NCNBI 3.1.5.8.2]
pub(super) fn check_layout(network: &Node, world: &World) -> Result<(), ApiError> {
    let children = world.children(network, &LOGICAL_SUBNETS);
    let mut subnets: Vec<_> = children.into_iter().filter_map(|subnet| Some((prefix(subnet)?, subnet))).collect();
    // Prefixes nest or are disjoint: in this order an overlap shows between neighbours.
    subnets.sort_by_key(|(prefix, _)| (prefix.network(), prefix.prefix_len()));
    match subnets.windows(2).find(|pair| pair[0].0.overlaps(&pair[1].0)) {
        Some(pair) => {
            let [(first, a), (second, b)] = [pair[0], pair[1]];
            let message = format!("{first} of {} and {second} of {} overlap.", a.path, b.path);
            Err(ApiError::new(Code::InvalidSubnet, message).target("SubnetAddress"))
        }
        None => Ok(()),
    }
}
