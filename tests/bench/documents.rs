//! The documents that the benchmarks write.

use serde_json::{Value, json};

/// Addresses of one virtual subnet: a /20, so that 10,000 NICs need three subnets.
const SUBNET_SIZE: usize = 4096;
/// Host addresses that are not used for NICs at either end of a subnet.
const MARGIN: usize = 8;

/// Path and body of everything that NICs need: a MAC pool, the provider network, an ACL and one virtual network.
pub(crate) fn foundation() -> Vec<(String, Value)> {
    let provider_subnet = json!({ "resourceId": "pa", "properties": { "addressPrefix": "127.77.0.0/16", "vlanID": "0",
        "ipPools": [{ "resourceId": "pool", "properties": { "startIpAddress": "127.77.0.10", "endIpAddress": "127.77.255.250" } }] } });
    let rules = ["Inbound", "Outbound"].map(|direction| {
        json!({ "resourceId": format!("all-{direction}"), "properties": { "protocol": "All", "sourcePortRange": "0-65535",
            "destinationPortRange": "0-65535", "action": "Allow", "sourceAddressPrefix": "*", "destinationAddressPrefix": "*",
            "priority": "100", "type": direction, "logging": "Disabled" } })
    });
    let subnets: Vec<Value> = (0..16usize)
        .map(|n| json!({ "resourceId": format!("s{n}"), "properties": { "addressPrefix": format!("10.0.{}.0/20", n * SUBNET_SIZE / 256),
            "accessControlList": { "resourceRef": "/accessControlLists/AllowAll" } } }))
        .collect();
    vec![
        ("macPools/default".into(), json!({ "properties": { "startMacAddress": "00-1D-D8-00-00-00", "endMacAddress": "00-1D-D8-0F-FF-FF" } })),
        ("logicalNetworks/HNVPA".into(), json!({ "properties": { "networkVirtualizationEnabled": "True", "subnets": [provider_subnet] } })),
        ("accessControlLists/AllowAll".into(), json!({ "properties": { "aclRules": rules } })),
        ("virtualNetworks/blue".into(), json!({ "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
            "logicalNetwork": { "resourceRef": "/logicalNetworks/HNVPA" }, "subnets": subnets } })),
    ]
}

/// Path and body of the NIC number `n`, with a static MAC and address.
pub(crate) fn nic(n: usize) -> (String, Value) {
    (format!("networkInterfaces/nic{n}"), nic_body(n, 0))
}

/// NIC number `n` with an egress cap, so that two bodies with different caps differ in policy.
pub(crate) fn nic_body(n: usize, outbound_mbps: u64) -> Value {
    let per_subnet = SUBNET_SIZE - 2 * MARGIN;
    let (subnet, host) = (n / per_subnet, n % per_subnet + MARGIN);
    let address = subnet * SUBNET_SIZE + host;
    let mut properties = json!({ "privateMacAddress": format!("{:012X}", 0x001D_D8A0_0000u64 + n as u64), "privateMacAllocationMethod": "Static",
        "ipConfigurations": [{ "resourceId": "ip0", "properties": { "privateIPAddress": format!("10.0.{}.{}", address / 256, address % 256),
            "privateIPAllocationMethod": "Static", "subnet": { "resourceRef": format!("/virtualNetworks/blue/subnets/s{subnet}") } } }] });
    if outbound_mbps > 0 {
        properties["portSettings"] = json!({ "qosSettings": { "outboundMaximumMbps": outbound_mbps } });
    }
    json!({ "properties": properties })
}

/// Path and body of host number `n`, whose agent listens on `agent`.
pub(crate) fn server(n: usize, agent: &str) -> (String, Value) {
    (format!("servers/host{n}"), json!({ "properties": {
        "connections": [{ "managementAddresses": [agent], "credential": { "resourceRef": "/credentials/hosts" }, "credentialType": "UsernamePassword" }],
        "networkInterfaces": [{ "resourceId": "switch", "properties": { "isBMC": "false",
            "logicalSubnets": [{ "resourceRef": "/logicalNetworks/HNVPA/subnets/pa" }] } }] } }))
}

/// The credential that servers name.
pub(crate) fn credential() -> (String, Value) {
    ("credentials/hosts".into(), json!({ "properties": { "type": "UsernamePassword", "userName": "fabric", "value": "not used here" } }))
}
