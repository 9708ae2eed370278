//! Virtual networks and subnets as clients write and read them.

use super::*;
use crate::resources::fixture::{Fixture, summary};
use policy::ids::AclId;
use serde_json::json;

#[test]
fn every_bad_network_has_its_code_and_target() {
    let mut fixture = Fixture::with_virtual_network();
    fixture.accept("/logicalNetworks/vlan", json!({}));
    fixture.accept("/credentials/user", json!({ "type": "UsernamePassword", "userName": "u", "value": "p" }));
    let dns: Vec<String> = (0..10).map(|host| format!("10.0.0.{host}")).collect();
    let twice = [("a", "10.0.0.0/24"), ("b", "10.0.0.128/25")];
    for (changes, code, target) in [
        (json!({ "addressSpace": null }), Code::RequiredParamMissing, "addressSpace"),
        (json!({ "addressSpace": {} }), Code::RequiredParamMissing, "addressSpace.addressPrefixes"),
        (
            json!({ "addressSpace": { "addressPrefixes": [] } }),
            Code::RequiredParamMissing,
            "addressSpace.addressPrefixes",
        ),
        (
            json!({ "addressSpace": { "addressPrefixes": ["10.0.0.0/33"] } }),
            Code::InvalidIPPrefix,
            "addressSpace.addressPrefixes",
        ),
        (json!({ "logicalNetwork": null }), Code::RequiredParamMissing, "logicalNetwork"),
        (json!({ "logicalNetwork": { "resourceRef": "/servers/x" } }), Code::InvalidRequestFormat, "logicalNetwork"),
        (
            json!({ "logicalNetwork": { "resourceRef": "/logicalNetworks/x" } }),
            Code::InvalidResourceReference,
            "logicalNetwork",
        ),
        (
            json!({ "logicalNetwork": { "resourceRef": "/logicalNetworks/vlan" } }),
            Code::InvalidLogicalNetworkReference,
            "logicalNetwork",
        ),
        (json!({ "dhcpOptions": { "dnsServers": dns } }), Code::DnsServerCountLimitReached, "dhcpOptions.dnsServers"),
        (
            json!({ "unbilledAddressRanges": "10.0.0.0/8, 11.0.0.0/8" }),
            Code::InvalidUnbilledAddressRange,
            "unbilledAddressRanges",
        ),
        (
            json!({ "encryptionCredential": { "resourceRef": "/credentials/user" } }),
            Code::UnsupportedCredentialType,
            "encryptionCredential",
        ),
        (Fixture::network("10.0.0.0/16", &[("a", "10.1.0.0/24")]), Code::InvalidSubnet, "SubnetAddress"),
        (Fixture::network("10.0.0.0/16", &[("a", "fd00::/64")]), Code::InvalidSubnet, "SubnetAddress"),
        (Fixture::network("10.0.0.0/16", &twice), Code::InvalidSubnet, "SubnetAddress"),
        (Fixture::network("10.0.0.0/16", &[("a", "10.20.300.0/24")]), Code::InvalidParameterValue, "SubnetAddress"),
        (Fixture::network("10.0.0.0/16", &[("a", "10.0.0.0")]), Code::InvalidParameterValue, "SubnetAddress"),
    ] {
        let mut network = Fixture::network("10.0.0.0/16", &[]);
        for (name, value) in changes.as_object().unwrap() {
            network[name] = value.clone();
        }
        let error = fixture.refuse("/virtualNetworks/red", network);
        assert_eq!(summary(&error), (code, target), "{changes}");
    }
}

#[test]
fn a_rejected_prefix_is_explained_as_in_the_published_sample() {
    let mut fixture = Fixture::with_virtual_network();
    let error = fixture.refuse("/virtualNetworks/blue/subnets/db", json!({ "addressPrefix": "10.20.300.0/24" }));
    assert_eq!(summary(&error), (Code::InvalidParameterValue, "SubnetAddress"));
    assert_eq!(error.details[0].code, Code::InvalidIPPrefix);
    assert_eq!(error.code.status(), 400);
}

