//! What manifests hold, by example. Section names and mappings are compared in their one-line text form.

use super::*;
use crate::fabric::testing::*;
use crate::fabric::{Acl, Change};
use policy::acl::Action;
use policy::goal_state::Section;

/// A compiler that took `changes` in one revision.
fn compiled(changes: impl IntoIterator<Item = Change>) -> Compiler {
    let mut compiler = Compiler::default();
    compiler.apply(&Revision { generation: Generation(1), changes: changes.into_iter().collect() });
    compiler
}

/// Applies one change and tells which hosts it affected.
fn affected(compiler: &mut Compiler, change: Change) -> Vec<u128> {
    let outcome = compiler.apply(&Revision { generation: Generation(2), changes: vec![change] });
    outcome.affected.into_iter().map(|host| host.0.as_u128()).collect()
}

/// Names of the sections of a host, ids cut to their last digits.
fn names(compiler: &Compiler, on: u128) -> Vec<String> {
    let short = |key: &SectionKey| key.to_string().replace("00000000-0000-0000-0000-0000000000", "");
    compiler.manifest(host(on)).unwrap().keys().map(short).collect()
}

/// All mappings of a host.
fn mappings(compiler: &Compiler, on: u128) -> Vec<String> {
    let sections = compiler.manifest(host(on)).unwrap().iter();
    let parsed = sections.map(|(key, body)| Section::parse(*key, body.json.get()).unwrap());
    let entries = parsed.filter_map(|section| match section {
        Section::Mappings(shard) => Some(shard.entries),
        _ => None,
    });
    entries.flatten().map(|mapping| mapping.to_string()).collect()
}

#[test]
fn a_host_gets_its_ports_their_lists_and_their_networks_and_nothing_else() {
    let compiler = compiled([
        server(1),
        server(2),
        server(3),
        acl(0xa1),
        acl(0xa2),
        acl(0xa3),
        network(BLUE, Some(acl_id(0xa2)), Some(acl_id(0xa3))),
        network(GREEN, None, None),
        nic_with(0x11, vec![address(BLUE, WEB, "10.0.0.4", Some(acl_id(0xa1)))]),
        nic(0x12, BLUE, DB, "10.0.1.70"),
        nic(0x13, GREEN, WEB, "10.0.0.4"),
        bind(0x11, 1),
        bind(0x12, 2),
        bind(0x13, 2),
    ]);
    let blue = ["network/0b/routes", "network/0b/mappings/10.0.0.0", "network/0b/mappings/10.0.1.64"];
    let green = ["network/0e/routes", "network/0e/mappings/10.0.0.0"];
    let one = ["host", "port/11", "acl/a1", "acl/a2"].into_iter().chain(blue);
    assert_eq!(names(&compiler, 1), one.collect::<Vec<_>>());
    let two = ["host", "port/12", "port/13", "acl/a3", blue[0], green[0], blue[1], blue[2], green[1]];
    assert_eq!(names(&compiler, 2), two);
    assert_eq!(names(&compiler, 3), ["host"]);
}

