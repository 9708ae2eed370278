//! Which subnet an address comes from, and what is said of it.

use super::*;
use crate::book::Routing;
use crate::offer::{Offer, Subnet};
use serde_json::{Value, json};

fn wishes(document: &Value) -> Wishes {
    Wishes::read(&serde_json::to_vec(document).unwrap(), true).unwrap()
}

/// Two addresses in 192.168.1.0/24, three in 192.168.2.0/24.
fn state() -> State {
    let subnet = |third, last| Subnet {
        addresses: (101..=last).map(|octet| Ipv4Addr::new(192, 168, third, octet)).collect(),
        ..Subnet::default()
    };
    let mut state = State::default();
    let subnets = [(net(1), subnet(1, 102)), (net(2), subnet(2, 103))];
    state.book.merge(&Offer { subnets: subnets.into() });
    state
}

fn net(third: u8) -> Ipv4Net {
    Ipv4Net::new(Ipv4Addr::new(192, 168, third, 0), 24).unwrap()
}

fn take(state: &mut State, network: &str, endpoint: &str, subnet: Ipv4Net) {
    let holder = Holder::Attachment { network: network.parse().unwrap(), endpoint: endpoint.parse().unwrap() };
    state.book.lease(Want { subnet: Some(subnet) }, holder, &BTreeSet::new(), 0).unwrap();
}

fn chosen(state: &State, network: &str, endpoint: &str, document: &Value) -> Result<Ipv4Net, BookError> {
    subnet(state, &network.parse().unwrap(), &endpoint.parse().unwrap(), &wishes(document))
}

#[test]
fn the_first_container_of_a_network_decides_on_its_subnet() {
    let none = json!({});
    let mut state = state();
    assert_eq!(chosen(&state, "blue", "e1", &none), Ok(net(2)), "there is more in it");
    assert_eq!(chosen(&state, "blue", "e1", &json!({"ipam": {"subnet": "192.168.1.7/24"}})), Ok(net(1)));

    take(&mut state, "blue", "e1", net(1));
    assert_eq!(chosen(&state, "blue", "e2", &none), Ok(net(1)), "where the others are");
    assert_eq!(chosen(&state, "green", "e3", &none), Ok(net(2)));
    take(&mut state, "blue", "e4", net(2));
    assert_eq!(chosen(&state, "blue", "e4", &none), Ok(net(2)), "where its own address is");
    assert_eq!(chosen(&State::default(), "blue", "e1", &none), Err(BookError::NothingOffered));
}

#[test]
fn what_is_wished_for_stands_in_the_answer_in_place_of_what_the_controller_said() {
    let routing = Routing { gateway: Some([192, 168, 1, 1].into()), dns: vec![[10, 0, 0, 53].into()] };
    let lease = Lease { address: [192, 168, 1, 101].into(), subnet: net(1), routing };
    let told = |document: Value, lease: &Lease| serde_json::to_value(outcome(&wishes(&document), lease)).unwrap();
    assert_eq!(
        told(json!({}), &lease),
        json!({
            "ips": [{"address": "192.168.1.101/24", "gateway": "192.168.1.1"}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "192.168.1.1"}], "dns": {"nameservers": ["10.0.0.53"]},
        })
    );
    let wished = told(json!({"dns": {"domain": "a.example"}, "ipam": {"routes": [{"dst": "10.0.0.0/8"}]}}), &lease);
    assert_eq!((&wished["dns"], &wished["routes"]), (&json!({"domain": "a.example"}), &json!([{"dst": "10.0.0.0/8"}])));

    let lonely = Lease { routing: Routing::default(), ..lease };
    assert_eq!(told(json!({}), &lonely), json!({"ips": [{"address": "192.168.1.101/24"}], "dns": {}}));
}
