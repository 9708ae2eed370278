//! Logical networks, subnets and pools as clients write and read them.

use super::*;
use crate::resources::fixture::{Fixture, summary};
use serde_json::{Value, json};

const RACK: &str = "/logicalNetworks/pa/subnets/rack";
const POOL: &str = "/logicalNetworks/pa/subnets/rack/ipPools/pool";

fn pool(first: &str, last: &str) -> Value {
    json!({ "startIpAddress": first, "endIpAddress": last })
}

#[test]
fn every_bad_member_has_its_code_and_target() {
    let mut fixture = Fixture::with_provider_network();
    let subnet = "/logicalNetworks/pa/subnets/other";
    for (path, properties, code, target) in [
        (
            "/logicalNetworks/pa",
            json!({ "networkVirtualizationEnabled": "maybe" }),
            Code::InvalidParameterValue,
            VIRTUALIZATION,
        ),
        (subnet, json!({ "addressPrefix": "192.0.2.128/25" }), Code::InvalidSubnet, "SubnetAddress"),
        (subnet, json!({ "addressPrefix": "192.0.2" }), Code::InvalidParameterValue, "SubnetAddress"),
        (subnet, json!({ "vlanID": "4096" }), Code::InvalidParameterValue, "vlanID"),
        (subnet, json!({ "defaultGateways": ["here"] }), Code::InvalidIPAddress, "defaultGateways"),
        (POOL, json!({ "startIpAddress": "192.0.2.10" }), Code::RequiredParamMissing, "endIpAddress"),
        (POOL, pool("192.0.2.10", "x"), Code::InvalidIPAddress, "endIpAddress"),
        (POOL, pool("192.0.2.12", "192.0.2.10"), Code::InvalidParameterValue, "endIpAddress"),
        (POOL, pool("192.0.2.10", "fd00::1"), Code::InvalidParameterValue, "endIpAddress"),
        (POOL, pool("192.0.2.10", "192.0.3.1"), Code::InvalidIPAddress, "startIpAddress"),
        (POOL, pool("fd00::1", "fd00::2"), Code::InvalidIPAddress, "startIpAddress"),
        (
            "/logicalNetworks/pa/subnets/rack/ipPools/second",
            pool("192.0.2.12", "192.0.2.20"),
            Code::InvalidParameterValue,
            "startIpAddress",
        ),
        (
            "/logicalNetworks/pa/subnets/rack/routes/r",
            json!({ "destination": "198.18.0.0/99", "nextHop": "192.0.2.1" }),
            Code::InvalidRouteAddressPrefix,
            "destination",
        ),
        (
            "/logicalNetworks/pa/subnets/rack/routes/r",
            json!({ "destination": "fd00::/8", "nextHop": "192.0.2.1" }),
            Code::InvalidRouteAddressPrefix,
            "destination",
        ),
        (
            "/logicalNetworks/pa/subnets/rack/routes/r",
            json!({ "destination": "198.18.0.0/16" }),
            Code::MissingNextHopIpAddress,
            "nextHop",
        ),
        (
            "/logicalNetworks/pa/subnets/rack/routes/r",
            json!({ "destination": "198.18.0.0/16", "nextHop": "198.18.0.1" }),
            Code::InvalidNextHopIpAddress,
            "nextHop",
        ),
        (
            "/logicalNetworks/pa/subnets/rack/ipReservations/r",
            json!({ "reservedAddresses": "192.0.2.300" }),
            Code::InvalidIPAddress,
            "reservedAddresses",
        ),
    ] {
        let error = fixture.refuse(path, properties.clone());
        assert_eq!(summary(&error), (code, target), "{path} {properties}");
    }
}

