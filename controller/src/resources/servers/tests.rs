//! Hosts as clients write and read them, and the addresses they get.

use super::*;
use crate::resources::fixture::{Fixture, summary};
use crate::resources::version::Version;

const HOST: &str = "/servers/host-a";

fn connection(address: &str) -> Value {
    json!({ "managementAddresses": [address], "credential": { "resourceRef": "/credentials/user" }, "credentialType": "UsernamePassword" })
}

/// A host whose NIC reaches the provider subnet of the fixture.
fn host(address: &str) -> Value {
    let adapter = json!({ "logicalSubnets": [{ "resourceRef": "/logicalNetworks/pa/subnets/rack" }] });
    json!({ "connections": [connection(address)], "networkInterfaces": [{ "resourceId": "SDNSwitch", "properties": adapter }] })
}

/// The fixture with NICs `a`, `b`, ... whose ports can appear.
fn fixture() -> Fixture {
    let mut fixture = Fixture::with_virtual_network();
    fixture.accept("/credentials/user", json!({ "type": "usernamePassword", "userName": "u", "value": "p" }));
    for (name, last) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        let nic = Fixture::nic(&format!("001DD8B71C0{last}"), &format!("10.0.0.1{last}"));
        fixture.accept(&format!("/networkInterfaces/{name}"), nic);
    }
    fixture
}

fn provider_address(fixture: &Fixture) -> Option<String> {
    let servers = fixture.changes.iter().filter_map(|change| match change {
        Change::Server(_, Some(server)) => Some(server.provider_address),
        _ => None,
    });
    servers.flatten().next_back().map(|pa| format!("{} {} {}", pa.address, pa.subnet, pa.vlan))
}

#[test]
fn every_bad_member_has_its_code_and_target() {
    let mut fixture = fixture();
    let mut wrong_type = connection("host-a");
    wrong_type["credentialType"] = json!("X509Certificate");
    let mut no_credential = connection("host-a");
    no_credential["credential"] = Value::Null;
    let mut no_address = connection("host-a");
    no_address["managementAddresses"] = json!([]);
    let both = [connection("host-a"), wrong_type];
    for (properties, code, target) in [
        (json!({}), Code::RequiredParamMissing, "connections"),
        (json!({ "connections": [] }), Code::RequiredParamMissing, "connections"),
        (json!({ "connections": [no_address] }), Code::RequiredParamMissing, "connections[0].managementAddresses"),
        (
            json!({ "connections": [connection("host a")] }),
            Code::InvalidParameterValue,
            "connections[0].managementAddresses",
        ),
        (json!({ "connections": [no_credential] }), Code::RequiredParamMissing, "connections[0].credential"),
        (json!({ "connections": both }), Code::UnsupportedCredentialType, "connections.credentialType"),
        (
            json!({ "connections": [connection("host-a")], "auditingEnabled": "Everything" }),
            Code::InvalidParameterValue,
            "auditingEnabled",
        ),
    ] {
        let error = fixture.refuse(HOST, properties.clone());
        assert_eq!(summary(&error), (code, target), "{properties}");
    }
}

#[test]
fn a_host_comes_back_as_written() {
    let mut fixture = fixture();
    let mut properties = host("host-a.example");
    properties["certificate"] = json!("MIIB");
    properties["auditingEnabled"] = json!("firewall");
    fixture.accept(HOST, properties);
    let shown = fixture.get_as(Version::V1, HOST)["properties"].clone();
    assert_eq!(shown["connections"], json!([connection("host-a.example")]), "the casing of credentialType survives");
    assert_eq!(shown["certificate"], "MIIB");
    assert_eq!(shown.get("auditingEnabled"), None);
    assert_eq!(fixture.property(HOST, "auditingEnabled"), json!(["Firewall"]));
    let adapter = &shown["networkInterfaces"][0]["properties"];
    let subnet = json!([{ "resourceRef": "/logicalnetworks/pa/subnets/rack" }]);
    assert_eq!(*adapter, json!({ "provisioningState": "Succeeded", "isBMC": "false", "logicalSubnets": subnet }));
    assert_eq!(
        fixture.property("/logicalNetworks/pa/subnets/rack", "networkInterfaces"),
        json!([{ "resourceRef": "/servers/host-a/networkInterfaces/SDNSwitch" }])
    );
}

