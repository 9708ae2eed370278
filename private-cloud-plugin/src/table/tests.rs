//! Rendered tables against the files under `snapshots/nft`. `UPDATE_SNAPSHOTS=1` rewrites them.

use super::*;
use crate::network::Transport;
use crate::network::overlay::{Overlay, Remote};
use crate::snapshot::assert_snapshot;

fn uplink(ports: Vec<Port>) -> Picture {
    let mac = "00:1d:d8:00:00:09".parse().unwrap();
    let addresses = vec!["192.168.1.9/24".parse().unwrap()];
    Picture { uplinks: vec![Uplink { device: "e0".to_owned(), mac, addresses, ports }], ..Picture::default() }
}

fn port(kind: Kind, address: [u8; 4]) -> Port {
    let address = Ipv4Addr::from(address);
    let tunnel = kind == Kind::L2Tunnel;
    Port {
        device: format!("pc-{}-{}h", address.octets()[2], address.octets()[3]),
        device_mac: "0a:00:00:00:00:01".parse().unwrap(),
        kind,
        address,
        subnet: Ipv4Net::new(address, 24).unwrap().trunc(),
        mac: crate::network::Endpoint::usual_mac(address),
        gateway_mac: tunnel.then(|| "12:34:56:78:9a:bc".parse().unwrap()),
        published: Vec::new(),
    }
}

#[test]
fn without_containers_there_is_no_table() {
    assert_snapshot("nft/empty.nft", &render(&Picture::default()));
}

#[test]
fn l2bridge_bridges_within_a_subnet_only() {
    let ports = vec![
        port(Kind::L2Bridge, [192, 168, 1, 101]),
        port(Kind::L2Bridge, [192, 168, 1, 102]),
        port(Kind::L2Bridge, [192, 168, 2, 101]),
    ];
    assert_snapshot("nft/l2bridge.nft", &render(&uplink(ports)));
}

#[test]
fn l2tunnel_sends_everything_to_the_router() {
    let ports = vec![port(Kind::L2Tunnel, [192, 168, 1, 101]), port(Kind::L2Tunnel, [192, 168, 1, 102])];
    assert_snapshot("nft/l2tunnel.nft", &render(&uplink(ports)));
}

#[test]
fn both_kinds_on_one_uplink_meet_at_the_physical_host_only() {
    let ports = vec![port(Kind::L2Bridge, [192, 168, 1, 101]), port(Kind::L2Tunnel, [192, 168, 1, 102])];
    assert_snapshot("nft/mixed.nft", &render(&uplink(ports)));
}

#[test]
fn a_tunnel_whose_router_is_unknown_lets_nothing_out() {
    let mut lost = port(Kind::L2Tunnel, [192, 168, 1, 101]);
    lost.gateway_mac = None;
    assert_snapshot("nft/unknown_router.nft", &render(&uplink(vec![lost])));
}

/// What `picture` has, in a kernel's order, of a network that the VM routes for.
fn routed(number: u8, overlay: Option<Overlay>, hosts: &[u8]) -> Routed {
    let kind = if overlay.is_some() { Kind::Overlay } else { Kind::Nat };
    let ports = hosts.iter().map(|host| port(kind, [172, 20, number, *host])).collect();
    let gateway = Ipv4Addr::new(172, 20, number, 1);
    let subnet = Ipv4Net::new(gateway, 24).unwrap().trunc();
    Routed { subnet, gateway: Some(gateway), connected: overlay.is_some(), overlay, ports }
}

#[test]
fn nat_translates_what_leaves_and_lets_in_what_is_published() {
    let mut network = routed(0, None, &[2, 3]);
    network.ports[0].published.push(PublishedPort { protocol: Transport::Tcp, external: 8080, internal: 80 });
    network.ports[1].published.push(PublishedPort { protocol: Transport::Udp, external: 5353, internal: 53 });
    assert_snapshot("nft/nat.nft", &render(&Picture { routed: vec![network], ..Picture::default() }));
}

#[test]
fn transparent_hands_frames_over_by_mac() {
    let ports = vec![port(Kind::Transparent, [192, 168, 1, 101]), port(Kind::Transparent, [192, 168, 2, 101])];
    assert_snapshot("nft/transparent.nft", &render(&uplink(ports)));
}

#[test]
fn overlays_reach_their_domain_and_outside_only_by_translation() {
    let remote = |vsid: u32, last: u8, host: u8| Remote {
        address: Ipv4Addr::new(172, 20, 0, last),
        mac: MacAddr::new([2, 0, 0, 0, 0, last]),
        vsid: vsid.try_into().unwrap(),
        host: Ipv4Addr::new(10, 0, 0, host),
    };
    let overlay = |vsid: u32, domain: &str, remotes: Vec<Remote>, outbound_nat| {
        Some(Overlay { vsid: vsid.try_into().unwrap(), domain: domain.to_owned(), remotes, outbound_nat })
    };
    let networks = vec![
        routed(0, overlay(5000, "blue", vec![remote(5000, 5, 7), remote(5001, 6, 8)], true), &[2, 3]),
        routed(1, overlay(5001, "blue", vec![], false), &[2]),
        routed(2, overlay(5002, "red", vec![], false), &[]),
    ];
    assert_snapshot("nft/overlay.nft", &render(&Picture { routed: networks, ..Picture::default() }));
}
