//! Northbound documents in few words.

use policy::net::MacAddr;
use serde_json::{Value, json};

/// The provider network's id, as SDN Express names it.
pub const PROVIDER_NETWORK: &str = "HNVPA";

/// A document with nothing but properties.
pub fn document(properties: Value) -> Value {
    json!({ "properties": properties })
}

/// `logicalNetworks`: the provider network with one subnet and one pool of provider addresses.
pub fn provider_network(prefix: &str, first: &str, last: &str) -> Value {
    let id = prefix.replace('/', "_");
    let pool = json!({ "resourceId": id, "properties": { "startIpAddress": first, "endIpAddress": last } });
    let subnet = json!({ "addressPrefix": prefix, "vlanId": "0", "ipPools": [pool] });
    document(json!({
        "networkVirtualizationEnabled": "True",
        "subnets": [{ "resourceId": id, "properties": subnet }],
    }))
}

/// `macPools`.
pub fn mac_pool(first: &str, last: &str) -> Value {
    document(json!({ "startMacAddress": first, "endMacAddress": last }))
}

/// `credentials`: user name and password.
pub fn credential(user: &str, password: &str) -> Value {
    document(json!({ "type": "usernamePassword", "userName": user, "value": password }))
}

/// `servers`: a host whose agent answers at `agent` (`host` or `host:port`), on one provider subnet.
pub fn server(agent: &str, credential: &str, provider_prefix: &str) -> Value {
    let subnet = format!("/logicalNetworks/{PROVIDER_NETWORK}/subnets/{}", provider_prefix.replace('/', "_"));
    document(json!({
        "connections": [{
            "managementAddresses": [agent],
            "credential": reference(&format!("/credentials/{credential}")),
            "credentialType": "usernamePassword",
        }],
        "networkInterfaces": [{
            "resourceId": "switch",
            "properties": { "isBMC": "false", "logicalSubnets": [reference(&subnet)] },
        }],
    }))
}

/// `virtualSwitchManager/configuration`: what must be there before a NIC may have QoS settings.
pub fn switch_settings() -> Value {
    document(json!({ "qosSettings": { "enableSoftwareReservations": true } }))
}

/// `virtualNetworks`: an address space on the provider network, with subnets from [`subnet`].
pub fn virtual_network(address_space: &str, subnets: &[Value]) -> Value {
    document(json!({
        "addressSpace": { "addressPrefixes": [address_space] },
        "logicalNetwork": reference(&format!("/logicalNetworks/{PROVIDER_NETWORK}")),
        "subnets": subnets,
    }))
}

/// `virtualNetworks/subnets`, with the id of its list if it has one.
pub fn subnet(id: &str, prefix: &str, acl: Option<&str>) -> Value {
    let mut properties = json!({ "addressPrefix": prefix });
    attach(&mut properties, acl);
    json!({ "resourceId": id, "properties": properties })
}

/// `networkInterfaces`, with addresses from [`address`].
pub fn nic(mac: Option<MacAddr>, addresses: &[Value]) -> Value {
    let mut properties = json!({ "privateMacAllocationMethod": "Dynamic", "ipConfigurations": addresses });
    if let Some(mac) = mac {
        properties["privateMacAllocationMethod"] = "Static".into();
        properties["privateMacAddress"] = mac.to_string().replace(':', "-").into();
    }
    document(properties)
}

/// `networkInterfaces/ipConfigurations`: a static address in `network/subnet`, with the id of its list if it has one.
pub fn address(id: &str, address: &str, subnet: &str, acl: Option<&str>) -> Value {
    let (network, subnet) = subnet.split_once('/').unwrap_or((subnet, "default"));
    let mut properties = json!({
        "privateIPAllocationMethod": "Static",
        "privateIPAddress": address,
        "subnet": reference(&format!("/virtualNetworks/{network}/subnets/{subnet}")),
    });
    attach(&mut properties, acl);
    json!({ "resourceId": id, "properties": properties })
}

/// `accessControlLists`, with rules from [`rule`].
pub fn acl(rules: &[&str]) -> Value {
    let rules: Vec<Value> = rules.iter().map(|text| rule(text)).collect();
    document(json!({ "aclRules": rules }))
}

/// `accessControlLists/aclRules` from one line: `110 in allow tcp 10.0.0.0/8:* > *:443`. Its id is `110-in`.
///
/// # Panics
/// The line has another form: tests write these lines, not people.
pub fn rule(line: &str) -> Value {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [priority, direction, action, protocol, source, ">", destination] = words[..] else {
        panic!("'{line}' is no rule: PRIORITY in|out allow|deny PROTOCOL ADDRESS[:PORTS] > ADDRESS[:PORTS]");
    };
    let (source, source_ports) = source.split_once(':').unwrap_or((source, "*"));
    let (destination, destination_ports) = destination.split_once(':').unwrap_or((destination, "*"));
    json!({
        "resourceId": format!("{priority}-{direction}"),
        "properties": {
            "priority": priority,
            "type": if direction == "in" { "Inbound" } else { "Outbound" },
            "action": action,
            "protocol": if protocol == "*" { "All" } else { protocol },
            "sourceAddressPrefix": source,
            "sourcePortRange": source_ports,
            "destinationAddressPrefix": destination,
            "destinationPortRange": destination_ports,
            "logging": "Disabled",
        },
    })
}

/// `{"resourceRef": path}`
pub fn reference(path: &str) -> Value {
    json!({ "resourceRef": path })
}

/// Both rules of a list that lets everything pass, as the container workflow has it.
pub const ALLOW_ALL: [&str; 2] = ["1000 in allow * * > *", "1000 out allow * * > *"];

fn attach(properties: &mut Value, acl: Option<&str>) {
    if let Some(acl) = acl {
        properties["accessControlList"] = reference(&format!("/accessControlLists/{acl}"));
    }
}
