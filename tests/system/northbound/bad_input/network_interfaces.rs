//! `networkInterfaces`: all but their addresses.

use super::{all, all_at, put};
use crate::northbound::furniture::VM1_MAC;
use crate::northbound::judge::{Judge as _, with, without};
use crate::northbound::site::Site;
use harness::Result;
use harness::documents::{address, document, nic, reference, subnet, virtual_network};
use policy::net::MacAddr;
use serde_json::{Value, json};

const FRESH: &str = "/networkInterfaces/fresh";
const MAC: MacAddr = MacAddr::new([0x00, 0x1d, 0xd8, 0x20, 0x00, 0x99]);

/// A good NIC.
fn vm() -> Value {
    nic(Some(MAC), &[address("ip0", "10.20.1.99", "blue/web", None)])
}

/// It with another value at a property.
fn vm_with(property: &str, value: impl Into<Value>) -> Value {
    with(vm(), &format!("/properties/{property}"), value)
}

#[tokio::test]
async fn a_bad_mac_is_refused() -> Result<()> {
    let mac = |text: &str| vm_with("privateMacAddress", text);
    let bad = "InvalidPrivateMacAddress";
    all([
        put("no MAC", FRESH, without(vm(), "/properties/privateMacAddress"), "PrivateMacAddressMissing"),
        put("an empty MAC", FRESH, mac(""), bad),
        put("eleven digits", FRESH, mac("001DD820009"), bad),
        put("thirteen digits", FRESH, mac("001DD82000990"), bad),
        put("a letter too far", FRESH, mac("00-1D-D8-20-00-9G"), bad),
        put("mixed separators", FRESH, mac("00-1D:D8-20:00-99"), bad),
        put("a group address", FRESH, mac("01-00-5E-00-00-01"), bad),
        put("everybody's address", FRESH, mac("FF-FF-FF-FF-FF-FF"), bad),
        put("nobody's address", FRESH, mac("00-00-00-00-00-00"), bad),
        put("a list of MACs", FRESH, vm_with("privateMacAddress", json!(["001DD8200099"])), bad),
        put("the MAC of another NIC", FRESH, mac(&VM1_MAC.to_string()), bad),
        put("the MAC of another NIC in another spelling", FRESH, mac("001dd8200001"), bad),
        put(
            "a method that does not exist",
            FRESH,
            vm_with("privateMacAllocationMethod", "Sometimes"),
            "InvalidParameterValue",
        ),
    ])
    .await
}

#[tokio::test]
async fn a_stored_nic_cannot_take_the_mac_of_another() -> Result<()> {
    let site = Site::furnished().await?;
    site.nc.put(FRESH, &vm()).await?.is(201);
    let taken = with(vm(), "/properties/privateMacAddress", VM1_MAC.to_string());
    all_at(site, [put("it tries", FRESH, taken, "InvalidPrivateMacAddress")]).await
}

#[tokio::test]
async fn what_is_fixed_at_creation_stays() -> Result<()> {
    let site = Site::furnished().await?;
    let vm1 = site.nc.read("/networkInterfaces/vm1").await?;
    let changed = |property: &str, value: Value| with(vm1.clone(), &format!("/properties/{property}"), value);
    let path = "/networkInterfaces/vm1";
    let rows = [
        put(
            "the MAC method",
            path,
            changed("privateMacAllocationMethod", json!("Dynamic")),
            "PrivateMacAllocationMethodCannotBeUpdated",
        ),
        put("being primary", path, changed("isPrimary", json!(false)), "PrimaryNicPropertyCannotBeUpdated"),
        put(
            "being a host's NIC",
            path,
            with(changed("ipConfigurations", json!([])), "/properties/isHostVirtualNetworkInterface", true),
            "IsHostVirtualNetworkInterfaceCannotBeUpdated",
        ),
    ];
    all_at(site, rows).await
}

