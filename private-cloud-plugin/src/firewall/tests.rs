//! Defaults, what users may change, and their two spellings.

use super::*;
use crate::hns::json;
use crate::hns::policy::AclSettings;
use crate::network::Kind;
use crate::snapshot::assert_snapshot;
use policy::acl::{Action, Direction};
use proptest::prelude::*;
use std::collections::BTreeSet;

const KINDS: [Kind; 5] = [Kind::Nat, Kind::Transparent, Kind::Overlay, Kind::L2Bridge, Kind::L2Tunnel];

/// An ACL as a user of a CNI plugin writes it.
fn acl(text: &str) -> Result<(Option<Place>, Rule), AclError> {
    from_acl(&json::read::<AclSettings>(text).expect("an ACL's members"))
}

fn block_80() -> Rule {
    acl(r#"{"protocols": "6", "action": "block", "direction": "in", "localPorts": "80", "priority": 200}"#).unwrap().1
}

#[test]
fn process_isolation_lets_the_five_common_protocols_in_and_everything_out() {
    for kind in KINDS {
        let set = defaults(kind, Isolation::Process, Era::Current);
        for rules in [&set.host, &set.switch].into_iter().flatten() {
            let inbound: Vec<_> = rules.iter().filter(|rule| rule.direction == Direction::Inbound).collect();
            let [welcome, rest] = inbound.as_slice() else { panic!("{kind}: {inbound:?}") };
            assert_eq!((welcome.action, &welcome.protocols), (Action::Allow, &BTreeSet::from([1, 2, 6, 17, 58])));
            assert_eq!((rest.action, rest.protocols.len()), (Action::Deny, 0));
            assert!(welcome.priority < rest.priority);
            let outbound: Vec<_> = rules.iter().filter(|rule| rule.direction == Direction::Outbound).collect();
            assert!(matches!(outbound.as_slice(), [all] if all.action == Action::Allow && all.protocols.is_empty()));
        }
        assert!(set.host.is_some(), "{kind}");
        assert_eq!(set.switch.is_some(), !matches!(kind, Kind::Nat | Kind::Transparent), "{kind}");
    }
}

#[test]
fn hyper_v_isolation_has_no_host_firewall_and_an_open_switch_port() {
    for kind in KINDS {
        let set = defaults(kind, Isolation::HyperV, Era::Current);
        assert_eq!(set.host, None);
        let switch = set.of(Place::Switch);
        assert_eq!(switch.len(), 2);
        assert!(switch.iter().all(|rule| rule.action == Action::Allow && rule.protocols.is_empty()), "{switch:?}");
    }
}

#[test]
fn hosts_of_the_old_era_let_in_what_is_published() {
    let mut set = defaults(Kind::Nat, Isolation::Process, Era::Before1709);
    let inbound =
        |set: &RuleSet| set.of(Place::Host).iter().filter(|rule| rule.direction == Direction::Inbound).count();
    assert_eq!(inbound(&set), 1, "block alone");
    set.publish(TCP, 80);
    let first = &set.of(Place::Host)[0];
    assert_eq!((first.action, first.local_ports[0].first()), (Action::Allow, 80));
}

#[test]
fn rules_that_nothing_would_enforce_are_refused_with_the_reason() {
    for kind in KINDS {
        let plain = matches!(kind, Kind::Nat | Kind::Transparent);
        for (isolation, place, allowed) in [
            (Isolation::Process, Place::Host, true),
            (Isolation::Process, Place::Switch, !plain),
            (Isolation::HyperV, Place::Host, false),
            (Isolation::HyperV, Place::Switch, !plain),
        ] {
            let verdict = may_change(kind, isolation, place);
            assert_eq!(verdict.is_ok(), allowed, "{kind} {isolation:?} {place:?}");
            let set = RuleSet::without_rules(kind, isolation);
            let changed = set.with_user_rules(kind, isolation, [(place, block_80())]);
            assert_eq!(changed.is_ok(), allowed, "{kind} {isolation:?} {place:?}");
        }
        assert!(may_change(kind, Isolation::Process, usual_place(kind)).is_ok(), "{kind}");
    }
    let fixed = may_change(Kind::Nat, Isolation::HyperV, Place::Switch).unwrap_err().to_string();
    assert!(fixed.contains("not supported for this driver and isolation"), "{fixed}");
}

#[test]
fn a_users_rule_stands_in_its_place_alone_and_in_the_order_of_priorities() {
    let set = defaults(Kind::L2Bridge, Isolation::Process, Era::Current);
    let with = set.clone().with_user_rules(Kind::L2Bridge, Isolation::Process, [(Place::Switch, block_80())]).unwrap();
    assert_eq!(with.host, set.host);
    assert_eq!(with.of(Place::Switch)[0], block_80());
    assert_eq!(with.of(Place::Switch)[1..], *set.of(Place::Switch));
    let late = Rule { priority: 65100, ..block_80() };
    let with = set.with_user_rules(Kind::L2Bridge, Isolation::Process, [(Place::Host, late.clone())]).unwrap();
    assert_eq!(with.of(Place::Host)[1], late, "after the welcome, before the block");
}

#[test]
fn an_acl_says_what_is_wrong_with_it() {
    let member = |name: &str, value: &str| format!(r#"{{"action": "Allow", "direction": "In", "{name}": "{value}"}}"#);
    for (name, value, part) in [
        ("Protocols", "6,x", "Protocols '6,x'"),
        ("Protocols", "300", "Protocols '300'"),
        ("LocalAddresses", "10.0.0.300", "LocalAddresses '10.0.0.300'"),
        ("RemoteAddresses", "10.0.0.1-10.0.0.9", "RemoteAddresses"),
        ("LocalPorts", "70000", "LocalPorts '70000'"),
        ("RemotePorts", "9-1", "RemotePorts '9-1'"),
    ] {
        let error = acl(&member(name, value)).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(acl(r#"{"action": "Pass", "direction": "In"}"#).unwrap_err(), AclError::Pass);
    let ports = acl(r#"{"action": "Allow", "direction": "In", "protocols": "1", "localPorts": "80"}"#).unwrap_err();
    assert!(ports.to_string().contains("only TCP"), "{ports}");
}

#[test]
fn an_acl_of_names_and_lists_is_read() {
    let (place, rule) = acl(
        r#"{"Protocols": "TCP, udp", "ACTION": "ALLOW", "Direction": "out", "RemoteAddresses": "10.0.0.0/8,fd00::/8",
            "RemotePorts": "80,443-444", "RuleType": "switch", "Priority": 300}"#,
    )
    .unwrap();
    assert_eq!(place, Some(Place::Switch));
    assert_eq!(rule.protocols, BTreeSet::from([TCP, UDP]));
    assert_eq!((rule.remote_addresses.len(), rule.remote_ports.len()), (2, 2));
}

#[test]
fn nft_text_of_the_defaults_and_of_users_rules_is_as_stored() {
    let scope = Scope { endpoint: "3f2a-77c1", interface: None };
    let set = defaults(Kind::Nat, Isolation::Process, Era::Current);
    assert_snapshot("firewall/nat.nft", &render(&set, scope));
    let rules = [
        r#"{"protocols": "6", "action": "Block", "direction": "In", "localPorts": "80", "ruleType": "Switch"}"#,
        r#"{"action": "Block", "direction": "Out", "remoteAddresses": "10.0.0.0/8,fd00::/8", "remotePorts": "25,137-139"}"#,
        r#"{"action": "Allow", "direction": "In", "localAddresses": "10.0.0.4", "remoteAddresses": "fd00::/8"}"#,
    ];
    let rules = rules.map(|text| acl(text).unwrap()).map(|(place, rule)| (place.unwrap_or(Place::Host), rule));
    let set = defaults(Kind::L2Bridge, Isolation::Process, Era::Current);
    let set = set.with_user_rules(Kind::L2Bridge, Isolation::Process, rules).unwrap();
    let scope = Scope { endpoint: "3f2a77c1", interface: Some("eth0") };
    assert_snapshot("firewall/l2bridge.nft", &render(&set, scope));
}

#[test]
fn no_endpoint_name_leaves_its_place_in_the_text() {
    let scope = Scope { endpoint: "x\" } ; flush ruleset #", interface: None };
    assert_eq!(remove(scope).lines().next(), Some("table inet private-cloud-host-xflushruleset"));
}

fn rules() -> impl Strategy<Value = Rule> {
    let addresses = prop::sample::subsequence(vec!["10.0.0.0/8", "192.168.1.7", "fd00::/8"], 0..=3);
    let ports = prop::collection::vec((1..500u16, 0..500u16), 0..3);
    let base = (0..=u16::MAX, any::<bool>(), any::<bool>(), prop::collection::btree_set(any::<u8>(), 0..4));
    (base, addresses.clone(), addresses, ports.clone(), ports).prop_map(
        |((priority, inbound, allow, protocols), local, remote, local_ports, remote_ports)| {
            let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
            let action = if allow { Action::Allow } else { Action::Deny };
            let mut rule = Rule::new("r", priority, direction, action, protocols);
            let prefixes = |texts: Vec<&str>| texts.into_iter().map(|text| text.parse().unwrap()).collect();
            let ranges = |ports: Vec<(u16, u16)>| {
                let ranges =
                    ports.into_iter().filter_map(|(first, more)| policy::net::PortRange::new(first, first + more));
                ranges.collect()
            };
            (rule.local_addresses, rule.remote_addresses) = (prefixes(local), prefixes(remote));
            (rule.local_ports, rule.remote_ports) = (ranges(local_ports), ranges(remote_ports));
            if rule.names_ports() {
                rule.protocols.retain(|number| [TCP, UDP].contains(number));
            }
            rule
        },
    )
}

proptest! {
    /// What is written for HNS is read as what it was.
    #[test]
    fn rules_survive_the_way_through_an_acl(rule in rules()) {
        let set = RuleSet { host: None, switch: Some(vec![rule.clone()]) };
        let policies = acl_policies(&set);
        let settings: AclSettings = policies[0].settings().expect("an ACL");
        prop_assert_eq!(from_acl(&settings).unwrap(), (Some(Place::Switch), rule));
    }
}
