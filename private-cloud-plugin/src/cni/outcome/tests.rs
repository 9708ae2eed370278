//! Results are read, merged and written as the specification has them.

use super::*;
use proptest::prelude::*;
use serde_json::json;

/// What this plugin makes of one container.
fn ours() -> Outcome {
    Outcome {
        interfaces: vec![
            Interface {
                name: "pc0".to_owned(),
                mac: Some("02:00:00:00:00:02".to_owned()),
                mtu: Some(1500),
                ..Interface::default()
            },
            Interface {
                name: "eth0".to_owned(),
                mac: Some("02:00:00:00:00:01".to_owned()),
                mtu: Some(1500),
                sandbox: Some("/run/netns/blue".to_owned()),
                ..Interface::default()
            },
        ],
        ips: vec![Address {
            interface: Some(1),
            ..Address::new("192.168.1.101/24".parse().unwrap(), Some("192.168.1.1".parse().unwrap()))
        }],
        routes: vec![Route::new("0.0.0.0/0".parse().unwrap(), None)],
        dns: Dns { nameservers: vec!["10.0.0.53".to_owned()], ..Dns::default() },
        ..Outcome::default()
    }
}

fn written(outcome: Outcome, version: SpecVersion) -> Value {
    serde_json::to_value(outcome.in_version(version)).unwrap()
}

#[test]
fn the_newest_version_has_every_field() {
    assert_eq!(
        written(ours(), SpecVersion::V1_1_0),
        json!({
            "cniVersion": "1.1.0",
            "interfaces": [
                {"name": "pc0", "mac": "02:00:00:00:00:02", "mtu": 1500},
                {"name": "eth0", "mac": "02:00:00:00:00:01", "mtu": 1500, "sandbox": "/run/netns/blue"},
            ],
            "ips": [{"address": "192.168.1.101/24", "gateway": "192.168.1.1", "interface": 1}],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dns": {"nameservers": ["10.0.0.53"]},
        })
    );
}

#[test]
fn older_versions_lack_the_mtu_and_the_oldest_say_the_family() {
    for (version, family) in [
        (SpecVersion::V0_3_1, Some("4")),
        (SpecVersion::V0_4_0, Some("4")),
        (SpecVersion::V1_0_0, None),
        (SpecVersion::V1_1_0, None),
    ] {
        let document = written(ours(), version);
        assert_eq!(document["cniVersion"], version.name());
        assert_eq!(document["ips"][0].get("version").and_then(Value::as_str), family, "{version}");
        assert_eq!(document["interfaces"][1].get("mtu").is_some(), version == SpecVersion::V1_1_0, "{version}");
    }
    let mut ipv6 = ours();
    ipv6.ips[0].address = "fd00::2/64".parse().unwrap();
    assert_eq!(written(ipv6, SpecVersion::V0_4_0)["ips"][0]["version"], "6");
}

#[test]
fn a_chained_result_follows_the_one_before_it_and_loses_nothing_of_it() {
    let before = json!({
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "lo", "sandbox": "/n", "socketPath": "/s", "pciID": "1"}],
        "ips": [{"address": "127.0.0.1/8", "interface": 0, "theirs": true}],
        "routes": [{"dst": "127.0.0.0/8", "mtu": 9, "scope": 254}],
        "dns": {"nameservers": ["1.1.1.1"], "domain": "a"},
        "theirs": {"a": [1]},
    });
    let previous: Outcome = serde_json::from_value(before.clone()).unwrap();
    assert_eq!(written(previous.clone(), SpecVersion::V1_1_0), before);

    let document = written(ours().after(Some(previous)), SpecVersion::V1_1_0);
    assert_eq!(document["interfaces"][0], before["interfaces"][0]);
    assert_eq!(document["ips"][0], before["ips"][0]);
    assert_eq!(document["ips"][1]["interface"], 2);
    assert_eq!(document["interfaces"][2]["name"], "eth0");
    assert_eq!(document["routes"][0], before["routes"][0]);
    assert_eq!(document["dns"], before["dns"]);
    assert_eq!(document["theirs"], before["theirs"]);
}

#[test]
fn what_go_writes_for_empty_lists_is_read_as_empty() {
    let nulls = r#"{"interfaces":null,"ips":null,"routes":null,"dns":null}"#;
    assert_eq!(serde_json::from_str::<Outcome>(nulls).unwrap(), Outcome::default());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(json!("10.0.0.1/24")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key = prop_oneof!["interfaces|ips|routes|dns|address|name|version|interface|gateway", ".{0,4}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_read_can_be_merged_written_and_read_again(value in any_json(), version in 0usize..4) {
        if let Ok(outcome) = serde_json::from_value::<Outcome>(value) {
            let merged = ours().after(Some(outcome)).in_version(SpecVersion::ALL[version]);
            let again: Outcome = serde_json::from_slice(&serde_json::to_vec(&merged).unwrap()).unwrap();
            prop_assert_eq!(again, merged);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        serde_json::from_slice::<Outcome>(&bytes).ok();
    }
}
