//! A VM speaks only for itself.

use crate::fabric::{Fabric, ROUTER_MAC, ip, udp};
use crate::frame::{Arp, Packet};
use policy::net::MacAddr;
use std::net::Ipv4Addr;
use vfp::{DropReason, Outcome};

const FOREIGN: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 7]);

#[test]
fn a_spoofed_source_is_dropped_and_counted() {
    let mut fabric = Fabric::new();
    let vm = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let peer = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    let own = Packet::new(fabric.ca(vm), fabric.ca(peer), udp(1, 2));
    let spoofed = Packet { source: ip("10.0.1.11"), ..own.clone() };
    // Once before and once after the honest flow is cached.
    for _ in 0..2 {
        fabric.send(vm, &spoofed).assert_dropped(DropReason::SourceAddress);
        fabric.send_frame(vm, &own.frame(FOREIGN, ROUTER_MAC)).assert_dropped(DropReason::SourceMac);
        fabric.send(vm, &own).received_by(peer);
    }
    let counters = *fabric.hosts[0].counters(vm.port()).unwrap();
    assert_eq!((counters.dropped(DropReason::SourceAddress), counters.dropped(DropReason::SourceMac)), (2, 2));
    assert_eq!(counters.outbound.packets, 2);
}

#[test]
fn mac_spoofing_allows_foreign_macs_but_no_foreign_addresses() {
    let mut fabric = Fabric::new();
    let vm = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let peer = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    fabric.change(vm, |policy| policy.mac_spoofing = true);
    let own = Packet::new(fabric.ca(vm), fabric.ca(peer), udp(1, 2));
    fabric.send_frame(vm, &own.frame(FOREIGN, ROUTER_MAC)).received_by(peer);
    fabric.send_frame(vm, &own.frame(MacAddr::BROADCAST, ROUTER_MAC)).assert_dropped(DropReason::SourceMac);
    let spoofed = Packet { source: ip("10.0.1.11"), ..own };
    fabric.send_frame(vm, &spoofed.frame(FOREIGN, ROUTER_MAC)).assert_dropped(DropReason::SourceAddress);
}

#[test]
fn an_arp_sender_must_be_the_vm() {
    let mut fabric = Fabric::new();
    let vm = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let router = (MacAddr::new([0; 6]), Ipv4Addr::new(10, 0, 1, 1));
    let request = |mac, last| Arp { operation: 1, sender: (mac, Ipv4Addr::new(10, 0, 1, last)), target: router };
    for (case, arp, source, expected) in [
        ("honest", request(vm.mac(), 10), vm.mac(), Outcome::Answered),
        ("address", request(vm.mac(), 11), vm.mac(), Outcome::Dropped(DropReason::ArpSender)),
        ("MAC in the message", request(FOREIGN, 10), vm.mac(), Outcome::Dropped(DropReason::ArpSender)),
        ("MAC of the frame", request(FOREIGN, 10), FOREIGN, Outcome::Dropped(DropReason::SourceMac)),
    ] {
        let trip = fabric.send_frame(vm, &arp.frame(source, MacAddr::BROADCAST));
        assert_eq!(trip.outcomes, [expected], "{case}");
    }
}

#[test]
fn dhcp_guard_drops_what_only_servers_send() {
    let mut fabric = Fabric::new();
    let vm = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let peer = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    fabric.exchange(vm, peer, udp(67, 68)).received_by(peer);
    fabric.change(vm, |policy| policy.dhcp_guard = true);
    fabric.exchange(vm, peer, udp(67, 68)).assert_dropped(DropReason::DhcpServer);
    fabric.exchange(vm, peer, udp(68, 67)).received_by(peer);
}

#[test]
fn tagged_frames_other_protocols_and_group_addresses_do_not_leave() {
    let mut fabric = Fabric::new();
    let vm = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let peer = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    let packet = Packet::new(fabric.ca(vm), fabric.ca(peer), udp(1, 2));
    let frame = packet.frame(vm.mac(), ROUTER_MAC);
    let with_type = |high, low| {
        let mut frame = frame.clone();
        frame[12..14].copy_from_slice(&[high, low]);
        frame
    };
    for (frame, reason) in [
        (with_type(0x81, 0x00), DropReason::VlanTagged),
        (with_type(0x88, 0xa8), DropReason::VlanTagged),
        (with_type(0x88, 0xcc), DropReason::EtherType),
        (packet.frame(vm.mac(), MacAddr::BROADCAST), DropReason::Multicast),
        (frame[..13].to_vec(), DropReason::Malformed),
        (frame[..33].to_vec(), DropReason::Malformed),
        (Vec::new(), DropReason::Malformed),
    ] {
        fabric.send_frame(vm, &frame).assert_dropped(reason);
    }
}

#[test]
fn a_blocked_port_passes_nothing_in_either_direction() {
    let mut fabric = Fabric::new();
    let vm = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let peer = fabric.vm(2, 1, &[("10.0.1.20", Some(0))]);
    fabric.exchange(vm, peer, udp(1, 2)).received_by(peer);
    fabric.hosts[0].block_port(vm.port());
    fabric.exchange(vm, peer, udp(1, 2)).assert_dropped(DropReason::PortBlocked);
    fabric.exchange(peer, vm, udp(2, 1)).assert_dropped(DropReason::UnknownDestination);
    let arp = Arp {
        operation: 1,
        sender: (vm.mac(), Ipv4Addr::new(10, 0, 1, 10)),
        target: (MacAddr::new([0; 6]), Ipv4Addr::new(10, 0, 1, 1)),
    };
    fabric.send_frame(vm, &arp.frame(vm.mac(), MacAddr::BROADCAST)).assert_dropped(DropReason::PortBlocked);
}
