//! Addresses and numbers of the network, parsed at the edge: a value that exists is valid.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Why a text is no address, prefix or number. States the fact; the caller chooses the error code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no valid {what}")]
pub struct ParseError {
    /// What was expected, for example `MAC address`.
    pub what: &'static str,
    /// What was found instead.
    pub text: String,
}

fn no_valid(what: &'static str, text: &str) -> ParseError {
    ParseError { what, text: text.to_owned() }
}

/// An Ethernet address. Reads `001DD8100007`, `00-1D-D8-10-00-07` and `00:1d:d8:10:00:07`; prints the last form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct MacAddr([u8; 6]);

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// The address with these octets, first on the wire first.
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// Octets in wire order.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// The group bit: broadcast and multicast.
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// As a number, for ranges and pools.
    pub const fn to_u64(self) -> u64 {
        let o = self.0;
        u64::from_be_bytes([0, 0, o[0], o[1], o[2], o[3], o[4], o[5]])
    }

    /// The lower 48 bits of `number`.
    pub const fn from_u64(number: u64) -> Self {
        let [_, _, a, b, c, d, e, f] = number.to_be_bytes();
        Self([a, b, c, d, e, f])
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digit by digit: mapping sections are made of these, and `{:02x}` six times takes half the time of a section.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b':'; 17];
        for (octet, place) in self.0.into_iter().zip(text.chunks_mut(3)) {
            place[0] = DIGITS[usize::from(octet >> 4)];
            place[1] = DIGITS[usize::from(octet & 15)];
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for MacAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MacAddr {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let invalid = || no_valid("MAC address", text);
        let bytes = text.as_bytes();
        let (stride, separator) = match (bytes.len(), bytes.get(2)) {
            (12, _) => (2, None),
            (17, Some(separator @ (b':' | b'-'))) => (3, Some(separator)),
            _ => return Err(invalid()),
        };
        let mut octets = [0; 6];
        for (octet, group) in octets.iter_mut().zip(bytes.chunks(stride)) {
            let digit = |at: usize| group.get(at).and_then(|digit| char::from(*digit).to_digit(16));
            let digits = digit(0).zip(digit(1)).ok_or_else(invalid)?;
            *octet = u8::try_from(digits.0 << 4 | digits.1).map_err(|_| invalid())?;
            if separator.is_some() && group.get(2).is_some_and(|found| Some(found) != separator) {
                return Err(invalid());
            }
        }
        Ok(Self(octets))
    }
}

impl TryFrom<String> for MacAddr {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

/// Virtual subnet id, which is also the VXLAN network identifier (VNI): 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Vsid(u32);

impl Vsid {
    /// Lowest id a tenant subnet may have. [MS-NCNBI 3.1.5.19]
    pub const MIN_TENANT: u32 = 4096;
    /// Highest id that is ever handed out; 2^24-1 is reserved (`semantics.md` 3.1).
    pub const MAX_TENANT: u32 = 0x00ff_fffe;

