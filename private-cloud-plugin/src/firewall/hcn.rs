//! Rules as ACL policies of HNS, and back. [HCN schema, AclPolicySetting; `hcn.md` section 4]

use super::defaults::RuleSet;
use super::rule::{Place, Rule, TCP, UDP};
use crate::hns::policy::{AclAction, AclDirection, AclSettings, Policy, RuleType, Settings};
use policy::acl::{Action, Direction};
use policy::net::{PortRange, Prefix};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

/// Why an ACL of a user cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AclError {
    /// A member holds something else than it should.
    #[error("ACL: {field} '{value}' cannot be read: {problem}")]
    Field {
        /// Name of the member.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing is judged after the endpoint's own rules.
    #[error("ACL: Action Pass is for tiers (TierAcl); an ACL allows or blocks")]
    Pass,
    /// Only TCP and UDP have ports.
    #[error("ACL: ports are given for protocols '{0}'; only TCP (6) and UDP (17) have ports")]
    PortsWithoutTransport(String),
}

/// The rule of an ACL, and the place that it asks for.
///
/// # Errors
/// A member cannot be read, or members do not go together.
pub fn from_acl(acl: &AclSettings) -> Result<(Option<Place>, Rule), AclError> {
    let rule = Rule {
        id: acl.id.clone(),
        priority: acl.priority,
        direction: match acl.direction {
            AclDirection::In => Direction::Inbound,
            AclDirection::Out => Direction::Outbound,
        },
        action: match acl.action {
            AclAction::Allow => Action::Allow,
            AclAction::Block => Action::Deny,
            AclAction::Pass => return Err(AclError::Pass),
        },
        protocols: protocols(&acl.protocols)?,
        local_addresses: list::<Prefix>("LocalAddresses", &acl.local_addresses)?,
        remote_addresses: list::<Prefix>("RemoteAddresses", &acl.remote_addresses)?,
        local_ports: list::<PortRange>("LocalPorts", &acl.local_ports)?,
        remote_ports: list::<PortRange>("RemotePorts", &acl.remote_ports)?,
    };
    if rule.names_ports() && !rule.effective_protocols().iter().all(|number| [TCP, UDP].contains(number)) {
        return Err(AclError::PortsWithoutTransport(acl.protocols.clone()));
    }
    let place = acl.rule_type.map(|kind| match kind {
        RuleType::Host => Place::Host,
        RuleType::Switch => Place::Switch,
    });
    Ok((place, rule))
}

/// Numbers, and the few names that documents of Windows CNI plugins use.
fn protocols(text: &str) -> Result<BTreeSet<u8>, AclError> {
    // 256 stands for every protocol in documents of version 1.
    if matches!(text.trim(), "" | "*" | "256") {
        return Ok(BTreeSet::new());
    }
    let number = |word: &str| match word.to_ascii_lowercase().as_str() {
        "tcp" => Ok(TCP),
        "udp" => Ok(UDP),
        "icmp" | "icmpv4" => Ok(super::ICMP_V4),
        "icmpv6" => Ok(super::ICMP_V6),
        "igmp" => Ok(super::IGMP),
        other => other.parse().map_err(|_| field("Protocols", text, "is no list of protocol numbers, such as 6,17")),
    };
    text.split(',').map(|word| number(word.trim())).collect()
}

fn list<T: FromStr<Err: Display>>(name: &'static str, text: &str) -> Result<Vec<T>, AclError> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(|item| item.parse().map_err(|problem| field(name, text, problem))).collect()
}

fn field(field: &'static str, value: &str, problem: impl Display) -> AclError {
    AclError::Field { field, value: value.to_owned(), problem: problem.to_string() }
}

/// The set as policies, the host's rules before the switch's.
pub fn acl_policies(set: &RuleSet) -> Vec<Policy> {
    let policies = |place: Place| set.of(place).iter().map(move |rule| to_acl(place, rule).policy());
    policies(Place::Host).chain(policies(Place::Switch)).collect()
}

fn to_acl(place: Place, rule: &Rule) -> AclSettings {
    AclSettings {
        protocols: joined(&rule.protocols),
        action: match rule.action {
            Action::Allow => AclAction::Allow,
            Action::Deny => AclAction::Block,
        },
        direction: match rule.direction {
            Direction::Inbound => AclDirection::In,
            Direction::Outbound => AclDirection::Out,
        },
        local_addresses: joined(&rule.local_addresses),
        remote_addresses: joined(&rule.remote_addresses),
        local_ports: joined(&rule.local_ports),
        remote_ports: joined(&rule.remote_ports),
        rule_type: Some(match place {
            Place::Host => RuleType::Host,
            Place::Switch => RuleType::Switch,
        }),
        priority: rule.priority,
        id: rule.id.clone(),
    }
}

fn joined<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(",")
}
