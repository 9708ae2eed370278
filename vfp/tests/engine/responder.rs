//! What the switch answers by itself.

use crate::fabric::{Fabric, ROUTER_MAC, Trip, Vm, echo, ip, udp};
use crate::frame::{Arp, Packet, Payload, Seen};
use policy::net::MacAddr;
use std::net::Ipv4Addr;
use vfp::{DropReason, Outcome};

fn ask(fabric: &mut Fabric, vm: Vm, sender: Ipv4Addr, target: &str) -> Trip {
    let target = (MacAddr::new([0; 6]), target.parse().unwrap());
    let arp = Arp { operation: 1, sender: (vm.mac(), sender), target };
    fabric.send_frame(vm, &arp.frame(vm.mac(), MacAddr::BROADCAST))
}

fn fabric() -> (Fabric, Vm) {
    let mut fabric = Fabric::new();
    let vm = fabric.vm(1, 0, &[("10.0.1.10", Some(0)), ("10.0.1.101", Some(0))]);
    fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    fabric.vm(3, 0, &[("10.0.2.30", Some(0))]);
    (fabric, vm)
}

#[test]
fn arp_is_answered_from_the_table() {
    let (mut fabric, vm) = fabric();
    let own = Ipv4Addr::new(10, 0, 1, 10);
    for (target, mac) in [
        ("10.0.1.1", ROUTER_MAC),
        ("10.0.1.20", Vm(2).mac()),
        ("10.0.1.101", vm.mac()),
        // Behind the router, should a guest ask although it is not on its link.
        ("10.0.2.1", ROUTER_MAC),
        ("10.0.2.30", ROUTER_MAC),
    ] {
        let trip = ask(&mut fabric, vm, own, target);
        assert_eq!(trip.outcomes, [Outcome::Answered], "{target}");
        let [(0, port, frame)] = &trip.received[..] else { panic!("{trip:?}") };
        let expected = Arp { operation: 2, sender: (mac, target.parse().unwrap()), target: (vm.mac(), own) };
        assert_eq!((*port, Arp::of(frame)), (vm.port(), expected));
        assert_eq!((&frame[..6], &frame[6..12]), (&vm.mac().octets()[..], &mac.octets()[..]));
    }
}

#[test]
fn arp_for_what_nobody_has_stays_unanswered_and_is_never_flooded() {
    let (mut fabric, vm) = fabric();
    let own = Ipv4Addr::new(10, 0, 1, 10);
    for (sender, target, reason) in [
        (own, "10.0.1.99", DropReason::ArpUnknown),
        (own, "10.0.9.9", DropReason::ArpUnknown),
        // Gratuitous, and the question whether the VM's own address is free.
        (own, "10.0.1.10", DropReason::ArpIgnored),
        (Ipv4Addr::UNSPECIFIED, "10.0.1.10", DropReason::ArpIgnored),
    ] {
        let trip = ask(&mut fabric, vm, sender, target);
        trip.assert_dropped(reason);
        assert!(trip.tunnelled.is_empty());
    }
    let reply = Arp { operation: 2, sender: (vm.mac(), own), target: (Vm(2).mac(), Ipv4Addr::new(10, 0, 1, 20)) };
    fabric.send_frame(vm, &reply.frame(vm.mac(), Vm(2).mac())).assert_dropped(DropReason::ArpIgnored);
}

#[test]
fn a_vm_that_asks_whether_an_address_is_free_hears_who_has_it() {
    let (mut fabric, vm) = fabric();
    let trip = ask(&mut fabric, vm, Ipv4Addr::UNSPECIFIED, "10.0.1.20");
    assert_eq!(Arp::of(&trip.received[0].2).sender, (Vm(2).mac(), Ipv4Addr::new(10, 0, 1, 20)));
}

