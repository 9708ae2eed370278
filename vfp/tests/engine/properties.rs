//! What holds for every policy and every packet.

use crate::fabric::{Fabric, Out, ROUTER_MAC, Vm, acl, ip, pa};
use crate::frame::{ACK, FIN, Packet, Payload, RST, SYN, Seen};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;
use vfp::{AclId, Config, HEADROOM, Limits, Outcome, Tag};

/// Addresses of the four VMs: two with two addresses, on both hosts and in two subnets.
const ADDRESSES: [&str; 6] = ["10.0.1.10", "10.0.1.101", "10.0.2.20", "10.0.1.30", "10.0.2.40", "10.0.2.102"];

/// Something that happens to the fabric.
#[derive(Clone, Debug)]
enum Event {
    /// A packet between two of the addresses.
    Send { from: usize, to: usize, payload: Payload, ttl: u8, foreign_mac: bool },
    /// One of the lists changes.
    List { list: u128, lines: Vec<String> },
    /// A VM gets another list, or none, for its first address.
    Attach { vm: u8, list: Option<u128> },
    /// The subnets get another list, or none.
    AttachToSubnets { list: Option<u128> },
    /// The mapping of a VM moves to a host, which may be wrong.
    Map { vm: u8, host: usize },
    /// A VM may have only so many flows.
    Limit { vm: u8, flows: Option<u32> },
    /// Time passes.
    Wait { seconds: u64 },
}

