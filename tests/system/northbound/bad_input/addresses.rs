//! `networkInterfaces/ipConfigurations`.

use super::{Refused, all, put};
use crate::northbound::judge::{with, without};
use harness::Result;
use harness::documents::{address, nic, reference};
use serde_json::{Value, json};

/// A good address of `vm1`.
fn good() -> Value {
    address("ip9", "10.20.1.99", "blue/web", None)
}

/// It with other values of properties.
fn but(changes: &[(&str, Value)]) -> Value {
    changes.iter().fold(good(), |document, (name, value)| with(document, &format!("/properties/{name}"), value.clone()))
}

fn at(text: &str) -> Value {
    but(&[("privateIPAddress", json!(text))])
}

/// Rows that put the address into a new NIC, into a stored one, and under its own path.
fn everywhere(case: &str, bad: &Value, code: &'static str) -> [Refused; 3] {
    let first = address("ip0", "10.20.1.4", "blue/web", Some("web-tier"));
    let vm1 = with(nic(None, &[first, bad.clone()]), "/properties/privateMacAllocationMethod", json!(null));
    let vm1 = with(vm1, "/properties/privateMacAddress", "00-1D-D8-20-00-01");
    [
        put(format!("{case}, in a new NIC"), "/networkInterfaces/fresh", nic(None, std::slice::from_ref(bad)), code),
        put(format!("{case}, in a stored NIC"), "/networkInterfaces/vm1", vm1, code),
        put(case, "/networkInterfaces/vm1/ipConfigurations/ip9", bad.clone(), code),
    ]
}

#[tokio::test]
async fn a_bad_address_is_refused_in_the_nic_and_under_its_own_path() -> Result<()> {
    let method = |text: &str| but(&[("privateIPAllocationMethod", json!(text))]);
    let v6 = |text: &str| at(text);
    let cases = [
        ("none", without(good(), "/properties/privateIPAddress"), "PrivateIPAddressMissing"),
        ("an empty one", at(""), "InvalidPrivateIPAddressFormat"),
        ("no address", at("10.20.1.x"), "InvalidPrivateIPAddressFormat"),
        ("an octet out of range", at("10.20.1.256"), "InvalidPrivateIPAddressFormat"),
        ("leading zeros", at("10.20.1.099"), "InvalidPrivateIPAddressFormat"),
        ("a prefix", at("10.20.1.99/24"), "InvalidPrivateIPAddressFormat"),
        (
            "an object",
            but(&[("privateIPAddress", json!({ "address": "10.20.1.99" }))]),
            "InvalidPrivateIPAddressFormat",
        ),
        ("outside of the subnet", at("10.20.2.99"), "PrivateIPAddressNotInSubnet"),
        ("of another family", v6("2001:db8::9"), "PrivateIPAddressNotInSubnet"),
        ("the subnet itself", at("10.20.1.0"), "PrivateIPAddressInReservedRange"),
        ("the router's", at("10.20.1.1"), "PrivateIPAddressInReservedRange"),
        ("everybody's", at("10.20.1.255"), "PrivateIPAddressInReservedRange"),
        ("of another NIC", at("10.20.1.5"), "PrivateIPAddressInUse"),
        ("an unknown method", method("Sometimes"), "InvalidParameterValue"),
        ("unmanaged in a virtual network", method("Unmanaged"), "UnmanagedAllocationMethodNotSupported"),
    ];
    all(cases.iter().flat_map(|(case, bad, code)| everywhere(case, bad, code))).await
}

