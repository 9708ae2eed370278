//! Programming the switch and reading it back.

use crate::fabric::{Fabric, ROUTER_MAC, acl, ip, udp, vsid};
use policy::net::Vsid;
use vfp::{
    AclId, Config, Mapping, Network, NetworkId, PolicyError, PortAddress, PortId, PortPolicy, Subnet, Switch, Tag,
};

fn network(subnets: &[(u32, &str)], acl: Option<AclId>) -> Network {
    let subnet = |(vsid, prefix): &(u32, &str)| Subnet {
        vsid: Vsid::new(*vsid).unwrap(),
        prefix: prefix.parse().unwrap(),
        router: ip("10.0.0.1"),
        acl,
    };
    Network { router_mac: ROUTER_MAC, subnets: subnets.iter().map(subnet).collect() }
}

fn port(network: u128, acl: Option<AclId>) -> PortPolicy {
    PortPolicy {
        mac: ROUTER_MAC,
        network: NetworkId(network),
        addresses: vec![PortAddress { ca: ip("10.0.0.5"), vsid: Vsid::new(5000).unwrap(), acl }],
        outbound_maximum_mbps: None,
        inbound_maximum_mbps: None,
        mac_spoofing: false,
        dhcp_guard: false,
        flow_limit: None,
    }
}

#[test]
fn what_was_set_is_what_is_read_back() {
    let mut switch = Switch::new(Config::default());
    switch.set_acl(AclId(1), Tag(11), &acl(1, &[]));
    switch.set_network(NetworkId(2), Tag(22), network(&[(5000, "10.0.0.0/24")], Some(AclId(1)))).unwrap();
    switch.set_port(PortId(3), Tag(33), port(2, None)).unwrap();
    switch.block_port(PortId(4));
    let mapping = Mapping { mac: ROUTER_MAC, pa: ip("172.16.0.1") };
    switch.set_mapping(NetworkId(2), Vsid::new(5000).unwrap(), ip("10.0.0.5"), mapping).unwrap();

    let mut ports: Vec<_> = switch.ports().collect();
    ports.sort();
    assert_eq!(switch.acls().collect::<Vec<_>>(), [(AclId(1), Tag(11))]);
    assert_eq!(switch.networks().collect::<Vec<_>>(), [(NetworkId(2), Tag(22))]);
    assert_eq!(ports, [(PortId(3), Some(Tag(33))), (PortId(4), None)]);
    let expected = (Vsid::new(5000).unwrap(), ip("10.0.0.5"), mapping);
    assert_eq!(switch.mappings(NetworkId(2)).collect::<Vec<_>>(), [expected]);

    switch.set_port(PortId(3), Tag(34), port(2, Some(AclId(1)))).unwrap();
    switch.remove_port(PortId(4));
    assert_eq!(switch.ports().collect::<Vec<_>>(), [(PortId(3), Some(Tag(34)))]);
    switch.block_port(PortId(3));
    assert_eq!(switch.ports().collect::<Vec<_>>(), [(PortId(3), None)]);
}

#[test]
fn an_object_is_refused_while_what_it_needs_is_missing() {
    let mut switch = Switch::new(Config::default());
    let missing = AclId(9);
    assert_eq!(switch.set_port(PortId(1), Tag(0), port(7, None)), Err(PolicyError::UnknownNetwork(NetworkId(7))));
    assert_eq!(
        switch.set_network(NetworkId(7), Tag(0), network(&[(5000, "10.0.0.0/24")], Some(missing))),
        Err(PolicyError::UnknownAcl(missing))
    );
    switch.set_network(NetworkId(7), Tag(0), network(&[(5000, "10.0.0.0/24")], None)).unwrap();
    assert_eq!(switch.set_port(PortId(1), Tag(0), port(7, Some(missing))), Err(PolicyError::UnknownAcl(missing)));
    let mut homeless = port(7, None);
    homeless.addresses.clear();
    assert_eq!(switch.set_port(PortId(1), Tag(0), homeless), Err(PolicyError::NoAddress));
    assert_eq!(switch.ports().count(), 0, "a refused port is not there");
    let mapping = Mapping { mac: ROUTER_MAC, pa: ip("172.16.0.1") };
    assert_eq!(
        switch.set_mapping(NetworkId(8), Vsid::new(5000).unwrap(), ip("10.0.0.5"), mapping),
        Err(PolicyError::UnknownNetwork(NetworkId(8)))
    );
}