fn payload() -> impl Strategy<Value = Payload> {
    let port = || select(vec![80_u16, 443, 1000]);
    prop_oneof![
        4 => (port(), port(), select(vec![SYN, SYN | ACK, ACK, ACK, ACK, FIN | ACK, RST]))
            .prop_map(|(source, destination, flags)| Payload::Tcp { source, destination, flags }),
        3 => (port(), port()).prop_map(|(source, destination)| Payload::Udp { source, destination }),
        2 => any::<bool>().prop_map(|request| Payload::Echo { identifier: 5, request }),
        1 => Just(Payload::Raw { protocol: 47, bytes: vec![0; 8] }),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    let side = || {
        let addresses = select(vec!["*", "10.0.1.0/24", "10.0.2.0/24", "10.0.1.10", "!10.0.1.0/24"]);
        let ports = select(vec!["*", "80", "443-1000"]);
        (addresses, ports).prop_map(|(addresses, ports)| format!("{addresses}:{ports}"))
    };
    let protocol = select(vec!["*", "tcp", "udp", "icmpv4"]);
    let verdict = select(vec!["in allow", "in deny", "out allow", "out deny"]);
    let line = (100_u16..105, verdict.clone(), protocol, side(), side())
        .prop_map(|(priority, verdict, protocol, from, to)| format!("{priority} {verdict} {protocol} {from} > {to}"));
    prop_oneof![5 => line, 1 => verdict.prop_map(str::to_owned)]
}

fn event() -> impl Strategy<Value = Event> {
    let list = || prop_oneof![Just(None), (0_u128..3).prop_map(Some)];
    let vm = || 1_u8..=4;
    prop_oneof![
        20 => (0..6_usize, 0..6_usize, payload(), select(vec![1_u8, 64, 64, 64]), prop::bool::weighted(0.05))
            .prop_map(|(from, to, payload, ttl, foreign_mac)| Event::Send { from, to, payload, ttl, foreign_mac }),
        2 => (1..3_u128, prop::collection::vec(rule(), 0..5)).prop_map(|(list, lines)| Event::List { list, lines }),
        1 => (vm(), list()).prop_map(|(vm, list)| Event::Attach { vm, list }),
        1 => list().prop_map(|list| Event::AttachToSubnets { list }),
        1 => (vm(), 0..2_usize).prop_map(|(vm, host)| Event::Map { vm, host }),
        1 => (vm(), select(vec![None, Some(2), Some(4)])).prop_map(|(vm, flows)| Event::Limit { vm, flows }),
        1 => select(vec![1_u64, 100, 250]).prop_map(|seconds| Event::Wait { seconds }),
    ]
}

fn fabric(unified_flows: bool) -> Fabric {
    let limits = Limits { half_open: Duration::from_secs(60), ..Limits::default() };
    let mut fabric = Fabric::with_config(&Config { unified_flows, limits, ..Config::default() });
    fabric.set_acl(1, &["100 in allow * * > *"]);
    fabric.set_acl(2, &["100 in deny udp * > *"]);
    let list = Some(1);
    fabric.vm(1, 0, &[(ADDRESSES[0], list), (ADDRESSES[1], None)]);
    fabric.vm(2, 0, &[(ADDRESSES[2], list)]);
    fabric.vm(3, 1, &[(ADDRESSES[3], None)]);
    fabric.vm(4, 1, &[(ADDRESSES[4], list), (ADDRESSES[5], Some(2))]);
    fabric
}

fn owner(address: usize) -> Vm {
    Vm([1, 1, 2, 3, 4, 4][address])
}

/// What came of an event, and what the traces had foretold.
fn play(fabric: &mut Fabric, event: &Event) -> Option<(Vec<Outcome>, Vec<Vec<u8>>, Outcome)> {
    match event.clone() {
        Event::Send { from, to, payload, ttl, foreign_mac } => {
            let vm = owner(from);
            let packet = Packet { ttl, ..Packet::new(ip(ADDRESSES[from]), ip(ADDRESSES[to]), payload) };
            let frame = packet.frame(if foreign_mac { Vm(99).mac() } else { vm.mac() }, ROUTER_MAC);
            let host = fabric.placed(vm).host;
            let foretold = fabric.hosts[host].trace_frame(vm.port(), &frame, fabric.now).outcome;
            let trip = fabric.send_frame(vm, &frame);
            return Some((trip.outcomes, trip.received.into_iter().map(|(.., frame)| frame).collect(), foretold));
        }
        Event::List { list, lines } => {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let acl = acl(list, &lines);
            fabric.hosts.iter_mut().for_each(|host| host.set_acl(AclId(list), Tag(list), &acl));
        }
        Event::Attach { vm, list } => fabric.change(Vm(vm), |policy| policy.addresses[0].acl = list.map(AclId)),
        Event::AttachToSubnets { list } => fabric.set_network(0, list),
        Event::Map { vm, host } => fabric.map(Vm(vm), host),
        Event::Limit { vm, flows } => {
            fabric.change(Vm(vm), |policy| policy.flow_limit = flows.and_then(NonZeroU32::new));
        }
        Event::Wait { seconds } => fabric.wait(Duration::from_secs(seconds)),
    }
    None
}

/// Whether an outcome depends on how full the flow table is, which a trace leaves out.
fn is_limit(outcome: Outcome) -> bool {
    use vfp::DropReason::{FlowLimit, HalfOpenLimit};
    matches!(outcome, Outcome::Dropped(FlowLimit | HalfOpenLimit))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_flow_cache_changes_no_verdict_and_no_byte(events in prop::collection::vec(event(), 1..120)) {
        let (mut cached, mut walked) = (fabric(true), fabric(false));
        for event in &events {
            let results = (play(&mut cached, event), play(&mut walked, event));
            prop_assert_eq!(&results.0, &results.1, "{:?}", event);
            if let Some((outcomes, _, foretold)) = &results.0 && !is_limit(outcomes[0]) {
                prop_assert_eq!(outcomes[0], *foretold, "the trace of {:?}", event);
            }
        }
        for vm in 1..=4 {
            let states = |fabric: &mut Fabric| {
                let now = fabric.now;
                let flows = fabric.switch(Vm(vm)).flows(Vm(vm).port(), now);
                let mut flows: Vec<_> = flows.map(|mut flow| { flow.transpositions.clear(); flow.to_string() }).collect();
                flows.sort();
                flows
            };
            prop_assert_eq!(states(&mut cached), states(&mut walked));
        }
    }

    #[test]
    fn a_frame_that_crosses_the_underlay_arrives_as_it_was_but_for_macs_and_ttl(
        payload in payload(),
        data in 0_usize..1400,
        ttl in 2_u8..,
        crosses_subnets: bool,
    ) {
        let mut fabric = Fabric::new();
        let a = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
        let b = fabric.vm(2, 1, &[(if crosses_subnets { "10.0.2.20" } else { "10.0.1.20" }, Some(0))]);
        let packet = Packet { data, ttl, ..Packet::new(fabric.ca(a), fabric.ca(b), payload) };
        let sent = Seen::of(&packet.frame(a.mac(), ROUTER_MAC));
        let seen = fabric.send(a, &packet).received_by(b);
        let expected = Seen {
            destination_mac: b.mac(),
            source_mac: if crosses_subnets { ROUTER_MAC } else { a.mac() },
            ttl: ttl - u8::from(crosses_subnets),
            ..sent
        };
        prop_assert_eq!(seen, expected);
    }
}

/// Bytes that look enough like frames to get past the first check.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let anything = prop::collection::vec(any::<u8>(), 0..200);
    let mutated =
        (payload(), any::<bool>(), prop::collection::vec((any::<Index>(), any::<u8>()), 0..12), any::<Index>())
            .prop_map(|(payload, is_v6, edits, length)| {
                let (from, to): (IpAddr, IpAddr) =
                    if is_v6 { (ip("fd00:1::10"), ip("fd00:2::20")) } else { (ip("10.0.1.10"), ip("10.0.2.20")) };
                let mut frame = Packet::new(from, to, payload).frame(Vm(1).mac(), ROUTER_MAC);
                for (at, byte) in edits {
                    let at = at.index(frame.len());
                    frame[at] = byte;
                }
                // Mostly whole.
                let cut = length.index(frame.len() * 4);
                frame.truncate(cut.max(1));
                frame
            });
    // IPv6 with random extension headers.
    let extensions = prop::collection::vec((select(vec![0_u8, 43, 44, 51, 60, 6, 17, 58]), any::<[u8; 7]>()), 0..12)
        .prop_map(|headers| {
            let bytes: Vec<u8> = headers.iter().flat_map(|(next, rest)| [&[*next][..], rest].concat()).collect();
            let payload = Payload::Raw { protocol: 0, bytes };
            Packet::new(ip("fd00:1::10"), ip("fd00:2::20"), payload).frame(Vm(1).mac(), ROUTER_MAC)
        });
    prop_oneof![1 => anything, 4 => mutated, 2 => extensions]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_engine_panic(frame in noise(), header in any::<[u8; 8]>(), is_headered: bool) {
        let mut fabric = Fabric::new();
        let vm = fabric.vm(1, 0, &[("10.0.1.10", Some(0)), ("fd00:1::10", Some(0))]);
        fabric.vm(2, 0, &[("10.0.2.20", Some(0)), ("fd00:2::20", Some(0))]);
        fabric.hosts[0].trace_frame(vm.port(), &frame, fabric.now);
        let mut out = Out::default();
        let mut buffer = [&[0; HEADROOM][..], &frame].concat();
        fabric.hosts[0].from_vm(vm.port(), &mut buffer, fabric.now, &mut out);
        let vxlan = if is_headered { [8, 0, 0, 0, 0, 0x13, 0x89, 0] } else { header };
        let mut payload = [&vxlan[..], &frame].concat();
        fabric.hosts[0].from_underlay(pa(1), &mut payload, fabric.now, &mut out);
        fabric.hosts[0].from_vm(vm.port(), &mut frame.clone(), fabric.now, &mut out);
        // Every frame that the engine lets out has the length of the one that came in, or is an answer to it.
        for (_, frame) in &out.to_vm {
            prop_assert!(frame.len() >= 14);
        }
    }
}
