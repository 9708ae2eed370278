//! Wishes are read as people and runtimes write them, and refused with the code that fits.

use super::*;
use crate::firewall::Place;
use policy::acl::Action;
use serde_json::json;

fn wishes(document: &Value) -> Result<Wishes, Failure> {
    Wishes::read(&serde_json::to_vec(document).unwrap(), true)
}

fn code(document: &Value) -> Option<u32> {
    wishes(document).err().map(|failure| failure.code())
}

/// An access list, as the only thing that a configuration says.
fn acl(settings: Value) -> Value {
    json!({"AdditionalArgs": [{"Name": "EndpointPolicy", "Value": {"Type": "ACL", "Settings": settings}}]})
}

fn with(mut document: Value, key: &str, value: &str) -> Value {
    document[key] = json!(value);
    document
}

#[test]
fn nothing_has_to_be_wished_for() {
    let wishes =
        wishes(&json!({"ipam": null, "dns": {}, "runtimeConfig": null, "AdditionalArgs": null, "mtu": 0})).unwrap();
    assert_eq!((wishes.mode, wishes.uplink, wishes.mtu), (Kind::L2Bridge, None, None));
    assert_eq!((wishes.subnet, wishes.gateway, wishes.routes), (None, None, Vec::new()));
    assert!(wishes.dns.is_none() && wishes.overlay.is_none() && wishes.ports.is_empty());
}

#[test]
fn everything_that_can_be_wished_for_is_read() {
    let wishes = wishes(&json!({
        "mode": "l2tunnel", "master": "eth0", "mtu": 1400, "ipMasq": false,
        "ipam": {"type": "private-cloud-ipam", "subnet": "192.168.1.0/24", "gateway": "192.168.1.1",
                 "routes": [{"dst": "10.0.0.0/8", "gw": "192.168.1.1"}]},
        "dns": {"nameservers": ["10.0.0.53"], "search": ["a.example"]},
        "AdditionalArgs": [{"Name": "EndpointPolicy", "Value": {"Type": "ACL", "Settings": {
            "Action": "Block", "Direction": "In", "Protocols": "6", "LocalPorts": "80", "Priority": 200}}}],
        "args": {"cni": {"labels": []}}, "capabilities": {"portMappings": true}, "something": "else",
        "runtimeConfig": {"portMappings": [{"hostPort": 1, "containerPort": 1}], "ips": [], "mac": "", "bandwidth": {}},
    }))
    .unwrap();
    assert_eq!(wishes.mode, Kind::L2Tunnel);
    assert_eq!(wishes.uplink.as_ref().map(InterfaceName::as_str), Some("eth0"));
    assert_eq!((wishes.mtu, wishes.subnet), (Some(1400), Some("192.168.1.0/24".parse().unwrap())));
    assert_eq!(wishes.gateway, Some("192.168.1.1".parse().unwrap()));
    assert_eq!(wishes.routes, [("10.0.0.0/8".parse().unwrap(), Some("192.168.1.1".parse().unwrap()))]);
    assert_eq!(wishes.dns.unwrap().search, ["a.example"]);
    let own = wishes.firewall.of(Place::Switch).first().cloned().unwrap();
    assert_eq!((own.action, own.priority), (Action::Deny, 200));
    assert!(wishes.ports.is_empty(), "the container is reached at its own address");
}

#[test]
fn an_overlay_is_told_what_it_needs() {
    let remote = json!({"address": "10.5.0.3", "mac": "02:50:0a:05:00:03", "vsid": 5001, "host": "10.0.0.2"});
    let document = json!({"mode": "overlay", "overlay": {"vsid": 5001, "remotes": [remote], "outbound_nat": true}});
    let overlay = wishes(&document).unwrap().overlay.unwrap();
    assert_eq!((overlay.remotes.len(), overlay.outbound_nat), (1, true));
    assert_eq!(code(&json!({"mode": "overlay", "overlay": {}})), Some(6));
}

