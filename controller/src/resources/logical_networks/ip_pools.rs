//! `ipPools`: ranges that addresses of a logical subnet are taken from. Contract 12.15.1.1, [MS-NCNBI 3.1.5.8.2.2].

use super::pools::{self, COUNT};
use crate::engine::claims::ClaimKind;
use crate::engine::reading::Reading;
use crate::engine::world::{Node, World};
use crate::error::{ApiError, Code};
use crate::resources::schema::{Access, Collection, Kind, Property};
use crate::resources::{Draft, Proposal, Rules};
use policy::net::address_to_u128;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// The collection.
pub static IP_POOLS: Collection = Collection::child("logicalNetworks/subnets/ipPools")
    .properties(&[
        Property::new("startIpAddress", Kind::Address).required(),
        Property::new("endIpAddress", Kind::Address).required(),
        Property::new(
            "loadBalancerManager",
            Kind::Back { from: &[("loadBalancerManager", "vipIpPools")], many: false },
        )
        .access(Access::Derived),
        Property::derived(
            "usage",
            Kind::Object(&[
                Property::derived("numberOfIPAddresses", COUNT),
                Property::derived("numberOfIPAddressesAllocated", COUNT),
                Property::derived("numberOfIPAddressesInTransition", COUNT),
            ]),
        ),
    ])
    .in_use(Code::InUseIpPoolCannotBeDeleted)
    .rules(&IpPoolRules);

struct IpPoolRules;

impl Rules for IpPoolRules {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), ApiError> {
        let address = |property| -> Option<IpAddr> { draft.properties.get(property)?.as_str()?.parse().ok() };
        match (address("startIpAddress"), address("endIpAddress")) {
            (Some(first), Some(last)) if first.is_ipv4() != last.is_ipv4() || last < first => {
                let message = format!("{first} to {last} is no range.");
                Err(ApiError::new(Code::InvalidParameterValue, message).target("endIpAddress"))
            }
            _ => Ok(()),
        }
    }

    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        let (Some(stored), Some(range)) = (proposal.stored(node).and_then(range), range(node)) else {
            return Ok(());
        };
        let kept = *stored.start().max(range.start())..=*stored.end().min(range.end());
        match allocated(node, &stored, proposal.after) > allocated(node, &kept, proposal.after) {
            true => {
                let message = format!("{} cannot leave out addresses that are allocated.", node.path);
                Err(ApiError::new(Code::InUseIpPoolCannotBeDeleted, message).target("startIpAddress"))
            }
            false => Ok(()),
        }
    }

    fn check_removal(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        match range(node).is_some_and(|range| allocated(node, &range, proposal.before) > 0) {
            true => {
                let message = format!("{} has addresses that are allocated.", node.path);
                Err(ApiError::new(Code::InUseIpPoolCannotBeDeleted, message))
            }
            false => Ok(()),
        }
    }

    fn derive(&self, property: &'static str, node: &Node, reading: &Reading<'_>) -> Option<Value> {
        let network = network(node, reading.world())?;
        let (kind, range) = (kind(node)?, range(node)?);
        (property == "usage").then(|| {
            let usage = pools::usage(&range, kind, network, reading.claims());
            json!({
                "numberOfIPAddresses": usage.size,
                "numberOfIPAddressesAllocated": usage.allocated,
                "numberOfIPAddressesInTransition": usage.in_transition,
            })
        })
    }
}

/// First and last address.
pub(super) fn ends(pool: &Node) -> Option<(IpAddr, IpAddr)> {
    let address = |property| pool.text(property)?.parse().ok();
    Some((address("startIpAddress")?, address("endIpAddress")?))
}

/// The addresses as numbers.
pub(super) fn range(pool: &Node) -> Option<RangeInclusive<u128>> {
    ends(pool).map(|(first, last)| address_to_u128(first)..=address_to_u128(last))
}

fn kind(pool: &Node) -> Option<ClaimKind> {
    ends(pool).map(|(first, _)| ClaimKind::of(first))
}

/// The logical network, within which addresses are unique.
fn network<'a>(pool: &Node, world: &'a World) -> Option<&'a Node> {
    world.parent(world.parent(pool)?)
}

/// How many addresses of the range are owned.
fn allocated(pool: &Node, range: &RangeInclusive<u128>, world: &World) -> u64 {
    match (network(pool, world), kind(pool)) {
        (Some(network), Some(kind)) if !range.is_empty() => {
            pools::usage(range, kind, network, world.claims()).allocated
        }
        _ => 0,
    }
}
