//! Network interfaces as clients write and read them.

use super::*;
use crate::resources::fixture::{Fixture, summary};
use policy::ids::{AclId, NetworkId, SubnetId};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const NIC: &str = "/networkInterfaces/vm";
const IP: &str = "/networkInterfaces/vm/ipConfigurations/ip";
const MAC: &str = "001DD8B71C01";

/// An IP configuration; `subnet` is the last part of its path.
fn ip(id: &str, method: &str, address: Option<&str>, subnet: &str) -> Value {
    json!({ "resourceId": id, "properties": {
        "privateIPAllocationMethod": method, "privateIPAddress": address, "subnet": { "resourceRef": subnet },
    } })
}

fn nic(changes: Value) -> Value {
    let mut nic = Fixture::nic(MAC, "10.0.0.9");
    for (name, value) in changes.as_object().unwrap() {
        nic[name] = value.clone();
    }
    nic
}

fn ips(ips: &[Value]) -> Value {
    nic(json!({ "ipConfigurations": ips }))
}

const WEB: &str = "/virtualNetworks/blue/subnets/web";
const RACK: &str = "/logicalNetworks/pa/subnets/rack";

#[test]
fn every_bad_interface_has_its_code_and_target() {
    let mut fixture = Fixture::with_virtual_network();
    fixture.accept("/virtualNetworks/red", Fixture::network("10.0.0.0/16", &[("web", "10.0.0.0/24")]));
    fixture.accept("/logicalNetworks/vlan", json!({ "subnets": [{ "resourceId": "seven" }] }));
    fixture.accept("/networkInterfaces/other", Fixture::nic("001DD8B71CFF", "10.0.0.200"));
    let seven = "/logicalNetworks/vlan/subnets/seven";
    let two = [
        ip("a", "Static", Some("10.0.0.9"), WEB),
        ip("b", "Static", Some("10.0.0.9"), "/virtualNetworks/red/subnets/web"),
    ];
    let address = "privateIPAddress";
    for (properties, code, target) in [
        (nic(json!({ "privateMacAddress": "001DD8B71C0" })), Code::InvalidPrivateMacAddress, "privateMacAddress"),
        (nic(json!({ "privateMacAddress": "01-1D-D8-B7-1C-01" })), Code::InvalidPrivateMacAddress, "privateMacAddress"),
        (nic(json!({ "privateMacAddress": "000000000000" })), Code::InvalidPrivateMacAddress, "privateMacAddress"),
        (nic(json!({ "privateMacAddress": null })), Code::PrivateMacAddressMissing, "privateMacAddress"),
        (nic(json!({ "privateMacAddress": "00:1d:d8:b7:1c:ff" })), Code::InvalidPrivateMacAddress, "privateMacAddress"),
        (
            nic(json!({ "privateMacAllocationMethod": "Random" })),
            Code::InvalidParameterValue,
            "privateMacAllocationMethod",
        ),
        (
            nic(json!({ "isPrimary": false, "dnsSettings": { "dnsServers": ["10.0.0.1"] } })),
            Code::OnlyPrimaryNetworkInterfaceCanHaveDnsSettings,
            "dnsSettings",
        ),
        (nic(json!({ "internalDnsNameLabel": "-web" })), Code::InvalidDomainNameLabel, "internalDnsNameLabel"),
        (
            nic(json!({ "isHostVirtualNetworkInterface": true })),
            Code::HostVirtualNetworkInterfaceCannotConnectToVirtualNetwork,
            "ipConfigurations",
        ),
        (nic(json!({ "portSettings": { "vmqWeight": 101 } })), Code::InvalidParameterValue, "portSettings.vmqWeight"),
        (
            nic(json!({ "portSettings": { "qosSettings": { "outboundMaximumMbps": "100" } } })),
            Code::QosGlobalSettingsNotConfigured,
            "portSettings.qosSettings",
        ),
        (ips(&two), Code::VirtualNetworkMismatch, "ipConfigurations"),
        (ips(&[ip("ip", "Static", None, WEB)]), Code::PrivateIPAddressMissing, address),
        (ips(&[ip("ip", "Static", Some("10.0.0"), WEB)]), Code::InvalidPrivateIPAddressFormat, address),
        (ips(&[ip("ip", "Static", Some("10.0.1.9"), WEB)]), Code::PrivateIPAddressNotInSubnet, address),
        (ips(&[ip("ip", "Static", Some("fd00::9"), WEB)]), Code::PrivateIPAddressNotInSubnet, address),
        (ips(&[ip("ip", "Static", Some("10.0.0.1"), WEB)]), Code::PrivateIPAddressInReservedRange, address),
        (ips(&[ip("ip", "Static", Some("10.0.0.255"), WEB)]), Code::PrivateIPAddressInReservedRange, address),
        (ips(&[ip("ip", "Static", Some("192.0.2.1"), RACK)]), Code::PrivateIPAddressInReservedRange, address),
        (ips(&[ip("ip", "Static", Some("10.0.0.200"), WEB)]), Code::PrivateIPAddressInUse, address),
        (
            ips(&[ip("a", "Static", Some("10.0.0.7"), WEB), ip("b", "Static", Some("10.0.0.7"), WEB)]),
            Code::PrivateIPAddressInUse,
            address,
        ),
        (ips(&[json!({ "resourceId": "ip" })]), Code::SubnetIsRequired, "subnet"),
        (ips(&[ip("ip", "Dynamic", None, "/virtualNetworks/blue")]), Code::InvalidRequestFormat, "subnet"),
        (
            ips(&[ip("ip", "Dynamic", None, "/virtualNetworks/blue/subnets/x")]),
            Code::InvalidResourceReference,
            "subnet",
        ),
        (
            ips(&[ip("ip", "Unmanaged", None, WEB)]),
            Code::UnmanagedAllocationMethodNotSupported,
            "privateIPAllocationMethod",
        ),
        (
            ips(&[ip("ip", "Unmanaged", None, RACK)]),
            Code::UnmanagedAllocationMethodNotSupported,
            "privateIPAllocationMethod",
        ),
        (
            ips(&[ip("ip", "Static", Some("10.0.0.9"), seven)]),
            Code::PrivateIpAllocationMethodMustBeUnmanaged,
            "privateIPAllocationMethod",
        ),
    ] {
        let error = fixture.refuse(NIC, properties.clone());
        assert_eq!(summary(&error), (code, target), "{properties}");
        assert_eq!(error.code.status(), 400, "{code}");
    }
    fixture.accept(NIC, ips(&[ip("ip", "Unmanaged", None, seven)]));
}

