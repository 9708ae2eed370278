//! Several addresses behind one MAC on one port: traffic between them goes out of the port and back into it, and the
//! lists of both ends are applied. (`containers.md` 2.1)

use crate::fabric::{Fabric, ROUTER_MAC, Trip, Vm, echo, syn, udp};
use crate::frame::{Packet, Payload};
use vfp::{DropReason, Outcome};

/// A VM with two containers in its own subnet and one in another, under these lists.
fn fabric(lists: [Option<&[&str]>; 3]) -> (Fabric, Vm) {
    let mut fabric = Fabric::new();
    let ids = [1, 2, 3].map(|id: u128| {
        let lines = lists[usize::try_from(id).unwrap() - 1]?;
        fabric.set_acl(id, lines);
        Some(id)
    });
    let [one, two, across] = ids.map(|id| id.or(Some(0)));
    let own = [("10.0.1.9", Some(0)), ("10.0.1.101", one), ("10.0.1.102", two), ("10.0.2.7", across)];
    let vm = fabric.vm(1, 0, &own);
    (fabric, vm)
}

fn send(fabric: &mut Fabric, vm: Vm, from: &str, to: &str, payload: Payload) -> Trip {
    fabric.send(vm, &Packet::new(from.parse().unwrap(), to.parse().unwrap(), payload))
}

#[test]
fn a_packet_for_a_neighbour_on_the_port_comes_back_as_if_bridged() {
    let (mut fabric, vm) = fabric([None; 3]);
    for (from, to) in [("10.0.1.101", "10.0.1.102"), ("10.0.1.102", "10.0.1.9"), ("10.0.1.9", "10.0.1.101")] {
        let trip = send(&mut fabric, vm, from, to, syn(80));
        assert_eq!(trip.outcomes, [Outcome::Delivered], "{from} > {to}");
        let seen = trip.received_by(vm);
        assert_eq!((seen.destination_mac, seen.source_mac, seen.ttl), (vm.mac(), vm.mac(), 64));
        assert!(trip.tunnelled.is_empty());
    }
}

#[test]
fn between_subnets_the_router_is_crossed_once() {
    let (mut fabric, vm) = fabric([None; 3]);
    let seen = send(&mut fabric, vm, "10.0.1.101", "10.0.2.7", echo(7, true)).received_by(vm);
    assert_eq!((seen.source_mac, seen.destination_mac, seen.ttl), (ROUTER_MAC, vm.mac(), 63));
}

#[test]
fn the_lists_of_both_ends_are_applied() {
    for (case, lists) in [
        ("out of the sender", [Some(&["100 out deny * * > *"][..]), None, None]),
        ("into the receiver", [None, Some(&["100 in deny * * > *"][..]), None]),
    ] {
        let (mut fabric, vm) = fabric(lists);
        send(&mut fabric, vm, "10.0.1.101", "10.0.1.102", syn(80)).assert_dropped(DropReason::AclDenied);
        let other_way = send(&mut fabric, vm, "10.0.1.102", "10.0.1.101", syn(80));
        assert!(other_way.is_delivered(), "{case}: only one direction is denied");
        assert!(
            send(&mut fabric, vm, "10.0.1.9", "10.0.1.101", syn(80)).is_delivered(),
            "{case}: nor is a third address"
        );
    }
}

#[test]
fn answers_pass_lists_that_deny_what_is_unsolicited() {
    let closed = &["in deny", "out allow"][..];
    let (mut fabric, vm) = fabric([Some(closed), None, None]);
    send(&mut fabric, vm, "10.0.1.102", "10.0.1.101", udp(53, 4000)).assert_dropped(DropReason::AclDenied);
    assert!(send(&mut fabric, vm, "10.0.1.101", "10.0.1.102", udp(4000, 53)).is_delivered());
    assert!(send(&mut fabric, vm, "10.0.1.102", "10.0.1.101", udp(53, 4000)).is_delivered());
}

#[test]
fn a_list_that_changes_stops_an_established_flow_between_neighbours() {
    let (mut fabric, vm) = fabric([None, Some(&[]), None]);
    assert!(send(&mut fabric, vm, "10.0.1.101", "10.0.1.102", udp(4000, 53)).is_delivered());
    fabric.set_acl(2, &["100 in deny udp * > *"]);
    send(&mut fabric, vm, "10.0.1.101", "10.0.1.102", udp(4000, 53)).assert_dropped(DropReason::AclDenied);
}
