//! Where packets go: subnets, routing domains, hosts, and what the wire shows.

use crate::fabric::{Fabric, ROUTER_MAC, echo, ip, pa, syn, udp, vsid};
use crate::frame::Packet;
use policy::net::MacAddr;
use vfp::{DropReason, NetworkId, Outcome};

#[test]
fn within_a_subnet_only_the_destination_mac_is_set() {
    for host in [0, 1] {
        let mut fabric = Fabric::new();
        let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
        let b = fabric.vm(2, host, &[("10.0.1.20", Some(0))]);
        let trip = fabric.exchange(a, b, udp(1, 2));
        let seen = trip.received_by(b);
        assert_eq!((seen.source_mac, seen.destination_mac, seen.ttl), (a.mac(), b.mac(), 64));
        assert_eq!(trip.tunnelled.len(), host, "encapsulated only between hosts");
    }
}

#[test]
fn between_subnets_the_router_is_the_source_and_takes_one_off_the_ttl() {
    for host in [0, 1] {
        let mut fabric = Fabric::new();
        let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
        let b = fabric.vm(2, host, &[("10.0.2.20", Some(0))]);
        // The second packet of the flow takes the cached way.
        for _ in 0..2 {
            let seen = fabric.exchange(a, b, udp(1, 2)).received_by(b);
            assert_eq!((seen.source_mac, seen.destination_mac, seen.ttl), (ROUTER_MAC, b.mac(), 63));
        }
    }
}

#[test]
fn the_wire_shows_the_subnet_of_the_destination() {
    let mut fabric = Fabric::new();
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let b = fabric.vm(2, 1, &[("10.0.1.20", Some(0)), ("10.0.2.20", Some(0))]);
    for (destination, subnet) in [("10.0.1.20", 1), ("10.0.2.20", 2)] {
        let packet = Packet::new(fabric.ca(a), ip(destination), udp(1, 2));
        let trip = fabric.send(a, &packet);
        trip.received_by(b);
        assert_eq!(trip.vni(), vsid(0, subnet).get());
        assert_eq!(trip.tunnelled[0].0.destination, pa(1));
    }
}

#[test]
fn flows_spread_over_source_ports_and_each_keeps_its_own() {
    let mut fabric = Fabric::new();
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let b = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    let mut port_of = |source| {
        let ports = [0; 3].map(|_| fabric.exchange(a, b, udp(source, 53)).tunnelled[0].0.source_port);
        assert!(ports[0] >= 49_152 && ports[1] == ports[0] && ports[2] == ports[0], "{ports:?}");
        ports[0]
    };
    let mut ports: Vec<u16> = (1000..1064).map(&mut port_of).collect();
    ports.sort_unstable();
    ports.dedup();
    assert!(ports.len() > 48, "64 flows use {} source ports", ports.len());
}

#[test]
fn networks_with_the_same_addresses_never_meet() {
    let mut fabric = Fabric::new();
    fabric.set_network(1, Some(0));
    let blue = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let blue_peer = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    let red = fabric.vm_in(1, 3, 0, &[("10.0.1.10", Some(0))]);
    let red_peer = fabric.vm_in(1, 4, 1, &[("10.0.1.20", Some(0))]);
    let red_only = fabric.vm_in(1, 5, 1, &[("10.0.1.30", Some(0))]);
    fabric.exchange(blue, blue_peer, udp(1, 2)).received_by(blue_peer);
    fabric.exchange(red, red_peer, udp(1, 2)).received_by(red_peer);
    fabric.exchange(blue, red_only, udp(1, 2)).assert_dropped(DropReason::NoMapping);

    // A payload of one network under the identifier of the other is no way around.
    let mut payload = fabric.exchange(blue, blue_peer, udp(1, 2)).tunnelled[0].1.clone();
    payload[4..7].copy_from_slice(&vsid(1, 1).get().to_be_bytes()[1..]);
    fabric.arrive(1, pa(0), &payload).assert_dropped(DropReason::DestinationMac);
    payload[8..14].copy_from_slice(&red_peer.mac().octets());
    let trip = fabric.arrive(1, pa(0), &payload);
    assert_eq!(trip.received_by(red_peer).source, fabric.ca(red), "it is a packet of red's network now");
}

