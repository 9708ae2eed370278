//! The classifier against a plain reading of the rules.

use super::*;
use crate::packet::transport::Ports;
use proptest::prelude::*;
use proptest::sample::select;
use std::net::IpAddr;

/// Rule by rule, field by field, as `semantics.md` 1.5 says it.
fn matches(condition: &Condition, tuple: &Tuple) -> bool {
    let Condition { protocol, source, source_ports, destination, destination_ports } = condition;
    let within = |set: &AddressSet, address: Address| {
        let address: IpAddr = address.to_ip();
        match set {
            AddressSet::Any => true,
            AddressSet::Within(prefixes) => prefixes.iter().any(|prefix| prefix.contains(address)),
            AddressSet::Outside(prefixes) => !prefixes.iter().any(|prefix| prefix.contains(address)),
        }
    };
    let is_protocol = match protocol {
        Protocol::Any => true,
        Protocol::Tcp => tuple.protocol == 6,
        Protocol::Udp => tuple.protocol == 17,
        Protocol::IcmpV4 => tuple.protocol == 1,
        Protocol::IcmpV6 => tuple.protocol == 58,
    };
    let are_ports = match (tuple.ports, protocol) {
        (Some(ports), _) => source_ports.contains(ports.source) && destination_ports.contains(ports.destination),
        (None, Protocol::Any) => source_ports.is_any() && destination_ports.is_any(),
        (None, _) => true,
    };
    is_protocol && are_ports && within(source, tuple.source) && within(destination, tuple.destination)
}

fn prefix() -> impl Strategy<Value = Prefix> {
    let v4 = (0_u32..4, 24_u8..=32).prop_map(|(n, length)| format!("10.0.0.{}/{length}", n * 3));
    let v6 = (0_u32..4, 120_u8..=128).prop_map(|(n, length)| format!("fd00::{}/{length}", n * 3));
    let wide = select(vec!["0.0.0.0/0", "::/0", "::/64", "::/96", "::fffe:0:0/95", "0.0.0.0/1", "8000::/1"]);
    prop_oneof![v4, v6, wide.prop_map(str::to_owned)].prop_map(|text| text.parse().unwrap())
}

fn addresses() -> impl Strategy<Value = AddressSet> {
    prop_oneof![
        2 => Just(AddressSet::Any),
        3 => prop::collection::vec(prefix(), 0..4).prop_map(AddressSet::Within),
        1 => prop::collection::vec(prefix(), 0..4).prop_map(AddressSet::Outside),
    ]
}

fn ports() -> impl Strategy<Value = PortRange> {
    let edge = || select(vec![0_u16, 1, 2, 3, 80, u16::MAX - 1, u16::MAX]);
    let range = (edge(), edge()).prop_map(|(a, b)| PortRange::new(a.min(b), a.max(b)).unwrap());
    prop_oneof![Just(PortRange::ANY), range]
}

fn condition() -> impl Strategy<Value = Condition> {
    let protocol = select(vec![Protocol::Any, Protocol::Tcp, Protocol::Udp, Protocol::IcmpV4, Protocol::IcmpV6]);
    (protocol, addresses(), ports(), addresses(), ports()).prop_map(
        |(protocol, source, source_ports, destination, destination_ports)| Condition {
            protocol,
            source,
            source_ports,
            destination,
            destination_ports,
        },
    )
}

fn tuple() -> impl Strategy<Value = Tuple> {
    let address = || {
        let v4 = (0_u8..14).prop_map(|n| IpAddr::from([10, 0, 0, n]));
        let v6 = (0_u16..14).prop_map(|n| IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, n]));
        let edges = select(vec!["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]);
        let edges = edges.prop_map(|text| text.parse::<IpAddr>().unwrap());
        prop_oneof![4 => v4, 4 => v6, 1 => edges].prop_map(Address::from)
    };
    let port = || select(vec![0_u16, 1, 2, 3, 4, 80, 81, u16::MAX - 1, u16::MAX]);
    (address(), address(), select(vec![1_u8, 6, 17, 47, 58]), port(), port()).prop_map(
        |(from, to, protocol, source_port, destination_port)| {
            let ports = Ports { source: source_port, destination: destination_port };
            let ports = matches!(protocol, 6 | 17).then_some(ports);
            Tuple { source: from, destination: to, protocol, ports }
        },
    )
}

proptest! {
    #[test]
    fn the_first_match_is_the_one_that_reading_in_order_finds(
        conditions in prop::collection::vec(condition(), 0..12),
        tuples in prop::collection::vec(tuple(), 1..60),
    ) {
        let classifier = Classifier::new(conditions.iter());
        for tuple in tuples {
            let expected = conditions.iter().position(|condition| matches(condition, &tuple));
            prop_assert_eq!(classifier.first_match(&tuple), expected, "{}", tuple);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn lists_of_many_blocks_keep_their_order(
        conditions in prop::collection::vec(condition(), BLOCK - 2..3 * BLOCK),
        tuples in prop::collection::vec(tuple(), 200),
        skipped in 0_usize..600,
    ) {
        // Random rules match early; leaving out those that match among the first makes later blocks decide.
        let kept = |index: usize, condition: &Condition| {
            index >= skipped || !tuples.iter().any(|tuple| matches(condition, tuple))
        };
        let conditions: Vec<Condition> = conditions
            .into_iter()
            .enumerate()
            .filter(|(index, condition)| kept(*index, condition))
            .map(|(_, condition)| condition)
            .collect();
        let classifier = Classifier::new(conditions.iter());
        for tuple in &tuples {
            let expected = conditions.iter().position(|condition| matches(condition, tuple));
            prop_assert_eq!(classifier.first_match(tuple), expected, "{}", tuple);
        }
    }
}

#[test]
fn an_ipv6_prefix_never_matches_ipv4_although_it_lies_around_it() {
    let condition = |set| Condition {
        protocol: Protocol::Any,
        source: set,
        source_ports: PortRange::ANY,
        destination: AddressSet::Any,
        destination_ports: PortRange::ANY,
    };
    let all_v6 = condition(AddressSet::Within(vec!["::/0".parse().unwrap()]));
    let outside_v6 = condition(AddressSet::Outside(vec!["::/0".parse().unwrap()]));
    let classifier = Classifier::new([all_v6, outside_v6].iter());
    for (source, rule) in [("10.0.0.1", 1), ("0.0.0.0", 1), ("255.255.255.255", 1), ("::", 0), ("fd00::1", 0)] {
        let source = Address::from(source.parse::<IpAddr>().unwrap());
        let tuple = Tuple { source, destination: source, protocol: 47, ports: None };
        assert_eq!(classifier.first_match(&tuple), Some(rule), "{source}");
    }
}
