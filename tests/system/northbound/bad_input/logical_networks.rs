//! `logicalNetworks`, their `subnets`, and what is in those.

use super::{Refused, all, all_at, delete, put};
use crate::northbound::furniture::backend;
use crate::northbound::judge::{Judge as _, with, without};
use crate::northbound::site::Site;
use harness::Result;
use harness::documents::{address, document, nic, reference};
use serde_json::{Value, json};

const FRESH: &str = "/logicalNetworks/fresh";

/// A subnet with these properties.
fn subnet(id: &str, properties: Value) -> Value {
    json!({ "resourceId": id, "properties": properties })
}

/// Rows that put a bad subnet into a new network, into a stored one, and under its own path.
fn everywhere(case: &str, properties: &Value, code: &'static str) -> [Refused; 3] {
    let bad = subnet("bad", properties.clone());
    let stored =
        backend()["properties"]["subnets"].as_array().into_iter().flatten().cloned().chain([bad.clone()]).collect();
    let stored = with(backend(), "/properties/subnets", Value::Array(stored));
    [
        put(format!("{case}, in a new network"), FRESH, document(json!({ "subnets": [bad.clone()] })), code),
        put(format!("{case}, in a stored network"), "/logicalNetworks/backend", stored, code),
        put(case, "/logicalNetworks/backend/subnets/bad", bad, code),
    ]
}

#[tokio::test]
async fn a_bad_subnet_is_refused_in_the_network_and_under_its_own_path() -> Result<()> {
    let bad = "InvalidParameterValue";
    let pool = |first: &str, last: &str| {
        json!({
            "addressPrefix": "10.70.1.0/24",
            "ipPools": [subnet("pool", json!({ "startIpAddress": first, "endIpAddress": last }))],
        })
    };
    let route = |destination: &str, hop: &str| {
        json!({
            "addressPrefix": "10.70.1.0/24",
            "routes": [subnet("route", json!({ "destination": destination, "nextHop": hop }))],
        })
    };
    let cases = [
        ("an octet out of range", json!({ "addressPrefix": "10.300.1.0/24" }), bad),
        ("a length out of range", json!({ "addressPrefix": "10.70.1.0/99" }), bad),
        ("an object for a prefix", json!({ "addressPrefix": {} }), bad),
        ("a VLAN out of range", json!({ "vlanId": "4096" }), bad),
        ("a negative VLAN", json!({ "vlanId": -1 }), bad),
        ("a VLAN without number", json!({ "vlanId": "seven" }), bad),
        ("a gateway that is no address", json!({ "defaultGateways": ["first"] }), "InvalidIPAddress"),
        ("a DNS server that is no address", json!({ "dnsServers": ["dns.example"] }), "InvalidIPAddress"),
        ("perhaps public", json!({ "isPublic": "perhaps" }), bad),
        (
            "a list that is not there",
            json!({ "accessControlList": reference("/accessControlLists/none") }),
            "InvalidResourceReference",
        ),
        (
            "a pool without end",
            json!({
                "addressPrefix": "10.70.1.0/24",
                "ipPools": [subnet("pool", json!({ "startIpAddress": "10.70.1.5" }))],
            }),
            "RequiredParamMissing",
        ),
        (
            "a pool without start",
            json!({
                "addressPrefix": "10.70.1.0/24",
                "ipPools": [subnet("pool", json!({ "endIpAddress": "10.70.1.5" }))],
            }),
            "RequiredParamMissing",
        ),
        ("a pool of no addresses", pool("ten", "twenty"), "InvalidIPAddress"),
        ("a pool that ends before it starts", pool("10.70.1.20", "10.70.1.10"), bad),
        ("a pool outside of the subnet", pool("10.70.2.10", "10.70.2.20"), "InvalidIPAddress"),
        ("a pool that leaves the subnet", pool("10.70.1.10", "10.70.2.20"), "InvalidIPAddress"),
        ("a pool of another family", pool("2001:db8::1", "2001:db8::9"), "InvalidIPAddress"),
        ("a route to nowhere", route("nowhere", "10.70.1.1"), "InvalidRouteAddressPrefix"),
        ("a route over no address", route("198.18.0.0/16", "gateway"), "InvalidNextHopIpAddress"),
        ("a route over an address elsewhere", route("198.18.0.0/16", "10.70.2.1"), "InvalidNextHopIpAddress"),
        ("a route of another family", route("2001:db8::/32", "10.70.1.1"), "InvalidRouteAddressPrefix"),
    ];
    all(cases.iter().flat_map(|(case, properties, code)| everywhere(case, properties, code))).await
}

