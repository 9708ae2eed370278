//! The small data centre that most tests start with.
//!
//! Tenants `blue` and `green` use the same addresses. `vm1` and `vm2` are in `blue/web`, where the list `web-tier`
//! governs; `vm1` uses it itself too. Nothing uses the list `plain`, the network `backend` and the subnet `blue/db`.

use harness::documents::{
    acl, address, credential, document, mac_pool, nic, provider_network, reference, server, subnet, virtual_network,
};
use policy::net::MacAddr;
use serde_json::{Value, json};

/// Every top-level collection with documents, by path.
pub(crate) const COLLECTIONS: [&str; 8] = [
    "/macPools",
    "/credentials",
    "/logicalNetworks",
    "/accessControlLists",
    "/virtualNetworks",
    "/networkInterfaces",
    "/servers",
    "/virtualServers",
];

/// Every singleton that can be written, by path.
pub(crate) const SINGLETONS: [&str; 2] =
    ["/virtualNetworkManager/configuration", "/virtualSwitchManager/configuration"];

/// MAC of `vm1`.
pub(crate) const VM1_MAC: MacAddr = MacAddr::new([0x00, 0x1d, 0xd8, 0x20, 0x00, 0x01]);

/// Clear text of the secret in `host-admin`.
pub(crate) const SECRET: &str = "Corr3ct-horse-battery";

/// All documents with their paths, in an order in which every reference finds its target.
pub(crate) fn documents() -> Vec<(&'static str, Value)> {
    let web = |acl| subnet("web", "10.20.1.0/24", acl);
    let mut blue = virtual_network("10.20.0.0/16", &[web(Some("web-tier")), subnet("db", "10.20.2.0/24", None)]);
    blue["properties"]["dhcpOptions"] = json!({ "dnsServers": ["10.20.0.53"] });
    let vm1 = nic(Some(VM1_MAC), &[address("ip0", "10.20.1.4", "blue/web", Some("web-tier"))]);
    let vm2 = nic(None, &[address("ip0", "10.20.1.5", "blue/web", None)]);
    let overlay =
        json!({ "networkVirtualizationProtocol": "VXLAN", "virtualSubnetIdRange": { "startId": 5000, "endId": 9999 } });
    vec![
        ("/virtualNetworkManager/configuration", document(overlay)),
        ("/virtualSwitchManager/configuration", document(json!({ "portDefaultState": "default" }))),
        ("/macPools/pool", mac_pool("00-1D-D8-10-00-00", "00-1D-D8-10-0F-FF")),
        ("/credentials/host-admin", credential("example\\fabric", SECRET)),
        ("/credentials/host-cert", certificate()),
        ("/logicalNetworks/HNVPA", provider_network("192.0.2.0/25", "192.0.2.5", "192.0.2.100")),
        ("/logicalNetworks/backend", backend()),
        ("/accessControlLists/web-tier", web_tier()),
        ("/accessControlLists/plain", acl(&["100 in allow * * > *", "100 out allow * * > *"])),
        ("/virtualNetworks/blue", blue),
        ("/virtualNetworks/green", virtual_network("10.20.0.0/16", &[web(None)])),
        ("/networkInterfaces/vm1", vm1),
        ("/networkInterfaces/vm2", vm2),
        ("/servers/host-a", server("127.0.0.1:9", "host-admin", "192.0.2.0/25")),
        ("/virtualServers/mux1", virtual_server()),
    ]
}

/// A list with a service tag in it.
pub(crate) fn web_tier() -> Value {
    acl(&["110 in allow tcp * > 10.20.1.0/24:443", "120 out allow udp VIRTUALNETWORK > 10.0.0.53:53"])
}

/// A VLAN network: `vlan7` has addresses and a pool, `bare` is a VLAN and no more.
pub(crate) fn backend() -> Value {
    let pool = json!({
        "resourceId": "pool7",
        "properties": { "startIpAddress": "172.16.7.10", "endIpAddress": "172.16.7.200" },
    });
    let vlan7 = json!({
        "addressPrefix": "172.16.7.0/24",
        "vlanId": "7",
        "defaultGateways": ["172.16.7.1"],
        "dnsServers": ["172.16.7.53"],
        "ipPools": [pool],
    });
    document(json!({ "subnets": [
        { "resourceId": "vlan7", "properties": vlan7 },
        { "resourceId": "bare", "properties": { "vlanId": "9" } },
    ] }))
}

/// A credential that names a certificate.
pub(crate) fn certificate() -> Value {
    document(json!({ "type": "X509Certificate", "value": "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B" }))
}

/// An infrastructure VM.
pub(crate) fn virtual_server() -> Value {
    document(json!({
        "connections": [{
            "managementAddresses": ["mux1.example"],
            "credential": reference("/credentials/host-admin"),
            "credentialType": "usernamePassword",
        }],
        "vmGuid": "0A1B2C3D-4E5F-4601-8723-456789ABCDEF",
    }))
}