#[test]
fn an_interface_comes_back_in_canonical_form_with_its_defaults() {
    let mut fixture = Fixture::with_virtual_network();
    let written = json!({
        "privateMacAddress": "00-1d-d8-b7-1c-01",
        "ipConfigurations": { "resourceId": "ip", "properties": {
            "privateIpAddress": "10.0.0.9", "subnet": { "resourceRef": "virtualnetworks/blue/subnets/WEB", "etag": "x" },
            "publicIPAddress": {}, "accessControlList": null,
        } },
        "server": { "resourceRef": "/servers/none" },
    });
    fixture.accept(NIC, written);
    let shown = fixture.get_as(Version::V1, NIC);
    let mut properties = shown["properties"].clone();
    let configuration = properties.as_object_mut().unwrap().remove("ipConfigurations").unwrap();
    assert_eq!(
        configuration[0]["properties"],
        json!({
            "provisioningState": "Succeeded", "privateIPAddress": "10.0.0.9", "privateIPAllocationMethod": "Static",
            "subnet": { "resourceRef": "/virtualNetworks/blue/subnets/web" },
            "loadBalancerBackendAddressPools": [], "loadBalancerInboundNatRules": [],
        })
    );
    assert_eq!(
        properties,
        json!({
            "provisioningState": "Succeeded", "dnsSettings": {},
            "privateMacAddress": MAC, "privateMacAllocationMethod": "Static", "serviceInsertionElements": [],
            "portSettings": {
                "macSpoofingEnabled": "Disabled", "arpGuardEnabled": "Disabled", "dhcpGuardEnabled": "Disabled",
                "stormLimit": 0, "portFlowLimit": 0, "iovWeight": 0, "iovInterruptModeration": "Off",
                "iovQueuePairsRequested": 0, "vmqWeight": 100,
            },
            "isHostVirtualNetworkInterface": false, "isPrimary": true, "isMultitenantStack": false,
        })
    );
    let users = json!([{ "resourceRef": IP }]);
    assert_eq!(fixture.property(WEB, "ipConfigurations"), users);
    let before = fixture.node(NIC).etag;
    fixture.accept(NIC, fixture.get(NIC)["properties"].clone());
    assert_eq!(fixture.node(NIC).etag, before, "what was read can be written and changes nothing");
}