#[test]
fn only_the_host_that_an_address_is_mapped_to_may_send_from_it() {
    let mut fabric = Fabric::new();
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let b = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    let trip = fabric.exchange(a, b, udp(1, 2));
    let payload = &trip.tunnelled[0].1;
    fabric.arrive(1, pa(0), payload).received_by(b);
    fabric.arrive(1, ip("172.16.0.9"), payload).assert_dropped(DropReason::SourceHost);
    // And still, now that the flow is cached.
    fabric.arrive(1, pa(0), payload).received_by(b);
    fabric.arrive(1, ip("172.16.0.9"), payload).assert_dropped(DropReason::SourceHost);
}

#[test]
fn payloads_that_fit_nothing_here_are_counted_and_dropped() {
    let mut fabric = Fabric::new();
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let b = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    let good = fabric.exchange(a, b, udp(1, 2)).tunnelled[0].1.clone();
    let edited = |edit: fn(&mut Vec<u8>)| {
        let mut payload = good.clone();
        edit(&mut payload);
        payload
    };
    for (case, payload, reason) in [
        ("no identifier flag", edited(|p| p[0] = 0), DropReason::NotVxlan),
        ("cut in the VXLAN header", edited(|p| p.truncate(7)), DropReason::NotVxlan),
        ("cut in the IP header", edited(|p| p.truncate(40)), DropReason::Malformed),
        ("unknown identifier", edited(|p| p[6] ^= 0x80), DropReason::UnknownVsid),
        ("another subnet's identifier", edited(|p| p[6] += 1), DropReason::UnknownDestination),
        ("unknown destination", edited(|p| p[8 + 14 + 19] = 99), DropReason::UnknownDestination),
        ("group address", edited(|p| p[8] |= 1), DropReason::Multicast),
        ("another EtherType", edited(|p| p[8 + 12] = 0x12), DropReason::EtherType),
    ] {
        let before = fabric.hosts[1].stray_counters().dropped(reason);
        fabric.arrive(1, pa(0), &payload).assert_dropped(reason);
        assert_eq!(fabric.hosts[1].stray_counters().dropped(reason), before + 1, "{case}");
    }
    for (case, payload, reason) in [
        ("another MAC", edited(|p| p[13] ^= 1), DropReason::DestinationMac),
        ("unknown source", edited(|p| p[8 + 14 + 15] = 99), DropReason::SourceHost),
    ] {
        fabric.arrive(1, pa(0), &payload).assert_dropped(reason);
        assert_eq!(fabric.hosts[1].counters(b.port()).unwrap().dropped(reason), 1, "{case}");
    }
}

#[test]
fn an_address_that_nobody_has_is_reached_by_nothing() {
    let mut fabric = Fabric::new();
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    for (destination, reason) in [
        ("10.0.1.99", DropReason::NoMapping),
        ("10.0.9.1", DropReason::NoRoute),
        ("8.8.8.8", DropReason::NoRoute),
        ("255.255.255.255", DropReason::Multicast),
        ("224.0.0.5", DropReason::Multicast),
        ("127.0.0.1", DropReason::Multicast),
    ] {
        let packet = Packet::new(fabric.ca(a), ip(destination), udp(1, 2));
        fabric.send(a, &packet).assert_dropped(reason);
    }
}

#[test]
fn a_mapping_to_this_host_without_a_port_leads_nowhere() {
    let mut fabric = Fabric::new();
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let b = fabric.vm(2, 0, &[("10.0.1.20", Some(0))]);
    fabric.exchange(a, b, udp(1, 2)).received_by(b);
    fabric.hosts[0].remove_port(b.port());
    fabric.exchange(a, b, udp(1, 2)).assert_dropped(DropReason::NoLocalPort);
    fabric.hosts[0].remove_mapping(NetworkId(0), vsid(0, 1), ip("10.0.1.20"));
    fabric.exchange(a, b, udp(1, 2)).assert_dropped(DropReason::NoMapping);
}

