//! IP addresses in one fixed-size form for both families.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address as `::ffff:a.b.c.d`, an IPv6 address as itself: compares, orders and hashes without a case split.
///
/// The two cannot meet: the IPv4-mapped block may not appear on the wire [RFC 4291 section 2.5.5.2], and the parser
/// refuses packets that use it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address {
    high: u64,
    low: u64,
}

/// Upper half of the 128 bits that precede an IPv4 address, once shifted into place.
const MAPPED: u64 = 0xffff << 32;

impl Address {
    pub(crate) const FIRST: Self = Self { high: 0, low: 0 };
    pub(crate) const FIRST_V4: Self = Self { high: 0, low: MAPPED };
    pub(crate) const LAST_V4: Self = Self { high: 0, low: MAPPED | u32::MAX as u64 };

    pub(crate) const fn v4(octets: [u8; 4]) -> Self {
        Self { high: 0, low: MAPPED | u32::from_be_bytes(octets) as u64 }
    }

    pub(crate) const fn v6(octets: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, rest @ ..] = octets;
        Self { high: u64::from_be_bytes([a, b, c, d, e, f, g, h]), low: u64::from_be_bytes(rest) }
    }

    pub(crate) const fn is_v4(self) -> bool {
        self.high == 0 && self.low >> 32 == 0xffff
    }

    /// Neither a single machine's nor unusable as a source: broadcast, multicast, unspecified, or loopback.
    pub(crate) fn is_unicast(self) -> bool {
        match self.to_ip() {
            IpAddr::V4(v4) => !(v4.is_multicast() || v4.is_broadcast() || v4.is_unspecified() || v4.is_loopback()),
            IpAddr::V6(v6) => !(v6.is_multicast() || v6.is_unspecified() || v6.is_loopback()),
        }
    }

    /// The next higher address; `None` after the last.
    pub(crate) fn next(self) -> Option<Self> {
        u128::from(self).checked_add(1).map(Self::from)
    }

    /// The next lower address; `None` before the first.
    pub(crate) fn previous(self) -> Option<Self> {
        u128::from(self).checked_sub(1).map(Self::from)
    }

    pub(crate) fn to_ip(self) -> IpAddr {
        Ipv6Addr::from(u128::from(self)).to_canonical()
    }
}

impl From<Address> for u128 {
    fn from(address: Address) -> Self {
        Self::from(address.high) << 64 | Self::from(address.low)
    }
}

impl From<u128> for Address {
    fn from(number: u128) -> Self {
        Self::v6(number.to_be_bytes())
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::v4(v4.octets()),
            IpAddr::V6(v6) => Self::v6(v6.octets()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ip().fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ip().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_families_survive_the_fixed_size_form() {
        for text in ["0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1", "fd00::1:2", "ffff::ffff"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(Address::from(ip).to_ip(), ip, "{text}");
            assert_eq!(Address::from(ip).is_v4(), ip.is_ipv4(), "{text}");
        }
    }
}
