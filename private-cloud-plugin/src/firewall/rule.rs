//! One line of a port's firewall, free of any engine's spelling.

use policy::acl::{Action, Direction};
use policy::net::{PortRange, Prefix};
use std::collections::BTreeSet;

/// Who enforces a rule. [HCN schema, `RuleType`]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The firewall of the system that the container runs in: Windows Firewall.
    Host,
    /// The switch port that the container is plugged into: VFP.
    Switch,
}

impl Place {
    /// `RuleType` in HCN documents.
    pub const fn rule_type(self) -> &'static str {
        match self {
            Self::Host => "Host",
            Self::Switch => "Switch",
        }
    }
}

/// Addresses and ports are the container's (`local`) and its peer's (`remote`), whichever way a packet goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Name or GUID for people and tools; may be empty.
    pub id: String,
    /// 0 to 65535, lower is judged first; equal ones in the order they were given.
    pub priority: u16,
    /// Which side begins the flow; answers always pass.
    pub direction: Direction,
    /// Verdict.
    pub action: Action,
    /// IP protocol numbers; empty means every protocol.
    pub protocols: BTreeSet<u8>,
    /// The container's addresses; empty means all.
    pub local_addresses: Vec<Prefix>,
    /// Peers' addresses; empty means all.
    pub remote_addresses: Vec<Prefix>,
    /// The container's ports; empty means all. Only TCP and UDP have ports.
    pub local_ports: Vec<PortRange>,
    /// Peers' ports; empty means all.
    pub remote_ports: Vec<PortRange>,
}

/// Protocol number of TCP.
pub const TCP: u8 = 6;
/// Protocol number of UDP.
pub const UDP: u8 = 17;
/// Protocol number of ICMP for IPv4.
pub const ICMP_V4: u8 = 1;
/// Protocol number of IGMP.
pub const IGMP: u8 = 2;
/// Protocol number of ICMP for IPv6.
pub const ICMP_V6: u8 = 58;

impl Rule {
    /// A rule for every address and port.
    pub fn new(
        id: &str,
        priority: u16,
        direction: Direction,
        action: Action,
        protocols: impl IntoIterator<Item = u8>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            priority,
            direction,
            action,
            protocols: protocols.into_iter().collect(),
            local_addresses: Vec::new(),
            remote_addresses: Vec::new(),
            local_ports: Vec::new(),
            remote_ports: Vec::new(),
        }
    }

    /// Whether the rule looks at ports.
    pub fn names_ports(&self) -> bool {
        !self.local_ports.is_empty() || !self.remote_ports.is_empty()
    }

    /// The protocols it applies to; a rule for every protocol that names ports is one for TCP and UDP.
    pub fn effective_protocols(&self) -> BTreeSet<u8> {
        match self.protocols.is_empty() && self.names_ports() {
            true => BTreeSet::from([TCP, UDP]),
            false => self.protocols.clone(),
        }
    }
}