#[test]
fn an_object_is_not_removed_while_it_is_needed() {
    let mut switch = Switch::new(Config::default());
    for list in [1, 2] {
        switch.set_acl(AclId(list), Tag(0), &acl(list, &[]));
    }
    switch.set_network(NetworkId(7), Tag(0), network(&[(5000, "10.0.0.0/24")], Some(AclId(1)))).unwrap();
    switch.set_port(PortId(1), Tag(0), port(7, Some(AclId(2)))).unwrap();
    for list in [1, 2] {
        assert_eq!(switch.remove_acl(AclId(list)), Err(PolicyError::InUse));
    }
    assert_eq!(switch.remove_network(NetworkId(7)), Err(PolicyError::InUse));
    switch.remove_port(PortId(1));
    switch.remove_network(NetworkId(7)).unwrap();
    for list in [1, 2] {
        switch.remove_acl(AclId(list)).unwrap();
    }
    assert_eq!((switch.acls().count(), switch.networks().count(), switch.ports().count()), (0, 0, 0));
}

#[test]
fn a_network_with_ambiguous_subnets_is_refused_and_the_old_one_stays() {
    let mut switch = Switch::new(Config::default());
    let good = network(&[(5000, "10.0.0.0/24"), (5001, "10.0.1.0/24")], None);
    switch.set_network(NetworkId(7), Tag(1), good).unwrap();
    let (first, second) = (Vsid::new(5000).unwrap(), Vsid::new(5002).unwrap());
    let overlapping = network(&[(5000, "10.0.0.0/23"), (5002, "10.0.1.0/24")], None);
    assert_eq!(
        switch.set_network(NetworkId(7), Tag(2), overlapping),
        Err(PolicyError::OverlappingSubnets(first, second))
    );
    let taken = network(&[(5000, "10.0.0.0/24")], None);
    assert_eq!(switch.set_network(NetworkId(8), Tag(2), taken), Err(PolicyError::VsidTaken(first)));
    assert_eq!(switch.networks().collect::<Vec<_>>(), [(NetworkId(7), Tag(1))]);
}

#[test]
fn a_network_keeps_its_mappings_when_its_shape_changes() {
    let mut fabric = Fabric::new();
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let b = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    fabric.set_network(0, Some(0));
    assert_eq!(fabric.hosts[0].mappings(NetworkId(0)).count(), 2);
    fabric.exchange(a, b, udp(1, 2)).received_by(b);
}

#[test]
fn rules_are_listed_layer_by_layer() {
    let mut fabric = Fabric::new();
    fabric.set_acl(1, &["100 in deny tcp 10.0.0.0/8 > *:80", "out deny"]);
    fabric.set_network(0, Some(0));
    let vm = fabric.vm(1, 0, &[("10.0.1.10", Some(1))]);
    fabric.change(vm, |policy| policy.inbound_maximum_mbps = std::num::NonZeroU64::new(50));
    let rules = fabric.hosts[0].rules(vm.port());
    let expected = [
        "guard: out allow from 00:1d:d8:00:00:01 10.0.1.10",
        "acl: 10.0.1.10 list1 100 in deny tcp 10.0.0.0/8:* > *:80 r100",
        "acl: 10.0.1.10 list1 default in allow",
        "acl: 10.0.1.10 list1 default out deny",
    ];
    assert_eq!(rules[..4], expected);
    assert!(rules.contains(&"router: 10.0.1.0/24 is subnet 5001, router 10.0.1.1 40:1d:d8:00:00:01".to_owned()));
    assert!(rules.contains(&"encapsulation: 1 addresses are mapped".to_owned()));
    assert_eq!(rules.last().unwrap(), "queue: in 50 Mbit/s");
    assert_eq!(vsid(0, 1).get(), 5001);
}