#[test]
fn an_interface_without_anything_gets_a_mac() {
    let mut fixture = Fixture::new();
    let bare = json!({ "privateMacAllocationMethod": "Dynamic" });
    assert_eq!(fixture.refuse(NIC, bare.clone()).code, Code::PrivateMacAddressMissing);
    let pool = |first: &str, last: &str| json!({ "startMacAddress": first, "endMacAddress": last });
    fixture.accept("/macPools/a", pool("00-1D-D8-00-00-0E", "00-1D-D8-00-00-0F"));
    fixture.accept("/macPools/b", pool("02-00-00-00-00-0A", "02-00-00-00-00-0A"));
    fixture.accept(
        "/networkInterfaces/static",
        nic(json!({ "privateMacAddress": "001dd800000e", "ipConfigurations": [] })),
    );
    fixture.accept(NIC, bare.clone());
    assert_eq!(fixture.property(NIC, "privateMacAddress"), "001DD800000F");
    assert_eq!(fixture.get(NIC)["properties"].get("ipConfigurations"), None);
    fixture.accept("/networkInterfaces/second", json!({}));
    assert_eq!(fixture.property("/networkInterfaces/second", "privateMacAddress"), "02000000000A");
    assert_eq!(fixture.property("/networkInterfaces/second", "privateMacAllocationMethod"), "Dynamic");
    assert_eq!(fixture.refuse("/networkInterfaces/third", bare.clone()).code, Code::PrivateMacAddressMissing);
    fixture.accept(NIC, json!({ "isMultitenantStack": true, "privateMacAddress": "0A0000000001" }));
    assert_eq!(fixture.property(NIC, "privateMacAddress"), "001DD800000F", "an allocated address stays");
    fixture.delete(NIC).unwrap();
    assert_eq!(fixture.refuse("/networkInterfaces/third", bare.clone()).code, Code::PrivateMacAddressMissing);
    fixture.now += Fixture::HOLD_OFF + 1;
    fixture.accept("/networkInterfaces/third", bare);
}

#[test]
fn what_is_fixed_at_creation_stays() {
    let mut fixture = Fixture::with_virtual_network();
    fixture.accept(NIC, nic(json!({})));
    for (changes, code) in [
        (json!({ "privateMacAllocationMethod": "Dynamic" }), Code::PrivateMacAllocationMethodCannotBeUpdated),
        (json!({ "isPrimary": false }), Code::PrimaryNicPropertyCannotBeUpdated),
        (json!({ "isHostVirtualNetworkInterface": true }), Code::IsHostVirtualNetworkInterfaceCannotBeUpdated),
    ] {
        assert_eq!(fixture.refuse(NIC, nic(changes.clone())).code, code, "{changes}");
    }
    for method in ["Dynamic", "Unmanaged"] {
        let error = fixture.refuse(IP, ip("ip", method, None, WEB)["properties"].clone());
        assert_eq!(error.code, Code::PrivateIpAllocationMethodCannotBeUpdated, "{method}");
    }
}

#[test]
fn an_allocated_address_stays_and_may_become_static() {
    let mut fixture = Fixture::with_virtual_network();
    fixture
        .accept(NIC, ips(&[ip("ip", "Dynamic", Some("10.0.0.77"), WEB), ip("first", "Static", Some("10.0.0.4"), WEB)]));
    assert_eq!(fixture.property(IP, "privateIPAddress"), "10.0.0.5", "what a sibling asks for is not given away");
    fixture.accept(IP, ip("ip", "Dynamic", Some("10.0.0.99"), WEB)["properties"].clone());
    assert_eq!(fixture.property(IP, "privateIPAddress"), "10.0.0.5");
    fixture.accept(IP, ip("ip", "Static", Some("10.0.0.99"), WEB)["properties"].clone());
    assert_eq!(fixture.property(IP, "privateIPAddress"), "10.0.0.99");
}

