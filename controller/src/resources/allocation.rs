//! Numbers that the controller hands out: addresses, MACs, VSIDs. Pure: what is taken in, what is free out.
//!
//! Everything is a number within a scope (a routing domain's addresses, all MACs, all VSIDs), so one search serves all. A
//! scope keeps the *runs* of taken numbers, not the numbers: the lowest free one is found by looking at one run, however
//! many numbers are taken.

use imbl::OrdMap;
use policy::ids::NetworkId;
use policy::net::{MacAddr, Prefix, Vsid, address_from_u128, address_to_u128};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// The taken numbers of one scope, as maximal runs. Persistent: a clone shares its content.
///
/// A number that was released stays taken until its hold-off is over; whoever keeps the books of owners decides when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// First number of a run to its last. No two runs touch.
    runs: OrdMap<u128, u128>,
}

impl Taken {
    /// Whether `number` is taken. O(log runs).
    pub fn contains(&self, number: u128) -> bool {
        self.run_at(number).is_some()
    }

    /// Takes `number`; `false` if it was taken already. O(log runs).
    pub fn insert(&mut self, number: u128) -> bool {
        if self.contains(number) {
            return false;
        }
        let below = number.checked_sub(1).and_then(|below| self.run_at(below));
        let above = number.checked_add(1).and_then(|above| self.runs.get(&above).map(|&last| (above, last)));
        if let Some((first, _)) = above {
            self.runs.remove(&first);
        }
        let first = below.map_or(number, |(first, _)| first);
        let last = above.map_or(number, |(_, last)| last);
        self.runs.insert(first, last);
        true
    }

    /// Frees `number`; `false` if it was not taken. O(log runs).
    pub fn remove(&mut self, number: u128) -> bool {
        let Some((first, last)) = self.run_at(number) else {
            return false;
        };
        self.runs.remove(&first);
        if first < number {
            self.runs.insert(first, number - 1);
        }
        if number < last {
            self.runs.insert(number + 1, last);
        }
        true
    }

    /// The lowest number of `range` that is not taken. O(log runs).
    pub fn first_free(&self, range: RangeInclusive<u128>) -> Option<u128> {
        let (first, last) = range.into_inner();
        let candidate = match self.run_at(first) {
            Some((_, end)) => end.checked_add(1)?,
            None => first,
        };
        (candidate <= last).then_some(candidate)
    }

    /// How many numbers of `range` are taken. O(runs inside the range).
    pub fn count(&self, range: RangeInclusive<u128>) -> u128 {
        let (first, last) = range.into_inner();
        if first > last {
            return 0;
        }
        let start = self.run_at(first).map_or(first, |(start, _)| start);
        self.runs
            .range(start..=last)
            .map(|(&from, &to)| (to.min(last) - from.max(first)).saturating_add(1))
            .fold(0, u128::saturating_add)
    }

    /// The run that holds `number`.
    fn run_at(&self, number: u128) -> Option<(u128, u128)> {
        self.runs.get_prev(&number).map(|(&first, &last)| (first, last)).filter(|&(_, last)| number <= last)
    }
}

/// The first number of `ranges`, taken in order, that is neither taken nor reserved.
pub fn first_free(
    ranges: impl IntoIterator<Item = RangeInclusive<u128>>,
    taken: &Taken,
    reserved: &BTreeSet<u128>,
) -> Option<u128> {
    ranges.into_iter().find_map(|range| {
        let (mut from, last) = range.into_inner();
        loop {
            let candidate = taken.first_free(from..=last)?;
            if !reserved.contains(&candidate) {
                return Some(candidate);
            }
            from = candidate.checked_add(1)?;
        }
    })
}

/// What the addresses of a virtual subnet are for. `semantics.md` 3.4 and 3.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubnetPlan {
    prefix: Prefix,
}

impl SubnetPlan {
    /// Hosts below this one (counted from the network address) are left to routers, DNS and VIPs of the tenant's choice.
    const FIRST_DYNAMIC_HOST: u128 = 4;

    /// The plan of a subnet with this prefix.
    pub fn new(prefix: Prefix) -> Self {
        Self { prefix }
    }

    /// Address of the distributed router: the lowest host address. The only address of a prefix that has but one.
    pub fn router(self) -> IpAddr {
        let network = self.prefix.network();
        let first_host = address_to_u128(network) + u128::from(!self.is_host_prefix());
        address_from_u128(first_host, network).unwrap_or(network)
    }

    /// Whether no NIC may have `address`: network, router and (IPv4) broadcast address.
    pub fn is_reserved(self, address: IpAddr) -> bool {
        let broadcast = self.prefix.is_ipv4() && address == self.prefix.last();
        address == self.prefix.network() || address == self.router() || broadcast
    }

    /// Where dynamic addresses come from. Empty (first beyond last) when the prefix is too small for any.
    pub fn dynamic_range(self) -> RangeInclusive<u128> {
        let network = address_to_u128(self.prefix.network());
        let last = address_to_u128(self.prefix.last()).saturating_sub(u128::from(self.prefix.is_ipv4()));
        // A small subnet has no addresses to leave aside: then everything above the router is handed out.
        let roomy = last.saturating_sub(network) > Self::FIRST_DYNAMIC_HOST;
        let skipped = if roomy { Self::FIRST_DYNAMIC_HOST } else { 2 };
        match network.checked_add(skipped) {
            Some(first) => first..=last,
            None => RangeInclusive::new(1, 0),
        }
    }

    fn is_host_prefix(self) -> bool {
        self.prefix.network() == self.prefix.last()
    }
}

/// VSIDs when `virtualSubnetIdRange` was never set. [MS-NCNBI 3.1.5.19]
pub const DEFAULT_VSIDS: RangeInclusive<u32> = Vsid::MIN_TENANT..=Vsid::MAX_TENANT;

/// MAC of the distributed router of a routing domain: the same on every host and for the network's whole life, from the
/// random part of its id, locally administered so that no vendor's card and no MAC pool of a vendor range has it.
pub fn router_mac(network: NetworkId) -> MacAddr {
    const LOCAL: u8 = 0b10;
    const GROUP: u8 = 0b01;
    let [.., first, b, c, d, e, f] = *network.0.as_bytes();
    MacAddr::new([(first & !GROUP) | LOCAL, b, c, d, e, f])
}

#[cfg(test)]
mod tests;