#[test]
fn host_without_the_subnet_never_sees_its_acl() {
    let lists = [acl(0xa1), acl(0xa2), network(BLUE, Some(acl_id(0xa1)), None)];
    let nics = [nic(0x11, BLUE, WEB, "10.0.0.4"), nic(0x12, BLUE, DB, "10.0.1.4"), bind(0x11, 1), bind(0x12, 2)];
    let mut compiler = compiled([server(1), server(2)].into_iter().chain(lists).chain(nics));
    assert!(names(&compiler, 1).contains(&"acl/a1".to_owned()));
    assert!(!names(&compiler, 2).contains(&"acl/a1".to_owned()));

    // A change of the list reaches the one host; another list on the subnet changes the routes of both.
    let mut rules =
        Acl { id: acl_id(0xa1), inbound_default: Action::Deny, outbound_default: Action::Allow, rules: Vec::new() };
    assert_eq!(affected(&mut compiler, Change::Acl(rules.id, Some(Arc::new(rules.clone())))), [1]);
    rules.id = acl_id(0xa2);
    assert_eq!(affected(&mut compiler, Change::Acl(rules.id, Some(Arc::new(rules)))), [0; 0]);
    assert_eq!(affected(&mut compiler, network(BLUE, Some(acl_id(0xa2)), None)), [1, 2]);
    assert!(names(&compiler, 1).contains(&"acl/a2".to_owned()) && !names(&compiler, 1).contains(&"acl/a1".to_owned()));
    assert!(!names(&compiler, 2).contains(&"acl/a2".to_owned()));

    // The host that gets its first port in the subnet gets the list with it, and loses it with the last.
    affected(&mut compiler, nic(0x13, BLUE, WEB, "10.0.0.5"));
    assert_eq!(affected(&mut compiler, bind(0x13, 2)), [1, 2]);
    assert!(names(&compiler, 2).contains(&"acl/a2".to_owned()));
    affected(&mut compiler, Change::Nic(nic_id(0x13), None));
    assert!(!names(&compiler, 2).contains(&"acl/a2".to_owned()));
}

#[test]
fn an_address_is_mapped_while_its_nic_is_on_a_host_with_a_provider_address() {
    let mut compiler = compiled([server(1), network(BLUE, None, None), nic(0x11, BLUE, WEB, "10.0.0.4")]);
    affected(&mut compiler, nic(0x12, BLUE, WEB, "10.0.0.5"));
    affected(&mut compiler, bind(0x12, 1));
    assert_eq!(mappings(&compiler, 1), ["4096 10.0.0.5 00:00:00:00:00:12 > 192.0.2.1"], "11 is on no host");
    affected(&mut compiler, bind(0x11, 2));
    assert_eq!(mappings(&compiler, 1).len(), 1, "nobody knows host 2");
    assert_eq!(affected(&mut compiler, server(2)), [1, 2]);
    let both = ["4096 10.0.0.4 00:00:00:00:00:11 > 192.0.2.2", "4096 10.0.0.5 00:00:00:00:00:12 > 192.0.2.1"];
    assert_eq!(mappings(&compiler, 1), both);
    assert_eq!(mappings(&compiler, 2), both);
    let bare = Server { id: host(2), agent: None, provider_address: None };
    affected(&mut compiler, Change::Server(host(2), Some(Arc::new(bare))));
    assert_eq!(mappings(&compiler, 2), both[1..]);
    affected(&mut compiler, Change::Binding(nic_id(0x12), None));
    assert_eq!(names(&compiler, 1), ["host"]);
    assert_eq!(names(&compiler, 2), ["host", "port/11", "network/0b/routes"]);
}

#[test]
fn a_moved_nic_leaves_one_host_and_enters_the_other() {
    let mut compiler = compiled([
        server(1),
        server(2),
        server(3),
        network(BLUE, None, None),
        nic(0x11, BLUE, WEB, "10.0.0.4"),
        nic(0x12, BLUE, WEB, "10.0.0.5"),
        bind(0x11, 1),
        bind(0x12, 3),
    ]);
    let before = names(&compiler, 1);
    assert_eq!(affected(&mut compiler, bind(0x11, 2)), [1, 2, 3]);
    assert_eq!(names(&compiler, 1), ["host"]);
    assert_eq!(names(&compiler, 2), before);
    assert_eq!(mappings(&compiler, 3)[0], "4096 10.0.0.4 00:00:00:00:00:11 > 192.0.2.2");
}