#[test]
fn addresses_come_from_pools_without_reservations_on_logical_networks() {
    let mut fixture = Fixture::with_virtual_network();
    let reserved = json!({ "reservedAddresses": ["192.0.2.11"] });
    fixture.accept("/logicalNetworks/pa/subnets/rack/ipReservations/printer", reserved);
    for (name, expected) in [("a", "192.0.2.10"), ("b", "192.0.2.12")] {
        let path = format!("/networkInterfaces/{name}");
        fixture.accept(&path, json!({ "ipConfigurations": [ip("ip", "Dynamic", None, RACK)] }));
        assert_eq!(fixture.property(&format!("{path}/ipConfigurations/ip"), "privateIPAddress"), expected);
    }
    let third = json!({ "ipConfigurations": [ip("ip", "Dynamic", None, RACK)] });
    assert_eq!(fixture.refuse("/networkInterfaces/c", third.clone()).code, Code::SubnetIsFull);
    let usage =
        json!({ "numberOfIPAddresses": 3, "numberofIPAddressesAllocated": 2, "numberOfIPAddressesInTransition": 0 });
    assert_eq!(fixture.property(RACK, "usage"), usage);
    fixture.delete("/networkInterfaces/a").unwrap();
    let usage =
        json!({ "numberOfIPAddresses": 3, "numberOfIPAddressesAllocated": 1, "numberOfIPAddressesInTransition": 1 });
    assert_eq!(fixture.property("/logicalNetworks/pa/subnets/rack/ipPools/pool", "usage"), usage);
    assert_eq!(fixture.refuse("/networkInterfaces/c", third.clone()).code, Code::SubnetIsFull);
    fixture.now += Fixture::HOLD_OFF + 1;
    fixture.accept("/networkInterfaces/c", third);
}

#[test]
fn quality_of_service_needs_the_global_settings_which_it_then_freezes() {
    let mut fixture = Fixture::with_virtual_network();
    let manager = "/virtualSwitchManager/configuration";
    let limited = nic(json!({ "portSettings": { "qosSettings": { "InboundMaximumMbps": "1000" } } }));
    fixture.accept(manager, json!({}));
    assert_eq!(fixture.refuse(NIC, limited.clone()).code, Code::QosGlobalSettingsNotConfigured);
    fixture.accept(manager, json!({ "qosSettings": { "enableHardwareLimits": false } }));
    fixture.accept(NIC, limited);
    assert_eq!(fixture.property(NIC, "portSettings/qosSettings/inboundMaximumMbps"), 1000);
    assert_eq!(fixture.property(manager, "numInterfacesHavingQos"), 1);
    for change in [json!({}), json!({ "qosSettings": { "reservationMode": "Absolute" } })] {
        assert_eq!(fixture.refuse(manager, change).code, Code::InUseQosSettingsCannotBeUpdated);
    }
    fixture.accept(manager, json!({ "qosSettings": {}, "portDefaultState": "BlockTraffic" }));
    fixture.accept(NIC, nic(json!({})));
    fixture.accept(manager, json!({}));
}

#[test]
fn hosts_get_the_addresses_in_the_order_of_the_document() {
    let mut fixture = Fixture::with_virtual_network();
    fixture.accept("/accessControlLists/web", json!({}));
    fixture.accept("/virtualSwitchManager/configuration", json!({ "qosSettings": {} }));
    let mut second = ip("a", "Dynamic", None, WEB);
    second["properties"]["accessControlList"] = json!({ "resourceRef": "/accessControlLists/web" });
    second["properties"]["isPrimary"] = json!(true);
    let addresses = [ip("z", "Static", Some("10.0.0.9"), WEB), second, ip("pa", "Dynamic", None, RACK)];
    let mut properties = ips(&addresses);
    properties["portSettings"] = json!({
        "macSpoofingEnabled": "enabled", "portFlowLimit": "7",
        "qosSettings": { "outboundMaximumMbps": 10, "inboundMaximumMbps": 20 },
    });
    fixture.accept(NIC, properties);
    let [Change::Nic(id, Some(nic))] = fixture.changes.as_slice() else { panic!("{:?}", fixture.changes) };
    assert_eq!((id.0, nic.mac.to_string().as_str()), (fixture.node(NIC).instance_id, "00:1d:d8:b7:1c:01"));
    let list = Some(AclId(fixture.node("/accessControlLists/web").instance_id));
    let shown: Vec<_> = nic.addresses.iter().map(|at| (at.ca.to_string(), at.vsid.get(), at.acl, at.primary)).collect();
    assert_eq!(shown, [("10.0.0.9".to_owned(), 4096, None, false), ("10.0.0.4".to_owned(), 4096, list, true)]);
    let place = (NetworkId(fixture.node("/virtualNetworks/blue").instance_id), SubnetId(fixture.node(WEB).instance_id));
    assert!(nic.addresses.iter().all(|at| (at.network, at.subnet) == place));
    assert_eq!((nic.qos.outbound_maximum_mbps, nic.qos.inbound_maximum_mbps), (10, 20));
    assert_eq!((nic.guards.mac_spoofing, nic.guards.dhcp_guard, nic.guards.flow_limit), (true, false, 7));
}

