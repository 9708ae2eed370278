//! Settings of the overlay as clients write and read them.

use super::*;
use crate::resources::fixture::{Fixture, summary};
use serde_json::json;

const PATH: &str = "/virtualNetworkManager/configuration";

fn range(first: Value, last: Value) -> Value {
    json!({ RANGE: { "startId": first, "endId": last } })
}

#[test]
fn every_bad_setting_has_its_code_and_target() {
    let mut fixture = Fixture::new();
    for (properties, code, target) in [
        (json!({ PROTOCOL: "GENEVE" }), Code::InvalidParameterValue, PROTOCOL),
        (json!({ ROUTER: "Disabled" }), Code::OperationNotSupported, ROUTER),
        (json!({ RANGE: "4096-5000" }), Code::InvalidVsidRangeFormat, RANGE),
        (json!({ RANGE: { "startId": 5000 } }), Code::InvalidVsidRangeFormat, "virtualSubnetIdRange.endId"),
        (range(json!("a"), json!(5000)), Code::InvalidVsidRangeFormat, "virtualSubnetIdRange.startId"),
        (range(json!(4095), json!(5000)), Code::InvalidVsidRangeValues, RANGE),
        (range(json!(5000), json!(16_777_216)), Code::InvalidVsidRangeValues, RANGE),
        (range(json!(5001), json!(5000)), Code::InvalidVsidRangeValues, RANGE),
        (range(json!(-1), json!(5000)), Code::InvalidVsidRangeValues, RANGE),
    ] {
        let error = fixture.refuse(PATH, properties.clone());
        assert_eq!(summary(&error), (code, target), "{properties}");
    }
}

#[test]
fn a_range_through_the_first_version_is_refused() {
    let mut fixture = Fixture::new();
    let error = fixture.refuse_as(Version::V1, PATH, range(json!(5000), json!(6000)));
    assert_eq!(summary(&error), (Code::MinimumApiVersionNotSpecifiedForVsidRange, RANGE));
}

#[test]
fn what_subnets_were_built_with_stays() {
    let mut fixture = Fixture::with_virtual_network();
    fixture.accept(PATH, json!({ PROTOCOL: "vxlan" }));
    for properties in [json!({ PROTOCOL: "NVGRE" }), range(json!(4096), json!(5000))] {
        assert_eq!(fixture.refuse(PATH, properties).code, Code::ResourceInUse);
    }
    fixture.delete("/virtualNetworks/blue").unwrap();
    fixture.accept(PATH, json!({ PROTOCOL: "nvgre" }));
    let [Change::Settings(settings)] = fixture.changes.as_slice() else { panic!("{:?}", fixture.changes) };
    assert_eq!(settings.encapsulation, Encapsulation::Nvgre);
    assert_eq!(fixture.property(PATH, PROTOCOL), "NVGRE");
}

#[test]
fn the_reserved_last_id_may_be_named_but_is_not_handed_out() {
    let mut fixture = Fixture::new();
    fixture.accept(PATH, range(json!("16777215"), json!(16_777_215)));
    assert!(vsid_range(fixture.world()).is_empty());
    let old = json!({ "provisioningState": "Succeeded", ROUTER: "Enabled", PROTOCOL: "VXLAN" });
    assert_eq!(fixture.get_as(Version::V1, PATH)["properties"], old);
    fixture.put_as(Version::V1, PATH, json!({ ROUTER: "enabled" })).unwrap();
    assert_eq!(fixture.property(PATH, "virtualSubnetIdRange/startId"), 16_777_215, "an old client wipes nothing");
}
