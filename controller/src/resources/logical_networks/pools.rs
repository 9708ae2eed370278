//! The addresses that a logical subnet hands out: its pools without its reservations. Contract 12.15.1, `semantics.md` 3.5.

use super::subnets::{gateways, prefix};
use super::{FABRIC_ROUTES, IP_POOLS, IP_RESERVATIONS, ip_pools, ip_reservations, routes};
use crate::engine::claims::{ClaimKind, Claims};
use crate::engine::world::{Node, World};
use crate::error::{ApiError, Code};
use crate::resources::schema::Kind;
use policy::net::address_to_u128;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Type of the members of `usage`.
pub(super) const COUNT: Kind = Kind::Integer(0, i64::MAX);

/// See the module. All of one address family.
pub(in crate::resources) struct Pools {
    pub(in crate::resources) kind: ClaimKind,
    /// In the order of the document.
    pub(in crate::resources) ranges: Vec<RangeInclusive<u128>>,
    /// Not handed out, though nobody has them: reservations, routers, network and broadcast address.
    pub(in crate::resources) reserved: BTreeSet<u128>,
}

/// `usage` of a pool or a subnet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) size: u64,
    pub(super) allocated: u64,
    pub(super) in_transition: u64,
}

impl Pools {
    /// The pools of a subnet; none when it has no prefix.
    pub(in crate::resources) fn of(subnet: &Node, world: &World) -> Self {
        let Some(prefix) = prefix(subnet) else {
            return Self { kind: ClaimKind::Ipv4, ranges: Vec::new(), reserved: BTreeSet::new() };
        };
        let pools = world.children(subnet, &IP_POOLS);
        let reservations = world.children(subnet, &IP_RESERVATIONS);
        let own = prefix.is_ipv4().then(|| [prefix.network(), prefix.last()]).into_iter().flatten();
        let reserved = reservations.into_iter().flat_map(ip_reservations::addresses).chain(gateways(subnet)).chain(own);
        Self {
            kind: ClaimKind::of(prefix.network()),
            ranges: pools.into_iter().filter_map(ip_pools::range).collect(),
            reserved: reserved.filter(|address| prefix.contains(*address)).map(address_to_u128).collect(),
        }
    }

    /// What is used of them. `network` is the one that the subnet is part of.
    pub(super) fn usage(&self, network: &Node, claims: &Claims) -> Usage {
        self.ranges.iter().fold(Usage::default(), |sum, range| {
            let used = usage(range, self.kind, network, claims);
            Usage {
                size: sum.size.saturating_add(used.size),
                allocated: sum.allocated + used.allocated,
                in_transition: sum.in_transition + used.in_transition,
            }
        })
    }
}

/// What is used of one range.
pub(super) fn usage(range: &RangeInclusive<u128>, kind: ClaimKind, network: &Node, claims: &Claims) -> Usage {
    let (first, last) = (*range.start(), *range.end());
    let (allocated, in_transition) = claims.usage(kind, network.instance_id, first, last);
    let size = u64::try_from((last - first).saturating_add(1)).unwrap_or(u64::MAX);
    Usage { size, allocated, in_transition }
}

/// Pools lie in the subnet and apart from each other; next hops lie in the subnet. [MS-NCNBI 3.1.5.8.2]
pub(super) fn check_layout(subnet: &Node, world: &World) -> Result<(), ApiError> {
    let prefix = prefix(subnet);
    let mut ranges = Vec::new();
    for pool in world.children(subnet, &IP_POOLS) {
        let Some((first, last)) = ip_pools::ends(pool) else { continue };
        if prefix.is_none_or(|prefix| !prefix.contains(first) || !prefix.contains(last)) {
            let message = format!("{first} to {last} of {} is not inside the prefix of {}.", pool.path, subnet.path);
            return Err(ApiError::new(Code::InvalidIPAddress, message).target("startIpAddress"));
        }
        ranges.push((address_to_u128(first), address_to_u128(last), pool));
    }
    ranges.sort_by_key(|&(first, last, _)| (first, last));
    if let Some([a, b]) = ranges.windows(2).find_map(|pair| <[_; 2]>::try_from(pair).ok().filter(|[a, b]| b.0 <= a.1)) {
        let message = format!("{} and {} overlap.", a.2.path, b.2.path);
        return Err(ApiError::new(Code::InvalidParameterValue, message).target("startIpAddress"));
    }
    world.children(subnet, &FABRIC_ROUTES).into_iter().try_for_each(|route| routes::check(route, prefix))
}
