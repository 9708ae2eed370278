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
    let subnets: Vec<Value> = (0..16usize)
        .map(|n| json!({ "resourceId": format!("s{n}"), "properties": { "addressPrefix": format!("10.0.{}.0/20", n * SUBNET_SIZE / 256),
            "accessControlList": { "resourceRef": "/accessControlLists/AllowAll" } } }))
        .collect();
    vec![
        (
            "virtualSwitchManager/configuration".into(),
            json!({ "properties": { "qosSettings": { "reservationMode": "Absolute" } } }),
        ),
        (
            "macPools/default".into(),
            json!({ "properties": { "startMacAddress": "00-1D-D8-00-00-00", "endMacAddress": "00-1D-D8-0F-FF-FF" } }),
        ),
        (
            "logicalNetworks/HNVPA".into(),
            json!({ "properties": { "networkVirtualizationEnabled": "True", "subnets": [provider_subnet] } }),
        ),
        acl("Allow"),
        (
            "virtualNetworks/blue".into(),
            json!({ "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
            "logicalNetwork": { "resourceRef": "/logicalNetworks/HNVPA" }, "subnets": subnets } }),
        ),
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
    (
        format!("servers/host{n}"),
        json!({ "properties": {
        "connections": [{ "managementAddresses": [agent], "credential": { "resourceRef": "/credentials/hosts" }, "credentialType": "UsernamePassword" }],
        "networkInterfaces": [{ "resourceId": "switch", "properties": { "isBMC": "false",
            "logicalSubnets": [{ "resourceRef": "/logicalNetworks/HNVPA/subnets/pa" }] } }] } }),
    )
}

/// The credential that servers name.
pub(crate) fn credential() -> (String, Value) {
    (
        "credentials/hosts".into(),
        json!({ "properties": { "type": "UsernamePassword", "userName": "fabric", "value": "not used here" } }),
    )
}

/// The list that every subnet has: everything passes but one port, for which `verdict` decides.
pub(crate) fn acl(verdict: &str) -> (String, Value) {
    let rule = |id: &str, direction: &str, priority: u32, action: &str, port: &str| {
        json!({ "resourceId": id, "properties": { "protocol": "TCP", "sourcePortRange": "0-65535", "destinationPortRange": port,
            "action": action, "sourceAddressPrefix": "*", "destinationAddressPrefix": "*", "priority": priority.to_string(),
            "type": direction, "logging": "Disabled" } })
    };
    let rules = [
        rule("one", "Inbound", 100, verdict, "23"),
        rule("in", "Inbound", 200, "Allow", "*"),
        rule("out", "Outbound", 200, "Allow", "*"),
    ];
    ("accessControlLists/AllowAll".into(), json!({ "properties": { "aclRules": rules } }))
}

/// NIC number `n` with or without a second address, from a part of the subnets that no NIC has its first one in.
pub(crate) fn nic_with_second_address(n: usize, second: bool) -> Value {
    let mut body = nic_body(n, 0);
    if second {
        let address = n % SUBNET_SIZE.min(4_000) + MARGIN;
        let more = json!({ "resourceId": "ip1", "properties": { "privateIPAddress": format!("10.0.{}.{}", 240 + address / 256, address % 256),
            "privateIPAllocationMethod": "Static", "subnet": { "resourceRef": "/virtualNetworks/blue/subnets/s15" } } });
        if let Some(configurations) = body["properties"]["ipConfigurations"].as_array_mut() {
            configurations.push(more);
        }
    }
    body
}

/// A network and a NIC that have nothing to do with the others.
pub(crate) fn bystander() -> ((String, Value), (String, Value)) {
    let network = json!({ "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] },
        "logicalNetwork": { "resourceRef": "/logicalNetworks/HNVPA" },
        "subnets": [{ "resourceId": "s0", "properties": { "addressPrefix": "10.0.0.0/24" } }] } });
    let nic = json!({ "properties": { "privateMacAddress": "001DD8FFFF01", "privateMacAllocationMethod": "Static",
        "ipConfigurations": [{ "resourceId": "ip0", "properties": { "privateIPAddress": "10.0.0.9", "privateIPAllocationMethod": "Static",
            "subnet": { "resourceRef": "/virtualNetworks/green/subnets/s0" } } }] } });
    (("virtualNetworks/green".into(), network), ("networkInterfaces/bystander".into(), nic))
}