    /// `None` when `id` does not fit into 24 bits.
    pub const fn new(id: u32) -> Option<Self> {
        if id < 1 << 24 { Some(Self(id)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Vsid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<u32> for Vsid {
    type Error = ParseError;

    fn try_from(id: u32) -> Result<Self, ParseError> {
        Self::new(id).ok_or_else(|| no_valid("virtual subnet id", &id.to_string()))
    }
}

impl From<Vsid> for u32 {
    fn from(vsid: Vsid) -> Self {
        vsid.0
    }
}

/// An address prefix with its host bits cleared. Reads CIDR, or a bare address as /32 or /128.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix(IpNet);

impl Prefix {
    /// `net` without its host bits.
    pub fn new(net: IpNet) -> Self {
        Self(net.trunc())
    }

    /// The prefix that holds `address` and nothing else.
    pub fn host(address: IpAddr) -> Self {
        Self(IpNet::from(address))
    }

    /// As the library type.
    pub fn net(&self) -> IpNet {
        self.0
    }

    /// Whether `address` is of the same family and inside.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// Whether `other` is of the same family and wholly inside.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Whether any address is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// First address: the network address.
    pub fn network(&self) -> IpAddr {
        self.0.network()
    }

    /// Last address: the broadcast address of an IPv4 prefix.
    pub fn last(&self) -> IpAddr {
        self.0.broadcast()
    }

    /// Length in bits.
    pub fn prefix_len(&self) -> u8 {
        self.0.prefix_len()
    }

    /// Whether the prefix holds every address of its family.
    pub fn is_all(&self) -> bool {
        self.0.prefix_len() == 0
    }

    /// IPv4 or not.
    pub fn is_ipv4(&self) -> bool {
        matches!(self.0, IpNet::V4(_))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Prefix {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let net = match text.parse::<IpNet>() {
            Ok(net) => net,
            Err(_) => text.parse::<IpAddr>().map(IpNet::from).map_err(|_| no_valid("address prefix", text))?,
        };
        Ok(Self::new(net))
    }
}

impl TryFrom<String> for Prefix {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

impl From<Ipv4Net> for Prefix {
    fn from(net: Ipv4Net) -> Self {
        Self::new(net.into())
    }
}

impl From<Ipv6Net> for Prefix {
    fn from(net: Ipv6Net) -> Self {
        Self::new(net.into())
    }
}

/// A customer address as a number, for ordering and arithmetic within one family.
pub fn address_to_u128(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

/// The reverse of [`address_to_u128`] in the family of `like`; `None` when `number` does not fit.
pub fn address_from_u128(number: u128, like: IpAddr) -> Option<IpAddr> {
    match like {
        IpAddr::V4(_) => u32::try_from(number).ok().map(|n| Ipv4Addr::from(n).into()),
        IpAddr::V6(_) => Some(Ipv6Addr::from(number).into()),
    }
}

/// Inclusive range of transport ports. Reads `N`, `N-M` and `*`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// Every port.
    pub const ANY: Self = Self { first: 0, last: u16::MAX };

    /// `None` when the range is empty.
    pub const fn new(first: u16, last: u16) -> Option<Self> {
        if first <= last { Some(Self { first, last }) } else { None }
    }

    /// Lowest port.
    pub const fn first(self) -> u16 {
        self.first
    }

    /// Highest port.
    pub const fn last(self) -> u16 {
        self.last
    }

    /// Whether every port is inside.
    pub const fn is_any(self) -> bool {
        self.first == 0 && self.last == u16::MAX
    }

    /// Whether `port` is inside.
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            range if range.is_any() => f.write_str("*"),
            Self { first, last } if first == last => write!(f, "{first}"),
            Self { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

impl fmt::Debug for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PortRange {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // `u16::from_str` takes a leading plus sign, which the contract does not.
        let port = |digits: &str| match digits.bytes().all(|digit| digit.is_ascii_digit()) {
            true => digits.parse::<u16>().map_err(|_| no_valid("port range", text)),
            false => Err(no_valid("port range", text)),
        };
        let (first, last) = match (text, text.split_once('-')) {
            ("*", _) => return Ok(Self::ANY),
            (_, Some((first, last))) => (port(first)?, port(last)?),
            (single, None) => (port(single)?, port(single)?),
        };
        Self::new(first, last).ok_or_else(|| no_valid("port range", text))
    }
}

impl TryFrom<String> for PortRange {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_address_reads_every_spelling_clients_use() {
        for text in ["001DD8100007", "00-1D-D8-10-00-07", "00:1d:d8:10:00:07"] {
            assert_eq!(text.parse::<MacAddr>().unwrap().octets(), [0, 0x1d, 0xd8, 0x10, 0, 7], "{text}");
        }
        let mac = MacAddr::new([0, 0x1d, 0xd8, 0x10, 0xaf, 7]);
        assert_eq!(serde_json::to_string(&mac).unwrap(), "\"00:1d:d8:10:af:07\"");
    }

    #[test]
    fn mac_address_refuses_what_is_none() {
        for text in [
            "",
            "001DD810000",
            "001DD81000077",
            "00-1D-D8:10-00-07",
            "0-01D-D8-10-00-07",
            "+01DD8100007",
            "é01DD810000",
        ] {
            assert!(text.parse::<MacAddr>().is_err(), "{text}");
        }
    }

    #[test]
    fn prefix_drops_host_bits_and_takes_bare_addresses() {
        for (text, expected) in
            [("10.0.0.7/24", "10.0.0.0/24"), ("10.0.0.7", "10.0.0.7/32"), ("fd00::1", "fd00::1/128"), ("::/0", "::/0")]
        {
            assert_eq!(text.parse::<Prefix>().unwrap().to_string(), expected);
        }
        for text in ["", "10.0.0.0/33", "10.0.0", "10.20.300.0/24", "*", "10.0.0.0/24,10.0.1.0/24"] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }

    #[test]
    fn port_range_reads_the_documented_grammar_only() {
        for (text, first, last) in [("*", 0, 65535), ("80", 80, 80), ("0-65535", 0, 65535), ("80-90", 80, 90)] {
            let range = text.parse::<PortRange>().unwrap();
            assert_eq!((range.first(), range.last()), (first, last), "{text}");
        }
        for text in ["", "-", "90-80", "65536", "80,90", "80-", "-80", "+80", " 80", "a"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn vsid_is_24_bits() {
        assert!(Vsid::new(0x00ff_ffff).is_some());
        assert!(Vsid::new(0x0100_0000).is_none());
    }
}
