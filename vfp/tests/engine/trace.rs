//! Traces: what they say, and that they say what happens.

use crate::fabric::{Fabric, ROUTER_MAC, ip, syn, udp};
use crate::frame::{Arp, Packet};
use policy::net::MacAddr;
use std::net::Ipv4Addr;
use vfp::{Direction, DropReason, Outcome, Probe};

fn probe(direction: Direction, source: &str, destination: &str, port: u16) -> Probe {
    let (source, destination) = (ip(source), ip(destination));
    Probe { direction, protocol: 6, source, destination, source_port: 40_000, destination_port: port }
}

/// The trace's lines without the port's name in front.
fn lines(trace: &vfp::Trace) -> Vec<String> {
    trace.steps.iter().map(|step| step.to_string().split_once(' ').unwrap().1.to_owned()).collect()
}

fn fabric() -> (Fabric, [crate::fabric::Vm; 3]) {
    let mut fabric = Fabric::new();
    fabric.set_acl(1, &["100 in deny tcp 10.0.1.0/24 > *:80", "out allow"]);
    let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let near = fabric.vm(2, 0, &[("10.0.2.20", Some(1))]);
    let far = fabric.vm(3, 1, &[("10.0.1.30", None)]);
    (fabric, [a, near, far])
}

#[test]
fn a_trace_names_the_rule_that_drops() {
    let (fabric, [a, ..]) = fabric();
    let trace = fabric.hosts[0].trace(a.port(), &probe(Direction::Outbound, "10.0.1.10", "10.0.2.20", 80), fabric.now);
    assert_eq!(trace.outcome, Outcome::Dropped(DropReason::AclDenied));
    assert_eq!(
        lines(&trace),
        [
            "out flow table    tcp 10.0.1.10:40000 > 10.0.2.20:80",
            "out flow table    opens a flow",
            "out guard         source 00:1d:d8:00:00:01 10.0.1.10 is the VM's own",
            "out acl           allow out: list list0 of the IP configuration, default action",
            "out router        routed from subnet 5001 to subnet 5002, TTL - 1",
            "out encapsulation 10.0.2.20 is 00:1d:d8:00:00:02 at port 00000000-0000-0000-0000-000000000002 of this host",
            "in  flow table    tcp 10.0.1.10:40000 > 10.0.2.20:80",
            "in  flow table    opens a flow",
            "in  acl           deny in: list list1 of the IP configuration, rule 100 in deny tcp 10.0.1.0/24:* > *:80 r100",
            "in  acl           DROPPED: acl-denied",
        ]
    );
}

#[test]
fn a_trace_shows_the_way_to_another_host() {
    let (fabric, [a, ..]) = fabric();
    let trace = fabric.hosts[0].trace(a.port(), &probe(Direction::Outbound, "10.0.1.10", "10.0.1.30", 80), fabric.now);
    assert_eq!(trace.outcome, Outcome::Tunnelled);
    assert_eq!(
        lines(&trace)[4..],
        [
            "out router        within subnet 5001",
            "out encapsulation 10.0.1.30 is 00:1d:d8:00:00:03 at host 172.16.0.2: VXLAN 5001",
        ]
    );
}

#[test]
fn an_inbound_trace_starts_at_the_host_that_the_source_is_on() {
    let (fabric, [_, near, far]) = fabric();
    let trace = fabric.hosts[1].trace(far.port(), &probe(Direction::Inbound, "10.0.1.10", "10.0.1.30", 22), fabric.now);
    assert_eq!(trace.outcome, Outcome::Dropped(DropReason::AclDenied));
    assert_eq!(
        lines(&trace)[2..],
        [
            "in  encapsulation 10.0.1.10 is mapped to host 172.16.0.1, where it came from",
            "in  acl           deny in: no list reaches the port",
            "in  acl           DROPPED: acl-denied",
        ]
    );
    let local = probe(Direction::Inbound, "10.0.1.10", "10.0.2.20", 22);
    assert_eq!(fabric.hosts[0].trace(near.port(), &local, fabric.now).outcome, Outcome::Delivered);
    let nobody = probe(Direction::Inbound, "10.0.1.99", "10.0.2.20", 22);
    let outcome = fabric.hosts[0].trace(near.port(), &nobody, fabric.now).outcome;
    assert_eq!(outcome, Outcome::Dropped(DropReason::SourceHost));
}

#[test]
fn a_trace_tells_return_traffic_from_new_flows() {
    let (mut fabric, [a, _, far]) = fabric();
    fabric.exchange(far, a, udp(7, 9)).received_by(a);
    let answer = Probe {
        protocol: 17,
        source_port: 9,
        destination_port: 7,
        ..probe(Direction::Inbound, "10.0.1.10", "10.0.1.30", 0)
    };
    let trace = fabric.hosts[1].trace(far.port(), &answer, fabric.now);
    assert_eq!(trace.outcome, Outcome::Delivered);
    assert!(lines(&trace).contains(&"in  flow table    belongs to a flow opened out".to_owned()), "{trace}");
    let other = Probe { source_port: 10, ..answer };
    let outcome = fabric.hosts[1].trace(far.port(), &other, fabric.now).outcome;
    assert_eq!(outcome, Outcome::Dropped(DropReason::AclDenied));
}

#[test]
fn a_trace_changes_nothing() {
    let (mut fabric, [a, near, _]) = fabric();
    let packet = Packet::new(fabric.ca(a), fabric.ca(near), syn(443));
    let frame = packet.frame(a.mac(), ROUTER_MAC);
    let before = (fabric.flows(a), *fabric.hosts[0].counters(a.port()).unwrap());
    let trace = fabric.hosts[0].trace_frame(a.port(), &frame, fabric.now);
    assert_eq!(trace.outcome, Outcome::Delivered);
    assert_eq!((fabric.flows(a), *fabric.hosts[0].counters(a.port()).unwrap()), before);
}

#[test]
fn arp_blocked_ports_and_broken_frames_are_explained_too() {
    let (mut fabric, [a, near, _]) = fabric();
    let arp = Arp {
        operation: 1,
        sender: (a.mac(), Ipv4Addr::new(10, 0, 1, 10)),
        target: (MacAddr::new([0; 6]), Ipv4Addr::new(10, 0, 1, 1)),
    };
    let frame = arp.frame(a.mac(), MacAddr::BROADCAST);
    let trace = fabric.hosts[0].trace_frame(a.port(), &frame, fabric.now);
    assert_eq!(lines(&trace), ["out guard         ARP reply: 10.0.1.1 is at 40:1d:d8:00:00:01"]);
    let trace = fabric.hosts[0].trace_frame(a.port(), &frame[..20], fabric.now);
    assert_eq!(lines(&trace), ["out guard         DROPPED: malformed"]);
    fabric.hosts[0].block_port(near.port());
    let blocked = probe(Direction::Outbound, "10.0.2.20", "10.0.1.10", 80);
    let trace = fabric.hosts[0].trace(near.port(), &blocked, fabric.now);
    assert_eq!(trace.outcome, Outcome::Dropped(DropReason::PortBlocked));
}
