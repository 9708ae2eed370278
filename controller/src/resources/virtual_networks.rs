//! `virtualNetworks`: tenants' overlay networks, one routing domain each. Contract 12.36, [MS-NCNBI 3.1.5.18].

mod subnets;

pub use subnets::VIRTUAL_SUBNETS;
pub(super) use subnets::vsid as subnet_vsid;

use super::schema::{Collection, Kind, Property};
use super::version::Version;
use super::{
    Draft, Proposal, Rules, configuration_state, credentials, dns, network_interfaces, virtual_switch_manager,
};
use crate::engine::reading::Reading;
use crate::engine::world::{Node, World};
use crate::error::{ApiError, Code};
use crate::fabric::{Change, Network};
use crate::resources::allocation::router_mac;
use policy::ids::NetworkId;
use policy::net::Prefix;
use serde_json::Value;
use std::sync::Arc;

/// The collection.
pub static VIRTUAL_NETWORKS: Collection = Collection::new("virtualNetworks")
    .properties(&[
        Property::new(
            "addressSpace",
            Kind::Object(&[Property::new("addressPrefixes", Kind::List(&Kind::Prefix)).required()]),
        )
        .required(),
        Property::new("dhcpOptions", Kind::Object(&[Property::new("dnsServers", Kind::List(&Kind::Address))])),
        Property::children(&VIRTUAL_SUBNETS).always(),
        Property::new("unbilledAddressRanges", Kind::Text).since(Version::V2),
        Property::new("encryptionCredential", Kind::Reference(&["credentials"])).since(Version::V2),
        configuration_state::WITH_HOST_ERRORS,
        Property::new("logicalNetwork", Kind::Reference(&["logicalNetworks"])).required(),
    ])
    .in_use(Code::VnetInUse)
    .rules(&VirtualNetworkRules);

/// More than this many DNS servers do not fit into what the hosts' DHCP responder says. [MS-NCNBI App. B <19>]
const MAX_DNS_SERVERS: usize = 9;

struct VirtualNetworkRules;

impl Rules for VirtualNetworkRules {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), ApiError> {
        let dns_servers = draft.properties.get("dhcpOptions").and_then(|options| options.get("dnsServers"));
        if dns_servers.and_then(Value::as_array).is_some_and(|servers| servers.len() > MAX_DNS_SERVERS) {
            let message = format!("At most {MAX_DNS_SERVERS} DNS servers are possible.");
            return Err(ApiError::new(Code::DnsServerCountLimitReached, message).target("dhcpOptions.dnsServers"));
        }
        check_unbilled_ranges(draft)
    }

    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        virtual_switch_manager::check_policy_is_enforced(node, proposal)?;
        let provider = node.reference("logicalNetwork").and_then(|reference| proposal.after.target(reference));
        if provider.is_none_or(|network| network.text("networkVirtualizationEnabled") != Some("True")) {
            let message = "The logical network of a virtual network must have networkVirtualizationEnabled.";
            return Err(ApiError::new(Code::InvalidLogicalNetworkReference, message).target("logicalNetwork"));
        }
        credentials::check_type(node, "encryptionCredential", credentials::CERTIFICATE, proposal.after)?;
        subnets::check_layout(node, proposal)
    }

    fn derive(&self, property: &'static str, node: &Node, reading: &Reading<'_>) -> Option<Value> {
        (property == "configurationState").then(|| {
            let world = reading.world();
            let rolled = reading.enforcement().roll_up(|nic| {
                let nic = world.instance(nic.0);
                nic.is_some_and(|nic| network_interfaces::networks(nic, world).any(|network| network.key == node.key))
            });
            configuration_state::rolled_up(&rolled, node.instance_id, true)
        })
    }

    fn project(&self, node: &Node, world: &World, changes: &mut Vec<Change>) {
        let id = NetworkId(node.instance_id);
        let mut subnets: Vec<_> = world
            .children(node, &VIRTUAL_SUBNETS)
            .into_iter()
            .filter_map(|subnet| subnets::compile(subnet, world))
            .collect();
        subnets.sort_by_key(|subnet| subnet.vsid);
        let network = Network {
            id,
            address_space: address_prefixes(&node.properties).collect(),
            router_mac: router_mac(id),
            subnets,
            dns_servers: dns::servers(&node.properties, "dhcpOptions"),
        };
        changes.push(Change::Network(id, Some(Arc::new(network))));
    }

    fn retract(&self, node: &Node, _: &World, changes: &mut Vec<Change>) {
        changes.push(Change::Network(NetworkId(node.instance_id), None));
    }
}

/// `addressSpace.addressPrefixes`.
fn address_prefixes(properties: &super::Members) -> impl Iterator<Item = Prefix> {
    let prefixes = properties.get("addressSpace").and_then(|space| space.get("addressPrefixes"));
    let texts = prefixes.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    texts.filter_map(|text| text.parse().ok())
}

/// Prefixes, separated by commas, without blanks. [MS-NCNBI 3.1.5.18]
fn check_unbilled_ranges(draft: &Draft<'_>) -> Result<(), ApiError> {
    let ranges = draft.properties.get("unbilledAddressRanges").and_then(Value::as_str).unwrap_or_default();
    match ranges.split(',').find(|range| !ranges.is_empty() && range.parse::<Prefix>().is_err()) {
        Some(range) => {
            let message =
                format!("'{range}' is no valid address prefix; prefixes are separated by commas, without blanks.");
            Err(ApiError::new(Code::InvalidUnbilledAddressRange, message).target("unbilledAddressRanges"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