#[tokio::test]
async fn a_bad_setting_is_refused() -> Result<()> {
    let port = |name: &str, value: Value| vm_with("portSettings", json!({ name: value }));
    let bad = "InvalidParameterValue";
    let secondary =
        with(vm_with("isPrimary", false), "/properties/dnsSettings", json!({ "dnsServers": ["10.20.0.53"] }));
    all([
        put(
            "a host's NIC in a virtual network",
            FRESH,
            vm_with("isHostVirtualNetworkInterface", true),
            "HostVirtualNetworkInterfaceCannotConnectToVirtualNetwork",
        ),
        put("DNS on a secondary NIC", FRESH, secondary, "OnlyPrimaryNetworkInterfaceCanHaveDnsSettings"),
        put(
            "a name for a DNS server",
            FRESH,
            vm_with("dnsSettings", json!({ "dnsServers": ["dns"] })),
            "InvalidIPAddress",
        ),
        put("a text for the DNS settings", FRESH, vm_with("dnsSettings", "10.20.0.53"), bad),
        put("perhaps primary", FRESH, vm_with("isPrimary", "perhaps"), bad),
        put("a list for a truth", FRESH, vm_with("isMultitenantStack", json!([true, false])), bad),
        put("a text for the port settings", FRESH, vm_with("portSettings", "Enabled"), bad),
        put("a third state", FRESH, port("macSpoofingEnabled", json!("Perhaps")), bad),
        put("too much VMQ", FRESH, port("vmqWeight", json!(101)), bad),
        put("too little SR-IOV", FRESH, port("iovWeight", json!(-1)), bad),
        put("a storm without number", FRESH, port("stormLimit", json!("many")), bad),
        put("a fraction", FRESH, port("portFlowLimit", json!(1.5)), bad),
        put("an unknown moderation", FRESH, port("iovInterruptModeration", json!("Sometimes")), bad),
        put(
            "a cap before the switch has QoS",
            FRESH,
            port("qosSettings", json!({ "outboundMaximumMbps": "100" })),
            "QosGlobalSettingsNotConfigured",
        ),
        put("a cap without number", FRESH, port("qosSettings", json!({ "outboundMaximumMbps": "fast" })), bad),
        put("a negative cap", FRESH, port("qosSettings", json!({ "inboundMaximumMbps": -5 })), bad),
        put(
            "a security tag that is not there",
            FRESH,
            vm_with("securityTags", json!([reference("/securityTags/none")])),
            "InvalidResourceReference",
        )
        .through("v5"),
        put("a list for the properties", FRESH, json!({ "properties": [] }), "InvalidRequestFormat"),
        put("a text for the addresses", FRESH, vm_with("ipConfigurations", "10.20.1.99"), "InvalidRequestFormat"),
    ])
    .await
}

#[tokio::test]
async fn a_nic_is_in_one_virtual_network_unless_it_may_be_in_several() -> Result<()> {
    let addresses = [address("ip0", "10.20.1.99", "blue/web", None), address("ip1", "10.20.1.99", "green/web", None)];
    all([put("two networks", FRESH, nic(Some(MAC), &addresses), "VirtualNetworkMismatch")]).await
}

#[tokio::test]
async fn switch_settings_stay_while_a_nic_relies_on_them() -> Result<()> {
    let site = Site::furnished().await?;
    let settings = "/virtualSwitchManager/configuration";
    let qos = |mode: &str| {
        document(json!({ "qosSettings": { "reservationMode": mode, "enableSoftwareReservations": true } }))
    };
    site.nc.put(settings, &qos("Absolute")).await?.is(200);
    let capped = with(vm(), "/properties/portSettings", json!({ "qosSettings": { "outboundMaximumMbps": "100" } }));
    site.nc.put(FRESH, &capped).await?.is(201);
    let rows = [
        put("another mode", settings, qos("Weight"), "InUseQosSettingsCannotBeUpdated").status(409),
        put("none", settings, document(json!({ "portDefaultState": "default" })), "InUseQosSettingsCannotBeUpdated")
            .status(409),
    ];
    all_at(site, rows).await
}

#[tokio::test]
async fn a_full_subnet_gives_no_address() -> Result<()> {
    let site = Site::furnished().await?;
    let tiny = virtual_network("10.60.0.0/16", &[subnet("tiny", "10.60.1.0/29", None)]);
    site.nc.put("/virtualNetworks/small", &tiny).await?.is(201);
    let dynamic = || {
        let subnet = reference("/virtualNetworks/small/subnets/tiny");
        nic(
            None,
            &[json!({
                "resourceId": "ip0",
                "properties": { "privateIPAllocationMethod": "Dynamic", "subnet": subnet },
            })],
        )
    };
    // Of .0 to .7 the fourth host is the first that is given away, and .7 is everybody's.
    for vm in ["a", "b", "c"] {
        site.nc.put(&format!("/networkInterfaces/small-{vm}"), &dynamic()).await?.is(201);
    }
    all_at(site, [put("a fourth NIC", FRESH, dynamic(), "SubnetIsFull")]).await
}
