//! The reconciler on a service in memory.

use super::fake::Fake;
use super::reconcile::{ApplyError, Done, Reconciler};
use super::{HcnCode, HcnError, HostNetworkService, Object};
use crate::firewall::{Isolation, Place, Rule, TCP};
use crate::hns::network::{Dns, HostComputeNetwork};
use crate::hns::options::NetworkOptions;
use crate::hns::render;
use crate::hns::spec::{EndpointSpec, NetworkSpec, RemoteSubnet, SubnetSpec};
use crate::network::{Kind, PublishedPort, Transport};
use policy::acl::{Action, Direction};
use policy::net::Vsid;
use std::collections::BTreeSet;
use uuid::Uuid;

fn subnet() -> SubnetSpec {
    SubnetSpec { prefix: "10.1.1.0/24".parse().unwrap(), gateway: Some("10.1.1.1".parse().unwrap()) }
}

fn network(kind: Kind) -> NetworkSpec {
    let vsids = if kind == Kind::Overlay { vec![Vsid::new(5001).unwrap()] } else { Vec::new() };
    NetworkSpec {
        name: "blue".to_owned(),
        kind,
        subnets: vec![subnet()],
        options: NetworkOptions { vsids, ..NetworkOptions::default() },
        remote_subnets: Vec::new(),
    }
}

fn endpoint(kind: Kind, network: Uuid) -> EndpointSpec {
    EndpointSpec {
        name: "web".to_owned(),
        kind,
        network,
        subnet: Some(subnet()),
        address: Some("10.1.1.4".parse().unwrap()),
        mac: None,
        dns: Dns::default(),
        options: NetworkOptions::default(),
        ports: Vec::new(),
        isolation: Isolation::Process,
        rules: Vec::new(),
        defaults: None,
        provider_address: None,
    }
}

fn apply(hns: &mut Reconciler<Fake>, spec: &NetworkSpec) -> Result<(Uuid, Done), ApplyError> {
    hns.network(&render::network(spec).unwrap())
}

#[test]
fn what_is_applied_twice_is_created_once() {
    for kind in [Kind::Nat, Kind::Transparent, Kind::Overlay, Kind::L2Bridge, Kind::L2Tunnel] {
        let mut hns = Reconciler(Fake::default());
        let (id, done) = apply(&mut hns, &network(kind)).unwrap();
        assert_eq!(done, Done::Created);
        assert_eq!(apply(&mut hns, &network(kind)).unwrap(), (id, Done::Nothing), "{kind}");
        let web = render::endpoint(&endpoint(kind, id)).unwrap();
        let (web_id, done) = hns.endpoint(&web).unwrap();
        assert_eq!(done, Done::Created);
        assert_eq!(hns.endpoint(&web).unwrap(), (web_id, Done::Nothing), "{kind}");
        assert_eq!(hns.0.calls, ["create network", "create endpoint"], "{kind}");
    }
}

#[test]
fn remote_subnets_that_come_and_go_are_policies_added_and_removed() {
    let mut hns = Reconciler(Fake::default());
    let mut spec = network(Kind::Overlay);
    let remote = |provider: &str| RemoteSubnet {
        prefix: "10.1.2.0/24".parse().unwrap(),
        vsid: Vsid::new(5002).unwrap(),
        provider_address: provider.parse().unwrap(),
        router_mac: "00:15:5d:11:22:33".parse().unwrap(),
    };
    spec.remote_subnets = vec![remote("198.51.100.12")];
    apply(&mut hns, &spec).unwrap();
    spec.remote_subnets = vec![remote("198.51.100.13")];
    assert_eq!(apply(&mut hns, &spec).unwrap().1, Done::Modified);
    assert_eq!(hns.0.calls, ["create network", "Remove Policy", "Add Policy"]);
    assert_eq!(apply(&mut hns, &spec).unwrap().1, Done::Nothing);
}

#[test]
fn rules_ports_and_resolvers_of_an_endpoint_are_changed_in_place() {
    let mut hns = Reconciler(Fake::default());
    let (id, _) = apply(&mut hns, &network(Kind::Nat)).unwrap();
    let mut spec = endpoint(Kind::Nat, id);
    hns.endpoint(&render::endpoint(&spec).unwrap()).unwrap();
    spec.ports.push(PublishedPort { protocol: Transport::Tcp, external: 8080, internal: 80 });
    spec.rules.push((Place::Host, Rule::new("no-web", 200, Direction::Inbound, Action::Deny, [TCP])));
    spec.dns.server_list.push("10.0.0.53".parse().unwrap());
    assert_eq!(hns.endpoint(&render::endpoint(&spec).unwrap()).unwrap().1, Done::Modified);
    assert_eq!(hns.0.calls[2..], ["Add Policy", "Update DNS"]);
    assert_eq!(hns.endpoint(&render::endpoint(&spec).unwrap()).unwrap().1, Done::Nothing);
    spec.ports.clear();
    assert_eq!(hns.endpoint(&render::endpoint(&spec).unwrap()).unwrap().1, Done::Modified);
    assert_eq!(hns.0.calls[4..], ["Remove Policy"]);
}