#[test]
fn the_agent_listens_at_the_first_address_that_can_be_dialled() {
    let mut fixture = fixture();
    let connections = [connection("NETBIOS$1"), connection("127.0.0.1:7443"), connection("host-a")];
    fixture.accept(HOST, json!({ "connections": connections }));
    let [Change::Server(id, Some(server))] = fixture.changes.as_slice() else { panic!("{:?}", fixture.changes) };
    assert_eq!(id.0, fixture.node(HOST).instance_id);
    assert_eq!(server.agent.as_ref().unwrap().to_string(), "127.0.0.1:7443");
    assert_eq!(server.provider_address, None);
}

#[test]
fn a_host_gets_a_provider_address_with_its_first_port_and_keeps_it() {
    let mut fixture = fixture();
    fixture.accept(HOST, host("127.0.0.1"));
    fixture.attach(HOST, "/networkInterfaces/a", None);
    assert_eq!(provider_address(&fixture).unwrap(), "192.0.2.10 192.0.2.0/24 11");
    fixture.accept(HOST, host("127.0.0.2"));
    assert_eq!(provider_address(&fixture).unwrap(), "192.0.2.10 192.0.2.0/24 11");
    fixture.attach(HOST, "/networkInterfaces/b", None);
    assert_eq!(provider_address(&fixture), None, "nothing about the host changed");
    assert_eq!(fixture.get(HOST)["properties"].get("providerAddress"), None);
    fixture.accept("/logicalNetworks/pa/subnets/rack", json!({
        "addressPrefix": "192.0.2.0/24", "vlanID": 12,
        "ipPools": [{ "resourceId": "pool", "properties": { "startIpAddress": "192.0.2.10", "endIpAddress": "192.0.2.12" } }],
    }));
    assert_eq!(provider_address(&fixture).unwrap(), "192.0.2.10 192.0.2.0/24 12");
    fixture.accept(HOST, json!({ "connections": [connection("127.0.0.1")] }));
    assert_eq!(provider_address(&fixture), None, "the host has left the provider network");
    fixture.accept(HOST, host("127.0.0.1"));
    assert_eq!(provider_address(&fixture).unwrap(), "192.0.2.11 192.0.2.0/24 12", "the old address rests");
}

#[test]
fn two_hosts_never_share_a_provider_address() {
    let mut fixture = fixture();
    let names = ["a", "b", "c", "d"];
    for name in names {
        fixture.accept(&format!("/servers/{name}"), host("127.0.0.1"));
    }
    let fixed = |text: &str| Some(text.parse().unwrap());
    let mut attach = |name: &str, address| {
        fixture.attach(&format!("/servers/{name}"), &format!("/networkInterfaces/{name}"), address);
        provider_address(&fixture)
    };
    assert_eq!(attach("a", fixed("192.0.2.10")).unwrap(), "192.0.2.10 192.0.2.0/24 11");
    assert_eq!(attach("b", None).unwrap(), "192.0.2.11 192.0.2.0/24 11");
    assert_eq!(attach("c", fixed("192.0.2.11")), None, "taken");
    assert_eq!(attach("c", fixed("198.51.100.1")), None, "not of this network");
    assert_eq!(attach("c", None).unwrap(), "192.0.2.12 192.0.2.0/24 11");
    assert_eq!(attach("d", None), None, "the pool is empty");
}

#[test]
fn a_host_whose_settings_fix_its_address_gets_no_other() {
    let mut fixture = fixture();
    fixture.accept(HOST, json!({ "connections": [connection("127.0.0.1")] }));
    fixture.attach(HOST, "/networkInterfaces/a", Some("192.0.2.77".parse().unwrap()));
    assert_eq!(provider_address(&fixture), None, "the host is in no provider network yet");
    fixture.accept(HOST, host("127.0.0.1"));
    assert_eq!(provider_address(&fixture).unwrap(), "192.0.2.77 192.0.2.0/24 11");
}
