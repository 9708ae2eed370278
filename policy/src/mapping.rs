//! Section `network/<rdid>/mappings/<shard>`: where the customer addresses of a network live.

use crate::net::{MacAddr, Vsid, address_from_u128, address_to_u128};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A bounded part of a network's CA→PA table, ordered by VSID and address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingShard {
    /// At most [`ShardId::ADDRESSES`] per VSID.
    pub entries: Vec<Mapping>,
}

/// Customer address (CA) to customer MAC and provider address (PA). [Learn: HNV technical details]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mapping {
    /// Subnet of the address.
    pub vsid: Vsid,
    /// The customer address.
    pub ca: IpAddr,
    /// MAC of the NIC that owns it. Several addresses may share one.
    pub mac: MacAddr,
    /// Provider address of the host that the NIC is on.
    pub pa: IpAddr,
}

/// Which part of the table: the aligned block of 64 addresses that an address falls into.
///
/// Blocks of the address space need no rebalancing: which shard an address belongs to never depends on what other
/// addresses exist, so a change touches exactly one shard of bounded size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(IpAddr);

impl ShardId {
    /// Addresses in one block.
    pub const ADDRESSES: u128 = 64;

    /// The block of `address`.
    pub fn of(address: IpAddr) -> Self {
        let base = address_to_u128(address) & !(Self::ADDRESSES - 1);
        // Clearing bits keeps the number inside its family.
        Self(address_from_u128(base, address).unwrap_or(address))
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ShardId {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = match text.contains(':') {
            true => text.parse::<Ipv6Addr>()?.into(),
            false => text.parse::<Ipv4Addr>()?.into(),
        };
        Ok(Self::of(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_falls_into_the_aligned_block_of_64() {
        for (address, shard) in
            [("10.0.0.0", "10.0.0.0"), ("10.0.0.63", "10.0.0.0"), ("10.0.0.64", "10.0.0.64"), ("fd00::7f", "fd00::40")]
        {
            let id = ShardId::of(address.parse().unwrap());
            assert_eq!(id.to_string(), shard);
            assert_eq!(shard.parse::<ShardId>().unwrap(), id);
        }
    }
}