#[tokio::test]
async fn a_bad_subnet_of_an_address_is_refused() -> Result<()> {
    let subnet = |path: &str| but(&[("subnet", reference(path))]);
    let unmanaged = |path: &str| {
        but(&[
            ("subnet", reference(path)),
            ("privateIPAllocationMethod", json!("Unmanaged")),
            ("privateIPAddress", json!(null)),
        ])
    };
    let dynamic = |path: &str| {
        but(&[
            ("subnet", reference(path)),
            ("privateIPAllocationMethod", json!("Dynamic")),
            ("privateIPAddress", json!(null)),
        ])
    };
    let cases = [
        ("none", without(good(), "/properties/subnet"), "SubnetIsRequired"),
        ("null", but(&[("subnet", json!(null))]), "SubnetIsRequired"),
        ("one that is not there", subnet("/virtualNetworks/blue/subnets/none"), "InvalidResourceReference"),
        ("one of a network that is not there", subnet("/virtualNetworks/none/subnets/web"), "InvalidResourceReference"),
        (
            "unmanaged on the provider network",
            unmanaged("/logicalNetworks/HNVPA/subnets/192.0.2.0_25"),
            "UnmanagedAllocationMethodNotSupported",
        ),
        (
            "dynamic on a VLAN without addresses",
            dynamic("/logicalNetworks/backend/subnets/bare"),
            "PrivateIpAllocationMethodMustBeUnmanaged",
        ),
        (
            "static on a VLAN without addresses",
            subnet("/logicalNetworks/backend/subnets/bare"),
            "PrivateIpAllocationMethodMustBeUnmanaged",
        ),
    ];
    let wrong_type = [
        ("a network", "/virtualNetworks/blue"),
        ("a list", "/accessControlLists/plain"),
        ("a pool", "/logicalNetworks/backend/subnets/vlan7/ipPools/pool7"),
    ];
    let wrong_type = wrong_type.into_iter().flat_map(|(case, path)| {
        everywhere(case, &subnet(path), "InvalidRequestFormat").map(|row| row.detail("InvalidJsonReferenceWrongType"))
    });
    let malformed = ["/", "//", "web", "/virtualNetworks/blue/subnets"].into_iter().flat_map(|path| {
        everywhere(&format!("'{path}'"), &subnet(path), "InvalidRequestFormat")
            .map(|row| row.detail("InvalidJsonReferenceFormat"))
    });
    // What names something without its path is not taken for "none".
    let nameless = ["subnet", "accessControlList"].into_iter().flat_map(|property| {
        let bad = but(&[(property, json!({ "resourceId": "web", "resourceRef": null }))]);
        everywhere(property, &bad, "InvalidRequestFormat").map(|row| row.detail("InvalidJsonReferenceFormat"))
    });
    let rows = cases.iter().flat_map(|(case, bad, code)| everywhere(case, bad, code));
    all(rows.chain(wrong_type).chain(malformed).chain(nameless)).await
}

#[tokio::test]
async fn an_address_that_refers_to_what_is_not_there_is_refused() -> Result<()> {
    let cases = [
        ("accessControlList", reference("/accessControlLists/none")),
        ("publicIPAddress", reference("/publicIPAddresses/none")),
        ("loadBalancerBackendAddressPools", json!([reference("/loadBalancers/none/backendAddressPools/be")])),
        ("loadBalancerInboundNatRules", json!([reference("/loadBalancers/none/inboundNatRules/ssh")])),
        ("serviceInsertion", reference("/serviceInsertions/none")),
    ];
    let rows = cases
        .into_iter()
        .flat_map(|(name, value)| everywhere(name, &but(&[(name, value)]), "InvalidResourceReference"));
    all(rows).await
}

#[tokio::test]
async fn an_address_is_used_once() -> Result<()> {
    let twice = [address("a", "10.20.1.77", "blue/web", None), address("b", "10.20.1.77", "blue/web", None)];
    let same_name = [address("a", "10.20.1.77", "blue/web", None), address("A", "10.20.1.78", "blue/web", None)];
    let stranger = address("ip7", "10.20.1.77", "blue/web", None);
    all([
        put("twice in a NIC", "/networkInterfaces/fresh", nic(None, &twice), "PrivateIPAddressInUse"),
        put(
            "under two names that differ in case",
            "/networkInterfaces/fresh",
            nic(None, &same_name),
            "InvalidResourceName",
        ),
        put(
            "another NIC moves to it",
            "/networkInterfaces/vm2/ipConfigurations/ip0",
            address("ip0", "10.20.1.4", "blue/web", None),
            "PrivateIPAddressInUse",
        ),
        put("a NIC that is not there", "/networkInterfaces/none/ipConfigurations/ip7", stranger, "NotFound")
            .status(404),
        put(
            "another name than in the path",
            "/networkInterfaces/vm1/ipConfigurations/ip9",
            address("ip8", "10.20.1.78", "blue/web", None),
            "InvalidResourceName",
        ),
        put(
            "static becomes dynamic",
            "/networkInterfaces/vm1/ipConfigurations/ip0",
            with(
                without(address("ip0", "10.20.1.4", "blue/web", None), "/properties/privateIPAddress"),
                "/properties/privateIPAllocationMethod",
                "Dynamic",
            ),
            "PrivateIpAllocationMethodCannotBeUpdated",
        ),
    ])
    .await
}
