//! MAC pools as clients write and read them.

use super::*;
use crate::resources::fixture::{Fixture, summary};

const POOL: &str = "/macPools/default";

fn pool(first: &str, last: &str) -> Value {
    json!({ "startMacAddress": first, "endMacAddress": last })
}

#[test]
fn every_bad_pool_has_its_code_and_target() {
    let mut fixture = Fixture::new();
    fixture.accept("/macPools/other", pool("00-1D-D8-00-01-00", "00-1D-D8-00-01-FF"));
    let (wrong, multicast) = (Code::InvalidMacAddressForMacPool, Code::MacPoolContainsMulticastAddresses);
    for (properties, code, target) in [
        (json!({ "startMacAddress": "001DD8000000" }), Code::RequiredParamMissing, "endMacAddress"),
        (pool("00-1D-D8-00-00", "00-1D-D8-00-00-FF"), wrong, "startMacAddress"),
        (pool("00-1D-D8-00-00-FF", "00-1D-D8-00-00-00"), wrong, "endMacAddress"),
        (pool("01-1D-D8-00-00-00", "01-1D-D8-00-00-FF"), multicast, "startMacAddress"),
        (pool("00-1D-D8-00-00-00", "02-00-00-00-00-00"), multicast, "startMacAddress"),
        (pool("00-1D-D8-00-00-00", "00-1D-D8-00-01-00"), wrong, "startMacAddress"),
    ] {
        let error = fixture.refuse(POOL, properties.clone());
        assert_eq!(summary(&error), (code, target), "{properties}");
    }
}

#[test]
fn a_pool_never_changes_but_may_be_written_again() {
    let mut fixture = Fixture::new();
    fixture.accept(POOL, pool("001dd8000000", "00:1d:d8:00:0f:ff"));
    assert_eq!(
        fixture.get(POOL)["properties"],
        json!({
            "provisioningState": "Succeeded",
            "startMacAddress": "00-1D-D8-00-00-00", "endMacAddress": "00-1D-D8-00-0F-FF",
            "usage": { "numberOfMacAddresses": 4096, "numberofMacAddressesAllocated": 0 },
        })
    );
    fixture.accept(POOL, pool("00-1D-D8-00-00-00", "00-1D-D8-00-0F-FF"));
    let error = fixture.refuse(POOL, pool("00-1D-D8-00-00-00", "00-1D-D8-00-0F-FE"));
    assert_eq!(error.code, Code::InvalidMacAddressForMacPool);
}

#[test]
fn a_pool_with_allocated_addresses_cannot_be_deleted() {
    let mut fixture = Fixture::new();
    fixture.accept(POOL, pool("00-1D-D8-00-00-00", "00-1D-D8-00-00-01"));
    fixture.accept("/networkInterfaces/vm", json!({ "privateMacAllocationMethod": "Dynamic" }));
    assert_eq!(fixture.property(POOL, "usage/numberofMacAddressesAllocated"), 1);
    assert_eq!(fixture.delete(POOL).unwrap_err().code, Code::ResourceInUse);
    fixture.delete("/networkInterfaces/vm").unwrap();
    fixture.delete(POOL).unwrap();
}