#[test]
fn a_network_that_differs_is_made_anew_unless_it_is_in_use() {
    let mut hns = Reconciler(Fake::default());
    let (id, _) = apply(&mut hns, &network(Kind::L2Bridge)).unwrap();
    let (web, _) = hns.endpoint(&render::endpoint(&endpoint(Kind::L2Bridge, id)).unwrap()).unwrap();
    let error = apply(&mut hns, &network(Kind::L2Tunnel)).unwrap_err();
    assert!(matches!(&error, ApplyError::InUse { part: "Type", endpoints: 1, .. }), "{error}");
    assert!(hns.delete(Object::Network, id).unwrap_err().to_string().contains("still refers"));
    hns.delete(Object::Endpoint, web).unwrap();
    hns.delete(Object::Endpoint, web).unwrap();
    assert_eq!(apply(&mut hns, &network(Kind::L2Tunnel)).unwrap().1, Done::Recreated);
}

#[test]
fn a_network_that_another_program_made_is_never_made_anew() {
    let mut hns = Reconciler(Fake::default());
    let theirs =
        HostComputeNetwork { owner: "docker".to_owned(), ..render::network(&network(Kind::L2Bridge)).unwrap() };
    let (id, _) = hns.network(&theirs).unwrap();
    assert_eq!(apply(&mut hns, &network(Kind::L2Bridge)).unwrap(), (id, Done::Nothing), "it will do as it is");
    let refused = apply(&mut hns, &network(Kind::L2Tunnel)).unwrap_err();
    assert!(matches!(refused, ApplyError::Foreign { part: "Type", .. }), "{refused}");
    assert_eq!(hns.0.calls, ["create network"]);
}

#[test]
fn a_network_named_by_its_id_is_adopted_as_it_is_or_not_at_all() {
    let mut hns = Reconciler(Fake::default());
    let (id, _) = apply(&mut hns, &network(Kind::L2Bridge)).unwrap();
    let adopting = |kind| {
        let options = NetworkOptions { hns_id: Some(id), ..NetworkOptions::default() };
        NetworkSpec { options, ..network(kind) }
    };
    assert_eq!(apply(&mut hns, &adopting(Kind::L2Bridge)).unwrap(), (id, Done::Nothing));
    let refused = apply(&mut hns, &adopting(Kind::L2Tunnel)).unwrap_err();
    assert!(matches!(refused, ApplyError::Foreign { part: "Type", .. }), "{refused}");
    assert_eq!(apply(&mut hns, &adopting(Kind::L2Bridge)).unwrap(), (id, Done::Nothing), "it is still there");
}

#[test]
fn an_endpoint_whose_address_differs_is_made_anew() {
    let mut hns = Reconciler(Fake::default());
    let (id, _) = apply(&mut hns, &network(Kind::L2Bridge)).unwrap();
    hns.endpoint(&render::endpoint(&endpoint(Kind::L2Bridge, id)).unwrap()).unwrap();
    let moved = EndpointSpec { address: Some("10.1.1.5".parse().unwrap()), ..endpoint(Kind::L2Bridge, id) };
    assert_eq!(hns.endpoint(&render::endpoint(&moved).unwrap()).unwrap().1, Done::Recreated);
    assert_eq!(hns.0.objects.keys().filter(|(object, _)| *object == Object::Endpoint).count(), 1);
}

#[test]
fn what_the_service_refuses_is_told_with_its_meaning() {
    let mut hns = Reconciler(Fake { vfp: false, ..Fake::default() });
    let error = apply(&mut hns, &network(Kind::Overlay)).unwrap_err().to_string();
    assert!(error.contains("create network 'blue'") && error.contains("needs VFP"), "{error}");
    let bad = hns.0.create_network("{").unwrap_err();
    assert_eq!(bad.code(), Some(HcnCode::InvalidJson));
    assert!(bad.to_string().contains("EOF"), "{bad}");
    let other = HcnError { hresult: 0x8007_0005, record: "not JSON".to_owned() };
    assert_eq!(other.to_string(), "the Host Network Service failed (0x80070005): not JSON");
}

#[test]
fn codes_are_their_own_and_have_texts_of_their_own() {
    let numbers: BTreeSet<u32> = HcnCode::ALL.iter().map(|code| code.hresult()).collect();
    let texts: BTreeSet<String> = HcnCode::ALL.iter().map(ToString::to_string).collect();
    assert_eq!((numbers.len(), texts.len()), (HcnCode::ALL.len(), HcnCode::ALL.len()));
    assert!(HcnCode::ALL.iter().all(|code| HcnCode::of(code.hresult()) == Some(*code)));
}

#[test]
fn a_network_of_another_that_we_cannot_type_is_looked_past() {
    let mut hns = Reconciler(Fake::default());
    hns.0.create_network(r#"{"Name": "Default Switch", "Type": "ICS", "Ipams": [], "Policies": []}"#).unwrap();
    let (id, done) = apply(&mut hns, &network(Kind::Nat)).unwrap();
    assert_eq!(done, Done::Created);
    let text = hns.0.query(Object::Network, id).unwrap();
    assert!(crate::hns::json::read::<HostComputeNetwork>(&text).is_ok());
}
