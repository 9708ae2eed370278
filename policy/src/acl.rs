//! Access control lists: stateful five-tuple rules. `semantics.md` section 1, [MS-NCNBI 3.1.5.1].

use crate::ids::AclId;
use crate::net::{PortRange, Prefix};
use serde::{Deserialize, Serialize};

/// Section `acl/<instanceId>`: one list, rules in match order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// The list.
    pub id: AclId,
    /// Verdict for inbound traffic that no rule matches.
    pub inbound_default: Action,
    /// Verdict for outbound traffic that no rule matches.
    pub outbound_default: Action,
    /// Ordered by priority, then by rule id: the first match decides.
    pub rules: Vec<AclRule>,
}

/// One match/verdict line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclRule {
    /// `resourceId` of the rule: what traces and counters name.
    pub id: String,
    /// 100 to 65000, lower wins.
    pub priority: u16,
    /// Seen from the VM port.
    pub direction: Direction,
    /// Verdict.
    pub action: Action,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Source address.
    pub source: AddressMatch,
    /// Source port; judged for TCP and UDP.
    pub source_ports: PortRange,
    /// Destination address.
    pub destination: AddressMatch,
    /// Destination port; judged for TCP and UDP.
    pub destination_ports: PortRange,
    /// Whether matching flows go to the audit log.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub logging: bool,
}

/// Inbound is towards the VM port, outbound is from the VM. [MS-NCNBI 3.1.5.1.2]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the VM.
    #[serde(rename = "out")]
    Outbound,
    /// Towards the VM.
    #[serde(rename = "in")]
    Inbound,
}

/// Verdict of a rule or of a list's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Let pass and remember the flow.
    Allow,
    /// Drop.
    Deny,
}

/// What `aclRules.protocol` can say; `HTTP` means TCP (`semantics.md` 1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Every IP protocol. With restricted ports: only TCP and UDP.
    #[serde(rename = "*")]
    Any,
    /// 6.
    Tcp,
    /// 17.
    Udp,
    /// 1.
    IcmpV4,
    /// 58.
    IcmpV6,
}

/// Source or destination of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AddressMatch {
    /// Every address of both families.
    Any,
    /// One prefix.
    Prefix(Prefix),
    /// A service tag, expanded with the network that the port is in.
    Tag(ServiceTag),
}

/// Service tags; expansion in `semantics.md` 1.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ServiceTag {
    /// The address space of the port's virtual network.
    VirtualNetwork,
    /// Every address outside of it.
    Internet,
    /// The source of health probes: the router address of the port's subnet.
    AzureLoadBalancer,
}