#[test]
fn a_port_on_a_host_shows_on_both_sides() {
    let mut fixture = Fixture::with_virtual_network();
    fixture.accept("/credentials/user", json!({ "type": "usernamePassword", "userName": "u", "value": "p" }));
    let connection = json!([{ "managementAddresses": ["127.0.0.1"], "credentialType": "usernamePassword",
        "credential": { "resourceRef": "/credentials/user" } }]);
    fixture.accept("/servers/host", json!({ "connections": connection }));
    fixture.accept(NIC, nic(json!({})));
    assert_eq!(fixture.property(NIC, "server"), Value::Null);
    assert_eq!(fixture.property("/servers/host", "virtualNetworkInterfaces"), Value::Null);
    fixture.attach("/servers/host", NIC, None);
    assert_eq!(fixture.property(NIC, "server"), json!({ "resourceRef": "/servers/host" }));
    assert_eq!(fixture.property("/servers/host", "virtualNetworkInterfaces"), json!([{ "resourceRef": NIC }]));
    assert_eq!(fixture.delete("/servers/host").unwrap_err().code, Code::InUseServerCannotBeDeleted);
    fixture.delete(NIC).unwrap();
    fixture.delete("/servers/host").unwrap();
}

proptest! {
    /// Creation, deletion and time in any order: no address has two owners, a released one rests, and a full subnet is
    /// full.
    #[test]
    fn no_address_is_ever_given_twice(steps in prop::collection::vec((0_u8..3, 0_u8..8), 1..60)) {
        let mut fixture = Fixture::with_virtual_network();
        fixture.accept("/virtualNetworks/blue", Fixture::network("10.0.0.0/16", &[("web", "10.0.0.0/29")]));
        let mut owners = BTreeMap::new();
        let mut resting: BTreeMap<String, i64> = BTreeMap::new();
        for (step, name) in steps {
            let path = format!("/networkInterfaces/{name}");
            match step {
                0 => {
                    let outcome = fixture.put(&path, json!({ "ipConfigurations": [ip("ip", "Dynamic", None, WEB)] }));
                    let resting: BTreeSet<&String> =
                        resting.iter().filter(|(_, since)| fixture.now - **since <= Fixture::HOLD_OFF).map(|(at, _)| at).collect();
                    let unavailable = owners.values().chain(resting.iter().copied()).collect::<BTreeSet<&String>>().len();
                    match outcome {
                        Ok(_) => {
                            let address = fixture.property(&format!("{path}/ipConfigurations/ip"), "privateIPAddress");
                            let address = address.as_str().unwrap().to_owned();
                            match owners.get(&name) {
                                Some(before) => prop_assert_eq!(before, &address, "a repeated PUT keeps the address"),
                                None => {
                                    prop_assert!(!owners.values().any(|owned| *owned == address), "{} twice", address);
                                    prop_assert!(!resting.contains(&address), "{} was not rested", address);
                                }
                            }
                            owners.insert(name, address);
                        }
                        Err(error) => {
                            prop_assert_eq!(error.code, Code::SubnetIsFull);
                            prop_assert_eq!(unavailable, 3, "10.0.0.4 to 10.0.0.6 are all there is");
                        }
                    }
                }
                1 => {
                    fixture.delete(&path).unwrap();
                    if let Some(address) = owners.remove(&name) {
                        resting.insert(address, fixture.now);
                    }
                }
                _ => fixture.now += Fixture::HOLD_OFF / 2,
            }
        }
    }
}