#[test]
fn what_deployment_scripts_send_is_taken_and_returned_as_written() {
    let mut fixture = Fixture::new();
    fixture.accept("/logicalNetworks/HNVPA", json!({ "networkVirtualizationEnabled": true }));
    let path = "/logicalNetworks/HNVPA/subnets/192.0.2.0_24";
    // The gateway of VIP subnets is their network address, and pools end on the broadcast address.
    let subnet =
        json!({ "addressPrefix": "192.0.2.0/24", "vlanid": 7, "defaultGateways": "192.0.2.0", "isPublic": "True" });
    fixture.accept(path, subnet);
    fixture.accept(&format!("{path}/ipPools/192.0.2.0_24"), pool("192.0.2.0", "192.0.2.255"));
    let shown = fixture.get("/logicalNetworks/hnvpa");
    assert_eq!(shown["resourceRef"], "/logicalnetworks/HNVPA");
    assert_eq!(shown["properties"]["networkVirtualizationEnabled"], "True");
    assert_eq!(shown["properties"]["virtualNetworks"], json!([]));
    let mut subnet = shown["properties"]["subnets"][0].clone();
    assert_eq!(subnet["resourceRef"], "/logicalnetworks/HNVPA/subnets/192.0.2.0_24");
    assert_eq!(subnet["properties"]["ipPools"][0]["properties"]["usage"]["numberOfIPAddresses"], 256);
    subnet["properties"].as_object_mut().unwrap().remove("ipPools");
    assert_eq!(
        subnet["properties"],
        json!({
            "provisioningState": "Succeeded", "addressPrefix": "192.0.2.0/24", "vlanID": "7", "isPublic": true,
            "defaultGateways": ["192.0.2.0"], "dnsServers": [],
            "ipConfigurations": [], "networkInterfaces": [], "gatewayPools": [], "networkConnections": [],
            "usage": { "numberOfIPAddresses": 256, "numberofIPAddressesAllocated": 0, "numberOfIPAddressesInTransition": 0 },
        })
    );
}

#[test]
fn what_is_used_neither_changes_nor_goes() {
    let mut fixture = Fixture::with_virtual_network();
    let address = json!({ "privateIPAddress": "192.0.2.11", "subnet": { "resourceRef": RACK } });
    let nic = json!({ "ipConfigurations": [{ "resourceId": "ip", "properties": address }] });
    fixture.accept("/networkInterfaces/vm", nic);
    let network = "/logicalNetworks/pa";
    let off = json!({ "networkVirtualizationEnabled": "False", "subnets": [{ "resourceId": "rack", "properties": {
        "addressPrefix": "192.0.2.0/24", "ipPools": [{ "resourceId": "pool", "properties": pool("192.0.2.10", "192.0.2.12") }] } }] });
    for (path, properties, code) in [
        (network, off, Code::ResourceInUse),
        (network, json!({ "networkVirtualizationEnabled": "True" }), Code::InUseSubnetCannotBeDeleted),
        (RACK, json!({ "addressPrefix": "192.0.2.0/25" }), Code::InUseIpPoolCannotBeDeleted),
        (
            RACK,
            json!({ "addressPrefix": "192.0.2.0/25", "ipPools": [{ "resourceId": "pool", "properties": pool("192.0.2.10", "192.0.2.12") }] }),
            Code::InUseSubnetCannotBeUpdated,
        ),
        (POOL, pool("192.0.2.12", "192.0.2.20"), Code::InUseIpPoolCannotBeDeleted),
    ] {
        assert_eq!(fixture.refuse(path, properties.clone()).code, code, "{path} {properties}");
    }
    assert_eq!(fixture.delete(POOL).unwrap_err().code, Code::InUseIpPoolCannotBeDeleted);
    assert_eq!(fixture.delete(RACK).unwrap_err().code, Code::InUseSubnetCannotBeDeleted);
    assert_eq!(fixture.delete(network).unwrap_err().code, Code::ResourceInUse);
    fixture.accept(POOL, pool("192.0.2.11", "192.0.2.20"));
    fixture.delete("/networkInterfaces/vm").unwrap();
    fixture.delete("/virtualNetworks/blue").unwrap();
    fixture.delete(network).unwrap();
}