#[test]
fn a_network_comes_back_as_written() {
    let mut fixture = Fixture::with_provider_network();
    let mut network = Fixture::network("10.0.0.0/16", &[("web", "10.0.0.7/24")]);
    network["dhcpOptions"] = json!({ "DnsServers": "10.0.0.53" });
    network["logicalNetwork"] = json!({ "resourceRef": "/networking/v1/LOGICALNETWORKS/PA", "properties": {} });
    fixture.accept("/virtualNetworks/Blue", network);
    let properties = fixture.get("/virtualNetworks/blue")["properties"].clone();
    assert_eq!(properties["addressSpace"], json!({ "addressPrefixes": ["10.0.0.0/16"] }));
    assert_eq!(properties["dhcpOptions"], json!({ "dnsServers": ["10.0.0.53"] }));
    assert_eq!(properties["logicalNetwork"], json!({ "resourceRef": "/logicalnetworks/pa" }));
    let subnet = &properties["subnets"][0];
    assert_eq!(subnet["resourceRef"], "/virtualNetworks/Blue/subnets/web");
    assert_eq!(
        subnet["properties"],
        json!({
            "provisioningState": "Succeeded", "addressPrefix": "10.0.0.7/24", "encryptionEnabled": false,
            "virtualSubnetId": "4096", "ipConfigurations": [],
        })
    );
    let old = fixture.get_as(Version::V1, "/virtualNetworks/blue/subnets/web")["properties"].clone();
    assert_eq!(
        old,
        json!({ "provisioningState": "Succeeded", "addressPrefix": "10.0.0.7/24", "ipConfigurations": [] })
    );
    assert_eq!(
        fixture.property("/logicalNetworks/pa", "virtualNetworks"),
        json!([{ "resourceRef": "/virtualNetworks/Blue" }])
    );
}

#[test]
fn a_used_subnet_neither_changes_nor_goes() {
    let mut fixture = Fixture::with_virtual_network();
    fixture.accept("/networkInterfaces/vm", Fixture::nic("001DD8B71C01", "10.0.0.9"));
    let (blue, web) = ("/virtualNetworks/blue", "/virtualNetworks/blue/subnets/web");
    let network = Fixture::network;
    for (path, properties, code) in [
        (web, json!({ "addressPrefix": "10.0.0.0/25" }), Code::InUseSubnetCannotBeUpdated),
        (blue, network("10.0.0.0/16", &[]), Code::InUseSubnetCannotBeDeleted),
        (blue, network("10.1.0.0/16", &[("web", "10.0.0.0/24")]), Code::VnetInUse),
    ] {
        assert_eq!(fixture.refuse(path, properties.clone()).code, code, "{properties}");
    }
    assert_eq!(fixture.delete(web).unwrap_err().code, Code::InUseSubnetCannotBeDeleted);
    assert_eq!(fixture.delete(blue).unwrap_err().code, Code::VnetInUse);
    fixture.accept(blue, network("10.0.0.0/8", &[("web", "10.0.0.1/24"), ("db", "10.1.0.0/24")]));
    assert!(fixture.delete("/networkInterfaces/vm").is_ok());
    fixture.accept(web, json!({ "addressPrefix": "10.0.0.0/25" }));
    assert!(fixture.delete(blue).is_ok());
}

