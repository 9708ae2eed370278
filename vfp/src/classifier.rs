//! First match among many conditions without looking at each.
//!
//! Each of the five fields cuts its number line at the bounds of the rules' ranges. Between two cuts the set of rules
//! that match is the same, and is kept as bits in rule order. A packet is found on each line by binary search; the
//! lowest bit that all five sets share is the first rule that matches. Rules are cut into blocks of 256, so that sets are
//! four machine words and memory grows with the number of rules, not with its square: at most about 400 bytes a rule.

use crate::address::Address;
use crate::condition::{AddressSet, Condition, Protocol};
use crate::flow_key::Tuple;
use crate::packet::protocol;
use policy::net::{PortRange, Prefix};

/// Rules in a block.
const BLOCK: usize = 256;
const WORDS: usize = BLOCK / 64;

/// A set of rules of one block, the first rule in the lowest bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct RuleSet([u64; WORDS]);

impl RuleSet {
    fn insert(&mut self, rule: usize) {
        self.0[rule / 64] |= 1 << (rule % 64);
    }

    fn remove(&mut self, rule: usize) {
        self.0[rule / 64] &= !(1 << (rule % 64));
    }

    fn and(&self, other: &Self) -> Self {
        let mut both = *self;
        both.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= other);
        both
    }

    fn first(&self) -> Option<usize> {
        let word = self.0.iter().position(|word| *word != 0)?;
        // At most 63.
        Some(word * 64 + usize::try_from(self.0[word].trailing_zeros()).ok()?)
    }
}

/// A point on a field's number line.
trait Point: Copy + Ord {
    const FIRST: Self;

    /// The point after this; `None` after the last.
    fn next(self) -> Option<Self>;
}

impl Point for Address {
    const FIRST: Self = Self::FIRST;

    fn next(self) -> Option<Self> {
        Self::next(self)
    }
}

impl Point for u16 {
    const FIRST: Self = 0;

    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

/// From the first point to the second, which is inside too.
type Span<P> = (P, P);

/// A field's number line.
#[derive(Debug)]
struct Line<P> {
    /// Where each stretch begins; the first begins at [`Point::FIRST`].
    starts: Box<[P]>,
    /// Rules that match on the stretch.
    sets: Box<[RuleSet]>,
}

impl<P: Point> Line<P> {
    /// `spans` of each rule in rule order; those of one rule do not touch each other.
    fn new(spans: &[Vec<Span<P>>]) -> Self {
        let mut cuts: Vec<(P, usize, bool)> = Vec::new();
        for (rule, spans) in spans.iter().enumerate() {
            for (first, last) in spans {
                cuts.push((*first, rule, true));
                cuts.extend(last.next().map(|after| (after, rule, false)));
            }
        }
        cuts.sort_unstable_by_key(|(at, ..)| *at);
        let (mut starts, mut sets) = (vec![P::FIRST], Vec::new());
        let mut set = RuleSet::default();
        for (at, rule, begins) in cuts {
            if starts.last().is_some_and(|last| *last < at) {
                sets.push(set);
                starts.push(at);
            }
            if begins { set.insert(rule) } else { set.remove(rule) }
        }
        sets.push(set);
        Self { starts: starts.into(), sets: sets.into() }
    }

    fn at(&self, point: P) -> &RuleSet {
        // The first stretch begins at the first point, so there is always one that `point` is in.
        &self.sets[self.starts.partition_point(|start| *start <= point) - 1]
    }
}

/// Up to [`BLOCK`] rules.
#[derive(Debug)]
struct Block {
    tcp: RuleSet,
    udp: RuleSet,
    icmp_v4: RuleSet,
    icmp_v6: RuleSet,
    other: RuleSet,
    sources: Line<Address>,
    destinations: Line<Address>,
    source_ports: Line<u16>,
    destination_ports: Line<u16>,
}

impl Block {
    fn new(conditions: &[&Condition]) -> Self {
        let protocols = |matches: fn(&Condition) -> bool| {
            let mut set = RuleSet::default();
            conditions.iter().enumerate().filter(|(_, c)| matches(c)).for_each(|(rule, _)| set.insert(rule));
            set
        };
        let addresses = |field: fn(&Condition) -> &AddressSet| {
            Line::new(&conditions.iter().map(|condition| spans_of(field(condition))).collect::<Vec<_>>())
        };
        let ports = |field: fn(&Condition) -> PortRange| {
            let span = |condition: &&Condition| vec![(field(condition).first(), field(condition).last())];
            Line::new(&conditions.iter().map(span).collect::<Vec<_>>())
        };
        Self {
            tcp: protocols(|c| matches!(c.protocol, Protocol::Any | Protocol::Tcp)),
            udp: protocols(|c| matches!(c.protocol, Protocol::Any | Protocol::Udp)),
            icmp_v4: protocols(|c| c.protocol == Protocol::IcmpV4 || is_any_protocol(c)),
            icmp_v6: protocols(|c| c.protocol == Protocol::IcmpV6 || is_any_protocol(c)),
            other: protocols(is_any_protocol),
            sources: addresses(|c| &c.source),
            destinations: addresses(|c| &c.destination),
            source_ports: ports(|c| c.source_ports),
            destination_ports: ports(|c| c.destination_ports),
        }
    }

