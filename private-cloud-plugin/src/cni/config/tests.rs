//! Configurations are read as runtimes write them, and refused with the code that fits.

use super::*;
use proptest::prelude::*;
use serde_json::json;

/// A whole configuration with `changes` in place of what it says.
fn config(changes: Value) -> Result<Config, Failure> {
    let mut document = json!({"cniVersion": "1.1.0", "name": "blue", "type": "private-cloud"});
    if let (Value::Object(document), Value::Object(changes)) = (&mut document, changes) {
        document.extend(changes);
    }
    Config::read(&serde_json::to_vec(&document).unwrap())
}

fn code(changes: Value) -> Option<u32> {
    config(changes).and_then(|config| config.wishes().map(drop)).err().map(|failure| failure.code())
}

#[test]
fn the_least_configuration_leaves_everything_to_us() {
    let config = config(json!({})).unwrap();
    assert_eq!((config.version, config.network.as_str()), (SpecVersion::V1_1_0, "blue"));
    assert_eq!((config.ipam.as_ref(), config.previous()), (None, None));
    let wishes = config.wishes().unwrap();
    assert_eq!((wishes.mode, wishes.uplink, wishes.mtu, wishes.subnet), (Kind::L2Bridge, None, None, None));
    assert!(wishes.routes.is_empty() && wishes.dns.is_none() && wishes.policies.is_empty());
}

#[test]
fn everything_that_can_be_said_is_read() {
    let config = config(json!({
        "cniVersion": "0.4.0", "mode": "l2tunnel", "master": "eth0", "proxy": "http://10.0.0.1/x", "mtu": 1400,
        "stateDir": "/var/s", "ipMasq": false,
        "ipam": {"type": "private-cloud-ipam", "subnet": "192.168.1.0/24", "gateway": "192.168.1.1",
                 "routes": [{"dst": "10.0.0.0/8", "gw": "192.168.1.1"}]},
        "dns": {"nameservers": ["10.0.0.53"], "search": ["a.example"]},
        "AdditionalArgs": [{"Name": "EndpointPolicy", "Value": {"Type": "ACL", "Settings": {"Action": "Block"}}}],
        "args": {"cni": {"labels": []}}, "runtimeConfig": {"portMappings": [{"hostPort": 1}], "ips": [], "mac": ""},
        "capabilities": {"portMappings": true}, "something": "else",
    }));
    let config = config.unwrap();
    assert_eq!((config.version, config.ipam.clone()), (SpecVersion::V0_4_0, None));
    assert_eq!(config.state_dir, Some("/var/s".into()));
    assert_eq!(config.proxy.as_deref(), Some("http://10.0.0.1/x"));
    let wishes = config.wishes().unwrap();
    assert_eq!(wishes.mode, Kind::L2Tunnel);
    assert_eq!(wishes.uplink.as_ref().map(InterfaceName::as_str), Some("eth0"));
    assert_eq!((wishes.mtu, wishes.subnet), (Some(1400), Some("192.168.1.0/24".parse().unwrap())));
    assert_eq!(wishes.gateway, Some("192.168.1.1".parse().unwrap()));
    assert_eq!(wishes.routes, [("10.0.0.0/8".parse().unwrap(), Some("192.168.1.1".parse().unwrap()))]);
    assert_eq!(wishes.dns.unwrap().search, ["a.example"]);
    assert_eq!(wishes.policies[0].settings["Action"], "Block");
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
        (json!({"ipam": {"subnet": "192.168.1.0"}}), Some(7)),
        (json!({"ipam": {"gateway": "192.168.1.256"}}), Some(7)),
        (json!({"ipam": {"routes": [{"dst": "x"}]}}), Some(6)),
        (json!({"ipam": {"routes": [{"dst": "fd00::/8"}]}}), Some(7)),
        (json!({"master": "a/b"}), Some(7)),
        (json!({"mode": "bridge"}), Some(7)),
        (json!({"ipMasq": true}), Some(2)),
        (json!({"ipMasq": true, "mode": "nat"}), None),
        (json!({"mtu": 0}), None),
        (json!({"mtu": 67}), Some(7)),
        (json!({"mtu": 65536}), Some(7)),
        (json!({"mtu": -1}), Some(6)),
        (json!({"runtimeConfig": {"ips": ["192.168.1.7/24"]}}), Some(2)),
        (json!({"runtimeConfig": {"mac": "02:00:00:00:00:01"}}), Some(2)),
        (json!({"runtimeConfig": {"ips": ["192.168.1.7/24"]}, "ipam": {"type": "static"}}), None),
        (json!({"AdditionalArgs": [{"Name": "x", "Value": {}}]}), Some(2)),
        (json!({"AdditionalArgs": [{"Name": "EndpointPolicy", "Value": {"Type": "OutBoundNAT"}}]}), Some(2)),
        (json!({"AdditionalArgs": [{"Name": "EndpointPolicy", "Value": {}}]}), Some(6)),
        (json!({"prevResult": {"ips": [{"address": "x"}]}}), Some(6)),
    ] {
        assert_eq!(code(changes.clone()), expected, "{changes}");
    }
}

#[test]
fn an_unsupported_field_is_named_with_its_value() {
    let config = config(json!({"runtimeConfig": {"ips": ["192.168.1.7/24"]}})).unwrap();
    let text = config.wishes().unwrap_err().to_string();
    assert!(text.contains("runtimeConfig.ips") && text.contains("192.168.1.7/24"), "{text}");
}

#[test]
fn what_only_an_attachment_needs_does_not_keep_one_from_being_removed() {
    let config = config(json!({"mtu": 1, "master": "a/b", "ipam": {"subnet": "x"}})).unwrap();
    assert!(config.wishes().is_err());
}

#[test]
fn garbage_is_not_collected_without_a_list_of_what_is_none() {
    assert_eq!(config(json!({})).unwrap().valid().unwrap_err().code(), 7);
    let none = config(json!({"cni.dev/valid-attachments": []})).unwrap();
    assert!(none.valid().unwrap().is_empty());
    let one = config(json!({"cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}]})).unwrap();
    assert_eq!(one.valid().unwrap()[0].container.as_str(), "c1");
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
        key in "cniVersion|name|type|mode|master|proxy|mtu|stateDir|ipMasq|ipam|dns|AdditionalArgs|runtimeConfig|prevResult",
        value in prop_oneof![
            Just(json!(null)), any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from), any::<bool>().prop_map(Value::from),
            ".*".prop_map(Value::from), Just(json!([])), Just(json!({})), Just(json!([null])), Just(json!({"type": 1, "ips": {}})),
            Just(json!([{"Name": "EndpointPolicy", "Value": null}])),
        ],
    ) {
        if let Ok(config) = config(json!({key: value})) {
            config.wishes().ok();
        }
    }
}
