//! What a container's port lets through when nobody said anything, and what users may change about it.
//! (`firewall-defaults.md` sections 1 and 2)

use super::rule::{ICMP_V4, ICMP_V6, IGMP, Place, Rule, TCP, UDP};
use crate::network::Kind;
use policy::acl::{Action, Direction};
use policy::net::PortRange;

/// How a container is kept apart from its host. (`containers.md` section 3)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isolation {
    /// One kernel for all; the only one on Linux.
    #[default]
    Process,
    /// A kernel, and thereby a firewall, of its own.
    HyperV,
}

/// Which defaults the host has. (`firewall-defaults.md` section 2.1)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Era {
    /// Windows Server 1709 and later: the common protocols are let in.
    #[default]
    Current,
    /// Before that: nothing is let in but published ports.
    Before1709,
}

/// The rules of one endpoint by who enforces them. A packet must pass both places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet {
    /// Rules of the host's firewall in the order they are judged; `None` where it does not see the endpoint's packets.
    pub host: Option<Vec<Rule>>,
    /// Rules of the switch port; `None` where the switch does not enforce.
    pub switch: Option<Vec<Rule>>,
}

/// Why a rule cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing can be changed for this combination. (F13)
    #[error(
        "rules cannot be changed on a {kind} network with Hyper-V isolation: not supported for this driver and isolation; use l2bridge, l2tunnel or overlay, or process isolation"
    )]
    Fixed {
        /// The network's driver.
        kind: Kind,
    },
    /// The utility VM's firewall is not in reach. (F17)
    #[error(
        "a rule of RuleType Host has no effect with Hyper-V isolation, whose containers have a firewall of their own; use RuleType Switch"
    )]
    NoHostFirewall,
    /// The switch of this driver does not filter. (F18)
    #[error("a rule of RuleType Switch is not enforced on a {kind} network; use RuleType Host")]
    NoSwitchFilter {
        /// The network's driver.
        kind: Kind,
    },
}

/// Protocols that are let in unsolicited. (`firewall-defaults.md` section 2.1)
const WELCOME: [u8; 5] = [TCP, UDP, ICMP_V4, ICMP_V6, IGMP];

/// Below everything that users write, which have their priorities below 65000 by custom.
const WELCOME_PRIORITY: u16 = 65000;
const LAST_PRIORITY: u16 = 65500;

/// The default rules for an endpoint.
pub fn defaults(kind: Kind, isolation: Isolation, era: Era) -> RuleSet {
    let rules = match isolation {
        Isolation::Process => careful(era),
        Isolation::HyperV => everything(),
    };
    let RuleSet { host, switch } = RuleSet::without_rules(kind, isolation);
    RuleSet { host: host.map(|_| rules.clone()), switch: switch.map(|_| rules) }
}

/// HNS puts VFP on the ports of all drivers but nat and transparent. (`firewall-defaults.md` section 1)
fn has_switch_filter(kind: Kind) -> bool {
    matches!(kind, Kind::Overlay | Kind::L2Bridge | Kind::L2Tunnel)
}

fn careful(era: Era) -> Vec<Rule> {
    let welcome = Rule::new("default-in-allow", WELCOME_PRIORITY, Direction::Inbound, Action::Allow, WELCOME);
    let block = Rule::new("default-in-block", LAST_PRIORITY, Direction::Inbound, Action::Deny, []);
    let out = Rule::new("default-out-allow", LAST_PRIORITY, Direction::Outbound, Action::Allow, []);
    match era {
        Era::Current => vec![welcome, block, out],
        Era::Before1709 => vec![block, out],
    }
}

fn everything() -> Vec<Rule> {
    vec![
        Rule::new("default-in-allow", LAST_PRIORITY, Direction::Inbound, Action::Allow, []),
        Rule::new("default-out-allow", LAST_PRIORITY, Direction::Outbound, Action::Allow, []),
    ]
}

/// The place that enforces a user's rule that names none.
pub fn usual_place(kind: Kind) -> Place {
    if has_switch_filter(kind) { Place::Switch } else { Place::Host }
}

/// Whether a user may put a rule in `place`.
///
/// # Errors
/// The combination of driver, isolation and place has no effect on any host. (F13, F17, F18)
pub fn may_change(kind: Kind, isolation: Isolation, place: Place) -> Result<(), Refusal> {
    match (isolation, has_switch_filter(kind), place) {
        (Isolation::HyperV, false, _) => Err(Refusal::Fixed { kind }),
        (Isolation::HyperV, true, Place::Host) => Err(Refusal::NoHostFirewall),
        (Isolation::Process, false, Place::Switch) => Err(Refusal::NoSwitchFilter { kind }),
        _ => Ok(()),
    }
}

impl RuleSet {
    /// The places that enforce for this driver and isolation, with nothing to enforce yet.
    pub fn without_rules(kind: Kind, isolation: Isolation) -> Self {
        let (host, switch) = match isolation {
            Isolation::Process => (true, has_switch_filter(kind)),
            Isolation::HyperV => (false, true),
        };
        Self { host: host.then(Vec::new), switch: switch.then(Vec::new) }
    }

    /// The set with users' rules.
    ///
    /// # Errors
    /// Those of [`may_change`], for the first rule that cannot be had.
    pub fn with_user_rules(
        mut self,
        kind: Kind,
        isolation: Isolation,
        rules: impl IntoIterator<Item = (Place, Rule)>,
    ) -> Result<Self, Refusal> {
        for (place, rule) in rules {
            may_change(kind, isolation, place)?;
            self.add(place, rule);
        }
        Ok(self)
    }

    /// Lets flows to a published port in: what HNS adds to the host's firewall for each port mapping.
    /// (`firewall-defaults.md` section 2.4)
    pub fn publish(&mut self, protocol: u8, port: u16) {
        let mut rule =
            Rule::new(&format!("published-{protocol}-{port}"), 1000, Direction::Inbound, Action::Allow, [protocol]);
        rule.local_ports.extend(PortRange::new(port, port));
        self.add(Place::Host, rule);
    }

    /// The rules of one place; none where it does not enforce.
    pub fn of(&self, place: Place) -> &[Rule] {
        match place {
            Place::Host => self.host.as_deref().unwrap_or_default(),
            Place::Switch => self.switch.as_deref().unwrap_or_default(),
        }
    }

    /// Inserts behind the rules of the same priority. Does nothing where `place` does not enforce.
    fn add(&mut self, place: Place, rule: Rule) {
        let rules = match place {
            Place::Host => &mut self.host,
            Place::Switch => &mut self.switch,
        };
        if let Some(rules) = rules {
            let at = rules.partition_point(|other| other.priority <= rule.priority);
            rules.insert(at, rule);
        }
    }
}
