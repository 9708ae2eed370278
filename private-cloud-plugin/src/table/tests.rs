//! Rendered tables against the files under `snapshots/nft`. `UPDATE_SNAPSHOTS=1` rewrites them.

use super::*;
use std::path::Path;

fn uplink(ports: Vec<Port>) -> Picture {
    let mac = "00:1d:d8:00:00:09".parse().unwrap();
    let addresses = vec!["192.168.1.9/24".parse().unwrap()];
    Picture { uplinks: vec![Uplink { device: "e0".to_owned(), mac, addresses, ports }] }
}

fn port(kind: Kind, address: [u8; 4]) -> Port {
    let address = Ipv4Addr::from(address);
    let tunnel = kind == Kind::L2Tunnel;
    Port {
        device: format!("pc-{}-{}h", address.octets()[2], address.octets()[3]),
        kind,
        address,
        subnet: Ipv4Net::new(address, 24).unwrap().trunc(),
        mac: crate::network::Endpoint::usual_mac(address),
        gateway_mac: tunnel.then(|| "12:34:56:78:9a:bc".parse().unwrap()),
    }
}

fn assert_snapshot(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/nft").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{name} differs from the snapshot; it is now:\n{text}");
}

#[test]
fn without_containers_there_is_no_table() {
    assert_snapshot("empty.nft", &render(&Picture::default()));
}

#[test]
fn l2bridge_bridges_within_a_subnet_only() {
    let ports = vec![
        port(Kind::L2Bridge, [192, 168, 1, 101]),
        port(Kind::L2Bridge, [192, 168, 1, 102]),
        port(Kind::L2Bridge, [192, 168, 2, 101]),
    ];
    assert_snapshot("l2bridge.nft", &render(&uplink(ports)));
}

#[test]
fn l2tunnel_sends_everything_to_the_router() {
    let ports = vec![port(Kind::L2Tunnel, [192, 168, 1, 101]), port(Kind::L2Tunnel, [192, 168, 1, 102])];
    assert_snapshot("l2tunnel.nft", &render(&uplink(ports)));
}

#[test]
fn both_kinds_on_one_uplink_meet_at_the_physical_host_only() {
    let ports = vec![port(Kind::L2Bridge, [192, 168, 1, 101]), port(Kind::L2Tunnel, [192, 168, 1, 102])];
    assert_snapshot("mixed.nft", &render(&uplink(ports)));
}

#[test]
fn a_tunnel_whose_router_is_unknown_lets_nothing_out() {
    let mut lost = port(Kind::L2Tunnel, [192, 168, 1, 101]);
    lost.gateway_mac = None;
    assert_snapshot("unknown_router.nft", &render(&uplink(vec![lost])));
}
