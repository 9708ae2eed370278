//! The one request that is touched: `POST /networks/create` for a driver of ours that does not say who gives addresses.

use crate::network::Kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The body with the driver as its own IPAM driver; `None` if it is to pass as it is.
pub(super) fn with_ipam_driver(body: &[u8], drivers: &BTreeSet<Kind>) -> Option<Vec<u8>> {
    let mut request: Value = serde_json::from_slice(body).ok()?;
    let driver: Kind = request.get("Driver")?.as_str()?.parse().ok()?;
    if !drivers.contains(&driver) || !driver.uses_tenant_addresses() {
        return None;
    }
    let members = request.as_object_mut()?;
    let ipam = members.entry("IPAM").or_insert(Value::Null);
    if ipam.is_null() {
        *ipam = json!({});
    }
    let named = ipam.get("Driver").and_then(Value::as_str).unwrap_or_default();
    if !["", "default"].contains(&named) {
        return None;
    }
    ipam.as_object_mut()?.insert("Driver".to_owned(), driver.name().into());
    serde_json::to_vec(&request).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(body: &str) -> Option<Value> {
        let drivers = BTreeSet::from([Kind::L2Bridge, Kind::L2Tunnel]);
        with_ipam_driver(body.as_bytes(), &drivers).map(|body| serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn what_the_original_command_sends_gets_the_driver_as_ipam_driver_and_keeps_the_rest() {
        let body = r#"{"CheckDuplicate":true,"Driver":"l2bridge","EnableIPv6":false,"IPAM":{"Driver":"default","Options":{},
            "Config":[{"Subnet":"192.168.1.0/24","Gateway":"192.168.1.1"}]},"Internal":false,"Attachable":false,"Ingress":false,
            "ConfigOnly":false,"ConfigFrom":null,"Options":{},"Labels":{},"Name":"MyContainerOverlayNetwork"}"#;
        let mut expected: Value = serde_json::from_str(body).unwrap();
        expected["IPAM"]["Driver"] = "l2bridge".into();
        assert_eq!(rewritten(body), Some(expected));
    }

    #[test]
    fn an_absent_or_empty_ipam_gets_one() {
        for body in [
            r#"{"Driver":"l2tunnel"}"#,
            r#"{"Driver":"l2tunnel","IPAM":null}"#,
            r#"{"Driver":"l2tunnel","IPAM":{"Driver":""}}"#,
        ] {
            assert_eq!(rewritten(body).unwrap()["IPAM"]["Driver"], "l2tunnel", "{body}");
        }
    }

    #[test]
    fn other_drivers_and_a_chosen_ipam_pass_as_they_are() {
        for body in [
            r#"{"Driver":"bridge","IPAM":{"Driver":"default"}}"#,
            r#"{"Driver":"nat"}"#,
            r#"{"Driver":"l2bridge","IPAM":{"Driver":"l2tunnel"}}"#,
            r#"{"Driver":"l2bridge","IPAM":"x"}"#,
            r#"{"Name":"x"}"#,
            "no JSON",
        ] {
            assert_eq!(rewritten(body), None, "{body}");
        }
    }
}
