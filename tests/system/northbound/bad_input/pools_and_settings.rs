//! `macPools`, `virtualNetworkManager`, `virtualSwitchManager`.

use super::{all, delete, put};
use harness::Result;
use harness::documents::{document, mac_pool};
use serde_json::{Value, json};

#[tokio::test]
async fn a_bad_mac_pool_is_refused() -> Result<()> {
    let fresh = "/macPools/fresh";
    let bad = "InvalidMacAddressForMacPool";
    all([
        put("no start", fresh, document(json!({ "endMacAddress": "00-1D-D8-30-00-FF" })), "RequiredParamMissing"),
        put("no end", fresh, document(json!({ "startMacAddress": "00-1D-D8-30-00-00" })), "RequiredParamMissing"),
        put("no MAC", fresh, mac_pool("first", "00-1D-D8-30-00-FF"), bad),
        put("a short MAC", fresh, mac_pool("00-1D-D8-30-00-00", "00-1D-D8-30-FF"), bad),
        put(
            "an object for a MAC",
            fresh,
            document(json!({ "startMacAddress": {}, "endMacAddress": "00-1D-D8-30-00-FF" })),
            bad,
        ),
        put("an end before the start", fresh, mac_pool("00-1D-D8-30-00-FF", "00-1D-D8-30-00-00"), bad),
        put(
            "group addresses",
            fresh,
            mac_pool("01-1D-D8-30-00-00", "01-1D-D8-30-00-FF"),
            "MacPoolContainsMulticastAddresses",
        ),
        put(
            "group addresses in between",
            fresh,
            mac_pool("00-FF-FF-FF-FF-00", "02-00-00-00-00-FF"),
            "MacPoolContainsMulticastAddresses",
        ),
        put("addresses of another pool", fresh, mac_pool("00-1D-D8-0F-00-00", "00-1D-D8-10-00-00"), bad),
        put("a pool that grows", "/macPools/pool", mac_pool("00-1D-D8-10-00-00", "00-1D-D8-10-1F-FF"), bad),
        put("a pool that moves", "/macPools/pool", mac_pool("00-1D-D8-40-00-00", "00-1D-D8-40-0F-FF"), bad),
        delete("/macPools/pool", "ResourceInUse"),
    ])
    .await
}

#[tokio::test]
async fn bad_overlay_settings_are_refused() -> Result<()> {
    let path = "/virtualNetworkManager/configuration";
    let range =
        |first: Value, last: Value| document(json!({ "virtualSubnetIdRange": { "startId": first, "endId": last } }));
    let protocol = |text: &str| document(json!({ "networkVirtualizationProtocol": text }));
    all([
        put("a range backwards", path, range(json!(6000), json!(5000)), "InvalidVsidRangeValues"),
        put("a range that starts too low", path, range(json!(4095), json!(5000)), "InvalidVsidRangeValues"),
        put("a range that ends too high", path, range(json!(5000), json!(16_777_216)), "InvalidVsidRangeValues"),
        put("words for a range", path, range(json!("low"), json!("high")), "InvalidVsidRangeFormat"),
        put(
            "a text for a range",
            path,
            document(json!({ "virtualSubnetIdRange": "5000-6000" })),
            "InvalidVsidRangeFormat",
        ),
        put(
            "half a range",
            path,
            document(json!({ "virtualSubnetIdRange": { "startId": 5000 } })),
            "InvalidVsidRangeFormat",
        ),
        put("a range through v1", path, range(json!(5000), json!(6000)), "MinimumApiVersionNotSpecifiedForVsidRange")
            .through("v1"),
        put("an unknown encapsulation", path, protocol("GENEVE"), "InvalidParameterValue"),
        put("another encapsulation while subnets use the old", path, protocol("NVGRE"), "ResourceInUse").status(409),
        put("another range while subnets use the old", path, range(json!(6000), json!(7000)), "ResourceInUse")
            .status(409),
        put(
            "perhaps a router",
            path,
            document(json!({ "distributedRouterState": "Perhaps" })),
            "InvalidParameterValue",
        ),
        put("perhaps metering", path, document(json!({ "enableMetering": "perhaps" })), "InvalidParameterValue")
            .through("v6"),
        put(
            "another name than in the path",
            path,
            json!({ "resourceId": "config", "properties": {} }),
            "InvalidResourceName",
        ),
    ])
    .await
}

#[tokio::test]
async fn bad_switch_settings_are_refused() -> Result<()> {
    let path = "/virtualSwitchManager/configuration";
    let qos = |name: &str, value: Value| document(json!({ "qosSettings": { name: value } }));
    let bad = "InvalidParameterValue";
    all([
        put("an unknown mode", path, qos("reservationMode", json!("Fair")), bad),
        put("more than the link", path, qos("linkSpeedPercentage", json!(101)), bad),
        put("less than nothing", path, qos("linkSpeedPercentage", json!("-1")), bad),
        put("half of it in words", path, qos("linkSpeedPercentage", json!("half")), bad),
        put("a number for a truth", path, qos("enableSoftwareReservations", json!(7)), bad),
        put("a text for the settings", path, document(json!({ "qosSettings": "Weight" })), bad),
        put("an unknown port state", path, document(json!({ "portDefaultState": "Ajar" })), bad),
        put(
            "another name than in the path",
            path,
            json!({ "resourceId": "config", "properties": {} }),
            "InvalidResourceName",
        ),
    ])
    .await
}