#[test]
fn several_addresses_share_a_mac_and_the_primary_one_chooses_the_network() {
    let mut addresses = vec![
        address(GREEN, WEB, "10.0.0.9", None),
        address(BLUE, WEB, "10.0.0.4", None),
        address(BLUE, WEB, "10.0.0.200", Some(acl_id(0xa1))),
    ];
    addresses[1].primary = true;
    let mut compiler = compiled([server(1), acl(0xa1), network(BLUE, None, None), network(GREEN, None, None)]);
    affected(&mut compiler, nic_with(0x11, addresses.clone()));
    affected(&mut compiler, bind(0x11, 1));
    let blue = ["network/0b/routes", "network/0b/mappings/10.0.0.0", "network/0b/mappings/10.0.0.192"];
    let sections = ["host", "port/11", "acl/a1"].into_iter().chain(blue);
    assert_eq!(names(&compiler, 1), sections.collect::<Vec<_>>());
    assert_eq!(mappings(&compiler, 1).len(), 2);

    addresses[1].primary = false;
    affected(&mut compiler, nic_with(0x11, addresses));
    let sections = ["host", "port/11", "network/0e/routes", "network/0e/mappings/10.0.0.0"];
    assert_eq!(names(&compiler, 1), sections);
}

#[test]
fn a_change_that_makes_no_difference_affects_nobody() {
    let world = [server(1), acl(0xa1), network(BLUE, Some(acl_id(0xa1)), None), nic(0x11, BLUE, WEB, "10.0.0.4")];
    let mut compiler = compiled(world.clone().into_iter().chain([bind(0x11, 1)]));
    for change in world.into_iter().chain([bind(0x11, 1), Change::Settings(Settings::default())]) {
        assert_eq!(affected(&mut compiler, change.clone()), [0; 0], "{change:?}");
    }
    assert_eq!(affected(&mut compiler, nic(0x12, BLUE, WEB, "10.0.0.5")), [0; 0], "it is on no host");
}

#[test]
fn settings_change_every_host_section() {
    let mut compiler = compiled([server(1), server(2)]);
    let mut settings = Settings::default();
    settings.without_acl.inbound = Action::Allow;
    assert_eq!(affected(&mut compiler, Change::Settings(settings)), [1, 2]);
}

#[test]
fn a_server_that_leaves_takes_its_manifest_along_and_finds_it_again() {
    let mut compiler = compiled([server(1), network(BLUE, None, None), nic(0x11, BLUE, WEB, "10.0.0.4")]);
    affected(&mut compiler, bind(0x11, 1));
    let before = names(&compiler, 1);
    assert_eq!(affected(&mut compiler, Change::Server(host(1), None)), [0; 0]);
    assert!(compiler.manifest(host(1)).is_none());
    assert_eq!(affected(&mut compiler, server(1)), [1]);
    assert_eq!(names(&compiler, 1), before);
}

#[test]
fn a_change_costs_the_same_whatever_else_exists() {
    let mut costs = Vec::new();
    for nics in [100, 4000] {
        let plan = (0..nics).flat_map(|n: u64| {
            let ca = std::net::Ipv4Addr::from(0x0a00_0000 + u32::try_from(n).unwrap() + 4);
            [nic(n, BLUE, WEB, &ca.to_string()), bind(n.into(), u128::from(n % 10))]
        });
        let servers = (0..10).map(server);
        let mut compiler = compiled(servers.chain([network(BLUE, None, None), acl(0xa1)]).chain(plan));
        let mut cost = |change| compiler.apply(&Revision { generation: Generation(2), changes: vec![change] }).rendered;
        costs.push([
            cost(nic_with(7, vec![address(BLUE, WEB, "10.0.0.11", Some(acl_id(0xa1)))])), // its port
            cost(nic_with(7, vec![address(BLUE, WEB, "10.0.250.11", None)])),             // its port, two shards
            cost(bind(7, 3)),                                                             // its port, its shard
            cost(network(BLUE, Some(acl_id(0xa1)), None)),                                // the routes
            cost(acl(0xa1)),                                                              // the list
        ]);
    }
    assert_eq!(costs[0], [1, 3, 2, 1, 1]);
    assert_eq!(costs[1], costs[0]);
}
