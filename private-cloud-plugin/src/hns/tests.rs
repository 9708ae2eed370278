//! Documents of every driver, and what does not go together.

use super::network::Dns;
use super::options::{NetworkOptions, OptionError};
use super::spec::{EndpointSpec, Invalid, NetworkSpec, RemoteSubnet, SubnetSpec};
use super::{endpoint, json, network, render, v1};
use crate::firewall::{Era, Isolation, Place, Refusal, Rule, TCP};
use crate::network::{Kind, PublishedPort, Transport};
use crate::snapshot::assert_snapshot;
use policy::acl::{Action, Direction};
use policy::net::Vsid;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

const NETWORK: Uuid = Uuid::from_u128(0x1111_1111_2222_4333_8444_5555_5555_5555);

/// Options from `label=value` without the labels' common beginning.
fn options(labels: &[&str]) -> Result<NetworkOptions, OptionError> {
    let pairs = labels.iter().map(|label| label.split_once('=').expect("label=value"));
    let full = |label: &str| match label.contains('.') {
        true => label.to_owned(),
        false => format!("com.docker.network.windowsshim.{label}"),
    };
    NetworkOptions::parse(&pairs.map(|(label, value)| (full(label), value.to_owned())).collect::<BTreeMap<_, _>>())
}

fn subnet(prefix: &str, gateway: &str) -> SubnetSpec {
    SubnetSpec { prefix: prefix.parse().unwrap(), gateway: (!gateway.is_empty()).then(|| gateway.parse().unwrap()) }
}

fn network_spec(kind: Kind, subnets: &[(&str, &str)], labels: &[&str]) -> NetworkSpec {
    NetworkSpec {
        name: "MyContainerOverlayNetwork".to_owned(),
        kind,
        subnets: subnets.iter().map(|(prefix, gateway)| subnet(prefix, gateway)).collect(),
        options: options(labels).unwrap(),
        remote_subnets: Vec::new(),
    }
}

fn endpoint_spec(kind: Kind) -> EndpointSpec {
    EndpointSpec {
        name: "web".to_owned(),
        kind,
        network: NETWORK,
        subnet: Some(subnet("192.168.1.0/24", "192.168.1.1")),
        address: Some("192.168.1.101".parse().unwrap()),
        mac: Some("02:15:5d:00:00:65".parse().unwrap()),
        dns: Dns::default(),
        options: NetworkOptions::default(),
        ports: Vec::new(),
        isolation: Isolation::Process,
        rules: Vec::new(),
        defaults: None,
        provider_address: None,
    }
}

fn port(protocol: Transport, external: u16, internal: u16) -> PublishedPort {
    PublishedPort { protocol, external, internal }
}

#[track_caller]
fn stored(name: &str, document: &impl Serialize) {
    let text = serde_json::to_string_pretty(document).unwrap() + "\n";
    assert_snapshot(&format!("hns/{name}.json"), &text);
}

const SUBNET: (&str, &str) = ("192.168.1.0/24", "192.168.1.1");

/// One network of each driver, and one for each option that changes its document.
fn networks() -> Vec<(&'static str, NetworkSpec)> {
    let dns = ["dnssuffix=corp.example", "dnsservers=10.0.0.53,10.0.0.54"];
    let mut overlay = network_spec(
        Kind::Overlay,
        &[("10.1.1.0/24", "10.1.1.1"), ("10.1.2.0/24", "10.1.2.1")],
        &["com.docker.network.driver.overlay.vxlanid_list=5001,5002", "macpool=00-15-5D-52-C0-00,00-15-5D-52-CF-FF"],
    );
    overlay.remote_subnets.push(RemoteSubnet {
        prefix: "10.1.3.0/24".parse().unwrap(),
        vsid: Vsid::new(5003).unwrap(),
        provider_address: "198.51.100.12".parse().unwrap(),
        router_mac: "00:15:5d:11:22:33".parse().unwrap(),
    });
    vec![
        ("nat", network_spec(Kind::Nat, &[("172.20.0.0/24", "172.20.0.1")], &[])),
        ("nat-dns", network_spec(Kind::Nat, &[("172.20.0.0/24", "172.20.0.1")], &dns)),
        ("transparent-dhcp", network_spec(Kind::Transparent, &[], &["interface=Ethernet 2"])),
        ("transparent-vlan", network_spec(Kind::Transparent, &[SUBNET], &["vlanid=120", "interface=Ethernet 2"])),
        ("transparent-team", network_spec(Kind::Transparent, &[SUBNET], &["interface=Ethernet 2,Ethernet 3"])),
        ("overlay", overlay),
        ("l2bridge", network_spec(Kind::L2Bridge, &[SUBNET], &[])),
        (
            "l2bridge-outbound-nat",
            network_spec(
                Kind::L2Bridge,
                &[SUBNET],
                &["enable_outboundnat=true", "outboundnat_exceptions=10.0.0.0/8,192.168.0.0/16", "vlanid=7"],
            ),
        ),
        (
            "l2bridge-named",
            network_spec(Kind::L2Bridge, &[SUBNET], &["networkname=containers", "sourcemac=00155D000009"]),
        ),
        ("l2tunnel", network_spec(Kind::L2Tunnel, &[SUBNET], &[])),
    ]
}