#[test]
fn each_mistake_has_the_code_of_the_specification() {
    for (document, expected) in [
        (json!({"mode": "bridge"}), Some(7)),
        (json!({"ipMasq": true}), Some(2)),
        (json!({"ipMasq": true, "mode": "nat"}), None),
        (json!({"ipam": {"subnet": "192.168.1.0"}}), Some(7)),
        (json!({"ipam": {"gateway": "192.168.1.256"}}), Some(7)),
        (json!({"ipam": {"routes": [{"dst": "x"}]}}), Some(6)),
        (json!({"ipam": {"routes": [{"dst": "fd00::/8"}]}}), Some(7)),
        (json!({"master": "a/b"}), Some(7)),
        (json!({"mtu": 67}), Some(7)),
        (json!({"mtu": 65536}), Some(7)),
        (json!({"mtu": -1}), Some(6)),
        (json!({"runtimeConfig": {"ips": ["192.168.1.7/24"]}}), Some(2)),
        (json!({"runtimeConfig": {"mac": "02:00:00:00:00:01"}}), Some(2)),
        (json!({"AdditionalArgs": [{"Name": "x", "Value": {}}]}), Some(2)),
        (json!({"AdditionalArgs": [{"Name": "EndpointPolicy", "Value": {"Type": "OutBoundNAT"}}]}), Some(2)),
        (json!({"AdditionalArgs": [{"Name": "EndpointPolicy", "Value": {}}]}), Some(6)),
        (acl(json!({"Action": "Block"})), Some(6)),
        (acl(json!({"Action": "Block", "Direction": "In"})), None),
        (acl(json!({"Action": "Block", "Direction": "In", "RuleType": "Host"})), None),
        (acl(json!({"Action": "Block", "Direction": "In", "LocalPorts": "x"})), Some(7)),
        (with(acl(json!({"Action": "Block", "Direction": "In", "RuleType": "Switch"})), "mode", "nat"), Some(2)),
    ] {
        assert_eq!(code(&document), expected, "{document}");
    }
}

#[test]
fn another_plugin_may_be_told_which_address_to_give() {
    let document = json!({"runtimeConfig": {"ips": ["192.168.1.7/24"]}});
    assert!(Wishes::read(&serde_json::to_vec(&document).unwrap(), false).is_ok());
}

#[test]
fn ports_are_published_on_a_nat_network_alone() {
    let mappings = json!([
        {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}, {"hostPort": 53, "containerPort": 53, "protocol": "UDP"},
        {"hostPort": 0, "containerPort": 99},
    ]);
    let ask =
        |mode: &str, mappings: &Value| wishes(&json!({"mode": mode, "runtimeConfig": {"portMappings": mappings}}));
    let found = ask("nat", &mappings).unwrap();
    let published = found.ports.iter().map(|port| (port.protocol.number(), port.external, port.internal));
    assert_eq!(published.collect::<Vec<_>>(), [(6, 8080, 80), (17, 53, 53)]);
    let let_in = |port| found.firewall.of(Place::Host).iter().any(|rule| rule.id == format!("published-{port}"));
    assert!(let_in("6-80") && let_in("17-53"));
    for mode in ["l2bridge", "l2tunnel", "transparent", "overlay"] {
        assert!(ask(mode, &mappings).unwrap().ports.is_empty());
    }
    for bad in [
        json!([{"hostPort": 1, "containerPort": 1, "protocol": "sctp"}]),
        json!([{"hostPort": 1, "containerPort": 1, "hostIP": "10.0.0.1"}]),
    ] {
        assert_eq!(ask("nat", &bad).unwrap_err().code(), 2, "{bad}");
    }
}

#[test]
fn an_unsupported_field_is_named_with_its_value() {
    let text = wishes(&json!({"runtimeConfig": {"ips": ["192.168.1.7/24"]}})).unwrap_err().to_string();
    assert!(text.contains("runtimeConfig.ips") && text.contains("192.168.1.7/24"), "{text}");
}