#[test]
fn without_a_provider_address_only_this_host_is_reached() {
    let mut fabric = Fabric::new();
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let near = fabric.vm(2, 0, &[("10.0.1.20", Some(0))]);
    let far = fabric.vm(3, 1, &[("10.0.1.30", Some(0))]);
    fabric.exchange(a, far, udp(1, 2)).received_by(far);
    fabric.hosts[0].set_provider_address(None);
    fabric.exchange(a, far, udp(1, 2)).assert_dropped(DropReason::NoProviderAddress);
    fabric.exchange(a, near, udp(1, 2)).received_by(near);
}

#[test]
fn several_addresses_share_one_mac_and_port() {
    let mut fabric = Fabric::new();
    let addresses = ["10.0.1.10", "10.0.1.101", "10.0.1.102"].map(|ca| (ca, Some(0)));
    let containers = fabric.vm(1, 0, &addresses);
    let peer = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    for (ca, _) in addresses {
        let there = Packet::new(fabric.ca(peer), ip(ca), syn(80));
        assert_eq!(fabric.send(peer, &there).received_by(containers).destination_mac, containers.mac());
        let back = Packet::new(ip(ca), fabric.ca(peer), udp(1, 2));
        assert_eq!(fabric.send(containers, &back).received_by(peer).source, ip(ca));
    }
}

#[test]
fn a_port_reaches_its_own_other_address_through_its_lists() {
    let mut fabric = Fabric::new();
    fabric.set_acl(1, &["100 in deny tcp * > *:80"]);
    let vm = fabric.vm(1, 0, &[("10.0.1.10", Some(0)), ("10.0.1.101", Some(1))]);
    let packet = |payload| Packet::new(ip("10.0.1.10"), ip("10.0.1.101"), payload);
    let seen = fabric.send(vm, &packet(syn(443))).received_by(vm);
    assert_eq!((seen.source, seen.ttl, seen.destination_mac), (ip("10.0.1.10"), 64, vm.mac()));
    fabric.send(vm, &packet(syn(80))).assert_dropped(DropReason::AclDenied);
    let back = Packet::new(ip("10.0.1.101"), ip("10.0.1.10"), udp(5, 5));
    fabric.send(vm, &back).received_by(vm);
}

#[test]
fn forwarding_is_by_customer_address_whatever_the_frame_is_addressed_to() {
    let mut fabric = Fabric::new();
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let b = fabric.vm(2, 1, &[("10.0.2.20", Some(0))]);
    let packet = Packet::new(fabric.ca(a), fabric.ca(b), udp(1, 2));
    let outdated = MacAddr::new([2, 0, 0, 0, 0, 9]);
    assert_eq!(fabric.send_frame(a, &packet.frame(a.mac(), outdated)).received_by(b).source_mac, ROUTER_MAC);
}

#[test]
fn ipv6_is_forwarded_and_judged_like_ipv4() {
    let mut fabric = Fabric::new();
    fabric.set_acl(1, &["100 in allow icmpv6 fd00:1::/64:* > *", "in deny"]);
    let a = fabric.vm(1, 0, &[("fd00:1::10", Some(0))]);
    let b = fabric.vm(2, 1, &[("fd00:2::20", Some(1))]);
    let trip = fabric.exchange(a, b, echo(1, true));
    let seen = trip.received_by(b);
    assert_eq!((seen.source_mac, seen.ttl), (ROUTER_MAC, 63));
    assert_eq!(trip.vni(), vsid(0, 12).get());
    fabric.exchange(b, a, echo(1, false)).received_by(a);
    fabric.exchange(a, b, syn(80)).assert_dropped(DropReason::AclDenied);
}

#[test]
fn a_migrated_vm_is_sent_to_its_new_host_although_its_old_port_is_still_here() {
    let mut fabric = Fabric::new();
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let b = fabric.vm(2, 0, &[("10.0.1.20", Some(0))]);
    assert_eq!(fabric.exchange(a, b, udp(1, 2)).outcomes, [Outcome::Delivered]);
    let policy = fabric.placed(b).policy.clone();
    fabric.hosts[1].set_port(b.port(), vfp::Tag(1), policy).unwrap();
    fabric.map(b, 1);
    let trip = fabric.exchange(a, b, udp(1, 2));
    assert_eq!(trip.outcomes, [Outcome::Tunnelled, Outcome::Delivered]);
    assert_eq!(trip.received[0].0, 1);
}
