//! What a rule matches on.

use policy::net::{PortRange, Prefix};
use std::fmt;

/// Transport protocol of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Every IP protocol; with a restricted port range only TCP and UDP (`semantics.md` 1.5).
    Any,
    /// 6
    Tcp,
    /// 17
    Udp,
    /// 1
    IcmpV4,
    /// 58
    IcmpV6,
}

/// A set of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressSet {
    /// Every address of both families.
    Any,
    /// In one of the prefixes; none for no prefix.
    Within(Vec<Prefix>),
    /// In none of the prefixes; every address of both families for no prefix.
    Outside(Vec<Prefix>),
}

/// Five conditions that must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Protocol.
    pub protocol: Protocol,
    /// Source address.
    pub source: AddressSet,
    /// Source port; judged for TCP and UDP only.
    pub source_ports: PortRange,
    /// Destination address.
    pub destination: AddressSet,
    /// Destination port; judged for TCP and UDP only.
    pub destination_ports: PortRange,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "*",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::IcmpV4 => "icmpv4",
            Self::IcmpV6 => "icmpv6",
        })
    }
}

impl fmt::Display for AddressSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, prefixes) = match self {
            Self::Any => return f.write_str("*"),
            Self::Within(prefixes) if prefixes.is_empty() => return f.write_str("none"),
            Self::Outside(prefixes) if prefixes.is_empty() => return f.write_str("*"),
            Self::Within(prefixes) => ("", prefixes),
            Self::Outside(prefixes) => ("!", prefixes),
        };
        f.write_str(mark)?;
        for (index, prefix) in prefixes.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{prefix}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, source, source_ports, destination, destination_ports } = self;
        write!(f, "{protocol} {source}:{source_ports} > {destination}:{destination_ports}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_addresses_read_as_people_write_them() {
        let prefixes = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Prefix>>();
        for (set, text) in [
            (AddressSet::Any, "*"),
            (AddressSet::Within(prefixes(&["10.0.0.0/8", "fd00::/8"])), "10.0.0.0/8,fd00::/8"),
            (AddressSet::Outside(prefixes(&["10.0.0.0/8"])), "!10.0.0.0/8"),
            (AddressSet::Within(Vec::new()), "none"),
            (AddressSet::Outside(Vec::new()), "*"),
        ] {
            assert_eq!(set.to_string(), text);
        }
    }
}
