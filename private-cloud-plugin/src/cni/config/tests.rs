//! Configurations are read as runtimes write them, and refused with the code that fits.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A whole configuration with `changes` in place of what it says.
fn document(changes: Value) -> Vec<u8> {
    let mut document = json!({"cniVersion": "1.1.0", "name": "blue", "type": "private-cloud"});
    if let (Value::Object(document), Value::Object(changes)) = (&mut document, changes) {
        document.extend(changes);
    }
    serde_json::to_vec(&document).unwrap()
}

fn code(changes: Value) -> Option<u32> {
    Config::read(&document(changes)).err().map(|failure| failure.code())
}

#[test]
fn the_least_configuration_leaves_everything_to_us() {
    let input = document(json!({}));
    let config = Config::read(&input).unwrap();
    assert_eq!((config.version, config.network.as_str()), (SpecVersion::V1_1_0, "blue"));
    assert_eq!((config.ipam.as_ref(), config.previous().unwrap()), (None, None));
    assert_eq!((config.state_dir, config.proxy), (None, None));
}

#[test]
fn everything_that_can_be_said_is_read() {
    let input = document(json!({
        "cniVersion": "0.4.0", "proxy": "http://10.0.0.1/x", "stateDir": "/var/s", "ipam": {"type": "host-local"},
        "prevResult": {"ips": [{"version": "4", "address": "10.0.0.2/24"}]},
    }));
    let config = Config::read(&input).unwrap();
    assert_eq!((config.version, config.ipam.as_ref().map(Token::as_str)), (SpecVersion::V0_4_0, Some("host-local")));
    assert_eq!((&config.state_dir, config.proxy.as_deref()), (&Some("/var/s".into()), Some("http://10.0.0.1/x")));
    assert_eq!(config.previous().unwrap().unwrap().ips[0].address.to_string(), "10.0.0.2/24");
    for ours in [json!({}), json!({"ipam": {}}), json!({"ipam": {"type": ""}}), json!({"ipam": {"type": OUR_IPAM}})] {
        assert_eq!(Config::read(&document(ours)).unwrap().ipam, None);
    }
}

#[test]
fn each_mistake_has_the_code_of_the_specification() {
    for (changes, expected) in [
        (json!({}), None),
        (json!({"cniVersion": "0.2.0"}), Some(1)),
        (json!({"cniVersion": "2.0.0"}), Some(1)),
        (json!({"cniVersion": null}), Some(1)),
        (json!({"cniVersion": 1}), Some(6)),
        (json!({"name": null}), Some(7)),
        (json!({"name": ""}), Some(7)),
        (json!({"name": "a/b"}), Some(7)),
        (json!({"name": ["blue"]}), Some(6)),
        (json!({"ipam": "host-local"}), Some(6)),
        (json!({"ipam": {"type": "../host-local"}}), Some(7)),
    ] {
        assert_eq!(code(changes.clone()), expected, "{changes}");
    }
}

#[test]
fn what_only_an_attachment_needs_does_not_keep_one_from_being_removed() {
    let input = document(json!({
        "mtu": "x", "mode": 1, "master": "a/b", "ipam": {"subnet": "x"}, "AdditionalArgs": 7, "runtimeConfig": [],
        "prevResult": {"ips": 7},
    }));
    let config = Config::read(&input).unwrap();
    assert_eq!(config.previous().unwrap_err().code(), 6);
    assert_eq!(config.wishes().unwrap_err().code(), 6);
}

#[test]
fn garbage_is_not_collected_without_a_list_of_what_is_none() {
    let valid = |changes| Config::read(&document(changes)).unwrap().valid().map_err(|failure| failure.code());
    assert_eq!(valid(json!({})), Err(7));
    assert_eq!(valid(json!({"cni.dev/valid-attachments": [{"containerID": "", "ifname": "eth0"}]})), Err(6));
    for none in [json!([]), json!(null)] {
        assert_eq!(valid(json!({"cni.dev/valid-attachments": none})), Ok(Vec::new()));
    }
    let one = valid(json!({"cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}]})).unwrap();
    assert_eq!((one[0].container.as_str(), one[0].interface.as_str()), ("c1", "eth0"));
}

#[test]
fn the_version_is_found_in_a_configuration_that_is_otherwise_wrong() {
    assert_eq!(version_of(br#"{"cniVersion": "0.4.0", "name": 7}"#), SpecVersion::V0_4_0);
    assert_eq!(version_of(br#"{"cniVersion": "9.9.9"}"#), SpecVersion::NEWEST);
    assert_eq!(version_of(b"}{"), SpecVersion::NEWEST);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        version_of(&bytes);
        if let Err(failure) = Config::read(&bytes) {
            prop_assert!(matches!(failure.code(), 1 | 6 | 7));
        }
    }

    #[test]
    fn any_value_in_any_field_is_read_or_refused(
        key in "cniVersion|name|type|mode|master|proxy|mtu|stateDir|ipMasq|ipam|dns|AdditionalArgs|runtimeConfig|prevResult|overlay|cni.dev/valid-attachments",
        value in prop_oneof![
            Just(json!(null)), any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from), any::<bool>().prop_map(Value::from),
            ".*".prop_map(Value::from), Just(json!([])), Just(json!({})), Just(json!([null])), Just(json!({"type": 1, "ips": {}})),
            Just(json!([{"Name": "EndpointPolicy", "Value": null}])),
        ],
    ) {
        if let Ok(config) = Config::read(&document(json!({key: value}))) {
            config.wishes().ok();
            config.previous().ok();
            config.valid().ok();
        }
    }
}