#[test]
fn a_subnet_keeps_its_id_and_a_deleted_one_rests() {
    let mut fixture = Fixture::with_provider_network();
    let range = json!({ "virtualSubnetIdRange": { "startId": 5000, "endId": 5001 } });
    fixture.accept("/virtualNetworkManager/configuration", range);
    let network = Fixture::network;
    let id = |fixture: &Fixture, subnet: &str| {
        fixture.property(&format!("/virtualNetworks/blue/subnets/{subnet}"), "virtualSubnetId")
    };
    let (a, b, c) = (("a", "10.0.0.0/24"), ("b", "10.0.1.0/24"), ("c", "10.0.2.0/24"));
    fixture.accept("/virtualNetworks/blue", network("10.0.0.0/16", &[a, b]));
    assert_eq!((id(&fixture, "a"), id(&fixture, "b")), (json!("5000"), json!("5001")));
    assert_eq!(fixture.refuse("/virtualNetworks/blue", network("10.0.0.0/16", &[a, b, c])).code, Code::ValidationError);
    fixture.accept("/virtualNetworks/blue", network("10.0.0.0/16", &[b]));
    assert_eq!(fixture.refuse("/virtualNetworks/blue", network("10.0.0.0/16", &[b, c])).code, Code::ValidationError);
    fixture.now += Fixture::HOLD_OFF + 1;
    fixture.accept("/virtualNetworks/blue", network("10.0.0.0/16", &[b, c]));
    assert_eq!((id(&fixture, "b"), id(&fixture, "c")), (json!("5001"), json!("5000")));
}

#[test]
fn encryption_and_dual_stack_need_their_partners() {
    let mut fixture = Fixture::with_provider_network();
    fixture.accept("/credentials/cert", json!({ "type": "X509Certificate", "value": "AB" }));
    let mut network =
        Fixture::network("10.0.0.0/16", &[("v4", "10.0.0.0/24"), ("v6", "fd00::/64"), ("w6", "fd01::/64")]);
    network["addressSpace"]["addressPrefixes"] = json!(["10.0.0.0/16", "fd00::/8"]);
    fixture.accept("/virtualNetworks/blue", network.clone());
    let v4 = "/virtualNetworks/blue/subnets/v4";
    let subnet = |partner: &str| json!({ "addressPrefix": "10.0.0.0/24", "dualStackSubnet": { "resourceRef": format!("/virtualNetworks/blue/subnets/{partner}") } });
    assert_eq!(summary(&fixture.refuse(v4, subnet("v4"))), (Code::InvalidSubnet, "dualStackSubnet"));
    fixture.accept(v4, subnet("v6"));
    let other = json!({ "addressPrefix": "10.0.1.0/24", "dualStackSubnet": { "resourceRef": "/virtualNetworks/blue/subnets/v6" } });
    assert_eq!(fixture.refuse("/virtualNetworks/blue/subnets/other", other).code, Code::InvalidSubnet);

    let encrypted = json!({ "addressPrefix": "10.0.0.0/24", "encryptionEnabled": "true" });
    assert_eq!(summary(&fixture.refuse(v4, encrypted.clone())), (Code::RequiredParamMissing, "encryptionCredential"));
    network["encryptionCredential"] = json!({ "resourceRef": "/credentials/cert" });
    fixture.accept("/virtualNetworks/blue", network);
    fixture.accept(v4, encrypted);
    assert_eq!(fixture.property("/credentials/cert", "networks"), json!([{ "resourceRef": "/virtualNetworks/blue" }]));
}

#[test]
fn hosts_get_the_subnets_in_the_order_of_their_ids() {
    let mut fixture = Fixture::with_virtual_network();
    fixture.accept("/accessControlLists/web", json!({}));
    let list = json!({ "resourceRef": "/accessControlLists/web" });
    let db = json!({ "addressPrefix": "10.0.9.128/25", "accessControlList": list });
    fixture.accept("/virtualNetworks/blue/subnets/a-db", db);
    let [Change::Network(id, Some(network))] = fixture.changes.as_slice() else { panic!("{:?}", fixture.changes) };
    assert_eq!(id.0, fixture.node("/virtualNetworks/blue").instance_id);
    assert_eq!(network.router_mac, router_mac(*id));
    assert_eq!(network.address_space, ["10.0.0.0/16".parse().unwrap()]);
    let shown: Vec<_> = network.subnets.iter().map(|subnet| (subnet.vsid.get(), subnet.router.to_string())).collect();
    assert_eq!(shown, [(4096, "10.0.0.1".to_owned()), (4097, "10.0.9.129".to_owned())]);
    let list = AclId(fixture.node("/accessControlLists/web").instance_id);
    assert_eq!(network.subnets.iter().map(|subnet| subnet.acl).collect::<Vec<_>>(), [None, Some(list)]);
}
