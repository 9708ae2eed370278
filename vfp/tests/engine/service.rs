//! A service of the host: every VM reaches it at one link-local address, and is known by its port alone.

use crate::fabric::{Fabric, ROUTER_MAC, Vm, ip, udp};
use crate::frame::{Arp, Packet, Payload, SYN};
use policy::net::MacAddr;
use std::net::Ipv4Addr;
use vfp::{DropReason, HostService, Outcome};

const SERVICE: HostService = HostService {
    address: Ipv4Addr::new(169, 254, 169, 254),
    tcp_port: 6642,
    mac: MacAddr::new([0x22, 0x22, 0x22, 0x22, 0x22, 0x22]),
};

fn fabric() -> (Fabric, Vm) {
    let mut fabric = Fabric::new();
    // The list lets nothing pass: infrastructure is not the tenant's to judge.
    fabric.set_acl(1, &["in deny", "out deny"]);
    let vm = fabric.vm(1, 0, &[("10.0.1.10", Some(1))]);
    fabric.hosts[0].set_host_service(Some(SERVICE));
    (fabric, vm)
}

fn request(source: &str, port: u16) -> Packet {
    let payload = Payload::Tcp { source: 40_000, destination: port, flags: SYN };
    Packet::new(ip(source), SERVICE.address.into(), payload)
}

#[test]
fn a_segment_for_the_service_is_handed_over_with_the_port_it_came_from() {
    let (mut fabric, vm) = fabric();
    let strange = MacAddr::new([2, 0, 0, 0, 0, 9]);
    for (source, mac, to) in [
        ("10.0.1.10", vm.mac(), SERVICE.mac),
        ("10.0.1.10", vm.mac(), ROUTER_MAC),
        ("169.254.7.7", vm.mac(), SERVICE.mac),
        // Forged: it changes nothing of who asks.
        ("10.0.1.99", strange, SERVICE.mac),
    ] {
        let frame = request(source, SERVICE.tcp_port).frame(mac, to);
        let trip = fabric.send_frame(vm, &frame);
        assert_eq!(trip.outcomes, [Outcome::Served], "{source}");
        assert_eq!(trip.served, [(vm.port(), frame)]);
        assert!(trip.received.is_empty() && trip.tunnelled.is_empty());
    }
}

#[test]
fn arp_for_the_service_is_answered_on_the_port_whoever_asks() {
    let (mut fabric, vm) = fabric();
    for sender in [Ipv4Addr::new(10, 0, 1, 10), Ipv4Addr::new(169, 254, 7, 7), Ipv4Addr::UNSPECIFIED] {
        let arp = Arp { operation: 1, sender: (vm.mac(), sender), target: (MacAddr::new([0; 6]), SERVICE.address) };
        let trip = fabric.send_frame(vm, &arp.frame(vm.mac(), MacAddr::BROADCAST));
        assert_eq!(trip.outcomes, [Outcome::Answered]);
        let [(0, port, frame)] = &trip.received[..] else { panic!("{trip:?}") };
        let expected = Arp { operation: 2, sender: (SERVICE.mac, SERVICE.address), target: (vm.mac(), sender) };
        assert_eq!((*port, Arp::of(frame)), (vm.port(), expected));
    }
}

#[test]
fn nothing_else_reaches_the_service_and_nothing_for_it_leaves_the_host() {
    let (mut fabric, vm) = fabric();
    let mut fragment = request("10.0.1.10", SERVICE.tcp_port);
    fragment.fragment = (7, 0x2000);
    let own = ip("10.0.1.10");
    for (packet, to, reason) in [
        (request("10.0.1.10", 80), SERVICE.mac, DropReason::HostService),
        (Packet::new(own, SERVICE.address.into(), udp(1, 6642)), SERVICE.mac, DropReason::HostService),
        (fragment, SERVICE.mac, DropReason::HostService),
        (request("224.0.0.1", SERVICE.tcp_port), SERVICE.mac, DropReason::HostService),
        // A neighbour's address, sent to the service's MAC.
        (Packet::new(own, ip("10.0.1.20"), udp(1, 2)), SERVICE.mac, DropReason::HostService),
    ] {
        let trip = fabric.send_frame(vm, &packet.frame(vm.mac(), to));
        trip.assert_dropped(reason);
        assert!(trip.served.is_empty() && trip.tunnelled.is_empty());
    }
    let group = MacAddr::new([1, 0, 0x5e, 0, 0, 1]);
    let frame = request("10.0.1.10", SERVICE.tcp_port).frame(group, SERVICE.mac);
    fabric.send_frame(vm, &frame).assert_dropped(DropReason::SourceMac);
}

#[test]
fn a_blocked_port_and_a_closed_service_are_out_of_reach() {
    let (mut fabric, vm) = fabric();
    let frame = request("10.0.1.10", SERVICE.tcp_port).frame(vm.mac(), SERVICE.mac);
    fabric.hosts[0].set_host_service(None);
    assert!(fabric.send_frame(vm, &frame).served.is_empty());
    fabric.hosts[0].set_host_service(Some(SERVICE));
    fabric.hosts[0].block_port(vm.port());
    fabric.send_frame(vm, &frame).assert_dropped(DropReason::PortBlocked);
}

#[test]
fn a_trace_says_that_the_service_gets_the_packet() {
    let (fabric, vm) = fabric();
    let frame = request("10.0.1.10", SERVICE.tcp_port).frame(vm.mac(), ROUTER_MAC);
    let trace = fabric.hosts[0].trace_frame(vm.port(), &frame, fabric.now);
    assert_eq!(trace.outcome, Outcome::Served);
    assert!(trace.to_string().contains("169.254.169.254 is a service of this host"), "{trace}");
}
