//! Access control lists, and the layer that judges new flows by them. `semantics.md` section 1.

use crate::classifier::Classifier;
use crate::condition::Condition;
use crate::direction::{Direction, PerDirection};
use crate::drop_reason::DropReason;
use crate::flow_key::Tuple;
use crate::ids::Tag;
use crate::tenant::walk::{Judged, Stop, Walk};
use crate::trace::{Attachment, Finding, Observer, Stage};
use std::fmt;

/// Name of a list, chosen by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AclId(pub u128);

/// One list. Service tags are already expanded: where two networks expand a list differently, it is two lists here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// Name for people, for traces.
    pub name: String,
    /// Verdict for inbound flows that no rule matches.
    pub inbound_default: Action,
    /// Verdict for outbound flows that no rule matches.
    pub outbound_default: Action,
    /// In match order: the first match decides.
    pub rules: Vec<AclRule>,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclRule {
    /// Name for people, for traces.
    pub id: String,
    /// Shown in traces; the order of the rules is the order of the list.
    pub priority: u16,
    /// Only packets of this direction are judged.
    pub direction: Direction,
    /// Verdict.
    pub action: Action,
    /// What it matches.
    pub condition: Condition,
}

/// Verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Let pass, and the return traffic with it.
    Allow,
    /// Drop.
    Deny,
}

/// Verdicts for ports that no list reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithoutAcl {
    /// For flows towards the VM.
    pub inbound: Action,
    /// For flows from the VM.
    pub outbound: Action,
}

impl WithoutAcl {
    const fn get(self, direction: Direction) -> Action {
        match direction {
            Direction::Outbound => self.outbound,
            Direction::Inbound => self.inbound,
        }
    }
}

impl Default for WithoutAcl {
    /// Deny what comes in, allow what goes out (`semantics.md` 1.4).
    fn default() -> Self {
        Self { inbound: Action::Deny, outbound: Action::Allow }
    }
}

/// A list ready to judge by.
pub(crate) struct CompiledAcl {
    pub(crate) tag: Tag,
    name: String,
    directions: PerDirection<Rules>,
}

/// The rules of one direction.
struct Rules {
    rules: Vec<AclRule>,
    classifier: Classifier,
    default: Action,
}

impl CompiledAcl {
    pub(crate) fn new(tag: Tag, acl: &Acl) -> Self {
        let rules = |direction, default| {
            let rules: Vec<AclRule> = acl.rules.iter().filter(|rule| rule.direction == direction).cloned().collect();
            let classifier = Classifier::new(rules.iter().map(|rule| &rule.condition));
            Rules { rules, classifier, default }
        };
        let outbound = rules(Direction::Outbound, acl.outbound_default);
        let inbound = rules(Direction::Inbound, acl.inbound_default);
        Self { tag, name: acl.name.clone(), directions: PerDirection { outbound, inbound } }
    }

    /// One line for each rule.
    pub(crate) fn rule_lines(&self) -> impl Iterator<Item = String> {
        let rules = [&self.directions.inbound, &self.directions.outbound].into_iter().flat_map(|rules| &rules.rules);
        rules.map(|rule| format!("{} {rule}", self.name))
    }

    /// One line for each default.
    pub(crate) fn default_lines(&self) -> [String; 2] {
        [Direction::Inbound, Direction::Outbound].map(|direction| {
            let default = self.directions.get(direction).default;
            format!("{} default {direction} {default}", self.name)
        })
    }
}

/// Who decided what.
struct Judgement<'a> {
    action: Action,
    list: Option<(&'a CompiledAcl, Attachment)>,
    rule: Option<&'a AclRule>,
}

/// The layer, in both directions: judges the opening packet of the flow, which may have been another one.
pub(crate) fn judge(walk: &mut Walk<'_>, observer: &mut impl Observer) -> Result<(), Stop> {
    let Judged { tuple, direction } = walk.judged;
    let Judgement { action, list, rule } = decide(walk, &tuple, direction);
    observer.note(Stage::Acl, || Finding::Judged {
        action,
        direction,
        list: list.map(|(list, attachment)| (list.name.clone(), attachment)),
        rule: rule.map(AclRule::to_string),
    });
    match action {
        Action::Allow => Ok(()),
        Action::Deny => Err(DropReason::AclDenied.into()),
    }
}

/// The algorithm of `semantics.md` 1.3. Lists by security tag will come between the two attachments.
fn decide<'a>(walk: &Walk<'a>, tuple: &Tuple, direction: Direction) -> Judgement<'a> {
    let Walk { shared, domain, port, .. } = *walk;
    let local = match direction {
        Direction::Outbound => tuple.source,
        Direction::Inbound => tuple.destination,
    };
    let nic = match port.address(local) {
        Some(own) => (own.acl, Attachment::Address),
        None => (port.primary().acl, Attachment::PrimaryAddress),
    };
    let subnet = port.subnet(local, domain).and_then(|subnet| subnet.acl);
    let attached = [nic, (subnet, Attachment::Subnet)]
        .map(|(acl, attachment)| acl.and_then(|acl| shared.acls.get(&acl)).map(|list| (list, attachment)));
    let lists = || attached.iter().flatten().map(|(list, attachment)| (*list, *attachment));
    let matched = lists().find_map(|(list, attachment)| {
        let Rules { rules, classifier, .. } = list.directions.get(direction);
        Some((list, attachment, rules.get(classifier.first_match(tuple)?)?))
    });
    let most_specific = lists().next();
    match (matched, most_specific) {
        (Some((list, attachment, rule)), _) => {
            Judgement { action: rule.action, list: Some((list, attachment)), rule: Some(rule) }
        }
        (None, Some((list, attachment))) => {
            Judgement { action: list.directions.get(direction).default, list: Some((list, attachment)), rule: None }
        }
        (None, None) => Judgement { action: shared.config.without_acl.get(direction), list: None, rule: None },
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

impl fmt::Display for AclRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, priority, direction, action, condition } = self;
        write!(f, "{priority} {direction} {action} {condition} {id}")
    }
}