/// One endpoint of each driver, and one for each thing that an endpoint can have.
fn endpoints() -> Vec<(&'static str, EndpointSpec)> {
    let block = Rule::new("no-web", 200, Direction::Inbound, Action::Deny, [TCP]);
    let exceptions = &["enable_outboundnat=true", "outboundnat_exceptions=10.0.0.0/8"];
    vec![
        (
            "nat-published",
            EndpointSpec {
                ports: vec![port(Transport::Tcp, 8080, 80), port(Transport::Udp, 5353, 53)],
                ..endpoint_spec(Kind::Nat)
            },
        ),
        (
            "transparent-dhcp",
            EndpointSpec { subnet: None, address: None, mac: None, ..endpoint_spec(Kind::Transparent) },
        ),
        ("overlay", EndpointSpec { options: options(exceptions).unwrap(), ..endpoint_spec(Kind::Overlay) }),
        (
            "overlay-remote",
            EndpointSpec { provider_address: Some("198.51.100.12".parse().unwrap()), ..endpoint_spec(Kind::Overlay) },
        ),
        ("l2bridge", endpoint_spec(Kind::L2Bridge)),
        (
            "l2bridge-outbound-nat",
            EndpointSpec { options: options(exceptions).unwrap(), ..endpoint_spec(Kind::L2Bridge) },
        ),
        (
            "l2bridge-rules",
            EndpointSpec {
                rules: vec![(Place::Switch, block.clone()), (Place::Host, block)],
                defaults: Some(Era::Current),
                ..endpoint_spec(Kind::L2Bridge)
            },
        ),
        (
            "l2bridge-capped",
            EndpointSpec {
                options: options(&["com.docker.endpoint.windowsshim.qospolicies=12500000", "disableicc=true"]).unwrap(),
                dns: Dns { search: vec!["corp.example".to_owned()], ..Dns::default() },
                ..endpoint_spec(Kind::L2Bridge)
            },
        ),
        ("l2tunnel", EndpointSpec { options: options(exceptions).unwrap(), ..endpoint_spec(Kind::L2Tunnel) }),
    ]
}

#[test]
fn documents_of_every_driver_are_as_stored() {
    for (name, spec) in networks() {
        stored(&format!("v2/network-{name}"), &render::network(&spec).unwrap());
        let spec = NetworkSpec { remote_subnets: Vec::new(), ..spec };
        stored(&format!("v1/network-{name}"), &v1::network(&spec).unwrap());
    }
    for (name, spec) in endpoints() {
        stored(&format!("v2/endpoint-{name}"), &render::endpoint(&spec).unwrap());
        if !["overlay-remote", "l2bridge-rules"].contains(&name) {
            stored(&format!("v1/endpoint-{name}"), &v1::endpoint(&spec).unwrap());
        }
    }
}

#[test]
fn what_version_1_cannot_say_is_refused_and_not_left_out() {
    let only_v2 = |refused: Option<Invalid>| refused.unwrap().to_string().contains("use version 2");
    let (mut networks, mut endpoints) = (networks().into_iter(), endpoints().into_iter());
    let (_, overlay) = networks.find(|(name, _)| *name == "overlay").unwrap();
    assert!(only_v2(v1::network(&overlay).err()));
    for wanted in ["overlay-remote", "l2bridge-rules"] {
        let (_, spec) = endpoints.find(|(name, _)| *name == wanted).unwrap();
        assert!(only_v2(v1::endpoint(&spec).err()), "{wanted}");
    }
}

#[test]
fn names_are_resolved_for_nat_containers_unless_a_label_says_otherwise() {
    let resolves = |kind, labels: &[&str]| {
        let spec = EndpointSpec { options: options(labels).unwrap(), ..endpoint_spec(kind) };
        v1::endpoint(&spec).unwrap().enable_internal_dns
    };
    assert!(resolves(Kind::Nat, &[]) && !resolves(Kind::L2Bridge, &[]));
    assert!(!resolves(Kind::Nat, &["disable_dns=true"]));
    assert!(!resolves(Kind::Nat, &["disable_gatewaydns=true"]));
}

