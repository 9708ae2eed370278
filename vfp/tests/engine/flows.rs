//! Statefulness: what a flow lets through, and what a change of policy does to it.

use crate::fabric::{Fabric, Vm, echo, ip, pa, syn, tcp, udp};
use crate::frame::{ACK, FIN, Packet, Payload, RST, SYN};
use policy::net::MacAddr;
use std::time::Duration;
use vfp::{DropReason, Limits, Mapping, NetworkId, Outcome, PortAddress};

/// A client without any list (so nothing comes in unasked), and a server on the other host that allows everything.
fn client_and_server() -> (Fabric, Vm, Vm) {
    let mut fabric = Fabric::new();
    let client = fabric.vm(1, 0, &[("10.0.1.10", None)]);
    let server = fabric.vm(2, 1, &[("10.0.2.20", Some(0))]);
    (fabric, client, server)
}

/// The same, but the server is judged by list 1; its clients are on the other host.
fn server_with(lines: &[&str]) -> (Fabric, Vm, Vm) {
    let mut fabric = Fabric::new();
    fabric.set_acl(1, lines);
    let client = fabric.vm(1, 0, &[("10.0.1.10", Some(0))]);
    let server = fabric.vm(2, 1, &[("10.0.2.20", Some(1))]);
    (fabric, client, server)
}

fn handshake(fabric: &mut Fabric, client: Vm, server: Vm) {
    fabric.exchange(client, server, tcp(40_000, 80, SYN)).received_by(server);
    fabric.exchange(server, client, tcp(80, 40_000, SYN | ACK)).received_by(client);
    fabric.exchange(client, server, tcp(40_000, 80, ACK)).received_by(server);
}

#[test]
fn return_traffic_of_an_allowed_flow_passes_a_port_that_admits_nothing() {
    let gre = || Payload::Raw { protocol: 47, bytes: vec![0; 8] };
    for (question, answer) in [
        (tcp(40_000, 80, SYN), tcp(80, 40_000, SYN | ACK)),
        (udp(40_000, 53), udp(53, 40_000)),
        (echo(7, true), echo(7, false)),
        (gre(), gre()),
    ] {
        let (mut fabric, client, server) = client_and_server();
        fabric.exchange(server, client, answer.clone()).assert_dropped(DropReason::AclDenied);
        // That was also the answer to a question never asked, which the server's own port need not have let out.
        fabric.exchange(client, server, question.clone()).received_by(server);
        for _ in 0..3 {
            fabric.exchange(server, client, answer.clone()).received_by(client);
            fabric.exchange(client, server, question.clone()).received_by(server);
        }
    }
}

#[test]
fn only_the_answers_are_return_traffic() {
    let (mut fabric, client, server) = client_and_server();
    fabric.exchange(client, server, udp(40_000, 53)).received_by(server);
    fabric.exchange(client, server, echo(7, true)).received_by(server);
    handshake(&mut fabric, client, server);
    for (case, payload) in [
        ("another port", udp(54, 40_000)),
        ("another port of the client", udp(53, 40_001)),
        ("another protocol", tcp(53, 40_000, ACK)),
        ("another identifier", echo(8, false)),
        ("a question instead of an answer", echo(7, true)),
        ("a connection the other way", tcp(80, 40_000, SYN)),
    ] {
        let trip = fabric.exchange(server, client, payload);
        assert_eq!(trip.outcomes.last(), Some(&Outcome::Dropped(DropReason::AclDenied)), "{case}");
    }
}

#[test]
fn an_answer_that_nobody_asked_for_opens_nothing() {
    for (answer, question) in [
        (echo(7, false), echo(7, true)),
        (tcp(80, 40_000, SYN | ACK), tcp(40_000, 80, ACK)),
        (tcp(80, 40_000, RST), tcp(40_000, 80, ACK)),
    ] {
        let (mut fabric, client, server) = server_with(&["in deny"]);
        fabric.exchange(server, client, answer).received_by(client);
        assert!(fabric.flows(server).is_empty());
        fabric.exchange(client, server, question).assert_dropped(DropReason::AclDenied);
    }
}

