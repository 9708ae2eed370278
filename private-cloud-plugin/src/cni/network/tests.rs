//! What is taken from another plugin, and what CHECK compares.

use super::*;
use serde_json::{Value, json};

fn given(outcome: Value, config: Value) -> Result<Given, Failure> {
    let wishes = Wishes::read(&serde_json::to_vec(&config).unwrap(), false).unwrap();
    Given::by_another(serde_json::from_value(outcome).unwrap(), &wishes)
}

#[test]
fn another_plugin_may_give_one_ipv4_address() {
    let one = json!({"ips": [{"address": "10.1.0.5/16", "gateway": "10.1.0.1"}], "routes": [{"dst": "0.0.0.0/0"}]});
    let found = given(one.clone(), json!({})).unwrap();
    assert_eq!((found.address.to_string().as_str(), found.gateway), ("10.1.0.5/16", Some([10, 1, 0, 1].into())));
    assert_eq!(found.routes, [(Ipv4Net::default(), None)]);
    let wished = json!({"ipam": {"gateway": "10.1.0.254"}, "dns": {"domain": "a.example"}});
    let found = given(one, wished).unwrap();
    assert_eq!(found.gateway, Some([10, 1, 0, 254].into()), "what the configuration says counts more");
    assert_eq!(found.outcome.dns.domain.as_deref(), Some("a.example"));
    for bad in [
        json!({}),
        json!({"ips": [{"address": "fd00::5/64"}]}),
        json!({"ips": [{"address": "10.1.0.5/16", "gateway": "fd00::1"}]}),
        json!({"ips": [{"address": "10.1.0.5/16"}, {"address": "10.1.0.6/16"}]}),
        json!({"ips": [{"address": "10.1.0.5/16"}], "routes": [{"dst": "fd00::/8"}]}),
    ] {
        assert_eq!(given(bad.clone(), json!({})).err().map(|failure| failure.code()), Some(7), "{bad}");
    }
}

fn inside() -> Inside {
    Inside {
        mac: "02:50:c0:a8:01:65".to_owned(),
        up: true,
        addresses: vec!["192.168.1.101/24".parse().unwrap()],
        routes: vec!["0.0.0.0/0".parse().unwrap()],
    }
}

#[test]
fn a_later_plugin_may_add_to_an_interface_but_nothing_may_be_missing() {
    let wanted = inside();
    assert_eq!(compare("eth0", &wanted, &inside()), Ok(()));
    let mut more = inside();
    more.addresses.push("10.0.0.1/8".parse().unwrap());
    more.routes.push("10.0.0.0/8".parse().unwrap());
    more.mac = more.mac.to_uppercase();
    assert_eq!(compare("eth0", &wanted, &more), Ok(()));
    for (missing, less) in [
        ("is down", Inside { up: false, ..inside() }),
        ("MAC", Inside { mac: "02:00:00:00:00:01".to_owned(), ..inside() }),
        ("192.168.1.101/24", Inside { addresses: vec!["192.168.1.101/32".parse().unwrap()], ..inside() }),
        ("0.0.0.0/0", Inside { routes: Vec::new(), ..inside() }),
    ] {
        let told = compare("eth0", &wanted, &less).unwrap_err();
        assert!(told.contains(missing), "{told}");
    }
}

#[test]
fn the_interface_to_check_is_the_one_in_a_container() {
    let attachment = Attachment { container: "c1".parse().unwrap(), interface: "eth0".parse().unwrap() };
    let outcome = |interfaces| serde_json::from_value::<Outcome>(json!({"interfaces": interfaces})).unwrap();
    let outside_first = outcome(json!([{"name": "eth0"}, {"name": "eth0", "sandbox": "/n"}]));
    assert_eq!(ours(&outside_first, &attachment).unwrap().0, 1);
    let other = outcome(json!([{"name": "eth1", "sandbox": "/n"}]));
    assert_eq!(ours(&other, &attachment).unwrap_err().code(), 7);
}