#[test]
fn published_ports_of_l2bridge_are_reserved_in_version_1() {
    let spec = EndpointSpec { ports: vec![port(Transport::Tcp, 8080, 80)], ..endpoint_spec(Kind::L2Bridge) };
    stored("v1/endpoint-l2bridge-published", &v1::endpoint(&spec).unwrap());
}

#[test]
fn documents_are_read_back_in_any_case_as_what_they_were() {
    for (name, spec) in networks() {
        let document = render::network(&spec).unwrap();
        let text = serde_json::to_string(&document).unwrap();
        assert_eq!(json::read::<network::HostComputeNetwork>(&text).unwrap(), document, "{name}");
        let shouted = shout(serde_json::from_str(&text).unwrap()).to_string();
        let read: network::HostComputeNetwork = json::read(&shouted).unwrap();
        assert_eq!((read.kind, read.ipams.len(), read.mac_pool), (document.kind, 1, document.mac_pool), "{name}");
    }
    for (name, spec) in endpoints() {
        let document = render::endpoint(&spec).unwrap();
        let text = serde_json::to_string(&document).unwrap();
        assert_eq!(json::read::<endpoint::HostComputeEndpoint>(&text).unwrap(), document, "{name}");
    }
}

/// The same document with the names of its members in capitals.
fn shout(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name.to_uppercase(), shout(value))).collect()
        }
        serde_json::Value::Array(items) => items.into_iter().map(shout).collect(),
        scalar => scalar,
    }
}

#[test]
fn a_network_that_hns_describes_is_read_although_it_says_more_and_less() {
    let text = r#"{"ActivityId": "x", "id": "11111111-2222-4333-8444-555555555555", "name": "nat",
        "Ipams": [{"type": "static", "subnets": [{"ipAddressPrefix": "172.20.0.0/24", "objects": []}]}],
        "Health": {"LastErrorCode": 0}, "Resources": {}, "Flags": null}"#;
    let network: network::HostComputeNetwork = json::read(text).unwrap();
    assert_eq!((network.id, network.kind), (Some(NETWORK), network::NetworkType::Nat));
    let ics: network::HostComputeNetwork = json::read(r#"{"Name": "Default Switch", "Type": "ICS"}"#).unwrap();
    assert_eq!(ics.kind, network::NetworkType::Other);
}

#[test]
fn every_label_is_read() {
    let all = options(&[
        "networkname=n",
        "hnsid=11111111-2222-4333-8444-555555555555",
        "routingdomain=11111111-2222-4333-8444-555555555555",
        "interface=Ethernet 2, Ethernet 3",
        "vlanid=4094",
        "vsid=5000",
        "dnssuffix=corp.example",
        "dnsservers=10.0.0.53,fd00::53",
        "macpool=00-15-5D-00-00-00,00-15-5D-00-0F-FF",
        "sourcemac=00-15-5D-00-00-09",
        "disableicc=True",
        "disable_dns=1",
        "disable_gatewaydns=true",
        "enable_outboundnat=true",
        "outboundnat_exceptions=10.0.0.0/8",
        "com.docker.endpoint.windowsshim.qospolicies=1000",
        "com.docker.network.enable_ipv6=false",
    ])
    .unwrap();
    assert_eq!(all.interfaces, ["Ethernet 2", "Ethernet 3"]);
    assert_eq!(
        (all.network_name.as_deref(), all.hns_id, all.routing_domain),
        (Some("n"), Some(NETWORK), Some(NETWORK))
    );
    assert_eq!((all.vlan, all.vsids.as_slice()), (Some(4094), [Vsid::new(5000).unwrap()].as_slice()));
    assert_eq!((all.dns_suffix.as_deref(), all.dns_servers.len()), (Some("corp.example"), 2));
    assert_eq!((all.mac_pool.len(), all.source_mac.is_some()), (1, true));
    assert!(all.disable_icc && all.disable_dns && all.disable_gateway_dns);
    assert_eq!(all.outbound_nat.map(|exceptions| exceptions.len()), Some(1));
    assert_eq!(all.max_egress, Some(1000));
    let list = options(&["com.docker.network.driver.overlay.vxlanid_list=5001,5002"]).unwrap();
    assert_eq!(list.vsids.len(), 2);
}

