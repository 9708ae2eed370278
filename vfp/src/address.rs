//! IP addresses in one fixed-size form for both families.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 address as `::ffff:a.b.c.d`, an IPv6 address as itself: compares, orders and hashes without a case split.
///
/// The two cannot meet: the IPv4-mapped block may not appear on the wire [RFC 4291 section 2.5.5.2], and the parser
/// refuses packets that use it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
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

    /// Can be the address of one machine: no group, no broadcast, not unspecified, not loopback.
    pub(crate) const fn is_unicast(self) -> bool {
        if self.is_v4() {
            let first_octet = self.low >> 24 & 0xff;
            first_octet != 0 && first_octet != 127 && first_octet < 224
        } else {
            let is_group = self.high >> 56 == 0xff;
            let is_unspecified_or_loopback = self.high == 0 && self.low <= 1;
            !(is_group || is_unspecified_or_loopback)
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

    #[inline]
    pub(crate) fn to_ip(self) -> IpAddr {
        let [.., a, b, c, d] = self.low.to_be_bytes();
        if self.is_v4() { Ipv4Addr::new(a, b, c, d).into() } else { Ipv6Addr::from(u128::from(self)).into() }
    }
}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128((*self).into());
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
    fn unicast_is_what_one_machine_can_have() {
        for (text, expected) in [
            ("10.0.0.1", true),
            ("223.255.255.255", true),
            ("0.0.0.0", false),
            ("127.0.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("fd00::1", true),
            ("fe80::1", true),
            ("::2", true),
            ("::", false),
            ("::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(Address::from(text.parse::<IpAddr>().unwrap()).is_unicast(), expected, "{text}");
        }
    }

    #[test]
    fn addresses_of_both_families_survive_the_fixed_size_form() {
        for text in ["0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1", "fd00::1:2", "ffff::ffff"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(Address::from(ip).to_ip(), ip, "{text}");
            assert_eq!(Address::from(ip).is_v4(), ip.is_ipv4(), "{text}");
        }
    }
}