#[tokio::test]
async fn a_bad_logical_network_is_refused() -> Result<()> {
    let subnets = |subnets: Value| document(json!({ "subnets": subnets }));
    let one = |prefix: &str| subnet("one", json!({ "addressPrefix": prefix }));
    let two = |prefix: &str| subnet("two", json!({ "addressPrefix": prefix }));
    let pools =
        |pools: Value| subnets(json!([subnet("one", json!({ "addressPrefix": "10.70.1.0/24", "ipPools": pools }))]));
    let pool = |id: &str, first: &str, last: &str| subnet(id, json!({ "startIpAddress": first, "endIpAddress": last }));
    all([
        put(
            "perhaps virtualization",
            FRESH,
            document(json!({ "networkVirtualizationEnabled": "Perhaps" })),
            "InvalidParameterValue",
        ),
        put("a text for the subnets", FRESH, subnets(json!("none")), "InvalidRequestFormat"),
        put(
            "subnets over each other",
            FRESH,
            subnets(json!([one("10.70.0.0/16"), two("10.70.1.0/24")])),
            "InvalidSubnet",
        ),
        put(
            "a subnet over a stored one",
            "/logicalNetworks/backend/subnets/one",
            one("172.16.0.0/12"),
            "InvalidSubnet",
        ),
        put(
            "two subnets of one name",
            FRESH,
            subnets(json!([one("10.70.1.0/24"), one("10.70.2.0/24")])),
            "InvalidResourceName",
        ),
        put(
            "pools over each other",
            FRESH,
            pools(json!([pool("a", "10.70.1.5", "10.70.1.20"), pool("b", "10.70.1.20", "10.70.1.30")])),
            "InvalidParameterValue",
        ),
        put(
            "two pools of one name",
            FRESH,
            pools(json!([pool("a", "10.70.1.5", "10.70.1.20"), pool("a", "10.70.1.30", "10.70.1.40")])),
            "InvalidResourceName",
        ),
        put(
            "a pool under its own path",
            "/logicalNetworks/backend/subnets/vlan7/ipPools/b",
            pool("b", "172.16.8.1", "172.16.8.9"),
            "InvalidIPAddress",
        ),
        put(
            "a pool over a stored one",
            "/logicalNetworks/backend/subnets/vlan7/ipPools/b",
            pool("b", "172.16.7.200", "172.16.7.210"),
            "InvalidParameterValue",
        ),
        put(
            "a pool in a subnet without prefix",
            "/logicalNetworks/backend/subnets/bare/ipPools/b",
            pool("b", "172.16.8.1", "172.16.8.9"),
            "InvalidIPAddress",
        ),
        put(
            "a subnet of a network that is not there",
            "/logicalNetworks/none/subnets/one",
            one("10.70.1.0/24"),
            "NotFound",
        )
        .status(404),
        put(
            "a pool of a subnet that is not there",
            "/logicalNetworks/backend/subnets/none/ipPools/b",
            pool("b", "172.16.7.1", "172.16.7.2"),
            "NotFound",
        )
        .status(404),
    ])
    .await
}

#[tokio::test]
async fn what_is_in_use_in_a_logical_network_stays() -> Result<()> {
    let site = Site::furnished().await?;
    let vlan7 = "/logicalNetworks/backend/subnets/vlan7";
    let on_vlan = with(address("ip0", "172.16.7.50", "x/y", None), "/properties/subnet", reference(vlan7));
    site.nc.put("/networkInterfaces/vlan-vm", &nic(None, &[on_vlan])).await?.is(201);
    let dynamic = json!({
        "resourceId": "ip0",
        "properties": { "privateIPAllocationMethod": "Dynamic", "subnet": reference(vlan7) },
    });
    site.nc.put("/networkInterfaces/vlan-vm2", &nic(None, &[dynamic])).await?.is(201);

    let pool = format!("{vlan7}/ipPools/pool7");
    let stored = site.nc.read("/logicalNetworks/backend").await?;
    let rows = [
        delete("/logicalNetworks/HNVPA", "ResourceInUse"),
        delete("/logicalNetworks/backend", "ResourceInUse"),
        delete("/logicalNetworks/HNVPA/subnets/192.0.2.0_25", "InUseSubnetCannotBeDeleted"),
        delete(vlan7, "InUseSubnetCannotBeDeleted"),
        delete(pool.clone(), "InUseIpPoolCannotBeDeleted"),
        put(
            "a network without its used subnet",
            "/logicalNetworks/backend",
            without(stored.clone(), "/properties/subnets"),
            "InUseSubnetCannotBeDeleted",
        )
        .status(409),
        put(
            "a subnet without its used pool",
            "/logicalNetworks/backend",
            without(stored.clone(), "/properties/subnets/0/properties/ipPools"),
            "InUseIpPoolCannotBeDeleted",
        )
        .status(409),
    ];
    all_at(site, rows).await
}

#[tokio::test]
async fn a_used_logical_subnet_stays_where_it_is() -> Result<()> {
    let site = Site::furnished().await?;
    // Outside of the pool: the pool itself may go.
    let vlan7 = reference("/logicalNetworks/backend/subnets/vlan7");
    let on_vlan = with(address("ip0", "172.16.7.5", "x/y", None), "/properties/subnet", vlan7);
    site.nc.put("/networkInterfaces/vlan-vm", &nic(None, &[on_vlan])).await?.is(201);
    let stored = without(site.nc.read("/logicalNetworks/backend").await?, "/properties/subnets/0/properties/ipPools");
    let moved = |prefix: &str| with(stored.clone(), "/properties/subnets/0/properties/addressPrefix", prefix);
    let bare = without(stored.clone(), "/properties/subnets/0/properties/addressPrefix");
    let code = "InUseSubnetCannotBeUpdated";
    let rows = [
        put("it moves", "/logicalNetworks/backend", moved("172.16.8.0/24"), code).status(409),
        put("it shrinks", "/logicalNetworks/backend", moved("172.16.7.128/25"), code).status(409),
        put("it becomes a VLAN and no more", "/logicalNetworks/backend", bare, code).status(409),
    ];
    all_at(site, rows).await
}