#[test]
fn a_bad_label_is_named_with_what_is_wrong() {
    for (label, part) in [
        ("vlanid=4095", "from 1 to 4094"),
        ("vlanid=x", "vlanid=x"),
        ("vsid=16777216", "16777215"),
        ("interface=a,,b", "empty"),
        ("interface=", "empty"),
        ("hnsid=5", "GUID"),
        ("dnsservers=10.0.0.53,dns", "'dns'"),
        ("macpool=00155D000000", "pairs"),
        ("macpool=00155D000001,00155D000000", "is empty"),
        ("sourcemac=zz", "MAC address"),
        ("disableicc=perhaps", "neither"),
        ("outboundnat_exceptions=10.0.0.0/8", "enable_outboundnat=true"),
        ("vlan=5", "vlanid"),
        ("com.docker.endpoint.windowsshim.qospolicies=fast", "whole number"),
    ] {
        let error = options(&[label]).unwrap_err().to_string();
        assert!(error.contains(part), "{label}: {error}");
    }
    let twice = options(&["vsid=5000", "com.docker.network.driver.overlay.vxlanid_list=5001"]).unwrap_err();
    assert!(twice.to_string().contains("twice"), "{twice}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let net = ("172.20.0.0/24", "172.20.0.1");
    for (kind, subnets, labels, part) in [
        (Kind::Nat, &[net][..], &["vlanid=5"][..], "vlanid"),
        (Kind::Overlay, &[net], &["vlanid=5", "vsid=5000"], "vlanid"),
        (Kind::Nat, &[net], &["interface=a,b"], "SET"),
        (Kind::Nat, &[net, SUBNET], &[], "one internal prefix"),
        (Kind::Nat, &[net], &["enable_outboundnat=true"], "nat translates anyway"),
        (Kind::Nat, &[net], &["sourcemac=00155D000009"], "sourcemac"),
        (Kind::Transparent, &[SUBNET], &["enable_outboundnat=true"], "transparent never"),
        (Kind::L2Bridge, &[SUBNET], &["vsid=5000"], "vsid"),
        (Kind::L2Bridge, &[], &[], "--subnet"),
        (Kind::L2Bridge, &[("192.168.1.0/24", "192.168.2.1")], &[], "192.168.2.1 is not in the subnet"),
        (Kind::L2Tunnel, &[("fd00::/64", "")], &[], "IPv6"),
        (Kind::Overlay, &[net], &[], "a VSID"),
        (Kind::Overlay, &[net], &["vsid=4095"], "from 4096"),
        (Kind::Overlay, &[net, SUBNET], &["vsid=5000"], "2 subnets but 1"),
    ] {
        let error = render::network(&network_spec(kind, subnets, labels)).unwrap_err().to_string();
        assert!(error.contains(part), "{kind} {labels:?}: {error}");
    }
    let ipv6 = network_spec(Kind::L2Bridge, &[("fd00::/64", "fd00::1")], &[]);
    assert!(render::network(&ipv6).is_ok());
    assert!(v1::network(&ipv6).is_err());
}

#[test]
fn an_endpoint_that_makes_no_sense_is_refused() {
    let twice = vec![port(Transport::Tcp, 80, 80), port(Transport::Tcp, 80, 81)];
    let both = vec![port(Transport::Tcp, 53, 53), port(Transport::Udp, 53, 53)];
    assert!(render::endpoint(&EndpointSpec { ports: both, ..endpoint_spec(Kind::Nat) }).is_ok());
    let refused = |spec: EndpointSpec| render::endpoint(&spec).unwrap_err();
    assert!(matches!(
        refused(EndpointSpec { ports: twice, ..endpoint_spec(Kind::Nat) }),
        Invalid::PortTwice { port: 80, .. }
    ));
    let published = EndpointSpec { ports: vec![port(Transport::Tcp, 80, 80)], ..endpoint_spec(Kind::Transparent) };
    assert!(refused(published).to_string().contains("own address"));
    let outside = EndpointSpec { address: Some("10.0.0.4".parse().unwrap()), ..endpoint_spec(Kind::Nat) };
    assert!(refused(outside).to_string().contains("10.0.0.4 is not in the subnet"));
    assert!(matches!(refused(EndpointSpec { subnet: None, ..endpoint_spec(Kind::Nat) }), Invalid::Needs { .. }));
    let rule = Rule::new("r", 1, Direction::Inbound, Action::Deny, []);
    let switch = EndpointSpec { rules: vec![(Place::Switch, rule)], ..endpoint_spec(Kind::Nat) };
    assert_eq!(refused(switch), Invalid::Rule(Refusal::NoSwitchFilter { kind: Kind::Nat }));
}