    fn first_match(&self, tuple: &Tuple) -> Option<usize> {
        let protocols = match tuple.protocol {
            protocol::TCP => &self.tcp,
            protocol::UDP => &self.udp,
            protocol::ICMP => &self.icmp_v4,
            protocol::ICMPV6 => &self.icmp_v6,
            _ => &self.other,
        };
        let mut set = protocols.and(self.sources.at(tuple.source)).and(self.destinations.at(tuple.destination));
        if let Some(ports) = tuple.ports {
            set = set.and(self.source_ports.at(ports.source)).and(self.destination_ports.at(ports.destination));
        }
        set.first()
    }
}

/// Whether a packet without ports can match: a restricted range means TCP and UDP only (`semantics.md` 1.5).
fn is_any_protocol(condition: &Condition) -> bool {
    condition.protocol == Protocol::Any && condition.source_ports.is_any() && condition.destination_ports.is_any()
}

/// Spans of a set in order, none touching the next.
fn spans_of(set: &AddressSet) -> Vec<Span<Address>> {
    let last_of_all = Address::from(u128::MAX);
    match set {
        AddressSet::Any => vec![(Address::FIRST, last_of_all)],
        AddressSet::Within(prefixes) => union(prefixes),
        AddressSet::Outside(prefixes) => {
            let mut begin = Some(Address::FIRST);
            let mut gaps = Vec::new();
            for (first, last) in union(prefixes) {
                if let (Some(begin), Some(end)) = (begin, first.previous())
                    && begin <= end
                {
                    gaps.push((begin, end));
                }
                begin = last.next();
            }
            gaps.extend(begin.map(|begin| (begin, last_of_all)));
            gaps
        }
    }
}

fn union(prefixes: &[Prefix]) -> Vec<Span<Address>> {
    let mut spans: Vec<Span<Address>> = prefixes.iter().flat_map(spans_of_prefix).collect();
    spans.sort_unstable();
    let mut union: Vec<Span<Address>> = Vec::new();
    for (first, last) in spans {
        match union.last_mut() {
            Some((_, end)) if end.next().is_none_or(|after| first <= after) => *end = last.max(*end),
            _ => union.push((first, last)),
        }
    }
    union
}

/// One span, but for the IPv6 prefixes that lie around the block where the engine keeps IPv4.
fn spans_of_prefix(prefix: &Prefix) -> Vec<Span<Address>> {
    let (first, last) = (Address::from(prefix.network()), Address::from(prefix.last()));
    if prefix.is_ipv4() || last < Address::FIRST_V4 || first > Address::LAST_V4 {
        return vec![(first, last)];
    }
    let below = Address::FIRST_V4.previous().filter(|below| first <= *below).map(|below| (first, below));
    let above = Address::LAST_V4.next().filter(|above| *above <= last).map(|above| (above, last));
    below.into_iter().chain(above).collect()
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Classifier(Box<[Block]>);

impl Classifier {
    /// `conditions` in match order.
    pub(crate) fn new<'a>(conditions: impl Iterator<Item = &'a Condition>) -> Self {
        let conditions: Vec<&Condition> = conditions.collect();
        Self(conditions.chunks(BLOCK).map(Block::new).collect())
    }

    /// Index of the first condition that matches.
    pub(crate) fn first_match(&self, tuple: &Tuple) -> Option<usize> {
        self.0.iter().enumerate().find_map(|(index, block)| Some(index * BLOCK + block.first_match(tuple)?))
    }
}

#[cfg(test)]
mod tests;
