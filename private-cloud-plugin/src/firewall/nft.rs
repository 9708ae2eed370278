//! Rules as nftables text for the network namespace of a container: one table for each place that enforces.
//!
//! The hooks are as near to the interface as connection tracking allows, so that packets which the container forwards are
//! judged as well, like at a switch port. Both tables are stateful, and a packet passes when neither drops it. ARP is of
//! no family that these tables see; neighbour discovery passes by a rule of its own, as VFP's guards treat it apart.

use super::defaults::RuleSet;
use super::rule::{Place, Rule};
use policy::acl::{Action, Direction};
use policy::net::Prefix;
use std::fmt::{Display, Write};

/// What the rules apply to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Names the tables, so that two endpoints in one namespace have each their own. Letters and digits of it count.
    pub endpoint: &'a str,
    /// The interface in the container, or every one but loopback while its name is not known.
    pub interface: Option<&'a str>,
}

/// Characters of the endpoint's name in a table's name: enough to tell the endpoints of one namespace apart.
const NAME_LENGTH: usize = 16;

impl Scope<'_> {
    fn table(&self, place: Place) -> String {
        let id: String = self.endpoint.chars().filter(char::is_ascii_alphanumeric).take(NAME_LENGTH).collect();
        let place = match place {
            Place::Host => "host",
            Place::Switch => "switch",
        };
        format!("private-cloud-{place}-{id}")
    }

    /// Condition under which a chain has nothing to say.
    fn elsewhere(&self, direction: Direction) -> String {
        let key = match direction {
            Direction::Inbound => "iifname",
            Direction::Outbound => "oifname",
        };
        match self.interface {
            Some(name) => format!("{key} != \"{name}\""),
            None => format!("{key} \"lo\""),
        }
    }
}

/// Text that `nft -f` loads in one transaction; loading it again changes nothing.
pub fn render(rules: &RuleSet, scope: Scope<'_>) -> String {
    let mut text = remove(scope);
    for (place, rules) in [(Place::Host, &rules.host), (Place::Switch, &rules.switch)] {
        let Some(rules) = rules else { continue };
        // Writing to a String does not fail.
        let _ = writeln!(text, "table inet {} {{", scope.table(place));
        for direction in [Direction::Inbound, Direction::Outbound] {
            chain(&mut text, scope, direction, rules);
        }
        text.push_str("}\n");
    }
    text
}

/// Names of the tables of family `inet` that [`render`] makes.
pub fn tables(rules: &RuleSet, scope: Scope<'_>) -> Vec<String> {
    let places = [(Place::Host, &rules.host), (Place::Switch, &rules.switch)];
    places.into_iter().filter(|(_, rules)| rules.is_some()).map(|(place, _)| scope.table(place)).collect()
}

/// Text that takes the tables of an endpoint away, also when they are not there.
pub fn remove(scope: Scope<'_>) -> String {
    let tables = [Place::Host, Place::Switch].map(|place| scope.table(place));
    // To create a table that exists is no error, to delete one that does not exist is.
    tables.iter().fold(String::new(), |text, table| text + &format!("table inet {table}\ndelete table inet {table}\n"))
}

fn chain(text: &mut String, scope: Scope<'_>, direction: Direction, rules: &[Rule]) {
    let (name, hook) = match direction {
        Direction::Inbound => ("in", "prerouting"),
        Direction::Outbound => ("out", "postrouting"),
    };
    let _ = writeln!(text, "\tchain {name} {{");
    let _ = writeln!(text, "\t\ttype filter hook {hook} priority -150; policy drop;");
    let _ = writeln!(text, "\t\t{} accept", scope.elsewhere(direction));
    text.push_str("\t\tct state established,related accept\n");
    text.push_str(
        "\t\ticmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept\n",
    );
    for rule in rules.iter().filter(|rule| rule.direction == direction) {
        for line in lines(rule) {
            let _ = writeln!(text, "\t\t{line}");
        }
    }
    text.push_str("\t}\n");
}

/// A rule is one line, or one for each address family that it names.
fn lines(rule: &Rule) -> Vec<String> {
    let addresses = || rule.local_addresses.iter().chain(&rule.remote_addresses);
    if addresses().next().is_none() {
        return vec![line(rule, None)];
    }
    let families = [(true, "ip"), (false, "ip6")].into_iter().filter(|(v4, _)| {
        // A side that names addresses of the other family alone matches nothing in this one.
        let possible = |side: &[Prefix]| side.is_empty() || side.iter().any(|prefix| prefix.is_ipv4() == *v4);
        possible(&rule.local_addresses) && possible(&rule.remote_addresses)
    });
    families.map(|family| line(rule, Some(family))).collect()
}

fn line(rule: &Rule, family: Option<(bool, &str)>) -> String {
    let (local, remote) = match rule.direction {
        Direction::Inbound => ("d", "s"),
        Direction::Outbound => ("s", "d"),
    };
    let mut line = String::new();
    let protocols = rule.effective_protocols();
    if !protocols.is_empty() {
        let _ = write!(line, "meta l4proto {} ", set(protocols.iter()));
    }
    if let Some((v4, name)) = family {
        for (side, prefixes) in [(local, &rule.local_addresses), (remote, &rule.remote_addresses)] {
            let prefixes: Vec<_> = prefixes.iter().filter(|prefix| prefix.is_ipv4() == v4).collect();
            if !prefixes.is_empty() {
                let _ = write!(line, "{name} {side}addr {} ", set(prefixes.iter()));
            }
        }
    }
    for (side, ports) in [(local, &rule.local_ports), (remote, &rule.remote_ports)] {
        if !ports.is_empty() && !ports.iter().any(|range| range.is_any()) {
            let _ = write!(line, "th {side}port {} ", set(ports.iter()));
        }
    }
    line.push_str(match rule.action {
        Action::Allow => "accept",
        Action::Deny => "drop",
    });
    line
}

fn set(members: impl Iterator<Item = impl Display>) -> String {
    let members: Vec<String> = members.map(|member| member.to_string()).collect();
    format!("{{ {} }}", members.join(", "))
}