#[test]
fn an_icmp_error_passes_when_it_is_about_a_flow() {
    let (mut fabric, client, server) = client_and_server();
    let question = Packet::new(fabric.ca(client), fabric.ca(server), udp(40_000, 53));
    let unreachable = |quoted: &Packet| {
        let frame = quoted.frame(MacAddr::BROADCAST, MacAddr::BROADCAST);
        let mut bytes = vec![3, 3, 0, 0, 0, 0, 0, 0];
        bytes.extend(&frame[14..14 + 28]);
        let sum = crate::frame::checksum(&bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        Payload::Raw { protocol: 1, bytes }
    };
    let error = unreachable(&question);
    fabric.exchange(server, client, error.clone()).assert_dropped(DropReason::AclDenied);
    fabric.send(client, &question).received_by(server);
    fabric.exchange(server, client, error).received_by(client);

    let other = Packet::new(fabric.ca(client), fabric.ca(server), udp(40_001, 53));
    fabric.exchange(server, client, unreachable(&other)).assert_dropped(DropReason::AclDenied);
    // About the flow, but for an address that did not send it.
    fabric.change(client, |policy| policy.addresses.push(PortAddress { ca: ip("10.0.1.11"), ..policy.addresses[0] }));
    let misdirected = Packet::new(fabric.ca(server), ip("10.0.1.11"), unreachable(&question));
    fabric.map(client, 0);
    fabric.send(server, &misdirected).assert_dropped(DropReason::AclDenied);
}

#[test]
fn tightening_a_list_stops_an_established_flow_on_the_next_packet_of_either_side() {
    for from_client_first in [true, false] {
        let (mut fabric, client, server) = server_with(&["100 in allow tcp * > *:80", "in deny"]);
        handshake(&mut fabric, client, server);
        fabric.set_acl(1, &["in deny"]);
        // The server's port lets anything out, so the flow must not be reborn as one that the server opened.
        let mut packets = [(client, server, tcp(40_000, 80, ACK)), (server, client, tcp(80, 40_000, ACK))];
        if !from_client_first {
            packets.reverse();
        }
        for (from, to, payload) in packets.iter().cycle().take(6).cloned() {
            fabric.exchange(from, to, payload).assert_dropped(DropReason::AclDenied);
        }
        let flows = fabric.flows(server);
        assert!(flows[0].contains("stopped by policy") && !flows[0].contains("VXLAN"), "{flows:?}");
    }
}

#[test]
fn a_stopped_flow_goes_on_when_policy_allows_it_again() {
    let (mut fabric, client, server) = server_with(&["100 in allow tcp * > *:80", "in deny"]);
    handshake(&mut fabric, client, server);
    fabric.set_acl(1, &["in deny"]);
    fabric.exchange(client, server, tcp(40_000, 80, ACK)).assert_dropped(DropReason::AclDenied);
    fabric.set_acl(1, &["50 in allow * * > *", "in deny"]);
    fabric.exchange(server, client, tcp(80, 40_000, ACK)).received_by(client);
    assert!(fabric.flows(server)[0].contains("opened in, established"), "{:?}", fabric.flows(server));
}

#[test]
fn a_stopped_flow_does_not_stand_in_the_way_of_a_connection_the_other_way() {
    let (mut fabric, client, server) = server_with(&["100 in allow tcp * > *:80", "in deny"]);
    handshake(&mut fabric, client, server);
    fabric.set_acl(1, &["in deny"]);
    fabric.exchange(client, server, tcp(40_000, 80, ACK)).assert_dropped(DropReason::AclDenied);
    fabric.exchange(server, client, tcp(80, 40_000, SYN)).received_by(client);
    fabric.exchange(client, server, tcp(40_000, 80, SYN | ACK)).received_by(server);
}

#[test]
fn a_stopped_connection_stays_stopped_for_as_long_as_it_tries() {
    let (mut fabric, client, server) = server_with(&["100 in allow * * > *:80", "in deny"]);
    handshake(&mut fabric, client, server);
    fabric.set_acl(1, &["in deny"]);
    for _ in 0..5 {
        fabric.exchange(server, client, tcp(80, 40_000, ACK)).assert_dropped(DropReason::AclDenied);
        fabric.wait(Duration::from_secs(200));
    }

    // UDP has no mark of a new conversation; what the server sends after a while counts as one that it opens.
    let (mut fabric, client, server) = server_with(&["100 in allow * * > *:80", "in deny"]);
    fabric.exchange(client, server, udp(40_000, 80)).received_by(server);
    fabric.set_acl(1, &["in deny"]);
    for _ in 0..3 {
        fabric.exchange(server, client, udp(80, 40_000)).assert_dropped(DropReason::AclDenied);
        fabric.wait(Duration::from_secs(80));
    }
    fabric.wait(Duration::from_secs(1));
    fabric.exchange(server, client, udp(80, 40_000)).received_by(client);
}

#[test]
fn an_unrelated_edit_leaves_flows_and_their_state_alone() {
    let (mut fabric, client, server) = server_with(&["100 in allow tcp * > *:80", "in deny"]);
    handshake(&mut fabric, client, server);
    let before = fabric.flows(server);
    assert!(before[0].contains("established"), "{before:?}");

    fabric.set_acl(1, &["90 in deny udp * > *", "100 in allow tcp * > *:80", "in deny"]);
    fabric.set_acl(9, &["in deny"]);
    let third = fabric.vm(3, 0, &[("10.0.1.30", Some(9))]);
    fabric.change(server, |policy| policy.dhcp_guard = true);
    fabric.set_network(0, Some(0));
    assert_eq!(fabric.flows(server), before);

    fabric.exchange(client, server, tcp(40_000, 80, ACK)).received_by(server);
    fabric.exchange(server, client, tcp(80, 40_000, ACK)).received_by(client);
    assert_eq!(fabric.flows(server).len(), 1);
    assert!(fabric.flows(server)[0].contains("established"), "{:?}", fabric.flows(server));
    fabric.exchange(server, third, udp(1, 2)).assert_dropped(DropReason::AclDenied);
}

#[test]
fn a_moved_peer_is_reached_with_the_next_packet() {
    let (mut fabric, client, server) = client_and_server();
    handshake(&mut fabric, client, server);
    let placed = fabric.placed(server).clone();
    fabric.hosts[0].set_port(server.port(), vfp::Tag(1), placed.policy.clone()).unwrap();
    fabric.map(server, 0);
    let trip = fabric.exchange(client, server, tcp(40_000, 80, ACK));
    assert_eq!(trip.outcomes, [Outcome::Delivered]);
    assert!(trip.tunnelled.is_empty());
    assert!(fabric.flows(client)[0].contains("established"), "{:?}", fabric.flows(client));
}

#[test]
fn a_host_that_no_longer_has_the_peer_may_not_speak_for_it() {
    let (mut fabric, client, server) = client_and_server();
    handshake(&mut fabric, client, server);
    let placed = fabric.placed(server).clone();
    let address = placed.policy.addresses[0];
    let elsewhere = Mapping { mac: server.mac(), pa: ip("172.16.0.3") };
    fabric.hosts[0].set_mapping(NetworkId(0), address.vsid, address.ca, elsewhere).unwrap();
    fabric.exchange(server, client, tcp(80, 40_000, ACK)).assert_dropped(DropReason::SourceHost);
    assert_eq!(fabric.placed(server).host, 1, "still sending from {}", pa(1));
}

#[test]
fn idle_flows_are_forgotten() {
    let limits = Limits { half_open: Duration::from_secs(30), time_wait: Duration::from_secs(60), ..Limits::default() };
    for (case, last, life) in [
        ("half open", vec![], 30),
        ("established", vec![(SYN | ACK, false), (ACK, true)], 240),
        ("closed", vec![(SYN | ACK, false), (ACK, true), (FIN | ACK, true), (FIN | ACK, false)], 60),
        ("reset", vec![(RST, false)], 60),
    ] {
        let mut fabric = Fabric::with_limits(limits);
        let client = fabric.vm(1, 0, &[("10.0.1.10", None)]);
        let server = fabric.vm(2, 1, &[("10.0.2.20", Some(0))]);
        fabric.exchange(client, server, tcp(40_000, 80, SYN)).received_by(server);
        for (flags, from_client) in last {
            let (from, to, source, destination) =
                if from_client { (client, server, 40_000, 80) } else { (server, client, 80, 40_000) };
            fabric.exchange(from, to, tcp(source, destination, flags)).received_by(to);
        }
        fabric.wait(Duration::from_secs(life));
        assert_eq!(fabric.flows(client).len(), 1, "{case}");
        fabric.wait(Duration::from_millis(1));
        assert_eq!(fabric.flows(client).len(), 0, "{case}");
        // From the server, whose port still remembers nothing either: a packet in the middle is judged as a new flow.
        fabric.exchange(server, client, tcp(80, 40_000, ACK)).assert_dropped(DropReason::AclDenied);
    }
}

#[test]
fn a_port_has_no_more_flows_than_it_may() {
    let mut fabric = Fabric::with_limits(Limits { flows_per_port: 3, half_open_per_port: 2, ..Limits::default() });
    let client = fabric.vm(1, 0, &[("10.0.1.10", None)]);
    let server = fabric.vm(2, 1, &[("10.0.2.20", Some(0))]);
    fabric.exchange(client, server, syn(1)).received_by(server);
    fabric.exchange(client, server, syn(2)).received_by(server);
    fabric.exchange(client, server, syn(3)).assert_dropped(DropReason::HalfOpenLimit);
    fabric.exchange(client, server, syn(2)).received_by(server);
    // A finished handshake makes room for another.
    fabric.exchange(server, client, tcp(2, 40_000, SYN | ACK)).received_by(client);
    fabric.exchange(client, server, tcp(40_000, 2, ACK)).received_by(server);
    fabric.exchange(client, server, syn(3)).received_by(server);
    fabric.exchange(client, server, udp(1, 1)).assert_dropped(DropReason::FlowLimit);

    fabric.wait(Duration::from_secs(241));
    fabric.exchange(client, server, udp(1, 1)).received_by(server);

    fabric.change(client, |policy| policy.flow_limit = std::num::NonZeroU32::new(1));
    fabric.exchange(client, server, udp(1, 1)).received_by(server);
    fabric.exchange(client, server, udp(1, 2)).assert_dropped(DropReason::FlowLimit);
}

#[test]
fn fragments_follow_their_first() {
    const MORE: u16 = 0x2000;
    let (mut fabric, client, server) = server_with(&["100 in allow udp * > *:53", "in deny"]);
    let fragment = |port, identification, word| Packet {
        fragment: (identification, word),
        data: 8,
        payload: if word & 0x1fff == 0 { udp(9, port) } else { Payload::Raw { protocol: 17, bytes: vec![1; 16] } },
        ..Packet::new(ip("10.0.1.10"), ip("10.0.2.20"), udp(9, port))
    };
    let later = |identification| fragment(0, identification, MORE | 2);
    fabric.send(client, &later(1)).assert_dropped(DropReason::FragmentWithoutFirst);
    fabric.send(client, &fragment(53, 1, MORE)).received_by(server);
    fabric.send(client, &later(1)).received_by(server);
    fabric.send(client, &fragment(0, 1, 4)).received_by(server);
    // Of a packet that the list denies, no part passes.
    fabric.send(client, &fragment(54, 2, MORE)).assert_dropped(DropReason::AclDenied);
    fabric.send(client, &later(2)).assert_dropped(DropReason::AclDenied);
    fabric.wait(Duration::from_secs(31));
    fabric.send(client, &later(1)).assert_dropped(DropReason::FragmentWithoutFirst);
}

#[test]
fn a_header_cut_in_two_is_no_first_fragment() {
    let (mut fabric, client, _) = client_and_server();
    let cut = Packet {
        fragment: (1, 0x2000),
        payload: Payload::Raw { protocol: 6, bytes: vec![0; 16] },
        ..Packet::new(ip("10.0.1.10"), ip("10.0.2.20"), syn(80))
    };
    fabric.send(client, &cut).assert_dropped(DropReason::Malformed);
    fabric.send(client, &Packet { fragment: (1, 1), ..cut }).assert_dropped(DropReason::Malformed);
}
