//! One-line forms, for tests, logs and traces: `110 in allow tcp 10.0.0.0/8:* > *:443 web-in`.

use crate::acl::{AclRule, Action, AddressMatch, Direction, Protocol, ServiceTag};
use crate::mapping::Mapping;
use std::fmt;

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Outbound => "out",
            Self::Inbound => "in",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        })
    }
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

impl fmt::Display for ServiceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VirtualNetwork => "VIRTUALNETWORK",
            Self::Internet => "INTERNET",
            Self::AzureLoadBalancer => "AZURELOADBALANCER",
        })
    }
}

impl fmt::Display for AddressMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Prefix(prefix) => prefix.fmt(f),
            Self::Tag(tag) => tag.fmt(f),
        }
    }
}

impl fmt::Display for AclRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            priority,
            direction,
            action,
            protocol,
            source,
            source_ports,
            destination,
            destination_ports,
            logging: _,
        } = self;
        write!(
            f,
            "{priority} {direction} {action} {protocol} {source}:{source_ports} > {destination}:{destination_ports} {id}"
        )
    }
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vsid, ca, mac, pa } = self;
        write!(f, "{vsid} {ca} {mac} > {pa}")
    }
}