#[test]
fn the_router_answers_ping_on_every_one_of_its_addresses() {
    let (mut fabric, vm) = fabric();
    let six = fabric.vm(4, 0, &[("fd00:1::10", Some(0))]);
    for (vm, router, reply) in
        [(vm, "10.0.1.1", 0), (vm, "10.0.2.1", 0), (six, "fd00:1::1", 129), (six, "fd00:2::1", 129)]
    {
        let request = Packet { data: 57, ..Packet::new(fabric.ca(vm), ip(router), echo(77, true)) };
        let trip = fabric.send(vm, &request);
        assert_eq!(trip.outcomes, [Outcome::Answered]);
        let sent = Seen::of(&request.frame(vm.mac(), ROUTER_MAC));
        let seen = Seen::of(&trip.received[0].2);
        assert_eq!((seen.source, seen.destination), (ip(router), fabric.ca(vm)));
        assert_eq!((seen.source_mac, seen.destination_mac), (ROUTER_MAC, vm.mac()));
        assert_eq!((seen.transport[0], &seen.transport[4..]), (reply, &sent.transport[4..]));
    }
    for payload in [udp(1, 2), echo(1, false)] {
        let packet = Packet::new(fabric.ca(vm), ip("10.0.1.1"), payload);
        fabric.send(vm, &packet).assert_dropped(DropReason::RouterAddress);
    }
}

#[test]
fn the_router_is_pinged_only_by_those_who_may() {
    let (mut fabric, vm) = fabric();
    fabric.set_acl(1, &["100 out deny icmpv4 * > *"]);
    fabric.change(vm, |policy| policy.addresses[0].acl = Some(vfp::AclId(1)));
    let packet = Packet::new(fabric.ca(vm), ip("10.0.1.1"), echo(1, true));
    fabric.send(vm, &packet).assert_dropped(DropReason::AclDenied);
}

#[test]
fn a_packet_that_dies_at_the_router_is_reported_to_its_sender() {
    let (mut fabric, vm) = fabric();
    let six = fabric.vm(4, 0, &[("fd00:1::10", Some(0))]);
    fabric.vm(5, 0, &[("fd00:2::20", Some(0))]);
    let kinds = [(vm, "10.0.2.30", "10.0.1.1", 1, 11, 28), (six, "fd00:2::20", "fd00:1::1", 58, 3, 48)];
    for (vm, destination, router, protocol, kind, quoted) in kinds {
        let packet = Packet { ttl: 2, ..Packet::new(fabric.ca(vm), ip(destination), udp(1, 2)) };
        assert!(fabric.send(vm, &packet).is_delivered());
        // The flow is cached now; the hop limit is looked at all the same.
        let dying = Packet { ttl: 1, ..packet };
        let trip = fabric.send(vm, &dying);
        assert_eq!(trip.outcomes, [Outcome::Answered]);
        let seen = Seen::of(&trip.received[0].2);
        assert_eq!((seen.source, seen.destination), (ip(router), fabric.ca(vm)));
        assert_eq!((seen.protocol, seen.transport[0], seen.destination_mac), (protocol, kind, vm.mac()));
        assert_eq!(seen.transport[8..8 + quoted], dying.frame(vm.mac(), ROUTER_MAC)[14..14 + quoted]);
    }
}

#[test]
fn no_error_is_sent_about_an_error() {
    let (mut fabric, vm) = fabric();
    let error = Payload::Raw { protocol: 1, bytes: vec![3, 1, 0, 0, 0, 0, 0, 0] };
    let packet = Packet { ttl: 1, ..Packet::new(fabric.ca(vm), ip("10.0.2.30"), error) };
    fabric.send(vm, &packet).assert_dropped(DropReason::TtlExceeded);
}

#[test]
fn within_a_subnet_a_packet_of_one_hop_arrives() {
    let (mut fabric, vm) = fabric();
    let packet = Packet { ttl: 1, ..Packet::new(fabric.ca(vm), ip("10.0.1.20"), udp(1, 2)) };
    assert_eq!(fabric.send(vm, &packet).received_by(Vm(2)).ttl, 1);
}
