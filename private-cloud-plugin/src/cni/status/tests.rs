//! STATUS tells "not now" from "not now, and what is there may be cut off".

use super::*;
use crate::book::{Holder, Want};
use crate::kernel::Device;
use crate::network::{Endpoint, Kind, Network};
use crate::offer::{Offer, Subnet};
use std::net::Ipv4Addr;

const CONTAINER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 101);

fn wishes(document: &str) -> Wishes {
    Wishes::read(document.as_bytes(), true).unwrap()
}

fn blue() -> NetworkId {
    "cni:blue".parse().unwrap()
}

/// The proxy's list: addresses of 192.168.1.0/24 with these last octets.
fn offer(octets: &[u8]) -> Offer {
    let addresses = octets.iter().map(|octet| Ipv4Addr::new(192, 168, 1, *octet)).collect();
    let subnet = Subnet { addresses, ..Subnet::default() };
    Offer { subnets: [("192.168.1.0/24".parse().unwrap(), subnet)].into() }
}

/// One container of network blue with the first of these addresses, and what is offered after that.
fn attached(before: &[u8], after: &[u8]) -> State {
    let mut state = State::default();
    state.book.merge(&offer(before));
    let endpoint: crate::network::EndpointId = "e1".parse().unwrap();
    let holder = Holder::Attachment { network: blue(), endpoint: endpoint.clone() };
    state.book.lease(Want::default(), holder, &Default::default(), 0).unwrap();
    let network = Network {
        kind: Kind::L2Bridge,
        uplink: "eth0".to_owned(),
        subnet: "192.168.1.0/24".parse().unwrap(),
        gateway: None,
        mtu: None,
        gateway_mac: None,
        overlay: None,
    };
    state.networks.insert(blue(), network);
    let mac = Endpoint::usual_mac(CONTAINER);
    let record = Endpoint { network: blue(), address: CONTAINER, mac, attached: true, published: Vec::new() };
    state.endpoints.insert(endpoint, record);
    state.book.merge(&offer(after));
    state
}

fn observed(devices: &[&str]) -> Observed {
    let device = || Device { mac: Endpoint::usual_mac(CONTAINER), mtu: 1500, addresses: Vec::new() };
    let devices = devices.iter().map(|name| ((*name).to_owned(), device())).collect();
    Observed { boot: "b".to_owned(), devices, default_device: Some("eth0".to_owned()) }
}

fn code(document: &str, state: &State, devices: &[&str], proxy: Option<Result<(), String>>) -> Option<u32> {
    let judged = judge(&blue(), &wishes(document), state, &observed(devices), proxy);
    judged.err().map(|failure| failure.code())
}

#[test]
fn ready_is_who_has_a_way_and_a_free_address() {
    let (fresh, busy) = (State::default(), attached(&[101], &[101]));
    let answers = || Some(Ok(()));
    for (what, state, devices, proxy, expected) in [
        ("a free address", &attached(&[101], &[101, 102]), vec!["eth0"], answers(), None),
        ("no address at all", &fresh, vec!["eth0"], answers(), Some(50)),
        ("every address in use", &busy, vec!["eth0"], answers(), Some(50)),
        ("an address withdrawn while in use", &attached(&[101], &[]), vec!["eth0"], answers(), Some(51)),
        ("one withdrawn, another free", &attached(&[101], &[102]), vec!["eth0"], answers(), None),
        ("no proxy", &busy, vec!["eth0"], Some(Err("away".to_owned())), Some(50)),
        ("no uplink", &fresh, vec![], answers(), Some(50)),
        ("no uplink under a container", &busy, vec!["eth1"], answers(), Some(51)),
        ("no uplink, and addresses are another's affair", &fresh, vec![], None, Some(50)),
        ("addresses are another's affair", &fresh, vec!["eth0"], None, None),
    ] {
        assert_eq!(code("{}", state, &devices, proxy), expected, "{what}");
    }
}

#[test]
fn a_free_address_counts_only_in_the_subnet_that_is_wished_for() {
    let mut state = State::default();
    state.book.merge(&offer(&[101]));
    let subnet = |subnet: &str| format!(r#"{{"ipam": {{"subnet": "{subnet}"}}}}"#);
    assert_eq!(code(&subnet("192.168.1.0/24"), &state, &["eth0"], Some(Ok(()))), None);
    assert_eq!(code(&subnet("192.168.2.0/24"), &state, &["eth0"], Some(Ok(()))), Some(50));
    assert_eq!(code(r#"{"master": "eth7"}"#, &state, &["eth0"], Some(Ok(()))), Some(50));
}
